package types

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
	"unicode/utf8"
	"unsafe"

	"kimberlite/sql/pgerr"
)

func init() {
	register(ops{in: byteaIn, out: byteaOut, recv: func(_ *Ctx, _ T, b []byte) (Datum, error) { return Datum{S: string(b)}, nil }, send: textOut}, OIDBytea)
	register(ops{in: uuidIn, out: uuidOut, recv: uuidRecv, send: textOut}, OIDUuid)
	bit := ops{
		in: bitIn, out: bitOut, recv: bitRecv, send: bitSend, cmp: compareBits, key: bitKey, unkey: bitUnkey, mod: bitLengthMod,
		hash: hashBytes,
	}
	register(bit, OIDBit)
	bit.in, bit.recv, bit.mod = varbitIn, varbitRecv, varbitMod
	register(bit, OIDVarbit)
}

func byteaIn(_ *Ctx, _ T, s string) (Datum, error) {
	if strings.HasPrefix(s, `\x`) {
		b, err := DecodeHex(s[2:])
		return Datum{S: b}, err
	}
	if strings.IndexByte(s, '\\') < 0 {
		return Datum{S: s}, nil
	}
	bad := func() (Datum, error) {
		return Datum{}, pgerr.New(pgerr.InvalidTextRepresentation, "invalid input syntax for type bytea")
	}
	buf := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			buf = append(buf, s[i])
			continue
		}
		switch {
		case i+3 < len(s) && s[i+1]-'0' < 4 && s[i+2]-'0' < 8 && s[i+3]-'0' < 8:
			buf = append(buf, (s[i+1]-'0')<<6|(s[i+2]-'0')<<3|(s[i+3]-'0'))
			i += 3
		case i+1 < len(s) && s[i+1] == '\\':
			buf = append(buf, '\\')
			i++
		default:
			return bad()
		}
	}
	return Datum{S: string(buf)}, nil
}

// DecodeHex decodes pairs of hexadecimal digits with blanks between the pairs; errors are those of decode(..., 'hex').
func DecodeHex(s string) (string, error) {
	buf := make([]byte, 0, len(s)/2)
	for i := 0; i < len(s); {
		c := s[i]
		if c == ' ' || c == '\n' || c == '\t' || c == '\r' {
			i++
			continue
		}
		hi, ok := hexValue(c)
		if !ok {
			return "", invalidHexDigit(s[i:])
		}
		if i++; i >= len(s) {
			return "", pgerr.New(pgerr.InvalidParameterValue, "invalid hexadecimal data: odd number of digits")
		}
		lo, ok := hexValue(s[i])
		if !ok {
			return "", invalidHexDigit(s[i:])
		}
		buf = append(buf, hi<<4|lo)
		i++
	}
	if len(buf) == 0 {
		return "", nil
	}
	return unsafe.String(&buf[0], len(buf)), nil
}

func invalidHexDigit(s string) error {
	_, n := utf8.DecodeRuneInString(s)
	return pgerr.New(pgerr.InvalidParameterValue, `invalid hexadecimal digit: "`+s[:n]+`"`)
}

func byteaOut(ctx *Ctx, _ T, d Datum, dst []byte) []byte {
	if !ctx.ByteaEscape {
		dst = append(dst, '\\', 'x')
		return hex.AppendEncode(dst, unsafe.Slice(unsafe.StringData(d.S), len(d.S)))
	}
	for i := 0; i < len(d.S); i++ {
		switch c := d.S[i]; {
		case c == '\\':
			dst = append(dst, '\\', '\\')
		case c < 0x20 || c > 0x7e:
			dst = append(dst, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// uuidIn takes 32 hexadecimal digits, with a hyphen allowed after every four, perhaps in braces.
func uuidIn(_ *Ctx, _ T, s string) (Datum, error) {
	bad := func() (Datum, error) { return Datum{}, invalidSyntax("uuid", s) }
	t := s
	if strings.HasPrefix(t, "{") {
		if !strings.HasSuffix(t, "}") {
			return bad()
		}
		t = t[1 : len(t)-1]
	}
	var u [16]byte
	i := 0
	for n := range u {
		if i+1 >= len(t) {
			return bad()
		}
		hi, ok1 := hexValue(t[i])
		lo, ok2 := hexValue(t[i+1])
		if !ok1 || !ok2 {
			return bad()
		}
		u[n] = hi<<4 | lo
		i += 2
		if n%2 == 1 && n < 15 && i < len(t) && t[i] == '-' {
			i++
		}
	}
	if i != len(t) {
		return bad()
	}
	return Datum{S: string(u[:])}, nil
}

func uuidOut(_ *Ctx, _ T, d Datum, dst []byte) []byte {
	for i := 0; i < len(d.S); i++ {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = append(dst, hexDigits[d.S[i]>>4], hexDigits[d.S[i]&15])
	}
	return dst
}

func uuidRecv(_ *Ctx, _ T, b []byte) (Datum, error) {
	if err := exactly(b, 16); err != nil {
		return Datum{}, err
	}
	return Datum{S: string(b)}, nil
}

// The packed form of bit and varbit: one byte that counts the unused bits of the last byte (0..7), then the bits from the high end, unused ones zero.

// BitLen returns the number of bits of a packed bit string.
func BitLen(s string) int {
	if len(s) < 2 {
		return 0
	}
	return 8*(len(s)-1) - int(s[0])
}

// BitBytes returns the bytes of a packed bit string, the first bit highest.
func BitBytes(s string) string {
	if s == "" {
		return ""
	}
	return s[1:]
}

// MakeBits packs the first n bits of b, which has at least that many; more become zero.
func MakeBits(b []byte, n int) string {
	size := (n + 7) / 8
	buf := make([]byte, 1+size)
	copy(buf[1:], b)
	if unused := size*8 - n; unused > 0 {
		buf[0] = byte(unused)
		buf[size] &= 0xff << unused
	}
	return unsafe.String(&buf[0], len(buf))
}

func compareBits(a, b Datum) int {
	if c := strings.Compare(BitBytes(a.S), BitBytes(b.S)); c != 0 {
		return c
	}
	return BitLen(a.S) - BitLen(b.S)
}

func bitKey(dst []byte, d Datum) []byte {
	dst = keyBytes(dst, Datum{S: BitBytes(d.S)})
	unused := byte(0)
	if d.S != "" {
		unused = d.S[0]
	}
	return append(dst, 7-unused)
}

func bitUnkey(src []byte) (Datum, []byte, error) {
	d, rest, err := unkeyBytes(src)
	if err != nil {
		return d, nil, err
	}
	if len(rest) == 0 || rest[0] > 7 {
		return d, nil, errKey
	}
	return Datum{S: string(rune(7-rest[0])) + d.S}, rest[1:], nil
}

// parseBits reads 0s and 1s, b or B before them or not, or x and hexadecimal digits. check is asked about the length before any
// digit is looked at: that is the order of PostgreSQL's errors.
func parseBits(s string, check func(n int) error) (Datum, error) {
	hexa := false
	if s != "" && s[0]|0x20 == 'b' {
		s = s[1:]
	} else if s != "" && s[0]|0x20 == 'x' {
		hexa, s = true, s[1:]
	}
	n := len(s)
	if hexa {
		n *= 4
	}
	if err := check(n); err != nil {
		return Datum{}, err
	}
	buf := make([]byte, (n+7)/8)
	for i := 0; i < len(s); i++ {
		if hexa {
			v, ok := hexValue(s[i])
			if !ok {
				return Datum{}, notADigit(s[i:], "hexadecimal")
			}
			buf[i/2] |= v << (4 * (1 - i&1))
			continue
		}
		if s[i] == '1' {
			buf[i/8] |= 0x80 >> (i & 7)
		} else if s[i] != '0' {
			return Datum{}, notADigit(s[i:], "binary")
		}
	}
	return Datum{S: MakeBits(buf, n)}, nil
}

func notADigit(s, what string) error {
	_, n := utf8.DecodeRuneInString(s)
	return pgerr.New(pgerr.InvalidTextRepresentation, `"`+s[:n]+`" is not a valid `+what+` digit`)
}

func bitIn(_ *Ctx, t T, s string) (Datum, error) {
	return parseBits(s, func(n int) error { return checkBit(n, t.Mod) })
}

func varbitIn(_ *Ctx, t T, s string) (Datum, error) {
	return parseBits(s, func(n int) error { return checkVarbit(n, t.Mod) })
}

func checkBit(n int, mod int32) error {
	if mod <= 0 || n == int(mod) {
		return nil
	}
	return pgerr.Newf(pgerr.StringDataLengthMismatch, "bit string length %d does not match type bit(%d)", n, mod)
}

func checkVarbit(n int, mod int32) error {
	if mod <= 0 || n <= int(mod) {
		return nil
	}
	return pgerr.Newf(pgerr.StringDataRightTruncation, "bit string too long for type bit varying(%d)", mod)
}

// bitLengthMod makes bit(n): other lengths are refused, or padded and cut by an explicit cast.
func bitLengthMod(d Datum, mod int32, explicit bool) (Datum, error) {
	err := checkBit(BitLen(d.S), mod)
	if err != nil && explicit {
		return Datum{S: MakeBits([]byte(BitBytes(d.S)), int(mod))}, nil
	}
	return d, err
}

// varbitMod makes bit varying(n): what is longer is refused, or cut by an explicit cast.
func varbitMod(d Datum, mod int32, explicit bool) (Datum, error) {
	err := checkVarbit(BitLen(d.S), mod)
	if err != nil && explicit {
		return Datum{S: MakeBits([]byte(BitBytes(d.S)), int(mod))}, nil
	}
	return d, err
}

func bitOut(_ *Ctx, _ T, d Datum, dst []byte) []byte {
	b := BitBytes(d.S)
	for i := range BitLen(d.S) {
		dst = append(dst, '0'+b[i/8]>>(7-i&7)&1)
	}
	return dst
}

func bitSend(_ *Ctx, _ T, d Datum, dst []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(BitLen(d.S)))
	return append(dst, BitBytes(d.S)...)
}

func recvBits(b []byte) (string, error) {
	if len(b) < 4 {
		return "", errInsufficientData
	}
	n := int(int32(binary.BigEndian.Uint32(b)))
	if n < 0 {
		return "", pgerr.New(pgerr.InvalidBinaryRepresentation, "invalid length in external bit string")
	}
	if err := exactly(b[4:], (n+7)/8); err != nil {
		return "", err
	}
	return MakeBits(b[4:], n), nil
}

func bitRecv(_ *Ctx, t T, b []byte) (Datum, error) {
	s, err := recvBits(b)
	if err != nil {
		return Datum{}, err
	}
	return bitLengthMod(Datum{S: s}, t.Mod, false)
}

func varbitRecv(_ *Ctx, t T, b []byte) (Datum, error) {
	s, err := recvBits(b)
	if err != nil {
		return Datum{}, err
	}
	return varbitMod(Datum{S: s}, t.Mod, false)
}
