package catalog

import (
	"slices"
	"strings"

	"kimberlite/sql/types"
)

// Bound is a Snapshot seen from one database through one search path. Immutable.
type Bound struct {
	snap    *Snapshot
	db      types.OID
	path    []types.OID // schemas in order, pg_catalog included where it is searched
	version uint64
}

var _ Reader = (*Bound)(nil)

// Bind returns the snapshot as seen from a database with the default search path (pg_catalog, public).
func (s *Snapshot) Bind(db types.OID) *Bound {
	v := &Bound{snap: s, db: db, version: s.version}
	v.path = []types.OID{PgCatalogOID}
	if public := v.SchemaByName("public"); public != nil {
		v.path = append(v.path, public.OID)
	}
	return v
}

// WithPath returns the view with another search path: schema OIDs in the order of search, the temporary schema and pg_catalog included at their places. The path
// decides what is printed with a schema.
func (v *Bound) WithPath(path []types.OID) *Bound {
	c := *v
	c.path = path
	return &c
}

// Snapshot returns the snapshot behind the view.
func (v *Bound) Snapshot() *Snapshot { return v.snap }

// SearchPath returns the schemas in the order of search. The caller must not change it.
func (v *Bound) SearchPath() []types.OID { return v.path }

// Version implements Reader.
func (v *Bound) Version() uint64 { return v.version }

// DatabaseOID implements Reader.
func (v *Bound) DatabaseOID() types.OID { return v.db }

// Database implements Reader.
func (v *Bound) Database(oid types.OID) *Database {
	d, _ := v.snap.get(KindDatabase, oid).(*Database)
	return d
}

// DatabaseByName implements Reader.
func (v *Bound) DatabaseByName(name string) *Database { return v.snap.DatabaseByName(name) }

// DatabaseByName finds a database, nil if there is none.
func (s *Snapshot) DatabaseByName(name string) *Database {
	n, _ := s.byName(KindDatabase, 0, name)
	d, _ := n.desc.(*Database)
	return d
}

// RoleByName finds a role, nil if there is none.
func (s *Snapshot) RoleByName(name string) *Role {
	n, _ := s.byName(KindRole, 0, name)
	d, _ := n.desc.(*Role)
	return d
}

// Databases implements Reader.
func (v *Bound) Databases() []*Database { return listOf[*Database](v.snap) }

func listOf[D Descriptor](s *Snapshot) (out []D) {
	ofKind(s, func(d D) { out = append(out, d) })
	return out
}

// Schema implements Reader.
func (v *Bound) Schema(oid types.OID) *Schema {
	if s := builtinSchema(oid); s != nil {
		return s
	}
	d, _ := v.snap.get(KindSchema, oid).(*Schema)
	if d == nil || d.Database != v.db {
		return nil
	}
	return d
}

// SchemaByName implements Reader.
func (v *Bound) SchemaByName(name string) *Schema {
	for _, s := range builtinSchemas {
		if s.Name == name {
			return s
		}
	}
	n, _ := v.snap.byName(KindSchema, v.db, name)
	d, _ := n.desc.(*Schema)
	return d
}

// Schemas implements Reader.
func (v *Bound) Schemas() []*Schema {
	out := slices.Clone(builtinSchemas)
	ofKind(v.snap, func(d *Schema) {
		if d.Database == v.db {
			out = append(out, d)
		}
	})
	return out
}

// Relation implements Reader.
func (v *Bound) Relation(oid types.OID) *Relation {
	if oid < FirstNormalOID {
		return BuiltinRelation(oid)
	}
	d, _ := v.snap.get(KindRelation, oid).(*Relation)
	if d == nil || d.Database != v.db {
		return nil
	}
	return d
}

// RelationByName implements Reader.
func (v *Bound) RelationByName(schema types.OID, name string) *Relation {
	if builtinSchema(schema) != nil {
		return builtinRelationByName(schema, name)
	}
	n, _ := v.snap.byName(KindRelation, schema, name)
	d, _ := n.desc.(*Relation)
	if d == nil || d.Database != v.db {
		return nil
	}
	return d
}

// Relations implements Reader.
func (v *Bound) Relations(schema types.OID) (out []*Relation) {
	if schema == 0 {
		ofKind(v.snap, func(d *Relation) {
			if d.Database == v.db {
				out = append(out, d)
			}
		})
		return out
	}
	v.snap.names.AscendGreaterOrEqual(nameItem{kind: KindRelation, container: schema}, func(n nameItem) bool {
		if n.kind != KindRelation || n.container != schema {
			return false
		}
		if d := n.desc.(*Relation); d.Database == v.db {
			out = append(out, d)
		}
		return true
	})
	return out
}

// TypeByOID implements types.Resolver.
func (v *Bound) TypeByOID(oid types.OID) *types.Type {
	if oid < FirstNormalOID {
		return types.Builtin(oid)
	}
	if d, ok := v.snap.get(KindType, oid).(*TypeDesc); ok {
		return &d.Type
	}
	return v.impliedType(oid)
}

// impliedType makes the type that exists through another descriptor (C6).
func (v *Bound) impliedType(oid types.OID) *types.Type {
	var p partItem
	v.snap.parts.AscendGreaterOrEqual(partItem{class: ClassType, oid: oid}, func(i partItem) bool {
		if i.class == ClassType && i.oid == oid {
			p = i
		}
		return false
	})
	if p.owner == nil {
		return nil
	}
	key := derivedKey{p.owner, p.what}
	if t, ok := v.snap.derived.Load(key); ok {
		return t.(*types.Type)
	}
	t := makeImpliedType(p)
	if t != nil {
		v.snap.derived.Store(key, t)
	}
	return t
}

// TypeName implements types.Resolver: the name with a schema unless the search path finds the type by the name alone.
func (v *Bound) TypeName(oid types.OID) string {
	t := v.TypeByOID(oid)
	if t == nil {
		return "???"
	}
	name := quoteIdent(t.Name)
	if v.TypeVisible(oid) {
		return name
	}
	if s := v.Schema(t.Namespace); s != nil {
		return quoteIdent(s.Name) + "." + name
	}
	return name
}

// TypeByName implements Reader.
func (v *Bound) TypeByName(schema types.OID, name string) *types.Type {
	if schema == PgCatalogOID {
		return types.BuiltinByName(name)
	}
	if builtinSchema(schema) != nil {
		for _, t := range types.Builtins() {
			if t.Namespace == schema && t.Name == name {
				return t
			}
		}
		return nil
	}
	n, ok := v.snap.byName(KindType, schema, name)
	if !ok {
		return nil
	}
	return v.TypeByOID(n.oid)
}

// TypeDesc implements Reader.
func (v *Bound) TypeDesc(oid types.OID) *TypeDesc {
	d, _ := v.snap.get(KindType, oid).(*TypeDesc)
	return d
}

// Types implements Reader.
func (v *Bound) Types() (out []*TypeDesc) {
	ofKind(v.snap, func(d *TypeDesc) {
		if d.Database == v.db {
			out = append(out, d)
		}
	})
	return out
}

// Role implements Reader.
func (v *Bound) Role(oid types.OID) *Role {
	d, _ := v.snap.get(KindRole, oid).(*Role)
	return d
}

// RoleByName implements Reader.
func (v *Bound) RoleByName(name string) *Role { return v.snap.RoleByName(name) }

// Roles implements Reader.
func (v *Bound) Roles() []*Role { return listOf[*Role](v.snap) }

// Tablespaces lists the tablespaces.
func (v *Bound) Tablespaces() []*Tablespace { return listOf[*Tablespace](v.snap) }

// Extensions lists the extensions of the database.
func (v *Bound) Extensions() (out []*Extension) {
	ofKind(v.snap, func(d *Extension) {
		if d.Database == v.db {
			out = append(out, d)
		}
	})
	return out
}

// DefaultACLs lists what ALTER DEFAULT PRIVILEGES set in the database.
func (v *Bound) DefaultACLs() (out []*DefaultACL) {
	ofKind(v.snap, func(d *DefaultACL) {
		if d.Database == v.db {
			out = append(out, d)
		}
	})
	return out
}

// CommentDesc returns the user's comment on an object, nil if there is none.
func (v *Bound) CommentDesc(class, object types.OID, sub int) *Comment {
	p, ok := v.snap.parts.Get(partItem{class: class, oid: object, sub: sub, what: partComment})
	if !ok {
		return nil
	}
	return p.owner.(*Comment)
}

// Comment implements Reader.
func (v *Bound) Comment(class, object types.OID, sub int) string {
	if c := v.CommentDesc(class, object, sub); c != nil && (c.Database == 0 || c.Database == v.db) {
		return c.Text
	}
	if object < FirstNormalOID {
		return builtinComment(class, object, sub)
	}
	return ""
}

// Comments implements Reader.
func (v *Bound) Comments() (out []*Comment) {
	ofKind(v.snap, func(d *Comment) {
		if d.Database == 0 || d.Database == v.db {
			out = append(out, d)
		}
	})
	return out
}

// Settings implements Reader.
func (v *Bound) Settings() []*Setting { return listOf[*Setting](v.snap) }

// Stats implements Reader.
func (v *Bound) Stats(table types.OID) *Statistics {
	d, _ := v.snap.part(ClassRelation, table, partStats).(*Statistics)
	return d
}

// ConstraintByOID finds a constraint with the relation or the domain it belongs to (one of the two is nil).
func (v *Bound) ConstraintByOID(oid types.OID) (*Constraint, *Relation, *TypeDesc) {
	switch d := v.snap.part(ClassConstraint, oid, partConstraint).(type) {
	case *Relation:
		for i := range d.Constraints {
			if d.Constraints[i].OID == oid {
				return &d.Constraints[i], d, nil
			}
		}
	case *TypeDesc:
		for i := range d.Constraints {
			if d.Constraints[i].OID == oid {
				return &d.Constraints[i], nil, d
			}
		}
	}
	return nil, nil, nil
}

// DefaultByOID finds the column that a pg_attrdef OID belongs to.
func (v *Bound) DefaultByOID(oid types.OID) (*Relation, int) {
	if d, ok := v.snap.part(ClassAttrDef, oid, partDefault).(*Relation); ok {
		for i := range d.Columns {
			if d.Columns[i].DefaultOID == oid {
				return d, i + 1
			}
		}
	}
	return nil, 0
}

// RuleByOID finds the view that a pg_rewrite OID belongs to.
func (v *Bound) RuleByOID(oid types.OID) *Relation {
	d, _ := v.snap.part(ClassRewrite, oid, partRule).(*Relation)
	return d
}

// Dependents implements Reader. With sub 0 those of all parts of the object are included.
func (v *Bound) Dependents(class, object types.OID, sub int) (out []Dependent) {
	v.EachDependent(class, object, sub, func(e Edge) { out = append(out, Dependent{e.Class, e.OID, e.Sub, e.Type}) })
	return out
}

// EachDependent calls f for the direct dependents of an object, ordered by the part they need and by their addresses.
func (v *Bound) EachDependent(class, object types.OID, sub int, f func(Edge)) {
	v.snap.deps.AscendGreaterOrEqual(depItem{e: Edge{RefClass: class, RefOID: object, RefSub: sub}}, func(d depItem) bool {
		if d.e.RefClass != class || d.e.RefOID != object || sub != 0 && d.e.RefSub != sub {
			return false
		}
		if db := d.owner.Head().Database; db == 0 || db == v.db {
			f(d.e)
		}
		return true
	})
}

// Procs implements Reader.
func (v *Bound) Procs(name string) []*Proc {
	out := BuiltinProcs(name)
	v.snap.names.AscendGreaterOrEqual(nameItem{kind: KindFunction, container: v.db, name: name}, func(n nameItem) bool {
		if n.kind != KindFunction || n.container != v.db || n.name != name {
			return false
		}
		out = append(out, &n.desc.(*Function).Proc)
		return true
	})
	return out
}

// Proc implements Reader.
func (v *Bound) Proc(oid types.OID) *Proc {
	if oid < FirstNormalOID {
		return BuiltinProc(oid)
	}
	if f := v.Function(oid); f != nil {
		return &f.Proc
	}
	return nil
}

// Function finds a user's function, nil if there is none.
func (v *Bound) Function(oid types.OID) *Function {
	d, _ := v.snap.get(KindFunction, oid).(*Function)
	if d == nil || d.Database != v.db {
		return nil
	}
	return d
}

// Functions lists the user's functions of the database.
func (v *Bound) Functions() (out []*Function) {
	ofKind(v.snap, func(d *Function) {
		if d.Database == v.db {
			out = append(out, d)
		}
	})
	return out
}

// Operators implements Reader.
func (v *Bound) Operators(name string) []*Operator { return BuiltinOperators(name) }

// Operator implements Reader.
func (v *Bound) Operator(oid types.OID) *Operator { return BuiltinOperator(oid) }

// Cast implements Reader.
func (v *Bound) Cast(source, target types.OID) *Cast { return BuiltinCast(source, target) }

// Aggregate implements Reader.
func (v *Bound) Aggregate(fn types.OID) *Aggregate { return BuiltinAggregate(fn) }

// TypeOps implements Reader.
func (v *Bound) TypeOps(typ types.OID) TypeOps { return typeOps(v, typ) }

// CollationByName implements Reader.
func (v *Bound) CollationByName(schema types.OID, name string) *Collation {
	if schema != PgCatalogOID {
		return nil
	}
	return BuiltinCollationByName(name)
}

// Collation implements Reader.
func (v *Bound) Collation(oid types.OID) *Collation { return BuiltinCollation(oid) }

// OpClassByName implements Reader.
func (v *Bound) OpClassByName(method, name string, typ types.OID) types.OID {
	return opClassByName(v, method, name, typ)
}

// quoteIdent quotes an identifier where it needs it: unless it is made of lower-case letters, digits and underscores, doesn't begin with a digit and is
// no keyword but an unreserved one.
func quoteIdent(s string) string {
	safe := s != "" && (s[0] >= 'a' && s[0] <= 'z' || s[0] == '_')
	for i := 0; safe && i < len(s); i++ {
		c := s[i]
		safe = c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_'
	}
	if safe {
		if k := KeywordCategory(s); k == 0 || k == 'U' {
			return s
		}
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

// QuoteIdent is quote_ident.
func QuoteIdent(s string) string { return quoteIdent(s) }
