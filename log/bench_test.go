package log

import (
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.etcd.io/raft/v3/raftpb"
)

// BenchmarkAppend asks what one event costs in the log alone, chain and write included, without the sync.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{100, 200, 1000} {
		for _, group := range []int{1, 8, 64} {
			b.Run(fmt.Sprintf("bytes=%d/group=%d", size, group), func(b *testing.B) {
				opts := testOptions()
				opts.Sync, opts.SegmentBytes = SyncAsync, 0
				l, err := Open(vfs.Default, b.TempDir(), opts)
				if err != nil {
					b.Fatal(err)
				}
				payload := make([]byte, size)
				b.ReportAllocs()
				b.SetBytes(int64(size))
				entries := make([]*raftpb.Entry, 0, group)
				p := Position(1)
				for b.Loop() {
					if len(entries) == group {
						if err := l.Append(entries); err != nil {
							b.Fatal(err)
						}
						entries = entries[:0]
					}
					entries = append(entries, testEntry(p, 1, string(payload)))
					p++
				}
				l.Close()
			})
		}
	}
}

func BenchmarkChain(b *testing.B) {
	payload := make([]byte, 200)
	var c chain
	var h Hash
	for b.Loop() {
		h = c.next(&h, 1, 1, KindTransaction, payload)
	}
}

// BenchmarkVerify asks how fast a log is read and checked.
func BenchmarkVerify(b *testing.B) {
	opts := testOptions()
	opts.SegmentBytes = 0
	l, err := Open(vfs.Default, b.TempDir(), opts)
	if err != nil {
		b.Fatal(err)
	}
	for p := Position(1); p < 100000; p += 1000 {
		appendN(b, l, p, p+999, 1)
	}
	b.SetBytes(l.Segments()[0].RawBytes)
	for b.Loop() {
		if _, err := l.Verify(b.Context(), nil); err != nil {
			b.Fatal(err)
		}
	}
	l.Close()
}
