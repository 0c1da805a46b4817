package analyze

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// ExprKind says what an expression of a DDL statement is for.
type ExprKind uint8

// The kinds.
const (
	ExprCheck           ExprKind = iota // CHECK of a table: boolean
	ExprDomainCheck                     // CHECK of a domain: boolean over VALUE
	ExprDefault                         // DEFAULT of a column or domain
	ExprGenerated                       // GENERATED ALWAYS AS (...) STORED
	ExprIndex                           // index expression
	ExprIndexPredicate                  // WHERE of a partial index: boolean
	ExprPartition                       // partition key expression
	ExprPartitionBound                  // value in FOR VALUES
	ExprCopyWhere                       // COPY FROM ... WHERE: boolean
	ExprUsing                           // ALTER COLUMN TYPE ... USING
	ExprExecute                         // argument of EXECUTE
	ExprCall                            // argument of CALL
	ExprFunctionDefault                 // default of a function's parameter
)

var ddlKinds = map[ExprKind]exprKind{
	ExprCheck: kindCheck, ExprDomainCheck: kindDomainCheck, ExprDefault: kindDefault, ExprGenerated: kindGenerated, ExprIndex: kindIndexExpr,
	ExprIndexPredicate: kindIndexPredicate, ExprPartition: kindPartitionExpr, ExprPartitionBound: kindPartitionBound, ExprCopyWhere: kindCopyWhere,
	ExprUsing: kindTransform, ExprExecute: kindExecute, ExprCall: kindCall,
	ExprFunctionDefault: kindFunctionDefault,
}

// ExprScope says what an expression may refer to and what it must give.
type ExprScope struct {
	Relation *catalog.Relation // its columns are Vars with VarNo 1; nil for none
	Value    types.T           // the type of VALUE in a domain's CHECK, OID 0 for none
	Target   types.T           // the type to assign to; OID 0 leaves the expression as it is (conditions become boolean)
	Column   string            // the column that it is for, in messages
	Params   []types.OID       // types of $n
}

// AnalyzeExpr analyzes an expression that stands outside a query: of a constraint, default, index and so on. Errors are PostgreSQL's.
func AnalyzeExpr(env *Env, node *pg.Node, kind ExprKind, scope ExprScope) (e tree.Expr, err error) {
	defer catch(&err)
	a := newAnalyzer(env, nil)
	a.params = newParams(scope.Params, false)
	s := a.newState(nil)
	if scope.Relation != nil {
		s.addToNamespace(s.addRelation(scope.Relation, lockAccessShare, nil, false, true), true, true)
	}
	if scope.Value.OID != 0 {
		s.column = func(name string, loc int32) tree.Expr {
			if name != "value" {
				return nil
			}
			return &tree.CoerceToDomainValue{T: scope.Value, Coll: a.typeCollation(scope.Value.OID)}
		}
	}
	e = s.expr(node, ddlKinds[kind])
	switch kind {
	case ExprCheck, ExprDomainCheck:
		e = s.coerceToBoolean(e, "CHECK")
	case ExprIndexPredicate, ExprCopyWhere:
		e = s.coerceToBoolean(e, "WHERE")
	}
	if scope.Target.OID != 0 {
		e = s.assignTo(e, kind, scope)
	}
	if e.Type().OID == types.OIDUnknown {
		e = s.coerce(e, types.OIDUnknown, types.Of(types.OIDText), implicit, tree.CoerceImplicitCast, -1)
	}
	s.assignCollation(e)
	s.checkDDLExpr(e, kind, scope)
	return e, nil
}

// AnalyzeCall analyzes the call of CALL, which may stand in the body of a function (in).
func AnalyzeCall(env *Env, n *pg.FuncCall, in *FunctionCall) (call *tree.FuncExpr, err error) {
	defer catch(&err)
	a := newAnalyzer(env, nil)
	a.params = newParams(nil, false)
	if in != nil {
		a.fn, a.params = newFunctionParams(in.Proc, in.Args), newParams(in.Args, false)
	}
	s := a.newState(nil)
	s.procCall = n
	e := s.expr(&pg.Node{Node: &pg.Node_FuncCall{FuncCall: n}}, kindCall)
	s.assignCollation(e)
	return e.(*tree.FuncExpr), nil
}

// AnalyzeCopyWhere analyzes the WHERE of COPY FROM: a condition over the columns of the table, Vars with VarNo 1.
func AnalyzeCopyWhere(env *Env, rel *catalog.Relation, node *pg.Node) (tree.Expr, error) {
	return AnalyzeExpr(env, node, ExprCopyWhere, ExprScope{Relation: rel})
}

// AnalyzeExecuteParam analyzes argument n (from 1) of EXECUTE for a parameter of the type.
func AnalyzeExecuteParam(env *Env, node *pg.Node, typ types.OID, n int) (tree.Expr, error) {
	return AnalyzeExpr(env, node, ExprExecute, ExprScope{Target: types.Of(typ), Column: itoa(n)})
}

// assignTo converts the expression to the type of its column.
func (s *state) assignTo(e tree.Expr, kind ExprKind, scope ExprScope) tree.Expr {
	in := e.Type().OID
	out := s.coerceToTarget(e, in, scope.Target, assignment, tree.CoerceImplicitCast, -1)
	if out != nil {
		return out
	}
	const hint = "You will need to rewrite or cast the expression."
	target := s.typeName(scope.Target.OID)
	switch kind {
	case ExprUsing:
		fail(pgerr.Newf(pgerr.DatatypeMismatch, "result of USING clause for column \"%s\" cannot be cast automatically to type %s", scope.Column, target).
			WithHint("You might need to add an explicit cast."))
	case ExprPartitionBound:
		failf(exprLoc(e), pgerr.DatatypeMismatch, "specified value cannot be cast to type %s for column \"%s\"", target, scope.Column)
	case ExprExecute:
		fail(pgerr.Newf(pgerr.DatatypeMismatch, "parameter $%s of type %s cannot be coerced to the expected type %s", scope.Column, s.typeName(in), target).
			WithHint(hint).At(int(exprLoc(e))))
	}
	fail(pgerr.Newf(pgerr.DatatypeMismatch, "column \"%s\" is of type %s but default expression is of type %s", scope.Column, target, s.typeName(in)).
		WithHint(hint).At(int(exprLoc(e))))
	return nil
}

// checkDDLExpr makes the checks that depend on the whole expression.
func (s *state) checkDDLExpr(e tree.Expr, kind ExprKind, scope ExprScope) {
	switch kind {
	case ExprGenerated:
		tree.Walk(e, func(x tree.Expr) bool {
			v, ok := x.(*tree.Var)
			if !ok || scope.Relation == nil {
				return true
			}
			switch {
			case v.AttNo == 0:
				failf(v.Loc, pgerr.InvalidObjectDefinition, "cannot use whole-row variable in column generation expression")
			case v.AttNo > 0 && scope.Relation.Columns[v.AttNo-1].Generated != 0:
				fail(pgerr.Newf(pgerr.InvalidObjectDefinition, "cannot use generated column \"%s\" in column generation expression", scope.Relation.Columns[v.AttNo-1].Name).
					WithDetail("A generated column cannot reference another generated column.").At(int(v.Loc)))
			}
			return true
		})
		if s.mutable(e) {
			fail(pgerr.New(pgerr.InvalidObjectDefinition, "generation expression is not immutable"))
		}
	case ExprIndex:
		if s.mutable(e) {
			fail(pgerr.New(pgerr.InvalidObjectDefinition, "functions in index expression must be marked IMMUTABLE"))
		}
	case ExprIndexPredicate:
		if s.mutable(e) {
			fail(pgerr.New(pgerr.InvalidObjectDefinition, "functions in index predicate must be marked IMMUTABLE"))
		}
	case ExprPartition:
		if s.mutable(e) {
			fail(pgerr.New(pgerr.InvalidObjectDefinition, "functions in partition key expression must be marked IMMUTABLE"))
		}
	}
}

// mutable reports whether the expression's value may depend on more than its inputs (contain_mutable_functions).
func (s *state) mutable(e tree.Expr) bool {
	fn := func(oid types.OID) bool {
		p := s.cat.Proc(oid)
		return p != nil && p.Volatile != 'i'
	}
	return tree.Any(e, func(x tree.Expr) bool {
		switch x := x.(type) {
		case *tree.FuncExpr:
			return fn(x.Func)
		case *tree.OpExpr:
			return fn(x.Func)
		case *tree.DistinctExpr:
			return fn(x.Func)
		case *tree.NullIfExpr:
			return fn(x.Func)
		case *tree.ScalarArrayOpExpr:
			return fn(x.Func)
		case *tree.RowCompareExpr:
			for _, o := range x.Ops {
				if op := s.cat.Operator(o); op != nil && fn(op.Func) {
					return true
				}
			}
		case *tree.CoerceViaIO:
			return fn(s.typ(s.baseType(x.T.OID)).Input) || fn(s.typ(s.baseType(x.Arg.Type().OID)).Output)
		case *tree.SQLValueFunction, *tree.NextValueExpr:
			return true
		}
		return false
	})
}

// Coerce converts an analyzed expression to a type by an assignment cast, as INSERT does; it returns nil when there is no such cast.
func Coerce(env *Env, e tree.Expr, target types.T, explicitCast bool) (out tree.Expr, err error) {
	defer catch(&err)
	s := newAnalyzer(env, nil).newState(nil)
	s.params = newParams(nil, false)
	ctx, form := assignment, tree.CoerceImplicitCast
	if explicitCast {
		ctx, form = explicit, tree.CoerceExplicitCast
	}
	out = s.coerceToTarget(e, e.Type().OID, target, ctx, form, -1)
	if out != nil {
		s.assignCollation(out)
	}
	return out, nil
}

// ResolveTypeName resolves a type's name: qualified names, SQL's spellings, arrays, modifiers, %TYPE. Whether SETOF was written is for the caller to see.
func ResolveTypeName(env *Env, n *pg.TypeName) (t types.T, err error) {
	defer catch(&err)
	return newAnalyzer(env, nil).typeOf(n), nil
}

// ResolveCollation finds a collation by its possibly qualified name.
func ResolveCollation(env *Env, names []*pg.Node, loc int32) (oid types.OID, err error) {
	defer catch(&err)
	return newAnalyzer(env, nil).collationOf(names, loc), nil
}

// ResolveRelation finds a relation by name, or fails as PostgreSQL does (42P01 at the name's position).
func ResolveRelation(env *Env, rv *pg.RangeVar) (rel *catalog.Relation, err error) {
	defer catch(&err)
	return newAnalyzer(env, nil).rangeVarRelation(rv, nil), nil
}

// FindRelation finds a relation by name, nil if there is none. Only the name of another database is an error.
func FindRelation(env *Env, rv *pg.RangeVar) (rel *catalog.Relation, err error) {
	defer catch(&err)
	a := newAnalyzer(env, nil)
	if rv.Catalogname != "" && !a.isThisDatabase(rv.Catalogname) {
		a.rangeVarRelation(rv, nil)
	}
	return a.findRelation(rv.Schemaname, rv.Relname), nil
}

// ResolveType finds a type by a name that may be qualified, nil if there is none.
func ResolveType(env *Env, names []*pg.Node) (t *types.Type, err error) {
	defer catch(&err)
	a := newAnalyzer(env, nil)
	schema, name := a.splitName(names)
	return a.findType(schema, name), nil
}

// ResolveOperator finds the operator of a possibly qualified name over exactly or implicitly the given types; left 0 for a prefix operator.
func ResolveOperator(env *Env, names []*pg.Node, left, right types.OID, loc int32) (op *catalog.Operator, err error) {
	defer catch(&err)
	a := newAnalyzer(env, nil)
	if left == 0 {
		return a.leftOper(a.opNameOf(names), right, false, loc), nil
	}
	return a.oper(a.opNameOf(names), left, right, false, loc), nil
}

// SortOperators finds the <, = and > operators for a type's values, 0 where there is none.
func SortOperators(env *Env, t types.OID) catalog.TypeOps { return newAnalyzer(env, nil).typeOps(t) }

// BinaryCoercible reports whether values of type src can stand for the target type without conversion.
func BinaryCoercible(env *Env, src, target types.OID) bool {
	return newAnalyzer(env, nil).isBinaryCoercible(src, target)
}

// CanCoerceImplicitly reports whether there is an implicit cast.
func CanCoerceImplicitly(env *Env, src, target types.OID) bool {
	return newAnalyzer(env, nil).canCoerce1(src, target, implicit)
}
