package types

import (
	"math"

	"kimberlite/sql/pgerr"
)

// MakeDate is make_date; a negative year is BC.
func MakeDate(year, month, day int) (int64, error) {
	c, err := makeDate(year, month, day)
	if err != nil {
		return 0, err
	}
	if d := civilToDays(c.year, c.mon, c.day); validDate(d) {
		return d, nil
	}
	return 0, pgerr.Newf(pgerr.DatetimeFieldOverflow, "date out of range: %d-%02d-%02d", c.year, month, day)
}

// makeDate checks a date. Its messages show BC years as they are counted inside, as PostgreSQL's do.
func makeDate(year, month, day int) (c civil, err error) {
	c = civil{year: year, mon: month, day: day}
	bc := year < 0
	if bc {
		c.year = -year
	}
	if validateCivil(&c, maskDate, false, false, bc, 0) != nil {
		return c, pgerr.Newf(pgerr.DatetimeFieldOverflow, "date field value out of range: %d-%02d-%02d", c.year, month, day)
	}
	if !validCivilDate(c.year, c.mon) {
		return c, pgerr.Newf(pgerr.DatetimeFieldOverflow, "date out of range: %d-%02d-%02d", c.year, month, day)
	}
	return c, nil
}

// MakeTime is make_time.
func MakeTime(hour, min int, sec float64) (int64, error) {
	usec := math.RoundToEven(sec * 1e6)
	if hour < 0 || hour > 24 || min < 0 || min > 59 || math.IsNaN(usec) || usec < 0 || usec > 60e6 {
		return 0, timeFieldRange(hour, min, sec)
	}
	t := int64(hour*60+min)*usecPerMin + int64(usec)
	if t > usecPerDay {
		return 0, timeFieldRange(hour, min, sec)
	}
	return t, nil
}

func timeFieldRange(hour, min int, sec float64) error {
	return pgerr.Newf(pgerr.DatetimeFieldOverflow, "time field value out of range: %d:%02d:%s", hour, min, formatG(sec))
}

// formatG prints as C's %02g does.
func formatG(f float64) string {
	s := string(AppendG(nil, f, 6))
	if len(s) < 2 {
		return "0" + s
	}
	return s
}

// MakeTimestamp is make_timestamp.
func MakeTimestamp(year, month, day, hour, min int, sec float64) (int64, error) {
	c, err := makeDate(year, month, day)
	if err != nil {
		return 0, err
	}
	t, err := MakeTime(hour, min, sec)
	if err != nil {
		return 0, err
	}
	ts, ok := joinTimestamp(civilToDays(c.year, c.mon, c.day), t, 0)
	if !ok {
		return 0, pgerr.Newf(pgerr.DatetimeFieldOverflow, "timestamp out of range: %d-%02d-%02d %d:%02d:%s", year, month, day,
			hour, min, formatG(sec))
	}
	return ts, nil
}

// MakeTimestamptz is make_timestamptz in the session's zone.
func MakeTimestamptz(ctx *Ctx, year, month, day, hour, min int, sec float64) (int64, error) {
	ts, err := MakeTimestamp(year, month, day, hour, min, sec)
	if err != nil {
		return 0, err
	}
	return TimestampToTimestamptz(ctx, ts)
}

// MakeTimestamptzZone is make_timestamptz with a zone: a numeric offset (ISO's sign), an abbreviation or a name.
func MakeTimestamptzZone(year, month, day, hour, min int, sec float64, zone string) (int64, error) {
	ts, err := MakeTimestamp(year, month, day, hour, min, sec)
	if err != nil {
		return 0, err
	}
	if zone != "" && isDigit(zone[0]) {
		return 0, pgerr.Newf(pgerr.InvalidParameterValue, "invalid input syntax for type numeric time zone: \"%s\"", zone).
			WithHint("Numeric time zones must have \"-\" or \"+\" as first character.")
	}
	east, err := parseOffset(zone)
	if err == dtZoneOverflow {
		return 0, pgerr.Newf(pgerr.InvalidParameterValue, "numeric time zone \"%s\" out of range", zone)
	}
	if err != nil {
		z, err := lookupZoneRef(zone)
		if err != nil {
			return 0, err
		}
		east = z.atLocal(floorDiv(ts, usecPerSec) + epochUnixSecs)
	}
	return plusMicros(ts, -int64(east)*usecPerSec)
}

// MakeInterval is make_interval.
func MakeInterval(years, months, weeks, days, hours, mins int32, secs float64) (Interval, error) {
	m := int64(years)*12 + int64(months)
	d := int64(weeks)*7 + int64(days)
	usec := math.RoundToEven(secs * 1e6)
	if m != int64(int32(m)) || d != int64(int32(d)) || math.IsNaN(usec) || usec >= math.MaxInt64 || usec < math.MinInt64 {
		return Interval{}, errIntervalRange()
	}
	t, ok := addInt64(int64(hours)*usecPerHour+int64(mins)*usecPerMin, int64(usec))
	if !ok {
		return Interval{}, errIntervalRange()
	}
	return Interval{t, int32(d), int32(m)}, nil
}

// TimestamptzFromUnix is to_timestamp(float8): seconds since 1970.
func TimestamptzFromUnix(secs float64) (int64, error) {
	switch {
	case math.IsNaN(secs):
		return 0, pgerr.New(pgerr.DatetimeFieldOverflow, "timestamp cannot be NaN")
	case math.IsInf(secs, 1):
		return TimestampNoEnd, nil
	case math.IsInf(secs, -1):
		return TimestampNoBegin, nil
	}
	const least, most = float64(minTimestamp/usecPerSec + epochUnixSecs), float64(endTimestamp/usecPerSec + epochUnixSecs)
	if secs < least || secs >= most {
		return 0, unixRange(secs)
	}
	usec := math.RoundToEven((secs - float64(epochUnixSecs)) * 1e6)
	if usec >= math.MaxInt64 || !validTimestamp(int64(usec)) {
		return 0, unixRange(secs)
	}
	return int64(usec), nil
}

func unixRange(secs float64) error {
	return pgerr.Newf(pgerr.DatetimeFieldOverflow, "timestamp out of range: \"%s\"", AppendG(nil, secs, 6))
}
