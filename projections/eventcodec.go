package projections

import (
	"encoding/binary"
	"math"
	"unsafe"

	"kimberlite/log"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// Event payloads. Frozen: they are under the chain hash. Every payload starts with the version byte 1. Numbers are uvarints (signed ones
// zigzag) unless a width is given; strings and bytes are length, then bytes.
//
//	transaction  1 xid view time:zigzag database role app chunks
//	             n storage*                                        drops
//	             n (table has def?)*                               definitions, tabledefcodec.go
//	             n (storage n op*)*                                rows
//	             n (kind:1 oid deleted:1 data?)*                   catalog
//	             n (oid last:zigzag called:1)*   n oid*            sequences, dropped sequences
//	             n (channel payload pid:zigzag)*                   notifications
//	op           kind:1 (row - previous row) image?
//	chunk        1 xid view number n (storage n op*)*
//	sequence     1 n (oid last:zigzag called:1)*
//	abandon      1 n xid*
//	checkpoint   1 position:8 hash:32 digest:32
const eventVersion = 1

var errEvent = pgerr.New(pgerr.DataCorrupted, "malformed event payload")

// EventWriter builds a transaction's payload piece by piece, so that a large write set is not copied into a Transaction first. The methods
// of one section must be called in the order of the fields of Transaction, each section whole.
type EventWriter struct{ b []byte }

// NewEventWriter appends to buf.
func NewEventWriter(buf []byte) *EventWriter { return &EventWriter{b: buf} }

// Bytes returns the payload.
func (w *EventWriter) Bytes() []byte { return w.b }

// Header writes the scalar fields of t and its Drops and Tables.
func (w *EventWriter) Header(t *Transaction) {
	b := append(w.b, eventVersion)
	b = binary.AppendUvarint(b, t.XID)
	b = binary.AppendUvarint(b, t.View)
	b = binary.AppendVarint(b, t.CommitTime)
	b = binary.AppendUvarint(b, uint64(t.Database))
	b = binary.AppendUvarint(b, uint64(t.Role))
	b = appendString(b, t.App)
	b = binary.AppendUvarint(b, uint64(t.Chunks))
	b = binary.AppendUvarint(b, uint64(len(t.Drops)))
	for _, s := range t.Drops {
		b = binary.AppendUvarint(b, uint64(s))
	}
	b = binary.AppendUvarint(b, uint64(len(t.Tables)))
	for i := range t.Tables {
		op := &t.Tables[i]
		b = binary.AppendUvarint(b, uint64(op.Table))
		if op.Def == nil {
			b = append(b, 0)
			continue
		}
		b = append(b, 1)
		b = appendTableDef(b, op.Def)
	}
	w.b = b
}

// ChunkHeader begins a chunk instead of a transaction; row sections follow.
func (w *EventWriter) ChunkHeader(c *Chunk) {
	b := append(w.b, eventVersion)
	b = binary.AppendUvarint(b, c.XID)
	b = binary.AppendUvarint(b, c.View)
	w.b = binary.AppendUvarint(b, uint64(c.Number))
}

// RowTables says how many calls of RowTable follow.
func (w *EventWriter) RowTables(n int) { w.b = binary.AppendUvarint(w.b, uint64(n)) }

// RowTable begins a table with n operations, which RowOp writes, ascending by row id.
func (w *EventWriter) RowTable(s StorageID, n int) {
	w.b = binary.AppendUvarint(binary.AppendUvarint(w.b, uint64(s)), uint64(n))
}

// RowOp writes one operation; prev is the row id of the one before, 0 for a table's first.
func (w *EventWriter) RowOp(op RowOpKind, prev, row RowID, image []byte) {
	b := binary.AppendUvarint(append(w.b, byte(op)), uint64(row-prev))
	if op != OpDelete {
		b = binary.AppendUvarint(b, uint64(len(image)))
		b = append(b, image...)
	}
	w.b = b
}

// Tail writes what follows the rows: catalog, sequences, notifications.
func (w *EventWriter) Tail(t *Transaction) {
	b := binary.AppendUvarint(w.b, uint64(len(t.Catalog)))
	for i := range t.Catalog {
		c := &t.Catalog[i]
		b = binary.AppendUvarint(append(b, c.Kind), uint64(c.OID))
		if c.Deleted {
			b = append(b, 1)
			continue
		}
		b = append(b, 0)
		b = appendBytes(b, c.Data)
	}
	b = appendSequences(b, t.Sequences)
	b = binary.AppendUvarint(b, uint64(len(t.SequenceDrops)))
	for _, oid := range t.SequenceDrops {
		b = binary.AppendUvarint(b, uint64(oid))
	}
	b = binary.AppendUvarint(b, uint64(len(t.Notifications)))
	for _, n := range t.Notifications {
		b = appendString(b, n.Channel)
		b = appendString(b, n.Payload)
		b = binary.AppendVarint(b, int64(n.PID))
	}
	w.b = b
}

func (w *EventWriter) rows(tables []TableRows) {
	w.RowTables(len(tables))
	for i := range tables {
		t := &tables[i]
		w.RowTable(t.Storage, len(t.Ops))
		prev := RowID(0)
		for _, op := range t.Ops {
			w.RowOp(op.Op, prev, op.Row, op.Image)
			prev = op.Row
		}
	}
}

// EncodeTransaction appends the payload of t to dst.
func EncodeTransaction(dst []byte, t *Transaction) []byte {
	w := EventWriter{b: dst}
	w.Header(t)
	w.rows(t.Rows)
	w.Tail(t)
	return w.b
}

// EncodeChunk appends the payload of c to dst.
func EncodeChunk(dst []byte, c *Chunk) []byte {
	w := EventWriter{b: dst}
	w.ChunkHeader(c)
	w.rows(c.Rows)
	return w.b
}

// EncodeSequences appends the payload of a log.KindSequence event to dst.
func EncodeSequences(dst []byte, s []SequenceState) []byte {
	return appendSequences(append(dst, eventVersion), s)
}

// EncodeAbandon appends the payload of a to dst.
func EncodeAbandon(dst []byte, a *Abandon) []byte {
	dst = binary.AppendUvarint(append(dst, eventVersion), uint64(len(a.XIDs)))
	for _, x := range a.XIDs {
		dst = binary.AppendUvarint(dst, x)
	}
	return dst
}

// EncodeCheckpoint appends the payload of c to dst.
func EncodeCheckpoint(dst []byte, c *Checkpoint) []byte {
	dst = binary.BigEndian.AppendUint64(append(dst, eventVersion), uint64(c.Position))
	return append(append(dst, c.Hash[:]...), c.Digest[:]...)
}

func appendSequences(b []byte, s []SequenceState) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	for _, q := range s {
		b = binary.AppendUvarint(b, uint64(q.Sequence))
		b = binary.AppendVarint(b, q.Last)
		b = appendBool(b, q.Called)
	}
	return b
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendBytes(b, s []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// DecodeTransaction reads a payload. Everything variable in the result is part of payload, which must not change.
func DecodeTransaction(payload []byte) (*Transaction, error) {
	t := new(Transaction)
	return t, t.decode(payload)
}

// decode reuses t's slices.
func (t *Transaction) decode(payload []byte) error {
	r := eventReader{b: payload}
	r.version()
	*t = Transaction{Drops: t.Drops[:0], Tables: t.Tables[:0], Rows: t.Rows[:0], Catalog: t.Catalog[:0], Sequences: t.Sequences[:0],
		SequenceDrops: t.SequenceDrops[:0], Notifications: t.Notifications[:0]}
	t.XID = r.uint()
	t.View = r.uint()
	t.CommitTime = r.int()
	t.Database = r.oid()
	t.Role = r.oid()
	t.App = r.string()
	t.Chunks = uint32(r.max(math.MaxUint32))
	for n := r.count(1); n > 0; n-- {
		t.Drops = append(t.Drops, StorageID(r.oid()))
	}
	for n := r.count(2); n > 0; n-- {
		op := TableOp{Table: r.oid()}
		if r.bool() {
			op.Def = r.tableDef()
		}
		t.Tables = append(t.Tables, op)
	}
	t.Rows = r.rows(t.Rows)
	for n := r.count(3); n > 0; n-- {
		op := CatalogOp{Kind: r.byte(), OID: r.oid(), Deleted: r.bool()}
		if !op.Deleted {
			op.Data = r.bytes()
		}
		t.Catalog = append(t.Catalog, op)
	}
	t.Sequences = r.sequences(t.Sequences)
	for n := r.count(1); n > 0; n-- {
		t.SequenceDrops = append(t.SequenceDrops, r.oid())
	}
	for n := r.count(3); n > 0; n-- {
		t.Notifications = append(t.Notifications, Notification{Channel: r.string(), Payload: r.string(), PID: int32(r.int())})
	}
	return r.end()
}

// DecodeChunk reads the payload of a log.KindChunk event.
func DecodeChunk(payload []byte) (*Chunk, error) {
	r := eventReader{b: payload}
	r.version()
	c := &Chunk{XID: r.uint(), View: r.uint(), Number: uint32(r.max(math.MaxUint32))}
	c.Rows = r.rows(nil)
	return c, r.end()
}

// DecodeSequences reads the payload of a log.KindSequence event.
func DecodeSequences(payload []byte) ([]SequenceState, error) {
	r := eventReader{b: payload}
	r.version()
	s := r.sequences(nil)
	return s, r.end()
}

// DecodeAbandon reads the payload of a log.KindAbandon event.
func DecodeAbandon(payload []byte) (*Abandon, error) {
	r := eventReader{b: payload}
	r.version()
	a := new(Abandon)
	for n := r.count(1); n > 0; n-- {
		a.XIDs = append(a.XIDs, r.uint())
	}
	return a, r.end()
}

// DecodeCheckpoint reads the payload of a log.KindCheckpoint event.
func DecodeCheckpoint(payload []byte) (*Checkpoint, error) {
	if len(payload) != 1+8+log.HashSize+DigestSize || payload[0] != eventVersion {
		return nil, errEvent
	}
	c := &Checkpoint{Position: log.Position(binary.BigEndian.Uint64(payload[1:]))}
	copy(c.Hash[:], payload[9:])
	copy(c.Digest[:], payload[9+log.HashSize:])
	return c, nil
}

// eventReader reads a payload; after the first fault everything reads as zero and end reports it.
type eventReader struct {
	b   []byte
	bad bool
}

func (r *eventReader) fail() {
	r.bad = true
	r.b = nil
}

func (r *eventReader) version() {
	if r.byte() != eventVersion {
		r.fail()
	}
}

func (r *eventReader) end() error {
	if r.bad || len(r.b) != 0 {
		return errEvent
	}
	return nil
}

func (r *eventReader) byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

// bool accepts 0 and 1 only, so that an event has a single encoding.
func (r *eventReader) bool() bool {
	c := r.byte()
	if c > 1 {
		r.fail()
	}
	return c == 1
}

func (r *eventReader) uint() uint64 {
	if len(r.b) > 0 && r.b[0] < 0x80 {
		c := r.b[0]
		r.b = r.b[1:]
		return uint64(c)
	}
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	if n > 1 && r.b[n-1] == 0 { // not the shortest form
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *eventReader) int() int64 {
	u := r.uint()
	v := int64(u >> 1)
	if u&1 != 0 {
		v = ^v
	}
	return v
}

func (r *eventReader) max(limit uint64) uint64 {
	v := r.uint()
	if v > limit {
		r.fail()
		return 0
	}
	return v
}

func (r *eventReader) oid() types.OID { return types.OID(r.max(math.MaxUint32)) }

// count reads the number of items that take at least size bytes each, so that a lying count cannot make us allocate.
func (r *eventReader) count(size int) int {
	v := r.uint()
	if v > uint64(len(r.b)/size) {
		r.fail()
		return 0
	}
	return int(v)
}

func (r *eventReader) bytes() []byte {
	n := r.count(1)
	s := r.b[:n:n]
	r.b = r.b[n:]
	return s
}

func (r *eventReader) string() string {
	b := r.bytes()
	return unsafe.String(unsafe.SliceData(b), len(b))
}

func (r *eventReader) sequences(dst []SequenceState) []SequenceState {
	for n := r.count(3); n > 0; n-- {
		dst = append(dst, SequenceState{Sequence: r.oid(), Last: r.int(), Called: r.bool()})
	}
	return dst
}

// rows appends the row sections, reusing the Ops slices behind dst's length.
func (r *eventReader) rows(dst []TableRows) []TableRows {
	for n := r.count(2); n > 0; n-- {
		var ops []RowOp
		if len(dst) < cap(dst) {
			ops = dst[:len(dst)+1][len(dst)].Ops[:0]
		}
		t := TableRows{Storage: StorageID(r.oid())}
		count := r.count(2)
		if cap(ops) < count {
			ops = make([]RowOp, 0, count)
		}
		prev := RowID(0)
		for ; count > 0; count-- {
			op := RowOp{Op: RowOpKind(r.byte())}
			step := r.max(math.MaxInt64)
			if step == 0 || int64(prev) > math.MaxInt64-int64(step) {
				r.fail()
			}
			op.Row = prev + RowID(step)
			prev = op.Row
			switch op.Op {
			case OpInsert, OpUpdate:
				op.Image = r.bytes()
			case OpDelete:
			default:
				r.fail()
			}
			if r.bad {
				return dst
			}
			ops = append(ops, op)
		}
		t.Ops = ops
		dst = append(dst, t)
	}
	return dst
}
