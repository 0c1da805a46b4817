package planner

import (
	"math"

	"kimberlite/exec/plan"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

func (r *root) materialPath(c *path) *path {
	s := r.settings()
	if !s.Material {
		return nil
	}
	m := &path{rel: c.rel, rows: c.rows, startup: c.startup, keys: c.keys, outer: c.outer, enforced: c.enforced, unique: c.unique}
	m.total = c.total + c.rows*2*s.CPUOperatorCost
	m.rescan = c.rows * s.CPUOperatorCost
	if bytes := c.rows * tupleBytes(c.rel.width); bytes > s.WorkMem {
		pages := math.Ceil(bytes / pageSize)
		m.total += pages * s.SeqPageCost
		m.rescan += pages * s.SeqPageCost
	}
	m.kept = true
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
