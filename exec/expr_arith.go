package exec

import (
	"math"
	"math/bits"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// arithOp is an arithmetic operation.
type arithOp uint8

const (
	opAdd arithOp = iota
	opSub
	opMul
	opDiv
	opMod
)

var errDivisionByZero = pgerr.New(pgerr.DivisionByZero, "division by zero")

// outOfRange is the error of an integer of the width.
func outOfRange(width uint8) error {
	name := "bigint"
	switch width {
	case 2:
		name = "smallint"
	case 4:
		name = "integer"
	}
	return pgerr.New(pgerr.NumericValueOutOfRange, name+" out of range")
}

// intArith computes on integers whose result has width bytes.
type intArith struct {
	op    arithOp
	width uint8
	a, b  expr
	out   scratch
}

// intOp computes one value; the operands lie within int64, so for widths below 8 neither addition nor multiplication of
// values of the operand types can overflow an int64.
func intOp(op arithOp, width uint8, x, y int64) (int64, error) {
	var r int64
	switch op {
	case opAdd:
		r = x + y
		if (x^r)&(y^r) < 0 {
			return 0, outOfRange(width)
		}
	case opSub:
		r = x - y
		if (x^y)&(x^r) < 0 {
			return 0, outOfRange(width)
		}
	case opMul:
		var ok bool
		if r, ok = mul64(x, y); !ok {
			return 0, outOfRange(width)
		}
	case opDiv:
		if y == 0 {
			return 0, errDivisionByZero
		}
		if y == -1 {
			if x == math.MinInt64 {
				return 0, outOfRange(width)
			}
			r = -x
		} else {
			r = x / y
		}
	case opMod:
		if y == 0 {
			return 0, errDivisionByZero
		}
		if y == -1 {
			return 0, nil
		}
		r = x % y
	}
	if !fits(r, width) {
		return 0, outOfRange(width)
	}
	return r, nil
}

func fits(r int64, width uint8) bool {
	switch width {
	case 2:
		return r == int64(int16(r))
	case 4:
		return r == int64(int32(r))
	}
	return true
}

func mul64(x, y int64) (int64, bool) {
	r := x * y
	if x == int64(int32(x)) && y == int64(int32(y)) {
		return r, true
	}
	hi, lo := bits.Mul64(uint64(x), uint64(y))
	h := int64(hi)
	if x < 0 {
		h -= y
	}
	if y < 0 {
		h -= x
	}
	return r, h == int64(lo)>>63
}

func (e *intArith) row(r *rowEnv) (types.Datum, error) {
	x, err := e.a.row(r)
	if err != nil {
		return x, err
	}
	y, err := e.b.row(r)
	if err != nil {
		return y, err
	}
	if x.Null || y.Null {
		return types.NullDatum, nil
	}
	v, err := intOp(e.op, e.width, x.I, y.I)
	return types.Datum{I: v}, err
}

func (e *intArith) vec(b *types.Batch, sel []int32) (*types.Vec, error) {
	x, err := e.a.vec(b, sel)
	if err != nil {
		return nil, err
	}
	y, err := e.b.vec(b, sel)
	if err != nil {
		return nil, err
	}
	out := e.out.begin(b.N)
	e.out.unionNulls(x.Nulls, y.Nulls)
	xs, ys, rs := x.Fix, y.Fix, out.Fix
	if e.op == opDiv || e.op == opMod {
		return out, e.each(xs, ys, out, sel)
	}
	// The overflow test is gathered over the batch; NULL rows hold garbage, so a hit is looked into row by row.
	bad := int64(0)
	switch e.op {
	case opAdd:
		for _, i := range sel {
			r := xs[i] + ys[i]
			bad |= (xs[i] ^ r) & (ys[i] ^ r)
			rs[i] = r
		}
	case opSub:
		for _, i := range sel {
			r := xs[i] - ys[i]
			bad |= (xs[i] ^ ys[i]) & (xs[i] ^ r)
			rs[i] = r
		}
	case opMul:
		for _, i := range sel {
			r, ok := mul64(xs[i], ys[i])
			rs[i] = r
			if !ok {
				bad = -1
			}
		}
	}
	if e.width < 8 {
		shift := 64 - 8*uint(e.width)
		diff := int64(0)
		for _, i := range sel {
			diff |= rs[i] ^ rs[i]<<shift>>shift
		}
		if diff != 0 {
			bad = -1
		}
	}
	if bad < 0 {
		return out, e.each(xs, ys, out, sel)
	}
	return out, nil
}

func (e *intArith) each(xs, ys []int64, out *types.Vec, sel []int32) error {
	for _, i := range sel {
		if out.IsNull(int(i)) {
			continue
		}
		r, err := intOp(e.op, e.width, xs[i], ys[i])
		if err != nil {
			return err
		}
		out.Fix[i] = r
	}
	return nil
}

// floatArith computes on floats; single says that the result is a float4.
type floatArith struct {
	op     arithOp
	single bool
	a, b   expr
	out    scratch
}

var (
	errFloatOverflow  = pgerr.New(pgerr.NumericValueOutOfRange, "value out of range: overflow")
	errFloatUnderflow = pgerr.New(pgerr.NumericValueOutOfRange, "value out of range: underflow")
)

func floatOp(op arithOp, single bool, x, y float64) (float64, error) {
	var r float64
	switch op {
	case opAdd:
		r = x + y
	case opSub:
		r = x - y
	case opMul:
		r = x * y
	case opDiv:
		if y == 0 && x == x {
			return 0, errDivisionByZero
		}
		r = x / y
	}
	if single {
		r = float64(float32(r))
	}
	if math.IsInf(r, 0) && !math.IsInf(x, 0) && !math.IsInf(y, 0) {
		return 0, errFloatOverflow
	}
	if r == 0 && x != 0 && (op == opMul && y != 0 || op == opDiv && !math.IsInf(y, 0)) {
		return 0, errFloatUnderflow
	}
	return r, nil
}

func (e *floatArith) row(r *rowEnv) (types.Datum, error) {
	x, err := e.a.row(r)
	if err != nil {
		return x, err
	}
	y, err := e.b.row(r)
	if err != nil {
		return y, err
	}
	if x.Null || y.Null {
		return types.NullDatum, nil
	}
	v, err := floatOp(e.op, e.single, x.Float(), y.Float())
	return types.Float(v), err
}

func (e *floatArith) vec(b *types.Batch, sel []int32) (*types.Vec, error) {
	x, err := e.a.vec(b, sel)
	if err != nil {
		return nil, err
	}
	y, err := e.b.vec(b, sel)
	if err != nil {
		return nil, err
	}
	out := e.out.begin(b.N)
	e.out.unionNulls(x.Nulls, y.Nulls)
	for _, i := range sel {
		if out.Nulls != nil && out.IsNull(int(i)) {
			continue
		}
		v, err := floatOp(e.op, e.single, math.Float64frombits(uint64(x.Fix[i])), math.Float64frombits(uint64(y.Fix[i])))
		if err != nil {
			return nil, err
		}
		out.Fix[i] = int64(math.Float64bits(v))
	}
	return out, nil
}

// numericArith computes on packed numerics; small ones in int64 arithmetic, with the results carved from the instance's arena.
type numericArith struct {
	op    arithOp
	a, b  expr
	arena *types.Arena
	out   scratch
}

// pow10 holds the powers of ten that fit an int64.
var pow10 = func() (p [19]int64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

const smallScaleMax = 200 // of results computed here; larger ones go the long way

// smallNumeric computes op on small numerics; ok is false when the long way must be gone.
func smallNumeric(op arithOp, a, b string) (coef int64, scale int, ok bool) {
	x, xs, ok := types.UnpackSmallNumeric(a)
	if !ok {
		return 0, 0, false
	}
	y, ys, ok := types.UnpackSmallNumeric(b)
	if !ok {
		return 0, 0, false
	}
	if op == opMul {
		if xs+ys > smallScaleMax {
			return 0, 0, false
		}
		r, ok := mul64(x, y)
		return r, xs + ys, ok && r != math.MinInt64
	}
	if xs != ys {
		if xs < ys {
			if ys-xs >= len(pow10) {
				return 0, 0, false
			}
			x, ok = mul64(x, pow10[ys-xs])
			xs = ys
		} else {
			if xs-ys >= len(pow10) {
				return 0, 0, false
			}
			y, ok = mul64(y, pow10[xs-ys])
		}
		if !ok {
			return 0, 0, false
		}
	}
	var r int64
	if op == opAdd {
		r = x + y
		ok = (x^r)&(y^r) >= 0
	} else {
		r = x - y
		ok = (x^y)&(x^r) >= 0
	}
	return r, xs, ok && r != math.MinInt64
}

func numericOp(op arithOp, a, b string) (string, error) {
	switch op {
	case opAdd:
		return types.NumericAdd(a, b)
	case opSub:
		return types.NumericSub(a, b)
	case opMul:
		return types.NumericMul(a, b)
	case opDiv:
		return types.NumericDiv(a, b)
	}
	return types.NumericRem(a, b)
}

func (e *numericArith) row(r *rowEnv) (types.Datum, error) {
	x, err := e.a.row(r)
	if err != nil {
		return x, err
	}
	y, err := e.b.row(r)
	if err != nil {
		return y, err
	}
	if x.Null || y.Null {
		return types.NullDatum, nil
	}
	s, err := numericOp(e.op, x.S, y.S)
	return types.Datum{S: s}, err
}

func (e *numericArith) vec(b *types.Batch, sel []int32) (*types.Vec, error) {
	x, err := e.a.vec(b, sel)
	if err != nil {
		return nil, err
	}
	y, err := e.b.vec(b, sel)
	if err != nil {
		return nil, err
	}
	out := e.out.begin(b.N)
	e.out.unionNulls(x.Nulls, y.Nulls)
	small := e.op <= opMul
	for _, i := range sel {
		if out.Nulls != nil && out.IsNull(int(i)) {
			continue
		}
		if small {
			if coef, scale, ok := smallNumeric(e.op, x.Str[i], y.Str[i]); ok {
				out.Str[i] = types.MakeNumericIn(e.arena, coef, scale)
				continue
			}
		}
		s, err := numericOp(e.op, x.Str[i], y.Str[i])
		if err != nil {
			return nil, err
		}
		out.Str[i] = s
	}
	return out, nil
}

// intToNumeric converts integers.
type intToNumeric struct {
	arg   expr
	arena *types.Arena
	out   scratch
}

func (e *intToNumeric) row(r *rowEnv) (types.Datum, error) {
	x, err := e.arg.row(r)
	if err != nil || x.Null {
		return x, err
	}
	return types.Datum{S: types.MakeNumeric(x.I, 0)}, nil
}

func (e *intToNumeric) vec(b *types.Batch, sel []int32) (*types.Vec, error) {
	x, err := e.arg.vec(b, sel)
	if err != nil {
		return nil, err
	}
	out := e.out.begin(b.N)
	e.out.unionNulls(x.Nulls, nil)
	for _, i := range sel {
		out.Str[i] = types.MakeNumericIn(e.arena, x.Fix[i], 0)
	}
	return out, nil
}

// intConvert narrows or reinterprets integers by a function of the value.
type intConvert struct {
	arg expr
	f   func(int64) (int64, error)
	out scratch
}

func (e *intConvert) row(r *rowEnv) (types.Datum, error) {
	x, err := e.arg.row(r)
	if err != nil || x.Null {
		return x, err
	}
	v, err := e.f(x.I)
	return types.Datum{I: v}, err
}

func (e *intConvert) vec(b *types.Batch, sel []int32) (*types.Vec, error) {
	x, err := e.arg.vec(b, sel)
	if err != nil {
		return nil, err
	}
	out := e.out.begin(b.N)
	e.out.unionNulls(x.Nulls, nil)
	for _, i := range sel {
		if out.Nulls != nil && out.IsNull(int(i)) {
			continue
		}
		if out.Fix[i], err = e.f(x.Fix[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func narrow(width uint8) func(int64) (int64, error) {
	return func(v int64) (int64, error) {
		if !fits(v, width) {
			return 0, outOfRange(width)
		}
		return v, nil
	}
}

func negate(width uint8) func(int64) (int64, error) {
	return func(v int64) (int64, error) {
		if v == math.MinInt64 || !fits(-v, width) {
			return 0, outOfRange(width)
		}
		return -v, nil
	}
}
