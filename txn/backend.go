package txn

import (
	"sync/atomic"
	"time"

	"kimberlite/projections"
)

// Backend is a session: what waits for locks, and owns session-level advisory locks and temporary tables. Used by one goroutine at a time.
type Backend struct {
	// Info may be changed between transactions, but not its PID.
	Info BackendInfo
	// LockTimeout (0: none) and DeadlockTimeout (0: the manager's) are settings of the session.
	LockTimeout, DeadlockTimeout time.Duration

	m    *Manager
	pid  int32
	txn  atomic.Pointer[Txn]
	wait *waiter // guarded by m.waitMu
	// held are the session-level advisory locks.
	held []heldHeavy
	temp map[projections.StorageID]*tableWrites
	// spare is the last transaction's memory, for the next one.
	spare *Txn
}

// NewBackend registers a session. Close it.
func (m *Manager) NewBackend(info BackendInfo) *Backend {
	b := &Backend{Info: info, m: m, pid: info.PID}
	m.mu.Lock()
	m.backends[b.pid] = b
	m.mu.Unlock()
	return b
}

// PID is the process id the backend was registered with.
func (b *Backend) PID() int32 { return b.pid }

// Close releases session-level locks and temporary tables, and rolls a transaction in progress back.
func (b *Backend) Close() {
	if t := b.txn.Load(); t != nil {
		t.Rollback()
	}
	b.AdvisoryUnlockAll()
	b.temp = nil
	b.m.mu.Lock()
	if b.m.backends[b.pid] == b {
		delete(b.m.backends, b.pid)
	}
	b.m.mu.Unlock()
}

// Txn returns the transaction in progress, or nil.
func (b *Backend) Txn() *Txn { return b.txn.Load() }

// DropTemp forgets the rows of a temporary table's storage.
func (b *Backend) DropTemp(id projections.StorageID) { delete(b.temp, id) }

// TempRows is the number of rows of a temporary table, own uncommitted ones included.
func (b *Backend) TempRows(id projections.StorageID) int {
	if w := b.temp[id]; w != nil {
		return w.rows.n
	}
	return 0
}

func (b *Backend) tempTable(id projections.StorageID) *tableWrites {
	w := b.temp[id]
	if w == nil {
		w = &tableWrites{storage: id, temp: true, loose: true}
		if b.temp == nil {
			b.temp = map[projections.StorageID]*tableWrites{}
		}
		b.temp[id] = w
	}
	return w
}
