package exec

import (
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// jsonSubscript is jsonb[a][b]: the value there, or with assign the container with a new value there.
type jsonSubscript struct {
	rowwise
	arg       expr
	steps     []expr
	text      []func(dst []byte, d types.Datum) []byte // of each step; nil where it is a text already
	assign    expr
	assigning *holder     // what assign reads as the old value
	empty     types.Jsonb // what is assigned to when the container is NULL
}

func (c *compiler) jsonSubscript(e *tree.SubscriptingRef) (expr, props, error) {
	arg, p, err := c.expr(e.Arg)
	if err != nil {
		return nil, 0, err
	}
	out := &jsonSubscript{rowwise: c.rowwise(e.T), arg: arg}
	for _, s := range e.Upper {
		x, sp, err := c.expr(s)
		if err != nil {
			return nil, 0, err
		}
		p |= sp
		var text func(dst []byte, d types.Datum) []byte
		if !isText(s.Type().OID) {
			text = types.TextOut(c.io, s.Type())
		}
		out.steps, out.text = append(out.steps, x), append(out.text, text)
	}
	if e.Assign == nil {
		return c.once(out, p, e.T)
	}
	out.empty = types.JsonbEmptyObject
	if e.Upper[0].Type().OID == types.OIDInt4 {
		out.empty = types.JsonbEmptyArray
	}
	out.assigning = &holder{}
	inner := *c
	inner.test = out.assigning
	if out.assign, _, err = inner.expr(e.Assign); err != nil {
		return nil, 0, err
	}
	return out, p | usesInput, nil
}

// path evaluates the subscripts; null says that one is NULL.
func (e *jsonSubscript) path(r *rowEnv) (path []string, null bool, err error) {
	path = make([]string, len(e.steps))
	for i, x := range e.steps {
		d, err := x.row(r)
		if err != nil {
			return nil, false, err
		}
		switch {
		case d.Null:
			return nil, true, nil
		case e.text[i] == nil:
			path[i] = d.S
		default:
			path[i] = string(e.text[i](nil, d))
		}
	}
	return path, false, nil
}

func (e *jsonSubscript) row(r *rowEnv) (types.Datum, error) {
	d, err := e.arg.row(r)
	if err != nil || d.Null && e.assign == nil {
		return d, err
	}
	path, null, err := e.path(r)
	if err != nil {
		return d, err
	}
	if e.assign != nil {
		if null {
			return d, pgerr.New(pgerr.NullValueNotAllowed, "jsonb subscript in assignment must not be null")
		}
		return e.store(r, d, path)
	}
	if null {
		return types.NullDatum, nil
	}
	v, ok := types.Jsonb(d.S).Path(path)
	return types.Datum{S: string(v), Null: !ok}, nil
}

func (e *jsonSubscript) store(r *rowEnv, old types.Datum, path []string) (types.Datum, error) {
	e.assigning.v, e.assigning.d = nil, types.NullDatum
	if !old.Null {
		if v, ok := types.Jsonb(old.S).Path(path); ok {
			e.assigning.d = types.Datum{S: string(v)}
		}
	}
	val, err := e.assign.row(r)
	if err != nil {
		return val, err
	}
	value := types.Jsonb(val.S)
	if val.Null {
		value = types.JsonbNull
	}
	target := types.Jsonb(old.S)
	if old.Null {
		target = e.empty
	}
	out, err := target.SetSubscript(types.PathSteps(path...), value)
	return types.Datum{S: string(out)}, err
}

func (e *jsonSubscript) vec(b *types.Batch, sel []int32) (*types.Vec, error) {
	return e.rows(e, b, sel)
}
