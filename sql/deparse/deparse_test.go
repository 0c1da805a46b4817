package deparse_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"kimberlite/sql/analyze"
	"kimberlite/sql/catalog"
	"kimberlite/sql/deparse"
	"kimberlite/sql/parser"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// reference, together with -rewrite, takes the expectations from a PostgreSQL 15 server, in a database of its own: its schemas public and other are dropped.
var reference = flag.String("reference", "", "connection string of a PostgreSQL 15 server to take expectations from")

// tables is the schema of the tests: a relation, its columns.
var tables = []struct{ name, cols string }{
	{"t", "a integer, b text, c timestamp with time zone, d numeric(8,2), e integer[], f boolean, v character varying(10), j jsonb, i interval, big bigint, dt date, x double precision"},
	{"s", "a integer, b text, z integer"},
	{`"Mixed Case"`, `"Id" integer, "select" text`},
	{"other.o", "id integer, name text, ch character(3)"},
}

var typeOf = map[string]types.T{
	"integer": types.Of(types.OIDInt4), "text": types.Of(types.OIDText), "timestamp with time zone": types.Of(types.OIDTimestamptz), "numeric(8,2)": {OID: types.OIDNumeric, Mod: 8<<16 | 2 + 4},
	"integer[]": types.Of(types.OIDInt4Array), "boolean": types.Of(types.OIDBool), "character varying(10)": {OID: types.OIDVarchar, Mod: 14}, "jsonb": types.Of(types.OIDJsonb),
	"interval": types.Of(types.OIDInterval), "bigint": types.Of(types.OIDInt8), "date": types.Of(types.OIDDate), "double precision": types.Of(types.OIDFloat8), "character(3)": {OID: types.OIDBpchar, Mod: 7},
}

const otherSchema types.OID = 20000

func newOverlay() *catalog.Overlay {
	o := catalog.NewOverlay(catalog.NewSnapshot().Apply(catalog.Bootstrap()).Bind(catalog.PostgresOID))
	o.Put(&catalog.Schema{Header: catalog.Header{OID: otherSchema, Database: catalog.PostgresOID, Name: "other", Owner: catalog.SuperuserOID}})
	for i, t := range tables {
		oid := types.OID(20010 + 10*i)
		r := &catalog.Relation{Header: catalog.Header{OID: oid, Database: catalog.PostgresOID, Name: strings.Trim(t.name, `"`), Owner: catalog.SuperuserOID},
			Schema: catalog.PublicSchemaOID, RelKind: 'r', Persistence: 'p', RowType: oid + 1, RowArray: oid + 2, Storage: 1}
		if n, found := strings.CutPrefix(t.name, "other."); found {
			r.Name, r.Schema = n, otherSchema
		}
		for _, c := range strings.Split(strings.ReplaceAll(t.cols, "(8,2)", "(8;2)"), ", ") {
			name, typ, _ := strings.Cut(c, " ")
			typ = strings.ReplaceAll(typ, ";", ",")
			col := catalog.Column{Name: strings.Trim(name, `"`), T: typeOf[typ]}
			if ty := types.Builtin(col.T.OID); ty != nil {
				col.Collation = ty.Collation
			}
			r.Columns = append(r.Columns, col)
		}
		o.Put(r)
	}
	return o
}

func newEnv(o *catalog.Overlay) *analyze.Env {
	return &analyze.Env{Catalog: o, IO: &types.Ctx{TimeZone: time.UTC, TimeZoneName: "UTC", ExtraFloatDigits: 1, Types: o, Reg: regs{o}},
		SearchPath: o.SearchPath(), User: catalog.SuperuserOID}
}

// regs resolves the names of relations.
type regs struct{ o *catalog.Overlay }

func (r regs) RegIn(_ types.OID, text string) (types.OID, error) {
	for _, s := range r.o.SearchPath() {
		if rel := r.o.RelationByName(s, text); rel != nil {
			return rel.OID, nil
		}
	}
	return 0, fmt.Errorf("no relation %s", text)
}

func (r regs) RegOut(_, oid types.OID) string { return r.o.RelationName(oid) }

// ours makes a view or an expression and prints it plainly and prettily.
func ours(kind, sql string) string {
	o := newOverlay()
	env := newEnv(o)
	switch kind {
	case "view":
		stmts, err := parser.Parse(sql)
		if err != nil {
			return "error: " + err.Error() + "\n"
		}
		q, err := analyze.AnalyzeView(env, stmts[0].Raw, nil)
		if err != nil {
			return "error: " + err.Error() + "\n"
		}
		v := &catalog.Relation{Header: catalog.Header{OID: 21000, Database: catalog.PostgresOID, Name: "v"}, Schema: catalog.PublicSchemaOID, RelKind: 'v',
			View: &catalog.View{Query: tree.EncodeQuery(q), RuleOID: 21001}}
		var names []string
		for _, te := range q.Target {
			if !te.Junk {
				names = append(names, te.Name)
				v.Columns = append(v.Columns, catalog.Column{T: te.Expr.Type()})
			}
		}
		for i, n := range distinct(names) {
			v.Columns[i].Name = n
		}
		o.Put(v)
		plain, _, _ := deparse.Call(o.Bound, "viewdef", v.OID, 0, "", false)
		pretty, _, _ := deparse.Call(o.Bound, "viewdef", v.OID, 0, "", true)
		return both(plain, pretty)
	case "check":
		stmts, err := parser.Parse("select " + sql)
		if err != nil {
			return "error: " + err.Error() + "\n"
		}
		r := o.RelationByName(catalog.PublicSchemaOID, "t")
		e, err := analyze.AnalyzeExpr(env, stmts[0].Raw.GetSelectStmt().TargetList[0].GetResTarget().Val, analyze.ExprCheck, analyze.ExprScope{Relation: r})
		if err != nil {
			return "error: " + err.Error() + "\n"
		}
		node := catalog.NodeTree(tree.Encode(e))
		plain, _, _ := deparse.Call(o.Bound, "expr", r.OID, 0, node, false)
		pretty, _, _ := deparse.Call(o.Bound, "expr", r.OID, 0, node, true)
		return both(plain, pretty)
	}
	return "unknown directive\n"
}

func both(plain, pretty string) string {
	if plain == pretty {
		return plain + "\n"
	}
	return plain + "\n-- pretty:\n" + pretty + "\n"
}

// distinct returns the names, or c1, c2 and so on when one is there twice: a view must tell its columns apart.
func distinct(names []string) []string {
	seen := map[string]bool{}
	for _, n := range names {
		if seen[n] {
			out := make([]string, len(names))
			for i := range out {
				out[i] = fmt.Sprint("c", i+1)
			}
			return out
		}
		seen[n] = true
	}
	return names
}

// theirs asks PostgreSQL.
func theirs(t *testing.T) func(kind, sql string) string {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, *reference)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(ctx) })
	exec := func(sql string) error { _, err := conn.PgConn().Exec(ctx, sql).ReadAll(); return err }
	setup := "drop schema if exists public, other cascade; create schema public; create schema other; set timezone = 'UTC'; set client_min_messages = error;"
	for _, tab := range tables {
		setup += fmt.Sprintf("create table %s (%s);", tab.name, tab.cols)
	}
	if err := exec(setup); err != nil {
		t.Fatal(err)
	}
	return func(kind, sql string) string {
		var plain, pretty string
		var err error
		switch kind {
		case "view":
			var names []string
			if sd, err := conn.Prepare(ctx, "", sql); err == nil {
				for _, f := range sd.Fields {
					names = append(names, f.Name)
				}
			}
			list := ""
			if d := distinct(names); len(d) > 0 && d[0] == "c1" {
				list = "(" + strings.Join(d, ", ") + ")"
			}
			if err = exec("create view v" + list + " as " + sql); err == nil {
				err = conn.QueryRow(ctx, "select pg_get_viewdef('v'::regclass), pg_get_viewdef('v'::regclass, true)").Scan(&plain, &pretty)
				_ = exec("drop view v")
			}
		case "check":
			if err = exec("alter table t add constraint k check (" + sql + ")"); err == nil {
				err = conn.QueryRow(ctx, "select pg_get_expr(conbin, conrelid), pg_get_expr(conbin, conrelid, true) from pg_constraint where conname = 'k'").Scan(&plain, &pretty)
				_ = exec("alter table t drop constraint k")
			}
		}
		if err != nil {
			var pe *pgconn.PgError
			if errors.As(err, &pe) {
				return "error: " + pe.Message + "\n"
			}
			t.Fatal(err)
		}
		return both(plain, pretty)
	}
}

func TestReference(t *testing.T) {
	answer := ours
	if *reference != "" {
		answer = theirs(t)
	}
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string { return answer(d.Cmd, d.Input) })
	})
}
