package consensus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kimberlite/log"
)

func TestSingleVoter(t *testing.T) {
	fs := vfs.NewMem()
	r := &recorder{}
	l := openLog(t, fs, "data", log.Options{})
	g := startGroup(t, l, r)
	if !g.IsLeader() {
		t.Fatal("a single voter does not lead")
	}
	for i := range 100 {
		payload := fmt.Sprint("event ", i)
		p, err := g.Propose(context.Background(), log.KindTransaction, []byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		// Position 1 is the founding membership, 2 the view change.
		if p != log.Position(3+i) || string(r.at(p).Payload) != payload || g.Applied() < p {
			t.Fatalf("position %d, %+v", p, r.at(p))
		}
	}
	st := g.Status()
	if st.State != StateNormal || st.Leader != 1 || st.View != 2 || st.Commit != 102 || st.Applied != 102 || st.Durable != 102 ||
		len(st.Members) != 1 || st.Members[0].Address != "here:7001" || !st.IsLeader() {
		t.Fatalf("%+v", st)
	}
	if p, err := g.ReadIndex(context.Background()); p != 102 || err != nil {
		t.Fatal(p, err)
	}
	g.Stop()
	if _, err := g.Propose(context.Background(), log.KindTransaction, nil); !errors.Is(err, ErrStopped) {
		t.Fatal(err)
	}
	if g.Status().State != StateStopped {
		t.Fatal(g.Status().State)
	}
	l.Close()

	// Again: from the beginning for a projection that lost everything, from the middle for one that did not.
	for _, keep := range []int{0, 1, 50, 102} {
		l = openLog(t, fs, "data", log.Options{})
		again := &recorder{}
		if keep > 0 {
			again.start = r.events[keep-1].Position
			again.last, again.hash, again.known = again.start, r.events[keep-1].Hash, true
		}
		g = startGroup(t, l, again)
		for i, ev := range again.events[:102-keep] {
			if was := r.events[keep+i]; ev.Hash != was.Hash || string(ev.Payload) != string(was.Payload) {
				t.Fatalf("%+v, was %+v", ev, was)
			}
		}
		p, err := g.Propose(context.Background(), log.KindTransaction, []byte("more"))
		if err != nil || string(again.at(p).Payload) != "more" {
			t.Fatal(p, err)
		}
		g.Stop()
		l.Close()
	}
}

func TestManyProposers(t *testing.T) {
	for _, delay := range []time.Duration{0, 200 * time.Microsecond} {
		fs := vfs.NewMem()
		r := &recorder{delay: delay}
		l := openLog(t, fs, "data", log.Options{SegmentBytes: 20000})
		g := startGroup(t, l, r)
		var wg sync.WaitGroup
		const clients, each = 40, 50
		var mu sync.Mutex
		seen := map[log.Position]string{}
		for c := range clients {
			wg.Go(func() {
				for i := range each {
					payload := fmt.Sprint(c, "/", i)
					p, err := g.Propose(context.Background(), log.KindTransaction, []byte(payload))
					if err != nil {
						t.Error(err)
						return
					}
					if got := string(r.at(p).Payload); got != payload {
						t.Errorf("%s at %d, proposed %s", got, p, payload)
					}
					mu.Lock()
					if old, dup := seen[p]; dup {
						t.Errorf("%s and %s at %d", old, payload, p)
					}
					seen[p] = payload
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if len(seen) != clients*each {
			t.Fatal(len(seen))
		}
		st := g.Status()
		if st.Applied != clients*each+2 {
			t.Fatalf("%+v", st)
		}
		g.Stop()
		if _, err := l.Verify(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		l.Close()
	}
}

// Callers that go away neither lose duties nor confuse those who stay.
func TestCancel(t *testing.T) {
	r := &recorder{delay: 100 * time.Microsecond}
	l := openLog(t, vfs.NewMem(), "data", log.Options{})
	g := startGroup(t, l, r)
	var wg sync.WaitGroup
	var unknown, dropped, done sync.Map
	for c := range 20 {
		wg.Go(func() {
			for i := range 100 {
				payload := fmt.Sprint(c, "/", i)
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i%7)*50*time.Microsecond)
				if c%4 == 0 {
					ctx = context.Background()
				}
				_, err := g.Propose(ctx, log.KindTransaction, []byte(payload))
				cancel()
				switch {
				case err == nil:
					done.Store(payload, true)
				case errors.Is(err, ErrProposalDropped) && errors.Is(err, context.DeadlineExceeded):
					dropped.Store(payload, true)
				case errors.Is(err, ErrOutcomeUnknown) && errors.Is(err, context.DeadlineExceeded):
					unknown.Store(payload, true)
				default:
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if _, err := g.Propose(context.Background(), log.KindTransaction, []byte("last")); err != nil {
		t.Fatal(err)
	}
	g.Stop()
	in := map[string]bool{}
	for _, ev := range r.events {
		in[string(ev.Payload)] = true
	}
	done.Range(func(k, _ any) bool {
		if !in[k.(string)] {
			t.Errorf("%s was acknowledged but not applied", k)
		}
		return true
	})
	dropped.Range(func(k, _ any) bool {
		if in[k.(string)] {
			t.Errorf("%s was said to be dropped but was applied", k)
		}
		return true
	})
	l.Close()
}

func TestRefusals(t *testing.T) {
	r := &recorder{}
	l := openLog(t, vfs.NewMem(), "data", log.Options{})
	g := startGroup(t, l, r)
	if _, err := g.Propose(context.Background(), log.KindMembership, nil); err == nil {
		t.Fatal("a membership event was proposed as an ordinary one")
	}
	if _, err := g.Propose(context.Background(), log.KindTransaction, make([]byte, payloadBytesMax+1)); !errors.Is(err, ErrTooLarge) {
		t.Fatal(err)
	}
	if err := g.TransferLeadership(context.Background(), 5); err == nil {
		t.Fatal("leadership went to a stranger")
	}
	r.mu.Lock()
	r.fail = errors.New("digest mismatch")
	r.mu.Unlock()
	if _, err := g.Propose(context.Background(), log.KindTransaction, nil); !errors.Is(err, ErrOutcomeUnknown) || !errors.Is(err, r.fail) {
		t.Fatal(err)
	}
	<-g.Done()
	if st := g.Status(); !errors.Is(st.Failed, r.fail) || st.State != StateStopped {
		t.Fatalf("%+v", st)
	}
	g.Stop()
	l.Close()
	// Without Bootstrap an empty node waits.
	l = openLog(t, vfs.NewMem(), "data", log.Options{})
	g, err := Start(Config{Log: l, Applier: &recorder{}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Propose(context.Background(), log.KindTransaction, nil); !errors.Is(err, ErrNotLeader) {
		t.Fatal(err)
	}
	if g.Status().State != StateViewChange {
		t.Fatal(g.Status().State)
	}
	g.Stop()
	l.Close()
}
