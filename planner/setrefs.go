package planner

import (
	"kimberlite/exec/plan"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// fixPlan numbers the nodes and turns references to range table entries into references to columns of the nodes' inputs (N2 of package plan).
func fixPlan(g *global, p *plan.Plan) error {
	f := &fixer{g: g}
	for i := range p.SubPlans {
		p.SubPlans[i].Root = f.trim(p.SubPlans[i].Root)
		if err := f.node(p.SubPlans[i].Root); err != nil {
			return err
		}
	}
	p.Root = f.trim(p.Root)
	if err := f.node(p.Root); err != nil {
		return err
	}
	p.Nodes = g.nodes
	return nil
}

// fixer rewrites one plan. Parents are done before their children, since they match against the children's unfixed target lists.
type fixer struct {
	g    *global
	err  error
	done map[plan.Node]bool
}

// trim removes subquery scans that neither filter nor compute.
func (f *fixer) trim(n plan.Node) plan.Node {
	if n == nil {
		return nil
	}
	c := n.Common()
	if _, setOp := n.(*plan.SetOp); !setOp && projects(n) { // it looks for columns of its input, whatever else comes with them
		widenScan(c.Outer)
		widenScan(c.Inner)
	}
	c.Outer, c.Inner = f.trim(c.Outer), f.trim(c.Inner)
	switch n := n.(type) {
	case *plan.Append:
		for i := range n.Inputs {
			n.Inputs[i] = f.trim(n.Inputs[i])
		}
	case *plan.MergeAppend:
		for i := range n.Inputs {
			n.Inputs[i] = f.trim(n.Inputs[i])
		}
	case *plan.SubqueryScan:
		if trivialScan(n) {
			in := n.Outer.Common()
			// The input takes over the scan's identity: the parent looks for the scan's columns.
			wrapped := n.Outer
			in.Fixed = append([]tree.TargetEntry(nil), in.Target...)
			in.Target = append([]tree.TargetEntry(nil), n.Target...)
			in.InitPlans = append(in.InitPlans, n.InitPlans...)
			return wrapped
		}
	}
	return n
}

// widenScan makes a subquery scan that hands on the first columns of its input hand on all of them, so that it can be trimmed.
func widenScan(n plan.Node) {
	s, ok := n.(*plan.SubqueryScan)
	if !ok || len(s.Quals) > 0 {
		return
	}
	in := s.Outer.Common().Target
	for i, te := range s.Target {
		v, ok := te.Expr.(*tree.Var)
		if !ok || v.VarNo != s.RTIndex || v.AttNo != i+1 || i >= len(in) {
			return
		}
	}
	for i := len(s.Target); i < len(in); i++ {
		e := in[i].Expr
		s.Target = append(s.Target[:i:i], tree.TargetEntry{ResNo: i + 1, Expr: &tree.Var{VarNo: s.RTIndex, AttNo: i + 1, T: e.Type(), Coll: e.Collation(), Loc: -1}})
	}
}

// trivialScan: all columns of the input, in order, nothing else.
func trivialScan(n *plan.SubqueryScan) bool {
	in := n.Outer.Common()
	if len(n.Quals) > 0 || len(n.Target) != len(in.Target) || in.Fixed != nil {
		return false
	}
	for i, te := range n.Target {
		v, ok := te.Expr.(*tree.Var)
		if !ok || v.VarNo != n.RTIndex || v.AttNo != i+1 {
			return false
		}
	}
	return true
}

func (f *fixer) node(n plan.Node) error {
	if n == nil || f.err != nil {
		return f.err
	}
	if f.done == nil {
		f.done = map[plan.Node]bool{}
	}
	if f.done[n] {
		return nil
	}
	f.done[n] = true
	c := n.Common()
	c.ID = f.g.nodes
	f.g.nodes++
	own := c.Target
	if c.Fixed != nil { // the node computes Fixed, and is known above under Target
		own = c.Fixed
		c.Fixed = nil
	}
	f.rewrite(n, own)
	if f.err != nil {
		return f.err
	}
	if err := f.node(c.Outer); err != nil {
		return err
	}
	if err := f.node(c.Inner); err != nil {
		return err
	}
	for _, in := range inputsOf(n) {
		if err := f.node(in); err != nil {
			return err
		}
	}
	return f.err
}

func inputsOf(n plan.Node) []plan.Node {
	switch n := n.(type) {
	case *plan.Append:
		return n.Inputs
	case *plan.MergeAppend:
		return n.Inputs
	case *plan.BitmapAnd:
		return n.Inputs
	case *plan.BitmapOr:
		return n.Inputs
	}
	return nil
}

// rewrite fixes the expressions of one node; own is the target list it computes.
func (f *fixer) rewrite(n plan.Node, own []tree.TargetEntry) {
	c := n.Common()
	outer, inner := targetOf(c.Outer), targetOf(c.Inner)
	switch n := n.(type) {
	case *plan.SeqScan:
		f.scan(&n.Scan, own)
	case *plan.VirtualScan:
		f.scan(&n.Scan, own)
		for i := range n.Eq {
			n.Eq[i].Value = f.scanExpr(n.Eq[i].Value, n.RTIndex)
		}
	case *plan.IndexScan:
		n.IndexQuals = f.scanList(n.IndexQuals, n.RTIndex)
		f.scan(&n.Scan, own)
	case *plan.BitmapHeapScan:
		n.Recheck = f.scanList(n.Recheck, n.RTIndex)
		f.bitmapQuals(n.Outer, n.RTIndex)
		f.scan(&n.Scan, own)
	case *plan.BitmapIndexScan, *plan.BitmapAnd, *plan.BitmapOr:
	case *plan.TidScan:
		f.scan(&n.Scan, own)
	case *plan.SubqueryScan:
		f.rangeScan(c, own, n.RTIndex)
	case *plan.FunctionScan:
		f.rangeScan(c, own, n.RTIndex)
	case *plan.ValuesScan:
		f.rangeScan(c, own, n.RTIndex)
	case *plan.CTEScan:
		f.rangeScan(c, own, n.RTIndex)
	case *plan.WorkTableScan:
		f.rangeScan(c, own, n.RTIndex)
	case *plan.Append, *plan.MergeAppend, *plan.SetOp, *plan.RecursiveUnion:
		c.Target = positional(own)
	case *plan.ModifyTable:
		f.modify(n, outer)
	case *plan.Agg:
		f.agg(n, own, outer)
	case *plan.WindowAgg:
		f.window(n, own, outer)
	case *plan.NestLoop:
		for i := range n.Params {
			n.Params[i].Value = f.upper(n.Params[i].Value, outer, nil, nil)
		}
		f.join(&n.Join, own, outer, inner)
	case *plan.HashJoin:
		n.OuterKeys = f.upperList(n.OuterKeys, outer, nil)
		n.InnerKeys = f.innerList(n.InnerKeys, inner)
		n.HashQuals = f.upperList(n.HashQuals, outer, inner)
		f.join(&n.Join, own, outer, inner)
	case *plan.MergeJoin:
		n.OuterKeys = f.upperList(n.OuterKeys, outer, nil)
		n.InnerKeys = f.innerList(n.InnerKeys, inner)
		n.MergeQuals = f.upperList(n.MergeQuals, outer, inner)
		f.join(&n.Join, own, outer, inner)
	case *plan.Result:
		f.result(n, own, outer)
	default:
		c.Target = f.upperTarget(own, outer, inner)
		c.Quals = f.upperList(c.Quals, outer, inner)
	}
}

func targetOf(n plan.Node) []tree.TargetEntry {
	if n == nil {
		return nil
	}
	return n.Common().Target
}

// positional target lists hand columns on by number.
func positional(target []tree.TargetEntry) []tree.TargetEntry {
	out := append([]tree.TargetEntry(nil), target...)
	for i := range out {
		out[i].Expr = &tree.Var{VarNo: plan.OuterVar, AttNo: i + 1, T: out[i].Expr.Type(), Coll: out[i].Expr.Collation(), Loc: -1}
	}
	return out
}

func (f *fixer) scan(s *plan.Scan, own []tree.TargetEntry) {
	seen := map[int]bool{}
	note := func(e tree.Expr) {
		for _, v := range varsOf(e) {
			if v.VarNo == s.RTIndex && v.AttNo != 0 && !seen[v.AttNo] {
				seen[v.AttNo] = true
				s.Cols = append(s.Cols, v.AttNo)
			}
		}
	}
	target := append([]tree.TargetEntry(nil), own...)
	for i := range target {
		target[i].Expr = f.expandRow(target[i].Expr, s.RTIndex, s.Rel)
		note(target[i].Expr)
		target[i].Expr = f.scanExpr(target[i].Expr, s.RTIndex)
	}
	quals := make([]tree.Expr, len(s.Quals))
	for i, q := range s.Quals {
		quals[i] = f.expandRow(q, s.RTIndex, s.Rel)
		note(quals[i])
		quals[i] = f.scanExpr(quals[i], s.RTIndex)
	}
	if len(quals) == 0 {
		quals = nil
	}
	s.Target, s.Quals = target, quals
}

// expandRow spells a whole-row reference to a table out.
func (f *fixer) expandRow(e tree.Expr, rti int, rel types.OID) tree.Expr {
	return mutate(e, func(x tree.Expr) tree.Expr {
		v, ok := x.(*tree.Var)
		if !ok || v.VarNo != rti || v.AttNo != 0 || v.LevelsUp != 0 {
			return nil
		}
		relation := f.g.env.Catalog.Relation(rel)
		if relation == nil {
			return v
		}
		row := &tree.RowExpr{T: v.T, Form: tree.CoerceImplicitCast, Loc: -1}
		for i, col := range relation.Columns {
			if !col.Dropped {
				row.Args = append(row.Args, &tree.Var{VarNo: rti, AttNo: i + 1, T: col.T, Coll: col.Collation, Loc: -1})
				row.Names = append(row.Names, col.Name)
			}
		}
		return row
	})
}

func (f *fixer) scanExpr(e tree.Expr, rti int) tree.Expr {
	return mutate(e, func(x tree.Expr) tree.Expr {
		v, ok := x.(*tree.Var)
		if !ok || v.VarNo < 0 {
			return nil
		}
		if v.VarNo != rti {
			f.fail(v)
			return v
		}
		c := *v
		c.VarNo = plan.ScanVar
		return &c
	})
}

func (f *fixer) scanList(list []tree.Expr, rti int) []tree.Expr {
	if len(list) == 0 {
		return nil
	}
	out := make([]tree.Expr, len(list))
	for i, e := range list {
		out[i] = f.scanExpr(e, rti)
	}
	return out
}

func (f *fixer) bitmapQuals(n plan.Node, rti int) {
	if n == nil {
		return
	}
	if b, ok := n.(*plan.BitmapIndexScan); ok {
		b.IndexQuals = f.scanList(b.IndexQuals, rti)
	}
	for _, in := range inputsOf(n) {
		f.bitmapQuals(in, rti)
	}
}

// rangeScan fixes scans of things whose columns are numbered from 1: subqueries, functions, VALUES, WITH queries.
func (f *fixer) rangeScan(c *plan.Base, own []tree.TargetEntry, rti int) {
	target := append([]tree.TargetEntry(nil), own...)
	for i := range target {
		target[i].Expr = f.scanExpr(target[i].Expr, rti)
	}
	c.Target, c.Quals = target, f.scanList(c.Quals, rti)
}

func (f *fixer) join(j *plan.Join, own, outer, inner []tree.TargetEntry) {
	j.JoinQuals = f.upperList(j.JoinQuals, outer, inner)
	j.Quals = f.upperList(j.Quals, outer, inner)
	j.Target = f.upperTarget(own, outer, inner)
}

func (f *fixer) result(n *plan.Result, own, outer []tree.TargetEntry) {
	n.OneTime = f.upperList(n.OneTime, outer, nil)
	n.Quals = f.upperList(n.Quals, outer, nil)
	if n.ScanOf != nil { // an empty relation: nothing will be read
		target := append([]tree.TargetEntry(nil), own...)
		for i, te := range target {
			target[i].Expr = &tree.Const{T: te.Expr.Type(), Coll: te.Expr.Collation(), Value: types.NullDatum, Loc: -1}
		}
		n.Target, n.ScanOf = target, nil
		return
	}
	n.Target = f.upperTarget(own, outer, nil)
}

func (f *fixer) upperTarget(own, outer, inner []tree.TargetEntry) []tree.TargetEntry {
	out := append([]tree.TargetEntry(nil), own...)
	for i := range out {
		out[i].Expr = f.upper(out[i].Expr, outer, inner, nil)
	}
	return out
}

func (f *fixer) upperList(list []tree.Expr, outer, inner []tree.TargetEntry) []tree.Expr {
	if len(list) == 0 {
		return nil
	}
	out := make([]tree.Expr, len(list))
	for i, e := range list {
		out[i] = f.upper(e, outer, inner, nil)
	}
	return out
}

func (f *fixer) innerList(list []tree.Expr, inner []tree.TargetEntry) []tree.Expr {
	out := make([]tree.Expr, len(list))
	for i, e := range list {
		out[i] = f.upper(e, nil, inner, nil)
	}
	return out
}

// upper matches e and its parts, largest first, with the input's columns. special is asked before descending into a node.
func (f *fixer) upper(e tree.Expr, outer, inner []tree.TargetEntry, special func(tree.Expr) tree.Expr) tree.Expr {
	return mutate(e, func(x tree.Expr) tree.Expr {
		switch x := x.(type) {
		case *tree.Const, *tree.Param, *tree.CaseTestExpr:
			return x
		case *tree.Var:
			if x.VarNo < 0 {
				return x
			}
		}
		if special != nil {
			if y := special(x); y != nil {
				return y
			}
		}
		if i := findColumn(outer, x); i > 0 {
			return columnVar(plan.OuterVar, i, x)
		}
		if i := findColumn(inner, x); i > 0 {
			return columnVar(plan.InnerVar, i, x)
		}
		if v, ok := x.(*tree.Var); ok {
			f.fail(v)
			return v
		}
		return nil
	})
}

func columnVar(side, col int, e tree.Expr) *tree.Var {
	return &tree.Var{VarNo: side, AttNo: col, T: e.Type(), Coll: e.Collation(), Loc: -1}
}

func (f *fixer) fail(v *tree.Var) {
	if f.err == nil {
		f.err = pgerr.Internal("variable (%d, %d) not found in its input's target list", v.VarNo, v.AttNo)
	}
}

// agg: aggregates become AggVars, their arguments are over the input.
func (f *fixer) agg(n *plan.Agg, own, outer []tree.TargetEntry) {
	original := n.Aggs
	special := func(x tree.Expr) tree.Expr {
		a, ok := x.(*tree.Aggref)
		if !ok {
			g, isG := x.(*tree.GroupingFunc)
			if isG {
				return f.groupingRefs(g, n)
			}
			return nil
		}
		for i, o := range original {
			if tree.Equal(o, a) {
				return columnVar(plan.AggVar, i+1, a)
			}
		}
		return nil
	}
	fixed := make([]*tree.Aggref, len(original))
	for i, a := range original {
		c := *a
		c.Args = append([]tree.TargetEntry(nil), a.Args...)
		for k := range c.Args {
			c.Args[k].Expr = f.upper(c.Args[k].Expr, outer, nil, nil)
		}
		c.Direct = f.upperList(a.Direct, outer, nil)
		if a.Filter != nil {
			c.Filter = f.upper(a.Filter, outer, nil, nil)
		}
		fixed[i] = &c
	}
	target := append([]tree.TargetEntry(nil), own...)
	for i := range target {
		target[i].Expr = f.upper(target[i].Expr, outer, nil, special)
	}
	quals := make([]tree.Expr, len(n.Quals))
	for i, q := range n.Quals {
		quals[i] = f.upper(q, outer, nil, special)
	}
	if len(quals) == 0 {
		quals = nil
	}
	n.Target, n.Quals, n.Aggs = target, quals, fixed
}

// groupingRefs: GROUPING(...) refers to positions in GroupCols.
func (f *fixer) groupingRefs(g *tree.GroupingFunc, n *plan.Agg) tree.Expr {
	c := *g
	c.Args = nil
	c.Refs = make([]int, len(g.Refs))
	for i, ref := range g.Refs {
		for k, gr := range n.GroupRefs {
			if gr == ref {
				c.Refs[i] = k
			}
		}
	}
	return &c
}

func (f *fixer) window(n *plan.WindowAgg, own, outer []tree.TargetEntry) {
	original := n.Calls
	special := func(x tree.Expr) tree.Expr {
		w, ok := x.(*tree.WindowFunc)
		if !ok {
			return nil
		}
		for i, o := range original {
			if tree.Equal(o, w) {
				return columnVar(plan.WinVar, i+1, w)
			}
		}
		return nil
	}
	fixed := make([]*tree.WindowFunc, len(original))
	for i, w := range original {
		c := *w
		c.Args = f.upperList(w.Args, outer, nil)
		if w.Filter != nil {
			c.Filter = f.upper(w.Filter, outer, nil, nil)
		}
		fixed[i] = &c
	}
	target := append([]tree.TargetEntry(nil), own...)
	for i := range target {
		target[i].Expr = f.upper(target[i].Expr, outer, nil, special)
	}
	clause := *n.Clause
	n.Clause = &clause
	n.Target, n.Calls = target, fixed
}

// modify: expressions of ModifyTable see the new row, the old row and the other columns of the input.
func (f *fixer) modify(n *plan.ModifyTable, outer []tree.TargetEntry) {
	row := func(rowVar, excl, exclVar int) func(e tree.Expr) tree.Expr {
		return func(e tree.Expr) tree.Expr {
			if e == nil {
				return nil
			}
			e = f.expandRow(e, n.RTIndex, n.Rel)
			if excl > 0 {
				e = f.expandRow(e, excl, n.Rel)
			}
			return mutate(e, func(x tree.Expr) tree.Expr {
				v, ok := x.(*tree.Var)
				if !ok || v.VarNo < 0 {
					return nil
				}
				c := *v
				switch {
				case v.VarNo == n.RTIndex:
					c.VarNo = rowVar
				case excl > 0 && v.VarNo == excl:
					c.VarNo = exclVar
				default:
					i := findColumn(outer, v)
					if i == 0 {
						f.fail(v)
						return v
					}
					c.VarNo, c.AttNo = plan.OuterVar, i
				}
				return &c
			})
		}
	}
	fixNew, fixOld := row(plan.NewVar, 0, 0), row(plan.OldVar, 0, 0)
	for i := range n.Returning {
		n.Returning[i].Expr = fixNew(n.Returning[i].Expr)
	}
	n.Target = n.Returning
	checks := append([]tree.WithCheck(nil), n.WithChecks...)
	for i := range checks {
		checks[i].Qual = fixNew(checks[i].Qual)
	}
	n.WithChecks = checks
	for i, e := range n.RecheckQuals {
		n.RecheckQuals[i] = fixOld(e)
	}
	for i, e := range n.SetExprs {
		n.SetExprs[i] = fixOld(e)
	}
	for i := range n.Merge {
		a := &n.Merge[i]
		a.Qual = fixOld(a.Qual)
		for k := range a.Set {
			a.Set[k] = fixOld(a.Set[k])
		}
	}
	if oc := n.OnConflict; oc != nil {
		fixConflict := row(plan.OldVar, oc.ExclRel, plan.NewVar)
		oc.Where = fixConflict(oc.Where)
		for i := range oc.Set {
			oc.Set[i] = fixConflict(oc.Set[i])
		}
	}
}
