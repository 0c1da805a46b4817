package types

import (
	"strconv"
	"strings"

	"kimberlite/sql/pgerr"
)

// dtErr is how reading a date or time can fail, before the text and the type's name are put into the message.
type dtErr uint8

const (
	dtBadFormat        dtErr = iota + 1 // invalid input syntax
	dtFieldOverflow                     // a field's value out of range
	dtMDFieldOverflow                   // the same for month or day: perhaps DateStyle is another
	dtIntervalOverflow                  // an interval's field
	dtZoneOverflow                      // a time zone displacement
)

func (dtErr) Error() string { return "malformed date or time" }

// dateTimeError turns err, a dtErr or an error ready for the client, into the latter.
func dateTimeError(err error, text, typ string) error {
	e, ok := err.(dtErr)
	if !ok {
		return err
	}
	switch e {
	case dtFieldOverflow:
		return pgerr.Newf(pgerr.DatetimeFieldOverflow, "date/time field value out of range: \"%s\"", text)
	case dtMDFieldOverflow:
		return pgerr.Newf(pgerr.DatetimeFieldOverflow, "date/time field value out of range: \"%s\"", text).
			WithHint("Perhaps you need a different \"datestyle\" setting.")
	case dtIntervalOverflow:
		return pgerr.Newf(pgerr.IntervalFieldOverflow, "interval field value out of range: \"%s\"", text)
	case dtZoneOverflow:
		return pgerr.Newf(pgerr.InvalidTimeZoneDisplacementValue, "time zone displacement out of range: \"%s\"", text)
	}
	return pgerr.Newf(pgerr.InvalidDatetimeFormat, "invalid input syntax for type %s: \"%s\"", typ, text)
}

// dtField is what a piece of date or time text looks like.
type dtField uint8

const (
	dtNumber  dtField = iota // digits, perhaps with a decimal point
	dtString                 // letters
	dtDate                   // something with date separators, or a name with digits and punctuation
	dtTime                   // digits with colons
	dtZone                   // a sign and digits
	dtSpecial                // a sign and letters
)

// dtFields is a text cut into fields, letters in lower case.
type dtFields struct {
	text [dateTimeFieldsMax]string
	kind [dateTimeFieldsMax]dtField
	n    int
}

func isAlnum(c byte) bool { return isDigit(c) || isAlpha(c) }

func isPunct(c byte) bool { return c > ' ' && c < 0x7f && !isAlnum(c) }

// split cuts the text into fields. It decides only by the shape of the text what a field could be.
func (f *dtFields) split(text string) error {
	if len(text) > dateTimeTextMax {
		return dtBadFormat
	}
	s := asciiLower(text)
	for i := 0; i < len(s); {
		c := s[i]
		start := i
		var kind dtField
		var joined string
		switch {
		case isSpace(c):
			i++
			continue
		case isDigit(c):
			kind, i = lexNumber(s, i)
		case c == '.':
			i = skipDigits(s, i+1)
			kind = dtNumber
		case isAlpha(c):
			kind, i = lexWord(s, i)
		case c == '+' || c == '-':
			for i++; i < len(s) && isSpace(s[i]); i++ {
			}
			body := i
			switch {
			case i < len(s) && isDigit(s[i]):
				kind = dtZone
				for i < len(s) && (isDigit(s[i]) || s[i] == ':' || s[i] == '.' || s[i] == '-') {
					i++
				}
			case i < len(s) && isAlpha(s[i]):
				kind = dtSpecial
				for i < len(s) && isAlpha(s[i]) {
					i++
				}
			default:
				return dtBadFormat
			}
			if body > start+1 {
				joined = string(c) + s[body:i]
			}
		case isPunct(c):
			i++
			continue
		default:
			return dtBadFormat
		}
		if f.n >= dateTimeFieldsMax {
			return dtBadFormat
		}
		if joined == "" {
			joined = s[start:i]
		}
		f.text[f.n], f.kind[f.n] = joined, kind
		f.n++
	}
	return nil
}

func skipDigits(s string, i int) int {
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return i
}

// lexNumber reads a field that starts with a digit.
func lexNumber(s string, i int) (dtField, int) {
	i = skipDigits(s, i)
	if i == len(s) {
		return dtNumber, i
	}
	switch delim := s[i]; delim {
	case ':':
		for i < len(s) && (isDigit(s[i]) || s[i] == ':' || s[i] == '.') {
			i++
		}
		return dtTime, i
	case '-', '/', '.':
		i++
		if i < len(s) && isDigit(s[i]) {
			kind := dtDate
			if delim == '.' {
				kind = dtNumber
			}
			i = skipDigits(s, i)
			if i < len(s) && s[i] == delim {
				kind = dtDate
				for i < len(s) && (isDigit(s[i]) || s[i] == delim) {
					i++
				}
			}
			return kind, i
		}
		for i < len(s) && (isAlnum(s[i]) || s[i] == delim) {
			i++
		}
		return dtDate, i
	}
	return dtNumber, i
}

// lexWord reads a field that starts with a letter: a word, a date such as jan-08-1999, or the name of a time zone.
func lexWord(s string, i int) (dtField, int) {
	start := i
	for i < len(s) && isAlpha(s[i]) {
		i++
	}
	if i == len(s) {
		return dtString, i
	}
	mixed := false
	switch c := s[i]; {
	case c == '-' || c == '/' || c == '.':
		mixed = true
	case c == '+' || isDigit(c):
		_, known := dateTokens[cutToken(s[start:i])]
		mixed = !known
	}
	if !mixed {
		return dtString, i
	}
	for i < len(s) {
		c := s[i]
		if !isAlnum(c) && c != '+' && c != '-' && c != '/' && c != '_' && c != '.' && c != ':' {
			break
		}
		i++
	}
	return dtDate, i
}

// leadingInt reads an optional sign and digits at the start of s as C's strtol does, within the given number of bits. n is how many bytes
// that took; overflow says that the number does not fit.
func leadingInt(s string, bits int) (v int64, n int, overflow bool) {
	if n < len(s) && (s[n] == '-' || s[n] == '+') {
		n++
	}
	start := n
	n = skipDigits(s, n)
	if n == start {
		return 0, 0, false
	}
	v, err := strconv.ParseInt(strings.TrimPrefix(s[:n], "+"), 10, bits)
	return v, n, err != nil
}

// fraction reads ".ddd" to its end; "." alone is 0.
func fraction(s string) (float64, error) {
	if s == "." {
		return 0, nil
	}
	// As strtod, an exponent is understood; nothing else can follow.
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || strings.ContainsAny(s, "xXpP_") {
		return 0, dtBadFormat
	}
	return f, nil
}

// atoi is C's: the digits it can read, 0 if there are none, cut to 32 bits.
func atoi(s string) int {
	v, _, _ := leadingInt(s, 64)
	return int(int32(v))
}
