package consensus

import (
	"context"
	"encoding/binary"
	"math"
	"time"

	"kimberlite/log"
)

// A leader that was cut off from the others does not know for a while that they have elected another one. What it reads then may be old. The lease says until
// when nobody else can have been elected: followers do not vote within an election timeout after a heartbeat (PreVote with CheckQuorum), and a round of
// heartbeats that was answered by a majority was sent after its start.
//
//	L1 The lease counts from the start of a round, never from its answers, and is leaseMargin ticks shorter than the timeout of the others, whose
//	   clocks may run faster by the same share.
//	L2 A transfer of leadership makes the other side vote at once: it ends the lease, and no round begins until raft gives the transfer up.
//	L3 A state that lacks events of earlier views is never confirmed, however sure the leadership is.
//	L4 Whoever relies on the lease looks at it after the read: before, the process might have been paused in between.

// unknownPosition is ledFrom before the first event of the own view is applied: no state is new enough then.
const unknownPosition = math.MaxUint64

// leaseRound marks the read requests of lease rounds.
const leaseRound = 1 << 63

// lease is guarded by Group.mu, apart from Group.leaseUntil.
type lease struct {
	round   uint64    // the one that is out, 0 for none
	started time.Time // its start
	barred  int       // ticks until rounds may begin again
}

// tickLease begins a round if none is out. Caller holds mu and collects.
func (g *Group) tickLease() error {
	l := &g.lease
	switch {
	case !g.core.isLeader() || g.core.singleton():
		*l = lease{barred: l.barred}
		return nil
	case l.barred > 0:
		l.barred--
		return nil
	case l.round != 0 && time.Since(l.started) < time.Duration(g.cfg.ElectionTicks)*g.cfg.TickInterval:
		return nil
	}
	g.readSeq++
	l.round, l.started = leaseRound|g.readSeq, time.Now()
	return g.core.readIndex(binary.LittleEndian.AppendUint64(nil, l.round))
}

// roundAnswered takes note of an answered read request; it tells whether that was a lease round. Caller holds mu.
func (g *Group) roundAnswered(id uint64) bool {
	if id&leaseRound == 0 {
		return false
	}
	if l := &g.lease; id == l.round {
		l.round = 0
		if l.barred == 0 {
			g.leaseUntil.Store(int64(l.started.Sub(g.start) + time.Duration(g.cfg.ElectionTicks-leaseMargin)*g.cfg.TickInterval))
		}
	}
	return true
}

// endLease bars the lease for as long as a transfer of leadership may still happen. Caller holds mu.
func (g *Group) endLease() {
	g.lease = lease{barred: lostLeaderTimeouts * g.cfg.ElectionTicks}
	g.leaseUntil.Store(0)
}

// ConfirmRead returns nil when a read of the state at a position, which is over, was linearizable: nobody else led meanwhile, and the state had all that
// was acknowledged before the read began. Under the lease it costs nothing; without it, a round of heartbeats.
func (g *Group) ConfirmRead(ctx context.Context, read log.Position) error {
	if g.solo.Load() {
		return nil
	}
	if uint64(read) < g.ledFrom.Load() {
		return &NotLeaderError{}
	}
	if g.leading.Load() && int64(time.Since(g.start)) < g.leaseUntil.Load() {
		return nil
	}
	g.mu.Lock()
	leads, view := g.core.isLeader(), g.view
	g.mu.Unlock()
	if !leads {
		return &NotLeaderError{}
	}
	if _, err := g.ReadIndex(ctx); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.core.isLeader() || g.view != view {
		return &NotLeaderError{Leader: g.core.leader}
	}
	return nil
}
