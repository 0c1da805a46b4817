package exec

import (
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// inSet is value = ANY (array) or value <> ALL (array) where the array is the same for all rows and equality is hashable.
type inSet struct {
	arg   expr
	arr   scalarExpr
	not   bool // <> ALL
	float bool // values are float bits
	hash  func(types.Datum) uint64
	cmp   func(a, b types.Datum) int
	raw   bool // values are equal exactly when their packed forms are
	pad   bool // but for trailing blanks

	built   bool
	src     types.Datum
	ints    map[int64]struct{}
	small   []int64 // up to a few integers are compared one by one
	strs    map[string]struct{}
	hashed  map[uint64][]types.Datum
	hasNull bool
	null    bool // the array itself is NULL
	empty   bool
	out     scratch
	buf     []int32
}

const inSetSmall = 6 // integers compared in a row before a hash look-up pays

// prepare builds the set; a parameter's array may change between executions.
func (e *inSet) prepare() error {
	d, err := e.arr.scalar()
	if err != nil {
		return err
	}
	if e.built && d == e.src {
		return nil
	}
	e.built, e.src = true, d
	e.ints, e.small, e.strs, e.hashed, e.hasNull, e.null, e.empty = nil, nil, nil, nil, false, d.Null, false
	if d.Null {
		return nil
	}
	a := types.ParseArray(d.S)
	e.empty = a.Len() == 0
	fixed := types.ClassOf(nil, a.StandIn) == types.Fixed
	for i := range a.Len() {
		x := a.Elem(i)
		switch {
		case x.Null:
			e.hasNull = true
		case e.raw && fixed:
			v := x.I
			if e.float {
				v = floatKey(v)
			}
			if e.ints == nil && len(e.small) < inSetSmall {
				e.small = append(e.small, v)
				continue
			}
			if e.ints == nil {
				e.ints = make(map[int64]struct{}, a.Len())
				for _, s := range e.small {
					e.ints[s] = struct{}{}
				}
				e.small = nil
			}
			e.ints[v] = struct{}{}
		case e.raw:
			if e.strs == nil {
				e.strs = make(map[string]struct{}, a.Len())
			}
			if e.pad {
				x.S = unpad(x.S)
			}
			e.strs[x.S] = struct{}{}
		default:
			if e.hashed == nil {
				e.hashed = make(map[uint64][]types.Datum, a.Len())
			}
			h := e.hash(x)
			e.hashed[h] = append(e.hashed[h], x)
		}
	}
	return nil
}

func (e *inSet) has(d types.Datum) bool {
	if e.raw {
		if e.strs != nil {
			if e.pad {
				d.S = unpad(d.S)
			}
			_, ok := e.strs[d.S]
			return ok
		}
		v := d.I
		if e.float {
			v = floatKey(v)
		}
		for _, s := range e.small {
			if s == v {
				return true
			}
		}
		if e.ints != nil {
			_, ok := e.ints[v]
			return ok
		}
		return false
	}
	for _, x := range e.hashed[e.hash(d)] {
		if e.cmp(d, x) == 0 {
			return true
		}
	}
	return false
}

// test is the three-valued answer.
func (e *inSet) test(d types.Datum) types.Datum {
	switch {
	case e.null:
		return types.NullDatum
	case e.empty:
		return types.Bool(e.not)
	case d.Null:
		return types.NullDatum
	case e.has(d):
		return types.Bool(!e.not)
	case e.hasNull:
		return types.NullDatum
	}
	return types.Bool(e.not)
}

func (e *inSet) row(r *rowEnv) (types.Datum, error) {
	d, err := e.arg.row(r)
	if err != nil {
		return d, err
	}
	if err := e.prepare(); err != nil {
		return d, err
	}
	return e.test(d), nil
}

func (e *inSet) vec(b *types.Batch, sel []int32) (*types.Vec, error) {
	x, err := e.arg.vec(b, sel)
	if err != nil {
		return nil, err
	}
	if err := e.prepare(); err != nil {
		return nil, err
	}
	out := e.out.begin(b.N)
	for _, i := range sel {
		e.out.set(i, e.test(x.Datum(int(i))))
	}
	return out, nil
}

func (e *inSet) filter(b *types.Batch, sel []int32) ([]int32, error) {
	x, err := e.arg.vec(b, sel)
	if err != nil {
		return nil, err
	}
	if err := e.prepare(); err != nil {
		return nil, err
	}
	out := selBuf(&e.buf)[:0]
	if !e.not && e.raw && !e.float && e.small != nil {
		for _, i := range sel {
			v := x.Fix[i]
			for _, s := range e.small {
				if s == v {
					out = append(out, i)
					break
				}
			}
		}
		if x.Nulls != nil {
			out = dropNulls(x.Nulls, out)
		}
		return out, nil
	}
	for _, i := range sel {
		if e.test(x.Datum(int(i))).IsTrue() {
			out = append(out, i)
		}
	}
	return out, nil
}

// arrayOp is value op ANY/ALL (array) for any operator.
type arrayOp struct {
	rowwise
	arg, arr expr
	useOr    bool
	strict   bool
	op       func(a, b types.Datum) (types.Datum, error)
}

func (e *arrayOp) row(r *rowEnv) (types.Datum, error) {
	d, err := e.arg.row(r)
	if err != nil {
		return d, err
	}
	arr, err := e.arr.row(r)
	if err != nil || arr.Null {
		return types.NullDatum, err
	}
	a := types.ParseArray(arr.S)
	if a.Len() == 0 {
		return types.Bool(!e.useOr), nil
	}
	if d.Null && e.strict {
		return types.NullDatum, nil
	}
	null := false
	for i := range a.Len() {
		x := a.Elem(i)
		res := types.NullDatum
		if !x.Null || !e.strict {
			if res, err = e.op(d, x); err != nil {
				return res, err
			}
		}
		if res.Null {
			null = true
		} else if (res.I != 0) == e.useOr {
			return types.Bool(e.useOr), nil
		}
	}
	if null {
		return types.NullDatum, nil
	}
	return types.Bool(!e.useOr), nil
}

func (e *arrayOp) vec(b *types.Batch, sel []int32) (*types.Vec, error) { return e.rows(e, b, sel) }

// makeArray builds ARRAY[...] of plain elements.
func makeArray(io *types.Ctx, elem types.OID) func([]types.Datum) (types.Datum, error) {
	b := types.NewArrayBuilder(io, elem)
	return func(args []types.Datum) (types.Datum, error) {
		b.Reset()
		for _, d := range args {
			b.Append(d)
		}
		return types.Datum{S: b.Finish()}, nil
	}
}

// makeMultiArray builds ARRAY[ARRAY[...], ...]: the elements are arrays of equal dimensions; NULL and empty ones vanish when all are so.
func makeMultiArray(io *types.Ctx, elem types.OID) func([]types.Datum) (types.Datum, error) {
	b := types.NewArrayBuilder(io, elem)
	return func(args []types.Datum) (types.Datum, error) {
		b.Reset()
		var dims []types.ArrayDim
		outer, empty := 0, 0
		for _, d := range args {
			if d.Null {
				empty++
				continue
			}
			a := types.ParseArray(d.S)
			if len(a.Dims()) == 0 {
				empty++
				continue
			}
			if outer == 0 {
				dims = append([]types.ArrayDim{{Lower: 1}}, a.Dims()...)
			} else if !sameDims(dims[1:], a.Dims()) {
				return types.Datum{}, errArrayDims
			}
			outer++
			for i := range a.Len() {
				b.Append(a.Elem(i))
			}
		}
		if outer == 0 {
			return types.Datum{S: b.Finish()}, nil
		}
		if empty > 0 {
			return types.Datum{}, errArrayDims
		}
		dims[0].Len = outer
		s, err := b.FinishDims(dims)
		return types.Datum{S: s}, err
	}
}

var errArrayDims = pgerr.New(pgerr.ArraySubscriptError, "multidimensional arrays must have array expressions with matching dimensions")

func sameDims(a, b []types.ArrayDim) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// subscript is container[i], container[l:u] and assignments to them, for arrays.
type subscript struct {
	rowwise
	io           *types.Ctx
	elem         types.OID
	fixed        types.FixedArray // of a type that is subscripted without being an array, name for one
	arr          expr
	upper, lower []expr // lower nil for plain subscripts; elements nil for omitted bounds
	slice        bool
	assign       expr
	assigning    *holder // the old element, for nested assignments (a[1].f := v)
}

const arrayDimsMax = 6 // MAXDIM

func (e *subscript) row(r *rowEnv) (types.Datum, error) {
	d, err := e.arr.row(r)
	if err != nil {
		return d, err
	}
	if d.Null && e.assign == nil {
		return d, nil
	}
	up, upSet, null, err := e.bounds(r, e.upper)
	if err != nil {
		return d, err
	}
	var lo []int
	var loSet []bool
	if e.slice {
		var n2 bool
		if lo, loSet, n2, err = e.bounds(r, e.lower); err != nil {
			return d, err
		}
		null = null || n2
	}
	if null {
		if e.assign != nil {
			return d, pgerr.New(pgerr.NullValueNotAllowed, "array subscript in assignment must not be null")
		}
		return types.NullDatum, nil
	}
	if e.fixed.Elem != 0 {
		return e.fixedRow(r, d, up)
	}
	if e.assign == nil {
		a := types.ParseArray(d.S)
		if !e.slice {
			at := a.Index(up)
			if at < 0 {
				return types.NullDatum, nil
			}
			return a.Elem(at), nil
		}
		return e.getSlice(&a, lo, loSet, up, upSet)
	}
	if e.assigning != nil {
		e.assigning.v = nil
		e.assigning.d = types.NullDatum
		if !d.Null {
			a := types.ParseArray(d.S)
			if !e.slice {
				if at := a.Index(up); at >= 0 {
					e.assigning.d = a.Elem(at)
				}
			} else if e.assigning.d, err = e.getSlice(&a, lo, loSet, up, upSet); err != nil {
				return d, err
			}
		}
	}
	v, err := e.assign.row(r)
	if err != nil {
		return d, err
	}
	if !e.slice {
		return e.setElem(d, up, v)
	}
	if v.Null {
		if d.Null {
			d = types.Datum{S: types.NewArrayBuilder(e.io, e.elem).Finish()}
		}
		return d, nil
	}
	return e.setSlice(d, lo, loSet, up, upSet, v)
}

// fixedRow is row for the types of types.FixedArray.
func (e *subscript) fixedRow(r *rowEnv, d types.Datum, at []int) (types.Datum, error) {
	if e.slice {
		return d, pgerr.New(pgerr.FeatureNotSupported, "slices of fixed-length arrays not implemented")
	}
	get := func() types.Datum {
		if d.Null || len(at) != 1 {
			return types.NullDatum
		}
		return e.fixed.Get(d, at[0])
	}
	if e.assign == nil {
		return get(), nil
	}
	if e.assigning != nil {
		e.assigning.v, e.assigning.d = nil, get()
	}
	v, err := e.assign.row(r)
	if err != nil || d.Null || v.Null { // there is no room for NULL: the value stays as it is
		return d, err
	}
	if len(at) != 1 {
		return d, pgerr.New(pgerr.ArraySubscriptError, "wrong number of array subscripts")
	}
	if at[0] < 0 || at[0] >= e.fixed.Len {
		return d, errSubscriptRange
	}
	return e.fixed.Set(d, at[0], v), nil
}

func (e *subscript) vec(b *types.Batch, sel []int32) (*types.Vec, error) { return e.rows(e, b, sel) }

func (e *subscript) bounds(r *rowEnv, list []expr) (vals []int, given []bool, null bool, err error) {
	vals, given = make([]int, len(list)), make([]bool, len(list))
	for i, x := range list {
		if x == nil {
			continue
		}
		d, err := x.row(r)
		if err != nil {
			return nil, nil, false, err
		}
		null = null || d.Null
		vals[i], given[i] = int(d.I), true
	}
	return vals, given, null, nil
}

// getSlice is array_get_slice: bounds are clipped to the array, lower bounds of the result are 1.
func (e *subscript) getSlice(a *types.Array, lo []int, loSet []bool, up []int, upSet []bool) (types.Datum, error) {
	b := types.NewArrayBuilder(e.io, e.elem)
	dims := a.Dims()
	if len(dims) == 0 || len(up) > len(dims) {
		return types.Datum{S: b.Finish()}, nil
	}
	from, n := make([]int, len(dims)), make([]int, len(dims))
	out := make([]types.ArrayDim, len(dims))
	for i, d := range dims {
		l, u := d.Lower, d.Lower+d.Len-1
		if i < len(up) {
			if loSet[i] {
				l = max(l, lo[i])
			}
			if upSet[i] {
				u = min(u, up[i])
			}
		}
		if l > u {
			return types.Datum{S: b.Finish()}, nil
		}
		from[i], n[i] = l-d.Lower, u-l+1
		out[i] = types.ArrayDim{Len: n[i], Lower: 1}
	}
	walkSlice(dims, from, n, func(at int) { b.Append(a.Elem(at)) })
	s, err := b.FinishDims(out)
	return types.Datum{S: s}, err
}

// walkSlice visits the storage positions of a slice given by zero-based starts and lengths.
func walkSlice(dims []types.ArrayDim, from, n []int, f func(at int)) {
	var step func(dim, base int)
	step = func(dim, base int) {
		if dim == len(dims) {
			f(base)
			return
		}
		for i := range n[dim] {
			step(dim+1, base*dims[dim].Len+from[dim]+i)
		}
	}
	step(0, 0)
}

// setElem is array_set_element: a one-dimensional array grows as needed, with NULLs in the gap.
func (e *subscript) setElem(d types.Datum, at []int, v types.Datum) (types.Datum, error) {
	b := types.NewArrayBuilder(e.io, e.elem)
	var a types.Array
	if !d.Null {
		a = types.ParseArray(d.S)
	}
	if len(at) > arrayDimsMax {
		return d, pgerr.Newf(pgerr.ProgramLimitExceeded, "number of array dimensions (%d) exceeds the maximum allowed (%d)", len(at), arrayDimsMax)
	}
	dims := a.Dims()
	if len(dims) == 0 {
		out := make([]types.ArrayDim, len(at))
		for i, s := range at {
			out[i] = types.ArrayDim{Len: 1, Lower: s}
		}
		b.Append(v)
		s, err := b.FinishDims(out)
		return types.Datum{S: s}, err
	}
	if len(at) != len(dims) {
		return d, pgerr.New(pgerr.ArraySubscriptError, "wrong number of array subscripts")
	}
	if len(dims) > 1 {
		pos := a.Index(at)
		if pos < 0 {
			return d, errSubscriptRange
		}
		for i := range a.Len() {
			if i == pos {
				b.Append(v)
			} else {
				b.Append(a.Elem(i))
			}
		}
		s, err := b.FinishDims(dims)
		return types.Datum{S: s}, err
	}
	lower := min(dims[0].Lower, at[0])
	upper := max(dims[0].Lower+dims[0].Len-1, at[0])
	if upper-lower+1 > arrayItemsMax {
		return d, errArraySize
	}
	for s := lower; s <= upper; s++ {
		if s == at[0] {
			b.Append(v)
		} else if i := s - dims[0].Lower; i >= 0 && i < a.Len() {
			b.Append(a.Elem(i))
		} else {
			b.Append(types.NullDatum)
		}
	}
	s, err := b.FinishDims([]types.ArrayDim{{Len: upper - lower + 1, Lower: lower}})
	return types.Datum{S: s}, err
}

const arrayItemsMax = 134217727 // MaxArraySize

var (
	errSubscriptRange = pgerr.New(pgerr.ArraySubscriptError, "array subscript out of range")
	errArraySize      = pgerr.Newf(pgerr.ProgramLimitExceeded, "array size exceeds the maximum allowed (%d)", arrayItemsMax)
	errSourceSmall    = pgerr.New(pgerr.ArraySubscriptError, "source array too small")
)

// setSlice is array_set_slice.
func (e *subscript) setSlice(d types.Datum, lo []int, loSet []bool, up []int, upSet []bool, v types.Datum) (types.Datum, error) {
	src := types.ParseArray(v.S)
	var a types.Array
	if !d.Null {
		a = types.ParseArray(d.S)
	}
	b := types.NewArrayBuilder(e.io, e.elem)
	dims := a.Dims()
	if len(dims) == 0 {
		out := make([]types.ArrayDim, len(up))
		n := 1
		for i := range up {
			if !upSet[i] || !loSet[i] {
				err := pgerr.New(pgerr.ArraySubscriptError, "array slice subscript must provide both boundaries")
				err.Detail = "When assigning to a slice of an empty array value, slice boundaries must be fully specified."
				return d, err
			}
			out[i] = types.ArrayDim{Len: up[i] - lo[i] + 1, Lower: lo[i]}
			if n *= out[i].Len; out[i].Len < 0 || out[i].Len > arrayItemsMax || n > arrayItemsMax {
				return d, errArraySize
			}
		}
		if n == 0 {
			return types.Datum{S: b.Finish()}, nil
		}
		if src.Len() < n {
			return d, errSourceSmall
		}
		for i := range n {
			b.Append(src.Elem(i))
		}
		s, err := b.FinishDims(out)
		return types.Datum{S: s}, err
	}
	if len(up) > len(dims) {
		return d, pgerr.New(pgerr.ArraySubscriptError, "wrong number of array subscripts")
	}
	l, u := make([]int, len(dims)), make([]int, len(dims))
	n := 1
	for i, dim := range dims {
		l[i], u[i] = dim.Lower, dim.Lower+dim.Len-1
		if i < len(up) {
			if loSet[i] {
				l[i] = lo[i]
			}
			if upSet[i] {
				u[i] = up[i]
			}
		}
		if l[i] > u[i] {
			return d, pgerr.New(pgerr.ArraySubscriptError, "upper bound cannot be less than lower bound")
		}
		n *= u[i] - l[i] + 1
	}
	if len(dims) > 1 {
		from, size := make([]int, len(dims)), make([]int, len(dims))
		for i, dim := range dims {
			if l[i] < dim.Lower || u[i] > dim.Lower+dim.Len-1 {
				return d, errSubscriptRange
			}
			from[i], size[i] = l[i]-dim.Lower, u[i]-l[i]+1
		}
		if src.Len() < n {
			return d, errSourceSmall
		}
		elems := a.Elems()
		k := 0
		walkSlice(dims, from, size, func(at int) { elems[at] = src.Elem(k); k++ })
		for _, x := range elems {
			b.Append(x)
		}
		s, err := b.FinishDims(dims)
		return types.Datum{S: s}, err
	}
	lower, upper := min(dims[0].Lower, l[0]), max(dims[0].Lower+dims[0].Len-1, u[0])
	if upper-lower+1 > arrayItemsMax {
		return d, errArraySize
	}
	if src.Len() < n {
		return d, errSourceSmall
	}
	for s := lower; s <= upper; s++ {
		if s >= l[0] && s <= u[0] {
			b.Append(src.Elem(s - l[0]))
		} else if i := s - dims[0].Lower; i >= 0 && i < a.Len() {
			b.Append(a.Elem(i))
		} else {
			b.Append(types.NullDatum)
		}
	}
	s, err := b.FinishDims([]types.ArrayDim{{Len: upper - lower + 1, Lower: lower}})
	return types.Datum{S: s}, err
}
