package functions

import (
	"testing"

	"kimberlite/sql/pgerr"
)

// TestRegexpRefusals: what the engine can't do is refused, not matched differently.
func TestRegexpRefusals(t *testing.T) {
	for _, p := range []string{`(a)\1`, `a(?=b)`, `a(?!b)`, `(?<=a)b`, `(?<!a)b`, `\m.`, `.\M`, `(?b)a`} {
		if _, err := compileARE(p, areFlags{}); !pgerr.Is(err, pgerr.FeatureNotSupported) {
			t.Errorf("%s: %v", p, err)
		}
	}
}

// FuzzRegexp: no pattern makes the translation produce what the engine doesn't take, and matches stay inside the text.
func FuzzRegexp(f *testing.F) {
	f.Add(`(a|b)*?c{2,3}[^[:alpha:]x-]\d`, "abcc1")
	f.Add(`[\w\]-]+$`, "a]")
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
