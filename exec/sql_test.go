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

// TestSQLVariants runs the queries again where the planner must take other joins and groupings, and where everything spills.
func TestSQLVariants(t *testing.T) {
	for name, change := range map[string]func(d *db){
		"spill":    func(d *db) { d.workMem = 1 },
		"nestloop": func(d *db) { d.settings.HashJoin, d.settings.MergeJoin = false, false },
		"merge":    func(d *db) { d.settings.HashJoin, d.settings.NestLoop, d.settings.HashAgg = false, false, false },
		"hash":     func(d *db) { d.settings.MergeJoin, d.settings.NestLoop, d.settings.Sort = false, false, false },
		"seqscan": func(d *db) {
			d.settings.IndexScan, d.settings.IndexOnlyScan, d.settings.BitmapScan, d.settings.Memoize = false, false, false, false
		},
		"bitmap": func(d *db) { d.settings.IndexScan, d.settings.IndexOnlyScan, d.settings.SeqScan = false, false, false },
		"index":  func(d *db) { d.settings.SeqScan, d.settings.BitmapScan, d.settings.Sort = false, false, false },
	} {
		t.Run(name, func(t *testing.T) {
			for _, file := range []string{"query", "joins", "dml", "fk", "times"} {
				d := newDB(t)
				change(d)
				run := runOn(d.session())
				datadriven.RunTest(t, "testdata/sql/"+file, func(t *testing.T, d *datadriven.TestData) string {
					out := run(d.Input, d.Cmd == "sorted" || !ordered(d.Input))
					if !ordered(d.Input) && sameLines(out, d.Expected) {
						return d.Expected // the order of rows is the plan's choice
					}
					return out
				})
			}
		})
	}
}

func ordered(sql string) bool { return strings.Contains(sql, "ORDER BY") }

func sameLines(a, b string) bool {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	sortLines(x)
	sortLines(y)
	return strings.Join(x, "\n") == strings.Join(y, "\n")
}

func runOurs(t *testing.T) func(sql string, sorted bool) string { return runOn(newDB(t).session()) }

func runOn(s *session) func(sql string, sorted bool) string {
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
