// Package exec runs physical plans (exec/plan): column batches through operators, kernels over batches for expressions, and row by row where a
// statement touches few rows.
//
// Words: instance (one runnable copy of a plan, with operators, compiled expressions and their memory), kernel (an expression's code over a
// batch), selection (the row numbers of a batch that count), slot (a ParamExec value), pair (an outer and an inner row that may join), writer (what
// changes rows of a table under its constraints), check (what foreign keys ask for when a statement has done its own work).
//
// Invariants:
//
//	X1. A batch has at most types.BatchRows rows, and so has every vector handed between operators.
//	X2. An operator's batch is its own and valid until its next call of next; only Sel of it may be set by the consumer.
//	X3. An expression is computed for the selected rows only, and in CASE, AND, OR and COALESCE only for rows that reach it: errors are raised
//	    for rows that PostgreSQL would have raised them for.
//	X4. next after the end returns nil again; close may be called at any time and more than once; open starts over.
//	X5. What an operator keeps across open (hash tables, sorted rows, caches) is good for one execution and as long as none of the slots it depends
//	    on (deps.go) has changed.
//	X6. Instances are not shared while they run; Prepared and plans are.
//	X7. Rows are changed through a writer only, so that no constraint is forgotten.
//
// Life of a SELECT: Compile (prepared.go) builds an instance: operator.go picks the operator of each node, expr_compile.go the kernel of each
// expression. Run opens the root; Next pulls batches: scan_table.go fills vectors from the transaction's view, project.go filters and projects,
// join_*.go, agg*.go, sort.go, window.go and the others transform; Close gives the instance back for the next execution. A look-up by unique key takes
// the short path in fast.go.
//
// Life of an UPDATE: modify.go computes each new row, locks the old one, checks the conditions again when it has changed meanwhile, and hands it to the
// writer (writer.go), which checks constraints and queues foreign keys (fk.go); at the end of the statement checks.go looks parents up and takes
// referential actions, or leaves that to the commit (DeferredChecks).
//
// Start debugging with EXPLAIN ANALYZE: operator.go's instrumented counts rows and time of each node. A wrong value is a kernel's (expr_kernels.go says
// which functions have one; remove the entry there and package functions answers instead).
package exec
