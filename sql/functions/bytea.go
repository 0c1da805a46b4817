package functions

import (
	"encoding/base64"
	"encoding/hex"
	"math/bits"
	"strings"
	"unicode/utf8"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// Binary strings (9.5): substrings, single bytes and bits, and the text forms of encode, decode and the conversions between encodings.

func init() {
	textFn("bytea_substr", func(a []types.Datum) (types.Datum, error) { return subBytes(a[0].S, a[1].I, &a[2].I) })
	textFn("bytea_substr_no_len", func(a []types.Datum) (types.Datum, error) { return subBytes(a[0].S, a[1].I, nil) })
	textFn("byteaoverlay", func(a []types.Datum) (types.Datum, error) { return overlay(a[0].S, a[1].S, a[2].I, a[3].I, subBytes) })
	textFn("byteaoverlay_no_len", func(a []types.Datum) (types.Datum, error) {
		return overlay(a[0].S, a[1].S, a[2].I, int64(len(a[1].S)), subBytes)
	})
	textFn("byteapos", func(a []types.Datum) (types.Datum, error) {
		return types.Int(int64(strings.Index(a[0].S, a[1].S) + 1)), nil
	})
	textFn("byteatrim", func(a []types.Datum) (types.Datum, error) {
		return types.Str(trimBytes(a[0].S, a[1].S, true, true)), nil
	})
	textFn("bytealtrim", func(a []types.Datum) (types.Datum, error) {
		return types.Str(trimBytes(a[0].S, a[1].S, true, false)), nil
	})
	textFn("byteartrim", func(a []types.Datum) (types.Datum, error) {
		return types.Str(trimBytes(a[0].S, a[1].S, false, true)), nil
	})
	textFn("byteaGetByte", func(a []types.Datum) (types.Datum, error) {
		if err := checkIndex(a[1].I, int64(len(a[0].S))); err != nil {
			return types.Datum{}, err
		}
		return types.Int(int64(a[0].S[a[1].I])), nil
	})
	textFn("byteaSetByte", func(a []types.Datum) (types.Datum, error) {
		if err := checkIndex(a[1].I, int64(len(a[0].S))); err != nil {
			return types.Datum{}, err
		}
		b := []byte(a[0].S)
		b[a[1].I] = byte(a[2].I)
		return types.Str(string(b)), nil
	})
	textFn("byteaGetBit", func(a []types.Datum) (types.Datum, error) {
		if err := checkIndex(a[1].I, int64(len(a[0].S))*8); err != nil {
			return types.Datum{}, err
		}
		return types.Int(int64(a[0].S[a[1].I/8] >> (a[1].I % 8) & 1)), nil
	})
	textFn("byteaSetBit", func(a []types.Datum) (types.Datum, error) {
		if err := checkIndex(a[1].I, int64(len(a[0].S))*8); err != nil {
			return types.Datum{}, err
		}
		if a[2].I != 0 && a[2].I != 1 {
			return types.Datum{}, errNewBit()
		}
		b := []byte(a[0].S)
		b[a[1].I/8] = b[a[1].I/8]&^(1<<(a[1].I%8)) | byte(a[2].I)<<(a[1].I%8)
		return types.Str(string(b)), nil
	})
	textFn("bytea_bit_count", func(a []types.Datum) (types.Datum, error) { return types.Int(countBits(a[0].S)), nil })
	textFn("binary_encode", func(a []types.Datum) (types.Datum, error) { return binaryEncode(a[0].S, a[1].S) })
	textFn("binary_decode", func(a []types.Datum) (types.Datum, error) { return binaryDecode(a[0].S, a[1].S) })
	textFn("pg_convert_from", func(a []types.Datum) (types.Datum, error) { return convertText(a[0].S, a[1].S, "UTF8") })
	textFn("pg_convert_to", func(a []types.Datum) (types.Datum, error) { return convertText(a[0].S, "UTF8", a[1].S) })
	textFn("pg_convert", func(a []types.Datum) (types.Datum, error) { return convertText(a[0].S, a[1].S, a[2].S) })
	textFn("length_in_encoding", func(a []types.Datum) (types.Datum, error) {
		enc := encodingName(a[1].S)
		if enc == "" {
			return types.Datum{}, pgerr.Newf(pgerr.InvalidParameterValue, "invalid encoding name \"%s\"", a[1].S)
		}
		if enc != "UTF8" {
			return types.Int(int64(len(a[0].S))), nil
		}
		if err := types.CheckUTF8(a[0].S); err != nil {
			return types.Datum{}, err
		}
		return types.Int(int64(utf8.RuneCountInString(a[0].S))), nil
	})
}

func subBytes(s string, start int64, n *int64) (types.Datum, error) {
	end := int64(len(s)) + 1
	if n != nil {
		if *n < 0 {
			return types.Datum{}, pgerr.New(pgerr.SubstringError, "negative substring length not allowed")
		}
		end = min(end, start+*n)
	}
	start = max(start, 1)
	if end <= start {
		return types.Str(""), nil
	}
	return types.Str(s[start-1 : end-1]), nil
}

func trimBytes(s, set string, left, right bool) string {
	for left && s != "" && strings.IndexByte(set, s[0]) >= 0 {
		s = s[1:]
	}
	for right && s != "" && strings.IndexByte(set, s[len(s)-1]) >= 0 {
		s = s[:len(s)-1]
	}
	return s
}

func checkIndex(i, n int64) error {
	if i < 0 || i >= n {
		return pgerr.Newf(pgerr.ArraySubscriptError, "index %d out of valid range, 0..%d", i, n-1)
	}
	return nil
}

func errNewBit() error { return pgerr.New(pgerr.InvalidParameterValue, "new bit must be 0 or 1") }

func countBits(s string) (n int64) {
	for i := 0; i < len(s); i++ {
		n += int64(bits.OnesCount8(s[i]))
	}
	return n
}

func errBinaryEncoding(name string) error {
	return pgerr.Newf(pgerr.InvalidParameterValue, "unrecognized encoding: \"%s\"", name)
}

// base64Line is where encode breaks lines of base64.
const base64Line = 76

func binaryEncode(s, format string) (types.Datum, error) {
	switch strings.ToLower(format) {
	case "hex":
		return types.Str(hex.EncodeToString([]byte(s))), nil
	case "base64":
		text := base64.StdEncoding.EncodeToString([]byte(s))
		var b strings.Builder
		for len(text) > base64Line {
			b.WriteString(text[:base64Line])
			b.WriteByte('\n')
			text = text[base64Line:]
		}
		b.WriteString(text)
		return types.Str(b.String()), nil
	case "escape":
		var b []byte
		for i := 0; i < len(s); i++ {
			switch c := s[i]; {
			case c == 0 || c >= 0x80:
				b = append(b, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
			case c == '\\':
				b = append(b, '\\', '\\')
			default:
				b = append(b, c)
			}
		}
		return types.Str(string(b)), nil
	}
	return types.Datum{}, errBinaryEncoding(format)
}

func binaryDecode(s, format string) (types.Datum, error) {
	switch strings.ToLower(format) {
	case "hex":
		return decodeHex(s)
	case "base64":
		return decodeBase64(s)
	case "escape":
		return decodeEscape(s)
	}
	return types.Datum{}, errBinaryEncoding(format)
}

func isBlank(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// symbol is the character of s at i, for messages.
func symbol(s string, i int) string {
	_, size := utf8.DecodeRuneInString(s[i:])
	return s[i : i+size]
}

func decodeHex(s string) (types.Datum, error) {
	digit := func(c byte) (byte, bool) {
		switch {
		case c-'0' < 10:
			return c - '0', true
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			return c | 0x20 - 'a' + 10, true
		}
		return 0, false
	}
	var b []byte
	for i := 0; i < len(s); i++ {
		if isBlank(s[i]) {
			continue
		}
		hi, ok := digit(s[i])
		if !ok {
			return types.Datum{}, pgerr.Newf(pgerr.InvalidParameterValue, "invalid hexadecimal digit: \"%s\"", symbol(s, i))
		}
		if i++; i >= len(s) {
			return types.Datum{}, pgerr.New(pgerr.InvalidParameterValue, "invalid hexadecimal data: odd number of digits")
		}
		lo, ok := digit(s[i])
		if !ok {
			return types.Datum{}, pgerr.Newf(pgerr.InvalidParameterValue, "invalid hexadecimal digit: \"%s\"", symbol(s, i))
		}
		b = append(b, hi<<4|lo)
	}
	return types.Str(string(b)), nil
}

func decodeBase64(s string) (types.Datum, error) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	var b []byte
	var acc uint32
	pos, end := 0, 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if isBlank(c) {
			continue
		}
		v := 0
		if c == '=' {
			if end == 0 {
				switch pos {
				case 2:
					end = 1
				case 3:
					end = 2
				default:
					return types.Datum{}, pgerr.New(pgerr.InvalidParameterValue, "unexpected \"=\" while decoding base64 sequence")
				}
			}
		} else if v = strings.IndexByte(alphabet, c); v < 0 {
			return types.Datum{}, pgerr.Newf(pgerr.InvalidParameterValue, "invalid symbol \"%s\" found while decoding base64 sequence", symbol(s, i))
		}
		acc = acc<<6 | uint32(v)
		if pos++; pos == 4 {
			b = append(b, byte(acc>>16))
			if end == 0 || end > 1 {
				b = append(b, byte(acc>>8))
			}
			if end == 0 || end > 2 {
				b = append(b, byte(acc))
			}
			acc, pos = 0, 0
		}
	}
	if pos != 0 {
		return types.Datum{}, pgerr.New(pgerr.InvalidParameterValue, "invalid base64 end sequence").
			WithHint("Input data is missing padding, is truncated, or is otherwise corrupted.")
	}
	return types.Str(string(b)), nil
}

func decodeEscape(s string) (types.Datum, error) {
	var b []byte
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != '\\':
			b = append(b, s[i])
		case i+3 < len(s) && s[i+1]-'0' < 4 && s[i+2]-'0' < 8 && s[i+3]-'0' < 8:
			b = append(b, (s[i+1]-'0')<<6|(s[i+2]-'0')<<3|(s[i+3]-'0'))
			i += 3
		case i+1 < len(s) && s[i+1] == '\\':
			b = append(b, '\\')
			i++
		default:
			return types.Datum{}, pgerr.New(pgerr.InvalidTextRepresentation, "invalid input syntax for type bytea")
		}
	}
	return types.Str(string(b)), nil
}

// encodingName is the canonical name of an encoding that conversions know, empty for others.
func encodingName(name string) string {
	clean := strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, name)
	return map[string]string{
		"utf8": "UTF8", "unicode": "UTF8", "sqlascii": "SQL_ASCII", "latin1": "LATIN1", "iso88591": "LATIN1",
	}[clean]
}

// convertText brings text from one encoding to another: UTF8, LATIN1 and SQL_ASCII, which stands for bytes as they are.
func convertText(s, from, to string) (types.Datum, error) {
	src, dst := encodingName(from), encodingName(to)
	for _, e := range []struct{ name, known, what string }{{from, src, "source"}, {to, dst, "destination"}} {
		if e.known != "" {
			continue
		}
		if isEncoding(e.name) {
			return types.Datum{}, pgerr.Unsupported("conversion with encoding "+strings.ToUpper(e.name), "The encodings UTF8, LATIN1 and SQL_ASCII are available.")
		}
		return types.Datum{}, pgerr.Newf(pgerr.InvalidParameterValue, "invalid %s encoding name \"%s\"", e.what, e.name)
	}
	if src == "UTF8" || src == "SQL_ASCII" && dst == "UTF8" {
		if err := types.CheckUTF8(s); err != nil {
			return types.Datum{}, err
		}
	}
	if src == dst || src == "SQL_ASCII" || dst == "SQL_ASCII" {
		return types.Str(s), nil
	}
	if dst == "UTF8" {
		return types.Str(latin1ToUTF8(s)), nil
	}
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if r > 0xff {
			hexBytes := ""
			for _, c := range []byte(string(r)) {
				hexBytes += " 0x" + hex.EncodeToString([]byte{c})
			}
			return types.Datum{}, pgerr.Newf(pgerr.UntranslatableCharacter,
				"character with byte sequence%s in encoding \"%s\" has no equivalent in encoding \"%s\"", hexBytes, "UTF8", "LATIN1")
		}
		b = append(b, byte(r))
	}
	return types.Str(string(b)), nil
}

func latin1ToUTF8(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}

// isEncoding says whether PostgreSQL has an encoding of the name, though conversions here don't.
func isEncoding(name string) bool {
	n := strings.ToLower(strings.NewReplacer("-", "", "_", "", " ", "").Replace(name))
	for _, prefix := range []string{"latin", "iso8859", "win", "windows", "koi8", "euc", "big5", "gbk", "gb18030", "sjis", "shiftjis", "johab", "uhc", "mule"} {
		if strings.HasPrefix(n, prefix) {
			return true
		}
	}
	return false
}
