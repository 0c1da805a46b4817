package planner

import (
	"slices"

	"kimberlite/sql/catalog"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// inlineCall replaces a call of a function in SQL that is one expression by that (PostgreSQL's inline_function); nil when it may not.
func (r *root) inlineCall(f *tree.FuncExpr) tree.Expr {
	p := r.sqlFunction(f.Func)
	if p == nil || f.RetSet || p.RetSet || f.T.OID == types.OIDRecord || slices.Contains(r.g.inlining, p.OID) {
		return nil
	}
	q := r.g.env.SQLFunction(p, argTypes(f), f.T.OID, nil)
	if q == nil || !isPlainExpression(q) {
		return nil
	}
	e := q.Target[0].Expr
	if e.Type().OID != f.T.OID || p.Volatile == 'i' && r.containsMutable(e) || p.Volatile == 's' && r.containsVolatile(e) || p.Strict && r.containsNonStrict(e) {
		return nil
	}
	if !r.mayRepeat(f.Args, e, p.Strict) {
		return nil
	}
	e = substituteParams(e, f.Args, 0)
	if e.Collation() != f.Coll && f.Coll != 0 {
		e = &tree.RelabelType{Arg: e, T: f.T, Coll: f.Coll, Form: tree.CoerceImplicitCast, Loc: -1}
	}
	r.g.inlining = append(r.g.inlining, p.OID)
	e = r.fold(e)
	r.g.inlining = r.g.inlining[:len(r.g.inlining)-1]
	return e
}

// sqlFunction is the function when it is a user's in LANGUAGE sql.
func (r *root) sqlFunction(fn types.OID) *catalog.Proc {
	if fn < catalog.FirstNormalOID || r.g.env.SQLFunction == nil {
		return nil
	}
	if p := r.g.env.Catalog.Proc(fn); p != nil && p.Lang == catalog.LangSQL {
		return p
	}
	return nil
}

func argTypes(f *tree.FuncExpr) []types.OID {
	out := make([]types.OID, len(f.Args))
	for i, a := range f.Args {
		out[i] = a.Type().OID
	}
	return out
}

// isPlainExpression reports whether a query is SELECT expression and nothing else.
func isPlainExpression(q *tree.Query) bool {
	return q.Cmd == tree.CmdSelect && len(q.Target) == 1 && len(q.RTable) == 0 && len(q.CTEs) == 0 && q.SetOp == nil && !q.HasAggs && !q.HasWindow &&
		!q.HasTargetSRF && !q.HasSubLinks && (q.From == nil || q.From.Quals == nil) && q.Having == nil && len(q.GroupBy) == 0 && len(q.GroupingSets) == 0 &&
		len(q.Distinct) == 0 && len(q.Sort) == 0 && q.LimitCount == nil && q.LimitOffset == nil
}

// inlineArgMax is how large an argument may be that would be computed more than once.
const inlineArgMax = 10

// mayRepeat reports whether the arguments may stand wherever the expression uses the parameters: one used more than once must be cheap and not
// volatile, and a strict function must use all.
func (r *root) mayRepeat(args []tree.Expr, e tree.Expr, strict bool) bool {
	uses := make([]int, len(args))
	tree.Walk(e, func(x tree.Expr) bool {
		if p, ok := x.(*tree.Param); ok && p.Kind == tree.ParamExtern && p.ID <= len(uses) {
			uses[p.ID-1]++
		}
		return true
	})
	for i, n := range uses {
		if n == 0 && strict {
			return false
		}
		if n <= 1 {
			continue
		}
		size := 0
		tree.Walk(args[i], func(tree.Expr) bool { size++; return true })
		if size > inlineArgMax || r.containsVolatile(args[i]) || some(args[i], isSublink) {
			return false
		}
	}
	return true
}

func isSublink(e tree.Expr) bool {
	switch e.(type) {
	case *tree.SubLink, *tree.SubPlan:
		return true
	}
	return false
}

// containsMutable reports whether an expression's value may depend on more than its inputs.
func (r *root) containsMutable(e tree.Expr) bool {
	return some(e, func(x tree.Expr) bool {
		switch x := x.(type) {
		case *tree.FuncExpr:
			return r.volatility(x.Func) != 'i'
		case *tree.OpExpr:
			return r.volatility(x.Func) != 'i'
		case *tree.ScalarArrayOpExpr:
			return r.volatility(x.Func) != 'i'
		case *tree.CoerceViaIO:
			return !immutableIO(x.T.OID) || !immutableIO(x.Arg.Type().OID)
		case *tree.SQLValueFunction, *tree.NextValueExpr:
			return true
		}
		return false
	})
}

// containsNonStrict reports whether an expression may give something else than NULL for a NULL input. It may say so of one that does not.
func (r *root) containsNonStrict(e tree.Expr) bool {
	strict := func(fn types.OID) bool { p := r.g.env.Catalog.Proc(fn); return p != nil && p.Strict }
	return some(e, func(x tree.Expr) bool {
		switch x := x.(type) {
		case *tree.Const, *tree.Param, *tree.Var, *tree.RelabelType, *tree.CoerceViaIO:
			return false
		case *tree.FuncExpr:
			return !strict(x.Func)
		case *tree.OpExpr:
			return !strict(x.Func)
		}
		return true
	})
}

// substituteParams puts arguments in the place of a function's parameters; depth says how many query levels the expression lies below them.
func substituteParams(e tree.Expr, args []tree.Expr, depth int) tree.Expr {
	return tree.MutateDeep(e, depth, func(x tree.Expr, depth int) (tree.Expr, bool) { return argument(x, args, depth) })
}

func argument(x tree.Expr, args []tree.Expr, depth int) (tree.Expr, bool) {
	p, ok := x.(*tree.Param)
	if !ok || p.Kind != tree.ParamExtern || p.ID > len(args) {
		return nil, false
	}
	return tree.IncrementLevels(args[p.ID-1], depth, 0), true
}

// inlineSets replaces functions in FROM that are one query in SQL by subqueries (inline_set_returning_function).
func (r *root) inlineSets() {
	for _, rte := range r.q.RTable {
		if rte.Kind != tree.RTEFunction || len(rte.Funcs) != 1 || rte.Ordinality {
			continue
		}
		if q := r.setQuery(&rte.Funcs[0]); q != nil && columns(q) == len(rte.Eref.Cols) {
			args := rte.Funcs[0].Expr.(*tree.FuncExpr).Args
			rte.Kind, rte.Subquery, rte.Funcs = tree.RTESubquery, q, nil
			r.g.noteRelations(q)
			rte.Lateral = rte.Lateral || slices.ContainsFunc(args, func(a tree.Expr) bool { return len(varsOf(a)) > 0 })
			r.g.inlinedSets++
		}
	}
}

func columns(q *tree.Query) (n int) {
	for _, te := range q.Target {
		if !te.Junk {
			n++
		}
	}
	return n
}

// setQuery is the query that a function in FROM stands for, with the arguments in it.
func (r *root) setQuery(rf *tree.RangeFunc) *tree.Query {
	f, ok := rf.Expr.(*tree.FuncExpr)
	if !ok || !f.RetSet || r.g.inlinedSets >= inlinedSetsMax {
		return nil
	}
	p := r.sqlFunction(f.Func)
	if p == nil || !p.RetSet || p.Strict || p.Volatile == 'v' || f.T.OID == types.OIDVoid {
		return nil
	}
	if slices.ContainsFunc(f.Args, func(a tree.Expr) bool { return r.containsVolatile(a) || some(a, isSublink) }) {
		return nil
	}
	var cols []types.T
	if f.T.OID == types.OIDRecord && len(rf.ColNames) > 0 {
		cols = rf.ColTypes
	}
	q := r.g.env.SQLFunction(p, argTypes(f), f.T.OID, cols)
	if q == nil || q.Cmd != tree.CmdSelect {
		return nil
	}
	if row := types.Lookup(&types.Ctx{Types: r.g.env.Catalog}, f.T.OID); row != nil && row.Kind == types.KindComposite && columns(q) == 1 && q.Target[0].Expr.Type().OID == f.T.OID {
		return nil // the query gives rows as single values
	}
	return tree.MutateQueryDeep(q, 1, func(x tree.Expr, depth int) (tree.Expr, bool) { return argument(x, f.Args, depth) })
}
