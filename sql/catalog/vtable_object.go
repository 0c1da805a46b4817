package catalog

import (
	"slices"

	"kimberlite/sql/types"
)

var objectTables = map[string]func() vtable{
	"pg_proc": pgProc, "pg_namespace": pgNamespace, "pg_database": pgDatabase, "pg_tablespace": pgTablespace, "pg_description": pgDescription,
	"pg_shdescription": pgShdescription, "pg_depend": pgDepend, "pg_shdepend": pgShdepend, "pg_default_acl": pgDefaultACL,
	"pg_db_role_setting": pgDBRoleSetting,
}

func pgNamespace() vtable {
	type fn = func(*Env, *Schema) types.Datum
	return table[*Schema]{
		rows: func(s *scan, emit func(*Schema)) {
			if list, ok := s.oids("oid"); ok {
				for _, oid := range list {
					if n := s.b().Schema(oid); n != nil {
						emit(n)
					}
				}
				return
			}
			if list, ok := s.names("nspname"); ok {
				for _, name := range list {
					if n := s.b().SchemaByName(name); n != nil {
						emit(n)
					}
				}
				return
			}
			for _, n := range s.b().Schemas() {
				emit(n)
			}
		},
		cols: map[string]fn{
			"oid":      func(e *Env, n *Schema) types.Datum { return oidDatum(n.OID) },
			"nspname":  func(e *Env, n *Schema) types.Datum { return types.Str(n.Name) },
			"nspowner": func(e *Env, n *Schema) types.Datum { return oidDatum(n.Owner) },
			"nspacl":   func(e *Env, n *Schema) types.Datum { return aclArray(e, n.ACL, "") },
		},
	}
}

func pgDatabase() vtable {
	type fn = func(*Env, *Database) types.Datum
	return table[*Database]{
		rows: func(s *scan, emit func(*Database)) {
			if list, ok := s.names("datname"); ok {
				for _, name := range list {
					if d := s.b().DatabaseByName(name); d != nil {
						emit(d)
					}
				}
				return
			}
			for _, d := range s.b().Databases() {
				emit(d)
			}
		},
		cols: map[string]fn{
			"oid":            func(e *Env, d *Database) types.Datum { return oidDatum(d.OID) },
			"datname":        func(e *Env, d *Database) types.Datum { return types.Str(d.Name) },
			"datdba":         func(e *Env, d *Database) types.Datum { return oidDatum(d.Owner) },
			"encoding":       func(e *Env, d *Database) types.Datum { return types.Int(int64(d.Encoding)) },
			"datlocprovider": constCol[*Database](charDatum('c')),
			"datistemplate":  func(e *Env, d *Database) types.Datum { return types.Bool(d.IsTemplate) },
			"datallowconn":   func(e *Env, d *Database) types.Datum { return types.Bool(d.AllowConn) },
			"datconnlimit":   func(e *Env, d *Database) types.Datum { return types.Int(int64(d.ConnLimit)) },
			"datfrozenxid":   constCol[*Database](types.Int(716)),
			"datminmxid":     constCol[*Database](types.Int(1)),
			"dattablespace":  constCol[*Database](oidDatum(DefaultTablespaceOID)),
			"datcollate":     func(e *Env, d *Database) types.Datum { return types.Str(d.Collate) },
			"datctype":       func(e *Env, d *Database) types.Datum { return types.Str(d.CType) },
			"datacl":         func(e *Env, d *Database) types.Datum { return aclArray(e, d.ACL, "") },
		},
	}
}

func pgTablespace() vtable {
	type fn = func(*Env, *Tablespace) types.Datum
	return table[*Tablespace]{
		rows: func(s *scan, emit func(*Tablespace)) {
			for _, t := range s.b().Tablespaces() {
				emit(t)
			}
		},
		cols: map[string]fn{
			"oid":        func(e *Env, t *Tablespace) types.Datum { return oidDatum(t.OID) },
			"spcname":    func(e *Env, t *Tablespace) types.Datum { return types.Str(t.Name) },
			"spcowner":   func(e *Env, t *Tablespace) types.Datum { return oidDatum(t.Owner) },
			"spcacl":     func(e *Env, t *Tablespace) types.Datum { return aclArray(e, t.ACL, "") },
			"spcoptions": func(e *Env, t *Tablespace) types.Datum { return textArrayOrNull(t.Options) },
		},
	}
}

func isSharedClass(class types.OID) bool {
	switch class {
	case ClassDatabase, ClassRole, ClassTablespace:
		return true
	}
	return false
}

func pgDescription() vtable {
	type fn = func(*Env, *Comment) types.Datum
	return withStatic{table[*Comment]{
		rows: func(s *scan, emit func(*Comment)) {
			list, ok := s.oids("objoid")
			for _, c := range s.b().Comments() {
				if !isSharedClass(c.Class) && (!ok || slices.Contains(list, c.Object)) {
					emit(c)
				}
			}
		},
		cols: map[string]fn{
			"objoid":      func(e *Env, c *Comment) types.Datum { return oidDatum(c.Object) },
			"classoid":    func(e *Env, c *Comment) types.Datum { return oidDatum(c.Class) },
			"objsubid":    func(e *Env, c *Comment) types.Datum { return types.Int(int64(c.Sub)) },
			"description": func(e *Env, c *Comment) types.Datum { return types.Str(c.Text) },
		},
	}}
}

func pgShdescription() vtable {
	type fn = func(*Env, *Comment) types.Datum
	return table[*Comment]{
		rows: func(s *scan, emit func(*Comment)) {
			for _, c := range s.b().Comments() {
				if isSharedClass(c.Class) {
					emit(c)
				}
			}
		},
		cols: map[string]fn{
			"objoid":      func(e *Env, c *Comment) types.Datum { return oidDatum(c.Object) },
			"classoid":    func(e *Env, c *Comment) types.Datum { return oidDatum(c.Class) },
			"description": func(e *Env, c *Comment) types.Datum { return types.Str(c.Text) },
		},
	}
}

// eachEdge emits the user's dependencies that the scan's constraints leave.
func eachEdge(s *scan, emit func(Edge)) {
	b := s.b()
	if refs, ok := s.oids("refobjid"); ok {
		classes, byClass := s.oids("refclassid")
		if !byClass {
			classes = []types.OID{ClassRelation, ClassType, ClassConstraint, ClassSchema, ClassAttrDef, ClassRewrite, ClassProc, ClassCollation, ClassExtension}
		}
		for _, class := range classes {
			for _, ref := range refs {
				b.EachDependent(class, ref, 0, emit)
			}
		}
		return
	}
	if list, ok := s.oids("objid"); ok {
		for _, oid := range list {
			for _, d := range b.ownersOf(oid) {
				for _, e := range Edges(d) {
					if e.OID == oid {
						emit(e)
					}
				}
			}
		}
		return
	}
	b.snap.deps.Ascend(func(d depItem) bool {
		if db := d.owner.Head().Database; db == 0 || db == b.db {
			emit(d.e)
		}
		return true
	})
}

// ownersOf lists the descriptors that an OID may be, or be a part of.
func (v *Bound) ownersOf(oid types.OID) (out []Descriptor) {
	add := func(d Descriptor) {
		if d != nil && d.Head().Database == v.db && !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	for _, k := range []Kind{KindRelation, KindType, KindExtension, KindDefaultACL} {
		if d := v.snap.get(k, oid); d != nil {
			add(d)
		}
	}
	for _, class := range []types.OID{ClassConstraint, ClassAttrDef, ClassRewrite, ClassType} {
		v.snap.parts.AscendGreaterOrEqual(partItem{class: class, oid: oid}, func(p partItem) bool {
			if p.class != class || p.oid != oid {
				return false
			}
			if p.what != partComment && p.what != partStats {
				add(p.owner)
			}
			return true
		})
	}
	return out
}

func pgDepend() vtable {
	type fn = func(*Env, Edge) types.Datum
	o := func(f func(e *Edge) types.OID) fn {
		return func(_ *Env, e Edge) types.Datum { return oidDatum(f(&e)) }
	}
	return dependTable{table[Edge]{
		rows: eachEdge,
		cols: map[string]fn{
			"classid":     o(func(e *Edge) types.OID { return e.Class }),
			"objid":       o(func(e *Edge) types.OID { return e.OID }),
			"objsubid":    func(_ *Env, e Edge) types.Datum { return types.Int(int64(e.Sub)) },
			"refclassid":  o(func(e *Edge) types.OID { return e.RefClass }),
			"refobjid":    o(func(e *Edge) types.OID { return e.RefOID }),
			"refobjsubid": func(_ *Env, e Edge) types.Datum { return types.Int(int64(e.RefSub)) },
			"deptype":     func(_ *Env, e Edge) types.Datum { return charDatum(e.Type) },
		},
	}}
}

// dependTable is pg_depend: generated rows and those of the built-in extensions, unless the constraints ask for users' objects only, and the user's.
type dependTable struct{ user table[Edge] }

func (t dependTable) open(s *scan) RowSource {
	for _, col := range []string{"objid", "refobjid"} {
		if list, ok := s.oids(col); ok && !slices.ContainsFunc(list, func(o types.OID) bool { return o < FirstNormalOID }) {
			return t.user.open(s)
		}
	}
	all := *s
	all.cons = nil // the first column of pg_depend (classid) is no use as an index
	return &chained{[]RowSource{staticTable{data("pg_depend")}.open(&all), t.members().open(&all), t.user.open(s)}}
}

// members is the table of what belongs to the built-in extensions.
func (t dependTable) members() table[Edge] {
	return table[Edge]{cols: t.user.cols, rows: func(_ *scan, emit func(Edge)) {
		for _, e := range extensionMembers() {
			emit(e)
		}
	}}
}

// shdepRow is a row of pg_shdepend: an object with an owner that is a role.
type shdepRow struct {
	db, class, oid, ref types.OID
	typ                 byte
}

func pgShdepend() vtable {
	type fn = func(*Env, shdepRow) types.Datum
	o := func(f func(r shdepRow) types.OID) fn {
		return func(_ *Env, r shdepRow) types.Datum { return oidDatum(f(r)) }
	}
	return table[shdepRow]{
		rows: func(s *scan, emit func(shdepRow)) {
			s.b().snap.descs.Ascend(func(i descItem) bool {
				class, ok := classOfKind[i.kind]
				h := i.desc.Head()
				if !ok {
					return true
				}
				if h.Owner >= FirstNormalOID {
					emit(shdepRow{h.Database, class, h.OID, h.Owner, 'o'})
				}
				var seen []types.OID
				for _, a := range h.ACL {
					if a.Grantee >= FirstNormalOID && a.Grantee != h.Owner && !slices.Contains(seen, a.Grantee) {
						seen = append(seen, a.Grantee)
						emit(shdepRow{h.Database, class, h.OID, a.Grantee, 'a'})
					}
				}
				return true
			})
		},
		cols: map[string]fn{
			"dbid":       o(func(r shdepRow) types.OID { return r.db }),
			"classid":    o(func(r shdepRow) types.OID { return r.class }),
			"objid":      o(func(r shdepRow) types.OID { return r.oid }),
			"objsubid":   constCol[shdepRow](types.Int(0)),
			"refclassid": constCol[shdepRow](oidDatum(ClassRole)),
			"refobjid":   o(func(r shdepRow) types.OID { return r.ref }),
			"deptype":    func(_ *Env, r shdepRow) types.Datum { return charDatum(r.typ) },
		},
	}
}

// classOfKind is the catalog that a kind of descriptor has its rows in.
var classOfKind = map[Kind]types.OID{
	KindDatabase: ClassDatabase, KindSchema: ClassSchema, KindRelation: ClassRelation, KindType: ClassType, KindTablespace: ClassTablespace,
	KindExtension: ClassExtension,
}

func pgDefaultACL() vtable {
	type fn = func(*Env, *DefaultACL) types.Datum
	return table[*DefaultACL]{
		rows: func(s *scan, emit func(*DefaultACL)) {
			for _, d := range s.b().DefaultACLs() {
				emit(d)
			}
		},
		cols: map[string]fn{
			"oid":             func(e *Env, d *DefaultACL) types.Datum { return oidDatum(d.OID) },
			"defaclrole":      func(e *Env, d *DefaultACL) types.Datum { return oidDatum(d.Role) },
			"defaclnamespace": func(e *Env, d *DefaultACL) types.Datum { return oidDatum(d.Schema) },
			"defaclobjtype":   func(e *Env, d *DefaultACL) types.Datum { return charDatum(d.ObjectType) },
			"defaclacl":       func(e *Env, d *DefaultACL) types.Datum { return aclArray(e, d.ACL, "") },
		},
	}
}

func pgDBRoleSetting() vtable {
	type fn = func(*Env, *Setting) types.Datum
	return table[*Setting]{
		rows: func(s *scan, emit func(*Setting)) {
			for _, d := range s.b().Settings() {
				emit(d)
			}
		},
		cols: map[string]fn{
			"setdatabase": func(e *Env, d *Setting) types.Datum { return oidDatum(d.Database) },
			"setrole":     func(e *Env, d *Setting) types.Datum { return oidDatum(d.Role) },
			"setconfig":   func(e *Env, d *Setting) types.Datum { return textArrayOrNull(d.Values) },
		},
	}
}

// pgProc is the generated rows, the functions that Kimberlite adds and the users'.
func pgProc() vtable {
	type fn = func(*Env, *Proc) types.Datum
	return withStatic{table[*Proc]{
		rows: func(s *scan, emit func(*Proc)) {
			oids, byOID := s.oids("oid")
			names, byName := s.names("proname")
			give := func(p *Proc) {
				if (!byOID || slices.Contains(oids, p.OID)) && (!byName || slices.Contains(names, p.Name)) {
					emit(p)
				}
			}
			for _, p := range extraProcs() {
				give(p)
			}
			for _, f := range s.b().Functions() {
				give(&f.Proc)
			}
		},
		cols: map[string]fn{
			"oid":             func(e *Env, p *Proc) types.Datum { return oidDatum(p.OID) },
			"proname":         func(e *Env, p *Proc) types.Datum { return types.Str(p.Name) },
			"pronamespace":    func(e *Env, p *Proc) types.Datum { return oidDatum(p.Namespace) },
			"proowner":        func(e *Env, p *Proc) types.Datum { return oidDatum(p.Owner) },
			"prolang":         func(e *Env, p *Proc) types.Datum { return oidDatum(p.Lang) },
			"procost":         func(e *Env, p *Proc) types.Datum { return floatDatum(float64(p.Cost)) },
			"prorows":         func(e *Env, p *Proc) types.Datum { return floatDatum(float64(p.Rows)) },
			"provariadic":     func(e *Env, p *Proc) types.Datum { return oidDatum(p.Variadic) },
			"prosupport":      constCol[*Proc](types.Int(0)),
			"prokind":         func(e *Env, p *Proc) types.Datum { return charDatum(p.Kind) },
			"prosecdef":       func(e *Env, p *Proc) types.Datum { return types.Bool(p.SecDef) },
			"proleakproof":    func(e *Env, p *Proc) types.Datum { return types.Bool(p.LeakProof) },
			"proisstrict":     func(e *Env, p *Proc) types.Datum { return types.Bool(p.Strict) },
			"proretset":       func(e *Env, p *Proc) types.Datum { return types.Bool(p.RetSet) },
			"provolatile":     func(e *Env, p *Proc) types.Datum { return charDatum(p.Volatile) },
			"proparallel":     func(e *Env, p *Proc) types.Datum { return charDatum(p.Parallel) },
			"pronargs":        func(e *Env, p *Proc) types.Datum { return intDatum(len(p.Args)) },
			"pronargdefaults": func(e *Env, p *Proc) types.Datum { return intDatum(p.NDefaults) },
			"prorettype":      func(e *Env, p *Proc) types.Datum { return oidDatum(p.Ret) },
			"proargtypes":     func(e *Env, p *Proc) types.Datum { return oidvector(p.Args...) },
			"proallargtypes": func(e *Env, p *Proc) types.Datum {
				if p.AllArgs == nil {
					return types.NullDatum
				}
				return oidArray(p.AllArgs)
			},
			"proargmodes": func(e *Env, p *Proc) types.Datum {
				if p.ArgModes == nil {
					return types.NullDatum
				}
				vals := make([]types.Datum, len(p.ArgModes))
				for i, m := range p.ArgModes {
					vals[i] = charDatum(m)
				}
				return types.Str(types.MakeArray(nil, types.OIDChar, vals...))
			},
			"proargnames": func(e *Env, p *Proc) types.Datum { return textArrayOrNull(p.ArgNames) },
			"proargdefaults": func(e *Env, p *Proc) types.Datum {
				if len(p.DefaultExprs) > 0 {
					return nodeDatum(p.DefaultExprs[0])
				}
				if p.Defaults == "" {
					return types.NullDatum
				}
				return types.Str(SQLNode(p.Defaults))
			},
			"prosrc":    func(e *Env, p *Proc) types.Datum { return types.Str(p.Src) },
			"proconfig": func(e *Env, p *Proc) types.Datum { return textArrayOrNull(p.Config) },
			"proacl": func(e *Env, p *Proc) types.Datum {
				if f := e.b().Function(p.OID); f != nil {
					return aclArray(e, f.ACL, "")
				}
				return textDatum(types.OIDAclitemArray, p.ACL)
			},
		},
	}}
}
