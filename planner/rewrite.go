package planner

import "kimberlite/sql/tree"

// mutate rewrites e top down: where f returns nil, the node's children are looked into; anything else takes the node's place.
func mutate(e tree.Expr, f func(tree.Expr) tree.Expr) tree.Expr {
	if e == nil {
		return nil
	}
	return tree.Mutate(e, func(x tree.Expr) (tree.Expr, bool) {
		y := f(x)
		return y, y != nil
	})
}

// mutatePost rewrites e bottom up.
func mutatePost(e tree.Expr, f func(tree.Expr) tree.Expr) tree.Expr {
	if e == nil {
		return nil
	}
	return f(tree.MapChildren(e, func(x tree.Expr) tree.Expr { return mutatePost(x, f) }))
}

// mutateLevels is mutate through sublinks; depth says how many query levels below e's own (plus level) the node is.
func mutateLevels(e tree.Expr, level int, f func(x tree.Expr, depth int) tree.Expr) tree.Expr {
	if e == nil {
		return nil
	}
	return tree.MutateDeep(e, level, func(x tree.Expr, depth int) (tree.Expr, bool) {
		y := f(x, depth)
		return y, y != nil
	})
}

func mutateQueryLevels(q *tree.Query, f func(x tree.Expr, depth int) tree.Expr) *tree.Query {
	return tree.MutateQueryDeep(q, 0, func(x tree.Expr, depth int) (tree.Expr, bool) {
		y := f(x, depth)
		return y, y != nil
	})
}

// shiftLevels raises the level of every reference that leaves e by delta.
func shiftLevels(e tree.Expr, delta int) tree.Expr {
	if delta == 0 || e == nil {
		return e
	}
	return tree.IncrementLevels(e, delta, 0)
}

// offsetVars adds offset to the range table numbers of this level's Vars.
func offsetVars(e tree.Expr, offset int) tree.Expr {
	return mutateLevels(e, 0, func(x tree.Expr, depth int) tree.Expr { return offsetVar(x, depth, offset) })
}

func offsetVar(x tree.Expr, depth, offset int) tree.Expr {
	switch x := x.(type) {
	case *tree.Var:
		if x.LevelsUp != depth || x.VarNo <= 0 {
			return x
		}
		c := *x
		c.VarNo += offset
		return &c
	case *tree.CurrentOfExpr:
		c := *x
		c.VarNo += offset
		return &c
	}
	return nil
}

// adoptExpr moves an expression of a subquery's level into the level above, behind offset range table entries.
func adoptExpr(e tree.Expr, offset int) tree.Expr {
	if e == nil {
		return nil
	}
	return tree.IncrementLevels(offsetVars(e, offset), -1, 1)
}

// adoptRTE does the same for a range table entry.
func adoptRTE(rte *tree.RTE, offset int) *tree.RTE {
	c := *rte
	if rte.Kind == tree.RTECTE && rte.CTELevels > 0 {
		c.CTELevels--
	}
	if rte.Subquery != nil {
		sub := tree.MutateQueryDeep(rte.Subquery, 1, func(x tree.Expr, depth int) (tree.Expr, bool) {
			y := offsetVar(x, depth, offset)
			return y, y != nil
		})
		c.Subquery = tree.IncrementQueryLevels(sub, -1, 2)
	}
	c.JoinAlias = adoptAll(rte.JoinAlias, offset)
	if len(rte.Funcs) > 0 {
		c.Funcs = append([]tree.RangeFunc(nil), rte.Funcs...)
		for i := range c.Funcs {
			c.Funcs[i].Expr = adoptExpr(c.Funcs[i].Expr, offset)
		}
	}
	if len(rte.Values) > 0 {
		c.Values = make([][]tree.Expr, len(rte.Values))
		for i, row := range rte.Values {
			c.Values[i] = adoptAll(row, offset)
		}
	}
	c.AsOf = adoptExpr(rte.AsOf, offset)
	return &c
}

func adoptAll(list []tree.Expr, offset int) []tree.Expr {
	if list == nil {
		return nil
	}
	out := make([]tree.Expr, len(list))
	for i, e := range list {
		out[i] = adoptExpr(e, offset)
	}
	return out
}

// refersTo reports whether e, its sublinks included, refers to the level `level` above it.
func refersTo(e tree.Expr, level int) bool {
	found := false
	tree.WalkDeep(e, func(x tree.Expr, depth int) bool {
		if l, ok := levelOf(x); ok && l == depth+level {
			found = true
		}
		return !found
	})
	return found
}

func levelOf(x tree.Expr) (int, bool) {
	switch x := x.(type) {
	case *tree.Var:
		return x.LevelsUp, true
	case *tree.Aggref:
		return x.LevelsUp, true
	case *tree.GroupingFunc:
		return x.LevelsUp, true
	}
	return 0, false
}

// queryRefersAbove reports whether the query, wherever nested, refers to anything outside it.
func queryRefersAbove(q *tree.Query) bool {
	found := false
	tree.WalkQueryDeep(q, func(x tree.Expr, depth int) bool {
		if l, ok := levelOf(x); ok && l > depth {
			found = true
		}
		return !found
	})
	return found // a WITH query of a level above is materialized: scans of it take nothing from there at run time
}

// replaceCTERefs replaces the range table entries that read the WITH query of the level `depth` up from q.
func replaceCTERefs(q *tree.Query, depth int, name string, f func(rte *tree.RTE, depth int) *tree.RTE) *tree.Query {
	sub := func(s *tree.Query) *tree.Query { return replaceCTERefs(s, depth+1, name, f) }
	var expr func(e tree.Expr) tree.Expr
	expr = func(e tree.Expr) tree.Expr {
		return mutate(e, func(x tree.Expr) tree.Expr {
			link, ok := x.(*tree.SubLink)
			if !ok {
				return nil
			}
			c := *link
			c.Query = sub(link.Query)
			if link.Test != nil {
				c.Test = expr(link.Test)
			}
			return &c
		})
	}
	out := tree.MapQuery(q, expr, sub)
	if out == q {
		c := *q
		out = &c
	}
	out.RTable = append([]*tree.RTE(nil), out.RTable...)
	for i, rte := range out.RTable {
		if rte.Kind == tree.RTECTE && rte.CTEName == name && rte.CTELevels == depth && !rte.SelfRef {
			out.RTable[i] = f(rte, depth)
		}
	}
	return out
}
