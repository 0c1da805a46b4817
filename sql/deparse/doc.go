// Package deparse prints stored trees as SQL: what pg_get_expr, pg_get_viewdef, pg_get_indexdef, pg_get_constraintdef and their kin return, and what EXPLAIN shows
// of expressions.
//
// Words are PostgreSQL's: pretty flags (fewer parentheses, indentation, schema names left out), a namespace (names of a query's range table), show implicit.
//
// Invariants:
//
//	D1. The text is PostgreSQL's to the letter: clients parse it with regular expressions. Test data come from PostgreSQL itself.
//	D2. The text, parsed and analyzed under the same search path, gives an equal tree.
//	D3. Nothing fails: what cannot be named (a dropped column of a damaged tree) prints as "?column?" or a number.
//
// Life of a definition: Call names the kind, view.go, index.go, constraint.go or function.go finds the descriptor and decodes its trees, names.go gives the range
// table its names, query.go and expr.go print. EXPLAIN makes a Printer of its own with a Var hook.
//
// Start debugging with Printer.expr and a tree printed by tree.String.
package deparse
