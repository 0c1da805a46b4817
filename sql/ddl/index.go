package ddl

import (
	"errors"
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/analyze"
	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
	"kimberlite/txn"
)

// indexSpec is an index to be made.
type indexSpec struct {
	name, method                string
	unique, primary, constraint bool
	deferrable, deferred        bool
	nullsNotDistinct            bool
	keys                        []keySpec
	include                     []int
	where                       tree.Expr
	options                     []*pg.Node
	tablespace                  types.OID
	fresh                       bool // the table is new and empty
}

// keySpec is a key column: a table column or an expression.
type keySpec struct {
	att        int
	expr       tree.Expr
	name       string // of an expression, for the index's name
	collation  types.OID
	opclass    types.OID
	desc       bool
	nullsFirst bool
}

// createIndex is CREATE INDEX. CONCURRENTLY builds as usual: writers wait.
func (r *runner) createIndex(n *pg.IndexStmt) {
	rel := r.need(n.Relation)
	if rel.RelKind != 'r' && rel.RelKind != 'm' {
		fail(pgerr.Newf(pgerr.WrongObjectType, "cannot create index on relation \"%s\"", rel.Name).WithDetail("%s", notSupportedFor(rel)))
	}
	r.mustOwn(rel)
	r.lock(rel.OID, txn.Share)
	rel = r.rel(rel.OID)
	method := n.AccessMethod
	if method == "" {
		method = "btree"
	}
	r.checkMethod(method, n)
	if n.Idxname != "" && r.exists(rel.Schema, n.Idxname, n.IfNotExists) {
		return
	}
	r.mayCreateIn(rel.Schema)
	if len(n.IndexParams) > maxIndexKeys {
		failf(pgerr.TooManyColumns, "cannot use more than %d columns in an index", maxIndexKeys)
	}
	spec := indexSpec{name: n.Idxname, method: method, unique: n.Unique, nullsNotDistinct: n.NullsNotDistinct, options: n.Options, tablespace: r.tablespace(n.TableSpace)}
	if n.WhereClause != nil {
		spec.where = r.analyzeExpr(n.WhereClause, analyze.ExprIndexPredicate, analyze.ExprScope{Relation: rel})
		refuseUserFunctions(spec.where)
	}
	for _, p := range n.IndexParams {
		spec.keys = append(spec.keys, r.indexElem(rel, method, p.GetIndexElem()))
	}
	for _, p := range n.IndexIncludingParams {
		el := p.GetIndexElem()
		if el.Expr != nil {
			failf(pgerr.FeatureNotSupported, "expressions are not supported in included columns")
		}
		if el.Ordering > pg.SortByDir_SORTBY_DEFAULT {
			failf(pgerr.InvalidObjectDefinition, "including column does not support ASC/DESC options")
		}
		spec.include = append(spec.include, r.indexColumn(rel, el.Name))
	}
	r.defineIndex(rel.OID, spec)
}

func notSupportedFor(rel *catalog.Relation) string {
	what := map[byte]string{'v': "views", 'S': "sequences", 'i': "indexes", 'c': "composite types", 'm': "materialized views"}[rel.RelKind]
	if what == "" {
		what = "tables"
	}
	return "This operation is not supported for " + what + "."
}

func (r *runner) checkMethod(method string, n *pg.IndexStmt) {
	no := func(what string) {
		failf(pgerr.FeatureNotSupported, "access method \"hash\" does not support %s", what)
	}
	switch method {
	case "btree":
	case "hash":
		switch {
		case n.Unique:
			no("unique indexes")
		case len(n.IndexIncludingParams) > 0:
			no("included columns")
		case len(n.IndexParams) > 1:
			no("multicolumn indexes")
		}
	case "gin", "gist", "brin", "spgist":
		unsupported("access method \""+method+"\"", "Use a btree index, on an expression where needed.")
	default:
		failf(pgerr.UndefinedObject, "access method \"%s\" does not exist", method)
	}
}

func (r *runner) indexColumn(rel *catalog.Relation, name string) int {
	att := findColumn(rel, name)
	if att == 0 {
		if systemColumns[name] {
			failf(pgerr.FeatureNotSupported, "index creation on system columns is not supported")
		}
		failf(pgerr.UndefinedColumn, "column \"%s\" does not exist", name)
	}
	return att
}

// refuseUserFunctions keeps users' functions out of indexes: an index's entries are made where events are applied, and nothing runs a function's queries there.
func refuseUserFunctions(e tree.Expr) {
	tree.Walk(e, func(x tree.Expr) bool {
		if f, ok := x.(*tree.FuncExpr); ok && f.Func >= catalog.FirstNormalOID {
			unsupported("an index over a function of a user", "Use built-in functions, or a generated column.")
		}
		return true
	})
}

// indexElem resolves a key of CREATE INDEX.
func (r *runner) indexElem(rel *catalog.Relation, method string, el *pg.IndexElem) keySpec {
	var k keySpec
	if el.Name != "" {
		k.att = r.indexColumn(rel, el.Name)
	} else {
		e := r.analyzeExpr(el.Expr, analyze.ExprIndex, analyze.ExprScope{Relation: rel})
		refuseUserFunctions(e)
		if v, ok := e.(*tree.Var); ok && v.AttNo > 0 {
			k.att = v.AttNo
		} else {
			k.expr, k.name = e, exprName(el.Expr)
		}
	}
	if len(el.Collation) > 0 {
		k.collation = r.collationByName(el.Collation, -1)
	}
	if len(el.Opclass) > 0 {
		k.opclass = r.opClass(method, strs(el.Opclass), k.typ(rel))
	}
	k.desc = el.Ordering == pg.SortByDir_SORTBY_DESC
	k.nullsFirst = el.NullsOrdering == pg.SortByNulls_SORTBY_NULLS_FIRST || k.desc && el.NullsOrdering != pg.SortByNulls_SORTBY_NULLS_LAST
	if method == "hash" && el.Ordering > pg.SortByDir_SORTBY_DEFAULT {
		failf(pgerr.FeatureNotSupported, "access method \"hash\" does not support ASC/DESC options")
	}
	return k
}

// opClass resolves a named operator class for a type.
func (r *runner) opClass(method string, names []string, t types.T) types.OID {
	name := names[len(names)-1]
	if oc := r.Overlay.OpClassByName(method, name, t.OID); oc != 0 {
		return oc
	}
	for _, probe := range []types.OID{types.OIDText, types.OIDInt4, types.OIDInt8, types.OIDBpchar, types.OIDName, types.OIDTimestamp, types.OIDDate, types.OIDNumeric} {
		if r.Overlay.OpClassByName(method, name, probe) != 0 {
			failf(pgerr.DatatypeMismatch, "operator class \"%s\" does not accept data type %s", name, r.typeName(types.Of(t.OID)))
		}
	}
	failf(pgerr.UndefinedObject, "operator class \"%s\" does not exist for access method \"%s\"", strings.Join(names, "."), method)
	return 0
}

func (k *keySpec) typ(rel *catalog.Relation) types.T {
	if k.att > 0 {
		return rel.Columns[k.att-1].T
	}
	return k.expr.Type()
}

// exprName is what PostgreSQL calls an index expression: the function's or the cast's name, "" when it has none.
func exprName(n *pg.Node) string {
	switch x := n.GetNode().(type) {
	case *pg.Node_FuncCall:
		return str(x.FuncCall.Funcname[len(x.FuncCall.Funcname)-1])
	case *pg.Node_ColumnRef:
		for i := len(x.ColumnRef.Fields) - 1; i >= 0; i-- {
			if s := str(x.ColumnRef.Fields[i]); s != "" {
				return s
			}
		}
	case *pg.Node_TypeCast:
		if s := exprName(x.TypeCast.Arg); s != "" {
			return s
		}
		names := x.TypeCast.TypeName.Names
		return str(names[len(names)-1])
	case *pg.Node_CollateClause:
		return exprName(x.CollateClause.Arg)
	case *pg.Node_CoalesceExpr:
		return "coalesce"
	case *pg.Node_CaseExpr:
		if s := exprName(x.CaseExpr.Defresult); s != "" {
			return s
		}
		return "case"
	case *pg.Node_MinMaxExpr:
		if x.MinMaxExpr.Op == pg.MinMaxOp_IS_GREATEST {
			return "greatest"
		}
		return "least"
	}
	return ""
}

// keyColumnNames are the names of an index's columns.
func keyColumnNames(rel *catalog.Relation, keys []keySpec, include []int) []string {
	var out []string
	add := func(base string) {
		name := base
		for i := 1; slices.Contains(out, name); i++ {
			n := itoa(i)
			name = clip(base, maxNameLen-len(n)) + n
		}
		out = append(out, name)
	}
	for _, k := range keys {
		switch {
		case k.att > 0:
			add(rel.Columns[k.att-1].Name)
		case k.name != "":
			add(k.name)
		default:
			add("expr")
		}
	}
	for _, a := range include {
		add(rel.Columns[a-1].Name)
	}
	return out
}

// defineIndex makes an index, its constraint when there is one, and checks the rows there are.
func (r *runner) defineIndex(table types.OID, spec indexSpec) types.OID {
	rel := r.rel(table)
	names := keyColumnNames(rel, spec.keys, spec.include)
	if spec.name == "" {
		spec.name = r.indexName(rel, &spec, names)
	} else {
		r.checkFree(rel.Schema, spec.name)
	}
	if spec.constraint && findConstraint(rel, spec.name) != nil {
		failf(pgerr.DuplicateObject, "constraint \"%s\" for relation \"%s\" already exists", spec.name, rel.Name)
	}
	ix := r.newRelation(spec.name, rel.Schema, 'i', rel.Persistence)
	ix.Owner, ix.Storage, ix.Tablespace = rel.Owner, r.storage(), spec.tablespace
	ix.Options = indexOptions(spec.options)
	x := &catalog.Index{
		Table: table, Method: spec.method, Unique: spec.unique, Primary: spec.primary, Immediate: !spec.deferrable, Valid: true,
		NullsNotDistinct: spec.nullsNotDistinct, Include: spec.include,
	}
	if spec.where != nil {
		x.Predicate = tree.Encode(spec.where)
		ix.DependsOn = append(ix.DependsOn, r.exprDeps(spec.where, table, catalog.DepAuto)...)
	}
	for i := range spec.keys {
		x.Keys = append(x.Keys, r.indexKey(rel, ix, &spec, i))
		ix.Columns = append(ix.Columns, catalog.Column{Name: names[i], T: x.Keys[i].T, Collation: x.Keys[i].Collation, StatTarget: -1})
	}
	for i, a := range spec.include {
		ix.Columns = append(ix.Columns, catalog.Column{Name: names[len(spec.keys)+i], T: rel.Columns[a-1].T, Collation: rel.Columns[a-1].Collation, StatTarget: -1})
	}
	ix.Index = x
	var con catalog.Constraint
	if spec.constraint {
		con = keyConstraint(r.oid(), spec.name, &spec, ix.OID)
		x.Constraint = con.OID
	}
	r.Overlay.Put(ix)
	r.change(table, func(rel *catalog.Relation) {
		rel.Indexes = append(rel.Indexes, ix.OID)
		if spec.constraint {
			rel.Constraints = append(rel.Constraints, con)
		}
	})
	if !spec.fresh {
		r.buildIndex(table, ix.OID)
	}
	return ix.OID
}

func (r *runner) indexName(rel *catalog.Relation, spec *indexSpec, names []string) string {
	if spec.primary {
		return r.chooseRelationName(rel.Name, "", "pkey", rel.Schema, true)
	}
	joined := clip(strings.Join(names, "_"), maxNameLen)
	if spec.constraint {
		return r.chooseRelationName(rel.Name, joined, "key", rel.Schema, true)
	}
	return r.chooseRelationName(rel.Name, joined, "idx", rel.Schema, false)
}

// indexKey completes a key: type, collation, operator class.
func (r *runner) indexKey(rel, ix *catalog.Relation, spec *indexSpec, i int) catalog.IndexKey {
	k := &spec.keys[i]
	out := catalog.IndexKey{Att: k.att, T: k.typ(rel), Collation: k.collation, OpClass: k.opclass, Desc: k.desc, NullsFirst: k.nullsFirst}
	if k.expr != nil {
		out.Expr = tree.Encode(k.expr)
		r.checkColumnType("expr", out.T.OID)
		ix.DependsOn = append(ix.DependsOn, r.exprDeps(k.expr, rel.OID, catalog.DepAuto)...)
	}
	if out.Collation == 0 {
		if k.att > 0 {
			out.Collation = rel.Columns[k.att-1].Collation
		} else {
			out.Collation = k.expr.Collation()
		}
	} else if ty := types.Lookup(r.typeCtx(), out.T.OID); ty != nil && ty.Collation == 0 {
		failf(pgerr.DatatypeMismatch, "collations are not supported by type %s", r.typeName(types.Of(out.T.OID)))
	}
	if out.OpClass == 0 {
		out.OpClass = r.defaultOpClass(out.T, spec.method)
	}
	return out
}

func (r *runner) defaultOpClass(t types.T, method string) types.OID {
	am := catalog.BtreeAM
	if method == "hash" {
		am = catalog.HashAM
	}
	oc := catalog.DefaultOpClass(r.Overlay, t.OID, am)
	if oc == 0 {
		fail(pgerr.Newf(pgerr.UndefinedObject, "data type %s has no default operator class for access method \"%s\"", r.typeName(types.Of(t.OID)), method).
			WithHint("You must specify an operator class for the index or define a default operator class for the data type."))
	}
	return oc
}

func indexOptions(list []*pg.Node) []string {
	var out []string
	for _, n := range list {
		d := n.GetDefElem()
		switch strings.ToLower(d.Defname) {
		case "fillfactor", "deduplicate_items":
		default:
			failf(pgerr.InvalidParameterValue, "unrecognized parameter \"%s\"", d.Defname)
		}
		out = append(out, strings.ToLower(d.Defname)+"="+defText(d))
	}
	return out
}

// buildIndex has the transaction make sure that the table's rows fit into a new index.
func (r *runner) buildIndex(table, index types.OID) {
	def := r.Overlay.TableDef(table)
	if r.Txn == nil || def == nil {
		return
	}
	n := def.IndexByOID(index)
	if n < 0 {
		return
	}
	if err := r.Txn.PrepareIndex(r.Ctx, def, n); err != nil {
		fail(r.indexError(r.rel(table), err))
	}
}

// indexError words a unique violation as one of building an index.
func (r *runner) indexError(rel *catalog.Relation, err error) error {
	var v *txn.UniqueViolation
	if !errors.As(err, &v) {
		return err
	}
	ix := r.rel(v.Table.Indexes[v.Index].Index)
	return pgerr.Newf(pgerr.UniqueViolation, "could not create unique index \"%s\"", ix.Name).
		WithDetail("Key %s is duplicated.", r.keyText(rel, ix, v.Key)).WithTable(r.schemaName(rel.Schema), rel.Name).WithConstraint(ix.Name)
}

// keyText prints index key values as "(a, b)=(1, 2)".
func (r *runner) keyText(rel, ix *catalog.Relation, key []types.Datum) string {
	var names, values []string
	for i, k := range ix.Index.Keys {
		switch {
		case k.Att > 0:
			names = append(names, quote(rel.Columns[k.Att-1].Name))
		case r.Deparse != nil:
			names = append(names, r.Deparse(decode(k.Expr), rel.OID))
		default:
			names = append(names, ix.Columns[i].Name)
		}
		if i >= len(key) || key[i].Null {
			values = append(values, "null")
		} else {
			values = append(values, types.Text(r.typeCtx(), k.T, key[i]))
		}
	}
	return "(" + strings.Join(names, ", ") + ")=(" + strings.Join(values, ", ") + ")"
}

// reindex checks the name; the store keeps its indexes true, so that there is nothing to rebuild.
func (r *runner) reindex(n *pg.ReindexStmt) {
	if n.Relation == nil {
		return
	}
	rel := r.need(n.Relation)
	if n.Kind == pg.ReindexObjectType_REINDEX_OBJECT_INDEX && rel.RelKind != 'i' {
		failf(pgerr.WrongObjectType, "\"%s\" is not an index", rel.Name)
	}
	if n.Kind == pg.ReindexObjectType_REINDEX_OBJECT_TABLE && rel.RelKind != 'r' && rel.RelKind != 'm' {
		failf(pgerr.WrongObjectType, "\"%s\" is not a table or materialized view", rel.Name)
	}
	r.mustOwn(rel)
}

// cluster checks the names; rows are ordered by row id and nothing else.
func (r *runner) cluster(n *pg.ClusterStmt) {
	if n.Relation == nil {
		return
	}
	rel := r.need(n.Relation)
	r.mustOwn(rel)
	if n.Indexname != "" {
		r.clusterOn(rel, n.Indexname)
		return
	}
	for _, oid := range rel.Indexes {
		if r.rel(oid).Index.Clustered {
			return
		}
	}
	failf(pgerr.UndefinedObject, "there is no previously clustered index for table \"%s\"", rel.Name)
}

// clusterOn marks one index of a table, "" none.
func (r *runner) clusterOn(rel *catalog.Relation, name string) {
	found := name == ""
	for _, oid := range rel.Indexes {
		ix := r.rel(oid)
		on := ix.Name == name
		found = found || on
		if ix.Index.Clustered != on {
			r.change(oid, func(x *catalog.Relation) { x.Index.Clustered = on })
		}
	}
	if !found {
		failf(pgerr.UndefinedObject, "index \"%s\" for table \"%s\" does not exist", name, rel.Name)
	}
	r.touch(rel.OID)
}
