package ddl

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// comment is COMMENT ON.
func (r *runner) comment(n *pg.CommentStmt) {
	switch n.Objtype {
	case pg.ObjectType_OBJECT_DATABASE:
		db := r.Overlay.DatabaseByName(str(n.Object))
		if db == nil {
			r.note(pgerr.Warn(pgerr.InvalidCatalogName, "database \"%s\" does not exist", str(n.Object)))
			return
		}
		r.mustOwnDatabase(db)
		r.putComment(catalog.ClassDatabase, db.OID, 0, n.Comment, true)
	case pg.ObjectType_OBJECT_ROLE:
		role := r.needRole(str(n.Object))
		if !r.isSuper() {
			failf(pgerr.InsufficientPrivilege, "must be superuser to comment on role")
		}
		r.putComment(catalog.ClassRole, role.OID, 0, n.Comment, true)
	case pg.ObjectType_OBJECT_SCHEMA:
		s := r.needSchema(str(n.Object))
		r.mustOwnSchema(s)
		r.putComment(catalog.ClassSchema, s.OID, 0, n.Comment, false)
	case pg.ObjectType_OBJECT_EXTENSION:
		i := slices.IndexFunc(r.Overlay.Extensions(), func(e *catalog.Extension) bool { return e.Name == str(n.Object) })
		if i < 0 {
			failf(pgerr.UndefinedObject, "extension \"%s\" does not exist", str(n.Object))
		}
		r.putComment(catalog.ClassExtension, r.Overlay.Extensions()[i].OID, 0, n.Comment, false)
	case pg.ObjectType_OBJECT_TYPE, pg.ObjectType_OBJECT_DOMAIN:
		t := r.needType(n.Object.GetTypeName().GetNames())
		r.mustOwnType(t)
		r.putComment(catalog.ClassType, t.OID, 0, n.Comment, false)
	case pg.ObjectType_OBJECT_FUNCTION, pg.ObjectType_OBJECT_PROCEDURE, pg.ObjectType_OBJECT_ROUTINE:
		f := r.ownFunction(n.Object.GetObjectWithArgs(), n.Objtype)
		r.putComment(catalog.ClassProc, f.OID, 0, n.Comment, false)
	case pg.ObjectType_OBJECT_COLUMN:
		r.commentColumn(n)
	case pg.ObjectType_OBJECT_TABCONSTRAINT:
		names := n.Object.GetList().GetItems()
		rel := r.need(rangeVar(names[:len(names)-1]))
		r.mustOwn(rel)
		name := str(names[len(names)-1])
		c := findConstraint(rel, name)
		if c == nil {
			failf(pgerr.UndefinedObject, "constraint \"%s\" for table \"%s\" does not exist", name, rel.Name)
		}
		r.putComment(catalog.ClassConstraint, c.OID, 0, n.Comment, false)
	case pg.ObjectType_OBJECT_DOMCONSTRAINT:
		r.commentDomainConstraint(n)
	default:
		r.commentRelation(n)
	}
}

func (r *runner) commentRelation(n *pg.CommentStmt) {
	k, ok := dropKinds[n.Objtype]
	if !ok {
		unsupported("COMMENT ON "+objectWord(n.Objtype), "Built-in objects have comments of their own.")
	}
	rel := r.need(rangeVar(n.Object.GetList().GetItems()))
	if !strings.ContainsRune(k.kinds, rune(rel.RelKind)) {
		failf(pgerr.WrongObjectType, "\"%s\" is not %s", rel.Name, k.not)
	}
	r.mustOwn(rel)
	r.putComment(catalog.ClassRelation, rel.OID, 0, n.Comment, false)
}

func (r *runner) commentColumn(n *pg.CommentStmt) {
	names := n.Object.GetList().GetItems()
	if len(names) < 2 {
		failf(pgerr.SyntaxError, "column name must be qualified")
	}
	rel := r.need(rangeVar(names[:len(names)-1]))
	switch rel.RelKind {
	case 'r', 'v', 'm', 'c', 'p':
	default:
		fail(pgerr.Newf(pgerr.WrongObjectType, "cannot set comment on relation \"%s\"", rel.Name).WithDetail("%s", notSupportedFor(rel)))
	}
	r.mustOwn(rel)
	name := str(names[len(names)-1])
	att := findColumn(rel, name)
	if att == 0 {
		failf(pgerr.UndefinedColumn, "column \"%s\" of relation \"%s\" does not exist", name, rel.Name)
	}
	r.putComment(catalog.ClassRelation, rel.OID, att, n.Comment, false)
}

func (r *runner) commentDomainConstraint(n *pg.CommentStmt) {
	items := n.Object.GetList().GetItems()
	t := r.needType(items[0].GetTypeName().GetNames())
	r.mustOwnType(t)
	name := str(items[1])
	if d := r.Overlay.TypeDesc(t.OID); d != nil {
		for i := range d.Constraints {
			if d.Constraints[i].Name == name {
				r.putComment(catalog.ClassConstraint, d.Constraints[i].OID, 0, n.Comment, false)
				return
			}
		}
	}
	failf(pgerr.UndefinedObject, "constraint \"%s\" for domain %s does not exist", name, types.FormatTypeName(r.typeCtx(), t.OID))
}

// putComment sets an object's comment; an empty one removes it. Comments on shared objects belong to no database.
func (r *runner) putComment(class, object types.OID, sub int, text string, shared bool) {
	old := r.Overlay.CommentDesc(class, object, sub)
	if text == "" {
		if old != nil {
			r.Overlay.Delete(old)
		}
		return
	}
	c := &catalog.Comment{Class: class, Object: object, Sub: sub, Text: text}
	if old != nil {
		c.Header = old.Header
	} else {
		c.OID = r.oid()
		if !shared {
			c.Database = r.Database
		}
	}
	r.Overlay.Put(c)
}
