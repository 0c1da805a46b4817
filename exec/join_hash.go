package exec

import (
	"kimberlite/exec/plan"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// hashTable is the build side of a hash join: rows with their keys and hash, chained by bucket. Rows with a NULL key are kept
// out of the chains; they only matter to joins that return unmatched inner rows.
type hashTable struct {
	rows  *rowStore
	keys  []column
	types []keyType
	sums  []uint64
	next  []int32 // chain: row+1 of the next row in the bucket
	heads []int32
	mask  uint64
	built int // rows chained
	buf   []uint64
	bytes int64
}

func newHashTable(cols, keys []types.T, io *types.Ctx) *hashTable {
	t := &hashTable{rows: newRowStore(cols, io), keys: make([]column, len(keys))}
	for i, k := range keys {
		t.types = append(t.types, keyTypeOf(k, io))
		t.keys[i].class = t.types[i].class
	}
	return t
}

func (t *hashTable) reset() {
	if t.bytes > 1<<20 {
		t.rows.free()
		for i := range t.keys {
			t.keys[i] = column{class: t.keys[i].class}
		}
		t.sums, t.next, t.heads = nil, nil, nil
	} else {
		t.rows.reset()
		for i := range t.keys {
			t.keys[i].reset()
		}
		t.sums, t.next = t.sums[:0], t.next[:0]
	}
	t.built, t.bytes = 0, 0
}

// hash computes the hashes of key vectors.
func hashKeys(ts []keyType, keys []*types.Vec, sel []int32, buf []uint64) []uint64 {
	if cap(buf) < len(sel) {
		buf = make([]uint64, max(len(sel), types.BatchRows))
	}
	buf = buf[:len(sel)]
	for i := range ts {
		ts[i].hashColumn(keys[i], sel, buf, i == 0)
	}
	if len(ts) == 0 {
		clear(buf)
	}
	return buf
}

func (t *hashTable) add(cols, keys []*types.Vec, sel []int32, sums []uint64) {
	for i := range t.rows.cols {
		t.rows.bytes += t.rows.cols[i].appendVec(cols[i], sel)
	}
	t.rows.n += len(sel)
	for i := range t.keys {
		t.bytes += t.keys[i].appendVec(keys[i], sel)
	}
	t.sums = append(t.sums, sums...)
	t.bytes += int64(len(sel)) * 20
}

func (t *hashTable) memory() int64 { return t.bytes + t.rows.bytes }

// build chains all rows, the last ones first in their buckets, as PostgreSQL does.
func (t *hashTable) build() {
	n := 256
	for n < t.rows.n+t.rows.n/2 {
		n *= 2
	}
	if cap(t.heads) < n {
		t.heads = make([]int32, n)
	} else {
		t.heads = t.heads[:n]
		clear(t.heads)
	}
	t.mask = uint64(n - 1)
	if cap(t.next) < t.rows.n {
		t.next = make([]int32, t.rows.n)
	}
	t.next = t.next[:t.rows.n]
	for i := range t.rows.n {
		if t.nullKey(i) {
			continue
		}
		at := t.sums[i] & t.mask
		t.next[i] = t.heads[at]
		t.heads[at] = int32(i + 1)
	}
	t.built = t.rows.n
}

func (t *hashTable) nullKey(i int) bool {
	for k := range t.keys {
		if t.keys[k].isNull(i) {
			return true
		}
	}
	return false
}

// equal compares the keys of row i with those of outer row r.
func (t *hashTable) equal(i int32, keys []*types.Vec, r int32) bool {
	for k := range t.keys {
		c, v := &t.keys[k], keys[k]
		switch t.types[k].kind {
		case keyInt:
			if c.fix[i] != v.Fix[r] {
				return false
			}
		case keyString:
			if c.str[i] != v.Str[r] {
				return false
			}
		default:
			if !t.types[k].equal(c.datum(int(i)), v.Datum(int(r))) {
				return false
			}
		}
	}
	return true
}

// hashJoinOp is a HashJoin node. The inner side is read first. When it outgrows its memory, both sides are split by hash into files and the
// pairs of files joined one after the other.
type hashJoinOp struct {
	st           *state
	outer, inner operator
	kind         tree.JoinType
	p            *pairs
	ht           *hashTable
	outerKeys    []expr
	innerKeys    []expr
	outerTypes   []keyType
	innerCols    []types.T
	outerCols    []types.T
	deps         []int
	unique       bool
	stats        *NodeStats

	// The table holds the whole inner side for execution gen and parameters at ver.
	valid    bool
	gen, ver uint64
	matched  types.Bitmap // inner rows that found a match, for right, full and right-semi joins

	phase   hashPhase
	cur     *types.Batch // outer batch at hand
	curSel  []int32
	keyVecs []*types.Vec
	sums    []uint64
	at      int   // position in curSel
	chain   int32 // next candidate of the outer row at hand, row+1; 0: none
	hit     bool  // the outer row at hand has matched (in an earlier round)
	began   bool  // the outer row at hand has been started
	scan    int   // unmatched inner rows handed out

	parts   []joinPart // files still to be joined
	inW     []*spillWriter
	outW    []*spillWriter
	depth   int
	outRead *spillReader // outer side of the partition at hand
	part    *joinPart
	outs    []int32
	outsR   []int32
	split   [][]int32
	empty   *types.Batch
}

type joinPart struct {
	in, out *spillWriter
	depth   int
}

type hashPhase uint8

const (
	hashProbe hashPhase = iota
	hashRest            // unmatched inner rows
	hashNext            // next partition
	hashDone
)

func (b *builder) hashJoin(n *plan.HashJoin) (operator, error) {
	outer, err := b.build(n.Outer)
	if err != nil {
		return nil, err
	}
	inner, err := b.build(n.Inner)
	if err != nil {
		return nil, err
	}
	o := &hashJoinOp{
		st: b.st, outer: outer, inner: inner, kind: n.Kind, deps: b.dependencies(n.Inner), unique: n.InnerUnique,
		innerCols: typesOf(n.Inner), outerCols: typesOf(n.Outer), stats: b.statsOf(n.Inner),
	}
	oc := b.c.binding(columnsOf(plan.OuterVar))
	if o.outerKeys, _, err = oc.list(n.OuterKeys); err != nil {
		return nil, err
	}
	ic := b.c.binding(func(v *tree.Var) (expr, error) { // the keys are written for the join or for the Hash below
		if v.VarNo != plan.InnerVar && v.VarNo != plan.OuterVar || v.AttNo < 1 {
			return nil, pgerr.Internal("column %d of input %d in a hash key", v.AttNo, v.VarNo)
		}
		return &varExpr{col: v.AttNo - 1}, nil
	})
	if o.innerKeys, _, err = ic.list(n.InnerKeys); err != nil {
		return nil, err
	}
	var keys []types.T
	for i, k := range n.InnerKeys {
		keys = append(keys, k.Type())
		o.outerTypes = append(o.outerTypes, keyTypeOf(n.OuterKeys[i].Type(), b.c.io))
	}
	o.ht = newHashTable(o.innerCols, keys, b.c.io)
	o.keyVecs = make([]*types.Vec, len(keys))
	o.p, err = b.joined(&n.Join, n)
	return o, err
}

func (o *hashJoinOp) open() error {
	o.phase, o.cur, o.chain, o.began, o.hit, o.scan, o.outRead, o.depth = hashProbe, nil, 0, false, false, 0, nil, 0
	o.closeParts()
	ver := o.st.newest(o.deps)
	if !o.valid || o.gen != o.st.gen || o.ver != ver {
		o.valid = false
		o.ht.reset()
		if err := o.readInner(); err != nil {
			return err
		}
		if o.inW == nil {
			o.ht.build()
			o.valid, o.gen, o.ver = true, o.st.gen, ver
		}
		if o.stats != nil {
			o.stats.Buckets, o.stats.Batches = int64(len(o.ht.heads)), 1
			o.stats.SpaceKB = max(o.stats.SpaceKB, (o.ht.memory()+1023)>>10)
			if o.inW != nil {
				o.stats.Batches = spillPartitions
			}
		}
	}
	o.resetMatched()
	if o.inW == nil && o.ht.rows.n == 0 && !keepsOuter(o.kind) {
		o.phase = hashDone // nothing can match: the outer side need not run
		return nil
	}
	return o.outer.open()
}

func (o *hashJoinOp) resetMatched() {
	if !keepsInner(o.kind) && o.kind != tree.JoinRightSemi {
		return
	}
	n := (o.ht.rows.n + 63) / 64
	if cap(o.matched) < n {
		o.matched = make(types.Bitmap, n)
	} else {
		o.matched = o.matched[:n]
		clear(o.matched)
	}
}

// keys evaluates key expressions.
func (o *hashJoinOp) keys(xs []expr, b *types.Batch, sel []int32) error {
	for i, x := range xs {
		v, err := x.vec(b, sel)
		if err != nil {
			return err
		}
		o.keyVecs[i] = v
	}
	return nil
}

// readInner builds the table, or splits the inner side into files.
func (o *hashJoinOp) readInner() error {
	if err := o.inner.open(); err != nil {
		return err
	}
	defer o.inner.close()
	for {
		if err := o.st.interrupted(); err != nil {
			return err
		}
		b, err := o.inner.next()
		if err != nil {
			return err
		}
		if b == nil {
			break
		}
		sel := selection(b)
		if len(sel) == 0 {
			continue
		}
		if err := o.addInner(b, sel); err != nil {
			return err
		}
	}
	return nil
}

func (o *hashJoinOp) addInner(b *types.Batch, sel []int32) error {
	if err := o.keys(o.innerKeys, b, sel); err != nil {
		return err
	}
	sums := hashKeys(o.ht.types, o.keyVecs, sel, o.ht.buf)
	o.ht.buf = sums
	if o.inW != nil {
		return o.scatter(o.inW, b, sel, sums)
	}
	o.ht.add(b.Cols, o.keyVecs, sel, sums)
	if o.ht.memory() > o.st.ctx.hashMem() && o.depth < spillDepthMax {
		return o.startSpill()
	}
	return nil
}

// startSpill moves the rows read so far to files.
func (o *hashJoinOp) startSpill() error {
	var err error
	if o.inW, err = o.writers(o.innerCols); err != nil {
		return err
	}
	rd := newStoreReader(o.ht.rows, o.innerCols)
	for {
		from := rd.at
		b := rd.next(o.ht.rows.n)
		if b == nil {
			break
		}
		if err := o.scatter(o.inW, b, identity[:b.N], o.ht.sums[from:from+b.N]); err != nil {
			return err
		}
	}
	o.ht.reset()
	return nil
}

func (o *hashJoinOp) writers(cols []types.T) ([]*spillWriter, error) {
	ws := make([]*spillWriter, spillPartitions)
	for i := range ws {
		w, err := o.st.temp.newWriter(cols)
		if err != nil {
			return nil, err
		}
		ws[i] = w
	}
	return ws, nil
}

// scatter writes rows to the file of their hash.
func (o *hashJoinOp) scatter(ws []*spillWriter, b *types.Batch, sel []int32, sums []uint64) error {
	if o.split == nil {
		o.split = make([][]int32, spillPartitions)
	}
	for i := range o.split {
		o.split[i] = o.split[i][:0]
	}
	shift := 59 - 5*o.depth
	for i, r := range sel {
		p := sums[i] >> shift & (spillPartitions - 1)
		o.split[p] = append(o.split[p], r)
	}
	for p, rows := range o.split {
		if len(rows) > 0 {
			if err := ws[p].add(b.Cols, rows); err != nil {
				return err
			}
		}
	}
	return nil
}

func (o *hashJoinOp) next() (*types.Batch, error) {
	for {
		switch o.phase {
		case hashProbe:
			if o.inW != nil {
				if err := o.splitOuter(); err != nil {
					return nil, err
				}
				o.phase = hashNext
				continue
			}
			b, err := o.probe()
			if err != nil || b != nil {
				return b, err
			}
			o.phase = hashNext
			if keepsInner(o.kind) {
				o.phase, o.scan = hashRest, 0
			}
		case hashRest:
			b, err := o.rest()
			if err != nil || b != nil {
				return b, err
			}
			o.phase = hashNext
		case hashNext:
			more, err := o.nextPart()
			if err != nil {
				return nil, err
			}
			o.phase = hashDone
			if more {
				o.phase = hashProbe
			}
		default:
			return nil, nil
		}
	}
}

// splitOuter writes the outer side to files and pairs them with those of the inner side.
func (o *hashJoinOp) splitOuter() error {
	var err error
	if o.outW, err = o.writers(o.outerCols); err != nil {
		return err
	}
	for {
		if err := o.st.interrupted(); err != nil {
			return err
		}
		b, err := o.nextOuter()
		if err != nil {
			return err
		}
		if b == nil {
			break
		}
		sel := selection(b)
		if err := o.keys(o.outerKeys, b, sel); err != nil {
			return err
		}
		o.sums = hashKeys(o.outerTypes, o.keyVecs, sel, o.sums)
		if err := o.scatter(o.outW, b, sel, o.sums); err != nil {
			return err
		}
	}
	for i := range o.inW {
		if err := o.inW[i].flush(); err != nil {
			return err
		}
		if err := o.outW[i].flush(); err != nil {
			return err
		}
		part := joinPart{in: o.inW[i], out: o.outW[i], depth: o.depth + 1}
		if part.out.file.rows == 0 && !keepsInner(o.kind) || part.in.file.rows == 0 && !keepsOuter(o.kind) {
			part.in.close()
			part.out.close()
			continue
		}
		o.parts = append(o.parts, part)
	}
	o.inW, o.outW = nil, nil
	return nil
}

func (o *hashJoinOp) nextOuter() (*types.Batch, error) {
	if o.outRead != nil {
		return o.outRead.next()
	}
	return o.outer.next()
}

// nextPart loads the next pair of files.
func (o *hashJoinOp) nextPart() (bool, error) {
	if o.part != nil {
		o.part.in.close()
		o.part.out.close()
		o.part = nil
	}
	if len(o.parts) == 0 {
		return false, nil
	}
	part := o.parts[0]
	o.parts = o.parts[1:]
	o.part, o.depth = &part, part.depth
	o.ht.reset()
	rd, err := part.in.file.reader()
	if err != nil {
		return false, err
	}
	for {
		b, err := rd.next()
		if err != nil {
			return false, err
		}
		if b == nil {
			break
		}
		if err := o.addInner(b, selection(b)); err != nil {
			return false, err
		}
	}
	if o.outRead, err = part.out.file.reader(); err != nil {
		return false, err
	}
	if o.inW == nil {
		o.ht.build()
		o.resetMatched()
	}
	o.cur, o.chain, o.began, o.hit = nil, 0, false, false
	return true, nil
}

// probe joins outer rows until a batch of output is ready; nil at the end of the outer side.
func (o *hashJoinOp) probe() (*types.Batch, error) {
	for {
		if o.cur == nil {
			if err := o.st.interrupted(); err != nil {
				return nil, err
			}
			b, err := o.nextOuter()
			if err != nil || b == nil {
				return nil, err
			}
			sel := selection(b)
			if len(sel) == 0 {
				continue
			}
			if err := o.keys(o.outerKeys, b, sel); err != nil {
				return nil, err
			}
			o.sums = hashKeys(o.outerTypes, o.keyVecs, sel, o.sums)
			o.cur, o.curSel, o.at, o.began = b, sel, 0, false
		}
		if o.p.quals == nil {
			o.matchSimple()
		} else {
			o.candidates()
		}
		l, r, err := o.settle()
		if err != nil {
			return nil, err
		}
		cur := o.cur
		if o.at >= len(o.curSel) {
			o.cur = nil
		}
		if len(l) == 0 {
			continue
		}
		out, err := o.p.output(cur, o.ht.rows, l, r)
		if err != nil || out != nil {
			return out, err
		}
	}
}

// matchSimple finds the pairs when equal keys are all that matters. It stops when the pairs fill a batch.
func (o *hashJoinOp) matchSimple() {
	p, t := o.p, o.ht
	p.reset()
	once := o.kind == tree.JoinSemi || o.kind == tree.JoinAnti || o.unique && !keepsInner(o.kind)
	mark := keepsInner(o.kind)
	for ; o.at < len(o.curSel); o.at++ {
		r := o.curSel[o.at]
		if !o.began {
			o.began, o.hit, o.chain = true, false, 0
			if t.built > 0 && !o.nullOuter(r) {
				o.chain = t.heads[o.sums[o.at]&t.mask]
			}
		}
		for o.chain != 0 {
			i := o.chain - 1
			if t.sums[i] == o.sums[o.at] && t.equal(i, o.keyVecs, r) {
				if o.kind == tree.JoinAnti {
					o.hit = true
					break
				}
				if p.full() {
					return
				}
				if o.kind == tree.JoinRightSemi {
					if o.matched.Get(int(i)) {
						o.chain = t.next[i]
						continue
					}
					o.matched[i>>6] |= 1 << (uint(i) & 63)
				}
				o.hit = true
				p.add(r, i)
				if mark {
					o.matched[i>>6] |= 1 << (uint(i) & 63)
				}
				if once {
					break
				}
			}
			o.chain = t.next[i]
		}
		if !o.hit && keepsOuter(o.kind) {
			if p.full() {
				o.chain = 0
				return
			}
			p.add(r, -1)
		}
		o.began = false
	}
}

func (o *hashJoinOp) nullOuter(r int32) bool {
	for _, v := range o.keyVecs {
		if v.Nulls != nil && v.Nulls.Get(int(r)) {
			return true
		}
	}
	return false
}

// candidates finds pairs with equal keys, on which the join quals have the last word (settle); hit is settle's.
func (o *hashJoinOp) candidates() {
	p, t := o.p, o.ht
	p.reset()
	for ; o.at < len(o.curSel); o.at++ {
		r := o.curSel[o.at]
		if !o.began {
			o.began, o.chain = true, 0
			if t.built > 0 && !o.nullOuter(r) {
				o.chain = t.heads[o.sums[o.at]&t.mask]
			}
		}
		for o.chain != 0 {
			if p.full() {
				return
			}
			i := o.chain - 1
			o.chain = t.next[i]
			if t.sums[i] == o.sums[o.at] && t.equal(i, o.keyVecs, r) {
				p.add(r, i)
			}
		}
		if p.full() { // leave room to note that the row is finished: it is looked at again with an empty chain
			return
		}
		o.began = false
		p.add(r, -2) // the end of the row's candidates
	}
}

// settle applies the join quals and the kind of join to the candidates and returns the pairs to put out.
func (o *hashJoinOp) settle() (l, r []int32, err error) {
	p := o.p
	if p.quals == nil {
		return p.l, p.r, nil
	}
	return settlePairs(p, o.cur, o.ht.rows, o.kind, &o.hit, o.matched, &o.outs, &o.outsR)
}

// settlePairs decides about candidates in order. A pair (row, -2) ends the candidates of an outer row; hit carries whether the outer row at the start
// or the end of the list, which may continue in another list, has matched.
func settlePairs(p *pairs, outer *types.Batch, inner *rowStore, kind tree.JoinType, hit *bool, matched types.Bitmap, lbuf, rbuf *[]int32) (l, r []int32, err error) {
	// Quals are evaluated over real pairs only.
	l, r = (*lbuf)[:0], (*rbuf)[:0]
	allL, allR := p.l, p.r
	realL, realR := p.realL[:0], p.realR[:0]
	for i := range allL {
		if allR[i] != -2 {
			realL, realR = append(realL, allL[i]), append(realR, allR[i])
		}
	}
	p.realL, p.realR = realL, realR
	p.l, p.r = realL, realR
	pass, err := p.check(outer, inner)
	p.l, p.r = allL, allR
	if err != nil {
		return nil, nil, err
	}
	k, n := 0, int32(0) // next passing position; number of the real pair
	for i := range allL {
		if allR[i] == -2 {
			if !*hit && keepsOuter(kind) {
				l, r = append(l, allL[i]), append(r, -1)
			}
			*hit = false
			continue
		}
		ok := k < len(pass) && pass[k] == n
		n++
		if !ok {
			continue
		}
		k++
		in := allR[i]
		switch kind {
		case tree.JoinAnti:
			*hit = true
			continue
		case tree.JoinSemi:
			if *hit {
				continue
			}
		case tree.JoinRightSemi:
			if matched.Get(int(in)) {
				continue
			}
		}
		*hit = true
		if matched != nil {
			matched[in>>6] |= 1 << (uint(in) & 63)
		}
		l, r = append(l, allL[i]), append(r, in)
	}
	*lbuf, *rbuf = l, r
	return l, r, nil
}

// rest hands out the inner rows without a match.
func (o *hashJoinOp) rest() (*types.Batch, error) {
	for o.scan < o.ht.rows.n {
		o.outs, o.outsR = o.outs[:0], o.outsR[:0]
		for o.scan < o.ht.rows.n && len(o.outs) < types.BatchRows {
			if !o.matched.Get(o.scan) {
				o.outs, o.outsR = append(o.outs, -1), append(o.outsR, int32(o.scan))
			}
			o.scan++
		}
		if len(o.outs) == 0 {
			continue
		}
		b, err := o.p.output(o.emptyOuter(), o.ht.rows, o.outs, o.outsR)
		if err != nil || b != nil {
			return b, err
		}
	}
	return nil, nil
}

// emptyOuter is a batch from which only NULL rows are gathered.
func (o *hashJoinOp) emptyOuter() *types.Batch {
	if o.empty == nil {
		o.empty = emptyBatch(o.outerCols, &o.st.io)
	}
	return o.empty
}

func emptyBatch(cols []types.T, io *types.Ctx) *types.Batch {
	b := &types.Batch{Cols: make([]*types.Vec, len(cols))}
	for i, t := range cols {
		b.Cols[i] = &types.Vec{T: t, Class: types.ClassOf(io, t.OID)}
	}
	return b
}

func (o *hashJoinOp) closeParts() {
	for _, ws := range [][]*spillWriter{o.inW, o.outW} {
		for _, w := range ws {
			w.close()
		}
	}
	for _, p := range o.parts {
		p.in.close()
		p.out.close()
	}
	if o.part != nil {
		o.part.in.close()
		o.part.out.close()
	}
	o.inW, o.outW, o.parts, o.part = nil, nil, nil, nil
}

func (o *hashJoinOp) close() {
	o.outer.close()
	o.closeParts()
}

// reset frees the table, which close keeps for a rescan.
func (o *hashJoinOp) reset() {
	o.closeParts()
	o.valid = false
	o.ht.reset()
}
