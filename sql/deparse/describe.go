package deparse

import (
	"kimberlite/sql/catalog"
	"kimberlite/sql/types"
)

// Describe names an object as dependency messages and pg_describe_object do: "table foo", "column a of table foo", "constraint c on table foo". ok is false when
// there is no such object.
func Describe(b *catalog.Bound, class, oid types.OID, sub int) (text string, ok bool) {
	switch class {
	case catalog.ClassRelation:
		r := b.Relation(oid)
		if r == nil {
			return "", false
		}
		if sub == 0 {
			return relationText(b, r), true
		}
		if sub < 1 || sub > len(r.Columns) {
			return "", false
		}
		return "column " + r.Columns[sub-1].Name + " of " + relationText(b, r), true
	case catalog.ClassType:
		if b.TypeByOID(oid) == nil {
			return "", false
		}
		return "type " + types.FormatTypeName(&types.Ctx{Types: b}, oid), true
	case catalog.ClassProc:
		f := b.Proc(oid)
		if f == nil {
			return "", false
		}
		return "function " + Signature(b, f), true
	case catalog.ClassConstraint:
		return describeConstraint(b, oid)
	case catalog.ClassAttrDef:
		r, att := b.DefaultByOID(oid)
		if r == nil {
			return "", false
		}
		return "default value for column " + r.Columns[att-1].Name + " of " + relationText(b, r), true
	case catalog.ClassRewrite:
		r := b.RuleByOID(oid)
		if r == nil {
			return "", false
		}
		return "rule _RETURN on " + relationText(b, r), true
	case catalog.ClassSchema:
		if n := b.Schema(oid); n != nil {
			return "schema " + n.Name, true
		}
	case catalog.ClassDatabase:
		if d := b.Database(oid); d != nil {
			return "database " + d.Name, true
		}
	case catalog.ClassRole:
		if r := b.Role(oid); r != nil {
			return "role " + r.Name, true
		}
	case catalog.ClassTablespace:
		for _, t := range b.Tablespaces() {
			if t.OID == oid {
				return "tablespace " + t.Name, true
			}
		}
	case catalog.ClassExtension:
		for _, x := range b.Extensions() {
			if x.OID == oid {
				return "extension " + x.Name, true
			}
		}
	case catalog.ClassCollation:
		if c := b.Collation(oid); c != nil {
			return "collation " + New(b, 0).collationName(oid), true
		}
	case catalog.ClassOperator:
		if o := b.Operator(oid); o != nil {
			return "operator " + operatorText(b, o), true
		}
	case catalog.ClassCast:
		return "", false
	case catalog.ClassLanguage:
		if n := catalog.LanguageName(oid); n != "" {
			return "language " + n, true
		}
	case catalog.ClassOpClass:
		if c := catalog.OpClassByOID(oid); c != nil {
			return "operator class " + c.Name + " for access method " + map[types.OID]string{catalog.BtreeAM: "btree", catalog.HashAM: "hash"}[c.Method], true
		}
	}
	return "", false
}

func describeConstraint(b *catalog.Bound, oid types.OID) (string, bool) {
	c, r, d := b.ConstraintByOID(oid)
	switch {
	case c == nil:
		return "", false
	case r != nil:
		return "constraint " + c.Name + " on " + relationText(b, r), true
	}
	return "constraint " + c.Name + " on type " + types.FormatTypeName(&types.Ctx{Types: b}, d.OID), true
}

// RelationKindWord is what messages call a relation of a kind.
func RelationKindWord(kind byte) string {
	switch kind {
	case 'r', 'p':
		return "table"
	case 'i', 'I':
		return "index"
	case 'S':
		return "sequence"
	case 't':
		return "toast table"
	case 'v':
		return "view"
	case 'm':
		return "materialized view"
	case 'c':
		return "composite type"
	case 'f':
		return "foreign table"
	}
	return "relation"
}

func relationText(b *catalog.Bound, r *catalog.Relation) string {
	return RelationKindWord(r.RelKind) + " " + b.RelationName(r.OID)
}

func operatorText(b *catalog.Bound, o *catalog.Operator) string {
	io := &types.Ctx{Types: b}
	left := "NONE"
	if o.Left != 0 {
		left = types.FormatTypeName(io, o.Left)
	}
	return o.Name + "(" + left + "," + types.FormatTypeName(io, o.Right) + ")"
}
