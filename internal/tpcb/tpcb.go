package tpcb

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	tellersOfBranch = 10
	// clientIDs is how many transactions a client may make before its ids meet those of the next one.
	clientIDs = 1_000_000
)

// Bank is the size of the tables.
type Bank struct{ Branches, Accounts int }

const tables = `
CREATE TABLE pgbench_branches (bid int PRIMARY KEY, bbalance int, filler char(88));
CREATE TABLE pgbench_tellers (tid int PRIMARY KEY, bid int, tbalance int, filler char(84));
CREATE TABLE pgbench_accounts (aid int PRIMARY KEY, bid int, abalance int, filler char(84));
CREATE TABLE pgbench_history (id bigint, tid int, bid int, aid int, delta int, mtime timestamp, filler char(22));
`

// Load makes and fills the tables.
func (b Bank) Load(ctx context.Context, c *pgx.Conn) error {
	if _, err := c.Exec(ctx, tables); err != nil {
		return err
	}
	for _, t := range []struct {
		sql  string
		rows int
	}{
		{"INSERT INTO pgbench_branches SELECT i, 0 FROM generate_series(1, $1) AS i", b.Branches},
		{"INSERT INTO pgbench_tellers SELECT i, (i - 1) / 10 + 1, 0 FROM generate_series(1, $1) AS i", b.Branches * tellersOfBranch},
		{"INSERT INTO pgbench_accounts SELECT i, 1, 0, '' FROM generate_series(1, $1) AS i", b.Accounts},
	} {
		if _, err := c.Exec(ctx, t.sql, t.rows); err != nil {
			return err
		}
	}
	return nil
}

// Client connects and runs transactions until the context ends or the connection breaks. number must be another one for each client of the ledger's life. An
// error that the server answers is returned: none of these transactions may fail.
func (b Bank) Client(ctx context.Context, connect func(context.Context) (*pgx.Conn, error), number int, l *Ledger) error {
	c, err := connect(ctx)
	if err != nil {
		return nil
	}
	defer c.Close(context.Background())
	rng := rand.New(rand.NewPCG(uint64(number), 1))
	for id := int64(number) * clientIDs; ctx.Err() == nil; id++ {
		if err := b.transaction(ctx, c, rng, id, l); err != nil {
			if pe := (*pgconn.PgError)(nil); errors.As(err, &pe) && pe.Severity == "ERROR" {
				return fmt.Errorf("transaction %d: %w", id, err)
			}
			return nil
		}
	}
	return nil
}

func (b Bank) transaction(ctx context.Context, c *pgx.Conn, rng *rand.Rand, id int64, l *Ledger) error {
	aid, tid, bid, delta := 1+rng.IntN(b.Accounts), 1+rng.IntN(b.Branches*tellersOfBranch), 1+rng.IntN(b.Branches), rng.IntN(10001)-5000
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
	l.asked(id)
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	l.answered(id)
	return nil
}
