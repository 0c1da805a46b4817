package planner

import "kimberlite/sql/tree"

// worthwhileOr is the selectivity above which a condition extracted from an OR is not worth checking twice (PostgreSQL's consider_new_or_clause).
const worthwhileOr = 0.9

// extractOrClauses finds, in join conditions of the form (a AND x) OR (b AND y) where a and b look at one relation only, the condition
// a OR b that each row of that relation has to meet before it can join. It filters the relation early; the join condition stays, with its
// selectivity raised accordingly so that the size of the join is estimated as before.
func (r *root) extractOrClauses() {
	for _, c := range r.joinClauses {
		or, ok := c.expr.(*tree.BoolExpr)
		if !ok || or.Op != tree.Or || c.outer != nil || c.required != c.rels {
			continue
		}
		for _, b := range r.base {
			if !c.rels.meets(b.ids) || r.nullableRTI(b.rti) {
				continue
			}
			e := r.orPart(or, b.ids)
			if e == nil {
				continue
			}
			part := &clause{expr: e, rels: b.ids, required: b.ids}
			sel := r.clauseSel(part)
			if sel > worthwhileOr {
				continue
			}
			if sel > 0 {
				c.sel, c.selSet = clampSel(r.clauseSel(c)/sel), true
			}
			b.quals = append(b.quals, part)
		}
	}
}

// orPart is the part of an OR that concerns only the relation ids; nil when some arm says nothing about it.
func (r *root) orPart(or *tree.BoolExpr, ids relids) tree.Expr {
	var arms []tree.Expr
	for _, arm := range or.Args {
		var own []tree.Expr
		for _, e := range andList(arm) {
			if sub, ok := e.(*tree.BoolExpr); ok && sub.Op == tree.Or && r.relsIn(e) != ids {
				e = r.orPart(sub, ids)
			}
			if e != nil && r.relsIn(e) == ids && !r.containsVolatile(e) && !containsSubPlan(e) {
				own = append(own, e)
			}
		}
		if len(own) == 0 {
			return nil
		}
		arms = append(arms, makeAnd(own))
	}
	return &tree.BoolExpr{Op: tree.Or, Args: arms, Loc: -1}
}
