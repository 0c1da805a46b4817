// Package analyze gives statements their meaning: it turns the grammar's parse trees into query trees in which every name is resolved and
// every expression has a type, a collation and its functions, as PostgreSQL's parse_analyze and its rewriter do.
//
// Words are PostgreSQL's: range table, namespace item, target entry, sort-group reference, coercion path, candidate.
//
// Invariants:
//
//	A1. What is wrong with a statement is found in the order in which PostgreSQL finds it, with its SQLSTATE, message, DETAIL, HINT and position: each
//	    file follows one of PostgreSQL's (named in the comments of its functions), in the same order.
//	A2. Analysis reads the catalog through catalog.Reader only and has no other state: the same statement, path, parameters and catalog version give the
//	    same tree, which may be cached under them.
//	A3. Errors travel by panic(bail) inside the package and leave it as the error result of an entry point. No other panic is caught.
//	A4. Nodes are changed in place while they are built (coercion of parameters, collations, defaults); after the entry point has returned, never (tree's T3).
//	A5. Literals are converted once, here: an unknown literal that a type is found for becomes a Const of the type.
//	A6. Views are stored unexpanded; rewrite expands them, so that changes of the views below are seen. An expanded view stays known by RelID and IsView,
//	    and keeps its own ReqPerms; its tables are read with CheckAs, the view's owner. A view that a modification was led through stays in the
//	    range table, outside the join tree, for the sake of its permission check.
//
// Life of a statement: Analyze (analyze.go) makes a state per query level. WITH (cte.go, recursion.go), FROM (from.go, namespace.go), expressions (expr.go,
// expr_ops.go; functions func.go, operators oper.go, both over candidate.go, polymorphic.go, coerce.go), target list (target.go), clauses (clause.go, group.go,
// window.go), set operations (setop.go), aggregates (agg.go), collations (collate.go); data modification is in dml.go. Then rewrite (rewrite.go): defaults, views
// (view.go), SEARCH and CYCLE (searchcycle.go). Expressions of DDL come in through ddl.go.
//
// Start debugging with tree.FormatQuery of the result, and with TestReference, which asks PostgreSQL about any statement you add to testdata/reference.
package analyze
