// Package logging gives each component of the server a logger of its own, whose level can be changed while it runs.
//
// Words: component (the "component" field of a log line: pgwire, sql, planner, exec, txn, consensus, projections, log, http, server), level
// specification ("info,consensus=debug").
//
// Invariants:
//
//	LG1. Lines are JSON objects on standard error, one a line; times are UTC with microseconds.
//	LG2. A component without a level of its own has that of the nearest component above it (sql for sql.session), else the default.
//
// Life of a line: For gives the logger, its core drops what is below the component's level, the encoder writes the rest.
//
// Start debugging by raising one component's level: KIMBERLITE_LOG=info,consensus=debug, or the setting and SIGHUP.
package logging
