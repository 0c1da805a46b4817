package types

import (
	"strconv"
	"strings"
	"unicode/utf8"
	"unsafe"

	"kimberlite/sql/pgerr"
)

func init() {
	plain := ops{in: textIn, out: textOut, recv: textRecv, send: textOut}
	register(plain, OIDText, OIDUnknown, OIDCstring, OIDRefcursor)

	varchar := plain
	varchar.mod = varcharMod
	varchar.in = func(_ *Ctx, t T, s string) (Datum, error) { return varcharMod(Datum{S: s}, t.Mod, false) }
	varchar.recv = checked(varchar.in)
	register(varchar, OIDVarchar)

	bpchar := plain
	bpchar.mod = bpcharMod
	bpchar.in = func(_ *Ctx, t T, s string) (Datum, error) { return bpcharMod(Datum{S: s}, t.Mod, false) }
	bpchar.recv = checked(bpchar.in)
	bpchar.cmp = func(a, b Datum) int { return strings.Compare(trimBlanks(a.S), trimBlanks(b.S)) }
	bpchar.hash = func(d Datum) uint64 { return hashBytes(Datum{S: trimBlanks(d.S)}) }
	bpchar.key = func(dst []byte, d Datum) []byte { return keyBytes(dst, Datum{S: trimBlanks(d.S)}) }
	bpchar.unkey = unkeyBytes
	bpchar.lossy = true
	register(bpchar, OIDBpchar)

	name := plain
	name.in = func(_ *Ctx, _ T, s string) (Datum, error) { return Datum{S: TruncateName(s)}, nil }
	name.recv = nameRecv
	register(name, OIDName)

	// The rest are text that only the server makes.
	made := ops{out: textOut, send: textOut}
	register(made, OIDPgNodeTree, OIDPgNdistinct, OIDPgDependencies, OIDPgMcvList)
	acl := ops{in: textIn, out: textOut}
	register(acl, OIDAclitem)
}

func textIn(_ *Ctx, _ T, s string) (Datum, error) { return Datum{S: s}, nil }

func textOut(_ *Ctx, _ T, d Datum, dst []byte) []byte { return append(dst, d.S...) }

func textRecv(_ *Ctx, _ T, b []byte) (Datum, error) {
	s := string(b)
	return Datum{S: s}, CheckUTF8(s)
}

// checked makes a receive function of an input function of a character type.
func checked(in func(*Ctx, T, string) (Datum, error)) func(*Ctx, T, []byte) (Datum, error) {
	return func(ctx *Ctx, t T, b []byte) (Datum, error) {
		s := string(b)
		if err := CheckUTF8(s); err != nil {
			return Datum{}, err
		}
		return in(ctx, t, s)
	}
}

// CheckUTF8 refuses text that is not UTF-8 or holds a zero byte, with PostgreSQL's error (22021) naming the bytes.
func CheckUTF8(s string) error {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return nil
	}
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r != utf8.RuneError && r != 0 || n > 1 {
			i += n
			continue
		}
		// As many bytes as the first one announces.
		n = 1
		switch c := s[i]; {
		case c&0xe0 == 0xc0:
			n = 2
		case c&0xf0 == 0xe0:
			n = 3
		case c&0xf8 == 0xf0:
			n = 4
		}
		var b strings.Builder
		b.WriteString(`invalid byte sequence for encoding "UTF8":`)
		for _, c := range []byte(s[i:min(i+n, len(s))]) {
			b.WriteString(" 0x")
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
		}
		return pgerr.New(pgerr.CharacterNotInRepertoire, b.String())
	}
	return nil
}

const hexDigits = "0123456789abcdef"

// prefixChars returns the byte length of the first n characters of s; the whole when it has no more.
func prefixChars(s string, n int) int {
	if len(s) <= n {
		return len(s)
	}
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}

func trimBlanks(s string) string { return strings.TrimRight(s, " ") }

// varcharMod cuts what is beyond varchar(n): blanks always, other characters only in an explicit cast.
func varcharMod(d Datum, mod int32, explicit bool) (Datum, error) {
	if mod < modHeader {
		return d, nil
	}
	n := int(mod - modHeader)
	cut := prefixChars(d.S, n)
	if cut == len(d.S) {
		return d, nil
	}
	if !explicit && trimBlanks(d.S[cut:]) != "" {
		return Datum{}, pgerr.New(pgerr.StringDataRightTruncation, "value too long for type character varying("+strconv.Itoa(n)+")")
	}
	return Datum{S: d.S[:cut]}, nil
}

// bpcharMod pads to char(n), or cuts as varcharMod does.
func bpcharMod(d Datum, mod int32, explicit bool) (Datum, error) {
	if mod < modHeader {
		return d, nil
	}
	n := int(mod - modHeader)
	have := len(d.S)
	for i := 0; i < len(d.S); i++ {
		if d.S[i] >= utf8.RuneSelf {
			have = utf8.RuneCountInString(d.S)
			break
		}
	}
	if have == n {
		return d, nil
	}
	if have < n {
		buf := make([]byte, len(d.S)+n-have)
		for i := copy(buf, d.S); i < len(buf); i++ {
			buf[i] = ' '
		}
		return Datum{S: unsafe.String(&buf[0], len(buf))}, nil
	}
	cut := prefixChars(d.S, n)
	if !explicit && trimBlanks(d.S[cut:]) != "" {
		return Datum{}, pgerr.New(pgerr.StringDataRightTruncation, "value too long for type character("+strconv.Itoa(n)+")")
	}
	return Datum{S: d.S[:cut]}, nil
}

// TruncateName cuts an identifier to 63 bytes, between characters.
func TruncateName(s string) string {
	if len(s) <= nameLenMax {
		return s
	}
	n := nameLenMax
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func nameRecv(_ *Ctx, _ T, b []byte) (Datum, error) {
	if len(b) > nameLenMax {
		return Datum{}, pgerr.New(pgerr.NameTooLong, "identifier too long").
			WithDetail("Identifier must be less than %d characters.", nameLenMax+1)
	}
	s := string(b)
	return Datum{S: s}, CheckUTF8(s)
}
