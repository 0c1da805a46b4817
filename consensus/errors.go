package consensus

import (
	"errors"
	"fmt"
)

// Errors of Propose and its relatives. Test with errors.Is; the cause, such as log.ErrDiskFull, is wrapped as well.
//
//	error               was it written?   what to do
//	ErrNotLeader        surely not        try again at the leader (NotLeaderError.Leader)
//	ErrProposalDropped  surely not        try again
//	log.ErrDiskFull     surely not        try again when there is space (without ErrOutcomeUnknown beside it)
//	ErrTooLarge         surely not        propose it in smaller parts
//	ErrStopped          surely not        the node must be restarted, or another one asked
//	ErrOutcomeUnknown   perhaps           find out by reading; never repeat blindly
var (
	ErrNotLeader       = errors.New("this node is not the leader")
	ErrProposalDropped = errors.New("the proposal was dropped before it was written")
	ErrOutcomeUnknown  = errors.New("the outcome of the proposal is not known")
	ErrStopped         = errors.New("the consensus group has stopped")
	ErrTooLarge        = errors.New("the event is too large")
	// ErrMembershipPending: another change of the membership is not finished yet. Surely not written.
	ErrMembershipPending = errors.New("another change of the membership is under way")
	// ErrSnapshot: a peer sent a snapshot, which this release cannot install.
	ErrSnapshot = errors.New("installing a snapshot is not supported")
)

// NotLeaderError says who leads, if that is known. errors.Is(err, ErrNotLeader) holds.
type NotLeaderError struct {
	Leader uint64 // raft id, 0 when unknown
}

// Error names the leader.
func (e *NotLeaderError) Error() string {
	if e.Leader == 0 {
		return ErrNotLeader.Error() + ", and no leader is known"
	}
	return fmt.Sprintf("%v; the leader is member %d", ErrNotLeader, e.Leader)
}

// Is makes every NotLeaderError match ErrNotLeader.
func (e *NotLeaderError) Is(target error) bool { return target == ErrNotLeader }

// because joins what became of a proposal with why.
func because(what, why error) error {
	if why == nil {
		return what
	}
	return fmt.Errorf("%w: %w", what, why)
}
