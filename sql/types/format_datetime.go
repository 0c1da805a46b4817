package types

import (
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"kimberlite/sql/pgerr"
)

// fmtNode is a piece of a template: a pattern, or a character that stands for itself.
type fmtNode struct {
	kind   fmtKind
	text   string // the character, or the pattern as it was written
	field  fmtField
	suffix fmtSuffix
	quoted bool // the character stood in double quotes
}

type fmtKind uint8

const (
	fmtAction fmtKind = iota // a pattern
	fmtChar
	fmtSeparator // punctuation
	fmtSpace
)

type fmtSuffix uint8

const (
	fmtFM      fmtSuffix = 1 << iota // no padding
	fmtTM                            // localised names
	fmtTHUpper                       // an ordinal's ending, TH or th
	fmtTHLower
	fmtSP // spelled, which PostgreSQL ignores, too
	fmtTH = fmtTHUpper | fmtTHLower
)

// fmtField is what a date pattern shows.
type fmtField uint8

const (
	fieldAMDots fmtField = iota
	fieldAM
	fieldADDots
	fieldAD
	fieldCC
	fieldDay // the name
	fieldDDD
	fieldDD
	fieldDy
	fieldD
	fieldFF1
	fieldFF2
	fieldFF3
	fieldFF4
	fieldFF5
	fieldFF6
	fieldFX
	fieldHH24
	fieldHH12
	fieldIDDD
	fieldID
	fieldIW
	fieldIYYY
	fieldIYY
	fieldIY
	fieldI
	fieldJ
	fieldMI
	fieldMM
	fieldMonth // the name
	fieldMon
	fieldMS
	fieldOF
	fieldQ
	fieldRM
	fieldSSSS
	fieldSS
	fieldTZH
	fieldTZM
	fieldTZ
	fieldUS
	fieldWW
	fieldW
	fieldYComma
	fieldYYYY
	fieldYYY
	fieldYY
	fieldY
)

// fmtMode says which calendar a pattern belongs to; a template for input must not mix them.
type fmtMode uint8

const (
	modeAny fmtMode = iota
	modeGregorian
	modeISOWeek
)

type fmtInfo struct {
	digits bool // the input of the pattern is a number
	mode   fmtMode
}

var fmtFields = func() (info [fieldY + 1]fmtInfo) {
	for _, f := range []fmtField{fieldCC, fieldDDD, fieldDD, fieldD, fieldFF1, fieldFF2, fieldFF3, fieldFF4, fieldFF5, fieldFF6, fieldHH24,
		fieldHH12, fieldIDDD, fieldID, fieldIW, fieldIYYY, fieldIYY, fieldIY, fieldI, fieldJ, fieldMI, fieldMM, fieldMS, fieldQ, fieldSSSS,
		fieldSS, fieldTZM, fieldUS, fieldWW, fieldW, fieldYComma, fieldYYYY, fieldYYY, fieldYY, fieldY} {
		info[f].digits = true
	}
	for _, f := range []fmtField{fieldDDD, fieldDD, fieldD, fieldMM, fieldMonth, fieldMon, fieldRM, fieldWW, fieldW, fieldYComma, fieldYYYY, fieldYYY,
		fieldYY, fieldY} {
		info[f].mode = modeGregorian
	}
	for _, f := range []fmtField{fieldIDDD, fieldID, fieldIW, fieldIYYY, fieldIYY, fieldIY, fieldI} {
		info[f].mode = modeISOWeek
	}
	return info
}()

type fmtPattern struct {
	text  string
	field fmtField
}

// datePatterns are the patterns by their first byte, longest first where one starts another. Case counts: it becomes that of names.
var datePatterns = func() (byFirst [128][]fmtPattern) {
	list := []fmtPattern{{"A.D.", fieldADDots}, {"A.M.", fieldAMDots}, {"AD", fieldAD}, {"AM", fieldAM}, {"B.C.", fieldADDots}, {"BC", fieldAD},
		{"CC", fieldCC}, {"DAY", fieldDay}, {"DDD", fieldDDD}, {"DD", fieldDD}, {"DY", fieldDy}, {"D", fieldD}, {"FF1", fieldFF1},
		{"FF2", fieldFF2}, {"FF3", fieldFF3}, {"FF4", fieldFF4}, {"FF5", fieldFF5}, {"FF6", fieldFF6}, {"FX", fieldFX}, {"HH24", fieldHH24},
		{"HH12", fieldHH12}, {"HH", fieldHH12}, {"IDDD", fieldIDDD}, {"ID", fieldID}, {"IW", fieldIW}, {"IYYY", fieldIYYY}, {"IYY", fieldIYY},
		{"IY", fieldIY}, {"I", fieldI}, {"J", fieldJ}, {"MI", fieldMI}, {"MM", fieldMM}, {"MONTH", fieldMonth}, {"MON", fieldMon}, {"MS", fieldMS},
		{"OF", fieldOF}, {"P.M.", fieldAMDots}, {"PM", fieldAM}, {"Q", fieldQ}, {"RM", fieldRM}, {"SSSSS", fieldSSSS}, {"SSSS", fieldSSSS},
		{"SS", fieldSS}, {"TZH", fieldTZH}, {"TZM", fieldTZM}, {"TZ", fieldTZ}, {"US", fieldUS}, {"WW", fieldWW}, {"W", fieldW},
		{"Y,YYY", fieldYComma}, {"YYYY", fieldYYYY}, {"YYY", fieldYYY}, {"YY", fieldYY}, {"Y", fieldY}}
	for _, p := range list {
		byFirst[p.text[0]] = append(byFirst[p.text[0]], p)
		lower := fmtPattern{strings.ToLower(p.text), p.field}
		byFirst[lower.text[0]] = append(byFirst[lower.text[0]], lower)
	}
	byFirst['D'] = append([]fmtPattern{{"Day", fieldDay}, {"Dy", fieldDy}}, byFirst['D']...)
	byFirst['M'] = append([]fmtPattern{{"Month", fieldMonth}, {"Mon", fieldMon}}, byFirst['M']...)
	return byFirst
}()

// DateFormat is a template of to_char, to_timestamp and to_date, cut into patterns. It is immutable.
type DateFormat struct{ nodes []fmtNode }

// dateFormats remembers the templates in use.
var dateFormats struct {
	sync.RWMutex
	m map[string]*DateFormat
}

// ParseDateFormat cuts a template into patterns; recent ones are remembered.
func ParseDateFormat(s string) *DateFormat {
	dateFormats.RLock()
	f := dateFormats.m[s]
	dateFormats.RUnlock()
	if f != nil {
		return f
	}
	f = &DateFormat{parseTemplate(s, datePattern, true)}
	if len(s) <= formatCacheText {
		dateFormats.Lock()
		if dateFormats.m == nil || len(dateFormats.m) >= formatCacheMax {
			dateFormats.m = make(map[string]*DateFormat)
		}
		dateFormats.m[s] = f
		dateFormats.Unlock()
	}
	return f
}

// datePattern finds a pattern with its prefix and suffix at the start of s. n is the length of all; only a prefix may be there (ok is false).
func datePattern(s string) (node fmtNode, n int, ok bool) {
	switch {
	case strings.HasPrefix(s, "FM"), strings.HasPrefix(s, "fm"):
		node.suffix, n = fmtFM, 2
	case strings.HasPrefix(s, "TM"), strings.HasPrefix(s, "tm"):
		node.suffix, n = fmtTM, 2
	}
	if n == len(s) || s[n] >= 128 {
		return node, n, false
	}
	for _, p := range datePatterns[s[n]] {
		if !strings.HasPrefix(s[n:], p.text) {
			continue
		}
		node.kind, node.text, node.field = fmtAction, p.text, p.field
		n += len(p.text)
		switch rest := s[n:]; {
		case strings.HasPrefix(rest, "TH"):
			node.suffix |= fmtTHUpper
			n += 2
		case strings.HasPrefix(rest, "th"):
			node.suffix |= fmtTHLower
			n += 2
		case strings.HasPrefix(rest, "SP"):
			node.suffix |= fmtSP
			n += 2
		}
		return node, n, true
	}
	return node, n, false
}

// parseTemplate cuts a template into what pattern finds and other characters. In double quotes everything is literal.
func parseTemplate(s string, pattern func(string) (fmtNode, int, bool), separators bool) (nodes []fmtNode) {
	char := func(kind fmtKind) {
		_, size := utf8.DecodeRuneInString(s)
		nodes = append(nodes, fmtNode{kind: kind, text: s[:size]})
		s = s[size:]
	}
	for s != "" {
		node, n, ok := pattern(s)
		s = s[n:]
		if ok {
			nodes = append(nodes, node)
			continue
		}
		if s == "" {
			break
		}
		if s[0] == '"' {
			for s = s[1:]; s != ""; {
				if s[0] == '"' {
					s = s[1:]
					break
				}
				if s[0] == '\\' && len(s) > 1 {
					s = s[1:]
				}
				char(fmtChar)
				nodes[len(nodes)-1].quoted = true
			}
			continue
		}
		if strings.HasPrefix(s, `\"`) {
			s = s[1:]
		}
		switch {
		case separators && isPunct(s[0]):
			char(fmtSeparator)
		case isSpace(s[0]):
			char(fmtSpace)
		default:
			char(fmtChar)
		}
	}
	return nodes
}

// fmtTime is a time as to_char sees it.
type fmtTime struct {
	civil
	hours      int64 // of an interval there may be any number
	wday, yday int
	interval   bool
}

// FormatTimestamp is to_char(timestamp, text); ok is false (NULL) for an empty template and for the infinities.
func FormatTimestamp(ts int64, format string) (s string, ok bool, err error) {
	if format == "" || !TimestampIsFinite(ts) {
		return "", false, nil
	}
	return formatCivil(civilOf(ts), format)
}

// FormatTimestamptz is to_char(timestamptz, text) in the session's zone.
func FormatTimestamptz(ctx *Ctx, ts int64, format string) (s string, ok bool, err error) {
	if format == "" || !TimestampIsFinite(ts) {
		return "", false, nil
	}
	return formatCivil(civilIn(ts, orDefault(ctx).TimeZone), format)
}

func formatCivil(c civil, format string) (string, bool, error) {
	days := civilToDays(c.year, c.mon, c.day)
	t := fmtTime{civil: c, hours: int64(c.hour), wday: weekday(days), yday: dayOfYear(c.year, c.mon, c.day)}
	s, err := ParseDateFormat(format).format(&t)
	return s, true, err
}

// FormatInterval is to_char(interval, text).
func FormatInterval(iv Interval, format string) (s string, ok bool, err error) {
	if format == "" {
		return "", false, nil
	}
	p := iv.parts()
	t := fmtTime{hours: p.hours, interval: true}
	t.year, t.mon, t.day = int(p.years), int(p.months), int(p.days)
	t.min, t.sec, t.usec = int(p.mins), int(p.secs), int(p.usec)
	t.yday = (t.year*12+t.mon)*30 + t.day
	s, err = ParseDateFormat(format).format(&t)
	return s, true, err
}

// nameCase gives a name the case in which its pattern is written: MONTH, Month or month.
func nameCase(name, pattern string) string {
	switch {
	case pattern[0]-'a' < 26:
		return asciiLower(name)
	case len(pattern) > 1 && pattern[1]-'A' < 26:
		return strings.ToUpper(name)
	}
	return name
}

var romanMonths = [12]string{"XII", "XI", "X", "IX", "VIII", "VII", "VI", "V", "IV", "III", "II", "I"}

func (f *DateFormat) format(t *fmtTime) (string, error) {
	var buf [64]byte
	dst := buf[:0]
	for i := range f.nodes {
		n := &f.nodes[i]
		if n.kind != fmtAction {
			dst = append(dst, n.text...)
			continue
		}
		start := len(dst)
		var err error
		if dst, err = t.appendField(dst, n); err != nil {
			return "", err
		}
		if n.suffix&fmtTH != 0 && fmtFields[n.field].digits && n.field != fieldTZM && len(dst) > start {
			dst = append(dst, ordinal(dst[start:], n.suffix&fmtTHUpper != 0)...)
		}
	}
	return string(dst), nil
}

// ordinal returns the ending of a number's ordinal: st, nd, rd or th.
func ordinal(num []byte, upper bool) string {
	end := "th"
	if len(num) < 2 || num[len(num)-2] != '1' {
		switch num[len(num)-1] {
		case '1':
			end = "st"
		case '2':
			end = "nd"
		case '3':
			end = "rd"
		}
	}
	if upper {
		return strings.ToUpper(end)
	}
	return end
}

// appendNum appends a number padded with zeros to width, which counts a minus sign.
func appendNum(dst []byte, v int64, width int) []byte {
	var b [24]byte
	s := strconv.AppendInt(b[:0], v, 10)
	if s[0] == '-' {
		dst, s = append(dst, '-'), s[1:]
		width--
	}
	for n := len(s); n < width; n++ {
		dst = append(dst, '0')
	}
	return append(dst, s...)
}

// appendField appends what a pattern shows, without its ordinal ending.
func (t *fmtTime) appendField(dst []byte, n *fmtNode) ([]byte, error) {
	fm := n.suffix&fmtFM != 0
	// num pads with zeros to width digits, one more with a sign.
	num := func(v int64, width int) []byte {
		switch {
		case fm:
			width = 0
		case v < 0:
			width++
		}
		return appendNum(dst, v, width)
	}
	// name pads with blanks on the right.
	name := func(s string, width int) []byte {
		dst = append(dst, s...)
		for k := len(s); !fm && k < width; k++ {
			dst = append(dst, ' ')
		}
		return dst
	}
	switch n.field {
	case fieldTZ, fieldTZH, fieldTZM, fieldOF, fieldADDots, fieldAD, fieldMonth, fieldMon, fieldDay, fieldDy, fieldD, fieldID:
		if t.interval {
			return nil, pgerr.New(pgerr.InvalidDatetimeFormat, "invalid format specification for an interval value").
				WithHint("Intervals are not tied to specific calendar dates.")
		}
	}
	switch n.field {
	case fieldAMDots, fieldAM:
		s := [2]string{"AM", "PM"}
		if n.field == fieldAMDots {
			s = [2]string{"A.M.", "P.M."}
		}
		return append(dst, nameCase(s[b2i(t.hours%24 >= 12)], n.text+"M")...), nil
	case fieldADDots, fieldAD:
		s := [2]string{"AD", "BC"}
		if n.field == fieldADDots {
			s = [2]string{"A.D.", "B.C."}
		}
		return append(dst, nameCase(s[b2i(t.year <= 0)], n.text)...), nil
	case fieldHH12:
		v := t.hours % 12
		if v == 0 {
			v = 12
		}
		width := 2
		if t.hours < 0 {
			width = 3
		}
		if fm {
			width = 0
		}
		return appendNum(dst, v, width), nil
	case fieldHH24:
		return num(t.hours, 2), nil
	case fieldMI:
		return num(int64(t.min), 2), nil
	case fieldSS:
		return num(int64(t.sec), 2), nil
	case fieldFF1, fieldFF2, fieldFF3, fieldFF4, fieldFF5, fieldFF6:
		digits := int(n.field-fieldFF1) + 1
		return appendNum(dst, int64(t.usec)/int64(pow10[6-digits]), digits), nil
	case fieldMS:
		return appendNum(dst, int64(t.usec)/1000, 3), nil
	case fieldUS:
		return appendNum(dst, int64(t.usec), 6), nil
	case fieldSSSS:
		return strconv.AppendInt(dst, t.hours*3600+int64(t.min*60+t.sec), 10), nil
	case fieldTZ:
		if n.text[0] == 't' {
			return append(dst, asciiLower(t.abbrev)...), nil
		}
		return append(dst, t.abbrev...), nil
	case fieldTZH, fieldOF, fieldTZM:
		return t.appendZone(dst, n), nil
	case fieldMonth:
		if n.suffix&fmtTM != 0 {
			fm = true
		}
		return name(nameCase(monthNames[t.mon], n.text), 9), nil
	case fieldMon:
		return name(nameCase(monthNames[t.mon][:3], n.text), 0), nil
	case fieldDay:
		if n.suffix&fmtTM != 0 {
			fm = true
		}
		return name(nameCase(dayNames[t.wday], n.text), 9), nil
	case fieldDy:
		return name(nameCase(dayNames[t.wday][:3], n.text), 0), nil
	case fieldRM:
		return t.appendRoman(dst, n), nil
	}
	v, width, ok := t.calendarNumber(n.field)
	if !ok {
		return dst, nil
	}
	switch {
	case n.field == fieldYComma:
		dst = append(strconv.AppendInt(dst, int64(v/1000), 10), ',')
		return appendNum(dst, int64(v-v/1000*1000), 3), nil
	case n.field == fieldCC && (v > 99 || v < -99):
		width = 0
	case n.field == fieldDDD || n.field == fieldIDDD || n.field == fieldDD || n.field == fieldWW || n.field == fieldIW:
		// These count the sign as one of the digits.
		if fm {
			width = 0
		}
		return appendNum(dst, int64(v), width), nil
	case n.field >= fieldYYYY || n.field >= fieldIYYY && n.field <= fieldIY:
		// Room for a sign is that of the whole year, shown or not.
		if fm {
			width = 0
		} else if t.interval && t.year < 0 && n.field != fieldY {
			width++
		}
		return appendNum(dst, int64(v), width), nil
	}
	return num(int64(v), width), nil
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// calendarNumber returns the value of a pattern that shows a number of the calendar, and its width; ok is false for one that shows nothing.
func (t *fmtTime) calendarNumber(f fmtField) (v, width int, ok bool) {
	year := func(y int) int {
		if !t.interval && y <= 0 {
			return 1 - y
		}
		return y
	}
	days := civilToDaysAny(t.year, t.mon, t.day)
	isoYear, isoWeekNo := isoWeek(days)
	switch f {
	case fieldMM:
		return t.mon, 2, true
	case fieldDDD:
		return t.yday, 3, true
	case fieldIDDD:
		return int(days-isoWeekStart(isoYear, 1)) + 1, 3, true
	case fieldDD:
		return t.day, 2, true
	case fieldD:
		return t.wday + 1, 0, true
	case fieldID:
		return (t.wday+6)%7 + 1, 0, true
	case fieldWW:
		return (t.yday-1)/7 + 1, 2, true
	case fieldIW:
		return isoWeekNo, 2, true
	case fieldQ:
		return (t.mon-1)/3 + 1, 0, t.mon != 0
	case fieldCC:
		switch {
		case t.interval:
			v = t.year / 100
		case t.year > 0:
			v = (t.year-1)/100 + 1
		default:
			v = t.year/100 - 1
		}
		return v, 2, true
	case fieldYYYY, fieldYComma:
		return year(t.year), 4, true
	case fieldYYY:
		return year(t.year) % 1000, 3, true
	case fieldYY:
		return year(t.year) % 100, 2, true
	case fieldY:
		return year(t.year) % 10, 1, true
	case fieldIYYY:
		return year(isoYear), 4, true
	case fieldIYY:
		return year(isoYear) % 1000, 3, true
	case fieldIY:
		return year(isoYear) % 100, 2, true
	case fieldI:
		return year(isoYear) % 10, 1, true
	case fieldW:
		return (t.day-1)/7 + 1, 0, true
	case fieldJ:
		return int(days) + epochJDate, 0, true
	}
	return 0, 0, false
}

// civilToDaysAny is civilToDays for an interval's numbers, whose month may be 0 or negative.
func civilToDaysAny(y, m, d int) int64 {
	if m >= 1 && m <= 12 {
		return civilToDays(y, m, d)
	}
	// PostgreSQL's Julian day formula as it works outside its range.
	if m > 2 {
		m++
		y += 4800
	} else {
		m += 13
		y += 4799
	}
	century := y / 100
	j := y*365 - 32167
	j += y/4 - century + century/4
	j += 7834*m/256 + d
	return int64(j) - epochJDate
}

func (t *fmtTime) appendZone(dst []byte, n *fmtNode) []byte {
	sign, abs := byte('+'), t.east
	if abs < 0 {
		sign, abs = '-', -abs
	}
	if n.field == fieldTZM {
		return appendNum(dst, int64(abs%3600/60), 2)
	}
	width := 2
	if n.field == fieldOF && n.suffix&fmtFM != 0 {
		width = 0
	}
	dst = appendNum(append(dst, sign), int64(abs/3600), width)
	if n.field == fieldOF && abs%3600 != 0 {
		dst = appendNum(append(dst, ':'), int64(abs%3600/60), 2)
	}
	return dst
}

// appendRoman appends the month in Roman numerals. An interval of whole years shows as December, a negative one counts backwards.
func (t *fmtTime) appendRoman(dst []byte, n *fmtNode) []byte {
	i := 0
	switch {
	case t.mon == 0 && t.year == 0:
		return dst
	case t.mon == 0 && t.year < 0:
		i = 11
	case t.mon == 0:
	case t.mon < 0:
		i = -1 - t.mon
	default:
		i = 12 - t.mon
	}
	s := romanMonths[i]
	if n.text[0] == 'r' {
		s = asciiLower(s)
	}
	dst = append(dst, s...)
	for k := len(s); n.suffix&fmtFM == 0 && k < 4; k++ {
		dst = append(dst, ' ')
	}
	return dst
}
