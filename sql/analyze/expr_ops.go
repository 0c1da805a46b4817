package analyze

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// aExpr analyzes an operator or a construct written like one.
func (s *state) aExpr(n *pg.A_Expr) tree.Expr {
	switch n.Kind {
	case pg.A_Expr_Kind_AEXPR_OP_ANY, pg.A_Expr_Kind_AEXPR_OP_ALL:
		left, right := s.recurse(n.Lexpr), s.recurse(n.Rexpr)
		return s.makeScalarArrayOp(s.opNameOf(n.Name), n.Kind == pg.A_Expr_Kind_AEXPR_OP_ANY, left, right, n.Location)
	case pg.A_Expr_Kind_AEXPR_DISTINCT, pg.A_Expr_Kind_AEXPR_NOT_DISTINCT:
		return s.distinctFrom(n)
	case pg.A_Expr_Kind_AEXPR_NULLIF:
		return s.nullIf(n)
	case pg.A_Expr_Kind_AEXPR_IN:
		return s.inList(n)
	case pg.A_Expr_Kind_AEXPR_BETWEEN, pg.A_Expr_Kind_AEXPR_NOT_BETWEEN, pg.A_Expr_Kind_AEXPR_BETWEEN_SYM, pg.A_Expr_Kind_AEXPR_NOT_BETWEEN_SYM:
		return s.between(n)
	}
	return s.operator(n)
}

// operator analyzes a plain operator (transformAExprOp).
func (s *state) operator(n *pg.A_Expr) tree.Expr {
	if n.Lexpr.GetRowExpr() != nil {
		if sub := n.Rexpr.GetSubLink(); sub != nil && sub.SubLinkType == pg.SubLinkType_EXPR_SUBLINK {
			return s.subLink(pg.SubLinkType_ROWCOMPARE_SUBLINK, n.Lexpr, n.Name, sub.Subselect, n.Location)
		}
	}
	last := s.lastSRF
	left, right := s.recurse(n.Lexpr), s.recurse(n.Rexpr)
	if n.Lexpr.GetRowExpr() != nil && n.Rexpr.GetRowExpr() != nil {
		return s.rowCompare(s.opNameOf(n.Name), left.(*tree.RowExpr).Args, right.(*tree.RowExpr).Args, n.Location)
	}
	return s.makeOp(s.opNameOf(n.Name), left, right, last, n.Location)
}

// rowCompare compares rows column by column (make_row_comparison_op).
func (s *state) rowCompare(op opName, left, right []tree.Expr, loc int32) tree.Expr {
	if len(left) != len(right) {
		failf(loc, pgerr.SyntaxError, "unequal number of entries in row expressions")
	}
	if len(left) == 0 {
		failf(loc, pgerr.FeatureNotSupported, "cannot compare rows of zero length")
	}
	ops := make([]*tree.OpExpr, len(left))
	for i := range left {
		cmp := s.makeOp(op, left[i], right[i], s.lastSRF, loc).(*tree.OpExpr)
		if cmp.T.OID != types.OIDBool {
			failf(loc, pgerr.DatatypeMismatch, "row comparison operator must yield type boolean, not type %s", s.typeName(cmp.T.OID))
		}
		if returnsSet(cmp) {
			failf(loc, pgerr.DatatypeMismatch, "row comparison operator must not return a set")
		}
		ops[i] = cmp
	}
	if len(ops) == 1 {
		return ops[0]
	}
	kind := tree.RowCompareKind(0)
	switch op.name {
	case "<", "~<~":
		kind = tree.RowCompareLT
	case "<=", "~<=~":
		kind = tree.RowCompareLE
	case "=":
		kind = tree.RowCompareEQ
	case ">=", "~>=~":
		kind = tree.RowCompareGE
	case ">", "~>~":
		kind = tree.RowCompareGT
	case "<>":
		kind = tree.RowCompareNE
	}
	// The operators must be those of btree operator families.
	for _, o := range ops {
		if kind != 0 && s.typeOps(o.Args[0].Type().OID).Lt == 0 {
			kind = 0
		}
	}
	if kind == 0 {
		fail(pgerr.Newf(pgerr.FeatureNotSupported, "could not determine interpretation of row comparison operator %s", op.name).
			WithHint("Row comparison operators must be associated with btree operator families.").At(int(loc)))
	}
	switch kind {
	case tree.RowCompareEQ, tree.RowCompareNE:
		out := &tree.BoolExpr{Op: tree.And, Loc: loc}
		if kind == tree.RowCompareNE {
			out.Op = tree.Or
		}
		for _, o := range ops {
			out.Args = append(out.Args, o)
		}
		return out
	}
	out := &tree.RowCompareExpr{Kind: kind}
	for _, o := range ops {
		out.Ops = append(out.Ops, o.Op)
		out.InputColls = append(out.InputColls, 0)
		out.Left, out.Right = append(out.Left, o.Args[0]), append(out.Right, o.Args[1])
	}
	return out
}

// distinctFrom analyzes IS [NOT] DISTINCT FROM.
func (s *state) distinctFrom(n *pg.A_Expr) tree.Expr {
	not := n.Kind == pg.A_Expr_Kind_AEXPR_NOT_DISTINCT
	isNull := func(x *pg.Node) bool { return x.GetAConst() != nil && x.GetAConst().Isnull }
	if isNull(n.Rexpr) || isNull(n.Lexpr) {
		arg := n.Lexpr
		if !isNull(n.Rexpr) {
			arg = n.Rexpr
		}
		return &tree.NullTest{Arg: s.recurse(arg), IsNotNull: !not, Loc: n.Location}
	}
	left, right := s.recurse(n.Lexpr), s.recurse(n.Rexpr)
	var out tree.Expr
	if n.Lexpr.GetRowExpr() != nil && n.Rexpr.GetRowExpr() != nil {
		l, r := left.(*tree.RowExpr).Args, right.(*tree.RowExpr).Args
		if len(l) != len(r) {
			failf(n.Location, pgerr.SyntaxError, "unequal number of entries in row expressions")
		}
		for i := range l {
			cmp := s.makeDistinct(s.opNameOf(n.Name), l[i], r[i], n.Location)
			if out == nil {
				out = cmp
			} else {
				out = &tree.BoolExpr{Op: tree.Or, Args: []tree.Expr{out, cmp}, Loc: n.Location}
			}
		}
		if out == nil {
			out = &tree.Const{T: types.Of(types.OIDBool), Value: types.Bool(false), Loc: n.Location}
		}
	} else {
		out = s.makeDistinct(s.opNameOf(n.Name), left, right, n.Location)
	}
	if not {
		out = &tree.BoolExpr{Op: tree.Not, Args: []tree.Expr{out}, Loc: n.Location}
	}
	return out
}

func (s *state) makeDistinct(op opName, left, right tree.Expr, loc int32) tree.Expr {
	e := s.makeOp(op, left, right, s.lastSRF, loc).(*tree.OpExpr)
	if e.T.OID != types.OIDBool {
		failf(loc, pgerr.DatatypeMismatch, "IS DISTINCT FROM requires = operator to yield boolean")
	}
	if e.RetSet {
		failf(loc, pgerr.DatatypeMismatch, "IS DISTINCT FROM must not return a set")
	}
	return (*tree.DistinctExpr)(e)
}

// nullIf analyzes NULLIF(a, b).
func (s *state) nullIf(n *pg.A_Expr) tree.Expr {
	left, right := s.recurse(n.Lexpr), s.recurse(n.Rexpr)
	e := s.makeOp(s.opNameOf(n.Name), left, right, s.lastSRF, n.Location).(*tree.OpExpr)
	if e.T.OID != types.OIDBool {
		failf(n.Location, pgerr.DatatypeMismatch, "NULLIF requires = operator to yield boolean")
	}
	if e.RetSet {
		failf(n.Location, pgerr.DatatypeMismatch, "NULLIF must not return a set")
	}
	e.T = e.Args[0].Type()
	return (*tree.NullIfExpr)(e)
}

// inList analyzes a [NOT] IN (list): constants and the like become one comparison with an array (transformAExprIn).
func (s *state) inList(n *pg.A_Expr) tree.Expr {
	op := s.opNameOf(n.Name)
	useOr := op.name != "<>"
	left := s.recurse(n.Lexpr)
	var all, vars, nonVars []tree.Expr
	for _, r := range n.Rexpr.GetList().GetItems() {
		e := s.recurse(r)
		all = append(all, e)
		if hasLocalVars(e) {
			vars = append(vars, e)
		} else {
			nonVars = append(nonVars, e)
		}
	}
	var result tree.Expr
	if len(nonVars) > 1 {
		// An array of rows is not tried: comparing them one by one copes with rows of different types.
		if scalar, _ := s.commonType(append([]tree.Expr{left}, nonVars...), ""); scalar != 0 && scalar != types.OIDRecord {
			ok := true
			for _, e := range append([]tree.Expr{left}, nonVars...) {
				ok = ok && s.canCoerce1(e.Type().OID, scalar, implicit)
			}
			if array := s.arrayType(scalar); ok && array != 0 {
				a := &tree.ArrayExpr{T: types.Of(array), Elem: scalar, Loc: -1}
				for _, e := range nonVars {
					a.Elems = append(a.Elems, s.coerceToCommon(e, scalar, "IN"))
				}
				result = s.makeScalarArrayOp(op, useOr, left, a, n.Location)
				all = vars
			}
		}
	}
	for _, r := range all {
		var cmp tree.Expr
		l := left
		if result != nil {
			l = tree.CopyExpr(left)
		}
		lrow, ok1 := l.(*tree.RowExpr)
		rrow, ok2 := r.(*tree.RowExpr)
		if ok1 && ok2 {
			cmp = s.rowCompare(op, lrow.Args, rrow.Args, n.Location)
		} else {
			cmp = s.makeOp(op, l, r, s.lastSRF, n.Location)
		}
		cmp = s.coerceToBoolean(cmp, "IN")
		if result == nil {
			result = cmp
			continue
		}
		b := &tree.BoolExpr{Op: tree.Or, Args: []tree.Expr{result, cmp}, Loc: n.Location}
		if !useOr {
			b.Op = tree.And
		}
		result = b
	}
	return result
}

// between analyzes a [NOT] BETWEEN [SYMMETRIC] b AND c.
func (s *state) between(n *pg.A_Expr) tree.Expr {
	bounds := n.Rexpr.GetList().GetItems()
	cmp := func(op string, bound *pg.Node) tree.Expr {
		left, right := s.recurse(n.Lexpr), s.recurse(bound)
		return s.coerceToBoolean(s.makeOp(plainOp(op), left, right, s.lastSRF, n.Location), "AND")
	}
	pair := func(op tree.BoolOp, a string, x *pg.Node, b string, y *pg.Node) tree.Expr {
		return &tree.BoolExpr{Op: op, Args: []tree.Expr{cmp(a, x), cmp(b, y)}, Loc: n.Location}
	}
	b, c := bounds[0], bounds[1]
	switch n.Kind {
	case pg.A_Expr_Kind_AEXPR_BETWEEN:
		return pair(tree.And, ">=", b, "<=", c)
	case pg.A_Expr_Kind_AEXPR_NOT_BETWEEN:
		return pair(tree.Or, "<", b, ">", c)
	case pg.A_Expr_Kind_AEXPR_BETWEEN_SYM:
		return &tree.BoolExpr{Op: tree.Or, Args: []tree.Expr{pair(tree.And, ">=", b, "<=", c), pair(tree.And, ">=", c, "<=", b)}, Loc: n.Location}
	default:
		return &tree.BoolExpr{Op: tree.And, Args: []tree.Expr{pair(tree.Or, "<", b, ">", c), pair(tree.Or, "<", c, ">", b)}, Loc: n.Location}
	}
}

// subLink analyzes a subquery in an expression (transformSubLink).
func (s *state) subLink(kind pg.SubLinkType, test *pg.Node, op []*pg.Node, sub *pg.Node, loc int32) tree.Expr {
	s.checkSubLinkPlace(loc)
	s.hasSubLinks = true
	q := s.subquery(sub, nil, false, true)
	if q.Cmd != tree.CmdSelect {
		fail(pgerr.Internal("unexpected non-SELECT command in SubLink"))
	}
	out := &tree.SubLink{Query: q, Loc: loc, T: types.Of(types.OIDBool)}
	_, ts, colls := targetColumns(q.Target)
	switch kind {
	case pg.SubLinkType_EXISTS_SUBLINK:
		out.Kind = tree.ExistsSubLink
		return out
	case pg.SubLinkType_EXPR_SUBLINK, pg.SubLinkType_ARRAY_SUBLINK:
		if len(ts) != 1 {
			failf(loc, pgerr.SyntaxError, "subquery must return only one column")
		}
		out.T, out.Coll = ts[0], colls[0]
		out.Kind = tree.ExprSubLink
		if kind == pg.SubLinkType_ARRAY_SUBLINK {
			out.Kind = tree.ArraySubLink
			array := s.arrayType(ts[0].OID)
			if array == 0 && s.elemType(ts[0].OID) != 0 { // an array of arrays is an array of more dimensions
				array = ts[0].OID
			}
			if array == 0 {
				fail(pgerr.Newf(pgerr.UndefinedObject, "could not find array type for data type %s", s.typeName(ts[0].OID)))
			}
			out.T = types.T{OID: array, Mod: ts[0].Mod}
		}
		return out
	}
	switch kind {
	case pg.SubLinkType_ALL_SUBLINK:
		out.Kind = tree.AllSubLink
	case pg.SubLinkType_ROWCOMPARE_SUBLINK:
		out.Kind = tree.RowCompareSubLink
	default:
		out.Kind = tree.AnySubLink
	}
	name := plainOp("=")
	if len(op) > 0 {
		name = s.opNameOf(op)
		out.OpName = name.full
	}
	left := s.recurse(test)
	lefts := []tree.Expr{left}
	if row, ok := left.(*tree.RowExpr); ok {
		lefts = row.Args
	}
	rights := make([]tree.Expr, len(ts))
	for i := range ts {
		rights[i] = &tree.Param{Kind: tree.ParamExec, ID: i, T: ts[i], Coll: colls[i], Loc: -1}
	}
	switch {
	case len(lefts) < len(rights):
		failf(loc, pgerr.SyntaxError, "subquery has too many columns")
	case len(lefts) > len(rights):
		failf(loc, pgerr.SyntaxError, "subquery has too few columns")
	}
	out.Test = s.rowCompare(name, lefts, rights, loc)
	return out
}
