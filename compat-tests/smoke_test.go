package compat

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os/exec"
	"testing"
)

// TestWorkSurvivesKill runs ordinary work through a driver, kills the server and finds everything that was acknowledged.
func TestWorkSurvivesKill(t *testing.T) {
	s := newServer(t)
	c := s.connect("postgres")
	mustExec(t, c, "CREATE TABLE account (id int PRIMARY KEY, owner text NOT NULL, balance numeric(10,2) DEFAULT 0 CHECK (balance >= 0))")
	mustExec(t, c, "CREATE TABLE entry (id bigserial PRIMARY KEY, account int REFERENCES account ON DELETE CASCADE, amount numeric(10,2))")
	mustExec(t, c, "CREATE INDEX ON entry (account)")
	mustExec(t, c, "CREATE VIEW total AS SELECT account, sum(amount) AS amount FROM entry GROUP BY account")
	for i := 1; i <= 10; i++ {
		mustExec(t, c, "INSERT INTO account VALUES ($1, $2)", i, fmt.Sprintf("owner %d", i))
	}
	for i := 0; i < 100; i++ {
		tx, err := c.Begin(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(context.Background(), "UPDATE account SET balance = balance + 1 WHERE id = $1", i%10+1); err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(context.Background(), "INSERT INTO entry (account, amount) VALUES ($1, 1)", i%10+1); err != nil {
			t.Fatal(err)
		}
		if err := tx.Commit(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, c, "23505", "INSERT INTO account VALUES (1, 'again')")
	wantCode(t, c, "23503", "INSERT INTO entry (account, amount) VALUES (99, 1)")
	wantCode(t, c, "23514", "UPDATE account SET balance = -1 WHERE id = 1")
	wantCode(t, c, "23502", "INSERT INTO account VALUES (11, NULL)")
	wantCode(t, c, "42P01", "SELECT * FROM nowhere")
	wantCode(t, c, "42601", "SELEC 1")
	s.kill()
	s.start()
	c = s.connect("postgres")
	wantText(t, c, "100.00", "SELECT sum(balance)::text FROM account")
	wantText(t, c, "100", "SELECT count(*)::text FROM entry")
	wantText(t, c, "10.00", "SELECT amount::text FROM total WHERE account = 3")
	wantText(t, c, "101", "SELECT CASE WHEN nextval('entry_id_seq') > 100 THEN '101' ELSE 'repeated' END")
	mustExec(t, c, "DELETE FROM account WHERE id = 3")
	wantText(t, c, "90", "SELECT count(*)::text FROM entry")
}

// TestQueries asks for one answer of each kind of query.
func TestQueries(t *testing.T) {
	s := newServer(t)
	c := s.connect("postgres")
	mustExec(t, c, "CREATE TABLE n AS SELECT i, i % 7 AS k FROM generate_series(1, 1000) AS i")
	for _, q := range []struct{ sql, want string }{
		{"SELECT sum(i)::text FROM n", "500500"},
		{"SELECT count(*)::text FROM n a JOIN n b ON a.i = b.i WHERE a.k = 3", "143"},
		{"SELECT string_agg(k::text, ',' ORDER BY k) FROM (SELECT k, count(*) FROM n GROUP BY k HAVING count(*) > 142) x", "1,2,3,4,5,6"},
		{"WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r WHERE x < 10) SELECT sum(x)::text FROM r", "55"},
		{"SELECT max(r)::text FROM (SELECT rank() OVER (PARTITION BY k ORDER BY i) AS r FROM n) x", "143"},
		{"SELECT count(*)::text FROM n WHERE i IN (SELECT i * 2 FROM n)", "500"},
		{"SELECT count(*)::text FROM n a WHERE NOT EXISTS (SELECT 1 FROM n b WHERE b.i = a.i + 1)", "1"},
		{"SELECT (SELECT max(i) FROM n WHERE k = 0)::text", "994"},
		{"SELECT array_agg(x)::text FROM (SELECT 1 AS x UNION SELECT 1 UNION SELECT 2 ORDER BY 1) y", "{1,2}"},
		{"SELECT (date '2024-02-29' + interval '1 year')::text", "2025-02-28 00:00:00"},
		{"SELECT upper('abc') || substr('defg', 2, 2)", "ABCef"},
		{"SELECT (1.10 * 3)::text", "3.30"},
	} {
		wantText(t, c, q.want, q.sql)
	}
}

// TestDomainParameters: a domain's constraints hold for values that come as literals and as parameters.
func TestDomainParameters(t *testing.T) {
	s := newServer(t)
	c := s.connect("postgres")
	mustExec(t, c, "CREATE DOMAIN small AS int CHECK (VALUE < 5)")
	mustExec(t, c, "CREATE TABLE d (v small)")
	mustExec(t, c, "INSERT INTO d VALUES ('4')")
	wantCode(t, c, "23514", "INSERT INTO d VALUES ('6')")
	wantCode(t, c, "23514", "INSERT INTO d VALUES ($1)", 6)
	wantCode(t, c, "23514", "SELECT '6'::small")
}

// TestDescribe runs psql's own look at a table.
func TestDescribe(t *testing.T) {
	s := newServer(t)
	c := s.connect("postgres")
	mustExec(t, c, "CREATE TABLE d (a int PRIMARY KEY, b text DEFAULT 'x')")
	host, port, err := net.SplitHostPort(s.addr)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("psql", "-X", "-h", host, "-p", port, "-U", "postgres", "-c", `\d d`, "postgres").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{`Table "public.d"`, `"d_pkey" PRIMARY KEY, btree (a)`, `'x'::text`} {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("\\d lacks %q:\n%s", want, out)
		}
	}
}
