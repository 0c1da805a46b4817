package ddl

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
	"kimberlite/txn"
)

// tableDef is a table in the making: its relation and the constraints that come once the columns are there.
type tableDef struct {
	rel *catalog.Relation
	// made says that the table exists already (ALTER TABLE ADD COLUMN): indexes must look at its rows.
	made     bool
	checks   []conSpec
	keys     []conSpec
	foreign  []conSpec
	defaults []defaultSpec
	likes    []likeSpec
	// names are constraint names given in this statement.
	names []string
}

// conSpec is a constraint with the column it was written at, "" for a table constraint.
type conSpec struct {
	n      *pg.Constraint
	column string
}

// defaultSpec is DEFAULT or GENERATED AS of a column.
type defaultSpec struct {
	att       int
	n         *pg.Node
	generated bool
}

// createTable is CREATE TABLE.
func (r *runner) createTable(n *pg.CreateStmt) {
	if n.Partspec != nil || n.Partbound != nil {
		unsupported("partitioning", "Use a plain table with an index; declarative partitioning is not available.")
	}
	if len(n.InhRelations) > 0 {
		unsupported("table inheritance", "Use LIKE to copy the columns of another table, or a view with UNION ALL.")
	}
	if n.Oncommit > pg.OnCommitAction_ONCOMMIT_NOOP && n.Relation.Relpersistence != "t" && n.Relation.Schemaname != "pg_temp" {
		failf(pgerr.InvalidTableDefinition, "ON COMMIT can only be used on temporary tables")
	}
	r.checkAccessMethod(n.AccessMethod)
	schema, persistence := r.creationAt(n.Relation)
	if r.exists(schema, n.Relation.Relname, n.IfNotExists) {
		return
	}
	r.checkTypeFree(schema, n.Relation.Relname)
	t := &tableDef{rel: r.newRelation(n.Relation.Relname, schema, 'r', persistence)}
	t.rel.Storage = r.storage()
	t.rel.Options = r.tableOptions(n.Options)
	t.rel.OnCommit = onCommit(n.Oncommit)
	t.rel.Tablespace = r.tablespace(n.Tablespacename)
	if n.OfTypename != nil {
		r.ofType(t, n.OfTypename)
	}
	for _, e := range n.TableElts {
		switch x := e.Node.(type) {
		case *pg.Node_ColumnDef:
			if n.OfTypename != nil {
				r.columnOption(t, x.ColumnDef)
			} else {
				r.addColumn(t, x.ColumnDef)
			}
		case *pg.Node_TableLikeClause:
			r.like(t, x.TableLikeClause)
		case *pg.Node_Constraint:
			r.tableConstraint(t, x.Constraint, "")
		}
	}
	for _, c := range n.Constraints {
		r.tableConstraint(t, c.GetConstraint(), "")
	}
	if len(t.rel.Columns) > maxColumns {
		failf(pgerr.TooManyColumns, "tables can have at most %d columns", maxColumns)
	}
	r.Overlay.Put(t.rel)
	r.lock(t.rel.OID, txn.AccessExclusive)
	r.registerOnCommit(t.rel)
	r.finishTable(t)
}

func (r *runner) registerOnCommit(rel *catalog.Relation) {
	if rel.OnCommit != 0 && r.SetOnCommit != nil {
		r.SetOnCommit(rel.OID, rel.OnCommit)
	}
}

// finishTable adds what needs the table's columns: defaults, checks, keys, foreign keys, and what LIKE copies.
func (r *runner) finishTable(t *tableDef) {
	oid := t.rel.OID
	for _, d := range t.defaults {
		r.setDefault(oid, d)
	}
	for _, c := range t.checks {
		r.addCheck(oid, c, &t.names)
	}
	for _, l := range t.likes {
		r.finishLike(oid, l)
	}
	r.addKeys(oid, t.keys, !t.made)
	for _, c := range t.foreign {
		r.addForeignKey(oid, c, !t.made)
	}
}

// exists answers CREATE ... of a relation that is there already: true when IF NOT EXISTS lets it pass.
func (r *runner) exists(schema types.OID, name string, ifNotExists bool) bool {
	if r.Overlay.RelationByName(schema, name) == nil {
		return false
	}
	if !ifNotExists {
		failf(pgerr.DuplicateTable, "relation \"%s\" already exists", name)
	}
	n := pgerr.Notice("relation \"%s\" already exists, skipping", name)
	n.Code = pgerr.DuplicateTable
	r.note(n)
	return true
}

// newRelation makes a relation's descriptor with its row types.
func (r *runner) newRelation(name string, schema types.OID, kind, persistence byte) *catalog.Relation {
	rel := &catalog.Relation{
		Header: catalog.Header{OID: r.oid(), Database: r.Database, Name: name, Owner: r.User},
		Schema: schema, RelKind: kind, Persistence: persistence,
	}
	if kind != 'i' && kind != 'S' {
		rel.RowType, rel.RowArray = r.oid(), r.oid()
	}
	switch kind {
	case 'r', 'm':
		rel.ReplIdent = 'd'
		r.defaultGrants(&rel.Header, schema, 'r')
	case 'v':
		r.defaultGrants(&rel.Header, schema, 'r')
	case 'S':
		r.defaultGrants(&rel.Header, schema, 'S')
	}
	return rel
}

func onCommit(a pg.OnCommitAction) byte {
	switch a {
	case pg.OnCommitAction_ONCOMMIT_DELETE_ROWS:
		return 'd'
	case pg.OnCommitAction_ONCOMMIT_DROP:
		return 'D'
	}
	return 0
}

func (r *runner) checkAccessMethod(name string) {
	if name != "" && name != "heap" {
		failf(pgerr.UndefinedObject, "access method \"%s\" does not exist", name)
	}
}

// tablespace finds a tablespace; the default one is 0.
func (r *runner) tablespace(name string) types.OID {
	if name == "" || name == "pg_default" {
		return 0
	}
	for _, t := range r.Overlay.Tablespaces() {
		if t.Name == name {
			if t.OID == catalog.GlobalTablespaceOID {
				failf(pgerr.InvalidParameterValue, "only shared relations can be placed in pg_global tablespace")
			}
			return t.OID
		}
	}
	failf(pgerr.UndefinedObject, "tablespace \"%s\" does not exist", name)
	return 0
}

// tableParameters are the storage parameters that tables accept beside autovacuum_*; they are kept and shown.
var tableParameters = map[string]bool{
	"fillfactor": true, "toast_tuple_target": true, "parallel_workers": true, "user_catalog_table": true, "vacuum_index_cleanup": true, "vacuum_truncate": true,
	"log_autovacuum_min_duration": true,
}

// tableOptions turns WITH (...) into reloptions.
func (r *runner) tableOptions(list []*pg.Node) []string {
	var out []string
	for _, n := range list {
		d := n.GetDefElem()
		name := strings.ToLower(d.Defname)
		switch {
		case d.Defnamespace != "" && d.Defnamespace != "toast":
			failf(pgerr.InvalidParameterValue, "unrecognized parameter namespace \"%s\"", d.Defnamespace)
		case name == "oids":
			if defBool(d) {
				failf(pgerr.FeatureNotSupported, "tables declared WITH OIDS are not supported")
			}
			continue
		case d.Defnamespace == "toast":
			continue
		case !tableParameters[name] && !strings.HasPrefix(name, "autovacuum_"):
			failf(pgerr.InvalidParameterValue, "unrecognized parameter \"%s\"", d.Defname)
		}
		out = append(out, name+"="+defText(d))
	}
	return out
}

// ofType gives a table the columns of a composite type.
func (r *runner) ofType(t *tableDef, n *pg.TypeName) {
	typ := r.typeOfUnplaced(n)
	ty := r.Overlay.TypeByOID(typ.OID)
	if ty == nil || ty.Kind != types.KindComposite || ty.Relid == 0 || r.rel(ty.Relid).RelKind != 'c' {
		failf(pgerr.WrongObjectType, "type %s is not a composite type", r.typeName(typ))
	}
	for _, c := range r.rel(ty.Relid).Columns {
		if !c.Dropped {
			t.rel.Columns = append(t.rel.Columns, catalog.Column{Name: c.Name, T: c.T, Collation: c.Collation, NDims: c.NDims, StatTarget: -1})
		}
	}
	t.rel.DependsOn = append(t.rel.DependsOn, catalog.Dependency{Class: catalog.ClassType, OID: typ.OID, Type: catalog.DepNormal})
}

// columnOption is a column WITH OPTIONS of a typed table.
func (r *runner) columnOption(t *tableDef, n *pg.ColumnDef) {
	att := findColumn(t.rel, n.Colname)
	if att == 0 {
		failf(pgerr.UndefinedColumn, "column \"%s\" does not exist", n.Colname)
	}
	r.columnConstraints(t, att, n, false)
}

// tableConstraint sorts a constraint by its kind.
func (r *runner) tableConstraint(t *tableDef, c *pg.Constraint, column string) {
	s := conSpec{c, column}
	switch c.Contype {
	case pg.ConstrType_CONSTR_CHECK:
		t.checks = append(t.checks, s)
	case pg.ConstrType_CONSTR_PRIMARY, pg.ConstrType_CONSTR_UNIQUE:
		t.keys = append(t.keys, s)
	case pg.ConstrType_CONSTR_FOREIGN:
		t.foreign = append(t.foreign, s)
	case pg.ConstrType_CONSTR_EXCLUSION:
		fail(pgerr.Unsupported("an exclusion constraint", "Use a UNIQUE constraint, or check in the application.").At(int(c.Location)))
	default:
		fail(pgerr.Internal("invalid context for constraint type %d", c.Contype))
	}
}
