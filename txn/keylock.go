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
		owner map[keyTag]*Txn
	}
}

func (kt *keyTable) init() {
	for i := range kt.shards {
		kt.shards[i].owner = map[keyTag]*Txn{}
	}
}

func tagOfKey(index projections.StorageID, key string) keyTag {
	return keyTag{index, xxhash.Sum64String(key)}
}

// lockKey takes the lock of a key; fresh tells that the transaction did not have it before.
func (t *Txn) lockKey(ctx context.Context, tag keyTag) (fresh bool, err error) {
	sh := &t.m.keyLocks.shards[tag.hash%shards]
	for {
		sh.Lock()
		owner := sh.owner[tag]
		if owner == nil {
			sh.owner[tag] = t
			sh.Unlock()
			t.keyLocks = append(t.keyLocks, tag)
			return true, nil
		}
		sh.Unlock()
		if owner == t {
			return false, nil
		}
		err := t.waitFor(ctx, owner, func() bool {
			sh.Lock()
			defer sh.Unlock()
			if sh.owner[tag] != owner {
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
	for _, tag := range t.keyLocks[n:] {
		sh := &t.m.keyLocks.shards[tag.hash%shards]
		sh.Lock()
		if sh.owner[tag] == t {
			delete(sh.owner, tag)
		}
		sh.Unlock()
	}
	t.keyLocks = t.keyLocks[:n]
}
