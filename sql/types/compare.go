package types

import (
	"cmp"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// compareFixed is the order of Fixed values whose int64 is the value.
func compareFixed(a, b Datum) int { return cmp.Compare(a.I, b.I) }

// compareUnsigned is the order of Fixed values that hold the bits of a uint64.
func compareUnsigned(a, b Datum) int { return cmp.Compare(uint64(a.I), uint64(b.I)) }

// compareBytes is the order of Bytes values in the C collation.
func compareBytes(a, b Datum) int { return strings.Compare(a.S, b.S) }

// hashFixed scrambles the int64 (the finaliser of MurmurHash3), so that the low bits can pick a bucket.
func hashFixed(d Datum) uint64 { return hashUint64(uint64(d.I)) }

func hashUint64(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	x ^= x >> 33
	return x
}

func hashBytes(d Datum) uint64 { return xxhash.Sum64String(d.S) }

// CombineHash mixes the hash of the next column into that of the columns before it; the order of columns counts.
func CombineHash(h, next uint64) uint64 { return (h<<5|h>>59)*0x9e3779b97f4a7c15 ^ next }

// NullHash is the hash of a NULL.
const NullHash = 0x5bd1e995a4093822
