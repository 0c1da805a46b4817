package analyze

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// fromClause analyzes a FROM list into the join list and namespace of s (transformFromClause).
func (s *state) fromClause(list []*pg.Node) []tree.JoinNode {
	var joins []tree.JoinNode
	for _, n := range list {
		node, _, ns := s.fromItem(n)
		s.checkConflicts(s.namespace, ns)
		setLateral(ns, true, true)
		joins = append(joins, node)
		s.namespace = append(s.namespace, ns...)
	}
	setLateral(s.namespace, false, true)
	return joins
}

func setLateral(ns []*nsItem, only, ok bool) {
	for _, n := range ns {
		n.lateralOnly, n.lateralOK = only, ok
	}
}

// checkConflicts fails when two tables have the same name (checkNameSpaceConflicts).
func (s *state) checkConflicts(a, b []*nsItem) {
	for _, x := range a {
		if !x.relVisible {
			continue
		}
		for _, y := range b {
			if !y.relVisible || x.names.Name != y.names.Name {
				continue
			}
			if x.rte.Kind == tree.RTERelation && x.rte.Alias == nil && y.rte.Kind == tree.RTERelation && y.rte.Alias == nil && x.rte.RelID != y.rte.RelID {
				continue // they can be told apart by schema
			}
			fail(pgerr.Newf(pgerr.DuplicateAlias, "table name \"%s\" specified more than once", x.names.Name))
		}
	}
}

// fromItem analyzes one item of FROM: its join tree node, its own namespace item, and the items it makes visible (transformFromClauseItem).
func (s *state) fromItem(n *pg.Node) (tree.JoinNode, *nsItem, []*nsItem) {
	s.enter()
	defer s.leave()
	var ns *nsItem
	switch x := n.Node.(type) {
	case *pg.Node_RangeVar:
		ns = s.rangeVar(x.RangeVar)
	case *pg.Node_RangeSubselect:
		ns = s.rangeSubselect(x.RangeSubselect)
	case *pg.Node_RangeFunction:
		ns = s.rangeFunction(x.RangeFunction)
	case *pg.Node_JoinExpr:
		return s.join(x.JoinExpr)
	case *pg.Node_RangeTableSample:
		s.fromItem(x.RangeTableSample.Relation)
		unsupported(x.RangeTableSample.Location, "TABLESAMPLE", "Use ORDER BY random() LIMIT n, or WHERE random() < fraction.")
	case *pg.Node_RangeTableFunc:
		unsupported(x.RangeTableFunc.Location, "XMLTABLE", "Store documents as jsonb and use jsonb_to_recordset.")
	default:
		fail(pgerr.Internal("unrecognized FROM item"))
	}
	return &tree.RangeRef{Index: ns.index}, ns, []*nsItem{ns}
}

// rangeVar adds a table or a WITH query.
func (s *state) rangeVar(rv *pg.RangeVar) *nsItem {
	alias := makeAlias(rv.Alias)
	if rv.Schemaname == "" {
		if c, levels := s.findCTE(rv.Relname); c != nil {
			if s.asOf[rv.Location] != nil {
				failf(rv.Location, pgerr.WrongObjectType, "AS OF cannot be applied to WITH query \"%s\"", rv.Relname)
			}
			return s.addCTE(c, levels, alias, rv.Location)
		}
	}
	rel := s.openRelation(rv)
	mode := lockAccessShare
	if s.isLocked(rv) {
		mode = lockRowShare
	}
	ns := s.addRelation(rel, mode, alias, rv.Inh, true)
	if as := s.asOf[rv.Location]; as != nil {
		s.asOfClause(ns.rte, as, rel)
	}
	return ns
}

// openRelation finds a relation that can be read.
func (s *state) openRelation(rv *pg.RangeVar) *catalog.Relation {
	rel := s.rangeVarRelation(rv, s)
	switch rel.RelKind {
	case 'i', 'I':
		fail(pgerr.Newf(pgerr.WrongObjectType, "cannot open relation \"%s\"", rel.Name).WithDetail("This operation is not supported for indexes.").At(int(rv.Location)))
	case 'c':
		fail(pgerr.Newf(pgerr.WrongObjectType, "cannot open relation \"%s\"", rel.Name).WithDetail("This operation is not supported for composite types.").At(int(rv.Location)))
	}
	return rel
}

// isLocked reports whether FOR UPDATE or the like will apply to the table.
func (s *state) isLocked(rv *pg.RangeVar) bool {
	name := rv.Relname
	if rv.Alias != nil {
		name = rv.Alias.Aliasname
	}
	return s.isLockedName(name)
}

func (s *state) isLockedName(name string) bool {
	if s.locked {
		return true
	}
	for _, l := range s.locking {
		if len(l.LockedRels) == 0 {
			return true
		}
		for _, r := range l.LockedRels {
			if name != "" && r.GetRangeVar().GetRelname() == name {
				return true
			}
		}
	}
	return false
}

// rangeSubselect adds a subquery in FROM (transformRangeSubselect).
func (s *state) rangeSubselect(r *pg.RangeSubselect) *nsItem {
	if r.Alias == nil { // the grammar of later releases allows it
		what, example := "subquery", "SELECT"
		if sel := r.Subquery.GetSelectStmt(); sel != nil && len(sel.ValuesLists) > 0 {
			what, example = "VALUES", "VALUES"
		}
		fail(pgerr.Newf(pgerr.SyntaxError, "%s in FROM must have an alias", what).WithHint("For example, FROM (%s ...) [AS] foo.", example).
			At(s.openParen(r.Subquery)))
	}
	saveKind, saveLateral := s.kind, s.lateral
	s.kind, s.lateral = kindFromSubselect, r.Lateral
	q := s.subquery(r.Subquery, nil, s.isLockedName(r.Alias.Aliasname), true)
	s.kind, s.lateral = saveKind, saveLateral
	if q.Cmd != tree.CmdSelect {
		fail(pgerr.Internal("unexpected non-SELECT command in subquery in FROM"))
	}
	return s.addSubquery(q, makeAlias(r.Alias), r.Lateral, true)
}

// subquery analyzes a nested query (parse_sub_analyze).
func (s *state) subquery(n *pg.Node, parentCTE *cte, locked, resolveUnknowns bool) *tree.Query {
	sub := s.child()
	sub.parentCTE, sub.locked, sub.resolveUnknowns = parentCTE, locked, resolveUnknowns
	return sub.statement(n)
}

// rangeFunction adds functions in FROM (transformRangeFunction).
func (s *state) rangeFunction(r *pg.RangeFunction) *nsItem {
	saveLateral := s.lateral
	s.lateral = true
	var exprs []tree.Expr
	var names []string
	var defs [][]*pg.Node
	for _, item := range r.Functions {
		pair := item.GetList().GetItems()
		fn := pair[0]
		var coldefs []*pg.Node
		if len(pair) > 1 {
			coldefs = pair[1].GetList().GetItems()
		}
		for _, f := range splitUnnest(fn, coldefs) {
			last := s.lastSRF
			e := s.expr(f, kindFromFunction)
			if s.lastSRF != last && s.lastSRF != e {
				fail(pgerr.New(pgerr.FeatureNotSupported, "set-returning functions must appear at top level of FROM").At(int(exprLoc(s.lastSRF))))
			}
			exprs, names = append(exprs, e), append(names, figureColname(f))
		}
		if coldefs != nil && r.Coldeflist != nil {
			failf(location(r.Coldeflist[0]), pgerr.SyntaxError, "multiple column definition lists are not allowed for the same function")
		}
		defs = append(defs, coldefs)
		for len(defs) < len(exprs) {
			defs = append(defs, nil)
		}
	}
	s.lateral = saveLateral
	for _, e := range exprs {
		s.assignCollation(e)
	}
	if r.Coldeflist != nil {
		s.checkColumnDefs(r, exprs)
		defs = [][]*pg.Node{r.Coldeflist}
	}
	lateral := r.Lateral
	for _, e := range exprs {
		lateral = lateral || hasLocalVars(e)
	}
	return s.addFunction(names, exprs, defs, r, lateral)
}

// checkColumnDefs refuses a column definition list where it is not clear what it describes.
func (s *state) checkColumnDefs(r *pg.RangeFunction, exprs []tree.Expr) {
	loc := r.Coldeflist[0].GetColumnDef().GetLocation()
	if len(exprs) != 1 {
		if r.IsRowsfrom {
			fail(pgerr.New(pgerr.SyntaxError, "ROWS FROM() with multiple functions cannot have a column definition list").
				WithHint("Put a separate column definition list for each function inside ROWS FROM().").At(int(loc)))
		}
		fail(pgerr.New(pgerr.SyntaxError, "UNNEST() with multiple arguments cannot have a column definition list").
			WithHint("Use separate UNNEST() calls inside ROWS FROM(), and attach a column definition list to each one.").At(int(loc)))
	}
	if r.Ordinality {
		fail(pgerr.New(pgerr.SyntaxError, "WITH ORDINALITY cannot be used with a column definition list").
			WithHint("Put the column definition list inside ROWS FROM().").At(int(loc)))
	}
}

// splitUnnest makes unnest(a, b) two calls.
func splitUnnest(n *pg.Node, coldefs []*pg.Node) []*pg.Node {
	f := n.GetFuncCall()
	if f == nil || len(f.Funcname) != 1 || str(f.Funcname[0]) != "unnest" || len(f.Args) < 2 || f.AggOrder != nil || f.AggFilter != nil || f.Over != nil ||
		f.AggStar || f.AggDistinct || f.FuncVariadic || coldefs != nil {
		return []*pg.Node{n}
	}
	out := make([]*pg.Node, len(f.Args))
	for i, a := range f.Args {
		out[i] = &pg.Node{Node: &pg.Node_FuncCall{FuncCall: &pg.FuncCall{
			Funcname: []*pg.Node{pg.MakeStrNode("pg_catalog"), pg.MakeStrNode("unnest")}, Args: []*pg.Node{a}, Funcformat: f.Funcformat, Location: f.Location,
		}}}
	}
	return out
}

// hasLocalVars reports whether the expression refers to columns of its own query level.
func hasLocalVars(e tree.Expr) bool {
	found := false
	tree.WalkDeep(e, func(x tree.Expr, depth int) bool {
		if v, ok := x.(*tree.Var); ok && v.LevelsUp == depth {
			found = true
		}
		return !found
	})
	return found
}

// addFunction makes the range table entry of functions (addRangeTableEntryForFunction).
func (s *state) addFunction(names []string, exprs []tree.Expr, defs [][]*pg.Node, rf *pg.RangeFunction, lateral bool) *nsItem {
	alias := makeAlias(rf.Alias)
	r := &tree.RTE{Kind: tree.RTEFunction, Alias: alias, Lateral: lateral, InFrom: true, Ordinality: rf.Ordinality}
	r.Eref.Name = names[0]
	if alias != nil {
		r.Eref.Name = alias.Name
	}
	var cols []string
	for i, e := range exprs {
		fn := tree.RangeFunc{Expr: e}
		var fields []rowField
		if i < len(defs) && defs[i] != nil {
			fields = s.definedColumns(e, defs[i])
			for _, f := range fields {
				fn.ColNames, fn.ColTypes, fn.ColColls = append(fn.ColNames, f.Name), append(fn.ColTypes, f.T), append(fn.ColColls, f.Coll)
			}
		} else {
			fields = s.functionColumns(names[i], e, alias, len(exprs))
			if e.Type().OID == types.OIDRecord { // OUT parameters, which may be polymorphic
				for _, f := range fields {
					fn.ColTypes, fn.ColColls = append(fn.ColTypes, f.T), append(fn.ColColls, f.Coll)
				}
			}
		}
		fn.NCols = len(fields)
		r.Funcs = append(r.Funcs, fn)
		for _, f := range fields {
			if f.Dropped {
				cols, r.ColTypes, r.ColColls = append(cols, ""), append(r.ColTypes, types.T{}), append(r.ColColls, 0)
				continue
			}
			cols, r.ColTypes, r.ColColls = append(cols, f.Name), append(r.ColTypes, f.T), append(r.ColColls, f.Coll)
		}
	}
	if rf.Ordinality {
		cols, r.ColTypes, r.ColColls = append(cols, "ordinality"), append(r.ColTypes, types.Of(types.OIDInt8)), append(r.ColColls, 0)
	}
	if len(cols) > maxTargets {
		fail(pgerr.Newf(pgerr.TooManyColumns, "functions in FROM can return at most %d columns", maxTargets))
	}
	r.Eref.Cols = s.applyAliases(r.Eref.Name, cols, alias, func(i int) bool { return r.ColTypes[i].OID == 0 })
	return s.newNSItem(r, s.addRTE(r))
}

// functionColumns are the output columns of a function without a column definition list.
func (s *state) functionColumns(name string, e tree.Expr, alias *tree.Alias, nfuncs int) []rowField {
	t := e.Type()
	if fields := s.rowFields(t.OID); fields != nil {
		return fields
	}
	if t.OID == types.OIDRecord {
		if fields := s.recordFields(e); fields != nil {
			return fields
		}
		failf(exprLoc(e), pgerr.SyntaxError, "a column definition list is required for functions returning \"record\"")
	}
	if ty := s.typ(s.baseType(t.OID)); ty.Kind == types.KindPseudo && t.OID != types.OIDVoid && t.OID != types.OIDUnknown && t.OID != types.OIDCstring {
		failf(exprLoc(e), pgerr.DatatypeMismatch, "function \"%s\" in FROM has unsupported return type %s", name, s.typeName(t.OID))
	}
	col := name
	if out := s.singleOutName(e); out != "" {
		col = out
	} else if nfuncs == 1 && alias != nil {
		col = alias.Name
	}
	return []rowField{{Name: col, T: t, Coll: e.Collation()}}
}

// singleOutName is the name of a function's only OUT parameter.
func (s *state) singleOutName(e tree.Expr) string {
	f, ok := e.(*tree.FuncExpr)
	if !ok {
		return ""
	}
	p := s.cat.Proc(f.Func)
	if p == nil {
		return ""
	}
	name, n := "", 0
	for i, m := range p.ArgModes {
		if m == 'o' || m == 'b' || m == 't' {
			n++
			if i < len(p.ArgNames) {
				name = p.ArgNames[i]
			}
		}
	}
	if n != 1 {
		return ""
	}
	return name
}

// definedColumns are the columns of a column definition list.
func (s *state) definedColumns(e tree.Expr, defs []*pg.Node) []rowField {
	loc := defs[0].GetColumnDef().GetLocation()
	t := e.Type().OID
	switch {
	case t == types.OIDRecord:
		if f, ok := e.(*tree.FuncExpr); ok && s.funcResultFields(f) != nil {
			failf(loc, pgerr.SyntaxError, "a column definition list is redundant for a function with OUT parameters")
		}
	case s.isComplex(t):
		failf(loc, pgerr.SyntaxError, "a column definition list is redundant for a function returning a named composite type")
	default:
		failf(loc, pgerr.SyntaxError, "a column definition list is only allowed for functions returning \"record\"")
	}
	var out []rowField
	for _, d := range defs {
		def := d.GetColumnDef()
		if def.TypeName.Setof {
			failf(def.Location, pgerr.InvalidTableDefinition, "column \"%s\" cannot be declared SETOF", def.Colname)
		}
		t := s.typeOf(def.TypeName)
		s.checkColumnType(def.Colname, t.OID)
		if slices.ContainsFunc(out, func(f rowField) bool { return f.Name == def.Colname }) {
			fail(pgerr.Newf(pgerr.DuplicateColumn, "column name \"%s\" specified more than once", def.Colname))
		}
		coll := s.typeCollation(t.OID)
		if def.CollClause != nil {
			coll = s.collationOf(def.CollClause.Collname, def.CollClause.Location)
		}
		out = append(out, rowField{Name: def.Colname, T: t, Coll: coll})
	}
	return out
}

// checkColumnType refuses pseudo-types as column types.
func (s *state) checkColumnType(name string, oid types.OID) {
	if t := s.typ(oid); t.Kind == types.KindPseudo && oid != types.OIDRecord && oid != types.OIDRecordArray {
		fail(pgerr.Newf(pgerr.InvalidTableDefinition, "column \"%s\" has pseudo-type %s", name, s.typeName(oid)))
	}
}

// join analyzes a JOIN.
func (s *state) join(j *pg.JoinExpr) (tree.JoinNode, *nsItem, []*nsItem) {
	out := &tree.JoinExpr{Natural: j.IsNatural, Alias: makeAlias(j.Alias)}
	switch j.Jointype {
	case pg.JoinType_JOIN_LEFT:
		out.Kind = tree.JoinLeft
	case pg.JoinType_JOIN_FULL:
		out.Kind = tree.JoinFull
	case pg.JoinType_JOIN_RIGHT:
		out.Kind = tree.JoinRight
	}
	var left, right *nsItem
	var leftNS, rightNS []*nsItem
	out.Left, left, leftNS = s.fromItem(j.Larg)
	setLateral(leftNS, true, out.Kind == tree.JoinInner || out.Kind == tree.JoinLeft)
	save := len(s.namespace)
	s.namespace = append(s.namespace, leftNS...)
	out.Right, right, rightNS = s.fromItem(j.Rarg)
	s.namespace = s.namespace[:save:save]
	s.checkConflicts(leftNS, rightNS)
	mine := append(slices.Clone(leftNS), rightNS...)

	using := strs(j.UsingClause)
	if j.IsNatural {
		using = nil
		for i, l := range left.names.Cols {
			if left.cols[i].varno != 0 && slices.Contains(right.names.Cols, l) {
				using = append(using, l)
			}
		}
	}
	b := &joinBuilder{s: s, left: left, right: right, kind: out.Kind, usedLeft: map[int]bool{}, usedRight: map[int]bool{}}
	b.rte = &tree.RTE{Kind: tree.RTEJoin, JoinType: out.Kind, Alias: out.Alias, InFrom: true}
	index := len(s.rtable) + 1
	switch {
	case len(using) > 0 || j.IsNatural:
		out.Using = using
		out.Quals = b.using(using, index)
	case j.Quals != nil:
		save := s.namespace
		setLateral(mine, false, true)
		s.namespace = mine
		out.Quals = s.where(j.Quals, kindJoinOn, "JOIN/ON")
		s.namespace = save
		index = len(s.rtable) + 1
	}
	b.rest(left, b.usedLeft)
	b.rest(right, b.usedRight)
	names := b.names
	if out.Alias != nil {
		if len(out.Alias.Cols) > len(names) {
			fail(pgerr.Newf(pgerr.InvalidColumnReference, "join expression \"%s\" has %d columns available but %d columns specified",
				out.Alias.Name, len(names), len(out.Alias.Cols)))
		}
		b.rte.Eref.Name = out.Alias.Name
		names = append(slices.Clone(out.Alias.Cols), names[len(out.Alias.Cols):]...)
	} else {
		b.rte.Eref.Name = "unnamed_join"
	}
	b.rte.Eref.Cols = names
	if j.JoinUsingAlias != nil {
		b.rte.UsingAlias = j.JoinUsingAlias.Aliasname
	}
	for _, e := range b.rte.JoinAlias {
		b.rte.ColTypes, b.rte.ColColls = append(b.rte.ColTypes, e.Type()), append(b.rte.ColColls, e.Collation())
	}
	if got := s.addRTE(b.rte); got != index {
		fail(pgerr.Internal("join range table index changed"))
	}
	out.Index = index
	ns := &nsItem{names: b.rte.Eref, rte: b.rte, index: index, cols: b.cols, relVisible: out.Alias != nil, colsVisible: true, lateralOK: true}
	if j.JoinUsingAlias != nil {
		merged := &nsItem{rte: b.rte, index: index, cols: b.cols[:b.rte.JoinMerged], relVisible: true, lateralOK: true}
		merged.names = tree.Alias{Name: j.JoinUsingAlias.Aliasname, Cols: b.rte.Eref.Cols[:b.rte.JoinMerged]}
		s.checkConflicts([]*nsItem{merged}, mine)
		mine = append(mine, merged)
	}
	if out.Alias != nil {
		mine = nil // the alias hides what is inside
	} else {
		for _, m := range mine {
			m.colsVisible = false
		}
	}
	return out, ns, append(mine, ns)
}

// joinBuilder collects the columns of a join.
type joinBuilder struct {
	s                   *state
	left, right         *nsItem
	kind                tree.JoinType
	rte                 *tree.RTE
	names               []string
	cols                []nsCol
	usedLeft, usedRight map[int]bool
}

// using merges the USING columns and returns the join's condition.
func (b *joinBuilder) using(cols []string, index int) tree.Expr {
	s := b.s
	var quals []tree.Expr
	for i, name := range cols {
		if slices.Contains(cols[:i], name) {
			fail(pgerr.Newf(pgerr.DuplicateColumn, "column name \"%s\" appears more than once in USING clause", name))
		}
		l := usingColumn(b.left, name, "left")
		r := usingColumn(b.right, name, "right")
		b.usedLeft[l], b.usedRight[r] = true, true
		lv, rv := s.colVar(b.left.cols[l]), s.colVar(b.right.cols[r])
		s.markRead(b.left.cols[l].varno, b.left.cols[l].att)
		s.markRead(b.right.cols[r].varno, b.right.cols[r].att)
		save := s.kind
		s.kind = kindJoinUsing
		q := s.makeOp(plainOp("="), tree.CopyExpr(lv), tree.CopyExpr(rv), s.lastSRF, -1)
		quals = append(quals, s.coerceToBoolean(q, "JOIN/USING"))
		s.kind = save
		merged := b.merge(lv, rv)
		b.names = append(b.names, name)
		switch merged {
		case tree.Expr(lv):
			b.cols = append(b.cols, b.left.cols[l])
		case tree.Expr(rv):
			b.cols = append(b.cols, b.right.cols[r])
		default:
			b.cols = append(b.cols, nsCol{varno: index, att: len(b.cols) + 1, t: merged.Type(), coll: merged.Collation()})
		}
		b.rte.JoinAlias = append(b.rte.JoinAlias, merged)
	}
	b.rte.JoinMerged = len(cols)
	var out tree.Expr
	switch len(quals) {
	case 0: // NATURAL join without common columns
		return nil
	case 1:
		out = quals[0]
	default:
		out = &tree.BoolExpr{Op: tree.And, Args: quals, Loc: -1}
	}
	s.assignCollation(out)
	return out
}

func usingColumn(ns *nsItem, name, side string) int {
	found := -1
	for i, c := range ns.names.Cols {
		if c == name && ns.cols[i].varno != 0 {
			if found >= 0 {
				fail(pgerr.Newf(pgerr.AmbiguousColumn, "common column name \"%s\" appears more than once in %s table", name, side))
			}
			found = i
		}
	}
	if found < 0 {
		fail(pgerr.Newf(pgerr.UndefinedColumn, "column \"%s\" specified in USING clause does not exist in %s table", name, side))
	}
	return found
}

// colVar makes the Var that a namespace column stands for.
func (s *state) colVar(c nsCol) *tree.Var {
	return &tree.Var{VarNo: c.varno, AttNo: c.att, T: c.t, Coll: c.coll, Loc: -1}
}

// merge builds the value of a USING column (buildMergedJoinVar).
func (b *joinBuilder) merge(l, r *tree.Var) tree.Expr {
	s := b.s
	pair := []tree.Expr{l, r}
	oid, _ := s.commonType(pair, "JOIN/USING")
	t := types.T{OID: oid, Mod: commonMod(pair, oid)}
	conv := func(v *tree.Var) tree.Expr {
		if v.T.OID != t.OID {
			return s.coerce(v, v.T.OID, t, implicit, tree.CoerceImplicitCast, -1)
		}
		if v.T.Mod != t.Mod {
			return &tree.RelabelType{Arg: v, T: t, Coll: v.Coll, Form: tree.CoerceImplicitCast, Loc: -1}
		}
		return v
	}
	le, re := conv(l), conv(r)
	var out tree.Expr
	switch b.kind {
	case tree.JoinInner:
		out = le
		if _, ok := le.(*tree.Var); !ok {
			if _, ok := re.(*tree.Var); ok {
				out = re
			}
		}
	case tree.JoinLeft:
		out = le
	case tree.JoinRight:
		out = re
	default:
		out = &tree.CoalesceExpr{T: t, Args: []tree.Expr{le, re}, Loc: -1}
	}
	s.assignCollation(out)
	return out
}

// rest adds the columns that USING didn't merge.
func (b *joinBuilder) rest(ns *nsItem, used map[int]bool) {
	for i, c := range ns.cols {
		if used[i] || c.varno == 0 {
			continue
		}
		b.names = append(b.names, ns.names.Cols[i])
		b.cols = append(b.cols, c)
		b.rte.JoinAlias = append(b.rte.JoinAlias, b.s.colVar(c))
	}
}

// where analyzes a condition (transformWhereClause); nil for none.
func (s *state) where(n *pg.Node, kind exprKind, construct string) tree.Expr {
	if n == nil {
		return nil
	}
	return s.coerceToBoolean(s.expr(n, kind), construct)
}
