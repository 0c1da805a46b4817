package planner

import (
	"fmt"

	"kimberlite/exec/plan"
	"kimberlite/sql/catalog"
	"kimberlite/sql/deparse"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// prefix: columns above scans are qualified when the statement has more than one range table entry, used or not.
func (e *explainer) prefix() bool { return e.o.Verbose || e.in.Plan.RangeTable > 1 }

// expr prints an expression of a node, following column references down to what they stand for.
func (e *explainer) expr(x tree.Expr, n plan.Node, prefix bool) string {
	p := deparse.New(e.in.Deparse, deparse.Plain)
	if e.in.IO != nil {
		p.IO = e.in.IO
	}
	at := n
	p.Var = func(p *deparse.Printer, v *tree.Var, _ bool) bool {
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
		below, isVar := target.(*tree.Var)
		wrap := !isVar || below.VarNo == plan.AggVar || below.VarNo == plan.WinVar
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
	c := n.Common()
	name, alias := "", e.alias(n)
	switch n := n.(type) {
	case *plan.SeqScan:
		name = e.tableColumn(n.Rel, c, v.AttNo)
	case *plan.VirtualScan:
		name = e.tableColumn(n.Rel, c, v.AttNo)
	case *plan.IndexScan:
		name = e.tableColumn(n.Rel, c, v.AttNo)
	case *plan.BitmapHeapScan:
		name = e.tableColumn(n.Rel, c, v.AttNo)
	case *plan.BitmapIndexScan:
		name = e.tableColumn(n.Rel, c, v.AttNo)
		alias = e.aliasOf(c.Scanned, "")
	case *plan.TidScan:
		name = e.tableColumn(n.Rel, c, v.AttNo)
	case *plan.ModifyTable:
		name = e.tableColumn(n.Rel, c, v.AttNo)
		if v.VarNo == plan.NewVar && n.OnConflict != nil {
			alias = "excluded"
		}
	default:
		if v.AttNo >= 1 && v.AttNo <= len(c.ColNames) {
			name = c.ColNames[v.AttNo-1]
		}
	}
	switch {
	case v.AttNo == 0:
		name = "*"
	case name == "":
		name = fmt.Sprintf("column%d", v.AttNo)
	default:
		name = catalog.QuoteIdent(name)
	}
	if prefix && alias != "" {
		return catalog.QuoteIdent(alias) + "." + name
	}
	return name
}

// tableColumn is the name of a table's column, or what the query calls it.
func (e *explainer) tableColumn(rel types.OID, c *plan.Base, att int) string {
	switch {
	case att < 0:
		return systemColumns[-att-1]
	case att >= 1 && att <= len(c.ColNames) && c.ColNames[att-1] != "":
		return c.ColNames[att-1]
	}
	if r := e.in.Catalog.Relation(rel); r != nil && att >= 1 && att <= len(r.Columns) {
		return r.Columns[att-1].Name
	}
	return ""
}

var systemColumns = [...]string{"ctid", "xmin", "cmin", "xmax", "cmax", "tableoid"}
