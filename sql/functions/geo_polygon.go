package functions

import "kimberlite/sql/types"

// maxPolygonPoints is what fits into a value of a gigabyte.
const maxPolygonPoints = textMax / 16

func polygonOf(d types.Datum) []point { return pointsOf(types.UnpackFloats(d.S)) }

func polygonDatum(ps []point) types.Datum { return types.Str(types.PackFloats(floatsOf(ps)...)) }

// outline is a polygon as a closed path.
func outline(ps []point) path { return path{true, ps} }

// onPolygon is crossing's answer for a point on the line from the previous point to this one.
const onPolygon = int(^uint(0) >> 1)

// inside counts how often a ray from p to the right crosses the polygon: 0 is outside, 1 inside, 2 on its edge.
func (g *geo) inside(p point, ps []point) int {
	first := g.minus(ps[0], p)
	prev, total := first, 0
	for i := 1; i <= len(ps); i++ {
		next := first
		if i < len(ps) {
			next = g.minus(ps[i], p)
		}
		c := g.crossing(next, prev)
		if c == onPolygon {
			return 2
		}
		total, prev = total+c, next
	}
	if total != 0 {
		return 1
	}
	return 0
}

// crossing says how the segment from prev to p crosses the positive x axis: +-2 for a whole crossing, +-1 when an end lies on it.
func (g *geo) crossing(p, prev point) int {
	if fpZero(p.y) {
		switch {
		case fpZero(p.x):
			return onPolygon
		case fpGt(p.x, 0):
			if fpZero(prev.y) {
				if fpGt(prev.x, 0) {
					return 0
				}
				return onPolygon
			}
			if fpLt(prev.y, 0) {
				return 1
			}
			return -1
		case fpZero(prev.y) && !fpLt(prev.x, 0):
			return onPolygon
		}
		return 0
	}
	sign := -1
	if fpGt(p.y, 0) {
		sign = 1
	}
	switch {
	case fpZero(prev.y):
		if fpLt(prev.x, 0) {
			return 0
		}
		return sign
	case sign < 0 && fpLt(prev.y, 0) || sign > 0 && fpGt(prev.y, 0):
		return 0
	case fpGe(p.x, 0) && fpGt(prev.x, 0):
		return 2 * sign
	case fpLt(p.x, 0) && fpLe(prev.x, 0):
		return 0
	}
	z := g.sub(g.mul(g.sub(p.x, prev.x), p.y), g.mul(g.sub(p.y, prev.y), p.x))
	switch {
	case fpZero(z):
		return onPolygon
	case sign < 0 && fpLt(z, 0) || sign > 0 && fpGt(z, 0):
		return 0
	}
	return 2 * sign
}

// samePolygon says whether the polygons have the same points in the same order, wherever they begin and whichever way round.
func samePolygon(a, b []point) bool {
	n := len(a)
	if n != len(b) {
		return false
	}
	follows := func(begin, step int) bool {
		for i := range n {
			if !b[((begin+i*step)%n+n)%n].same(a[i]) {
				return false
			}
		}
		return true
	}
	for begin := range n {
		if follows(begin, 1) || follows(begin, -1) {
			return true
		}
	}
	return false
}

func (g *geo) polygonsOverlap(a, b []point) bool {
	if !boundingBox(a).overlaps(boundingBox(b)) {
		return false
	}
	overlap := false
	outline(a).segments(func(s lseg) {
		outline(b).segments(func(t lseg) { overlap = overlap || g.lsegsMeet(s, t) })
	})
	return overlap || g.inside(a[0], b) != 0 || g.inside(b[0], a) != 0
}

func (g *geo) polygonContains(a, b []point) bool {
	if !boundingBox(a).contains(boundingBox(b)) {
		return false
	}
	all := true
	outline(b).segments(func(s lseg) { all = all && g.lsegInside(s, a, 0) })
	return all
}

// lsegInside says whether all of t is inside the polygon, looking at its edges from number start on: t is cut where it meets them, and
// the parts are looked at.
func (g *geo) lsegInside(t lseg, ps []point, start int) bool {
	prev := ps[(start+len(ps)-1)%len(ps)]
	crossed := false
	for i := start; i < len(ps); i++ {
		s := lseg{prev, ps[i]}
		prev = ps[i]
		switch p, q := g.lsegHas(s, t.p), g.lsegHas(s, t.q); {
		case p && q:
			return true
		case p:
			if !g.touchingInside(t.p, t.q, s, ps, i+1) {
				return false
			}
		case q:
			if !g.touchingInside(t.q, t.p, s, ps, i+1) {
				return false
			}
		default:
			at, ok := g.crossLseg(t, s)
			if !ok {
				continue
			}
			crossed = true
			if !g.lsegInside(lseg{t.p, at}, ps, i+1) || !g.lsegInside(lseg{t.q, at}, ps, i+1) {
				return false
			}
		}
	}
	return crossed || g.inside(g.middle(t.p, t.q), ps) != 0
}

// touchingInside goes on with the segment from a, which is on edge s, to b, which isn't, from where it leaves the edge.
func (g *geo) touchingInside(a, b point, s lseg, ps []point, start int) bool {
	t := lseg{a, b}
	leaves := func(end point) bool { return g.lsegHas(t, end) }
	switch {
	case a.same(s.p):
		return !leaves(s.q) || g.lsegInside(lseg{b, s.q}, ps, start)
	case a.same(s.q):
		return !leaves(s.p) || g.lsegInside(lseg{b, s.p}, ps, start)
	case leaves(s.p):
		return g.lsegInside(lseg{b, s.p}, ps, start)
	case leaves(s.q):
		return g.lsegInside(lseg{b, s.q}, ps, start)
	}
	return true // what lies behind is looked at with the other edges
}

func (g *geo) polygonDist(a, b []point) float64 {
	if g.polygonsOverlap(a, b) {
		return 0
	}
	return g.pathDist(outline(a), outline(b)).d
}

func (g *geo) polygonDistTo(ps []point, p point) float64 {
	if g.inside(p, ps) != 0 {
		return 0
	}
	return g.pathDistTo(outline(ps), p)
}
