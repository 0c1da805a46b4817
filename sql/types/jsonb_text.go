package types

import (
	"sync"

	"kimberlite/sql/pgerr"
)

func jsonbIn(_ *Ctx, _ T, s string) (Datum, error) {
	j, err := ParseJsonb(s)
	return Str(string(j)), err
}

// ParseJsonb reads JSON text.
func ParseJsonb(s string) (Jsonb, error) {
	l := newJSONLexer(s, true)
	b := jsonbSinks.Get().(*jsonbSink)
	if err := l.parse(b); err != nil {
		b.Reset()
		jsonbSinks.Put(b)
		return "", err
	}
	j := b.Finish()
	if cap(b.buf) <= jsonbKeepMax {
		jsonbSinks.Put(b)
	}
	return j, nil
}

// jsonbSinks keeps the builders' memory from one value to the next.
var jsonbSinks = sync.Pool{New: func() any { return new(jsonbSink) }}

// jsonbRecv reads the binary form: version 1, then text.
func jsonbRecv(ctx *Ctx, t T, b []byte) (Datum, error) {
	if len(b) == 0 {
		return Datum{}, exactly(b, 1)
	}
	if b[0] != 1 {
		return Datum{}, pgerr.Newf(pgerr.InternalError, "unsupported jsonb version number %d", b[0])
	}
	s := string(b[1:])
	if err := CheckUTF8(s); err != nil {
		return Datum{}, err
	}
	return jsonbIn(ctx, t, s)
}

// jsonbSink builds a jsonb value from the parser's calls.
type jsonbSink struct{ JsonbBuilder }

func (b *jsonbSink) scalar(l *jsonLexer) error {
	switch l.tok {
	case jsonString:
		if len(l.str) > jsonbStringMax {
			return pgerr.New(pgerr.ProgramLimitExceeded, "string too long to represent as jsonb string").
				WithDetail("Due to an implementation restriction, jsonb strings cannot exceed %d bytes.", jsonbStringMax)
		}
		b.String(l.str)
	case jsonNumber:
		text := l.in[l.start:l.end]
		if len(text) < 18 && skipDigits(text, 0) == len(text) {
			n := int64(0)
			for _, c := range []byte(text) {
				n = n*10 + int64(c-'0')
			}
			b.Int(n)
			return nil
		}
		n, err := ParseNumeric(text)
		if err != nil {
			return err
		}
		b.Numeric(n)
	case jsonTrue, jsonFalse:
		b.Bool(l.tok == jsonTrue)
	default:
		b.Null()
	}
	return nil
}

func (b *jsonbSink) objectStart()     { b.BeginObject() }
func (b *jsonbSink) key(s string)     { b.Key(s) }
func (b *jsonbSink) objectEnd() error { return b.EndObject() }
func (b *jsonbSink) arrayStart()      { b.BeginArray() }
func (b *jsonbSink) arrayEnd() error  { return b.EndArray() }

// AppendText appends the value as JSON text, with a blank after each comma and colon.
func (j Jsonb) AppendText(dst []byte) []byte {
	switch j.Kind() {
	case JSONNull:
		return append(dst, "null"...)
	case JSONBoolean:
		if j.Bool() {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	case JSONString:
		return AppendJSONString(dst, j.Str())
	case JSONNumber:
		return AppendNumeric(dst, j.Numeric())
	case JSONArray:
		dst = append(dst, '[')
		for i := range j.Len() {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = j.Elem(i).AppendText(dst)
		}
		return append(dst, ']')
	}
	dst = append(dst, '{')
	for i := range j.Len() {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(AppendJSONString(dst, j.Key(i)), ": "...)
		dst = j.Elem(i).AppendText(dst)
	}
	return append(dst, '}')
}

// String returns the value as JSON text.
func (j Jsonb) String() string { return string(j.AppendText(nil)) }

// AppendPretty appends the value as jsonb_pretty prints it: a member a line, indented by four blanks a level.
func (j Jsonb) AppendPretty(dst []byte) []byte { return j.appendPretty(dst, 0) }

func (j Jsonb) appendPretty(dst []byte, level int) []byte {
	newline := func(level int) {
		dst = append(dst, '\n')
		for range level {
			dst = append(dst, "    "...)
		}
	}
	if j.IsScalar() {
		return j.AppendText(dst)
	}
	object := j.IsObject()
	if object {
		dst = append(dst, '{')
	} else {
		dst = append(dst, '[')
	}
	for i := range j.Len() {
		if i > 0 {
			dst = append(dst, ',')
		}
		newline(level + 1)
		if object {
			dst = append(AppendJSONString(dst, j.Key(i)), ": "...)
		}
		dst = j.Elem(i).appendPretty(dst, level+1)
	}
	newline(level)
	if object {
		return append(dst, '}')
	}
	return append(dst, ']')
}
