package analyze_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"kimberlite/sql/analyze"
	"kimberlite/sql/parser"
	"kimberlite/sql/pgerr"
)

// seeds are the statements of the scripts.
func seeds(t testing.TB) []string {
	var out []string
	for _, dir := range []string{"testdata/reference", "testdata/trees"} {
		files, err := filepath.Glob(dir + "/*")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, part := range strings.Split(string(b), "query\n")[1:] {
				sql, _, _ := strings.Cut(part, "\n----")
				out = append(out, sql)
			}
		}
	}
	return out
}

// knownInternal is an internal error that PostgreSQL has too: SELECT (ROW('a')).f1.
const knownInternal = "failed to find conversion function from unknown to"

// FuzzAnalyze: whatever the text, analysis returns an error or a tree, and no internal error.
func FuzzAnalyze(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	env := newSchema(f)
	f.Fuzz(func(t *testing.T, sql string) {
		stmts, err := parser.Parse(sql)
		if err != nil {
			return
		}
		for i := range stmts {
			if _, _, err := analyze.Analyze(env, &stmts[i], nil); err != nil && pgerr.Code(err) == pgerr.InternalError && !strings.Contains(err.Error(), knownInternal) {
				t.Errorf("%q: %v", sql, err)
			}
		}
	})
}

// token matches the tokens of the scripts' statements, roughly.
var token = regexp.MustCompile(`'[^']*'|\w+|::|\|\||<=|>=|<>|->>|->|=>|[^\w\s]`)

// TestMutations analyzes statements made by exchanging tokens of the scripts' statements: a quick and steady relative of FuzzAnalyze.
func TestMutations(t *testing.T) {
	env := newSchema(t)
	all := seeds(t)
	var words []string
	for _, s := range all {
		words = append(words, token.FindAllString(s, -1)...)
	}
	rnd := uint64(1)
	next := func(n int) int {
		rnd = rnd*6364136223846793005 + 1442695040888963407
		return int(rnd>>33) % n
	}
	parsed := 0
	for range 4000 {
		toks := token.FindAllString(all[next(len(all))], -1)
		for range 1 + next(2) {
			toks[next(len(toks))] = words[next(len(words))]
		}
		sql := strings.Join(toks, " ")
		stmts, err := parser.Parse(sql)
		if err != nil {
			continue
		}
		for i := range stmts {
			parsed++
			if _, _, err := analyze.Analyze(env, &stmts[i], nil); err != nil && pgerr.Code(err) == pgerr.InternalError && !strings.Contains(err.Error(), knownInternal) {
				t.Errorf("%q: %v", sql, err)
			}
		}
	}
	if parsed < 400 {
		t.Errorf("only %d statements came through the grammar", parsed)
	}
}
