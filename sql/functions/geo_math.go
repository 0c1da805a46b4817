package functions

import (
	"math"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// Plane geometry (9.11) as PostgreSQL computes it: coordinates are compared with a tolerance, results that leave the range of float8 are errors.

// geo is one computation; it keeps its first error.
type geo struct{ err error }

func (g *geo) fail(err error) {
	if g.err == nil {
		g.err = err
	}
}

// sum checks a sum or difference of a and b.
func (g *geo) sum(r, a, b float64) float64 {
	if math.IsInf(r, 0) && !math.IsInf(a, 0) && !math.IsInf(b, 0) {
		g.fail(errFloatOverflow)
	}
	return r
}

func (g *geo) add(a, b float64) float64 { return g.sum(a+b, a, b) }

func (g *geo) sub(a, b float64) float64 { return g.sum(a-b, a, b) }

func (g *geo) mul(a, b float64) float64 {
	r := float64(a * b) // rounded, so that no multiplication is fused with an addition
	if r == 0 && a != 0 && b != 0 {
		g.fail(errFloatUnderflow)
	}
	return g.sum(r, a, b)
}

func (g *geo) div(a, b float64) float64 {
	if b == 0 && !math.IsNaN(a) {
		g.fail(pgerr.New(pgerr.DivisionByZero, "division by zero"))
		return 0
	}
	r := a / b
	if math.IsInf(r, 0) && !math.IsInf(a, 0) {
		g.fail(errFloatOverflow)
	}
	if r == 0 && a != 0 && !math.IsInf(b, 0) {
		g.fail(errFloatUnderflow)
	}
	return r
}

// hypot is the length of the hypotenuse. It is computed in PostgreSQL's order of steps, which decides the last digit.
func (g *geo) hypot(x, y float64) float64 {
	if math.IsInf(x, 0) || math.IsInf(y, 0) {
		return math.Inf(1)
	}
	if math.IsNaN(x) || math.IsNaN(y) {
		return math.NaN()
	}
	x, y = math.Abs(x), math.Abs(y)
	if x < y {
		x, y = y, x
	}
	if y == 0 {
		return x
	}
	yx := y / x
	r := x * math.Sqrt(1+float64(yx*yx))
	if math.IsInf(r, 0) {
		g.fail(errFloatOverflow)
	}
	if r == 0 {
		g.fail(errFloatUnderflow)
	}
	return r
}

// The comparisons with tolerance.
const geoEpsilon = 1e-6

func fpZero(a float64) bool { return math.Abs(a) <= geoEpsilon }

func fpEq(a, b float64) bool { return a == b || math.Abs(a-b) <= geoEpsilon }

func fpLt(a, b float64) bool { return a+geoEpsilon < b }

func fpLe(a, b float64) bool { return a <= b+geoEpsilon }

func fpGt(a, b float64) bool { return fpLt(b, a) }

func fpGe(a, b float64) bool { return fpLe(b, a) }

// floatLess orders as float8 does: NaN is the greatest.
func floatLess(a, b float64) bool {
	return !math.IsNaN(a) && (math.IsNaN(b) || a < b)
}

func sameFloat(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }

func anyNaN(fs ...float64) bool {
	for _, f := range fs {
		if math.IsNaN(f) {
			return true
		}
	}
	return false
}

type point struct{ x, y float64 }

func pointOf(d types.Datum) point {
	f := types.UnpackFloats(d.S)
	return point{f[0], f[1]}
}

func (p point) datum() types.Datum { return types.Str(types.PackFloats(p.x, p.y)) }

func pointsOf(fs []float64) []point {
	ps := make([]point, len(fs)/2)
	for i := range ps {
		ps[i] = point{fs[2*i], fs[2*i+1]}
	}
	return ps
}

func floatsOf(ps []point) []float64 {
	fs := make([]float64, 0, 2*len(ps))
	for _, p := range ps {
		fs = append(fs, p.x, p.y)
	}
	return fs
}

// same compares with tolerance, or exactly when a NaN is involved.
func (p point) same(q point) bool {
	if anyNaN(p.x, p.y, q.x, q.y) {
		return sameFloat(p.x, q.x) && sameFloat(p.y, q.y)
	}
	return fpEq(p.x, q.x) && fpEq(p.y, q.y)
}

func (g *geo) plus(p, q point) point { return point{g.add(p.x, q.x), g.add(p.y, q.y)} }

func (g *geo) minus(p, q point) point { return point{g.sub(p.x, q.x), g.sub(p.y, q.y)} }

// times turns and stretches p: the points are complex numbers.
func (g *geo) times(p, q point) point {
	return point{g.sub(g.mul(p.x, q.x), g.mul(p.y, q.y)), g.add(g.mul(p.x, q.y), g.mul(p.y, q.x))}
}

func (g *geo) over(p, q point) point {
	d := g.add(g.mul(q.x, q.x), g.mul(q.y, q.y))
	return point{
		g.div(g.add(g.mul(p.x, q.x), g.mul(p.y, q.y)), d),
		g.div(g.sub(g.mul(p.y, q.x), g.mul(p.x, q.y)), d),
	}
}

func (g *geo) dist(p, q point) float64 { return g.hypot(g.sub(p.x, q.x), g.sub(p.y, q.y)) }

func (g *geo) middle(p, q point) point {
	return point{g.div(g.add(p.x, q.x), 2), g.div(g.add(p.y, q.y), 2)}
}

// slope is that of the line through the points.
func (g *geo) slope(p, q point) float64 {
	switch {
	case fpEq(p.x, q.x):
		return math.Inf(1)
	case fpEq(p.y, q.y):
		return 0
	}
	return g.div(g.sub(p.y, q.y), g.sub(p.x, q.x))
}

// perpendicularSlope is that of a line at right angles to the one through the points.
func (g *geo) perpendicularSlope(p, q point) float64 {
	switch {
	case fpEq(p.x, q.x):
		return 0
	case fpEq(p.y, q.y):
		return math.Inf(1)
	}
	return g.div(g.sub(p.x, q.x), g.sub(q.y, p.y))
}
