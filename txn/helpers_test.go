package txn

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kimberlite/log"
	"kimberlite/projections"
	"kimberlite/sql/types"
)

// memGroup is a consensus group of one in memory: it applies what is proposed at once.
type memGroup struct {
	mu     sync.Mutex
	p      *projections.Projector
	events []log.Event
	keep   bool
	// fail, if set, is asked before an event is taken.
	fail func(kind log.Kind) error
}

func (g *memGroup) Propose(_ context.Context, kind log.Kind, payload []byte) (log.Position, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.fail != nil {
		if err := g.fail(kind); err != nil {
			return 0, err
		}
	}
	ev := log.Event{Position: g.p.AppliedPosition() + 1, View: 1, Kind: kind, Payload: payload}
	if g.keep {
		g.events = append(g.events, ev)
	}
	return ev.Position, g.p.Apply([]log.Event{ev})
}

func (g *memGroup) Read(from, to log.Position, _ int64) ([]log.Event, error) {
	return g.events[from-1 : to-1], nil
}

type node struct {
	*Manager
	group *memGroup
	store *projections.Store
	fs    vfs.FS
	pid   int32
}

func newNode(t testing.TB, opts Options) *node {
	t.Helper()
	return openNode(t, vfs.NewMem(), opts)
}

func openNode(t testing.TB, fs vfs.FS, opts Options) *node {
	t.Helper()
	group := &memGroup{keep: true}
	store, err := projections.Open(projections.Options{FS: fs, Dir: "db", Events: group})
	if err != nil {
		t.Fatal(err)
	}
	group.p = projections.NewProjector(store, projections.ProjectorOptions{})
	n := &node{group: group, store: store, fs: fs}
	opts.Store, opts.Proposer = store, n.group
	if n.Manager, err = NewManager(opts); err != nil {
		t.Fatal(err)
	}
	must(t, n.Start(context.Background()))
	return n
}

// stop ends what the manager does in the background and closes the store.
func (n *node) stop() {
	_ = n.Close(ctx) // the group may be broken on purpose
	_ = n.store.Close()
}

func (n *node) backend() *Backend {
	n.pid++
	return n.NewBackend(BackendInfo{PID: n.pid, Database: 5, Role: 10})
}

// failer is what *testing.T and *rapid.T share.
type failer interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func must(t failer, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var ctx = context.Background()

// usersTable is (id int8, name text, n int4) with a unique index on id and an index on name.
func usersTable(table types.OID, storage projections.StorageID) *projections.TableDef {
	return &projections.TableDef{
		Table: table, Database: 5, Storage: storage,
		Columns: []projections.ColumnDef{
			{Type: types.OIDInt8, Class: types.Fixed}, {Type: types.OIDText, Class: types.Bytes}, {Type: types.OIDInt4, Class: types.Fixed},
		},
		Indexes: []projections.IndexDef{
			{Index: table + 1, Storage: storage + 1, Unique: true, Parts: []projections.IndexPart{{Att: 1, Key: types.OIDInt8}}},
			{Index: table + 2, Storage: storage + 2, Parts: []projections.IndexPart{{Att: 2, Key: types.OIDText}}, Include: []int{1}},
		},
	}
}

func row(id int64, name string, n int64) []types.Datum {
	return []types.Datum{types.Int(id), types.Str(name), types.Int(n)}
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

// create puts the table's definition into the log.
func (n *node) create(t testing.TB, def *projections.TableDef) {
	t.Helper()
	b := n.backend()
	defer b.Close()
	tx := b.Begin(TxnOptions{})
	tx.PutTable(def.Table, def)
	_, err := tx.Commit(ctx)
	must(t, err)
}

func newBatch(def *projections.TableDef) *types.Batch {
	b := &types.Batch{}
	for _, c := range def.Columns {
		b.Cols = append(b.Cols, types.NewVec(types.Of(c.Type), c.Class))
	}
	return b
}

// scanRows reads a whole table through a view: "row:values".
func scanRows(t failer, v *View, def *projections.TableDef, limit int, reverse bool) (out []string) {
	t.Helper()
	s := v.Rows(def, def.Decoder(), 0, projections.RowMax, reverse)
	b := newBatch(def)
	for {
		n, err := s.Next(b, limit)
		must(t, err)
		if n == 0 {
			break
		}
		out = append(out, batchRows(b, s.IDs())...)
	}
	must(t, s.Close())
	return out
}

func batchRows(b *types.Batch, ids []projections.RowID) (out []string) {
	for i := 0; i < b.N; i++ {
		var row []types.Datum
		for _, c := range b.Cols {
			row = append(row, c.Datum(i))
		}
		out = append(out, fmt.Sprintf("%d:%s", ids[i], show(row)))
	}
	return out
}

// scanIndex reads the rows of a span through an index.
func scanIndex(t failer, v *View, def *projections.TableDef, ix int, span projections.KeySpan, limit int, reverse bool) (out []string) {
	t.Helper()
	s := v.Index(def, ix, span, IndexScanOptions{Rows: def.Decoder(), Reverse: reverse})
	b := newBatch(def)
	for {
		n, err := s.Next(b, limit)
		must(t, err)
		if n == 0 {
			break
		}
		out = append(out, batchRows(b, s.IDs())...)
	}
	must(t, s.Close())
	return out
}
