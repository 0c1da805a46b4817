package projections

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"kimberlite/log"
)

// A large transaction is in the log as chunks, followed by its transaction event. Where a chunk is gets noted under its transaction's id. The
// transaction event then applies them in several Pebble batches (steps), because no batch could hold them. Meanwhile
//
//   - the applied record says how many steps of the event after its position are done, so that a restart goes on behind them, and
//   - readers are given the snapshot from before the first step, so that nobody sees half a transaction.
//
// Steps: 0 the definitions; then, if there are only inserts, as in a bulk load, everything at once (load.go). Otherwise one a chunk; then, unless all operations are inserts, the event's own rows, and one a chunk again to put the
// entries of unique indexes back that a later delete of the same key took out; at last everything else (with the event's own rows, if they had
// no step of their own).

// stepRepair is set in the applied record's step once a chunk with an update or delete was seen.
const stepRepair = 1 << 31

// chunk notes where a chunk is.
func (p *Projector) chunk(ev *log.Event) error {
	c, err := DecodeChunk(ev.Payload)
	if err != nil {
		return err
	}
	if c.View != 0 && c.View != ev.View {
		return p.reject(ev.Position, c.XID)
	}
	return p.batch.Set(appendChunkKey(nil, c.XID, c.Number), binary.BigEndian.AppendUint64(nil, uint64(ev.Position)), nil)
}

func (p *Projector) dropChunks(xid uint64) error {
	lower := appendNumberKey(nil, spaceChunk, xid)
	return p.batch.DeleteRange(lower, prefixEnd(lower), nil)
}

func (p *Projector) abandon(ev *log.Event) error {
	a, err := DecodeAbandon(ev.Payload)
	if err != nil {
		return err
	}
	for _, xid := range a.XIDs {
		if err := p.dropChunks(xid); err != nil {
			return err
		}
	}
	return nil
}

// chunked applies a transaction that has chunks.
func (p *Projector) chunked(ev *log.Event, t *Transaction) error {
	if err := p.commit(); err != nil {
		return err
	}
	sharing := p.sharing
	p.sharing = false // no two operations on one row can meet within a step
	hold := p.s.Snapshot()
	p.s.frozen.Store(true)
	p.batch = p.s.db.NewBatch()

	step := p.meta.step &^ stepRepair
	repair := p.meta.step&stepRepair != 0
	if step == 0 {
		if err := p.definitions(t); err != nil {
			return err
		}
		if err := p.endStep(1, false); err != nil {
			return err
		}
		step = 1
	}
	load, err := p.load(t, ev.Position, step)
	if err != nil {
		return err
	}
	for ; load == nil && step <= t.Chunks; step++ {
		c, err := p.loadChunk(t, step-1)
		if err != nil {
			return err
		}
		if err := p.rowTables(c.Rows, ev.Position); err != nil {
			return err
		}
		repair = repair || !onlyInserts(c.Rows)
		if err := p.endStep(step+1, repair); err != nil {
			return err
		}
	}
	repair = repair || load == nil && !onlyInserts(t.Rows)
	if repair && step == t.Chunks+1 {
		if err := p.rowTables(t.Rows, ev.Position); err != nil {
			return err
		}
		if err := p.endStep(step+1, true); err != nil {
			return err
		}
		step++
	}
	for ; repair && step <= 2*t.Chunks+1; step++ {
		c, err := p.loadChunk(t, step-t.Chunks-2)
		if err != nil {
			return err
		}
		if err := p.repairUnique(c.Rows); err != nil {
			return err
		}
		if err := p.endStep(step+1, true); err != nil {
			return err
		}
	}
	if !repair && load == nil {
		if err := p.rowTables(t.Rows, ev.Position); err != nil {
			return err
		}
	}
	if err := p.dropChunks(t.XID); err != nil {
		return err
	}
	if err := p.finish(ev, t); err != nil {
		return err
	}
	p.meta.position, p.meta.hash, p.meta.step = ev.Position, ev.Hash, 0
	p.events++
	// Everything is in: show it in one go.
	p.loading = load
	err = p.commit()
	p.loading = nil
	load.abandon()
	p.s.frozen.Store(false)
	hold.Release()
	p.events-- // event() counts it
	p.batch = p.s.db.NewBatch()
	p.sharing = sharing
	return err
}

// endStep writes what a step did, without showing it.
func (p *Projector) endStep(next uint32, repair bool) error {
	p.meta.step = next
	if repair {
		p.meta.step |= stepRepair
	}
	err := p.write()
	p.s.committing.Store(false)
	p.batch = p.s.db.NewBatch()
	if testStep != nil {
		testStep()
	}
	return err
}

// testStep is called after each step in tests.
var testStep func()

func (p *Projector) loadChunk(t *Transaction, n uint32) (*Chunk, error) {
	c, err := loadChunk(p.s, t.XID, n)
	if err != nil {
		return nil, err
	}
	// Rows of a storage that the transaction dropped again are not wanted.
	c.Rows = slices.DeleteFunc(c.Rows, func(r TableRows) bool { return slices.Contains(t.Drops, r.Storage) })
	return c, nil
}

func loadChunk(s *Store, xid uint64, n uint32) (*Chunk, error) {
	b, err := s.value(appendChunkKey(nil, xid, n))
	if err != nil {
		return nil, err
	}
	if len(b) != 8 || s.opts.Events == nil {
		return nil, fmt.Errorf("%w: chunk %d of transaction %d is missing", ErrDiverged, n, xid)
	}
	pos := log.Position(binary.BigEndian.Uint64(b))
	events, err := s.opts.Events.Read(pos, pos+1, math.MaxInt64)
	if err != nil {
		return nil, fmt.Errorf("reading chunk %d of transaction %d at position %d: %w", n, xid, pos, err)
	}
	if len(events) != 1 || events[0].Kind != log.KindChunk {
		return nil, fmt.Errorf("%w: there is no chunk at position %d", ErrDiverged, pos)
	}
	return DecodeChunk(events[0].Payload)
}

func onlyInserts(tables []TableRows) bool {
	for i := range tables {
		for k := range tables[i].Ops {
			if tables[i].Ops[k].Op != OpInsert {
				return false
			}
		}
	}
	return true
}

// repairUnique puts the entries that the rows named in a chunk have now, after all row operations, in unique indexes.
func (p *Projector) repairUnique(tables []TableRows) error {
	for i := range tables {
		id := tables[i].Storage
		t, err := p.table(id)
		if err != nil {
			return err
		}
		if t.index == nil {
			continue
		}
		for k := range tables[i].Ops {
			op := &tables[i].Ops[k]
			now, err := p.oldValue(id, op.Row)
			if err != nil {
				return err
			}
			if now == nil {
				continue
			}
			if p.datums[1], err = t.index.Row(p.datums[1], now[positionLen:]); err != nil {
				return err
			}
			for _, code := range t.index.Codes {
				if !code.Def.Unique {
					continue
				}
				e := &p.entry[1]
				if p.keys[1], err = code.Entry(p.keys[1][:0], p.datums[1], e); err != nil {
					return err
				}
				if e.Skip {
					continue
				}
				key := code.storedKey(nil, e, op.Row)
				p.s.hot.gone(key)
				if err := p.batch.Set(key, code.storedValue(nil, e, op.Row), nil); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
