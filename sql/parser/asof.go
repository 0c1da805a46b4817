package parser

import (
	"strings"

	"kimberlite/sql/pgerr"
)

// asOfClause is an AS OF clause found in the text, before it is blanked.
type asOfClause struct {
	table    int // offset of the first byte of the table's (qualified) name
	start    int // of AS
	expr     int // of the expression
	end      int
	position bool
}

// rewriteAsOf blanks "AS OF TIMESTAMP expr" and "AS OF POSITION expr" after table names. In PostgreSQL both are syntax errors, so no
// statement changes its meaning.
func rewriteAsOf(sql string) (string, []asOfClause, error) {
	if !mayHaveAsOf(sql) {
		return sql, nil, nil
	}
	var clauses []asOfClause
	l := lexer{s: sql}
	table := tableName{start: -1}
	for {
		t := l.next()
		if t.kind == tokEOF || t.kind == tokBad {
			break
		}
		if l.isWord(t, "as") && table.start >= 0 {
			save := l.pos
			c, ok, err := l.asOf(t, table.start)
			if err != nil {
				return "", nil, err
			}
			if ok {
				clauses = append(clauses, c)
				table.start = -1
				continue
			}
			l.pos = save
		}
		table.see(&l, t)
	}
	if len(clauses) == 0 {
		return sql, nil, nil
	}
	b := []byte(sql)
	for _, c := range clauses {
		for i := c.start; i < c.end; i++ {
			if b[i] != '\n' {
				b[i] = ' '
			}
		}
	}
	return string(b), clauses, nil
}

// mayHaveAsOf finds AS followed by OF.
func mayHaveAsOf(sql string) bool {
	for i := 0; i+4 < len(sql); i++ {
		if sql[i]|0x20 == 'o' && sql[i+1]|0x20 == 'f' && i > 2 && charClass[sql[i-1]]&chSpace != 0 {
			j := i - 1
			for j > 0 && charClass[sql[j]]&chSpace != 0 {
				j--
			}
			if j > 0 && sql[j]|0x20 == 's' && sql[j-1]|0x20 == 'a' {
				return true
			}
		}
	}
	return false
}

// tableName follows a possibly qualified name.
type tableName struct {
	start int
	dot   bool
}

func (n *tableName) see(l *lexer, t token) {
	switch {
	case t.kind == tokIdent || t.kind == tokQuoted:
		if !n.dot {
			n.start = t.start
		}
		n.dot = false
	case l.isPunct(t, '.') && n.start >= 0:
		n.dot = true
	case t.kind == tokOp && t.end-t.start == 1 && l.s[t.start] == '*': // table *
	default:
		n.start, n.dot = -1, false
	}
}

// asOf reads the rest of a clause after its AS.
func (l *lexer) asOf(as token, table int) (asOfClause, bool, error) {
	c := asOfClause{table: table, start: as.start}
	if !l.isWord(l.next(), "of") {
		return c, false, nil
	}
	switch t := l.next(); {
	case l.isWord(t, "timestamp"):
	case l.isWord(t, "position"):
		c.position = true
	default:
		return c, false, nil
	}
	l.skipSpace()
	c.expr = l.pos
	if !l.operand() {
		return c, false, l.syntaxError()
	}
	c.end = l.lastEnd()
	for {
		save := l.pos
		t := l.next()
		if t.kind != tokOp {
			l.pos = save
			break
		}
		if !l.operand() {
			return c, false, l.syntaxError()
		}
		c.end = l.lastEnd()
	}
	return c, true, nil
}

// lastEnd is the end of what was read: the position itself, since next stops right behind a token.
func (l *lexer) lastEnd() int { return l.pos }

func (l *lexer) syntaxError() error {
	t := l.next()
	if t.kind == tokEOF {
		return pgerr.New(pgerr.SyntaxError, "syntax error at end of input").At(t.start)
	}
	return pgerr.Newf(pgerr.SyntaxError, "syntax error at or near \"%s\"", l.s[t.start:t.end]).At(t.start)
}

// operand reads one operand of the expression in an AS OF clause: a literal, a parameter, a call, a typed literal or something in parentheses, with casts
// and AT TIME ZONE behind it. On failure the position is before the token that does not fit.
func (l *lexer) operand() bool {
	save := l.pos
	t := l.next()
	switch {
	case t.kind == tokString, t.kind == tokPrefix, t.kind == tokDollar, t.kind == tokInt, t.kind == tokNumber, t.kind == tokParam:
	case t.kind == tokOp && (l.s[t.start:t.end] == "-" || l.s[t.start:t.end] == "+"):
		return l.operand()
	case l.isPunct(t, '('):
		if !l.closeParen() {
			return false
		}
	case t.kind == tokIdent || t.kind == tokQuoted:
		l.nameTail()
		if !l.callTail() {
			return false
		}
	default:
		l.pos = save
		return false
	}
	return l.postfix()
}

// nameTail reads the .b.c of a qualified name.
func (l *lexer) nameTail() {
	for {
		save := l.pos
		if !l.isPunct(l.next(), '.') {
			l.pos = save
			return
		}
		if k := l.next().kind; k != tokIdent && k != tokQuoted {
			l.pos = save
			return
		}
	}
}

// callTail reads (arguments) or the string of a typed literal behind a name.
func (l *lexer) callTail() bool {
	save := l.pos
	t := l.next()
	switch {
	case l.isPunct(t, '('):
		return l.closeParen()
	case t.kind == tokString:
		return true
	}
	l.pos = save
	return true
}

func (l *lexer) closeParen() bool {
	for depth := 1; depth > 0; {
		t := l.next()
		switch {
		case t.kind == tokEOF || t.kind == tokBad:
			return false
		case l.isPunct(t, '('):
			depth++
		case l.isPunct(t, ')'):
			depth--
		}
	}
	return true
}

// postfix reads ::type and AT TIME ZONE behind an operand.
func (l *lexer) postfix() bool {
	for {
		save := l.pos
		t := l.next()
		switch {
		case l.isPunct(t, ':') && l.isPunct(l.next(), ':'):
			if k := l.next().kind; k != tokIdent && k != tokQuoted {
				return false
			}
			l.nameTail()
			after := l.pos
			if l.isPunct(l.next(), '(') {
				if !l.closeParen() {
					return false
				}
			} else {
				l.pos = after
			}
		case l.isWord(t, "at") && l.isWord(l.next(), "time") && l.isWord(l.next(), "zone"):
			if !l.operand() {
				return false
			}
		default:
			l.pos = save
			return true
		}
	}
}

// parseAsOf parses the expressions of the clauses. Each is parsed in a text of its own, padded so that its locations are right.
func parseAsOf(sql string, clauses []asOfClause) (map[int32]*AsOf, error) {
	const sel = "SELECT "
	out := make(map[int32]*AsOf, len(clauses))
	for _, c := range clauses {
		// A clause follows FROM or the like, a table and AS OF TIMESTAMP, so there is room for SELECT.
		text := strings.Repeat(" ", c.expr-len(sel)) + sel + sql[c.expr:c.end]
		res, err := parseTree(text)
		if err != nil {
			return nil, err
		}
		if len(res.Stmts) != 1 || len(res.Stmts[0].Stmt.GetSelectStmt().GetTargetList()) != 1 {
			return nil, pgerr.New(pgerr.SyntaxError, "syntax error in AS OF").At(c.expr)
		}
		target := res.Stmts[0].Stmt.GetSelectStmt().TargetList[0].GetResTarget()
		out[int32(c.table)] = &AsOf{Position: c.position, Expr: target.GetVal(), Loc: int32(c.start)}
	}
	return out, nil
}
