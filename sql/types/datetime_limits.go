package types

// Limits of the date and time types. The ranges are PostgreSQL's (Table 8.9); the rest keep hostile input cheap.
const (
	// zoneNameMax bounds what LoadZone remembers: longer than any real name, so that POSIX specifications made up by a
	// client cannot fill the memory with one entry of a megabyte each.
	zoneNameMax = 64
	// zoneSearchMax bounds the walk through future transitions for an abbreviation; zones with daylight saving have
	// transitions for ever.
	zoneSearchMax = 200
	// dateTimeTextMax is the longest date or time text that is looked at; PostgreSQL's work buffer has this size.
	dateTimeTextMax = 128 + 25
	// dateTimeFieldsMax is how many fields a date or time text may have.
	dateTimeFieldsMax = 25
)
