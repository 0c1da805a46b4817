package analyze_test

import (
	"testing"

	"github.com/cockroachdb/datadriven"

	"kimberlite/sql/analyze"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// TestTrees pins the query trees of statements whose result types alone do not tell whether they were understood: scripts in testdata/trees.
func TestTrees(t *testing.T) {
	env := newSchema(t)
	datadriven.Walk(t, "testdata/trees", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			q, _, err := analyzeSQL(env, d.Input)
			if err != nil {
				e := pgerr.From(err)
				return printError(e.Code, e.Message, e.Detail, e.Hint, e.Position)
			}
			return tree.FormatQuery(q, namesOf(env))
		})
	})
}

// namesOf prints names instead of OIDs.
func namesOf(env *analyze.Env) func(kind byte, oid types.OID) string {
	cat := env.Catalog
	return func(kind byte, oid types.OID) string {
		switch kind {
		case 'f':
			if p := cat.Proc(oid); p != nil {
				return p.Name
			}
		case 'o':
			if o := cat.Operator(oid); o != nil {
				return o.Name
			}
		case 't':
			if t := cat.TypeByOID(oid); t != nil {
				return t.Name
			}
		case 'r':
			if r := cat.Relation(oid); r != nil {
				return r.Name
			}
		case 'c':
			if c := cat.Collation(oid); c != nil {
				return c.Name
			}
		}
		return ""
	}
}

// TestStoredTrees sends every tree of the reference and tree scripts through the stored form and back.
func TestStoredTrees(t *testing.T) {
	env := newSchema(t)
	for _, dir := range []string{"testdata/trees", "testdata/reference"} {
		datadriven.Walk(t, dir, func(t *testing.T, path string) {
			datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
				q, _, err := analyzeSQL(env, d.Input)
				if err != nil {
					return d.Expected
				}
				back, err := tree.DecodeQuery(tree.EncodeQuery(q))
				if err != nil {
					t.Errorf("%s: %v", d.Input, err)
				} else if !tree.EqualQueries(q, back) {
					t.Errorf("%s: the stored form is different", d.Input)
				}
				return d.Expected
			})
		})
	}
}
