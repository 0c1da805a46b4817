package analyze

import (
	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// typ returns a type's descriptor; an unknown OID is an internal error, as it comes from the catalog itself.
func (a *analyzer) typ(oid types.OID) *types.Type {
	if t := a.lookupType(oid); t != nil {
		return t
	}
	fail(pgerr.Internal("cache lookup failed for type %d", oid))
	return nil
}

func (a *analyzer) lookupType(oid types.OID) *types.Type {
	if t := types.Builtin(oid); t != nil {
		return t
	}
	return a.cat.TypeByOID(oid)
}

// typeName is a type's name in error messages (format_type_be).
func (a *analyzer) typeName(oid types.OID) string { return types.FormatTypeName(a.io, oid) }

// baseType looks through domains.
func (a *analyzer) baseType(oid types.OID) types.OID { return a.baseTypeMod(types.Of(oid)).OID }

// baseTypeMod looks through domains; the modifier becomes that of the innermost domain.
func (a *analyzer) baseTypeMod(t types.T) types.T {
	for {
		ty := a.lookupType(t.OID)
		if ty == nil || ty.Kind != types.KindDomain {
			return t
		}
		t = types.T{OID: ty.Base, Mod: ty.BaseMod}
	}
}

// category is pg_type.typcategory.
func (a *analyzer) category(oid types.OID) byte {
	if oid == 0 {
		return 'X'
	}
	return a.typ(oid).Category
}

func (a *analyzer) isPreferred(category byte, oid types.OID) bool {
	t := a.typ(oid)
	return t.Category == category && t.Preferred
}

// elemType is the element type of a true array type (get_element_type), 0 for anything else.
func (a *analyzer) elemType(oid types.OID) types.OID {
	if oid == 0 {
		return 0
	}
	if oid == types.OIDInt2vector || oid == types.OIDOidvector { // arrays in disguise
		return a.typ(oid).Elem
	}
	if t := a.typ(oid); t.IsArray() {
		return t.Elem
	}
	return 0
}

// baseElemType is elemType of a domain's base type.
func (a *analyzer) baseElemType(oid types.OID) types.OID { return a.elemType(a.baseType(oid)) }

// arrayType is the array type over a type, 0 if there is none.
func (a *analyzer) arrayType(oid types.OID) types.OID { return a.typ(oid).Array }

// isComplex reports whether the type is a named composite type (or a domain over one).
func (a *analyzer) isComplex(oid types.OID) bool { return a.typeRelID(oid) != 0 }

// typeRelID is the relation of a composite type, looking through a domain (typeOrDomainTypeRelid).
func (a *analyzer) typeRelID(oid types.OID) types.OID {
	t := a.lookupType(a.baseType(oid))
	if t == nil || t.Kind != types.KindComposite {
		return 0
	}
	return t.Relid
}

// isRowType reports whether values of the type are rows (type_is_rowtype).
func (a *analyzer) isRowType(oid types.OID) bool { return oid == types.OIDRecord || a.isComplex(oid) }

func (a *analyzer) isComplexArray(oid types.OID) bool {
	e := a.elemType(oid)
	return e != 0 && a.isComplex(e)
}

func (a *analyzer) isEnum(oid types.OID) bool { return a.typ(oid).Kind == types.KindEnum }

// rangeSubtype is the element type of a range type, 0 for any other.
func (a *analyzer) rangeSubtype(oid types.OID) types.OID {
	if oid == 0 {
		return 0
	}
	if t := a.typ(oid); t.Kind == types.KindRange && t.Range != nil {
		return t.Range.Subtype
	}
	return 0
}

// multirangeRange is the range type of a multirange type, 0 for any other.
func (a *analyzer) multirangeRange(oid types.OID) types.OID {
	if oid == 0 {
		return 0
	}
	if t := a.typ(oid); t.Kind == types.KindMultirange && t.Range != nil {
		return t.Range.Multirange
	}
	return 0
}

// rangeMultirange is the multirange type of a range type.
func (a *analyzer) rangeMultirange(oid types.OID) types.OID {
	if t := a.typ(oid); t.Kind == types.KindRange && t.Range != nil {
		return t.Range.Multirange
	}
	return 0
}

// typeCollation is a type's default collation.
func (a *analyzer) typeCollation(oid types.OID) types.OID {
	if oid == 0 {
		return 0
	}
	return a.typ(oid).Collation
}

// isBinaryCoercible reports whether values of the one type can stand for the other without conversion (IsBinaryCoercible).
func (a *analyzer) isBinaryCoercible(src, target types.OID) bool {
	if src == target || target == types.OIDAny || target == types.OIDAnyelement || target == types.OIDAnycompatible {
		return true
	}
	src = a.baseType(src)
	if src == target {
		return true
	}
	switch target {
	case types.OIDAnyarray, types.OIDAnycompatiblearray:
		return a.elemType(src) != 0
	case types.OIDAnynonarray, types.OIDAnycompatiblenonarray:
		return a.elemType(src) == 0
	case types.OIDAnyenum:
		return a.isEnum(src)
	case types.OIDAnyrange, types.OIDAnycompatiblerange:
		return a.typ(src).Kind == types.KindRange
	case types.OIDAnymultirange, types.OIDAnycompatiblemultirange:
		return a.typ(src).Kind == types.KindMultirange
	case types.OIDRecord:
		if a.isComplex(src) {
			return true
		}
	case types.OIDRecordArray:
		if a.isComplexArray(src) {
			return true
		}
	}
	c := a.cat.Cast(src, target)
	return c != nil && c.Method == 'b' && c.Context == 'i'
}

// typeOps finds the comparison operators of a type's default operator classes, those of its base type or of what it is binary
// coercible to included (lookup_type_cache). Operators that only exist when the element or field types have them are checked.
func (a *analyzer) typeOps(oid types.OID) catalog.TypeOps {
	oid = a.baseType(oid)
	if ops := a.cat.TypeOps(oid); ops.Eq != 0 {
		return a.containerOps(oid, ops)
	}
	t := a.lookupType(oid)
	if t == nil {
		return catalog.TypeOps{}
	}
	standIn := types.OID(0)
	switch {
	case t.IsArray():
		standIn = types.OIDAnyarray
	case t.Kind == types.KindEnum:
		standIn = types.OIDAnyenum
	case t.Kind == types.KindRange:
		standIn = types.OIDAnyrange
	case t.Kind == types.KindMultirange:
		standIn = types.OIDAnymultirange
	case t.Kind == types.KindComposite:
		standIn = types.OIDRecord
	case oid == types.OIDVarchar:
		standIn = types.OIDText
	case oid == types.OIDCidr:
		standIn = types.OIDInet
	}
	if standIn == 0 {
		return catalog.TypeOps{}
	}
	return a.containerOps(oid, a.cat.TypeOps(standIn))
}

// containerOps takes away the operators that a container has only as far as its elements have them.
func (a *analyzer) containerOps(oid types.OID, ops catalog.TypeOps) catalog.TypeOps {
	t := a.lookupType(oid)
	limit := func(e catalog.TypeOps) {
		if e.Eq == 0 {
			ops.Eq = 0
		}
		if e.Cmp == 0 {
			ops.Lt, ops.Gt, ops.Cmp = 0, 0, 0
		}
		if e.Hash == 0 {
			ops.Hash = 0
		}
	}
	switch {
	case t.IsArray():
		limit(a.typeOps(t.Elem))
	case t.Kind == types.KindRange && t.Range != nil:
		if a.typeOps(t.Range.Subtype).Hash == 0 {
			ops.Hash = 0
		}
	case t.Kind == types.KindComposite:
		for _, f := range a.rowFields(oid) {
			limit(a.typeOps(f.T.OID))
		}
	}
	return ops
}

// rowField is a column of a composite type. Dropped ones have no name.
type rowField struct {
	Name    string
	T       types.T
	Coll    types.OID
	Dropped bool
}

// rowFields lists the columns of a composite type by attribute number - 1, dropped ones included; nil for any other type.
func (a *analyzer) rowFields(oid types.OID) []rowField {
	t := a.lookupType(a.baseType(oid))
	if t == nil || t.Kind != types.KindComposite {
		return nil
	}
	if t.Relid != 0 {
		if r := a.cat.Relation(t.Relid); r != nil {
			return relationFields(r)
		}
	}
	out := make([]rowField, len(t.Fields))
	for i, f := range t.Fields {
		out[i] = rowField{Name: f.Name, T: f.T, Coll: a.typeCollation(f.T.OID)}
	}
	return out
}

func relationFields(r *catalog.Relation) []rowField {
	out := make([]rowField, len(r.Columns))
	for i := range r.Columns {
		c := &r.Columns[i]
		out[i] = rowField{Name: c.Name, T: c.T, Coll: c.Collation, Dropped: c.Dropped}
		if c.Dropped {
			out[i].Name = ""
		}
	}
	return out
}
