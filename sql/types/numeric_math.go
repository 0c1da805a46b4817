package types

import (
	"math"
	"math/big"
	"strconv"
	"sync"

	"kimberlite/sql/pgerr"
)

var (
	errLogZero     = pgerr.New(pgerr.InvalidArgumentForLogarithm, "cannot take logarithm of zero")
	errLogNegative = pgerr.New(pgerr.InvalidArgumentForLogarithm, "cannot take logarithm of a negative number")
	errSqrt        = pgerr.New(pgerr.InvalidArgumentForPowerFunction, "cannot take square root of a negative number")
	errZeroPower   = pgerr.New(pgerr.InvalidArgumentForPowerFunction, "zero raised to a negative power is undefined")
	errComplex     = pgerr.New(pgerr.InvalidArgumentForPowerFunction, "a negative number raised to a non-integer power yields a complex result")
)

const numericOne = "\x00\x01"

// displayScale clamps a result's scale to what PostgreSQL displays.
func displayScale(scale int) int { return min(max(scale, 0), numericMaxDisplayScale) }

// numericFloat returns the nearest float64 of a finite numeric, an infinity beyond its range.
func numericFloat(s string) float64 {
	f, _ := strconv.ParseFloat(NumericString(s), 64)
	return f
}

// NumericSqrt returns the square root with at least 16 significant digits.
func NumericSqrt(s string) (string, error) {
	if isSpecial(s) {
		if NumericSign(s) < 0 {
			return "", errSqrt
		}
		return s, nil
	}
	if NumericSign(s) < 0 {
		return "", errSqrt
	}
	w, _ := bigLeading(s)
	sweight := floorDivNum((w+1)*4, 2) - 1
	if w < 0 {
		sweight = -((-(w + 1) * 4) / 2) - 1
	}
	return sqrtTo(s, displayScale(max(numericMinSigDigits-sweight, NumericScale(s))))
}

// sqrtTo returns the square root of a finite value that is not negative, rounded to scale digits after the point.
func sqrtTo(s string, scale int) (string, error) {
	coef, have, _ := NumericBig(s)
	// floor(sqrt(v * 10^(2*scale+2))) has one digit more than wanted, which decides the rounding: no square root ends in exactly 5.
	shift := 2*scale + 2 - have
	if shift >= 0 {
		coef.Mul(coef, bigPow10(shift))
	} else {
		coef.Quo(coef, bigPow10(-shift))
	}
	coef.Sqrt(coef)
	return bigResult(divRound(coef, big.NewInt(10)), scale)
}

// NumericExp returns e^s.
func NumericExp(s string) (string, error) {
	if isSpecial(s) {
		if s == NumericNegInf {
			return NumericZero, nil
		}
		return s, nil
	}
	val := numericFloat(s) * 0.434294481903252
	val = min(max(val, -numericMaxResultScale), numericMaxResultScale)
	return expTo(s, displayScale(max(numericMinSigDigits-int(val), NumericScale(s))))
}

// expTo returns e^s, rounded to scale digits after the point.
func expTo(s string, scale int) (string, error) {
	val := numericFloat(s)
	if math.Abs(val) >= numericMaxResultScale*3 {
		if val > 0 {
			return "", errNumericOverflow
		}
		return MakeNumericBig(new(big.Int), scale)
	}
	coef, have, _ := NumericBig(s)
	r, err := MakeNumericBig(fixedToScale(expFixed(coef, have, scale, val)), scale)
	return r, err
}

// fixedToScale is the last step of exp and ln: v / 2^bits * 10^scale, rounded half away from zero.
func fixedToScale(v *big.Int, bits, scale int) *big.Int {
	v = new(big.Int).Mul(v, bigPow10(scale))
	neg := v.Sign() < 0
	v.Abs(v)
	if bits > 0 {
		v.Add(v, new(big.Int).Lsh(big.NewInt(1), uint(bits-1)))
		v.Rsh(v, uint(bits))
	} else {
		v.Lsh(v, uint(-bits))
	}
	if neg {
		v.Neg(v)
	}
	return v
}

// guardBits are computed beyond what a result shows, so that rounding errors cannot reach a visible digit.
const guardBits = 72

// decimalBits is how many bits n decimal digits need at most.
func decimalBits(n int) int { return n*3322/1000 + 1 }

// expFixed returns v and bits with e^(coef/10^have) = v / 2^bits, exact to scale decimal digits and some. val is about coef/10^have.
func expFixed(coef *big.Int, have, scale int, val float64) (v *big.Int, bits, outScale int) {
	n := int(math.Round(val / math.Ln2)) // e^x = 2^n * e^r
	bits = decimalBits(scale) + guardBits + max(n, 0)
	r := new(big.Int).Lsh(coef, uint(bits))
	r.Quo(r, bigPow10(have))
	r.Sub(r, new(big.Int).Mul(big.NewInt(int64(n)), ln2Fixed(bits)))
	// Halve r until the series is short, and square as often afterwards; each squaring doubles the error.
	k := 4 + int(math.Sqrt(float64(bits)))/3
	work := bits + 2*k + 16
	r.Lsh(r, uint(work-bits-k))
	one := new(big.Int).Lsh(big.NewInt(1), uint(work))
	sum, term := new(big.Int).Add(one, r), new(big.Int).Set(r)
	div := new(big.Int)
	for i := int64(2); term.Sign() != 0; i++ {
		term.Rsh(term.Mul(term, r), uint(work))
		term.Quo(term, div.SetInt64(i))
		sum.Add(sum, term)
		if term.CmpAbs(bigOne) <= 0 { // Rsh of a negative number rounds down to -1 for ever
			break
		}
	}
	for range k {
		sum.Rsh(sum.Mul(sum, sum), uint(work))
	}
	return sum, work - n, scale
}

var bigOne = big.NewInt(1)

// atanhInv returns atanh(1/n) * 2^bits.
func atanhInv(n int64, bits int) *big.Int {
	square := big.NewInt(n * n)
	power := new(big.Int).Lsh(big.NewInt(1), uint(bits))
	power.Quo(power, big.NewInt(n))
	sum := new(big.Int).Set(power)
	term := new(big.Int)
	for i := int64(3); ; i += 2 {
		power.Quo(power, square)
		if power.Sign() == 0 {
			return sum
		}
		sum.Add(sum, term.Quo(power, big.NewInt(i)))
	}
}

// ln2Cached is ln(2) * 2^ln2CachedBits, enough for results of 300 digits.
var ln2Cached = sync.OnceValue(func() *big.Int { return computeLn2(ln2CachedBits) })

const ln2CachedBits = 1100

// ln2Fixed returns ln(2) * 2^bits; the result is the caller's.
func ln2Fixed(bits int) *big.Int {
	if bits <= ln2CachedBits {
		return new(big.Int).Rsh(ln2Cached(), uint(ln2CachedBits-bits))
	}
	return computeLn2(bits)
}

// computeLn2 returns ln(2) * 2^bits by a formula of Machin's kind.
func computeLn2(bits int) *big.Int {
	work := bits + 16
	sum := new(big.Int).Mul(big.NewInt(18), atanhInv(26, work))
	sum.Sub(sum, new(big.Int).Mul(big.NewInt(2), atanhInv(4801, work)))
	sum.Add(sum, new(big.Int).Mul(big.NewInt(8), atanhInv(8749, work)))
	return sum.Rsh(sum, 16)
}

// lnTo returns the natural logarithm of a positive finite value, rounded to scale digits after the point.
func lnTo(s string, scale int) (string, error) {
	coef, have, _ := NumericBig(s)
	p10 := bigPow10(have)
	e := coef.BitLen() - p10.BitLen() // coef/10^have = m * 2^e with m between 1/2 and 2
	bits := decimalBits(scale) + guardBits
	k := int(math.Sqrt(float64(bits))) / 4
	work := bits + k + 32
	m := new(big.Int).Set(coef)
	if shift := work - e; shift >= 0 {
		m.Lsh(m, uint(shift))
		m.Quo(m, p10)
	} else {
		m.Quo(m, new(big.Int).Lsh(p10, uint(-shift)))
	}
	one := new(big.Int).Lsh(big.NewInt(1), uint(work))
	for range k { // the series likes values near 1; ln(m) = 2^k * ln(m^(1/2^k))
		m.Sqrt(m.Lsh(m, uint(work)))
	}
	z := new(big.Int).Sub(m, one)
	z.Lsh(z, uint(work))
	z.Quo(z, m.Add(m, one))
	square := new(big.Int).Mul(z, z)
	square.Rsh(square, uint(work))
	sum, power, term := new(big.Int).Set(z), new(big.Int).Set(z), new(big.Int)
	for i := int64(3); ; i += 2 {
		power.Quo(power.Mul(power, square), one)
		if power.Sign() == 0 {
			break
		}
		sum.Add(sum, term.Quo(power, big.NewInt(i)))
	}
	sum.Lsh(sum, uint(k+1))
	sum.Add(sum, new(big.Int).Mul(big.NewInt(int64(e)), ln2Fixed(work)))
	return bigResult(fixedToScale(sum, work, scale), scale)
}

// lnWeight is PostgreSQL's estimate of the decimal weight of ln(s), by which it chooses scales.
func lnWeight(s string) int {
	if NumericSign(s) <= 0 {
		return 0
	}
	if NumericCompare(s, numericPoint9) >= 0 && NumericCompare(s, numeric1Point1) <= 0 {
		x, err := NumericSub(s, numericOne)
		if err != nil || NumericSign(x) == 0 {
			return 0
		}
		w, first := bigLeading(x)
		return w*4 + int(math.Log10(float64(first)))
	}
	w, digits, dweight := 0, 0, 0
	text, scale, _ := numericDigits(nil, s)
	e := len(text) - scale - 1
	w = floorDivNum(e, 4)
	lead := e - w*4 + 1
	dweight = w * 4
	group := func(from, to int) (g int) {
		for i := from; i < to; i++ {
			g *= 10
			if i >= 0 && i < len(text) {
				g += int(text[i] - '0')
			}
		}
		return g
	}
	digits = group(0, lead)
	for len(text) > 0 && text[len(text)-1] == '0' {
		text = text[:len(text)-1]
	}
	if len(text) > lead {
		digits = digits*10000 + group(lead, lead+4)
		dweight -= 4
	}
	return int(math.Log10(math.Abs(math.Log(float64(digits)) + float64(dweight)*2.302585092994046)))
}

var (
	numericPoint9  = MakeNumeric(9, 1)
	numeric1Point1 = MakeNumeric(11, 1)
	numericTen     = MakeNumeric(10, 0)
)

// logArgument refuses what has no logarithm.
func logArgument(s string) error {
	switch {
	case NumericIsNaN(s):
		return nil
	case NumericSign(s) < 0:
		return errLogNegative
	case NumericSign(s) == 0:
		return errLogZero
	}
	return nil
}

// NumericLn returns the natural logarithm.
func NumericLn(s string) (string, error) {
	if err := logArgument(s); err != nil {
		return "", err
	}
	if isSpecial(s) {
		return s, nil
	}
	return lnTo(s, displayScale(max(numericMinSigDigits-lnWeight(s), NumericScale(s))))
}

// NumericLog10 returns the logarithm to base 10.
func NumericLog10(s string) (string, error) { return NumericLog(numericTen, s) }

// NumericLog returns the logarithm of s to a base.
func NumericLog(base, s string) (string, error) {
	if NumericIsNaN(base) || NumericIsNaN(s) {
		return NumericNaN, nil
	}
	if (isSpecial(base) || isSpecial(s)) && (NumericSign(base) < 0 || NumericSign(s) < 0) {
		return "", errLogNegative
	}
	if err := logArgument(base); err != nil {
		return "", err
	}
	if err := logArgument(s); err != nil {
		return "", err
	}
	switch {
	case isSpecial(base) && isSpecial(s):
		return NumericNaN, nil
	case isSpecial(base):
		return NumericZero, nil
	case isSpecial(s):
		return NumericPosInf, nil
	}
	wb, wn := lnWeight(base), lnWeight(s)
	result := wn - wb
	scale := displayScale(max(numericMinSigDigits-result, NumericScale(base), NumericScale(s)))
	lnBase, err := lnTo(base, max(scale+result-wb+8, 0))
	if err != nil {
		return "", err
	}
	lnNum, err := lnTo(s, max(scale+result-wn+8, 0))
	if err != nil {
		return "", err
	}
	if NumericSign(lnBase) == 0 {
		return "", errDivisionByZero
	}
	return divBig(lnNum, lnBase, scale)
}

// isIntegral reports whether a value has no fraction; the infinities count as integers here.
func isIntegral(s string) bool {
	return !NumericIsNaN(s) && (isSpecial(s) || NumericMinScale(s) == 0)
}

// isOdd reports whether a value is an odd integer.
func isOdd(s string) bool {
	if isSpecial(s) || !isIntegral(s) {
		return false
	}
	coef, _, _ := NumericBig(NumericTrimScale(s))
	return coef.Bit(0) == 1
}

// NumericPower returns x^y.
func NumericPower(x, y string) (string, error) {
	if isSpecial(x) || isSpecial(y) {
		return powerSpecial(x, y)
	}
	if NumericSign(x) == 0 && NumericSign(y) < 0 {
		return "", errZeroPower
	}
	if NumericSign(x) < 0 && !isIntegral(y) {
		return "", errComplex
	}
	if isIntegral(y) {
		if n, _, ok := UnpackSmallNumeric(NumericTrimScale(y)); ok && n == int64(int32(n)) {
			return powerInt(x, int(n))
		}
	}
	if NumericSign(x) == 0 {
		return MakeNumeric(0, numericMinSigDigits), nil
	}
	negative := NumericSign(x) < 0 && isOdd(y)
	x = NumericAbs(x)
	w := lnWeight(x)
	ln, err := lnTo(x, max(8-w, 0))
	if err != nil {
		return "", err
	}
	prod, err := mulTo(ln, y, max(8-w, 0))
	if err != nil {
		return "", err
	}
	val := numericFloat(prod)
	if math.Abs(val) > numericMaxResultScale*3.01 {
		if val > 0 {
			return "", errNumericOverflow
		}
		return MakeNumericBig(new(big.Int), numericMaxDisplayScale)
	}
	val *= 0.434294481903252
	scale := displayScale(max(numericMinSigDigits-int(val), NumericScale(x), NumericScale(y)))
	local := max(scale+int(val)-w+8, 0)
	if ln, err = lnTo(x, local); err != nil {
		return "", err
	}
	if prod, err = mulTo(ln, y, local); err != nil {
		return "", err
	}
	r, err := expTo(prod, scale)
	if err == nil && negative {
		r = NumericNeg(r)
	}
	return r, err
}

// mulTo returns a * b rounded to scale digits after the point.
func mulTo(a, b string, scale int) (string, error) {
	p, ps, _ := NumericBig(a)
	q, qs, _ := NumericBig(b)
	p.Mul(p, q)
	if have := ps + qs; have > scale {
		p = divRound(p, bigPow10(have-scale))
	} else {
		p.Mul(p, bigPow10(scale-have))
	}
	return bigResult(p, scale)
}

// powerInt returns x^n with 16 digits after the point, or as many as x has.
func powerInt(x string, n int) (string, error) {
	scale := displayScale(max(numericMinSigDigits, NumericScale(x)))
	switch {
	case n == 0:
		return bigResult(bigPow10(scale), scale)
	case n == 1:
		return roundScale(x, scale)
	case n == -1:
		return divBig(numericOne, x, scale)
	case NumericSign(x) == 0:
		if n < 0 {
			return "", errDivisionByZero
		}
		return MakeNumericBig(new(big.Int), scale)
	}
	digits, have, _ := numericDigits(nil, x)
	take := min(len(digits), 16)
	f, _ := strconv.ParseFloat(string(digits[:take]), 64)
	weight := float64(n) * (math.Log10(f) + float64(len(digits)-take-have)) // the approximate decimal weight of the result
	if weight > numericDigitsMax {
		return "", errNumericOverflow
	}
	if weight+1 < float64(-scale) {
		return MakeNumericBig(new(big.Int), scale)
	}
	coef, have, _ := NumericBig(NumericTrimScale(x))
	abs := n
	if abs < 0 {
		abs = -abs
	}
	if coef.BitLen()*abs < 100000 && have*abs < 30000 { // exactly, then round
		p := new(big.Int).Exp(coef, big.NewInt(int64(abs)), nil)
		have *= abs
		if n < 0 { // 10^have / p, to scale digits
			return bigResult(divRound(new(big.Int).Set(bigPow10(have+scale)), p), scale)
		}
		if have > scale {
			return bigResult(divRound(p, bigPow10(have-scale)), scale)
		}
		return bigResult(p.Mul(p, bigPow10(scale-have)), scale)
	}
	return powerFloat(coef, have, n, scale, weight)
}

// roundScale rounds, or adds zeros, to exactly scale digits after the point; unlike NumericRound it knows no upper limit but the format's.
func roundScale(s string, scale int) (string, error) {
	coef, have, _ := NumericBig(s)
	if have > scale {
		coef = divRound(coef, bigPow10(have-scale))
	} else {
		coef.Mul(coef, bigPow10(scale-have))
	}
	return bigResult(coef, scale)
}

// powerFloat raises coef/10^have to n with as many digits as the result shows and some more.
func powerFloat(coef *big.Int, have, n, scale int, weight float64) (string, error) {
	prec := uint(decimalBits(max(scale+int(weight)+2, 1)) + guardBits + 40)
	base := new(big.Float).SetPrec(prec).SetInt(coef)
	base.Quo(base, new(big.Float).SetPrec(prec).SetInt(bigPow10(have)))
	result := new(big.Float).SetPrec(prec).SetInt64(1)
	abs := n
	if abs < 0 {
		abs = -abs
	}
	for ; abs > 0; abs >>= 1 {
		if abs&1 == 1 {
			result.Mul(result, base)
		}
		if abs > 1 {
			base.Mul(base, base)
		}
	}
	if n < 0 {
		result.Quo(new(big.Float).SetPrec(prec).SetInt64(1), result)
	}
	result.Mul(result, new(big.Float).SetPrec(prec).SetInt(bigPow10(scale)))
	half := big.NewFloat(0.5)
	if result.Sign() < 0 {
		half.Neg(half)
	}
	v, _ := result.Add(result, half).Int(nil)
	return bigResult(v, scale)
}

// powerSpecial follows POSIX's pow for NaN and the infinities.
func powerSpecial(x, y string) (string, error) {
	if NumericIsNaN(x) {
		if !isSpecial(y) && NumericSign(y) == 0 {
			return numericOne, nil
		}
		return NumericNaN, nil
	}
	isOne := !isSpecial(x) && NumericCompare(x, numericOne) == 0
	if NumericIsNaN(y) {
		if isOne {
			return numericOne, nil
		}
		return NumericNaN, nil
	}
	sx, sy := NumericSign(x), NumericSign(y)
	switch {
	case sx == 0 && sy < 0:
		return "", errZeroPower
	case sx < 0 && !isIntegral(y):
		return "", errComplex
	case isOne, sy == 0:
		return numericOne, nil
	case sx == 0:
		return NumericZero, nil
	}
	if isSpecial(y) {
		above := true
		if !isSpecial(x) {
			c := NumericCompare(NumericAbs(x), numericOne)
			if c == 0 { // -1
				return numericOne, nil
			}
			above = c > 0
		}
		if above == (sy > 0) {
			return NumericPosInf, nil
		}
		return NumericZero, nil
	}
	switch {
	case sy < 0:
		return NumericZero, nil
	case sx < 0 && isOdd(y):
		return NumericNegInf, nil
	}
	return NumericPosInf, nil
}

// NumericGcd returns the greatest common divisor, NaN where an argument is no finite number.
func NumericGcd(a, b string) (string, error) {
	if isSpecial(a) || isSpecial(b) {
		return NumericNaN, nil
	}
	p, q, scale := align(a, b)
	return bigResult(p.GCD(nil, nil, p.Abs(p), q.Abs(q)), scale)
}

// NumericLcm returns the least common multiple.
func NumericLcm(a, b string) (string, error) {
	if isSpecial(a) || isSpecial(b) {
		return NumericNaN, nil
	}
	p, q, scale := align(a, b)
	p.Abs(p)
	q.Abs(q)
	if p.Sign() == 0 || q.Sign() == 0 {
		return MakeNumeric(0, scale), nil
	}
	g := new(big.Int).GCD(nil, nil, p, q)
	return bigResult(p.Mul(p.Quo(p, g), q), scale)
}

// NumericFactorial returns n!.
func NumericFactorial(n int64) (string, error) {
	if n < 0 {
		return "", pgerr.New(pgerr.NumericValueOutOfRange, "factorial of a negative number is undefined")
	}
	if n > 32177 { // the largest whose factorial fits the format
		return "", errNumericOverflow
	}
	return bigResult(new(big.Int).MulRange(1, n), 0)
}

// NumericWidthBucket returns the bucket of an equal-width histogram that the operand falls in.
func NumericWidthBucket(operand, low, high string, count int32) (int32, error) {
	bad := func(msg string) (int32, error) {
		return 0, pgerr.New(pgerr.InvalidArgumentForWidthBucketFunction, msg)
	}
	switch {
	case count <= 0:
		return bad("count must be greater than zero")
	case NumericIsNaN(operand) || NumericIsNaN(low) || NumericIsNaN(high):
		return bad("operand, lower bound, and upper bound cannot be NaN")
	case isSpecial(low) || isSpecial(high):
		return bad("lower and upper bounds must be finite")
	}
	order := NumericCompare(low, high)
	if order == 0 {
		return bad("lower bound cannot equal upper bound")
	}
	switch {
	case order*NumericCompare(operand, low) > 0: // before the first bucket
		return 0, nil
	case order*NumericCompare(operand, high) <= 0:
		if count == math.MaxInt32 {
			return 0, outOfRange("integer")
		}
		return count + 1, nil
	}
	num, err := NumericSub(operand, low)
	if err != nil {
		return 0, err
	}
	width, err := NumericSub(high, low)
	if err != nil {
		return 0, err
	}
	if order > 0 {
		num, width = NumericNeg(num), NumericNeg(width)
	}
	// PostgreSQL divides first, with the scale of any division, and then cuts: so close to a boundary the quotient may round up.
	if num, err = NumericMul(num, MakeNumeric(int64(count), 0)); err != nil {
		return 0, err
	}
	q, err := NumericDiv(num, width)
	if err != nil {
		return 0, err
	}
	if q, err = NumericFloor(q); err != nil {
		return 0, err
	}
	n, err := NumericToInt4(q)
	return n + 1, err
}

// NumericVariance returns the variance (its square root: stddev) of n values from their sum and the sum of their squares, sample or
// population, with PostgreSQL's scale. ok is false where the result is NULL.
func NumericVariance(n int64, sum, sumSquares string, sample, stddev bool) (s string, ok bool, err error) {
	if n == 0 || sample && n == 1 {
		return "", false, nil
	}
	if isSpecial(sum) || isSpecial(sumSquares) {
		return NumericNaN, true, nil
	}
	x, xs, _ := NumericBig(sum)
	q, qs, _ := NumericBig(sumSquares)
	scale := max(2*xs, qs)
	x.Mul(x.Mul(x, x), bigPow10(scale-2*xs))
	q.Mul(q.Mul(q, big.NewInt(n)), bigPow10(scale-qs))
	q.Sub(q, x)
	if q.Sign() <= 0 {
		return NumericZero, true, nil
	}
	num, err := MakeNumericBig(q, scale)
	if err != nil {
		return "", false, err
	}
	m := n
	if sample {
		m--
	}
	den, err := NumericMul(MakeNumeric(n, 0), MakeNumeric(m, 0))
	if err != nil {
		return "", false, err
	}
	if s, err = NumericDiv(num, den); err == nil && stddev {
		s, err = sqrtTo(s, NumericScale(s))
	}
	return s, true, err
}
