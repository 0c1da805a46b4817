package exec

import (
	"kimberlite/exec/plan"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// projection computes a target list over batches.
type projection struct {
	cols     []expr
	out      types.Batch
	identity bool // the input is handed on
	// byRow: several calls have side effects, so that the columns of a row are computed together, as PostgreSQL does.
	byRow    bool
	volatile bool
	bufs     []scratch
	env      rowEnv
}

// projection compiles a target list; width is the number of columns of the input, -1 when it must not be passed through.
func (b *builder) projection(c *compiler, target []tree.TargetEntry, width int) (*projection, error) {
	p := &projection{cols: make([]expr, len(target))}
	p.identity = len(target) == width
	calls := 0
	for i := range target {
		x, props, err := c.expr(target[i].Expr)
		if err != nil {
			return nil, err
		}
		p.cols[i] = x
		if props&usesVolatile != 0 {
			calls++
		}
		if v, ok := x.(*varExpr); !ok || v.col != i {
			p.identity = false
		}
	}
	p.out.Cols = make([]*types.Vec, len(target))
	p.volatile = calls > 0
	if calls > 1 {
		p.byRow = true
		p.bufs = make([]scratch, len(target))
		for i, t := range targetTypes(target) {
			p.bufs[i] = newScratch(t, types.ClassOf(c.io, t.OID))
		}
	}
	return p, nil
}

// apply computes the target list for the selected rows of in. The result has the same physical rows and selection.
func (p *projection) apply(in *types.Batch) (*types.Batch, error) {
	if p.identity {
		return in, nil
	}
	p.out.N, p.out.Sel = in.N, in.Sel
	sel := selection(in)
	if len(sel) == 0 {
		// Nothing will be read, but the columns must be there.
		for i := range p.out.Cols {
			if p.out.Cols[i] == nil {
				p.out.Cols[i] = &types.Vec{}
			}
		}
		p.out.N, p.out.Sel = 0, nil
		return &p.out, nil
	}
	if p.byRow {
		return p.rows(in, sel)
	}
	for i, x := range p.cols {
		v, err := x.vec(in, sel)
		if err != nil {
			return nil, err
		}
		p.out.Cols[i] = v
	}
	return &p.out, nil
}

func (p *projection) rows(in *types.Batch, sel []int32) (*types.Batch, error) {
	for i := range p.bufs {
		p.out.Cols[i] = p.bufs[i].begin(in.N)
	}
	p.env = rowEnv{b: in}
	for _, r := range sel {
		p.env.pos = int(r)
		for i, x := range p.cols {
			d, err := x.row(&p.env)
			if err != nil {
				return nil, err
			}
			p.bufs[i].set(r, d)
		}
	}
	return &p.out, nil
}

// bound limits how many rows a consumer will ask for.
type bound struct {
	limit int64 // as told; -1 for none
	left  int64 // in this run
}

func (b *bound) start() { b.left = b.limit }

// cut shortens the selection of a batch to the rows still wanted. Rows beyond are not computed: their expressions might fail or have
// side effects.
func (b *bound) cut(in *types.Batch) {
	if b.limit < 0 {
		return
	}
	if n := int64(in.Rows()); n > b.left {
		in.Sel = selection(in)[:b.left]
	}
	b.left -= int64(in.Rows())
}

// resultOp is a Result node: a row without input, or a projection of its input, subject to one-time conditions.
type resultOp struct {
	st      *state
	outer   operator // nil: one row
	oneTime expr
	filter  filter
	proj    *projection
	in      types.Batch // the one row
	done    bool
	bound   bound
}

func (b *builder) result(n *plan.Result) (operator, error) {
	o := &resultOp{st: b.st, bound: bound{limit: -1}}
	var err error
	if o.oneTime, err = b.c.binding(noColumns).quals(n.OneTime); err != nil {
		return nil, err
	}
	bind, width := noColumns, -1
	if n.Outer != nil {
		if o.outer, err = b.build(n.Outer); err != nil {
			return nil, err
		}
		bind, width = columnsOf(plan.OuterVar), len(n.Outer.Common().Target)
	}
	c := b.c.binding(bind)
	if o.filter, err = b.filter(c, n.Quals, n); err != nil {
		return nil, err
	}
	o.proj, err = b.projection(c, n.Target, width)
	o.in.N = 1
	return o, err
}

func (o *resultOp) setBound(n int64) {
	o.bound.limit = n
	if o.outer != nil && o.filter.cond == nil {
		setBound(o.outer, n)
	}
}

func (o *resultOp) open() error {
	o.done = false
	o.bound.start()
	if o.oneTime != nil {
		d, err := o.oneTime.row(&rowEnv{})
		if err != nil {
			return err
		}
		if !d.IsTrue() {
			o.done = true
			return nil
		}
	}
	if o.outer != nil {
		return o.outer.open()
	}
	return nil
}

func (o *resultOp) next() (*types.Batch, error) {
	if o.done {
		return nil, nil
	}
	if o.outer == nil {
		o.done = true
		o.in.N, o.in.Sel = 1, nil
		if err := o.filter.apply(&o.in); err != nil || o.in.Rows() == 0 {
			return nil, err
		}
		return o.proj.apply(&o.in)
	}
	for {
		in, err := o.outer.next()
		if err != nil || in == nil {
			return nil, err
		}
		if err := o.filter.apply(in); err != nil {
			return nil, err
		}
		o.bound.cut(in)
		if in.Rows() > 0 {
			return o.proj.apply(in)
		}
		if o.bound.limit >= 0 && o.bound.left <= 0 {
			o.done = true
			return nil, nil
		}
	}
}

func (o *resultOp) close() {
	if o.outer != nil {
		o.outer.close()
	}
}

// source produces batches of raw columns for a scan.
type source interface {
	open() error
	// next returns a batch or nil at the end.
	next() (*types.Batch, error)
	close()
}

// scanOp filters and projects what a source yields: the common part of all scans.
type scanOp struct {
	st     *state
	src    source
	filter filter
	proj   *projection
	bound  bound
	opened bool
	done   bool
}

func (b *builder) scan(src source, c *compiler, n plan.Node, width int) (*scanOp, error) {
	com := n.Common()
	o := &scanOp{st: b.st, src: src, bound: bound{limit: -1}}
	var err error
	if o.filter, err = b.filter(c, com.Quals, n); err != nil {
		return nil, err
	}
	o.proj, err = b.projection(c, com.Target, width)
	return o, err
}

func (o *scanOp) setBound(n int64) {
	o.bound.limit = n
	if o.filter.cond == nil {
		if s, ok := o.src.(bounded); ok {
			s.setBound(n)
		}
	}
}

func (o *scanOp) open() error {
	o.bound.start()
	o.done = false
	o.opened = true
	return o.src.open()
}

func (o *scanOp) next() (*types.Batch, error) {
	if o.done {
		return nil, nil
	}
	for {
		if err := o.st.interrupted(); err != nil {
			return nil, err
		}
		in, err := o.src.next()
		if err != nil {
			return nil, err
		}
		if in == nil {
			o.done = true
			return nil, nil
		}
		if err := o.filter.apply(in); err != nil {
			return nil, err
		}
		o.bound.cut(in)
		if in.Rows() > 0 {
			return o.proj.apply(in)
		}
		if o.bound.limit >= 0 && o.bound.left <= 0 {
			o.done = true
			return nil, nil
		}
	}
}

func (o *scanOp) close() {
	if o.opened {
		o.opened = false
		o.src.close()
	}
}

func (b *builder) subqueryScan(n *plan.SubqueryScan) (operator, error) {
	in, err := b.build(n.Outer)
	if err != nil {
		return nil, err
	}
	return b.scan(&boundedSource{in}, b.rowScan(n, typesOf(n.Outer)), n, len(n.Outer.Common().Target))
}

// rowScan is the compiler for the expressions of a scan whose input has the columns; AttNo 0 is the row of them.
func (b *builder) rowScan(n plan.Node, cols []types.T) *compiler {
	c := b.c.binding(nil)
	plain := columnsOf(plan.ScanVar)
	c.bind = func(v *tree.Var) (expr, error) {
		if v.AttNo != 0 || v.VarNo != plan.ScanVar {
			return plain(v)
		}
		return c.record(v.T, cols, n.Common().RowNames)
	}
	return c
}

// record makes a row value of the first columns of the input. A column that is that row already, as of a function that returns a composite type, is returned
// as it is. names may be fewer than cols: what follows are columns that nobody can name.
func (c *compiler) record(t types.T, cols []types.T, names []string) (expr, error) {
	if names != nil && len(names) < len(cols) {
		cols = cols[:len(names)]
	}
	if len(cols) == 1 && cols[0].OID == t.OID && t.OID != types.OIDRecord {
		return &varExpr{col: 0}, nil
	}
	typ := types.BaseType(c.io, t).OID
	if typ != types.OIDRecord && !isComposite(c.io, typ) {
		return &varExpr{col: 0}, nil // a function that returns one plain value
	}
	args, oids := make([]expr, len(cols)), make([]types.OID, len(cols))
	for i, ct := range cols {
		args[i], oids[i] = &varExpr{col: i}, ct.OID
	}
	if len(names) != len(cols) || typ != types.OIDRecord {
		names = nil
	}
	io := c.io
	return &listExpr{rowwise: c.rowwise(t), args: args, argv: make([]types.Datum, len(args)), f: func(vals []types.Datum) (types.Datum, error) {
		return types.Datum{S: types.MakeRecord(io, typ, oids, names, vals)}, nil
	}}, nil
}

// boundedSource is an operator as a source that hands bounds on.
type boundedSource struct{ operator }

func (s *boundedSource) setBound(n int64) { setBound(s.operator, n) }
