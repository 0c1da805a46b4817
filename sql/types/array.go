package types

import (
	"cmp"
	"encoding/binary"
	"unsafe"

	"kimberlite/sql/pgerr"
)

// The packed form of an array, which describes itself, so that it compares, hashes and makes keys without a catalog:
//
//	[1: number of dimensions, +0x80 when there is a null bitmap]
//	[4: OID of the element type] [4: OID of its stand-in, see StandIn]
//	for each dimension [4: length] [4: lower bound]
//	null bitmap, if any: a bit for each element, set for NULL, low bits first
//	Fixed elements: [8] each.  Bytes elements: [4: end of the element in the data] each, then the data.
//
// Numbers are little-endian. The class of the elements is that of the stand-in. An empty array has no dimensions.
const (
	arrayNullsFlag  = 0x80
	arrayHeaderSize = 9
)

// ArrayDim is one dimension of an array.
type ArrayDim struct{ Len, Lower int }

// Array gives access to a packed array. The zero value is an empty array of no type.
type Array struct {
	Type    OID // of the elements
	StandIn OID // the built-in type that compares them
	n       int
	ndim    int
	dims    [arrayDimsMax]ArrayDim
	nulls   string
	fixed   bool
	ends    string // Bytes: the end offsets
	data    string
}

// ParseArray opens the packed form. It is cheap, keeps s and looks at no element.
func ParseArray(s string) (a Array) {
	if len(s) < arrayHeaderSize {
		return a
	}
	flags := s[0]
	a.Type, a.StandIn = OID(le32(s[1:])), OID(le32(s[5:]))
	a.ndim = int(flags &^ arrayNullsFlag)
	a.fixed = isFixed(a.StandIn)
	rest := s[arrayHeaderSize:]
	if a.ndim == 0 || a.ndim > arrayDimsMax || len(rest) < 8*a.ndim {
		a.ndim = 0
		return a
	}
	a.n = 1
	for i := range a.ndim {
		a.dims[i] = ArrayDim{int(int32(le32(rest))), int(int32(le32(rest[4:])))}
		a.n *= a.dims[i].Len
		rest = rest[8:]
	}
	if flags&arrayNullsFlag != 0 {
		size := (a.n + 7) / 8
		a.nulls, rest = rest[:size], rest[size:]
	}
	if a.fixed {
		a.data = rest
	} else {
		a.ends, a.data = rest[:4*a.n], rest[4*a.n:]
	}
	return a
}

func le32(s string) uint32 {
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

func le64(s string) uint64 { return uint64(le32(s)) | uint64(le32(s[4:]))<<32 }

// Len returns the number of elements of all dimensions together.
func (a *Array) Len() int { return a.n }

// Dims returns the dimensions, outermost first; none for an empty array.
func (a *Array) Dims() []ArrayDim { return a.dims[:a.ndim] }

// HasNulls reports whether an element is NULL.
func (a *Array) HasNulls() bool { return a.nulls != "" }

// IsNull reports whether element i is NULL.
func (a *Array) IsNull(i int) bool { return a.nulls != "" && a.nulls[i>>3]>>(i&7)&1 != 0 }

// Elem returns element i in storage order, 0 <= i < Len.
func (a *Array) Elem(i int) Datum {
	if a.IsNull(i) {
		return NullDatum
	}
	if a.fixed {
		return Datum{I: int64(le64(a.data[8*i:]))}
	}
	start := uint32(0)
	if i > 0 {
		start = le32(a.ends[4*i-4:])
	}
	return Datum{S: a.data[start:le32(a.ends[4*i:])]}
}

// Elems returns all elements.
func (a *Array) Elems() []Datum {
	out := make([]Datum, a.n)
	for i := range out {
		out[i] = a.Elem(i)
	}
	return out
}

// Index returns the storage position of the element with the subscripts (one per dimension), -1 when there is none.
func (a *Array) Index(subscripts []int) int {
	if len(subscripts) != a.ndim || a.ndim == 0 {
		return -1
	}
	at := 0
	for i, s := range subscripts {
		d := a.dims[i]
		if s < d.Lower || s >= d.Lower+d.Len {
			return -1
		}
		at = at*d.Len + s - d.Lower
	}
	return at
}

// ArrayBuilder gathers elements for a packed array.
type ArrayBuilder struct {
	elem, standIn OID
	fixed         bool
	n             int
	nulls         []byte // nil while nothing is NULL
	fix           []byte
	ends          []uint32
	data          []byte
}

// NewArrayBuilder returns a builder for arrays of the element type.
func NewArrayBuilder(ctx *Ctx, elem OID) *ArrayBuilder {
	b := &ArrayBuilder{elem: elem, standIn: StandIn(orDefault(ctx), elem)}
	b.fixed = isFixed(b.standIn)
	return b
}

// Len returns the number of elements so far.
func (b *ArrayBuilder) Len() int { return b.n }

// Append adds an element.
func (b *ArrayBuilder) Append(d Datum) {
	if d.Null {
		for len(b.nulls) <= b.n>>3 {
			b.nulls = append(b.nulls, 0)
		}
		b.nulls[b.n>>3] |= 1 << (b.n & 7)
	}
	if b.fixed {
		b.fix = binary.LittleEndian.AppendUint64(b.fix, uint64(d.I))
	} else {
		b.data = append(b.data, d.S...)
		b.ends = append(b.ends, uint32(len(b.data)))
	}
	b.n++
}

// Finish returns the one-dimensional array with lower bound 1, the empty array when nothing was added.
func (b *ArrayBuilder) Finish() string { return b.pack([]ArrayDim{{b.n, 1}}) }

// FinishDims returns the array with the dimensions, whose lengths multiply to Len. 54000 when there are too many dimensions or elements,
// or a bound is out of range.
func (b *ArrayBuilder) FinishDims(dims []ArrayDim) (string, error) {
	if err := CheckArrayDims(dims); err != nil {
		return "", err
	}
	n := 1
	for _, d := range dims {
		n *= d.Len
	}
	if n != b.n && !(len(dims) == 0 && b.n == 0) {
		return "", pgerr.Internal("array of %d elements has dimensions for %d", b.n, n)
	}
	return b.pack(dims), nil
}

// Reset makes the builder empty and keeps its memory.
func (b *ArrayBuilder) Reset() {
	b.n, b.nulls, b.fix, b.ends, b.data = 0, nil, b.fix[:0], b.ends[:0], b.data[:0]
}

func (b *ArrayBuilder) pack(dims []ArrayDim) string {
	if b.n == 0 && len(dims) == 1 && dims[0].Lower == 0 && b.isVector() {
		// int2vector and oidvector keep their dimension when empty.
	} else if b.n == 0 {
		dims = nil
	}
	size := arrayHeaderSize + 8*len(dims) + len(b.fix) + 4*len(b.ends) + len(b.data)
	if b.nulls != nil {
		size += (b.n + 7) / 8
	}
	buf := make([]byte, 0, size)
	flags := byte(len(dims))
	if b.nulls != nil {
		flags |= arrayNullsFlag
	}
	buf = append(buf, flags)
	buf = binary.LittleEndian.AppendUint32(buf, uint32(b.elem))
	buf = binary.LittleEndian.AppendUint32(buf, uint32(b.standIn))
	for _, d := range dims {
		buf = binary.LittleEndian.AppendUint32(buf, uint32(d.Len))
		buf = binary.LittleEndian.AppendUint32(buf, uint32(d.Lower))
	}
	if b.nulls != nil {
		buf = append(buf, b.nulls...)
		for range (b.n+7)/8 - len(b.nulls) {
			buf = append(buf, 0)
		}
	}
	buf = append(buf, b.fix...)
	for _, e := range b.ends {
		buf = binary.LittleEndian.AppendUint32(buf, e)
	}
	buf = append(buf, b.data...)
	return unsafe.String(&buf[0], len(buf))
}

func (b *ArrayBuilder) isVector() bool { return b.elem == OIDInt2 || b.elem == OIDOid }

// MakeArray packs a one-dimensional array.
func MakeArray(ctx *Ctx, elem OID, values ...Datum) string {
	b := NewArrayBuilder(ctx, elem)
	for _, d := range values {
		b.Append(d)
	}
	return b.Finish()
}

// MakeVector packs an int2vector (elem int2) or oidvector (elem oid): one dimension with lower bound 0.
func MakeVector(elem OID, values ...int64) string {
	b := NewArrayBuilder(nil, elem)
	for _, v := range values {
		b.Append(Datum{I: v})
	}
	return b.pack([]ArrayDim{{b.n, 0}})
}

// CheckArrayDims checks PostgreSQL's limits on the shape of an array (54000).
func CheckArrayDims(dims []ArrayDim) error {
	if len(dims) > arrayDimsMax {
		return tooManyDims(len(dims))
	}
	n := 1
	for _, d := range dims {
		n *= d.Len
		if d.Len > arrayItemsMax || n > arrayItemsMax {
			return pgerr.Newf(pgerr.ProgramLimitExceeded, "array size exceeds the maximum allowed (%d)", arrayItemsMax)
		}
		if d.Lower+d.Len > 1<<31-1 {
			return pgerr.Newf(pgerr.ProgramLimitExceeded, "array lower bound is too large: %d", d.Lower)
		}
	}
	return nil
}

func tooManyDims(n int) error {
	return pgerr.Newf(pgerr.ProgramLimitExceeded, "number of array dimensions (%d) exceeds the maximum allowed (%d)", n, arrayDimsMax)
}

var arrayOps = new(ops) // filled in by init: its functions lead back here

func init() {
	*arrayOps = ops{
		in: arrayIn, out: arrayOut, recv: arrayRecv, send: arraySend,
		cmp: compareArrays, hash: hashArray, key: arrayKey, lossy: true,
	}
	a := *arrayOps
	a.in = nil
	register(a, OIDAnyarray, OIDAnycompatiblearray)
	v := *arrayOps
	v.in, v.out, v.recv = vectorIn, vectorOut, vectorRecv
	register(v, OIDInt2vector)
	v.cmp, v.key = compareVectors, vectorKey
	register(v, OIDOidvector)
}

// compareArrays orders by the elements, NULL above all; then by their number, the number of dimensions, lengths and lower bounds.
func compareArrays(x, y Datum) int {
	a, b := ParseArray(x.S), ParseArray(y.S)
	compare := Comparator(nil, a.StandIn)
	for i := range min(a.n, b.n) {
		if c := compareElem(compare, a.Elem(i), b.Elem(i)); c != 0 {
			return c
		}
	}
	if c := cmp.Or(cmp.Compare(a.n, b.n), cmp.Compare(a.ndim, b.ndim)); c != 0 {
		return c
	}
	for i := range a.ndim {
		if c := cmp.Compare(a.dims[i].Len, b.dims[i].Len); c != 0 {
			return c
		}
	}
	for i := range a.ndim {
		if c := cmp.Compare(a.dims[i].Lower, b.dims[i].Lower); c != 0 {
			return c
		}
	}
	return 0
}

// compareElem compares with NULLs equal and last.
func compareElem(compare func(a, b Datum) int, x, y Datum) int {
	switch {
	case !x.Null && !y.Null:
		return compare(x, y)
	case x.Null && y.Null:
		return 0
	case x.Null:
		return 1
	}
	return -1
}

func hashArray(d Datum) uint64 {
	a := ParseArray(d.S)
	hash := Hasher(nil, a.StandIn)
	h := uint64(1)
	for i := range a.n {
		if e := a.Elem(i); e.Null {
			h = CombineHash(h, NullHash)
		} else {
			h = CombineHash(h, hash(e))
		}
	}
	return h
}

// arrayKey writes the elements as key columns, NULLs last, an end mark below both, and the shape.
func arrayKey(dst []byte, d Datum) []byte {
	a := ParseArray(d.S)
	k := KeyOpsFor(a.StandIn)
	for i := range a.n {
		dst = k.Append(dst, a.Elem(i), false, false)
	}
	dst = append(dst, keyNullFirst, byte(a.ndim))
	for _, dim := range a.Dims() {
		dst = binary.BigEndian.AppendUint32(dst, uint32(dim.Len))
	}
	for _, dim := range a.Dims() {
		dst = binary.BigEndian.AppendUint32(dst, uint32(dim.Lower)^1<<31)
	}
	return dst
}

// compareVectors orders oidvectors by length, then by elements.
func compareVectors(x, y Datum) int {
	a, b := ParseArray(x.S), ParseArray(y.S)
	if a.n != b.n {
		return cmp.Compare(a.n, b.n)
	}
	return compareArrays(x, y)
}

func vectorKey(dst []byte, d Datum) []byte {
	a := ParseArray(d.S)
	return arrayKey(binary.BigEndian.AppendUint32(dst, uint32(a.n)), d)
}

// applyArrayMod applies a modifier to each element.
func applyArrayMod(ctx *Ctx, t T, d Datum, explicit bool) (Datum, error) {
	a := ParseArray(d.S)
	if a.n == 0 {
		return d, nil
	}
	b := NewArrayBuilder(ctx, a.Type)
	for i := range a.n {
		e := a.Elem(i)
		if !e.Null {
			var err error
			if e, err = ApplyMod(ctx, T{a.Type, t.Mod}, e, explicit); err != nil {
				return Datum{}, err
			}
		}
		b.Append(e)
	}
	return Datum{S: b.pack(a.Dims())}, nil
}

// RetypeArray returns the array with another element type of the same representation (varchar[] as text[], int4[] as a domain's array).
func RetypeArray(ctx *Ctx, s string, elem OID) string {
	if len(s) < arrayHeaderSize || OID(le32(s[1:])) == elem {
		return s
	}
	buf := []byte(s)
	binary.LittleEndian.PutUint32(buf[1:], uint32(elem))
	binary.LittleEndian.PutUint32(buf[5:], uint32(StandIn(orDefault(ctx), elem)))
	return unsafe.String(&buf[0], len(buf))
}
