package projections

import (
	"encoding/hex"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"kimberlite/sql/types"
)

func drawTransaction(t *rapid.T) *Transaction {
	oid := func() types.OID { return types.OID(rapid.Uint32().Draw(t, "oid")) }
	some := func(f func()) {
		for i := rapid.IntRange(0, 3).Draw(t, "n"); i > 0; i-- {
			f()
		}
	}
	data := func() []byte { return rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "data") }
	tx := &Transaction{XID: rapid.Uint64().Draw(t, "xid"), View: rapid.Uint64().Draw(t, "view"), CommitTime: rapid.Int64().Draw(t, "time"), Database: oid(), Role: oid(),
		App: rapid.String().Draw(t, "app"), Chunks: rapid.Uint32().Draw(t, "chunks")}
	some(func() { tx.Drops = append(tx.Drops, StorageID(oid())) })
	some(func() {
		op := TableOp{Table: oid()}
		if rapid.Bool().Draw(t, "put") {
			op.Def = testTable(oid(), StorageID(oid()))
			op.Def.Columns[1].Missing = types.Str("absent")
			op.Def.Columns[2].Missing = types.NullDatum
			op.Def.Indexes[1].Predicate = data()
			op.Def.Indexes[0].Deferrable = rapid.Bool().Draw(t, "deferrable")
		}
		tx.Tables = append(tx.Tables, op)
	})
	some(func() {
		rows := TableRows{Storage: StorageID(oid())}
		id := RowID(0)
		some(func() {
			id += RowID(rapid.Int64Range(1, 1<<40).Draw(t, "step"))
			op := RowOp{Op: rapid.SampledFrom([]RowOpKind{OpInsert, OpUpdate, OpDelete}).Draw(t, "op"), Row: id}
			if op.Op != OpDelete {
				op.Image = data()
			}
			rows.Ops = append(rows.Ops, op)
		})
		tx.Rows = append(tx.Rows, rows)
	})
	some(func() {
		op := CatalogOp{Kind: rapid.Byte().Draw(t, "kind"), OID: oid(), Deleted: rapid.Bool().Draw(t, "deleted")}
		if !op.Deleted {
			op.Data = data()
		}
		tx.Catalog = append(tx.Catalog, op)
	})
	some(func() {
		tx.Sequences = append(tx.Sequences, SequenceState{oid(), rapid.Int64().Draw(t, "last"), rapid.Bool().Draw(t, "called")})
	})
	some(func() { tx.SequenceDrops = append(tx.SequenceDrops, oid()) })
	some(func() {
		tx.Notifications = append(tx.Notifications, Notification{rapid.String().Draw(t, "channel"), rapid.String().Draw(t, "payload"), rapid.Int32().Draw(t, "pid")})
	})
	return tx
}

// plain makes empty and nil slices the same and drops compiled code, for comparison.
func plain(t *Transaction) *Transaction {
	for i := range t.Tables {
		if t.Tables[i].Def != nil {
			t.Tables[i].Def.code = nil
		}
	}
	for i := range t.Rows {
		if len(t.Rows[i].Ops) == 0 {
			t.Rows[i].Ops = nil
		}
		for k := range t.Rows[i].Ops {
			if len(t.Rows[i].Ops[k].Image) == 0 {
				t.Rows[i].Ops[k].Image = nil
			}
		}
	}
	for i := range t.Catalog {
		if len(t.Catalog[i].Data) == 0 {
			t.Catalog[i].Data = nil
		}
	}
	return t
}

// same compares two transactions; an empty slice is as good as none.
func same(a, b *Transaction) bool {
	va, vb := reflect.ValueOf(*a), reflect.ValueOf(*b)
	for i := 0; i < va.NumField(); i++ {
		fa, fb := va.Field(i), vb.Field(i)
		if fa.Kind() == reflect.Slice && fa.Len() == 0 && fb.Len() == 0 {
			continue
		}
		if !reflect.DeepEqual(fa.Interface(), fb.Interface()) {
			return false
		}
	}
	return true
}

func TestTransactionRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tx := drawTransaction(t)
		payload := EncodeTransaction(nil, tx)
		got, err := DecodeTransaction(payload)
		if err != nil {
			t.Fatal(err)
		}
		if !same(plain(got), plain(tx)) {
			t.Fatalf("\n%+v\nbecame\n%+v", tx, got)
		}
		// A transaction that is reused leaves nothing of the old one behind.
		var reused Transaction
		if err := reused.decode(EncodeTransaction(nil, drawTransaction(t))); err != nil {
			t.Fatal(err)
		}
		if err := reused.decode(payload); err != nil {
			t.Fatal(err)
		}
		if again := EncodeTransaction(nil, &reused); string(again) != string(payload) {
			t.Fatal("reuse changed the transaction")
		}
	})
}

// The encoding is frozen: it is under the chain hash.
func TestEventFormat(t *testing.T) {
	tx := &Transaction{XID: 7, View: 2, CommitTime: -3, Database: 5, Role: 10, App: "psql", Drops: []StorageID{300},
		Tables:  []TableOp{{Table: 9}, {Table: 100, Def: testTable(100, 200)}},
		Rows:    []TableRows{{Storage: 200, Ops: []RowOp{{OpInsert, 1, []byte("ab")}, {OpUpdate, 3, []byte("c")}, {OpDelete, 300, nil}}}},
		Catalog: []CatalogOp{{Kind: 3, OID: 100, Data: []byte("{}")}, {Kind: 3, OID: 101, Deleted: true}}, Sequences: []SequenceState{{120, -5, true}},
		SequenceDrops: []types.OID{121}, Notifications: []Notification{{"ch", "hello", 42}}}
	const want = "01070205050a047073716c0001ac020209006401016405c80100031400000100190100020017000001000265c901010101140000000066ca01000203" +
		"1703000219000001010001c8010301010261620202016303a90202036400027b7d036501017809010179010263680568656c6c6f54"
	if got := hex.EncodeToString(EncodeTransaction(nil, tx)); got != want {
		t.Errorf("the payload is\n%s\nnot\n%s", got, want)
	}
	if got := hex.EncodeToString(EncodeSequences(nil, []SequenceState{{120, 31, true}})); got != "0101783e01" {
		t.Errorf("sequences are %s", got)
	}
	if got := hex.EncodeToString(EncodeAbandon(nil, &Abandon{[]uint64{300}})); got != "0101ac02" {
		t.Errorf("abandon is %s", got)
	}
	if got := hex.EncodeToString(EncodeChunk(nil, &Chunk{XID: 7, View: 1, Number: 2, Rows: []TableRows{{Storage: 9, Ops: []RowOp{{OpDelete, 4, nil}}}}})); got != "010701020109010304" {
		t.Errorf("chunk is %s", got)
	}
}

func FuzzTransaction(f *testing.F) {
	f.Add(EncodeTransaction(nil, &Transaction{XID: 7, App: "psql", Drops: []StorageID{300}, Tables: []TableOp{{Table: 9}, {Table: 100, Def: testTable(100, 200)}},
		Rows:          []TableRows{{Storage: 200, Ops: []RowOp{{OpInsert, 1, []byte("ab")}, {OpDelete, 300, nil}}}},
		Catalog:       []CatalogOp{{Kind: 3, OID: 100, Data: []byte("{}")}},
		Notifications: []Notification{{"ch", "hello", 42}}}))
	f.Fuzz(func(t *testing.T, payload []byte) {
		tx, err := DecodeTransaction(payload)
		if err != nil {
			return
		}
		// There is one encoding only.
		if got := EncodeTransaction(nil, tx); string(got) != string(payload) {
			t.Fatalf("%x is encoded as %x", payload, got)
		}
	})
}

func FuzzOtherEvents(f *testing.F) {
	f.Add(EncodeChunk(nil, &Chunk{XID: 7, Number: 2, Rows: []TableRows{{Storage: 9, Ops: []RowOp{{OpDelete, 4, nil}}}}}))
	f.Add(EncodeSequences(nil, []SequenceState{{120, 31, true}}))
	f.Add(EncodeAbandon(nil, &Abandon{[]uint64{300}}))
	f.Add(EncodeCheckpoint(nil, &Checkpoint{Position: 3}))
	f.Fuzz(func(t *testing.T, payload []byte) {
		if c, err := DecodeChunk(payload); err == nil && string(EncodeChunk(nil, c)) != string(payload) {
			t.Fatal("chunk")
		}
		if s, err := DecodeSequences(payload); err == nil && string(EncodeSequences(nil, s)) != string(payload) {
			t.Fatal("sequences")
		}
		if a, err := DecodeAbandon(payload); err == nil && string(EncodeAbandon(nil, a)) != string(payload) {
			t.Fatal("abandon")
		}
		if c, err := DecodeCheckpoint(payload); err == nil && string(EncodeCheckpoint(nil, c)) != string(payload) {
			t.Fatal("checkpoint")
		}
	})
}
