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

	// w is the write set of the table; own walks it.
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
		s.own.start(s.v, s.w, s.from, s.to, s.reverse)
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
		ok, err := s.own.peek()
		if err != nil {
			s.err = err
			return n
		}
		if !ok && !s.ok {
			return n
		}
		image, deleted := s.own.image, s.own.deleted
		id, p := s.own.at, position0
		fromStore := s.ok
		if s.ok && ok {
			switch have := s.it.ID(); {
			case have == id: // the transaction's version counts
				fromStore = false
				s.advance()
			default:
				fromStore = (have < id) != s.reverse
			}
		}
		if fromStore {
			image, deleted, id, p = s.it.Image(), false, s.it.ID(), s.it.Position()
		} else {
			s.own.move()
		}
		if !deleted {
			if s.dec != nil {
				if s.err = s.dec.Vecs(dst.Cols, n, image, &s.arena); s.err != nil {
					return n
				}
			}
			s.ids = append(s.ids, id)
			s.pos = append(s.pos, p)
			n++
		}
		if fromStore {
			s.advance()
		}
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

// ownCursor walks the rows that the transaction wrote, as a command sees them: those in memory and those spilled. Both may change under it.
type ownCursor struct {
	t        *Txn
	w        *tableWrites
	command  CommandID
	from, to projections.RowID
	reverse  bool

	// What peek found: the row's id, and its image unless it is deleted.
	at      projections.RowID
	image   []byte
	deleted bool
	found   bool

	c, i    int // place in the rows in memory
	changes uint64
	spills  int // chunks there were when the places were taken
	k, op   int // place in the spilled chunks, and in ops
	ops     []projections.RowOp
}

func (o *ownCursor) start(v *View, w *tableWrites, from, to projections.RowID, reverse bool) {
	*o = ownCursor{t: v.t, w: w, command: v.command, from: from, to: to, reverse: reverse}
	o.place()
}

// place goes to the first row of what is left of the range.
func (o *ownCursor) place() {
	o.changes, o.spills, o.ops = o.w.rows.changes, len(o.w.spilled), nil
	if o.reverse {
		o.c, o.i = o.w.rows.prev(o.w.seek(o.to))
		if o.k = o.w.seekSpilled(o.to); o.k == len(o.w.spilled) {
			o.k--
		}
		return
	}
	o.c, o.i = o.w.seek(o.from)
	o.k = o.w.seekSpilled(o.from)
}

// peek finds the next row that the command sees (a deletion is one); ok is false at the end. It stays there until move.
func (o *ownCursor) peek() (ok bool, err error) {
	if o.changes != o.w.rows.changes || o.spills != len(o.w.spilled) {
		o.found = false
		o.place()
	}
	for !o.found {
		r := o.memory()
		op, err := o.spilled()
		if err != nil {
			return false, err
		}
		switch {
		case r == nil && op == nil:
			return false, nil
		case op == nil || r != nil && (r.id == op.Row || (r.id < op.Row) != o.reverse):
			// A row in memory hides what was spilled of it: at the bottom of its versions there is the same.
			o.at = r.id
			if ver := r.visible(o.command); ver != nil {
				o.image, o.deleted, o.found = ver.image, ver.deleted, true
				return true, nil
			}
		default:
			o.at = op.Row
			if o.w.spilled[o.k].cid < o.command {
				o.image, o.deleted, o.found = op.Image, false, true
				return true, nil
			}
		}
		o.move()
	}
	return true, nil
}

// move leaves the row that peek stands on: the range begins (or ends) behind it from now on.
func (o *ownCursor) move() {
	o.found = false
	if o.reverse {
		o.to = o.at
	} else {
		o.from = o.at + 1
	}
}

// memory returns the next row of the range in memory.
func (o *ownCursor) memory() *rowWrites {
	for {
		r := o.w.rows.at(o.c, o.i)
		switch {
		case r == nil:
			return nil
		case o.reverse && r.id >= o.to:
			o.c, o.i = o.w.rows.prev(o.c, o.i)
		case !o.reverse && r.id < o.from:
			o.c, o.i = o.w.rows.next(o.c, o.i)
		case r.id < o.from || r.id >= o.to:
			return nil
		default:
			return r
		}
	}
}

// spilled returns the next row of the range in the spilled chunks.
func (o *ownCursor) spilled() (*projections.RowOp, error) {
	for o.k >= 0 && o.k < len(o.w.spilled) {
		c := &o.w.spilled[o.k]
		if o.reverse && c.last < o.from || !o.reverse && c.first >= o.to {
			return nil, nil
		}
		if o.ops == nil {
			var err error
			if o.ops, err = o.t.spilledOps(c.number); err != nil {
				return nil, err
			}
			if o.reverse {
				o.op, _ = seekOp(o.ops, o.to)
				o.op--
			} else {
				o.op, _ = seekOp(o.ops, o.from)
			}
		}
		for o.op >= 0 && o.op < len(o.ops) {
			op := &o.ops[o.op]
			switch {
			case o.reverse && op.Row >= o.to:
				o.op--
			case !o.reverse && op.Row < o.from:
				o.op++
			case op.Row < o.from || op.Row >= o.to:
				return nil, nil
			default:
				return op, nil
			}
		}
		o.ops = nil
		if o.reverse {
			o.k--
		} else {
			o.k++
		}
	}
	return nil, nil
}
