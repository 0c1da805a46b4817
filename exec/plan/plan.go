package plan

import (
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// Var numbers in plans (N2).
const (
	OuterVar = -1
	InnerVar = -2
	ScanVar  = -3
	// AggVar in the target list and HAVING of Agg refers to aggregate AttNo (from 1); WinVar likewise to window call AttNo of WindowAgg.
	AggVar = -4
	WinVar = -5
	// NewVar and OldVar: columns by attribute number of the new/proposed (EXCLUDED) and the existing row in DML expressions (checks, generated columns, ON CONFLICT SET/WHERE).
	NewVar = -6
	OldVar = -7
)

// Plan is a whole statement's plan.
type Plan struct {
	Root Node
	Cmd  tree.CmdType
	// SubPlans are run on behalf of tree.SubPlan expressions, by index; each has its own slots in the same parameter space.
	SubPlans []SubPlan
	Params   int // number of ParamExec slots
	Nodes    int // node IDs are 0..Nodes-1
	// Columns describe the result: what RowDescription says. Nil when nothing is returned.
	Columns []Column
	// Relations that the plan reads or writes, for locks, permission checks and invalidation.
	Relations []RelUse
	// ModifyingCTEs are subplan indexes of data-modifying WITH queries that must run to completion even when not read.
	ModifyingCTEs []int
	ReadOnly      bool
	// Volatile: uses functions that forbid caching results, not the plan.
	HasReturning bool
	TotalCost    float64
	RangeTable   int // entries of all levels' range tables, for EXPLAIN
}

// SubPlan is a plan for a subquery in an expression, or of a CTE. An InitPlan is run once and its outputs assigned to OutParams.
type SubPlan struct {
	Name      string // "SubPlan 1", "InitPlan 1 (returns $0)", "CTE x"
	Root      Node
	Init      bool
	OutParams []int
	CTE       bool
	Kind      tree.SubLinkKind // of an InitPlan: EXISTS, a value or an array
}

// Column describes a result column.
type Column struct {
	Name    string
	T       types.T
	OrigTbl types.OID
	OrigCol int
}

// RelUse is a relation used by a plan.
type RelUse struct {
	OID              types.OID
	LockMode         int
	Perms            uint32
	CheckAs          types.OID
	SelCols, ModCols map[int]bool
}

// Base is common to all nodes.
type Base struct {
	ID                     int
	Target                 []tree.TargetEntry // N1
	Quals                  []tree.Expr        // implicitly ANDed, applied to the node's input rows (scans) or joined rows before projection
	Outer                  Node
	Inner                  Node
	StartupCost, TotalCost float64
	Rows                   float64
	Width                  int
	InitPlans              []int // subplans to mention under this node in EXPLAIN
	// RowNames are the column names of what a SubqueryScan, FunctionScan, ValuesScan, CTEScan or WorkTableScan reads, set where an expression
	// refers to it as a whole row (a Var with AttNo 0).
	RowNames    []string
	SubPlanRefs []int
	// Scanned and ColNames say for EXPLAIN which range table entry a scan reads, and how the query calls its columns.
	Scanned  ScanID
	ColNames []string
	// Fixed is set while planning when the node is known above under other expressions than it computes.
	Fixed []tree.TargetEntry
}

// ScanID tells range table entries of all query levels apart. Levels are numbered from 1.
type ScanID struct{ Level, RTIndex int }

// Common gives access to the common part.
func (b *Base) Common() *Base { return b }

// Node is a plan node.
type Node interface{ Common() *Base }

// Result computes its target list once (no Outer), or for each row of Outer; OneTime quals decide whether anything is produced.
type Result struct {
	Base
	OneTime []tree.Expr
	// ScanOf is set while planning for a relation known to be empty; its columns are then NULL.
	ScanOf []tree.TargetEntry
}

// ProjectSet expands set-returning functions in the target list.
type ProjectSet struct{ Base }

// Scan is the part common to scans of relations. Alias is the name that EXPLAIN prints.
type Scan struct {
	Base
	Rel     types.OID
	RelName string
	Schema  string
	Alias   string
	RTIndex int
	// Cols are the attribute numbers that target and quals need (system columns included).
	Cols []int
	// Lock: rows returned are locked first (FOR UPDATE on a single table is done by LockRows; this is for UPDATE and DELETE targets).
	AsOf tree.Expr
}

// SeqScan reads a table.
type SeqScan struct{ Scan }

// VirtualScan reads a catalog relation; Eq are column = expression conditions that the virtual table may use to skip rows (they are in Quals as well).
type VirtualScan struct {
	Scan
	Eq []VirtualEq
}

// VirtualEq is a usable equality; Any says Value is an array to match any element of.
type VirtualEq struct {
	Col   int
	Value tree.Expr
	Any   bool
}

// IndexScan reads a table through an index, in index order (backward when Backward). IndexOnly says that all Cols are in the index
// entries. With Unique, all key columns have an equality and the index is unique: at most one row.
type IndexScan struct {
	Scan
	Index     types.OID
	IndexName string
	Backward  bool
	IndexOnly bool
	Unique    bool
	// Conds bound the scan: for each key column in order at first equalities, then at most one column with ranges. IndexQuals has them as
	// boolean expressions for EXPLAIN, and Quals holds the rest (Filter).
	Conds      []IndexCond
	IndexQuals []tree.Expr
	OrderQuals []tree.Expr
}

// IndexCond compares key column Key (from 0) of the index with a value that does not depend on the row.
type IndexCond struct {
	Key   int
	Op    IndexOp
	Value tree.Expr // an array for OpAny
}

// IndexOp is the comparison of an IndexCond.
type IndexOp uint8

// The comparisons. OpAny is = ANY(array); OpPrefix is a text prefix.
const (
	OpEq IndexOp = iota
	OpLt
	OpLe
	OpGe
	OpGt
	OpAny
	OpIsNull
	OpIsNotNull
	OpPrefix
)

// BitmapHeapScan reads the rows found by its Outer, a tree of BitmapIndexScan, BitmapAnd and BitmapOr, in row id order. Recheck is for EXPLAIN.
type BitmapHeapScan struct {
	Scan
	Recheck []tree.Expr
}

// BitmapIndexScan makes a set of row ids.
type BitmapIndexScan struct {
	Base
	Rel, Index types.OID
	IndexName  string
	Conds      []IndexCond
	IndexQuals []tree.Expr
}

// BitmapAnd intersects and BitmapOr unites sets of row ids.
type BitmapAnd struct {
	Base
	Inputs []Node
}

// BitmapOr unites sets of row ids.
type BitmapOr struct {
	Base
	Inputs []Node
}

// TidScan reads rows by ctid: Tids are expressions of type tid (or tid[] with Any).
type TidScan struct {
	Scan
	Tids      []tree.Expr
	Any       bool
	CurrentOf string
}

// SubqueryScan renames the output of Outer (VarNo ScanVar: AttNo is the column of Outer's output).
type SubqueryScan struct {
	Base
	RTIndex int // while planning
	Alias   string
}

// FunctionScan reads set-returning functions in lockstep (ROWS FROM); VarNo ScanVar.
type FunctionScan struct {
	Base
	RTIndex    int // while planning
	Alias      string
	Funcs      []tree.RangeFunc
	Ordinality bool
}

// ValuesScan reads VALUES lists; VarNo ScanVar.
type ValuesScan struct {
	Base
	RTIndex int // while planning
	Alias   string
	Rows_   [][]tree.Expr
}

// CTEScan reads the output of a CTE's subplan, materialized once for all its readers; VarNo ScanVar.
type CTEScan struct {
	Base
	RTIndex int // while planning
	Name    string
	Alias   string
	SubPlan int
}

// WorkTableScan reads the last iteration's rows of the RecursiveUnion with the number.
type WorkTableScan struct {
	Base
	RTIndex int // while planning
	Alias   string
	Union   int
}

// RecursiveUnion runs Outer once, then Inner until it yields nothing new. All false removes duplicates (over all columns, by HashOps).
type RecursiveUnion struct {
	Base
	Number int
	All    bool
	EqOps  []types.OID
}

// Join is the part common to joins. Join quals decide about matches; Base.Quals filter the joined rows afterwards.
type Join struct {
	Base
	Kind      tree.JoinType
	JoinQuals []tree.Expr
	// InnerUnique: at most one inner row matches an outer one.
	InnerUnique bool
}

// NestLoop runs Inner for each row of Outer with Params set first from the outer row.
type NestLoop struct {
	Join
	Params []NestParam
}

// NestParam assigns an expression over the outer row to a ParamExec slot before the inner side is rescanned.
type NestParam struct {
	Slot  int
	Value tree.Expr
}

// HashJoin builds a hash table of Inner (a Hash node) and probes it with Outer.
type HashJoin struct {
	Join
	OuterKeys, InnerKeys []tree.Expr // pairwise; OuterVar and InnerVar respectively
	EqOps                []types.OID // = operator of each pair
	HashQuals            []tree.Expr // for EXPLAIN
}

// Hash marks the build side of a HashJoin.
type Hash struct{ Base }

// MergeJoin joins two inputs sorted on the keys.
type MergeJoin struct {
	Join
	OuterKeys, InnerKeys []tree.Expr
	Sort                 []SortKey // order of the keys; Col unused
	EqOps                []types.OID
	MergeQuals           []tree.Expr
}

// SortKey orders by output column Col (from 1) of the input.
type SortKey struct {
	Col        int
	Op         types.OID // < or > operator
	Collation  types.OID
	Desc       bool
	NullsFirst bool
}

// Sort sorts; Limit > 0 keeps only the first so many rows (top-N heap) when that is known. Presorted leading keys make it incremental.
type Sort struct {
	Base
	Keys      []SortKey
	Presorted int
	Limit     int64
}

// Material keeps its input's rows for rescans; Memoize keeps results by the values of Keys.
type Material struct{ Base }

// Memoize caches the inner side of a NestLoop by parameter values.
type Memoize struct {
	Base
	Keys []tree.Expr
	Ops  []types.OID
}

// AggStrategy is how Agg groups.
type AggStrategy uint8

// The strategies.
const (
	AggPlain AggStrategy = iota // one group
	AggSorted
	AggHashed
	AggMixed
)

// Agg groups Outer's rows by GroupCols and computes Aggs. Target and Quals (HAVING) refer to grouping columns as OuterVar and to aggregates as AggVar.
// With Sets, each grouping set lists the GroupCols (positions from 0) that it groups by; the others are NULL (GroupingSetVar), GROUPING() is computed from
// Grouping columns: GroupingFunc refs become tree.GroupingFunc with Refs positions in GroupCols.
type Agg struct {
	Base
	Strategy  AggStrategy
	GroupCols []int // columns of Outer, from 1; other columns of Outer in Target depend on them: the group's first row counts
	GroupRefs []int // sort-group references of GroupCols, while planning
	GroupEq   []types.OID
	Aggs      []*tree.Aggref // arguments over OuterVar; LevelsUp 0
	Sets      [][]int
}

// Group is Agg without aggregates over sorted input.
type Group struct {
	Base
	Cols []int
	Eq   []types.OID
}

// Unique drops repeated adjacent rows by Cols.
type Unique struct {
	Base
	Cols []int
	Eq   []types.OID
}

// WindowAgg computes window calls over input sorted by partition and order columns.
type WindowAgg struct {
	Base
	PartCols  []int
	PartEq    []types.OID
	OrderCols []SortKey
	OrderEq   []types.OID
	Clause    *tree.WindowClause // frame; offsets as expressions without Vars
	Calls     []*tree.WindowFunc // args over OuterVar
}

// SetOp is INTERSECT or EXCEPT by hashing: Outer and Inner yield the two inputs.
type SetOp struct {
	Base
	Kind  tree.SetOpKind
	All   bool
	EqOps []types.OID
}

// Append concatenates; MergeAppend keeps the order of Keys.
type Append struct {
	Base
	Inputs []Node
}

// MergeAppend merges sorted inputs.
type MergeAppend struct {
	Base
	Inputs []Node
	Keys   []SortKey
}

// Limit is LIMIT/OFFSET; TiesKeys of WITH TIES.
type Limit struct {
	Base
	Count, Offset tree.Expr
	Ties          []SortKey
}

// LockRows is FOR UPDATE/SHARE: for each mark, the input carries the row id in column RowIDCol (from 1) and the table OID.
type LockRows struct {
	Base
	Marks []RowLock
}

// RowLock is one relation locked by LockRows. WholeRow columns of other relations needed for rechecks stay as they were read.
type RowLock struct {
	Rel      types.OID
	RTIndex  int
	RowIDCol int
	Strength tree.LockStrength
	Wait     tree.LockWait
}

// ModifyTable inserts, updates, deletes or merges the rows of Outer.
//
// INSERT: Outer yields the new row, one column a table attribute (all live ones, in attribute order). UPDATE: Outer yields the new values of
// the SetCols in order, then ctid in column RowIDCol. DELETE: just ctid. MERGE: the source row, ctid (NULL when not matched).
type ModifyTable struct {
	Base
	Cmd      tree.CmdType
	Rel      types.OID
	RelName  string
	Schema   string
	Alias    string
	RTIndex  int
	SetCols  []int // attribute numbers assigned, UPDATE
	RowIDCol int
	// Generated columns and CHECK constraints come from the catalog; the executor compiles them.
	OnConflict *OnConflict
	Merge      []MergeAction
	// Returning is evaluated over NewVar (the new row; for DELETE the old one) and OuterVar (the other tables' columns of Outer).
	Returning  []tree.TargetEntry
	WithChecks []tree.WithCheck // over NewVar
	CanSetTag  bool
	// Recheck re-evaluates an UPDATE or DELETE for a row that changed while it waited for the lock (READ COMMITTED): a plan like Outer in which the target
	// relation is replaced by the row in ParamExec slots; nil: Quals of the scan suffice (see RecheckQuals).
	RecheckQuals []tree.Expr // over OldVar and OuterVar: the scan and join conditions that involve the target
	// SetExprs are the expressions of SetCols over OldVar and OuterVar, to recompute after a recheck.
	SetExprs []tree.Expr
}

// OnConflict is the ON CONFLICT part; Set and Where are over OldVar (existing row) and NewVar (EXCLUDED).
type OnConflict struct {
	Update  bool
	Indexes []types.OID // arbiters; empty: any unique index
	ExclRel int         // while planning
	SetCols []int
	Set     []tree.Expr
	Where   tree.Expr
}

// MergeAction is a WHEN clause; Qual and Set are over OldVar (matched target row) and OuterVar (source).
type MergeAction struct {
	Matched bool
	Cmd     tree.CmdType
	Qual    tree.Expr
	SetCols []int
	Set     []tree.Expr // INSERT: one an attribute; UPDATE: one a SetCol
}
