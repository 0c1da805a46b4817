package compat

import (
	"context"
	"flag"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"kimberlite/internal/tpcb"
)

var (
	kills = flag.Int("kills", 10, "how often the server is killed in the middle of TPC-B")
	life  = flag.Duration("life", 400*time.Millisecond, "how long it lives at least before each kill; twice that at most")
)

// TestTPCBSurvivesKills kills the server again and again in the middle of TPC-B. After each restart the four sums agree and all that clients saw committed is there.
func TestTPCBSurvivesKills(t *testing.T) {
	const clients = 8
	ctx := context.Background()
	s := newServer(t)
	bank, ledger := tpcb.Bank{Branches: 4, Accounts: 4000}, tpcb.NewLedger()
	if err := bank.Load(ctx, s.connect("postgres")); err != nil {
		t.Fatal(err)
	}
	connect := func(ctx context.Context) (*pgx.Conn, error) { return pgx.Connect(ctx, s.url("postgres")) }
	for number := range *kills {
		before := ledger.Acknowledged()
		var running sync.WaitGroup
		for i := range clients {
			running.Go(func() {
				if err := bank.Client(ctx, connect, number*clients+i, ledger); err != nil {
					t.Error(err)
				}
			})
		}
		time.Sleep(*life + rand.N(*life))
		s.kill()
		running.Wait()
		if ledger.Acknowledged() == before {
			t.Error("no transaction was acknowledged in this life: the test tests nothing")
		}
		s.start()
		c := s.connect("postgres")
		if err := ledger.Check(ctx, c); err != nil {
			t.Errorf("after kill %d: %v", number+1, err)
		}
		wantText(t, c, "true", "SELECT bool_and(ok)::text FROM kimberlite.verify()")
		if t.Failed() {
			return
		}
	}
	t.Logf("%d transactions acknowledged in %d lives", ledger.Acknowledged(), *kills)
}
