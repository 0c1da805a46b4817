package log

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/cockroachdb/errors/oserror"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Progress is told by Verify after each segment and every few megabytes.
type Progress struct {
	Segment           string
	Segments, Done    int   // files in all, files finished
	Bytes, BytesTotal int64 // on disk
	Position          Position
}

// Report is what Verify found out. With an error, it covers what is before the damage.
type Report struct {
	Segments    int
	Events      uint64
	Bytes       int64 // on disk
	First, Last Position
	LastHash    Hash
	// TornTail tells, for VerifyDir, of bytes behind the last whole record that the next start will cut.
	TornTail *TailCut
}

// Verify walks checksums, chain and continuity of the whole log while it is in use. The first damage is a *CorruptionError. Bytes behind
// the last record of the active segment are checked by Open only, since the writer is at work there.
func (l *Log) Verify(ctx context.Context, progress func(Progress)) (Report, error) {
	v := verifier{log: l, ctx: ctx, progress: progress, check: chainCheck{known: true}}
	segments := l.Segments()
	v.state.Segments = len(segments)
	for _, s := range segments {
		v.state.BytesTotal += s.Bytes
	}
	v.report.First = segments[0].First
	v.check.last, v.check.hash = segments[0].First-1, segments[0].PrevHash
	end, _ := l.Last()
	for next := segments[0].First; ; {
		done, err := v.segmentAt(next, end)
		v.report.Events = uint64(v.check.last + 1 - v.report.First)
		v.report.Last, v.report.LastHash, v.report.Bytes = v.check.last, v.check.hash, v.state.Bytes
		if err != nil {
			return v.report, l.noticed(err)
		}
		v.report.Segments++
		v.state.Done++
		v.tell()
		if done || v.check.last >= end {
			return v.report, nil
		}
		next = v.check.last + 1
	}
}

// VerifyDir does the same for a data directory that no server uses, and looks behind the last record as well.
func VerifyDir(ctx context.Context, fs vfs.FS, dir string, progress func(Progress)) (Report, error) {
	if exists(fs, fs.PathJoin(dir, metaDir, identityFile)) {
		lock, err := fs.Lock(fs.PathJoin(dir, lockFile))
		if errors.Is(err, syscall.EAGAIN) {
			return Report{}, fmt.Errorf("%w: %s", ErrLocked, dir)
		}
		switch {
		case errors.Is(err, syscall.EROFS): // nobody writes there
		case err != nil:
			return Report{}, ioError("locking "+dir, err)
		default:
			defer lock.Close()
		}
	}
	var torn *TailCut
	l, err := Open(fs, dir, Options{ReadOnly: true, Hooks: Hooks{TailCut: func(c TailCut) { torn = &c }}})
	if err != nil {
		return Report{}, err
	}
	defer l.Close()
	report, err := l.Verify(ctx, progress)
	report.TornTail = torn
	return report, err
}

type verifier struct {
	log      *Log
	ctx      context.Context
	progress func(Progress)
	check    chainCheck
	report   Report
	state    Progress
	told     int64
}

func (v *verifier) tell() {
	v.state.Position = v.check.last
	v.told = v.state.Bytes
	if v.progress != nil {
		v.progress(v.state)
	}
}

// segmentAt verifies the segment that begins at `first`, up to the position `end` if it is the active one. A compression that replaces the
// file meanwhile makes it start over.
func (v *verifier) segmentAt(first, end Position) (done bool, err error) {
	for attempt := 0; ; attempt++ {
		saved, savedBytes := v.check, v.state.Bytes
		done, err := v.tryAt(first, end)
		if !oserror.IsNotExist(err) || attempt == 3 {
			return done, err
		}
		v.check, v.state.Bytes = saved, savedBytes
	}
}

func (v *verifier) tryAt(first, end Position) (done bool, err error) {
	l := v.log
	l.mu.RLock()
	var seg *segment
	for _, s := range l.mu.segments {
		if s.first == first {
			seg = s
		}
	}
	if seg == nil {
		l.mu.RUnlock()
		return false, fmt.Errorf("%w: position %d was dropped by retention while verifying", ErrCompacted, first)
	}
	seg.readers.Add(1)
	defer seg.readers.Add(-1)
	info, lastView := seg.info(), seg.lastView
	l.mu.RUnlock()
	if info.Name == "" {
		return true, nil // an empty log opened for reading
	}
	v.state.Segment = info.Name
	f, err := l.fs.Open(l.fs.PathJoin(l.dir, info.Name))
	if err != nil {
		return false, ioError("opening segment "+info.Name, err)
	}
	defer f.Close()
	if err := v.header(f, &info); err != nil {
		return false, err
	}
	base := v.state.Bytes
	switch info.State {
	case SegmentCompressed:
		err = v.blocks(f, &info)
	case SegmentSealed:
		err = v.records(f, &info, info.Last)
		if err == nil {
			err = v.zeros(f, &info)
		}
	default:
		err = v.records(f, &info, min(end, info.Last))
	}
	if err != nil {
		return false, err
	}
	if info.State != SegmentActive {
		err = v.footer(f, &info, lastView)
	}
	v.state.Bytes = base + info.Bytes
	return info.State == SegmentActive, err
}

func (v *verifier) damage(info *SegmentInfo, offset int64, p Position, reason string) error {
	return &CorruptionError{Segment: info.Name, Offset: offset, Position: p, Reason: reason, Remedy: remedyCorrupt}
}

func (v *verifier) header(f vfs.File, info *SegmentInfo) error {
	b := make([]byte, segmentHeaderSize)
	n, err := readAtMost(f, b, 0)
	if err != nil {
		return ioError("reading segment "+info.Name, err)
	}
	h, err := decodeSegmentHeader(b[:n])
	switch {
	case err != nil:
		return v.damage(info, 0, info.First, err.Error())
	case h.first != info.First || h.first != v.check.last+1:
		return v.damage(info, 0, info.First, fmt.Sprintf("its header says first position %d where %d belongs", h.first, v.check.last+1))
	case h.prevHash != v.check.hash:
		return v.damage(info, 0, info.First, "the hash chain is broken between this segment and the one before")
	case !isZero(b[88:]):
		return v.damage(info, 88, info.First, "reserved bytes of the header are not zero")
	}
	return nil
}

// step is called for every record.
func (v *verifier) step(bytes int64) error {
	v.state.Bytes += bytes
	if v.state.Bytes-v.told > 16<<20 {
		v.tell()
	}
	return v.ctx.Err()
}

func (v *verifier) records(f vfs.File, info *SegmentInfo, last Position) error {
	sc := newScanner(f, segmentHeaderSize, info.RawBytes, false)
	var stopped error
	err := scanRaw(info.Name, sc, &v.check, last, func(Event) bool {
		stopped = v.step(sc.header.size())
		return stopped == nil
	})
	if err = errors.Join(err, stopped); err != nil {
		return err
	}
	if info.State == SegmentSealed && sc.offset != info.RawBytes {
		return v.damage(info, sc.offset, v.check.last, "the records end before the offset in the footer")
	}
	return nil
}

// zeros checks what is between the records and the footer of a sealed segment.
func (v *verifier) zeros(f vfs.File, info *SegmentInfo) error {
	end, err := lastNonZero(f, info.RawBytes, info.Bytes-segmentFooterSize)
	if err != nil {
		return ioError("reading segment "+info.Name, err)
	}
	if end > info.RawBytes {
		return v.damage(info, end-1, info.Last, "a byte behind the last record is not zero")
	}
	return nil
}

func (v *verifier) footer(f vfs.File, info *SegmentInfo, lastView uint64) error {
	b := make([]byte, segmentFooterSize)
	at := info.Bytes - segmentFooterSize
	n, err := readAtMost(f, b, at)
	if err != nil {
		return ioError("reading segment "+info.Name, err)
	}
	footer, ok := decodeSegmentFooter(b[:n])
	want := segmentFooter{first: info.First, last: v.check.last, lastHash: v.check.hash, lastView: lastView, end: info.RawBytes}
	if !ok || footer != want || !isZero(b[80:]) {
		return v.damage(info, at, info.Last, "the segment's footer is damaged or does not agree with the records")
	}
	return nil
}

func (v *verifier) blocks(f vfs.File, info *SegmentInfo) error {
	raw := int64(segmentHeaderSize)
	err := walkBlocks(info.Name, f, info.First, info.Bytes, func(offset int64, h *blockHeader, frame []byte) error {
		if h.first != v.check.last+1 || h.rawOffset != raw {
			return v.damage(info, offset, v.check.last+1, "a compressed block is not the one that belongs here")
		}
		b, err := v.log.codec.decodeBlock(info.Name, offset, h, frame)
		if err != nil {
			return err
		}
		last := h.first + Position(h.records) - 1
		err = scanRaw(info.Name, newScanner(bytesAt(b), 0, int64(len(b)), false), &v.check, last, func(Event) bool { return true })
		var c *CorruptionError
		if errors.As(err, &c) {
			c.Offset = offset
		}
		if err != nil {
			return err
		}
		raw += int64(len(b))
		return v.step(blockHeaderSize + int64(len(frame)))
	})
	if err == nil && raw != info.RawBytes {
		err = v.damage(info, info.Bytes-segmentFooterSize, v.check.last, "the blocks end before the offset in the footer")
	}
	return err
}
