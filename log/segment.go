package log

import (
	"sort"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// segment is the picture of one segment file. Its fields are guarded by Log.mu unless said otherwise; a segment's name
// changes once, when compression replaces the file.
//
// Invariants:
//
//	S1 first <= last+1; last+1 == the next segment's first; lastHash == the next segment's prevHash.
//	S2 segmentHeaderSize <= end <= zeroed; bytes [end, zeroed) are zero, but for the footer of a sealed one.
//	S3 only the last segment is active, and only the active one has a file open for writing.
//	S4 anchors are ascending in both members, and the first one is (first, segmentHeaderSize).
type segment struct {
	name     string
	state    SegmentState
	first    Position
	prevHash Hash
	prevView uint64
	created  int64

	last     Position
	lastHash Hash
	lastView uint64
	end      int64 // offset after the last record, in the uncompressed file

	fileBytes int64 // size on disk
	zeroed    int64 // writable prefix of the active segment's file
	capacity  int64 // bytes for header and records; the footer comes after it

	// anchors are known positions and offsets (raw segment), or the blocks (compressed one); nil when not loaded.
	anchors []anchor
	// views are the runs of equal views in [first, last]; nil when not loaded.
	views []viewRun

	readers atomic.Int32 // readers that opened the file by this segment's name
	file    vfs.File     // of the active segment; owned by the writer
}

// anchor says where the record of a position starts. For a compressed segment, the block whose first record it is.
type anchor struct {
	position Position
	offset   int64
}

// viewRun says that the events from first on, up to the next run, are of one view.
type viewRun struct {
	first Position
	view  uint64
}

func newSegment(name string, h *segmentHeader) *segment {
	return &segment{
		name: name, first: h.first, prevHash: h.prevHash, prevView: h.prevView, created: h.created,
		last: h.first - 1, lastHash: h.prevHash, lastView: h.prevView, end: segmentHeaderSize,
		anchors: []anchor{}, views: []viewRun{},
	}
}

// grew notes one more record. Caller holds Log.mu.
func (s *segment) grew(p Position, view uint64, hash *Hash, size int64) {
	s.noteAnchor(p, s.end)
	s.noteView(p, view)
	s.last, s.lastHash, s.lastView = p, *hash, view
	s.end += size
}

func (s *segment) noteAnchor(p Position, offset int64) {
	if n := len(s.anchors); n == 0 || offset-s.anchors[n-1].offset >= anchorBytes {
		s.anchors = append(s.anchors, anchor{p, offset})
	}
}

func (s *segment) noteView(p Position, view uint64) {
	if n := len(s.views); n == 0 || s.views[n-1].view != view {
		s.views = append(s.views, viewRun{p, view})
	}
}

// anchorFor returns the last anchor at or before p. The segment must be loaded and hold p.
func (s *segment) anchorFor(p Position) (a anchor, index int) {
	i := sort.Search(len(s.anchors), func(i int) bool { return s.anchors[i].position > p }) - 1
	if i < 0 {
		return anchor{s.first, segmentHeaderSize}, 0
	}
	return s.anchors[i], i
}

// viewAt returns the view of p, which the segment must hold or which is first-1.
func (s *segment) viewAt(p Position) uint64 {
	if p < s.first {
		return s.prevView
	}
	i := sort.Search(len(s.views), func(i int) bool { return s.views[i].first > p }) - 1
	if i < 0 {
		return s.prevView
	}
	return s.views[i].view
}

// cutAfter forgets the records after p, whose record ends at offset end.
func (s *segment) cutAfter(p Position, hash Hash, view uint64, end int64) {
	s.last, s.lastHash, s.lastView, s.end = p, hash, view, end
	for len(s.anchors) > 0 && s.anchors[len(s.anchors)-1].position > p {
		s.anchors = s.anchors[:len(s.anchors)-1]
	}
	for len(s.views) > 0 && s.views[len(s.views)-1].first > p {
		s.views = s.views[:len(s.views)-1]
	}
}

func (s *segment) info() SegmentInfo {
	return SegmentInfo{
		Name: s.name, First: s.first, Last: s.last, Events: uint64(s.last + 1 - s.first), Bytes: s.fileBytes, RawBytes: s.end,
		State: s.state, PrevHash: s.prevHash, LastHash: s.lastHash, Created: s.created,
	}
}
