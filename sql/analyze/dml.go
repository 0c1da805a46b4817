package analyze

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// rewriteHint is what PostgreSQL suggests when a value doesn't fit its column.
const rewriteHint = "You will need to rewrite or cast the expression."

// setTarget opens the table that a statement modifies and adds it to the range table (setTargetTable). With source it can be named by the statement.
func (s *state) setTarget(rv *pg.RangeVar, source bool, perms uint32) int {
	rel := s.openRelation(rv)
	if s.asOf[rv.Location] != nil {
		failf(rv.Location, pgerr.SyntaxError, "AS OF is not allowed for the table that is modified")
	}
	ns := s.addRelation(rel, lockRowExclusive, makeAlias(rv.Alias), rv.Inh, false)
	ns.rte.ReqPerms = perms
	s.target, s.targetNS = rel, ns
	if source {
		s.addToNamespace(ns, true, true)
	}
	return ns.index
}

// markModified notes that a column of the target is written.
func (s *state) markModified(att int) {
	r := s.targetNS.rte
	if r.ModCols == nil {
		r.ModCols = map[int]bool{}
	}
	r.ModCols[att] = true
}

// targetColumn finds a column of the target by name, 0 when there is none.
func (s *state) targetColumn(name string, system bool) int {
	for i := range s.target.Columns {
		if c := &s.target.Columns[i]; c.Name == name && !c.Dropped {
			return i + 1
		}
	}
	for _, c := range systemColumns {
		if system && c.name == name {
			return c.att
		}
	}
	return 0
}

// insertColumn is a column that INSERT assigns to.
type insertColumn struct {
	name        string
	att         int
	indirection []*pg.Node
	loc         int32
}

// insertStmt analyzes INSERT (transformInsertStmt).
func (s *state) insertStmt(n *pg.InsertStmt) *tree.Query {
	q := &tree.Query{Cmd: tree.CmdInsert}
	s.isInsert = true
	s.withClause(q, n.WithClause)
	q.Override = overriding(n.Override)
	perms := uint32(aclInsert)
	if n.OnConflictClause.GetAction() == pg.OnConflictAction_ONCONFLICT_UPDATE {
		perms |= aclUpdate
	}
	sel := n.SelectStmt.GetSelectStmt()
	general := sel != nil && (len(sel.ValuesLists) == 0 || len(sel.SortClause) > 0 || sel.LimitOffset != nil || sel.LimitCount != nil ||
		len(sel.LockingClause) > 0 || sel.WithClause != nil)
	q.ResultRel = s.setTarget(n.Relation, false, perms)
	cols := s.insertColumns(n.Cols)
	explicitCols := len(n.Cols) > 0
	var from []tree.JoinNode
	var row []tree.Expr
	switch {
	case sel == nil: // DEFAULT VALUES
	case general:
		row, from = s.insertSelect(n.SelectStmt)
		row = s.insertRow(row, cols, explicitCols, false)
	case len(sel.ValuesLists) > 1:
		row, from = s.insertValues(sel, cols, explicitCols)
	default:
		row = s.exprList(sel.ValuesLists[0].GetList().GetItems(), kindValuesSingle, true)
		row = s.insertRow(row, cols, explicitCols, false)
	}
	for i, e := range row {
		q.Target = append(q.Target, tree.TargetEntry{Expr: e, ResNo: cols[i].att, Name: cols[i].name})
		s.markModified(cols[i].att)
	}
	q.From = &tree.FromExpr{List: from}
	if n.OnConflictClause != nil || len(n.ReturningList) > 0 {
		s.namespace = nil
		s.addToNamespace(s.targetNS, true, true)
	}
	if n.OnConflictClause != nil {
		q.OnConflict = s.onConflict(n.OnConflictClause)
	}
	q.Returning = s.returning(n.ReturningList)
	s.finish(q)
	s.assignQuery(q)
	return q
}

func overriding(k pg.OverridingKind) byte {
	switch k {
	case pg.OverridingKind_OVERRIDING_USER_VALUE:
		return 'u'
	case pg.OverridingKind_OVERRIDING_SYSTEM_VALUE:
		return 's'
	}
	return 0
}

// insertColumns resolves the column list of INSERT; without one it is all columns (checkInsertTargets).
func (s *state) insertColumns(list []*pg.Node) []insertColumn {
	var out []insertColumn
	if len(list) == 0 {
		for i := range s.target.Columns {
			if c := &s.target.Columns[i]; !c.Dropped {
				out = append(out, insertColumn{name: c.Name, att: i + 1, loc: -1})
			}
		}
		return out
	}
	whole, partial := map[int]bool{}, map[int]bool{}
	for _, n := range list {
		res := n.GetResTarget()
		att := s.targetColumn(res.Name, false)
		if att == 0 {
			failf(res.Location, pgerr.UndefinedColumn, "column \"%s\" of relation \"%s\" does not exist", res.Name, s.target.Name)
		}
		if len(res.Indirection) == 0 {
			if whole[att] || partial[att] {
				failf(res.Location, pgerr.DuplicateColumn, "column \"%s\" specified more than once", res.Name)
			}
			whole[att] = true
		} else {
			if whole[att] {
				failf(res.Location, pgerr.DuplicateColumn, "column \"%s\" specified more than once", res.Name)
			}
			partial[att] = true
		}
		out = append(out, insertColumn{res.Name, att, res.Indirection, res.Location})
	}
	return out
}

// insertSelect analyzes the query of INSERT ... SELECT and returns an expression for each of its columns.
func (s *state) insertSelect(n *pg.Node) ([]tree.Expr, []tree.JoinNode) {
	sub := s.child()
	sub.resolveUnknowns = false // literals take the types of the columns
	q := sub.statement(n)
	if q.Cmd != tree.CmdSelect {
		fail(pgerr.Internal("unexpected non-SELECT command in INSERT ... SELECT"))
	}
	ns := s.addSubquery(q, &tree.Alias{Name: "*SELECT*"}, false, false)
	var row []tree.Expr
	k := 0
	for i := range q.Target {
		te := &q.Target[i]
		if te.Junk {
			continue
		}
		k++
		t := te.Expr.Type()
		if t.OID == types.OIDUnknown {
			switch te.Expr.(type) {
			case *tree.Const, *tree.Param:
				row = append(row, te.Expr)
				continue
			}
		}
		row = append(row, &tree.Var{VarNo: ns.index, AttNo: k, T: t, Coll: te.Expr.Collation(), Loc: exprLoc(te.Expr)})
	}
	return row, []tree.JoinNode{&tree.RangeRef{Index: ns.index}}
}

// insertValues analyzes INSERT with several VALUES rows.
func (s *state) insertValues(sel *pg.SelectStmt, cols []insertColumn, explicitCols bool) ([]tree.Expr, []tree.JoinNode) {
	var rows [][]tree.Expr
	for _, l := range sel.ValuesLists {
		row := s.exprList(l.GetList().GetItems(), kindValues, true)
		if len(rows) > 0 && len(row) != len(rows[0]) {
			failf(listLoc(row), pgerr.SyntaxError, "VALUES lists must all be the same length")
		}
		row = s.insertRow(row, cols, explicitCols, true)
		for _, e := range row {
			s.assignCollation(e)
		}
		rows = append(rows, row)
	}
	var ts []types.T
	var colls []types.OID
	for c := range rows[0] {
		t := rows[0][c].Type()
		for _, r := range rows[1:] {
			if r[c].Type() != t {
				t.Mod = -1
			}
		}
		ts, colls = append(ts, t), append(colls, 0)
	}
	lateral := false
	for _, r := range rows {
		for _, e := range r {
			lateral = lateral || hasLocalVars(e)
		}
	}
	ns := s.addValues(rows, ts, colls, nil, lateral, true)
	var row []tree.Expr
	for i, t := range ts {
		row = append(row, &tree.Var{VarNo: ns.index, AttNo: i + 1, T: t, Loc: -1})
	}
	row = s.insertRow(row, cols, explicitCols, false)
	return row, []tree.JoinNode{&tree.RangeRef{Index: ns.index}}
}

// insertRow matches a row of expressions with the columns (transformInsertRow). strip leaves only the values, for a row of a VALUES list.
func (s *state) insertRow(row []tree.Expr, cols []insertColumn, explicitCols, strip bool) []tree.Expr {
	if len(row) > len(cols) {
		failf(exprLoc(row[len(cols)]), pgerr.SyntaxError, "INSERT has more expressions than target columns")
	}
	if explicitCols && len(row) < len(cols) {
		err := pgerr.New(pgerr.SyntaxError, "INSERT has more target columns than expressions").At(int(cols[len(row)].loc))
		if len(row) == 1 && s.rowWidth(row[0]) == len(cols) {
			err.WithHint("The insertion source is a row expression containing the same number of columns expected by the INSERT. Did you accidentally use extra parentheses?")
		}
		fail(err)
	}
	out := make([]tree.Expr, len(row))
	for i, e := range row {
		c := cols[i]
		e = s.assigned(e, kindInsertTarget, c.name, c.att, c.indirection, c.loc)
		if strip {
			e = stripAssignment(e)
		}
		out[i] = e
	}
	return out
}

// rowWidth is the number of columns of a row expression, -1 for anything else (count_rowexpr_columns).
func (s *state) rowWidth(e tree.Expr) int {
	switch e := e.(type) {
	case *tree.RowExpr:
		return len(e.Args)
	case *tree.Var:
		if e.AttNo == 0 && e.T.OID == types.OIDRecord {
			return len(s.up(e.LevelsUp).rtable[e.VarNo-1].ColTypes)
		}
	}
	return -1
}

// stripAssignment returns the value assigned by a partial assignment.
func stripAssignment(e tree.Expr) tree.Expr {
	for {
		inner := e
		for { // a domain's check above a partial assignment goes with it
			d, ok := inner.(*tree.CoerceToDomain)
			if !ok {
				break
			}
			inner = d.Arg
		}
		switch x := inner.(type) {
		case *tree.FieldStore:
			e = x.Values[0]
		case *tree.SubscriptingRef:
			if x.Assign == nil {
				return e
			}
			e = x.Assign
		default:
			return e
		}
	}
}

// assigned prepares a value for a column: converted to the column's type, or merged into its old value by an indirection (transformAssignedExpr).
func (s *state) assigned(e tree.Expr, kind exprKind, name string, att int, indirection []*pg.Node, loc int32) tree.Expr {
	save := s.kind
	s.kind = kind
	defer func() { s.kind = save }()
	if att <= 0 {
		failf(loc, pgerr.FeatureNotSupported, "cannot assign to system column \"%s\"", name)
	}
	col := &s.target.Columns[att-1]
	if d, ok := e.(*tree.SetToDefault); ok {
		if len(indirection) > 0 {
			if indirection[0].GetAIndices() != nil {
				failf(loc, pgerr.FeatureNotSupported, "cannot set an array element to DEFAULT")
			}
			failf(loc, pgerr.FeatureNotSupported, "cannot set a subfield to DEFAULT")
		}
		d.T, d.Coll = col.T, col.Collation
		return d
	}
	if len(indirection) > 0 {
		var base tree.Expr
		if s.isInsert {
			base = &tree.Const{T: col.T, Coll: col.Collation, Value: types.NullDatum, Loc: -1}
		} else {
			base = &tree.Var{VarNo: s.targetNS.index, AttNo: att, T: col.T, Coll: col.Collation, Loc: loc}
			s.markRead(s.targetNS.index, att)
		}
		return s.assignInto(base, name, false, col.T, col.Collation, indirection, e, loc)
	}
	in := e.Type().OID
	out := s.coerceToTarget(e, in, col.T, assignment, tree.CoerceImplicitCast, -1)
	if out == nil {
		fail(pgerr.Newf(pgerr.DatatypeMismatch, "column \"%s\" is of type %s but expression is of type %s", name, s.typeName(col.T.OID), s.typeName(in)).
			WithHint(rewriteHint).At(int(exprLoc(e))))
	}
	return out
}

// assignInto builds the new value of a container with the part named by the indirection replaced (transformAssignmentIndirection). A nil base is the
// value under assignment further out.
func (s *state) assignInto(base tree.Expr, name string, subscripting bool, t types.T, coll types.OID, indirection []*pg.Node, rhs tree.Expr, loc int32) tree.Expr {
	if len(indirection) > 0 && base == nil {
		base = &tree.CaseTestExpr{T: t, Coll: coll}
	}
	var subs []*pg.A_Indices
	for i, n := range indirection {
		if ai := n.GetAIndices(); ai != nil {
			subs = append(subs, ai)
			continue
		}
		if n.GetAStar() != nil {
			failf(loc, pgerr.FeatureNotSupported, "row expansion via \"*\" is not supported here")
		}
		if subs != nil {
			return s.assignSubscripts(base, name, t, subs, indirection[i:], rhs, loc)
		}
		return s.assignField(base, name, t, str(n), indirection[i+1:], rhs, loc)
	}
	if subs != nil {
		return s.assignSubscripts(base, name, t, subs, nil, rhs, loc)
	}
	in := rhs.Type().OID
	out := s.coerceToTarget(rhs, in, t, assignment, tree.CoerceImplicitCast, -1)
	if out == nil {
		format := "subfield \"%s\" is of type %s but expression is of type %s"
		if subscripting {
			format = "subscripted assignment to \"%s\" requires type %s but expression is of type %s"
		}
		fail(pgerr.Newf(pgerr.DatatypeMismatch, format, name, s.typeName(t.OID), s.typeName(in)).WithHint(rewriteHint).At(int(loc)))
	}
	return out
}

// assignField replaces a field of a composite value.
func (s *state) assignField(base tree.Expr, name string, t types.T, field string, rest []*pg.Node, rhs tree.Expr, loc int32) tree.Expr {
	bt := s.baseTypeMod(t)
	if s.typeRelID(bt.OID) == 0 {
		failf(loc, pgerr.DatatypeMismatch, "cannot assign to field \"%s\" of column \"%s\" because its type %s is not a composite type", field, name, s.typeName(t.OID))
	}
	fields := s.rowFields(bt.OID)
	i := slices.IndexFunc(fields, func(f rowField) bool { return f.Name == field && !f.Dropped })
	if i < 0 {
		failf(loc, pgerr.UndefinedColumn, "cannot assign to field \"%s\" of column \"%s\" because there is no such column in data type %s", field, name, s.typeName(t.OID))
	}
	v := s.assignInto(nil, field, false, fields[i].T, fields[i].Coll, rest, rhs, loc)
	out := tree.Expr(&tree.FieldStore{Arg: base, Values: []tree.Expr{v}, Fields: []int{i + 1}, T: types.Of(bt.OID)})
	if bt.OID != t.OID {
		out = s.coerceToDomain(out, bt, t.OID, implicit, tree.CoerceImplicitCast, loc, false)
	}
	return out
}

// assignSubscripts replaces an element or slice of a container (transformAssignmentSubscripts).
func (s *state) assignSubscripts(base tree.Expr, name string, t types.T, subs []*pg.A_Indices, rest []*pg.Node, rhs tree.Expr, loc int32) tree.Expr {
	ct := s.containerType(t)
	ref := s.subscript(base, t, subs, nil)
	need := ref.T
	ref.Assign = s.assignInto(nil, name, true, need, s.typeCollation(need.OID), rest, rhs, loc)
	ref.T = ct
	if ct.OID == t.OID {
		return ref
	}
	out := s.coerceToTarget(ref, ct.OID, t, assignment, tree.CoerceImplicitCast, -1)
	if out == nil {
		failf(loc, pgerr.CannotCoerce, "cannot cast type %s to %s", s.typeName(ct.OID), s.typeName(t.OID))
	}
	return out
}

// returning analyzes RETURNING (transformReturningList).
func (s *state) returning(list []*pg.Node) []tree.TargetEntry {
	if len(list) == 0 {
		return nil
	}
	save := s.nextResNo
	s.nextResNo = 1
	out := s.targetList(list, kindReturning)
	if len(out) == 0 {
		failf(location(list[0]), pgerr.SyntaxError, "RETURNING must have at least one column")
	}
	s.markOrigins(out)
	if s.resolveUnknowns {
		s.resolveUnknown(out)
	}
	s.nextResNo = save
	return out
}

// updateStmt analyzes UPDATE (transformUpdateStmt).
func (s *state) updateStmt(n *pg.UpdateStmt) *tree.Query {
	q := &tree.Query{Cmd: tree.CmdUpdate}
	s.withClause(q, n.WithClause)
	q.ResultRel = s.setTarget(n.Relation, true, aclUpdate)
	from := s.sourceList(n.FromClause)
	where := s.where(n.WhereClause, kindWhere, "WHERE")
	q.Returning = s.returning(n.ReturningList)
	q.Target = s.updateTargets(n.TargetList)
	q.From = &tree.FromExpr{List: from, Quals: where}
	s.finish(q)
	s.assignQuery(q)
	return q
}

// sourceList analyzes FROM of UPDATE or USING of DELETE, whose subqueries cannot see the target; the target comes first in the join tree.
func (s *state) sourceList(list []*pg.Node) []tree.JoinNode {
	s.targetNS.lateralOnly, s.targetNS.lateralOK = true, false
	joins := s.fromClause(list)
	s.targetNS.lateralOnly, s.targetNS.lateralOK = false, true
	return append([]tree.JoinNode{&tree.RangeRef{Index: s.targetNS.index}}, joins...)
}

// deleteStmt analyzes DELETE (transformDeleteStmt).
func (s *state) deleteStmt(n *pg.DeleteStmt) *tree.Query {
	q := &tree.Query{Cmd: tree.CmdDelete}
	s.withClause(q, n.WithClause)
	q.ResultRel = s.setTarget(n.Relation, true, aclDelete)
	from := s.sourceList(n.UsingClause)
	where := s.where(n.WhereClause, kindWhere, "WHERE")
	q.Returning = s.returning(n.ReturningList)
	q.From = &tree.FromExpr{List: from, Quals: where}
	s.finish(q)
	s.assignQuery(q)
	return q
}

// updateTargets analyzes SET (transformUpdateTargetList).
func (s *state) updateTargets(list []*pg.Node) []tree.TargetEntry {
	s.isInsert = false
	entries := s.targetList(list, kindUpdateSource)
	s.nextResNo = max(s.nextResNo, len(s.target.Columns)+1)
	for i, n := range list {
		res := n.GetResTarget()
		att := s.targetColumn(res.Name, true)
		if att == 0 {
			failf(res.Location, pgerr.UndefinedColumn, "column \"%s\" of relation \"%s\" does not exist", res.Name, s.target.Name)
		}
		e := s.assigned(entries[i].Expr, kindUpdateTarget, res.Name, att, res.Indirection, res.Location)
		entries[i] = tree.TargetEntry{Expr: e, ResNo: att, Name: res.Name}
		s.markModified(att)
	}
	return entries
}

// multiAssign is the source of SET (a, b) = ...: a subquery or a row.
type multiAssign struct {
	link *tree.SubLink
	id   int
	row  *tree.RowExpr
}

// multiAssignRef takes one column of a multiple assignment (transformMultiAssignRef).
func (s *state) multiAssignRef(n *pg.MultiAssignRef) tree.Expr {
	if n.Colno == 1 {
		s.startMulti(n)
	}
	m := s.currentMulti
	if m == nil {
		fail(pgerr.Internal("unexpected column number in multiple assignment"))
	}
	i := int(n.Colno) - 1
	if m.row != nil {
		return m.row.Args[i]
	}
	k := 0
	for j := range m.link.Query.Target {
		te := &m.link.Query.Target[j]
		if te.Junk {
			continue
		}
		if k == i {
			return &tree.MultiExprParam{ID: m.id, Col: i, T: te.Expr.Type(), Coll: te.Expr.Collation(), Loc: exprLoc(te.Expr)}
		}
		k++
	}
	fail(pgerr.Internal("column %d of a multiple assignment is missing", i))
	return nil
}

func (s *state) startMulti(n *pg.MultiAssignRef) {
	s.currentMulti = nil
	mismatch := func(loc int32) {
		failf(loc, pgerr.SyntaxError, "number of columns does not match number of values")
	}
	if sub := n.Source.GetSubLink(); sub != nil && sub.SubLinkType == pg.SubLinkType_EXPR_SUBLINK {
		s.checkSubLinkPlace(sub.Location)
		s.hasSubLinks = true
		q := s.subquery(sub.Subselect, nil, false, true)
		link := &tree.SubLink{Kind: tree.MultiExprSubLink, Query: q, T: types.Of(types.OIDRecord), Loc: sub.Location}
		if _, ts, _ := targetColumns(q.Target); len(ts) != int(n.Ncolumns) {
			mismatch(sub.Location)
		}
		m := &multiAssign{link: link, id: len(s.multi) + 1}
		link.ID = m.id
		s.multi = append(s.multi, m)
		s.currentMulti = m
		return
	}
	row := n.Source.GetRowExpr()
	if row == nil {
		failf(location(n.Source), pgerr.FeatureNotSupported, "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression")
	}
	args := s.exprList(row.Args, s.kind, true)
	if len(args) != int(n.Ncolumns) {
		mismatch(row.Location)
	}
	s.currentMulti = &multiAssign{row: &tree.RowExpr{Args: args, T: types.Of(types.OIDRecord), Loc: row.Location}}
}

// onConflict analyzes ON CONFLICT (transformOnConflictClause).
func (s *state) onConflict(n *pg.OnConflictClause) *tree.OnConflict {
	oc := &tree.OnConflict{Update: n.Action == pg.OnConflictAction_ONCONFLICT_UPDATE}
	var excluded *nsItem
	if oc.Update {
		excluded = s.addExcluded(oc, s.target)
	}
	s.arbiters(oc, n)
	if oc.Update {
		s.namespace = nil
		s.addToNamespace(excluded, true, true)
		s.addToNamespace(s.targetNS, true, true)
		oc.Set = s.updateTargets(n.TargetList)
		oc.Where = s.where(n.WhereClause, kindWhere, "WHERE")
		s.namespace = nil
		s.addToNamespace(s.targetNS, true, true)
	}
	return oc
}

// addExcluded adds the range table entry of EXCLUDED.
func (s *state) addExcluded(oc *tree.OnConflict, rel *catalog.Relation) *nsItem {
	ns := s.addRelation(rel, lockRowExclusive, &tree.Alias{Name: "excluded"}, false, false)
	ns.rte.RelKind, ns.rte.ReqPerms = 'c', 0
	oc.ExclRel = ns.index
	for i, c := range ns.cols {
		var e tree.Expr = &tree.Const{T: types.Of(types.OIDInt4), Value: types.NullDatum, Loc: -1}
		if c.varno != 0 {
			e = s.colVar(c)
		}
		oc.ExclTarget = append(oc.ExclTarget, tree.TargetEntry{Expr: e, ResNo: i + 1, Name: ns.names.Cols[i]})
	}
	return ns
}

// arbiters analyzes what ON CONFLICT names: a constraint, or columns and expressions of a unique index (transformOnConflictArbiter).
func (s *state) arbiters(oc *tree.OnConflict, n *pg.OnConflictClause) {
	inf := n.Infer
	if oc.Update && inf == nil {
		fail(pgerr.New(pgerr.SyntaxError, "ON CONFLICT DO UPDATE requires inference specification or constraint name").
			WithHint("For example, ON CONFLICT (column_name).").At(int(n.Location)))
	}
	if inf == nil {
		return
	}
	if inf.Conname != "" {
		for _, c := range s.target.Constraints {
			if c.Name == inf.Conname {
				oc.Constraint = c.OID
				return
			}
		}
		fail(pgerr.Newf(pgerr.UndefinedObject, "constraint \"%s\" for table \"%s\" does not exist", inf.Conname, s.target.Name))
	}
	save := s.namespace
	s.namespace = nil
	s.addToNamespace(s.targetNS, true, true)
	for _, e := range inf.IndexElems {
		el := e.GetIndexElem()
		if el.Ordering != pg.SortByDir_SORTBY_DEFAULT {
			failf(inf.Location, pgerr.InvalidColumnReference, "ASC/DESC is not allowed in ON CONFLICT clause")
		}
		if el.NullsOrdering != pg.SortByNulls_SORTBY_NULLS_DEFAULT {
			failf(inf.Location, pgerr.InvalidColumnReference, "NULLS FIRST/LAST is not allowed in ON CONFLICT clause")
		}
		node := el.Expr
		if node == nil {
			node = &pg.Node{Node: &pg.Node_ColumnRef{ColumnRef: &pg.ColumnRef{Fields: []*pg.Node{pg.MakeStrNode(el.Name)}, Location: inf.Location}}}
		}
		x := s.expr(node, kindIndexExpr)
		s.assignCollation(x)
		oc.Arbiters = append(oc.Arbiters, x)
	}
	if inf.WhereClause != nil {
		oc.ArbWhere = s.coerceToBoolean(s.expr(inf.WhereClause, kindIndexPredicate), "WHERE")
		s.assignCollation(oc.ArbWhere)
	}
	s.namespace = save
}

// mergeStmt analyzes MERGE (transformMergeStmt).
func (s *state) mergeStmt(n *pg.MergeStmt) *tree.Query {
	q := &tree.Query{Cmd: tree.CmdMerge}
	if n.WithClause != nil {
		if n.WithClause.Recursive {
			fail(pgerr.New(pgerr.SyntaxError, "WITH RECURSIVE is not supported for MERGE statement"))
		}
		s.withClause(q, n.WithClause)
	}
	perms := uint32(0)
	terminal := [2]bool{}
	for _, w := range n.MergeWhenClauses {
		wc := w.GetMergeWhenClause()
		switch wc.CommandType {
		case pg.CmdType_CMD_INSERT:
			perms |= aclInsert
		case pg.CmdType_CMD_UPDATE:
			perms |= aclUpdate
		case pg.CmdType_CMD_DELETE:
			perms |= aclDelete
		}
		k := 0
		if wc.Matched {
			k = 1
		}
		if terminal[k] {
			fail(pgerr.New(pgerr.SyntaxError, "unreachable WHEN clause specified after unconditional WHEN clause"))
		}
		terminal[k] = wc.Condition == nil
	}
	q.ResultRel = s.setTarget(n.Relation, false, perms)
	if s.target.RelKind != 'r' && s.target.RelKind != 'p' {
		fail(pgerr.Newf(pgerr.FeatureNotSupported, "cannot execute MERGE on relation \"%s\"", s.target.Name).WithDetail("%s", relkindDetail(s.target.RelKind)))
	}
	from := s.fromClause([]*pg.Node{n.SourceRelation})
	source := s.namespace
	for _, ns := range source {
		if ns.relVisible && ns.names.Name == s.targetNS.names.Name {
			fail(pgerr.Newf(pgerr.DuplicateAlias, "name \"%s\" specified more than once", ns.names.Name).
				WithDetail("The name is used both as MERGE target table and data source."))
		}
	}
	s.addToNamespace(s.targetNS, true, true)
	cond := s.where(n.JoinCondition, kindJoinOn, "JOIN/ON")
	q.From = &tree.FromExpr{List: from, Quals: cond}
	for _, w := range n.MergeWhenClauses {
		a := s.mergeAction(w.GetMergeWhenClause())
		q.MergeActions = append(q.MergeActions, a)
		if !a.Matched && a.Cmd != tree.CmdUtility {
			q.MergeUseOuter = true
		}
	}
	s.finish(q)
	s.assignQuery(q)
	return q
}

// mergeAction analyzes one WHEN clause.
func (s *state) mergeAction(w *pg.MergeWhenClause) *tree.MergeAction {
	a := &tree.MergeAction{Matched: w.Matched, Cmd: tree.CmdUtility, Override: overriding(w.Override)}
	// Without a match there is no target row to speak of.
	s.targetNS.relVisible, s.targetNS.colsVisible = w.Matched, w.Matched
	a.Qual = s.where(w.Condition, kindMergeWhen, "WHEN")
	switch w.CommandType {
	case pg.CmdType_CMD_INSERT:
		a.Cmd = tree.CmdInsert
		s.isInsert = true
		cols := s.insertColumns(w.TargetList)
		row := s.exprList(w.Values, kindValuesSingle, true)
		row = s.insertRow(row, cols, len(w.TargetList) > 0 && len(w.Values) > 0, false)
		for i, e := range row {
			a.Target = append(a.Target, tree.TargetEntry{Expr: e, ResNo: cols[i].att, Name: cols[i].name})
			s.markModified(cols[i].att)
		}
	case pg.CmdType_CMD_UPDATE:
		a.Cmd = tree.CmdUpdate
		a.Target = s.updateTargets(w.TargetList)
	case pg.CmdType_CMD_DELETE:
		a.Cmd = tree.CmdDelete
	}
	return a
}

// relkindDetail is the DETAIL of a refusal by kind of relation (errdetail_relkind_not_supported).
func relkindDetail(kind byte) string {
	what := map[byte]string{'r': "tables", 'i': "indexes", 'S': "sequences", 'v': "views", 'm': "materialized views", 'c': "composite types", 'p': "partitioned tables"}[kind]
	return "This operation is not supported for " + what + "."
}
