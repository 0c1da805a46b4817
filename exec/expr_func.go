package exec

import (
	"kimberlite/sql/functions"
	"kimberlite/sql/types"
)

// funcExpr calls an implementation of package functions.
type funcExpr struct {
	call   *functions.Call
	impl   functions.Impl
	strict bool
	args   []expr
	out    scratch
	vecs   []*types.Vec
	argv   []types.Datum
}

func (e *funcExpr) row(r *rowEnv) (types.Datum, error) {
	null := false
	argv := e.argv
	for i, a := range e.args {
		d, err := a.row(r)
		if err != nil {
			return d, err
		}
		argv[i] = d
		null = null || d.Null
	}
	if null && e.strict {
		return types.NullDatum, nil
	}
	return e.impl.Row(e.call, argv)
}

func (e *funcExpr) vec(b *types.Batch, sel []int32) (*types.Vec, error) {
	anyNull := false
	for i, a := range e.args {
		v, err := a.vec(b, sel)
		if err != nil {
			return nil, err
		}
		e.vecs[i] = v
		anyNull = anyNull || v.Nulls != nil
	}
	out := e.out.begin(b.N)
	if e.strict && anyNull {
		m := e.out.bitmap()
		for _, v := range e.vecs {
			for w := range min(len(v.Nulls), len(m)) {
				m[w] |= v.Nulls[w]
			}
		}
	}
	if e.impl.Vec != nil {
		if len(sel) == b.N {
			return out, e.impl.Vec(e.call, b.N, nil, e.vecs, out)
		}
		return out, e.impl.Vec(e.call, b.N, sel, e.vecs, out)
	}
	argv := e.argv
	for _, i := range sel {
		if e.strict && out.Nulls != nil && out.Nulls.Get(int(i)) {
			continue
		}
		for k, v := range e.vecs {
			argv[k] = v.Datum(int(i))
		}
		d, err := e.impl.Row(e.call, argv)
		if err != nil {
			return nil, err
		}
		e.out.set(i, d)
	}
	return out, nil
}

// nextValue is nextval of an identity column's sequence.
type nextValue struct {
	rowwise
	st  *state
	seq types.OID
}

func (e *nextValue) row(*rowEnv) (types.Datum, error) {
	if e.st.env.Session == nil {
		return types.Datum{}, noSession("nextval")
	}
	v, err := e.st.env.Session.NextVal(e.seq)
	return types.Datum{I: v}, err
}

func (e *nextValue) vec(b *types.Batch, sel []int32) (*types.Vec, error) { return e.rows(e, b, sel) }

// sqlValue is CURRENT_DATE and its kin; it is wrapped in a onceExpr.
type sqlValue struct {
	rowwise
	f func() (types.Datum, error)
}

func (e *sqlValue) row(*rowEnv) (types.Datum, error)                    { return e.f() }
func (e *sqlValue) vec(b *types.Batch, sel []int32) (*types.Vec, error) { return e.rows(e, b, sel) }

// mapExpr applies a function to the values that are not NULL.
type mapExpr struct {
	arg expr
	f   func(types.Datum) (types.Datum, error)
	out scratch
}

func (e *mapExpr) row(r *rowEnv) (types.Datum, error) {
	d, err := e.arg.row(r)
	if err != nil || d.Null {
		return d, err
	}
	return e.f(d)
}

func (e *mapExpr) vec(b *types.Batch, sel []int32) (*types.Vec, error) {
	x, err := e.arg.vec(b, sel)
	if err != nil {
		return nil, err
	}
	out := e.out.begin(b.N)
	for _, i := range sel {
		if x.IsNull(int(i)) {
			e.out.null(i)
			continue
		}
		d, err := e.f(x.Datum(int(i)))
		if err != nil {
			return nil, err
		}
		e.out.set(i, d)
	}
	return out, nil
}

// mapAll is mapExpr for functions that want to see NULLs too.
type mapAll struct {
	rowwise
	arg expr
	f   func(types.Datum) (types.Datum, error)
}

func (e *mapAll) row(r *rowEnv) (types.Datum, error) {
	d, err := e.arg.row(r)
	if err != nil {
		return d, err
	}
	return e.f(d)
}

func (e *mapAll) vec(b *types.Batch, sel []int32) (*types.Vec, error) { return e.rows(e, b, sel) }

// listExpr computes all arguments of a row, then a function of them.
type listExpr struct {
	rowwise
	args []expr
	argv []types.Datum
	f    func(args []types.Datum) (types.Datum, error)
}

func (e *listExpr) row(r *rowEnv) (types.Datum, error) {
	// The arguments may contain this very kind of node, so that the buffer belongs to the node and is filled before use.
	for i, a := range e.args {
		d, err := a.row(r)
		if err != nil {
			return d, err
		}
		e.argv[i] = d
	}
	return e.f(e.argv)
}

func (e *listExpr) vec(b *types.Batch, sel []int32) (*types.Vec, error) { return e.rows(e, b, sel) }
