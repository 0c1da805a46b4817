package planner

import (
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
)

// prepare rewrites this level's query so that it is ready for path search: WITH queries planned or inlined, IN and EXISTS turned into
// joins, simple subqueries merged, outer joins reduced, and all expressions free of join aliases, sublinks and outer references.
func (r *root) prepare() error {
	if err := r.prepareCTEs(); err != nil {
		return err
	}
	r.mergeToJoin()
	if len(r.q.From.List) > 0 && r.q.HasSubLinks {
		r.pullUpSublinks()
	}
	r.inlineSets()
	r.pullUpSubqueries()
	if err := r.prepareExpressions(); err != nil {
		return err
	}
	r.moveHaving()
	r.reduceOuterJoins()
	return nil
}

// prepareExpressions brings every expression of the level into its final form.
func (r *root) prepareExpressions() error {
	q := r.q
	var failed error
	fix := func(e tree.Expr) tree.Expr {
		if e == nil || failed != nil {
			return e
		}
		out, err := r.prepareExpr(e)
		if err != nil {
			failed = err
			return e
		}
		return out
	}
	qual := func(e tree.Expr) tree.Expr {
		if e == nil {
			return nil
		}
		return canonicalizeQual(fix(e))
	}
	// Range table first: lateral references in it go to siblings, not up.
	for _, rte := range q.RTable {
		switch rte.Kind {
		case tree.RTEFunction:
			funcs := append([]tree.RangeFunc(nil), rte.Funcs...)
			for i := range funcs {
				funcs[i].Expr = fix(funcs[i].Expr)
			}
			rte.Funcs = funcs
		case tree.RTEValues:
			rows := make([][]tree.Expr, len(rte.Values))
			for i, row := range rte.Values {
				rows[i] = make([]tree.Expr, len(row))
				for j, e := range row {
					rows[i][j] = fix(e)
				}
			}
			rte.Values = rows
		}
		if rte.AsOf != nil {
			rte.AsOf = fix(rte.AsOf)
		}
	}
	for i := range q.Target {
		q.Target[i].Expr = fix(q.Target[i].Expr)
	}
	for i := range q.Returning {
		q.Returning[i].Expr = fix(q.Returning[i].Expr)
	}
	q.Having = qual(q.Having)
	q.LimitCount, q.LimitOffset = fix(q.LimitCount), fix(q.LimitOffset)
	if len(q.Windows) > 0 {
		ws := make([]*tree.WindowClause, len(q.Windows))
		for i, w := range q.Windows {
			c := *w
			c.StartOffset, c.EndOffset = fix(c.StartOffset), fix(c.EndOffset)
			ws[i] = &c
		}
		q.Windows = ws
	}
	if q.OnConflict != nil {
		c := *q.OnConflict
		c.Set = append([]tree.TargetEntry(nil), c.Set...)
		for i := range c.Set {
			c.Set[i].Expr = fix(c.Set[i].Expr)
		}
		c.Where = fix(c.Where)
		q.OnConflict = &c
	}
	if len(q.MergeActions) > 0 {
		acts := make([]*tree.MergeAction, len(q.MergeActions))
		for i, a := range q.MergeActions {
			c := *a
			c.Qual = fix(c.Qual)
			c.Target = append([]tree.TargetEntry(nil), a.Target...)
			for j := range c.Target {
				c.Target[j].Expr = fix(c.Target[j].Expr)
			}
			acts[i] = &c
		}
		q.MergeActions = acts
	}
	if len(q.WithChecks) > 0 {
		checks := append([]tree.WithCheck(nil), q.WithChecks...)
		for i := range checks {
			checks[i].Qual = fix(checks[i].Qual)
		}
		q.WithChecks = checks
	}
	var walk func(n tree.JoinNode)
	walk = func(n tree.JoinNode) {
		switch n := n.(type) {
		case *tree.FromExpr:
			n.Quals = qual(n.Quals)
			for _, c := range n.List {
				walk(c)
			}
		case *tree.JoinExpr:
			n.Quals = qual(n.Quals)
			walk(n.Left)
			walk(n.Right)
		}
	}
	walk(q.From)
	return failed
}

// prepareExpr: join aliases resolved, sublinks planned, outer references made parameters, constants folded.
func (r *root) prepareExpr(e tree.Expr) (tree.Expr, error) {
	e = r.flattenJoinVars(e)
	var failed error
	e = mutate(e, func(x tree.Expr) tree.Expr {
		if p, ok := x.(*tree.MultiExprParam); ok {
			out, err := r.multiExprParam(p)
			if err != nil {
				failed = err
				return x
			}
			return out
		}
		return nil
	})
	if failed != nil {
		return nil, failed
	}
	e = r.fold(e)
	e, err := r.planSublinks(e)
	if err != nil {
		return nil, err
	}
	return r.replaceOuter(e), nil
}

// flattenJoinVars replaces references to a join's output columns by what they stand for.
func (r *root) flattenJoinVars(e tree.Expr) tree.Expr {
	return r.flattenJoinVarsAt(e, 0)
}

func (r *root) flattenJoinVarsAt(e tree.Expr, level int) tree.Expr {
	if !r.hasJoinRTE() {
		return e
	}
	return mutateLevels(e, level, func(x tree.Expr, depth int) tree.Expr {
		v, ok := x.(*tree.Var)
		if !ok || v.LevelsUp != depth || v.VarNo < 1 || v.VarNo > len(r.q.RTable) {
			return nil
		}
		rte := r.q.RTable[v.VarNo-1]
		if rte.Kind != tree.RTEJoin {
			return v
		}
		if v.AttNo == 0 {
			row := &tree.RowExpr{T: v.T, Loc: -1, Form: tree.CoerceImplicitCast}
			for i, a := range rte.JoinAlias {
				if a == nil {
					continue
				}
				row.Args = append(row.Args, r.flattenJoinVarsAt(shiftLevels(a, depth), depth))
				if i < len(rte.Eref.Cols) {
					row.Names = append(row.Names, rte.Eref.Cols[i])
				}
			}
			return row
		}
		if v.AttNo > len(rte.JoinAlias) || rte.JoinAlias[v.AttNo-1] == nil {
			return v
		}
		return r.flattenJoinVarsAt(shiftLevels(rte.JoinAlias[v.AttNo-1], depth), depth)
	})
}

func (r *root) hasJoinRTE() bool {
	for _, rte := range r.q.RTable {
		if rte.Kind == tree.RTEJoin {
			return true
		}
	}
	return false
}

// moveHaving moves HAVING conditions without aggregates into WHERE, where they filter earlier.
func (r *root) moveHaving() {
	q := r.q
	if q.Having == nil || len(q.GroupingSets) > 0 {
		return
	}
	var keep []tree.Expr
	for _, c := range andList(q.Having) {
		if containsAgg(c) || r.containsVolatile(c) || containsSubPlan(c) || len(q.GroupBy) == 0 {
			keep = append(keep, c)
			continue
		}
		q.From.Quals = makeAnd(append(andList(q.From.Quals), c))
	}
	q.HasAggs = q.HasAggs || len(q.GroupBy) == 0 // a HAVING without GROUP BY still makes one group
	q.Having = makeAnd(keep)
}

// errUnsupported is the uniform refusal of a construct.
func errUnsupported(what, hint string) error { return pgerr.Unsupported(what, hint) }
