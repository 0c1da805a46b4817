package planner

import (
	"cmp"
	"math"
	"slices"

	"kimberlite/exec/plan"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// planSelect plans the joins of the level and everything above them: grouping, windows, set-returning functions, DISTINCT, ORDER BY, locks, LIMIT.
func (r *root) planSelect() (plan.Node, error) {
	q := r.q
	limit := r.limitHint()
	r.orderGroups()
	node, err := r.planJoins(limit)
	if err != nil {
		return nil, err
	}
	if r.grouped() {
		extremes, err := r.planMinMax(node)
		if err != nil {
			return nil, err
		}
		if extremes != nil {
			node = extremes
		} else if node, err = r.planGrouping(node); err != nil {
			return nil, err
		}
	}
	if len(q.Windows) > 0 && r.hasWindowCalls() {
		if node, err = r.planWindows(node); err != nil {
			return nil, err
		}
	}
	if node, err = r.planProjection(node); err != nil {
		return nil, err
	}
	if len(q.Distinct) > 0 {
		if node, err = r.planDistinct(node); err != nil {
			return nil, err
		}
	}
	if len(q.Sort) > 0 {
		if node, err = r.ensureSort(node, q.Sort, limit); err != nil {
			return nil, err
		}
	}
	if r.postponed != nil {
		if node, err = r.compute(node, r.postponed); err != nil {
			return nil, err
		}
	}
	if len(q.RowMarks) > 0 {
		node = r.planLocks(node)
	}
	return r.planLimit(node)
}

func (r *root) grouped() bool {
	q := r.q
	return q.HasAggs || len(q.GroupBy) > 0 || len(q.GroupingSets) > 0 || q.Having != nil
}

func (r *root) hasWindowCalls() bool {
	for _, te := range r.q.Target {
		if containsWindow(te.Expr) {
			return true
		}
	}
	return false
}

// limitHint is the number of rows that will be asked for (LIMIT + OFFSET when constant), 0 for all.
func (r *root) limitHint() float64 {
	q := r.q
	if q.LimitCount == nil || q.WithTies {
		return 0
	}
	count, ok := q.LimitCount.(*tree.Const)
	if !ok || count.Value.Null {
		return 0
	}
	n := float64(count.Value.I)
	if q.LimitOffset != nil {
		off, ok := q.LimitOffset.(*tree.Const)
		if !ok {
			return 0
		}
		if !off.Value.Null {
			n += float64(off.Value.I)
		}
	}
	return math.Max(1, n)
}

func isNullConst(e tree.Expr) bool {
	c, ok := e.(*tree.Const)
	return ok && c.Value.Null
}

// planJoins plans FROM and WHERE and picks the path that suits what comes above best.
func (r *root) planJoins(limit float64) (plan.Node, error) {
	q := r.q
	if len(q.From.List) == 0 {
		n := &plan.Result{OneTime: andList(q.From.Quals)}
		n.Rows, n.TotalCost = 1, r.settings().CPUTupleCost
		return n, nil
	}
	if err := r.buildJoinTree(); err != nil {
		return nil, err
	}
	r.collectNeeded()
	r.wantOrders()
	if err := r.planBaseRels(); err != nil {
		return nil, err
	}
	fraction := r.tupleFraction
	if limit > 0 && !r.grouped() && len(q.Distinct) == 0 && !r.hasWindowCalls() {
		if fraction == 0 || fraction > limit && fraction >= 1 {
			fraction = limit
		}
	}
	r.tupleFraction = fraction
	top, err := r.searchJoins()
	if err != nil {
		return nil, err
	}
	best := r.chooseTop(top, fraction, limit)
	if best == nil {
		return nil, pgerr.Internal("no path for the join")
	}
	node, params, err := best.build()
	if err != nil {
		return nil, err
	}
	if len(params) > 0 {
		return nil, pgerr.Internal("a path takes values from a relation that isn't joined")
	}
	return node, nil
}

// collectNeeded records which columns each place of the query uses.
func (r *root) collectNeeded() {
	q := r.q
	above := targetExprs(q.Target)
	if q.Cmd != tree.CmdSelect {
		above = append(above, r.modifyNeeds()...)
	}
	above = append(above, andList(q.Having)...)
	for _, m := range q.RowMarks {
		if _, ok := r.bit[m.RTIndex]; ok && r.q.RTable[m.RTIndex-1].Kind == tree.RTERelation {
			above = append(above, r.ctidVar(m.RTIndex))
		}
	}
	r.noteNeeded(above, 0, true)
	for _, b := range r.base {
		for _, c := range b.quals {
			r.noteNeeded([]tree.Expr{c.expr}, c.required, false)
		}
		r.noteLateral(b)
	}
	for _, c := range r.joinClauses {
		r.noteNeeded([]tree.Expr{c.expr}, c.required, false)
	}
	for _, oj := range r.joins {
		for _, c := range oj.clauses {
			r.noteNeeded([]tree.Expr{c.expr}, c.required, false)
		}
	}
	for _, ec := range r.ecs {
		if ec.konst != nil {
			continue
		}
		var all relids
		for _, m := range ec.members {
			all |= m.rels
		}
		for _, m := range ec.members {
			r.noteNeeded([]tree.Expr{m.expr}, all, false)
		}
	}
}

// noteLateral: columns handed to lateral items are needed where these are.
func (r *root) noteLateral(b *rel) {
	if b.lateral == 0 {
		return
	}
	var exprs []tree.Expr
	switch b.rte.Kind {
	case tree.RTESubquery:
		for _, o := range b.child.outer {
			if e, err := r.prepareOuterArg(o.expr); err == nil {
				exprs = append(exprs, e)
			}
		}
	case tree.RTEFunction:
		for _, f := range b.rte.Funcs {
			exprs = append(exprs, f.Expr)
		}
	case tree.RTEValues:
		for _, row := range b.rte.Values {
			exprs = append(exprs, row...)
		}
	}
	r.noteNeeded(exprs, b.lateral|b.ids, false)
}

func (r *root) ctidVar(rti int) *tree.Var {
	return &tree.Var{VarNo: rti, AttNo: tree.CtidAtt, T: types.Of(types.OIDTid), Loc: -1}
}

// wantOrders lists the orders that would save a sort above the joins.
func (r *root) wantOrders() {
	q := r.q
	add := func(keys []pathKey) {
		if len(keys) > 0 {
			r.wantedOrders = append(r.wantedOrders, keys)
		}
	}
	if len(q.GroupBy) > 0 && len(q.GroupingSets) == 0 {
		add(r.sortKeysOf(q.GroupBy))
		return
	}
	if r.grouped() {
		return
	}
	if len(q.Windows) > 0 && r.hasWindowCalls() {
		for _, w := range windowOrder(q.Windows) { // the first one is the first to be sorted for
			add(r.sortKeysOf(uniqueOrder(w)))
		}
		return
	}
	if len(q.Distinct) > 0 {
		add(r.sortKeysOf(r.distinctOrder()))
	}
	add(r.sortKeysOf(q.Sort))
}

// sortKeysOf turns sort clauses into path keys; it stops at a clause that can't be sorted.
func (r *root) sortKeysOf(clauses []tree.SortClause) []pathKey {
	var keys []pathKey
	for _, c := range clauses {
		e := r.sortRefExpr(c.SortRef)
		if e == nil || c.SortOp == 0 {
			break
		}
		dup := false
		for _, k := range keys {
			dup = dup || r.sameValue(k.expr, e)
		}
		if dup || r.isConstExpr(e) {
			continue // adds nothing to the order
		}
		keys = append(keys, pathKey{expr: e, desc: c.Desc, nullsFirst: c.NullsFirst, coll: e.Collation()})
	}
	return keys
}

// isConstExpr: constants, and columns that an equality fixes.
func (r *root) isConstExpr(e tree.Expr) bool {
	if _, ok := e.(*tree.Const); ok {
		return true
	}
	for _, ec := range r.ecs {
		if ec.konst == nil {
			continue
		}
		for _, m := range ec.members {
			if tree.Equal(m.expr, e) {
				return true
			}
		}
	}
	return false
}

func (r *root) sortRefExpr(ref int) tree.Expr {
	for _, te := range r.q.Target {
		if te.SortRef == ref && ref != 0 {
			return te.Expr
		}
	}
	return nil
}

// chooseTop weighs the finished join paths: with the order that the level needs next, or with a sort on top.
func (r *root) chooseTop(top *rel, fraction, limit float64) *path {
	want := []pathKey(nil)
	if len(r.wantedOrders) > 0 {
		want = r.wantedOrders[0]
	}
	needSort := len(want) > 0 && !(r.grouped() && len(r.q.GroupingSets) == 0 && r.canHashGroups())
	var best *path
	bestCost := math.Inf(1)
	for _, p := range top.paths {
		if p.outer != 0 {
			continue
		}
		startup, total := p.startup, p.total
		sorted := len(want) > 0 && r.keysContain(p.keys, want)
		if needSort && !sorted {
			startup, total = r.sortCost(p.total, p.rows, top.width, limit)
		}
		cost := fractionCost(startup, total, p.rows, fraction)
		if r.grouped() && len(want) > 0 && !sorted {
			cost += r.settings().CPUOperatorCost * p.rows // a hash table of groups
		}
		if cost < bestCost {
			best, bestCost = p, cost
		}
	}
	if best != nil {
		r.topKeys = best.keys
	}
	return best
}

// columnOf is the column number (from 1) of an expression in a node's output.
func (r *root) columnOf(n plan.Node, e tree.Expr) (int, error) {
	if i := findColumn(n.Common().Target, e); i > 0 {
		return i, nil
	}
	return 0, pgerr.Internal("expression %T is not in its input's target list", e)
}

func findColumn(target []tree.TargetEntry, e tree.Expr) int {
	if v, ok := e.(*tree.Var); ok {
		for i := range target {
			if t, ok := target[i].Expr.(*tree.Var); ok && t.VarNo == v.VarNo && t.AttNo == v.AttNo && t.LevelsUp == v.LevelsUp {
				return i + 1
			}
		}
		return 0
	}
	for i := range target {
		if tree.Equal(target[i].Expr, e) {
			return i + 1
		}
	}
	return 0
}

// addColumns makes a node compute further expressions, if it projects, or puts a Result above it that does.
func (r *root) addColumns(n plan.Node, exprs []tree.Expr) plan.Node {
	var missing []tree.Expr
	for _, e := range exprs {
		if findColumn(n.Common().Target, e) == 0 && indexOf(missing, e) < 0 {
			missing = append(missing, e)
		}
	}
	if len(missing) == 0 {
		return n
	}
	if !projects(n) {
		c := n.Common()
		res := &plan.Result{}
		res.Outer = n
		res.Target = passThrough(n)
		res.StartupCost, res.TotalCost, res.Rows, res.Width = c.StartupCost, c.TotalCost, c.Rows, c.Width
		n = res
	}
	c := n.Common()
	target := append([]tree.TargetEntry(nil), c.Target...)
	for _, e := range missing {
		target = append(target, tree.TargetEntry{Expr: e, ResNo: len(target) + 1})
		c.Width += r.exprWidth(e)
	}
	c.Target = target
	s, per := r.qualCost(missing)
	c.StartupCost += s
	c.TotalCost += s + per*c.Rows
	return n
}

// projects reports whether a node computes its own target list.
func projects(n plan.Node) bool {
	switch n.(type) {
	case *plan.Sort, *plan.Material, *plan.Memoize, *plan.Limit, *plan.LockRows, *plan.Unique, *plan.Hash, *plan.Append, *plan.MergeAppend, *plan.SetOp,
		*plan.RecursiveUnion, *plan.ModifyTable, *plan.Group:
		return false
	}
	return true
}

// sortNode sorts a node's output; the keys' expressions are added to it when missing.
func (r *root) sortNode(child plan.Node, keys []pathKey, limit float64) (plan.Node, error) {
	exprs := make([]tree.Expr, len(keys))
	for i, k := range keys {
		exprs[i] = k.expr
	}
	child = r.addColumns(child, exprs)
	n := &plan.Sort{}
	for _, k := range keys {
		col, err := r.columnOf(child, k.expr)
		if err != nil {
			return nil, err
		}
		n.Keys = append(n.Keys, plan.SortKey{Col: col, Op: r.sortOp(k.expr.Type().OID, k.desc), Collation: k.coll, Desc: k.desc, NullsFirst: k.nullsFirst})
	}
	n.Outer = child
	n.Target = passThrough(child)
	c := child.Common()
	n.Rows, n.Width = c.Rows, c.Width
	n.StartupCost, n.TotalCost = r.sortCost(c.TotalCost, c.Rows, c.Width, limit)
	return n, nil
}

// ensureSort sorts for ORDER BY unless the input has the order already.
func (r *root) ensureSort(node plan.Node, clauses []tree.SortClause, limit float64) (plan.Node, error) {
	keys := r.sortKeysOf(clauses)
	if len(keys) == 0 {
		return node, nil
	}
	if r.keysContain(r.topKeys, keys) {
		return node, nil
	}
	n, err := r.sortNode(node, keys, limit)
	if err == nil {
		r.topKeys = keys
	}
	return n, err
}

// planWindows stacks a WindowAgg for each window clause in use.
func (r *root) planWindows(node plan.Node) (plan.Node, error) {
	q := r.q
	calls := map[int][]*tree.WindowFunc{}
	for _, te := range q.Target {
		tree.Walk(te.Expr, func(x tree.Expr) bool {
			if w, ok := x.(*tree.WindowFunc); ok {
				for _, o := range calls[w.Ref] {
					if tree.Equal(o, w) {
						return false
					}
				}
				calls[w.Ref] = append(calls[w.Ref], w)
				return false
			}
			return true
		})
	}
	if !r.grouped() { // make sure that what the final target list needs is there
		node = r.addColumns(node, r.windowInputs())
	}
	for _, w := range windowOrder(q.Windows) {
		list := calls[w.Ref]
		if len(list) == 0 {
			continue
		}
		var err error
		if node, err = r.planWindow(node, w, list); err != nil {
			return nil, err
		}
	}
	return node, nil
}

// windowOrder puts the clauses in PostgreSQL's order (common_prefix_cmp): by their sort columns, so that equal prefixes meet, longer ones first and one that is a
// prefix of the one before it needs no sort of its own. It shows in the order of unsorted results.
func windowOrder(ws []*tree.WindowClause) []*tree.WindowClause {
	out := append([]*tree.WindowClause(nil), ws...)
	slices.SortStableFunc(out, func(x, y *tree.WindowClause) int {
		a, b := uniqueOrder(x), uniqueOrder(y)
		for i := 0; i < len(a) && i < len(b); i++ {
			if c := cmp.Or(cmp.Compare(b[i].SortRef, a[i].SortRef), cmp.Compare(b[i].SortOp, a[i].SortOp)); c != 0 {
				return c
			}
			if a[i].NullsFirst != b[i].NullsFirst {
				if a[i].NullsFirst {
					return -1
				}
				return 1
			}
		}
		return cmp.Compare(len(b), len(a))
	})
	return out
}

// uniqueOrder is what a window sorts by: partition and order columns, each once.
func uniqueOrder(w *tree.WindowClause) []tree.SortClause {
	var out []tree.SortClause
	for _, c := range append(append([]tree.SortClause(nil), w.Partition...), w.Order...) {
		if !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return out
}

// windowInputs are the partition and order expressions, computed below the first window.
func (r *root) windowInputs() []tree.Expr {
	var out []tree.Expr
	for _, w := range r.q.Windows {
		for _, c := range append(append([]tree.SortClause(nil), w.Partition...), w.Order...) {
			if e := r.sortRefExpr(c.SortRef); e != nil {
				out = append(out, e)
			}
		}
	}
	return out
}

func (r *root) planWindow(node plan.Node, w *tree.WindowClause, calls []*tree.WindowFunc) (plan.Node, error) {
	clauses := append(append([]tree.SortClause(nil), w.Partition...), w.Order...)
	keys := r.sortKeysOf(clauses)
	if len(keys) > 0 && !r.keysContain(r.topKeys, keys) {
		sorted, err := r.sortNode(node, keys, 0)
		if err != nil {
			return nil, err
		}
		node = sorted
		r.topKeys = keys
	}
	n := &plan.WindowAgg{Clause: w, Calls: calls}
	for _, c := range w.Partition {
		col, err := r.columnOf(node, r.sortRefExpr(c.SortRef))
		if err != nil {
			return nil, err
		}
		n.PartCols = append(n.PartCols, col)
		n.PartEq = append(n.PartEq, c.EqOp)
	}
	for _, c := range w.Order {
		e := r.sortRefExpr(c.SortRef)
		col, err := r.columnOf(node, e)
		if err != nil {
			return nil, err
		}
		n.OrderCols = append(n.OrderCols, plan.SortKey{Col: col, Op: c.SortOp, Collation: e.Collation(), Desc: c.Desc, NullsFirst: c.NullsFirst})
		n.OrderEq = append(n.OrderEq, c.EqOp)
	}
	n.Outer = node
	n.Target = passThrough(node)
	for _, call := range calls {
		n.Target = append(n.Target, tree.TargetEntry{Expr: call, ResNo: len(n.Target) + 1})
	}
	c := node.Common()
	s := r.settings()
	per := 0.0
	for _, call := range calls {
		per += r.procCost(call.Func)
		for _, a := range call.Args {
			_, p := r.exprCost(a)
			per += p
		}
	}
	n.Rows, n.StartupCost = c.Rows, c.StartupCost
	n.TotalCost = c.TotalCost + c.Rows*(per+s.CPUOperatorCost*float64(len(clauses))+s.CPUTupleCost)
	n.Width = c.Width + r.targetWidth(targetExprs(n.Target[len(c.Target):]))
	return n, nil
}

// planProjection makes the node compute the level's target list, with a ProjectSet for set-returning functions in it.
func (r *root) planProjection(node plan.Node) (plan.Node, error) {
	target := append([]tree.TargetEntry(nil), r.q.Target...)
	target = append(target, r.lockColumns()...)
	target = append(target, r.modifyColumns(len(target))...)
	if before := r.sortInput(target); before != nil {
		r.postponed, target = target, before
	}
	return r.compute(node, target)
}

func (r *root) compute(node plan.Node, target []tree.TargetEntry) (plan.Node, error) {
	for _, te := range target {
		if containsSRF(te.Expr) {
			return r.planProjectSet(node, target)
		}
	}
	return r.project(node, target), nil
}

// expensiveOperators is the cost, in operators, from which on an expression is computed after ORDER BY and LIMIT rather than before.
const expensiveOperators = 10

// sortInput is what to compute before ORDER BY when part of the target list is better computed afterwards (make_sort_input_target): volatile functions, so that they
// are called in the order of the rows and only for those that LIMIT leaves, set-returning ones, which multiply rows, and expensive ones under LIMIT. nil: everything.
func (r *root) sortInput(target []tree.TargetEntry) []tree.TargetEntry {
	q := r.q
	if len(q.Sort) == 0 || len(q.Distinct) > 0 {
		return nil
	}
	limited := q.LimitCount != nil || r.tupleFraction > 0
	srfInOrder := false
	for _, te := range target {
		srfInOrder = srfInOrder || te.SortRef != 0 && containsSRF(te.Expr)
	}
	var out []tree.TargetEntry
	var later []tree.Expr
	add := func(e tree.Expr, like tree.TargetEntry) {
		like.Expr, like.ResNo = e, len(out)+1
		out = append(out, like)
	}
	for _, te := range target {
		_, cost := r.exprCost(te.Expr)
		switch {
		case te.SortRef != 0:
		case containsSRF(te.Expr) && srfInOrder:
		case containsSRF(te.Expr), r.containsVolatile(te.Expr), limited && cost > expensiveOperators*r.settings().CPUOperatorCost:
			later = append(later, te.Expr)
			continue
		}
		add(te.Expr, te)
	}
	if len(later) == 0 {
		return nil
	}
	for _, e := range later {
		for _, x := range r.inputsOf(e) {
			if findColumn(out, x) == 0 {
				add(x, tree.TargetEntry{Junk: true})
			}
		}
	}
	return out
}

// inputsOf are the parts of e that come from below the target list: columns, and what grouping and windows compute.
func (r *root) inputsOf(e tree.Expr) []tree.Expr {
	var grouped, out []tree.Expr
	for _, g := range r.q.GroupBy {
		grouped = append(grouped, r.sortRefExpr(g.SortRef))
	}
	var visit func(x tree.Expr)
	visit = func(x tree.Expr) {
		switch x.(type) {
		case *tree.Aggref, *tree.GroupingFunc, *tree.Var, *tree.WindowFunc:
			out = append(out, x)
			return
		}
		if indexOf(grouped, x) >= 0 {
			out = append(out, x)
			return
		}
		tree.Children(x, visit)
	}
	visit(e)
	return out
}

// lockColumns are the row ids that FOR UPDATE needs, as junk columns.
func (r *root) lockColumns() []tree.TargetEntry {
	var out []tree.TargetEntry
	for _, m := range r.q.RowMarks {
		if _, ok := r.bit[m.RTIndex]; !ok || r.q.RTable[m.RTIndex-1].Kind != tree.RTERelation {
			continue
		}
		out = append(out, tree.TargetEntry{Expr: r.ctidVar(m.RTIndex), Junk: true, ResNo: len(r.q.Target) + len(out) + 1})
	}
	return out
}

// project gives node exactly the target list, on a Result if the node can't compute it.
func (r *root) project(node plan.Node, target []tree.TargetEntry) plan.Node {
	c := node.Common()
	if sameTarget(c.Target, target) {
		c.Target = target
		return node
	}
	if !projects(node) {
		n := &plan.Result{}
		n.Outer = node
		n.StartupCost, n.TotalCost, n.Rows = c.StartupCost, c.TotalCost, c.Rows
		node, c = n, n.Common()
	}
	s, per := r.qualCost(targetExprs(target))
	c.Target = target
	c.StartupCost += s
	c.TotalCost += s + per*c.Rows
	c.Width = r.targetWidth(targetExprs(target))
	return node
}

func sameTarget(a, b []tree.TargetEntry) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !tree.Equal(a[i].Expr, b[i].Expr) {
			return false
		}
	}
	return true
}

// planProjectSet evaluates set-returning functions, innermost levels first.
func (r *root) planProjectSet(node plan.Node, target []tree.TargetEntry) (plan.Node, error) {
	// Nested calls: the inner one is expanded by a ProjectSet below.
	for {
		var inner []tree.Expr
		for _, te := range target {
			inner = append(inner, nestedSRFs(te.Expr)...)
		}
		var fresh []tree.Expr
		for _, e := range inner {
			if findColumn(node.Common().Target, e) == 0 {
				fresh = append(fresh, e)
			}
		}
		if len(fresh) == 0 {
			break
		}
		// Calls that need no other are expanded on the lowest level too, in step with those.
		for _, te := range target {
			for _, e := range readySRFs(te.Expr) {
				if findColumn(node.Common().Target, e) == 0 {
					fresh = append(fresh, e)
				}
			}
		}
		var list []tree.TargetEntry
		for _, e := range append(targetExprs(node.Common().Target), fresh...) {
			if findColumn(list, e) == 0 {
				list = append(list, tree.TargetEntry{Expr: e, ResNo: len(list) + 1})
			}
		}
		node = r.projectSetNode(node, list)
	}
	return r.projectSetNode(node, target), nil
}

// nestedSRFs lists the set-returning calls that are arguments of others, at any depth, innermost ready ones only.
func nestedSRFs(e tree.Expr) []tree.Expr {
	var out []tree.Expr
	var visit func(x tree.Expr, inside bool)
	visit = func(x tree.Expr, inside bool) {
		isSRF := false
		switch f := x.(type) {
		case *tree.FuncExpr:
			isSRF = f.RetSet
		case *tree.OpExpr:
			isSRF = f.RetSet
		}
		if isSRF && inside && !argsContainSRF(x) {
			out = append(out, x)
			return
		}
		tree.Children(x, func(c tree.Expr) { visit(c, inside || isSRF) })
	}
	visit(e, false)
	return out
}

// readySRFs lists the outermost set-returning calls without another one in their arguments.
func readySRFs(e tree.Expr) []tree.Expr {
	var out []tree.Expr
	var visit func(x tree.Expr)
	visit = func(x tree.Expr) {
		isSRF := false
		switch f := x.(type) {
		case *tree.FuncExpr:
			isSRF = f.RetSet
		case *tree.OpExpr:
			isSRF = f.RetSet
		}
		if isSRF {
			if !argsContainSRF(x) {
				out = append(out, x)
			}
			return
		}
		tree.Children(x, visit)
	}
	visit(e)
	return out
}

func argsContainSRF(x tree.Expr) bool {
	found := false
	tree.Children(x, func(c tree.Expr) { found = found || containsSRF(c) })
	return found
}

func (r *root) projectSetNode(node plan.Node, target []tree.TargetEntry) plan.Node {
	n := &plan.ProjectSet{}
	n.Outer = node
	n.Target = target
	c := node.Common()
	rows := 1.0
	for _, te := range target {
		if f, ok := te.Expr.(*tree.FuncExpr); ok && f.RetSet {
			x := 1000.0
			if p := r.g.env.Catalog.Proc(f.Func); p != nil && p.Rows > 0 {
				x = seriesRows(p.Name, f.Args, float64(p.Rows))
			}
			rows = math.Max(rows, x)
		}
	}
	n.Rows = clampRows(c.Rows * rows)
	n.StartupCost = c.StartupCost
	n.TotalCost = c.TotalCost + c.Rows*r.settings().CPUTupleCost + (n.Rows-c.Rows)*r.settings().CPUTupleCost/2
	n.Width = r.targetWidth(targetExprs(target))
	return n
}

// distinctOrder is the sort order for DISTINCT: for DISTINCT ON as ORDER BY says, with the rest of ORDER BY deciding which row stays first.
func (r *root) distinctOrder() []tree.SortClause {
	q := r.q
	if len(q.Sort) == 0 {
		return q.Distinct
	}
	var out []tree.SortClause
	in := map[int]bool{}
	for _, d := range q.Distinct {
		in[d.SortRef] = true
	}
	covered := map[int]bool{}
	for _, s := range q.Sort {
		if !in[s.SortRef] && !q.HasDistinctOn {
			break
		}
		if !in[s.SortRef] && len(covered) < len(in) {
			break
		}
		out = append(out, s)
		covered[s.SortRef] = true
	}
	for _, d := range q.Distinct {
		if !covered[d.SortRef] {
			out = append(out, d)
		}
	}
	return out
}

// planDistinct removes duplicates: by hashing, or by sorting when the order helps (always for DISTINCT ON).
func (r *root) planDistinct(node plan.Node) (plan.Node, error) {
	q := r.q
	hashable := true
	for _, d := range q.Distinct {
		hashable = hashable && d.Hashable
	}
	var cols []int
	var ops []types.OID
	var exprs []tree.Expr
	for _, d := range q.Distinct {
		e := r.sortRefExpr(d.SortRef)
		col, err := r.columnOf(node, e)
		if err != nil {
			return nil, err
		}
		cols, ops, exprs = append(cols, col), append(ops, d.EqOp), append(exprs, e)
	}
	c := node.Common()
	rows := r.groupCount(exprs, c.Rows)
	order := r.distinctOrder()
	keys := r.sortKeysOf(order)
	sorted := r.keysContain(r.topKeys, keys) && r.allSortable(order)
	s := r.settings()
	sortStart, sortTotal := r.sortCost(c.TotalCost, c.Rows, c.Width, 0)
	_ = sortStart
	hashTotal := c.TotalCost + c.Rows*s.CPUOperatorCost*float64(len(cols)) + rows*s.CPUTupleCost
	if len(q.Sort) > 0 {
		_, hashTotal = r.sortCost(hashTotal, rows, c.Width, 0)
	}
	if !q.HasDistinctOn && hashable && s.HashAgg && !sorted && (hashTotal < sortTotal || !r.allSortable(order)) {
		n := &plan.Agg{Strategy: plan.AggHashed, GroupCols: cols, GroupEq: ops}
		n.Outer = node
		n.Target = passThrough(node)
		n.Rows, n.Width = rows, c.Width
		n.StartupCost = c.TotalCost + c.Rows*s.CPUOperatorCost*float64(len(cols))
		n.TotalCost = n.StartupCost + rows*s.CPUTupleCost
		r.topKeys = nil
		return n, nil
	}
	if !r.allSortable(order) {
		return nil, pgerr.New(pgerr.FeatureNotSupported, "could not implement DISTINCT").WithDetail("Some of the datatypes only support hashing, while others only support sorting.")
	}
	if !sorted {
		var err error
		if node, err = r.sortNode(node, keys, 0); err != nil {
			return nil, err
		}
		r.topKeys = keys
	}
	n := &plan.Unique{Cols: cols, Eq: ops}
	n.Outer = node
	n.Target = passThrough(node)
	c = node.Common()
	n.Rows, n.Width, n.StartupCost = rows, c.Width, c.StartupCost
	n.TotalCost = c.TotalCost + c.Rows*s.CPUOperatorCost*float64(len(cols))
	return n, nil
}

// planLocks adds LockRows for FOR UPDATE and its kin.
func (r *root) planLocks(node plan.Node) plan.Node {
	n := &plan.LockRows{}
	for _, m := range r.q.RowMarks {
		if _, ok := r.bit[m.RTIndex]; !ok || r.q.RTable[m.RTIndex-1].Kind != tree.RTERelation {
			continue
		}
		col := findColumn(node.Common().Target, r.ctidVar(m.RTIndex))
		if col == 0 {
			continue
		}
		n.Marks = append(n.Marks, plan.RowLock{Rel: r.q.RTable[m.RTIndex-1].RelID, RTIndex: m.RTIndex, RowIDCol: col, Strength: m.Strength, Wait: m.Wait})
	}
	if len(n.Marks) == 0 {
		return node
	}
	n.Outer = node
	n.Target = passThrough(node)
	c := node.Common()
	n.Rows, n.Width, n.StartupCost, n.TotalCost = c.Rows, c.Width, c.StartupCost, c.TotalCost+c.Rows*r.settings().CPUTupleCost
	return n
}

// planLimit adds LIMIT and OFFSET.
func (r *root) planLimit(node plan.Node) (plan.Node, error) {
	q := r.q
	if (q.LimitCount == nil || isNullConst(q.LimitCount)) && (q.LimitOffset == nil || isNullConst(q.LimitOffset)) {
		return node, nil
	}
	n := &plan.Limit{Count: q.LimitCount, Offset: q.LimitOffset}
	if q.WithTies {
		for _, s := range q.Sort {
			e := r.sortRefExpr(s.SortRef)
			col, err := r.columnOf(node, e)
			if err != nil {
				return nil, err
			}
			n.Ties = append(n.Ties, plan.SortKey{Col: col, Op: s.SortOp, Collation: e.Collation(), Desc: s.Desc, NullsFirst: s.NullsFirst})
		}
	}
	n.Outer = node
	n.Target = passThrough(node)
	c := node.Common()
	n.Width, n.StartupCost, n.TotalCost, n.Rows = c.Width, c.StartupCost, c.TotalCost, c.Rows
	skip := 0.0
	if o, ok := q.LimitOffset.(*tree.Const); ok && !o.Value.Null {
		skip = math.Min(c.Rows, float64(o.Value.I))
	}
	rows := c.Rows - skip
	if l, ok := q.LimitCount.(*tree.Const); ok && !l.Value.Null {
		rows = math.Min(rows, float64(l.Value.I))
	} else if q.LimitCount != nil && !ok {
		rows = math.Min(rows, math.Max(1, c.Rows*0.1))
	}
	rows = clampRows(rows)
	run := c.TotalCost - c.StartupCost
	if c.Rows > 0 {
		n.StartupCost = c.StartupCost + run*skip/c.Rows
		n.TotalCost = math.Min(c.TotalCost, n.StartupCost+run*rows/c.Rows)
	}
	n.Rows = rows
	for {
		res, ok := node.(*plan.Result)
		if !ok || len(res.Quals) > 0 || len(res.OneTime) > 0 || res.Outer == nil {
			break
		}
		node = res.Outer
	}
	if s, ok := node.(*plan.Sort); ok {
		if hint := r.limitHint(); hint > 0 {
			s.Limit = int64(hint)
		}
	}
	return n, nil
}
