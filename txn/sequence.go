package txn

import (
	"context"
	"math"
	"slices"
	"sync"

	"kimberlite/log"
	"kimberlite/projections"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// Reserved "sequences" for the node's own counters. Last is then the first value that is not reserved.
const (
	sequenceOfXIDs types.OID = 1
	sequenceOfOIDs types.OID = 2
)

func (m *Manager) logSequence(ctx context.Context, st projections.SequenceState) error {
	_, err := m.opts.Proposer.Propose(ctx, log.KindSequence, projections.EncodeSequences(nil, []projections.SequenceState{st}))
	return err
}

// counter hands out ascending numbers from ranges that are logged before they are used, so that none is given twice, ever.
type counter struct {
	m     *Manager
	oid   types.OID
	ahead int64
	first int64

	mu       sync.Mutex
	at       int64 // the next one
	limit    int64 // the first that is not reserved
	fetching bool
}

// start takes up where the log says, above floor.
func (c *counter) start(ctx context.Context, floor uint64) error {
	st, _, err := c.m.store.Sequence(c.oid)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = max(c.first, c.at, st.Last, int64(floor)+1)
	c.limit = c.at
	return c.reserve(ctx)
}

// reserve logs the next range. Called with mu held.
func (c *counter) reserve(ctx context.Context) error {
	limit := c.limit + c.ahead
	if err := c.m.logSequence(ctx, projections.SequenceState{Sequence: c.oid, Last: limit, Called: true}); err != nil {
		return (&Txn{}).proposeError(err, false)
	}
	c.limit = limit
	return nil
}

func (c *counter) next(ctx context.Context) (int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.limit == 0 {
		return 0, pgerr.Internal("the transaction manager was not started")
	}
	for c.at >= c.limit {
		if err := c.reserve(ctx); err != nil {
			return 0, err
		}
	}
	n := c.at
	c.at++
	if c.limit-c.at < c.ahead/2 && !c.fetching {
		c.fetching = true
		from := c.limit
		c.m.background.Go(func() { c.fetch(from) })
	}
	return n, nil
}

// fetch reserves the next range before it is needed; who needs it earlier does so himself.
func (c *counter) fetch(from int64) {
	limit := from + c.ahead
	err := c.m.logSequence(context.Background(), projections.SequenceState{Sequence: c.oid, Last: limit, Called: true})
	c.mu.Lock()
	if err == nil && c.limit == from {
		c.limit = limit
	}
	c.fetching = false
	c.mu.Unlock()
}

func (c *counter) giveBack() (projections.SequenceState, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.limit == 0 || c.at >= c.limit || c.fetching {
		return projections.SequenceState{}, false
	}
	c.limit = c.at
	return projections.SequenceState{Sequence: c.oid, Last: c.at, Called: true}, true
}

func (c *counter) given(n int64) bool { return n < c.peek() }

func (c *counter) peek() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// sequence is the state of an SQL sequence on the leader. What the log has is `ahead` values further, so that a crash skips values but repeats
// none. All of it is guarded by mu.
type sequence struct {
	oid    types.OID
	mu     sync.Mutex
	idle   *sync.Cond // of mu: fetching became false
	loaded bool
	last   int64
	called bool
	ahead  int64 // values after last that may be handed out without logging
	size   int64 // of the next range to log
	logged int64 // when the last range was logged (Clock)
	// fetching: a range is being logged in the background; gen tells it whether its range is still wanted.
	fetching bool
	gen      int
}

func (m *Manager) sequenceOf(oid types.OID) *sequence {
	if s, ok := m.seqs.Load(oid); ok {
		return s.(*sequence)
	}
	s := &sequence{oid: oid}
	s.idle = sync.NewCond(&s.mu)
	have, _ := m.seqs.LoadOrStore(oid, s)
	return have.(*sequence)
}

// load reads the logged state at the first use.
func (s *sequence) load(m *Manager, def *SequenceDef) error {
	if s.loaded {
		return nil
	}
	st, ok, err := m.store.Sequence(def.OID)
	if err != nil {
		return err
	}
	if !ok {
		st = projections.SequenceState{Sequence: def.OID, Last: def.Start}
	}
	s.last, s.called, s.ahead, s.loaded, s.size = st.Last, st.Called, 0, true, sequenceAheadMin
	return nil
}

// step computes the value after (last, called).
func (def *SequenceDef) step(last int64, called bool) (int64, error) {
	if !called {
		return last, nil
	}
	if def.room(last) > 0 {
		return last + def.Increment, nil
	}
	switch {
	case def.Increment > 0 && def.Cycle:
		return def.Min, nil
	case def.Increment > 0:
		return 0, pgerr.Newf(pgerr.SequenceGeneratorLimitExceeded, "nextval: reached maximum value of sequence %q (%d)", def.Name, def.Max)
	case def.Cycle:
		return def.Max, nil
	}
	return 0, pgerr.Newf(pgerr.SequenceGeneratorLimitExceeded, "nextval: reached minimum value of sequence %q (%d)", def.Name, def.Min)
}

// room is how many values come after v before the end of the sequence.
func (def *SequenceDef) room(v int64) int64 {
	var n uint64
	if def.Increment > 0 {
		if v >= def.Max {
			return 0
		}
		n = (uint64(def.Max) - uint64(v)) / uint64(def.Increment)
	} else {
		if v <= def.Min {
			return 0
		}
		n = (uint64(v) - uint64(def.Min)) / (-uint64(def.Increment))
	}
	return int64(min(n, math.MaxInt64))
}

// Nextval hands out the next n values of a sequence at once: first, and then every increment; count may be below n (at least 1), at the end of
// the sequence. The end of a sequence that does not cycle is 2200H.
func (m *Manager) Nextval(ctx context.Context, def *SequenceDef, n int64) (first, count int64, err error) {
	s := m.sequenceOf(def.OID)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.load(m, def); err != nil {
		return 0, 0, err
	}
	if first, err = def.step(s.last, s.called); err != nil {
		return 0, 0, err
	}
	wraps := s.called && def.room(s.last) == 0
	count = min(max(n, 1), def.room(first)+1)
	for s.ahead < count || wraps {
		if s.fetching {
			s.idle.Wait()
			if !s.loaded { // an ALTER SEQUENCE came in between
				s.mu.Unlock()
				first, count, err = m.Nextval(ctx, def, n)
				s.mu.Lock()
				return first, count, err
			}
			if first, err = def.step(s.last, s.called); err != nil {
				return 0, 0, err
			}
			wraps = s.called && def.room(s.last) == 0
			count = min(max(n, 1), def.room(first)+1)
			continue
		}
		s.adapt(m)
		k := min(max(s.size, count), def.room(first)+1)
		if err := m.logSequence(ctx, projections.SequenceState{Sequence: def.OID, Last: first + (k-1)*def.Increment, Called: true}); err != nil {
			return 0, 0, (&Txn{}).proposeError(err, false)
		}
		s.ahead = k
		wraps = false
	}
	s.last, s.called = first+(count-1)*def.Increment, true
	s.ahead -= count
	if s.ahead < s.size/2 && !s.fetching && def.room(s.last) > s.ahead {
		s.prefetch(m, def)
	}
	return first, count, nil
}

// adapt sets the size of the next range to log: a sequence that used the last one up quickly gets a larger one.
func (s *sequence) adapt(m *Manager) {
	now := m.opts.Clock()
	if s.logged != 0 && now-s.logged < sequenceBusy.Microseconds() {
		s.size = min(2*s.size, sequenceAheadMax)
	} else {
		s.size = sequenceAheadMin
	}
	s.logged = now
}

// prefetch logs the next range in the background, so that nobody waits for the disk. Called with mu held.
func (s *sequence) prefetch(m *Manager, def *SequenceDef) {
	s.adapt(m)
	k := min(s.size, def.room(s.last)-s.ahead)
	st := projections.SequenceState{Sequence: def.OID, Last: s.last + (s.ahead+k)*def.Increment, Called: true}
	s.fetching = true
	gen := s.gen
	m.background.Go(func() {
		err := m.logSequence(context.Background(), st)
		s.mu.Lock()
		if err == nil && gen == s.gen {
			s.ahead += k
		}
		s.fetching = false
		s.idle.Broadcast()
		s.mu.Unlock()
	})
}

// settle waits until nothing is being logged in the background. Called with mu held.
func (s *sequence) settle() {
	for s.fetching {
		s.idle.Wait()
	}
}

// Setval sets a sequence, at once and for everybody. def's limits are checked (22003).
func (m *Manager) Setval(ctx context.Context, def *SequenceDef, value int64, called bool) error {
	if value < def.Min || value > def.Max {
		return pgerr.Newf(pgerr.NumericValueOutOfRange, "setval: value %d is out of bounds for sequence %q (%d..%d)", value, def.Name, def.Min, def.Max)
	}
	s := m.sequenceOf(def.OID)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	if err := m.logSequence(ctx, projections.SequenceState{Sequence: def.OID, Last: value, Called: called}); err != nil {
		return (&Txn{}).proposeError(err, false)
	}
	s.gen++
	s.last, s.called, s.ahead, s.loaded, s.size, s.logged = value, called, 0, true, sequenceAheadMin, 0
	return nil
}

// SequenceState is last_value and is_called.
func (m *Manager) SequenceState(def *SequenceDef) (last int64, called bool, err error) {
	s := m.sequenceOf(def.OID)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.load(m, def); err != nil {
		return 0, false, err
	}
	return s.last, s.called, nil
}

// giveBack returns the state to log when the node stops, so that no value is skipped; ok is false when the log has it already.
func (s *sequence) giveBack() (st projections.SequenceState, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	if !s.loaded || s.ahead == 0 || !s.called {
		return st, false
	}
	s.ahead = 0
	return projections.SequenceState{Sequence: s.oid, Last: s.last, Called: true}, true
}

// pauseSequences stops the sequences whose state a commit is about to set, so that no range logged in the background lands behind that; resume
// makes them read their state anew.
func (m *Manager) pauseSequences(t *Txn) (resume func()) {
	if len(t.seqs)+len(t.seqDrops) == 0 {
		return func() {}
	}
	var oids []types.OID
	for i := range t.seqs {
		oids = append(oids, t.seqs[i].Sequence)
	}
	oids = append(oids, t.seqDrops...)
	slices.Sort(oids) // two commits must not pause each other
	var paused []*sequence
	for i, oid := range oids {
		if i > 0 && oid == oids[i-1] {
			continue
		}
		s := m.sequenceOf(oid)
		s.mu.Lock()
		s.settle()
		paused = append(paused, s)
	}
	return func() {
		for _, s := range paused {
			s.gen++
			s.loaded = false
			s.mu.Unlock()
		}
	}
}

// Nextval is Manager.Nextval for a statement of this transaction: a sequence that the transaction made or restarted goes on from there.
func (t *Txn) Nextval(ctx context.Context, def *SequenceDef, n int64) (first, count int64, err error) {
	q := t.sequence(def.OID)
	if q == nil {
		return t.m.Nextval(ctx, def, n)
	}
	if first, err = def.step(q.Last, q.Called); err != nil {
		return 0, 0, err
	}
	count = min(max(n, 1), def.room(first)+1)
	q.Last, q.Called = first+(count-1)*def.Increment, true
	return first, count, nil
}

// Setval is Manager.Setval for a statement of this transaction.
func (t *Txn) Setval(ctx context.Context, def *SequenceDef, value int64, called bool) error {
	q := t.sequence(def.OID)
	if q == nil {
		return t.m.Setval(ctx, def, value, called)
	}
	if value < def.Min || value > def.Max {
		return pgerr.Newf(pgerr.NumericValueOutOfRange, "setval: value %d is out of bounds for sequence %q (%d..%d)", value, def.Name, def.Min, def.Max)
	}
	q.Last, q.Called = value, called
	return nil
}

// SequenceState is Manager.SequenceState for a statement of this transaction.
func (t *Txn) SequenceState(def *SequenceDef) (last int64, called bool, err error) {
	if q := t.sequence(def.OID); q != nil {
		return q.Last, q.Called, nil
	}
	return t.m.SequenceState(def)
}
