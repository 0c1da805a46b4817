package log

import (
	"errors"
	"sort"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Record is one record with its framing, as Inspect meets it, or a place where there should have been one.
type Record struct {
	Segment string
	Offset  int64 // in the file; for a compressed segment, in the uncompressed one
	Bytes   int64 // with header and padding
	Event   Event
	Durable Position // known durable when this record was written
	Damage  error    // *CorruptionError; Event is empty then
}

// Inspect walks the records from a position on, reading the files as they are and writing nothing, until visit returns false. It needs no
// lock and goes on behind damage where it can, so that an operator can look at a log that does not open.
func Inspect(fs vfs.FS, dir string, from Position, visit func(Record) bool) error {
	logDir := fs.PathJoin(dir, segmentDir)
	names, err := fs.List(logDir)
	if err != nil {
		return ioError("listing "+logDir, err)
	}
	sort.Strings(names)
	var files []string
	for i, name := range names {
		if _, _, ok := parseSegmentName(name); !ok {
			continue
		}
		// Skip a segment that ends before `from`: the next one does not begin after it.
		if i+1 < len(names) {
			if next, _, ok := parseSegmentName(names[i+1]); ok && next <= from {
				continue
			}
		}
		files = append(files, name)
	}
	for _, name := range files {
		more, err := inspectFile(fs, fs.PathJoin(logDir, name), name, from, visit)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

func inspectFile(fs vfs.FS, path, name string, from Position, visit func(Record) bool) (more bool, err error) {
	f, err := fs.Open(path)
	if err != nil {
		return false, ioError("opening segment "+name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false, ioError("reading segment "+name, err)
	}
	first, compressed, _ := parseSegmentName(name)
	b := make([]byte, segmentHeaderSize)
	n, err := readAtMost(f, b, 0)
	if err != nil {
		return false, ioError("reading segment "+name, err)
	}
	h, err := decodeSegmentHeader(b[:n])
	if err != nil {
		h = segmentHeader{compressed: compressed, first: first}
		damage := &CorruptionError{Segment: name, Position: first, Reason: err.Error()}
		if !visit(Record{Segment: name, Damage: damage}) {
			return false, nil
		}
	}
	i := inspector{name: name, from: from, visit: visit, check: chainCheck{last: first - 1, view: h.prevView, hash: h.prevHash, known: err == nil}}
	if !compressed {
		limit := info.Size()
		if hasFooter(f, limit) {
			limit -= segmentFooterSize
		}
		return i.records(newScanner(f, segmentHeaderSize, limit, false), 0)
	}
	var zstd codec
	defer zstd.close()
	more = true
	err = walkBlocks(name, f, first, info.Size(), func(offset int64, h *blockHeader, frame []byte) error {
		raw, err := zstd.decodeBlock(name, offset, h, frame)
		if err == nil {
			more, err = i.records(newScanner(bytesAt(raw), 0, int64(len(raw)), false), h.rawOffset)
		}
		if err == nil && !more {
			err = errStop
		}
		return err
	})
	if err != nil && err != errStop {
		more = visit(Record{Segment: name, Damage: err})
	}
	return more, nil
}

var errStop = errors.New("log: stop")

type inspector struct {
	name  string
	from  Position
	visit func(Record) bool
	check chainCheck
}

// records visits what the scanner finds; base is the offset of its source in the uncompressed segment.
func (i *inspector) records(sc *scanner, base int64) (more bool, err error) {
	for {
		at := sc.offset
		status, payload, err := sc.next()
		if err != nil {
			return false, ioError("reading segment "+i.name, err)
		}
		if status == scanZero {
			return true, nil
		}
		if status != scanRecord {
			damage := &CorruptionError{Segment: i.name, Offset: base + at, Position: i.check.last + 1, Reason: status.reason()}
			if !i.visit(Record{Segment: i.name, Offset: base + at, Damage: damage}) {
				return false, nil
			}
			if !i.resync(sc) {
				return true, nil
			}
			continue
		}
		if reason := i.check.step(&sc.header, payload); reason != "" {
			damage := &CorruptionError{Segment: i.name, Offset: base + at, Position: i.check.last + 1, Reason: reason}
			i.check = chainCheck{last: sc.header.position, view: sc.header.view, hash: sc.header.hash, known: true, chain: i.check.chain}
			if !i.visit(Record{Segment: i.name, Offset: base + at, Damage: damage}) {
				return false, nil
			}
		}
		if sc.header.position < i.from {
			continue
		}
		ev := sc.event(append([]byte(nil), payload...))
		r := Record{Segment: i.name, Offset: base + at, Bytes: sc.header.size(), Event: ev, Durable: sc.header.durable()}
		if !i.visit(r) {
			return false, nil
		}
	}
}

func hasFooter(f vfs.File, size int64) bool {
	b := make([]byte, segmentFooterSize)
	n, err := readAtMost(f, b, max(0, size-segmentFooterSize))
	_, ok := decodeSegmentFooter(b[:n])
	return ok && err == nil
}

// resync looks for the next whole record behind damage.
func (i *inspector) resync(sc *scanner) bool {
	for at := sc.offset + recordAlign; at < sc.limit; at += recordAlign {
		sc.offset = at
		head, err := sc.window(min(recordHeaderSize, sc.limit-at))
		if err != nil || len(head) < recordHeaderSize {
			return false
		}
		var h recordHeader
		if !decodeRecordHeader(head, &h) || h.position <= i.check.last {
			continue
		}
		i.check = chainCheck{last: h.position - 1, chain: i.check.chain}
		return true
	}
	return false
}
