package types

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"kimberlite/sql/pgerr"
)

// jpToken is a token of a jsonpath. Operators and punctuation are their own text.
type jpToken struct {
	kind jpTokenKind
	text string // operator, name, value of a string
	near string // what an error names; "" is the end of the input
}

type jpTokenKind uint8

const (
	jpEOF jpTokenKind = iota
	jpOp
	jpIdent // a word without quotes, keyword or not
	jpQuoted
	jpVar
	jpInt
	jpNum
)

type jpParser struct {
	in    string
	pos   int
	tok   jpToken
	depth int
	err   error
}

// ParseJSONPath reads the text of a jsonpath; errors are 42601 and 22P02.
func ParseJSONPath(s string) (*JSONPath, error) {
	p := jpParser{in: s}
	if strings.Trim(s, " \t\n\r\f") == "" {
		return nil, pgerr.Newf(pgerr.InvalidTextRepresentation, "invalid input syntax for type jsonpath: \"%s\"", s)
	}
	p.next()
	path := &JSONPath{lax: true}
	if p.keyword("strict") {
		path.lax = false
		p.next()
	} else if p.keyword("lax") {
		p.next()
	}
	path.root = p.or()
	if p.err == nil && p.tok.kind != jpEOF {
		p.fail()
	}
	if p.err != nil {
		return nil, p.err
	}
	if err := path.root.check(false, false); err != nil {
		return nil, err
	}
	return path, nil
}

func (p *jpParser) failWith(err error) {
	if p.err == nil {
		p.err = err
	}
	p.tok = jpToken{}
	p.pos = len(p.in)
}

// fail reports that the current token has no place in the grammar.
func (p *jpParser) fail() { p.failNear("syntax error", p.tok.near) }

func (p *jpParser) failNear(message, near string) {
	if near == "" {
		p.failWith(pgerr.Newf(pgerr.SyntaxError, "%s at end of jsonpath input", message))
		return
	}
	p.failWith(pgerr.Newf(pgerr.SyntaxError, "%s at or near \"%s\" of jsonpath input", message, near))
}

func jpBlank(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' && c != '\v' }

// jpOther says whether a byte can be part of a word.
func jpOther(c byte) bool {
	return !jpBlank(c) && strings.IndexByte("?%$.[]{}()|&!=<>@#,*:-+/\\\"", c) < 0
}

func (p *jpParser) next() {
	if p.err != nil {
		return
	}
	s := p.in
	for p.pos < len(s) {
		if jpBlank(s[p.pos]) {
			p.pos++
		} else if strings.HasPrefix(s[p.pos:], "/*") {
			end := strings.Index(s[p.pos+2:], "*/")
			if end < 0 {
				p.pos = len(s)
				p.failNear("unexpected end of comment", "")
				return
			}
			p.pos += end + 4
		} else {
			break
		}
	}
	if p.pos >= len(s) {
		p.tok = jpToken{}
		return
	}
	c := s[p.pos]
	switch {
	case isDigit(c), c == '.' && p.pos+1 < len(s) && isDigit(s[p.pos+1]):
		if p.number() {
			return
		}
		p.word()
		return
	case c == '"':
		p.tok = jpToken{kind: jpQuoted, near: `"`}
		p.pos++
		p.tok.text = p.quoted()
		return
	case c == '$' && p.pos+1 < len(s) && s[p.pos+1] == '"':
		p.tok = jpToken{kind: jpVar, near: `"`}
		p.pos += 2
		p.tok.text = p.quoted()
		return
	case c == '$' && p.pos+1 < len(s) && jpOther(s[p.pos+1]):
		end := p.pos + 1
		for end < len(s) && jpOther(s[end]) {
			end++
		}
		p.tok = jpToken{kind: jpVar, text: s[p.pos+1 : end], near: s[p.pos:end]}
		p.pos = end
		return
	case c == '\\' || jpOther(c):
		p.word()
		return
	}
	op := s[p.pos : p.pos+1]
	if p.pos+2 <= len(s) {
		switch s[p.pos : p.pos+2] {
		case "&&", "||", "**", "<=", "==", "<>", "!=", ">=":
			op = s[p.pos : p.pos+2]
		}
	}
	p.pos += len(op)
	p.tok = jpToken{kind: jpOp, text: op, near: op}
}

// number reads a numeric literal; false when the text is rather a word, such as 1_000.
func (p *jpParser) number() bool {
	s := p.in
	i := p.pos
	kind := jpInt
	if s[i] == '0' {
		i++
	} else {
		i = skipDigits(s, i)
	}
	if i < len(s) && s[i] == '.' {
		kind = jpNum
		i = skipDigits(s, i+1)
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		j := i + 1
		if j < len(s) && (s[j] == '+' || s[j] == '-') {
			j++
		}
		if end := skipDigits(s, j); end > j {
			kind, i = jpNum, end
		}
	}
	if i < len(s) && jpOther(s[i]) {
		word := p.pos
		for word < len(s) && jpOther(s[word]) {
			word++
		}
		if word > i+1 && strings.IndexByte(s[p.pos:word], '.') < 0 {
			return false
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		p.failNear("trailing junk after numeric literal", s[p.pos:i+size])
		return true
	}
	p.tok = jpToken{kind: kind, text: s[p.pos:i], near: s[p.pos:i]}
	p.pos = i
	return true
}

// word reads a name without quotes, in which a backslash escapes.
func (p *jpParser) word() {
	s := p.in
	var b []byte
	for p.pos < len(s) {
		c := s[p.pos]
		if c == '\\' {
			b = p.escape(b)
			if p.err != nil {
				return
			}
			continue
		}
		if !jpOther(c) {
			break
		}
		b = append(b, c)
		p.pos++
	}
	p.tok = jpToken{kind: jpIdent, text: string(b)}
	end := p.pos
	for end < len(s) && jpBlank(s[end]) {
		end++
	}
	p.tok.near = s[p.pos:end]
}

// quoted reads to the closing quote.
func (p *jpParser) quoted() string {
	s := p.in
	var b []byte
	for p.pos < len(s) {
		switch c := s[p.pos]; c {
		case '"':
			p.pos++
			return string(b)
		case '\\':
			if b = p.escape(b); p.err != nil {
				return ""
			}
		default:
			b = append(b, c)
			p.pos++
		}
	}
	p.failNear("unexpected end of quoted string", "")
	return ""
}

// escape reads a backslash and what it escapes, as in JavaScript.
func (p *jpParser) escape(b []byte) []byte {
	s := p.in
	if p.pos+1 >= len(s) {
		p.failNear("unexpected end after backslash", "")
		return nil
	}
	c := s[p.pos+1]
	p.pos += 2
	switch c {
	case 'b', 'f', 'n', 'r', 't', 'v':
		return append(b, "\b\f\n\r\t\v"[strings.IndexByte("bfnrtv", c)])
	case 'x':
		r, n := p.hex(2)
		if n != 2 {
			p.failNear("invalid hexadecimal character sequence", s[p.pos-2:min(p.pos+n, len(s))])
			return nil
		}
		p.pos += 2
		return p.rune(b, r)
	case 'u':
		return p.unicode(b)
	}
	_, size := utf8.DecodeRuneInString(s[p.pos-1:])
	p.pos += size - 1
	return append(b, s[p.pos-size:p.pos]...)
}

// hex reads up to n hexadecimal digits ahead.
func (p *jpParser) hex(n int) (r rune, got int) {
	for got < n && p.pos+got < len(p.in) {
		h := hexDigit(p.in[p.pos+got])
		if h < 0 {
			break
		}
		r = r<<4 | rune(h)
		got++
	}
	return r, got
}

func (p *jpParser) rune(b []byte, r rune) []byte {
	if r == 0 {
		p.failWith(pgerr.New(pgerr.UntranslatableCharacter, "unsupported Unicode escape sequence").
			WithDetail("\\u0000 cannot be converted to text."))
		return nil
	}
	return utf8.AppendRune(b, r)
}

// unicode reads XXXX or {X...} after \u, and the low surrogate after a high one.
func (p *jpParser) unicode(b []byte) []byte {
	read := func() (rune, bool) {
		if p.pos < len(p.in) && p.in[p.pos] == '{' {
			p.pos++
			r, n := p.hex(6)
			p.pos += n
			if n == 0 || p.pos >= len(p.in) || p.in[p.pos] != '}' {
				return 0, false
			}
			p.pos++
			return r, true
		}
		r, n := p.hex(4)
		p.pos += n
		return r, n == 4
	}
	start := p.pos - 2
	r, ok := read()
	if !ok {
		p.failNear("invalid unicode sequence", p.in[start:p.pos])
		return nil
	}
	surrogate := func(detail string) []byte {
		p.failWith(pgerr.New(pgerr.InvalidTextRepresentation, "invalid input syntax for type jsonpath").WithDetail("%s", detail))
		return nil
	}
	switch {
	case r >= 0xd800 && r <= 0xdbff:
		if !strings.HasPrefix(p.in[p.pos:], `\u`) {
			return surrogate(jsonLowSurrogate)
		}
		p.pos += 2
		low, ok := read()
		if ok && low >= 0xd800 && low <= 0xdbff {
			return surrogate("Unicode high surrogate must not follow a high surrogate.")
		}
		if !ok || low < 0xdc00 || low > 0xdfff {
			return surrogate(jsonLowSurrogate)
		}
		r = (r-0xd800)<<10 + (low - 0xdc00) + 0x10000
	case r >= 0xdc00 && r <= 0xdfff:
		return surrogate(jsonLowSurrogate)
	case r > utf8.MaxRune:
		p.failNear("invalid unicode sequence", p.in[start:p.pos])
		return nil
	}
	return p.rune(b, r)
}

// keyword reports whether the current token is that keyword.
func (p *jpParser) keyword(word string) bool {
	if p.tok.kind != jpIdent {
		return false
	}
	switch word {
	case "null", "true", "false":
		return p.tok.text == word
	}
	return strings.EqualFold(p.tok.text, word)
}

func (p *jpParser) op(text string) bool { return p.tok.kind == jpOp && p.tok.text == text }

// expect takes an operator.
func (p *jpParser) expect(text string) {
	if !p.op(text) {
		p.fail()
		return
	}
	p.next()
}

// predicate reports whether the node is a condition, which the grammar keeps apart from values.
func (n *jpNode) predicate() bool {
	if n == nil || n.next != nil {
		return false
	}
	switch n.kind {
	case jpAnd, jpOr, jpNot, jpIsUnknown, jpEqual, jpNotEqual, jpLess, jpGreater, jpLessOrEqual, jpGreaterOrEqual, jpStartsWith, jpLikeRegex,
		jpExists:
		return true
	}
	return false
}

// wantPredicate refuses a value where a condition must be; wantValue the other way round.
func (p *jpParser) wantPredicate(n *jpNode) *jpNode {
	if p.err == nil && !n.predicate() {
		p.fail()
	}
	return n
}

func (p *jpParser) wantValue(n *jpNode) *jpNode {
	if p.err == nil && n.predicate() {
		p.fail()
	}
	return n
}

func (p *jpParser) or() *jpNode {
	if p.depth++; p.depth > jsonPathDepthMax {
		p.failWith(errTooDeep())
	}
	defer func() { p.depth-- }()
	left := p.and()
	for p.err == nil && p.op("||") {
		p.wantPredicate(left)
		p.next()
		left = &jpNode{kind: jpOr, left: left, right: p.wantPredicate(p.and())}
	}
	return left
}

func (p *jpParser) and() *jpNode {
	left := p.comparison()
	for p.err == nil && p.op("&&") {
		p.wantPredicate(left)
		p.next()
		left = &jpNode{kind: jpAnd, left: left, right: p.wantPredicate(p.comparison())}
	}
	return left
}

var jpComparisons = map[string]jpKind{"==": jpEqual, "!=": jpNotEqual, "<>": jpNotEqual, "<": jpLess, ">": jpGreater, "<=": jpLessOrEqual,
	">=": jpGreaterOrEqual}

func (p *jpParser) comparison() *jpNode {
	if p.op("!") {
		p.next()
		// Only something in brackets or exists() can be negated.
		if !p.op("(") && !p.keyword("exists") {
			p.fail()
			return nil
		}
		if p.op("(") {
			return &jpNode{kind: jpNot, left: p.wantPredicate(p.primary())}
		}
		return &jpNode{kind: jpNot, left: p.exists()}
	}
	if p.keyword("exists") {
		return p.exists()
	}
	left := p.additive()
	if p.err != nil {
		return nil
	}
	if kind, ok := jpComparisons[p.tok.text]; ok && p.tok.kind == jpOp {
		p.wantValue(left)
		p.next()
		return &jpNode{kind: kind, left: left, right: p.wantValue(p.additive())}
	}
	switch {
	case p.keyword("starts"):
		p.wantValue(left)
		p.next()
		if !p.keyword("with") {
			p.fail()
			return nil
		}
		p.next()
		right := &jpNode{kind: jpString, str: p.tok.text}
		switch p.tok.kind {
		case jpQuoted:
		case jpVar:
			right.kind = jpVariable
		default:
			p.fail()
			return nil
		}
		p.next()
		return &jpNode{kind: jpStartsWith, left: left, right: right}
	case p.keyword("like_regex"):
		p.wantValue(left)
		p.next()
		return p.likeRegex(left)
	}
	return left
}

func (p *jpParser) exists() *jpNode {
	p.next()
	p.expect("(")
	n := &jpNode{kind: jpExists, left: p.wantValue(p.additive())}
	p.expect(")")
	return n
}

func (p *jpParser) likeRegex(left *jpNode) *jpNode {
	if p.tok.kind != jpQuoted {
		p.fail()
		return nil
	}
	n := &jpNode{kind: jpLikeRegex, left: left, str: p.tok.text}
	p.next()
	if p.keyword("flag") {
		p.next()
		if p.tok.kind != jpQuoted {
			p.fail()
			return nil
		}
		for _, f := range p.tok.text {
			if !strings.ContainsRune("ismxq", f) {
				p.failWith(pgerr.New(pgerr.SyntaxError, "invalid input syntax for type jsonpath").
					WithDetail("Unrecognized flag character \"%c\" in LIKE_REGEX predicate.", f))
				return nil
			}
		}
		for _, f := range "ismxq" {
			if strings.ContainsRune(p.tok.text, f) {
				n.flags += string(f)
			}
		}
		p.next()
	}
	if p.err == nil {
		var err error
		if n.regex, err = JSONPathRegex(n.str, n.flags); err != nil {
			p.failWith(err)
		}
	}
	return n
}

// JSONPathRegex compiles the pattern of like_regex; package functions, which has the regular expressions, sets it. Flags are out of "ismxq".
var JSONPathRegex = func(pattern, flags string) (func(string) (bool, error), error) {
	return nil, pgerr.Unsupported("like_regex here", "Use it in a query.")
}

func (p *jpParser) additive() *jpNode {
	left := p.multiplicative()
	for p.err == nil && (p.op("+") || p.op("-")) {
		kind := jpAdd
		if p.tok.text == "-" {
			kind = jpSub
		}
		p.wantValue(left)
		p.next()
		left = &jpNode{kind: kind, left: left, right: p.wantValue(p.multiplicative())}
	}
	return left
}

func (p *jpParser) multiplicative() *jpNode {
	left := p.unary()
	for p.err == nil && (p.op("*") || p.op("/") || p.op("%")) {
		kind := map[string]jpKind{"*": jpMul, "/": jpDiv, "%": jpMod}[p.tok.text]
		p.wantValue(left)
		p.next()
		left = &jpNode{kind: kind, left: left, right: p.wantValue(p.unary())}
	}
	return left
}

func (p *jpParser) unary() *jpNode {
	if !p.op("+") && !p.op("-") {
		return p.primary()
	}
	if p.depth++; p.depth > jsonPathDepthMax {
		p.failWith(errTooDeep())
		return nil
	}
	defer func() { p.depth-- }()
	kind := jpPlus
	if p.tok.text == "-" {
		kind = jpMinus
	}
	p.next()
	arg := p.wantValue(p.unary())
	if p.err != nil {
		return nil
	}
	if arg.kind == jpNumeric && arg.next == nil {
		if kind == jpPlus {
			return arg
		}
		return &jpNode{kind: jpNumeric, num: NumericNeg(arg.num)}
	}
	return &jpNode{kind: kind, left: arg}
}

// primary reads a value with its accessors, or something in brackets.
func (p *jpParser) primary() *jpNode {
	var n *jpNode
	t := p.tok
	switch {
	case p.op("("):
		p.next()
		n = p.or()
		p.expect(")")
		if p.err != nil {
			return nil
		}
		if n.predicate() && p.keyword("is") {
			p.next()
			if !p.keyword("unknown") {
				p.fail()
				return nil
			}
			p.next()
			n = &jpNode{kind: jpIsUnknown, left: n}
			return n
		}
		return p.accessors(n)
	case p.op("$"):
		n = &jpNode{kind: jpRoot}
	case p.op("@"):
		n = &jpNode{kind: jpCurrent}
	case p.keyword("last"):
		n = &jpNode{kind: jpLast}
	case p.keyword("null"):
		n = &jpNode{kind: jpNull}
	case p.keyword("true"), p.keyword("false"):
		n = &jpNode{kind: jpBool, val: t.text == "true"}
	case t.kind == jpQuoted:
		n = &jpNode{kind: jpString, str: t.text}
	case t.kind == jpVar:
		n = &jpNode{kind: jpVariable, str: t.text}
	case t.kind == jpInt || t.kind == jpNum:
		num, err := ParseNumeric(t.text)
		if err != nil {
			p.failWith(err)
			return nil
		}
		n = &jpNode{kind: jpNumeric, num: num}
	default:
		p.fail()
		return nil
	}
	p.next()
	return p.accessors(n)
}

// accessors reads what is applied to a node and hangs it behind it.
func (p *jpParser) accessors(n *jpNode) *jpNode {
	if p.err != nil {
		return nil
	}
	end := n
	for end.next != nil {
		end = end.next
	}
	for p.err == nil {
		var a *jpNode
		switch {
		case p.op("."):
			p.next()
			a = p.member()
		case p.op("["):
			p.next()
			a = p.subscripts()
		case p.op("?"):
			p.next()
			p.expect("(")
			a = &jpNode{kind: jpFilter, left: p.wantPredicate(p.or())}
			p.expect(")")
		default:
			return n
		}
		if p.err != nil {
			return nil
		}
		end.next = a
		end = a
	}
	return nil
}

// member reads what follows a point.
func (p *jpParser) member() *jpNode {
	t := p.tok
	switch {
	case p.op("*"):
		p.next()
		return &jpNode{kind: jpAnyKey}
	case p.op("**"):
		p.next()
		return p.levels()
	case t.kind == jpQuoted:
		p.next()
		return &jpNode{kind: jpKey, str: t.text}
	case t.kind != jpIdent:
		p.fail()
		return nil
	}
	p.next()
	kind, isMethod := jpMethods[strings.ToLower(t.text)]
	if !isMethod || !p.op("(") {
		return &jpNode{kind: jpKey, str: t.text}
	}
	p.next()
	n := &jpNode{kind: kind}
	if kind == jpDatetime && p.tok.kind == jpQuoted {
		n.left = &jpNode{kind: jpString, str: p.tok.text}
		p.next()
	}
	p.expect(")")
	return n
}

// levels reads {n}, {n to m} after **.
func (p *jpParser) levels() *jpNode {
	n := &jpNode{kind: jpAny, last: jpLastLevel}
	if !p.op("{") {
		return n
	}
	p.next()
	level := func() uint32 {
		if p.keyword("last") {
			p.next()
			return jpLastLevel
		}
		if p.tok.kind != jpInt {
			p.fail()
			return 0
		}
		v, err := strconv.ParseInt(p.tok.text, 10, 32)
		if err != nil {
			v = math.MaxInt32
		}
		p.next()
		return uint32(v)
	}
	n.first = level()
	n.last = n.first
	if p.keyword("to") {
		p.next()
		n.last = level()
	}
	p.expect("}")
	return n
}

// subscripts reads the inside of [ ].
func (p *jpParser) subscripts() *jpNode {
	if p.op("*") {
		p.next()
		p.expect("]")
		return &jpNode{kind: jpAnyArray}
	}
	n := &jpNode{kind: jpIndexArray}
	for p.err == nil {
		s := [2]*jpNode{p.wantValue(p.additive())}
		if p.keyword("to") {
			p.next()
			s[1] = p.wantValue(p.additive())
		}
		n.subscripts = append(n.subscripts, s)
		if !p.op(",") {
			break
		}
		p.next()
	}
	p.expect("]")
	return n
}

// check refuses @ outside filters and last outside subscripts.
func (n *jpNode) check(inFilter, inSubscript bool) error {
	if n == nil {
		return nil
	}
	switch {
	case n.kind == jpCurrent && !inFilter:
		return pgerr.New(pgerr.SyntaxError, "@ is not allowed in root expressions")
	case n.kind == jpLast && !inSubscript:
		return pgerr.New(pgerr.SyntaxError, "LAST is allowed only in array subscripts")
	}
	for _, c := range [2]*jpNode{n.left, n.right} {
		if err := c.check(inFilter || n.kind == jpFilter, inSubscript); err != nil {
			return err
		}
	}
	for _, s := range n.subscripts {
		for _, c := range s {
			if err := c.check(inFilter, true); err != nil {
				return err
			}
		}
	}
	return n.next.check(inFilter, inSubscript)
}
