package ddl

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/analyze"
	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
	"kimberlite/txn"
)

// createView is CREATE [OR REPLACE] VIEW.
func (r *runner) createView(n *pg.ViewStmt) {
	if n.View.Relpersistence == "u" {
		failf(pgerr.SyntaxError, "views cannot be unlogged because they do not have storage")
	}
	q, err := analyze.AnalyzeView(r.env(), n.Query, r.AsOf)
	must(err)
	if q.HasModifyingCTE {
		failf(pgerr.FeatureNotSupported, "views must not contain data-modifying statements in WITH")
	}
	cols := r.queryColumns(q, strs(n.Aliases), "CREATE VIEW specifies more column names than columns")
	var deps []catalog.Dependency
	r.addQueryDeps(&deps, q)
	rv := &pg.RangeVar{Catalogname: n.View.Catalogname, Schemaname: n.View.Schemaname, Relname: n.View.Relname, Relpersistence: n.View.Relpersistence, Location: n.View.Location}
	if rv.Relpersistence == "p" && r.usesTemp(deps) {
		rv.Relpersistence = "t"
		r.notice("view \"%s\" will be a temporary view", rv.Relname)
	}
	schema, persistence := r.creation(rv)
	options, check := viewOptions(n)
	view := &catalog.View{Query: tree.EncodeQuery(q), CheckOption: check, Populated: true}
	if old := r.Overlay.RelationByName(schema, rv.Relname); old != nil && n.Replace {
		r.replaceView(old, view, cols, deps, options)
		return
	}
	r.exists(schema, rv.Relname, false)
	r.checkTypeFree(schema, rv.Relname)
	rel := r.newRelation(rv.Relname, schema, 'v', persistence)
	view.RuleOID = r.oid()
	rel.View, rel.Columns, rel.DependsOn, rel.Options = view, cols, deps, options
	r.Overlay.Put(rel)
}

func viewOptions(n *pg.ViewStmt) (options []string, check byte) {
	switch n.WithCheckOption {
	case pg.ViewCheckOption_LOCAL_CHECK_OPTION:
		check = 'l'
	case pg.ViewCheckOption_CASCADED_CHECK_OPTION:
		check = 'c'
	}
	for _, o := range n.Options {
		d := o.GetDefElem()
		switch d.Defname {
		case "check_option":
			switch defText(d) {
			case "local":
				check = 'l'
			case "cascaded":
				check = 'c'
			default:
				fail(pgerr.Newf(pgerr.InvalidParameterValue, "invalid value for enum option \"check_option\": %s", defText(d)).
					WithDetail("Valid values are \"local\" and \"cascaded\"."))
			}
		case "security_barrier", "security_invoker":
			options = append(options, d.Defname+"="+defText(d))
		default:
			failf(pgerr.InvalidParameterValue, "unrecognized parameter \"%s\"", d.Defname)
		}
	}
	switch check {
	case 'l':
		options = append(options, "check_option=local")
	case 'c':
		options = append(options, "check_option=cascaded")
	}
	return options, check
}

// queryColumns makes columns of a query's output. names replace its own.
func (r *runner) queryColumns(q *tree.Query, names []string, tooMany string) []catalog.Column {
	var cols []catalog.Column
	for k := range q.Target {
		t := &q.Target[k]
		if t.Junk {
			continue
		}
		c := catalog.Column{Name: t.Name, T: t.Expr.Type(), Collation: t.Expr.Collation(), StatTarget: -1}
		if i := len(cols); i < len(names) {
			c.Name = names[i]
		}
		if c.T.OID == types.OIDUnknown {
			c.T, c.Collation = types.Of(types.OIDText), catalog.DefaultCollationOID
		}
		r.checkColumnType(c.Name, c.T.OID)
		for _, o := range cols {
			if o.Name == c.Name {
				failf(pgerr.DuplicateColumn, "column \"%s\" specified more than once", c.Name)
			}
		}
		cols = append(cols, c)
	}
	if len(names) > len(cols) {
		failf(pgerr.SyntaxError, "%s", tooMany)
	}
	return cols
}

// usesTemp reports whether one of the objects is a temporary relation.
func (r *runner) usesTemp(deps []catalog.Dependency) bool {
	for _, d := range deps {
		if d.Class == catalog.ClassRelation {
			if rel := r.Overlay.Relation(d.OID); rel != nil && rel.Persistence == 't' {
				return true
			}
		}
	}
	return false
}

// replaceView puts a new query into a view; columns may only be added at the end.
func (r *runner) replaceView(old *catalog.Relation, view *catalog.View, cols []catalog.Column, deps []catalog.Dependency, options []string) {
	if old.RelKind != 'v' {
		failf(pgerr.WrongObjectType, "\"%s\" is not a view", old.Name)
	}
	r.mustOwn(old)
	r.lock(old.OID, txn.AccessExclusive)
	old = r.rel(old.OID)
	if len(cols) < len(old.Columns) {
		failf(pgerr.InvalidTableDefinition, "cannot drop columns from view")
	}
	for i := range old.Columns {
		a, b := &old.Columns[i], &cols[i]
		if a.Name != b.Name {
			fail(pgerr.Newf(pgerr.InvalidTableDefinition, "cannot change name of view column \"%s\" to \"%s\"", a.Name, b.Name).
				WithHint("Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead."))
		}
		if a.T != b.T {
			failf(pgerr.InvalidTableDefinition, "cannot change data type of view column \"%s\" from %s to %s", a.Name, r.typeName(a.T), r.typeName(b.T))
		}
		if a.Collation != b.Collation {
			failf(pgerr.InvalidTableDefinition, "cannot change collation of view column \"%s\"", a.Name)
		}
		b.Default, b.DefaultOID, b.DefaultDeps, b.ACL = a.Default, a.DefaultOID, a.DefaultDeps, a.ACL
	}
	view.RuleOID = old.View.RuleOID
	r.change(old.OID, func(rel *catalog.Relation) {
		rel.View, rel.Columns, rel.DependsOn, rel.Options = view, cols, deps, options
	})
}

// createTableAs is CREATE TABLE AS and CREATE MATERIALIZED VIEW.
func (r *runner) createTableAs(n *pg.CreateTableAsStmt) string {
	matview := n.Objtype == pg.ObjectType_OBJECT_MATVIEW
	rows, made := r.makeFromQuery(n.Into, n.Query, matview, n.IfNotExists)
	switch {
	case made && !n.Into.SkipData:
		return "SELECT " + itoa(int(rows))
	case matview:
		return "CREATE MATERIALIZED VIEW"
	}
	return "CREATE TABLE AS"
}

// makeFromQuery makes a table or materialized view of a query's result. made is false when IF NOT EXISTS found it there.
func (r *runner) makeFromQuery(into *pg.IntoClause, query *pg.Node, matview, ifNotExists bool) (rows int64, made bool) {
	r.checkAccessMethod(into.AccessMethod)
	schema, persistence := r.creation(into.Rel)
	if r.exists(schema, into.Rel.Relname, ifNotExists) {
		return 0, false
	}
	stored := r.sourceQuery(query)
	var deps []catalog.Dependency
	r.addQueryDeps(&deps, stored)
	kind := byte('r')
	if matview {
		kind = 'm'
		if r.usesTemp(deps) {
			failf(pgerr.FeatureNotSupported, "materialized views must not use temporary tables or views")
		}
	}
	cols := r.queryColumns(stored, strs(into.ColNames), "too many column names were specified")
	for i := range cols {
		c := &cols[i]
		if systemColumns[c.Name] {
			failf(pgerr.DuplicateColumn, "column name \"%s\" conflicts with a system column name", c.Name)
		}
		if ty := types.Lookup(r.typeCtx(), c.T.OID); c.Collation == 0 && ty != nil {
			c.Collation = ty.Collation
		}
	}
	r.checkTypeFree(schema, into.Rel.Relname)
	rel := r.newRelation(into.Rel.Relname, schema, kind, persistence)
	rel.Storage, rel.Columns, rel.Options = r.storage(), cols, r.tableOptions(into.Options)
	rel.OnCommit, rel.Tablespace = onCommit(into.OnCommit), r.tablespace(into.TableSpaceName)
	if matview {
		rel.View = &catalog.View{Query: tree.EncodeQuery(stored), Populated: !into.SkipData, RuleOID: r.oid()}
		rel.DependsOn = deps
	}
	r.Overlay.Put(rel)
	r.lock(rel.OID, txn.AccessExclusive)
	r.registerOnCommit(rel)
	if into.SkipData {
		return 0, true
	}
	return r.fill(rel.OID, stored), true
}

// sourceQuery analyzes the query of CREATE TABLE AS.
func (r *runner) sourceQuery(n *pg.Node) *tree.Query {
	if x := n.GetExecuteStmt(); x != nil {
		q, err := r.Prepared(x)
		must(err)
		return q
	}
	q, err := analyze.AnalyzeView(r.env(), n, r.AsOf)
	must(err)
	return q
}

// fill runs a stored query and puts its rows into a table.
func (r *runner) fill(table types.OID, stored *tree.Query) int64 {
	q, err := analyze.Rewrite(r.env(), stored)
	must(err)
	rel, def := r.rel(table), r.Overlay.TableDef(table)
	defer r.command()()
	var n int64
	_, err = r.Run(q, func(row []types.Datum) error {
		n++
		if err := r.insert(def, row); err != nil {
			return r.indexError(rel, err)
		}
		return nil
	})
	must(err)
	return n
}

// refresh is REFRESH MATERIALIZED VIEW.
func (r *runner) refresh(n *pg.RefreshMatViewStmt) {
	rel := r.need(n.Relation)
	if rel.RelKind != 'm' {
		failf(pgerr.WrongObjectType, "\"%s\" is not a materialized view", rel.Name)
	}
	r.mustOwn(rel)
	if n.Concurrent && n.SkipData {
		failf(pgerr.SyntaxError, "%s and %s options cannot be used together", "CONCURRENTLY", "WITH NO DATA")
	}
	mode := txn.AccessExclusive
	if n.Concurrent {
		mode = txn.Exclusive
		if !rel.View.Populated {
			failf(pgerr.FeatureNotSupported, "CONCURRENTLY cannot be used when the materialized view is not populated")
		}
		r.checkConcurrentRefresh(rel)
	}
	r.lock(rel.OID, mode)
	stored, err := tree.DecodeQuery(rel.View.Query)
	must(err)
	r.newStorage(rel.OID)
	r.change(rel.OID, func(x *catalog.Relation) { x.View.Populated = !n.SkipData })
	if !n.SkipData {
		r.fill(rel.OID, stored)
	}
}

// checkConcurrentRefresh asks for a unique index over plain columns.
func (r *runner) checkConcurrentRefresh(rel *catalog.Relation) {
	for _, oid := range rel.Indexes {
		x := r.rel(oid).Index
		plain := x.Unique && x.Predicate == nil
		for _, k := range x.Keys {
			plain = plain && k.Att > 0
		}
		if plain {
			return
		}
	}
	fail(pgerr.Newf(pgerr.ObjectNotInPrerequisiteState, "cannot refresh materialized view \"%s\" concurrently", r.Overlay.QualifiedName(rel)).
		WithHint("Create a unique index with no WHERE clause on one or more columns of the materialized view."))
}
