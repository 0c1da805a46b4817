// Package compat tests a running server through real clients.
//
// Words: server (a kimberlite-server process started for the test), client (pgx, psql, pgbench).
//
// Invariants:
//
//	CT1. A test starts its own server on free ports with a data directory of its own, and stops it.
//	CT2. Nothing is skipped because a client is missing: the set-up installs them.
//
// Life of a test: build the server once, start it, talk to it, kill it, start it again, look.
//
// Start debugging with the server's log, which a failing test prints.
package compat
