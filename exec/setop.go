package exec

import (
	"container/heap"

	"kimberlite/exec/plan"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// setOpOp is INTERSECT and EXCEPT: the distinct rows of the left input are counted, then those of the right that occur in it.
type setOpOp struct {
	st          *state
	left, right operator
	kind        tree.SetOpKind
	all         bool
	table       *groupTable
	l, r        []int64 // occurrences by group
	ids         []int32
	at          int
	rep         int64 // how often the group at hand is still to be put out
	out         []scratch
	batch       types.Batch
	rows        []int32
}

func (b *builder) setOp(n *plan.SetOp) (operator, error) {
	left, err := b.build(n.Outer)
	if err != nil {
		return nil, err
	}
	right, err := b.build(n.Inner)
	if err != nil {
		return nil, err
	}
	cols := typesOf(n)
	o := &setOpOp{st: b.st, left: left, right: right, kind: n.Kind, all: n.All, table: newGroupTable(cols, b.c.io)}
	o.out = make([]scratch, len(cols))
	o.batch.Cols = make([]*types.Vec, len(cols))
	for i, t := range cols {
		o.out[i] = newScratch(t, o.table.keys.cols[i].class)
		o.batch.Cols[i] = &o.out[i].v
	}
	return o, nil
}

func (o *setOpOp) open() error {
	o.table.reset()
	o.l, o.r, o.at, o.rep = o.l[:0], o.r[:0], 0, 0
	if err := o.count(o.left, true); err != nil {
		return err
	}
	if o.table.n == 0 {
		return nil
	}
	return o.count(o.right, false)
}

func (o *setOpOp) count(in operator, left bool) error {
	if err := in.open(); err != nil {
		return err
	}
	defer in.close()
	for {
		if err := o.st.interrupted(); err != nil {
			return err
		}
		b, err := in.next()
		if err != nil || b == nil {
			return err
		}
		sel := selection(b)
		o.ids = grow(o.ids, len(sel))
		cols := b.Cols[:len(o.out)]
		if left {
			o.table.groups(cols, sel, o.ids)
			for len(o.l) < o.table.n {
				o.l, o.r = append(o.l, 0), append(o.r, 0)
			}
			for _, g := range o.ids {
				o.l[g]++
			}
			continue
		}
		o.table.find(cols, sel, o.table.hash(cols, sel), o.ids)
		for _, g := range o.ids {
			if g >= 0 {
				o.r[g]++
			}
		}
	}
}

// times is how often group g appears in the result.
func (o *setOpOp) times(g int) int64 {
	l, r := o.l[g], o.r[g]
	switch {
	case o.kind == tree.Intersect && o.all:
		return min(l, r)
	case o.kind == tree.Intersect:
		return min(l, r, 1)
	case o.all:
		return max(l-r, 0)
	case r == 0:
		return 1
	}
	return 0
}

func (o *setOpOp) next() (*types.Batch, error) {
	o.rows = o.rows[:0]
	for len(o.rows) < types.BatchRows {
		if o.rep == 0 {
			if o.at >= o.table.n {
				break
			}
			o.rep = o.times(o.at)
			o.at++
			continue
		}
		o.rep--
		o.rows = append(o.rows, int32(o.at-1))
	}
	if len(o.rows) == 0 {
		return nil, nil
	}
	for i := range o.out {
		o.table.keys.cols[i].gather(&o.out[i], o.rows)
	}
	o.batch.N, o.batch.Sel = len(o.rows), nil
	return &o.batch, nil
}

func (o *setOpOp) close() {
	o.left.close()
	o.right.close()
}

// appendOp concatenates its inputs.
type appendOp struct {
	st    *state
	ins   []operator
	at    int
	open_ bool
	bound int64
}

func (b *builder) append(n *plan.Append) (operator, error) {
	o := &appendOp{st: b.st, bound: -1}
	width := len(n.Target)
	for _, in := range n.Inputs {
		op, err := b.build(in)
		if err != nil {
			return nil, err
		}
		if w := len(typesOf(in)); w < width {
			return nil, pgerr.Internal("input of Append has %d columns, not %d", w, width)
		}
		o.ins = append(o.ins, op)
	}
	if len(n.Quals) == 0 {
		return o, nil
	}
	return b.scan(&boundedSource{o}, b.c.binding(columnsOf(plan.OuterVar)), n, width)
}

func (o *appendOp) setBound(n int64) {
	o.bound = n
	for _, in := range o.ins {
		setBound(in, n)
	}
}

func (o *appendOp) open() error {
	o.close()
	o.at = 0
	return nil
}

func (o *appendOp) next() (*types.Batch, error) {
	for o.at < len(o.ins) {
		in := o.ins[o.at]
		if !o.open_ {
			if err := in.open(); err != nil {
				return nil, err
			}
			o.open_ = true
		}
		b, err := in.next()
		if err != nil || b != nil {
			return b, err
		}
		in.close()
		o.open_ = false
		o.at++
	}
	return nil, nil
}

func (o *appendOp) close() {
	if o.open_ {
		o.ins[o.at].close()
		o.open_ = false
	}
}

// mergeAppendOp merges sorted inputs.
type mergeAppendOp struct {
	st   *state
	ins  []operator
	keys []sortKey
	heap []*mergeInputRow
	out  *batchBuilder
	row  []types.Datum
	live bool
}

type mergeInputRow struct {
	n  int
	op operator
	b  *types.Batch
	at int
}

func (b *builder) mergeAppend(n *plan.MergeAppend) (operator, error) {
	cols := typesOf(n)
	o := &mergeAppendOp{st: b.st, keys: sortKeys(n.Keys, cols, b.c.io), out: newBatchBuilder(cols, b.c.io), row: make([]types.Datum, len(cols))}
	for _, in := range n.Inputs {
		op, err := b.build(in)
		if err != nil {
			return nil, err
		}
		o.ins = append(o.ins, op)
	}
	return o, nil
}

func (o *mergeAppendOp) setBound(n int64) {
	for _, in := range o.ins {
		setBound(in, n)
	}
}

func (o *mergeAppendOp) open() error {
	o.heap = nil
	o.live = true
	for i, in := range o.ins {
		if err := in.open(); err != nil {
			return err
		}
		r := &mergeInputRow{n: i, op: in}
		ok, err := r.fetch()
		if err != nil {
			return err
		}
		if ok {
			o.heap = append(o.heap, r)
		}
	}
	heap.Init(o)
	return nil
}

func (r *mergeInputRow) fetch() (bool, error) {
	for {
		b, err := r.op.next()
		if err != nil || b == nil {
			return false, err
		}
		if b.Rows() > 0 {
			r.b, r.at = b, 0
			return true, nil
		}
	}
}

// Len, Less, Swap, Push and Pop make the inputs a heap by their current rows.
func (o *mergeAppendOp) Len() int { return len(o.heap) }

// Less: see Len.
func (o *mergeAppendOp) Less(i, j int) bool {
	a, b := o.heap[i], o.heap[j]
	ra, rb := a.b.Row(a.at), b.b.Row(b.at)
	for n := range o.keys {
		k := &o.keys[n]
		if c := k.compare(a.b.Cols[k.col].Datum(ra), b.b.Cols[k.col].Datum(rb)); c != 0 {
			return c < 0
		}
	}
	return a.n < b.n
}

// Swap: see Len.
func (o *mergeAppendOp) Swap(i, j int) { o.heap[i], o.heap[j] = o.heap[j], o.heap[i] }

// Push: see Len.
func (o *mergeAppendOp) Push(x any) { o.heap = append(o.heap, x.(*mergeInputRow)) }

// Pop: see Len.
func (o *mergeAppendOp) Pop() any {
	r := o.heap[len(o.heap)-1]
	o.heap = o.heap[:len(o.heap)-1]
	return r
}

func (o *mergeAppendOp) next() (*types.Batch, error) {
	if err := o.st.interrupted(); err != nil {
		return nil, err
	}
	o.out.begin(types.BatchRows)
	for o.out.b.N < types.BatchRows && len(o.heap) > 0 {
		r := o.heap[0]
		at := r.b.Row(r.at)
		for i := range o.row {
			o.row[i] = r.b.Cols[i].Datum(at)
		}
		o.out.add(o.row)
		r.at++
		if r.at == r.b.Rows() {
			ok, err := r.fetch()
			if err != nil {
				return nil, err
			}
			if !ok {
				heap.Pop(o)
				continue
			}
		}
		heap.Fix(o, 0)
	}
	b := o.out.done()
	if b.N == 0 {
		return nil, nil
	}
	return b, nil
}

func (o *mergeAppendOp) close() {
	if !o.live {
		return
	}
	o.live = false
	for _, in := range o.ins {
		in.close()
	}
}

// limitOp is LIMIT and OFFSET, with ties on request.
type limitOp struct {
	st            *state
	in            operator
	count, offset expr
	ties          []sortKey
	skip, left    int64 // left < 0: no limit
	last          []types.Datum
	tying         bool // the count is reached; rows equal to the last one follow
	done          bool
	buf           []int32
}

func (b *builder) limit(n *plan.Limit) (operator, error) {
	in, err := b.build(n.Outer)
	if err != nil {
		return nil, err
	}
	o := &limitOp{st: b.st, in: in}
	c := b.c.binding(noColumns)
	if n.Count != nil {
		if o.count, err = c.compile(n.Count); err != nil {
			return nil, err
		}
	}
	if n.Offset != nil {
		if o.offset, err = c.compile(n.Offset); err != nil {
			return nil, err
		}
	}
	if len(n.Ties) > 0 {
		o.ties = sortKeys(n.Ties, typesOf(n.Outer), b.c.io)
		o.last = make([]types.Datum, len(o.ties))
	}
	return o, nil
}

func (o *limitOp) setBound(int64) {} // its own limit is what counts below

func (o *limitOp) open() error {
	o.skip, o.left, o.tying, o.done = 0, -1, false, false
	env := &rowEnv{}
	if o.offset != nil {
		d, err := o.offset.row(env)
		if err != nil {
			return err
		}
		if !d.Null {
			if d.I < 0 {
				return pgerr.New(pgerr.InvalidRowCountInResultOffsetClause, "OFFSET must not be negative")
			}
			o.skip = d.I
		}
	}
	if o.count != nil {
		d, err := o.count.row(env)
		if err != nil {
			return err
		}
		if !d.Null {
			if d.I < 0 {
				return pgerr.New(pgerr.InvalidRowCountInLimitClause, "LIMIT must not be negative")
			}
			o.left = d.I
		}
	}
	if o.left == 0 {
		o.done = true
		return nil
	}
	bound := int64(-1)
	if o.left > 0 && o.ties == nil && o.skip+o.left > 0 {
		bound = o.skip + o.left
	}
	setBound(o.in, bound)
	return o.in.open()
}

func (o *limitOp) next() (*types.Batch, error) {
	for !o.done {
		b, err := o.in.next()
		if err != nil {
			return nil, err
		}
		if b == nil {
			o.done = true
			return nil, nil
		}
		sel := selection(b)
		if o.skip > 0 {
			n := min(o.skip, int64(len(sel)))
			sel = sel[n:]
			o.skip -= n
		}
		if len(sel) == 0 {
			continue
		}
		if o.tying {
			sel = o.tied(b, sel)
			if len(sel) == 0 {
				return nil, nil
			}
		} else if o.left >= 0 && int64(len(sel)) >= o.left {
			n := int(o.left)
			rest := sel[n:]
			sel = sel[:n]
			o.left = 0
			if o.ties == nil {
				o.done = true
			} else {
				o.tying = true
				for i := range o.ties {
					o.last[i] = b.Cols[o.ties[i].col].Datum(int(sel[n-1]))
				}
				more := o.tied(b, rest)
				sel = append(append(selBuf(&o.buf)[:0], sel...), more...)
			}
		} else if o.left >= 0 {
			o.left -= int64(len(sel))
		}
		b.Sel = sel
		return b, nil
	}
	return nil, nil
}

// tied returns the leading rows that equal the last one in the ORDER BY columns; the first that does not is the end.
func (o *limitOp) tied(b *types.Batch, sel []int32) []int32 {
	for n, r := range sel {
		for i := range o.ties {
			if o.ties[i].compare(b.Cols[o.ties[i].col].Datum(int(r)), o.last[i]) != 0 {
				o.done = true
				return sel[:n]
			}
		}
	}
	return sel
}

func (o *limitOp) close() { o.in.close() }
