package functions

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// The rest of the string functions (9.4): characters and codes, translate, overlay, digests, quoting, Unicode. text.go has the everyday ones.

func init() {
	text1("initcap", initcap)
	textFn("textoverlay", func(a []types.Datum) (types.Datum, error) { return overlay(a[0].S, a[1].S, a[2].I, a[3].I, substring) })
	textFn("textoverlay_no_len", func(a []types.Datum) (types.Datum, error) {
		return overlay(a[0].S, a[1].S, a[2].I, int64(utf8.RuneCountInString(a[1].S)), substring)
	})
	textFn("ascii", func(a []types.Datum) (types.Datum, error) {
		if a[0].S == "" {
			return types.Int(0), nil
		}
		r, _ := utf8.DecodeRuneInString(a[0].S)
		return types.Int(int64(r)), nil
	})
	textFn("chr", func(a []types.Datum) (types.Datum, error) { return chr(a[0].I) })
	textFn("translate", func(a []types.Datum) (types.Datum, error) {
		return types.Str(translate(a[0].S, []rune(a[1].S), []rune(a[2].S))), nil
	})
	textFn("to_hex32", func(a []types.Datum) (types.Datum, error) {
		return types.Str(strconv.FormatUint(uint64(uint32(a[0].I)), 16)), nil
	})
	textFn("to_hex64", func(a []types.Datum) (types.Datum, error) {
		return types.Str(strconv.FormatUint(uint64(a[0].I), 16)), nil
	})
	md5Hex := func(s string) string {
		sum := md5.Sum([]byte(s))
		return hex.EncodeToString(sum[:])
	}
	text1("md5_text", md5Hex)
	text1("md5_bytea", md5Hex)
	text1("sha224_bytea", func(s string) string { sum := sha256.Sum224([]byte(s)); return string(sum[:]) })
	text1("sha256_bytea", func(s string) string { sum := sha256.Sum256([]byte(s)); return string(sum[:]) })
	text1("sha384_bytea", func(s string) string { sum := sha512.Sum384([]byte(s)); return string(sum[:]) })
	text1("sha512_bytea", func(s string) string { sum := sha512.Sum512([]byte(s)); return string(sum[:]) })
	textFn("quote_nullable", func(a []types.Datum) (types.Datum, error) {
		if a[0].Null {
			return types.Str("NULL"), nil
		}
		return types.Str(quoteLiteral(a[0].S)), nil
	})
	quoteAny := func(c *Call, a []types.Datum) (types.Datum, error) {
		if a[0].Null { // quote_literal is strict
			return types.Str("NULL"), nil
		}
		return types.Str(quoteLiteral(types.Text(c.Env.IO, c.Args[0], a[0]))), nil
	}
	scalarOID(1285, quoteAny)
	scalarOID(1290, quoteAny)
	for oid, left := range map[types.OID]bool{879: true, 880: false} { // lpad and rpad with blanks, defined in SQL
		scalarOID(oid, func(_ *Call, a []types.Datum) (types.Datum, error) { return pad(a[0].S, a[1].I, " ", left) })
	}
	bits := func(_ *Call, a []types.Datum) (types.Datum, error) { return types.Int(int64(len(a[0].S)) * 8), nil }
	scalarOID(1810, bits)
	scalarOID(1811, bits)
	scalarOID(1812, func(_ *Call, a []types.Datum) (types.Datum, error) {
		return types.Int(int64(types.BitLen(a[0].S))), nil
	})
	textFn("unistr", func(a []types.Datum) (types.Datum, error) { return unistr(a[0].S) })
	textFn("unicode_normalize_func", func(a []types.Datum) (types.Datum, error) {
		f, err := normalForm(a[1].S)
		if err != nil {
			return types.Datum{}, err
		}
		return types.Str(f.String(a[0].S)), nil
	})
	textFn("unicode_is_normalized", func(a []types.Datum) (types.Datum, error) {
		f, err := normalForm(a[1].S)
		if err != nil {
			return types.Datum{}, err
		}
		return types.Bool(f.IsNormalString(a[0].S)), nil
	})
	textFn("text_char", func(a []types.Datum) (types.Datum, error) { return types.In(nil, types.Of(types.OIDChar), a[0].S) })
	charText := func(a []types.Datum) (types.Datum, error) {
		return types.Str(types.Text(nil, types.Of(types.OIDChar), a[0])), nil
	}
	textFn("char_text", charText)
	textFn("char_bpchar", charText)
	textFn("nameconcatoid", func(a []types.Datum) (types.Datum, error) {
		suffix := "_" + strconv.FormatInt(a[1].I, 10)
		name := a[0].S
		for len(name)+len(suffix) > 63 {
			_, size := utf8.DecodeLastRuneInString(name)
			name = name[:len(name)-size]
		}
		return types.Str(name + suffix), nil
	})
	if _, done := scalars["text_regclass"]; !done {
		scalar("text_regclass", func(c *Call, a []types.Datum) (types.Datum, error) {
			return types.In(c.Env.IO, types.Of(types.OIDRegclass), a[0].S)
		})
	}
	if _, done := scalars["parse_ident"]; !done {
		scalar("parse_ident", parseIdent)
	}
	for _, src := range []string{"to_ascii_default", "to_ascii_enc", "to_ascii_encname"} {
		textFn(src, func([]types.Datum) (types.Datum, error) {
			return types.Datum{}, pgerr.New(pgerr.FeatureNotSupported, "encoding conversion from UTF8 to ASCII not supported")
		})
	}
}

// initcap capitalizes the first letter of each word; words are of letters and digits.
func initcap(s string) string {
	inside := false
	return strings.Map(func(r rune) rune {
		was := inside
		inside = unicode.IsLetter(r) || unicode.IsDigit(r)
		if was {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, s)
}

// overlay replaces count characters (bytes, by sub) of s from start on.
func overlay(s, with string, start, count int64, sub func(string, int64, *int64) (types.Datum, error)) (types.Datum, error) {
	if start <= 0 {
		return types.Datum{}, pgerr.New(pgerr.SubstringError, "negative substring length not allowed")
	}
	if start+count > 1<<31-1 {
		return types.Datum{}, rangeError(4)
	}
	n := start - 1
	head, err := sub(s, 1, &n)
	if err != nil {
		return types.Datum{}, err
	}
	tail, err := sub(s, start+count, nil)
	return types.Str(head.S + with + tail.S), err
}

func chr(n int64) (types.Datum, error) {
	switch {
	case n < 0:
		return types.Datum{}, pgerr.New(pgerr.InvalidParameterValue, "character number must be positive")
	case n == 0:
		return types.Datum{}, pgerr.New(pgerr.ProgramLimitExceeded, "null character not permitted")
	case n > utf8.MaxRune:
		return types.Datum{}, pgerr.Newf(pgerr.ProgramLimitExceeded, "requested character too large for encoding: %d", n)
	case n >= 0xd800 && n <= 0xdfff:
		return types.Datum{}, pgerr.Newf(pgerr.ProgramLimitExceeded, "requested character not valid for encoding: %d", n)
	}
	return types.Str(string(rune(n))), nil
}

// translate replaces each character of from by the one at the same place of to, or by nothing where to has none.
func translate(s string, from, to []rune) string {
	return strings.Map(func(r rune) rune {
		for i, f := range from {
			if f == r {
				if i < len(to) {
					return to[i]
				}
				return -1
			}
		}
		return r
	}, s)
}

func normalForm(name string) (norm.Form, error) {
	forms := map[string]norm.Form{"NFC": norm.NFC, "NFD": norm.NFD, "NFKC": norm.NFKC, "NFKD": norm.NFKD}
	f, ok := forms[strings.ToUpper(name)]
	if !ok {
		return 0, pgerr.Newf(pgerr.InvalidParameterValue, "invalid normalization form: %s", name)
	}
	return f, nil
}

// unistr expands \XXXX, \+XXXXXX, \uXXXX and \UXXXXXXXX; two codes of a surrogate pair make one character.
func unistr(s string) (types.Datum, error) {
	if strings.IndexByte(s, '\\') < 0 {
		return types.Str(s), nil
	}
	badPair := pgerr.New(pgerr.SyntaxError, "invalid Unicode surrogate pair")
	var b strings.Builder
	high := rune(0)
	for s != "" {
		if s[0] != '\\' || strings.HasPrefix(s, `\\`) {
			if high != 0 {
				return types.Datum{}, badPair
			}
			b.WriteByte(s[0])
			if s[0] == '\\' {
				s = s[1:]
			}
			s = s[1:]
			continue
		}
		skip, digits := 1, 4
		switch {
		case strings.HasPrefix(s, `\+`):
			skip, digits = 2, 6
		case strings.HasPrefix(s, `\u`):
			skip = 2
		case strings.HasPrefix(s, `\U`):
			skip, digits = 2, 8
		}
		if len(s) < skip+digits {
			return types.Datum{}, errUnicodeEscape()
		}
		v, err := strconv.ParseUint(s[skip:skip+digits], 16, 32)
		if err != nil {
			return types.Datum{}, errUnicodeEscape()
		}
		s = s[skip+digits:]
		switch {
		case v == 0 || v > utf8.MaxRune:
			return types.Datum{}, pgerr.Newf(pgerr.InvalidParameterValue, "invalid Unicode code point: %04X", v)
		case high != 0:
			if v < 0xdc00 || v > 0xdfff {
				return types.Datum{}, badPair
			}
			b.WriteRune((high-0xd800)<<10 + rune(v) - 0xdc00 + 0x10000)
			high = 0
		case v >= 0xd800 && v <= 0xdbff:
			high = rune(v)
		case v >= 0xdc00 && v <= 0xdfff:
			return types.Datum{}, badPair
		default:
			b.WriteRune(rune(v))
		}
	}
	if high != 0 {
		return types.Datum{}, badPair
	}
	return types.Str(b.String()), nil
}

func errUnicodeEscape() error {
	return pgerr.New(pgerr.SyntaxError, "invalid Unicode escape").
		WithHint(`Unicode escapes must be \XXXX, \+XXXXXX, \uXXXX, or \UXXXXXXXX.`)
}

// parseIdent splits a qualified name into its parts, folding those without quotes; strict refuses anything after it.
func parseIdent(c *Call, a []types.Datum) (types.Datum, error) {
	whole, strict := a[0].S, a[1].IsTrue()
	bad := func(detail string) (types.Datum, error) {
		err := pgerr.Newf(pgerr.InvalidParameterValue, "string is not a valid identifier: \"%s\"", whole)
		if detail != "" {
			err = err.WithDetail("%s", detail)
		}
		return types.Datum{}, err
	}
	isStart := func(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80 }
	var parts []types.Datum
	s := strings.TrimLeft(whole, " \t\n\r\f\v")
	for afterDot := false; ; afterDot = true {
		switch {
		case s != "" && s[0] == '"':
			name, n := "", 1
			for {
				q := strings.IndexByte(s[n:], '"')
				if q < 0 {
					return bad("String has unclosed double quotes.")
				}
				name += s[n : n+q]
				n += q + 1
				if n == len(s) || s[n] != '"' {
					break
				}
				name += `"`
				n++
			}
			if name == "" {
				return bad("Quoted identifier must not be empty.")
			}
			parts, s = append(parts, types.Str(name)), s[n:]
		case s != "" && isStart(s[0]):
			n := 1
			for n < len(s) && (isStart(s[n]) || s[n]-'0' < 10 || s[n] == '$') {
				n++
			}
			parts, s = append(parts, types.Str(strings.ToLower(s[:n]))), s[n:]
		case s != "" && s[0] == '.':
			return bad(`No valid identifier before ".".`)
		case afterDot:
			return bad(`No valid identifier after ".".`)
		default:
			return bad("")
		}
		s = strings.TrimLeft(s, " \t\n\r\f\v")
		if s == "" || s[0] != '.' {
			break
		}
		s = strings.TrimLeft(s[1:], " \t\n\r\f\v")
	}
	if s != "" && strict {
		return bad("")
	}
	return types.Str(types.MakeArray(c.Env.IO, types.OIDText, parts...)), nil
}

func init() {
	scalar("text_format", textFormat)
	scalar("text_format_nv", textFormat)
}

const formatHint = `For a single "%" use "%%".`

// formatArgs are the arguments of format(), those of a VARIADIC array included.
type formatArgs struct {
	c    *Call
	vals []types.Datum
	elem types.OID // of the array's elements, 0 without one
	last int
}

func (f *formatArgs) take(n int) (types.Datum, types.T, error) {
	if n < 1 {
		n = f.last + 1
	}
	f.last = n
	if n > len(f.vals) {
		return types.Datum{}, types.T{}, pgerr.New(pgerr.InvalidParameterValue, "too few arguments for format()")
	}
	if f.elem != 0 {
		return f.vals[n-1], types.Of(f.elem), nil
	}
	return f.vals[n-1], f.c.Args[n], nil
}

// textFormat is format(): %[position$][flags][width]type with types s, I and L.
func textFormat(c *Call, a []types.Datum) (types.Datum, error) {
	if a[0].Null {
		return types.NullDatum, nil
	}
	args := formatArgs{c: c, vals: a[1:]}
	if c.Variadic && len(a) == 2 {
		args.elem = elemType(c, 1)
		args.vals = nil
		if !a[1].Null {
			arr := types.ParseArray(a[1].S)
			args.vals = arr.Elems()
		}
	}
	unterminated := pgerr.New(pgerr.InvalidParameterValue, "unterminated format() type specifier").WithHint(formatHint)
	s := a[0].S
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '%')
		if i < 0 {
			b.WriteString(s)
			return types.Str(b.String()), nil
		}
		b.WriteString(s[:i])
		if s = s[i+1:]; s == "" {
			return types.Datum{}, unterminated
		}
		if s[0] == '%' {
			b.WriteByte('%')
			s = s[1:]
			continue
		}
		spec, rest, err := args.spec(s)
		if err != nil {
			return types.Datum{}, err
		}
		if s = rest; s == "" {
			return types.Datum{}, unterminated
		}
		r, size := utf8.DecodeRuneInString(s)
		if r != 's' && r != 'I' && r != 'L' {
			return types.Datum{}, pgerr.Newf(pgerr.InvalidParameterValue, "unrecognized format() type specifier \"%c\"", r).WithHint(formatHint)
		}
		s = s[size:]
		width, left := spec.width, spec.left
		if spec.widthArg >= 0 {
			if width, err = args.widthOf(spec.widthArg); err != nil {
				return types.Datum{}, err
			}
		}
		if width < 0 {
			width, left = -width, true
		}
		v, t, err := args.take(spec.position)
		if err != nil {
			return types.Datum{}, err
		}
		text, err := formatValue(c, r, v, t)
		if err != nil {
			return types.Datum{}, err
		}
		blanks := int(width) - utf8.RuneCountInString(text)
		if blanks > 0 && !left {
			b.WriteString(strings.Repeat(" ", blanks))
		}
		b.WriteString(text)
		if blanks > 0 && left {
			b.WriteString(strings.Repeat(" ", blanks))
		}
	}
}

func formatValue(c *Call, conversion rune, v types.Datum, t types.T) (string, error) {
	if v.Null {
		switch conversion {
		case 'L':
			return "NULL", nil
		case 'I':
			return "", pgerr.New(pgerr.NullValueNotAllowed, "null values cannot be formatted as an SQL identifier")
		}
		return "", nil
	}
	text := types.Text(c.Env.IO, t, v)
	switch conversion {
	case 'I':
		return catalog.QuoteIdent(text), nil
	case 'L':
		return quoteLiteral(text), nil
	}
	return text, nil
}

// formatSpec is what stands between % and the type letter. widthArg is -1 for none, 0 for the next argument.
type formatSpec struct {
	position, widthArg int
	width              int64
	left               bool
}

func (f *formatArgs) spec(s string) (sp formatSpec, rest string, err error) {
	sp.widthArg = -1
	unterminated := pgerr.New(pgerr.InvalidParameterValue, "unterminated format() type specifier").WithHint(formatHint)
	n, rest, found, err := formatDigits(s)
	if err != nil {
		return sp, rest, err
	}
	if found {
		if rest == "" {
			return sp, rest, unterminated
		}
		if rest[0] != '$' { // a width, and nothing else may stand before the type
			sp.width = n
			return sp, rest, nil
		}
		if n == 0 {
			return sp, rest, errFormatZero()
		}
		sp.position, rest = int(n), rest[1:]
	}
	for strings.HasPrefix(rest, "-") {
		sp.left, rest = true, rest[1:]
	}
	if rest == "" {
		return sp, rest, unterminated
	}
	if rest[0] != '*' {
		sp.width, rest, _, err = formatDigits(rest)
		return sp, rest, err
	}
	n, rest, found, err = formatDigits(rest[1:])
	if err != nil {
		return sp, rest, err
	}
	sp.widthArg = 0
	if found {
		if rest == "" {
			return sp, rest, unterminated
		}
		if rest[0] != '$' {
			return sp, rest, pgerr.New(pgerr.InvalidParameterValue, "width argument position must be ended by \"$\"")
		}
		if n == 0 {
			return sp, rest, errFormatZero()
		}
		sp.widthArg, rest = int(n), rest[1:]
	}
	return sp, rest, nil
}

func errFormatZero() error {
	return pgerr.New(pgerr.InvalidParameterValue, "format specifies argument 0, but arguments are numbered from 1")
}

func formatDigits(s string) (n int64, rest string, found bool, err error) {
	for s != "" && s[0]-'0' < 10 {
		if n = n*10 + int64(s[0]-'0'); n > 1<<31-1 {
			return 0, s, false, pgerr.New(pgerr.NumericValueOutOfRange, "number is out of range")
		}
		s, found = s[1:], true
	}
	return n, s, found, nil
}

// widthOf is the value of a * width argument.
func (f *formatArgs) widthOf(position int) (int64, error) {
	v, t, err := f.take(position)
	if err != nil || v.Null {
		return 0, err
	}
	n, err := types.In(f.c.Env.IO, types.Of(types.OIDInt4), types.Text(f.c.Env.IO, t, v))
	if err != nil {
		return 0, err
	}
	if n.I < -textMax || n.I > textMax {
		return 0, pgerr.New(pgerr.NumericValueOutOfRange, "number is out of range")
	}
	return n.I, nil
}
