package catalog

import (
	"sync"

	"kimberlite/sql/types"
)

// The extensions that are built in. What Kimberlite has beyond PostgreSQL's catalogs belongs to one of them, so that pg_dump leaves it out as it does all
// that comes with an extension of the server's own.

var extensionTables = map[string]func() vtable{
	"pg_extension": pgExtension, "pg_available_extensions": pgAvailableExtensions, "pg_available_extension_versions": pgAvailableExtensionVersions,
	"pg_init_privs": pgInitPrivs,
}

// builtinExtensions are the extensions whose objects Kimberlite has built in.
func builtinExtensions() []*Extension {
	return []*Extension{
		{Header: Header{OID: kimberliteExtOID, Name: "kimberlite", Owner: SuperuserOID}, Schema: KimberliteOID, Release: "1.0"},
		{Header: Header{OID: statStatementsExtOID, Name: "pg_stat_statements", Owner: SuperuserOID}, Schema: PgCatalogOID, Release: "1.10", Relocatable: true},
	}
}

// extensionMembers are the edges of pg_depend from the members to the built-in extensions.
var extensionMembers = sync.OnceValue(func() []Edge {
	var out []Edge
	member := func(class, oid, schema types.OID) {
		ext := statStatementsExtOID
		if schema == KimberliteOID {
			ext = kimberliteExtOID
		}
		out = append(out, Edge{Class: class, OID: oid, RefClass: ClassExtension, RefOID: ext, Type: DepExt})
	}
	member(ClassSchema, KimberliteOID, KimberliteOID)
	for _, r := range extraRelations() {
		member(ClassRelation, r.OID, r.Schema)
	}
	for _, p := range extraProcs() {
		member(ClassProc, p.OID, p.Namespace)
	}
	return out
})

// initPrivs is a row of pg_init_privs: the grants that a member of an extension came with.
type initPrivs struct {
	class, oid types.OID
	acl        types.Datum
}

// pgInitPrivs is the generated rows and those of the members of built-in extensions.
func pgInitPrivs() vtable {
	type fn = func(*Env, initPrivs) types.Datum
	return withStatic{table[initPrivs]{
		rows: func(s *scan, emit func(initPrivs)) {
			for _, n := range s.b().Schemas() {
				if n.OID == KimberliteOID {
					emit(initPrivs{ClassSchema, n.OID, aclArray(s.Env, n.ACL, "")})
				}
			}
			for _, r := range extraRelations() {
				emit(initPrivs{ClassRelation, r.OID, aclArray(s.Env, r.ACL, "")})
			}
			for _, p := range extraProcs() {
				if p.ACL != "" {
					emit(initPrivs{ClassProc, p.OID, parsedArray(types.OIDAclitemArray, p.ACL, false)})
				}
			}
		},
		cols: map[string]fn{
			"objoid":    func(_ *Env, p initPrivs) types.Datum { return oidDatum(p.oid) },
			"classoid":  func(_ *Env, p initPrivs) types.Datum { return oidDatum(p.class) },
			"objsubid":  constCol[initPrivs](types.Int(0)),
			"privtype":  constCol[initPrivs](charDatum('e')),
			"initprivs": func(_ *Env, p initPrivs) types.Datum { return p.acl },
		},
	}}
}

func pgExtension() vtable {
	type fn = func(*Env, *Extension) types.Datum
	return withStatic{table[*Extension]{
		rows: func(s *scan, emit func(*Extension)) {
			for _, x := range append(builtinExtensions(), s.b().Extensions()...) {
				emit(x)
			}
		},
		cols: map[string]fn{
			"oid":            func(e *Env, x *Extension) types.Datum { return oidDatum(x.OID) },
			"extname":        func(e *Env, x *Extension) types.Datum { return types.Str(x.Name) },
			"extowner":       func(e *Env, x *Extension) types.Datum { return oidDatum(orOID(x.Owner, SuperuserOID)) },
			"extnamespace":   func(e *Env, x *Extension) types.Datum { return oidDatum(x.Schema) },
			"extrelocatable": func(e *Env, x *Extension) types.Datum { return types.Bool(x.Relocatable) },
			"extversion":     func(e *Env, x *Extension) types.Datum { return types.Str(x.Release) },
		},
	}}
}

func orOID(o, otherwise types.OID) types.OID {
	if o == 0 {
		return otherwise
	}
	return o
}

// extensionRow is an extension that could be created; the built-in one is always there.
type extensionRow struct{ name, version, comment string }

var availableExtensions = []extensionRow{
	{"kimberlite", "1.0", "what Kimberlite tells of its log, projections and cluster"},
	{"pg_stat_statements", "1.10", "track planning and execution statistics of all SQL statements executed"},
	{"plpgsql", "1.0", "PL/pgSQL procedural language"},
}

func eachAvailableExtension(s *scan, emit func(extensionRow)) {
	for _, x := range availableExtensions {
		emit(x)
	}
}

func pgAvailableExtensions() vtable {
	type fn = func(*Env, extensionRow) types.Datum
	return table[extensionRow]{rows: eachAvailableExtension, cols: map[string]fn{
		"name":              func(e *Env, x extensionRow) types.Datum { return types.Str(x.name) },
		"default_version":   func(e *Env, x extensionRow) types.Datum { return types.Str(x.version) },
		"installed_version": func(e *Env, x extensionRow) types.Datum { return types.Str(x.version) },
		"comment":           func(e *Env, x extensionRow) types.Datum { return types.Str(x.comment) },
	}}
}

func pgAvailableExtensionVersions() vtable {
	type fn = func(*Env, extensionRow) types.Datum
	return table[extensionRow]{rows: eachAvailableExtension, cols: map[string]fn{
		"name":        func(e *Env, x extensionRow) types.Datum { return types.Str(x.name) },
		"version":     func(e *Env, x extensionRow) types.Datum { return types.Str(x.version) },
		"installed":   constCol[extensionRow](types.Bool(true)),
		"superuser":   constCol[extensionRow](types.Bool(true)),
		"trusted":     constCol[extensionRow](types.Bool(false)),
		"relocatable": constCol[extensionRow](types.Bool(false)),
		"comment":     func(e *Env, x extensionRow) types.Datum { return types.Str(x.comment) },
	}}
}
