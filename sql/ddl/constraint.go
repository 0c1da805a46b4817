package ddl

import (
	"errors"
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// errStop ends a query whose further rows do not matter.
var errStop = errors.New("enough rows")

// addCheck adds a CHECK constraint to a table. names are those given in the same statement.
func (r *runner) addCheck(table types.OID, c conSpec, names *[]string) *catalog.Constraint {
	rel := r.rel(table)
	e := r.checkExpr(rel, c.n.RawExpr)
	cols := exprCols(e)
	name := c.n.Conname
	if name != "" {
		if slices.Contains(*names, name) {
			failf(pgerr.DuplicateObject, "check constraint \"%s\" already exists", name)
		}
		if findConstraint(rel, name) != nil {
			failf(pgerr.DuplicateObject, "constraint \"%s\" for relation \"%s\" already exists", name, rel.Name)
		}
	} else {
		col := ""
		if len(cols) == 1 {
			col = rel.Columns[cols[0]-1].Name
		}
		name = r.chooseConstraintName(rel.Name, col, "check", rel.Schema, *names)
	}
	*names = append(*names, name)
	con := catalog.Constraint{
		OID: r.oid(), Name: name, Type: 'c', Cols: cols, NoInherit: c.n.IsNoInherit, NotValid: c.n.SkipValidation, Expr: tree.Encode(e),
		Deps: r.exprDeps(e, 0, catalog.DepNormal),
	}
	r.change(table, func(rel *catalog.Relation) { rel.Constraints = append(rel.Constraints, con) })
	return &con
}

// addKeys adds PRIMARY KEY and UNIQUE constraints, the primary key first; one that repeats another adds nothing.
func (r *runner) addKeys(table types.OID, keys []conSpec, fresh bool) {
	rel := r.rel(table)
	primary := primaryKey(rel) != nil
	for _, k := range keys {
		if k.n.Contype != pg.ConstrType_CONSTR_PRIMARY {
			continue
		}
		if primary {
			failAt(r.placed(k.n.Location), pgerr.InvalidTableDefinition, "multiple primary keys for table \"%s\" are not allowed", rel.Name)
		}
		primary = true
	}
	keys = slices.Clone(keys)
	slices.SortStableFunc(keys, func(a, b conSpec) int { return keyOrder(a) - keyOrder(b) })
	var done []conSpec
	for _, k := range keys {
		if slices.ContainsFunc(done, func(d conSpec) bool { return sameKey(d, k) }) {
			continue
		}
		done = append(done, k)
		r.addKey(table, k, fresh)
	}
}

func keyOrder(k conSpec) int {
	if k.n.Contype == pg.ConstrType_CONSTR_PRIMARY {
		return 0
	}
	return 1
}

func keyNames(k conSpec) []string {
	if k.column != "" && len(k.n.Keys) == 0 {
		return []string{k.column}
	}
	return strs(k.n.Keys)
}

func sameKey(a, b conSpec) bool {
	return slices.Equal(keyNames(a), keyNames(b)) && slices.Equal(strs(a.n.Including), strs(b.n.Including)) && a.n.NullsNotDistinct == b.n.NullsNotDistinct &&
		a.n.Deferrable == b.n.Deferrable && a.n.Initdeferred == b.n.Initdeferred && (b.n.Conname == "" || a.n.Conname == b.n.Conname)
}

func primaryKey(rel *catalog.Relation) *catalog.Constraint {
	for i := range rel.Constraints {
		if rel.Constraints[i].Type == 'p' {
			return &rel.Constraints[i]
		}
	}
	return nil
}

// addKey adds one PRIMARY KEY or UNIQUE constraint with its index. fresh says that the table is new and empty.
func (r *runner) addKey(table types.OID, k conSpec, fresh bool) {
	rel := r.rel(table)
	primary := k.n.Contype == pg.ConstrType_CONSTR_PRIMARY
	if k.n.Indexname != "" {
		r.addKeyUsing(rel, k)
		return
	}
	spec := indexSpec{
		name: k.n.Conname, method: "btree", unique: true, primary: primary, constraint: true, nullsNotDistinct: k.n.NullsNotDistinct,
		deferrable: k.n.Deferrable, deferred: k.n.Initdeferred, options: k.n.Options, fresh: fresh,
	}
	att := func(name string) int {
		a := findColumn(rel, name)
		if a == 0 {
			failAt(r.placed(k.n.Location), pgerr.UndefinedColumn, "column \"%s\" named in key does not exist", name)
		}
		return a
	}
	for _, name := range keyNames(k) {
		a := att(name)
		for _, have := range spec.keys {
			if have.att == a {
				word := "unique"
				if primary {
					word = "primary key"
				}
				failAt(k.n.Location, pgerr.DuplicateColumn, "column \"%s\" appears twice in %s constraint", name, word)
			}
		}
		spec.keys = append(spec.keys, keySpec{att: a})
	}
	for _, name := range strs(k.n.Including) {
		spec.include = append(spec.include, att(name))
	}
	if primary {
		r.keyNotNull(rel, spec.keys, fresh)
	}
	r.defineIndex(table, spec)
}

// keyNotNull makes the columns of a primary key NOT NULL, after a look at the rows there are.
func (r *runner) keyNotNull(rel *catalog.Relation, keys []keySpec, fresh bool) {
	var atts []int
	for _, k := range keys {
		if !rel.Columns[k.att-1].NotNull {
			atts = append(atts, k.att)
		}
	}
	if len(atts) == 0 {
		return
	}
	if !fresh {
		r.validateNotNull(rel, atts)
	}
	r.change(rel.OID, func(rel *catalog.Relation) {
		for _, a := range atts {
			rel.Columns[a-1].NotNull = true
		}
	})
}

// keyConstraint records the constraint that an index implements.
func keyConstraint(oid types.OID, name string, spec *indexSpec, index types.OID) catalog.Constraint {
	c := catalog.Constraint{OID: oid, Name: name, Type: 'u', Deferrable: spec.deferrable, Deferred: spec.deferred, Index: index}
	if spec.primary {
		c.Type = 'p'
	}
	for _, k := range spec.keys {
		c.Cols = append(c.Cols, k.att)
	}
	return c
}

// addKeyUsing is ADD CONSTRAINT ... PRIMARY KEY/UNIQUE USING INDEX.
func (r *runner) addKeyUsing(rel *catalog.Relation, k conSpec) {
	name := k.n.Indexname
	ix := r.Overlay.RelationByName(rel.Schema, name)
	loc := k.n.Location
	unfit := func(format string, args ...any) {
		fail(pgerr.Newf(pgerr.WrongObjectType, format, args...).
			WithDetail("Cannot create a primary key or unique constraint using such an index.").At(int(loc)))
	}
	switch {
	case ix == nil || ix.Index == nil:
		failAt(loc, pgerr.UndefinedObject, "index \"%s\" does not exist", name)
	case ix.Index.Constraint != 0:
		failAt(loc, pgerr.ObjectNotInPrerequisiteState, "index \"%s\" is already associated with a constraint", name)
	case ix.Index.Table != rel.OID:
		failAt(loc, pgerr.ObjectNotInPrerequisiteState, "index \"%s\" does not belong to table \"%s\"", name, rel.Name)
	case !ix.Index.Unique:
		unfit("\"%s\" is not a unique index", name)
	case ix.Index.Predicate != nil:
		unfit("\"%s\" is a partial index", name)
	}
	primary := k.n.Contype == pg.ConstrType_CONSTR_PRIMARY
	spec := indexSpec{primary: primary, deferrable: k.n.Deferrable, deferred: k.n.Initdeferred}
	for i, key := range ix.Index.Keys {
		if key.Att == 0 {
			unfit("index \"%s\" contains expressions", name)
		}
		if key.Desc || key.NullsFirst {
			unfit("index \"%s\" column number %d does not have default sorting behavior", name, i+1)
		}
		spec.keys = append(spec.keys, keySpec{att: key.Att})
	}
	if primary {
		r.keyNotNull(rel, spec.keys, false)
	}
	conName := k.n.Conname
	if conName == "" {
		conName = name
	} else if conName != name {
		r.notice("ALTER TABLE / ADD CONSTRAINT USING INDEX will rename index \"%s\" to \"%s\"", name, conName)
		r.checkFree(rel.Schema, conName)
	}
	con := keyConstraint(r.oid(), conName, &spec, ix.OID)
	r.change(ix.OID, func(x *catalog.Relation) {
		x.Name, x.Index.Constraint, x.Index.Primary, x.Index.Immediate = conName, con.OID, primary, !spec.deferrable
	})
	r.change(rel.OID, func(rel *catalog.Relation) { rel.Constraints = append(rel.Constraints, con) })
}

// validateNotNull fails when a column has NULLs.
func (r *runner) validateNotNull(rel *catalog.Relation, atts []int) {
	for _, a := range atts {
		if r.anyRow(rel, &tree.NullTest{Arg: columnVar(rel, a), Loc: -1}) {
			fail(pgerr.Newf(pgerr.NotNullViolation, "column \"%s\" of relation \"%s\" contains null values", rel.Columns[a-1].Name, rel.Name).
				WithTable(r.schemaName(rel.Schema), rel.Name).WithColumn(rel.Columns[a-1].Name))
		}
	}
}

// validateCheck fails when a row violates a CHECK constraint.
func (r *runner) validateCheck(rel *catalog.Relation, con *catalog.Constraint) {
	if r.anyRow(rel, &tree.BooleanTest{Kind: tree.IsFalse, Arg: decode(con.Expr), Loc: -1}) {
		fail(pgerr.Newf(pgerr.CheckViolation, "check constraint \"%s\" of relation \"%s\" is violated by some row", con.Name, rel.Name).
			WithTable(r.schemaName(rel.Schema), rel.Name).WithConstraint(con.Name))
	}
}

// anyRow reports whether a row of a table satisfies a condition over its columns.
func (r *runner) anyRow(rel *catalog.Relation, qual tree.Expr) bool {
	found := false
	_, err := r.Run(scanQuery(rel, qual, nil), func([]types.Datum) error { found = true; return errStop })
	if err != nil && !errors.Is(err, errStop) {
		fail(err)
	}
	return found
}

func (r *runner) schemaName(oid types.OID) string {
	if s := r.Overlay.Schema(oid); s != nil {
		return s.Name
	}
	return ""
}

// columnNames joins the names of columns.
func columnNames(rel *catalog.Relation, atts []int, sep string) string {
	names := make([]string, len(atts))
	for i, a := range atts {
		names[i] = rel.Columns[a-1].Name
	}
	return strings.Join(names, sep)
}
