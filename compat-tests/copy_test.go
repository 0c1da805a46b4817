package compat

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// Errors of COPY FROM name the line, also when the row was inserted long after it was read. The expectations are PostgreSQL's.
func TestCopyErrorContexts(t *testing.T) {
	s := newServer(t)
	c := s.connect("postgres")
	mustExec(t, c, "CREATE TABLE p (id int PRIMARY KEY)")
	mustExec(t, c, "INSERT INTO p VALUES (1), (2)")
	mustExec(t, c, "CREATE TABLE c (a int PRIMARY KEY, b text NOT NULL, n numeric CHECK (n < 100), r int REFERENCES p)")
	for _, k := range []struct{ data, code, where string }{
		{"1\tx\t5\t1\n2\ty\\ty\t\\N\t2\n3\t\\N\t5\t1\n4\tz\t1\t1\n", "23502", "COPY c, line 3: \"3\t\\N\t5\t1\""},
		{"1\tx\t5\t1\n2\ty\t200\t2\n3\tz\t5\t1\n", "23514", "COPY c, line 2: \"2\ty\t200\t2\""},
		{"1\tx\t5\t1\n2\ty\t20\t2\n1\tz\t5\t1\n4\tz\t5\t1\n", "23505", "COPY c, line 3"},
		{"1\tx\t5\t1\n2\ty\t20\t7\n3\tz\t5\t1\n", "23503", ""},
		{"1\tx\t5\t1\n2\ty\t2o0\t2\n", "22P02", "COPY c, line 2, column n: \"2o0\""},
		{"1\tx\t5\t1\n2\ty\t20\n", "22P04", "COPY c, line 2: \"2\ty\t20\""},
		{"1\tx\t5\t1\n2\ty\t20\t1\t8\n", "22P04", "COPY c, line 2: \"2\ty\t20\t1\t8\""},
	} {
		_, err := c.PgConn().CopyFrom(context.Background(), strings.NewReader(k.data), "COPY c FROM STDIN")
		var e *pgconn.PgError
		if !errors.As(err, &e) || e.Code != k.code || e.Where != k.where {
			t.Errorf("%q: %v, want %s in %q", k.data, err, k.code, k.where)
			if e != nil {
				t.Logf("in %q", e.Where)
			}
		}
	}
	data := strings.Repeat("x", 1000) + "\ta\\\\b\\x41\\101\\N\n"
	mustExec(t, c, "CREATE TABLE wide (a text, b text)")
	if _, err := c.PgConn().CopyFrom(context.Background(), strings.NewReader(strings.Repeat(data, 3000)), "COPY wide FROM STDIN"); err != nil {
		t.Error(err)
	}
	wantText(t, c, "3000 3000000 a\\bAAN", "SELECT count(*) || ' ' || sum(length(a)) || ' ' || min(b) FROM wide")
}
