package consensus

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.etcd.io/raft/v3/raftpb"

	"kimberlite/log"
)

// BenchmarkReplay asks how fast a rebuild gets its events: from the files through consensus to an applier that does nothing.
func BenchmarkReplay(b *testing.B) {
	const events = 200_000
	dir := b.TempDir()
	l := openLog(b, vfs.Default, dir, log.Options{SegmentBytes: 16 << 20})
	g := startGroup(b, l, &nullApplier{})
	g.Stop()
	last, _ := l.Last()
	for p := last + 1; p < events; {
		var group []*raftpb.Entry
		for range 1000 {
			index, view := uint64(p), uint64(2)
			group = append(group, &raftpb.Entry{Index: &index, Term: &view, Type: raftpb.EntryNormal.Enum(), Data: log.EntryData(log.KindTransaction, 0, make([]byte, 200))})
			p++
		}
		if err := l.Append(group); err != nil {
			b.Fatal(err)
		}
	}
	if err := l.Sync(); err != nil {
		b.Fatal(err)
	}
	l.Close()
	for b.Loop() {
		l := openLog(b, vfs.Default, dir, log.Options{SegmentBytes: 16 << 20})
		g := startGroup(b, l, &nullApplier{})
		g.Stop()
		l.Close()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/events, "ns/event")
}
