package planner

import (
	"kimberlite/exec/plan"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
)

// planModify puts INSERT, UPDATE, DELETE or MERGE above the plan of the rows it works on.
func (r *root) planModify(node plan.Node) (plan.Node, error) {
	q := r.q
	if q.Cmd == tree.CmdSelect {
		return node, nil
	}
	rte := q.RTable[q.ResultRel-1]
	relation := r.g.env.Catalog.Relation(rte.RelID)
	if relation == nil {
		return nil, pgerr.Internal("result relation %d has no descriptor", rte.RelID)
	}
	n := &plan.ModifyTable{Cmd: q.Cmd, Rel: rte.RelID, RelName: relation.Name, Alias: rte.Eref.Name, RTIndex: q.ResultRel, CanSetTag: q.CanSetTag}
	n.Scanned = plan.ScanID{Level: r.number, RTIndex: q.ResultRel}
	if sc := r.g.env.Catalog.Schema(relation.Schema); sc != nil {
		n.Schema = sc.Name
	}
	var err error
	switch q.Cmd {
	case tree.CmdInsert:
		node, err = r.insertInput(node, len(relation.Columns), n)
	case tree.CmdUpdate:
		err = r.updateInput(node, n)
	case tree.CmdDelete:
		n.RowIDCol, err = r.columnOf(node, r.ctidVar(q.ResultRel))
	case tree.CmdMerge:
		node, err = r.mergeInput(node, n)
	default:
		return nil, errUnsupported("this command", "Use SELECT, INSERT, UPDATE, DELETE or MERGE.")
	}
	if err != nil {
		return nil, err
	}
	n.Outer = node
	if q.Cmd == tree.CmdUpdate || q.Cmd == tree.CmdDelete {
		n.RecheckQuals = r.recheckQuals()
	}
	n.WithChecks = q.WithChecks
	n.Returning = q.Returning
	n.Target = append([]tree.TargetEntry(nil), q.Returning...)
	c := node.Common()
	n.StartupCost, n.TotalCost = c.StartupCost, c.TotalCost
	if len(q.Returning) > 0 {
		n.Rows, n.Width = c.Rows, r.targetWidth(targetExprs(q.Returning))
	}
	return n, nil
}

// insertInput orders the new row's columns by attribute number; ON CONFLICT is taken over.
func (r *root) insertInput(node plan.Node, atts int, n *plan.ModifyTable) (plan.Node, error) {
	q := r.q
	n.SetCols = nil
	for _, te := range q.Target {
		if !te.Junk {
			n.SetCols = append(n.SetCols, te.ResNo)
		}
	}
	if oc := q.OnConflict; oc != nil {
		out := &plan.OnConflict{Update: oc.Update, Indexes: oc.Indexes, Where: oc.Where, ExclRel: oc.ExclRel}
		for _, te := range oc.Set {
			out.SetCols = append(out.SetCols, te.ResNo)
			out.Set = append(out.Set, te.Expr)
		}
		n.OnConflict = out
	}
	return node, nil
}

// updateInput: the plan yields the new values, then ctid, then what RETURNING takes from other tables.
func (r *root) updateInput(node plan.Node, n *plan.ModifyTable) error {
	for _, te := range r.q.Target {
		if te.Junk {
			continue
		}
		n.SetCols = append(n.SetCols, r.setCol(te))
		n.SetExprs = append(n.SetExprs, te.Expr)
	}
	col, err := r.columnOf(node, r.ctidVar(r.q.ResultRel))
	n.RowIDCol = col
	return err
}

// setCol is the attribute number that a target entry assigns; planProjection renumbers ResNo, so it is looked up in the query as analyzed.
func (r *root) setCol(te tree.TargetEntry) int { return te.ResNo }

// modifyNeeds are the columns that modification needs from the joins besides the target list: ctid, RETURNING's and the recheck's columns of other relations.
func (r *root) modifyNeeds() []tree.Expr {
	q := r.q
	var out []tree.Expr
	switch q.Cmd {
	case tree.CmdUpdate, tree.CmdDelete, tree.CmdMerge:
		out = append(out, r.ctidVar(q.ResultRel))
	}
	for _, v := range varsOf(targetExprs(q.Returning)...) {
		if v.VarNo != q.ResultRel {
			out = append(out, v)
		}
	}
	for _, a := range q.MergeActions {
		for _, v := range varsOf(append(targetExprs(a.Target), a.Qual)...) {
			if v.VarNo != q.ResultRel {
				out = append(out, v)
			}
		}
	}
	if q.Cmd == tree.CmdUpdate || q.Cmd == tree.CmdDelete {
		for _, v := range varsOf(append(r.recheckQuals(), targetExprs(q.Target)...)...) {
			if v.VarNo != q.ResultRel {
				out = append(out, v)
			}
		}
	}
	return out
}

// modifyColumns are the junk columns that the top projection must carry for modification, after the visible ones.
func (r *root) modifyColumns(visible int) []tree.TargetEntry {
	q := r.q
	if q.Cmd == tree.CmdSelect || q.Cmd == tree.CmdInsert {
		return nil
	}
	var out []tree.TargetEntry
	for _, e := range r.modifyNeeds() {
		if findColumn(out, e) == 0 {
			out = append(out, tree.TargetEntry{Expr: e, Junk: true, ResNo: visible + len(out) + 1})
		}
	}
	return out
}

// recheckQuals are the conditions that involve the target relation, to be evaluated again when a row changed while it waited for its lock.
func (r *root) recheckQuals() []tree.Expr {
	target := r.bitOf(r.q.ResultRel)
	var out []tree.Expr
	add := func(e tree.Expr) {
		if r.relsIn(e).meets(target) && indexOf(out, e) < 0 && !containsSubPlan(e) {
			out = append(out, e)
		}
	}
	for _, b := range r.base {
		for _, c := range b.quals {
			add(c.expr)
		}
	}
	for _, c := range r.joinClauses {
		add(c.expr)
	}
	for _, ec := range r.ecs {
		for _, s := range ec.sources {
			add(s.expr)
		}
	}
	return out
}

func (r *root) bitOf(rti int) relids {
	if b, ok := r.bit[rti]; ok {
		return bit(b)
	}
	return 0
}

// mergeToJoin makes MERGE's source and target a join on its condition: an outer one when rows without a match matter.
func (r *root) mergeToJoin() {
	q := r.q
	if q.Cmd != tree.CmdMerge || len(q.From.List) != 1 {
		return
	}
	kind := tree.JoinInner
	if q.MergeUseOuter {
		kind = tree.JoinLeft
	}
	q.From = &tree.FromExpr{List: []tree.JoinNode{
		&tree.JoinExpr{Kind: kind, Left: q.From.List[0], Right: &tree.RangeRef{Index: q.ResultRel}, Quals: q.From.Quals},
	}}
}

// mergeInput: the join of source and target, with ctid NULL where nothing matched.
func (r *root) mergeInput(node plan.Node, n *plan.ModifyTable) (plan.Node, error) {
	col, err := r.columnOf(node, r.ctidVar(r.q.ResultRel))
	if err != nil {
		return nil, err
	}
	n.RowIDCol = col
	for _, a := range r.q.MergeActions {
		out := plan.MergeAction{Matched: a.Matched, Cmd: a.Cmd, Qual: a.Qual}
		for _, te := range a.Target {
			if te.Junk {
				continue
			}
			out.SetCols = append(out.SetCols, te.ResNo)
			out.Set = append(out.Set, te.Expr)
		}
		n.Merge = append(n.Merge, out)
	}
	return node, nil
}
