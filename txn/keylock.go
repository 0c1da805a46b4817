package txn

import (
	"context"
	"sync"

	"github.com/cespare/xxhash/v2"

	"kimberlite/projections"
)

// Key locks: a transaction that puts a key into a unique index owns the key until it ends. They are kept apart from the other locks because a
// bulk load takes one a row: an entry is a hash and an owner. Two keys with the same hash are one lock, which costs a needless wait once in
// a lifetime. Who finds a key taken waits for the end of its owner and looks again.
type keyTag struct {
	index projections.StorageID
	hash  uint64
}

type keyTable struct {
	shards [shards]struct {
		sync.Mutex
		keys keySet
	}
	mu sync.Mutex
	// owners are the transactions that have keys, by slot; free are slots without one. A slot is given back after its keys.
	owners []*Txn
	free   []uint32
}

// slot gives a transaction a slot, from 1.
func (kt *keyTable) slot(t *Txn) uint32 {
	kt.mu.Lock()
	defer kt.mu.Unlock()
	if n := len(kt.free); n > 0 {
		k := kt.free[n-1]
		kt.free = kt.free[:n-1]
		kt.owners[k-1] = t
		return k
	}
	kt.owners = append(kt.owners, t)
	return uint32(len(kt.owners))
}

func (kt *keyTable) freeSlot(k uint32) {
	kt.mu.Lock()
	defer kt.mu.Unlock()
	kt.owners[k-1] = nil
	kt.free = append(kt.free, k)
}

// owner returns the transaction in a slot. Asked with the lock of a shard in which the slot has a key.
func (kt *keyTable) owner(k uint32) *Txn {
	kt.mu.Lock()
	defer kt.mu.Unlock()
	return kt.owners[k-1]
}

func tagOfKey(index projections.StorageID, key string) keyTag {
	return keyTag{index, xxhash.Sum64String(key)}
}

// lockKey takes the lock of a key; fresh tells that the transaction did not have it before.
func (t *Txn) lockKey(ctx context.Context, tag keyTag) (fresh bool, err error) {
	kt := &t.m.keyLocks
	if t.keySlot == 0 {
		t.keySlot = kt.slot(t)
	}
	sh := &kt.shards[tag.hash%shards]
	for {
		sh.Lock()
		slot := sh.keys.lock(tag, t.keySlot)
		if slot == 0 {
			sh.Unlock()
			t.keyLocks = append(t.keyLocks, tag)
			return true, nil
		}
		if slot == t.keySlot {
			sh.Unlock()
			return false, nil
		}
		owner := kt.owner(slot)
		sh.Unlock()
		err := t.waitFor(ctx, owner, func() bool {
			sh.Lock()
			defer sh.Unlock()
			if sh.keys.owner(tag) != slot || kt.owner(slot) != owner {
				return false
			}
			owner.waitedFor.Store(true) // before the owner can release the key and look whether anybody waits
			return true
		})
		if err != nil {
			return false, err
		}
	}
}

// waitFor waits until the other transaction ends or rolls back to a savepoint. still is asked, with waitMu held, whether there is anything to
// wait for; it sets other.waitedFor under the lock that the other must take before it looks at it.
func (t *Txn) waitFor(ctx context.Context, other *Txn, still func() bool) error {
	w := &waiter{b: t.b, t: t, kind: waitTxn, target: other}
	t.m.waitMu.Lock()
	if !still() {
		t.m.waitMu.Unlock()
		return nil
	}
	other.waiters = append(other.waiters, w)
	t.m.enqueued(w)
	t.m.waitMu.Unlock()
	return t.m.await(ctx, w)
}

// waitForRow waits for the end of a transaction that holds a row's lock ForUpdate.
func (t *Txn) waitForRow(ctx context.Context, other *Txn, tag rowTag) error {
	return t.waitFor(ctx, other, func() bool {
		sh := &t.m.rowLocks.shards[tag.shard()]
		sh.Lock()
		defer sh.Unlock()
		if l := sh.locks[tag]; l.t != other {
			return false
		}
		other.waitedFor.Store(true)
		return true
	})
}

// unlockKey gives back the key that was locked last.
func (t *Txn) unlockKey(tag keyTag) {
	if n := len(t.keyLocks); n > 0 && t.keyLocks[n-1] == tag {
		t.releaseKeyLocks(n - 1)
		t.wakeWaiters()
	}
}

// releaseKeyLocks gives back the keys locked since the list was n long.
func (t *Txn) releaseKeyLocks(n int) {
	kt, tags := &t.m.keyLocks, t.keyLocks[n:]
	var emptied [shards]bool
	if len(tags) > keySetKept {
		emptied = kt.releaseAll(tags)
	}
	for _, tag := range tags {
		if emptied[tag.hash%shards] {
			continue
		}
		sh := &kt.shards[tag.hash%shards]
		sh.Lock()
		sh.keys.unlock(tag, t.keySlot)
		sh.Unlock()
	}
	t.keyLocks = t.keyLocks[:n]
	if n == 0 && t.keySlot != 0 {
		kt.freeSlot(t.keySlot)
		t.keySlot = 0
	}
}

// releaseAll empties the shards that hold nothing but these keys: a bulk load was alone. It says which.
func (kt *keyTable) releaseAll(tags []keyTag) (emptied [shards]bool) {
	var count [shards]int
	for _, tag := range tags {
		count[tag.hash%shards]++
	}
	for i := range kt.shards {
		sh := &kt.shards[i]
		sh.Lock()
		if emptied[i] = count[i] == sh.keys.used; emptied[i] {
			sh.keys = keySet{}
		}
		sh.Unlock()
	}
	return emptied
}
