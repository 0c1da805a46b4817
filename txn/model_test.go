package txn

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"kimberlite/log"
	"kimberlite/projections"
	"kimberlite/sql/types"
)

// One transaction against a model: commands, savepoints, cursors (older views), all ways of reading, then commit or rollback. On a
// permanent table, a temporary one, and one whose index was made in the transaction.
func TestTransactionAgainstModel(t *testing.T) {
	for _, kind := range []string{"permanent", "temporary", "new index"} {
		t.Run(kind, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) { runModel(t, rt, kind) })
		})
	}
}

type model struct {
	t    *testing.T
	rt   *rapid.T
	def  *projections.TableDef
	tx   *Txn
	rows map[projections.RowID]string // as the newest command has them
	data map[projections.RowID][]types.Datum
}

func (m *model) clone() (map[projections.RowID]string, map[projections.RowID][]types.Datum) {
	return maps.Clone(m.rows), maps.Clone(m.data)
}

func runModel(t *testing.T, rt *rapid.T, kind string) {
	n := newNode(t, Options{ChunkBytes: 200, SpillBytes: rapid.SampledFrom([]int64{0, 1, 1500}).Draw(rt, "spill")})
	defer func() { n.stop() }()
	def := usersTable(100, 1000)
	b := n.backend()
	if kind == "temporary" {
		def.Temp = true
	} else {
		n.create(t, def)
	}
	m := &model{t: t, rt: rt, def: def, rows: map[projections.RowID]string{}, data: map[projections.RowID][]types.Datum{}}

	for i := rapid.IntRange(1, 3).Draw(rt, "transactions"); i > 0; i-- {
		m.tx = b.Begin(TxnOptions{Isolation: rapid.SampledFrom([]Isolation{ReadCommitted, RepeatableRead}).Draw(rt, "isolation")})
		before, beforeData := m.clone()
		if kind == "new index" {
			old := m.def
			next := *old
			next.Indexes = slices.Clone(old.Indexes)
			next.Indexes[rapid.IntRange(0, 1).Draw(rt, "index")].Storage += 10
			m.def = &next
			m.tx.Command().Release()
			for k := range next.Indexes {
				if next.Indexes[k].Storage != old.Indexes[k].Storage {
					must(rt, m.tx.PrepareIndex(ctx, &next, k))
					m.tx.DropStorage(old.Indexes[k].Storage)
				}
			}
			m.tx.PutTable(next.Table, &next)
			defer func() { _ = old }()
			if !m.run() {
				m.tx.Rollback()
				m.def, m.rows, m.data = old, before, beforeData
				continue
			}
		} else if !m.run() {
			m.tx.Rollback()
			m.rows, m.data = before, beforeData
			continue
		}
		if _, err := m.tx.Commit(ctx); err != nil {
			rt.Fatal(err)
		}
	}
	// What is left is what was committed; and what the log makes anew is the same.
	tx := b.Begin(TxnOptions{})
	m.tx = tx
	v := tx.Command()
	m.compare(v, m.rows)
	v.Release()
	tx.Rollback()
	b.Close()
	if kind != "temporary" {
		if _, err := n.store.Verify(ctx, nil); err != nil {
			rt.Fatal(err)
		}
	}
	n.background.Wait()
	if xids, err := n.store.PendingChunks(); err != nil || len(xids) > 0 {
		rt.Fatalf("chunks of %v are left (%v)", xids, err)
	}
	if locks := n.Locks(); len(locks) > 0 {
		rt.Fatalf("locks are left: %+v", locks)
	}
	for i := range n.keyLocks.shards {
		if n.keyLocks.shards[i].keys.used+len(n.rowLocks.shards[i].locks) > 0 {
			rt.Fatal("key or row locks are left")
		}
	}
}

// run makes random commands and returns whether to commit.
func (m *model) run() bool {
	type cursor struct {
		v    *View
		rows map[projections.RowID]string
	}
	type mark struct {
		s    Savepoint
		rows map[projections.RowID]string
		data map[projections.RowID][]types.Datum
	}
	var cursors []cursor
	var marks []mark
	defer func() {
		for _, c := range cursors {
			c.v.Release()
		}
	}()
	for i := rapid.IntRange(0, 15).Draw(m.rt, "commands"); i > 0; i-- {
		switch k := rapid.IntRange(0, 9).Draw(m.rt, "command"); {
		case k == 0:
			rows, data := m.clone()
			marks = append(marks, mark{m.tx.Savepoint(), rows, data})
		case k == 1 && len(marks) > 0:
			j := rapid.IntRange(0, len(marks)-1).Draw(m.rt, "mark")
			for _, c := range cursors { // PostgreSQL closes the cursors that were opened since
				c.v.Release()
			}
			cursors = nil
			m.tx.RollbackTo(marks[j].s)
			m.rows, m.data = maps.Clone(marks[j].rows), maps.Clone(marks[j].data)
			marks = marks[:j+1]
		case k == 2 && len(marks) > 0:
			j := rapid.IntRange(0, len(marks)-1).Draw(m.rt, "mark")
			m.tx.Release(marks[j].s)
			marks = marks[:j]
		case k == 3:
			v := m.tx.Command()
			rows, _ := m.clone()
			cursors = append(cursors, cursor{v, rows})
		default:
			m.command()
		}
		for _, c := range cursors {
			m.compare(c.v, c.rows)
		}
	}
	return rapid.Bool().Draw(m.rt, "commit")
}

// command changes some rows. Its own view shows none of that, the next one all.
func (m *model) command() {
	before, _ := m.clone()
	v := m.tx.Command()
	touched := map[projections.RowID]bool{}
	for i := rapid.IntRange(1, 4).Draw(m.rt, "changes"); i > 0; i-- {
		ids := slices.Sorted(maps.Keys(m.rows))
		data := row(int64(rapid.IntRange(1, 12).Draw(m.rt, "id")), rapid.SampledFrom([]string{"a", "b", "c"}).Draw(m.rt, "name"), int64(i))
		if rapid.IntRange(0, 7).Draw(m.rt, "null") == 0 {
			data[0] = types.NullDatum
		}
		holder := projections.RowID(0)
		for id, r := range m.data {
			if !r[0].Null && !data[0].Null && r[0].I == data[0].I {
				holder = id
			}
		}
		var uv *UniqueViolation
		switch k := rapid.IntRange(0, 3).Draw(m.rt, "change"); {
		case k < 2 || len(ids) == 0:
			id, err := m.tx.Insert(ctx, m.def, data)
			if holder != 0 {
				if !errors.As(err, &uv) || uv.Row != holder || uv.Index != 0 {
					m.rt.Fatalf("inserting %s, which row %d has: %v", show(data), holder, err)
				}
				continue
			}
			must(m.rt, err)
			touched[id] = true
			m.set(id, data)
		default:
			id := ids[rapid.IntRange(0, len(ids)-1).Draw(m.rt, "row")]
			out, err := m.tx.LockRow(ctx, v, m.def, id, ForUpdate, WaitBlock, "users")
			must(m.rt, err)
			if touched[id] {
				if out != SelfModified {
					m.rt.Fatalf("row %d was changed by this command, but the outcome is %d", id, out)
				}
				continue
			}
			if out != Unchanged {
				m.rt.Fatalf("row %d: outcome %d", id, out)
			}
			old := make([]types.Datum, 3)
			if found, err := m.tx.Latest(m.def, m.def.Decoder(), id, old); !found || err != nil || show(old) != m.rows[id] {
				m.rt.Fatalf("the latest version of row %d is %s, not %s (%v)", id, show(old), m.rows[id], err)
			}
			if k == 2 {
				must(m.rt, m.tx.Delete(ctx, m.def, id))
				delete(m.rows, id)
				delete(m.data, id)
			} else {
				if rapid.Bool().Draw(m.rt, "know the old row") {
					err = m.tx.Update(ctx, m.def, id, old, data)
				} else {
					err = m.tx.Update(ctx, m.def, id, nil, data)
				}
				if holder != 0 && holder != id {
					if !errors.As(err, &uv) || uv.Row != holder {
						m.rt.Fatalf("updating row %d to %s, which row %d has: %v", id, show(data), holder, err)
					}
					continue
				}
				must(m.rt, err)
				m.set(id, data)
			}
			touched[id] = true
		}
	}
	m.compare(v, before)
	v.Release()
	v = m.tx.Command()
	m.compare(v, m.rows)
	v.Release()
}

func (m *model) set(id projections.RowID, data []types.Datum) {
	m.rows[id] = show(data)
	m.data[id] = data
}

// compare reads the table in every way and compares with what it should be.
func (m *model) compare(v *View, rows map[projections.RowID]string) {
	m.rt.Helper()
	var want []string
	ids := slices.Sorted(maps.Keys(rows))
	for _, id := range ids {
		want = append(want, fmt.Sprintf("%d:%s", id, rows[id]))
	}
	limit := rapid.SampledFrom([]int{1, 2, 1000}).Draw(m.rt, "limit")
	if got := scanRows(m.rt, v, m.def, limit, false); !slices.Equal(got, want) {
		m.rt.Fatalf("a scan shows\n%q\nnot\n%q", got, want)
	}
	back := slices.Clone(want)
	slices.Reverse(back)
	if got := scanRows(m.rt, v, m.def, limit, true); !slices.Equal(got, back) {
		m.rt.Fatalf("a backward scan shows\n%q\nnot\n%q", got, back)
	}
	// By the name index: in the order of (name, row id), one name, and index-only.
	name := func(s string) string {
		var id projections.RowID
		var a, b, c string
		for i, f := range splitShown(s) {
			switch i {
			case 0:
				fmt.Sscan(f, &id)
			case 1:
				a = f
			case 2:
				b = f
			default:
				c = f
			}
		}
		_, _ = a, c
		return b
	}
	byName := slices.Clone(want)
	slices.SortStableFunc(byName, func(a, b string) int { return cmp.Compare(name(a), name(b)) })
	if got := scanIndex(m.rt, v, m.def, 1, projections.KeySpan{}, limit, false); !slices.Equal(got, byName) {
		m.rt.Fatalf("the index on name shows\n%q\nnot\n%q", got, byName)
	}
	slices.Reverse(byName)
	if got := scanIndex(m.rt, v, m.def, 1, projections.KeySpan{}, limit, true); !slices.Equal(got, byName) {
		m.rt.Fatalf("backwards the index on name shows\n%q\nnot\n%q", got, byName)
	}
	span, _ := m.def.Indexes[1].Span([]types.Datum{types.Str("b")}, nil, nil)
	var onlyB []string
	for _, s := range want {
		if name(s) == "b" {
			onlyB = append(onlyB, s)
		}
	}
	if got := scanIndex(m.rt, v, m.def, 1, span, limit, false); !slices.Equal(got, onlyB) {
		m.rt.Fatalf("the index shows for b\n%q\nnot\n%q", got, onlyB)
	}
	dec, ok := projections.NewIndexDecoder(m.def, 1, []int{1, 2})
	if !ok {
		m.t.Fatal("not index-only")
	}
	s := v.Index(m.def, 1, span, IndexScanOptions{Entries: dec})
	batch := newBatch(m.def)
	batch.Cols = batch.Cols[:2]
	count := 0
	for {
		n, err := s.Next(batch, limit)
		must(m.rt, err)
		if n == 0 {
			break
		}
		for i := 0; i < n; i++ {
			shown := rows[s.IDs()[i]]
			if f := show([]types.Datum{batch.Cols[0].Datum(i), batch.Cols[1].Datum(i)}); len(shown) < len(f) || shown[:len(f)] != f {
				m.rt.Fatalf("index-only row %d is %s, not %s", s.IDs()[i], f, shown)
			}
		}
		count += n
	}
	must(m.rt, s.Close())
	if count != len(onlyB) {
		m.rt.Fatalf("%d entries for %d rows", count, len(onlyB))
	}
	// By key and by row id.
	got := make([]types.Datum, 3)
	for id := int64(1); id <= 12; id++ {
		found := projections.RowID(0)
		for r, s := range rows {
			if splitShown(fmt.Sprintf("0:%s", s))[1] == fmt.Sprint(id) {
				found = r
			}
		}
		key := m.def.Indexes[0].AppendKeyPart(nil, 0, types.Int(id))
		if r, ok, err := v.LookupUnique(m.def, 0, key); err != nil || ok != (found != 0) || ok && r != found {
			m.rt.Fatalf("key %d is row %d (%v), not %d: %v", id, r, ok, found, err)
		}
	}
	for id := projections.RowID(1); id < 10; id++ {
		ok, err := v.Get(m.def, m.def.Decoder(), id, got)
		must(m.rt, err)
		if want, there := rows[id]; ok != there || ok && show(got) != want {
			m.rt.Fatalf("row %d is %s (%v), not %s (%v)", id, show(got), ok, want, there)
		}
	}
}

// splitShown splits "row:id,name,n".
func splitShown(s string) (f []string) {
	at := 0
	for i := 0; i < len(s); i++ {
		if s[i] == ':' || s[i] == ',' {
			f = append(f, s[at:i])
			at = i + 1
		}
	}
	return append(f, s[at:])
}

// A large transaction goes into the log in chunks; the events replayed make the same state.
func TestChunkedCommit(t *testing.T) {
	n := newNode(t, Options{ChunkBytes: 10_000})
	n.create(t, usersTable(100, 1000))
	def := usersTable(100, 1000)
	b := n.backend()
	tx := b.Begin(TxnOptions{})
	tx.Command().Release()
	for i := int64(0); i < 3000; i++ {
		if _, err := tx.Insert(ctx, def, row(i, fmt.Sprint("name", i%7), i)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := tx.Commit(ctx)
	must(t, err)
	kinds := map[log.Kind]int{}
	for _, ev := range n.group.events {
		kinds[ev.Kind]++
	}
	if kinds[log.KindChunk] < 5 {
		t.Fatalf("events are %v", kinds)
	}
	tx = b.Begin(TxnOptions{})
	v := tx.Command()
	if got := scanRows(t, v, def, 0, false); len(got) != 3000 {
		t.Fatalf("%d rows", len(got))
	}
	v.Release()
	tx.Rollback()
	if _, err := n.store.Verify(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	n.stop()
}

// A bulk load that is cut off leaves nothing: neither when it is rolled back, nor when the node dies. While it runs it sees its own rows, others
// do not; and a row that was spilled can be changed.
func TestSpilledLoad(t *testing.T) {
	n := newNode(t, Options{SpillBytes: 20_000})
	def := usersTable(100, 1000)
	n.create(t, def)
	b, other := n.backend(), n.backend()
	load := func(tx *Txn) {
		tx.Command().Release()
		for i := int64(1); i <= 2000; i++ {
			if _, err := tx.Insert(ctx, def, row(i, fmt.Sprint("name", i%7), i)); err != nil {
				t.Fatal(err)
			}
		}
		if tx.spill.chunks < 2 || tx.mem.bytes > 60_000 {
			t.Fatalf("%d chunks were spilled, %d bytes are left", tx.spill.chunks, tx.mem.bytes)
		}
	}
	count := func(b *Backend, tx *Txn, want int) {
		t.Helper()
		own := tx == nil
		if own {
			tx = b.Begin(TxnOptions{})
			defer tx.Rollback()
		}
		v := tx.Command()
		defer v.Release()
		if got := len(scanRows(t, v, def, 0, false)); got != want {
			t.Fatalf("%d rows, not %d", got, want)
		}
		if got := len(scanIndex(t, v, def, 1, projections.KeySpan{}, 0, true)); got != want {
			t.Fatalf("%d rows by the index, not %d", got, want)
		}
	}
	tx := b.Begin(TxnOptions{})
	load(tx)
	count(b, tx, 2000)
	count(other, nil, 0)
	tx.Rollback()
	n.background.Wait()
	count(other, nil, 0)

	tx = b.Begin(TxnOptions{})
	load(tx)
	n.group.mu.Lock()
	events := slices.Clone(n.group.events)
	n.group.mu.Unlock()
	again := restart(t, vfs.NewMem(), events) // the log as it was when the node died
	if xids, err := again.store.PendingChunks(); err != nil || len(xids) > 0 {
		t.Fatalf("chunks of %v are left (%v)", xids, err)
	}
	again.stop()

	v := tx.Command()
	r, found, err := v.LookupUnique(def, 0, def.Indexes[0].AppendKeyPart(nil, 0, types.Int(5)))
	if err != nil || !found {
		t.Fatalf("row 5 is not there (%v)", err)
	}
	var uv *UniqueViolation
	if _, err := tx.Insert(ctx, def, row(5, "again", 0)); !errors.As(err, &uv) || uv.Row != r {
		t.Fatalf("inserting key 5 again: %v", err)
	}
	if out, err := tx.LockRow(ctx, v, def, r, ForUpdate, WaitBlock, "t"); out != Unchanged || err != nil {
		t.Fatalf("outcome %d (%v)", out, err)
	}
	must(t, tx.Update(ctx, def, r, nil, row(9999, "changed", 0)))
	_, err = tx.LockRow(ctx, v, def, r+1, ForUpdate, WaitBlock, "t")
	must(t, err)
	must(t, tx.Delete(ctx, def, r+1))
	v.Release()
	v = tx.Command()
	for id := int64(5); id <= 6; id++ { // both keys are free again
		_, err = tx.Insert(ctx, def, row(id, "new", 0))
		must(t, err)
	}
	v.Release()
	count(b, tx, 2001)
	_, err = tx.Commit(ctx)
	must(t, err)
	count(other, nil, 2001)
	if _, err := n.store.Verify(ctx, nil); err != nil {
		t.Fatal(err)
	}
	n.stop()
}

// The sorted list behind write sets, against a plain slice.
func TestList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l list[int]
		var want []int
		for i := rapid.IntRange(0, 600).Draw(t, "n"); i > 0; i-- {
			x := rapid.IntRange(0, 400).Draw(t, "x")
			c, k := l.seek(func(y *int) bool { return *y < x })
			at, found := slices.BinarySearch(want, x)
			if p := l.at(c, k); (p != nil && *p == x) != found {
				t.Fatalf("found %v", found)
			}
			switch {
			case found:
				l.remove(c, k)
				want = slices.Delete(want, at, at+1)
			default:
				l.insert(c, k, x)
				want = slices.Insert(want, at, x)
			}
		}
		var got, back []int
		for c, i := 0, 0; l.at(c, i) != nil; c, i = l.next(c, i) {
			got = append(got, *l.at(c, i))
		}
		for c, i := l.prev(len(l.chunks), 0); l.at(c, i) != nil; c, i = l.prev(c, i) {
			back = append(back, *l.at(c, i))
		}
		slices.Reverse(back)
		if !slices.Equal(got, want) || !slices.Equal(back, want) || l.n != len(want) {
			t.Fatalf("the list is %v, backwards %v, not %v", got, back, want)
		}
	})
}
