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
		child = r.addColumns(child, exprs) // varchar compared as text is no column of its own
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

// joinTarget is what the join hands up.
func (r *root) joinTarget(j *joinSpec) []tree.TargetEntry { return r.relTarget(j.rel.ids) }

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

// buildSides makes the nodes of both inputs; params is what they take from outside of the join.
func buildSides(op, ip *path) (outer, inner plan.Node, params []plan.NestParam, err error) {
	outer, oparams, err := op.build()
	if err != nil {
		return nil, nil, nil, err
	}
	inner, iparams, err := ip.build()
	return outer, inner, append(oparams, iparams...), err
}

// joinConditions splits a join's conditions into those that decide whether rows match and those that filter the result; of an inner join all do both.
func joinConditions(kind tree.JoinType, match, filter []*clause) (join, quals []tree.Expr) {
	if kind == tree.JoinInner {
		return clauseExprs(append(append([]*clause(nil), match...), filter...)), nil
	}
	return clauseExprs(match), clauseExprs(filter)
}
