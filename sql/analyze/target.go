package analyze

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// targetList analyzes a select list or RETURNING, expanding stars (transformTargetList).
func (s *state) targetList(list []*pg.Node, kind exprKind) []tree.TargetEntry {
	var out []tree.TargetEntry
	for _, n := range list {
		res := n.GetResTarget()
		val := res.Val
		if kind != kindUpdateSource {
			if c := val.GetColumnRef(); c != nil && c.Fields[len(c.Fields)-1].GetAStar() != nil {
				save := s.kind
				s.kind = kind
				out = s.appendStar(out, s.expandStarItems(c))
				s.kind = save
				continue
			}
			if ind := val.GetAIndirection(); ind != nil && ind.Indirection[len(ind.Indirection)-1].GetAStar() != nil {
				names, es := s.expandIndirectionStar(ind, kind)
				out = s.appendStar(out, starItems{names, es})
				continue
			}
		}
		out = append(out, s.targetEntry(val, kind, res.Name))
	}
	return out
}

// targetEntry analyzes one expression of a target list (transformTargetEntry).
func (s *state) targetEntry(n *pg.Node, kind exprKind, name string) tree.TargetEntry {
	var e tree.Expr
	if d := n.GetSetToDefault(); d != nil && kind == kindUpdateSource {
		e = &tree.SetToDefault{T: types.Of(types.OIDUnknown), Loc: d.Location}
	} else {
		e = s.expr(n, kind)
	}
	if name == "" {
		name = figureColname(n)
	}
	te := tree.TargetEntry{Expr: e, ResNo: s.nextResNo, Name: name}
	s.nextResNo++
	return te
}

// starItems are the names and expressions that a star stands for.
type starItems struct {
	names []string
	exprs []tree.Expr
}

func (s *state) appendStar(out []tree.TargetEntry, items starItems) []tree.TargetEntry {
	for i, e := range items.exprs {
		out = append(out, tree.TargetEntry{Expr: e, ResNo: s.nextResNo, Name: items.names[i]})
		s.nextResNo++
	}
	return out
}

func (s *state) expandStarItems(c *pg.ColumnRef) starItems {
	names, exprs := s.expandStar(c)
	return starItems{names, exprs}
}

// expandStar expands * and t.* (ExpandColumnRefStar).
func (s *state) expandStar(c *pg.ColumnRef) ([]string, []tree.Expr) {
	f := c.Fields
	if len(f) == 1 {
		return s.expandAll(c.Location)
	}
	schema, table := "", ""
	switch len(f) {
	case 2:
		table = str(f[0])
	case 3:
		schema, table = str(f[0]), str(f[1])
	case 4:
		if !s.isThisDatabase(str(f[0])) {
			failf(c.Location, pgerr.FeatureNotSupported, "cross-database references are not implemented: %s", nameListToString(f))
		}
		schema, table = str(f[1]), str(f[2])
	default:
		failf(c.Location, pgerr.SyntaxError, "improper qualified name (too many dotted names): %s", nameListToString(f))
	}
	ns, levels := s.findNSItem(schema, table, c.Location)
	if ns == nil {
		// It may be a composite column.
		if e := s.starColumn(c); e != nil {
			return s.expandRow(e, c.Location)
		}
		s.missingTable(schema, table, c.Location)
	}
	return s.expandNSItem(ns, levels, c.Location)
}

// starColumn resolves the part of c.f.* before the star as a column, nil when it is none.
func (s *state) starColumn(c *pg.ColumnRef) tree.Expr {
	f := c.Fields[:len(c.Fields)-1]
	switch len(f) {
	case 1:
		return s.columnVar(str(f[0]), false, c.Location)
	case 2:
		if ns, levels := s.findNSItem("", str(f[0]), c.Location); ns != nil {
			return s.scanNSItem(ns, levels, str(f[1]), c.Location, false)
		}
	}
	return nil
}

// expandAll expands an unqualified * (ExpandAllTables).
func (s *state) expandAll(loc int32) (names []string, exprs []tree.Expr) {
	found := false
	for _, ns := range s.namespace {
		if !ns.colsVisible {
			continue
		}
		found = true
		n, e := s.expandNSItem(ns, 0, loc)
		names, exprs = append(names, n...), append(exprs, e...)
	}
	if !found {
		failf(loc, pgerr.SyntaxError, "SELECT * with no tables specified is not valid")
	}
	return names, exprs
}

// expandNSItem lists the columns of a table (expandNSItemAttrs).
func (s *state) expandNSItem(ns *nsItem, levels int, loc int32) (names []string, exprs []tree.Expr) {
	if ns.rte.Kind == tree.RTERelation {
		s.up(levels).requireSelect(ns.rte)
	}
	for i, c := range ns.cols {
		if c.varno == 0 || c.dontExpand {
			continue
		}
		names = append(names, ns.names.Cols[i])
		exprs = append(exprs, s.nsVar(ns, levels, i+1, ns.names.Cols[i], loc))
	}
	return names, exprs
}

// requireSelect makes sure that the privilege to read is asked for, even of a table without columns.
func (s *state) requireSelect(r *tree.RTE) { r.ReqPerms |= aclSelect }

// expandIndirectionStar expands (x).* (ExpandIndirectionStar).
func (s *state) expandIndirectionStar(n *pg.A_Indirection, kind exprKind) ([]string, []tree.Expr) {
	save := s.kind
	s.kind = kind
	e := s.recurse(n.Arg)
	if k := len(n.Indirection) - 1; k > 0 {
		e = s.applyIndirection(e, n.Indirection[:k], location(n.Arg))
	}
	s.kind = save
	return s.expandRow(e, location(n.Arg))
}

// expandRow makes an expression for each field of a composite value (ExpandRowReference).
func (s *state) expandRow(e tree.Expr, loc int32) (names []string, exprs []tree.Expr) {
	if v, ok := e.(*tree.Var); ok && v.AttNo == 0 {
		if ns := s.nsItemOf(v.VarNo, v.LevelsUp); ns != nil {
			return s.expandNSItem(ns, v.LevelsUp, loc)
		}
	}
	var fields []rowField
	t := e.Type().OID
	switch {
	case t == types.OIDRecord:
		if fields = s.recordFields(e); fields == nil {
			fail(pgerr.New(pgerr.WrongObjectType, "record type has not been registered"))
		}
	default:
		if fields = s.rowFields(t); fields == nil {
			failf(exprLoc(e), pgerr.WrongObjectType, "type %s is not composite", s.typeName(t))
		}
	}
	for i, f := range fields {
		if f.Dropped {
			continue
		}
		names = append(names, f.Name)
		exprs = append(exprs, &tree.FieldSelect{Arg: tree.CopyExpr(e), Field: i + 1, T: f.T, Coll: f.Coll})
	}
	return names, exprs
}

// resolveUnknown makes the unknown literals of a target list text (resolveTargetListUnknowns).
func (s *state) resolveUnknown(list []tree.TargetEntry) {
	for i := range list {
		if e := list[i].Expr; e.Type().OID == types.OIDUnknown {
			list[i].Expr = s.coerce(e, types.OIDUnknown, types.Of(types.OIDText), implicit, tree.CoerceImplicitCast, -1)
		}
	}
}

// markOrigins notes which table columns output columns come from (markTargetListOrigins).
func (s *state) markOrigins(list []tree.TargetEntry) {
	for i := range list {
		if v, ok := list[i].Expr.(*tree.Var); ok {
			list[i].OrigTbl, list[i].OrigCol = s.origin(v, v.LevelsUp)
		}
	}
}

func (s *state) origin(v *tree.Var, levels int) (types.OID, int) {
	st := s.up(levels)
	if st == nil {
		return 0, 0
	}
	r := st.rtable[v.VarNo-1]
	switch r.Kind {
	case tree.RTERelation:
		if v.AttNo == 0 {
			return 0, 0
		}
		return r.RelID, v.AttNo
	case tree.RTESubquery:
		if te := targetByResNo(r.Subquery.Target, v.AttNo); te != nil && v.AttNo > 0 {
			return te.OrigTbl, te.OrigCol
		}
	case tree.RTEJoin:
		if v.AttNo > 0 && v.AttNo <= len(r.JoinAlias) {
			if w, ok := r.JoinAlias[v.AttNo-1].(*tree.Var); ok {
				return st.origin(w, w.LevelsUp)
			}
		}
	case tree.RTECTE:
		if r.SelfRef || v.AttNo <= 0 {
			return 0, 0
		}
		if c := st.up(r.CTELevels).cteNamed(r.CTEName); c != nil && c.query != nil {
			if te := targetByResNo(output(c.query), v.AttNo); te != nil {
				return te.OrigTbl, te.OrigCol
			}
		}
	}
	return 0, 0
}

// figureColname is the name of an output column without AS (FigureColname).
func figureColname(n *pg.Node) string {
	name, _ := figureName(n)
	if name == "" {
		return "?column?"
	}
	return name
}

// figureName returns a name and how good it is: 0 none, 1 weak (a type's), 2 strong (FigureColnameInternal).
func figureName(n *pg.Node) (string, int) {
	if n == nil {
		return "", 0
	}
	last := func(list []*pg.Node) string {
		name := ""
		for _, f := range list {
			if f.GetString_() != nil {
				name = str(f)
			}
		}
		return name
	}
	switch x := n.Node.(type) {
	case *pg.Node_ColumnRef:
		if name := last(x.ColumnRef.Fields); name != "" {
			return name, 2
		}
	case *pg.Node_AIndirection:
		if name := last(x.AIndirection.Indirection); name != "" {
			return name, 2
		}
		return figureName(x.AIndirection.Arg)
	case *pg.Node_FuncCall:
		return str(x.FuncCall.Funcname[len(x.FuncCall.Funcname)-1]), 2
	case *pg.Node_AExpr:
		if x.AExpr.Kind == pg.A_Expr_Kind_AEXPR_NULLIF {
			return "nullif", 2
		}
	case *pg.Node_TypeCast:
		if name, s := figureName(x.TypeCast.Arg); s > 1 {
			return name, s
		}
		if t := x.TypeCast.TypeName; t != nil && len(t.Names) > 0 {
			return str(t.Names[len(t.Names)-1]), 1
		}
	case *pg.Node_CollateClause:
		return figureName(x.CollateClause.Arg)
	case *pg.Node_GroupingFunc:
		return "grouping", 2
	case *pg.Node_SubLink:
		switch x.SubLink.SubLinkType {
		case pg.SubLinkType_EXISTS_SUBLINK:
			return "exists", 2
		case pg.SubLinkType_ARRAY_SUBLINK:
			return "array", 2
		case pg.SubLinkType_EXPR_SUBLINK:
			sel := x.SubLink.Subselect.GetSelectStmt()
			for sel != nil && sel.Larg != nil {
				sel = sel.Larg
			}
			if sel != nil && len(sel.TargetList) > 0 {
				t := sel.TargetList[0].GetResTarget()
				if t.Name != "" {
					return t.Name, 2
				}
				return figureName(t.Val)
			}
		}
	case *pg.Node_CaseExpr:
		name, s := figureName(x.CaseExpr.Defresult)
		if s <= 1 {
			return "case", 1
		}
		return name, s
	case *pg.Node_AArrayExpr:
		return "array", 2
	case *pg.Node_RowExpr:
		return "row", 2
	case *pg.Node_CoalesceExpr:
		return "coalesce", 2
	case *pg.Node_MinMaxExpr:
		if x.MinMaxExpr.Op == pg.MinMaxOp_IS_LEAST {
			return "least", 2
		}
		return "greatest", 2
	case *pg.Node_SqlvalueFunction:
		switch x.SqlvalueFunction.Op {
		case pg.SQLValueFunctionOp_SVFOP_CURRENT_DATE:
			return "current_date", 2
		case pg.SQLValueFunctionOp_SVFOP_CURRENT_TIME, pg.SQLValueFunctionOp_SVFOP_CURRENT_TIME_N:
			return "current_time", 2
		case pg.SQLValueFunctionOp_SVFOP_CURRENT_TIMESTAMP, pg.SQLValueFunctionOp_SVFOP_CURRENT_TIMESTAMP_N:
			return "current_timestamp", 2
		case pg.SQLValueFunctionOp_SVFOP_LOCALTIME, pg.SQLValueFunctionOp_SVFOP_LOCALTIME_N:
			return "localtime", 2
		case pg.SQLValueFunctionOp_SVFOP_LOCALTIMESTAMP, pg.SQLValueFunctionOp_SVFOP_LOCALTIMESTAMP_N:
			return "localtimestamp", 2
		case pg.SQLValueFunctionOp_SVFOP_CURRENT_ROLE:
			return "current_role", 2
		case pg.SQLValueFunctionOp_SVFOP_CURRENT_USER:
			return "current_user", 2
		case pg.SQLValueFunctionOp_SVFOP_USER:
			return "user", 2
		case pg.SQLValueFunctionOp_SVFOP_SESSION_USER:
			return "session_user", 2
		case pg.SQLValueFunctionOp_SVFOP_CURRENT_CATALOG:
			return "current_catalog", 2
		case pg.SQLValueFunctionOp_SVFOP_CURRENT_SCHEMA:
			return "current_schema", 2
		}
	}
	return "", 0
}
