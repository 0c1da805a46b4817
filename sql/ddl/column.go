package ddl

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/analyze"
	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// nextvalFunc is nextval(regclass).
const nextvalFunc types.OID = 1574

// serialTypes maps the names that stand for an integer with a sequence.
var serialTypes = map[string]types.OID{
	"smallserial": types.OIDInt2, "serial2": types.OIDInt2, "serial": types.OIDInt4, "serial4": types.OIDInt4, "bigserial": types.OIDInt8, "serial8": types.OIDInt8,
}

// addColumn appends a column to a table in the making.
func (r *runner) addColumn(t *tableDef, n *pg.ColumnDef) {
	if findColumn(t.rel, n.Colname) != 0 {
		failf(pgerr.DuplicateColumn, "column \"%s\" specified more than once", n.Colname)
	}
	if systemColumns[n.Colname] {
		failf(pgerr.DuplicateColumn, "column name \"%s\" conflicts with a system column name", n.Colname)
	}
	serial := serialType(n.TypeName)
	col := catalog.Column{Name: n.Colname, StatTarget: -1}
	if serial != 0 {
		if len(n.TypeName.ArrayBounds) > 0 {
			failAt(n.TypeName.Location, pgerr.FeatureNotSupported, "array of serial is not implemented")
		}
		col.T, col.NotNull = types.Of(serial), true
	} else {
		col.T = r.typeOf(n.TypeName)
		col.NDims = int32(len(n.TypeName.ArrayBounds))
	}
	r.checkColumnType(n.Colname, col.T.OID)
	col.Collation = r.collation(n.CollClause, col.T)
	col.Storage, col.Compression = columnStorage(n.StorageName), columnCompression(n.Compression)
	t.rel.Columns = append(t.rel.Columns, col)
	att := len(t.rel.Columns)
	if serial != 0 {
		r.serial(t, att, serial)
	}
	r.columnConstraints(t, att, n, serial != 0)
}

func serialType(n *pg.TypeName) types.OID {
	if n == nil || len(n.Names) != 1 || n.Setof || n.PctType {
		return 0
	}
	return serialTypes[str(n.Names[0])]
}

// checkColumnType refuses pseudo-types as PostgreSQL's CheckAttributeType.
func (r *runner) checkColumnType(name string, oid types.OID) {
	ty := types.Lookup(r.typeCtx(), oid)
	if ty == nil {
		return
	}
	if ty.Kind == types.KindPseudo {
		failf(pgerr.InvalidTableDefinition, "column \"%s\" has pseudo-type %s", name, r.typeName(types.Of(oid)))
	}
	if ty.IsArray() && ty.Elem != oid {
		r.checkColumnType(name, ty.Elem)
	}
}

// collation resolves COLLATE, or gives the type's own.
func (r *runner) collation(c *pg.CollateClause, t types.T) types.OID {
	ty := types.Lookup(r.typeCtx(), t.OID)
	if c == nil {
		if ty == nil {
			return 0
		}
		return ty.Collation
	}
	coll := r.collationByName(c.Collname, c.Location)
	if ty != nil && ty.Collation == 0 {
		failAt(c.Location, pgerr.DatatypeMismatch, "collations are not supported by type %s", r.typeName(types.Of(t.OID)))
	}
	return coll
}

func (r *runner) collationByName(names []*pg.Node, loc int32) types.OID {
	oid, err := analyze.ResolveCollation(r.env(), names, loc)
	must(err)
	return oid
}

func columnStorage(s string) byte {
	switch s {
	case "plain", "PLAIN":
		return 'p'
	case "external", "EXTERNAL":
		return 'e'
	case "extended", "EXTENDED":
		return 'x'
	case "main", "MAIN":
		return 'm'
	}
	return 0
}

func columnCompression(s string) byte {
	switch s {
	case "", "default":
		return 0
	case "pglz":
		return 'p'
	case "lz4":
		return 'l'
	}
	failf(pgerr.InvalidParameterValue, "invalid compression method \"%s\"", s)
	return 0
}

// columnConstraints works through what follows a column's type.
func (r *runner) columnConstraints(t *tableDef, att int, n *pg.ColumnDef, hasDefault bool) {
	col := func() *catalog.Column { return &t.rel.Columns[att-1] }
	sawNull, sawNot, identity, generated := false, col().NotNull, false, false
	conflict := func(c *pg.Constraint) {
		failAt(c.Location, pgerr.SyntaxError, "conflicting NULL/NOT NULL declarations for column \"%s\" of table \"%s\"", n.Colname, t.rel.Name)
	}
	var last *pg.Constraint
	for _, x := range n.Constraints {
		c := x.GetConstraint()
		many := func(what string) {
			failAt(c.Location, pgerr.SyntaxError, "multiple %s specified for column \"%s\" of table \"%s\"", what, n.Colname, t.rel.Name)
		}
		both := func(a, b string) {
			failAt(c.Location, pgerr.SyntaxError, "both %s and %s specified for column \"%s\" of table \"%s\"", a, b, n.Colname, t.rel.Name)
		}
		switch c.Contype {
		case pg.ConstrType_CONSTR_NULL:
			if sawNot {
				conflict(c)
			}
			sawNull = true
		case pg.ConstrType_CONSTR_NOTNULL:
			if sawNull {
				conflict(c)
			}
			sawNot, col().NotNull = true, true
		case pg.ConstrType_CONSTR_DEFAULT:
			if hasDefault {
				many("default values")
			}
			hasDefault = true
			t.defaults = append(t.defaults, defaultSpec{att, c.RawExpr, false})
		case pg.ConstrType_CONSTR_IDENTITY:
			if identity {
				failAt(c.Location, pgerr.SyntaxError, "multiple identity specifications for column \"%s\" of table \"%s\"", n.Colname, t.rel.Name)
			}
			if sawNull {
				conflict(c)
			}
			identity, sawNot = true, true
			r.identity(t, att, c)
		case pg.ConstrType_CONSTR_GENERATED:
			if generated {
				failAt(c.Location, pgerr.SyntaxError, "multiple generation clauses specified for column \"%s\" of table \"%s\"", n.Colname, t.rel.Name)
			}
			generated = true
			col().Generated = 's'
			t.defaults = append(t.defaults, defaultSpec{att, c.RawExpr, true})
		case pg.ConstrType_CONSTR_ATTR_DEFERRABLE, pg.ConstrType_CONSTR_ATTR_NOT_DEFERRABLE,
			pg.ConstrType_CONSTR_ATTR_DEFERRED, pg.ConstrType_CONSTR_ATTR_IMMEDIATE:
			constraintAttribute(last, c)
			continue
		default:
			r.tableConstraint(t, c, n.Colname)
		}
		switch {
		case hasDefault && identity:
			both("default", "identity")
		case hasDefault && generated:
			both("default", "generation expression")
		case identity && generated:
			both("identity", "generation expression")
		}
		last = c
	}
}

var attributeWords = map[pg.ConstrType]string{
	pg.ConstrType_CONSTR_ATTR_DEFERRABLE: "DEFERRABLE", pg.ConstrType_CONSTR_ATTR_NOT_DEFERRABLE: "NOT DEFERRABLE",
	pg.ConstrType_CONSTR_ATTR_DEFERRED: "INITIALLY DEFERRED", pg.ConstrType_CONSTR_ATTR_IMMEDIATE: "INITIALLY IMMEDIATE",
}

// constraintAttribute applies DEFERRABLE and the like to the constraint before it.
func constraintAttribute(last, c *pg.Constraint) {
	ok := last != nil && (last.Contype == pg.ConstrType_CONSTR_PRIMARY || last.Contype == pg.ConstrType_CONSTR_UNIQUE || last.Contype == pg.ConstrType_CONSTR_FOREIGN)
	if !ok {
		failAt(c.Location, pgerr.SyntaxError, "misplaced %s clause", attributeWords[c.Contype])
	}
	switch c.Contype {
	case pg.ConstrType_CONSTR_ATTR_DEFERRABLE:
		last.Deferrable = true
	case pg.ConstrType_CONSTR_ATTR_DEFERRED:
		last.Deferrable, last.Initdeferred = true, true
	}
}

// serial gives a column a sequence of its own and nextval as its default.
func (r *runner) serial(t *tableDef, att int, typ types.OID) {
	seq := r.ownedSequence(t, att, typ, nil, false)
	e := &tree.FuncExpr{Func: nextvalFunc, T: types.Of(types.OIDInt8), Args: []tree.Expr{
		&tree.Const{T: types.Of(types.OIDRegclass), Value: types.Int(int64(seq)), Loc: -1},
	}, Loc: -1}
	col := &t.rel.Columns[att-1]
	col.Default = tree.Encode(coerceInt(e, typ))
	col.DefaultOID = r.oid()
	col.DefaultDeps = []catalog.Dependency{{Class: catalog.ClassRelation, OID: seq, Type: catalog.DepNormal}}
}

// coerceInt casts an int8 expression to a narrower integer type, as an assignment does.
func coerceInt(e tree.Expr, typ types.OID) tree.Expr {
	fn := types.OID(0)
	switch typ {
	case types.OIDInt4:
		fn = 480
	case types.OIDInt2:
		fn = 714
	default:
		return e
	}
	return &tree.FuncExpr{Func: fn, T: types.Of(typ), Form: tree.CoerceImplicitCast, Args: []tree.Expr{e}, Loc: -1}
}

// identity makes a column an identity column.
func (r *runner) identity(t *tableDef, att int, c *pg.Constraint) {
	col := &t.rel.Columns[att-1]
	switch col.T.OID {
	case types.OIDInt2, types.OIDInt4, types.OIDInt8:
	default:
		failf(pgerr.InvalidParameterValue, "identity column type must be smallint, integer, or bigint")
	}
	col.Identity = c.GeneratedWhen[0]
	col.NotNull = true
	col.IdentitySeq = r.ownedSequence(t, att, col.T.OID, c.Options, true)
}

// ownedSequence makes the sequence of a serial or identity column.
func (r *runner) ownedSequence(t *tableDef, att int, typ types.OID, options []*pg.Node, identity bool) types.OID {
	col := &t.rel.Columns[att-1]
	schema, name := t.rel.Schema, ""
	var rest []*pg.Node
	for _, o := range options {
		d := o.GetDefElem()
		if d.Defname != "sequence_name" {
			rest = append(rest, o)
			continue
		}
		rv := rangeVar(d.Arg.GetList().GetItems())
		name = rv.Relname
		if rv.Schemaname != "" {
			schema = r.needSchema(rv.Schemaname).OID
		}
	}
	if name == "" {
		name = r.chooseRelationName(t.rel.Name, col.Name, "seq", schema, false)
	} else {
		r.checkFree(schema, name)
	}
	rel := r.newRelation(name, schema, 'S', t.rel.Persistence)
	rel.Owner = t.rel.Owner
	seq := newSequence(typ)
	seq.OwnedBy, seq.OwnedCol, seq.Identity = t.rel.OID, att, identity
	start, _ := r.sequenceOptions(seq, rest, true, identity)
	r.putSequence(rel, seq, start)
	return rel.OID
}

// setDefault stores DEFAULT or a generation expression.
func (r *runner) setDefault(table types.OID, d defaultSpec) {
	rel := r.rel(table)
	col := &rel.Columns[d.att-1]
	var e tree.Expr
	if d.generated {
		e = r.generatedExpr(rel, d.n, col.T, col.Name)
	} else {
		e = r.defaultExpr(d.n, col.T, col.Name)
	}
	r.storeDefault(table, d.att, e)
}

// storeDefault puts an analyzed default; DEFAULT NULL is none at all.
func (r *runner) storeDefault(table types.OID, att int, e tree.Expr) {
	r.change(table, func(rel *catalog.Relation) {
		c := &rel.Columns[att-1]
		c.Default, c.DefaultDeps, c.DefaultOID = nil, nil, 0
		if k, ok := e.(*tree.Const); e == nil || ok && k.Value.Null && c.Generated == 0 {
			return
		}
		c.Default = tree.Encode(e)
		c.DefaultOID = r.oid()
		if c.Generated != 0 {
			c.DefaultDeps = r.exprDeps(e, table, catalog.DepNormal)
		} else {
			c.DefaultDeps = r.exprDeps(e, 0, catalog.DepNormal)
		}
	})
}
