// Package functions implements PostgreSQL's built-in operators, functions, aggregates, window functions and set-returning functions.
//
// Words are PostgreSQL's: function (pg_proc), strict, volatility, transition state, frame, peer.
//
// Invariants:
//
//	F1. An implementation is found by the internal name (pg_proc.prosrc) of PostgreSQL's function, so that overloads and operators that share a C
//	    function there share one here. What PostgreSQL defines in SQL is registered by OID.
//	F2. Which types a function takes and gives, whether it is strict and whether it is volatile is the catalog's knowledge; implementations don't repeat it.
//	F3. A strict function never sees a NULL argument.
//	F4. Implementations keep no state outside Call.Memo, Call.Env and their aggregator, so that the same call site may be compiled for many sessions.
//	F5. A function that is known by name but has no implementation is refused with 0A000 by whoever looks it up, never answered wrongly.
//
// Life of a call: the analyzer resolves a name to a pg_proc row, the executor looks the implementation up (registry.go), makes a Call with the argument
// types and calls it for rows or batches.
//
// Start debugging with LookupScalar and the function's internal name: SELECT prosrc FROM pg_proc WHERE oid = ... .
package functions
