package ddl

import (
	"slices"
	"strings"

	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
	"kimberlite/txn"
)

// addForeignKey adds a FOREIGN KEY constraint. fresh says that the table is new and empty.
func (r *runner) addForeignKey(table types.OID, c conSpec, fresh bool) {
	n := c.n
	rel := r.rel(table)
	var pk *catalog.Relation
	if n.Pktable.Schemaname == "" && n.Pktable.Relname == rel.Name && r.lookup(n.Pktable) == nil {
		pk = rel // a table of CREATE SCHEMA that refers to itself
	} else {
		pk = r.need(n.Pktable)
	}
	r.lock(pk.OID, txn.ShareRowExclusive)
	if pk.RelKind != 'r' {
		failf(pgerr.WrongObjectType, "referenced relation \"%s\" is not a table", pk.Name)
	}
	if pk.OID < catalog.FirstNormalOID {
		failf(pgerr.InsufficientPrivilege, "permission denied: \"%s\" is a system catalog", pk.Name)
	}
	checkPersistence(rel, pk)
	con := catalog.Constraint{
		Type: 'f', RefRel: pk.OID, Deferrable: n.Deferrable, Deferred: n.Initdeferred, NotValid: n.SkipValidation && !fresh,
		OnUpdate: action(n.FkUpdAction, 'a'), OnDelete: action(n.FkDelAction, 'a'), Match: action(n.FkMatchtype, 's'),
	}
	if con.Match == 'p' {
		failAt(n.Location, pgerr.FeatureNotSupported, "MATCH PARTIAL not yet implemented")
	}
	names := strs(n.FkAttrs)
	if c.column != "" && len(names) == 0 {
		names = []string{c.column}
	}
	con.Cols = r.keyAtts(rel, names)
	for _, s := range strs(n.FkDelSetCols) {
		a := r.keyAtts(rel, []string{s})[0]
		if !slices.Contains(con.Cols, a) {
			failf(pgerr.InvalidColumnReference, "column \"%s\" referenced in ON DELETE SET action must be part of foreign key", s)
		}
		con.DeleteSetCols = append(con.DeleteSetCols, a)
	}
	r.referencedKey(&con, pk, strs(n.PkAttrs))
	r.checkReferences(pk, con.RefCols)
	if len(con.Cols) != len(con.RefCols) {
		failf(pgerr.InvalidForeignKey, "number of referencing and referenced columns for foreign key disagree")
	}
	for _, a := range con.Cols {
		checkGeneratedAction(rel, a, &con)
	}
	con.OID, con.Name = r.oid(), n.Conname
	if con.Name == "" {
		con.Name = r.chooseConstraintName(rel.Name, clip(columnNames(rel, con.Cols, "_"), maxNameLen), "fkey", rel.Schema, nil)
	} else if findConstraint(rel, con.Name) != nil {
		failf(pgerr.DuplicateObject, "constraint \"%s\" for relation \"%s\" already exists", con.Name, rel.Name)
	}
	r.equalityOperators(&con, rel, pk)
	r.change(table, func(rel *catalog.Relation) { rel.Constraints = append(rel.Constraints, con) })
	if !fresh && !con.NotValid {
		r.validateForeignKey(r.rel(table), &con)
	}
}

// action reads a one-letter field of the parse tree.
func action(s string, none byte) byte {
	if s == "" {
		return none
	}
	return s[0]
}

func checkPersistence(rel, pk *catalog.Relation) {
	switch {
	case rel.Persistence == 'p' && pk.Persistence != 'p':
		failf(pgerr.InvalidTableDefinition, "constraints on permanent tables may reference only permanent tables")
	case rel.Persistence == 'u' && pk.Persistence == 't':
		failf(pgerr.InvalidTableDefinition, "constraints on unlogged tables may reference only permanent or unlogged tables")
	case rel.Persistence == 't' && pk.Persistence != 't':
		failf(pgerr.InvalidTableDefinition, "constraints on temporary tables may reference only temporary tables")
	}
}

func (r *runner) keyAtts(rel *catalog.Relation, names []string) []int {
	var out []int
	for _, name := range names {
		a := findColumn(rel, name)
		if a == 0 {
			if systemColumns[name] {
				failf(pgerr.FeatureNotSupported, "system columns cannot be used in foreign keys")
			}
			failf(pgerr.UndefinedColumn, "column \"%s\" referenced in foreign key constraint does not exist", name)
		}
		out = append(out, a)
	}
	if len(out) > maxIndexKeys {
		failf(pgerr.TooManyColumns, "cannot have more than %d keys in a foreign key", maxIndexKeys)
	}
	return out
}

// referencedKey finds the columns and the unique index that a foreign key refers to.
func (r *runner) referencedKey(con *catalog.Constraint, pk *catalog.Relation, names []string) {
	if len(names) == 0 {
		for _, oid := range pk.Indexes {
			ix := r.rel(oid).Index
			if !ix.Primary {
				continue
			}
			if !ix.Immediate {
				failf(pgerr.ObjectNotInPrerequisiteState, "cannot use a deferrable primary key for referenced table \"%s\"", pk.Name)
			}
			con.Index = oid
			for _, k := range ix.Keys {
				con.RefCols = append(con.RefCols, k.Att)
			}
			return
		}
		failf(pgerr.UndefinedObject, "there is no primary key for referenced table \"%s\"", pk.Name)
	}
	con.RefCols = r.keyAtts(pk, names)
	for i, a := range con.RefCols {
		if slices.Contains(con.RefCols[:i], a) {
			failf(pgerr.InvalidForeignKey, "foreign key referenced-columns list must not contain duplicates")
		}
	}
	deferrable := false
	for _, oid := range pk.Indexes {
		ix := r.rel(oid).Index
		if !ix.Unique || ix.Predicate != nil || len(ix.Keys) != len(con.RefCols) ||
			slices.ContainsFunc(ix.Keys, func(k catalog.IndexKey) bool { return !slices.Contains(con.RefCols, k.Att) }) {
			continue
		}
		if !ix.Immediate {
			deferrable = true
			continue
		}
		con.Index = oid
		return
	}
	if deferrable {
		failf(pgerr.ObjectNotInPrerequisiteState, "cannot use a deferrable unique constraint for referenced table \"%s\"", pk.Name)
	}
	failf(pgerr.InvalidForeignKey, "there is no unique constraint matching given keys for referenced table \"%s\"", pk.Name)
}

// checkReferences asks for the REFERENCES privilege on the referenced columns.
func (r *runner) checkReferences(pk *catalog.Relation, cols []int) {
	if catalog.HasPrivs(r.Overlay, r.User, pk.Owner, aclOr(pk.ACL, 'r', pk.Owner), catalog.PrivReferences, false, false) {
		return
	}
	for _, a := range cols {
		if !catalog.HasPrivs(r.Overlay, r.User, pk.Owner, pk.Columns[a-1].ACL, catalog.PrivReferences, false, false) {
			failf(pgerr.InsufficientPrivilege, "permission denied for table %s", pk.Name)
		}
	}
}

func checkGeneratedAction(rel *catalog.Relation, att int, con *catalog.Constraint) {
	if rel.Columns[att-1].Generated == 0 {
		return
	}
	if strings.IndexByte("ncd", con.OnUpdate) >= 0 {
		failf(pgerr.SyntaxError, "invalid %s action for foreign key constraint containing generated column", "ON UPDATE")
	}
	if strings.IndexByte("nd", con.OnDelete) >= 0 {
		failf(pgerr.SyntaxError, "invalid %s action for foreign key constraint containing generated column", "ON DELETE")
	}
}

// equalityOperators finds the operators that compare the referenced with the referencing columns.
func (r *runner) equalityOperators(con *catalog.Constraint, rel, pk *catalog.Relation) {
	ix := r.rel(con.Index).Index
	for i, a := range con.Cols {
		pkCol, fkCol := &pk.Columns[con.RefCols[i]-1], &rel.Columns[a-1]
		op := types.OID(0)
		for _, k := range ix.Keys {
			if class := catalog.OpClassByOID(k.OpClass); k.Att == con.RefCols[i] && class != nil {
				op = r.equality(class, pkCol.T.OID, fkCol.T.OID)
			}
		}
		if op == 0 {
			fail(pgerr.Newf(pgerr.DatatypeMismatch, "foreign key constraint \"%s\" cannot be implemented", con.Name).
				WithDetail("Key columns \"%s\" and \"%s\" are of incompatible types: %s and %s.", fkCol.Name, pkCol.Name,
					r.typeName(types.Of(fkCol.T.OID)), r.typeName(types.Of(pkCol.T.OID))))
		}
		con.EqOps = append(con.EqOps, op)
	}
}

// equality is the = of an operator class between a referenced and a referencing type, by an implicit cast of the latter where there is no operator
// for both.
func (r *runner) equality(class *catalog.OpClass, pkType, fkType types.OID) types.OID {
	ctx := r.typeCtx()
	pkBase, fkBase := types.BaseType(ctx, types.Of(pkType)).OID, types.BaseType(ctx, types.Of(fkType)).OID
	if op := catalog.FamilyOperator(class.Family, pkBase, fkBase, 3); op != 0 {
		return op
	}
	if op := catalog.FamilyOperator(class.Family, class.InType, fkBase, 3); op != 0 {
		return op
	}
	same := catalog.FamilyOperator(class.Family, class.InType, class.InType, 3)
	if pkBase == fkBase {
		return same
	}
	implicit := func(to types.OID) bool {
		c := catalog.BuiltinCast(fkBase, to)
		return c != nil && c.Context == 'i'
	}
	if implicit(class.InType) || implicit(pkBase) {
		return same
	}
	return 0
}

// validateForeignKey looks for rows without a referenced row.
func (r *runner) validateForeignKey(rel *catalog.Relation, con *catalog.Constraint) {
	pk := r.rel(con.RefRel)
	var cols, on, some []string
	for i, a := range con.Cols {
		f := "fk." + quote(rel.Columns[a-1].Name)
		cols = append(cols, f)
		on = append(on, "pk."+quote(pk.Columns[con.RefCols[i]-1].Name)+" = "+f)
		some = append(some, f+" IS NOT NULL")
	}
	word := " AND "
	if con.Match == 'f' {
		word = " OR "
	}
	sql := "SELECT " + strings.Join(cols, ", ") + " FROM ONLY " + r.Overlay.QualifiedName(rel) + " fk LEFT JOIN ONLY " + r.Overlay.QualifiedName(pk) +
		" pk ON " + strings.Join(on, " AND ") + " WHERE pk." + quote(pk.Columns[con.RefCols[0]-1].Name) + " IS NULL AND (" + strings.Join(some, word) + ") LIMIT 1"
	var bad []types.Datum
	_, err := r.RunSQL(sql, nil, nil, func(row []types.Datum) error { bad = slices.Clone(row); return nil })
	must(err)
	if bad == nil {
		return
	}
	e := pgerr.Newf(pgerr.ForeignKeyViolation, "insert or update on table \"%s\" violates foreign key constraint \"%s\"", rel.Name, con.Name).
		WithTable(r.schemaName(rel.Schema), rel.Name).WithConstraint(con.Name)
	values := make([]string, len(bad))
	for i, v := range bad {
		if v.Null {
			fail(e.WithDetail("MATCH FULL does not allow mixing of null and nonnull key values."))
		}
		values[i] = types.Text(r.typeCtx(), rel.Columns[con.Cols[i]-1].T, v)
	}
	fail(e.WithDetail("Key (%s)=(%s) is not present in table \"%s\".", columnNames(rel, con.Cols, ", "), strings.Join(values, ", "), pk.Name))
}
