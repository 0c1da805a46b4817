package planner

import (
	"fmt"

	"kimberlite/exec/plan"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// ctePlan is a WITH query of a level: inlined, or a subplan that is materialized once for all its readers.
type ctePlan struct {
	cte     *tree.CTE
	inline  bool
	subplan int
	rows    float64
	width   int
	done    bool
}

// workTable is the recursive reference's source while the recursive term is planned.
type workTable struct {
	number int
	rows   float64
	width  int
}

func subplanName(index int, init bool, slots []int) string {
	if !init {
		return fmt.Sprintf("SubPlan %d", index+1)
	}
	returns := ""
	for i, s := range slots {
		if i > 0 {
			returns += ","
		}
		returns += fmt.Sprintf("$%d", s)
	}
	return fmt.Sprintf("InitPlan %d (returns %s)", index+1, returns)
}

// prepareCTEs plans or inlines the WITH queries of the level.
func (r *root) prepareCTEs() error {
	for _, name := range r.cteOrder() {
		cte := r.cteNamed(name) // as it is now: those inlined before have changed it
		modifying := cte.Query.Cmd != tree.CmdSelect
		if !modifying && cte.RefCount == 0 {
			continue // never read: never run
		}
		cp := &ctePlan{cte: cte}
		r.ctes[cte.Name] = cp
		if r.canInline(cte) {
			cp.inline = true
			r.inlineCTE(cte)
			continue
		}
		var node plan.Node
		var child *root
		var err error
		if cte.Recursive {
			node, child, err = r.planRecursive(cte)
		} else {
			node, child, err = r.g.planQuery(r, cte.Query, 0, r.workTables)
		}
		if err != nil {
			return err
		}
		_ = child
		cp.subplan = len(r.g.subplans)
		cp.rows, cp.width, cp.done = node.Common().Rows, node.Common().Width, true
		r.g.subplans = append(r.g.subplans, plan.SubPlan{Name: "CTE " + cte.Name, Root: node, CTE: true})
		r.initPlans = append(r.initPlans, cp.subplan)
		if modifying {
			r.g.modCTEs = append(r.g.modCTEs, cp.subplan)
		}
	}
	return nil
}

func (r *root) cteNamed(name string) *tree.CTE {
	for _, cte := range r.q.CTEs {
		if cte.Name == name {
			return cte
		}
	}
	return nil
}

// cteOrder lists the WITH queries of the level so that each comes after those that it reads: under RECURSIVE they may be written in any order.
func (r *root) cteOrder() []string {
	var order []string
	seen := map[string]bool{}
	var visit func(cte *tree.CTE)
	visit = func(cte *tree.CTE) {
		if seen[cte.Name] {
			return
		}
		seen[cte.Name] = true
		for _, other := range r.q.CTEs {
			if other != cte && readsCTE(cte.Query, 1, other.Name) {
				visit(other)
			}
		}
		order = append(order, cte.Name)
	}
	for _, cte := range r.q.CTEs {
		visit(cte)
	}
	return order
}

// readsCTE reports whether q, whose own level is depth below that of the WITH query, reads it.
func readsCTE(q *tree.Query, depth int, name string) bool {
	for _, rte := range q.RTable {
		if rte.Kind == tree.RTECTE && rte.CTEName == name && rte.CTELevels == depth {
			return true
		}
	}
	found := false
	tree.Subqueries(q, func(sub *tree.Query) { found = found || readsCTE(sub, depth+1, name) })
	tree.QueryExprs(q, 0, func(e tree.Expr) {
		tree.Walk(e, func(x tree.Expr) bool {
			if link, ok := x.(*tree.SubLink); ok && link.Query != nil {
				found = found || readsCTE(link.Query, depth+1, name)
			}
			return !found
		})
	})
	return found
}

// canInline: a side-effect free WITH query read once is treated as a subquery, unless it asks for materialization (7.8.3).
func (r *root) canInline(cte *tree.CTE) bool {
	q := cte.Query
	if cte.Recursive || q.Cmd != tree.CmdSelect || cte.Materialized == 'm' || len(q.RowMarks) > 0 || q.HasModifyingCTE {
		return false
	}
	if cte.Materialized != 'n' && cte.RefCount != 1 {
		return false
	}
	return !r.queryHasVolatile(q) && !readsWorkTable(q)
}

func (r *root) queryHasVolatile(q *tree.Query) bool {
	found := false
	tree.WalkQueryDeep(q, func(e tree.Expr, _ int) bool {
		if found {
			return false
		}
		switch e := e.(type) {
		case *tree.FuncExpr:
			found = r.volatility(e.Func) == 'v'
		case *tree.NextValueExpr:
			found = true
		}
		return !found
	})
	return found
}

// readsWorkTable: a query inside a recursive term that reads the recursive reference from within a WITH of its own stays where it is.
func readsWorkTable(q *tree.Query) bool {
	for _, rte := range q.RTable {
		if rte.Kind == tree.RTECTE && rte.SelfRef {
			return true
		}
		if rte.Subquery != nil && readsWorkTable(rte.Subquery) {
			return true
		}
	}
	return false
}

// inlineCTE turns the one reference into a subquery, wherever it is below this level.
func (r *root) inlineCTE(cte *tree.CTE) {
	r.q = copyLevel(replaceCTERefs(r.q, 0, cte.Name, func(rte *tree.RTE, depth int) *tree.RTE {
		c := *rte
		c.Kind = tree.RTESubquery
		c.Subquery = tree.IncrementQueryLevels(cte.Query, depth, 1)
		c.CTEName, c.CTELevels = "", 0
		return &c
	}))
}

// planRecursive plans WITH RECURSIVE name AS (non-recursive UNION [ALL] recursive).
func (r *root) planRecursive(cte *tree.CTE) (plan.Node, *root, error) {
	q := cte.Query
	set, ok := q.SetOp.(*tree.SetOperation)
	if !ok || set.Kind != tree.Union {
		node, child, err := r.g.planQuery(r, q, 0, r.workTables) // RECURSIVE was written, but it isn't
		return node, child, err
	}
	level := &root{g: r.g, parent: r, q: copyLevel(q), ctes: map[string]*ctePlan{}, subroots: map[int]*root{}, workTables: r.workTables}
	r.g.noteRelations(q)
	if err := level.prepareCTEs(); err != nil {
		return nil, nil, err
	}
	left, err := level.planSetInput(set.Left, level.workTables)
	if err != nil {
		return nil, nil, err
	}
	number := r.g.unions
	r.g.unions++
	work := map[string]*workTable{}
	for k, v := range r.workTables {
		work[k] = v
	}
	lc := left.Common()
	work[cte.Name] = &workTable{number: number, rows: clampRows(lc.Rows * 10), width: lc.Width}
	right, err := level.planSetInput(set.Right, work)
	if err != nil {
		return nil, nil, err
	}
	if left, err = level.coerceInput(left, set); err != nil {
		return nil, nil, err
	}
	if right, err = level.coerceInput(right, set); err != nil {
		return nil, nil, err
	}
	u := &plan.RecursiveUnion{Number: number, All: set.All, EqOps: groupEqOps(set.Group)}
	u.Outer, u.Inner = left, right
	rc := right.Common()
	u.Rows = clampRows(lc.Rows + rc.Rows*10)
	u.Width = lc.Width
	u.StartupCost = lc.StartupCost
	u.TotalCost = lc.TotalCost + rc.TotalCost*10 + u.Rows*r.settings().CPUTupleCost
	u.Target = passThrough(left)
	if !set.All {
		u.Target = passThrough(left)
	}
	u.InitPlans = append(u.InitPlans, level.initPlans...)
	return u, level, nil
}

func groupEqOps(group []tree.SortClause) []types.OID {
	ops := make([]types.OID, len(group))
	for i, g := range group {
		ops[i] = g.EqOp
	}
	return ops
}
