package analyze

import "kimberlite/sql/tree"

// exprLoc returns where an expression begins in the query text, -1 when unknown (PostgreSQL's exprLocation).
func exprLoc(e tree.Expr) int32 {
	switch e := e.(type) {
	case nil:
		return -1
	case *tree.Const:
		return e.Loc
	case *tree.Var:
		return e.Loc
	case *tree.Param:
		return e.Loc
	case *tree.MultiExprParam:
		return e.Loc
	case *tree.FuncExpr:
		return leftmost(e.Loc, listLoc(e.Args))
	case *tree.OpExpr:
		return leftmost(e.Loc, listLoc(e.Args))
	case *tree.DistinctExpr:
		return leftmost(e.Loc, listLoc(e.Args))
	case *tree.NullIfExpr:
		return leftmost(e.Loc, listLoc(e.Args))
	case *tree.ScalarArrayOpExpr:
		return leftmost(e.Loc, listLoc(e.Args))
	case *tree.BoolExpr:
		return leftmost(e.Loc, listLoc(e.Args))
	case *tree.SubLink:
		return leftmost(e.Loc, exprLoc(e.Test))
	case *tree.FieldSelect:
		return exprLoc(e.Arg)
	case *tree.FieldStore:
		return exprLoc(e.Arg)
	case *tree.RelabelType:
		return leftmost(e.Loc, exprLoc(e.Arg))
	case *tree.CoerceViaIO:
		return leftmost(e.Loc, exprLoc(e.Arg))
	case *tree.ArrayCoerceExpr:
		return leftmost(e.Loc, exprLoc(e.Arg))
	case *tree.ConvertRowtypeExpr:
		return leftmost(e.Loc, exprLoc(e.Arg))
	case *tree.CollateExpr:
		return exprLoc(e.Arg)
	case *tree.CaseExpr:
		return e.Loc
	case *tree.ArrayExpr:
		return e.Loc
	case *tree.RowExpr:
		return e.Loc
	case *tree.RowCompareExpr:
		return listLoc(e.Left)
	case *tree.CoalesceExpr:
		return e.Loc
	case *tree.MinMaxExpr:
		return e.Loc
	case *tree.SQLValueFunction:
		return e.Loc
	case *tree.NullTest:
		return leftmost(e.Loc, exprLoc(e.Arg))
	case *tree.BooleanTest:
		return leftmost(e.Loc, exprLoc(e.Arg))
	case *tree.CoerceToDomain:
		return leftmost(e.Loc, exprLoc(e.Arg))
	case *tree.SetToDefault:
		return e.Loc
	case *tree.SubscriptingRef:
		return exprLoc(e.Arg)
	case *tree.Aggref:
		return e.Loc
	case *tree.GroupingFunc:
		return e.Loc
	case *tree.WindowFunc:
		return e.Loc
	case *tree.NamedArgExpr:
		return leftmost(e.Loc, exprLoc(e.Arg))
	}
	return -1
}

func listLoc(list []tree.Expr) int32 {
	if len(list) == 0 {
		return -1
	}
	return exprLoc(list[0])
}
