package consensus

import (
	"bytes"

	"go.etcd.io/raft/v3/raftpb"

	"kimberlite/log"
)

// apply is the applier's duty: hand committed events to the Applier, wake who waits for them, tell raft. It goes on until nothing is left, or
// its own proposal is finished and another caller can go on. Called and left with mu held, with g.applying set.
func (g *Group) apply(self *proposal) {
	for !g.stopped && len(g.work.applies) > 0 {
		if self != nil && self.finished {
			if next := g.waiting.waiting(); next != nil && len(next.wake) == 0 {
				next.wake <- dutyApply
				return
			}
		}
		batch := g.work.applies
		g.work.applies = nil
		g.mu.Unlock()
		events, err := g.applyEvents(batch)
		g.mu.Lock()
		if err == nil && !g.stopped {
			err = g.finishApply(batch, events)
		}
		if err != nil {
			g.fail(err)
		}
		clear(events)
	}
	g.applying = false
	g.kick()
}

// replay gives the applier the events that raft considers applied and the applier does not. It has the applier's duty from the start.
func (g *Group) replay() {
	for from := g.Applied() + 1; from <= g.replayTo; from = g.Applied() + 1 {
		events, err := g.log.Read(from, g.replayTo+1, applyBytesMax)
		if err == nil {
			err = g.cfg.Applier.Apply(events)
		}
		g.mu.Lock()
		if err != nil {
			g.fail(err)
		}
		if g.stopped {
			g.applying = false
			g.mu.Unlock()
			return
		}
		for i := range events {
			if ev := &events[i]; ev.Kind == log.KindMembership {
				g.noteAddresses(ev)
			}
		}
		g.applied.Store(uint64(events[len(events)-1].Position))
		g.mu.Unlock()
	}
	g.mu.Lock()
	if g.applying {
		g.apply(nil)
	}
	g.checkReady()
	g.mu.Unlock()
}

// applyEvents runs without mu; only the applier touches g.events.
func (g *Group) applyEvents(batch []*raftpb.Message) ([]log.Event, error) {
	events := g.events[:0]
	var err error
	for _, m := range batch {
		if events, err = g.log.Events(m.Entries, events); err != nil {
			return events, err
		}
	}
	if cap(events) <= batchEventsMax {
		g.events = events
	}
	return events, g.cfg.Applier.Apply(events)
}

// finishApply makes applied events known: to the membership, to those who wait, to raft. Caller holds mu.
func (g *Group) finishApply(batch []*raftpb.Message, events []log.Event) error {
	for i := range events {
		if ev := &events[i]; ev.Kind == log.KindMembership {
			if err := g.applyMembership(ev); err != nil {
				return err
			}
		}
	}
	last := events[len(events)-1].Position
	g.applied.Store(uint64(last))
	g.counters.applies.Add(1)
	g.log.Acknowledge(last)
	for i := range events {
		g.resolve(&events[i])
	}
	for _, m := range batch {
		for _, r := range m.Responses {
			if err := g.core.step(r); err != nil {
				return err
			}
		}
	}
	if err := g.campaignAlone(); err != nil {
		return err
	}
	if err := g.collect(); err != nil {
		return err
	}
	g.appliedView = events[len(events)-1].View
	if g.ledFrom.Load() == unknownPosition && g.core.isLeader() && g.appliedView == g.view {
		g.ledFrom.Store(uint64(last))
	}
	g.checkReady()
	return nil
}

// resolve finishes the proposals for an applied event's position. One that was superseded was surely not written: another event stands committed
// at its position. Caller holds mu.
func (g *Group) resolve(ev *log.Event) {
	for p := g.waiting.front(); p != nil && p.position <= ev.Position; p = g.waiting.front() {
		g.waiting.pop()
		switch {
		case p.position < ev.Position: // the event there was not applied by this life of the group
			p.finish(ErrOutcomeUnknown)
		case p.matches(ev):
			p.finish(nil)
		default:
			p.finish(ErrProposalDropped)
		}
	}
}

// matches tells whether ev, which stands at p's position, is what p proposed.
func (p *proposal) matches(ev *log.Event) bool {
	if p.entry != nil {
		return ev.Kind == log.KindMembership && bytes.Equal(ev.Payload, p.entry.Data)
	}
	return p.id == ev.Proposal
}

// applyMembership makes a membership change effective and durable. Caller holds mu; such events are rare enough to sync under it.
func (g *Group) applyMembership(ev *log.Event) error {
	changed, err := g.core.applyMembership(uint64(ev.Position), ev.Payload)
	if err != nil {
		return err
	}
	g.noteAddresses(ev)
	if !changed {
		return nil
	}
	g.noteSolo()
	g.publishAddresses()
	return g.log.SetConfState(ev.Position, g.core.conf)
}

// checkReady closes Ready when the node may serve. Caller holds mu.
func (g *Group) checkReady() {
	if g.isReady || g.core.leader == 0 {
		return
	}
	status := g.core.node.BasicStatus()
	if g.applied.Load() < status.HardState.GetCommit() {
		return
	}
	// The first event of the own view proves that everything before it is committed and, as it is applied, applied.
	if g.core.isLeader() && g.appliedView != status.HardState.GetTerm() {
		return
	}
	g.isReady = true
	g.noteSolo()
	close(g.ready)
}
