// Package parser turns SQL text into parse trees. The grammar is PostgreSQL's own, by pg_query; this package adds what the grammar
// does not know (AS OF), PostgreSQL's error codes and hints, which pg_query drops, and a lexer in Go that is quick enough to run for each
// statement of the simple protocol.
//
// Words: a statement's location is the byte offset of its first byte in the query string, as in PostgreSQL's RawStmt; error
// positions are byte offsets too (pgerr.At), and the session turns them into characters.
//
// Invariants:
//
//	P1. Rewriting AS OF keeps every byte position: the clause is blanked, never shortened.
//	P2. Normalize only replaces a literal where a parameter is allowed by the grammar and has the same meaning; in doubt the literal stays or
//	    the statement is refused (ok == false). Both are always safe.
//	P3. Text that the grammar accepts is never refused here.
//
// Life of a statement: Normalize (normalize.go, over lexer.go) gives the plan cache its key; normalize_rows.go makes one of the rows of a long INSERT. When there is no plan yet, Parse (parse.go) blanks AS OF
// clauses (asof.go), calls the grammar, maps its errors (errors.go), and returns Stmts, which sql/analyze walks.
//
// Start debugging with the trees that pg_query.ParseToJSON prints.
package parser
