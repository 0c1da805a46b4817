package log

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.etcd.io/raft/v3/raftpb"
)

// testEntry makes a raft entry that carries a transaction.
func testEntry(p Position, view uint64, payload string) *raftpb.Entry {
	index := uint64(p)
	return &raftpb.Entry{Index: &index, Term: &view, Type: raftpb.EntryNormal.Enum(), Data: EntryData(KindTransaction, 7000+index, []byte(payload))}
}

var testIdentity = Identity{ClusterID: [16]byte{1, 2, 3}, ClusterName: "test", NodeID: 1}

// testOptions make everything happen in the test's goroutine.
func testOptions() Options {
	return Options{Identity: testIdentity, Manual: true, Compression: CompressNone, SegmentBytes: 32 << 10}
}

func mustOpen(t testing.TB, fs vfs.FS, opts Options) *Log {
	t.Helper()
	l, err := Open(fs, "data", opts)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// appendN appends events first..last of one view, each with the payload that payloadOf gives, and syncs.
func appendN(t testing.TB, l *Log, first, last Position, view uint64) {
	t.Helper()
	var entries []*raftpb.Entry
	for p := first; p <= last; p++ {
		entries = append(entries, testEntry(p, view, payloadOf(p, view)))
	}
	if err := l.Append(entries); err != nil {
		t.Fatal(err)
	}
	if err := l.Sync(); err != nil {
		t.Fatal(err)
	}
}

func payloadOf(p Position, view uint64) string {
	return fmt.Sprintf("event %d of view %d %s", p, view, strings.Repeat("x", int(p%97)))
}

// wantEvents checks that exactly first..last are there, with the right payloads and a whole chain.
func wantEvents(t testing.TB, l *Log, first, last Position, viewOf func(Position) uint64) {
	t.Helper()
	if got, _ := l.Last(); got != last {
		t.Fatalf("last is %d, want %d", got, last)
	}
	prev, err := l.HashAt(first - 1)
	if err != nil {
		t.Fatal(err)
	}
	for p := first; p <= last; {
		events, err := l.Read(p, last+1, 4096)
		if err != nil {
			t.Fatal(err)
		}
		for _, ev := range events {
			view := viewOf(p)
			if ev.Position != p || ev.View != view || string(ev.Payload) != payloadOf(p, view) || ev.Kind != KindTransaction || ev.Proposal != 7000+uint64(p) {
				t.Fatalf("at %d: %+v", p, ev)
			}
			prev = NextHash(prev, ev.Position, ev.View, ev.Kind, ev.Payload)
			if prev != ev.Hash {
				t.Fatalf("chain broken at %d", p)
			}
			p++
		}
	}
}

func view1(Position) uint64 { return 1 }

// dropCache makes later reads go to the files.
func dropCache(l *Log) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.cache.reset(l.mu.last + 1)
}
