package planner

import (
	"math"

	"kimberlite/exec/plan"
	"kimberlite/sql/tree"
)

// hashPaths: build a table of the inner side, probe it with the outer one.
func (r *root) hashPaths(j *joinSpec, outer, inner *rel, kind tree.JoinType) {
	match, filter := j.split()
	var hash []*clause
	for _, c := range equiClauses(match, outer.ids, inner.ids) {
		if c.canHash {
			hash = append(hash, c)
		}
	}
	if len(hash) == 0 {
		return
	}
	rest := without(match, hash...)
	s := r.settings()
	ip := independent(inner, outer.ids)
	if ip == nil {
		return
	}
	for _, op := range []*path{independent(outer, inner.ids), startupPath(outer, inner.ids)} {
		if op == nil {
			continue
		}
		op := op
		p := &path{rel: j.rel, rows: j.rel.rows, outer: op.outer | ip.outer, enforced: append(append([]*clause(nil), op.enforced...), ip.enforced...)}
		n := float64(len(hash))
		p.startup = op.startup + ip.total + ip.rows*(s.CPUOperatorCost*n+s.CPUTupleCost)
		_, perRow := r.qualCost(append(clauseExprs(rest), clauseExprs(filter)...))
		// Rows that share a bucket are compared.
		matches := math.Max(j.rel.rows, 1)
		if len(rest) > 0 {
			matches = math.Max(matches, op.rows*math.Max(1, ip.rows/math.Max(1, r.hashDistinct(hash, outer.ids))))
		}
		run := op.total - op.startup + s.CPUOperatorCost*n*op.rows + matches*(s.CPUOperatorCost*n*0.5+perRow) + j.rel.rows*s.CPUTupleCost
		if bytes := ip.rows * float64(inner.width+24); bytes > s.WorkMem { // partitions written and read again
			run += 2 * (bytes + op.rows*float64(outer.width+24)) / 8192 * s.SeqPageCost
		}
		p.total = p.startup + run
		if !s.HashJoin {
			p.startup += disableCost
			p.total += disableCost
		}
		p.rescan = p.total
		p.build = func() (plan.Node, []plan.NestParam, error) {
			on, oparams, err := op.build()
			if err != nil {
				return nil, nil, err
			}
			in, iparams, err := ip.build()
			if err != nil {
				return nil, nil, err
			}
			h := &plan.Hash{}
			h.Outer = in
			h.Target = passThrough(in)
			ic := in.Common()
			h.StartupCost, h.TotalCost, h.Rows, h.Width = ic.TotalCost, ic.TotalCost, ic.Rows, ic.Width
			n := &plan.HashJoin{}
			n.Kind = kind
			n.Outer, n.Inner = on, h
			for _, c := range hash {
				o, i := c.sides(outer.ids)
				n.OuterKeys = append(n.OuterKeys, o)
				n.InnerKeys = append(n.InnerKeys, i)
				n.EqOps = append(n.EqOps, c.op.Op)
				n.HashQuals = append(n.HashQuals, r.orient(c, outer.ids))
			}
			n.JoinQuals, n.Quals = clauseExprs(rest), clauseExprs(filter)
			if kind == tree.JoinInner {
				n.JoinQuals, n.Quals = clauseExprs(append(append([]*clause(nil), rest...), filter...)), nil
			}
			n.InnerUnique = r.uniqueOn(inner, hash, outer.ids)
			n.Target = r.joinTarget(j)
			setCosts(n, p, j.rel.width)
			slots := &outerSlots{r: r, own: j.rel.ids, params: append(oparams, iparams...)}
			n.JoinQuals, n.Quals = slots.fixAll(n.JoinQuals), slots.fixAll(n.Quals)
			return n, slots.params, nil
		}
		r.addPath(j.rel, p)
	}
}

func (r *root) hashDistinct(hash []*clause, outer relids) float64 {
	nd := 1.0
	for _, c := range hash {
		_, i := c.sides(outer)
		nd *= r.distinct(i)
	}
	return nd
}

// startupPath is the independent path that yields its first row soonest, if it is another one than the cheapest.
func startupPath(rl *rel, other relids) *path {
	first := independent(rl, other)
	best := first
	for _, p := range rl.paths {
		if best != nil && rl.lateral.has(p.outer) && p.startup < best.startup {
			best = p
		}
	}
	if best == first {
		return nil
	}
	return best
}
