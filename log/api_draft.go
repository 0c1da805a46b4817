package log

import (
	"context"
	"errors"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// This file holds the signatures while the bodies are being written; it disappears with them.

var errDraft = errors.New("log: not built yet")

// Log is the ordered, hash-chained event log of one node, and raft's storage.
// Appending belongs to one goroutine at a time; everything else may be called from anywhere.
type Log struct{}

var _ raft.Storage = (*Log)(nil)

// Open opens or makes the log under dir: dir/log (segments), dir/meta (identity, hard state), dir/LOCK.
func Open(fs vfs.FS, dir string, opts Options) (*Log, error) { return nil, errDraft }

// Close syncs, writes meta, releases the lock.
func (l *Log) Close() error { return errDraft }

// Append writes raft's entries after cutting an uncommitted tail that they replace. Not durable until Sync.
func (l *Log) Append(entries []*raftpb.Entry) error { return errDraft }

// Sync makes everything appended durable with one fdatasync.
func (l *Log) Sync() error { return errDraft }

// Reserve makes room for events of that many payload bytes in all, so that Append of them cannot meet a full disk.
func (l *Log) Reserve(events int, payloadBytes int64) error { return errDraft }

// Read returns the events of [from, to), as many as fit maxBytes of payload but at least one.
func (l *Log) Read(from, to Position, maxBytes int64) ([]Event, error) { return nil, errDraft }

// Events turns raft entries that are in the log into events with their chain hashes, appended to dst.
func (l *Log) Events(entries []*raftpb.Entry, dst []Event) ([]Event, error) { return nil, errDraft }

// HashAt returns the chain hash at a position (First-1 included).
func (l *Log) HashAt(p Position) (Hash, error) { return Hash{}, errDraft }

// Identity returns what meta/ says about cluster and node.
func (l *Log) Identity() Identity { return Identity{} }

// Last returns the last position and its chain hash.
func (l *Log) Last() (Position, Hash) { return 0, Hash{} }

// Stats returns counters and sizes.
func (l *Log) Stats() Stats { return Stats{} }

// Segments lists the segment files in order.
func (l *Log) Segments() []SegmentInfo { return nil }

// SetHardState makes raft's hard state durable when view or vote changed; a changed commit alone is only remembered.
func (l *Log) SetHardState(hs HardState) error { return errDraft }

// SetConfState makes the membership as of position p durable.
func (l *Log) SetConfState(p Position, cs *raftpb.ConfState) error { return errDraft }

// Acknowledge notes that a client was told that everything up to p is committed. It reaches meta/ lazily.
func (l *Log) Acknowledge(p Position) {}

// DropBefore removes whole segments that end before p.
func (l *Log) DropBefore(p Position) error { return errDraft }

// InitialState, Entries, Term, FirstIndex, LastIndex and Snapshot make Log a raft.Storage.
func (l *Log) InitialState() (*raftpb.HardState, *raftpb.ConfState, error) { return nil, nil, errDraft }

// Entries implements raft.Storage.
func (l *Log) Entries(lo, hi, maxSize uint64) ([]*raftpb.Entry, error) { return nil, errDraft }

// Term implements raft.Storage.
func (l *Log) Term(i uint64) (uint64, error) { return 0, errDraft }

// LastIndex implements raft.Storage.
func (l *Log) LastIndex() (uint64, error) { return 0, errDraft }

// FirstIndex implements raft.Storage.
func (l *Log) FirstIndex() (uint64, error) { return 0, errDraft }

// Snapshot implements raft.Storage.
func (l *Log) Snapshot() (*raftpb.Snapshot, error) { return nil, errDraft }

// Progress is told by Verify now and then.
type Progress struct {
	Segment           string
	Segments, Done    int   // files in all, files finished
	Bytes, BytesTotal int64 // on disk
	Position          Position
}

// Report is what Verify found out.
type Report struct {
	Segments    int
	Events      uint64
	Bytes       int64
	First, Last Position
	LastHash    Hash
}

// Verify walks checksums, chain and continuity of the whole log while it is in use. The first damage is a *CorruptionError.
func (l *Log) Verify(ctx context.Context, progress func(Progress)) (Report, error) {
	return Report{}, errDraft
}

// VerifyDir does the same for a data directory that no server uses.
func VerifyDir(ctx context.Context, fs vfs.FS, dir string, progress func(Progress)) (Report, error) {
	return Report{}, errDraft
}

// Record is one record with its framing, as Inspect meets it.
type Record struct {
	Segment string
	Offset  int64
	Bytes   int64
	Event   Event
	Durable Position // known durable when this record was written
}

// Inspect walks the records from a position on without writing anything, until visit returns false.
func Inspect(fs vfs.FS, dir string, from Position, visit func(Record) bool) error { return errDraft }
