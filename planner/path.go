package planner

import (
	"math"

	"kimberlite/exec/plan"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// path is one way to produce a relation. build makes the plan node once the path is chosen.
type path struct {
	rel            *rel
	rows           float64
	startup, total float64
	keys           []pathKey
	// outer lists relations whose values must be supplied from outside (a parameterized inner index scan, LATERAL).
	outer relids
	// rescan is the cost of running it again, rescanStartup the part of it before the first row.
	rescan, rescanStartup float64
	// kept: the node keeps its rows, so that reading them again needs no Material above it.
	kept bool
	// enforced are join conditions that the path already applies.
	enforced []*clause
	unique   bool // at most one row a run
	// point is a look-up of one row by constants for all columns of a unique key. It reads one version of one row, where a scan steps over
	// all versions of all rows, which no statistics count: on a table of two pages that is updated all the time the difference is large.
	point bool
	// build makes the node; the parameters are what it takes from outside.
	build func() (plan.Node, []plan.NestParam, error)
}

// pathKey is one column of the order a path delivers.
type pathKey struct {
	expr       tree.Expr
	desc       bool
	nullsFirst bool
	coll       types.OID
}

// addPath keeps p unless a kept path is as good in every respect, and drops those that p makes useless. The kept ones are in the order of their total costs;
// of equal ones the first stays, so that the order in which alternatives are tried decides, as in PostgreSQL.
func (r *root) addPath(rl *rel, p *path) {
	at := 0
	keep := make([]*path, 0, len(rl.paths)+1)
	for _, old := range rl.paths {
		switch r.comparePaths(p, old) {
		case betterSecond:
			return
		case betterFirst:
			continue
		}
		keep = append(keep, old)
		if p.total >= old.total {
			at = len(keep)
		}
	}
	keep = append(keep, nil)
	copy(keep[at+1:], keep[at:])
	keep[at] = p
	if len(keep) > maxPathsPerRel {
		keep = keep[:maxPathsPerRel]
	}
	rl.paths = keep
}

const fuzz = 1.01 // costs closer than this are equal, as in PostgreSQL

// comparison tells which of two things is better, if any is in every respect.
type comparison int

const (
	equallyGood comparison = iota
	betterFirst
	betterSecond
	different
)

// comparePaths decides between a new path and a kept one (add_path): by costs, order, what they need from outside, and rows.
func (r *root) comparePaths(p, old *path) comparison {
	if p.point != old.point { // whatever the costs
		switch {
		case p.outer != old.outer:
		case p.point && r.keysContain(p.keys, old.keys):
			return betterFirst
		case old.point && r.keysContain(old.keys, p.keys):
			return betterSecond
		}
		return different
	}
	costs := r.compareCosts(p, old, fuzz)
	keys := r.compareKeys(p, old)
	if costs == different || keys == different || costs != equallyGood && keys != equallyGood && costs != keys {
		return different
	}
	needsLess, oldNeedsLess := old.outer.has(p.outer), p.outer.has(old.outer)
	verdict := costs
	if costs == equallyGood {
		verdict = keys
	}
	if verdict == equallyGood && needsLess && oldNeedsLess {
		switch {
		case p.rows < old.rows:
			return betterFirst
		case p.rows > old.rows:
			return betterSecond
		case r.compareCosts(p, old, 1.0000000001) == betterFirst:
			return betterFirst
		}
		return betterSecond
	}
	if verdict != betterSecond && needsLess && p.rows <= old.rows {
		return betterFirst
	}
	if verdict != betterFirst && oldNeedsLess && p.rows >= old.rows {
		return betterSecond
	}
	return different
}

// compareCosts: a lower total cost makes better, unless the other one's start-up cost is lower and that may count; equal total costs leave it to the start-up costs.
func (r *root) compareCosts(a, b *path, fuzz float64) comparison {
	switch {
	case a.total > b.total*fuzz:
		if r.tupleFraction > 0 && b.startup > a.startup*fuzz {
			return different
		}
		return betterSecond
	case b.total > a.total*fuzz:
		if r.tupleFraction > 0 && a.startup > b.startup*fuzz {
			return different
		}
		return betterFirst
	case a.startup > b.startup*fuzz:
		return betterSecond
	case b.startup > a.startup*fuzz:
		return betterFirst
	}
	return equallyGood
}

// compareKeys: the order that has the other one in it is better. Paths that need something from outside count as unordered.
func (r *root) compareKeys(a, b *path) comparison {
	ak, bk := a.keys, b.keys
	if a.outer != 0 {
		ak = nil
	}
	if b.outer != 0 {
		bk = nil
	}
	ab, ba := r.keysContain(ak, bk), r.keysContain(bk, ak)
	switch {
	case ab && ba:
		return equallyGood
	case ab:
		return betterFirst
	case ba:
		return betterSecond
	}
	return different
}

// keysContain reports whether an order given by have satisfies want.
func (r *root) keysContain(have, want []pathKey) bool {
	if len(want) > len(have) {
		return false
	}
	for i, w := range want {
		if !r.sameKey(have[i], w) {
			return false
		}
	}
	return true
}

func (r *root) sameKey(a, b pathKey) bool {
	if a.desc != b.desc || a.nullsFirst != b.nullsFirst {
		return false
	}
	return r.sameValue(a.expr, b.expr)
}

// sameValue reports whether two expressions are equal in every row: the same, or in one equivalence class.
func (r *root) sameValue(a, b tree.Expr) bool {
	if tree.Equal(a, b) {
		return true
	}
	for _, ec := range r.ecs {
		ina, inb := false, false
		for _, m := range ec.members {
			ina = ina || tree.Equal(m.expr, a)
			inb = inb || tree.Equal(m.expr, b)
		}
		if ina {
			return inb
		}
	}
	return false
}

// cheapest returns the path of rl with the least total cost among those that need nothing but `outer` from outside.
func cheapest(rl *rel, outer relids) *path {
	var best *path
	for _, p := range rl.paths {
		if outer.has(p.outer) && (best == nil || p.total < best.total) {
			best = p
		}
	}
	return best
}

// independent returns the cheapest path of rl that runs without values of the relations `other`, with which it is to be joined. LATERAL may make it take
// values of further ones: so will the join, then. nil: LATERAL ties it to `other`.
func independent(rl *rel, other relids) *path {
	if rl.lateral.meets(other) {
		return nil
	}
	return cheapest(rl, rl.lateral)
}

func fractionCost(startup, total, rows, fraction float64) float64 {
	if fraction <= 0 {
		return total
	}
	if fraction >= 1 {
		if rows <= 0 {
			return total
		}
		fraction = math.Min(1, fraction/rows)
	}
	return startup + (total-startup)*fraction
}

// clampRows makes an estimate sane: at least one row, whole.
func clampRows(rows float64) float64 {
	switch {
	case math.IsNaN(rows) || rows > 1e100:
		return 1e100
	case rows <= 1:
		return 1
	}
	return math.Round(rows)
}

func (r *root) settings() *Settings { return &r.g.env.Settings }

// setCosts copies a path's figures to its node.
func setCosts(n plan.Node, p *path, width int) {
	c := n.Common()
	c.StartupCost, c.TotalCost, c.Rows, c.Width = p.startup, p.total, p.rows, width
}

// passThrough is the target list of a node that hands its input's columns on.
func passThrough(n plan.Node) []tree.TargetEntry {
	in := n.Common().Target
	out := make([]tree.TargetEntry, len(in))
	copy(out, in)
	return out
}
