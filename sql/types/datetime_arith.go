package types

import (
	"cmp"
	"math"
	"time"

	"kimberlite/sql/pgerr"
)

// addMonths moves a date by months, clamping the day to the length of the month it arrives in.
func (c *civil) addMonths(months int64) {
	m := int64(c.year)*12 + int64(c.mon-1) + months
	y := floorDiv(m, 12)
	c.year, c.mon = int(y), int(m-y*12)+1
	if last := daysInMonth(c.year, c.mon); c.day > last {
		c.day = last
	}
}

// TimestampPlusInterval adds the months first, then the days, then the time. Infinities stay.
func TimestampPlusInterval(ts int64, iv Interval) (int64, error) {
	if !TimestampIsFinite(ts) {
		return ts, nil
	}
	if iv.Months != 0 {
		c := civilOf(ts)
		c.addMonths(int64(iv.Months))
		var ok bool
		if ts, ok = c.timestamp(); !ok {
			return 0, errTimestampRange()
		}
	}
	if iv.Days != 0 {
		days, micros := splitTimestamp(ts)
		var ok bool
		if ts, ok = joinTimestamp(days+int64(iv.Days), micros, 0); !ok {
			return 0, errTimestampRange()
		}
	}
	return plusMicros(ts, iv.Micros)
}

func plusMicros(ts, micros int64) (int64, error) {
	r, ok := addInt64(ts, micros)
	if !ok || !validTimestamp(r) {
		return 0, errTimestampRange()
	}
	return r, nil
}

// TimestampMinusInterval subtracts an interval.
func TimestampMinusInterval(ts int64, iv Interval) (int64, error) {
	return TimestampPlusInterval(ts, Interval{-iv.Micros, -iv.Days, -iv.Months})
}

// TimestamptzPlusInterval is TimestampPlusInterval in the session's zone: months and days keep the local time of day.
func TimestamptzPlusInterval(ctx *Ctx, ts int64, iv Interval) (int64, error) {
	if !TimestampIsFinite(ts) {
		return ts, nil
	}
	if iv.Months != 0 || iv.Days != 0 {
		loc := orDefault(ctx).TimeZone
		step := func(move func(c *civil)) bool {
			c := civilIn(ts, loc)
			move(&c)
			if !validCivilDate(c.year, c.mon) {
				return false
			}
			c.east = zoneOffsetLocal(loc, c.localSeconds())
			var ok bool
			ts, ok = c.timestampTZ()
			return ok
		}
		if iv.Months != 0 && !step(func(c *civil) { c.addMonths(int64(iv.Months)) }) {
			return 0, errTimestampRange()
		}
		if iv.Days != 0 && !step(func(c *civil) {
			c.year, c.mon, c.day = daysToCivil(civilToDays(c.year, c.mon, c.day) + int64(iv.Days))
		}) {
			return 0, errTimestampRange()
		}
	}
	return plusMicros(ts, iv.Micros)
}

// TimestamptzMinusInterval subtracts an interval in the session's zone.
func TimestamptzMinusInterval(ctx *Ctx, ts int64, iv Interval) (int64, error) {
	return TimestamptzPlusInterval(ctx, ts, Interval{-iv.Micros, -iv.Days, -iv.Months})
}

// TimestampDiff returns a - b in days and time; also for timestamptz.
func TimestampDiff(a, b int64) (Interval, error) {
	if !TimestampIsFinite(a) || !TimestampIsFinite(b) {
		return Interval{}, pgerr.New(pgerr.DatetimeFieldOverflow, "cannot subtract infinite timestamps")
	}
	d := a - b
	if (a < 0) != (b < 0) && (d < 0) != (a < 0) {
		return Interval{}, errIntervalRange()
	}
	return Interval{Micros: d}.JustifyHours()
}

// TimestampAge returns the difference as years, months, days and time, as people count ages.
func TimestampAge(a, b int64) (Interval, error) {
	if !TimestampIsFinite(a) || !TimestampIsFinite(b) {
		return Interval{}, errTimestampRange()
	}
	return civilAge(civilOf(a), civilOf(b), a < b)
}

// TimestamptzAge is TimestampAge on the local times in the session's zone.
func TimestamptzAge(ctx *Ctx, a, b int64) (Interval, error) {
	if !TimestampIsFinite(a) || !TimestampIsFinite(b) {
		return Interval{}, errTimestampRange()
	}
	loc := orDefault(ctx).TimeZone
	return civilAge(civilIn(a, loc), civilIn(b, loc), a < b)
}

// TodayTimestamp returns the midnight that age() with one argument counts from, as a local timestamp.
func TodayTimestamp(ctx *Ctx) int64 { return TimestamptzToDate(ctx, orDefault(ctx).Now) * usecPerDay }

func civilAge(a, b civil, negative bool) (Interval, error) {
	sign := int64(1)
	if negative {
		sign = -1
	}
	micros := sign * (a.timeMicros() - b.timeMicros())
	days := sign * int64(a.day-b.day)
	months := sign * (int64(a.year-b.year)*12 + int64(a.mon-b.mon))
	for micros < 0 {
		micros += usecPerDay
		days--
	}
	// Days are borrowed from the month of the earlier time.
	from := b
	if negative {
		from = a
	}
	for days < 0 {
		days += int64(daysInMonth(from.year, from.mon))
		months--
	}
	if int64(int32(months)) != months {
		return Interval{}, errIntervalRange()
	}
	return Interval{sign * micros, int32(sign * days), int32(sign * months)}, nil
}

// DatePlusDays adds days to a date. Infinities stay.
func DatePlusDays(d, days int64) (int64, error) {
	if !DateIsFinite(d) {
		return d, nil
	}
	if r := d + days; validDate(r) {
		return r, nil
	}
	return 0, errDateRange()
}

// DateDiff returns a - b in days.
func DateDiff(a, b int64) (int64, error) {
	if !DateIsFinite(a) || !DateIsFinite(b) {
		return 0, pgerr.New(pgerr.DatetimeFieldOverflow, "cannot subtract infinite dates")
	}
	return a - b, nil
}

// DatePlusTime makes a timestamp of a date and a time.
func DatePlusTime(d, t int64) (int64, error) {
	ts, err := DateToTimestamp(d)
	if err != nil || !TimestampIsFinite(ts) {
		return ts, err
	}
	return plusMicros(ts, t)
}

// DatePlusTimeTZ makes a timestamptz of a date and a timetz.
func DatePlusTimeTZ(d int64, t TimeTZ) (int64, error) {
	ts, err := DateToTimestamp(d)
	if err != nil || !TimestampIsFinite(ts) {
		return ts, err
	}
	if ts += t.Instant(); !validTimestamp(ts) {
		return 0, errDateForTimestamp()
	}
	return ts, nil
}

// DatePlusInterval adds an interval to the midnight of a date.
func DatePlusInterval(d int64, iv Interval) (int64, error) {
	ts, err := DateToTimestamp(d)
	if err != nil {
		return 0, err
	}
	return TimestampPlusInterval(ts, iv)
}

// DateMinusInterval subtracts an interval from the midnight of a date.
func DateMinusInterval(d int64, iv Interval) (int64, error) {
	return DatePlusInterval(d, Interval{-iv.Micros, -iv.Days, -iv.Months})
}

// wrapDay brings a time back into one day.
func wrapDay(t int64) int64 {
	t %= usecPerDay
	if t < 0 {
		t += usecPerDay
	}
	return t
}

// TimePlusInterval moves a time of day around the clock; months and days don't count.
func TimePlusInterval(t int64, iv Interval) int64 { return wrapDay(t + iv.Micros%usecPerDay) }

// TimeMinusInterval moves a time of day back around the clock.
func TimeMinusInterval(t int64, iv Interval) int64 { return wrapDay(t - iv.Micros%usecPerDay) }

// TimeDiff returns a - b.
func TimeDiff(a, b int64) Interval { return Interval{Micros: a - b} }

// PlusInterval moves the time around the clock and keeps its offset.
func (t TimeTZ) PlusInterval(iv Interval) TimeTZ {
	return TimeTZ{TimePlusInterval(t.Micros, iv), t.West}
}

// MinusInterval moves the time back around the clock and keeps its offset.
func (t TimeTZ) MinusInterval(iv Interval) TimeTZ {
	return TimeTZ{TimeMinusInterval(t.Micros, iv), t.West}
}

// CompareDateTimestamp orders a date (its midnight) and a timestamp.
func CompareDateTimestamp(d, ts int64) int {
	m, err := DateToTimestamp(d)
	if err != nil {
		// A date beyond all timestamps is still before infinity.
		if ts == TimestampNoEnd {
			return -1
		}
		return 1
	}
	return cmp.Compare(m, ts)
}

// CompareDateTimestamptz orders a date (its local midnight) and a timestamptz.
func CompareDateTimestamptz(ctx *Ctx, d, ts int64) int {
	m, err := DateToTimestamp(d)
	if err != nil {
		return CompareDateTimestamp(d, ts)
	}
	return CompareTimestampTimestamptz(ctx, m, ts)
}

// CompareTimestampTimestamptz orders a timestamp, taken as local, and a timestamptz.
func CompareTimestampTimestamptz(ctx *Ctx, ts, tstz int64) int {
	if TimestampIsFinite(ts) {
		ts -= int64(zoneOffsetLocal(orDefault(ctx).TimeZone, floorDiv(ts, usecPerSec)+epochUnixSecs)) * usecPerSec
	}
	return cmp.Compare(ts, tstz)
}

// Overlaps is the OVERLAPS operator on four values of one type. The ends of a period may come in any order, and one of
// them may be NULL.
func Overlaps(compare func(a, b Datum) int, start1, end1, start2, end2 Datum) Datum {
	order := func(s, e Datum) (Datum, Datum) {
		if s.Null || !e.Null && compare(s, e) > 0 {
			return e, s
		}
		return s, e
	}
	start1, end1 = order(start1, end1)
	start2, end2 = order(start2, end2)
	if start1.Null || start2.Null {
		return NullDatum
	}
	c := compare(start1, start2)
	if c > 0 {
		start1, end1, start2, end2 = start2, end2, start1, end1
	}
	// Now period 1 does not start later.
	switch {
	case c == 0 && (end1.Null || end2.Null), c != 0 && end1.Null:
		return NullDatum
	case c == 0 || compare(start2, end1) < 0:
		return Bool(true)
	case end2.Null:
		return NullDatum
	}
	return Bool(false)
}

// DateBin puts a timestamp (or timestamptz) into the bin of the given width that it falls in, counted from origin.
func DateBin(stride Interval, ts, origin int64) (int64, error) {
	if !TimestampIsFinite(ts) {
		return ts, nil
	}
	if !TimestampIsFinite(origin) {
		return 0, pgerr.New(pgerr.DatetimeFieldOverflow, "origin out of range")
	}
	if stride.Months != 0 {
		return 0, pgerr.New(pgerr.FeatureNotSupported, "timestamps cannot be binned into intervals containing months or years")
	}
	days, ok := mulInt64(int64(stride.Days), usecPerDay)
	width, ok2 := addInt64(days, stride.Micros)
	if !ok || !ok2 {
		return 0, errIntervalRange()
	}
	if width <= 0 {
		return 0, pgerr.New(pgerr.DatetimeFieldOverflow, "stride must be greater than zero")
	}
	diff := ts - origin
	if (ts < 0) != (origin < 0) && (diff < 0) != (ts < 0) {
		return 0, errIntervalRange()
	}
	rest := diff % width
	if rest < 0 {
		if diff < math.MinInt64+width {
			return 0, errTimestampRange()
		}
		rest += width
	}
	r, ok := addInt64(origin, diff-rest)
	if !ok || !validTimestamp(r) {
		return 0, errTimestampRange()
	}
	return r, nil
}

// TimestampAtZone reads a timestamp as local time in the named zone (AT TIME ZONE): it gives a timestamptz.
func TimestampAtZone(zone string, ts int64) (int64, error) {
	if !TimestampIsFinite(ts) {
		return ts, nil
	}
	z, err := lookupZoneRef(zone)
	if err != nil {
		return 0, err
	}
	return plusMicros(ts, -int64(z.atLocal(floorDiv(ts, usecPerSec)+epochUnixSecs))*usecPerSec)
}

// TimestamptzAtZone returns the local time in the named zone at an instant (AT TIME ZONE): it gives a timestamp.
func TimestamptzAtZone(zone string, ts int64) (int64, error) {
	if !TimestampIsFinite(ts) {
		return ts, nil
	}
	z, err := lookupZoneRef(zone)
	if err != nil {
		return 0, err
	}
	return plusMicros(ts, int64(z.atInstant(floorDiv(ts, usecPerSec)+epochUnixSecs))*usecPerSec)
}

// zoneInterval returns the offset that an interval used as a zone stands for.
func zoneInterval(zone Interval) (east int, err error) {
	if zone.Months != 0 || zone.Days != 0 {
		return 0, pgerr.Newf(pgerr.InvalidParameterValue, "interval time zone \"%s\" must not include months or days",
			AppendInterval(nil, nil, zone))
	}
	return int(zone.Micros / usecPerSec), nil
}

// TimestampAtOffset is TimestampAtZone with an interval for the zone.
func TimestampAtOffset(zone Interval, ts int64) (int64, error) {
	if !TimestampIsFinite(ts) {
		return ts, nil
	}
	east, err := zoneInterval(zone)
	if err != nil {
		return 0, err
	}
	return plusMicros(ts, -int64(east)*usecPerSec)
}

// TimestamptzAtOffset is TimestamptzAtZone with an interval for the zone.
func TimestamptzAtOffset(zone Interval, ts int64) (int64, error) {
	if !TimestampIsFinite(ts) {
		return ts, nil
	}
	east, err := zoneInterval(zone)
	if err != nil {
		return 0, err
	}
	return plusMicros(ts, int64(east)*usecPerSec)
}

// AtZone moves a timetz to the named zone, with the zone's offset at the start of the transaction.
func (t TimeTZ) AtZone(ctx *Ctx, zone string) (TimeTZ, error) {
	z, err := lookupZoneRef(zone)
	if err != nil {
		return TimeTZ{}, err
	}
	return t.shift(z.atInstant(floorDiv(orDefault(ctx).Now, usecPerSec) + epochUnixSecs)), nil
}

// AtOffset moves a timetz to an offset given as an interval.
func (t TimeTZ) AtOffset(zone Interval) (TimeTZ, error) {
	east, err := zoneInterval(zone)
	if err != nil {
		return TimeTZ{}, err
	}
	return t.shift(east), nil
}

func (t TimeTZ) shift(east int) TimeTZ {
	return TimeTZ{wrapDay(t.Micros + (int64(t.West)+int64(east))%86400*usecPerSec), int32(-east)}
}

// lookupTruncZone finds the zone of date_trunc's third argument. A dynamic abbreviation stands for its whole zone.
func lookupTruncZone(name string) (*time.Location, error) {
	z, err := lookupZoneRef(name)
	if err != nil {
		return nil, err
	}
	if z.loc == nil {
		loc, _ := FixedZone(z.east)
		return loc, nil
	}
	return z.loc, nil
}
