package consensus

import (
	"context"
	"errors"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"kimberlite/log"
)

// This file holds the signatures while the bodies are being written; it disappears with them.

// Errors of Propose. Test with errors.Is.
var (
	// ErrNotLeader: surely not written; another member leads (see NotLeaderError.Leader). Retry there.
	ErrNotLeader = errors.New("this node is not the leader")
	// ErrProposalDropped: surely not written. Retry.
	ErrProposalDropped = errors.New("the proposal was dropped before it was written")
	// ErrOutcomeUnknown: the event may or may not be in the log. Do not retry blindly.
	ErrOutcomeUnknown = errors.New("the outcome of the proposal is not known")
	// ErrStopped: the group is stopped or has failed; surely not written.
	ErrStopped = errors.New("the consensus group has stopped")
)

// Applier consumes committed events in order. Apply is never called twice at once; the slice is valid during the call
// only, payloads may be kept. An error stops the group.
type Applier interface {
	Apply(events []log.Event) error
	// AppliedPosition is read at start: events after it are applied again.
	AppliedPosition() log.Position
}

// Transport carries messages to other members. Send must not block.
type Transport interface {
	Send(messages []*raftpb.Message)
}

// Config assembles a group.
type Config struct {
	Log       *log.Log
	Applier   Applier
	Transport Transport // nil for a group of one

	TickInterval  time.Duration // default 100 ms
	ElectionTicks int           // default 10
	// Bootstrap founds a new cluster of this single voter when the log is empty. Without it an empty node waits to be added.
	Bootstrap bool
	// Address is recorded with the founding membership event.
	Address string
}

// State is what /status says about the node.
type State uint8

// normal, recovering (replaying or catching up), view-change (no leader), stopped.
const (
	StateNormal State = iota
	StateRecovering
	StateViewChange
	StateStopped
)

// Member is one member of the group.
type Member struct {
	RaftID  uint64
	NodeID  uint32
	Voter   bool
	Address string
	Match   log.Position // leader only: what it is known to have
}

// Status is a consistent picture of the group.
type Status struct {
	RaftID  uint64
	NodeID  uint32
	View    uint64
	Leader  uint64 // raft id, 0 when there is none
	State   State
	Commit  log.Position
	Applied log.Position
	Members []Member
	Failed  error // why it stopped, if it did
}

// Group is one consensus group on one node.
type Group struct{}

// Start starts the group; it returns before the replay has ended: see Ready.
func Start(cfg Config) (*Group, error) { return nil, errors.New("consensus: not built yet") }

// Propose asks for an event; it returns when the event is committed and was applied here.
func (g *Group) Propose(ctx context.Context, kind log.Kind, payload []byte) (log.Position, error) {
	return 0, ErrStopped
}

// Ready is closed once the node can serve: it leads and has applied the first event of its view, or follows and has caught up.
func (g *Group) Ready() <-chan struct{} { return nil }

// Done is closed when the group has stopped, by Stop or by a failure (see Status().Failed).
func (g *Group) Done() <-chan struct{} { return nil }

// Status tells how things are.
func (g *Group) Status() Status { return Status{} }

// IsLeader tells whether this node leads its group.
func (g *Group) IsLeader() bool { return false }

// Step hands in a message from another member.
func (g *Group) Step(m *raftpb.Message) error { return ErrStopped }

// ReadIndex returns a position such that a read at it, once applied, is linearizable.
func (g *Group) ReadIndex(ctx context.Context) (log.Position, error) { return 0, ErrStopped }

// TransferLeadership asks another voter to take over.
func (g *Group) TransferLeadership(ctx context.Context, raftID uint64) error { return ErrStopped }

// Stop stops the group and waits for what it is doing; the log stays open.
func (g *Group) Stop() {}
