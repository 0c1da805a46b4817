// Package consensus agrees on the order of events: it drives go.etcd.io/raft over package log and hands committed events to an Applier.
//
// # Words
//
// A Group is one consensus group on one node: a log, a state machine, and the agreement with the other members. The view is raft's term, a
// position is raft's index, the leader is the member that may propose. A proposal is one call of Propose. The writer is the goroutine that
// makes entries durable just now, the applier the one that calls Applier.Apply; both are duties that change hands.
//
// # Invariants
//
// C1 to C4 are in core.go, which decides and does no I/O; G1 to G4 in group.go, which does what core decided.
//
// # Life of a proposal
//
//	propose.go  Propose encodes it into a raft entry and queues it. If nobody is writer, the caller becomes writer.
//	propose.go  write: the writer reserves room in the log (a full disk refuses here, before anything is written), gives all queued proposals
//	            to raft as one message, persists what raft wants appended with one fdatasync, and gives raft the answers.
//	core.go     ready: raft says what is committed. The writer hands its duty to the next caller in line and becomes applier.
//	apply.go    apply: events with their chain hashes go to the Applier; then their callers are woken, and raft is told.
//	waiters.go  finish: a caller learns the position, or why there is none; errors.go has the table of errors.
//
// With one client all of this happens in the caller's goroutine. On followers, at start and after ticks, two workers in group.go do it.
//
// At start events from the Applier's position on are applied again (replay in apply.go, then raft); Ready is closed when the node may serve.
//
// # Not here
//
// Bytes on disk (package log), sockets (Transport is an interface), what an event means (Applier), installing snapshots (refused with
// ErrSnapshot).
//
// # Debugging
//
// Group.Status shows view, leader, positions and why a group stopped. TestSimCluster and TestSimSingle replay from a seed:
// go test ./consensus -run Sim -seed N.
package consensus
