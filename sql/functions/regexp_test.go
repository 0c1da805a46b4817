package functions

import (
	"strings"
	"testing"

	"kimberlite/sql/pgerr"
)

// TestRegexpRefusals: basic regular expressions are refused, not matched by other rules.
func TestRegexpRefusals(t *testing.T) {
	if _, err := compileARE(`(?b)a`, areFlags{}); !pgerr.Is(err, pgerr.FeatureNotSupported) {
		t.Error(err)
	}
}

// TestBacktrackingIsBounded: a search that would take for ever ends with an error.
func TestBacktrackingIsBounded(t *testing.T) {
	re, err := compileARE(`^(a|a)*\1b`, areFlags{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := re.match(strings.Repeat("a", 100) + "c" + "b"); !pgerr.Is(err, pgerr.InvalidRegularExpression) {
		t.Error(err)
	}
}

// FuzzRegexp: no pattern makes the translation produce what the engine doesn't take, and matches stay inside the text.
func FuzzRegexp(f *testing.F) {
	f.Add(`(a|b)*?c{2,3}[^[:alpha:]x-]\d`, "abcc1")
	f.Add(`[\w\]-]+$`, "a]")
	f.Add(`(a*?)(?=b|\y)\1(?<!c.)`, "aab ac")
	f.Fuzz(func(t *testing.T, pattern, s string) {
		re, err := compileARE(pattern, areFlags{})
		if err != nil {
			return
		}
		last := 0
		err = re.each(s, 0, func(m []int) bool {
			if m[0] < last || m[1] < m[0] || m[1] > len(s) {
				t.Fatalf("%q in %q: match %v after %d", pattern, s, m, last)
			}
			last = m[1]
			return true
		})
		if err != nil && !pgerr.Is(err, pgerr.InvalidRegularExpression) {
			t.Fatal(err)
		}
	})
}
