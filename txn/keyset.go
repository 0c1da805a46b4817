package txn

import "kimberlite/projections"

// keySet maps locked keys to the slots of their owners: an open-addressing hash table without pointers, because a bulk load puts a key a row into
// it. The zero value is empty.
type keySet struct {
	entries []keyEntry // a power of two; linear probing
	used    int
}

// keyEntry is a lock; owner 0 is a free place.
type keyEntry struct {
	hash  uint64
	index projections.StorageID
	owner uint32
}

// home is where a key belongs. Shards are chosen by the low bits of the hash.
func (s *keySet) home(hash uint64) int { return int(hash/shards) & (len(s.entries) - 1) }

// find returns the place of a key, or the free place where it would go. There is always a free place.
func (s *keySet) find(tag keyTag) int {
	i := s.home(tag.hash)
	for {
		e := &s.entries[i]
		if e.owner == 0 || e.hash == tag.hash && e.index == tag.index {
			return i
		}
		i = (i + 1) & (len(s.entries) - 1)
	}
}

// lock makes the key its owner's unless it has one already, which is returned: 0 if it was free.
func (s *keySet) lock(tag keyTag, owner uint32) (had uint32) {
	if 4*(s.used+1) > 3*len(s.entries) {
		s.grow()
	}
	i := s.find(tag)
	if had = s.entries[i].owner; had == 0 {
		s.entries[i] = keyEntry{tag.hash, tag.index, owner}
		s.used++
	}
	return had
}

// owner returns the owner's slot, 0 for none.
func (s *keySet) owner(tag keyTag) uint32 {
	if s.used == 0 {
		return 0
	}
	return s.entries[s.find(tag)].owner
}

// unlock takes the key out if the owner has it.
func (s *keySet) unlock(tag keyTag, owner uint32) {
	if s.owner(tag) != owner {
		return
	}
	i := s.find(tag)
	s.used--
	// Close the gap: move back whoever would not be found behind it.
	mask := len(s.entries) - 1
	for k := i; ; {
		k = (k + 1) & mask
		e := s.entries[k]
		if e.owner == 0 {
			break
		}
		if (k-s.home(e.hash))&mask >= (k-i)&mask {
			s.entries[i] = e
			i = k
		}
	}
	s.entries[i] = keyEntry{}
	if s.used == 0 && len(s.entries) > keySetKept {
		s.entries = nil
	}
}

func (s *keySet) grow() {
	old := s.entries
	s.entries = make([]keyEntry, max(2*len(old), keySetMin))
	for _, e := range old {
		if e.owner != 0 {
			s.entries[s.find(keyTag{e.index, e.hash})] = e
		}
	}
}
