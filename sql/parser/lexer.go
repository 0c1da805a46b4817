package parser

// tokenKind is the kind of a token.
type tokenKind uint8

const (
	tokEOF    tokenKind = iota
	tokIdent            // identifier or keyword
	tokQuoted           // "identifier"
	tokString           // 'literal'
	tokDollar           // $tag$literal$tag$
	tokPrefix           // E'..', B'..', X'..', N'..', U&'..', U&".."
	tokInt              // digits
	tokNumber           // number with point, exponent, radix prefix or underscores
	tokParam            // $1
	tokOp               // operator characters
	tokPunct            // one of ( ) [ ] , ; : . and anything else
	tokBad              // unterminated literal or comment
)

// token is a piece of the text: s[start:end].
type token struct {
	kind       tokenKind
	start, end int
}

// lexer splits SQL as PostgreSQL's scan.l does, to the degree that its users need: operators are not split at their trailing + and -,
// and escapes are not looked into beyond finding the end. It skips white space and comments.
type lexer struct {
	s   string
	pos int
}

// Character classes.
const (
	chSpace = 1 << iota
	chIdentStart
	chIdent
	chDigit
	chOp
)

var charClass = func() (t [256]uint8) {
	for _, c := range " \t\n\r\f\v" {
		t[c] |= chSpace
	}
	for c := 0; c < 256; c++ {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 128
		digit := c >= '0' && c <= '9'
		if letter {
			t[c] |= chIdentStart | chIdent
		}
		if digit {
			t[c] |= chDigit | chIdent
		}
	}
	t['$'] |= chIdent
	for _, c := range "~!@#^&|`?+-*/%<>=" {
		t[c] |= chOp
	}
	return t
}()

// skipSpace moves past white space and comments. It returns false at an unterminated comment.
func (l *lexer) skipSpace() bool {
	s := l.s
	for l.pos < len(s) {
		c := s[l.pos]
		switch {
		case charClass[c]&chSpace != 0:
			l.pos++
		case c == '-' && l.pos+1 < len(s) && s[l.pos+1] == '-':
			for l.pos < len(s) && s[l.pos] != '\n' && s[l.pos] != '\r' {
				l.pos++
			}
		case c == '/' && l.pos+1 < len(s) && s[l.pos+1] == '*':
			if !l.skipComment() {
				return false
			}
		default:
			return true
		}
	}
	return true
}

// skipComment moves past a /* comment */, which may nest.
func (l *lexer) skipComment() bool {
	depth := 0
	s := l.s
	for i := l.pos; i+1 < len(s); i++ {
		switch {
		case s[i] == '/' && s[i+1] == '*':
			depth++
			i++
		case s[i] == '*' && s[i+1] == '/':
			depth--
			i++
			if depth == 0 {
				l.pos = i + 1
				return true
			}
		}
	}
	return false
}

// next returns the next token.
func (l *lexer) next() token {
	if !l.skipSpace() {
		start := l.pos
		l.pos = len(l.s)
		return token{tokBad, start, l.pos}
	}
	s, start := l.s, l.pos
	if start >= len(s) {
		return token{tokEOF, start, start}
	}
	c := s[start]
	class := charClass[c]
	switch {
	case class&chIdentStart != 0:
		return l.word()
	case class&chDigit != 0:
		return l.number()
	case c == '.' && start+1 < len(s) && charClass[s[start+1]]&chDigit != 0:
		return l.number()
	case c == '\'':
		return l.quoted(tokString, start, '\'', false)
	case c == '"':
		return l.quoted(tokQuoted, start, '"', false)
	case c == '$':
		return l.dollar()
	case class&chOp != 0:
		return l.operator()
	}
	l.pos++
	return token{tokPunct, start, l.pos}
}

// word scans an identifier, a keyword or a literal with a letter in front.
func (l *lexer) word() token {
	s, start := l.s, l.pos
	if start+1 < len(s) {
		switch c, q := s[start], s[start+1]; {
		case q == '\'' && (c == 'e' || c == 'E'):
			l.pos++
			return l.quoted(tokPrefix, start, '\'', true)
		case q == '\'' && (c == 'b' || c == 'B' || c == 'x' || c == 'X' || c == 'n' || c == 'N'):
			l.pos++
			return l.quoted(tokPrefix, start, '\'', false)
		case q == '&' && (c == 'u' || c == 'U') && start+2 < len(s) && (s[start+2] == '\'' || s[start+2] == '"'):
			l.pos += 2
			return l.quoted(tokPrefix, start, s[start+2], false)
		}
	}
	i := start + 1
	for i < len(s) && charClass[s[i]]&chIdent != 0 {
		i++
	}
	l.pos = i
	return token{tokIdent, start, i}
}

// quoted scans to the closing quote; the opening one is at l.pos.
func (l *lexer) quoted(kind tokenKind, start int, quote byte, backslash bool) token {
	s := l.s
	for i := l.pos + 1; i < len(s); i++ {
		switch {
		case backslash && s[i] == '\\':
			i++
		case s[i] == quote:
			if i+1 < len(s) && s[i+1] == quote {
				i++
				continue
			}
			l.pos = i + 1
			return token{kind, start, l.pos}
		}
	}
	l.pos = len(s)
	return token{tokBad, start, l.pos}
}

// dollar scans $1 or $tag$...$tag$.
func (l *lexer) dollar() token {
	s, start := l.s, l.pos
	i := start + 1
	if i < len(s) && charClass[s[i]]&chDigit != 0 {
		for i < len(s) && charClass[s[i]]&chDigit != 0 {
			i++
		}
		l.pos = i
		return token{tokParam, start, i}
	}
	for i < len(s) && s[i] != '$' && charClass[s[i]]&chIdent != 0 {
		i++
	}
	if i >= len(s) || s[i] != '$' {
		l.pos = start + 1
		return token{tokPunct, start, l.pos}
	}
	tag := s[start : i+1]
	for j := i + 1; j+len(tag) <= len(s); j++ {
		if s[j] == '$' && s[j:j+len(tag)] == tag {
			l.pos = j + len(tag)
			return token{tokDollar, start, l.pos}
		}
	}
	l.pos = len(s)
	return token{tokBad, start, l.pos}
}

// number scans a numeric literal; junk after it (1a) makes it bad.
func (l *lexer) number() token {
	s, start := l.s, l.pos
	kind := tokInt
	digits := func(i int) int {
		for i < len(s) && charClass[s[i]]&chDigit != 0 {
			i++
		}
		return i
	}
	i := digits(start)
	if i < len(s) && s[i] == '.' && !(i+1 < len(s) && s[i+1] == '.') {
		kind = tokNumber
		i = digits(i + 1)
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		j := i + 1
		if j < len(s) && (s[j] == '+' || s[j] == '-') {
			j++
		}
		if k := digits(j); k > j {
			kind, i = tokNumber, k
		}
	}
	if i < len(s) && charClass[s[i]]&chIdent != 0 { // 0x1F, 1_000, or junk: the grammar decides
		kind = tokBad
		for i < len(s) && charClass[s[i]]&chIdent != 0 {
			i++
		}
	}
	l.pos = i
	return token{kind, start, i}
}

// operator scans a run of operator characters, stopping at a comment's start.
func (l *lexer) operator() token {
	s, start := l.s, l.pos
	i := start + 1
	for i < len(s) && charClass[s[i]]&chOp != 0 {
		if i+1 < len(s) && (s[i] == '-' && s[i+1] == '-' || s[i] == '/' && s[i+1] == '*') {
			break
		}
		i++
	}
	l.pos = i
	return token{tokOp, start, i}
}

// isWord reports whether t is the given lower-case keyword.
func (l *lexer) isWord(t token, lower string) bool {
	return t.kind == tokIdent && equalFold(l.s[t.start:t.end], lower)
}

// isPunct reports whether t is the single character c.
func (l *lexer) isPunct(t token, c byte) bool { return t.kind == tokPunct && l.s[t.start] == c }

// equalFold compares ASCII text with lower-case text.
func equalFold(s, lower string) bool {
	if len(s) != len(lower) {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
