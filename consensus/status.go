package consensus

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/tracker"

	"kimberlite/log"
)

// State is what /status says about the node.
type State uint8

// The states of a node.
const (
	StateNormal     State = iota // there is a leader and this node keeps up
	StateRecovering              // applying events again after a start, or catching up
	StateViewChange              // there is no leader
	StateStopped                 // stopped, or failed
)

// String prints the state as /status does.
func (s State) String() string {
	return [...]string{"normal", "recovering", "view-change", "stopped"}[s]
}

// Member is one member of the group.
type Member struct {
	RaftID  uint64
	NodeID  uint32
	Voter   bool
	Self    bool
	Address string       // "" when not known
	Match   log.Position // what it is known to have; on the leader only, else 0
	Active  bool         // heard of lately; on the leader only
}

// Status is a consistent picture of the group.
type Status struct {
	RaftID      uint64
	NodeID      uint32
	View        uint64
	Leader      uint64 // raft id, 0 when there is none
	State       State
	Commit      log.Position
	Applied     log.Position
	Durable     log.Position
	Members     []Member // by raft id
	Proposals   uint64   // calls of Propose
	Groups      uint64   // groups made durable
	Applies     uint64   // batches applied
	ViewChanges uint64
	DiskFull    error // proposals are refused until there is space
	Failed      error // why it stopped, if it did
}

// IsLeader tells whether this node leads.
func (s *Status) IsLeader() bool { return s.Leader == s.RaftID && s.State != StateStopped }

// Status tells how things are.
func (g *Group) Status() Status {
	g.mu.Lock()
	defer g.mu.Unlock()
	basic := g.core.node.BasicStatus()
	st := Status{
		RaftID: g.id, NodeID: uint32(g.id), View: basic.HardState.GetTerm(), Leader: g.core.leader,
		Commit: log.Position(basic.HardState.GetCommit()), Applied: g.Applied(), Durable: g.log.Durable(),
		Proposals: g.counters.proposals.Load(), Groups: g.counters.groups.Load(), Applies: g.counters.applies.Load(),
		ViewChanges: g.counters.viewChanges.Load(), DiskFull: g.full, Failed: g.failed,
	}
	switch {
	case g.stopped:
		st.State = StateStopped
	case g.core.leader == 0:
		st.State = StateViewChange
	case !g.isReady || slices.Contains(g.core.conf.Learners, g.id):
		st.State = StateRecovering
	}
	progress := map[uint64]tracker.Progress{}
	if g.core.isLeader() {
		g.core.node.WithProgress(func(id uint64, _ raft.ProgressType, pr tracker.Progress) { progress[id] = pr })
	}
	add := func(ids []uint64, voter bool) {
		for _, id := range ids {
			pr := progress[id]
			st.Members = append(st.Members, Member{RaftID: id, NodeID: uint32(id), Voter: voter, Self: id == g.id,
				Address: g.addresses[id], Match: log.Position(pr.Match), Active: pr.RecentActive || id == g.id})
		}
	}
	add(g.core.conf.Voters, true)
	add(g.core.conf.Learners, false)
	slices.SortFunc(st.Members, func(a, b Member) int {
		return int(a.RaftID>>32) - int(b.RaftID>>32) + int(uint32(a.RaftID)) - int(uint32(b.RaftID))
	})
	return st
}

// ReadIndex returns a position such that a read of the state at it, or later, is linearizable. The caller waits until it is applied.
func (g *Group) ReadIndex(ctx context.Context) (log.Position, error) {
	if g.solo.Load() {
		return g.Applied(), nil // nobody else can have committed anything
	}
	g.mu.Lock()
	if g.stopped {
		g.mu.Unlock()
		return 0, because(ErrStopped, g.failed)
	}
	if g.core.leader == 0 {
		g.mu.Unlock()
		return 0, &NotLeaderError{}
	}
	g.readSeq++
	id, answer := g.readSeq, make(chan log.Position, 1)
	g.reads[id] = answer
	err := g.core.readIndex(binary.LittleEndian.AppendUint64(nil, id))
	if err == nil {
		err = g.collect()
	}
	if err != nil {
		g.fail(err)
	}
	g.kick()
	g.mu.Unlock()
	select {
	case p, ok := <-answer:
		if !ok {
			return 0, ErrStopped
		}
		return p, nil
	case <-ctx.Done():
		g.mu.Lock()
		delete(g.reads, id)
		g.mu.Unlock()
		return 0, context.Cause(ctx)
	}
}

// TransferLeadership asks another voter to take over and waits until this node does not lead any more.
func (g *Group) TransferLeadership(ctx context.Context, raftID uint64) error {
	g.mu.Lock()
	switch {
	case g.stopped:
		g.mu.Unlock()
		return because(ErrStopped, g.failed)
	case !g.core.isLeader():
		defer g.mu.Unlock()
		return &NotLeaderError{Leader: g.core.leader}
	case !slices.Contains(g.core.conf.Voters, raftID):
		g.mu.Unlock()
		return errors.New("consensus: leadership can only be given to a voter")
	case raftID == g.id:
		g.mu.Unlock()
		return nil
	}
	g.endLease()
	err := g.core.transferLeader(raftID)
	if err == nil {
		err = g.collect()
	}
	if err != nil {
		g.fail(err)
	}
	g.kick()
	g.mu.Unlock()
	ticker := time.NewTicker(g.cfg.TickInterval)
	defer ticker.Stop()
	for err == nil && g.IsLeader() {
		select {
		case <-ctx.Done():
			err = context.Cause(ctx)
		case <-g.done:
			err = ErrStopped
		case <-ticker.C:
		}
	}
	return err
}
