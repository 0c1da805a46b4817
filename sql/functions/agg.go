package functions

import (
	"encoding/binary"
	"strings"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// states is the base of aggregators that keep one S a group; embed it and give step, final and the codec.
type states[S any] struct {
	groups []S
	// step feeds one row; args are the call's arguments, none of them NULL unless the aggregate looks at NULLs itself.
	step  func(s *S, args []types.Datum) error
	final func(s *S) (types.Datum, error)
	// save and load are the state's bytes; merge adds another state.
	save  func(dst []byte, s *S) []byte
	load  func(s *S, src []byte) error
	merge func(s, other *S) error
	undo  func(s *S, args []types.Datum) error
	size  int64
	// nulls: step wants rows with NULL arguments too.
	nulls bool
	buf   []types.Datum
	heap  int64 // bytes that states hold outside of themselves
}

func (a *states[S]) Grow(n int) {
	for len(a.groups) < n {
		var zero S
		a.groups = append(a.groups, zero)
	}
}

func (a *states[S]) Add(groups []int32, sel []int32, args []*types.Vec) error {
	if cap(a.buf) < len(args) {
		a.buf = make([]types.Datum, len(args))
	}
	row := a.buf[:len(args)]
next:
	for i, g := range groups {
		r := i
		if sel != nil {
			r = int(sel[i])
		}
		for k, v := range args {
			row[k] = v.Datum(r)
			if row[k].Null && !a.nulls {
				continue next
			}
		}
		if err := a.step(&a.groups[g], row); err != nil {
			return err
		}
	}
	return nil
}

func (a *states[S]) Result(group int) (types.Datum, error) { return a.final(&a.groups[group]) }

func (a *states[S]) Reset() {
	clear(a.groups)
	a.groups = a.groups[:0]
	a.heap = 0
}

func (a *states[S]) Bytes() int64 { return int64(cap(a.groups))*a.size + a.heap }

func (a *states[S]) Save(dst []byte, group int) ([]byte, error) {
	return a.save(dst, &a.groups[group]), nil
}

func (a *states[S]) Load(group int, src []byte) error { return a.load(&a.groups[group], src) }

func (a *states[S]) Combine(group int, src []byte) error {
	var other S
	if err := a.load(&other, src); err != nil {
		return err
	}
	return a.merge(&a.groups[group], &other)
}

// removable adds Remove to an aggregator that can take rows back.
type removable[S any] struct{ *states[S] }

func (a removable[S]) Remove(group int, args []types.Datum) error {
	for _, d := range args {
		if d.Null && !a.nulls {
			return nil
		}
	}
	return a.undo(&a.groups[group], args)
}

func wrap[S any](a *states[S]) Aggregator {
	if a.undo != nil {
		return removable[S]{a}
	}
	return a
}

var errState = pgerr.New(pgerr.InternalError, "a saved aggregate state is damaged")

// counter is count(*) and count(x).
type counter struct{ n []int64 }

func (c *counter) Grow(n int) {
	for len(c.n) < n {
		c.n = append(c.n, 0)
	}
}

func (c *counter) Add(groups []int32, sel []int32, args []*types.Vec) error {
	if len(args) == 0 || args[0].Nulls == nil {
		for _, g := range groups {
			c.n[g]++
		}
		return nil
	}
	nulls := args[0].Nulls
	for i, g := range groups {
		r := i
		if sel != nil {
			r = int(sel[i])
		}
		if !nulls.Get(r) {
			c.n[g]++
		}
	}
	return nil
}

func (c *counter) Result(g int) (types.Datum, error) { return types.Int(c.n[g]), nil }
func (c *counter) Reset()                            { c.n = c.n[:0] }
func (c *counter) Bytes() int64                      { return int64(cap(c.n)) * 8 }
func (c *counter) Save(dst []byte, g int) ([]byte, error) {
	return binary.AppendVarint(dst, c.n[g]), nil
}
func (c *counter) Load(g int, src []byte) error { c.n[g] = 0; return c.Combine(g, src) }
func (c *counter) Combine(g int, src []byte) error {
	v, n := binary.Varint(src)
	if n <= 0 {
		return errState
	}
	c.n[g] += v
	return nil
}
func (c *counter) Remove(g int, args []types.Datum) error {
	if len(args) == 0 || !args[0].Null {
		c.n[g]--
	}
	return nil
}

// intSum is sum(int2) and sum(int4): a bigint, NULL without rows.
type intSum struct {
	sum  []int64
	seen []int64
}

func (s *intSum) Grow(n int) {
	for len(s.sum) < n {
		s.sum = append(s.sum, 0)
		s.seen = append(s.seen, 0)
	}
}

func (s *intSum) Add(groups []int32, sel []int32, args []*types.Vec) error {
	v := args[0]
	for i, g := range groups {
		r := i
		if sel != nil {
			r = int(sel[i])
		}
		if v.Nulls != nil && v.Nulls.Get(r) {
			continue
		}
		sum, ok := addInt64(s.sum[g], v.Fix[r])
		if !ok {
			return errBigintRange
		}
		s.sum[g] = sum
		s.seen[g]++
	}
	return nil
}

func (s *intSum) Result(g int) (types.Datum, error) {
	if s.seen[g] == 0 {
		return types.NullDatum, nil
	}
	return types.Int(s.sum[g]), nil
}
func (s *intSum) Reset()       { s.sum, s.seen = s.sum[:0], s.seen[:0] }
func (s *intSum) Bytes() int64 { return int64(cap(s.sum)) * 16 }
func (s *intSum) Save(dst []byte, g int) ([]byte, error) {
	return binary.AppendVarint(binary.AppendVarint(dst, s.sum[g]), s.seen[g]), nil
}
func (s *intSum) Load(g int, src []byte) error { s.sum[g], s.seen[g] = 0, 0; return s.Combine(g, src) }
func (s *intSum) Combine(g int, src []byte) error {
	v, n := binary.Varint(src)
	if n <= 0 {
		return errState
	}
	c, m := binary.Varint(src[n:])
	if m <= 0 {
		return errState
	}
	sum, ok := addInt64(s.sum[g], v)
	if !ok {
		return errBigintRange
	}
	s.sum[g], s.seen[g] = sum, s.seen[g]+c
	return nil
}
func (s *intSum) Remove(g int, args []types.Datum) error {
	if !args[0].Null {
		s.sum[g] -= args[0].I
		s.seen[g]--
	}
	return nil
}

// extreme is min and max: the best value so far.
type extreme struct {
	best []types.Datum
	cmp  func(a, b types.Datum) int
	sign int // 1 for max, -1 for min
	cls  types.Class
	heap int64
}

func (e *extreme) Grow(n int) {
	for len(e.best) < n {
		e.best = append(e.best, types.NullDatum)
	}
}

func (e *extreme) Add(groups []int32, sel []int32, args []*types.Vec) error {
	v := args[0]
	for i, g := range groups {
		r := i
		if sel != nil {
			r = int(sel[i])
		}
		if v.Nulls != nil && v.Nulls.Get(r) {
			continue
		}
		e.offer(int(g), v.Datum(r))
	}
	return nil
}

func (e *extreme) offer(g int, d types.Datum) {
	b := &e.best[g]
	if !b.Null && e.cmp(d, *b)*e.sign <= 0 {
		return
	}
	if e.cls == types.Bytes {
		e.heap += int64(len(d.S)) - int64(len(b.S))
		d.S = strings.Clone(d.S)
	}
	*b = d
}

func (e *extreme) Result(g int) (types.Datum, error) { return e.best[g], nil }
func (e *extreme) Reset()                            { e.best, e.heap = e.best[:0], 0 }
func (e *extreme) Bytes() int64                      { return int64(cap(e.best))*32 + e.heap }
func (e *extreme) Save(dst []byte, g int) ([]byte, error) {
	return appendDatum(dst, e.best[g], e.cls), nil
}
func (e *extreme) Load(g int, src []byte) error {
	d, _, err := readDatum(src, e.cls)
	e.best[g] = d
	return err
}
func (e *extreme) Combine(g int, src []byte) error {
	d, _, err := readDatum(src, e.cls)
	if err == nil && !d.Null {
		e.offer(g, d)
	}
	return err
}

// appendDatum and readDatum are the bytes of a value in saved states.
func appendDatum(dst []byte, d types.Datum, cls types.Class) []byte {
	switch {
	case d.Null:
		return append(dst, 0)
	case cls == types.Fixed:
		return binary.AppendVarint(append(dst, 1), d.I)
	}
	dst = binary.AppendUvarint(append(dst, 1), uint64(len(d.S)))
	return append(dst, d.S...)
}

func readDatum(src []byte, cls types.Class) (types.Datum, []byte, error) {
	if len(src) == 0 {
		return types.Datum{}, nil, errState
	}
	if src[0] == 0 {
		return types.NullDatum, src[1:], nil
	}
	src = src[1:]
	if cls == types.Fixed {
		v, n := binary.Varint(src)
		if n <= 0 {
			return types.Datum{}, nil, errState
		}
		return types.Int(v), src[n:], nil
	}
	l, n := binary.Uvarint(src)
	if n <= 0 || uint64(len(src)-n) < l {
		return types.Datum{}, nil, errState
	}
	return types.Str(string(src[n : n+int(l)])), src[n+int(l):], nil
}

func aggregate(name string, fn Aggregate) { aggregates[name] = fn }

func init() {
	aggregate("count", func(*Call) (Aggregator, error) { return &counter{}, nil })
	aggregate("sum/int2", func(*Call) (Aggregator, error) { return &intSum{}, nil })
	aggregate("sum/int4", func(*Call) (Aggregator, error) { return &intSum{}, nil })
	aggregate("sum/money", func(*Call) (Aggregator, error) { return &intSum{}, nil })
	minMax := func(sign int) Aggregate {
		return func(c *Call) (Aggregator, error) {
			t := c.Args[0].OID
			return &extreme{cmp: types.Comparator(c.Env.IO, t), sign: sign, cls: types.ClassOf(c.Env.IO, t)}, nil
		}
	}
	aggregate("min", minMax(-1))
	aggregate("max", minMax(1))
	aggregate("bool_and", boolAgg(true))
	aggregate("every", boolAgg(true))
	aggregate("bool_or", boolAgg(false))
	aggregate("bit_and", bitAgg(func(a, b int64) int64 { return a & b }))
	aggregate("bit_or", bitAgg(func(a, b int64) int64 { return a | b }))
	aggregate("bit_xor", bitAgg(func(a, b int64) int64 { return a ^ b }))
	for _, op := range []string{"and", "or", "xor"} {
		aggregate("bit_"+op+"/bit", bitStringAgg("bit"+op))
	}
	aggregate("array_agg", arrayAgg)
	aggregate("string_agg/text", stringAgg)
	aggregate("string_agg/bytea", stringAgg)
}

func boolAgg(all bool) Aggregate {
	return func(*Call) (Aggregator, error) {
		type st struct{ t, f int64 }
		return wrap(&states[st]{
			step: func(s *st, a []types.Datum) error {
				if a[0].I != 0 {
					s.t++
				} else {
					s.f++
				}
				return nil
			},
			undo: func(s *st, a []types.Datum) error {
				if a[0].I != 0 {
					s.t--
				} else {
					s.f--
				}
				return nil
			},
			final: func(s *st) (types.Datum, error) {
				if s.t+s.f == 0 {
					return types.NullDatum, nil
				}
				if all {
					return types.Bool(s.f == 0), nil
				}
				return types.Bool(s.t > 0), nil
			},
			save: func(dst []byte, s *st) []byte { return binary.AppendVarint(binary.AppendVarint(dst, s.t), s.f) },
			load: func(s *st, src []byte) error {
				v, err := readInts(src, 2)
				if err == nil {
					s.t, s.f = v[0], v[1]
				}
				return err
			},
			merge: func(s, o *st) error { s.t, s.f = s.t+o.t, s.f+o.f; return nil },
			size:  16,
		}), nil
	}
}

func readInts(src []byte, n int) ([]int64, error) {
	out := make([]int64, n)
	for i := range out {
		v, k := binary.Varint(src)
		if k <= 0 {
			return nil, errState
		}
		out[i], src = v, src[k:]
	}
	return out, nil
}

func bitAgg(op func(a, b int64) int64) Aggregate {
	return func(*Call) (Aggregator, error) {
		type st struct {
			v    int64
			seen bool
		}
		add := func(s *st, v int64) {
			if s.seen {
				v = op(s.v, v)
			}
			s.v, s.seen = v, true
		}
		return wrap(&states[st]{
			step: func(s *st, a []types.Datum) error { add(s, a[0].I); return nil },
			final: func(s *st) (types.Datum, error) {
				if !s.seen {
					return types.NullDatum, nil
				}
				return types.Int(s.v), nil
			},
			save: func(dst []byte, s *st) []byte {
				return appendDatum(dst, types.Datum{I: s.v, Null: !s.seen}, types.Fixed)
			},
			load: func(s *st, src []byte) error {
				d, _, err := readDatum(src, types.Fixed)
				s.v, s.seen = d.I, err == nil && !d.Null
				return err
			},
			merge: func(s, o *st) error {
				if o.seen {
					add(s, o.v)
				}
				return nil
			},
			size: 16,
		}), nil
	}
}

// bitStringAgg folds bit strings with the scalar operator of the internal name.
func bitStringAgg(op string) Aggregate {
	src := map[string]string{"bitand": "bit_and", "bitor": "bit_or", "bitxor": "bitxor"}[op]
	return func(c *Call) (Aggregator, error) {
		impl, ok := scalars[src]
		if !ok {
			return nil, Unsupported(c.Name)
		}
		type st struct {
			v    string
			seen bool
		}
		add := func(s *st, v string) error {
			if s.seen {
				d, err := impl.Row(c, []types.Datum{types.Str(s.v), types.Str(v)})
				if err != nil {
					return err
				}
				v = d.S
			}
			s.v, s.seen = strings.Clone(v), true
			return nil
		}
		return wrap(&states[st]{
			step:  func(s *st, a []types.Datum) error { return add(s, a[0].S) },
			final: func(s *st) (types.Datum, error) { return types.Datum{S: s.v, Null: !s.seen}, nil },
			save: func(dst []byte, s *st) []byte {
				return appendDatum(dst, types.Datum{S: s.v, Null: !s.seen}, types.Bytes)
			},
			load: func(s *st, src []byte) error {
				d, _, err := readDatum(src, types.Bytes)
				s.v, s.seen = d.S, err == nil && !d.Null
				return err
			},
			merge: func(s, o *st) error {
				if o.seen {
					return add(s, o.v)
				}
				return nil
			},
			size: 24,
		}), nil
	}
}

// collected is the state of aggregates that keep all their values.
type collected struct{ vals []types.Datum }

func collectCodec(a *states[collected], cls types.Class) {
	a.save = func(dst []byte, s *collected) []byte {
		dst = binary.AppendUvarint(dst, uint64(len(s.vals)))
		for _, d := range s.vals {
			dst = appendDatum(dst, d, cls)
		}
		return dst
	}
	a.load = func(s *collected, src []byte) error {
		n, k := binary.Uvarint(src)
		if k <= 0 {
			return errState
		}
		src = src[k:]
		s.vals = nil
		for ; n > 0; n-- {
			d, rest, err := readDatum(src, cls)
			if err != nil {
				return err
			}
			s.vals, src = append(s.vals, d), rest
		}
		return nil
	}
	a.merge = func(s, o *collected) error { s.vals = append(s.vals, o.vals...); return nil }
	a.size = 24
}

func (s *collected) keep(a *states[collected], d types.Datum) {
	d.S = strings.Clone(d.S)
	s.vals = append(s.vals, d)
	a.heap += 32 + int64(len(d.S))
}

// arrayAgg builds an array of the values, NULLs included; arrays become an array of one more dimension.
func arrayAgg(c *Call) (Aggregator, error) {
	t := c.Args[0].OID
	isArray := types.ElemOf(c.Env.IO, t) != 0 && types.Lookup(c.Env.IO, t).IsArray()
	a := &states[collected]{nulls: true}
	a.step = func(s *collected, args []types.Datum) error {
		if isArray && args[0].Null {
			return pgerr.New(pgerr.NullValueNotAllowed, "cannot accumulate null arrays")
		}
		s.keep(a, args[0])
		return nil
	}
	a.final = func(s *collected) (types.Datum, error) {
		if len(s.vals) == 0 {
			return types.NullDatum, nil
		}
		if isArray {
			return stackArrays(c, s.vals)
		}
		return types.Str(types.MakeArray(c.Env.IO, t, s.vals...)), nil
	}
	collectCodec(a, types.ClassOf(c.Env.IO, t))
	return wrap(a), nil
}

// stackArrays makes one array of arrays of equal dimensions.
func stackArrays(c *Call, vals []types.Datum) (types.Datum, error) {
	elem := types.ElemOf(c.Env.IO, c.Args[0].OID)
	b := types.NewArrayBuilder(c.Env.IO, elem)
	var dims []types.ArrayDim
	for i, v := range vals {
		arr := types.ParseArray(v.S)
		if i == 0 {
			dims = append(dims, arr.Dims()...)
			if arr.Len() == 0 {
				return types.Datum{}, pgerr.New(pgerr.ArraySubscriptError, "cannot accumulate empty arrays")
			}
		} else if !sameDims(dims, arr.Dims()) {
			return types.Datum{}, pgerr.New(pgerr.ArraySubscriptError, "cannot accumulate arrays of different dimensionality")
		}
		for k := 0; k < arr.Len(); k++ {
			b.Append(arr.Elem(k))
		}
	}
	all := append([]types.ArrayDim{{Len: len(vals), Lower: 1}}, dims...)
	s, err := b.FinishDims(all)
	return types.Str(s), err
}

func sameDims(a, b []types.ArrayDim) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Len != b[i].Len {
			return false
		}
	}
	return true
}

// stringAgg concatenates text or bytea; each value but the first is preceded by its own row's delimiter.
func stringAgg(c *Call) (Aggregator, error) {
	type st struct {
		b     []byte
		first int // length of the first delimiter, which is not printed
		seen  bool
	}
	a := &states[st]{nulls: true, size: 40}
	a.step = func(s *st, args []types.Datum) error {
		if args[0].Null {
			return nil
		}
		before := len(s.b)
		if !args[1].Null {
			if !s.seen {
				s.first = len(args[1].S)
			}
			s.b = append(s.b, args[1].S...)
		}
		s.b = append(s.b, args[0].S...)
		s.seen = true
		a.heap += int64(len(s.b) - before)
		return nil
	}
	a.final = func(s *st) (types.Datum, error) {
		if !s.seen {
			return types.NullDatum, nil
		}
		return types.Str(string(s.b[s.first:])), nil
	}
	a.save = func(dst []byte, s *st) []byte {
		d := appendDatum(dst, types.Datum{S: string(s.b), Null: !s.seen}, types.Bytes)
		return binary.AppendVarint(d, int64(s.first))
	}
	a.load = func(s *st, src []byte) error {
		d, rest, err := readDatum(src, types.Bytes)
		if err != nil {
			return err
		}
		v, err := readInts(rest, 1)
		if err != nil {
			return err
		}
		s.b, s.seen, s.first = []byte(d.S), !d.Null, int(v[0])
		return nil
	}
	a.merge = func(s, o *st) error {
		if !o.seen {
			return nil
		}
		if !s.seen {
			*s = *o
			return nil
		}
		s.b = append(s.b, o.b...)
		return nil
	}
	return wrap(a), nil
}
