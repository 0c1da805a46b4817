package planner

import (
	"fmt"
	"strings"
	"time"

	"kimberlite/exec"
	"kimberlite/exec/plan"
	"kimberlite/sql/catalog"
	"kimberlite/sql/deparse"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// ExplainOptions are the options of EXPLAIN.
type ExplainOptions struct {
	Analyze, Verbose, Costs, Buffers, Wal, Settings, Timing, Summary bool
	Format                                                           string // text, json, yaml, xml
}

// ExplainInput is what EXPLAIN prints: a plan and, after ANALYZE, its counters by node.
type ExplainInput struct {
	Plan      *plan.Plan
	Catalog   catalog.Reader
	IO        *types.Ctx
	Deparse   *catalog.Bound
	Stats     []exec.NodeStats
	Planning  time.Duration
	Execution time.Duration
	Position  uint64
}

// Explain prints a plan in PostgreSQL's shape: the lines of the result.
func Explain(in ExplainInput, o ExplainOptions) []string {
	e := &explainer{in: in, o: o, shown: map[int]bool{}, names: map[string]int{}}
	root := e.node(in.Plan.Root, "", "")
	top := &item{label: "Query"}
	top.add("Plan", root)
	if o.Summary {
		top.num("Snapshot Position", float64(in.Position), 0)
		top.num("Planning Time", float64(in.Planning.Nanoseconds())/1e6, 3)
		if o.Analyze {
			top.num("Execution Time", float64(in.Execution.Nanoseconds())/1e6, 3)
		}
	}
	switch o.Format {
	case "json":
		return strings.Split(formatJSON(top), "\n")
	case "yaml":
		return strings.Split(formatYAML(top), "\n")
	case "xml":
		return strings.Split(formatXML(top), "\n")
	}
	var lines []string
	textNode(root, 0, "", &lines)
	if o.Summary {
		lines = append(lines, fmt.Sprintf("Snapshot Position: %d", in.Position))
		lines = append(lines, fmt.Sprintf("Planning Time: %.3f ms", float64(in.Planning.Nanoseconds())/1e6))
		if o.Analyze {
			lines = append(lines, fmt.Sprintf("Execution Time: %.3f ms", float64(in.Execution.Nanoseconds())/1e6))
		}
	}
	return lines
}

// item is a group of properties: a plan node or the whole answer. Each format prints the same items.
type item struct {
	label string
	props []prop
	// text is the node's first line and details are the lines below it, in the text format.
	text    string
	details []string
	subs    []sub
}

type prop struct {
	key   string
	value any // string, number (as text), bool, []string, *item, []*item
}

// number is a value printed without quotes.
type number string

// sub is a child in the text format, with a heading for subplans.
type sub struct {
	heading string
	node    *item
}

func (i *item) add(key string, v any) { i.props = append(i.props, prop{key, v}) }
func (i *item) num(key string, v float64, decimals int) {
	i.add(key, number(fmt.Sprintf("%.*f", decimals, v)))
}

type explainer struct {
	in    ExplainInput
	o     ExplainOptions
	shown map[int]bool
	names map[string]int
}

// node describes a plan node and what is below it.
func (e *explainer) node(n plan.Node, relationship, subplan string) *item {
	c := n.Common()
	it := &item{}
	name, jsonName, extra := nodeName(n)
	it.add("Node Type", jsonName)
	for _, p := range extra {
		it.add(p.key, p.value)
	}
	if relationship != "" {
		it.add("Parent Relationship", relationship)
	}
	if subplan != "" {
		it.add("Subplan Name", subplan)
	}
	it.add("Parallel Aware", false)
	it.add("Async Capable", false)
	line := name + e.target(n, it)
	if e.o.Costs {
		line += fmt.Sprintf("  (cost=%.2f..%.2f rows=%.0f width=%d)", c.StartupCost, c.TotalCost, c.Rows, c.Width)
		it.num("Startup Cost", c.StartupCost, 2)
		it.num("Total Cost", c.TotalCost, 2)
		it.num("Plan Rows", c.Rows, 0)
		it.num("Plan Width", float64(c.Width), 0)
	}
	line += e.actual(n, it)
	it.text = line
	e.details(n, it)
	for _, idx := range c.InitPlans {
		e.subplanNode(it, idx, "InitPlan")
	}
	if c.Outer != nil {
		it.child("", e.node(c.Outer, "Outer", ""))
	}
	if c.Inner != nil {
		it.child("", e.node(c.Inner, "Inner", ""))
	}
	for _, in := range inputsOf(n) {
		it.child("", e.node(in, "Member", ""))
	}
	for _, idx := range subPlansOf(n) {
		e.subplanNode(it, idx, "SubPlan")
	}
	return it
}

func (i *item) child(heading string, n *item) { i.subs = append(i.subs, sub{heading, n}) }

func (e *explainer) subplanNode(it *item, idx int, relationship string) {
	if e.shown[idx] {
		return
	}
	e.shown[idx] = true
	sp := e.in.Plan.SubPlans[idx]
	it.child(sp.Name, e.node(sp.Root, relationship, sp.Name))
}

// subPlansOf lists the subplans that a node's expressions run.
func subPlansOf(n plan.Node) []int {
	var out []int
	for _, x := range nodeExprs(n) {
		tree.Walk(x, func(y tree.Expr) bool {
			if s, ok := y.(*tree.SubPlan); ok {
				out = append(out, s.Plan)
			}
			return true
		})
	}
	return out
}

func nodeExprs(n plan.Node) []tree.Expr {
	c := n.Common()
	out := append(targetExprs(c.Target), c.Quals...)
	switch n := n.(type) {
	case *plan.Result:
		out = append(out, n.OneTime...)
	case *plan.NestLoop:
		out = append(out, n.JoinQuals...)
		for _, p := range n.Params {
			out = append(out, p.Value)
		}
	case *plan.HashJoin:
		out = append(append(out, n.JoinQuals...), n.HashQuals...)
	case *plan.MergeJoin:
		out = append(append(out, n.JoinQuals...), n.MergeQuals...)
	case *plan.IndexScan:
		out = append(out, n.IndexQuals...)
	case *plan.Agg:
		for _, a := range n.Aggs {
			out = append(out, targetExprs(a.Args)...)
			if a.Filter != nil {
				out = append(out, a.Filter)
			}
		}
	case *plan.WindowAgg:
		for _, w := range n.Calls {
			out = append(out, w.Args...)
		}
	case *plan.Limit:
		if n.Count != nil {
			out = append(out, n.Count)
		}
		if n.Offset != nil {
			out = append(out, n.Offset)
		}
	case *plan.ValuesScan:
		for _, r := range n.Rows_ {
			out = append(out, r...)
		}
	case *plan.FunctionScan:
		for _, f := range n.Funcs {
			out = append(out, f.Expr)
		}
	}
	return out
}

// nodeName is the node's name in the text format, in the structured ones, and the latter's further properties.
func nodeName(n plan.Node) (text, structured string, extra []prop) {
	join := func(base string, kind tree.JoinType, noJoinWord bool) (string, string, []prop) {
		word := [...]string{"Inner", "Left", "Full", "Right", "Semi", "Anti", "Right Semi"}[kind]
		s := base
		if kind != tree.JoinInner {
			s = strings.TrimSuffix(base, " Join") + " " + word + " Join"
		}
		_ = noJoinWord
		return s, base, []prop{{"Join Type", word}}
	}
	switch n := n.(type) {
	case *plan.Result:
		return same("Result")
	case *plan.ProjectSet:
		return same("ProjectSet")
	case *plan.SeqScan, *plan.VirtualScan:
		return same("Seq Scan")
	case *plan.IndexScan:
		s := "Index Scan"
		if n.IndexOnly {
			s = "Index Only Scan"
		}
		dir := "Forward"
		t := s
		if n.Backward {
			dir, t = "Backward", s+" Backward"
		}
		return t, s, []prop{{"Scan Direction", dir}}
	case *plan.BitmapHeapScan:
		return same("Bitmap Heap Scan")
	case *plan.BitmapIndexScan:
		return same("Bitmap Index Scan")
	case *plan.BitmapAnd:
		return same("BitmapAnd")
	case *plan.BitmapOr:
		return same("BitmapOr")
	case *plan.TidScan:
		return same("Tid Scan")
	case *plan.SubqueryScan:
		return same("Subquery Scan")
	case *plan.FunctionScan:
		return same("Function Scan")
	case *plan.ValuesScan:
		return same("Values Scan")
	case *plan.CTEScan:
		return same("CTE Scan")
	case *plan.WorkTableScan:
		return same("WorkTable Scan")
	case *plan.RecursiveUnion:
		return same("Recursive Union")
	case *plan.NestLoop:
		t, s, x := join("Nested Loop", n.Kind, true)
		return t, s, x
	case *plan.HashJoin:
		return join("Hash Join", n.Kind, false)
	case *plan.MergeJoin:
		return join("Merge Join", n.Kind, false)
	case *plan.Hash:
		return same("Hash")
	case *plan.Sort:
		if n.Presorted > 0 {
			return same("Incremental Sort")
		}
		return same("Sort")
	case *plan.Material:
		return "Materialize", "Materialize", nil
	case *plan.Memoize:
		return same("Memoize")
	case *plan.Agg:
		t := [...]string{"Aggregate", "GroupAggregate", "HashAggregate", "MixedAggregate"}[n.Strategy]
		return t, "Aggregate", []prop{{"Strategy", [...]string{"Plain", "Sorted", "Hashed", "Mixed"}[n.Strategy]}, {"Partial Mode", "Simple"}}
	case *plan.Group:
		return same("Group")
	case *plan.Unique:
		return same("Unique")
	case *plan.WindowAgg:
		return same("WindowAgg")
	case *plan.SetOp:
		word := map[tree.SetOpKind]string{tree.Intersect: "Intersect", tree.Except: "Except"}[n.Kind]
		if n.All {
			word += " All"
		}
		return "HashSetOp " + word, "SetOp", []prop{{"Strategy", "Hashed"}, {"Command", word}}
	case *plan.Append:
		return same("Append")
	case *plan.MergeAppend:
		return same("Merge Append")
	case *plan.Limit:
		return same("Limit")
	case *plan.LockRows:
		return same("LockRows")
	case *plan.ModifyTable:
		word := map[tree.CmdType]string{tree.CmdInsert: "Insert", tree.CmdUpdate: "Update", tree.CmdDelete: "Delete", tree.CmdMerge: "Merge"}[n.Cmd]
		return word, "ModifyTable", []prop{{"Operation", word}}
	}
	return same(strings.TrimPrefix(fmt.Sprintf("%T", n), "*plan."))
}

func same(s string) (string, string, []prop) { return s, s, nil }

// target is "on table alias" and the like.
func (e *explainer) target(n plan.Node, it *item) string {
	rel := func(schema, name, alias string) string {
		it.add("Relation Name", name)
		if e.o.Verbose {
			it.add("Schema", schema)
		}
		it.add("Alias", alias)
		s := " on "
		if e.o.Verbose {
			s += catalog.QuoteIdent(schema) + "."
		}
		s += catalog.QuoteIdent(name)
		if alias != "" && alias != name {
			s += " " + catalog.QuoteIdent(alias)
		}
		return s
	}
	alias := func(key, name, a string) string {
		if name != "" {
			it.add(key, name)
		}
		it.add("Alias", a)
		s := " on " + catalog.QuoteIdent(name)
		if name == "" {
			return " on " + catalog.QuoteIdent(a)
		}
		if a != name {
			s += " " + catalog.QuoteIdent(a)
		}
		return s
	}
	switch n := n.(type) {
	case *plan.SeqScan:
		return rel(n.Schema, n.RelName, n.Alias)
	case *plan.VirtualScan:
		return rel(n.Schema, n.RelName, n.Alias)
	case *plan.TidScan:
		return rel(n.Schema, n.RelName, n.Alias)
	case *plan.BitmapHeapScan:
		return rel(n.Schema, n.RelName, n.Alias)
	case *plan.IndexScan:
		it.add("Index Name", n.IndexName)
		return " using " + catalog.QuoteIdent(n.IndexName) + rel(n.Schema, n.RelName, n.Alias)
	case *plan.BitmapIndexScan:
		it.add("Index Name", n.IndexName)
		return " on " + catalog.QuoteIdent(n.IndexName)
	case *plan.SubqueryScan:
		return alias("", "", n.Alias)
	case *plan.ValuesScan:
		return alias("", "", `"`+"*VALUES*"+`"`)[:4] + `"*VALUES*"`
	case *plan.CTEScan:
		return alias("CTE Name", n.Name, n.Alias)
	case *plan.WorkTableScan:
		return alias("", "", n.Alias)
	case *plan.FunctionScan:
		name := ""
		if len(n.Funcs) == 1 {
			if f, ok := n.Funcs[0].Expr.(*tree.FuncExpr); ok {
				if p := e.in.Catalog.Proc(f.Func); p != nil {
					name = p.Name
				}
			}
		}
		if e.o.Verbose && name != "" {
			return " on pg_catalog." + catalog.QuoteIdent(name) + suffix(name, n.Alias)
		}
		return alias("Function Name", name, n.Alias)
	case *plan.ModifyTable:
		return rel(n.Schema, n.RelName, n.Alias)
	}
	return ""
}

func suffix(name, alias string) string {
	if alias == name {
		return ""
	}
	return " " + catalog.QuoteIdent(alias)
}

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
	startup := float64(st.Startup.Nanoseconds()) / 1e6 / loops
	total := float64(st.Total.Nanoseconds()) / 1e6 / loops
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
	switch n := n.(type) {
	case *plan.IndexScan:
		e.quals(it, n, "Index Cond", n.IndexQuals)
	case *plan.BitmapHeapScan:
		e.quals(it, n, "Recheck Cond", n.Recheck)
	case *plan.BitmapIndexScan:
		e.quals(it, n, "Index Cond", n.IndexQuals)
	case *plan.TidScan:
		e.tids(it, n)
	case *plan.NestLoop:
		e.quals(it, n, "Join Filter", n.JoinQuals)
		e.removed(n, it, "Join Filter", len(n.JoinQuals) > 0)
	case *plan.HashJoin:
		e.quals(it, n, "Hash Cond", n.HashQuals)
		e.quals(it, n, "Join Filter", n.JoinQuals)
		e.removed(n, it, "Join Filter", len(n.JoinQuals) > 0)
	case *plan.MergeJoin:
		e.quals(it, n, "Merge Cond", n.MergeQuals)
		e.quals(it, n, "Join Filter", n.JoinQuals)
		e.removed(n, it, "Join Filter", len(n.JoinQuals) > 0)
	case *plan.Sort:
		e.sortKeys(it, n, "Sort Key", n.Keys)
		e.sortStats(it, n)
	case *plan.MergeAppend:
		e.sortKeys(it, n, "Sort Key", n.Keys)
	case *plan.Agg:
		e.groupKeys(it, n)
	case *plan.Group:
		e.columns(it, n, "Group Key", n.Cols)
	case *plan.Memoize:
		var keys []string
		for _, k := range n.Keys {
			keys = append(keys, e.expr(k, n, false))
		}
		it.add("Cache Key", strings.Join(keys, ", "))
		it.details = append(it.details, "Cache Key: "+strings.Join(keys, ", "), "Cache Mode: logical")
	case *plan.Result:
		e.quals(it, n, "One-Time Filter", n.OneTime)
	case *plan.FunctionScan:
		if e.o.Verbose {
			var calls []string
			for _, f := range n.Funcs {
				calls = append(calls, e.expr(f.Expr, n, true))
			}
			it.add("Function Call", strings.Join(calls, ", "))
			it.details = append(it.details, "Function Call: "+strings.Join(calls, ", "))
		}
	case *plan.Hash:
		e.hashStats(it, n)
	case *plan.ModifyTable:
		e.conflict(it, n)
		return
	}
	e.quals(it, n, "Filter", n.Common().Quals)
	e.removed(n, it, "Filter", len(n.Common().Quals) > 0)
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
	it.details = append(it.details, fmt.Sprintf("Rows Removed by %s: %.0f", what, v))
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
	it.details = append(it.details, fmt.Sprintf("Sort Method: %s  %s: %dkB", st.SortMethod, where, st.SpaceKB))
}

func (e *explainer) hashStats(it *item, n plan.Node) {
	st := e.stats(n)
	if st == nil || st.Buckets == 0 {
		return
	}
	it.num("Hash Buckets", float64(st.Buckets), 0)
	it.num("Hash Batches", float64(st.Batches), 0)
	it.num("Peak Memory Usage", float64(st.SpaceKB), 0)
	it.details = append(it.details, fmt.Sprintf("Buckets: %d  Batches: %d  Memory Usage: %dkB", st.Buckets, max(1, st.Batches), st.SpaceKB))
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
	it.add("Conflict Resolution", res)
	it.details = append(it.details, "Conflict Resolution: "+res)
	var names []string
	for _, ix := range oc.Indexes {
		if r := e.in.Catalog.Relation(ix); r != nil {
			names = append(names, catalog.QuoteIdent(r.Name))
		}
	}
	if len(names) > 0 {
		it.add("Conflict Arbiter Indexes", names)
		it.details = append(it.details, "Conflict Arbiter Indexes: "+strings.Join(names, ", "))
	}
	if oc.Where != nil {
		e.quals(it, n, "Conflict Filter", []tree.Expr{oc.Where})
	}
}

func (e *explainer) quals(it *item, n plan.Node, label string, quals []tree.Expr) {
	if len(quals) == 0 {
		return
	}
	text := e.expr(makeAnd(quals), n, e.prefix(n))
	it.add(label, text)
	it.details = append(it.details, label+": "+text)
}

func (e *explainer) tids(it *item, n *plan.TidScan) {
	var parts []string
	for _, t := range n.Tids {
		op := "ctid = "
		if n.Any {
			parts = append(parts, "(ctid = ANY ("+e.expr(t, n, false)+"))")
			continue
		}
		parts = append(parts, "("+op+e.expr(t, n, false)+")")
	}
	if len(parts) > 0 {
		it.add("TID Cond", strings.Join(parts, " OR "))
		it.details = append(it.details, "TID Cond: "+strings.Join(parts, " OR "))
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
		out[i] = e.expr(te.Expr, n, true)
	}
	it.add("Output", out)
	it.details = append(it.details, "Output: "+strings.Join(out, ", "))
}

func (e *explainer) sortKeys(it *item, n plan.Node, label string, keys []plan.SortKey) {
	out := make([]string, len(keys))
	for i, k := range keys {
		s := e.column(n, k.Col)
		switch {
		case k.Desc && !k.NullsFirst:
			s += " DESC NULLS LAST"
		case k.Desc:
			s += " DESC"
		case k.NullsFirst:
			s += " NULLS FIRST"
		}
		out[i] = s
	}
	it.add(label, out)
	it.details = append(it.details, label+": "+strings.Join(out, ", "))
}

func (e *explainer) columns(it *item, n plan.Node, label string, cols []int) {
	out := make([]string, len(cols))
	for i, c := range cols {
		out[i] = e.column(n, c)
	}
	it.add(label, out)
	it.details = append(it.details, label+": "+strings.Join(out, ", "))
}

func (e *explainer) groupKeys(it *item, n *plan.Agg) {
	if len(n.Sets) > 0 {
		for _, set := range n.Sets {
			if len(set) == 0 {
				it.details = append(it.details, "Group Key: ()")
				continue
			}
			label := "Hash Key"
			var cols []string
			for _, p := range set {
				cols = append(cols, e.column(n, n.GroupCols[p]))
			}
			it.details = append(it.details, label+": "+strings.Join(cols, ", "))
		}
		return
	}
	if len(n.GroupCols) > 0 {
		e.columns(it, n, "Group Key", n.GroupCols)
	}
}

// column prints column col of a node's outer input.
func (e *explainer) column(n plan.Node, col int) string {
	v := &tree.Var{VarNo: plan.OuterVar, AttNo: col}
	if outer := n.Common().Outer; outer != nil && col <= len(outer.Common().Target) {
		te := outer.Common().Target[col-1]
		v.T, v.Coll = te.Expr.Type(), te.Expr.Collation()
	}
	s := e.expr(v, n, e.prefix(n))
	return s
}

// prefix: columns are qualified when the statement reads more than one relation.
func (e *explainer) prefix(plan.Node) bool { return e.o.Verbose || countScans(e.in.Plan) > 1 }

func countScans(p *plan.Plan) int {
	n := 0
	var visit func(x plan.Node)
	visit = func(x plan.Node) {
		if x == nil {
			return
		}
		switch x.(type) {
		case *plan.SeqScan, *plan.VirtualScan, *plan.IndexScan, *plan.BitmapHeapScan, *plan.TidScan, *plan.SubqueryScan, *plan.FunctionScan, *plan.ValuesScan,
			*plan.CTEScan, *plan.WorkTableScan:
			n++
		}
		c := x.Common()
		visit(c.Outer)
		visit(c.Inner)
		for _, in := range inputsOf(x) {
			visit(in)
		}
	}
	visit(p.Root)
	for _, s := range p.SubPlans {
		visit(s.Root)
	}
	return n
}

// expr prints an expression of a node, following column references down to what they stand for.
func (e *explainer) expr(x tree.Expr, n plan.Node, prefix bool) string {
	p := deparse.New(e.in.Deparse, deparse.Plain)
	if e.in.IO != nil {
		p.IO = e.in.IO
	}
	at := n
	p.Var = func(p *deparse.Printer, v *tree.Var, top bool) bool {
		c := at.Common()
		var in plan.Node
		switch v.VarNo {
		case plan.ScanVar, plan.NewVar, plan.OldVar:
			p.Write(e.scanColumn(at, v, prefix))
			return true
		case plan.AggVar:
			a := at.(*plan.Agg).Aggs[v.AttNo-1]
			p.Expr(a, false)
			return true
		case plan.WinVar:
			p.Expr(at.(*plan.WindowAgg).Calls[v.AttNo-1], false)
			return true
		case plan.OuterVar:
			in = c.Outer
			if in == nil && len(inputsOf(at)) > 0 {
				in = inputsOf(at)[0]
			}
		case plan.InnerVar:
			in = c.Inner
		default:
			return false
		}
		if in == nil || v.AttNo < 1 || v.AttNo > len(in.Common().Target) {
			p.Write("???")
			return true
		}
		target := in.Common().Target[v.AttNo-1].Expr
		saved := at
		at = in
		_, isVar := target.(*tree.Var)
		wrap := !isVar && !top
		if wrap {
			if _, isFn := target.(*tree.FuncExpr); isFn {
				wrap = false
			}
			if _, isAgg := target.(*tree.Aggref); isAgg {
				wrap = false
			}
		}
		if !isVar && top {
			wrap = true
		}
		if wrap {
			p.Write("(")
		}
		p.Expr(target, true)
		if wrap {
			p.Write(")")
		}
		at = saved
		return true
	}
	p.Param = func(p *deparse.Printer, x *tree.Param) bool {
		if x.Kind != tree.ParamExec {
			return false
		}
		p.Write(e.param(x))
		return true
	}
	p.SubPlan = func(p *deparse.Printer, x *tree.SubPlan) bool {
		name := e.in.Plan.SubPlans[x.Plan].Name
		if x.UseHash {
			name = "hashed " + name
		}
		p.Write("(" + name + ")")
		return true
	}
	p.Expr(x, false)
	return p.String()
}

// param prints a value handed in: the outer column for a nested loop's parameter, $n for an initplan's output.
func (e *explainer) param(x *tree.Param) string {
	if s := e.nestParam(e.in.Plan.Root, x.ID); s != "" {
		return s
	}
	for i := range e.in.Plan.SubPlans {
		if s := e.nestParam(e.in.Plan.SubPlans[i].Root, x.ID); s != "" {
			return s
		}
	}
	return fmt.Sprintf("$%d", x.ID)
}

func (e *explainer) nestParam(n plan.Node, slot int) string {
	if n == nil {
		return ""
	}
	if nl, ok := n.(*plan.NestLoop); ok {
		for _, p := range nl.Params {
			if p.Slot == slot {
				return e.expr(p.Value, n, true)
			}
		}
	}
	for _, x := range nodeExprs(n) {
		found := ""
		tree.Walk(x, func(y tree.Expr) bool {
			if sp, ok := y.(*tree.SubPlan); ok {
				for i, s := range sp.SetParams {
					if s == slot {
						found = e.expr(sp.Args[i], n, true)
					}
				}
			}
			return found == ""
		})
		if found != "" {
			return found
		}
	}
	c := n.Common()
	for _, in := range append(inputsOf(n), c.Outer, c.Inner) {
		if s := e.nestParam(in, slot); s != "" {
			return s
		}
	}
	return ""
}

// scanColumn names a column of a scan.
func (e *explainer) scanColumn(n plan.Node, v *tree.Var, prefix bool) string {
	name, alias := "", ""
	relation := func(rel types.OID, a string) {
		alias = a
		switch {
		case v.AttNo < 0:
			name = systemColumns[-v.AttNo-1]
		case v.AttNo == 0:
			name = "*"
		default:
			if r := e.in.Catalog.Relation(rel); r != nil && v.AttNo <= len(r.Columns) {
				name = r.Columns[v.AttNo-1].Name
			}
		}
	}
	switch n := n.(type) {
	case *plan.SeqScan:
		relation(n.Rel, n.Alias)
	case *plan.VirtualScan:
		relation(n.Rel, n.Alias)
	case *plan.IndexScan:
		relation(n.Rel, n.Alias)
	case *plan.BitmapHeapScan:
		relation(n.Rel, n.Alias)
	case *plan.BitmapIndexScan:
		relation(n.Rel, "")
	case *plan.TidScan:
		relation(n.Rel, n.Alias)
	case *plan.ModifyTable:
		relation(n.Rel, n.Alias)
		if v.VarNo == plan.NewVar && n.OnConflict != nil {
			alias = "excluded"
		}
	case *plan.SubqueryScan:
		alias, name = n.Alias, outputName(n.Outer, v.AttNo)
	case *plan.CTEScan:
		alias, name = n.Alias, outputName(e.in.Plan.SubPlans[n.SubPlan].Root, v.AttNo)
	case *plan.WorkTableScan:
		alias, name = n.Alias, n.ColName(v.AttNo)
	case *plan.FunctionScan:
		alias, name = n.Alias, n.ColName(v.AttNo)
	case *plan.ValuesScan:
		alias, name = "*VALUES*", fmt.Sprintf("column%d", v.AttNo)
	}
	if name == "" {
		name = fmt.Sprintf("column%d", v.AttNo)
	}
	if name != "*" {
		name = catalog.QuoteIdent(name)
	}
	if prefix && alias != "" {
		return catalog.QuoteIdent(alias) + "." + name
	}
	return name
}

var systemColumns = [...]string{"ctid", "xmin", "cmin", "xmax", "cmax", "tableoid"}

func outputName(n plan.Node, col int) string {
	if n == nil || col < 1 || col > len(n.Common().Target) {
		return ""
	}
	return n.Common().Target[col-1].Name
}
