package exec

import (
	"math"

	"kimberlite/sql/types"
)

// cmpOp is a comparison.
type cmpOp uint8

const (
	cmpEq cmpOp = iota
	cmpNe
	cmpLt
	cmpLe
	cmpGt
	cmpGe
)

// holds reports whether the comparison holds for the result of a three-way comparison.
func (op cmpOp) holds(c int) bool {
	switch op {
	case cmpEq:
		return c == 0
	case cmpNe:
		return c != 0
	case cmpLt:
		return c < 0
	case cmpLe:
		return c <= 0
	case cmpGt:
		return c > 0
	}
	return c >= 0
}

// swap is the comparison with its sides exchanged.
func (op cmpOp) swap() cmpOp {
	switch op {
	case cmpLt:
		return cmpGt
	case cmpLe:
		return cmpGe
	case cmpGt:
		return cmpLt
	case cmpGe:
		return cmpLe
	}
	return op
}

// cmpKind is how the values of a comparison are ordered.
type cmpKind uint8

const (
	cmpInt     cmpKind = iota // by int64
	cmpFloat                  // by the float64 whose bits they are
	cmpString                 // by bytes
	cmpNumeric                // packed numerics
	cmpPadded                 // by bytes, trailing blanks aside: char(n)
	cmpCustom                 // by a comparator
)

// cmpExpr is a comparison operator over two values.
type cmpExpr struct {
	op   cmpOp
	kind cmpKind
	cmp  func(a, b types.Datum) int // for row and cmpCustom
	a, b expr
	out  scratch
	buf  []int32
	fa   []int64 // float keys
	fb   []int64
}

func (e *cmpExpr) row(r *rowEnv) (types.Datum, error) {
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
	switch e.kind {
	case cmpInt:
		return types.Bool(e.op.holds(cmpInt64(x.I, y.I))), nil
	case cmpString:
		return types.Bool(cmpStrings(e.op, x.S, y.S)), nil
	}
	return types.Bool(e.op.holds(e.cmp(x, y))), nil
}

func cmpInt64(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func cmpStrings(op cmpOp, a, b string) bool {
	switch op {
	case cmpEq:
		return a == b
	case cmpNe:
		return a != b
	case cmpLt:
		return a < b
	case cmpLe:
		return a <= b
	case cmpGt:
		return a > b
	}
	return a >= b
}

// operands evaluates both sides. When one side is a scalar it is returned in c and the other in x, with the operator turned so that
// x is on the left; otherwise y is the right side.
func (e *cmpExpr) operands(b *types.Batch, sel []int32) (x, y *types.Vec, c types.Datum, op cmpOp, err error) {
	op = e.op
	if s, ok := e.b.(scalarExpr); ok {
		if x, err = e.a.vec(b, sel); err != nil {
			return
		}
		c, err = s.scalar()
		return x, nil, c, op, err
	}
	if s, ok := e.a.(scalarExpr); ok {
		if c, err = s.scalar(); err != nil {
			return
		}
		x, err = e.b.vec(b, sel)
		return x, nil, c, op.swap(), err
	}
	if x, err = e.a.vec(b, sel); err != nil {
		return
	}
	y, err = e.b.vec(b, sel)
	return
}

func (e *cmpExpr) filter(b *types.Batch, sel []int32) ([]int32, error) {
	if len(sel) == 0 {
		return sel, nil
	}
	x, y, c, op, err := e.operands(b, sel)
	if err != nil {
		return nil, err
	}
	out := selBuf(&e.buf)
	if y == nil {
		if c.Null {
			return out[:0], nil
		}
		switch e.kind {
		case cmpInt:
			out = filterConst(op, x.Fix, c.I, sel, out)
		case cmpFloat:
			e.fa = floatKeys(e.fa, x.Fix, sel)
			out = filterConst(op, e.fa, floatKey(c.I), sel, out)
		case cmpString:
			out = filterConst(op, x.Str, c.S, sel, out)
		case cmpNumeric:
			out = filterNumericConst(op, x, c.S, sel, out[:0])
		case cmpPadded:
			out = filterPadded(op, x.Str, unpad(c.S), sel, out[:0])
		default:
			out = out[:0]
			for _, i := range sel {
				if !x.IsNull(int(i)) && op.holds(e.ordered(x.Datum(int(i)), c, op != e.op)) {
					out = append(out, i)
				}
			}
		}
		if x.Nulls != nil {
			out = dropNulls(x.Nulls, out)
		}
		return out, nil
	}
	switch e.kind {
	case cmpInt:
		out = filterVec(op, x.Fix, y.Fix, sel, out)
	case cmpFloat:
		e.fa, e.fb = floatKeys(e.fa, x.Fix, sel), floatKeys(e.fb, y.Fix, sel)
		out = filterVec(op, e.fa, e.fb, sel, out)
	case cmpString:
		out = filterVec(op, x.Str, y.Str, sel, out)
	default:
		out = out[:0]
		for _, i := range sel {
			if !x.IsNull(int(i)) && !y.IsNull(int(i)) && op.holds(e.cmp(x.Datum(int(i)), y.Datum(int(i)))) {
				out = append(out, i)
			}
		}
		return out, nil
	}
	if x.Nulls != nil {
		out = dropNulls(x.Nulls, out)
	}
	if y.Nulls != nil {
		out = dropNulls(y.Nulls, out)
	}
	return out, nil
}

// ordered compares x with c for the operator as turned by operands: when the sides were exchanged the comparator still wants its own order.
func (e *cmpExpr) ordered(x, c types.Datum, swapped bool) int {
	if swapped {
		return -e.cmp(c, x)
	}
	return e.cmp(x, c)
}

func (e *cmpExpr) vec(b *types.Batch, sel []int32) (*types.Vec, error) {
	x, y, c, op, err := e.operands(b, sel)
	if err != nil {
		return nil, err
	}
	out := e.out.begin(b.N)
	if y == nil {
		if c.Null {
			for _, i := range sel {
				e.out.null(i)
			}
			return out, nil
		}
		e.out.unionNulls(x.Nulls, nil)
		switch e.kind {
		case cmpInt:
			compareConst(op, x.Fix, c.I, sel, out.Fix)
		case cmpFloat:
			e.fa = floatKeys(e.fa, x.Fix, sel)
			compareConst(op, e.fa, floatKey(c.I), sel, out.Fix)
		case cmpString:
			compareConst(op, x.Str, c.S, sel, out.Fix)
		default:
			for _, i := range sel {
				if !x.IsNull(int(i)) {
					out.Fix[i] = b2i(op.holds(e.ordered(x.Datum(int(i)), c, op != e.op)))
				}
			}
		}
		return out, nil
	}
	e.out.unionNulls(x.Nulls, y.Nulls)
	switch e.kind {
	case cmpInt:
		compareVec(op, x.Fix, y.Fix, sel, out.Fix)
	case cmpFloat:
		e.fa, e.fb = floatKeys(e.fa, x.Fix, sel), floatKeys(e.fb, y.Fix, sel)
		compareVec(op, e.fa, e.fb, sel, out.Fix)
	case cmpString:
		compareVec(op, x.Str, y.Str, sel, out.Fix)
	default:
		for _, i := range sel {
			if !out.IsNull(int(i)) {
				out.Fix[i] = b2i(op.holds(e.cmp(x.Datum(int(i)), y.Datum(int(i)))))
			}
		}
	}
	return out, nil
}

// ordered types have their own machine comparison; the generic kernels below are instantiated for int64 and string.
type ordered interface{ int64 | string }

// filterConst collects the rows of sel whose value compares so with c. The loops store first and advance by the outcome,
// so that there is no branch to mispredict.
func filterConst[T ordered](op cmpOp, a []T, c T, sel, out []int32) []int32 {
	out = out[:len(sel)]
	k := int64(0)
	switch op {
	case cmpEq:
		for _, i := range sel {
			out[k] = i
			k += b2i(a[i] == c)
		}
	case cmpNe:
		for _, i := range sel {
			out[k] = i
			k += b2i(a[i] != c)
		}
	case cmpLt:
		for _, i := range sel {
			out[k] = i
			k += b2i(a[i] < c)
		}
	case cmpLe:
		for _, i := range sel {
			out[k] = i
			k += b2i(a[i] <= c)
		}
	case cmpGt:
		for _, i := range sel {
			out[k] = i
			k += b2i(a[i] > c)
		}
	case cmpGe:
		for _, i := range sel {
			out[k] = i
			k += b2i(a[i] >= c)
		}
	}
	return out[:k]
}

func filterVec[T ordered](op cmpOp, a, b []T, sel, out []int32) []int32 {
	out = out[:len(sel)]
	k := int64(0)
	switch op {
	case cmpEq:
		for _, i := range sel {
			out[k] = i
			k += b2i(a[i] == b[i])
		}
	case cmpNe:
		for _, i := range sel {
			out[k] = i
			k += b2i(a[i] != b[i])
		}
	case cmpLt:
		for _, i := range sel {
			out[k] = i
			k += b2i(a[i] < b[i])
		}
	case cmpLe:
		for _, i := range sel {
			out[k] = i
			k += b2i(a[i] <= b[i])
		}
	case cmpGt:
		for _, i := range sel {
			out[k] = i
			k += b2i(a[i] > b[i])
		}
	case cmpGe:
		for _, i := range sel {
			out[k] = i
			k += b2i(a[i] >= b[i])
		}
	}
	return out[:k]
}

func compareConst[T ordered](op cmpOp, a []T, c T, sel []int32, out []int64) {
	switch op {
	case cmpEq:
		for _, i := range sel {
			out[i] = b2i(a[i] == c)
		}
	case cmpNe:
		for _, i := range sel {
			out[i] = b2i(a[i] != c)
		}
	case cmpLt:
		for _, i := range sel {
			out[i] = b2i(a[i] < c)
		}
	case cmpLe:
		for _, i := range sel {
			out[i] = b2i(a[i] <= c)
		}
	case cmpGt:
		for _, i := range sel {
			out[i] = b2i(a[i] > c)
		}
	case cmpGe:
		for _, i := range sel {
			out[i] = b2i(a[i] >= c)
		}
	}
}

func compareVec[T ordered](op cmpOp, a, b []T, sel []int32, out []int64) {
	switch op {
	case cmpEq:
		for _, i := range sel {
			out[i] = b2i(a[i] == b[i])
		}
	case cmpNe:
		for _, i := range sel {
			out[i] = b2i(a[i] != b[i])
		}
	case cmpLt:
		for _, i := range sel {
			out[i] = b2i(a[i] < b[i])
		}
	case cmpLe:
		for _, i := range sel {
			out[i] = b2i(a[i] <= b[i])
		}
	case cmpGt:
		for _, i := range sel {
			out[i] = b2i(a[i] > b[i])
		}
	case cmpGe:
		for _, i := range sel {
			out[i] = b2i(a[i] >= b[i])
		}
	}
}

// floatKey maps the bits of a float64 to an int64 with PostgreSQL's order of floats: -0 equals 0, NaN is above everything.
func floatKey(bits int64) int64 {
	f := math.Float64frombits(uint64(bits))
	if f != f {
		return math.MaxInt64
	}
	if f == 0 {
		return 0
	}
	return bits ^ int64(uint64(bits>>63)>>1)
}

func floatKeys(dst, bits []int64, sel []int32) []int64 {
	if cap(dst) < types.BatchRows {
		dst = make([]int64, types.BatchRows)
	}
	dst = dst[:types.BatchRows]
	for _, i := range sel {
		dst[i] = floatKey(bits[i])
	}
	return dst
}

// filterNumericConst compares with coefficients as long as both numerics are small and of the same scale.
func filterNumericConst(op cmpOp, x *types.Vec, c string, sel, out []int32) []int32 {
	cc, cs, small := types.UnpackSmallNumeric(c)
	for _, i := range sel {
		s := x.Str[i]
		if small {
			if v, vs, ok := types.UnpackSmallNumeric(s); ok && vs == cs {
				if op.holds(cmpInt64(v, cc)) {
					out = append(out, i)
				}
				continue
			}
		}
		if x.IsNull(int(i)) {
			continue
		}
		if op.holds(types.NumericCompare(s, c)) {
			out = append(out, i)
		}
	}
	return out
}

// unpad cuts trailing blanks, which do not count in char(n).
func unpad(s string) string {
	n := len(s)
	for n > 0 && s[n-1] == ' ' {
		n--
	}
	return s[:n]
}

func filterPadded(op cmpOp, a []string, c string, sel, out []int32) []int32 {
	switch op {
	case cmpEq:
		for _, i := range sel {
			if s := a[i]; len(s) >= len(c) && s[:len(c)] == c && unpad(s[len(c):]) == "" {
				out = append(out, i)
			}
		}
		return out
	case cmpNe:
		for _, i := range sel {
			if s := a[i]; len(s) < len(c) || s[:len(c)] != c || unpad(s[len(c):]) != "" {
				out = append(out, i)
			}
		}
		return out
	}
	for _, i := range sel {
		if cmpStrings(op, unpad(a[i]), c) {
			out = append(out, i)
		}
	}
	return out
}

// distinctExpr is IS [NOT] DISTINCT FROM, given by an equality.
type distinctExpr struct {
	rowwise
	a, b expr
	eq   func(a, b types.Datum) (bool, error)
	not  bool
}

func (e *distinctExpr) row(r *rowEnv) (types.Datum, error) {
	x, err := e.a.row(r)
	if err != nil {
		return x, err
	}
	y, err := e.b.row(r)
	if err != nil {
		return y, err
	}
	distinct := x.Null != y.Null
	if !x.Null && !y.Null {
		eq, err := e.eq(x, y)
		if err != nil {
			return x, err
		}
		distinct = !eq
	}
	return types.Bool(distinct != e.not), nil
}

func (e *distinctExpr) vec(b *types.Batch, sel []int32) (*types.Vec, error) { return e.rows(e, b, sel) }

// nullIf is NULLIF(a, b).
type nullIf struct {
	rowwise
	a, b expr
	eq   func(a, b types.Datum) (bool, error)
}

func (e *nullIf) row(r *rowEnv) (types.Datum, error) {
	x, err := e.a.row(r)
	if err != nil || x.Null {
		return x, err
	}
	y, err := e.b.row(r)
	if err != nil {
		return y, err
	}
	if !y.Null {
		eq, err := e.eq(x, y)
		if err != nil {
			return x, err
		}
		if eq {
			return types.NullDatum, nil
		}
	}
	return x, nil
}

func (e *nullIf) vec(b *types.Batch, sel []int32) (*types.Vec, error) { return e.rows(e, b, sel) }
