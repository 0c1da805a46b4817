package catalog

import (
	"sync"

	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// Env is what virtual tables are computed from.
type Env struct {
	// Reader is the catalog as the statement sees it: a *Bound or an *Overlay.
	Reader Reader
	IO     *types.Ctx
	// User is the current role: information_schema and the statistics views show what it may see.
	User types.OID
	// TempSchema is the session's own temporary schema, 0 for none.
	TempSchema types.OID
	// Path is the search path under which definitions are printed; nil: the reader's own.
	Path []types.OID
	// Deparse prints expressions and definitions; package sql/deparse implements it.
	Deparse Deparser
	// Stats has what lives in the session and the server; nil: nothing.
	Stats StatSource

	bound *Bound
}

// Deparser prints definitions as PostgreSQL's pg_get_* functions do.
type Deparser interface {
	// Expr prints a stored expression over the columns of a relation (0: none).
	Expr(b *Bound, encoded []byte, rel types.OID) string
	// ViewDef prints the query of a view, with a semicolon, as pg_get_viewdef(oid) does.
	ViewDef(b *Bound, view types.OID) string
	IndexDef(b *Bound, index types.OID) string
	ConstraintDef(b *Bound, constraint types.OID) string
	RuleDef(b *Bound, rule types.OID) string
}

// bounder is implemented by *Bound and by what embeds it.
type bounder interface{ self() *Bound }

func (v *Bound) self() *Bound { return v }

// BoundOf returns the Bound behind a reader of this package, nil for any other.
func BoundOf(r Reader) *Bound {
	if b, ok := r.(bounder); ok {
		return b.self()
	}
	return nil
}

func (e *Env) b() *Bound { return e.bound }

func (e *Env) stats() StatSource {
	if e.Stats == nil {
		return NoStats{}
	}
	return e.Stats
}

// ColumnEq says that a column (by attribute number) equals one of the values, none of which is NULL. Virtual tables may use it to leave rows out, and may
// ignore it: the executor checks the condition on every row anyway.
type ColumnEq struct {
	Col    int
	Values []types.Datum
}

// RowSource yields the rows of a virtual table. It has the shape of functions.RowSource.
type RowSource interface {
	// Next appends up to types.BatchRows rows to the vectors of b (which the caller has reset) and sets b.N; 0 rows is the end.
	Next(b *types.Batch) error
	Close()
}

// vtable is a virtual table: open starts a scan.
type vtable interface {
	open(s *scan) RowSource
}

// scan is one reading of a virtual table.
type scan struct {
	*Env
	rel  *Relation
	cols []int // attribute numbers wanted, in the order of the batch's vectors
	cons []ColumnEq
}

// values returns what a column must equal, ok false when anything will do.
func (s *scan) values(col string) (vals []types.Datum, ok bool) {
	for _, c := range s.cons {
		if c.Col > 0 && c.Col <= len(s.rel.Columns) && s.rel.Columns[c.Col-1].Name == col {
			return c.Values, true
		}
	}
	return nil, false
}

func (s *scan) oids(col string) (list []types.OID, ok bool) {
	vals, ok := s.values(col)
	for _, v := range vals {
		list = append(list, types.OID(v.I))
	}
	return list, ok
}

func (s *scan) names(col string) (list []string, ok bool) {
	vals, ok := s.values(col)
	for _, v := range vals {
		list = append(list, v.S)
	}
	return list, ok
}

// OpenVirtual starts a scan of a built-in relation (OID below 16384) or of a sequence that returns the given columns in order: attribute numbers, negative ones for system columns
// (ctid, xmin, cmin, xmax, cmax, tableoid). A relation of PostgreSQL that has nothing to show here is empty.
func OpenVirtual(env *Env, rel types.OID, cols []int, cons []ColumnEq) RowSource {
	e := *env
	e.bound = BoundOf(env.Reader)
	if e.bound != nil && e.Path != nil {
		e.bound = e.bound.WithPath(e.Path)
	}
	if e.bound == nil {
		return emptySource{}
	}
	r := e.bound.Relation(rel)
	if r == nil {
		return emptySource{}
	}
	if r.Sequence != nil {
		return sequenceRow.open(&scan{Env: &e, rel: r, cols: cols})
	}
	t := virtualTable(r)
	if t == nil {
		return emptySource{}
	}
	return t.open(&scan{Env: &e, rel: r, cols: cols, cons: cons})
}

// sequenceRow is the row of a sequence that is read as a table.
var sequenceRow = table[*Relation]{
	rows: func(s *scan, emit func(*Relation)) { emit(s.rel) },
	cols: map[string]func(*Env, *Relation) types.Datum{
		"last_value": func(e *Env, r *Relation) types.Datum {
			last, _, ok := e.stats().SequenceState(r.OID)
			return types.Datum{I: last, Null: !ok}
		},
		"log_cnt": constCol[*Relation](types.Int(0)),
		"is_called": func(e *Env, r *Relation) types.Datum {
			_, called, ok := e.stats().SequenceState(r.OID)
			return types.Datum{I: types.Bool(called).I, Null: !ok}
		},
	},
}

// emptySource has no rows.
type emptySource struct{}

func (emptySource) Next(b *types.Batch) error { b.N = 0; return nil }
func (emptySource) Close()                    {}

var vtableCache sync.Map // OID -> vtable

func virtualTable(r *Relation) vtable {
	if t, ok := vtableCache.Load(r.OID); ok {
		t, _ := t.(vtable)
		return t
	}
	name := r.Name
	switch r.Schema {
	case InformationSchemaOID:
		name = "information_schema." + name
	case KimberliteOID:
		name = "kimberlite." + name
	}
	var t vtable
	if f := vtables[name]; f != nil {
		t = f()
	} else if _, ok := dataFiles[r.Name]; ok && r.RelKind == 'r' {
		t = staticTable{data(r.Name)}
	}
	vtableCache.Store(r.OID, t)
	return t
}

// vtables makes the virtual tables that are computed, by name. Tables are built when first read: a server that nobody asks about its catalog doesn't pay for them.
var vtables map[string]func() vtable

func init() { // an initializer would be a cycle: tables look up others
	vtables = map[string]func() vtable{}
	for _, group := range []map[string]func() vtable{classTables, typeTables, objectTables, extensionTables, roleTables, viewTables, statTables, infoTables, infoTables2, kimberliteTables} {
		for name, f := range group {
			vtables[name] = f
		}
	}
}

// table is a virtual table over rows of any kind. rows calls emit for each row that may satisfy the scan's constraints; cols computes the columns by name, a column
// without a function is NULL.
type table[R any] struct {
	rows func(s *scan, emit func(R))
	cols map[string]func(e *Env, r R) types.Datum
}

func (t table[R]) open(s *scan) RowSource {
	src := &tableSource[R]{scan: s}
	t.rows(s, func(r R) { src.rows = append(src.rows, r) })
	src.cols = make([]func(*Env, R) types.Datum, len(s.cols))
	for i, c := range s.cols {
		if c > 0 && c <= len(s.rel.Columns) {
			src.cols[i] = t.cols[s.rel.Columns[c-1].Name]
		}
	}
	return src
}

type tableSource[R any] struct {
	*scan
	rows []R
	cols []func(*Env, R) types.Datum
	at   int
}

func (t *tableSource[R]) Close() { t.rows = nil }

func (t *tableSource[R]) Next(b *types.Batch) error {
	rows := t.rows[t.at:min(t.at+types.BatchRows, len(t.rows))]
	b.N = len(rows)
	for i, c := range t.scan.cols {
		v := b.Cols[i]
		v.Resize(len(rows))
		f := t.cols[i]
		switch {
		case c < 0:
			systemColumn(v, c, t.rel.OID, t.at, len(rows))
		case f == nil:
			for j := range rows {
				v.SetNull(j)
			}
		default:
			for j := range rows {
				v.Set(j, f(t.Env, rows[j]))
			}
		}
	}
	t.at += len(rows)
	return nil
}

// systemColumn fills a system column for n rows whose first is row number first (from 0).
func systemColumn(v *types.Vec, att int, rel types.OID, first, n int) {
	for i := range n {
		switch att {
		case tree.TableOidAtt:
			v.Set(i, oidDatum(rel))
		case tree.CtidAtt:
			v.Set(i, tidDatum(first+i+1))
		case tree.XminAtt:
			v.Set(i, types.Int(1))
		default:
			v.Set(i, types.Int(0))
		}
	}
}

// tidDatum numbers rows: 100 a block.
func tidDatum(n int) types.Datum {
	d, err := types.In(nil, types.Of(types.OIDTid), "("+itoa(n/100)+","+itoa(n%100+1)+")")
	if err != nil {
		return types.NullDatum
	}
	return d
}

// staticTable is a catalog whose rows are all generated, columns in the catalog's order.
type staticTable struct{ data *dataTable }

func (t staticTable) open(s *scan) RowSource {
	src := &staticSource{scan: s, data: t.data}
	src.n = t.data.len()
	if len(s.rel.Columns) > 0 {
		src.key(s)
	}
	for _, c := range s.cols {
		if c > 0 && c <= len(s.rel.Columns) {
			src.parse = append(src.parse, fieldParser(s.Env, s.rel.Columns[c-1].T))
		} else {
			src.parse = append(src.parse, nil)
		}
	}
	return src
}

// staticIndexes are indexes on the first columns of generated files, made when a constraint can use one.
var staticIndexes sync.Map // file name -> *intIndex

// staticTextIndexes are those on the second column (names).
var staticTextIndexes sync.Map

// key uses a constraint on the first column, or on the second when it is a name.
func (src *staticSource) key(s *scan) {
	if list, ok := s.oids(s.rel.Columns[0].Name); ok && types.ClassOf(nil, s.rel.Columns[0].T.OID) == types.Fixed {
		x, _ := staticIndexes.LoadOrStore(src.data.file, &intIndex{})
		src.picked = []uint32{}
		for _, oid := range list {
			src.picked = append(src.picked, x.(*intIndex).find(src.data, 0, oid)...)
		}
	} else if len(s.rel.Columns) > 1 && s.rel.Columns[1].T.OID == types.OIDName {
		list, ok := s.names(s.rel.Columns[1].Name)
		if !ok {
			return
		}
		x, _ := staticTextIndexes.LoadOrStore(src.data.file, &textIndex{})
		src.picked = []uint32{}
		for _, name := range list {
			src.picked = append(src.picked, x.(*textIndex).find(src.data, 1, name)...)
		}
	}
	if src.picked != nil {
		src.n = len(src.picked)
	}
}

type staticSource struct {
	*scan
	data   *dataTable
	picked []uint32 // rows, nil for all
	n      int
	at     int
	parse  []func(string) types.Datum
	fields []string
}

func (t *staticSource) Close() {}

func (t *staticSource) Next(b *types.Batch) error {
	n := min(types.BatchRows, t.n-t.at)
	b.N = n
	for i := range t.cols {
		b.Cols[i].Resize(n)
	}
	if cap(t.fields) < len(t.rel.Columns) {
		t.fields = make([]string, len(t.rel.Columns))
	}
	for j := range n {
		row := t.at + j
		if t.picked != nil {
			row = int(t.picked[row])
		}
		r := t.data.row(row)
		for k := range t.fields {
			t.fields[k] = r.raw()
		}
		for i, c := range t.cols {
			v := b.Cols[i]
			switch {
			case t.parse[i] == nil:
			case t.fields[c-1] == `\N`:
				v.SetNull(j)
			default:
				v.Set(j, t.parse[i](t.fields[c-1]))
			}
		}
	}
	for i, c := range t.cols {
		if t.parse[i] == nil {
			systemColumn(b.Cols[i], c, t.rel.OID, t.at, n)
		}
	}
	t.at += n
	return nil
}

// fieldParser returns the conversion of a COPY field that is not NULL to a value of the type.
func fieldParser(e *Env, t types.T) func(string) types.Datum {
	t = types.BaseType(nil, t)
	switch t.OID {
	case types.OIDBool:
		return func(s string) types.Datum { return types.Bool(s == "t") }
	case types.OIDOid, types.OIDInt2, types.OIDInt4, types.OIDInt8, types.OIDRegproc, types.OIDXid, types.OIDRegclass:
		return func(s string) types.Datum { return types.Int(atoi(s)) }
	case types.OIDChar:
		return func(s string) types.Datum {
			if s == "" {
				return types.Int(0)
			}
			return types.Int(int64(s[0]))
		}
	case types.OIDName, types.OIDText, types.OIDVarchar:
		return func(s string) types.Datum { return types.Str(unescape(s)) }
	case types.OIDPgNodeTree:
		return func(s string) types.Datum { return types.Str(SQLNode(unescape(s))) }
	}
	in, err := types.TextIn(nil, t)
	if err != nil {
		return func(string) types.Datum { return types.NullDatum }
	}
	return func(s string) types.Datum {
		d, err := in(unescape(s))
		if err != nil {
			return types.NullDatum
		}
		return d
	}
}

func unescape(s string) string {
	for i := range len(s) {
		if s[i] == '\\' {
			return uncopy(s)
		}
	}
	return s
}

// chained reads one source after another.
type chained struct{ sources []RowSource }

func (c *chained) Next(b *types.Batch) error {
	for len(c.sources) > 0 {
		if err := c.sources[0].Next(b); err != nil || b.N > 0 {
			return err
		}
		c.sources[0].Close()
		c.sources = c.sources[1:]
		b.Reset()
	}
	b.N = 0
	return nil
}

func (c *chained) Close() {
	for _, s := range c.sources {
		s.Close()
	}
}

// withStatic is the generated rows of a catalog followed by computed ones.
type withStatic struct{ more vtable }

func (w withStatic) open(s *scan) RowSource {
	return &chained{[]RowSource{staticTable{data(s.rel.Name)}.open(s), w.more.open(s)}}
}
