package tree

// Children calls f for each expression directly below e, in the order they were written. A SubLink's query is not entered
// (its Test is a child); nil children are left out.
func Children(e Expr, f func(Expr)) {
	one := func(x Expr) {
		if x != nil {
			f(x)
		}
	}
	list := func(xs []Expr) {
		for _, x := range xs {
			one(x)
		}
	}
	switch e := e.(type) {
	case *FuncExpr:
		list(e.Args)
	case *OpExpr:
		list(e.Args)
	case *DistinctExpr:
		list(e.Args)
	case *NullIfExpr:
		list(e.Args)
	case *ScalarArrayOpExpr:
		list(e.Args)
	case *BoolExpr:
		list(e.Args)
	case *SubLink:
		one(e.Test)
	case *SubPlan:
		one(e.Test)
		list(e.Args)
	case *FieldSelect:
		one(e.Arg)
	case *FieldStore:
		one(e.Arg)
		list(e.Values)
	case *RelabelType:
		one(e.Arg)
	case *CoerceViaIO:
		one(e.Arg)
	case *ArrayCoerceExpr:
		one(e.Arg)
		one(e.Elem)
	case *ConvertRowtypeExpr:
		one(e.Arg)
	case *CollateExpr:
		one(e.Arg)
	case *CaseExpr:
		one(e.Arg)
		for i := range e.Whens {
			one(e.Whens[i].Cond)
			one(e.Whens[i].Result)
		}
		one(e.Else)
	case *ArrayExpr:
		list(e.Elems)
	case *RowExpr:
		list(e.Args)
	case *RowCompareExpr:
		list(e.Left)
		list(e.Right)
	case *CoalesceExpr:
		list(e.Args)
	case *MinMaxExpr:
		list(e.Args)
	case *NullTest:
		one(e.Arg)
	case *BooleanTest:
		one(e.Arg)
	case *CoerceToDomain:
		one(e.Arg)
	case *SubscriptingRef:
		one(e.Arg)
		list(e.Upper)
		list(e.Lower)
		one(e.Assign)
	case *Aggref:
		list(e.Direct)
		for i := range e.Args {
			one(e.Args[i].Expr)
		}
		one(e.Filter)
	case *GroupingFunc:
		list(e.Args)
	case *WindowFunc:
		list(e.Args)
		one(e.Filter)
	case *NamedArgExpr:
		one(e.Arg)
	case *GroupingSetVar:
		one(e.Arg)
	}
}

// Walk calls f for e and, where f returns true, for what is below it, parents first. Subqueries are not entered.
func Walk(e Expr, f func(Expr) bool) {
	if e == nil || !f(e) {
		return
	}
	Children(e, func(c Expr) { Walk(c, f) })
}

// Any reports whether pred holds for e or anything below it (subqueries are not entered).
func Any(e Expr, pred func(Expr) bool) bool {
	found := false
	Walk(e, func(x Expr) bool {
		if !found && pred(x) {
			found = true
		}
		return !found
	})
	return found
}

// WalkDeep is Walk that enters the queries of SubLinks, and all that is nested in them. depth is the number of query levels
// below the one that e belongs to: a Var with LevelsUp == depth is a column of e's own query.
func WalkDeep(e Expr, f func(e Expr, depth int) bool) { walkDeep(e, 0, f) }

func walkDeep(e Expr, depth int, f func(Expr, int) bool) {
	if e == nil || !f(e, depth) {
		return
	}
	Children(e, func(c Expr) { walkDeep(c, depth, f) })
	if s, ok := e.(*SubLink); ok && s.Query != nil {
		walkQueryDeep(s.Query, depth+1, f)
	}
}

// WalkQueryDeep visits every expression of q at depth 0, and of the queries nested in it (FROM subqueries, WITH queries and
// SubLinks) at depth 1 and more.
func WalkQueryDeep(q *Query, f func(e Expr, depth int) bool) { walkQueryDeep(q, 0, f) }

func walkQueryDeep(q *Query, depth int, f func(Expr, int) bool) {
	QueryExprs(q, 0, func(e Expr) { walkDeep(e, depth, f) })
	Subqueries(q, func(sub *Query) { walkQueryDeep(sub, depth+1, f) })
}

// QueryFlags select parts of a query to pass over.
type QueryFlags uint8

// The parts.
const (
	// SkipJoinAliases passes over RTE.JoinAlias, which repeats what the join's inputs say.
	SkipJoinAliases QueryFlags = 1 << iota
	// SkipRTable passes over all expressions in range table entries.
	SkipRTable
)

// QueryExprs calls f for each topmost expression of q itself: targets, quals, limits, functions, VALUES and so on. Nested queries are not
// entered; see Subqueries.
func QueryExprs(q *Query, flags QueryFlags, f func(Expr)) {
	one := func(x Expr) {
		if x != nil {
			f(x)
		}
	}
	list := func(xs []Expr) {
		for _, x := range xs {
			one(x)
		}
	}
	targets := func(ts []TargetEntry) {
		for i := range ts {
			one(ts[i].Expr)
		}
	}
	targets(q.Target)
	if q.From != nil {
		JoinQuals(q.From, f)
	}
	if c := q.OnConflict; c != nil {
		list(c.Arbiters)
		one(c.ArbWhere)
		targets(c.Set)
		one(c.Where)
		targets(c.ExclTarget)
	}
	targets(q.Returning)
	one(q.Having)
	for _, w := range q.Windows {
		one(w.StartOffset)
		one(w.EndOffset)
	}
	one(q.LimitOffset)
	one(q.LimitCount)
	for _, a := range q.MergeActions {
		one(a.Qual)
		targets(a.Target)
	}
	for i := range q.WithChecks {
		one(q.WithChecks[i].Qual)
	}
	for _, m := range q.MultiAssign {
		f(m)
	}
	for _, c := range q.CTEs {
		if c.Cycle != nil {
			one(c.Cycle.MarkValue)
			one(c.Cycle.MarkDefault)
		}
	}
	if flags&SkipRTable != 0 {
		return
	}
	for _, r := range q.RTable {
		one(r.AsOf)
		if flags&SkipJoinAliases == 0 {
			list(r.JoinAlias)
		}
		for i := range r.Funcs {
			one(r.Funcs[i].Expr)
		}
		for _, row := range r.Values {
			list(row)
		}
	}
}

// Subqueries calls f for each query directly nested in q as a FROM subquery (an expanded view too) or WITH query. Those in
// SubLinks are part of expressions and not included.
func Subqueries(q *Query, f func(*Query)) {
	for _, c := range q.CTEs {
		if c.Query != nil {
			f(c.Query)
		}
	}
	for _, r := range q.RTable {
		if r.Subquery != nil {
			f(r.Subquery)
		}
	}
}

// JoinQuals calls f for each qual (WHERE, ON) in a join tree.
func JoinQuals(n JoinNode, f func(Expr)) {
	switch n := n.(type) {
	case *JoinExpr:
		JoinQuals(n.Left, f)
		JoinQuals(n.Right, f)
		if n.Quals != nil {
			f(n.Quals)
		}
	case *FromExpr:
		for _, c := range n.List {
			JoinQuals(c, f)
		}
		if n.Quals != nil {
			f(n.Quals)
		}
	}
}

// RangeRefs calls f for the range table index of each leaf of a join tree, left to right.
func RangeRefs(n JoinNode, f func(index int)) {
	switch n := n.(type) {
	case *RangeRef:
		f(n.Index)
	case *JoinExpr:
		RangeRefs(n.Left, f)
		RangeRefs(n.Right, f)
	case *FromExpr:
		for _, c := range n.List {
			RangeRefs(c, f)
		}
	}
}
