package log

import (
	"errors"
	"fmt"
	"io"
	"math"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.etcd.io/raft/v3/raftpb"
)

// writer is the appending side's private state, guarded by Log.appendMu.
type writer struct {
	failed  atomic.Pointer[error]
	chain   chain
	buf     []byte    // encoded records not yet written
	pending []pending // what they are
	written Position  // last position written to the file; Log.mu.last once published
	bytes   int64     // written since the last sync
	events  int
}

// pending is a record in the write buffer.
type pending struct {
	entry *raftpb.Entry
	hash  Hash
	size  int64
	view  uint64
}

// Append writes raft's entries, after cutting an uncommitted tail that they replace. They are readable at once, and durable
// after Sync. After ErrDiskFull nothing is damaged and the same call may be made again; after any other I/O error the log has stopped.
func (l *Log) Append(entries []*raftpb.Entry) error {
	l.appendMu.Lock()
	defer l.appendMu.Unlock()
	if err := l.writable(); err != nil {
		return err
	}
	entries, err := l.skipKnown(entries)
	if err != nil || len(entries) == 0 {
		return err
	}
	seg := l.active()
	last, hash, view := l.mu.last, l.mu.lastHash, l.mu.lastView // only the writer changes them
	w := &l.writer
	w.buf, w.pending = w.buf[:0], w.pending[:0]
	durable := l.durable.Load()
	for _, e := range entries {
		ev, err := eventOf(e)
		if err != nil {
			return err
		}
		if ev.Position != last+1 || ev.View < view {
			return fmt.Errorf("log: cannot append position %d view %d after position %d view %d", ev.Position, ev.View, last, view)
		}
		if len(ev.Payload) > payloadBytesMax {
			return fmt.Errorf("log: a payload of %d bytes exceeds the limit of %d", len(ev.Payload), payloadBytesMax)
		}
		if ev.Kind == KindMembership {
			if err := l.noteMembership(ev.Position); err != nil {
				return l.ioFailure("noting a membership event", err)
			}
		}
		size := recordSize(len(ev.Payload))
		if seg.last < seg.first && len(w.pending) == 0 {
			seg.capacity = max(seg.capacity, seg.end+size) // an empty segment takes a record of any size
		}
		if seg.state == SegmentSealed || seg.end+int64(len(w.buf))+size > seg.capacity {
			if err := l.flush(seg); err != nil {
				return err
			}
			if seg, err = l.rotate(size); err != nil {
				return err
			}
			durable = l.durable.Load()
		}
		hash = w.chain.next(&hash, ev.Position, ev.View, ev.Kind, ev.Payload)
		h := recordHeader{
			unsynced: uint32(min(uint64(ev.Position)-durable, math.MaxUint32)),
			position: ev.Position, view: ev.View, proposal: ev.Proposal, kind: ev.Kind, hash: hash,
		}
		w.buf = appendRecord(w.buf, &h, ev.Payload)
		w.pending = append(w.pending, pending{entry: e, hash: hash, size: size, view: ev.View})
		last, view = ev.Position, ev.View
	}
	return l.flush(seg)
}

// noteMembership remembers in meta/ where membership events are, before one is written: so a start knows without reading the log that it
// applied them all.
func (l *Log) noteMembership(p Position) error {
	l.metaMu.Lock()
	defer l.metaMu.Unlock()
	if l.meta.state.memberAt >= p {
		return nil
	}
	s := l.meta.state
	s.memberAt = p
	return l.meta.write(s)
}

func (l *Log) writable() error {
	if l.opts.ReadOnly {
		return ErrReadOnly
	}
	if err := l.Failed(); err != nil {
		return err
	}
	if l.active().file == nil {
		return ErrClosed
	}
	return nil
}

// active returns the segment being appended to. Only the writer replaces it; retention may move the slice that holds it.
func (l *Log) active() *segment {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.mu.segments[len(l.mu.segments)-1]
}

// skipKnown drops the entries that the log holds already, and truncates at the first one that it holds differently.
func (l *Log) skipKnown(entries []*raftpb.Entry) ([]*raftpb.Entry, error) {
	for len(entries) > 0 {
		p := Position(entries[0].GetIndex())
		l.mu.RLock()
		last, first := l.mu.last, l.mu.segments[0].first
		l.mu.RUnlock()
		if p > last {
			break
		}
		if p < first {
			return nil, fmt.Errorf("log: append at position %d, before the first one kept, %d", p, first)
		}
		view, err := l.viewAt(p)
		if err != nil {
			return nil, err
		}
		if view != entries[0].GetTerm() {
			return entries, l.truncate(p - 1)
		}
		entries = entries[1:]
	}
	return entries, nil
}

// flush writes the buffer into the active segment and publishes what it holds.
func (l *Log) flush(seg *segment) error {
	w := &l.writer
	if len(w.pending) == 0 {
		return nil
	}
	n := int64(len(w.buf))
	if err := extendZeros(seg, seg.end+n); err != nil {
		w.buf, w.pending = w.buf[:0], w.pending[:0]
		return l.ioFailure("extending segment "+seg.name, err)
	}
	if _, err := seg.file.WriteAt(w.buf, seg.end); err != nil {
		w.buf, w.pending = w.buf[:0], w.pending[:0]
		if diskFull(err) && zeroRange(seg.file, seg.end, seg.end+n) != nil {
			err = fmt.Errorf("and cleaning up failed as well: %s", err) // no longer a plain full disk
		}
		return l.ioFailure("writing segment "+seg.name, err)
	}
	l.mu.Lock()
	for i := range w.pending {
		p := &w.pending[i]
		position := Position(p.entry.GetIndex())
		seg.grew(position, p.view, &p.hash, p.size)
		l.mu.cache.push(p.entry, &p.hash, p.size)
	}
	l.mu.cache.trim(l.opts.CacheBytes)
	l.mu.last, l.mu.lastHash, l.mu.lastView = seg.last, seg.lastHash, seg.lastView
	seg.fileBytes = seg.zeroed
	half := seg.end > seg.capacity/2
	l.mu.Unlock()
	w.written = seg.last
	w.bytes += n
	w.events += len(w.pending)
	l.stats.appended.Add(uint64(len(w.pending)))
	l.stats.appendedBytes.Add(uint64(n))
	clear(w.pending)
	w.buf, w.pending = w.buf[:0], w.pending[:0]
	if cap(w.buf) > writeBufferKeepBytes {
		w.buf = nil
	}
	if half && !l.hasSpare() {
		l.wakeKeeper()
	}
	return nil
}

// Sync makes everything appended durable: one fdatasync, or with SyncAsync nothing but a note for later.
func (l *Log) Sync() error {
	if l.opts.Sync == SyncAsync {
		return l.Failed()
	}
	return l.syncNow()
}

// SyncNow makes everything appended durable whatever the policy. With SyncAsync a projection calls it before it makes its own state durable,
// which must not know events that a power cut takes from the log.
func (l *Log) SyncNow() error {
	if l.opts.ReadOnly {
		return ErrReadOnly
	}
	return l.syncNow()
}

func (l *Log) syncNow() error {
	l.appendMu.Lock()
	defer l.appendMu.Unlock()
	return l.syncLocked()
}

func (l *Log) syncLocked() error {
	if err := l.Failed(); err != nil {
		return err
	}
	w := &l.writer
	if Position(l.durable.Load()) >= w.written {
		return nil
	}
	seg := l.active()
	began := l.opts.Now()
	// After a failed fdatasync the kernel may have dropped the pages and call the next one a success: never try again.
	if err := seg.file.SyncData(); err != nil {
		return l.fail(ioError("syncing segment "+seg.name, err))
	}
	took := l.opts.Now().Sub(began)
	l.durable.Store(uint64(w.written))
	l.countSync(took, w.events, w.bytes)
	w.events, w.bytes = 0, 0
	return nil
}

func (l *Log) countSync(took time.Duration, events int, bytes int64) {
	l.stats.syncs.Add(1)
	l.stats.syncNanos.Add(uint64(took))
	if h := l.opts.Hooks.Synced; h != nil {
		h(took, events, bytes)
	}
	if took >= l.opts.SlowSync {
		l.stats.slowSyncs.Add(1)
		if h := l.opts.Hooks.SlowSync; h != nil {
			h(took, events, bytes)
		}
	}
}

// Reserve makes room for that many events with payloadBytes in all, so that appending them does not meet a full disk. ErrDiskFull
// means that there is no room now; nothing was written.
func (l *Log) Reserve(events int, payloadBytes int64) error {
	l.appendMu.Lock()
	defer l.appendMu.Unlock()
	if err := l.writable(); err != nil {
		return err
	}
	need := payloadBytes + int64(events)*(recordHeaderSize+recordAlign)
	seg := l.active()
	if seg.state == SegmentActive {
		if seg.last < seg.first {
			seg.capacity = max(seg.capacity, seg.end+need)
		}
		if seg.end+need <= min(seg.zeroed, seg.capacity) {
			return nil
		}
		if seg.end+need <= seg.capacity {
			return l.ioFailure("extending segment "+seg.name, extendZeros(seg, seg.end+need))
		}
		if err := extendZeros(seg, seg.capacity+segmentFooterSize); err != nil {
			return l.ioFailure("extending segment "+seg.name, err)
		}
	}
	return l.ioFailure("preparing a spare segment", l.prepareSpare(segmentHeaderSize+need+segmentFooterSize))
}

// ioFailure tells a full disk, which is refused and may be tried again, from everything else, which stops the log.
func (l *Log) ioFailure(doing string, err error) error {
	if err == nil {
		return nil
	}
	err = ioError(doing, err)
	if errors.Is(err, ErrDiskFull) {
		return err
	}
	return l.fail(err)
}

// fail stops the log for good.
func (l *Log) fail(err error) error {
	err = fmt.Errorf("%w: %w", ErrFailed, err)
	if l.writer.failed.CompareAndSwap(nil, &err) && l.opts.Hooks.Failed != nil {
		l.opts.Hooks.Failed(err)
	}
	return err
}

// rotate seals the active segment and starts the next one, with room for a record of the given size.
// Order: records durable, then the footer, then the next segment's header under a temporary name, then its name. So a valid
// footer proves that all records were durable, and a segment in the middle always has its footer.
func (l *Log) rotate(size int64) (*segment, error) {
	if err := l.sealActive(); err != nil {
		return nil, err
	}
	if err := l.startSegment(size); err != nil {
		return nil, err
	}
	l.wakeKeeper()
	return l.active(), nil
}

func (l *Log) sealActive() error {
	seg := l.active()
	if seg.state == SegmentSealed {
		return nil // at start, or an earlier attempt to start its successor met a full disk
	}
	if err := l.syncLocked(); err != nil {
		return err
	}
	if err := extendZeros(seg, seg.end+segmentFooterSize); err != nil {
		return l.ioFailure("extending segment "+seg.name, err)
	}
	footer := segmentFooter{first: seg.first, last: seg.last, lastHash: seg.lastHash, lastView: seg.lastView, end: seg.end}
	if _, err := seg.file.WriteAt(footer.encode(), seg.zeroed-segmentFooterSize); err != nil {
		return l.ioFailure("sealing segment "+seg.name, err)
	}
	if err := seg.file.SyncData(); err != nil {
		return l.fail(ioError("sealing segment "+seg.name, err))
	}
	l.mu.Lock()
	seg.state = SegmentSealed
	seg.fileBytes = seg.zeroed
	info := seg.info()
	l.noteIndexed(seg)
	l.mu.Unlock()
	if h := l.opts.Hooks.SegmentSealed; h != nil {
		h(info)
	}
	return nil
}

// startSegment makes the segment after the last position, from the spare file if there is one.
func (l *Log) startSegment(size int64) error {
	h := segmentHeader{
		clusterID: l.meta.id.ClusterID, first: l.mu.last + 1, prevHash: l.mu.lastHash, prevView: l.mu.lastView,
		created: l.opts.Now().UnixNano(),
	}
	if err := l.prepareSpare(segmentHeaderSize + size + segmentFooterSize); err != nil {
		return l.ioFailure("making a segment", err)
	}
	l.spareMu.Lock()
	sp := l.spare
	l.spare = nil
	l.spareMu.Unlock()
	seg := newSegment(segmentName(h.first, false), &h)
	seg.file, seg.state = sp.file, SegmentActive
	seg.zeroed, seg.fileBytes = sp.zeroed, sp.zeroed
	seg.capacity = max(l.opts.SegmentBytes, sp.zeroed, segmentHeaderSize+size+segmentFooterSize) - segmentFooterSize
	path := func(name string) string { return l.fs.PathJoin(l.dir, name) }
	_, err := sp.file.WriteAt(h.encode(), 0)
	if err == nil {
		err = sp.file.Sync()
	}
	if err == nil {
		err = l.fs.Rename(path(sp.name), path(seg.name))
	}
	if err == nil {
		err = syncDir(l.fs, l.dir)
	}
	if err != nil {
		sp.file.Close()
		return l.ioFailure("starting segment "+seg.name, err)
	}
	l.mu.Lock()
	if n := len(l.mu.segments); n > 0 {
		if old := l.mu.segments[n-1]; old.file != nil {
			err = old.file.Close()
			old.file = nil
		}
	}
	l.mu.segments = append(l.mu.segments, seg)
	l.mu.Unlock()
	if err != nil {
		return l.fail(ioError("closing a sealed segment", err))
	}
	return nil
}

// zeros is what files are filled with. Never written to.
var zeros [64 << 10]byte

func zeroRange(f vfs.File, from, to int64) error {
	for from < to {
		n := min(to-from, int64(len(zeros)))
		if _, err := f.WriteAt(zeros[:n], from); err != nil {
			return err
		}
		from += n
	}
	return nil
}

// extendZeros fills the active segment with zeros up to at least offset `to`, some steps ahead (S2).
func extendZeros(seg *segment, to int64) error {
	if to <= seg.zeroed {
		return nil
	}
	to = min((to+zeroAheadBytes)&^(zeroAheadBytes-1), max(seg.capacity+segmentFooterSize, to))
	for seg.zeroed < to {
		next := min(to, seg.zeroed+int64(len(zeros)))
		if err := zeroRange(seg.file, seg.zeroed, next); err != nil {
			return err
		}
		seg.zeroed = next
	}
	return nil
}

// readAtMost reads up to len(b) bytes; the end of the file is no error.
func readAtMost(r io.ReaderAt, b []byte, offset int64) (int, error) {
	n, err := r.ReadAt(b, offset)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}
