package server

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/jackc/pgx/v5"

	"kimberlite/internal/seeds"
	"kimberlite/internal/tpcb"
)

// outlet is a disk with a plug: before some write, drawn from the seed, it keeps what would be left of it if the power failed then. The node goes on and is
// stopped afterwards, on a disk that nobody looks at any more.
type outlet struct {
	mu        sync.Mutex
	disk      *vfs.MemFS
	countdown int
	unsynced  int // percent of the unsynced blocks that survive
	rng       *rand.Rand
	ledger    *tpcb.Ledger
	left      *vfs.MemFS
	known     *tpcb.Ledger // what clients knew at that moment
	off       chan struct{}
}

func plug(disk *vfs.MemFS, rng *rand.Rand, ledger *tpcb.Ledger) *outlet {
	return &outlet{disk: disk, countdown: 1 + rng.IntN(600), unsynced: []int{0, 0, 30, 100}[rng.IntN(4)], rng: rng, ledger: ledger, off: make(chan struct{})}
}

// MaybeError implements errorfs.Injector.
func (o *outlet) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.countdown--; o.countdown == 0 {
		o.pull()
	}
	return nil
}

// String implements errorfs.Injector.
func (o *outlet) String() string { return "outlet" }

// pull cuts the power. Acknowledged means: before now. Caller holds mu.
func (o *outlet) pull() {
	o.known = o.ledger.Lost()
	o.left = o.disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: o.unsynced, RNG: o.rng})
	close(o.off)
}

// TestSimPower runs TPC-B on a whole node until the power fails in the middle of some write: while it starts, commits, flushes, or seals a segment. Unsynced bytes
// are dropped, wholly or in part. After each restart the four sums agree and all that was acknowledged is there.
func TestSimPower(t *testing.T) {
	const lives, clients = 3, 3
	ctx := context.Background()
	bank := tpcb.Bank{Branches: 2, Accounts: 50}
	lost := 0
	seeds.Each(t, 5, func(t *testing.T, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 5))
		dir := t.TempDir()
		disk := vfs.NewCrashableMem()
		open := func(fs vfs.FS) *Node {
			cfg := testConfig(t, dir, "--metrics-address", "off", "--storage-segment-size", []string{"64KiB", "256KiB"}[rng.IntN(2)])
			cfg.MemTableSize = 256 << 10 // smaller than a user may make it, so that flushes happen
			n, err := start(cfg, testLoggers(t), nil, parts{fs, newEngine})
			if err != nil {
				t.Errorf("seed %d: %v", seed, err)
				return nil
			}
			return n
		}
		connect := func(n *Node) func(context.Context) (*pgx.Conn, error) {
			return func(ctx context.Context) (*pgx.Conn, error) {
				return pgx.Connect(ctx, "postgres://postgres@"+n.Addr()+"/postgres?sslmode=disable")
			}
		}
		check := func(n *Node, l *tpcb.Ledger) {
			c, err := connect(n)(ctx)
			if err == nil {
				defer c.Close(ctx)
				err = l.Check(ctx, c)
			}
			if err != nil {
				t.Errorf("seed %d: %v", seed, err)
			}
			for _, row := range n.verify(ctx) {
				if !row[3].IsTrue() {
					t.Errorf("seed %d: %s: %s", seed, row[0].S, row[4].S)
				}
			}
		}
		n := open(disk)
		if n == nil {
			return
		}
		c, err := connect(n)(ctx)
		if err == nil {
			err = bank.Load(ctx, c)
			_ = c.Close(ctx)
		}
		n.Stop()
		if err != nil {
			t.Fatal(err)
		}
		ledger := tpcb.NewLedger()
		for life := range lives {
			o := plug(disk, rng, ledger)
			if n = open(errorfs.Wrap(disk, o)); n == nil {
				return
			}
			if o.left == nil {
				check(n, ledger)
			}
			clientCtx, stop := context.WithCancel(ctx)
			var running sync.WaitGroup
			for i := range clients {
				running.Go(func() {
					if err := bank.Client(clientCtx, connect(n), life*clients+i, ledger); err != nil {
						t.Errorf("seed %d: %v", seed, err)
					}
				})
			}
			ended := make(chan struct{})
			go func() { running.Wait(); close(ended) }()
			select {
			case <-o.off:
				stop()
				<-ended
			case <-ended:
				t.Errorf("seed %d: all clients ended before the power did", seed)
			}
			stop()
			n.Stop()
			if t.Failed() {
				return
			}
			o.known.After(ledger)
			lost += ledger.Acknowledged() - o.known.Acknowledged()
			disk, ledger = o.left, o.known
		}
		if n = open(disk); n != nil {
			check(n, ledger)
			n.Stop()
		}
	})
	t.Logf("%d transactions that were acknowledged after the power had failed do not count", lost)
}
