package exec

import (
	"kimberlite/sql/types"
)

// groupTable numbers the distinct rows of some key columns from 0 in the order they first appear. NULLs are equal to each other. It is an
// open-addressed hash table whose slots hold the upper half of a hash and the group's number.
type groupTable struct {
	types  []keyType
	keys   rowStore
	slots  []uint64 // hash>>32<<32 | group+1; 0 is free
	mask   uint64
	n      int
	sums   []uint64
	hashes []uint64 // by group, to grow without hashing again
}

func newGroupTable(cols []types.T, io *types.Ctx) *groupTable {
	t := &groupTable{keys: *newRowStore(cols, io)}
	for _, c := range cols {
		t.types = append(t.types, keyTypeOf(c, io))
	}
	t.alloc(256)
	return t
}

func (t *groupTable) alloc(n int) {
	t.slots = make([]uint64, n)
	t.mask = uint64(n - 1)
}

func (t *groupTable) reset() {
	if len(t.slots) > 1<<12 {
		t.alloc(256)
		t.keys.free()
		t.hashes = nil
	} else {
		clear(t.slots)
		t.keys.reset()
		t.hashes = t.hashes[:0]
	}
	t.n = 0
}

// bytes estimates the memory held.
func (t *groupTable) bytes() int64 { return t.keys.bytes + int64(len(t.slots)+cap(t.hashes))*8 }

// hash computes the hashes of the rows sel into t.sums.
func (t *groupTable) hash(cols []*types.Vec, sel []int32) []uint64 {
	if cap(t.sums) < len(sel) {
		t.sums = make([]uint64, max(len(sel), types.BatchRows))
	}
	sums := t.sums[:len(sel)]
	for i := range t.types {
		t.types[i].hashColumn(cols[i], sel, sums, i == 0)
	}
	if len(t.types) == 0 {
		clear(sums)
	}
	return sums
}

// groups finds or makes the group of each row sel[i] and stores its number in out[i].
func (t *groupTable) groups(cols []*types.Vec, sel, out []int32) {
	t.lookup(cols, sel, t.hash(cols, sel), out, true)
}

// find is groups that makes none: -1 stands for a row without a group. sums are from hash.
func (t *groupTable) find(cols []*types.Vec, sel []int32, sums []uint64, out []int32) {
	t.lookup(cols, sel, sums, out, false)
}

func (t *groupTable) lookup(cols []*types.Vec, sel []int32, sums []uint64, out []int32, add bool) {
	for (t.n+len(sel))*2 > len(t.slots) {
		t.grow()
	}
	if len(t.types) == 1 && t.types[0].kind == keyInt && cols[0].Nulls == nil && t.keys.cols[0].nulls == nil {
		t.lookupInt(cols[0].Fix, sel, sums, out, add)
		return
	}
	for i, r := range sel {
		h := sums[i]
		tag := h &^ 0xffffffff
		for at := h & t.mask; ; at = (at + 1) & t.mask {
			s := t.slots[at]
			if s == 0 {
				if !add {
					out[i] = -1
					break
				}
				t.slots[at] = tag | uint64(t.n+1)
				out[i] = int32(t.n)
				t.add(cols, r, h)
				break
			}
			if s&^0xffffffff == tag {
				if g := int(uint32(s)) - 1; t.same(cols, r, g) {
					out[i] = int32(g)
					break
				}
			}
		}
	}
}

// lookupInt is lookup for one integer key.
func (t *groupTable) lookupInt(vals []int64, sel []int32, sums []uint64, out []int32, add bool) {
	keys := t.keys.cols[0].fix
	for i, r := range sel {
		h := sums[i]
		v := vals[r]
		for at := h & t.mask; ; at = (at + 1) & t.mask {
			s := t.slots[at]
			if s == 0 {
				if !add {
					out[i] = -1
					break
				}
				t.slots[at] = h&^0xffffffff | uint64(t.n+1)
				out[i] = int32(t.n)
				keys = append(keys, v)
				t.hashes = append(t.hashes, h)
				t.n++
				break
			}
			if g := uint32(s) - 1; keys[g] == v {
				out[i] = int32(g)
				break
			}
		}
	}
	c := &t.keys.cols[0]
	t.keys.bytes += 8 * int64(len(keys)-c.n)
	c.fix, c.n, t.keys.n = keys, len(keys), len(keys)
}

func (t *groupTable) add(cols []*types.Vec, r int32, h uint64) {
	one := [1]int32{r}
	for k := range t.types {
		t.keys.bytes += t.keys.cols[k].appendVec(cols[k], one[:])
	}
	t.keys.n++
	t.hashes = append(t.hashes, h)
	t.n++
}

func (t *groupTable) same(cols []*types.Vec, r int32, g int) bool {
	for k := range t.types {
		c, v := &t.keys.cols[k], cols[k]
		an, bn := v.IsNull(int(r)), c.isNull(g)
		if an || bn {
			if an != bn {
				return false
			}
			continue
		}
		switch t.types[k].kind {
		case keyInt:
			if v.Fix[r] != c.fix[g] {
				return false
			}
		case keyString:
			if v.Str[r] != c.str[g] {
				return false
			}
		default:
			if !t.types[k].equal(v.Datum(int(r)), c.datum(g)) {
				return false
			}
		}
	}
	return true
}

func (t *groupTable) grow() {
	t.alloc(len(t.slots) * 2)
	for g, h := range t.hashes {
		at := h & t.mask
		for t.slots[at] != 0 {
			at = (at + 1) & t.mask
		}
		t.slots[at] = h&^0xffffffff | uint64(g+1)
	}
}
