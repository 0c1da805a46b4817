package ddl

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/analyze"
	"kimberlite/sql/catalog"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

func (r *runner) analyzeExpr(n *pg.Node, kind analyze.ExprKind, scope analyze.ExprScope) tree.Expr {
	e, err := analyze.AnalyzeExpr(r.env(), n, kind, scope)
	if r.textless {
		switch kind {
		case analyze.ExprCheck, analyze.ExprDomainCheck, analyze.ExprDefault, analyze.ExprGenerated:
			mustUnplaced(err)
		}
	}
	must(err)
	return e
}

// checkExpr analyzes a CHECK expression over a relation's columns.
func (r *runner) checkExpr(rel *catalog.Relation, n *pg.Node) tree.Expr {
	return r.analyzeExpr(n, analyze.ExprCheck, analyze.ExprScope{Relation: rel})
}

// defaultExpr analyzes DEFAULT of a column, coerced to its type.
func (r *runner) defaultExpr(n *pg.Node, t types.T, column string) tree.Expr {
	return r.analyzeExpr(n, analyze.ExprDefault, analyze.ExprScope{Target: t, Column: column})
}

// generatedExpr analyzes GENERATED ALWAYS AS (...) STORED.
func (r *runner) generatedExpr(rel *catalog.Relation, n *pg.Node, t types.T, column string) tree.Expr {
	return r.analyzeExpr(n, analyze.ExprGenerated, analyze.ExprScope{Relation: rel, Target: t, Column: column})
}

// volatility is the worst of the functions in an expression: 'i', 's' or 'v'.
func (r *runner) volatility(e tree.Expr) byte {
	worst := byte('i')
	fn := func(oid types.OID) {
		p := r.Overlay.Proc(oid)
		switch {
		case p == nil:
		case p.Volatile == 'v':
			worst = 'v'
		case p.Volatile == 's' && worst == 'i':
			worst = 's'
		}
	}
	stable := func() {
		if worst == 'i' {
			worst = 's'
		}
	}
	tree.WalkDeep(e, func(x tree.Expr, _ int) bool {
		switch x := x.(type) {
		case *tree.FuncExpr:
			fn(x.Func)
		case *tree.OpExpr:
			fn(x.Func)
		case *tree.DistinctExpr:
			fn(x.Func)
		case *tree.NullIfExpr:
			fn(x.Func)
		case *tree.ScalarArrayOpExpr:
			fn(x.Func)
		case *tree.CoerceViaIO, *tree.SQLValueFunction, *tree.SubLink:
			stable()
		case *tree.NextValueExpr:
			worst = 'v'
		}
		return true
	})
	return worst
}

// exprDeps lists what an expression needs beyond its relation: types, and sequences named by regclass constants; and the columns it uses of
// the relation with the OID rel (Vars of varno 1), with dependency type t.
func (r *runner) exprDeps(e tree.Expr, rel types.OID, t byte) []catalog.Dependency {
	var out []catalog.Dependency
	tree.Walk(e, func(x tree.Expr) bool {
		if x == nil {
			return false
		}
		if v, ok := x.(*tree.Var); ok && v.VarNo == 1 && v.LevelsUp == 0 && rel != 0 {
			addDep(&out, catalog.ClassRelation, rel, max(v.AttNo, 0), t)
			return true
		}
		r.nodeDeps(&out, x)
		return true
	})
	return out
}

func addDep(out *[]catalog.Dependency, class, oid types.OID, sub int, t byte) {
	d := catalog.Dependency{Class: class, OID: oid, Sub: sub, Type: t}
	if oid >= catalog.FirstNormalOID && !slices.Contains(*out, d) {
		*out = append(*out, d)
	}
}

// nodeDeps adds what a node itself needs, its children aside.
func (r *runner) nodeDeps(out *[]catalog.Dependency, x tree.Expr) {
	switch x := x.(type) {
	case *tree.Const:
		if x.T.OID == types.OIDRegclass && !x.Value.Null {
			addDep(out, catalog.ClassRelation, types.OID(x.Value.I), 0, catalog.DepNormal)
		}
	case *tree.FuncExpr:
		addDep(out, catalog.ClassProc, x.Func, 0, catalog.DepNormal)
	case *tree.NextValueExpr:
		addDep(out, catalog.ClassRelation, x.Seq, 0, catalog.DepNormal)
	case *tree.SubLink:
		if x.Query != nil {
			r.queryDeps(out, x.Query, nil)
		}
		return
	case *tree.FieldSelect:
		if t := types.Lookup(r.typeCtx(), types.BaseType(r.typeCtx(), x.Arg.Type()).OID); t != nil && t.Relid != 0 {
			addDep(out, catalog.ClassRelation, t.Relid, x.Field, catalog.DepNormal)
		}
	case *tree.Var, *tree.Param:
		return
	}
	addDep(out, catalog.ClassType, x.Type().OID, 0, catalog.DepNormal)
}

// addQueryDeps adds the relations, columns and types that a stored query needs.
func (r *runner) addQueryDeps(out *[]catalog.Dependency, q *tree.Query) { r.queryDeps(out, q, nil) }

func (r *runner) queryDeps(out *[]catalog.Dependency, q *tree.Query, outer []*tree.Query) {
	levels := append(slices.Clip(outer), q)
	for _, con := range q.ConstraintDeps { // grouping by a primary key stands for the other columns
		addDep(out, catalog.ClassConstraint, con, 0, catalog.DepNormal)
	}
	for _, rte := range q.RTable {
		if rte.RelID != 0 && (rte.Kind == tree.RTERelation || rte.IsView) {
			addDep(out, catalog.ClassRelation, rte.RelID, 0, catalog.DepNormal)
		}
	}
	tree.QueryExprs(q, tree.SkipJoinAliases, func(e tree.Expr) {
		tree.Walk(e, func(x tree.Expr) bool {
			switch x := x.(type) {
			case nil:
				return false
			case *tree.Var:
				r.varDeps(out, x, levels)
			case *tree.SubLink:
				if x.Query != nil {
					r.queryDeps(out, x.Query, levels)
				}
			default:
				r.nodeDeps(out, x)
			}
			return true
		})
	})
	tree.Subqueries(q, func(sub *tree.Query) { r.queryDeps(out, sub, levels) })
}

// varDeps follows a Var to the relation's column, through joins.
func (r *runner) varDeps(out *[]catalog.Dependency, v *tree.Var, levels []*tree.Query) {
	n := len(levels) - 1 - v.LevelsUp
	if n < 0 || v.VarNo < 1 || v.VarNo > len(levels[n].RTable) {
		return
	}
	rte := levels[n].RTable[v.VarNo-1]
	switch {
	case rte.Kind == tree.RTERelation && v.AttNo > 0:
		addDep(out, catalog.ClassRelation, rte.RelID, v.AttNo, catalog.DepNormal)
	case rte.Kind == tree.RTEFunction && v.AttNo > 0:
		r.functionColumnDeps(out, rte, v.AttNo)
	case rte.Kind == tree.RTEJoin && v.AttNo > 0 && v.AttNo <= len(rte.JoinAlias):
		tree.Walk(rte.JoinAlias[v.AttNo-1], func(x tree.Expr) bool {
			if w, ok := x.(*tree.Var); ok {
				r.varDeps(out, w, levels[:n+1])
			}
			return x != nil
		})
	}
}

// functionColumnDeps follows a column of functions in FROM to that of the relation whose rows the function returns.
func (r *runner) functionColumnDeps(out *[]catalog.Dependency, rte *tree.RTE, att int) {
	for i := range rte.Funcs {
		f := &rte.Funcs[i]
		if att > f.NCols {
			att -= f.NCols
			continue
		}
		if ty := types.Lookup(r.typeCtx(), f.Expr.Type().OID); ty != nil && ty.Kind == types.KindComposite && ty.Relid != 0 {
			addDep(out, catalog.ClassRelation, ty.Relid, att, catalog.DepNormal)
		}
		return
	}
}

// exprCols lists the columns that an expression over a relation uses, ascending.
func exprCols(e tree.Expr) []int {
	var out []int
	tree.WalkDeep(e, func(x tree.Expr, depth int) bool {
		if v, ok := x.(*tree.Var); ok && v.LevelsUp == depth && v.VarNo == 1 && v.AttNo > 0 && !slices.Contains(out, v.AttNo) {
			out = append(out, v.AttNo)
		}
		return true
	})
	slices.Sort(out)
	return out
}

// decode reads a stored expression.
func decode(b []byte) tree.Expr {
	e, err := tree.Decode(b)
	must(err)
	return e
}
