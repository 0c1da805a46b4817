package catalog

import (
	"slices"
	"strconv"
	"strings"

	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// infoTables are the views of information_schema over relations and their columns. Their rows are computed from descriptors, with the visibility rules of the
// standard: an object shows to its owner and to whom some privilege on it was granted.
var infoTables = map[string]func() vtable{
	"information_schema.tables": infoTablesView, "information_schema.columns": infoColumns, "information_schema.views": infoViews,
	"information_schema.schemata": infoSchemata, "information_schema.sequences": infoSequences,
	"information_schema.information_schema_catalog_name": infoCatalogName, "information_schema.table_privileges": infoTablePrivileges(false),
	"information_schema.role_table_grants": infoTablePrivileges(true), "information_schema.column_privileges": infoColumnPrivileges(false),
	"information_schema.role_column_grants": infoColumnPrivileges(true), "information_schema.character_sets": infoCharacterSets,
	"information_schema.collations": infoCollations, "information_schema.enabled_roles": infoEnabledRoles,
	"information_schema.applicable_roles":                  infoApplicableRoles(false),
	"information_schema.administrable_role_authorizations": infoApplicableRoles(true),
	"information_schema.view_table_usage":                  infoViewTableUsage, "information_schema.view_column_usage": infoViewColumnUsage,
	"information_schema.column_domain_usage": infoColumnDomainUsage, "information_schema.column_udt_usage": infoColumnUdtUsage,
}

func yesNo(b bool) types.Datum {
	if b {
		return types.Str("YES")
	}
	return types.Str("NO")
}

// catalogName is the database's name: every *_catalog column.
func catalogName(e *Env) types.Datum { return databaseName(e, e.b().DatabaseOID()) }

// hasRole reports whether the current role has a role's privileges: pg_has_role(role, 'USAGE').
func (e *Env) hasRole(role types.OID) bool {
	r := e.b().Role(e.User)
	return r == nil || r.Super || slices.Contains(MemberOf(e.Reader, e.User, true), role)
}

// mayUse reports whether the current role owns a relation or holds one of the privileges on it, or one of columnPrivs on a column.
func (e *Env) mayUse(r *Relation, privs, columnPrivs uint32) bool {
	if e.hasRole(r.Owner) || hasRelPriv(e, r, privs) {
		return true
	}
	for i := range r.Columns {
		if acl := r.Columns[i].ACL; acl != nil && HasPrivs(e.Reader, e.User, r.Owner, acl, columnPrivs, false, true) {
			return true
		}
	}
	return false
}

// mayUseColumn is mayUse for one column.
func (e *Env) mayUseColumn(r *Relation, att int, privs uint32) bool {
	if e.hasRole(r.Owner) || hasRelPriv(e, r, privs) {
		return true
	}
	acl := r.Columns[att-1].ACL
	return acl != nil && HasPrivs(e.Reader, e.User, r.Owner, acl, privs, false, true)
}

// otherTemp reports whether a schema holds another session's temporary tables.
func (e *Env) otherTemp(schema types.OID) bool {
	if schema == e.TempSchema && schema != 0 {
		return false
	}
	n := e.b().Schema(schema)
	return n != nil && (strings.HasPrefix(n.Name, "pg_temp_") || strings.HasPrefix(n.Name, "pg_toast_temp_"))
}

// eachInfoRelation emits relations of some kinds that the constraints on two columns (schema, name) leave.
func eachInfoRelation(s *scan, schemaCol, nameCol, kinds string, emit func(*Relation)) {
	classView(schemaCol, nameCol, kinds)(s, func(c classRow) {
		r := c.r
		if r == nil {
			r = BuiltinRelation(c.c.oid)
		}
		if r != nil && !s.otherTemp(r.Schema) {
			emit(r)
		}
	})
}

type relFn = func(*Env, *Relation) types.Datum

func infoName(e *Env, r *Relation) types.Datum    { return types.Str(r.Name) }
func infoSchema(e *Env, r *Relation) types.Datum  { return schemaName_(e, r.Schema) }
func infoCatalog(e *Env, r *Relation) types.Datum { return catalogName(e) }

func infoTablesView() vtable {
	return table[*Relation]{
		rows: func(s *scan, emit func(*Relation)) {
			eachInfoRelation(s, "table_schema", "table_name", "rvp", func(r *Relation) {
				if s.mayUse(r, AllTable, AllColumn) {
					emit(r)
				}
			})
		},
		cols: map[string]relFn{
			"table_catalog": infoCatalog, "table_schema": infoSchema, "table_name": infoName,
			"table_type": func(e *Env, r *Relation) types.Datum {
				switch {
				case r.Schema == e.TempSchema && r.Schema != 0:
					return types.Str("LOCAL TEMPORARY")
				case r.RelKind == 'v':
					return types.Str("VIEW")
				}
				return types.Str("BASE TABLE")
			},
			"is_insertable_into": func(e *Env, r *Relation) types.Datum {
				return yesNo(r.RelKind != 'v' || viewUpdatable(e.b(), r, 0))
			},
			"is_typed": constCol[*Relation](types.Str("NO")),
			"commit_action": func(e *Env, r *Relation) types.Datum {
				if r.Schema == e.TempSchema && r.Schema != 0 {
					return types.Str("PRESERVE")
				}
				return types.NullDatum
			},
		},
	}
}

// UpdatableBits is pg_relation_is_updatable: the sum of 4 (UPDATE), 8 (INSERT) and 16 (DELETE) for what a relation accepts.
func UpdatableBits(b *Bound, oid types.OID) int {
	r := b.Relation(oid)
	if r == nil {
		return 0
	}
	switch r.RelKind {
	case 'r', 'p':
		return 28
	case 'v':
		if viewUpdatable(b, r, 0) {
			return 28
		}
	}
	return 0
}

// ColumnUpdatable is pg_column_is_updatable.
func ColumnUpdatable(b *Bound, oid types.OID, att int) bool {
	r := b.Relation(oid)
	if r == nil || att <= 0 {
		return false
	}
	return r.RelKind == 'r' || r.RelKind == 'p' || r.RelKind == 'v' && viewUpdatable(b, r, att)
}

// viewDepthMax bounds chains of views over views that are looked through.
const viewDepthMax = 100

// viewUpdatable reports whether a view can be updated: it selects from one table or updatable view, without grouping, limits and the like. With att > 0, whether
// that column is a plain column of it; else whether any is.
func viewUpdatable(b *Bound, r *Relation, att int) bool {
	for range viewDepthMax {
		if r == nil || r.View == nil {
			return r != nil && (r.RelKind == 'r' || r.RelKind == 'p') && r.OID >= FirstNormalOID
		}
		q, err := tree.DecodeQuery(r.View.Query)
		if err != nil || q == nil || q.Cmd != tree.CmdSelect || len(q.Distinct)+len(q.GroupBy)+len(q.GroupingSets)+len(q.CTEs) > 0 || q.Having != nil || q.SetOp != nil ||
			q.LimitCount != nil || q.LimitOffset != nil || q.HasAggs || q.HasWindow || q.HasTargetSRF || q.From == nil || len(q.From.List) != 1 {
			return false
		}
		ref, ok := q.From.List[0].(*tree.RangeRef)
		if !ok || q.RTable[ref.Index-1].Kind != tree.RTERelation {
			return false
		}
		next := 0
		for i := range q.Target {
			if v, ok := q.Target[i].Expr.(*tree.Var); ok && v.AttNo > 0 && v.VarNo == ref.Index && v.LevelsUp == 0 && (att == 0 || i == att-1) {
				next = v.AttNo
				break
			}
		}
		if next == 0 {
			return false
		}
		if att != 0 {
			att = next
		}
		r = b.Relation(q.RTable[ref.Index-1].RelID)
	}
	return false
}

func infoViews() vtable {
	return table[*Relation]{
		rows: func(s *scan, emit func(*Relation)) {
			eachInfoRelation(s, "table_schema", "table_name", "v", func(r *Relation) {
				if s.mayUse(r, AllTable, AllColumn) {
					emit(r)
				}
			})
		},
		cols: map[string]relFn{
			"table_catalog": infoCatalog, "table_schema": infoSchema, "table_name": infoName,
			"view_definition": func(e *Env, r *Relation) types.Datum {
				if !e.hasRole(r.Owner) {
					return types.NullDatum
				}
				if r.OID < FirstNormalOID {
					return textOrNull(BuiltinViewText(r.OID))
				}
				return viewText(e, classRow{r: r})
			},
			"check_option": func(e *Env, r *Relation) types.Datum {
				if r.View != nil {
					switch r.View.CheckOption {
					case 'l':
						return types.Str("LOCAL")
					case 'c':
						return types.Str("CASCADED")
					}
				}
				return types.Str("NONE")
			},
			"is_updatable":         func(e *Env, r *Relation) types.Datum { return yesNo(viewUpdatable(e.b(), r, 0)) },
			"is_insertable_into":   func(e *Env, r *Relation) types.Datum { return yesNo(viewUpdatable(e.b(), r, 0)) },
			"is_trigger_updatable": constCol[*Relation](types.Str("NO")), "is_trigger_deletable": constCol[*Relation](types.Str("NO")),
			"is_trigger_insertable_into": constCol[*Relation](types.Str("NO")),
		},
	}
}

// trueType looks through a domain to the type and modifier that the standard's columns describe.
func trueType(e *Env, t types.T) types.T {
	if ty := types.Lookup(&types.Ctx{Types: e.Reader}, t.OID); ty != nil && ty.Kind == types.KindDomain {
		return types.T{OID: ty.Base, Mod: ty.BaseMod}
	}
	return t
}

// InfoTypeFuncs are the functions of information_schema that describe a type with its modifier, by OID; ok is false for NULL.
var InfoTypeFuncs = map[types.OID]func(oid types.OID, mod int32) (n int64, ok bool){
	13212: charMaxLength, 13213: charOctetLength, 13215: numericPrecision, 13216: numericRadix, 13217: numericScale, 13218: datetimePrecision,
}

// infoType makes the columns that describe a type: of a table's column, a domain, an attribute. prefix is that of the udt columns.
func infoType[R any](t func(e *Env, r R) types.T, cols map[string]func(*Env, R) types.Datum) {
	num := func(f func(oid types.OID, mod int32) (int64, bool)) func(*Env, R) types.Datum {
		return func(e *Env, r R) types.Datum {
			x := trueType(e, t(e, r))
			if n, ok := f(x.OID, x.Mod); ok {
				return types.Int(n)
			}
			return types.NullDatum
		}
	}
	cols["data_type"] = func(e *Env, r R) types.Datum { return types.Str(infoTypeName(e, t(e, r))) }
	cols["character_maximum_length"] = num(charMaxLength)
	cols["character_octet_length"] = num(charOctetLength)
	cols["numeric_precision"] = num(numericPrecision)
	cols["numeric_precision_radix"] = num(numericRadix)
	cols["numeric_scale"] = num(numericScale)
	cols["datetime_precision"] = num(datetimePrecision)
	cols["interval_type"] = func(e *Env, r R) types.Datum { return textOrNull(IntervalType(trueType(e, t(e, r)))) }
}

// IntervalType names the fields that an interval type is restricted to, "" for any other type.
func IntervalType(t types.T) string {
	if t.OID != types.OIDInterval {
		return ""
	}
	return strings.ToUpper(strings.TrimLeft(strings.TrimPrefix(types.FormatType(nil, t.OID, t.Mod), "interval"), "()0123456789 "))
}

// infoTypeName is ARRAY for arrays, SQL's name for built-in types, USER-DEFINED for the rest; a domain counts as what it is over.
func infoTypeName(e *Env, t types.T) string {
	ctx := &types.Ctx{Types: e.Reader}
	ty := types.Lookup(ctx, t.OID)
	if ty != nil && ty.Kind == types.KindDomain {
		t.OID = ty.Base
		ty = types.Lookup(ctx, t.OID)
	}
	switch {
	case ty == nil:
		return "USER-DEFINED"
	case ty.Elem != 0 && ty.Len == -1:
		return "ARRAY"
	case ty.Namespace == PgCatalogOID:
		return types.FormatTypeName(ctx, t.OID)
	}
	return "USER-DEFINED"
}

func charMaxLength(oid types.OID, mod int32) (int64, bool) {
	switch {
	case mod == -1:
		return 0, false
	case oid == types.OIDBpchar || oid == types.OIDVarchar:
		return int64(mod - 4), true
	case oid == types.OIDBit || oid == types.OIDVarbit:
		return int64(mod), true
	}
	return 0, false
}

func charOctetLength(oid types.OID, mod int32) (int64, bool) {
	switch oid {
	case types.OIDText, types.OIDBpchar, types.OIDVarchar:
		if mod == -1 {
			return 1 << 30, true
		}
		n, ok := charMaxLength(oid, mod)
		return n * 4, ok
	}
	return 0, false
}

func numericRadix(oid types.OID, _ int32) (int64, bool) {
	switch oid {
	case types.OIDInt2, types.OIDInt4, types.OIDInt8, types.OIDFloat4, types.OIDFloat8:
		return 2, true
	case types.OIDNumeric:
		return 10, true
	}
	return 0, false
}

func numericScale(oid types.OID, mod int32) (int64, bool) {
	switch oid {
	case types.OIDInt2, types.OIDInt4, types.OIDInt8:
		return 0, true
	case types.OIDNumeric:
		return int64(mod-4) & 0xffff, mod != -1
	}
	return 0, false
}

func datetimePrecision(oid types.OID, mod int32) (int64, bool) {
	switch oid {
	case types.OIDDate:
		return 0, true
	case types.OIDTime, types.OIDTimestamp, types.OIDTimestamptz, types.OIDTimetz:
		if mod < 0 {
			return 6, true
		}
		return int64(mod), true
	case types.OIDInterval:
		if mod < 0 || mod&0xffff == 0xffff {
			return 6, true
		}
		return int64(mod & 0xffff), true
	}
	return 0, false
}

func numericPrecision(oid types.OID, mod int32) (int64, bool) {
	switch oid {
	case types.OIDInt2:
		return 16, true
	case types.OIDInt4:
		return 32, true
	case types.OIDInt8:
		return 64, true
	case types.OIDNumeric:
		return int64(mod-4) >> 16 & 0xffff, mod != -1
	case types.OIDFloat4:
		return 24, true
	case types.OIDFloat8:
		return 53, true
	}
	return 0, false
}

// udt gives a type's own name and schema; a domain counts as what it is over.
func udt(e *Env, t types.T) *types.Type {
	ctx := &types.Ctx{Types: e.Reader}
	ty := types.Lookup(ctx, t.OID)
	if ty != nil && ty.Kind == types.KindDomain {
		ty = types.Lookup(ctx, ty.Base)
	}
	return ty
}

// infoCollation adds the collation columns: NULL for the default collation.
func infoCollation[R any](coll func(e *Env, r R) types.OID, cols map[string]func(*Env, R) types.Datum) {
	find := func(e *Env, r R) *Collation {
		if oid := coll(e, r); oid != DefaultCollationOID {
			return e.b().Collation(oid)
		}
		return nil
	}
	cols["collation_catalog"] = func(e *Env, r R) types.Datum {
		if find(e, r) == nil {
			return types.NullDatum
		}
		return catalogName(e)
	}
	cols["collation_schema"] = func(e *Env, r R) types.Datum {
		if c := find(e, r); c != nil {
			return schemaName_(e, c.Namespace)
		}
		return types.NullDatum
	}
	cols["collation_name"] = func(e *Env, r R) types.Datum {
		if c := find(e, r); c != nil {
			return types.Str(c.Name)
		}
		return types.NullDatum
	}
}

// infoUdt adds the columns udt_catalog, udt_schema and udt_name with a prefix.
func infoUdt[R any](prefix string, t func(e *Env, r R) types.T, cols map[string]func(*Env, R) types.Datum) {
	cols[prefix+"udt_catalog"] = func(e *Env, r R) types.Datum { return catalogName(e) }
	cols[prefix+"udt_schema"] = func(e *Env, r R) types.Datum {
		if ty := udt(e, t(e, r)); ty != nil {
			return schemaName_(e, ty.Namespace)
		}
		return types.NullDatum
	}
	cols[prefix+"udt_name"] = func(e *Env, r R) types.Datum {
		if ty := udt(e, t(e, r)); ty != nil {
			return types.Str(ty.Name)
		}
		return types.NullDatum
	}
}

type colFn = func(*Env, colRow) types.Datum

// eachInfoColumn emits the visible columns of tables and views.
func eachInfoColumn(s *scan, emit func(colRow)) {
	names, byName := s.names("column_name")
	eachInfoRelation(s, "table_schema", "table_name", "rvp", func(r *Relation) {
		for i := range r.Columns {
			c := &r.Columns[i]
			if !c.Dropped && (!byName || slices.Contains(names, c.Name)) && s.mayUseColumn(r, i+1, AllColumn) {
				emit(colRow{r, i + 1})
			}
		}
	})
}

func colType(e *Env, c colRow) types.T { return c.col().T }

// tableNames adds the columns that name a column's table.
func tableNames(cols map[string]colFn) map[string]colFn {
	cols["table_catalog"] = func(e *Env, c colRow) types.Datum { return catalogName(e) }
	cols["table_schema"] = func(e *Env, c colRow) types.Datum { return schemaName_(e, c.r.Schema) }
	cols["table_name"] = func(e *Env, c colRow) types.Datum { return types.Str(c.r.Name) }
	cols["column_name"] = func(e *Env, c colRow) types.Datum { return types.Str(c.col().Name) }
	return cols
}

func infoColumns() vtable {
	domain := func(f func(e *Env, t *types.Type) types.Datum) colFn {
		return func(e *Env, c colRow) types.Datum {
			if t := e.b().TypeByOID(c.col().T.OID); t != nil && t.Kind == types.KindDomain {
				return f(e, t)
			}
			return types.NullDatum
		}
	}
	identity := func(f func(q *Sequence) types.Datum) colFn {
		return func(e *Env, c colRow) types.Datum {
			if c.col().Identity != 0 {
				if s := e.b().Relation(c.col().IdentitySeq); s != nil && s.Sequence != nil {
					return f(s.Sequence)
				}
			}
			return types.NullDatum
		}
	}
	text := func(n int64) types.Datum { return types.Str(strconv.FormatInt(n, 10)) }
	expr := func(e *Env, c colRow) types.Datum {
		if c.col().Default == nil || e.Deparse == nil {
			return types.NullDatum
		}
		return textOrNull(e.Deparse.Expr(e.b(), c.col().Default, c.r.OID))
	}
	cols := tableNames(map[string]colFn{
		"ordinal_position": func(e *Env, c colRow) types.Datum { return intDatum(c.att) },
		"column_default": func(e *Env, c colRow) types.Datum {
			if c.col().Generated != 0 {
				return types.NullDatum
			}
			return expr(e, c)
		},
		"is_nullable": func(e *Env, c colRow) types.Datum {
			t := e.b().TypeByOID(c.col().T.OID)
			return yesNo(!c.col().NotNull && !(t != nil && t.Kind == types.KindDomain && t.NotNull))
		},
		"domain_catalog":      domain(func(e *Env, t *types.Type) types.Datum { return catalogName(e) }),
		"domain_schema":       domain(func(e *Env, t *types.Type) types.Datum { return schemaName_(e, t.Namespace) }),
		"domain_name":         domain(func(e *Env, t *types.Type) types.Datum { return types.Str(t.Name) }),
		"dtd_identifier":      func(e *Env, c colRow) types.Datum { return types.Str(itoa(c.att)) },
		"is_self_referencing": constCol[colRow](types.Str("NO")),
		"is_identity":         func(e *Env, c colRow) types.Datum { return yesNo(c.col().Identity != 0) },
		"identity_generation": func(e *Env, c colRow) types.Datum {
			switch c.col().Identity {
			case 'a':
				return types.Str("ALWAYS")
			case 'd':
				return types.Str("BY DEFAULT")
			}
			return types.NullDatum
		},
		"identity_start":     identity(func(q *Sequence) types.Datum { return text(q.Start) }),
		"identity_increment": identity(func(q *Sequence) types.Datum { return text(q.Increment) }),
		"identity_maximum":   identity(func(q *Sequence) types.Datum { return text(q.Max) }),
		"identity_minimum":   identity(func(q *Sequence) types.Datum { return text(q.Min) }),
		"identity_cycle": func(e *Env, c colRow) types.Datum {
			s := e.b().Relation(c.col().IdentitySeq)
			return yesNo(c.col().Identity != 0 && s != nil && s.Sequence != nil && s.Sequence.Cycle)
		},
		"is_generated": func(e *Env, c colRow) types.Datum {
			if c.col().Generated != 0 {
				return types.Str("ALWAYS")
			}
			return types.Str("NEVER")
		},
		"generation_expression": func(e *Env, c colRow) types.Datum {
			if c.col().Generated == 0 {
				return types.NullDatum
			}
			return expr(e, c)
		},
		"is_updatable": func(e *Env, c colRow) types.Datum {
			return yesNo(c.r.RelKind == 'r' || c.r.RelKind == 'p' || viewUpdatable(e.b(), c.r, c.att))
		},
	})
	infoType(colType, cols)
	infoUdt("", colType, cols)
	infoCollation(func(e *Env, c colRow) types.OID { return c.col().Collation }, cols)
	return table[colRow]{rows: eachInfoColumn, cols: cols}
}

func infoColumnDomainUsage() vtable {
	t := func(e *Env, c colRow) *types.Type { return e.b().TypeByOID(c.col().T.OID) }
	return table[colRow]{
		rows: func(s *scan, emit func(colRow)) {
			eachInfoColumn(s, func(c colRow) {
				if d := t(s.Env, c); d != nil && d.Kind == types.KindDomain && s.hasRole(d.Owner) {
					emit(c)
				}
			})
		},
		cols: tableNames(map[string]colFn{
			"domain_catalog": func(e *Env, c colRow) types.Datum { return catalogName(e) },
			"domain_schema":  func(e *Env, c colRow) types.Datum { return schemaName_(e, t(e, c).Namespace) },
			"domain_name":    func(e *Env, c colRow) types.Datum { return types.Str(t(e, c).Name) },
		}),
	}
}

func infoColumnUdtUsage() vtable {
	cols := tableNames(map[string]colFn{})
	infoUdt("", colType, cols)
	return table[colRow]{
		rows: func(s *scan, emit func(colRow)) {
			eachInfoColumn(s, func(c colRow) {
				if t := udt(s.Env, c.col().T); t != nil && s.hasRole(orOID(t.Owner, SuperuserOID)) {
					emit(c)
				}
			})
		},
		cols: cols,
	}
}

func infoSchemata() vtable {
	type fn = func(*Env, *Schema) types.Datum
	return table[*Schema]{
		rows: func(s *scan, emit func(*Schema)) {
			keep, _, _ := schemaFilter(s, "schema_name")
			for _, n := range s.b().Schemas() {
				if keep(n.OID) && (s.hasRole(n.Owner) || HasPrivs(s.Reader, s.User, n.Owner, aclOf(n.ACL, 'n', n.Owner), PrivCreate|PrivUsage, false, true)) {
					emit(n)
				}
			}
		},
		cols: map[string]fn{
			"catalog_name": func(e *Env, n *Schema) types.Datum { return catalogName(e) },
			"schema_name":  func(e *Env, n *Schema) types.Datum { return types.Str(n.Name) },
			"schema_owner": func(e *Env, n *Schema) types.Datum { return roleName_(e, n.Owner) },
		},
	}
}

func infoSequences() vtable {
	text := func(f func(q *Sequence) int64) relFn {
		return func(e *Env, r *Relation) types.Datum { return types.Str(strconv.FormatInt(f(r.Sequence), 10)) }
	}
	return table[*Relation]{
		rows: func(s *scan, emit func(*Relation)) {
			eachInfoRelation(s, "sequence_schema", "sequence_name", "S", func(r *Relation) {
				if r.Sequence != nil && !r.Sequence.Identity && s.mayUse(r, AllSequence, 0) {
					emit(r)
				}
			})
		},
		cols: map[string]relFn{
			"sequence_catalog": infoCatalog, "sequence_schema": infoSchema, "sequence_name": infoName,
			"data_type": func(e *Env, r *Relation) types.Datum { return types.Str(types.FormatTypeName(nil, r.Sequence.T)) },
			"numeric_precision": func(e *Env, r *Relation) types.Datum {
				n, _ := numericPrecision(r.Sequence.T, -1)
				return types.Int(n)
			},
			"numeric_precision_radix": constCol[*Relation](types.Int(2)), "numeric_scale": constCol[*Relation](types.Int(0)),
			"start_value":   text(func(q *Sequence) int64 { return q.Start }),
			"minimum_value": text(func(q *Sequence) int64 { return q.Min }),
			"maximum_value": text(func(q *Sequence) int64 { return q.Max }),
			"increment":     text(func(q *Sequence) int64 { return q.Increment }),
			"cycle_option":  func(e *Env, r *Relation) types.Datum { return yesNo(r.Sequence.Cycle) },
		},
	}
}

type none = struct{}

func single(cols map[string]func(*Env, none) types.Datum) vtable {
	return one(func(*Env) (none, bool) { return none{}, true }, cols)
}

func infoCatalogName() vtable {
	return single(map[string]func(*Env, none) types.Datum{"catalog_name": func(e *Env, _ none) types.Datum { return catalogName(e) }})
}

func infoCharacterSets() vtable {
	return single(map[string]func(*Env, none) types.Datum{
		"character_set_name": constCol[none](types.Str("UTF8")), "character_repertoire": constCol[none](types.Str("UCS")), "form_of_use": constCol[none](types.Str("UTF8")),
		"default_collate_catalog": func(e *Env, _ none) types.Datum { return catalogName(e) },
		"default_collate_schema":  constCol[none](types.Str("pg_catalog")), "default_collate_name": constCol[none](types.Str("C")),
	})
}

func infoCollations() vtable {
	return table[*Collation]{
		rows: func(s *scan, emit func(*Collation)) {
			for _, c := range builtinCollations() {
				emit(c)
			}
		},
		cols: map[string]func(*Env, *Collation) types.Datum{
			"collation_catalog": func(e *Env, c *Collation) types.Datum { return catalogName(e) },
			"collation_schema":  func(e *Env, c *Collation) types.Datum { return schemaName_(e, c.Namespace) },
			"collation_name":    func(e *Env, c *Collation) types.Datum { return types.Str(c.Name) },
			"pad_attribute":     constCol[*Collation](types.Str("NO PAD")),
		},
	}
}

func infoEnabledRoles() vtable {
	return table[*Role]{
		rows: func(s *scan, emit func(*Role)) {
			for _, r := range s.b().Roles() {
				if s.hasRole(r.OID) {
					emit(r)
				}
			}
		},
		cols: map[string]func(*Env, *Role) types.Datum{"role_name": func(e *Env, r *Role) types.Datum { return types.Str(r.Name) }},
	}
}

func infoApplicableRoles(adminOnly bool) func() vtable {
	return func() vtable {
		return table[memberRow]{
			rows: func(s *scan, emit func(memberRow)) {
				for _, r := range s.b().Roles() {
					if !s.hasRole(r.OID) {
						continue
					}
					for _, m := range r.MemberOf {
						if !adminOnly || m.Admin {
							emit(memberRow{r.OID, m})
						}
					}
				}
			},
			cols: map[string]func(*Env, memberRow) types.Datum{
				"grantee":      func(e *Env, r memberRow) types.Datum { return roleName_(e, r.member) },
				"role_name":    func(e *Env, r memberRow) types.Datum { return roleName_(e, r.m.Role) },
				"is_grantable": func(e *Env, r memberRow) types.Datum { return yesNo(r.m.Admin) },
			},
		}
	}
}

// grantRow is one privilege granted on a relation (att 0) or a column.
type grantRow struct {
	r                *Relation
	att              int
	grantor, grantee types.OID
	priv             int // bit number
	grantable        bool
}

// eachGrant emits the privileges among mask of a list of grants.
func eachGrant(r *Relation, att int, acl []ACLItem, mask uint32, emit func(grantRow)) {
	for _, a := range acl {
		if a.Columns != "" {
			continue
		}
		for bit := range PrivNames {
			if a.Privs&mask&(1<<bit) != 0 {
				emit(grantRow{r, att, a.Grantor, a.Grantee, bit, a.Options&(1<<bit) != 0})
			}
		}
	}
}

// grantVisible: grants show to the grantor and the grantee (roles of theirs included); those to PUBLIC to everybody, but not among role grants.
func grantVisible(e *Env, g grantRow, rolesOnly bool) bool {
	if g.grantee == 0 {
		return !rolesOnly
	}
	return e.hasRole(g.grantor) || e.hasRole(g.grantee)
}

func grantColumns(cols map[string]func(*Env, grantRow) types.Datum) map[string]func(*Env, grantRow) types.Datum {
	cols["grantor"] = func(e *Env, g grantRow) types.Datum { return roleName_(e, g.grantor) }
	cols["grantee"] = func(e *Env, g grantRow) types.Datum {
		if g.grantee == 0 {
			return types.Str("PUBLIC")
		}
		return roleName_(e, g.grantee)
	}
	cols["table_catalog"] = func(e *Env, g grantRow) types.Datum { return catalogName(e) }
	cols["table_schema"] = func(e *Env, g grantRow) types.Datum { return schemaName_(e, g.r.Schema) }
	cols["table_name"] = func(e *Env, g grantRow) types.Datum { return types.Str(g.r.Name) }
	cols["privilege_type"] = func(e *Env, g grantRow) types.Datum { return types.Str(PrivNames[g.priv]) }
	cols["is_grantable"] = func(e *Env, g grantRow) types.Datum {
		return yesNo(g.grantable || g.grantee != 0 && slices.Contains(MemberOf(e.Reader, g.grantee, true), g.r.Owner))
	}
	return cols
}

func infoTablePrivileges(rolesOnly bool) func() vtable {
	return func() vtable {
		return table[grantRow]{
			rows: func(s *scan, emit func(grantRow)) {
				eachInfoRelation(s, "table_schema", "table_name", "rvp", func(r *Relation) {
					eachGrant(r, 0, aclOf(r.ACL, 'r', r.Owner), AllTable, func(g grantRow) {
						if grantVisible(s.Env, g, rolesOnly) {
							emit(g)
						}
					})
				})
			},
			cols: grantColumns(map[string]func(*Env, grantRow) types.Datum{
				"with_hierarchy": func(e *Env, g grantRow) types.Datum { return yesNo(1<<g.priv == PrivSelect) },
			}),
		}
	}
}

func infoColumnPrivileges(rolesOnly bool) func() vtable {
	return func() vtable {
		return table[grantRow]{
			rows: func(s *scan, emit func(grantRow)) {
				eachInfoRelation(s, "table_schema", "table_name", "rvp", func(r *Relation) {
					for i := range r.Columns {
						if r.Columns[i].Dropped {
							continue
						}
						seen := map[grantRow]bool{}
						give := func(g grantRow) {
							if !seen[g] && grantVisible(s.Env, g, rolesOnly) {
								seen[g] = true
								emit(g)
							}
						}
						eachGrant(r, i+1, aclOf(r.ACL, 'r', r.Owner), AllColumn, give)
						eachGrant(r, i+1, r.Columns[i].ACL, AllColumn, give)
					}
				})
			},
			cols: grantColumns(map[string]func(*Env, grantRow) types.Datum{
				"column_name": func(e *Env, g grantRow) types.Datum { return types.Str(g.r.Columns[g.att-1].Name) },
			}),
		}
	}
}

// usageRow is a column (att 0: a table) that a view uses.
type usageRow struct {
	view, used *Relation
	att        int
}

// eachViewUse emits what the user's views depend on, once each.
func eachViewUse(s *scan, columns bool, emit func(usageRow)) {
	eachInfoRelation(s, "view_schema", "view_name", "v", func(v *Relation) {
		seen := map[usageRow]bool{}
		for _, d := range v.DependsOn {
			if d.Class != ClassRelation || columns && d.Sub == 0 {
				continue
			}
			u := usageRow{view: v, used: s.b().Relation(d.OID)}
			if columns {
				u.att = d.Sub
			}
			if u.used == nil || u.used == v || seen[u] || !s.hasRole(u.used.Owner) || u.att > len(u.used.Columns) {
				continue
			}
			seen[u] = true
			emit(u)
		}
	})
}

func usageColumns() map[string]func(*Env, usageRow) types.Datum {
	return map[string]func(*Env, usageRow) types.Datum{
		"view_catalog":  func(e *Env, u usageRow) types.Datum { return catalogName(e) },
		"view_schema":   func(e *Env, u usageRow) types.Datum { return schemaName_(e, u.view.Schema) },
		"view_name":     func(e *Env, u usageRow) types.Datum { return types.Str(u.view.Name) },
		"table_catalog": func(e *Env, u usageRow) types.Datum { return catalogName(e) },
		"table_schema":  func(e *Env, u usageRow) types.Datum { return schemaName_(e, u.used.Schema) },
		"table_name":    func(e *Env, u usageRow) types.Datum { return types.Str(u.used.Name) },
		"column_name": func(e *Env, u usageRow) types.Datum {
			if u.att <= 0 {
				return types.NullDatum
			}
			return types.Str(u.used.Columns[u.att-1].Name)
		},
	}
}

func infoViewTableUsage() vtable {
	return table[usageRow]{rows: func(s *scan, emit func(usageRow)) { eachViewUse(s, false, emit) }, cols: usageColumns()}
}

func infoViewColumnUsage() vtable {
	return table[usageRow]{rows: func(s *scan, emit func(usageRow)) { eachViewUse(s, true, emit) }, cols: usageColumns()}
}
