package types

import (
	"math"
	"strconv"
	"strings"
	"sync"

	"kimberlite/sql/pgerr"
)

// numField is a pattern of a number's template.
type numField = fmtField

const (
	numComma numField = iota + 100
	numDec
	num0
	num9
	numB
	numC
	numD
	numE
	numFM
	numG
	numL
	numMI
	numPL
	numPR
	numRN
	numSG
	numSP
	numS
	numTH
	numV
)

var numberPatterns = func() (list []fmtPattern) {
	for _, p := range []fmtPattern{{",", numComma}, {".", numDec}, {"0", num0}, {"9", num9}, {"B", numB}, {"C", numC}, {"D", numD}, {"EEEE", numE},
		{"FM", numFM}, {"G", numG}, {"L", numL}, {"MI", numMI}, {"PL", numPL}, {"PR", numPR}, {"RN", numRN}, {"SG", numSG}, {"SP", numSP},
		{"S", numS}, {"TH", numTH}, {"V", numV}} {
		list = append(list, p)
		if lower := strings.ToLower(p.text); lower != p.text {
			list = append(list, fmtPattern{lower, p.field})
		}
	}
	return list
}()

func numberPattern(s string) (node fmtNode, n int, ok bool) {
	for _, p := range numberPatterns {
		if strings.HasPrefix(s, p.text) {
			return fmtNode{kind: fmtAction, text: p.text, field: p.field}, len(p.text), true
		}
	}
	return node, 0, false
}

// signPlace says where the S pattern puts the sign.
type signPlace uint8

const (
	signNone signPlace = iota
	signBefore
	signAfter
)

// numberDesc is what a template says about a number as a whole.
type numberDesc struct {
	pre, post, multi   int // digits before and after the point, and after V
	zeroStart, zeroEnd int // the positions between which zeros are shown
	sign               signPlace
	preSign            int // digits before S
	zero, blank, fill  bool
	decimal            bool
	minus, plus        bool // MI or SG, PL or SG
	bracket, roman     bool
	multiply, lsign    bool
	scientific         bool
}

// NumberFormat is a template of to_char for numbers and to_number, cut into patterns. It is immutable.
type NumberFormat struct {
	nodes []fmtNode
	desc  numberDesc
}

var numberFormats struct {
	sync.RWMutex
	m map[string]*NumberFormat
}

// ParseNumberFormat cuts a template into patterns; recent ones are remembered. A template that contradicts itself is 42601.
func ParseNumberFormat(s string) (*NumberFormat, error) {
	numberFormats.RLock()
	f := numberFormats.m[s]
	numberFormats.RUnlock()
	if f != nil {
		return f, nil
	}
	f = &NumberFormat{nodes: parseTemplate(s, numberPattern, false)}
	for i := range f.nodes {
		if f.nodes[i].kind == fmtAction {
			if err := f.desc.add(&f.nodes[i]); err != nil {
				return nil, err
			}
		}
	}
	if len(s) <= formatCacheText {
		numberFormats.Lock()
		if numberFormats.m == nil || len(numberFormats.m) >= formatCacheMax {
			numberFormats.m = make(map[string]*NumberFormat)
		}
		numberFormats.m[s] = f
		numberFormats.Unlock()
	}
	return f, nil
}

// add takes a pattern into account.
func (d *numberDesc) add(n *fmtNode) error {
	bad := func(message string) error { return pgerr.New(pgerr.SyntaxError, message) }
	if d.scientific && n.field != numE {
		return bad("\"EEEE\" must be the last pattern used")
	}
	switch n.field {
	case num9:
		switch {
		case d.bracket:
			return bad("\"9\" must be ahead of \"PR\"")
		case d.multiply:
			d.multi++
		case d.decimal:
			d.post++
		default:
			d.pre++
		}
	case num0:
		if d.bracket {
			return bad("\"0\" must be ahead of \"PR\"")
		}
		if !d.zero && !d.decimal {
			d.zero = true
			d.zeroStart = d.pre + 1
		}
		if d.decimal {
			d.post++
		} else {
			d.pre++
		}
		d.zeroEnd = d.pre + d.post
	case numB:
		d.blank = d.blank || d.pre == 0 && d.post == 0 && !d.zero
	case numD, numDec:
		if d.decimal {
			return bad("multiple decimal points")
		}
		if d.multiply {
			return bad("cannot use \"V\" and decimal point together")
		}
		d.decimal = true
	case numFM:
		d.fill = true
	case numS:
		if d.lsign {
			return bad("cannot use \"S\" twice")
		}
		if d.plus || d.minus || d.bracket {
			return bad("cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together")
		}
		d.lsign = true
		if d.decimal {
			d.sign = signAfter
		} else {
			d.sign, d.preSign = signBefore, d.pre
		}
	case numMI, numPL, numSG:
		if d.lsign {
			return bad("cannot use \"S\" and \"" + strings.ToUpper(n.text) + "\" together")
		}
		d.minus = d.minus || n.field != numPL
		d.plus = d.plus || n.field != numMI
	case numPR:
		if d.lsign || d.plus || d.minus {
			return bad("cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together")
		}
		d.bracket = true
	case numRN:
		d.roman = true
	case numV:
		if d.decimal {
			return bad("cannot use \"V\" and decimal point together")
		}
		d.multiply = true
	case numE:
		if d.scientific {
			return bad("cannot use \"EEEE\" twice")
		}
		if d.blank || d.fill || d.lsign || d.bracket || d.minus || d.plus || d.roman || d.multiply {
			return pgerr.New(pgerr.SyntaxError, "\"EEEE\" is incompatible with other formats").
				WithDetail("\"EEEE\" may only be used together with digit and decimal point patterns.")
		}
		d.scientific = true
	}
	return nil
}

// FormatNumeric is to_char(numeric, text) of a packed numeric.
func FormatNumeric(packed, format string) (string, error) {
	f, err := numberFormat(format)
	if f == nil {
		return "", err
	}
	d := f.desc
	switch {
	case d.roman:
		r, err := NumericRound(packed, 0)
		if err != nil {
			return "", err
		}
		v, err := NumericToInt4(r)
		if err != nil {
			return "", err
		}
		return f.show(d, roman(int64(v)), 0, 0)
	case d.scientific:
		if NumericIsNaN(packed) || NumericIsInf(packed) {
			return overflowScientific(&d), nil
		}
		return signSpace(numericScientific(packed, d.post)), nil
	case d.multiply:
		var err error
		if packed, err = NumericMul(packed, numericPower10(d.multi)); err != nil {
			return "", err
		}
		d.pre += d.multi
	}
	r, err := NumericRound(packed, d.post)
	if err != nil {
		return "", err
	}
	return f.showText(d, NumericString(r))
}

func numericPower10(n int) string {
	p, _ := ParseNumeric("1e" + strconv.Itoa(n))
	return p
}

// numberFormat parses a template; nil for an empty one, which makes the result empty.
func numberFormat(format string) (*NumberFormat, error) {
	if format == "" {
		return nil, nil
	}
	return ParseNumberFormat(format)
}

// FormatInt is to_char for int4 (bits 32) and int8 (bits 64).
func FormatInt(v int64, bits int, format string) (string, error) {
	f, err := numberFormat(format)
	if f == nil {
		return "", err
	}
	d := f.desc
	switch {
	case d.roman:
		if v != int64(int32(v)) {
			return "", outOfRange("integer")
		}
		return f.show(d, roman(v), 0, 0)
	case d.scientific && bits == 32:
		return signSpace(strconv.FormatFloat(float64(v), 'e', d.post, 64)), nil
	case d.scientific:
		return signSpace(numericScientific(MakeNumeric(v, 0), d.post)), nil
	case d.multiply:
		scaled, ok := mulInt64(v, int64(math.Pow10(min(d.multi, 18))))
		if !ok || d.multi > 18 {
			return "", outOfRange("bigint")
		}
		if bits == 32 && scaled != int64(int32(scaled)) {
			return "", outOfRange("integer")
		}
		v = scaled
		d.pre += d.multi
	}
	s := strconv.FormatInt(v, 10)
	if d.post > 0 {
		s += "." + strings.Repeat("0", d.post)
	}
	return f.showText(d, s)
}

// FormatFloat is to_char for float8 (bits 64) and float4 (bits 32).
func FormatFloat(v float64, bits int, format string) (string, error) {
	f, err := numberFormat(format)
	if f == nil {
		return "", err
	}
	d := f.desc
	precise := 15 // digits that the type can be trusted with
	if bits == 32 {
		precise = 6
	}
	finite := !math.IsNaN(v) && !math.IsInf(v, 0)
	switch {
	case d.roman:
		r := math.RoundToEven(v)
		if !(r >= 1 && r <= 3999) {
			r = 0
		}
		return f.show(d, roman(int64(r)), 0, 0)
	case d.scientific:
		if !finite {
			return overflowScientific(&d), nil
		}
		return signSpace(strconv.FormatFloat(v, 'e', d.post, 64)), nil
	case d.multiply:
		v *= math.Pow10(d.multi)
		if bits == 32 {
			v = float64(float32(v))
		}
		d.pre += d.multi
	}
	whole := cFixed(math.Abs(v), 0)
	if len(whole) >= precise {
		d.post = 0
	} else if len(whole)+d.post > precise {
		d.post = precise - len(whole)
	}
	return f.showText(d, cFixed(v, d.post))
}

// cFixed prints as PostgreSQL's printf does with %.*f.
func cFixed(v float64, post int) string {
	switch {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 1):
		return "Infinity"
	case math.IsInf(v, -1):
		return "-Infinity"
	}
	return strconv.FormatFloat(v, 'f', post, 64)
}

// signSpace puts a blank where a positive number has no sign.
func signSpace(s string) string {
	if strings.HasPrefix(s, "-") {
		return s
	}
	return " " + s
}

// overflowScientific fills the room of a number that has no exponent.
func overflowScientific(d *numberDesc) string {
	b := []byte(strings.Repeat("#", d.pre+d.post+6))
	b[0] = ' '
	if d.pre+1 < len(b) {
		b[d.pre+1] = '.'
	}
	return string(b)
}

// numericScientific prints a finite numeric with post digits after the point and an exponent.
func numericScientific(packed string, post int) string {
	digits := strings.TrimPrefix(NumericString(packed), "-")
	whole, frac, _ := strings.Cut(digits, ".")
	all := whole + frac
	lead := 0
	for lead < len(all) && all[lead] == '0' {
		lead++
	}
	exp := 0
	if lead < len(all) {
		exp = len(whole) - 1 - lead
	}
	mantissa := "0"
	if lead < len(all) {
		mantissa = all[lead:lead+1] + "." + all[lead+1:]
	}
	if NumericSign(packed) < 0 {
		mantissa = "-" + mantissa
	}
	if enough := post + 8; len(mantissa) > enough { // rounding looks at one digit more only
		mantissa = mantissa[:enough]
	}
	shifted, _ := ParseNumeric(mantissa)
	rounded, _ := NumericRound(shifted, post)
	sign := "+"
	if exp < 0 {
		sign, exp = "-", -exp
	}
	e := strconv.Itoa(exp)
	if len(e) < 2 {
		e = "0" + e
	}
	return NumericString(rounded) + "e" + sign + e
}

// roman returns a number in Roman numerals, ### for one that has none.
func roman(v int64) string {
	if v < 1 || v > 3999 {
		return strings.Repeat("#", 15)
	}
	var b strings.Builder
	for _, r := range [...]struct {
		v int64
		s string
	}{{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"}, {90, "XC"}, {50, "L"}, {40, "XL"}, {10, "X"}, {9, "IX"}, {5, "V"},
		{4, "IV"}, {1, "I"}} {
		for v >= r.v {
			b.WriteString(r.s)
			v -= r.v
		}
	}
	return b.String()
}

// showText shows a number given as text: its sign, digits and fraction, which has the template's length.
func (f *NumberFormat) showText(d numberDesc, s string) (string, error) {
	sign := byte('+')
	if strings.HasPrefix(s, "-") {
		sign, s = '-', s[1:]
	}
	whole := strings.IndexByte(s, '.')
	if whole < 0 {
		whole = len(s)
	}
	blanks := 0
	if whole < d.pre {
		blanks = d.pre - whole
	} else if whole > d.pre {
		b := []byte(strings.Repeat("#", d.pre+d.post+1))
		b[d.pre] = '.'
		s = string(b)
	}
	return f.show(d, s, blanks, sign)
}

// numberWriter lays a number out by a template, pattern by pattern.
type numberWriter struct {
	numberDesc
	out       []byte
	number    string
	at        int // the next character of number
	last      int // the last character that FM leaves, -1 for no limit
	blanks    int // positions before the number
	sign      byte
	signDone  bool
	inNumber  bool // a digit was the last thing written
	cur, size int  // the position, and how many there are
	cut       bool // the number ended before the template did
	cutAt     int
	err       error
}

// digit returns character i of the number, 0 beyond its end.
func (w *numberWriter) digit(i int) byte {
	if i < len(w.number) {
		return w.number[i]
	}
	return 0
}

func (f *NumberFormat) show(d numberDesc, number string, blanks int, sign byte) (string, error) {
	w := numberWriter{numberDesc: d, number: number, blanks: blanks, sign: sign, last: -1}
	if w.zeroStart > 0 {
		w.zeroStart--
	}
	if d.roman {
		w.numberDesc = numberDesc{fill: d.fill, roman: true}
		w.blanks, w.sign = 0, 0
	}
	switch {
	case w.plus || w.minus:
		w.signDone = !w.plus || w.minus
	default:
		if w.sign != '-' && w.bracket && w.fill {
			w.bracket = false
		}
		w.signDone = w.sign == '+' && w.fill && !w.lsign
		if w.numberDesc.sign == signBefore && w.pre == w.preSign {
			w.numberDesc.sign = signAfter
		}
	}
	w.size = w.post + w.pre - 1
	if w.fill && w.decimal {
		w.last = lastRelevant(w.number)
		if w.last >= 0 && w.zeroEnd > w.blanks {
			w.last = max(w.last, min(len(w.number)-1, w.zeroEnd-w.blanks))
		}
	}
	if !w.signDone && w.blanks == 0 {
		w.size++
	}
	for i := range f.nodes {
		if n := &f.nodes[i]; n.kind == fmtAction {
			w.pattern(n)
		} else {
			w.out = append(w.out, n.text...)
		}
	}
	if w.cut {
		w.out = w.out[:w.cutAt]
	}
	return string(w.out), w.err
}

// lastRelevant finds the last digit of the fraction that is not zero, or the point; -1 without a point.
func lastRelevant(s string) int {
	last := strings.IndexByte(s, '.')
	if last < 0 {
		return -1
	}
	for i := last + 1; i < len(s); i++ {
		if s[i] != '0' {
			last = i
		}
	}
	return last
}

// end marks the place where PostgreSQL writes a zero byte, at which its output ends whatever follows.
func (w *numberWriter) end() {
	if !w.cut {
		w.cut, w.cutAt = true, len(w.out)
	}
}

func (w *numberWriter) pattern(n *fmtNode) {
	switch n.field {
	case num9, num0, numDec, numD:
		w.part(n.field)
	case numComma, numG:
		if w.inNumber {
			w.out = append(w.out, ',')
		} else if !w.fill {
			w.out = append(w.out, ' ')
		}
	case numL:
		w.out = append(w.out, ' ')
	case numRN:
		s := w.number[w.at:]
		if n.text == "rn" {
			s = asciiLower(s)
		}
		if !w.fill {
			for k := len(s); k < 15; k++ {
				w.out = append(w.out, ' ')
			}
		}
		w.out = append(w.out, s...)
	case numTH:
		if w.roman || w.digit(0) == '#' || w.sign == '-' || w.decimal {
			return
		}
		if w.number == "" || !isDigit(w.number[len(w.number)-1]) {
			if w.err == nil {
				w.err = pgerr.Newf(pgerr.InvalidTextRepresentation, "\"%s\" is not a number", w.number)
			}
			return
		}
		w.out = append(w.out, ordinal([]byte(w.number), n.text == "TH")...)
	case numMI, numPL:
		want := byte('-')
		if n.field == numPL {
			want = '+'
		}
		if w.sign == want {
			w.out = append(w.out, want)
		} else if !w.fill {
			w.out = append(w.out, ' ')
		}
	case numSG:
		if w.sign == 0 {
			w.end()
		}
		w.out = append(w.out, w.sign)
	}
}

// leadingZero reports whether the next digit is the 0 before the point, which a template without 0 shows as a blank.
func (w *numberWriter) leadingZero() bool {
	return !w.zero && w.at == 0 && w.digit(0) == '0' && w.post != 0
}

func (w *numberWriter) lastIsPoint() bool { return w.last >= 0 && w.number[w.last] == '.' }

// part writes one digit position, with what belongs before the first and behind the last.
func (w *numberWriter) part(field numField) {
	if w.roman {
		return
	}
	w.inNumber = false
	if !w.signDone && (w.cur >= w.blanks || w.zero && w.zeroStart == w.cur) && (!w.leadingZero() || w.lastIsPoint()) {
		w.writeSign()
	}
	switch {
	case w.cur < w.blanks && (w.zeroStart > w.cur || !w.zero):
		if !w.fill {
			w.out = append(w.out, ' ')
		}
	case w.cur < w.blanks && w.zero:
		w.out = append(w.out, '0')
		w.inNumber = true
	default:
		w.writeDigit(field)
		if w.at < len(w.number) {
			w.at++
		}
	}
	end := w.size + b2i(w.blanks != 0) + b2i(w.decimal)
	if w.last >= 0 && w.last == w.at {
		end = w.cur
	}
	if w.cur+1 == end {
		switch {
		case w.signDone && w.bracket:
			w.out = append(w.out, pick(w.sign == '+', ' ', '>'))
		case w.lsign && w.numberDesc.sign == signAfter:
			w.out = append(w.out, pick(w.sign == '-', '-', '+'))
		}
	}
	w.cur++
}

func pick(cond bool, yes, no byte) byte {
	if cond {
		return yes
	}
	return no
}

// writeSign writes the sign before the number, where that is its place.
func (w *numberWriter) writeSign() {
	switch {
	case w.lsign:
		if w.numberDesc.sign != signBefore {
			return
		}
		w.out = append(w.out, pick(w.sign == '-', '-', '+'))
	case w.bracket:
		w.out = append(w.out, pick(w.sign == '+', ' ', '<'))
	case w.sign == '+':
		if !w.fill {
			w.out = append(w.out, ' ')
		}
	case w.sign == '-':
		w.out = append(w.out, '-')
	default:
		return
	}
	w.signDone = true
}

// writeDigit writes the next character of the number.
func (w *numberWriter) writeDigit(field numField) {
	c := w.digit(w.at)
	switch {
	case c == '.':
		if !w.lastIsPoint() || w.fill {
			w.out = append(w.out, '.')
		}
	case w.last >= 0 && w.at > w.last && field != num0:
	case w.leadingZero():
		if !w.fill {
			w.out = append(w.out, ' ')
		} else if w.lastIsPoint() {
			w.out = append(w.out, '0')
		}
	case c == 0:
		// NaN and its like are shorter than the template.
		w.end()
		w.inNumber = true
	default:
		w.out = append(w.out, c)
		w.inNumber = true
	}
}
