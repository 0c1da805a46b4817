package deparse

import (
	"strings"

	"kimberlite/sql/catalog"
	"kimberlite/sql/tree"
)

// SQLBody prints the body of a function that was written in standard SQL form, as pg_get_function_sqlbody; ok is false for a function that has none.
func SQLBody(b *catalog.Bound, f *catalog.Proc) (text string, ok bool) {
	if f.Queries == nil {
		return f.Body, f.Body != ""
	}
	p := New(b, Plain)
	names := paramNames(f)
	p.Param = func(p *Printer, e *tree.Param) bool {
		if e.Kind != tree.ParamExtern || e.ID > len(names) || names[e.ID-1] == "" {
			return false
		}
		p.parameter(f.Name, names[e.ID-1])
		return true
	}
	var queries []*tree.Query
	for _, enc := range f.Queries {
		q, err := tree.DecodeQuery(enc)
		if err != nil {
			return "", false
		}
		queries = append(queries, q)
	}
	if f.BodyReturn && len(queries) == 1 {
		p.push(queries[0])
		p.Write("RETURN ")
		p.expr(queries[0].Target[0].Expr, false)
		p.pop()
		return p.String(), true
	}
	p.Write("BEGIN ATOMIC\n")
	for _, q := range queries {
		p.level = 1
		p.query(q, nil, false, true)
		p.Write(";\n")
	}
	p.Write("END")
	return p.String(), true
}

// parameter prints the name of a function's parameter; inside a query with tables the function's name in front keeps it apart from columns.
func (p *Printer) parameter(function, name string) {
	for _, ns := range p.spaces {
		if len(ns.names) > 0 {
			p.Ident(function)
			p.writeByte('.')
			break
		}
	}
	p.Ident(name)
}

// paramNames are the names of a function's input parameters, empty for those without.
func paramNames(f *catalog.Proc) (out []string) {
	for i, n := range f.ArgNames {
		if f.ArgModes == nil || strings.IndexByte("ibv", f.ArgModes[i]) >= 0 {
			out = append(out, n)
		}
	}
	return out
}

// defaultTexts are the defaults of a function's last parameters as SQL.
func defaultTexts(b *catalog.Bound, f *catalog.Proc) []string {
	if f.DefaultExprs == nil {
		return splitDefaults(f.Defaults)
	}
	out := make([]string, len(f.DefaultExprs))
	for i, enc := range f.DefaultExprs {
		if e := stored(enc); e != nil {
			out[i] = Expression(b, e, nil, Plain)
		}
	}
	return out
}
