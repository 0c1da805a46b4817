// Package session is one client's SQL session: settings, transactions, prepared statements, portals, cursors, COPY, and the utility statements that are about
// the session itself. It turns texts into plans and plans into results.
//
// Words are PostgreSQL's: prepared statement, portal, cursor, GUC (setting), transaction block, implicit transaction, command tag.
//
// Invariants:
//
//	S1. A session is used by one goroutine at a time (the connection's); only deliver, activity and signals come from others.
//	S2. A statement runs inside a transaction: the block's, or an implicit one that ends with the statement (or with Sync).
//	S3. After an error in a block, everything but ROLLBACK (and ROLLBACK TO, COMMIT as rollback) is refused with 25P02.
//	S4. Settings changed inside a transaction come back when it (or the savepoint) is rolled back; SET LOCAL ends with it.
//	S5. A plan is used under the catalog version and settings it was made for; otherwise it is made again.
//	S6. Definition statements change the transaction's overlay; it is logged with the transaction's event at commit.
//
// Life of a simple query: SimpleQuery (query.go) normalises and looks the plan up (plancache.go), or parses, analyzes and plans; begins a transaction if there
// is none (transaction.go); runs it (run.go), writes rows; commits an implicit transaction. Extended protocol: extended.go, portal.go. Utility statements:
// utility.go, cursor.go, copy_in.go, copy_out.go, guc*.go; definitions go to package ddl.
//
// Start debugging with pg_stat_activity, log_min_duration_statement and EXPLAIN.
package session
