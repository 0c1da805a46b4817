package projections

import (
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kimberlite/log"
	"kimberlite/sql/types"
)

// benchStore is a store with n narrow rows (id, name of 12 bytes, n), flushed and compacted as after a load.
func benchStore(b *testing.B, n int) (*Store, *Projector, *memLog, *TableDef) {
	b.Helper()
	s, err := Open(Options{FS: vfs.NewMem(), Dir: "db"})
	if err != nil {
		b.Fatal(err)
	}
	p := NewProjector(s, ProjectorOptions{})
	l := &memLog{}
	def := testTable(100, 1000)
	l.txn(&Transaction{Tables: []TableOp{{100, def}}})
	enc := def.Encoder()
	for at := 0; at < n; {
		t := TableRows{Storage: def.Storage}
		for k := 0; k < 1000 && at < n; k++ {
			at++
			t.Ops = append(t.Ops, RowOp{OpInsert, RowID(at), enc.Append(nil, testRow(int64(at), fmt.Sprintf("name%08d", at), int64(at%100)))})
		}
		l.txn(&Transaction{Rows: []TableRows{t}})
	}
	must(b, p.Apply(l.events))
	must(b, s.Flush())
	return s, p, l, def
}

// What does a row of a full scan cost, decoded into vectors? (Budget: 120 ns.)
func BenchmarkScan(b *testing.B) {
	const rows = 200_000
	s, _, _, def := benchStore(b, rows)
	dec := NewRowDecoder(def, []int{1, 2, 3})
	cols := []*types.Vec{types.NewVec(types.Of(types.OIDInt8), types.Fixed), types.NewVec(types.Of(types.OIDText), types.Bytes), types.NewVec(types.Of(types.OIDInt4), types.Fixed)}
	for _, c := range cols {
		c.Resize(types.BatchRows)
	}
	var arena types.Arena
	b.ResetTimer()
	start := cpuNanos()
	for i := 0; i < b.N; i++ {
		sn := s.Snapshot()
		it := sn.Rows(def.Storage, 0, RowMax)
		n := 0
		for ok := it.First(); ok; ok = it.Next() {
			if err := dec.Vecs(cols, n%types.BatchRows, it.Image(), &arena); err != nil {
				b.Fatal(err)
			}
			n++
		}
		must(b, it.Close())
		sn.Release()
		if n != rows {
			b.Fatal(n)
		}
	}
	reportCPU(b, start, b.N*rows)
}

// What does a point read by row id cost, and one by a unique key? (Budget: 2 us.)
func BenchmarkPointRead(b *testing.B) {
	const rows = 200_000
	s, _, _, def := benchStore(b, rows)
	row := make([]types.Datum, 3)
	b.Run("row", func(b *testing.B) {
		b.ReportAllocs()
		start := cpuNanos()
		defer func() { reportCPU(b, start, b.N) }()
		for i := 0; i < b.N; i++ {
			sn := s.Snapshot()
			if _, found, err := sn.Row(def.Storage, RowID(i*7919%rows+1), def.Decoder(), row); !found || err != nil {
				b.Fatal(err)
			}
			sn.Release()
		}
	})
	b.Run("key", func(b *testing.B) {
		b.ReportAllocs()
		var key []byte
		for i := 0; i < b.N; i++ {
			sn := s.Snapshot()
			key = def.Indexes[0].AppendKeyPart(key[:0], 0, types.Int(int64(i*7919%rows+1)))
			id, found, err := sn.UniqueRow(&def.Indexes[0], key)
			if !found || err != nil {
				b.Fatal(err)
			}
			if _, found, err = sn.Row(def.Storage, id, def.Decoder(), row); !found || err != nil {
				b.Fatal(err)
			}
			sn.Release()
		}
	})
	b.Run("iterator", func(b *testing.B) {
		b.ReportAllocs()
		start := cpuNanos()
		defer func() { reportCPU(b, start, b.N) }()
		for i := 0; i < b.N; i++ {
			sn := s.Snapshot()
			it := sn.Rows(def.Storage, RowID(i*7919%rows+1), RowMax)
			if !it.First() {
				b.Fatal(it.Err())
			}
			must(b, it.Close())
			sn.Release()
		}
	})
}

// What does applying one row operation cost? (Budget: 3 us.)
func BenchmarkApply(b *testing.B) {
	for _, c := range []struct {
		name  string
		batch int
		op    RowOpKind
	}{{"update in an event of its own", 1, OpUpdate}, {"updates, 20 events a batch", 20, OpUpdate}, {"insert, 20 events a batch", 20, OpInsert}} {
		b.Run(c.name, func(b *testing.B) {
			const rows = 100_000
			_, p, l, def := benchStore(b, rows)
			enc := def.Encoder()
			var events []log.Event
			for i := 0; i < b.N; i++ {
				id := i*7919%rows + 1
				if c.op == OpInsert {
					id = rows + 1 + i
				}
				ev := l.txn(&Transaction{XID: uint64(i + 3), Rows: []TableRows{{Storage: def.Storage,
					Ops: []RowOp{{c.op, RowID(id), enc.Append(nil, testRow(int64(id), fmt.Sprintf("name%08d", id), int64(i)))}}}}})
				events = append(events, ev)
			}
			b.ReportAllocs()
			b.ResetTimer()
			start := cpuNanos()
			defer func() { reportCPU(b, start, b.N) }()
			for i := 0; i < len(events); i += c.batch {
				must(b, p.Apply(events[i:min(i+c.batch, len(events))]))
			}
		})
	}
}

// What does a scan of ten rows cost of which one was updated ten thousand times? No more than it should: the versions are not visited.
func BenchmarkScanHotRow(b *testing.B) {
	s, p, l, def := benchStore(b, 10)
	enc := def.Encoder()
	at := len(l.events)
	for i := 0; i < 10_000; i++ {
		l.txn(&Transaction{Rows: []TableRows{{Storage: def.Storage, Ops: []RowOp{{OpUpdate, 5, enc.Append(nil, testRow(5, "hot", int64(i)))}}}}})
	}
	must(b, p.Apply(l.events[at:]))
	b.ResetTimer()
	start := cpuNanos()
	for i := 0; i < b.N; i++ {
		sn := s.Snapshot()
		it := sn.Rows(def.Storage, 0, RowMax)
		n := 0
		for ok := it.First(); ok; ok = it.Next() {
			n++
		}
		must(b, it.Close())
		sn.Release()
		if n != 10 {
			b.Fatal(n)
		}
	}
	reportCPU(b, start, b.N)
}
