package deparse

import (
	"kimberlite/sql/catalog"
	"kimberlite/sql/tree"
)

// sqlSyntax prints a call that was written in one of SQL's own notations, EXTRACT(x FROM y) and the like; false when the function has none.
func (p *Printer) sqlSyntax(e *tree.FuncExpr) bool {
	f := p.Catalog.Proc(e.Func)
	if f == nil || f.Namespace != catalog.PgCatalogOID {
		return false
	}
	a := e.Args
	// words prints a format in which each %n is argument n (from 1) and the rest stands for itself.
	words := func(parts ...any) bool {
		for _, x := range parts {
			switch x := x.(type) {
			case string:
				p.Write(x)
			case int:
				p.expr(a[x-1], false)
			}
		}
		p.writeByte(')')
		return true
	}
	n := len(a)
	switch f.Name {
	case "timezone":
		if n == 2 {
			p.writeByte('(')
			p.paren(a[1], false, e)
			p.Write(" AT TIME ZONE ")
			p.paren(a[0], false, e)
			p.writeByte(')')
			return true
		}
	case "overlaps":
		if n == 4 {
			return words("((", 1, ", ", 2, ") OVERLAPS (", 3, ", ", 4, ")")
		}
	case "extract":
		if c, ok := a[0].(*tree.Const); ok && n == 2 {
			return words("EXTRACT(", c.Value.S, " FROM ", 2)
		}
	case "is_normalized":
		p.writeByte('(')
		p.paren(a[0], false, e)
		p.Write(" IS")
		if n == 2 {
			if c, ok := a[1].(*tree.Const); ok {
				p.Write(" " + c.Value.S)
			}
		}
		p.Write(" NORMALIZED)")
		return true
	case "pg_collation_for":
		return words("COLLATION FOR (", 1)
	case "normalize":
		if n == 2 {
			if c, ok := a[1].(*tree.Const); ok {
				return words("NORMALIZE(", 1, ", ", c.Value.S)
			}
		}
		return words("NORMALIZE(", 1)
	case "overlay":
		if n == 4 {
			return words("OVERLAY(", 1, " PLACING ", 2, " FROM ", 3, " FOR ", 4)
		}
		return words("OVERLAY(", 1, " PLACING ", 2, " FROM ", 3)
	case "position":
		return words("POSITION(", "(", 2, ") IN (", 1, ")")
	case "substring":
		switch {
		case n == 3 && a[1].Type().OID == textOID:
			return words("SUBSTRING(", 1, " SIMILAR ", 2, " ESCAPE ", 3)
		case n == 3:
			return words("SUBSTRING(", 1, " FROM ", 2, " FOR ", 3)
		case n == 2 && a[1].Type().OID != textOID: // with a pattern it prints as a call
			return words("SUBSTRING(", 1, " FROM ", 2)
		}
	case "btrim", "ltrim", "rtrim":
		where := map[string]string{"btrim": "TRIM(BOTH", "ltrim": "TRIM(LEADING", "rtrim": "TRIM(TRAILING"}[f.Name]
		if n == 2 {
			return words(where, " ", 2, " FROM ", 1)
		}
		return words(where, " FROM ", 1)
	}
	return false
}

const textOID = 25
