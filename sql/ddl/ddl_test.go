package ddl

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"pgregory.net/rapid"

	"kimberlite/sql/analyze"
	"kimberlite/sql/catalog"
	"kimberlite/sql/parser"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// world is a catalog without a store: statements that look at rows are tested through sessions.
type world struct {
	ov      *catalog.Overlay
	next    types.OID
	user    types.OID
	notices []string
}

func newWorld() *world {
	s := catalog.NewSnapshot().Apply(catalog.Bootstrap())
	return &world{ov: catalog.NewOverlay(s.Bind(catalog.PostgresOID)), next: catalog.FirstNormalOID, user: catalog.SuperuserOID}
}

func (w *world) exec(sql string) (tags []string, err error) {
	stmts, err := parser.Parse(sql)
	if err != nil {
		return nil, err
	}
	for i := range stmts {
		path := []types.OID{catalog.PgCatalogOID, catalog.PublicSchemaOID}
		w.ov.SetPath(path)
		env := &Env{
			Ctx: context.Background(), Overlay: w.ov, Analyze: &analyze.Env{Catalog: w.ov, SearchPath: path, User: w.user}, User: w.user,
			Database: catalog.PostgresOID, Text: sql,
			NewOID: func() (types.OID, error) { w.next++; return w.next, nil },
			Notice: func(e *pgerr.Error) {
				s := string(e.Severity) + ":  " + e.Message
				if e.Detail != "" {
					s += "\nDETAIL:  " + e.Detail
				}
				w.notices = append(w.notices, s)
			},
		}
		tag, handled, err := Run(env, stmts[i].Raw)
		if err != nil {
			return tags, err
		}
		if !handled {
			return tags, fmt.Errorf("not handled")
		}
		tags = append(tags, tag)
	}
	return tags, nil
}

// TestStatements runs the scripts in testdata; PostgreSQL 15 says what they answer.
func TestStatements(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		w := newWorld()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			w.notices = nil
			tags, err := w.exec(d.Input)
			out := append(w.notices, tags...)
			if err != nil {
				e := pgerr.From(err)
				out = append(out, "ERROR:  "+e.Message+" ("+e.Code+")")
				if e.Detail != "" {
					out = append(out, "DETAIL:  "+e.Detail)
				}
				if e.Hint != "" {
					out = append(out, "HINT:  "+e.Hint)
				}
			}
			return strings.Join(out, "\n") + "\n"
		})
	})
}

// TestFailureLeavesNothing: a statement that fails late has no effect (D2).
func TestFailureLeavesNothing(t *testing.T) {
	w := newWorld()
	before := w.ov.Snapshot().Dump()
	if _, err := w.exec("CREATE TABLE t (a serial PRIMARY KEY, b int REFERENCES nowhere)"); !pgerr.Is(err, pgerr.UndefinedTable) {
		t.Fatalf("got %v", err)
	}
	if after := w.ov.Snapshot().Dump(); after != before || w.ov.Changed() {
		t.Errorf("the catalog changed:\n%s", after)
	}
}

// TestDropTakesAll: CREATE and DROP ... CASCADE leave the catalog as it was, whatever hangs on the table.
func TestDropTakesAll(t *testing.T) {
	w := newWorld()
	before := w.ov.Snapshot().Dump()
	_, err := w.exec(`CREATE TABLE t (a serial PRIMARY KEY, b int GENERATED ALWAYS AS IDENTITY UNIQUE, c int CHECK (c > 0), d int GENERATED ALWAYS AS (c * 2) STORED);
		CREATE INDEX ON t (c) WHERE c > 5;
		CREATE VIEW v AS SELECT a, c FROM t; CREATE VIEW v2 AS SELECT * FROM v;
		COMMENT ON COLUMN t.c IS 'x'; COMMENT ON TABLE t IS 'y';
		CREATE SEQUENCE s OWNED BY t.c;
		DROP TABLE t CASCADE`)
	if err != nil {
		t.Fatal(err)
	}
	if after := w.ov.Snapshot().Dump(); after != before {
		t.Errorf("left behind:\n%s", after)
	}
}

func TestObjectNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n1, n2 := rapid.StringN(1, 80, 80).Draw(t, "n1"), rapid.StringN(0, 80, 80).Draw(t, "n2")
		label := rapid.SampledFrom([]string{"", "pkey", "idx", "key12"}).Draw(t, "label")
		s := makeObjectName(n1, n2, label)
		if len(s) > maxNameLen || !strings.HasSuffix(s, label) {
			t.Fatalf("%q", s)
		}
	})
}

// TestLabelKeys: labels keep their order wherever new ones are put.
func TestLabelKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l []types.EnumLabel
		for range rapid.IntRange(1, 25).Draw(t, "labels") {
			at := rapid.IntRange(0, len(l)).Draw(t, "at")
			l = append(l[:at:at], append([]types.EnumLabel{{Key: labelKey(l, at)}}, l[at:]...)...)
		}
		for i := 1; i < len(l); i++ {
			if l[i-1].Key >= l[i].Key {
				t.Fatalf("%v", l)
			}
		}
	})
}
