package log

import (
	"errors"
	"fmt"
	"sync"

	"github.com/cockroachdb/errors/oserror"
	"github.com/cockroachdb/pebble/v2/vfs"
	"go.etcd.io/raft/v3/raftpb"
)

// Read returns the events of [from, to), as many as fit maxBytes of payload but at least one. It does not know what is committed: the
// caller bounds `to`. ErrCompacted when from is before First, ErrUnavailable when it is after Last; a `to` beyond Last is cut.
func (l *Log) Read(from, to Position, maxBytes int64) ([]Event, error) {
	l.mu.RLock()
	first, last := l.mu.segments[0].first, l.mu.last
	to = min(to, last+1)
	switch {
	case from < first:
		l.mu.RUnlock()
		return nil, fmt.Errorf("%w: position %d, the first one kept is %d", ErrCompacted, from, first)
	case from > last:
		l.mu.RUnlock()
		return nil, fmt.Errorf("%w: position %d, the last one is %d", ErrUnavailable, from, last)
	case from >= to:
		l.mu.RUnlock()
		return nil, nil
	}
	if from >= l.mu.cache.first {
		defer l.mu.RUnlock()
		return l.readCached(from, to, maxBytes)
	}
	l.mu.RUnlock()
	events := make([]Event, 0, min(to-from, 256))
	var bytes int64
	err := l.scanEvents(from, to, func(ev Event) bool {
		bytes += int64(len(ev.Payload))
		if len(events) > 0 && bytes > maxBytes {
			return false
		}
		events = append(events, ev)
		return true
	})
	return events, err
}

func (l *Log) readCached(from, to Position, maxBytes int64) ([]Event, error) {
	events := make([]Event, 0, to-from)
	var bytes int64
	for p := from; p < to; p++ {
		c := l.mu.cache.get(p)
		ev, err := eventOf(c.entry)
		if err != nil {
			return nil, err
		}
		bytes += int64(len(ev.Payload))
		if len(events) > 0 && bytes > maxBytes {
			break
		}
		ev.Hash = c.hash
		events = append(events, ev)
	}
	return events, nil
}

// Events turns raft entries that are in the log into events with their chain hashes, appended to dst. Payloads alias the entries.
func (l *Log) Events(entries []*raftpb.Entry, dst []Event) ([]Event, error) {
	if len(entries) == 0 {
		return dst, nil
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	for i, e := range entries {
		ev, err := eventOf(e)
		if err != nil {
			return dst, err
		}
		c := l.mu.cache.get(ev.Position)
		if c == nil || c.entry.GetTerm() != ev.View {
			l.mu.RUnlock()
			dst, err = l.eventsFromDisk(entries[i:], dst)
			l.mu.RLock()
			return dst, err
		}
		ev.Hash = c.hash
		dst = append(dst, ev)
	}
	return dst, nil
}

func (l *Log) eventsFromDisk(entries []*raftpb.Entry, dst []Event) ([]Event, error) {
	from := Position(entries[0].GetIndex())
	if hashes := l.fetchedHashes(entries); hashes != nil {
		for i, e := range entries {
			ev, err := eventOf(e)
			if err != nil {
				return dst, err
			}
			ev.Hash = hashes[i]
			dst = append(dst, ev)
		}
		return dst, nil
	}
	to := from + Position(len(entries))
	var err error
	n := 0
	scanErr := l.scanEvents(from, to, func(ev Event) bool {
		if entries[n].GetTerm() != ev.View {
			err = fmt.Errorf("log: position %d is of view %d, not %d", ev.Position, ev.View, entries[n].GetTerm())
			return false
		}
		dst = append(dst, ev)
		n++
		return true
	})
	return dst, errors.Join(err, scanErr)
}

// fetched remembers the hashes of what Entries read from disk last: raft asks for entries to be applied, and Events is asked for the same
// ones next. Replaying a long log would otherwise read everything twice.
type fetched struct {
	sync.Mutex
	entries []*raftpb.Entry
	hashes  []Hash
}

func (f *fetched) remember(entries []*raftpb.Entry, hashes []Hash) {
	f.Lock()
	defer f.Unlock()
	f.entries, f.hashes = entries, hashes
}

// fetchedHashes returns the hashes of the very entries that Entries returned last, or nil.
func (l *Log) fetchedHashes(entries []*raftpb.Entry) []Hash {
	l.fetched.Lock()
	defer l.fetched.Unlock()
	for i, e := range l.fetched.entries {
		if e != entries[0] {
			continue
		}
		if len(entries) > len(l.fetched.entries)-i || l.fetched.entries[i+len(entries)-1] != entries[len(entries)-1] {
			return nil
		}
		hashes := l.fetched.hashes[i : i+len(entries)]
		l.fetched.entries, l.fetched.hashes = nil, nil
		return hashes
	}
	return nil
}

// HashAt returns the chain hash at a position; at First-1 it is the hash before the first one kept.
func (l *Log) HashAt(p Position) (Hash, error) {
	l.mu.RLock()
	first, last, c := l.mu.segments[0].first, l.mu.last, l.mu.cache.get(p)
	if c != nil {
		defer l.mu.RUnlock()
		return c.hash, nil
	}
	for _, s := range l.mu.segments {
		if s.first == p+1 {
			defer l.mu.RUnlock()
			return s.prevHash, nil
		}
		if s.last == p && s.last >= s.first {
			defer l.mu.RUnlock()
			return s.lastHash, nil
		}
	}
	l.mu.RUnlock()
	if p < first {
		return Hash{}, fmt.Errorf("%w: position %d, the first one kept is %d", ErrCompacted, p, first)
	}
	if p > last {
		return Hash{}, fmt.Errorf("%w: position %d, the last one is %d", ErrUnavailable, p, last)
	}
	events, err := l.Read(p, p+1, 1)
	if err != nil {
		return Hash{}, err
	}
	return events[0].Hash, nil
}

// scanEvents reads [from, to) from the segment files, in order, until visit returns false.
func (l *Log) scanEvents(from, to Position, visit func(Event) bool) error {
	for from < to {
		next, more, err := l.scanSegment(from, to, visit)
		if err != nil {
			return l.noticed(err)
		}
		if !more {
			return nil
		}
		from = next
	}
	return nil
}

// errMoved says that the file was replaced or dropped between looking it up and opening it.
var errMoved = errors.New("log: the segment's file has moved")

// scanSegment reads what one segment holds of [from, to).
func (l *Log) scanSegment(from, to Position, visit func(Event) bool) (next Position, more bool, err error) {
	for attempt := 0; ; attempt++ {
		r, err := l.openReader(from)
		if err == nil {
			defer r.close()
			return r.scan(from, to, visit)
		}
		if !errors.Is(err, errMoved) || attempt == 3 {
			return 0, false, err
		}
	}
}

// segmentReader reads one segment as it was when it was opened. The segment's file is not recycled meanwhile.
type segmentReader struct {
	seg   *segment
	file  vfs.File
	snap  segmentSnap
	codec *codec
	start anchor
}

// segmentSnap is what a reader needs of a segment, copied under Log.mu.
type segmentSnap struct {
	name      string
	state     SegmentState
	first     Position
	last      Position
	prevHash  Hash
	prevView  uint64
	end       int64
	fileBytes int64
	blocks    []anchor // from the one to start with
}

func (r *segmentReader) close() {
	r.file.Close()
	r.seg.readers.Add(-1)
}

// openReader opens the segment that holds p, and finds where to start.
func (l *Log) openReader(p Position) (*segmentReader, error) {
	l.mu.RLock()
	seg := l.segmentOf(p)
	if seg == nil {
		l.mu.RUnlock()
		return nil, fmt.Errorf("%w: position %d", ErrCompacted, p)
	}
	seg.readers.Add(1)
	name, loaded := seg.name, seg.anchors != nil
	l.mu.RUnlock()
	file, err := l.fs.Open(l.fs.PathJoin(l.dir, name))
	if err != nil {
		seg.readers.Add(-1)
		if oserror.IsNotExist(err) {
			return nil, fmt.Errorf("%w: %w", errMoved, err)
		}
		return nil, ioError("opening segment "+name, err)
	}
	r := &segmentReader{seg: seg, file: file, codec: &l.codec}
	if !loaded {
		if err := l.loadIndex(seg, name, file); err != nil {
			r.close()
			return nil, err
		}
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	if seg.name != name || seg.anchors == nil { // compressed meanwhile, or its index evicted again
		r.close()
		return nil, errMoved
	}
	r.snap = segmentSnap{
		name: seg.name, state: seg.state, first: seg.first, last: seg.last, prevHash: seg.prevHash, prevView: seg.prevView,
		end: seg.end, fileBytes: seg.fileBytes,
	}
	var index int
	r.start, index = seg.anchorFor(p)
	if seg.state == SegmentCompressed {
		r.snap.blocks = seg.anchors[index:len(seg.anchors):len(seg.anchors)]
	}
	return r, nil
}

// segmentOf returns the segment that holds p, or nil. Caller holds mu.
func (l *Log) segmentOf(p Position) *segment {
	for i := len(l.mu.segments) - 1; i >= 0; i-- {
		if s := l.mu.segments[i]; s.first <= p {
			if p > s.last {
				return nil
			}
			return s
		}
	}
	return nil
}

// scan visits the events of [from, to) that the segment holds; more says that the caller should go on with the next segment.
func (r *segmentReader) scan(from, to Position, visit func(Event) bool) (next Position, more bool, err error) {
	check := chainCheck{last: r.start.position - 1}
	if r.start.position == r.snap.first {
		check = chainCheck{last: r.snap.first - 1, view: r.snap.prevView, hash: r.snap.prevHash, known: true}
	}
	next = from
	stop := false
	take := func(ev Event) bool {
		if ev.Position < from {
			return true
		}
		if ev.Position >= to || !visit(ev) {
			stop = true
			return false
		}
		next = ev.Position + 1
		return true
	}
	if r.snap.state == SegmentCompressed {
		err = r.scanBlocks(&check, take)
	} else {
		err = scanRaw(r.snap.name, newScanner(r.file, r.start.offset, r.snap.end, true), &check, r.snap.last, take)
	}
	return next, !stop && next > from && next < to, err
}

// scanRaw visits records until visit returns false or the position `last` was visited.
func scanRaw(name string, sc *scanner, check *chainCheck, last Position, visit func(Event) bool) error {
	for check.last < last {
		at := sc.offset
		status, payload, err := sc.next()
		if err != nil {
			return ioError("reading segment "+name, err)
		}
		reason := status.reason()
		if status == scanRecord {
			reason = check.step(&sc.header, payload)
		}
		if reason != "" {
			return &CorruptionError{Segment: name, Offset: at, Position: check.last + 1, Reason: reason, Remedy: remedyCorrupt}
		}
		if !visit(sc.event(payload)) {
			return nil
		}
	}
	return nil
}

// loadIndex fills in anchors and views of a sealed segment by reading it.
func (l *Log) loadIndex(seg *segment, name string, file vfs.File) error {
	l.mu.RLock()
	fresh := newSegment(name, &segmentHeader{first: seg.first, prevHash: seg.prevHash, prevView: seg.prevView})
	state, end, last, fileBytes := seg.state, seg.end, seg.last, seg.fileBytes
	moved := seg.name != name
	l.mu.RUnlock()
	if moved {
		return errMoved
	}
	check := chainCheck{last: fresh.last, view: fresh.lastView, hash: fresh.lastHash, known: true}
	var anchors []anchor
	var err error
	if state == SegmentCompressed {
		err = walkBlocks(name, file, fresh.first, fileBytes, func(offset int64, h *blockHeader, frame []byte) error {
			anchors = append(anchors, anchor{h.first, offset})
			raw, err := l.codec.decodeBlock(name, offset, h, frame)
			if err != nil {
				return err
			}
			sc := newScanner(bytesAt(raw), 0, int64(len(raw)), false)
			return scanRaw(name, sc, &check, h.first+Position(h.records)-1, func(ev Event) bool {
				fresh.noteView(ev.Position, ev.View)
				return true
			})
		})
	} else {
		sc := newScanner(file, segmentHeaderSize, end, false)
		at := sc.offset
		err = scanRaw(name, sc, &check, last, func(ev Event) bool {
			fresh.noteAnchor(ev.Position, at)
			fresh.noteView(ev.Position, ev.View)
			at = sc.offset
			return true
		})
		anchors = fresh.anchors
	}
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if seg.name == name {
		if anchors == nil {
			anchors = []anchor{}
		}
		seg.anchors, seg.views = anchors, fresh.views
		l.noteIndexed(seg)
	}
	return nil
}

// noteIndexed bounds how many sealed segments keep their anchors. Caller holds mu.
func (l *Log) noteIndexed(seg *segment) {
	l.mu.indexed = append(l.mu.indexed, seg)
	if len(l.mu.indexed) > indexedSegmentsMax {
		if old := l.mu.indexed[0]; old != seg {
			old.anchors = nil
		}
		l.mu.indexed = append(l.mu.indexed[:0:0], l.mu.indexed[1:]...)
	}
}

// viewAt returns the view of the event at p, from memory when it can.
func (l *Log) viewAt(p Position) (uint64, error) {
	for attempt := 0; ; attempt++ {
		l.mu.RLock()
		if p == l.mu.last {
			defer l.mu.RUnlock()
			return l.mu.lastView, nil
		}
		if c := l.mu.cache.get(p); c != nil {
			defer l.mu.RUnlock()
			return c.entry.GetTerm(), nil
		}
		first, last := l.mu.segments[0].first, l.mu.last
		if p+1 == first {
			defer l.mu.RUnlock()
			return l.mu.segments[0].prevView, nil
		}
		seg := l.segmentOf(p)
		if seg != nil && (seg.views != nil || p == seg.last) {
			defer l.mu.RUnlock()
			if p == seg.last {
				return seg.lastView, nil
			}
			return seg.viewAt(p), nil
		}
		l.mu.RUnlock()
		switch {
		case p < first:
			return 0, fmt.Errorf("%w: position %d", ErrCompacted, p)
		case p > last || seg == nil || attempt == 3:
			return 0, fmt.Errorf("%w: position %d", ErrUnavailable, p)
		}
		r, err := l.openReader(p) // loads the index
		if err == nil {
			r.close()
		} else if !errors.Is(err, errMoved) {
			return 0, l.noticed(err)
		}
	}
}
