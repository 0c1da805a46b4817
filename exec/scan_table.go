package exec

import (
	"slices"

	"kimberlite/exec/plan"
	"kimberlite/log"
	"kimberlite/projections"
	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
	"kimberlite/txn"
)

// relation is a table as an instance uses it.
type relation struct {
	desc *catalog.Relation
	def  *projections.TableDef
	oid  types.OID
}

func (b *builder) relation(oid types.OID) (*relation, error) {
	desc := b.c.cat.Relation(oid)
	if desc == nil {
		return nil, pgerr.Newf(pgerr.UndefinedTable, "could not open relation with OID %d", oid)
	}
	def := b.c.cat.TableDef(oid)
	if def == nil {
		return nil, pgerr.Newf(pgerr.WrongObjectType, "cannot open relation \"%s\"", desc.Name)
	}
	return &relation{desc: desc, def: def, oid: oid}, nil
}

// columnSet collects the columns of a table that expressions refer to, in the order they are first named. Negative attribute
// numbers are system columns.
type columnSet struct {
	rel  *catalog.Relation
	atts []int
	cols []types.T
}

func (s *columnSet) index(att int, t types.T) int {
	for i, a := range s.atts {
		if a == att {
			return i
		}
	}
	s.atts = append(s.atts, att)
	s.cols = append(s.cols, t)
	return len(s.atts) - 1
}

// bind resolves the columns of a scan.
func (s *columnSet) bind(c *compiler) func(v *tree.Var) (expr, error) {
	return func(v *tree.Var) (expr, error) {
		if v.VarNo != plan.ScanVar {
			return nil, pgerr.Internal("column %d of input %d in a scan", v.AttNo, v.VarNo)
		}
		return s.variable(c, v)
	}
}

func (s *columnSet) variable(c *compiler, v *tree.Var) (expr, error) {
	if v.AttNo == 0 {
		return s.wholeRow(c, v)
	}
	if v.AttNo > 0 && v.AttNo <= len(s.rel.Columns) {
		return &varExpr{col: s.index(v.AttNo, s.rel.Columns[v.AttNo-1].T)}, nil
	}
	return &varExpr{col: s.index(v.AttNo, v.T)}, nil
}

// wholeRow makes a record of all live columns.
func (s *columnSet) wholeRow(c *compiler, v *tree.Var) (expr, error) {
	var args []expr
	var oids []types.OID
	for i := range s.rel.Columns {
		col := &s.rel.Columns[i]
		if col.Dropped {
			continue
		}
		args = append(args, &varExpr{col: s.index(i+1, col.T)})
		oids = append(oids, col.T.OID)
	}
	io, typ := c.io, types.BaseType(c.io, v.T).OID
	return &listExpr{rowwise: c.rowwise(v.T), args: args, argv: make([]types.Datum, len(args)), f: func(vals []types.Datum) (types.Datum, error) {
		return types.Datum{S: types.MakeRecord(io, typ, oids, nil, vals)}, nil
	}}, nil
}

// tableBatch is the batch that a table scan fills.
type tableBatch struct {
	st    *state
	rel   *relation
	atts  []int
	sys   []int // positions of system columns
	out   types.Batch
	arena types.Arena
}

func newTableBatch(st *state, rel *relation, set *columnSet) *tableBatch {
	if set.atts == nil {
		set.atts = []int{} // no column, as opposed to all
	}
	t := &tableBatch{st: st, rel: rel, atts: set.atts}
	for i, a := range set.atts {
		if a < 0 {
			t.sys = append(t.sys, i)
		}
		t.out.Cols = append(t.out.Cols, types.NewVec(set.cols[i], types.ClassOf(&st.io, set.cols[i].OID)))
	}
	return t
}

// system fills the system columns from the ids and positions of the rows.
func (t *tableBatch) system(ids []projections.RowID, pos []log.Position) {
	for _, i := range t.sys {
		v := t.out.Cols[i]
		v.Resize(len(ids))
		for k, id := range ids {
			t.systemValue(t.atts[i], v, k, id, pos)
		}
	}
}

func (t *tableBatch) systemValue(att int, v *types.Vec, k int, id projections.RowID, pos []log.Position) {
	switch att {
	case tree.CtidAtt:
		v.Str[k] = ctidOf(&t.arena, id)
	case tree.TableOidAtt:
		v.Fix[k] = int64(t.rel.oid)
	case tree.XminAtt:
		v.Fix[k] = 0
		if k < len(pos) {
			v.Fix[k] = int64(uint32(pos[k]))
		}
	default:
		v.Fix[k] = 0
	}
}

// view returns what the statement sees of the database.
func (st *state) view() *txn.View {
	if st.ctx.View != nil {
		return st.ctx.View
	}
	if st.ownView == nil {
		st.ownView = st.ctx.Txn.Command()
	}
	return st.ownView
}

// noAsOf refuses reading the past until the planner's promise about it is kept.
func noAsOf(s *plan.Scan) error {
	if s.AsOf != nil {
		return pgerr.Unsupported("AS OF in a scan", "Read the past with kimberlite.row_history.")
	}
	return nil
}

// seqSource reads a table by row id.
type seqSource struct {
	*tableBatch
	dec  *projections.RowDecoder
	scan *txn.RowScan
	max  int64
	seen int64
	used scanned
}

func (b *builder) seqScan(n *plan.SeqScan) (operator, error) {
	if err := noAsOf(&n.Scan); err != nil {
		return nil, err
	}
	rel, err := b.relation(n.Rel)
	if err != nil {
		return nil, err
	}
	if op := b.pinned(n.RTIndex, rel, n, n.Quals); op != nil {
		return op.make(b)
	}
	src := &seqSource{max: -1}
	op, set, err := b.tableScan(src, rel, n, n.Quals)
	if err != nil {
		return nil, err
	}
	src.tableBatch = newTableBatch(b.st, rel, set)
	src.dec = projections.NewRowDecoder(rel.def, append([]int{}, set.atts...))
	return op, nil
}

// tableScan compiles filter and target list of a scan and collects the columns that they need.
func (b *builder) tableScan(src source, rel *relation, n plan.Node, quals []tree.Expr) (*scanOp, *columnSet, error) {
	set := &columnSet{rel: rel.desc}
	c := b.c.binding(nil)
	c.bind = set.bind(c)
	o := &scanOp{st: b.st, src: src, bound: bound{limit: -1}}
	var err error
	if o.filter, err = b.filter(c, quals, n); err != nil {
		return nil, nil, err
	}
	target := n.Common().Target
	if o.proj, err = b.projection(c, target, -1); err != nil {
		return nil, nil, err
	}
	// The columns are known now: hand them on as they are when the target list is just that.
	o.proj.identity = len(target) == len(set.atts)
	for i, x := range o.proj.cols {
		if v, ok := x.(*varExpr); !ok || v.col != i {
			o.proj.identity = false
		}
	}
	return o, set, nil
}

func (s *seqSource) setBound(n int64) { s.max = n }

func (s *seqSource) open() error {
	s.seen = 0
	s.used.scans++
	if s.scan != nil {
		s.scan.Reset(0, projections.RowMax)
		return nil
	}
	s.scan = s.st.view().Rows(s.rel.def, s.dec, 0, projections.RowMax, false)
	return nil
}

func (s *seqSource) next() (*types.Batch, error) {
	limit := types.BatchRows
	if s.max >= 0 {
		limit = int(min(int64(limit), s.max-s.seen))
		if limit <= 0 {
			return nil, nil
		}
	}
	n, err := s.scan.Next(&s.out, limit)
	if err != nil || n == 0 {
		return nil, err
	}
	s.seen += int64(n)
	s.used.read += int64(n)
	s.out.N, s.out.Sel = n, nil
	if s.sys != nil {
		s.system(s.scan.IDs(), s.scan.Positions())
	}
	return &s.out, nil
}

func (s *seqSource) close() {}

// reset gives the scan up at the end of an execution.
func (s *seqSource) reset() {
	s.used.report(s.st, s.rel.oid)
	if s.scan != nil {
		s.scan.Close()
		s.scan = nil
	}
}

// indexSource reads a table or an index in index order.
type indexSource struct {
	*tableBatch
	ix       int
	conds    *indexConds
	opts     txn.IndexScanOptions
	scan     *txn.IndexScan
	spans    []projections.KeySpan
	at       int
	started  bool
	backward bool
	max      int64
	seen     int64
	used     scanned
	stats    *NodeStats
	// Point look-ups in a unique index need no iterator.
	unique bool
	dec    *projections.RowDecoder
	row    []types.Datum
}

func (b *builder) indexScan(n *plan.IndexScan) (operator, error) {
	if err := noAsOf(&n.Scan); err != nil {
		return nil, err
	}
	rel, err := b.relation(n.Rel)
	if err != nil {
		return nil, err
	}
	all := append(append([]tree.Expr{}, n.IndexQuals...), n.Quals...)
	if op := b.pinned(n.RTIndex, rel, n, all); op != nil {
		return op.make(b)
	}
	src := &indexSource{max: -1, backward: n.Backward, stats: b.statsOf(n)}
	op, set, err := b.tableScan(src, rel, n, n.Quals)
	if err != nil {
		return nil, err
	}
	src.tableBatch = newTableBatch(b.st, rel, set)
	src.ix = rel.def.IndexByOID(n.Index)
	if src.ix < 0 {
		return nil, pgerr.Newf(pgerr.UndefinedObject, "could not open relation with OID %d", n.Index)
	}
	if src.conds, err = b.indexConds(rel, src.ix, n.Conds); err != nil {
		return nil, err
	}
	src.opts.Reverse = n.Backward
	src.dec = projections.NewRowDecoder(rel.def, append([]int{}, set.atts...))
	if n.IndexOnly && !slices.Contains(set.atts, tree.XminAtt) {
		src.opts.Entries, _ = projections.NewIndexDecoder(rel.def, src.ix, set.atts)
	}
	if src.opts.Entries == nil {
		src.opts.Rows = src.dec
	}
	def := &rel.def.Indexes[src.ix]
	src.unique = src.conds.point && def.Unique && !def.Deferrable && len(src.conds.eq) == len(def.Parts) && !slices.Contains(set.atts, tree.XminAtt)
	src.row = make([]types.Datum, len(set.atts))
	return op, nil
}

func (s *indexSource) setBound(n int64) { s.max = n }

func (s *indexSource) open() error {
	s.at, s.started, s.seen = 0, false, 0
	var err error
	s.spans, err = s.conds.spans(s.spans[:0])
	if s.backward {
		slices.Reverse(s.spans)
	}
	return err
}

func (s *indexSource) next() (*types.Batch, error) {
	if s.unique {
		return s.lookup()
	}
	for s.at < len(s.spans) {
		if !s.started {
			s.started = true
			s.used.scans++
			if s.scan == nil {
				s.scan = s.st.view().Index(s.rel.def, s.ix, s.spans[s.at], s.opts)
			} else {
				s.scan.Reset(s.spans[s.at])
			}
		}
		limit := types.BatchRows
		if s.max >= 0 {
			limit = int(min(int64(limit), s.max-s.seen))
			if limit <= 0 {
				return nil, nil
			}
		}
		n, err := s.scan.Next(&s.out, limit)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			s.at++
			s.started = false
			continue
		}
		s.seen += int64(n)
		s.used.read += int64(n)
		if s.opts.Entries == nil {
			s.used.fetched += int64(n)
		}
		s.out.N, s.out.Sel = n, nil
		if s.sys != nil {
			s.system(s.scan.IDs(), s.scan.Positions())
		}
		return &s.out, nil
	}
	return nil, nil
}

// lookup reads the one row of each span's key.
func (s *indexSource) lookup() (*types.Batch, error) {
	n := 0
	v := s.st.view()
	for _, c := range s.out.Cols {
		c.Resize(0)
	}
	for ; s.at < len(s.spans) && n < types.BatchRows; s.at++ {
		s.used.scans++
		row, found, err := v.LookupUnique(s.rel.def, s.ix, s.spans[s.at].Start)
		if err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		if found, err = v.Get(s.rel.def, s.dec, row, s.row); err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		for i, c := range s.out.Cols {
			resize(c, n+1)
			if s.atts[i] < 0 {
				s.systemValue(s.atts[i], c, n, row, nil)
				continue
			}
			c.Set(n, s.row[i])
		}
		n++
	}
	if n == 0 {
		return nil, nil
	}
	s.used.read += int64(n)
	s.used.fetched += int64(n)
	s.out.N, s.out.Sel = n, nil
	return &s.out, nil
}

func (s *indexSource) close() {}

func (s *indexSource) reset() {
	s.used.report(s.st, s.rel.def.Indexes[s.ix].Index)
	if s.scan != nil {
		s.scan.Close()
		s.scan = nil
	}
}

// idSource reads the rows of an ascending list of row ids: bitmap and tid scans. Where the ids lie densely it walks the table between the first and
// the last of a batch and picks; elsewhere it looks each up.
type idSource struct {
	*tableBatch
	dec  *projections.RowDecoder
	ids  []projections.RowID
	find func() ([]projections.RowID, error)
	at   int
	row  []types.Datum
	got  []projections.RowID
	once map[*indexConds]*txn.IndexScan
	scan *txn.RowScan
	// until is the number of ids that the walk under way covers.
	until int
	sel   []int32
	used  scanned
	// usedIndexes has what the bitmap index scans did.
	usedIndexes map[types.OID]*scanned
}

// denseRows: a walk over up to so many rows for each one wanted costs less than looking that one up.
const denseRows = 16

func (s *idSource) open() error {
	var err error
	s.ids, err = s.find()
	s.at, s.until = 0, 0
	return err
}

func (s *idSource) next() (*types.Batch, error) {
	for s.at < len(s.ids) {
		if s.at >= s.until {
			s.plan()
		}
		read := s.lookup
		if s.at < s.until {
			read = s.walk
		}
		b, err := read()
		if err != nil || b != nil {
			return b, err
		}
	}
	return nil, nil
}

// plan decides how the next ids are read.
func (s *idSource) plan() {
	n := min(8*types.BatchRows, len(s.ids)-s.at)
	if n < types.BatchRows/16 {
		return
	}
	first, last := s.ids[s.at], s.ids[s.at+n-1]
	if int64(last-first) > int64(n)*denseRows {
		return
	}
	s.until = s.at + n
	if s.scan == nil {
		s.scan = s.st.view().Rows(s.rel.def, s.dec, first, last+1, false)
	} else {
		s.scan.Reset(first, last+1)
	}
}

// walk returns the wanted rows of the next stretch of the table.
func (s *idSource) walk() (*types.Batch, error) {
	n, err := s.scan.Next(&s.out, types.BatchRows)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		s.at = s.until
		return nil, nil
	}
	ids := s.scan.IDs()
	out := selBuf(&s.sel)[:0]
	for i, id := range ids {
		for s.at < s.until && s.ids[s.at] < id {
			s.at++ // not visible
		}
		if s.at < s.until && s.ids[s.at] == id {
			out = append(out, int32(i))
			s.at++
		}
	}
	if len(out) == 0 {
		return nil, nil
	}
	s.used.fetched += int64(len(out))
	s.out.N, s.out.Sel = n, out
	if s.sys != nil {
		s.system(ids, s.scan.Positions())
	}
	return &s.out, nil
}

// lookup reads the next ids one by one.
func (s *idSource) lookup() (*types.Batch, error) {
	v := s.st.view()
	for _, c := range s.out.Cols {
		c.Resize(0)
	}
	s.got = s.got[:0]
	for ; s.at < len(s.ids) && len(s.got) < types.BatchRows; s.at++ {
		found, err := v.Get(s.rel.def, s.dec, s.ids[s.at], s.row)
		if err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		for i, c := range s.out.Cols {
			if s.atts[i] > 0 {
				resize(c, len(s.got)+1)
				c.Set(len(s.got), s.row[i])
			}
		}
		s.got = append(s.got, s.ids[s.at])
	}
	if len(s.got) == 0 {
		return nil, nil
	}
	s.used.fetched += int64(len(s.got))
	s.out.N, s.out.Sel = len(s.got), nil
	if s.sys != nil {
		s.system(s.got, nil)
	}
	return &s.out, nil
}

func (s *idSource) close() {}

func (s *idSource) reset() {
	s.used.report(s.st, s.rel.oid)
	for oid, used := range s.usedIndexes {
		used.report(s.st, oid)
	}
	for k, scan := range s.once {
		scan.Close()
		delete(s.once, k)
	}
	if s.scan != nil {
		s.scan.Close()
		s.scan = nil
	}
	s.ids = nil
}

func (b *builder) bitmapScan(n *plan.BitmapHeapScan) (operator, error) {
	if err := noAsOf(&n.Scan); err != nil {
		return nil, err
	}
	rel, err := b.relation(n.Rel)
	if err != nil {
		return nil, err
	}
	quals := n.Quals
	all := append(append([]tree.Expr{}, n.Recheck...), quals...)
	if op := b.pinned(n.RTIndex, rel, n, all); op != nil {
		return op.make(b)
	}
	src := &idSource{once: map[*indexConds]*txn.IndexScan{}, usedIndexes: map[types.OID]*scanned{}}
	op, set, err := b.tableScan(src, rel, n, quals)
	if err != nil {
		return nil, err
	}
	src.tableBatch = newTableBatch(b.st, rel, set)
	src.dec = projections.NewRowDecoder(rel.def, append([]int{}, set.atts...))
	src.row = make([]types.Datum, len(set.atts))
	src.find, err = b.bitmap(src, rel, n.Outer)
	return op, err
}

// bitmap compiles a tree of bitmap nodes to a function that yields ascending row ids.
func (b *builder) bitmap(src *idSource, rel *relation, n plan.Node) (func() ([]projections.RowID, error), error) {
	switch n := n.(type) {
	case *plan.BitmapIndexScan:
		ix := rel.def.IndexByOID(n.Index)
		if ix < 0 {
			return nil, pgerr.Newf(pgerr.UndefinedObject, "could not open relation with OID %d", n.Index)
		}
		conds, err := b.indexConds(rel, ix, n.Conds)
		if err != nil {
			return nil, err
		}
		var spans []projections.KeySpan
		stats := b.statsOf(n)
		used := src.usedIndexes[n.Index]
		if used == nil {
			used = &scanned{}
			src.usedIndexes[n.Index] = used
		}
		return func() ([]projections.RowID, error) {
			var err error
			if spans, err = conds.spans(spans[:0]); err != nil {
				return nil, err
			}
			var ids []projections.RowID
			var none types.Batch
			for _, s := range spans {
				used.scans++
				scan := src.once[conds]
				if scan == nil {
					scan = b.st.view().Index(rel.def, ix, s, txn.IndexScanOptions{})
					src.once[conds] = scan
				} else {
					scan.Reset(s)
				}
				for {
					if err := b.st.interrupted(); err != nil {
						return nil, err
					}
					k, err := scan.Next(&none, types.BatchRows)
					if err != nil {
						return nil, err
					}
					if k == 0 {
						break
					}
					ids = append(ids, scan.IDs()...)
				}
			}
			used.read += int64(len(ids))
			slices.Sort(ids)
			if stats != nil {
				stats.Loops++
				stats.Rows += int64(len(ids))
			}
			return slices.Compact(ids), nil
		}, nil
	case *plan.BitmapAnd:
		return b.bitmapSet(src, rel, n.Inputs, intersect)
	case *plan.BitmapOr:
		return b.bitmapSet(src, rel, n.Inputs, func(x, y []projections.RowID) []projections.RowID {
			x = append(x, y...)
			slices.Sort(x)
			return slices.Compact(x)
		})
	}
	return nil, pgerr.Internal("node %T in a bitmap scan", n)
}

func intersect(x, y []projections.RowID) []projections.RowID {
	var out []projections.RowID
	for len(x) > 0 && len(y) > 0 {
		switch {
		case x[0] < y[0]:
			x = x[1:]
		case x[0] > y[0]:
			y = y[1:]
		default:
			out = append(out, x[0])
			x, y = x[1:], y[1:]
		}
	}
	return out
}

func (b *builder) bitmapSet(src *idSource, rel *relation, inputs []plan.Node, combine func(x, y []projections.RowID) []projections.RowID) (func() ([]projections.RowID, error), error) {
	var fs []func() ([]projections.RowID, error)
	for _, in := range inputs {
		f, err := b.bitmap(src, rel, in)
		if err != nil {
			return nil, err
		}
		fs = append(fs, f)
	}
	return func() ([]projections.RowID, error) {
		var all []projections.RowID
		for i, f := range fs {
			ids, err := f()
			if err != nil {
				return nil, err
			}
			if i == 0 {
				all = ids
			} else {
				all = combine(all, ids)
			}
		}
		return all, nil
	}, nil
}

func (b *builder) tidScan(n *plan.TidScan) (operator, error) {
	if err := noAsOf(&n.Scan); err != nil {
		return nil, err
	}
	rel, err := b.relation(n.Rel)
	if err != nil {
		return nil, err
	}
	if op := b.pinned(n.RTIndex, rel, n, n.Quals); op != nil {
		return op.make(b)
	}
	src := &idSource{}
	op, set, err := b.tableScan(src, rel, n, n.Quals)
	if err != nil {
		return nil, err
	}
	src.tableBatch = newTableBatch(b.st, rel, set)
	src.dec = projections.NewRowDecoder(rel.def, append([]int{}, set.atts...))
	src.row = make([]types.Datum, len(set.atts))
	tids, _, err := b.c.binding(noColumns).list(n.Tids)
	if err != nil {
		return nil, err
	}
	src.find = func() ([]projections.RowID, error) {
		var ids []projections.RowID
		if n.CurrentOf != "" {
			if b.st.ctx.Cursor == nil {
				return nil, pgerr.Newf(pgerr.InvalidCursorName, "cursor \"%s\" does not exist", n.CurrentOf)
			}
			id, err := b.st.ctx.Cursor(n.CurrentOf, n.Rel)
			if err != nil || id == 0 {
				return nil, err
			}
			return []projections.RowID{projections.RowID(id)}, nil
		}
		for _, x := range tids {
			d, err := x.row(&rowEnv{})
			if err != nil {
				return nil, err
			}
			if d.Null {
				continue
			}
			if !n.Any {
				ids = append(ids, RowIDOf(d.S))
				continue
			}
			a := types.ParseArray(d.S)
			for i := range a.Len() {
				if !a.IsNull(i) {
					ids = append(ids, RowIDOf(a.Elem(i).S))
				}
			}
		}
		slices.Sort(ids)
		return slices.Compact(ids), nil
	}
	return op, nil
}

// virtualSource reads a catalog relation.
type virtualSource struct {
	*tableBatch
	eq  []virtualEq
	src interface {
		Next(b *types.Batch) error
		Close()
	}
	done bool
}

type virtualEq struct {
	att   int
	value expr
	any   bool
}

func (b *builder) virtualScan(n *plan.VirtualScan) (operator, error) {
	desc := b.c.cat.Relation(n.Rel)
	if desc == nil {
		return nil, pgerr.Newf(pgerr.UndefinedTable, "could not open relation with OID %d", n.Rel)
	}
	rel := &relation{desc: desc, oid: n.Rel}
	src := &virtualSource{}
	op, set, err := b.tableScan(src, rel, n, n.Quals)
	if err != nil {
		return nil, err
	}
	src.tableBatch = newTableBatch(b.st, rel, set)
	c := b.c.binding(noColumns)
	for _, q := range n.Eq {
		x, err := c.compile(q.Value)
		if err != nil {
			return nil, err
		}
		src.eq = append(src.eq, virtualEq{q.Col, x, q.Any})
	}
	return op, nil
}

func (s *virtualSource) open() error {
	s.close()
	s.done = false
	var conds []VirtualCond
	for _, q := range s.eq {
		d, err := q.value.row(&rowEnv{})
		if err != nil {
			return err
		}
		cond := VirtualCond{Att: q.att}
		if !d.Null && q.any {
			a := types.ParseArray(d.S)
			for i := range a.Len() {
				if !a.IsNull(i) {
					cond.Values = append(cond.Values, a.Elem(i))
				}
			}
		} else if !d.Null {
			cond.Values = []types.Datum{d}
		}
		if len(cond.Values) == 0 {
			s.done = true // nothing equals NULL
			return nil
		}
		conds = append(conds, cond)
	}
	if s.st.ctx.Virtual == nil {
		return pgerr.Newf(pgerr.FeatureNotSupported, "catalog relations are not available here")
	}
	src, err := s.st.ctx.Virtual.Open(&s.st.env, s.rel.oid, s.atts, conds)
	s.src = src
	return err
}

func (s *virtualSource) next() (*types.Batch, error) {
	if s.done || s.src == nil {
		return nil, nil
	}
	s.out.Reset()
	if err := s.src.Next(&s.out); err != nil {
		return nil, err
	}
	if s.out.N == 0 {
		s.done = true
		return nil, nil
	}
	return &s.out, nil
}

func (s *virtualSource) close() {
	if s.src != nil {
		s.src.Close()
		s.src = nil
	}
}
