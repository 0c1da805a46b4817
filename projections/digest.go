package projections

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"slices"

	"kimberlite/sql/pgerr"
)

// DigestSize is the width of a Digest in bytes.
const DigestSize = 32

// Digest stands for a state: equal digests at equal positions prove equal states.
type Digest [DigestSize]byte

// String prints the digest in hexadecimal.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// tableDigest is a table's record in the digest space. Frozen: sum(32, four little-endian words, lowest first) rows(8) last row id(8).
//
// The sum is over the SHA-256 of (key, value) of every row, as 256-bit numbers modulo 2^256: the order of adding does not matter and a
// row that changes is subtracted and added again, so that keeping it costs two hashes an update and comparing it costs nothing.
type tableDigest struct {
	sum  [4]uint64
	rows int64
	last RowID // highest row id ever used, so that no id is given twice
}

const tableDigestLen = 32 + 8 + 8

func (d *tableDigest) append(dst []byte) []byte {
	for _, w := range d.sum {
		dst = binary.LittleEndian.AppendUint64(dst, w)
	}
	dst = binary.BigEndian.AppendUint64(dst, uint64(d.rows))
	return binary.BigEndian.AppendUint64(dst, uint64(d.last))
}

func (d *tableDigest) decode(b []byte) error {
	if len(b) != tableDigestLen {
		return pgerr.New(pgerr.DataCorrupted, "malformed digest record")
	}
	for i := range d.sum {
		d.sum[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	d.rows = int64(binary.BigEndian.Uint64(b[32:]))
	d.last = RowID(binary.BigEndian.Uint64(b[40:]))
	return nil
}

func (d *tableDigest) add(h *[4]uint64) {
	var c uint64
	d.sum[0], c = bits.Add64(d.sum[0], h[0], 0)
	d.sum[1], c = bits.Add64(d.sum[1], h[1], c)
	d.sum[2], c = bits.Add64(d.sum[2], h[2], c)
	d.sum[3], _ = bits.Add64(d.sum[3], h[3], c)
}

func (d *tableDigest) sub(h *[4]uint64) {
	var c uint64
	d.sum[0], c = bits.Sub64(d.sum[0], h[0], 0)
	d.sum[1], c = bits.Sub64(d.sum[1], h[1], c)
	d.sum[2], c = bits.Sub64(d.sum[2], h[2], c)
	d.sum[3], _ = bits.Sub64(d.sum[3], h[3], c)
}

// hashEntry hashes a key of the store with its value. scratch is returned for reuse.
func hashEntry(scratch, key, value []byte) (h [4]uint64, _ []byte) {
	scratch = binary.BigEndian.AppendUint32(scratch[:0], uint32(len(key)))
	scratch = append(scratch, key...)
	scratch = append(scratch, value...)
	sum := sha256.Sum256(scratch)
	for i := range h {
		h[i] = binary.LittleEndian.Uint64(sum[8*i:])
	}
	return h, scratch
}

// stateDigest combines the tables' records (and the one of storage 0) in the order of their storage ids.
func stateDigest(tables map[StorageID]*tableDigest) Digest {
	ids := make([]StorageID, 0, len(tables))
	for id, d := range tables {
		if *d != (tableDigest{}) { // a table that never had a row is as one that is not there
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	h := sha256.New()
	var buf []byte
	for _, id := range ids {
		buf = tables[id].append(binary.BigEndian.AppendUint32(buf[:0], uint32(id)))
		h.Write(buf)
	}
	var d Digest
	h.Sum(d[:0])
	return d
}
