package log

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/klauspost/compress/zstd"
)

// Compression replaces a sealed segment whose events are all committed by a file of zstd frames (see format.go). Committed events are
// never truncated, so a compressed segment is never written again. Every frame is decoded and compared before it counts: the file that is
// removed afterwards was the only copy.

// codec holds zstd's state, made when first needed. It belongs to one Log.
type codec struct {
	once sync.Once
	enc  *zstd.Encoder
	dec  *zstd.Decoder
	err  error
}

func (c *codec) init() error {
	c.once.Do(func() {
		var err error
		c.enc, c.err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
			zstd.WithEncoderCRC(false), zstd.WithWindowSize(blockRawBytes))
		c.dec, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxMemory(2*blockRawBytesMax), zstd.IgnoreChecksum(true))
		c.err = errors.Join(c.err, err)
	})
	return c.err
}

func (c *codec) encode(raw []byte) ([]byte, error) {
	if err := c.init(); err != nil {
		return nil, err
	}
	return c.enc.EncodeAll(raw, nil), nil
}

func (c *codec) decode(h *blockHeader, frame []byte) ([]byte, error) {
	if err := c.init(); err != nil {
		return nil, err
	}
	raw, err := c.dec.DecodeAll(frame, make([]byte, 0, h.raw))
	if err != nil {
		return nil, err
	}
	if len(raw) != int(h.raw) {
		return nil, fmt.Errorf("the frame holds %d bytes, not %d", len(raw), h.raw)
	}
	return raw, nil
}

func (c *codec) close() {
	c.once.Do(func() {})
	if c.dec != nil {
		c.dec.Close()
	}
}

// bytesAt reads from memory as from a file.
func bytesAt(b []byte) io.ReaderAt { return bytes.NewReader(b) }

// compressSealed compresses the oldest segment that may be; it reports whether there was one.
func (l *Log) compressSealed() (bool, error) {
	if l.opts.Compression == CompressNone {
		return false, nil
	}
	l.mu.RLock()
	var seg *segment
	committed := min(Position(l.committed.Load()), l.Durable())
	for _, s := range l.mu.segments[:max(0, len(l.mu.segments)-1-l.opts.KeepRaw)] {
		if s.state == SegmentSealed && s.last <= committed && s.file == nil {
			seg = s
			break
		}
	}
	if seg == nil {
		l.mu.RUnlock()
		return false, nil
	}
	snap := seg.info()
	l.mu.RUnlock()
	name := segmentName(snap.First, true)
	size, anchors, views, err := l.writeCompressed(&snap, name+tempSuffix)
	if err != nil {
		l.fs.Remove(l.fs.PathJoin(l.dir, name+tempSuffix))
		return false, err
	}
	if err := l.fs.Rename(l.fs.PathJoin(l.dir, name+tempSuffix), l.fs.PathJoin(l.dir, name)); err != nil {
		return false, ioError("renaming "+name, err)
	}
	if err := syncDir(l.fs, l.dir); err != nil {
		return false, ioError("syncing log/", err)
	}
	l.mu.Lock()
	seg.name, seg.state, seg.fileBytes = name, SegmentCompressed, size
	seg.anchors, seg.views = anchors, views
	l.noteIndexed(seg)
	busy := seg.readers.Load() > 0
	info := seg.info()
	l.mu.Unlock()
	if h := l.opts.Hooks.SegmentCompressed; h != nil {
		h(info)
	}
	return true, l.discard(snap.Name, busy)
}

// discard recycles the file of a segment that is not needed any more, or removes it when somebody still reads it or a spare exists.
func (l *Log) discard(name string, busy bool) error {
	path := l.fs.PathJoin(l.dir, name)
	if busy || l.hasSpare() {
		if err := l.fs.Remove(path); err != nil {
			return ioError("removing segment "+name, err)
		}
		return nil
	}
	return l.recycle(path)
}

func (l *Log) writeCompressed(snap *SegmentInfo, temp string) (size int64, anchors []anchor, views []viewRun, err error) {
	src, err := l.fs.Open(l.fs.PathJoin(l.dir, snap.Name))
	if err != nil {
		return 0, nil, nil, ioError("opening segment "+snap.Name, err)
	}
	defer src.Close()
	dst, err := l.fs.Create(l.fs.PathJoin(l.dir, temp), diskCategory)
	if err != nil {
		return 0, nil, nil, ioError("creating "+temp, err)
	}
	defer dst.Close()
	head := make([]byte, segmentHeaderSize)
	n, err := readAtMost(src, head, 0)
	if err != nil {
		return 0, nil, nil, ioError("reading segment "+snap.Name, err)
	}
	h, err := decodeSegmentHeader(head[:n])
	if err != nil {
		return 0, nil, nil, &CorruptionError{Segment: snap.Name, Position: snap.First, Reason: err.Error(), Remedy: remedyCorrupt}
	}
	h.compressed = true
	b := &blockWriter{codec: &l.codec, dst: dst, size: segmentHeaderSize, segment: newSegment(snap.Name, &h)}
	if _, err := dst.Write(h.encode()); err != nil {
		return 0, nil, nil, ioError("writing "+temp, err)
	}
	sc := newScanner(src, segmentHeaderSize, snap.RawBytes, false)
	check := chainCheck{last: h.first - 1, view: h.prevView, hash: h.prevHash, known: true}
	var writeErr error
	err = scanRaw(snap.Name, sc, &check, snap.Last, func(ev Event) bool {
		size := sc.header.size()
		at := sc.offset - size
		record := sc.buf[at-sc.bufOff : at-sc.bufOff+size]
		writeErr = b.add(&sc.header, at, record)
		return writeErr == nil
	})
	if err = errors.Join(err, writeErr); err != nil {
		return 0, nil, nil, err
	}
	if err := b.flush(); err != nil {
		return 0, nil, nil, ioError("writing "+temp, err)
	}
	footer := segmentFooter{first: h.first, last: check.last, lastHash: check.hash, lastView: check.view, end: sc.offset}
	if footer.last != snap.Last || footer.lastHash != snap.LastHash || footer.end != snap.RawBytes {
		return 0, nil, nil, &CorruptionError{Segment: snap.Name, Offset: footer.end, Position: footer.last,
			Reason: "the segment does not end as its footer says", Remedy: remedyCorrupt}
	}
	if _, err := dst.Write(footer.encode()); err != nil {
		return 0, nil, nil, ioError("writing "+temp, err)
	}
	if err := dst.Sync(); err != nil {
		return 0, nil, nil, ioError("syncing "+temp, err)
	}
	return b.size + segmentFooterSize, b.segment.anchors, b.segment.views, nil
}

// blockWriter gathers records into frames.
type blockWriter struct {
	codec   *codec
	dst     vfs.File
	size    int64 // bytes written
	segment *segment
	raw     []byte
	head    blockHeader
	out     []byte
}

func (b *blockWriter) add(h *recordHeader, offset int64, record []byte) error {
	if len(b.raw) > 0 && len(b.raw)+len(record) > blockRawBytes {
		if err := b.flush(); err != nil {
			return err
		}
	}
	if len(b.raw) == 0 {
		b.head = blockHeader{first: h.position, rawOffset: offset}
	}
	b.raw = append(b.raw, record...)
	b.head.records++
	b.segment.noteView(h.position, h.view)
	return nil
}

func (b *blockWriter) flush() error {
	if len(b.raw) == 0 {
		return nil
	}
	frame, err := b.codec.encode(b.raw)
	if err != nil {
		return err
	}
	b.head.raw = uint32(len(b.raw))
	b.head.frame = uint32(len(frame))
	back, err := b.codec.decode(&b.head, frame)
	if err != nil || !bytes.Equal(back, b.raw) {
		return fmt.Errorf("log: a zstd frame does not decode to what was put in: %w", err)
	}
	b.out = appendBlock(b.out[:0], &b.head, frame)
	b.segment.anchors = append(b.segment.anchors, anchor{b.head.first, b.size})
	n := len(b.out)
	if _, err := b.dst.Write(b.out); err != nil {
		return err
	}
	b.size += int64(n)
	b.raw = b.raw[:0]
	return nil
}

func (c *codec) decodeBlock(name string, offset int64, h *blockHeader, frame []byte) ([]byte, error) {
	raw, err := c.decode(h, frame)
	if err != nil {
		return nil, &CorruptionError{Segment: name, Offset: offset, Position: h.first, Reason: "a compressed block does not decode", Remedy: remedyCorrupt, Cause: err}
	}
	return raw, nil
}

// readBlock reads the block at an offset and checks its checksum.
func readBlock(name string, src io.ReaderAt, offset, limit int64, expect Position) (h blockHeader, frame []byte, err error) {
	corrupt := func(reason string) error {
		return &CorruptionError{Segment: name, Offset: offset, Position: expect, Reason: reason, Remedy: remedyCorrupt}
	}
	var head [blockHeaderSize]byte
	n, err := readAtMost(src, head[:min(blockHeaderSize, max(limit-offset, 0))], offset)
	if err != nil {
		return h, nil, ioError("reading segment "+name, err)
	}
	h, ok := decodeBlockHeader(head[:n])
	if !ok || offset+blockHeaderSize+int64(h.frame) > limit {
		return h, nil, corrupt("a compressed block's header is damaged")
	}
	b := make([]byte, blockHeaderSize+int(h.frame))
	if n, err = readAtMost(src, b, offset); err != nil {
		return h, nil, ioError("reading segment "+name, err)
	}
	if n < len(b) || crcOf(b[4:]) != h.crc {
		return h, nil, corrupt("a compressed block's checksum does not match")
	}
	return h, b[blockHeaderSize:], nil
}

// walkBlocks visits the blocks of a compressed segment of the given first position and file size.
func walkBlocks(name string, src io.ReaderAt, next Position, fileBytes int64, visit func(offset int64, h *blockHeader, frame []byte) error) error {
	limit := fileBytes - segmentFooterSize
	for offset := int64(segmentHeaderSize); offset < limit; {
		h, frame, err := readBlock(name, src, offset, limit, next)
		if err != nil {
			return err
		}
		if err := visit(offset, &h, frame); err != nil {
			return err
		}
		offset += blockHeaderSize + int64(h.frame)
		next = h.first + Position(h.records)
	}
	return nil
}

// scanBlocks visits events from the reader's first block on.
func (r *segmentReader) scanBlocks(check *chainCheck, visit func(Event) bool) error {
	limit := r.snap.fileBytes - segmentFooterSize
	for _, a := range r.snap.blocks {
		h, frame, err := readBlock(r.snap.name, r.file, a.offset, limit, a.position)
		if err != nil {
			return err
		}
		raw, err := r.codec.decodeBlock(r.snap.name, a.offset, &h, frame)
		if err != nil {
			return err
		}
		stop := false
		err = scanRaw(r.snap.name, newScanner(bytesAt(raw), 0, int64(len(raw)), true), check, h.first+Position(h.records)-1, func(ev Event) bool {
			stop = !visit(ev)
			return !stop
		})
		if err != nil || stop {
			return err
		}
	}
	return nil
}
