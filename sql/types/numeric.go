package types

import (
	"cmp"
	"encoding/binary"
	"math/big"
	"math/bits"
	"strings"
	"sync"
	"unsafe"

	"github.com/cespare/xxhash/v2"

	"kimberlite/sql/pgerr"
)

// The packed form of a numeric. Its value is coefficient / 10^dscale; dscale is what the value displays.
//
//	small  [dscale 0..239] [coefficient: two's complement, little-endian, as few bytes as hold it, 0..8]
//	big    [F0 positive | F1 negative] [dscale: 2 bytes, big-endian] [magnitude of the coefficient, big-endian, no leading zero]
//	NaN    [F2]      Infinity [F3]      -Infinity [F4]
//
// Small is used whenever it can be (the coefficient is an int64 other than the smallest, so that negation is safe), so equal
// bytes are equal values with equal scales, and the other way round.
const (
	numSmallScaleMax = 0xEF
	numBigPos        = 0xF0
	numBigNeg        = 0xF1
	numNaN           = 0xF2
	numPosInf        = 0xF3
	numNegInf        = 0xF4
)

// The numerics that are no numbers, packed.
const (
	NumericNaN    = "\xF2"
	NumericPosInf = "\xF3"
	NumericNegInf = "\xF4"
)

// NumericZero is the packed 0 with scale 0.
const NumericZero = "\x00"

func init() {
	register(ops{
		in: numericIn, out: func(_ *Ctx, _ T, d Datum, dst []byte) []byte { return AppendNumeric(dst, d.S) },
		recv: numericRecv, send: func(_ *Ctx, _ T, d Datum, dst []byte) []byte { return appendNumericBinary(dst, d.S) },
		cmp: func(a, b Datum) int { return NumericCompare(a.S, b.S) }, hash: func(d Datum) uint64 { return numericHash(d.S) },
		key: numericKey, unkey: numericUnkey, lossy: true,
		mod: func(d Datum, mod int32, _ bool) (Datum, error) {
			s, err := NumericApplyMod(d.S, mod)
			return Datum{S: s}, err
		},
	}, OIDNumeric)
}

var pow10 = func() (t [20]uint64) {
	t[0] = 1
	for i := 1; i < len(t); i++ {
		t[i] = t[i-1] * 10
	}
	return t
}()

// digits10 returns the number of decimal digits of x, 0 for 0.
func digits10(x uint64) int {
	if x == 0 {
		return 0
	}
	n := bits.Len64(x) * 1233 >> 12
	if n < len(pow10) && x >= pow10[n] {
		n++
	}
	return n
}

var bigPow10Cache sync.Map // int -> *big.Int, for the exponents that come again and again

// bigPow10 returns 10^n; the result must not be changed.
func bigPow10(n int) *big.Int {
	if p, ok := bigPow10Cache.Load(n); ok {
		return p.(*big.Int)
	}
	p := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
	if n <= 200 {
		bigPow10Cache.Store(n, p)
	}
	return p
}

func abs64(x int64) uint64 {
	if x < 0 {
		return uint64(-x)
	}
	return uint64(x)
}

// UnpackSmallNumeric returns coefficient and scale of a numeric in the small form; ok is false for the others.
func UnpackSmallNumeric(s string) (coef int64, scale int, ok bool) {
	n := len(s) - 1
	if n < 0 || s[0] > numSmallScaleMax {
		return 0, 0, false
	}
	var v uint64
	for i := n; i > 0; i-- {
		v = v<<8 | uint64(s[i])
	}
	shift := 64 - 8*uint(n)
	return int64(v<<shift) >> shift, int(s[0]), true
}

// AppendSmallNumeric appends the packed form of coef / 10^scale. The scale must be 0..239 and coef not the smallest int64.
func AppendSmallNumeric(dst []byte, coef int64, scale int) []byte {
	dst = append(dst, byte(scale))
	if coef == 0 {
		return dst
	}
	for {
		b := byte(coef)
		dst = append(dst, b)
		coef >>= 8
		if coef == 0 && b < 0x80 || coef == -1 && b >= 0x80 {
			return dst
		}
	}
}

// MakeNumeric returns coef / 10^scale packed, with scale digits displayed; scale must be 0..16383.
func MakeNumeric(coef int64, scale int) string {
	if scale > numSmallScaleMax || coef == -1<<63 {
		s, err := MakeNumericBig(big.NewInt(coef), scale)
		if err != nil {
			return NumericNaN // out of the documented range
		}
		return s
	}
	if scale == 0 && uint64(coef+128) < 256 {
		return smallInts[coef+128]
	}
	var buf [9]byte
	return string(AppendSmallNumeric(buf[:0], coef, scale))
}

// MakeNumericIn is MakeNumeric into an arena, for vectors of results.
func MakeNumericIn(a *Arena, coef int64, scale int) string {
	if scale > numSmallScaleMax || coef == -1<<63 {
		return MakeNumeric(coef, scale)
	}
	var buf [9]byte
	p := AppendSmallNumeric(buf[:0], coef, scale)
	return a.Copy(p)
}

// smallInts are the packed integers -128..127.
var smallInts = func() (t [256]string) {
	for i := range t {
		t[i] = string(AppendSmallNumeric(nil, int64(i-128), 0))
	}
	return t
}()

var errNumericOverflow = pgerr.New(pgerr.NumericValueOutOfRange, "value overflows numeric format")

// MakeNumericBig returns coef / 10^scale packed; 22003 when it is beyond numeric's range.
func MakeNumericBig(coef *big.Int, scale int) (string, error) {
	if scale < 0 {
		coef, scale = new(big.Int).Mul(coef, bigPow10(-scale)), 0
	}
	if scale > numericScaleMax {
		return "", errNumericOverflow
	}
	if coef.IsInt64() && scale <= numSmallScaleMax {
		if v := coef.Int64(); v != -1<<63 {
			return MakeNumeric(v, scale), nil
		}
	}
	// 3.3219 bits a digit: only numbers near the limit pay for the exact comparison.
	if bl := coef.BitLen(); bl > 435000 && coef.CmpAbs(bigPow10(numericDigitsMax+scale)) >= 0 {
		return "", errNumericOverflow
	}
	n := (coef.BitLen() + 7) / 8
	buf := make([]byte, 3+n)
	buf[0] = numBigPos
	if coef.Sign() < 0 {
		buf[0] = numBigNeg
	}
	binary.BigEndian.PutUint16(buf[1:], uint16(scale))
	coef.FillBytes(buf[3:])
	return unsafe.String(&buf[0], len(buf)), nil
}

// NumericBig returns coefficient and scale of any finite numeric; ok is false for NaN and the infinities.
func NumericBig(s string) (coef *big.Int, scale int, ok bool) {
	if v, sc, small := UnpackSmallNumeric(s); small {
		return big.NewInt(v), sc, true
	}
	if len(s) < 3 || s[0] > numBigNeg {
		return nil, 0, false
	}
	coef = new(big.Int).SetBytes(unsafe.Slice(unsafe.StringData(s[3:]), len(s)-3))
	if s[0] == numBigNeg {
		coef.Neg(coef)
	}
	return coef, int(s[1])<<8 | int(s[2]), true
}

// NumericScale returns the display scale, -1 for NaN and the infinities.
func NumericScale(s string) int {
	switch {
	case len(s) == 0 || s[0] >= numNaN:
		return -1
	case s[0] <= numSmallScaleMax:
		return int(s[0])
	}
	return int(s[1])<<8 | int(s[2])
}

// NumericIsNaN reports whether the value is NaN.
func NumericIsNaN(s string) bool { return len(s) == 1 && s[0] == numNaN }

// NumericIsInf reports whether the value is an infinity.
func NumericIsInf(s string) bool { return len(s) == 1 && (s[0] == numPosInf || s[0] == numNegInf) }

func isSpecial(s string) bool { return len(s) == 0 || s[0] >= numNaN }

// NumericSign returns -1, 0 or 1; 1 for Infinity, -1 for -Infinity, 0 for NaN.
func NumericSign(s string) int {
	if v, _, ok := UnpackSmallNumeric(s); ok {
		return cmp.Compare(v, 0)
	}
	if len(s) == 3 { // zero with very many digits after the point
		return 0
	}
	switch s[0] {
	case numBigPos, numPosInf:
		return 1
	case numBigNeg, numNegInf:
		return -1
	}
	return 0
}

// specialRank orders the special values around the finite ones (0): -Infinity < finite < Infinity < NaN.
func specialRank(s string) int {
	switch s[0] {
	case numNegInf:
		return -1
	case numPosInf:
		return 1
	case numNaN:
		return 2
	}
	return 0
}

// NumericCompare orders two numerics as PostgreSQL's btree does: NaN equals itself and is above everything.
func NumericCompare(a, b string) int {
	x, xs, ok1 := UnpackSmallNumeric(a)
	y, ys, ok2 := UnpackSmallNumeric(b)
	if ok1 && ok2 {
		if xs == ys {
			return cmp.Compare(x, y)
		}
		return compareScaled(x, xs, y, ys)
	}
	if ra, rb := specialRank(a), specialRank(b); ra != 0 || rb != 0 {
		return cmp.Compare(ra, rb)
	}
	if sa, sb := NumericSign(a), NumericSign(b); sa != sb {
		return cmp.Compare(sa, sb)
	}
	p, ps, _ := NumericBig(a)
	q, qs, _ := NumericBig(b)
	if ps < qs {
		p.Mul(p, bigPow10(qs-ps))
	} else if qs < ps {
		q.Mul(q, bigPow10(ps-qs))
	}
	return p.Cmp(q)
}

// compareScaled compares x/10^xs with y/10^ys for different scales, in 128 bits where that is enough.
func compareScaled(x int64, xs int, y int64, ys int) int {
	if sx, sy := cmp.Compare(x, 0), cmp.Compare(y, 0); sx != sy || sx == 0 {
		return cmp.Compare(sx, sy)
	}
	if xs > ys {
		return -compareScaled(y, ys, x, xs)
	}
	sign := cmp.Compare(x, 0)
	d := ys - xs
	if d >= len(pow10) { // |x| >= 1 is then at least 10^20 in y's units, more than any int64
		return sign
	}
	hi, lo := bits.Mul64(abs64(x), pow10[d])
	if hi > 0 {
		return sign
	}
	return sign * cmp.Compare(lo, abs64(y))
}

// stripZeros removes the trailing zeros after the point.
func stripZeros(coef int64, scale int) (int64, int) {
	if coef == 0 {
		return 0, 0
	}
	for scale > 0 && coef%10 == 0 {
		coef /= 10
		scale--
	}
	return coef, scale
}

func stripZerosBig(coef *big.Int, scale int) (*big.Int, int) {
	ten, rem := big.NewInt(10), new(big.Int)
	for scale > 0 {
		if coef.Bit(0) == 1 {
			break
		}
		q, r := new(big.Int).QuoRem(coef, ten, rem)
		if r.Sign() != 0 {
			break
		}
		coef = q
		scale--
	}
	return coef, scale
}

// numericHash hashes the value without its trailing zeros.
func numericHash(s string) uint64 {
	v, scale, ok := UnpackSmallNumeric(s)
	if !ok {
		coef, sc, finite := NumericBig(s)
		if !finite {
			return hashUint64(uint64(s[0]))
		}
		coef, sc = stripZerosBig(coef, sc)
		packed, err := MakeNumericBig(coef, sc)
		if err != nil {
			packed = s
		}
		if v, scale, ok = UnpackSmallNumeric(packed); !ok {
			return xxhash.Sum64String(packed)
		}
	}
	v, scale = stripZeros(v, scale)
	return hashUint64(uint64(v) ^ uint64(scale)<<56)
}

// The first byte of a numeric's key.
const (
	numKeyNegInf = 1 + iota
	numKeyNegative
	numKeyZero
	numKeyPositive
	numKeyPosInf
	numKeyNaN
)

// numericKey encodes sign, decimal exponent and digits: value = ±0.d1d2d3... * 10^exponent, d1 not 0. Two digits p make the byte
// 2p+1, the last two 2p, so that the encoding ends itself; all but the sign byte is complemented for negative values.
func numericKey(dst []byte, d Datum) []byte {
	switch d.S[0] {
	case numNegInf:
		return append(dst, numKeyNegInf)
	case numPosInf:
		return append(dst, numKeyPosInf)
	case numNaN:
		return append(dst, numKeyNaN)
	}
	var buf [64]byte
	digits, scale, neg := numericDigits(buf[:0], d.S)
	if len(digits) == 0 {
		return append(dst, numKeyZero)
	}
	exponent := len(digits) - scale
	for len(digits) > 0 && digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
	}
	if neg {
		dst = append(dst, numKeyNegative)
	} else {
		dst = append(dst, numKeyPositive)
	}
	start := len(dst)
	switch {
	case exponent < -100:
		dst = binary.BigEndian.AppendUint32(append(dst, 0), uint32(exponent)^1<<31)
	case exponent > 100:
		dst = binary.BigEndian.AppendUint32(append(dst, 0xff), uint32(exponent)^1<<31)
	default:
		dst = append(dst, byte(exponent+128))
	}
	for i := 0; i < len(digits); i += 2 {
		p := (digits[i] - '0') * 10
		if i+1 < len(digits) {
			p += digits[i+1] - '0'
		}
		p *= 2
		if i+2 < len(digits) {
			p++
		}
		dst = append(dst, p)
	}
	if neg {
		complement(dst[start:])
	}
	return dst
}

// numericUnkey gives back the value with the least scale that shows all of it.
func numericUnkey(src []byte) (Datum, []byte, error) {
	if len(src) == 0 {
		return Datum{}, nil, errKey
	}
	kind, src := src[0], src[1:]
	switch kind {
	case numKeyNegInf:
		return Datum{S: NumericNegInf}, src, nil
	case numKeyPosInf:
		return Datum{S: NumericPosInf}, src, nil
	case numKeyNaN:
		return Datum{S: NumericNaN}, src, nil
	case numKeyZero:
		return Datum{S: NumericZero}, src, nil
	case numKeyNegative, numKeyPositive:
	default:
		return Datum{}, nil, errKey
	}
	var flip byte
	if kind == numKeyNegative {
		flip = 0xff
	}
	i := 0
	next := func() (b byte) {
		if i < len(src) {
			b = src[i] ^ flip
		}
		i++
		return b
	}
	exponent := int(next())
	if exponent == 0 || exponent == 0xff {
		var n uint32
		for range 4 {
			n = n<<8 | uint32(next())
		}
		exponent = int(int32(n ^ 1<<31))
	} else {
		exponent -= 128
	}
	var text strings.Builder
	if flip != 0 {
		text.WriteByte('-')
	}
	n := 0
	for more := true; more; n += 2 {
		if i >= len(src) {
			return Datum{}, nil, errKey
		}
		b := next()
		p := b / 2
		text.WriteByte('0' + p/10%10)
		text.WriteByte('0' + p%10)
		more = b&1 == 1
	}
	coef, ok := new(big.Int).SetString(text.String(), 10)
	scale := n - exponent
	if !ok || scale > numericScaleMax+1 || scale < -numericDigitsMax {
		return Datum{}, nil, errKey
	}
	if scale > 0 {
		coef, scale = stripZerosBig(coef, scale)
	}
	s, err := MakeNumericBig(coef, scale)
	return Datum{S: s}, src[i:], err
}
