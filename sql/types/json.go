package types

import (
	"strconv"

	"kimberlite/sql/pgerr"
)

func init() {
	register(ops{in: jsonIn, out: func(_ *Ctx, _ T, d Datum, dst []byte) []byte { return append(dst, d.S...) },
		recv: func(ctx *Ctx, t T, b []byte) (Datum, error) {
			s := string(b)
			if err := CheckUTF8(s); err != nil {
				return Datum{}, err
			}
			return jsonIn(ctx, t, s)
		},
		send: func(_ *Ctx, _ T, d Datum, dst []byte) []byte { return append(dst, d.S...) }}, OIDJson)
}

func itoa(n int) string { return strconv.Itoa(n) }

// jsonIn checks the text and keeps it as it is.
func jsonIn(_ *Ctx, _ T, s string) (Datum, error) {
	if err := ValidateJSON(s); err != nil {
		return Datum{}, err
	}
	return Str(s), nil
}

// ValidateJSON checks JSON text; the error is that of the input function.
func ValidateJSON(s string) error {
	l := newJSONLexer(s, false)
	return l.parse(nil)
}

// AppendJSONString appends s as a JSON string in quotes.
func AppendJSONString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(dst, s[from:]...), '"')
}

// JSONKind is what a JSON value is, as json_typeof names it.
type JSONKind uint8

// The kinds, in jsonb's order.
const (
	JSONNull JSONKind = iota
	JSONString
	JSONNumber
	JSONBoolean
	JSONArray
	JSONObject
)

func (k JSONKind) String() string {
	return [...]string{"null", "string", "number", "boolean", "array", "object"}[k]
}

func (t jsonToken) kind() JSONKind {
	switch t {
	case jsonString:
		return JSONString
	case jsonNumber:
		return JSONNumber
	case jsonTrue, jsonFalse:
		return JSONBoolean
	case jsonArrayStart:
		return JSONArray
	case jsonObjectStart:
		return JSONObject
	}
	return JSONNull
}

// JSONTypeof returns the kind of a json value.
func JSONTypeof(s string) JSONKind {
	l := newJSONLexer(s, false)
	if l.next() != nil {
		return JSONNull
	}
	return l.tok.kind()
}

// JSONMember is an element of a json array or a pair of a json object, in the text's own words.
type JSONMember struct {
	Key  string // of an object
	Text string // the value's text, verbatim
	Kind JSONKind
	// value is the text of a string or other scalar with unescaping done, for ->>.
	value string
}

// Value returns the member as text: strings without quotes and escapes, other values verbatim. A JSON null is ok = false.
func (m JSONMember) Value() (text string, ok bool) {
	switch m.Kind {
	case JSONNull:
		return "", false
	case JSONString:
		return m.value, true
	}
	return m.Text, true
}

// JSONRoot returns a json value as a member of nothing.
func JSONRoot(s string) (JSONMember, error) {
	l := newJSONLexer(s, true)
	if err := l.next(); err != nil {
		return JSONMember{}, err
	}
	return l.member("")
}

// member reads the value at the current token.
func (l *jsonLexer) member(key string) (JSONMember, error) {
	m := JSONMember{Key: key, Kind: l.tok.kind(), value: l.str}
	start := l.start
	if err := l.value(nil); err != nil {
		return m, err
	}
	m.Text = l.in[start:l.prevEnd]
	return m, nil
}

// JSONEach calls f for each member of a json array or object until it returns false; a scalar has none.
func JSONEach(s string, f func(i int, m JSONMember) bool) error {
	l := newJSONLexer(s, true)
	if err := l.next(); err != nil {
		return err
	}
	open := l.tok
	if open != jsonObjectStart && open != jsonArrayStart {
		return nil
	}
	if err := l.next(); err != nil {
		return err
	}
	for i := 0; l.tok != jsonObjectEnd && l.tok != jsonArrayEnd; i++ {
		key := ""
		if open == jsonObjectStart {
			key = l.str
			if err := l.next(); err != nil { // the colon
				return err
			}
			if err := l.next(); err != nil {
				return err
			}
		}
		m, err := l.member(key)
		if err != nil {
			return err
		}
		if !f(i, m) {
			return nil
		}
		if l.tok == jsonComma {
			if err := l.next(); err != nil {
				return err
			}
		}
	}
	return nil
}

// JSONGetField is json -> text: the last member with the key. ok is false if there is none or s is no object.
func JSONGetField(s, key string) (m JSONMember, ok bool, err error) {
	if JSONTypeof(s) != JSONObject {
		return m, false, nil
	}
	err = JSONEach(s, func(_ int, c JSONMember) bool {
		if c.Key == key {
			m, ok = c, true
		}
		return true
	})
	return m, ok, err
}

// JSONGetElement is json -> int: negative positions count from the end.
func JSONGetElement(s string, index int) (m JSONMember, ok bool, err error) {
	if JSONTypeof(s) != JSONArray {
		return m, false, nil
	}
	if index < 0 {
		n, err := JSONArrayLength(s)
		if err != nil || index < -n {
			return m, false, err
		}
		index += n
	}
	err = JSONEach(s, func(i int, c JSONMember) bool {
		m, ok = c, i == index
		return !ok
	})
	return m, ok, err
}

// JSONGetPath is json #> text[].
func JSONGetPath(s string, path []string) (m JSONMember, ok bool, err error) {
	if m, err = JSONRoot(s); err != nil {
		return m, false, err
	}
	for _, step := range path {
		switch m.Kind {
		case JSONObject:
			m, ok, err = JSONGetField(m.Text, step)
		case JSONArray:
			i, isInt := pathIndex(step)
			if !isInt {
				return m, false, nil
			}
			m, ok, err = JSONGetElement(m.Text, i)
		default:
			ok = false
		}
		if !ok || err != nil {
			return m, false, err
		}
	}
	return m, true, nil
}

// pathIndex reads a step of a path as an array position.
func pathIndex(s string) (int, bool) {
	t := s
	for t != "" && isSpace(t[0]) {
		t = t[1:]
	}
	v, n, over := leadingInt(t, 32)
	return int(v), n > 0 && n == len(t) && !over
}

// JSONArrayLength is json_array_length.
func JSONArrayLength(s string) (n int, err error) {
	switch JSONTypeof(s) {
	case JSONArray:
		err = JSONEach(s, func(int, JSONMember) bool { n++; return true })
		return n, err
	case JSONObject:
		return 0, pgerr.New(pgerr.InvalidParameterValue, "cannot get array length of a non-array")
	}
	return 0, pgerr.New(pgerr.InvalidParameterValue, "cannot get array length of a scalar")
}

// JSONStripNulls is json_strip_nulls: without the members of objects that are null, and without insignificant blanks.
func JSONStripNulls(s string) (string, error) {
	l := newJSONLexer(s, true)
	st := jsonStripper{}
	if err := l.parse(&st); err != nil {
		return "", err
	}
	return string(st.buf), nil
}

// jsonStripper writes compact JSON without null members.
type jsonStripper struct {
	buf     []byte
	pending []byte // a key whose value is not known yet
}

func (st *jsonStripper) separate() {
	if n := len(st.buf); n > 0 && st.buf[n-1] != '{' && st.buf[n-1] != '[' && st.buf[n-1] != ':' {
		st.buf = append(st.buf, ',')
	}
	if st.pending != nil {
		st.buf = append(st.buf, st.pending...)
		st.pending = nil
	}
}

func (st *jsonStripper) scalar(l *jsonLexer) error {
	if l.tok == jsonNull && st.pending != nil {
		st.pending = nil
		return nil
	}
	st.separate()
	if l.tok == jsonString {
		st.buf = AppendJSONString(st.buf, l.str)
	} else {
		st.buf = append(st.buf, l.in[l.start:l.end]...)
	}
	return nil
}

func (st *jsonStripper) objectStart()     { st.separate(); st.buf = append(st.buf, '{') }
func (st *jsonStripper) key(s string)     { st.pending = append(AppendJSONString(nil, s), ':') }
func (st *jsonStripper) objectEnd() error { st.buf = append(st.buf, '}'); return nil }
func (st *jsonStripper) arrayStart()      { st.separate(); st.buf = append(st.buf, '[') }
func (st *jsonStripper) arrayEnd() error  { st.buf = append(st.buf, ']'); return nil }
