package txn

import (
	"context"
	"sync"
	"sync/atomic"

	"kimberlite/log"
	"kimberlite/projections"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// Txn is a transaction in progress. Not for concurrent use, but scans of its Views may run on other goroutines while nothing is written.
type Txn struct {
	m     *Manager
	b     *Backend
	opts  TxnOptions
	start int64
	ended bool

	xid  atomic.Uint64
	view uint64 // consensus epoch in which the xid was given

	// command is the number of the present command.
	command CommandID
	// views counts views that are not released, the present command's included.
	views atomic.Int32
	// snap is the snapshot of a REPEATABLE READ transaction, once it is taken.
	snapMu     sync.Mutex
	snap       *projections.Snapshot
	snapshotAt atomic.Uint64

	mem    memory
	spill  spillState
	tables []*tableWrites
	keyBuf []byte
	rowBuf []types.Datum
	nulls  []bool

	// undo lists the versions in the order they were made: all of temporary tables, the others while there is a savepoint.
	undo       []undoRecord
	savepoints []savepoint

	rowsWritten  atomic.Int64
	bytesWritten atomic.Int64

	rowLocks []heldRow
	keyLocks []keyTag
	keySlot  uint32 // in the key table, 0 while it has no keys
	heavy    []heldHeavy
	// waitedFor is set once another backend waits for the end of this transaction; waiters is guarded by m.waitMu.
	waitedFor atomic.Bool
	waiters   []*waiter

	catalog  []projections.CatalogOp
	defs     []projections.TableOp
	drops    []projections.StorageID
	seqs     []projections.SequenceState
	seqDrops []types.OID
	notes    []projections.Notification
	noteSet  map[projections.Notification]struct{}
	deferred []deferredCheck
	onEnd    []func(committed bool)
}

type undoRecord struct {
	w   *tableWrites
	row projections.RowID
}

// savepoint is the length of everything at its time.
type savepoint struct {
	undo, catalog, defs, drops, seqDrops, notes, deferred, onEnd int
	rowLocks, keyLocks, heavy                                    int
	seqStates                                                    []projections.SequenceState
}

// Begin starts a transaction. A backend has at most one: if the last one was not ended, it is rolled back, because its locks would never go.
func (b *Backend) Begin(opts TxnOptions) *Txn {
	if old := b.txn.Load(); old != nil {
		old.Rollback()
	}
	t := b.spare
	if t == nil {
		t = &Txn{}
	}
	b.spare = nil
	t.m, t.b, t.opts, t.start, t.ended = b.m, b, opts, b.m.opts.Clock(), false
	b.txn.Store(t)
	return t
}

// Backend returns the session that the transaction belongs to.
func (t *Txn) Backend() *Backend { return t.b }

// Start is when the transaction began, in microseconds since 2000.
func (t *Txn) Start() int64 { return t.start }

// XID returns the transaction's id, assigning one when assign is set; 0 when there is none.
func (t *Txn) XID(ctx context.Context, assign bool) (uint64, error) {
	if xid := t.xid.Load(); xid != 0 || !assign {
		return xid, nil
	}
	// The view is read first: if leadership changes in between, the event becomes void rather than wrong.
	t.view = t.m.view()
	n, err := t.m.xids.next(ctx)
	if err != nil {
		return 0, err
	}
	t.xid.Store(uint64(n))
	return uint64(n), nil
}

// needXID assigns an id before the first write or row lock.
func (t *Txn) needXID(ctx context.Context) error {
	if t.xid.Load() != 0 {
		return nil
	}
	_, err := t.XID(ctx, true)
	return err
}

// Options returns what the transaction was begun with.
func (t *Txn) Options() TxnOptions { return t.opts }

// SetIsolation changes the isolation level and access mode; the caller checks that it is allowed.
func (t *Txn) SetIsolation(i Isolation, readOnly bool) {
	t.opts.Isolation, t.opts.ReadOnly = i, readOnly
}

// HasSnapshot reports whether a view was taken (SET TRANSACTION ISOLATION LEVEL is an error then).
func (t *Txn) HasSnapshot() bool { return t.command > 0 }

// HasWrites reports whether a commit would put anything into the log.
func (t *Txn) HasWrites() bool {
	if t.spill.chunks > 0 {
		return true
	}
	for _, w := range t.tables {
		if !w.temp && w.rows.n > 0 {
			return true
		}
	}
	return len(t.catalog)+len(t.defs)+len(t.drops)+len(t.seqs)+len(t.seqDrops)+len(t.notes) > 0
}

// Command starts a command and returns its view. READ COMMITTED takes a new snapshot, REPEATABLE READ the transaction's. Release the view.
func (t *Txn) Command() *View {
	t.command++
	t.views.Add(1)
	v := &View{t: t, command: t.command}
	v.refs.Store(1)
	return v
}

// Savepoint marks the present state.
func (t *Txn) Savepoint() Savepoint {
	t.savepoints = append(t.savepoints, savepoint{
		undo: len(t.undo), catalog: len(t.catalog), defs: len(t.defs), drops: len(t.drops), seqDrops: len(t.seqDrops),
		notes: len(t.notes), deferred: len(t.deferred), onEnd: len(t.onEnd), rowLocks: len(t.rowLocks), keyLocks: len(t.keyLocks), heavy: len(t.heavy),
		seqStates: append([]projections.SequenceState(nil), t.seqs...),
	})
	return Savepoint(len(t.savepoints))
}

// RollbackTo undoes everything since the mark (rows, catalog operations, notifications, locks taken since), which stays valid. Marks made
// after it are gone.
func (t *Txn) RollbackTo(s Savepoint) {
	sp := &t.savepoints[s-1]
	t.savepoints = t.savepoints[:s]
	t.unwind(sp.undo)
	t.catalog, t.defs, t.drops = t.catalog[:sp.catalog], t.defs[:sp.defs], t.drops[:sp.drops]
	t.seqs = append(t.seqs[:0], sp.seqStates...)
	t.seqDrops = t.seqDrops[:sp.seqDrops]
	for _, n := range t.notes[sp.notes:] {
		delete(t.noteSet, n)
	}
	t.notes = t.notes[:sp.notes]
	t.deferred = t.deferred[:min(sp.deferred, len(t.deferred))]
	t.onEnd = t.onEnd[:sp.onEnd]
	t.releaseRowLocks(sp.rowLocks)
	t.releaseKeyLocks(sp.keyLocks)
	t.releaseHeavy(sp.heavy)
	t.wakeWaiters()
}

// unwind undoes versions, newest first, until n records are left.
func (t *Txn) unwind(n int) {
	for i := len(t.undo) - 1; i >= n; i-- {
		t.undo[i].w.pop(t.undo[i].row)
	}
	clear(t.undo[n:])
	t.undo = t.undo[:n]
}

// Release forgets the mark and those after it; what was done stays.
func (t *Txn) Release(s Savepoint) { t.savepoints = t.savepoints[:s-1] }

// Rollback ends the transaction without effect. After Commit it does nothing.
func (t *Txn) Rollback() {
	if t.ended {
		return
	}
	for i := len(t.undo) - 1; i >= 0; i-- {
		if t.undo[i].w.temp {
			t.undo[i].w.pop(t.undo[i].row)
		}
	}
	if t.spill.chunks > 0 {
		t.abandonChunks()
	}
	t.end(false)
}

// end releases everything and calls the hooks.
func (t *Txn) end(committed bool) {
	t.ended = true
	t.releaseRowLocks(0)
	t.releaseKeyLocks(0)
	t.releaseHeavy(0)
	t.b.txn.Store(nil)
	t.wakeWaiters()
	if t.snap != nil {
		t.snap.Release()
		t.snap = nil
	}
	hooks := t.onEnd
	t.onEnd = nil
	t.recycle()
	for _, f := range hooks {
		f(committed)
	}
}

// recycle keeps the small parts of a finished transaction for the backend's next one. A transaction whose views are still open (a cursor that
// its owner forgot) is left alone.
func (t *Txn) recycle() {
	if t.views.Load() != 0 {
		return
	}
	b := t.b
	next := &Txn{}
	if cap(t.rowLocks) <= 256 {
		next.rowLocks = t.rowLocks[:0]
	}
	if cap(t.keyLocks) <= 256 {
		next.keyLocks = t.keyLocks[:0]
	}
	if cap(t.heavy) <= 256 {
		next.heavy = t.heavy[:0]
	}
	if cap(t.keyBuf) <= 4096 {
		next.keyBuf = t.keyBuf[:0]
	}
	next.rowBuf = t.rowBuf
	b.spare = next
}

// OnEnd registers a function to call after the transaction ended and its locks are released. A rollback to a savepoint forgets those
// registered since.
func (t *Txn) OnEnd(f func(committed bool)) { t.onEnd = append(t.onEnd, f) }

// table returns the write set of a table, nil when the transaction did not write to it (and, if temporary, nobody did).
func (t *Txn) table(def *projections.TableDef) *tableWrites {
	for _, w := range t.tables {
		if w.storage == def.Storage {
			return w
		}
	}
	if def.Temp {
		if w := t.b.temp[def.Storage]; w != nil {
			t.tables = append(t.tables, w)
			return w
		}
	}
	return nil
}

// writable returns the write set of a table, made if need be, bound to the definition.
func (t *Txn) writable(def *projections.TableDef) *tableWrites {
	w := t.table(def)
	if w == nil {
		if def.Temp {
			w = t.b.tempTable(def.Storage)
		} else {
			w = &tableWrites{storage: def.Storage}
		}
		t.tables = append(t.tables, w)
	}
	w.bind(def)
	return w
}

// write puts a version into the write set.
func (t *Txn) write(w *tableWrites, row projections.RowID, base bool, v *version) error {
	v.cid = t.command
	if base && w.find(row) == nil {
		if err := t.pushBase(w, row); err != nil {
			return err
		}
	}
	w.push(row, base, v)
	if w.temp || len(t.savepoints) > 0 {
		t.undo = append(t.undo, undoRecord{w, row})
	} else if v.prev != nil && t.views.Load() <= 1 {
		w.trim(row, t.command)
	}
	t.rowsWritten.Add(1)
	t.bytesWritten.Store(t.mem.bytes)
	if t.mem.bytes > t.m.opts.WriteSetBytes {
		e := pgerr.New(pgerr.ProgramLimitExceeded, "the transaction writes too much")
		e.Detail = "What a transaction writes is kept in memory until it commits."
		e.Hint = "Split it into smaller transactions, or raise the server's limit."
		return e
	}
	return nil
}

// PutCatalog adds catalog operations to the transaction.
func (t *Txn) PutCatalog(ops ...projections.CatalogOp) { t.catalog = append(t.catalog, ops...) }

// PutTable puts (def not nil) or deletes a table's storage definition at commit. Temporary tables have none.
func (t *Txn) PutTable(table types.OID, def *projections.TableDef) {
	if def != nil && def.Temp {
		return
	}
	t.defs = append(t.defs, projections.TableOp{Table: table, Def: def})
}

// DropStorage drops the rows of a table or the entries of an index at commit: DROP, TRUNCATE, rewrites. Works for temporary tables too.
func (t *Txn) DropStorage(ids ...projections.StorageID) { t.drops = append(t.drops, ids...) }

// SetSequence sets a sequence at commit: CREATE and ALTER SEQUENCE, RESTART. Nextval in this transaction goes on from there.
func (t *Txn) SetSequence(s projections.SequenceState) {
	if q := t.sequence(s.Sequence); q != nil {
		*q = s
		return
	}
	t.seqs = append(t.seqs, s)
}

func (t *Txn) sequence(oid types.OID) *projections.SequenceState {
	for i := range t.seqs {
		if t.seqs[i].Sequence == oid {
			return &t.seqs[i]
		}
	}
	return nil
}

// DropSequence forgets a sequence at commit.
func (t *Txn) DropSequence(oid types.OID) { t.seqDrops = append(t.seqDrops, oid) }

// Notify queues a notification; a repeated one within the transaction is dropped.
func (t *Txn) Notify(channel, payload string) {
	n := projections.Notification{Channel: channel, Payload: payload, PID: t.b.pid}
	if _, ok := t.noteSet[n]; ok {
		return
	}
	if t.noteSet == nil {
		t.noteSet = map[projections.Notification]struct{}{}
	}
	t.noteSet[n] = struct{}{}
	t.notes = append(t.notes, n)
}

// position0 is the position of rows that the transaction itself wrote.
const position0 = log.Position(0)
