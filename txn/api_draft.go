package txn

import (
	"context"
	"time"

	"kimberlite/log"
	"kimberlite/projections"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// This file holds the signatures while the bodies are being written; it disappears with them.

var errDraft = pgerr.Internal("txn: not built yet")

// Manager runs the transactions of one node.
type Manager struct{}

// NewManager returns a manager. Call Start once the node leads.
func NewManager(opts Options) (*Manager, error) { return nil, errDraft }

// Start reserves transaction ids and OIDs and abandons large transactions that a crash cut off. The node must lead.
func (m *Manager) Start(ctx context.Context) error { return errDraft }

// Close gives unused parts of logged ranges back. All transactions must have ended.
func (m *Manager) Close(ctx context.Context) error { return errDraft }

// NewBackend registers a session. Close it.
func (m *Manager) NewBackend(info BackendInfo) *Backend { return nil }

// NewOID returns an OID (and StorageID) that was never used before.
func (m *Manager) NewOID(ctx context.Context) (types.OID, error) { return 0, errDraft }

// XactStatus tells what became of a transaction.
func (m *Manager) XactStatus(xid uint64) (XactStatus, error) { return "", errDraft }

// Locks lists all locks held and waited for.
func (m *Manager) Locks() []LockInfo { return nil }

// Transactions lists the transactions in progress.
func (m *Manager) Transactions() []TxnInfo { return nil }

// BlockingPIDs lists the backends that keep the backend waiting, for pg_blocking_pids.
func (m *Manager) BlockingPIDs(pid int32) []int32 { return nil }

// Nextval hands out the next n values of a sequence at once: first, and then every increment; count may be below n (at least 1), at the end of the sequence.
func (m *Manager) Nextval(ctx context.Context, def *SequenceDef, n int64) (first, count int64, err error) {
	return 0, 0, errDraft
}

// Setval sets a sequence, at once and for everybody. def's limits are checked (22003).
func (m *Manager) Setval(ctx context.Context, def *SequenceDef, value int64, called bool) error {
	return errDraft
}

// SequenceState is last_value and is_called.
func (m *Manager) SequenceState(def *SequenceDef) (last int64, called bool, err error) {
	return 0, false, errDraft
}

// Backend is a session: what waits for locks, and owns session-level advisory locks and temporary tables.
type Backend struct {
	// Info may be changed between transactions.
	Info BackendInfo
	// LockTimeout (0: none) and DeadlockTimeout (0: the manager's) are settings of the session.
	LockTimeout, DeadlockTimeout time.Duration
}

// Begin starts a transaction. A backend has at most one.
func (b *Backend) Begin(opts TxnOptions) *Txn { return nil }

// Close releases session-level locks and temporary tables. The transaction must have ended.
func (b *Backend) Close() {}

// AdvisoryLock takes a session-level advisory lock; with WaitSkip it returns false instead of waiting.
func (b *Backend) AdvisoryLock(ctx context.Context, key AdvisoryKey, shared bool, wait WaitPolicy) (bool, error) {
	return false, errDraft
}

// AdvisoryUnlock gives one session-level lock back; false: it was not held.
func (b *Backend) AdvisoryUnlock(key AdvisoryKey, shared bool) bool { return false }

// AdvisoryUnlockAll gives all session-level locks back.
func (b *Backend) AdvisoryUnlockAll() {}

// DropTemp forgets the rows of a temporary table's storage (or of an index).
func (b *Backend) DropTemp(id projections.StorageID) {}

// Txn is a transaction in progress. Not for concurrent use, but its Views' scans may run on other goroutines while nothing is written.
type Txn struct{}

// XID returns the transaction's id, assigning one when assign is set; 0 when there is none.
func (t *Txn) XID(ctx context.Context, assign bool) (uint64, error) { return 0, errDraft }

// Options returns what the transaction was begun with.
func (t *Txn) Options() TxnOptions { return TxnOptions{} }

// SetIsolation changes the isolation level and access mode; the caller checks that it is allowed.
func (t *Txn) SetIsolation(i Isolation, readOnly bool) {}

// HasSnapshot reports whether a view was taken (SET TRANSACTION ISOLATION LEVEL is an error then).
func (t *Txn) HasSnapshot() bool { return false }

// Command starts a command and returns its view. READ COMMITTED takes a new snapshot, REPEATABLE READ the transaction's. Release the view.
func (t *Txn) Command() *View { return nil }

// Savepoint marks the present state.
func (t *Txn) Savepoint() Savepoint { return 0 }

// RollbackTo undoes everything since the mark (rows, catalog operations, notifications, locks taken since), which stays valid.
func (t *Txn) RollbackTo(s Savepoint) {}

// Release forgets the mark and those after it; what was done stays.
func (t *Txn) Release(s Savepoint) {}

// Commit makes the transaction's effects durable and visible and ends it. On an error nothing was written unless its SQLSTATE is 08007.
func (t *Txn) Commit(ctx context.Context) (log.Position, error) { return 0, errDraft }

// Rollback ends the transaction without effect. After Commit it does nothing.
func (t *Txn) Rollback() {}

// OnEnd registers a function to call after the transaction ended and its locks are released.
func (t *Txn) OnEnd(f func(committed bool)) {}

// Lock takes a table lock for the rest of the transaction. WaitError fails with 55P03; WaitSkip returns false.
func (t *Txn) Lock(ctx context.Context, database, table types.OID, mode TableLockMode, wait WaitPolicy) (bool, error) {
	return false, errDraft
}

// AdvisoryLock takes a transaction-level advisory lock; with WaitSkip it returns false instead of waiting.
func (t *Txn) AdvisoryLock(ctx context.Context, key AdvisoryKey, shared bool, wait WaitPolicy) (bool, error) {
	return false, errDraft
}

// LockRow locks a row that v showed and tells what became of it. relation is the table's name for 55P03. Under REPEATABLE READ a row that
// changed is the error 40001 instead of an outcome.
func (t *Txn) LockRow(ctx context.Context, v *View, def *projections.TableDef, row projections.RowID, mode RowLockMode, wait WaitPolicy, relation string) (LockOutcome, error) {
	return 0, errDraft
}

// Latest reads the newest version of a row: of this transaction, or else committed. Meant for rows that LockRow locked.
func (t *Txn) Latest(def *projections.TableDef, dec *projections.RowDecoder, row projections.RowID, dst []types.Datum) (found bool, err error) {
	return false, errDraft
}

// NewRow hands out a row id without inserting anything yet.
func (t *Txn) NewRow(def *projections.TableDef) projections.RowID { return 0 }

// Insert adds a row (datums by attribute number - 1). A *UniqueViolation says that a unique index has its key already.
func (t *Txn) Insert(ctx context.Context, def *projections.TableDef, row []types.Datum) (projections.RowID, error) {
	return 0, errDraft
}

// Update replaces a row that is locked (ForNoKeyUpdate, or ForUpdate when a key column of a unique index changes) by a new version.
func (t *Txn) Update(ctx context.Context, def *projections.TableDef, row projections.RowID, next []types.Datum) error {
	return errDraft
}

// Delete removes a row that is locked ForUpdate.
func (t *Txn) Delete(ctx context.Context, def *projections.TableDef, row projections.RowID) error {
	return errDraft
}

// FindConflict looks for a row that has the same key as the (proposed) row in one of the unique indexes (numbers in def.Indexes; nil: all), waiting for
// other transactions that are about to insert or delete one. It holds the keys' locks afterwards, so that an Insert of the row cannot fail: INSERT ...
// ON CONFLICT. found is false when there is none.
func (t *Txn) FindConflict(ctx context.Context, def *projections.TableDef, row []types.Datum, indexes []int) (v UniqueViolation, found bool, err error) {
	return v, false, errDraft
}

// CheckDeferredUnique checks the deferrable unique indexes that which says yes to (nil: all) for keys written since their last check.
func (t *Txn) CheckDeferredUnique(ctx context.Context, which func(index types.OID) bool) error {
	return errDraft
}

// PrepareIndex must be called for an index that is added to a table by this transaction, before the TableOp: it computes the entries of all rows (so that
// errors of expressions come up), checks uniqueness (*UniqueViolation), and lets the transaction's own reads use the index. The caller holds a Share lock.
func (t *Txn) PrepareIndex(ctx context.Context, def *projections.TableDef, ix int) error {
	return errDraft
}

// PutCatalog adds catalog operations to the transaction.
func (t *Txn) PutCatalog(ops ...projections.CatalogOp) {}

// PutTable puts (def not nil) or deletes a table's storage definition at commit.
func (t *Txn) PutTable(table types.OID, def *projections.TableDef) {}

// DropStorage drops the rows of a table or the entries of an index at commit: DROP, TRUNCATE, rewrites.
func (t *Txn) DropStorage(ids ...projections.StorageID) {}

// SetSequence sets a sequence at commit: CREATE and ALTER SEQUENCE, RESTART. Nextval in this transaction goes on from there.
func (t *Txn) SetSequence(s projections.SequenceState) {}

// DropSequence forgets a sequence at commit.
func (t *Txn) DropSequence(oid types.OID) {}

// Nextval is Manager.Nextval for a statement of this transaction.
func (t *Txn) Nextval(ctx context.Context, def *SequenceDef, n int64) (first, count int64, err error) {
	return 0, 0, errDraft
}

// Notify queues a notification; a repeated one within the transaction is dropped.
func (t *Txn) Notify(channel, payload string) {}

// View is what a command sees. Safe for concurrent reads while its transaction writes nothing.
type View struct{}

// Retain adds a reference (a cursor that outlives its command), for one more Release.
func (v *View) Retain() *View { return v }

// Release gives the view up; its scans must be closed.
func (v *View) Release() {}

// Position is the position of the view's snapshot.
func (v *View) Position() log.Position { return 0 }

// Get reads one row into dst (dec's columns).
func (v *View) Get(def *projections.TableDef, dec *projections.RowDecoder, row projections.RowID, dst []types.Datum) (found bool, err error) {
	return false, errDraft
}

// LookupUnique looks a whole logical key without NULLs up in a unique index.
func (v *View) LookupUnique(def *projections.TableDef, ix int, key []byte) (row projections.RowID, found bool, err error) {
	return 0, false, errDraft
}

// Rows scans the rows from <= row id < to (0 and projections.RowMax: all) in the order of row ids, or backwards.
func (v *View) Rows(def *projections.TableDef, dec *projections.RowDecoder, from, to projections.RowID, reverse bool) *RowScan {
	return nil
}

// RowScan yields batches of rows.
type RowScan struct{}

// Next fills dst.Cols (one vector a column of the decoder) with up to limit rows (at most types.BatchRows) and returns how many; 0 is the end.
func (s *RowScan) Next(dst *types.Batch, limit int) (int, error) { return 0, errDraft }

// IDs are the row ids of the last batch, Positions the positions that wrote them (0: this transaction). Valid until the next call of Next.
func (s *RowScan) IDs() []projections.RowID { return nil }

// Positions: see IDs.
func (s *RowScan) Positions() []log.Position { return nil }

// Reset starts over with another range.
func (s *RowScan) Reset(from, to projections.RowID) {}

// Close gives the scan's resources back.
func (s *RowScan) Close() error { return nil }

// IndexScanOptions say what an index scan yields: with Rows the table's rows, with Entries columns of the entries (index-only), with neither just row ids.
type IndexScanOptions struct {
	Rows    *projections.RowDecoder
	Entries *projections.IndexDecoder
	Reverse bool
}

// Index scans the entries of an index with logical keys in the span.
func (v *View) Index(def *projections.TableDef, ix int, span projections.KeySpan, opts IndexScanOptions) *IndexScan {
	return nil
}

// IndexScan yields batches of rows, or of entries, or of row ids, in index order.
type IndexScan struct{}

// Next is as RowScan.Next.
func (s *IndexScan) Next(dst *types.Batch, limit int) (int, error) { return 0, errDraft }

// IDs are the row ids of the last batch; Positions is only set with IndexScanOptions.Rows.
func (s *IndexScan) IDs() []projections.RowID { return nil }

// Positions: see IDs.
func (s *IndexScan) Positions() []log.Position { return nil }

// Reset starts over with another span.
func (s *IndexScan) Reset(span projections.KeySpan) {}

// Close gives the scan's resources back.
func (s *IndexScan) Close() error { return nil }
