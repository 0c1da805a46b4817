// Package tree holds the typed query tree: what the analyzer makes of the grammar's output, what views and defaults are stored as,
// and what the planner and the executor walk. It is data only.
//
// Words are PostgreSQL's: Query, range table entry, target entry, Var, sort-group reference.
//
// Invariants:
//
//	T1. Every expression knows its type, typmod and collation once it leaves the analyzer; nothing below resolves names.
//	T2. A Var (VarNo, AttNo, LevelsUp) names column AttNo (1-based; 0 whole row; negative system columns) of range table entry
//	    VarNo (1-based) of the query LevelsUp levels out.
//	T3. Trees are immutable once analyzed: whoever changes one copies it (Copy*, Mutate), since plans and views share them.
//
// Life of an expression: analyze builds it, planner rewrites it with Mutate, exec compiles it to kernels, catalog deparses it
// (pg_get_expr, pg_get_viewdef) and stores it encoded (encode.go).
//
// Start debugging with String (print.go).
package tree
