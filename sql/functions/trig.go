package functions

import "math"

// Sine and cosine as the C library gives them, that is nearly always the float next to the true value: computed in numbers of two floats, of
// which the second holds what the first can't.

type twoFloat struct{ hi, lo float64 }

func twoSum(a, b float64) twoFloat {
	s := a + b
	t := s - a
	return twoFloat{s, (a - (s - t)) + (b - t)}
}

func twoProduct(a, b float64) twoFloat {
	p := a * b
	return twoFloat{p, math.FMA(a, b, -p)}
}

func (x twoFloat) add(y twoFloat) twoFloat {
	s := twoSum(x.hi, y.hi)
	return twoSum(s.hi, s.lo+(x.lo+y.lo))
}

func (x twoFloat) mul(y twoFloat) twoFloat {
	p := twoProduct(x.hi, y.hi)
	return twoSum(p.hi, p.lo+(x.hi*y.lo+x.lo*y.hi))
}

func (x twoFloat) over(d float64) twoFloat {
	q := x.hi / d
	p := twoProduct(q, d)
	return twoSum(q, (x.hi-p.hi-p.lo+x.lo)/d)
}

// halfPi is pi/2 in three floats.
var halfPi = [3]float64{0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54, -0x1.f1976b7ed8fbcp-110}

// reducible bounds the angles that three floats of pi suffice for; beyond it Go's own functions serve.
const reducible = 1 << 25

// sinCos returns the value of the series of sine (odd) or cosine at r, |r| <= pi/4.
func sinCos(r twoFloat, odd bool) twoFloat {
	square := r.mul(r)
	term, k := twoFloat{1, 0}, 1.0
	if odd {
		term, k = r, 2
	}
	sum := term
	for range 14 {
		term = term.mul(square).over(-k * (k + 1))
		sum = sum.add(term)
		k += 2
	}
	return sum
}

// quarterTurn computes the sine of x plus quarters times pi/2.
func quarterTurn(x float64, quarters int64) twoFloat {
	n := math.Round(x / halfPi[0])
	r := twoFloat{x, 0}
	for _, part := range halfPi {
		r = r.add(twoProduct(-n, part))
	}
	quarters += int64(n)
	v := sinCos(r, quarters&1 == 0)
	if quarters&2 != 0 {
		return twoFloat{-v.hi, -v.lo}
	}
	return v
}

func sin(x float64) float64 {
	if x == 0 || !(math.Abs(x) < reducible) {
		return math.Sin(x)
	}
	return quarterTurn(x, 0).hi
}

func cos(x float64) float64 {
	if !(math.Abs(x) < reducible) {
		return math.Cos(x)
	}
	return quarterTurn(x, 1).hi
}

func tan(x float64) float64 {
	if x == 0 || !(math.Abs(x) < reducible) {
		return math.Tan(x)
	}
	s, c := quarterTurn(x, 0), quarterTurn(x, 1)
	q := s.hi / c.hi
	p := c.mul(twoFloat{q, 0})
	return q + ((s.hi-p.hi)+(s.lo-p.lo))/c.hi
}
