package types

import (
	"math"
	"math/big"
	"strconv"

	"kimberlite/sql/pgerr"
)

// NumericFromInt64 returns the integer as a numeric.
func NumericFromInt64(v int64) string { return MakeNumeric(v, 0) }

// NumericFromUint64 returns the integer as a numeric.
func NumericFromUint64(v uint64) string {
	if v <= math.MaxInt64 {
		return MakeNumeric(int64(v), 0)
	}
	s, err := MakeNumericBig(new(big.Int).SetUint64(v), 0)
	if err != nil {
		return NumericNaN // 20 digits fit
	}
	return s
}

// NumericFromFloat64 returns the double precision value as PostgreSQL's cast does: 15 significant digits.
func NumericFromFloat64(f float64) string { return numericFromFloat(f, 15) }

// NumericFromFloat32 returns the real value as PostgreSQL's cast does: 6 significant digits.
func NumericFromFloat32(f float32) string { return numericFromFloat(float64(f), 6) }

func numericFromFloat(f float64, digits int) string {
	switch {
	case f != f:
		return NumericNaN
	case math.IsInf(f, 1):
		return NumericPosInf
	case math.IsInf(f, -1):
		return NumericNegInf
	}
	var buf [32]byte
	s, err := ParseNumeric(string(appendG(buf[:0], f, digits)))
	if err != nil {
		return NumericNaN // every float is within numeric's range
	}
	return s
}

// toInt rounds a numeric to an integer of a range.
func toInt(s, name string, low, high int64) (int64, error) {
	if isSpecial(s) {
		what := "infinity"
		if NumericIsNaN(s) {
			what = "NaN"
		}
		return 0, pgerr.New(pgerr.FeatureNotSupported, "cannot convert "+what+" to "+name)
	}
	if v, scale, ok := UnpackSmallNumeric(s); ok {
		if scale > 0 {
			v, _ = roundSmall(v, scale, 0, roundHalf)
		}
		if v < low || v > high {
			return 0, outOfRange(name)
		}
		return v, nil
	}
	coef, scale, _ := NumericBig(s)
	if scale > 0 {
		coef = divRound(coef, bigPow10(scale))
	}
	if !coef.IsInt64() || coef.Int64() < low || coef.Int64() > high {
		return 0, outOfRange(name)
	}
	return coef.Int64(), nil
}

// NumericToInt8 rounds to a bigint: 22003 out of range, 0A000 for NaN and the infinities.
func NumericToInt8(s string) (int64, error) { return toInt(s, "bigint", math.MinInt64, math.MaxInt64) }

// NumericToInt4 rounds to an integer; see NumericToInt8.
func NumericToInt4(s string) (int32, error) {
	v, err := toInt(s, "integer", math.MinInt32, math.MaxInt32)
	return int32(v), err
}

// NumericToInt2 rounds to a smallint; see NumericToInt8.
func NumericToInt2(s string) (int16, error) {
	v, err := toInt(s, "smallint", math.MinInt16, math.MaxInt16)
	return int16(v), err
}

// NumericToFloat64 returns the nearest double precision value: 22003 beyond its range.
func NumericToFloat64(s string) (float64, error) {
	if v, scale, ok := UnpackSmallNumeric(s); ok && scale <= 22 && abs64(v) < 1<<53 {
		return float64(v) / math.Pow10(scale), nil // both are exact, so the quotient is the nearest
	}
	return ParseFloat8(NumericString(s))
}

// NumericToFloat32 returns the nearest real value: 22003 beyond its range.
func NumericToFloat32(s string) (float32, error) { return ParseFloat4(NumericString(s)) }

// NumericToFloat64Clamped is NumericToFloat64 for estimates: what is out of range becomes an infinity or zero.
func NumericToFloat64Clamped(s string) float64 {
	f, _ := strconv.ParseFloat(NumericString(s), 64)
	return f
}
