package types

import (
	"math/big"
)

// NumericSum adds numerics up exactly. The sum is kept in an int64 at the largest scale seen while it fits, and flows over into a
// big integer. The zero value is an empty sum.
type NumericSum struct {
	N                   int64 // values added
	nan, posInf, negInf int64
	scale               int
	small               int64
	big                 *big.Int // nil while small alone is the sum; what counts is big + small
}

// Add adds a packed numeric.
func (a *NumericSum) Add(s string) {
	if v, scale, ok := UnpackSmallNumeric(s); ok {
		a.AddSmall(v, scale)
		return
	}
	a.N++
	a.addOther(s, 1)
}

// AddInt64 adds an integer.
func (a *NumericSum) AddInt64(v int64) { a.AddSmall(v, 0) }

// AddSmall adds v / 10^scale.
func (a *NumericSum) AddSmall(v int64, scale int) {
	a.N++
	if scale == a.scale {
		if s := a.small + v; (a.small^s)&(v^s) >= 0 {
			a.small = s
			return
		}
	}
	a.addScaled(v, scale)
}

// addScaled is AddSmall where the scale differs or the int64 is full.
func (a *NumericSum) addScaled(v int64, scale int) {
	a.raise(scale)
	if scaled, ok := mulPow10(v, a.scale-scale); ok {
		if s := a.small + scaled; (a.small^s)&(scaled^s) >= 0 {
			a.small = s
			return
		}
	}
	a.flush()
	b := big.NewInt(v)
	if scale < a.scale {
		b.Mul(b, bigPow10(a.scale-scale))
	}
	a.big.Add(a.big, b)
}

// raise brings the sum to a larger scale.
func (a *NumericSum) raise(scale int) {
	if scale <= a.scale {
		return
	}
	by := scale - a.scale
	a.scale = scale
	if a.big == nil {
		if s, ok := mulPow10(a.small, by); ok {
			a.small = s
			return
		}
	}
	a.flush()
	a.big.Mul(a.big, bigPow10(by))
}

// flush moves the small sum into the big one.
func (a *NumericSum) flush() {
	if a.big == nil {
		a.big = new(big.Int)
	}
	a.big.Add(a.big, big.NewInt(a.small))
	a.small = 0
}

// addOther adds (by 1) or removes (by -1) a value that is not small.
func (a *NumericSum) addOther(s string, by int64) {
	switch s {
	case NumericNaN:
		a.nan += by
		return
	case NumericPosInf:
		a.posInf += by
		return
	case NumericNegInf:
		a.negInf += by
		return
	}
	coef, scale, ok := NumericBig(s)
	if !ok {
		return
	}
	a.raise(scale)
	a.flush()
	if scale < a.scale {
		coef.Mul(coef, bigPow10(a.scale-scale))
	}
	if by < 0 {
		coef.Neg(coef)
	}
	a.big.Add(a.big, coef)
}

// Remove takes a value out again that was added (a moving window's). The scale that the sum displays doesn't shrink: a
// caller who removes a value of that scale (see Scale) starts over instead, as PostgreSQL does.
func (a *NumericSum) Remove(s string) {
	if v, scale, ok := UnpackSmallNumeric(s); ok {
		a.AddSmall(-v, scale)
		a.N -= 2
		return
	}
	a.N--
	a.addOther(s, -1)
}

// Scale returns the number of digits after the point that the sum displays.
func (a *NumericSum) Scale() int { return a.scale }

// Merge adds another sum, which stays as it is.
func (a *NumericSum) Merge(b *NumericSum) {
	a.nan += b.nan
	a.posInf += b.posInf
	a.negInf += b.negInf
	if b.big != nil {
		a.raise(b.scale)
		a.flush()
		c := new(big.Int).Set(b.big)
		if b.scale < a.scale {
			c.Mul(c, bigPow10(a.scale-b.scale))
		}
		a.big.Add(a.big, c)
	}
	a.addScaled(b.small, b.scale)
	a.N += b.N
}

// Sum returns the sum, 0 of nothing: 22003 when it is beyond numeric's range.
func (a *NumericSum) Sum() (string, error) {
	switch {
	case a.nan > 0 || a.posInf > 0 && a.negInf > 0:
		return NumericNaN, nil
	case a.posInf > 0:
		return NumericPosInf, nil
	case a.negInf > 0:
		return NumericNegInf, nil
	}
	if a.big == nil {
		return MakeNumeric(a.small, a.scale), nil
	}
	return MakeNumericBig(new(big.Int).Add(a.big, big.NewInt(a.small)), a.scale)
}

// Avg returns the mean of the values; there must be one at least.
func (a *NumericSum) Avg() (string, error) {
	s, err := a.Sum()
	if err != nil {
		return "", err
	}
	return NumericDiv(s, MakeNumeric(a.N, 0))
}
