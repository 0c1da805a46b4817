package planner

import (
	"math"

	"kimberlite/exec/plan"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// joinSpec is one way to split a join relation.
type joinSpec struct {
	kind    tree.JoinType
	oj      *outerJoin
	rel     *rel
	clauses []*clause
}

// split separates the conditions that decide about matches from those that filter joined rows (they differ for outer joins only).
func (j *joinSpec) split() (match, filter []*clause) {
	if j.kind == tree.JoinInner {
		return j.clauses, nil
	}
	for _, c := range j.clauses {
		if c.outer == j.oj || j.kind == tree.JoinSemi {
			match = append(match, c)
		} else if j.kind == tree.JoinAnti && c.ec != nil {
			match = append(match, c)
		} else {
			filter = append(filter, c)
		}
	}
	return
}

// joinRows estimates the size of a join.
func (r *root) joinRows(left, right *rel, kind tree.JoinType, clauses []*clause) float64 {
	sel := 1.0
	for _, c := range clauses {
		sel *= r.clauseSel(c)
	}
	sel = r.foreignKeySel(left, right, clauses, sel)
	inner := left.rows * right.rows * sel
	switch kind {
	case tree.JoinLeft:
		return clampRows(math.Max(inner, left.rows))
	case tree.JoinFull:
		return clampRows(math.Max(inner, math.Max(left.rows, right.rows)))
	case tree.JoinSemi:
		return clampRows(left.rows * r.semiFraction(left, right, clauses))
	case tree.JoinAnti:
		return clampRows(left.rows * math.Max(0.0001, 1-r.semiFraction(left, right, clauses)))
	}
	return clampRows(inner)
}

// foreignKeySel: equalities on all columns of a unique key of one side select one row at most of it, however many columns there are.
func (r *root) foreignKeySel(left, right *rel, clauses []*clause, sel float64) float64 {
	for _, side := range []*rel{left, right} {
		if side.ids.count() != 1 || len(side.unique) == 0 {
			continue
		}
		for _, u := range side.unique {
			if len(u) < 2 {
				continue
			}
			covered, part := 0, 1.0
			for _, att := range u {
				for _, c := range clauses {
					if c.op != nil && (isColumn(c.left, side.rti, att) || isColumn(c.right, side.rti, att)) && c.canMerge {
						covered++
						part *= r.clauseSel(c)
						break
					}
				}
			}
			if covered == len(u) {
				want := 1 / math.Max(1, side.tuples)
				if part < want {
					sel = sel / part * want
				}
			}
		}
	}
	return sel
}

func isColumn(e tree.Expr, rti, att int) bool {
	v, ok := stripRelabel(e).(*tree.Var)
	return ok && v.VarNo == rti && v.AttNo == att && v.LevelsUp == 0
}

// semiFraction is the fraction of left rows that have a match: the smaller number of distinct keys over the left's.
func (r *root) semiFraction(left, right *rel, clauses []*clause) float64 {
	f := 1.0
	for _, c := range clauses {
		if c.op == nil || !c.canMerge && !c.canHash {
			f *= math.Max(r.clauseSel(c), 0.3)
			continue
		}
		le, re := c.left, c.right
		if right.ids.has(c.leftRels) {
			le, re = re, le
		}
		nl := math.Min(r.distinct(le), left.rows)
		nr := math.Min(r.distinct(re), right.rows)
		f *= math.Min(1, nr/math.Max(1, nl))
	}
	if len(clauses) == 0 {
		return 1
	}
	return clampSel(f)
}

// equiClauses picks the hashable or mergeable conditions with one side on each input.
func equiClauses(clauses []*clause, left, right relids) (equi []*clause) {
	for _, c := range clauses {
		if c.op == nil || !c.canHash && !c.canMerge || c.leftRels == 0 || c.rightRels == 0 {
			continue
		}
		if left.has(c.leftRels) && right.has(c.rightRels) || left.has(c.rightRels) && right.has(c.leftRels) {
			equi = append(equi, c)
		}
	}
	return
}

// sides returns the expressions of an equality over the outer and the inner input.
func (c *clause) sides(outer relids) (o, i tree.Expr) {
	if outer.has(c.leftRels) {
		return c.left, c.right
	}
	return c.right, c.left
}

// joinPaths adds nested-loop, hash and merge joins with `outer` as the outer input.
func (r *root) joinPaths(j *joinSpec, outer, inner *rel) {
	r.nestPaths(j, outer, inner)
	r.hashPaths(j, outer, inner, j.kind)
	r.mergePaths(j, outer, inner)
}

func (r *root) rightJoinPaths(j *joinSpec, left, right *rel) {
	if j.kind != tree.JoinLeft {
		return
	}
	r.hashPaths(j, right, left, tree.JoinRight)
}

// semiAsInner: when the right side is unique on the joining columns, or made so, a semi join is an inner join and can be turned around.
func (r *root) semiAsInner(j *joinSpec, left, right *rel) {
	match, _ := j.split()
	equi := equiClauses(match, left.ids, right.ids)
	if len(equi) != len(match) || len(equi) == 0 {
		return
	}
	if r.uniqueOn(right, equi, left.ids) {
		inner := &joinSpec{kind: tree.JoinInner, rel: j.rel, clauses: j.clauses}
		r.joinPaths(inner, left, right)
		r.joinPaths(inner, right, left)
		return
	}
	if uniq := r.uniquified(right, equi, left.ids); uniq != nil {
		inner := &joinSpec{kind: tree.JoinInner, rel: j.rel, clauses: j.clauses}
		r.nestPaths(inner, uniq, left)
		r.hashPaths(inner, uniq, left, tree.JoinInner)
	}
}

// uniquified is the relation with duplicates in the joining columns removed.
func (r *root) uniquified(rl *rel, equi []*clause, other relids) *rel {
	p := cheapest(rl, 0)
	if p == nil || !r.settings().HashAgg {
		return nil
	}
	var exprs []tree.Expr
	var ops []types.OID
	nd := 1.0
	for _, c := range equi {
		_, e := c.sides(other)
		exprs = append(exprs, e)
		ops = append(ops, r.g.env.Catalog.TypeOps(r.baseType(e.Type().OID)).Eq)
		if _, ok := stripRelabel(e).(*tree.Var); !ok {
			return nil
		}
		nd *= r.distinct(e)
	}
	s := r.settings()
	u := &rel{ids: rl.ids, rows: clampRows(math.Min(rl.rows, nd)), width: rl.width, tuples: rl.tuples, unique: rl.unique, rti: rl.rti, rte: rl.rte}
	up := &path{rel: u, rows: u.rows}
	up.startup = p.total + p.rows*s.CPUOperatorCost*float64(len(exprs))
	up.total = up.startup + u.rows*s.CPUTupleCost
	up.rescan = up.total
	up.build = func() (plan.Node, []plan.NestParam, error) {
		child, params, err := p.build()
		if err != nil {
			return nil, nil, err
		}
		n := &plan.Agg{Strategy: plan.AggHashed, GroupEq: ops}
		n.Outer = child
		for _, e := range exprs {
			col, err := r.columnOf(child, e)
			if err != nil {
				return nil, nil, err
			}
			n.GroupCols = append(n.GroupCols, col)
		}
		n.Target = passThrough(child)
		setCosts(n, up, u.width)
		return n, params, nil
	}
	u.paths = []*path{up}
	return u
}

// uniqueOn reports whether at most one row of rl matches given equalities on the conditions' columns.
func (r *root) uniqueOn(rl *rel, equi []*clause, other relids) bool {
	if rl.ids.count() != 1 {
		return false
	}
	for _, u := range rl.unique {
		all := true
		for _, att := range u {
			found := false
			for _, c := range equi {
				_, e := c.sides(other)
				if isColumn(e, rl.rti, att) {
					found = true
				}
			}
			for _, q := range rl.quals {
				if q.op != nil && q.canMergeEq(r) && (isColumn(q.left, rl.rti, att) && q.rightRels == 0 || isColumn(q.right, rl.rti, att) && q.leftRels == 0) {
					found = true
				}
			}
			all = all && found
		}
		if all && len(u) > 0 {
			return true
		}
	}
	return false
}

func (c *clause) canMergeEq(r *root) bool {
	o := r.g.env.Catalog.Operator(c.op.Op)
	return o != nil && o.Name == "="
}

// nestPaths: for each outer row, run the inner path, which may take values from it.
func (r *root) nestPaths(j *joinSpec, outer, inner *rel) {
	if j.kind == tree.JoinFull || j.kind == tree.JoinRight {
		return
	}
	s := r.settings()
	match, filter := j.split()
	for _, op := range outer.paths {
		if op.outer.meets(inner.ids) {
			continue
		}
		for _, ip := range r.nestInner(outer, inner) {
			if !outer.ids.has(ip.outer &^ r.externalOuter(ip.outer, outer.ids, inner.ids)) {
				continue
			}
			op, ip := op, ip
			rest := r.dropEnforced(match, ip, outer.ids)
			p := &path{rel: j.rel, rows: j.rel.rows, keys: op.keys}
			p.outer = (op.outer | ip.outer) &^ j.rel.ids
			p.enforced = append(append([]*clause(nil), op.enforced...), ip.enforced...)
			if p.outer != 0 {
				p.rows = clampRows(math.Min(j.rel.rows, math.Max(1, op.rows)*math.Max(1, ip.rows)))
			}
			_, perRow := r.qualCost(append(clauseExprs(rest), clauseExprs(filter)...))
			n := math.Max(1, op.rows)
			pairs := n * math.Max(1, ip.rows)
			inrun := ip.total + (n-1)*ip.rescan
			if (j.kind == tree.JoinSemi || j.kind == tree.JoinAnti) && len(rest) == 0 { // stops at the first match
				per := ip.startup + (ip.rescan-ip.startup)/math.Max(1, ip.rows)
				inrun = n * per
				pairs = n
			}
			p.startup = op.startup + ip.startup
			p.total = op.total + inrun + pairs*(s.CPUTupleCost+perRow)
			if !s.NestLoop {
				p.startup += disableCost
				p.total += disableCost
			}
			p.rescan = p.total
			p.build = func() (plan.Node, []plan.NestParam, error) {
				return r.buildNest(j, p, op, ip, outer, rest, filter)
			}
			r.addPath(j.rel, p)
		}
	}
}

// externalOuter is what a path takes from relations that neither input supplies: the join then takes it from further out.
func (r *root) externalOuter(need, outer, inner relids) relids { return need &^ (outer | inner) }

// nestInner lists inner paths worth considering: the cheapest, materialized, and those that take values from the outer side (also cached by Memoize).
func (r *root) nestInner(outer, inner *rel) []*path {
	var out []*path
	if c := cheapest(inner, 0); c != nil {
		out = append(out, c)
		if m := r.materialPath(c); m != nil {
			out = append(out, m)
		}
	}
	for _, p := range inner.paths {
		if p.outer != 0 && p.outer.meets(outer.ids) {
			out = append(out, p)
			if m := r.memoizePath(p, outer); m != nil {
				out = append(out, m)
			}
		}
	}
	return out
}

func (r *root) materialPath(c *path) *path {
	s := r.settings()
	if !s.Material {
		return nil
	}
	m := &path{rel: c.rel, rows: c.rows, startup: c.startup, keys: c.keys, outer: c.outer, enforced: c.enforced, unique: c.unique}
	m.total = c.total + c.rows*2*s.CPUOperatorCost
	m.rescan = c.rows * s.CPUOperatorCost
	m.build = func() (plan.Node, []plan.NestParam, error) {
		child, params, err := c.build()
		if err != nil {
			return nil, nil, err
		}
		return r.materialNode(child, m), params, nil
	}
	return m
}

func (r *root) materialNode(child plan.Node, p *path) plan.Node {
	n := &plan.Material{}
	n.Outer = child
	n.Target = passThrough(child)
	setCosts(n, p, child.Common().Width)
	return n
}

// materialize keeps a subplan's rows for its next run.
func (r *root) materialize(node plan.Node) plan.Node {
	if _, ok := node.(*plan.Material); ok {
		return node
	}
	c := node.Common()
	n := &plan.Material{}
	n.Outer = node
	n.Target = passThrough(node)
	n.StartupCost, n.TotalCost, n.Rows, n.Width = c.StartupCost, c.TotalCost+c.Rows*2*r.settings().CPUOperatorCost, c.Rows, c.Width
	return n
}

// memoizePath caches a parameterized inner scan by its parameter values, which pays when the outer side repeats them.
func (r *root) memoizePath(p *path, outer *rel) *path {
	s := r.settings()
	if !s.Memoize || len(p.enforced) == 0 || p.outer&^outer.ids != 0 {
		return nil
	}
	var keys []tree.Expr
	var ops []types.OID
	nd := 1.0
	for _, c := range p.enforced {
		if c.op == nil || !c.canHash {
			return nil
		}
		o, _ := c.sides(outer.ids)
		if !outer.ids.has(r.relsIn(o)) {
			return nil
		}
		keys = append(keys, o)
		ops = append(ops, r.g.env.Catalog.TypeOps(r.baseType(o.Type().OID)).Eq)
		nd *= r.distinct(o)
	}
	calls := math.Max(1, outer.rows)
	nd = math.Min(nd, calls)
	hit := (calls - nd) / calls
	if hit < 0.1 {
		return nil
	}
	m := &path{rel: p.rel, rows: p.rows, startup: p.startup, outer: p.outer, enforced: p.enforced, unique: p.unique}
	m.total = p.total + s.CPUTupleCost
	m.rescan = p.rescan*(1-hit) + s.CPUTupleCost*p.rows + s.CPUOperatorCost
	m.build = func() (plan.Node, []plan.NestParam, error) {
		child, params, err := p.build()
		if err != nil {
			return nil, nil, err
		}
		n := &plan.Memoize{Ops: ops}
		for _, k := range keys {
			found := false
			for _, pr := range params {
				if tree.Equal(pr.Value, stripRelabel(k)) {
					n.Keys = append(n.Keys, paramFor(pr.Slot, pr.Value))
					found = true
					break
				}
			}
			if !found {
				return child, params, nil // the key isn't a plain column: no cache
			}
		}
		if len(params) != len(n.Keys) {
			return child, params, nil
		}
		n.Outer = child
		n.Target = passThrough(child)
		setCosts(n, m, child.Common().Width)
		return n, params, nil
	}
	return m
}

// dropEnforced removes conditions that the inner path has applied already.
func (r *root) dropEnforced(match []*clause, ip *path, outer relids) []*clause {
	if len(ip.enforced) == 0 {
		return match
	}
	var out []*clause
	for _, c := range match {
		drop := false
		for _, e := range ip.enforced {
			if e == c || e.ec != nil && e.ec == c.ec || tree.Equal(e.expr, c.expr) || r.sameClass(e, c) {
				drop = true
			}
		}
		if !drop {
			out = append(out, c)
		}
	}
	return out
}

// sameClass: both conditions are equalities of one equivalence class.
func (r *root) sameClass(a, b *clause) bool {
	if a.op == nil || b.op == nil || a.outer != nil || b.outer != nil {
		return false
	}
	for _, ec := range r.ecs {
		hasA, hasB := false, false
		for _, s := range ec.sources {
			hasA = hasA || s == a
			hasB = hasB || s == b
		}
		if hasA {
			return hasB
		}
	}
	return false
}

func (r *root) buildNest(j *joinSpec, p, op, ip *path, outer *rel, match, filter []*clause) (plan.Node, []plan.NestParam, error) {
	on, oparams, err := op.build()
	if err != nil {
		return nil, nil, err
	}
	in, iparams, err := ip.build()
	if err != nil {
		return nil, nil, err
	}
	n := &plan.NestLoop{}
	n.Kind = j.kind
	params := append([]plan.NestParam(nil), oparams...)
	for _, ipar := range iparams {
		if outer.ids.has(r.relsIn(ipar.Value)) {
			n.Params = append(n.Params, ipar)
		} else {
			params = append(params, ipar)
		}
	}
	n.Outer, n.Inner = on, in
	n.JoinQuals, n.Quals = clauseExprs(match), clauseExprs(filter)
	if j.kind == tree.JoinInner {
		n.JoinQuals, n.Quals = clauseExprs(append(append([]*clause(nil), match...), filter...)), nil
	}
	n.InnerUnique = ip.unique
	n.Target = r.joinTarget(j)
	setCosts(n, p, j.rel.width)
	// What comes from outside replaces columns of relations that aren't inputs in the join's own conditions as well.
	slots := &outerSlots{r: r, own: j.rel.ids, params: params}
	n.JoinQuals, n.Quals = slots.fixAll(n.JoinQuals), slots.fixAll(n.Quals)
	return n, slots.params, nil
}

// joinTarget is what the join hands up.
func (r *root) joinTarget(j *joinSpec) []tree.TargetEntry { return r.relTarget(j.rel.ids) }

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
	ip := cheapest(inner, 0)
	if ip == nil {
		return
	}
	for _, op := range []*path{cheapest(outer, 0), startupPath(outer)} {
		if op == nil {
			continue
		}
		op := op
		p := &path{rel: j.rel, rows: j.rel.rows, enforced: append(append([]*clause(nil), op.enforced...), ip.enforced...)}
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
			return n, append(oparams, iparams...), nil
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

// startupPath is the path that yields its first row soonest, if it is another one than the cheapest.
func startupPath(rl *rel) *path {
	best := cheapest(rl, 0)
	for _, p := range rl.paths {
		if p.outer == 0 && best != nil && p.startup < best.startup {
			best = p
		}
	}
	if best == cheapest(rl, 0) {
		return nil
	}
	return best
}

// orient writes an equality with the outer side on the left.
func (r *root) orient(c *clause, outer relids) tree.Expr {
	if outer.has(c.leftRels) {
		return c.expr
	}
	o := r.g.env.Catalog.Operator(c.op.Op)
	if o == nil || o.Commutator == 0 {
		return c.expr
	}
	com := r.g.env.Catalog.Operator(o.Commutator)
	if com == nil {
		return c.expr
	}
	e := *c.op
	e.Op, e.Func = com.OID, com.Func
	e.Args = []tree.Expr{c.right, c.left}
	return &e
}

// mergePaths: both inputs sorted on the equalities, read in step.
func (r *root) mergePaths(j *joinSpec, outer, inner *rel) {
	s := r.settings()
	match, filter := j.split()
	var merge []*clause
	for _, c := range equiClauses(match, outer.ids, inner.ids) {
		if c.canMerge {
			o, i := c.sides(outer.ids)
			if r.baseType(o.Type().OID) == r.baseType(i.Type().OID) || r.comparable(o, i) {
				merge = append(merge, c)
			}
		}
	}
	if len(merge) == 0 || j.kind == tree.JoinSemi && len(match) != len(merge) {
		return
	}
	rest := without(match, merge...)
	if j.kind == tree.JoinAnti && len(rest) > 0 || j.kind == tree.JoinFull && len(rest) > 0 {
		return
	}
	for _, op := range mergeCandidates(outer) {
		ordered := r.orderFor(op.keys, merge, outer.ids)
		okeys, ikeys := r.mergeKeys(ordered, outer.ids)
		osorted := r.sortedPath(outer, op, okeys)
		ibest := r.bestSorted(inner, ikeys)
		if ibest == nil || osorted == nil {
			continue
		}
		p := &path{rel: j.rel, rows: j.rel.rows, keys: osorted.keys}
		if j.kind == tree.JoinFull {
			p.keys = nil
		}
		p.startup = osorted.startup + ibest.startup
		_, perRow := r.qualCost(append(clauseExprs(rest), clauseExprs(filter)...))
		p.total = osorted.total + ibest.total + (osorted.rows+ibest.rows)*s.CPUOperatorCost*float64(len(ordered)) + j.rel.rows*(s.CPUTupleCost+perRow)
		if !s.MergeJoin {
			p.startup += disableCost
			p.total += disableCost
		}
		p.rescan = p.total
		p.build = func() (plan.Node, []plan.NestParam, error) {
			on, oparams, err := osorted.build()
			if err != nil {
				return nil, nil, err
			}
			in, iparams, err := ibest.build()
			if err != nil {
				return nil, nil, err
			}
			n := &plan.MergeJoin{}
			n.Kind = j.kind
			n.Outer, n.Inner = on, in
			for k, c := range ordered {
				o, i := c.sides(outer.ids)
				n.OuterKeys = append(n.OuterKeys, o)
				n.InnerKeys = append(n.InnerKeys, i)
				n.EqOps = append(n.EqOps, c.op.Op)
				n.MergeQuals = append(n.MergeQuals, r.orient(c, outer.ids))
				key := osorted.keys[k]
				n.Sort = append(n.Sort, plan.SortKey{Op: r.sortOp(o.Type().OID, key.desc), Desc: key.desc, NullsFirst: key.nullsFirst, Collation: o.Collation()})
			}
			n.JoinQuals, n.Quals = clauseExprs(rest), clauseExprs(filter)
			if j.kind == tree.JoinInner {
				n.JoinQuals, n.Quals = clauseExprs(append(append([]*clause(nil), rest...), filter...)), nil
			}
			n.Target = r.joinTarget(j)
			setCosts(n, p, j.rel.width)
			return n, append(oparams, iparams...), nil
		}
		r.addPath(j.rel, p)
	}
}

// mergeCandidates: the cheapest path, and each that has an order.
func mergeCandidates(rl *rel) []*path {
	var out []*path
	if c := cheapest(rl, 0); c != nil {
		out = append(out, c)
	}
	for _, p := range rl.paths {
		if p.outer == 0 && len(p.keys) > 0 && (len(out) == 0 || p != out[0]) {
			out = append(out, p)
		}
	}
	return out
}

// orderFor arranges the equalities so that an existing order of the outer path serves.
func (r *root) orderFor(have []pathKey, merge []*clause, outer relids) []*clause {
	var out []*clause
	for _, k := range have {
		found := false
		for _, c := range merge {
			o, _ := c.sides(outer)
			if tree.Equal(o, k.expr) && !containsClause(out, c) {
				out = append(out, c)
				found = true
				break
			}
		}
		if !found {
			break
		}
	}
	for _, c := range merge {
		if !containsClause(out, c) {
			out = append(out, c)
		}
	}
	return out
}

func containsClause(list []*clause, c *clause) bool {
	for _, x := range list {
		if x == c {
			return true
		}
	}
	return false
}

func (r *root) mergeKeys(merge []*clause, outer relids) (ok, ik []pathKey) {
	for _, c := range merge {
		o, i := c.sides(outer)
		ok = append(ok, pathKey{expr: o, coll: o.Collation()})
		ik = append(ik, pathKey{expr: i, coll: i.Collation()})
	}
	return
}

// sortedPath is p itself when it has the order, else p with a sort.
func (r *root) sortedPath(rl *rel, p *path, keys []pathKey) *path {
	if p == nil {
		return nil
	}
	if r.keysContain(p.keys, keys) {
		return p
	}
	s := &path{rel: rl, rows: p.rows, keys: keys, outer: p.outer, enforced: p.enforced}
	s.startup, s.total = r.sortCost(p.total, p.rows, rl.width, 0)
	s.rescan = s.total
	s.build = func() (plan.Node, []plan.NestParam, error) {
		child, params, err := p.build()
		if err != nil {
			return nil, nil, err
		}
		n, err := r.sortNode(child, keys, 0)
		if err != nil {
			return nil, nil, err
		}
		return n, params, nil
	}
	return s
}

func (r *root) bestSorted(rl *rel, keys []pathKey) *path {
	var best *path
	for _, p := range rl.paths {
		if p.outer != 0 {
			continue
		}
		s := r.sortedPath(rl, p, keys)
		if best == nil || s.total < best.total {
			best = s
		}
	}
	return best
}

func (r *root) sortOp(t types.OID, desc bool) types.OID {
	ops := r.g.env.Catalog.TypeOps(r.baseType(t))
	if desc {
		return ops.Gt
	}
	return ops.Lt
}
