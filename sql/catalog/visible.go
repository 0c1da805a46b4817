package catalog

import "kimberlite/sql/types"

// visible reports whether the first schema of the search path in which found holds is the object's own.
func (v *Bound) visible(schema types.OID, found func(schema types.OID) bool) bool {
	for _, s := range v.path {
		if s == schema {
			return true
		}
		if found(s) {
			return false
		}
	}
	return false
}

// RelationVisible is pg_table_is_visible for an existing relation.
func (v *Bound) RelationVisible(oid types.OID) bool {
	r := v.Relation(oid)
	return r != nil && v.visible(r.Schema, func(s types.OID) bool { return v.RelationByName(s, r.Name) != nil })
}

// TypeVisible is pg_type_is_visible for an existing type.
func (v *Bound) TypeVisible(oid types.OID) bool {
	t := v.TypeByOID(oid)
	return t != nil && v.visible(t.Namespace, func(s types.OID) bool { return v.TypeByName(s, t.Name) != nil })
}

// FunctionVisible is pg_function_is_visible for an existing function.
func (v *Bound) FunctionVisible(oid types.OID) bool {
	p := v.Proc(oid)
	return p != nil && v.visible(p.Namespace, func(s types.OID) bool {
		for _, q := range v.Procs(p.Name) {
			if q.Namespace == s && sameOIDs(q.Args, p.Args) {
				return true
			}
		}
		return false
	})
}

// OperatorVisible is pg_operator_is_visible for an existing operator.
func (v *Bound) OperatorVisible(oid types.OID) bool {
	o := v.Operator(oid)
	return o != nil && v.visible(o.Namespace, func(types.OID) bool { return false })
}

// CollationVisible is pg_collation_is_visible for an existing collation.
func (v *Bound) CollationVisible(oid types.OID) bool {
	c := v.Collation(oid)
	return c != nil && v.visible(c.Namespace, func(types.OID) bool { return false })
}

func sameOIDs(a, b []types.OID) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// RelationName prints a relation with a schema where the search path needs one, quoted where needed: what regclass prints.
func (v *Bound) RelationName(oid types.OID) string {
	r := v.Relation(oid)
	if r == nil {
		return utoa(oid)
	}
	if v.RelationVisible(oid) {
		return quoteIdent(r.Name)
	}
	return v.QualifiedName(r)
}

// QualifiedName prints a relation with its schema.
func (v *Bound) QualifiedName(r *Relation) string {
	if s := v.Schema(r.Schema); s != nil {
		return quoteIdent(s.Name) + "." + quoteIdent(r.Name)
	}
	return quoteIdent(r.Name)
}
