package exec

import (
	"cmp"
	"slices"

	"kimberlite/projections"
	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
	"kimberlite/txn"
)

// writer changes rows of one table under its constraints: NOT NULL, CHECK, generated columns, unique indexes, foreign keys in both directions.
type writer struct {
	st        *state
	rel       *relation
	schema    string
	notNull   []int // attribute numbers
	generated []generatedColumn
	checks    []tableCheck
	fks       []*foreignKey // of this table
	refs      []*foreignKey // of tables that refer to this one
	refsRead  bool
	// keyAtts are the columns of unique indexes that a foreign key could refer to: changing one takes the row lock ForUpdate.
	keyAtts    map[int]bool
	deferrable bool // has a deferrable unique index
	all        *projections.RowDecoder
	env        rowEnv
	inserted   int64
	updated    int64
	deleted    int64
}

type generatedColumn struct {
	att  int
	expr expr
}

type tableCheck struct {
	name string
	cond expr
}

// writer returns the writer of a table; there is one for each table and instance.
func (b *builder) writer(oid types.OID) (*writer, error) {
	if w := b.in.writers[oid]; w != nil {
		return w, nil
	}
	rel, err := b.relation(oid)
	if err != nil {
		return nil, err
	}
	w := &writer{st: b.st, rel: rel, keyAtts: map[int]bool{}, all: rel.def.Decoder()}
	if s := b.c.cat.Schema(rel.desc.Schema); s != nil {
		w.schema = s.Name
	}
	if b.in.writers == nil {
		b.in.writers = map[types.OID]*writer{}
	}
	b.in.writers[oid] = w
	c := b.c.binding(nil)
	c.bind = w.bindRow(c)
	for i := range rel.desc.Columns {
		col := &rel.desc.Columns[i]
		if col.Dropped {
			continue
		}
		if col.NotNull {
			w.notNull = append(w.notNull, i+1)
		}
		if col.Generated == 's' && col.Default != nil {
			x, err := c.compileStored(col.Default)
			if err != nil {
				return nil, err
			}
			w.generated = append(w.generated, generatedColumn{i + 1, x})
		}
	}
	for i := range rel.desc.Constraints {
		k := &rel.desc.Constraints[i]
		switch k.Type {
		case 'c':
			x, err := c.compileStored(k.Expr)
			if err != nil {
				return nil, err
			}
			w.checks = append(w.checks, tableCheck{k.Name, x})
		case 'f':
			fk, err := b.foreignKey(rel.desc, k)
			if err != nil {
				return nil, err
			}
			w.fks = append(w.fks, fk)
		}
	}
	slices.SortStableFunc(w.checks, func(a, b tableCheck) int { return cmp.Compare(a.name, b.name) })
	for i := range rel.def.Indexes {
		ix := &rel.def.Indexes[i]
		if !ix.Unique {
			continue
		}
		w.deferrable = w.deferrable || ix.Deferrable
		plain := ix.Predicate == nil
		for _, p := range ix.Parts {
			plain = plain && p.Att > 0
		}
		if plain {
			for _, p := range ix.Parts {
				w.keyAtts[p.Att] = true
			}
		}
	}
	return w, nil
}

// bindRow resolves stored expressions (Vars of entry 1) over a row of the table.
func (w *writer) bindRow(c *compiler) func(v *tree.Var) (expr, error) {
	return func(v *tree.Var) (expr, error) {
		switch {
		case v.AttNo > 0:
			return &varExpr{col: v.AttNo - 1}, nil
		case v.AttNo == tree.TableOidAtt:
			return &constExpr{val: types.Int(int64(w.rel.oid)), cv: c.constVec(v.T)}, nil
		case v.AttNo == 0:
			return c.rowOf(w.rel.desc, v.T, 0)
		}
		return nil, pgerr.Internal("system column %d in a constraint", v.AttNo)
	}
}

// rowOf makes a record of the live columns of a table that lie at base, base+1, ... of the input.
func (c *compiler) rowOf(rel *catalog.Relation, t types.T, base int) (expr, error) {
	var args []expr
	var oids []types.OID
	for i := range rel.Columns {
		if !rel.Columns[i].Dropped {
			args = append(args, &varExpr{col: base + i})
			oids = append(oids, rel.Columns[i].T.OID)
		}
	}
	io, typ := c.io, types.BaseType(c.io, t).OID
	return &listExpr{rowwise: c.rowwise(t), args: args, argv: make([]types.Datum, len(args)), f: func(vals []types.Datum) (types.Datum, error) {
		return types.Datum{S: types.MakeRecord(io, typ, oids, nil, vals)}, nil
	}}, nil
}

// stored decodes an expression kept in the catalog.
func (c *compiler) stored(b []byte) (tree.Expr, error) { return tree.Decode(b) }

func (c *compiler) compileStored(b []byte) (expr, error) {
	e, err := c.stored(b)
	if err != nil {
		return nil, err
	}
	return c.compile(e)
}

// generate computes the generated columns of a row.
func (w *writer) generate(row []types.Datum) error {
	for _, g := range w.generated {
		w.env = rowEnv{row: row}
		d, err := g.expr.row(&w.env)
		if err != nil {
			return err
		}
		row[g.att-1] = d
	}
	return nil
}

// check tests NOT NULL and CHECK constraints.
func (w *writer) check(row []types.Datum) error {
	for _, att := range w.notNull {
		if row[att-1].Null {
			col := w.rel.desc.Columns[att-1].Name
			return pgerr.Newf(pgerr.NotNullViolation, "null value in column \"%s\" of relation \"%s\" violates not-null constraint", col, w.rel.desc.Name).
				WithDetail("%s", w.failingRow(row)).WithTable(w.schema, w.rel.desc.Name).WithColumn(col)
		}
	}
	for i := range w.checks {
		k := &w.checks[i]
		w.env = rowEnv{row: row}
		d, err := k.cond.row(&w.env)
		if err != nil {
			return err
		}
		if !d.Null && d.I == 0 {
			return pgerr.Newf(pgerr.CheckViolation, "new row for relation \"%s\" violates check constraint \"%s\"", w.rel.desc.Name, k.name).
				WithDetail("%s", w.failingRow(row)).WithTable(w.schema, w.rel.desc.Name).WithConstraint(k.name)
		}
	}
	return nil
}

// failingRow prints a row for a DETAIL, long values cut.
func (w *writer) failingRow(row []types.Datum) string {
	out := "Failing row contains ("
	first := true
	for i := range w.rel.desc.Columns {
		col := &w.rel.desc.Columns[i]
		if col.Dropped {
			continue
		}
		if !first {
			out += ", "
		}
		first = false
		if row[i].Null {
			out += "null"
			continue
		}
		out += clip(types.Text(&w.st.io, col.T, row[i]), 64)
	}
	return out + ")."
}

// clip cuts a text to n bytes at a character boundary and marks the cut.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n] + "..."
}

// insert adds a row that has been completed (defaults, generated columns) and checked.
func (w *writer) insert(row []types.Datum) (projections.RowID, error) {
	ctx := w.st.ctx
	id, err := ctx.Txn.Insert(ctx.Ctx, w.rel.def, row)
	if err != nil {
		return 0, w.unique(err, row)
	}
	w.inserted++
	for _, fk := range w.fks {
		if err := fk.queueChild(w.st, id, nil, row); err != nil {
			return 0, err
		}
	}
	return id, nil
}

// update replaces a locked row; old is its newest version.
func (w *writer) update(id projections.RowID, old, row []types.Datum) error {
	ctx := w.st.ctx
	if err := w.references(); err != nil {
		return err
	}
	if err := ctx.Txn.Update(ctx.Ctx, w.rel.def, id, old, row); err != nil {
		return w.unique(err, row)
	}
	w.updated++
	for _, fk := range w.fks {
		if err := fk.queueChild(w.st, id, old, row); err != nil {
			return err
		}
	}
	for _, fk := range w.refs {
		if err := fk.queueParent(w.st, old, row); err != nil {
			return err
		}
	}
	return nil
}

// delete removes a locked row; old is its newest version.
func (w *writer) delete(id projections.RowID, old []types.Datum) error {
	ctx := w.st.ctx
	if err := w.references(); err != nil {
		return err
	}
	if err := ctx.Txn.Delete(ctx.Ctx, w.rel.def, id); err != nil {
		return err
	}
	w.deleted++
	for _, fk := range w.refs {
		if err := fk.queueParent(w.st, old, nil); err != nil {
			return err
		}
	}
	return nil
}

// lockMode is the strength of the row lock that an update from old to row takes.
func (w *writer) lockMode(old, row []types.Datum, set []int) txn.RowLockMode {
	for _, att := range set {
		if !w.keyAtts[att] {
			continue
		}
		a, b := old[att-1], row[att-1]
		if a.Null != b.Null || !a.Null && types.Compare(nil, w.rel.def.Columns[att-1].Type, a, b) != 0 {
			return txn.ForUpdate
		}
	}
	return txn.ForNoKeyUpdate
}

// unique turns a *txn.UniqueViolation into PostgreSQL's error; other errors return as they are.
func (w *writer) unique(err error, row []types.Datum) error {
	u, ok := err.(*txn.UniqueViolation)
	if !ok {
		return err
	}
	name, key := w.indexKey(u.Index, row)
	e := pgerr.Newf(pgerr.UniqueViolation, "duplicate key value violates unique constraint \"%s\"", name).
		WithTable(w.schema, w.rel.desc.Name).WithConstraint(name)
	if key != "" {
		e.WithDetail("Key %s already exists.", key)
	}
	return e
}

// indexKey returns the name of an index and its key of a row as DETAILs print it: (a, b)=(1, 2).
func (w *writer) indexKey(ix int, row []types.Datum) (name, key string) {
	def := &w.rel.def.Indexes[ix]
	desc := w.st.cat.Relation(def.Index)
	if desc == nil || desc.Index == nil {
		return "", ""
	}
	cols, vals := "", ""
	for i := range desc.Index.Keys {
		k := &desc.Index.Keys[i]
		if i > 0 {
			cols += ", "
			vals += ", "
		}
		var d types.Datum
		if k.Att != 0 {
			cols += w.rel.desc.Columns[k.Att-1].Name
			d = row[k.Att-1]
		} else {
			text := "(expression)"
			if w.st.env.Session != nil {
				if s, ok, err := w.st.env.Session.Deparse("indexdef", desc.OID, i+1, "", false); err == nil && ok {
					text = s
				}
			}
			cols += text
			b := newBuilder(w.st, w.st.cat, &instance{st: w.st})
			c := b.c.binding(nil)
			c.bind = w.bindRow(c)
			if x, err := c.compileStored(k.Expr); err == nil {
				d, _ = x.row(&rowEnv{row: row})
			}
		}
		if d.Null {
			vals += "null"
		} else {
			vals += types.Text(&w.st.io, k.T, d)
		}
	}
	return desc.Name, "(" + cols + ")=(" + vals + ")"
}

// note reports the counts of a statement.
func (w *writer) note() {
	if w.st.ctx.Usage != nil && w.inserted+w.updated+w.deleted > 0 {
		u := w.st.ctx.Usage(w.rel.oid)
		u.Inserted.Add(w.inserted)
		u.Updated.Add(w.updated)
		u.Deleted.Add(w.deleted)
	}
	w.inserted, w.updated, w.deleted = 0, 0, 0
}

// references loads the foreign keys that refer to this table.
func (w *writer) references() error {
	if w.refsRead {
		return nil
	}
	w.refsRead = true
	list, err := referencing(w.st.cat, w.rel.oid)
	if err != nil {
		return err
	}
	for _, r := range list {
		fk, err := w.st.builder.foreignKey(r.rel, r.con)
		if err != nil {
			return err
		}
		w.refs = append(w.refs, fk)
	}
	return nil
}

type referencingKey struct {
	rel *catalog.Relation
	con *catalog.Constraint
}

// referencing lists the foreign keys that refer to a table, by constraint OID.
func referencing(cat catalog.Reader, table types.OID) ([]referencingKey, error) {
	var out []referencingKey
	bound := catalog.BoundOf(cat)
	if bound == nil {
		for _, r := range cat.Relations(0) {
			for i := range r.Constraints {
				if k := &r.Constraints[i]; k.Type == 'f' && k.RefRel == table {
					out = append(out, referencingKey{r, k})
				}
			}
		}
	} else {
		seen := map[types.OID]bool{}
		for _, d := range bound.Dependents(catalog.ClassRelation, table, 0) {
			if d.Class != catalog.ClassConstraint || seen[d.OID] {
				continue
			}
			seen[d.OID] = true
			if k, r, _ := bound.ConstraintByOID(d.OID); k != nil && r != nil && k.Type == 'f' && k.RefRel == table {
				out = append(out, referencingKey{r, k})
			}
		}
	}
	slices.SortFunc(out, func(a, b referencingKey) int { return cmp.Compare(a.con.OID, b.con.OID) })
	return out, nil
}
