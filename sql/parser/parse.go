package parser

import (
	"errors"
	"strings"
	"unicode/utf8"

	pg_query "github.com/pganalyze/pg_query_go/v5"
	pgparser "github.com/pganalyze/pg_query_go/v5/parser"

	"kimberlite/sql/pgerr"
)

// Stmt is one parsed statement of a query string.
type Stmt struct {
	Raw *pg_query.Node // the statement itself: SelectStmt, CreateStmt, ...
	// Location is the byte offset of the statement in the query string, after leading white space and comments; Length its bytes without the semicolon.
	Location, Length int
	Text             string // sql[Location:Location+Length]
	// AsOf holds the AS OF clauses of the whole query string by the location of the RangeVar they follow; nil for none.
	AsOf map[int32]*AsOf
}

// AsOf is a table's AS OF clause.
type AsOf struct {
	Position bool           // AS OF POSITION rather than TIMESTAMP
	Expr     *pg_query.Node // an expression; its locations are offsets in the query string
	Loc      int32
}

// Parse parses a query string of any number of statements. An empty one gives no statements. Errors are PostgreSQL's, with the byte
// offset in the string as their position.
func Parse(sql string) ([]Stmt, error) {
	if err := checkDepth(sql); err != nil {
		return nil, err
	}
	text, clauses, err := rewriteAsOf(sql)
	if err != nil {
		return nil, err
	}
	res, err := parseTree(text)
	if err != nil {
		return nil, err
	}
	var asOf map[int32]*AsOf
	if len(clauses) > 0 {
		if asOf, err = parseAsOf(sql, clauses); err != nil {
			return nil, err
		}
	}
	stmts := make([]Stmt, 0, len(res.Stmts))
	for _, raw := range res.Stmts {
		if raw.Stmt == nil || raw.Stmt.Node == nil {
			continue
		}
		raw.Stmt = selectInto(raw.Stmt)
		stmts = append(stmts, newStmt(sql, raw, asOf))
	}
	return stmts, nil
}

// selectInto turns SELECT ... INTO into CREATE TABLE AS, as PostgreSQL does for a statement of its own and behind EXPLAIN and PREPARE. The INTO of a set operation
// is that of its leftmost SELECT.
func selectInto(stmt *pg_query.Node) *pg_query.Node {
	switch n := stmt.Node.(type) {
	case *pg_query.Node_ExplainStmt:
		n.ExplainStmt.Query = selectInto(n.ExplainStmt.Query)
	case *pg_query.Node_PrepareStmt:
		n.PrepareStmt.Query = selectInto(n.PrepareStmt.Query)
	case *pg_query.Node_SelectStmt:
		left := n.SelectStmt
		for left.Op != pg_query.SetOperation_SETOP_NONE && left.Larg != nil {
			left = left.Larg
		}
		if left.IntoClause == nil {
			return stmt
		}
		as := &pg_query.CreateTableAsStmt{Query: stmt, Into: left.IntoClause, Objtype: pg_query.ObjectType_OBJECT_TABLE, IsSelectInto: true}
		left.IntoClause = nil
		return &pg_query.Node{Node: &pg_query.Node_CreateTableAsStmt{CreateTableAsStmt: as}}
	}
	return stmt
}

// ParseExpr parses a single expression, for the expressions that the catalog keeps as text.
func ParseExpr(expr string) (*pg_query.Node, error) {
	list, err := ParseExprList(expr)
	if err != nil {
		return nil, err
	}
	if len(list) != 1 {
		return nil, pgerr.New(pgerr.SyntaxError, "expected one expression")
	}
	return list[0], nil
}

// ParseExprList parses a comma-separated list of expressions.
func ParseExprList(list string) ([]*pg_query.Node, error) {
	res, err := parseTree("SELECT " + list)
	if err != nil {
		return nil, err
	}
	if len(res.Stmts) != 1 {
		return nil, pgerr.New(pgerr.SyntaxError, "expected an expression")
	}
	sel := res.Stmts[0].Stmt.GetSelectStmt()
	if sel == nil {
		return nil, pgerr.New(pgerr.SyntaxError, "expected an expression")
	}
	var out []*pg_query.Node
	for _, t := range sel.TargetList {
		out = append(out, t.GetResTarget().GetVal())
	}
	return out, nil
}

// ParseTypeName parses a type's name as it is written in SQL, such as "numeric(10,2)[]": what the input of regtype needs. Errors are at unknown positions.
func ParseTypeName(name string) (*pg_query.TypeName, error) {
	bad := func() error { return pgerr.Newf(pgerr.SyntaxError, "invalid type name \"%s\"", name) }
	res, err := parseTree("SELECT (NULL)::" + name)
	if err != nil || len(res.Stmts) != 1 {
		return nil, bad()
	}
	sel := res.Stmts[0].Stmt.GetSelectStmt()
	if sel == nil || len(sel.TargetList) != 1 || sel.FromClause != nil || sel.WhereClause != nil {
		return nil, bad()
	}
	cast := sel.TargetList[0].GetResTarget().GetVal().GetTypeCast()
	if cast == nil || sel.TargetList[0].GetResTarget().Name != "" {
		return nil, bad()
	}
	return cast.TypeName, nil
}

func newStmt(sql string, raw *pg_query.RawStmt, asOf map[int32]*AsOf) Stmt {
	start := int(raw.StmtLocation)
	end := len(sql)
	if raw.StmtLen > 0 {
		end = start + int(raw.StmtLen)
	}
	if start > len(sql) || end > len(sql) || start > end {
		start, end = 0, len(sql)
	}
	l := lexer{s: sql[:end], pos: start}
	l.skipSpace()
	start = l.pos
	text := strings.TrimRight(sql[start:end], " \t\r\n\f\v;")
	return Stmt{Raw: raw.Stmt, Location: start, Length: len(text), Text: text, AsOf: asOf}
}

// parseTree calls the grammar.
func parseTree(text string) (*pg_query.ParseResult, error) {
	res, err := pg_query.Parse(text)
	if err == nil {
		return res, nil
	}
	var e *pgparser.Error
	if errors.As(err, &e) {
		return nil, grammarError(text, e)
	}
	// What is left is the decoder of the tree's encoding, which refuses deep trees.
	return nil, tooDeep()
}

func tooDeep() *pgerr.Error {
	return pgerr.New(pgerr.StatementTooComplex, "stack depth limit exceeded").
		WithHint("Write the statement with fewer nested expressions or lists.")
}

// checkDepth refuses text whose tree would nest too deeply for the grammar's recursive code.
func checkDepth(sql string) error {
	if len(sql) < deepTextMin {
		return nil
	}
	l := lexer{s: sql}
	nesting, chain, joins := 0, 0, 0
	for {
		switch t := l.next(); t.kind {
		case tokEOF, tokBad:
			return nil
		case tokOp:
			chain++
		case tokIdent:
			switch deepWord(sql[t.start:t.end]) {
			case deepOperator:
				chain++
			case deepOpen:
				nesting++
			case deepClose:
				nesting--
			case deepJoin:
				joins++
			case deepFlat:
				chain = 0
			}
		case tokPunct:
			switch sql[t.start] {
			case '(', '[':
				nesting++
			case ')', ']':
				nesting--
				chain++ // a subscript or call may be the base of the next
			case ',':
				chain = 0
			case ';':
				chain, joins = 0, 0
			case ':', '.':
				chain++
			}
		}
		if nesting > maxNesting || chain > maxChain || joins > maxChain {
			return tooDeep()
		}
	}
}

// deepWord tells which keywords nest the tree one level deeper each time they come.
type deepKind uint8

const (
	deepNone     deepKind = iota
	deepOperator          // works on what stands before or behind it
	deepOpen
	deepClose
	deepJoin // joins and set operations, whose operands may contain commas
	deepFlat // AND and OR, whose chains the grammar makes lists
)

func deepWord(word string) deepKind {
	if len(word) > 9 {
		return deepNone
	}
	switch strings.ToLower(word) {
	case "not", "is", "isnull", "notnull", "collate", "at", "in", "like", "ilike", "similar", "between":
		return deepOperator
	case "and", "or":
		return deepFlat
	case "case":
		return deepOpen
	case "end":
		return deepClose
	case "join", "union", "intersect", "except":
		return deepJoin
	}
	return deepNone
}

// byteOffset turns the grammar's cursor (characters from 1) into a byte offset.
func byteOffset(text string, cursor int) int {
	off := 0
	for n := 1; n < cursor && off < len(text); n++ {
		_, size := utf8.DecodeRuneInString(text[off:])
		off += size
	}
	return off
}
