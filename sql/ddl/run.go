package ddl

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/projections"
	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
	"kimberlite/txn"
)

// runner is one statement at work.
type runner struct {
	*Env
	before *catalog.Bound // the catalog before the statement
	// textless statements analyze constraints and defaults without their text, as PostgreSQL does: errors in them have no position.
	textless bool
}

// bail carries an error up to Run. It never leaves the package.
type bail struct{ err error }

func fail(err error) { panic(bail{err}) }

func failf(code, format string, args ...any) { fail(pgerr.Newf(code, format, args...)) }

func failAt(loc int32, code, format string, args ...any) {
	fail(pgerr.Newf(code, format, args...).At(int(loc)))
}

// must abandons the statement with an error of another package.
func must(err error) {
	if err != nil {
		fail(err)
	}
}

// placed is a location in the statement's text, -1 in a textless statement.
func (r *runner) placed(loc int32) int32 {
	if r.textless {
		return -1
	}
	return loc
}

// mustUnplaced is must for errors whose position PostgreSQL does not tell.
func mustUnplaced(err error) {
	if err != nil {
		e := *pgerr.From(err)
		e.Position = 0
		fail(&e)
	}
}

func unsupported(what, hint string) { fail(pgerr.Unsupported(what, hint)) }

// Run runs a definition statement and returns its command tag. handled is false for a statement of another kind, which is not touched then. After an
// error the overlay is as it was before.
func Run(env *Env, stmt *pg.Node) (tag string, handled bool, err error) {
	f, ok := find(stmt)
	if !ok {
		return "", false, nil
	}
	mark := env.Overlay.Mark()
	r := &runner{Env: env, before: env.Overlay.Bound}
	defer func() {
		switch p := recover().(type) {
		case nil:
		case bail:
			env.Overlay.RollbackTo(mark)
			tag, handled, err = "", true, p.err
		default:
			panic(p)
		}
	}()
	tag = f(r)
	r.sync(mark)
	return tag, true, nil
}

// find returns the function of a statement.
func find(stmt *pg.Node) (func(*runner) string, bool) {
	tag := CommandName(stmt)
	// do is for statements whose tag is their name.
	do := func(f func(r *runner)) (func(*runner) string, bool) {
		return func(r *runner) string { f(r); return tag }, true
	}
	switch n := stmt.GetNode().(type) {
	case *pg.Node_CreateStmt:
		return do(func(r *runner) { r.createTable(n.CreateStmt) })
	case *pg.Node_CreateTableAsStmt:
		return func(r *runner) string { return r.createTableAs(n.CreateTableAsStmt) }, true
	case *pg.Node_IndexStmt:
		return do(func(r *runner) { r.createIndex(n.IndexStmt) })
	case *pg.Node_ViewStmt:
		return do(func(r *runner) { r.createView(n.ViewStmt) })
	case *pg.Node_RefreshMatViewStmt:
		return do(func(r *runner) { r.refresh(n.RefreshMatViewStmt) })
	case *pg.Node_CreateSeqStmt:
		return do(func(r *runner) { r.createSequence(n.CreateSeqStmt) })
	case *pg.Node_AlterSeqStmt:
		return do(func(r *runner) { r.alterSequence(n.AlterSeqStmt) })
	case *pg.Node_CreateSchemaStmt:
		return do(func(r *runner) { r.createSchema(n.CreateSchemaStmt) })
	case *pg.Node_DropStmt:
		return do(func(r *runner) { r.drop(n.DropStmt) })
	case *pg.Node_TruncateStmt:
		return do(func(r *runner) { r.truncate(n.TruncateStmt) })
	case *pg.Node_AlterTableStmt:
		return do(func(r *runner) { r.alterTable(n.AlterTableStmt) })
	case *pg.Node_RenameStmt:
		return do(func(r *runner) { r.rename(n.RenameStmt) })
	case *pg.Node_AlterObjectSchemaStmt:
		return do(func(r *runner) { r.setSchema(n.AlterObjectSchemaStmt) })
	case *pg.Node_AlterOwnerStmt:
		return do(func(r *runner) { r.alterOwner(n.AlterOwnerStmt) })
	}
	if f := findMore(stmt, do); f != nil {
		return f, true
	}
	return nil, false
}

// oid allocates an OID.
func (r *runner) oid() types.OID {
	o, err := r.NewOID()
	must(err)
	return o
}

// storage allocates a keyspace.
func (r *runner) storage() projections.StorageID { return projections.StorageID(r.oid()) }

// lock takes a table lock in one of PostgreSQL's modes.
func (r *runner) lock(table types.OID, mode txn.TableLockMode) {
	if r.Txn == nil || table < catalog.FirstNormalOID {
		return
	}
	_, err := r.Txn.Lock(r.Ctx, r.Database, table, mode, txn.WaitBlock)
	must(err)
}

func (r *runner) note(e *pgerr.Error) {
	if r.Notice != nil {
		r.Notice(e)
	}
}

func (r *runner) notice(format string, args ...any) { r.note(pgerr.Notice(format, args...)) }

// editRelation returns a copy of a relation that may be changed and put (D1).
func editRelation(rel *catalog.Relation) *catalog.Relation {
	c := *rel
	c.Columns = slices.Clone(rel.Columns)
	c.Constraints = slices.Clone(rel.Constraints)
	c.Indexes = slices.Clone(rel.Indexes)
	c.Options = slices.Clone(rel.Options)
	c.DependsOn = slices.Clone(rel.DependsOn)
	if rel.Index != nil {
		x := *rel.Index
		x.Keys = slices.Clone(x.Keys)
		c.Index = &x
	}
	if rel.View != nil {
		x := *rel.View
		c.View = &x
	}
	if rel.Sequence != nil {
		x := *rel.Sequence
		c.Sequence = &x
	}
	return &c
}

// rel returns a relation that must exist.
func (r *runner) rel(oid types.OID) *catalog.Relation {
	rel := r.Overlay.Relation(oid)
	if rel == nil {
		fail(pgerr.Internal("could not open relation with OID %d", oid))
	}
	return rel
}

// change puts a changed copy of a relation.
func (r *runner) change(oid types.OID, f func(rel *catalog.Relation)) *catalog.Relation {
	rel := editRelation(r.rel(oid))
	f(rel)
	r.Overlay.Put(rel)
	return rel
}

// touch puts a table again because one of its indexes has changed (D4).
func (r *runner) touch(table types.OID) { r.change(table, func(*catalog.Relation) {}) }

// typeCtx is the session's input and output settings over the present catalog.
func (r *runner) typeCtx() *types.Ctx {
	c := *types.DefaultCtx
	if r.Analyze != nil && r.Analyze.IO != nil {
		c = *r.Analyze.IO
	}
	c.Types = r.Overlay
	return &c
}

func (r *runner) typeName(t types.T) string { return types.FormatType(r.typeCtx(), t.OID, t.Mod) }

func str(n *pg.Node) string { return n.GetString_().GetSval() }

func strs(list []*pg.Node) []string {
	out := make([]string, len(list))
	for i, n := range list {
		out[i] = str(n)
	}
	return out
}
