package exec

import (
	"context"

	"kimberlite/sql/catalog"
	"kimberlite/sql/functions"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
	"kimberlite/txn"
)

// Context is what an execution takes from the session that runs it. It must not be changed while a Rows is open.
type Context struct {
	// Ctx is cancelled by a cancel request, a timeout or the end of the session; its cause is the error to report.
	Ctx context.Context
	Env *functions.Env
	Txn *txn.Txn
	// Catalog is the reader in force; nil takes the one that the plan was compiled with.
	Catalog catalog.Reader
	Virtual VirtualTables
	// WorkMem is work_mem in bytes (0: the default of 4 MiB); hashes may use HashMemMultiplier times as much (0: 2).
	WorkMem           int64
	HashMemMultiplier float64
	// TempDir is where spill files go ("": the system's), TempFileLimit the most bytes of them at a time (0: no limit).
	TempDir       string
	TempFileLimit int64
	// Instrument makes Rows.Stats count rows, time and memory of each plan node.
	Instrument bool
	// Deferred collects constraint checks that wait for the end of the statement or of the transaction.
	Deferred *DeferredChecks
	Notice   func(*pgerr.Error)
	// Cursor finds the row id that a cursor is positioned on, for WHERE CURRENT OF.
	Cursor func(name string, rel types.OID) (rowID int64, err error)
	// Functions runs functions that are defined in SQL; nil where there are none.
	Functions FunctionRunner
	// View, if set, is what the statement sees; otherwise the execution starts a command of Txn when it first reads or writes.
	View *txn.View
	// Usage finds the counters of a table or an index, for statistics; may be nil.
	Usage func(oid types.OID) *Usage
	// Spilled is told at the end of an execution how many temporary files it wrote, if any, and how much; may be nil.
	Spilled func(files, bytes int64)
}

// VirtualTables yields the rows of catalog relations.
type VirtualTables interface {
	// Open starts a scan of the virtual table for the attributes atts (in this order, one a column of the batches; negative ones are system columns).
	// Conditions that the table can use skip rows; it need not use them.
	Open(env *functions.Env, rel types.OID, atts []int, eq []VirtualCond) (functions.RowSource, error)
}

// VirtualCond is column = value, or column = ANY (values).
type VirtualCond struct {
	Att    int
	Values []types.Datum
}

const (
	workMemDefault = 4 << 20
	hashMemDefault = 2.0
)

func (c *Context) workMem() int64 {
	if c.WorkMem <= 0 {
		return workMemDefault
	}
	return c.WorkMem
}

func (c *Context) hashMem() int64 {
	m := c.HashMemMultiplier
	if m <= 0 {
		m = hashMemDefault
	}
	return int64(float64(c.workMem()) * m)
}
