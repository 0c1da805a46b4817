package types

import (
	"strings"
	"unicode/utf8"

	"kimberlite/sql/pgerr"
)

// numberReader reads a number's text by a template.
type numberReader struct {
	numberDesc
	text     string
	pos      int
	sign     byte // ' ' while none was seen
	number   []byte
	digits   int // before the point
	decimals int // after it
	point    bool
}

// ParseNumber is to_number: it returns a packed numeric; ok is false (NULL) for an empty template.
func ParseNumber(text, format string) (packed string, ok bool, err error) {
	f, err := numberFormat(format)
	if f == nil {
		return "", false, err
	}
	if f.desc.scientific {
		return "", false, pgerr.New(pgerr.FeatureNotSupported, "\"EEEE\" not supported for input")
	}
	if f.desc.roman {
		return "", false, pgerr.New(pgerr.FeatureNotSupported, "\"RN\" not supported for input")
	}
	r := numberReader{numberDesc: f.desc, text: text, sign: ' '}
	r.read(f.nodes)
	s := strings.TrimSuffix(string(r.sign)+string(r.number), ".")
	if packed, err = ParseNumeric(s); err != nil {
		return "", false, err
	}
	precision := r.pre + r.multi + r.decimals
	if packed, err = NumericApplyMod(packed, int32(precision<<16|r.decimals)+modHeader); err != nil {
		return "", false, err
	}
	if r.multiply {
		// A power of ten as numeric's power() gives it: its scale shows in the result.
		scale, err := NumericPower(MakeNumeric(10, 0), MakeNumeric(int64(-r.multi), 0))
		if err != nil {
			return "", false, err
		}
		if packed, err = NumericMul(packed, scale); err != nil {
			return "", false, err
		}
	}
	return packed, true, nil
}

func (r *numberReader) end() bool { return r.pos >= len(r.text) }

func (r *numberReader) byte() byte {
	if r.end() {
		return 0
	}
	return r.text[r.pos]
}

func (r *numberReader) skipChar() {
	_, size := utf8.DecodeRuneInString(r.text[r.pos:])
	r.pos += size
}

// skipNonData skips up to n characters that can be no part of a number.
func (r *numberReader) skipNonData(n int) {
	for ; n > 0 && !r.end() && !strings.ContainsRune("0123456789.,+-", rune(r.byte())); n-- {
		r.skipChar()
	}
}

func (r *numberReader) read(nodes []fmtNode) {
	for i := range nodes {
		if r.end() {
			return
		}
		n := &nodes[i]
		if n.kind != fmtAction {
			r.skipChar()
			continue
		}
		switch n.field {
		case num9, num0, numDec, numD:
			r.part(n.field)
			r.pos++
		case numComma, numG:
			if r.fill {
				continue
			}
			if r.byte() == ',' {
				r.pos++
			}
		case numL:
			r.skipNonData(1)
		case numTH:
			if r.decimal {
				continue
			}
			r.skipNonData(2)
		case numMI, numPL, numSG:
			c := r.byte()
			if c == '-' && n.field != numPL || c == '+' && n.field != numMI {
				r.sign = c
				r.pos++
			} else {
				r.skipNonData(1)
			}
		}
	}
}

// part reads one digit or the point, with the sign before the first or behind the last. The caller moves on by one.
func (r *numberReader) part(field numField) {
	if r.byte() == ' ' {
		r.pos++
	}
	if r.end() {
		return
	}
	if r.sign == ' ' && (field == num0 || field == num9) && r.digits+r.decimals == 0 {
		if c := r.byte(); c == '-' || c == '<' && r.bracket {
			r.sign = '-'
			r.pos++
		} else if c == '+' {
			r.sign = '+'
			r.pos++
		}
		if r.end() {
			return
		}
	}
	read := false
	switch c := r.byte(); {
	case isDigit(c):
		if r.point && r.decimals == r.post {
			return
		}
		r.number = append(r.number, c)
		if r.point {
			r.decimals++
		} else {
			r.digits++
		}
		read = true
	case r.decimal && !r.point && c == '.':
		r.number = append(r.number, '.')
		r.point, read = true, true
	}
	if r.sign != ' ' || r.digits+r.decimals == 0 {
		return
	}
	switch {
	case r.lsign && read:
		if r.pos+1 < len(r.text) && (r.text[r.pos+1] == '-' || r.text[r.pos+1] == '+') {
			r.pos++
			r.sign = r.text[r.pos]
		}
	case !read && !r.lsign && (r.plus || r.minus):
		if c := r.byte(); c == '-' || c == '+' {
			r.sign = c
		}
	}
}
