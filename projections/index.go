package projections

import (
	"bytes"
	"encoding/binary"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// An index entry in the store. Frozen.
//
//	key    i storage(4) parts [row id(8)]      parts: types.AppendKey of each key column
//	value  non-unique index                    include
//	       unique index                        suffix(1) row id(8) include
//
// The row id is in the key of a non-unique index, and in that of a unique one when a part is NULL (suffix is 1 then) unless NULLs are
// not distinct. include is a row image (rowcodec.go) of the included columns, absent when there are none.
//
// A "logical key" below is the parts alone: what executor and transactions compute with.
const uniqueHead = 1 + 8

// IndexCode computes the entries of one index.
type IndexCode struct {
	Def       *IndexDef
	parts     []partCode
	predicate func(row []types.Datum) (types.Datum, error)
	include   *RowEncoder
	needs     []int // attribute numbers
}

type partCode struct {
	col        int // attribute number - 1, -1 for an expression
	expr       func(row []types.Datum) (types.Datum, error)
	ops        types.KeyOps
	desc       bool
	nullsFirst bool
}

// IndexEntry is what one row means to one index.
type IndexEntry struct {
	Skip    bool   // the row is not in the index: its predicate is not true
	Null    bool   // a part is NULL and NULLs are distinct: never a duplicate in a unique index
	Key     []byte // the logical key
	Include []byte
}

// Equal reports whether two entries of the same row are the same.
func (e *IndexEntry) Equal(o *IndexEntry) bool {
	if e.Skip || o.Skip {
		return e.Skip == o.Skip
	}
	return bytes.Equal(e.Key, o.Key) && bytes.Equal(e.Include, o.Include)
}

// NewIndexCode compiles index number ix of the table.
func NewIndexCode(def *TableDef, ix int, ev Evaluator) (*IndexCode, error) {
	d := &def.Indexes[ix]
	c := &IndexCode{Def: d}
	exprs := false
	compile := func(expr []byte) (func([]types.Datum) (types.Datum, error), error) {
		exprs = true
		if ev == nil {
			return nil, pgerr.Internal("index %d needs an evaluator of expressions", d.Index)
		}
		return ev.Compile(def, expr)
	}
	for _, p := range d.Parts {
		pc := partCode{col: p.Att - 1, ops: types.KeyOpsFor(p.Key), desc: p.Desc, nullsFirst: p.NullsFirst}
		if p.Att == 0 {
			f, err := compile(p.Expr)
			if err != nil {
				return nil, err
			}
			pc.expr = f
		} else if p.Att > len(def.Columns) {
			return nil, pgerr.Internal("index %d is over column %d of a table of %d", d.Index, p.Att, len(def.Columns))
		} else {
			c.needs = append(c.needs, p.Att)
		}
		c.parts = append(c.parts, pc)
	}
	if d.Predicate != nil {
		f, err := compile(d.Predicate)
		if err != nil {
			return nil, err
		}
		c.predicate = f
	}
	if len(d.Include) > 0 {
		cols := make([]ColumnDef, len(d.Include))
		for i, att := range d.Include {
			cols[i] = def.Columns[att-1]
		}
		c.include = &RowEncoder{layout: newRowLayout(cols), cols: cols}
		c.needs = append(c.needs, d.Include...)
	}
	if exprs {
		// An expression's columns are not visible from here, so it gets the whole row.
		c.needs = c.needs[:0]
		for att := 1; att <= len(def.Columns); att++ {
			c.needs = append(c.needs, att)
		}
	}
	return c, nil
}

// Entry computes the entry of a row (datums by attribute number - 1). Key and Include are appended to buf, which is returned.
func (c *IndexCode) Entry(buf []byte, row []types.Datum, e *IndexEntry) ([]byte, error) {
	*e = IndexEntry{}
	if c.predicate != nil {
		d, err := c.predicate(row)
		if err != nil {
			return buf, err
		}
		if !d.IsTrue() {
			e.Skip = true
			return buf, nil
		}
	}
	start := len(buf)
	for i := range c.parts {
		p := &c.parts[i]
		var d types.Datum
		if p.expr == nil {
			d = row[p.col]
		} else {
			var err error
			if d, err = p.expr(row); err != nil {
				return buf, err
			}
		}
		if d.Null && !c.Def.NullsNotDistinct {
			e.Null = true
		}
		buf = p.ops.Append(buf, d, p.desc, p.nullsFirst)
	}
	end := len(buf)
	if c.include != nil {
		inc := make([]types.Datum, len(c.Def.Include))
		for i, att := range c.Def.Include {
			inc[i] = row[att-1]
		}
		buf = c.include.Append(buf, inc)
		e.Include = buf[end:len(buf):len(buf)]
	}
	e.Key = buf[start:end:end]
	return buf, nil
}

// storedKey appends the key under which the entry is kept.
func (c *IndexCode) storedKey(dst []byte, e *IndexEntry, row RowID) []byte {
	dst = append(appendStorage(dst, spaceIndex, c.Def.Storage), e.Key...)
	if !c.Def.Unique || e.Null {
		dst = binary.BigEndian.AppendUint64(dst, uint64(row))
	}
	return dst
}

// storedValue appends the entry's value.
func (c *IndexCode) storedValue(dst []byte, e *IndexEntry, row RowID) []byte {
	if c.Def.Unique {
		suffix := byte(0)
		if e.Null {
			suffix = 1
		}
		dst = binary.BigEndian.AppendUint64(append(dst, suffix), uint64(row))
	}
	return append(dst, e.Include...)
}

// splitEntry takes a stored entry apart; key begins after the storage id.
func splitEntry(unique bool, key, value []byte) (logical []byte, row RowID, include []byte, ok bool) {
	if !unique {
		n := len(key) - 8
		if n < 0 {
			return nil, 0, nil, false
		}
		return key[:n:n], RowID(binary.BigEndian.Uint64(key[n:])), value, true
	}
	if len(value) < uniqueHead {
		return nil, 0, nil, false
	}
	row = RowID(binary.BigEndian.Uint64(value[1:]))
	if value[0] != 0 {
		if len(key) < 8 {
			return nil, 0, nil, false
		}
		key = key[: len(key)-8 : len(key)-8]
	}
	return key, row, value[uniqueHead:], true
}

// KeySpan is a range of logical keys: Start <= key < End; a nil End has no upper limit, an empty Start no lower one.
type KeySpan struct{ Start, End []byte }

// Bound is one end of a range condition on a key column. Inclusive: the value itself belongs to the range.
type Bound struct {
	Value     types.Datum
	Inclusive bool
}

// AppendKeyPart appends one value of a key column to a logical key.
func (ix *IndexDef) AppendKeyPart(dst []byte, part int, d types.Datum) []byte {
	p := &ix.Parts[part]
	return types.AppendKey(dst, p.Key, d, p.Desc, p.NullsFirst)
}

// Span returns the keys whose first columns equal eq (a NULL there means IS NULL) and whose next column lies between lo and hi;
// with either of them NULLs of that column are left out. ok is false when a bound is NULL or the range is empty: nothing matches.
func (ix *IndexDef) Span(eq []types.Datum, lo, hi *Bound) (span KeySpan, ok bool) {
	var prefix []byte
	for i, d := range eq {
		prefix = ix.AppendKeyPart(prefix, i, d)
	}
	if lo == nil && hi == nil {
		return KeySpan{Start: prefix, End: prefixEnd(prefix)}, true
	}
	part := len(eq)
	if ix.Parts[part].Desc {
		lo, hi = hi, lo
	}
	// Values lie between the two NULL markers 0 and 2, behind the marker 1.
	span.Start = append(prefix[:len(prefix):len(prefix)], 1)
	span.End = append(prefix[:len(prefix):len(prefix)], 2)
	if lo != nil {
		if lo.Value.Null {
			return KeySpan{}, false
		}
		span.Start = ix.AppendKeyPart(prefix[:len(prefix):len(prefix)], part, lo.Value)
		if !lo.Inclusive {
			if span.Start = prefixEnd(span.Start); span.Start == nil {
				return KeySpan{}, false
			}
		}
	}
	if hi != nil {
		if hi.Value.Null {
			return KeySpan{}, false
		}
		span.End = ix.AppendKeyPart(prefix[:len(prefix):len(prefix)], part, hi.Value)
		if hi.Inclusive {
			span.End = prefixEnd(span.End)
		}
	}
	if span.End != nil && bytes.Compare(span.Start, span.End) >= 0 {
		return KeySpan{}, false
	}
	return span, true
}

// IndexDecoder reads columns out of index entries, for index-only scans.
type IndexDecoder struct {
	parts   []types.KeyOps
	desc    []bool
	keyOut  []int // for each part, which wanted column it is, -1 for none
	last    int   // parts after this one are not looked at
	include *RowDecoder
	n       int
}

// NewIndexDecoder returns a decoder of the columns with the given attribute numbers from entries of the index (numbers below 1 are
// left to the caller). ok is false when the index does not hold one of them, or not exactly (types.KeyIsLossy): the row must be read then.
func NewIndexDecoder(def *TableDef, ix int, atts []int) (d *IndexDecoder, ok bool) {
	x := &def.Indexes[ix]
	d = &IndexDecoder{n: len(atts), last: -1}
	for i := range x.Parts {
		d.parts = append(d.parts, types.KeyOpsFor(x.Parts[i].Key))
		d.desc = append(d.desc, x.Parts[i].Desc)
		d.keyOut = append(d.keyOut, -1)
	}
	cols := make([]ColumnDef, len(x.Include))
	for i, att := range x.Include {
		cols[i] = def.Columns[att-1]
	}
	inc := &TableDef{Columns: cols}
	d.include = &RowDecoder{layout: inc.layout(), n: len(atts)}
wanted:
	for out, att := range atts {
		if att < 1 {
			continue
		}
		for i := range x.Parts {
			if x.Parts[i].Att == att && !d.parts[i].Lossy() && d.keyOut[i] < 0 {
				d.keyOut[i] = out
				d.last = max(d.last, i)
				continue wanted
			}
		}
		for i, a := range x.Include {
			if a == att {
				d.include.add(inc, i+1, out)
				continue wanted
			}
		}
		return nil, false
	}
	for i := 0; i < d.last; i++ {
		if d.parts[i].Lossy() { // it may not even be possible to find its end
			return nil, false
		}
	}
	return d, true
}

// Vecs stores the wanted columns of an entry as element i of cols.
func (d *IndexDecoder) Vecs(cols []*types.Vec, i int, logical, include []byte, arena *types.Arena) error {
	for k := 0; k <= d.last; k++ {
		v, rest, err := d.parts[k].Decode(logical, d.desc[k])
		if err != nil {
			return err
		}
		if out := d.keyOut[k]; out >= 0 {
			cols[out].Set(i, v)
		}
		logical = rest
	}
	if len(d.include.want) > 0 {
		return d.include.Vecs(cols, i, include, arena)
	}
	return nil
}
