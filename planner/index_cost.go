package planner

import "math"

// indexCost is the cost of reading entries of an index.
type indexCost struct{ startup, total float64 }

// btreeCost is PostgreSQL's cost of scanning a B-tree (genericcostestimate and btcostestimate): the pages of the wanted part, the entries, and finding the way down
// for each searched value. loops is how often the scan will be repeated, with pages then in the cache.
func (r *root) btreeCost(ix *indexInfo, sel, conds, searches, loops float64) indexCost {
	s := r.settings()
	tuples := clampRows(sel * ix.tuples / searches)
	pages := 1.0
	if ix.pages > 1 && ix.tuples > 1 {
		pages = math.Ceil(tuples * ix.pages / ix.tuples)
	}
	var c indexCost
	if repeated := searches * loops; repeated > 1 {
		c.total = r.pagesFetched(pages*repeated, ix.pages) * s.RandomPageCost / loops
	} else {
		c.total = pages * s.RandomPageCost
	}
	c.total += tuples * searches * (s.CPUIndexTupleCost + s.CPUOperatorCost*conds)
	descent := (ix.height + 1) * 50 * s.CPUOperatorCost
	if ix.tuples > 1 {
		descent += math.Ceil(math.Log2(ix.tuples)) * s.CPUOperatorCost
	}
	c.startup = descent
	c.total += searches * descent
	return c
}

// heapCost is the cost of the table's pages that an index scan visits: between that of a table in index order and that of one in random order (cost_index).
func (r *root) heapCost(b *rel, ix *indexInfo, fetched, sel, loops float64) float64 {
	s := r.settings()
	ordered := math.Ceil(sel * b.pages)
	var worst, best float64
	if loops > 1 {
		worst = r.pagesFetched(fetched*loops, b.pages) * s.RandomPageCost / loops
		best = r.pagesFetched(ordered*loops, b.pages) * s.RandomPageCost / loops
	} else {
		worst = r.pagesFetched(fetched, b.pages) * s.RandomPageCost
		if ordered > 0 {
			best = s.RandomPageCost + (ordered-1)*s.SeqPageCost
		}
	}
	corr := r.correlation(ix)
	return worst + corr*corr*(best-worst)
}

// loopCount estimates how often a parameterized scan is run: for each row of the smallest relation that it takes values from.
func (r *root) loopCount(outer relids) float64 {
	n := 1.0
	for _, b := range r.base {
		if outer.has(b.ids) && (n == 1 || b.rows < n) {
			n = math.Max(1, b.rows)
		}
	}
	return n
}
