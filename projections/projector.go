package projections

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"kimberlite/log"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// ErrDiverged marks errors that mean this replica's state is not what the log says. The node must stop; its projections must be rebuilt.
var ErrDiverged = errors.New("the projections do not agree with the event log")

// ProjectorOptions tune a Projector. The hooks are called from Apply, after the events they are about can be read, in log order; they must
// be quick and must not wait for another event. Any may be nil.
type ProjectorOptions struct {
	// NoHistory keeps no superseded row versions.
	NoHistory bool

	// CatalogChanged follows the catalog: called once an event with catalog operations. What it is given may be kept.
	CatalogChanged func(p log.Position, ops []CatalogOp, tables []TableOp)
	// Notified delivers the notifications of one transaction.
	Notified func(p log.Position, database types.OID, n []Notification)
	// SequencesChanged tells of states that were set by an event.
	SequencesChanged func(p log.Position, s []SequenceState)
	// Applied is called after each batch with the new position and the number of events and row operations in it.
	Applied func(p log.Position, events, rowOps int)
	// Building is told of the progress of building an index: rows done of rows in all.
	Building func(index types.OID, done, total int64)
	// CheckpointMatched and Diverged are told of the comparison of digests.
	CheckpointMatched func(p log.Position, d Digest)
	Diverged          func(p log.Position, want, have Digest)
}

// Projector applies committed events to a Store; it is the consensus.Applier of a node. Apply is never called twice at once.
type Projector struct {
	s    *Store
	opts ProjectorOptions

	batch  *pebble.Batch
	meta   appliedRecord // as of the last event in batch
	events int           // in batch
	rowOps int
	after  []func() // what to tell once batch is committed

	// rows and values are what batch holds for keys that a later event of the same batch may read; only kept while several
	// events share a batch. A nil image is a deleted row.
	sharing bool
	rows    map[rowRef]rowVersion
	values  map[string][]byte

	tables map[StorageID]*tableState // by row storage
	// work holds the digests as of the last event in batch; dirty names those that differ from the store's, which a commit publishes.
	work    map[StorageID]*tableDigest
	dirty   map[StorageID]struct{}
	catalog *tableDigest // work[0]

	// sets are puts into unique indexes, held back until the event's deletes are in: two rows may swap their keys.
	sets    []byte
	setEnds []int // pairs: end of key, end of value

	loading *loader // takes the batch into its files, instead of the memtable

	tops   map[StorageID]*keyTop // known ones, by unique index
	raised []*keyTop

	tx      Transaction // reused
	old     []byte
	scratch []byte
	keys    [2][]byte
	datums  [2][]types.Datum
	entry   [2]IndexEntry

	opsApplied atomic.Uint64
	evApplied  atomic.Uint64
}

type rowRef struct {
	id  StorageID
	row RowID
}

type rowVersion struct {
	position log.Position
	image    []byte
	deleted  bool
}

// tableState is what the projector needs to apply operations on a table.
type tableState struct {
	def    *TableDef // nil for rows of a table without definition: kept and hashed, not indexed
	index  *IndexSet
	digest *tableDigest
}

// NewProjector returns the projector of a store.
func NewProjector(s *Store, opts ProjectorOptions) *Projector {
	p := &Projector{s: s, opts: opts, rows: map[rowRef]rowVersion{}, values: map[string][]byte{},
		tables: map[StorageID]*tableState{}, work: map[StorageID]*tableDigest{}, dirty: map[StorageID]struct{}{}, tops: map[StorageID]*keyTop{}, scratch: make([]byte, 0, 256)}
	p.meta = s.meta
	for id, d := range s.digests {
		c := *d
		p.work[id] = &c
	}
	p.catalog = p.digestOf(0)
	return p
}

// AppliedPosition is where the replay of the log goes on.
func (p *Projector) AppliedPosition() log.Position { return p.s.Applied() }

// Counts returns how many events and row operations were applied since the start.
func (p *Projector) Counts() (events, rowOps uint64) { return p.evApplied.Load(), p.opsApplied.Load() }

// Apply applies committed events in order and returns when they can be read. Events at or below AppliedPosition are passed over.
func (p *Projector) Apply(events []log.Event) error {
	p.sharing = len(events) > 1
	for i := range events {
		ev := &events[i]
		if ev.Position <= p.meta.position {
			continue
		}
		if ev.Position != p.meta.position+1 {
			return fmt.Errorf("%w: event %d follows event %d", ErrDiverged, ev.Position, p.meta.position)
		}
		if err := p.event(ev); err != nil {
			p.abandonBatch()
			return fmt.Errorf("applying event %d (%v): %w", ev.Position, ev.Kind, err)
		}
		if p.batch != nil && p.batch.Len() > batchBytesMax {
			if err := p.commit(); err != nil {
				return err
			}
		}
	}
	return p.commit()
}

// abandonBatch forgets an unfinished batch after an error; the projector must not be used again.
func (p *Projector) abandonBatch() {
	if p.batch != nil {
		_ = p.batch.Close() // its contents are given up
		p.batch = nil
	}
}

// event applies one event to the open batch.
func (p *Projector) event(ev *log.Event) error {
	if p.batch == nil {
		if p.s.tops.wanted.Load() {
			if err := p.loadTops(); err != nil {
				return err
			}
		}
		p.batch = p.s.db.NewBatch()
	}
	p.s.hot.writing.Store(uint64(ev.Position)) // H2
	var err error
	switch ev.Kind {
	case log.KindTransaction, log.KindCatalog, log.KindStatistics:
		err = p.transaction(ev)
	case log.KindSequence:
		err = p.sequences(ev)
	case log.KindChunk:
		err = p.chunk(ev)
	case log.KindAbandon:
		err = p.abandon(ev)
	case log.KindCheckpoint:
		err = p.checkpoint(ev)
	case log.KindMembership, log.KindViewChange, log.KindForceLeader:
		// Of no concern here, but the position moves.
	default:
		err = pgerr.Newf(pgerr.FeatureNotSupported, "this release does not know events of %v", ev.Kind)
	}
	if err != nil {
		return err
	}
	p.meta.position, p.meta.hash = ev.Position, ev.Hash
	p.events++
	return nil
}

// commit makes the open batch visible and calls the hooks.
func (p *Projector) commit() error {
	if p.batch == nil {
		return nil
	}
	if p.events == 0 && p.batch.Empty() {
		p.abandonBatch()
		return nil
	}
	if err := p.write(); err != nil {
		return err
	}
	s := p.s
	s.applied.Store(uint64(p.meta.position))
	s.retire()
	s.committing.Store(false)
	p.publish()
	for _, f := range p.after {
		f()
	}
	clear(p.after)
	p.after = p.after[:0]
	p.evApplied.Add(uint64(p.events))
	p.opsApplied.Add(uint64(p.rowOps))
	if p.opts.Applied != nil {
		p.opts.Applied(p.meta.position, p.events, p.rowOps)
	}
	p.events, p.rowOps = 0, 0
	return nil
}

// write puts the batch into Pebble with the digests and the applied record that belong to it. committing stays set.
func (p *Projector) write() error {
	s := p.s
	var buf [tableDigestLen]byte
	for id := range p.dirty {
		d := p.work[id]
		if d == nil {
			if err := p.batch.Delete(appendStorage(p.scratch[:0], spaceDigest, id), nil); err != nil {
				return err
			}
			continue
		}
		if err := p.batch.Set(appendStorage(p.scratch[:0], spaceDigest, id), d.append(buf[:0]), nil); err != nil {
			return err
		}
	}
	var rec [appliedRecordLen]byte
	if err := p.batch.Set(metaApplied, p.meta.append(rec[:0]), nil); err != nil {
		return err
	}
	s.committing.Store(true)
	if err := p.commitBatch(); err != nil {
		s.committing.Store(false)
		return fmt.Errorf("writing the projections: %w", err)
	}
	if err := p.batch.Close(); err != nil {
		return err
	}
	p.batch = nil
	if len(p.rows) > 0 {
		clear(p.rows)
	}
	if len(p.values) > 0 {
		clear(p.values)
	}
	return nil
}

func (p *Projector) commitBatch() error {
	if p.loading != nil {
		return p.loading.ingest(p.batch)
	}
	return p.batch.Commit(pebble.NoSync)
}

// publish makes the digests and the applied record of the batch that was just written known to readers.
func (p *Projector) publish() {
	s := p.s
	s.mu.Lock()
	for id := range p.dirty {
		d := p.work[id]
		switch have := s.digests[id]; {
		case d == nil:
			delete(s.digests, id)
		case have == nil:
			c := *d
			s.digests[id] = &c
		default:
			*have = *d
		}
	}
	s.meta = p.meta
	s.mu.Unlock()
	clear(p.dirty)
}

func (p *Projector) digestOf(id StorageID) *tableDigest {
	d := p.work[id]
	if d == nil {
		d = new(tableDigest)
		p.work[id] = d
	}
	return d
}

// table returns the state of a row storage, compiled.
func (p *Projector) table(id StorageID) (*tableState, error) {
	if t := p.tables[id]; t != nil {
		return t, nil
	}
	p.s.mu.RLock()
	def := p.s.byStore[id]
	p.s.mu.RUnlock()
	t := &tableState{def: def, digest: p.digestOf(id)}
	if def != nil && len(def.Indexes) > 0 {
		var err error
		if t.index, err = def.IndexSet(p.s.opts.Evaluator); err != nil {
			return nil, err
		}
	}
	p.tables[id] = t
	return t, nil
}

// transaction applies a transaction event.
func (p *Projector) transaction(ev *log.Event) error {
	t := &p.tx
	if err := t.decode(ev.Payload); err != nil {
		return err
	}
	if t.View != 0 && t.View != ev.View {
		return p.reject(ev.Position, t.XID)
	}
	if t.Chunks > 0 {
		return p.chunked(ev, t)
	}
	if err := p.definitions(t); err != nil {
		return err
	}
	if err := p.rowTables(t.Rows, ev.Position); err != nil {
		return err
	}
	return p.finish(ev, t)
}

// reject voids an event that got into the log in another view than its locks were held in.
func (p *Projector) reject(pos log.Position, xid uint64) error {
	s := p.s
	s.mu.Lock()
	if len(s.rejected) >= rejectedMax {
		for old := range s.rejected {
			if old+rejectedMax < pos {
				delete(s.rejected, old)
			}
		}
	}
	s.rejected[pos] = struct{}{}
	s.mu.Unlock()
	return p.dropChunks(xid)
}

// finish applies what follows the rows: catalog, sequences, the transaction's own record; and queues the hooks.
func (p *Projector) finish(ev *log.Event, t *Transaction) error {
	for i := range t.Catalog {
		op := &t.Catalog[i]
		var value []byte
		if !op.Deleted {
			value = op.Data
			if value == nil {
				value = []byte{}
			}
		}
		if err := p.put(appendCatalogKey(p.scratch[:0], op.Kind, op.OID), value); err != nil {
			return err
		}
	}
	if err := p.putSequences(t.Sequences); err != nil {
		return err
	}
	for _, oid := range t.SequenceDrops {
		if err := p.put(appendOIDKey(p.scratch[:0], spaceSequence, oid), nil); err != nil {
			return err
		}
	}
	if err := p.record(ev, t); err != nil {
		return err
	}
	p.tell(ev, t)
	return nil
}

// record notes that the transaction is committed, and now and then which position belongs to the time.
func (p *Projector) record(ev *log.Event, t *Transaction) error {
	var val [16]byte
	binary.BigEndian.PutUint64(val[:], uint64(ev.Position))
	binary.BigEndian.PutUint64(val[8:], uint64(t.CommitTime))
	if t.XID != 0 {
		if err := p.batch.Set(appendNumberKey(p.scratch[:0], spaceXact, t.XID), val[:], nil); err != nil {
			return err
		}
		p.meta.maxXID = max(p.meta.maxXID, t.XID)
	}
	p.meta.lastTime = max(p.meta.lastTime, t.CommitTime)
	if t.CommitTime >= p.meta.lastMark+timeMarkEvery {
		p.meta.lastMark = t.CommitTime
		return p.batch.Set(appendNumberKey(p.scratch[:0], spaceTime, uint64(t.CommitTime)^(1<<63)), val[:8], nil)
	}
	return nil
}

// tell queues the hooks of a transaction. The transaction is reused for the next event, so what they get is copied.
func (p *Projector) tell(ev *log.Event, t *Transaction) {
	pos, db := ev.Position, t.Database
	if p.opts.CatalogChanged != nil && len(t.Catalog)+len(t.Tables) > 0 {
		ops, tables := append([]CatalogOp(nil), t.Catalog...), append([]TableOp(nil), t.Tables...)
		p.after = append(p.after, func() { p.opts.CatalogChanged(pos, ops, tables) })
	}
	if p.opts.SequencesChanged != nil && len(t.Sequences) > 0 {
		s := append([]SequenceState(nil), t.Sequences...)
		p.after = append(p.after, func() { p.opts.SequencesChanged(pos, s) })
	}
	if p.opts.Notified != nil && len(t.Notifications) > 0 {
		n := append([]Notification(nil), t.Notifications...)
		p.after = append(p.after, func() { p.opts.Notified(pos, db, n) })
	}
}

// put sets (value not nil) or deletes a key of the catalog's share of the state, and keeps its digest.
func (p *Projector) put(key, value []byte) error {
	old, known := p.values[string(key)]
	if !known {
		var err error
		if old, err = p.s.value(key); err != nil {
			return err
		}
	}
	if old != nil {
		h, _ := hashEntry(nil, key, old)
		p.catalog.sub(&h)
		p.catalog.rows--
	}
	if value != nil {
		h, _ := hashEntry(nil, key, value)
		p.catalog.add(&h)
		p.catalog.rows++
	}
	p.dirty[0] = struct{}{}
	// The overlay is needed within an event too: a transaction may name a key twice.
	p.values[string(key)] = value
	if value == nil {
		return p.batch.Delete(key, nil)
	}
	return p.batch.Set(key, value, nil)
}

func (p *Projector) putSequences(list []SequenceState) error {
	for _, q := range list {
		v := binary.BigEndian.AppendUint64(make([]byte, 0, 9), uint64(q.Last))
		if err := p.put(appendOIDKey(p.scratch[:0], spaceSequence, q.Sequence), appendBool(v, q.Called)); err != nil {
			return err
		}
	}
	return nil
}

func (p *Projector) sequences(ev *log.Event) error {
	list, err := DecodeSequences(ev.Payload)
	if err != nil {
		return err
	}
	if p.opts.SequencesChanged != nil {
		pos := ev.Position
		p.after = append(p.after, func() { p.opts.SequencesChanged(pos, list) })
	}
	return p.putSequences(list)
}

// checkpoint compares digests, or (position 0) remembers the digest of here for a later comparison.
func (p *Projector) checkpoint(ev *log.Event) error {
	c, err := DecodeCheckpoint(ev.Payload)
	if err != nil {
		return err
	}
	have := stateDigest(p.work) // of the state before this event, the earlier ones of this batch included
	if c.Position == 0 {
		mark := Checkpoint{Position: ev.Position, Hash: ev.Hash, Digest: have}
		return p.batch.Set(metaCheckpoint, EncodeCheckpoint(nil, &mark), nil)
	}
	if p.events > 0 {
		if err := p.commit(); err != nil { // the mark may be in this very batch
			return err
		}
		p.batch = p.s.db.NewBatch()
	}
	b, err := p.s.value(metaCheckpoint)
	if err != nil || b == nil {
		return err
	}
	mark, err := DecodeCheckpoint(b)
	if err != nil {
		return err
	}
	if mark.Position != c.Position {
		return nil // we came by a snapshot and did not see the mark
	}
	if mark.Digest != c.Digest || mark.Hash != c.Hash {
		if p.opts.Diverged != nil {
			p.opts.Diverged(c.Position, c.Digest, mark.Digest)
		}
		return fmt.Errorf("%w: at position %d the leader's state has digest %v, this node's has %v", ErrDiverged, c.Position, c.Digest, mark.Digest)
	}
	if p.opts.CheckpointMatched != nil {
		p.after = append(p.after, func() { p.opts.CheckpointMatched(c.Position, c.Digest) })
	}
	return nil
}

// metaCheckpoint holds the digest at the last mark, as a checkpoint payload.
var metaCheckpoint = []byte("mcheckpoint")
