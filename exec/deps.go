package exec

import (
	"slices"

	"kimberlite/exec/plan"
	"kimberlite/sql/tree"
)

// children calls f for the inputs of a node.
func children(n plan.Node, f func(plan.Node)) {
	c := n.Common()
	if c.Outer != nil {
		f(c.Outer)
	}
	if c.Inner != nil {
		f(c.Inner)
	}
	var more []plan.Node
	switch n := n.(type) {
	case *plan.Append:
		more = n.Inputs
	case *plan.MergeAppend:
		more = n.Inputs
	case *plan.BitmapAnd:
		more = n.Inputs
	case *plan.BitmapOr:
		more = n.Inputs
	}
	for _, m := range more {
		f(m)
	}
}

// nodeExprs calls f for every expression that a node evaluates.
func nodeExprs(n plan.Node, f func(tree.Expr)) {
	list := func(es []tree.Expr) {
		for _, e := range es {
			if e != nil {
				f(e)
			}
		}
	}
	one := func(e tree.Expr) {
		if e != nil {
			f(e)
		}
	}
	targets := func(ts []tree.TargetEntry) {
		for i := range ts {
			one(ts[i].Expr)
		}
	}
	conds := func(cs []plan.IndexCond) {
		for i := range cs {
			one(cs[i].Value)
		}
	}
	c := n.Common()
	targets(c.Target)
	list(c.Quals)
	switch n := n.(type) {
	case *plan.Result:
		list(n.OneTime)
	case *plan.SeqScan:
		one(n.AsOf)
	case *plan.VirtualScan:
		for i := range n.Eq {
			one(n.Eq[i].Value)
		}
	case *plan.IndexScan:
		one(n.AsOf)
		conds(n.Conds)
	case *plan.BitmapHeapScan:
		list(n.Recheck)
	case *plan.BitmapIndexScan:
		conds(n.Conds)
	case *plan.TidScan:
		list(n.Tids)
	case *plan.FunctionScan:
		for i := range n.Funcs {
			one(n.Funcs[i].Expr)
		}
	case *plan.ValuesScan:
		for _, row := range n.Rows_ {
			list(row)
		}
	case *plan.NestLoop:
		list(n.JoinQuals)
		for i := range n.Params {
			one(n.Params[i].Value)
		}
	case *plan.HashJoin:
		list(n.JoinQuals)
		list(n.OuterKeys)
		list(n.InnerKeys)
	case *plan.MergeJoin:
		list(n.JoinQuals)
		list(n.OuterKeys)
		list(n.InnerKeys)
	case *plan.Memoize:
		list(n.Keys)
	case *plan.Agg:
		for _, a := range n.Aggs {
			one(a)
		}
	case *plan.WindowAgg:
		one(n.Clause.StartOffset)
		one(n.Clause.EndOffset)
		for _, w := range n.Calls {
			one(w)
		}
	case *plan.Limit:
		one(n.Count)
		one(n.Offset)
	case *plan.ModifyTable:
		targets(n.Returning)
		for i := range n.WithChecks {
			one(n.WithChecks[i].Qual)
		}
		list(n.RecheckQuals)
		list(n.SetExprs)
		if n.OnConflict != nil {
			list(n.OnConflict.Set)
			one(n.OnConflict.Where)
		}
		for i := range n.Merge {
			one(n.Merge[i].Qual)
			list(n.Merge[i].Set)
		}
	}
}

// dependencies returns the ParamExec slots that the subtree reads and does not set itself. Its result stays the same as long as these do.
// Slots beyond the plan's own stand for the work tables of recursive queries.
func (b *builder) dependencies(n plan.Node) []int {
	d := depends{b: b, used: map[int]bool{}, set: map[int]bool{}, seen: map[int]bool{}}
	d.node(n)
	var out []int
	for s := range d.used {
		if !d.set[s] {
			out = append(out, s)
		}
	}
	slices.Sort(out)
	return out
}

type depends struct {
	b         *builder
	used, set map[int]bool
	seen      map[int]bool // subplans
}

func (d *depends) node(n plan.Node) {
	switch n := n.(type) {
	case *plan.NestLoop:
		for _, p := range n.Params {
			d.set[p.Slot] = true
		}
	case *plan.CTEScan:
		d.subplan(n.SubPlan)
	case *plan.WorkTableScan:
		d.used[d.b.st.plan.Params+n.Union] = true
	case *plan.RecursiveUnion:
		d.set[d.b.st.plan.Params+n.Number] = true
	}
	nodeExprs(n, d.expr)
	children(n, d.node)
}

func (d *depends) expr(e tree.Expr) {
	tree.Walk(e, func(x tree.Expr) bool {
		switch x := x.(type) {
		case *tree.Param:
			if x.Kind == tree.ParamExec {
				d.slot(x.ID)
			}
		case *tree.SubPlan:
			for _, s := range x.SetParams {
				d.set[s] = true
			}
			for _, s := range x.OutParams {
				d.set[s] = true
			}
			d.subplan(x.Plan)
		}
		return true
	})
}

// slot notes a slot; that of an initplan stands for what the initplan depends on.
func (d *depends) slot(id int) {
	if id < len(d.b.st.exec) {
		if init := d.b.initOf(id); init >= 0 {
			d.subplan(init)
			return
		}
	}
	d.used[id] = true
}

func (d *depends) subplan(i int) {
	if d.seen[i] {
		return
	}
	d.seen[i] = true
	d.node(d.b.st.plan.SubPlans[i].Root)
}

// initOf returns the number of the initplan that fills a slot, -1 for none.
func (b *builder) initOf(slot int) int {
	for i := range b.st.plan.SubPlans {
		s := &b.st.plan.SubPlans[i]
		if s.Init && slices.Contains(s.OutParams, slot) {
			return i
		}
	}
	return -1
}

// unions counts the recursive unions of a plan.
func unions(p *plan.Plan) int {
	n := 0
	var visit func(plan.Node)
	visit = func(x plan.Node) {
		switch x := x.(type) {
		case *plan.RecursiveUnion:
			n = max(n, x.Number+1)
		case *plan.WorkTableScan:
			n = max(n, x.Union+1)
		}
		children(x, visit)
	}
	if p.Root != nil {
		visit(p.Root)
	}
	for i := range p.SubPlans {
		if p.SubPlans[i].Root != nil {
			visit(p.SubPlans[i].Root)
		}
	}
	return n
}
