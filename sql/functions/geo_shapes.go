package functions

import (
	"math"

	"kimberlite/sql/types"
)

// box is a rectangle by its upper right and lower left corners.
type box struct{ high, low point }

func boxOf(d types.Datum) box {
	f := types.UnpackFloats(d.S)
	return box{point{f[0], f[1]}, point{f[2], f[3]}}
}

// boxAround has p and q as opposite corners.
func boxAround(p, q point) box {
	b := box{q, p}
	if floatLess(q.x, p.x) {
		b.high.x, b.low.x = p.x, q.x
	}
	if floatLess(q.y, p.y) {
		b.high.y, b.low.y = p.y, q.y
	}
	return b
}

// boundingBox holds all points.
func boundingBox(ps []point) box {
	b := box{ps[0], ps[0]}
	for _, p := range ps[1:] {
		b = unionBox(b, box{p, p})
	}
	return b
}

func unionBox(a, b box) box {
	return box{boxAround(a.high, b.high).high, boxAround(a.low, b.low).low}
}

func (b box) datum() types.Datum {
	return types.Str(types.PackFloats(b.high.x, b.high.y, b.low.x, b.low.y))
}

func (g *geo) width(b box) float64 { return g.sub(b.high.x, b.low.x) }

func (g *geo) height(b box) float64 { return g.sub(b.high.y, b.low.y) }

func (g *geo) boxArea(b box) float64 { return g.mul(g.width(b), g.height(b)) }

func (g *geo) boxCenter(b box) point { return g.middle(b.high, b.low) }

func (b box) overlaps(o box) bool {
	return fpLe(b.low.x, o.high.x) && fpLe(o.low.x, b.high.x) && fpLe(b.low.y, o.high.y) && fpLe(o.low.y, b.high.y)
}

func (b box) contains(o box) bool {
	return fpGe(b.high.x, o.high.x) && fpLe(b.low.x, o.low.x) && fpGe(b.high.y, o.high.y) && fpLe(b.low.y, o.low.y)
}

func (b box) has(p point) bool {
	return b.high.x >= p.x && b.low.x <= p.x && b.high.y >= p.y && b.low.y <= p.y
}

// sides are the four sides, in the order in which PostgreSQL looks for the nearest.
func (b box) sides() [4]lseg {
	upperLeft, lowerRight := point{b.low.x, b.high.y}, point{b.high.x, b.low.y}
	return [4]lseg{{b.low, upperLeft}, {b.high, upperLeft}, {b.low, lowerRight}, {b.high, lowerRight}}
}

func (g *geo) nearestInBox(b box, p point) (point, float64) {
	if b.has(p) {
		return p, 0
	}
	var n nearest
	for _, s := range b.sides() {
		n.try(g.nearestOnLseg(s, p))
	}
	return n.p, n.d
}

func (g *geo) boxMeets(b box, s lseg) bool {
	if !b.overlaps(boxAround(s.p, s.q)) {
		return false
	}
	if b.has(s.p) || b.has(s.q) {
		return true
	}
	for _, side := range b.sides() {
		if g.lsegsMeet(side, s) {
			return true
		}
	}
	return false
}

func (g *geo) nearestInBoxToLseg(b box, s lseg) (point, float64) {
	if g.boxMeets(b, s) {
		p, _ := g.nearestOnLseg(s, g.boxCenter(b))
		return p, 0
	}
	var n nearest
	for _, side := range b.sides() {
		n.try(g.nearestToLseg(side, s))
	}
	return n.p, n.d
}

// path is a sequence of points, closed or open.
type path struct {
	closed bool
	points []point
}

func pathOf(d types.Datum) path {
	closed, fs := types.UnpackPath(d.S)
	return path{closed, pointsOf(fs)}
}

func (p path) datum() types.Datum { return types.Str(types.PackPath(p.closed, floatsOf(p.points)...)) }

// segments calls fn for each segment, of a closed path the one from the last point to the first before all others.
func (p path) segments(fn func(s lseg)) {
	for i, q := range p.points {
		switch {
		case i > 0:
			fn(lseg{p.points[i-1], q})
		case p.closed:
			fn(lseg{p.points[len(p.points)-1], q})
		}
	}
}

func (g *geo) pathLength(p path) (sum float64) {
	p.segments(func(s lseg) { sum = g.add(sum, g.length(s)) })
	return sum
}

func (g *geo) pathArea(p path) float64 {
	area := 0.0
	for i, a := range p.points {
		b := p.points[(i+1)%len(p.points)]
		area = g.add(area, g.mul(a.x, b.y))
		area = g.sub(area, g.mul(a.y, b.x))
	}
	return g.div(math.Abs(area), 2)
}

func (g *geo) pathHas(p path, pt point) bool {
	if p.closed {
		return g.inside(pt, p.points) != 0
	}
	found := false
	p.segments(func(s lseg) { found = found || g.lsegHas(s, pt) })
	return found
}

func (g *geo) pathsMeet(p, q path) bool {
	if !boundingBox(p.points).overlaps(boundingBox(q.points)) {
		return false
	}
	meet := false
	p.segments(func(s lseg) {
		q.segments(func(t lseg) { meet = meet || g.lsegsMeet(s, t) })
	})
	return meet
}

// pathDist is the least distance between segments of the paths; there may be none.
func (g *geo) pathDist(p, q path) nearest {
	var n nearest
	p.segments(func(s lseg) {
		q.segments(func(t lseg) { n.try(g.nearestToLseg(s, t)) })
	})
	return n
}

// pathDistTo is the distance from the path to a point; a path without segments is everywhere.
func (g *geo) pathDistTo(p path, pt point) float64 {
	var n nearest
	p.segments(func(s lseg) { n.try(g.nearestOnLseg(s, pt)) })
	return n.d
}

// circle is a center and a radius.
type circle struct {
	center point
	radius float64
}

func circleOf(d types.Datum) circle {
	f := types.UnpackFloats(d.S)
	return circle{point{f[0], f[1]}, f[2]}
}

func (c circle) datum() types.Datum {
	return types.Str(types.PackFloats(c.center.x, c.center.y, c.radius))
}

func (g *geo) circleArea(c circle) float64 { return g.mul(g.mul(c.radius, c.radius), math.Pi) }

func (c circle) same(o circle) bool {
	return (math.IsNaN(c.radius) && math.IsNaN(o.radius) || fpEq(c.radius, o.radius)) && c.center.same(o.center)
}

// circleOfPolygon has the mean of the points as its center, and their mean distance to it as its radius.
func (g *geo) circleOfPolygon(ps []point) (c circle) {
	n := float64(len(ps))
	for _, p := range ps {
		c.center = g.plus(c.center, p)
	}
	c.center = point{g.div(c.center.x, n), g.div(c.center.y, n)}
	for _, p := range ps {
		c.radius = g.add(c.radius, g.dist(p, c.center))
	}
	c.radius = g.div(c.radius, n)
	return c
}

func (g *geo) polygonOfCircle(n int, c circle) []point {
	ps := make([]point, n)
	step := g.div(2*math.Pi, float64(n))
	for i := range ps {
		angle := g.mul(step, float64(i))
		ps[i] = point{g.sub(c.center.x, g.mul(c.radius, cos(angle))), g.add(c.center.y, g.mul(c.radius, sin(angle)))}
	}
	return ps
}
