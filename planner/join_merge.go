package planner

import (
	"math"

	"kimberlite/exec/plan"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// mergePaths: both inputs sorted on the equalities, read in step.
func (r *root) mergePaths(j *joinSpec, outer, inner *rel) {
	match, filter := j.split()
	var merge []*clause
	for _, c := range equiClauses(match, outer.ids, inner.ids) {
		if c.canMerge {
			o, i := c.sides(outer.ids)
			if r.baseType(o.Type().OID) == r.baseType(i.Type().OID) || r.comparable(o, i) {
				merge = append(merge, c)
			}
		}
	}
	rest := without(match, merge...)
	if j.kind == tree.JoinSemi && len(rest) > 0 || j.kind == tree.JoinAnti && len(rest) > 0 || j.kind == tree.JoinFull && !allConstants(rest) {
		return
	}
	if len(merge) == 0 && j.kind != tree.JoinFull { // a full join on nothing can be done in no other way
		return
	}
	for _, op := range mergeCandidates(outer, inner.ids) {
		ordered := r.orderFor(op.keys, merge, outer.ids)
		okeys, ikeys := r.mergeKeys(ordered, outer.ids)
		osorted := r.sortedPath(outer, op, okeys)
		ibest := r.bestSorted(inner, ikeys, outer.ids)
		if ibest == nil || osorted == nil {
			continue
		}
		p := &path{rel: j.rel, rows: j.rel.rows, keys: osorted.keys, outer: osorted.outer | ibest.outer}
		p.enforced = append(append([]*clause(nil), osorted.enforced...), ibest.enforced...)
		if j.kind == tree.JoinFull {
			p.keys = nil
		}
		r.mergeCost(p, osorted, ibest, ordered, outer.ids, append(clauseExprs(rest), clauseExprs(filter)...), j.kind)
		p.build = func() (plan.Node, []plan.NestParam, error) {
			on, in, params, err := buildSides(osorted, ibest)
			if err != nil {
				return nil, nil, err
			}
			n := &plan.MergeJoin{}
			n.Kind = j.kind
			n.Outer, n.Inner = on, in
			for k, c := range ordered {
				o, i := c.sides(outer.ids)
				n.OuterKeys = append(n.OuterKeys, o)
				n.InnerKeys = append(n.InnerKeys, i)
				n.EqOps = append(n.EqOps, c.op.Op)
				n.MergeQuals = append(n.MergeQuals, r.orient(c, outer.ids))
				key := osorted.keys[k]
				n.Sort = append(n.Sort, plan.SortKey{Op: r.sortOp(o.Type().OID, key.desc), Desc: key.desc, NullsFirst: key.nullsFirst, Collation: o.Collation()})
			}
			n.JoinQuals, n.Quals = joinConditions(j.kind, rest, filter)
			n.Target = r.joinTarget(j)
			setCosts(n, p, j.rel.width)
			slots := &outerSlots{r: r, own: j.rel.ids, params: params}
			n.JoinQuals, n.Quals = slots.fixAll(n.JoinQuals), slots.fixAll(n.Quals)
			return n, slots.params, nil
		}
		r.addPath(j.rel, p)
	}
}

// mergeCost is PostgreSQL's cost of a merge join (initial_cost_mergejoin and final_cost_mergejoin): a side is read only as far as the other one's values go, and
// the inner one again for repeated outer values.
func (r *root) mergeCost(p, op, ip *path, merge []*clause, outer relids, quals []tree.Expr, kind tree.JoinType) {
	s := r.settings()
	outerEnd, innerEnd := 1.0, 1.0
	if len(merge) > 0 && kind != tree.JoinFull {
		o, i := merge[0].sides(outer)
		outerEnd, innerEnd = r.mergeEnds(o, i)
		if kind == tree.JoinLeft || kind == tree.JoinAnti {
			outerEnd = 1
		}
	}
	outerRows, innerRows := clampRows(op.rows*outerEnd), clampRows(ip.rows*innerEnd)
	p.startup = op.startup + ip.startup
	run := (op.total - op.startup) * outerEnd
	innerRun := (ip.total - ip.startup) * innerEnd
	matches := math.Max(1, op.rows) * math.Max(1, ip.rows)
	for _, c := range merge {
		matches *= r.clauseSel(c)
	}
	matches = clampRows(matches)
	again := 1 + math.Max(0, matches-ip.rows)/math.Max(1, ip.rows)
	bare, kept := innerRun*again, innerRun+s.CPUOperatorCost*innerRows*again
	run += math.Min(bare, kept)
	start, perPair := r.qualCost(clauseExprs(merge))
	restStart, perRow := r.qualCost(quals)
	p.startup += start + restStart
	run += perPair*(outerRows+innerRows*again) + matches*(s.CPUTupleCost+perRow)
	if !s.MergeJoin {
		p.startup += disableCost
	}
	p.total = p.startup + run
	p.rescan, p.rescanStartup = p.total, p.startup
}

// mergeEnds estimates which fractions of two sorted inputs are read before one of them ends.
func (r *root) mergeEnds(o, i tree.Expr) (outer, inner float64) {
	ov, ook := stripRelabel(o).(*tree.Var)
	iv, iok := stripRelabel(i).(*tree.Var)
	if !ook || !iok || stripMismatch(ov.T.OID, iv.T.OID) {
		return 1, 1
	}
	omax, ook := r.greatest(ov)
	imax, iok := r.greatest(iv)
	if !ook || !iok {
		return 1, 1
	}
	outer = r.rangeSel(ov, &tree.Const{T: iv.T, Value: imax, Loc: -1}, true)
	inner = r.rangeSel(iv, &tree.Const{T: ov.T, Value: omax, Loc: -1}, true)
	if types.Compare(nil, ov.T.OID, omax, imax) <= 0 {
		outer = 1
	}
	if types.Compare(nil, iv.T.OID, imax, omax) <= 0 {
		inner = 1
	}
	return math.Max(outer, 1e-6), math.Max(inner, 1e-6)
}

// greatest is the largest value that statistics know of a column.
func (r *root) greatest(v *tree.Var) (types.Datum, bool) {
	st := r.columnStats(v)
	if st == nil {
		return types.Datum{}, false
	}
	var most types.Datum
	found := false
	consider := func(d types.Datum) {
		if !d.Null && (!found || types.Compare(nil, v.T.OID, d, most) > 0) {
			most, found = d, true
		}
	}
	for _, d := range st.MCV {
		consider(d)
	}
	if n := len(st.Histogram); n > 0 {
		consider(st.Histogram[n-1])
	}
	return most, found
}

// allConstants: FULL JOIN ON FALSE and its kin need no columns to decide on matches.
func allConstants(clauses []*clause) bool {
	for _, c := range clauses {
		if _, ok := c.expr.(*tree.Const); !ok {
			return false
		}
	}
	return true
}

// mergeCandidates: the cheapest independent path, and each that has an order.
func mergeCandidates(rl *rel, other relids) []*path {
	c := independent(rl, other)
	if c == nil {
		return nil
	}
	out := []*path{c}
	for _, p := range rl.paths {
		if rl.lateral.has(p.outer) && len(p.keys) > 0 && p != c {
			out = append(out, p)
		}
	}
	return out
}

// orderFor arranges the equalities so that an existing order of the outer path serves.
func (r *root) orderFor(have []pathKey, merge []*clause, outer relids) []*clause {
	var out []*clause
	for _, k := range have {
		found := false
		for _, c := range merge {
			o, _ := c.sides(outer)
			if tree.Equal(o, k.expr) && !containsClause(out, c) {
				out = append(out, c)
				found = true
				break
			}
		}
		if !found {
			break
		}
	}
	for _, c := range merge {
		if !containsClause(out, c) {
			out = append(out, c)
		}
	}
	return out
}

func containsClause(list []*clause, c *clause) bool {
	for _, x := range list {
		if x == c {
			return true
		}
	}
	return false
}

func (r *root) mergeKeys(merge []*clause, outer relids) (ok, ik []pathKey) {
	for _, c := range merge {
		o, i := c.sides(outer)
		ok = append(ok, pathKey{expr: o, coll: o.Collation()})
		ik = append(ik, pathKey{expr: i, coll: i.Collation()})
	}
	return
}

// sortedPath is p itself when it has the order, else p with a sort.
func (r *root) sortedPath(rl *rel, p *path, keys []pathKey) *path {
	if p == nil {
		return nil
	}
	if r.keysContain(p.keys, keys) {
		return p
	}
	s := &path{rel: rl, rows: p.rows, keys: keys, outer: p.outer, enforced: p.enforced}
	s.startup, s.total = r.sortCost(p.total, p.rows, rl.width, 0)
	s.rescan, s.kept = p.rows*r.settings().CPUOperatorCost, true
	s.build = func() (plan.Node, []plan.NestParam, error) {
		child, params, err := p.build()
		if err != nil {
			return nil, nil, err
		}
		n, err := r.sortNode(child, keys, 0)
		if err != nil {
			return nil, nil, err
		}
		return n, params, nil
	}
	return s
}

func (r *root) bestSorted(rl *rel, keys []pathKey, other relids) *path {
	if rl.lateral.meets(other) {
		return nil
	}
	var best *path
	for _, p := range rl.paths {
		if !rl.lateral.has(p.outer) {
			continue
		}
		s := r.sortedPath(rl, p, keys)
		if best == nil || s.total < best.total {
			best = s
		}
	}
	return best
}

func (r *root) sortOp(t types.OID, desc bool) types.OID {
	ops := r.g.env.Catalog.TypeOps(r.baseType(t))
	if desc {
		return ops.Gt
	}
	return ops.Lt
}
