// Package admin is what kimberlite-admin does with a data directory that no server uses.
//
// Words: as in packages log and projections; subject (what is checked: the log, or the projections).
//
// Invariants:
//
//	AD1. Verify and Inspect write nothing. Rebuild writes only below projections/, and only after the log has proved readable.
//	AD2. Exit status: 0 everything is in order, 1 it is not, 2 it was not looked at (wrong use, directory in use, not there).
//	AD3. The first damage is printed with everything an operator needs to find it: segment, offset, position.
//
// Life of a verification: the log's checksums, chain and continuity (log.VerifyDir); then, if the log is whole, the projections against themselves
// and against the chain hash that the log has at their position.
//
// Start debugging with Inspect, which reads segments as they are and goes on behind damage.
package admin
