package types

import (
	"strings"
	"unicode/utf8"

	"kimberlite/sql/pgerr"
)

// jsonToken is a token of JSON text.
type jsonToken uint8

const (
	jsonEnd jsonToken = iota
	jsonString
	jsonNumber
	jsonTrue
	jsonFalse
	jsonNull
	jsonObjectStart
	jsonObjectEnd
	jsonArrayStart
	jsonArrayEnd
	jsonComma
	jsonColon
	jsonInvalid
)

// jsonLexer cuts JSON text into tokens. in[start:end] is the current one.
type jsonLexer struct {
	in         string
	start, end int
	prevEnd    int // where the token before ended
	line       int // of the current token, from 1
	lineStart  int
	tok        jsonToken
	depth      int
	unescape   bool   // find the values of strings
	str        string // the current string token's value, with unescape
}

func newJSONLexer(s string, unescape bool) jsonLexer {
	return jsonLexer{in: s, line: 1, unescape: unescape}
}

// jsonWordChar says whether a byte may go on a word or, wrongly, a number.
func jsonWordChar(c byte) bool { return isAlnum(c) || c == '_' || c >= 0x80 }

// next reads the next token.
func (l *jsonLexer) next() error {
	l.prevEnd = l.end
	s, i := l.in, l.end
	for i < len(s) {
		c := s[i]
		if c == '\n' {
			l.line++
			l.lineStart = i + 1
		} else if c != ' ' && c != '\t' && c != '\r' {
			break
		}
		i++
	}
	l.start = i
	if i >= len(s) {
		l.end, l.tok = i, jsonEnd
		return nil
	}
	switch c := s[i]; c {
	case '{':
		l.tok = jsonObjectStart
	case '}':
		l.tok = jsonObjectEnd
	case '[':
		l.tok = jsonArrayStart
	case ']':
		l.tok = jsonArrayEnd
	case ',':
		l.tok = jsonComma
	case ':':
		l.tok = jsonColon
	case '"':
		l.tok = jsonString
		return l.lexString()
	default:
		if c == '-' || isDigit(c) {
			l.tok = jsonNumber
			return l.lexNumber()
		}
		return l.lexWord()
	}
	l.end = i + 1
	return nil
}

func (l *jsonLexer) lexWord() error {
	s, i := l.in, l.start
	l.tok = jsonInvalid
	for i < len(s) && jsonWordChar(s[i]) {
		i++
	}
	if i == l.start {
		l.end = i + 1
		return l.invalidToken()
	}
	l.end = i
	switch s[l.start:i] {
	case "true":
		l.tok = jsonTrue
	case "false":
		l.tok = jsonFalse
	case "null":
		l.tok = jsonNull
	default:
		return l.invalidToken()
	}
	return nil
}

func (l *jsonLexer) lexNumber() error {
	s, i := l.in, l.start
	bad := false
	if s[i] == '-' {
		i++
	}
	switch {
	case i < len(s) && s[i] == '0':
		i++
	case i < len(s) && isDigit(s[i]):
		i = skipDigits(s, i)
	default:
		bad = true
	}
	if i < len(s) && s[i] == '.' {
		end := skipDigits(s, i+1)
		bad = bad || end == i+1
		i = end
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		end := skipDigits(s, i)
		bad = bad || end == i
		i = end
	}
	for i < len(s) && jsonWordChar(s[i]) {
		bad = true
		i++
	}
	l.end = i
	if bad {
		return l.invalidToken()
	}
	return nil
}

// lexString reads a string up to its closing quote; the common one without escapes is not copied.
func (l *jsonLexer) lexString() error {
	s := l.in
	for i := l.start + 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			l.end = i + 1
			l.str = s[l.start+1 : i]
			return nil
		case c == '\\':
			return l.lexEscapedString(i)
		case c < ' ':
			return l.mustEscape(i)
		}
	}
	l.end = len(s)
	return l.invalidToken()
}

func (l *jsonLexer) mustEscape(i int) error {
	l.end = i
	return l.error("Character with value 0x%02x must be escaped.", l.in[i])
}

func (l *jsonLexer) lexEscapedString(i int) error {
	s := l.in
	buf := make([]byte, 0, len(s[l.start:i])+32)
	buf = append(buf, s[l.start+1:i]...)
	high := rune(-1) // a high surrogate that waits for its low one
	for i < len(s) {
		c := s[i]
		if c == '\\' {
			if i+1 >= len(s) {
				break
			}
			if s[i+1] == 'u' {
				ch, end, err := l.unicodeEscape(i)
				if err != nil {
					return err
				}
				i = end
				if !l.unescape {
					continue
				}
				l.end = i
				if buf, high, err = l.addUnicode(buf, high, ch); err != nil {
					return err
				}
				continue
			}
			i++
			r := strings.IndexByte(`"\/bfnrt`, s[i])
			if r < 0 {
				_, size := utf8.DecodeRuneInString(s[i:])
				l.start, l.end = i, i+size
				return l.error("Escape sequence \"\\%s\" is invalid.", s[i:i+size])
			}
			if high >= 0 {
				l.end = i + 1
				return l.error(jsonLowSurrogate)
			}
			buf = append(buf, "\"\\/\b\f\n\r\t"[r])
			i++
			continue
		}
		if high >= 0 && c >= ' ' {
			_, size := utf8.DecodeRuneInString(s[i:])
			l.end = i + size
			return l.error(jsonLowSurrogate)
		}
		switch {
		case c == '"':
			l.end = i + 1
			l.str = string(buf)
			return nil
		case c < ' ':
			return l.mustEscape(i)
		}
		// Take what needs no attention in one go.
		end := i + 1
		for end < len(s) && s[end] != '"' && s[end] != '\\' && s[end] >= ' ' {
			end++
		}
		buf = append(buf, s[i:end]...)
		i = end
	}
	l.end = len(s)
	return l.invalidToken()
}

// unicodeEscape reads \uXXXX at s[i:].
func (l *jsonLexer) unicodeEscape(i int) (ch rune, end int, err error) {
	s := l.in
	for end = i + 2; end < i+6; end++ {
		if end >= len(s) {
			l.end = len(s)
			return 0, 0, l.invalidToken()
		}
		h := hexDigit(s[end])
		if h < 0 {
			_, size := utf8.DecodeRuneInString(s[end:])
			l.end = end + size
			return 0, 0, l.error("\"\\u\" must be followed by four hexadecimal digits.")
		}
		ch = ch<<4 | rune(h)
	}
	return ch, end, nil
}

const jsonLowSurrogate = "Unicode low surrogate must follow a high surrogate."

func (l *jsonLexer) addUnicode(buf []byte, high, ch rune) ([]byte, rune, error) {
	switch {
	case ch >= 0xd800 && ch <= 0xdbff:
		if high >= 0 {
			return nil, 0, l.error("Unicode high surrogate must not follow a high surrogate.")
		}
		return buf, ch, nil
	case ch >= 0xdc00 && ch <= 0xdfff:
		if high < 0 {
			return nil, 0, l.error(jsonLowSurrogate)
		}
		return utf8.AppendRune(buf, (high-0xd800)<<10+(ch-0xdc00)+0x10000), -1, nil
	case high >= 0:
		return nil, 0, l.error(jsonLowSurrogate)
	case ch == 0:
		err := l.error("\\u0000 cannot be converted to text.")
		err.Code, err.Message = pgerr.UntranslatableCharacter, "unsupported Unicode escape sequence"
		return nil, 0, err
	}
	return utf8.AppendRune(buf, ch), -1, nil
}

func hexDigit(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

func (l *jsonLexer) invalidToken() error {
	return l.error("Token \"%s\" is invalid.", l.in[l.start:l.end])
}

// unexpected is the error of a token that the grammar has no place for.
func (l *jsonLexer) unexpected(expected string) error {
	if l.tok == jsonEnd {
		return l.error("The input string ended unexpectedly.")
	}
	return l.error("Expected %s, but found \"%s\".", expected, l.in[l.start:l.end])
}

// error makes the error with the line up to the current token as context.
func (l *jsonLexer) error(detail string, args ...any) *pgerr.Error {
	e := pgerr.New(pgerr.InvalidTextRepresentation, "invalid input syntax for type json").WithDetail(detail, args...)
	from := l.lineStart
	for l.end-from >= jsonContextMax {
		_, size := utf8.DecodeRuneInString(l.in[from:])
		from += size
	}
	if from-l.lineStart <= len("...") {
		from = l.lineStart
	}
	prefix, suffix := "", ""
	if from > l.lineStart {
		prefix = "..."
	}
	if l.tok != jsonEnd && l.end < len(l.in) && l.in[l.end] != '\n' && l.in[l.end] != '\r' {
		suffix = "..."
	}
	e.Where = "JSON data, line " + itoa(l.line) + ": " + prefix + l.in[from:l.end] + suffix
	return e
}

// push counts a level of nesting.
func (l *jsonLexer) push() error {
	if l.depth++; l.depth > jsonDepthMax {
		return errTooDeep()
	}
	return nil
}

func errTooDeep() error {
	return pgerr.New(pgerr.StatementTooComplex, "stack depth limit exceeded").
		WithHint("Increase the configuration parameter \"max_stack_depth\" (currently 2048kB), " +
			"after ensuring the platform's stack depth limit is adequate.")
}

// jsonSink is told what a JSON text consists of, in order. Strings' values are those of the lexer. A nil sink validates only.
type jsonSink interface {
	scalar(l *jsonLexer) error // l.tok and l.in[l.start:l.end] are the value
	objectStart()
	key(s string)
	objectEnd() error
	arrayStart()
	arrayEnd() error
}

// parse reads the whole text.
func (l *jsonLexer) parse(sink jsonSink) error {
	if err := l.next(); err != nil {
		return err
	}
	if err := l.value(sink); err != nil {
		return err
	}
	if l.tok != jsonEnd {
		return l.unexpected("end of input")
	}
	return nil
}

// value reads a value, whose first token is the current one, and the token after it.
func (l *jsonLexer) value(sink jsonSink) error {
	switch l.tok {
	case jsonObjectStart:
		return l.object(sink)
	case jsonArrayStart:
		return l.array(sink)
	case jsonString, jsonNumber, jsonTrue, jsonFalse, jsonNull:
		if sink != nil {
			if err := sink.scalar(l); err != nil {
				return err
			}
		}
		return l.next()
	}
	return l.unexpected("JSON value")
}

func (l *jsonLexer) object(sink jsonSink) error {
	if err := l.push(); err != nil {
		return err
	}
	if sink != nil {
		sink.objectStart()
	}
	if err := l.next(); err != nil {
		return err
	}
	for first := true; l.tok != jsonObjectEnd || !first; first = false {
		if l.tok != jsonString {
			if first {
				return l.unexpected("string or \"}\"")
			}
			return l.unexpected("string")
		}
		if sink != nil {
			sink.key(l.str)
		}
		if err := l.next(); err != nil {
			return err
		}
		if l.tok != jsonColon {
			return l.unexpected("\":\"")
		}
		if err := l.next(); err != nil {
			return err
		}
		if err := l.value(sink); err != nil {
			return err
		}
		if l.tok == jsonObjectEnd {
			break
		}
		if l.tok != jsonComma {
			return l.unexpected("\",\" or \"}\"")
		}
		if err := l.next(); err != nil {
			return err
		}
	}
	l.depth--
	if sink != nil {
		if err := sink.objectEnd(); err != nil {
			return err
		}
	}
	return l.next()
}

func (l *jsonLexer) array(sink jsonSink) error {
	if err := l.push(); err != nil {
		return err
	}
	if sink != nil {
		sink.arrayStart()
	}
	if err := l.next(); err != nil {
		return err
	}
	for first := true; l.tok != jsonArrayEnd || !first; first = false {
		if err := l.value(sink); err != nil {
			return err
		}
		if l.tok == jsonArrayEnd {
			break
		}
		if l.tok != jsonComma {
			return l.unexpected("\",\" or \"]\"")
		}
		if err := l.next(); err != nil {
			return err
		}
	}
	l.depth--
	if sink != nil {
		if err := sink.arrayEnd(); err != nil {
			return err
		}
	}
	return l.next()
}
