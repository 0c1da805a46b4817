package types

import (
	"cmp"
	"encoding/binary"
	"strings"
)

// CompareJsonb is the btree order: Object > Array > Boolean > Number > String > Null, more members > fewer, then member by member
// (keys in storage order). At the top level alone, an empty array is less than any scalar, as PostgreSQL has it.
func CompareJsonb(a, b Jsonb) int {
	if a == b {
		return 0
	}
	if a.IsScalar() != b.IsScalar() {
		if a == JsonbEmptyArray {
			return -1
		}
		if b == JsonbEmptyArray {
			return 1
		}
	}
	return compareJsonb(a, b)
}

func compareJsonb(a, b Jsonb) int {
	ka, kb := a.Kind(), b.Kind()
	if ka != kb {
		return cmp.Compare(ka, kb)
	}
	switch ka {
	case JSONNull:
		return 0
	case JSONString:
		return strings.Compare(a.Str(), b.Str())
	case JSONNumber:
		return NumericCompare(a.Numeric(), b.Numeric())
	case JSONBoolean:
		return cmp.Compare(a[0], b[0])
	}
	na, nb := a.Len(), b.Len()
	if na != nb {
		return cmp.Compare(na, nb)
	}
	for i := range na {
		if ka == JSONObject {
			if c := strings.Compare(a.Key(i), b.Key(i)); c != 0 {
				return c
			}
		}
		if c := compareJsonb(a.Elem(i), b.Elem(i)); c != 0 {
			return c
		}
	}
	return 0
}

// EqualJsonb reports whether two values are equal; numbers by value, so that 1 equals 1.0.
func EqualJsonb(a, b Jsonb) bool { return a == b || compareJsonb(a, b) == 0 }

func (j Jsonb) hash() uint64 {
	k := j.Kind()
	h := hashUint64(uint64(k) + 1)
	switch k {
	case JSONString:
		return CombineHash(h, hashBytes(Datum{S: j.Str()}))
	case JSONNumber:
		return CombineHash(h, numericHash(j.Numeric()))
	case JSONBoolean:
		return CombineHash(h, uint64(j[0]))
	case JSONArray, JSONObject:
		for i := range j.Len() {
			if k == JSONObject {
				h = CombineHash(h, hashBytes(Datum{S: j.Key(i)}))
			}
			h = CombineHash(h, j.Elem(i).hash())
		}
	}
	return h
}

// jsonbKey encodes a value so that bytes order as CompareJsonb does: a byte for the kind, then the count of members and the members.
func jsonbKey(dst []byte, d Datum) []byte {
	j := Jsonb(d.S)
	if j == JsonbEmptyArray {
		return append(dst, 0)
	}
	return j.appendKey(dst)
}

func (j Jsonb) appendKey(dst []byte) []byte {
	k := j.Kind()
	dst = append(dst, byte(k)+1)
	switch k {
	case JSONString:
		return keyBytes(dst, Datum{S: j.Str()})
	case JSONNumber:
		return numericKey(dst, Datum{S: j.Numeric()})
	case JSONBoolean:
		return append(dst, j[0])
	case JSONArray, JSONObject:
		n := j.Len()
		dst = binary.BigEndian.AppendUint32(dst, uint32(n))
		for i := range n {
			if k == JSONObject {
				dst = keyBytes(dst, Datum{S: j.Key(i)})
			}
			dst = j.Elem(i).appendKey(dst)
		}
	}
	return dst
}

// Contains is @>: every member of b is in j, wherever in an array and however often. An array also contains a scalar, at
// the top level only.
func (j Jsonb) Contains(b Jsonb) bool {
	if j.IsArray() && b.IsScalar() {
		return j.hasElement(b)
	}
	return j.contains(b)
}

func (j Jsonb) contains(b Jsonb) bool {
	if j.Kind() != b.Kind() {
		return false
	}
	switch {
	case b.IsObject():
		if b.Len() > j.Len() {
			return false
		}
		for i := range b.Len() {
			v, ok := j.Field(b.Key(i))
			if !ok || !v.contains(b.Elem(i)) {
				return false
			}
		}
		return true
	case b.IsArray():
		for i := range b.Len() {
			e := b.Elem(i)
			if e.IsScalar() {
				if !j.hasElement(e) {
					return false
				}
				continue
			}
			found := false
			for k := 0; k < j.Len() && !found; k++ {
				found = j.Elem(k).contains(e)
			}
			if !found {
				return false
			}
		}
		return true
	}
	return EqualJsonb(j, b)
}

// hasElement reports whether a scalar is among an array's elements.
func (j Jsonb) hasElement(scalar Jsonb) bool {
	for i := range j.Len() {
		if EqualJsonb(j.Elem(i), scalar) {
			return true
		}
	}
	return false
}

// Exists is ?: the text is a key of the object, a string in the array, or the string itself.
func (j Jsonb) Exists(key string) bool {
	switch j.Kind() {
	case JSONObject:
		_, ok := j.find(key)
		return ok
	case JSONArray:
		return j.hasElement(JsonbOfString(key))
	case JSONString:
		return j.Str() == key
	}
	return false
}

// ExistsAny is ?|.
func (j Jsonb) ExistsAny(keys []string) bool {
	for _, k := range keys {
		if j.Exists(k) {
			return true
		}
	}
	return false
}

// ExistsAll is ?&.
func (j Jsonb) ExistsAll(keys []string) bool {
	for _, k := range keys {
		if !j.Exists(k) {
			return false
		}
	}
	return true
}
