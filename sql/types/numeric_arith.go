package types

import (
	"math/big"
	"math/bits"

	"kimberlite/sql/pgerr"
)

var errDivisionByZero = pgerr.New(pgerr.DivisionByZero, "division by zero")

// bigResult packs and passes the error on.
func bigResult(coef *big.Int, scale int) (string, error) { return MakeNumericBig(coef, scale) }

// align brings two finite values to their larger scale.
func align(a, b string) (x, y *big.Int, scale int) {
	x, xs, _ := NumericBig(a)
	y, ys, _ := NumericBig(b)
	if xs < ys {
		x.Mul(x, bigPow10(ys-xs))
	} else if ys < xs {
		y.Mul(y, bigPow10(xs-ys))
	}
	return x, y, max(xs, ys)
}

// alignSmall brings two small values to their larger scale; ok is false when one does not fit.
func alignSmall(x int64, xs int, y int64, ys int) (int64, int64, int, bool) {
	if xs == ys {
		return x, y, xs, true
	}
	if xs < ys {
		x, ok := mulPow10(x, ys-xs)
		return x, y, ys, ok
	}
	y, ok := mulPow10(y, xs-ys)
	return x, y, xs, ok
}

// mulPow10 returns x * 10^n if that is an int64 (and not the smallest).
func mulPow10(x int64, n int) (int64, bool) {
	if x == 0 {
		return 0, true
	}
	if n >= len(pow10)-1 {
		return 0, false
	}
	return mulSmall(x, int64(pow10[n]))
}

// mulSmall returns x * y if that is an int64 (and not the smallest).
func mulSmall(x, y int64) (int64, bool) {
	hi, lo := bits.Mul64(abs64(x), abs64(y))
	if hi != 0 || lo > 1<<63-1 {
		return 0, false
	}
	if (x < 0) != (y < 0) {
		return -int64(lo), true
	}
	return int64(lo), true
}

// addSmall returns x + y if that is an int64 (and not the smallest).
func addSmall(x, y int64) (int64, bool) {
	s := x + y
	if (x^s)&(y^s) < 0 || s == -1<<63 {
		return 0, false
	}
	return s, true
}

// NumericAdd returns a + b.
func NumericAdd(a, b string) (string, error) {
	x, xs, ok1 := UnpackSmallNumeric(a)
	y, ys, ok2 := UnpackSmallNumeric(b)
	if ok1 && ok2 {
		if x, y, scale, ok := alignSmall(x, xs, y, ys); ok {
			if s, ok := addSmall(x, y); ok {
				return MakeNumeric(s, scale), nil
			}
		}
	} else if isSpecial(a) || isSpecial(b) {
		return addSpecial(a, b), nil
	}
	p, q, scale := align(a, b)
	return bigResult(p.Add(p, q), scale)
}

// addSpecial is a + b where one of them is NaN or infinite.
func addSpecial(a, b string) string {
	switch {
	case NumericIsNaN(a) || NumericIsNaN(b):
		return NumericNaN
	case !isSpecial(a):
		return b
	case !isSpecial(b) || a == b:
		return a
	}
	return NumericNaN // infinities of both signs
}

// NumericSub returns a - b.
func NumericSub(a, b string) (string, error) {
	x, xs, ok1 := UnpackSmallNumeric(a)
	y, ys, ok2 := UnpackSmallNumeric(b)
	if ok1 && ok2 {
		if x, y, scale, ok := alignSmall(x, xs, y, ys); ok {
			if s, ok := addSmall(x, -y); ok {
				return MakeNumeric(s, scale), nil
			}
		}
	} else if isSpecial(a) || isSpecial(b) {
		return addSpecial(a, NumericNeg(b)), nil
	}
	p, q, scale := align(a, b)
	return bigResult(p.Sub(p, q), scale)
}

// NumericNeg returns -a.
func NumericNeg(a string) string {
	if v, scale, ok := UnpackSmallNumeric(a); ok {
		return MakeNumeric(-v, scale)
	}
	switch a[0] {
	case numPosInf:
		return NumericNegInf
	case numNegInf:
		return NumericPosInf
	case numBigPos:
		return "\xF1" + a[1:]
	case numBigNeg:
		return "\xF0" + a[1:]
	}
	return a
}

// NumericAbs returns |a|.
func NumericAbs(a string) string {
	if NumericSign(a) < 0 {
		return NumericNeg(a)
	}
	return a
}

// NumericMul returns a * b.
func NumericMul(a, b string) (string, error) {
	x, xs, ok1 := UnpackSmallNumeric(a)
	y, ys, ok2 := UnpackSmallNumeric(b)
	if ok1 && ok2 && xs+ys <= numSmallScaleMax {
		if p, ok := mulSmall(x, y); ok {
			return MakeNumeric(p, xs+ys), nil
		}
	}
	if isSpecial(a) || isSpecial(b) {
		return mulSpecial(a, b), nil
	}
	p, ps, _ := NumericBig(a)
	q, qs, _ := NumericBig(b)
	p.Mul(p, q)
	if scale := ps + qs; scale > numericScaleMax {
		return bigResult(divRound(p, bigPow10(scale-numericScaleMax)), numericScaleMax)
	}
	return bigResult(p, ps+qs)
}

func mulSpecial(a, b string) string {
	if NumericIsNaN(a) || NumericIsNaN(b) {
		return NumericNaN
	}
	return infOfSign(NumericSign(a) * NumericSign(b))
}

// infOfSign is the infinity of a sign; of no sign it is NaN.
func infOfSign(sign int) string {
	switch {
	case sign > 0:
		return NumericPosInf
	case sign < 0:
		return NumericNegInf
	}
	return NumericNaN
}

// divRound returns p / q, rounded half away from zero; q must be positive or negative, not 0. p is used up.
func divRound(p, q *big.Int) *big.Int {
	sign := p.Sign() * q.Sign()
	r := new(big.Int)
	quo, r := new(big.Int).QuoRem(p, q, r)
	if r.Lsh(r, 1).CmpAbs(q) >= 0 {
		quo.Add(quo, big.NewInt(int64(sign)))
	}
	return quo
}

// leadingNBASE returns weight and value of the first base-10000 digit of coef / 10^scale, which is what PostgreSQL's scale rules
// look at. Zero has weight 0 and digit 0.
func leadingNBASE(coef uint64, scale int) (weight, first int) {
	n := digits10(coef)
	if n == 0 {
		return 0, 0
	}
	e := n - 1 - scale
	weight = floorDivNum(e, 4)
	k := e - weight*4 + 1
	if n >= k {
		return weight, int(coef / pow10[n-k])
	}
	return weight, int(coef * pow10[k-n])
}

// bigLeading is leadingNBASE for any finite numeric.
func bigLeading(s string) (weight, first int) {
	if v, scale, ok := UnpackSmallNumeric(s); ok {
		return leadingNBASE(abs64(v), scale)
	}
	digits, scale, _ := numericDigits(nil, s)
	var lead uint64
	n := min(len(digits), 18)
	for _, c := range digits[:n] {
		lead = lead*10 + uint64(c-'0')
	}
	return leadingNBASE(lead, scale-(len(digits)-n))
}

// divScale is PostgreSQL's select_div_scale: at least 16 significant digits, and no fewer than either argument shows.
func divScale(w1, f1, s1, w2, f2, s2 int) int {
	qweight := w1 - w2
	if f1 <= f2 {
		qweight--
	}
	return min(max(numericMinSigDigits-qweight*4, s1, s2, 0), numericMaxDisplayScale)
}

// NumericDiv returns a / b, with the scale that PostgreSQL gives the quotient.
func NumericDiv(a, b string) (string, error) {
	x, xs, ok1 := UnpackSmallNumeric(a)
	y, ys, ok2 := UnpackSmallNumeric(b)
	if ok1 && ok2 {
		if y == 0 {
			return "", errDivisionByZero
		}
		w1, f1 := leadingNBASE(abs64(x), xs)
		w2, f2 := leadingNBASE(abs64(y), ys)
		scale := divScale(w1, f1, xs, w2, f2, ys)
		if q, ok := divSmall(x, y, scale+ys-xs); ok && scale <= numSmallScaleMax {
			return MakeNumeric(q, scale), nil
		}
		return divBig(a, b, scale)
	}
	if isSpecial(a) || isSpecial(b) {
		return divSpecial(a, b)
	}
	if NumericSign(b) == 0 {
		return "", errDivisionByZero
	}
	w1, f1 := bigLeading(a)
	w2, f2 := bigLeading(b)
	return divBig(a, b, divScale(w1, f1, NumericScale(a), w2, f2, NumericScale(b)))
}

// divSmall returns x * 10^shift / y, rounded, if 128 bits are enough for the dividend and 63 for the quotient.
func divSmall(x, y int64, shift int) (int64, bool) {
	if shift < 0 || shift >= len(pow10) {
		return 0, false
	}
	d := abs64(y)
	hi, lo := bits.Mul64(abs64(x), pow10[shift])
	if hi >= d {
		return 0, false
	}
	q, r := bits.Div64(hi, lo, d)
	if r >= d-r {
		q++
	}
	if q > 1<<63-1 {
		return 0, false
	}
	if (x < 0) != (y < 0) {
		return -int64(q), true
	}
	return int64(q), true
}

// divBig returns a / b rounded to scale digits after the point.
func divBig(a, b string, scale int) (string, error) {
	p, ps, _ := NumericBig(a)
	q, qs, _ := NumericBig(b)
	if shift := scale + qs - ps; shift >= 0 {
		p.Mul(p, bigPow10(shift))
	} else {
		q.Mul(q, bigPow10(-shift))
	}
	return bigResult(divRound(p, q), scale)
}

func divSpecial(a, b string) (string, error) {
	switch {
	case NumericIsNaN(a) || NumericIsNaN(b):
		return NumericNaN, nil
	case isSpecial(a) && isSpecial(b):
		return NumericNaN, nil
	case isSpecial(b):
		return NumericZero, nil
	}
	if NumericSign(b) == 0 {
		return "", errDivisionByZero
	}
	return infOfSign(NumericSign(a) * NumericSign(b)), nil
}

// NumericDivTrunc returns the integer part of a / b (div()).
func NumericDivTrunc(a, b string) (string, error) {
	if isSpecial(a) || isSpecial(b) {
		return divSpecial(a, b)
	}
	if NumericSign(b) == 0 {
		return "", errDivisionByZero
	}
	x, xs, ok1 := UnpackSmallNumeric(a)
	y, ys, ok2 := UnpackSmallNumeric(b)
	if ok1 && ok2 {
		if x, y, _, ok := alignSmall(x, xs, y, ys); ok {
			return MakeNumeric(x/y, 0), nil
		}
	}
	p, q, _ := align(a, b)
	return bigResult(p.Quo(p, q), 0)
}

// NumericRem returns a % b (mod()): the sign is a's, the scale the larger of both.
func NumericRem(a, b string) (string, error) {
	if isSpecial(a) || isSpecial(b) {
		switch {
		case NumericIsNaN(a) || NumericIsNaN(b):
			return NumericNaN, nil
		case isSpecial(a):
			if !isSpecial(b) && NumericSign(b) == 0 {
				return "", errDivisionByZero
			}
			return NumericNaN, nil
		}
		return a, nil // x % infinity
	}
	if NumericSign(b) == 0 {
		return "", errDivisionByZero
	}
	x, xs, ok1 := UnpackSmallNumeric(a)
	y, ys, ok2 := UnpackSmallNumeric(b)
	if ok1 && ok2 {
		if x, y, scale, ok := alignSmall(x, xs, y, ys); ok {
			return MakeNumeric(x%y, scale), nil
		}
	}
	p, q, scale := align(a, b)
	return bigResult(p.Rem(p, q), scale)
}

// rounding is what becomes of the digits beyond a scale.
type rounding uint8

const (
	roundHalf  rounding = iota // half away from zero
	roundTrunc                 // towards zero
	roundCeil
	roundFloor
)

// NumericRound rounds half away from zero to scale digits after the point (before it, if negative).
func NumericRound(s string, scale int) (string, error) { return roundTo(s, scale, roundHalf) }

// NumericTrunc cuts after scale digits after the point (before it, if negative).
func NumericTrunc(s string, scale int) (string, error) { return roundTo(s, scale, roundTrunc) }

// NumericCeil returns the smallest integer not below the value.
func NumericCeil(s string) (string, error) { return roundTo(s, 0, roundCeil) }

// NumericFloor returns the largest integer not above the value.
func NumericFloor(s string) (string, error) { return roundTo(s, 0, roundFloor) }

func roundTo(s string, scale int, how rounding) (string, error) {
	if isSpecial(s) {
		return s, nil
	}
	scale = min(max(scale, -numericDigitsMax-1), numericScaleMax) // beyond, nothing changes
	v, have, ok := UnpackSmallNumeric(s)
	if ok {
		if have == scale {
			return s, nil
		}
		if r, ok := roundSmall(v, have, scale, how); ok {
			return MakeNumeric(r, max(scale, 0)), nil
		}
	}
	coef, have, _ := NumericBig(s)
	if scale >= have {
		return bigResult(coef.Mul(coef, bigPow10(scale-have)), scale)
	}
	coef = roundBig(coef, bigPow10(have-scale), how)
	return bigResult(coef, scale) // a negative scale multiplies back
}

// roundSmall takes v from have digits after the point to scale; ok is false when the result is not small.
func roundSmall(v int64, have, scale int, how rounding) (int64, bool) {
	if scale > numSmallScaleMax {
		return 0, false
	}
	if scale >= have {
		return mulPow10(v, scale-have)
	}
	drop := have - scale
	if drop >= len(pow10) { // everything goes
		switch {
		case how == roundCeil && v > 0:
			v = 1
		case how == roundFloor && v < 0:
			v = -1
		default:
			v = 0
		}
	} else {
		p := pow10[drop]
		q, r := abs64(v)/p, abs64(v)%p
		switch {
		case how == roundHalf && r >= p-r, how == roundCeil && v > 0 && r > 0, how == roundFloor && v < 0 && r > 0:
			q++
		}
		if v < 0 {
			v = -int64(q)
		} else {
			v = int64(q)
		}
	}
	if scale < 0 {
		return mulPow10(v, -scale)
	}
	return v, true
}

// roundBig returns p / q rounded; q is positive.
func roundBig(p, q *big.Int, how rounding) *big.Int {
	if how == roundHalf {
		return divRound(p, q)
	}
	quo, rem := new(big.Int).QuoRem(p, q, new(big.Int))
	switch {
	case how == roundCeil && rem.Sign() > 0:
		quo.Add(quo, big.NewInt(1))
	case how == roundFloor && rem.Sign() < 0:
		quo.Sub(quo, big.NewInt(1))
	}
	return quo
}

// NumericMinScale returns the least scale that shows the value exactly, -1 for NaN and the infinities.
func NumericMinScale(s string) int { return NumericScale(NumericTrimScale(s)) }

// NumericTrimScale removes the trailing zeros after the point.
func NumericTrimScale(s string) string {
	if v, scale, ok := UnpackSmallNumeric(s); ok {
		if scale == 0 {
			return s
		}
		return MakeNumeric(stripZeros(v, scale))
	}
	coef, scale, ok := NumericBig(s)
	if !ok {
		return s
	}
	r, err := MakeNumericBig(stripZerosBig(coef, scale))
	if err != nil {
		return s
	}
	return r
}

// NumericInc returns a + 1 (the sequence operators and to_char need it).
func NumericInc(a string) (string, error) { return NumericAdd(a, MakeNumeric(1, 0)) }
