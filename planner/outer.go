package planner

import (
	"kimberlite/exec/plan"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// outerRef is a value that a level takes from its parent: Expr is written for the parent's level.
type outerRef struct {
	slot int
	expr tree.Expr
}

// replaceOuter turns references to levels above into ParamExec slots. It expects the sublinks of e to be planned already.
func (r *root) replaceOuter(e tree.Expr) tree.Expr {
	return mutate(e, func(x tree.Expr) tree.Expr {
		switch x := x.(type) {
		case *tree.Var:
			if x.LevelsUp > 0 {
				return r.outerParam(x, x.LevelsUp)
			}
			return x
		case *tree.Aggref:
			if x.LevelsUp > 0 {
				return r.outerParam(x, x.LevelsUp)
			}
		case *tree.GroupingFunc:
			if x.LevelsUp > 0 {
				return r.outerParam(x, x.LevelsUp)
			}
		}
		return nil
	})
}

// outerParam returns the parameter for expression e of the level that is `levels` above r.
func (r *root) outerParam(e tree.Expr, levels int) tree.Expr {
	child := r
	child.deep = true
	for i := 1; i < levels && child.parent != nil; i++ {
		child = child.parent
		child.deep = true
	}
	local := shiftLevels(e, -levels)
	if child.parent != nil {
		local = child.parent.flattenJoinVars(local)
	}
	for _, o := range child.outer {
		if tree.Equal(o.expr, local) {
			return paramFor(o.slot, e)
		}
	}
	slot := r.g.newParam()
	child.outer = append(child.outer, outerRef{slot: slot, expr: local})
	return paramFor(slot, e)
}

func paramFor(slot int, e tree.Expr) *tree.Param {
	return &tree.Param{Kind: tree.ParamExec, ID: slot, T: e.Type(), Coll: e.Collation(), Loc: -1}
}

// planSublinks replaces the subqueries in e by subplans and initplans of this level.
func (r *root) planSublinks(e tree.Expr) (tree.Expr, error) {
	var failed error
	out := mutate(e, func(x tree.Expr) tree.Expr {
		if failed != nil {
			return x
		}
		link, ok := x.(*tree.SubLink)
		if !ok {
			return nil
		}
		res, err := r.planSublink(link)
		if err != nil {
			failed = err
			return x
		}
		return res
	})
	return out, failed
}

func (r *root) planSublink(link *tree.SubLink) (tree.Expr, error) {
	query := link.Query
	fraction := 0.0
	switch link.Kind {
	case tree.ExistsSubLink:
		query, fraction = simplifyExists(query), 1
	case tree.ExprSubLink, tree.RowCompareSubLink, tree.MultiExprSubLink:
		fraction = 0
	case tree.AnySubLink, tree.AllSubLink:
		fraction = 0.5
	}
	node, child, err := r.g.planQuery(r, query, fraction, r.workTables)
	if err != nil {
		return nil, err
	}
	sp := &tree.SubPlan{Kind: link.Kind, T: link.T, Coll: link.Coll}
	for _, o := range child.outer {
		arg, err := r.planSublinks(o.expr)
		if err != nil {
			return nil, err
		}
		sp.SetParams = append(sp.SetParams, o.slot)
		sp.Args = append(sp.Args, arg)
	}
	visible := visibleColumns(query.Target)
	if query.Cmd != tree.CmdSelect {
		visible = visibleColumns(query.Returning)
	}
	init := !child.deep && (link.Kind == tree.ExistsSubLink || link.Kind == tree.ExprSubLink || link.Kind == tree.ArraySubLink)
	slots := make([]int, 0, visible)
	var test tree.Expr
	switch link.Kind {
	case tree.AnySubLink, tree.AllSubLink, tree.RowCompareSubLink:
		for i := 0; i < visible; i++ {
			slots = append(slots, r.g.newParam())
		}
		// The test's own parameters get their slots before its subqueries become parameters with slots of their own.
		if test, err = r.planSublinks(bindSublinkParams(link.Test, slots)); err != nil {
			return nil, err
		}
	default:
		if init {
			slots = append(slots, r.g.newParam())
		}
	}
	index := len(r.g.subplans)
	entry := plan.SubPlan{Root: node, Init: init, OutParams: slots, Kind: link.Kind}
	entry.Name = subplanName(index, init, slots)
	r.g.subplans = append(r.g.subplans, entry)
	if init {
		r.initPlans = append(r.initPlans, index)
		return &tree.Param{Kind: tree.ParamExec, ID: slots[0], T: link.T, Coll: link.Coll, Loc: link.Loc}, nil
	}
	sp.Plan, sp.Test, sp.OutParams = index, test, slots
	sp.UseHash = link.Kind == tree.AnySubLink && !child.deep && len(sp.SetParams) == 0 && r.hashableTest(test)
	if !sp.UseHash && link.Kind != tree.ExistsSubLink && !child.deep && len(sp.SetParams) == 0 {
		entry.Root = r.materialize(node)
		r.g.subplans[index] = entry
	}
	return sp, nil
}

// planMultiAssign plans UPDATE ... SET (a, b) = (SELECT ...): each column becomes a FieldSelect of the subplan's row.
func (r *root) multiExprParam(p *tree.MultiExprParam) (tree.Expr, error) {
	if p.ID < 1 || p.ID > len(r.q.MultiAssign) {
		return nil, pgerr.Internal("MultiExprParam %d without its subquery", p.ID)
	}
	link := r.q.MultiAssign[p.ID-1]
	one := *link
	one.Kind, one.T, one.Coll = tree.ExprSubLink, p.T, p.Coll
	sub := *link.Query
	sub.Target = nil
	n := 0
	for _, te := range link.Query.Target {
		if !te.Junk {
			if n != p.Col {
				te.Junk = true
				n++
				if te.SortRef == 0 {
					continue
				}
			} else {
				n++
				sub.Target = append([]tree.TargetEntry{te}, sub.Target...)
				continue
			}
		}
		sub.Target = append(sub.Target, te)
	}
	for i := range sub.Target {
		sub.Target[i].ResNo = i + 1
	}
	one.Query = &sub
	return r.planSublink(&one)
}

// bindSublinkParams numbers the sublink's column parameters (0..) with real slots. Sublinks inside the test keep theirs.
func bindSublinkParams(test tree.Expr, slots []int) tree.Expr {
	return mutate(test, func(x tree.Expr) tree.Expr {
		if p, ok := x.(*tree.Param); ok && p.Kind == tree.ParamExec && p.ID < len(slots) {
			c := *p
			c.ID = slots[p.ID]
			return &c
		}
		switch x.(type) {
		case *tree.SubPlan, *tree.SubLink:
			return x
		}
		return nil
	})
}

// hashableTest reports whether an ANY test is one or several hashable equalities with the parameters on the right.
func (r *root) hashableTest(test tree.Expr) bool {
	for _, c := range andList(test) {
		op, ok := c.(*tree.OpExpr)
		if !ok || len(op.Args) != 2 {
			return false
		}
		if _, ok := op.Args[1].(*tree.Param); !ok {
			return false
		}
		o := r.g.env.Catalog.Operator(op.Op)
		if o == nil || !o.CanHash {
			return false
		}
	}
	return test != nil
}

// simplifyExists drops what EXISTS doesn't look at.
func simplifyExists(q *tree.Query) *tree.Query {
	if q.Cmd != tree.CmdSelect || q.SetOp != nil || q.HasAggs || len(q.GroupingSets) > 0 || q.Having != nil || q.HasWindow || q.HasTargetSRF ||
		len(q.GroupBy) > 0 || len(q.RowMarks) > 0 || q.LimitOffset != nil {
		return q
	}
	if q.LimitCount != nil {
		c, ok := q.LimitCount.(*tree.Const)
		if !ok || (!c.Value.Null && c.Value.I <= 0) {
			return q
		}
	}
	c := *q
	c.Target = []tree.TargetEntry{{Expr: &tree.Const{T: types.Of(types.OIDInt4), Value: types.Int(1), Loc: -1}, ResNo: 1, Name: "?column?"}}
	c.Sort, c.Distinct, c.LimitCount = nil, nil, nil
	return &c
}

func visibleColumns(target []tree.TargetEntry) int {
	n := 0
	for _, te := range target {
		if !te.Junk {
			n++
		}
	}
	return n
}
