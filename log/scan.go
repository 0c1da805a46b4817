package log

import (
	"errors"
	"fmt"
	"io"
)

// scanStatus says what a scanner found at an offset.
type scanStatus uint8

const (
	scanRecord     scanStatus = iota // a record with both checksums right
	scanZero                         // no header: zeros, or the end of the file
	scanBadHeader                    // not zeros, but no valid header either
	scanBadPayload                   // a valid header whose payload does not match its checksum
	scanOverrun                      // a valid header whose payload would not fit the segment
)

// scanner reads records one after the other. It checks checksums, not order or chain: see chainCheck.
type scanner struct {
	src    io.ReaderAt
	limit  int64 // offset where records must end
	offset int64 // of the next record
	keep   bool  // payloads must stay valid after the next call

	buf    []byte
	bufOff int64
	header recordHeader
}

func newScanner(src io.ReaderAt, from, limit int64, keep bool) *scanner {
	return &scanner{src: src, offset: from, limit: limit, keep: keep, bufOff: from}
}

// window returns the n bytes at the scanner's offset, fewer at the end of the file. It reads ahead.
func (s *scanner) window(n int64) ([]byte, error) {
	if have := s.bufOff + int64(len(s.buf)) - s.offset; have >= n {
		at := s.offset - s.bufOff
		return s.buf[at : at+n], nil
	}
	want := max(n, min(readChunkBytes, s.limit-s.offset))
	rest := s.buf[min(int64(len(s.buf)), s.offset-s.bufOff):]
	if s.keep || int64(cap(s.buf)) < want {
		s.buf = append(make([]byte, 0, want), rest...)
	} else {
		s.buf = s.buf[:copy(s.buf[:cap(s.buf)], rest)]
	}
	s.bufOff = s.offset
	have := len(s.buf)
	got, err := s.src.ReadAt(s.buf[have:want], s.offset+int64(have))
	s.buf = s.buf[:have+got]
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return s.buf[:min(n, int64(len(s.buf)))], nil
}

// next reads the record at the offset. Only after scanRecord does the offset move.
func (s *scanner) next() (status scanStatus, payload []byte, err error) {
	room := s.limit - s.offset
	head, err := s.window(min(recordHeaderSize, max(room, 0)))
	if err != nil {
		return 0, nil, err
	}
	if isZero(head) {
		return scanZero, nil, nil
	}
	if !decodeRecordHeader(head, &s.header) {
		return scanBadHeader, nil, nil
	}
	size := s.header.size()
	if size > room {
		return scanOverrun, nil, nil
	}
	b, err := s.window(size)
	if err != nil {
		return 0, nil, err
	}
	if int64(len(b)) < size || crcOf(b[recordHeaderSize:]) != s.header.payloadCRC ||
		!isZero(b[recordHeaderSize+int(s.header.length):]) {
		return scanBadPayload, nil, nil
	}
	s.offset += size
	n := recordHeaderSize + int(s.header.length)
	return scanRecord, b[recordHeaderSize:n:n], nil
}

// event views the record just read as an event.
func (s *scanner) event(payload []byte) Event {
	h := &s.header
	return Event{Position: h.position, View: h.view, Kind: h.kind, Proposal: h.proposal, Payload: payload, Hash: h.hash}
}

// chainCheck follows positions, views and chain from one record to the next.
type chainCheck struct {
	last  Position
	view  uint64
	hash  Hash
	known bool // hash is the chain hash at last; otherwise the first record is taken on trust
	chain chain
}

// step returns why the record cannot follow, or "".
func (c *chainCheck) step(h *recordHeader, payload []byte) string {
	switch {
	case h.position != c.last+1:
		return fmt.Sprintf("the record says position %d where %d belongs", h.position, c.last+1)
	case h.view < c.view:
		return fmt.Sprintf("the record says view %d after view %d", h.view, c.view)
	case c.known && c.chain.next(&c.hash, h.position, h.view, h.kind, payload) != h.hash:
		return "the hash chain is broken: the record's hash does not follow from the event before and this record's content"
	}
	c.last, c.view, c.hash, c.known = h.position, h.view, h.hash, true
	return ""
}

func (st scanStatus) reason() string {
	switch st {
	case scanZero:
		return "zeros where a record belongs"
	case scanBadHeader:
		return "the record header's checksum does not match"
	case scanBadPayload:
		return "the payload's checksum does not match"
	case scanOverrun:
		return "the record's length exceeds the segment"
	default:
		return "no damage"
	}
}
