package consensus

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/raft/v3/raftpb"

	"kimberlite/log"
)

// proposalSeqMask splits a proposal id into random high bits of the process and a counter.
const proposalSeqMask = 1<<40 - 1

// Propose asks for an event; it returns when the event is committed and was applied here. See errors.go for what the errors mean.
// The payload is copied.
func (g *Group) Propose(ctx context.Context, kind log.Kind, payload []byte) (log.Position, error) {
	if kind == log.KindViewChange || kind == log.KindMembership {
		return 0, fmt.Errorf("consensus: events of kind %s are not proposed", kind)
	}
	if len(payload) > payloadBytesMax {
		return 0, fmt.Errorf("%w: %d bytes, at most %d are possible", ErrTooLarge, len(payload), payloadBytesMax)
	}
	p := g.newProposal()
	p.id = g.proposalBase | g.proposalSeq.Add(1)&proposalSeqMask
	p.entry = &raftpb.Entry{Data: log.EntryData(kind, p.id, payload)}
	p.size = int64(len(payload))
	return g.submit(ctx, p)
}

// submit queues the proposal, takes duties while it waits, and returns its fate.
func (g *Group) submit(ctx context.Context, p *proposal) (log.Position, error) {
	g.counters.proposals.Add(1)
	g.mu.Lock()
	if err := g.admit(); err != nil {
		g.mu.Unlock()
		p.release()
		return 0, err
	}
	g.pending = append(g.pending, p)
	if !g.writing {
		g.writing = true
		g.write(p)
	}
	done := ctx.Done()
	for !p.finished {
		g.mu.Unlock()
		var d duty
		var cancelled bool
		select {
		case d = <-p.wake:
		case <-done:
			cancelled = true
		}
		g.mu.Lock()
		if cancelled {
			// Duties are given under mu, so this sees one that was given a moment ago.
			select {
			case d = <-p.wake:
			default:
			}
		}
		g.perform(d, p)
		if cancelled && !p.finished {
			defer g.mu.Unlock()
			return 0, g.leave(p, context.Cause(ctx))
		}
	}
	position, err := p.position, p.err
	// Under mu nobody else holds p any more; what may be left in the channel is the note that it is finished.
	select {
	case d := <-p.wake:
		g.perform(d, p)
	default:
	}
	p.release()
	g.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return position, nil
}

// admit refuses a proposal that has no chance. Caller holds mu.
func (g *Group) admit() error {
	switch {
	case g.stopped:
		return because(ErrStopped, g.failed)
	case !g.core.isLeader():
		return &NotLeaderError{Leader: g.core.leader}
	case g.full != nil:
		return because(ErrProposalDropped, g.full)
	}
	return nil
}

func (g *Group) perform(d duty, p *proposal) {
	switch d {
	case dutyWrite:
		g.write(p)
	case dutyApply:
		g.apply(p)
	}
}

// leave gives up waiting for p. Caller holds mu.
func (g *Group) leave(p *proposal, cause error) error {
	if !p.stepped {
		for i, q := range g.pending {
			if q == p {
				g.pending = append(g.pending[:i], g.pending[i+1:]...)
				p.release()
				return because(ErrProposalDropped, cause)
			}
		}
	}
	p.left = true // in waiting, or in the hands of the writer
	return because(ErrOutcomeUnknown, cause)
}

// write is the writer's duty: give pending proposals to raft, make durable what raft wants appended, tell raft. It goes on until nothing
// is left or another caller can go on; then it applies what has been committed, unless somebody does so already. self is nil for the
// worker, which leaves applying to the other worker. Called and left with mu held, with g.writing set.
func (g *Group) write(self *proposal) {
	for !g.stopped {
		if err := g.stepPending(); err != nil {
			g.fail(err)
			break
		}
		batch := g.work.appends
		if len(batch) == 0 {
			break
		}
		g.work.appends = nil
		g.mu.Unlock()
		err := persist(g.log, batch)
		g.mu.Lock()
		if g.stopped {
			break
		}
		if err != nil && errors.Is(err, log.ErrDiskFull) && g.log.Failed() == nil {
			g.waitForSpace(batch, err)
			return
		}
		if err == nil {
			g.full = nil
			g.counters.groups.Add(1)
			err = g.answer(batch)
		}
		if err != nil {
			g.fail(err)
			break
		}
		g.dropCommitNotes()
		if len(g.pending) > 0 {
			// Somebody else can sync the next group while this goroutine applies the one that was just synced.
			g.pending[0].wake <- dutyWrite
			g.applyIfFree(self)
			return
		}
		if self == nil {
			g.kick()
		}
	}
	g.writing = false
	g.applyIfFree(self)
	g.kick()
}

func (g *Group) applyIfFree(self *proposal) {
	switch {
	case g.stopped || g.applying || len(g.work.applies) == 0:
	case self == nil:
		g.kick()
	default:
		g.applying = true
		g.apply(self)
	}
}

// waitForSpace puts a batch that met a full disk back to the front, to be tried again by the worker. Nothing is damaged, but nobody can
// be told yet what becomes of the events in it. Caller holds mu and is writer.
func (g *Group) waitForSpace(batch []*raftpb.Message, err error) {
	g.work.appends = append(batch, g.work.appends...)
	g.full = err
	for _, p := range g.pending {
		p.finish(because(ErrProposalDropped, err))
	}
	g.pending = g.pending[:0]
	g.abandonWaiting(because(ErrOutcomeUnknown, err))
	g.writing = false
	wakeUp(g.wakeWrite)
}

// dropCommitNotes takes care of appends without entries, vote or responses: raft says that the commit moved, which need not be durable.
// Caller holds mu.
func (g *Group) dropCommitNotes() {
	kept := g.work.appends[:0]
	for _, m := range g.work.appends {
		if len(kept) > 0 || len(m.Entries) > 0 || len(m.Responses) > 0 || m.Snapshot != nil || !g.log.NoteCommit(m.GetTerm(), m.GetVote(), log.Position(m.GetCommit())) {
			kept = append(kept, m)
		}
	}
	clear(g.work.appends[len(kept):])
	g.work.appends = kept
}

// stepPending gives pending proposals to raft, as one message. mu is held, but given up while room is reserved.
func (g *Group) stepPending() error {
	if len(g.pending) == 0 {
		return nil
	}
	if !g.core.isLeader() {
		for _, p := range g.pending {
			p.finish(&NotLeaderError{Leader: g.core.leader})
		}
		g.pending = g.pending[:0]
		return nil
	}
	n, bytes := 0, int64(0)
	for n < len(g.pending) && n < batchEventsMax && (n == 0 || bytes+g.pending[n].size <= batchBytesMax) {
		bytes += g.pending[n].size
		n++
	}
	batch := append(g.batch[:0], g.pending[:n]...)
	g.pending = append(g.pending[:0], g.pending[n:]...)
	defer clear(batch)
	g.batch = batch
	// A proposal in batch that is left by its caller meanwhile is still written: leave() cannot tell.
	g.mu.Unlock()
	err := g.log.Reserve(n, bytes)
	g.mu.Lock()
	if err == nil && g.stopped {
		err = because(ErrStopped, g.failed)
	}
	if err != nil {
		what := ErrProposalDropped
		if errors.Is(err, log.ErrFailed) {
			what = ErrStopped
		}
		for _, p := range batch {
			p.finish(because(what, err))
		}
		if errors.Is(err, log.ErrDiskFull) && g.log.Failed() == nil || g.stopped {
			return nil
		}
		return err
	}
	entries := g.entries[:0]
	for _, p := range batch {
		entries = append(entries, p.entry)
	}
	defer clear(entries)
	g.entries = entries
	first, err := g.core.propose(entries)
	if err != nil || first == 0 {
		for _, p := range batch {
			p.finish(because(ErrProposalDropped, err))
		}
		return err
	}
	for i, p := range batch {
		if entries[i] != p.entry {
			p.finish(ErrMembershipPending)
			continue
		}
		p.stepped, p.position = true, log.Position(first)+log.Position(i)
		if p.entry.GetType() == raftpb.EntryNormal {
			p.entry = nil
		}
		g.waiting.push(p)
	}
	return g.collect()
}

// persist does what raft asks of stable storage, with one sync for all. The commit is noted after the entries that came with it: before, the
// log may hold other, superseded events at these positions.
func persist(l *log.Log, batch []*raftpb.Message) error {
	for _, m := range batch {
		if m.GetSnapshot().GetMetadata().GetIndex() > 0 {
			return ErrSnapshot
		}
		if m.Term != nil {
			if err := l.SetHardState(log.HardState{View: m.GetTerm(), Vote: m.GetVote()}); err != nil {
				return err
			}
		}
		if len(m.Entries) > 0 {
			if err := l.Append(m.Entries); err != nil {
				return err
			}
		}
		if m.Term != nil {
			l.NoteCommit(m.GetTerm(), m.GetVote(), log.Position(m.GetCommit()))
		}
	}
	return l.Sync()
}

// answer delivers the responses of appends that are durable now, and collects what follows. Caller holds mu.
func (g *Group) answer(batch []*raftpb.Message) error {
	var others []*raftpb.Message
	for _, m := range batch {
		for _, r := range m.Responses {
			if r.GetTo() != g.id {
				others = append(others, r)
			} else if err := g.core.step(r); err != nil {
				return err
			}
		}
	}
	if len(others) > 0 && g.cfg.Transport != nil {
		g.cfg.Transport.Send(others)
	}
	return g.collect()
}
