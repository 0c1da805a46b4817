package compat

import (
	"context"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// TPC-B at a small scale: pgbench's tables and its built-in transaction, with an id of the client's own in each row of history.
const (
	tpcbBranches = 4
	tpcbTellers  = 10 * tpcbBranches
	tpcbAccounts = 1000 * tpcbBranches
	tpcbClients  = 8
	tpcbKills    = 10
)

const tpcbTables = `
CREATE TABLE pgbench_branches (bid int PRIMARY KEY, bbalance int, filler char(88));
CREATE TABLE pgbench_tellers (tid int PRIMARY KEY, bid int, tbalance int, filler char(84));
CREATE TABLE pgbench_accounts (aid int PRIMARY KEY, bid int, abalance int, filler char(84));
CREATE TABLE pgbench_history (id bigint, tid int, bid int, aid int, delta int, mtime timestamp, filler char(22));
`

// ledger has what the clients know: the ids of transactions whose COMMIT was answered, and of those whose answer never came.
type ledger struct {
	mu                 sync.Mutex
	acknowledged, open map[int64]bool
}

func newLedger() *ledger { return &ledger{acknowledged: map[int64]bool{}, open: map[int64]bool{}} }

// began notes a transaction that is about to commit, committed its answer.
func (l *ledger) began(id int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[id] = true
}

func (l *ledger) committed(id int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, id)
	l.acknowledged[id] = true
}

// tpcbClient runs transactions until the connection breaks. An error that the server answers is a failure: nothing here may fail.
func tpcbClient(ctx context.Context, t *testing.T, url string, first int64, l *ledger) {
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		return
	}
	defer c.Close(context.Background())
	rng := rand.New(rand.NewPCG(uint64(first), 1))
	for id := first; ; id++ {
		if err := tpcbTransaction(ctx, c, rng, id, l); err != nil {
			if strings.Contains(err.Error(), "SQLSTATE") {
				t.Errorf("transaction %d: %v", id, err)
			}
			return
		}
	}
}

func tpcbTransaction(ctx context.Context, c *pgx.Conn, rng *rand.Rand, id int64, l *ledger) error {
	aid, tid, delta := 1+rng.IntN(tpcbAccounts), 1+rng.IntN(tpcbTellers), rng.IntN(10001)-5000
	bid := 1 + rng.IntN(tpcbBranches)
	tx, err := c.Begin(ctx)
	if err != nil {
		return err
	}
	for _, q := range []struct {
		sql  string
		args []any
	}{
		{"UPDATE pgbench_accounts SET abalance = abalance + $1 WHERE aid = $2", []any{delta, aid}},
		{"SELECT abalance FROM pgbench_accounts WHERE aid = $1", []any{aid}},
		{"UPDATE pgbench_tellers SET tbalance = tbalance + $1 WHERE tid = $2", []any{delta, tid}},
		{"UPDATE pgbench_branches SET bbalance = bbalance + $1 WHERE bid = $2", []any{delta, bid}},
		{"INSERT INTO pgbench_history (id, tid, bid, aid, delta, mtime) VALUES ($1, $2, $3, $4, $5, CURRENT_TIMESTAMP)", []any{id, tid, bid, aid, delta}},
	} {
		if _, err := tx.Exec(ctx, q.sql, q.args...); err != nil {
			return err
		}
	}
	l.began(id)
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	l.committed(id)
	return nil
}

// check compares the tables with the ledger: nothing acknowledged is missing, nothing is there by half, twice, or unasked.
func (l *ledger) check(t *testing.T, c *pgx.Conn) {
	t.Helper()
	rows, err := c.Query(context.Background(), "SELECT id FROM pgbench_history")
	if err != nil {
		t.Fatal(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		t.Fatal(err)
	}
	missing := maps.Clone(l.acknowledged)
	for _, id := range ids {
		switch {
		case missing[id]:
			delete(missing, id)
		case l.open[id]: // committed, but the answer was lost
			delete(l.open, id)
			l.acknowledged[id] = true
		case l.acknowledged[id]:
			t.Fatalf("transaction %d is there twice", id)
		default:
			t.Fatalf("transaction %d is there, although no client committed it", id)
		}
	}
	if len(missing) > 0 {
		t.Fatalf("acknowledged transactions are missing: %v", missing)
	}
	clear(l.open) // did not happen, and must not later on
	wantText(t, c, "true", `SELECT (a = h AND b = h AND t = h)::text FROM (SELECT sum(abalance) AS a FROM pgbench_accounts) x, (SELECT sum(bbalance) AS b FROM pgbench_branches) y,
		(SELECT sum(tbalance) AS t FROM pgbench_tellers) z, (SELECT coalesce(sum(delta), 0) AS h FROM pgbench_history) w`)
	wantText(t, c, "true", "SELECT bool_and(ok)::text FROM kimberlite.verify()")
}

// TestTPCBSurvivesKills kills the server ten times in the middle of TPC-B. After each restart the four sums agree and all that clients saw committed is there.
func TestTPCBSurvivesKills(t *testing.T) {
	s := newServer(t)
	c := s.connect("postgres")
	mustExec(t, c, tpcbTables)
	mustExec(t, c, "INSERT INTO pgbench_branches SELECT i, 0 FROM generate_series(1, $1) AS i", tpcbBranches)
	mustExec(t, c, "INSERT INTO pgbench_tellers SELECT i, (i - 1) / 10 + 1, 0 FROM generate_series(1, $1) AS i", tpcbTellers)
	mustExec(t, c, "INSERT INTO pgbench_accounts SELECT i, (i - 1) / 1000 + 1, 0, '' FROM generate_series(1, $1) AS i", tpcbAccounts)
	l := newLedger()
	for life := range int64(tpcbKills) {
		before := len(l.acknowledged)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		var clients sync.WaitGroup
		for i := range int64(tpcbClients) {
			clients.Go(func() { tpcbClient(ctx, t, s.url("postgres"), (life*tpcbClients+i)*1_000_000, l) })
		}
		time.Sleep(time.Duration(400+rand.IntN(400)) * time.Millisecond)
		s.kill()
		clients.Wait()
		cancel()
		if len(l.acknowledged) == before {
			t.Error("no transaction was acknowledged in this life: the test tests nothing")
		}
		s.start()
		l.check(t, s.connect("postgres"))
		if t.Failed() {
			t.Fatalf("after kill %d", life+1)
		}
	}
	t.Logf("%d transactions acknowledged in %d lives", len(l.acknowledged), tpcbKills)
}
