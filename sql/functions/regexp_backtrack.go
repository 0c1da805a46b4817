package functions

import (
	"regexp/syntax"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Patterns that Go's engine can't run - with back-references, look-around, or word edges where it has none - are matched by backtracking, which takes
// exponential time at worst: steps are counted and limited.

// areStepsMax bounds the steps of one search: about a second.
const areStepsMax = 20_000_000

// areMatcher is one search in a text.
type areMatcher struct {
	re    *are
	s     string
	caps  []int // bounds of the groups matched so far, -1 for none
	steps int
}

// needsBacktracking says whether a node, or one below it, is beyond Go's engine.
func (n *areNode) needsBacktracking() bool {
	if n.kind == areBackReference || n.kind == areLook {
		return true
	}
	for _, k := range n.kids {
		if k.needsBacktracking() {
			return true
		}
	}
	return false
}

// prepare finds the characters of literals and classes, and the widths of all nodes.
func (n *areNode) prepare(flags areFlags) error {
	for _, k := range n.kids {
		if err := k.prepare(flags); err != nil {
			return err
		}
	}
	switch n.kind {
	case areLiteral, areClass, areAny:
		w := areWriter{flags: flags}
		w.write(n, false)
		mode := syntax.Perl
		if flags.fold {
			mode |= syntax.FoldCase
		}
		tree, err := syntax.Parse(w.b.String(), mode)
		if err != nil {
			return errRegexp(areTooComplex)
		}
		n.ranges = runeRanges(tree)
	}
	n.setWidth()
	return nil
}

// runeRanges gives the pairs of bounds of what one character may be.
func runeRanges(tree *syntax.Regexp) (out []rune) {
	switch tree.Op {
	case syntax.OpLiteral:
		for _, r := range tree.Rune {
			out = append(out, r, r)
			if tree.Flags&syntax.FoldCase != 0 {
				for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
					out = append(out, f, f)
				}
			}
		}
		return out
	case syntax.OpCharClass:
		return tree.Rune
	case syntax.OpAnyCharNotNL:
		return []rune{0, '\n' - 1, '\n' + 1, utf8.MaxRune}
	case syntax.OpAnyChar:
		return []rune{0, utf8.MaxRune}
	}
	return nil
}

// setWidth computes how many bytes the node matches at least and at most (-1: no limit).
func (n *areNode) setWidth() {
	n.least, n.most = 0, 0
	switch n.kind {
	case areLiteral, areClass, areAny:
		n.least, n.most = utf8.UTFMax, 0
		for i := 0; i < len(n.ranges); i += 2 {
			n.least, n.most = min(n.least, utf8.RuneLen(n.ranges[i])), max(n.most, runeWidth(n.ranges[i+1]))
		}
	case areBackReference:
		n.most = -1
	case areGroup:
		n.least, n.most = n.kids[0].least, n.kids[0].most
	case areConcat:
		for _, k := range n.kids {
			n.least, n.most = n.least+k.least, addWidth(n.most, k.most)
		}
	case areAlt:
		n.least = n.kids[0].least
		for _, k := range n.kids {
			n.least = min(n.least, k.least)
			if n.most >= 0 {
				n.most = max(n.most, k.most)
			}
			if k.most < 0 {
				n.most = -1
			}
		}
	case areRepeat:
		k := n.kids[0]
		n.least, n.most = n.min*k.least, -1
		if n.max >= 0 && k.most >= 0 {
			n.most = n.max * k.most
		}
	}
}

func runeWidth(r rune) int {
	if w := utf8.RuneLen(r); w > 0 {
		return w
	}
	return utf8.UTFMax
}

func addWidth(a, b int) int {
	if a < 0 || b < 0 {
		return -1
	}
	return a + b
}

func (n *areNode) hasRune(r rune) bool {
	for i := 0; i < len(n.ranges); i += 2 {
		if r >= n.ranges[i] && r <= n.ranges[i+1] {
			return true
		}
	}
	return false
}

// backtrack finds the first match that starts at pos or later: the longest from there, or the shortest.
func (re *are) backtrack(s string, pos int) ([]int, error) {
	if !re.made[re.wholeSlot()].MatchString(s) { // no match even without what makes it hard
		return nil, nil
	}
	m := &areMatcher{re: re, s: s, caps: make([]int, 2*(re.groups+1))}
	for start := pos; start <= len(s); {
		end := m.end(start)
		if m.steps > areStepsMax {
			return nil, errRegexp(areTooComplex)
		}
		if end >= 0 {
			m.forget()
			if !m.exact(re.root, start, end, func() bool { return true }) && !m.from(re.root, start, func(e int) bool { return e == end }) {
				return nil, errRegexp(areTooComplex)
			}
			m.caps[0], m.caps[1] = start, end
			return m.caps, nil
		}
		if start == len(s) {
			break
		}
		_, size := utf8.DecodeRuneInString(s[start:])
		start += size
	}
	return nil, nil
}

func (m *areMatcher) forget() {
	for i := range m.caps {
		m.caps[i] = -1
	}
}

// end finds where the preferred match from start ends; -1 for none.
func (m *areMatcher) end(start int) int {
	m.forget()
	best := -1
	m.from(m.re.root, start, func(e int) bool {
		if best < 0 || (e < best) == m.re.shortest {
			best = e
		}
		return best == len(m.s) && !m.re.shortest || best == start && m.re.shortest
	})
	return best
}

// step counts; false means give up.
func (m *areMatcher) step() bool {
	m.steps++
	return m.steps <= areStepsMax
}

// from tries all ways to match n at b and calls k with each end until it returns true.
func (m *areMatcher) from(n *areNode, b int, k func(e int) bool) bool {
	if !m.step() || len(m.s)-b < n.least {
		return false
	}
	switch n.kind {
	case areLiteral, areClass, areAny:
		if b == len(m.s) {
			return false
		}
		r, size := utf8.DecodeRuneInString(m.s[b:])
		return n.hasRune(r) && k(b+size)
	case areGroup:
		return m.from(n.kids[0], b, func(e int) bool { return m.captured(n, b, e, func() bool { return k(e) }) })
	case areConcat:
		return m.sequence(n.kids, b, k)
	case areAlt:
		for _, kid := range n.kids {
			if m.from(kid, b, k) {
				return true
			}
		}
		return false
	case areRepeat:
		return m.rounds(n, b, 0, k)
	case areBackReference:
		size, ok := m.sameAsGroup(n, b)
		return ok && k(b+size)
	}
	return m.holds(n, b) && k(b)
}

func (m *areMatcher) sequence(kids []*areNode, b int, k func(e int) bool) bool {
	if len(kids) == 0 {
		return k(b)
	}
	return m.from(kids[0], b, func(e int) bool { return m.sequence(kids[1:], e, k) })
}

// rounds matches n, a repetition of which done rounds are over, at b.
func (m *areMatcher) rounds(n *areNode, b, done int, k func(e int) bool) bool {
	more := func() bool {
		return (n.max < 0 || done < n.max) && m.from(n.kids[0], b, func(e int) bool {
			if e == b && done >= n.min { // an empty round leads nowhere
				return false
			}
			return m.rounds(n, e, done+1, k)
		})
	}
	if done < n.min {
		return more()
	}
	if n.lazy {
		return k(b) || more()
	}
	return more() || k(b)
}

// captured records a group's match while k runs.
func (m *areMatcher) captured(n *areNode, b, e int, k func() bool) bool {
	if !n.capture {
		return k()
	}
	at := m.caps[2*n.group : 2*n.group+2]
	old := [2]int{at[0], at[1]}
	at[0], at[1] = b, e
	if k() {
		return true
	}
	at[0], at[1] = old[0], old[1]
	return false
}

// sameAsGroup says whether the text at b repeats what the group matched, and how long that is.
func (m *areMatcher) sameAsGroup(n *areNode, b int) (size int, ok bool) {
	at := m.caps[2*n.group : 2*n.group+2]
	if at[0] < 0 {
		return 0, false
	}
	want := m.s[at[0]:at[1]]
	if len(m.s)-b < len(want) {
		return 0, false
	}
	have := m.s[b : b+len(want)]
	return len(want), have == want || m.re.flags.fold && strings.EqualFold(have, want)
}

// exact matches n with all of s[b:e]. Each part takes as much (or as little) as it prefers, in order from the left, which decides the groups.
func (m *areMatcher) exact(n *areNode, b, e int, k func() bool) bool {
	if !m.step() || e-b < n.least || n.most >= 0 && e-b > n.most {
		return false
	}
	switch n.kind {
	case areLiteral, areClass, areAny:
		r, size := utf8.DecodeRuneInString(m.s[b:e])
		return size == e-b && n.hasRune(r) && k()
	case areGroup:
		return m.exact(n.kids[0], b, e, func() bool { return m.captured(n, b, e, k) })
	case areConcat:
		return m.exactSequence(n.kids, b, e, k)
	case areAlt:
		for _, kid := range n.kids {
			if m.exact(kid, b, e, k) {
				return true
			}
		}
		return false
	case areRepeat:
		return m.exactRounds(n, b, e, 0, k)
	case areBackReference:
		size, ok := m.sameAsGroup(n, b)
		return ok && size == e-b && k()
	}
	return b == e && m.holds(n, b) && k()
}

func (m *areMatcher) exactSequence(kids []*areNode, b, e int, k func() bool) bool {
	switch len(kids) {
	case 0:
		return b == e && k()
	case 1:
		return m.exact(kids[0], b, e, k)
	}
	rest := 0
	for _, kid := range kids[1:] {
		rest += kid.least
	}
	return m.split(kids[0], b, e-rest, func(mid int) bool {
		return m.exact(kids[0], b, mid, func() bool { return m.exactSequence(kids[1:], mid, e, k) })
	})
}

// split calls try for the places where n, begun at b, may end, in n's order of preference.
func (m *areMatcher) split(n *areNode, b, e int, try func(mid int) bool) bool {
	first, last := b+n.least, e
	if n.most >= 0 {
		last = min(last, b+n.most)
	}
	if n.preference() < 0 {
		for mid := first; mid <= last; mid++ {
			if try(mid) {
				return true
			}
		}
		return false
	}
	for mid := last; mid >= first; mid-- {
		if try(mid) {
			return true
		}
	}
	return false
}

func (m *areMatcher) exactRounds(n *areNode, b, e, done int, k func() bool) bool {
	if b == e && done >= n.min {
		return k()
	}
	if n.max >= 0 && done >= n.max {
		return false
	}
	return m.split(n.kids[0], b, e, func(mid int) bool {
		if mid == b && done >= n.min {
			return false
		}
		return m.exact(n.kids[0], b, mid, func() bool { return m.exactRounds(n, mid, e, done+1, k) })
	})
}

// holds says whether a constraint is met at b.
func (m *areMatcher) holds(n *areNode, b int) bool {
	switch n.kind {
	case areEmpty:
		return true
	case areBOL:
		return b == 0 || m.re.flags.lineAnchors && m.s[b-1] == '\n'
	case areEOL:
		return b == len(m.s) || m.re.flags.lineAnchors && m.s[b] == '\n'
	case areStart:
		return b == 0
	case areEnd:
		return b == len(m.s)
	case areLook:
		return m.looks(n, b) != n.not
	}
	before, after := m.wordBefore(b), m.wordAfter(b)
	switch n.kind {
	case areWordStart:
		return !before && after
	case areWordEnd:
		return before && !after
	case areWordEdge:
		return before != after
	}
	return before == after // areNotWordEdge
}

// looks says whether what a look-around wants is there, whatever it says of that.
func (m *areMatcher) looks(n *areNode, b int) bool {
	if !n.behind {
		return m.from(n.kids[0], b, func(int) bool { return true })
	}
	for start := b - n.kids[0].least; start >= 0; start-- {
		if n.kids[0].most >= 0 && b-start > n.kids[0].most {
			return false
		}
		if m.exact(n.kids[0], start, b, func() bool { return true }) {
			return true
		}
	}
	return false
}

func (m *areMatcher) wordBefore(b int) bool {
	r, _ := utf8.DecodeLastRuneInString(m.s[:b])
	return b > 0 && isWordRange(r, r)
}

func (m *areMatcher) wordAfter(b int) bool {
	r, _ := utf8.DecodeRuneInString(m.s[b:])
	return b < len(m.s) && isWordRange(r, r)
}
