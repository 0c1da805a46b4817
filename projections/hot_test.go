package projections

import (
	"math/rand"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kimberlite/log"
	"kimberlite/sql/types"
)

// A key is beyond an index's keys only once the projector has looked, and until it, or a greater one, comes.
func TestBeyond(t *testing.T) {
	w := newWorld(1)
	for len(w.log.events) < 60 {
		w.step()
	}
	s, err := Open(Options{FS: vfs.NewMem(), Dir: "db", Events: &w.log})
	must(t, err)
	p := NewProjector(s, ProjectorOptions{})
	known, asked := 0, StorageID(0)
	for i := range w.log.events {
		must(t, p.Apply(w.log.events[i:i+1]))
		def := s.TableDef(w.tables[0].Table)
		if def == nil || len(def.Indexes) == 0 {
			continue
		}
		ix := &def.Indexes[0]
		if s.Beyond(ix, ix.AppendKeyPart(nil, 0, types.Int(-1<<30))) && s.RowCount(def.Storage) > 0 {
			t.Error("a low key is beyond the last one")
		}
		if s.Beyond(ix, ix.AppendKeyPart(nil, 0, types.Int(1<<40))) {
			if known++; ix.Storage != asked {
				t.Error("an index that nobody looked at is known")
			}
		}
		asked = ix.Storage
	}
	if known == 0 {
		t.Error("no last key was ever known")
	}
	must(t, s.Close())
}

// Point reads go through the cache of single keys, and yet each snapshot shows its own state: old ones and new ones, read from many goroutines
// while events are applied.
func TestPointReadsOfOldSnapshots(t *testing.T) {
	for _, hot := range []int64{-1, hotShards * 2 * 300, 0} {
		w := newWorld(8)
		var defs [][2]*TableDef // by position
		for len(w.log.events) < 400 {
			w.step()
			for len(defs) <= len(w.log.events) {
				defs = append(defs, w.tables)
			}
		}
		s, err := Open(Options{FS: vfs.NewMem(), Dir: "db", Events: &w.log, HotBytes: hot})
		must(t, err)
		p := NewProjector(s, ProjectorOptions{})
		must(t, p.Apply(w.log.events[:1]))

		stop := make(chan struct{})
		var wg sync.WaitGroup
		for k := 0; k < 3; k++ {
			wg.Add(1)
			go func() {
				defer wg.Done()
				rng := rand.New(rand.NewSource(int64(k)))
				var held []*Snapshot
				row := make([]types.Datum, 3)
				for {
					select {
					case <-stop:
						for _, sn := range held {
							sn.Release()
						}
						return
					default:
					}
					held = append(held, s.Snapshot())
					if len(held) > 4 {
						i := rng.Intn(4)
						held[i].Release()
						held = append(held[:i], held[i+1:]...)
					}
					for n := 0; n < 20; n++ {
						sn := held[rng.Intn(len(held))]
						i := rng.Intn(2)
						def := defs[sn.Position()][i]
						want := w.states[sn.Position()][i]
						id := RowID(rng.Intn(60))
						_, found, err := sn.Row(def.Storage, id, def.Decoder(), row)
						if err != nil || found != (want[id] != "") || found && show(row) != want[id] {
							t.Errorf("row %d of table %d at position %d is %s (%v), not %s", id, i, sn.Position(), show(row), err, want[id])
							return
						}
						if !found {
							continue
						}
						key := def.Indexes[0].AppendKeyPart(nil, 0, row[0])
						s.Beyond(&def.Indexes[0], key)
						got, ok, err := sn.UniqueRow(&def.Indexes[0], key)
						if err != nil || !ok || got != id {
							t.Errorf("key %v of table %d at position %d is row %d (%v), not %d", row[0], i, sn.Position(), got, err, id)
							return
						}
						// The newest state is at least as new, and never torn.
						if _, _, err := s.Row(def.Storage, id, def.Decoder(), row); err != nil {
							t.Error(err)
							return
						}
					}
				}
			}()
		}
		rng := rand.New(rand.NewSource(9))
		for at := int(p.AppliedPosition()); at < len(w.log.events); at = int(p.AppliedPosition()) {
			must(t, p.Apply(w.log.events[at:min(at+1+rng.Intn(4), len(w.log.events))]))
			// Between two batches the newest state is what the model says.
			for i, def := range defs[s.Applied()] {
				want := w.states[s.Applied()][i]
				row := make([]types.Datum, 3)
				for id := RowID(1); id < 60; id += 7 {
					_, found, err := s.Row(def.Storage, id, def.Decoder(), row)
					if err != nil || found != (want[id] != "") || found && show(row) != want[id] {
						t.Fatalf("row %d of table %d at position %d is %s (%v), not %s", id, i, s.Applied(), show(row), err, want[id])
					}
					if found && s.Beyond(&def.Indexes[0], def.Indexes[0].AppendKeyPart(nil, 0, row[0])) {
						t.Fatalf("key %v of table %d at position %d is said to be beyond all keys", row[0], i, s.Applied())
					}
				}
			}
		}
		close(stop)
		wg.Wait()
		w.check(t, s)
		must(t, s.Close())
	}
}

// A reader that was slow must not enter what is old by now.
func TestHotCacheRefusesTheOld(t *testing.T) {
	var h hotCache
	h.init(1 << 20)
	key := []byte("k")
	expect := func(at log.Position, want string) {
		t.Helper()
		v, ok := h.get(key, at)
		if !ok {
			v = []byte("-")
		}
		if string(v) != want {
			t.Fatalf("at %d the cache says %s, not %s", at, v, want)
		}
	}
	h.writing.Store(5)
	h.put(key, []byte("five"), 5)
	expect(5, "five")
	expect(4, "-")
	h.writing.Store(6)
	h.wrote(key, []byte("six"), 6)
	expect(5, "-")
	expect(6, "six")
	h.put(key, []byte("five"), 5) // read at 5, entered too late
	expect(6, "six")
	h.writing.Store(7)
	h.gone(key)
	h.put(key, []byte("six"), 6)
	expect(7, "-")
}

// Find finds what Row finds, whatever way it takes: steps, seeks from where it stands, the cache of single keys.
func TestFind(t *testing.T) {
	w := newWorld(3)
	for len(w.log.events) < 300 {
		w.step()
	}
	s := openStore(t, vfs.NewMem(), &w.log)
	p := NewProjector(s, ProjectorOptions{})
	must(t, p.Apply(w.log.events))
	sn := s.Snapshot()
	rng := rand.New(rand.NewSource(4))
	row := make([]types.Datum, 3)
	found := 0
	for i, def := range w.tables {
		want := w.states[sn.Position()][i]
		it := sn.Rows(def.Storage, 0, RowMax)
		for id, n := RowID(1), 0; n < 3000; n++ {
			switch rng.Intn(6) {
			case 0:
				id = RowID(1 + rng.Intn(80))
			case 1:
				id += RowID(rng.Intn(20))
			default:
				id += RowID(rng.Intn(5))
			}
			ok := it.Find(id, rng.Intn(2) == 0)
			must(t, it.Err())
			if ok != (want[id] != "") {
				t.Fatalf("row %d of table %d: found %v, is %q", id, i, ok, want[id])
			}
			if ok {
				found++
				if must(t, def.Decoder().Datums(row, it.Image())); show(row) != want[id] {
					t.Fatalf("row %d of table %d is %s, not %s", id, i, show(row), want[id])
				}
			}
			if id > 100 {
				id = 1
			}
		}
		must(t, it.Close())
	}
	if found < 300 {
		t.Fatalf("found only %d rows: the test has lost its meaning", found)
	}
	sn.Release()
	must(t, s.Close())
}
