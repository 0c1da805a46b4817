package analyze_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/cockroachdb/datadriven"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"kimberlite/sql/analyze"
	"kimberlite/sql/parser"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// reference, together with -rewrite, takes the expectations of testdata/reference from a PostgreSQL 15 server in a database that is
// used for nothing else: its schema public is dropped.
var reference = flag.String("reference", "", "connection string of a PostgreSQL 15 server to take expectations from")

// TestReference compares analysis with what PostgreSQL says about the same statements: parameter types, result columns, errors.
func TestReference(t *testing.T) {
	env := newSchema(t)
	describe := func(sql string) string { return describeOurs(env, sql) }
	if *reference != "" {
		describe = describeReference(t)
	}
	datadriven.Walk(t, "testdata/reference", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string { return describe(d.Input) })
	})
}

// describeOurs prints what our analysis makes of a statement.
func describeOurs(env *analyze.Env, sql string) string {
	q, params, err := analyzeSQL(env, sql)
	if err != nil {
		e := pgerr.From(err)
		pos := e.Position
		if pos > 0 {
			pos = utf8.RuneCountInString(sql[:min(pos-1, len(sql))]) + 1
		}
		return printError(e.Code, e.Message, e.Detail, e.Hint, pos)
	}
	return describeQuery(env, q, params)
}

// describeQuery prints the types of a query's parameters and result.
func describeQuery(env *analyze.Env, q *tree.Query, params []types.OID) string {
	ctx := &types.Ctx{Types: env.Catalog}
	var b strings.Builder
	for i, p := range params {
		fmt.Fprintf(&b, "$%d %s\n", i+1, types.FormatType(ctx, p, -1))
	}
	out := q.Target
	if q.Cmd != tree.CmdSelect {
		out = q.Returning
	}
	for i := range out {
		if te := &out[i]; !te.Junk {
			t := types.BaseType(ctx, te.Expr.Type()) // as RowDescription has it
			fmt.Fprintf(&b, "%s: %s\n", te.Name, types.FormatType(ctx, t.OID, t.Mod))
		}
	}
	if b.Len() == 0 {
		return "ok\n"
	}
	return b.String()
}

func analyzeSQL(env *analyze.Env, sql string) (*tree.Query, []types.OID, error) {
	stmts, err := parser.Parse(sql)
	if err != nil {
		return nil, nil, err
	}
	if len(stmts) != 1 {
		return nil, nil, fmt.Errorf("%d statements", len(stmts))
	}
	return analyze.Analyze(env, &stmts[0], nil)
}

func printError(code, msg, detail, hint string, pos int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", code, msg)
	if pos > 0 {
		fmt.Fprintf(&b, " @%d", pos)
	}
	b.WriteByte('\n')
	if detail != "" {
		fmt.Fprintf(&b, "DETAIL: %s\n", detail)
	}
	if hint != "" {
		fmt.Fprintf(&b, "HINT: %s\n", hint)
	}
	return b.String()
}

// describeReference prints the same from a PostgreSQL server.
func describeReference(t *testing.T) func(sql string) string {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, *reference)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(ctx) })
	if _, err := conn.Exec(ctx, "SET client_min_messages = error; DROP SCHEMA IF EXISTS public, s2 CASCADE; CREATE SCHEMA public; SET default_tablespace = ''"); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(ctx, schemaSQL); err != nil {
		t.Fatal(err)
	}
	format := func(oid uint32, mod int32) string {
		var s string
		if err := conn.QueryRow(ctx, "SELECT format_type($1, $2)", oid, mod).Scan(&s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	return func(sql string) string {
		d, err := conn.PgConn().Prepare(ctx, "", sql, nil)
		var e *pgconn.PgError
		if errors.As(err, &e) {
			return printError(e.Code, e.Message, e.Detail, e.Hint, int(e.Position))
		}
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for i, p := range d.ParamOIDs {
			fmt.Fprintf(&b, "$%d %s\n", i+1, format(p, -1))
		}
		for _, f := range d.Fields {
			fmt.Fprintf(&b, "%s: %s\n", f.Name, format(f.DataTypeOID, f.TypeModifier))
		}
		if b.Len() == 0 {
			return "ok\n"
		}
		return b.String()
	}
}

func BenchmarkAnalyze(b *testing.B) {
	env := newSchema(b)
	for name, sql := range map[string]string{
		"point":  "SELECT name FROM emp WHERE id = $1",
		"insert": "INSERT INTO emp (id, name, salary) VALUES ($1, $2, $3)",
		"join":   "SELECT e.name, d.title, sum(e.salary) FROM emp e JOIN dept d ON d.id = e.dept WHERE e.hired > '2020-01-01' AND d.budget BETWEEN 1 AND 5 GROUP BY e.name, d.title ORDER BY 3 DESC LIMIT 10",
	} {
		b.Run(name, func(b *testing.B) {
			stmts, err := parser.Parse(sql)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := analyze.Analyze(env, &stmts[0], nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
