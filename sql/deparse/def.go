package deparse

import (
	"strings"

	"kimberlite/sql/catalog"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// stored decodes a stored expression; nil when it is damaged.
func stored(b []byte) tree.Expr {
	e, err := tree.Decode(b)
	if err != nil {
		return nil
	}
	return e
}

// IndexDef prints CREATE INDEX of an index, or with column > 0 just that column's name or expression, as pg_get_indexdef; ok is false when there is no such index or
// column.
func IndexDef(b *catalog.Bound, oid types.OID, column int, flags Flags) (text string, ok bool) {
	r := b.Relation(oid)
	if r == nil || r.Index == nil {
		return "", false
	}
	table := b.Relation(r.Index.Table)
	if table == nil {
		return "", false
	}
	x := r.Index
	var s strings.Builder
	if column == 0 {
		s.WriteString("CREATE ")
		if x.Unique {
			s.WriteString("UNIQUE ")
		}
		s.WriteString("INDEX " + catalog.QuoteIdent(r.Name) + " ON ")
		if table.RelKind == 'p' {
			s.WriteString("ONLY ")
		}
		if flags&Schema != 0 {
			s.WriteString(b.RelationName(table.OID))
		} else {
			s.WriteString(b.QualifiedName(table))
		}
		s.WriteString(" USING " + catalog.QuoteIdent(x.Method) + " (")
	}
	for i := range x.Keys {
		k := &x.Keys[i]
		if column == 0 && i > 0 {
			s.WriteString(", ")
		}
		if column != 0 && column != i+1 {
			continue
		}
		keyColl := types.OID(0)
		if k.Att > 0 && k.Att <= len(table.Columns) {
			s.WriteString(catalog.QuoteIdent(table.Columns[k.Att-1].Name))
			keyColl = table.Columns[k.Att-1].Collation
		} else if e := stored(k.Expr); e != nil {
			text := Expression(b, e, table, flags)
			if !looksLikeFunction(e) {
				text = "(" + text + ")"
			}
			s.WriteString(text)
			keyColl = e.Collation()
		}
		if column == 0 {
			s.WriteString(keyOptions(b, x, k, keyColl))
		}
	}
	for i, a := range x.Include {
		name := ""
		if a > 0 && a <= len(table.Columns) {
			name = catalog.QuoteIdent(table.Columns[a-1].Name)
		}
		switch {
		case column == 0 && i == 0:
			s.WriteString(") INCLUDE (" + name)
		case column == 0:
			s.WriteString(", " + name)
		case column == len(x.Keys)+i+1:
			s.WriteString(name)
		}
	}
	if column != 0 {
		return s.String(), column >= 1 && column <= len(x.Keys)+len(x.Include)
	}
	s.WriteString(")")
	if x.NullsNotDistinct {
		s.WriteString(" NULLS NOT DISTINCT")
	}
	if len(r.Options) > 0 {
		s.WriteString(" WITH (" + options(r.Options) + ")")
	}
	if x.Predicate != nil {
		if e := stored(x.Predicate); e != nil {
			s.WriteString(" WHERE " + Expression(b, e, table, flags))
		}
	}
	return s.String(), true
}

// options prints storage parameters: name=value, values quoted where they are no plain identifiers.
func options(list []string) string {
	out := make([]string, len(list))
	for i, o := range list {
		name, value, _ := strings.Cut(o, "=")
		quoted := catalog.QuoteIdent(value)
		if quoted != value {
			quoted = "'" + strings.ReplaceAll(value, "'", "''") + "'"
		}
		out[i] = catalog.QuoteIdent(name) + "=" + quoted
	}
	return strings.Join(out, ", ")
}

// keyOptions are a key column's collation, operator class and order where they are not the defaults.
func keyOptions(b *catalog.Bound, x *catalog.Index, k *catalog.IndexKey, keyColl types.OID) string {
	var s strings.Builder
	p := New(b, 0)
	if k.Collation != 0 && k.Collation != keyColl {
		s.WriteString(" COLLATE " + p.collationName(k.Collation))
	}
	if c := catalog.OpClassByOID(k.OpClass); c != nil && catalog.DefaultOpClass(b, k.T.OID, c.Method) != k.OpClass {
		s.WriteString(" " + catalog.QuoteIdent(c.Name))
	}
	if x.Method == "btree" || x.Method == "" {
		switch {
		case k.Desc && !k.NullsFirst:
			s.WriteString(" DESC NULLS LAST")
		case k.Desc:
			s.WriteString(" DESC")
		case k.NullsFirst:
			s.WriteString(" NULLS FIRST")
		}
	}
	return s.String()
}

// ConstraintDef prints a constraint as pg_get_constraintdef; ok is false when there is none.
func ConstraintDef(b *catalog.Bound, oid types.OID, flags Flags) (text string, ok bool) {
	c, r, d := b.ConstraintByOID(oid)
	if c == nil {
		return builtinConstraintDef(b, oid)
	}
	return Constraint(b, c, r, d, flags), true
}

// Constraint prints a constraint of a relation or a domain (the other is nil).
func Constraint(b *catalog.Bound, c *catalog.Constraint, r *catalog.Relation, d *catalog.TypeDesc, flags Flags) string {
	var s strings.Builder
	switch c.Type {
	case 'f':
		s.WriteString("FOREIGN KEY (" + attributes(r, c.Cols) + ") REFERENCES ")
		if ref := b.Relation(c.RefRel); ref != nil {
			s.WriteString(b.RelationName(ref.OID) + "(" + attributes(ref, c.RefCols) + ")")
		}
		if c.Match == 'f' {
			s.WriteString(" MATCH FULL")
		}
		if a := fkAction(c.OnUpdate); a != "" {
			s.WriteString(" ON UPDATE " + a)
		}
		if a := fkAction(c.OnDelete); a != "" {
			s.WriteString(" ON DELETE " + a)
		}
		if len(c.DeleteSetCols) > 0 {
			s.WriteString(" (" + attributes(r, c.DeleteSetCols) + ")")
		}
	case 'p', 'u':
		if c.Type == 'p' {
			s.WriteString("PRIMARY KEY ")
		} else {
			s.WriteString("UNIQUE ")
		}
		ix := b.Relation(c.Index)
		if ix != nil && ix.Index != nil && ix.Index.NullsNotDistinct {
			s.WriteString("NULLS NOT DISTINCT ")
		}
		s.WriteString("(" + attributes(r, c.Cols) + ")")
		if ix != nil && ix.Index != nil && len(ix.Index.Include) > 0 {
			s.WriteString(" INCLUDE (" + attributes(r, ix.Index.Include) + ")")
		}
	case 'c':
		s.WriteString("CHECK (")
		if e := stored(c.Expr); e != nil {
			s.WriteString(Expression(b, e, r, flags))
		}
		s.WriteString(")")
		if c.NoInherit {
			s.WriteString(" NO INHERIT")
		}
	case 'x':
		s.WriteString("EXCLUDE USING ...") // cannot be created
	}
	if c.Deferrable {
		s.WriteString(" DEFERRABLE")
	}
	if c.Deferred {
		s.WriteString(" INITIALLY DEFERRED")
	}
	if c.NotValid {
		s.WriteString(" NOT VALID")
	}
	return s.String()
}

func attributes(r *catalog.Relation, cols []int) string {
	names := make([]string, 0, len(cols))
	for _, a := range cols {
		if r != nil && a >= 1 && a <= len(r.Columns) {
			names = append(names, catalog.QuoteIdent(r.Columns[a-1].Name))
		}
	}
	return strings.Join(names, ", ")
}

func fkAction(a byte) string {
	switch a {
	case 'r':
		return "RESTRICT"
	case 'c':
		return "CASCADE"
	case 'n':
		return "SET NULL"
	case 'd':
		return "SET DEFAULT"
	}
	return ""
}

// builtinConstraintDef prints a key of a system catalog.
func builtinConstraintDef(b *catalog.Bound, oid types.OID) (string, bool) {
	r, c := catalog.BuiltinConstraint(oid)
	if c == nil {
		return "", false
	}
	return Constraint(b, c, r, nil, Plain), true
}

// RuleDef prints a view's rule as pg_get_ruledef; ok is false when there is none.
func RuleDef(b *catalog.Bound, oid types.OID, flags Flags) (string, bool) {
	r := b.RuleByOID(oid)
	if r == nil || r.View == nil {
		return "", false
	}
	q, err := tree.DecodeQuery(r.View.Query)
	if err != nil || q == nil {
		return "", false
	}
	name := b.QualifiedName(r)
	if flags&Schema != 0 {
		name = b.RelationName(r.OID)
	}
	p := New(b, flags)
	p.Wrap = -1
	p.Write(`CREATE RULE "_RETURN" AS` + "\n    ON SELECT TO " + name + " DO INSTEAD ")
	p.query(q, columnNames(r), true, true, "old", "new")
	p.writeByte(';')
	return p.String(), true
}

// NodeTree prints a value of type pg_node_tree over the columns of a relation (0: none), as pg_get_expr; ok is false when it is malformed.
func NodeTree(b *catalog.Bound, s string, rel types.OID, flags Flags) (text string, ok bool) {
	exprs, text, ok := catalog.DecodeNodeTree(s)
	if !ok || exprs == nil {
		return text, ok
	}
	r := b.Relation(rel)
	if rel != 0 && r == nil {
		return "", false
	}
	parts := make([]string, len(exprs))
	for i, e := range exprs {
		parts[i] = Expression(b, e, r, flags)
	}
	return strings.Join(parts, ", "), true
}
