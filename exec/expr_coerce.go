package exec

import (
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// viaIO converts through the text form.
type viaIO struct {
	rowwise
	arg    expr
	from   types.T
	to     types.T
	io     *types.Ctx
	textIn bool // the source is text already
	toText bool // so is the result, without a modifier
	buf    []byte
}

func (e *viaIO) row(r *rowEnv) (types.Datum, error) {
	d, err := e.arg.row(r)
	if err != nil || d.Null {
		return d, err
	}
	s := d.S
	if !e.textIn {
		e.buf = types.AppendText(e.buf[:0], e.io, e.from, d)
		s = string(e.buf)
	}
	if e.toText {
		return types.Datum{S: s}, nil
	}
	return types.In(e.io, e.to, s)
}

func (e *viaIO) vec(b *types.Batch, sel []int32) (*types.Vec, error) { return e.rows(e, b, sel) }

// isText says that a type's packed form is its text.
func isText(oid types.OID) bool {
	switch oid {
	case types.OIDText, types.OIDVarchar, types.OIDBpchar, types.OIDName, types.OIDUnknown, types.OIDCstring, types.OIDJson:
		return true
	}
	return false
}

// arrayCoerce converts the elements of an array.
type arrayCoerce struct {
	rowwise
	arg  expr
	elem expr
	h    *holder
	io   *types.Ctx
	to   types.OID // element type
}

func (e *arrayCoerce) row(r *rowEnv) (types.Datum, error) {
	d, err := e.arg.row(r)
	if err != nil || d.Null {
		return d, err
	}
	a := types.ParseArray(d.S)
	b := types.NewArrayBuilder(e.io, e.to)
	for i := range a.Len() {
		e.h.v, e.h.d = nil, a.Elem(i)
		x, err := e.elem.row(r)
		if err != nil {
			return d, err
		}
		b.Append(x)
	}
	s, err := b.FinishDims(a.Dims())
	return types.Datum{S: s}, err
}

func (e *arrayCoerce) vec(b *types.Batch, sel []int32) (*types.Vec, error) { return e.rows(e, b, sel) }

// domainCheck tests a value against the constraints of a domain.
type domainCheck struct {
	rowwise
	arg    expr
	h      *holder
	checks []namedCheck
}

// namedCheck is a CHECK constraint of a domain; domain is the one that it was given for.
type namedCheck struct {
	name    string
	cond    expr
	notNull bool
	domain  string
	schema  string
	typname string
}

func (e *domainCheck) row(r *rowEnv) (types.Datum, error) {
	d, err := e.arg.row(r)
	if err != nil {
		return d, err
	}
	return d, e.check(d, r)
}

func (e *domainCheck) check(d types.Datum, r *rowEnv) error {
	for i := range e.checks {
		c := &e.checks[i]
		if c.notNull {
			if d.Null {
				return pgerr.Newf(pgerr.NotNullViolation, "domain %s does not allow null values", c.domain).WithDataType(c.schema, c.typname)
			}
			continue
		}
		e.h.v, e.h.d = nil, d
		v, err := c.cond.row(r)
		if err != nil {
			return err
		}
		if !v.Null && v.I == 0 {
			return pgerr.Newf(pgerr.CheckViolation, "value for domain %s violates check constraint \"%s\"", c.domain, c.name).
				WithDataType(c.schema, c.typname).WithConstraint(c.name)
		}
	}
	return nil
}

func (e *domainCheck) vec(b *types.Batch, sel []int32) (*types.Vec, error) {
	if len(e.checks) == 0 {
		return e.arg.vec(b, sel)
	}
	return e.rows(e, b, sel)
}
