package exec

import "kimberlite/sql/types"

// caseExpr is CASE. With arg, the conditions compare against the holder.
type caseExpr struct {
	arg   expr // nil for a searched CASE
	test  *holder
	whens []caseArm
	els   expr
	out   scratch
	rest  [2][]int32
}

type caseArm struct {
	cond, result expr
	buf          []int32
}

func (e *caseExpr) row(r *rowEnv) (types.Datum, error) {
	if e.arg != nil {
		d, err := e.arg.row(r)
		if err != nil {
			return d, err
		}
		e.test.v, e.test.d = nil, d
	}
	for i := range e.whens {
		d, err := e.whens[i].cond.row(r)
		if err != nil {
			return d, err
		}
		if d.IsTrue() {
			return e.whens[i].result.row(r)
		}
	}
	return e.els.row(r)
}

func (e *caseExpr) vec(b *types.Batch, sel []int32) (*types.Vec, error) {
	if e.arg != nil {
		v, err := e.arg.vec(b, sel)
		if err != nil {
			return nil, err
		}
		e.test.v = v
		defer func() { e.test.v = nil }()
	}
	out := e.out.begin(b.N)
	rest := sel
	for i := range e.whens {
		if len(rest) == 0 {
			return out, nil
		}
		w := &e.whens[i]
		hit, err := filterRows(w.cond, b, rest, &w.buf)
		if err != nil {
			return nil, err
		}
		if len(hit) == 0 {
			continue
		}
		left := diffSel(rest, hit, selBuf(&e.rest[i%2])[:0])
		x, err := w.result.vec(b, hit)
		if err != nil {
			return nil, err
		}
		e.out.copyRows(x, hit)
		rest = left
	}
	if len(rest) > 0 {
		x, err := e.els.vec(b, rest)
		if err != nil {
			return nil, err
		}
		e.out.copyRows(x, rest)
	}
	return out, nil
}

// coalesce is COALESCE: each argument is computed where those before it are NULL.
type coalesce struct {
	args []expr
	out  scratch
	rest [2][]int32
}

func (e *coalesce) row(r *rowEnv) (types.Datum, error) {
	for _, a := range e.args {
		d, err := a.row(r)
		if err != nil || !d.Null {
			return d, err
		}
	}
	return types.NullDatum, nil
}

func (e *coalesce) vec(b *types.Batch, sel []int32) (*types.Vec, error) {
	out := e.out.begin(b.N)
	rest := sel
	for n, a := range e.args {
		if len(rest) == 0 {
			return out, nil
		}
		x, err := a.vec(b, rest)
		if err != nil {
			return nil, err
		}
		if x.Nulls == nil {
			if n == 0 {
				return x, nil
			}
			e.out.copyRows(x, rest)
			return out, nil
		}
		left := selBuf(&e.rest[n%2])[:0]
		for _, i := range rest {
			if x.Nulls.Get(int(i)) {
				left = append(left, i)
			} else if out.Class == types.Fixed {
				out.Fix[i] = x.Fix[i]
			} else {
				out.Str[i] = x.Str[i]
			}
		}
		rest = left
	}
	for _, i := range rest {
		e.out.null(i)
	}
	return out, nil
}

// minMax is GREATEST and LEAST; NULLs are passed over.
type minMax struct {
	rowwise
	args  []expr
	least bool
	cmp   func(a, b types.Datum) int
}

func (e *minMax) row(r *rowEnv) (types.Datum, error) {
	best := types.NullDatum
	for _, a := range e.args {
		d, err := a.row(r)
		if err != nil {
			return d, err
		}
		if d.Null {
			continue
		}
		if best.Null {
			best = d
		} else if c := e.cmp(d, best); c < 0 && e.least || c > 0 && !e.least {
			best = d
		}
	}
	return best, nil
}

func (e *minMax) vec(b *types.Batch, sel []int32) (*types.Vec, error) { return e.rows(e, b, sel) }
