package planner

import (
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// equivalence is a set of expressions that are equal in every row that survives the query's inner conditions. From it any equality
// between members can be derived, so that joins are not tied to the pairs that the text happens to name.
type equivalence struct {
	members []ecMember
	sources []*clause
	coll    types.OID
	konst   *ecMember // a member without Vars: every other member equals it
}

type ecMember struct {
	expr tree.Expr
	rels relids
	typ  types.OID
}

// addEquality puts a = b into the equivalence classes, merging them where they meet. It returns false for what is no such equality.
func (r *root) addEquality(c *clause) bool {
	if c.op == nil || c.pseudo || r.containsVolatile(c.expr) || containsSubPlanExpr(c.expr) {
		return false
	}
	lt, rt := c.left.Type().OID, c.right.Type().OID
	o := r.g.env.Catalog.Operator(c.op.Op)
	if o == nil || !o.CanMerge || o.Left != o.Right || o.Name != "=" {
		return false
	}
	ops := r.g.env.Catalog.TypeOps(o.Left)
	if ops.Eq != c.op.Op {
		return false
	}
	_, _ = lt, rt
	if c.leftRels == 0 && c.rightRels == 0 || c.leftRels.meets(c.rightRels) {
		return false
	}
	// An expression over several relations is no member: joins look for members within their inputs only, and would lose it.
	if c.leftRels.count() > 1 || c.rightRels.count() > 1 || tree.Equal(c.left, c.right) {
		return false
	}
	typ := o.Left
	left := ecMember{expr: c.left, rels: c.leftRels, typ: typ}
	right := ecMember{expr: c.right, rels: c.rightRels, typ: typ}
	a, b := r.findEC(left, c.op.InputColl), r.findEC(right, c.op.InputColl)
	switch {
	case a == nil && b == nil:
		a = &equivalence{coll: c.op.InputColl}
		a.add(left)
		a.add(right)
		r.ecs = append(r.ecs, a)
	case a == nil:
		a = b
		a.add(left)
	case b == nil:
		a.add(right)
	case a != b:
		for _, m := range b.members {
			a.add(m)
		}
		a.sources = append(a.sources, b.sources...)
		r.removeEC(b)
	}
	a.sources = append(a.sources, c)
	return true
}

func containsSubPlanExpr(e tree.Expr) bool { return containsSubPlan(e) }

func (ec *equivalence) add(m ecMember) {
	for _, x := range ec.members {
		if tree.Equal(x.expr, m.expr) {
			return
		}
	}
	ec.members = append(ec.members, m)
	if m.rels == 0 && ec.konst == nil {
		ec.konst = &ec.members[len(ec.members)-1]
	}
	if ec.konst != nil { // the slice may have moved
		for i := range ec.members {
			if ec.members[i].rels == 0 {
				ec.konst = &ec.members[i]
				break
			}
		}
	}
}

func (r *root) findEC(m ecMember, coll types.OID) *equivalence {
	for _, ec := range r.ecs {
		if ec.coll != coll {
			continue
		}
		for _, x := range ec.members {
			if x.typ == m.typ && tree.Equal(x.expr, m.expr) {
				return ec
			}
		}
	}
	return nil
}

func (r *root) removeEC(dead *equivalence) {
	for i, ec := range r.ecs {
		if ec == dead {
			r.ecs = append(r.ecs[:i], r.ecs[i+1:]...)
			return
		}
	}
}

// finishEquivalences derives the restrictions that follow from the classes: member = constant, and equalities within one relation.
func (r *root) finishEquivalences() {
	for _, ec := range r.ecs {
		if ec.konst != nil {
			for i, m := range ec.members {
				if &ec.members[i] == ec.konst {
					continue
				}
				if m.rels == 0 { // two constants: check that they agree, once
					c := r.deriveClause(ec, m, *ec.konst)
					c.pseudo = true
					if len(r.base) > 0 {
						r.base[0].quals = append(r.base[0].quals, c)
					}
					continue
				}
				c := r.deriveClause(ec, m, *ec.konst)
				c.required = m.rels
				r.placeDerived(c)
			}
			continue
		}
		// No constant: equalities among members of the same relation.
		for i, m := range ec.members {
			if m.rels.count() != 1 {
				continue
			}
			for _, n := range ec.members[:i] {
				if n.rels == m.rels {
					r.placeDerived(r.deriveClause(ec, n, m))
					break
				}
			}
		}
	}
}

func (r *root) placeDerived(c *clause) {
	if c.required.count() == 1 {
		b := r.base[c.required.first()]
		b.quals = append(b.quals, c)
		return
	}
	r.joinClauses = append(r.joinClauses, c)
}

// deriveClause makes a = b, reusing the clause as written when there is one.
func (r *root) deriveClause(ec *equivalence, a, b ecMember) *clause {
	for _, s := range ec.sources {
		if tree.Equal(s.left, a.expr) && tree.Equal(s.right, b.expr) || tree.Equal(s.left, b.expr) && tree.Equal(s.right, a.expr) {
			return s
		}
	}
	op := r.g.env.Catalog.Operator(r.g.env.Catalog.TypeOps(a.typ).Eq)
	expr := &tree.OpExpr{Op: op.OID, Func: op.Func, T: types.Of(types.OIDBool), InputColl: ec.coll, Args: []tree.Expr{a.expr, b.expr}, Loc: -1}
	c := &clause{expr: expr, rels: a.rels | b.rels, ec: ec}
	c.required = c.rels
	r.analyzeClause(c)
	ec.sources = append(ec.sources, c)
	return c
}

// ecJoinClauses lists the equalities to check when joining left and right: one for each class with members on both sides.
func (r *root) ecJoinClauses(left, right relids) []*clause {
	var out []*clause
	for _, ec := range r.ecs {
		if ec.konst != nil {
			continue // both sides were restricted to the constant already
		}
		if c := r.ecClause(ec, left, right); c != nil {
			out = append(out, c)
		}
	}
	return out
}

func (r *root) ecClause(ec *equivalence, left, right relids) *clause {
	var best *clause
	for _, m := range ec.members {
		if m.rels == 0 || !left.has(m.rels) {
			continue
		}
		for _, n := range ec.members {
			if n.rels == 0 || !right.has(n.rels) {
				continue
			}
			for _, s := range ec.sources { // prefer one that was written
				if s.rels == m.rels|n.rels && (tree.Equal(s.left, m.expr) && tree.Equal(s.right, n.expr) || tree.Equal(s.left, n.expr) && tree.Equal(s.right, m.expr)) {
					return s
				}
			}
			if best == nil {
				best = r.deriveClause(ec, m, n)
			}
		}
	}
	return best
}
