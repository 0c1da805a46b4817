package types

import (
	"bytes"
	"encoding/binary"
)

// Some types of a fixed size can be subscripted as if they were arrays: name, point, lseg, box and line (those with raw_array_subscript_handler).
// Their elements are numbered from 0, and the number of elements is the type's.

// rawArraySubscripting is raw_array_subscript_handler.
const rawArraySubscripting OID = 6180

// FixedArray describes such a type.
type FixedArray struct {
	Elem OID
	Len  int
	size int // bytes of an element in the packed form
}

// FixedArrayOf returns the description of a type with fixed elements; Elem is 0 for any other type. Domains are not looked through.
func FixedArrayOf(oid OID) FixedArray {
	ty := Builtin(oid)
	if ty == nil || ty.Subscript != rawArraySubscripting {
		return FixedArray{}
	}
	size := 8
	switch ty.Elem {
	case OIDChar:
		size = 1
	case OIDPoint:
		size = 16
	}
	return FixedArray{Elem: ty.Elem, Len: int(ty.Len) / size, size: size}
}

// Get returns element i of a value, NULL outside its bounds.
func (f FixedArray) Get(d Datum, i int) Datum {
	if i < 0 || i >= f.Len {
		return NullDatum
	}
	switch f.Elem {
	case OIDChar:
		if i >= len(d.S) { // a name is filled up with zero bytes
			return Datum{}
		}
		return Datum{I: int64(d.S[i])}
	case OIDPoint:
		return Datum{S: d.S[i*f.size : (i+1)*f.size]}
	}
	return Datum{I: int64(le64(d.S[i*f.size:]))}
}

// Set returns the value with element i, which is within its bounds, replaced.
func (f FixedArray) Set(d Datum, i int, v Datum) Datum {
	b := make([]byte, f.Len*f.size)
	copy(b, d.S)
	switch f.Elem {
	case OIDChar:
		b[i] = byte(v.I)
		if n := bytes.IndexByte(b[:f.Len-1], 0); n >= 0 { // what follows a zero byte is invisible, as in PostgreSQL
			b = b[:n]
		} else {
			b = b[:f.Len-1]
		}
	case OIDPoint:
		copy(b[i*f.size:], v.S)
	default:
		binary.LittleEndian.PutUint64(b[i*f.size:], uint64(v.I))
	}
	return Datum{S: string(b)}
}
