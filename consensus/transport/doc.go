// Package transport carries messages between the members of a cluster: raft's own, and the few questions that nodes ask each other before they
// are members. It knows who may talk to whom, and tells everybody else why not; what a raft message means is consensus' business.
//
// Words: hello (what a node says about itself), refusal (why a hello is not accepted, in words for an operator), peer (another node as this one
// sees it), link (the stream from us to a peer).
//
// Invariants:
//
//	T1. A raft message is handed on only from a stream whose hello was accepted, and only if it comes from the member that said hello.
//	T2. Send never blocks: a peer's queue is bounded, and what does not fit is lost, as raft allows.
//	T3. A refusal is told to both sides in the same words, and seen in both logs.
//	T4. The token of a node is given to accepted peers only (see pgwire.Relayed, which believes who shows it).
//
// Life of a message: raft asks Group to send, Group calls Transport.Send (transport.go), which puts it into the queue of a peer (peer.go); the peer's
// goroutine writes it to its link; the other side's service (service.go) checks the sender and steps it. A lost link is made anew with a pause
// that grows; meanwhile messages are dropped.
//
// Start debugging with Transport.Peers: it shows each peer's state and the last refusal.
package transport
