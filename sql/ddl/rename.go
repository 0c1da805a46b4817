package ddl

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
	"kimberlite/txn"
)

// rename is ALTER ... RENAME of everything.
func (r *runner) rename(n *pg.RenameStmt) {
	switch n.RenameType {
	case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW, pg.ObjectType_OBJECT_INDEX, pg.ObjectType_OBJECT_SEQUENCE:
		if rel := r.alterTarget(n.Relation, n.RenameType, n.MissingOk); rel != nil {
			r.renameRelation(rel, n.Newname)
		}
	case pg.ObjectType_OBJECT_COLUMN, pg.ObjectType_OBJECT_ATTRIBUTE:
		if rel := r.alterTarget(n.Relation, n.RelationType, n.MissingOk); rel != nil {
			r.renameColumn(rel, n.Subname, n.Newname)
		}
	case pg.ObjectType_OBJECT_TABCONSTRAINT:
		if rel := r.alterTarget(n.Relation, pg.ObjectType_OBJECT_TABLE, n.MissingOk); rel != nil {
			r.renameConstraint(rel, n.Subname, n.Newname)
		}
	case pg.ObjectType_OBJECT_SCHEMA:
		r.renameSchema(n)
	case pg.ObjectType_OBJECT_TYPE, pg.ObjectType_OBJECT_DOMAIN:
		r.renameType(n)
	case pg.ObjectType_OBJECT_DOMCONSTRAINT:
		r.renameDomainConstraint(n)
	case pg.ObjectType_OBJECT_DATABASE:
		r.renameDatabase(n.Subname, n.Newname)
	case pg.ObjectType_OBJECT_ROLE:
		r.renameRole(n.Subname, n.Newname)
	case pg.ObjectType_OBJECT_FUNCTION, pg.ObjectType_OBJECT_PROCEDURE, pg.ObjectType_OBJECT_ROUTINE:
		r.renameFunction(n)
	default:
		unsupported("ALTER "+objectWord(n.RenameType)+" ... RENAME", "There are no such objects.")
	}
}

// alterTarget finds the relation of an ALTER, checks its kind and owner, and locks it. Nil when IF EXISTS lets it pass.
func (r *runner) alterTarget(rv *pg.RangeVar, t pg.ObjectType, missingOK bool) *catalog.Relation {
	rel := r.lookup(rv)
	if rel == nil {
		if !missingOK {
			fail(r.noRelation(rv))
		}
		r.notice("relation \"%s\" does not exist, skipping", rv.Relname)
		return nil
	}
	if t != pg.ObjectType_OBJECT_TYPE {
		r.checkObjectType(rel, t)
	} else if rel.RelKind != 'c' {
		failf(pgerr.WrongObjectType, "\"%s\" is not a composite type", rel.Name)
	}
	r.mustOwn(rel)
	r.lock(rel.OID, txn.AccessExclusive)
	return r.rel(rel.OID)
}

func (r *runner) renameRelation(rel *catalog.Relation, name string) {
	r.mayCreateIn(rel.Schema)
	r.checkFree(rel.Schema, name)
	if rel.RowType != 0 {
		if t := r.Overlay.TypeByName(rel.Schema, name); t != nil && !t.IsArray() {
			failf(pgerr.DuplicateObject, "type \"%s\" already exists", name)
		}
	}
	r.change(rel.OID, func(x *catalog.Relation) { x.Name = name })
	if rel.Index != nil {
		r.change(rel.Index.Table, func(t *catalog.Relation) {
			for i := range t.Constraints {
				if t.Constraints[i].OID == rel.Index.Constraint && rel.Index.Constraint != 0 {
					t.Constraints[i].Name = name
				}
			}
		})
	}
}

func (r *runner) renameColumn(rel *catalog.Relation, old, name string) {
	att := findColumn(rel, old)
	if att == 0 {
		if systemColumns[old] {
			failf(pgerr.FeatureNotSupported, "cannot rename system column \"%s\"", old)
		}
		failf(pgerr.UndefinedColumn, "column \"%s\" does not exist", old)
	}
	if systemColumns[name] {
		failf(pgerr.DuplicateColumn, "column name \"%s\" conflicts with a system column name", name)
	}
	if findColumn(rel, name) != 0 {
		failf(pgerr.DuplicateColumn, "column \"%s\" of relation \"%s\" already exists", name, rel.Name)
	}
	r.change(rel.OID, func(x *catalog.Relation) { x.Columns[att-1].Name = name })
	for _, oid := range rel.Indexes { // the columns of indexes are called like the table's
		r.change(oid, func(x *catalog.Relation) {
			for i, k := range x.Index.Keys {
				if k.Att == att && x.Columns[i].Name == old {
					x.Columns[i].Name = name
				}
			}
		})
	}
}

func (r *runner) renameConstraint(rel *catalog.Relation, old, name string) {
	c := findConstraint(rel, old)
	if c == nil {
		failf(pgerr.UndefinedObject, "constraint \"%s\" for table \"%s\" does not exist", old, rel.Name)
	}
	if findConstraint(rel, name) != nil {
		failf(pgerr.DuplicateObject, "constraint \"%s\" for relation \"%s\" already exists", name, rel.Name)
	}
	if c.Type == 'p' || c.Type == 'u' {
		r.checkFree(rel.Schema, name)
		r.change(c.Index, func(x *catalog.Relation) { x.Name = name })
	}
	r.change(rel.OID, func(x *catalog.Relation) { findConstraint(x, old).Name = name })
}

func (r *runner) renameSchema(n *pg.RenameStmt) {
	s := r.needSchema(n.Subname)
	if r.Overlay.SchemaByName(n.Newname) != nil {
		failf(pgerr.DuplicateSchema, "schema \"%s\" already exists", n.Newname)
	}
	r.mustOwnSchema(s)
	r.needDatabasePriv(catalog.PrivCreate, func(db string) error {
		return pgerr.Newf(pgerr.InsufficientPrivilege, "permission denied for database %s", db)
	})
	if strings.HasPrefix(n.Newname, "pg_") {
		fail(pgerr.Newf(pgerr.ReservedName, "unacceptable schema name \"%s\"", n.Newname).WithDetail("The prefix \"pg_\" is reserved for system schemas."))
	}
	if s.Database == 0 {
		failf(pgerr.InsufficientPrivilege, "permission denied: schema \"%s\" is a system schema", s.Name)
	}
	c := *s
	c.Name = n.Newname
	r.Overlay.Put(&c)
}

// setSchema is ALTER ... SET SCHEMA.
func (r *runner) setSchema(n *pg.AlterObjectSchemaStmt) {
	switch n.ObjectType {
	case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW, pg.ObjectType_OBJECT_SEQUENCE:
		rel := r.alterTarget(n.Relation, n.ObjectType, n.MissingOk)
		if rel == nil {
			return
		}
		if rel.Sequence != nil && rel.Sequence.OwnedBy != 0 {
			fail(pgerr.New(pgerr.FeatureNotSupported, "cannot move an owned sequence into another schema").
				WithDetail("Sequence \"%s\" is linked to table \"%s\".", rel.Name, r.rel(rel.Sequence.OwnedBy).Name))
		}
		to := r.moveTo(rel.Schema, n.Newschema)
		if to == rel.Schema {
			return
		}
		if r.Overlay.RelationByName(to, rel.Name) != nil {
			failf(pgerr.DuplicateTable, "relation \"%s\" already exists in schema \"%s\"", rel.Name, n.Newschema)
		}
		for _, s := range r.ownedSequences(rel.OID, 0) {
			r.change(s.OID, func(x *catalog.Relation) { x.Schema = to })
		}
		for _, ix := range rel.Indexes {
			r.change(ix, func(x *catalog.Relation) { x.Schema = to })
		}
		r.change(rel.OID, func(x *catalog.Relation) { x.Schema = to })
	case pg.ObjectType_OBJECT_TYPE, pg.ObjectType_OBJECT_DOMAIN:
		names := n.Object.GetList().GetItems()
		t := r.needType(names)
		r.mustOwnType(t)
		to := r.moveTo(t.Namespace, n.Newschema)
		if r.Overlay.TypeByName(to, t.Name) != nil && to != t.Namespace {
			failf(pgerr.DuplicateObject, "type \"%s\" already exists in schema \"%s\"", t.Name, n.Newschema)
		}
		r.changeType(t, func(rel *catalog.Relation) { rel.Schema = to }, func(d *catalog.TypeDesc) { d.Type.Namespace = to })
	case pg.ObjectType_OBJECT_FUNCTION, pg.ObjectType_OBJECT_PROCEDURE, pg.ObjectType_OBJECT_ROUTINE:
		r.moveFunction(n)
	default:
		unsupported("ALTER "+objectWord(n.ObjectType)+" ... SET SCHEMA", "There are no such objects.")
	}
}

// moveTo checks the target of SET SCHEMA.
func (r *runner) moveTo(from types.OID, name string) types.OID {
	to := r.needSchema(name)
	if from == r.Analyze.TempSchema && from != 0 || isTempName(to.Name) {
		failf(pgerr.FeatureNotSupported, "cannot move objects into or out of temporary schemas")
	}
	if to.OID != from {
		r.mayCreateIn(to.OID)
	}
	return to.OID
}

// alterOwner is ALTER ... OWNER TO of what is no relation.
func (r *runner) alterOwner(n *pg.AlterOwnerStmt) {
	role := r.roleSpec(n.Newowner)
	switch n.ObjectType {
	case pg.ObjectType_OBJECT_SCHEMA:
		s := r.needSchema(str(n.Object))
		r.mustOwnSchema(s)
		r.newOwner(role)
		c := *s
		c.Owner, c.ACL = role.OID, moveACL(s.ACL, s.Owner, role.OID)
		r.Overlay.Put(&c)
	case pg.ObjectType_OBJECT_TYPE, pg.ObjectType_OBJECT_DOMAIN:
		t := r.needType(n.Object.GetList().GetItems())
		r.mustOwnType(t)
		r.newOwner(role)
		r.changeType(t, func(rel *catalog.Relation) { rel.Owner, rel.ACL = role.OID, moveACL(rel.ACL, rel.Owner, role.OID) }, func(d *catalog.TypeDesc) {
			d.ACL = moveACL(d.ACL, d.Owner, role.OID)
			d.Owner, d.Type.Owner = role.OID, role.OID
		})
	case pg.ObjectType_OBJECT_DATABASE:
		d := r.needDatabase(str(n.Object))
		r.mustOwnDatabase(d)
		r.newOwner(role)
		c := *d
		c.Owner, c.ACL = role.OID, moveACL(d.ACL, d.Owner, role.OID)
		r.Overlay.Put(&c)
	case pg.ObjectType_OBJECT_FUNCTION, pg.ObjectType_OBJECT_PROCEDURE, pg.ObjectType_OBJECT_ROUTINE:
		r.functionOwner(n, role)
	default:
		unsupported("ALTER "+objectWord(n.ObjectType)+" ... OWNER TO", "There are no such objects.")
	}
}

// relationOwner gives a relation, its indexes and its owned sequences to a role.
func (r *runner) relationOwner(rel *catalog.Relation, role *catalog.Role) {
	if rel.Owner == role.OID {
		return
	}
	r.newOwner(role)
	if rel.Sequence != nil && rel.Sequence.OwnedBy != 0 {
		fail(pgerr.Newf(pgerr.FeatureNotSupported, "cannot change owner of sequence \"%s\"", rel.Name).
			WithDetail("Sequence \"%s\" is linked to table \"%s\".", rel.Name, r.rel(rel.Sequence.OwnedBy).Name))
	}
	r.giveRelation(rel, role.OID)
}

func (r *runner) giveRelation(rel *catalog.Relation, to types.OID) {
	give := func(x *catalog.Relation) { x.Owner, x.ACL = to, moveACL(x.ACL, x.Owner, to) }
	for _, ix := range rel.Indexes {
		r.change(ix, give)
	}
	for _, s := range r.ownedSequences(rel.OID, 0) {
		r.change(s.OID, give)
	}
	r.change(rel.OID, give)
}

// moveACL replaces the old owner in grants by the new one.
func moveACL(acl []catalog.ACLItem, from, to types.OID) []catalog.ACLItem {
	if acl == nil {
		return nil
	}
	out := []catalog.ACLItem{}
	for _, a := range acl {
		if a.Grantee == from {
			a.Grantee = to
		}
		if a.Grantor == from {
			a.Grantor = to
		}
		out = mergeACL(out, a)
	}
	return out
}

// mergeACL adds a grant to a list, joining it with one of the same grantee, grantor and column.
func mergeACL(list []catalog.ACLItem, a catalog.ACLItem) []catalog.ACLItem {
	for i := range list {
		if x := &list[i]; x.Grantee == a.Grantee && x.Grantor == a.Grantor && x.Columns == a.Columns {
			x.Privs |= a.Privs
			x.Options |= a.Options
			return list
		}
	}
	return append(list, a)
}
