package compat

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

var (
	randomSeeds     = flag.Int("random-seeds", 60, "how many random queries TestRandomQueries compares")
	randomFirst     = flag.Int("random-first", 1, "the first seed")
	randomServer    = flag.String("random-server", "", "connection string of a running server to test, instead of starting one")
	randomReference = flag.String("random-reference", "", "connection string of a PostgreSQL 15 server to compare with, instead of starting one")
)

// TestRandomQueries runs random queries and compares their rows, as multisets, with PostgreSQL's, and with
// those of the same query planned differently: without hash joins and hashed groups, without nested loops, without indexes.
func TestRandomQueries(t *testing.T) {
	url := *randomServer
	if url == "" {
		url = newServer(t).url("postgres")
	}
	ours := &answerer{t: t, url: url}
	ours.run(genSchema)
	theirs := &answerer{t: t, url: referenceURL(t)}
	theirs.run(genSchema)
	failures := 0
	for seed := *randomFirst; seed < *randomFirst+*randomSeeds && failures < 5; seed++ {
		c := &choices{rnd: rand.New(rand.NewSource(int64(seed)))}
		deep := 1 + seed%3
		q := generate(c, deep)
		diff := compareAnswers(ours, theirs, q)
		if diff == "" {
			continue
		}
		failures++
		q, diff = shrink(c.list, deep, func(q string) string { return compareAnswers(ours, theirs, q) }, diff)
		t.Errorf("seed %d:\n%s;\n%s", seed, q, diff)
	}
}

// shrink looks for a smaller query that still differs.
func shrink(list []int, deep int, check func(q string) string, diff string) (string, string) {
	best := generate(&choices{list: append([]int(nil), list...)}, deep)
	end := time.Now().Add(20 * time.Second)
	try := func(cand []int) bool {
		c := &choices{list: append([]int(nil), cand...)}
		q := generate(c, deep)
		if len(q) >= len(best) {
			return false
		}
		d := check(q)
		if d == "" {
			return false
		}
		list, best, diff = c.list[:c.pos], q, d
		return true
	}
	for size := len(list) / 2; size > 0 && time.Now().Before(end); {
		better := false
		for at := 0; at+size <= len(list) && time.Now().Before(end); at++ {
			if try(append(append([]int(nil), list[:at]...), list[at+size:]...)) {
				better = true
				continue
			}
			zero := append([]int(nil), list...)
			for i := at; i < at+size; i++ {
				zero[i] = 0
			}
			better = try(zero) || better
		}
		if !better {
			size /= 2
		}
	}
	return best, diff
}

// planVariants are settings under which a query must have the same answer.
var planVariants = []string{
	"SET enable_hashjoin = off; SET enable_hashagg = off",
	"SET enable_nestloop = off; SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_indexonlyscan = off",
	"SET enable_seqscan = off; SET enable_mergejoin = off; SET enable_material = off; SET enable_sort = off",
}

func compareAnswers(ours, theirs *answerer, q string) string {
	got := ours.answer("", q)
	if d := answerDiff(got, theirs.answer("", q)); d != "" {
		return "compared with PostgreSQL:\n" + d
	}
	for _, v := range planVariants {
		if d := answerDiff(got, ours.answer(v, q)); d != "" {
			return "compared with " + v + ":\n" + d
		}
	}
	return ""
}

const timedOut = "ERROR 57014 canceling statement due to statement timeout"

// answerDiff shows some of the rows of which one answer has more than the other.
func answerDiff(got, want map[string]int) string {
	if got[timedOut] > 0 || want[timedOut] > 0 { // too much work for one of the plans
		return ""
	}
	var lines []string
	for row, n := range got {
		if w := want[row]; w != n {
			lines = append(lines, fmt.Sprintf("%s: %d times instead of %d", row, n, w))
		}
	}
	for row, n := range want {
		if got[row] == 0 {
			lines = append(lines, fmt.Sprintf("%s: missing, %d times", row, n))
		}
	}
	sort.Strings(lines)
	return strings.Join(lines[:min(len(lines), 8)], "\n")
}

// answerer asks one server.
type answerer struct {
	t    *testing.T
	url  string
	conn *pgx.Conn
}

func (a *answerer) connect() *pgx.Conn {
	if a.conn == nil || a.conn.IsClosed() {
		c, err := pgx.Connect(context.Background(), a.url)
		if err != nil {
			a.t.Fatal(err)
		}
		a.t.Cleanup(func() { c.Close(context.Background()) })
		a.conn = c
		if _, err := c.Exec(context.Background(), "SET statement_timeout = '10s'; SET client_min_messages = error"); err != nil {
			a.t.Fatal(err)
		}
	}
	return a.conn
}

func (a *answerer) run(script string) {
	a.t.Helper()
	if _, err := a.connect().Exec(context.Background(), script); err != nil {
		a.t.Fatal(err)
	}
}

// answer counts the rows of a query, or gives its error in place of a row.
func (a *answerer) answer(settings, q string) map[string]int {
	const usual = "SET statement_timeout = '10s'; SET client_min_messages = error"
	script := q
	if settings != "" {
		script = settings + ";" + q + "; RESET ALL; " + usual
	}
	results, err := a.connect().PgConn().Exec(context.Background(), script).ReadAll()
	if err != nil {
		if settings != "" && !a.conn.IsClosed() {
			a.run("RESET ALL; " + usual)
		}
		var pe *pgconn.PgError
		if errors.As(err, &pe) {
			return map[string]int{"ERROR " + pe.Code + " " + pe.Message: 1}
		}
		return map[string]int{"ERROR " + err.Error(): 1}
	}
	rows := map[string]int{}
	for _, r := range results {
		for _, row := range r.Rows {
			cells := make([]string, len(row))
			for i, c := range row {
				cells[i] = string(c)
				if c == nil {
					cells[i] = "NULL"
				}
			}
			rows[strings.Join(cells, "|")]++
		}
	}
	return rows
}

// referenceURL names a PostgreSQL 15 server: the one of the flag, or one started for the test.
func referenceURL(t *testing.T) string {
	t.Helper()
	if *randomReference != "" {
		return *randomReference
	}
	return "postgres://postgres@" + newPostgres(t) + "/postgres"
}
