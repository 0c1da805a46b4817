package projections

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kimberlite/log"
	"kimberlite/sql/types"
)

// memLog is an event log in memory: it gives positions and hashes, and can be replayed.
type memLog struct{ events []log.Event }

func (l *memLog) add(kind log.Kind, payload []byte) log.Event {
	ev := log.Event{Position: log.Position(len(l.events) + 1), View: 1, Kind: kind, Payload: payload}
	var prev log.Hash
	if n := len(l.events); n > 0 {
		prev = l.events[n-1].Hash
	}
	ev.Hash = sha256.Sum256(append(binary.BigEndian.AppendUint64(prev[:], uint64(ev.Position)), payload...))
	l.events = append(l.events, ev)
	return ev
}

func (l *memLog) txn(t *Transaction) log.Event {
	return l.add(log.KindTransaction, EncodeTransaction(nil, t))
}

func (l *memLog) Read(from, to log.Position, _ int64) ([]log.Event, error) {
	return l.events[from-1 : min(int(to)-1, int(from)+9, len(l.events))], nil
}

// testTable is a table (id int8, name text, n int4) with a unique index on id and an index on (n desc, name) that includes id.
func testTable(table types.OID, storage StorageID) *TableDef {
	return &TableDef{
		Table: table, Database: 5, Storage: storage,
		Columns: []ColumnDef{
			{Type: types.OIDInt8, Class: types.Fixed}, {Type: types.OIDText, Class: types.Bytes}, {Type: types.OIDInt4, Class: types.Fixed},
		},
		Indexes: []IndexDef{
			{Index: table + 1, Storage: storage + 1, Unique: true, Parts: []IndexPart{{Att: 1, Key: types.OIDInt8}}},
			{Index: table + 2, Storage: storage + 2, Parts: []IndexPart{{Att: 3, Key: types.OIDInt4, Desc: true, NullsFirst: true}, {Att: 2, Key: types.OIDText}}, Include: []int{1}},
		},
	}
}

func testRow(id int64, name string, n int64) []types.Datum {
	return []types.Datum{types.Int(id), types.Str(name), types.Int(n)}
}

func openStore(t testing.TB, fs vfs.FS, l *memLog) *Store {
	t.Helper()
	s, err := Open(Options{FS: fs, Dir: "db", Events: l, CacheBytes: 1 << 20, MemTableBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// dump reads a table through a snapshot: "row:id,name,n" by row id.
func dump(t testing.TB, sn *Snapshot, def *TableDef) map[RowID]string {
	t.Helper()
	out := map[RowID]string{}
	it := sn.Rows(def.Storage, 0, RowMax)
	row := make([]types.Datum, len(def.Columns))
	for ok := it.First(); ok; ok = it.Next() {
		must(t, def.Decoder().Datums(row, it.Image()))
		out[it.ID()] = show(row)
	}
	must(t, it.Close())
	return out
}

func show(row []types.Datum) string {
	s := ""
	for i, d := range row {
		if i > 0 {
			s += ","
		}
		switch {
		case d.Null:
			s += "-"
		case d.S != "":
			s += d.S
		default:
			s += fmt.Sprint(d.I)
		}
	}
	return s
}
