package exec

import (
	"kimberlite/exec/plan"
	"kimberlite/sql/functions"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// frameSpec is the frame clause of a window.
type frameSpec struct {
	opts       tree.FrameOption
	excludes   bool
	start, end expr // offsets; nil for none
	startVal   types.Datum
	endVal     types.Datum
	// inStart and inEnd are the in_range functions of RANGE with offsets.
	inStart, inEnd func(val, base, offset types.Datum, sub, less bool) (bool, error)
	asc            bool
	nullsFirst     bool
}

func (f *frameSpec) compile(c *compiler, n *plan.WindowAgg, o *windowOp) error {
	w := n.Clause
	f.opts = w.Frame
	f.excludes = f.opts&(tree.FrameExcludeCurrentRow|tree.FrameExcludeGroup|tree.FrameExcludeTies) != 0
	f.asc, f.nullsFirst = w.InRangeAsc, w.InRangeNullsFirst
	var err error
	if w.StartOffset != nil {
		if f.start, err = c.compile(w.StartOffset); err != nil {
			return err
		}
	}
	if w.EndOffset != nil {
		if f.end, err = c.compile(w.EndOffset); err != nil {
			return err
		}
	}
	if w.StartInRange != 0 && w.StartOffset != nil && len(o.order) > 0 {
		if f.inStart, err = c.inRange(w.StartInRange, o.inCols[o.order[0].col], w.StartOffset.Type()); err != nil {
			return err
		}
	}
	if w.EndInRange != 0 && w.EndOffset != nil && len(o.order) > 0 {
		if f.inEnd, err = c.inRange(w.EndInRange, o.inCols[o.order[0].col], w.EndOffset.Type()); err != nil {
			return err
		}
	}
	return nil
}

// inRange compiles an in_range support function.
func (c *compiler) inRange(fn types.OID, key, offset types.T) (func(val, base, off types.Datum, sub, less bool) (bool, error), error) {
	impl, ok := functions.LookupScalar(fn)
	if !ok {
		return nil, c.unsupported(callSite{fn: fn}, c.proc(fn))
	}
	boolT := types.Of(types.OIDBool)
	call := &functions.Call{
		Func: fn, Name: "in_range", Ret: boolT, Env: &c.st.env,
		Args: []types.T{key, key, offset, boolT, boolT}, ConstArgs: make([]*types.Datum, 5),
	}
	return func(val, base, off types.Datum, sub, less bool) (bool, error) {
		d, err := impl.Row(call, []types.Datum{val, base, off, types.Bool(sub), types.Bool(less)})
		return d.IsTrue(), err
	}, nil
}

// offset evaluates an offset for an execution.
func (f *frameSpec) offset(x expr, what string) (types.Datum, error) {
	if x == nil {
		return types.Datum{}, nil
	}
	d, err := x.row(&rowEnv{})
	if err != nil {
		return d, err
	}
	if d.Null {
		return d, pgerr.Newf(pgerr.NullValueNotAllowed, "frame %s offset must not be null", what)
	}
	if f.opts&(tree.FrameRows|tree.FrameGroups) != 0 && d.I < 0 {
		return d, pgerr.Newf(pgerr.InvalidPrecedingOrFollowingSize, "frame %s offset must not be negative", what)
	}
	return d, nil
}

func (f *frameSpec) evaluate() (err error) {
	if f.startVal, err = f.offset(f.start, "starting"); err != nil {
		return err
	}
	f.endVal, err = f.offset(f.end, "ending")
	return err
}

// partition shows the rows of the partition at hand to window functions. Frame bounds of RANGE with offsets are searched from those of the row before, since
// they only move forward.
type partition struct {
	o      *windowOp
	call   *windowCall
	groups []int32 // peer group of each row
	starts []int32 // first row of each peer group, and the number of rows at the end
	lastS  int     // RANGE with offset: bound of the row before
	lastE  int
	posS   int
	posE   int
}

// begin finds the peer groups.
func (w *partition) begin() {
	n := w.o.rows.n
	w.groups, w.starts = w.groups[:0], w.starts[:0]
	for i := range n {
		if i == 0 || len(w.o.order) > 0 && compareRows(w.o.rows, w.o.order, i-1, i) != 0 {
			w.starts = append(w.starts, int32(i))
		}
		w.groups = append(w.groups, int32(len(w.starts)-1))
	}
	w.starts = append(w.starts, int32(n))
	w.lastS, w.lastE, w.posS, w.posE = 0, 0, -1, -1
}

// Len implements functions.Partition.
func (w *partition) Len() int { return w.o.rows.n }

// Arg implements functions.Partition.
func (w *partition) Arg(i, pos int) (types.Datum, error) { return w.call.vals[i].datum(pos), nil }

// PeerStart implements functions.Partition.
func (w *partition) PeerStart(pos int) int { return int(w.starts[w.groups[pos]]) }

// PeerEnd implements functions.Partition.
func (w *partition) PeerEnd(pos int) int { return int(w.starts[w.groups[pos]+1]) }

// PeerGroup implements functions.Partition.
func (w *partition) PeerGroup(pos int) int { return int(w.groups[pos]) }

// FrameStart implements functions.Partition.
func (w *partition) FrameStart(pos int) (int, error) {
	f := &w.o.frame
	n := w.o.rows.n
	switch {
	case f.opts&tree.FrameStartUnboundedPreceding != 0 || f.opts == 0:
		return 0, nil
	case f.opts&tree.FrameStartCurrentRow != 0:
		if f.opts&tree.FrameRows != 0 {
			return pos, nil
		}
		return w.PeerStart(pos), nil
	case f.opts&tree.FrameStartUnboundedFollowing != 0:
		return n, nil
	}
	preceding := f.opts&tree.FrameStartOffsetPreceding != 0
	switch {
	case f.opts&tree.FrameRows != 0:
		return clampAdd(pos, f.startVal.I, preceding, n), nil
	case f.opts&tree.FrameGroups != 0:
		return int(w.starts[w.group(pos, f.startVal.I, preceding)]), nil
	}
	return w.rangeStart(pos, preceding)
}

// FrameEnd implements functions.Partition.
func (w *partition) FrameEnd(pos int) (int, error) {
	f := &w.o.frame
	n := w.o.rows.n
	switch {
	case f.opts&tree.FrameEndUnboundedFollowing != 0:
		return n, nil
	case f.opts&tree.FrameEndCurrentRow != 0 || f.opts == 0:
		if f.opts&tree.FrameRows != 0 {
			return pos + 1, nil
		}
		return w.PeerEnd(pos), nil
	case f.opts&tree.FrameEndUnboundedPreceding != 0:
		return 0, nil
	}
	preceding := f.opts&tree.FrameEndOffsetPreceding != 0
	switch {
	case f.opts&tree.FrameRows != 0:
		return min(clampAdd(pos, f.endVal.I, preceding, n)+b2int(!preceding || int64(pos) >= f.endVal.I), n), nil
	case f.opts&tree.FrameGroups != 0:
		if preceding && int64(w.groups[pos]) < f.endVal.I {
			return 0, nil
		}
		g := w.group(pos, f.endVal.I, preceding)
		return int(w.starts[min(g+1, len(w.starts)-1)]), nil
	}
	return w.rangeEnd(pos, preceding)
}

func b2int(b bool) int {
	if b {
		return 1
	}
	return 0
}

// clampAdd moves a row number by an offset and keeps it within 0..n.
func clampAdd(pos int, off int64, back bool, n int) int {
	if back {
		if off > int64(pos) {
			return 0
		}
		return pos - int(off)
	}
	if off > int64(n-pos) {
		return n
	}
	return pos + int(off)
}

// group moves from pos's peer group by an offset; the number of groups stands for "beyond the last".
func (w *partition) group(pos int, off int64, back bool) int {
	return clampAdd(int(w.groups[pos]), off, back, len(w.starts)-1)
}

func (w *partition) orderValue(i int) types.Datum { return w.o.rows.cols[w.o.order[0].col].datum(i) }

// rangeStart finds the first row whose order value is within the offset of pos's. Rows with a NULL are in range of each other only.
func (w *partition) rangeStart(pos int, preceding bool) (int, error) {
	f := &w.o.frame
	base := w.orderValue(pos)
	if base.Null {
		return w.PeerStart(pos), nil
	}
	if pos < w.posS {
		w.lastS = 0
	}
	w.posS = pos
	sub, less := preceding, false
	if !f.asc {
		sub, less = !sub, true
	}
	for ; w.lastS < w.o.rows.n; w.lastS++ {
		v := w.orderValue(w.lastS)
		if v.Null {
			if w.lastS < pos { // NULLs come first
				continue
			}
			break
		}
		ok, err := f.inStart(v, base, f.startVal, sub, less)
		if err != nil {
			return 0, err
		}
		if ok {
			break
		}
	}
	return w.lastS, nil
}

// rangeEnd finds the row after the last one within the offset.
func (w *partition) rangeEnd(pos int, preceding bool) (int, error) {
	f := &w.o.frame
	base := w.orderValue(pos)
	if base.Null {
		return w.PeerEnd(pos), nil
	}
	if pos < w.posE {
		w.lastE = 0
	}
	w.posE = pos
	sub, less := preceding, true
	if !f.asc {
		sub, less = !sub, false
	}
	for ; w.lastE < w.o.rows.n; w.lastE++ {
		v := w.orderValue(w.lastE)
		if v.Null {
			if w.lastE < pos {
				continue
			}
			break
		}
		ok, err := f.inEnd(v, base, f.endVal, sub, less)
		if err != nil {
			return 0, err
		}
		if !ok {
			break
		}
	}
	return w.lastE, nil
}

// Excluded implements functions.Partition.
func (w *partition) Excluded(pos, i int) bool {
	f := &w.o.frame
	switch {
	case !f.excludes:
		return false
	case f.opts&tree.FrameExcludeCurrentRow != 0:
		return i == pos
	case f.opts&tree.FrameExcludeGroup != 0:
		return w.groups[i] == w.groups[pos]
	}
	return i != pos && w.groups[i] == w.groups[pos]
}
