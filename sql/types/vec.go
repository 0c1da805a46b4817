package types

import (
	"math/bits"
	"unsafe"
)

// BatchRows is the most rows that one batch holds: big enough to amortise per-batch work, small enough for a
// dozen columns to stay in the second-level cache.
const BatchRows = 1024

// Bitmap is a set of row numbers, bit i of word i/64.
type Bitmap []uint64

// Get reports whether bit i is set; beyond its length every bit is clear.
func (b Bitmap) Get(i int) bool {
	w := i >> 6
	return w < len(b) && b[w]&(1<<(uint(i)&63)) != 0
}

// Any reports whether any bit is set.
func (b Bitmap) Any() bool {
	for _, w := range b {
		if w != 0 {
			return true
		}
	}
	return false
}

// Count returns the number of bits set.
func (b Bitmap) Count() int {
	n := 0
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

// Vec is a column of values of one type. Fix or Str holds the values according to the type's Class and has (at least)
// as many elements as the batch has rows; Nulls has a bit for each NULL (the element beside it is zero, or must not be read).
//
// Strings in Str are immutable for ever: producers carve them from chunks they never reuse, so anybody may keep
// one; who keeps few of them for long clones them, so that the chunk can go.
type Vec struct {
	T     T
	Class Class
	Fix   []int64
	Str   []string
	Nulls Bitmap // nil when nothing is NULL
}

// NewVec returns an empty vector with room for BatchRows values.
func NewVec(t T, class Class) *Vec {
	v := &Vec{T: t, Class: class}
	v.Resize(0)
	return v
}

// Resize sets the length to n, keeps what fits and clears no element; Nulls is dropped when n is 0.
func (v *Vec) Resize(n int) {
	if v.Class == Fixed {
		if cap(v.Fix) < n {
			next := make([]int64, n, max(n, BatchRows))
			copy(next, v.Fix)
			v.Fix = next
		}
		v.Fix = v.Fix[:n]
	} else {
		if cap(v.Str) < n {
			next := make([]string, n, max(n, BatchRows))
			copy(next, v.Str)
			v.Str = next
		}
		v.Str = v.Str[:n]
	}
	if n == 0 {
		v.Nulls = nil
	}
}

// Len returns the number of values.
func (v *Vec) Len() int {
	if v.Class == Fixed {
		return len(v.Fix)
	}
	return len(v.Str)
}

// IsNull reports whether value i is NULL.
func (v *Vec) IsNull(i int) bool { return v.Nulls != nil && v.Nulls.Get(i) }

// SetNull marks value i as NULL.
func (v *Vec) SetNull(i int) {
	w := i >> 6
	if w >= len(v.Nulls) {
		next := make(Bitmap, max(w+1, BatchRows/64))
		copy(next, v.Nulls)
		v.Nulls = next
	}
	v.Nulls[w] |= 1 << (uint(i) & 63)
	if v.Class == Fixed {
		v.Fix[i] = 0
	} else {
		v.Str[i] = ""
	}
}

// ClearNull marks value i as not NULL.
func (v *Vec) ClearNull(i int) {
	if w := i >> 6; w < len(v.Nulls) {
		v.Nulls[w] &^= 1 << (uint(i) & 63)
	}
}

// Datum returns value i.
func (v *Vec) Datum(i int) Datum {
	if v.IsNull(i) {
		return NullDatum
	}
	if v.Class == Fixed {
		return Datum{I: v.Fix[i]}
	}
	return Datum{S: v.Str[i]}
}

// Set stores d as value i; i must be below Len.
func (v *Vec) Set(i int, d Datum) {
	if d.Null {
		v.SetNull(i)
		return
	}
	if v.Nulls != nil {
		v.ClearNull(i)
	}
	if v.Class == Fixed {
		v.Fix[i] = d.I
	} else {
		v.Str[i] = d.S
	}
}

// Append adds d at the end.
func (v *Vec) Append(d Datum) {
	n := v.Len()
	v.Resize(n + 1)
	v.Set(n, d)
}

// Batch is up to BatchRows rows as columns. N is the physical number of rows; Sel, if not nil, lists (ascending) the rows that
// count, so that a filter need not move anything. A batch and its vectors belong to their producer and are valid until the
// producer is asked for the next one; the strings in them stay valid (see Vec).
type Batch struct {
	N    int
	Sel  []int32
	Cols []*Vec
}

// Rows returns the number of selected rows.
func (b *Batch) Rows() int {
	if b.Sel != nil {
		return len(b.Sel)
	}
	return b.N
}

// Row returns the physical row number of selected row i.
func (b *Batch) Row(i int) int {
	if b.Sel != nil {
		return int(b.Sel[i])
	}
	return i
}

// Reset makes the batch empty and keeps its vectors.
func (b *Batch) Reset() {
	b.N, b.Sel = 0, nil
	for _, c := range b.Cols {
		c.Resize(0)
	}
}

// Arena carves immutable strings from chunks, so that a batch of short strings costs one allocation.
type Arena struct{ free []byte }

const arenaChunk = 16 << 10 // small enough that a kept string pins little, large enough for hundreds of short strings

// Alloc returns n bytes that the caller fills before it makes them a string with String.
func (a *Arena) Alloc(n int) []byte {
	if n > len(a.free) {
		if n > arenaChunk/4 {
			return make([]byte, n)
		}
		a.free = make([]byte, arenaChunk)
	}
	p := a.free[:n:n]
	a.free = a.free[n:]
	return p
}

// Copy returns b as a string in the arena.
func (a *Arena) Copy(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	p := a.Alloc(len(b))
	copy(p, b)
	return unsafe.String(&p[0], len(p))
}
