// Package planner turns an analyzed query into a physical plan.
//
// Words are PostgreSQL's: query level (a root), base relation, join relation, clause (a restriction or join condition), path (a way to
// produce a relation, with its cost), equivalence class, path keys (the order a path delivers), subplan, initplan.
//
// Invariants:
//
//	P1. The planner changes no query in place: it works on copies, since queries are shared by views and caches.
//	P2. Each query level is planned by itself and hands up a finished node; what it takes from the level above comes through
//	    ParamExec slots (outer.go).
//	P3. Until references are fixed (setrefs.go), expressions in nodes name range table entries; afterwards they name columns of
//	    their input. Nothing outside this package sees the first kind.
//	P4. A clause is evaluated at the lowest join that has all the relations it requires, once.
//	P5. Same query, same catalog version, same statistics and settings: same plan.
//
// Life of a query: prepare.go (WITH, sublinks to joins, subqueries pulled up, expressions folded) -> jointree.go (clauses distributed, outer joins
// ordered, equivalence.go) -> scan.go, index.go, bitmap.go (access paths of each relation) -> joinorder.go (dynamic programming over joins; join_nest.go,
// join_hash.go and join_merge.go cost each) -> upper.go (windows, DISTINCT, ORDER BY, LIMIT), grouping.go, minmax.go, setop.go, modify.go -> setrefs.go ->
// explain*.go print.
//
// Start debugging with EXPLAIN (VERBOSE) and the enable_* settings; a wrong row estimate is in selectivity.go. Where a plan is another one than PostgreSQL's, compare the
// costs of both with the enable_* settings: they follow costsize.c. testdata has plans; -reference takes them from a PostgreSQL server.
package planner
