package tree

import (
	"reflect"

	"kimberlite/sql/types"
)

// nodeType is a struct of the stored form with its fields in wire order.
type nodeType struct {
	typ    reflect.Type
	fields []string
}

func node[T any](fields ...string) nodeType { return nodeType{reflect.TypeFor[T](), fields} }

// nodeTypes defines the stored form: a struct's tag is its place in this list (from 1), a field's number its place among the names.
// FROZEN: the list and each list of names only grow at their ends. TestEncodeKnowsEveryField finds what is missing.
var nodeTypes = []nodeType{
	node[types.T]("OID", "Mod"),
	node[types.Datum]("I", "S", "Null"),
	node[Const]("T", "Coll", "Value"),
	node[Var]("VarNo", "AttNo", "LevelsUp", "T", "Coll"),
	node[Param]("Kind", "ID", "T", "Coll"),
	node[FuncExpr]("Func", "T", "RetSet", "Variadic", "Form", "Coll", "InputColl", "Args"),
	node[OpExpr]("Op", "Func", "T", "RetSet", "Coll", "InputColl", "Args"),
	node[DistinctExpr]("Op", "Func", "T", "RetSet", "Coll", "InputColl", "Args"),
	node[NullIfExpr]("Op", "Func", "T", "RetSet", "Coll", "InputColl", "Args"),
	node[ScalarArrayOpExpr]("Op", "Func", "UseOr", "InputColl", "Args"),
	node[BoolExpr]("Op", "Args"),
	node[SubLink]("Kind", "ID", "Test", "OpName", "Query", "T", "Coll"),
	node[MultiExprParam]("ID", "Col", "T", "Coll"),
	node[SubPlan]("Kind", "Plan", "Test", "OutParams", "SetParams", "Args", "UseHash", "T", "Coll"),
	node[FieldSelect]("Arg", "Field", "T", "Coll"),
	node[FieldStore]("Arg", "Values", "Fields", "T"),
	node[RelabelType]("Arg", "T", "Coll", "Form"),
	node[CoerceViaIO]("Arg", "T", "Coll", "Form"),
	node[ArrayCoerceExpr]("Arg", "Elem", "T", "Coll", "Form"),
	node[ConvertRowtypeExpr]("Arg", "T", "Form"),
	node[CollateExpr]("Arg", "Coll"),
	node[CaseExpr]("Arg", "Whens", "Else", "T", "Coll"),
	node[CaseWhen]("Cond", "Result"),
	node[CaseTestExpr]("T", "Coll"),
	node[ArrayExpr]("T", "Elem", "Multi", "Elems", "Coll"),
	node[RowExpr]("Args", "T", "Names", "Form"),
	node[RowCompareExpr]("Kind", "Ops", "InputColls", "Left", "Right"),
	node[CoalesceExpr]("T", "Coll", "Args"),
	node[MinMaxExpr]("Least", "T", "Coll", "Args"),
	node[SQLValueFunction]("Kind", "T"),
	node[NullTest]("Arg", "IsNotNull", "RowFormat"),
	node[BooleanTest]("Arg", "Kind"),
	node[CoerceToDomain]("Arg", "T", "Coll", "Form"),
	node[CoerceToDomainValue]("T", "Coll"),
	node[SetToDefault]("T", "Coll"),
	node[CurrentOfExpr]("VarNo", "Cursor"),
	node[NextValueExpr]("Seq", "T"),
	node[SubscriptingRef]("Container", "Elem", "T", "Coll", "Arg", "Upper", "Lower", "Assign"),
	node[Aggref]("Func", "T", "Coll", "InputColl", "ArgTypes", "Direct", "Args", "Order", "Distinct", "Filter", "Star", "Variadic", "Kind", "LevelsUp"),
	node[GroupingFunc]("Args", "Refs", "LevelsUp"),
	node[WindowFunc]("Func", "T", "Coll", "InputColl", "Args", "Filter", "Ref", "Star", "Agg"),
	node[NamedArgExpr]("Arg", "Name", "Pos"),
	node[GroupingSetVar]("Arg", "Ref"),
	node[Query]("Cmd", "CanSetTag", "ResultRel", "HasAggs", "HasWindow", "HasTargetSRF", "HasSubLinks", "HasDistinctOn", "HasRecursive", "HasModifyingCTE", "CTEs", "RTable", "From", "Target", "Override", "OnConflict", "Returning", "GroupBy", "GroupDistinct", "GroupingSets", "Having", "Windows", "Distinct", "Sort", "LimitOffset", "LimitCount", "WithTies", "RowMarks", "SetOp", "MergeActions", "MergeUseOuter", "WithChecks", "MultiAssign", "ConstraintDeps"),
	node[TargetEntry]("Expr", "ResNo", "Name", "SortRef", "OrigTbl", "OrigCol", "Junk"),
	node[SortClause]("SortRef", "EqOp", "SortOp", "Desc", "NullsFirst", "Hashable"),
	node[RTE]("Kind", "RelID", "RelKind", "LockMode", "Inh", "AsOf", "Subquery", "IsView", "IsBarrier", "JoinType", "JoinAlias", "JoinMerged", "UsingAlias", "Funcs", "Ordinality", "Values", "CTEName", "CTELevels", "SelfRef", "ColTypes", "ColColls", "Alias", "Eref", "Lateral", "InFrom", "ReqPerms", "CheckAs", "SelCols", "ModCols"),
	node[Alias]("Name", "Cols"),
	node[RangeFunc]("Expr", "NCols", "ColNames", "ColTypes", "ColColls"),
	node[CTE]("Name", "Materialized", "Query", "Recursive", "RefCount", "ColNames", "AliasCols", "ColTypes", "ColColls", "Search", "Cycle"),
	node[CTESearch]("Cols", "Breadth", "SeqCol"),
	node[CTECycle]("Cols", "MarkCol", "MarkValue", "MarkDefault", "PathCol", "MarkT", "MarkColl", "MarkNEqOp"),
	node[RangeRef]("Index"),
	node[JoinExpr]("Kind", "Natural", "Left", "Right", "Using", "Quals", "Alias", "Index"),
	node[FromExpr]("List", "Quals"),
	node[GroupingSet]("Kind", "Refs", "Sets"),
	node[WindowClause]("Name", "RefName", "Partition", "Order", "Frame", "StartOffset", "EndOffset", "StartInRange", "EndInRange", "InRangeAsc", "InRangeNullsFirst", "Ref", "CopiedOrder"),
	node[RowMark]("RTIndex", "Strength", "Wait", "PushedDown"),
	node[SetOperation]("Kind", "All", "Left", "Right", "ColTypes", "ColColls", "Group"),
	node[OnConflict]("Update", "Arbiters", "ArbWhere", "Constraint", "Indexes", "Set", "Where", "ExclRel", "ExclTarget"),
	node[MergeAction]("Matched", "Cmd", "Override", "Qual", "Target"),
	node[WithCheck]("RelName", "Qual"),
}
