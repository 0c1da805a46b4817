package analyze

import (
	"strconv"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// expr analyzes an expression of a part of the statement (transformExpr).
func (s *state) expr(n *pg.Node, kind exprKind) tree.Expr {
	save := s.kind
	s.kind = kind
	out := s.recurse(n)
	s.kind = save
	return out
}

// recurse analyzes an expression of the same part (transformExprRecurse).
func (s *state) recurse(n *pg.Node) tree.Expr {
	if n == nil {
		return nil
	}
	s.enter()
	defer s.leave()
	switch x := n.Node.(type) {
	case *pg.Node_ColumnRef:
		return s.columnRef(x.ColumnRef)
	case *pg.Node_ParamRef:
		return s.params.ref(s, int(x.ParamRef.Number), x.ParamRef.Location)
	case *pg.Node_AConst:
		return s.constant(x.AConst)
	case *pg.Node_AIndirection:
		return s.indirection(x.AIndirection)
	case *pg.Node_AArrayExpr:
		return s.arrayExpr(x.AArrayExpr, 0, 0, -1)
	case *pg.Node_TypeCast:
		return s.typeCast(x.TypeCast)
	case *pg.Node_CollateClause:
		return s.collateClause(x.CollateClause)
	case *pg.Node_AExpr:
		return s.aExpr(x.AExpr)
	case *pg.Node_BoolExpr:
		return s.boolExpr(x.BoolExpr)
	case *pg.Node_FuncCall:
		return s.funcCall(x.FuncCall)
	case *pg.Node_MultiAssignRef:
		return s.multiAssignRef(x.MultiAssignRef)
	case *pg.Node_GroupingFunc:
		return s.groupingFunc(x.GroupingFunc)
	case *pg.Node_NamedArgExpr:
		return &tree.NamedArgExpr{Arg: s.recurse(x.NamedArgExpr.Arg), Name: x.NamedArgExpr.Name, Pos: -1, Loc: x.NamedArgExpr.Location}
	case *pg.Node_SubLink:
		return s.subLink(x.SubLink.SubLinkType, x.SubLink.Testexpr, x.SubLink.OperName, x.SubLink.Subselect, x.SubLink.Location)
	case *pg.Node_CaseExpr:
		return s.caseExpr(x.CaseExpr)
	case *pg.Node_RowExpr:
		return s.rowExpr(x.RowExpr)
	case *pg.Node_CoalesceExpr:
		return s.coalesce(x.CoalesceExpr)
	case *pg.Node_MinMaxExpr:
		return s.minMax(x.MinMaxExpr)
	case *pg.Node_SqlvalueFunction:
		return s.sqlValue(x.SqlvalueFunction)
	case *pg.Node_NullTest:
		arg := s.recurse(x.NullTest.Arg)
		return &tree.NullTest{Arg: arg, IsNotNull: x.NullTest.Nulltesttype == pg.NullTestType_IS_NOT_NULL,
			RowFormat: s.isRowType(arg.Type().OID), Loc: x.NullTest.Location}
	case *pg.Node_BooleanTest:
		return s.booleanTest(x.BooleanTest)
	case *pg.Node_CurrentOfExpr:
		return s.currentOf(x.CurrentOfExpr)
	case *pg.Node_SetToDefault:
		failf(x.SetToDefault.Location, pgerr.SyntaxError, "DEFAULT is not allowed in this context")
	case *pg.Node_XmlExpr, *pg.Node_XmlSerialize:
		// What a PostgreSQL built without libxml says.
		fail(pgerr.New(pgerr.FeatureNotSupported, "unsupported XML feature").
			WithDetail("This functionality requires the server to be built with libxml support."))
	case *pg.Node_List:
		fail(pgerr.New(pgerr.SyntaxError, "syntax error").At(int(location(n))))
	case *pg.Node_JsonObjectConstructor, *pg.Node_JsonArrayConstructor, *pg.Node_JsonArrayQueryConstructor, *pg.Node_JsonAggConstructor,
		*pg.Node_JsonObjectAgg, *pg.Node_JsonArrayAgg, *pg.Node_JsonIsPredicate:
		unsupported(-1, "this SQL/JSON constructor", "PostgreSQL 15 does not have it either; use json_build_object, json_agg and the like.")
	}
	fail(pgerr.Internal("unrecognized expression node %T", n.Node))
	return nil
}

// columnRef resolves a column, field or whole-row reference (transformColumnRef).
func (s *state) columnRef(n *pg.ColumnRef) tree.Expr {
	loc := n.Location
	switch s.kind {
	case kindDefault:
		failf(loc, pgerr.FeatureNotSupported, "cannot use column reference in DEFAULT expression")
	case kindPartitionBound:
		failf(loc, pgerr.FeatureNotSupported, "cannot use column reference in partition bound expression")
	}
	fields := n.Fields
	if len(fields) == 1 {
		if fields[0].GetAStar() != nil {
			failf(loc, pgerr.SyntaxError, "row expansion via \"*\" is not supported here")
		}
		name := str(fields[0])
		if s.column != nil {
			if e := s.column(name, loc); e != nil {
				return e
			}
		}
		if e := s.columnVar(name, false, loc); e != nil {
			return e
		}
		if ns, levels := s.findNSItem("", name, loc); ns != nil {
			return s.wholeRow(ns, levels, loc)
		}
		if e := s.functionParam(fields, loc); e != nil {
			return e
		}
		s.missingColumn("", name, loc)
	}
	schema, table := "", ""
	switch len(fields) {
	case 2:
		table = str(fields[0])
	case 3:
		schema, table = str(fields[0]), str(fields[1])
	case 4:
		if !s.isThisDatabase(str(fields[0])) {
			failf(loc, pgerr.FeatureNotSupported, "cross-database references are not implemented: %s", nameListToString(fields))
		}
		schema, table = str(fields[1]), str(fields[2])
	default:
		failf(loc, pgerr.SyntaxError, "improper qualified name (too many dotted names): %s", nameListToString(fields))
	}
	ns, levels := s.findNSItem(schema, table, loc)
	if ns == nil {
		if e := s.functionParam(fields, loc); e != nil {
			return e
		}
		s.missingTable(schema, table, loc)
	}
	last := fields[len(fields)-1]
	if last.GetAStar() != nil {
		return s.wholeRow(ns, levels, loc)
	}
	name := str(last)
	if e := s.scanNSItem(ns, levels, name, loc, false); e != nil {
		return e
	}
	// It may be a function of the whole row.
	row := s.wholeRow(ns, levels, loc)
	if e := s.funcOrColumn([]*pg.Node{last}, []tree.Expr{row}, s.lastSRF, nil, loc); e != nil {
		return e
	}
	if e := s.functionParam(fields, loc); e != nil {
		return e
	}
	s.missingColumn(table, name, loc)
	return nil
}

// constant makes a literal (make_const). A string or NULL is of type unknown.
func (s *state) constant(n *pg.A_Const) tree.Expr {
	c := &tree.Const{Loc: n.Location}
	if n.Isnull {
		c.T, c.Value = types.Of(types.OIDUnknown), types.NullDatum
		return c
	}
	switch v := n.Val.(type) {
	case *pg.A_Const_Ival:
		c.T, c.Value = types.Of(types.OIDInt4), types.Int(int64(v.Ival.Ival))
	case *pg.A_Const_Boolval:
		c.T, c.Value = types.Of(types.OIDBool), types.Bool(v.Boolval.Boolval)
	case *pg.A_Const_Fval:
		s.numberConst(c, v.Fval.Fval)
	case *pg.A_Const_Sval:
		c.T, c.Value = types.Of(types.OIDUnknown), types.Str(v.Sval.Sval)
	case *pg.A_Const_Bsval:
		d, err := types.In(s.io, types.Of(types.OIDBit), v.Bsval.Bsval)
		if err != nil {
			failAt(err, n.Location)
		}
		c.T, c.Value = types.Of(types.OIDBit), d
	default:
		fail(pgerr.Internal("unrecognized constant"))
	}
	return c
}

// numberConst makes a number that is no int4: int8 if it fits, else numeric.
func (s *state) numberConst(c *tree.Const, text string) {
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		c.T, c.Value = types.Of(types.OIDInt8), types.Int(i)
		if int64(int32(i)) == i {
			c.T = types.Of(types.OIDInt4)
		}
		return
	}
	if i, err := strconv.ParseInt(text, 0, 64); err == nil && len(text) > 1 && text[0] == '0' { // 0x and the like, too large for int4
		c.T, c.Value = types.Of(types.OIDInt8), types.Int(i)
		return
	}
	d, err := types.In(s.io, types.Of(types.OIDNumeric), text)
	if err != nil {
		failAt(err, c.Loc)
	}
	c.T, c.Value = types.Of(types.OIDNumeric), d
}

// typeCast analyzes CAST(x AS type) and x::type (transformTypeCast).
func (s *state) typeCast(n *pg.TypeCast) tree.Expr {
	target := s.typeOf(n.TypeName)
	var e tree.Expr
	if a := n.Arg.GetAArrayExpr(); a != nil {
		// The elements are coerced straight to the element type.
		base := s.baseTypeMod(target)
		if elem := s.elemType(base.OID); elem != 0 {
			e = s.arrayExpr(a, base.OID, elem, base.Mod)
		}
	}
	if e == nil {
		e = s.recurse(n.Arg)
	}
	loc := n.Location
	if loc < 0 {
		loc = n.TypeName.Location
	}
	in := e.Type().OID
	out := s.coerceToTarget(e, in, target, explicit, tree.CoerceExplicitCast, loc)
	if out == nil {
		failf(loc, pgerr.CannotCoerce, "cannot cast type %s to %s", s.typeName(in), s.typeName(target.OID))
	}
	return out
}

// collateClause analyzes x COLLATE c (transformCollateClause).
func (s *state) collateClause(n *pg.CollateClause) tree.Expr {
	arg := s.recurse(n.Arg)
	t := arg.Type().OID
	if s.typeCollation(t) == 0 && t != types.OIDUnknown {
		failf(n.Location, pgerr.DatatypeMismatch, "collations are not supported by type %s", s.typeName(t))
	}
	return &tree.CollateExpr{Arg: arg, Coll: s.collationOf(n.Collname, n.Location), Loc: n.Location}
}

// boolExpr analyzes AND, OR and NOT.
func (s *state) boolExpr(n *pg.BoolExpr) tree.Expr {
	out := &tree.BoolExpr{Loc: n.Location}
	name := "AND"
	switch n.Boolop {
	case pg.BoolExprType_OR_EXPR:
		out.Op, name = tree.Or, "OR"
	case pg.BoolExprType_NOT_EXPR:
		out.Op, name = tree.Not, "NOT"
	}
	for _, a := range n.Args {
		out.Args = append(out.Args, s.coerceToBoolean(s.recurse(a), name))
	}
	return out
}

func (s *state) booleanTest(n *pg.BooleanTest) tree.Expr {
	kinds := map[pg.BoolTestType]struct {
		kind tree.BooleanTestKind
		name string
	}{
		pg.BoolTestType_IS_TRUE: {tree.IsTrue, "IS TRUE"}, pg.BoolTestType_IS_NOT_TRUE: {tree.IsNotTrue, "IS NOT TRUE"},
		pg.BoolTestType_IS_FALSE: {tree.IsFalse, "IS FALSE"}, pg.BoolTestType_IS_NOT_FALSE: {tree.IsNotFalse, "IS NOT FALSE"},
		pg.BoolTestType_IS_UNKNOWN: {tree.IsUnknown, "IS UNKNOWN"}, pg.BoolTestType_IS_NOT_UNKNOWN: {tree.IsNotUnknown, "IS NOT UNKNOWN"},
	}
	k := kinds[n.Booltesttype]
	return &tree.BooleanTest{Arg: s.coerceToBoolean(s.recurse(n.Arg), k.name), Kind: k.kind, Loc: n.Location}
}

// checkNoSRF fails when the parts of a conditional construct contain a set-returning call.
func (s *state) checkNoSRF(last tree.Expr, construct string) {
	if s.lastSRF != last {
		fail(pgerr.Newf(pgerr.FeatureNotSupported, "set-returning functions are not allowed in %s", construct).
			WithHint(lateralSRFHint).At(int(exprLoc(s.lastSRF))))
	}
}

// caseExpr analyzes CASE (transformCaseExpr).
func (s *state) caseExpr(n *pg.CaseExpr) tree.Expr {
	out := &tree.CaseExpr{Loc: n.Location}
	last := s.lastSRF
	var test tree.CaseTestExpr
	if n.Arg != nil {
		arg := s.recurse(n.Arg)
		if arg.Type().OID == types.OIDUnknown {
			arg = s.coerceToCommon(arg, types.OIDText, "CASE")
		}
		s.assignCollation(arg)
		out.Arg = arg
		test = tree.CaseTestExpr{T: arg.Type(), Coll: arg.Collation()}
	}
	var results []tree.Expr
	for _, w := range n.Args {
		when := w.GetCaseWhen()
		cond := s.recurse(when.Expr)
		if out.Arg != nil {
			t := test
			cond = s.makeOp(plainOp("="), &t, cond, s.lastSRF, when.Location)
		}
		cond = s.coerceToBoolean(cond, "CASE/WHEN")
		res := s.recurse(when.Result)
		out.Whens = append(out.Whens, tree.CaseWhen{Cond: cond, Result: res})
		results = append(results, res)
	}
	out.Else = &tree.Const{T: types.Of(types.OIDUnknown), Value: types.NullDatum, Loc: -1}
	if n.Defresult != nil {
		out.Else = s.recurse(n.Defresult)
	}
	t, _ := s.commonType(append([]tree.Expr{out.Else}, results...), "CASE")
	out.Else = s.coerceToCommon(out.Else, t, "CASE/ELSE")
	all := []tree.Expr{out.Else}
	for i := range out.Whens {
		out.Whens[i].Result = s.coerceToCommon(out.Whens[i].Result, t, "CASE/WHEN")
		all = append(all, out.Whens[i].Result)
	}
	out.T = types.T{OID: t, Mod: commonMod(all, t)}
	s.checkNoSRF(last, "CASE")
	return out
}

// commonArgs analyzes arguments and gives them their common type.
func (s *state) commonArgs(list []*pg.Node, construct string) ([]tree.Expr, types.T) {
	args := make([]tree.Expr, len(list))
	for i, n := range list {
		args[i] = s.recurse(n)
	}
	t, _ := s.commonType(args, construct)
	for i := range args {
		args[i] = s.coerceToCommon(args[i], t, construct)
	}
	return args, types.T{OID: t, Mod: commonMod(args, t)}
}

func (s *state) coalesce(n *pg.CoalesceExpr) tree.Expr {
	last := s.lastSRF
	args, t := s.commonArgs(n.Args, "COALESCE")
	s.checkNoSRF(last, "COALESCE")
	return &tree.CoalesceExpr{T: t, Args: args, Loc: n.Location}
}

func (s *state) minMax(n *pg.MinMaxExpr) tree.Expr {
	least := n.Op == pg.MinMaxOp_IS_LEAST
	name := "GREATEST"
	if least {
		name = "LEAST"
	}
	args, t := s.commonArgs(n.Args, name)
	return &tree.MinMaxExpr{Least: least, T: t, Args: args, Loc: n.Location}
}

// rowExpr analyzes ROW(...) (transformRowExpr).
func (s *state) rowExpr(n *pg.RowExpr) tree.Expr {
	args := s.exprList(n.Args, s.kind, false)
	if len(args) > maxTargets {
		failf(n.Location, pgerr.TooManyColumns, "ROW expressions can have at most %d entries", maxTargets)
	}
	out := &tree.RowExpr{Args: args, T: types.Of(types.OIDRecord), Form: tree.CoerceExplicitCall, Loc: n.Location}
	if n.RowFormat == pg.CoercionForm_COERCE_IMPLICIT_CAST {
		out.Form = tree.CoerceImplicitCast
	}
	for i := range args {
		out.Names = append(out.Names, "f"+itoa(i+1))
	}
	return out
}

// exprList analyzes expressions, expanding x.* (transformExpressionList).
func (s *state) exprList(list []*pg.Node, kind exprKind, allowDefault bool) []tree.Expr {
	out := make([]tree.Expr, 0, len(list))
	for _, n := range list {
		if c := n.GetColumnRef(); c != nil && c.Fields[len(c.Fields)-1].GetAStar() != nil {
			save := s.kind
			s.kind = kind
			_, es := s.expandStar(c)
			s.kind = save
			out = append(out, es...)
			continue
		}
		if ind := n.GetAIndirection(); ind != nil && ind.Indirection[len(ind.Indirection)-1].GetAStar() != nil {
			_, es := s.expandIndirectionStar(ind, kind)
			out = append(out, es...)
			continue
		}
		if d := n.GetSetToDefault(); d != nil && allowDefault {
			out = append(out, &tree.SetToDefault{T: types.Of(types.OIDUnknown), Loc: d.Location})
			continue
		}
		out = append(out, s.expr(n, kind))
	}
	return out
}

// sqlValue analyzes CURRENT_DATE and its kin (transformSQLValueFunction).
func (s *state) sqlValue(n *pg.SQLValueFunction) tree.Expr {
	out := &tree.SQLValueFunction{T: types.Of(types.OIDName), Loc: n.Location}
	timed := func(k tree.SQLValueKind, oid types.OID) {
		out.Kind, out.T = k, types.Of(oid)
	}
	switch n.Op {
	case pg.SQLValueFunctionOp_SVFOP_CURRENT_DATE:
		timed(tree.CurrentDate, types.OIDDate)
		return out
	case pg.SQLValueFunctionOp_SVFOP_CURRENT_TIME, pg.SQLValueFunctionOp_SVFOP_CURRENT_TIME_N:
		timed(tree.CurrentTime, types.OIDTimetz)
	case pg.SQLValueFunctionOp_SVFOP_CURRENT_TIMESTAMP, pg.SQLValueFunctionOp_SVFOP_CURRENT_TIMESTAMP_N:
		timed(tree.CurrentTimestamp, types.OIDTimestamptz)
	case pg.SQLValueFunctionOp_SVFOP_LOCALTIME, pg.SQLValueFunctionOp_SVFOP_LOCALTIME_N:
		timed(tree.LocalTime, types.OIDTime)
	case pg.SQLValueFunctionOp_SVFOP_LOCALTIMESTAMP, pg.SQLValueFunctionOp_SVFOP_LOCALTIMESTAMP_N:
		timed(tree.LocalTimestamp, types.OIDTimestamp)
	case pg.SQLValueFunctionOp_SVFOP_CURRENT_ROLE:
		out.Kind = tree.CurrentRole
	case pg.SQLValueFunctionOp_SVFOP_CURRENT_USER:
		out.Kind = tree.CurrentUser
	case pg.SQLValueFunctionOp_SVFOP_USER:
		out.Kind = tree.User
	case pg.SQLValueFunctionOp_SVFOP_SESSION_USER:
		out.Kind = tree.SessionUser
	case pg.SQLValueFunctionOp_SVFOP_CURRENT_CATALOG:
		out.Kind = tree.CurrentCatalog
	case pg.SQLValueFunctionOp_SVFOP_CURRENT_SCHEMA:
		out.Kind = tree.CurrentSchema
	}
	switch n.Op {
	case pg.SQLValueFunctionOp_SVFOP_CURRENT_TIME_N, pg.SQLValueFunctionOp_SVFOP_CURRENT_TIMESTAMP_N, pg.SQLValueFunctionOp_SVFOP_LOCALTIME_N,
		pg.SQLValueFunctionOp_SVFOP_LOCALTIMESTAMP_N:
		mod, warning, err := types.TypmodIn(s.io, out.T.OID, []string{itoa(int(n.Typmod))})
		if err != nil {
			failAt(err, -1)
		}
		if warning != nil {
			s.notice(warning)
		}
		out.T.Mod = mod
	}
	return out
}

func (s *state) currentOf(n *pg.CurrentOfExpr) tree.Expr {
	if s.targetNS == nil {
		fail(pgerr.New(pgerr.SyntaxError, "WHERE CURRENT OF is not supported in this context"))
	}
	if n.CursorName == "" {
		unsupported(-1, "WHERE CURRENT OF with a parameter", "Name the cursor.")
	}
	return &tree.CurrentOfExpr{VarNo: s.targetNS.index, Cursor: n.CursorName}
}

// arrayExpr analyzes ARRAY[...]; array, elem and mod are the target type of a cast around it, 0 for none (transformArrayExpr).
func (s *state) arrayExpr(n *pg.A_ArrayExpr, array, elem types.OID, mod int32) tree.Expr {
	s.enter()
	defer s.leave()
	out := &tree.ArrayExpr{Loc: n.Location}
	for _, e := range n.Elements {
		if sub := e.GetAArrayExpr(); sub != nil {
			out.Elems = append(out.Elems, s.arrayExpr(sub, array, elem, mod))
			out.Multi = true
			continue
		}
		x := s.recurse(e)
		out.Elems = append(out.Elems, x)
		if t := x.Type().OID; !out.Multi && t != types.OIDInt2vector && t != types.OIDOidvector && s.elemType(t) != 0 {
			out.Multi = true
		}
	}
	hard := array != 0
	target := elem
	if hard {
		if out.Multi {
			target = array
		}
	} else {
		if len(out.Elems) == 0 {
			fail(pgerr.New(pgerr.IndeterminateDatatype, "cannot determine type of empty array").
				WithHint("Explicitly cast to the desired type, for example ARRAY[]::integer[].").At(int(n.Location)))
		}
		target, _ = s.commonType(out.Elems, "ARRAY")
		if out.Multi {
			array, elem = target, s.elemType(target)
			if elem == 0 {
				failf(n.Location, pgerr.UndefinedObject, "could not find element type for data type %s", s.typeName(array))
			}
		} else {
			elem = target
			if array = s.arrayType(elem); array == 0 {
				failf(n.Location, pgerr.UndefinedObject, "could not find array type for data type %s", s.typeName(elem))
			}
		}
	}
	for i, e := range out.Elems {
		if !hard {
			out.Elems[i] = s.coerceToCommon(e, target, "ARRAY")
			continue
		}
		x := s.coerceToTarget(e, e.Type().OID, types.T{OID: target, Mod: mod}, explicit, tree.CoerceExplicitCast, -1)
		if x == nil {
			failf(exprLoc(e), pgerr.CannotCoerce, "cannot cast type %s to %s", s.typeName(e.Type().OID), s.typeName(target))
		}
		out.Elems[i] = x
	}
	out.Elem = elem
	out.T = types.T{OID: array, Mod: -1}
	if len(out.Elems) > 0 {
		m := typmod(out.Elems[0])
		for _, e := range out.Elems[1:] {
			if typmod(e) != m {
				m = -1
			}
		}
		out.T.Mod = m
	}
	return out
}

// indirection analyzes x.f, x[i] and their chains (transformIndirection).
func (s *state) indirection(n *pg.A_Indirection) tree.Expr {
	return s.applyIndirection(s.recurse(n.Arg), n.Indirection, location(n.Arg))
}

func (s *state) applyIndirection(e tree.Expr, list []*pg.Node, loc int32) tree.Expr {
	last := s.lastSRF
	var subs []*pg.A_Indices
	for _, n := range list {
		if ai := n.GetAIndices(); ai != nil {
			subs = append(subs, ai)
			continue
		}
		if n.GetAStar() != nil {
			failf(loc, pgerr.FeatureNotSupported, "row expansion via \"*\" is not supported here")
		}
		if subs != nil {
			e = s.subscript(e, e.Type(), subs, nil)
			subs = nil
		}
		x := s.funcOrColumn([]*pg.Node{n}, []tree.Expr{e}, last, nil, loc)
		if x == nil {
			s.unknownAttribute(e, str(n), loc)
		}
		e = x
	}
	if subs != nil {
		e = s.subscript(e, e.Type(), subs, nil)
	}
	return e
}

// unknownAttribute fails for a field that a value does not have (unknown_attribute).
func (s *state) unknownAttribute(e tree.Expr, name string, loc int32) {
	if v, ok := e.(*tree.Var); ok && v.AttNo == 0 {
		r := s.up(v.LevelsUp).rtable[v.VarNo-1]
		failf(loc, pgerr.UndefinedColumn, "column %s.%s does not exist", r.Eref.Name, name)
	}
	t := e.Type().OID
	switch {
	case s.isComplex(t):
		failf(loc, pgerr.UndefinedColumn, "column \"%s\" not found in data type %s", name, s.typeName(t))
	case t == types.OIDRecord:
		failf(loc, pgerr.UndefinedColumn, "could not identify column \"%s\" in record data type", name)
	}
	failf(loc, pgerr.WrongObjectType, "column notation .%s applied to type %s, which is not a composite type", name, s.typeName(t))
}

// containerType looks through domains and the vector types (transformContainerType).
func (s *state) containerType(t types.T) types.T {
	t = s.baseTypeMod(t)
	switch t.OID {
	case types.OIDInt2vector:
		return types.T{OID: types.OIDInt2Array, Mod: t.Mod}
	case types.OIDOidvector:
		return types.T{OID: types.OIDOidArray, Mod: t.Mod}
	}
	return t
}

// maxArrayDims is PostgreSQL's MAXDIM.
const maxArrayDims = 6

// subscript builds container[...]; with assign it is a container with the element replaced (transformContainerSubscripts).
func (s *state) subscript(e tree.Expr, t types.T, subs []*pg.A_Indices, assign tree.Expr) *tree.SubscriptingRef {
	t = s.containerType(t)
	out := &tree.SubscriptingRef{Container: t.OID, Arg: e, Assign: assign}
	slice := false
	for _, ai := range subs {
		slice = slice || ai.IsSlice
	}
	if t.OID == types.OIDJsonb {
		s.jsonbSubscripts(out, subs, slice)
		return out
	}
	out.Elem = s.elemType(t.OID)
	if out.Elem == 0 {
		out.Elem = types.FixedArrayOf(t.OID).Elem
	}
	if out.Elem == 0 {
		failf(exprLoc(e), pgerr.DatatypeMismatch, "cannot subscript type %s because it does not support subscripting", s.typeName(t.OID))
	}
	index := func(n *pg.Node) tree.Expr {
		x := s.recurse(n)
		i := s.coerceToTarget(x, x.Type().OID, types.Of(types.OIDInt4), assignment, tree.CoerceImplicitCast, -1)
		if i == nil {
			failf(location(n), pgerr.DatatypeMismatch, "array subscript must have type integer")
		}
		return i
	}
	for _, ai := range subs {
		if slice {
			var lower tree.Expr
			switch {
			case ai.Lidx != nil:
				lower = index(ai.Lidx)
			case !ai.IsSlice:
				lower = &tree.Const{T: types.Of(types.OIDInt4), Value: types.Int(1), Loc: -1}
			}
			out.Lower = append(out.Lower, lower)
		}
		var upper tree.Expr
		if ai.Uidx != nil {
			upper = index(ai.Uidx)
		}
		out.Upper = append(out.Upper, upper)
	}
	if len(out.Upper) > maxArrayDims {
		fail(pgerr.Newf(pgerr.ProgramLimitExceeded, "number of array dimensions (%d) exceeds the maximum allowed (%d)", len(out.Upper), maxArrayDims))
	}
	out.T = types.T{OID: out.Elem, Mod: t.Mod}
	if slice {
		out.T.OID = t.OID
	}
	return out
}

// jsonbSubscripts analyzes the subscripts of a jsonb value: integers or text (jsonb_subscript_transform).
func (s *state) jsonbSubscripts(out *tree.SubscriptingRef, subs []*pg.A_Indices, slice bool) {
	for _, ai := range subs {
		if slice {
			n := ai.Uidx
			if n == nil {
				n = ai.Lidx
			}
			failf(location(n), pgerr.DatatypeMismatch, "jsonb subscript does not support slices")
		}
		x := s.recurse(ai.Uidx)
		from := x.Type().OID
		target := types.OID(types.OIDText)
		if from != types.OIDUnknown {
			asInt, asText := s.canCoerce1(from, types.OIDInt4, implicit), s.canCoerce1(from, types.OIDText, implicit)
			bad := func(hint string) {
				fail(pgerr.Newf(pgerr.DatatypeMismatch, "subscript type %s is not supported", s.typeName(from)).WithHint(hint).At(int(exprLoc(x))))
			}
			switch {
			case asInt && asText:
				bad("jsonb subscript must be coercible to only one type, integer or text.")
			case asInt:
				target = types.OIDInt4
			case !asText:
				bad("jsonb subscript must be coercible to either integer or text.")
			}
		}
		x = s.coerce(x, from, types.Of(target), implicit, tree.CoerceImplicitCast, -1)
		out.Upper = append(out.Upper, x)
	}
	out.Elem = types.OIDJsonb
	out.T = types.Of(types.OIDJsonb)
}
