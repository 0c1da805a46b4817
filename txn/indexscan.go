package txn

import (
	"bytes"
	"strings"

	"kimberlite/log"
	"kimberlite/projections"
	"kimberlite/sql/types"
)

// IndexScanOptions say what an index scan yields: with Rows the table's rows, with Entries columns of the entries (index-only), with
// neither just row ids.
type IndexScanOptions struct {
	Rows    *projections.RowDecoder
	Entries *projections.IndexDecoder
	Reverse bool
}

// IndexScan yields batches of rows, or of entries, or of row ids, in the order of (key, row id), or backwards.
type IndexScan struct {
	v     *View
	def   *projections.TableDef
	ix    int
	opts  IndexScanOptions
	arena types.Arena
	ids   []projections.RowID
	pos   []log.Position

	span    projections.KeySpan
	it      *projections.IndexIter // nil where the store's index is not looked at
	started bool
	ok      bool

	w    *tableWrites
	slot int
	own  itemCursor
	err  error

	entryBuf []byte
	rowBuf   []types.Datum

	// fetched counts the rows read one by one; a scan of many keeps an iterator for them, which costs half of a look-up.
	fetched int
	rows    *projections.RowIter
}

// Index scans the entries of an index with logical keys in the span.
func (v *View) Index(def *projections.TableDef, ix int, span projections.KeySpan, opts IndexScanOptions) *IndexScan {
	s := &IndexScan{v: v, def: def, ix: ix, opts: opts}
	s.Reset(span)
	return s
}

// Reset starts over with another span.
func (s *IndexScan) Reset(span projections.KeySpan) {
	s.span, s.started, s.ok = span, false, false
	if s.w == nil {
		if s.w = s.v.t.table(s.def); s.w != nil {
			s.slot = s.w.bind(s.def)[s.ix]
			if s.err = s.v.t.fillOverlay(s.w, s.def, s.ix); s.err != nil {
				return
			}
		}
	}
	if s.def.Temp || s.w != nil && s.w.overlays[s.slot].complete {
		return
	}
	if s.it == nil {
		s.it = s.v.snapshot().Index(&s.def.Indexes[s.ix], span)
		return
	}
	s.it.Reset(span)
}

// Next is as RowScan.Next.
func (s *IndexScan) Next(dst *types.Batch, limit int) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	limit = begin(dst, limit, &s.ids, &s.pos)
	if !s.started {
		s.start()
	}
	n := 0
	for n < limit && s.err == nil {
		if !s.step() {
			break
		}
		if s.emit(dst, n) {
			n++
		}
		s.leave()
	}
	if s.err == nil && !s.ok && s.it != nil {
		s.err = s.it.Err()
	}
	finish(dst, n)
	return n, s.err
}

func (s *IndexScan) start() {
	s.started = true
	if s.it != nil {
		if s.opts.Reverse {
			s.ok = s.it.Last()
		} else {
			s.ok = s.it.First()
		}
	}
	if s.w != nil {
		s.own.start(s.w.overlays[s.slot], s.span, s.opts.Reverse)
	}
}

// step decides which side has the next entry: s.own.next tells the write set's. It returns false at the end.
func (s *IndexScan) step() bool {
	if s.w == nil {
		return s.ok
	}
	if s.w.overlays[s.slot].spilled < len(s.w.spilled) { // rows were spilled since
		if s.err = s.v.t.fillOverlay(s.w, s.def, s.ix); s.err != nil {
			return false
		}
	}
	it := s.own.item()
	switch {
	case it == nil:
		s.own.use = false
		return s.ok
	case !s.ok:
		s.own.use = true
		return true
	}
	n := strings.Compare(it.key, text(s.it.Key()))
	if n == 0 {
		switch id := s.it.RowID(); {
		case it.row < id:
			n = -1
		case it.row > id:
			n = 1
		default: // one entry in both: it is counted once, from the store
			s.own.move()
			s.own.use = false
			return true
		}
	}
	s.own.use = (n < 0) != s.opts.Reverse
	return true
}

// emit puts the entry out as element n if the command sees it.
func (s *IndexScan) emit(dst *types.Batch, n int) bool {
	if s.w == nil || !s.own.use {
		key, row := s.it.Key(), s.it.RowID()
		if s.w != nil {
			if !s.v.entryVisible(s.w, s.slot, key, row) {
				return false
			}
			if r := s.w.find(row); r != nil {
				if ver := r.visible(s.v.command); ver != nil {
					return s.emitOwn(dst, n, row, ver.image)
				}
			}
		}
		switch {
		case s.opts.Rows != nil:
			return s.fetch(dst, n, row)
		case s.opts.Entries != nil:
			s.err = s.opts.Entries.Vecs(dst.Cols, n, key, s.it.Include(), &s.arena)
		}
		s.ids = append(s.ids, row)
		return s.err == nil
	}
	it := s.own.item()
	row := it.row
	visible, err := s.v.itemVisible(s.w, s.slot, it)
	if err != nil || !visible {
		s.err = err
		return false
	}
	r := s.w.find(row)
	if r != nil {
		return s.emitOwn(dst, n, row, r.visible(s.v.command).image)
	}
	image, _, ok, err := s.v.t.spilledRow(s.w, row)
	switch {
	case err != nil:
		s.err = err
		return false
	case ok:
		return s.emitOwn(dst, n, row, image)
	default: // a committed row in a complete overlay
		if s.opts.Entries != nil {
			return s.entryFromRow(dst, n, row)
		}
		if s.opts.Rows != nil {
			return s.fetch(dst, n, row)
		}
		s.ids = append(s.ids, row)
		return true
	}
}

// fetch reads the row of an entry from the snapshot.
func (s *IndexScan) fetch(dst *types.Batch, n int, row projections.RowID) bool {
	var p log.Position
	var found bool
	var err error
	if s.fetched++; s.fetched <= fetchSingly {
		p, found, err = s.v.snapshot().RowVecs(s.def.Storage, row, s.opts.Rows, dst.Cols, n, &s.arena)
	} else {
		if s.rows == nil {
			s.rows = s.v.snapshot().Rows(s.def.Storage, 0, projections.RowMax)
		}
		if found = s.rows.Find(row, s.fetched <= fetchFilling); found {
			p, err = s.rows.Position(), s.opts.Rows.Vecs(dst.Cols, n, s.rows.Image(), &s.arena)
		} else {
			err = s.rows.Err()
		}
	}
	if err == nil && !found {
		err = missingRow(s.def, row)
	}
	if err != nil {
		s.err = err
		return false
	}
	s.ids = append(s.ids, row)
	s.pos = append(s.pos, p)
	return true
}

// emitOwn puts a version of the write set out.
func (s *IndexScan) emitOwn(dst *types.Batch, n int, row projections.RowID, image []byte) bool {
	switch {
	case s.opts.Rows != nil:
		s.err = s.opts.Rows.Vecs(dst.Cols, n, image, &s.arena)
		s.pos = append(s.pos, position0)
	case s.opts.Entries != nil:
		s.err = s.entryFromImage(dst, n, image)
	}
	s.ids = append(s.ids, row)
	return s.err == nil
}

// entryFromImage computes the index entry of a row image and decodes that.
func (s *IndexScan) entryFromImage(dst *types.Batch, n int, image []byte) error {
	set, err := s.def.IndexSet(s.v.t.m.store.Evaluator())
	if err != nil {
		return err
	}
	if s.rowBuf, err = set.Row(s.rowBuf, image); err != nil {
		return err
	}
	var e projections.IndexEntry
	if s.entryBuf, err = set.Codes[s.ix].Entry(s.entryBuf[:0], s.rowBuf, &e); err != nil {
		return err
	}
	return s.opts.Entries.Vecs(dst.Cols, n, e.Key, e.Include, &s.arena)
}

func (s *IndexScan) entryFromRow(dst *types.Batch, n int, row projections.RowID) bool {
	_, image, found, err := s.v.snapshot().Image(s.def.Storage, row, nil)
	if err == nil && !found {
		err = missingRow(s.def, row)
	}
	if err == nil {
		err = s.entryFromImage(dst, n, image)
	}
	if err != nil {
		s.err = err
		return false
	}
	s.ids = append(s.ids, row)
	return true
}

// leave moves the side that emit used.
func (s *IndexScan) leave() {
	if s.w != nil && s.own.use {
		s.own.item() // the place may have moved
		s.own.move()
		return
	}
	if s.opts.Reverse {
		s.ok = s.it.Prev()
	} else {
		s.ok = s.it.Next()
	}
}

// IDs are the row ids of the last batch; Positions is only set with IndexScanOptions.Rows. Valid until the next call of Next.
func (s *IndexScan) IDs() []projections.RowID { return s.ids }

// Positions: see IDs.
func (s *IndexScan) Positions() []log.Position { return s.pos }

// Close gives the scan's resources back.
func (s *IndexScan) Close() (err error) {
	if s.it != nil {
		err = s.it.Close()
		s.it = nil
	}
	if s.rows != nil {
		if cerr := s.rows.Close(); err == nil {
			err = cerr
		}
		s.rows = nil
	}
	return err
}

// itemCursor walks the entries of an overlay, which may grow and shrink under it.
type itemCursor struct {
	o       *overlay
	span    projections.KeySpan
	reverse bool
	c, i    int
	changes uint64
	at      overlayItem
	done    bool
	use     bool // the scan's next entry is this side's
}

func (k *itemCursor) start(o *overlay, span projections.KeySpan, reverse bool) {
	*k = itemCursor{o: o, span: span, reverse: reverse}
	switch {
	case !reverse:
		k.c, k.i = o.seek(text(span.Start), 0)
	case span.End == nil:
		k.c, k.i = o.items.prev(len(o.items.chunks), 0)
	default:
		k.c, k.i = o.items.prev(o.seek(text(span.End), 0))
	}
	k.settle()
}

func (k *itemCursor) settle() {
	k.changes = k.o.items.changes
	it := k.o.items.at(k.c, k.i)
	if it == nil || bytes.Compare(bytesOf(it.key), k.span.Start) < 0 || k.span.End != nil && bytes.Compare(bytesOf(it.key), k.span.End) >= 0 {
		k.done = true
		return
	}
	k.at = *it
}

// item returns the entry the cursor stands on, nil at the end. If that one is gone, the next.
func (k *itemCursor) item() *overlayItem {
	if k.done {
		return nil
	}
	if k.changes != k.o.items.changes {
		k.c, k.i = k.o.seek(k.at.key, k.at.row)
		if it := k.o.items.at(k.c, k.i); k.reverse && (it == nil || *it != k.at) {
			k.c, k.i = k.o.items.prev(k.c, k.i)
		}
		k.settle()
		if k.done {
			return nil
		}
	}
	return k.o.items.at(k.c, k.i)
}

func (k *itemCursor) move() {
	if k.done {
		return
	}
	if k.reverse {
		k.c, k.i = k.o.items.prev(k.c, k.i)
	} else {
		k.c, k.i = k.o.items.next(k.c, k.i)
	}
	k.settle()
}
