package planner

import (
	"math"

	"kimberlite/exec/plan"
	"kimberlite/sql/analyze"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// planSetOps plans UNION, INTERSECT and EXCEPT with the ORDER BY and LIMIT around them.
func (r *root) planSetOps() (plan.Node, error) {
	node, err := r.planSetInput(r.q.SetOp, r.workTables)
	if err != nil {
		return nil, err
	}
	// The level's target list names the columns of the leftmost input by position; the operation's output is known under those expressions.
	target := append([]tree.TargetEntry(nil), r.q.Target...)
	out := node.Common()
	if out.Fixed == nil {
		out.Fixed = append([]tree.TargetEntry(nil), out.Target...) // what it computes; the names are for those above
		out.Target = append([]tree.TargetEntry(nil), out.Target...)
	}
	for i := range out.Target {
		if i < len(target) {
			out.Target[i].Expr, out.Target[i].Name, out.Target[i].SortRef = target[i].Expr, target[i].Name, target[i].SortRef
		}
	}
	var junk []tree.Expr
	for _, te := range target[min(len(out.Target), len(target)):] {
		junk = append(junk, te.Expr)
	}
	if len(junk) > 0 {
		node = r.addColumns(node, junk)
	}
	r.topKeys = nil
	if len(r.q.Sort) > 0 {
		if node, err = r.ensureSort(node, r.q.Sort, r.limitHint()); err != nil {
			return nil, err
		}
	}
	return r.planLimit(node)
}

// planSetInput plans a node of the set operation tree. Its output columns are numbered Vars of entry 0 until the caller names them.
func (r *root) planSetInput(n tree.SetOpNode, work map[string]*workTable) (plan.Node, error) {
	switch n := n.(type) {
	case *tree.RangeRef:
		rte := r.q.RTable[n.Index-1]
		node, child, err := r.g.planQuery(r, rte.Subquery, 0, work)
		if err != nil {
			return nil, err
		}
		if len(child.outer) > 0 {
			return nil, pgerr.Internal("a set operation's input refers to its own level")
		}
		return r.setLeaf(node, n.Index, rte.Subquery), nil
	case *tree.SetOperation:
		if n.Kind == tree.Union {
			return r.planUnion(n, work)
		}
		return r.planIntersectExcept(n, work)
	}
	return nil, pgerr.Internal("unknown set operation node")
}

// setLeaf wraps an input so that it yields just its visible columns.
func (r *root) setLeaf(node plan.Node, rti int, q *tree.Query) plan.Node {
	c := node.Common()
	s := &plan.SubqueryScan{Alias: r.q.RTable[rti-1].Eref.Name, RTIndex: rti}
	s.Scanned, s.ColNames = plan.ScanID{Level: r.number, RTIndex: rti}, r.q.RTable[rti-1].Eref.Cols
	s.Outer = node
	s.Rows, s.Width, s.StartupCost, s.TotalCost = c.Rows, c.Width, c.StartupCost, c.TotalCost
	i := 0
	target := q.Target
	if q.Cmd != tree.CmdSelect {
		target = q.Returning
	}
	for _, te := range target {
		if te.Junk {
			continue
		}
		i++
		s.Target = append(s.Target, tree.TargetEntry{ResNo: i, Name: te.Name, Expr: &tree.Var{VarNo: rti, AttNo: i, T: te.Expr.Type(), Coll: te.Expr.Collation(), Loc: -1}})
	}
	return s
}

// setTarget are the operation's output columns.
func setTarget(op *tree.SetOperation, first plan.Node) []tree.TargetEntry {
	in := first.Common().Target
	out := make([]tree.TargetEntry, len(op.ColTypes))
	for i, t := range op.ColTypes {
		coll := types.OID(0)
		if i < len(op.ColColls) {
			coll = op.ColColls[i]
		}
		out[i] = tree.TargetEntry{ResNo: i + 1, Expr: &tree.Var{VarNo: 0, AttNo: i + 1, T: t, Coll: coll, Loc: -1}}
		if i < len(in) {
			out[i].Name = in[i].Name
		}
	}
	return out
}

// planUnion appends the inputs of nested UNIONs of the same kind, then removes duplicates unless ALL.
func (r *root) planUnion(op *tree.SetOperation, work map[string]*workTable) (plan.Node, error) {
	var inputs []plan.Node
	var collect func(n tree.SetOpNode) error
	collect = func(n tree.SetOpNode) error {
		if o, ok := n.(*tree.SetOperation); ok && o.Kind == tree.Union && (o.All == op.All || !op.All) && sameTypes(o, op) {
			if err := collect(o.Left); err != nil {
				return err
			}
			return collect(o.Right)
		}
		node, err := r.planSetInput(n, work)
		if err != nil {
			return err
		}
		if node, err = r.coerceInput(node, op); err != nil {
			return err
		}
		inputs = append(inputs, node)
		return nil
	}
	if err := collect(op.Left); err != nil {
		return nil, err
	}
	if err := collect(op.Right); err != nil {
		return nil, err
	}
	a := &plan.Append{Inputs: inputs}
	a.Target = setTarget(op, inputs[0])
	for i, in := range inputs {
		c := in.Common()
		a.Rows += c.Rows
		a.TotalCost += c.TotalCost
		a.Width = max(a.Width, c.Width)
		if i == 0 {
			a.StartupCost = c.StartupCost
		}
	}
	a.TotalCost += a.Rows * r.settings().CPUTupleCost * 0.5
	if op.All {
		return a, nil
	}
	return r.dedupe(a, op)
}

// coerceInput makes an input's columns the types of the operation's result.
func (r *root) coerceInput(node plan.Node, op *tree.SetOperation) (plan.Node, error) {
	in := node.Common().Target
	same := true
	for i, t := range op.ColTypes {
		same = same && i < len(in) && in[i].Expr.Type().OID == t.OID
	}
	if same {
		return node, nil
	}
	target := append([]tree.TargetEntry(nil), in...)
	env := &analyze.Env{Catalog: r.g.env.Catalog, IO: &types.Ctx{Types: r.g.env.Catalog}}
	for i, t := range op.ColTypes {
		if i >= len(target) || target[i].Expr.Type().OID == t.OID {
			continue
		}
		e, err := analyze.Coerce(env, target[i].Expr, t, false)
		if err != nil {
			return nil, err
		}
		target[i].Expr = e
	}
	if scan, ok := node.(*plan.SubqueryScan); ok {
		scan.Target = target
		return node, nil
	}
	c := node.Common()
	n := &plan.Result{}
	n.Outer = node
	n.Target = target
	n.StartupCost, n.TotalCost, n.Rows, n.Width = c.StartupCost, c.TotalCost, c.Rows, c.Width
	return n, nil
}

func sameTypes(a, b *tree.SetOperation) bool {
	for i := range a.ColTypes {
		if a.ColTypes[i] != b.ColTypes[i] {
			return false
		}
	}
	return len(a.ColTypes) == len(b.ColTypes)
}

// dedupe removes duplicate rows: by hashing when all columns can be, else by sorting.
func (r *root) dedupe(node plan.Node, op *tree.SetOperation) (plan.Node, error) {
	c := node.Common()
	cols := make([]int, len(op.ColTypes))
	hashable, sortable := true, true
	for i := range cols {
		cols[i] = i + 1
		hashable = hashable && op.Group[i].Hashable
		sortable = sortable && op.Group[i].SortOp != 0
	}
	s := r.settings()
	if len(cols) == 0 { // UNION of no columns: one row at most
		l := &plan.Limit{Count: &tree.Const{T: types.Of(types.OIDInt8), Value: types.Int(1), Loc: -1}}
		l.Outer, l.Target, l.Rows = node, passThrough(node), 1
		return l, nil
	}
	if hashable && s.HashAgg || !sortable {
		if !hashable {
			return nil, pgerr.New(pgerr.FeatureNotSupported, "could not implement UNION").WithDetail("Some of the datatypes only support hashing, while others only support sorting.")
		}
		n := &plan.Agg{Strategy: plan.AggHashed, GroupCols: cols, GroupEq: groupEqOps(op.Group)}
		n.Outer = node
		n.Target = passThrough(node)
		n.Rows, n.Width = c.Rows, c.Width
		n.StartupCost = c.TotalCost + c.Rows*s.CPUOperatorCost*float64(len(cols))
		n.TotalCost = n.StartupCost + n.Rows*s.CPUTupleCost
		return n, nil
	}
	var keys []pathKey
	for i, te := range c.Target {
		keys = append(keys, pathKey{expr: te.Expr, desc: op.Group[i].Desc, nullsFirst: op.Group[i].NullsFirst, coll: te.Expr.Collation()})
	}
	sorted, err := r.sortNode(node, keys, 0)
	if err != nil {
		return nil, err
	}
	n := &plan.Unique{Cols: cols, Eq: groupEqOps(op.Group)}
	n.Outer = sorted
	n.Target = passThrough(sorted)
	sc := sorted.Common()
	n.Rows, n.Width, n.StartupCost, n.TotalCost = c.Rows, c.Width, sc.StartupCost, sc.TotalCost+c.Rows*s.CPUOperatorCost*float64(len(cols))
	return n, nil
}

func (r *root) planIntersectExcept(op *tree.SetOperation, work map[string]*workTable) (plan.Node, error) {
	left, err := r.planSetInput(op.Left, work)
	if err != nil {
		return nil, err
	}
	right, err := r.planSetInput(op.Right, work)
	if err != nil {
		return nil, err
	}
	if left, err = r.coerceInput(left, op); err != nil {
		return nil, err
	}
	if right, err = r.coerceInput(right, op); err != nil {
		return nil, err
	}
	n := &plan.SetOp{Kind: op.Kind, All: op.All, EqOps: groupEqOps(op.Group)}
	n.Outer, n.Inner = left, right
	n.Target = setTarget(op, left)
	l, rc := left.Common(), right.Common()
	n.Rows, n.Width = clampRows(l.Rows), l.Width
	if op.Kind == tree.Intersect {
		n.Rows = clampRows(math.Min(l.Rows, rc.Rows))
	}
	s := r.settings()
	n.StartupCost = l.TotalCost + rc.TotalCost + (l.Rows+rc.Rows)*s.CPUOperatorCost*float64(len(op.ColTypes))
	n.TotalCost = n.StartupCost + n.Rows*s.CPUTupleCost
	return n, nil
}
