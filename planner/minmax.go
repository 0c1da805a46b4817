package planner

import (
	"kimberlite/exec/plan"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// planMinMax answers min() and max() by reading one row each in the order of an index (preprocess_minmax_aggregates), when the level has no other aggregates, reads one
// table and groups nothing. It returns nil when that is not possible or not cheaper than input, the plan of the level's rows: each aggregate becomes the value of an
// initplan SELECT column FROM table WHERE ... AND column IS NOT NULL ORDER BY column LIMIT 1, and a Result computes the target list from these.
func (r *root) planMinMax(input plan.Node) (plan.Node, error) {
	aggs := r.aggrefs()
	if !r.mayMinMax(aggs) {
		return nil, nil
	}
	subplans, initPlans, rangeTable := len(r.g.subplans), len(r.initPlans), r.g.rangeTable
	values := make([]tree.Expr, len(aggs))
	cost := 0.0
	for i, a := range aggs {
		q := r.minMaxQuery(a)
		value, err := r.planSublink(&tree.SubLink{Kind: tree.ExprSubLink, Query: q, T: a.T, Coll: a.Coll, Loc: -1})
		if err != nil {
			return nil, err
		}
		values[i] = value
		cost += r.g.subplans[len(r.g.subplans)-1].Root.Common().TotalCost
	}
	c := input.Common()
	if cost > c.TotalCost+c.Rows*r.aggWork(aggs)+r.settings().CPUTupleCost {
		r.g.subplans, r.initPlans, r.g.rangeTable = r.g.subplans[:subplans], r.initPlans[:initPlans], rangeTable
		return nil, nil
	}
	replace := func(e tree.Expr) tree.Expr {
		return mutate(e, func(x tree.Expr) tree.Expr {
			if a, ok := x.(*tree.Aggref); ok {
				for i := range aggs {
					if tree.Equal(aggs[i], a) {
						return values[i]
					}
				}
			}
			return nil
		})
	}
	for i := range r.q.Target {
		r.q.Target[i].Expr = replace(r.q.Target[i].Expr)
	}
	n := &plan.Result{}
	for _, h := range andList(r.q.Having) {
		n.OneTime = append(n.OneTime, replace(h))
	}
	r.q.Having, r.q.HasAggs, r.topKeys = nil, false, nil
	n.StartupCost, n.TotalCost, n.Rows = cost, cost+r.settings().CPUTupleCost, 1
	return n, nil
}

// mayMinMax: every aggregate is a min or max of a column that an index orders, and there is nothing that the rewritten queries could not express.
func (r *root) mayMinMax(aggs []*tree.Aggref) bool {
	q := r.q
	if len(aggs) == 0 || len(q.GroupBy) > 0 || len(q.GroupingSets) > 0 || q.HasWindow || len(r.base) != 1 || q.Cmd != tree.CmdSelect {
		return false
	}
	b := r.base[0]
	if b.rte.Kind != tree.RTERelation || b.virtual || b.empty || q.HasTargetSRF && containsSRFWithAgg(q.Target) {
		return false
	}
	for _, e := range append(targetExprs(q.Target), andList(q.From.Quals)...) {
		if containsSubPlan(e) {
			return false
		}
	}
	for _, a := range aggs {
		if !r.indexedExtreme(b, a) {
			return false
		}
	}
	return true
}

func containsSRFWithAgg(target []tree.TargetEntry) bool {
	for _, te := range target {
		if containsSRF(te.Expr) && containsAgg(te.Expr) {
			return true
		}
	}
	return false
}

// indexedExtreme reports whether an aggregate is the first value of its argument in the order of an index.
func (r *root) indexedExtreme(b *rel, a *tree.Aggref) bool {
	if len(a.Args) != 1 || len(a.Order) > 0 || len(a.Direct) > 0 || a.Filter != nil || a.LevelsUp != 0 {
		return false
	}
	agg := r.g.env.Catalog.Aggregate(a.Func)
	if agg == nil || agg.SortOp == 0 {
		return false
	}
	arg := a.Args[0].Expr
	ops := r.g.env.Catalog.TypeOps(r.baseType(arg.Type().OID))
	if agg.SortOp != ops.Lt && agg.SortOp != ops.Gt {
		return false
	}
	for _, ix := range b.indexes {
		if ix.index.Method == "hash" {
			continue
		}
		if k := r.skipConstants(b, ix); k < len(ix.keys) && tree.Equal(ix.keys[k], arg) || tree.Equal(ix.keys[0], arg) {
			return true
		}
	}
	return false
}

// minMaxQuery is the query for one aggregate, over the level's own prepared table and conditions.
func (r *root) minMaxQuery(a *tree.Aggref) *tree.Query {
	q := copyLevel(r.q)
	arg := a.Args[0].Expr
	ops := r.g.env.Catalog.TypeOps(r.baseType(arg.Type().OID))
	sort := tree.SortClause{SortRef: 1, EqOp: ops.Eq, SortOp: r.g.env.Catalog.Aggregate(a.Func).SortOp}
	if sort.SortOp == ops.Gt { // NULLs are gone: their place is chosen so that an index read backwards has the order
		sort.Desc, sort.NullsFirst = true, true
	}
	q.Target = []tree.TargetEntry{{Expr: arg, ResNo: 1, SortRef: 1, Name: "?column?"}}
	q.Sort = []tree.SortClause{sort}
	q.From.Quals = makeAnd(append([]tree.Expr{&tree.NullTest{Arg: arg, IsNotNull: true, Loc: -1}}, andList(q.From.Quals)...))
	q.Having, q.Distinct, q.HasAggs, q.HasDistinctOn, q.HasTargetSRF, q.LimitOffset, q.WithTies = nil, nil, false, false, false, nil, false
	q.CTEs, q.RowMarks, q.Returning, q.Windows = nil, nil, nil, nil
	q.LimitCount = &tree.Const{T: types.Of(types.OIDInt8), Value: types.Int(1), Loc: -1}
	return q
}
