package exec

import (
	"kimberlite/sql/functions"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// aggCall is an aggregate call of an Agg node: its arguments as computed for the batch at hand.
type aggCall struct {
	ref     *tree.Aggref
	make    functions.Aggregate
	ordered functions.OrderedSet
	call    *functions.Call
	args    []expr // all of ref.Args: aggregated arguments, then those of ORDER BY only
	nargs   int    // how many of them the aggregate takes
	filter  expr
	direct  []expr
	argCols []types.T
	order   []sortKey // over args, for DISTINCT and ORDER BY
	// distinct: positions in args that make rows equal; hashed says that order does not matter, so that a hash table finds duplicates.
	distinct []int
	hashed   bool

	vecs []*types.Vec
	sel  []int32 // rows of the batch that pass the filter; nil with all set: all
	pass bool
	fbuf []int32
	gbuf []int32
}

// orderBlind are aggregates whose result does not depend on the order of their input (for exact types).
var orderBlind = map[string]bool{
	"count": true, "sum": true, "avg": true, "min": true, "max": true, "bool_and": true, "bool_or": true, "every": true,
	"bit_and": true, "bit_or": true, "bit_xor": true,
}

func (c *compiler) aggCall(a *tree.Aggref) (*aggCall, error) {
	out := &aggCall{ref: a}
	proc := c.proc(a.Func)
	out.call = &functions.Call{Func: a.Func, Ret: a.T, Collation: a.InputColl, Variadic: a.Variadic, Env: &c.st.env}
	name := ""
	if proc != nil {
		out.call.Name, name = proc.Name, proc.Name
	}
	var ok bool
	if a.Kind == 'o' || a.Kind == 'h' {
		if out.ordered, ok = functions.LookupOrderedSet(a.Func); !ok {
			return nil, c.unsupported(callSite{fn: a.Func}, proc)
		}
		for _, d := range a.Direct {
			out.call.Args = append(out.call.Args, d.Type())
			out.call.ConstArgs = append(out.call.ConstArgs, nil)
		}
	} else if out.make, ok = functions.LookupAggregate(a.Func); !ok {
		return nil, c.unsupported(callSite{fn: a.Func}, proc)
	}
	byRef := map[int]int{}
	for i := range a.Args {
		te := &a.Args[i]
		x, err := c.compile(te.Expr)
		if err != nil {
			return nil, err
		}
		out.args = append(out.args, x)
		out.argCols = append(out.argCols, te.Expr.Type())
		if te.SortRef != 0 {
			byRef[te.SortRef] = i
		}
		if !te.Junk {
			out.nargs = i + 1
			out.call.Args = append(out.call.Args, te.Expr.Type())
			var k *types.Datum
			if v, ok := x.(*constExpr); ok {
				k = &v.val
			}
			out.call.ConstArgs = append(out.call.ConstArgs, k)
		}
	}
	if a.Filter != nil {
		var err error
		if out.filter, err = c.compile(a.Filter); err != nil {
			return nil, err
		}
	}
	out.vecs = make([]*types.Vec, len(out.args))
	position := func(s tree.SortClause) (int, error) {
		i, ok := byRef[s.SortRef]
		if !ok {
			return 0, pgerr.Internal("ORDER BY of an aggregate refers to no argument")
		}
		return i, nil
	}
	for _, s := range a.Order {
		i, err := position(s)
		if err != nil {
			return nil, err
		}
		out.order = append(out.order, sortKey{col: i, t: keyTypeOf(out.argCols[i], c.io), desc: s.Desc, nullsFirst: s.NullsFirst})
	}
	for _, s := range a.Distinct {
		i, err := position(s)
		if err != nil {
			return nil, err
		}
		out.distinct = append(out.distinct, i)
		have := false
		for _, k := range out.order {
			have = have || k.col == i
		}
		if !have {
			out.order = append(out.order, sortKey{col: i, t: keyTypeOf(out.argCols[i], c.io), desc: s.Desc, nullsFirst: s.NullsFirst})
		}
	}
	if len(a.Distinct) > 0 && len(a.Order) == 0 && len(out.args) == 1 && orderBlind[name] {
		k := keyTypeOf(out.argCols[0], c.io)
		out.hashed = !k.float || name == "count" || name == "min" || name == "max"
	}
	return out, nil
}

// eval computes the filter and the arguments for the rows sel of b.
func (c *aggCall) eval(b *types.Batch, sel []int32) error {
	c.pass = true
	c.sel = sel
	if c.filter != nil {
		s, err := filterRows(c.filter, b, sel, &c.fbuf)
		if err != nil {
			return err
		}
		c.pass = len(s) == len(sel)
		c.sel = s
	}
	if len(c.sel) == 0 {
		return nil
	}
	for i, x := range c.args {
		v, err := x.vec(b, c.sel)
		if err != nil {
			return err
		}
		c.vecs[i] = v
	}
	return nil
}

// passing narrows groups (aligned with sel) to the rows that pass the filter.
func (c *aggCall) passing(sel, groups []int32) []int32 {
	if c.pass {
		return groups[:len(sel)] // the buffer of a plain aggregate is a whole batch long
	}
	out := c.gbuf[:0]
	k := 0
	for i, r := range sel {
		if k < len(c.sel) && c.sel[k] == r {
			out = append(out, groups[i])
			k++
		}
	}
	c.gbuf = out
	return out
}

// aggState holds the states of one call for the groups of one grouping set.
type aggState interface {
	grow(n int)
	add(c *aggCall, b *types.Batch, sel, groups []int32) error
	// result is the aggregate of the group; env has its remembered columns, for direct arguments.
	result(c *aggCall, group int, env *rowEnv) (types.Datum, error)
	reset()
	bytes() int64
}

func (c *aggCall) newState(st *state) (aggState, error) {
	if c.ordered != nil {
		return newGatheredState(st, c, nil), nil
	}
	agg, err := c.make(c.call)
	if err != nil {
		return nil, err
	}
	switch {
	case c.hashed:
		return &distinctState{agg: agg, seen: newGroupTable([]types.T{types.Of(types.OIDInt8), c.argCols[0]}, &st.io)}, nil
	case len(c.order) > 0:
		return newGatheredState(st, c, agg), nil
	}
	return &plainState{agg: agg}, nil
}

// plainState feeds rows as they come.
type plainState struct{ agg functions.Aggregator }

func (s *plainState) grow(n int)   { s.agg.Grow(n) }
func (s *plainState) reset()       { s.agg.Reset() }
func (s *plainState) bytes() int64 { return s.agg.Bytes() }

func (s *plainState) add(c *aggCall, b *types.Batch, sel, groups []int32) error {
	if len(c.sel) == 0 {
		return nil
	}
	g := c.passing(sel, groups)
	return s.agg.Add(g, c.sel, c.vecs[:c.nargs])
}

func (s *plainState) result(_ *aggCall, group int, _ *rowEnv) (types.Datum, error) {
	return s.agg.Result(group)
}

// distinctState feeds each value once a group, in the order of first appearance.
type distinctState struct {
	agg   functions.Aggregator
	seen  *groupTable
	vals  [2]*types.Vec
	group types.Vec
	ids   []int32
	sel   []int32
	gs    []int32
}

func (s *distinctState) grow(n int)   { s.agg.Grow(n) }
func (s *distinctState) reset()       { s.agg.Reset(); s.seen.reset() }
func (s *distinctState) bytes() int64 { return s.agg.Bytes() + s.seen.bytes() }

func (s *distinctState) add(c *aggCall, b *types.Batch, sel, groups []int32) error {
	if len(c.sel) == 0 {
		return nil
	}
	g := c.passing(sel, groups)
	s.group.Resize(b.N)
	for i, r := range c.sel {
		s.group.Fix[r] = int64(g[i])
	}
	s.vals = [2]*types.Vec{&s.group, c.vecs[0]}
	s.ids = grow(s.ids, len(c.sel))
	before := int32(s.seen.n)
	s.seen.groups(s.vals[:], c.sel, s.ids)
	s.sel, s.gs = s.sel[:0], s.gs[:0]
	for i, r := range c.sel {
		if s.ids[i] >= before {
			before = s.ids[i] + 1
			s.sel, s.gs = append(s.sel, r), append(s.gs, g[i])
		}
	}
	if len(s.sel) == 0 {
		return nil
	}
	return s.agg.Add(s.gs, s.sel, c.vecs[:1])
}

func (s *distinctState) result(_ *aggCall, group int, _ *rowEnv) (types.Datum, error) {
	return s.agg.Result(group)
}

// gatheredState keeps the rows of all groups, sorts them by group and order, and computes a group when it is asked for: aggregates with ORDER BY
// or DISTINCT, and ordered-set aggregates. Groups are asked for in ascending order.
type gatheredState struct {
	st     *state
	agg    functions.Aggregator // nil for ordered-set aggregates
	sorter *sorter
	n      int
	vecs   []*types.Vec
	group  types.Vec
	batch  types.Batch
	sorted bool
	cur    *types.Batch // sorted rows at hand
	at     int
	rows   *rowStore
}

func newGatheredState(st *state, c *aggCall, agg functions.Aggregator) *gatheredState {
	cols := append([]types.T{types.Of(types.OIDInt8)}, c.argCols...)
	keys := []sortKey{{col: 0, t: keyTypeOf(cols[0], &st.io)}}
	for _, k := range c.order {
		k.col++
		keys = append(keys, k)
	}
	return &gatheredState{st: st, agg: agg, sorter: newSorter(st, cols, keys), vecs: make([]*types.Vec, len(cols)), rows: newRowStore(c.argCols, &st.io)}
}

func (s *gatheredState) grow(n int) { s.n = n }

// bytes leaves out the rows: they spill by themselves.
func (s *gatheredState) bytes() int64 { return min(s.sorter.rows.bytes, s.st.ctx.workMem()/4) }

func (s *gatheredState) reset() {
	s.sorter.reset()
	s.sorted, s.cur, s.n = false, nil, 0
	if s.agg != nil {
		s.agg.Reset()
	}
}

func (s *gatheredState) add(c *aggCall, b *types.Batch, sel, groups []int32) error {
	if len(c.sel) == 0 {
		return nil
	}
	g := c.passing(sel, groups)
	s.group.Resize(b.N)
	for i, r := range c.sel {
		s.group.Fix[r] = int64(g[i])
	}
	s.vecs[0] = &s.group
	copy(s.vecs[1:], c.vecs)
	s.batch = types.Batch{N: b.N, Sel: c.sel, Cols: s.vecs}
	return s.sorter.add(&s.batch)
}

// fetch moves the rows of the group into s.rows.
func (s *gatheredState) fetch(group int) error {
	if !s.sorted {
		if err := s.sorter.finish(); err != nil {
			return err
		}
		s.sorted, s.cur, s.at = true, nil, 0
	}
	s.rows.reset()
	for {
		if s.cur == nil || s.at >= s.cur.N {
			b, err := s.sorter.next()
			if err != nil {
				return err
			}
			if b == nil {
				s.cur = nil
				return nil
			}
			s.cur, s.at = b, 0
		}
		from := s.at
		for s.at < s.cur.N && s.cur.Cols[0].Fix[s.at] == int64(group) {
			s.at++
		}
		if s.at > from {
			for i := range s.rows.cols {
				s.rows.cols[i].appendVec(s.cur.Cols[i+1], identity[from:s.at])
			}
			s.rows.n += s.at - from
		}
		if s.at < s.cur.N && s.cur.Cols[0].Fix[s.at] > int64(group) {
			return nil
		}
		if s.at < s.cur.N { // rows of a group that was not asked for
			s.at++
		}
	}
}

func (s *gatheredState) result(c *aggCall, group int, env *rowEnv) (types.Datum, error) {
	if err := s.fetch(group); err != nil {
		return types.Datum{}, err
	}
	if c.ordered != nil {
		direct := make([]types.Datum, len(c.direct))
		for i, x := range c.direct {
			var err error
			if direct[i], err = x.row(env); err != nil {
				return types.Datum{}, err
			}
		}
		return c.ordered(c.call, direct, &groupRows{s: s.rows, c: c})
	}
	s.agg.Reset()
	s.agg.Grow(1)
	rd := newStoreReader(s.rows, c.argCols)
	var zeros [types.BatchRows]int32
	last := -1
	for {
		from := rd.at
		b := rd.next(s.rows.n)
		if b == nil {
			break
		}
		sel := identity[:b.N]
		if len(c.distinct) > 0 {
			keep := make([]int32, 0, b.N)
			for i := range b.N {
				if last >= 0 && s.same(c, last, from+i) {
					continue
				}
				last = from + i
				keep = append(keep, int32(i))
			}
			sel = keep
		}
		if len(sel) == 0 {
			continue
		}
		if err := s.agg.Add(zeros[:len(sel)], sel, b.Cols[:c.nargs]); err != nil {
			return types.Datum{}, err
		}
	}
	return s.agg.Result(0)
}

// same reports whether two rows agree in the DISTINCT columns; they are neighbours in the order.
func (s *gatheredState) same(c *aggCall, i, j int) bool {
	for n := range c.order {
		k := &c.order[n]
		isDistinct := false
		for _, d := range c.distinct {
			isDistinct = isDistinct || d == k.col
		}
		if isDistinct && k.compare(s.rows.cols[k.col].datum(i), s.rows.cols[k.col].datum(j)) != 0 {
			return false
		}
	}
	return true
}

// groupRows shows the sorted rows of a group to an ordered-set aggregate.
type groupRows struct {
	s *rowStore
	c *aggCall
}

// Len implements functions.SortedRows.
func (r *groupRows) Len() int { return r.s.n }

// Row implements functions.SortedRows.
func (r *groupRows) Row(i int) []types.Datum {
	row := make([]types.Datum, r.c.nargs)
	for k := range row {
		row[k] = r.s.cols[k].datum(i)
	}
	return row
}

// Compare implements functions.SortedRows.
func (r *groupRows) Compare(row []types.Datum, i int) int {
	for n := range r.c.order {
		k := &r.c.order[n]
		if k.col >= len(row) {
			continue
		}
		if c := k.compare(row[k.col], r.s.cols[k.col].datum(i)); c != 0 {
			return c
		}
	}
	return 0
}
