package types

import (
	"math"
	"strconv"
	"strings"
)

// intervalParser collects the parts of an interval text, each checked for overflow.
type intervalParser struct {
	ctx *Ctx
	dtFields
	rng    uint32 // the range of the typmod, intervalFullRange for none
	micros int64
	days   int32
	months int32
	years  int32
}

func intervalIn(ctx *Ctx, t T, s string) (Datum, error) {
	iv, err := parseInterval(orDefault(ctx), s, t.Mod)
	if err != nil {
		return Datum{}, err
	}
	return intervalModify(Str(iv.Pack()), t.Mod, false)
}

// ParseInterval reads the text form of an interval.
func ParseInterval(ctx *Ctx, s string) (Interval, error) { return parseInterval(orDefault(ctx), s, -1) }

func parseInterval(ctx *Ctx, s string, mod int32) (Interval, error) {
	p := intervalParser{ctx: ctx, rng: intervalFullRange}
	if mod >= 0 {
		p.rng = uint32(mod) >> 16 & 0x7fff
	}
	err := p.split(s)
	if err == nil {
		err = p.fields()
	}
	if err == dtBadFormat {
		p = intervalParser{ctx: ctx}
		err = p.iso8601(s)
	}
	if err != nil {
		if err == dtFieldOverflow {
			err = dtIntervalOverflow
		}
		return Interval{}, dateTimeError(err, s, "interval")
	}
	months := int64(p.years)*12 + int64(p.months)
	if months != int64(int32(months)) {
		return Interval{}, errIntervalRange()
	}
	return Interval{p.micros, p.days, int32(months)}, nil
}

// fields reads the interval from right to left, so that a unit is known before its number.
func (p *intervalParser) fields() error {
	negateAll := false
	if p.ctx.IntervalStyle == IntervalSQLStandard && p.n > 0 && p.text[0][0] == '-' {
		// In the SQL standard's form one leading sign is for all fields.
		negateAll = true
		for _, f := range p.text[1:p.n] {
			if f[0] == '-' || f[0] == '+' {
				negateAll = false
			}
		}
	}
	unit := tokenIgnore
	ago := false
	mask := uint32(0)
	for i := p.n - 1; i >= 0; i-- {
		s := p.text[i]
		var got uint32
		switch p.kind[i] {
		case dtTime:
			if err := p.clock(s, negateAll); err != nil {
				return err
			}
			got, unit = maskTime, tokenDay
		case dtZone, dtDate, dtNumber:
			if p.kind[i] == dtZone && strings.IndexByte(s[1:], ':') >= 0 {
				if done, err := p.signedClock(s, negateAll); err != nil {
					return err
				} else if done {
					got, unit = maskTime, tokenDay
					break
				}
			}
			if unit == tokenIgnore {
				unit = p.defaultUnit()
			}
			var err error
			if got, unit, err = p.number(s, unit, negateAll); err != nil {
				return err
			}
		default:
			t := lookupUnitToken(s)
			if t.kind == tokenUnknown {
				t = lookupDateToken(s)
			}
			switch t.kind {
			case tokenIgnore:
				continue
			case tokenUnits:
				unit = token(t.val)
			case tokenAgo:
				ago, unit = true, token(t.val)
			default:
				return dtBadFormat
			}
		}
		if got&mask != 0 {
			return dtBadFormat
		}
		mask |= got
	}
	if mask == 0 {
		return dtBadFormat
	}
	if ago {
		if p.micros == math.MinInt64 || p.days == math.MinInt32 || p.months == math.MinInt32 || p.years == math.MinInt32 {
			return dtFieldOverflow
		}
		p.micros, p.days, p.months, p.years = -p.micros, -p.days, -p.months, -p.years
	}
	return nil
}

// clock reads hh:mm:ss; the hours may be any number.
func (p *intervalParser) clock(s string, negate bool) error {
	h, m, sec, usec, err := parseClock(s, p.rng)
	if err != nil {
		return err
	}
	hours, ok := mulInt64(h, usecPerHour)
	v, ok2 := addInt64(hours, int64(m*60+sec)*usecPerSec+int64(usec))
	if !ok || !ok2 {
		return dtFieldOverflow
	}
	if negate && v > 0 {
		v = -v
	}
	p.micros = v
	return nil
}

// signedClock reads +hh:mm:ss or -hh:mm:ss; done is false when it is none.
func (p *intervalParser) signedClock(s string, negate bool) (done bool, err error) {
	if p.clock(s[1:], false) != nil {
		return false, nil
	}
	if s[0] == '-' {
		p.micros = -p.micros
	}
	if negate && p.micros > 0 {
		p.micros = -p.micros
	}
	return true, nil
}

// defaultUnit is the unit of a number without one, at the right end.
func (p *intervalParser) defaultUnit() token {
	switch p.rng {
	case intervalYear:
		return tokenYear
	case intervalMonth, intervalYear | intervalMonth:
		return tokenMonth
	case intervalDay:
		return tokenDay
	case intervalHour, intervalDay | intervalHour:
		return tokenHour
	case intervalMinute, intervalHour | intervalMinute, intervalDay | intervalHour | intervalMinute:
		return tokenMinute
	}
	return tokenSecond
}

// number adds one number in a unit. y-m, the SQL standard's years and months, makes the unit months.
func (p *intervalParser) number(s string, unit token, negate bool) (got uint32, next token, err error) {
	v, n, over := leadingInt(s, 64)
	if over {
		return 0, 0, dtFieldOverflow
	}
	f := 0.0
	if rest := s[n:]; rest != "" {
		switch rest[0] {
		case '-':
			v2, n2, over := leadingInt(rest[1:], 32)
			if over || v2 < 0 || v2 >= 12 {
				return 0, 0, dtFieldOverflow
			}
			if rest[1+n2:] != "" {
				return 0, 0, dtBadFormat
			}
			if s[0] == '-' {
				v2 = -v2
			}
			months, ok := mulInt64(v, 12)
			v, over = addInt64(months, v2)
			if !ok || !over {
				return 0, 0, dtFieldOverflow
			}
			unit = tokenMonth
		case '.':
			if f, err = fraction(rest); err != nil {
				return 0, 0, err
			}
			if s[0] == '-' {
				f = -f
			}
		default:
			return 0, 0, dtBadFormat
		}
	}
	if negate {
		if v > 0 {
			v = -v
		}
		if f > 0 {
			f = -f
		}
	}
	ok := false
	got = bit(unit)
	switch unit {
	case tokenMicrosecond:
		ok = p.addTime(v, f, 1)
	case tokenMillisecond:
		ok = p.addTime(v, f, 1000)
	case tokenSecond:
		ok = p.addTime(v, f, usecPerSec)
		if f != 0 {
			got = maskSecs
		}
	case tokenMinute:
		ok = p.addTime(v, f, usecPerMin)
	case tokenHour:
		ok = p.addTime(v, f, usecPerHour)
		unit = tokenDay // a number before hours is days
	case tokenDay:
		ok = p.addDays(v, 1) && p.addFractTime(f, usecPerDay)
	case tokenWeek:
		ok = p.addDays(v, 7) && p.addFractDays(f, 7)
	case tokenMonth:
		ok = p.addMonths(v) && p.addFractDays(f, 30)
	case tokenYear:
		ok = p.addYears(v, 1) && p.addFractYears(f, 1)
	case tokenDecade:
		ok = p.addYears(v, 10) && p.addFractYears(f, 10)
	case tokenCentury:
		ok = p.addYears(v, 100) && p.addFractYears(f, 100)
	case tokenMillennium:
		ok = p.addYears(v, 1000) && p.addFractYears(f, 1000)
	default:
		return 0, 0, dtBadFormat
	}
	if !ok {
		return 0, 0, dtFieldOverflow
	}
	return got, unit, nil
}

func (p *intervalParser) addTime(v int64, f float64, scale int64) bool {
	d, ok := mulInt64(v, scale)
	if !ok {
		return false
	}
	if p.micros, ok = addInt64(p.micros, d); !ok {
		return false
	}
	return p.addFractTime(f, scale)
}

// addFractTime adds f * scale microseconds, rounded.
func (p *intervalParser) addFractTime(f float64, scale int64) (ok bool) {
	if f == 0 {
		return true
	}
	f *= float64(scale)
	whole := int64(f)
	f -= float64(whole)
	if f > 0.5 {
		whole++
	} else if f < -0.5 {
		whole--
	}
	p.micros, ok = addInt64(p.micros, whole)
	return ok
}

func (p *intervalParser) addFractDays(f float64, scale int) (ok bool) {
	if f == 0 {
		return true
	}
	f *= float64(scale)
	whole := int32(f)
	if p.days, ok = addInt32(p.days, whole); !ok {
		return false
	}
	return p.addFractTime(f-float64(whole), usecPerDay)
}

func (p *intervalParser) addFractYears(f float64, scale int) (ok bool) {
	p.months, ok = addInt32(p.months, int32(math.RoundToEven(f*float64(scale)*12)))
	return ok
}

func (p *intervalParser) addDays(v int64, scale int64) (ok bool) {
	if v != int64(int32(v)) || v*scale != int64(int32(v*scale)) {
		return false
	}
	p.days, ok = addInt32(p.days, int32(v*scale))
	return ok
}

func (p *intervalParser) addMonths(v int64) (ok bool) {
	if v != int64(int32(v)) {
		return false
	}
	p.months, ok = addInt32(p.months, int32(v))
	return ok
}

func (p *intervalParser) addYears(v, scale int64) (ok bool) {
	if v != int64(int32(v)) || v*scale != int64(int32(v*scale)) {
		return false
	}
	p.years, ok = addInt32(p.years, int32(v*scale))
	return ok
}

// iso8601 reads ISO 8601's formats with designators (P1Y2M3DT4H5M6S) and the alternative ones (P0001-02-03T04:05:06, P00010203T040506).
func (p *intervalParser) iso8601(s string) error {
	if len(s) < 2 || s[0] != 'P' {
		return dtBadFormat
	}
	s = s[1:]
	datePart, haveField := true, false
	// next reads a number; the rest starts with what follows it.
	next := func() (v int64, f float64, err error) {
		n := numberPrefix(s)
		if s == "" || n == 0 || s[0] == '+' {
			return 0, 0, dtBadFormat
		}
		x, err := strconv.ParseFloat(s[:n], 64)
		if err != nil {
			return 0, 0, dtBadFormat
		}
		if x < -1e15 || x > 1e15 {
			return 0, 0, dtFieldOverflow
		}
		s = s[n:]
		v = int64(x)
		return v, x - float64(v), nil
	}
	check := func(oks ...bool) error {
		for _, ok := range oks {
			if !ok {
				return dtFieldOverflow
			}
		}
		return nil
	}
	for s != "" {
		if s[0] == 'T' {
			datePart, haveField = false, false
			s = s[1:]
			continue
		}
		start := s
		v, f, err := next()
		if err != nil {
			return err
		}
		width := integerWidth(start)
		unit := byte(0)
		if s != "" {
			unit = s[0]
			s = s[1:]
		}
		switch {
		case datePart && unit == 'Y':
			err = check(p.addYears(v, 1) && p.addFractYears(f, 1))
		case datePart && unit == 'M':
			err = check(p.addMonths(v) && p.addFractDays(f, 30))
		case datePart && unit == 'W':
			err = check(p.addDays(v, 7) && p.addFractDays(f, 7))
		case datePart && unit == 'D':
			err = check(p.addDays(v, 1) && p.addFractTime(f, usecPerDay))
		case datePart && (unit == 'T' || unit == 0) && width == 8 && !haveField:
			err = check(p.addYears(v/10000, 1) && p.addMonths(v/100%100) && p.addDays(v%100, 1) && p.addFractTime(f, usecPerDay))
			if err != nil || unit == 0 {
				return err
			}
			datePart, haveField = false, false
			continue
		case datePart && (unit == 'T' || unit == 0 || unit == '-'):
			if haveField {
				return dtBadFormat
			}
			if !p.addYears(v, 1) || !p.addFractYears(f, 1) {
				return dtFieldOverflow
			}
			if unit == 0 {
				return nil
			}
			if unit == '-' {
				if v, f, err = next(); err != nil {
					return err
				}
				if !p.addMonths(v) || !p.addFractDays(f, 30) {
					return dtFieldOverflow
				}
				if s == "" {
					return nil
				}
				if s[0] == '-' {
					s = s[1:]
					if v, f, err = next(); err != nil {
						return err
					}
					if !p.addDays(v, 1) || !p.addFractTime(f, usecPerDay) {
						return dtFieldOverflow
					}
					if s == "" {
						return nil
					}
				}
				if s[0] != 'T' {
					return dtBadFormat
				}
				s = s[1:]
			}
			datePart, haveField = false, false
			continue
		case !datePart && unit == 'H':
			err = check(p.addTime(v, f, usecPerHour))
		case !datePart && unit == 'M':
			err = check(p.addTime(v, f, usecPerMin))
		case !datePart && unit == 'S':
			err = check(p.addTime(v, f, usecPerSec))
		case !datePart && unit == 0 && width == 6 && !haveField:
			return check(p.addTime(v/10000, 0, usecPerHour) && p.addTime(v/100%100, 0, usecPerMin) &&
				p.addTime(v%100, 0, usecPerSec) && p.addFractTime(f, usecPerSec))
		case !datePart && (unit == 0 || unit == ':'):
			if haveField {
				return dtBadFormat
			}
			if !p.addTime(v, f, usecPerHour) {
				return dtFieldOverflow
			}
			if unit == 0 {
				return nil
			}
			for _, scale := range [2]int64{usecPerMin, usecPerSec} {
				if v, f, err = next(); err != nil {
					return err
				}
				if !p.addTime(v, f, scale) {
					return dtFieldOverflow
				}
				if s == "" {
					return nil
				}
				if s[0] != ':' || scale == usecPerSec {
					return dtBadFormat
				}
				s = s[1:]
			}
		default:
			return dtBadFormat
		}
		if err != nil {
			return err
		}
		haveField = true
	}
	return nil
}

// numberPrefix returns the length of the decimal number at the start of s: sign, digits, point, digits, exponent.
func numberPrefix(s string) int {
	i := 0
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		i++
	}
	start := i
	i = skipDigits(s, i)
	digits := i - start
	if i < len(s) && s[i] == '.' {
		end := skipDigits(s, i+1)
		digits += end - i - 1
		i = end
	}
	if digits == 0 {
		return 0
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		j := i + 1
		if j < len(s) && (s[j] == '-' || s[j] == '+') {
			j++
		}
		if end := skipDigits(s, j); end > j {
			i = end
		}
	}
	return i
}

// integerWidth counts the digits before a number's point; an exponent does not change it.
func integerWidth(s string) int {
	if s != "" && s[0] == '-' {
		s = s[1:]
	}
	return skipDigits(s, 0)
}
