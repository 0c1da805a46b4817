package exec

import (
	"kimberlite/exec/plan"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// pairs turns matches of outer and inner rows into the output of a join. Candidates are gathered as pairs of row numbers; the join quals are
// evaluated over the columns they need, and the columns of the target list are gathered for the survivors only.
//
// An outer row number refers to the batch at hand, an inner one to a row store; -1 stands for a row of NULLs.
type pairs struct {
	st     *state
	kind   tree.JoinType
	nOuter int
	quals  expr // join quals; nil for none
	after  filter
	proj   *projection
	qcols  []int // columns of the joined row that the quals need, and that filter and target need
	pcols  []int
	bufs   []scratch
	batch  types.Batch
	qbuf   []int32
	stats  *NodeStats

	l, r         []int32
	realL, realR []int32 // settlePairs' own
}

// joined compiles the expressions of a join over the row made of all columns of outer, then those of inner.
func (b *builder) joined(j *plan.Join, n plan.Node) (*pairs, error) {
	outer, inner := typesOf(j.Outer), typesOf(j.Inner)
	p := &pairs{st: b.st, kind: j.Kind, nOuter: len(outer), stats: b.statsOf(n)}
	all := append(append([]types.T{}, outer...), inner...)
	p.bufs = make([]scratch, len(all))
	p.batch.Cols = make([]*types.Vec, len(all))
	for i, t := range all {
		p.bufs[i] = newScratch(t, types.ClassOf(b.c.io, t.OID))
		p.batch.Cols[i] = &p.bufs[i].v
	}
	var used map[int]bool
	c := b.c.binding(func(v *tree.Var) (expr, error) {
		col := v.AttNo - 1
		switch {
		case v.VarNo == plan.OuterVar && col >= 0 && col < len(outer):
		case v.VarNo == plan.InnerVar && col >= 0 && col < len(inner):
			col += len(outer)
		default:
			return nil, pgerr.Internal("column %d of input %d in a join", v.AttNo, v.VarNo)
		}
		used[col] = true
		return &varExpr{col: col}, nil
	})
	list := func() []int {
		var cols []int
		for i := range all {
			if used[i] {
				cols = append(cols, i)
			}
		}
		return cols
	}
	var err error
	used = map[int]bool{}
	if p.quals, err = c.quals(j.JoinQuals); err != nil {
		return nil, err
	}
	p.qcols = list()
	used = map[int]bool{}
	if p.after, err = b.filter(c, j.Quals, n); err != nil {
		return nil, err
	}
	if p.proj, err = b.projection(c, j.Target, -1); err != nil {
		return nil, err
	}
	p.pcols = list()
	p.l, p.r = make([]int32, 0, types.BatchRows), make([]int32, 0, types.BatchRows)
	return p, nil
}

func (p *pairs) reset()     { p.l, p.r = p.l[:0], p.r[:0] }
func (p *pairs) full() bool { return len(p.l) == types.BatchRows }
func (p *pairs) room() int  { return types.BatchRows - len(p.l) }

func (p *pairs) add(l, r int32) { p.l, p.r = append(p.l, l), append(p.r, r) }

// gather fills the columns listed for the pairs.
func (p *pairs) gather(cols []int, outer *types.Batch, inner *rowStore, l, r []int32) {
	for _, c := range cols {
		if c >= p.nOuter {
			inner.cols[c-p.nOuter].gather(&p.bufs[c], r)
			continue
		}
		gatherVec(&p.bufs[c], outer.Cols[c], l)
	}
	p.batch.N, p.batch.Sel = len(l), nil
}

// gatherVec picks rows of a vector; a negative one is NULL.
func gatherVec(out *scratch, from *types.Vec, rows []int32) {
	v := out.begin(len(rows))
	if v.Class == types.Fixed {
		dst, src := v.Fix, from.Fix
		for k, i := range rows {
			if i >= 0 {
				dst[k] = src[i]
			} else {
				out.null(int32(k))
			}
		}
	} else {
		dst, src := v.Str, from.Str
		for k, i := range rows {
			if i >= 0 {
				dst[k] = src[i]
			} else {
				dst[k] = ""
				out.null(int32(k))
			}
		}
	}
	if from.Nulls != nil {
		for k, i := range rows {
			if i >= 0 && from.Nulls.Get(int(i)) {
				out.null(int32(k))
			}
		}
	}
}

// check evaluates the join quals over the candidates and returns the positions (in p.l and p.r) of those that match.
func (p *pairs) check(outer *types.Batch, inner *rowStore) ([]int32, error) {
	if p.quals == nil {
		return identity[:len(p.l)], nil
	}
	p.gather(p.qcols, outer, inner, p.l, p.r)
	sel, err := filterRows(p.quals, &p.batch, identity[:len(p.l)], &p.qbuf)
	if err == nil && p.stats != nil {
		p.stats.RemovedByJoin += int64(len(p.l) - len(sel))
	}
	return sel, err
}

// output makes the join's output of pairs.
func (p *pairs) output(outer *types.Batch, inner *rowStore, l, r []int32) (*types.Batch, error) {
	p.gather(p.pcols, outer, inner, l, r)
	if err := p.after.apply(&p.batch); err != nil {
		return nil, err
	}
	if p.batch.Rows() == 0 {
		return nil, nil
	}
	return p.proj.apply(&p.batch)
}

// keepsOuter: outer rows without a match appear in the output.
func keepsOuter(k tree.JoinType) bool {
	return k == tree.JoinLeft || k == tree.JoinFull || k == tree.JoinAnti
}

// keepsInner: inner rows without a match appear in the output.
func keepsInner(k tree.JoinType) bool { return k == tree.JoinRight || k == tree.JoinFull }
