package types

import "math"

var (
	monthNames = [13]string{"", "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
		"November", "December"}
	dayNames = [7]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}
)

const twoDigits = "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899"

func append2(dst []byte, n int) []byte { return append(dst, twoDigits[n*2], twoDigits[n*2+1]) }

// appendPad appends n >= 0 with at least width digits.
func appendPad(dst []byte, n, width int) []byte {
	var buf [20]byte
	i := len(buf)
	for n > 0 || len(buf)-i < width {
		i--
		buf[i] = byte('0' + n%10)
		n /= 10
	}
	return append(dst, buf[i:]...)
}

// appendYear appends a year with at least four digits; years before 1 count from 1 BC.
func appendYear(dst []byte, y int) []byte {
	if y <= 0 {
		y = 1 - y
	}
	if y < 10000 {
		return append2(append2(dst, y/100), y%100)
	}
	return appendPad(dst, y, 4)
}

func appendBC(dst []byte, y int) []byte {
	if y <= 0 {
		return append(dst, " BC"...)
	}
	return dst
}

func appendInfinity(dst []byte, begin bool) []byte {
	if begin {
		return append(dst, "-infinity"...)
	}
	return append(dst, "infinity"...)
}

// appendFraction appends .ffffff without trailing zeros, nothing for 0.
func appendFraction(dst []byte, usec int) []byte {
	if usec == 0 {
		return dst
	}
	dst = append2(append2(append2(append(dst, '.'), usec/10000), usec/100%100), usec%100)
	for dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	return dst
}

// appendClock appends hh:mm:ss and the fraction.
func appendClock(dst []byte, micros int64) []byte {
	secs := int(micros / usecPerSec)
	usec := int(micros - int64(secs)*usecPerSec)
	dst = append(append2(dst, secs/3600), ':')
	dst = append(append2(dst, secs/60%60), ':')
	return appendFraction(append2(dst, secs%60), usec)
}

// appendOffset appends an offset as +hh, +hh:mm or +hh:mm:ss.
func appendOffset(dst []byte, east int) []byte {
	sign := byte('+')
	if east < 0 {
		sign, east = '-', -east
	}
	dst = append2(append(dst, sign), east/3600%100)
	if east%3600 != 0 {
		dst = append2(append(dst, ':'), east/60%60)
		if east%60 != 0 {
			dst = append2(append(dst, ':'), east%60)
		}
	}
	return dst
}

// appendDate appends the year, month and day in a style; BC is the caller's, since it comes last.
func appendDate(dst []byte, ctx *Ctx, y, m, d int) []byte {
	switch ctx.DateStyle {
	case DateStyleSQL, DateStylePostgres, DateStyleGerman:
		sep := byte('-')
		first, second := m, d
		if ctx.DateOrder == DateOrderDMY {
			first, second = d, m
		}
		switch ctx.DateStyle {
		case DateStyleSQL:
			sep = '/'
		case DateStyleGerman:
			sep, first, second = '.', d, m
		}
		dst = append(append2(dst, first), sep)
		dst = append(append2(dst, second), sep)
		return appendYear(dst, y)
	}
	dst = append(appendYear(dst, y), '-')
	dst = append(append2(dst, m), '-')
	return append2(dst, d)
}

// AppendDate appends a date in the session's DateStyle.
func AppendDate(dst []byte, ctx *Ctx, days int64) []byte {
	if !DateIsFinite(days) {
		return appendInfinity(dst, days == DateNoBegin)
	}
	y, m, d := daysToCivil(days)
	return appendBC(appendDate(dst, orDefault(ctx), y, m, d), y)
}

// AppendTimestamp appends a timestamp in the session's DateStyle.
func AppendTimestamp(dst []byte, ctx *Ctx, ts int64) []byte {
	if !TimestampIsFinite(ts) {
		return appendInfinity(dst, ts == TimestampNoBegin)
	}
	ctx = orDefault(ctx)
	if ctx.DateStyle == DateStyleISO {
		days, micros := splitTimestamp(ts)
		y, m, d := daysToCivil(days)
		dst = append(appendYear(dst, y), '-')
		dst = append(append2(dst, m), '-')
		dst = append(append2(dst, d), ' ')
		return appendBC(appendClock(dst, micros), y)
	}
	c := civilOf(ts)
	return appendCivil(dst, ctx, &c)
}

// AppendTimestamptz appends a timestamptz in the session's zone and DateStyle.
func AppendTimestamptz(dst []byte, ctx *Ctx, ts int64) []byte {
	if !TimestampIsFinite(ts) {
		return appendInfinity(dst, ts == TimestampNoBegin)
	}
	ctx = orDefault(ctx)
	c := civilIn(ts, ctx.TimeZone)
	return appendCivil(dst, ctx, &c)
}

func appendCivil(dst []byte, ctx *Ctx, c *civil) []byte {
	if ctx.DateStyle == DateStylePostgres {
		dst = append(dst, dayNames[weekday(civilToDays(c.year, c.mon, c.day))][:3]...)
		dst = append(dst, ' ')
		if ctx.DateOrder == DateOrderDMY {
			dst = append(append2(dst, c.day), ' ')
			dst = append(dst, monthNames[c.mon][:3]...)
		} else {
			dst = append(append(dst, monthNames[c.mon][:3]...), ' ')
			dst = append2(dst, c.day)
		}
		dst = appendClock(append(dst, ' '), c.timeMicros())
		dst = appendYear(append(dst, ' '), c.year)
	} else {
		dst = append(appendDate(dst, ctx, c.year, c.mon, c.day), ' ')
		dst = appendClock(dst, c.timeMicros())
	}
	if c.hasZone {
		if ctx.DateStyle == DateStyleISO {
			dst = appendOffset(dst, c.east)
		} else {
			dst = append(append(dst, ' '), c.abbrev[:min(len(c.abbrev), 10)]...)
		}
	}
	return appendBC(dst, c.year)
}

// AppendTime appends a time.
func AppendTime(dst []byte, t int64) []byte { return appendClock(dst, t) }

// AppendTimeTZ appends a timetz.
func AppendTimeTZ(dst []byte, t TimeTZ) []byte {
	return appendOffset(appendClock(dst, t.Micros), -int(t.West))
}

// AppendJSONTimestamp appends a timestamp as to_json prints it: ISO 8601 with a T whatever the DateStyle.
func AppendJSONTimestamp(dst []byte, ts int64) []byte {
	if !TimestampIsFinite(ts) {
		return appendInfinity(dst, ts == TimestampNoBegin)
	}
	c := civilOf(ts)
	return appendXSD(dst, &c)
}

// AppendJSONTimestamptz is AppendJSONTimestamp for timestamptz, with an offset of hours and minutes.
func AppendJSONTimestamptz(dst []byte, ctx *Ctx, ts int64) []byte {
	if !TimestampIsFinite(ts) {
		return appendInfinity(dst, ts == TimestampNoBegin)
	}
	c := civilIn(ts, orDefault(ctx).TimeZone)
	return appendXSD(dst, &c)
}

// AppendJSONDate appends a date as to_json prints it.
func AppendJSONDate(dst []byte, days int64) []byte {
	if !DateIsFinite(days) {
		return appendInfinity(dst, days == DateNoBegin)
	}
	return AppendDate(dst, nil, days)
}

func appendXSD(dst []byte, c *civil) []byte {
	dst = append(appendDate(dst, DefaultCtx, c.year, c.mon, c.day), 'T')
	dst = appendClock(dst, c.timeMicros())
	if c.hasZone {
		dst = appendXSDOffset(dst, c.east)
	}
	return appendBC(dst, c.year)
}

// appendXSDOffset always has minutes: +hh:mm[:ss].
func appendXSDOffset(dst []byte, east int) []byte {
	n := len(dst)
	dst = appendOffset(dst, east)
	if len(dst)-n == 3 {
		dst = append(dst, ":00"...)
	}
	return dst
}

// roundMicros rounds to prec (0..6) fractional digits, half away from zero.
func roundMicros(v int64, prec int32) int64 {
	if prec < 0 || prec >= 6 {
		return v
	}
	scale := int64(math.Pow10(6 - int(prec)))
	if v >= 0 {
		return (v + scale/2) / scale * scale
	}
	return -((-v + scale/2) / scale * scale)
}
