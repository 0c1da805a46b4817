package exec_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"kimberlite/sql/pgerr"
)

// result is what a statement that may have to wait came to.
type result struct {
	rows     [][]string
	affected int64
	err      error
}

// start runs a statement in the background.
func (s *session) start(sql string) chan result {
	out := make(chan result, 1)
	go func() {
		rows, n, err := s.exec(sql)
		out <- result{rows, n, err}
	}()
	return out
}

// blocked fails the test when the statement ends without having waited.
func blocked(t *testing.T, c chan result) {
	t.Helper()
	select {
	case r := <-c:
		t.Fatalf("the statement did not wait: %v, %v", r.rows, r.err)
	case <-time.After(50 * time.Millisecond):
	}
}

func finish(t *testing.T, c chan result) result {
	t.Helper()
	select {
	case r := <-c:
		return r
	case <-time.After(10 * time.Second):
		t.Fatal("the statement is still waiting")
		return result{}
	}
}

func wantRows(t *testing.T, got [][]string, want string) {
	t.Helper()
	if g := strings.TrimSpace(table(got)); g != want {
		t.Fatalf("got\n%s\nwant\n%s", g, want)
	}
}

func accounts(t *testing.T) (*db, *session, *session) {
	d := newDB(t)
	a, b := d.session(), d.session()
	a.must("CREATE TABLE acc (id int PRIMARY KEY, owner text, bal int); INSERT INTO acc VALUES (1, 'ann', 100), (2, 'bob', 200), (3, 'cat', 300)")
	return d, a, b
}

// TestUpdateAfterWait: an UPDATE that waited works on the newest version, if its conditions still hold.
func TestUpdateAfterWait(t *testing.T) {
	_, a, b := accounts(t)
	a.must("BEGIN; UPDATE acc SET bal = bal + 10 WHERE id = 1")
	c := b.start("UPDATE acc SET bal = bal + 1 WHERE id = 1 RETURNING bal")
	blocked(t, c)
	a.must("COMMIT")
	wantRows(t, finish(t, c).rows, "111")

	a.must("BEGIN; UPDATE acc SET owner = 'zoe' WHERE id = 2")
	c = b.start("UPDATE acc SET bal = 0 WHERE owner = 'bob'")
	blocked(t, c)
	a.must("COMMIT")
	if r := finish(t, c); r.err != nil || r.affected != 0 {
		t.Fatalf("%+v", r)
	}

	a.must("BEGIN; DELETE FROM acc WHERE id = 3")
	c = b.start("DELETE FROM acc WHERE id = 3")
	blocked(t, c)
	a.must("COMMIT")
	if r := finish(t, c); r.err != nil || r.affected != 0 {
		t.Fatalf("%+v", r)
	}
}

// TestUpdateFromAfterWait: values of other tables stay as they were read, those of the target are new.
func TestUpdateFromAfterWait(t *testing.T) {
	_, a, b := accounts(t)
	a.must("CREATE TABLE rate (id int, r int); INSERT INTO rate VALUES (1, 3), (2, 4)")
	a.must("BEGIN; UPDATE acc SET bal = 1000 WHERE id = 1")
	c := b.start("UPDATE acc SET bal = acc.bal * rate.r FROM rate WHERE rate.id = acc.id AND acc.bal < 5000 RETURNING acc.id, bal")
	blocked(t, c)
	a.must("COMMIT")
	r := finish(t, c)
	if r.err != nil {
		t.Fatal(r.err)
	}
	wantRows(t, b.must("SELECT id, bal FROM acc ORDER BY id"), "1|3000\n2|800\n3|300")
}

// TestRollbackWhileWaiting: the old version is what counts when the other one rolls back.
func TestRollbackWhileWaiting(t *testing.T) {
	_, a, b := accounts(t)
	a.must("BEGIN; UPDATE acc SET bal = 0")
	c := b.start("UPDATE acc SET bal = bal + 1 WHERE id = 1 RETURNING bal")
	blocked(t, c)
	a.must("ROLLBACK")
	wantRows(t, finish(t, c).rows, "101")
}

func TestSelectForUpdate(t *testing.T) {
	_, a, b := accounts(t)
	a.must("BEGIN; UPDATE acc SET bal = 500, owner = 'amy' WHERE id = 1")
	c := b.start("SELECT owner, bal FROM acc WHERE bal > 250 OR id = 1 ORDER BY id FOR UPDATE")
	blocked(t, c)
	a.must("COMMIT")
	wantRows(t, finish(t, c).rows, "amy|500\ncat|300")

	// A row that no longer qualifies drops out.
	a.must("BEGIN; UPDATE acc SET bal = 1 WHERE id = 3")
	c = b.start("SELECT id FROM acc WHERE bal >= 300 ORDER BY id FOR UPDATE")
	blocked(t, c)
	a.must("COMMIT")
	wantRows(t, finish(t, c).rows, "1")

	a.must("BEGIN; SELECT * FROM acc WHERE id = 2 FOR UPDATE")
	wantRows(t, b.must("SELECT id FROM acc ORDER BY id FOR UPDATE SKIP LOCKED"), "1\n3")
	if _, _, err := b.exec("SELECT id FROM acc FOR UPDATE NOWAIT"); !pgerr.Is(err, pgerr.LockNotAvailable) {
		t.Fatal(err)
	}
	a.must("COMMIT")
}

// TestForUpdateJoin: the join is evaluated again over the newest versions of the locked rows.
func TestForUpdateJoin(t *testing.T) {
	_, a, b := accounts(t)
	a.must("CREATE TABLE own (name text PRIMARY KEY, city text); INSERT INTO own VALUES ('ann', 'rome'), ('bob', 'oslo'), ('dan', 'bonn')")
	for _, q := range []string{
		"SELECT a.id, o.city FROM acc a JOIN own o ON o.name = a.owner WHERE a.id = 1 FOR UPDATE OF a",
		"SELECT a.id, o.city FROM acc a JOIN own o ON o.name = a.owner WHERE a.id = 1 FOR UPDATE",
	} {
		a.must("BEGIN; UPDATE acc SET bal = bal + 1 WHERE id = 1")
		c := b.start(q)
		blocked(t, c)
		a.must("COMMIT")
		wantRows(t, finish(t, c).rows, "1|rome")
	}
}

func TestRepeatableReadConflict(t *testing.T) {
	_, a, b := accounts(t)
	b.must("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM acc")
	a.must("UPDATE acc SET bal = 0 WHERE id = 1")
	wantRows(t, b.must("SELECT bal FROM acc WHERE id = 1"), "100")
	_, _, err := b.exec("UPDATE acc SET bal = 1 WHERE id = 1")
	if !pgerr.Is(err, pgerr.SerializationFailure) {
		t.Fatal(err)
	}
	b.rollback()
}

// TestUniqueRace: the second insert of a key waits and learns what became of the first.
func TestUniqueRace(t *testing.T) {
	_, a, b := accounts(t)
	a.must("BEGIN; INSERT INTO acc VALUES (9, 'x', 0)")
	c := b.start("INSERT INTO acc VALUES (9, 'y', 0)")
	blocked(t, c)
	a.must("COMMIT")
	if r := finish(t, c); !pgerr.Is(r.err, pgerr.UniqueViolation) {
		t.Fatal(r.err)
	}
	a.must("BEGIN; INSERT INTO acc VALUES (10, 'x', 0)")
	c = b.start("INSERT INTO acc VALUES (10, 'y', 0) ON CONFLICT (id) DO UPDATE SET owner = acc.owner || excluded.owner RETURNING owner")
	blocked(t, c)
	a.must("COMMIT")
	if r := finish(t, c); r.err == nil {
		wantRows(t, r.rows, "xy")
	} else if !pgerr.Is(r.err, pgerr.FeatureNotSupported) {
		t.Fatal(r.err)
	}
	a.must("BEGIN; INSERT INTO acc VALUES (11, 'x', 0)")
	c = b.start("INSERT INTO acc VALUES (11, 'y', 0) ON CONFLICT DO NOTHING")
	blocked(t, c)
	a.must("ROLLBACK")
	if r := finish(t, c); r.err != nil || r.affected != 1 {
		t.Fatalf("%+v", r)
	}
}

// TestForeignKeyRace: a parent can neither go while a child comes, nor a child come while the parent goes.
func TestForeignKeyRace(t *testing.T) {
	d := newDB(t)
	a, b := d.session(), d.session()
	a.must("CREATE TABLE p (id int PRIMARY KEY, v int); CREATE TABLE c (pid int REFERENCES p); INSERT INTO p VALUES (1, 0), (2, 0), (3, 0)")
	a.must("BEGIN; INSERT INTO c VALUES (1)")
	d.session().must("UPDATE p SET v = v + 1 WHERE id = 1") // leaves the key alone, so that it need not wait
	w := b.start("DELETE FROM p WHERE id = 1")
	blocked(t, w)
	a.must("COMMIT")
	if r := finish(t, w); !pgerr.Is(r.err, pgerr.ForeignKeyViolation) {
		t.Fatal(r.err)
	}
	a.must("BEGIN; DELETE FROM p WHERE id = 2")
	w = b.start("INSERT INTO c VALUES (2)")
	blocked(t, w)
	a.must("COMMIT")
	if r := finish(t, w); !pgerr.Is(r.err, pgerr.ForeignKeyViolation) {
		t.Fatal(r.err)
	}
	a.must("BEGIN; UPDATE p SET id = 33 WHERE id = 3")
	w = b.start("INSERT INTO c VALUES (3)")
	blocked(t, w)
	a.must("ROLLBACK")
	if r := finish(t, w); r.err != nil {
		t.Fatal(r.err)
	}
}

func TestMergeAfterWait(t *testing.T) {
	_, a, b := accounts(t)
	a.must("BEGIN; UPDATE acc SET bal = 7 WHERE id = 1")
	c := b.start("MERGE INTO acc USING (VALUES (1), (50)) v(x) ON acc.id = v.x WHEN MATCHED AND bal < 50 THEN DELETE WHEN MATCHED THEN UPDATE SET bal = 1 WHEN NOT MATCHED THEN INSERT VALUES (x, 'new', 0)")
	blocked(t, c)
	a.must("COMMIT")
	if r := finish(t, c); r.err != nil || r.affected != 2 {
		t.Fatalf("%+v", r)
	}
	wantRows(t, b.must("SELECT id FROM acc ORDER BY 1"), "2\n3\n50")
}

// TestCancel: a cancelled context ends a statement that computes and one that waits.
func TestCancel(t *testing.T) {
	_, a, b := accounts(t)
	ctx, cancel := context.WithCancel(context.Background())
	b.ctx = ctx
	c := b.start("SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b")
	blocked(t, c)
	cancel()
	if r := finish(t, c); !pgerr.Is(r.err, pgerr.QueryCanceled) {
		t.Fatal(r.err)
	}
	a.must("SELECT 1")
}
