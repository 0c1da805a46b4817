package tpcb

import (
	"context"
	"fmt"
	"maps"
	"sync"

	"github.com/jackc/pgx/v5"
)

// Ledger has what the clients know of their transactions, by id.
type Ledger struct {
	mu           sync.Mutex
	acknowledged map[int64]bool
	open         map[int64]bool // COMMIT was sent; the answer is not there, or never came
}

// NewLedger returns an empty ledger.
func NewLedger() *Ledger { return &Ledger{acknowledged: map[int64]bool{}, open: map[int64]bool{}} }

func (l *Ledger) asked(id int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[id] = true
}

func (l *Ledger) answered(id int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, id)
	l.acknowledged[id] = true
}

// Acknowledged counts the transactions whose COMMIT was answered.
func (l *Ledger) Acknowledged() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acknowledged)
}

// Lost makes a ledger of this moment for a server that loses power now: what is acknowledged later may or may not be there.
func (l *Ledger) Lost() *Ledger {
	l.mu.Lock()
	defer l.mu.Unlock()
	return &Ledger{acknowledged: maps.Clone(l.acknowledged), open: maps.Clone(l.open)}
}

// After adds the transactions that another ledger of the same clients has and this one has not as such whose fate is not known.
func (l *Ledger) After(later *Ledger) {
	later.mu.Lock()
	defer later.mu.Unlock()
	for _, ids := range []map[int64]bool{later.acknowledged, later.open} {
		for id := range ids {
			if !l.acknowledged[id] {
				l.open[id] = true
			}
		}
	}
}

// balances is true when the four sums agree.
const balances = `SELECT a = h AND b = h AND t = h FROM (SELECT sum(abalance) AS a FROM pgbench_accounts) x, (SELECT sum(bbalance) AS b FROM pgbench_branches) y,
	(SELECT sum(tbalance) AS t FROM pgbench_tellers) z, (SELECT coalesce(sum(delta), 0) AS h FROM pgbench_history) w`

// Check compares the tables with the ledger: nothing acknowledged is missing, nothing is there by half, twice, or unasked. Transactions whose answer
// was lost are settled by it, one way or the other: what is missing now must not turn up later. No client may be running.
func (l *Ledger) Check(ctx context.Context, c *pgx.Conn) error {
	rows, err := c.Query(ctx, "SELECT id FROM pgbench_history")
	if err != nil {
		return err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return err
	}
	missing := maps.Clone(l.acknowledged)
	for _, id := range ids {
		switch {
		case missing[id]:
			delete(missing, id)
		case l.open[id]:
			delete(l.open, id)
			l.acknowledged[id] = true
		case l.acknowledged[id]:
			return fmt.Errorf("transaction %d is there twice", id)
		default:
			return fmt.Errorf("transaction %d is there, although no client committed it", id)
		}
	}
	for id := range missing {
		return fmt.Errorf("%d acknowledged transactions are missing, one of them is %d", len(missing), id)
	}
	clear(l.open)
	var agree bool
	if err := c.QueryRow(ctx, balances).Scan(&agree); err != nil {
		return err
	}
	if !agree {
		return fmt.Errorf("the sums of the balances do not agree with the history")
	}
	return nil
}
