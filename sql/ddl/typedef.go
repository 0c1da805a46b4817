package ddl

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/analyze"
	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
	"kimberlite/txn"
)

// enumStep is the distance between the keys of neighbouring labels of a new enum: later labels fit in between.
const enumStep int64 = 1 << 32

// needType finds a type or fails.
func (r *runner) needType(names []*pg.Node) *types.Type {
	t := r.findType(names)
	if t == nil {
		failf(pgerr.UndefinedObject, "type \"%s\" does not exist", strings.Join(strs(names), "."))
	}
	return t
}

// changeType puts a changed copy of a user's type: a composite type's relation or a descriptor.
func (r *runner) changeType(t *types.Type, rel func(*catalog.Relation), desc func(*catalog.TypeDesc)) {
	if t.Kind == types.KindComposite && t.Relid != 0 {
		r.change(t.Relid, rel)
		return
	}
	d := r.Overlay.TypeDesc(t.OID)
	if d == nil {
		failf(pgerr.WrongObjectType, "cannot alter type %s", types.FormatTypeName(r.typeCtx(), t.OID))
	}
	c := *d
	c.Constraints = append([]catalog.Constraint(nil), d.Constraints...)
	c.Type.Labels = append([]types.EnumLabel(nil), d.Type.Labels...)
	desc(&c)
	r.Overlay.Put(&c)
}

// newType makes a type's descriptor.
func (r *runner) newType(names []*pg.Node) *catalog.TypeDesc {
	schema, name := r.creationName(names)
	if t := r.Overlay.TypeByName(schema, name); t != nil && !t.IsArray() {
		failf(pgerr.DuplicateObject, "type \"%s\" already exists", name)
	}
	d := &catalog.TypeDesc{Header: catalog.Header{OID: r.oid(), Database: r.Database, Name: name, Owner: r.User}}
	d.Type = types.Type{OID: d.OID, Name: name, Namespace: schema, Owner: r.User, Defined: true, Delim: ',', BaseMod: -1, Array: r.oid()}
	r.defaultGrants(&d.Header, schema, 'T')
	return d
}

// createEnum is CREATE TYPE ... AS ENUM.
func (r *runner) createEnum(n *pg.CreateEnumStmt) {
	d := r.newType(n.TypeName)
	t := &d.Type
	t.Kind, t.Category, t.Len, t.ByVal, t.Align, t.Storage, t.Class = types.KindEnum, 'E', 4, true, 'i', 'p', types.Fixed
	t.Input, t.Output, t.Receive, t.Send = 3506, 3507, 3532, 3533
	for i, v := range strs(n.Vals) {
		checkLabel(v)
		for _, l := range t.Labels {
			if l.Label == v {
				fail(pgerr.New(pgerr.UniqueViolation, "duplicate key value violates unique constraint \"pg_enum_typid_label_index\"").
					WithDetail("Key (enumtypid, enumlabel)=(%d, %s) already exists.", d.OID, v))
			}
		}
		t.Labels = append(t.Labels, types.EnumLabel{OID: r.oid(), Label: v, Key: int64(i+1) * enumStep})
	}
	r.Overlay.Put(d)
}

func checkLabel(v string) {
	if len(v) > maxNameLen {
		fail(pgerr.Newf(pgerr.InvalidName, "invalid enum label \"%s\"", v).WithDetail("Labels must be %d bytes or less.", maxNameLen))
	}
}

// alterEnum is ALTER TYPE ... ADD VALUE and RENAME VALUE.
func (r *runner) alterEnum(n *pg.AlterEnumStmt) {
	t := r.needType(n.TypeName)
	if t.Kind != types.KindEnum {
		failf(pgerr.WrongObjectType, "%s is not an enum", types.FormatTypeName(r.typeCtx(), t.OID))
	}
	r.mustOwnType(t)
	find := func(label string) int {
		for i := range t.Labels {
			if t.Labels[i].Label == label {
				return i
			}
		}
		return -1
	}
	if n.OldVal != "" {
		at := find(n.OldVal)
		if at < 0 {
			failf(pgerr.InvalidParameterValue, "\"%s\" is not an existing enum label", n.OldVal)
		}
		if find(n.NewVal) >= 0 {
			failf(pgerr.DuplicateObject, "enum label \"%s\" already exists", n.NewVal)
		}
		checkLabel(n.NewVal)
		r.changeType(t, nil, func(d *catalog.TypeDesc) { d.Type.Labels[at].Label = n.NewVal })
		return
	}
	checkLabel(n.NewVal)
	if find(n.NewVal) >= 0 {
		if n.SkipIfNewValExists {
			e := pgerr.Notice("enum label \"%s\" already exists, skipping", n.NewVal)
			e.Code = pgerr.DuplicateObject
			r.note(e)
			return
		}
		failf(pgerr.DuplicateObject, "enum label \"%s\" already exists", n.NewVal)
	}
	at := len(t.Labels)
	if n.NewValNeighbor != "" {
		if at = find(n.NewValNeighbor); at < 0 {
			failf(pgerr.InvalidParameterValue, "\"%s\" is not an existing enum label", n.NewValNeighbor)
		}
		if n.NewValIsAfter {
			at++
		}
	}
	key := labelKey(t.Labels, at)
	label := types.EnumLabel{OID: r.oid(), Label: n.NewVal, Key: key}
	r.changeType(t, nil, func(d *catalog.TypeDesc) {
		l := append(d.Type.Labels[:at:at], label)
		d.Type.Labels = append(l, t.Labels[at:]...)
	})
}

// labelKey is a sort key for a label at a place: values in tables keep theirs.
func labelKey(l []types.EnumLabel, at int) int64 {
	switch {
	case len(l) == 0:
		return enumStep
	case at == len(l):
		return l[at-1].Key + enumStep
	case at == 0:
		return l[0].Key - enumStep
	}
	lo, hi := l[at-1].Key, l[at].Key
	if hi-lo < 2 {
		fail(pgerr.Unsupported("another label between \""+l[at-1].Label+"\" and \""+l[at].Label+"\"", "Create a new type with the labels in order."))
	}
	return lo + (hi-lo)/2
}

// createComposite is CREATE TYPE ... AS (...).
func (r *runner) createComposite(n *pg.CompositeTypeStmt) {
	rv := n.Typevar
	schema, persistence := r.creation(rv)
	r.checkFree(schema, rv.Relname)
	if t := r.Overlay.TypeByName(schema, rv.Relname); t != nil && !t.IsArray() {
		failf(pgerr.DuplicateObject, "type \"%s\" already exists", rv.Relname)
	}
	t := &tableDef{rel: r.newRelation(rv.Relname, schema, 'c', persistence)}
	for _, c := range n.Coldeflist {
		r.addAttribute(t, c.GetColumnDef())
	}
	r.Overlay.Put(t.rel)
}

func (r *runner) addAttribute(t *tableDef, c *pg.ColumnDef) {
	r.typeOfUnplaced(c.TypeName) // serial, too: it is a type in tables only
	r.addColumn(t, c)
}

// alterComposite is ALTER TYPE ... ADD/DROP/ALTER ATTRIBUTE.
func (r *runner) alterComposite(n *pg.AlterTableStmt) {
	rel := r.lookup(n.Relation)
	if rel == nil || rel.RelKind != 'c' {
		t := r.findType(rangeVarNames(n.Relation))
		switch {
		case t == nil:
			failf(pgerr.UndefinedTable, "relation \"%s\" does not exist", n.Relation.Relname)
		default:
			failf(pgerr.WrongObjectType, "\"%s\" is not a composite type", n.Relation.Relname)
		}
	}
	r.mustOwn(rel)
	for _, c := range n.Cmds {
		r.attributeCommand(rel.OID, c.GetAlterTableCmd())
	}
}

func rangeVarNames(rv *pg.RangeVar) []*pg.Node {
	var out []*pg.Node
	for _, s := range []string{rv.Catalogname, rv.Schemaname, rv.Relname} {
		if s != "" {
			out = append(out, &pg.Node{Node: &pg.Node_String_{String_: &pg.String{Sval: s}}})
		}
	}
	return out
}

func (r *runner) attributeCommand(oid types.OID, c *pg.AlterTableCmd) {
	rel := r.rel(oid)
	if user := r.typeUser(rel.RowType); user != "" && c.Subtype != pg.AlterTableType_AT_ChangeOwner {
		failf(pgerr.FeatureNotSupported, "cannot alter type \"%s\" because column \"%s\" uses it", rel.Name, user)
	}
	switch c.Subtype {
	case pg.AlterTableType_AT_AddColumn:
		n := c.Def.GetColumnDef()
		if findColumn(rel, n.Colname) != 0 {
			failf(pgerr.DuplicateColumn, "column \"%s\" of relation \"%s\" already exists", n.Colname, rel.Name)
		}
		t := &tableDef{rel: editRelation(rel)}
		r.addAttribute(t, n)
		r.Overlay.Put(t.rel)
	case pg.AlterTableType_AT_DropColumn:
		att := findColumn(rel, c.Name)
		if att == 0 {
			if c.MissingOk {
				r.notice("column \"%s\" of relation \"%s\" does not exist, skipping", c.Name, rel.Name)
				return
			}
			failf(pgerr.UndefinedColumn, "column \"%s\" of relation \"%s\" does not exist", c.Name, rel.Name)
		}
		r.removeObjects([]address{{catalog.ClassRelation, oid, att}}, c.Behavior == pg.DropBehavior_DROP_CASCADE, false)
	case pg.AlterTableType_AT_AlterColumnType:
		att := findColumn(rel, c.Name)
		if att == 0 {
			failf(pgerr.UndefinedColumn, "column \"%s\" of relation \"%s\" does not exist", c.Name, rel.Name)
		}
		n := c.Def.GetColumnDef()
		t := r.typeOf(n.TypeName)
		r.checkColumnType(c.Name, t.OID)
		coll := r.collation(n.CollClause, t)
		r.change(oid, func(rel *catalog.Relation) { rel.Columns[att-1].T, rel.Columns[att-1].Collation = t, coll })
	case pg.AlterTableType_AT_ChangeOwner:
		role := r.roleSpec(c.Newowner)
		r.newOwner(role)
		r.change(oid, func(rel *catalog.Relation) { rel.Owner = role.OID })
	default:
		unsupported("this form of ALTER TYPE", "See the documentation for the forms that Kimberlite supports.")
	}
}

// typeUser names a column that uses a type (or its array, or a domain over it), "" when there is none.
func (r *runner) typeUser(t types.OID) string {
	seen := map[types.OID]bool{}
	var look func(t types.OID) string
	look = func(t types.OID) string {
		if seen[t] {
			return ""
		}
		seen[t] = true
		for _, d := range r.Overlay.Dependents(catalog.ClassType, t, 0) {
			switch d.Class {
			case catalog.ClassRelation:
				if rel := r.Overlay.Relation(d.OID); rel != nil && d.Sub > 0 && rel.RelKind != 'c' && rel.RowType != t {
					return rel.Name + "." + rel.Columns[d.Sub-1].Name
				}
			case catalog.ClassType:
				if s := look(d.OID); s != "" {
					return s
				}
			}
		}
		return ""
	}
	return look(t)
}

func (r *runner) renameType(n *pg.RenameStmt) {
	t := r.needType(n.Object.GetList().GetItems())
	if n.RenameType == pg.ObjectType_OBJECT_DOMAIN && t.Kind != types.KindDomain {
		failf(pgerr.WrongObjectType, "%s is not a domain", types.FormatTypeName(r.typeCtx(), t.OID))
	}
	r.mustOwnType(t)
	if t.Kind == types.KindComposite && r.rel(t.Relid).RelKind != 'c' {
		fail(pgerr.Newf(pgerr.WrongObjectType, "%s is a table's row type", types.FormatTypeName(r.typeCtx(), t.OID)).WithHint("Use ALTER TABLE instead."))
	}
	if r.Overlay.TypeByName(t.Namespace, n.Newname) != nil {
		failf(pgerr.DuplicateObject, "type \"%s\" already exists", n.Newname)
	}
	r.changeType(t, func(rel *catalog.Relation) { rel.Name = n.Newname }, func(d *catalog.TypeDesc) { d.Name, d.Type.Name = n.Newname, n.Newname })
}

// createDomain is CREATE DOMAIN.
func (r *runner) createDomain(n *pg.CreateDomainStmt) {
	r.textless = true
	base := r.typeOf(n.TypeName)
	bt := types.Lookup(r.typeCtx(), base.OID)
	if bt == nil || bt.Kind == types.KindPseudo {
		failf(pgerr.DatatypeMismatch, "\"%s\" is not a valid base type for a domain", r.typeName(base))
	}
	d := r.newType(n.Domainname)
	t := *bt
	t.OID, t.Name, t.Namespace, t.Owner, t.Array, t.Elem = d.OID, d.Name, d.Type.Namespace, d.Type.Owner, d.Type.Array, 0
	t.Kind, t.Base, t.BaseMod, t.NDims, t.Preferred = types.KindDomain, base.OID, base.Mod, int32(len(n.TypeName.ArrayBounds)), false
	t.Labels, t.Fields, t.Range, t.Default, t.NotNull, t.Relid = nil, nil, nil, "", false, 0
	t.Input, t.Receive, t.Subscript = 2597, 2598, 0
	t.Collation = r.collation(n.CollClause, base)
	d.Type = t
	if over := r.Overlay.TypeDesc(bt.OID); over != nil && bt.Kind == types.KindDomain {
		d.DefaultExpr, d.Type.Default = over.DefaultExpr, over.Type.Default // until it gets one of its own
	}
	r.Overlay.Put(d)
	sawNull, sawNot := false, false
	for _, x := range n.Constraints {
		c := x.GetConstraint()
		switch c.Contype {
		case pg.ConstrType_CONSTR_NOTNULL:
			if sawNull {
				failAt(c.Location, pgerr.SyntaxError, "conflicting NULL/NOT NULL constraints")
			}
			sawNot = true
			r.editDomain(d.OID, func(d *catalog.TypeDesc) { d.Type.NotNull = true })
		case pg.ConstrType_CONSTR_NULL:
			if sawNot {
				failAt(c.Location, pgerr.SyntaxError, "conflicting NULL/NOT NULL constraints")
			}
			sawNull = true
		case pg.ConstrType_CONSTR_DEFAULT:
			r.domainDefault(d.OID, c.RawExpr)
		case pg.ConstrType_CONSTR_CHECK:
			r.domainCheck(d.OID, c)
		case pg.ConstrType_CONSTR_PRIMARY, pg.ConstrType_CONSTR_UNIQUE:
			failAt(c.Location, pgerr.SyntaxError, "unique constraints not possible for domains")
		case pg.ConstrType_CONSTR_FOREIGN:
			failAt(c.Location, pgerr.SyntaxError, "foreign key constraints not possible for domains")
		case pg.ConstrType_CONSTR_EXCLUSION:
			failAt(c.Location, pgerr.SyntaxError, "exclusion constraints not possible for domains")
		default:
			failAt(c.Location, pgerr.FeatureNotSupported, "specifying constraint deferrability not supported for domains")
		}
	}
}

func (r *runner) editDomain(oid types.OID, f func(d *catalog.TypeDesc)) {
	r.changeType(r.Overlay.TypeByOID(oid), nil, f)
}

func domainBase(t *types.Type) types.T { return types.T{OID: t.Base, Mod: t.BaseMod} }

func (r *runner) domainDefault(oid types.OID, n *pg.Node) {
	t := r.Overlay.TypeByOID(oid)
	var e tree.Expr
	if n != nil {
		e = r.analyzeExpr(n, analyze.ExprDefault, analyze.ExprScope{Target: domainBase(t), Column: t.Name})
	}
	r.editDomain(oid, func(d *catalog.TypeDesc) {
		d.DefaultExpr, d.Type.Default = nil, ""
		if k, ok := e.(*tree.Const); e == nil || ok && k.Value.Null {
			return
		}
		d.DefaultExpr = tree.Encode(e)
		if r.Deparse != nil {
			d.Type.Default = r.Deparse(e, 0)
		}
		d.DependsOn = append(d.DependsOn, r.exprDeps(e, 0, catalog.DepNormal)...)
	})
}

func (r *runner) domainCheck(oid types.OID, c *pg.Constraint) *catalog.Constraint {
	d := r.Overlay.TypeDesc(oid)
	e := r.analyzeExpr(c.RawExpr, analyze.ExprDomainCheck, analyze.ExprScope{Value: domainBase(&d.Type)})
	name := c.Conname
	used := func(s string) bool {
		for i := range d.Constraints {
			if d.Constraints[i].Name == s {
				return true
			}
		}
		return false
	}
	if name == "" {
		name = r.chooseConstraintName(d.Name, "", "check", d.Type.Namespace, nil)
	} else if used(name) {
		failf(pgerr.DuplicateObject, "constraint \"%s\" for domain \"%s\" already exists", name, d.Name)
	}
	con := catalog.Constraint{OID: r.oid(), Name: name, Type: 'c', NotValid: c.SkipValidation, Expr: tree.Encode(e), Deps: r.exprDeps(e, 0, catalog.DepNormal)}
	r.editDomain(oid, func(d *catalog.TypeDesc) { d.Constraints = append(d.Constraints, con) })
	return &con
}

// alterDomain is ALTER DOMAIN.
func (r *runner) alterDomain(n *pg.AlterDomainStmt) {
	r.textless = true
	t := r.needType(n.TypeName)
	name := types.FormatTypeName(r.typeCtx(), t.OID)
	if t.Kind != types.KindDomain {
		failf(pgerr.WrongObjectType, "%s is not a domain", name)
	}
	r.mustOwnType(t)
	d := r.Overlay.TypeDesc(t.OID)
	find := func() *catalog.Constraint {
		for i := range d.Constraints {
			if d.Constraints[i].Name == n.Name {
				return &d.Constraints[i]
			}
		}
		return nil
	}
	missing := func() {
		failf(pgerr.UndefinedObject, "constraint \"%s\" of domain \"%s\" does not exist", n.Name, t.Name)
	}
	switch n.Subtype {
	case "T":
		r.domainDefault(t.OID, n.Def)
	case "N":
		r.editDomain(t.OID, func(d *catalog.TypeDesc) { d.Type.NotNull = false })
	case "O":
		r.domainRows(t, func(rel *catalog.Relation, att int) {
			if r.anyRow(rel, &tree.NullTest{Arg: columnVar(rel, att), Loc: -1}) {
				fail(pgerr.Newf(pgerr.NotNullViolation, "column \"%s\" of table \"%s\" contains null values", rel.Columns[att-1].Name, rel.Name))
			}
		})
		r.editDomain(t.OID, func(d *catalog.TypeDesc) { d.Type.NotNull = true })
	case "C":
		con := n.Def.GetConstraint()
		if con.Contype != pg.ConstrType_CONSTR_CHECK {
			failf(pgerr.SyntaxError, "only check constraints can be added to domains")
		}
		added := r.domainCheck(t.OID, con)
		if !con.SkipValidation {
			r.validateDomainCheck(t, added)
		}
	case "X":
		c := find()
		if c == nil {
			if !n.MissingOk {
				missing()
			}
			r.notice("constraint \"%s\" of domain \"%s\" does not exist, skipping", n.Name, t.Name)
			return
		}
		r.removeObjects([]address{{catalog.ClassConstraint, c.OID, 0}}, n.Behavior == pg.DropBehavior_DROP_CASCADE, false)
	case "V":
		c := find()
		if c == nil {
			missing()
		}
		r.validateDomainCheck(t, c)
		r.editDomain(t.OID, func(d *catalog.TypeDesc) {
			for i := range d.Constraints {
				if d.Constraints[i].Name == n.Name {
					d.Constraints[i].NotValid = false
				}
			}
		})
	}
}

// domainRows calls f for each table column of a domain, with the table locked.
func (r *runner) domainRows(t *types.Type, f func(rel *catalog.Relation, att int)) {
	for _, d := range r.Overlay.Dependents(catalog.ClassType, t.OID, 0) {
		if d.Class != catalog.ClassRelation || d.Sub == 0 {
			continue
		}
		rel := r.Overlay.Relation(d.OID)
		if rel == nil || rel.RelKind != 'r' && rel.RelKind != 'm' || rel.Columns[d.Sub-1].T.OID != t.OID {
			continue
		}
		r.lock(rel.OID, txn.Share)
		f(r.rel(rel.OID), d.Sub)
	}
}

// validateDomainCheck looks for values that violate a new check.
func (r *runner) validateDomainCheck(t *types.Type, c *catalog.Constraint) {
	r.domainRows(t, func(rel *catalog.Relation, att int) {
		v := columnVar(rel, att)
		e := tree.Mutate(decode(c.Expr), func(e tree.Expr) (tree.Expr, bool) {
			x, ok := e.(*tree.CoerceToDomainValue)
			if !ok {
				return e, false
			}
			return &tree.RelabelType{Arg: v, T: x.T, Coll: x.Coll, Loc: -1}, true
		})
		if r.anyRow(rel, &tree.BooleanTest{Kind: tree.IsFalse, Arg: e, Loc: -1}) {
			fail(pgerr.Newf(pgerr.CheckViolation, "column \"%s\" of table \"%s\" contains values that violate the new constraint", rel.Columns[att-1].Name, rel.Name).
				WithTable(r.schemaName(rel.Schema), rel.Name).WithColumn(rel.Columns[att-1].Name))
		}
	})
}

func (r *runner) renameDomainConstraint(n *pg.RenameStmt) {
	t := r.needType(n.Object.GetList().GetItems())
	r.mustOwnType(t)
	found := false
	r.changeType(t, nil, func(d *catalog.TypeDesc) {
		for i := range d.Constraints {
			if d.Constraints[i].Name == n.Subname {
				d.Constraints[i].Name, found = n.Newname, true
			}
		}
	})
	if !found {
		failf(pgerr.UndefinedObject, "constraint \"%s\" for domain %s does not exist", n.Subname, types.FormatTypeName(r.typeCtx(), t.OID))
	}
}
