package types

// Limits of json and jsonb.
const (
	// jsonDepthMax keeps hostile nesting from using up the stack; PostgreSQL with its defaults gives up between 9,000
	// and 10,000 levels.
	jsonDepthMax = 9500
	// jsonContextMax is how much of the line an error shows.
	jsonContextMax = 50
	// jsonbStringMax, jsonbCountMax and jsonbSizeMax are PostgreSQL's limits of 28 bits, kept so that data can go back there.
	jsonbStringMax = 1<<28 - 1
	jsonbCountMax  = 1<<28 - 1
	jsonbSizeMax   = 1<<28 - 1
	// jsonbKeepMax is how big a builder's memory may be to be kept for the next value.
	jsonbKeepMax = 64 << 10
)

// jsonPathDepthMax bounds the nesting of a jsonpath, whose parser and evaluator recurse.
const jsonPathDepthMax = 1000
