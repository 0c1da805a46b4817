package log

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
)

// On-disk formats, version 1. Integers are little-endian, CRCs are CRC-32C (Castagnoli). Everything here is frozen:
// testdata/format-v1 holds bytes that must decode for ever.
//
// Segment file NNNNNNNNNNNNNNNNNNNN.log, named by its first position in 20 decimal digits:
//
//	+----------------+---------------------------+--------------------+----------------+
//	| header 128     | records, each padded to 8 | zeros              | footer 128     |
//	+----------------+---------------------------+--------------------+----------------+
//	                                                                    ^ file size - 128, only once sealed
//
// Segment header:
//
//	 0  8  magic "KMBLOG\x00\x01"
//	 8  4  CRC of bytes 12..128
//	12  4  format version (1)
//	16 16  cluster id
//	32  8  first position
//	40 32  chain hash before the first position
//	72  8  view of the event before the first position (0 at the beginning of the log)
//	80  8  created, unix nanoseconds (for retention by age only)
//	88 40  zero
//
// Segment footer, written when everything before it is durable:
//
//	 0  8  magic "KMBSEAL\x01"
//	 8  4  CRC of bytes 12..128
//	12  4  zero
//	16  8  first position
//	24  8  last position
//	32 32  chain hash at the last position
//	64  8  view of the last event
//	72  8  offset after the last record's padding
//	80 48  zero
//
// Record:
//
//	 0  4  CRC of bytes 4..80
//	 4  4  CRC of payload and padding
//	 8  4  payload length n
//	12  4  unsynced: position minus the highest position known durable when this was written, at least 1; saturates
//	16  8  position
//	24  8  view
//	32  8  proposal id
//	40  1  kind
//	41  1  flags (0)
//	42  6  zero
//	48 32  chain hash
//	80  n  payload
//	80+n   zeros up to a multiple of 8
//
// A record is valid if and only if both CRCs hold, unsynced >= 1, reserved bytes are zero, its position follows its predecessor's, its
// view is not below its predecessor's, and its chain hash is SHA-256(previous chain hash, position as 8 bytes, view as 8 bytes,
// kind as 1 byte, payload). Framing (unsynced, proposal id, flags) is outside the chain, so that all replicas agree on it.
// The chain starts from SHA-256("kimberlite event log 1\n" + cluster id).
//
// Compressed segment NNNNNNNNNNNNNNNNNNNN.zlog: a sealed segment's records without the zeros:
//
//	+----------------+-----------+-----------+-----+--------------+
//	| header 128     | block     | block     | ... | footer 128   |
//	+----------------+-----------+-----------+-----+--------------+
//
// Its header is the segment's own, except for the magic "KMBZLOG\x01"; its footer is the segment's own. Block:
//
//	 0  4  CRC of bytes 4..32 and of the frame
//	 4  4  frame length
//	 8  4  raw length
//	12  4  number of records
//	16  8  position of the first record
//	24  8  offset that the first record had in the uncompressed segment
//	32     zstd frame of whole records
const (
	formatVersion = 1

	segmentHeaderSize = 128
	segmentFooterSize = 128
	recordHeaderSize  = 80
	recordAlign       = 8
	blockHeaderSize   = 32

	segmentSuffix    = ".log"
	compressedSuffix = ".zlog"
	spareSuffix      = ".spare"
	tempSuffix       = ".tmp"
)

var (
	segmentMagic    = [8]byte{'K', 'M', 'B', 'L', 'O', 'G', 0, 1}
	compressedMagic = [8]byte{'K', 'M', 'B', 'Z', 'L', 'O', 'G', 1}
	footerMagic     = [8]byte{'K', 'M', 'B', 'S', 'E', 'A', 'L', 1}

	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	le         = binary.LittleEndian
)

func crcOf(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// segmentHeader is the decoded first 128 bytes of a segment.
type segmentHeader struct {
	compressed bool
	clusterID  [16]byte
	first      Position
	prevHash   Hash
	prevView   uint64
	created    int64
}

func (h *segmentHeader) encode() []byte {
	b := make([]byte, segmentHeaderSize)
	magic := segmentMagic
	if h.compressed {
		magic = compressedMagic
	}
	copy(b, magic[:])
	le.PutUint32(b[12:], formatVersion)
	copy(b[16:], h.clusterID[:])
	le.PutUint64(b[32:], uint64(h.first))
	copy(b[40:], h.prevHash[:])
	le.PutUint64(b[72:], h.prevView)
	le.PutUint64(b[80:], uint64(h.created))
	le.PutUint32(b[8:], crcOf(b[12:]))
	return b
}

// decodeSegmentHeader returns a reason when b is no header of this format; ErrNewerFormat is wrapped for a later one.
func decodeSegmentHeader(b []byte) (h segmentHeader, err error) {
	if len(b) < segmentHeaderSize {
		return h, fmt.Errorf("the file is shorter than a segment header")
	}
	b = b[:segmentHeaderSize]
	switch {
	case bytes.Equal(b[:8], segmentMagic[:]):
	case bytes.Equal(b[:8], compressedMagic[:]):
		h.compressed = true
	default:
		return h, fmt.Errorf("the segment header's magic is wrong")
	}
	if le.Uint32(b[8:]) != crcOf(b[12:]) {
		return h, fmt.Errorf("the segment header's checksum does not match")
	}
	if v := le.Uint32(b[12:]); v != formatVersion {
		if v > formatVersion {
			return h, fmt.Errorf("%w: segment format %d, this release knows %d", ErrNewerFormat, v, formatVersion)
		}
		return h, fmt.Errorf("segment format %d is not known", v)
	}
	copy(h.clusterID[:], b[16:])
	h.first = Position(le.Uint64(b[32:]))
	copy(h.prevHash[:], b[40:])
	h.prevView = le.Uint64(b[72:])
	h.created = int64(le.Uint64(b[80:]))
	if h.first == 0 {
		return h, fmt.Errorf("the segment header's first position is 0")
	}
	return h, nil
}

// segmentFooter is the decoded last 128 bytes of a sealed segment.
type segmentFooter struct {
	first, last Position
	lastHash    Hash
	lastView    uint64
	end         int64
}

func (f *segmentFooter) encode() []byte {
	b := make([]byte, segmentFooterSize)
	copy(b, footerMagic[:])
	le.PutUint64(b[16:], uint64(f.first))
	le.PutUint64(b[24:], uint64(f.last))
	copy(b[32:], f.lastHash[:])
	le.PutUint64(b[64:], f.lastView)
	le.PutUint64(b[72:], uint64(f.end))
	le.PutUint32(b[8:], crcOf(b[12:]))
	return b
}

func decodeSegmentFooter(b []byte) (f segmentFooter, ok bool) {
	if len(b) != segmentFooterSize || !bytes.Equal(b[:8], footerMagic[:]) || le.Uint32(b[8:]) != crcOf(b[12:]) {
		return f, false
	}
	f.first = Position(le.Uint64(b[16:]))
	f.last = Position(le.Uint64(b[24:]))
	copy(f.lastHash[:], b[32:])
	f.lastView = le.Uint64(b[64:])
	f.end = int64(le.Uint64(b[72:]))
	return f, f.end >= segmentHeaderSize && f.last+1 >= f.first
}

// recordSize is what a payload of n bytes takes in a segment.
func recordSize(n int) int64 {
	return (int64(n) + recordHeaderSize + recordAlign - 1) &^ (recordAlign - 1)
}

// recordHeader is the decoded first 80 bytes of a record.
type recordHeader struct {
	payloadCRC uint32
	length     uint32
	unsynced   uint32
	position   Position
	view       uint64
	proposal   uint64
	kind       Kind
	hash       Hash
}

// appendRecord encodes one record behind dst. The caller has computed the hash and checked the length.
func appendRecord(dst []byte, h *recordHeader, payload []byte) []byte {
	start := len(dst)
	size := int(recordSize(len(payload)))
	if cap(dst)-start < size {
		grown := make([]byte, start, max(2*cap(dst), start+size))
		copy(grown, dst)
		dst = grown
	}
	dst = dst[:start+size]
	b := dst[start:]
	copy(b[recordHeaderSize:], payload)
	clear(b[recordHeaderSize+len(payload):])
	le.PutUint32(b[4:], crcOf(b[recordHeaderSize:]))
	le.PutUint32(b[8:], uint32(len(payload)))
	le.PutUint32(b[12:], h.unsynced)
	le.PutUint64(b[16:], uint64(h.position))
	le.PutUint64(b[24:], h.view)
	le.PutUint64(b[32:], h.proposal)
	le.PutUint64(b[40:], uint64(h.kind)) // kind, flags and reserved bytes
	copy(b[48:], h.hash[:])
	le.PutUint32(b, crcOf(b[4:recordHeaderSize]))
	return dst
}

// decodeRecordHeader reports false when b does not start with a header whose checksum and reserved bytes are right.
func decodeRecordHeader(b []byte, h *recordHeader) bool {
	if len(b) < recordHeaderSize || le.Uint32(b) != crcOf(b[4:recordHeaderSize]) {
		return false
	}
	h.payloadCRC = le.Uint32(b[4:])
	h.length = le.Uint32(b[8:])
	h.unsynced = le.Uint32(b[12:])
	h.position = Position(le.Uint64(b[16:]))
	h.view = le.Uint64(b[24:])
	h.proposal = le.Uint64(b[32:])
	h.kind = Kind(b[40])
	copy(h.hash[:], b[48:])
	// Flags and reserved bytes are zero in this version: a release that gives them meaning raises the format version.
	return le.Uint64(b[40:])>>8 == 0 && h.unsynced >= 1 && h.length <= payloadBytesMax && h.position >= 1
}

// durable is the position that was known to be durable when the record was written.
func (h *recordHeader) durable() Position {
	if Position(h.unsynced) >= h.position {
		return 0
	}
	return h.position - Position(h.unsynced)
}

func (h *recordHeader) size() int64 { return recordSize(int(h.length)) }

// blockHeader is the decoded head of a compressed block.
type blockHeader struct {
	crc       uint32
	frame     uint32
	raw       uint32
	records   uint32
	first     Position
	rawOffset int64
}

// appendBlock encodes a block; its CRC covers header and frame.
func appendBlock(dst []byte, h *blockHeader, frame []byte) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, blockHeaderSize)...)
	dst = append(dst, frame...)
	b := dst[start:]
	le.PutUint32(b[4:], uint32(len(frame)))
	le.PutUint32(b[8:], h.raw)
	le.PutUint32(b[12:], h.records)
	le.PutUint64(b[16:], uint64(h.first))
	le.PutUint64(b[24:], uint64(h.rawOffset))
	le.PutUint32(b, crcOf(b[4:]))
	return dst
}

func decodeBlockHeader(b []byte) (h blockHeader, ok bool) {
	if len(b) < blockHeaderSize {
		return h, false
	}
	h.crc = le.Uint32(b)
	h.frame = le.Uint32(b[4:])
	h.raw = le.Uint32(b[8:])
	h.records = le.Uint32(b[12:])
	h.first = Position(le.Uint64(b[16:]))
	h.rawOffset = int64(le.Uint64(b[24:]))
	ok = h.raw >= recordHeaderSize && int64(h.raw) <= blockRawBytesMax && h.frame > 0 && int64(h.frame) <= blockRawBytesMax && h.records > 0
	return h, ok
}

func segmentName(first Position, compressed bool) string {
	suffix := segmentSuffix
	if compressed {
		suffix = compressedSuffix
	}
	return fmt.Sprintf("%020d%s", uint64(first), suffix)
}

// parseSegmentName tells first position and form of a segment by its file name.
func parseSegmentName(name string) (first Position, compressed, ok bool) {
	base, found := strings.CutSuffix(name, compressedSuffix)
	if found {
		compressed = true
	} else if base, found = strings.CutSuffix(name, segmentSuffix); !found {
		return 0, false, false
	}
	if len(base) != 20 {
		return 0, false, false
	}
	n, err := strconv.ParseUint(base, 10, 64)
	return Position(n), compressed, err == nil && n > 0
}

// isZero reports whether b holds only zeros.
func isZero(b []byte) bool {
	for len(b) >= 8 {
		if le.Uint64(b) != 0 {
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
