package consensus

import (
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// The core decides; clocks, disks, networks and goroutines are somebody else's.
func TestCoreIsPure(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "core.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string]bool{"fmt": true, "go.etcd.io/raft/v3": true, "go.etcd.io/raft/v3/raftpb": true, "google.golang.org/protobuf/proto": true}
	for _, i := range f.Imports {
		path, _ := strconv.Unquote(i.Path.Value)
		if !allowed[path] {
			t.Errorf("core.go imports %s", path)
		}
	}
}

// One vote, one entry, step by step, with nothing around the core.
func TestCoreSteps(t *testing.T) {
	store := raft.NewMemoryStorage()
	conf := &raftpb.ConfState{Voters: []uint64{1}}
	if err := store.ApplySnapshot(&raftpb.Snapshot{Metadata: &raftpb.SnapshotMetadata{ConfState: conf, Index: new(uint64(1)), Term: new(uint64(1))}}); err != nil {
		t.Fatal(err)
	}
	c, err := newCore(coreConfig{id: 1, storage: store, applied: 1, conf: conf, confAt: 1, electionTicks: 10, logger: raftLogger{}})
	if err != nil {
		t.Fatal(err)
	}
	var w work
	persistAll := func() {
		t.Helper()
		for len(w.appends) > 0 {
			m := w.appends[0]
			w.appends = w.appends[1:]
			if err := store.Append(m.Entries); err != nil {
				t.Fatal(err)
			}
			for _, r := range m.Responses {
				if err := c.step(r); err != nil {
					t.Fatal(err)
				}
			}
			if err := c.ready(&w); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := c.campaign(); err != nil {
		t.Fatal(err)
	}
	if err := c.ready(&w); err != nil {
		t.Fatal(err)
	}
	if c.isLeader() {
		t.Fatal("leads before its vote was durable")
	}
	persistAll()
	if !c.isLeader() || !c.singleton() {
		t.Fatal("does not lead")
	}
	w.applies = nil
	first, err := c.propose([]*raftpb.Entry{{Data: []byte("a")}, {Data: []byte("b")}})
	if err != nil || first != 3 {
		t.Fatal(first, err)
	}
	if err := c.ready(&w); err != nil {
		t.Fatal(err)
	}
	if len(w.applies) != 0 {
		t.Fatal("applies what is not durable")
	}
	persistAll()
	if len(w.applies) != 1 || len(w.applies[0].Entries) != 2 || string(w.applies[0].Entries[1].Data) != "b" {
		t.Fatalf("%v", w.applies)
	}
}

// A storage error inside raft is a panic there; here it is an error, and the core is dead.
func TestCorePanicsAreErrors(t *testing.T) {
	c, err := newCore(coreConfig{id: 1, storage: raft.NewMemoryStorage(), conf: &raftpb.ConfState{}, electionTicks: 10, logger: raftLogger{}})
	if err != nil {
		t.Fatal(err)
	}
	err = c.guard(func() error { panic(raft.ErrUnavailable) })
	if err == nil || !strings.Contains(err.Error(), "unavailable") {
		t.Fatal(err)
	}
	if c.tick() == nil || c.campaign() == nil {
		t.Fatal("a dead core moves")
	}
}
