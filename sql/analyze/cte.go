package analyze

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// cte is a WITH query that names can refer to.
type cte struct {
	*tree.CTE
	node  *pg.CommonTableExpr
	query *tree.Query // nil until analyzed: a reference before that is to itself
}

// findCTE finds a WITH query by name and says how many levels out it is; nil when there is none.
func (s *state) findCTE(name string) (*cte, int) {
	levels := 0
	for st := s; st != nil; st = st.parent {
		if c := st.cteNamed(name); c != nil {
			return c, levels
		}
		levels++
	}
	return nil, 0
}

func (s *state) cteNamed(name string) *cte {
	for _, c := range s.ctes {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// isFutureCTE reports whether a WITH query of the name comes later.
func (s *state) isFutureCTE(name string) bool {
	for st := s; st != nil; st = st.parent {
		for _, c := range st.futureCTE {
			if c.Ctename == name {
				return true
			}
		}
	}
	return false
}

// with analyzes a WITH clause (transformWithClause).
func (s *state) with(w *pg.WithClause) []*tree.CTE {
	nodes := make([]*pg.CommonTableExpr, len(w.Ctes))
	for i, n := range w.Ctes {
		nodes[i] = n.GetCommonTableExpr()
		for _, e := range nodes[:i] {
			if e.Ctename == nodes[i].Ctename {
				failf(nodes[i].Location, pgerr.DuplicateAlias, "WITH query name \"%s\" specified more than once", e.Ctename)
			}
		}
		if nodes[i].Ctequery.GetMergeStmt() != nil {
			failf(nodes[i].Location, pgerr.FeatureNotSupported, "MERGE not supported in WITH query")
		}
		if nodes[i].Ctequery.GetSelectStmt() == nil {
			s.hasModifying = true
		}
	}
	all := make([]*cte, len(nodes))
	for i, n := range nodes {
		c := &tree.CTE{Name: n.Ctename, AliasCols: strs(n.Aliascolnames), Loc: n.Location}
		switch n.Ctematerialized {
		case pg.CTEMaterialize_CTEMaterializeAlways:
			c.Materialized = 'm'
		case pg.CTEMaterialize_CTEMaterializeNever:
			c.Materialized = 'n'
		}
		all[i] = &cte{CTE: c, node: n}
	}
	if w.Recursive {
		order := orderRecursive(all)
		for _, c := range order {
			if c.Recursive {
				checkRecursion(c)
			}
		}
		s.ctes = append(s.ctes, order...)
		for _, c := range order {
			s.analyzeCTE(c)
		}
		all = order
	} else {
		s.futureCTE = nodes
		for _, c := range all {
			s.analyzeCTE(c)
			s.ctes = append(s.ctes, c)
			s.futureCTE = s.futureCTE[1:]
		}
	}
	out := make([]*tree.CTE, len(all))
	for i, c := range all {
		out[i] = c.CTE
	}
	return out
}

// analyzeCTE analyzes one WITH query (analyzeCTE).
func (s *state) analyzeCTE(c *cte) {
	c.Search, c.Cycle = nil, nil
	s.searchCycle(c)
	q := s.subquery(c.node.Ctequery, c, false, true)
	if q.Cmd == tree.CmdUtility {
		fail(pgerr.Internal("unexpected utility statement in WITH"))
	}
	if q.Cmd != tree.CmdSelect && s.parent != nil {
		failf(c.Loc, pgerr.FeatureNotSupported, "WITH clause containing a data-modifying statement must be at the top level")
	}
	c.query, c.Query = q, q
	out := output(q)
	if !c.Recursive {
		s.cteColumns(c, out)
	} else {
		s.checkRecursiveTypes(c, out)
	}
	s.checkSearchCycle(c)
}

// cteColumns sets the names and types of a WITH query's columns (analyzeCTETargetList).
func (s *state) cteColumns(c *cte, out []tree.TargetEntry) {
	c.ColNames = slices.Clone(c.AliasCols)
	n := 0
	for i := range out {
		te := &out[i]
		if te.Junk {
			continue
		}
		n++
		if n > len(c.AliasCols) {
			c.ColNames = append(c.ColNames, te.Name)
		}
		t, coll := te.Expr.Type(), te.Expr.Collation()
		if t.OID == types.OIDUnknown { // the non-recursive term's literals are text
			t, coll = types.Of(types.OIDText), defaultCollation
		}
		c.ColTypes, c.ColColls = append(c.ColTypes, t), append(c.ColColls, coll)
	}
	if n < len(c.AliasCols) {
		failf(c.Loc, pgerr.InvalidColumnReference, "WITH query \"%s\" has %d columns available but %d columns specified", c.Name, n, len(c.AliasCols))
	}
}

// recursiveColumns takes a recursive query's columns from its non-recursive term (determineRecursiveColTypes).
func (s *state) recursiveColumns(left tree.SetOpNode, cols []*tree.TargetEntry) {
	lq := s.rtable[leftmostRef(left)-1].Subquery
	var out []tree.TargetEntry
	k := 0
	for i := range lq.Target {
		if lq.Target[i].Junk || k >= len(cols) {
			continue
		}
		out = append(out, tree.TargetEntry{Expr: cols[k].Expr, ResNo: k + 1, Name: lq.Target[i].Name})
		k++
	}
	s.parentCTE.ColTypes, s.parentCTE.ColColls = nil, nil
	s.cteColumns(s.parentCTE, out)
}

// checkRecursiveTypes compares the whole query's columns with those of the non-recursive term.
func (s *state) checkRecursiveTypes(c *cte, out []tree.TargetEntry) {
	i := 0
	for k := range out {
		if out[k].Junk {
			continue
		}
		e := out[k].Expr
		t := e.Type()
		if i < len(c.ColTypes) && t != c.ColTypes[i] {
			fail(pgerr.Newf(pgerr.DatatypeMismatch, "recursive query \"%s\" column %d has type %s in non-recursive term but type %s overall", c.Name, i+1,
				types.FormatType(s.io, c.ColTypes[i].OID, c.ColTypes[i].Mod), types.FormatType(s.io, t.OID, t.Mod)).
				WithHint("Cast the output of the non-recursive term to the correct type.").At(int(exprLoc(e))))
		}
		if i < len(c.ColColls) && e.Collation() != c.ColColls[i] {
			fail(pgerr.Newf(pgerr.CollationMismatch, "recursive query \"%s\" column %d has collation \"%s\" in non-recursive term but collation \"%s\" overall", c.Name, i+1,
				s.collationName(c.ColColls[i]), s.collationName(e.Collation())).
				WithHint("Use the COLLATE clause to set the collation of the non-recursive term.").At(int(exprLoc(e))))
		}
		i++
	}
}

// addCTE adds a reference to a WITH query (addRangeTableEntryForCTE).
func (s *state) addCTE(c *cte, levels int, alias *tree.Alias, loc int32) *nsItem {
	r := &tree.RTE{Kind: tree.RTECTE, CTEName: c.Name, CTELevels: levels, Alias: alias, InFrom: true, SelfRef: c.query == nil}
	if !r.SelfRef {
		c.RefCount++
		if c.query.Cmd != tree.CmdSelect && len(c.query.Returning) == 0 {
			failf(loc, pgerr.FeatureNotSupported, "WITH query \"%s\" does not have a RETURNING clause", c.Name)
		}
	}
	r.Eref.Name = c.Name
	if alias != nil {
		r.Eref.Name = alias.Name
	}
	names := slices.Clone(c.ColNames)
	r.ColTypes, r.ColColls = slices.Clone(c.ColTypes), slices.Clone(c.ColColls)
	if alias != nil && len(alias.Cols) > len(names) {
		fail(pgerr.Newf(pgerr.InvalidColumnReference, "table \"%s\" has %d columns available but %d columns specified", r.Eref.Name, len(names), len(alias.Cols)).At(int(loc)))
	}
	names = s.applyAliases(r.Eref.Name, names, alias, nil)
	hidden := 0
	extra := func(name string, t types.T, coll types.OID) {
		names, r.ColTypes, r.ColColls = append(names, name), append(r.ColTypes, t), append(r.ColColls, coll)
		hidden++
	}
	if c.Search != nil {
		t := types.OID(types.OIDRecordArray)
		if c.Search.Breadth {
			t = types.OIDRecord
		}
		extra(c.Search.SeqCol, types.Of(t), 0)
	}
	if c.Cycle != nil {
		extra(c.Cycle.MarkCol, c.Cycle.MarkT, c.Cycle.MarkColl)
		extra(c.Cycle.PathCol, types.Of(types.OIDRecordArray), 0)
	}
	r.Eref.Cols = names
	ns := s.newNSItem(r, s.addRTE(r))
	if levels > 0 { // inside the WITH query itself, * does not show the added columns
		for i := len(ns.cols) - hidden; i < len(ns.cols); i++ {
			ns.cols[i].dontExpand = true
		}
	}
	return ns
}

// searchCycle analyzes SEARCH and CYCLE as far as possible before the query itself.
func (s *state) searchCycle(c *cte) {
	if n := c.node.SearchClause; n != nil {
		c.Search = &tree.CTESearch{Cols: strs(n.SearchColList), Breadth: n.SearchBreadthFirst, SeqCol: n.SearchSeqColumn}
	}
	if n := c.node.CycleClause; n != nil {
		cy := &tree.CTECycle{Cols: strs(n.CycleColList), MarkCol: n.CycleMarkColumn, PathCol: n.CyclePathColumn}
		value, def := s.cycleMark(n.CycleMarkValue, true), s.cycleMark(n.CycleMarkDefault, false)
		t, _ := s.commonType([]tree.Expr{value, def}, "CYCLE")
		cy.MarkValue = s.coerceToCommon(value, t, "CYCLE/SET/TO")
		cy.MarkDefault = s.coerceToCommon(def, t, "CYCLE/SET/DEFAULT")
		cy.MarkT = types.T{OID: t, Mod: commonMod([]tree.Expr{cy.MarkValue, cy.MarkDefault}, t)}
		cy.MarkColl = s.commonCollation([]tree.Expr{cy.MarkValue, cy.MarkDefault}, true)
		ops := s.typeOps(t)
		if ops.Eq == 0 {
			fail(pgerr.Newf(pgerr.UndefinedFunction, "could not identify an equality operator for type %s", s.typeName(t)))
		}
		if op := s.cat.Operator(ops.Eq); op != nil {
			cy.MarkNEqOp = op.Negator
		}
		if cy.MarkNEqOp == 0 {
			fail(pgerr.Newf(pgerr.UndefinedFunction, "could not identify an inequality operator for type %s", s.typeName(t)))
		}
		c.Cycle = cy
	}
}

func (s *state) cycleMark(n *pg.Node, value bool) tree.Expr {
	if n == nil {
		return &tree.Const{T: types.Of(types.OIDBool), Value: types.Bool(value), Loc: -1}
	}
	return s.expr(n, kindCycleMark)
}

// checkSearchCycle checks SEARCH and CYCLE once the columns are known.
func (s *state) checkSearchCycle(c *cte) {
	if c.Search == nil && c.Cycle == nil {
		return
	}
	loc := c.Loc
	if !c.Recursive {
		failf(loc, pgerr.SyntaxError, "WITH query is not recursive")
	}
	so, _ := c.query.SetOp.(*tree.SetOperation)
	if so == nil {
		fail(pgerr.Internal("recursive query is no UNION"))
	}
	if _, ok := so.Left.(*tree.RangeRef); !ok {
		fail(pgerr.New(pgerr.SyntaxError, "with a SEARCH or CYCLE clause, the left side of the UNION must be a SELECT"))
	}
	if _, ok := so.Right.(*tree.RangeRef); !ok {
		fail(pgerr.New(pgerr.SyntaxError, "with a SEARCH or CYCLE clause, the right side of the UNION must be a SELECT"))
	}
	columns := func(what string, cols []string, loc int32) {
		for i, col := range cols {
			if !slices.Contains(c.ColNames, col) {
				failf(loc, pgerr.SyntaxError, "%s column \"%s\" not in WITH query column list", what, col)
			}
			if slices.Contains(cols[:i], col) {
				failf(loc, pgerr.DuplicateColumn, "%s column \"%s\" specified more than once", what, col)
			}
		}
	}
	fresh := func(what, col string, loc int32) {
		if slices.Contains(c.ColNames, col) {
			failf(loc, pgerr.SyntaxError, "%s column name \"%s\" already used in WITH query column list", what, col)
		}
	}
	if c.Search != nil {
		l := c.node.SearchClause.Location
		columns("search", c.Search.Cols, l)
		fresh("search sequence", c.Search.SeqCol, l)
	}
	if c.Cycle != nil {
		l := c.node.CycleClause.Location
		columns("cycle", c.Cycle.Cols, l)
		fresh("cycle mark", c.Cycle.MarkCol, l)
		fresh("cycle path", c.Cycle.PathCol, l)
		if c.Cycle.MarkCol == c.Cycle.PathCol {
			failf(l, pgerr.SyntaxError, "cycle mark column name and cycle path column name are the same")
		}
		if c.Search != nil {
			if c.Search.SeqCol == c.Cycle.MarkCol {
				failf(c.node.SearchClause.Location, pgerr.SyntaxError, "search sequence column name and cycle mark column name are the same")
			}
			if c.Search.SeqCol == c.Cycle.PathCol {
				failf(c.node.SearchClause.Location, pgerr.SyntaxError, "search sequence column name and cycle path column name are the same")
			}
		}
	}
}
