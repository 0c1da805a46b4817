package exec

import (
	"slices"

	"kimberlite/exec/plan"
	"kimberlite/projections"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
	"kimberlite/txn"
)

// pin replaces the scan of a relation by one row: what PostgreSQL calls EvalPlanQual. A plan whose locked relations are pinned to the newest
// versions of their rows tells whether a row still qualifies and what it looks like now. Relations that are not locked are read again, and the first row counts.
type pin struct {
	rel     types.OID
	row     []types.Datum // by attribute number - 1
	id      projections.RowID
	present bool
}

// pinnedScan is a scan to be replaced.
type pinnedScan struct {
	pin   *pin
	rel   *relation
	node  plan.Node
	quals []tree.Expr
}

// pinned returns the replacement for the scan of a relation, nil when it is not pinned.
func (b *builder) pinned(rti int, rel *relation, n plan.Node, quals []tree.Expr) *pinnedScan {
	p := b.pins[rti]
	if p == nil || p.rel != rel.oid {
		return nil
	}
	return &pinnedScan{p, rel, n, quals}
}

func (s *pinnedScan) make(b *builder) (operator, error) {
	src := &pinSource{pin: s.pin}
	op, set, err := b.tableScan(src, s.rel, s.node, s.quals)
	if err != nil {
		return nil, err
	}
	src.tableBatch = newTableBatch(b.st, s.rel, set)
	return op, nil
}

// pinSource yields the pinned row.
type pinSource struct {
	*tableBatch
	pin  *pin
	done bool
}

func (s *pinSource) open() error { s.done = false; return nil }
func (s *pinSource) close()      {}

func (s *pinSource) next() (*types.Batch, error) {
	if s.done || !s.pin.present {
		return nil, nil
	}
	s.done = true
	for i, c := range s.out.Cols {
		c.Resize(0)
		c.Resize(1)
		if a := s.atts[i]; a > 0 {
			c.Set(0, s.pin.row[a-1])
		} else {
			s.systemValue(a, c, 0, s.pin.id, nil)
		}
	}
	s.out.N, s.out.Sel = 1, nil
	return &s.out, nil
}

// lockRowsOp is FOR UPDATE and its kin.
type lockRowsOp struct {
	st      *state
	in      operator
	b       *builder
	node    *plan.LockRows
	marks   []lockMark
	recheck operator // the input with all marked relations pinned, built when it is first needed
	out     *batchBuilder
	row     []types.Datum
	pending *types.Batch
	sel     []int32
	want    int64 // rows that will be asked for, -1: all
	left    int64
}

type lockMark struct {
	rel  *relation
	col  int
	mode txn.RowLockMode
	wait txn.WaitPolicy
	pin  *pin
}

func (b *builder) lockRows(n *plan.LockRows) (operator, error) {
	in, err := b.build(n.Outer)
	if err != nil {
		return nil, err
	}
	cols := typesOf(n.Outer)
	o := &lockRowsOp{st: b.st, in: in, b: b, node: n, want: -1, out: newBatchBuilder(cols, b.c.io), row: make([]types.Datum, len(cols))}
	for _, m := range n.Marks {
		rel, err := b.relation(m.Rel)
		if err != nil {
			return nil, err
		}
		o.marks = append(o.marks, lockMark{
			rel: rel, col: m.RowIDCol - 1, mode: txn.RowLockMode(m.Strength), wait: txn.WaitPolicy(m.Wait), pin: &pin{rel: m.Rel},
		})
	}
	return o, nil
}

// setBound is not handed on: rows that are gone or skipped do not count. It keeps a LIMIT above from locking more rows than it returns.
func (o *lockRowsOp) setBound(n int64) { o.want = n }

func (o *lockRowsOp) open() error {
	o.pending, o.left = nil, o.want
	o.st.view()
	return o.in.open()
}

func (o *lockRowsOp) close() { o.in.close() }

func (o *lockRowsOp) next() (*types.Batch, error) {
	want := types.BatchRows
	if o.want >= 0 {
		want = int(min(int64(want), o.left))
	}
	o.out.begin(max(want, 0))
	for o.out.b.N < want {
		if o.pending == nil {
			b, err := o.in.next()
			if err != nil {
				return nil, err
			}
			if b == nil {
				break
			}
			o.pending, o.sel = b, selection(b)
		}
		for len(o.sel) > 0 && o.out.b.N < want {
			if err := o.st.interrupted(); err != nil {
				return nil, err
			}
			r := int(o.sel[0])
			o.sel = o.sel[1:]
			for i := range o.row {
				o.row[i] = o.pending.Cols[i].Datum(r)
			}
			ok, err := o.lock()
			if err != nil {
				return nil, err
			}
			if ok {
				o.out.add(o.row)
			}
		}
		if len(o.sel) == 0 {
			o.pending = nil
		}
	}
	b := o.out.done()
	o.left -= int64(b.N)
	if b.N == 0 {
		return nil, nil
	}
	return b, nil
}

// lock locks the rows that make up o.row; false when it is to be left out. A row that changed meanwhile is replaced in o.row.
func (o *lockRowsOp) lock() (bool, error) {
	ctx := o.st.ctx
	changed := false
	for i := range o.marks {
		m := &o.marks[i]
		m.pin.present = false
		d := o.row[m.col]
		if d.Null { // the nullable side of an outer join
			continue
		}
		m.pin.id = RowIDOf(d.S)
		outcome, err := ctx.Txn.LockRow(ctx.Ctx, o.st.view(), m.rel.def, m.pin.id, m.mode, m.wait, m.rel.desc.Name)
		if err != nil {
			return false, err
		}
		switch outcome {
		case txn.Unchanged:
			m.pin.present = true
		case txn.Updated:
			m.pin.present, changed = true, true
		default:
			return false, nil
		}
	}
	if !changed {
		return true, nil
	}
	for i := range o.marks {
		m := &o.marks[i]
		if !m.pin.present {
			continue
		}
		if m.pin.row == nil {
			m.pin.row = make([]types.Datum, len(m.rel.def.Columns))
		}
		found, err := ctx.Txn.Latest(m.rel.def, m.rel.def.Decoder(), m.pin.id, m.pin.row)
		if err != nil || !found {
			return false, err
		}
	}
	return o.evaluate()
}

// evaluate runs the plan below over the pinned rows.
func (o *lockRowsOp) evaluate() (bool, error) {
	if o.recheck == nil {
		nb := *o.b
		nb.pins = map[int]*pin{}
		for i := range o.marks {
			nb.pins[o.node.Marks[i].RTIndex] = o.marks[i].pin
		}
		op, err := nb.build(o.node.Outer)
		if err != nil {
			return false, err
		}
		o.recheck = op
	}
	// The run below must find its parameters as they were when it goes on.
	saved := slices.Clone(o.st.exec)
	defer func() {
		copy(o.st.exec, saved)
		o.st.version++
	}()
	if err := o.recheck.open(); err != nil {
		return false, err
	}
	defer o.recheck.close()
	for {
		b, err := o.recheck.next()
		if err != nil || b == nil {
			return false, err
		}
		if b.Rows() == 0 {
			continue
		}
		r := b.Row(0)
		for i := range o.row {
			o.row[i] = b.Cols[i].Datum(r)
		}
		return true, nil
	}
}
