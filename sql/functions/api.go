package functions

import (
	"kimberlite/sql/catalog"
	"kimberlite/sql/types"
)

// Env is what functions see of the session that calls them. One per statement execution; not for concurrent use.
type Env struct {
	IO      *types.Ctx
	Catalog catalog.Reader
	Session Session // nil in places without a session (index expressions at apply time): functions that need one give 0A000
	// CheckDomain tests a value, NULLs included, against the constraints of a domain type.
	CheckDomain func(domain types.OID, d types.Datum) error
	// Arena is for results' bytes.
	Arena *types.Arena
	// Query runs a subquery for the few functions that are defined by one (query_to_xml and the like); nil where there is none.
}

// Call is a call site: a function with its argument types. Built once when an expression is compiled, used for each row.
type Call struct {
	Func      types.OID
	Name      string
	Args      []types.T
	Ret       types.T
	Collation types.OID
	Variadic  bool // the last argument is the array of a VARIADIC parameter
	Env       *Env
	// Columns is the column definition list of a call in FROM: AS x(a int, b text).
	Columns []types.Field
	// Memo is the implementation's own per-site cache (a compiled pattern, a parsed format picture).
	Memo any
	// ConstArgs has the values of arguments that are constant over the call site's life, for preparation; nil elements are not constant.
	ConstArgs []*types.Datum
}

// Scalar computes one value. When the function is strict (pg_proc.proisstrict), no argument is NULL: the caller checks.
type Scalar func(c *Call, args []types.Datum) (types.Datum, error)

// Vector computes a batch: out has been resized to hold physical rows 0..n-1; sel (nil: all of 0..n-1) lists the rows to compute. For a strict
// function the caller has already put NULLs into out.Nulls where any argument is NULL, and the kernel may skip or
// compute garbage there, but must not fail there.
type Vector func(c *Call, n int, sel []int32, args []*types.Vec, out *types.Vec) error

// Impl is an implementation of a scalar function.
type Impl struct {
	Row Scalar
	Vec Vector // nil: the row form is called for each row
}

// SetReturning starts a set-returning function. The result rows have one column, or the columns of the function's OUT parameters
// or of the column definition list in c.Ret's place (cols).
type SetReturning func(c *Call, cols []types.T, args []types.Datum) (RowSource, error)

// RowSource yields the rows of a set-returning function or a virtual table.
type RowSource interface {
	// Next appends up to types.BatchRows rows to the vectors of b (which the caller has reset) and sets b.N; 0 rows is the end.
	Next(b *types.Batch) error
	Close()
}

// Aggregate makes states for an aggregate's call site.
type Aggregate func(c *Call) (Aggregator, error)

// Aggregator holds the states of many groups of one aggregate call, by group number from 0.
type Aggregator interface {
	// Grow makes groups 0..n-1 exist.
	Grow(n int)
	// Add feeds row r = sel[i] (all of 0..len(groups)-1 when sel is nil) of args to group groups[i].
	Add(groups []int32, sel []int32, args []*types.Vec) error
	// Result is the aggregate of the group; it may be called again after more Adds (window frames that grow).
	Result(group int) (types.Datum, error)
	// Reset forgets all groups.
	Reset()
	// Bytes estimates the memory held, for work_mem.
	Bytes() int64
	// Save appends the state of a group so that Load (into a fresh group) can go on from it: spilling and partial aggregation.
	Save(dst []byte, group int) ([]byte, error)
	Load(group int, src []byte) error
	// Combine adds the state saved in src to the group's.
	Combine(group int, src []byte) error
}

// Removable is an Aggregator that can take a row back: moving window frames without recomputation.
type Removable interface {
	Remove(group int, args []types.Datum) error
}

// OrderedSet is an ordered-set or hypothetical-set aggregate: it is called once a group with its sorted input.
type OrderedSet func(c *Call, direct []types.Datum, rows SortedRows) (types.Datum, error)

// SortedRows are the sorted aggregated arguments of a group.
type SortedRows interface {
	Len() int
	Row(i int) []types.Datum
	// Compare orders a row against the i-th (for hypothetical sets).
	Compare(row []types.Datum, i int) int
}

// Window computes a window function's value for row pos of a partition.
type Window func(c *Call, w Partition, pos int) (types.Datum, error)

// Partition is what a window function sees: rows 0..Len-1 of its partition in window order.
type Partition interface {
	Len() int
	// Arg evaluates argument i of the call at row pos.
	Arg(i, pos int) (types.Datum, error)
	// PeerStart and PeerEnd bound the peers (equal in ORDER BY) of row pos: [start, end).
	PeerStart(pos int) int
	PeerEnd(pos int) int
	// FrameStart and FrameEnd bound the frame of row pos before exclusion: [start, end). Excluded says whether row i is excluded from pos's frame.
	FrameStart(pos int) (int, error)
	FrameEnd(pos int) (int, error)
	Excluded(pos, i int) bool
	// PeerGroup is the number (from 0) of pos's peer group.
	PeerGroup(pos int) int
}
