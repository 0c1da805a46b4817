package functions

import (
	"math"
	"math/bits"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

var (
	errDivisionByZero = pgerr.New(pgerr.DivisionByZero, "division by zero")
	errSmallintRange  = pgerr.New(pgerr.NumericValueOutOfRange, "smallint out of range")
	errIntegerRange   = pgerr.New(pgerr.NumericValueOutOfRange, "integer out of range")
	errBigintRange    = pgerr.New(pgerr.NumericValueOutOfRange, "bigint out of range")
)

// checkInt returns v if it fits an integer of the size in bytes.
func checkInt(v int64, size int) (types.Datum, error) {
	switch {
	case size == 2 && v != int64(int16(v)):
		return types.Datum{}, errSmallintRange
	case size == 4 && v != int64(int32(v)):
		return types.Datum{}, errIntegerRange
	}
	return types.Int(v), nil
}

func addInt64(a, b int64) (int64, bool) {
	s := a + b
	return s, (s > a) == (b > 0)
}

func subInt64(a, b int64) (int64, bool) {
	s := a - b
	return s, (s < a) == (b > 0)
}

func mulInt64(a, b int64) (int64, bool) {
	if a == 0 || b == 0 {
		return 0, true
	}
	neg := (a < 0) != (b < 0)
	hi, lo := bits.Mul64(absU64(a), absU64(b))
	if hi != 0 {
		return 0, false
	}
	if neg {
		return -int64(lo), lo <= 1<<63
	}
	return int64(lo), lo <= math.MaxInt64
}

func absU64(a int64) uint64 {
	if a < 0 {
		return -uint64(a)
	}
	return uint64(a)
}

// intOp registers a binary operator for all pairs of integer sizes that PostgreSQL has it for.
func intOp(suffix string, fn func(a, b int64, size int) (types.Datum, error)) {
	for _, p := range []struct {
		prefix string
		size   int
	}{{"int2", 2}, {"int4", 4}, {"int8", 8}, {"int24", 4}, {"int42", 4}, {"int28", 8}, {"int82", 8}, {"int48", 8}, {"int84", 8}} {
		size := p.size
		scalar(p.prefix+suffix, func(_ *Call, a []types.Datum) (types.Datum, error) { return fn(a[0].I, a[1].I, size) })
	}
}

// sameIntOp registers a binary operator for the three sizes only.
func sameIntOp(suffix string, fn func(a, b int64, size int) (types.Datum, error)) {
	for _, size := range []int{2, 4, 8} {
		size := size
		scalar(intName(size)+suffix, func(_ *Call, a []types.Datum) (types.Datum, error) { return fn(a[0].I, a[1].I, size) })
	}
}

func intName(size int) string { return map[int]string{2: "int2", 4: "int4", 8: "int8"}[size] }

func intUnary(suffix string, fn func(a int64, size int) (types.Datum, error)) {
	for _, size := range []int{2, 4, 8} {
		size := size
		scalar(intName(size)+suffix, func(_ *Call, a []types.Datum) (types.Datum, error) { return fn(a[0].I, size) })
	}
}

func init() {
	intOp("pl", func(a, b int64, size int) (types.Datum, error) {
		s, ok := addInt64(a, b)
		if !ok {
			return types.Datum{}, errBigintRange
		}
		return checkInt(s, size)
	})
	intOp("mi", func(a, b int64, size int) (types.Datum, error) {
		s, ok := subInt64(a, b)
		if !ok {
			return types.Datum{}, errBigintRange
		}
		return checkInt(s, size)
	})
	intOp("mul", func(a, b int64, size int) (types.Datum, error) {
		s, ok := mulInt64(a, b)
		if !ok {
			return types.Datum{}, rangeError(size)
		}
		return checkInt(s, size)
	})
	intOp("div", func(a, b int64, size int) (types.Datum, error) {
		if b == 0 {
			return types.Datum{}, errDivisionByZero
		}
		if b == -1 {
			if a == math.MinInt64 {
				return types.Datum{}, errBigintRange
			}
			return checkInt(-a, size)
		}
		return checkInt(a/b, size)
	})
	sameIntOp("mod", func(a, b int64, _ int) (types.Datum, error) {
		if b == 0 {
			return types.Datum{}, errDivisionByZero
		}
		if b == -1 {
			return types.Int(0), nil
		}
		return types.Int(a % b), nil
	})
	sameIntOp("and", func(a, b int64, _ int) (types.Datum, error) { return types.Int(a & b), nil })
	sameIntOp("or", func(a, b int64, _ int) (types.Datum, error) { return types.Int(a | b), nil })
	sameIntOp("xor", func(a, b int64, _ int) (types.Datum, error) { return types.Int(a ^ b), nil })
	sameIntOp("shl", func(a, b int64, size int) (types.Datum, error) {
		return types.Int(wrapInt(a<<shiftCount(b, size), size)), nil
	})
	sameIntOp("shr", func(a, b int64, size int) (types.Datum, error) { return types.Int(a >> shiftCount(b, size)), nil })
	for _, size := range []int{4, 8} {
		size := size
		scalar(intName(size)+"gcd", func(_ *Call, a []types.Datum) (types.Datum, error) { return gcdInt(a[0].I, a[1].I, size) })
		scalar(intName(size)+"lcm", func(_ *Call, a []types.Datum) (types.Datum, error) { return lcmInt(a[0].I, a[1].I, size) })
	}
	intUnary("um", func(a int64, size int) (types.Datum, error) {
		if a == math.MinInt64 {
			return types.Datum{}, errBigintRange
		}
		return checkInt(-a, size)
	})
	intUnary("up", func(a int64, _ int) (types.Datum, error) { return types.Int(a), nil })
	intUnary("not", func(a int64, _ int) (types.Datum, error) { return types.Int(^a), nil })
	intUnary("abs", func(a int64, size int) (types.Datum, error) {
		if a == math.MinInt64 {
			return types.Datum{}, errBigintRange
		}
		if a < 0 {
			a = -a
		}
		return checkInt(a, size)
	})
	scalar("int4inc", func(_ *Call, a []types.Datum) (types.Datum, error) { return checkInt(a[0].I+1, 4) })
	scalar("int8inc", func(_ *Call, a []types.Datum) (types.Datum, error) {
		if a[0].I == math.MaxInt64 {
			return types.Datum{}, errBigintRange
		}
		return types.Int(a[0].I + 1), nil
	})
	registerInRange()
	registerBool()
}

func rangeError(size int) error {
	switch size {
	case 2:
		return errSmallintRange
	case 4:
		return errIntegerRange
	}
	return errBigintRange
}

// shiftCount: the machine's shift of an int4 (int2 is promoted) or int8 uses the low bits of the count.
func shiftCount(n int64, size int) uint {
	if size == 8 {
		return uint(n) & 63
	}
	return uint(n) & 31
}

func wrapInt(v int64, size int) int64 {
	switch size {
	case 2:
		return int64(int16(v))
	case 4:
		return int64(int32(v))
	}
	return v
}

func gcdInt(a, b int64, size int) (types.Datum, error) {
	x, y := absU64(a), absU64(b)
	for y != 0 {
		x, y = y, x%y
	}
	if x > math.MaxInt64 || size == 4 && x > math.MaxInt32 {
		return types.Datum{}, rangeError(size)
	}
	return types.Int(int64(x)), nil
}

func lcmInt(a, b int64, size int) (types.Datum, error) {
	if a == 0 || b == 0 {
		return types.Int(0), nil
	}
	g, err := gcdInt(a, b, size)
	if err != nil {
		return g, err
	}
	v, ok := mulInt64(a/g.I, b)
	if !ok || v == math.MinInt64 {
		return types.Datum{}, rangeError(size)
	}
	if v < 0 {
		v = -v
	}
	return checkInt(v, size)
}

// registerInRange: support for window frames RANGE BETWEEN n PRECEDING: in_range(val, base, offset, sub, less).
func registerInRange() {
	for _, pair := range []string{"int2_int2", "int2_int4", "int2_int8", "int4_int2", "int4_int4", "int4_int8", "int8_int8"} {
		scalar("in_range_"+pair, func(_ *Call, a []types.Datum) (types.Datum, error) {
			offset := a[2].I
			if offset < 0 {
				return types.Datum{}, errFrameOffset()
			}
			if a[3].IsTrue() {
				offset = -offset
			}
			sum, ok := addInt64(a[1].I, offset)
			if !ok { // beyond every value
				return types.Bool(a[3].IsTrue() != a[4].IsTrue()), nil
			}
			if a[4].IsTrue() {
				return types.Bool(a[0].I <= sum), nil
			}
			return types.Bool(a[0].I >= sum), nil
		})
	}
}

func errFrameOffset() error {
	return pgerr.New(pgerr.InvalidPrecedingOrFollowingSize, "invalid preceding or following size in window function")
}

func registerBool() {
	scalar("booland_statefunc", func(_ *Call, a []types.Datum) (types.Datum, error) {
		return types.Bool(a[0].I != 0 && a[1].I != 0), nil
	})
	scalar("boolor_statefunc", func(_ *Call, a []types.Datum) (types.Datum, error) {
		return types.Bool(a[0].I != 0 || a[1].I != 0), nil
	})
}
