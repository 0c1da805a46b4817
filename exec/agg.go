package exec

import (
	"kimberlite/exec/plan"
	"kimberlite/sql/functions"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// aggOp is an Agg node. It gathers groups (by hashing, by neighbourhood in sorted input, or all rows as one), then hands them out.
//
// With grouping sets each set has a hash table of its own over the same input. A hash aggregation that outgrows its memory stops making groups: rows of
// groups that it does not have go to files by hash, and each file is aggregated after the groups in memory have been handed out.
type aggOp struct {
	st     *state
	outer  operator
	inCols []types.T
	sorted bool
	plain  bool
	sets   []*aggSet
	calls  []*aggCall
	keys   []int // columns of the input that groups are remembered by: grouping columns, then others that the target list needs
	ngroup int   // how many of keys are grouping columns
	out    *aggOutput
	stats  *NodeStats

	// A run.
	phase   aggPhase
	set     int // being handed out
	at      int // next group of it
	parts   []*spillWriter
	queue   []aggPart // spilled input still to be aggregated
	depth   int
	pending *types.Batch // sorted input not yet taken
	pendSel []int32
	ended   bool
	current []types.Datum // group at hand in sorted input
	have    bool
	keyVecs []*types.Vec
	groups  []int32
	selBuf  []int32
}

type aggPhase uint8

const (
	aggStart aggPhase = iota
	aggEmit
	aggDone
)

// aggPart is a file of spilled input rows.
type aggPart struct {
	w     *spillWriter
	depth int
}

// aggSet is one grouping set: its groups and the states of the aggregates in them.
type aggSet struct {
	cols   []int // positions in keys that it groups by
	table  *groupTable
	extra  *rowStore // values of the other remembered columns, by group
	states []aggState
	n      int
}

// aggOutput computes target list and HAVING over finished groups.
type aggOutput struct {
	filter filter
	proj   *projection
	in     *batchBuilder
	cur    *aggSet // whose groups are handed out, for GROUPING()
}

func (b *builder) agg(n *plan.Agg) (operator, error) {
	outer, err := b.build(n.Outer)
	if err != nil {
		return nil, err
	}
	o := &aggOp{st: b.st, outer: outer, inCols: typesOf(n.Outer), stats: b.statsOf(n)}
	for _, c := range n.GroupCols {
		o.keys = append(o.keys, c-1)
	}
	o.ngroup = len(o.keys)
	switch {
	case len(n.Sets) > 0:
		for _, s := range n.Sets {
			o.sets = append(o.sets, &aggSet{cols: s})
		}
	default:
		all := make([]int, len(n.GroupCols))
		for i := range all {
			all[i] = i
		}
		o.sets = []*aggSet{{cols: all}}
		o.sorted = n.Strategy == plan.AggSorted && len(all) > 0
	}
	o.plain = len(n.Sets) == 0 && len(n.GroupCols) == 0
	if err := b.aggParts(o, n.Aggs, n.Target, n.Quals, n); err != nil {
		return nil, err
	}
	return o, nil
}

// group is Agg without aggregates over sorted input.
func (b *builder) group(n *plan.Group) (operator, error) {
	outer, err := b.build(n.Outer)
	if err != nil {
		return nil, err
	}
	o := &aggOp{st: b.st, outer: outer, inCols: typesOf(n.Outer), sorted: true, stats: b.statsOf(n)}
	set := &aggSet{}
	for i, c := range n.Cols {
		o.keys = append(o.keys, c-1)
		set.cols = append(set.cols, i)
	}
	o.ngroup = len(o.keys)
	o.sets = []*aggSet{set}
	if err := b.aggParts(o, nil, n.Target, n.Quals, n); err != nil {
		return nil, err
	}
	return o, nil
}

// aggParts compiles the calls and the output of an aggregation.
func (b *builder) aggParts(o *aggOp, aggs []*tree.Aggref, target []tree.TargetEntry, having []tree.Expr, n plan.Node) error {
	c := b.c.binding(columnsOf(plan.OuterVar))
	for _, a := range aggs {
		call, err := c.aggCall(a)
		if err != nil {
			return err
		}
		o.calls = append(o.calls, call)
	}
	out := &aggOutput{}
	o.out = out
	// The output sees remembered columns first, then the aggregates; remembering more while compiling moves the latter, so that
	// the columns needed are collected before.
	note := func(e tree.Expr) {
		tree.Walk(e, func(x tree.Expr) bool {
			if v, ok := x.(*tree.Var); ok && v.VarNo == plan.OuterVar {
				o.remember(v.AttNo - 1)
			}
			return true
		})
	}
	for i := range target {
		note(target[i].Expr)
	}
	for _, q := range having {
		note(q)
	}
	for _, a := range aggs {
		for _, d := range a.Direct {
			note(d)
		}
	}
	var cols []types.T
	for _, k := range o.keys {
		cols = append(cols, o.inCols[k])
	}
	for _, a := range aggs {
		cols = append(cols, a.T)
	}
	oc := b.c.binding(func(v *tree.Var) (expr, error) {
		switch v.VarNo {
		case plan.OuterVar:
			return &varExpr{col: o.remember(v.AttNo - 1)}, nil
		case plan.AggVar:
			return &varExpr{col: len(o.keys) + v.AttNo - 1}, nil
		}
		return nil, pgerr.Internal("column %d of input %d in an aggregation", v.AttNo, v.VarNo)
	})
	oc.grouping = func(g *tree.GroupingFunc) (expr, error) {
		return &groupingExpr{out: out, refs: g.Refs}, nil
	}
	for i, a := range aggs {
		var err error
		if o.calls[i].direct, _, err = oc.list(a.Direct); err != nil {
			return err
		}
	}
	var err error
	if out.filter, err = b.filter(oc, having, n); err != nil {
		return err
	}
	if out.proj, err = b.projection(oc, target, -1); err != nil {
		return err
	}
	out.in = newBatchBuilder(cols, b.c.io)
	for _, s := range o.sets {
		var keyCols, extra []types.T
		for _, k := range s.cols {
			keyCols = append(keyCols, o.inCols[o.keys[k]])
		}
		s.table = newGroupTable(keyCols, b.c.io)
		for _, k := range o.keys[o.ngroup:] {
			extra = append(extra, o.inCols[k])
		}
		s.extra = newRowStore(extra, b.c.io)
		for _, call := range o.calls {
			st, err := call.newState(b.st)
			if err != nil {
				return err
			}
			s.states = append(s.states, st)
		}
	}
	o.keyVecs = make([]*types.Vec, o.ngroup)
	o.current = make([]types.Datum, o.ngroup)
	return nil
}

// remember returns the position of an input column among those kept for each group.
func (o *aggOp) remember(col int) int {
	for i, k := range o.keys {
		if k == col {
			return i
		}
	}
	o.keys = append(o.keys, col)
	return len(o.keys) - 1
}

// groupingExpr is GROUPING(...): a bit for each argument that the group at hand is not grouped by.
type groupingExpr struct {
	out  *aggOutput
	refs []int
	cv   constVec
}

func (e *groupingExpr) value() types.Datum {
	v := int64(0)
	for _, ref := range e.refs {
		v <<= 1
		has := false
		for _, c := range e.out.cur.cols {
			has = has || c == ref
		}
		if !has {
			v |= 1
		}
	}
	return types.Datum{I: v}
}

func (e *groupingExpr) row(*rowEnv) (types.Datum, error) { return e.value(), nil }
func (e *groupingExpr) vec(b *types.Batch, _ []int32) (*types.Vec, error) {
	return e.cv.fill(e.value(), b.N), nil
}

func (o *aggOp) open() error {
	o.clear()
	o.phase, o.set, o.at, o.depth, o.ended, o.have, o.pending = aggStart, 0, 0, 0, false, false, nil
	return o.outer.open()
}

// clear forgets all groups and spilled rows.
func (o *aggOp) clear() {
	for _, s := range o.sets {
		s.reset()
	}
	for _, p := range o.parts {
		p.close()
	}
	for _, p := range o.queue {
		p.w.close()
	}
	o.parts, o.queue = nil, nil
}

func (s *aggSet) reset() {
	s.table.reset()
	s.extra.reset()
	for _, st := range s.states {
		st.reset()
	}
	s.n = 0
}

func (o *aggOp) close() {
	o.outer.close()
	o.clear()
}

func (o *aggOp) next() (*types.Batch, error) {
	for {
		switch o.phase {
		case aggStart:
			if err := o.gather(); err != nil {
				return nil, err
			}
			o.phase, o.set, o.at = aggEmit, 0, 0
		case aggEmit:
			b, err := o.emit()
			if err != nil || b != nil {
				return b, err
			}
			if err := o.nextPart(); err != nil {
				return nil, err
			}
		default:
			return nil, nil
		}
	}
}

// gather takes input until groups can be handed out.
func (o *aggOp) gather() error {
	if o.sorted {
		return o.gatherSorted()
	}
	for {
		if err := o.st.interrupted(); err != nil {
			return err
		}
		b, err := o.outer.next()
		if err != nil {
			return err
		}
		if b == nil {
			break
		}
		if err := o.take(b); err != nil {
			return err
		}
	}
	o.outer.close()
	o.ended = true
	o.endInput()
	return nil
}

// endInput: a set without columns has a group even without input.
func (o *aggOp) endInput() {
	for _, s := range o.sets {
		if len(s.cols) == 0 && s.n == 0 && o.depth == 0 {
			s.n = 1
			for _, st := range s.states {
				st.grow(1)
			}
			for i := range s.extra.cols {
				s.extra.cols[i].append(types.NullDatum)
			}
			s.extra.n++
		}
	}
	if o.stats != nil && !o.plain && !o.sorted {
		o.stats.Batches = max(o.stats.Batches, 1)
		o.stats.SpaceKB = max(o.stats.SpaceKB, (o.bytes()+1023)>>10)
	}
}

// bytes estimates the memory held by all groups.
func (o *aggOp) bytes() int64 {
	n := int64(0)
	for _, s := range o.sets {
		n += s.table.bytes() + s.extra.bytes
		for _, st := range s.states {
			n += st.bytes()
		}
	}
	return n
}

// take adds a batch to the groups of all sets.
func (o *aggOp) take(b *types.Batch) error {
	sel := selection(b)
	if len(sel) == 0 {
		return nil
	}
	for _, c := range o.calls {
		if err := c.eval(b, sel); err != nil {
			return err
		}
	}
	o.groups = grow(o.groups, len(sel))
	for _, s := range o.sets {
		if len(s.cols) == 0 {
			clear(o.groups)
			if s.n == 0 {
				s.n = 1
				o.keepExtra(s, b, sel[:1])
				for _, st := range s.states {
					st.grow(1)
				}
			}
			if err := o.feed(s, b, sel, o.groups); err != nil {
				return err
			}
			continue
		}
		for i, k := range s.cols {
			o.keyVecs[i] = b.Cols[o.keys[k]]
		}
		vecs := o.keyVecs[:len(s.cols)]
		if o.parts != nil {
			if err := o.takeKnown(s, b, sel, vecs); err != nil {
				return err
			}
			continue
		}
		before := s.table.n
		s.table.groups(vecs, sel, o.groups)
		if s.table.n > before {
			if s.extra.cols != nil {
				o.selBuf = o.selBuf[:0]
				next := int32(before)
				for i, g := range o.groups {
					if g >= next {
						o.selBuf = append(o.selBuf, sel[i])
						next = g + 1
					}
				}
				o.keepExtra(s, b, o.selBuf)
			}
			s.n = s.table.n
			for _, st := range s.states {
				st.grow(s.n)
			}
		}
		if err := o.feed(s, b, sel, o.groups); err != nil {
			return err
		}
	}
	if len(o.sets) == 1 && !o.plain && o.parts == nil && o.depth < spillDepthMax && o.bytes() > o.st.ctx.hashMem() {
		return o.startSpill()
	}
	return nil
}

func (o *aggOp) keepExtra(s *aggSet, b *types.Batch, sel []int32) {
	for i, k := range o.keys[o.ngroup:] {
		s.extra.bytes += s.extra.cols[i].appendVec(b.Cols[k], sel)
	}
	s.extra.n += len(sel)
}

// feed hands the rows to the aggregates' states.
func (o *aggOp) feed(s *aggSet, b *types.Batch, sel, groups []int32) error {
	for i, c := range o.calls {
		if err := s.states[i].add(c, b, sel, groups); err != nil {
			return err
		}
	}
	return nil
}

func (o *aggOp) startSpill() error {
	o.parts = make([]*spillWriter, spillPartitions)
	for i := range o.parts {
		w, err := o.st.temp.newWriter(o.inCols)
		if err != nil {
			return err
		}
		o.parts[i] = w
	}
	return nil
}

// takeKnown adds the rows whose group exists and writes the others to the partition of their hash.
func (o *aggOp) takeKnown(s *aggSet, b *types.Batch, sel []int32, vecs []*types.Vec) error {
	sums := s.table.hash(vecs, sel)
	s.table.find(vecs, sel, sums, o.groups)
	known := o.selBuf[:0]
	miss := make([][]int32, spillPartitions)
	k := 0
	shift := 59 - 5*o.depth // the top bits; the lower ones choose slots
	for i, r := range sel {
		if g := o.groups[i]; g >= 0 {
			known = append(known, r)
			o.groups[k] = g
			k++
			continue
		}
		p := sums[i] >> shift & (spillPartitions - 1)
		miss[p] = append(miss[p], r)
	}
	o.selBuf = known
	if len(known) > 0 {
		if len(known) < len(sel) { // arguments that are aligned with the selection must be computed for it
			for _, c := range o.calls {
				if err := c.eval(b, known); err != nil {
					return err
				}
			}
		}
		if err := o.feed(s, b, known, o.groups[:k]); err != nil {
			return err
		}
	}
	for p, rows := range miss {
		if len(rows) > 0 {
			if err := o.parts[p].add(b.Cols, rows); err != nil {
				return err
			}
		}
	}
	return nil
}

// nextPart goes on after the groups in memory were handed out: with spilled input, with more sorted input, or to the end.
func (o *aggOp) nextPart() error {
	if o.sorted {
		if o.ended && o.pending == nil {
			o.phase = aggDone
			return nil
		}
		o.sets[0].reset()
		o.phase = aggStart
		return nil
	}
	for _, w := range o.parts {
		if err := w.flush(); err != nil {
			return err
		}
		if w.file.rows == 0 {
			w.close()
			continue
		}
		o.queue = append(o.queue, aggPart{w, o.depth + 1})
	}
	o.parts = nil
	if len(o.queue) == 0 {
		o.phase = aggDone
		return nil
	}
	part := o.queue[0]
	o.queue = o.queue[1:]
	o.sets[0].reset()
	o.depth = part.depth
	rd, err := part.w.file.reader()
	if err != nil {
		return err
	}
	defer part.w.close()
	for {
		if err := o.st.interrupted(); err != nil {
			return err
		}
		b, err := rd.next()
		if err != nil {
			return err
		}
		if b == nil {
			break
		}
		if err := o.take(b); err != nil {
			return err
		}
	}
	if o.stats != nil {
		o.stats.Batches++
		o.stats.TempWritten = o.st.temp.Total
	}
	o.phase, o.set, o.at = aggEmit, 0, 0
	return nil
}

// gatherSorted takes sorted input up to a batch of complete groups.
func (o *aggOp) gatherSorted() error {
	s := o.sets[0]
	if o.ended && o.pending == nil {
		return nil
	}
	for {
		if err := o.st.interrupted(); err != nil {
			return err
		}
		if o.pending == nil {
			b, err := o.outer.next()
			if err != nil {
				return err
			}
			if b == nil {
				o.ended = true
				o.outer.close()
				return nil
			}
			if b.Rows() == 0 {
				continue
			}
			o.pending, o.pendSel = b, selection(b)
		}
		full, err := o.takeSorted(s)
		if err != nil || full {
			return err
		}
	}
}

// takeSorted adds pending rows, up to the end of the batch or until BatchRows groups are complete.
func (o *aggOp) takeSorted(s *aggSet) (full bool, err error) {
	b, sel := o.pending, o.pendSel
	o.groups = grow(o.groups, len(sel))
	n := s.n
	o.selBuf = o.selBuf[:0]
	i := 0
	for ; i < len(sel); i++ {
		r := int(sel[i])
		same := o.have
		for k := 0; same && k < o.ngroup; k++ {
			d := b.Cols[o.keys[k]].Datum(r)
			p := o.current[k]
			same = d.Null == p.Null && (d.Null || s.table.types[k].equal(d, p))
		}
		if !same {
			if n >= types.BatchRows {
				full = true
				o.have = false
				break
			}
			o.have = true
			for k := range o.ngroup {
				o.current[k] = b.Cols[o.keys[k]].Datum(r)
			}
			o.selBuf = append(o.selBuf, sel[i])
			n++
		}
		o.groups[i] = int32(n - 1)
	}
	for k := range o.ngroup {
		s.table.keys.cols[k].appendVec(b.Cols[o.keys[k]], o.selBuf)
	}
	s.table.keys.n = n
	o.keepExtra(s, b, o.selBuf)
	s.n = n
	for _, st := range s.states {
		st.grow(n)
	}
	if i > 0 {
		for _, c := range o.calls {
			if err := c.eval(b, sel[:i]); err != nil {
				return false, err
			}
		}
		if err := o.feed(s, b, sel[:i], o.groups[:i]); err != nil {
			return false, err
		}
	}
	if full {
		o.pendSel = sel[i:]
	} else {
		o.pending = nil
	}
	return full, nil
}

// emit returns the next batch of finished groups, nil when all have been handed out.
func (o *aggOp) emit() (*types.Batch, error) {
	for o.set < len(o.sets) {
		s := o.sets[o.set]
		n := min(types.BatchRows, s.n-o.at)
		if n <= 0 {
			o.set, o.at = o.set+1, 0
			continue
		}
		o.out.cur = s
		in := o.out.in
		in.begin(n)
		for i := range o.keys {
			o.keyColumn(s, i, o.at, n)
		}
		env := &rowEnv{b: &in.b}
		in.b.N = n
		for i, c := range o.calls {
			buf := &in.buf[len(o.keys)+i]
			for g := range n {
				env.pos = g
				d, err := s.states[i].result(c, o.at+g, env)
				if err != nil {
					return nil, err
				}
				buf.set(int32(g), d)
			}
		}
		o.at += n
		if err := o.out.filter.apply(&in.b); err != nil {
			return nil, err
		}
		if in.b.Rows() == 0 {
			continue
		}
		return o.out.proj.apply(&in.b)
	}
	return nil, nil
}

// keyColumn fills output column i with the remembered values of groups at..at+n-1, NULL where the set is not grouped by it.
func (o *aggOp) keyColumn(s *aggSet, i, at, n int) {
	buf := &o.out.in.buf[i]
	var c *column
	if i >= o.ngroup {
		c = &s.extra.cols[i-o.ngroup]
	} else {
		for k, pos := range s.cols {
			if pos == i {
				c = &s.table.keys.cols[k]
			}
		}
	}
	if c == nil {
		for g := range n {
			buf.null(int32(g))
		}
		return
	}
	if c.class == types.Fixed {
		copy(buf.v.Fix, c.fix[at:at+n])
	} else {
		copy(buf.v.Str, c.str[at:at+n])
	}
	if c.nulls != nil {
		for g := range n {
			if c.nulls.Get(at + g) {
				buf.null(int32(g))
			}
		}
	}
}

// unique drops rows that repeat the one before them.
type uniqueOp struct {
	st   *state
	in   operator
	keys []keyType
	cols []int
	last []types.Datum
	have bool
	buf  []int32
}

func (b *builder) unique(n *plan.Unique) (operator, error) {
	in, err := b.build(n.Outer)
	if err != nil {
		return nil, err
	}
	cols := typesOf(n.Outer)
	o := &uniqueOp{st: b.st, in: in, last: make([]types.Datum, len(n.Cols))}
	for _, c := range n.Cols {
		o.cols = append(o.cols, c-1)
		o.keys = append(o.keys, keyTypeOf(cols[c-1], b.c.io))
	}
	return o, nil
}

func (o *uniqueOp) open() error { o.have = false; return o.in.open() }
func (o *uniqueOp) close()      { o.in.close() }

func (o *uniqueOp) next() (*types.Batch, error) {
	for {
		b, err := o.in.next()
		if err != nil || b == nil {
			return nil, err
		}
		out := selBuf(&o.buf)[:0]
		for _, r := range selection(b) {
			same := o.have
			for k := 0; same && k < len(o.cols); k++ {
				d, p := b.Cols[o.cols[k]].Datum(int(r)), o.last[k]
				same = d.Null == p.Null && (d.Null || o.keys[k].equal(d, p))
			}
			if same {
				continue
			}
			o.have = true
			for k, c := range o.cols {
				o.last[k] = b.Cols[c].Datum(int(r))
			}
			out = append(out, r)
		}
		if len(out) > 0 {
			b.Sel = out
			return b, nil
		}
	}
}

var _ functions.SortedRows = (*groupRows)(nil)
