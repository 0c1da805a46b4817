package txn

import (
	"context"
	"sync"

	"kimberlite/projections"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// Row locks: PostgreSQL's four strengths. Two of them conflict when their numbers add up to five or more:
//
//	                  KEY SHARE  SHARE  NO KEY UPDATE  UPDATE
//	1 KEY SHARE                                          x
//	2 SHARE                                  x           x
//	3 NO KEY UPDATE               x          x           x
//	4 UPDATE              x       x          x           x
func rowConflict(a, b RowLockMode) bool { return a+b >= 5 }

type rowTag struct {
	storage projections.StorageID
	row     projections.RowID
}

func (t rowTag) shard() int { return int((uint64(t.row) ^ uint64(t.storage)*0x9e3779b1) % shards) }

// rowLock is a locked row. Nearly all have one holder and nobody waiting, so that is what lies in the table itself.
type rowLock struct {
	t    *Txn
	mode RowLockMode
	ext  *rowExt
}

type rowExt struct {
	more  []rowHold // holders besides rowLock.t
	queue []*waiter
}

type rowHold struct {
	t    *Txn
	mode RowLockMode
}

// heldRow is a lock in its holder's list. prev is the mode it had before, for a savepoint's rollback; 0 for none.
type heldRow struct {
	tag  rowTag
	prev RowLockMode
}

type rowTable struct {
	shards [shards]struct {
		sync.Mutex
		locks map[rowTag]rowLock
	}
}

func (rt *rowTable) init() {
	for i := range rt.shards {
		rt.shards[i].locks = map[rowTag]rowLock{}
	}
}

// mine returns the mode in which t holds the lock.
func (l *rowLock) mine(t *Txn) RowLockMode {
	if l.t == t {
		return l.mode
	}
	if l.ext != nil {
		for _, h := range l.ext.more {
			if h.t == t {
				return h.mode
			}
		}
	}
	return RowNone
}

// free reports whether t could have the lock as far as its holders are concerned.
func (l *rowLock) free(t *Txn, mode RowLockMode) bool {
	if l.t != nil && l.t != t && rowConflict(l.mode, mode) {
		return false
	}
	if l.ext != nil {
		for _, h := range l.ext.more {
			if h.t != t && rowConflict(h.mode, mode) {
				return false
			}
		}
	}
	return true
}

// clearQueue reports whether nobody who came before must be let go first. One who holds the lock already does not queue.
func (l *rowLock) clearQueue(t *Txn, mode RowLockMode, until *waiter) bool {
	if l.ext == nil || l.mine(t) != RowNone {
		return true
	}
	for _, w := range l.ext.queue {
		if w == until {
			return true
		}
		if rowConflict(w.rowMode, mode) {
			return false
		}
	}
	return true
}

// set records that t holds the lock in the mode.
func (l *rowLock) set(t *Txn, mode RowLockMode) {
	switch {
	case l.t == t || l.t == nil:
		l.t, l.mode = t, mode
	default:
		if l.ext == nil {
			l.ext = &rowExt{}
		}
		for i := range l.ext.more {
			if l.ext.more[i].t == t {
				l.ext.more[i].mode = mode
				return
			}
		}
		l.ext.more = append(l.ext.more, rowHold{t, mode})
	}
}

// unset removes t, or lowers its mode to prev.
func (l *rowLock) unset(t *Txn, prev RowLockMode) {
	if prev != RowNone {
		l.set(t, prev)
		return
	}
	if l.t == t {
		l.t, l.mode = nil, RowNone
		if l.ext != nil && len(l.ext.more) > 0 {
			k := len(l.ext.more) - 1
			l.t, l.mode = l.ext.more[k].t, l.ext.more[k].mode
			l.ext.more = l.ext.more[:k]
		}
		return
	}
	if l.ext != nil {
		for i := range l.ext.more {
			if l.ext.more[i].t == t {
				k := len(l.ext.more) - 1
				l.ext.more[i] = l.ext.more[k]
				l.ext.more = l.ext.more[:k]
				return
			}
		}
	}
}

// store puts the changed lock back into its shard, or takes it out when nothing is left of it.
func (rt *rowTable) store(s int, tag rowTag, l rowLock) {
	if l.ext != nil && len(l.ext.more) == 0 && len(l.ext.queue) == 0 {
		l.ext = nil
	}
	if l.t == nil && l.ext == nil {
		delete(rt.shards[s].locks, tag)
		return
	}
	rt.shards[s].locks[tag] = l
}

// lockRow takes a row lock. waited tells whether it had to wait; ok is false when it was not free and wait is not WaitBlock.
func (t *Txn) lockRow(ctx context.Context, tag rowTag, table types.OID, mode RowLockMode, wait WaitPolicy) (waited, ok bool, err error) {
	rt := &t.m.rowLocks
	s := tag.shard()
	sh := &rt.shards[s]
	sh.Lock()
	l := sh.locks[tag]
	have := l.mine(t)
	if have >= mode {
		sh.Unlock()
		return false, true, nil
	}
	if l.free(t, mode) && l.clearQueue(t, mode, nil) {
		l.set(t, mode)
		sh.locks[tag] = l
		sh.Unlock()
		t.rowLocks = append(t.rowLocks, heldRow{tag, have})
		return false, true, nil
	}
	sh.Unlock()
	if wait != WaitBlock {
		return false, false, nil
	}

	t.m.waitMu.Lock()
	sh.Lock()
	l = sh.locks[tag]
	if l.free(t, mode) && l.clearQueue(t, mode, nil) { // it became free meanwhile
		l.set(t, mode)
		sh.locks[tag] = l
		sh.Unlock()
		t.m.waitMu.Unlock()
		t.rowLocks = append(t.rowLocks, heldRow{tag, have})
		return true, true, nil
	}
	w := &waiter{b: t.b, t: t, kind: waitRow, row: tag, rowMode: mode, relation: uint32(table)}
	if l.ext == nil {
		l.ext = &rowExt{}
	}
	if have != RowNone { // an upgrade goes first: nobody can get the lock before us anyway
		l.ext.queue = append([]*waiter{w}, l.ext.queue...)
	} else {
		l.ext.queue = append(l.ext.queue, w)
	}
	sh.locks[tag] = l
	sh.Unlock()
	t.m.enqueued(w)
	t.m.waitMu.Unlock()
	if err := t.m.await(ctx, w); err != nil {
		return true, false, err
	}
	t.rowLocks = append(t.rowLocks, heldRow{tag, have})
	return true, true, nil
}

// grantAll grants from the head of a queue what can be granted. Called with waitMu and the shard held; l is changed, not stored.
func (l *rowLock) grantAll() {
	if l.ext == nil {
		return
	}
	rest := l.ext.queue[:0]
	for _, w := range l.ext.queue {
		blocked := !l.free(w.t, w.rowMode)
		for _, q := range rest {
			if blocked {
				break
			}
			blocked = rowConflict(q.rowMode, w.rowMode)
		}
		if blocked {
			rest = append(rest, w)
			continue
		}
		l.set(w.t, w.rowMode)
		w.grant()
	}
	clear(l.ext.queue[len(rest):])
	l.ext.queue = rest
}

// releaseRowLocks gives back the locks taken since the list was n long.
func (t *Txn) releaseRowLocks(n int) {
	rt := &t.m.rowLocks
	for i := len(t.rowLocks) - 1; i >= n; i-- {
		h := t.rowLocks[i]
		s := h.tag.shard()
		sh := &rt.shards[s]
		sh.Lock()
		l := sh.locks[h.tag]
		if l.ext == nil || len(l.ext.queue) == 0 {
			l.unset(t, h.prev)
			rt.store(s, h.tag, l)
			sh.Unlock()
			continue
		}
		sh.Unlock()
		t.m.waitMu.Lock()
		sh.Lock()
		l = sh.locks[h.tag]
		l.unset(t, h.prev)
		l.grantAll()
		rt.store(s, h.tag, l)
		sh.Unlock()
		t.m.waitMu.Unlock()
	}
	t.rowLocks = t.rowLocks[:n]
}

// unlockLast gives the lock back that was taken last, if it is the one named.
func (t *Txn) unlockLast(tag rowTag) {
	if n := len(t.rowLocks); n > 0 && t.rowLocks[n-1].tag == tag && (len(t.savepoints) == 0 || t.savepoints[len(t.savepoints)-1].rowLocks < n) {
		t.releaseRowLocks(n - 1)
	}
}

// leave takes a waiter out of its queue. Called with waitMu held.
func (rt *rowTable) leave(w *waiter) {
	s := w.row.shard()
	sh := &rt.shards[s]
	sh.Lock()
	defer sh.Unlock()
	l := sh.locks[w.row]
	if l.ext != nil {
		l.ext.queue = without(l.ext.queue, w)
	}
	l.grantAll()
	rt.store(s, w.row, l)
}

// blockers lists whom a waiter waits for. Called with waitMu held.
func (rt *rowTable) blockers(w *waiter) (edges []edge) {
	sh := &rt.shards[w.row.shard()]
	sh.Lock()
	defer sh.Unlock()
	l := sh.locks[w.row]
	add := func(t *Txn, mode RowLockMode, soft bool) {
		if t != nil && t != w.t && rowConflict(mode, w.rowMode) {
			edges = append(edges, edge{from: w.b, w: w, to: t.b, soft: soft})
		}
	}
	add(l.t, l.mode, false)
	if l.ext != nil {
		for _, h := range l.ext.more {
			add(h.t, h.mode, false)
		}
		for _, q := range l.ext.queue {
			if q == w {
				break
			}
			add(q.t, q.rowMode, true)
		}
	}
	return edges
}

// jump grants a waiter out of turn if only the queue stood in its way. Called with waitMu held.
func (rt *rowTable) jump(w *waiter) bool {
	s := w.row.shard()
	sh := &rt.shards[s]
	sh.Lock()
	defer sh.Unlock()
	l := sh.locks[w.row]
	if l.ext == nil || !l.free(w.t, w.rowMode) {
		return false
	}
	l.ext.queue = without(l.ext.queue, w)
	l.set(w.t, w.rowMode)
	w.grant()
	rt.store(s, w.row, l)
	return true
}

// keyChanger returns another transaction that holds the row's lock ForUpdate: it is deleting the row or changing its key.
func (rt *rowTable) keyChanger(tag rowTag, t *Txn) *Txn {
	sh := &rt.shards[tag.shard()]
	sh.Lock()
	defer sh.Unlock()
	l := sh.locks[tag]
	if l.t != nil && l.t != t && l.mode == ForUpdate {
		return l.t
	}
	return nil
}

// LockRow locks a row that v showed and tells what became of it. relation is the table's name for 55P03. Under REPEATABLE READ a row that
// changed is the error 40001 instead of an outcome.
func (t *Txn) LockRow(ctx context.Context, v *View, def *projections.TableDef, row projections.RowID, mode RowLockMode, wait WaitPolicy, relation string) (LockOutcome, error) {
	if !def.Temp {
		if err := t.needXID(ctx); err != nil {
			return 0, err
		}
		_, ok, err := t.lockRow(ctx, rowTag{def.Storage, row}, def.Table, mode, wait)
		if err != nil {
			return 0, err
		}
		if !ok {
			if wait == WaitSkip {
				return Skipped, nil
			}
			return 0, pgerr.Newf(pgerr.LockNotAvailable, "could not obtain lock on row in relation %q", relation)
		}
	}
	if w := t.table(def); w != nil {
		if r := w.find(row); r != nil && (r.changed() || w.temp) {
			if r.visible(v.command) != r.head || r.head.deleted {
				return SelfModified, nil
			}
			return Unchanged, nil
		}
		if _, cid, ok, err := t.spilledRow(w, row); ok || err != nil {
			if cid >= v.command {
				return SelfModified, err
			}
			return Unchanged, err
		}
	}
	if def.Temp {
		return Deleted, nil
	}
	seen := v.Position()
	if t.m.store.Applied() == seen {
		return Unchanged, nil
	}
	p, found, err := t.m.store.Row(def.Storage, row, nil, nil)
	if err != nil {
		return 0, err
	}
	switch {
	case !found && t.opts.Isolation == RepeatableRead:
		return 0, pgerr.New(pgerr.SerializationFailure, "could not serialize access due to concurrent delete")
	case !found:
		t.unlockLast(rowTag{def.Storage, row})
		return Deleted, nil
	case p <= seen:
		return Unchanged, nil
	case t.opts.Isolation == RepeatableRead:
		return 0, pgerr.New(pgerr.SerializationFailure, "could not serialize access due to concurrent update")
	}
	return Updated, nil
}

// Latest reads the newest version of a row: of this transaction, or else committed. Meant for rows that LockRow locked.
func (t *Txn) Latest(def *projections.TableDef, dec *projections.RowDecoder, row projections.RowID, dst []types.Datum) (found bool, err error) {
	if w := t.table(def); w != nil {
		if r := w.find(row); r != nil {
			if r.head.deleted {
				return false, nil
			}
			return true, dec.SharedDatums(dst, r.head.image)
		}
		if image, _, ok, err := t.spilledRow(w, row); ok || err != nil {
			if err == nil {
				err = dec.SharedDatums(dst, image)
			}
			return err == nil, err
		}
	}
	if def.Temp {
		return false, nil
	}
	_, found, err = t.m.store.Row(def.Storage, row, dec, dst)
	return found, err
}
