package catalog

import (
	"slices"

	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// classTables are pg_class and what hangs on relations.
var classTables = map[string]func() vtable{
	"pg_class": pgClass, "pg_attribute": pgAttribute, "pg_attrdef": pgAttrdef, "pg_index": pgIndex, "pg_constraint": pgConstraint,
	"pg_inherits": pgInherits, "pg_sequence": pgSequence, "pg_rewrite": pgRewrite, "pg_statistic": pgStatistic, "pg_partitioned_table": pgPartitionedTable,
}

// classRow is a row of pg_class: a user's relation, or a generated row.
type classRow struct {
	r *Relation
	c *builtinClass
}

// classRows emits the relations that the constraints on the OID, name and schema columns leave.
func classRows(oidCol, nameCol, schemaCol string) func(s *scan, emit func(classRow)) {
	return func(s *scan, emit func(classRow)) {
		b := s.b()
		one := func(oid types.OID) {
			if oid >= FirstNormalOID {
				if r := b.Relation(oid); r != nil {
					emit(classRow{r: r})
				}
			} else if c, ok := builtinClassByOID(oid); ok {
				emit(classRow{c: &c})
			}
		}
		if list, ok := s.oids(oidCol); ok {
			for _, oid := range list {
				one(oid)
			}
			return
		}
		schemas, bySchema := s.oids(schemaCol)
		if list, ok := s.names(nameCol); ok {
			if !bySchema {
				for _, n := range b.Schemas() {
					schemas = append(schemas, n.OID)
				}
			}
			for _, n := range schemas {
				for _, name := range list {
					if r := b.RelationByName(n, name); r != nil {
						one(r.OID)
					}
				}
			}
			return
		}
		if !bySchema || slices.ContainsFunc(schemas, func(o types.OID) bool { return builtinSchema(o) != nil }) {
			eachBuiltinClass(func(c builtinClass) {
				if !bySchema || slices.Contains(schemas, c.schema) {
					emit(classRow{c: &c})
				}
			})
		}
		if !bySchema {
			schemas = []types.OID{0}
		}
		for _, n := range schemas {
			for _, r := range b.Relations(n) {
				emit(classRow{r: r})
			}
		}
	}
}

func builtinClassByOID(oid types.OID) (c builtinClass, ok bool) {
	initRels()
	if r := builtinRels.extra[oid]; r != nil {
		return extraClass(r), true
	}
	i := builtinRels.byOID.one(builtinRels.table, 0, oid)
	if i < 0 {
		return c, false
	}
	return builtinClassAt(i), true
}

func (r classRow) oid() types.OID {
	if r.c != nil {
		return r.c.oid
	}
	return r.r.OID
}

func (r classRow) kind() byte {
	if r.c != nil {
		return r.c.kind
	}
	return r.r.RelKind
}

// classCol is a column of pg_class given by its value for a generated row and for a user's relation.
func classCol(builtin func(c *builtinClass) types.Datum, user func(e *Env, r *Relation) types.Datum) func(*Env, classRow) types.Datum {
	return func(e *Env, r classRow) types.Datum {
		if r.c != nil {
			return builtin(r.c)
		}
		return user(e, r.r)
	}
}

func constCol[R any](d types.Datum) func(*Env, R) types.Datum {
	return func(*Env, R) types.Datum { return d }
}

func pgClass() vtable {
	no, zero := types.Bool(false), types.Int(0)
	builtinIs := func(d types.Datum) func(*builtinClass) types.Datum {
		return func(*builtinClass) types.Datum { return d }
	}
	return table[classRow]{
		rows: classRows("oid", "relname", "relnamespace"),
		cols: map[string]func(*Env, classRow) types.Datum{
			"oid": func(e *Env, r classRow) types.Datum { return oidDatum(r.oid()) },
			"relname": classCol(func(c *builtinClass) types.Datum { return types.Str(c.name) },
				func(e *Env, r *Relation) types.Datum { return types.Str(r.Name) }),
			"relnamespace": classCol(func(c *builtinClass) types.Datum { return oidDatum(c.schema) },
				func(e *Env, r *Relation) types.Datum { return oidDatum(r.Schema) }),
			"reltype": classCol(func(c *builtinClass) types.Datum { return oidDatum(c.typ) },
				func(e *Env, r *Relation) types.Datum { return oidDatum(r.RowType) }),
			"reloftype": constCol[classRow](zero),
			"relowner": classCol(func(c *builtinClass) types.Datum { return oidDatum(SuperuserOID) },
				func(e *Env, r *Relation) types.Datum { return oidDatum(r.Owner) }),
			"relam": classCol(func(c *builtinClass) types.Datum { return oidDatum(c.am) },
				func(e *Env, r *Relation) types.Datum { return oidDatum(relationAM(r)) }),
			"relfilenode": classCol(func(c *builtinClass) types.Datum { return oidDatum(c.filenode) },
				func(e *Env, r *Relation) types.Datum { return oidDatum(types.OID(r.Storage)) }),
			"reltablespace": classCol(func(c *builtinClass) types.Datum { return oidDatum(c.tablespace) },
				func(e *Env, r *Relation) types.Datum { return oidDatum(r.Tablespace) }),
			"relpages": classCol(func(c *builtinClass) types.Datum { return types.Int(int64(c.pages)) },
				func(e *Env, r *Relation) types.Datum { pages, _ := relationSize(e, r); return types.Int(int64(pages)) }),
			"reltuples": classCol(func(c *builtinClass) types.Datum { return floatDatum(float64(c.tuples)) },
				func(e *Env, r *Relation) types.Datum {
					_, rows := relationSize(e, r)
					return floatDatum(float64(float32(rows)))
				}),
			"relallvisible": constCol[classRow](zero),
			"reltoastrelid": classCol(func(c *builtinClass) types.Datum { return oidDatum(c.toast) },
				func(e *Env, r *Relation) types.Datum { return zero }),
			"relhasindex": classCol(func(c *builtinClass) types.Datum { return types.Bool(c.hasIndex) },
				func(e *Env, r *Relation) types.Datum { return types.Bool(len(r.Indexes) > 0) }),
			"relisshared": classCol(func(c *builtinClass) types.Datum { return types.Bool(c.shared) },
				func(e *Env, r *Relation) types.Datum { return no }),
			"relpersistence": classCol(builtinIs(charDatum('p')), func(e *Env, r *Relation) types.Datum { return charDatum(r.Persistence) }),
			"relkind":        func(e *Env, r classRow) types.Datum { return charDatum(r.kind()) },
			"relnatts": classCol(func(c *builtinClass) types.Datum { return types.Int(int64(c.natts)) },
				func(e *Env, r *Relation) types.Datum { return types.Int(int64(len(relationColumns(e.b(), r)))) }),
			"relchecks": classCol(func(c *builtinClass) types.Datum { return types.Int(int64(c.checks)) },
				func(e *Env, r *Relation) types.Datum { return types.Int(int64(countConstraints(r, 'c'))) }),
			"relhasrules": classCol(func(c *builtinClass) types.Datum { return types.Bool(c.hasRules) },
				func(e *Env, r *Relation) types.Datum { return types.Bool(r.View != nil) }),
			"relhastriggers":      classCol(builtinIs(no), func(e *Env, r *Relation) types.Datum { return types.Bool(hasForeignKeys(e.b(), r)) }),
			"relhassubclass":      classCol(builtinIs(no), func(e *Env, r *Relation) types.Datum { return types.Bool(len(children(e.b(), r.OID)) > 0) }),
			"relrowsecurity":      constCol[classRow](no),
			"relforcerowsecurity": constCol[classRow](no),
			"relispopulated": classCol(builtinIs(types.Bool(true)), func(e *Env, r *Relation) types.Datum {
				return types.Bool(r.RelKind != 'm' || r.View != nil && r.View.Populated)
			}),
			"relreplident": classCol(func(c *builtinClass) types.Datum { return charDatum(c.replIdent) },
				func(e *Env, r *Relation) types.Datum { return charDatum(replIdent(r)) }),
			"relispartition": classCol(builtinIs(no), func(e *Env, r *Relation) types.Datum {
				return types.Bool(r.Partition != nil && r.Partition.Bound != nil)
			}),
			"relrewrite": constCol[classRow](zero),
			"relfrozenxid": classCol(func(c *builtinClass) types.Datum { return types.Int(c.frozenXID) }, func(e *Env, r *Relation) types.Datum {
				return types.Int(int64(frozenXID(r)))
			}),
			"relminmxid": classCol(func(c *builtinClass) types.Datum { return types.Int(c.minMXID) }, func(e *Env, r *Relation) types.Datum {
				return types.Int(int64(min(frozenXID(r), 1)))
			}),
			"relacl": classCol(func(c *builtinClass) types.Datum { return parsedArray(types.OIDAclitemArray, c.acl, c.aclNull) },
				func(e *Env, r *Relation) types.Datum {
					if r.RelKind == 'c' { // its grants are those on the type
						return types.NullDatum
					}
					return aclArray(e, r.ACL, "")
				}),
			"reloptions": classCol(func(c *builtinClass) types.Datum { return textArrayOrNull(c.options) }, func(e *Env, r *Relation) types.Datum { return textArrayOrNull(r.Options) }),
			"relpartbound": classCol(builtinIs(types.NullDatum), func(e *Env, r *Relation) types.Datum {
				if r.Partition == nil || r.Partition.BoundText == "" {
					return types.NullDatum
				}
				return types.Str(SQLNode(r.Partition.BoundText))
			}),
		},
	}
}

// relationAM is the access method.
func relationAM(r *Relation) types.OID {
	switch r.RelKind {
	case 'r', 'm':
		return HeapAM
	case 'i', 'I':
		if r.Index != nil {
			return accessMethodByName(r.Index.Method)
		}
	}
	return 0
}

func replIdent(r *Relation) byte {
	if r.ReplIdent != 0 {
		return r.ReplIdent
	}
	switch r.RelKind {
	case 'r', 'p', 'm':
		return 'd'
	}
	return 'n'
}

// frozenXID gives relations with rows an age that keeps wraparound alarms quiet.
func frozenXID(r *Relation) int {
	switch r.RelKind {
	case 'r', 'm':
		return 716
	}
	return 0
}

// relationSize is what ANALYZE last knew: pages of 8 KiB and rows (-1: never analyzed).
func relationSize(e *Env, r *Relation) (pages, rows float64) {
	table := r.OID
	switch r.RelKind {
	case 'r', 'm', 'p':
	case 'i':
		if r.Index == nil {
			return 0, 0
		}
		table = r.Index.Table
	case 'S':
		return 1, 1
	default:
		return 0, 0
	}
	st := e.b().Stats(table)
	if st == nil {
		if r.RelKind == 'i' {
			return 1, 0
		}
		return 0, -1
	}
	return st.Pages, st.Rows
}

func countConstraints(r *Relation, typ byte) (n int) {
	for i := range r.Constraints {
		if r.Constraints[i].Type == typ {
			n++
		}
	}
	return n
}

// hasForeignKeys reports whether the relation has or is referenced by foreign keys: PostgreSQL keeps triggers for them.
func hasForeignKeys(b *Bound, r *Relation) bool {
	if r.RelKind != 'r' {
		return false
	}
	if countConstraints(r, 'f') > 0 {
		return true
	}
	found := false
	b.EachDependent(ClassRelation, r.OID, 0, func(e Edge) {
		if e.Class == ClassConstraint && e.Type == DepNormal {
			found = true
		}
	})
	return found
}

// children lists the relations that inherit from one.
func children(b *Bound, oid types.OID) (out []*Relation) {
	b.EachDependent(ClassRelation, oid, 0, func(e Edge) {
		if e.Class != ClassRelation || e.Sub != 0 || e.Type != DepNormal {
			return
		}
		if r := b.Relation(e.OID); r != nil && slices.Contains(r.Parents, oid) && !slices.Contains(out, r) {
			out = append(out, r)
		}
	})
	return out
}

// relationColumns are the columns of a relation; those of an index are named after the table's columns or "expr".
func relationColumns(b *Bound, r *Relation) []Column {
	if r.Index == nil || len(r.Columns) > 0 {
		return r.Columns
	}
	t := b.Relation(r.Index.Table)
	var cols []Column
	exprs := 0
	for i := range r.Index.Keys {
		k := &r.Index.Keys[i]
		c := Column{T: k.T, Collation: k.Collation}
		switch {
		case k.Att == 0:
			c.Name = "expr"
			if exprs > 0 {
				c.Name += itoa(exprs)
			}
			exprs++
		case t != nil && k.Att <= len(t.Columns):
			c.Name = t.Columns[k.Att-1].Name
		}
		cols = append(cols, c)
	}
	for _, a := range r.Index.Include {
		if t != nil && a > 0 && a <= len(t.Columns) {
			cols = append(cols, Column{Name: t.Columns[a-1].Name, T: t.Columns[a-1].T, Collation: t.Columns[a-1].Collation})
		}
	}
	return cols
}

// attrRow is a row of pg_attribute. typ has the physical properties, which for a dropped column's type that is gone are kept as zero.
type attrRow struct {
	rel       types.OID
	num       int
	col       *Column
	system    bool
	len       int16
	byVal     bool
	align     byte
	storage   byte
	statTgt   int32
	aclText   string
	aclIsNull bool
}

var systemColumns = []struct {
	num  int
	name string
	typ  types.OID
}{
	{tree.TableOidAtt, "tableoid", types.OIDOid}, {tree.CmaxAtt, "cmax", types.OIDCid}, {tree.XmaxAtt, "xmax", types.OIDXid},
	{tree.CminAtt, "cmin", types.OIDCid}, {tree.XminAtt, "xmin", types.OIDXid}, {tree.CtidAtt, "ctid", types.OIDTid},
}

var systemColumnDescs = func() []Column {
	out := make([]Column, len(systemColumns))
	for i, c := range systemColumns {
		out[i] = Column{Name: c.name, T: types.Of(c.typ), NotNull: true}
	}
	return out
}()

func hasSystemColumns(kind byte) bool {
	switch kind {
	case 'r', 'm', 'p', 't', 'S', 'f':
		return true
	}
	return false
}

func emitAttributes(e *Env, oid types.OID, emit func(attrRow)) {
	kind := byte(0)
	if oid < FirstNormalOID && builtinRelExtra(oid) == nil {
		c, ok := builtinClassByOID(oid)
		if !ok {
			return
		}
		kind = c.kind
		for _, i := range builtinRels.attr.find(builtinRels.attrs, 0, oid) {
			emit(builtinAttr(builtinRels.attrs.row(int(i))))
		}
	} else {
		r := e.b().Relation(oid)
		if r == nil {
			return
		}
		kind = r.RelKind
		cols := relationColumns(e.b(), r)
		for i := range cols {
			emit(userAttr(e, r, &cols[i], i+1))
		}
	}
	if hasSystemColumns(kind) {
		for i, s := range systemColumns {
			t := types.Builtin(s.typ)
			emit(attrRow{rel: oid, num: s.num, col: &systemColumnDescs[i], system: true, len: t.Len, byVal: t.ByVal, align: t.Align, storage: 'p', aclIsNull: true})
		}
	}
}

func builtinRelExtra(oid types.OID) *Relation {
	initRels()
	return builtinRels.extra[oid]
}

func builtinAttr(r dataRow) attrRow {
	a := attrRow{rel: r.oid(), col: &Column{Name: r.text()}}
	a.col.T.OID = r.oid()
	a.statTgt, a.len, a.num = int32(r.int()), int16(r.int()), int(r.int())
	a.col.NDims, a.col.T.Mod = int32(r.int()), int32(r.int())
	a.byVal, a.align, a.storage = r.bool(), r.char(), r.char()
	a.col.NotNull, a.col.Collation = r.bool(), r.oid()
	a.aclText, a.aclIsNull = r.textNull()
	return a
}

func userAttr(e *Env, r *Relation, c *Column, num int) attrRow {
	a := attrRow{rel: r.OID, num: num, col: c, statTgt: c.StatTarget, aclIsNull: true}
	if r.Index != nil && r.Index.Method == "hash" { // PostgreSQL keeps the hash values
		h := *c
		h.T = types.Of(types.OIDInt4)
		a.col = &h
	}
	if t := types.Lookup(&types.Ctx{Types: e.Reader}, a.col.T.OID); t != nil {
		a.len, a.byVal, a.align, a.storage = t.Len, t.ByVal, t.Align, t.Storage
	}
	if c.Storage != 0 {
		a.storage = c.Storage
	}
	return a
}

func pgAttribute() vtable {
	type fn = func(*Env, attrRow) types.Datum
	return table[attrRow]{
		rows: func(s *scan, emit func(attrRow)) {
			keep := emit
			if names, ok := s.names("attname"); ok {
				keep = func(a attrRow) {
					if slices.Contains(names, a.col.Name) {
						emit(a)
					}
				}
			}
			if list, ok := s.oids("attrelid"); ok {
				for _, oid := range list {
					emitAttributes(s.Env, oid, keep)
				}
				return
			}
			eachBuiltinClass(func(c builtinClass) { emitAttributes(s.Env, c.oid, keep) })
			for _, r := range s.b().Relations(0) {
				emitAttributes(s.Env, r.OID, keep)
			}
		},
		cols: map[string]fn{
			"attrelid": func(e *Env, a attrRow) types.Datum { return oidDatum(a.rel) },
			"attname": func(e *Env, a attrRow) types.Datum {
				if a.col.Dropped {
					return types.Str("........pg.dropped." + itoa(a.num) + "........")
				}
				return types.Str(a.col.Name)
			},
			"atttypid": func(e *Env, a attrRow) types.Datum {
				if a.col.Dropped {
					return types.Int(0)
				}
				return oidDatum(a.col.T.OID)
			},
			"attstattarget":  func(e *Env, a attrRow) types.Datum { return types.Int(int64(a.statTgt)) },
			"attlen":         func(e *Env, a attrRow) types.Datum { return types.Int(int64(a.len)) },
			"attnum":         func(e *Env, a attrRow) types.Datum { return types.Int(int64(a.num)) },
			"attndims":       func(e *Env, a attrRow) types.Datum { return types.Int(int64(a.col.NDims)) },
			"attcacheoff":    constCol[attrRow](types.Int(-1)),
			"atttypmod":      func(e *Env, a attrRow) types.Datum { return types.Int(int64(a.col.T.Mod)) },
			"attbyval":       func(e *Env, a attrRow) types.Datum { return types.Bool(a.byVal) },
			"attalign":       func(e *Env, a attrRow) types.Datum { return charDatum(a.align) },
			"attstorage":     func(e *Env, a attrRow) types.Datum { return charDatum(a.storage) },
			"attcompression": func(e *Env, a attrRow) types.Datum { return charDatum(a.col.Compression) },
			"attnotnull":     func(e *Env, a attrRow) types.Datum { return types.Bool(a.col.NotNull) },
			"atthasdef":      func(e *Env, a attrRow) types.Datum { return types.Bool(a.col.Default != nil && !a.col.Dropped) },
			"atthasmissing":  func(e *Env, a attrRow) types.Datum { return types.Bool(a.col.Missing != nil) },
			"attidentity":    func(e *Env, a attrRow) types.Datum { return charDatum(a.col.Identity) },
			"attgenerated":   func(e *Env, a attrRow) types.Datum { return charDatum(a.col.Generated) },
			"attisdropped":   func(e *Env, a attrRow) types.Datum { return types.Bool(a.col.Dropped) },
			"attislocal":     func(e *Env, a attrRow) types.Datum { return types.Bool(!a.col.Inherited) },
			"attinhcount":    func(e *Env, a attrRow) types.Datum { return types.Int(int64(a.col.InhCount)) },
			"attcollation":   func(e *Env, a attrRow) types.Datum { return oidDatum(a.col.Collation) },
			"attacl": func(e *Env, a attrRow) types.Datum {
				if !a.aclIsNull {
					return parsedArray(types.OIDAclitemArray, a.aclText, false)
				}
				return aclArray(e, a.col.ACL, "")
			},
			"attoptions":    func(e *Env, a attrRow) types.Datum { return textArrayOrNull(a.col.Options) },
			"attfdwoptions": constCol[attrRow](types.NullDatum),
			"attmissingval": func(e *Env, a attrRow) types.Datum { return missingValue(e, a.col) },
		},
	}
}

// missingValue is a one-element array of the column's type.
func missingValue(e *Env, c *Column) types.Datum {
	if c.Missing == nil {
		return types.NullDatum
	}
	return types.Str(types.MakeArray(&types.Ctx{Types: e.Reader}, c.T.OID, *c.Missing))
}

// colRow is a column of a user's relation.
type colRow struct {
	r   *Relation
	att int
}

func (c colRow) col() *Column { return &c.r.Columns[c.att-1] }

// relationsFor are the user's relations that a constraint on the column leaves.
func relationsFor(s *scan, col string) []*Relation {
	list, ok := s.oids(col)
	if !ok {
		return s.b().Relations(0)
	}
	var out []*Relation
	for _, oid := range list {
		if r := s.b().Relation(oid); r != nil && oid >= FirstNormalOID {
			out = append(out, r)
		}
	}
	return out
}

func pgAttrdef() vtable {
	type fn = func(*Env, colRow) types.Datum
	return table[colRow]{
		rows: func(s *scan, emit func(colRow)) {
			if list, ok := s.oids("oid"); ok {
				for _, oid := range list {
					if r, att := s.b().DefaultByOID(oid); r != nil {
						emit(colRow{r, att})
					}
				}
				return
			}
			for _, r := range relationsFor(s, "adrelid") {
				for i := range r.Columns {
					if r.Columns[i].Default != nil && !r.Columns[i].Dropped {
						emit(colRow{r, i + 1})
					}
				}
			}
		},
		cols: map[string]fn{
			"oid":     func(e *Env, c colRow) types.Datum { return oidDatum(c.col().DefaultOID) },
			"adrelid": func(e *Env, c colRow) types.Datum { return oidDatum(c.r.OID) },
			"adnum":   func(e *Env, c colRow) types.Datum { return types.Int(int64(c.att)) },
			"adbin":   func(e *Env, c colRow) types.Datum { return nodeDatum(c.col().Default) },
		},
	}
}

// indexOIDs are the indexes that constraints on indexrelid and indrelid leave, built-in ones first.
func eachIndex(s *scan, indexCol, tableCol string, emit func(*Relation)) {
	b := s.b()
	one := func(oid types.OID) {
		if r := b.Relation(oid); r != nil && r.Index != nil {
			emit(r)
		}
	}
	if list, ok := s.oids(indexCol); ok {
		for _, oid := range list {
			one(oid)
		}
		return
	}
	if list, ok := s.oids(tableCol); ok {
		for _, oid := range list {
			if t := b.Relation(oid); t != nil {
				for _, x := range t.Indexes {
					one(x)
				}
			}
		}
		return
	}
	initRels()
	for i := range builtinRels.index.len() {
		r := builtinRels.index.row(i)
		one(r.oid())
	}
	for _, r := range b.Relations(0) {
		if r.Index != nil {
			emit(r)
		}
	}
}

func pgIndex() vtable {
	type fn = func(*Env, *Relation) types.Datum
	is := func(f func(x *Index) bool) fn {
		return func(e *Env, r *Relation) types.Datum { return types.Bool(f(r.Index)) }
	}
	return table[*Relation]{
		rows: func(s *scan, emit func(*Relation)) { eachIndex(s, "indexrelid", "indrelid", emit) },
		cols: map[string]fn{
			"indexrelid": func(e *Env, r *Relation) types.Datum { return oidDatum(r.OID) },
			"indrelid":   func(e *Env, r *Relation) types.Datum { return oidDatum(r.Index.Table) },
			"indnatts": func(e *Env, r *Relation) types.Datum {
				return types.Int(int64(len(r.Index.Keys) + len(r.Index.Include)))
			},
			"indnkeyatts":         func(e *Env, r *Relation) types.Datum { return types.Int(int64(len(r.Index.Keys))) },
			"indisunique":         is(func(x *Index) bool { return x.Unique }),
			"indnullsnotdistinct": is(func(x *Index) bool { return x.NullsNotDistinct }),
			"indisprimary":        is(func(x *Index) bool { return x.Primary }),
			"indisexclusion":      constCol[*Relation](types.Bool(false)),
			"indimmediate":        is(func(x *Index) bool { return x.Immediate || !x.Unique }),
			"indisclustered":      is(func(x *Index) bool { return x.Clustered }),
			"indisvalid":          is(func(x *Index) bool { return x.Valid }),
			"indcheckxmin":        constCol[*Relation](types.Bool(false)),
			"indisready":          constCol[*Relation](types.Bool(true)),
			"indislive":           constCol[*Relation](types.Bool(true)),
			"indisreplident":      is(func(x *Index) bool { return x.ReplIdent }),
			"indkey": func(e *Env, r *Relation) types.Datum {
				var list []int64
				for _, k := range r.Index.Keys {
					list = append(list, int64(k.Att))
				}
				for _, a := range r.Index.Include {
					list = append(list, int64(a))
				}
				return int2vector(list...)
			},
			"indcollation": indexVector(func(k *IndexKey) types.OID { return k.Collation }),
			"indclass":     indexVector(func(k *IndexKey) types.OID { return k.OpClass }),
			"indoption": func(e *Env, r *Relation) types.Datum {
				var list []int64
				for _, k := range r.Index.Keys {
					n := int64(0)
					if k.Desc {
						n |= 1
					}
					if k.NullsFirst {
						n |= 2
					}
					list = append(list, n)
				}
				return int2vector(list...)
			},
			"indexprs": func(e *Env, r *Relation) types.Datum {
				var list [][]byte
				for _, k := range r.Index.Keys {
					if k.Att == 0 {
						list = append(list, k.Expr)
					}
				}
				return nodeDatum(list...)
			},
			"indpred": func(e *Env, r *Relation) types.Datum { return nodeDatum(r.Index.Predicate) },
		},
	}
}

func indexVector(f func(*IndexKey) types.OID) func(*Env, *Relation) types.Datum {
	return func(e *Env, r *Relation) types.Datum {
		var list []types.OID
		for i := range r.Index.Keys {
			list = append(list, f(&r.Index.Keys[i]))
		}
		return oidvector(list...)
	}
}

// conRow is a constraint of a relation or of a domain.
type conRow struct {
	c *Constraint
	r *Relation
	d *TypeDesc
}

// eachConstraint emits the user's constraints that the scan's constraints leave.
func eachConstraint(s *scan, emit func(conRow)) {
	b := s.b()
	ofRelation := func(r *Relation) {
		for i := range r.Constraints {
			emit(conRow{&r.Constraints[i], r, nil})
		}
	}
	ofDomain := func(d *TypeDesc) {
		for i := range d.Constraints {
			emit(conRow{&d.Constraints[i], nil, d})
		}
	}
	if list, ok := s.oids("oid"); ok {
		for _, oid := range list {
			if c, r, d := b.ConstraintByOID(oid); c != nil {
				emit(conRow{c, r, d})
			}
		}
		return
	}
	if list, ok := s.oids("conrelid"); ok {
		for _, oid := range list {
			if r := b.Relation(oid); r != nil && oid >= FirstNormalOID {
				ofRelation(r)
			}
			if oid == 0 {
				for _, d := range b.Types() {
					ofDomain(d)
				}
			}
		}
		return
	}
	if list, ok := s.oids("confrelid"); ok && !slices.Contains(list, 0) {
		for _, oid := range list {
			seen := map[types.OID]bool{}
			b.EachDependent(ClassRelation, oid, 0, func(e Edge) {
				if e.Class != ClassConstraint || seen[e.OID] {
					return
				}
				seen[e.OID] = true
				if c, r, d := b.ConstraintByOID(e.OID); c != nil && c.RefRel == oid {
					emit(conRow{c, r, d})
				}
			})
		}
		return
	}
	if list, ok := s.oids("contypid"); ok && !slices.Contains(list, 0) {
		for _, oid := range list {
			if d := b.TypeDesc(oid); d != nil {
				ofDomain(d)
			}
		}
		return
	}
	for _, r := range b.Relations(0) {
		ofRelation(r)
	}
	for _, d := range b.Types() {
		ofDomain(d)
	}
}

func pgConstraint() vtable {
	type fn = func(*Env, conRow) types.Datum
	blank := func(f func(c *Constraint) byte) fn { // a space where a constraint is no foreign key
		return func(e *Env, r conRow) types.Datum {
			if r.c.Type != 'f' {
				return charDatum(' ')
			}
			return charDatum(f(r.c))
		}
	}
	ints := func(f func(c *Constraint) []int) fn {
		return func(e *Env, r conRow) types.Datum {
			if list := f(r.c); len(list) > 0 {
				return intArray(types.OIDInt2, list)
			}
			return types.NullDatum
		}
	}
	eqOps := func(e *Env, r conRow) types.Datum {
		if r.c.Type != 'f' || len(r.c.EqOps) == 0 {
			return types.NullDatum
		}
		return oidArray(r.c.EqOps)
	}
	return withStatic{table[conRow]{
		rows: eachConstraint,
		cols: map[string]fn{
			"oid":     func(e *Env, r conRow) types.Datum { return oidDatum(r.c.OID) },
			"conname": func(e *Env, r conRow) types.Datum { return types.Str(r.c.Name) },
			"connamespace": func(e *Env, r conRow) types.Datum {
				if r.r != nil {
					return oidDatum(r.r.Schema)
				}
				return oidDatum(r.d.Type.Namespace)
			},
			"contype":       func(e *Env, r conRow) types.Datum { return charDatum(r.c.Type) },
			"condeferrable": func(e *Env, r conRow) types.Datum { return types.Bool(r.c.Deferrable) },
			"condeferred":   func(e *Env, r conRow) types.Datum { return types.Bool(r.c.Deferred) },
			"convalidated":  func(e *Env, r conRow) types.Datum { return types.Bool(!r.c.NotValid) },
			"conrelid": func(e *Env, r conRow) types.Datum {
				if r.r == nil {
					return types.Int(0)
				}
				return oidDatum(r.r.OID)
			},
			"contypid": func(e *Env, r conRow) types.Datum {
				if r.d == nil {
					return types.Int(0)
				}
				return oidDatum(r.d.OID)
			},
			"conindid":       func(e *Env, r conRow) types.Datum { return oidDatum(r.c.Index) },
			"conparentid":    constCol[conRow](types.Int(0)),
			"confrelid":      func(e *Env, r conRow) types.Datum { return oidDatum(r.c.RefRel) },
			"confupdtype":    blank(func(c *Constraint) byte { return orByte(c.OnUpdate, 'a') }),
			"confdeltype":    blank(func(c *Constraint) byte { return orByte(c.OnDelete, 'a') }),
			"confmatchtype":  blank(func(c *Constraint) byte { return orByte(c.Match, 's') }),
			"conislocal":     func(e *Env, r conRow) types.Datum { return types.Bool(!r.c.Inherited) },
			"coninhcount":    func(e *Env, r conRow) types.Datum { return types.Int(int64(r.c.InhCount)) },
			"connoinherit":   func(e *Env, r conRow) types.Datum { return types.Bool(r.c.NoInherit || r.r != nil && r.c.Type != 'c') },
			"conkey":         ints(func(c *Constraint) []int { return c.Cols }),
			"confkey":        ints(func(c *Constraint) []int { return c.RefCols }),
			"conpfeqop":      eqOps,
			"conppeqop":      eqOps,
			"conffeqop":      eqOps,
			"confdelsetcols": ints(func(c *Constraint) []int { return c.DeleteSetCols }),
			"conbin":         func(e *Env, r conRow) types.Datum { return nodeDatum(r.c.Expr) },
		},
	}}
}

func orByte(b, otherwise byte) byte {
	if b == 0 {
		return otherwise
	}
	return b
}

type inheritRow struct {
	child, parent types.OID
	seq           int
}

func pgInherits() vtable {
	type fn = func(*Env, inheritRow) types.Datum
	return table[inheritRow]{
		rows: func(s *scan, emit func(inheritRow)) {
			list := relationsFor(s, "inhrelid")
			if parents, ok := s.oids("inhparent"); ok {
				list = nil
				for _, p := range parents {
					list = append(list, children(s.b(), p)...)
				}
			}
			for _, r := range list {
				for i, p := range r.Parents {
					emit(inheritRow{r.OID, p, i + 1})
				}
			}
		},
		cols: map[string]fn{
			"inhrelid":         func(e *Env, r inheritRow) types.Datum { return oidDatum(r.child) },
			"inhparent":        func(e *Env, r inheritRow) types.Datum { return oidDatum(r.parent) },
			"inhseqno":         func(e *Env, r inheritRow) types.Datum { return types.Int(int64(r.seq)) },
			"inhdetachpending": constCol[inheritRow](types.Bool(false)),
		},
	}
}

func eachSequence(s *scan, col string, emit func(*Relation)) {
	for _, r := range relationsFor(s, col) {
		if r.Sequence != nil {
			emit(r)
		}
	}
}

func pgSequence() vtable {
	type fn = func(*Env, *Relation) types.Datum
	num := func(f func(q *Sequence) int64) fn {
		return func(e *Env, r *Relation) types.Datum { return types.Int(f(r.Sequence)) }
	}
	return table[*Relation]{
		rows: func(s *scan, emit func(*Relation)) { eachSequence(s, "seqrelid", emit) },
		cols: map[string]fn{
			"seqrelid":     func(e *Env, r *Relation) types.Datum { return oidDatum(r.OID) },
			"seqtypid":     num(func(q *Sequence) int64 { return int64(q.T) }),
			"seqstart":     num(func(q *Sequence) int64 { return q.Start }),
			"seqincrement": num(func(q *Sequence) int64 { return q.Increment }),
			"seqmax":       num(func(q *Sequence) int64 { return q.Max }),
			"seqmin":       num(func(q *Sequence) int64 { return q.Min }),
			"seqcache":     num(func(q *Sequence) int64 { return q.Cache }),
			"seqcycle":     func(e *Env, r *Relation) types.Datum { return types.Bool(r.Sequence.Cycle) },
		},
	}
}

// ruleRow is a row of pg_rewrite: the _RETURN rule of a view.
type ruleRow struct{ oid, class types.OID }

func pgRewrite() vtable {
	type fn = func(*Env, ruleRow) types.Datum
	return table[ruleRow]{
		rows: func(s *scan, emit func(ruleRow)) {
			if list, ok := s.oids("oid"); ok {
				for _, oid := range list {
					if r := s.b().RuleByOID(oid); r != nil {
						emit(ruleRow{oid, r.OID})
					} else if oid < FirstNormalOID {
						eachBuiltinRule(func(r ruleRow) {
							if r.oid == oid {
								emit(r)
							}
						})
					}
				}
				return
			}
			list, byClass := s.oids("ev_class")
			eachBuiltinRule(func(r ruleRow) {
				if !byClass || slices.Contains(list, r.class) {
					emit(r)
				}
			})
			for _, r := range relationsFor(s, "ev_class") {
				if r.View != nil {
					emit(ruleRow{r.View.RuleOID, r.OID})
				}
			}
		},
		cols: map[string]fn{
			"oid":        func(e *Env, r ruleRow) types.Datum { return oidDatum(r.oid) },
			"rulename":   constCol[ruleRow](types.Str("_RETURN")),
			"ev_class":   func(e *Env, r ruleRow) types.Datum { return oidDatum(r.class) },
			"ev_type":    constCol[ruleRow](charDatum('1')),
			"ev_enabled": constCol[ruleRow](charDatum('O')),
			"is_instead": constCol[ruleRow](types.Bool(true)),
			"ev_qual":    constCol[ruleRow](types.Str("<>")),
			"ev_action": func(e *Env, r ruleRow) types.Datum {
				if v := e.b().Relation(r.class); v != nil && v.View != nil {
					return nodeDatum(v.View.Query)
				}
				return types.Str("<>")
			},
		},
	}
}

func eachBuiltinRule(emit func(ruleRow)) {
	t := data("pg_rewrite")
	for i := range t.len() {
		r := t.row(i)
		if oid, name := r.oid(), r.text(); name == "_RETURN" { // the others make pg_settings updatable, which is not offered
			emit(ruleRow{oid, r.oid()})
		}
	}
}

func pgPartitionedTable() vtable {
	type fn = func(*Env, *Relation) types.Datum
	return table[*Relation]{
		rows: func(s *scan, emit func(*Relation)) {
			for _, r := range relationsFor(s, "partrelid") {
				if r.Partition != nil && r.Partition.Strategy != 0 {
					emit(r)
				}
			}
		},
		cols: map[string]fn{
			"partrelid": func(e *Env, r *Relation) types.Datum { return oidDatum(r.OID) },
			"partstrat": func(e *Env, r *Relation) types.Datum { return charDatum(r.Partition.Strategy) },
			"partnatts": func(e *Env, r *Relation) types.Datum { return types.Int(int64(len(r.Partition.Keys))) },
			"partdefid": func(e *Env, r *Relation) types.Datum {
				for _, c := range children(e.b(), r.OID) {
					if c.Partition != nil && c.Partition.Default {
						return oidDatum(c.OID)
					}
				}
				return types.Int(0)
			},
			"partattrs": func(e *Env, r *Relation) types.Datum {
				var list []int64
				for _, k := range r.Partition.Keys {
					list = append(list, int64(k.Att))
				}
				return int2vector(list...)
			},
			"partclass": func(e *Env, r *Relation) types.Datum {
				var list []types.OID
				for _, k := range r.Partition.Keys {
					list = append(list, k.OpClass)
				}
				return oidvector(list...)
			},
			"partcollation": func(e *Env, r *Relation) types.Datum {
				var list []types.OID
				for _, k := range r.Partition.Keys {
					list = append(list, k.Collation)
				}
				return oidvector(list...)
			},
			"partexprs": func(e *Env, r *Relation) types.Datum {
				var list [][]byte
				for _, k := range r.Partition.Keys {
					if k.Att == 0 {
						list = append(list, k.Expr)
					}
				}
				return nodeDatum(list...)
			},
		},
	}
}

// statRow is the statistics of one column.
type statRow struct {
	r  *Relation
	st *ColumnStats
}

func eachColumnStats(s *scan, relCol string, emit func(statRow)) {
	for _, r := range relationsFor(s, relCol) {
		if st := s.b().Stats(r.OID); st != nil {
			for i := range st.Columns {
				emit(statRow{r, &st.Columns[i]})
			}
		}
	}
}

func pgStatistic() vtable {
	type fn = func(*Env, statRow) types.Datum
	cols := map[string]fn{
		"starelid":    func(e *Env, r statRow) types.Datum { return oidDatum(r.r.OID) },
		"staattnum":   func(e *Env, r statRow) types.Datum { return types.Int(int64(r.st.Att)) },
		"stainherit":  constCol[statRow](types.Bool(false)),
		"stanullfrac": func(e *Env, r statRow) types.Datum { return floatDatum(float64(float32(r.st.NullFrac))) },
		"stawidth":    func(e *Env, r statRow) types.Datum { return types.Int(int64(r.st.Width)) },
		"stadistinct": func(e *Env, r statRow) types.Datum { return floatDatum(float64(float32(r.st.Distinct))) },
	}
	for i := range 5 {
		cols["stakind"+itoa(i+1)] = func(e *Env, r statRow) types.Datum { return types.Int(int64(slot(r.st, i))) }
		cols["staop"+itoa(i+1)] = constCol[statRow](types.Int(0))
		cols["stacoll"+itoa(i+1)] = constCol[statRow](types.Int(0))
		cols["stanumbers"+itoa(i+1)] = func(e *Env, r statRow) types.Datum {
			switch slot(r.st, i) {
			case 1:
				return float4Array(r.st.MCF)
			case 3:
				return float4Array([]float64{r.st.Correlation})
			}
			return types.NullDatum
		}
		cols["stavalues"+itoa(i+1)] = func(e *Env, r statRow) types.Datum {
			switch slot(r.st, i) {
			case 1:
				return columnArray(e, r, r.st.MCV)
			case 2:
				return columnArray(e, r, r.st.Histogram)
			}
			return types.NullDatum
		}
	}
	return table[statRow]{rows: func(s *scan, emit func(statRow)) { eachColumnStats(s, "starelid", emit) }, cols: cols}
}

// slot says what slot i (from 0) of a pg_statistic row holds: 1 most common values, 2 a histogram, 3 the correlation, 0 nothing.
func slot(st *ColumnStats, i int) int {
	kinds := make([]int, 0, 3)
	if len(st.MCV) > 0 {
		kinds = append(kinds, 1)
	}
	if len(st.Histogram) > 0 {
		kinds = append(kinds, 2)
	}
	if st.Correlation != 0 {
		kinds = append(kinds, 3)
	}
	if i < len(kinds) {
		return kinds[i]
	}
	return 0
}

func float4Array(list []float64) types.Datum {
	vals := make([]types.Datum, len(list))
	for i, f := range list {
		vals[i] = floatDatum(float64(float32(f)))
	}
	return types.Str(types.MakeArray(nil, types.OIDFloat4, vals...))
}

// columnArray is an array of values of the column's type.
func columnArray(e *Env, r statRow, vals []types.Datum) types.Datum {
	if r.st.Att < 1 || r.st.Att > len(r.r.Columns) || len(vals) == 0 {
		return types.NullDatum
	}
	return types.Str(types.MakeArray(&types.Ctx{Types: e.Reader}, r.r.Columns[r.st.Att-1].T.OID, vals...))
}
