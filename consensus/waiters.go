package consensus

import (
	"sync"

	"go.etcd.io/raft/v3/raftpb"

	"kimberlite/log"
)

// proposal is one call of Propose on its way. Guarded by Group.mu, except for wake.
//
//	pending -> stepped -> finished        an event that was committed and applied
//	pending -> finished                   refused before raft saw it
//	stepped -> abandoned                  its caller went away; somebody pops it later
type proposal struct {
	id       uint64
	entry    *raftpb.Entry // kept for a membership change, to know its event again
	size     int64
	position log.Position // known once stepped
	stepped  bool
	finished bool
	left     bool // its caller does not wait any more
	err      error
	wake     chan duty
	pool     *sync.Pool
}

// duty is why a waiting caller is woken.
type duty uint8

const (
	dutyNone  duty = iota // the proposal is finished
	dutyWrite             // become the writer
	dutyApply             // become the applier
)

// newProposal takes a proposal from the group's pool. The pool is the group's own, so that nothing is shared between groups.
func (g *Group) newProposal() *proposal {
	if p, ok := g.pool.Get().(*proposal); ok {
		return p
	}
	return &proposal{pool: &g.pool, wake: make(chan duty, 1)}
}

func (p *proposal) release() {
	*p = proposal{pool: p.pool, wake: p.wake}
	p.pool.Put(p)
}

// queue holds stepped proposals in the order of their positions. Two may have the same position: a leader that was deposed and elected again
// gives out the positions anew that its successor took from it.
type queue struct {
	items []*proposal
	head  int
}

func (q *queue) len() int { return len(q.items) - q.head }

func (q *queue) push(p *proposal) {
	if q.head > 0 && len(q.items) == cap(q.items) {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, p)
	for i := len(q.items) - 1; i > q.head && q.items[i-1].position > p.position; i-- {
		q.items[i-1], q.items[i] = p, q.items[i-1]
	}
}

func (q *queue) front() *proposal {
	if q.head == len(q.items) {
		return nil
	}
	return q.items[q.head]
}

func (q *queue) pop() *proposal {
	p := q.items[q.head]
	q.items[q.head] = nil
	q.head++
	if q.head == len(q.items) {
		q.items, q.head = q.items[:0], 0
	}
	return p
}

// waiting returns the first proposal whose caller still waits.
func (q *queue) waiting() *proposal {
	for _, p := range q.items[q.head:] {
		if !p.left {
			return p
		}
	}
	return nil
}

// finish tells the proposal's caller what became of it. Caller holds Group.mu and has taken it out of all queues.
func (p *proposal) finish(err error) {
	if p.left {
		p.release()
		return
	}
	p.finished, p.err = true, err
	// A full channel holds a duty that was given to the caller before; it sees `finished` when it is done with that.
	select {
	case p.wake <- dutyNone:
	default:
	}
}
