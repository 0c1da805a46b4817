package planner

import (
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// andList splits a condition at its ANDs; nil gives none.
func andList(e tree.Expr) []tree.Expr {
	if e == nil {
		return nil
	}
	b, ok := e.(*tree.BoolExpr)
	if !ok || b.Op != tree.And {
		if c, ok := e.(*tree.Const); ok && c.Value.IsTrue() && c.T.OID == types.OIDBool {
			return nil
		}
		return []tree.Expr{e}
	}
	var out []tree.Expr
	for _, a := range b.Args {
		out = append(out, andList(a)...)
	}
	return out
}

// makeAnd is the inverse of andList.
func makeAnd(list []tree.Expr) tree.Expr {
	switch len(list) {
	case 0:
		return nil
	case 1:
		return list[0]
	}
	return &tree.BoolExpr{Op: tree.And, Args: list, Loc: -1}
}

// some reports whether any node of e (not inside subqueries) satisfies f.
func some(e tree.Expr, f func(tree.Expr) bool) bool {
	if e == nil {
		return false
	}
	found := false
	tree.Walk(e, func(x tree.Expr) bool {
		if found {
			return false
		}
		found = f(x)
		return !found
	})
	return found
}

func containsAgg(e tree.Expr) bool {
	return some(e, func(x tree.Expr) bool {
		switch x := x.(type) {
		case *tree.Aggref:
			return x.LevelsUp == 0
		case *tree.GroupingFunc:
			return x.LevelsUp == 0
		}
		return false
	})
}

func containsWindow(e tree.Expr) bool {
	return some(e, func(x tree.Expr) bool { _, ok := x.(*tree.WindowFunc); return ok })
}

func containsSubPlan(e tree.Expr) bool {
	return some(e, func(x tree.Expr) bool {
		switch x.(type) {
		case *tree.SubPlan, *tree.SubLink:
			return true
		}
		return false
	})
}

func containsSRF(e tree.Expr) bool {
	return some(e, func(x tree.Expr) bool {
		switch x := x.(type) {
		case *tree.FuncExpr:
			return x.RetSet
		case *tree.OpExpr:
			return x.RetSet
		}
		return false
	})
}

// volatility is pg_proc.provolatile; unknown functions count as volatile.
func (r *root) volatility(fn types.OID) byte {
	if p := r.g.env.Catalog.Proc(fn); p != nil {
		return p.Volatile
	}
	return 'v'
}

func (r *root) containsVolatile(e tree.Expr) bool { return containsVolatile(r.g, e) }

func containsVolatile(g *global, e tree.Expr) bool {
	return some(e, func(x tree.Expr) bool {
		var fn types.OID
		switch x := x.(type) {
		case *tree.FuncExpr:
			fn = x.Func
		case *tree.OpExpr:
			fn = x.Func
		case *tree.NextValueExpr:
			return true
		default:
			return false
		}
		p := g.env.Catalog.Proc(fn)
		return p == nil || p.Volatile == 'v'
	})
}

// varKey names a column of this level.
type varKey struct{ varno, att int }

// varsOf lists the distinct level-0 Vars of the expressions, outside subqueries (subplans' arguments included).
func varsOf(exprs ...tree.Expr) []*tree.Var {
	var out []*tree.Var
	seen := map[varKey]bool{}
	for _, e := range exprs {
		if e == nil {
			continue
		}
		tree.Walk(e, func(x tree.Expr) bool {
			if v, ok := x.(*tree.Var); ok && v.LevelsUp == 0 {
				k := varKey{v.VarNo, v.AttNo}
				if !seen[k] {
					seen[k] = true
					out = append(out, v)
				}
			}
			return true
		})
	}
	return out
}

// stripRelabel removes binary-compatible casts.
func stripRelabel(e tree.Expr) tree.Expr {
	for {
		rl, ok := e.(*tree.RelabelType)
		if !ok {
			return e
		}
		e = rl.Arg
	}
}

func targetExprs(target []tree.TargetEntry) []tree.Expr {
	out := make([]tree.Expr, len(target))
	for i, te := range target {
		out[i] = te.Expr
	}
	return out
}
