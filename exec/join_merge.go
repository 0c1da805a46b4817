package exec

import (
	"kimberlite/exec/plan"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// mergeJoinOp is a MergeJoin node: both inputs come sorted by the keys. The inner rows with the key at hand (the group) are kept in a
// store, so that every outer row with that key can be joined with them.
type mergeJoinOp struct {
	st           *state
	kind         tree.JoinType
	p            *pairs
	outer, inner mergeInput
	keys         []sortKey
	store        *rowStore
	unique       bool

	from, to int // the group in the store
	group    []types.Datum
	have     bool // there is a group
	matched  types.Bitmap
	lead     []types.Datum // the outer row's key
	loaded   bool          // lead belongs to the outer row at hand
	cand     int           // next row of the group for the outer row at hand
	joining  bool
	drain    int // unmatched group rows being put out: next row; -1 none
	ended    bool
	hit      bool
	lbuf     []int32
	rbuf     []int32
	direct   bool // the pairs at hand need no quals
	empty    *types.Batch
}

// mergeInput is one sorted side.
type mergeInput struct {
	op   operator
	keys []expr
	b    *types.Batch
	sel  []int32
	at   int
	vecs []*types.Vec
	done bool
}

func (b *builder) mergeJoin(n *plan.MergeJoin) (operator, error) {
	outer, err := b.build(n.Outer)
	if err != nil {
		return nil, err
	}
	inner, err := b.build(n.Inner)
	if err != nil {
		return nil, err
	}
	o := &mergeJoinOp{st: b.st, kind: n.Kind, unique: n.InnerUnique, store: newRowStore(typesOf(n.Inner), b.c.io)}
	o.outer.op, o.inner.op = outer, inner
	if o.outer.keys, _, err = b.c.binding(columnsOf(plan.OuterVar)).list(n.OuterKeys); err != nil {
		return nil, err
	}
	ic := b.c.binding(func(v *tree.Var) (expr, error) {
		if v.VarNo != plan.InnerVar && v.VarNo != plan.OuterVar || v.AttNo < 1 {
			return nil, pgerr.Internal("column %d of input %d in a merge key", v.AttNo, v.VarNo)
		}
		return &varExpr{col: v.AttNo - 1}, nil
	})
	if o.inner.keys, _, err = ic.list(n.InnerKeys); err != nil {
		return nil, err
	}
	for i, k := range n.OuterKeys {
		key := sortKey{t: keyTypeOf(k.Type(), b.c.io)}
		if i < len(n.Sort) {
			key.desc, key.nullsFirst = n.Sort[i].Desc, n.Sort[i].NullsFirst
		}
		o.keys = append(o.keys, key)
	}
	o.group, o.lead = make([]types.Datum, len(o.keys)), make([]types.Datum, len(o.keys))
	o.outer.vecs, o.inner.vecs = make([]*types.Vec, len(o.keys)), make([]*types.Vec, len(o.keys))
	if o.p, err = b.joined(&n.Join, n); err != nil {
		return nil, err
	}
	o.empty = emptyBatch(typesOf(n.Outer), b.c.io)
	return o, nil
}

func (o *mergeJoinOp) open() error {
	o.have, o.loaded, o.joining, o.ended, o.hit, o.drain = false, false, false, false, false, -1
	o.from, o.to = 0, 0
	o.store.reset()
	o.outer.b, o.outer.done = nil, false
	o.inner.b, o.inner.done = nil, false
	if err := o.outer.op.open(); err != nil {
		return err
	}
	return o.inner.op.open()
}

func (o *mergeJoinOp) close() {
	o.outer.op.close()
	o.inner.op.close()
}

// fetch makes sure that the input stands on a row; false at its end.
func (in *mergeInput) fetch() (bool, error) {
	for in.b == nil || in.at >= len(in.sel) {
		if in.done {
			return false, nil
		}
		b, err := in.op.next()
		if err != nil {
			return false, err
		}
		if b == nil {
			in.done, in.b = true, nil
			return false, nil
		}
		in.b, in.sel, in.at = b, selection(b), 0
		if len(in.sel) == 0 {
			continue
		}
		for i, k := range in.keys {
			if in.vecs[i], err = k.vec(b, in.sel); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// key reads the key of the row at hand; null says that a part is NULL.
func (in *mergeInput) key(dst []types.Datum) (null bool) {
	r := int(in.sel[in.at])
	for i, v := range in.vecs {
		dst[i] = v.Datum(r)
		null = null || dst[i].Null
	}
	return null
}

func (o *mergeJoinOp) compare(a, b []types.Datum) int {
	for i := range o.keys {
		if c := o.keys[i].compare(a[i], b[i]); c != 0 {
			return c
		}
	}
	return 0
}

func (o *mergeJoinOp) next() (*types.Batch, error) {
	for {
		if err := o.st.interrupted(); err != nil {
			return nil, err
		}
		o.p.reset()
		o.direct = o.p.quals == nil
		cur, err := o.fill()
		if err != nil {
			return nil, err
		}
		if len(o.p.l) == 0 {
			if o.ended {
				return nil, nil
			}
			continue
		}
		l, r := o.p.l, o.p.r
		if !o.direct {
			if l, r, err = settlePairs(o.p, cur, o.store, o.kind, &o.hit, o.marks(), &o.lbuf, &o.rbuf); err != nil {
				return nil, err
			}
			if len(l) == 0 {
				continue
			}
		}
		out, err := o.p.output(cur, o.store, l, r)
		if err != nil || out != nil {
			return out, err
		}
	}
}

func (o *mergeJoinOp) marks() types.Bitmap {
	if !keepsInner(o.kind) {
		return nil
	}
	return o.matched
}

// emitInner reports whether unmatched inner rows are wanted.
func (o *mergeJoinOp) emitInner() bool { return keepsInner(o.kind) }

// fill gathers pairs of one outer batch. With quals, a list of unmatched inner rows is put out by itself (direct).
func (o *mergeJoinOp) fill() (*types.Batch, error) {
	p := o.p
	cur := o.outer.b
	for !p.full() {
		if o.drain >= 0 {
			if p.quals != nil && !o.direct {
				if len(p.l) > 0 {
					return cur, nil // settle first: the matches decide what is unmatched
				}
				o.direct = true
			}
			if o.drainGroup() {
				continue
			}
			if p.quals != nil {
				return o.orEmpty(cur), nil
			}
			continue
		}
		ok, err := o.outer.fetch()
		if err != nil {
			return nil, err
		}
		if o.outer.b != cur {
			// Pairs of the batch before were handed out already: fetch only moves on when they are.
			cur = o.outer.b
		}
		if !ok {
			if o.have && o.emitInner() {
				o.leaveGroup()
				continue
			}
			if o.emitInner() {
				more, err := o.restInner()
				if err != nil {
					return nil, err
				}
				if more {
					continue
				}
			}
			o.ended = true
			return o.orEmpty(cur), nil
		}
		row := o.outer.sel[o.outer.at]
		if !o.loaded {
			null := o.outer.key(o.lead)
			o.loaded = true
			o.joining = false
			if !null {
				match, err := o.seek()
				if err != nil {
					return nil, err
				}
				if o.drain >= 0 {
					o.loaded = false // come back to this row
					continue
				}
				if match {
					o.joining, o.cand = true, o.from
					if o.direct && o.kind == tree.JoinAnti {
						o.joining, o.hit = false, true
					}
				}
			}
		}
		if o.joining {
			one := o.direct && (o.kind == tree.JoinSemi || o.unique)
			for o.cand < o.to && !p.full() {
				p.add(row, int32(o.cand))
				if o.direct {
					o.hit = true
					if o.emitInner() {
						o.mark(o.cand)
					}
				}
				o.cand++
				if one {
					o.cand = o.to
				}
			}
			if o.cand < o.to {
				return cur, nil
			}
		}
		if p.full() {
			return cur, nil
		}
		if !o.direct {
			p.add(row, -2)
		} else {
			if !o.hit && keepsOuter(o.kind) {
				p.add(row, -1)
			}
			o.hit = false
		}
		o.loaded = false
		o.outer.at++
		if o.outer.at >= len(o.outer.sel) {
			return cur, nil // the pairs refer to this batch
		}
	}
	return o.orEmpty(cur), nil
}

func (o *mergeJoinOp) orEmpty(b *types.Batch) *types.Batch {
	if b == nil {
		return o.empty
	}
	return b
}

func (o *mergeJoinOp) mark(i int) {
	for len(o.matched) <= i>>6 {
		o.matched = append(o.matched, 0)
	}
	o.matched[i>>6] |= 1 << (uint(i) & 63)
}

// leaveGroup ends the group; its unmatched rows are put out when the join wants them.
func (o *mergeJoinOp) leaveGroup() {
	o.have = false
	if o.emitInner() {
		o.drain = o.from
	}
}

// drainGroup adds unmatched rows of the group; false when there are no more.
func (o *mergeJoinOp) drainGroup() bool {
	for o.drain < o.to && !o.p.full() {
		if !o.matched.Get(o.drain) {
			o.p.add(-1, int32(o.drain))
		}
		o.drain++
	}
	if o.drain < o.to {
		return true
	}
	o.drain = -1
	return false
}

// seek moves the inner side to the key of the outer row: true when there is a group with it. It may leave a group instead, whose rows must
// be drained before it is called again.
func (o *mergeJoinOp) seek() (bool, error) {
	if o.have {
		switch c := o.compare(o.lead, o.group); {
		case c == 0:
			return true, nil
		case c < 0:
			return false, nil
		}
		o.leaveGroup()
		if o.drain >= 0 {
			return false, nil
		}
	}
	for {
		loaded, null, err := o.loadGroup()
		if err != nil || !loaded {
			return false, err
		}
		if null {
			o.leaveGroup()
			if o.drain >= 0 {
				return false, nil
			}
			continue
		}
		switch c := o.compare(o.lead, o.group); {
		case c == 0:
			return true, nil
		case c < 0:
			return false, nil
		}
		o.leaveGroup()
		if o.drain >= 0 {
			return false, nil
		}
		o.store.truncate(o.from) // passed over: no pair refers to it
	}
}

// loadGroup reads the next inner rows with one key into the store. A row whose key has a NULL is a group by itself that nothing matches.
func (o *mergeJoinOp) loadGroup() (loaded, null bool, err error) {
	ok, err := o.inner.fetch()
	if err != nil || !ok {
		return false, false, err
	}
	if len(o.p.l) == 0 && o.store.n > 0 {
		o.store.reset() // no pair at hand refers to older groups
	}
	o.from = o.store.n
	null = o.inner.key(o.group)
	next := make([]types.Datum, len(o.keys))
	for {
		one := [1]int32{o.inner.sel[o.inner.at]}
		o.store.appendSel(o.inner.b, one[:])
		o.inner.at++
		if null {
			break
		}
		ok, err := o.inner.fetch()
		if err != nil {
			return false, false, err
		}
		if !ok {
			break
		}
		if o.inner.key(next) || o.compare(next, o.group) != 0 {
			break
		}
	}
	o.to = o.store.n
	o.have = true
	if o.emitInner() {
		for len(o.matched) <= o.to>>6 {
			o.matched = append(o.matched, 0)
		}
		for i := o.from; i < o.to; i++ {
			o.matched[i>>6] &^= 1 << (uint(i) & 63)
		}
	}
	return true, null, nil
}

// restInner loads what is left of the inner side after the outer side has ended, to be drained.
func (o *mergeJoinOp) restInner() (bool, error) {
	loaded, _, err := o.loadGroup()
	if err != nil || !loaded {
		return false, err
	}
	o.leaveGroup()
	return true, nil
}
