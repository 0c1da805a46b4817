package planner

import (
	"fmt"
	"sort"
	"strings"

	"kimberlite/exec/plan"
	"kimberlite/sql/catalog"
	"kimberlite/sql/tree"
)

// nodeNames is how a node is called: in the text format, and in the structured ones, which say more in properties before (how) and after (what) the node's
// place in the plan.
type nodeNames struct {
	text, structured string
	how, what        []prop
}

func same(s string) nodeNames { return nodeNames{text: s, structured: s} }

func joinName(base string, kind tree.JoinType) nodeNames {
	word := [...]string{"Inner", "Left", "Full", "Right", "Semi", "Anti", "Right Semi"}[kind]
	text := base
	if kind != tree.JoinInner {
		text = strings.TrimSuffix(base, " Join") + " " + word + " Join"
	}
	return nodeNames{text: text, structured: base, what: []prop{{"Join Type", word}}}
}

func nodeName(n plan.Node) nodeNames {
	switch n := n.(type) {
	case *plan.SeqScan, *plan.VirtualScan:
		return same("Seq Scan")
	case *plan.IndexScan:
		return indexScanName(n)
	case *plan.BitmapHeapScan:
		return same("Bitmap Heap Scan")
	case *plan.BitmapIndexScan:
		return same("Bitmap Index Scan")
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
		return joinName("Nested Loop", n.Kind)
	case *plan.HashJoin:
		return joinName("Hash Join", n.Kind)
	case *plan.MergeJoin:
		return joinName("Merge Join", n.Kind)
	case *plan.Sort:
		if n.Presorted > 0 {
			return same("Incremental Sort")
		}
	case *plan.Material:
		return same("Materialize")
	case *plan.Agg:
		return aggName(n)
	case *plan.SetOp:
		word := map[tree.SetOpKind]string{tree.Intersect: "Intersect", tree.Except: "Except"}[n.Kind]
		if n.All {
			word += " All"
		}
		return nodeNames{text: "HashSetOp " + word, structured: "SetOp", how: []prop{{"Strategy", "Hashed"}}, what: []prop{{"Command", word}}}
	case *plan.MergeAppend:
		return same("Merge Append")
	case *plan.ModifyTable:
		word := map[tree.CmdType]string{tree.CmdInsert: "Insert", tree.CmdUpdate: "Update", tree.CmdDelete: "Delete", tree.CmdMerge: "Merge"}[n.Cmd]
		return nodeNames{text: word, structured: "ModifyTable", how: []prop{{"Operation", word}}}
	}
	return same(strings.TrimPrefix(fmt.Sprintf("%T", n), "*plan."))
}

func indexScanName(n *plan.IndexScan) nodeNames {
	name := same("Index Scan")
	if n.IndexOnly {
		name = same("Index Only Scan")
	}
	direction := "Forward"
	if n.Backward {
		direction = "Backward"
		name.text += " Backward"
	}
	name.what = []prop{{"Scan Direction", direction}}
	return name
}

// aggName: hashed grouping sets that include the empty one are mixed, since that one needs no table.
func aggName(n *plan.Agg) nodeNames {
	strategy := n.Strategy
	if strategy == plan.AggHashed && hasEmptySet(n) {
		strategy = plan.AggMixed
	}
	return nodeNames{
		text:       [...]string{"Aggregate", "GroupAggregate", "HashAggregate", "MixedAggregate"}[strategy],
		structured: "Aggregate",
		how:        []prop{{"Strategy", [...]string{"Plain", "Sorted", "Hashed", "Mixed"}[strategy]}, {"Partial Mode", "Simple"}},
	}
}

func hasEmptySet(n *plan.Agg) bool {
	for _, set := range n.Sets {
		if len(set) == 0 {
			return true
		}
	}
	return false
}

// target is "on table alias" and the like.
func (e *explainer) target(n plan.Node, it *item) string {
	switch n := n.(type) {
	case *plan.SeqScan:
		return e.relation(it, &n.Scan)
	case *plan.VirtualScan:
		return e.relation(it, &n.Scan)
	case *plan.TidScan:
		return e.relation(it, &n.Scan)
	case *plan.BitmapHeapScan:
		return e.relation(it, &n.Scan)
	case *plan.IndexScan:
		it.add("Index Name", n.IndexName)
		return " using " + catalog.QuoteIdent(n.IndexName) + e.relation(it, &n.Scan)
	case *plan.BitmapIndexScan:
		it.add("Index Name", n.IndexName)
		return " on " + catalog.QuoteIdent(n.IndexName)
	case *plan.ModifyTable:
		return e.object(it, "Relation Name", n.Schema, n.RelName, e.alias(n))
	case *plan.CTEScan:
		return e.object(it, "CTE Name", "", n.Name, e.alias(n))
	case *plan.FunctionScan:
		schema, name := e.scannedFunction(n)
		return e.object(it, "Function Name", schema, name, e.alias(n))
	case *plan.SubqueryScan, *plan.ValuesScan, *plan.WorkTableScan:
		return e.object(it, "", "", "", e.alias(n))
	}
	return ""
}

func (e *explainer) relation(it *item, s *plan.Scan) string {
	return e.object(it, "Relation Name", s.Schema, s.RelName, e.aliasOf(s.Scanned, s.Alias))
}

// object names what a node reads, with its schema under VERBOSE, and the alias when that is another name.
func (e *explainer) object(it *item, key, schema, name, alias string) string {
	s := " on"
	if name != "" {
		it.add(key, name)
		s += " "
		if e.o.Verbose && schema != "" {
			it.add("Schema", schema)
			s += catalog.QuoteIdent(schema) + "."
		}
		s += catalog.QuoteIdent(name)
	}
	it.add("Alias", alias)
	if alias != name {
		s += " " + catalog.QuoteIdent(alias)
	}
	return s
}

// scannedFunction names the function of a scan of just one.
func (e *explainer) scannedFunction(n *plan.FunctionScan) (schema, name string) {
	if len(n.Funcs) != 1 {
		return "", ""
	}
	f, ok := n.Funcs[0].Expr.(*tree.FuncExpr)
	if !ok {
		return "", ""
	}
	p := e.in.Catalog.Proc(f.Func)
	if p == nil {
		return "", ""
	}
	if s := e.in.Catalog.Schema(p.Namespace); s != nil {
		schema = s.Name
	}
	return schema, p.Name
}

// nameScans gives each range table entry that the plan reads a name of its own: its alias, with a number added to a repeated one.
func (e *explainer) nameScans() {
	type entry struct {
		id    plan.ScanID
		alias string
		level int // query levels in the order of the plan
	}
	var all []entry
	levels := map[int]int{}
	seen := map[plan.ScanID]bool{}
	e.everyNode(func(n plan.Node) {
		id, alias := scanOf(n)
		if id == (plan.ScanID{}) || seen[id] {
			return
		}
		seen[id] = true
		if _, ok := levels[id.Level]; !ok {
			levels[id.Level] = len(levels)
		}
		all = append(all, entry{id, alias, levels[id.Level]})
	})
	sort.SliceStable(all, func(i, j int) bool {
		if all[i].level != all[j].level {
			return all[i].level < all[j].level
		}
		return all[i].id.RTIndex < all[j].id.RTIndex
	})
	e.names = make(map[plan.ScanID]string, len(all))
	used := map[string]bool{}
	for _, x := range all {
		name := x.alias
		for i := 1; used[name]; i++ {
			name = fmt.Sprintf("%s_%d", x.alias, i)
		}
		used[name] = true
		e.names[x.id] = name
	}
}

// everyNode visits the nodes of the plan, then those of its subplans.
func (e *explainer) everyNode(f func(n plan.Node)) {
	var visit func(n plan.Node)
	visit = func(n plan.Node) {
		if n == nil {
			return
		}
		f(n)
		c := n.Common()
		visit(c.Outer)
		visit(c.Inner)
		for _, in := range inputsOf(n) {
			visit(in)
		}
	}
	visit(e.in.Plan.Root)
	for _, s := range e.in.Plan.SubPlans {
		visit(s.Root)
	}
}

// scanOf is the range table entry that a node reads (or changes), and its alias.
func scanOf(n plan.Node) (plan.ScanID, string) {
	id := n.Common().Scanned
	switch n := n.(type) {
	case *plan.SeqScan:
		return id, n.Alias
	case *plan.VirtualScan:
		return id, n.Alias
	case *plan.IndexScan:
		return id, n.Alias
	case *plan.BitmapHeapScan:
		return id, n.Alias
	case *plan.TidScan:
		return id, n.Alias
	case *plan.SubqueryScan:
		return id, n.Alias
	case *plan.FunctionScan:
		return id, n.Alias
	case *plan.ValuesScan:
		return id, n.Alias
	case *plan.CTEScan:
		return id, n.Alias
	case *plan.WorkTableScan:
		return id, n.Alias
	case *plan.ModifyTable:
		return id, n.Alias
	}
	return plan.ScanID{}, ""
}

func (e *explainer) alias(n plan.Node) string {
	id, alias := scanOf(n)
	return e.aliasOf(id, alias)
}

func (e *explainer) aliasOf(id plan.ScanID, alias string) string {
	if s := e.names[id]; s != "" {
		return s
	}
	return alias
}
