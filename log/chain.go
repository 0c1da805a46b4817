package log

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"go.etcd.io/raft/v3/raftpb"
)

// GenesisHash is the chain hash before position 1: it binds the chain to its cluster.
func GenesisHash(clusterID [16]byte) Hash {
	return sha256.Sum256(append([]byte("kimberlite event log 1\n"), clusterID[:]...))
}

// NextHash extends the chain by one event. Anybody can compute it from the event's content alone.
func NextHash(prev Hash, p Position, view uint64, kind Kind, payload []byte) Hash {
	var c chain
	return c.next(&prev, p, view, kind, payload)
}

// chain hashes events; it keeps a scratch buffer so that small events cost no allocation.
type chain struct{ buf []byte }

const chainPrefix = HashSize + 8 + 8 + 1

// chainCopyMax is up to where copying the payload next to the prefix is cheaper than driving a streaming hash.
const chainCopyMax = 4 << 10

func (c *chain) next(prev *Hash, p Position, view uint64, kind Kind, payload []byte) (h Hash) {
	if cap(c.buf) < chainPrefix+chainCopyMax {
		c.buf = make([]byte, chainPrefix+chainCopyMax)
	}
	b := c.buf[:chainPrefix]
	copy(b, prev[:])
	le.PutUint64(b[32:], uint64(p))
	le.PutUint64(b[40:], view)
	b[48] = byte(kind)
	if len(payload) <= chainCopyMax {
		return sha256.Sum256(append(b, payload...))
	}
	s := sha256.New()
	s.Write(b)
	s.Write(payload)
	s.Sum(h[:0])
	return h
}

// A normal raft entry's data: kind, proposal id, payload. An empty one is the view change that raft itself appends.
const entryPrefix = 1 + 8

// EntryData makes the data of a raft entry for an event. The payload is copied.
func EntryData(kind Kind, proposal uint64, payload []byte) []byte {
	b := make([]byte, entryPrefix+len(payload))
	b[0] = byte(kind)
	le.PutUint64(b[1:], proposal)
	copy(b[entryPrefix:], payload)
	return b
}

var errEntry = errors.New("log: malformed raft entry")

// eventOf views a raft entry as an event without hash. The payload aliases the entry's data.
func eventOf(e *raftpb.Entry) (ev Event, err error) {
	ev.Position, ev.View = Position(e.GetIndex()), e.GetTerm()
	data := e.GetData()
	switch e.GetType() {
	case raftpb.EntryNormal:
		if len(data) == 0 {
			ev.Kind = KindViewChange
			return ev, nil
		}
		if len(data) < entryPrefix {
			return ev, fmt.Errorf("%w: %d bytes at %d", errEntry, len(data), ev.Position)
		}
		ev.Kind, ev.Proposal, ev.Payload = Kind(data[0]), le.Uint64(data[1:]), data[entryPrefix:len(data):len(data)]
		if ev.Kind == KindViewChange || ev.Kind == KindMembership {
			return ev, fmt.Errorf("%w: kind %s in a normal entry at %d", errEntry, ev.Kind, ev.Position)
		}
		return ev, nil
	case raftpb.EntryConfChangeV2:
		ev.Kind, ev.Payload = KindMembership, data
		return ev, nil
	default:
		return ev, fmt.Errorf("%w: type %s at %d", errEntry, e.GetType(), ev.Position)
	}
}

// entryOf is the inverse of eventOf.
func entryOf(ev *Event) *raftpb.Entry {
	ids := [2]uint64{ev.View, uint64(ev.Position)}
	e := &raftpb.Entry{Term: &ids[0], Index: &ids[1], Type: raftpb.EntryNormal.Enum()}
	switch ev.Kind {
	case KindViewChange:
	case KindMembership:
		e.Type, e.Data = raftpb.EntryConfChangeV2.Enum(), ev.Payload
	default:
		e.Data = EntryData(ev.Kind, ev.Proposal, ev.Payload)
	}
	return e
}
