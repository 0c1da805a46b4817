package functions

import (
	"crypto/rand"
	"encoding/binary"
	"math"
	"math/bits"
	"strings"

	"kimberlite/sql/types"
)

// PostgreSQL's hash functions, which people call for advisory locks and their own sharding: the numbers must be the same. They are Bob Jenkins'
// lookup3. The engine itself hashes with types.Hasher.

const hashStart = 0x9e3779b9 + 3923095

type hashState struct{ a, b, c uint32 }

func newHash(length int, seed int64) *hashState {
	init := uint32(hashStart) + uint32(length)
	h := &hashState{init, init, init}
	if seed != 0 {
		h.a += uint32(uint64(seed) >> 32)
		h.b += uint32(seed)
		h.mix()
	}
	return h
}

func (h *hashState) mix() {
	a, b, c := h.a, h.b, h.c
	a, c = (a-c)^bits.RotateLeft32(c, 4), c+b
	b, a = (b-a)^bits.RotateLeft32(a, 6), a+c
	c, b = (c-b)^bits.RotateLeft32(b, 8), b+a
	a, c = (a-c)^bits.RotateLeft32(c, 16), c+b
	b, a = (b-a)^bits.RotateLeft32(a, 19), a+c
	c, b = (c-b)^bits.RotateLeft32(b, 4), b+a
	h.a, h.b, h.c = a, b, c
}

func (h *hashState) final() uint64 {
	a, b, c := h.a, h.b, h.c
	c = (c ^ b) - bits.RotateLeft32(b, 14)
	a = (a ^ c) - bits.RotateLeft32(c, 11)
	b = (b ^ a) - bits.RotateLeft32(a, 25)
	c = (c ^ b) - bits.RotateLeft32(b, 16)
	a = (a ^ c) - bits.RotateLeft32(c, 4)
	b = (b ^ a) - bits.RotateLeft32(a, 14)
	c = (c ^ b) - bits.RotateLeft32(b, 24)
	return uint64(b)<<32 | uint64(c)
}

// hashString hashes bytes; the low half is the 32-bit hash when seed is 0.
func hashString(s string, seed int64) uint64 {
	h := newHash(len(s), seed)
	for ; len(s) >= 12; s = s[12:] {
		h.a += le32(s)
		h.b += le32(s[4:])
		h.c += le32(s[8:])
		h.mix()
	}
	var tail [12]byte // the last word's low byte is left for the length, which newHash has taken in
	copy(tail[:8], s)
	if len(s) > 8 {
		copy(tail[9:], s[8:])
	}
	h.a += binary.LittleEndian.Uint32(tail[:])
	h.b += binary.LittleEndian.Uint32(tail[4:])
	h.c += binary.LittleEndian.Uint32(tail[8:])
	return h.final()
}

func le32(s string) uint32 {
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

func hashWord(v uint32, seed int64) uint64 {
	h := newHash(4, seed)
	h.a += v
	return h.final()
}

// hashInt8 gives an int8 the hash of the int4 of the same value.
func hashInt8(v, seed int64) uint64 {
	low, high := uint32(v), uint32(uint64(v)>>32)
	if v < 0 {
		high = ^high
	}
	return hashWord(low^high, seed)
}

func hashFloat(f float64, seed int64) uint64 {
	if f == 0 {
		return uint64(seed)
	}
	u := math.Float64bits(f)
	if math.IsNaN(f) {
		u = 0x7ff8000000000000
	}
	return hashString(string(binary.LittleEndian.AppendUint64(nil, u)), seed)
}

// hashNumeric hashes the digits to the base 10000 without zeros around them, so that the scale doesn't matter.
func hashNumeric(d types.Datum, seed int64) uint64 {
	if types.NumericIsNaN(d.S) || types.NumericIsInf(d.S) {
		return uint64(seed)
	}
	b, err := types.AppendBinary(nil, nil, types.Of(types.OIDNumeric), d)
	if err != nil {
		return 0 // a numeric has a binary form
	}
	n, weight := int(binary.BigEndian.Uint16(b)), int16(binary.BigEndian.Uint16(b[2:]))
	if n == 0 {
		return uint64(seed - 1)
	}
	digits := b[8 : 8+2*n]
	for i := 0; i < len(digits); i += 2 {
		digits[i], digits[i+1] = digits[i+1], digits[i]
	}
	return hashString(string(digits), seed) ^ uint64(weight)
}

// hashInterval hashes the low half of the length that intervals are compared by.
func hashInterval(d types.Datum, seed int64) uint64 {
	iv := iv(d)
	return hashInt8(iv.Micros+(int64(iv.Days)+30*int64(iv.Months))*24*60*60*1000000, seed)
}

func hashTimeTZ(d types.Datum, seed int64) uint64 {
	t := types.UnpackTimeTZ(d.S)
	return hashInt8(t.Micros, seed) ^ hashWord(uint32(t.West), seed)
}

func init() {
	word := func(d types.Datum, seed int64) uint64 { return hashWord(uint32(d.I), seed) }
	text := func(d types.Datum, seed int64) uint64 { return hashString(d.S, seed) }
	wide := func(d types.Datum, seed int64) uint64 { return hashInt8(d.I, seed) }
	float := func(d types.Datum, seed int64) uint64 { return hashFloat(d.Float(), seed) }
	for src, hash := range map[string]func(d types.Datum, seed int64) uint64{
		"hashint2": word, "hashint4": word, "hashoid": word, "hashint8": wide, "timestamp_hash": wide, "time_hash": wide,
		"hashtext": text, "hashname": text, "hashvarlena": text, "uuid_hash": text, "hashfloat4": float, "hashfloat8": float,
		"hashchar":      func(d types.Datum, seed int64) uint64 { return hashWord(uint32(int8(d.I)), seed) },
		"interval_hash": hashInterval, "timetz_hash": hashTimeTZ, "hashinet": text, "hashmacaddr": text, "hashmacaddr8": text, "hash_numeric": hashNumeric,
		"hashbpchar": func(d types.Datum, seed int64) uint64 { return hashString(strings.TrimRight(d.S, " "), seed) },
	} {
		extended := src + "extended"
		if strings.Contains(src, "hash_") || strings.HasSuffix(src, "_hash") {
			extended = src + "_extended"
		}
		textFn(src, func(a []types.Datum) (types.Datum, error) { return types.Int(int64(int32(hash(a[0], 0)))), nil })
		textFn(extended, func(a []types.Datum) (types.Datum, error) { return types.Int(int64(hash(a[0], a[1].I))), nil })
	}
	textFn("gen_random_uuid", func([]types.Datum) (types.Datum, error) {
		var u [16]byte
		if _, err := rand.Read(u[:]); err != nil {
			return types.Datum{}, err
		}
		u[6] = u[6]&0x0f | 0x40 // version 4
		u[8] = u[8]&0x3f | 0x80 // variant of RFC 4122
		return types.Str(string(u[:])), nil
	})
}
