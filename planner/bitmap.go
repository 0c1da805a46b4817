package planner

import (
	"math"

	"kimberlite/exec/plan"
	"kimberlite/sql/tree"
)

// addBitmapPath reads the index first and then the table's rows in their order.
func (r *root) addBitmapPath(b *rel, ix *indexInfo, ms []indexMatch, rest []*clause, rows, fetched, indexCost float64, outer relids, enforced []*clause) {
	s := r.settings()
	p := &path{rel: b, rows: rows, outer: outer, enforced: enforced}
	r.bitmapCost(b, p, indexCost, fetched, r.loopCount(outer), append(append([]*clause(nil), b.quals...), enforced...))
	if !s.BitmapScan {
		p.startup += disableCost
		p.total += disableCost
	}
	p.build = func() (plan.Node, []plan.NestParam, error) {
		slots := &outerSlots{r: r, own: b.ids}
		bi := r.bitmapIndexNode(b, ix, ms, slots, indexCost, fetched)
		n := &plan.BitmapHeapScan{}
		n.Recheck = append([]tree.Expr(nil), bi.IndexQuals...)
		quals := clauseExprs(rest)
		r.fillScan(b, &n.Scan, p, quals)
		n.Outer = bi
		return n, slots.params, nil
	}
	r.addPath(b, p)
}

func (r *root) bitmapIndexNode(b *rel, ix *indexInfo, ms []indexMatch, slots *outerSlots, cost, rows float64) *plan.BitmapIndexScan {
	bi := &plan.BitmapIndexScan{Rel: b.rte.RelID, Index: ix.rel.OID, IndexName: ix.rel.Name}
	bi.Scanned, bi.ColNames = plan.ScanID{Level: r.number, RTIndex: b.rti}, b.rte.Eref.Cols
	for _, m := range ms {
		c := m.cond
		c.Value = slots.fix(c.Value)
		bi.Conds = append(bi.Conds, c)
		bi.IndexQuals = append(bi.IndexQuals, slots.fix(r.indexQual(b, m)))
	}
	bi.TotalCost, bi.Rows = cost, rows
	return bi
}

// bitmapCost is PostgreSQL's cost of a bitmap heap scan (cost_bitmap_heap_scan); indexCost is that of making the bitmap. All conditions are checked again.
func (r *root) bitmapCost(b *rel, p *path, indexCost, fetched, loops float64, quals []*clause) {
	s := r.settings()
	t := math.Max(1, b.pages)
	pages := 2 * t * fetched / (2*t + fetched)
	if loops > 1 {
		pages = r.pagesFetched(fetched*loops, t) / loops
	}
	if pages >= t {
		pages = t
	} else {
		pages = math.Ceil(pages)
	}
	perPage := s.RandomPageCost
	if pages >= 2 {
		perPage -= (s.RandomPageCost - s.SeqPageCost) * math.Sqrt(pages/t)
	}
	_, perRow := r.qualCost(clauseExprs(quals))
	p.startup = indexCost + 0.1*s.CPUOperatorCost*fetched
	p.total = p.startup + pages*perPage + fetched*(s.CPUTupleCost+perRow)
	p.rescan, p.rescanStartup = p.total, p.startup
}

// bitmapOrPaths: a condition (a = 1 OR b = 2) whose every arm has an index.
func (r *root) bitmapOrPaths(b *rel) {
	for _, c := range b.quals {
		or, ok := c.expr.(*tree.BoolExpr)
		if !ok || or.Op != tree.Or || len(or.Args) > 64 {
			continue
		}
		type arm struct {
			ix   *indexInfo
			ms   []indexMatch
			rows float64
			cost float64
		}
		var arms []arm
		exact := true // the bitmaps decide, and nothing of the condition is left to check
		total, rows := 0.0, 0.0
		for _, a := range or.Args {
			var cs []*clause
			for _, x := range andList(a) {
				cs = append(cs, &clause{expr: x, rels: r.relsIn(x)})
			}
			best := arm{cost: math.Inf(1)}
			for _, ix := range b.indexes {
				ms := r.collectMatches(b, ix, cs)
				if len(ms) == 0 {
					continue
				}
				var used []*clause
				for _, m := range ms {
					used = append(used, m.c)
				}
				sel := r.selectivity(used)
				n := clampRows(ix.tuples * sel)
				cost := r.btreeCost(ix, sel, float64(len(ms)), 1, 1).total
				if cost < best.cost {
					best = arm{ix, ms, n, cost}
				}
			}
			if best.ix == nil {
				arms = nil
				break
			}
			arms = append(arms, best)
			exact = exact && decides(best.ms, cs)
			total += best.cost
			if len(arms) > 1 {
				total += 0.1*r.settings().CPUOperatorCost*best.rows + 100*r.settings().CPUOperatorCost
			}
			rows += best.rows
		}
		if len(arms) == 0 {
			continue
		}
		p := &path{rel: b, rows: b.rows}
		r.bitmapCost(b, p, total, math.Min(rows, b.tuples), 1, b.quals)
		if !r.settings().BitmapScan {
			p.startup += disableCost
			p.total += disableCost
		}
		c := c
		p.build = func() (plan.Node, []plan.NestParam, error) {
			slots := &outerSlots{r: r, own: b.ids}
			bo := &plan.BitmapOr{}
			for _, a := range arms {
				bo.Inputs = append(bo.Inputs, r.bitmapIndexNode(b, a.ix, a.ms, slots, a.cost, a.rows))
			}
			bo.TotalCost, bo.Rows = total, rows
			n := &plan.BitmapHeapScan{Recheck: []tree.Expr{c.expr}}
			rest := b.quals
			if exact {
				rest = without(rest, c)
			}
			r.fillScan(b, &n.Scan, p, clauseExprs(rest))
			n.Outer = bo
			return n, nil, nil
		}
		r.addPath(b, p)
	}
}

// decides reports whether matches cover all conditions exactly.
func decides(ms []indexMatch, conds []*clause) bool {
	for _, c := range conds {
		found := false
		for _, m := range ms {
			found = found || m.c == c && !m.lossy
		}
		if !found {
			return false
		}
	}
	return true
}
