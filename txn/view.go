package txn

import (
	"sync/atomic"

	"kimberlite/log"
	"kimberlite/projections"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// View is what a command sees: the committed state of a snapshot, overlaid with what earlier commands of the transaction wrote. Safe for
// concurrent reads as long as its transaction writes nothing, and has written nothing to the tables that are read. The snapshot is taken at the
// first read.
type View struct {
	t       *Txn
	command CommandID
	snap    atomic.Pointer[projections.Snapshot]
	refs    atomic.Int32
}

// Retain adds a reference (a cursor that outlives its command), for one more Release.
func (v *View) Retain() *View {
	v.refs.Add(1)
	return v
}

// Release gives the view up; its scans must be closed.
func (v *View) Release() {
	if v.refs.Add(-1) != 0 {
		return
	}
	if sn := v.snap.Swap(nil); sn != nil {
		sn.Release()
	}
	v.t.views.Add(-1)
}

// Txn returns the view's transaction.
func (v *View) Txn() *Txn { return v.t }

// Command is the number of the command that the view was made for.
func (v *View) Command() CommandID { return v.command }

// snapshot returns the view's snapshot, taken now if this is the first use.
func (v *View) snapshot() *projections.Snapshot {
	if sn := v.snap.Load(); sn != nil {
		return sn
	}
	sn := v.t.takeSnapshot()
	if !v.snap.CompareAndSwap(nil, sn) { // a parallel scan was faster
		sn.Release()
		sn = v.snap.Load()
	}
	return sn
}

// takeSnapshot returns the snapshot for a new view, with a reference for it.
func (t *Txn) takeSnapshot() *projections.Snapshot {
	if t.opts.Isolation == ReadCommitted {
		sn := t.m.store.Snapshot()
		t.snapshotAt.Store(uint64(sn.Position()))
		return sn
	}
	t.snapMu.Lock()
	defer t.snapMu.Unlock()
	if t.snap == nil {
		t.snap = t.m.store.Snapshot()
		t.snapshotAt.Store(uint64(t.snap.Position()))
	}
	return t.snap.Retain()
}

// Position is the position of the view's snapshot.
func (v *View) Position() log.Position { return v.snapshot().Position() }

// Get reads one row into dst (dec's columns). A nil decoder only asks whether the row is there.
func (v *View) Get(def *projections.TableDef, dec *projections.RowDecoder, row projections.RowID, dst []types.Datum) (found bool, err error) {
	_, found, err = v.GetAt(def, dec, row, dst)
	return found, err
}

// GetAt is Get with the position that wrote the row, 0 for this transaction.
func (v *View) GetAt(def *projections.TableDef, dec *projections.RowDecoder, row projections.RowID, dst []types.Datum) (p log.Position, found bool, err error) {
	if w := v.t.table(def); w != nil {
		if r := w.find(row); r != nil {
			if ver := r.visible(v.command); ver != nil {
				if ver.deleted || dec == nil {
					return position0, !ver.deleted, nil
				}
				return position0, true, dec.SharedDatums(dst, ver.image)
			}
			if !r.base {
				return 0, false, nil
			}
		} else if len(w.spilled) > 0 {
			image, cid, ok, err := v.t.spilledRow(w, row)
			if err != nil || ok && cid >= v.command {
				return 0, false, err
			}
			if ok {
				if dec != nil {
					err = dec.SharedDatums(dst, image)
				}
				return position0, err == nil, err
			}
		}
	}
	if def.Temp {
		return 0, false, nil
	}
	return v.snapshot().Row(def.Storage, row, dec, dst)
}

// LookupUnique looks a whole logical key without NULLs up in a unique index.
func (v *View) LookupUnique(def *projections.TableDef, ix int, key []byte) (row projections.RowID, found bool, err error) {
	x := &def.Indexes[ix]
	if w := v.t.table(def); w != nil {
		if row, found, done, err := v.lookupOwn(w, def, ix, text(key)); done || err != nil {
			return row, found, err
		}
		row, found, err = v.snapshot().UniqueRow(x, key)
		if found && !v.entryVisible(w, w.slots[ix], key, row) {
			return 0, false, nil // the transaction changed the key or deleted the row
		}
		return row, found, err
	}
	if def.Temp {
		return 0, false, nil
	}
	return v.snapshot().UniqueRow(x, key)
}

// lookupOwn looks a key up in the write set; done tells that the store need not be asked.
func (v *View) lookupOwn(w *tableWrites, def *projections.TableDef, ix int, key string) (row projections.RowID, found, done bool, err error) {
	slot := w.bind(def)[ix]
	o := w.overlays[slot]
	if err := v.t.fillOverlay(w, def, ix); err != nil {
		return 0, false, true, err
	}
	for c, i := o.seek(key, 0); ; c, i = o.items.next(c, i) {
		it := o.items.at(c, i)
		if it == nil || it.key != key {
			return 0, false, o.complete, nil
		}
		if visible, err := v.itemVisible(w, slot, it); visible || err != nil {
			return it.row, visible, true, err
		}
	}
}

// itemVisible reports whether an overlay entry is one that the command sees.
func (v *View) itemVisible(w *tableWrites, slot int, it *overlayItem) (bool, error) {
	r := w.find(it.row)
	if r == nil {
		_, cid, ok, err := v.t.spilledRow(w, it.row)
		if ok || err != nil {
			return cid < v.command, err
		}
		return w.overlays[slot].complete && !w.temp, nil // a committed row
	}
	ver := r.visible(v.command)
	return ver != nil && !ver.deleted && ver.keyOf(slot) == it.key, nil
}

// entryVisible reports whether an entry of the store's index is one that the command sees.
func (v *View) entryVisible(w *tableWrites, slot int, key []byte, row projections.RowID) bool {
	r := w.find(row)
	if r == nil {
		return true
	}
	ver := r.visible(v.command)
	if ver == nil {
		return r.base
	}
	return !ver.deleted && ver.keyOf(slot) == string(key)
}

func missingRow(def *projections.TableDef, row projections.RowID) error {
	return pgerr.Newf(pgerr.DataCorrupted, "an index of table %d points to row %d, which does not exist", def.Table, row)
}
