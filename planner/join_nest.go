package planner

import (
	"math"

	"kimberlite/exec/plan"
	"kimberlite/sql/tree"
)

// nestPaths: for each outer row, run the inner path, which may take values from it.
func (r *root) nestPaths(j *joinSpec, outer, inner *rel) {
	if j.kind == tree.JoinFull || j.kind == tree.JoinRight {
		return
	}
	match, filter := j.split()
	factors := r.matchFactors(j, outer, inner, match)
	inners := r.nestInner(outer, inner)
	for _, op := range outer.paths {
		if op.outer.meets(inner.ids) {
			continue
		}
		for _, ip := range inners {
			if !outer.ids.has(ip.outer &^ r.externalOuter(ip.outer, outer.ids, inner.ids)) {
				continue
			}
			op, ip := op, ip
			rest := r.dropEnforced(match, ip, outer.ids)
			p := &path{rel: j.rel, rows: j.rel.rows, keys: op.keys}
			p.outer = (op.outer | ip.outer) &^ j.rel.ids
			p.enforced = append(append([]*clause(nil), op.enforced...), ip.enforced...)
			if p.outer != 0 {
				p.rows = clampRows(math.Min(j.rel.rows, math.Max(1, op.rows)*math.Max(1, ip.rows)))
			}
			indexed := len(rest) == 0 && len(ip.enforced) > 0
			r.nestCost(p, op, ip, factors, append(clauseExprs(rest), clauseExprs(filter)...), indexed)
			p.build = func() (plan.Node, []plan.NestParam, error) {
				return r.buildNest(j, p, op, ip, outer, rest, filter)
			}
			r.addPath(j.rel, p)
		}
	}
}

// nestCost is PostgreSQL's cost of a nested loop (initial_cost_nestloop and final_cost_nestloop). f is set when the inner side need not be read to its end;
// indexed says that the inner scan itself finds the matches.
func (r *root) nestCost(p, op, ip *path, f *matchFactors, quals []tree.Expr, indexed bool) {
	s := r.settings()
	outerRows, innerRows := math.Max(1, op.rows), math.Max(1, ip.rows)
	innerRun, rescanRun := ip.total-ip.startup, ip.rescan-ip.rescanStartup
	p.startup = op.startup + ip.startup
	run := op.total - op.startup
	if outerRows > 1 {
		run += (outerRows - 1) * ip.rescanStartup
	}
	pairs := outerRows * innerRows
	if f == nil {
		run += innerRun
		if outerRows > 1 {
			run += (outerRows - 1) * rescanRun
		}
	} else {
		matched := math.Round(outerRows * f.outerMatch)
		unmatched := outerRows - matched
		scanned := 2 / (f.matches + 1)
		pairs = matched * innerRows * scanned
		if indexed {
			run += innerRun * scanned
			if matched > 1 {
				run += (matched - 1) * rescanRun * scanned
			}
			run += unmatched * rescanRun / innerRows
		} else {
			pairs += unmatched * innerRows
			run += innerRun
			if unmatched >= 1 {
				unmatched--
			} else {
				matched--
			}
			run += math.Max(0, matched)*rescanRun*scanned + unmatched*rescanRun
		}
	}
	startup, perRow := r.qualCost(quals)
	p.startup += startup
	if !s.NestLoop {
		p.startup += disableCost
	}
	p.total = p.startup + run + pairs*(s.CPUTupleCost+perRow)
	p.rescanStartup, p.rescan = p.startup, p.total
}

// matchFactors describe a join that stops at the first match of an outer row: the fraction of outer rows that have one, and how many those have on average.
type matchFactors struct{ outerMatch, matches float64 }

// matchFactors returns nil for joins that need all matches.
func (r *root) matchFactors(j *joinSpec, outer, inner *rel, match []*clause) *matchFactors {
	if j.kind != tree.JoinSemi && j.kind != tree.JoinAnti && !r.uniqueOn(inner, equiClauses(match, outer.ids, inner.ids), outer.ids) {
		return nil
	}
	f := &matchFactors{outerMatch: r.semiFraction(outer, inner, match), matches: 1}
	if f.outerMatch > 0 {
		sel := 1.0
		for _, c := range match {
			sel *= r.clauseSel(c)
		}
		f.matches = math.Max(1, sel*inner.rows/f.outerMatch)
	}
	return f
}

// externalOuter is what a path takes from relations that neither input supplies: the join then takes it from further out.
func (r *root) externalOuter(need, outer, inner relids) relids { return need &^ (outer | inner) }

// nestInner lists inner paths worth considering: the cheapest, materialized, and those that take values from the outer side (also cached by Memoize).
func (r *root) nestInner(outer, inner *rel) []*path {
	var out []*path
	if c := independent(inner, outer.ids); c != nil {
		out = append(out, c)
		if m := r.materialPath(c); m != nil && !c.kept {
			out = append(out, m)
		}
	}
	for _, p := range inner.paths {
		if p.outer.meets(outer.ids) {
			out = append(out, p)
			if m := r.memoizePath(p, outer); m != nil {
				out = append(out, m)
			}
		}
	}
	return out
}

// dropEnforced removes conditions that the inner path has applied already.
func (r *root) dropEnforced(match []*clause, ip *path, outer relids) []*clause {
	if len(ip.enforced) == 0 {
		return match
	}
	var out []*clause
	for _, c := range match {
		drop := false
		for _, e := range ip.enforced {
			if e == c || e.ec != nil && e.ec == c.ec || tree.Equal(e.expr, c.expr) || r.sameClass(e, c) {
				drop = true
			}
		}
		if !drop {
			out = append(out, c)
		}
	}
	return out
}

// sameClass: both conditions are equalities of one equivalence class.
func (r *root) sameClass(a, b *clause) bool {
	if a.op == nil || b.op == nil || a.outer != nil || b.outer != nil {
		return false
	}
	for _, ec := range r.ecs {
		hasA, hasB := false, false
		for _, s := range ec.sources {
			hasA = hasA || s == a
			hasB = hasB || s == b
		}
		if hasA {
			return hasB
		}
	}
	return false
}

func (r *root) buildNest(j *joinSpec, p, op, ip *path, outer *rel, match, filter []*clause) (plan.Node, []plan.NestParam, error) {
	on, oparams, err := op.build()
	if err != nil {
		return nil, nil, err
	}
	in, iparams, err := ip.build()
	if err != nil {
		return nil, nil, err
	}
	n := &plan.NestLoop{}
	n.Kind = j.kind
	params := append([]plan.NestParam(nil), oparams...)
	for _, ipar := range iparams {
		if outer.ids.has(r.relsIn(ipar.Value)) {
			n.Params = append(n.Params, ipar)
		} else {
			params = append(params, ipar)
		}
	}
	n.Outer, n.Inner = on, in
	n.JoinQuals, n.Quals = joinConditions(j.kind, match, filter)
	n.InnerUnique = ip.unique
	n.Target = r.joinTarget(j)
	setCosts(n, p, j.rel.width)
	// What comes from outside replaces columns of relations that aren't inputs in the join's own conditions as well.
	slots := &outerSlots{r: r, own: j.rel.ids, params: params}
	n.JoinQuals, n.Quals = slots.fixAll(n.JoinQuals), slots.fixAll(n.Quals)
	return n, slots.params, nil
}
