package exec

import (
	"unsafe"

	"kimberlite/sql/types"
)

// column is a growing list of values of one type: what hash tables, sorts and windows keep.
type column struct {
	class types.Class
	fix   []int64
	str   []string
	nulls types.Bitmap // nil while nothing is NULL
	n     int
}

// appendVec adds the rows sel of v and returns the bytes of memory that took.
func (c *column) appendVec(v *types.Vec, sel []int32) int64 {
	bytes := int64(0)
	if c.class == types.Fixed {
		from := v.Fix
		for _, i := range sel {
			c.fix = append(c.fix, from[i])
		}
		bytes = 8 * int64(len(sel))
	} else {
		from := v.Str
		for _, i := range sel {
			s := from[i]
			c.str = append(c.str, s)
			bytes += int64(len(s))
		}
		bytes += 16 * int64(len(sel))
	}
	if v.Nulls != nil {
		for k, i := range sel {
			if v.Nulls.Get(int(i)) {
				c.setNull(c.n + k)
			}
		}
	}
	c.n += len(sel)
	return bytes
}

func (c *column) setNull(i int) {
	for len(c.nulls) <= i>>6 {
		c.nulls = append(c.nulls, 0)
	}
	c.nulls[i>>6] |= 1 << (uint(i) & 63)
	if c.class == types.Fixed {
		if i < len(c.fix) {
			c.fix[i] = 0
		}
	} else if i < len(c.str) {
		c.str[i] = ""
	}
}

func (c *column) append(d types.Datum) int64 {
	bytes := int64(8)
	if c.class == types.Fixed {
		c.fix = append(c.fix, d.I)
	} else {
		c.str = append(c.str, d.S)
		bytes = 16 + int64(len(d.S))
	}
	if d.Null {
		c.setNull(c.n)
	}
	c.n++
	return bytes
}

func (c *column) isNull(i int) bool { return c.nulls != nil && c.nulls.Get(i) }

func (c *column) datum(i int) types.Datum {
	if c.isNull(i) {
		return types.NullDatum
	}
	if c.class == types.Fixed {
		return types.Datum{I: c.fix[i]}
	}
	return types.Datum{S: c.str[i]}
}

// gather fills out with the rows listed; a negative one is NULL.
func (c *column) gather(out *scratch, rows []int32) {
	v := out.begin(len(rows))
	if c.class == types.Fixed {
		dst, from := v.Fix, c.fix
		for k, r := range rows {
			if r >= 0 {
				dst[k] = from[r]
			} else {
				out.null(int32(k))
			}
		}
	} else {
		dst, from := v.Str, c.str
		for k, r := range rows {
			if r >= 0 {
				dst[k] = from[r]
			} else {
				dst[k] = ""
				out.null(int32(k))
			}
		}
	}
	if c.nulls != nil {
		for k, r := range rows {
			if r >= 0 && c.nulls.Get(int(r)) {
				out.null(int32(k))
			}
		}
	}
}

// slice fills v with rows from..from+n-1, sharing the column's memory.
func (c *column) slice(out *scratch, from, n int) *types.Vec {
	v := out.begin(0)
	if c.class == types.Fixed {
		v.Fix = c.fix[from : from+n : from+n]
	} else {
		v.Str = c.str[from : from+n : from+n]
	}
	v.Nulls = nil
	if c.nulls != nil {
		m := out.bitmap()
		any := false
		for i := range n {
			if c.nulls.Get(from + i) {
				m[i>>6] |= 1 << (uint(i) & 63)
				any = true
			}
		}
		if !any {
			v.Nulls = nil
		}
	}
	return v
}

func (c *column) reset() {
	c.fix, c.str, c.nulls, c.n = c.fix[:0], clearStrings(c.str), nil, 0
}

// clearStrings empties a slice of strings without keeping what they point to alive.
func clearStrings(s []string) []string {
	clear(s)
	return s[:0]
}

// rowStore is a table of rows in memory, by columns.
type rowStore struct {
	cols  []column
	n     int
	bytes int64
}

func newRowStore(cols []types.T, io *types.Ctx) *rowStore {
	s := &rowStore{cols: make([]column, len(cols))}
	for i, t := range cols {
		s.cols[i].class = types.ClassOf(io, t.OID)
	}
	return s
}

// appendBatch adds the selected rows of b.
func (s *rowStore) appendBatch(b *types.Batch) { s.appendSel(b, selection(b)) }

func (s *rowStore) appendSel(b *types.Batch, sel []int32) {
	for i := range s.cols {
		s.bytes += s.cols[i].appendVec(b.Cols[i], sel)
	}
	s.n += len(sel)
}

func (s *rowStore) reset() {
	for i := range s.cols {
		s.cols[i].reset()
	}
	s.n, s.bytes = 0, 0
}

// truncate forgets the rows from n on.
func (s *rowStore) truncate(n int) {
	for i := range s.cols {
		s.cols[i].truncate(n)
	}
	s.n = n
}

func (c *column) truncate(n int) {
	if n >= c.n {
		return
	}
	if c.class == types.Fixed {
		c.fix = c.fix[:n]
	} else {
		clear(c.str[n:])
		c.str = c.str[:n]
	}
	if w := n >> 6; w < len(c.nulls) {
		c.nulls = c.nulls[:w+1]
		c.nulls[w] &= 1<<(uint(n)&63) - 1
	}
	c.n = n
}

// free drops the memory.
func (s *rowStore) free() {
	for i := range s.cols {
		s.cols[i] = column{class: s.cols[i].class}
	}
	s.n, s.bytes = 0, 0
}

// storeReader hands out the rows of a store as batches that share its memory.
type storeReader struct {
	s   *rowStore
	buf []scratch
	out types.Batch
	at  int
}

func newStoreReader(s *rowStore, cols []types.T) *storeReader {
	r := &storeReader{s: s, buf: make([]scratch, len(cols))}
	r.out.Cols = make([]*types.Vec, len(cols))
	for i, t := range cols {
		r.buf[i] = newScratch(t, s.cols[i].class)
		r.out.Cols[i] = &r.buf[i].v
	}
	return r
}

// next returns the next rows up to position end, nil when there are none.
func (r *storeReader) next(end int) *types.Batch {
	n := min(types.BatchRows, end-r.at)
	if n <= 0 {
		return nil
	}
	for i := range r.buf {
		r.s.cols[i].slice(&r.buf[i], r.at, n)
	}
	r.at += n
	r.out.N, r.out.Sel = n, nil
	return &r.out
}

// batchBuilder is a batch that rows are appended to, with vectors of its own.
type batchBuilder struct {
	buf []scratch
	b   types.Batch
}

func newBatchBuilder(cols []types.T, io *types.Ctx) *batchBuilder {
	bb := &batchBuilder{buf: make([]scratch, len(cols))}
	bb.b.Cols = make([]*types.Vec, len(cols))
	for i, t := range cols {
		bb.buf[i] = newScratch(t, types.ClassOf(io, t.OID))
		bb.b.Cols[i] = &bb.buf[i].v
	}
	return bb
}

// begin empties the batch and makes room for n rows.
func (bb *batchBuilder) begin(n int) {
	for i := range bb.buf {
		bb.buf[i].begin(n)
	}
	bb.b.N, bb.b.Sel = 0, nil
}

// add appends a row of datums; begin must have made room.
func (bb *batchBuilder) add(row []types.Datum) {
	i := int32(bb.b.N)
	for k := range bb.buf {
		bb.buf[k].set(i, row[k])
	}
	bb.b.N++
}

// done trims the vectors to the rows added and returns the batch.
func (bb *batchBuilder) done() *types.Batch {
	for i := range bb.buf {
		nulls := bb.buf[i].v.Nulls
		bb.buf[i].v.Resize(bb.b.N)
		bb.buf[i].v.Nulls = nulls
	}
	return &bb.b
}

// unsafeString makes a string of bytes that nobody changes any more.
func unsafeString(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	return unsafe.String(&b[0], len(b))
}
