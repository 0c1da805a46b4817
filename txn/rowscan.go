package txn

import (
	"kimberlite/log"
	"kimberlite/projections"
	"kimberlite/sql/types"
)

// RowScan yields batches of rows in the order of row ids, or backwards.
type RowScan struct {
	v       *View
	def     *projections.TableDef
	dec     *projections.RowDecoder
	reverse bool
	arena   types.Arena
	ids     []projections.RowID
	pos     []log.Position

	from, to projections.RowID
	it       *projections.RowIter // nil for temporary tables
	started  bool
	ok       bool // it stands on a row

	// w is the write set of the table; own is the place of the next row in it.
	w   *tableWrites
	own ownCursor
	err error
}

// Rows scans the rows from <= row id < to (0 and projections.RowMax: all) in the order of row ids, or backwards.
func (v *View) Rows(def *projections.TableDef, dec *projections.RowDecoder, from, to projections.RowID, reverse bool) *RowScan {
	s := &RowScan{v: v, def: def, dec: dec, reverse: reverse, w: v.t.table(def)}
	s.Reset(from, to)
	return s
}

// Reset starts over with another range.
func (s *RowScan) Reset(from, to projections.RowID) {
	s.from, s.to, s.started, s.ok = from, to, false, false
	if s.w == nil {
		s.w = s.v.t.table(s.def)
	}
	if s.def.Temp {
		return
	}
	if s.it == nil {
		s.it = s.v.snapshot().Rows(s.def.Storage, from, to)
		return
	}
	s.it.Reset(s.def.Storage, from, to)
}

// Next fills dst.Cols (one vector a column of the decoder) with up to limit rows (at most types.BatchRows) and returns how many; 0 is the end.
// Columns that the decoder leaves to the caller are sized but not set.
func (s *RowScan) Next(dst *types.Batch, limit int) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	limit = begin(dst, limit, &s.ids, &s.pos)
	if !s.started {
		s.start()
	}
	n := 0
	if s.w == nil {
		n = s.plain(dst, limit)
	} else {
		n = s.merged(dst, limit)
	}
	if s.err == nil && !s.ok && s.it != nil {
		s.err = s.it.Err()
	}
	finish(dst, n)
	return n, s.err
}

// begin makes room for a batch.
func begin(dst *types.Batch, limit int, ids *[]projections.RowID, pos *[]log.Position) int {
	if limit <= 0 || limit > types.BatchRows {
		limit = types.BatchRows
	}
	dst.N, dst.Sel = 0, nil
	for _, c := range dst.Cols {
		c.Resize(0)
		c.Resize(limit)
	}
	*ids, *pos = (*ids)[:0], (*pos)[:0]
	return limit
}

func finish(dst *types.Batch, n int) {
	dst.N = n
	for _, c := range dst.Cols {
		c.Resize(n)
	}
}

func (s *RowScan) start() {
	s.started = true
	if s.it != nil {
		if s.reverse {
			s.ok = s.it.Last()
		} else {
			s.ok = s.it.First()
		}
	}
	if s.w != nil {
		s.own.start(s.w, s.from, s.to, s.reverse)
	}
}

func (s *RowScan) advance() {
	if s.reverse {
		s.ok = s.it.Prev()
	} else {
		s.ok = s.it.Next()
	}
}

// plain is the scan of a table that the transaction did not write to.
func (s *RowScan) plain(dst *types.Batch, limit int) int {
	n := 0
	for s.ok && n < limit {
		if s.dec != nil {
			if err := s.dec.Vecs(dst.Cols, n, s.it.Image(), &s.arena); err != nil {
				s.err = err
				return n
			}
		}
		s.ids = append(s.ids, s.it.ID())
		s.pos = append(s.pos, s.it.Position())
		n++
		s.advance()
	}
	return n
}

// merged is the scan of a table with a write set: rows of both, in order; where both have a row the version that the command sees counts.
func (s *RowScan) merged(dst *types.Batch, limit int) int {
	n := 0
	for n < limit {
		r := s.own.row()
		if r == nil && !s.ok {
			return n
		}
		fromStore := s.ok
		if s.ok && r != nil {
			id := s.it.ID()
			if id == r.id {
				if ver := r.visible(s.v.command); ver != nil {
					fromStore = false
				} else {
					r = nil // written by this very command: the committed version counts
				}
				if !fromStore {
					s.advance()
				} else {
					s.own.move()
				}
			} else if (id < r.id) == s.reverse {
				fromStore = false
			}
		}
		if fromStore {
			if s.dec != nil {
				if s.err = s.dec.Vecs(dst.Cols, n, s.it.Image(), &s.arena); s.err != nil {
					return n
				}
			}
			s.ids = append(s.ids, s.it.ID())
			s.pos = append(s.pos, s.it.Position())
			n++
			s.advance()
			continue
		}
		ver, id := r.visible(s.v.command), r.id
		s.own.move()
		if ver == nil || ver.deleted {
			continue
		}
		if s.dec != nil {
			if s.err = s.dec.Vecs(dst.Cols, n, ver.image, &s.arena); s.err != nil {
				return n
			}
		}
		s.ids = append(s.ids, id)
		s.pos = append(s.pos, position0)
		n++
	}
	return n
}

// IDs are the row ids of the last batch. Valid until the next call of Next.
func (s *RowScan) IDs() []projections.RowID { return s.ids }

// Positions are the positions that wrote the rows of the last batch, 0 for this transaction.
func (s *RowScan) Positions() []log.Position { return s.pos }

// Close gives the scan's resources back.
func (s *RowScan) Close() error {
	if s.it == nil {
		return nil
	}
	err := s.it.Close()
	s.it = nil
	return err
}

// ownCursor walks the rows of a write set, which may grow and shrink under it.
type ownCursor struct {
	w        *tableWrites
	from, to projections.RowID
	reverse  bool
	c, i     int
	changes  uint64
	at       projections.RowID // the row it stands on
	done     bool
}

func (o *ownCursor) start(w *tableWrites, from, to projections.RowID, reverse bool) {
	*o = ownCursor{w: w, from: from, to: to, reverse: reverse}
	if reverse {
		o.c, o.i = w.rows.prev(w.seek(to))
	} else {
		o.c, o.i = w.seek(from)
	}
	o.settle()
}

// settle notes the row of the present place.
func (o *ownCursor) settle() {
	o.changes = o.w.rows.changes
	r := o.w.rows.at(o.c, o.i)
	if r == nil || r.id < o.from || r.id >= o.to {
		o.done = true
		return
	}
	o.at = r.id
}

// row returns the row the cursor stands on, nil at the end. If that one is gone, the next.
func (o *ownCursor) row() *rowWrites {
	if o.done {
		return nil
	}
	if o.changes != o.w.rows.changes {
		o.c, o.i = o.w.seek(o.at)
		if r := o.w.rows.at(o.c, o.i); o.reverse && (r == nil || r.id != o.at) {
			o.c, o.i = o.w.rows.prev(o.c, o.i)
		}
		o.settle()
		if o.done {
			return nil
		}
	}
	return o.w.rows.at(o.c, o.i)
}

// move goes to the next row. It is called right after row.
func (o *ownCursor) move() {
	if o.done {
		return
	}
	if o.reverse {
		o.c, o.i = o.w.rows.prev(o.c, o.i)
	} else {
		o.c, o.i = o.w.rows.next(o.c, o.i)
	}
	o.settle()
}
