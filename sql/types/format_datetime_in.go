package types

import (
	"math"
	"strings"
	"unicode/utf8"

	"kimberlite/sql/pgerr"
)

// fmtInput is what to_timestamp has read; a zero field was not given.
type fmtInput struct {
	mode                                           fmtMode
	hh, mi, ss, ssss, ms, us, ff                   int
	pm, bc                                         int
	clock12                                        bool
	d, dd, ddd, mm, year, yearDigits, ww, w, cc, j int
	tzSign, tzh, tzm                               int
}

// fmtReader reads a text by a template.
type fmtReader struct {
	text  string
	pos   int
	nodes []fmtNode
	fx    bool // exact: no blanks are skipped
	std   bool // as the SQL standard wants it: separators and characters must be those of the template, and all of the text is read
	extra int  // how many characters were skipped beyond what the template asks for
	in    fmtInput
}

// ParseTimestamptz is to_timestamp(text, text) in the session's zone.
func ParseTimestamptz(ctx *Ctx, text, format string) (int64, error) {
	c, in, err := parseByFormat(text, format)
	if err != nil {
		return 0, err
	}
	if in.tzSign == 0 {
		c.east = zoneOffsetLocal(orDefault(ctx).TimeZone, c.localSeconds())
	}
	ts, ok := c.timestampTZ()
	if !ok {
		return 0, errTimestampRange()
	}
	if in.ff != 0 {
		ts = roundMicros(ts, int32(in.ff))
	}
	return ts, nil
}

// ParseDate is to_date(text, text).
func ParseDate(text, format string) (int64, error) {
	c, _, err := parseByFormat(text, format)
	if err != nil {
		return 0, err
	}
	if validCivilDate(c.year, c.mon) {
		if d := civilToDays(c.year, c.mon, c.day); validDate(d) {
			return d, nil
		}
	}
	return 0, pgerr.Newf(pgerr.DatetimeFieldOverflow, "date out of range: \"%s\"", text)
}

func parseByFormat(text, format string) (*civil, *fmtInput, error) {
	return (&fmtReader{text: text, nodes: ParseDateFormat(format).nodes}).parse()
}

func (r *fmtReader) parse() (*civil, *fmtInput, error) {
	if err := r.read(); err != nil {
		return nil, nil, err
	}
	c, err := r.in.civil()
	if err != nil {
		return nil, nil, dateTimeError(err, r.text, "timestamp")
	}
	return c, &r.in, nil
}

func (r *fmtReader) rest() string { return r.text[r.pos:] }

func (r *fmtReader) skipSpaces() (n int) {
	for r.pos < len(r.text) && isSpace(r.text[r.pos]) {
		r.pos++
		n++
	}
	return n
}

func (r *fmtReader) skipChar() {
	_, size := utf8.DecodeRuneInString(r.rest())
	r.pos += size
}

func (r *fmtReader) read() error {
	for i := range r.nodes {
		n := &r.nodes[i]
		if r.pos >= len(r.text) {
			if r.std {
				return errFormat("input string is too short for datetime format")
			}
			return nil
		}
		if !r.fx && !(n.kind == fmtAction && n.field == fieldFX) && (n.kind == fmtAction || i == 0) {
			r.extra += r.skipSpaces()
			if r.pos >= len(r.text) && n.kind != fmtAction {
				continue
			}
		}
		switch {
		case r.std && n.kind != fmtAction:
			if err := r.exactly(n); err != nil {
				return err
			}
			continue
		case n.kind == fmtSpace || n.kind == fmtSeparator:
			if r.fx {
				r.skipChar()
				continue
			}
			// One in the template stands for one or none in the text.
			r.extra--
			if c := r.text[r.pos]; isSpace(c) || isPunct(c) {
				r.pos++
				r.extra++
			}
			continue
		case n.kind == fmtChar:
			if !r.fx && r.extra > 0 {
				r.extra--
			} else {
				r.skipChar()
			}
			continue
		}
		if err := r.setMode(n); err != nil {
			return err
		}
		if err := r.field(i); err != nil {
			return err
		}
		if !r.fx {
			r.extra = r.skipSpaces()
		}
	}
	if r.std {
		if r.skipSpaces(); r.pos < len(r.text) {
			return errFormat("trailing characters remain in input string after datetime format")
		}
	}
	return nil
}

func errFormat(format string, args ...any) error {
	return pgerr.Newf(pgerr.InvalidDatetimeFormat, format, args...)
}

// exactly reads a character that must be the template's.
func (r *fmtReader) exactly(n *fmtNode) error {
	if strings.HasPrefix(r.rest(), n.text) {
		r.pos += len(n.text)
		return nil
	}
	what := "separator"
	if n.kind == fmtChar {
		what = "character"
	}
	return errFormat("unmatched format %s \"%s\"", what, n.text)
}

// checkStandard refuses what the SQL standard doesn't allow between the fields of a template.
func (f *DateFormat) checkStandard() error {
	for _, n := range f.nodes {
		if n.kind != fmtAction && !n.quoted && !strings.Contains("-./,':; ", n.text) {
			return errFormat("invalid datetime format separator: \"%s\"", n.text)
		}
	}
	return nil
}

func (r *fmtReader) setMode(n *fmtNode) error {
	mode := fmtFields[n.field].mode
	if mode == modeAny {
		return nil
	}
	if r.in.mode != modeAny && r.in.mode != mode {
		return pgerr.New(pgerr.InvalidDatetimeFormat, "invalid combination of date conventions").
			WithHint("Do not mix Gregorian and ISO week date conventions in a formatting template.")
	}
	r.in.mode = mode
	return nil
}

func setField(dst *int, v int, n *fmtNode) error {
	if *dst != 0 && *dst != v {
		return pgerr.Newf(pgerr.InvalidDatetimeFormat, "conflicting values for \"%s\" field in formatting string", n.text).
			WithDetail("This value contradicts a previous setting for the same field type.")
	}
	*dst = v
	return nil
}

// nextIsNoDigit reports whether what follows the pattern in the template is no digit, so that a number may have any length.
func (r *fmtReader) nextIsNoDigit(i int) bool {
	if r.nodes[i].suffix&fmtTH != 0 || i+1 >= len(r.nodes) {
		return true
	}
	n := &r.nodes[i+1]
	if n.kind == fmtAction {
		return !fmtFields[n.field].digits
	}
	return !isDigit(n.text[0])
}

// number reads an integer of width characters, or of any number when nothing else makes its end doubtful. It returns how
// many characters were used, blanks before included.
func (r *fmtReader) number(dst *int, width, i int) (used int, err error) {
	n := &r.nodes[i]
	start := r.pos
	r.skipSpaces()
	copied := r.rest()
	if len(copied) > width {
		copied = copied[:width]
	}
	var v int64
	var over bool
	if n.suffix&fmtFM != 0 || r.nextIsNoDigit(i) {
		var k int
		v, k, over = leadingInt(r.rest(), 64)
		r.pos += k
		if k == 0 {
			r.pos = start
		}
	} else {
		const hint = "If your source string is not fixed-width, try using the \"FM\" modifier."
		if len(r.rest()) < width {
			return 0, pgerr.Newf(pgerr.InvalidDatetimeFormat, "source string too short for \"%s\" formatting field", n.text).
				WithDetail("Field requires %d characters, but only %d remain.", width, len(r.rest())).WithHint(hint)
		}
		lead := 0
		for lead < len(copied) && isSpace(copied[lead]) {
			lead++
		}
		var k int
		v, k, over = leadingInt(copied[lead:], 64)
		if k > 0 {
			k += lead
		}
		if k > 0 && k < width {
			return 0, pgerr.Newf(pgerr.InvalidDatetimeFormat, "invalid value \"%s\" for \"%s\"", copied, n.text).
				WithDetail("Field requires %d characters, but only %d could be parsed.", width, k).WithHint(hint)
		}
		r.pos += k
	}
	if r.pos == start {
		return 0, pgerr.Newf(pgerr.InvalidDatetimeFormat, "invalid value \"%s\" for \"%s\"", copied, n.text).
			WithDetail("Value must be an integer.")
	}
	if over || v > math.MaxInt32 || v < math.MinInt32 {
		return 0, pgerr.Newf(pgerr.DatetimeFieldOverflow, "value for \"%s\" in source string is out of range", n.text).
			WithDetail("Value must be in the range %d to %d.", math.MinInt32, math.MaxInt32)
	}
	if dst != nil {
		if err := setField(dst, int(v), n); err != nil {
			return 0, err
		}
	}
	return r.pos - start, nil
}

// oneOf reads one of the names without regard to case.
func (r *fmtReader) oneOf(names []string, n *fmtNode) (int, error) {
	rest := r.rest()
	for i, name := range names {
		if len(rest) >= len(name) && strings.EqualFold(rest[:len(name)], name) {
			r.pos += len(name)
			return i, nil
		}
	}
	word := rest
	for i := range word {
		if isSpace(word[i]) {
			word = word[:i]
			break
		}
	}
	return 0, pgerr.Newf(pgerr.InvalidDatetimeFormat, "invalid value \"%s\" for \"%s\"", word, n.text).
		WithDetail("The given value did not match any of the allowed values for this field.")
}

var (
	halfNames, halfDots = []string{"am", "pm"}, []string{"a.m.", "p.m."}
	eraNames, eraDots   = []string{"ad", "bc"}, []string{"a.d.", "b.c."}
	shortMonths         = func() (s []string) {
		for _, n := range monthNames[1:] {
			s = append(s, n[:3])
		}
		return s
	}()
	shortDays = func() (s []string) {
		for _, n := range dayNames {
			s = append(s, n[:3])
		}
		return s
	}()
)

// name reads one of the names into a field, plus add.
func (r *fmtReader) name(dst *int, names []string, add int, n *fmtNode) error {
	v, err := r.oneOf(names, n)
	if err != nil {
		return err
	}
	return setField(dst, v+add, n)
}

// field reads what pattern i stands for.
func (r *fmtReader) field(i int) (err error) {
	n, in := &r.nodes[i], &r.in
	width := len(n.text)
	used := 0
	switch n.field {
	case fieldFX:
		r.fx = true
		return nil
	case fieldAMDots:
		in.clock12 = true
		return r.name(&in.pm, halfDots, 0, n)
	case fieldAM:
		in.clock12 = true
		return r.name(&in.pm, halfNames, 0, n)
	case fieldADDots:
		return r.name(&in.bc, eraDots, 0, n)
	case fieldAD:
		return r.name(&in.bc, eraNames, 0, n)
	case fieldMonth:
		return r.name(&in.mm, monthNames[1:], 1, n)
	case fieldMon:
		return r.name(&in.mm, shortMonths, 1, n)
	case fieldDay, fieldDy:
		names := dayNames[:]
		if n.field == fieldDy {
			names = shortDays
		}
		if err := r.name(&in.d, names, 0, n); err != nil {
			return err
		}
		in.d++
		return nil
	case fieldRM:
		v, err := r.oneOf(romanMonths[:], n)
		if err != nil {
			return err
		}
		return setField(&in.mm, 12-v, n)
	case fieldTZ, fieldOF:
		return pgerr.Newf(pgerr.FeatureNotSupported, "formatting field \"%s\" is only supported in to_char", n.text)
	case fieldTZH:
		// The minus sign may have been skipped as a separator.
		in.tzSign = 1
		switch c := r.byte(); {
		case c == '+' || c == '-' || c == ' ':
			if c == '-' {
				in.tzSign = -1
			}
			r.pos++
		case r.extra > 0 && r.pos > 0 && r.text[r.pos-1] == '-':
			in.tzSign = -1
		}
		_, err = r.number(&in.tzh, 2, i)
		return err
	case fieldTZM:
		if in.tzSign == 0 {
			in.tzSign = 1
		}
		_, err = r.number(&in.tzm, 2, i)
		return err
	case fieldHH12, fieldHH24:
		in.clock12 = in.clock12 || n.field == fieldHH12
		_, err = r.number(&in.hh, 2, i)
	case fieldMI:
		_, err = r.number(&in.mi, width, i)
	case fieldSS:
		_, err = r.number(&in.ss, width, i)
	case fieldSSSS:
		_, err = r.number(&in.ssss, width, i)
	case fieldMS:
		used, err = r.number(&in.ms, 3, i)
		in.ms *= scaleUp(used, 3)
	case fieldFF1, fieldFF2, fieldFF3, fieldFF4, fieldFF5, fieldFF6:
		in.ff = int(n.field-fieldFF1) + 1
		used, err = r.number(&in.us, in.ff, i)
		in.us *= scaleUp(used, 6)
	case fieldUS:
		used, err = r.number(&in.us, 6, i)
		in.us *= scaleUp(used, 6)
	case fieldMM:
		_, err = r.number(&in.mm, width, i)
	case fieldDDD, fieldIDDD:
		_, err = r.number(&in.ddd, 3, i)
	case fieldDD:
		_, err = r.number(&in.dd, width, i)
	case fieldD:
		_, err = r.number(&in.d, width, i)
	case fieldID:
		_, err = r.number(&in.d, 1, i)
		if in.d++; in.d > 7 {
			in.d = 1
		}
	case fieldWW, fieldIW:
		_, err = r.number(&in.ww, width, i)
	case fieldQ:
		_, err = r.number(nil, width, i)
	case fieldCC:
		_, err = r.number(&in.cc, width, i)
	case fieldYComma:
		err = r.yearWithComma(n)
	case fieldYYYY, fieldIYYY:
		_, err = r.number(&in.year, width, i)
		in.yearDigits = 4
	case fieldYYY, fieldIYY, fieldYY, fieldIY, fieldY, fieldI:
		used, err = r.number(&in.year, width, i)
		if used < 4 {
			in.year = nearestTo2020(in.year)
		}
		in.yearDigits = width
	case fieldW:
		_, err = r.number(&in.w, width, i)
	case fieldJ:
		_, err = r.number(&in.j, width, i)
	}
	if err != nil {
		return err
	}
	if n.suffix&fmtTH != 0 {
		for k := 0; k < 2 && r.pos < len(r.text); k++ {
			r.skipChar()
		}
	}
	return nil
}

// byte returns the next byte, 0 at the end.
func (r *fmtReader) byte() byte {
	if r.pos < len(r.text) {
		return r.text[r.pos]
	}
	return 0
}

// scaleUp returns what used digits of a fraction are to be multiplied with to have digits.
func scaleUp(used, digits int) int {
	if used < 1 || used >= digits {
		return 1
	}
	return int(pow10[digits-used])
}

// yearWithComma reads Y,YYY.
func (r *fmtReader) yearWithComma(n *fmtNode) error {
	s := r.rest()
	thousands, k, over := leadingInt(s, 32)
	bad := pgerr.New(pgerr.InvalidDatetimeFormat, "invalid input string for \"Y,YYY\"")
	if k == 0 || over || k >= len(s) || s[k] != ',' {
		return bad
	}
	digits := s[k+1:]
	if len(digits) > 3 {
		digits = digits[:3]
	}
	years, m, _ := leadingInt(digits, 32)
	if m == 0 {
		return bad
	}
	r.pos += k + 1 + m
	r.in.yearDigits = 4
	return setField(&r.in.year, int(thousands*1000+years), n)
}

// nearestTo2020 completes a year of fewer than four digits.
func nearestTo2020(y int) int {
	switch {
	case y < 70:
		return y + 2000
	case y < 100:
		return y + 1900
	case y < 520:
		return y + 2000
	case y < 1000:
		return y + 1000
	}
	return y
}

// civil puts the fields together; what was not given is 0, or the first day and month.
func (in *fmtInput) civil() (*civil, error) {
	c := &civil{mon: 1, day: 1}
	if x := in.ssss; x != 0 {
		c.hour, c.min, c.sec = x/3600, x%3600/60, x%60
	}
	set := func(dst *int, v int) {
		if v != 0 {
			*dst = v
		}
	}
	set(&c.sec, in.ss)
	set(&c.min, in.mi)
	set(&c.hour, in.hh)
	if in.clock12 {
		if c.hour < 1 || c.hour > 12 {
			return nil, pgerr.Newf(pgerr.InvalidDatetimeFormat, "hour \"%d\" is invalid for the 12-hour clock", c.hour).
				WithHint("Use the 24-hour clock, or give an hour between 1 and 12.")
		}
		if in.pm != 0 && c.hour < 12 {
			c.hour += 12
		} else if in.pm == 0 && c.hour == 12 {
			c.hour = 0
		}
	}
	mask := in.setYear(c)
	if in.j != 0 {
		c.year, c.mon, c.day = daysToCivil(int64(in.j) - epochJDate)
		mask |= maskDate
	}
	if in.ww != 0 {
		if in.mode == modeISOWeek {
			monday := isoWeekStart(c.year, in.ww)
			switch {
			case in.d > 1:
				monday += int64(in.d) - 2
			case in.d == 1:
				monday += 6
			}
			c.year, c.mon, c.day = daysToCivil(monday)
			mask |= maskDate
		} else {
			in.ddd = (in.ww-1)*7 + 1
		}
	}
	if in.w != 0 {
		in.dd = (in.w-1)*7 + 1
	}
	if in.dd != 0 {
		c.day = in.dd
		mask |= bit(tokenDay)
	}
	if in.mm != 0 {
		c.mon = in.mm
		mask |= bit(tokenMonth)
	}
	if in.ddd != 0 && (c.mon <= 1 || c.day <= 1) {
		m, err := in.setDayOfYear(c)
		if err != nil {
			return nil, err
		}
		mask |= m
	}
	c.usec = in.ms*1000 + in.us
	if mask != 0 && validateCivil(c, mask, true, false, false, 0) != nil {
		return nil, dtFieldOverflow
	}
	if c.hour < 0 || c.hour >= 24 || c.min < 0 || c.min >= 60 || c.sec < 0 || c.sec >= 60 || c.usec < 0 || int64(c.usec) >= usecPerSec {
		return nil, dtFieldOverflow
	}
	if in.tzSign != 0 {
		if in.tzh < 0 || in.tzh > 15 || in.tzm < 0 || in.tzm >= 60 {
			return nil, dtZoneOverflow
		}
		c.east = in.tzSign * (in.tzh*3600 + in.tzm*60)
	}
	return c, nil
}

// setYear works the year out of the year, century and era.
func (in *fmtInput) setYear(c *civil) uint32 {
	if in.year == 0 && in.cc == 0 {
		return 0
	}
	cc := in.cc
	if in.bc != 0 {
		cc = -cc
	}
	switch {
	case in.year == 0: // the first year of the century
		if cc >= 0 {
			c.year = (cc-1)*100 + 1
		} else {
			c.year = cc*100 + 1
		}
	case in.cc != 0 && in.yearDigits <= 2:
		c.year = in.year % 100
		switch {
		case c.year == 0 && cc >= 0:
			c.year = cc * 100
		case c.year == 0:
			c.year = cc*100 + 1
		case cc >= 0:
			c.year += (cc - 1) * 100
		default:
			c.year = (cc+1)*100 - c.year + 1
		}
	default:
		c.year = in.year
		if in.bc != 0 {
			c.year = -c.year
		}
		if c.year < 0 {
			c.year++
		}
	}
	return bit(tokenYear)
}

func (in *fmtInput) setDayOfYear(c *civil) (uint32, error) {
	if c.year == 0 && in.bc == 0 {
		return 0, pgerr.New(pgerr.InvalidDatetimeFormat, "cannot calculate day of year without year information")
	}
	if in.mode == modeISOWeek {
		c.year, c.mon, c.day = daysToCivil(isoWeekStart(c.year, 1) - 1 + int64(in.ddd))
		return maskDate, nil
	}
	before, m := 0, 1
	for m <= 12 && in.ddd > before+daysInMonth(c.year, m) {
		before += daysInMonth(c.year, m)
		m++
	}
	if c.mon <= 1 {
		c.mon = m
	}
	if c.day <= 1 {
		c.day = in.ddd - before
	}
	return bit(tokenMonth) | bit(tokenDay), nil
}
