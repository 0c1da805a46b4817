package compat

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// TestScripts runs testdata through the simple protocol. With COMPAT_URL set to a PostgreSQL's database, -rewrite records what that answers.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		url := os.Getenv("COMPAT_URL")
		if url == "" {
			url = newServer(t).url("postgres")
		}
		conn, err := pgx.Connect(context.Background(), url)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.Background())
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var out strings.Builder
			for _, sql := range strings.SplitAfter(d.Input, ";\n") {
				describe(&out, conn.PgConn(), sql)
			}
			return out.String()
		})
	})
}

// describe prints what a query string gives: rows, tag, or the error.
func describe(out *strings.Builder, conn *pgconn.PgConn, sql string) {
	results, err := conn.Exec(context.Background(), sql).ReadAll()
	for _, r := range results {
		for _, row := range r.Rows {
			fields := make([]string, len(row))
			for i, f := range row {
				fields[i] = string(f)
				if f == nil {
					fields[i] = "NULL"
				}
			}
			fmt.Fprintln(out, strings.Join(fields, " | "))
		}
		if r.Err == nil {
			fmt.Fprintln(out, r.CommandTag)
		}
	}
	if err == nil {
		return
	}
	e, ok := err.(*pgconn.PgError)
	if !ok {
		fmt.Fprintln(out, err)
		return
	}
	fmt.Fprintf(out, "%s %s", e.Code, e.Message)
	if e.Detail != "" {
		fmt.Fprintf(out, " (%s)", e.Detail)
	}
	if e.Position > 0 {
		fmt.Fprintf(out, " @%d", e.Position)
	}
	fmt.Fprintln(out)
}
