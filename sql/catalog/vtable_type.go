package catalog

import (
	"slices"

	"kimberlite/sql/types"
)

var typeTables = map[string]func() vtable{
	"pg_type": pgType, "pg_enum": pgEnum, "pg_range": pgRange,
}

// eachType emits the types that the constraints leave: built-in ones, the user's, and those that others imply.
func eachType(s *scan, emit func(*types.Type)) {
	b := s.b()
	if list, ok := s.oids("oid"); ok {
		for _, oid := range list {
			if t := b.TypeByOID(oid); t != nil {
				emit(t)
			}
		}
		return
	}
	schemas, bySchema := s.oids("typnamespace")
	if list, ok := s.names("typname"); ok {
		if !bySchema {
			for _, n := range b.Schemas() {
				schemas = append(schemas, n.OID)
			}
		}
		for _, n := range schemas {
			for _, name := range list {
				if t := b.TypeByName(n, name); t != nil {
					emit(t)
				}
			}
		}
		return
	}
	if list, ok := s.oids("typrelid"); ok && !slices.Contains(list, 0) {
		for _, oid := range list {
			if r := b.Relation(oid); r != nil {
				if t := b.TypeByOID(r.RowType); t != nil {
					emit(t)
				}
			}
		}
		return
	}
	if list, ok := s.oids("typarray"); ok && !slices.Contains(list, 0) {
		for _, oid := range list {
			if a := b.TypeByOID(oid); a != nil {
				if t := b.TypeByOID(a.Elem); t != nil {
					emit(t)
				}
			}
		}
		return
	}
	keep := func(t *types.Type) {
		if t != nil && (!bySchema || slices.Contains(schemas, t.Namespace)) {
			emit(t)
		}
	}
	for _, t := range types.Builtins() {
		keep(t)
	}
	eachUserType(b, keep)
}

// eachUserType calls f for the user's types, those that others imply included (f may get nil).
func eachUserType(b *Bound, f func(*types.Type)) {
	for _, d := range b.Types() {
		f(&d.Type)
		if d.Type.Array != 0 {
			f(b.TypeByOID(d.Type.Array))
		}
		if d.Type.Range != nil {
			f(b.TypeByOID(d.Type.Range.Multirange))
			f(b.TypeByOID(d.Type.Range.MultirangeArray))
		}
	}
	for _, r := range b.Relations(0) {
		if r.RowType != 0 {
			f(b.TypeByOID(r.RowType))
		}
		if r.RowArray != 0 {
			f(b.TypeByOID(r.RowArray))
		}
	}
}

func pgType() vtable {
	type fn = func(*Env, *types.Type) types.Datum
	o := func(f func(t *types.Type) types.OID) fn {
		return func(e *Env, t *types.Type) types.Datum { return oidDatum(f(t)) }
	}
	c := func(f func(t *types.Type) byte) fn {
		return func(e *Env, t *types.Type) types.Datum { return charDatum(f(t)) }
	}
	yes := func(f func(t *types.Type) bool) fn {
		return func(e *Env, t *types.Type) types.Datum { return types.Bool(f(t)) }
	}
	n := func(f func(t *types.Type) int64) fn {
		return func(e *Env, t *types.Type) types.Datum { return types.Int(f(t)) }
	}
	return table[*types.Type]{rows: eachType, cols: map[string]fn{
		"oid":            o(func(t *types.Type) types.OID { return t.OID }),
		"typname":        func(e *Env, t *types.Type) types.Datum { return types.Str(t.Name) },
		"typnamespace":   o(func(t *types.Type) types.OID { return t.Namespace }),
		"typowner":       o(func(t *types.Type) types.OID { return t.Owner }),
		"typlen":         n(func(t *types.Type) int64 { return int64(t.Len) }),
		"typbyval":       yes(func(t *types.Type) bool { return t.ByVal }),
		"typtype":        c(func(t *types.Type) byte { return byte(t.Kind) }),
		"typcategory":    c(func(t *types.Type) byte { return t.Category }),
		"typispreferred": yes(func(t *types.Type) bool { return t.Preferred }),
		"typisdefined":   yes(func(t *types.Type) bool { return t.Defined }),
		"typdelim":       c(func(t *types.Type) byte { return t.Delim }),
		"typrelid":       o(func(t *types.Type) types.OID { return t.Relid }),
		"typsubscript":   o(func(t *types.Type) types.OID { return t.Subscript }),
		"typelem":        o(func(t *types.Type) types.OID { return t.Elem }),
		"typarray":       o(func(t *types.Type) types.OID { return t.Array }),
		"typinput":       o(func(t *types.Type) types.OID { return t.Input }),
		"typoutput":      o(func(t *types.Type) types.OID { return t.Output }),
		"typreceive":     o(func(t *types.Type) types.OID { return t.Receive }),
		"typsend":        o(func(t *types.Type) types.OID { return t.Send }),
		"typmodin":       o(func(t *types.Type) types.OID { return t.ModIn }),
		"typmodout":      o(func(t *types.Type) types.OID { return t.ModOut }),
		"typanalyze":     o(func(t *types.Type) types.OID { return t.Analyze }),
		"typalign":       c(func(t *types.Type) byte { return t.Align }),
		"typstorage":     c(func(t *types.Type) byte { return t.Storage }),
		"typnotnull":     yes(func(t *types.Type) bool { return t.NotNull }),
		"typbasetype":    o(func(t *types.Type) types.OID { return t.Base }),
		"typtypmod": n(func(t *types.Type) int64 {
			return int64(t.BaseMod)
		}),
		"typndims":     n(func(t *types.Type) int64 { return int64(t.NDims) }),
		"typcollation": o(func(t *types.Type) types.OID { return t.Collation }),
		"typdefaultbin": func(e *Env, t *types.Type) types.Datum {
			if d := e.b().TypeDesc(t.OID); d != nil {
				return nodeDatum(d.DefaultExpr)
			}
			return types.NullDatum
		},
		"typdefault": func(e *Env, t *types.Type) types.Datum { return textOrNull(t.Default) },
		"typacl": func(e *Env, t *types.Type) types.Datum {
			if d := e.b().TypeDesc(t.OID); d != nil {
				return aclArray(e, d.ACL, "")
			}
			if t.Relid != 0 {
				if rel := e.b().Relation(t.Relid); rel != nil && rel.RelKind == 'c' {
					return aclArray(e, rel.ACL, "")
				}
			}
			return types.NullDatum
		},
	}}
}

type enumRow struct {
	typ   types.OID
	label *types.EnumLabel
	order int
}

func pgEnum() vtable {
	type fn = func(*Env, enumRow) types.Datum
	return table[enumRow]{
		rows: func(s *scan, emit func(enumRow)) {
			list, ok := s.oids("enumtypid")
			var descs []*TypeDesc
			if ok {
				for _, oid := range list {
					if d := s.b().TypeDesc(oid); d != nil {
						descs = append(descs, d)
					}
				}
			} else {
				descs = s.b().Types()
			}
			for _, d := range descs {
				for i := range d.Type.Labels {
					emit(enumRow{d.OID, &d.Type.Labels[i], i + 1})
				}
			}
		},
		cols: map[string]fn{
			"oid":       func(e *Env, r enumRow) types.Datum { return oidDatum(r.label.OID) },
			"enumtypid": func(e *Env, r enumRow) types.Datum { return oidDatum(r.typ) },
			"enumsortorder": func(e *Env, r enumRow) types.Datum {
				return floatDatum(float64(float32(float64(r.label.Key) / (1 << 32))))
			},
			"enumlabel": func(e *Env, r enumRow) types.Datum { return types.Str(r.label.Label) },
		},
	}
}

func pgRange() vtable {
	type fn = func(*Env, *TypeDesc) types.Datum
	return withStatic{table[*TypeDesc]{
		rows: func(s *scan, emit func(*TypeDesc)) {
			for _, d := range s.b().Types() {
				if d.Type.Kind == types.KindRange && d.Type.Range != nil {
					emit(d)
				}
			}
		},
		cols: map[string]fn{
			"rngtypid":      func(e *Env, d *TypeDesc) types.Datum { return oidDatum(d.OID) },
			"rngsubtype":    func(e *Env, d *TypeDesc) types.Datum { return oidDatum(d.Type.Range.Subtype) },
			"rngmultitypid": func(e *Env, d *TypeDesc) types.Datum { return oidDatum(d.Type.Range.Multirange) },
			"rngcollation":  func(e *Env, d *TypeDesc) types.Datum { return oidDatum(d.Type.Range.Collation) },
			"rngsubopc":     func(e *Env, d *TypeDesc) types.Datum { return oidDatum(d.Type.Range.OpClass) },
			"rngcanonical":  func(e *Env, d *TypeDesc) types.Datum { return oidDatum(d.Type.Range.Canonical) },
			"rngsubdiff":    func(e *Env, d *TypeDesc) types.Datum { return oidDatum(d.Type.Range.Diff) },
		},
	}}
}
