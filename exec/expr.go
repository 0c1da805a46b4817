package exec

import (
	"kimberlite/sql/types"
)

// expr is a compiled expression: a small tree of kernels that belongs to one instance of a plan and keeps its scratch memory in its nodes,
// so it must not be evaluated by two goroutines at once.
type expr interface {
	// vec computes the rows sel (ascending physical row numbers, never nil) of b and returns a vector with the values at
	// those rows; the other rows hold garbage. The vector is the node's own and valid until its next evaluation.
	vec(b *types.Batch, sel []int32) (*types.Vec, error)
	// row computes one row.
	row(r *rowEnv) (types.Datum, error)
}

// filterExpr is implemented by boolean expressions that can pick rows without making a vector of booleans first.
type filterExpr interface {
	// filter returns those of sel for which the expression is true, ascending, in a buffer of its own.
	filter(b *types.Batch, sel []int32) ([]int32, error)
}

// scalarExpr is an expression with one value for all rows of a batch: a constant, a parameter, a stable call without columns.
type scalarExpr interface {
	expr
	scalar() (types.Datum, error)
}

// rowEnv is the input of a row-wise evaluation: a row of datums, or row pos of a batch.
type rowEnv struct {
	row []types.Datum
	b   *types.Batch
	pos int
}

func (r *rowEnv) get(col int) types.Datum {
	if r.row != nil {
		return r.row[col]
	}
	return r.b.Cols[col].Datum(r.pos)
}

// identity is the selection of all rows.
var identity = func() (s [types.BatchRows]int32) {
	for i := range s {
		s[i] = int32(i)
	}
	return s
}()

// selection returns the rows of b that count as an explicit list.
func selection(b *types.Batch) []int32 {
	if b.Sel != nil {
		return b.Sel
	}
	return identity[:b.N]
}

// scratch is the result vector of a kernel with a null bitmap that is reused.
type scratch struct {
	v     types.Vec
	nulls types.Bitmap
}

func newScratch(t types.T, class types.Class) scratch {
	return scratch{v: types.Vec{T: t, Class: class}}
}

// smallBatch: vectors start with room for so many rows, since most statements of an OLTP load touch one. Plans are cached by the thousand and
// keep their instances' vectors.
const smallBatch = 8

// resize sets a vector's length; elements are garbage where it grows.
func resize(v *types.Vec, n int) {
	if n > smallBatch || v.Class == types.Fixed && cap(v.Fix) >= n || v.Class == types.Bytes && cap(v.Str) >= n {
		v.Resize(n)
		return
	}
	if v.Class == types.Fixed {
		next := make([]int64, n, smallBatch)
		copy(next, v.Fix)
		v.Fix = next
	} else {
		next := make([]string, n, smallBatch)
		copy(next, v.Str)
		v.Str = next
	}
}

// begin returns the vector with n elements and nothing NULL; elements are garbage.
func (s *scratch) begin(n int) *types.Vec {
	resize(&s.v, n)
	s.v.Nulls = nil
	return &s.v
}

// bitmap attaches an all-clear null bitmap to the vector and returns it.
func (s *scratch) bitmap() types.Bitmap {
	if s.nulls == nil {
		s.nulls = make(types.Bitmap, types.BatchRows/64)
	} else {
		clear(s.nulls)
	}
	s.v.Nulls = s.nulls
	return s.nulls
}

// null marks element i as NULL.
func (s *scratch) null(i int32) {
	if s.v.Nulls == nil {
		s.bitmap()
	}
	s.nulls[i>>6] |= 1 << (uint(i) & 63)
}

// set stores a datum as element i.
func (s *scratch) set(i int32, d types.Datum) {
	if d.Null {
		s.null(i)
	} else if s.v.Class == types.Fixed {
		s.v.Fix[i] = d.I
	} else {
		s.v.Str[i] = d.S
	}
}

// unionNulls marks what is NULL in a or b (which may be nil).
func (s *scratch) unionNulls(a, b types.Bitmap) {
	if a == nil && b == nil {
		return
	}
	m := s.bitmap()
	for i := range min(len(a), len(m)) {
		m[i] |= a[i]
	}
	for i := range min(len(b), len(m)) {
		m[i] |= b[i]
	}
}

// copyRows copies the rows sel of src.
func (s *scratch) copyRows(src *types.Vec, sel []int32) {
	if s.v.Class == types.Fixed {
		dst, from := s.v.Fix, src.Fix
		for _, i := range sel {
			dst[i] = from[i]
		}
	} else {
		dst, from := s.v.Str, src.Str
		for _, i := range sel {
			dst[i] = from[i]
		}
	}
	if src.Nulls != nil {
		for _, i := range sel {
			if src.Nulls.Get(int(i)) {
				s.null(i)
			}
		}
	}
}

// rowwise is embedded by expressions without a kernel: vec calls row for each selected row.
type rowwise struct {
	out scratch
	env rowEnv
}

func (r *rowwise) rows(e expr, b *types.Batch, sel []int32) (*types.Vec, error) {
	v := r.out.begin(b.N)
	r.env = rowEnv{b: b}
	for _, i := range sel {
		r.env.pos = int(i)
		d, err := e.row(&r.env)
		if err != nil {
			return nil, err
		}
		r.out.set(i, d)
	}
	return v, nil
}

// constVec is a vector with one value in all rows, filled as far as it was needed.
type constVec struct {
	v     types.Vec
	nulls types.Bitmap
	val   types.Datum
	set   bool
}

func (c *constVec) fill(d types.Datum, n int) *types.Vec {
	if !c.set || c.val != d {
		c.val, c.set = d, true
		c.v.Resize(0)
	}
	have := c.v.Len()
	if have < n {
		resize(&c.v, n)
		if c.v.Class == types.Fixed {
			for i := have; i < n; i++ {
				c.v.Fix[i] = d.I
			}
		} else {
			for i := have; i < n; i++ {
				c.v.Str[i] = d.S
			}
		}
	}
	if d.Null {
		if c.nulls == nil {
			c.nulls = make(types.Bitmap, types.BatchRows/64)
			for i := range c.nulls {
				c.nulls[i] = ^uint64(0)
			}
		}
		c.v.Nulls = c.nulls
	} else {
		c.v.Nulls = nil
	}
	return &c.v
}

// varExpr is a column of the input.
type varExpr struct{ col int }

func (e *varExpr) vec(b *types.Batch, _ []int32) (*types.Vec, error) { return b.Cols[e.col], nil }
func (e *varExpr) row(r *rowEnv) (types.Datum, error)                { return r.get(e.col), nil }

// constExpr is a literal.
type constExpr struct {
	val types.Datum
	cv  constVec
}

func (e *constExpr) vec(b *types.Batch, _ []int32) (*types.Vec, error) {
	return e.cv.fill(e.val, b.N), nil
}
func (e *constExpr) row(*rowEnv) (types.Datum, error) { return e.val, nil }
func (e *constExpr) scalar() (types.Datum, error)     { return e.val, nil }

// paramExpr is $n of the statement.
type paramExpr struct {
	st *state
	id int
	cv constVec
}

func (e *paramExpr) scalar() (types.Datum, error) {
	if e.id < 1 || e.id > len(e.st.params) {
		return types.Datum{}, noParam(e.id)
	}
	return e.st.params[e.id-1], nil
}
func (e *paramExpr) row(*rowEnv) (types.Datum, error) { return e.scalar() }
func (e *paramExpr) vec(b *types.Batch, _ []int32) (*types.Vec, error) {
	d, err := e.scalar()
	if err != nil {
		return nil, err
	}
	return e.cv.fill(d, b.N), nil
}

// execParamExpr is a slot set by the executor.
type execParamExpr struct {
	st   *state
	slot int
	cv   constVec
}

func (e *execParamExpr) scalar() (types.Datum, error)     { return e.st.execParam(e.slot) }
func (e *execParamExpr) row(*rowEnv) (types.Datum, error) { return e.st.execParam(e.slot) }
func (e *execParamExpr) vec(b *types.Batch, _ []int32) (*types.Vec, error) {
	d, err := e.st.execParam(e.slot)
	if err != nil {
		return nil, err
	}
	return e.cv.fill(d, b.N), nil
}

// onceExpr computes an expression without columns and without volatile functions once an execution, when it is first reached.
type onceExpr struct {
	st   *state
	arg  expr
	gen  uint64
	val  types.Datum
	err  error
	cv   constVec
	exec bool // depends on ParamExec slots: the value is good for as long as no slot changes
	ver  uint64
}

func (e *onceExpr) scalar() (types.Datum, error) {
	if e.gen != e.st.gen || e.exec && e.ver != e.st.version {
		e.val, e.err = e.arg.row(&rowEnv{})
		e.gen, e.ver = e.st.gen, e.st.version
	}
	return e.val, e.err
}
func (e *onceExpr) row(*rowEnv) (types.Datum, error) { return e.scalar() }
func (e *onceExpr) vec(b *types.Batch, sel []int32) (*types.Vec, error) {
	d, err := e.scalar()
	if err != nil {
		return nil, err
	}
	return e.cv.fill(d, b.N), nil
}

// holder is the value that a CaseTestExpr or CoerceToDomainValue stands for.
type holder struct {
	v *types.Vec // while a batch is computed
	d types.Datum
}

// holderExpr reads a holder.
type holderExpr struct {
	h  *holder
	cv constVec
}

func (e *holderExpr) row(r *rowEnv) (types.Datum, error) {
	if e.h.v != nil {
		return e.h.v.Datum(r.pos), nil
	}
	return e.h.d, nil
}

func (e *holderExpr) vec(b *types.Batch, _ []int32) (*types.Vec, error) {
	if e.h.v != nil {
		return e.h.v, nil
	}
	return e.cv.fill(e.h.d, b.N), nil
}

// filterRows returns the rows of sel for which e is true, in buf or a buffer of e's own.
func filterRows(e expr, b *types.Batch, sel []int32, buf *[]int32) ([]int32, error) {
	if f, ok := e.(filterExpr); ok {
		return f.filter(b, sel)
	}
	if s, ok := e.(scalarExpr); ok {
		if len(sel) == 0 {
			return sel, nil
		}
		d, err := s.scalar()
		if err != nil {
			return nil, err
		}
		if d.IsTrue() {
			return sel, nil
		}
		return sel[:0], nil
	}
	v, err := e.vec(b, sel)
	if err != nil {
		return nil, err
	}
	return pickTrue(v, sel, selBuf(buf)), nil
}

// pickTrue appends to out[:0] the rows of sel that are true in v.
func pickTrue(v *types.Vec, sel, out []int32) []int32 {
	out = out[:cap(out)]
	k := 0
	vals := v.Fix
	for _, i := range sel {
		out[k] = i
		k += int(vals[i] & 1)
	}
	if v.Nulls == nil {
		return out[:k]
	}
	return dropNulls(v.Nulls, out[:k])
}

// dropNulls removes in place the rows that are set in nulls.
func dropNulls(nulls types.Bitmap, sel []int32) []int32 {
	k := 0
	for _, i := range sel {
		sel[k] = i
		if !nulls.Get(int(i)) {
			k++
		}
	}
	return sel[:k]
}

// selBuf returns a selection buffer with room for a batch.
func selBuf(buf *[]int32) []int32 {
	if cap(*buf) < types.BatchRows {
		*buf = make([]int32, 0, types.BatchRows)
	}
	return *buf
}

func b2i(b bool) int64 {
	var x int64
	if b {
		x = 1
	}
	return x
}
