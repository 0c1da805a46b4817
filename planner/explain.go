package planner

import (
	"fmt"
	"strings"
	"time"

	"kimberlite/exec"
	"kimberlite/exec/plan"
	"kimberlite/sql/catalog"
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
	e := &explainer{in: in, o: o, shown: map[int]bool{}}
	e.nameScans()
	root := e.node(in.Plan.Root, "", "")
	if o.Format == "text" {
		var lines []string
		textNode(root, 0, "", &lines)
		if o.Summary {
			lines = append(lines, fmt.Sprintf("Snapshot Position: %d", in.Position))
			lines = append(lines, fmt.Sprintf("Planning Time: %.3f ms", millis(in.Planning)))
			if o.Analyze {
				lines = append(lines, fmt.Sprintf("Execution Time: %.3f ms", millis(in.Execution)))
			}
		}
		return lines
	}
	top := &item{}
	top.add("Plan", root)
	if o.Summary {
		top.num("Snapshot Position", float64(in.Position), 0)
		top.num("Planning Time", millis(in.Planning), 3)
	}
	if o.Analyze {
		top.add("Triggers", []*item{})
	}
	if o.Summary && o.Analyze {
		top.num("Execution Time", millis(in.Execution), 3)
	}
	switch o.Format {
	case "json":
		return strings.Split(formatJSON(top), "\n")
	case "yaml":
		return strings.Split(formatYAML(top), "\n")
	}
	return strings.Split(formatXML(top), "\n")
}

func millis(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

// item is a group of properties: a plan node or the whole answer. Each format prints the same items.
type item struct {
	props []prop
	// text is the node's first line and details are the lines below it, in the text format.
	text    string
	details []string
	subs    []sub
}

type prop struct {
	key   string
	value any // string, number (as text), bool, []string, [][]string, *item, []*item
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

// both adds a property that the text format shows on a line of its own.
func (i *item) both(key, text string) {
	i.add(key, text)
	i.line(key + ": " + text)
}

func (i *item) line(s string) { i.details = append(i.details, s) }

type explainer struct {
	in    ExplainInput
	o     ExplainOptions
	shown map[int]bool
	names map[plan.ScanID]string
}

// node describes a plan node and what is below it.
func (e *explainer) node(n plan.Node, relationship, subplan string) *item {
	c := n.Common()
	it := &item{}
	name := nodeName(n)
	it.add("Node Type", name.structured)
	it.props = append(it.props, name.how...)
	if relationship != "" {
		it.add("Parent Relationship", relationship)
	}
	if subplan != "" {
		it.add("Subplan Name", subplan)
	}
	it.add("Parallel Aware", false)
	it.add("Async Capable", false)
	it.props = append(it.props, name.what...)
	line := name.text + e.target(n, it)
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
	e.children(n, it)
	return it
}

// children adds initplans, inputs and subplans, in this order.
func (e *explainer) children(n plan.Node, it *item) {
	c := n.Common()
	for _, idx := range c.InitPlans {
		e.subplanNode(it, idx, "InitPlan")
	}
	if c.Outer != nil {
		relationship := "Outer"
		switch n.(type) {
		case *plan.SubqueryScan:
			relationship = "Subquery"
		case *plan.ModifyTable:
			relationship = "Outer"
		}
		it.child("", e.node(c.Outer, relationship, ""))
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
