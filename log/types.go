package log

import (
	"encoding/hex"
	"fmt"
	"strconv"
)

// Position is an event's index in the log, counted from 1. It is raft's index. 0 means "before the first event".
type Position uint64

// String prints the position in decimal.
func (p Position) String() string { return strconv.FormatUint(uint64(p), 10) }

// Hash is a link of the chain: SHA-256 over (previous hash, position, view, kind, payload).
type Hash [HashSize]byte

// HashSize is the width of a Hash in bytes.
const HashSize = 32

// String prints the hash in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Short prints the first eight hexadecimal digits, for log lines read by people.
func (h Hash) Short() string { return hex.EncodeToString(h[:4]) }

// Kind says what an event tells. The numbers are frozen: they are on disk, on the wire and under the chain hash.
type Kind uint8

// The kinds of events. Payloads of kinds marked "raft" belong to package consensus; all others to whoever proposes them.
const (
	KindTransaction Kind = 1  // a committed transaction: row operations, catalog changes, notifications
	KindCatalog     Kind = 2  // a catalog change outside any transaction (an index is ready, a database was made)
	KindSequence    Kind = 3  // a range of a sequence handed out ahead
	KindChunk       Kind = 4  // a part of a large transaction; invisible until its KindTransaction
	KindCheckpoint  Kind = 5  // (position, chain hash, state digest) as the leader sees them
	KindMembership  Kind = 6  // raft: a change of the set of members (raftpb.ConfChangeV2)
	KindViewChange  Kind = 7  // raft: the empty event with which a leader opens its view
	KindForceLeader Kind = 8  // the membership was rewritten to one voter by an operator
	KindStatistics  Kind = 9  // planner statistics from ANALYZE
	KindAbandon     Kind = 10 // the chunks of a large transaction will never be committed
)

var kindNames = [...]string{
	KindTransaction: "transaction",
	KindCatalog:     "catalog",
	KindSequence:    "sequence",
	KindChunk:       "chunk",
	KindCheckpoint:  "checkpoint",
	KindMembership:  "membership",
	KindViewChange:  "view-change",
	KindForceLeader: "force-leader",
	KindStatistics:  "statistics",
	KindAbandon:     "abandon",
}

// String prints the kind's name, or "kind(n)" for one that this release does not know.
func (k Kind) String() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Event is one record of the log as its readers see it. Payload is shared and must not be changed; it may be kept for ever.
type Event struct {
	Position Position
	View     uint64 // the consensus epoch (raft's term) in which it was proposed
	Kind     Kind
	Proposal uint64 // id chosen by the proposer to find who waits for it; not part of the chain; 0 when nobody does
	Payload  []byte
	Hash     Hash // the chain hash at this event
}

// Identity says whose data directory this is. It is written once, into meta/, and carried by every segment's header.
type Identity struct {
	ClusterID   [16]byte // random, made when the cluster is founded
	ClusterName string
	NodeID      uint32 // the number the operator knows
	// Generation is bumped when a node lost acknowledged events and must come back as a new raft member.
	Generation uint32
	// Incarnation is bumped by force-leader, so that members of the old quorum are refused.
	Incarnation uint64
}

// RaftID is the member id under which this node votes: generation 0 keeps it equal to the node id.
func (id Identity) RaftID() uint64 { return uint64(id.Generation)<<32 | uint64(id.NodeID) }

// ClusterIDString prints the cluster id the way UUIDs are printed.
func (id Identity) ClusterIDString() string {
	h := hex.EncodeToString(id.ClusterID[:])
	return h[0:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:32]
}

// HardState is what raft must never forget: its term (our view), its vote, and a lower bound of what is committed.
type HardState struct {
	View   uint64
	Vote   uint64
	Commit Position
}

// SegmentInfo describes one segment file; kimberlite.log_segments shows these.
type SegmentInfo struct {
	Name     string // file name within log/
	First    Position
	Last     Position // First-1 when it holds no event yet
	Events   uint64
	Bytes    int64 // on disk
	RawBytes int64 // bytes of records and header, uncompressed
	State    SegmentState
	PrevHash Hash  // chain hash before First
	LastHash Hash  // chain hash at Last; zero when not known without reading the segment
	Created  int64 // unix nanoseconds, from its header
}

// SegmentState says what may still happen to a segment.
type SegmentState uint8

// The life of a segment.
const (
	SegmentActive     SegmentState = iota // the one being appended to
	SegmentSealed                         // complete, as written
	SegmentCompressed                     // complete, rewritten with zstd
)

// String prints active, sealed or compressed.
func (s SegmentState) String() string {
	switch s {
	case SegmentActive:
		return "active"
	case SegmentSealed:
		return "sealed"
	default:
		return "compressed"
	}
}
