package tree

import "kimberlite/sql/types"

const (
	boolOID    types.OID = 16
	int4OID    types.OID = 23
	nameOID    types.OID = 19
	cCollation types.OID = 950
)

// Type implements Expr.
func (e *Const) Type() types.T { return e.T }

// Collation implements Expr.
func (e *Const) Collation() types.OID { return e.Coll }

func (*Const) exprNode() {}

// Type implements Expr.
func (e *Var) Type() types.T { return e.T }

// Collation implements Expr.
func (e *Var) Collation() types.OID { return e.Coll }

func (*Var) exprNode() {}

// Type implements Expr.
func (e *Param) Type() types.T { return e.T }

// Collation implements Expr.
func (e *Param) Collation() types.OID { return e.Coll }

func (*Param) exprNode() {}

// Type implements Expr.
func (e *FuncExpr) Type() types.T { return e.T }

// Collation implements Expr.
func (e *FuncExpr) Collation() types.OID { return e.Coll }

func (*FuncExpr) exprNode() {}

// Type implements Expr.
func (e *OpExpr) Type() types.T { return e.T }

// Collation implements Expr.
func (e *OpExpr) Collation() types.OID { return e.Coll }

func (*OpExpr) exprNode() {}

// Type implements Expr.
func (*DistinctExpr) Type() types.T { return types.Of(boolOID) }

// Collation implements Expr.
func (*DistinctExpr) Collation() types.OID { return 0 }

func (*DistinctExpr) exprNode() {}

// Type implements Expr.
func (e *NullIfExpr) Type() types.T { return e.T }

// Collation implements Expr.
func (e *NullIfExpr) Collation() types.OID { return e.Coll }

func (*NullIfExpr) exprNode() {}

// Type implements Expr.
func (*ScalarArrayOpExpr) Type() types.T { return types.Of(boolOID) }

// Collation implements Expr.
func (*ScalarArrayOpExpr) Collation() types.OID { return 0 }

func (*ScalarArrayOpExpr) exprNode() {}

// Type implements Expr.
func (*BoolExpr) Type() types.T { return types.Of(boolOID) }

// Collation implements Expr.
func (*BoolExpr) Collation() types.OID { return 0 }

func (*BoolExpr) exprNode() {}

// Type implements Expr.
func (e *SubLink) Type() types.T { return e.T }

// Collation implements Expr.
func (e *SubLink) Collation() types.OID { return e.Coll }

func (*SubLink) exprNode() {}

// Type implements Expr.
func (e *MultiExprParam) Type() types.T { return e.T }

// Collation implements Expr.
func (e *MultiExprParam) Collation() types.OID { return e.Coll }

func (*MultiExprParam) exprNode() {}

// Type implements Expr.
func (e *SubPlan) Type() types.T { return e.T }

// Collation implements Expr.
func (e *SubPlan) Collation() types.OID { return e.Coll }

func (*SubPlan) exprNode() {}

// Type implements Expr.
func (e *FieldSelect) Type() types.T { return e.T }

// Collation implements Expr.
func (e *FieldSelect) Collation() types.OID { return e.Coll }

func (*FieldSelect) exprNode() {}

// Type implements Expr.
func (e *FieldStore) Type() types.T { return e.T }

// Collation implements Expr.
func (*FieldStore) Collation() types.OID { return 0 }

func (*FieldStore) exprNode() {}

// Type implements Expr.
func (e *RelabelType) Type() types.T { return e.T }

// Collation implements Expr.
func (e *RelabelType) Collation() types.OID { return e.Coll }

func (*RelabelType) exprNode() {}

// Type implements Expr.
func (e *CoerceViaIO) Type() types.T { return e.T }

// Collation implements Expr.
func (e *CoerceViaIO) Collation() types.OID { return e.Coll }

func (*CoerceViaIO) exprNode() {}

// Type implements Expr.
func (e *ArrayCoerceExpr) Type() types.T { return e.T }

// Collation implements Expr.
func (e *ArrayCoerceExpr) Collation() types.OID { return e.Coll }

func (*ArrayCoerceExpr) exprNode() {}

// Type implements Expr.
func (e *ConvertRowtypeExpr) Type() types.T { return e.T }

// Collation implements Expr.
func (*ConvertRowtypeExpr) Collation() types.OID { return 0 }

func (*ConvertRowtypeExpr) exprNode() {}

// Type implements Expr.
func (e *CollateExpr) Type() types.T { return e.Arg.Type() }

// Collation implements Expr.
func (e *CollateExpr) Collation() types.OID { return e.Coll }

func (*CollateExpr) exprNode() {}

// Type implements Expr.
func (e *CaseExpr) Type() types.T { return e.T }

// Collation implements Expr.
func (e *CaseExpr) Collation() types.OID { return e.Coll }

func (*CaseExpr) exprNode() {}

// Type implements Expr.
func (e *CaseTestExpr) Type() types.T { return e.T }

// Collation implements Expr.
func (e *CaseTestExpr) Collation() types.OID { return e.Coll }

func (*CaseTestExpr) exprNode() {}

// Type implements Expr.
func (e *ArrayExpr) Type() types.T { return e.T }

// Collation implements Expr.
func (e *ArrayExpr) Collation() types.OID { return e.Coll }

func (*ArrayExpr) exprNode() {}

// Type implements Expr.
func (e *RowExpr) Type() types.T { return e.T }

// Collation implements Expr.
func (*RowExpr) Collation() types.OID { return 0 }

func (*RowExpr) exprNode() {}

// Type implements Expr.
func (*RowCompareExpr) Type() types.T { return types.Of(boolOID) }

// Collation implements Expr.
func (*RowCompareExpr) Collation() types.OID { return 0 }

func (*RowCompareExpr) exprNode() {}

// Type implements Expr.
func (e *CoalesceExpr) Type() types.T { return e.T }

// Collation implements Expr.
func (e *CoalesceExpr) Collation() types.OID { return e.Coll }

func (*CoalesceExpr) exprNode() {}

// Type implements Expr.
func (e *MinMaxExpr) Type() types.T { return e.T }

// Collation implements Expr.
func (e *MinMaxExpr) Collation() types.OID { return e.Coll }

func (*MinMaxExpr) exprNode() {}

// Type implements Expr.
func (e *SQLValueFunction) Type() types.T { return e.T }

// Collation implements Expr: names sort bytewise.
func (e *SQLValueFunction) Collation() types.OID {
	if e.T.OID == nameOID {
		return cCollation
	}
	return 0
}

func (*SQLValueFunction) exprNode() {}

// Type implements Expr.
func (*NullTest) Type() types.T { return types.Of(boolOID) }

// Collation implements Expr.
func (*NullTest) Collation() types.OID { return 0 }

func (*NullTest) exprNode() {}

// Type implements Expr.
func (*BooleanTest) Type() types.T { return types.Of(boolOID) }

// Collation implements Expr.
func (*BooleanTest) Collation() types.OID { return 0 }

func (*BooleanTest) exprNode() {}

// Type implements Expr.
func (e *CoerceToDomain) Type() types.T { return e.T }

// Collation implements Expr.
func (e *CoerceToDomain) Collation() types.OID { return e.Coll }

func (*CoerceToDomain) exprNode() {}

// Type implements Expr.
func (e *CoerceToDomainValue) Type() types.T { return e.T }

// Collation implements Expr.
func (e *CoerceToDomainValue) Collation() types.OID { return e.Coll }

func (*CoerceToDomainValue) exprNode() {}

// Type implements Expr.
func (e *SetToDefault) Type() types.T { return e.T }

// Collation implements Expr.
func (e *SetToDefault) Collation() types.OID { return e.Coll }

func (*SetToDefault) exprNode() {}

// Type implements Expr.
func (*CurrentOfExpr) Type() types.T { return types.Of(boolOID) }

// Collation implements Expr.
func (*CurrentOfExpr) Collation() types.OID { return 0 }

func (*CurrentOfExpr) exprNode() {}

// Type implements Expr.
func (e *NextValueExpr) Type() types.T { return e.T }

// Collation implements Expr.
func (*NextValueExpr) Collation() types.OID { return 0 }

func (*NextValueExpr) exprNode() {}

// Type implements Expr.
func (e *SubscriptingRef) Type() types.T { return e.T }

// Collation implements Expr.
func (e *SubscriptingRef) Collation() types.OID { return e.Coll }

func (*SubscriptingRef) exprNode() {}

// Type implements Expr.
func (e *Aggref) Type() types.T { return e.T }

// Collation implements Expr.
func (e *Aggref) Collation() types.OID { return e.Coll }

func (*Aggref) exprNode() {}

// Type implements Expr.
func (*GroupingFunc) Type() types.T { return types.Of(int4OID) }

// Collation implements Expr.
func (*GroupingFunc) Collation() types.OID { return 0 }

func (*GroupingFunc) exprNode() {}

// Type implements Expr.
func (e *WindowFunc) Type() types.T { return e.T }

// Collation implements Expr.
func (e *WindowFunc) Collation() types.OID { return e.Coll }

func (*WindowFunc) exprNode() {}

// Type implements Expr.
func (e *NamedArgExpr) Type() types.T { return e.Arg.Type() }

// Collation implements Expr.
func (e *NamedArgExpr) Collation() types.OID { return e.Arg.Collation() }

func (*NamedArgExpr) exprNode() {}

// Type implements Expr.
func (e *GroupingSetVar) Type() types.T { return e.Arg.Type() }

// Collation implements Expr.
func (e *GroupingSetVar) Collation() types.OID { return e.Arg.Collation() }

func (*GroupingSetVar) exprNode() {}
