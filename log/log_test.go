package log

import (
	"context"
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

func TestAppendReadReopen(t *testing.T) {
	for _, segmentBytes := range []int64{0, 1, 1000, 5000} {
		for _, compression := range []Compression{CompressNone, CompressZstd} {
			fs := vfs.NewMem()
			opts := testOptions()
			opts.SegmentBytes, opts.Compression = segmentBytes, compression
			l := mustOpen(t, fs, opts)
			if !l.Fresh() {
				t.Fatal("a new directory is not fresh")
			}
			for p := Position(1); p <= 200; p += 10 {
				appendN(t, l, p, p+9, 1)
			}
			wantEvents(t, l, 1, 200, view1)
			dropCache(l)
			wantEvents(t, l, 1, 200, view1)
			l.SetHardState(HardState{View: 1, Vote: 1, Commit: 190})
			l.Acknowledge(190)
			l.Maintain()
			dropCache(l)
			wantEvents(t, l, 1, 200, view1)
			if compression == CompressZstd && segmentBytes == 1000 && l.Segments()[0].State != SegmentCompressed {
				t.Fatal("nothing was compressed")
			}
			if _, err := l.Verify(context.Background(), nil); err != nil {
				t.Fatal(err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			l = mustOpen(t, fs, opts)
			wantEvents(t, l, 1, 200, view1)
			if hs := l.HardState(); hs != (HardState{1, 1, 190}) {
				t.Fatalf("hard state %+v", hs)
			}
			if st := l.Stats(); st.Acknowledged != 190 || st.Entries != 200 || st.Durable != 200 {
				t.Fatalf("stats %+v", st)
			}
			appendN(t, l, 201, 300, 2)
			wantEvents(t, l, 201, 300, func(Position) uint64 { return 2 })
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if r, err := VerifyDir(context.Background(), fs, "data", nil); err != nil || r.Last != 300 || r.Events != 300 || r.TornTail != nil {
				t.Fatalf("%+v %v", r, err)
			}
			n := Position(0)
			err := Inspect(fs, "data", 50, func(r Record) bool {
				if r.Damage != nil || n > 0 && r.Event.Position != n+1 {
					t.Fatalf("%+v", r)
				}
				n = r.Event.Position
				return true
			})
			if err != nil || n != 300 {
				t.Fatal(n, err)
			}
		}
	}
}

// Every kind of raft entry comes back as it was.
func TestRaftStorage(t *testing.T) {
	fs := vfs.NewMem()
	opts := testOptions()
	opts.SegmentBytes = 1
	l := mustOpen(t, fs, opts)
	var entries []*raftpb.Entry
	for i := uint64(1); i <= 20; i++ {
		index, view := i, 1+i/6
		e := &raftpb.Entry{Index: &index, Term: &view, Type: raftpb.EntryNormal.Enum()}
		switch i % 4 {
		case 1:
			e.Type, e.Data = raftpb.EntryConfChangeV2.Enum(), []byte("conf")
		case 2, 3:
			e.Data = EntryData(KindChunk, i, []byte("payload"))
		}
		entries = append(entries, e)
	}
	if err := l.Append(entries); err != nil {
		t.Fatal(err)
	}
	check := func() {
		t.Helper()
		got, err := l.Entries(1, 21, 1<<40)
		if err != nil || len(got) != 20 {
			t.Fatal(len(got), err)
		}
		for i, e := range got {
			w := entries[i]
			if e.GetIndex() != w.GetIndex() || e.GetTerm() != w.GetTerm() || e.GetType() != w.GetType() || string(e.Data) != string(w.Data) {
				t.Fatalf("%v, want %v", e, w)
			}
			if term, err := l.Term(w.GetIndex()); err != nil || term != w.GetTerm() {
				t.Fatal(term, err)
			}
		}
		events, err := l.Events(got, nil)
		if err != nil || len(events) != 20 || events[19].Hash != l.mu.lastHash {
			t.Fatal(err)
		}
	}
	check()
	dropCache(l)
	check()
	l.Close()
	l = mustOpen(t, fs, opts)
	check()
	if got, err := l.Entries(3, 21, 1); err != nil || len(got) != 1 {
		t.Fatal(len(got), err)
	}
	if term, err := l.Term(0); term != 0 || err != nil {
		t.Fatal(term, err)
	}
	if _, err := l.Term(21); !errors.Is(err, raft.ErrUnavailable) {
		t.Fatal(err)
	}
	if _, err := l.Entries(5, 22, 1); !errors.Is(err, raft.ErrUnavailable) {
		t.Fatal(err)
	}
}

func TestTruncateUncommittedTail(t *testing.T) {
	for _, segmentBytes := range []int64{0, 1, 700} {
		for keep := Position(2); keep <= 30; keep++ {
			fs := vfs.NewMem()
			opts := testOptions()
			opts.SegmentBytes = segmentBytes
			l := mustOpen(t, fs, opts)
			appendN(t, l, 1, 30, 1)
			if err := l.SetHardState(HardState{View: 1, Vote: 1, Commit: 2}); err != nil {
				t.Fatal(err)
			}
			if keep%2 == 0 {
				dropCache(l)
			}
			appendN(t, l, keep+1, 40, 3)
			views := func(p Position) uint64 {
				if p <= keep {
					return 1
				}
				return 3
			}
			wantEvents(t, l, 1, 40, views)
			dropCache(l)
			wantEvents(t, l, 1, 40, views)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			l = mustOpen(t, fs, opts)
			wantEvents(t, l, 1, 40, views)
			if err := l.Append([]*raftpb.Entry{testEntry(2, 4, "never")}); err == nil {
				t.Fatal("a committed event was truncated")
			}
			l.Close()
			if _, err := VerifyDir(context.Background(), fs, "data", nil); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestDropBefore(t *testing.T) {
	fs := vfs.NewMem()
	opts := testOptions()
	opts.SegmentBytes = 1000
	l := mustOpen(t, fs, opts)
	appendN(t, l, 1, 100, 1)
	l.SetHardState(HardState{View: 1, Vote: 1, Commit: 100})
	if err := l.DropBefore(50); err != nil {
		t.Fatal(err)
	}
	first := l.First()
	if first < 40 || first > 50 {
		t.Fatalf("first is %d", first)
	}
	dropCache(l)
	wantEvents(t, l, first, 100, view1)
	if _, err := l.Read(first-1, 100, 1); !errors.Is(err, ErrCompacted) {
		t.Fatal(err)
	}
	if _, err := l.Entries(uint64(first-1), 60, 1); !errors.Is(err, raft.ErrCompacted) {
		t.Fatal(err)
	}
	if term, err := l.Term(uint64(first - 1)); err != nil || term != 1 {
		t.Fatal(term, err)
	}
	if err := l.EnforceRetention(Retention{MaxBytes: 1}, 80); err != nil {
		t.Fatal(err)
	}
	if l.First() <= first || l.First() > 80 {
		t.Fatal(l.First())
	}
	first = l.First()
	l.Close()
	l = mustOpen(t, fs, opts)
	wantEvents(t, l, first, 100, view1)
	// The first segment is missed when it disappears by itself.
	name := l.Segments()[0].Name
	l.Close()
	fs.Remove("data/log/" + name)
	if _, err := Open(fs, "data", opts); !errors.Is(err, ErrCorrupt) {
		t.Fatal(err)
	}
}

func TestIdentityAndLock(t *testing.T) {
	fs := vfs.NewMem()
	l := mustOpen(t, fs, testOptions())
	if _, err := Open(fs, "data", testOptions()); !errors.Is(err, ErrLocked) {
		t.Fatal(err)
	}
	id := l.Identity()
	if id.ClusterName != "test" || id.RaftID() != 1 || id.ClusterIDString() != "01020300-0000-0000-0000-000000000000" {
		t.Fatalf("%+v", id)
	}
	id.Generation = 2
	if err := l.SetIdentity(id); err != nil {
		t.Fatal(err)
	}
	l.Close()
	for _, want := range []Identity{{ClusterName: "other"}, {NodeID: 9}, {ClusterID: [16]byte{9}}} {
		opts := testOptions()
		opts.Identity = want
		if _, err := Open(fs, "data", opts); !errors.Is(err, ErrIdentity) {
			t.Fatal(err)
		}
	}
	opts := testOptions()
	opts.Identity = Identity{}
	l = mustOpen(t, fs, opts)
	if l.Identity() != id || l.Identity().RaftID() != 2<<32|1 {
		t.Fatalf("%+v", l.Identity())
	}
	l.Close()
}

// rm -rf log/* after events were acknowledged must not look like a new node.
func TestLogShorterThanAcknowledged(t *testing.T) {
	fs := vfs.NewMem()
	l := mustOpen(t, fs, testOptions())
	appendN(t, l, 1, 10, 1)
	l.Acknowledge(10)
	l.Close()
	names, _ := fs.List("data/log")
	for _, n := range names {
		fs.Remove("data/log/" + n)
	}
	_, err := Open(fs, "data", testOptions())
	var shorter *ShorterError
	if !errors.As(err, &shorter) || !errors.Is(err, ErrLogShorter) || shorter.Acknowledged != 10 || shorter.Last != 0 {
		t.Fatal(err)
	}
	// A lost meta/ must not look like a new node either.
	fs = vfs.NewMem()
	l = mustOpen(t, fs, testOptions())
	appendN(t, l, 1, 10, 1)
	l.Close()
	fs.Remove("data/meta/identity")
	if _, err := Open(fs, "data", testOptions()); !errors.Is(err, ErrCorrupt) {
		t.Fatal(err)
	}
}
