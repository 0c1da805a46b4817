package planner

import "kimberlite/sql/tree"

// pushDownQuals moves conditions on a subquery's output into the subquery, where they can use its indexes and shrink its groups. It returns the
// subquery to plan. Conditions are only known once the join tree has been distributed, so this looks at the level's WHERE directly.
func (r *root) pushDownQuals(b *rel, q *tree.Query) *tree.Query {
	if !r.mayReceive(q) || b.rte.IsBarrier || len(r.q.From.List) == 0 {
		return q
	}
	if r.nullableRTI(b.rti) {
		return q
	}
	var pushed []tree.Expr
	for _, c := range r.topQuals() {
		vars := varsOf(c)
		if len(vars) == 0 || r.containsVolatile(c) || containsSubPlan(c) {
			continue
		}
		ok := true
		for _, v := range vars {
			ok = ok && v.VarNo == b.rti && v.AttNo > 0
		}
		if ok && r.safeColumns(q, vars) {
			pushed = append(pushed, c)
		}
	}
	if len(pushed) == 0 {
		return q
	}
	sub, all := r.addQuals(q, b.rti, pushed)
	if all {
		b.pushed = pushed
	}
	return sub
}

// dropPushed leaves out the conditions that the subquery applies itself.
func dropPushed(b *rel) {
	for _, c := range append([]*clause(nil), b.quals...) {
		if indexOf(b.pushed, c.expr) >= 0 {
			b.quals = without(b.quals, c)
		}
	}
}

// topQuals are the WHERE conditions of the level and of its inner joins.
func (r *root) topQuals() []tree.Expr {
	var out []tree.Expr
	var visit func(n tree.JoinNode)
	visit = func(n tree.JoinNode) {
		switch n := n.(type) {
		case *tree.FromExpr:
			out = append(out, andList(n.Quals)...)
			for _, c := range n.List {
				visit(c)
			}
		case *tree.JoinExpr:
			if n.Kind == tree.JoinInner {
				out = append(out, andList(n.Quals)...)
				visit(n.Left)
				visit(n.Right)
			} else if n.Kind == tree.JoinLeft || n.Kind == tree.JoinSemi || n.Kind == tree.JoinAnti {
				visit(n.Left)
			}
		}
	}
	visit(r.q.From)
	return out
}

// nullableRTI: an outer join may null-extend the entry, so that conditions above must not move below.
func (r *root) nullableRTI(rti int) bool {
	nullable := false
	var visit func(n tree.JoinNode, under bool)
	visit = func(n tree.JoinNode, under bool) {
		switch n := n.(type) {
		case *tree.RangeRef:
			if n.Index == rti && under {
				nullable = true
			}
		case *tree.FromExpr:
			for _, c := range n.List {
				visit(c, under)
			}
		case *tree.JoinExpr:
			visit(n.Left, under || n.Kind == tree.JoinFull || n.Kind == tree.JoinRight)
			visit(n.Right, under || n.Kind == tree.JoinLeft || n.Kind == tree.JoinFull || n.Kind == tree.JoinAnti)
		}
	}
	visit(r.q.From, false)
	return nullable
}

// mayReceive: conditions can't pass LIMIT, FOR UPDATE or a data-modifying statement.
func (r *root) mayReceive(q *tree.Query) bool {
	return q.Cmd == tree.CmdSelect && q.LimitCount == nil && q.LimitOffset == nil && len(q.RowMarks) == 0 && !q.HasTargetSRF && len(q.GroupingSets) == 0 && !queryRefersAbove(q)
}

// safeColumns: the columns used must pass what the subquery does: grouping, DISTINCT ON and windows only let their own keys through.
func (r *root) safeColumns(q *tree.Query, vars []*tree.Var) bool {
	if q.SetOp != nil {
		return safeSetOp(q, q.SetOp) && sameLeafTypes(q, q.SetOp, vars)
	}
	for _, v := range vars {
		te := visibleEntry(q, v.AttNo)
		if te == nil || r.containsVolatile(te.Expr) || hasSubLink(te.Expr) || containsSRF(te.Expr) || containsWindow(te.Expr) {
			return false
		}
		if q.HasDistinctOn && !inClauses(q.Distinct, te.SortRef) {
			return false
		}
		if q.HasWindow {
			for _, w := range q.Windows {
				if !inClauses(w.Partition, te.SortRef) {
					return false
				}
			}
		}
	}
	return true
}

// safeSetOp: UNION and INTERSECT pass conditions to both sides; EXCEPT does too. All leaves must be plain enough.
func safeSetOp(q *tree.Query, n tree.SetOpNode) bool {
	switch n := n.(type) {
	case *tree.RangeRef:
		sub := q.RTable[n.Index-1].Subquery
		return sub != nil && sub.SetOp == nil && !sub.HasAggs && len(sub.GroupBy) == 0 && !sub.HasWindow && len(sub.Distinct) == 0 && !sub.HasTargetSRF &&
			sub.LimitCount == nil && sub.LimitOffset == nil && len(sub.GroupingSets) == 0 && sub.Cmd == tree.CmdSelect && sub.From != nil && len(sub.From.List) > 0
	case *tree.SetOperation:
		return safeSetOp(q, n.Left) && safeSetOp(q, n.Right)
	}
	return false
}

// sameLeafTypes: the columns used have in all inputs the type that the operation gives them; elsewhere they would have to be converted first.
func sameLeafTypes(q *tree.Query, n tree.SetOpNode, vars []*tree.Var) bool {
	switch n := n.(type) {
	case *tree.RangeRef:
		sub := q.RTable[n.Index-1].Subquery
		for _, v := range vars {
			if te := visibleEntry(sub, v.AttNo); te == nil || te.Expr.Type().OID != v.T.OID {
				return false
			}
		}
		return true
	case *tree.SetOperation:
		return sameLeafTypes(q, n.Left, vars) && sameLeafTypes(q, n.Right, vars)
	}
	return false
}

func visibleEntry(q *tree.Query, att int) *tree.TargetEntry {
	n := 0
	for i := range q.Target {
		if q.Target[i].Junk {
			continue
		}
		n++
		if n == att {
			return &q.Target[i]
		}
	}
	return nil
}

func inClauses(list []tree.SortClause, ref int) bool {
	for _, c := range list {
		if c.SortRef == ref && ref != 0 {
			return true
		}
	}
	return false
}

// addQuals returns the subquery with the conditions added to WHERE, or to HAVING where they are on aggregates. all is false if some input of a set operation
// does not take them.
func (r *root) addQuals(q *tree.Query, rti int, quals []tree.Expr) (sub *tree.Query, all bool) {
	c := copyLevel(q)
	if q.SetOp != nil {
		return c, r.addToLeaves(c, c.SetOp, rti, quals)
	}
	for _, e := range quals {
		moved := mutate(e, func(x tree.Expr) tree.Expr {
			v, ok := x.(*tree.Var)
			if !ok {
				return nil
			}
			return visibleEntry(q, v.AttNo).Expr
		})
		if containsAgg(moved) {
			c.Having = makeAnd(append(andList(c.Having), moved))
		} else {
			c.From.Quals = makeAnd(append(andList(c.From.Quals), moved))
		}
	}
	return c, true
}

func (r *root) addToLeaves(q *tree.Query, n tree.SetOpNode, rti int, quals []tree.Expr) bool {
	switch n := n.(type) {
	case *tree.RangeRef:
		rte := *q.RTable[n.Index-1]
		sub := rte.Subquery
		for i := range sub.Target {
			if hasSubLink(sub.Target[i].Expr) || r.containsVolatile(sub.Target[i].Expr) {
				return false
			}
		}
		var all bool
		rte.Subquery, all = r.addQuals(sub, rti, quals)
		q.RTable[n.Index-1] = &rte
		return all
	case *tree.SetOperation:
		left := r.addToLeaves(q, n.Left, rti, quals)
		return r.addToLeaves(q, n.Right, rti, quals) && left
	}
	return false
}
