package log

import (
	"errors"
	"fmt"
	"io"
)

// Recovery of the log's tail. The last segment is read from its beginning; where the run of valid records ends, exactly one
// row of this table answers. "Sector share" is the part of the damaged header or record that lies in one 512-byte sector:
// a tear leaves whole sectors as they were before the write, which is zero, because the log only ever writes over zeros.
// Bytes behind the end of the file count as zero: a crash may undo its extension. A "witness" is a reason to know that the damaged position had been durable: a whole record further on that says so in its
// `unsynced` field, the acknowledged or committed position in meta/, or a valid footer (written after everything was synced).
//
//	row  where the valid records end                                        witness  answer
//	T1   zeros up to the end of the file                                    no       the log ends here
//	T2   a zero header, other bytes further on                              no       torn: cut
//	T3   a valid header, bad payload with a zero sector share               no       torn: cut
//	T4   a valid header, bad payload without a zero sector share            -        corrupt: no tear does this
//	T5   a bad header with a zero sector share                              no       torn: cut
//	T6   a bad header without a zero sector share                           -        corrupt: no tear does this
//	T7   as T1, T2, T3 or T5                                                yes      corrupt: it had been durable
//	T8   a valid record with the wrong position, view, hash or length       -        corrupt
//	T9   the footer is valid and agrees with the records                    -        sealed: start a new segment
//	T10  meta/ says that a truncation was under way; its position reached   -        finish it: cut
//	T11  the log ends, cut or not, before the acknowledged position         -        refuse: ErrLogShorter
//
// T7 for zeros (as T1) needs a record or the footer as witness; with meta/ alone it is T11, since whole records are missing
// and nothing there is damaged.

// tail is the outcome of scanning the last segment.
type tail struct {
	row    string
	cut    bool // bytes from end on must be zeroed
	sealed bool // T9
	reason string
	junk   int64 // bytes from end to the last non-zero byte
}

// tailInput is what recoverTail looks at besides the file.
type tailInput struct {
	src       io.ReaderAt
	fileBytes int64
	footer    *segmentFooter // when valid
	stopAfter Position       // T10: the position to keep; only when truncating
	stop      bool
	witness   Position // meta/: everything up to here had been durable
}

// recoverTail reads the records of seg, which is filled in as far as they are valid, and answers by the table above.
// A *CorruptionError is returned for the rows that refuse; other errors are I/O errors.
func recoverTail(seg *segment, in tailInput) (tail, error) {
	limit := in.fileBytes
	if in.footer != nil {
		limit -= segmentFooterSize
	}
	sc := newScanner(in.src, segmentHeaderSize, limit, false)
	check := chainCheck{last: seg.last, view: seg.lastView, hash: seg.lastHash, known: true}
	corrupt := func(row, reason string) error {
		return &CorruptionError{Segment: seg.name, Offset: sc.offset, Position: seg.last + 1, Case: row, Reason: reason, Remedy: remedyCorrupt}
	}
	for {
		if in.stop && seg.last >= in.stopAfter {
			junk, err := lastNonZero(in.src, seg.end, in.fileBytes)
			return tail{row: "T10", cut: true, reason: "an interrupted truncation was finished", junk: junk - seg.end}, err
		}
		status, payload, err := sc.next()
		if err != nil {
			return tail{}, ioError("reading segment "+seg.name, err)
		}
		if status == scanRecord {
			if reason := check.step(&sc.header, payload); reason != "" {
				sc.offset = seg.end
				return tail{}, corrupt("T8", reason)
			}
			seg.grew(sc.header.position, sc.header.view, &sc.header.hash, sc.header.size())
			continue
		}
		if in.footer != nil && in.footer.end == seg.end && in.footer.last == seg.last {
			if in.footer.lastHash != seg.lastHash {
				return tail{}, corrupt("T8", "the footer's chain hash differs from the last record's")
			}
			return tail{row: "T9", sealed: true}, nil
		}
		if status == scanOverrun && in.footer == nil {
			status = scanBadPayload // the file was being extended; what is behind its end was never written
		}
		if status == scanOverrun {
			return tail{}, corrupt("T8", status.reason())
		}
		junkEnd, err := lastNonZero(in.src, seg.end, limit)
		if err != nil {
			return tail{}, ioError("reading segment "+seg.name, err)
		}
		t, torn := judgeTear(in.src, status, &sc.header, seg.end, junkEnd)
		if errors.Is(torn, errNotTorn) {
			return tail{}, corrupt(t.row, t.reason)
		} else if torn != nil {
			return tail{}, ioError("reading segment "+seg.name, torn)
		}
		witness, err := durableWitness(in.src, seg.end, junkEnd, limit, seg.last)
		if err != nil {
			return tail{}, ioError("reading segment "+seg.name, err)
		}
		switch {
		case in.footer != nil:
			return tail{}, corrupt("T7", t.reason+"; the segment's footer says that it reaches position "+in.footer.last.String())
		case witness > seg.last:
			return tail{}, corrupt("T7", t.reason+"; a later record says that it had been durable")
		case t.row != "T1" && in.witness > seg.last:
			return tail{}, corrupt("T7", t.reason+"; meta/ says that position "+in.witness.String()+" had been acknowledged")
		}
		return t, nil
	}
}

var errNotTorn = errors.New("no tear looks like this")

// judgeTear answers T1 to T6. errNotTorn means that the row refuses.
func judgeTear(src io.ReaderAt, status scanStatus, h *recordHeader, end, junkEnd int64) (tail, error) {
	t := tail{cut: true, junk: junkEnd - end}
	switch status {
	case scanZero:
		if junkEnd <= end {
			return tail{row: "T1", reason: "the log ends"}, nil
		}
		t.row, t.reason = "T2", "a record's beginning is missing"
		return t, nil
	case scanBadPayload:
		zero, err := hasZeroShare(src, end+recordHeaderSize, end+h.size())
		if err != nil || zero {
			t.row, t.reason = "T3", "a record's payload was only partly written"
			return t, err
		}
		return tail{row: "T4", reason: status.reason()}, errNotTorn
	default:
		zero, err := hasZeroShare(src, end, end+recordHeaderSize)
		if err != nil || zero {
			t.row, t.reason = "T5", "a record's header was only partly written"
			return t, err
		}
		return tail{row: "T6", reason: status.reason()}, errNotTorn
	}
}

// hasZeroShare tells whether some sector's share of [from, to) holds only zeros; bytes after the end of the file count as zeros.
func hasZeroShare(src io.ReaderAt, from, to int64) (bool, error) {
	var b [sectorBytes]byte
	for from < to {
		next := min(to, (from/sectorBytes+1)*sectorBytes)
		n, err := src.ReadAt(b[:next-from], from)
		if err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		if isZero(b[:n]) {
			return true, nil
		}
		from = next
	}
	return false, nil
}

// lastNonZero returns the offset after the last non-zero byte of [from, to), or from.
func lastNonZero(src io.ReaderAt, from, to int64) (int64, error) {
	last := from
	b := make([]byte, readChunkBytes)
	for at := from; at < to; {
		n, err := src.ReadAt(b[:min(int64(len(b)), to-at)], at)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if n == 0 {
			break
		}
		if !isZero(b[:n]) {
			for i := n - 1; i >= 0; i-- {
				if b[i] != 0 {
					last = at + int64(i) + 1
					break
				}
			}
		}
		at += int64(n)
	}
	return last, nil
}

// durableWitness looks for whole records behind the damage at end, and returns the highest position that one of them, newer than
// last, knew to be durable when it was written.
func durableWitness(src io.ReaderAt, end, junkEnd, limit int64, last Position) (Position, error) {
	var witness Position
	sc := newScanner(src, end, limit, false)
	for at := end + recordAlign; at < junkEnd; at += recordAlign {
		sc.offset = at
		head, err := sc.window(recordHeaderSize)
		if err != nil {
			return 0, err
		}
		var h recordHeader
		if !decodeRecordHeader(head, &h) || h.position <= last {
			continue
		}
		status, _, err := sc.next()
		if err != nil {
			return 0, err
		}
		if status != scanRecord {
			continue
		}
		witness = max(witness, h.durable())
		at = sc.offset - recordAlign
	}
	return witness, nil
}

// checkSealed compares what header, footer and neighbour say of a segment that has a successor.
func checkSealed(seg, next *segment) error {
	if seg.last+1 == next.first && seg.lastHash == next.prevHash && seg.lastView == next.prevView {
		return nil
	}
	reason := "the hash chain is broken between this segment and the one before"
	if seg.last+1 != next.first {
		reason = fmt.Sprintf("the segment before ends at position %d: events %d to %d are missing", seg.last, seg.last+1, next.first-1)
		if next.first <= seg.last {
			reason = fmt.Sprintf("the segment before ends at position %d, which overlaps", seg.last)
		}
	}
	return &CorruptionError{Segment: next.name, Offset: 0, Position: next.first, Case: "T8", Reason: reason, Remedy: remedyCorrupt}
}
