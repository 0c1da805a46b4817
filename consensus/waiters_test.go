package consensus

import (
	"errors"
	"testing"

	"kimberlite/log"
)

// TestElectedAgain: a leader proposes at 5 and 6, is deposed, loses both positions to its successor's log, is elected again and proposes at 5 and 6 once more.
// The first two were surely not written once others are committed there, the last two were.
func TestElectedAgain(t *testing.T) {
	g := &Group{}
	step := func(id uint64, at log.Position) *proposal {
		p := g.newProposal()
		p.id, p.position, p.stepped = id, at, true
		g.waiting.push(p)
		return p
	}
	old5, old6 := step(1, 5), step(2, 6)
	new5, new6 := step(3, 5), step(4, 6)
	check := func(p *proposal, finished bool, want error) {
		t.Helper()
		if p.finished != finished || !errors.Is(p.err, want) {
			t.Errorf("proposal %d at %d: finished %v, %v; want %v, %v", p.id, p.position, p.finished, p.err, finished, want)
		}
	}
	g.resolve(&log.Event{Position: 5, Kind: log.KindTransaction, Proposal: 3})
	check(old5, true, ErrProposalDropped)
	check(new5, true, nil)
	check(old6, false, nil)
	check(new6, false, nil)
	// Now a third leader's event gets position 6.
	g.resolve(&log.Event{Position: 6, Kind: log.KindTransaction, Proposal: 99})
	check(old6, true, ErrProposalDropped)
	check(new6, true, ErrProposalDropped)
	// A proposal whose position was passed unseen may have been written.
	late := step(5, 7)
	g.resolve(&log.Event{Position: 8, Kind: log.KindTransaction, Proposal: 6})
	check(late, true, ErrOutcomeUnknown)
	if g.waiting.len() != 0 {
		t.Error("somebody still waits")
	}
}
