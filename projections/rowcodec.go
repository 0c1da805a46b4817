package projections

import (
	"encoding/binary"
	"unsafe"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// A row image, as events carry it and the write set keeps it. In the store an 8-byte position precedes it (see RowValue).
// Frozen; testdata/row.txt keeps samples. Little-endian but for the position.
//
//	 0        2           2+b            2+b+f               2+b+f+v
//	+--------+-----------+--------------+-------------------+---------------------+
//	| head   | NULLs     | fixed values | ends of variable  | variable values     |
//	| 2      | b         | f            | v = w x count     |                     |
//	+--------+-----------+--------------+-------------------+---------------------+
//
//	head   bits 0-10 number of columns, bit 14 a NULL bitmap follows, bit 15 the ends take 4 bytes each instead of 2
//	NULLs  bit k%8 of byte k/8 for column k+1; absent when nothing is NULL
//	fixed  each Fixed column at an offset that depends on the columns before it only; zero for NULL
//	ends   for each Bytes column where its value ends, counted from the start of the variable values; it begins where the one before ends
const (
	headColumns = 1<<11 - 1
	headNulls   = 1 << 14
	headWide    = 1 << 15
	headLen     = 2
	positionLen = 8
)

// How a column lies in a row image.
type colKind uint8

const (
	colVar colKind = iota
	colI64
	colI32
	colU32
	colI16
	colU8
)

var kindWidth = [...]int{colVar: 0, colI64: 8, colI32: 4, colU32: 4, colI16: 2, colU8: 1}

// fixedKind is frozen: a type's width on disk may never change.
func fixedKind(t types.OID) colKind {
	switch t {
	case types.OIDBool, types.OIDChar:
		return colU8
	case types.OIDInt2:
		return colI16
	case types.OIDInt4, types.OIDDate:
		return colI32
	case types.OIDOid, types.OIDXid, types.OIDCid:
		return colU32
	}
	return colI64
}

func fixedWidth(t types.OID) colKind { return fixedKind(t) }

// rowLayout says where the columns of a table lie in its row images.
type rowLayout struct {
	kinds []colKind
	at    []int32 // offset among the fixed values, or number among the variable ones
	// fixedEnd[n] and varCount[n] are the size of the fixed values and the number of variable ones in a row of n columns.
	fixedEnd []int32
	varCount []int32
}

func newRowLayout(cols []ColumnDef) *rowLayout {
	n := len(cols)
	l := &rowLayout{kinds: make([]colKind, n), at: make([]int32, n), fixedEnd: make([]int32, n+1), varCount: make([]int32, n+1)}
	for i := range cols {
		fixed, vars := l.fixedEnd[i], l.varCount[i]
		if cols[i].Class == types.Bytes {
			l.kinds[i], l.at[i] = colVar, vars
			vars++
		} else {
			k := fixedKind(cols[i].Type)
			l.kinds[i], l.at[i] = k, fixed
			fixed += int32(kindWidth[k])
		}
		l.fixedEnd[i+1], l.varCount[i+1] = fixed, vars
	}
	return l
}

// RowEncoder makes row images of a table. Safe for concurrent use.
type RowEncoder struct {
	layout *rowLayout
	cols   []ColumnDef
}

// NewRowEncoder returns the encoder for the table's present columns.
func NewRowEncoder(def *TableDef) *RowEncoder {
	return &RowEncoder{layout: def.layout(), cols: def.Columns}
}

// Append appends the image of a row (datums by attribute number - 1; missing ones at the end and dropped columns become NULL) to dst.
func (e *RowEncoder) Append(dst []byte, row []types.Datum) []byte {
	l, n := e.layout, len(e.cols)
	nulls, varBytes := false, 0
	for i := 0; i < n; i++ {
		if i >= len(row) || row[i].Null || e.cols[i].Dropped {
			nulls = true
		} else if l.kinds[i] == colVar {
			varBytes += len(row[i].S)
		}
	}
	head, bitmap, width := uint16(n), 0, 2
	if nulls {
		head |= headNulls
		bitmap = (n + 7) / 8
	}
	if varBytes > inlineVarMax {
		head |= headWide
		width = 4
	}
	start := len(dst)
	fixedAt := headLen + bitmap
	endsAt := fixedAt + int(l.fixedEnd[n])
	varAt := endsAt + width*int(l.varCount[n])
	dst = grow(dst, varAt+varBytes)
	b := dst[start:]
	clear(b[:endsAt])
	binary.LittleEndian.PutUint16(b, head)
	end := 0
	for i := 0; i < n; i++ {
		null := i >= len(row) || row[i].Null || e.cols[i].Dropped
		if null {
			b[headLen+i>>3] |= 1 << (i & 7)
		}
		at := int(l.at[i])
		switch l.kinds[i] {
		case colVar:
			if !null {
				copy(b[varAt+end:], row[i].S)
				end += len(row[i].S)
			}
			if width == 2 {
				binary.LittleEndian.PutUint16(b[endsAt+2*at:], uint16(end))
			} else {
				binary.LittleEndian.PutUint32(b[endsAt+4*at:], uint32(end))
			}
		case colI64:
			if !null {
				binary.LittleEndian.PutUint64(b[fixedAt+at:], uint64(row[i].I))
			}
		case colI32, colU32:
			if !null {
				binary.LittleEndian.PutUint32(b[fixedAt+at:], uint32(row[i].I))
			}
		case colI16:
			if !null {
				binary.LittleEndian.PutUint16(b[fixedAt+at:], uint16(row[i].I))
			}
		case colU8:
			if !null {
				b[fixedAt+at] = byte(row[i].I)
			}
		}
	}
	return dst
}

// grow returns dst with n more bytes of any content.
func grow(dst []byte, n int) []byte {
	if cap(dst)-len(dst) >= n {
		return dst[:len(dst)+n]
	}
	next := make([]byte, len(dst)+n, max(2*cap(dst), len(dst)+n))
	copy(next, dst)
	return next
}

// RowDecoder reads wanted columns out of row images of one table, whichever number of columns they were written with. Safe for concurrent use.
type RowDecoder struct {
	layout *rowLayout
	want   []wantCol
	n      int
	vars   int // how many of want are variable
}

type wantCol struct {
	col     int32 // attribute number - 1
	at      int32
	out     int32 // where it goes
	kind    colKind
	dropped bool
	missing types.Datum
}

// NewRowDecoder returns a decoder of the columns with the given attribute numbers, in that order; dropped columns read as NULL.
// Numbers below 1 (system columns) stand for columns that the decoder leaves alone. nil wants all columns.
func NewRowDecoder(def *TableDef, atts []int) *RowDecoder {
	if atts == nil {
		return def.allColumns()
	}
	d := &RowDecoder{layout: def.layout(), n: len(atts), want: make([]wantCol, 0, len(atts))}
	for i, att := range atts {
		if att >= 1 && att <= len(def.Columns) {
			d.add(def, att, i)
		}
	}
	return d
}

// newSparseDecoder reads the columns into the places att - 1 of a whole row, for expressions over it.
func newSparseDecoder(def *TableDef, atts []int) *RowDecoder {
	d := &RowDecoder{layout: def.layout(), n: len(def.Columns)}
	for _, att := range atts {
		d.add(def, att, att-1)
	}
	return d
}

func (d *RowDecoder) add(def *TableDef, att, out int) {
	l, c := d.layout, &def.Columns[att-1]
	w := wantCol{col: int32(att - 1), at: l.at[att-1], out: int32(out), kind: l.kinds[att-1], dropped: c.Dropped, missing: c.Missing}
	if w.dropped {
		w.missing = types.NullDatum
	}
	if w.kind == colVar {
		d.vars++
	}
	d.want = append(d.want, w)
}

// Columns returns the length of the list of columns that the decoder was made for.
func (d *RowDecoder) Columns() int { return d.n }

// parts are the sections of one image.
type parts struct {
	n              int // columns in the image
	nulls          []byte
	fixed          []byte
	ends           []byte
	vars           []byte
	wide, hasNulls bool
}

var errRow = pgerr.New(pgerr.DataCorrupted, "malformed row image")

func (d *RowDecoder) split(image []byte, p *parts) bool {
	if len(image) < headLen {
		return false
	}
	head := binary.LittleEndian.Uint16(image)
	n := int(head & headColumns)
	if n >= len(d.layout.fixedEnd) {
		return false
	}
	fixedAt := headLen
	p.hasNulls = head&headNulls != 0
	if p.hasNulls {
		fixedAt += (n + 7) / 8
	}
	p.wide = head&headWide != 0
	endsAt := fixedAt + int(d.layout.fixedEnd[n])
	varAt := endsAt + 2*int(d.layout.varCount[n])
	if p.wide {
		varAt += 2 * int(d.layout.varCount[n])
	}
	if varAt > len(image) {
		return false
	}
	p.n = n
	p.nulls = image[headLen:fixedAt]
	p.fixed = image[fixedAt:endsAt]
	p.ends = image[endsAt:varAt]
	p.vars = image[varAt:]
	return true
}

// varBytes returns variable value k, nil and false when the offsets lie.
func (p *parts) varBytes(k int) ([]byte, bool) {
	var lo, hi int
	if p.wide {
		hi = int(binary.LittleEndian.Uint32(p.ends[4*k:]))
		if k > 0 {
			lo = int(binary.LittleEndian.Uint32(p.ends[4*k-4:]))
		}
	} else {
		hi = int(binary.LittleEndian.Uint16(p.ends[2*k:]))
		if k > 0 {
			lo = int(binary.LittleEndian.Uint16(p.ends[2*k-2:]))
		}
	}
	if lo > hi || hi > len(p.vars) {
		return nil, false
	}
	return p.vars[lo:hi], true
}

func (p *parts) fixedValue(kind colKind, at int) int64 {
	switch kind {
	case colI64:
		return int64(binary.LittleEndian.Uint64(p.fixed[at:]))
	case colI32:
		return int64(int32(binary.LittleEndian.Uint32(p.fixed[at:])))
	case colU32:
		return int64(binary.LittleEndian.Uint32(p.fixed[at:]))
	case colI16:
		return int64(int16(binary.LittleEndian.Uint16(p.fixed[at:])))
	default:
		return int64(p.fixed[at])
	}
}

// Vecs stores the wanted columns of an image as element i of cols (which are long enough). Strings are copied into the arena.
func (d *RowDecoder) Vecs(cols []*types.Vec, i int, image []byte, arena *types.Arena) error {
	var p parts
	if !d.split(image, &p) {
		return errRow
	}
	for k := range d.want {
		w := &d.want[k]
		v := cols[w.out]
		if int(w.col) >= p.n {
			v.Set(i, w.missing)
			continue
		}
		if w.dropped || p.hasNulls && p.nulls[w.col>>3]&(1<<(w.col&7)) != 0 {
			v.SetNull(i)
			continue
		}
		if v.Nulls != nil {
			v.ClearNull(i)
		}
		if w.kind != colVar {
			v.Fix[i] = p.fixedValue(w.kind, int(w.at))
			continue
		}
		b, ok := p.varBytes(int(w.at))
		if !ok {
			return errRow
		}
		v.Str[i] = arena.Copy(b)
	}
	return nil
}

// Datums stores the wanted columns of an image in dst. Strings are copied, all of them in one allocation.
func (d *RowDecoder) Datums(dst []types.Datum, image []byte) error {
	if d.vars == 0 {
		return d.SharedDatums(dst, image)
	}
	return d.SharedDatums(dst, append([]byte(nil), image...))
}

// SharedDatums is Datums for an image that never changes: the strings are parts of it.
func (d *RowDecoder) SharedDatums(dst []types.Datum, image []byte) error {
	var p parts
	if !d.split(image, &p) {
		return errRow
	}
	for k := range d.want {
		w := &d.want[k]
		if int(w.col) >= p.n {
			dst[w.out] = w.missing
			continue
		}
		if w.dropped || p.hasNulls && p.nulls[w.col>>3]&(1<<(w.col&7)) != 0 {
			dst[w.out] = types.NullDatum
			continue
		}
		if w.kind != colVar {
			dst[w.out] = types.Datum{I: p.fixedValue(w.kind, int(w.at))}
			continue
		}
		b, ok := p.varBytes(int(w.at))
		if !ok {
			return errRow
		}
		dst[w.out] = types.Datum{S: unsafe.String(unsafe.SliceData(b), len(b))}
	}
	return nil
}
