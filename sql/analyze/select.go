package analyze

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// withClause analyzes WITH into the query.
func (s *state) withClause(q *tree.Query, w *pg.WithClause) {
	if w == nil {
		return
	}
	q.HasRecursive = w.Recursive
	q.CTEs = s.with(w)
	q.HasModifyingCTE = s.hasModifying
}

// plainSelect analyzes a SELECT without set operations (transformSelectStmt).
func (s *state) plainSelect(n *pg.SelectStmt) *tree.Query {
	q := &tree.Query{Cmd: tree.CmdSelect}
	s.withClause(q, n.WithClause)
	if n.IntoClause != nil {
		failf(n.IntoClause.GetRel().GetLocation(), pgerr.SyntaxError, "SELECT ... INTO is not allowed here")
	}
	s.locking = lockingClauses(n.LockingClause)
	for _, w := range n.WindowClause {
		s.winDefs = append(s.winDefs, &windowDef{def: w.GetWindowDef()})
	}
	from := s.fromClause(n.FromClause)
	q.Target = s.targetList(n.TargetList, kindSelectTarget)
	s.markOrigins(q.Target)
	where := s.where(n.WhereClause, kindWhere, "WHERE")
	q.Having = s.where(n.HavingClause, kindHaving, "HAVING")
	q.Sort = s.sortClause(n.SortClause, &q.Target, kindOrderBy, false)
	q.GroupBy, q.GroupingSets = s.groupClause(n.GroupClause, &q.Target, q.Sort, kindGroupBy, false)
	q.GroupDistinct = n.GroupDistinct
	switch {
	case len(n.DistinctClause) == 0:
	case isPlainDistinct(n.DistinctClause):
		q.Distinct = s.distinctClause(&q.Target, q.Sort, false)
	default:
		q.Distinct = s.distinctOn(n.DistinctClause, &q.Target, q.Sort)
		q.HasDistinctOn = true
	}
	s.limits(q, n)
	q.Windows = s.windows(&q.Target)
	if len(q.Target) > maxTargets {
		fail(pgerr.Newf(pgerr.TooManyColumns, "target lists can have at most %d entries", maxTargets))
	}
	if s.resolveUnknowns {
		s.resolveUnknown(q.Target)
	}
	q.From = &tree.FromExpr{List: from, Quals: where}
	s.finish(q)
	for _, l := range n.LockingClause {
		s.lockClause(q, l.GetLockingClause(), false)
	}
	s.assignQuery(q)
	if s.hasAggs || len(q.GroupBy) > 0 || len(q.GroupingSets) > 0 || q.Having != nil {
		s.checkAggregates(q)
	}
	return q
}

func lockingClauses(list []*pg.Node) []*pg.LockingClause {
	out := make([]*pg.LockingClause, len(list))
	for i, n := range list {
		out[i] = n.GetLockingClause()
	}
	return out
}

// isPlainDistinct reports whether the list is that of DISTINCT without ON: one empty node.
func isPlainDistinct(list []*pg.Node) bool { return len(list) == 1 && list[0].GetNode() == nil }

// limits analyzes LIMIT and OFFSET.
func (s *state) limits(q *tree.Query, n *pg.SelectStmt) {
	q.WithTies = n.LimitOption == pg.LimitOption_LIMIT_OPTION_WITH_TIES
	q.LimitOffset = s.limitClause(n.LimitOffset, kindOffset, "OFFSET", q.WithTies)
	q.LimitCount = s.limitClause(n.LimitCount, kindLimit, "LIMIT", q.WithTies)
}

// valuesStmt analyzes VALUES as a query (transformValuesClause).
func (s *state) valuesStmt(n *pg.SelectStmt) *tree.Query {
	q := &tree.Query{Cmd: tree.CmdSelect}
	s.withClause(q, n.WithClause)
	s.locking = lockingClauses(n.LockingClause)
	var rows [][]tree.Expr
	for _, l := range n.ValuesLists {
		row := s.exprList(l.GetList().GetItems(), kindValues, false)
		if len(rows) > 0 && len(row) != len(rows[0]) {
			failf(listLoc(row), pgerr.SyntaxError, "VALUES lists must all be the same length")
		}
		rows = append(rows, row)
	}
	ts, colls := s.valuesTypes(rows)
	lateral := false
	for _, row := range rows {
		for _, e := range row {
			lateral = lateral || len(s.rtable) > 0 && hasLocalVars(e)
		}
	}
	ns := s.addValues(rows, ts, colls, nil, lateral, true)
	s.addToNamespace(ns, true, true)
	names, exprs := s.expandNSItem(ns, 0, -1)
	q.Target = s.appendStar(nil, starItems{names, exprs})
	q.Sort = s.sortClause(n.SortClause, &q.Target, kindOrderBy, false)
	s.limits(q, n)
	if len(n.LockingClause) > 0 {
		fail(pgerr.Newf(pgerr.FeatureNotSupported, "%s cannot be applied to VALUES", lockName(n.LockingClause[0].GetLockingClause().Strength)))
	}
	q.From = &tree.FromExpr{List: []tree.JoinNode{&tree.RangeRef{Index: ns.index}}}
	s.finish(q)
	s.assignQuery(q)
	return q
}

// valuesTypes gives each column of a VALUES list its common type, converting the expressions in place.
func (s *state) valuesTypes(rows [][]tree.Expr) (ts []types.T, colls []types.OID) {
	for c := range rows[0] {
		col := make([]tree.Expr, len(rows))
		for r := range rows {
			col[r] = rows[r][c]
		}
		t, _ := s.commonType(col, "VALUES")
		for r := range rows {
			col[r] = s.coerceToCommon(col[r], t, "VALUES")
			rows[r][c] = col[r]
		}
		ts = append(ts, types.T{OID: t, Mod: commonMod(col, t)})
		colls = append(colls, s.commonCollation(col, true))
	}
	return ts, colls
}

// lockName is the spelling of a locking clause.
func lockName(st pg.LockClauseStrength) string {
	switch st {
	case pg.LockClauseStrength_LCS_FORKEYSHARE:
		return "FOR KEY SHARE"
	case pg.LockClauseStrength_LCS_FORSHARE:
		return "FOR SHARE"
	case pg.LockClauseStrength_LCS_FORNOKEYUPDATE:
		return "FOR NO KEY UPDATE"
	}
	return "FOR UPDATE"
}

func lockStrength(st pg.LockClauseStrength) tree.LockStrength {
	switch st {
	case pg.LockClauseStrength_LCS_FORKEYSHARE:
		return tree.LockForKeyShare
	case pg.LockClauseStrength_LCS_FORSHARE:
		return tree.LockForShare
	case pg.LockClauseStrength_LCS_FORNOKEYUPDATE:
		return tree.LockForNoKeyUpdate
	}
	return tree.LockForUpdate
}

func lockWait(w pg.LockWaitPolicy) tree.LockWait {
	switch w {
	case pg.LockWaitPolicy_LockWaitSkip:
		return tree.LockWaitSkip
	case pg.LockWaitPolicy_LockWaitError:
		return tree.LockWaitError
	}
	return tree.LockWaitBlock
}

// lockClause applies FOR UPDATE or its kin to a query (transformLockingClause).
func (s *state) lockClause(q *tree.Query, l *pg.LockingClause, pushed bool) {
	name := lockName(l.Strength)
	checkLocking(q, name)
	if len(l.LockedRels) == 0 {
		for i, r := range q.RTable {
			if !r.InFrom {
				continue
			}
			switch r.Kind {
			case tree.RTERelation:
				lockEntry(q, i+1, l, pushed)
				r.ReqPerms |= aclUpdate
			case tree.RTESubquery:
				lockEntry(q, i+1, l, pushed)
				s.lockClause(r.Subquery, &pg.LockingClause{Strength: l.Strength, WaitPolicy: l.WaitPolicy}, true)
			}
		}
		return
	}
	for _, n := range l.LockedRels {
		rv := n.GetRangeVar()
		if rv.Catalogname != "" || rv.Schemaname != "" {
			failf(rv.Location, pgerr.SyntaxError, "%s must specify unqualified relation names", name)
		}
		s.lockRel(q, l, rv, name, pushed)
	}
}

func (s *state) lockRel(q *tree.Query, l *pg.LockingClause, rv *pg.RangeVar, name string, pushed bool) {
	for i, r := range q.RTable {
		known := r.Eref.Name
		if r.Kind == tree.RTEJoin && r.Alias == nil {
			known = r.UsingAlias // "" when the join has no name at all
		}
		if !r.InFrom || known != rv.Relname {
			continue
		}
		cannot := func(what string) {
			failf(rv.Location, pgerr.FeatureNotSupported, "%s cannot be applied to %s", name, what)
		}
		switch r.Kind {
		case tree.RTERelation:
			lockEntry(q, i+1, l, pushed)
			r.ReqPerms |= aclUpdate
		case tree.RTESubquery:
			lockEntry(q, i+1, l, pushed)
			s.lockClause(r.Subquery, &pg.LockingClause{Strength: l.Strength, WaitPolicy: l.WaitPolicy}, true)
		case tree.RTEJoin:
			cannot("a join")
		case tree.RTEFunction:
			cannot("a function")
		case tree.RTEValues:
			cannot("VALUES")
		case tree.RTECTE:
			cannot("a WITH query")
		}
		return
	}
	failf(rv.Location, pgerr.UndefinedTable, "relation \"%s\" in %s clause not found in FROM clause", rv.Relname, name)
}

// checkLocking refuses locking where rows cannot be told (CheckSelectLocking).
func checkLocking(q *tree.Query, name string) {
	what := ""
	switch {
	case q.SetOp != nil:
		what = "UNION/INTERSECT/EXCEPT"
	case len(q.Distinct) > 0:
		what = "DISTINCT clause"
	case len(q.GroupBy) > 0 || len(q.GroupingSets) > 0:
		what = "GROUP BY clause"
	case q.Having != nil:
		what = "HAVING clause"
	case q.HasAggs:
		what = "aggregate functions"
	case q.HasWindow:
		what = "window functions"
	case q.HasTargetSRF:
		what = "set-returning functions in the target list"
	default:
		return
	}
	fail(pgerr.Newf(pgerr.FeatureNotSupported, "%s is not allowed with %s", name, what))
}

// lockEntry adds a row mark, or strengthens the one there is (applyLockingClause).
func lockEntry(q *tree.Query, index int, l *pg.LockingClause, pushed bool) {
	addRowMark(q, tree.RowMark{RTIndex: index, Strength: lockStrength(l.Strength), Wait: lockWait(l.WaitPolicy), PushedDown: pushed})
}

func addRowMark(q *tree.Query, m tree.RowMark) {
	for _, have := range q.RowMarks {
		if have.RTIndex == m.RTIndex {
			have.Strength = max(have.Strength, m.Strength)
			have.Wait = max(have.Wait, m.Wait)
			have.PushedDown = have.PushedDown && m.PushedDown
			return
		}
	}
	q.RowMarks = append(q.RowMarks, &m)
}
