package functions

import (
	"math"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

var (
	errFloatOverflow  = pgerr.New(pgerr.NumericValueOutOfRange, "value out of range: overflow")
	errFloatUnderflow = pgerr.New(pgerr.NumericValueOutOfRange, "value out of range: underflow")
	errInputRange     = pgerr.New(pgerr.NumericValueOutOfRange, "input is out of range")
)

// checkFloat refuses a result that overflowed although no input was infinite, or that underflowed to zero where zeroOK is false.
func checkFloat(r float64, infOK, zeroOK bool) (types.Datum, error) {
	if math.IsInf(r, 0) && !infOK {
		return types.Datum{}, errFloatOverflow
	}
	if r == 0 && !zeroOK {
		return types.Datum{}, errFloatUnderflow
	}
	return types.Float(r), nil
}

func isInf(f float64) bool { return math.IsInf(f, 0) }

// floatOps are the arithmetic of float8; single precision rounds the result and checks it again.
var floatOps = map[string]func(a, b float64) (float64, bool, bool, error){
	"pl": func(a, b float64) (float64, bool, bool, error) { return a + b, isInf(a) || isInf(b), true, nil },
	"mi": func(a, b float64) (float64, bool, bool, error) { return a - b, isInf(a) || isInf(b), true, nil },
	"mul": func(a, b float64) (float64, bool, bool, error) {
		return a * b, isInf(a) || isInf(b), a == 0 || b == 0, nil
	},
	"div": func(a, b float64) (float64, bool, bool, error) {
		if b == 0 && !math.IsNaN(a) {
			return 0, false, false, errDivisionByZero
		}
		return a / b, isInf(a), a == 0 || isInf(b), nil
	},
}

func init() {
	for op, fn := range floatOps {
		fn := fn
		double := func(_ *Call, a []types.Datum) (types.Datum, error) {
			r, inf, zero, err := fn(a[0].Float(), a[1].Float())
			if err != nil {
				return types.Datum{}, err
			}
			return checkFloat(r, inf, zero)
		}
		scalar("float8"+op, double)
		scalar("float48"+op, double)
		scalar("float84"+op, double)
		scalar("float4"+op, func(_ *Call, a []types.Datum) (types.Datum, error) {
			r, inf, zero, err := fn(a[0].Float(), a[1].Float())
			if err != nil {
				return types.Datum{}, err
			}
			return checkFloat(float64(float32(r)), inf, zero)
		})
	}
	for _, p := range []string{"float4", "float8"} {
		scalar(p+"um", func(_ *Call, a []types.Datum) (types.Datum, error) { return types.Float(-a[0].Float()), nil })
		scalar(p+"up", func(_ *Call, a []types.Datum) (types.Datum, error) { return a[0], nil })
		scalar(p+"abs", func(_ *Call, a []types.Datum) (types.Datum, error) { return types.Float(math.Abs(a[0].Float())), nil })
	}
	registerRounding()
	registerTranscendental()
	registerTrig()
	registerFloatFrames()
	scalar("width_bucket_float8", widthBucketFloat)
	scalar("drandom", func(c *Call, _ []types.Datum) (types.Datum, error) {
		if c.Env.Session == nil {
			return types.Datum{}, Unsupported("random")
		}
		return types.Float(c.Env.Session.Random()), nil
	})
	scalar("setseed", func(c *Call, a []types.Datum) (types.Datum, error) {
		seed := a[0].Float()
		if seed < -1 || seed > 1 || math.IsNaN(seed) {
			return types.Datum{}, pgerr.Newf(pgerr.InvalidParameterValue, "setseed parameter %s is out of allowed range [-1,1]", types.AppendFloat8(nil, seed, 1))
		}
		c.Env.Session.SetSeed(seed)
		return types.Datum{}, nil
	})
}

func floatUnary(src string, fn func(x float64) (types.Datum, error)) {
	scalar(src, func(_ *Call, a []types.Datum) (types.Datum, error) { return fn(a[0].Float()) })
}

func plainFloat(src string, fn func(x float64) float64) {
	floatUnary(src, func(x float64) (types.Datum, error) { return types.Float(fn(x)), nil })
}

func registerRounding() {
	plainFloat("dround", math.RoundToEven)
	plainFloat("dceil", math.Ceil)
	plainFloat("dfloor", math.Floor)
	plainFloat("dtrunc", math.Trunc)
	plainFloat("dsign", func(x float64) float64 {
		switch {
		case x > 0:
			return 1
		case x < 0:
			return -1
		case math.IsNaN(x):
			return x
		}
		return 0
	})
	plainFloat("dcbrt", math.Cbrt)
	scalar("dpi", func(_ *Call, _ []types.Datum) (types.Datum, error) { return types.Float(math.Pi), nil })
	plainFloat("degrees", func(x float64) float64 { return x / (math.Pi / 180) })
	floatUnary("radians", func(x float64) (types.Datum, error) { return checkFloat(x*(math.Pi/180), isInf(x), x == 0) })
}

func registerTranscendental() {
	floatUnary("dsqrt", func(x float64) (types.Datum, error) {
		if x < 0 {
			return types.Datum{}, pgerr.New(pgerr.InvalidArgumentForPowerFunction, "cannot take square root of a negative number")
		}
		return checkFloat(math.Sqrt(x), isInf(x), x == 0)
	})
	floatUnary("dexp", func(x float64) (types.Datum, error) {
		if math.IsNaN(x) {
			return types.Float(x), nil
		}
		return checkFloat(math.Exp(x), isInf(x), math.IsInf(x, -1))
	})
	floatUnary("dlog1", func(x float64) (types.Datum, error) { return logarithm(x, math.Log) })
	floatUnary("dlog10", func(x float64) (types.Datum, error) { return logarithm(x, math.Log10) })
	scalar("dpow", func(_ *Call, a []types.Datum) (types.Datum, error) { return powerFloat(a[0].Float(), a[1].Float()) })
	plainFloat("dsinh", math.Sinh)
	plainFloat("dcosh", math.Cosh)
	plainFloat("dtanh", math.Tanh)
	plainFloat("dasinh", math.Asinh)
	floatUnary("dacosh", func(x float64) (types.Datum, error) {
		if x < 1 {
			return types.Datum{}, errInputRange
		}
		return types.Float(math.Acosh(x)), nil
	})
	floatUnary("datanh", func(x float64) (types.Datum, error) {
		if x < -1 || x > 1 {
			return types.Datum{}, errInputRange
		}
		return types.Float(math.Atanh(x)), nil
	})
}

func logarithm(x float64, log func(float64) float64) (types.Datum, error) {
	switch {
	case x == 0:
		return types.Datum{}, pgerr.New(pgerr.InvalidArgumentForLogarithm, "cannot take logarithm of zero")
	case x < 0:
		return types.Datum{}, pgerr.New(pgerr.InvalidArgumentForLogarithm, "cannot take logarithm of a negative number")
	}
	return checkFloat(log(x), isInf(x), x == 1)
}

// powerFloat follows the special cases of PostgreSQL's dpow.
func powerFloat(x, y float64) (types.Datum, error) {
	switch {
	case math.IsNaN(x):
		if y == 0 {
			return types.Float(1), nil
		}
		return types.Float(x), nil
	case math.IsNaN(y):
		if x == 1 {
			return types.Float(1), nil
		}
		return types.Float(y), nil
	case x == 0 && y < 0:
		return types.Datum{}, pgerr.New(pgerr.InvalidArgumentForPowerFunction, "zero raised to a negative power is undefined")
	case x < 0 && !isInf(y) && y != math.Floor(y):
		return types.Datum{}, pgerr.New(pgerr.InvalidArgumentForPowerFunction, "a negative number raised to a non-integer power yields a complex result")
	}
	r := math.Pow(x, y)
	return checkFloat(r, isInf(x) || isInf(y), x == 0 || isInf(x) || isInf(y))
}

func registerTrig() {
	for src, fn := range map[string]func(float64) float64{"dsin": sin, "dcos": cos, "dtan": tan, "dcot": func(x float64) float64 { return 1 / tan(x) }} {
		fn := fn
		cot := src == "dcot"
		floatUnary(src, func(x float64) (types.Datum, error) {
			if isInf(x) {
				return types.Datum{}, errInputRange
			}
			r := fn(x)
			return checkFloat(r, cot, true)
		})
	}
	for src, fn := range map[string]func(float64) float64{"dasin": math.Asin, "dacos": math.Acos, "dasind": asind, "dacosd": acosd} {
		fn := fn
		floatUnary(src, func(x float64) (types.Datum, error) {
			if x < -1 || x > 1 {
				return types.Datum{}, errInputRange
			}
			return types.Float(fn(x)), nil
		})
	}
	plainFloat("datan", math.Atan)
	plainFloat("datand", func(x float64) float64 { return atanDegrees(math.Atan(x)) })
	scalar("datan2", func(_ *Call, a []types.Datum) (types.Datum, error) {
		return types.Float(math.Atan2(a[0].Float(), a[1].Float())), nil
	})
	scalar("datan2d", func(_ *Call, a []types.Datum) (types.Datum, error) {
		return types.Float(atanDegrees(math.Atan2(a[0].Float(), a[1].Float()))), nil
	})
	for src, fn := range map[string]func(float64) float64{"dsind": sind, "dcosd": cosd, "dtand": func(x float64) float64 { return tand(x) }, "dcotd": func(x float64) float64 { return cotd(x) }} {
		fn := fn
		floatUnary(src, func(x float64) (types.Datum, error) {
			if isInf(x) {
				return types.Datum{}, errInputRange
			}
			return types.Float(fn(x)), nil
		})
	}
}

// The degree functions are exact at multiples of 30 and 45 degrees, by scaling with the function's own value there.
var (
	radians  = math.Pi / 180
	sin30    = sin(30 * radians)
	oneCos60 = 1 - cos(60*radians)
	asin05   = math.Asin(0.5)
	acos05   = math.Acos(0.5)
	atan1    = math.Atan(1)
	tan45    = sindFirst(45) / cosdFirst(45)
	cot45    = cosdFirst(45) / sindFirst(45)
)

func atanDegrees(r float64) float64 { return r / atan1 * 45 }

func asind(x float64) float64 {
	switch {
	case math.IsNaN(x):
		return x
	case x < 0:
		return -asindFirst(-x)
	}
	return asindFirst(x)
}

func asindFirst(x float64) float64 {
	if x <= 0.5 {
		return math.Asin(x) / asin05 * 30
	}
	return 90 - math.Acos(x)/acos05*60
}

func acosd(x float64) float64 {
	switch {
	case math.IsNaN(x):
		return x
	case x < 0:
		return 90 + asindFirst(-x)
	case x <= 0.5:
		return 90 - math.Asin(x)/asin05*30
	}
	return math.Acos(x) / acos05 * 60
}

func sindFirst(x float64) float64 {
	if x <= 30 {
		return sin30to(x)
	}
	return cos60to(90 - x)
}

func cosdFirst(x float64) float64 {
	if x <= 60 {
		return cos60to(x)
	}
	return sin30to(90 - x)
}

func sin30to(x float64) float64 { return sin(x*radians) / sin30 / 2 }
func cos60to(x float64) float64 { return 1 - (1-cos(x*radians))/oneCos60/2 }

func sind(x float64) float64 {
	if math.IsNaN(x) {
		return x
	}
	x = math.Mod(x, 360)
	sign := 1.0
	if x < 0 {
		x, sign = -x, -1
	}
	if x > 180 {
		x, sign = 360-x, -sign
	}
	if x > 90 {
		x = 180 - x
	}
	return sign * sindFirst(x)
}

func cosd(x float64) float64 {
	if math.IsNaN(x) {
		return x
	}
	x = math.Abs(math.Mod(x, 360))
	sign := 1.0
	if x > 180 {
		x = 360 - x
	}
	if x > 90 {
		x, sign = 180-x, -1
	}
	return sign * cosdFirst(x)
}

// quadrant reduces an angle for tand and cotd, which repeat every 180 degrees.
func quadrant(x float64) (float64, float64) {
	x = math.Mod(x, 360)
	sign := 1.0
	if x < 0 {
		x, sign = -x, -1
	}
	if x > 180 {
		x, sign = 360-x, -sign
	}
	if x > 90 {
		x, sign = 180-x, -sign
	}
	return x, sign
}

func tand(x float64) float64 {
	if math.IsNaN(x) {
		return x
	}
	a, sign := quadrant(x)
	r := sign * (sindFirst(a) / cosdFirst(a) / tan45)
	if r == 0 {
		return 0
	}
	return r
}

func cotd(x float64) float64 {
	if math.IsNaN(x) {
		return x
	}
	a, sign := quadrant(x)
	r := sign * (cosdFirst(a) / sindFirst(a) / cot45)
	if r == 0 {
		return 0
	}
	return r
}

func registerFloatFrames() {
	inRange := func(_ *Call, a []types.Datum) (types.Datum, error) {
		val, base, offset := a[0].Float(), a[1].Float(), a[2].Float()
		if math.IsNaN(offset) || offset < 0 {
			return types.Datum{}, errFrameOffset()
		}
		sub, less := a[3].IsTrue(), a[4].IsTrue()
		switch {
		case math.IsNaN(val):
			return types.Bool(math.IsNaN(base) || !less), nil
		case math.IsNaN(base):
			return types.Bool(less), nil
		case isInf(offset) && isInf(base) && (base > 0) == sub: // infinity minus infinity: everything is in range
			return types.Bool(true), nil
		}
		if sub {
			offset = -offset
		}
		if less {
			return types.Bool(val <= base+offset), nil
		}
		return types.Bool(val >= base+offset), nil
	}
	scalar("in_range_float8_float8", inRange)
	scalar("in_range_float4_float8", inRange)
}

func widthBucketFloat(_ *Call, a []types.Datum) (types.Datum, error) {
	x, lo, hi, n := a[0].Float(), a[1].Float(), a[2].Float(), a[3].I
	switch {
	case n <= 0:
		return types.Datum{}, pgerr.New(pgerr.InvalidArgumentForWidthBucketFunction, "count must be greater than zero")
	case math.IsNaN(x) || math.IsNaN(lo) || math.IsNaN(hi):
		return types.Datum{}, pgerr.New(pgerr.InvalidArgumentForWidthBucketFunction, "operand, lower bound, and upper bound cannot be NaN")
	case isInf(lo) || isInf(hi):
		return types.Datum{}, pgerr.New(pgerr.InvalidArgumentForWidthBucketFunction, "lower and upper bounds must be finite")
	case lo == hi:
		return types.Datum{}, pgerr.New(pgerr.InvalidArgumentForWidthBucketFunction, "lower bound cannot equal upper bound")
	}
	if lo < hi {
		switch {
		case x < lo:
			return types.Int(0), nil
		case x >= hi:
			return checkInt(n+1, 4)
		}
		return types.Int(bucketOf(x-lo, hi-lo, n)), nil
	}
	switch {
	case x > lo:
		return types.Int(0), nil
	case x <= hi:
		return checkInt(n+1, 4)
	}
	return types.Int(bucketOf(lo-x, lo-hi, n)), nil
}

func bucketOf(distance, width float64, n int64) int64 {
	b := int64(float64(n)*(distance/width)) + 1
	return min(b, n)
}
