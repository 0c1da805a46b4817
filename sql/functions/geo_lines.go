package functions

import (
	"math"

	"kimberlite/sql/types"
)

// line is a*x + b*y + c = 0.
type line struct{ a, b, c float64 }

func lineOf(d types.Datum) line {
	f := types.UnpackFloats(d.S)
	return line{f[0], f[1], f[2]}
}

func (l line) datum() types.Datum { return types.Str(types.PackFloats(l.a, l.b, l.c)) }

// through is the line through p with a slope.
func (g *geo) through(p point, slope float64) line {
	switch {
	case math.IsInf(slope, 0):
		return line{-1, 0, p.x}
	case slope == 0:
		return line{0, -1, p.y}
	}
	return line{slope, -1, g.sub(p.y, g.mul(slope, p.x)) + 0} // + 0: not -0
}

func (g *geo) lineSlope(l line) float64 {
	switch {
	case fpZero(l.a):
		return 0
	case fpZero(l.b):
		return math.Inf(1)
	}
	return g.div(l.a, -l.b)
}

func (g *geo) linePerpendicularSlope(l line) float64 {
	switch {
	case fpZero(l.a):
		return math.Inf(1)
	case fpZero(l.b):
		return 0
	}
	return g.div(l.b, l.a)
}

// cross is where two lines meet; ok is false for parallel ones.
func (g *geo) cross(l, m line) (p point, ok bool) {
	if fpZero(l.b) {
		if fpZero(m.b) {
			return p, false
		}
		l, m = m, l
	}
	if fpEq(m.a, g.mul(l.a, g.div(m.b, l.b))) {
		return p, false
	}
	p.x = g.div(g.sub(g.mul(l.b, m.c), g.mul(m.b, l.c)), g.sub(g.mul(l.a, m.b), g.mul(m.a, l.b)))
	p.y = g.div(-g.add(g.mul(l.a, p.x), l.c), l.b)
	return point{p.x + 0, p.y + 0}, true // not -0
}

func (g *geo) perpendicular(l, m line) bool {
	switch {
	case fpZero(l.a):
		return fpZero(m.b)
	case fpZero(m.a):
		return fpZero(l.b)
	case fpZero(l.b):
		return fpZero(m.a)
	case fpZero(m.b):
		return fpZero(l.a)
	}
	return fpEq(g.div(g.mul(l.a, m.a), g.mul(l.b, m.b)), -1)
}

// sameLine says whether the coefficients are proportional.
func (g *geo) sameLine(l, m line) bool {
	if anyNaN(l.a, l.b, l.c, m.a, m.b, m.c) {
		return sameFloat(l.a, m.a) && sameFloat(l.b, m.b) && sameFloat(l.c, m.c)
	}
	ratio := 1.0
	switch {
	case !fpZero(m.a):
		ratio = g.div(l.a, m.a)
	case !fpZero(m.b):
		ratio = g.div(l.b, m.b)
	case !fpZero(m.c):
		ratio = g.div(l.c, m.c)
	}
	return fpEq(l.a, g.mul(ratio, m.a)) && fpEq(l.b, g.mul(ratio, m.b)) && fpEq(l.c, g.mul(ratio, m.c))
}

func (g *geo) lineDist(l, m line) float64 {
	if _, ok := g.cross(l, m); ok {
		return 0
	}
	usable := func(x, y float64) bool { return !fpZero(x) && !math.IsNaN(x) && !fpZero(y) && !math.IsNaN(y) }
	ratio := 1.0
	switch {
	case usable(l.a, m.a):
		ratio = g.div(l.a, m.a)
	case usable(l.b, m.b):
		ratio = g.div(l.b, m.b)
	}
	return g.div(math.Abs(g.sub(l.c, g.mul(ratio, m.c))), g.hypot(l.a, l.b))
}

func (g *geo) lineHas(l line, p point) bool {
	return fpZero(g.add(g.add(g.mul(l.a, p.x), g.mul(l.b, p.y)), l.c))
}

// nearestOnLine is the point of the line that is nearest to p, and its distance; NaN when there is none.
func (g *geo) nearestOnLine(l line, p point) (point, float64) {
	q, ok := g.cross(g.through(p, g.linePerpendicularSlope(l)), l)
	if !ok {
		return p, math.NaN()
	}
	return q, g.dist(q, p)
}

// lseg is a line segment.
type lseg struct{ p, q point }

func lsegOf(d types.Datum) lseg {
	f := types.UnpackFloats(d.S)
	return lseg{point{f[0], f[1]}, point{f[2], f[3]}}
}

func (s lseg) datum() types.Datum { return types.Str(types.PackFloats(s.p.x, s.p.y, s.q.x, s.q.y)) }

func (g *geo) lsegSlope(s lseg) float64 { return g.slope(s.p, s.q) }

func (g *geo) length(s lseg) float64 { return g.dist(s.p, s.q) }

func (g *geo) lsegLine(s lseg) line { return g.through(s.p, g.lsegSlope(s)) }

func (g *geo) lsegHas(s lseg, p point) bool {
	return fpEq(g.add(g.dist(p, s.p), g.dist(p, s.q)), g.dist(s.p, s.q))
}

// crossLine is where the segment meets the line.
func (g *geo) crossLine(s lseg, l line) (point, bool) {
	p, ok := g.cross(g.lsegLine(s), l)
	switch {
	case !ok || !g.lsegHas(s, p):
		return point{}, false
	case s.p.same(p): // an end without the rounding
		return s.p, true
	case s.q.same(p):
		return s.q, true
	}
	return p, true
}

// crossLseg is where two segments meet.
func (g *geo) crossLseg(s, t lseg) (point, bool) {
	p, ok := g.crossLine(s, g.lsegLine(t))
	if !ok || !g.lsegHas(t, p) {
		return point{}, false
	}
	return p, true
}

func (g *geo) lsegsMeet(s, t lseg) bool {
	_, ok := g.crossLseg(s, t)
	return ok
}

// nearestOnLseg is the point of s that is nearest to p, and its distance.
func (g *geo) nearestOnLseg(s lseg, p point) (point, float64) {
	q, _ := g.nearestToLine(s, g.through(p, g.perpendicularSlope(s.p, s.q)))
	return q, g.dist(q, p)
}

// nearestToLine is the point of s that is nearest to the line.
func (g *geo) nearestToLine(s lseg, l line) (point, float64) {
	if p, ok := g.crossLine(s, l); ok {
		return p, 0
	}
	_, d := g.nearestOnLine(l, s.p)
	_, e := g.nearestOnLine(l, s.q)
	if d < e {
		return s.p, d
	}
	return s.q, e
}

// nearest keeps the least distance and its point.
type nearest struct {
	p   point
	d   float64
	set bool
}

func (n *nearest) try(p point, d float64) {
	if !n.set || floatLess(d, n.d) {
		n.p, n.d, n.set = p, d, true
	}
}

// nearestToLseg is the point of s that is nearest to t.
func (g *geo) nearestToLseg(s, t lseg) (point, float64) {
	if p, ok := g.crossLseg(s, t); ok {
		return p, 0
	}
	var n nearest
	n.try(g.nearestOnLseg(s, t.p))
	n.try(g.nearestOnLseg(s, t.q))
	_, d := g.nearestOnLseg(t, s.p)
	n.try(s.p, d)
	_, d = g.nearestOnLseg(t, s.q)
	n.try(s.q, d)
	return n.p, n.d
}
