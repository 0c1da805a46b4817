package catalog

import (
	"slices"

	"kimberlite/sql/types"
)

// viewTables are the system views over the catalog.
var viewTables = map[string]func() vtable{
	"pg_tables": pgTables, "pg_views": pgViews, "pg_matviews": pgMatviews, "pg_indexes": pgIndexes, "pg_sequences": pgSequences, "pg_stats": pgStats,
	"pg_rules": pgRules, "pg_timezone_abbrevs": func() vtable { return staticTable{data("pg_timezone_abbrevs")} },
}

func schemaName_(e *Env, oid types.OID) types.Datum {
	if n := e.b().Schema(oid); n != nil {
		return types.Str(n.Name)
	}
	return types.NullDatum
}

func roleName_(e *Env, oid types.OID) types.Datum { return types.Str(RoleName(e.Reader, oid)) }

// schemaFilter resolves a constraint on a schema's name.
func schemaFilter(s *scan, col string) (keep func(types.OID) bool, schemas []types.OID, ok bool) {
	names, ok := s.names(col)
	if !ok {
		return func(types.OID) bool { return true }, nil, false
	}
	for _, n := range names {
		if x := s.b().SchemaByName(n); x != nil {
			schemas = append(schemas, x.OID)
		}
	}
	return func(o types.OID) bool { return slices.Contains(schemas, o) }, schemas, true
}

// classView emits relations of some kinds for a view whose columns name the schema and the relation.
func classView(schemaCol, nameCol string, kinds string) func(s *scan, emit func(classRow)) {
	return func(s *scan, emit func(classRow)) {
		give := func(r classRow) {
			if slices.Contains([]byte(kinds), r.kind()) {
				emit(r)
			}
		}
		_, schemas, bySchema := schemaFilter(s, schemaCol)
		names, byName := s.names(nameCol)
		if byName && !bySchema {
			for _, n := range s.b().Schemas() {
				schemas = append(schemas, n.OID)
			}
		}
		sub := *s
		sub.rel, sub.cons = BuiltinRelation(ClassRelation), nil
		if bySchema || byName {
			vals := make([]types.Datum, len(schemas))
			for i, o := range schemas {
				vals[i] = oidDatum(o)
			}
			sub.cons = append(sub.cons, ColumnEq{3, vals})
		}
		if byName {
			vals := make([]types.Datum, len(names))
			for i, n := range names {
				vals[i] = types.Str(n)
			}
			sub.cons = append(sub.cons, ColumnEq{2, vals})
		}
		classRows("oid", "relname", "relnamespace")(&sub, give)
	}
}

func (r classRow) schema() types.OID {
	if r.c != nil {
		return r.c.schema
	}
	return r.r.Schema
}

func (r classRow) name() string {
	if r.c != nil {
		return r.c.name
	}
	return r.r.Name
}

func (r classRow) owner() types.OID {
	if r.c != nil {
		return SuperuserOID
	}
	return r.r.Owner
}

// tablespaceName is NULL for the database's default.
func (r classRow) tablespace(e *Env) types.Datum {
	oid := types.OID(0)
	if r.c != nil {
		oid = r.c.tablespace
	} else {
		oid = r.r.Tablespace
	}
	if oid == 0 {
		return types.NullDatum
	}
	if t, ok := e.b().snap.get(KindTablespace, oid).(*Tablespace); ok {
		return types.Str(t.Name)
	}
	return types.NullDatum
}

type classFn = func(*Env, classRow) types.Datum

func colSchema(e *Env, r classRow) types.Datum { return schemaName_(e, r.schema()) }
func colName(e *Env, r classRow) types.Datum   { return types.Str(r.name()) }
func colOwner(e *Env, r classRow) types.Datum  { return roleName_(e, r.owner()) }
func colSpace(e *Env, r classRow) types.Datum  { return r.tablespace(e) }
func colHasIndex(e *Env, r classRow) types.Datum {
	return types.Bool(r.c != nil && r.c.hasIndex || r.r != nil && len(r.r.Indexes) > 0)
}

func pgTables() vtable {
	return table[classRow]{rows: classView("schemaname", "tablename", "rp"), cols: map[string]classFn{
		"schemaname": colSchema, "tablename": colName, "tableowner": colOwner, "tablespace": colSpace, "hasindexes": colHasIndex,
		"hasrules":    func(e *Env, r classRow) types.Datum { return types.Bool(r.c != nil && r.c.hasRules) },
		"hastriggers": func(e *Env, r classRow) types.Datum { return types.Bool(r.r != nil && hasForeignKeys(e.b(), r.r)) },
		"rowsecurity": constCol[classRow](types.Bool(false)),
	}}
}

func viewText(e *Env, r classRow) types.Datum {
	if r.c != nil {
		return textOrNull(BuiltinViewText(r.c.oid))
	}
	if e.Deparse == nil {
		return types.NullDatum
	}
	return textOrNull(e.Deparse.ViewDef(e.b(), r.r.OID))
}

func pgViews() vtable {
	return table[classRow]{rows: classView("schemaname", "viewname", "v"), cols: map[string]classFn{
		"schemaname": colSchema, "viewname": colName, "viewowner": colOwner, "definition": viewText,
	}}
}

func pgMatviews() vtable {
	return table[classRow]{rows: classView("schemaname", "matviewname", "m"), cols: map[string]classFn{
		"schemaname": colSchema, "matviewname": colName, "matviewowner": colOwner, "tablespace": colSpace, "hasindexes": colHasIndex,
		"ispopulated": func(e *Env, r classRow) types.Datum {
			return types.Bool(r.r != nil && r.r.View != nil && r.r.View.Populated)
		},
		"definition": viewText,
	}}
}

func pgIndexes() vtable {
	type fn = func(*Env, *Relation) types.Datum
	tableOf := func(e *Env, r *Relation) *Relation { return e.b().Relation(r.Index.Table) }
	return table[*Relation]{
		rows: func(s *scan, emit func(*Relation)) {
			classView("schemaname", "tablename", "rmp")(s, func(c classRow) {
				t := s.b().Relation(c.oid())
				for _, x := range t.Indexes {
					if r := s.b().Relation(x); r != nil && r.Index != nil {
						emit(r)
					}
				}
			})
		},
		cols: map[string]fn{
			"schemaname": func(e *Env, r *Relation) types.Datum { return schemaName_(e, tableOf(e, r).Schema) },
			"tablename":  func(e *Env, r *Relation) types.Datum { return types.Str(tableOf(e, r).Name) },
			"indexname":  func(e *Env, r *Relation) types.Datum { return types.Str(r.Name) },
			"tablespace": func(e *Env, r *Relation) types.Datum { return classRow{r: r}.tablespace(e) },
			"indexdef": func(e *Env, r *Relation) types.Datum {
				if e.Deparse == nil {
					return types.NullDatum
				}
				return textOrNull(e.Deparse.IndexDef(e.b(), r.OID))
			},
		},
	}
}

func pgSequences() vtable {
	type fn = func(*Env, classRow) types.Datum
	num := func(f func(q *Sequence) int64) fn {
		return func(e *Env, r classRow) types.Datum { return types.Int(f(r.r.Sequence)) }
	}
	return table[classRow]{
		rows: func(s *scan, emit func(classRow)) {
			classView("schemaname", "sequencename", "S")(s, func(r classRow) {
				if r.r != nil && r.r.Sequence != nil {
					emit(r)
				}
			})
		},
		cols: map[string]fn{
			"schemaname": colSchema, "sequencename": colName, "sequenceowner": colOwner,
			"data_type":    num(func(q *Sequence) int64 { return int64(q.T) }),
			"start_value":  num(func(q *Sequence) int64 { return q.Start }),
			"min_value":    num(func(q *Sequence) int64 { return q.Min }),
			"max_value":    num(func(q *Sequence) int64 { return q.Max }),
			"increment_by": num(func(q *Sequence) int64 { return q.Increment }),
			"cycle":        func(e *Env, r classRow) types.Datum { return types.Bool(r.r.Sequence.Cycle) },
			"cache_size":   num(func(q *Sequence) int64 { return q.Cache }),
			"last_value": func(e *Env, r classRow) types.Datum {
				last, called, ok := e.stats().SequenceState(r.r.OID)
				if !ok || !called {
					return types.NullDatum
				}
				return types.Int(last)
			},
		},
	}
}

func pgRules() vtable {
	return table[classRow]{
		// The _RETURN rules of views are not shown, and there are no others.
		rows: func(*scan, func(classRow)) {},
	}
}

func pgStats() vtable {
	type fn = func(*Env, statRow) types.Datum
	return table[statRow]{
		rows: func(s *scan, emit func(statRow)) {
			keep, _, _ := schemaFilter(s, "schemaname")
			names, byName := s.names("tablename")
			for _, r := range s.b().Relations(0) {
				if !keep(r.Schema) || byName && !slices.Contains(names, r.Name) || !canRead(s.Env, r) {
					continue
				}
				if st := s.b().Stats(r.OID); st != nil {
					for i := range st.Columns {
						if a := st.Columns[i].Att; a >= 1 && a <= len(r.Columns) && !r.Columns[a-1].Dropped {
							emit(statRow{r, &st.Columns[i]})
						}
					}
				}
			}
		},
		cols: map[string]fn{
			"schemaname":       func(e *Env, r statRow) types.Datum { return schemaName_(e, r.r.Schema) },
			"tablename":        func(e *Env, r statRow) types.Datum { return types.Str(r.r.Name) },
			"attname":          func(e *Env, r statRow) types.Datum { return types.Str(r.r.Columns[r.st.Att-1].Name) },
			"inherited":        constCol[statRow](types.Bool(false)),
			"null_frac":        func(e *Env, r statRow) types.Datum { return floatDatum(float64(float32(r.st.NullFrac))) },
			"avg_width":        func(e *Env, r statRow) types.Datum { return types.Int(int64(r.st.Width)) },
			"n_distinct":       func(e *Env, r statRow) types.Datum { return floatDatum(float64(float32(r.st.Distinct))) },
			"most_common_vals": func(e *Env, r statRow) types.Datum { return columnArray(e, r, r.st.MCV) },
			"histogram_bounds": func(e *Env, r statRow) types.Datum { return columnArray(e, r, r.st.Histogram) },
			"most_common_freqs": func(e *Env, r statRow) types.Datum {
				if len(r.st.MCV) == 0 {
					return types.NullDatum
				}
				return float4Array(r.st.MCF)
			},
			"correlation": func(e *Env, r statRow) types.Datum {
				if r.st.Correlation == 0 {
					return types.NullDatum
				}
				return floatDatum(float64(float32(r.st.Correlation)))
			},
		},
	}
}

// canRead reports whether the current role may select from a relation.
func canRead(e *Env, r *Relation) bool { return hasRelPriv(e, r, PrivSelect) }

// hasRelPriv reports whether the current role holds one of the privileges on a relation (or owns it).
func hasRelPriv(e *Env, r *Relation, privs uint32) bool {
	typ := byte('r')
	if r.RelKind == 'S' {
		typ = 's'
	}
	return HasPrivs(e.Reader, e.User, r.Owner, aclOf(r.ACL, typ, r.Owner), privs, false, true)
}
