package txn

import (
	"context"
	"sync/atomic"

	"kimberlite/projections"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// NewRow hands out a row id without inserting anything yet.
func (t *Txn) NewRow(def *projections.TableDef) projections.RowID {
	if def.Temp {
		w := t.writable(def)
		w.nextRow++
		return w.nextRow
	}
	n, ok := t.m.rowIDs.Load(def.Storage)
	if !ok {
		start := new(atomic.Int64)
		start.Store(int64(t.m.store.LastRowID(def.Storage)))
		n, _ = t.m.rowIDs.LoadOrStore(def.Storage, start)
	}
	return projections.RowID(n.(*atomic.Int64).Add(1))
}

// Insert adds a row (datums by attribute number - 1). A *UniqueViolation says that a unique index has its key already.
func (t *Txn) Insert(ctx context.Context, def *projections.TableDef, row []types.Datum) (projections.RowID, error) {
	id := t.NewRow(def)
	return id, t.InsertRow(ctx, def, id, row)
}

// InsertRow is Insert with a row id that NewRow gave.
func (t *Txn) InsertRow(ctx context.Context, def *projections.TableDef, id projections.RowID, row []types.Datum) error {
	w, set, err := t.prepare(ctx, def)
	if err != nil {
		return err
	}
	nulls := t.nullFlags(len(set.Codes))
	keys, err := t.entries(w, set, row, nulls)
	if err != nil {
		return err
	}
	for i, code := range set.Codes {
		key := keys[w.slots[i]]
		if !code.Def.Unique || key == "" || nulls[i] {
			continue
		}
		if err := t.checkUnique(ctx, w, def, i, key, id, row); err != nil {
			return err
		}
	}
	v := t.newVersion(w)
	v.image, v.keys = t.image(w, def, row), keys
	if err := t.write(w, id, false, v); err != nil {
		return err
	}
	for slot, key := range keys {
		if key != "" {
			w.overlays[slot].add(key, id)
		}
	}
	if t.mem.bytes > t.m.opts.SpillBytes+t.spill.stuck {
		return t.spillRows(ctx)
	}
	return nil
}

// prepare gets everything ready for a write to a table.
func (t *Txn) prepare(ctx context.Context, def *projections.TableDef) (*tableWrites, *projections.IndexSet, error) {
	if !def.Temp {
		if err := t.needXID(ctx); err != nil {
			return nil, nil, err
		}
	}
	if t.command == 0 {
		return nil, nil, pgerr.Internal("a write outside of any command")
	}
	set, err := def.IndexSet(t.m.store.Evaluator())
	if err != nil {
		return nil, nil, err
	}
	return t.writable(def), set, nil
}

func (t *Txn) nullFlags(n int) []bool {
	if cap(t.nulls) < n {
		t.nulls = make([]bool, n)
	}
	clear(t.nulls[:n])
	return t.nulls[:n]
}

func (t *Txn) newVersion(w *tableWrites) *version {
	if w.loose {
		return new(version)
	}
	return t.mem.newVersion()
}

func (t *Txn) image(w *tableWrites, def *projections.TableDef, row []types.Datum) []byte {
	if w.loose {
		return def.Encoder().Append(nil, row)
	}
	size := 16 + 9*len(row)
	for i := range row {
		size += len(row[i].S)
	}
	return t.mem.keep(def.Encoder().Append(t.mem.room(size), row))
}

// Update replaces a row that is locked (ForNoKeyUpdate, or ForUpdate when a key column of a unique index changes) by a new version. old is the row's
// newest version, as Latest reads it; nil lets Update read it.
func (t *Txn) Update(ctx context.Context, def *projections.TableDef, row projections.RowID, old, next []types.Datum) error {
	w, set, err := t.prepare(ctx, def)
	if err != nil {
		return err
	}
	r, err := t.writableRow(w, def, row, ForNoKeyUpdate)
	if err != nil {
		return err
	}
	// The keys of the version below: known if it is our own, computed otherwise.
	var oldKeys []string
	switch {
	case len(set.Codes) == 0:
	case r != nil:
		oldKeys = r.head.keys
	default:
		if old == nil {
			if t.rowBuf, err = t.readOld(def, set, row, t.rowBuf); err != nil {
				return err
			}
			old = t.rowBuf
		}
		if oldKeys, err = t.entries(w, set, old, nil); err != nil {
			return err
		}
	}
	nulls := t.nullFlags(len(set.Codes))
	keys, err := t.entries(w, set, next, nulls)
	if err != nil {
		return err
	}
	for i, code := range set.Codes {
		slot := w.slots[i]
		if key := keys[slot]; code.Def.Unique && key != "" && !nulls[i] && key != at(oldKeys, slot) {
			if err := t.checkUnique(ctx, w, def, i, key, row, next); err != nil {
				return err
			}
		}
	}
	v := t.newVersion(w)
	v.image, v.keys = t.image(w, def, next), keys
	if err := t.write(w, row, r == nil, v); err != nil {
		return err
	}
	for slot, key := range keys {
		if key != "" && key != at(oldKeys, slot) {
			w.overlays[slot].add(key, row)
		}
	}
	return nil
}

func at(keys []string, slot int) string {
	if slot < len(keys) {
		return keys[slot]
	}
	return ""
}

// Delete removes a row that is locked ForUpdate.
func (t *Txn) Delete(ctx context.Context, def *projections.TableDef, row projections.RowID) error {
	w, _, err := t.prepare(ctx, def)
	if err != nil {
		return err
	}
	r, err := t.writableRow(w, def, row, ForUpdate)
	if err != nil {
		return err
	}
	v := t.newVersion(w)
	v.deleted = true
	return t.write(w, row, r == nil, v)
}

// writableRow returns the row's versions, nil when the transaction did not write it before, and checks that the row is there and locked: T3.
func (t *Txn) writableRow(w *tableWrites, def *projections.TableDef, row projections.RowID, mode RowLockMode) (*rowWrites, error) {
	r, err := t.unspill(w, row)
	if err != nil {
		return nil, err
	}
	if r != nil && r.head.deleted || r == nil && w.temp {
		return nil, pgerr.Internal("write to row %d of table %d, which does not exist", row, def.Table)
	}
	if w.temp || r != nil && !r.base {
		return r, nil // nobody else can see it
	}
	tag := rowTag{def.Storage, row}
	sh := &t.m.rowLocks.shards[tag.shard()]
	sh.Lock()
	l := sh.locks[tag]
	held := l.mine(t)
	sh.Unlock()
	if held < mode {
		return nil, pgerr.Internal("write to row %d of table %d without its lock", row, def.Table)
	}
	return r, nil
}

// readOld reads the columns that the indexes need of the newest committed version.
func (t *Txn) readOld(def *projections.TableDef, set *projections.IndexSet, row projections.RowID, buf []types.Datum) ([]types.Datum, error) {
	_, image, found, err := t.m.store.Image(def.Storage, row, nil)
	if err != nil {
		return buf, err
	}
	if !found {
		return buf, pgerr.Internal("write to row %d of table %d, which does not exist", row, def.Table)
	}
	return set.Row(buf, image)
}
