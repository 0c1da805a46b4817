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
	factors := r.matchFactors(j, outer, inner, match)
	if kind != j.kind { // RIGHT JOIN: the sides have changed places
		factors = nil
	}
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
		r.hashCost(p, op, ip, outer.ids, hash, factors, append(clauseExprs(rest), clauseExprs(filter)...))
		p.build = func() (plan.Node, []plan.NestParam, error) {
			on, in, params, err := buildSides(op, ip)
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
			n.JoinQuals, n.Quals = joinConditions(kind, rest, filter)
			n.InnerUnique = r.uniqueOn(inner, hash, outer.ids)
			n.Target = r.joinTarget(j)
			setCosts(n, p, j.rel.width)
			slots := &outerSlots{r: r, own: j.rel.ids, params: params}
			n.JoinQuals, n.Quals = slots.fixAll(n.JoinQuals), slots.fixAll(n.Quals)
			return n, slots.params, nil
		}
		r.addPath(j.rel, p)
	}
}

// hashCost is PostgreSQL's cost of a hash join (initial_cost_hashjoin and final_cost_hashjoin).
func (r *root) hashCost(p, op, ip *path, outer relids, hash []*clause, f *matchFactors, quals []tree.Expr) {
	s := r.settings()
	n := float64(len(hash))
	outerRows, innerRows := math.Max(1, op.rows), math.Max(1, ip.rows)
	buckets, batches := hashTableSize(innerRows, ip.rel.width, s.WorkMem*hashMemMultiplier)
	p.startup = op.startup + ip.total + innerRows*(s.CPUOperatorCost*n+s.CPUTupleCost)
	run := op.total - op.startup + s.CPUOperatorCost*n*outerRows
	if batches > 1 { // written and read again
		outerPages := math.Ceil(outerRows * tupleBytes(op.rel.width) / pageSize)
		innerPages := math.Ceil(innerRows * tupleBytes(ip.rel.width) / pageSize)
		p.startup += s.SeqPageCost * innerPages
		run += s.SeqPageCost * (innerPages + 2*outerPages)
	}
	bucket := 1.0 // the fraction of inner rows in the bucket of an outer row
	for _, c := range hash {
		_, i := c.sides(outer)
		bucket = math.Min(bucket, r.bucketFraction(i, ip.rel, buckets*batches))
	}
	hashStart, hashRow := r.qualCost(clauseExprs(hash))
	p.startup += hashStart
	var matches float64
	if f != nil {
		matched := math.Round(outerRows * f.outerMatch)
		run += hashRow*matched*clampRows(innerRows*bucket*2/(f.matches+1))*0.5 +
			hashRow*(outerRows-matched)*clampRows(innerRows/(buckets*batches))*0.05
		matches = matched
	} else {
		run += hashRow * outerRows * clampRows(innerRows*bucket) * 0.5
		sel := 1.0
		for _, c := range hash {
			sel *= r.clauseSel(c)
		}
		matches = clampRows(outerRows * innerRows * sel)
	}
	start, perRow := r.qualCost(quals)
	p.startup += start
	run += matches * (s.CPUTupleCost + perRow)
	if !s.HashJoin {
		p.startup += disableCost
	}
	p.total = p.startup + run
	p.rescan, p.rescanStartup = p.total, p.startup
	if batches == 1 { // the table is still there
		p.rescan, p.rescanStartup = run, 0
	}
}

// hashMemMultiplier is how much more than work_mem hashing may take (hash_mem_multiplier).
const hashMemMultiplier = 2

// hashTableSize is what the executor would start with for so many rows: buckets, a power of two, and batches.
func hashTableSize(rows float64, width int, memory float64) (buckets, batches float64) {
	bytes := rows * (float64((width+7)&^7) + 32)
	batches = 1
	for bytes/batches > memory {
		batches *= 2
	}
	buckets = 1024
	for buckets < rows/batches {
		buckets *= 2
	}
	return buckets, batches
}

// bucketFraction is the fraction of inner rows that an average probe meets (estimate_hash_bucket_stats): common values make buckets fuller.
func (r *root) bucketFraction(e tree.Expr, inner *rel, buckets float64) float64 {
	most, nulls := 0.0, 0.0
	v, isVar := stripRelabel(e).(*tree.Var)
	known := false
	if isVar {
		if st := r.columnStats(v); st != nil {
			known, nulls = true, st.NullFrac
			if len(st.MCF) > 0 {
				most = st.MCF[0]
			}
		}
		known = known || r.isUniqueVar(v)
	}
	nd := r.distinct(e)
	if !known && nd == defaultNDist {
		return math.Max(0.1, most)
	}
	average := (1 - nulls) / math.Max(1, nd)
	if isVar {
		if b, ok := r.baseOf(v); ok && b.tuples > 0 {
			nd = clampRows(nd * b.rows / b.tuples)
		}
	}
	f := 1 / math.Max(1, math.Min(nd, buckets))
	if average > 0 && most > average {
		f *= most / average
	}
	return math.Min(1, math.Max(1e-6, f))
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
