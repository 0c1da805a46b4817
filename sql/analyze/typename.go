package analyze

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// typeOf resolves a type's name with its modifier (typenameTypeIdAndMod). SETOF is for the caller to look at.
func (a *analyzer) typeOf(n *pg.TypeName) types.T {
	t := a.lookupTypeName(n)
	if t == nil {
		failf(n.Location, pgerr.UndefinedObject, "type \"%s\" does not exist", typeNameToString(n))
	}
	if !t.Defined {
		failf(n.Location, pgerr.UndefinedObject, "type \"%s\" is only a shell", typeNameToString(n))
	}
	return types.T{OID: t.OID, Mod: a.typmodOf(n, t)}
}

// lookupTypeName finds the type of a name, nil if there is none (LookupTypeName).
func (a *analyzer) lookupTypeName(n *pg.TypeName) *types.Type {
	var t *types.Type
	switch {
	case n.TypeOid != 0 && len(n.Names) == 0:
		t = a.lookupType(types.OID(n.TypeOid))
	case n.PctType:
		t = a.columnType(n)
	default:
		schema, name := a.splitName(n.Names)
		if schema != "" {
			a.schemaOID(schema, false, n.Location)
		}
		t = a.findType(schema, name)
	}
	if t != nil && len(n.ArrayBounds) > 0 {
		if t.Array == 0 {
			return nil
		}
		return a.lookupType(t.Array)
	}
	return t
}

// findType finds a type by name, nil if there is none.
func (a *analyzer) findType(schema, name string) *types.Type {
	if schema == "" {
		for _, ns := range a.env.SearchPath {
			if t := a.typeIn(ns, name); t != nil {
				return t
			}
		}
		return nil
	}
	ns := a.schemaOID(schema, true, -1)
	if ns == 0 {
		return nil
	}
	return a.typeIn(ns, name)
}

func (a *analyzer) typeIn(ns types.OID, name string) *types.Type {
	if ns == pgCatalog {
		if t := types.BuiltinByName(name); t != nil {
			return t
		}
	}
	return a.cat.TypeByName(ns, name)
}

// columnType resolves table.column%TYPE.
func (a *analyzer) columnType(n *pg.TypeName) *types.Type {
	names := n.Names
	if len(names) < 2 {
		failf(n.Location, pgerr.SyntaxError, "improper %%TYPE reference (too few dotted names): %s", nameListToString(names))
	}
	if len(names) > 4 {
		failf(n.Location, pgerr.SyntaxError, "improper %%TYPE reference (too many dotted names): %s", nameListToString(names))
	}
	rv := &pg.RangeVar{Location: n.Location, Relname: str(names[len(names)-2])}
	if len(names) >= 3 {
		rv.Schemaname = str(names[len(names)-3])
	}
	if len(names) == 4 {
		rv.Catalogname = str(names[0])
	}
	col := str(names[len(names)-1])
	rel := a.rangeVarRelation(rv, nil)
	for i := range rel.Columns {
		if c := &rel.Columns[i]; c.Name == col && !c.Dropped {
			t := a.lookupType(c.T.OID)
			a.notice(pgerr.Notice("type reference %s converted to %s", typeNameToString(n), types.FormatType(a.io, c.T.OID, -1)))
			return t
		}
	}
	failf(n.Location, pgerr.UndefinedColumn, "column \"%s\" of relation \"%s\" does not exist", col, rel.Name)
	return nil
}

// typmodOf turns the modifiers of a type's name into a typmod (typenameTypeMod).
func (a *analyzer) typmodOf(n *pg.TypeName, t *types.Type) int32 {
	if len(n.Typmods) == 0 {
		return n.Typemod
	}
	args := make([]string, len(n.Typmods))
	for i, m := range n.Typmods {
		switch x := m.Node.(type) {
		case *pg.Node_AConst:
			switch v := x.AConst.Val.(type) {
			case *pg.A_Const_Ival:
				args[i] = itoa(int(v.Ival.Ival))
			case *pg.A_Const_Fval:
				args[i] = v.Fval.Fval
			case *pg.A_Const_Sval:
				args[i] = v.Sval.Sval
			}
		case *pg.Node_ColumnRef:
			if len(x.ColumnRef.Fields) == 1 {
				args[i] = str(x.ColumnRef.Fields[0])
			}
		}
		if args[i] == "" {
			failf(n.Location, pgerr.SyntaxError, "type modifiers must be simple constants or identifiers")
		}
	}
	elem := t
	if t.IsArray() {
		elem = a.typ(t.Elem)
	}
	if elem.ModIn == 0 {
		failf(n.Location, pgerr.SyntaxError, "type modifier is not allowed for type \"%s\"", typeNameToString(n))
	}
	mod, warning, err := types.TypmodIn(a.io, t.OID, args)
	if err != nil {
		failAt(err, n.Location)
	}
	if warning != nil {
		a.notice(warning.At(int(n.Location)))
	}
	return mod
}

// typeNameToString is a type's name as written, for messages (TypeNameToString).
func typeNameToString(n *pg.TypeName) string {
	out := nameListToString(n.Names)
	if n.PctType {
		out += "%TYPE"
	}
	if len(n.ArrayBounds) > 0 {
		out += "[]"
	}
	return out
}
