package types

// CanFloorTime reports whether FloorTime can express values of type val in the column type col, so that an index on col serves a comparison with them. A
// timestamp with time zone can't be expressed in a local type: local time runs backwards once a year.
func CanFloorTime(col, val OID) bool {
	switch col {
	case OIDDate:
		return val == OIDTimestamp
	case OIDTimestamp:
		return val == OIDDate
	case OIDTimestamptz:
		return val == OIDDate || val == OIDTimestamp
	}
	return false
}

// FloorTime returns the greatest value of the date/time type col that is not above v, a value of type val, and whether the two are equal. x op v holds for every x of
// type col if and only if the same comparison with the floor does, where < with an inexact floor reads as <= and >= as >. See PostgreSQL's datetime_ops
// operator family.
func FloorTime(ctx *Ctx, col, val OID, v int64) (floor int64, exact bool) {
	var err error
	switch {
	case col == OIDDate:
		floor = TimestampToDate(v)
		return floor, !TimestampIsFinite(v) || floor*usecPerDay == v
	case col == OIDTimestamp:
		floor, err = DateToTimestamp(v)
	case val == OIDDate:
		floor, err = DateToTimestamptz(ctx, v)
	default:
		floor, err = TimestampToTimestamptz(ctx, v)
	}
	if err == nil {
		return floor, true
	}
	if v > 0 {
		return endTimestamp - 1, false
	}
	return TimestampNoBegin, false
}
