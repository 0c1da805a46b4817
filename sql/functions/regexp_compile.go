package functions

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// An are is a compiled advanced regular expression. Matching is done by Go's engine where it can, which takes time linear in the text. It
// finds the leftmost match; of these PostgreSQL wants the longest, or the shortest when the first quantifier is a non-greedy one.
type are struct {
	root     *areNode
	flags    areFlags
	groups   int
	shortest bool // the whole prefers the shortest match
	nullable bool
	own      bool // matched by backtracking
	made     [6]*regexp.Regexp
}

// The forms a pattern is compiled in. The engine can't start in the middle of a text and still see what is before, so a search from a later
// position runs over the text from one character before it.
const (
	areWhole = iota // the pattern, searched from the text's start
	areLater        // one character, then anything as short as possible, then the pattern
	areHere         // one character, then the pattern
	areForms        // each form again with every quantifier non-greedy
)

// compileARE compiles a pattern. Errors are 2201B, 22023, or 0A000 for basic regular expressions.
func compileARE(pattern string, flags areFlags) (*are, error) {
	root, p, err := parseARE(pattern, flags)
	if err != nil {
		return nil, err
	}
	re := &are{root: root, flags: p.flags, groups: p.groups, shortest: root.preference() < 0, nullable: root.nullable()}
	if re.own = root.needsBacktracking() || !root.plainWordEdges(nil, nil); re.own {
		if err := root.prepare(re.flags); err != nil {
			return nil, err
		}
	}
	if _, err := re.form(areWhole, re.shortest); err != nil {
		return nil, err
	}
	return re, nil
}

func (re *are) form(form int, lazy bool) (*regexp.Regexp, error) {
	slot := form
	if lazy {
		slot += areForms
	}
	if r := re.made[slot]; r != nil {
		return r, nil
	}
	w := areWriter{flags: re.flags, later: form != areWhole, relaxed: re.own}
	switch form {
	case areLater:
		w.b.WriteString(`\A(?s:.)(?s:.*?)`)
	case areHere:
		w.b.WriteString(`\A(?s:.)`)
	}
	if form != areWhole {
		w.b.WriteByte('(')
	}
	if re.flags.fold {
		w.b.WriteString("(?i:")
	} else {
		w.b.WriteString("(?:")
	}
	w.write(re.root, lazy)
	w.b.WriteByte(')')
	if form != areWhole {
		w.b.WriteByte(')')
	}
	r, err := regexp.Compile(w.b.String())
	if err != nil { // only limits of size: the syntax is ours
		return nil, errRegexp(areTooComplex)
	}
	if form != areLater && !re.shortest {
		r.Longest()
	}
	re.made[slot] = r
	return r, nil
}

// match says whether the pattern occurs in s.
func (re *are) match(s string) (bool, error) {
	if re.own {
		m, err := re.backtrack(s, 0)
		return m != nil, err
	}
	return re.made[re.wholeSlot()].MatchString(s), nil
}

func (re *are) wholeSlot() int {
	if re.shortest {
		return areWhole + areForms
	}
	return areWhole
}

// find returns the first match that starts at byte pos or later: the bounds of the whole and of each group (-1: took no part), nil for none.
func (re *are) find(s string, pos int) ([]int, error) {
	if re.own {
		return re.backtrack(s, pos)
	}
	m, err := re.search(s, pos, re.shortest)
	if err != nil || m == nil || !re.shortest || re.groups == 0 {
		return m, err
	}
	// Inside a match of a given length the groups follow their own preferences.
	own, err := re.search(s, pos, false)
	if err == nil && own != nil && own[0] == m[0] && own[1] == m[1] {
		m = own
	}
	return m, err
}

func (re *are) search(s string, pos int, lazy bool) ([]int, error) {
	if pos == 0 {
		r, err := re.form(areWhole, lazy)
		if err != nil {
			return nil, err
		}
		return r.FindStringSubmatchIndex(s), nil
	}
	r, err := re.form(areLater, lazy)
	if err != nil {
		return nil, err
	}
	base := before(s, pos)
	m := r.FindStringSubmatchIndex(s[base:])
	if m == nil {
		return nil, nil
	}
	if !re.shortest {
		base = before(s, base+m[2])
		if r, err = re.form(areHere, lazy); err != nil {
			return nil, err
		}
		if m = r.FindStringSubmatchIndex(s[base:]); m == nil {
			return nil, nil
		}
	}
	m = m[2:]
	for i := range m {
		if m[i] >= 0 {
			m[i] += base
		}
	}
	return m, nil
}

func before(s string, pos int) int {
	_, size := utf8.DecodeLastRuneInString(s[:pos])
	return pos - size
}

// each calls fn for the matches from byte pos on, in order, until it returns false.
func (re *are) each(s string, pos int, fn func(m []int) bool) error {
	if pos == 0 && !re.nullable && !re.shortest && !re.own { // the engine's own iteration is the same then
		r := re.made[areWhole]
		for _, m := range r.FindAllStringSubmatchIndex(s, -1) {
			if !fn(m) {
				return nil
			}
		}
		return nil
	}
	for pos <= len(s) {
		m, err := re.find(s, pos)
		if err != nil {
			return err
		}
		if m == nil || !fn(m) {
			return nil
		}
		pos = m[1]
		if m[0] == m[1] {
			if pos == len(s) {
				return nil
			}
			_, size := utf8.DecodeRuneInString(s[pos:])
			pos += size
		}
	}
	return nil
}

// preference is 1 for greedy, -1 for non-greedy and 0 for neither, by the rules of section 9.7.3.5.
func (n *areNode) preference() int {
	switch n.kind {
	case areAlt:
		return 1
	case areGroup:
		return n.kids[0].preference()
	case areConcat:
		for _, k := range n.kids {
			if p := k.preference(); p != 0 {
				return p
			}
		}
	case areRepeat:
		switch {
		case n.min == n.max && n.kids[0].kind != areGroup:
			return n.kids[0].preference()
		case n.lazy:
			return -1
		}
		return 1
	}
	return 0
}

func (n *areNode) nullable() bool {
	switch n.kind {
	case areLiteral, areAny, areClass:
		return false
	case areLook:
		return true
	case areGroup:
		return n.kids[0].nullable()
	case areAlt:
		for _, k := range n.kids {
			if k.nullable() {
				return true
			}
		}
		return false
	case areConcat:
		for _, k := range n.kids {
			if !k.nullable() {
				return false
			}
		}
		return true
	case areRepeat:
		return n.min == 0 || n.kids[0].nullable()
	}
	return true
}

// plainWordEdges says whether all \m and \M have a neighbour that makes sure that the engine's \b means the same. prev and next are what
// surrounds n.
func (n *areNode) plainWordEdges(prev, next *areNode) bool {
	switch n.kind {
	case areConcat:
		for i, k := range n.kids {
			p, q := prev, next
			if i > 0 {
				p = n.kids[i-1]
			}
			if i+1 < len(n.kids) {
				q = n.kids[i+1]
			}
			if !k.plainWordEdges(p, q) {
				return false
			}
		}
		return true
	case areRepeat: // the neighbour may be another round
		prev, next = nil, nil
	case areWordStart:
		return next != nil && next.wordAt(true)
	case areWordEnd:
		return prev != nil && prev.wordAt(false)
	}
	for _, k := range n.kids {
		if !k.plainWordEdges(prev, next) {
			return false
		}
	}
	return true
}

// wordAt says whether all texts n matches are not empty and begin (or end) with a word character.
func (n *areNode) wordAt(begin bool) bool {
	switch n.kind {
	case areLiteral:
		r, _ := utf8.DecodeRuneInString(n.text)
		return isWordRange(r, r)
	case areClass:
		return n.word
	case areGroup:
		return n.kids[0].wordAt(begin)
	case areRepeat:
		return n.min > 0 && n.kids[0].wordAt(begin)
	case areAlt:
		for _, k := range n.kids {
			if !k.wordAt(begin) {
				return false
			}
		}
		return true
	case areConcat:
		if len(n.kids) == 0 {
			return false
		}
		if begin {
			return n.kids[0].wordAt(begin)
		}
		return n.kids[len(n.kids)-1].wordAt(begin)
	}
	return false
}

// areWriter prints a tree in Go's syntax.
type areWriter struct {
	b     strings.Builder
	flags areFlags
	later bool // the text's start is not there to match
	// relaxed: what the engine can't do is left out, so that whatever matches the pattern matches what is written.
	relaxed bool
}

const areNever = `[^\x00-\x{10ffff}]`

func (w *areWriter) write(n *areNode, lazy bool) {
	switch n.kind {
	case areLiteral:
		w.b.WriteString(regexp.QuoteMeta(n.text))
	case areAny:
		if w.flags.dotNoNewline {
			w.b.WriteString(`[^\n]`)
		} else {
			w.b.WriteString(`(?s:.)`)
		}
	case areClass:
		w.b.WriteByte('[')
		if n.not {
			w.b.WriteByte('^')
		}
		w.b.WriteString(n.text)
		if n.not && w.flags.dotNoNewline && n.text != areDigits && n.text != areWords {
			w.b.WriteString(`\n`)
		}
		w.b.WriteByte(']')
	case areGroup:
		if n.capture {
			w.b.WriteByte('(')
		} else {
			w.b.WriteString("(?:")
		}
		w.write(n.kids[0], lazy)
		w.b.WriteByte(')')
	case areConcat:
		for _, k := range n.kids {
			w.write(k, lazy)
		}
	case areAlt:
		w.b.WriteString("(?:")
		for i, k := range n.kids {
			if i > 0 {
				w.b.WriteByte('|')
			}
			w.write(k, lazy)
		}
		w.b.WriteByte(')')
	case areRepeat:
		w.b.WriteString("(?:")
		w.write(n.kids[0], lazy || n.lazy)
		w.b.WriteByte(')')
		switch {
		case n.max < 0:
			fmt.Fprintf(&w.b, "{%d,}", n.min)
		default:
			fmt.Fprintf(&w.b, "{%d,%d}", n.min, n.max)
		}
		if lazy || n.lazy {
			w.b.WriteByte('?')
		}
	case areBackReference:
		w.b.WriteString(`(?s:.*)`)
	case areLook:
		w.b.WriteString("(?:)")
	default:
		if !w.relaxed || n.kind < areWordStart {
			w.anchor(n.kind)
		}
	}
}

func (w *areWriter) anchor(kind areKind) {
	switch kind {
	case areBOL:
		switch {
		case w.flags.lineAnchors:
			w.b.WriteString(`(?m:^)`)
		case w.later:
			w.b.WriteString(areNever)
		default:
			w.b.WriteString(`\A`)
		}
	case areStart:
		if w.later {
			w.b.WriteString(areNever)
		} else {
			w.b.WriteString(`\A`)
		}
	case areEOL:
		if w.flags.lineAnchors {
			w.b.WriteString(`(?m:$)`)
		} else {
			w.b.WriteString(`\z`)
		}
	case areEnd:
		w.b.WriteString(`\z`)
	case areWordStart, areWordEnd, areWordEdge:
		w.b.WriteString(`\b`)
	case areNotWordEdge:
		w.b.WriteString(`\B`)
	}
}
