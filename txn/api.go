package txn

import (
	"context"
	"time"

	"kimberlite/log"
	"kimberlite/projections"
	"kimberlite/sql/types"
)

// Proposer puts events into the log; consensus.Group is one.
type Proposer interface {
	// Propose returns when the event is committed and applied here.
	Propose(ctx context.Context, kind log.Kind, payload []byte) (log.Position, error)
}

// Options assemble a Manager.
type Options struct {
	Store    *projections.Store
	Proposer Proposer
	// View returns the consensus epoch in which this node leads, 0 to have no condition put on events. May be nil.
	View func() uint64
	// Clock returns the time in microseconds since 2000-01-01 UTC; default the wall clock.
	Clock func() int64
	// DeadlockTimeout is how long a wait lasts before it is checked for a deadlock; default 1 s. A Backend may have its own.
	DeadlockTimeout time.Duration
	// ChunkBytes is the size of row images from which a commit is logged in several events; default 8 MiB.
	ChunkBytes int
	// SpillBytes is the size of a transaction's write set from which new rows are handed to the log before the commit; default 32 MiB.
	SpillBytes int64
	// WriteSetBytes bounds what one transaction may hold in memory; default 4 GiB. Beyond it writes fail with 54000.
	WriteSetBytes int64
}

// Isolation is a transaction's isolation level.
type Isolation uint8

// The levels. READ UNCOMMITTED is READ COMMITTED, as in PostgreSQL; SERIALIZABLE is refused by the session until it is real.
const (
	ReadCommitted Isolation = iota
	RepeatableRead
)

// String prints the level as SHOW transaction_isolation does.
func (i Isolation) String() string {
	if i == RepeatableRead {
		return "repeatable read"
	}
	return "read committed"
}

// BackendInfo describes a backend to others.
type BackendInfo struct {
	PID      int32
	Database types.OID
	Role     types.OID
	App      string // application_name
}

// TxnOptions are what BEGIN says. Database, Role and App of the event come from the backend at commit.
type TxnOptions struct {
	Isolation Isolation
	ReadOnly  bool
}

// CommandID numbers the commands of a transaction, from 1.
type CommandID uint32

// RowLockMode is the strength of a row lock, ascending, with the values of tree.LockStrength.
type RowLockMode uint8

// The strengths.
const (
	RowNone RowLockMode = iota
	ForKeyShare
	ForShare
	ForNoKeyUpdate
	ForUpdate
)

// WaitPolicy says what to do when a lock is not free, with the values of tree.LockWait.
type WaitPolicy uint8

// The policies.
const (
	WaitBlock WaitPolicy = iota
	WaitSkip
	WaitError
)

// LockOutcome is what became of a row by the time its lock was taken.
type LockOutcome uint8

// The outcomes.
const (
	Unchanged LockOutcome = iota // as the view showed it
	Updated                      // a newer version is committed: read it with Latest and check the conditions again
	Deleted                      // it is gone; the lock was not kept
	Skipped                      // locked by somebody else (WaitSkip)
	// SelfModified: this very command changed the row already (an UPDATE that joins it twice); leave it alone.
	SelfModified
)

// TableLockMode is one of PostgreSQL's eight table-level lock modes, by their numbers.
type TableLockMode uint8

// The modes, ascending in strength.
const (
	AccessShare TableLockMode = iota + 1
	RowShare
	RowExclusive
	ShareUpdateExclusive
	Share
	ShareRowExclusive
	Exclusive
	AccessExclusive
)

// String prints the mode as pg_locks does.
func (m TableLockMode) String() string {
	if int(m) < len(tableModeNames) {
		return tableModeNames[m]
	}
	return "INVALID"
}

var tableModeNames = [...]string{"INVALID", "AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock",
	"ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"}

// AdvisoryKey names an advisory lock. Class is 0 for the bigint form (the key in K1), 1 for the (int, int) form.
type AdvisoryKey struct {
	Database types.OID
	Class    uint8
	K1, K2   int64
}

// LockInfo is a row of pg_locks.
type LockInfo struct {
	Type     string // relation, transactionid, virtualxid, tuple, advisory
	Database types.OID
	Relation types.OID // of relation and tuple
	Row      projections.RowID
	XID      uint64
	Advisory AdvisoryKey
	PID      int32
	Mode     string
	Granted  bool
	// Since is when the wait began (Clock), 0 for a granted lock.
	Since    int64
	FastPath bool
}

// TxnInfo describes a transaction in progress.
type TxnInfo struct {
	PID       int32
	XID       uint64 // 0: none yet
	Start     int64  // Clock
	Snapshot  log.Position
	Isolation Isolation
	ReadOnly  bool
	Rows      int // written
	Bytes     int64
}

// UniqueViolation is returned by writes that would put a key twice into a unique index: SQLSTATE 23505. The caller makes the message.
type UniqueViolation struct {
	Table *projections.TableDef
	Index int               // number of the index in Table.Indexes
	Row   projections.RowID // the row that has the key already
	Key   []types.Datum     // values of the key columns (of the new row)
}

// Error is for logs; clients get the caller's message.
func (e *UniqueViolation) Error() string { return "duplicate key value violates unique constraint" }

// Savepoint marks a state of a transaction; see Txn.Savepoint.
type Savepoint int

// XactStatus is the answer of pg_xact_status.
type XactStatus string

// What may have become of a transaction. The empty status stands for an id that is too old to know.
const (
	XactInProgress XactStatus = "in progress"
	XactCommitted  XactStatus = "committed"
	XactAborted    XactStatus = "aborted"
)

// SequenceDef is what Nextval needs to know about a sequence.
type SequenceDef struct {
	OID              types.OID
	Name             string // for error messages
	Start, Increment int64
	Min, Max         int64
	Cycle            bool
}
