package ddl

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
	"kimberlite/txn"
)

// dropKind describes a kind of relation that DROP and ALTER name.
type dropKind struct{ kinds, word, not string }

var dropKinds = map[pg.ObjectType]dropKind{
	pg.ObjectType_OBJECT_TABLE:    {"rp", "table", "a table"},
	pg.ObjectType_OBJECT_VIEW:     {"v", "view", "a view"},
	pg.ObjectType_OBJECT_MATVIEW:  {"m", "materialized view", "a materialized view"},
	pg.ObjectType_OBJECT_INDEX:    {"i", "index", "an index"},
	pg.ObjectType_OBJECT_SEQUENCE: {"S", "sequence", "a sequence"},
}

var dropHints = map[byte]string{
	'r': "Use DROP TABLE to remove a table.", 'p': "Use DROP TABLE to remove a table.", 'v': "Use DROP VIEW to remove a view.",
	'm': "Use DROP MATERIALIZED VIEW to remove a materialized view.", 'i': "Use DROP INDEX to remove an index.",
	'S': "Use DROP SEQUENCE to remove a sequence.", 'c': "Use DROP TYPE to remove a type.",
}

// drop is DROP of anything that can be dropped with CASCADE or RESTRICT.
func (r *runner) drop(n *pg.DropStmt) {
	var asked []address
	if k, ok := dropKinds[n.RemoveType]; ok {
		asked = r.dropRelations(n, k)
	} else {
		switch n.RemoveType {
		case pg.ObjectType_OBJECT_SCHEMA:
			asked = r.dropSchemas(n)
		case pg.ObjectType_OBJECT_TYPE, pg.ObjectType_OBJECT_DOMAIN:
			asked = r.dropTypes(n)
		case pg.ObjectType_OBJECT_FUNCTION, pg.ObjectType_OBJECT_PROCEDURE, pg.ObjectType_OBJECT_ROUTINE:
			asked = r.dropFunctions(n)
		case pg.ObjectType_OBJECT_EXTENSION:
			asked = r.dropExtensions(n)
		default:
			r.dropOther(n)
			return
		}
	}
	if len(asked) > 0 {
		r.removeObjects(asked, n.Behavior == pg.DropBehavior_DROP_CASCADE, false)
	}
}

func (r *runner) dropRelations(n *pg.DropStmt, k dropKind) (asked []address) {
	if n.Concurrent && n.Behavior == pg.DropBehavior_DROP_CASCADE {
		failf(pgerr.FeatureNotSupported, "DROP INDEX CONCURRENTLY does not support CASCADE")
	}
	for _, o := range n.Objects {
		rv := rangeVar(o.GetList().GetItems())
		rel := r.lookup(rv)
		if rel == nil {
			r.missing(n.MissingOk, rv, k.word)
			continue
		}
		if !strings.ContainsRune(k.kinds, rune(rel.RelKind)) {
			fail(pgerr.Newf(pgerr.WrongObjectType, "\"%s\" is not %s", rel.Name, k.not).WithHint("%s", dropHints[rel.RelKind]))
		}
		if s := r.Overlay.Schema(rel.Schema); s == nil || !r.owns(s.Owner) || rel.OID < catalog.FirstNormalOID {
			r.mustOwn(rel)
		}
		lock := rel.OID
		if rel.Index != nil {
			lock = rel.Index.Table
		}
		r.lock(lock, txn.AccessExclusive)
		if a := (address{catalog.ClassRelation, rel.OID, 0}); !slices.Contains(asked, a) {
			asked = append(asked, a)
		}
	}
	return asked
}

// missing answers DROP of what is not there.
func (r *runner) missing(ok bool, rv *pg.RangeVar, word string) {
	if rv.Schemaname != "" && r.schemaByName(rv.Schemaname) == nil {
		if ok {
			r.notice("schema \"%s\" does not exist, skipping", rv.Schemaname)
			return
		}
		failf(pgerr.InvalidSchemaName, "schema \"%s\" does not exist", rv.Schemaname)
	}
	if ok {
		r.notice("%s \"%s\" does not exist, skipping", word, rv.Relname)
		return
	}
	code := pgerr.UndefinedTable
	if word == "index" {
		code = pgerr.UndefinedObject
	}
	failf(code, "%s \"%s\" does not exist", word, rv.Relname)
}

func (r *runner) dropSchemas(n *pg.DropStmt) (asked []address) {
	for _, o := range n.Objects {
		name := str(o)
		s := r.schemaByName(name)
		if s == nil {
			if !n.MissingOk {
				failf(pgerr.InvalidSchemaName, "schema \"%s\" does not exist", name)
			}
			r.notice("schema \"%s\" does not exist, skipping", name)
			continue
		}
		r.mustOwnSchema(s)
		if s.Database == 0 {
			failf(pgerr.DependentObjectsStillExist, "cannot drop schema %s because it is required by the database system", s.Name)
		}
		asked = append(asked, address{catalog.ClassSchema, s.OID, 0})
	}
	return asked
}

func (r *runner) dropTypes(n *pg.DropStmt) (asked []address) {
	for _, o := range n.Objects {
		names := o.GetTypeName().GetNames()
		t := r.findType(names)
		full := strings.Join(strs(names), ".")
		if t == nil {
			rv := rangeVar(names)
			switch {
			case rv.Schemaname != "" && r.schemaByName(rv.Schemaname) == nil:
				r.missing(n.MissingOk, rv, "type")
			case n.MissingOk:
				r.notice("type \"%s\" does not exist, skipping", full)
			default:
				failf(pgerr.UndefinedObject, "type \"%s\" does not exist", full)
			}
			continue
		}
		name := types.FormatTypeName(r.typeCtx(), t.OID)
		if n.RemoveType == pg.ObjectType_OBJECT_DOMAIN && t.Kind != types.KindDomain {
			failf(pgerr.WrongObjectType, "%s is not a domain", name)
		}
		if t.OID < catalog.FirstNormalOID {
			failf(pgerr.DependentObjectsStillExist, "cannot drop type %s because it is required by the database system", name)
		}
		r.mustOwnType(t)
		asked = append(asked, address{catalog.ClassType, t.OID, 0})
	}
	return asked
}

// findType finds a type by a plain or qualified name, nil when there is none.
func (r *runner) findType(names []*pg.Node) *types.Type {
	rv := rangeVar(names)
	if rv.Schemaname != "" {
		s := r.schemaByName(rv.Schemaname)
		if s == nil {
			return nil
		}
		return r.Overlay.TypeByName(s.OID, rv.Relname)
	}
	for _, ns := range r.path() {
		if t := r.Overlay.TypeByName(ns, rv.Relname); t != nil {
			return t
		}
	}
	return nil
}

func (r *runner) dropExtensions(n *pg.DropStmt) (asked []address) {
	for _, o := range n.Objects {
		name := str(o)
		i := slices.IndexFunc(r.Overlay.Extensions(), func(e *catalog.Extension) bool { return e.Name == name })
		if i < 0 {
			if !n.MissingOk {
				failf(pgerr.UndefinedObject, "extension \"%s\" does not exist", name)
			}
			r.notice("extension \"%s\" does not exist, skipping", name)
			continue
		}
		e := r.Overlay.Extensions()[i]
		if !r.owns(e.Owner) {
			failf(pgerr.InsufficientPrivilege, "must be owner of extension %s", name)
		}
		asked = append(asked, address{catalog.ClassExtension, e.OID, 0})
	}
	return asked
}

// dropOther is DROP of kinds of object that cannot be created here: IF EXISTS passes, as tools that clean up send it.
func (r *runner) dropOther(n *pg.DropStmt) {
	word := strings.ToLower(objectWord(n.RemoveType))
	onTable := n.RemoveType == pg.ObjectType_OBJECT_TRIGGER || n.RemoveType == pg.ObjectType_OBJECT_RULE || n.RemoveType == pg.ObjectType_OBJECT_POLICY
	for _, o := range n.Objects {
		name := objectName(o)
		if names := o.GetList().GetItems(); onTable && len(names) > 1 {
			rv := rangeVar(names[:len(names)-1])
			rel := r.lookup(rv)
			if rel == nil {
				if !n.MissingOk {
					fail(r.noRelation(rv))
				}
				r.notice("relation \"%s\" does not exist, skipping", rv.Relname)
				continue
			}
			prep := "relation"
			if !n.MissingOk {
				prep = "table"
			}
			name = "\"" + str(names[len(names)-1]) + "\" for " + prep + " \"" + rel.Name + "\""
		}
		if !n.MissingOk {
			failf(pgerr.UndefinedObject, "%s %s does not exist", word, name)
		}
		r.notice("%s %s does not exist, skipping", word, name)
	}
}

func objectName(o *pg.Node) string {
	if f := o.GetObjectWithArgs(); f != nil {
		var args []string
		for _, a := range f.Objargs {
			args = append(args, nodeText(a))
		}
		return strings.Join(strs(f.Objname), ".") + "(" + strings.Join(args, ",") + ")"
	}
	return "\"" + nodeText(o) + "\""
}

// truncate is TRUNCATE.
func (r *runner) truncate(n *pg.TruncateStmt) {
	var rels []*catalog.Relation
	has := func(oid types.OID) bool {
		return slices.ContainsFunc(rels, func(x *catalog.Relation) bool { return x.OID == oid })
	}
	check := func(rel *catalog.Relation) {
		if rel.RelKind != 'r' {
			failf(pgerr.WrongObjectType, "\"%s\" is not a table", rel.Name)
		}
		if rel.OID < catalog.FirstNormalOID || !catalog.HasPrivs(r.Overlay, r.User, rel.Owner, aclOr(rel.ACL, 'r', rel.Owner), catalog.PrivTruncate, false, false) {
			failf(pgerr.InsufficientPrivilege, "permission denied for table %s", rel.Name)
		}
		r.lock(rel.OID, txn.AccessExclusive)
	}
	for _, o := range n.Relations {
		rel := r.need(o.GetRangeVar())
		if has(rel.OID) {
			continue
		}
		check(rel)
		rels = append(rels, r.rel(rel.OID))
	}
	for i := 0; i < len(rels); i++ {
		for _, ref := range r.referencing(rels[i].OID) {
			if has(ref.rel.OID) {
				continue
			}
			if n.Behavior != pg.DropBehavior_DROP_CASCADE {
				fail(pgerr.New(pgerr.FeatureNotSupported, "cannot truncate a table referenced in a foreign key constraint").
					WithDetail("Table \"%s\" references \"%s\".", ref.rel.Name, rels[i].Name).
					WithHint("Truncate table \"%s\" at the same time, or use TRUNCATE ... CASCADE.", ref.rel.Name))
			}
			r.notice("truncate cascades to table \"%s\"", ref.rel.Name)
			check(ref.rel)
			rels = append(rels, ref.rel)
		}
	}
	for _, rel := range rels {
		if n.RestartSeqs {
			for _, s := range r.ownedSequences(rel.OID, 0) {
				r.mustOwn(s)
				r.setCounter(s.OID, s.Sequence.Start)
			}
		}
		r.newStorage(rel.OID)
	}
}

// reference is a foreign key that refers to a table.
type reference struct {
	rel *catalog.Relation
	con *catalog.Constraint
}

// referencing lists the foreign keys that refer to a table.
func (r *runner) referencing(table types.OID) []reference {
	var out []reference
	seen := map[types.OID]bool{}
	for _, d := range r.Overlay.Dependents(catalog.ClassRelation, table, 0) {
		if d.Class != catalog.ClassConstraint || seen[d.OID] {
			continue
		}
		seen[d.OID] = true
		if c, rel, _ := r.Overlay.ConstraintByOID(d.OID); rel != nil && c.Type == 'f' && c.RefRel == table {
			out = append(out, reference{rel, c})
		}
	}
	return out
}
