package analyze

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// setOperationStmt analyzes UNION, INTERSECT and EXCEPT (transformSetOperationStmt).
func (s *state) setOperationStmt(n *pg.SelectStmt) *tree.Query {
	q := &tree.Query{Cmd: tree.CmdSelect}
	leftmost := n.Larg
	for leftmost != nil && leftmost.Op > pg.SetOperation_SETOP_NONE {
		leftmost = leftmost.Larg
	}
	if leftmost != nil && leftmost.IntoClause != nil {
		failf(leftmost.IntoClause.GetRel().GetLocation(), pgerr.SyntaxError, "SELECT ... INTO is not allowed here")
	}
	if len(n.LockingClause) > 0 {
		fail(pgerr.Newf(pgerr.FeatureNotSupported, "%s is not allowed with UNION/INTERSECT/EXCEPT", lockName(n.LockingClause[0].GetLockingClause().Strength)))
	}
	s.withClause(q, n.WithClause)
	// The clauses after the last SELECT belong to the whole.
	bare := &pg.SelectStmt{Op: n.Op, All: n.All, Larg: n.Larg, Rarg: n.Rarg, LimitOption: n.LimitOption}
	root, _ := s.setOp(bare, true)
	so := root.(*tree.SetOperation)
	q.SetOp = so
	li := leftmostRef(so)
	lq := s.rtable[li-1].Subquery
	ns := &nsItem{rte: &tree.RTE{Kind: tree.RTEJoin}, relVisible: false, colsVisible: true, lateralOK: true}
	for i := range so.ColTypes {
		name, loc := "", int32(-1)
		for k, seen := 0, 0; k < len(lq.Target); k++ {
			if lq.Target[k].Junk {
				continue
			}
			if seen == i {
				name, loc = lq.Target[k].Name, exprLoc(lq.Target[k].Expr)
			}
			seen++
		}
		v := &tree.Var{VarNo: li, AttNo: i + 1, T: so.ColTypes[i], Coll: so.ColColls[i], Loc: loc}
		q.Target = append(q.Target, tree.TargetEntry{Expr: v, ResNo: s.nextResNo, Name: name})
		s.nextResNo++
		ns.names.Cols = append(ns.names.Cols, name)
		ns.cols = append(ns.cols, nsCol{varno: li, att: i + 1, t: v.T, coll: v.Coll})
	}
	save := s.namespace
	s.namespace = []*nsItem{ns}
	count := len(q.Target)
	q.Sort = s.sortClause(n.SortClause, &q.Target, kindOrderBy, false)
	s.namespace = save
	if len(q.Target) != count {
		fail(pgerr.New(pgerr.FeatureNotSupported, "invalid UNION/INTERSECT/EXCEPT ORDER BY clause").
			WithDetail("Only result column names can be used, not expressions or functions.").
			WithHint("Add the expression/function to every SELECT, or move the UNION into a FROM clause.").At(int(exprLoc(q.Target[count].Expr))))
	}
	s.limits(q, n)
	q.From = &tree.FromExpr{}
	s.finish(q)
	s.assignQuery(q)
	return q
}

// leftmostRef is the range table number of a set operation's first query.
func leftmostRef(n tree.SetOpNode) int {
	for {
		switch x := n.(type) {
		case *tree.RangeRef:
			return x.Index
		case *tree.SetOperation:
			n = x.Left
		}
	}
}

// setOp analyzes one node of the tree of set operations; it returns the output columns (transformSetOperationTree).
func (s *state) setOp(n *pg.SelectStmt, top bool) (tree.SetOpNode, []*tree.TargetEntry) {
	s.enter()
	defer s.leave()
	leaf := n.Op <= pg.SetOperation_SETOP_NONE || len(n.SortClause) > 0 || n.LimitOffset != nil || n.LimitCount != nil || len(n.LockingClause) > 0 || n.WithClause != nil
	if leaf {
		node := &pg.Node{Node: &pg.Node_SelectStmt{SelectStmt: n}}
		q := s.subquery(node, nil, false, false)
		for _, te := range q.Target {
			if !te.Junk && hasLevelVars(te.Expr, 1) && len(s.namespace) > 0 {
				failf(exprLoc(te.Expr), pgerr.InvalidColumnReference, "UNION/INTERSECT/EXCEPT member statement cannot refer to other relations of same query level")
			}
		}
		alias := &tree.Alias{Name: "*SELECT* " + itoa(len(s.rtable)+1)}
		ns := s.addSubquery(q, alias, false, false)
		var cols []*tree.TargetEntry
		for i := range q.Target {
			if !q.Target[i].Junk {
				cols = append(cols, &q.Target[i])
			}
		}
		return &tree.RangeRef{Index: ns.index}, cols
	}
	out := &tree.SetOperation{All: n.All}
	name := "UNION"
	switch n.Op {
	case pg.SetOperation_SETOP_INTERSECT:
		out.Kind, name = tree.Intersect, "INTERSECT"
	case pg.SetOperation_SETOP_EXCEPT:
		out.Kind, name = tree.Except, "EXCEPT"
	}
	var lcols, rcols []*tree.TargetEntry
	out.Left, lcols = s.setOp(n.Larg, false)
	if top && s.parentCTE != nil && s.parentCTE.Recursive {
		s.recursiveColumns(out.Left, lcols)
	}
	out.Right, rcols = s.setOp(n.Rarg, false)
	if len(lcols) != len(rcols) {
		loc := int32(-1)
		if len(rcols) > 0 {
			loc = exprLoc(rcols[0].Expr)
		}
		failf(loc, pgerr.SyntaxError, "each %s query must have the same number of columns", name)
	}
	var cols []*tree.TargetEntry
	for i := range lcols {
		cols = append(cols, s.setOpColumn(out, lcols[i], rcols[i], name))
	}
	s.refreshSetOpTypes(out.Left)
	s.refreshSetOpTypes(out.Right)
	return out, cols
}

// setOpColumn resolves the type of one output column and returns a stand-in for it.
func (s *state) setOpColumn(out *tree.SetOperation, l, r *tree.TargetEntry, name string) *tree.TargetEntry {
	le, re := l.Expr, r.Expr
	t, best := s.commonType([]tree.Expr{le, re}, name)
	// The inputs' types are converted by the planner; here it is only checked that it can be done. Literals, however, become what they must be.
	check := func(te *tree.TargetEntry) tree.Expr {
		e := te.Expr
		if e.Type().OID != types.OIDUnknown {
			if e.Type().OID == t {
				return e
			}
			return s.coerceToCommon(tree.CopyExpr(e), t, name)
		}
		switch e.(type) {
		case *tree.Const, *tree.Param:
			te.Expr = s.coerceToCommon(e, t, name)
			return te.Expr
		}
		return e
	}
	le, re = check(l), check(r)
	pair := []tree.Expr{le, re}
	col := types.T{OID: t, Mod: commonMod(pair, t)}
	coll := s.commonCollation(pair, out.Kind == tree.Union && out.All)
	out.ColTypes, out.ColColls = append(out.ColTypes, col), append(out.ColColls, coll)
	loc := exprLoc(best)
	if out.Kind != tree.Union || !out.All {
		var c tree.SortClause
		c.SortOp, c.EqOp, _, c.Hashable = s.opsAt(t, false, true, false, loc)
		out.Group = append(out.Group, c)
	}
	return &tree.TargetEntry{Expr: &tree.SetToDefault{T: col, Coll: coll, Loc: loc}}
}

// refreshSetOpTypes updates the column types of a leaf after its literals got theirs.
func (s *state) refreshSetOpTypes(n tree.SetOpNode) {
	ref, ok := n.(*tree.RangeRef)
	if !ok {
		return
	}
	r := s.rtable[ref.Index-1]
	_, r.ColTypes, r.ColColls = targetColumns(r.Subquery.Target)
}

// hasLevelVars reports whether the expression refers to columns of the query the given number of levels out.
func hasLevelVars(e tree.Expr, level int) bool {
	found := false
	tree.WalkDeep(e, func(x tree.Expr, depth int) bool {
		if v, ok := x.(*tree.Var); ok && v.LevelsUp == depth+level {
			found = true
		}
		return !found
	})
	return found
}
