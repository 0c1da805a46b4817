package analyze

import (
	pg "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/reflect/protoreflect"

	"kimberlite/sql/pgerr"
)

// recursionContext says where in a recursive query a reference to itself stands.
type recursionContext uint8

const (
	recursionOK recursionContext = iota
	recursionNonRecursive
	recursionSubLink
	recursionOuterJoin
	recursionIntersect
	recursionExcept
)

var recursionErrors = [...]string{
	recursionNonRecursive: "recursive reference to query \"%s\" must not appear within its non-recursive term",
	recursionSubLink:      "recursive reference to query \"%s\" must not appear within a subquery",
	recursionOuterJoin:    "recursive reference to query \"%s\" must not appear within an outer join",
	recursionIntersect:    "recursive reference to query \"%s\" must not appear within INTERSECT",
	recursionExcept:       "recursive reference to query \"%s\" must not appear within EXCEPT",
}

// orderRecursive finds out which WITH queries refer to themselves and puts all in an order in which each comes after those it needs.
func orderRecursive(all []*cte) []*cte {
	deps := make([]map[int]bool, len(all))
	for i, c := range all {
		deps[i] = map[int]bool{}
		w := &refWalker{names: map[string]int{}, found: func(k int, _ *pg.RangeVar) { deps[i][k] = true }}
		for k, o := range all {
			w.names[o.Name] = k
		}
		w.node(c.node.Ctequery)
		if deps[i][i] {
			c.Recursive = true
			delete(deps[i], i)
		}
	}
	done := make([]bool, len(all))
	var out []*cte
	for len(out) < len(all) {
		next := -1
		for i := range all {
			ready := !done[i]
			for k := range deps[i] {
				ready = ready && done[k]
			}
			if ready {
				next = i
				break
			}
		}
		if next < 0 {
			for i := range all {
				if !done[i] {
					failf(all[i].Loc, pgerr.FeatureNotSupported, "mutual recursion between WITH items is not implemented")
				}
			}
		}
		done[next] = true
		out = append(out, all[next])
	}
	return out
}

// checkRecursion checks the form of a recursive query (checkWellFormedRecursion).
func checkRecursion(c *cte) {
	sel := c.node.Ctequery.GetSelectStmt()
	if sel == nil {
		failf(c.Loc, pgerr.InvalidRecursion, "recursive query \"%s\" must not contain data-modifying statements", c.Name)
	}
	if sel.Op != pg.SetOperation_SETOP_UNION {
		failf(c.Loc, pgerr.InvalidRecursion, "recursive query \"%s\" does not have the form non-recursive-term UNION [ALL] recursive-term", c.Name)
	}
	count := 0
	walk := func(n *pg.SelectStmt, ctx recursionContext) {
		w := &refWalker{names: map[string]int{c.Name: 0}, context: ctx}
		w.found = func(_ int, rv *pg.RangeVar) {
			if w.context != recursionOK {
				failf(rv.Location, pgerr.InvalidRecursion, recursionErrors[w.context], c.Name)
			}
			if count++; count > 1 {
				failf(rv.Location, pgerr.InvalidRecursion, "recursive reference to query \"%s\" must not appear more than once", c.Name)
			}
		}
		w.selectStmt(n)
	}
	if sel.WithClause != nil {
		// A WITH inside belongs to both terms; its queries are subqueries.
		w := &refWalker{names: map[string]int{c.Name: 0}, context: recursionSubLink}
		w.found = func(_ int, rv *pg.RangeVar) {
			failf(rv.Location, pgerr.InvalidRecursion, recursionErrors[recursionSubLink], c.Name)
		}
		for _, inner := range sel.WithClause.Ctes {
			w.node(inner.GetCommonTableExpr().Ctequery)
		}
	}
	walk(sel.Larg, recursionNonRecursive)
	walk(sel.Rarg, recursionOK)
	bad := func(n *pg.Node, what string) {
		if n != nil {
			failf(location(n), pgerr.FeatureNotSupported, "%s in a recursive query is not implemented", what)
		}
	}
	if len(sel.SortClause) > 0 {
		bad(sel.SortClause[0], "ORDER BY")
	}
	bad(sel.LimitOffset, "OFFSET")
	bad(sel.LimitCount, "LIMIT")
	if len(sel.LockingClause) > 0 {
		fail(pgerr.New(pgerr.FeatureNotSupported, "FOR UPDATE/SHARE in a recursive query is not implemented"))
	}
	if count != 1 {
		fail(pgerr.Internal("missing recursive reference"))
	}
}

// refWalker finds references to WITH queries in a raw parse tree, minding that inner WITH queries hide outer ones.
type refWalker struct {
	names   map[string]int
	found   func(index int, rv *pg.RangeVar)
	context recursionContext
}

func (w *refWalker) node(n *pg.Node) {
	if n == nil {
		return
	}
	switch x := n.Node.(type) {
	case *pg.Node_RangeVar:
		if x.RangeVar.Schemaname == "" {
			if i, ok := w.names[x.RangeVar.Relname]; ok {
				w.found(i, x.RangeVar)
			}
		}
	case *pg.Node_SelectStmt:
		w.selectStmt(x.SelectStmt)
	case *pg.Node_InsertStmt:
		w.with(x.InsertStmt.WithClause, func() { w.message(x.InsertStmt.ProtoReflect(), "with_clause", "relation") })
	case *pg.Node_UpdateStmt:
		w.with(x.UpdateStmt.WithClause, func() { w.message(x.UpdateStmt.ProtoReflect(), "with_clause", "relation") })
	case *pg.Node_DeleteStmt:
		w.with(x.DeleteStmt.WithClause, func() { w.message(x.DeleteStmt.ProtoReflect(), "with_clause", "relation") })
	case *pg.Node_MergeStmt:
		w.with(x.MergeStmt.WithClause, func() { w.message(x.MergeStmt.ProtoReflect(), "with_clause", "relation") })
	case *pg.Node_JoinExpr:
		w.join(x.JoinExpr)
	case *pg.Node_SubLink:
		w.in(recursionSubLink, func() { w.node(x.SubLink.Subselect) })
		w.node(x.SubLink.Testexpr)
	default:
		w.message(n.ProtoReflect())
	}
}

// in runs f in another context; a forbidden one stays as it is.
func (w *refWalker) in(ctx recursionContext, f func()) {
	save := w.context
	if w.context == recursionOK || ctx == recursionSubLink && w.context != recursionNonRecursive {
		w.context = ctx
	}
	f()
	w.context = save
}

func (w *refWalker) join(j *pg.JoinExpr) {
	sides := func(left, right recursionContext) {
		w.maybeIn(left, func() { w.node(j.Larg) })
		w.maybeIn(right, func() { w.node(j.Rarg) })
	}
	switch j.Jointype {
	case pg.JoinType_JOIN_LEFT:
		sides(recursionOK, recursionOuterJoin)
	case pg.JoinType_JOIN_FULL:
		sides(recursionOuterJoin, recursionOuterJoin)
	case pg.JoinType_JOIN_RIGHT:
		sides(recursionOuterJoin, recursionOK)
	default:
		sides(recursionOK, recursionOK)
	}
	w.node(j.Quals)
}

func (w *refWalker) maybeIn(ctx recursionContext, f func()) {
	if ctx == recursionOK {
		f()
		return
	}
	w.in(ctx, f)
}

// with walks a WITH clause and then the statement it belongs to, with its names hidden.
func (w *refWalker) with(c *pg.WithClause, body func()) {
	if c == nil {
		body()
		return
	}
	save := w.names
	hide := func(name string) {
		if _, ok := w.names[name]; !ok {
			return
		}
		n := map[string]int{}
		for k, v := range w.names {
			if k != name {
				n[k] = v
			}
		}
		w.names = n
	}
	if c.Recursive {
		for _, x := range c.Ctes {
			hide(x.GetCommonTableExpr().Ctename)
		}
	}
	for _, x := range c.Ctes {
		w.node(x.GetCommonTableExpr().Ctequery)
		hide(x.GetCommonTableExpr().Ctename)
	}
	body()
	w.names = save
}

// onlyAll is the context for the ALL form of a set operation: without ALL, rows that are there once already don't come again.
func onlyAll(n *pg.SelectStmt, ctx recursionContext) recursionContext {
	if n.All {
		return ctx
	}
	return recursionOK
}

func (w *refWalker) selectStmt(n *pg.SelectStmt) {
	w.with(n.WithClause, func() {
		if n.Op <= pg.SetOperation_SETOP_NONE {
			w.message(n.ProtoReflect(), "with_clause")
			return
		}
		switch n.Op {
		case pg.SetOperation_SETOP_UNION:
			w.selectStmt(n.Larg)
			w.selectStmt(n.Rarg)
		case pg.SetOperation_SETOP_INTERSECT:
			w.maybeIn(onlyAll(n, recursionIntersect), func() { w.selectStmt(n.Larg); w.selectStmt(n.Rarg) })
		case pg.SetOperation_SETOP_EXCEPT:
			w.maybeIn(onlyAll(n, recursionExcept), func() { w.selectStmt(n.Larg) })
			w.maybeIn(recursionExcept, func() { w.selectStmt(n.Rarg) })
		}
		w.message(n.ProtoReflect(), "with_clause", "larg", "rarg")
	})
}

// message walks all nodes below a message but for the named fields.
func (w *refWalker) message(m protoreflect.Message, skip ...protoreflect.Name) {
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		for _, s := range skip {
			if fd.Name() == s {
				return true
			}
		}
		if fd.Kind() != protoreflect.MessageKind {
			return true
		}
		visit := func(x protoreflect.Message) {
			switch n := x.Interface().(type) {
			case *pg.Node:
				w.node(n)
			case *pg.SelectStmt:
				w.selectStmt(n)
			case *pg.RangeVar:
				w.node(&pg.Node{Node: &pg.Node_RangeVar{RangeVar: n}})
			default:
				w.message(x)
			}
		}
		if fd.IsList() {
			l := v.List()
			for i := 0; i < l.Len(); i++ {
				visit(l.Get(i).Message())
			}
		} else {
			visit(v.Message())
		}
		return true
	})
}
