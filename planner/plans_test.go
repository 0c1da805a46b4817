package planner_test

import (
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/spf13/pflag"

	"kimberlite/server"
	"kimberlite/server/config"
	"kimberlite/server/logging"
)

// reference, together with -rewrite, takes the expectations from a PostgreSQL 15 server, in a database that is used for nothing else: its schema public is
// dropped. What differs afterwards is where plans are ours: look at each before rewriting it back.
var reference = flag.String("reference", "", "connection string of a PostgreSQL 15 server to take expectations from")

// TestPlans runs the scripts of testdata, one connection a file: "plan" prints EXPLAIN (COSTS OFF) of a query, "explain" an EXPLAIN statement as it is, "exec" runs
// statements. Each file has the tables of schema.sql.
func TestPlans(t *testing.T) {
	url := *reference
	if url == "" {
		url = startServer(t)
	}
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		if strings.HasSuffix(path, ".sql") {
			return
		}
		conn := connect(t, url)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "plan":
				return query(conn, "EXPLAIN (COSTS OFF) "+d.Input)
			case "explain", "exec":
				return query(conn, d.Input)
			}
			t.Fatalf("unknown command %q", d.Cmd)
			return ""
		})
	})
}

// connect opens a connection to a fresh schema.
func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(ctx) })
	schema, err := os.ReadFile("testdata/schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range []string{"SET client_min_messages = error; SET max_parallel_workers_per_gather = 0; DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public", string(schema), "ANALYZE"} {
		if _, err := conn.Exec(ctx, script); err != nil {
			t.Fatal(err)
		}
	}
	return conn
}

func query(conn *pgx.Conn, sql string) string {
	res, err := conn.PgConn().Exec(context.Background(), sql).ReadAll()
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return "ERROR " + e.Code + ": " + e.Message + "\n"
	}
	if err != nil {
		return err.Error() + "\n"
	}
	var b strings.Builder
	for _, r := range res {
		for _, row := range r.Rows {
			b.Write(row[0])
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// startServer starts a node on a free port and returns its connection string.
func startServer(t *testing.T) string {
	t.Helper()
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	config.BindFlags(fs)
	if err := fs.Parse([]string{"--data-dir", t.TempDir(), "--bind-address", "127.0.0.1:0", "--metrics-address", "127.0.0.1:0", "--cluster-address", "127.0.0.1:0"}); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(fs, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	loggers, err := logging.New(io.Discard, "json", "error")
	if err != nil {
		t.Fatal(err)
	}
	n, err := server.Start(cfg, loggers, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Stop)
	return "postgres://postgres@" + n.Addr() + "/postgres"
}
