package log

import (
	"time"

	"go.etcd.io/raft/v3/raftpb"
)

// SyncPolicy says when an appended event counts as stable.
type SyncPolicy uint8

const (
	// SyncFsync reports a group stable after one fdatasync for the whole group. The default.
	SyncFsync SyncPolicy = iota
	// SyncAsync reports a group stable once written, and syncs about every AsyncInterval: a power cut
	// may lose what the last interval acknowledged. A crash of the process alone loses nothing.
	SyncAsync
)

// String prints the setting's spelling.
func (p SyncPolicy) String() string {
	if p == SyncAsync {
		return "async"
	}
	return "fsync"
}

// Compression says what becomes of sealed segments.
type Compression uint8

// What becomes of sealed segments.
const (
	CompressZstd Compression = iota // rewritten with zstd in the background (default)
	CompressNone                    // left as they were written
)

// Options tune a Log. The zero value is good; Identity matters when the directory is new.
type Options struct {
	// Identity names cluster and node. For a new directory it is written down (an empty ClusterID is replaced by a
	// random one). For an existing one ClusterName and NodeID must match when they are set, else *IdentityError.
	Identity Identity

	SegmentBytes  int64 // size of a segment file; default 64 MiB
	Sync          SyncPolicy
	AsyncInterval time.Duration // for SyncAsync; default 100 ms
	Compression   Compression
	// KeepRaw is how many of the newest sealed segments stay as they were written: those are read again by projections and members that lag a little.
	KeepRaw int

	// CacheBytes bounds the newest events kept in memory for raft and the projections; default 8 MiB.
	CacheBytes int64

	// SlowSync is the duration from which Hooks.SlowSync is called; default 10 ms.
	SlowSync time.Duration

	// ReadOnly opens for verify and inspect: nothing is written, a torn tail is reported but not cut.
	ReadOnly bool

	// Manual leaves background work to explicit calls of Maintain: for tests that must repeat from a seed.
	Manual bool

	// Snapshot, when set, answers raft's request for a snapshot to ship to a member that is too far behind.
	Snapshot func() (*raftpb.Snapshot, error)

	Hooks Hooks

	// Now is the wall clock, used for segment headers and durations only; default time.Now.
	Now func() time.Time
}

// Hooks are called as things happen, from the goroutine that made them happen; they must be quick. Any may be nil.
type Hooks struct {
	// Synced is called after every fdatasync of the log.
	Synced func(took time.Duration, events int, bytes int64)
	// SlowSync is called as well when it took Options.SlowSync or longer.
	SlowSync func(took time.Duration, events int, bytes int64)
	// TailCut is called when Open found a torn tail and cut it.
	TailCut func(TailCut)
	// ChecksumFailure is called whenever damage is met: at Open, on a read, by Verify.
	ChecksumFailure func(*CorruptionError)
	// SegmentSealed and SegmentCompressed follow a segment's life. SegmentDropped is called by retention.
	SegmentSealed     func(SegmentInfo)
	SegmentCompressed func(SegmentInfo)
	SegmentDropped    func(SegmentInfo)
	// Failed is called once, when an I/O error stops the log for good.
	Failed func(error)
	// Background is called with errors of background work (compression, preparing a spare segment), which is retried.
	Background func(task string, err error)
}

// TailCut tells what Open cut from the end of the log. None of it was ever acknowledged.
type TailCut struct {
	Segment string
	Offset  int64    // where the cut was made
	Next    Position // the position that will be written there
	Bytes   int64    // how many bytes up to the last non-zero one were dropped
	Case    string   // the row of the recovery table, such as "T3"
	Reason  string
}

// Stats are counters since Open and sizes now, for metrics.
type Stats struct {
	Entries      uint64   // events in the log now
	First, Last  Position // Last is First-1 when empty
	Durable      Position // everything up to here survives a power cut
	Acknowledged Position // highest position ever acknowledged
	LastHash     Hash
	Segments     int
	SizeBytes    int64 // on disk
	Appended     uint64
	AppendedByte uint64
	Syncs        uint64
	SyncNanos    uint64
	SlowSyncs    uint64
	Truncations  uint64
	Corruptions  uint64
	CacheEvents  int
	CacheBytes   int64
}
