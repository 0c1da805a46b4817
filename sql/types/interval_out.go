package types

import (
	"math"
	"strconv"
)

// intervalParts is an interval broken down for printing. All parts may be negative.
type intervalParts struct {
	years, months, days int64
	hours               int64
	mins, secs, usec    int64
}

func (iv Interval) parts() (p intervalParts) {
	p.years, p.months, p.days = int64(iv.Months/12), int64(iv.Months%12), int64(iv.Days)
	t := iv.Micros
	p.hours = t / usecPerHour
	t -= p.hours * usecPerHour
	p.mins = t / usecPerMin
	t -= p.mins * usecPerMin
	p.secs = t / usecPerSec
	p.usec = t - p.secs*usecPerSec
	return p
}

// AppendInterval appends an interval in the session's IntervalStyle.
func AppendInterval(dst []byte, ctx *Ctx, iv Interval) []byte {
	p := iv.parts()
	switch orDefault(ctx).IntervalStyle {
	case IntervalSQLStandard:
		return p.sqlStandard(dst)
	case IntervalISO8601:
		return p.iso8601(dst)
	case IntervalPostgresVerbose:
		return p.verbose(dst)
	}
	return p.postgres(dst)
}

func absInt64(v int64) int64 {
	if v < 0 {
		return -v
	}
	return v
}

// appendSecs appends seconds and their fraction without sign, the seconds with two digits when padded.
func appendSecs(dst []byte, secs, usec int64, padded bool) []byte {
	secs, usec = absInt64(secs), absInt64(usec)
	if padded {
		dst = append2(dst, int(secs))
	} else {
		dst = strconv.AppendInt(dst, secs, 10)
	}
	return appendFraction(dst, int(usec))
}

// appendUintPad is for hours: at least two digits, of a value that may be -MinInt64.
func appendUintPad(dst []byte, v uint64) []byte {
	if v < 10 {
		dst = append(dst, '0')
	}
	return strconv.AppendUint(dst, v, 10)
}

func absUint(v int64) uint64 {
	if v == math.MinInt64 {
		return 1 << 63
	}
	return uint64(absInt64(v))
}

// postgres prints 1 year 2 mons -3 days +04:05:06.
func (p *intervalParts) postgres(dst []byte) []byte {
	zero, before := true, false
	part := func(v int64, unit string) {
		if v == 0 {
			return
		}
		if !zero {
			dst = append(dst, ' ')
		}
		if before && v > 0 {
			dst = append(dst, '+')
		}
		dst = append(append(strconv.AppendInt(dst, v, 10), ' '), unit...)
		if v != 1 {
			dst = append(dst, 's')
		}
		before, zero = v < 0, false
	}
	part(p.years, "year")
	part(p.months, "mon")
	part(p.days, "day")
	if zero || p.hours != 0 || p.mins != 0 || p.secs != 0 || p.usec != 0 {
		if !zero {
			dst = append(dst, ' ')
		}
		if p.hours < 0 || p.mins < 0 || p.secs < 0 || p.usec < 0 {
			dst = append(dst, '-')
		} else if before {
			dst = append(dst, '+')
		}
		dst = append(appendUintPad(dst, absUint(p.hours)), ':')
		dst = append(append2(dst, int(absInt64(p.mins))), ':')
		dst = appendSecs(dst, p.secs, p.usec, true)
	}
	return dst
}

// verbose prints @ 1 year 2 mons 3 days 4 hours 5 mins 6 secs ago.
func (p *intervalParts) verbose(dst []byte) []byte {
	dst = append(dst, '@')
	zero, before := true, false
	part := func(v int64, unit string) {
		if v == 0 {
			return
		}
		// The sign of the first part becomes "ago", and the others are relative to it.
		if zero {
			before = v < 0
			v = absInt64(v)
		} else if before {
			v = -v
		}
		dst = append(append(strconv.AppendInt(append(dst, ' '), v, 10), ' '), unit...)
		if v != 1 {
			dst = append(dst, 's')
		}
		zero = false
	}
	part(p.years, "year")
	part(p.months, "mon")
	part(p.days, "day")
	part(p.hours, "hour")
	part(p.mins, "min")
	if p.secs != 0 || p.usec != 0 {
		dst = append(dst, ' ')
		if p.secs < 0 || p.secs == 0 && p.usec < 0 {
			if zero {
				before = true
			} else if !before {
				dst = append(dst, '-')
			}
		} else if before {
			dst = append(dst, '-')
		}
		dst = append(appendSecs(dst, p.secs, p.usec, false), " sec"...)
		if absInt64(p.secs) != 1 || p.usec != 0 {
			dst = append(dst, 's')
		}
		zero = false
	}
	if zero {
		dst = append(dst, " 0"...)
	}
	if before {
		dst = append(dst, " ago"...)
	}
	return dst
}

// iso8601 prints P1Y2M3DT4H5M6S.
func (p *intervalParts) iso8601(dst []byte) []byte {
	if *p == (intervalParts{}) {
		return append(dst, "PT0S"...)
	}
	part := func(v int64, unit byte) {
		if v != 0 {
			dst = append(strconv.AppendInt(dst, v, 10), unit)
		}
	}
	dst = append(dst, 'P')
	part(p.years, 'Y')
	part(p.months, 'M')
	part(p.days, 'D')
	if p.hours != 0 || p.mins != 0 || p.secs != 0 || p.usec != 0 {
		dst = append(dst, 'T')
	}
	part(p.hours, 'H')
	part(p.mins, 'M')
	if p.secs != 0 || p.usec != 0 {
		if p.secs < 0 || p.usec < 0 {
			dst = append(dst, '-')
		}
		dst = append(appendSecs(dst, p.secs, p.usec, false), 'S')
	}
	return dst
}

// sqlStandard prints 1-2, 3 4:05:06, or +1-2 -3 +4:05:06 where the standard has no form.
func (p *intervalParts) sqlStandard(dst []byte) []byte {
	neg := p.years < 0 || p.months < 0 || p.days < 0 || p.hours < 0 || p.mins < 0 || p.secs < 0 || p.usec < 0
	pos := p.years > 0 || p.months > 0 || p.days > 0 || p.hours > 0 || p.mins > 0 || p.secs > 0 || p.usec > 0
	hasYearMonth := p.years != 0 || p.months != 0
	hasDayTime := p.days != 0 || p.hours != 0 || p.mins != 0 || p.secs != 0 || p.usec != 0
	standard := !(neg && pos) && !(hasYearMonth && hasDayTime)
	q := *p
	if neg && standard {
		dst = append(dst, '-')
		q = intervalParts{-p.years, -p.months, -p.days, -p.hours, -p.mins, -p.secs, -p.usec}
	}
	sign := func(negative bool) {
		if negative {
			dst = append(dst, '-')
		} else {
			dst = append(dst, '+')
		}
	}
	switch {
	case !neg && !pos:
		return append(dst, '0')
	case !standard:
		sign(p.years < 0 || p.months < 0)
		dst = append(strconv.AppendInt(dst, absInt64(p.years), 10), '-')
		dst = append(strconv.AppendInt(dst, absInt64(p.months), 10), ' ')
		sign(p.days < 0)
		dst = append(strconv.AppendInt(dst, absInt64(p.days), 10), ' ')
		sign(p.hours < 0 || p.mins < 0 || p.secs < 0 || p.usec < 0)
		q = intervalParts{hours: p.hours, mins: p.mins, secs: p.secs, usec: p.usec}
	case hasYearMonth:
		dst = append(strconv.AppendInt(dst, q.years, 10), '-')
		return strconv.AppendInt(dst, q.months, 10)
	case q.days != 0:
		dst = append(strconv.AppendInt(dst, q.days, 10), ' ')
	}
	dst = append(strconv.AppendUint(dst, absUint(q.hours), 10), ':')
	dst = append(append2(dst, int(absInt64(q.mins))), ':')
	return appendSecs(dst, q.secs, q.usec, true)
}
