package projections

import (
	"bytes"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// keyTops spares INSERTs the search for a duplicate in unique indexes that grow at their end, as those over serial columns do: for an index that
// was asked about it knows a key that no entry exceeds. Such a key rises with the puts, before a batch with them commits, and never
// sinks, so it is true in the newest state at any time, whatever is deleted.
//
// The projector reads an index's last key when it has no batch open, so that no put is missed in between.
type keyTops struct {
	byIndex sync.Map // StorageID -> *keyTop
	wanted  atomic.Bool
}

type keyTop struct {
	index  StorageID
	key    atomic.Pointer[[]byte] // nil: not known yet
	next   []byte                 // the projector's: highest put of the event at hand
	raised bool
}

// Beyond reports whether a logical key is known to be greater than all keys of a unique index in the newest state. Meant for callers who hold
// the key's lock.
func (s *Store) Beyond(ix *IndexDef, logical []byte) bool {
	v, ok := s.tops.byIndex.Load(ix.Storage)
	if !ok {
		if _, there := s.tops.byIndex.LoadOrStore(ix.Storage, &keyTop{index: ix.Storage}); !there {
			s.tops.wanted.Store(true)
		}
		return false
	}
	top := v.(*keyTop).key.Load()
	return top != nil && bytes.Compare(logical, *top) > 0
}

// loadTops reads the last keys of the indexes that were asked about since the last call. No batch may be open.
func (p *Projector) loadTops() (err error) {
	p.s.tops.wanted.Store(false)
	p.s.tops.byIndex.Range(func(_, v any) bool {
		t := v.(*keyTop)
		if t.key.Load() == nil {
			if err = p.loadTop(t); err == nil {
				p.tops[t.index] = t
			}
		}
		return err == nil
	})
	return err
}

func (p *Projector) loadTop(t *keyTop) error {
	lower := appendStorage(nil, spaceIndex, t.index)
	it, err := p.s.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: prefixEnd(lower)})
	if err != nil {
		return readError(err)
	}
	key := []byte{}
	if it.Last() {
		key = append(key, it.Key()[len(lower):]...)
	}
	if err := it.Close(); err != nil {
		return readError(err)
	}
	t.next = append([]byte(nil), key...)
	t.key.Store(&key)
	return nil
}

// raiseTop is told of each put into a unique index, under its key in the store.
func (p *Projector) raiseTop(id StorageID, key []byte) {
	if t := p.tops[id]; t != nil && bytes.Compare(key[storagePrefix:], t.next) > 0 {
		t.next = append(t.next[:0], key[storagePrefix:]...)
		if !t.raised {
			t.raised = true
			p.raised = append(p.raised, t)
		}
	}
}

// publishTops makes what raiseTop was told known, before the puts are.
func (p *Projector) publishTops() {
	for _, t := range p.raised {
		key := append([]byte(nil), t.next...)
		t.key.Store(&key)
		t.raised = false
	}
	p.raised = p.raised[:0]
}

// dropTop forgets a dropped index.
func (p *Projector) dropTop(id StorageID) {
	p.s.tops.byIndex.Delete(id)
	delete(p.tops, id)
}
