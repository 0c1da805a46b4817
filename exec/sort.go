package exec

import (
	"container/heap"
	"slices"

	"kimberlite/exec/plan"
	"kimberlite/sql/types"
)

// sorter sorts rows: in memory, or by runs on disk that are merged when the rows outgrow work_mem.
type sorter struct {
	st    *state
	cols  []types.T
	keys  []sortKey
	rows  *rowStore
	items []sortItem
	spare []sortItem
	runs  []*spillFile
	limit int64 // keep only the first so many rows; -1 for all
	// cutoff is the last of the first limit rows so far, a row number in rows; -1 while there are fewer.
	cutoff   int
	heap     *boundedHeap
	buf      []int32
	out      []scratch
	batch    types.Batch
	at       int
	order    []int32
	merge    *merger
	vecs     []*types.Vec
	memory   int64
	spilled  int64
	method   string
	finished bool
}

// sortItem is a row to be sorted with the prefix of its first key.
type sortItem struct {
	prefix uint64
	row    int32
}

func newSorter(st *state, cols []types.T, keys []sortKey) *sorter {
	s := &sorter{st: st, cols: cols, keys: keys, rows: newRowStore(cols, &st.io), limit: -1, cutoff: -1}
	s.out = make([]scratch, len(cols))
	s.batch.Cols = make([]*types.Vec, len(cols))
	s.vecs = make([]*types.Vec, len(cols))
	for i, t := range cols {
		s.out[i] = newScratch(t, s.rows.cols[i].class)
		s.batch.Cols[i] = &s.out[i].v
	}
	return s
}

func (s *sorter) reset() {
	for _, r := range s.runs {
		r.close()
	}
	s.runs, s.merge = nil, nil
	if s.rows.bytes > 1<<20 {
		s.rows.free()
		s.items, s.spare, s.order = nil, nil, nil
	} else {
		s.rows.reset()
	}
	s.at, s.cutoff, s.finished, s.memory, s.heap = 0, -1, false, 0, nil
}

// add takes the selected rows of a batch.
func (s *sorter) add(b *types.Batch) error {
	sel := selection(b)
	if s.limit >= 0 {
		if s.limit == 0 {
			return nil
		}
		if s.limit <= boundedMax && len(s.keys) > 0 {
			s.addBounded(b, sel)
			return nil
		}
		sel = s.promising(b, sel)
	}
	s.rows.appendSel(b, sel)
	if s.limit >= 0 && int64(s.rows.n) > max(2*s.limit, 4*types.BatchRows) {
		s.truncate()
	}
	if s.rows.bytes > s.st.ctx.workMem() && s.rows.n > 0 {
		if s.limit >= 0 {
			s.truncate()
			if s.rows.bytes <= s.st.ctx.workMem() {
				return nil
			}
		}
		return s.spill()
	}
	return nil
}

// promising drops rows that cannot be among the first limit ones.
func (s *sorter) promising(b *types.Batch, sel []int32) []int32 {
	if s.cutoff < 0 || len(s.keys) == 0 {
		return sel
	}
	out := selBuf(&s.buf)[:0]
	for _, i := range sel {
		keep := false
		for n := range s.keys {
			k := &s.keys[n]
			c := k.compare(b.Cols[k.col].Datum(int(i)), s.rows.cols[k.col].datum(s.cutoff))
			if c != 0 {
				keep = c < 0
				break
			}
		}
		if keep {
			out = append(out, i)
		}
	}
	return out
}

// truncate keeps the first limit rows only.
func (s *sorter) truncate() {
	s.sortMemory()
	n := int(min(s.limit, int64(len(s.items))))
	kept := newRowStore(s.cols, &s.st.io)
	sel := make([]int32, n)
	for i := range n {
		sel[i] = s.items[i].row
	}
	for i := range kept.cols {
		c := &s.rows.cols[i]
		v := types.Vec{Class: c.class, Fix: c.fix, Str: c.str, Nulls: c.nulls}
		kept.bytes += kept.cols[i].appendVec(&v, sel)
	}
	kept.n = n
	s.rows = kept
	if int64(n) == s.limit {
		s.cutoff = n - 1
	}
}

// sortMemory orders s.items.
func (s *sorter) sortMemory() {
	n := s.rows.n
	if cap(s.items) < n {
		s.items = make([]sortItem, n)
	}
	s.items = s.items[:n]
	if len(s.keys) == 0 {
		for i := range s.items {
			s.items[i] = sortItem{row: int32(i)}
		}
		return
	}
	k := &s.keys[0]
	c := &s.rows.cols[k.col]
	usePrefix := k.hasPrefix()
	for i := range s.items {
		it := sortItem{row: int32(i)}
		if usePrefix {
			it.prefix = k.prefix(c.datum(i))
		}
		s.items[i] = it
	}
	// exact: equal prefixes mean equal first keys.
	exact := k.t.kind == keyInt && c.nulls == nil
	rest := s.keys
	if exact {
		rest = s.keys[1:]
	}
	full := func(a, b sortItem) int {
		if d := compareRows(s.rows, rest, int(a.row), int(b.row)); d != 0 {
			return d
		}
		return int(a.row) - int(b.row)
	}
	if n <= exactSortMax {
		quick := quickSort{items: s.items, cmp: func(a, b sortItem) int {
			if a.prefix != b.prefix {
				if a.prefix < b.prefix {
					return -1
				}
				return 1
			}
			return compareRows(s.rows, rest, int(a.row), int(b.row))
		}}
		quick.sort(0, n)
		return
	}
	if !usePrefix {
		slices.SortFunc(s.items, full)
		return
	}
	if n < radixMin {
		slices.SortFunc(s.items, func(a, b sortItem) int {
			if a.prefix != b.prefix {
				if a.prefix < b.prefix {
					return -1
				}
				return 1
			}
			return full(a, b)
		})
		return
	}
	s.radix()
	if exact && len(rest) == 0 {
		return // the radix sort is stable
	}
	for i := 0; i < n; {
		j := i + 1
		for j < n && s.items[j].prefix == s.items[i].prefix {
			j++
		}
		if j > i+1 {
			slices.SortFunc(s.items[i:j], full)
		}
		i = j
	}
}

// exactSortMax: up to so many rows are sorted by the very algorithm that PostgreSQL uses, so that rows which are equal in the keys come out in the same order as
// there. Nobody may rely on that order, but results that people compare with PostgreSQL's are the same more often.
const exactSortMax = 10_000

const radixMin = 512 // below, comparison sorts are faster than the passes over 256 counters

// radix sorts the items by prefix, stably, from the lowest byte up; bytes that are equal in all items cost nothing.
func (s *sorter) radix() {
	n := len(s.items)
	if cap(s.spare) < n {
		s.spare = make([]sortItem, n)
	}
	a, b := s.items, s.spare[:n]
	var counts [8][256]int32
	for i := range a {
		p := a[i].prefix
		for k := range 8 {
			counts[k][byte(p>>(8*k))]++
		}
	}
	for k := range 8 {
		cnt := &counts[k]
		if int(cnt[byte(a[0].prefix>>(8*k))]) == n {
			continue
		}
		sum := int32(0)
		for i := range cnt {
			cnt[i], sum = sum, sum+cnt[i]
		}
		for i := range a {
			d := byte(a[i].prefix >> (8 * k))
			b[cnt[d]] = a[i]
			cnt[d]++
		}
		a, b = b, a
	}
	s.items, s.spare = a, b
}

// spill writes the rows in memory as a sorted run.
func (s *sorter) spill() error {
	s.sortMemory()
	f, err := s.st.temp.create(s.cols)
	if err != nil {
		return err
	}
	s.runs = append(s.runs, f)
	s.order = grow(s.order, types.BatchRows)
	n := len(s.items)
	if s.limit >= 0 {
		n = int(min(int64(n), s.limit))
	}
	for from := 0; from < n; from += types.BatchRows {
		m := min(types.BatchRows, n-from)
		for i := range m {
			s.order[i] = s.items[from+i].row
		}
		s.gather(s.order[:m])
		if err := f.write(s.batch.Cols, identity[:m]); err != nil {
			return err
		}
	}
	s.memory = max(s.memory, s.rows.bytes)
	s.rows.free()
	s.items, s.spare, s.cutoff = nil, nil, -1
	return nil
}

func (s *sorter) gather(rows []int32) {
	for i := range s.out {
		s.rows.cols[i].gather(&s.out[i], rows)
	}
	s.batch.N, s.batch.Sel = len(rows), nil
}

// finish ends the input.
func (s *sorter) finish() error {
	s.finished = true
	s.at = 0
	if len(s.runs) == 0 {
		if s.heap != nil {
			s.items = s.heap.drain()
		} else {
			s.sortMemory()
		}
		s.memory = s.rows.bytes
		s.method = "quicksort"
		if s.limit >= 0 && s.cutoff >= 0 {
			s.method = "top-N heapsort"
		}
		return nil
	}
	s.method = "external merge"
	if s.rows.n > 0 {
		if err := s.spill(); err != nil {
			return err
		}
	}
	for len(s.runs) > mergeRunsMax {
		if err := s.mergeSome(); err != nil {
			return err
		}
	}
	s.spilled = 0
	for _, r := range s.runs {
		s.spilled += r.bytes
	}
	var err error
	s.merge, err = newMerger(s, s.runs)
	return err
}

// mergeSome merges the oldest runs to one, so that fewer remain.
func (s *sorter) mergeSome() error {
	some := s.runs[:mergeRunsMax]
	m, err := newMerger(s, some)
	if err != nil {
		return err
	}
	f, err := s.st.temp.create(s.cols)
	if err != nil {
		return err
	}
	for {
		if err := s.st.interrupted(); err != nil {
			f.close()
			return err
		}
		b, err := m.next()
		if err != nil {
			f.close()
			return err
		}
		if b == nil {
			break
		}
		if err := f.write(b.Cols, selection(b)); err != nil {
			f.close()
			return err
		}
	}
	for _, r := range some {
		r.close()
	}
	s.runs = append([]*spillFile{f}, s.runs[mergeRunsMax:]...)
	return nil
}

// rewind starts the output again.
func (s *sorter) rewind() error {
	s.at = 0
	if s.runs != nil {
		var err error
		s.merge, err = newMerger(s, s.runs)
		return err
	}
	return nil
}

// next returns the next sorted batch, nil at the end.
func (s *sorter) next() (*types.Batch, error) {
	if s.merge != nil {
		return s.merge.next()
	}
	end := len(s.items)
	if s.limit >= 0 {
		end = int(min(int64(end), s.limit))
	}
	n := min(types.BatchRows, end-s.at)
	if n <= 0 {
		return nil, nil
	}
	s.order = grow(s.order, types.BatchRows)
	for i := range n {
		s.order[i] = s.items[s.at+i].row
	}
	s.at += n
	s.gather(s.order[:n])
	return &s.batch, nil
}

// merger merges sorted runs.
type merger struct {
	keys []sortKey
	runs []*mergeRun
	out  *batchBuilder
	row  []types.Datum
}

type mergeRun struct {
	n  int // the run's number decides between equal rows
	rd *spillReader
	b  *types.Batch
	at int
	m  *merger
}

func newMerger(s *sorter, files []*spillFile) (*merger, error) {
	m := &merger{keys: s.keys, out: newBatchBuilder(s.cols, &s.st.io), row: make([]types.Datum, len(s.cols))}
	for i, f := range files {
		rd, err := f.readerAt(0)
		if err != nil {
			return nil, err
		}
		b, err := rd.next()
		if err != nil {
			return nil, err
		}
		if b != nil {
			m.runs = append(m.runs, &mergeRun{n: i, rd: rd, b: b, m: m})
		}
	}
	heap.Init(m)
	return m, nil
}

// Len, Less, Swap, Push and Pop make the runs a heap by their current rows.
func (m *merger) Len() int { return len(m.runs) }

// Less: see Len.
func (m *merger) Less(i, j int) bool {
	a, b := m.runs[i], m.runs[j]
	for n := range m.keys {
		k := &m.keys[n]
		if c := k.compare(a.b.Cols[k.col].Datum(a.at), b.b.Cols[k.col].Datum(b.at)); c != 0 {
			return c < 0
		}
	}
	return a.n < b.n
}

// Swap: see Len.
func (m *merger) Swap(i, j int) { m.runs[i], m.runs[j] = m.runs[j], m.runs[i] }

// Push: see Len.
func (m *merger) Push(x any) { m.runs = append(m.runs, x.(*mergeRun)) }

// Pop: see Len.
func (m *merger) Pop() any {
	r := m.runs[len(m.runs)-1]
	m.runs = m.runs[:len(m.runs)-1]
	return r
}

func (m *merger) next() (*types.Batch, error) {
	m.out.begin(types.BatchRows)
	for m.out.b.N < types.BatchRows && len(m.runs) > 0 {
		r := m.runs[0]
		for i, c := range r.b.Cols {
			m.row[i] = c.Datum(r.at)
		}
		m.out.add(m.row)
		r.at++
		if r.at == r.b.N {
			b, err := r.rd.next()
			if err != nil {
				return nil, err
			}
			if b == nil {
				heap.Pop(m)
				continue
			}
			r.b, r.at = b, 0
		}
		heap.Fix(m, 0)
	}
	b := m.out.done()
	if b.N == 0 {
		return nil, nil
	}
	return b, nil
}

// sortOp is a Sort node.
type sortOp struct {
	st       *state
	in       operator
	s        *sorter
	deps     []int
	bound    int64
	presort  []sortKey
	gen, ver uint64
	valid    bool // the sorter holds the result for gen and ver
	stats    *NodeStats

	// An incremental sort works group by group of the presorted keys.
	pending *types.Batch
	pendAt  int
	last    []types.Datum
	have    bool
	ended   bool
	left    int64
	part    types.Batch
}

func (b *builder) sort(n *plan.Sort) (operator, error) {
	in, err := b.build(n.Outer)
	if err != nil {
		return nil, err
	}
	cols := typesOf(n.Outer)
	keys := sortKeys(n.Keys, cols, b.c.io)
	o := &sortOp{st: b.st, in: in, s: newSorter(b.st, cols, keys), deps: b.dependencies(n.Outer), bound: -1, stats: b.statsOf(n)}
	if n.Presorted > 0 && n.Presorted < len(keys) {
		o.presort = keys[:n.Presorted]
		o.last = make([]types.Datum, n.Presorted)
	}
	return o, nil
}

func (o *sortOp) setBound(n int64) { o.bound = n }

func (o *sortOp) open() error {
	ver := o.st.newest(o.deps)
	if o.presort == nil && o.valid && o.gen == o.st.gen && o.ver == ver && (o.s.limit < 0 || o.s.limit == o.bound) {
		return o.s.rewind()
	}
	o.valid = false
	o.s.reset()
	o.s.limit = o.bound
	if o.presort != nil {
		o.pending, o.have, o.ended, o.left = nil, false, false, o.bound
		return o.in.open()
	}
	if err := o.in.open(); err != nil {
		return err
	}
	for {
		b, err := o.in.next()
		if err != nil {
			return err
		}
		if b == nil {
			break
		}
		if err := o.s.add(b); err != nil {
			return err
		}
	}
	o.in.close()
	if err := o.s.finish(); err != nil {
		return err
	}
	o.valid, o.gen, o.ver = true, o.st.gen, ver
	o.note()
	return nil
}

func (o *sortOp) note() {
	if o.stats == nil {
		return
	}
	o.stats.SortMethod, o.stats.SpaceKB, o.stats.SpaceDisk = o.s.method, (o.s.memory+1023)>>10, false
	if o.s.merge != nil {
		o.stats.SpaceKB, o.stats.SpaceDisk = (o.s.spilled+1023)>>10, true
	}
}

func (o *sortOp) next() (*types.Batch, error) {
	if o.presort == nil {
		return o.s.next()
	}
	for {
		if o.s.finished {
			b, err := o.s.next()
			if err != nil {
				return nil, err
			}
			if b != nil {
				if o.left >= 0 {
					o.left -= int64(b.Rows())
				}
				return b, nil
			}
			o.s.reset()
			if o.ended && o.pending == nil || o.left == 0 && o.bound >= 0 {
				return nil, nil
			}
		}
		o.s.limit = -1
		if o.bound >= 0 {
			o.s.limit = o.left
		}
		more, err := o.fillGroup()
		if err != nil {
			return nil, err
		}
		if !more {
			return nil, nil
		}
		if err := o.s.finish(); err != nil {
			return nil, err
		}
		o.note()
	}
}

// fillGroup puts the rows with the next value of the presorted keys into the sorter.
func (o *sortOp) fillGroup() (bool, error) {
	got := false
	o.have = false
	for {
		if o.pending == nil {
			if o.ended {
				return got, nil
			}
			b, err := o.in.next()
			if err != nil {
				return false, err
			}
			if b == nil {
				o.ended = true
				o.in.close()
				return got, nil
			}
			o.pending, o.pendAt = b, 0
		}
		sel := selection(o.pending)
		from := o.pendAt
		for o.pendAt < len(sel) {
			r := int(sel[o.pendAt])
			same := o.have
			for k := range o.presort {
				d := o.pending.Cols[o.presort[k].col].Datum(r)
				if same && o.presort[k].compare(d, o.last[k]) != 0 {
					same = false
				}
				if !o.have {
					o.last[k] = d
				}
			}
			if !o.have {
				o.have, same = true, true
			}
			if !same {
				break
			}
			o.pendAt++
		}
		if o.pendAt > from {
			got = true
			o.part = types.Batch{N: o.pending.N, Cols: o.pending.Cols, Sel: sel[from:o.pendAt]}
			if err := o.s.add(&o.part); err != nil {
				return false, err
			}
		}
		if o.pendAt < len(sel) {
			return true, nil
		}
		o.pending = nil
	}
}

func (o *sortOp) close() {
	o.in.close()
	if o.presort != nil {
		o.s.reset()
	}
}

func (o *sortOp) reset() { o.valid = false; o.s.reset() }
