package functions

import (
	"math"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// The numeric types' arithmetic and the casts between numbers, booleans, money and text.

func numeric1(src string, fn func(a string) (string, error)) {
	scalar(src, func(_ *Call, a []types.Datum) (types.Datum, error) {
		s, err := fn(a[0].S)
		return types.Str(s), err
	})
}

func numeric2(src string, fn func(a, b string) (string, error)) {
	scalar(src, func(_ *Call, a []types.Datum) (types.Datum, error) {
		s, err := fn(a[0].S, a[1].S)
		return types.Str(s), err
	})
}

func init() {
	numeric2("numeric_add", types.NumericAdd)
	numeric2("numeric_sub", types.NumericSub)
	numeric2("numeric_mul", types.NumericMul)
	numeric2("numeric_div", types.NumericDiv)
	numeric2("numeric_div_trunc", types.NumericDivTrunc)
	numeric2("numeric_mod", types.NumericRem)
	numeric2("numeric_power", types.NumericPower)
	numeric2("numeric_log", types.NumericLog)
	numeric2("numeric_gcd", types.NumericGcd)
	numeric2("numeric_lcm", types.NumericLcm)
	numeric1("numeric_sqrt", types.NumericSqrt)
	numeric1("numeric_exp", types.NumericExp)
	numeric1("numeric_ln", types.NumericLn)
	numeric1("numeric_ceil", types.NumericCeil)
	numeric1("numeric_floor", types.NumericFloor)
	numeric1("numeric_inc", types.NumericInc)
	numeric1("numeric_uminus", func(a string) (string, error) { return types.NumericNeg(a), nil })
	numeric1("numeric_uplus", func(a string) (string, error) { return a, nil })
	numeric1("numeric_abs", func(a string) (string, error) { return types.NumericAbs(a), nil })
	numeric1("numeric_trim_scale", func(a string) (string, error) { return types.NumericTrimScale(a), nil })
	numeric1("numeric_sign", func(a string) (string, error) {
		if types.NumericIsNaN(a) {
			return a, nil
		}
		return types.NumericFromInt64(int64(types.NumericSign(a))), nil
	})
	scalar("numeric_round", func(_ *Call, a []types.Datum) (types.Datum, error) {
		s, err := types.NumericRound(a[0].S, int(a[1].I))
		return types.Str(s), err
	})
	scalar("numeric_trunc", func(_ *Call, a []types.Datum) (types.Datum, error) {
		s, err := types.NumericTrunc(a[0].S, int(a[1].I))
		return types.Str(s), err
	})
	scalarOID(1708, func(_ *Call, a []types.Datum) (types.Datum, error) { // round(numeric), defined in SQL
		s, err := types.NumericRound(a[0].S, 0)
		return types.Str(s), err
	})
	scalarOID(1710, func(_ *Call, a []types.Datum) (types.Datum, error) { // trunc(numeric)
		s, err := types.NumericTrunc(a[0].S, 0)
		return types.Str(s), err
	})
	scalarOID(1741, func(_ *Call, a []types.Datum) (types.Datum, error) { // log(numeric)
		s, err := types.NumericLog10(a[0].S)
		return types.Str(s), err
	})
	scalarOID(1481, func(_ *Call, a []types.Datum) (types.Datum, error) { // log10(numeric)
		s, err := types.NumericLog10(a[0].S)
		return types.Str(s), err
	})
	scalar("numeric_scale", nullableScale(types.NumericScale))
	scalar("numeric_min_scale", nullableScale(types.NumericMinScale))
	scalar("numeric_fac", func(_ *Call, a []types.Datum) (types.Datum, error) {
		s, err := types.NumericFactorial(a[0].I)
		return types.Str(s), err
	})
	scalar("width_bucket_numeric", func(_ *Call, a []types.Datum) (types.Datum, error) {
		n, err := types.NumericWidthBucket(a[0].S, a[1].S, a[2].S, int32(a[3].I))
		return types.Int(int64(n)), err
	})
	scalar("numeric", func(c *Call, a []types.Datum) (types.Datum, error) {
		s, err := types.NumericApplyMod(a[0].S, int32(a[1].I))
		return types.Str(s), err
	})
	registerNumericCasts()
	registerIntCasts()
	registerFloatCasts()
	registerMoney()
	scalar("in_range_numeric_numeric", inRangeNumeric)
}

// nullableScale: NaN and the infinities have no scale.
func nullableScale(scale func(string) int) Scalar {
	return func(_ *Call, a []types.Datum) (types.Datum, error) {
		if types.NumericIsNaN(a[0].S) || types.NumericIsInf(a[0].S) {
			return types.NullDatum, nil
		}
		return types.Int(int64(scale(a[0].S))), nil
	}
}

func inRangeNumeric(_ *Call, a []types.Datum) (types.Datum, error) {
	if types.NumericIsNaN(a[2].S) || types.NumericSign(a[2].S) < 0 {
		return types.Datum{}, errFrameOffset()
	}
	less := a[4].IsTrue()
	if types.NumericIsNaN(a[0].S) {
		return types.Bool(types.NumericIsNaN(a[1].S) || !less), nil
	}
	if types.NumericIsNaN(a[1].S) {
		return types.Bool(less), nil
	}
	op := types.NumericAdd
	if a[3].IsTrue() {
		op = types.NumericSub
	}
	bound, err := op(a[1].S, a[2].S)
	if err != nil {
		return types.Datum{}, err
	}
	if types.NumericIsNaN(bound) { // infinity minus infinity
		return types.Bool(true), nil
	}
	c := types.NumericCompare(a[0].S, bound)
	return types.Bool(less && c <= 0 || !less && c >= 0), nil
}

func registerNumericCasts() {
	for _, src := range []string{"int2_numeric", "int4_numeric", "int8_numeric"} {
		scalar(src, func(_ *Call, a []types.Datum) (types.Datum, error) {
			return types.Str(types.NumericFromInt64(a[0].I)), nil
		})
	}
	scalar("float4_numeric", func(_ *Call, a []types.Datum) (types.Datum, error) {
		return types.Str(types.NumericFromFloat32(float32(a[0].Float()))), nil
	})
	scalar("float8_numeric", func(_ *Call, a []types.Datum) (types.Datum, error) {
		return types.Str(types.NumericFromFloat64(a[0].Float())), nil
	})
	scalar("numeric_int2", func(_ *Call, a []types.Datum) (types.Datum, error) {
		v, err := types.NumericToInt2(a[0].S)
		return types.Int(int64(v)), err
	})
	scalar("numeric_int4", func(_ *Call, a []types.Datum) (types.Datum, error) {
		v, err := types.NumericToInt4(a[0].S)
		return types.Int(int64(v)), err
	})
	scalar("numeric_int8", func(_ *Call, a []types.Datum) (types.Datum, error) {
		v, err := types.NumericToInt8(a[0].S)
		return types.Int(v), err
	})
	scalar("numeric_float4", func(_ *Call, a []types.Datum) (types.Datum, error) {
		v, err := types.NumericToFloat32(a[0].S)
		return types.Float(float64(v)), err
	})
	scalar("numeric_float8", func(_ *Call, a []types.Datum) (types.Datum, error) {
		v, err := types.NumericToFloat64(a[0].S)
		return types.Float(v), err
	})
	scalar("numeric_pg_lsn", func(_ *Call, a []types.Datum) (types.Datum, error) { return numericLSN(a[0].S) })
}

func registerIntCasts() {
	same := func(_ *Call, a []types.Datum) (types.Datum, error) { return a[0], nil }
	for _, src := range []string{"i2toi4", "int48", "int28", "chartoi4"} {
		scalar(src, same)
	}
	scalar("i4toi2", func(_ *Call, a []types.Datum) (types.Datum, error) { return checkInt(a[0].I, 2) })
	scalar("int82", func(_ *Call, a []types.Datum) (types.Datum, error) { return checkInt(a[0].I, 2) })
	scalar("int84", func(_ *Call, a []types.Datum) (types.Datum, error) { return checkInt(a[0].I, 4) })
	scalar("oidtoi8", same)
	scalar("i8tooid", func(_ *Call, a []types.Datum) (types.Datum, error) {
		if a[0].I < 0 || a[0].I > math.MaxUint32 {
			return types.Datum{}, pgerr.New(pgerr.NumericValueOutOfRange, "OID out of range")
		}
		return a[0], nil
	})
	scalar("i4tochar", func(_ *Call, a []types.Datum) (types.Datum, error) {
		if a[0].I < -128 || a[0].I > 127 {
			return types.Datum{}, pgerr.New(pgerr.NumericValueOutOfRange, `"char" out of range`)
		}
		return types.Int(a[0].I & 255), nil
	})
	scalars["chartoi4"] = Impl{Row: func(_ *Call, a []types.Datum) (types.Datum, error) { return types.Int(int64(int8(a[0].I))), nil }}
	scalar("int4_bool", func(_ *Call, a []types.Datum) (types.Datum, error) { return types.Bool(a[0].I != 0), nil })
	scalar("bool_int4", same)
	scalar("booltext", func(_ *Call, a []types.Datum) (types.Datum, error) {
		if a[0].I != 0 {
			return types.Str("true"), nil
		}
		return types.Str("false"), nil
	})
	scalar("xid8toxid", func(_ *Call, a []types.Datum) (types.Datum, error) { return types.Int(a[0].I & math.MaxUint32), nil })
}

func registerFloatCasts() {
	for _, src := range []string{"i2tod", "i4tod", "i8tod"} {
		scalar(src, func(_ *Call, a []types.Datum) (types.Datum, error) { return types.Float(float64(a[0].I)), nil })
	}
	for _, src := range []string{"i2tof", "i4tof", "i8tof"} {
		scalar(src, func(_ *Call, a []types.Datum) (types.Datum, error) { return types.Float(float64(float32(a[0].I))), nil })
	}
	scalar("ftod", func(_ *Call, a []types.Datum) (types.Datum, error) { return a[0], nil })
	scalar("dtof", func(_ *Call, a []types.Datum) (types.Datum, error) {
		d := a[0].Float()
		return checkFloat(float64(float32(d)), isInf(d), d == 0)
	})
	for _, src := range []string{"ftoi2", "dtoi2"} {
		scalar(src, floatToInt(math.MinInt16, math.MaxInt16, 2))
	}
	for _, src := range []string{"ftoi4", "dtoi4"} {
		scalar(src, floatToInt(math.MinInt32, math.MaxInt32, 4))
	}
	for _, src := range []string{"ftoi8", "dtoi8"} {
		scalar(src, floatToInt(math.MinInt64, math.MaxInt64, 8))
	}
}

// floatToInt rounds half to even and checks the range.
func floatToInt(lo, hi float64, size int) Scalar {
	return func(_ *Call, a []types.Datum) (types.Datum, error) {
		f := math.RoundToEven(a[0].Float())
		if math.IsNaN(f) || f < lo || f > hi || size == 8 && f >= hi {
			return types.Datum{}, rangeError(size)
		}
		return types.Int(int64(f)), nil
	}
}

func registerMoney() {
	errMoney := pgerr.New(pgerr.NumericValueOutOfRange, "money out of range")
	scalar("cash_pl", func(_ *Call, a []types.Datum) (types.Datum, error) {
		s, ok := addInt64(a[0].I, a[1].I)
		if !ok {
			return types.Datum{}, errMoney
		}
		return types.Int(s), nil
	})
	scalar("cash_mi", func(_ *Call, a []types.Datum) (types.Datum, error) {
		s, ok := subInt64(a[0].I, a[1].I)
		if !ok {
			return types.Datum{}, errMoney
		}
		return types.Int(s), nil
	})
	scalar("cash_div_cash", func(_ *Call, a []types.Datum) (types.Datum, error) {
		if a[1].I == 0 {
			return types.Datum{}, errDivisionByZero
		}
		return types.Float(float64(a[0].I) / float64(a[1].I)), nil
	})
	mulInt := func(cash, n int64) (types.Datum, error) {
		v, ok := mulInt64(cash, n)
		if !ok {
			return types.Datum{}, errMoney
		}
		return types.Int(v), nil
	}
	mulFloat := func(v float64) (types.Datum, error) {
		v = math.RoundToEven(v)
		if math.IsNaN(v) || v >= math.MaxInt64 || v <= math.MinInt64 {
			return types.Datum{}, errMoney
		}
		return types.Int(int64(v)), nil
	}
	for _, t := range []string{"int2", "int4", "int8"} {
		scalar("cash_mul_"+t, func(_ *Call, a []types.Datum) (types.Datum, error) { return mulInt(a[0].I, a[1].I) })
		scalar(t+"_mul_cash", func(_ *Call, a []types.Datum) (types.Datum, error) { return mulInt(a[0].I, a[1].I) })
		scalar("cash_div_"+t, func(_ *Call, a []types.Datum) (types.Datum, error) {
			if a[1].I == 0 {
				return types.Datum{}, errDivisionByZero
			}
			return types.Int(a[0].I / a[1].I), nil
		})
	}
	for _, t := range []string{"flt4", "flt8"} {
		scalar("cash_mul_"+t, func(_ *Call, a []types.Datum) (types.Datum, error) { return mulFloat(float64(a[0].I) * a[1].Float()) })
		scalar(t+"_mul_cash", func(_ *Call, a []types.Datum) (types.Datum, error) { return mulFloat(a[0].Float() * float64(a[1].I)) })
		scalar("cash_div_"+t, func(_ *Call, a []types.Datum) (types.Datum, error) {
			if a[1].Float() == 0 {
				return types.Datum{}, errDivisionByZero
			}
			return mulFloat(float64(a[0].I) / a[1].Float())
		})
	}
	scalar("int4_cash", func(_ *Call, a []types.Datum) (types.Datum, error) { return mulInt(a[0].I, 100) })
	scalar("int8_cash", func(_ *Call, a []types.Datum) (types.Datum, error) { return mulInt(a[0].I, 100) })
	scalar("cash_numeric", func(_ *Call, a []types.Datum) (types.Datum, error) {
		return types.Str(types.MakeNumeric(a[0].I, 2)), nil
	})
	scalar("numeric_cash", func(_ *Call, a []types.Datum) (types.Datum, error) {
		s, err := types.NumericMul(a[0].S, types.NumericFromInt64(100))
		if err != nil {
			return types.Datum{}, err
		}
		v, err := types.NumericToInt8(s)
		if err != nil {
			return types.Datum{}, errMoney
		}
		return types.Int(v), nil
	})
}
