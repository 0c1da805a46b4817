package exec

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"

	"kimberlite/exec/plan"
	"kimberlite/sql/types"
)

// keyKind says how the values of a key column are compared.
type keyKind uint8

const (
	keyInt    keyKind = iota // Fixed values by int64; equal values are identical
	keyString                // Bytes values by bytes; equal values are identical
	keyPadded                // Bytes values by bytes, trailing blanks aside: char(n)
	keyOther                 // by the type's comparison
)

// keyType is how one column takes part in sorting, grouping and joining.
type keyType struct {
	kind  keyKind
	class types.Class
	cmp   func(a, b types.Datum) int
	hash  func(types.Datum) uint64
	float bool
}

func keyTypeOf(t types.T, io *types.Ctx) keyType {
	k := keyType{class: types.ClassOf(io, t.OID), cmp: types.Comparator(io, t.OID), hash: types.Hasher(io, t.OID)}
	switch in := types.StandIn(io, t.OID); in {
	case types.OIDFloat4, types.OIDFloat8:
		k.kind, k.float = keyOther, true
	case types.OIDXid8, types.OIDPgLsn:
		k.kind = keyOther
	case types.OIDText, types.OIDVarchar, types.OIDName, types.OIDBytea, types.OIDUuid, types.OIDUnknown, types.OIDCstring:
		k.kind = keyString
	case types.OIDBpchar:
		k.kind = keyPadded
	default:
		k.kind = keyOther
		if k.class == types.Fixed {
			k.kind = keyInt
		}
	}
	return k
}

// equal compares two values, neither NULL.
func (k *keyType) equal(a, b types.Datum) bool {
	switch k.kind {
	case keyInt:
		return a.I == b.I
	case keyString:
		return a.S == b.S
	case keyPadded:
		return a.S == b.S || unpad(a.S) == unpad(b.S)
	}
	if k.class == types.Bytes && a.S == b.S {
		return true
	}
	return k.cmp(a, b) == 0
}

// hashColumn mixes the hashes of a column's rows into sums (one a row of sel); first says that it is the first column.
func (k *keyType) hashColumn(v *types.Vec, sel []int32, sums []uint64, first bool) {
	if first {
		for i := range sums {
			sums[i] = 0
		}
	}
	switch {
	case k.kind == keyInt && v.Nulls == nil:
		for i, r := range sel {
			sums[i] = mix(sums[i], uint64(v.Fix[r]))
		}
	case k.kind == keyString && v.Nulls == nil:
		for i, r := range sel {
			sums[i] = types.CombineHash(sums[i], xxhash.Sum64String(v.Str[r]))
		}
	case k.kind == keyPadded && v.Nulls == nil:
		for i, r := range sel {
			sums[i] = types.CombineHash(sums[i], xxhash.Sum64String(unpad(v.Str[r])))
		}
	default:
		for i, r := range sel {
			switch {
			case v.IsNull(int(r)):
				sums[i] = types.CombineHash(sums[i], types.NullHash)
			case k.kind == keyInt:
				sums[i] = mix(sums[i], uint64(v.Fix[r]))
			case k.kind == keyString:
				sums[i] = types.CombineHash(sums[i], xxhash.Sum64String(v.Str[r]))
			case k.kind == keyPadded:
				sums[i] = types.CombineHash(sums[i], xxhash.Sum64String(unpad(v.Str[r])))
			default:
				sums[i] = types.CombineHash(sums[i], k.hash(v.Datum(int(r))))
			}
		}
	}
}

// mix folds an integer into a hash: two multiplications and shifts spread every bit to the low and the high ones.
func mix(h, x uint64) uint64 {
	x = (x ^ h) * 0x9e3779b97f4a7c15
	x ^= x >> 32
	x *= 0xd6e8feb86659fd93
	return x ^ x>>32
}

// sortKey is one column of an order.
type sortKey struct {
	col        int
	t          keyType
	desc       bool
	nullsFirst bool
}

func sortKeys(keys []plan.SortKey, cols []types.T, io *types.Ctx) []sortKey {
	out := make([]sortKey, len(keys))
	for i, k := range keys {
		out[i] = sortKey{col: k.Col - 1, t: keyTypeOf(cols[k.Col-1], io), desc: k.Desc, nullsFirst: k.NullsFirst}
	}
	return out
}

// compare orders two values of the key column, NULLs included.
func (k *sortKey) compare(a, b types.Datum) int {
	if a.Null || b.Null {
		switch {
		case a.Null && b.Null:
			return 0
		case a.Null == k.nullsFirst:
			return -1
		}
		return 1
	}
	var c int
	switch k.t.kind {
	case keyInt:
		c = cmpInt64(a.I, b.I)
	case keyString:
		c = compareStrings(a.S, b.S)
	case keyPadded:
		c = compareStrings(unpad(a.S), unpad(b.S))
	default:
		c = k.t.cmp(a, b)
	}
	if k.desc {
		return -c
	}
	return c
}

func compareStrings(a, b string) int {
	switch {
	case a == b:
		return 0
	case a < b:
		return -1
	}
	return 1
}

// compareRows orders rows i and j of a store.
func compareRows(s *rowStore, keys []sortKey, i, j int) int {
	for n := range keys {
		k := &keys[n]
		c := &s.cols[k.col]
		if d := k.compare(c.datum(i), c.datum(j)); d != 0 {
			return d
		}
	}
	return 0
}

// prefix maps a value of the key column to 64 bits whose unsigned order agrees with the key's as far as it goes: a difference decides,
// equality does not. ok is false for types without such a map.
func (k *sortKey) prefix(d types.Datum) uint64 {
	var p uint64
	switch {
	case d.Null:
		if k.nullsFirst {
			return 0
		}
		return ^uint64(0)
	case k.t.kind == keyInt:
		p = uint64(d.I) ^ 1<<63
	case k.t.float:
		p = uint64(floatKey(d.I)) ^ 1<<63
	case k.t.kind == keyPadded:
		p = stringPrefix(unpad(d.S))
	default:
		p = stringPrefix(d.S)
	}
	if k.desc {
		return ^p
	}
	return p
}

// hasPrefix reports whether prefix works for the key.
func (k *sortKey) hasPrefix() bool { return k.t.kind != keyOther || k.t.float }

func stringPrefix(s string) uint64 {
	if len(s) >= 8 {
		return uint64(s[0])<<56 | uint64(s[1])<<48 | uint64(s[2])<<40 | uint64(s[3])<<32 | uint64(s[4])<<24 | uint64(s[5])<<16 | uint64(s[6])<<8 | uint64(s[7])
	}
	var b [8]byte
	copy(b[:], s)
	return binary.BigEndian.Uint64(b[:])
}
