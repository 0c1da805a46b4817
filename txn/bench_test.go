package txn

import (
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"

	"kimberlite/projections"
	"kimberlite/sql/types"
)

func cpuNanos() int64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// reportCPU adds the processor time of the whole process an operation: on a busy machine it says more than the clock.
func reportCPU(b *testing.B, start int64, ops int) {
	b.ReportMetric(float64(cpuNanos()-start)/float64(ops), "cpu-ns/op")
}

func loadUsers(b *testing.B, n *node, def *projections.TableDef, rows int64) {
	b.Helper()
	n.group.keep = false
	n.create(b, def)
	be := n.backend()
	for at := int64(1); at <= rows; {
		tx := be.Begin(TxnOptions{})
		tx.Command().Release()
		for k := 0; k < 10_000 && at <= rows; k++ {
			if _, err := tx.Insert(ctx, def, row(at, fmt.Sprintf("name%08d", at), 0)); err != nil {
				b.Fatal(err)
			}
			at++
		}
		_, err := tx.Commit(ctx)
		must(b, err)
	}
	be.Close()
	must(b, n.store.Flush())
}

// What does a one-row UPDATE by key cost, from BEGIN to the applied commit, with the log left out? (Budget: 25 us.)
func BenchmarkUpdate(b *testing.B) {
	const rows = 100_000
	n := newNode(b, Options{})
	def := usersTable(100, 1000)
	loadUsers(b, n, def, rows)
	be := n.backend()
	old := make([]types.Datum, 3)
	var key []byte
	b.ReportAllocs()
	b.ResetTimer()
	start := cpuNanos()
	for i := 0; i < b.N; i++ {
		id := int64(i*7919%rows + 1)
		tx := be.Begin(TxnOptions{})
		_, err := tx.Lock(ctx, 5, def.Table, RowExclusive, WaitBlock)
		must(b, err)
		v := tx.Command()
		key = def.Indexes[0].AppendKeyPart(key[:0], 0, types.Int(id))
		r, found, err := v.LookupUnique(def, 0, key)
		if !found || err != nil {
			b.Fatal(err)
		}
		if out, err := tx.LockRow(ctx, v, def, r, ForNoKeyUpdate, WaitBlock, "t"); out != Unchanged || err != nil {
			b.Fatal(out, err)
		}
		if _, err := tx.Latest(def, def.Decoder(), r, old); err != nil {
			b.Fatal(err)
		}
		old[2].I++
		must(b, tx.Update(ctx, def, r, old, old))
		v.Release()
		_, err = tx.Commit(ctx)
		must(b, err)
	}
	reportCPU(b, start, b.N)
}

// What does a point SELECT by key cost: Begin, table lock, key, row, end?
func BenchmarkSelect(b *testing.B) {
	const rows = 100_000
	n := newNode(b, Options{})
	def := usersTable(100, 1000)
	loadUsers(b, n, def, rows)
	be := n.backend()
	dst := make([]types.Datum, 3)
	var key []byte
	b.ReportAllocs()
	b.ResetTimer()
	start := cpuNanos()
	for i := 0; i < b.N; i++ {
		tx := be.Begin(TxnOptions{})
		if _, err := tx.Lock(ctx, 5, def.Table, AccessShare, WaitBlock); err != nil {
			b.Fatal(err)
		}
		v := tx.Command()
		key = def.Indexes[0].AppendKeyPart(key[:0], 0, types.Int(int64(i*7919%rows+1)))
		r, _, err := v.LookupUnique(def, 0, key)
		must(b, err)
		if found, err := v.Get(def, def.Decoder(), r, dst); !found || err != nil {
			b.Fatal(err)
		}
		v.Release()
		tx.Rollback()
	}
	reportCPU(b, start, b.N)
}

// What does a row of a bulk load cost, from Insert to its share of the applied commit, with two indexes? And what does it take in memory?
func BenchmarkBulkInsert(b *testing.B) {
	n := newNode(b, Options{})
	n.group.keep = false
	def := usersTable(100, 1000)
	n.create(b, def)
	be := n.backend()
	b.ReportAllocs()
	b.ResetTimer()
	start := cpuNanos()
	tx := be.Begin(TxnOptions{})
	tx.Command().Release()
	for i := 0; i < b.N; i++ {
		if _, err := tx.Insert(ctx, def, row(int64(i), fmt.Sprintf("name%08d", i), 0)); err != nil {
			b.Fatal(err)
		}
	}
	inserted := cpuNanos()
	_, err := tx.Commit(ctx)
	must(b, err)
	b.ReportMetric(float64(inserted-start)/float64(b.N), "insert-cpu-ns/op")
	reportCPU(b, start, b.N)
}

// What does an uncontended row lock cost, taken and given back?
func BenchmarkRowLock(b *testing.B) {
	n := newNode(b, Options{})
	be := n.backend()
	var at atomic.Int64
	b.ReportAllocs()
	tx := be.Begin(TxnOptions{})
	_, err := tx.XID(ctx, true)
	must(b, err)
	for i := 0; i < b.N; i++ {
		if _, ok, err := tx.lockRow(ctx, rowTag{7, projections.RowID(at.Add(1))}, 1, ForNoKeyUpdate, WaitBlock); !ok || err != nil {
			b.Fatal(err)
		}
		tx.releaseRowLocks(0)
	}
}

// What does a row of an index scan cost that reads the rows: in the order of the table, and out of order?
func BenchmarkIndexScan(b *testing.B) {
	const rows = 100_000
	n := newNode(b, Options{})
	def := usersTable(100, 1000)
	n.group.keep = false
	n.create(b, def)
	be := n.backend()
	tx := be.Begin(TxnOptions{})
	tx.Command().Release()
	for i := int64(1); i <= rows; i++ {
		if _, err := tx.Insert(ctx, def, row(i, fmt.Sprintf("name%08d", i*7919%rows), 0)); err != nil {
			b.Fatal(err)
		}
	}
	_, err := tx.Commit(ctx)
	must(b, err)
	must(b, n.store.Flush())
	for ix, name := range []string{"in order", "out of order"} {
		b.Run(name, func(b *testing.B) {
			batch := newBatch(def)
			start := cpuNanos()
			for i := 0; i < b.N; i++ {
				tx := be.Begin(TxnOptions{})
				v := tx.Command()
				s := v.Index(def, ix, projections.KeySpan{}, IndexScanOptions{Rows: def.Decoder()})
				total := 0
				for {
					k, err := s.Next(batch, 0)
					must(b, err)
					if k == 0 {
						break
					}
					total += k
				}
				must(b, s.Close())
				if total != rows {
					b.Fatal(total)
				}
				v.Release()
				tx.Rollback()
			}
			reportCPU(b, start, b.N*rows)
		})
	}
}
