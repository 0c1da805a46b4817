package ddl

import (
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/analyze"
	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// env returns the analysis environment over the overlay's present state.
func (r *runner) env() *analyze.Env {
	e := *r.Analyze
	e.Catalog = r.Overlay
	e.IO = r.typeCtx()
	return &e
}

// path is the search path, implicit schemas included.
func (r *runner) path() []types.OID { return r.Analyze.SearchPath }

// typeOf resolves a type's name.
func (r *runner) typeOf(n *pg.TypeName) types.T {
	if n.Setof {
		failAt(n.Location, pgerr.InvalidTableDefinition, "column cannot be declared SETOF")
	}
	t, err := analyze.ResolveTypeName(r.env(), n)
	must(err)
	return t
}

// typeOfUnplaced is typeOf where errors do not tell the name's position.
func (r *runner) typeOfUnplaced(n *pg.TypeName) types.T {
	t, err := analyze.ResolveTypeName(r.env(), n)
	mustUnplaced(err)
	return t
}

// checkCatalog refuses a name of another database.
func (r *runner) checkCatalog(rv *pg.RangeVar) {
	if rv.Catalogname == "" {
		return
	}
	if db := r.Overlay.Database(r.Database); db == nil || db.Name != rv.Catalogname {
		failAt(rv.Location, pgerr.FeatureNotSupported, "cross-database references are not implemented: \"%s.%s.%s\"", rv.Catalogname, rv.Schemaname, rv.Relname)
	}
}

// schemaByName finds a schema; "pg_temp" is the session's temporary one. Nil when there is none.
func (r *runner) schemaByName(name string) *catalog.Schema {
	if name == "pg_temp" {
		if t := r.Analyze.TempSchema; t != 0 {
			return r.Overlay.Schema(t)
		}
		return nil
	}
	return r.Overlay.SchemaByName(name)
}

func (r *runner) needSchema(name string) *catalog.Schema {
	s := r.schemaByName(name)
	if s == nil {
		failf(pgerr.InvalidSchemaName, "schema \"%s\" does not exist", name)
	}
	return s
}

// lookup finds a relation of any kind, nil when there is none.
func (r *runner) lookup(rv *pg.RangeVar) *catalog.Relation {
	r.checkCatalog(rv)
	if rv.Schemaname != "" {
		s := r.schemaByName(rv.Schemaname)
		if s == nil {
			return nil
		}
		return r.Overlay.RelationByName(s.OID, rv.Relname)
	}
	for _, ns := range r.path() {
		if rel := r.Overlay.RelationByName(ns, rv.Relname); rel != nil {
			return rel
		}
	}
	return nil
}

// need finds a relation or fails as RangeVarGetRelid does.
func (r *runner) need(rv *pg.RangeVar) *catalog.Relation {
	rel := r.lookup(rv)
	if rel == nil {
		fail(r.noRelation(rv))
	}
	return rel
}

func (r *runner) noRelation(rv *pg.RangeVar) error {
	if rv.Schemaname != "" {
		if r.schemaByName(rv.Schemaname) == nil {
			return pgerr.Newf(pgerr.InvalidSchemaName, "schema \"%s\" does not exist", rv.Schemaname)
		}
		return pgerr.Newf(pgerr.UndefinedTable, "relation \"%s.%s\" does not exist", rv.Schemaname, rv.Relname)
	}
	return pgerr.Newf(pgerr.UndefinedTable, "relation \"%s\" does not exist", rv.Relname)
}

// rangeVar makes a RangeVar of a qualified name.
func rangeVar(names []*pg.Node) *pg.RangeVar {
	rv := &pg.RangeVar{Location: -1, Inh: true, Relpersistence: "p"}
	s := strs(names)
	switch len(s) {
	case 1:
		rv.Relname = s[0]
	case 2:
		rv.Schemaname, rv.Relname = s[0], s[1]
	case 3:
		rv.Catalogname, rv.Schemaname, rv.Relname = s[0], s[1], s[2]
	default:
		failf(pgerr.SyntaxError, "improper relation name (too many dotted names): %s", strings.Join(s, "."))
	}
	return rv
}

// creation decides on the schema and the persistence of a new relation, and checks the right to create there.
func (r *runner) creation(rv *pg.RangeVar) (schema types.OID, persistence byte) {
	r.checkCatalog(rv)
	persistence = 'p'
	if rv.Relpersistence != "" {
		persistence = rv.Relpersistence[0]
	}
	if rv.Schemaname == "pg_temp" {
		persistence = 't'
	} else if rv.Schemaname != "" {
		s := r.needSchema(rv.Schemaname)
		schema = s.OID
		if isTempName(s.Name) {
			if schema != r.Analyze.TempSchema {
				failf(pgerr.InvalidTableDefinition, "cannot create relations in temporary schemas of other sessions")
			}
			persistence = 't'
		} else if persistence == 't' {
			failf(pgerr.InvalidTableDefinition, "cannot create temporary relation in non-temporary schema")
		}
	}
	if persistence == 't' {
		r.needDatabasePriv(catalog.PrivCreateTemp, func(db string) error {
			return pgerr.Newf(pgerr.InsufficientPrivilege, "permission denied to create temporary tables in database \"%s\"", db)
		})
		s, err := r.TempSchema()
		must(err)
		return s, 't'
	}
	if schema == 0 {
		schema = r.creationSchema()
	}
	r.mayCreateIn(schema)
	return schema, persistence
}

// creationAt is creation whose errors point at the name, as in CREATE TABLE.
func (r *runner) creationAt(rv *pg.RangeVar) (schema types.OID, persistence byte) {
	defer func() {
		if p := recover(); p != nil {
			if b, ok := p.(bail); ok {
				panic(bail{pgerr.From(b.err).At(int(rv.Location))})
			}
			panic(p)
		}
	}()
	return r.creation(rv)
}

// creationSchema is the first schema of the search path that is not implicit.
func (r *runner) creationSchema() types.OID {
	for _, ns := range r.path() {
		if ns == catalog.PgCatalogOID || ns == r.Analyze.TempSchema && ns != 0 {
			continue
		}
		return ns
	}
	failf(pgerr.InvalidSchemaName, "no schema has been selected to create in")
	return 0
}

// creationName resolves the schema of a new object that is no relation.
func (r *runner) creationName(names []*pg.Node) (schema types.OID, name string) {
	rv := rangeVar(names)
	r.checkCatalog(rv)
	switch rv.Schemaname {
	case "":
		schema = r.creationSchema()
	case "pg_temp":
		s, err := r.TempSchema()
		must(err)
		return s, rv.Relname
	default:
		schema = r.needSchema(rv.Schemaname).OID
	}
	r.mayCreateIn(schema)
	return schema, rv.Relname
}

// mayCreateIn checks the right to create in a schema. Nobody creates in the built-in ones.
func (r *runner) mayCreateIn(schema types.OID) {
	s := r.Overlay.Schema(schema)
	if s == nil {
		failf(pgerr.InvalidSchemaName, "schema with OID %d does not exist", schema)
	}
	if s.Database == 0 {
		fail(pgerr.Newf(pgerr.InsufficientPrivilege, "permission denied to create in schema \"%s\"", s.Name).
			WithDetail("System catalog modifications are currently disallowed."))
	}
	if schema == r.Analyze.TempSchema {
		return
	}
	if !catalog.HasPrivs(r.Overlay, r.User, s.Owner, aclOr(s.ACL, 'n', s.Owner), catalog.PrivCreate, false, false) {
		failf(pgerr.InsufficientPrivilege, "permission denied for schema %s", s.Name)
	}
}

func isTempName(s string) bool {
	return strings.HasPrefix(s, "pg_temp_") || strings.HasPrefix(s, "pg_toast_temp_")
}

// checkFree fails when a relation of the name exists already.
func (r *runner) checkFree(schema types.OID, name string) {
	if r.Overlay.RelationByName(schema, name) != nil {
		failf(pgerr.DuplicateTable, "relation \"%s\" already exists", name)
	}
}

// checkTypeFree fails when the row type of a new relation would clash with a type.
func (r *runner) checkTypeFree(schema types.OID, name string) {
	if t := r.Overlay.TypeByName(schema, name); t != nil && !t.IsArray() {
		fail(pgerr.Newf(pgerr.DuplicateObject, "type \"%s\" already exists", name).
			WithHint("A relation has an associated type of the same name, so you must use a name that doesn't conflict with any existing type."))
	}
}

// makeObjectName builds name1_name2_label in at most 63 bytes, cutting the longer of the names.
func makeObjectName(name1, name2, label string) string {
	overhead := 0
	if name2 != "" {
		overhead++
	}
	if label != "" {
		overhead += len(label) + 1
	}
	avail := maxNameLen - overhead
	n1, n2 := len(name1), len(name2)
	for n1+n2 > avail {
		if n1 > n2 {
			n1--
		} else {
			n2--
		}
	}
	s := clip(name1, n1)
	if name2 != "" {
		s += "_" + clip(name2, n2)
	}
	if label != "" {
		s += "_" + label
	}
	return s
}

// clip cuts a string to n bytes at a character boundary.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n]
}

// chooseRelationName is ChooseRelationName: the first free of name1_name2_label, ..._label1 and so on; constraint says that it must be free as a constraint's too.
func (r *runner) chooseRelationName(name1, name2, label string, schema types.OID, constraint bool) string {
	for pass := 0; ; pass++ {
		l := label
		if pass > 0 {
			l += strconv.Itoa(pass)
		}
		name := makeObjectName(name1, name2, l)
		if r.Overlay.RelationByName(schema, name) == nil && !(constraint && r.constraintNameUsed(schema, name)) {
			return name
		}
	}
}

// constraintNameUsed reports whether any constraint of a schema has the name.
func (r *runner) constraintNameUsed(schema types.OID, name string) bool {
	for _, rel := range r.Overlay.Relations(schema) {
		if findConstraint(rel, name) != nil {
			return true
		}
	}
	for _, t := range r.Overlay.Types() {
		for i := range t.Constraints {
			if t.Type.Namespace == schema && t.Constraints[i].Name == name {
				return true
			}
		}
	}
	return false
}

// chooseConstraintName is ChooseConstraintName; others are names already given in the same statement.
func (r *runner) chooseConstraintName(name1, name2, label string, schema types.OID, others []string) string {
	for pass := 0; ; pass++ {
		l := label
		if pass > 0 {
			l += strconv.Itoa(pass)
		}
		name := makeObjectName(name1, name2, l)
		used := r.constraintNameUsed(schema, name)
		for _, o := range others {
			used = used || o == name
		}
		if !used {
			return name
		}
	}
}

func findConstraint(rel *catalog.Relation, name string) *catalog.Constraint {
	for i := range rel.Constraints {
		if rel.Constraints[i].Name == name {
			return &rel.Constraints[i]
		}
	}
	return nil
}

// findColumn returns the number of a column, 0 when there is none.
func findColumn(rel *catalog.Relation, name string) int {
	for i := range rel.Columns {
		if c := &rel.Columns[i]; c.Name == name && !c.Dropped {
			return i + 1
		}
	}
	return 0
}

// systemColumns are the names that no column may have.
var systemColumns = map[string]bool{"tableoid": true, "xmin": true, "cmin": true, "xmax": true, "cmax": true, "ctid": true}

func quote(s string) string { return catalog.QuoteIdent(s) }
