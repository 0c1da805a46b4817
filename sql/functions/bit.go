package functions

import (
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// Bit strings (9.6) and enums (9.10).

func init() {
	bitPair := func(src, verb string, op func(x, y byte) byte) {
		textFn(src, func(a []types.Datum) (types.Datum, error) {
			n := types.BitLen(a[0].S)
			if n != types.BitLen(a[1].S) {
				return types.Datum{}, pgerr.Newf(pgerr.StringDataLengthMismatch, "cannot %s bit strings of different sizes", verb)
			}
			x, y := []byte(types.BitBytes(a[0].S)), types.BitBytes(a[1].S)
			for i := range x {
				x[i] = op(x[i], y[i])
			}
			return types.Str(types.MakeBits(x, n)), nil
		})
	}
	bitPair("bit_and", "AND", func(x, y byte) byte { return x & y })
	bitPair("bit_or", "OR", func(x, y byte) byte { return x | y })
	bitPair("bitxor", "XOR", func(x, y byte) byte { return x ^ y })
	textFn("bitnot", func(a []types.Datum) (types.Datum, error) {
		x := []byte(types.BitBytes(a[0].S))
		for i := range x {
			x[i] = ^x[i]
		}
		return types.Str(types.MakeBits(x, types.BitLen(a[0].S))), nil
	})
	textFn("bitshiftleft", func(a []types.Datum) (types.Datum, error) { return types.Str(shiftBits(a[0].S, a[1].I)), nil })
	textFn("bitshiftright", func(a []types.Datum) (types.Datum, error) { return types.Str(shiftBits(a[0].S, -a[1].I)), nil })
	textFn("bitcat", func(a []types.Datum) (types.Datum, error) { return types.Str(catBits(a[0].S, a[1].S)), nil })
	textFn("bitlength", func(a []types.Datum) (types.Datum, error) { return types.Int(int64(types.BitLen(a[0].S))), nil })
	textFn("bitoctetlength", func(a []types.Datum) (types.Datum, error) {
		return types.Int(int64(len(types.BitBytes(a[0].S)))), nil
	})
	textFn("bit_bit_count", func(a []types.Datum) (types.Datum, error) { return types.Int(countBits(types.BitBytes(a[0].S))), nil })
	textFn("bitsubstr", func(a []types.Datum) (types.Datum, error) { return subBits(a[0].S, a[1].I, &a[2].I) })
	textFn("bitsubstr_no_len", func(a []types.Datum) (types.Datum, error) { return subBits(a[0].S, a[1].I, nil) })
	textFn("bitoverlay", func(a []types.Datum) (types.Datum, error) { return overlayBits(a[0].S, a[1].S, a[2].I, a[3].I) })
	textFn("bitoverlay_no_len", func(a []types.Datum) (types.Datum, error) {
		return overlayBits(a[0].S, a[1].S, a[2].I, int64(types.BitLen(a[1].S)))
	})
	textFn("bitposition", func(a []types.Datum) (types.Datum, error) { return types.Int(bitPosition(a[0].S, a[1].S)), nil })
	textFn("bitgetbit", func(a []types.Datum) (types.Datum, error) {
		if err := checkBitIndex(a[0].S, a[1].I); err != nil {
			return types.Datum{}, err
		}
		return types.Int(int64(bitAt(a[0].S, int(a[1].I)))), nil
	})
	textFn("bitsetbit", func(a []types.Datum) (types.Datum, error) {
		if err := checkBitIndex(a[0].S, a[1].I); err != nil {
			return types.Datum{}, err
		}
		if a[2].I != 0 && a[2].I != 1 {
			return types.Datum{}, errNewBit()
		}
		b := []byte(types.BitBytes(a[0].S))
		putBit(b, int(a[1].I), byte(a[2].I))
		return types.Str(types.MakeBits(b, types.BitLen(a[0].S))), nil
	})
	textFn("bitfromint4", func(a []types.Datum) (types.Datum, error) { return bitsFromInt(a[0].I, a[1].I) })
	textFn("bitfromint8", func(a []types.Datum) (types.Datum, error) { return bitsFromInt(a[0].I, a[1].I) })
	textFn("bittoint4", func(a []types.Datum) (types.Datum, error) {
		v, err := bitsToInt(a[0].S, 32)
		return types.Int(int64(int32(v))), err
	})
	textFn("bittoint8", func(a []types.Datum) (types.Datum, error) {
		v, err := bitsToInt(a[0].S, 64)
		return types.Int(v), err
	})
	for src, oid := range map[string]types.OID{"bit": types.OIDBit, "varbit": types.OIDVarbit} {
		if _, done := scalars[src]; done {
			continue
		}
		scalar(src, func(c *Call, a []types.Datum) (types.Datum, error) {
			return types.ApplyMod(c.Env.IO, types.T{OID: oid, Mod: int32(a[1].I)}, a[0], a[2].IsTrue())
		})
	}
	registerEnums()
}

// bitAt is bit i of a packed bit string.
func bitAt(s string, i int) byte { return types.BitBytes(s)[i/8] >> (7 - i%8) & 1 }

func putBit(b []byte, i int, v byte) { b[i/8] = b[i/8]&^(0x80>>(i%8)) | v<<(7-i%8) }

func checkBitIndex(s string, i int64) error {
	if n := types.BitLen(s); i < 0 || i >= int64(n) {
		return pgerr.Newf(pgerr.ArraySubscriptError, "bit index %d out of valid range (0..%d)", i, n-1)
	}
	return nil
}

// shiftBits moves bits by places to the left (negative: to the right) and fills up with zeros.
func shiftBits(s string, by int64) string {
	n := types.BitLen(s)
	b := make([]byte, (n+7)/8)
	for i := range n {
		if from := int64(i) + by; from >= 0 && from < int64(n) {
			putBit(b, i, bitAt(s, int(from)))
		}
	}
	return types.MakeBits(b, n)
}

func catBits(x, y string) string {
	n, m := types.BitLen(x), types.BitLen(y)
	b := make([]byte, (n+m+7)/8)
	copy(b, types.BitBytes(x))
	for i := range m {
		putBit(b, n+i, bitAt(y, i))
	}
	return types.MakeBits(b, n+m)
}

func subBits(s string, start int64, n *int64) (types.Datum, error) {
	end := int64(types.BitLen(s)) + 1
	if n != nil {
		if *n < 0 {
			return types.Datum{}, pgerr.New(pgerr.SubstringError, "negative substring length not allowed")
		}
		end = min(end, start+*n)
	}
	start = max(start, 1)
	count := max(int(end-start), 0)
	b := make([]byte, (count+7)/8)
	for i := range count {
		putBit(b, i, bitAt(s, int(start)-1+i))
	}
	return types.Str(types.MakeBits(b, count)), nil
}

func overlayBits(s, with string, start, count int64) (types.Datum, error) {
	if start <= 0 {
		return types.Datum{}, pgerr.New(pgerr.SubstringError, "negative substring length not allowed")
	}
	if start+count > 1<<31-1 {
		return types.Datum{}, rangeError(4)
	}
	n := start - 1
	head, err := subBits(s, 1, &n)
	if err != nil {
		return types.Datum{}, err
	}
	tail, err := subBits(s, start+count, nil)
	return types.Str(catBits(catBits(head.S, with), tail.S)), err
}

// bitPosition is where part occurs first in s, from 1; 0 when it doesn't or s is empty.
func bitPosition(s, part string) int64 {
	n, m := types.BitLen(s), types.BitLen(part)
	if n == 0 || m > n {
		return 0
	}
next:
	for i := 0; i+m <= n; i++ {
		for j := range m {
			if bitAt(s, i+j) != bitAt(part, j) {
				continue next
			}
		}
		return int64(i + 1)
	}
	return 0
}

// maxBits is the longest bit string: VARBITMAXLEN.
const maxBits = (1<<31 - 1) - 8 + 1

// bitsFromInt is the low bits of v, sign-extended to length n; a length that no one gave is 1.
func bitsFromInt(v, n int64) (types.Datum, error) {
	if n <= 0 || n > maxBits {
		n = 1
	}
	b := make([]byte, (n+7)/8)
	for i := range n {
		putBit(b, int(i), byte(v>>min(n-1-i, 63)&1))
	}
	return types.Str(types.MakeBits(b, int(n))), nil
}

func bitsToInt(s string, size int) (v int64, err error) {
	n := types.BitLen(s)
	if n > size {
		return 0, rangeError(size / 8)
	}
	for i := range n {
		v = v<<1 | int64(bitAt(s, i))
	}
	return v, nil
}

func registerEnums() {
	// The type is that of the argument's expression; the value may be NULL.
	labels := func(c *Call, arg int) ([]types.EnumLabel, error) {
		t := types.Lookup(c.Env.IO, types.BaseType(c.Env.IO, c.Args[arg]).OID)
		if t == nil || t.Kind != types.KindEnum {
			return nil, pgerr.New(pgerr.FeatureNotSupported, "could not determine actual enum type")
		}
		return t.Labels, nil
	}
	end := func(pick func(n int) int) Scalar {
		return func(c *Call, _ []types.Datum) (types.Datum, error) {
			all, err := labels(c, 0)
			if err != nil {
				return types.Datum{}, err
			}
			if len(all) == 0 {
				return types.Datum{}, pgerr.New(pgerr.ObjectNotInPrerequisiteState, "enum contains no values")
			}
			return types.Int(all[pick(len(all))].Key), nil
		}
	}
	scalar("enum_first", end(func(int) int { return 0 }))
	scalar("enum_last", end(func(n int) int { return n - 1 }))
	enumRange := func(c *Call, lo, hi types.Datum) (types.Datum, error) {
		all, err := labels(c, 0)
		if err != nil {
			return types.Datum{}, err
		}
		var vals []types.Datum
		for _, l := range all {
			if (lo.Null || l.Key >= lo.I) && (hi.Null || l.Key <= hi.I) {
				vals = append(vals, types.Int(l.Key))
			}
		}
		return types.Str(types.MakeArray(c.Env.IO, types.BaseType(c.Env.IO, c.Args[0]).OID, vals...)), nil
	}
	scalar("enum_range_all", func(c *Call, _ []types.Datum) (types.Datum, error) {
		return enumRange(c, types.NullDatum, types.NullDatum)
	})
	scalar("enum_range_bounds", func(c *Call, a []types.Datum) (types.Datum, error) { return enumRange(c, a[0], a[1]) })
}
