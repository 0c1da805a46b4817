package functions

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"kimberlite/sql/pgerr"
)

// The parser of advanced regular expressions (9.7.3): it makes a tree with PostgreSQL's rules and errors, which regexp_compile.go
// prints in the syntax of Go's engine.

type areKind uint8

const (
	areEmpty   areKind = iota
	areLiteral         // text is one character
	areAny             // .
	areClass           // text is the inside of a bracket expression in Go's syntax, not says whether it is negated
	areGroup           // kids[0], capturing or not
	areConcat
	areAlt
	areRepeat // kids[0] from min to max times (max < 0: no end)
	areBOL
	areEOL
	areStart // \A
	areEnd   // \Z
	areWordStart
	areWordEnd
	areWordEdge
	areNotWordEdge
	areBackReference // to group
	areLook          // kids[0] is there ahead, or behind; not says that it mustn't be
)

type areNode struct {
	kind     areKind
	text     string
	not      bool // a negated class or look-around
	behind   bool // a look-around looks back
	word     bool // a class of word characters only
	capture  bool
	lazy     bool
	min, max int
	group    int // number of a capturing group, or the one referred to
	kids     []*areNode
	// What backtracking wants to know: see prepare.
	ranges      []rune
	least, most int
}

// areFlags are the options of a pattern: the flags argument, then those embedded in the pattern.
type areFlags struct {
	fold, literal, expanded, escapeless, global bool
	dotNoNewline, lineAnchors                   bool
}

const areDupMax = 255 // the largest repetition count, PostgreSQL's DUPMAX

func errRegexp(msg string) error {
	return pgerr.Newf(pgerr.InvalidRegularExpression, "invalid regular expression: %s", msg)
}

const (
	areParens     = "parentheses () not balanced"
	areBrackets   = "brackets [] not balanced"
	areBraces     = "braces {} not balanced"
	areRepetition = "invalid repetition count(s)"
	areOperand    = "quantifier operand invalid"
	areEscape     = `invalid escape \ sequence`
	areRange      = "invalid character range"
	areCharClass  = "invalid character class"
	areCollating  = "invalid collating element"
	areBackRef    = "invalid backreference number"
	areOption     = "invalid embedded option"
	areTooComplex = "regular expression is too complex"
)

// parseRegexpFlags reads a flags argument.
func parseRegexpFlags(s string) (f areFlags, err error) {
	for _, r := range s {
		switch r {
		case 'g':
			f.global = true
		case 'b':
			return f, pgerr.Unsupported("basic regular expressions", "Write the pattern as an advanced regular expression, without the b flag.")
		default:
			if !f.set(byte(min(r, 127))) {
				return f, pgerr.Newf(pgerr.InvalidParameterValue, "invalid regular expression option: \"%c\"", r)
			}
		}
	}
	return f, nil
}

// set applies an option letter that is allowed in flags and in the pattern.
func (f *areFlags) set(c byte) bool {
	switch c {
	case 'c':
		f.fold = false
	case 'i':
		f.fold = true
	case 'e':
		f.escapeless = true
	case 'm', 'n':
		f.dotNoNewline, f.lineAnchors = true, true
	case 'p':
		f.dotNoNewline, f.lineAnchors = true, false
	case 'w':
		f.dotNoNewline, f.lineAnchors = false, true
	case 's':
		f.dotNoNewline, f.lineAnchors = false, false
	case 'q':
		f.literal = true
	case 't':
		f.expanded = false
	case 'x':
		f.expanded = true
	default:
		return false
	}
	return true
}

type areParser struct {
	s      string
	at     int
	flags  areFlags
	groups int // capturing ones begun so far
	depth  int
	closed map[int]bool // the capturing groups that have ended
	looks  int          // how many look-arounds are open: in them nothing is captured or referred to
}

// areMaxDepth bounds the nesting of groups, so that a pattern can't exhaust the stack; the engine's own limit is the same.
const areMaxDepth = 500

// parseARE parses a whole pattern.
func parseARE(pattern string, flags areFlags) (*areNode, *areParser, error) {
	p := &areParser{s: pattern, flags: flags, closed: map[int]bool{}}
	if !p.flags.literal {
		if err := p.prefix(); err != nil {
			return nil, nil, err
		}
	}
	if p.flags.literal {
		n := &areNode{kind: areConcat}
		for _, r := range p.s[p.at:] {
			n.kids = append(n.kids, &areNode{kind: areLiteral, text: string(r)})
		}
		return n, p, nil
	}
	n, err := p.alternatives()
	if err == nil && p.at < len(p.s) { // only a ) ends alternatives early
		err = errRegexp(areParens)
	}
	return n, p, err
}

// prefix reads the director *** and embedded options.
func (p *areParser) prefix() error {
	if rest, ok := strings.CutPrefix(p.s, "***"); ok {
		switch {
		case strings.HasPrefix(rest, "="):
			p.flags.literal, p.at = true, 4
			return nil
		case strings.HasPrefix(rest, ":"):
			p.flags.escapeless, p.at = false, 4
		default:
			return errRegexp(areOperand)
		}
	}
	rest := p.s[p.at:]
	if p.flags.escapeless || !strings.HasPrefix(rest, "(?") || len(rest) < 3 || rest[2]|0x20 < 'a' || rest[2]|0x20 > 'z' {
		return nil
	}
	i := 2
	for ; i < len(rest) && rest[i] != ')'; i++ {
		if rest[i] == 'b' {
			return pgerr.Unsupported("basic regular expressions", "Write the pattern as an advanced regular expression, without the b option.")
		}
		if !p.flags.set(rest[i]) {
			return errRegexp(areOption)
		}
	}
	if i == len(rest) {
		return errRegexp(areOption)
	}
	p.at += i + 1
	return nil
}

// skip passes comments, and white space in expanded syntax.
func (p *areParser) skip() {
	for p.at < len(p.s) {
		c := p.s[p.at]
		switch {
		case p.flags.expanded && (c == ' ' || c >= '\t' && c <= '\r'):
			p.at++
		case p.flags.expanded && c == '#':
			for p.at < len(p.s) && p.s[p.at] != '\n' {
				p.at++
			}
		case !p.flags.escapeless && strings.HasPrefix(p.s[p.at:], "(?#"):
			for p.at < len(p.s) && p.s[p.at] != ')' {
				p.at++
			}
			p.at = min(p.at+1, len(p.s))
		default:
			return
		}
	}
}

func (p *areParser) peek() byte {
	if p.at < len(p.s) {
		return p.s[p.at]
	}
	return 0
}

func (p *areParser) alternatives() (*areNode, error) {
	var alts []*areNode
	for {
		n, err := p.branch()
		if err != nil {
			return nil, err
		}
		alts = append(alts, n)
		if p.at == len(p.s) || p.s[p.at] != '|' {
			break
		}
		p.at++
	}
	if len(alts) == 1 {
		return alts[0], nil
	}
	return &areNode{kind: areAlt, kids: alts}, nil
}

func (p *areParser) branch() (*areNode, error) {
	n := &areNode{kind: areConcat}
	for {
		p.skip()
		if p.at == len(p.s) || p.s[p.at] == '|' || p.s[p.at] == ')' && (p.depth > 0 || !p.flags.escapeless) {
			return n, nil
		}
		a, constraint, err := p.atom()
		if err != nil {
			return nil, err
		}
		if !constraint {
			if a, err = p.quantified(a); err != nil {
				return nil, err
			}
		}
		n.kids = append(n.kids, a)
	}
}

func (p *areParser) isBound() bool {
	return p.peek() == '{' && p.at+1 < len(p.s) && p.s[p.at+1]-'0' < 10
}

// atom reads one atom or constraint; the latter takes no quantifier.
func (p *areParser) atom() (n *areNode, constraint bool, err error) {
	switch c := p.s[p.at]; c {
	case '*', '+', '?':
		return nil, false, errRegexp(areOperand)
	case '^':
		p.at++
		return &areNode{kind: areBOL}, true, nil
	case '$':
		p.at++
		return &areNode{kind: areEOL}, true, nil
	case '.':
		p.at++
		return &areNode{kind: areAny}, false, nil
	case '(':
		n, err = p.group()
		return n, err == nil && n.kind == areLook, err
	case '[':
		return p.bracket()
	case '\\':
		return p.escape()
	case '{':
		if p.isBound() {
			return nil, false, errRegexp(areOperand)
		}
	}
	_, size := utf8.DecodeRuneInString(p.s[p.at:])
	n = &areNode{kind: areLiteral, text: p.s[p.at : p.at+size]}
	p.at += size
	return n, false, nil
}

func (p *areParser) group() (*areNode, error) {
	p.at++
	n := &areNode{kind: areGroup, capture: true}
	if !p.flags.escapeless && p.peek() == '?' {
		rest := p.s[p.at:]
		switch {
		case strings.HasPrefix(rest, "?:"):
			p.at += 2
			n.capture = false
		case strings.HasPrefix(rest, "?="), strings.HasPrefix(rest, "?!"):
			p.at += 2
			n.kind, n.capture, n.not = areLook, false, rest[1] == '!'
		case strings.HasPrefix(rest, "?<="), strings.HasPrefix(rest, "?<!"):
			p.at += 3
			n.kind, n.capture, n.not, n.behind = areLook, false, rest[2] == '!', true
		default:
			return nil, errRegexp(areOperand)
		}
	}
	if n.capture = n.capture && p.looks == 0; n.capture {
		p.groups++
		n.group = p.groups
	}
	if n.kind == areLook {
		p.looks++
		defer func() { p.looks-- }()
	}
	if p.depth++; p.depth > areMaxDepth {
		return nil, errRegexp(areTooComplex)
	}
	kid, err := p.alternatives()
	if err != nil {
		return nil, err
	}
	if p.peek() != ')' {
		return nil, errRegexp(areParens)
	}
	p.depth--
	p.at++
	if n.kids = []*areNode{kid}; n.capture {
		p.closed[n.group] = true
	}
	return n, nil
}

// quantified reads the quantifier after an atom, if there is one.
func (p *areParser) quantified(a *areNode) (*areNode, error) {
	p.skip()
	n := &areNode{kind: areRepeat, kids: []*areNode{a}}
	switch p.peek() {
	case '*':
		n.max = -1
	case '+':
		n.min, n.max = 1, -1
	case '?':
		n.max = 1
	case '{':
		if !p.isBound() {
			return a, nil
		}
		if err := p.bound(n); err != nil {
			return nil, err
		}
	default:
		return a, nil
	}
	p.at++
	if !p.flags.escapeless && p.peek() == '?' {
		n.lazy = true
		p.at++
	}
	p.skip()
	if c := p.peek(); c == '*' || c == '+' || c == '?' || p.isBound() {
		return nil, errRegexp(areOperand)
	}
	return n, nil
}

// bound reads {m}, {m,} or {m,n} up to the brace.
func (p *areParser) bound(n *areNode) error {
	number := func() (int, error) {
		v := 0
		for p.at < len(p.s) && p.s[p.at]-'0' < 10 {
			if v = v*10 + int(p.s[p.at]-'0'); v > areDupMax {
				return 0, errRegexp(areRepetition)
			}
			p.at++
		}
		return v, nil
	}
	p.at++
	var err error
	if n.min, err = number(); err != nil {
		return err
	}
	n.max = n.min
	if p.peek() == ',' {
		p.at++
		n.max = -1
		if p.peek()-'0' < 10 {
			if n.max, err = number(); err != nil {
				return err
			}
			if n.max < n.min {
				return errRegexp(areRepetition)
			}
		}
	}
	if p.at == len(p.s) {
		return errRegexp(areBraces)
	}
	if p.s[p.at] != '}' {
		return errRegexp(areRepetition)
	}
	return nil
}

// Shorthands of classes, in Go's bracket syntax, ASCII only as in the C locale.
const (
	areDigits = `0-9`
	areSpaces = `\t-\r `
	areWords  = `0-9A-Za-z_`
)

// escape reads an escape outside brackets.
func (p *areParser) escape() (n *areNode, constraint bool, err error) {
	if p.at+1 >= len(p.s) {
		return nil, false, errRegexp(areEscape)
	}
	if p.flags.escapeless {
		_, size := utf8.DecodeRuneInString(p.s[p.at+1:])
		n = &areNode{kind: areLiteral, text: p.s[p.at+1 : p.at+1+size]}
		p.at += 1 + size
		return n, false, nil
	}
	c := p.s[p.at+1]
	constraints := map[byte]areKind{'A': areStart, 'Z': areEnd, 'm': areWordStart, 'M': areWordEnd, 'y': areWordEdge, 'Y': areNotWordEdge}
	if k, ok := constraints[c]; ok {
		p.at += 2
		return &areNode{kind: k}, true, nil
	}
	switch c {
	case 'd', 'D', 's', 'S', 'w', 'W':
		p.at += 2
		text := map[byte]string{'d': areDigits, 's': areSpaces, 'w': areWords}[c|0x20]
		return &areNode{kind: areClass, text: text, not: c < 'a', word: c == 'd' || c == 'w'}, false, nil
	}
	if c >= '1' && c <= '9' {
		return p.numbered()
	}
	r, err := p.escapedChar()
	if err != nil {
		return nil, false, err
	}
	return &areNode{kind: areLiteral, text: string(r)}, false, nil
}

// numbered reads a backslash and a number that doesn't begin with 0: a back-reference, or an octal code when no such group exists.
func (p *areParser) numbered() (*areNode, bool, error) {
	end := p.at + 1
	for end < len(p.s) && p.s[end]-'0' < 10 {
		end++
	}
	ref, err := strconv.Atoi(p.s[p.at+1 : end])
	if end == p.at+2 || err == nil && ref <= p.groups {
		if ref > p.groups {
			return nil, false, errRegexp(areBackRef)
		}
		if p.looks > 0 || !p.closed[ref] {
			return nil, false, errRegexp(areBackRef)
		}
		p.at = end
		return &areNode{kind: areBackReference, group: ref}, false, nil
	}
	r, err := p.octal()
	if err != nil {
		return nil, false, err
	}
	return &areNode{kind: areLiteral, text: string(r)}, false, nil
}

func (p *areParser) octal() (rune, error) {
	p.at++
	v, n := rune(0), 0
	for ; n < 3 && p.at < len(p.s) && p.s[p.at]-'0' < 8; n++ {
		v = v*8 + rune(p.s[p.at]-'0')
		p.at++
	}
	if n == 0 {
		return 0, errRegexp(areEscape)
	}
	return v, nil
}

// escapedChar reads a backslash and what names one character.
func (p *areParser) escapedChar() (rune, error) {
	if p.at+1 >= len(p.s) {
		return 0, errRegexp(areEscape)
	}
	c := p.s[p.at+1]
	simple := map[byte]rune{'a': 7, 'b': 8, 'B': '\\', 'e': 27, 'f': 12, 'n': 10, 'r': 13, 't': 9, 'v': 11}
	if r, ok := simple[c]; ok {
		p.at += 2
		return r, nil
	}
	switch {
	case c == 'u':
		return p.hexCode(4, 4)
	case c == 'U':
		return p.hexCode(8, 8)
	case c == 'x':
		return p.hexCode(1, 255)
	case c == '0':
		return p.octal()
	case c == 'c':
		if p.at+2 >= len(p.s) {
			return 0, errRegexp(areEscape)
		}
		p.at += 3
		return rune(p.s[p.at-1] & 31), nil
	case c-'0' < 10 || c|0x20 >= 'a' && c|0x20 <= 'z':
		return 0, errRegexp(areEscape)
	}
	r, size := utf8.DecodeRuneInString(p.s[p.at+1:])
	p.at += 1 + size
	return r, nil
}

func (p *areParser) hexCode(least, most int) (rune, error) {
	p.at += 2
	begin := p.at
	for p.at < len(p.s) && p.at-begin < most && isHexDigit(p.s[p.at]) {
		p.at++
	}
	if p.at-begin < least {
		return 0, errRegexp(areEscape)
	}
	v, err := strconv.ParseUint(p.s[begin:p.at], 16, 32)
	if err != nil || v > utf8.MaxRune {
		return 0, errRegexp(areEscape)
	}
	return rune(v), nil
}

func isHexDigit(c byte) bool { return c-'0' < 10 || c|0x20 >= 'a' && c|0x20 <= 'f' }

var areClassNames = map[string]string{
	"alnum": "0-9A-Za-z", "alpha": "A-Za-z", "ascii": `\x00-\x7f`, "blank": `\t `, "cntrl": `\x00-\x1f\x7f`, "digit": areDigits,
	"graph": "!-~", "lower": "a-z", "print": " -~", "punct": `!-/:-@\[-` + "`" + `{-~`, "space": areSpaces, "upper": "A-Z",
	"xdigit": "0-9A-Fa-f", "word": areWords,
}

// bracket reads a bracket expression, or one of the constraints [[:<:]] and [[:>:]].
func (p *areParser) bracket() (*areNode, bool, error) {
	for text, kind := range map[string]areKind{"[[:<:]]": areWordStart, "[[:>:]]": areWordEnd} {
		if strings.HasPrefix(p.s[p.at:], text) {
			p.at += len(text)
			return &areNode{kind: kind}, true, nil
		}
	}
	p.at++
	n := &areNode{kind: areClass, word: true}
	if p.peek() == '^' {
		n.not, n.word = true, false
		p.at++
	}
	var b strings.Builder
	for first := true; ; first = false {
		if p.at >= len(p.s) {
			return nil, false, errRegexp(areBrackets)
		}
		if p.s[p.at] == ']' && !first {
			p.at++
			break
		}
		if p.s[p.at] == '-' && !first && !strings.HasPrefix(p.s[p.at:], "-]") {
			return nil, false, errRegexp(areRange)
		}
		set, lo, err := p.bracketItem()
		if err != nil {
			return nil, false, err
		}
		hi := lo
		if p.peek() == '-' && !strings.HasPrefix(p.s[p.at:], "-]") {
			p.at++
			if p.at >= len(p.s) {
				return nil, false, errRegexp(areBrackets)
			}
			var other string
			if other, hi, err = p.bracketItem(); err != nil {
				return nil, false, err
			}
			if set != "" || other != "" || hi < lo {
				return nil, false, errRegexp(areRange)
			}
		}
		if set != "" {
			b.WriteString(set)
			n.word = n.word && (set == areDigits || set == areWords || set == "0-9A-Za-z" || set == "A-Za-z" || set == "a-z" || set == "A-Z")
			continue
		}
		n.word = n.word && isWordRange(lo, hi)
		b.WriteString(`\x{` + strconv.FormatInt(int64(lo), 16) + `}-\x{` + strconv.FormatInt(int64(hi), 16) + `}`)
	}
	n.text = b.String()
	return n, false, nil
}

func isWordRange(lo, hi rune) bool {
	in := func(a, b rune) bool { return lo >= a && hi <= b }
	return in('a', 'z') || in('A', 'Z') || in('0', '9') || in('_', '_')
}

// bracketItem reads a class (set) or one character of a bracket expression.
func (p *areParser) bracketItem() (set string, r rune, err error) {
	rest := p.s[p.at:]
	if len(rest) > 1 && rest[0] == '[' && (rest[1] == ':' || rest[1] == '.' || rest[1] == '=') {
		end := strings.Index(rest[2:], string(rest[1])+"]")
		if end < 0 {
			return "", 0, errRegexp(areBrackets)
		}
		name := rest[2 : 2+end]
		p.at += end + 4
		if rest[1] == ':' {
			set, ok := areClassNames[name]
			if !ok {
				return "", 0, errRegexp(areCharClass)
			}
			return set, 0, nil
		}
		if utf8.RuneCountInString(name) != 1 {
			return "", 0, errRegexp(areCollating)
		}
		r, _ := utf8.DecodeRuneInString(name)
		return "", r, nil
	}
	if rest[0] != '\\' || p.flags.escapeless {
		r, size := utf8.DecodeRuneInString(rest)
		p.at += size
		return "", r, nil
	}
	if len(rest) > 1 {
		if set, ok := map[byte]string{
			'd': areDigits, 's': areSpaces, 'w': areWords, 'D': `\D`, 'S': `\x00-\x08\x0e-\x1f!-\x{10ffff}`, 'W': `\W`,
		}[rest[1]]; ok {
			p.at += 2
			return set, 0, nil
		}
	}
	r, err = p.escapedChar()
	return "", r, err
}
