package ddl

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/analyze"
	"kimberlite/sql/catalog"
	"kimberlite/sql/parser"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// newColumn is ADD COLUMN.
func (a *alteration) newColumn(c *pg.AlterTableCmd) {
	n := c.Def.GetColumnDef()
	rel := a.now()
	if findColumn(rel, n.Colname) != 0 {
		if c.MissingOk {
			e := pgerr.Notice("column \"%s\" of relation \"%s\" already exists, skipping", n.Colname, rel.Name)
			e.Code = pgerr.DuplicateColumn
			a.note(e)
			return
		}
		failf(pgerr.DuplicateColumn, "column \"%s\" of relation \"%s\" already exists", n.Colname, rel.Name)
	}
	t := &tableDef{rel: editRelation(rel), made: true}
	a.addColumn(t, n)
	if len(t.rel.Columns) > maxColumns {
		failf(pgerr.TooManyColumns, "tables can have at most %d columns", maxColumns)
	}
	att := len(t.rel.Columns)
	a.Overlay.Put(t.rel)
	for _, d := range t.defaults {
		a.setDefault(a.oid, d)
	}
	a.fillColumn(att)
	a.constrain = append(a.constrain, func() {
		a.addKeys(a.oid, t.keys, false)
		for _, k := range t.foreign {
			a.addForeignKey(a.oid, k, false)
		}
	})
	for _, k := range t.checks {
		a.checks = append(a.checks, a.addCheck(a.oid, k, &a.names).OID)
	}
}

// fillColumn gives a new column its value in the rows there are: a constant in the catalog where that does, otherwise by a rewrite.
func (a *alteration) fillColumn(att int) {
	rel := a.now()
	col := &rel.Columns[att-1]
	var e tree.Expr
	switch {
	case col.Identity != 0:
		e = coerceInt(&tree.NextValueExpr{Seq: col.IdentitySeq, T: types.Of(types.OIDInt8)}, col.T.OID)
	case col.Default != nil:
		e = decode(col.Default)
	case a.domainOf(col.T.OID) != nil:
		e = a.nullOfDomain(col.T)
	}
	null := types.NullDatum
	switch {
	case e == nil:
		a.edit(att, func(c *catalog.Column) { c.Missing = &null })
		if col.NotNull {
			a.notNull = append(a.notNull, att)
		}
	case col.Generated != 0 || a.volatility(e) == 'v' || col.Identity != 0 || a.domainOf(col.T.OID) != nil:
		a.exprs[att] = e
	default:
		v := a.evaluate(e)
		a.edit(att, func(c *catalog.Column) { c.Missing = &v })
		if col.NotNull && v.Null {
			a.notNull = append(a.notNull, att)
		}
	}
}

// evaluate computes an expression without columns.
func (r *runner) evaluate(e tree.Expr) types.Datum {
	if c, ok := e.(*tree.Const); ok {
		return c.Value
	}
	q := &tree.Query{Cmd: tree.CmdSelect, CanSetTag: true, From: &tree.FromExpr{}, Target: []tree.TargetEntry{{Expr: e, ResNo: 1, Name: "v"}}}
	var v types.Datum
	_, err := r.Run(q, func(row []types.Datum) error { v = row[0]; return nil })
	must(err)
	return v
}

// domainOf returns a domain's type, nil for other types.
func (r *runner) domainOf(oid types.OID) *types.Type {
	if t := types.Lookup(r.typeCtx(), oid); t != nil && t.Kind == types.KindDomain {
		return t
	}
	return nil
}

// nullOfDomain is a NULL checked against a domain's constraints, or the domain's default.
func (r *runner) nullOfDomain(t types.T) tree.Expr {
	base := types.BaseType(r.typeCtx(), t)
	var arg tree.Expr = &tree.Const{T: base, Value: types.NullDatum, Loc: -1}
	if d := r.Overlay.TypeDesc(t.OID); d != nil && d.DefaultExpr != nil {
		arg = decode(d.DefaultExpr)
	}
	if arg.Type().OID == t.OID {
		return arg
	}
	return &tree.CoerceToDomain{Arg: arg, T: types.Of(t.OID), Loc: -1}
}

// dropColumn is DROP COLUMN.
func (a *alteration) dropColumn(c *pg.AlterTableCmd) {
	rel := a.now()
	att := findColumn(rel, c.Name)
	if att == 0 {
		if systemColumns[c.Name] {
			failf(pgerr.FeatureNotSupported, "cannot drop system column \"%s\"", c.Name)
		}
		if c.MissingOk {
			a.notice("column \"%s\" of relation \"%s\" does not exist, skipping", c.Name, rel.Name)
			return
		}
		failf(pgerr.UndefinedColumn, "column \"%s\" of relation \"%s\" does not exist", c.Name, rel.Name)
	}
	a.removeObjects([]address{{catalog.ClassRelation, a.oid, att}}, c.Behavior == pg.DropBehavior_DROP_CASCADE, false)
}

// columnDefault is ALTER COLUMN ... SET/DROP DEFAULT.
func (a *alteration) columnDefault(c *pg.AlterTableCmd) {
	att := a.column(c.Name)
	rel := a.now()
	col := &rel.Columns[att-1]
	if col.Identity != 0 {
		e := pgerr.Newf(pgerr.SyntaxError, "column \"%s\" of relation \"%s\" is an identity column", c.Name, rel.Name)
		if c.Def == nil {
			e.WithHint("Use ALTER TABLE ... ALTER COLUMN ... DROP IDENTITY instead.")
		}
		fail(e)
	}
	if col.Generated != 0 {
		e := pgerr.Newf(pgerr.SyntaxError, "column \"%s\" of relation \"%s\" is a generated column", c.Name, rel.Name)
		if c.Def == nil {
			e.WithHint("Use ALTER TABLE ... ALTER COLUMN ... DROP EXPRESSION instead.")
		}
		fail(e)
	}
	if c.Def == nil {
		a.storeDefault(a.oid, att, nil)
		return
	}
	a.setDefault(a.oid, defaultSpec{att, c.Def, false})
}

// dropNotNull is ALTER COLUMN ... DROP NOT NULL.
func (a *alteration) dropNotNull(c *pg.AlterTableCmd) {
	att := a.column(c.Name)
	rel := a.now()
	if rel.Columns[att-1].Identity != 0 {
		failf(pgerr.SyntaxError, "column \"%s\" of relation \"%s\" is an identity column", c.Name, rel.Name)
	}
	if p := primaryKey(rel); p != nil && slices.Contains(p.Cols, att) {
		failf(pgerr.InvalidTableDefinition, "column \"%s\" is in a primary key", c.Name)
	}
	for _, ix := range rel.Indexes {
		if x := a.rel(ix).Index; x.ReplIdent && slices.ContainsFunc(x.Keys, func(k catalog.IndexKey) bool { return k.Att == att }) {
			failf(pgerr.InvalidTableDefinition, "column \"%s\" is in index used as replica identity", c.Name)
		}
	}
	a.edit(att, func(c *catalog.Column) { c.NotNull = false })
}

// dropExpression is ALTER COLUMN ... DROP EXPRESSION: values stay.
func (a *alteration) dropExpression(c *pg.AlterTableCmd) {
	att := a.column(c.Name)
	rel := a.now()
	if rel.Columns[att-1].Generated == 0 {
		if c.MissingOk {
			a.notice("column \"%s\" of relation \"%s\" is not a stored generated column, skipping", c.Name, rel.Name)
			return
		}
		failf(pgerr.ObjectNotInPrerequisiteState, "column \"%s\" of relation \"%s\" is not a stored generated column", c.Name, rel.Name)
	}
	a.edit(att, func(c *catalog.Column) { c.Generated, c.Default, c.DefaultOID, c.DefaultDeps = 0, nil, 0, nil })
}

// identityCommand is ADD/SET/DROP IDENTITY.
func (a *alteration) identityCommand(c *pg.AlterTableCmd) {
	att := a.column(c.Name)
	rel := a.now()
	col := &rel.Columns[att-1]
	none := func(code string) {
		failf(code, "column \"%s\" of relation \"%s\" is not an identity column", c.Name, rel.Name)
	}
	switch c.Subtype {
	case pg.AlterTableType_AT_AddIdentity:
		switch {
		case !col.NotNull:
			failf(pgerr.ObjectNotInPrerequisiteState, "column \"%s\" of relation \"%s\" must be declared NOT NULL before identity can be added", c.Name, rel.Name)
		case col.Identity != 0:
			failf(pgerr.ObjectNotInPrerequisiteState, "column \"%s\" of relation \"%s\" is already an identity column", c.Name, rel.Name)
		case col.Default != nil:
			failf(pgerr.ObjectNotInPrerequisiteState, "column \"%s\" of relation \"%s\" already has a default value", c.Name, rel.Name)
		}
		t := &tableDef{rel: editRelation(rel), made: true}
		a.identity(t, att, c.Def.GetConstraint())
		a.Overlay.Put(t.rel)
	case pg.AlterTableType_AT_SetIdentity:
		if col.Identity == 0 {
			none(pgerr.ObjectNotInPrerequisiteState)
		}
		var options []*pg.Node
		for _, o := range c.Def.GetList().GetItems() {
			if d := o.GetDefElem(); d.Defname == "generated" {
				g := byte(d.Arg.GetInteger().GetIval())
				a.edit(att, func(c *catalog.Column) { c.Identity = g })
			} else {
				options = append(options, o)
			}
		}
		if len(options) > 0 {
			a.changeSequence(col.IdentitySeq, options, true)
		}
	default:
		if col.Identity == 0 {
			if c.MissingOk {
				a.notice("column \"%s\" of relation \"%s\" is not an identity column, skipping", c.Name, rel.Name)
				return
			}
			none(pgerr.ObjectNotInPrerequisiteState)
		}
		seq := col.IdentitySeq
		a.edit(att, func(c *catalog.Column) { c.Identity, c.IdentitySeq = 0, 0 })
		if s := a.Overlay.Relation(seq); s != nil {
			a.removeOne(address{catalog.ClassRelation, seq, 0}, map[types.OID]bool{})
		}
	}
}

// addConstraint is ADD CONSTRAINT.
func (a *alteration) addConstraint(n *pg.Constraint) {
	t := &tableDef{rel: a.now(), made: true}
	a.tableConstraint(t, n, "")
	for _, c := range t.checks {
		con := a.addCheck(a.oid, c, &a.names)
		if !con.NotValid {
			a.checks = append(a.checks, con.OID)
		}
	}
	keys, foreign := t.keys, t.foreign
	a.constrain = append(a.constrain, func() {
		a.addKeys(a.oid, keys, false)
		for _, c := range foreign {
			a.addForeignKey(a.oid, c, false)
		}
	})
}

func (a *alteration) constraint(name string) *catalog.Constraint {
	rel := a.now()
	c := findConstraint(rel, name)
	if c == nil {
		failf(pgerr.UndefinedObject, "constraint \"%s\" of relation \"%s\" does not exist", name, rel.Name)
	}
	return c
}

// dropConstraint is DROP CONSTRAINT.
func (a *alteration) dropConstraint(c *pg.AlterTableCmd) {
	rel := a.now()
	con := findConstraint(rel, c.Name)
	if con == nil {
		if c.MissingOk {
			a.notice("constraint \"%s\" of relation \"%s\" does not exist, skipping", c.Name, rel.Name)
			return
		}
		failf(pgerr.UndefinedObject, "constraint \"%s\" of relation \"%s\" does not exist", c.Name, rel.Name)
	}
	a.removeObjects([]address{{catalog.ClassConstraint, con.OID, 0}}, c.Behavior == pg.DropBehavior_DROP_CASCADE, false)
}

// validateConstraint is VALIDATE CONSTRAINT.
func (a *alteration) validateConstraint(name string) {
	con := a.constraint(name)
	if con.Type != 'c' && con.Type != 'f' {
		failf(pgerr.WrongObjectType, "constraint \"%s\" of relation \"%s\" is not a foreign key or check constraint", name, a.now().Name)
	}
	if !con.NotValid {
		return
	}
	a.change(a.oid, func(rel *catalog.Relation) { findConstraint(rel, name).NotValid = false })
	if con.Type == 'c' {
		a.checks = append(a.checks, con.OID)
	} else {
		a.foreign = append(a.foreign, con.OID)
	}
}

// alterConstraint is ALTER CONSTRAINT ... [NOT] DEFERRABLE.
func (a *alteration) alterConstraint(n *pg.Constraint) {
	con := a.constraint(n.Conname)
	if con.Type != 'f' {
		failf(pgerr.WrongObjectType, "constraint \"%s\" of relation \"%s\" is not a foreign key constraint", n.Conname, a.now().Name)
	}
	a.change(a.oid, func(rel *catalog.Relation) {
		c := findConstraint(rel, n.Conname)
		c.Deferrable, c.Deferred = n.Deferrable, n.Initdeferred
	})
}

// columnType is ALTER COLUMN ... TYPE. The rows are written anew unless the values keep their form and meaning.
func (a *alteration) columnType(c *pg.AlterTableCmd) {
	att := a.column(c.Name)
	rel := a.now()
	col := rel.Columns[att-1]
	n := c.Def.GetColumnDef()
	to := a.typeOfUnplaced(n.TypeName)
	a.checkColumnType(c.Name, to.OID)
	coll := a.collation(n.CollClause, to)
	a.checkTypeDependents(rel, att)
	var e tree.Expr
	if n.RawDefault != nil {
		if col.Generated != 0 {
			fail(pgerr.New(pgerr.InvalidColumnDefinition, "cannot specify USING when altering type of generated column").
				WithDetail("Column \"%s\" is a generated column.", c.Name))
		}
		e = a.analyzeExpr(n.RawDefault, analyze.ExprUsing, analyze.ExprScope{Relation: a.old, Target: to, Column: c.Name})
	} else {
		var err error
		e, err = analyze.Coerce(a.env(), columnVar(a.old, att), to, false)
		must(err)
		if e == nil {
			x := pgerr.Newf(pgerr.DatatypeMismatch, "column \"%s\" cannot be cast automatically to type %s", c.Name, a.typeName(types.Of(to.OID)))
			if col.Generated == 0 {
				x.WithHint("You might need to specify \"USING %s::%s\".", quote(c.Name), a.typeName(to))
			}
			fail(x)
		}
	}
	a.convertDefault(att, &col, to)
	a.edit(att, func(c *catalog.Column) {
		c.T, c.Collation, c.NDims = to, coll, int32(len(n.TypeName.ArrayBounds))
		c.Default, c.DefaultDeps = col.Default, col.DefaultDeps
		c.Missing = nil
	})
	if !isPlainCopy(e, att) {
		a.exprs[att] = e
	} else if old := a.old.Columns[att-1].Missing; old != nil {
		a.edit(att, func(c *catalog.Column) { c.Missing = old })
	}
	a.retypeDependents(rel, att)
	if col.IdentitySeq != 0 {
		a.change(col.IdentitySeq, func(s *catalog.Relation) { s.Sequence.T = to.OID })
	}
}

// isPlainCopy reports whether an expression is the column itself, at most relabelled.
func isPlainCopy(e tree.Expr, att int) bool {
	for {
		switch x := e.(type) {
		case *tree.RelabelType:
			e = x.Arg
		case *tree.Var:
			return x.AttNo == att
		default:
			return false
		}
	}
}

// convertDefault turns a column's default into one of its new type.
func (a *alteration) convertDefault(att int, col *catalog.Column, to types.T) {
	if col.Default == nil || col.Generated != 0 {
		return
	}
	e, err := analyze.Coerce(a.env(), stripImplicit(decode(col.Default)), to, false)
	must(err)
	if e == nil {
		failf(pgerr.DatatypeMismatch, "default for column \"%s\" cannot be cast automatically to type %s", col.Name, a.typeName(types.Of(to.OID)))
	}
	col.Default = tree.Encode(e)
}

// stripImplicit removes the implicit casts on top of a default.
func stripImplicit(e tree.Expr) tree.Expr {
	for {
		switch x := e.(type) {
		case *tree.FuncExpr:
			if x.Form != tree.CoerceImplicitCast || len(x.Args) == 0 {
				return e
			}
			e = x.Args[0]
		case *tree.RelabelType:
			if x.Form != tree.CoerceImplicitCast {
				return e
			}
			e = x.Arg
		default:
			return e
		}
	}
}

// checkTypeDependents refuses to change a column that a view or generated column uses.
func (a *alteration) checkTypeDependents(rel *catalog.Relation, att int) {
	for _, d := range a.Overlay.Dependents(catalog.ClassRelation, a.oid, att) {
		at := address{d.Class, d.OID, d.Sub}
		switch d.Class {
		case catalog.ClassRewrite:
			fail(pgerr.New(pgerr.FeatureNotSupported, "cannot alter type of a column used by a view or rule").
				WithDetail("%s depends on column \"%s\"", a.describe(at), rel.Columns[att-1].Name))
		case catalog.ClassAttrDef:
			if t, n := a.Overlay.DefaultByOID(d.OID); t != nil && n != att {
				fail(pgerr.New(pgerr.SyntaxError, "cannot alter type of a column used by a generated column").
					WithDetail("Column \"%s\" is used by generated column \"%s\".", rel.Columns[att-1].Name, t.Columns[n-1].Name))
			}
		}
	}
	for _, d := range a.Overlay.Dependents(catalog.ClassType, rel.RowType, 0) {
		if t := a.Overlay.Relation(d.OID); d.Class == catalog.ClassRelation && t != nil && t.OID != a.oid && d.Sub > 0 {
			failf(pgerr.FeatureNotSupported, "cannot alter table \"%s\" because column \"%s.%s\" uses its row type", rel.Name, t.Name, t.Columns[d.Sub-1].Name)
		}
	}
}

// retypeDependents makes the checks and indexes over a column fit its new type. Their expressions are stored analyzed, so that those over the changed column
// are made again from their text.
func (a *alteration) retypeDependents(old *catalog.Relation, att int) {
	now := a.now()
	for i := range now.Constraints {
		c := now.Constraints[i]
		if c.Type == 'c' && slices.Contains(c.Cols, att) {
			e := a.again(decode(c.Expr), old, analyze.ExprCheck)
			a.change(a.oid, func(rel *catalog.Relation) { rel.Constraints[i].Expr = tree.Encode(e) })
			a.checks = append(a.checks, c.OID)
		}
		if c.Type == 'f' && slices.Contains(c.Cols, att) {
			a.constrain = append(a.constrain, func() {
				a.change(a.oid, func(rel *catalog.Relation) {
					c := &rel.Constraints[i]
					c.EqOps = nil
					a.equalityOperators(c, rel, a.rel(c.RefRel))
				})
				a.foreign = append(a.foreign, c.OID)
			})
		}
	}
	for _, oid := range now.Indexes {
		x := a.rel(oid)
		uses := false
		for _, k := range x.Index.Keys {
			uses = uses || k.Att == att || k.Att == 0 && slices.Contains(exprCols(decode(k.Expr)), att)
		}
		if !uses && (x.Index.Predicate == nil || !slices.Contains(exprCols(decode(x.Index.Predicate)), att)) {
			continue
		}
		a.retypeIndex(oid, old, att)
	}
	a.touch(a.oid)
}

func (a *alteration) retypeIndex(oid types.OID, old *catalog.Relation, att int) {
	col := a.now().Columns[att-1]
	a.change(oid, func(x *catalog.Relation) {
		for i := range x.Index.Keys {
			k := &x.Index.Keys[i]
			switch {
			case k.Att == att:
				k.T, k.Collation = col.T, col.Collation
			case k.Att == 0 && slices.Contains(exprCols(decode(k.Expr)), att):
				e := a.again(decode(k.Expr), old, analyze.ExprIndex)
				k.Expr, k.T, k.Collation = tree.Encode(e), e.Type(), e.Collation()
			default:
				continue
			}
			x.Columns[i].T, x.Columns[i].Collation = k.T, k.Collation
			k.OpClass = a.defaultOpClass(k.T, x.Index.Method)
		}
		if x.Index.Predicate != nil {
			x.Index.Predicate = tree.Encode(a.again(decode(x.Index.Predicate), old, analyze.ExprIndexPredicate))
		}
		x.Storage = a.storage()
	})
	a.rebuild = append(a.rebuild, oid)
}

// again deparses a stored expression over the old columns and analyzes it over the new ones.
func (a *alteration) again(e tree.Expr, old *catalog.Relation, kind analyze.ExprKind) tree.Expr {
	if a.Deparse == nil {
		fail(pgerr.Internal("cannot print expressions here"))
	}
	mark := a.Overlay.Mark()
	now := a.now()
	a.Overlay.Put(editRelation(old))
	text := a.Deparse(e, a.oid)
	a.Overlay.RollbackTo(mark)
	n, err := parser.ParseExpr(text)
	must(err)
	return a.analyzeExpr(n, kind, analyze.ExprScope{Relation: now})
}

// statisticsTargetMax is the largest number of buckets that ANALYZE can be told to make of a column.
const statisticsTargetMax = 10000

// setStatistics is ALTER COLUMN ... SET STATISTICS. A column of an index is given by number, and must be an expression.
func (a *alteration) setStatistics(c *pg.AlterTableCmd) {
	v := int32(c.Def.GetInteger().GetIval())
	switch {
	case v < -1:
		failf(pgerr.InvalidParameterValue, "statistics target %d is too low", v)
	case v > statisticsTargetMax:
		v = statisticsTargetMax
		a.note(pgerr.Warn(pgerr.InvalidParameterValue, "lowering statistics target to %d", v))
	}
	rel := a.now()
	att := int(c.Num)
	if c.Name != "" {
		att = a.column(c.Name)
	} else if rel.Index == nil {
		failf(pgerr.FeatureNotSupported, "cannot refer to non-index column by number")
	}
	if att < 1 || att > len(rel.Columns) {
		failf(pgerr.UndefinedColumn, "column number %d of relation \"%s\" does not exist", att, rel.Name)
	}
	if x := rel.Index; x != nil {
		name := rel.Columns[att-1].Name
		if att > len(x.Keys) {
			failf(pgerr.FeatureNotSupported, "cannot alter statistics on included column \"%s\" of index \"%s\"", name, rel.Name)
		}
		if x.Keys[att-1].Att != 0 {
			fail(pgerr.Newf(pgerr.FeatureNotSupported, "cannot alter statistics on non-expression column \"%s\" of index \"%s\"", name, rel.Name).
				WithHint("Alter statistics on table column instead."))
		}
	}
	a.edit(att, func(c *catalog.Column) { c.StatTarget = v })
}
