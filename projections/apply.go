package projections

import (
	"encoding/binary"
	"fmt"
	"math"

	"kimberlite/log"
)

// rowTables applies the row operations of one event, or of one chunk, and then the puts into unique indexes that were held back.
func (p *Projector) rowTables(tables []TableRows, pos log.Position) error {
	p.sets, p.setEnds = p.sets[:0], p.setEnds[:0]
	for i := range tables {
		id := tables[i].Storage
		t, err := p.table(id)
		if err != nil {
			return err
		}
		p.dirty[id] = struct{}{}
		for k := range tables[i].Ops {
			if err := p.rowOp(t, id, &tables[i].Ops[k], pos); err != nil {
				return err
			}
		}
		p.rowOps += len(tables[i].Ops)
	}
	at := 0
	for i := 0; i < len(p.setEnds); i += 2 {
		key, value := p.sets[at:p.setEnds[i]], p.sets[p.setEnds[i]:p.setEnds[i+1]]
		at = p.setEnds[i+1]
		p.s.hot.gone(key)
		p.raiseTop(storageOfKey(key), key)
		if err := p.batch.Set(key, value, nil); err != nil {
			return err
		}
	}
	p.publishTops()
	return nil
}

// rowOp applies one operation: digest, history, index entries, row.
func (p *Projector) rowOp(t *tableState, id StorageID, op *RowOp, pos log.Position) error {
	var old []byte // position and image of the version that ends here
	if op.Op != OpInsert {
		var err error
		if old, err = p.oldValue(id, op.Row); err != nil {
			return err
		}
		if old == nil {
			return fmt.Errorf("%w: %v of row %d of storage %d, which does not exist", ErrDiverged, op.Op, op.Row, id)
		}
		if err := p.supersede(t, id, op.Row, old, pos); err != nil {
			return err
		}
	}
	if t.index != nil {
		if err := p.indexes(t, op, old); err != nil {
			return err
		}
	}
	if op.Op == OpDelete {
		t.digest.rows--
		if p.sharing {
			p.rows[rowRef{id, op.Row}] = rowVersion{deleted: true}
		}
		var key [rowKeyLen]byte
		p.s.hot.gone(putRowKey(&key, id, op.Row))
		return p.batch.Delete(key[:], nil)
	}
	d := p.batch.SetDeferred(rowKeyLen, positionLen+len(op.Image))
	putRowKey((*[rowKeyLen]byte)(d.Key), id, op.Row)
	binary.BigEndian.PutUint64(d.Value, uint64(pos))
	copy(d.Value[positionLen:], op.Image)
	h, scratch := hashEntry(p.scratch, d.Key, d.Value)
	p.scratch = scratch
	t.digest.add(&h)
	if op.Op == OpUpdate {
		p.s.hot.wrote(d.Key, d.Value, pos)
	} else {
		t.digest.rows++
		t.digest.last = max(t.digest.last, op.Row)
	}
	if p.sharing {
		p.rows[rowRef{id, op.Row}] = rowVersion{position: pos, image: op.Image}
	}
	return d.Finish()
}

// supersede takes an ended row version out of the digest and keeps it as history.
func (p *Projector) supersede(t *tableState, id StorageID, row RowID, old []byte, pos log.Position) error {
	var key [rowKeyLen]byte
	h, scratch := hashEntry(p.scratch, putRowKey(&key, id, row), old)
	p.scratch = scratch
	t.digest.sub(&h)
	if p.opts.NoHistory || binary.BigEndian.Uint64(old) == uint64(pos) { // a version from earlier in the same event was never to be seen
		return nil
	}
	return p.batch.Set(appendHistoryKey(p.scratch[:0], id, row, pos), old, nil)
}

// oldValue returns position and image of a row as of the events before; nil when there is none. Valid until the next call.
func (p *Projector) oldValue(id StorageID, row RowID) ([]byte, error) {
	if len(p.rows) > 0 {
		if v, ok := p.rows[rowRef{id, row}]; ok {
			if v.deleted {
				return nil, nil
			}
			p.old = append(binary.BigEndian.AppendUint64(p.old[:0], uint64(v.position)), v.image...)
			return p.old, nil
		}
	}
	var buf [rowKeyLen]byte
	key := putRowKey(&buf, id, row)
	if v, ok := p.s.hot.get(key, math.MaxUint64); ok { // the newest, this batch's included
		return v, nil
	}
	v, closer, err := p.s.db.Get(key)
	if err != nil {
		_, _, err = notFound(err)
		return nil, err
	}
	p.old = append(p.old[:0], v...)
	if len(v) < positionLen {
		err = errRow
	}
	if cerr := closer.Close(); err == nil {
		err = cerr
	}
	return p.old, err
}

// indexes maintains the entries of one row in all indexes of its table; those that stay the same are not touched.
func (p *Projector) indexes(t *tableState, op *RowOp, old []byte) (err error) {
	if old != nil {
		if p.datums[0], err = t.index.Row(p.datums[0], old[positionLen:]); err != nil {
			return err
		}
	}
	if op.Op != OpDelete {
		if p.datums[1], err = t.index.Row(p.datums[1], op.Image); err != nil {
			return err
		}
	}
	before, after := &p.entry[0], &p.entry[1]
	for _, code := range t.index.Codes {
		before.Skip, after.Skip = true, true
		if old != nil {
			if p.keys[0], err = code.Entry(p.keys[0][:0], p.datums[0], before); err != nil {
				return err
			}
		}
		if op.Op != OpDelete {
			if p.keys[1], err = code.Entry(p.keys[1][:0], p.datums[1], after); err != nil {
				return err
			}
		}
		if before.Equal(after) {
			continue
		}
		if !before.Skip {
			key := code.storedKey(p.scratch[:0], before, op.Row)
			if code.Def.Unique {
				p.s.hot.gone(key)
			}
			if err := p.batch.Delete(key, nil); err != nil {
				return err
			}
		}
		if !after.Skip {
			if err := p.indexSet(code, after, op.Row); err != nil {
				return err
			}
		}
	}
	return nil
}

// indexSet puts an entry: at once into a non-unique index, whose keys belong to one row each; after the event's deletes into a unique one.
func (p *Projector) indexSet(code *IndexCode, e *IndexEntry, row RowID) error {
	start := len(p.sets)
	b := code.storedKey(p.sets, e, row)
	keyEnd := len(b)
	b = code.storedValue(b, e, row)
	if code.Def.Unique {
		p.sets = b
		p.setEnds = append(p.setEnds, keyEnd, len(b))
		return nil
	}
	p.sets = b[:start]
	return p.batch.Set(b[start:keyEnd], b[keyEnd:], nil)
}
