package analyze_test

import (
	"testing"

	"kimberlite/sql/analyze"
	"kimberlite/sql/parser"
	"kimberlite/sql/types"
)

// TestNormalizedAgrees: a statement with its literals taken out means the same as the one written, unless analysis refuses it: then the session goes
// back to the original.
func TestNormalizedAgrees(t *testing.T) {
	env := newSchema(t)
	var n parser.Normalizer
	normalized, refused := 0, 0
	for _, sql := range seeds(t) {
		if _, _, err := analyzeSQL(env, sql); err != nil {
			continue
		}
		want := describeOurs(env, sql)
		norm, ok := n.Normalize(sql)
		text, lits := norm.Text, norm.Params
		if !ok || len(lits) == 0 || norm.Rows() > 1 {
			continue
		}
		normalized++
		stmts, err := parser.Parse(string(text))
		if err != nil {
			t.Errorf("%s\nbecame\n%s\n%v", sql, text, err)
			continue
		}
		params := make([]types.OID, len(lits))
		for i, l := range lits {
			params[i] = map[parser.LiteralKind]types.OID{parser.LiteralInt4: types.OIDInt4, parser.LiteralInt8: types.OIDInt8, parser.LiteralNumeric: types.OIDNumeric}[l.Kind]
		}
		q, ptypes, err := analyze.Analyze(env, &stmts[0], params)
		if err == nil {
			for i, l := range lits {
				if l.Null {
					continue
				}
				if _, e := types.In(env.IO, types.Of(ptypes[i]), l.Text); e != nil {
					err = e
				}
			}
		}
		if err != nil {
			refused++
			continue
		}
		if got := describeQuery(env, q, nil); got != want {
			t.Errorf("%s\nis\n%sbut normalized\n%s\nis\n%s", sql, want, text, got)
		}
	}
	t.Logf("%d normalized, %d of them refused by analysis", normalized, refused)
	if normalized < 100 || refused > normalized/2 {
		t.Errorf("%d normalized, %d of them refused by analysis", normalized, refused)
	}
}
