package parser

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	pg_query "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/pgerr"
)

// TestScripts runs testdata: "parse" prints the statements or the error, "normalize" the text without literals.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "parse":
				return describeParse(d.Input)
			case "normalize":
				var n Normalizer
				return describeNormalized(n.Normalize(d.Input))
			}
			t.Fatalf("unknown command %s", d.Cmd)
			return ""
		})
	})
}

func describeNormalized(n Normalized, ok bool) string {
	if !ok {
		return "refused\n"
	}
	out := string(n.Text) + "\n"
	show := func(l Literal) string {
		if l.Null {
			return "null"
		}
		return fmt.Sprintf("%q", l.Text)
	}
	for i, l := range n.Params {
		out += fmt.Sprintf("$%d %s %s", i+1, [...]string{"int4", "int8", "numeric", "string", "null"}[l.Kind], show(l))
		for k := i; i < n.PerRow && k < len(n.More); k += n.PerRow {
			out += ", " + show(n.More[k])
		}
		out += "\n"
	}
	return out
}

func describeParse(sql string) string {
	stmts, err := Parse(sql)
	if err != nil {
		e := pgerr.From(err)
		out := fmt.Sprintf("%s: %s @%d\n", e.Code, e.Message, e.Position)
		if e.Hint != "" {
			out += "HINT: " + e.Hint + "\n"
		}
		return out
	}
	var b strings.Builder
	for _, s := range stmts {
		kind := strings.TrimPrefix(fmt.Sprintf("%T", s.Raw.Node), "*pg_query.Node_")
		fmt.Fprintf(&b, "%s %d+%d %q\n", kind, s.Location, s.Length, s.Text)
		if sql[s.Location:s.Location+s.Length] != s.Text {
			b.WriteString("TEXT AND LOCATION DIFFER\n")
		}
	}
	for table, as := range stmtsAsOf(stmts) {
		fmt.Fprintf(&b, "as of: table at %d, clause at %d, position %v, expression %T\n", table, as.Loc, as.Position, as.Expr.Node)
	}
	if b.Len() == 0 {
		return "nothing\n"
	}
	return b.String()
}

func stmtsAsOf(stmts []Stmt) map[int32]*AsOf {
	for _, s := range stmts {
		return s.AsOf
	}
	return nil
}

// TestNormalizeKeepsMeaning puts the literals back and compares the parse trees.
func TestNormalizeKeepsMeaning(t *testing.T) {
	var n Normalizer
	for _, sql := range normalizable {
		norm, ok := n.Normalize(sql)
		if !ok {
			t.Errorf("refused: %s", sql)
			continue
		}
		text, lits := norm.Text, norm.Params
		back := string(text)
		for i := len(lits); i >= 1; i-- {
			v := lits[i-1].Text
			if lits[i-1].Kind == LiteralString {
				v = "'" + strings.ReplaceAll(v, "'", "''") + "'"
			}
			back = strings.Replace(back, fmt.Sprintf("$%d", i), v, 1)
		}
		if a, b := deparsed(t, sql), deparsed(t, back); a != b {
			t.Errorf("%s\nnormalized: %s\nput back:   %s", sql, text, back)
		}
	}
}

func deparsed(t *testing.T, sql string) string {
	tree, err := pg_query.Parse(sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	out, err := pg_query.Deparse(tree)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return out
}

var normalizable = []string{
	"SELECT abalance FROM pgbench_accounts WHERE aid = 12345",
	"UPDATE pgbench_accounts SET abalance = abalance + -4711 WHERE aid = 99;",
	"INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (1, 2, 3, -4, CURRENT_TIMESTAMP)",
	"SELECT c FROM t WHERE id BETWEEN 1 AND 100 ORDER BY c, 2 LIMIT 5 OFFSET 10",
	"SELECT a, 'it''s', -5, - 5, -5::int8, a-5, a - -5, 1.5e3, .5, 99999999999 FROM t",
	"SELECT x FROM t WHERE d > date '2020-01-01' AND e < interval '1 day' AND f = 'x'",
	"SELECT x::numeric(10,2), cast(y AS varchar(5)), 'a'::char(3), extract(year FROM d), substring(x FROM 2 FOR 3) FROM t WHERE y = 'z'",
	"SELECT CASE WHEN a = 1 THEN 'x' ELSE 'y' END FROM t WHERE b IN (1, 2, 3) AND c LIKE 'a%' ORDER BY CASE WHEN a THEN 1 ELSE 2 END, 1",
	"DELETE FROM t /* comment 'x' */ WHERE a = 1 -- trailing 5",
	"WITH x AS (SELECT 1 AS a) SELECT a FROM x WHERE a = 2",
	"SELECT t.\"Weird 5\" FROM t WHERE a[1] = 2 AND b->'k' = '1' AND j->>'q' LIKE 'z'",
	"SELECT f(1, 'a', b => 2), g(VARIADIC ARRAY[1,2]) FROM t WHERE a = ANY ('{1,2}') AND b = ALL (ARRAY[3])",
	"SELECT 'a' || 'b', 5 % 2, 2 ^ -1, @ -3, ~1 FROM t",
}

// TestLexerAgrees compares token boundaries with the grammar's scanner.
func TestLexerAgrees(t *testing.T) {
	for _, sql := range append([]string{"select $1, $tag$ x ' $tag$, $$y$$, E'\\'', B'1', X'f', 1..2, a.b, /* n /* m */ */ x -- y\n, \"q\"\"r\""}, normalizable...) {
		res, err := pg_query.Scan(sql)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, tok := range res.Tokens {
			if tok.Token == pg_query.Token_C_COMMENT || tok.Token == pg_query.Token_SQL_COMMENT {
				continue
			}
			want = append(want, sql[tok.Start:tok.End])
		}
		var got []string
		l := lexer{s: sql}
		for tok := l.next(); tok.kind != tokEOF; tok = l.next() {
			got = append(got, sql[tok.start:tok.end])
		}
		// :: and .. are two tokens here, harmlessly; so is an operator with a sign behind it.
		squash := func(l []string) string { return strings.ReplaceAll(strings.Join(l, ""), " ", "") }
		if squash(got) != squash(want) {
			t.Errorf("%s\n%q\n%q", sql, got, want)
		}
	}
}

// TestDeep: what would overflow the stack of the grammar's code is refused.
func TestDeep(t *testing.T) {
	for _, sql := range []string{
		"SELECT " + strings.Repeat("(", 100000), "SELECT " + strings.Repeat("- ", 100000) + "1", "SELECT 1" + strings.Repeat("+1", 100000),
		"SELECT " + strings.Repeat("NOT ", 100000) + "true", "SELECT a" + strings.Repeat("[1]", 100000), "SELECT a" + strings.Repeat("::int", 100000),
		"SELECT " + strings.Repeat("CASE WHEN true THEN ", 100000), "SELECT 1" + strings.Repeat(" UNION SELECT 1", 100000),
		"SELECT * FROM a" + strings.Repeat(" JOIN a ON true", 100000), "SELECT a" + strings.Repeat(" COLLATE \"C\"", 100000), "SELECT a" + strings.Repeat(" IS NULL", 100000),
		"SELECT a" + strings.Repeat(" AT TIME ZONE 'x'", 50000),
	} {
		if _, err := Parse(sql); err == nil || pgerr.Code(err) != pgerr.StatementTooComplex && pgerr.Code(err) != pgerr.SyntaxError {
			t.Errorf("%.30s...: %v", sql, err)
		}
	}
	if _, err := Parse("SELECT 1" + strings.Repeat(" + 1", 1500)); err != nil {
		t.Error(err)
	}
	if _, err := Parse("SELECT 1 WHERE a = 1" + strings.Repeat(" OR a = 2", 10000)); err != nil {
		t.Error(err)
	}
	if _, err := Parse("INSERT INTO t VALUES (1, 'x')" + strings.Repeat(", (2, -3)", 20000)); err != nil {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range normalizable {
		f.Add(s)
	}
	f.Add("SELECT * FROM t AS OF TIMESTAMP now() - interval '1' x, u AS OF POSITION (3)")
	f.Fuzz(func(t *testing.T, sql string) {
		if strings.IndexByte(sql, 0) >= 0 {
			return
		}
		_, _ = Parse(sql)
		var n Normalizer
		if norm, ok := n.Normalize(sql); ok {
			if _, err := pg_query.Parse(sql); err == nil {
				if _, err := pg_query.Parse(string(norm.Text)); err != nil {
					t.Errorf("%q parses, normalized %q does not: %v", sql, norm.Text, err)
				}
			}
		}
	})
}

func BenchmarkNormalize(b *testing.B) {
	var n Normalizer
	b.ReportAllocs()
	for b.Loop() {
		n.Normalize("SELECT abalance FROM pgbench_accounts WHERE aid = 12345")
	}
}

func BenchmarkNormalizeRows(b *testing.B) {
	var n Normalizer
	sql := "insert into t (k, v) values (1 + 1, 'the quick brown fox jumps over the lazy dog, twice')" + strings.Repeat(", (1 + 2, 'the quick brown fox jumps over the lazy dog, twice')", 99)
	b.SetBytes(int64(len(sql)))
	b.ReportAllocs()
	for b.Loop() {
		n.Normalize(sql)
	}
}

func BenchmarkParse(b *testing.B) {
	for b.Loop() {
		if _, err := Parse("SELECT abalance FROM pgbench_accounts WHERE aid = 12345"); err != nil {
			b.Fatal(err)
		}
	}
}
