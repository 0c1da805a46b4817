package catalog

import (
	"slices"
	"strings"

	"kimberlite/sql/types"
)

// infoTables2 are the views of information_schema over constraints, domains and routines.
var infoTables2 = map[string]func() vtable{
	"information_schema.table_constraints": infoTableConstraints, "information_schema.key_column_usage": infoKeyColumnUsage,
	"information_schema.constraint_column_usage": infoConstraintColumnUsage, "information_schema.constraint_table_usage": infoConstraintTableUsage,
	"information_schema.referential_constraints": infoReferentialConstraints, "information_schema.check_constraints": infoCheckConstraints,
	"information_schema.domains": infoDomains, "information_schema.domain_constraints": infoDomainConstraints,
	"information_schema.routines": infoRoutines, "information_schema.parameters": infoParameters, "information_schema.attributes": infoAttributes,
	"information_schema.user_defined_types": infoUserDefinedTypes, "information_schema.element_types": infoElementTypes,
}

// tableCon is a constraint of a table; a NOT NULL column counts as one (notNull is its number).
type tableCon struct {
	r       *Relation
	c       *Constraint
	notNull int
}

func (t tableCon) name() string {
	if t.c != nil {
		return t.c.Name
	}
	return utoa(t.r.Schema) + "_" + utoa(t.r.OID) + "_" + itoa(t.notNull) + "_not_null"
}

// eachTableCon emits the constraints of the types (and, with 'n', NOT NULL) on tables that keep accepts; schemaCol and nameCol name the table.
func eachTableCon(s *scan, kinds string, keep func(*Relation) bool, emit func(tableCon)) {
	names, byName := s.names("constraint_name")
	give := func(t tableCon) {
		if !byName || slices.Contains(names, t.name()) {
			emit(t)
		}
	}
	eachInfoRelation(s, "table_schema", "table_name", "rp", func(r *Relation) {
		if !keep(r) {
			return
		}
		for i := range r.Constraints {
			if strings.IndexByte(kinds, r.Constraints[i].Type) >= 0 {
				give(tableCon{r, &r.Constraints[i], 0})
			}
		}
		if strings.IndexByte(kinds, 'n') < 0 {
			return
		}
		for i := range r.Columns {
			if r.Columns[i].NotNull && !r.Columns[i].Dropped {
				give(tableCon{r, nil, i + 1})
			}
		}
	})
}

type conFn = func(*Env, tableCon) types.Datum

func conColumns(cols map[string]conFn) map[string]conFn {
	cols["constraint_catalog"] = func(e *Env, t tableCon) types.Datum { return catalogName(e) }
	cols["constraint_schema"] = func(e *Env, t tableCon) types.Datum { return schemaName_(e, t.r.Schema) }
	cols["constraint_name"] = func(e *Env, t tableCon) types.Datum { return types.Str(t.name()) }
	return cols
}

const privsBeyondSelect = AllTable &^ PrivSelect

func infoTableConstraints() vtable {
	flag := func(f func(c *Constraint) bool) conFn {
		return func(e *Env, t tableCon) types.Datum { return yesNo(t.c != nil && f(t.c)) }
	}
	return table[tableCon]{
		rows: func(s *scan, emit func(tableCon)) {
			eachTableCon(s, "pufcn", func(r *Relation) bool { return s.mayUse(r, privsBeyondSelect, PrivInsert|PrivUpdate|PrivReferences) }, emit)
		},
		cols: conColumns(map[string]conFn{
			"table_catalog": func(e *Env, t tableCon) types.Datum { return catalogName(e) },
			"table_schema":  func(e *Env, t tableCon) types.Datum { return schemaName_(e, t.r.Schema) },
			"table_name":    func(e *Env, t tableCon) types.Datum { return types.Str(t.r.Name) },
			"constraint_type": func(e *Env, t tableCon) types.Datum {
				if t.c != nil {
					switch t.c.Type {
					case 'p':
						return types.Str("PRIMARY KEY")
					case 'u':
						return types.Str("UNIQUE")
					case 'f':
						return types.Str("FOREIGN KEY")
					}
				}
				return types.Str("CHECK")
			},
			"is_deferrable":      flag(func(c *Constraint) bool { return c.Deferrable }),
			"initially_deferred": flag(func(c *Constraint) bool { return c.Deferred }),
			"enforced":           constCol[tableCon](types.Str("YES")),
			"nulls_distinct": func(e *Env, t tableCon) types.Datum {
				if t.c == nil || t.c.Type != 'u' {
					return types.NullDatum
				}
				ix := e.b().Relation(t.c.Index)
				return yesNo(ix == nil || ix.Index == nil || !ix.Index.NullsNotDistinct)
			},
		}),
	}
}

// keyCol is a column of a key.
type keyCol struct {
	tableCon
	pos int // from 0
}

func (k keyCol) att() int { return k.c.Cols[k.pos] }

func infoKeyColumnUsage() vtable {
	type fn = func(*Env, keyCol) types.Datum
	return table[keyCol]{
		rows: func(s *scan, emit func(keyCol)) {
			eachTableCon(s, "puf", func(*Relation) bool { return true }, func(t tableCon) {
				for i, a := range t.c.Cols {
					if a > 0 && a <= len(t.r.Columns) && s.mayUseColumn(t.r, a, AllColumn) {
						emit(keyCol{t, i})
					}
				}
			})
		},
		cols: map[string]fn{
			"constraint_catalog": func(e *Env, k keyCol) types.Datum { return catalogName(e) },
			"constraint_schema":  func(e *Env, k keyCol) types.Datum { return schemaName_(e, k.r.Schema) },
			"constraint_name":    func(e *Env, k keyCol) types.Datum { return types.Str(k.c.Name) },
			"table_catalog":      func(e *Env, k keyCol) types.Datum { return catalogName(e) },
			"table_schema":       func(e *Env, k keyCol) types.Datum { return schemaName_(e, k.r.Schema) },
			"table_name":         func(e *Env, k keyCol) types.Datum { return types.Str(k.r.Name) },
			"column_name":        func(e *Env, k keyCol) types.Datum { return types.Str(k.r.Columns[k.att()-1].Name) },
			"ordinal_position":   func(e *Env, k keyCol) types.Datum { return intDatum(k.pos + 1) },
			"position_in_unique_constraint": func(e *Env, k keyCol) types.Datum {
				ix := e.b().Relation(k.c.Index)
				if k.c.Type != 'f' || ix == nil || ix.Index == nil || k.pos >= len(k.c.RefCols) {
					return types.NullDatum
				}
				for i := range ix.Index.Keys {
					if ix.Index.Keys[i].Att == k.c.RefCols[k.pos] {
						return intDatum(i + 1)
					}
				}
				return types.NullDatum
			},
		},
	}
}

// conUse is a column (or with att 0 a table) that a constraint uses: its own, or what a foreign key references.
type conUse struct {
	con  tableCon
	used *Relation
	att  int
}

func infoConstraintColumnUsage() vtable {
	return table[conUse]{
		rows: func(s *scan, emit func(conUse)) {
			all := *s
			all.cons = nil // the constraint may be on a column of another table than the one it belongs to
			eachTableCon(&all, "pufc", func(*Relation) bool { return true }, func(t tableCon) {
				used, cols := t.r, t.c.Cols
				if t.c.Type == 'f' {
					used, cols = s.b().Relation(t.c.RefRel), t.c.RefCols
				}
				if used == nil || !s.hasRole(used.Owner) {
					return
				}
				var seen []int
				for _, a := range cols {
					if a > 0 && a <= len(used.Columns) && !slices.Contains(seen, a) {
						seen = append(seen, a)
						emit(conUse{t, used, a})
					}
				}
			})
		},
		cols: conUseColumns(),
	}
}

func infoConstraintTableUsage() vtable {
	return table[conUse]{
		rows: func(s *scan, emit func(conUse)) {
			all := *s
			all.cons = nil
			eachTableCon(&all, "puf", func(*Relation) bool { return true }, func(t tableCon) {
				used := t.r
				if t.c.Type == 'f' {
					used = s.b().Relation(t.c.RefRel)
				}
				if used != nil && s.hasRole(used.Owner) {
					emit(conUse{t, used, 0})
				}
			})
		},
		cols: conUseColumns(),
	}
}

func conUseColumns() map[string]func(*Env, conUse) types.Datum {
	return map[string]func(*Env, conUse) types.Datum{
		"table_catalog": func(e *Env, u conUse) types.Datum { return catalogName(e) },
		"table_schema":  func(e *Env, u conUse) types.Datum { return schemaName_(e, u.used.Schema) },
		"table_name":    func(e *Env, u conUse) types.Datum { return types.Str(u.used.Name) },
		"column_name": func(e *Env, u conUse) types.Datum {
			if u.att == 0 {
				return types.NullDatum
			}
			return types.Str(u.used.Columns[u.att-1].Name)
		},
		"constraint_catalog": func(e *Env, u conUse) types.Datum { return catalogName(e) },
		"constraint_schema":  func(e *Env, u conUse) types.Datum { return schemaName_(e, u.con.r.Schema) },
		"constraint_name":    func(e *Env, u conUse) types.Datum { return types.Str(u.con.c.Name) },
	}
}

func infoReferentialConstraints() vtable {
	// key is the primary key or unique constraint that a foreign key references, nil when there is only an index.
	key := func(e *Env, t tableCon) (*Constraint, *Relation) {
		ref := e.b().Relation(t.c.RefRel)
		if ref == nil {
			return nil, nil
		}
		for i := range ref.Constraints {
			if k := &ref.Constraints[i]; (k.Type == 'p' || k.Type == 'u') && k.Index == t.c.Index {
				return k, ref
			}
		}
		return nil, ref
	}
	rule := func(b byte) types.Datum {
		switch b {
		case 'c':
			return types.Str("CASCADE")
		case 'n':
			return types.Str("SET NULL")
		case 'd':
			return types.Str("SET DEFAULT")
		case 'r':
			return types.Str("RESTRICT")
		}
		return types.Str("NO ACTION")
	}
	return table[tableCon]{
		rows: func(s *scan, emit func(tableCon)) {
			eachTableCon(s, "f", func(r *Relation) bool { return s.mayUse(r, privsBeyondSelect, PrivInsert|PrivUpdate|PrivReferences) }, emit)
		},
		cols: conColumns(map[string]conFn{
			"unique_constraint_catalog": func(e *Env, t tableCon) types.Datum {
				if k, _ := key(e, t); k == nil {
					return types.NullDatum
				}
				return catalogName(e)
			},
			"unique_constraint_schema": func(e *Env, t tableCon) types.Datum {
				k, ref := key(e, t)
				if k == nil {
					return types.NullDatum
				}
				return schemaName_(e, ref.Schema)
			},
			"unique_constraint_name": func(e *Env, t tableCon) types.Datum {
				if k, _ := key(e, t); k != nil {
					return types.Str(k.Name)
				}
				return types.NullDatum
			},
			"match_option": func(e *Env, t tableCon) types.Datum {
				if t.c.Match == 'f' {
					return types.Str("FULL")
				}
				return types.Str("NONE")
			},
			"update_rule": func(e *Env, t tableCon) types.Datum { return rule(t.c.OnUpdate) },
			"delete_rule": func(e *Env, t tableCon) types.Datum { return rule(t.c.OnDelete) },
		}),
	}
}

// checkRow is a CHECK or NOT NULL of a table, or a CHECK of a domain.
type checkRow struct {
	tableCon
	d *TypeDesc
}

func infoCheckConstraints() vtable {
	type fn = func(*Env, checkRow) types.Datum
	return table[checkRow]{
		rows: func(s *scan, emit func(checkRow)) {
			eachTableCon(s, "cn", func(r *Relation) bool { return s.hasRole(r.Owner) }, func(t tableCon) { emit(checkRow{t, nil}) })
			for _, d := range s.b().Types() {
				for i := range d.Constraints {
					if d.Constraints[i].Type == 'c' && s.hasRole(d.Owner) {
						emit(checkRow{tableCon{c: &d.Constraints[i]}, d})
					}
				}
			}
		},
		cols: map[string]fn{
			"constraint_catalog": func(e *Env, r checkRow) types.Datum { return catalogName(e) },
			"constraint_schema": func(e *Env, r checkRow) types.Datum {
				if r.d != nil {
					return schemaName_(e, r.d.Type.Namespace)
				}
				return schemaName_(e, r.r.Schema)
			},
			"constraint_name": func(e *Env, r checkRow) types.Datum { return types.Str(r.name()) },
			"check_clause": func(e *Env, r checkRow) types.Datum {
				if r.c == nil {
					return types.Str(r.r.Columns[r.notNull-1].Name + " IS NOT NULL")
				}
				if e.Deparse == nil {
					return types.NullDatum
				}
				return textOrNull(strings.TrimPrefix(e.Deparse.ConstraintDef(e.b(), r.c.OID), "CHECK "))
			},
		},
	}
}

func eachDomain(s *scan, emit func(*TypeDesc)) {
	for _, d := range s.b().Types() {
		if d.Type.Kind == types.KindDomain && (s.hasRole(d.Owner) || HasPrivs(s.Reader, s.User, d.Owner, aclOf(d.ACL, 'T', d.Owner), PrivUsage, false, true)) {
			emit(d)
		}
	}
}

func infoDomains() vtable {
	type fn = func(*Env, *TypeDesc) types.Datum
	base := func(e *Env, d *TypeDesc) types.T { return types.T{OID: d.Type.Base, Mod: d.Type.BaseMod} }
	cols := map[string]fn{
		"domain_catalog": func(e *Env, d *TypeDesc) types.Datum { return catalogName(e) },
		"domain_schema":  func(e *Env, d *TypeDesc) types.Datum { return schemaName_(e, d.Type.Namespace) },
		"domain_name":    func(e *Env, d *TypeDesc) types.Datum { return types.Str(d.Name) },
		"domain_default": func(e *Env, d *TypeDesc) types.Datum { return textOrNull(d.Type.Default) },
		"dtd_identifier": constCol[*TypeDesc](types.Str("1")),
	}
	infoType(base, cols)
	infoUdt("", base, cols)
	infoCollation(func(e *Env, d *TypeDesc) types.OID { return d.Type.Collation }, cols)
	return table[*TypeDesc]{rows: eachDomain, cols: cols}
}

type domainCon struct {
	d *TypeDesc
	c *Constraint
}

func infoDomainConstraints() vtable {
	type fn = func(*Env, domainCon) types.Datum
	return table[domainCon]{
		rows: func(s *scan, emit func(domainCon)) {
			eachDomain(s, func(d *TypeDesc) {
				for i := range d.Constraints {
					emit(domainCon{d, &d.Constraints[i]})
				}
			})
		},
		cols: map[string]fn{
			"constraint_catalog": func(e *Env, r domainCon) types.Datum { return catalogName(e) },
			"constraint_schema":  func(e *Env, r domainCon) types.Datum { return schemaName_(e, r.d.Type.Namespace) },
			"constraint_name":    func(e *Env, r domainCon) types.Datum { return types.Str(r.c.Name) },
			"domain_catalog":     func(e *Env, r domainCon) types.Datum { return catalogName(e) },
			"domain_schema":      func(e *Env, r domainCon) types.Datum { return schemaName_(e, r.d.Type.Namespace) },
			"domain_name":        func(e *Env, r domainCon) types.Datum { return types.Str(r.d.Name) },
			"is_deferrable":      constCol[domainCon](types.Str("NO")), "initially_deferred": constCol[domainCon](types.Str("NO")),
		},
	}
}

// eachRoutine emits the functions that the current role may call.
func eachRoutine(s *scan, emit func(*Proc)) {
	initProcs()
	names, byName := s.names("routine_name")
	specific, bySpecific := s.names("specific_name")
	give := func(p *Proc) {
		if (!byName || slices.Contains(names, p.Name)) && (!bySpecific || slices.Contains(specific, specificName(p))) && mayExecute(s.Env, p) {
			emit(p)
		}
	}
	if byName {
		for _, n := range names {
			for _, p := range s.b().Procs(n) {
				give(p)
			}
		}
		return
	}
	for _, f := range s.b().Functions() {
		give(&f.Proc)
	}
	for i := range builtinProcs.table.len() {
		give(procAt(i))
	}
	for _, p := range extraProcs() {
		give(p)
	}
}

func specificName(p *Proc) string { return p.Name + "_" + utoa(p.OID) }

// ProcACL returns the grants in force on a function.
func ProcACL(r Reader, p *Proc) []ACLItem {
	if p.OID >= FirstNormalOID {
		if f := BoundOf(r).Function(p.OID); f != nil {
			return aclOf(f.ACL, 'f', f.Owner)
		}
	}
	if p.ACL == "" {
		return DefaultACLFor('f', p.Owner)
	}
	acl := []ACLItem{}
	row := dataRow{p.ACL}
	for _, item := range row.strings() {
		if a, ok := ParseACL(r, item); ok {
			acl = append(acl, a)
		}
	}
	return acl
}

func mayExecute(e *Env, p *Proc) bool {
	return p.ACL == "" && p.OID < FirstNormalOID || e.hasRole(p.Owner) || HasPrivs(e.Reader, e.User, p.Owner, ProcACL(e.Reader, p), PrivExecute, false, true)
}

func infoRoutines() vtable {
	type fn = func(*Env, *Proc) types.Datum
	ret := func(f fn) fn { // NULL for procedures
		return func(e *Env, p *Proc) types.Datum {
			if p.Kind == 'p' {
				return types.NullDatum
			}
			return f(e, p)
		}
	}
	result := func(e *Env, p *Proc) types.T { return types.Of(p.Ret) }
	names := map[string]fn{}
	infoUdt("type_", result, names)
	return table[*Proc]{rows: eachRoutine, cols: map[string]fn{
		"specific_catalog": func(e *Env, p *Proc) types.Datum { return catalogName(e) },
		"specific_schema":  func(e *Env, p *Proc) types.Datum { return schemaName_(e, p.Namespace) },
		"specific_name":    func(e *Env, p *Proc) types.Datum { return types.Str(specificName(p)) },
		"routine_catalog":  func(e *Env, p *Proc) types.Datum { return catalogName(e) },
		"routine_schema":   func(e *Env, p *Proc) types.Datum { return schemaName_(e, p.Namespace) },
		"routine_name":     func(e *Env, p *Proc) types.Datum { return types.Str(p.Name) },
		"routine_type": func(e *Env, p *Proc) types.Datum {
			switch p.Kind {
			case 'f':
				return types.Str("FUNCTION")
			case 'p':
				return types.Str("PROCEDURE")
			}
			return types.NullDatum
		},
		"data_type":        ret(func(e *Env, p *Proc) types.Datum { return types.Str(infoTypeName(e, result(e, p))) }),
		"type_udt_catalog": ret(names["type_udt_catalog"]), "type_udt_schema": ret(names["type_udt_schema"]), "type_udt_name": ret(names["type_udt_name"]),
		"dtd_identifier": ret(constCol[*Proc](types.Str("0"))),
		"routine_body": func(e *Env, p *Proc) types.Datum {
			if LanguageName(p.Lang) == "sql" {
				return types.Str("SQL")
			}
			return types.Str("EXTERNAL")
		},
		"routine_definition": func(e *Env, p *Proc) types.Datum {
			if !e.hasRole(p.Owner) {
				return types.NullDatum
			}
			return types.Str(p.Src)
		},
		"external_name": func(e *Env, p *Proc) types.Datum {
			if LanguageName(p.Lang) == "c" {
				return types.Str(p.Src)
			}
			return types.NullDatum
		},
		"external_language":    func(e *Env, p *Proc) types.Datum { return types.Str(strings.ToUpper(LanguageName(p.Lang))) },
		"parameter_style":      constCol[*Proc](types.Str("GENERAL")),
		"is_deterministic":     func(e *Env, p *Proc) types.Datum { return yesNo(p.Volatile == 'i') },
		"sql_data_access":      constCol[*Proc](types.Str("MODIFIES")),
		"is_null_call":         ret(func(e *Env, p *Proc) types.Datum { return yesNo(p.Strict) }),
		"schema_level_routine": constCol[*Proc](types.Str("YES")), "max_dynamic_result_sets": constCol[*Proc](types.Int(0)),
		"security_type": func(e *Env, p *Proc) types.Datum {
			if p.SecDef {
				return types.Str("DEFINER")
			}
			return types.Str("INVOKER")
		},
		"as_locator": constCol[*Proc](types.Str("NO")), "is_udt_dependent": constCol[*Proc](types.Str("NO")),
	}}
}

// paramRow is an argument of a function.
type paramRow struct {
	p    *Proc
	pos  int // from 0 among all arguments
	typ  types.OID
	mode byte
}

func infoParameters() vtable {
	type fn = func(*Env, paramRow) types.Datum
	t := func(e *Env, r paramRow) types.T { return types.Of(r.typ) }
	cols := map[string]fn{
		"specific_catalog": func(e *Env, r paramRow) types.Datum { return catalogName(e) },
		"specific_schema":  func(e *Env, r paramRow) types.Datum { return schemaName_(e, r.p.Namespace) },
		"specific_name":    func(e *Env, r paramRow) types.Datum { return types.Str(specificName(r.p)) },
		"ordinal_position": func(e *Env, r paramRow) types.Datum { return intDatum(r.pos + 1) },
		"parameter_mode": func(e *Env, r paramRow) types.Datum {
			switch r.mode {
			case 'o', 't':
				return types.Str("OUT")
			case 'b':
				return types.Str("INOUT")
			}
			return types.Str("IN")
		},
		"is_result": constCol[paramRow](types.Str("NO")), "as_locator": constCol[paramRow](types.Str("NO")),
		"parameter_name": func(e *Env, r paramRow) types.Datum {
			if r.pos < len(r.p.ArgNames) {
				return textOrNull(r.p.ArgNames[r.pos])
			}
			return types.NullDatum
		},
		"dtd_identifier": func(e *Env, r paramRow) types.Datum { return types.Str(itoa(r.pos + 1)) },
	}
	cols["data_type"] = func(e *Env, r paramRow) types.Datum { return types.Str(infoTypeName(e, t(e, r))) }
	infoUdt("", t, cols)
	return table[paramRow]{
		rows: func(s *scan, emit func(paramRow)) {
			eachRoutine(s, func(p *Proc) {
				all := p.AllArgs
				if all == nil {
					all = p.Args
				}
				for i, a := range all {
					mode := byte('i')
					if i < len(p.ArgModes) {
						mode = p.ArgModes[i]
					}
					emit(paramRow{p, i, a, mode})
				}
			})
		},
		cols: cols,
	}
}

func infoAttributes() vtable {
	cols := map[string]colFn{
		"udt_catalog":                    func(e *Env, c colRow) types.Datum { return catalogName(e) },
		"udt_schema":                     func(e *Env, c colRow) types.Datum { return schemaName_(e, c.r.Schema) },
		"udt_name":                       func(e *Env, c colRow) types.Datum { return types.Str(c.r.Name) },
		"attribute_name":                 func(e *Env, c colRow) types.Datum { return types.Str(c.col().Name) },
		"ordinal_position":               func(e *Env, c colRow) types.Datum { return intDatum(c.att) },
		"is_nullable":                    func(e *Env, c colRow) types.Datum { return yesNo(!c.col().NotNull) },
		"dtd_identifier":                 func(e *Env, c colRow) types.Datum { return types.Str(itoa(c.att)) },
		"is_derived_reference_attribute": constCol[colRow](types.Str("NO")),
	}
	infoType(colType, cols)
	infoUdt("attribute_", colType, cols)
	infoCollation(func(e *Env, c colRow) types.OID { return c.col().Collation }, cols)
	return table[colRow]{
		rows: func(s *scan, emit func(colRow)) {
			eachInfoRelation(s, "udt_schema", "udt_name", "c", func(r *Relation) {
				for i := range r.Columns {
					if !r.Columns[i].Dropped {
						emit(colRow{r, i + 1})
					}
				}
			})
		},
		cols: cols,
	}
}

func infoUserDefinedTypes() vtable {
	return table[*Relation]{
		rows: func(s *scan, emit func(*Relation)) {
			eachInfoRelation(s, "user_defined_type_schema", "user_defined_type_name", "c", emit)
		},
		cols: map[string]relFn{
			"user_defined_type_catalog": infoCatalog, "user_defined_type_schema": infoSchema, "user_defined_type_name": infoName,
			"user_defined_type_category": constCol[*Relation](types.Str("STRUCTURED")), "is_instantiable": constCol[*Relation](types.Str("YES")),
		},
	}
}

// infoElementTypes describes the elements of array columns.
func infoElementTypes() vtable {
	elem := func(e *Env, c colRow) types.T {
		t := trueType(e, c.col().T)
		return types.T{OID: types.ElemOf(&types.Ctx{Types: e.Reader}, t.OID), Mod: -1}
	}
	cols := map[string]colFn{
		"object_catalog": func(e *Env, c colRow) types.Datum { return catalogName(e) },
		"object_schema":  func(e *Env, c colRow) types.Datum { return schemaName_(e, c.r.Schema) },
		"object_name":    func(e *Env, c colRow) types.Datum { return types.Str(c.r.Name) },
		"object_type": func(e *Env, c colRow) types.Datum {
			switch c.r.RelKind {
			case 'v':
				return types.Str("VIEW")
			case 'c':
				return types.Str("USER-DEFINED TYPE")
			}
			return types.Str("TABLE")
		},
		"collection_type_identifier": func(e *Env, c colRow) types.Datum { return types.Str(itoa(c.att)) },
		"data_type":                  func(e *Env, c colRow) types.Datum { return types.Str(infoTypeName(e, elem(e, c))) },
		"dtd_identifier":             func(e *Env, c colRow) types.Datum { return types.Str("a" + itoa(c.att)) },
	}
	infoUdt("", elem, cols)
	return table[colRow]{
		rows: func(s *scan, emit func(colRow)) {
			eachInfoRelation(s, "object_schema", "object_name", "rvpc", func(r *Relation) {
				for i := range r.Columns {
					c := colRow{r, i + 1}
					if !c.col().Dropped && elem(s.Env, c).OID != 0 && s.mayUseColumn(r, i+1, AllColumn) {
						emit(c)
					}
				}
			})
		},
		cols: cols,
	}
}
