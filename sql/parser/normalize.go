package parser

import "strings"

// LiteralKind is the type of a literal that Normalize took out.
type LiteralKind uint8

// The kinds. The parameter of an integer is an int4, or an int8 or numeric when it does not fit (Literal.Kind says which);
// that of a string has no type yet: analysis finds it as it would for the literal.
const (
	LiteralInt4 LiteralKind = iota
	LiteralInt8
	LiteralNumeric
	LiteralString
	LiteralNull // NULL as a whole field of VALUES; no more of a type than a string has
)

// Literal is a literal replaced by a parameter. Text is its value: quotes removed, doubled ones undone, a sign included.
type Literal struct {
	Kind LiteralKind
	Null bool // NULL, whatever Kind says: its column may have a type from other rows
	Text string
}

// Normalizer takes the literals out of statements. It keeps its buffers from call to call; the zero value is ready. Not for concurrent use.
type Normalizer struct {
	buf  []byte
	lits []Literal
	keep []bool // per open parenthesis: literals inside must stay
	fold fold
}

// Normalized is a statement without its literals. Everything in it is valid until the next call of Normalize.
type Normalized struct {
	Text []byte // with $1, $2, ... in the literals' places
	// Params are the literals for $1, $2, ... .
	Params []Literal
	// More are further values of $1, $2, ... up to PerRow: the rows of an INSERT ... VALUES behind the first, which have its shape and are not in Text.
	More   []Literal
	PerRow int
}

// Rows is the number of VALUES rows that Text stands for.
func (n *Normalized) Rows() int {
	if n.PerRow == 0 {
		return 1
	}
	return 1 + len(n.More)/n.PerRow
}

// Normalize takes the literals out. Literals stay where a parameter would not mean the same (typed literals, type modifiers, ORDER BY); such text is part of
// the result and so of a cache's key. Rows of an INSERT ... VALUES are folded into one when they have the same shape (normalize_rows.go).
//
// ok is false for whatever should not be cached this way: more than one statement, anything but SELECT, INSERT, UPDATE and DELETE, parameters of its own, grouping,
// DISTINCT, set operations and windows (where equal literals must stay equal constants), and text that does not lex.
//
// A statement that fails analysis in this form must be analyzed again as written: the error's position and wording, and the few types that only a
// constant can have, are then right.
func (n *Normalizer) Normalize(sql string) (out Normalized, ok bool) {
	if len(sql) > maxFoldedText {
		return out, false
	}
	if cap(n.lits) > maxLiteralsKept {
		n.lits = nil
	}
	for _, folding := range [...]bool{true, false} {
		n.buf, n.lits, n.keep, n.fold = n.buf[:0], n.lits[:0], n.keep[:0], fold{off: !folding, bare: n.fold.bare[:0]}
		if n.run(sql) {
			return n.folded(), true
		}
		if !n.fold.failed || len(sql) > maxNormalizedText {
			break
		}
	}
	return out, false
}

// prevClass says what the token before a literal was.
type prevClass uint8

const (
	prevStart   prevClass = iota
	prevOpen              // ( [ ,
	prevOp                // an operator or a keyword that is followed by an expression
	prevOperand           // a literal, closing bracket, or identifier
	prevCast              // ::
	prevName              // an identifier that may be a type's name
)

func (n *Normalizer) run(sql string) bool {
	l := lexer{s: sql}
	t := l.next()
	if t.kind != tokIdent || !startsNormalizable(sql[t.start:t.end]) {
		return false
	}
	n.fold.off = n.fold.off || !equalFold(sql[t.start:t.end], "insert")
	if n.fold.off && len(sql) > maxNormalizedText {
		return false
	}
	prev := prevOp
	minus := -1 // where a sign that may belong to the next number stands in buf
	n.copy(sql, t)
	keeping := 0 // open parentheses whose literals stay
	orderBy := -1
	lastEnd := t.end
	for {
		t = l.next()
		if t.kind == tokEOF {
			break
		}
		if t.start > lastEnd {
			n.buf = append(n.buf, ' ')
		}
		lastEnd = t.end
		bare := n.fold.field // the token is the first of a field
		n.fold.field = false
		switch t.kind {
		case tokBad, tokParam, tokPrefix, tokDollar:
			return false
		case tokIdent:
			word := sql[t.start:t.end]
			if bare && equalFold(word, "null") && endsField(&l) {
				n.fold.mark()
				n.param(Literal{Kind: LiteralNull, Null: true})
				prev, minus = prevOperand, -1
				break
			}
			if !n.fold.word(word, len(n.keep), len(n.lits)) {
				return false
			}
			n.buf = append(n.buf, word...)
			switch class := wordClass(word); class {
			case wordRefuse:
				return false
			case wordExpr:
				prev = prevOp
			case wordLimit:
				prev = prevOp
				if orderBy == len(n.keep) {
					orderBy = -1
				}
			case wordOrder:
				prev = prevOp
				orderBy = len(n.keep)
			case wordNeutral:
				prev = prevOperand
			default:
				if prev == prevCast {
					prev = prevCast
				} else {
					prev = prevName
				}
			}
			minus = -1
		case tokQuoted:
			n.copy(sql, t)
			prev, minus = prevName, -1
		case tokString:
			minus = -1
			if prev > prevOp || keeping > 0 || orderBy >= 0 {
				n.copy(sql, t)
			} else {
				if bare && endsField(&l) {
					n.fold.mark()
				}
				n.literalString(sql, t)
			}
			if n.adjacentString(&l) {
				return false
			}
			prev = prevOperand
		case tokInt, tokNumber:
			if prev > prevOp || keeping > 0 || orderBy >= 0 {
				n.copy(sql, t)
			} else {
				if bare && endsField(&l) {
					n.fold.mark()
				}
				n.literalNumber(sql, t, minus, endsOperand(&l))
			}
			prev, minus = prevOperand, -1
		case tokOp:
			minus = -1
			if sql[t.start:t.end] == "-" && prev <= prevOp {
				minus = len(n.buf)
				n.fold.field = bare
			}
			n.copy(sql, t)
			prev = prevOp
		default:
			minus = -1
			keep := sql[t.start] == '(' && (prev == prevCast || prev == prevName && keepsLiterals(n.buf))
			n.copy(sql, t)
			switch sql[t.start] {
			case '(':
				if keep {
					keeping++
				}
				n.keep = append(n.keep, keep)
				prev = prevOpen
				n.beginRow()
			case ')':
				if len(n.keep) == 0 {
					return false
				}
				if n.keep[len(n.keep)-1] {
					keeping--
				}
				n.keep = n.keep[:len(n.keep)-1]
				if orderBy > len(n.keep) {
					orderBy = -1
				}
				prev = prevOperand
				if !n.endRow() {
					return false
				}
			case '[', ',':
				prev = prevOpen
				n.comma(sql[t.start])
			case ']':
				prev = prevOperand
			case ':':
				prev = prevOp
				if strings.HasSuffix(string(n.buf[max(0, len(n.buf)-2):]), "::") {
					prev = prevCast
				}
			case ';':
				if l.next().kind != tokEOF {
					return false
				}
				n.buf = n.buf[:len(n.buf)-1]
				return len(n.keep) == 0
			case '.':
				prev = prevOperand
			default:
				return false
			}
		}
		if len(n.lits)-n.fold.skip > maxNormalizedLiterals {
			return false
		}
	}
	return len(n.keep) == 0
}

func (n *Normalizer) copy(sql string, t token) { n.buf = append(n.buf, sql[t.start:t.end]...) }

// param appends $n for a new literal. Whatever follows is set off by white space where the next bytes could run into the number.
func (n *Normalizer) param(lit Literal) {
	n.lits = append(n.lits, lit)
	n.fold.literal()
	n.buf = append(n.buf, '$')
	k := len(n.lits) - n.fold.skip
	if k >= 10 {
		n.buf = append(n.buf, byte('0'+k/10))
	}
	n.buf = append(n.buf, byte('0'+k%10))
}

// literalString replaces a quoted string.
func (n *Normalizer) literalString(sql string, t token) {
	body := sql[t.start+1 : t.end-1]
	if strings.IndexByte(body, '\'') >= 0 {
		body = strings.ReplaceAll(body, "''", "'")
	}
	n.param(Literal{Kind: LiteralString, Text: body})
}

// literalNumber replaces a number, with the sign before it when nothing binds tighter than the sign.
func (n *Normalizer) literalNumber(sql string, t token, minus int, ends bool) {
	text := sql[t.start:t.end]
	if minus >= 0 {
		if !ends {
			n.copy(sql, t)
			return
		}
		n.buf = n.buf[:minus]
		text = "-" + text
	}
	kind := LiteralNumeric
	if t.kind == tokInt {
		kind = intKind(text)
	}
	n.param(Literal{Kind: kind, Text: text})
}

// intKind is the type that PostgreSQL gives an integer literal.
func intKind(text string) LiteralKind {
	neg := text[0] == '-'
	digits := strings.TrimLeft(strings.TrimPrefix(text, "-"), "0")
	const (
		max4, min4 = "2147483647", "2147483648"
		max8, min8 = "9223372036854775807", "9223372036854775808"
	)
	fits := func(limit string) bool {
		return len(digits) < len(limit) || len(digits) == len(limit) && digits <= limit
	}
	switch {
	case fits(max4), neg && fits(min4):
		return LiteralInt4
	case fits(max8), neg && fits(min8):
		return LiteralInt8
	}
	return LiteralNumeric
}

// endsOperand reports whether the next byte ends the operand before it, so that a sign in front covers it all.
func endsOperand(l *lexer) bool {
	i := l.pos
	for i < len(l.s) && charClass[l.s[i]]&chSpace != 0 {
		i++
	}
	if i == len(l.s) {
		return true
	}
	switch c := l.s[i]; c {
	case ')', ',', ';', ']':
		return true
	default:
		return i > l.pos && charClass[c]&chIdentStart != 0
	}
}

// adjacentString reports whether another string follows, which SQL joins to the one before.
func (n *Normalizer) adjacentString(l *lexer) bool {
	save := l.pos
	k := l.next().kind
	l.pos = save
	return k == tokString
}

// keepsLiterals reports whether the word at the end of buf opens parentheses in which literals are no plain expressions: type modifiers and
// EXTRACT.
func keepsLiterals(buf []byte) bool {
	i := len(buf)
	for i > 0 && charClass[buf[i-1]]&chSpace != 0 {
		i--
	}
	end := i
	for i > 0 && charClass[buf[i-1]]&chIdent != 0 {
		i--
	}
	return typeWords[strings.ToLower(string(buf[i:end]))]
}

var typeWords = map[string]bool{
	"varchar": true, "char": true, "character": true, "varying": true, "nchar": true, "bpchar": true, "numeric": true, "decimal": true, "dec": true, "bit": true, "varbit": true,
	"time": true, "timetz": true, "timestamp": true, "timestamptz": true, "interval": true, "float": true, "second": true, "extract": true, "xmlelement": true,
	"xmlforest": true, "xmlparse": true, "xmlpi": true, "xmlroot": true, "xmlserialize": true, "current_time": true, "current_timestamp": true, "localtime": true,
	"localtimestamp": true, "normalize": true, "cast": false, "grouping": true,
}

// Classes of words.
type wordKind uint8

const (
	wordOther   wordKind = iota // identifiers, types, functions: a string behind it would be a typed literal
	wordExpr                    // an expression follows
	wordOrder                   // ORDER: its literals are column numbers
	wordLimit                   // an expression follows, and an ORDER BY before it has ended
	wordNeutral                 // a value or a keyword with no literal behind it
	wordRefuse                  // the statement is not normalized
)

// wordClass looks a word up without allocating.
func wordClass(word string) wordKind {
	if len(word) > 12 {
		return wordOther
	}
	var low [12]byte
	for i := 0; i < len(word); i++ {
		c := word[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		low[i] = c
	}
	return words[string(low[:len(word)])]
}

var words = map[string]wordKind{
	"select": wordExpr, "where": wordExpr, "and": wordExpr, "or": wordExpr, "not": wordExpr, "like": wordExpr, "ilike": wordExpr,
	"then": wordExpr, "else": wordExpr, "when": wordExpr, "between": wordExpr, "symmetric": wordExpr, "limit": wordLimit, "offset": wordLimit,
	"from": wordExpr, "for": wordExpr, "returning": wordExpr, "on": wordExpr, "case": wordExpr, "in": wordExpr,
	"values": wordExpr, "set": wordExpr, "using": wordExpr, "any": wordExpr, "some": wordExpr, "all": wordExpr,
	"order": wordOrder,
	"null":  wordNeutral, "true": wordNeutral, "false": wordNeutral, "end": wordNeutral, "default": wordNeutral,
	"group": wordRefuse, "distinct": wordRefuse, "union": wordRefuse, "intersect": wordRefuse, "except": wordRefuse, "over": wordRefuse, "window": wordRefuse,
	"recursive": wordRefuse, "tablesample": wordRefuse, "into": wordOther, "within": wordRefuse, "uescape": wordRefuse, "merge": wordRefuse, "xmltable": wordRefuse,
}

// startsNormalizable reports whether a statement that begins with the word is of a kind whose plans are worth caching.
func startsNormalizable(word string) bool {
	return equalFold(word, "select") || equalFold(word, "insert") || equalFold(word, "update") || equalFold(word, "delete") || equalFold(word, "with")
}
