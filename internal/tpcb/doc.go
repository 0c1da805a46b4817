// Package tpcb runs pgbench's TPC-B-like transactions against a server that may die, and judges what is there afterwards.
//
// Words are pgbench's (branch, teller, account, history), and: ledger (what the clients were told).
//
// Invariants:
//
//	TB1. Every transaction adds one amount to an account, a teller and a branch, and a row with the client's own id to the history.
//	TB2. A transaction counts as acknowledged once a client has seen the answer to its COMMIT, not before.
//
// Life of a test: Load makes the tables; Client runs transactions until the connection breaks and writes them into the Ledger; after the server is back,
// Ledger.Check compares the tables with it. All in tpcb.go and ledger.go.
//
// Start debugging with the id that Check names: it tells life, client and transaction.
package tpcb
