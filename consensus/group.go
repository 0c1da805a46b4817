package consensus

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"kimberlite/log"
)

// Applier consumes committed events in order. Apply is never called twice at once; the slice is valid during the call only, payloads may be
// kept. An error stops the group: a state that could not follow the log must not be served.
type Applier interface {
	Apply(events []log.Event) error
	// AppliedPosition is read at start: events after it are applied again.
	AppliedPosition() log.Position
}

// Transport carries messages to other members. Send must not block; it may lose, delay and reorder.
type Transport interface {
	Send(messages []*raftpb.Message)
}

// Voter is a founding member.
type Voter struct {
	RaftID  uint64
	Address string
}

// Config assembles a group.
type Config struct {
	Log       *log.Log
	Applier   Applier
	Transport Transport // nil for a group of one

	TickInterval  time.Duration // default 100 ms
	ElectionTicks int           // default 10
	// Bootstrap founds a new cluster when the log is empty: its first event names Voters, or this node alone. All founders must be given
	// the same list and the same cluster id. Without Bootstrap an empty node waits to be added.
	Bootstrap bool
	Voters    []Voter
	// Address is recorded for this node when it founds a cluster alone.
	Address string

	// Logf receives raft's own messages; nil discards them. level is debug, info, warning or error.
	Logf func(level, message string)
	// ViewChanged is called when view or leader change, with Group's lock held: it must be quick and not call back.
	ViewChanged func(view, leader uint64)
	// AddressesChanged is called when the members' addresses change, under the same terms. The map is the callee's.
	AddressesChanged func(addresses map[uint64]string)
}

// Group is one consensus group on one node: a log, a state machine and the agreement between them and those of the other members.
//
// There is no loop goroutine on the commit path. Two duties, writer and applier, are taken by the goroutines that call Propose: whoever finds
// the duty free takes it, works for everybody that is queued, and hands it on when its own event is done. With one client nobody is
// woken at all; with many, one group is synced while the one before is applied. Two workers take the duties when no caller is there.
//
// Invariants:
//
//	G1 At most one goroutine is writer, at most one is applier (writing, applying); they may be the same.
//	G2 While appends or pending is non-empty, somebody is writer or the worker is woken; the same for applies and the applier.
//	G3 waiting is ordered by position, and every member of it was stepped.
//	G4 A proposal is finished without error only after Apply returned for its event.
type Group struct {
	cfg       Config
	log       *log.Log
	id        uint64
	addresses map[uint64]string

	mu       sync.Mutex
	core     *core
	pending  []*proposal // not yet given to raft
	waiting  queue       // given to raft, not yet applied
	work     work        // what core wants done: appends and applies wait here for writer and applier
	writing  bool
	applying bool
	reads    map[uint64]chan log.Position
	readSeq  uint64
	full     error // the last append met a full disk and is being tried again
	stopped  bool
	failed   error
	lost     int // ticks since leadership was lost with proposals waiting
	view     uint64
	lead     uint64
	// appliedView is the view of the last applied event.
	appliedView uint64
	replayTo    log.Position    // where raft's applying begins
	batch       []*proposal     // the writer's scratch
	entries     []*raftpb.Entry // the writer's scratch

	proposalBase uint64 // random high bits of proposal ids, so that ids of an earlier process do not match
	proposalSeq  atomic.Uint64
	applied      atomic.Uint64
	leading      atomic.Bool
	solo         atomic.Bool // the only voter, and leading
	lease        lease
	leaseUntil   atomic.Int64  // reads are linearizable until this time after start
	ledFrom      atomic.Uint64 // a state at or after this position has all of earlier views; unknownPosition at first
	start        time.Time
	counters     counters
	pool         sync.Pool // of *proposal

	events []log.Event // the applier's scratch

	wakeWrite chan struct{}
	wakeApply chan struct{}
	quit      chan struct{}
	ready     chan struct{}
	isReady   bool
	done      chan struct{}
	goroutine sync.WaitGroup
}

type counters struct {
	proposals, groups, applies, viewChanges atomic.Uint64
}

// Start starts the group. It returns before events that are in the log are applied again: see Ready. A single voter leads when it returns.
func Start(cfg Config) (*Group, error) {
	if cfg.TickInterval == 0 {
		cfg.TickInterval = tickIntervalDefault
	}
	if cfg.ElectionTicks == 0 {
		cfg.ElectionTicks = electionTicksDefault
	}
	g := &Group{
		cfg: cfg, log: cfg.Log, id: cfg.Log.Identity().RaftID(), addresses: map[uint64]string{},
		reads: map[uint64]chan log.Position{}, start: time.Now(),
		wakeWrite: make(chan struct{}, 1), wakeApply: make(chan struct{}, 1), quit: make(chan struct{}), ready: make(chan struct{}), done: make(chan struct{}),
	}
	if cfg.Address != "" {
		g.addresses[g.id] = cfg.Address
	}
	var seed [8]byte
	rand.Read(seed[:]) // never fails
	g.proposalBase = binary.LittleEndian.Uint64(seed[:]) &^ proposalSeqMask
	if err := g.found(); err != nil {
		return nil, err
	}
	confAt, conf, err := g.log.ConfState()
	if err != nil {
		return nil, err
	}
	if err := g.loadAddresses(confAt, conf); err != nil {
		return nil, err
	}
	applied := cfg.Applier.AppliedPosition()
	last, _ := g.log.Last()
	if applied > last {
		return nil, fmt.Errorf("the projections have applied position %d, but the log ends at %d", applied, last)
	}
	if first := g.log.First(); applied+1 < first {
		return nil, fmt.Errorf("the projections have applied position %d, but the log begins at %d: %w", applied, first, log.ErrCompacted)
	}
	g.applied.Store(uint64(applied))
	// Membership changes up to confAt are in conf. If there are none behind it, raft need not see what was committed again: replay gives it
	// to the applier, straight from the log, and a single voter leads at once although its projections may have to be rebuilt.
	g.replayTo = max(applied, confAt)
	if g.log.MembershipKnown() {
		g.replayTo = max(g.replayTo, g.log.HardState().Commit)
	}
	if g.log.HardState().Commit < g.replayTo {
		// What was applied was committed; raft insists on knowing it.
		if err := g.log.SetCommit(g.replayTo); err != nil {
			return nil, err
		}
	}
	g.core, err = newCore(coreConfig{
		id: g.id, storage: g.log, applied: uint64(g.replayTo), conf: conf, confAt: uint64(confAt),
		electionTicks: cfg.ElectionTicks, logger: raftLogger{cfg.Logf},
	})
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	g.applying = applied < g.replayTo // runApplier begins with that
	err = g.campaignAlone()
	if err == nil {
		err = g.collect()
	}
	if err == nil {
		g.writing = true
		g.write(nil)
		err = g.failed
	}
	g.mu.Unlock()
	if err != nil {
		g.mu.Lock()
		g.fail(err)
		g.mu.Unlock()
		return nil, err
	}
	g.goroutine.Add(3)
	go g.runTicks()
	go g.runWriter()
	go g.runApplier()
	return g, nil
}

// campaignAlone makes a single voter the leader without waiting for a tick: there is nobody to ask. raft refuses while a committed membership
// change is not applied, hence the call after each apply. Caller holds mu.
func (g *Group) campaignAlone() error {
	if g.core.leader == 0 && g.core.singleton() {
		return g.core.campaign()
	}
	return nil
}

// found writes the founding event into an empty log: a membership change in view 1, committed by definition.
func (g *Group) found() error {
	last, _ := g.log.Last()
	confAt, _, err := g.log.ConfState()
	if err != nil || !g.cfg.Bootstrap || confAt > 0 || last > 1 {
		return err
	}
	voters := g.cfg.Voters
	if len(voters) == 0 {
		voters = []Voter{{RaftID: g.id, Address: g.cfg.Address}}
	}
	cc := &raftpb.ConfChangeV2{Context: encodeAddresses(voters)}
	conf := &raftpb.ConfState{}
	for _, v := range voters {
		id := v.RaftID
		cc.Changes = append(cc.Changes, &raftpb.ConfChangeSingle{Type: raftpb.ConfChangeType_ConfChangeAddNode.Enum(), NodeId: &id})
		conf.Voters = append(conf.Voters, id)
		g.addresses[id] = v.Address
	}
	if last == 0 {
		data, err := proto.MarshalOptions{Deterministic: true}.Marshal(cc)
		if err != nil {
			return err
		}
		index, view := uint64(1), uint64(1)
		entry := &raftpb.Entry{Index: &index, Term: &view, Type: raftpb.EntryConfChangeV2.Enum(), Data: data}
		if err := errors.Join(g.log.Append([]*raftpb.Entry{entry}), g.log.Sync()); err != nil {
			return err
		}
	}
	if err := g.log.SetHardState(log.HardState{View: max(1, g.log.HardState().View), Vote: g.log.HardState().Vote, Commit: 1}); err != nil {
		return err
	}
	// The membership comes last: its presence says that the founding is complete.
	return g.log.SetConfState(1, conf)
}

// Stop stops the group and waits for what it is doing; the log stays open. Proposals that raft has seen end with ErrOutcomeUnknown.
func (g *Group) Stop() {
	g.mu.Lock()
	if !g.stopped {
		g.stop(nil)
	}
	g.mu.Unlock()
	g.goroutine.Wait()
	for { // the duties end soon: nobody takes them once stopped
		g.mu.Lock()
		busy := g.writing || g.applying
		g.mu.Unlock()
		if !busy {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// stop ends everything that waits. Caller holds mu.
func (g *Group) stop(cause error) {
	g.stopped, g.failed = true, cause
	g.leading.Store(false)
	g.solo.Store(false)
	for _, p := range g.pending {
		p.finish(because(ErrStopped, cause))
	}
	g.pending = nil
	g.abandonWaiting(because(ErrOutcomeUnknown, cause))
	for id, c := range g.reads {
		close(c)
		delete(g.reads, id)
	}
	close(g.quit)
	close(g.done)
}

// fail stops the group because of an error that it cannot recover from. Caller holds mu.
func (g *Group) fail(err error) {
	if !g.stopped {
		g.stop(err)
	}
}

// abandonWaiting finishes everything that raft has seen. Caller holds mu.
func (g *Group) abandonWaiting(err error) {
	for g.waiting.len() > 0 {
		g.waiting.pop().finish(err)
	}
}

// Ready is closed once the node can serve: it leads and has applied the first event of its view, or follows and has caught up.
func (g *Group) Ready() <-chan struct{} { return g.ready }

// Replayed tells whether the events are applied again that were known to be committed at the start.
func (g *Group) Replayed() bool { return g.Applied() >= g.replayTo }

// Done is closed when the group has stopped, by Stop or by a failure (see Status().Failed).
func (g *Group) Done() <-chan struct{} { return g.done }

// IsLeader tells whether this node leads its group, as far as it knows.
func (g *Group) IsLeader() bool { return g.leading.Load() }

// Applied returns the position up to which the applier has applied.
func (g *Group) Applied() log.Position { return log.Position(g.applied.Load()) }

// collect asks core what should be done, sends messages, and leaves the rest in g.work. Caller holds mu.
func (g *Group) collect() error {
	if err := g.core.ready(&g.work); err != nil {
		return err
	}
	if len(g.work.messages) > 0 {
		if g.cfg.Transport != nil {
			g.cfg.Transport.Send(g.work.messages)
		}
		g.work.messages = nil
	}
	for _, rs := range g.work.reads {
		if len(rs.RequestCtx) == 8 {
			id := binary.LittleEndian.Uint64(rs.RequestCtx)
			if g.roundAnswered(id) {
				continue
			}
			if c := g.reads[id]; c != nil {
				c <- log.Position(rs.Index)
				delete(g.reads, id)
			}
		}
	}
	g.work.reads = nil
	g.noteLeader()
	return nil
}

// noteLeader publishes leadership. Caller holds mu.
func (g *Group) noteLeader() {
	lead := g.core.leader
	if lead == g.lead {
		return
	}
	g.lead = lead
	g.view = g.core.node.BasicStatus().HardState.GetTerm()
	g.leading.Store(g.core.isLeader())
	g.leaseUntil.Store(0)
	g.ledFrom.Store(unknownPosition)
	g.lease.round = 0
	g.noteSolo()
	g.counters.viewChanges.Add(1)
	if g.cfg.ViewChanged != nil {
		g.cfg.ViewChanged(g.view, lead)
	}
}

// noteSolo publishes whether reads need no round at all: this node leads, alone, and has applied all that was committed before. Caller holds mu.
func (g *Group) noteSolo() {
	g.solo.Store(g.core.isLeader() && g.core.singleton() && g.isReady)
}

// runTicks is raft's clock.
func (g *Group) runTicks() {
	defer g.goroutine.Done()
	ticker := time.NewTicker(g.cfg.TickInterval)
	defer ticker.Stop()
	for {
		select {
		case <-g.quit:
			return
		case <-ticker.C:
		}
		g.mu.Lock()
		if !g.stopped {
			err := g.core.tick()
			if err == nil {
				err = g.tickLease()
			}
			if err != nil {
				g.fail(err)
			} else if err := g.collect(); err != nil {
				g.fail(err)
			}
			g.checkLost()
			g.checkReady()
			g.kick()
		}
		g.mu.Unlock()
	}
}

// checkLost ends the wait of proposals whose fate does not become known after leadership was lost. Caller holds mu.
func (g *Group) checkLost() {
	if g.core.isLeader() || g.waiting.len() == 0 {
		g.lost = 0
		return
	}
	if g.lost++; g.lost > lostLeaderTimeouts*g.cfg.ElectionTicks {
		g.abandonWaiting(because(ErrOutcomeUnknown, &NotLeaderError{Leader: g.core.leader}))
		g.lost = 0
	}
}

// kick makes sure that somebody does what is to be done (G2). Caller holds mu.
func (g *Group) kick() {
	if !g.writing && (len(g.work.appends) > 0 || len(g.pending) > 0) {
		wakeUp(g.wakeWrite)
	}
	if !g.applying && len(g.work.applies) > 0 {
		wakeUp(g.wakeApply)
	}
}

func wakeUp(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// runWriter takes the writer's duty when no caller is there to take it: on followers, after ticks, after a full disk.
func (g *Group) runWriter() {
	defer g.goroutine.Done()
	for {
		select {
		case <-g.quit:
			return
		case <-g.wakeWrite:
		}
		g.mu.Lock()
		if !g.stopped && !g.writing && (len(g.work.appends) > 0 || len(g.pending) > 0) {
			g.writing = true
			g.write(nil)
		}
		full := g.full != nil
		g.mu.Unlock()
		if full {
			select {
			case <-g.quit:
				return
			case <-time.After(diskFullRetry):
				wakeUp(g.wakeWrite)
			}
		}
	}
}

// runApplier takes the applier's duty when no caller is there to take it: at start, on followers.
func (g *Group) runApplier() {
	defer g.goroutine.Done()
	g.replay()
	for {
		select {
		case <-g.quit:
			return
		case <-g.wakeApply:
		}
		g.mu.Lock()
		if !g.stopped && !g.applying && len(g.work.applies) > 0 {
			g.applying = true
			g.apply(nil)
		}
		g.mu.Unlock()
	}
}

// Step hands in a message from another member.
func (g *Group) Step(m *raftpb.Message) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped {
		return ErrStopped
	}
	if raft.IsLocalMsgTarget(m.GetFrom()) || m.GetTo() != g.id {
		return fmt.Errorf("consensus: a message from %d to %d does not belong here", m.GetFrom(), m.GetTo())
	}
	err := g.core.step(m)
	if err == nil {
		err = g.collect()
	}
	if err != nil && g.core.dead != nil {
		g.fail(err)
	}
	g.kick()
	return err
}

// Unreachable tells raft that messages to a member are lost, so that it probes instead of streaming.
func (g *Group) Unreachable(raftID uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped {
		return
	}
	if err := g.core.unreachable(raftID); err != nil {
		g.fail(err)
	}
}

// raftLogger passes raft's messages on. Panicf and Fatalf must not return; core.guard catches them.
type raftLogger struct{ logf func(level, message string) }

func (r raftLogger) put(level string, v ...any) {
	if r.logf != nil {
		r.logf(level, fmt.Sprint(v...))
	}
}

func (r raftLogger) putf(level, format string, v ...any) {
	if r.logf != nil {
		r.logf(level, fmt.Sprintf(format, v...))
	}
}

func (r raftLogger) Debug(v ...any)                 { r.put("debug", v...) }
func (r raftLogger) Debugf(format string, v ...any) { r.putf("debug", format, v...) }
func (r raftLogger) Info(v ...any)                  { r.put("info", v...) }
func (r raftLogger) Infof(format string, v ...any)  { r.putf("info", format, v...) }
func (r raftLogger) Warning(v ...any)               { r.put("warning", v...) }
func (r raftLogger) Warningf(f string, v ...any)    { r.putf("warning", f, v...) }
func (r raftLogger) Error(v ...any)                 { r.put("error", v...) }
func (r raftLogger) Errorf(format string, v ...any) { r.putf("error", format, v...) }
func (r raftLogger) Fatal(v ...any)                 { panic(fmt.Sprint(v...)) }
func (r raftLogger) Fatalf(format string, v ...any) { panic(fmt.Sprintf(format, v...)) }
func (r raftLogger) Panic(v ...any)                 { panic(fmt.Sprint(v...)) }
func (r raftLogger) Panicf(format string, v ...any) { panic(fmt.Sprintf(format, v...)) }
