package exec

import "kimberlite/sql/types"

// andExpr is AND over two or more arguments; an argument is computed only where those before it are not false.
type andExpr struct {
	args       []expr
	out        scratch
	buf1, buf2 []int32
	fbufs      [][]int32
}

func (e *andExpr) row(r *rowEnv) (types.Datum, error) {
	null := false
	for _, a := range e.args {
		d, err := a.row(r)
		if err != nil {
			return d, err
		}
		if d.Null {
			null = true
		} else if d.I == 0 {
			return types.Datum{}, nil
		}
	}
	if null {
		return types.NullDatum, nil
	}
	return types.Datum{I: 1}, nil
}

func (e *andExpr) filter(b *types.Batch, sel []int32) ([]int32, error) {
	if e.fbufs == nil {
		e.fbufs = make([][]int32, len(e.args))
	}
	var err error
	for i, a := range e.args {
		if len(sel) == 0 {
			return sel, nil
		}
		if sel, err = filterRows(a, b, sel, &e.fbufs[i]); err != nil {
			return nil, err
		}
	}
	return sel, nil
}

func (e *andExpr) vec(b *types.Batch, sel []int32) (*types.Vec, error) {
	return connect(e.args, &e.out, &e.buf1, &e.buf2, 0, b, sel)
}

// connect computes AND (decisive value 0) or OR (decisive value 1) with three values.
func connect(args []expr, out *scratch, buf1, buf2 *[]int32, decisive int64, b *types.Batch, sel []int32) (*types.Vec, error) {
	v := out.begin(b.N)
	for _, i := range sel {
		v.Fix[i] = 1 - decisive
	}
	open := sel
	for n, a := range args {
		if len(open) == 0 {
			break
		}
		x, err := a.vec(b, open)
		if err != nil {
			return nil, err
		}
		next := selBuf(buf1)
		if n%2 == 1 {
			next = selBuf(buf2)
		}
		next = next[:0]
		if x.Nulls == nil {
			for _, i := range open {
				if x.Fix[i] == decisive {
					v.Fix[i] = decisive
				} else {
					next = append(next, i)
				}
			}
		} else {
			for _, i := range open {
				switch {
				case x.Nulls.Get(int(i)):
					out.null(i)
					next = append(next, i)
				case x.Fix[i] == decisive:
					v.Fix[i] = decisive
				default:
					next = append(next, i)
				}
			}
		}
		open = next
	}
	// A row that was decided after a NULL is not NULL.
	if v.Nulls != nil {
		for _, i := range sel {
			if v.Fix[i] == decisive {
				v.Nulls[i>>6] &^= 1 << (uint(i) & 63)
			} else if v.Nulls.Get(int(i)) {
				v.Fix[i] = 0
			}
		}
	}
	return v, nil
}

// orExpr is OR; an argument is computed only where those before it are not true.
type orExpr struct {
	args       []expr
	out        scratch
	buf1, buf2 []int32
	rest, acc  [2][]int32
	fbufs      [][]int32
}

func (e *orExpr) row(r *rowEnv) (types.Datum, error) {
	null := false
	for _, a := range e.args {
		d, err := a.row(r)
		if err != nil {
			return d, err
		}
		if d.Null {
			null = true
		} else if d.I != 0 {
			return types.Datum{I: 1}, nil
		}
	}
	if null {
		return types.NullDatum, nil
	}
	return types.Datum{}, nil
}

func (e *orExpr) vec(b *types.Batch, sel []int32) (*types.Vec, error) {
	return connect(e.args, &e.out, &e.buf1, &e.buf2, 1, b, sel)
}

func (e *orExpr) filter(b *types.Batch, sel []int32) ([]int32, error) {
	if e.fbufs == nil {
		e.fbufs = make([][]int32, len(e.args))
	}
	rest := sel
	acc := selBuf(&e.acc[0])[:0]
	for i, a := range e.args {
		if len(rest) == 0 {
			break
		}
		t, err := filterRows(a, b, rest, &e.fbufs[i])
		if err != nil {
			return nil, err
		}
		if len(t) == 0 {
			continue
		}
		if len(acc) == 0 {
			acc = append(acc, t...)
		} else {
			acc = mergeSel(acc, t, selBuf(&e.acc[1])[:0])
			e.acc[0], e.acc[1] = acc[:0], e.acc[0]
		}
		if i+1 < len(e.args) {
			rest = diffSel(rest, t, selBuf(&e.rest[i%2])[:0])
		}
	}
	return acc, nil
}

// mergeSel appends the union of two disjoint ascending selections to out.
func mergeSel(a, b, out []int32) []int32 {
	for len(a) > 0 && len(b) > 0 {
		if a[0] < b[0] {
			out, a = append(out, a[0]), a[1:]
		} else {
			out, b = append(out, b[0]), b[1:]
		}
	}
	return append(append(out, a...), b...)
}

// diffSel appends the rows of a that are not in its subset b to out.
func diffSel(a, b, out []int32) []int32 {
	for _, i := range a {
		if len(b) > 0 && b[0] == i {
			b = b[1:]
		} else {
			out = append(out, i)
		}
	}
	return out
}

// notExpr is NOT.
type notExpr struct {
	arg expr
	out scratch
}

func (e *notExpr) row(r *rowEnv) (types.Datum, error) {
	d, err := e.arg.row(r)
	if err != nil || d.Null {
		return d, err
	}
	return types.Datum{I: 1 - d.I}, nil
}

func (e *notExpr) vec(b *types.Batch, sel []int32) (*types.Vec, error) {
	x, err := e.arg.vec(b, sel)
	if err != nil {
		return nil, err
	}
	v := e.out.begin(b.N)
	e.out.unionNulls(x.Nulls, nil)
	for _, i := range sel {
		v.Fix[i] = 1 - x.Fix[i]
	}
	return v, nil
}

// nullTest is IS NULL and IS NOT NULL on a value as a whole.
type nullTest struct {
	arg    expr
	isNull bool
	out    scratch
	buf    []int32
}

func (e *nullTest) row(r *rowEnv) (types.Datum, error) {
	d, err := e.arg.row(r)
	if err != nil {
		return d, err
	}
	return types.Bool(d.Null == e.isNull), nil
}

func (e *nullTest) vec(b *types.Batch, sel []int32) (*types.Vec, error) {
	x, err := e.arg.vec(b, sel)
	if err != nil {
		return nil, err
	}
	v := e.out.begin(b.N)
	for _, i := range sel {
		v.Fix[i] = b2i(x.IsNull(int(i)) == e.isNull)
	}
	return v, nil
}

func (e *nullTest) filter(b *types.Batch, sel []int32) ([]int32, error) {
	x, err := e.arg.vec(b, sel)
	if err != nil {
		return nil, err
	}
	if x.Nulls == nil {
		if e.isNull {
			return sel[:0], nil
		}
		return sel, nil
	}
	out := selBuf(&e.buf)[:0]
	for _, i := range sel {
		if x.Nulls.Get(int(i)) == e.isNull {
			out = append(out, i)
		}
	}
	return out, nil
}

// boolTest is IS TRUE and its kin: true for NULL, for true and for false as told.
type boolTest struct {
	arg                     expr
	onNull, onTrue, onFalse int64
	out                     scratch
}

func (e *boolTest) test(d types.Datum) int64 {
	switch {
	case d.Null:
		return e.onNull
	case d.I != 0:
		return e.onTrue
	}
	return e.onFalse
}

func (e *boolTest) row(r *rowEnv) (types.Datum, error) {
	d, err := e.arg.row(r)
	if err != nil {
		return d, err
	}
	return types.Datum{I: e.test(d)}, nil
}

func (e *boolTest) vec(b *types.Batch, sel []int32) (*types.Vec, error) {
	x, err := e.arg.vec(b, sel)
	if err != nil {
		return nil, err
	}
	v := e.out.begin(b.N)
	for _, i := range sel {
		v.Fix[i] = e.test(x.Datum(int(i)))
	}
	return v, nil
}
