package consensus

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kimberlite/log"
)

type nullApplier struct{ last atomic.Uint64 }

func (a *nullApplier) Apply(events []log.Event) error {
	a.last.Store(uint64(events[len(events)-1].Position))
	return nil
}
func (a *nullApplier) AppliedPosition() log.Position { return log.Position(a.last.Load()) }

func cpuTime() time.Duration {
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		return 0
	}
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

// BenchmarkPropose asks what one event costs from Propose to its answer on a real disk: wall time, CPU, and how many share a sync.
func BenchmarkPropose(b *testing.B) {
	for _, clients := range []int{1, 8, 32} {
		for _, policy := range []log.SyncPolicy{log.SyncFsync, log.SyncAsync} {
			b.Run(fmt.Sprintf("clients=%d/%s", clients, policy), func(b *testing.B) {
				l := openLog(b, vfs.Default, b.TempDir(), log.Options{Sync: policy})
				g := startGroup(b, l, &nullApplier{})
				payload := make([]byte, 200)
				var left atomic.Int64
				left.Store(int64(b.N))
				before := l.Stats()
				cpu := cpuTime()
				b.ReportAllocs()
				b.ResetTimer()
				var wg sync.WaitGroup
				for range clients {
					wg.Go(func() {
						for left.Add(-1) >= 0 {
							if _, err := g.Propose(context.Background(), log.KindTransaction, payload); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
				b.StopTimer()
				after := l.Stats()
				b.ReportMetric(float64((cpuTime()-cpu).Nanoseconds())/1000/float64(b.N), "cpu-us/op")
				b.ReportMetric(float64(after.Syncs-before.Syncs)/float64(b.N), "syncs/op")
				if n := after.Syncs - before.Syncs; n > 0 {
					b.ReportMetric(float64(after.SyncNanos-before.SyncNanos)/1000/float64(n), "us/sync")
				}
				g.Stop()
				l.Close()
			})
		}
	}
}
