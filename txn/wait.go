package txn

import (
	"context"
	"fmt"
	"strings"
	"time"

	"kimberlite/sql/pgerr"
)

// waitKind says what a waiter waits for.
type waitKind uint8

const (
	waitHeavy waitKind = iota // a table or advisory lock
	waitRow                   // a row lock
	waitTxn                   // the end of another transaction (which holds a key lock, or is deleting a row whose key is wanted)
)

// waiter is a backend that waits. Everything in it is guarded by Manager.waitMu once it is queued.
type waiter struct {
	b       *Backend
	t       *Txn // nil for a session-level lock
	kind    waitKind
	wake    chan struct{} // gets one value when granted
	granted bool
	since   int64

	heavy    *heavyLock
	mode     TableLockMode
	row      rowTag
	rowMode  RowLockMode
	relation uint32 // table OID of row, for messages
	target   *Txn
}

// enqueued makes w known as what its backend waits for. Called with waitMu held.
func (m *Manager) enqueued(w *waiter) {
	w.wake = make(chan struct{}, 1)
	w.since = m.opts.Clock()
	w.b.wait = w
}

// grant ends the wait of w with success. Called with waitMu held, after w was taken out of its queue.
func (w *waiter) grant() {
	w.granted = true
	w.b.wait = nil
	w.wake <- struct{}{}
}

// await blocks until w is granted, or fails: the context ended, lock_timeout passed, or a deadlock was found.
func (m *Manager) await(ctx context.Context, w *waiter) error {
	deadlockAfter := w.b.DeadlockTimeout
	if deadlockAfter <= 0 {
		deadlockAfter = m.opts.DeadlockTimeout
	}
	deadlock := time.NewTimer(deadlockAfter)
	defer deadlock.Stop()
	var limit <-chan time.Time
	if w.b.LockTimeout > 0 {
		timer := time.NewTimer(w.b.LockTimeout)
		defer timer.Stop()
		limit = timer.C
	}
	for {
		select {
		case <-w.wake:
			return nil
		case <-ctx.Done():
			return m.giveUp(w, context.Cause(ctx))
		case <-limit:
			return m.giveUp(w, pgerr.New(pgerr.LockNotAvailable, "canceling statement due to lock timeout"))
		case <-deadlock.C:
			if err := m.checkDeadlock(w); err != nil {
				return err
			}
		}
	}
}

// giveUp ends a wait with an error, unless it was granted in the meantime.
func (m *Manager) giveUp(w *waiter, err error) error {
	m.waitMu.Lock()
	defer m.waitMu.Unlock()
	if w.granted {
		return nil
	}
	m.dequeue(w)
	return err
}

// dequeue takes an ungranted waiter out of what it waits in, and grants those behind it that can go now. Called with waitMu held.
func (m *Manager) dequeue(w *waiter) {
	w.b.wait = nil
	switch w.kind {
	case waitHeavy:
		m.heavyLocks.leave(w)
	case waitRow:
		m.rowLocks.leave(w)
	case waitTxn:
		w.target.waiters = without(w.target.waiters, w)
	}
}

func without(queue []*waiter, w *waiter) []*waiter {
	for i, q := range queue {
		if q == w {
			copy(queue[i:], queue[i+1:])
			queue[len(queue)-1] = nil
			return queue[:len(queue)-1]
		}
	}
	return queue
}

// wakeWaiters lets those who wait for the end of t look again. Called when t released locks.
func (t *Txn) wakeWaiters() {
	if !t.waitedFor.Load() {
		return
	}
	t.m.waitMu.Lock()
	t.waitedFor.Store(false)
	for _, w := range t.waiters {
		w.grant()
	}
	t.waiters = nil
	t.m.waitMu.Unlock()
}

// edge is one arrow of the wait-for graph. soft: `to` is only ahead in the queue.
type edge struct {
	from *Backend
	w    *waiter // what from waits for
	to   *Backend
	soft bool
}

// checkDeadlock looks for a cycle through w's backend. If there is one, w fails with 40P01; unless a place in a queue is all that closes it:
// then the queue is changed, as PostgreSQL does.
func (m *Manager) checkDeadlock(w *waiter) error {
	m.waitMu.Lock()
	defer m.waitMu.Unlock()
	for !w.granted {
		cycle := m.findCycle(w.b)
		if cycle == nil {
			return nil
		}
		if m.jumpQueue(cycle) {
			continue
		}
		err := deadlockError(cycle)
		m.dequeue(w)
		return err
	}
	return nil
}

// findCycle returns the edges of a cycle that begins and ends at b, nil when there is none. Called with waitMu held: nobody who waits can
// be granted anything, so the edges between waiters stay as they are.
func (m *Manager) findCycle(b *Backend) []edge {
	visited := map[*Backend]bool{}
	var path []edge
	var walk func(at *Backend) bool
	walk = func(at *Backend) bool {
		if at.wait == nil || visited[at] {
			return false
		}
		visited[at] = true
		for _, e := range m.blockers(at.wait) {
			path = append(path, e)
			if e.to == b || walk(e.to) {
				return true
			}
			path = path[:len(path)-1]
		}
		return false
	}
	if walk(b) {
		return path
	}
	return nil
}

// blockers lists whom w waits for. Called with waitMu held.
func (m *Manager) blockers(w *waiter) []edge {
	switch w.kind {
	case waitHeavy:
		return m.heavyLocks.blockers(w)
	case waitRow:
		return m.rowLocks.blockers(w)
	default:
		return []edge{{from: w.b, w: w, to: w.target.b}}
	}
}

// jumpQueue grants a waiter of the cycle whose only obstacle is its place in a queue.
func (m *Manager) jumpQueue(cycle []edge) bool {
	for _, e := range cycle {
		if !e.soft {
			continue
		}
		switch e.w.kind {
		case waitHeavy:
			if m.heavyLocks.jump(e.w) {
				return true
			}
		case waitRow:
			if m.rowLocks.jump(e.w) {
				return true
			}
		}
	}
	return false
}

func deadlockError(cycle []edge) error {
	lines := make([]string, len(cycle))
	for i, e := range cycle {
		lines[i] = fmt.Sprintf("Process %d waits for %s; blocked by process %d.", e.from.pid, e.describe(), e.to.pid)
	}
	err := pgerr.New(pgerr.DeadlockDetected, "deadlock detected")
	err.Detail = strings.Join(lines, "\n")
	err.Hint = "See server log for query details."
	return err
}

// describe says what is waited for in PostgreSQL's words. A row lock is held by its holder's transaction id there.
func (e *edge) describe() string {
	switch e.w.kind {
	case waitHeavy:
		return e.w.mode.String() + " on " + e.w.heavy.tag.describe()
	default:
		xid := uint64(0)
		if e.w.kind == waitTxn {
			xid = e.w.target.xid.Load()
		} else if t := e.to.txn.Load(); t != nil {
			xid = t.xid.Load()
		}
		return fmt.Sprintf("ShareLock on transaction %d", xid)
	}
}

// BlockingPIDs lists the backends that keep the backend waiting, for pg_blocking_pids.
func (m *Manager) BlockingPIDs(pid int32) []int32 {
	m.mu.Lock()
	b := m.backends[pid]
	m.mu.Unlock()
	if b == nil {
		return nil
	}
	m.waitMu.Lock()
	defer m.waitMu.Unlock()
	if b.wait == nil {
		return nil
	}
	var pids []int32
	for _, e := range m.blockers(b.wait) {
		pids = append(pids, e.to.pid)
	}
	return pids
}

// Waiting reports whether the backend waits for a lock, and since when.
func (m *Manager) Waiting(pid int32) (since int64, ok bool) {
	m.mu.Lock()
	b := m.backends[pid]
	m.mu.Unlock()
	if b == nil {
		return 0, false
	}
	m.waitMu.Lock()
	defer m.waitMu.Unlock()
	if b.wait == nil {
		return 0, false
	}
	return b.wait.since, true
}
