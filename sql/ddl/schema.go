package ddl

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// createSchema is CREATE SCHEMA with its elements.
func (r *runner) createSchema(n *pg.CreateSchemaStmt) {
	owner, name := r.User, n.Schemaname
	if n.Authrole != nil {
		role := r.roleSpec(n.Authrole)
		owner = role.OID
		if name == "" {
			name = role.Name
		}
	}
	r.needDatabasePriv(catalog.PrivCreate, func(db string) error {
		return pgerr.Newf(pgerr.InsufficientPrivilege, "permission denied for database %s", db)
	})
	if owner != r.User {
		r.newOwner(r.Overlay.Role(owner))
	}
	if strings.HasPrefix(name, "pg_") {
		fail(pgerr.Newf(pgerr.ReservedName, "unacceptable schema name \"%s\"", name).WithDetail("The prefix \"pg_\" is reserved for system schemas."))
	}
	if r.Overlay.SchemaByName(name) != nil {
		if !n.IfNotExists {
			failf(pgerr.DuplicateSchema, "schema \"%s\" already exists", name)
		}
		e := pgerr.Notice("schema \"%s\" already exists, skipping", name)
		e.Code = pgerr.DuplicateSchema
		r.note(e)
		return
	}
	s := &catalog.Schema{Header: catalog.Header{OID: r.oid(), Database: r.Database, Name: name, Owner: owner}}
	r.defaultGrants(&s.Header, 0, 'n')
	r.Overlay.Put(s)
	r.schemaElements(s, n.SchemaElts)
}

// elementOrder is the order in which CREATE SCHEMA runs its elements: sequences, tables, views, indexes, grants.
func elementOrder(e *pg.Node) int {
	switch e.Node.(type) {
	case *pg.Node_CreateSeqStmt:
		return 0
	case *pg.Node_CreateStmt:
		return 1
	case *pg.Node_ViewStmt:
		return 2
	case *pg.Node_IndexStmt:
		return 3
	}
	return 4
}

// schemaElements runs the elements of CREATE SCHEMA with the schema first in the search path.
func (r *runner) schemaElements(s *catalog.Schema, elements []*pg.Node) {
	if len(elements) == 0 {
		return
	}
	env, a := *r.Env, *r.Analyze
	a.SearchPath = append([]types.OID{s.OID}, a.SearchPath...)
	env.Analyze = &a
	sub := &runner{Env: &env, before: r.before}
	elements = slices.Clone(elements)
	slices.SortStableFunc(elements, func(x, y *pg.Node) int { return elementOrder(x) - elementOrder(y) })
	for _, e := range elements {
		setElementSchema(e, s.Name)
		f, ok := find(e)
		if !ok {
			unsupported("this schema element", "Run it as a statement of its own.")
		}
		f(sub)
	}
}

// setElementSchema puts an element of CREATE SCHEMA into it, and refuses one that names another.
func setElementSchema(e *pg.Node, schema string) {
	var rv *pg.RangeVar
	switch n := e.Node.(type) {
	case *pg.Node_CreateStmt:
		rv = n.CreateStmt.Relation
	case *pg.Node_ViewStmt:
		rv = n.ViewStmt.View
	case *pg.Node_CreateSeqStmt:
		rv = n.CreateSeqStmt.Sequence
	case *pg.Node_IndexStmt:
		rv = n.IndexStmt.Relation
	}
	switch {
	case rv == nil:
	case rv.Schemaname == "":
		rv.Schemaname = schema
	case rv.Schemaname != schema:
		failf(pgerr.InvalidSchemaDefinition, "CREATE specifies a schema (%s) different from the one being created (%s)", rv.Schemaname, schema)
	}
}
