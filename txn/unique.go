package txn

import (
	"context"

	"kimberlite/projections"
	"kimberlite/sql/types"
)

// checkUnique takes the lock of a key and returns a *UniqueViolation if another row has it. For a deferrable index it only notes that the
// key must be looked at later.
func (t *Txn) checkUnique(ctx context.Context, w *tableWrites, def *projections.TableDef, ix int, key string, self projections.RowID, row []types.Datum) error {
	if def.Indexes[ix].Deferrable {
		t.deferred = append(t.deferred, deferredCheck{w: w, def: def, index: def.Indexes[ix].Index, storage: def.Indexes[ix].Storage, key: key, row: self,
			values: keyValues(def, ix, row)})
		return nil
	}
	other, found, err := t.findKey(ctx, w, def, ix, key, self)
	if err != nil {
		return err
	}
	if found {
		return &UniqueViolation{Table: def, Index: ix, Row: other, Key: keyValues(def, ix, row)}
	}
	return nil
}

// keyValues picks the values of an index's key columns; NULL stands for an expression, which the caller computes if it wants to show it.
func keyValues(def *projections.TableDef, ix int, row []types.Datum) []types.Datum {
	parts := def.Indexes[ix].Parts
	values := make([]types.Datum, len(parts))
	for i := range parts {
		if att := parts[i].Att; att > 0 && att <= len(row) {
			values[i] = row[att-1]
		} else {
			values[i] = types.NullDatum
		}
	}
	return values
}

// findKey locks a key and looks for a row other than self that has it: first among the transaction's own rows (their newest versions, whatever
// the command), then in the newest committed state. A row that another transaction is deleting, or giving another key, is waited for; meanwhile
// the key is not locked, so that the other may put it back.
func (t *Txn) findKey(ctx context.Context, w *tableWrites, def *projections.TableDef, ix int, key string, self projections.RowID) (other projections.RowID, found bool, err error) {
	slot := w.slots[ix]
	o := w.overlays[slot]
	if o.pending {
		if err := t.fillOverlay(w, def, ix); err != nil {
			return 0, false, err
		}
	}
	x := &def.Indexes[ix]
	for {
		fresh := false
		tag := tagOfKey(x.Storage, key)
		if !w.temp {
			if fresh, err = t.lockKey(ctx, tag); err != nil {
				return 0, false, err
			}
		}
		// A key that the transaction had not locked is not a key of a row that it wrote, but for an index that it made.
		if !fresh || o.complete {
			if err := t.fillOverlay(w, def, ix); err != nil {
				return 0, false, err
			}
			if other, found, err = t.ownKey(w, o, slot, key, self); found || err != nil || o.complete {
				return other, found, err
			}
		}
		// Whoever had the key's lock before us has published his row by now.
		if t.m.store.Beyond(x, bytesOf(key)) || t.m.store.RowCount(def.Storage) == 0 {
			return 0, false, nil
		}
		other, found, err = t.m.store.UniqueRow(x, bytesOf(key))
		if err != nil || !found || other == self {
			return 0, false, err
		}
		if r := w.find(other); r != nil { // a committed row that the transaction wrote: the transaction's own version counts, and the row is locked
			return other, !r.head.deleted && r.head.keyOf(slot) == key, nil
		}
		row := rowTag{w.storage, other}
		changer := t.m.rowLocks.keyChanger(row, t)
		if changer == nil {
			again, still, err := t.m.store.UniqueRow(x, bytesOf(key))
			if err != nil || still && again == other {
				return other, err == nil, err
			}
			continue // deleted between the two looks
		}
		if fresh {
			t.unlockKey(tag)
		}
		if err := t.waitForRow(ctx, changer, row); err != nil {
			return 0, false, err
		}
	}
}

// ownKey looks for a row other than self whose newest version has the key. In a complete overlay rows without versions are committed ones.
func (t *Txn) ownKey(w *tableWrites, o *overlay, slot int, key string, self projections.RowID) (projections.RowID, bool, error) {
	for c, i := o.seek(key, 0); ; c, i = o.items.next(c, i) {
		it := o.items.at(c, i)
		if it == nil || it.key != key {
			return 0, false, nil
		}
		if it.row == self {
			continue
		}
		if r := w.find(it.row); r != nil {
			if !r.head.deleted && r.head.keyOf(slot) == key {
				return it.row, true, nil
			}
			continue
		}
		if _, _, ok, err := t.spilledRow(w, it.row); ok || err != nil {
			return it.row, ok, err
		}
		if o.complete && !w.temp {
			return it.row, true, nil
		}
	}
}

// FindConflict looks for a row that has the same key as the (proposed) row in one of the unique indexes (numbers in def.Indexes; nil: all), waiting
// for other transactions that are about to insert or delete one. It holds the keys' locks afterwards, so that an Insert of the row cannot fail:
// INSERT ... ON CONFLICT. found is false when there is none. Deferrable indexes are passed over. The row found may be newer than what a view shows.
func (t *Txn) FindConflict(ctx context.Context, def *projections.TableDef, row []types.Datum, indexes []int) (v UniqueViolation, found bool, err error) {
	w, set, err := t.prepare(ctx, def)
	if err != nil {
		return v, false, err
	}
	var e projections.IndexEntry
	for i, code := range set.Codes {
		if !code.Def.Unique || code.Def.Deferrable || indexes != nil && !contains(indexes, i) {
			continue
		}
		if t.keyBuf, err = code.Entry(t.keyBuf[:0], row, &e); err != nil {
			return v, false, err
		}
		if e.Skip || e.Null {
			continue
		}
		other, found, err := t.findKey(ctx, w, def, i, string(e.Key), 0)
		if err != nil {
			return v, false, err
		}
		if found {
			return UniqueViolation{Table: def, Index: i, Row: other, Key: keyValues(def, i, row)}, true, nil
		}
	}
	return v, false, nil
}

func contains(list []int, n int) bool {
	for _, i := range list {
		if i == n {
			return true
		}
	}
	return false
}

// deferredCheck is a key of a deferrable unique index that was written and not checked yet.
type deferredCheck struct {
	w       *tableWrites
	def     *projections.TableDef
	index   types.OID
	storage projections.StorageID
	key     string
	row     projections.RowID
	values  []types.Datum
}

// CheckDeferredUnique checks the deferrable unique indexes that which says yes to (nil: all) for keys written since their last check: at the end of a
// statement for those that are INITIALLY IMMEDIATE, at SET CONSTRAINTS, at commit. A duplicate is a *UniqueViolation.
func (t *Txn) CheckDeferredUnique(ctx context.Context, which func(index types.OID) bool) error {
	keep := t.deferred[:0]
	checks := t.deferred
	for i := range checks {
		d := &checks[i]
		if which != nil && !which(d.index) {
			keep = append(keep, *d)
			continue
		}
		if err := t.checkDeferred(ctx, d); err != nil {
			t.deferred = append(keep, checks[i:]...)
			return err
		}
	}
	clear(checks[len(keep):])
	t.deferred = keep
	return nil
}

func (t *Txn) checkDeferred(ctx context.Context, d *deferredCheck) error {
	slot := d.w.slot(d.storage)
	r := d.w.find(d.row)
	if slot < 0 || r == nil || r.head.deleted || r.head.keyOf(slot) != d.key {
		return nil // rolled back, or changed again since
	}
	d.w.bind(d.def)
	ix := d.def.IndexByOID(d.index)
	other, found, err := t.findKey(ctx, d.w, d.def, ix, d.key, d.row)
	if err != nil || !found {
		return err
	}
	return &UniqueViolation{Table: d.def, Index: ix, Row: other, Key: d.values}
}

// DeferredUnique reports whether any key waits for CheckDeferredUnique.
func (t *Txn) DeferredUnique() bool { return len(t.deferred) > 0 }
