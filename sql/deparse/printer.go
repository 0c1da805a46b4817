package deparse

import (
	"strings"

	"kimberlite/sql/catalog"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// Flags choose the style.
type Flags uint8

// The styles: Paren leaves out parentheses that precedence makes superfluous, Indent breaks lines, Schema leaves out the schema of a table under CREATE INDEX.
const (
	Paren Flags = 1 << iota
	Indent
	Schema
)

// Pretty is what a pretty argument of true means, Plain what false means.
const (
	Pretty = Paren | Indent | Schema
	Plain  = Indent
)

// The indentation steps of PostgreSQL.
const (
	indentStd   = 8
	indentJoin  = 4
	indentVar   = 4
	indentLimit = 40
)

// Printer prints expressions and queries into a buffer. The exported fields are set before use.
type Printer struct {
	Catalog *catalog.Bound
	IO      *types.Ctx // for constants; its Types should be the catalog
	Flags   Flags
	// Wrap is the column beyond which select lists and FROM items go on a new line (0: each on its own line, -1: never).
	Wrap int
	// Var, when set, prints a Var itself and returns true; EXPLAIN resolves references to child plans with it.
	Var func(p *Printer, v *tree.Var, topLevel bool) bool
	// Param and SubPlan, when set, print executor parameters and planned subqueries.
	Param   func(p *Printer, e *tree.Param) bool
	SubPlan func(p *Printer, e *tree.SubPlan) bool

	buf        []byte
	spaces     []*namespace // innermost first
	prefix     bool         // columns are printed with their table
	level      int          // indentation
	windows    []*tree.WindowClause
	windowList []tree.TargetEntry
	inGroupBy  bool
}

// New returns a printer with a catalog and PostgreSQL's default output settings.
func New(b *catalog.Bound, flags Flags) *Printer {
	io := *types.DefaultCtx
	io.Types, io.Reg = b, regs{b}
	return &Printer{Catalog: b, IO: &io, Flags: flags}
}

// String returns what was printed.
func (p *Printer) String() string { return string(p.buf) }

// Write appends text.
func (p *Printer) Write(s string) { p.buf = append(p.buf, s...) }

func (p *Printer) writeByte(c byte) { p.buf = append(p.buf, c) }

// Ident appends a quoted identifier.
func (p *Printer) Ident(s string) { p.Write(catalog.QuoteIdent(s)) }

func (p *Printer) pretty() bool { return p.Flags&Paren != 0 }
func (p *Printer) indent() bool { return p.Flags&Indent != 0 }

func (p *Printer) trimSpaces() {
	for len(p.buf) > 0 && p.buf[len(p.buf)-1] == ' ' {
		p.buf = p.buf[:len(p.buf)-1]
	}
}

// keyword starts a clause: on a new line when indenting, before and after change the level, plus adds to this line only.
func (p *Printer) keyword(s string, before, after, plus int) {
	if !p.indent() {
		p.Write(s)
		return
	}
	p.level += before
	p.trimSpaces()
	p.writeByte('\n')
	n := max(p.level, 0)
	if p.level >= indentLimit { // deep nesting takes smaller steps and starts over from the left
		n = (indentLimit + (p.level-indentLimit)/(indentStd/2)) % indentLimit
	}
	p.Write(strings.Repeat(" ", n+plus))
	p.Write(s)
	p.level = max(p.level+after, 0)
}

// capture runs f and returns what it printed instead of appending it.
func (p *Printer) capture(f func()) string {
	saved := p.buf
	p.buf = nil
	f()
	s := string(p.buf)
	p.buf = saved
	return s
}

// lineLength is the length of the last line printed.
func (p *Printer) lineLength() int {
	for i := len(p.buf) - 1; i >= 0; i-- {
		if p.buf[i] == '\n' {
			return len(p.buf) - 1 - i
		}
	}
	return len(p.buf)
}

// typeName prints a type with its modifier, as format_type does.
func (p *Printer) typeName(t types.T) string { return types.FormatType(p.IO, t.OID, t.Mod) }

// literal appends a string constant.
func (p *Printer) literal(s string) {
	p.writeByte('\'')
	p.Write(strings.ReplaceAll(s, "'", "''"))
	p.writeByte('\'')
}

// operatorName names an operator: with its schema in OPERATOR() when it is not in pg_catalog.
func (p *Printer) operatorName(oid types.OID) string {
	o := p.Catalog.Operator(oid)
	if o == nil {
		return "???"
	}
	if o.Namespace == catalog.PgCatalogOID {
		return o.Name
	}
	if s := p.Catalog.Schema(o.Namespace); s != nil {
		return "OPERATOR(" + catalog.QuoteIdent(s.Name) + "." + o.Name + ")"
	}
	return o.Name
}

// functionName names a function, with a schema where the search path needs one. Under GROUP BY, functions named cube and rollup are
// qualified, or they would read as grouping sets.
func (p *Printer) functionName(oid types.OID) string {
	f := p.Catalog.Proc(oid)
	if f == nil {
		return "???"
	}
	force := p.inGroupBy && (f.Name == "cube" || f.Name == "rollup")
	if !force && (f.Namespace == catalog.PgCatalogOID || p.Catalog.FunctionVisible(oid)) {
		return catalog.QuoteIdent(f.Name)
	}
	if s := p.Catalog.Schema(f.Namespace); s != nil {
		return catalog.QuoteIdent(s.Name) + "." + catalog.QuoteIdent(f.Name)
	}
	return catalog.QuoteIdent(f.Name)
}

func (p *Printer) collationName(oid types.OID) string {
	c := p.Catalog.Collation(oid)
	if c == nil {
		return "???"
	}
	if p.Catalog.CollationVisible(oid) {
		return catalog.QuoteIdent(c.Name)
	}
	if s := p.Catalog.Schema(c.Namespace); s != nil {
		return catalog.QuoteIdent(s.Name) + "." + catalog.QuoteIdent(c.Name)
	}
	return catalog.QuoteIdent(c.Name)
}

// relationName names a relation, with a schema where the search path or a WITH query of the same name needs one.
func (p *Printer) relationName(oid types.OID) string {
	r := p.Catalog.Relation(oid)
	if r == nil {
		return "???"
	}
	for _, ns := range p.spaces {
		for _, c := range ns.query.CTEs {
			if c.Name == r.Name {
				return p.Catalog.QualifiedName(r)
			}
		}
	}
	return p.Catalog.RelationName(oid)
}
