package txn

import (
	"context"
	"slices"
	"sync"

	"kimberlite/projections"
)

// A bulk load does not stay in memory: when the write set has grown past a limit, rows that the transaction inserted and did not touch again go
// to the log as chunks, which nobody sees until the commit event (and which are abandoned by a rollback). What stays is their keys' locks.
//
// Spilled rows are read back a chunk at a time. Their index entries are computed again when the transaction itself looks at the index; their keys
// are locked, so a new key that was not locked cannot be one of theirs. A spilled row that is written again gets its version back (unspill).
//
// Rows are spilled only while there is no savepoint, from tables without deferrable or half-made indexes, and in the order of row ids.

// spilledChunk is a chunk of one table in the log: rows of one command.
type spilledChunk struct {
	number      uint32
	cid         CommandID
	first, last projections.RowID
}

// spillState is a transaction's share.
type spillState struct {
	chunks uint32 // in the log
	// stuck is how much of the write set could not be spilled the last time; it is not tried again for less than the limit more.
	stuck int64

	mu    sync.Mutex
	cache []decodedChunk // most recently used last
}

type decodedChunk struct {
	number uint32
	ops    []projections.RowOp
}

// spillable reports whether the table's rows may be spilled.
func (w *tableWrites) spillable() bool {
	if w.temp || w.def == nil {
		return false
	}
	for _, o := range w.overlays {
		if o.complete || o.pending {
			return false
		}
	}
	return !slices.ContainsFunc(w.def.Indexes, func(x projections.IndexDef) bool { return x.Deferrable })
}

// spillRows moves rows of all tables to the log.
func (t *Txn) spillRows(ctx context.Context) error {
	if len(t.savepoints) == 0 {
		for _, w := range t.tables {
			if w.spillable() {
				if err := t.spillTable(ctx, w); err != nil {
					return t.proposeError(err, false)
				}
			}
		}
	}
	t.spill.stuck = t.mem.bytes
	t.bytesWritten.Store(t.mem.bytes)
	return nil
}

func (t *Txn) spillTable(ctx context.Context, w *tableWrites) error {
	done := projections.RowID(0) // highest row id spilled
	if n := len(w.spilled); n > 0 {
		done = w.spilled[n-1].last
	}
	indexed := make([]bool, len(w.overlays)) // has the entries of spilled rows, and keeps them
	for i, o := range w.overlays {
		indexed[i] = len(w.spilled) > 0 && o.spilled == len(w.spilled)
	}
	var kept list[rowWrites]
	var ops []projections.RowOp
	var cid CommandID
	size, freed := 0, int64(0)
	flush := func() error {
		if len(ops) == 0 {
			return nil
		}
		n, err := t.proposeChunk(ctx, w.storage, ops, size)
		if err != nil {
			return err
		}
		w.spilled = append(w.spilled, spilledChunk{number: n, cid: cid, first: ops[0].Row, last: ops[len(ops)-1].Row})
		ops, size = ops[:0], 0
		return nil
	}
	for _, chunk := range w.rows.chunks {
		for i := range chunk {
			r := &chunk[i]
			if r.base || r.head.prev != nil || r.head.deleted || r.id <= done {
				kept.push(*r)
				continue
			}
			if size >= spillChunkBytes || r.head.cid != cid {
				if err := flush(); err != nil {
					return err
				}
			}
			cid = r.head.cid
			ops = append(ops, projections.RowOp{Op: projections.OpInsert, Row: r.id, Image: r.head.image})
			size += len(r.head.image) + 12
			freed += int64(rowOverhead + len(r.head.image))
			for _, key := range r.head.keys {
				freed += int64(len(key) + entryOverhead)
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	kept.changes = w.rows.changes + 1
	w.rows = kept
	t.mem.bytes = max(t.mem.bytes-freed, 0)
	for i, o := range w.overlays {
		if indexed[i] {
			o.spilled = len(w.spilled)
			continue
		}
		var items list[overlayItem]
		if kept.n > 0 {
			for _, chunk := range o.items.chunks {
				for k := range chunk {
					if w.find(chunk[k].row) != nil {
						items.push(chunk[k])
					}
				}
			}
		}
		items.changes = o.items.changes + 1
		o.items, o.spilled = items, 0
	}
	return nil
}

// spilledOps reads a chunk back.
func (t *Txn) spilledOps(number uint32) ([]projections.RowOp, error) {
	s := &t.spill
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.cache) - 1; i >= 0; i-- {
		if c := s.cache[i]; c.number == number {
			copy(s.cache[i:], s.cache[i+1:])
			s.cache[len(s.cache)-1] = c
			return c.ops, nil
		}
	}
	chunk, err := t.m.store.LoadChunk(t.xid.Load(), number)
	if err != nil {
		return nil, err
	}
	if len(s.cache) >= spillCached {
		s.cache = append(s.cache[:0], s.cache[1:]...)
	}
	ops := chunk.Rows[0].Ops
	s.cache = append(s.cache, decodedChunk{number, ops})
	return ops, nil
}

func seekOp(ops []projections.RowOp, id projections.RowID) (int, bool) {
	return slices.BinarySearchFunc(ops, id, func(op projections.RowOp, id projections.RowID) int {
		switch {
		case op.Row < id:
			return -1
		case op.Row > id:
			return 1
		}
		return 0
	})
}

// seekSpilled returns the number of the first chunk that ends at or after the row.
func (w *tableWrites) seekSpilled(id projections.RowID) int {
	lo, hi := 0, len(w.spilled)
	for lo < hi {
		if mid := (lo + hi) / 2; w.spilled[mid].last < id {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// spilledRow returns the image of a spilled row and the command that made it. A row that was written again since has versions in the write set,
// which come first.
func (t *Txn) spilledRow(w *tableWrites, id projections.RowID) (image []byte, cid CommandID, ok bool, err error) {
	k := w.seekSpilled(id)
	if k == len(w.spilled) || w.spilled[k].first > id {
		return nil, 0, false, nil
	}
	ops, err := t.spilledOps(w.spilled[k].number)
	if err != nil {
		return nil, 0, false, err
	}
	i, ok := seekOp(ops, id)
	if !ok {
		return nil, 0, false, nil
	}
	return ops[i].Image, w.spilled[k].cid, true, nil
}

// eachSpilled visits the spilled rows of the chunks from number `from` on that have no versions in the write set.
func (t *Txn) eachSpilled(w *tableWrites, from int, visit func(id projections.RowID, image []byte) error) error {
	for _, c := range w.spilled[from:] {
		ops, err := t.spilledOps(c.number)
		if err != nil {
			return err
		}
		for i := range ops {
			if w.find(ops[i].Row) != nil {
				continue
			}
			if err := visit(ops[i].Row, ops[i].Image); err != nil {
				return err
			}
		}
	}
	return nil
}

// fillOverlay gets an overlay ready for reading: the entries of spilled rows, and of committed ones if the index is not in the store.
func (t *Txn) fillOverlay(w *tableWrites, def *projections.TableDef, ix int) error {
	o := w.overlays[w.bind(def)[ix]]
	if o.pending {
		return t.buildOverlay(w, def, ix)
	}
	if o.spilled == len(w.spilled) {
		return nil
	}
	set, err := def.IndexSet(t.m.store.Evaluator())
	if err != nil {
		return err
	}
	var e projections.IndexEntry
	err = t.eachSpilled(w, o.spilled, func(id projections.RowID, image []byte) error {
		if t.rowBuf, err = set.Row(t.rowBuf, image); err != nil {
			return err
		}
		if t.keyBuf, err = set.Codes[ix].Entry(t.keyBuf[:0], t.rowBuf, &e); err != nil || e.Skip {
			return err
		}
		t.mem.bytes += entryOverhead
		o.add(t.keepKey(w, e.Key), id)
		return nil
	})
	if err == nil {
		o.spilled = len(w.spilled)
	}
	return err
}

// unspill returns the versions of a row for another write to it, with that of a spilled row brought back; nil when there are none.
func (t *Txn) unspill(w *tableWrites, id projections.RowID) (*rowWrites, error) {
	if r := w.find(id); r != nil || len(w.spilled) == 0 {
		return r, nil
	}
	image, cid, ok, err := t.spilledRow(w, id)
	if !ok {
		return nil, err
	}
	set, err := w.def.IndexSet(t.m.store.Evaluator())
	if err != nil {
		return nil, err
	}
	row, err := set.Row(nil, image)
	if err != nil {
		return nil, err
	}
	v := t.newVersion(w)
	v.image, v.cid = image, cid
	if v.keys, err = t.entries(w, set, row, nil); err != nil {
		return nil, err
	}
	w.push(id, true, v)
	for slot, key := range v.keys {
		if key != "" {
			w.overlays[slot].add(key, id)
		}
	}
	r := w.find(id)
	r.spilled = true
	return r, nil
}
