package log

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	lockFile   = "LOCK"
	segmentDir = "log"
	metaDir    = "meta"
)

// Exists tells whether dir holds a log, whole or not: whether Open would open one rather than make one.
func Exists(fs vfs.FS, dir string) bool { return exists(fs, fs.PathJoin(dir, metaDir, identityFile)) }

// Open opens or makes the log under dir: dir/log (segments), dir/meta (identity, hard state), dir/LOCK.
// Errors to act on: ErrLocked, ErrIdentity, ErrNewerFormat, ErrCorrupt, ErrLogShorter, ErrDiskFull.
func Open(fs vfs.FS, dir string, opts Options) (_ *Log, err error) {
	opts.setDefaults()
	l := &Log{fs: fs, dir: fs.PathJoin(dir, segmentDir), opts: opts}
	defer func() {
		if err != nil {
			l.closeFiles()
		}
	}()
	if !opts.ReadOnly {
		if err := l.makeDirs(dir); err != nil {
			return nil, err
		}
	}
	names, err := fs.List(l.dir)
	if err != nil {
		return nil, ioError("listing "+l.dir, err)
	}
	notice := func(e *CorruptionError) { l.corrupt(e) }
	if !opts.ReadOnly && !Exists(fs, dir) && holdsSegments(names) {
		return nil, metaCorruption(identityFile, 0, errors.New("the file is missing although log/ holds segments"), notice)
	}
	if l.meta, err = openMeta(fs, fs.PathJoin(dir, metaDir), opts.Identity, opts.ReadOnly, notice); err != nil {
		return nil, err
	}
	l.genesis = GenesisHash(l.meta.id.ClusterID)
	l.committed.Store(uint64(l.meta.state.commit))
	l.view.Store(l.meta.state.view)
	l.vote.Store(l.meta.state.vote)
	l.acked.Store(uint64(l.meta.state.acknowledged))
	if err := l.noticed(l.recover(names)); err != nil {
		return nil, err
	}
	if !opts.ReadOnly {
		l.startKeeper()
	}
	return l, nil
}

// makeDirs makes what is missing and takes the lock. Every directory's entry in its parent is synced, up to the root, since any of them may be
// new: fdatasync of a file keeps nothing whose name is lost.
func (l *Log) makeDirs(dir string) error {
	for _, d := range []string{dir, l.dir, l.fs.PathJoin(dir, metaDir)} {
		if err := l.fs.MkdirAll(d, 0o700); err != nil {
			return ioError("making "+d, err)
		}
	}
	lock, err := l.fs.Lock(l.fs.PathJoin(dir, lockFile))
	if err != nil {
		if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) && exists(l.fs, l.fs.PathJoin(dir, lockFile)) {
			return fmt.Errorf("%w: %s", ErrLocked, dir)
		}
		return ioError("locking "+dir, err)
	}
	l.lock = lock
	for child, parent := dir, l.fs.PathDir(dir); parent != "" && parent != child; child, parent = parent, l.fs.PathDir(parent) {
		_ = syncDir(l.fs, parent) // best effort: it may be a directory that this user cannot open
	}
	if err := syncDir(l.fs, dir); err != nil {
		return ioError("syncing "+dir, err)
	}
	return nil
}

func exists(fs vfs.FS, name string) bool {
	_, err := fs.Stat(name)
	return err == nil
}

func holdsSegments(names []string) bool {
	for _, n := range names {
		if _, _, ok := parseSegmentName(n); ok {
			return true
		}
	}
	return false
}

// recover builds the picture of the segments and decides what the tail is.
func (l *Log) recover(names []string) error {
	segments, err := l.listSegments(names)
	if err != nil {
		return err
	}
	meta := &l.meta.state
	if len(segments) == 0 {
		return l.recoverNothing()
	}
	if segments[0].first != meta.first {
		return &CorruptionError{Segment: segments[0].name, Position: meta.first, Case: "T8", Remedy: remedyCorrupt,
			Reason: fmt.Sprintf("the log begins at position %d, but nothing before %d was dropped", segments[0].first, meta.first)}
	}
	if genesis := segments[0]; genesis.first == 1 && genesis.prevHash != l.genesis {
		return &CorruptionError{Segment: genesis.name, Position: 1, Case: "T8", Remedy: remedyCorrupt,
			Reason: "the hash chain does not start from this cluster's genesis"}
	}
	last := segments[len(segments)-1]
	for i, s := range segments[:len(segments)-1] {
		if err := l.loadSealed(s); err != nil {
			return err
		}
		if err := checkSealed(s, segments[i+1]); err != nil {
			return err
		}
	}
	l.mu.segments = segments
	sealed, err := l.recoverLast(last)
	if err != nil {
		return err
	}
	l.mu.last, l.mu.lastHash, l.mu.lastView = last.last, last.lastHash, last.lastView
	l.mu.cache.reset(last.last + 1)
	l.durable.Store(uint64(last.last))
	if witness := max(meta.acknowledged, meta.commit); last.last < witness {
		return &ShorterError{Last: last.last, Acknowledged: witness, Identity: l.meta.id}
	}
	if l.opts.ReadOnly {
		return nil
	}
	if sealed {
		return l.startSegment(0)
	}
	return nil
}

// recoverNothing answers for a directory without segments.
func (l *Log) recoverNothing() error {
	meta := &l.meta.state
	if witness := max(meta.acknowledged, meta.commit); witness > 0 || meta.first > 1 {
		return &ShorterError{Acknowledged: witness, Identity: l.meta.id}
	}
	l.mu.lastHash = l.genesis
	l.mu.cache.reset(1)
	if l.opts.ReadOnly {
		l.mu.segments = []*segment{newSegment("", &segmentHeader{first: 1, prevHash: l.genesis})}
		return nil
	}
	return l.startSegment(0)
}

// listSegments reads the headers of all segment files, and removes what an interrupted step left behind.
func (l *Log) listSegments(names []string) ([]*segment, error) {
	sort.Strings(names)
	var segments []*segment
	meta := &l.meta.state
	for _, name := range names {
		first, compressed, ok := parseSegmentName(name)
		leftover := strings.HasSuffix(name, spareSuffix) || strings.HasSuffix(name, tempSuffix)
		switch {
		case !ok && !leftover:
			continue // not ours
		case leftover,
			first < meta.first, // dropped by retention, or being dropped
			// Compression gives the finished file its name before it removes the raw one.
			!compressed && containsSorted(names, segmentName(first, true)),
			meta.truncating && first > meta.keep+1:
			if err := l.removeFile(name); err != nil {
				return nil, err
			}
			continue
		}
		s, err := l.readHeader(name, first, compressed)
		if err != nil {
			return nil, err
		}
		segments = append(segments, s)
	}
	return segments, nil
}

func containsSorted(names []string, name string) bool {
	_, found := slices.BinarySearch(names, name)
	return found
}

func (l *Log) removeFile(name string) error {
	if l.opts.ReadOnly {
		return nil
	}
	if err := l.fs.Remove(l.fs.PathJoin(l.dir, name)); err != nil {
		return ioError("removing "+name, err)
	}
	return nil
}

func (l *Log) readHeader(name string, first Position, compressed bool) (*segment, error) {
	corrupt := func(reason string, cause error) error {
		return &CorruptionError{Segment: name, Position: first, Case: "T8", Reason: reason, Remedy: remedyCorrupt, Cause: cause}
	}
	f, err := l.fs.Open(l.fs.PathJoin(l.dir, name))
	if err != nil {
		return nil, ioError("opening segment "+name, err)
	}
	defer f.Close()
	b := make([]byte, segmentHeaderSize)
	n, err := readAtMost(f, b, 0)
	if err != nil {
		return nil, ioError("reading segment "+name, err)
	}
	h, err := decodeSegmentHeader(b[:n])
	switch {
	case errors.Is(err, ErrNewerFormat):
		return nil, fmt.Errorf("segment %s: %w", name, err)
	case err != nil:
		return nil, corrupt(err.Error(), nil)
	case h.first != first || h.compressed != compressed:
		return nil, corrupt(fmt.Sprintf("its header says first position %d", h.first), nil)
	case h.clusterID != l.meta.id.ClusterID:
		return nil, corrupt("it belongs to another cluster", nil)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, ioError("reading segment "+name, err)
	}
	s := newSegment(name, &h)
	s.state, s.fileBytes = SegmentSealed, info.Size()
	if compressed {
		s.state = SegmentCompressed
	}
	return s, nil
}

// readFooter returns the footer, or nil when there is no valid one.
func (l *Log) readFooter(s *segment) (*segmentFooter, error) {
	f, err := l.fs.Open(l.fs.PathJoin(l.dir, s.name))
	if err != nil {
		return nil, ioError("opening segment "+s.name, err)
	}
	defer f.Close()
	if s.fileBytes < segmentHeaderSize+segmentFooterSize {
		return nil, nil
	}
	b := make([]byte, segmentFooterSize)
	if n, err := readAtMost(f, b, s.fileBytes-segmentFooterSize); err != nil || n < len(b) {
		return nil, err
	}
	footer, ok := decodeSegmentFooter(b)
	if !ok || footer.first != s.first {
		return nil, nil
	}
	return &footer, nil
}

// loadSealed fills in a segment that has a successor, from its footer alone; its records are checked when read, and by Verify.
func (l *Log) loadSealed(s *segment) error {
	footer, err := l.readFooter(s)
	if err != nil {
		return err
	}
	if footer == nil {
		return &CorruptionError{Segment: s.name, Offset: max(0, s.fileBytes-segmentFooterSize), Position: s.first, Case: "T8",
			Reason: "the segment has a successor but its footer is missing or damaged", Remedy: remedyCorrupt}
	}
	s.anchors, s.views = nil, nil
	s.last, s.lastHash, s.lastView, s.end = footer.last, footer.lastHash, footer.lastView, footer.end
	return nil
}

// recoverLast scans the last segment by the table in recover.go, cuts what must be cut, and leaves it active unless it is sealed.
func (l *Log) recoverLast(s *segment) (sealed bool, err error) {
	meta := &l.meta.state
	footer, err := l.readFooter(s)
	if err != nil {
		return false, err
	}
	if s.state == SegmentCompressed {
		return true, l.loadSealed(s)
	}
	f, err := l.openForRecovery(s.name)
	if err != nil {
		return false, err
	}
	s.file = f
	t, err := recoverTail(s, tailInput{
		src: f, fileBytes: s.fileBytes, footer: footer,
		stop: meta.truncating, stopAfter: meta.keep, witness: max(meta.acknowledged, meta.commit),
	})
	if err != nil {
		return false, err
	}
	s.zeroed, s.capacity = s.fileBytes, max(l.opts.SegmentBytes, s.fileBytes)-segmentFooterSize
	s.state = SegmentActive
	if t.row != "T1" && !t.sealed && l.opts.Hooks.TailCut != nil {
		l.opts.Hooks.TailCut(TailCut{Segment: s.name, Offset: s.end, Next: s.last + 1, Bytes: t.junk, Case: t.row, Reason: t.reason})
	}
	if l.opts.ReadOnly {
		return t.sealed, nil
	}
	if t.cut {
		if err := zeroRange(f, s.end, s.end+t.junk); err != nil {
			return false, ioError("cutting the torn tail of "+s.name, err)
		}
	}
	// What a killed process had written but not synced is recovered above; make it durable before anybody relies on it.
	if err := f.SyncData(); err != nil {
		return false, ioError("syncing segment "+s.name, err)
	}
	if meta.truncating {
		// The segments that listSegments removed must stay removed once meta/ says that the truncation is finished.
		if err := syncDir(l.fs, l.dir); err != nil {
			return false, ioError("syncing log/", err)
		}
		done := *meta
		done.truncating = false
		if err := l.meta.write(done); err != nil {
			return false, err
		}
	}
	if t.sealed {
		s.state, s.file = SegmentSealed, nil
		return true, f.Close()
	}
	return false, nil
}

func (l *Log) openForRecovery(name string) (vfs.File, error) {
	path := l.fs.PathJoin(l.dir, name)
	var f vfs.File
	var err error
	if l.opts.ReadOnly {
		f, err = l.fs.Open(path)
	} else {
		f, err = l.fs.OpenReadWrite(path, diskCategory)
	}
	if err != nil {
		return nil, ioError("opening segment "+name, err)
	}
	return f, nil
}
