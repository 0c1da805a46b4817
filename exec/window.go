package exec

import (
	"kimberlite/exec/plan"
	"kimberlite/sql/functions"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// windowOp is a WindowAgg node. Its input comes sorted by the partition columns, then the order columns. A partition is read whole, all calls are
// computed for all its rows, then the rows are handed out with the results beside them.
type windowOp struct {
	st     *state
	in     operator
	inCols []types.T
	part   []sortKey // partition columns, for equality
	order  []sortKey
	calls  []*windowCall
	frame  frameSpec
	filter filter
	proj   *projection

	rows    *rowStore
	rd      *storeReader
	out     types.Batch
	results []column
	bufs    []scratch
	pend    *types.Batch
	pendSel []int32
	ended   bool
	w       partition
}

// windowCall is one function call over the window.
type windowCall struct {
	ref    *tree.WindowFunc
	fn     functions.Window
	agg    functions.Aggregator
	call   *functions.Call
	args   []expr
	vals   []column // the arguments of the partition's rows
	filter expr
	pass   []bool // rows that pass the filter; nil without one
	class  types.Class
}

func (b *builder) windowAgg(n *plan.WindowAgg) (operator, error) {
	in, err := b.build(n.Outer)
	if err != nil {
		return nil, err
	}
	o := &windowOp{st: b.st, in: in, inCols: typesOf(n.Outer)}
	for _, c := range n.PartCols {
		o.part = append(o.part, sortKey{col: c - 1, t: keyTypeOf(o.inCols[c-1], b.c.io)})
	}
	o.order = sortKeys(n.OrderCols, o.inCols, b.c.io)
	c := b.c.binding(columnsOf(plan.OuterVar))
	width := len(o.inCols)
	cols := append([]types.T{}, o.inCols...)
	for _, ref := range n.Calls {
		call, err := c.windowCall(ref)
		if err != nil {
			return nil, err
		}
		o.calls = append(o.calls, call)
		cols = append(cols, ref.T)
	}
	oc := b.c.binding(func(v *tree.Var) (expr, error) {
		switch {
		case v.VarNo == plan.OuterVar && v.AttNo >= 1 && v.AttNo <= width:
			return &varExpr{col: v.AttNo - 1}, nil
		case v.VarNo == plan.WinVar:
			return &varExpr{col: width + v.AttNo - 1}, nil
		}
		return nil, pgerr.Internal("column %d of input %d in a window aggregation", v.AttNo, v.VarNo)
	})
	if o.filter, err = b.filter(oc, n.Quals, n); err != nil {
		return nil, err
	}
	if o.proj, err = b.projection(oc, n.Target, -1); err != nil {
		return nil, err
	}
	if err := o.frame.compile(b.c.binding(noColumns), n, o); err != nil {
		return nil, err
	}
	o.rows = newRowStore(o.inCols, b.c.io)
	o.rd = newStoreReader(o.rows, o.inCols)
	o.results, o.bufs = make([]column, len(o.calls)), make([]scratch, len(o.calls))
	o.out.Cols = make([]*types.Vec, len(cols))
	copy(o.out.Cols, o.rd.out.Cols)
	for i := range o.calls {
		o.results[i].class = o.calls[i].class
		o.bufs[i] = newScratch(cols[width+i], o.calls[i].class)
		o.out.Cols[width+i] = &o.bufs[i].v
	}
	o.w.o = o
	return o, nil
}

func (c *compiler) windowCall(ref *tree.WindowFunc) (*windowCall, error) {
	out := &windowCall{ref: ref, class: c.class(ref.T)}
	proc := c.proc(ref.Func)
	out.call = &functions.Call{Func: ref.Func, Ret: ref.T, Collation: ref.InputColl, Env: &c.st.env}
	if proc != nil {
		out.call.Name = proc.Name
	}
	for _, a := range ref.Args {
		x, err := c.compile(a)
		if err != nil {
			return nil, err
		}
		out.args = append(out.args, x)
		out.vals = append(out.vals, column{class: c.class(a.Type())})
		out.call.Args = append(out.call.Args, a.Type())
		var k *types.Datum
		if v, ok := x.(*constExpr); ok {
			k = &v.val
		}
		out.call.ConstArgs = append(out.call.ConstArgs, k)
	}
	if ref.Filter != nil {
		var err error
		if out.filter, err = c.compile(ref.Filter); err != nil {
			return nil, err
		}
	}
	if fn, ok := functions.LookupWindow(ref.Func); ok && !ref.Agg {
		out.fn = fn
		return out, nil
	}
	mk, ok := functions.LookupAggregate(ref.Func)
	if !ok {
		return nil, c.unsupported(callSite{fn: ref.Func}, proc)
	}
	var err error
	out.agg, err = mk(out.call)
	return out, err
}

func (o *windowOp) open() error {
	o.pend, o.ended = nil, false
	o.rows.reset()
	o.rd.at = 0
	if err := o.frame.evaluate(); err != nil {
		return err
	}
	return o.in.open()
}

func (o *windowOp) close() {
	o.in.close()
	o.rows.free()
}

func (o *windowOp) next() (*types.Batch, error) {
	for {
		if err := o.st.interrupted(); err != nil {
			return nil, err
		}
		from := o.rd.at
		if b := o.rd.next(o.rows.n); b != nil {
			o.out.N, o.out.Sel = b.N, nil
			for i := range o.results {
				o.results[i].slice(&o.bufs[i], from, b.N)
			}
			if err := o.filter.apply(&o.out); err != nil {
				return nil, err
			}
			if o.out.Rows() == 0 {
				continue
			}
			return o.proj.apply(&o.out)
		}
		more, err := o.readPartition()
		if err != nil {
			return nil, err
		}
		if !more {
			return nil, nil
		}
		if err := o.compute(); err != nil {
			return nil, err
		}
	}
}

// readPartition reads the rows of the next partition; false at the end.
func (o *windowOp) readPartition() (bool, error) {
	o.rows.reset()
	o.rd.at = 0
	for _, c := range o.calls {
		for i := range c.vals {
			c.vals[i].reset()
		}
		c.pass = c.pass[:0]
	}
	for {
		if o.pend == nil {
			if o.ended {
				return o.rows.n > 0, nil
			}
			if err := o.st.interrupted(); err != nil {
				return false, err
			}
			b, err := o.in.next()
			if err != nil {
				return false, err
			}
			if b == nil {
				o.ended = true
				return o.rows.n > 0, nil
			}
			if b.Rows() == 0 {
				continue
			}
			o.pend, o.pendSel = b, selection(b)
		}
		n := o.samePartition()
		if n > 0 {
			if err := o.take(o.pendSel[:n]); err != nil {
				return false, err
			}
		}
		if n < len(o.pendSel) {
			o.pendSel = o.pendSel[n:]
			return true, nil
		}
		o.pend = nil
	}
}

// samePartition counts the leading pending rows that belong to the partition at hand.
func (o *windowOp) samePartition() int {
	if len(o.part) == 0 {
		return len(o.pendSel)
	}
	for n, r := range o.pendSel {
		for i := range o.part {
			k := &o.part[i]
			var first types.Datum
			if o.rows.n > 0 {
				first = o.rows.cols[k.col].datum(0)
			} else {
				first = o.pend.Cols[k.col].Datum(int(o.pendSel[0]))
			}
			if k.compare(o.pend.Cols[k.col].Datum(int(r)), first) != 0 {
				return n
			}
		}
	}
	return len(o.pendSel)
}

func (o *windowOp) take(sel []int32) error {
	for _, c := range o.calls {
		for i, x := range c.args {
			v, err := x.vec(o.pend, sel)
			if err != nil {
				return err
			}
			c.vals[i].appendVec(v, sel)
		}
		if c.filter != nil {
			v, err := c.filter.vec(o.pend, sel)
			if err != nil {
				return err
			}
			for _, r := range sel {
				c.pass = append(c.pass, v.Datum(int(r)).IsTrue())
			}
		}
	}
	o.rows.appendSel(o.pend, sel)
	return nil
}

// compute evaluates all calls over the partition.
func (o *windowOp) compute() error {
	o.w.begin()
	for i, c := range o.calls {
		res := &o.results[i]
		res.reset()
		o.w.call = c
		if c.agg != nil {
			if err := o.aggregate(c, res); err != nil {
				return err
			}
			continue
		}
		for pos := range o.rows.n {
			d, err := c.fn(c.call, &o.w, pos)
			if err != nil {
				return err
			}
			res.append(d)
		}
	}
	return nil
}

// aggregate computes an aggregate over the frame of each row: by adding rows while frames only grow, by taking rows back where the aggregate can, and
// from scratch otherwise.
func (o *windowOp) aggregate(c *windowCall, res *column) error {
	f := feeder{c: c, n: o.rows.n}
	f.init()
	removable, canRemove := c.agg.(functions.Removable)
	exclude := o.frame.excludes
	c.agg.Reset()
	c.agg.Grow(1)
	from, to := 0, 0 // rows in the state
	var last types.Datum
	valid := false
	for pos := range o.rows.n {
		start, err := o.w.FrameStart(pos)
		if err != nil {
			return err
		}
		end, err := o.w.FrameEnd(pos)
		if err != nil {
			return err
		}
		if end < start {
			end = start
		}
		if exclude {
			c.agg.Reset()
			c.agg.Grow(1)
			for i := start; i < end; i++ {
				if !o.w.Excluded(pos, i) {
					if err := f.add(i, i+1); err != nil {
						return err
					}
				}
			}
			if last, err = c.agg.Result(0); err != nil {
				return err
			}
			res.append(last)
			continue
		}
		if valid && start == from && end == to {
			res.append(last)
			continue
		}
		switch {
		case start == from && end >= to:
		case canRemove && start >= from && start < to && end >= to:
			for i := from; i < start; i++ {
				if c.pass != nil && !c.pass[i] {
					continue
				}
				if err := removable.Remove(0, f.row(i)); err != nil {
					return err
				}
			}
			from = start
		default:
			c.agg.Reset()
			c.agg.Grow(1)
			from, to = start, start
		}
		if err := f.add(to, end); err != nil {
			return err
		}
		from, to = start, end
		if last, err = c.agg.Result(0); err != nil {
			return err
		}
		valid = true
		res.append(last)
	}
	return nil
}

// feeder hands rows of a partition to an aggregate in blocks of a batch.
type feeder struct {
	c     *windowCall
	n     int
	block int
	bufs  []scratch
	vecs  []*types.Vec
	zeros [types.BatchRows]int32
	sel   []int32
	argv  []types.Datum
}

func (f *feeder) init() {
	f.block = -1
	f.bufs, f.vecs = make([]scratch, len(f.c.vals)), make([]*types.Vec, len(f.c.vals))
	for i := range f.bufs {
		f.bufs[i] = newScratch(f.c.call.Args[i], f.c.vals[i].class)
	}
	f.argv = make([]types.Datum, len(f.c.vals))
}

func (f *feeder) row(i int) []types.Datum {
	for k := range f.argv {
		f.argv[k] = f.c.vals[k].datum(i)
	}
	return f.argv
}

func (f *feeder) add(from, to int) error {
	for from < to {
		block := from / types.BatchRows
		base := block * types.BatchRows
		if block != f.block {
			f.block = block
			for i := range f.bufs {
				f.vecs[i] = f.c.vals[i].slice(&f.bufs[i], base, min(types.BatchRows, f.n-base))
			}
		}
		end := min(to, base+types.BatchRows)
		sel := identity[from-base : end-base]
		if f.c.filter != nil {
			f.sel = f.sel[:0]
			for _, r := range sel {
				if f.c.pass[base+int(r)] {
					f.sel = append(f.sel, r)
				}
			}
			sel = f.sel
		}
		if len(sel) > 0 {
			if err := f.c.agg.Add(f.zeros[:len(sel)], sel, f.vecs); err != nil {
				return err
			}
		}
		from = end
	}
	return nil
}
