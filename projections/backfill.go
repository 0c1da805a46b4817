package projections

import (
	"github.com/cockroachdb/pebble/v2"

	"kimberlite/log"
	"kimberlite/sql/types"
)

// definitions applies the parts of an event that change what storages there are: dropped storages, new and changed table definitions. An
// index that a changed definition adds is built from the rows as they are before the event's own row operations, which then maintain it.
func (p *Projector) definitions(t *Transaction) error {
	for i := range t.Tables {
		if def := t.Tables[i].Def; def != nil {
			if err := p.backfill(p.s.TableDef(def.Table), def); err != nil {
				return err
			}
		}
	}
	for _, id := range t.Drops {
		if err := p.dropStorage(id, p.meta.position+1); err != nil {
			return err
		}
	}
	for i := range t.Tables {
		if err := p.define(&t.Tables[i]); err != nil {
			return err
		}
	}
	return nil
}

// dropStorage takes a storage out of the state. Its rows stay for time travel unless there is none; Prune removes them later.
func (p *Projector) dropStorage(id StorageID, pos log.Position) error {
	s := p.s
	s.mu.Lock()
	delete(s.byStore, id)
	s.mu.Unlock()
	delete(p.tables, id)
	p.dropTop(id)
	lower := appendStorage(nil, spaceIndex, id)
	if err := p.batch.DeleteRange(lower, prefixEnd(lower), nil); err != nil {
		return err
	}
	if p.work[id] == nil {
		return nil // an index, or a table that never had a row
	}
	delete(p.work, id)
	p.dirty[id] = struct{}{}
	for ref := range p.rows {
		if ref.id == id {
			delete(p.rows, ref)
		}
	}
	if p.opts.NoHistory {
		lower = appendStorage(nil, spaceRow, id)
		return p.batch.DeleteRange(lower, prefixEnd(lower), nil)
	}
	return p.batch.Set(appendDroppedKey(nil, pos, id), nil, nil)
}

// define puts or deletes a table's definition.
func (p *Projector) define(op *TableOp) error {
	s := p.s
	s.mu.RLock()
	old := s.byTable[op.Table]
	s.mu.RUnlock()
	key := appendOIDKey(nil, spaceTable, op.Table)
	if op.Def == nil {
		if old != nil {
			s.mu.Lock()
			delete(s.byTable, op.Table)
			if s.byStore[old.Storage] == old {
				delete(s.byStore, old.Storage)
			}
			s.mu.Unlock()
			delete(p.tables, old.Storage)
		}
		return p.put(key, nil)
	}
	if err := p.put(key, appendTableDef(nil, op.Def)); err != nil {
		return err
	}
	s.mu.Lock()
	s.byTable[op.Table] = op.Def
	if old != nil && old.Storage != op.Def.Storage && s.byStore[old.Storage] == old {
		delete(s.byStore, old.Storage)
	}
	s.byStore[op.Def.Storage] = op.Def
	s.mu.Unlock()
	delete(p.tables, op.Def.Storage)
	if old != nil {
		delete(p.tables, old.Storage)
	}
	return nil
}

// backfill builds the indexes that def has and old has not. The open batch (of events before this one) is committed first, so that its rows
// are seen; entries then go to the store in batches of their own that move no position. A crash in between leaves entries that nobody
// reads and that are removed when the event is applied again.
func (p *Projector) backfill(old, def *TableDef) error {
	var codes []*IndexCode
	for i := range def.Indexes {
		if hasIndex(old, def.Indexes[i].Storage) {
			continue
		}
		code, err := NewIndexCode(def, i, p.s.opts.Evaluator)
		if err != nil {
			return err
		}
		codes = append(codes, code)
	}
	if len(codes) == 0 || p.digestOf(def.Storage).rows == 0 {
		return nil
	}
	if !p.s.frozen.Load() { // in a chunked transaction that was done already
		if err := p.commit(); err != nil {
			return err
		}
		p.batch = p.s.db.NewBatch()
	}
	for _, code := range codes {
		p.dropTop(code.Def.Storage)
		lower := appendStorage(nil, spaceIndex, code.Def.Storage)
		if err := p.batch.DeleteRange(lower, prefixEnd(lower), nil); err != nil {
			return err
		}
	}
	if err := p.flushBuilt(); err != nil {
		return err
	}
	l, err := newLoader(p.s)
	if err != nil {
		return err
	}
	defer l.abandon()
	if err := p.buildFrom(l, def, codes); err != nil {
		return err
	}
	if err := p.flushBuilt(); err != nil {
		return err
	}
	return l.ingest(nil)
}

// buildFrom writes the entries of all rows.
func (p *Projector) buildFrom(l *loader, def *TableDef, codes []*IndexCode) error {
	sub := &IndexSet{Codes: codes, width: len(def.Columns)}
	seen := map[int]bool{}
	var atts []int
	for _, c := range codes {
		for _, att := range c.needs {
			if !seen[att] {
				seen[att] = true
				atts = append(atts, att)
			}
		}
	}
	sub.dec = newSparseDecoder(def, atts)
	total, done := p.digestOf(def.Storage).rows, int64(0)
	lower := appendStorage(nil, spaceRow, def.Storage)
	var row []types.Datum
	var buf, entry []byte
	var e IndexEntry
	return eachOf(p.s.db, lower, prefixEnd(lower), func(k, v []byte) (err error) {
		_, image, err := splitValue(v)
		if err != nil {
			return err
		}
		if row, err = sub.Row(row, image); err != nil {
			return err
		}
		id := rowOfKey(k)
		for _, code := range codes {
			if buf, err = code.Entry(buf[:0], row, &e); err != nil {
				return err
			}
			if e.Skip {
				continue
			}
			entry = code.storedKey(entry[:0], &e, id)
			n := len(entry)
			entry = code.storedValue(entry, &e, id)
			taken, err := l.add(entry[:n], entry[n:])
			if err != nil {
				return err
			}
			if taken {
				continue
			}
			if err := p.batch.Set(entry[:n], entry[n:], nil); err != nil {
				return err
			}
		}
		if done++; done%backfillReportRows == 0 && p.opts.Building != nil {
			for _, code := range codes {
				p.opts.Building(code.Def.Index, done, total)
			}
		}
		if p.batch.Len() < backfillBatchBytes {
			return nil
		}
		return p.flushBuilt()
	})
}

// flushBuilt writes index entries without anything else: the applied record in the store stays as it is.
func (p *Projector) flushBuilt() error {
	err := p.batch.Commit(pebble.NoSync)
	if cerr := p.batch.Close(); err == nil {
		err = cerr
	}
	p.batch = p.s.db.NewBatch()
	return err
}

func hasIndex(def *TableDef, id StorageID) bool {
	if def == nil {
		return false
	}
	for i := range def.Indexes {
		if def.Indexes[i].Storage == id {
			return true
		}
	}
	return false
}
