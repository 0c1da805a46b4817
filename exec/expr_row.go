package exec

import (
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// rowCompare is (a, b) < (c, d) and the like: decided by the first pair that differs.
type rowCompare struct {
	rowwise
	left, right []expr
	cmp         []func(a, b types.Datum) (int, error)
	op          cmpOp
}

func (e *rowCompare) row(r *rowEnv) (types.Datum, error) {
	for i := range e.left {
		x, err := e.left[i].row(r)
		if err != nil {
			return x, err
		}
		y, err := e.right[i].row(r)
		if err != nil {
			return y, err
		}
		if x.Null || y.Null {
			return types.NullDatum, nil
		}
		c, err := e.cmp[i](x, y)
		if err != nil {
			return x, err
		}
		if c != 0 {
			return types.Bool(e.op.holds(c)), nil
		}
	}
	return types.Bool(e.op.holds(0)), nil
}

func (e *rowCompare) vec(b *types.Batch, sel []int32) (*types.Vec, error) { return e.rows(e, b, sel) }

// fieldOf takes a field of a record.
func fieldOf(field int) func(types.Datum) (types.Datum, error) {
	return func(d types.Datum) (types.Datum, error) {
		r := types.ParseRecord(d.S)
		if field > r.Len() {
			return types.NullDatum, nil // the record is older than the field
		}
		return r.Field(field - 1), nil
	}
}

// rowIsNull is IS NULL (want true) and IS NOT NULL on a composite value: all fields NULL, or none.
func rowIsNull(isNotNull bool) func(types.Datum) (types.Datum, error) {
	return func(d types.Datum) (types.Datum, error) {
		if d.Null {
			return types.Bool(!isNotNull), nil
		}
		r := types.ParseRecord(d.S)
		for i := range r.Len() {
			if r.IsNull(i) == isNotNull {
				return types.Bool(false), nil
			}
		}
		return types.Bool(true), nil
	}
}

// fieldStore replaces fields of a composite value.
type fieldStore struct {
	rowwise
	io     *types.Ctx
	typ    types.OID
	fields []types.OID
	arg    expr
	set    []int // fields from 1
	values []expr
	old    *holder // what a nested assignment sees as the old value of the field
}

func (e *fieldStore) row(r *rowEnv) (types.Datum, error) {
	d, err := e.arg.row(r)
	if err != nil {
		return d, err
	}
	vals := make([]types.Datum, len(e.fields))
	for i := range vals {
		vals[i] = types.NullDatum
	}
	if !d.Null {
		rec := types.ParseRecord(d.S)
		for i := range min(rec.Len(), len(vals)) {
			vals[i] = rec.Field(i)
		}
	}
	for i, f := range e.set {
		if f < 1 || f > len(vals) {
			return d, pgerr.Internal("field %d of a row with %d", f, len(vals))
		}
		e.old.v, e.old.d = nil, vals[f-1]
		if vals[f-1], err = e.values[i].row(r); err != nil {
			return d, err
		}
	}
	return types.Datum{S: types.MakeRecord(e.io, e.typ, e.fields, nil, vals)}, nil
}

func (e *fieldStore) vec(b *types.Batch, sel []int32) (*types.Vec, error) { return e.rows(e, b, sel) }
