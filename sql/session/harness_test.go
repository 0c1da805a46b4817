package session

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kimberlite/log"
	"kimberlite/pgwire"
	"kimberlite/projections"
	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
	"kimberlite/txn"
)

// node is what an engine stands on, in memory: events are applied at once, without consensus and log.
type node struct {
	t       testing.TB
	e       *Engine
	store   *projections.Store
	catalog atomic.Pointer[catalog.Snapshot]
	proj    *projections.Projector
	pids    int32

	mu       sync.Mutex
	position log.Position
	hash     log.Hash
}

func newNode(t testing.TB, settings map[string]string) *node {
	t.Helper()
	n := &node{t: t}
	n.catalog.Store(catalog.NewSnapshot())
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	n.store, err = projections.Open(projections.Options{FS: vfs.NewMem(), Dir: "db"})
	check(err)
	t.Cleanup(func() { _ = n.store.Close() })
	n.proj = projections.NewProjector(n.store, projections.ProjectorOptions{
		CatalogChanged: func(_ log.Position, ops []projections.CatalogOp, _ []projections.TableOp) {
			next, err := n.catalog.Load().ApplyLog(ops)
			if err != nil {
				panic(err)
			}
			n.catalog.Store(next)
		},
		Notified: func(p log.Position, db types.OID, notes []projections.Notification) { n.e.Notified(p, db, notes) },
	})
	var ops []projections.CatalogOp
	for _, op := range catalog.Bootstrap() {
		ops = append(ops, op.Log())
	}
	_, err = n.Propose(context.Background(), log.KindCatalog, projections.EncodeTransaction(nil, &projections.Transaction{Role: catalog.SuperuserOID, Catalog: ops}))
	check(err)
	m, err := txn.NewManager(txn.Options{Store: n.store, Proposer: n})
	check(err)
	check(m.Start(context.Background()))
	n.e, err = New(Options{Manager: m, Store: n.store, Catalog: n.catalog.Load, Settings: settings, TempDir: t.TempDir()})
	check(err)
	return n
}

// Propose implements txn.Proposer.
func (n *node) Propose(_ context.Context, kind log.Kind, payload []byte) (log.Position, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.position++
	ev := log.Event{Position: n.position, View: 1, Kind: kind, Payload: payload}
	ev.Hash = sha256.Sum256(append(binary.BigEndian.AppendUint64(n.hash[:], uint64(ev.Position)), payload...))
	n.hash = ev.Hash
	return ev.Position, n.proj.Apply([]log.Event{ev})
}

// client is a session with somebody at its other end.
type client struct {
	t testing.TB
	*Session
	out results
}

func (n *node) connect() *client {
	n.t.Helper()
	n.pids++
	s, err := n.e.NewSession(context.Background(), pgwire.StartupInfo{User: "postgres", Database: "postgres", PID: 1000 + n.pids, Start: time.Now()})
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(s.Close)
	return &client{t: n.t, Session: s.(*Session)}
}

// try runs a query string and returns its rows, columns divided by bars, and then its tags.
func (c *client) try(sql string, data ...string) (string, error) {
	c.out = results{data: data}
	err := c.SimpleQuery(context.Background(), sql, &c.out)
	c.Idle()
	return c.out.String(), err
}

// run is try for what must work.
func (c *client) run(sql string, data ...string) string {
	c.t.Helper()
	out, err := c.try(sql, data...)
	if err != nil {
		c.t.Fatalf("%s: %v", sql, err)
	}
	return out
}

// want compares.
func (c *client) want(want, sql string) {
	c.t.Helper()
	if got := c.run(sql); got != want {
		c.t.Errorf("%s:\n%s\nwant:\n%s", sql, got, want)
	}
}

// fails expects an error with the SQLSTATE.
func (c *client) fails(code, sql string) {
	c.t.Helper()
	if out, err := c.try(sql); err == nil || pgerr.From(err).Code != code {
		c.t.Errorf("%s: %v, %s; want an error %s", sql, err, out, code)
	}
}

// execute sends a statement by the extended protocol; max is the row limit of each Execute, which is repeated until the portal is done.
func (c *client) execute(sql string, max int, params ...string) string {
	c.t.Helper()
	ctx := context.Background()
	check := func(err error) {
		c.t.Helper()
		if err != nil {
			c.t.Fatalf("%s: %v", sql, err)
		}
	}
	c.out = results{}
	raw := make([][]byte, len(params))
	for i, p := range params {
		raw[i] = []byte(p)
	}
	check(c.Parse(ctx, "", sql, nil))
	check(c.Bind(ctx, "", "", nil, raw, nil))
	for more := true; more; {
		c.out.suspended = false
		check(c.Execute(ctx, "", max, &c.out))
		more = c.out.suspended
	}
	check(c.Sync(ctx))
	c.Idle()
	return c.out.String()
}

// results is a pgwire.Writer that keeps everything as text.
type results struct {
	lines     []string
	notices   []*pgerr.Error
	suspended bool
	io        *types.Ctx
	cols      []pgwire.Column
	data      []string // for COPY FROM STDIN
	asked     func(left int)
}

func (r *results) String() string { return strings.Join(r.lines, "\n") }

func (r *results) add(line string) { r.lines = append(r.lines, line) }

func (r *results) RowDescription([]pgwire.Column, []int16) error { return nil }

func (r *results) StartRows(io *types.Ctx, cols []pgwire.Column, _ []int16) { r.io, r.cols = io, cols }

func (r *results) Row(row []types.Datum) error {
	cells := make([]string, len(r.cols))
	for i, d := range row {
		if cells[i] = "NULL"; !d.Null {
			cells[i] = types.Text(r.io, r.cols[i].T, d)
		}
	}
	r.add(strings.Join(cells, "|"))
	return nil
}

func (r *results) Batch(b *types.Batch) error {
	row := make([]types.Datum, len(r.cols))
	for i := range b.Rows() {
		for k := range row {
			row[k] = b.Cols[k].Datum(b.Row(i))
		}
		if err := r.Row(row); err != nil {
			return err
		}
	}
	return nil
}

func (r *results) CommandComplete(tag string) { r.add(tag) }

func (r *results) CommandCompleteRows(prefix string, n int64) {
	r.add(prefix + " " + strconv.FormatInt(n, 10))
}

func (r *results) EmptyQuery()                        {}
func (r *results) PortalSuspended()                   { r.suspended = true }
func (r *results) Notice(n *pgerr.Error)              { r.notices = append(r.notices, n) }
func (r *results) ParameterStatus(string, string)     {}
func (r *results) Notification(int32, string, string) {}
func (r *results) CopyOut(int, bool) error            { return nil }
func (r *results) CopyDone()                          {}
func (r *results) Flush() error                       { return nil }

func (r *results) CopyData(row []byte) error {
	r.add(strings.TrimSuffix(string(row), "\n"))
	return nil
}

func (r *results) CopyIn(int, bool) (pgwire.CopyReader, error) { return r, nil }

// Next implements pgwire.CopyReader.
func (r *results) Next() ([]byte, error) {
	if r.asked != nil {
		r.asked(len(r.data))
	}
	if len(r.data) == 0 {
		return nil, io.EOF
	}
	next := r.data[0]
	r.data = r.data[1:]
	return []byte(next + "\n"), nil
}
