package txn

import (
	"context"
	"fmt"
	"sync"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// Heavyweight locks: tables (eight modes) and advisory locks (Share and Exclusive).

// conflicts[m] has bit n set when modes m and n conflict: PostgreSQL's table 13.2.
var conflicts = [...]uint16{
	AccessShare:          1 << AccessExclusive,
	RowShare:             1<<Exclusive | 1<<AccessExclusive,
	RowExclusive:         1<<Share | 1<<ShareRowExclusive | 1<<Exclusive | 1<<AccessExclusive,
	ShareUpdateExclusive: 1<<ShareUpdateExclusive | 1<<Share | 1<<ShareRowExclusive | 1<<Exclusive | 1<<AccessExclusive,
	Share:                1<<RowExclusive | 1<<ShareUpdateExclusive | 1<<ShareRowExclusive | 1<<Exclusive | 1<<AccessExclusive,
	ShareRowExclusive:    1<<RowExclusive | 1<<ShareUpdateExclusive | 1<<Share | 1<<ShareRowExclusive | 1<<Exclusive | 1<<AccessExclusive,
	Exclusive:            1<<RowShare | 1<<RowExclusive | 1<<ShareUpdateExclusive | 1<<Share | 1<<ShareRowExclusive | 1<<Exclusive | 1<<AccessExclusive,
	AccessExclusive: 1<<AccessShare | 1<<RowShare | 1<<RowExclusive | 1<<ShareUpdateExclusive | 1<<Share | 1<<ShareRowExclusive | 1<<Exclusive |
		1<<AccessExclusive,
}

type heavyTag struct {
	database types.OID
	advisory bool
	class    uint8
	k1, k2   int64 // table OID, or advisory key
}

func (t heavyTag) shard() int {
	return int((uint64(t.k1)*0x9e3779b97f4a7c15 ^ uint64(t.k2) ^ uint64(t.database)<<7) >> 7 % shards)
}

func (t heavyTag) describe() string {
	if !t.advisory {
		return fmt.Sprintf("relation %d of database %d", t.k1, t.database)
	}
	if t.class == 0 {
		return fmt.Sprintf("advisory lock [%d,%d,%d,1]", t.database, uint32(uint64(t.k1)>>32), uint32(t.k1))
	}
	return fmt.Sprintf("advisory lock [%d,%d,%d,2]", t.database, uint32(t.k1), uint32(t.k2))
}

type heavyLock struct {
	tag    heavyTag
	holds  []heavyHold
	counts [AccessExclusive + 1]int32 // holds by mode
	queue  []*waiter
}

// heavyHold is a lock held by a transaction, or (t nil) by a session. count is how often a session took it.
type heavyHold struct {
	b     *Backend
	t     *Txn
	mode  TableLockMode
	count int32
}

// heldHeavy is a lock in its holder's list.
type heldHeavy struct {
	lock *heavyLock
	mode TableLockMode
}

type heavyTable struct {
	shards [shards]struct {
		sync.Mutex
		locks map[heavyTag]*heavyLock
	}
}

func (ht *heavyTable) init() {
	for i := range ht.shards {
		ht.shards[i].locks = map[heavyTag]*heavyLock{}
	}
}

// free reports whether b could have the lock as far as its holders are concerned.
func (l *heavyLock) free(b *Backend, mode TableLockMode) bool {
	mask := conflicts[mode]
	any := false
	for m := AccessShare; m <= AccessExclusive; m++ {
		if l.counts[m] > 0 && mask&(1<<m) != 0 {
			any = true
			break
		}
	}
	if !any {
		return true
	}
	for i := range l.holds {
		if h := &l.holds[i]; h.b != b && mask&(1<<h.mode) != 0 {
			return false
		}
	}
	return true
}

func (l *heavyLock) heldBy(b *Backend) bool {
	for i := range l.holds {
		if l.holds[i].b == b {
			return true
		}
	}
	return false
}

// clearQueue reports whether nobody who came before must be let go first.
func (l *heavyLock) clearQueue(b *Backend, mode TableLockMode) bool {
	if len(l.queue) == 0 || l.heldBy(b) {
		return true
	}
	for _, w := range l.queue {
		if conflicts[mode]&(1<<w.mode) != 0 {
			return false
		}
	}
	return true
}

func (l *heavyLock) add(b *Backend, t *Txn, mode TableLockMode) {
	for i := range l.holds {
		if h := &l.holds[i]; h.b == b && h.t == t && h.mode == mode {
			h.count++
			return
		}
	}
	l.holds = append(l.holds, heavyHold{b, t, mode, 1})
	l.counts[mode]++
}

// take takes a hold out, or one count of it; gone tells that it was the last.
func (l *heavyLock) take(b *Backend, t *Txn, mode TableLockMode) (found, gone bool) {
	for i := range l.holds {
		h := &l.holds[i]
		if h.b != b || h.t != t || h.mode != mode {
			continue
		}
		if h.count--; h.count > 0 {
			return true, false
		}
		k := len(l.holds) - 1
		l.holds[i] = l.holds[k]
		l.holds[k] = heavyHold{}
		l.holds = l.holds[:k]
		l.counts[mode]--
		return true, true
	}
	return false, false
}

// acquire takes a lock for a transaction, or (t nil) for a session.
func (m *Manager) acquire(ctx context.Context, tag heavyTag, b *Backend, t *Txn, mode TableLockMode, wait WaitPolicy) (*heavyLock, bool, error) {
	sh := &m.heavyLocks.shards[tag.shard()]
	sh.Lock()
	l := sh.locks[tag]
	if l == nil {
		l = &heavyLock{tag: tag}
		sh.locks[tag] = l
	}
	if l.free(b, mode) && l.clearQueue(b, mode) {
		l.add(b, t, mode)
		sh.Unlock()
		return l, true, nil
	}
	sh.Unlock()
	if wait != WaitBlock {
		return nil, false, nil
	}

	m.waitMu.Lock()
	sh.Lock()
	if l = sh.locks[tag]; l == nil {
		l = &heavyLock{tag: tag}
		sh.locks[tag] = l
	}
	if l.free(b, mode) && l.clearQueue(b, mode) {
		l.add(b, t, mode)
		sh.Unlock()
		m.waitMu.Unlock()
		return l, true, nil
	}
	w := &waiter{b: b, t: t, kind: waitHeavy, heavy: l, mode: mode}
	l.enqueue(w)
	sh.Unlock()
	m.enqueued(w)
	m.waitMu.Unlock()
	if err := m.await(ctx, w); err != nil {
		return nil, false, err
	}
	return l, true, nil
}

// enqueue puts a waiter at the end; one who holds the lock already in front of the first waiter that it blocks, or they would wait for each other.
func (l *heavyLock) enqueue(w *waiter) {
	at := len(l.queue)
	for i := range l.holds {
		if l.holds[i].b != w.b {
			continue
		}
		for k, q := range l.queue[:at] {
			if conflicts[q.mode]&(1<<l.holds[i].mode) != 0 {
				at = k
				break
			}
		}
	}
	l.queue = append(l.queue, nil)
	copy(l.queue[at+1:], l.queue[at:])
	l.queue[at] = w
}

// grantAll grants what can be granted, in the queue's order. Called with waitMu and the shard held.
func (l *heavyLock) grantAll() {
	rest := l.queue[:0]
	for _, w := range l.queue {
		blocked := !l.free(w.b, w.mode)
		for _, q := range rest {
			if blocked {
				break
			}
			blocked = conflicts[w.mode]&(1<<q.mode) != 0
		}
		if blocked {
			rest = append(rest, w)
			continue
		}
		l.add(w.b, w.t, w.mode)
		w.grant()
	}
	clear(l.queue[len(rest):])
	l.queue = rest
}

// giveBack releases one hold and grants what became possible.
func (m *Manager) giveBack(l *heavyLock, b *Backend, t *Txn, mode TableLockMode) (found bool) {
	sh := &m.heavyLocks.shards[l.tag.shard()]
	sh.Lock()
	if len(l.queue) == 0 {
		found, _ = l.take(b, t, mode)
		m.heavyLocks.tidy(l)
		sh.Unlock()
		return found
	}
	sh.Unlock()
	m.waitMu.Lock()
	sh.Lock()
	var gone bool
	if found, gone = l.take(b, t, mode); gone {
		l.grantAll()
	}
	m.heavyLocks.tidy(l)
	sh.Unlock()
	m.waitMu.Unlock()
	return found
}

// tidy forgets a lock that nobody has or wants. Those of tables stay while there are few: they are taken again by the next statement.
func (ht *heavyTable) tidy(l *heavyLock) {
	if len(l.holds) > 0 || len(l.queue) > 0 {
		return
	}
	sh := &ht.shards[l.tag.shard()]
	if l.tag.advisory || len(sh.locks) > 1024 {
		delete(sh.locks, l.tag)
	}
}

// leave takes a waiter out of its queue. Called with waitMu held.
func (ht *heavyTable) leave(w *waiter) {
	sh := &ht.shards[w.heavy.tag.shard()]
	sh.Lock()
	defer sh.Unlock()
	w.heavy.queue = without(w.heavy.queue, w)
	w.heavy.grantAll()
	ht.tidy(w.heavy)
}

// blockers lists whom a waiter waits for. Called with waitMu held.
func (ht *heavyTable) blockers(w *waiter) (edges []edge) {
	sh := &ht.shards[w.heavy.tag.shard()]
	sh.Lock()
	defer sh.Unlock()
	mask := conflicts[w.mode]
	for _, h := range w.heavy.holds {
		if h.b != w.b && mask&(1<<h.mode) != 0 {
			edges = append(edges, edge{from: w.b, w: w, to: h.b})
		}
	}
	for _, q := range w.heavy.queue {
		if q == w {
			break
		}
		if mask&(1<<q.mode) != 0 {
			edges = append(edges, edge{from: w.b, w: w, to: q.b, soft: true})
		}
	}
	return edges
}

// jump grants a waiter out of turn if only the queue stood in its way. Called with waitMu held.
func (ht *heavyTable) jump(w *waiter) bool {
	sh := &ht.shards[w.heavy.tag.shard()]
	sh.Lock()
	defer sh.Unlock()
	if !w.heavy.free(w.b, w.mode) {
		return false
	}
	w.heavy.queue = without(w.heavy.queue, w)
	w.heavy.add(w.b, w.t, w.mode)
	w.grant()
	return true
}

// Lock takes a table lock for the rest of the transaction. WaitError fails with 55P03; WaitSkip returns false.
func (t *Txn) Lock(ctx context.Context, database, table types.OID, mode TableLockMode, wait WaitPolicy) (bool, error) {
	for i := range t.heavy {
		if h := &t.heavy[i]; h.mode == mode && h.lock.tag.k1 == int64(table) && !h.lock.tag.advisory && h.lock.tag.database == database {
			return true, nil
		}
	}
	return t.lockHeavy(ctx, heavyTag{database: database, k1: int64(table)}, mode, wait)
}

func (t *Txn) lockHeavy(ctx context.Context, tag heavyTag, mode TableLockMode, wait WaitPolicy) (bool, error) {
	l, ok, err := t.m.acquire(ctx, tag, t.b, t, mode, wait)
	if err != nil {
		return false, err
	}
	if !ok {
		if wait == WaitError {
			return false, pgerr.Newf(pgerr.LockNotAvailable, "could not obtain lock on %s", tag.describe())
		}
		return false, nil
	}
	t.heavy = append(t.heavy, heldHeavy{l, mode})
	return true, nil
}

// HoldsLock reports whether the transaction holds the table's lock in this mode or a stronger one.
func (t *Txn) HoldsLock(database, table types.OID, mode TableLockMode) bool {
	for i := range t.heavy {
		if h := &t.heavy[i]; h.mode >= mode && h.lock.tag.k1 == int64(table) && !h.lock.tag.advisory && h.lock.tag.database == database {
			return true
		}
	}
	return false
}

// releaseHeavy gives back the locks taken since the list was n long.
func (t *Txn) releaseHeavy(n int) {
	for i := len(t.heavy) - 1; i >= n; i-- {
		t.m.giveBack(t.heavy[i].lock, t.b, t, t.heavy[i].mode)
	}
	clear(t.heavy[n:])
	t.heavy = t.heavy[:n]
}

func advisoryTag(key AdvisoryKey) heavyTag {
	return heavyTag{database: key.Database, advisory: true, class: key.Class, k1: key.K1, k2: key.K2}
}

func advisoryMode(shared bool) TableLockMode {
	if shared {
		return Share
	}
	return Exclusive
}

// AdvisoryLock takes a transaction-level advisory lock; with WaitSkip it returns false instead of waiting.
func (t *Txn) AdvisoryLock(ctx context.Context, key AdvisoryKey, shared bool, wait WaitPolicy) (bool, error) {
	return t.lockHeavy(ctx, advisoryTag(key), advisoryMode(shared), wait)
}

// AdvisoryLock takes a session-level advisory lock; with WaitSkip it returns false instead of waiting. What is taken n times is given back
// n times.
func (b *Backend) AdvisoryLock(ctx context.Context, key AdvisoryKey, shared bool, wait WaitPolicy) (bool, error) {
	mode := advisoryMode(shared)
	l, ok, err := b.m.acquire(ctx, advisoryTag(key), b, nil, mode, wait)
	if ok {
		b.held = append(b.held, heldHeavy{l, mode})
	}
	return ok, err
}

// AdvisoryUnlock gives one session-level lock back; false: it was not held.
func (b *Backend) AdvisoryUnlock(key AdvisoryKey, shared bool) bool {
	tag, mode := advisoryTag(key), advisoryMode(shared)
	for i := range b.held {
		if b.held[i].mode == mode && b.held[i].lock.tag == tag {
			b.m.giveBack(b.held[i].lock, b, nil, mode)
			b.held = append(b.held[:i], b.held[i+1:]...)
			return true
		}
	}
	return false
}

// AdvisoryUnlockAll gives all session-level locks back.
func (b *Backend) AdvisoryUnlockAll() {
	for _, h := range b.held {
		b.m.giveBack(h.lock, b, nil, h.mode)
	}
	b.held = nil
}
