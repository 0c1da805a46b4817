package tree

import "kimberlite/sql/types"

// Expr is a typed scalar expression.
type Expr interface {
	// Type is the type and typmod of the value.
	Type() types.T
	// Collation is the OID of the collation derived for the value, 0 for none.
	Collation() types.OID
	exprNode()
}

// Location is a byte offset into the query text, -1 when unknown.
type Location = int32

// Const is a literal of a known type.
type Const struct {
	T     types.T
	Coll  types.OID
	Value types.Datum
	Loc   Location
}

// Var is a column reference (T2). After planning, executor expressions use VarNo Outer, Inner or Index (see exec/plan) or
// refer to the input row of their node.
type Var struct {
	VarNo    int
	AttNo    int
	LevelsUp int
	T        types.T
	Coll     types.OID
	Loc      Location
}

// The numbers of system columns, as in PostgreSQL.
const (
	CtidAtt     = -1
	XminAtt     = -2
	CminAtt     = -3
	XmaxAtt     = -4
	CmaxAtt     = -5
	TableOidAtt = -6
)

// ParamKind says where a parameter's value comes from.
type ParamKind uint8

const (
	// ParamExtern is $n of a prepared statement.
	ParamExtern ParamKind = iota
	// ParamExec is set by the executor: the output of an initplan, or a value handed from the outer to the inner side or into a correlated subplan.
	ParamExec
)

// Param is a value supplied at run time. ID is n of $n (from 1) for ParamExtern, a slot number (from 0) for ParamExec.
type Param struct {
	Kind ParamKind
	ID   int
	T    types.T
	Coll types.OID
	Loc  Location
}

// CoercionForm says how a function call was written, for deparsing.
type CoercionForm uint8

// The coercion forms of PostgreSQL.
const (
	CoerceExplicitCall CoercionForm = iota
	CoerceExplicitCast
	CoerceImplicitCast
	CoerceSQLSyntax // EXTRACT(... FROM ...), OVERLAY(...), AT TIME ZONE and the like
)

// FuncExpr calls function Func (pg_proc OID).
type FuncExpr struct {
	Func      types.OID
	T         types.T
	RetSet    bool
	Variadic  bool // the last argument is the array of a VARIADIC parameter
	Form      CoercionForm
	Coll      types.OID
	InputColl types.OID
	Args      []Expr
	Loc       Location
}

// OpExpr applies operator Op (pg_operator OID), implemented by Func, to one or two arguments.
type OpExpr struct {
	Op        types.OID
	Func      types.OID
	T         types.T
	RetSet    bool
	Coll      types.OID
	InputColl types.OID
	Args      []Expr
	Loc       Location
}

// DistinctExpr is a IS DISTINCT FROM b; Op is the = operator.
type DistinctExpr OpExpr

// NullIfExpr is NULLIF(a, b); Op is the = operator.
type NullIfExpr OpExpr

// ScalarArrayOpExpr is a op ANY (array) when UseOr, a op ALL (array) otherwise.
type ScalarArrayOpExpr struct {
	Op        types.OID
	Func      types.OID
	UseOr     bool
	InputColl types.OID
	Args      []Expr // scalar, array
	Loc       Location
}

// BoolOp is AND, OR or NOT.
type BoolOp uint8

// The boolean connectives.
const (
	And BoolOp = iota
	Or
	Not
)

// BoolExpr is AND or OR over two or more arguments, or NOT over one.
type BoolExpr struct {
	Op   BoolOp
	Args []Expr
	Loc  Location
}

// SubLinkKind is the kind of a subquery in an expression.
type SubLinkKind uint8

// The kinds of subquery, named as in PostgreSQL.
const (
	ExistsSubLink SubLinkKind = iota
	AllSubLink
	AnySubLink
	RowCompareSubLink
	ExprSubLink
	MultiExprSubLink // UPDATE ... SET (a, b) = (SELECT ...)
	ArraySubLink
)

// SubLink is a subquery in an expression before planning. Test compares the left-hand side with Params (Kind ParamExec,
// ID = column number from 0 of the subquery's output) for ANY, ALL and row comparison.
type SubLink struct {
	Kind   SubLinkKind
	ID     int // of a MultiExprSubLink, matched by MultiExprParam
	Test   Expr
	OpName string // as written, for deparsing
	Query  *Query
	T      types.T
	Coll   types.OID
	Loc    Location
}

// MultiExprParam is column Col (from 0) of the MultiExprSubLink with the ID.
type MultiExprParam struct {
	ID, Col int
	T       types.T
	Coll    types.OID
	Loc     Location
}

// SubPlan is a planned SubLink: Plan indexes the plan's list of subplans. Correlated values are passed as ParamExec slots: before a run,
// SetParams[i] is assigned the value of Args[i]. Test compares with the ParamExec slots in OutParams, one a column.
type SubPlan struct {
	Kind      SubLinkKind
	Plan      int
	Test      Expr
	OutParams []int
	SetParams []int
	Args      []Expr
	UseHash   bool // uncorrelated ANY over hashable operators: build a hash table once
	T         types.T
	Coll      types.OID
}

// FieldSelect takes field Field (from 1) of a composite value.
type FieldSelect struct {
	Arg   Expr
	Field int
	T     types.T
	Coll  types.OID
}

// FieldStore replaces fields of a composite value: UPDATE t SET c.f = v.
type FieldStore struct {
	Arg    Expr
	Values []Expr
	Fields []int
	T      types.T
}

// RelabelType reinterprets a value as a binary-compatible type.
type RelabelType struct {
	Arg  Expr
	T    types.T
	Coll types.OID
	Form CoercionForm
	Loc  Location
}

// CoerceViaIO converts through the text form.
type CoerceViaIO struct {
	Arg  Expr
	T    types.T
	Coll types.OID
	Form CoercionForm
	Loc  Location
}

// ArrayCoerceExpr converts each element of an array with Elem, in which the element is a CaseTestExpr.
type ArrayCoerceExpr struct {
	Arg  Expr
	Elem Expr
	T    types.T
	Coll types.OID
	Form CoercionForm
	Loc  Location
}

// ConvertRowtypeExpr converts a composite value to another composite type by column names.
type ConvertRowtypeExpr struct {
	Arg  Expr
	T    types.T
	Form CoercionForm
	Loc  Location
}

// CollateExpr is arg COLLATE coll.
type CollateExpr struct {
	Arg  Expr
	Coll types.OID
	Loc  Location
}

// CaseExpr is CASE. With Arg, each When's Cond compares a CaseTestExpr standing for Arg's value.
type CaseExpr struct {
	Arg   Expr
	Whens []CaseWhen
	Else  Expr // never nil: a NULL Const when not given
	T     types.T
	Coll  types.OID
	Loc   Location
}

// CaseWhen is one WHEN ... THEN ... .
type CaseWhen struct{ Cond, Result Expr }

// CaseTestExpr is a placeholder for the value under test.
type CaseTestExpr struct {
	T    types.T
	Coll types.OID
}

// ArrayExpr is ARRAY[...]; Multi says the elements are themselves arrays of the same type.
type ArrayExpr struct {
	T     types.T
	Elem  types.OID
	Multi bool
	Elems []Expr
	Coll  types.OID
	Loc   Location
}

// RowExpr is ROW(...) or a whole row spelled out; T is record or a named composite type.
type RowExpr struct {
	Args  []Expr
	T     types.T
	Names []string
	Form  CoercionForm
	Loc   Location
}

// RowCompareKind is the comparison of a RowCompareExpr.
type RowCompareKind uint8

// The comparisons.
const (
	RowCompareLT RowCompareKind = iota + 1
	RowCompareLE
	RowCompareEQ
	RowCompareGE
	RowCompareGT
	RowCompareNE
)

// RowCompareExpr is (a, b) < (c, d) and the like; = and <> become AND and OR of OpExprs.
type RowCompareExpr struct {
	Kind        RowCompareKind
	Ops         []types.OID
	InputColls  []types.OID
	Left, Right []Expr
}

// CoalesceExpr is COALESCE(...).
type CoalesceExpr struct {
	T    types.T
	Coll types.OID
	Args []Expr
	Loc  Location
}

// MinMaxExpr is GREATEST(...) or LEAST(...).
type MinMaxExpr struct {
	Least bool
	T     types.T
	Coll  types.OID
	Args  []Expr
	Loc   Location
}

// SQLValueKind is one of SQL's parameterless functions with a grammar of their own.
type SQLValueKind uint8

// The kinds.
const (
	CurrentDate SQLValueKind = iota
	CurrentTime
	CurrentTimestamp
	LocalTime
	LocalTimestamp
	CurrentRole
	CurrentUser
	User
	SessionUser
	CurrentCatalog
	CurrentSchema
)

// SQLValueFunction is CURRENT_DATE and its kin; T.Mod is the precision.
type SQLValueFunction struct {
	Kind SQLValueKind
	T    types.T
	Loc  Location
}

// NullTest is IS [NOT] NULL. RowFormat says the argument is composite and all its fields are tested.
type NullTest struct {
	Arg       Expr
	IsNotNull bool
	RowFormat bool
	Loc       Location
}

// BooleanTestKind is the test of a BooleanTest.
type BooleanTestKind uint8

// The tests.
const (
	IsTrue BooleanTestKind = iota
	IsNotTrue
	IsFalse
	IsNotFalse
	IsUnknown
	IsNotUnknown
)

// BooleanTest is IS [NOT] TRUE, FALSE or UNKNOWN.
type BooleanTest struct {
	Arg  Expr
	Kind BooleanTestKind
	Loc  Location
}

// CoerceToDomain checks a value against the domain's constraints.
type CoerceToDomain struct {
	Arg  Expr
	T    types.T
	Coll types.OID
	Form CoercionForm
	Loc  Location
}

// CoerceToDomainValue is VALUE in a domain's CHECK.
type CoerceToDomainValue struct {
	T    types.T
	Coll types.OID
}

// SetToDefault is DEFAULT in INSERT and UPDATE until rewriting replaces it.
type SetToDefault struct {
	T    types.T
	Coll types.OID
	Loc  Location
}

// CurrentOfExpr is WHERE CURRENT OF cursor.
type CurrentOfExpr struct {
	VarNo  int
	Cursor string
}

// NextValueExpr is nextval of an identity column's sequence.
type NextValueExpr struct {
	Seq types.OID
	T   types.T
}

// SubscriptingRef is container[i], container[l:u], and with Assign != nil the container with that element or slice replaced.
type SubscriptingRef struct {
	Container types.OID // array type (or jsonb)
	Elem      types.OID
	T         types.T
	Coll      types.OID
	Arg       Expr
	Upper     []Expr
	Lower     []Expr // nil for plain subscripts; a nil element is an omitted bound
	Assign    Expr
}

// Aggref is an aggregate call.
type Aggref struct {
	Func      types.OID
	T         types.T
	Coll      types.OID
	InputColl types.OID
	ArgTypes  []types.OID
	Direct    []Expr        // direct arguments of an ordered-set aggregate
	Args      []TargetEntry // aggregated arguments and, resjunk, ORDER BY expressions
	Order     []SortClause  // refers to Args by sort-group reference
	Distinct  []SortClause
	Filter    Expr
	Star      bool // count(*)
	Variadic  bool
	Kind      byte // pg_aggregate.aggkind: 'n', 'o', 'h'
	LevelsUp  int
	Loc       Location
}

// GroupingFunc is GROUPING(...); Refs are the sort-group references of Args.
type GroupingFunc struct {
	Args     []Expr
	Refs     []int
	LevelsUp int
	Loc      Location
}

// WindowFunc is a window function or an aggregate called with OVER; Ref is the window clause's number.
type WindowFunc struct {
	Func      types.OID
	T         types.T
	Coll      types.OID
	InputColl types.OID
	Args      []Expr
	Filter    Expr
	Ref       int
	Star      bool
	Agg       bool // a plain aggregate used as a window function
	Loc       Location
}

// NamedArgExpr is name => value before it is put in its place.
type NamedArgExpr struct {
	Arg  Expr
	Name string
	Pos  int
	Loc  Location
}

// GroupingSetVar stands, above a grouping node, for grouping column Ref: NULL in sets that lack it. Made by the planner.
type GroupingSetVar struct {
	Arg Expr
	Ref int
}
