package log

import (
	"errors"
	"fmt"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// Log is raft's storage: index = position, term = view. raft's own error values are returned where raft compares them; any other
// error makes raft panic, which package consensus turns into a stopped group.

// raftEntryOverhead is about what an entry's framing costs in a raft message.
const raftEntryOverhead = 24

// InitialState implements raft.Storage.
func (l *Log) InitialState() (*raftpb.HardState, *raftpb.ConfState, error) {
	l.metaMu.Lock()
	defer l.metaMu.Unlock()
	cs, err := l.meta.confState()
	if err != nil {
		return nil, nil, err
	}
	s := &l.meta.state
	view, vote, commit := s.view, s.vote, uint64(s.commit)
	return &raftpb.HardState{Term: &view, Vote: &vote, Commit: &commit}, cs, nil
}

// HardState returns what meta/ holds.
func (l *Log) HardState() HardState {
	l.metaMu.Lock()
	defer l.metaMu.Unlock()
	return HardState{View: l.meta.state.view, Vote: l.meta.state.vote, Commit: l.meta.state.commit}
}

// Entries implements raft.Storage.
func (l *Log) Entries(lo, hi, maxSize uint64) ([]*raftpb.Entry, error) {
	from, to := Position(lo), Position(hi)
	l.mu.RLock()
	first, last := l.mu.segments[0].first, l.mu.last
	switch {
	case from < first:
		l.mu.RUnlock()
		return nil, raft.ErrCompacted
	case to > last+1 || from > to:
		l.mu.RUnlock()
		return nil, raft.ErrUnavailable
	}
	var size uint64
	fits := func(n int, data []byte) bool {
		size += uint64(len(data)) + raftEntryOverhead
		return n == 0 || size <= maxSize
	}
	if from >= l.mu.cache.first {
		defer l.mu.RUnlock()
		entries := make([]*raftpb.Entry, 0, to-from)
		for p := from; p < to; p++ {
			e := l.mu.cache.get(p).entry
			if !fits(len(entries), e.Data) {
				break
			}
			entries = append(entries, e)
		}
		return entries, nil
	}
	l.mu.RUnlock()
	entries := make([]*raftpb.Entry, 0, min(to-from, 256))
	hashes := make([]Hash, 0, min(to-from, 256))
	err := l.scanEvents(from, to, func(ev Event) bool {
		if !fits(len(entries), ev.Payload) {
			return false
		}
		entries = append(entries, entryOf(&ev))
		hashes = append(hashes, ev.Hash)
		return true
	})
	l.fetched.remember(entries, hashes)
	if errors.Is(err, ErrCompacted) {
		return nil, raft.ErrCompacted
	}
	return entries, err
}

// Term implements raft.Storage.
func (l *Log) Term(i uint64) (uint64, error) {
	view, err := l.viewAt(Position(i))
	switch {
	case errors.Is(err, ErrCompacted):
		return 0, raft.ErrCompacted
	case errors.Is(err, ErrUnavailable):
		return 0, raft.ErrUnavailable
	}
	return view, err
}

// LastIndex implements raft.Storage.
func (l *Log) LastIndex() (uint64, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return uint64(l.mu.last), nil
}

// FirstIndex implements raft.Storage.
func (l *Log) FirstIndex() (uint64, error) { return uint64(l.First()), nil }

// Snapshot implements raft.Storage.
func (l *Log) Snapshot() (*raftpb.Snapshot, error) {
	if l.opts.Snapshot == nil {
		return nil, raft.ErrSnapshotTemporarilyUnavailable
	}
	return l.opts.Snapshot()
}

// truncate forgets the events after keep: a new leader decided otherwise about them. They were never committed.
//
// The records are zeroed in place. That takes many sectors, so a crash may come in the middle and leave what recovery would have to call
// damage; hence meta/ says first what is under way, and Open finishes it (row T10).
func (l *Log) truncate(keep Position) error {
	if committed := Position(l.committed.Load()); keep < committed {
		return fmt.Errorf("log: asked to truncate after position %d, but %d is committed", keep, committed)
	}
	if err := l.writeTruncation(true, keep); err != nil {
		return l.fail(err)
	}
	if err := l.truncateFiles(keep); err != nil {
		return l.fail(err)
	}
	if err := l.writeTruncation(false, 0); err != nil {
		return l.fail(err)
	}
	l.stats.truncations.Add(1)
	return nil
}

func (l *Log) writeTruncation(on bool, keep Position) error {
	l.metaMu.Lock()
	defer l.metaMu.Unlock()
	s := l.meta.state
	s.truncating, s.keep = on, keep
	return l.meta.write(s)
}

func (l *Log) truncateFiles(keep Position) error {
	l.maintMu.Lock() // no compression or retention meanwhile
	defer l.maintMu.Unlock()
	segments := l.mu.segments // stable: its changers are locked out
	target := len(segments) - 1
	for target > 0 && segments[target].first > keep+1 {
		target--
	}
	for i := len(segments) - 1; i > target; i-- {
		if f := segments[i].file; f != nil {
			segments[i].file = nil
			f.Close()
		}
		if err := l.fs.Remove(l.fs.PathJoin(l.dir, segments[i].name)); err != nil {
			return ioError("removing segment "+segments[i].name, err)
		}
	}
	if err := syncDir(l.fs, l.dir); err != nil {
		return ioError("syncing log/", err)
	}
	seg := segments[target]
	if seg.state == SegmentCompressed {
		return fmt.Errorf("log: segment %s is compressed and cannot be truncated", seg.name)
	}
	end, hash, view, err := l.endOf(seg, keep)
	if err != nil {
		return l.noticed(err)
	}
	if seg.file == nil {
		if seg.file, err = l.fs.OpenReadWrite(l.fs.PathJoin(l.dir, seg.name), diskCategory); err != nil {
			return ioError("opening segment "+seg.name, err)
		}
		seg.zeroed, seg.capacity = seg.fileBytes, max(l.opts.SegmentBytes, seg.fileBytes)-segmentFooterSize
	}
	if err := zeroRange(seg.file, end, seg.zeroed); err != nil {
		return ioError("truncating segment "+seg.name, err)
	}
	if err := seg.file.SyncData(); err != nil {
		return ioError("truncating segment "+seg.name, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	seg.cutAfter(keep, hash, view, end)
	seg.state = SegmentActive
	l.mu.segments = append([]*segment(nil), segments[:target+1]...)
	l.mu.last, l.mu.lastHash, l.mu.lastView = keep, hash, view
	l.mu.cache.cutAfter(keep)
	l.writer.written, l.writer.events, l.writer.bytes = keep, 0, 0
	l.durable.Store(uint64(keep))
	return nil
}

// endOf finds where the record of position keep ends in seg.
func (l *Log) endOf(seg *segment, keep Position) (end int64, hash Hash, view uint64, err error) {
	if keep+1 == seg.first {
		return segmentHeaderSize, seg.prevHash, seg.prevView, nil
	}
	r, err := l.openReader(keep)
	if err != nil {
		return 0, hash, 0, err
	}
	defer r.close()
	check := chainCheck{last: r.start.position - 1}
	sc := newScanner(r.file, r.start.offset, r.snap.end, false)
	err = scanRaw(seg.name, sc, &check, keep, func(Event) bool { return true })
	return sc.offset, check.hash, check.view, err
}
