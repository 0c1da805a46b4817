package planner

import (
	"math"

	"kimberlite/exec/plan"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
)

// canHashGroups: every grouping column has a hashable equality, and no aggregate needs its input in order.
func (r *root) canHashGroups() bool {
	for _, g := range r.q.GroupBy {
		if !g.Hashable {
			return false
		}
	}
	ok := true
	for _, a := range r.aggrefs() {
		if len(a.Distinct) > 0 || len(a.Order) > 0 || a.Kind != 'n' && a.Kind != 0 {
			ok = false
		}
	}
	return ok
}

// aggrefs lists the distinct aggregate calls of the level.
func (r *root) aggrefs() []*tree.Aggref {
	var out []*tree.Aggref
	add := func(e tree.Expr) {
		if e == nil {
			return
		}
		tree.Walk(e, func(x tree.Expr) bool {
			a, ok := x.(*tree.Aggref)
			if !ok || a.LevelsUp != 0 {
				return true
			}
			for _, o := range out {
				if tree.Equal(o, a) {
					return false
				}
			}
			out = append(out, a)
			return false
		})
	}
	for _, te := range r.q.Target {
		add(te.Expr)
	}
	add(r.q.Having)
	return out
}

// planGrouping groups and aggregates.
func (r *root) planGrouping(input plan.Node) (plan.Node, error) {
	q := r.q
	var groupExprs []tree.Expr
	for _, g := range q.GroupBy {
		e := r.sortRefExpr(g.SortRef)
		if e == nil {
			return nil, pgerr.Internal("grouping column %d is missing", g.SortRef)
		}
		groupExprs = append(groupExprs, e)
	}
	n := &plan.Agg{Aggs: r.aggrefs(), Sets: expandGroupingSets(q)}
	in := r.groupInput(input, groupExprs)
	var err error
	if in, err = r.groupStrategy(n, in, groupExprs); err != nil {
		return nil, err
	}
	for i, e := range groupExprs {
		col, err := r.columnOf(in, e)
		if err != nil {
			return nil, err
		}
		n.GroupCols = append(n.GroupCols, col)
		n.GroupEq = append(n.GroupEq, q.GroupBy[i].EqOp)
		n.GroupRefs = append(n.GroupRefs, q.GroupBy[i].SortRef)
	}
	n.Outer = in
	n.Target = r.groupTarget(groupExprs)
	n.Quals = andList(q.Having)
	r.groupCost(n, in, groupExprs)
	if n.Strategy != plan.AggSorted {
		r.topKeys = nil
	}
	return n, nil
}

// orderGroups puts the grouping columns in the order of ORDER BY where that names them, so that one sort can serve both (preprocess_groupclause).
func (r *root) orderGroups() {
	q := r.q
	if len(q.GroupingSets) > 0 || len(q.Sort) == 0 || len(q.GroupBy) < 2 {
		return
	}
	var out []tree.SortClause
	taken := map[int]bool{}
	for _, s := range q.Sort {
		found := false
		for _, g := range q.GroupBy {
			if g.SortRef == s.SortRef && g.EqOp == s.EqOp {
				found = true
				if !taken[g.SortRef] {
					taken[g.SortRef] = true
					s.Hashable = g.Hashable
					out = append(out, s)
				}
			}
		}
		if !found {
			break
		}
	}
	if len(out) == 0 {
		return
	}
	for _, g := range q.GroupBy {
		if !taken[g.SortRef] {
			out = append(out, g)
		}
	}
	q.GroupBy = out
}

// groupStrategy decides between sorting and hashing, and sorts the input for the former.
func (r *root) groupStrategy(n *plan.Agg, in plan.Node, groupExprs []tree.Expr) (plan.Node, error) {
	q := r.q
	canHash := len(groupExprs) > 0 && r.canHashGroups()
	switch {
	case len(n.Sets) > 0:
		n.Strategy = plan.AggHashed
		if !r.canHashGroups() {
			n.Strategy = plan.AggMixed
		}
		return in, nil
	case len(groupExprs) == 0:
		n.Strategy = plan.AggPlain
		return in, nil
	}
	canSort := r.allSortable(q.GroupBy)
	if !canSort && !canHash {
		return nil, pgerr.New(pgerr.FeatureNotSupported, "could not implement GROUP BY").
			WithDetail("Some of the datatypes only support hashing, while others only support sorting.")
	}
	keys := r.sortKeysOf(q.GroupBy)
	presorted := canSort && r.keysContain(r.topKeys, keys)
	if canHash && (!canSort || r.hashingPays(n, in, groupExprs, keys, presorted)) {
		n.Strategy = plan.AggHashed
		return in, nil
	}
	n.Strategy = plan.AggSorted
	if presorted {
		return in, nil
	}
	r.topKeys = keys
	return r.sortNode(in, keys, 0)
}

// hashingPays compares the costs of both ways, with the sort that ORDER BY needs after hashing.
func (r *root) hashingPays(n *plan.Agg, in plan.Node, groupExprs []tree.Expr, keys []pathKey, presorted bool) bool {
	c := in.Common()
	groups := r.groupCount(groupExprs, c.Rows)
	work := r.aggWork(n.Aggs)
	s := r.settings()
	sortedStart, sortedTotal := c.StartupCost, c.TotalCost
	if !presorted {
		sortedStart, sortedTotal = r.sortCost(c.TotalCost, c.Rows, c.Width, 0)
	}
	per := work + s.CPUOperatorCost*float64(len(groupExprs))
	sortedTotal += c.Rows*per + groups*s.CPUTupleCost
	hashStart := c.TotalCost + c.Rows*per
	hashTotal := hashStart + groups*s.CPUTupleCost
	width := r.targetWidth(targetExprs(r.groupTarget(groupExprs)))
	if bytes := groups * (tupleBytes(width) + 100); bytes > s.WorkMem*hashMemMultiplier { // groups written and read again
		pages := c.Rows * tupleBytes(c.Width) / pageSize
		hashStart += pages * s.RandomPageCost
		hashTotal += pages * (s.RandomPageCost + s.SeqPageCost)
	}
	if order := r.sortKeysOf(r.q.Sort); len(order) > 0 && len(r.q.Distinct) == 0 && !r.hasWindowCalls() {
		hashStart, hashTotal = r.sortCost(hashTotal, groups, width, r.limitHint())
		if !r.keysContain(keys, order) {
			sortedStart, sortedTotal = r.sortCost(sortedTotal, groups, width, r.limitHint())
		}
	}
	if !s.HashAgg {
		hashStart += disableCost
		hashTotal += disableCost
	}
	fraction := r.tupleFraction
	if hint := r.limitHint(); hint > 0 && fraction == 0 {
		fraction = hint
	}
	return fractionCost(hashStart, hashTotal, groups, fraction) < fractionCost(sortedStart, sortedTotal, groups, fraction)
}

// aggWork is the cost of the aggregates for each input row.
func (r *root) aggWork(aggs []*tree.Aggref) (perRow float64) {
	for _, a := range aggs {
		perRow += r.procCost(a.Func)
		for _, te := range a.Args {
			_, p := r.exprCost(te.Expr)
			perRow += p
		}
		if a.Filter != nil {
			_, p := r.exprCost(a.Filter)
			perRow += p
		}
	}
	return perRow
}

// groupInput makes the input of grouping compute just what it needs: the grouping columns, and the other columns used by aggregates and expressions.
func (r *root) groupInput(n plan.Node, groupExprs []tree.Expr) plan.Node {
	n = r.addColumns(n, groupExprs)
	var keep []tree.Expr
	add := func(e tree.Expr) {
		if indexOf(keep, e) < 0 {
			keep = append(keep, e)
		}
	}
	for _, e := range groupExprs {
		add(e)
	}
	for _, v := range r.ungroupedVars(groupExprs) {
		add(v)
	}
	c := n.Common()
	if !projects(n) || len(keep) >= len(c.Target) || c.Fixed != nil {
		return n
	}
	target := make([]tree.TargetEntry, 0, len(keep))
	for _, e := range keep {
		if findColumn(c.Target, e) == 0 {
			return n
		}
		target = append(target, tree.TargetEntry{Expr: e, ResNo: len(target) + 1})
	}
	c.Target = target
	c.Width = r.targetWidth(keep)
	return n
}

// ungroupedVars are the columns that the target list and HAVING use outside of grouping expressions.
func (r *root) ungroupedVars(groupExprs []tree.Expr) []tree.Expr {
	var out []tree.Expr
	var visit func(x tree.Expr)
	visit = func(x tree.Expr) {
		if x == nil || indexOf(groupExprs, x) >= 0 {
			return
		}
		if v, ok := x.(*tree.Var); ok {
			if v.LevelsUp == 0 {
				out = append(out, v)
			}
			return
		}
		tree.Children(x, visit)
	}
	for _, te := range r.q.Target {
		visit(te.Expr)
	}
	visit(r.q.Having)
	return out
}

func (r *root) allSortable(clauses []tree.SortClause) bool {
	for _, c := range clauses {
		if c.SortOp == 0 {
			return false
		}
	}
	return true
}

// groupTarget is what grouping hands up: final expressions when nothing that needs parts of them comes above, else the parts.
func (r *root) groupTarget(groupExprs []tree.Expr) []tree.TargetEntry {
	var out []tree.TargetEntry
	add := func(e tree.Expr) {
		if findColumn(out, e) == 0 {
			out = append(out, tree.TargetEntry{Expr: e, ResNo: len(out) + 1})
		}
	}
	for _, te := range r.q.Target {
		if containsWindow(te.Expr) || containsSRF(te.Expr) {
			for _, a := range r.groupAtoms(te.Expr, groupExprs) {
				add(a)
			}
			continue
		}
		add(te.Expr)
	}
	for _, w := range r.q.Windows {
		for _, c := range append(append([]tree.SortClause(nil), w.Partition...), w.Order...) {
			if e := r.sortRefExpr(c.SortRef); e != nil && !containsWindow(e) {
				add(e)
			}
		}
	}
	return out
}

// groupAtoms are the parts of e that only the grouping node can supply: grouping expressions, aggregates, and columns that depend on the grouping ones.
func (r *root) groupAtoms(e tree.Expr, groupExprs []tree.Expr) []tree.Expr {
	var out []tree.Expr
	var visit func(x tree.Expr)
	visit = func(x tree.Expr) {
		if indexOf(groupExprs, x) >= 0 {
			out = append(out, x)
			return
		}
		switch x.(type) {
		case *tree.Aggref, *tree.GroupingFunc, *tree.Var:
			out = append(out, x)
			return
		}
		tree.Children(x, visit)
	}
	visit(e)
	return out
}

func (r *root) groupCost(n *plan.Agg, in plan.Node, groupExprs []tree.Expr) {
	s := r.settings()
	c := in.Common()
	groups := 1.0
	if len(groupExprs) > 0 {
		groups = r.groupCount(groupExprs, c.Rows)
		if len(n.Sets) > 0 {
			groups = math.Min(c.Rows, groups) * math.Max(1, float64(len(n.Sets))*0.7)
		}
	}
	perRow := r.aggWork(n.Aggs)
	n.Rows = clampRows(groups)
	if len(n.Quals) > 0 {
		var cs []*clause
		for _, q := range n.Quals {
			cs = append(cs, &clause{expr: q, sel: 0.3333, selSet: true})
		}
		n.Rows = clampRows(groups * r.selectivity(cs))
	}
	n.Width = r.targetWidth(targetExprs(n.Target))
	work := c.Rows * (perRow + s.CPUOperatorCost*float64(len(groupExprs)))
	switch n.Strategy {
	case plan.AggSorted:
		n.StartupCost = c.StartupCost
		n.TotalCost = c.TotalCost + work + groups*s.CPUTupleCost
	default:
		n.StartupCost = c.TotalCost + work
		n.TotalCost = n.StartupCost + groups*s.CPUTupleCost
	}
}

// groupCount estimates the number of groups (estimate_num_groups): distinct values of each relation's columns, dampened by the rows left.
func (r *root) groupCount(exprs []tree.Expr, rows float64) float64 {
	perRel := map[int][]float64{}
	for _, e := range exprs {
		for _, v := range varsOf(e) {
			perRel[v.VarNo] = append(perRel[v.VarNo], r.distinct(v))
		}
	}
	n := 1.0
	for rti, nds := range perRel {
		d := 1.0
		for _, x := range nds {
			d *= x
		}
		if b, ok := r.bit[rti]; ok {
			base := r.base[b]
			if len(nds) > 1 {
				d = math.Min(d, math.Max(1, base.tuples*0.1))
				for _, x := range nds {
					d = math.Max(d, x)
				}
			}
			if base.tuples > 0 && base.rows < base.tuples { // restricted rows show fewer values
				d *= 1 - math.Pow((base.tuples-base.rows)/base.tuples, base.tuples/math.Max(1, d))
			}
		}
		n *= math.Max(1, d)
	}
	return clampRows(math.Min(n, rows))
}

// expandGroupingSets lists the grouping sets as positions in GROUP BY; nil for a plain GROUP BY.
func expandGroupingSets(q *tree.Query) [][]int {
	if len(q.GroupingSets) == 0 {
		return nil
	}
	pos := map[int]int{}
	for i, g := range q.GroupBy {
		pos[g.SortRef] = i
	}
	result := [][]int{{}}
	for _, gs := range q.GroupingSets {
		var next [][]int
		for _, have := range result {
			for _, add := range gs.Lists(math.MaxInt) {
				next = append(next, mergeRefs(have, add))
			}
		}
		result = next
	}
	if q.GroupDistinct {
		result = distinctSets(result)
	}
	out := make([][]int, len(result))
	for i, set := range result {
		out[i] = []int{}
		for _, ref := range set {
			if p, ok := pos[ref]; ok {
				out[i] = append(out[i], p)
			}
		}
	}
	return out
}

func mergeRefs(a, b []int) []int {
	out := append([]int(nil), a...)
	for _, x := range b {
		dup := false
		for _, y := range out {
			dup = dup || x == y
		}
		if !dup {
			out = append(out, x)
		}
	}
	return out
}

func distinctSets(sets [][]int) [][]int {
	var out [][]int
next:
	for _, s := range sets {
		for _, o := range out {
			if len(o) == len(s) && len(mergeRefs(o, s)) == len(s) {
				continue next
			}
		}
		out = append(out, s)
	}
	return out
}
