package types

import (
	"math"
	"strings"
	"time"
)

// dateTimeParser gives the fields of a date or time text their meaning, one after the other. mask has a bit for each token kind that
// has been seen; a second one is an error.
type dateTimeParser struct {
	ctx *Ctx
	dtFields
	c         civil
	mask      uint32
	special   token // tokenEpoch, tokenLate or tokenEarly when the text is one of these
	unit      token // set by a word that says what the next number is; 0 when none waits
	yday      int
	twoDigits bool // the year had at most two digits
	bc        bool
	julian    bool // the date came from a Julian day: the year needs no adjustment
	textMonth bool
	half      int // valAM or valPM, -1 for neither
	zone      *time.Location
	dynZone   *time.Location
	dynAbbrev string
}

func bit(t token) uint32 { return 1 << (t & 31) }

// dateTime reads a date, timestamp or timestamptz. special tells infinity, -infinity and epoch, for which c means nothing.
func (p *dateTimeParser) dateTime(text string) (c *civil, special token, err error) {
	if err := p.split(text); err != nil {
		return nil, 0, err
	}
	p.half = -1
	for i := 0; i < p.n; i++ {
		got, skip, err := p.dateTimeField(i)
		if err != nil {
			return nil, 0, err
		}
		if skip {
			continue
		}
		if got&p.mask != 0 {
			return nil, 0, dtBadFormat
		}
		p.mask |= got
	}
	if err := p.validateDate(); err != nil {
		return nil, 0, err
	}
	if err := p.applyHalf(); err != nil {
		return nil, 0, err
	}
	if p.special != 0 {
		return &p.c, p.special, nil
	}
	if p.mask&maskDate != maskDate {
		return nil, 0, dtBadFormat
	}
	if err := p.resolveZone(&p.c); err != nil {
		return nil, 0, err
	}
	return &p.c, 0, nil
}

// resolveZone turns a named or missing zone into an offset at the local time of at.
func (p *dateTimeParser) resolveZone(at *civil) error {
	if p.zone != nil || p.dynZone != nil || p.mask&bit(tokenTZ) == 0 {
		if p.mask&bit(tokenDSTMod) != 0 {
			return dtBadFormat
		}
	}
	switch {
	case p.dynZone != nil:
		p.c.east = abbrevOffset(p.dynZone, p.dynAbbrev, at.localSeconds(), true)
	case p.zone != nil:
		p.c.east = zoneOffsetLocal(p.zone, at.localSeconds())
	case p.mask&bit(tokenTZ) == 0:
		p.c.east = zoneOffsetLocal(p.ctx.TimeZone, at.localSeconds())
	}
	return nil
}

func (p *dateTimeParser) dateTimeField(i int) (got uint32, skip bool, err error) {
	s := p.text[i]
	switch p.kind[i] {
	case dtDate:
		got, err = p.dateField(s)
	case dtTime:
		if p.unit != 0 {
			if p.unit != tokenTime {
				return 0, false, dtBadFormat
			}
			p.unit = 0
		}
		if got, err = p.clock(s); err == nil && p.c.overflowsDay() {
			err = dtFieldOverflow
		}
	case dtZone:
		p.c.east, err = parseOffset(s)
		got = bit(tokenTZ)
	case dtNumber:
		switch dot := strings.IndexByte(s, '.'); {
		case p.unit != 0:
			got, err = p.labelled(s, false)
		case dot >= 0 && p.mask&maskDate == 0:
			got, err = p.date(s)
		case dot > 2:
			got, err = p.runTogether(s, p.mask)
		case len(s) >= 6 && (p.mask&maskDate == 0 || p.mask&maskTime == 0):
			got, err = p.runTogether(s, p.mask)
		default:
			got, err = p.number(s, p.textMonth, p.mask)
		}
	default:
		return p.word(i, false)
	}
	return got, false, err
}

// dateField reads a field that looks like a date; after a date it may be a zone's name, or hhmmss-zz.
func (p *dateTimeParser) dateField(s string) (uint32, error) {
	switch {
	case p.unit == tokenJulian:
		v, n, over := leadingInt(s, 32)
		if over || v < 0 {
			return 0, dtFieldOverflow
		}
		p.setJulian(v)
		east, err := parseOffset(s[n:])
		if err != nil {
			return 0, err
		}
		p.c.east, p.unit = east, 0
		return maskDate | maskTime | bit(tokenTZ), nil
	case p.unit != 0 || p.mask&(bit(tokenMonth)|bit(tokenDay)) == bit(tokenMonth)|bit(tokenDay):
		if !isDigit(s[0]) && p.unit == 0 {
			loc, _, err := LoadZone(s)
			if err != nil {
				return 0, err
			}
			p.zone = loc
			return bit(tokenTZ), nil
		}
		if p.unit != 0 {
			if p.unit != tokenTime {
				return 0, dtBadFormat
			}
			p.unit = 0
		}
		return p.runTogetherWithZone(s, p.mask)
	}
	return p.date(s)
}

// runTogetherWithZone reads hhmmss-zz.
func (p *dateTimeParser) runTogetherWithZone(s string, mask uint32) (uint32, error) {
	if p.mask&maskTime == maskTime {
		return 0, dtBadFormat
	}
	dash := strings.IndexByte(s, '-')
	if dash < 0 {
		return 0, dtBadFormat
	}
	east, err := parseOffset(s[dash:])
	if err != nil {
		return 0, err
	}
	p.c.east = east
	got, err := p.runTogether(s[:dash], mask)
	return got | bit(tokenTZ), err
}

func (p *dateTimeParser) setJulian(day int64) {
	p.c.year, p.c.mon, p.c.day = daysToCivil(day - epochJDate)
	p.julian = true
}

// labelled reads a number whose meaning the word before it gave.
func (p *dateTimeParser) labelled(s string, timeOnly bool) (got uint32, err error) {
	v, n, over := leadingInt(s, 32)
	if over {
		return 0, dtFieldOverflow
	}
	unit := p.unit
	p.unit, p.special = 0, 0
	rest := s[n:]
	if rest != "" && (rest[0] != '.' || unit != tokenJulian && unit != tokenTime && unit != tokenSecond) {
		return 0, dtBadFormat
	}
	switch unit {
	case tokenYear:
		p.c.year, got = int(v), bit(tokenYear)
	case tokenMonth:
		// After a month and an hour, m is minutes.
		if p.mask&bit(tokenMonth) != 0 && p.mask&bit(tokenHour) != 0 {
			p.c.min, got = int(v), bit(tokenMinute)
		} else {
			p.c.mon, got = int(v), bit(tokenMonth)
		}
	case tokenDay:
		p.c.day, got = int(v), bit(tokenDay)
	case tokenHour:
		p.c.hour, got = int(v), bit(tokenHour)
	case tokenMinute:
		p.c.min, got = int(v), bit(tokenMinute)
	case tokenSecond:
		p.c.sec, got = int(v), bit(tokenSecond)
		if rest != "" {
			p.c.usec, err = fractionMicros(rest)
			got = maskSecs
		}
	case tokenTZUnit:
		p.c.east, err = parseOffset(s)
		got = bit(tokenTZ)
	case tokenJulian:
		if v < 0 {
			return 0, dtFieldOverflow
		}
		p.setJulian(v)
		got = maskDate
		if rest != "" {
			f, err := fraction(rest)
			if err != nil {
				return 0, err
			}
			p.c.setTime(int64(f * float64(usecPerDay)))
			got |= maskTime
		}
	case tokenTime:
		if got, err = p.runTogether(s, p.mask|maskDate); err == nil && got != maskTime {
			err = dtBadFormat
		}
	default:
		return 0, dtBadFormat
	}
	return got, err
}

// word reads a field of letters. skip says that it means nothing.
func (p *dateTimeParser) word(i int, timeOnly bool) (got uint32, skip bool, err error) {
	s := p.text[i]
	loadZoneTables()
	if a, ok := zoneTables.abbrevs[s]; ok {
		if a.Zone != "" {
			loc, _, err := LoadZone(a.Zone)
			if err != nil {
				return 0, false, err
			}
			p.dynZone, p.dynAbbrev = loc, a.Abbrev
			return bit(tokenDynTZ) | bit(tokenTZ), false, nil
		}
		p.c.east = a.Offset
		if a.DST {
			return bit(tokenDTZ) | bit(tokenTZ), false, nil
		}
		return bit(tokenTZ), false, nil
	}
	t := lookupDateToken(s)
	got = bit(t.kind)
	switch t.kind {
	case tokenIgnore:
		return 0, true, nil
	case tokenReserved:
		got, err = p.reserved(token(t.val), timeOnly)
	case tokenMonth:
		if timeOnly {
			return 0, false, dtBadFormat
		}
		// A number before was taken for the month, but must have been the day.
		if p.mask&bit(tokenMonth) != 0 && !p.textMonth && p.mask&bit(tokenDay) == 0 && p.c.mon >= 1 && p.c.mon <= 31 {
			p.c.day = p.c.mon
			got = bit(tokenDay)
		}
		p.textMonth = true
		p.c.mon = t.val
	case tokenDSTMod:
		p.c.east += t.val
		got |= bit(tokenDTZ)
	case tokenAMPM:
		p.half = t.val
	case tokenEra:
		p.bc = t.val == valBC
	case tokenDOW:
		if timeOnly {
			return 0, false, dtBadFormat
		}
	case tokenUnits:
		got = 0
		p.unit = token(t.val)
	case tokenISOTime:
		if !timeOnly && p.mask&maskDate != maskDate {
			return 0, false, dtBadFormat
		}
		if i >= p.n-1 || p.kind[i+1] != dtNumber && p.kind[i+1] != dtTime && p.kind[i+1] != dtDate {
			return 0, false, dtBadFormat
		}
		got = 0
		p.unit = token(t.val)
	default:
		loc, _, zerr := LoadZone(s)
		if zerr != nil || t.kind != tokenUnknown {
			return 0, false, dtBadFormat
		}
		p.zone = loc
		got = bit(tokenTZ)
	}
	return got, false, err
}

func (p *dateTimeParser) reserved(val token, timeOnly bool) (uint32, error) {
	now := func() civil { return civilIn(p.ctx.Now, p.ctx.TimeZone) }
	if timeOnly && val != tokenNow && val != tokenZulu {
		return 0, dtBadFormat
	}
	p.special = 0
	switch val {
	case tokenNow:
		p.c = now()
		if timeOnly {
			return maskTime, nil
		}
		return maskDate | maskTime | bit(tokenTZ), nil
	case tokenToday, tokenTomorrow, tokenYesterday:
		n := now()
		days := civilToDays(n.year, n.mon, n.day)
		switch val {
		case tokenTomorrow:
			days++
		case tokenYesterday:
			days--
		}
		p.c.year, p.c.mon, p.c.day = daysToCivil(days)
		return maskDate, nil
	case tokenZulu:
		p.c.hour, p.c.min, p.c.sec, p.c.east = 0, 0, 0, 0
		return maskTime | bit(tokenTZ), nil
	}
	// These rule out no other field, but what the others say counts for nothing.
	p.special = val
	return bit(tokenReserved), nil
}

// date reads a field such as 1999-01-08, 1/8/1999, 8.1.1999 or jan-08-1999.
func (p *dateTimeParser) date(s string) (uint32, error) {
	var parts [dateTimeFieldsMax]string
	n := 0
	for len(s) > 0 && n < len(parts) {
		i := 0
		for i < len(s) && !isAlnum(s[i]) {
			i++
		}
		if i == len(s) {
			return 0, dtBadFormat
		}
		start := i
		if isDigit(s[i]) {
			i = skipDigits(s, i)
		} else {
			for i < len(s) && isAlpha(s[i]) {
				i++
			}
		}
		parts[n] = s[start:i]
		n++
		if i < len(s) {
			i++
		}
		s = s[i:]
	}
	mask, got := p.mask, uint32(0)
	textMonth := false
	add := func(b uint32) error {
		if mask&b != 0 {
			return dtBadFormat
		}
		mask |= b
		got |= b
		return nil
	}
	for i, f := range parts[:n] {
		if !isAlpha(f[0]) {
			continue
		}
		t := lookupDateToken(f)
		if t.kind == tokenIgnore {
			continue
		}
		if t.kind != tokenMonth {
			return 0, dtBadFormat
		}
		p.c.mon, textMonth = t.val, true
		if err := add(bit(tokenMonth)); err != nil {
			return 0, err
		}
		parts[i] = ""
	}
	for _, f := range parts[:n] {
		if f == "" {
			continue
		}
		b, err := p.number(f, textMonth, mask)
		if err != nil {
			return 0, err
		}
		if err := add(b); err != nil {
			return 0, err
		}
	}
	if mask&^(bit(tokenDOY)|bit(tokenTZ)) != maskDate {
		return 0, dtBadFormat
	}
	return got, nil
}

// number reads one number of a date by what is known so far and DateOrder, or a time that is run together.
func (p *dateTimeParser) number(s string, textMonth bool, mask uint32) (uint32, error) {
	v64, n, over := leadingInt(s, 32)
	if over {
		return 0, dtFieldOverflow
	}
	if n == 0 {
		return 0, dtBadFormat
	}
	v := int(v64)
	if rest := s[n:]; rest != "" {
		if rest[0] != '.' {
			return 0, dtBadFormat
		}
		if n > 2 {
			return p.runTogether(s, mask|maskDate)
		}
		usec, err := fractionMicros(rest)
		if err != nil {
			return 0, err
		}
		p.c.usec = usec
	}
	if len(s) == 3 && mask&maskDate == bit(tokenYear) && v >= 1 && v <= 366 {
		p.yday = v
		return bit(tokenDOY) | bit(tokenMonth) | bit(tokenDay), nil
	}
	got := uint32(0)
	year, month, day := func() { p.c.year, got = v, bit(tokenYear) }, func() { p.c.mon, got = v, bit(tokenMonth) },
		func() { p.c.day, got = v, bit(tokenDay) }
	order := p.ctx.DateOrder
	switch mask & maskDate {
	case 0:
		switch {
		case len(s) >= 3 || order == DateOrderYMD:
			year()
		case order == DateOrderDMY:
			day()
		default:
			month()
		}
	case bit(tokenYear), bit(tokenDay):
		month()
	case bit(tokenMonth):
		if textMonth && (len(s) >= 3 || order == DateOrderYMD) {
			year()
		} else {
			day()
		}
	case bit(tokenYear) | bit(tokenMonth):
		if textMonth && len(s) >= 3 && p.twoDigits {
			// The first number was not the year but the day.
			got = bit(tokenDay)
			p.c.day, p.c.year, p.twoDigits = p.c.year, v, false
		} else {
			day()
		}
	case bit(tokenMonth) | bit(tokenDay):
		year()
	case maskDate:
		return p.runTogether(s, mask)
	default:
		return 0, dtBadFormat
	}
	if got == bit(tokenYear) {
		p.twoDigits = len(s) <= 2
	}
	return got, nil
}

// runTogether reads yymmdd, yyyymmdd, hhmmss or hhmm, with a fraction for times.
func (p *dateTimeParser) runTogether(s string, mask uint32) (uint32, error) {
	if dot := strings.IndexByte(s, '.'); dot >= 0 {
		usec, err := fractionMicros(s[dot:])
		if err != nil {
			return 0, err
		}
		p.c.usec = usec
		s = s[:dot]
	} else if mask&maskDate != maskDate && len(s) >= 6 {
		n := len(s)
		p.c.day, p.c.mon, p.c.year = atoi(s[n-2:]), atoi(s[n-4:n-2]), atoi(s[:n-4])
		if n == 6 {
			p.twoDigits = true
		}
		return maskDate, nil
	}
	if mask&maskTime != maskTime {
		switch len(s) {
		case 6:
			p.c.sec, p.c.min, p.c.hour = atoi(s[4:]), atoi(s[2:4]), atoi(s[:2])
			return maskTime, nil
		case 4:
			p.c.sec, p.c.min, p.c.hour = 0, atoi(s[2:]), atoi(s[:2])
			return maskTime, nil
		}
	}
	return 0, dtBadFormat
}

// clock reads hh:mm[:ss[.f]] into the time fields.
func (p *dateTimeParser) clock(s string) (uint32, error) {
	h, m, sec, usec, err := parseClock(s, 0)
	if err != nil {
		return 0, err
	}
	if h > math.MaxInt32 {
		return 0, dtFieldOverflow
	}
	p.c.hour, p.c.min, p.c.sec, p.c.usec = int(h), m, sec, usec
	return maskTime, nil
}

// parseClock reads hh:mm, hh:mm:ss[.f] or mm:ss.f; rng is an interval's range, in which two fields may be minutes and seconds.
// The hour may be any number.
func parseClock(s string, rng uint32) (h int64, m, sec, usec int, err error) {
	h, n, over := leadingInt(s, 64)
	if over {
		return 0, 0, 0, 0, dtFieldOverflow
	}
	s = s[n:]
	if s == "" || s[0] != ':' {
		return 0, 0, 0, 0, dtBadFormat
	}
	v, n, over := leadingInt(s[1:], 32)
	if over {
		return 0, 0, 0, 0, dtFieldOverflow
	}
	m = int(v)
	s = s[1+n:]
	shift := false // the two fields were minutes and seconds
	switch {
	case s == "":
		shift = rng == intervalMinute|intervalSecond
	case s[0] == '.':
		if usec, err = fractionMicros(s); err != nil {
			return 0, 0, 0, 0, err
		}
		shift = true
	case s[0] == ':':
		v, n, over := leadingInt(s[1:], 32)
		if over {
			return 0, 0, 0, 0, dtFieldOverflow
		}
		sec = int(v)
		if s = s[1+n:]; s != "" {
			if s[0] != '.' {
				return 0, 0, 0, 0, dtBadFormat
			}
			if usec, err = fractionMicros(s); err != nil {
				return 0, 0, 0, 0, err
			}
		}
	default:
		return 0, 0, 0, 0, dtBadFormat
	}
	if shift {
		if h > math.MaxInt32 || h < math.MinInt32 {
			return 0, 0, 0, 0, dtFieldOverflow
		}
		h, m, sec = 0, int(h), m
	}
	if h < 0 || m < 0 || m > 59 || sec < 0 || sec > 60 || usec < 0 || int64(usec) > usecPerSec {
		return 0, 0, 0, 0, dtFieldOverflow
	}
	return h, m, sec, usec, nil
}

// fractionMicros reads ".ddd" as microseconds, rounded.
func fractionMicros(s string) (int, error) {
	f, err := fraction(s)
	if err != nil {
		return 0, err
	}
	return int(math.RoundToEven(f * 1e6)), nil
}

// parseOffset reads +hh, +hhmm, +hh:mm or +hh:mm:ss as seconds east of UTC.
func parseOffset(s string) (int, error) {
	if s == "" || s[0] != '+' && s[0] != '-' {
		return 0, dtBadFormat
	}
	body := s[1:]
	if body != "" && !isDigit(body[0]) {
		return 0, dtBadFormat
	}
	h, n, over := leadingInt(body, 32)
	if over {
		return 0, dtZoneOverflow
	}
	rest := body[n:]
	var m, sec int64
	if strings.HasPrefix(rest, ":") {
		m, n, over = leadingInt(rest[1:], 32)
		rest = rest[1+n:]
		if !over && strings.HasPrefix(rest, ":") {
			sec, n, over = leadingInt(rest[1:], 32)
			rest = rest[1+n:]
		}
		if over {
			return 0, dtZoneOverflow
		}
	} else if rest == "" && len(s) > 3 {
		h, m = h/100, h%100
	}
	if h < 0 || h > 15 || m < 0 || m >= 60 || sec < 0 || sec >= 60 {
		return 0, dtZoneOverflow
	}
	if rest != "" {
		return 0, dtBadFormat
	}
	east := int(h*3600 + m*60 + sec)
	if s[0] == '-' {
		east = -east
	}
	return east, nil
}

// overflowsDay reports whether the time fields are out of range; 24:00:00 is the last that is not.
func (c *civil) overflowsDay() bool {
	return c.hour < 0 || c.hour > 24 || c.min < 0 || c.min > 59 || c.sec < 0 || c.sec > 60 || c.usec < 0 ||
		int64(c.usec) > usecPerSec || c.timeMicros() > usecPerDay
}

// validateDate completes the year and checks the date as far as it is there.
func (p *dateTimeParser) validateDate() error {
	return validateCivil(&p.c, p.mask, p.julian, p.twoDigits, p.bc, p.yday)
}

func validateCivil(c *civil, mask uint32, julian, twoDigits, bc bool, yday int) error {
	if mask&bit(tokenYear) != 0 && !julian {
		switch {
		case bc:
			if c.year <= 0 {
				return dtFieldOverflow
			}
			c.year = 1 - c.year
		case twoDigits:
			if c.year < 0 {
				return dtFieldOverflow
			}
			if c.year < 70 {
				c.year += 2000
			} else if c.year < 100 {
				c.year += 1900
			}
		case c.year <= 0:
			return dtFieldOverflow
		}
	}
	if mask&bit(tokenDOY) != 0 {
		c.year, c.mon, c.day = daysToCivil(civilToDays(c.year, 1, 1) + int64(yday) - 1)
	}
	if mask&bit(tokenMonth) != 0 && (c.mon < 1 || c.mon > 12) {
		return dtMDFieldOverflow
	}
	if mask&bit(tokenDay) != 0 && (c.day < 1 || c.day > 31) {
		return dtMDFieldOverflow
	}
	if mask&maskDate == maskDate && c.day > daysInMonth(c.year, c.mon) {
		return dtFieldOverflow
	}
	return nil
}

// applyHalf applies AM or PM.
func (p *dateTimeParser) applyHalf() error {
	if p.half < 0 {
		return nil
	}
	if p.c.hour > 12 {
		return dtFieldOverflow
	}
	if p.half == valAM && p.c.hour == 12 {
		p.c.hour = 0
	} else if p.half == valPM && p.c.hour != 12 {
		p.c.hour += 12
	}
	return nil
}
