package types

import (
	"encoding/binary"
	"math"
	"math/big"
	"strconv"
	"strings"

	"kimberlite/sql/pgerr"
)

func init() {
	shared := ops{cmp: compareFloat, hash: hashFloat, key: keyFloat, unkey: unkeyFloat, lossy: true}
	f8 := shared
	f8.in = func(_ *Ctx, _ T, s string) (Datum, error) {
		f, err := ParseFloat8(s)
		return Float(f), err
	}
	f8.out = func(ctx *Ctx, _ T, d Datum, dst []byte) []byte {
		return AppendFloat8(dst, d.Float(), ctx.ExtraFloatDigits)
	}
	f8.recv = recv8
	f8.send = send8
	register(f8, OIDFloat8)

	f4 := shared
	f4.in = func(_ *Ctx, _ T, s string) (Datum, error) {
		f, err := ParseFloat4(s)
		return Float(float64(f)), err
	}
	f4.out = func(ctx *Ctx, _ T, d Datum, dst []byte) []byte {
		return AppendFloat4(dst, float32(d.Float()), ctx.ExtraFloatDigits)
	}
	f4.recv = func(_ *Ctx, _ T, b []byte) (Datum, error) {
		if err := exactly(b, 4); err != nil {
			return Datum{}, err
		}
		return Float(float64(math.Float32frombits(binary.BigEndian.Uint32(b)))), nil
	}
	f4.send = func(_ *Ctx, _ T, d Datum, dst []byte) []byte {
		return binary.BigEndian.AppendUint32(dst, math.Float32bits(float32(d.Float())))
	}
	register(f4, OIDFloat4)
}

// Float returns a float8 datum, or a float4 one of a float32 made wider.
func Float(f float64) Datum { return Datum{I: int64(math.Float64bits(f))} }

// Float returns the value of a float4 or float8 datum.
func (d Datum) Float() float64 { return math.Float64frombits(uint64(d.I)) }

// floatNaN has the bits that C's NaN has; Go's own differs in the last one.
var floatNaN = math.Float64frombits(0x7ff8 << 48)

// CompareFloat orders floats as PostgreSQL does: NaN equals itself and is above everything, -0 equals 0.
func CompareFloat(x, y float64) int {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	case x == y:
		return 0
	case x != x && y != y:
		return 0
	case x != x:
		return 1
	}
	return -1
}

func compareFloat(a, b Datum) int { return CompareFloat(a.Float(), b.Float()) }

// canonicalFloat makes equal floats have equal bits.
func canonicalFloat(f float64) uint64 {
	switch {
	case f == 0:
		return 0
	case f != f:
		return math.Float64bits(floatNaN)
	}
	return math.Float64bits(f)
}

func hashFloat(d Datum) uint64 { return hashUint64(canonicalFloat(d.Float())) }

// keyFloat flips the sign bit of positive values and all bits of negative ones.
func keyFloat(dst []byte, d Datum) []byte {
	u := canonicalFloat(d.Float())
	if u>>63 == 0 {
		u |= 1 << 63
	} else {
		u = ^u
	}
	return binary.BigEndian.AppendUint64(dst, u)
}

func unkeyFloat(src []byte) (Datum, []byte, error) {
	if len(src) < 8 {
		return Datum{}, nil, errKey
	}
	u := binary.BigEndian.Uint64(src)
	if u>>63 == 1 {
		u &^= 1 << 63
	} else {
		u = ^u
	}
	return Datum{I: int64(u)}, src[8:], nil
}

// ParseFloat8 reads the text form of a double precision: 22P02 for what is none, 22003 for what is too large or too small.
func ParseFloat8(s string) (float64, error) { return parseFloat(s, 64, "double precision") }

// ParseFloat4 reads the text form of a real.
func ParseFloat4(s string) (float32, error) {
	f, err := parseFloat(s, 32, "real")
	return float32(f), err
}

func parseFloat(s string, bits int, name string) (float64, error) {
	if f, ok := parsePlainFloat(s, bits); ok {
		return f, nil
	}
	t := trimSpace(s)
	num, hex := scanFloat(t)
	if num == "" {
		return parseSpecialFloat(s, t, name)
	}
	if len(num) != len(t) {
		return 0, invalidSyntax(name, s)
	}
	text := num
	if hex && !strings.ContainsAny(num, "pP") { // C lets the exponent of a hexadecimal number out, Go does not
		text += "p0"
	}
	f, err := strconv.ParseFloat(text, bits)
	mantissa, _, _ := strings.Cut(strings.ToLower(num), "e")
	if err != nil && !math.IsInf(f, 0) {
		return 0, invalidSyntax(name, s)
	}
	if err != nil || f == 0 && !hex && strings.ContainsAny(mantissa, "123456789") {
		return 0, pgerr.New(pgerr.NumericValueOutOfRange, `"`+num+`" is out of range for type `+name)
	}
	return f, nil
}

// parsePlainFloat is the fast path: digits with a point at most, and a sign.
func parsePlainFloat(s string, bits int) (float64, bool) {
	if len(s) == 0 || len(s) > 20 || s[len(s)-1]-'0' > 9 {
		return 0, false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c-'0' > 9 && c != '.' && !(i == 0 && c == '-') {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(s, bits)
	return f, err == nil && f != 0 // zero might be too small a number
}

func parseSpecialFloat(s, t, name string) (float64, error) {
	switch strings.ToLower(t) {
	case "nan", "+nan", "-nan":
		return floatNaN, nil
	case "inf", "+inf", "infinity", "+infinity":
		return math.Inf(1), nil
	case "-inf", "-infinity":
		return math.Inf(-1), nil
	}
	return 0, invalidSyntax(name, s)
}

// scanFloat returns the longest prefix that C's strtod takes for a finite number.
func scanFloat(s string) (num string, hex bool) {
	i := 0
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		i++
	}
	isDigit := func(c byte) bool { return c-'0' <= 9 }
	expMark := byte('e')
	if i+2 < len(s) && s[i] == '0' && s[i+1]|0x20 == 'x' {
		hex = true
		i += 2
		isDigit = func(c byte) bool { _, ok := hexValue(c); return ok }
		expMark = 'p'
	}
	digits := 0
	for ; i < len(s) && isDigit(s[i]); i++ {
		digits++
	}
	if i < len(s) && s[i] == '.' {
		i++
		for ; i < len(s) && isDigit(s[i]); i++ {
			digits++
		}
	}
	if digits == 0 {
		return "", false
	}
	if i < len(s) && s[i]|0x20 == expMark {
		j := i + 1
		if j < len(s) && (s[j] == '-' || s[j] == '+') {
			j++
		}
		if j < len(s) && s[j]-'0' <= 9 {
			for j < len(s) && s[j]-'0' <= 9 {
				j++
			}
			i = j
		}
	}
	return s[:i], hex
}

// AppendFloat8 appends a double precision as float8out prints it: with extraDigits (extra_float_digits) above 0 the shortest text
// that reads back equal, else 15+extraDigits significant digits.
func AppendFloat8(dst []byte, f float64, extraDigits int) []byte {
	return appendFloat(dst, f, 64, extraDigits, 15, 1e15, 1e-4)
}

// AppendFloat4 appends a real as float4out prints it.
func AppendFloat4(dst []byte, f float32, extraDigits int) []byte {
	return appendFloat(dst, float64(f), 32, extraDigits, 6, 1e6, float64(float32(1e-4)))
}

func appendFloat(dst []byte, f float64, bits, extraDigits, digits int, large, small float64) []byte {
	switch {
	case f != f:
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	case extraDigits <= 0:
		return appendG(dst, f, max(digits+extraDigits, 1))
	}
	// Integers are the common case, and faster as such.
	if i := int64(f); float64(i) == f && i != 0 && float64(i) < large && float64(i) > -large {
		if bits == 64 || i < 1<<24 && i > -1<<24 {
			return strconv.AppendInt(dst, i, 10)
		}
	}
	abs := math.Abs(f)
	if f != 0 && (abs < small || abs >= large) {
		n := len(dst)
		dst = strconv.AppendFloat(dst, f, 'e', -1, bits)
		for digits := 1; abs >= large && digits < 18 && onBoundary(string(dst[n:]), f, bits); digits++ {
			longer := strconv.FormatFloat(f, 'e', digits, bits)
			if back, err := strconv.ParseFloat(longer, bits); err == nil && back == f {
				dst = append(dst[:n], longer...)
			}
		}
		return dst
	}
	return strconv.AppendFloat(dst, f, 'f', -1, bits)
}

// onBoundary reports whether the decimal lies exactly halfway between f and a neighbour. Such a decimal reads back as
// f by the rule of rounding to even, and Go prints it; PostgreSQL does not rely on that rule and prints a digit more (1e23 is
// 9.999999999999999e+22). Only integers beyond the mantissa can be meant.
func onBoundary(text string, f float64, bits int) bool {
	f, text = math.Abs(f), strings.TrimPrefix(text, "-")
	if bits == 64 && f < 1<<53 || bits == 32 && f < 1<<24 || f > 1e60 {
		return false
	}
	up, down := math.Nextafter(f, math.Inf(1)), math.Nextafter(f, 0)
	if bits == 32 {
		up, down = float64(math.Nextafter32(float32(f), float32(math.Inf(1)))), float64(math.Nextafter32(float32(f), 0))
	}
	d, ok := new(big.Float).SetPrec(400).SetString(text)
	if !ok {
		return false
	}
	d.Mul(d, big.NewFloat(2))
	exact := func(x float64) *big.Float { return new(big.Float).SetPrec(400).SetFloat64(x) }
	for _, neighbour := range []float64{up, down} {
		if sum := exact(f); sum.Add(sum, exact(neighbour)).Cmp(d) == 0 {
			return true
		}
	}
	return false
}

// appendG prints as C's %.*g: that many significant digits, no trailing zeros, an exponent of two digits at least.
func appendG(dst []byte, f float64, digits int) []byte {
	if f == 0 {
		if math.Signbit(f) {
			return append(dst, "-0"...)
		}
		return append(dst, '0')
	}
	var buf [64]byte
	e := strconv.AppendFloat(buf[:0], f, 'e', digits-1, 64)
	mark := strings.LastIndexByte(string(e), 'e')
	exp, _ := strconv.Atoi(string(e[mark+1:]))
	if exp < -4 || exp >= digits {
		mant := e[:mark]
		if strings.IndexByte(string(mant), '.') >= 0 {
			mant = trimZeros(mant)
		}
		dst = append(dst, mant...)
		return append(dst, e[mark:]...)
	}
	n := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', digits-1-exp, 64)
	if strings.IndexByte(string(dst[n:]), '.') >= 0 {
		dst = trimZeros(dst)
	}
	return dst
}

func trimZeros(b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	if len(b) > 0 && b[len(b)-1] == '.' {
		b = b[:len(b)-1]
	}
	return b
}
