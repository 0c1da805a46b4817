package consensus

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kimberlite/log"
)

// recorder is an Applier that keeps what it was given and checks order and chain.
type recorder struct {
	mu     sync.Mutex
	events []log.Event
	start  log.Position // applied before the first of events
	last   log.Position
	hash   log.Hash
	known  bool
	delay  time.Duration
	fail   error
}

func (r *recorder) Apply(events []log.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		return r.fail
	}
	if len(events) == 0 {
		return fmt.Errorf("an empty batch")
	}
	for _, ev := range events {
		if ev.Position != r.last+1 {
			return fmt.Errorf("position %d after %d", ev.Position, r.last)
		}
		if r.known && log.NextHash(r.hash, ev.Position, ev.View, ev.Kind, ev.Payload) != ev.Hash {
			return fmt.Errorf("the chain is broken at %d", ev.Position)
		}
		r.last, r.hash, r.known = ev.Position, ev.Hash, true
		r.events = append(r.events, ev)
	}
	if r.delay > 0 {
		time.Sleep(r.delay)
	}
	return nil
}

func (r *recorder) AppliedPosition() log.Position {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

func (r *recorder) at(p log.Position) log.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.events[p-r.start-1]
}

var testID = log.Identity{ClusterID: [16]byte{7}, ClusterName: "test", NodeID: 1}

func openLog(t testing.TB, fs vfs.FS, dir string, opts log.Options) *log.Log {
	t.Helper()
	if opts.Identity == (log.Identity{}) {
		opts.Identity = testID
	}
	l, err := log.Open(fs, dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func startGroup(t testing.TB, l *log.Log, a Applier) *Group {
	t.Helper()
	g, err := Start(Config{Log: l, Applier: a, Bootstrap: true, Address: "here:7001", TickInterval: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-g.Ready():
	case <-time.After(10 * time.Second):
		t.Fatalf("not ready: %+v", g.Status())
	}
	return g
}
