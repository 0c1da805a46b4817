package functions

import (
	"math"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// The geometric functions and operators (9.11) by PostgreSQL's internal names; geo_*.go compute.

func init() {
	registerPoints()
	registerLines()
	registerLsegs()
	registerBoxes()
	registerBoxArith()
	registerPaths()
	registerPolygons()
	registerCircles()
	registerCircleArith()
}

// geo1 and geo2 register a function of one and of two geometric values.
func geo1[A any](src string, open func(types.Datum) A, f func(g *geo, a A) types.Datum) {
	scalar(src, func(_ *Call, a []types.Datum) (types.Datum, error) {
		var g geo
		d := f(&g, open(a[0]))
		return d, g.err
	})
}

func geo2[A, B any](src string, openA func(types.Datum) A, openB func(types.Datum) B, f func(g *geo, a A, b B) types.Datum) {
	scalar(src, func(_ *Call, a []types.Datum) (types.Datum, error) {
		var g geo
		d := f(&g, openA(a[0]), openB(a[1]))
		return d, g.err
	})
}

// geoTest registers a comparison of two values of one type.
func geoTest[A any](src string, open func(types.Datum) A, f func(g *geo, a, b A) bool) {
	geo2(src, open, open, func(g *geo, a, b A) types.Datum { return types.Bool(f(g, a, b)) })
}

// geoBySize registers comparisons of a measure, with tolerance.
func geoBySize[A any](names map[string]func(x, y float64) bool, open func(types.Datum) A, size func(g *geo, a A) float64) {
	for src, f := range names {
		geoTest(src, open, func(g *geo, a, b A) bool { return f(size(g, a), size(g, b)) })
	}
}

// geoDist registers a distance and, if its name is given, the distance with the arguments in the other order.
func geoDist[A, B any](src, back string, openA func(types.Datum) A, openB func(types.Datum) B, f func(g *geo, a A, b B) float64) {
	geo2(src, openA, openB, func(g *geo, a A, b B) types.Datum { return types.Float(f(g, a, b)) })
	if back != "" {
		geo2(back, openB, openA, func(g *geo, b B, a A) types.Datum { return types.Float(f(g, a, b)) })
	}
}

// geoClosest registers a function that gives the point that is nearest, NULL when there is none.
func geoClosest[A, B any](src string, openA func(types.Datum) A, openB func(types.Datum) B, f func(g *geo, a A, b B) (point, float64)) {
	geo2(src, openA, openB, func(g *geo, a A, b B) types.Datum {
		p, d := f(g, a, b)
		if math.IsNaN(d) {
			return types.NullDatum
		}
		return p.datum()
	})
}

func pointIf(p point, ok bool) types.Datum {
	if !ok {
		return types.NullDatum
	}
	return p.datum()
}

func registerPoints() {
	scalar("construct_point", func(_ *Call, a []types.Datum) (types.Datum, error) {
		return point{a[0].Float(), a[1].Float()}.datum(), nil
	})
	for src, f := range map[string]func(g *geo, p, q point) point{
		"point_add": (*geo).plus, "point_sub": (*geo).minus, "point_mul": (*geo).times, "point_div": (*geo).over,
	} {
		geo2(src, pointOf, pointOf, func(g *geo, p, q point) types.Datum { return f(g, p, q).datum() })
	}
	for src, f := range map[string]func(p, q point) bool{
		"point_eq": point.same, "point_ne": func(p, q point) bool { return !p.same(q) },
		"point_left":  func(p, q point) bool { return fpLt(p.x, q.x) },
		"point_right": func(p, q point) bool { return fpGt(p.x, q.x) },
		"point_above": func(p, q point) bool { return fpGt(p.y, q.y) },
		"point_below": func(p, q point) bool { return fpLt(p.y, q.y) },
		"point_vert":  func(p, q point) bool { return fpEq(p.x, q.x) },
		"point_horiz": func(p, q point) bool { return fpEq(p.y, q.y) },
	} {
		geoTest(src, pointOf, func(_ *geo, p, q point) bool { return f(p, q) })
	}
	geoDist("point_distance", "", pointOf, pointOf, (*geo).dist)
	geoDist("point_slope", "", pointOf, pointOf, (*geo).slope)
}

func registerLines() {
	scalar("line_construct_pp", func(_ *Call, a []types.Datum) (types.Datum, error) {
		p, q := pointOf(a[0]), pointOf(a[1])
		if p.same(q) {
			return types.Datum{}, pgerr.New(pgerr.InvalidParameterValue, "invalid line specification: must be two distinct points")
		}
		var g geo
		return g.through(p, g.slope(p, q)).datum(), g.err
	})
	meet := func(g *geo, l, m line) bool {
		_, ok := g.cross(l, m)
		return ok
	}
	geoTest("line_eq", lineOf, (*geo).sameLine)
	geoTest("line_intersect", lineOf, meet)
	geoTest("line_parallel", lineOf, func(g *geo, l, m line) bool { return !meet(g, l, m) })
	geoTest("line_perp", lineOf, (*geo).perpendicular)
	geo1("line_vertical", lineOf, func(_ *geo, l line) types.Datum { return types.Bool(fpZero(l.b)) })
	geo1("line_horizontal", lineOf, func(_ *geo, l line) types.Datum { return types.Bool(fpZero(l.a)) })
	geo2("line_interpt", lineOf, lineOf, func(g *geo, l, m line) types.Datum { return pointIf(g.cross(l, m)) })
	geoDist("line_distance", "", lineOf, lineOf, (*geo).lineDist)
	geoDist("dist_lp", "dist_pl", lineOf, pointOf, func(g *geo, l line, p point) float64 {
		_, d := g.nearestOnLine(l, p)
		return d
	})
	geoClosest("close_pl", pointOf, lineOf, func(g *geo, p point, l line) (point, float64) { return g.nearestOnLine(l, p) })
	geo2("on_pl", pointOf, lineOf, func(g *geo, p point, l line) types.Datum { return types.Bool(g.lineHas(l, p)) })
	geo2("inter_lb", lineOf, boxOf, func(g *geo, l line, b box) types.Datum {
		for _, s := range b.sides() {
			if _, ok := g.crossLine(s, l); ok {
				return types.Bool(true)
			}
		}
		return types.Bool(false)
	})
}

func registerLsegs() {
	geo2("lseg_construct", pointOf, pointOf, func(_ *geo, p, q point) types.Datum { return lseg{p, q}.datum() })
	same := func(s, t lseg) bool { return s.p.same(t.p) && s.q.same(t.q) }
	geoTest("lseg_eq", lsegOf, func(_ *geo, s, t lseg) bool { return same(s, t) })
	geoTest("lseg_ne", lsegOf, func(_ *geo, s, t lseg) bool { return !same(s, t) })
	geoBySize(map[string]func(x, y float64) bool{"lseg_lt": fpLt, "lseg_le": fpLe, "lseg_gt": fpGt, "lseg_ge": fpGe}, lsegOf, (*geo).length)
	geoTest("lseg_intersect", lsegOf, (*geo).lsegsMeet)
	geoTest("lseg_parallel", lsegOf, func(g *geo, s, t lseg) bool { return fpEq(g.lsegSlope(s), g.lsegSlope(t)) })
	geoTest("lseg_perp", lsegOf, func(g *geo, s, t lseg) bool { return fpEq(g.lsegSlope(s), g.perpendicularSlope(t.p, t.q)) })
	geo1("lseg_vertical", lsegOf, func(_ *geo, s lseg) types.Datum { return types.Bool(fpEq(s.p.x, s.q.x)) })
	geo1("lseg_horizontal", lsegOf, func(_ *geo, s lseg) types.Datum { return types.Bool(fpEq(s.p.y, s.q.y)) })
	geo1("lseg_length", lsegOf, func(g *geo, s lseg) types.Datum { return types.Float(g.length(s)) })
	geo1("lseg_center", lsegOf, func(g *geo, s lseg) types.Datum { return g.middle(s.p, s.q).datum() })
	geo2("lseg_interpt", lsegOf, lsegOf, func(g *geo, s, t lseg) types.Datum { return pointIf(g.crossLseg(s, t)) })
	geoDist("lseg_distance", "", lsegOf, lsegOf, func(g *geo, s, t lseg) float64 {
		_, d := g.nearestToLseg(s, t)
		return d
	})
	geoDist("dist_sp", "dist_ps", lsegOf, pointOf, func(g *geo, s lseg, p point) float64 {
		_, d := g.nearestOnLseg(s, p)
		return d
	})
	geoDist("dist_sl", "dist_ls", lsegOf, lineOf, func(g *geo, s lseg, l line) float64 {
		_, d := g.nearestToLine(s, l)
		return d
	})
	none := math.NaN()
	geoClosest("close_lseg", lsegOf, lsegOf, func(g *geo, s, t lseg) (point, float64) {
		if g.lsegSlope(s) == g.lsegSlope(t) {
			return point{}, none
		}
		return g.nearestToLseg(t, s)
	})
	geoClosest("close_ls", lineOf, lsegOf, func(g *geo, l line, s lseg) (point, float64) {
		if g.lsegSlope(s) == g.lineSlope(l) {
			return point{}, none
		}
		return g.nearestToLine(s, l)
	})
	geoClosest("close_ps", pointOf, lsegOf, func(g *geo, p point, s lseg) (point, float64) { return g.nearestOnLseg(s, p) })
	geo2("on_ps", pointOf, lsegOf, func(g *geo, p point, s lseg) types.Datum { return types.Bool(g.lsegHas(s, p)) })
	geo2("on_sl", lsegOf, lineOf, func(g *geo, s lseg, l line) types.Datum {
		return types.Bool(g.lineHas(l, s.p) && g.lineHas(l, s.q))
	})
	geo2("inter_sl", lsegOf, lineOf, func(g *geo, s lseg, l line) types.Datum {
		_, ok := g.crossLine(s, l)
		return types.Bool(ok)
	})
}

func registerBoxes() {
	for src, f := range map[string]func(a, b box) bool{
		"box_same":    func(a, b box) bool { return a.high.same(b.high) && a.low.same(b.low) },
		"box_overlap": box.overlaps, "box_contain": box.contains, "box_contained": func(a, b box) bool { return b.contains(a) },
		"box_left":      func(a, b box) bool { return fpLt(a.high.x, b.low.x) },
		"box_overleft":  func(a, b box) bool { return fpLe(a.high.x, b.high.x) },
		"box_right":     func(a, b box) bool { return fpGt(a.low.x, b.high.x) },
		"box_overright": func(a, b box) bool { return fpGe(a.low.x, b.low.x) },
		"box_below":     func(a, b box) bool { return fpLt(a.high.y, b.low.y) },
		"box_overbelow": func(a, b box) bool { return fpLe(a.high.y, b.high.y) },
		"box_above":     func(a, b box) bool { return fpGt(a.low.y, b.high.y) },
		"box_overabove": func(a, b box) bool { return fpGe(a.low.y, b.low.y) },
		"box_below_eq":  func(a, b box) bool { return fpLe(a.high.y, b.low.y) },
		"box_above_eq":  func(a, b box) bool { return fpGe(a.low.y, b.high.y) },
	} {
		geoTest(src, boxOf, func(_ *geo, a, b box) bool { return f(a, b) })
	}
	geoBySize(map[string]func(x, y float64) bool{"box_lt": fpLt, "box_le": fpLe, "box_gt": fpGt, "box_ge": fpGe, "box_eq": fpEq}, boxOf, (*geo).boxArea)
	for src, f := range map[string]func(g *geo, b box) float64{"box_area": (*geo).boxArea, "box_width": (*geo).width, "box_height": (*geo).height} {
		geo1(src, boxOf, func(g *geo, b box) types.Datum { return types.Float(f(g, b)) })
	}
	geo1("box_center", boxOf, func(g *geo, b box) types.Datum { return g.boxCenter(b).datum() })
	geo1("box_diagonal", boxOf, func(_ *geo, b box) types.Datum { return lseg{b.high, b.low}.datum() })
	geoDist("box_distance", "", boxOf, boxOf, func(g *geo, a, b box) float64 { return g.dist(g.boxCenter(a), g.boxCenter(b)) })
	geoDist("dist_bp", "dist_pb", boxOf, pointOf, func(g *geo, b box, p point) float64 {
		_, d := g.nearestInBox(b, p)
		return d
	})
	geoDist("dist_bs", "dist_sb", boxOf, lsegOf, func(g *geo, b box, s lseg) float64 {
		_, d := g.nearestInBoxToLseg(b, s)
		return d
	})
	geoClosest("close_pb", pointOf, boxOf, func(g *geo, p point, b box) (point, float64) { return g.nearestInBox(b, p) })
	geoClosest("close_sb", lsegOf, boxOf, func(g *geo, s lseg, b box) (point, float64) { return g.nearestInBoxToLseg(b, s) })
	geo2("box_contain_pt", boxOf, pointOf, func(_ *geo, b box, p point) types.Datum { return types.Bool(b.has(p)) })
	geo2("on_pb", pointOf, boxOf, func(_ *geo, p point, b box) types.Datum { return types.Bool(b.has(p)) })
	geo2("on_sb", lsegOf, boxOf, func(_ *geo, s lseg, b box) types.Datum { return types.Bool(b.has(s.p) && b.has(s.q)) })
	geo2("inter_sb", lsegOf, boxOf, func(g *geo, s lseg, b box) types.Datum { return types.Bool(g.boxMeets(b, s)) })
}

func registerBoxArith() {
	geo2("points_box", pointOf, pointOf, func(_ *geo, p, q point) types.Datum { return boxAround(p, q).datum() })
	geo1("point_box", pointOf, func(_ *geo, p point) types.Datum { return box{p, p}.datum() })
	geo2("boxes_bound_box", boxOf, boxOf, func(_ *geo, a, b box) types.Datum { return unionBox(a, b).datum() })
	geo2("box_intersect", boxOf, boxOf, func(_ *geo, a, b box) types.Datum {
		if !a.overlaps(b) {
			return types.NullDatum
		}
		return box{boxAround(a.high, b.high).low, boxAround(a.low, b.low).high}.datum()
	})
	geo2("box_add", boxOf, pointOf, func(g *geo, b box, p point) types.Datum { return box{g.plus(b.high, p), g.plus(b.low, p)}.datum() })
	geo2("box_sub", boxOf, pointOf, func(g *geo, b box, p point) types.Datum { return box{g.minus(b.high, p), g.minus(b.low, p)}.datum() })
	geo2("box_mul", boxOf, pointOf, func(g *geo, b box, p point) types.Datum {
		return boxAround(g.times(b.high, p), g.times(b.low, p)).datum()
	})
	geo2("box_div", boxOf, pointOf, func(g *geo, b box, p point) types.Datum {
		return boxAround(g.over(b.high, p), g.over(b.low, p)).datum()
	})
	geo1("box_circle", boxOf, func(g *geo, b box) types.Datum {
		center := g.boxCenter(b)
		return circle{center, g.dist(center, b.high)}.datum()
	})
	geo1("box_poly", boxOf, func(_ *geo, b box) types.Datum {
		return polygonDatum([]point{b.low, {b.low.x, b.high.y}, b.high, {b.high.x, b.low.y}})
	})
}

func registerPaths() {
	for src, f := range map[string]func(p, q int) bool{
		"path_n_lt": func(p, q int) bool { return p < q }, "path_n_le": func(p, q int) bool { return p <= q },
		"path_n_eq": func(p, q int) bool { return p == q }, "path_n_ge": func(p, q int) bool { return p >= q },
		"path_n_gt": func(p, q int) bool { return p > q },
	} {
		geoTest(src, pathOf, func(_ *geo, p, q path) bool { return f(len(p.points), len(q.points)) })
	}
	geo1("path_npoints", pathOf, func(_ *geo, p path) types.Datum { return types.Int(int64(len(p.points))) })
	geo1("path_isclosed", pathOf, func(_ *geo, p path) types.Datum { return types.Bool(p.closed) })
	geo1("path_isopen", pathOf, func(_ *geo, p path) types.Datum { return types.Bool(!p.closed) })
	geo1("path_close", pathOf, func(_ *geo, p path) types.Datum { return path{true, p.points}.datum() })
	geo1("path_open", pathOf, func(_ *geo, p path) types.Datum { return path{false, p.points}.datum() })
	geo1("path_length", pathOf, func(g *geo, p path) types.Datum { return types.Float(g.pathLength(p)) })
	geo1("path_area", pathOf, func(g *geo, p path) types.Datum {
		if !p.closed {
			return types.NullDatum
		}
		return types.Float(g.pathArea(p))
	})
	geo2("path_add", pathOf, pathOf, func(_ *geo, p, q path) types.Datum {
		if p.closed || q.closed {
			return types.NullDatum
		}
		return path{false, append(p.points, q.points...)}.datum()
	})
	for src, f := range map[string]func(g *geo, p, q point) point{
		"path_add_pt": (*geo).plus, "path_sub_pt": (*geo).minus, "path_mul_pt": (*geo).times, "path_div_pt": (*geo).over,
	} {
		geo2(src, pathOf, pointOf, func(g *geo, p path, by point) types.Datum {
			for i := range p.points {
				p.points[i] = f(g, p.points[i], by)
			}
			return p.datum()
		})
	}
	geoTest("path_inter", pathOf, (*geo).pathsMeet)
	geo2("path_distance", pathOf, pathOf, func(g *geo, p, q path) types.Datum {
		n := g.pathDist(p, q)
		return types.Datum{I: types.Float(n.d).I, Null: !n.set}
	})
	geoDist("dist_pathp", "dist_ppath", pathOf, pointOf, (*geo).pathDistTo)
	geo2("on_ppath", pointOf, pathOf, func(g *geo, pt point, p path) types.Datum { return types.Bool(g.pathHas(p, pt)) })
	scalar("path_poly", func(_ *Call, a []types.Datum) (types.Datum, error) {
		p := pathOf(a[0])
		if !p.closed {
			return types.Datum{}, pgerr.New(pgerr.InvalidParameterValue, "open path cannot be converted to polygon")
		}
		return polygonDatum(p.points), nil
	})
}

func registerPolygons() {
	for src, f := range map[string]func(a, b box) bool{
		"poly_left":      func(a, b box) bool { return a.high.x < b.low.x },
		"poly_overleft":  func(a, b box) bool { return a.high.x <= b.high.x },
		"poly_right":     func(a, b box) bool { return a.low.x > b.high.x },
		"poly_overright": func(a, b box) bool { return a.low.x >= b.low.x },
		"poly_below":     func(a, b box) bool { return a.high.y < b.low.y },
		"poly_overbelow": func(a, b box) bool { return a.high.y <= b.high.y },
		"poly_above":     func(a, b box) bool { return a.low.y > b.high.y },
		"poly_overabove": func(a, b box) bool { return a.low.y >= b.low.y },
	} {
		geoTest(src, polygonOf, func(_ *geo, a, b []point) bool { return f(boundingBox(a), boundingBox(b)) })
	}
	geoTest("poly_same", polygonOf, func(_ *geo, a, b []point) bool { return samePolygon(a, b) })
	geoTest("poly_overlap", polygonOf, (*geo).polygonsOverlap)
	geoTest("poly_contain", polygonOf, (*geo).polygonContains)
	geoTest("poly_contained", polygonOf, func(g *geo, a, b []point) bool { return g.polygonContains(b, a) })
	geo2("poly_contain_pt", polygonOf, pointOf, func(g *geo, ps []point, p point) types.Datum { return types.Bool(g.inside(p, ps) != 0) })
	geo2("pt_contained_poly", pointOf, polygonOf, func(g *geo, p point, ps []point) types.Datum { return types.Bool(g.inside(p, ps) != 0) })
	geo1("poly_npoints", polygonOf, func(_ *geo, ps []point) types.Datum { return types.Int(int64(len(ps))) })
	geo1("poly_center", polygonOf, func(g *geo, ps []point) types.Datum { return g.circleOfPolygon(ps).center.datum() })
	geo1("poly_circle", polygonOf, func(g *geo, ps []point) types.Datum { return g.circleOfPolygon(ps).datum() })
	geo1("poly_box", polygonOf, func(_ *geo, ps []point) types.Datum { return boundingBox(ps).datum() })
	geo1("poly_path", polygonOf, func(_ *geo, ps []point) types.Datum { return outline(ps).datum() })
	geoDist("poly_distance", "", polygonOf, polygonOf, (*geo).polygonDist)
	geoDist("dist_polyp", "dist_ppoly", polygonOf, pointOf, (*geo).polygonDistTo)
	geoDist("dist_polyc", "dist_cpoly", polygonOf, circleOf, func(g *geo, ps []point, c circle) float64 {
		return max(g.sub(g.polygonDistTo(ps, c.center), c.radius), 0)
	})
}

func registerCircles() {
	for src, f := range map[string]func(g *geo, a, b circle) bool{
		"circle_same":      func(_ *geo, a, b circle) bool { return a.same(b) },
		"circle_overlap":   func(g *geo, a, b circle) bool { return fpLe(g.dist(a.center, b.center), g.add(a.radius, b.radius)) },
		"circle_contain":   func(g *geo, a, b circle) bool { return fpLe(g.dist(a.center, b.center), g.sub(a.radius, b.radius)) },
		"circle_contained": func(g *geo, a, b circle) bool { return fpLe(g.dist(a.center, b.center), g.sub(b.radius, a.radius)) },
		"circle_left":      func(g *geo, a, b circle) bool { return fpLt(g.add(a.center.x, a.radius), g.sub(b.center.x, b.radius)) },
		"circle_overleft":  func(g *geo, a, b circle) bool { return fpLe(g.add(a.center.x, a.radius), g.add(b.center.x, b.radius)) },
		"circle_right":     func(g *geo, a, b circle) bool { return fpGt(g.sub(a.center.x, a.radius), g.add(b.center.x, b.radius)) },
		"circle_overright": func(g *geo, a, b circle) bool { return fpGe(g.sub(a.center.x, a.radius), g.sub(b.center.x, b.radius)) },
		"circle_below":     func(g *geo, a, b circle) bool { return fpLt(g.add(a.center.y, a.radius), g.sub(b.center.y, b.radius)) },
		"circle_overbelow": func(g *geo, a, b circle) bool { return fpLe(g.add(a.center.y, a.radius), g.add(b.center.y, b.radius)) },
		"circle_above":     func(g *geo, a, b circle) bool { return fpGt(g.sub(a.center.y, a.radius), g.add(b.center.y, b.radius)) },
		"circle_overabove": func(g *geo, a, b circle) bool { return fpGe(g.sub(a.center.y, a.radius), g.sub(b.center.y, b.radius)) },
	} {
		geoTest(src, circleOf, f)
	}
	geoBySize(map[string]func(x, y float64) bool{
		"circle_lt": fpLt, "circle_le": fpLe, "circle_gt": fpGt, "circle_ge": fpGe, "circle_eq": fpEq,
		"circle_ne": func(x, y float64) bool { return !fpEq(x, y) },
	}, circleOf, (*geo).circleArea)
	geo1("circle_area", circleOf, func(g *geo, c circle) types.Datum { return types.Float(g.circleArea(c)) })
	geo1("circle_diameter", circleOf, func(g *geo, c circle) types.Datum { return types.Float(g.mul(c.radius, 2)) })
	geo1("circle_radius", circleOf, func(_ *geo, c circle) types.Datum { return types.Float(c.radius) })
	geo1("circle_center", circleOf, func(_ *geo, c circle) types.Datum { return c.center.datum() })
	geoDist("circle_distance", "", circleOf, circleOf, func(g *geo, a, b circle) float64 {
		return max(g.sub(g.dist(a.center, b.center), g.add(a.radius, b.radius)), 0)
	})
	geoDist("dist_cpoint", "dist_pc", circleOf, pointOf, func(g *geo, c circle, p point) float64 {
		return max(g.sub(g.dist(p, c.center), c.radius), 0)
	})
	has := func(g *geo, c circle, p point) types.Datum { return types.Bool(g.dist(c.center, p) <= c.radius) }
	geo2("circle_contain_pt", circleOf, pointOf, has)
	geo2("pt_contained_circle", pointOf, circleOf, func(g *geo, p point, c circle) types.Datum { return has(g, c, p) })
}

func registerCircleArith() {
	scalar("cr_circle", func(_ *Call, a []types.Datum) (types.Datum, error) {
		return circle{pointOf(a[0]), a[1].Float()}.datum(), nil
	})
	for src, f := range map[string]func(g *geo, c circle, p point) circle{
		"circle_add_pt": func(g *geo, c circle, p point) circle { return circle{g.plus(c.center, p), c.radius} },
		"circle_sub_pt": func(g *geo, c circle, p point) circle { return circle{g.minus(c.center, p), c.radius} },
		"circle_mul_pt": func(g *geo, c circle, p point) circle {
			return circle{g.times(c.center, p), g.mul(c.radius, g.hypot(p.x, p.y))}
		},
		"circle_div_pt": func(g *geo, c circle, p point) circle {
			return circle{g.over(c.center, p), g.div(c.radius, g.hypot(p.x, p.y))}
		},
	} {
		geo2(src, circleOf, pointOf, func(g *geo, c circle, p point) types.Datum { return f(g, c, p).datum() })
	}
	geo1("circle_box", circleOf, func(g *geo, c circle) types.Datum {
		d := g.div(c.radius, math.Sqrt2)
		return box{g.plus(c.center, point{d, d}), g.minus(c.center, point{d, d})}.datum()
	})
	scalar("circle_poly", func(_ *Call, a []types.Datum) (types.Datum, error) {
		n, c := a[0].I, circleOf(a[1])
		switch {
		case fpZero(c.radius):
			return types.Datum{}, pgerr.New(pgerr.FeatureNotSupported, "cannot convert circle with radius zero to polygon")
		case n < 2:
			return types.Datum{}, pgerr.New(pgerr.InvalidParameterValue, "must request at least 2 points")
		case n > maxPolygonPoints:
			return types.Datum{}, pgerr.New(pgerr.ProgramLimitExceeded, "too many points requested")
		}
		var g geo
		ps := g.polygonOfCircle(int(n), c)
		return polygonDatum(ps), g.err
	})
}
