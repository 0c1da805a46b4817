package projections

import (
	"encoding/binary"
	"sync"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"

	"kimberlite/log"
)

// hotCache keeps values of single keys (rows, entries of unique indexes) that were read or written lately, because finding one in Pebble costs
// microseconds: it asks every level. An UPDATE reads its row three times (the statement, under the lock, at apply).
//
// Rules:
//
//	H1. An entry is the value of its key in every state from `from` on up to the newest one, states that are just being made included.
//	H2. The projector moves `writing` to an event's position, then changes the entries of the keys that the event writes, then commits. So
//	    whoever has a snapshot of that position finds the new entry, and whoever has an older one sees that the entry is too new for it.
//	H3. A reader enters what it read only if no event after its snapshot has begun to write, which it checks under the shard's lock.
//
// There are two generations of append-only buffers: what is read moves to the young one; when that is full the old one goes as a whole. Values
// never change and nothing is reused, so they may be kept. Maps and buffers hold no pointers for the garbage collector to follow.
type hotCache struct {
	writing  atomic.Uint64
	genBytes int // of one generation of one shard
	shards   [hotShards]hotShard
}

type hotShard struct {
	mu         sync.Mutex
	young, old hotGen
}

type hotGen struct {
	at  map[uint64]uint32 // hash of the key -> offset in buf
	buf []byte
}

// An entry in a buffer: from(8) key length(2) value length(4) key value.
const hotHead = 8 + 2 + 4

func (h *hotCache) init(bytes int64) { h.genBytes = int(bytes / hotShards / 2) }

// entry returns the entry at the hash if it is that of the key.
func (g *hotGen) entry(hash uint64, key []byte) (from log.Position, value []byte, ok bool) {
	at, ok := g.at[hash]
	if !ok {
		return 0, nil, false
	}
	b := g.buf[at:]
	k, v := int(binary.LittleEndian.Uint16(b[8:])), int(binary.LittleEndian.Uint32(b[10:]))
	if string(b[hotHead:hotHead+k]) != string(key) {
		return 0, nil, false
	}
	return log.Position(binary.LittleEndian.Uint64(b)), b[hotHead+k : hotHead+k+v : hotHead+k+v], true
}

// find returns the newest entry of a key; an old one is made young.
func (h *hotCache) find(s *hotShard, hash uint64, key []byte) (from log.Position, value []byte, ok bool) {
	if from, value, ok = s.young.entry(hash, key); ok {
		return from, value, true
	}
	if from, value, ok = s.old.entry(hash, key); ok {
		h.add(s, hash, from, key, value)
	}
	return from, value, ok
}

func (h *hotCache) add(s *hotShard, hash uint64, from log.Position, key, value []byte) {
	size := hotHead + len(key) + len(value)
	if len(s.young.buf)+size > h.genBytes {
		s.old, s.young = s.young, hotGen{}
	}
	if s.young.at == nil {
		s.young.at = map[uint64]uint32{}
	}
	b := s.young.buf
	s.young.at[hash] = uint32(len(b))
	b = binary.LittleEndian.AppendUint64(b, uint64(from))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(key)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(value)))
	s.young.buf = append(append(b, key...), value...)
}

// get returns the value of a key as of a state.
func (h *hotCache) get(key []byte, at log.Position) (value []byte, ok bool) {
	if h.genBytes == 0 {
		return nil, false
	}
	hash := xxhash.Sum64(key)
	s := &h.shards[hash%hotShards]
	s.mu.Lock()
	from, value, ok := h.find(s, hash, key)
	s.mu.Unlock()
	return value, ok && from <= at
}

// put enters what a reader found in the state at; H3.
func (h *hotCache) put(key, value []byte, at log.Position) {
	if h.genBytes == 0 || len(key)+len(value) > hotEntryMax {
		return
	}
	hash := xxhash.Sum64(key)
	s := &h.shards[hash%hotShards]
	s.mu.Lock()
	if h.writing.Load() <= uint64(at) {
		h.add(s, hash, at, key, value)
	}
	s.mu.Unlock()
}

// wrote is told by the projector of a value that the event at the position gives to a key; only a key that is there is kept. H2.
func (h *hotCache) wrote(key, value []byte, at log.Position) {
	hash := xxhash.Sum64(key)
	s := &h.shards[hash%hotShards]
	s.mu.Lock()
	_, _, ok := s.young.entry(hash, key)
	if !ok {
		_, _, ok = s.old.entry(hash, key)
	}
	if ok {
		if len(key)+len(value) > hotEntryMax {
			delete(s.young.at, hash)
		} else {
			h.add(s, hash, at, key, value)
			delete(s.old.at, hash)
		}
	}
	s.mu.Unlock()
}

// gone is told by the projector of a key that an event deletes. H2.
func (h *hotCache) gone(key []byte) {
	hash := xxhash.Sum64(key)
	s := &h.shards[hash%hotShards]
	s.mu.Lock()
	delete(s.young.at, hash)
	delete(s.old.at, hash)
	s.mu.Unlock()
}
