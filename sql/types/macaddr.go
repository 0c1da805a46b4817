package types

import (
	"strings"

	"kimberlite/sql/pgerr"
)

// A macaddr is packed as its six bytes, a macaddr8 as its eight; bytes order them.

func init() {
	for _, m := range []struct {
		oid OID
		n   int
		in  func(s string) (string, error)
	}{{OIDMacaddr, 6, ParseMacaddr}, {OIDMacaddr8, 8, ParseMacaddr8}} {
		register(ops{
			in: func(_ *Ctx, _ T, s string) (Datum, error) {
				p, err := m.in(s)
				return Str(p), err
			},
			out: func(_ *Ctx, _ T, d Datum, dst []byte) []byte { return appendMac(dst, d.S) },
			recv: func(_ *Ctx, _ T, b []byte) (Datum, error) {
				if m.n == 8 && len(b) == 6 {
					return Str(MacaddrToMacaddr8(string(b))), nil
				}
				return Str(string(b)), exactly(b, m.n)
			},
			send: func(_ *Ctx, _ T, d Datum, dst []byte) []byte { return append(dst, d.S...) },
			key:  func(dst []byte, d Datum) []byte { return append(dst, d.S...) },
			unkey: func(src []byte) (Datum, []byte, error) {
				if len(src) < m.n {
					return Datum{}, nil, errKey
				}
				return Str(string(src[:m.n])), src[m.n:], nil
			},
		}, m.oid)
	}
}

func appendMac(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	for i := 0; i < len(s); i++ {
		if i > 0 {
			dst = append(dst, ':')
		}
		dst = append(dst, hex[s[i]>>4], hex[s[i]&15])
	}
	return dst
}

// macForms are the texts of a macaddr: digits per number (0: any), and what stands after each number.
var macForms = []struct {
	digits int
	seps   string // one byte a number; 0 is nothing
}{
	{0, ":::::"}, {0, "-----"}, {2, "\x00\x00:\x00\x00"}, {2, "\x00\x00-\x00\x00"}, {2, "\x00.\x00.\x00"}, {2, "\x00-\x00-\x00"},
	{2, "\x00\x00\x00\x00\x00"},
}

// ParseMacaddr reads the text form of a macaddr.
func ParseMacaddr(s string) (packed string, err error) {
	for _, f := range macForms {
		b, big, ok := scanMac(s, f.digits, f.seps)
		if !ok {
			continue
		}
		if big {
			return "", pgerr.Newf(pgerr.NumericValueOutOfRange, "invalid octet value in \"macaddr\" value: \"%s\"", s)
		}
		return string(b[:]), nil
	}
	return "", pgerr.Newf(pgerr.InvalidTextRepresentation, "invalid input syntax for type macaddr: \"%s\"", s)
}

// scanMac reads six hexadecimal numbers; big says that one of them is no octet.
func scanMac(s string, digits int, seps string) (b [6]byte, big, ok bool) {
	i := 0
	for k := range b {
		for i < len(s) && isSpace(s[i]) {
			i++
		}
		v, n := scanHex(s[i:], digits)
		i += n
		if n == 0 {
			return b, false, false
		}
		big = big || v < 0 || v > 255
		b[k] = byte(v)
		if k < len(seps) && seps[k] != 0 {
			if i >= len(s) || s[i] != seps[k] {
				return b, false, false
			}
			i++
		}
	}
	return b, big, strings.TrimLeft(s[i:], " \t\n\v\f\r") == ""
}

// scanHex reads a hexadecimal number of at most width characters (0: any number) as C's sscanf does: with a sign and 0x, which
// count. n is how many it took, 0 for no number.
func scanHex(s string, width int) (v, n int) {
	if width > 0 && len(s) > width {
		s = s[:width]
	}
	neg := false
	if s != "" && (s[0] == '-' || s[0] == '+') {
		neg = s[0] == '-'
		n++
	}
	start := n
	if strings.HasPrefix(s[n:], "0x") || strings.HasPrefix(s[n:], "0X") {
		n += 2
	}
	for n < len(s) && hexDigit(s[n]) >= 0 {
		v = min(v<<4|hexDigit(s[n]), 1<<16)
		n++
	}
	if n == start {
		return 0, 0
	}
	if neg {
		v = -v
	}
	return v, n
}

// ParseMacaddr8 reads the text form of a macaddr8: six or eight pairs of digits.
func ParseMacaddr8(s string) (packed string, err error) {
	bad := func() (string, error) {
		return "", pgerr.Newf(pgerr.InvalidTextRepresentation, "invalid input syntax for type macaddr8: \"%s\"", s)
	}
	var b [8]byte
	n := 0
	sep := byte(0)
	t := strings.TrimLeft(s, " \t\n\v\f\r")
	for len(t) >= 2 {
		hi, lo := hexDigit(t[0]), hexDigit(t[1])
		if hi < 0 || lo < 0 || n == 8 {
			return bad()
		}
		b[n] = byte(hi<<4 | lo)
		n++
		t = t[2:]
		if t != "" && (t[0] == ':' || t[0] == '-' || t[0] == '.') {
			if sep != 0 && sep != t[0] {
				return bad()
			}
			sep = t[0]
			t = t[1:]
		}
		if (n == 6 || n == 8) && t != "" && isSpace(t[0]) {
			if t = strings.TrimLeft(t, " \t\n\v\f\r"); t != "" {
				return bad()
			}
		}
	}
	switch n {
	case 6:
		return MacaddrToMacaddr8(string(b[:6])), nil
	case 8:
		return string(b[:]), nil
	}
	return bad()
}

// MacaddrToMacaddr8 is the cast to macaddr8.
func MacaddrToMacaddr8(packed string) string { return packed[:3] + "\xff\xfe" + packed[3:] }

// Macaddr8ToMacaddr is the cast to macaddr; 22003 for an address that is no extended macaddr.
func Macaddr8ToMacaddr(packed string) (string, error) {
	if packed[3] != 0xff || packed[4] != 0xfe {
		return "", pgerr.New(pgerr.NumericValueOutOfRange, "macaddr8 data out of range to convert to macaddr").
			WithHint("Only addresses that have FF and FE as values in the 4th and 5th bytes from the left, for example xx:xx:xx:ff:fe:xx:xx:xx, " +
				"are eligible to be converted from macaddr8 to macaddr.")
	}
	return packed[:3] + packed[5:], nil
}

// MacTrunc is trunc(macaddr) and trunc(macaddr8): the last bytes zero, which leaves the manufacturer.
func MacTrunc(packed string) string { return packed[:3] + strings.Repeat("\x00", len(packed)-3) }

// MacNot is ~ of both types.
func MacNot(packed string) string {
	b := []byte(packed)
	for i := range b {
		b[i] = ^b[i]
	}
	return string(b)
}

// MacAnd is & of two values of one type.
func MacAnd(x, y string) string {
	b := []byte(x)
	for i := range b {
		b[i] &= y[i]
	}
	return string(b)
}

// MacOr is | of two values of one type.
func MacOr(x, y string) string {
	b := []byte(x)
	for i := range b {
		b[i] |= y[i]
	}
	return string(b)
}

// Macaddr8Set7bit is macaddr8_set7bit: the address as it stands in an IPv6 address.
func Macaddr8Set7bit(packed string) string { b := []byte(packed); b[0] |= 2; return string(b) }
