package types

// The limits of types, all PostgreSQL's own: a dump that loads there has to load here, and a value that is refused there must be
// refused here with the same SQLSTATE. Those of dates and of json are in datetime_limits.go and json_limits.go.
const (
	// nameLenMax is the longest identifier in bytes (NAMEDATALEN - 1); longer ones are cut.
	nameLenMax = 63

	// maxCharLength and maxBitLength bound n in varchar(n), char(n), bit(n), varbit(n): ten million characters or bytes.
	maxCharLength = 10485760
	maxBitLength  = 83886080

	// numericMaxPrecision and the scales bound numeric(p,s) as it can be declared; a value without a modifier goes further.
	numericMaxPrecision = 1000
	numericMinScale     = -1000
	numericMaxScale     = 1000

	// numericDigitsMax is how many digits a numeric has before the point, numericScaleMax how many after it at most: what 16 and 14
	// bits of PostgreSQL's header can say.
	numericDigitsMax = 131072
	numericScaleMax  = 16383

	// numericMinSigDigits is how many significant digits quotients, roots and logarithms have at least, numericMaxDisplayScale how many
	// digits after the point they have at most, and numericMaxResultScale bounds estimates of them.
	numericMinSigDigits    = 16
	numericMaxDisplayScale = 1000
	numericMaxResultScale  = 2000

	// maxTimePrecision is the largest p of time(p) and its kin: microseconds. A larger one is reduced with a warning.
	maxTimePrecision = 6

	// arrayDimsMax (MAXDIM) and arrayItemsMax (MaxArraySize) bound the shape of an array.
	arrayDimsMax  = 6
	arrayItemsMax = 134217727

	// dateMaxDay is the last date, 5874897-12-31, in days since 2000-01-01; a range that ends with it has no canonical form.
	dateMaxDay = 2145031948
)
