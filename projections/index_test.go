package projections

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kimberlite/log"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// testEvaluator knows two expressions over (id, name, n): "n%3" and "n>5".
type testEvaluator struct{ fail bool }

func (e *testEvaluator) Compile(_ *TableDef, expr []byte) (func(row []types.Datum) (types.Datum, error), error) {
	return func(row []types.Datum) (types.Datum, error) {
		if e.fail {
			return types.Datum{}, errors.New("division by zero")
		}
		switch {
		case row[2].Null:
			return types.NullDatum, nil
		case string(expr) == "n%3":
			return types.Int(row[2].I % 3), nil
		default:
			return types.Bool(row[2].I > 5), nil
		}
	}, nil
}

// Expression and partial indexes, and unique ones with NULLs of both kinds: made over existing rows and maintained, checked by Verify.
func TestExpressionAndPartialIndexes(t *testing.T) {
	ev := &testEvaluator{}
	s, err := Open(Options{FS: vfs.NewMem(), Dir: "db", Evaluator: ev})
	must(t, err)
	p := NewProjector(s, ProjectorOptions{})
	var l memLog
	apply := func(tx *Transaction) {
		t.Helper()
		must(t, p.Apply([]log.Event{l.txn(tx)}))
	}
	def := testTable(100, 1000)
	enc := def.Encoder()
	apply(&Transaction{Tables: []TableOp{{100, def}}})
	rows := TableRows{Storage: 1000}
	for i := int64(1); i <= 9; i++ {
		rows.Ops = append(rows.Ops, RowOp{OpInsert, RowID(i), enc.Append(nil, testRow(i, "x", i))})
	}
	apply(&Transaction{Rows: []TableRows{rows}})

	next := *def
	next.Indexes = append(append([]IndexDef(nil), def.Indexes...),
		IndexDef{Index: 110, Storage: 1010, Parts: []IndexPart{{Expr: []byte("n%3"), Key: types.OIDInt4}}},
		IndexDef{Index: 111, Storage: 1011, Unique: true, Parts: []IndexPart{{Att: 1, Key: types.OIDInt8}}, Predicate: []byte("n>5")},
		IndexDef{Index: 112, Storage: 1012, Unique: true, Parts: []IndexPart{{Att: 3, Key: types.OIDInt4}}},
		IndexDef{Index: 113, Storage: 1013, Unique: true, NullsNotDistinct: true, Parts: []IndexPart{{Att: 3, Key: types.OIDInt4}}, Include: []int{2}})
	var built []types.OID
	p.opts.Building = func(index types.OID, _, _ int64) { built = append(built, index) }
	apply(&Transaction{Tables: []TableOp{{100, &next}}, Rows: []TableRows{{Storage: 1000, Ops: []RowOp{
		{OpUpdate, 3, enc.Append(nil, testRow(3, "y", 30))},  // into the partial index
		{OpUpdate, 7, enc.Append(nil, testRow(7, "y", -1))},  // out of it
		{OpUpdate, 8, enc.Append(nil, testRow(80, "y", 80))}, // within it
		{OpDelete, 9, nil},
		{OpInsert, 10, enc.Append(nil, []types.Datum{types.Int(10), types.NullDatum, types.NullDatum})},
	}}}})
	if _, err := s.Verify(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	sn := s.Snapshot()
	keys := func(ix int, span KeySpan) (out string) {
		it := sn.Index(&next.Indexes[ix], span)
		for ok := it.First(); ok; ok = it.Next() {
			out += fmt.Sprint(it.RowID(), " ")
		}
		must(t, it.Close())
		return out
	}
	mod0, _ := next.Indexes[2].Span([]types.Datum{types.Int(0)}, nil, nil)
	if got := keys(2, mod0); got != "3 6 " {
		t.Errorf("n %% 3 = 0: rows %s", got)
	}
	if got := keys(3, KeySpan{}); got != "3 6 8 " {
		t.Errorf("the partial index has rows %s", got)
	}
	null, _ := next.Indexes[4].Span([]types.Datum{types.NullDatum}, nil, nil)
	if got := keys(4, null); got != "10 " {
		t.Errorf("n IS NULL: rows %s", got)
	}
	if row, found, err := sn.UniqueRow(&next.Indexes[5], null.Start); err != nil || !found || row != 10 {
		t.Errorf("the one NULL of the index is row %d (%v, %v)", row, found, err)
	}
	sn.Release()

	// Sizes and state, for the views.
	must(t, s.Flush())
	size, err := s.Size(&next)
	if err != nil || size.Rows != 9 || size.RowBytes == 0 || size.IndexBytes == 0 {
		t.Errorf("the table's size is %+v (%v)", size, err)
	}
	st, err := s.Status()
	if err != nil || len(st) != 4 || st[0].Entries != 9 || st[0].Applied != 3 || st[0].Durable != 3 || st[3].Entries != 1 {
		t.Errorf("the projections are %+v (%v)", st, err)
	}
	if d, n := s.TableDigest(1000); n != 9 || d == (Digest{}) {
		t.Errorf("the table's digest is %v of %d rows", d, n)
	}

	// An expression that fails at apply stops the node: the leader had computed it before.
	ev.fail = true
	err = p.Apply([]log.Event{l.txn(&Transaction{Rows: []TableRows{{Storage: 1000, Ops: []RowOp{{OpDelete, 1, nil}}}}})})
	if err == nil || s.Applied() != 3 {
		t.Errorf("applied to %d: %v", s.Applied(), err)
	}
	must(t, s.Close())
}

func TestSameLayout(t *testing.T) {
	fixed := func(oid types.OID) ColumnDef { return ColumnDef{Type: oid} }
	text, numeric := ColumnDef{Type: types.OIDText, Class: types.Bytes}, ColumnDef{Type: types.OIDNumeric, Class: types.Bytes}
	for _, c := range []struct {
		a, b ColumnDef
		want bool
	}{{text, numeric, true}, {fixed(types.OIDInt4), fixed(types.OIDInt8), false}, {fixed(types.OIDInt4), fixed(types.OIDDate), true},
		{fixed(types.OIDInt4), fixed(types.OIDOid), false}, {text, fixed(types.OIDInt8), false}, {fixed(types.OIDInt8), fixed(types.OIDTimestamp), true}} {
		if got := SameLayout(c.a, c.b); got != c.want {
			t.Errorf("%v and %v: %v", c.a, c.b, got)
		}
	}
}

// Pebble itself reports damage in its files; what the client gets is data corruption, never a wrong row.
func TestDamagedFile(t *testing.T) {
	fs := vfs.NewMem()
	w := newWorld(9)
	for len(w.log.events) < 60 {
		w.step()
	}
	s := openStore(t, fs, &w.log)
	must(t, NewProjector(s, ProjectorOptions{}).Apply(w.log.events))
	must(t, s.Close())
	names, err := fs.List("db")
	must(t, err)
	flipped := 0
	for _, name := range names {
		if len(name) < 4 || name[len(name)-4:] != ".sst" {
			continue
		}
		path := fs.PathJoin("db", name)
		f, err := fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
		must(t, err)
		st, err := f.Stat()
		must(t, err)
		b := make([]byte, 1)
		at := st.Size() / 3
		_, err = f.ReadAt(b, at)
		must(t, err)
		b[0] ^= 1
		_, err = f.WriteAt(b, at)
		must(t, err)
		must(t, f.Close())
		flipped++
	}
	if flipped == 0 {
		t.Fatal("no table file to damage")
	}
	for _, readOnly := range []bool{true, false} {
		var mu sync.Mutex
		told := 0
		s, err = Open(Options{FS: fs, Dir: "db", ReadOnly: readOnly, Corruption: func(string, error) { mu.Lock(); told++; mu.Unlock() }})
		if err == nil {
			_, err = s.Verify(context.Background(), nil)
			_ = s.Close() // may well fail
		}
		var pe *pgerr.Error
		if !errors.As(err, &pe) || pe.Code != pgerr.DataCorrupted {
			t.Errorf("the damage is reported as %v", err)
		}
		mu.Lock()
		if told == 0 {
			t.Error("nobody was told")
		}
		mu.Unlock()
	}
}
