package ddl

import (
	"kimberlite/projections"
	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// insert adds a row; NOT NULL columns are the caller's to look at.
func (r *runner) insert(def *projections.TableDef, row []types.Datum) error {
	if r.Txn == nil {
		return pgerr.Internal("no transaction to write to")
	}
	_, err := r.Txn.Insert(r.Ctx, def, row)
	return err
}

// command starts a command of the transaction, under which rows are written; the result ends it.
func (r *runner) command() func() {
	if r.Txn == nil {
		return func() {}
	}
	return r.Txn.Command().Release
}

// scanQuery is SELECT exprs FROM ONLY rel WHERE qual, where the expressions are over the relation's columns as varno 1. Without exprs it selects 1.
func scanQuery(rel *catalog.Relation, qual tree.Expr, exprs []tree.Expr) *tree.Query {
	rte := &tree.RTE{Kind: tree.RTERelation, RelID: rel.OID, RelKind: rel.RelKind, LockMode: 1, InFrom: true, Eref: tree.Alias{Name: rel.Name}}
	for i := range rel.Columns {
		c := &rel.Columns[i]
		rte.ColTypes = append(rte.ColTypes, c.T)
		rte.ColColls = append(rte.ColColls, c.Collation)
		rte.Eref.Cols = append(rte.Eref.Cols, c.Name)
	}
	q := &tree.Query{Cmd: tree.CmdSelect, CanSetTag: true, RTable: []*tree.RTE{rte}, From: &tree.FromExpr{List: []tree.JoinNode{&tree.RangeRef{Index: 1}}, Quals: qual}}
	if len(exprs) == 0 {
		exprs = []tree.Expr{&tree.Const{T: types.Of(types.OIDInt4), Value: types.Int(1), Loc: -1}}
	}
	for i, e := range exprs {
		q.Target = append(q.Target, tree.TargetEntry{Expr: e, ResNo: i + 1, Name: "c" + itoa(i+1)})
	}
	return q
}

// columnVar is a column of a scanQuery's relation.
func columnVar(rel *catalog.Relation, att int) tree.Expr {
	c := &rel.Columns[att-1]
	return &tree.Var{VarNo: 1, AttNo: att, T: c.T, Coll: c.Collation, Loc: -1}
}

// rewrite reads the rows of a table as it was and writes them anew into a storage of the table as it is now: exprs give changed columns over the old
// ones, by attribute number. Other columns are copied. NOT NULL is checked on the way.
func (r *runner) rewrite(old *catalog.Relation, exprs map[int]tree.Expr) {
	now := r.rel(old.OID)
	targets := make([]tree.Expr, len(now.Columns))
	for i := range now.Columns {
		switch e := exprs[i+1]; {
		case now.Columns[i].Dropped:
			targets[i] = &tree.Const{T: types.Of(types.OIDInt4), Value: types.NullDatum, Loc: -1}
		case e != nil:
			targets[i] = e
		case i < len(old.Columns):
			targets[i] = columnVar(old, i+1)
		default:
			targets[i] = missingValue(&now.Columns[i])
		}
	}
	r.newStorage(old.OID)
	now = r.rel(old.OID)
	def := r.Overlay.TableDef(old.OID)
	// The old rows are read under the old definition, which comes back for the time.
	mark := r.Overlay.Mark()
	r.putBack(old)
	defer r.command()()
	_, err := r.Run(scanQuery(old, nil, targets), func(row []types.Datum) error {
		for i := range now.Columns {
			c := &now.Columns[i]
			if c.NotNull && !c.Dropped && row[i].Null {
				return pgerr.Newf(pgerr.NotNullViolation, "column \"%s\" of relation \"%s\" contains null values", c.Name, now.Name).
					WithTable(r.schemaName(now.Schema), now.Name).WithColumn(c.Name)
			}
		}
		return r.insert(def, row)
	})
	r.Overlay.RollbackTo(mark)
	if err != nil {
		fail(r.indexError(now, err))
	}
}

// missingValue is what a column has in rows older than it.
func missingValue(c *catalog.Column) tree.Expr {
	k := &tree.Const{T: c.T, Coll: c.Collation, Value: types.NullDatum, Loc: -1}
	if c.Missing != nil {
		k.Value = *c.Missing
	}
	return k
}

// putBack makes an earlier version of a table current, with its indexes as they were.
func (r *runner) putBack(old *catalog.Relation) {
	for _, ix := range old.Indexes {
		if was := r.before.Relation(ix); was != nil {
			r.Overlay.Put(editRelation(was))
		}
	}
	r.Overlay.Put(editRelation(old))
}

// newStorage gives a table and its indexes empty storages.
func (r *runner) newStorage(table types.OID) {
	for _, ix := range r.rel(table).Indexes {
		r.change(ix, func(x *catalog.Relation) { x.Storage = r.storage() })
	}
	r.change(table, func(x *catalog.Relation) { x.Storage = r.storage() })
}
