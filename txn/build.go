package txn

import (
	"context"
	"slices"

	"github.com/cespare/xxhash/v2"

	"kimberlite/projections"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// An index that a transaction adds to a table does not exist in the store before the commit. PrepareIndex makes sure that the commit cannot
// fail on it. For the transaction's own use before that, its overlay becomes complete: it gets the entries of the committed rows as well, at the
// first use only, since hardly any transaction uses an index that it made. In a complete overlay a committed row that the transaction writes has its
// committed version at the bottom of the chain, with command 0.

// PrepareIndex must be called for an index storage that this transaction adds to a table (CREATE INDEX, ADD CONSTRAINT, REINDEX), before the
// PutTable: it computes the entries of all rows (so that errors of expressions come up now) and checks uniqueness (*UniqueViolation). def has the
// index as number ix. The caller holds a lock on the table that keeps writers away.
func (t *Txn) PrepareIndex(ctx context.Context, def *projections.TableDef, ix int) error {
	w := t.writable(def)
	set, err := def.IndexSet(t.m.store.Evaluator())
	if err != nil {
		return err
	}
	slot := w.slots[ix]
	o := w.overlays[slot]
	if err := t.ownKeys(w, set, ix, slot); err != nil {
		return err
	}
	b := &builder{ctx: ctx, t: t, w: w, def: def, set: set, code: set.Codes[ix], slot: slot}
	if err := b.check(ix); err != nil {
		return err
	}
	if !w.temp {
		o.pending = b.committed > 0 || len(w.spilled) > 0
		o.complete = !o.pending
	}
	return nil
}

// IndexUsable reports whether the transaction can read through the index: false for one that it made itself over more rows than it is willing to
// keep entries for.
func (t *Txn) IndexUsable(def *projections.TableDef, ix int) bool {
	if def.Temp {
		return true
	}
	w := t.table(def)
	if w == nil {
		return true
	}
	slot := w.slot(def.Indexes[ix].Storage)
	return slot < 0 || !w.overlays[slot].pending || t.m.store.RowCount(def.Storage) <= buildRowsMax
}

// ownKeys computes the new index's keys of all versions in the write set.
func (t *Txn) ownKeys(w *tableWrites, set *projections.IndexSet, ix, slot int) error {
	var e projections.IndexEntry
	for _, chunk := range w.rows.chunks {
		for i := range chunk {
			for v := chunk[i].head; v != nil; v = v.prev {
				if v.deleted {
					continue
				}
				var err error
				if t.rowBuf, err = set.Row(t.rowBuf, v.image); err != nil {
					return err
				}
				if t.keyBuf, err = set.Codes[ix].Entry(t.keyBuf[:0], t.rowBuf, &e); err != nil {
					return err
				}
				for len(v.keys) <= slot {
					v.keys = append(v.keys[:len(v.keys):len(v.keys)], "")
				}
				if !e.Skip {
					v.keys[slot] = t.keepKey(w, e.Key)
					w.overlays[slot].add(v.keys[slot], chunk[i].id)
				}
			}
		}
	}
	return nil
}

// builder walks all rows of a table as the transaction has them now: newest own versions, and committed rows.
type builder struct {
	ctx       context.Context
	t         *Txn
	w         *tableWrites
	def       *projections.TableDef
	set       *projections.IndexSet
	code      *projections.IndexCode
	slot      int
	committed int
	row       []types.Datum
	buf       []byte
}

// each visits the entry of every row that is in the index. The entry is valid during the call only; b.row has the columns that indexes need.
func (b *builder) each(visit func(id projections.RowID, e *projections.IndexEntry) error) error {
	one := func(id projections.RowID, image []byte) (err error) {
		if b.row, err = b.set.Row(b.row, image); err != nil {
			return err
		}
		var e projections.IndexEntry
		if b.buf, err = b.code.Entry(b.buf[:0], b.row, &e); err != nil || e.Skip {
			return err
		}
		return visit(id, &e)
	}
	for _, chunk := range b.w.rows.chunks {
		for i := range chunk {
			if head := chunk[i].head; !head.deleted {
				if err := one(chunk[i].id, head.image); err != nil {
					return err
				}
			}
		}
	}
	if b.w.temp {
		return nil
	}
	return b.eachOther(one)
}

// eachOther visits the rows that have no versions in the write set: spilled ones, and committed ones.
func (b *builder) eachOther(visit func(id projections.RowID, image []byte) error) error {
	if err := b.t.eachSpilled(b.w, 0, visit); err != nil {
		return err
	}
	return b.eachCommitted(visit)
}

// eachCommitted visits the committed rows that the transaction did not write.
func (b *builder) eachCommitted(visit func(id projections.RowID, image []byte) error) (err error) {
	sn := b.t.m.store.Snapshot()
	defer sn.Release()
	it := sn.Rows(b.def.Storage, 0, projections.RowMax)
	defer func() {
		if cerr := it.Close(); err == nil {
			err = cerr
		}
	}()
	b.committed = 0
	for ok := it.First(); ok; ok = it.Next() {
		if b.committed++; b.committed%1024 == 0 {
			if err := context.Cause(b.ctx); err != nil {
				return err
			}
		}
		if b.w.find(it.ID()) != nil {
			continue
		}
		if err := visit(it.ID(), it.Image()); err != nil {
			return err
		}
	}
	return nil
}

// check computes all entries and, for a unique index, looks for two rows with one key: first among hashes, which is all it has to keep, then
// among the keys whose hashes met.
func (b *builder) check(ix int) error {
	var hashes []uint64
	unique := b.code.Def.Unique
	err := b.each(func(_ projections.RowID, e *projections.IndexEntry) error {
		if unique && !e.Null {
			hashes = append(hashes, xxhash.Sum64(e.Key))
		}
		return nil
	})
	if err != nil || !unique {
		return err
	}
	slices.Sort(hashes)
	met := map[uint64]bool{}
	for i := 1; i < len(hashes); i++ {
		if hashes[i] == hashes[i-1] {
			met[hashes[i]] = true
		}
	}
	if len(met) == 0 {
		return nil
	}
	rows := map[string]projections.RowID{}
	return b.each(func(id projections.RowID, e *projections.IndexEntry) error {
		if e.Null || !met[xxhash.Sum64(e.Key)] {
			return nil
		}
		if other, ok := rows[string(e.Key)]; ok {
			return &UniqueViolation{Table: b.def, Index: ix, Row: other, Key: keyValues(b.def, ix, slices.Clone(b.row))}
		}
		rows[string(e.Key)] = id
		return nil
	})
}

// buildOverlay makes the overlay of a prepared index complete.
func (t *Txn) buildOverlay(w *tableWrites, def *projections.TableDef, ix int) error {
	if n := t.m.store.RowCount(def.Storage); n > buildRowsMax {
		e := pgerr.Unsupported("using an index in the transaction that made it, on a table of this size,", "Commit first.")
		return e
	}
	set, err := def.IndexSet(t.m.store.Evaluator())
	if err != nil {
		return err
	}
	w.bind(def)
	slot := w.slots[ix]
	o := w.overlays[slot]
	// Rows written already: their committed versions go to the bottom of their chains.
	for _, chunk := range w.rows.chunks {
		for i := range chunk {
			r := &chunk[i]
			if !r.base || r.spilled || !r.changed() {
				continue
			}
			last := r.head
			for last.prev != nil {
				last = last.prev
			}
			if last.cid == 0 {
				continue
			}
			v, err := t.baseVersion(w, set, r.id)
			if err != nil {
				return err
			}
			last.prev = v
			if key := v.keyOf(slot); key != "" {
				o.add(key, r.id)
			}
		}
	}
	b := &builder{ctx: context.Background(), t: t, w: w, def: def, set: set, code: set.Codes[ix], slot: slot}
	var e projections.IndexEntry
	err = b.eachOther(func(id projections.RowID, image []byte) (err error) {
		if b.row, err = set.Row(b.row, image); err != nil {
			return err
		}
		if b.buf, err = b.code.Entry(b.buf[:0], b.row, &e); err != nil || e.Skip {
			return err
		}
		t.mem.bytes += entryOverhead
		o.add(t.keepKey(w, e.Key), id)
		return nil
	})
	if err != nil {
		return err
	}
	o.pending, o.complete, o.spilled = false, true, len(w.spilled)
	return nil
}

// baseVersion makes a version of a row's newest committed state.
func (t *Txn) baseVersion(w *tableWrites, set *projections.IndexSet, row projections.RowID) (*version, error) {
	_, image, found, err := t.m.store.Image(w.storage, row, nil)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, pgerr.Internal("row %d of storage %d does not exist", row, w.storage)
	}
	datums, err := set.Row(nil, image)
	if err != nil {
		return nil, err
	}
	v := t.newVersion(w)
	v.image = image
	v.keys, err = t.entries(w, set, datums, nil)
	return v, err
}

// pushBase puts the committed version of a row below the first one that the transaction makes, if the table has a complete overlay.
func (t *Txn) pushBase(w *tableWrites, row projections.RowID) error {
	if w.temp || !slices.ContainsFunc(w.overlays, func(o *overlay) bool { return o.complete }) {
		return nil
	}
	set, err := w.def.IndexSet(t.m.store.Evaluator())
	if err != nil {
		return err
	}
	v, err := t.baseVersion(w, set, row)
	if err != nil {
		return err
	}
	w.push(row, true, v)
	return nil
}
