package txn

import (
	"context"
	"fmt"
	"math/rand"
	randv2 "math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kimberlite/consensus"
	"kimberlite/log"
	"kimberlite/projections"
	"kimberlite/sql/types"
)

// whole is a node on the real log and a real group of one.
type whole struct {
	*Manager
	log   *log.Log
	store *projections.Store
	group *consensus.Group
	pid   int32
}

func openWhole(t testing.TB, fs vfs.FS, dir string, opts Options) *whole {
	t.Helper()
	l, err := log.Open(fs, dir, log.Options{Identity: log.Identity{ClusterName: "test", NodeID: 1}, SegmentBytes: 1 << 20})
	must(t, err)
	s, err := projections.Open(projections.Options{FS: fs, Dir: fs.PathJoin(dir, "projections"), Events: l})
	must(t, err)
	g, err := consensus.Start(consensus.Config{Log: l, Applier: projections.NewProjector(s, projections.ProjectorOptions{}), Bootstrap: true, TickInterval: 10 * time.Millisecond})
	must(t, err)
	select {
	case <-g.Ready():
	case <-g.Done():
		t.Fatal(g.Status().Failed)
	}
	opts.Store, opts.Proposer, opts.View = s, g, func() uint64 { return g.Status().View }
	m, err := NewManager(opts)
	must(t, err)
	must(t, m.Start(ctx))
	return &whole{Manager: m, log: l, store: s, group: g}
}

func (w *whole) backend() *Backend {
	w.pid++
	return w.NewBackend(BackendInfo{PID: w.pid, Database: 5})
}

func (w *whole) stop() {
	w.group.Stop()
	_ = w.Close(ctx) // the group takes nothing more
	_ = w.store.Close()
	_ = w.log.Close()
}

// The power goes while sessions insert. After the restart everything that a session was told to be committed is there, and of every transaction
// all or nothing; rebuilding the projections from the log gives the same digest.
func TestPowerLoss(t *testing.T) {
	for seed := int64(1); seed <= 4; seed++ {
		rng := rand.New(rand.NewSource(seed))
		fs := vfs.NewCrashableMem()
		w := openWhole(t, fs, "data", Options{ChunkBytes: 600})
		def := usersTable(100, 1000)
		b := w.backend()
		tx := b.Begin(TxnOptions{})
		tx.PutTable(def.Table, def)
		_, err := tx.Commit(ctx)
		must(t, err)
		var mu sync.Mutex
		acked := map[int64]int64{} // first key of a transaction -> rows in it
		next := int64(0)
		for round := 0; round < 4; round++ {
			var wg sync.WaitGroup
			var off atomic.Bool
			for k := 0; k < 3; k++ {
				b := w.backend()
				n := rng.Int63n(12) + 1
				wg.Add(1)
				go func() {
					defer wg.Done()
					defer b.Close()
					for !off.Load() {
						mu.Lock()
						first := next
						next += n
						mu.Unlock()
						tx := b.Begin(TxnOptions{})
						tx.Command().Release()
						for i := first; i < first+n; i++ {
							if _, err := tx.Insert(ctx, def, row(i, fmt.Sprint("of ", first, " padded to be chunked at times ............"), n)); err != nil {
								return
							}
						}
						if _, err := tx.Commit(ctx); err != nil {
							return
						}
						mu.Lock()
						if !off.Load() {
							acked[first] = n
						}
						mu.Unlock()
					}
				}()
			}
			time.Sleep(time.Duration(rng.Intn(30)) * time.Millisecond)
			if rng.Intn(2) == 0 {
				must(t, w.store.Flush())
			}
			mu.Lock()
			off.Store(true)
			crashed := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.Intn(101), RNG: randv2.New(randv2.NewPCG(uint64(seed), uint64(round)))})
			mu.Unlock()
			wg.Wait()
			w.stop()
			fs = crashed
			w = openWhole(t, fs, "data", Options{ChunkBytes: 600})

			got := map[int64]int64{}
			b := w.backend()
			tx := b.Begin(TxnOptions{})
			v := tx.Command()
			s := v.Rows(def, def.Decoder(), 0, projections.RowMax, false)
			batch := newBatch(def)
			for {
				k, err := s.Next(batch, 0)
				must(t, err)
				if k == 0 {
					break
				}
				for i := 0; i < k; i++ {
					var first int64
					fmt.Sscanf(batch.Cols[1].Str[i], "of %d", &first)
					got[first]++
					if want := batch.Cols[2].Fix[i]; got[first] > want {
						t.Fatalf("seed %d: transaction %d has too many rows", seed, first)
					}
					acked2 := acked[first]
					if acked2 != 0 && acked2 != batch.Cols[2].Fix[i] {
						t.Fatalf("seed %d: transaction %d is %d rows large, not %d", seed, first, batch.Cols[2].Fix[i], acked2)
					}
				}
			}
			must(t, s.Close())
			for first, n := range acked {
				if got[first] != n {
					t.Fatalf("seed %d: of transaction %d, acknowledged, %d rows of %d are there", seed, first, got[first], n)
				}
			}
			v.Release()
			tx.Rollback()
			b.Close()
			if _, err := w.store.Verify(ctx, nil); err != nil {
				t.Fatal(err)
			}
		}
		_, want := w.store.Digest()
		last, _ := w.log.Last()
		again, err := projections.Rebuild(context.Background(), projections.Options{FS: vfs.NewMem(), Dir: "again"}, projections.ProjectorOptions{}, w.log, last, nil)
		must(t, err)
		if _, have := again.Digest(); have != want {
			t.Fatalf("seed %d: the rebuilt projections have digest %v, not %v", seed, have, want)
		}
		must(t, again.Close())
		w.stop()
	}
}

// What does a one-row UPDATE cost with the real log and group, at 1 and 8 clients?
func BenchmarkUpdateGroup(b *testing.B) {
	for _, clients := range []int{1, 8} {
		b.Run(fmt.Sprint(clients, " clients"), func(b *testing.B) {
			const rows = 10_000
			w := openWhole(b, vfs.Default, b.TempDir(), Options{})
			defer w.stop()
			def := usersTable(100, 1000)
			be := w.backend()
			tx := be.Begin(TxnOptions{})
			tx.PutTable(def.Table, def)
			_, err := tx.Commit(ctx)
			must(b, err)
			tx = be.Begin(TxnOptions{})
			tx.Command().Release()
			for i := int64(1); i <= rows; i++ {
				if _, err := tx.Insert(ctx, def, row(i, fmt.Sprintf("name%08d", i), 0)); err != nil {
					b.Fatal(err)
				}
			}
			_, err = tx.Commit(ctx)
			must(b, err)
			be.Close()
			var at atomic.Int64
			var wg sync.WaitGroup
			b.ReportAllocs()
			b.ResetTimer()
			start := cpuNanos()
			for k := 0; k < clients; k++ {
				be := w.backend()
				wg.Add(1)
				go func() {
					defer wg.Done()
					old := make([]types.Datum, 3)
					for {
						i := at.Add(1)
						if i > int64(b.N) {
							return
						}
						if err := updateOne(be, def, i*7919%rows+1, old); err != nil {
							b.Error(err)
							return
						}
					}
				}()
			}
			wg.Wait()
			reportCPU(b, start, b.N)
		})
	}
}

// updateOne is UPDATE t SET n = n + 1 WHERE id = $1 with its transaction.
func updateOne(be *Backend, def *projections.TableDef, id int64, old []types.Datum) error {
	tx := be.Begin(TxnOptions{})
	defer tx.Rollback()
	if _, err := tx.Lock(ctx, 5, def.Table, RowExclusive, WaitBlock); err != nil {
		return err
	}
	v := tx.Command()
	defer v.Release()
	var buf [16]byte
	r, found, err := v.LookupUnique(def, 0, def.Indexes[0].AppendKeyPart(buf[:0], 0, types.Int(id)))
	if err != nil || !found {
		return fmt.Errorf("row %d: %v", id, err)
	}
	if _, err := tx.LockRow(ctx, v, def, r, ForNoKeyUpdate, WaitBlock, "t"); err != nil {
		return err
	}
	if _, err := tx.Latest(def, def.Decoder(), r, old); err != nil {
		return err
	}
	old[2].I++
	if err := tx.Update(ctx, def, r, old, old); err != nil {
		return err
	}
	_, err = tx.Commit(ctx)
	return err
}
