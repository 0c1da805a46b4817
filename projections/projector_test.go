package projections

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"kimberlite/internal/seeds"
	"kimberlite/log"
	"kimberlite/sql/types"
)

// world is what the log's events should have made: a model of two tables, with their states after each position.
type world struct {
	log    memLog
	rng    *rand.Rand
	tables [2]*TableDef
	rows   [2]map[RowID][]types.Datum
	used   [2]RowID
	// states[p] is the content of both tables after position p.
	states []([2]map[RowID]string)
	next   StorageID
	xid    uint64
	free   [2]map[int64]bool
}

func newWorld(seed int64) *world {
	w := &world{rng: rand.New(rand.NewSource(seed)), next: 1000, xid: 10}
	w.note() // position 0
	tx := &Transaction{}
	for i := range w.tables {
		w.tables[i] = testTable(types.OID(100+10*i), w.storage())
		w.rows[i] = map[RowID][]types.Datum{}
		tx.Tables = append(tx.Tables, TableOp{w.tables[i].Table, w.tables[i]})
	}
	w.log.txn(tx)
	w.note()
	return w
}

func (w *world) storage() StorageID { w.next += 10; return w.next }

func (w *world) note() {
	var st [2]map[RowID]string
	for i := range w.rows {
		st[i] = map[RowID]string{}
		for id, row := range w.rows[i] {
			st[i][id] = show(row)
		}
	}
	w.states = append(w.states, st)
}

// ops makes random operations on a table and applies them to the model; ids are unique per table and transaction.
func (w *world) ops(i, n int) TableRows {
	byRow := map[RowID]RowOp{}
	enc := w.tables[i].Encoder()
	free := w.free[i] // values of the unique column that this event, or an earlier one, gave up
	if free == nil {
		free = map[int64]bool{}
		w.free[i] = free
	}
	taken := map[int64]bool{}
	for _, row := range w.rows[i] {
		taken[row[0].I] = true
	}
	newRow := func() []types.Datum {
		id := int64(w.rng.Intn(1 << 40))
		for _, k := range slices.Sorted(maps.Keys(free)) { // take a key over from a row that lost it
			if delete(free, k); !taken[k] && w.rng.Intn(4) > 0 {
				id = k
				break
			}
		}
		taken[id] = true
		row := testRow(id, fmt.Sprint("name", w.rng.Intn(50)), int64(w.rng.Intn(20)))
		if w.rng.Intn(5) == 0 {
			row[2] = types.NullDatum
		}
		return row
	}
	for ; n > 0; n-- {
		ids := slices.Sorted(maps.Keys(w.rows[i]))
		if k := w.rng.Intn(4); k > 1 && len(ids) > 0 {
			id := ids[w.rng.Intn(len(ids))]
			if _, done := byRow[id]; done {
				continue
			}
			old := w.rows[i][id]
			if k == 2 {
				delete(w.rows[i], id)
				delete(taken, old[0].I)
				free[old[0].I] = true
				byRow[id] = RowOp{Op: OpDelete, Row: id}
				continue
			}
			row := newRow()
			if w.rng.Intn(2) == 0 {
				row[0] = old[0]
			} else {
				delete(taken, old[0].I)
				free[old[0].I] = true
			}
			w.rows[i][id] = row
			byRow[id] = RowOp{OpUpdate, id, enc.Append(nil, row)}
			continue
		}
		w.used[i]++
		row := newRow()
		w.rows[i][w.used[i]] = row
		byRow[w.used[i]] = RowOp{OpInsert, w.used[i], enc.Append(nil, row)}
	}
	t := TableRows{Storage: w.tables[i].Storage}
	for _, id := range slices.Sorted(maps.Keys(byRow)) {
		t.Ops = append(t.Ops, byRow[id])
	}
	return t
}

// step adds one random event.
func (w *world) step() {
	w.xid++
	tx := &Transaction{XID: w.xid, CommitTime: int64(w.xid) * 60_000}
	i := w.rng.Intn(2)
	switch k := w.rng.Intn(20); k {
	case 0: // truncate
		old := w.tables[i]
		w.tables[i] = testTable(old.Table, w.storage())
		w.rows[i], w.used[i] = map[RowID][]types.Datum{}, 0
		tx.Drops = []StorageID{old.Storage, old.Indexes[0].Storage, old.Indexes[1].Storage}
		tx.Tables = []TableOp{{old.Table, w.tables[i]}}
	case 1: // rebuild the second index under a new storage, with writes in the same transaction
		old := *w.tables[i]
		def := old
		def.Indexes = slices.Clone(old.Indexes)
		def.Indexes[1].Storage = w.storage()
		w.tables[i] = &def
		tx.Drops = []StorageID{old.Indexes[1].Storage}
		tx.Tables = []TableOp{{def.Table, &def}}
		tx.Rows = []TableRows{w.ops(i, 5)}
	case 2: // catalog and sequences
		oid := types.OID(500 + w.rng.Intn(3))
		tx.Catalog = []CatalogOp{{Kind: 1, OID: oid, Data: fmt.Append(nil, w.xid)}, {Kind: 1, OID: oid + 1, Deleted: true}, {Kind: 1, OID: oid, Data: []byte("twice")}}
		tx.Sequences = []SequenceState{{oid, int64(w.xid), true}}
		tx.SequenceDrops = []types.OID{oid + 1}
	case 3: // a chunked transaction
		n := 1 + w.rng.Intn(3)
		// All operations on one table, dealt out to chunks in row order.
		t := w.ops(i, 30)
		per := len(t.Ops)/n + 1
		for c := 0; c < n; c++ {
			part := TableRows{Storage: t.Storage, Ops: t.Ops[min(c*per, len(t.Ops)):min((c+1)*per, len(t.Ops))]}
			w.log.add(log.KindChunk, EncodeChunk(nil, &Chunk{XID: w.xid, Number: uint32(c), Rows: []TableRows{part}}))
			w.states = append(w.states, w.states[len(w.states)-1])
		}
		tx.Chunks = uint32(n)
		tx.Rows = []TableRows{w.ops(1-i, 3)}
		if w.rng.Intn(2) == 0 { // the same rows again
			tx.Rows = append(tx.Rows, w.ops(i, 10))
		}
	case 4: // a void event
		t := testTable(1, w.tables[i].Storage)
		tx.View = 99
		tx.Rows = []TableRows{{Storage: t.Storage, Ops: []RowOp{{OpDelete, 1 << 50, nil}}}}
	case 5: // chunks of a transaction that comes to nothing
		w.log.add(log.KindChunk, EncodeChunk(nil, &Chunk{XID: w.xid, Rows: []TableRows{{Storage: w.tables[i].Storage, Ops: []RowOp{{OpInsert, 1 << 50, []byte("xx")}}}}}))
		w.note()
		w.log.add(log.KindAbandon, EncodeAbandon(nil, &Abandon{[]uint64{w.xid}}))
		w.note()
		return
	default:
		tx.Rows = []TableRows{w.ops(i, 1+w.rng.Intn(6)), w.ops(1-i, w.rng.Intn(2))}
	}
	w.log.txn(tx)
	w.note()
}

// check compares a store with the model at the store's position, and the store with itself.
func (w *world) check(t testing.TB, s *Store) {
	t.Helper()
	sn := s.Snapshot()
	defer sn.Release()
	p := sn.Position()
	if p != s.Applied() {
		t.Fatalf("the snapshot is of %d, the store at %d", p, s.Applied())
	}
	for i := range w.tables {
		def := s.TableDef(types.OID(100 + 10*i))
		if def == nil {
			continue
		}
		if got := dump(t, sn, def); !maps.Equal(got, w.states[p][i]) {
			t.Fatalf("table %d at position %d is\n%v\nnot\n%v", i, p, got, w.states[p][i])
		}
		if int(s.RowCount(def.Storage)) != len(w.states[p][i]) {
			t.Fatalf("table %d at position %d has %d rows, counted %d", i, p, len(w.states[p][i]), s.RowCount(def.Storage))
		}
	}
	if _, err := s.Verify(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
}

// The state is a function of the log: whatever the batches, the same rows, entries and digest.
func TestProjectorAgainstModel(t *testing.T) {
	seeds.Each(t, 20, func(t *testing.T, seed uint64) {
		w := newWorld(int64(seed))
		for len(w.log.events) < 120 {
			w.step()
		}
		var digests []Digest
		for _, batch := range []int{1, 7, 1000} {
			s := openStore(t, vfs.NewMem(), &w.log)
			p := NewProjector(s, ProjectorOptions{})
			for at := 0; at < len(w.log.events); at += batch {
				must(t, p.Apply(w.log.events[at:min(at+batch, len(w.log.events))]))
				if batch == 7 {
					w.check(t, s)
				}
			}
			w.check(t, s)
			_, d := s.Digest()
			digests = append(digests, d)
			if chunks, err := s.PendingChunks(); err != nil || len(chunks) > 0 {
				t.Fatalf("chunks of %v are left (%v)", chunks, err)
			}
			must(t, s.Close())
		}
		if digests[0] != digests[1] || digests[0] != digests[2] {
			t.Fatalf("seed %d: digests differ: %v", seed, digests)
		}
	})
}

// After a crash at any point the store is the state after some event, and replay from there ends with the same digest. The same
// holds for stores that were closed.
func TestCrashPrefix(t *testing.T) {
	seeds.Each(t, 30, func(t *testing.T, seed uint64) {
		w := newWorld(int64(seed))
		for len(w.log.events) < 150 {
			w.step()
		}
		rng := rand.New(rand.NewSource(int64(seed)))
		fs := vfs.NewCrashableMem()
		s := openStore(t, fs, &w.log)
		p := NewProjector(s, ProjectorOptions{})
		crashes := 0
		for p.AppliedPosition() < log.Position(len(w.log.events)) {
			at := int(p.AppliedPosition())
			must(t, p.Apply(w.log.events[max(0, at-rng.Intn(3)):min(at+1+rng.Intn(8), len(w.log.events))]))
			switch rng.Intn(12) {
			case 0:
				must(t, s.Flush())
				if d, err := s.Durable(); err != nil || d != s.Applied() {
					t.Fatalf("durable is %d after a flush at %d (%v)", d, s.Applied(), err)
				}
			case 1:
				crashes++
				durable, err := s.Durable()
				must(t, err)
				crashed := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.Intn(101), RNG: randV2(int64(seed))})
				must(t, s.Close())
				fs = crashed
				s = openStore(t, fs, &w.log)
				p = NewProjector(s, ProjectorOptions{})
				if s.Applied() < durable {
					t.Fatalf("position %d was durable, but after the crash it is %d", durable, s.Applied())
				}
				w.check(t, s)
			case 2:
				before := s.Applied()
				must(t, s.Close())
				s = openStore(t, fs, &w.log)
				if s.Applied() != before {
					t.Fatalf("closed at %d, opened at %d", before, s.Applied())
				}
				p = NewProjector(s, ProjectorOptions{})
			}
		}
		w.check(t, s)
		_, have := s.Digest()
		must(t, s.Close())

		rebuilt, err := Rebuild(context.Background(), Options{FS: fs, Dir: "db"}, ProjectorOptions{}, &w.log, log.Position(len(w.log.events)), nil)
		must(t, err)
		w.check(t, rebuilt)
		if _, want := rebuilt.Digest(); have != want {
			t.Fatalf("seed %d: after %d crashes the digest is %v, rebuilt it is %v", seed, crashes, have, want)
		}
		must(t, rebuilt.Close())
	})
}

// A crash between the steps of a chunked transaction: nobody sees a part of it, and it is finished after the restart.
func TestChunkedTransactionIsOne(t *testing.T) {
	w := newWorld(1)
	def := w.tables[0]
	enc := def.Encoder()
	insert := &Transaction{XID: 5, Rows: []TableRows{{Storage: def.Storage}}}
	for i := 1; i <= 10; i++ {
		insert.Rows[0].Ops = append(insert.Rows[0].Ops, RowOp{OpInsert, RowID(i), enc.Append(nil, testRow(int64(i), "old", 1))})
	}
	w.log.txn(insert)
	// All keys move up by one: the delete of a key in one chunk must not take out the entry that an earlier one has put.
	for c := 0; c < 5; c++ {
		chunk := &Chunk{XID: 6, Number: uint32(c), Rows: []TableRows{{Storage: def.Storage}}}
		for i := 2*c + 1; i <= 2*c+2; i++ {
			chunk.Rows[0].Ops = append(chunk.Rows[0].Ops, RowOp{OpUpdate, RowID(i), enc.Append(nil, testRow(int64(i)%10+1, "new", 2))})
		}
		w.log.add(log.KindChunk, EncodeChunk(nil, chunk))
	}
	last := w.log.txn(&Transaction{XID: 6, Chunks: 5})

	// Run it once for each step after which the crash comes.
	for crashAt := 0; ; crashAt++ {
		fs := vfs.NewCrashableMem()
		s := openStore(t, fs, &w.log)
		p := NewProjector(s, ProjectorOptions{})
		must(t, p.Apply(w.log.events[:last.Position-1]))
		steps := 0
		var crashed *vfs.MemFS
		testStep = func() {
			sn := s.Snapshot()
			for id, row := range dump(t, sn, def) {
				if want := fmt.Sprintf("%d,old,1", id); row != want {
					t.Errorf("in the middle of the transaction row %d is %s", id, row)
				}
			}
			sn.Release()
			row := make([]types.Datum, 3)
			if _, found, err := s.Row(def.Storage, 1, def.Decoder(), row); err != nil || !found || show(row) != "1,old,1" {
				t.Errorf("in the middle of the transaction row 1 is %s (%v)", show(row), err)
			}
			if steps == crashAt {
				must(t, s.Flush())
				crashed = fs.CrashClone(vfs.CrashCloneCfg{})
			}
			steps++
		}
		must(t, p.Apply(w.log.events[last.Position-1:]))
		testStep = nil
		_, want := s.Digest()
		must(t, s.Close())
		if crashed == nil {
			if crashAt < 10 {
				t.Fatalf("there were only %d steps", crashAt)
			}
			return
		}
		s = openStore(t, crashed, &w.log)
		if s.Applied() != last.Position-1 {
			t.Fatalf("applied is %d", s.Applied())
		}
		p = NewProjector(s, ProjectorOptions{})
		must(t, p.Apply(w.log.events[last.Position-1:]))
		if _, have := s.Digest(); have != want {
			t.Fatalf("a crash after step %d changes the digest", crashAt)
		}
		if _, err := s.Verify(context.Background(), nil); err != nil {
			t.Fatalf("after a crash behind step %d: %v", crashAt, err)
		}
		must(t, s.Close())
	}
}

// Time travel: every position shows what the model had then.
func TestAsOf(t *testing.T) {
	w := newWorld(3)
	s := openStore(t, vfs.NewMem(), &w.log)
	p := NewProjector(s, ProjectorOptions{})
	for len(w.log.events) < 200 {
		w.step()
	}
	must(t, p.Apply(w.log.events))
	sn := s.Snapshot()
	defer sn.Release()
	defs := map[log.Position][2]*TableDef{} // definitions change on TRUNCATE
	var cur [2]*TableDef
	for _, ev := range w.log.events {
		if ev.Kind == log.KindTransaction {
			tx, err := DecodeTransaction(ev.Payload)
			must(t, err)
			for _, op := range tx.Tables {
				cur[(op.Table-100)/10] = op.Def
			}
		}
		defs[ev.Position] = cur
	}
	row := make([]types.Datum, 3)
	for at := log.Position(1); at <= sn.Position(); at++ {
		must(t, sn.CheckAsOf(at))
		for i, def := range defs[at] {
			got := map[RowID]string{}
			it := sn.RowsAsOf(def.Storage, 0, RowMax, at)
			for it.Next() {
				must(t, def.Decoder().Datums(row, it.Image()))
				got[it.ID()] = show(row)
			}
			must(t, it.Close())
			if !maps.Equal(got, w.states[at][i]) {
				t.Fatalf("table %d as of %d is\n%v\nnot\n%v", i, at, got, w.states[at][i])
			}
			for id := RowID(1); id < 5; id++ {
				_, image, found, err := sn.ImageAsOf(def.Storage, id, at, nil)
				must(t, err)
				if _, want := w.states[at][i][id]; found != want {
					t.Fatalf("row %d as of %d: found is %v", id, at, found)
				} else if found {
					must(t, def.Decoder().Datums(row, image))
					if show(row) != w.states[at][i][id] {
						t.Fatalf("row %d as of %d is %s", id, at, show(row))
					}
				}
			}
		}
	}
	versions, err := sn.RowHistory(defs[sn.Position()][0].Storage, 1)
	must(t, err)
	for i := 1; i < len(versions); i++ {
		if versions[i].From < versions[i-1].To || versions[i-1].To == 0 {
			t.Fatalf("versions overlap: %+v", versions)
		}
	}
	// Pruning moves the horizon, and takes nothing after it.
	horizon := log.Position(100)
	if n, err := s.Prune(horizon, nil); err != nil || n == 0 {
		t.Fatalf("pruned %d (%v)", n, err)
	}
	after := s.Snapshot()
	defer after.Release()
	if err := after.CheckAsOf(horizon - 1); err == nil {
		t.Fatal("one can still go behind the horizon")
	}
	for at := horizon; at <= after.Position(); at += 10 {
		for i, def := range defs[at] {
			n := 0
			it := after.RowsAsOf(def.Storage, 0, RowMax, at)
			for it.Next() {
				n++
			}
			must(t, it.Close())
			if n != len(w.states[at][i]) {
				t.Fatalf("after pruning table %d as of %d has %d rows, not %d", i, at, n, len(w.states[at][i]))
			}
		}
	}
	w.check(t, s)
	if at, err := after.PositionAt(int64(w.xid) * 60_000); err != nil || at < after.Position()-10 {
		t.Fatalf("the newest time is at position %d of %d (%v)", at, after.Position(), err)
	}
}

// Whatever is changed behind the projector's back, Verify names it.
func TestVerifyFindsDamage(t *testing.T) {
	w := newWorld(4)
	for len(w.log.events) < 60 {
		w.step()
	}
	def := w.tables[0]
	var id RowID
	for id = range w.rows[0] {
		break
	}
	set, err := def.IndexSet(nil)
	must(t, err)
	for _, c := range []struct {
		name   string
		damage func(s *Store) error
		want   VerifyError
	}{
		{"a row is gone", func(s *Store) error {
			return s.db.Delete(appendRowKey(nil, def.Storage, id), pebble.NoSync)
		}, VerifyError{Table: def.Table, Storage: def.Storage}},
		{"a row changed", func(s *Store) error {
			return s.db.Set(appendRowKey(nil, def.Storage, id), append(make([]byte, 8), def.Encoder().Append(nil, w.rows[0][id])...), pebble.NoSync)
		}, VerifyError{Table: def.Table, Storage: def.Storage}},
		{"an entry is gone", func(s *Store) error {
			var e IndexEntry
			if _, err := set.Codes[0].Entry(nil, w.rows[0][id], &e); err != nil {
				return err
			}
			return s.db.Delete(set.Codes[0].storedKey(nil, &e, id), pebble.NoSync)
		}, VerifyError{Table: def.Table, Storage: def.Storage, Index: def.Indexes[0].Index, Row: id}},
		{"an entry too many", func(s *Store) error {
			e := IndexEntry{Key: []byte("zz")}
			return s.db.Set(set.Codes[1].storedKey(nil, &e, id), nil, pebble.NoSync)
		}, VerifyError{Table: def.Table, Storage: def.Storage, Index: def.Indexes[1].Index}},
		{"a descriptor changed", func(s *Store) error {
			return s.db.Set(appendCatalogKey(nil, 1, 77), []byte("?"), pebble.NoSync)
		}, VerifyError{}},
	} {
		s := openStore(t, vfs.NewMem(), &w.log)
		must(t, NewProjector(s, ProjectorOptions{}).Apply(w.log.events))
		must(t, c.damage(s))
		_, err := s.Verify(context.Background(), nil)
		var v *VerifyError
		if !errors.As(err, &v) || !errors.Is(err, ErrDiverged) {
			t.Fatalf("%s: Verify says %v", c.name, err)
		}
		v.Reason = ""
		if *v != c.want {
			t.Errorf("%s: Verify blames %+v, not %+v", c.name, *v, c.want)
		}
		must(t, s.Close())
	}
}

// Two replicas compare their digests by checkpoint events; one that differs stops.
func TestCheckpointFindsDivergence(t *testing.T) {
	w := newWorld(5)
	for len(w.log.events) < 30 {
		w.step()
	}
	leader, follower := openStore(t, vfs.NewMem(), &w.log), openStore(t, vfs.NewMem(), &w.log)
	pl, pf := NewProjector(leader, ProjectorOptions{}), NewProjector(follower, ProjectorOptions{})
	must(t, pl.Apply(w.log.events))
	checkpoint := func() {
		_, err := ProposeCheckpoint(leader, func(kind log.Kind, payload []byte) (log.Position, error) {
			ev := w.log.add(kind, payload)
			return ev.Position, pl.Apply([]log.Event{ev})
		})
		must(t, err)
	}
	checkpoint()
	must(t, pf.Apply(w.log.events)) // in one batch, mark and comparison included
	at := len(w.log.events)
	// The follower loses a row without noticing.
	for id, row := range w.rows[1] {
		pf.work[w.tables[1].Storage].rows--
		must(t, follower.db.Delete(appendRowKey(nil, w.tables[1].Storage, id), pebble.NoSync))
		_ = row
		break
	}
	checkpoint()
	if err := pf.Apply(w.log.events[at:]); !errors.Is(err, ErrDiverged) {
		t.Fatalf("the follower says %v", err)
	}
	must(t, leader.Close())
	must(t, follower.Close())
}

// The hooks tell everything, in log order, when it can be read.
func TestHooks(t *testing.T) {
	s := openStore(t, vfs.NewMem(), nil)
	var told []string
	say := func(p log.Position, format string, args ...any) {
		if s.Applied() < p {
			t.Errorf("told of %d at %d", p, s.Applied())
		}
		told = append(told, fmt.Sprintf("%d ", p)+fmt.Sprintf(format, args...))
	}
	p := NewProjector(s, ProjectorOptions{
		CatalogChanged: func(p log.Position, ops []CatalogOp, tables []TableOp) {
			say(p, "catalog %s %d", ops[0].Data, len(tables))
		},
		Notified:         func(p log.Position, db types.OID, n []Notification) { say(p, "notify %d %v", db, n) },
		SequencesChanged: func(p log.Position, q []SequenceState) { say(p, "sequence %v", q) },
	})
	var l memLog
	l.txn(&Transaction{Database: 5, Notifications: []Notification{{"a", "1", 9}, {"a", "2", 9}}})
	l.txn(&Transaction{Database: 6, Catalog: []CatalogOp{{Kind: 1, OID: 4, Data: []byte("x")}}, Notifications: []Notification{{"b", "3", 9}}})
	l.add(log.KindSequence, EncodeSequences(nil, []SequenceState{{8, 32, true}}))
	must(t, p.Apply(l.events))
	want := []string{"1 notify 5 [{a 1 9} {a 2 9}]", "2 catalog x 0", "2 notify 6 [{b 3 9}]", "3 sequence [{8 32 true}]"}
	if !slices.Equal(told, want) {
		t.Fatalf("told %q", told)
	}
	if st, ok, err := s.Sequence(8); err != nil || !ok || st.Last != 32 {
		t.Fatalf("the sequence is %+v", st)
	}
	must(t, s.Close())
}

// A replica that lacks a row that an event updates has diverged, and says so instead of inventing one.
func TestUpdateOfMissingRow(t *testing.T) {
	w := newWorld(6)
	w.log.txn(&Transaction{Rows: []TableRows{{Storage: w.tables[0].Storage, Ops: []RowOp{{OpDelete, 7, nil}}}}})
	s := openStore(t, vfs.NewMem(), &w.log)
	if err := NewProjector(s, ProjectorOptions{}).Apply(w.log.events); !errors.Is(err, ErrDiverged) {
		t.Fatalf("Apply says %v", err)
	}
	must(t, s.Close())
}

// Keys order as values do, and a span finds exactly the keys that fit its conditions, for any directions and NULL orders.
func TestSpansAgainstComparison(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ix := &IndexDef{Parts: []IndexPart{
			{Att: 1, Key: types.OIDInt4, Desc: rapid.Bool().Draw(t, "desc"), NullsFirst: rapid.Bool().Draw(t, "nulls first")},
			{Att: 2, Key: types.OIDText, Desc: rapid.Bool().Draw(t, "desc"), NullsFirst: rapid.Bool().Draw(t, "nulls first")},
		}}
		num := func() types.Datum {
			if rapid.IntRange(0, 4).Draw(t, "null") == 0 {
				return types.NullDatum
			}
			return types.Int(int64(rapid.IntRange(-3, 3).Draw(t, "n")))
		}
		str := func() types.Datum {
			if rapid.IntRange(0, 4).Draw(t, "null") == 0 {
				return types.NullDatum
			}
			return types.Str(rapid.SampledFrom([]string{"", "\x00", "a", "a\x00", "a\x01", "ab", "b", "\xff", "\xff\xff"}).Draw(t, "s"))
		}
		key := func(a, b types.Datum) []byte { return ix.AppendKeyPart(ix.AppendKeyPart(nil, 0, a), 1, b) }
		compare := func(a, b types.Datum, p IndexPart) int {
			n := types.CompareNulls(nil, p.Key, a, b, p.NullsFirst != p.Desc)
			if p.Desc {
				n = -n
			}
			return n
		}
		a1, a2, b1, b2 := num(), str(), num(), str()
		want := compare(a1, b1, ix.Parts[0])
		if want == 0 {
			want = compare(a2, b2, ix.Parts[1])
		}
		if got := bytes.Compare(key(a1, a2), key(b1, b2)); got != want {
			t.Fatalf("(%v,%v) and (%v,%v): keys compare %d, values %d", a1, a2, b1, b2, got, want)
		}
		bound := func(draw func() types.Datum) *Bound {
			if rapid.Bool().Draw(t, "unbounded") {
				return nil
			}
			return &Bound{draw(), rapid.Bool().Draw(t, "inclusive")}
		}
		fits := func(v types.Datum, lo, hi *Bound, typ types.OID) bool {
			if lo == nil && hi == nil {
				return true
			}
			if v.Null || lo != nil && lo.Value.Null || hi != nil && hi.Value.Null {
				return false
			}
			if lo != nil {
				if n := types.Compare(nil, typ, v, lo.Value); n < 0 || n == 0 && !lo.Inclusive {
					return false
				}
			}
			if hi != nil {
				if n := types.Compare(nil, typ, v, hi.Value); n > 0 || n == 0 && !hi.Inclusive {
					return false
				}
			}
			return true
		}
		inSpan := func(span KeySpan, ok bool, k []byte) bool {
			return ok && bytes.Compare(k, span.Start) >= 0 && (span.End == nil || bytes.Compare(k, span.End) < 0)
		}
		lo, hi := bound(num), bound(num)
		span, ok := ix.Span(nil, lo, hi)
		if got, want := inSpan(span, ok, key(a1, a2)), fits(a1, lo, hi, types.OIDInt4); got != want {
			t.Fatalf("%v between %v and %v: %v, the span says %v", a1, lo, hi, want, got)
		}
		lo, hi = bound(str), bound(str)
		span, ok = ix.Span([]types.Datum{b1}, lo, hi)
		want2 := types.CompareNulls(nil, types.OIDInt4, a1, b1, false) == 0 && fits(a2, lo, hi, types.OIDText)
		if got := inSpan(span, ok, key(a1, a2)); got != want2 {
			t.Fatalf("(%v,%v) with %v and between %v and %v: %v, the span says %v", a1, a2, b1, lo, hi, want2, got)
		}
	})
}

// An index-only scan reads the same values as the rows have.
func TestIndexDecoder(t *testing.T) {
	w := newWorld(7)
	for len(w.log.events) < 40 {
		w.step()
	}
	s := openStore(t, vfs.NewMem(), &w.log)
	must(t, NewProjector(s, ProjectorOptions{}).Apply(w.log.events))
	sn := s.Snapshot()
	def := w.tables[0]
	dec, ok := NewIndexDecoder(def, 1, []int{2, 0, 1, 3})
	if !ok {
		t.Fatal("the index holds all columns")
	}
	if _, ok := NewIndexDecoder(def, 0, []int{2}); ok {
		t.Fatal("the unique index does not hold the name")
	}
	cols := []*types.Vec{types.NewVec(types.Of(types.OIDText), types.Bytes), nil, types.NewVec(types.Of(types.OIDInt8), types.Fixed), types.NewVec(types.Of(types.OIDInt4), types.Fixed)}
	for _, c := range cols {
		if c != nil {
			c.Resize(1)
		}
	}
	var arena types.Arena
	it := sn.Index(&def.Indexes[1], KeySpan{})
	n := 0
	for ok := it.Last(); ok; ok = it.Prev() {
		must(t, dec.Vecs(cols, 0, it.Key(), it.Include(), &arena))
		row := w.rows[0][it.RowID()]
		if cols[0].Datum(0) != row[1] || cols[2].Datum(0) != row[0] || cols[3].Datum(0) != row[2] {
			t.Fatalf("row %d is %v", it.RowID(), row)
		}
		n++
	}
	must(t, it.Close())
	if n != len(w.rows[0]) {
		t.Fatalf("%d entries for %d rows", n, len(w.rows[0]))
	}
	for id, row := range w.rows[0] {
		got, found, err := sn.UniqueRow(&def.Indexes[0], def.Indexes[0].AppendKeyPart(nil, 0, row[0]))
		if err != nil || !found || got != id {
			t.Fatalf("key %v is row %d (%v), not %d: %v", row[0], got, found, id, err)
		}
	}
	sn.Release()
	must(t, s.Close())
}
