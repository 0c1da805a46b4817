package session

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

const statements = "SELECT calls, rows, query FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat%' ORDER BY query COLLATE \"C\""

// TestStatements: pg_stat_statements has one row for each shape of a statement, however it was sent.
func TestStatements(t *testing.T) {
	c := newNode(t, nil).connect()
	c.run("CREATE TABLE t (a int PRIMARY KEY, b text)")
	c.run("INSERT INTO t VALUES (1, 'x'), (2, 'y'), (3, 'z')")
	for _, k := range []string{"1", "2", "9"} {
		c.run("SELECT b FROM t WHERE a = " + k)
	}
	c.execute("SELECT b FROM t WHERE a = $1", 0, "3")
	c.execute("SELECT a FROM t ORDER BY a", 1) // in three portions
	c.run("BEGIN; UPDATE t SET b = 'w' WHERE a < 3; ROLLBACK")
	c.fails("22012", "SELECT 1 / (a - 1) FROM t WHERE a = 1") // failures are not counted
	c.run("COPY t FROM STDIN", "4\tp", "5\tq")
	c.run("PREPARE p AS SELECT count(*) FROM t WHERE a > $1")
	c.run("EXECUTE p(1)")
	c.run("EXECUTE p(2)")
	c.want(`1|0|BEGIN
1|2|COPY t FROM STDIN
1|0|CREATE TABLE t (a int PRIMARY KEY, b text)
1|3|INSERT INTO t VALUES ($1, $2)
2|2|PREPARE p AS SELECT count(*) FROM t WHERE a > $1
1|0|ROLLBACK
1|3|SELECT a FROM t ORDER BY a
4|3|SELECT b FROM t WHERE a = $1
1|2|UPDATE t SET b = $1 WHERE a < $2
SELECT 9`, statements)
	c.want("t|t|t|t|t\nSELECT 1", `SELECT total_exec_time > 0, min_exec_time <= mean_exec_time, mean_exec_time <= max_exec_time, abs(total_exec_time - calls * mean_exec_time) < 0.001,
		queryid <> 0 FROM pg_stat_statements WHERE query LIKE 'SELECT b FROM t%'`)

	// One statement, then all.
	c.run("SELECT pg_stat_statements_reset(0, 0, queryid) FROM pg_stat_statements WHERE query LIKE 'UPDATE t%'")
	c.want("0\nSELECT 1", "SELECT count(*) FROM pg_stat_statements WHERE query LIKE 'UPDATE t%'")
	c.want("\nSELECT 1", "SELECT pg_stat_statements_reset()")
	c.want("SELECT 0", statements)
	// Plans that are still in use find new counters.
	c.run("SELECT b FROM t WHERE a = 1")
	c.want("1|1|SELECT b FROM t WHERE a = $1\nSELECT 1", statements)

	c.run("SET pg_stat_statements.track = none")
	c.run("SELECT b FROM t WHERE a = 1")
	c.run("SET pg_stat_statements.track = top")
	c.run("SET pg_stat_statements.track_utility = off")
	c.run("CHECKPOINT")
	c.want("1|1|SELECT b FROM t WHERE a = $1\nSELECT 1", statements)

	c.run("CREATE ROLE somebody")
	c.run("SET ROLE somebody")
	c.fails("42501", "SELECT pg_stat_statements_reset()")
	c.want("<insufficient privilege>|NULL\nSELECT 1", "SELECT DISTINCT query, queryid FROM pg_stat_statements WHERE userid = 10")
}

// TestStatementsAreBounded: the most used statements stay when there are too many of them.
func TestStatementsAreBounded(t *testing.T) {
	n := newNode(t, map[string]string{"pg_stat_statements.max": "100"})
	c := n.connect()
	for i := range 400 {
		c.run(fmt.Sprintf("SELECT c%[1]d FROM (SELECT 1 AS c%[1]d) AS s", i))
		c.run("SELECT 'often'")
	}
	if have := len(n.e.stats.statements.list()); have > 100 || have < 90 {
		t.Errorf("%d statements are kept", have)
	}
	c.want("400\nSELECT 1", "SELECT calls FROM pg_stat_statements WHERE query = 'SELECT $1'")
	c.want("t\nSELECT 1", "SELECT dealloc > 50 FROM pg_stat_statements_info")
}

// TestStatementsOfManySessions counts from several goroutines at once, with resets in between.
func TestStatementsOfManySessions(t *testing.T) {
	n := newNode(t, nil)
	n.connect().run("CREATE TABLE t (a int PRIMARY KEY)")
	var wg sync.WaitGroup
	for range 4 {
		c := n.connect()
		wg.Go(func() {
			for i := range 100 {
				c.run(fmt.Sprintf("SELECT a FROM t WHERE a = %d", i))
			}
		})
	}
	wg.Wait()
	n.connect().want("400|0|SELECT a FROM t WHERE a = $1\nSELECT 1", strings.Replace(statements, "WHERE", "WHERE query LIKE 'SELECT a%' AND", 1))
}

// TestTableCounters: what scans and changes do to the counters of tables and indexes.
func TestTableCounters(t *testing.T) {
	c := newNode(t, nil).connect()
	c.run("CREATE TABLE t (a int PRIMARY KEY, b int, c text)")
	c.run("CREATE INDEX t_b ON t (b)")
	c.run("INSERT INTO t SELECT i, i % 10, 'x' FROM generate_series(1, 1000) AS i")
	c.run("ANALYZE t")
	const table = `SELECT seq_scan, seq_tup_read, idx_scan, idx_tup_fetch, n_tup_ins, n_tup_upd, n_tup_del, n_live_tup, n_mod_since_analyze, last_analyze IS NOT NULL,
		last_autoanalyze IS NOT NULL, analyze_count FROM pg_stat_user_tables WHERE relname = 't'`
	c.want("0|0|0|0|1000|0|0|1000|0|t|f|1\nSELECT 1", table)
	c.run("SELECT count(*) FROM t")
	c.run("SELECT c FROM t WHERE a = 5")
	c.run("SELECT c FROM t WHERE a = 5000")
	c.execute("SELECT c FROM t WHERE a = $1", 0, "7")
	c.run("SET enable_bitmapscan = off; SET enable_seqscan = off")
	c.run("SELECT c FROM t WHERE b = 3")
	c.run("SET enable_bitmapscan = on; SET enable_indexscan = off")
	c.run("SELECT c FROM t WHERE b = 4")
	c.run("RESET ALL")
	c.want("t_b|2|200|100\nt_pkey|3|2|2\nSELECT 2", "SELECT indexrelname, idx_scan, idx_tup_read, idx_tup_fetch FROM pg_stat_user_indexes WHERE relname = 't' ORDER BY 1")
	c.want("1|1000|5|202|1000|0|0|1000|0|t|f|1\nSELECT 1", table)
	// Changes count even if they are taken back.
	c.run("BEGIN; UPDATE t SET c = 'y' WHERE a <= 5; DELETE FROM t WHERE a = 6; ROLLBACK")
	c.run("DELETE FROM t WHERE a = 7")
	c.want("5|2|999|7\nSELECT 1", "SELECT n_tup_upd, n_tup_del, n_live_tup, n_mod_since_analyze FROM pg_stat_user_tables WHERE relname = 't'")
	c.want("1000|5|2\nSELECT 1", "SELECT tup_inserted, tup_updated, tup_deleted FROM pg_stat_database WHERE datname = 'postgres'")
	c.run("SELECT pg_stat_reset_single_table_counters('t'::regclass)")
	c.want("0|0\nSELECT 1", "SELECT n_tup_ins, seq_scan FROM pg_stat_user_tables WHERE relname = 't'")
	c.run("SELECT pg_stat_reset()")
	c.want("0|0\nSELECT 1", "SELECT xact_rollback, tup_inserted FROM pg_stat_database WHERE datname = 'postgres'")
}

// TestAutoanalyze: tables that changed much get statistics by themselves, others are left alone.
func TestAutoanalyze(t *testing.T) {
	n := newNode(t, nil)
	c := n.connect()
	round := func() { n.e.autoanalyze(context.Background(), newSettings(n.e.defaults)) }
	c.run("CREATE TABLE big (a int); INSERT INTO big SELECT generate_series(1, 1000)")
	c.run("CREATE TABLE small (a int); INSERT INTO small SELECT generate_series(1, 50)")
	c.run(`CREATE SCHEMA "Odd"; CREATE TABLE "Odd"."Name" (a int); INSERT INTO "Odd"."Name" SELECT generate_series(1, 60)`)
	round()
	const seen = `SELECT s.relname, autoanalyze_count, n_mod_since_analyze, reltuples, seq_scan FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid ORDER BY 1`
	c.want("Name|1|0|60|0\nbig|1|0|1000|0\nsmall|0|50|-1|0\nSELECT 3", seen)
	c.run("UPDATE big SET a = a + 1 WHERE a <= 150") // 50 and a tenth of the rows
	round()
	c.want("1|150\nSELECT 1", "SELECT autoanalyze_count, n_mod_since_analyze FROM pg_stat_user_tables WHERE relname = 'big'")
	c.run("UPDATE big SET a = a WHERE a = 500")
	round()
	c.want("2|0\nSELECT 1", "SELECT autoanalyze_count, n_mod_since_analyze FROM pg_stat_user_tables WHERE relname = 'big'")
	c.run("DROP TABLE small")
	n.e.forgetDropped()
	if len(n.e.all()) != 1 {
		t.Error("the worker's session was left behind")
	}
}

// TestActivity: what others see of a session.
func TestActivity(t *testing.T) {
	n := newNode(t, nil)
	a, b, watch := n.connect(), n.connect(), n.connect()
	a.run("CREATE TABLE t (a int PRIMARY KEY); INSERT INTO t VALUES (1)")
	const activity = "SELECT state, wait_event_type, wait_event, query, xact_start IS NOT NULL, backend_xid IS NOT NULL FROM pg_stat_activity WHERE pid = "
	watch.want("idle|Client|ClientRead|CREATE TABLE t (a int PRIMARY KEY); INSERT INTO t VALUES (1)|f|f\nSELECT 1", activity+"1001")
	a.run("BEGIN")
	a.run("UPDATE t SET a = 2")
	watch.want("idle in transaction|Client|ClientRead|UPDATE t SET a = 2|t|t\nSELECT 1", activity+"1001")
	done := make(chan struct{})
	go func() { defer close(done); b.run("DELETE FROM t") }()
	for end := time.Now().Add(5 * time.Second); watch.run(activity+"1002") != "active|Lock|transactionid|DELETE FROM t|t|t\nSELECT 1"; {
		if time.Now().After(end) {
			t.Error(watch.run(activity + "1002"))
			break
		}
	}
	watch.want("transactionid|ShareLock|f\nSELECT 1", "SELECT locktype, mode, granted FROM pg_locks WHERE pid = 1002 AND NOT granted")
	a.fails("42703", "SELECT nothing")
	watch.want("idle in transaction (aborted)|Client|ClientRead|SELECT nothing|t|t\nSELECT 1", activity+"1001")
	a.run("ROLLBACK")
	<-done
	watch.want("idle|Client|ClientRead|ROLLBACK|f|f\nSELECT 1", activity+"1001")
}

// TestProgress: COPY and ANALYZE say how far they are.
func TestProgress(t *testing.T) {
	n := newNode(t, nil)
	c, watch := n.connect(), n.connect()
	c.run("CREATE TABLE t (a int)")
	rows := make([]string, 3000)
	for i := range rows {
		rows[i] = "1"
	}
	c.out = results{data: rows, asked: func(left int) {
		if left == 0 {
			watch.want("1001|t|COPY FROM|PIPE|t|2048\nSELECT 1", `SELECT pid, relid = 't'::regclass, command, type, bytes_processed BETWEEN 4096 AND 6000, tuples_processed
				FROM pg_stat_progress_copy`)
		}
	}}
	if err := c.SimpleQuery(context.Background(), "COPY t FROM STDIN", &c.out); err != nil {
		t.Fatal(err)
	}
	c.Idle()
	watch.want("SELECT 0", "SELECT * FROM pg_stat_progress_copy")
	c.run("BEGIN")
	oid := n.catalog.Load().Bind(c.db).Relations(0)[0].OID
	c.analyzing(oid, 2000, false)
	watch.want("1001|acquiring sample rows|3000|2000\nSELECT 1", "SELECT pid, phase, sample_blks_total, sample_blks_scanned FROM pg_stat_progress_analyze")
	c.analyzing(oid, 3000, true)
	watch.want("SELECT 0", "SELECT * FROM pg_stat_progress_analyze")
	c.run("COMMIT")
}
