package types

import (
	"math"
	"time"

	"kimberlite/sql/pgerr"
)

// The types' names in messages about units.
const (
	nameDate        = "date"
	nameTime        = "time without time zone"
	nameTimeTZ      = "time with time zone"
	nameTimestamp   = "timestamp without time zone"
	nameTimestamptz = "timestamp with time zone"
	nameInterval    = "interval"
)

func unitNotSupported(unit, typ string) *pgerr.Error {
	return pgerr.Newf(pgerr.FeatureNotSupported, "unit \"%s\" not supported for type %s", unit, typ)
}

func unitNotRecognized(unit, typ string) error {
	return pgerr.Newf(pgerr.InvalidParameterValue, "unit \"%s\" not recognized for type %s", unit, typ)
}

// lowerUnit folds a unit's name as an identifier is folded.
func lowerUnit(s string) string { return TruncateName(asciiLower(s)) }

// TimestampTrunc is date_trunc(unit, timestamp).
func TimestampTrunc(unit string, ts int64) (int64, error) {
	if !TimestampIsFinite(ts) {
		return ts, nil
	}
	unit = lowerUnit(unit)
	c := civilOf(ts)
	if _, err := c.trunc(unit, nameTimestamp); err != nil {
		return 0, err
	}
	r, ok := c.timestamp()
	if !ok {
		return 0, errTimestampRange()
	}
	return r, nil
}

// TimestamptzTrunc is date_trunc(unit, timestamptz) in the session's zone.
func TimestamptzTrunc(ctx *Ctx, unit string, ts int64) (int64, error) {
	return timestamptzTrunc(unit, ts, orDefault(ctx).TimeZone)
}

// TimestamptzTruncZone is date_trunc(unit, timestamptz, zone).
func TimestamptzTruncZone(unit string, ts int64, zone string) (int64, error) {
	if !TimestampIsFinite(ts) {
		return ts, nil
	}
	loc, err := lookupTruncZone(zone)
	if err != nil {
		return 0, err
	}
	return timestamptzTrunc(unit, ts, loc)
}

func timestamptzTrunc(unit string, ts int64, loc *time.Location) (int64, error) {
	if !TimestampIsFinite(ts) {
		return ts, nil
	}
	c := civilIn(ts, loc)
	wholeDays, err := c.trunc(lowerUnit(unit), nameTimestamptz)
	if err != nil {
		return 0, err
	}
	if wholeDays { // the offset may be another at midnight
		c.east = zoneOffsetLocal(loc, c.localSeconds())
	}
	r, ok := c.timestampTZ()
	if !ok {
		return 0, errTimestampRange()
	}
	return r, nil
}

// trunc clears the fields below the unit and says whether that were days or more.
func (c *civil) trunc(unit, typ string) (wholeDays bool, err error) {
	t := lookupUnitToken(unit)
	if t.kind != tokenUnits {
		return false, unitNotRecognized(unit, typ)
	}
	switch token(t.val) {
	case tokenWeek:
		days := civilToDays(c.year, c.mon, c.day)
		c.year, c.mon, c.day = daysToCivil(days - int64(weekday(days)+6)%7)
	case tokenMillennium:
		if c.year > 0 {
			c.year = (c.year+999)/1000*1000 - 999
		} else {
			c.year = -((999-(c.year-1))/1000)*1000 + 1
		}
		c.mon, c.day = 1, 1
	case tokenCentury:
		if c.year > 0 {
			c.year = (c.year+99)/100*100 - 99
		} else {
			c.year = -((99-(c.year-1))/100)*100 + 1
		}
		c.mon, c.day = 1, 1
	case tokenDecade:
		if c.year > 0 {
			c.year = c.year / 10 * 10
		} else {
			c.year = -((8 - (c.year - 1)) / 10) * 10
		}
		c.mon, c.day = 1, 1
	case tokenYear:
		c.mon, c.day = 1, 1
	case tokenQuarter:
		c.mon, c.day = 3*((c.mon-1)/3)+1, 1
	case tokenMonth:
		c.day = 1
	case tokenDay:
	case tokenHour:
		c.min, c.sec, c.usec = 0, 0, 0
		return false, nil
	case tokenMinute:
		c.sec, c.usec = 0, 0
		return false, nil
	case tokenSecond:
		c.usec = 0
		return false, nil
	case tokenMillisecond:
		c.usec = c.usec / 1000 * 1000
		return false, nil
	case tokenMicrosecond:
		return false, nil
	default:
		return false, unitNotSupported(unit, typ)
	}
	c.hour, c.min, c.sec, c.usec = 0, 0, 0, 0
	return true, nil
}

// Trunc is date_trunc(unit, interval).
func (iv Interval) Trunc(unit string) (Interval, error) {
	unit = lowerUnit(unit)
	t := lookupUnitToken(unit)
	if t.kind != tokenUnits {
		return iv, unitNotRecognized(unit, nameInterval)
	}
	trunc := func(v, unit int32) int32 { return v - v%unit }
	switch token(t.val) {
	case tokenMillennium:
		return Interval{Months: trunc(iv.Months, 12000)}, nil
	case tokenCentury:
		return Interval{Months: trunc(iv.Months, 1200)}, nil
	case tokenDecade:
		return Interval{Months: trunc(iv.Months, 120)}, nil
	case tokenYear:
		return Interval{Months: trunc(iv.Months, 12)}, nil
	case tokenQuarter:
		return Interval{Months: trunc(iv.Months, 3)}, nil
	case tokenMonth:
		return Interval{Months: iv.Months}, nil
	case tokenDay:
		iv.Micros = 0
	case tokenHour:
		iv.Micros -= iv.Micros % usecPerHour
	case tokenMinute:
		iv.Micros -= iv.Micros % usecPerMin
	case tokenSecond:
		iv.Micros -= iv.Micros % usecPerSec
	case tokenMillisecond:
		iv.Micros -= iv.Micros % 1000
	case tokenMicrosecond:
	case tokenWeek:
		return iv, unitNotSupported(unit, nameInterval).WithDetail("Months usually have fractional weeks.")
	default:
		return iv, unitNotSupported(unit, nameInterval)
	}
	return iv, nil
}

// Part is a field of a date or time as extract() and date_part() give it: coef / 10^scale exactly, one of the infinities, or NULL (an
// infinite timestamp has no month). The float form may come from another computation, as in PostgreSQL.
type Part struct {
	coef    int64
	scale   int
	inf     int8 // -1 or 1
	null    bool
	float   float64
	isFloat bool   // float is the float8 form
	numeric string // the numeric form when it is no coef / 10^scale
}

// Numeric returns the result of extract().
func (p Part) Numeric() Datum {
	switch {
	case p.null:
		return NullDatum
	case p.inf > 0:
		return Str(NumericPosInf)
	case p.inf < 0:
		return Str(NumericNegInf)
	case p.numeric != "":
		return Str(p.numeric)
	}
	return Str(MakeNumeric(p.coef, p.scale))
}

// Float returns the result of date_part().
func (p Part) Float() Datum {
	switch {
	case p.null:
		return NullDatum
	case p.inf != 0:
		return Float(math.Inf(int(p.inf)))
	case p.isFloat:
		return Float(p.float)
	}
	return Float(float64(p.coef) / math.Pow10(p.scale))
}

// lookupPart finds the unit of extract(): kind is tokenUnits or tokenReserved, anything else is not recognised.
func lookupPart(unit string) (kind, val token) {
	t := lookupUnitToken(unit)
	if t.kind == tokenUnknown {
		t = lookupDateToken(unit)
	}
	return t.kind, token(t.val)
}

// infinitePart is the field of an infinite date or timestamp: what oscillates is NULL, what grows is infinite.
func infinitePart(unit, typ string, val token, negative bool) (Part, error) {
	switch val {
	case tokenMicrosecond, tokenMillisecond, tokenSecond, tokenMinute, tokenHour, tokenTZUnit, tokenTZHour, tokenTZMinute:
		if typ == nameDate {
			break
		}
		return Part{null: true}, nil
	case tokenDay, tokenMonth, tokenQuarter, tokenWeek, tokenDOW, tokenISODOW, tokenDOY:
		return Part{null: true}, nil
	case tokenYear, tokenDecade, tokenCentury, tokenMillennium, tokenJulian, tokenISOYear, tokenEpoch:
		if negative {
			return Part{inf: -1}, nil
		}
		return Part{inf: 1}, nil
	}
	return Part{}, unitNotSupported(unit, typ)
}

// TimestampPart is extract(unit from timestamp).
func TimestampPart(unit string, ts int64) (Part, error) {
	unit = lowerUnit(unit)
	kind, val := lookupPart(unit)
	if kind != tokenUnits && kind != tokenReserved {
		return Part{}, unitNotRecognized(unit, nameTimestamp)
	}
	if !TimestampIsFinite(ts) {
		return infinitePart(unit, nameTimestamp, val, ts < 0)
	}
	if val == tokenEpoch {
		return epochPart(ts), nil
	}
	c := civilOf(ts)
	p, ok := c.part(val)
	if kind != tokenUnits || !ok {
		return Part{}, unitNotSupported(unit, nameTimestamp)
	}
	return p, nil
}

// TimestamptzPart is extract(unit from timestamptz) in the session's zone.
func TimestamptzPart(ctx *Ctx, unit string, ts int64) (Part, error) {
	unit = lowerUnit(unit)
	kind, val := lookupPart(unit)
	if kind != tokenUnits && kind != tokenReserved {
		return Part{}, unitNotRecognized(unit, nameTimestamptz)
	}
	if !TimestampIsFinite(ts) {
		return infinitePart(unit, nameTimestamptz, val, ts < 0)
	}
	if val == tokenEpoch {
		return epochPart(ts), nil
	}
	c := civilIn(ts, orDefault(ctx).TimeZone)
	p, ok := c.part(val)
	if !ok {
		p, ok = zonePart(val, c.east)
	}
	if kind != tokenUnits || !ok {
		return Part{}, unitNotSupported(unit, nameTimestamptz)
	}
	return p, nil
}

func zonePart(val token, east int) (Part, bool) {
	switch val {
	case tokenTZUnit:
		return intPart(east), true
	case tokenTZMinute:
		return intPart(east / 60 % 60), true
	case tokenTZHour:
		return intPart(east / 3600), true
	}
	return Part{}, false
}

func epochPart(ts int64) Part {
	const epoch = int64(unixEpochDays) * usecPerDay
	if d := ts - epoch; ts < 0 || d > 0 {
		return Part{coef: d, scale: 6, isFloat: true, float: float64(d) / 1e6}
	}
	n, _ := NumericSub(MakeNumeric(ts, 6), MakeNumeric(epoch, 6))
	return Part{numeric: n, isFloat: true, float: (float64(ts) - float64(epoch)) / 1e6}
}

func intPart(v int) Part { return Part{coef: int64(v)} }

// secondsPart is the part of a time below the minute in a unit.
func secondsPart(val token, sec, usec int64) Part {
	all := sec*usecPerSec + usec
	switch val {
	case tokenMicrosecond:
		return Part{coef: all}
	case tokenMillisecond:
		return Part{coef: all, scale: 3, isFloat: true, float: float64(sec)*1000 + float64(usec)/1000}
	}
	return Part{coef: all, scale: 6, isFloat: true, float: float64(sec) + float64(usec)/1e6}
}

// part returns a field of a date and time; ok is false for a unit that is none of it.
func (c *civil) part(val token) (p Part, ok bool) {
	y := c.year
	switch val {
	case tokenMicrosecond, tokenMillisecond, tokenSecond:
		return secondsPart(val, int64(c.sec), int64(c.usec)), true
	case tokenMinute:
		return intPart(c.min), true
	case tokenHour:
		return intPart(c.hour), true
	case tokenDay:
		return intPart(c.day), true
	case tokenMonth:
		return intPart(c.mon), true
	case tokenQuarter:
		return intPart((c.mon-1)/3 + 1), true
	case tokenWeek:
		_, week := isoWeek(civilToDays(y, c.mon, c.day))
		return intPart(week), true
	case tokenYear:
		return intPart(noYearZero(y)), true
	case tokenDecade:
		if y >= 0 {
			return intPart(y / 10), true
		}
		return intPart(-((8 - (y - 1)) / 10)), true
	case tokenCentury:
		if y > 0 {
			return intPart((y + 99) / 100), true
		}
		return intPart(-((99 - (y - 1)) / 100)), true
	case tokenMillennium:
		if y > 0 {
			return intPart((y + 999) / 1000), true
		}
		return intPart(-((999 - (y - 1)) / 1000)), true
	case tokenJulian:
		return c.julianPart(), true
	case tokenISOYear:
		iso, _ := isoWeek(civilToDays(y, c.mon, c.day))
		return intPart(noYearZero(iso)), true
	case tokenDOW:
		return intPart(weekday(civilToDays(y, c.mon, c.day))), true
	case tokenISODOW:
		return intPart(isoWeekday(civilToDays(y, c.mon, c.day))), true
	case tokenDOY:
		return intPart(dayOfYear(y, c.mon, c.day)), true
	}
	return Part{}, false
}

func (c *civil) julianPart() Part {
	day := civilToDays(c.year, c.mon, c.day) + epochJDate
	// The quotient is a numeric division with its scale, as PostgreSQL computes it.
	q, _ := NumericDiv(MakeNumeric(c.timeMicros(), 0), MakeNumeric(usecPerDay, 0))
	n, _ := NumericAdd(MakeNumeric(day, 0), q)
	secs := float64((c.hour*60+c.min)*60+c.sec) + float64(c.usec)/1e6
	return Part{numeric: n, isFloat: true, float: float64(day) + secs/86400}
}

// noYearZero turns the internal year (0 is 1 BC) into the one shown, in which 1 BC is -1.
func noYearZero(y int) int {
	if y > 0 {
		return y
	}
	return y - 1
}

// isoWeekday returns 1 (Monday) .. 7 of days since 2000-01-01.
func isoWeekday(days int64) int { return (weekday(days)+6)%7 + 1 }

// isoWeek returns the ISO 8601 year and week of days since 2000-01-01. The week belongs to the year of its Thursday.
func isoWeek(days int64) (year, week int) {
	thursday := days - int64(isoWeekday(days)) + 4
	year, _, _ = daysToCivil(thursday)
	return year, int(thursday-civilToDays(year, 1, 1))/7 + 1
}

// isoWeekStart returns the Monday (days since 2000-01-01) of an ISO week.
func isoWeekStart(year, week int) int64 {
	jan4 := civilToDays(year, 1, 4)
	return jan4 - int64(isoWeekday(jan4)) + 1 + int64(week-1)*7
}

// DatePart is extract(unit from date).
func DatePart(unit string, d int64) (Part, error) {
	unit = lowerUnit(unit)
	kind, val := lookupPart(unit)
	if kind != tokenUnits && kind != tokenReserved {
		return Part{}, unitNotRecognized(unit, nameDate)
	}
	if !DateIsFinite(d) {
		return infinitePart(unit, nameDate, val, d < 0)
	}
	var c civil
	c.year, c.mon, c.day = daysToCivil(d)
	switch val {
	case tokenMicrosecond, tokenMillisecond, tokenSecond, tokenMinute, tokenHour:
		return Part{}, unitNotSupported(unit, nameDate)
	case tokenJulian:
		return Part{coef: d + epochJDate}, nil
	case tokenEpoch:
		return Part{coef: (d - unixEpochDays) * 86400}, nil
	}
	p, ok := c.part(val)
	if kind != tokenUnits || !ok {
		return Part{}, unitNotSupported(unit, nameDate)
	}
	return p, nil
}

// TimePart is extract(unit from time).
func TimePart(unit string, t int64) (Part, error) {
	return timePart(lowerUnit(unit), TimeTZ{Micros: t}, false)
}

// Part is extract(unit from timetz).
func (t TimeTZ) Part(unit string) (Part, error) {
	return timePart(lowerUnit(unit), t, true)
}

func timePart(unit string, t TimeTZ, zoned bool) (Part, error) {
	typ := nameTime
	if zoned {
		typ = nameTimeTZ
	}
	kind, val := lookupPart(unit)
	switch {
	case kind == tokenReserved && val == tokenEpoch:
		return Part{coef: t.Instant(), scale: 6, isFloat: true, float: float64(t.Micros)/1e6 + float64(t.West)}, nil
	case kind != tokenUnits:
		return Part{}, unitNotRecognized(unit, typ)
	}
	var c civil
	c.setTime(t.Micros)
	switch val {
	case tokenMicrosecond, tokenMillisecond, tokenSecond, tokenMinute, tokenHour:
		p, _ := c.part(val)
		return p, nil
	}
	if zoned {
		if p, ok := zonePart(val, -int(t.West)); ok {
			return p, nil
		}
	}
	return Part{}, unitNotSupported(unit, typ)
}

// Part is extract(unit from interval).
func (iv Interval) Part(unit string) (Part, error) {
	unit = lowerUnit(unit)
	kind, val := lookupPart(unit)
	switch {
	case kind == tokenReserved && val == tokenEpoch:
		return iv.epochPart(), nil
	case kind == tokenReserved:
		return Part{}, unitNotRecognized(unit, nameInterval)
	case kind != tokenUnits:
		return Part{}, unitNotRecognized(unit, nameInterval)
	}
	p := iv.parts()
	switch val {
	case tokenMicrosecond, tokenMillisecond, tokenSecond:
		return secondsPart(val, p.secs, p.usec), nil
	case tokenMinute:
		return Part{coef: p.mins}, nil
	case tokenHour:
		return Part{coef: p.hours}, nil
	case tokenDay:
		return Part{coef: p.days}, nil
	case tokenMonth:
		return Part{coef: p.months}, nil
	case tokenQuarter:
		return Part{coef: p.months/3 + 1}, nil
	case tokenYear:
		return Part{coef: p.years}, nil
	case tokenDecade:
		return Part{coef: p.years / 10}, nil
	case tokenCentury:
		return Part{coef: p.years / 100}, nil
	case tokenMillennium:
		return Part{coef: p.years / 1000}, nil
	}
	return Part{}, unitNotSupported(unit, nameInterval)
}

// epochPart counts a year as 365.25 days and a month as 30.
func (iv Interval) epochPart() Part {
	years, months := int64(iv.Months/12), int64(iv.Months%12)
	secs := (1461*years + 120*months + 4*int64(iv.Days)) * (86400 / 4)
	f := float64(iv.Micros) / 1e6
	f += 365.25 * 86400 * float64(years)
	f += 30 * 86400 * float64(months)
	f += 86400 * float64(iv.Days)
	p := Part{isFloat: true, float: f}
	if scaled, ok := mulInt64(secs, usecPerSec); ok {
		if sum, ok := addInt64(scaled, iv.Micros); ok {
			p.coef, p.scale = sum, 6
			return p
		}
	}
	p.numeric, _ = NumericAdd(MakeNumeric(secs, 0), MakeNumeric(iv.Micros, 6))
	return p
}
