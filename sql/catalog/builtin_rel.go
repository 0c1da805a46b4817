package catalog

import (
	"strings"
	"sync"

	"kimberlite/sql/types"
)

// builtinRels finds the rows of pg_class, and caches descriptors made from them.
var builtinRels struct {
	once   sync.Once
	table  *dataTable
	byOID  intIndex
	byName textIndex
	attrs  *dataTable
	attr   intIndex // rows of pg_attribute by attrelid
	index  *dataTable
	indexs intIndex // rows of pg_index by indexrelid
	byTab  intIndex // rows of pg_index by indrelid
	cons   *dataTable
	conTab intIndex // rows of pg_constraint by conrelid
	cache  sync.Map // OID -> *Relation
	extra  map[types.OID]*Relation
	names  map[schemaName]*Relation // of extra
}

type schemaName struct {
	schema types.OID
	name   string
}

func initRels() {
	b := &builtinRels
	b.once.Do(func() {
		b.table, b.attrs, b.index, b.cons = data("pg_class"), data("pg_attribute"), data("pg_index"), data("pg_constraint")
		b.extra, b.names = map[types.OID]*Relation{}, map[schemaName]*Relation{}
		for _, r := range extraRelations() {
			b.extra[r.OID] = r
			b.names[schemaName{r.Schema, r.Name}] = r
		}
	})
}

// builtinClass is a row of the generated pg_class.
type builtinClass struct {
	oid         types.OID
	name        string
	schema      types.OID
	typ         types.OID
	am          types.OID
	filenode    types.OID
	tablespace  types.OID
	pages       int32
	tuples      float32
	toast       types.OID
	hasIndex    bool
	shared      bool
	kind        byte
	natts       int16
	checks      int16
	hasRules    bool
	replIdent   byte
	frozenXID   int64
	minMXID     int64
	acl         string
	aclNull     bool
	options     []string
	virtualOnly bool // Kimberlite's own: has no row in the generated data
}

func builtinClassAt(i int) builtinClass {
	r := builtinRels.table.row(i)
	c := builtinClass{oid: r.oid(), name: r.text(), schema: r.oid(), typ: r.oid(), am: r.oid(), filenode: r.oid(), tablespace: r.oid(),
		pages: int32(r.int()), tuples: r.float(), toast: r.oid(), hasIndex: r.bool(), shared: r.bool(), kind: r.char(),
		natts: int16(r.int()), checks: int16(r.int()), hasRules: r.bool(), replIdent: r.char(), frozenXID: r.int(), minMXID: r.int()}
	c.acl, c.aclNull = r.textNull()
	c.options = r.strings()
	return c
}

// BuiltinRelation returns the descriptor of a system catalog, system view, or index of one, nil if there is none. Its rows come from Virtual.
func BuiltinRelation(oid types.OID) *Relation {
	initRels()
	b := &builtinRels
	if r := b.extra[oid]; r != nil {
		return r
	}
	if r, ok := b.cache.Load(oid); ok {
		return r.(*Relation)
	}
	i := b.byOID.one(b.table, 0, oid)
	if i < 0 {
		return nil
	}
	r, _ := b.cache.LoadOrStore(oid, makeBuiltinRelation(builtinClassAt(i)))
	return r.(*Relation)
}

func builtinRelationByName(schema types.OID, name string) *Relation {
	initRels()
	b := &builtinRels
	if r := b.names[schemaName{schema, name}]; r != nil {
		return r
	}
	if schema == PgCatalogOID && !strings.HasPrefix(name, "pg_") {
		return nil // all of them begin so: every name that a user looks up passes here
	}
	for _, i := range b.byName.find(b.table, 1, name) {
		r := b.table.row(int(i))
		oid := r.oid()
		r.skip(1)
		if r.oid() == schema {
			return BuiltinRelation(oid)
		}
	}
	return nil
}

func makeBuiltinRelation(c builtinClass) *Relation {
	b := &builtinRels
	r := &Relation{
		Header: Header{OID: c.oid, Name: c.name, Owner: SuperuserOID}, Schema: c.schema, RelKind: c.kind, Persistence: 'p', RowType: c.typ,
		ReplIdent: c.replIdent, Columns: make([]Column, 0, c.natts), Tablespace: c.tablespace,
	}
	if t := types.Builtin(c.typ); t != nil {
		r.RowArray = t.Array
	}
	if !c.aclNull {
		r.ACL = builtinRelationACL(c.acl)
	}
	for _, i := range b.attr.find(b.attrs, 0, c.oid) {
		r.Columns = append(r.Columns, builtinColumn(b.attrs.row(int(i))))
	}
	switch c.kind {
	case 'r':
		for _, i := range b.byTab.find(b.index, 1, c.oid) {
			x := b.index.row(int(i))
			r.Indexes = append(r.Indexes, x.oid())
		}
		for _, i := range b.conTab.find(b.cons, 7, c.oid) {
			if k, ok := builtinConstraint(b.cons.row(int(i))); ok {
				r.Constraints = append(r.Constraints, k)
			}
		}
	case 'i':
		if i := b.indexs.one(b.index, 0, c.oid); i >= 0 {
			r.Index = builtinIndex(b.index.row(i))
		}
	}
	return r
}

// builtinRelationACL reads an ACL whose only roles are the superuser, PUBLIC and the predefined ones.
func builtinRelationACL(s string) []ACLItem {
	acl := []ACLItem{}
	row := dataRow{s}
	for _, item := range row.strings() {
		if a, ok := ParseACL(bootView(), item); ok {
			acl = append(acl, a)
		}
	}
	return acl
}

// bootView is the catalog of a new cluster, to resolve the names of predefined roles.
var bootView = sync.OnceValue(func() *Bound { return NewSnapshot().Apply(Bootstrap()).Bind(PostgresOID) })

func builtinColumn(r dataRow) Column {
	r.skip(1) // attrelid
	c := Column{Name: r.text()}
	c.T.OID = r.oid()
	c.StatTarget = int32(r.int())
	r.skip(2) // attlen, attnum
	c.NDims, c.T.Mod = int32(r.int()), int32(r.int())
	r.skip(2) // attbyval, attalign
	c.Storage, c.NotNull, c.Collation = r.char(), r.bool(), r.oid()
	if acl, null := r.textNull(); !null {
		c.ACL = builtinRelationACL(acl)
	}
	return c
}

// builtinConstraint reads a row of pg_constraint of a table: a primary key or unique constraint.
func builtinConstraint(r dataRow) (c Constraint, ok bool) {
	c.OID, c.Name = r.oid(), r.text()
	r.skip(1) // connamespace
	c.Type, c.Deferrable, c.Deferred, c.NotValid = r.char(), r.bool(), r.bool(), !r.bool()
	r.skip(2) // conrelid, contypid
	c.Index = r.oid()
	r.skip(8) // conparentid .. connoinherit
	for _, a := range r.oids() {
		c.Cols = append(c.Cols, int(a))
	}
	return c, c.Type == 'p' || c.Type == 'u'
}

func builtinIndex(r dataRow) *Index {
	x := &Index{Method: "btree", Valid: true}
	r.skip(1)
	x.Table = r.oid()
	r.skip(2)
	x.Unique, x.NullsNotDistinct, x.Primary = r.bool(), r.bool(), r.bool()
	r.skip(1)
	x.Immediate = r.bool()
	r.skip(6) // indisclustered .. indisreplident, indkey next
	keys, colls, classes, options := r.oids(), r.oids(), r.oids(), r.oids()
	for i, k := range keys {
		key := IndexKey{Att: int(k), OpClass: classes[i], Collation: colls[i], Desc: options[i]&1 != 0, NullsFirst: options[i]&2 != 0}
		// The type is the table column's: an index on a name keeps it as cstring.
		if t := BuiltinRelation(x.Table); t != nil && int(k) <= len(t.Columns) && k > 0 {
			key.T = t.Columns[k-1].T
		}
		x.Keys = append(x.Keys, key)
	}
	return x
}

// eachBuiltinClass calls f for the rows of the generated pg_class; for the relations that Kimberlite adds, rows are made up.
func eachBuiltinClass(f func(c builtinClass)) {
	initRels()
	for i := range builtinRels.table.len() {
		f(builtinClassAt(i))
	}
	for _, r := range extraRelations() {
		f(extraClass(r))
	}
}

func extraClass(r *Relation) builtinClass {
	return builtinClass{oid: r.OID, name: r.Name, schema: r.Schema, kind: r.RelKind, natts: int16(len(r.Columns)), tuples: -1, replIdent: 'n',
		acl: "{postgres=arwdDxt/postgres,=r/postgres}", virtualOnly: true}
}

var builtinComments intIndex

// builtinComment returns PostgreSQL's own comment on a built-in object.
func builtinComment(class, object types.OID, sub int) string {
	t := data("pg_description")
	for _, i := range builtinComments.find(t, 0, object) {
		r := t.row(int(i))
		r.skip(1)
		if r.oid() == class && int(r.int()) == sub {
			return r.text()
		}
	}
	return ""
}

var builtinConstraintByOID intIndex

// BuiltinConstraint finds a primary key or unique constraint of a system catalog, nil for any other OID.
func BuiltinConstraint(oid types.OID) (*Relation, *Constraint) {
	initRels()
	i := builtinConstraintByOID.one(builtinRels.cons, 0, oid)
	if i < 0 {
		return nil, nil
	}
	row := builtinRels.cons.row(i)
	row.skip(7)
	r := BuiltinRelation(row.oid())
	if r == nil {
		return nil, nil
	}
	for j := range r.Constraints {
		if r.Constraints[j].OID == oid {
			return r, &r.Constraints[j]
		}
	}
	return nil, nil
}
