package types

import (
	"math"
	"time"

	"kimberlite/sql/pgerr"
)

// Microseconds in the units of time.
const (
	usecPerSec  = int64(1_000_000)
	usecPerMin  = 60 * usecPerSec
	usecPerHour = 60 * usecPerMin
	usecPerDay  = 24 * usecPerHour
)

// The special values of date, timestamp and timestamptz.
const (
	TimestampNoBegin = int64(math.MinInt64) // -infinity
	TimestampNoEnd   = int64(math.MaxInt64) // infinity
	DateNoBegin      = int64(math.MinInt32)
	DateNoEnd        = int64(math.MaxInt32)
)

const (
	epochJDate    = 2451545          // the Julian day of 2000-01-01, where dates and timestamps count from
	unixEpochJD   = 2440588          // the Julian day of 1970-01-01
	epochUnixSecs = int64(946684800) // 2000-01-01 in Unix seconds
	unixEpochDays = unixEpochJD - epochJDate
	// minTimestamp is the midnight of Julian day 0 (4714-11-24 BC); endTimestamp, the first moment of 294277, is out of range.
	minTimestamp = -int64(epochJDate) * usecPerDay
	endTimestamp = int64(9223371331200000000)
	minDate      = -int64(epochJDate)
	endDate      = int64(2147483494) - epochJDate // 5874898-01-01
)

// TimestampIsFinite reports whether a timestamp or timestamptz is neither infinity.
func TimestampIsFinite(ts int64) bool { return ts != TimestampNoBegin && ts != TimestampNoEnd }

// DateIsFinite reports whether a date is neither infinity.
func DateIsFinite(d int64) bool { return d != DateNoBegin && d != DateNoEnd }

func validTimestamp(ts int64) bool { return ts >= minTimestamp && ts < endTimestamp }
func validDate(d int64) bool       { return d >= minDate && d < endDate }

// FromTime returns a Go time as a timestamptz, truncated to microseconds.
func FromTime(t time.Time) int64 {
	return (t.Unix()-epochUnixSecs)*usecPerSec + int64(t.Nanosecond()/1000)
}

// ToTime returns a finite timestamptz as a Go time in UTC.
func ToTime(ts int64) time.Time {
	secs := floorDiv(ts, usecPerSec)
	return time.Unix(secs+epochUnixSecs, (ts-secs*usecPerSec)*1000).UTC()
}

// civil is a broken-down time. Year 0 is 1 BC.
type civil struct {
	year, mon, day int // mon 1..12
	hour, min, sec int
	usec           int
	east           int    // seconds east of UTC, for the types with a zone
	abbrev         string // the zone's abbreviation at that time
	hasZone        bool
}

var monthDays = [2][13]int8{
	{0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31},
	{0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31},
}

func isLeap(y int) bool { return y%4 == 0 && (y%100 != 0 || y%400 == 0) }

func daysInMonth(y, m int) int {
	if isLeap(y) {
		return int(monthDays[1][m])
	}
	return int(monthDays[0][m])
}

// civilToDays returns days since 2000-01-01 in the proleptic Gregorian calendar. Months and days may lie outside their usual
// range as long as the month is in 1..12. (Years are counted from March, so that the leap day comes last; 400 years repeat.)
func civilToDays(y, m, d int) int64 {
	if m <= 2 {
		y--
		m += 12
	}
	era := floorDiv(int64(y), 400)
	yearOfEra := int64(y) - era*400
	dayOfYear := int64(153*(m-3)+2)/5 + int64(d) - 1
	return era*146097 + yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear - 730425
}

// daysToCivil is the inverse of civilToDays.
func daysToCivil(days int64) (y, m, d int) {
	if n := days + 730425; n >= 0 && n < 1<<28 {
		return daysToCivilAD(uint32(n))
	}
	z := days + 730425
	era := floorDiv(z, 146097)
	dayOfEra := z - era*146097
	yearOfEra := (dayOfEra - dayOfEra/1460 + dayOfEra/36524 - dayOfEra/146096) / 365
	dayOfYear := dayOfEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	mp := (5*dayOfYear + 2) / 153
	d = int(dayOfYear - (153*mp+2)/5 + 1)
	m = int(mp) + 3
	y = int(yearOfEra + era*400)
	if m > 12 {
		m -= 12
		y++
	}
	return y, m, d
}

// daysToCivilAD is daysToCivil for days from March 1 of year 0 on, without a 64-bit division: output pays it per value. It is the
// Euclidean affine form of Neri and Schneider (2022).
func daysToCivilAD(n uint32) (y, m, d int) {
	n1 := 4*n + 3
	century := n1 / 146097
	n2 := n1%146097 | 3
	p := 2939745 * uint64(n2)
	dayOfYear := uint32(p) / 2939745 / 4
	n3 := 2141*dayOfYear + 197913
	y = int(100*century + uint32(p>>32))
	m, d = int(n3>>16), int(n3&0xffff/2141)+1
	if dayOfYear >= 306 {
		return y + 1, m - 12, d
	}
	return y, m, d
}

// validCivilDate reports whether a date lies in the range whose Julian day fits (4714-11-01 BC to 5874898-06-01).
func validCivilDate(y, m int) bool {
	return (y > -4713 || y == -4713 && m >= 11) && (y < 5874898 || y == 5874898 && m < 6)
}

// weekday returns 0 (Sunday) .. 6 of days since 2000-01-01, a Saturday.
func weekday(days int64) int {
	w := (days + 6) % 7
	if w < 0 {
		w += 7
	}
	return int(w)
}

// dayOfYear returns 1..366.
func dayOfYear(y, m, d int) int { return int(civilToDays(y, m, d)-civilToDays(y, 1, 1)) + 1 }

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// splitTimestamp returns the day (since 2000-01-01) and the microsecond in it.
func splitTimestamp(ts int64) (days, micros int64) {
	days = ts / usecPerDay
	micros = ts - days*usecPerDay
	if micros < 0 {
		micros += usecPerDay
		days--
	}
	return days, micros
}

func (c *civil) setTime(micros int64) {
	secs := micros / usecPerSec
	c.usec = int(micros - secs*usecPerSec)
	c.hour = int(secs / 3600)
	c.min = int(secs/60) % 60
	c.sec = int(secs % 60)
}

// timeMicros returns the time of day in microseconds.
func (c *civil) timeMicros() int64 {
	return int64(c.hour*3600+c.min*60+c.sec)*usecPerSec + int64(c.usec)
}

// localSeconds returns the local time as Unix seconds as if it were UTC.
func (c *civil) localSeconds() int64 {
	return (civilToDays(c.year, c.mon, c.day)-unixEpochDays)*86400 + int64(c.hour*3600+c.min*60+c.sec)
}

// civilOf breaks a finite timestamp down.
func civilOf(ts int64) (c civil) {
	days, micros := splitTimestamp(ts)
	c.year, c.mon, c.day = daysToCivil(days)
	c.setTime(micros)
	return c
}

// civilIn breaks a finite timestamptz down in a zone.
func civilIn(ts int64, loc *time.Location) (c civil) {
	if loc == nil || loc == time.UTC {
		c = civilOf(ts)
		c.abbrev = "UTC"
	} else {
		unix := floorDiv(ts, usecPerSec) + epochUnixSecs
		s := spanAt(loc, unix)
		// Near the ends of the range the local time may not fit, so days and micros are shifted apart.
		days, micros := splitTimestamp(ts)
		micros += int64(s.east) * usecPerSec
		if micros < 0 {
			micros += usecPerDay
			days--
		} else if micros >= usecPerDay {
			micros -= usecPerDay
			days++
		}
		c.year, c.mon, c.day = daysToCivil(days)
		c.setTime(micros)
		c.east, c.abbrev = int(s.east), s.abbrev
	}
	c.hasZone = true
	return c
}

// timestamp assembles a timestamp from the local fields; ok is false when it is out of range.
func (c *civil) timestamp() (ts int64, ok bool) {
	if !validCivilDate(c.year, c.mon) {
		return 0, false
	}
	return joinTimestamp(civilToDays(c.year, c.mon, c.day), c.timeMicros(), 0)
}

// timestampTZ assembles a timestamptz from local fields and c.east.
func (c *civil) timestampTZ() (ts int64, ok bool) {
	if !validCivilDate(c.year, c.mon) {
		return 0, false
	}
	return joinTimestamp(civilToDays(c.year, c.mon, c.day), c.timeMicros(), c.east)
}

// joinTimestamp computes days * usecPerDay + micros - east seconds.
func joinTimestamp(days, micros int64, east int) (ts int64, ok bool) {
	const most = math.MaxInt64/usecPerDay - 1
	if days > most || days < -most {
		return 0, false
	}
	ts = days*usecPerDay + micros - int64(east)*usecPerSec
	return ts, validTimestamp(ts)
}

// DateToTimestamp converts a date; a finite one beyond the range of timestamps is 22008.
func DateToTimestamp(d int64) (int64, error) {
	switch {
	case d == DateNoBegin:
		return TimestampNoBegin, nil
	case d == DateNoEnd:
		return TimestampNoEnd, nil
	case d >= endTimestamp/usecPerDay:
		return 0, errDateForTimestamp()
	}
	return d * usecPerDay, nil
}

// DateToTimestamptz converts the local midnight of a date.
func DateToTimestamptz(ctx *Ctx, d int64) (int64, error) {
	ts, err := DateToTimestamp(d)
	if err != nil || !TimestampIsFinite(ts) {
		return ts, err
	}
	ts -= int64(zoneOffsetLocal(orDefault(ctx).TimeZone, ts/usecPerSec+epochUnixSecs)) * usecPerSec
	if !validTimestamp(ts) {
		return 0, errDateForTimestamp()
	}
	return ts, nil
}

// TimestampToDate truncates a timestamp to its date.
func TimestampToDate(ts int64) int64 {
	switch ts {
	case TimestampNoBegin:
		return DateNoBegin
	case TimestampNoEnd:
		return DateNoEnd
	}
	return floorDiv(ts, usecPerDay)
}

// TimestamptzToDate returns the local date at an instant.
func TimestamptzToDate(ctx *Ctx, ts int64) int64 {
	if !TimestampIsFinite(ts) {
		return TimestampToDate(ts)
	}
	c := civilIn(ts, orDefault(ctx).TimeZone)
	return civilToDays(c.year, c.mon, c.day)
}

// TimestampToTimestamptz reads a local time in the session's zone.
func TimestampToTimestamptz(ctx *Ctx, ts int64) (int64, error) {
	if !TimestampIsFinite(ts) {
		return ts, nil
	}
	east := zoneOffsetLocal(orDefault(ctx).TimeZone, floorDiv(ts, usecPerSec)+epochUnixSecs)
	if r := ts - int64(east)*usecPerSec; validTimestamp(r) {
		return r, nil
	}
	return 0, errTimestampRange()
}

// TimestamptzToTimestamp returns the local time at an instant.
func TimestamptzToTimestamp(ctx *Ctx, ts int64) (int64, error) {
	if !TimestampIsFinite(ts) {
		return ts, nil
	}
	east := zoneOffsetAt(orDefault(ctx).TimeZone, floorDiv(ts, usecPerSec)+epochUnixSecs)
	if r := ts + int64(east)*usecPerSec; validTimestamp(r) {
		return r, nil
	}
	return 0, errTimestampRange()
}

// TimestampToTime returns the time of day; ok is false (NULL) for the infinities.
func TimestampToTime(ts int64) (t int64, ok bool) {
	if !TimestampIsFinite(ts) {
		return 0, false
	}
	_, micros := splitTimestamp(ts)
	return micros, true
}

// TimestamptzToTime returns the local time of day at an instant; ok is false (NULL) for the infinities.
func TimestamptzToTime(ctx *Ctx, ts int64) (t int64, ok bool) {
	if !TimestampIsFinite(ts) {
		return 0, false
	}
	c := civilIn(ts, orDefault(ctx).TimeZone)
	return c.timeMicros(), true
}

// TimestamptzToTimeTZ returns the local time of day with its offset; ok is false (NULL) for the infinities.
func TimestamptzToTimeTZ(ctx *Ctx, ts int64) (t TimeTZ, ok bool) {
	if !TimestampIsFinite(ts) {
		return TimeTZ{}, false
	}
	c := civilIn(ts, orDefault(ctx).TimeZone)
	return TimeTZ{Micros: c.timeMicros(), West: int32(-c.east)}, true
}

// TimeToTimeTZ gives a time the session zone's offset of today.
func TimeToTimeTZ(ctx *Ctx, t int64) TimeTZ {
	ctx = orDefault(ctx)
	c := civilIn(ctx.Now, ctx.TimeZone)
	c.setTime(t)
	return TimeTZ{Micros: t, West: int32(-zoneOffsetLocal(ctx.TimeZone, c.localSeconds()))}
}

// The range errors are made anew each time: callers may add a position to theirs.
func errTimestampRange() error {
	return pgerr.New(pgerr.DatetimeFieldOverflow, "timestamp out of range")
}

func errDateRange() error {
	return pgerr.New(pgerr.DatetimeFieldOverflow, "date out of range")
}

func errDateForTimestamp() error {
	return pgerr.New(pgerr.DatetimeFieldOverflow, "date out of range for timestamp")
}

func errTimeRange() error {
	return pgerr.New(pgerr.DatetimeFieldOverflow, "time out of range")
}

func errIntervalRange() error {
	return pgerr.New(pgerr.DatetimeFieldOverflow, "interval out of range")
}
