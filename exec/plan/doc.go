// Package plan holds physical plans: what the planner decides and the executor runs. It is data only.
//
// Words are PostgreSQL's: a node has a target list, quals, children (Outer, Inner), cost and row estimates.
//
// Invariants:
//
//	N1. A node's output is a batch with one column a target entry, in order. Cols of scans are the exception: see Scan.
//	N2. Expressions of a node refer to its input by Var: VarNo OuterVar or InnerVar with AttNo the column number (from 1) of that
//	    child's output. In scans VarNo ScanVar has AttNo the table's attribute number (system columns negative).
//	N3. No SubLink, GroupingFunc, SetToDefault or domain-free placeholder is left: subqueries are SubPlans or joins.
//	N4. A plan is immutable and may be run by many sessions at once; run-time values come in through parameters.
//
// Life of a plan: planner builds it, session caches it, exec instantiates operators from it, planner's EXPLAIN prints it with exec's counters by node ID.
//
// Start debugging with EXPLAIN (VERBOSE).
package plan
