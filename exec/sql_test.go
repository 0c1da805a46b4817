package exec_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// reference, together with -rewrite, takes the expectations of testdata/sql from a PostgreSQL 15 server, in a database that is used for
// nothing else: its schema public is dropped.
var reference = flag.String("reference", "", "connection string of a PostgreSQL 15 server to take expectations from")

// TestSQL runs scripts through parser, analyzer, planner and executor and compares results and errors with PostgreSQL's.
func TestSQL(t *testing.T) {
	datadriven.Walk(t, "testdata/sql", func(t *testing.T, path string) {
		run := runOurs(t)
		if *reference != "" {
			run = runReference(t)
		}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			return run(d.Input, d.Cmd == "sorted")
		})
	})
}

func runOurs(t *testing.T) func(sql string, sorted bool) string {
	s := newDB(t).session()
	return func(sql string, sorted bool) string {
		rows, affected, err := s.exec(sql)
		if err != nil {
			if s.explicit {
				s.rollback()
			}
			return describe(err) + "\n"
		}
		return show(rows, affected, sorted)
	}
}

func show(rows [][]string, affected int64, sorted bool) string {
	if len(rows) == 0 {
		return fmt.Sprintf("(%d)\n", affected)
	}
	lines := strings.Split(strings.TrimSuffix(table(rows), "\n"), "\n")
	if sorted {
		sortLines(lines)
	}
	return strings.Join(lines, "\n") + "\n"
}

func sortLines(lines []string) {
	for i := 1; i < len(lines); i++ {
		for j := i; j > 0 && lines[j] < lines[j-1]; j-- {
			lines[j], lines[j-1] = lines[j-1], lines[j]
		}
	}
}

func runReference(t *testing.T) func(sql string, sorted bool) string {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, *reference)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(ctx) })
	if _, err := conn.Exec(ctx, "SET client_min_messages = error; SET timezone = 'UTC'; DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public"); err != nil {
		t.Fatal(err)
	}
	return func(sql string, sorted bool) string {
		res, err := conn.PgConn().Exec(ctx, sql).ReadAll()
		var e *pgconn.PgError
		if errors.As(err, &e) {
			out := "ERROR " + e.Code + ": " + e.Message
			if e.Detail != "" {
				out += "\nDETAIL: " + e.Detail
			}
			if e.Hint != "" {
				out += "\nHINT: " + e.Hint
			}
			for _, f := range [][2]string{{"schema", e.SchemaName}, {"table", e.TableName}, {"column", e.ColumnName}, {"datatype", e.DataTypeName}, {"constraint", e.ConstraintName}} {
				if f[1] != "" {
					out += "\n" + f[0] + "=" + f[1]
				}
			}
			if conn.PgConn().TxStatus() != 'I' {
				_, _ = conn.Exec(ctx, "ROLLBACK")
			}
			return out + "\n"
		}
		if err != nil {
			t.Fatal(err)
		}
		last := res[len(res)-1]
		var rows [][]string
		for _, r := range last.Rows {
			var row []string
			for _, v := range r {
				if v == nil {
					row = append(row, "∅")
				} else {
					row = append(row, string(v))
				}
			}
			rows = append(rows, row)
		}
		return show(rows, last.CommandTag.RowsAffected(), sorted)
	}
}
