package tree

import "kimberlite/sql/types"

// CmdType is the kind of a Query.
type CmdType uint8

// The kinds. A utility statement stays a parse tree and goes to the session.
const (
	CmdSelect CmdType = iota + 1
	CmdUpdate
	CmdInsert
	CmdDelete
	CmdMerge
	CmdUtility
)

// Query is an analyzed statement, shaped as PostgreSQL's Query.
type Query struct {
	Cmd          CmdType
	CanSetTag    bool
	ResultRel    int // range table number of the target of INSERT, UPDATE, DELETE, MERGE
	HasAggs      bool
	HasWindow    bool
	HasTargetSRF bool
	HasSubLinks  bool
	HasDistinctOn,
	HasRecursive,
	HasModifyingCTE bool
	CTEs          []*CTE
	RTable        []*RTE
	From          *FromExpr
	Target        []TargetEntry
	Override      byte // INSERT ... OVERRIDING: 0, 'u' user value, 's' system value
	OnConflict    *OnConflict
	Returning     []TargetEntry
	GroupBy       []SortClause
	GroupDistinct bool
	GroupingSets  []*GroupingSet
	Having        Expr
	Windows       []*WindowClause
	Distinct      []SortClause
	Sort          []SortClause
	LimitOffset   Expr
	LimitCount    Expr
	WithTies      bool
	RowMarks      []*RowMark
	SetOp         SetOpNode // *SetOperation at the root of UNION and the like, else nil
	MergeActions  []*MergeAction
	MergeUseOuter bool // some WHEN NOT MATCHED exists
	WithChecks    []WithCheck
	// MultiAssign holds UPDATE ... SET (..) = (SELECT ..) subqueries, referred to by MultiExprParam.ID (from 1).
	MultiAssign []*SubLink
	// ConstraintDeps lists the primary keys that the query's grouping relies on: a stored query depends on them.
	ConstraintDeps []types.OID
}

// TargetEntry is an output column. ResNo is its number from 1; of INSERT and UPDATE targets, the column number of the table.
type TargetEntry struct {
	Expr    Expr
	ResNo   int
	Name    string
	SortRef int // sort-group reference, 0 for none
	OrigTbl types.OID
	OrigCol int
	Junk    bool
}

// SortClause refers to the target entry with the SortRef. SortOp is 0 when it can only be hashed.
type SortClause struct {
	SortRef    int
	EqOp       types.OID
	SortOp     types.OID
	Desc       bool
	NullsFirst bool
	Hashable   bool
}

// RTEKind is the kind of a range table entry.
type RTEKind uint8

// The kinds.
const (
	RTERelation RTEKind = iota
	RTESubquery
	RTEJoin
	RTEFunction
	RTETableFunc
	RTEValues
	RTECTE
	RTEResult // FROM-less SELECT
)

// RTE is a range table entry.
type RTE struct {
	Kind RTEKind
	// Relation: table, view, virtual table, materialized view, sequence.
	RelID    types.OID
	RelKind  byte
	LockMode int // table lock mode needed, 1..8 as pg_locks orders them
	Inh      bool
	AsOf     Expr // AS OF TIMESTAMP (timestamptz) or POSITION (int8), nil for now
	// Subquery.
	Subquery  *Query
	IsView    bool // RelID is the view this came from
	IsBarrier bool
	// Join: Vars of the inputs by output column.
	JoinType   JoinType
	JoinAlias  []Expr
	JoinMerged int // number of leading USING columns
	UsingAlias string
	// Function.
	Funcs      []RangeFunc
	Ordinality bool
	// Values.
	Values [][]Expr
	// CTE.
	CTEName   string
	CTELevels int
	SelfRef   bool
	// Column types of Function, Values, CTE and TableFunc entries (and of the others for convenience): one an output column.
	ColTypes []types.T
	ColColls []types.OID
	// Common.
	Alias    *Alias // as written, nil for none
	Eref     Alias  // the names in force
	Lateral  bool
	InFrom   bool
	ReqPerms uint32       // ACL bits to check
	CheckAs  types.OID    // role for the permission check, 0 current
	SelCols  map[int]bool // columns read; for column privileges
	ModCols  map[int]bool
}

// Alias is a table alias with column aliases.
type Alias struct {
	Name string
	Cols []string
}

// RangeFunc is one function of a function range table entry.
type RangeFunc struct {
	Expr     Expr
	NCols    int
	ColNames []string // of a column definition list
	ColTypes []types.T
	ColColls []types.OID
}

// CTE is a WITH query.
type CTE struct {
	Name         string
	Materialized byte // 0 default, 'm' always, 'n' never
	Query        *Query
	Recursive    bool
	RefCount     int
	ColNames     []string
	AliasCols    []string
	ColTypes     []types.T
	ColColls     []types.OID
	Search       *CTESearch
	Cycle        *CTECycle
	Loc          Location
}

// CTESearch is SEARCH { BREADTH | DEPTH } FIRST BY ... SET ... .
type CTESearch struct {
	Cols    []string
	Breadth bool
	SeqCol  string
}

// CTECycle is CYCLE ... SET ... USING ... .
type CTECycle struct {
	Cols        []string
	MarkCol     string
	MarkValue   Expr
	MarkDefault Expr
	PathCol     string
	MarkT       types.T
	MarkColl    types.OID
	MarkNEqOp   types.OID
}

// JoinNode is *RangeRef, *JoinExpr or *FromExpr.
type JoinNode interface{ joinNode() }

// RangeRef is a range table entry in the join tree.
type RangeRef struct{ Index int }

// JoinType is the kind of a join.
type JoinType uint8

// The kinds; the last three are made by the planner.
const (
	JoinInner JoinType = iota
	JoinLeft
	JoinFull
	JoinRight
	JoinSemi
	JoinAnti
	JoinRightSemi
)

// JoinExpr is a JOIN ... ON. Index is its own range table entry (0 for none).
type JoinExpr struct {
	Kind        JoinType
	Natural     bool
	Left, Right JoinNode
	Using       []string
	Quals       Expr // nil for none
	Alias       *Alias
	Index       int
}

// FromExpr is a list of join tree nodes with a WHERE.
type FromExpr struct {
	List  []JoinNode
	Quals Expr
}

func (*RangeRef) joinNode() {}
func (*JoinExpr) joinNode() {}
func (*FromExpr) joinNode() {}

// GroupingSetKind is the kind of a GroupingSet.
type GroupingSetKind uint8

// The kinds.
const (
	GroupingSetEmpty GroupingSetKind = iota
	GroupingSetSimple
	GroupingSetRollup
	GroupingSetCube
	GroupingSetSets
)

// GroupingSet is an element of GROUP BY GROUPING SETS; Refs of a simple one are sort-group references.
type GroupingSet struct {
	Kind GroupingSetKind
	Refs []int
	Sets []*GroupingSet
	Loc  Location
}

// WindowClause is a window definition.
type WindowClause struct {
	Name, RefName     string
	Partition         []SortClause
	Order             []SortClause
	Frame             FrameOption
	StartOffset       Expr
	EndOffset         Expr
	StartInRange      types.OID // in_range functions of RANGE with offsets
	EndInRange        types.OID
	InRangeAsc        bool
	InRangeNullsFirst bool
	Ref               int
	CopiedOrder       bool
}

// FrameOption holds the bits of a window frame, PostgreSQL's FRAMEOPTION_*.
type FrameOption uint32

// The bits.
const (
	FrameNonDefault FrameOption = 1 << iota
	FrameRange
	FrameRows
	FrameGroups
	FrameBetween
	FrameStartUnboundedPreceding
	FrameEndUnboundedPreceding
	FrameStartUnboundedFollowing
	FrameEndUnboundedFollowing
	FrameStartCurrentRow
	FrameEndCurrentRow
	FrameStartOffsetPreceding
	FrameEndOffsetPreceding
	FrameStartOffsetFollowing
	FrameEndOffsetFollowing
	FrameExcludeCurrentRow
	FrameExcludeGroup
	FrameExcludeTies
)

// LockStrength is the strength of FOR UPDATE and its kin, ascending.
type LockStrength uint8

// The strengths.
const (
	LockNone LockStrength = iota
	LockForKeyShare
	LockForShare
	LockForNoKeyUpdate
	LockForUpdate
)

// LockWait says what to do when a row is locked.
type LockWait uint8

// The policies.
const (
	LockWaitBlock LockWait = iota
	LockWaitSkip
	LockWaitError
)

// RowMark is a FOR UPDATE/SHARE clause on a range table entry.
type RowMark struct {
	RTIndex    int
	Strength   LockStrength
	Wait       LockWait
	PushedDown bool
}

// SetOpNode is *SetOperation or *RangeRef (a leaf subquery).
type SetOpNode interface{ setOpNode() }

// SetOpKind is UNION, INTERSECT or EXCEPT.
type SetOpKind uint8

// The kinds.
const (
	Union SetOpKind = iota
	Intersect
	Except
)

// SetOperation is a set operation over two inputs.
type SetOperation struct {
	Kind        SetOpKind
	All         bool
	Left, Right SetOpNode
	ColTypes    []types.T
	ColColls    []types.OID
	Group       []SortClause // one a column, for the duplicate test (SortRef unused); nil for UNION ALL
}

func (*SetOperation) setOpNode() {}
func (*RangeRef) setOpNode()     {}

// OnConflict is ON CONFLICT. The EXCLUDED row is range table entry ExclRel.
type OnConflict struct {
	Update     bool
	Arbiters   []Expr      // index expressions/columns of the inference clause (Vars of the target relation)
	ArbWhere   Expr        // its WHERE
	Constraint types.OID   // ON CONSTRAINT
	Indexes    []types.OID // the inferred arbiter indexes (filled by the analyzer; empty: any, only for DO NOTHING)
	Set        []TargetEntry
	Where      Expr
	ExclRel    int
	ExclTarget []TargetEntry
}

// MergeAction is a WHEN clause of MERGE.
type MergeAction struct {
	Matched  bool
	Cmd      CmdType // CmdUpdate, CmdDelete, CmdInsert; CmdUtility for DO NOTHING
	Override byte
	Qual     Expr
	Target   []TargetEntry
}

// WithCheck is a view's WITH CHECK OPTION turned into a condition on new rows.
type WithCheck struct {
	RelName string
	Qual    Expr
}
