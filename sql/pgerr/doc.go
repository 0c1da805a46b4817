// Package pgerr holds the one error type that reaches a client: PostgreSQL's error fields with a SQLSTATE.
//
// Words: SQLSTATE (five characters, PostgreSQL's Appendix A), severity, detail, hint, position.
//
// Invariants:
//
//	P1. Whatever reaches a client as an error is an *Error; From makes one of anything else (XX000).
//	P2. A cause is for logs and errors.Is; its text is never sent.
//	P3. A code is written by its name in codes.go, never as a literal elsewhere.
//
// Life of an error: New (or Newf, Wrap, Unsupported) where it happens, With* to add fields, At with the parser's byte
// offset, the session turns bytes into characters, pgwire encodes it.
//
// Start debugging with the Routine field and the logged cause.
package pgerr
