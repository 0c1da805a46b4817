package exec

import (
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// subPlanExpr runs a subquery for each row that needs its value.
type subPlanExpr struct {
	rowwise
	st   *state
	sub  *subplan
	kind tree.SubLinkKind
	set  []int
	args []expr
	test expr
	outs []int
	hash *hashedAny
}

func (c *compiler) subPlan(e *tree.SubPlan) (expr, props, error) {
	if e.Plan < 0 || e.Plan >= len(c.st.subs) {
		return nil, 0, pgerr.Internal("subplan %d does not exist", e.Plan)
	}
	args, p, err := c.list(e.Args)
	if err != nil {
		return nil, 0, err
	}
	x := &subPlanExpr{
		rowwise: c.rowwise(e.T), st: c.st, sub: c.st.subs[e.Plan], kind: e.Kind, set: e.SetParams, args: args, outs: e.OutParams,
	}
	if e.Test != nil {
		var tp props
		if x.test, tp, err = c.expr(e.Test); err != nil {
			return nil, 0, err
		}
		p |= tp
	}
	if e.UseHash && e.Kind == tree.AnySubLink && len(e.SetParams) == 0 {
		if x.hash, err = c.hashedAny(e, x); err != nil {
			return nil, 0, err
		}
	}
	// Its value may change with any of the slots that the subquery reads, so that it is never kept for the execution.
	return x, p | usesInput, nil
}

func (e *subPlanExpr) vec(b *types.Batch, sel []int32) (*types.Vec, error) { return e.rows(e, b, sel) }

func (e *subPlanExpr) row(r *rowEnv) (types.Datum, error) {
	for i, a := range e.args {
		d, err := a.row(r)
		if err != nil {
			return d, err
		}
		e.st.setParam(e.set[i], d)
	}
	switch e.kind {
	case tree.ExistsSubLink:
		found, err := e.sub.exists()
		return types.Bool(found), err
	case tree.ExprSubLink, tree.MultiExprSubLink:
		row, err := e.sub.single()
		if err != nil || row == nil {
			return types.NullDatum, err
		}
		if e.kind == tree.MultiExprSubLink {
			e.sub.assign(row)
		}
		return row[0], nil
	case tree.ArraySubLink:
		return e.sub.array()
	case tree.RowCompareSubLink:
		row, err := e.sub.single()
		if err != nil || row == nil {
			return types.NullDatum, err
		}
		e.assign(row)
		return e.test.row(r)
	}
	if e.hash != nil {
		return e.hash.row(r)
	}
	return e.quantified(r)
}

func (e *subPlanExpr) assign(row []types.Datum) {
	for i, slot := range e.outs {
		e.st.setParam(slot, row[i])
	}
}

// quantified is ANY and ALL by running through the subquery's rows.
func (e *subPlanExpr) quantified(r *rowEnv) (types.Datum, error) {
	any := e.kind == tree.AnySubLink
	if err := e.sub.op.open(); err != nil {
		return types.Datum{}, err
	}
	defer e.sub.op.close()
	null := false
	for {
		b, err := e.sub.op.next()
		if err != nil {
			return types.Datum{}, err
		}
		if b == nil {
			break
		}
		for _, i := range selection(b) {
			for k, slot := range e.outs {
				e.st.setParam(slot, b.Cols[k].Datum(int(i)))
			}
			d, err := e.test.row(r)
			if err != nil {
				return d, err
			}
			if d.Null {
				null = true
			} else if (d.I != 0) == any {
				return types.Bool(any), nil
			}
		}
	}
	if null {
		return types.NullDatum, nil
	}
	return types.Bool(!any), nil
}

// hashedAny is an uncorrelated = ANY (subquery) whose rows are hashed once an execution.
type hashedAny struct {
	e     *subPlanExpr
	left  []expr
	hl    []func(types.Datum) uint64 // of the left-hand values
	hr    []func(types.Datum) uint64
	eq    []func(a, b types.Datum) (types.Datum, error)
	deps  uint64
	gen   uint64
	rows  *rowStore
	index map[uint64][]int32
	nulls []int32 // rows with a NULL somewhere
	vals  []types.Datum
}

func (c *compiler) hashedAny(e *tree.SubPlan, x *subPlanExpr) (*hashedAny, error) {
	conds := []tree.Expr{e.Test}
	if b, ok := e.Test.(*tree.BoolExpr); ok && b.Op == tree.And {
		conds = b.Args
	}
	if len(conds) != len(e.OutParams) {
		return nil, nil
	}
	h := &hashedAny{e: x, vals: make([]types.Datum, len(conds))}
	for i, cond := range conds {
		op, ok := cond.(*tree.OpExpr)
		if !ok || len(op.Args) != 2 {
			return nil, nil
		}
		p, ok := op.Args[1].(*tree.Param)
		if !ok || p.ID != e.OutParams[i] {
			return nil, nil
		}
		l, err := c.compile(op.Args[0])
		if err != nil {
			return nil, err
		}
		lt, rt := op.Args[0].Type(), p.T
		eq, err := c.fn2(op.Func, op.InputColl, lt, rt, types.Of(types.OIDBool))
		if err != nil {
			return nil, err
		}
		h.left = append(h.left, l)
		h.hl = append(h.hl, types.Hasher(c.io, lt.OID))
		h.hr = append(h.hr, types.Hasher(c.io, rt.OID))
		h.eq = append(h.eq, eq)
	}
	return h, nil
}

func (h *hashedAny) build() error {
	st := h.e.st
	deps := st.newest(h.e.sub.deps)
	if h.index != nil && h.gen == st.gen && h.deps == deps {
		return nil
	}
	h.gen, h.deps = st.gen, deps
	h.index = map[uint64][]int32{}
	h.nulls = nil
	h.rows = newRowStore(h.e.sub.cols[:len(h.left)], &st.io)
	op := h.e.sub.op
	if err := op.open(); err != nil {
		return err
	}
	defer op.close()
	for {
		b, err := op.next()
		if err != nil {
			return err
		}
		if b == nil {
			return nil
		}
		from := h.rows.n
		h.rows.appendBatch(b)
		for r := from; r < h.rows.n; r++ {
			sum, null := uint64(0), false
			for k := range h.left {
				d := h.rows.cols[k].datum(r)
				if d.Null {
					null = true
					break
				}
				sum = types.CombineHash(sum, h.hr[k](d))
			}
			if null {
				h.nulls = append(h.nulls, int32(r))
			} else {
				h.index[sum] = append(h.index[sum], int32(r))
			}
		}
	}
}

func (h *hashedAny) row(r *rowEnv) (types.Datum, error) {
	if err := h.build(); err != nil {
		return types.Datum{}, err
	}
	if h.rows.n == 0 {
		return types.Bool(false), nil
	}
	sum, null := uint64(0), false
	for k, x := range h.left {
		d, err := x.row(r)
		if err != nil {
			return d, err
		}
		h.vals[k] = d
		if d.Null {
			null = true
		} else {
			sum = types.CombineHash(sum, h.hl[k](d))
		}
	}
	if null {
		if len(h.left) == 1 {
			return types.NullDatum, nil
		}
		for i := range h.rows.n { // a row that agrees in the other columns makes it unknown
			t, err := h.match(i)
			if err != nil || t.Null {
				return types.NullDatum, err
			}
		}
		return types.Bool(false), nil
	}
	for _, i := range h.index[sum] {
		t, err := h.match(int(i))
		if err != nil || t.IsTrue() {
			return t, err
		}
	}
	for _, i := range h.nulls {
		t, err := h.match(int(i))
		if err != nil || t.Null {
			return types.NullDatum, err
		}
	}
	return types.Bool(false), nil
}

// match compares the values at hand with row i: three-valued AND of the columns' equalities.
func (h *hashedAny) match(i int) (types.Datum, error) {
	null := false
	for k := range h.left {
		d := h.rows.cols[k].datum(i)
		if d.Null || h.vals[k].Null {
			null = true
			continue
		}
		t, err := h.eq[k](h.vals[k], d)
		if err != nil {
			return t, err
		}
		if t.Null {
			null = true
		} else if t.I == 0 {
			return t, nil
		}
	}
	if null {
		return types.NullDatum, nil
	}
	return types.Bool(true), nil
}
