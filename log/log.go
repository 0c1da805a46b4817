package log

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// Log is the ordered, hash-chained event log of one node, and raft's storage.
// Append, Sync and Reserve belong to one goroutine at a time (they exclude each other); everything else may be called from anywhere.
//
// Locks, in the order in which they are taken: appendMu, maintMu, metaMu or spareMu, mu.
type Log struct {
	fs      vfs.FS
	dir     string // the segments' directory
	opts    Options
	genesis Hash
	lock    io.Closer

	// durable is the highest position that survives a power cut; acked and committed are what raft and clients were told.
	durable   atomic.Uint64
	acked     atomic.Uint64
	committed atomic.Uint64
	view      atomic.Uint64 // as in meta/
	vote      atomic.Uint64
	stats     counters

	maintMu sync.Mutex // one maintenance run at a time
	spareMu sync.Mutex
	spare   *spareFile // zero-filled, waits to become a segment

	metaMu sync.Mutex
	meta   *metaStore

	appendMu sync.Mutex
	writer   writer

	mu struct {
		sync.RWMutex
		closed   bool
		segments []*segment // ascending; the last one is active
		indexed  []*segment // sealed ones whose anchors are loaded, least recently loaded first
		last     Position
		lastHash Hash
		lastView uint64
		cache    cache
	}

	fetched fetched
	codec   codec

	// wake asks the keeper for a maintenance run; quit ends it.
	wake chan struct{}
	quit chan struct{}
	done sync.WaitGroup
}

type counters struct {
	appended, appendedBytes, syncs, syncNanos, slowSyncs, truncations, corruptions atomic.Uint64
}

var _ raft.Storage = (*Log)(nil)

func (o *Options) setDefaults() {
	if o.SegmentBytes == 0 {
		o.SegmentBytes = segmentBytesDefault
	}
	o.SegmentBytes = max(o.SegmentBytes, segmentBytesMin) &^ (recordAlign - 1)
	if o.CacheBytes == 0 {
		o.CacheBytes = cacheBytesDefault
	}
	if o.SlowSync == 0 {
		o.SlowSync = slowSyncDefault
	}
	if o.AsyncInterval == 0 {
		o.AsyncInterval = asyncIntervalDefault
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

// Close syncs, writes meta/, stops background work and releases the lock. The first error is returned; the log is closed anyway.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.mu.closed {
		l.mu.Unlock()
		return nil
	}
	l.mu.closed = true
	l.mu.Unlock()
	if l.quit != nil {
		close(l.quit)
		l.done.Wait()
	}
	var errs []error
	if !l.opts.ReadOnly {
		errs = append(errs, l.syncNow(), l.flushMeta())
	}
	l.appendMu.Lock()
	defer l.appendMu.Unlock()
	l.maintMu.Lock()
	defer l.maintMu.Unlock()
	errs = append(errs, l.closeFiles())
	return errors.Join(errs...)
}

// closeFiles closes whatever is open, also after a failed Open.
func (l *Log) closeFiles() error {
	var errs []error
	for _, s := range l.mu.segments {
		if s.file != nil {
			errs = append(errs, s.file.Close())
			s.file = nil
		}
	}
	if l.spare != nil {
		errs = append(errs, l.spare.file.Close())
		l.spare = nil
	}
	if l.meta != nil {
		errs = append(errs, l.meta.close())
	}
	l.codec.close()
	if l.lock != nil {
		errs = append(errs, l.lock.Close())
		l.lock = nil
	}
	return errors.Join(errs...)
}

// Identity returns what meta/ says about cluster and node.
func (l *Log) Identity() Identity {
	l.metaMu.Lock()
	defer l.metaMu.Unlock()
	return l.meta.id
}

// SetIdentity changes what meta/ says: a new generation for a node that lost acknowledged events, a new incarnation by force-leader.
func (l *Log) SetIdentity(id Identity) error {
	if l.opts.ReadOnly {
		return ErrReadOnly
	}
	l.metaMu.Lock()
	defer l.metaMu.Unlock()
	return l.meta.writeIdentity(id)
}

// Fresh tells whether this Open made the directory.
func (l *Log) Fresh() bool { return l.meta.fresh }

// First returns the first position kept; it is Last+1 when the log is empty.
func (l *Log) First() Position {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.mu.segments[0].first
}

// Last returns the last position and its chain hash; position 0 has the genesis hash.
func (l *Log) Last() (Position, Hash) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.mu.last, l.mu.lastHash
}

// Durable returns the highest position that survives a power cut.
func (l *Log) Durable() Position { return Position(l.durable.Load()) }

// Failed returns the error that stopped the log, or nil.
func (l *Log) Failed() error {
	if p := l.writer.failed.Load(); p != nil {
		return *p
	}
	return nil
}

// Stats returns counters and sizes.
func (l *Log) Stats() Stats {
	st := Stats{
		Durable: l.Durable(), Acknowledged: Position(l.acked.Load()),
		Appended: l.stats.appended.Load(), AppendedByte: l.stats.appendedBytes.Load(),
		Syncs: l.stats.syncs.Load(), SyncNanos: l.stats.syncNanos.Load(), SlowSyncs: l.stats.slowSyncs.Load(),
		Truncations: l.stats.truncations.Load(), Corruptions: l.stats.corruptions.Load(),
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	st.First, st.Last, st.LastHash = l.mu.segments[0].first, l.mu.last, l.mu.lastHash
	st.Entries = uint64(st.Last + 1 - st.First)
	st.Segments = len(l.mu.segments)
	for _, s := range l.mu.segments {
		st.SizeBytes += s.fileBytes
	}
	st.CacheEvents, st.CacheBytes = l.mu.cache.len(), l.mu.cache.bytes
	return st
}

// Segments lists the segment files in order.
func (l *Log) Segments() []SegmentInfo {
	l.mu.RLock()
	defer l.mu.RUnlock()
	infos := make([]SegmentInfo, len(l.mu.segments))
	for i, s := range l.mu.segments {
		infos[i] = s.info()
	}
	return infos
}

// SetHardState makes view and vote durable when they changed. A commit that moved alone is remembered and reaches meta/ lazily:
// raft needs it for speed only.
func (l *Log) SetHardState(hs HardState) error {
	if l.opts.ReadOnly {
		return ErrReadOnly
	}
	storeMax(&l.committed, uint64(hs.Commit))
	l.metaMu.Lock()
	defer l.metaMu.Unlock()
	s := l.meta.state
	if s.view == hs.View && s.vote == hs.Vote {
		return nil
	}
	if hs.View < s.view {
		return errors.New("log: the view went backwards")
	}
	s.view, s.vote = hs.View, hs.Vote
	l.fillLazy(&s)
	if err := l.meta.write(s); err != nil {
		return err
	}
	l.view.Store(hs.View)
	l.vote.Store(hs.Vote)
	return nil
}

// NoteCommit remembers a commit that moved; it does nothing and returns false when view or vote moved as well, for which SetHardState is
// needed. It does no I/O.
func (l *Log) NoteCommit(view, vote uint64, commit Position) bool {
	if l.view.Load() != view || l.vote.Load() != vote {
		return false
	}
	storeMax(&l.committed, uint64(commit))
	return true
}

// SetCommit makes a commit durable that is known from elsewhere: what a projection has applied was committed.
func (l *Log) SetCommit(p Position) error {
	if p > l.Durable() {
		return errors.New("log: a commit beyond the end of the log")
	}
	storeMax(&l.committed, uint64(p))
	return l.flushMeta()
}

// SetConfState makes the membership as of position p durable, after the event that made it.
func (l *Log) SetConfState(p Position, cs *raftpb.ConfState) error {
	if l.opts.ReadOnly {
		return ErrReadOnly
	}
	if p > l.Durable() { // with SyncAsync only
		if err := l.syncNow(); err != nil {
			return err
		}
	}
	b, err := proto.Marshal(cs)
	if err != nil {
		return err
	}
	if len(b) > confStateBytesMax {
		return errors.New("log: the membership is too large")
	}
	l.metaMu.Lock()
	defer l.metaMu.Unlock()
	s := l.meta.state
	s.confAt, s.conf = p, b
	l.fillLazy(&s)
	return l.meta.write(s)
}

// ConfState returns the membership in meta/ and the position that made it.
func (l *Log) ConfState() (Position, *raftpb.ConfState, error) {
	l.metaMu.Lock()
	defer l.metaMu.Unlock()
	cs, err := l.meta.confState()
	return l.meta.state.confAt, cs, err
}

// MembershipKnown tells whether the membership in meta/ covers every membership event in the log.
func (l *Log) MembershipKnown() bool {
	l.metaMu.Lock()
	defer l.metaMu.Unlock()
	return l.meta.state.memberAt <= l.meta.state.confAt
}

// Acknowledge notes that a client was told that everything up to p is committed. It costs nothing here and reaches meta/ within about a
// second, never ahead of what is durable.
func (l *Log) Acknowledge(p Position) { storeMax(&l.acked, uint64(p)) }

// flushMeta writes the lazy members of meta/state when they moved.
func (l *Log) flushMeta() error {
	l.metaMu.Lock()
	defer l.metaMu.Unlock()
	s := l.meta.state
	l.fillLazy(&s)
	if s.commit == l.meta.state.commit && s.acknowledged == l.meta.state.acknowledged {
		return nil
	}
	return l.meta.write(s)
}

// fillLazy takes over the lazy members. None may be ahead of the durable log: after a power cut it would look as if events were lost.
func (l *Log) fillLazy(s *metaState) {
	durable := l.Durable()
	s.commit = max(s.commit, min(Position(l.committed.Load()), durable))
	s.acknowledged = max(s.acknowledged, min(Position(l.acked.Load()), durable))
}

// corrupt counts and reports damage, and returns it.
func (l *Log) corrupt(e *CorruptionError) *CorruptionError {
	l.stats.corruptions.Add(1)
	if h := l.opts.Hooks.ChecksumFailure; h != nil {
		h(e)
	}
	return e
}

// noticed reports err if it is damage that has not been reported yet.
func (l *Log) noticed(err error) error {
	var e *CorruptionError
	if errors.As(err, &e) {
		l.corrupt(e)
	}
	return err
}

// storeMax raises v to at least n.
func storeMax(v *atomic.Uint64, n uint64) {
	for old := v.Load(); old < n; old = v.Load() {
		if v.CompareAndSwap(old, n) {
			return
		}
	}
}
