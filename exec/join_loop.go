package exec

import (
	"container/list"
	"encoding/binary"

	"kimberlite/exec/plan"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// nestLoopOp is a NestLoop node: the inner side is run for each outer row, after the row's values have been assigned to its parameters.
// Rows of many inner runs are gathered before the join quals are evaluated over them at once. The order of the outer side is kept.
type nestLoopOp struct {
	st           *state
	outer, inner operator
	kind         tree.JoinType
	params       []nestParam
	p            *pairs
	store        *rowStore // inner rows of the pairs at hand
	need         []int     // columns of the inner side that are looked at
	once         bool      // one match is enough for an outer row
	eager        bool      // look at the quals early, to stop the inner side at a match

	cur     *types.Batch
	curSel  []int32
	at      int
	running bool // the inner side runs for the outer row at hand
	run     int  // inner rows taken for it since the quals were looked at
	pend    *types.Batch
	pendAt  int
	hit     bool
	lbuf    []int32
	rbuf    []int32
	env     rowEnv
}

type nestParam struct {
	slot  int
	value expr
}

const eagerRows = 64 // inner rows before a join that needs one match looks whether it has it

func (b *builder) nestLoop(n *plan.NestLoop) (operator, error) {
	outer, err := b.build(n.Outer)
	if err != nil {
		return nil, err
	}
	inner, err := b.build(n.Inner)
	if err != nil {
		return nil, err
	}
	o := &nestLoopOp{st: b.st, outer: outer, inner: inner, kind: n.Kind, store: newRowStore(typesOf(n.Inner), b.c.io)}
	c := b.c.binding(columnsOf(plan.OuterVar))
	for _, p := range n.Params {
		x, err := c.compile(p.Value)
		if err != nil {
			return nil, err
		}
		o.params = append(o.params, nestParam{p.Slot, x})
	}
	if o.p, err = b.joined(&n.Join, n); err != nil {
		return nil, err
	}
	seen := map[int]bool{}
	for _, cols := range [][]int{o.p.qcols, o.p.pcols} {
		for _, k := range cols {
			if k >= o.p.nOuter && !seen[k] {
				seen[k] = true
				o.need = append(o.need, k-o.p.nOuter)
			}
		}
	}
	o.once = n.Kind == tree.JoinSemi || n.Kind == tree.JoinAnti || n.InnerUnique
	o.eager = o.once && o.p.quals != nil
	if o.once && o.p.quals == nil {
		setBound(inner, 1)
	}
	return o, nil
}

func (o *nestLoopOp) open() error {
	o.cur, o.running, o.pend, o.hit = nil, false, nil, false
	return o.outer.open()
}

func (o *nestLoopOp) close() {
	o.outer.close()
	o.inner.close()
	o.running = false
}

func (o *nestLoopOp) next() (*types.Batch, error) {
	for {
		if err := o.st.interrupted(); err != nil {
			return nil, err
		}
		o.p.reset()
		o.store.reset()
		if o.cur == nil {
			b, err := o.outer.next()
			if err != nil || b == nil {
				return nil, err
			}
			if b.Rows() == 0 {
				continue
			}
			o.cur, o.curSel, o.at = b, selection(b), 0
		}
		if err := o.fill(); err != nil {
			return nil, err
		}
		l, r, err := settlePairs(o.p, o.cur, o.store, o.kind, &o.hit, nil, &o.lbuf, &o.rbuf)
		if err != nil {
			return nil, err
		}
		cur := o.cur
		if o.at >= len(o.curSel) {
			o.cur = nil
		} else if o.running && o.once && o.hit {
			o.stop() // the rest of this inner run cannot add anything
		}
		if len(l) == 0 {
			continue
		}
		out, err := o.p.output(cur, o.store, l, r)
		if err != nil || out != nil {
			return out, err
		}
	}
}

// stop ends the inner run for the outer row at hand; its end is noted in the next round.
func (o *nestLoopOp) stop() {
	o.pend = emptyRun
	o.pendAt = 0
}

// emptyRun stands for an inner run that was cut off.
var emptyRun = &types.Batch{}

// fill gathers candidates until the batch of pairs is full, the outer batch is used up, or the quals should be looked at.
func (o *nestLoopOp) fill() error {
	p := o.p
	for !p.full() {
		row := o.curSel[o.at]
		if !o.running {
			o.env = rowEnv{b: o.cur, pos: int(row)}
			for _, np := range o.params {
				d, err := np.value.row(&o.env)
				if err != nil {
					return err
				}
				o.st.setParam(np.slot, d)
			}
			if err := o.inner.open(); err != nil {
				return err
			}
			o.running, o.pend, o.run = true, nil, 0
		}
		if o.pend == nil {
			b, err := o.inner.next()
			if err != nil {
				return err
			}
			if b != nil {
				o.pend, o.pendAt = b, 0
			}
		}
		if o.pend == nil || o.pend == emptyRun {
			o.inner.close()
			o.running, o.pend = false, nil
			p.add(row, -2)
			if o.at++; o.at >= len(o.curSel) {
				return nil
			}
			continue
		}
		sel := selection(o.pend)[o.pendAt:]
		n := min(len(sel), p.room())
		if o.once && p.quals == nil {
			n = min(n, 1)
		}
		from := o.store.n
		for _, k := range o.need {
			o.store.cols[k].appendVec(o.pend.Cols[k], sel[:n])
		}
		o.store.n += n
		for i := range n {
			p.add(row, int32(from+i))
		}
		o.pendAt += n
		o.run += n
		if o.once && p.quals == nil && n > 0 {
			o.pend = emptyRun
			continue
		}
		if n == len(sel) {
			o.pend = nil
		}
		if o.eager && o.run >= eagerRows {
			o.run = 0
			return nil
		}
	}
	return nil
}

// memoizeOp caches the rows of its input by the values of its keys.
type memoizeOp struct {
	st    *state
	in    operator
	keys  []expr
	types []keyType
	oids  []types.OID
	cols  []types.T
	deps  []int // parameters other than the keys
	stats *NodeStats

	entries  map[string]*memoEntry
	lru      *list.List
	bytes    int64
	gen, ver uint64

	cur   *memoEntry // being read, or being filled
	fill  bool
	rd    *storeReader
	buf   []byte
	skip  bool // the entry has become too large: pass rows through
	open_ bool
}

type memoEntry struct {
	key   string
	rows  *rowStore
	where *list.Element
}

func (b *builder) memoize(n *plan.Memoize) (operator, error) {
	in, err := b.build(n.Outer)
	if err != nil {
		return nil, err
	}
	o := &memoizeOp{st: b.st, in: in, cols: typesOf(n.Outer), stats: b.statsOf(n), lru: list.New(), entries: map[string]*memoEntry{}}
	c := b.c.binding(noColumns)
	if o.keys, _, err = c.list(n.Keys); err != nil {
		return nil, err
	}
	isKey := map[int]bool{}
	for _, k := range n.Keys {
		o.types = append(o.types, keyTypeOf(k.Type(), b.c.io))
		o.oids = append(o.oids, types.StandIn(b.c.io, k.Type().OID))
		if p, ok := k.(*tree.Param); ok && p.Kind == tree.ParamExec {
			isKey[p.ID] = true
		}
	}
	for _, d := range b.dependencies(n.Outer) {
		if !isKey[d] {
			o.deps = append(o.deps, d)
		}
	}
	return o, nil
}

func (o *memoizeOp) open() error {
	if ver := o.st.newest(o.deps); o.gen != o.st.gen || o.ver != ver {
		o.reset()
		o.gen, o.ver = o.st.gen, ver
	}
	o.abandon()
	o.buf = o.buf[:0]
	env := &rowEnv{}
	for i, k := range o.keys {
		d, err := k.row(env)
		if err != nil {
			return err
		}
		switch {
		case d.Null:
			o.buf = append(o.buf, 0)
		case o.types[i].kind == keyInt:
			o.buf = binary.LittleEndian.AppendUint64(append(o.buf, 1), uint64(d.I))
		default:
			o.buf = types.AppendKey(append(o.buf, 1), o.oids[i], d, false, false)
		}
	}
	if e := o.entries[string(o.buf)]; e != nil {
		if o.stats != nil {
			o.stats.CacheHits++
		}
		o.lru.MoveToFront(e.where)
		o.cur, o.fill, o.skip = e, false, false
		o.rd = newStoreReader(e.rows, o.cols)
		return nil
	}
	if o.stats != nil {
		o.stats.CacheMisses++
	}
	o.cur, o.fill, o.skip = &memoEntry{key: string(o.buf), rows: newRowStore(o.cols, &o.st.io)}, true, false
	o.open_ = true
	return o.in.open()
}

func (o *memoizeOp) next() (*types.Batch, error) {
	if !o.fill {
		if o.cur == nil {
			return nil, nil
		}
		return o.rd.next(o.cur.rows.n), nil
	}
	b, err := o.in.next()
	if err != nil {
		return nil, err
	}
	if b == nil {
		o.keep()
		return nil, nil
	}
	if !o.skip {
		o.cur.rows.appendBatch(b)
		if o.cur.rows.n > memoizeEntryMax || o.cur.rows.bytes > o.st.ctx.hashMem()/2 {
			o.skip = true
			o.cur.rows.free()
			if o.stats != nil {
				o.stats.CacheOverflows++
			}
		}
	}
	return b, nil
}

// keep files the complete entry.
func (o *memoizeOp) keep() {
	e := o.cur
	o.cur, o.fill = nil, false
	if e == nil || o.skip {
		return
	}
	e.where = o.lru.PushFront(e)
	o.entries[e.key] = e
	o.bytes += e.size()
	for o.bytes > o.st.ctx.hashMem() && o.lru.Len() > 1 {
		old := o.lru.Remove(o.lru.Back()).(*memoEntry)
		delete(o.entries, old.key)
		o.bytes -= old.size()
		if o.stats != nil {
			o.stats.CacheEvictions++
		}
	}
	if o.stats != nil {
		o.stats.SpaceKB = max(o.stats.SpaceKB, (o.bytes+1023)>>10)
	}
}

func (e *memoEntry) size() int64 { return e.rows.bytes + int64(len(e.key)) + 200 }

// abandon drops an entry that was not read to its end.
func (o *memoizeOp) abandon() {
	o.cur, o.fill = nil, false
	if o.open_ {
		o.open_ = false
		o.in.close()
	}
}

func (o *memoizeOp) close() { o.abandon() }

func (o *memoizeOp) reset() {
	clear(o.entries)
	o.lru.Init()
	o.bytes = 0
}
