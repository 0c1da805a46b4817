package exec

import (
	"kimberlite/exec/plan"
	"kimberlite/sql/types"
)

// cteStore keeps the rows of a CTE (or of any subplan read more than once) for all its readers. It is filled as far as readers
// ask, so that a LIMIT above stops the work below; past work_mem the rows go to a file.
type cteStore struct {
	st    *state
	op    operator
	cols  []types.T
	mem   *rowStore
	file  *spillWriter
	gen   uint64
	ver   uint64
	open  bool
	ended bool
}

// start makes the store ready for the current execution; rows gathered under the same parameters are kept.
func (s *cteStore) start(deps []int) error {
	ver := s.st.newest(deps)
	if s.open && s.gen == s.st.gen && s.ver == ver {
		return nil
	}
	s.stop()
	s.gen, s.ver, s.open, s.ended = s.st.gen, ver, true, false
	if s.mem == nil {
		s.mem = newRowStore(s.cols, &s.st.io)
	}
	return s.op.open()
}

func (s *cteStore) stop() {
	if s.open {
		s.op.close()
	}
	s.file.close()
	s.file = nil
	if s.mem != nil {
		s.mem.free()
	}
	s.open = false
}

// pull fetches one more batch; false at the end.
func (s *cteStore) pull() (bool, error) {
	if s.ended {
		return false, nil
	}
	b, err := s.op.next()
	if err != nil {
		return false, err
	}
	if b == nil {
		s.ended = true
		return false, nil
	}
	if s.file == nil && s.mem.bytes > s.st.ctx.workMem() {
		if s.file, err = s.st.temp.newWriter(s.cols); err != nil {
			return false, err
		}
	}
	if s.file != nil {
		return true, s.file.add(b.Cols, selection(b))
	}
	s.mem.appendBatch(b)
	return true, nil
}

// cteReader reads a store from its beginning.
type cteReader struct {
	s    *cteStore
	rd   *storeReader
	deps []int
	file *spillReader
	seen int64 // rows of the file read
}

func (r *cteReader) open() error {
	if err := r.s.start(r.deps); err != nil {
		return err
	}
	if r.rd == nil {
		r.rd = newStoreReader(r.s.mem, r.s.cols)
	}
	r.rd.at, r.file, r.seen = 0, nil, 0
	return nil
}

func (r *cteReader) next() (*types.Batch, error) {
	for {
		if b := r.rd.next(r.s.mem.n); b != nil {
			return b, nil
		}
		if r.s.file == nil {
			more, err := r.s.pull()
			if err != nil {
				return nil, err
			}
			if !more {
				return nil, nil
			}
			continue
		}
		// The file is complete before it is read.
		for !r.s.ended {
			if _, err := r.s.pull(); err != nil {
				return nil, err
			}
		}
		if r.file == nil {
			if err := r.s.file.flush(); err != nil {
				return nil, err
			}
			var err error
			if r.file, err = r.s.file.file.readerAt(0); err != nil {
				return nil, err
			}
		}
		return r.file.next()
	}
}

func (r *cteReader) close() {}

func (b *builder) cteScan(n *plan.CTEScan) (operator, error) {
	sub := b.st.subs[n.SubPlan]
	if sub.cte == nil {
		sub.cte = &cteStore{st: b.st, cols: sub.cols}
	}
	return b.scan(&cteReader{s: sub.cte, deps: sub.deps}, b.rowScan(n, sub.cols), n, len(sub.cols))
}

// materialOp keeps its input's rows for rescans; they stay good until a parameter that the input reads changes.
type materialOp struct {
	s    *cteStore
	r    *cteReader
	deps []int
}

func (b *builder) material(n *plan.Material) (operator, error) {
	in, err := b.build(n.Outer)
	if err != nil {
		return nil, err
	}
	s := &cteStore{st: b.st, op: in, cols: typesOf(n.Outer)}
	deps := b.dependencies(n.Outer)
	return &materialOp{s: s, r: &cteReader{s: s, deps: deps}, deps: deps}, nil
}

func (o *materialOp) open() error                 { return o.r.open() }
func (o *materialOp) next() (*types.Batch, error) { return o.r.next() }

// close keeps the rows: the parent closes before it opens again. They go when the instance ends (reset).
func (o *materialOp) close() {}
func (o *materialOp) reset() { o.s.stop() }

// workTable holds the rows of the last iteration of a recursive query.
type workTable struct {
	rows *rowStore
	cols []types.T
}

type workSource struct {
	st  *state
	num int
	rd  *storeReader
}

func (b *builder) workTableScan(n *plan.WorkTableScan) (operator, error) {
	return b.scan(&workSource{st: b.st, num: n.Union}, b.rowScan(n, b.st.work(n.Union).cols), n, -1)
}

func (st *state) work(num int) *workTable {
	w := st.works[num]
	if w == nil {
		w = &workTable{}
		if st.works == nil {
			st.works = map[int]*workTable{}
		}
		st.works[num] = w
	}
	return w
}

func (s *workSource) open() error {
	w := s.st.work(s.num)
	if w.rows == nil {
		s.rd = nil
		return nil
	}
	s.rd = newStoreReader(w.rows, w.cols)
	return nil
}

func (s *workSource) next() (*types.Batch, error) {
	if s.rd == nil {
		return nil, nil
	}
	return s.rd.next(s.rd.s.n), nil
}

func (s *workSource) close() {}

// recursiveUnionOp runs the non-recursive term, then the recursive one on the rows of the last round until nothing new comes.
type recursiveUnionOp struct {
	st           *state
	outer, inner operator
	work         *workTable
	fresh_       *rowStore
	dedup        *groupTable // nil for UNION ALL
	cols         []types.T
	recursing    bool
	done         bool
	slot         int // the pseudo-parameter that stands for the work table's content
	sel          []int32
	ids          []int32
}

func (b *builder) recursiveUnion(n *plan.RecursiveUnion) (operator, error) {
	o := &recursiveUnionOp{st: b.st, work: b.st.work(n.Number), cols: typesOf(n), slot: b.st.plan.Params + n.Number}
	o.work.cols = o.cols
	var err error
	if o.outer, err = b.build(n.Outer); err != nil {
		return nil, err
	}
	if o.inner, err = b.build(n.Inner); err != nil {
		return nil, err
	}
	if !n.All {
		o.dedup = newGroupTable(o.cols, b.c.io)
	}
	return o, nil
}

func (o *recursiveUnionOp) open() error {
	o.work.rows = newRowStore(o.cols, &o.st.io)
	o.fresh_ = newRowStore(o.cols, &o.st.io)
	o.recursing, o.done = false, false
	if o.dedup != nil {
		o.dedup.reset()
	}
	return o.outer.open()
}

func (o *recursiveUnionOp) close() {
	o.outer.close()
	o.inner.close()
	o.work.rows, o.fresh_ = nil, nil
	if o.dedup != nil {
		o.dedup.reset()
	}
}

// fresh drops the rows that were seen before.
func (o *recursiveUnionOp) fresh(b *types.Batch) {
	if o.dedup == nil {
		return
	}
	sel := selection(b)
	o.ids = grow(o.ids, len(sel))
	before := o.dedup.n
	o.dedup.groups(b.Cols, sel, o.ids)
	out := selBuf(&o.sel)[:0]
	for k, i := range sel {
		if int(o.ids[k]) >= before { // its first row made the group
			before = int(o.ids[k]) + 1
			out = append(out, i)
		}
	}
	b.Sel = out
}

func (o *recursiveUnionOp) next() (*types.Batch, error) {
	for !o.done {
		if err := o.st.interrupted(); err != nil {
			return nil, err
		}
		if !o.recursing {
			b, err := o.outer.next()
			if err != nil {
				return nil, err
			}
			if b == nil {
				if err := o.nextRound(); err != nil {
					return nil, err
				}
				continue
			}
			o.fresh(b)
			if b.Rows() == 0 {
				continue
			}
			o.fresh_.appendBatch(b)
			return b, nil
		}
		b, err := o.inner.next()
		if err != nil {
			return nil, err
		}
		if b == nil {
			o.inner.close()
			if err := o.nextRound(); err != nil {
				return nil, err
			}
			continue
		}
		o.fresh(b)
		if b.Rows() == 0 {
			continue
		}
		o.fresh_.appendBatch(b)
		return b, nil
	}
	return nil, nil
}

// nextRound makes the rows just produced the work table and starts the recursive term on them.
func (o *recursiveUnionOp) nextRound() error {
	o.recursing = true
	if o.fresh_.n == 0 {
		o.done = true
		return nil
	}
	o.work.rows, o.fresh_ = o.fresh_, o.work.rows
	o.fresh_.reset()
	o.st.setParam(o.slot, types.Datum{})
	return o.inner.open()
}

func grow(s []int32, n int) []int32 {
	if cap(s) < n {
		s = make([]int32, max(n, types.BatchRows))
	}
	return s[:n]
}
