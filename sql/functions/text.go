package functions

import (
	"strings"
	"unicode/utf8"

	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// The everyday text functions and operators (9.4, 9.7): concatenation, length, case, substrings and trimming.

// text1 registers a function from one text to another.
func text1(src string, fn func(s string) string) {
	textFn(src, func(a []types.Datum) (types.Datum, error) { return types.Str(fn(a[0].S)), nil })
}

func textFn(src string, fn func(a []types.Datum) (types.Datum, error)) {
	if _, done := scalars[src]; done {
		return
	}
	scalar(src, func(_ *Call, a []types.Datum) (types.Datum, error) { return fn(a) })
}

func init() {
	textFn("textcat", func(a []types.Datum) (types.Datum, error) { return types.Str(a[0].S + a[1].S), nil })
	textFn("byteacat", func(a []types.Datum) (types.Datum, error) { return types.Str(a[0].S + a[1].S), nil })
	length := func(a []types.Datum) (types.Datum, error) {
		return types.Int(int64(utf8.RuneCountInString(a[0].S))), nil
	}
	textFn("textlen", length)
	textFn("bpcharlen", func(a []types.Datum) (types.Datum, error) {
		return types.Int(int64(utf8.RuneCountInString(strings.TrimRight(a[0].S, " ")))), nil
	})
	octets := func(a []types.Datum) (types.Datum, error) { return types.Int(int64(len(a[0].S))), nil }
	textFn("textoctetlen", octets)
	textFn("byteaoctetlen", octets)
	textFn("bpcharoctetlen", octets)
	text1("upper", strings.ToUpper)
	text1("lower", strings.ToLower)
	text1("text_reverse", reverse)
	text1("quote_ident", catalog.QuoteIdent)
	text1("quote_literal", quoteLiteral)
	textFn("text_substr", func(a []types.Datum) (types.Datum, error) { return substring(a[0].S, a[1].I, &a[2].I) })
	textFn("text_substr_no_len", func(a []types.Datum) (types.Datum, error) { return substring(a[0].S, a[1].I, nil) })
	textFn("textpos", func(a []types.Datum) (types.Datum, error) {
		i := strings.Index(a[0].S, a[1].S)
		if i < 0 {
			return types.Int(0), nil
		}
		return types.Int(int64(utf8.RuneCountInString(a[0].S[:i])) + 1), nil
	})
	textFn("replace_text", func(a []types.Datum) (types.Datum, error) {
		if a[1].S == "" {
			return a[0], nil
		}
		return types.Str(strings.ReplaceAll(a[0].S, a[1].S, a[2].S)), nil
	})
	textFn("text_starts_with", func(a []types.Datum) (types.Datum, error) { return types.Bool(strings.HasPrefix(a[0].S, a[1].S)), nil })
	textFn("text_left", func(a []types.Datum) (types.Datum, error) { return types.Str(leftRight(a[0].S, a[1].I, true)), nil })
	textFn("text_right", func(a []types.Datum) (types.Datum, error) { return types.Str(leftRight(a[0].S, a[1].I, false)), nil })
	textFn("repeat", repeatText)
	textFn("lpad", func(a []types.Datum) (types.Datum, error) { return pad(a[0].S, a[1].I, a[2].S, true) })
	textFn("rpad", func(a []types.Datum) (types.Datum, error) { return pad(a[0].S, a[1].I, a[2].S, false) })
	textFn("split_part", splitPart)
	text1("btrim1", func(s string) string { return strings.Trim(s, " ") })
	text1("ltrim1", func(s string) string { return strings.TrimLeft(s, " ") })
	text1("rtrim1", func(s string) string { return strings.TrimRight(s, " ") })
	textFn("btrim", func(a []types.Datum) (types.Datum, error) { return types.Str(strings.Trim(a[0].S, a[1].S)), nil })
	textFn("ltrim", func(a []types.Datum) (types.Datum, error) { return types.Str(strings.TrimLeft(a[0].S, a[1].S)), nil })
	textFn("rtrim", func(a []types.Datum) (types.Datum, error) { return types.Str(strings.TrimRight(a[0].S, a[1].S)), nil })
	text1("text_name", types.TruncateName)
	text1("name_text", func(s string) string { return s })
	text1("bpchar_name", func(s string) string { return types.TruncateName(strings.TrimRight(s, " ")) })
	text1("name_bpchar", func(s string) string { return s })
	for src, t := range map[string]types.OID{"varchar": types.OIDVarchar, "bpchar": types.OIDBpchar} {
		t := t
		if _, done := scalars[src]; done {
			continue
		}
		scalar(src, func(c *Call, a []types.Datum) (types.Datum, error) {
			return types.ApplyMod(c.Env.IO, types.T{OID: t, Mod: int32(a[1].I)}, a[0], a[2].IsTrue())
		})
	}
	registerLike()
	registerRegexp()
	registerConcat()
}

func reverse(s string) string {
	r := []rune(s)
	for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
		r[i], r[j] = r[j], r[i]
	}
	return string(r)
}

func quoteLiteral(s string) string {
	q := "'" + strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), "'", "''") + "'"
	if strings.Contains(s, `\`) {
		return "E" + q
	}
	return q
}

// substring is SUBSTRING(s FROM start [FOR n]) in characters; positions before the first count against the length.
func substring(s string, start int64, n *int64) (types.Datum, error) {
	end := int64(1) << 62
	if n != nil {
		if *n < 0 {
			return types.Datum{}, pgerr.New(pgerr.SubstringError, "negative substring length not allowed")
		}
		end = start + *n
	}
	start = max(start, 1)
	if end <= start {
		return types.Str(""), nil
	}
	from, to, i := -1, len(s), int64(1)
	for at := range s {
		if i == start {
			from = at
		}
		if i == end {
			to = at
			break
		}
		i++
	}
	if from < 0 {
		return types.Str(""), nil
	}
	return types.Str(s[from:to]), nil
}

// leftRight takes n characters from an end; a negative n leaves so many at the other end out.
func leftRight(s string, n int64, left bool) string {
	r := []rune(s)
	count := int64(len(r))
	if n < 0 {
		n = max(0, count+n)
	}
	n = min(n, count)
	if left {
		return string(r[:n])
	}
	return string(r[count-n:])
}

const textMax = 1 << 30 // MaxAllocSize

func repeatText(a []types.Datum) (types.Datum, error) {
	if a[1].I <= 0 || a[0].S == "" {
		return types.Str(""), nil
	}
	if a[1].I*int64(len(a[0].S)) > textMax {
		return types.Datum{}, pgerr.New(pgerr.ProgramLimitExceeded, "requested length too large")
	}
	return types.Str(strings.Repeat(a[0].S, int(a[1].I))), nil
}

func pad(s string, n int64, fill string, left bool) (types.Datum, error) {
	if n > textMax {
		return types.Datum{}, pgerr.New(pgerr.ProgramLimitExceeded, "requested length too large")
	}
	r := []rune(s)
	n = max(n, 0)
	if int64(len(r)) >= n {
		return types.Str(string(r[:n])), nil
	}
	if fill == "" {
		return types.Str(s), nil
	}
	f := []rune(fill)
	more := make([]rune, n-int64(len(r)))
	for i := range more {
		more[i] = f[i%len(f)]
	}
	if left {
		return types.Str(string(more) + s), nil
	}
	return types.Str(s + string(more)), nil
}

func splitPart(a []types.Datum) (types.Datum, error) {
	n := a[2].I
	if n == 0 {
		return types.Datum{}, pgerr.New(pgerr.InvalidParameterValue, "field position must not be zero")
	}
	parts := []string{a[0].S}
	if a[1].S != "" {
		parts = strings.Split(a[0].S, a[1].S)
	}
	if n < 0 {
		n = int64(len(parts)) + n + 1
	}
	if n < 1 || n > int64(len(parts)) {
		return types.Str(""), nil
	}
	return types.Str(parts[n-1]), nil
}

// registerConcat: concat, concat_ws and format's simplest relatives over any types.
func registerConcat() {
	if _, done := scalars["text_concat"]; done {
		return
	}
	appendAll := func(c *Call, a []types.Datum, from int, sep string) string {
		var b []byte
		first := true
		for i := from; i < len(a); i++ {
			if a[i].Null {
				continue
			}
			if !first {
				b = append(b, sep...)
			}
			first = false
			b = types.AppendText(b, c.Env.IO, c.Args[i], a[i])
		}
		return string(b)
	}
	scalar("text_concat", func(c *Call, a []types.Datum) (types.Datum, error) {
		if c.Variadic {
			return arrayToText(&Call{Env: c.Env, Args: c.Args}, []types.Datum{a[0], types.Str("")})
		}
		return types.Str(appendAll(c, a, 0, "")), nil
	})
	scalar("text_concat_ws", func(c *Call, a []types.Datum) (types.Datum, error) {
		if a[0].Null {
			return types.NullDatum, nil
		}
		if c.Variadic {
			return arrayToText(&Call{Env: c.Env, Args: c.Args[1:]}, []types.Datum{a[1], a[0]})
		}
		return types.Str(appendAll(c, a, 1, a[0].S)), nil
	})
	anyCat := func(c *Call, a []types.Datum) (types.Datum, error) {
		b := types.AppendText(nil, c.Env.IO, c.Args[0], a[0])
		return types.Str(string(types.AppendText(b, c.Env.IO, c.Args[1], a[1]))), nil
	}
	scalarOID(2003, anyCat) // text || anynonarray
	scalarOID(2004, anyCat) // anynonarray || text
}
