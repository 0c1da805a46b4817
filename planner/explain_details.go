package planner

import (
	"fmt"
	"strings"

	"kimberlite/exec"
	"kimberlite/exec/plan"
	"kimberlite/sql/catalog"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// actual prints the counters of EXPLAIN ANALYZE.
func (e *explainer) actual(n plan.Node, it *item) string {
	if !e.o.Analyze || e.in.Stats == nil {
		return ""
	}
	c := n.Common()
	if c.ID >= len(e.in.Stats) {
		return ""
	}
	st := &e.in.Stats[c.ID]
	if st.Loops == 0 {
		it.num("Actual Rows", 0, 0)
		it.num("Actual Loops", 0, 0)
		return " (never executed)"
	}
	loops := float64(st.Loops)
	startup, total := millis(st.Startup)/loops, millis(st.Total)/loops
	rows := float64(st.Rows) / loops
	if e.o.Timing {
		it.num("Actual Startup Time", startup, 3)
		it.num("Actual Total Time", total, 3)
	}
	it.num("Actual Rows", rows, 0)
	it.num("Actual Loops", loops, 0)
	if e.o.Timing {
		return fmt.Sprintf(" (actual time=%.3f..%.3f rows=%.0f loops=%.0f)", startup, total, rows, loops)
	}
	return fmt.Sprintf(" (actual rows=%.0f loops=%.0f)", rows, loops)
}

// details are the lines below a node's first.
func (e *explainer) details(n plan.Node, it *item) {
	if e.o.Verbose {
		e.output(n, it)
	}
	quals := n.Common().Quals
	switch n := n.(type) {
	case *plan.IndexScan:
		e.scanQuals(it, n, "Index Cond", n.IndexQuals)
	case *plan.BitmapHeapScan:
		e.scanQuals(it, n, "Recheck Cond", n.Recheck)
	case *plan.BitmapIndexScan:
		e.scanQuals(it, n, "Index Cond", n.IndexQuals)
		return
	case *plan.TidScan:
		e.tids(it, n)
	case *plan.NestLoop:
		e.join(it, n, &n.Join, "", nil)
		return
	case *plan.HashJoin:
		e.join(it, n, &n.Join, "Hash Cond", n.HashQuals)
		return
	case *plan.MergeJoin:
		e.join(it, n, &n.Join, "Merge Cond", n.MergeQuals)
		return
	case *plan.Sort:
		e.sortKeys(it, n, n.Keys)
		e.sortStats(it, n)
	case *plan.MergeAppend:
		e.sortKeys(it, n, n.Keys)
	case *plan.Agg:
		e.groupKeys(it, n)
		e.upperQuals(it, n, "Filter", quals)
		e.hashAggStats(it, n)
		e.removed(n, it, "Filter", len(quals) > 0)
		return
	case *plan.Group:
		e.columns(it, n, "Group Key", n.Cols)
		e.upperQuals(it, n, "Filter", quals)
		e.removed(n, it, "Filter", len(quals) > 0)
		return
	case *plan.Memoize:
		e.memoize(it, n)
	case *plan.Result:
		e.upperQuals(it, n, "One-Time Filter", n.OneTime)
		e.upperQuals(it, n, "Filter", quals)
		e.removed(n, it, "Filter", len(quals) > 0)
		return
	case *plan.FunctionScan:
		if e.o.Verbose {
			var calls []string
			for _, f := range n.Funcs {
				calls = append(calls, e.expr(f.Expr, n, true))
			}
			it.both("Function Call", strings.Join(calls, ", "))
		}
	case *plan.Hash:
		e.hashStats(it, n)
	case *plan.ModifyTable:
		e.conflict(it, n)
		return
	}
	e.scanQuals(it, n, "Filter", quals)
	e.removed(n, it, "Filter", len(quals) > 0)
	if x, ok := n.(*plan.IndexScan); ok && x.IndexOnly {
		if st := e.stats(n); st != nil {
			it.both("Heap Fetches", fmt.Sprint(st.HeapFetches))
		}
	}
}

// join shows what decides about matches, and then what filters joined rows.
func (e *explainer) join(it *item, n plan.Node, j *plan.Join, label string, conds []tree.Expr) {
	if e.o.Format != "text" {
		it.add("Inner Unique", j.InnerUnique)
	} else if e.o.Verbose && j.InnerUnique {
		it.line("Inner Unique: true")
	}
	e.upperQuals(it, n, label, conds)
	e.upperQuals(it, n, "Join Filter", j.JoinQuals)
	e.removed(n, it, "Join Filter", len(j.JoinQuals) > 0)
	e.upperQuals(it, n, "Filter", j.Quals)
	e.removed(n, it, "Filter", len(j.Quals) > 0)
}

func (e *explainer) memoize(it *item, n *plan.Memoize) {
	keys := make([]string, len(n.Keys))
	for i, k := range n.Keys {
		keys[i] = e.expr(k, n, e.prefix())
	}
	it.both("Cache Key", strings.Join(keys, ", "))
	it.both("Cache Mode", "logical")
	st := e.stats(n)
	if st == nil || st.CacheMisses == 0 {
		return
	}
	it.num("Cache Hits", float64(st.CacheHits), 0)
	it.num("Cache Misses", float64(st.CacheMisses), 0)
	it.num("Cache Evictions", float64(st.CacheEvictions), 0)
	it.num("Cache Overflows", float64(st.CacheOverflows), 0)
	it.num("Peak Memory Usage", float64(st.SpaceKB), 0)
	it.line(fmt.Sprintf("Hits: %d  Misses: %d  Evictions: %d  Overflows: %d  Memory Usage: %dkB", st.CacheHits, st.CacheMisses, st.CacheEvictions,
		st.CacheOverflows, st.SpaceKB))
}

func (e *explainer) stats(n plan.Node) *exec.NodeStats {
	id := n.Common().ID
	if !e.o.Analyze || id >= len(e.in.Stats) || e.in.Stats[id].Loops == 0 {
		return nil
	}
	return &e.in.Stats[id]
}

func (e *explainer) removed(n plan.Node, it *item, what string, has bool) {
	st := e.stats(n)
	if st == nil || !has {
		return
	}
	count := st.RemovedByFilter
	if what == "Join Filter" {
		count = st.RemovedByJoin
	}
	if count == 0 && e.o.Format == "text" {
		return
	}
	v := float64(count) / float64(st.Loops)
	it.num("Rows Removed by "+what, v, 0)
	it.line(fmt.Sprintf("Rows Removed by %s: %.0f", what, v))
}

func (e *explainer) sortStats(it *item, n *plan.Sort) {
	st := e.stats(n)
	if st == nil || st.SortMethod == "" {
		return
	}
	where := "Memory"
	if st.SpaceDisk {
		where = "Disk"
	}
	it.add("Sort Method", st.SortMethod)
	it.num("Sort Space Used", float64(st.SpaceKB), 0)
	it.add("Sort Space Type", where)
	it.line(fmt.Sprintf("Sort Method: %s  %s: %dkB", st.SortMethod, where, st.SpaceKB))
}

func (e *explainer) hashStats(it *item, n plan.Node) {
	st := e.stats(n)
	if st == nil || st.Buckets == 0 {
		return
	}
	it.num("Hash Buckets", float64(st.Buckets), 0)
	it.num("Original Hash Buckets", float64(max(st.OrigBuckets, st.Buckets)), 0)
	it.num("Hash Batches", float64(max(1, st.Batches)), 0)
	it.num("Original Hash Batches", 1, 0)
	it.num("Peak Memory Usage", float64(st.SpaceKB), 0)
	it.line(fmt.Sprintf("Buckets: %d  Batches: %d  Memory Usage: %dkB", st.Buckets, max(1, st.Batches), st.SpaceKB))
}

func (e *explainer) hashAggStats(it *item, n *plan.Agg) {
	st := e.stats(n)
	if st == nil || n.Strategy != plan.AggHashed && n.Strategy != plan.AggMixed || st.SpaceKB == 0 {
		return
	}
	it.num("HashAgg Batches", float64(max(1, st.Batches)), 0)
	it.num("Peak Memory Usage", float64(st.SpaceKB), 0)
	it.line(fmt.Sprintf("Batches: %d  Memory Usage: %dkB", max(1, st.Batches), st.SpaceKB))
}

func (e *explainer) conflict(it *item, n *plan.ModifyTable) {
	oc := n.OnConflict
	if oc == nil {
		return
	}
	res := "NOTHING"
	if oc.Update {
		res = "UPDATE"
	}
	it.both("Conflict Resolution", res)
	var names []string
	for _, ix := range oc.Indexes {
		if r := e.in.Catalog.Relation(ix); r != nil {
			names = append(names, catalog.QuoteIdent(r.Name))
		}
	}
	if len(names) > 0 {
		it.add("Conflict Arbiter Indexes", names)
		it.line("Conflict Arbiter Indexes: " + strings.Join(names, ", "))
	}
	if oc.Where != nil {
		e.upperQuals(it, n, "Conflict Filter", []tree.Expr{oc.Where})
	}
}

// scanQuals shows conditions of a scan; upperQuals those of other nodes, whose columns are qualified when the statement has more than one relation.
func (e *explainer) scanQuals(it *item, n plan.Node, label string, quals []tree.Expr) {
	_, sub := n.(*plan.SubqueryScan)
	e.quals(it, n, label, quals, sub || e.o.Verbose)
}

func (e *explainer) upperQuals(it *item, n plan.Node, label string, quals []tree.Expr) {
	e.quals(it, n, label, quals, e.prefix())
}

func (e *explainer) quals(it *item, n plan.Node, label string, quals []tree.Expr, prefix bool) {
	if len(quals) > 0 {
		it.both(label, e.expr(makeAnd(quals), n, prefix))
	}
}

func (e *explainer) tids(it *item, n *plan.TidScan) {
	column := "ctid"
	if e.o.Verbose {
		column = catalog.QuoteIdent(e.alias(n)) + ".ctid"
	}
	var parts []string
	for _, t := range n.Tids {
		value := e.expr(t, n, e.o.Verbose)
		if n.Any {
			value = "ANY (" + value + ")"
		}
		parts = append(parts, "("+column+" = "+value+")")
	}
	if len(parts) > 0 {
		it.both("TID Cond", strings.Join(parts, " OR "))
	}
}

func (e *explainer) output(n plan.Node, it *item) {
	switch n.(type) {
	case *plan.BitmapIndexScan, *plan.BitmapAnd, *plan.BitmapOr, *plan.Append, *plan.MergeAppend, *plan.RecursiveUnion:
		return
	}
	target := n.Common().Target
	if len(target) == 0 {
		return
	}
	out := make([]string, len(target))
	for i, te := range target {
		out[i] = e.expr(te.Expr, n, e.in.Plan.RangeTable > 1)
	}
	it.add("Output", out)
	it.line("Output: " + strings.Join(out, ", "))
}

func (e *explainer) sortKeys(it *item, n plan.Node, keys []plan.SortKey) {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = e.column(n, k.Col) + e.sortOrder(n, k)
	}
	it.add("Sort Key", out)
	it.line("Sort Key: " + strings.Join(out, ", "))
	if s, ok := n.(*plan.Sort); ok && s.Presorted > 0 {
		it.add("Presorted Key", out[:s.Presorted])
		it.line("Presorted Key: " + strings.Join(out[:s.Presorted], ", "))
	}
}

// sortOrder says how a sort key differs from the type's usual order.
func (e *explainer) sortOrder(n plan.Node, k plan.SortKey) string {
	s := ""
	if coll := e.in.Catalog.Collation(k.Collation); coll != nil && k.Collation != e.usualCollation(n, k.Col) {
		s += " COLLATE " + catalog.QuoteIdent(coll.Name)
	}
	if k.Desc {
		s += " DESC"
	}
	switch {
	case k.Desc && !k.NullsFirst:
		s += " NULLS LAST"
	case !k.Desc && k.NullsFirst:
		s += " NULLS FIRST"
	}
	return s
}

func (e *explainer) usualCollation(n plan.Node, col int) types.OID {
	in := n.Common().Outer
	if inputs := inputsOf(n); in == nil && len(inputs) > 0 {
		in = inputs[0]
	}
	if in == nil || col < 1 || col > len(in.Common().Target) {
		return 0
	}
	if t := e.in.Catalog.TypeByOID(in.Common().Target[col-1].Expr.Type().OID); t != nil {
		return t.Collation
	}
	return 0
}

func (e *explainer) columns(it *item, n plan.Node, label string, cols []int) {
	out := make([]string, len(cols))
	for i, c := range cols {
		out[i] = e.groupColumn(n, c)
	}
	it.add(label, out)
	it.line(label + ": " + strings.Join(out, ", "))
}

// groupKeys lists the grouping columns; with grouping sets, those of each set, the empty ones last.
func (e *explainer) groupKeys(it *item, n *plan.Agg) {
	if len(n.Sets) == 0 {
		if len(n.GroupCols) > 0 {
			e.columns(it, n, "Group Key", n.GroupCols)
		}
		return
	}
	var sets []*item
	add := func(label string, cols []string) {
		set := &item{}
		set.add(label+"s", [][]string{cols})
		sets = append(sets, set)
		text := strings.Join(cols, ", ")
		if len(cols) == 0 {
			text = "()"
		}
		it.line(label + ": " + text)
	}
	for _, set := range n.Sets {
		if len(set) == 0 {
			continue
		}
		var cols []string
		for _, p := range set {
			cols = append(cols, e.groupColumn(n, n.GroupCols[p]))
		}
		add("Hash Key", cols)
	}
	for _, set := range n.Sets {
		if len(set) == 0 {
			add("Group Key", []string{})
		}
	}
	it.add("Grouping Sets", sets)
}

// groupColumn prints a grouping column as the input computes it.
func (e *explainer) groupColumn(n plan.Node, col int) string {
	in := n.Common().Outer
	if in == nil || col < 1 || col > len(in.Common().Target) {
		return e.column(n, col)
	}
	return e.expr(in.Common().Target[col-1].Expr, in, e.prefix())
}

// column prints column col of a node's outer input.
func (e *explainer) column(n plan.Node, col int) string {
	v := &tree.Var{VarNo: plan.OuterVar, AttNo: col}
	if outer := n.Common().Outer; outer != nil && col <= len(outer.Common().Target) {
		te := outer.Common().Target[col-1]
		v.T, v.Coll = te.Expr.Type(), te.Expr.Collation()
	}
	return e.expr(v, n, e.prefix())
}
