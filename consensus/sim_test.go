package consensus

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"kimberlite/internal/seeds"
	"kimberlite/log"
)

// ledger knows what clients were told.
type ledger struct {
	mu      sync.Mutex
	acked   map[string]log.Position // payload -> where it was said to be
	refused map[string]bool         // surely not written
	views   map[uint64]uint64       // node -> highest view seen in its hard state
}

func newLedger() *ledger {
	return &ledger{acked: map[string]log.Position{}, refused: map[string]bool{}, views: map[uint64]uint64{}}
}

// tell records the answer to one proposal.
func (b *ledger) tell(payload string, p log.Position, err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case err == nil:
		b.acked[payload] = p
	case errors.Is(err, ErrOutcomeUnknown):
	case errors.Is(err, ErrNotLeader), errors.Is(err, ErrProposalDropped), errors.Is(err, ErrStopped):
		b.refused[payload] = true
	default:
		return fmt.Errorf("an error of no kind: %w", err)
	}
	return nil
}

// check compares a log with what clients were told: nothing acknowledged is missing or elsewhere, nothing refused is there, nothing is there
// twice, the chain is whole, the view did not go back.
func (b *ledger) check(l *log.Log, committed log.Position) error {
	if _, err := l.Verify(context.Background(), nil); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	id := l.Identity().RaftID()
	if v := l.HardState().View; v < b.views[id] {
		return fmt.Errorf("node %d: the view went back from %d to %d", id, b.views[id], v)
	}
	b.views[id] = l.HardState().View
	where := map[string]log.Position{}
	last, _ := l.Last()
	committed = min(committed, last)
	for p := log.Position(1); p <= committed; {
		events, err := l.Read(p, committed+1, 1<<20)
		if err != nil {
			return err
		}
		for _, ev := range events {
			if ev.Kind == log.KindTransaction {
				if old, twice := where[string(ev.Payload)]; twice {
					return fmt.Errorf("%s is at %d and at %d", ev.Payload, old, ev.Position)
				}
				where[string(ev.Payload)] = ev.Position
				if b.refused[string(ev.Payload)] {
					return fmt.Errorf("%s at %d was refused", ev.Payload, ev.Position)
				}
			}
			p++
		}
	}
	for payload, p := range b.acked {
		if where[payload] != p && p <= committed {
			return fmt.Errorf("%s was acknowledged at %d, but is at %d (0: nowhere); the log ends at %d", payload, p, where[payload], last)
		}
	}
	return nil
}

func (b *ledger) highest() (p log.Position) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, q := range b.acked {
		p = max(p, q)
	}
	return p
}

// TestSimSingle: several clients propose to a single voter until the power fails in the middle of some file operation; after each restart
// everything acknowledged is there.
func TestSimSingle(t *testing.T) {
	seeds.Each(t, 20, func(t *testing.T, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 2))
		disk := vfs.NewCrashableMem()
		book := newLedger()
		for round := range 3 {
			var mu sync.Mutex
			var crashed *vfs.MemFS
			countdown := 20 + rng.IntN(400)
			percent := []int{0, 30, 100}[rng.IntN(3)]
			current := disk
			crashRNG := rand.New(rand.NewPCG(seed, uint64(round)))
			fs := errorfs.Wrap(current, errorfs.InjectorFunc(func(op errorfs.Op) error {
				if op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
					return nil
				}
				mu.Lock()
				defer mu.Unlock()
				if countdown--; countdown == 0 {
					crashed = current.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: crashRNG})
				}
				if countdown <= 0 {
					return errorfs.ErrInjected
				}
				return nil
			}))
			opts := log.Options{Identity: testID, SegmentBytes: []int64{1, 4000, 60000}[rng.IntN(3)], CacheBytes: int64(1 + rng.IntN(5000))}
			l, err := log.Open(fs, "data", opts)
			if err != nil {
				mu.Lock()
				off := crashed != nil
				mu.Unlock()
				if !off {
					t.Errorf("seed %d round %d: %v", seed, round, err)
					return
				}
				disk = crashed
				continue
			}
			last, _ := l.Last()
			if err := book.check(l, last); err != nil {
				t.Errorf("seed %d round %d: %v", seed, round, err)
				return
			}
			var stopped atomic.Pointer[error]
			g, err := Start(Config{Log: l, Applier: &recorder{}, Bootstrap: true, TickInterval: time.Hour})
			if err == nil {
				var wg sync.WaitGroup
				for c := range 1 + rng.IntN(8) {
					wg.Go(func() {
						for i := 0; ; i++ {
							payload := fmt.Sprintf("%d/%d/%d", round, c, i)
							p, err := g.Propose(context.Background(), log.KindTransaction, []byte(payload))
							if e := book.tell(payload, p, err); e != nil {
								t.Error(e)
							}
							if err != nil {
								stopped.Store(&err)
								return
							}
						}
					})
				}
				wg.Wait()
				g.Stop()
			}
			l.Close()
			disk = crashed
			if disk == nil {
				t.Errorf("seed %d round %d: stopped without a crash: %v %v", seed, round, err, *stopped.Load())
				return
			}
		}
		l, err := log.Open(disk, "data", log.Options{Identity: testID})
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
			return
		}
		last, _ := l.Last()
		if last < book.highest() {
			t.Errorf("seed %d: the log ends at %d, but %d was acknowledged", seed, last, book.highest())
		}
		if err := book.check(l, last); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		l.Close()
	})
}
