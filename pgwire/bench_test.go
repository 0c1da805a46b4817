package pgwire

import (
	"context"
	"net"
	"runtime"
	"runtime/debug"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgproto3/v2"

	"kimberlite/sql/types"
)

// nullEngine answers every statement with one row at no cost, so that what is measured is the protocol.
type nullEngine struct{ fakeEngine }

type nullSession struct {
	fakeSession
	row  [2]types.Datum
	cols []Column
}

func (e *nullEngine) NewSession(_ context.Context, info StartupInfo) (Session, error) {
	s := &nullSession{cols: fakeCols}
	s.info, s.status, s.engine = info, 'I', &e.fakeEngine
	e.open.Add(1)
	s.row[0], s.row[1] = types.Int(123456), types.Str("a filler of some forty characters, as usual")
	return s, nil
}

func (s *nullSession) SimpleQuery(_ context.Context, _ string, w Writer) error {
	if err := w.RowDescription(s.cols, nil); err != nil {
		return err
	}
	return s.Execute(context.Background(), "", 0, w)
}
func (s *nullSession) Parse(context.Context, string, string, []types.OID) error { return nil }
func (s *nullSession) Bind(context.Context, string, string, []int16, [][]byte, []int16) error {
	return nil
}

func (s *nullSession) Execute(_ context.Context, _ string, _ int, w Writer) error {
	w.StartRows(nil, s.cols, nil)
	if err := w.Row(s.row[:]); err != nil {
		return err
	}
	w.CommandCompleteRows("SELECT", 1)
	return nil
}
func (s *nullSession) Drain(Writer) {}

// rawClient is a socket with a session on it.
func rawClient(tb testing.TB, addr string) net.Conn {
	tb.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		tb.Fatal(err)
	}
	b, _ := (&pgproto3.StartupMessage{ProtocolVersion: version30, Parameters: map[string]string{"user": "alice", "database": "db"}}).Encode(nil)
	if _, err := nc.Write(b); err != nil {
		tb.Fatal(err)
	}
	untilReady(tb, nc, make([]byte, 4096))
	return nc
}

// untilReady reads up to a ReadyForQuery at the end of a read.
func untilReady(tb testing.TB, nc net.Conn, buf []byte) {
	for {
		n, err := nc.Read(buf)
		if err != nil {
			tb.Fatal(err)
		}
		if n >= 6 && buf[n-6] == 'Z' {
			return
		}
	}
}

// BenchmarkRoundTrip asks what a prepared point SELECT costs outside of SQL: Bind, Execute, Sync in one packet over loopback TCP. "cpu-us/op" is
// the whole process's CPU time, client included.
func BenchmarkRoundTrip(b *testing.B) {
	var prepared, simple []byte
	for _, m := range []pgproto3.FrontendMessage{&pgproto3.Bind{PreparedStatement: "s1", Parameters: [][]byte{[]byte("12345")}}, &pgproto3.Execute{}, &pgproto3.Sync{}} {
		prepared, _ = m.Encode(prepared)
	}
	simple, _ = (&pgproto3.Query{String: "select abalance from pgbench_accounts where aid = 12345"}).Encode(nil)
	for name, packet := range map[string][]byte{"prepared": prepared, "simple": simple} {
		b.Run(name, func(b *testing.B) {
			e := &nullEngine{}
			e.roles = map[string]RoleInfo{"alice": {Exists: true}}
			s, _ := newFake(b, Options{})
			s.SetEngine(e)
			nc := rawClient(b, listen(b, s))
			defer nc.Close()
			buf := make([]byte, 4096)
			b.ReportAllocs()
			b.ResetTimer()
			start := cpuTime()
			for b.Loop() {
				if _, err := nc.Write(packet); err != nil {
					b.Fatal(err)
				}
				untilReady(b, nc, buf)
			}
			b.ReportMetric(float64((cpuTime()-start).Microseconds())/float64(b.N), "cpu-us/op")
		})
	}
}

// BenchmarkPipeline asks the same without the system calls: 100 cycles without Sync in one packet.
func BenchmarkPipeline(b *testing.B) {
	var packet []byte
	for range 100 {
		packet, _ = (&pgproto3.Bind{PreparedStatement: "s1", Parameters: [][]byte{[]byte("12345")}}).Encode(packet)
		packet, _ = (&pgproto3.Execute{}).Encode(packet)
	}
	packet, _ = (&pgproto3.Sync{}).Encode(packet)
	e := &nullEngine{}
	e.roles = map[string]RoleInfo{"alice": {Exists: true}}
	s, _ := newFake(b, Options{})
	s.SetEngine(e)
	nc := rawClient(b, listen(b, s))
	defer nc.Close()
	buf := make([]byte, 64<<10)
	b.ReportAllocs()
	b.ResetTimer()
	start := cpuTime()
	for b.Loop() {
		if _, err := nc.Write(packet); err != nil {
			b.Fatal(err)
		}
		untilReady(b, nc, buf)
	}
	b.ReportMetric(float64((cpuTime()-start).Nanoseconds())/float64(b.N)/100, "cpu-ns/execute")
}

// BenchmarkBatch asks what a row of two columns costs on its way from vectors to the wire.
func BenchmarkBatch(b *testing.B) {
	batch := &types.Batch{N: types.BatchRows, Cols: []*types.Vec{types.NewVec(types.Of(types.OIDInt8), types.Fixed), types.NewVec(types.Of(types.OIDText), types.Bytes)}}
	for i := range types.BatchRows {
		batch.Cols[0].Append(types.Int(int64(i * 1001)))
		batch.Cols[1].Append(types.Str("twenty characters 20"))
	}
	var o output
	o.dst = discard{}
	var sh shape
	sh.set(nil, fakeCols, nil)
	b.ReportAllocs()
	for b.Loop() {
		if err := o.batch(&sh, batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/types.BatchRows, "ns/row")
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestPreparedCycleDoesNotAllocate holds the hot path to no allocation at all.
func TestPreparedCycleDoesNotAllocate(t *testing.T) {
	e := &nullEngine{}
	e.roles = map[string]RoleInfo{"alice": {Exists: true}}
	s, _ := newFake(t, Options{})
	s.SetEngine(e)
	nc := rawClient(t, listen(t, s))
	defer nc.Close()
	var packet []byte
	for _, m := range []pgproto3.FrontendMessage{&pgproto3.Bind{PreparedStatement: "s1", Parameters: [][]byte{[]byte("12345")}}, &pgproto3.Execute{}, &pgproto3.Sync{}} {
		packet, _ = m.Encode(packet)
	}
	buf := make([]byte, 4096)
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // a collection would empty the pools
	n := testing.AllocsPerRun(500, func() {
		_, _ = nc.Write(packet)
		untilReady(t, nc, buf)
	})
	if n >= 1 {
		t.Errorf("%v allocations a cycle", n)
	}
}

// TestIdleConnectionIsSmall measures what idle connections that have worked before cost, the goroutines' stacks included. The client's
// side is in this process too and pays its share.
func TestIdleConnectionIsSmall(t *testing.T) {
	const clients, limit = 300, 16 << 10
	s, _ := newFake(t, Options{MaxConnections: clients})
	addr := listen(t, s)
	var packet []byte
	packet, _ = (&pgproto3.Query{String: "rows 200"}).Encode(packet)
	buf := make([]byte, 64<<10)
	before := inUse()
	conns := make([]net.Conn, clients)
	for i := range conns {
		conns[i] = rawClient(t, addr)
		if _, err := conns[i].Write(packet); err != nil {
			t.Fatal(err)
		}
		untilReady(t, conns[i], buf)
	}
	per := (inUse() - before) / clients
	for _, c := range conns {
		_ = c.Close()
	}
	t.Logf("an idle connection takes %d bytes", per)
	if per > limit {
		t.Errorf("an idle connection takes %d bytes, limit %d", per, limit)
	}
}

func inUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
