package types

import (
	"encoding/binary"
	"strings"

	"kimberlite/sql/pgerr"
)

// The marker byte before each value of a key. Values always lie between the two kinds of NULL.
const (
	keyNullFirst = 0x00
	keyValue     = 0x01
	keyNullLast  = 0x02
)

// KeyOps encodes the values of one type as index keys: bytes that order as the values do. Built-in types and stand-ins only (see StandIn).
type KeyOps struct {
	key   func(dst []byte, d Datum) []byte
	unkey func(src []byte) (Datum, []byte, error)
	lossy bool
}

// KeyOpsFor returns the key encoding of a built-in type or of a stand-in.
func KeyOpsFor(oid OID) KeyOps {
	oid = StandIn(nil, oid)
	k := KeyOps{key: keyBytes, unkey: unkeyBytes}
	if isFixed(oid) {
		k = KeyOps{key: keyFixed, unkey: unkeyFixed}
	}
	if o := opsOf[oid]; o != nil {
		if o.key != nil {
			k.key, k.unkey = o.key, o.unkey
		}
		k.lossy = o.lossy || k.unkey == nil
	}
	return k
}

// Lossy reports whether Decode may give back an equal but not identical value (1.0 for 1.00), or none at all.
func (k KeyOps) Lossy() bool { return k.lossy }

// Append appends the key encoding of d to dst: a marker byte, then the value's self-delimiting bytes, complemented for desc.
func (k KeyOps) Append(dst []byte, d Datum, desc, nullsFirst bool) []byte {
	if d.Null {
		if nullsFirst {
			return append(dst, keyNullFirst)
		}
		return append(dst, keyNullLast)
	}
	dst = append(dst, keyValue)
	n := len(dst)
	dst = k.key(dst, d)
	if desc {
		complement(dst[n:])
	}
	return dst
}

// Decode reads a value that Append wrote and returns the bytes after it. For a type without decoding it fails with XX000; ask Lossy first.
func (k KeyOps) Decode(src []byte, desc bool) (d Datum, rest []byte, err error) {
	if len(src) == 0 {
		return d, nil, errKey
	}
	switch src[0] {
	case keyNullFirst, keyNullLast:
		return NullDatum, src[1:], nil
	case keyValue:
	default:
		return d, nil, errKey
	}
	if k.unkey == nil {
		return d, nil, pgerr.Internal("key encoding of this type cannot be decoded")
	}
	src = src[1:]
	if !desc {
		return k.unkey(src)
	}
	flipped := append([]byte(nil), src...)
	complement(flipped)
	d, rest, err = k.unkey(flipped)
	if err != nil {
		return d, nil, err
	}
	return d, src[len(src)-len(rest):], nil
}

// AppendKey appends the key encoding of d, a value of the built-in type or stand-in oid; see KeyOps.Append.
func AppendKey(dst []byte, oid OID, d Datum, desc, nullsFirst bool) []byte {
	return KeyOpsFor(oid).Append(dst, d, desc, nullsFirst)
}

// DecodeKey reads a value that AppendKey wrote; see KeyOps.Decode.
func DecodeKey(src []byte, oid OID, desc bool) (Datum, []byte, error) {
	return KeyOpsFor(oid).Decode(src, desc)
}

// KeyIsLossy reports whether a value cannot be read back from its key exactly; an index-only scan must then fetch the row.
func KeyIsLossy(oid OID) bool { return KeyOpsFor(oid).Lossy() }

var errKey = pgerr.New(pgerr.DataCorrupted, "malformed index key")

func complement(b []byte) {
	for i := range b {
		b[i] = ^b[i]
	}
}

// keyFixed is the flipped-sign big-endian form of I.
func keyFixed(dst []byte, d Datum) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(d.I)^(1<<63))
}

func unkeyFixed(src []byte) (Datum, []byte, error) {
	if len(src) < 8 {
		return Datum{}, nil, errKey
	}
	return Datum{I: int64(binary.BigEndian.Uint64(src) ^ (1 << 63))}, src[8:], nil
}

// keyUnsigned is the big-endian form of I's bits.
func keyUnsigned(dst []byte, d Datum) []byte { return binary.BigEndian.AppendUint64(dst, uint64(d.I)) }

func unkeyUnsigned(src []byte) (Datum, []byte, error) {
	if len(src) < 8 {
		return Datum{}, nil, errKey
	}
	return Datum{I: int64(binary.BigEndian.Uint64(src))}, src[8:], nil
}

// keyBytes escapes a zero byte as 00 FF and ends with 00 01, so that a prefix sorts before what it is a prefix of.
func keyBytes(dst []byte, d Datum) []byte {
	s := d.S
	for {
		i := strings.IndexByte(s, 0)
		if i < 0 {
			break
		}
		dst = append(dst, s[:i]...)
		dst = append(dst, 0, 0xff)
		s = s[i+1:]
	}
	dst = append(dst, s...)
	return append(dst, 0, 1)
}

func unkeyBytes(src []byte) (Datum, []byte, error) {
	var buf []byte
	for i := 0; i+1 < len(src); i++ {
		if src[i] != 0 {
			continue
		}
		switch src[i+1] {
		case 1:
			if buf == nil {
				return Datum{S: string(src[:i])}, src[i+2:], nil
			}
			return Datum{S: string(append(buf, src[:i]...))}, src[i+2:], nil
		case 0xff:
			buf = append(append(buf, src[:i]...), 0)
			src = src[i+2:]
			i = -1
		default:
			return Datum{}, nil, errKey
		}
	}
	return Datum{}, nil, errKey
}
