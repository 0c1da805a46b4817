package projections

import (
	"encoding/binary"
	"math"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"kimberlite/log"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// Snapshot is the state after one position. It is shared: whoever asks between two batches of the projector gets the same one. Release it.
type Snapshot struct {
	store    *Store
	snap     *pebble.Snapshot
	position log.Position
	refs     atomic.Int32

	mu   sync.Mutex
	idle []*pebble.Iterator // iterators that wait for the next scan: making one costs microseconds, moving its bounds does not
	done bool               // closed, or about to be: keep no iterators
}

// Snapshot returns the newest complete state. It costs about 20 ns while nothing is written.
func (s *Store) Snapshot() *Snapshot {
	s.snapMu.Lock()
	sn := s.cur
	if sn == nil {
		sn = s.newSnapshot()
		s.cur = sn
	}
	sn.refs.Add(1)
	s.snapMu.Unlock()
	return sn
}

// newSnapshot is called with snapMu held.
func (s *Store) newSnapshot() *Snapshot {
	before, busy := s.applied.Load(), s.committing.Load()
	sn := &Snapshot{store: s, snap: s.db.NewSnapshot(), position: log.Position(before)}
	sn.refs.Store(1)
	if busy || s.committing.Load() || s.applied.Load() != before {
		// A batch is going in right now: only the snapshot itself knows whether it caught it.
		if v, closer, err := sn.snap.Get(metaApplied); err == nil {
			var a appliedRecord
			if a.decode(v) == nil {
				sn.position = a.position
			}
			_ = closer.Close() // nothing to report
		} else {
			sn.position = 0
		}
	}
	return sn
}

// retire makes the next caller of Snapshot take a new one.
func (s *Store) retire() {
	s.snapMu.Lock()
	sn := s.cur
	s.cur = nil
	s.snapMu.Unlock()
	if sn != nil {
		sn.mu.Lock()
		sn.done = true
		sn.mu.Unlock()
		sn.Release()
	}
	if s.retired++; s.retired%pinEvery == 1 {
		s.movePin(true)
	}
}

// movePin replaces the pin (or, at the end, drops it): a snapshot that nobody reads. Pebble looks for compactions to make whenever its oldest
// snapshot is closed; with an older one around, those that statements use are not the oldest.
func (s *Store) movePin(again bool) {
	old := s.pin
	s.pin = nil
	if again {
		s.pin = s.db.NewSnapshot()
	}
	if old != nil {
		_ = old.Close() // fails only when closed twice
	}
}

// Position is the position of the state.
func (sn *Snapshot) Position() log.Position { return sn.position }

// Retain adds a reference, for one more Release.
func (sn *Snapshot) Retain() *Snapshot {
	sn.refs.Add(1)
	return sn
}

// Release gives the snapshot up. Iterators over it must be closed before.
func (sn *Snapshot) Release() {
	if sn.refs.Add(-1) != 0 {
		return
	}
	sn.mu.Lock()
	idle := sn.idle
	sn.idle, sn.done = nil, true
	sn.mu.Unlock()
	for _, it := range idle {
		_ = it.Close() // an idle iterator has reported its errors to the scan that used it
	}
	_ = sn.snap.Close() // fails only when closed twice
}

// iter returns an iterator over [lower, upper), unpositioned.
func (sn *Snapshot) iter(lower, upper []byte) (*pebble.Iterator, error) {
	sn.mu.Lock()
	if n := len(sn.idle); n > 0 {
		it := sn.idle[n-1]
		sn.idle = sn.idle[:n-1]
		sn.mu.Unlock()
		it.SetBounds(lower, upper)
		return it, nil
	}
	sn.mu.Unlock()
	it, err := sn.snap.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	return it, readError(err)
}

// putIter takes an iterator back.
func (sn *Snapshot) putIter(it *pebble.Iterator) error {
	if it.Error() == nil {
		sn.mu.Lock()
		if !sn.done && len(sn.idle) < idleItersMax {
			sn.idle = append(sn.idle, it)
			sn.mu.Unlock()
			return nil
		}
		sn.mu.Unlock()
	}
	return readError(it.Close())
}

// splitValue takes a stored row value apart.
func splitValue(v []byte) (log.Position, []byte, error) {
	if len(v) < positionLen {
		return 0, nil, errRow
	}
	return log.Position(binary.BigEndian.Uint64(v)), v[positionLen:], nil
}

// Row reads one row: dec's columns go to dst (dec nil: only whether it exists), with the position that wrote it.
func (sn *Snapshot) Row(id StorageID, row RowID, dec *RowDecoder, dst []types.Datum) (p log.Position, found bool, err error) {
	var key [rowKeyLen]byte
	v, found, err := sn.point(putRowKey(&key, id, row))
	return decodePoint(v, found, err, dec, dst)
}

// Row reads one row of the newest complete state. It is meant for callers who hold a lock on the row, so that it cannot change under them.
func (s *Store) Row(id StorageID, row RowID, dec *RowDecoder, dst []types.Datum) (p log.Position, found bool, err error) {
	var key [rowKeyLen]byte
	v, found, err := s.point(putRowKey(&key, id, row))
	return decodePoint(v, found, err, dec, dst)
}

// decodePoint decodes a row value. Strings are copied: they would keep a large buffer of the cache alive.
func decodePoint(v []byte, found bool, err error, dec *RowDecoder, dst []types.Datum) (log.Position, bool, error) {
	if !found {
		return 0, false, err
	}
	p, image, err := splitValue(v)
	if err == nil && dec != nil {
		err = dec.Datums(dst, image)
	}
	return p, err == nil, err
}

// Image appends the image of a row to buf.
func (sn *Snapshot) Image(id StorageID, row RowID, buf []byte) (p log.Position, image []byte, found bool, err error) {
	var key [rowKeyLen]byte
	v, found, err := sn.point(putRowKey(&key, id, row))
	return appendPoint(v, found, err, buf)
}

// Image appends the image of a row of the newest complete state to buf; see Row.
func (s *Store) Image(id StorageID, row RowID, buf []byte) (p log.Position, image []byte, found bool, err error) {
	var key [rowKeyLen]byte
	v, found, err := s.point(putRowKey(&key, id, row))
	return appendPoint(v, found, err, buf)
}

func appendPoint(v []byte, found bool, err error, buf []byte) (log.Position, []byte, bool, error) {
	if !found {
		return 0, buf, false, err
	}
	p, image, err := splitValue(v)
	return p, append(buf, image...), err == nil, err
}

// RowVecs reads one row into element i of the vectors.
func (sn *Snapshot) RowVecs(id StorageID, row RowID, dec *RowDecoder, cols []*types.Vec, i int, arena *types.Arena) (p log.Position, found bool, err error) {
	var key [rowKeyLen]byte
	v, found, err := sn.point(putRowKey(&key, id, row))
	if !found {
		return 0, false, err
	}
	p, image, err := splitValue(v)
	if err == nil && dec != nil {
		err = dec.Vecs(cols, i, image, arena)
	}
	return p, err == nil, err
}

// UniqueRow looks a logical key without NULLs up in a unique index.
func (sn *Snapshot) UniqueRow(ix *IndexDef, logical []byte) (row RowID, found bool, err error) {
	var buf [96]byte
	v, found, err := sn.point(append(appendStorage(buf[:0], spaceIndex, ix.Storage), logical...))
	return decodeUnique(v, found, err)
}

// UniqueRow looks a logical key without NULLs up in a unique index of the newest complete state. Meant for callers who hold the key's lock.
func (s *Store) UniqueRow(ix *IndexDef, logical []byte) (row RowID, found bool, err error) {
	var buf [96]byte
	v, found, err := s.point(append(appendStorage(buf[:0], spaceIndex, ix.Storage), logical...))
	return decodeUnique(v, found, err)
}

func decodeUnique(v []byte, found bool, err error) (RowID, bool, error) {
	if !found {
		return 0, false, err
	}
	if len(v) < uniqueHead {
		return 0, false, pgerr.New(pgerr.DataCorrupted, "malformed index entry")
	}
	return RowID(binary.BigEndian.Uint64(v[1:])), true, nil
}

// Catalog visits all catalog descriptors in the order of (kind, oid). data is valid during the call only.
func (sn *Snapshot) Catalog(visit func(kind byte, oid types.OID, data []byte) error) error {
	return eachOf(sn.snap, []byte{spaceCatalog}, []byte{spaceCatalog + 1}, func(k, v []byte) error {
		return visit(k[1], types.OID(binary.BigEndian.Uint32(k[2:])), v)
	})
}

// RowMax is the largest row id, for an open upper end.
const RowMax = RowID(math.MaxInt64)

// RowIter walks the rows of a table by row id. Not for concurrent use. What Image returns is valid until the next move.
type RowIter struct {
	sn    *Snapshot
	it    *pebble.Iterator
	id    StorageID
	lo    [rowKeyLen]byte
	hi    [rowKeyLen]byte
	seek  [rowKeyLen]byte
	last  RowID // the last one that Find looked for
	there bool  // and the iterator stands on it
	value []byte
	err   error
}

// Rows returns an iterator over the rows from <= row id < to. Position it with First, Last or SeekGE.
func (sn *Snapshot) Rows(id StorageID, from, to RowID) *RowIter {
	it := &RowIter{sn: sn}
	it.Reset(id, from, to)
	return it
}

// Reset moves the iterator to another range, for much less than a new one costs.
func (it *RowIter) Reset(id StorageID, from, to RowID) {
	it.id, it.there = id, false
	lower, upper := putRowKey(&it.lo, id, from), putRowKey(&it.hi, id, to)
	if it.it != nil {
		it.it.SetBounds(lower, upper)
		return
	}
	it.it, it.err = it.sn.iter(lower, upper)
}

func (it *RowIter) at(ok bool) bool {
	if !ok {
		it.err = it.it.Error()
		return false
	}
	v, err := it.it.ValueAndErr()
	if err == nil && len(v) < positionLen {
		err = errRow
	}
	it.value, it.err = v, err
	return err == nil
}

// First moves to the first row of the range.
func (it *RowIter) First() bool { return it.err == nil && it.at(it.it.First()) }

// Last moves to the last row of the range.
func (it *RowIter) Last() bool { return it.err == nil && it.at(it.it.Last()) }

// Next moves to the next row. NextPrefix, because a row that is updated all the time has thousands of versions in the memtable, which Pebble's Next
// would visit one by one; with one version the two cost the same. (A prefix is a whole key here. Backwards there is no such help.)
func (it *RowIter) Next() bool { return it.err == nil && it.at(it.it.NextPrefix()) }

// Prev moves to the row before.
func (it *RowIter) Prev() bool { return it.err == nil && it.at(it.it.Prev()) }

// SeekGE moves to the first row at or after the id.
func (it *RowIter) SeekGE(row RowID) bool {
	return it.err == nil && it.at(it.it.SeekGE(putRowKey(&it.seek, it.id, row)))
}

// SeekLT moves to the last row before the id.
func (it *RowIter) SeekLT(row RowID) bool {
	return it.err == nil && it.at(it.it.SeekLT(putRowKey(&it.seek, it.id, row)))
}

// Find goes to a row for its Position and Image only (ID and the moves are undefined afterwards). One close behind the last is sought, which is
// cheap then; others are taken from the cache of single keys if they are there. fill enters those that are not: a large scan should not, or it
// would sweep the cache.
func (it *RowIter) Find(row RowID, fill bool) bool {
	if it.err != nil {
		return false
	}
	near := row - it.last
	if near > 0 && near <= findSteps && it.there {
		for it.there && it.last < row { // a step costs a fifth of a seek
			if it.there = it.at(it.it.NextPrefix()); it.there {
				it.last = it.ID()
			}
		}
		it.there = it.there && it.last == row
		return it.there
	}
	key := putRowKey(&it.seek, it.id, row)
	it.last = row
	if near > 0 && near <= findNear {
		it.there = it.at(it.it.SeekGE(key)) && it.ID() == row
		return it.there
	}
	it.there = false
	hot := &it.sn.store.hot
	if v, ok := hot.get(key, it.sn.position); ok && len(v) >= positionLen {
		it.value = v
		return true
	}
	if it.there = it.at(it.it.SeekGE(key)) && it.ID() == row; !it.there {
		return false
	}
	if fill {
		hot.put(key, it.value, it.sn.position)
	}
	return true
}

// ID is the row's id.
func (it *RowIter) ID() RowID { return rowOfKey(it.it.Key()) }

// Position is the position that wrote the row.
func (it *RowIter) Position() log.Position { return log.Position(binary.BigEndian.Uint64(it.value)) }

// Image is the row image.
func (it *RowIter) Image() []byte { return it.value[positionLen:] }

// Err is what ended the walk, nil at its regular end.
func (it *RowIter) Err() error { return readError(it.err) }

// Close gives the iterator back and returns what Err does. It may be called again.
func (it *RowIter) Close() error {
	err := it.Err()
	if it.it != nil {
		if cerr := it.sn.putIter(it.it); err == nil {
			err = cerr
		}
		it.it = nil
	}
	return err
}

// IndexIter walks the entries of an index by key. Not for concurrent use. Key and Include are valid until the next move.
type IndexIter struct {
	sn      *Snapshot
	it      *pebble.Iterator
	unique  bool
	id      StorageID
	buf     []byte
	logical []byte
	row     RowID
	include []byte
	err     error
}

const indexHead = 1 + 4

// Index returns an iterator over the entries with logical keys in the span. Position it with First or Last.
func (sn *Snapshot) Index(ix *IndexDef, span KeySpan) *IndexIter {
	it := &IndexIter{sn: sn, unique: ix.Unique, id: ix.Storage}
	it.Reset(span)
	return it
}

// Reset moves the iterator to another span of the same index, for much less than a new one costs.
func (it *IndexIter) Reset(span KeySpan) {
	b := append(appendStorage(it.buf[:0], spaceIndex, it.id), span.Start...)
	n := len(b)
	b = appendStorage(b, spaceIndex, it.id)
	if span.End != nil {
		b = append(b, span.End...)
	} else if end := prefixEnd(b[n:]); end != nil {
		b = append(b[:n], end...)
	}
	it.buf = b
	if it.it != nil {
		it.it.SetBounds(b[:n], b[n:])
		return
	}
	it.it, it.err = it.sn.iter(b[:n], b[n:])
}

func (it *IndexIter) at(ok bool) bool {
	if !ok {
		it.err = it.it.Error()
		return false
	}
	v, err := it.it.ValueAndErr()
	if err != nil {
		it.err = err
		return false
	}
	it.logical, it.row, it.include, ok = splitEntry(it.unique, it.it.Key()[indexHead:], v)
	if !ok {
		it.err = pgerr.New(pgerr.DataCorrupted, "malformed index entry")
	}
	return ok
}

// First moves to the first entry of the span.
func (it *IndexIter) First() bool { return it.err == nil && it.at(it.it.First()) }

// Last moves to the last entry of the span.
func (it *IndexIter) Last() bool { return it.err == nil && it.at(it.it.Last()) }

// Next moves to the next entry; see RowIter.Next.
func (it *IndexIter) Next() bool { return it.err == nil && it.at(it.it.NextPrefix()) }

// Prev moves to the entry before.
func (it *IndexIter) Prev() bool { return it.err == nil && it.at(it.it.Prev()) }

// Key is the logical key.
func (it *IndexIter) Key() []byte { return it.logical }

// RowID is the row that the entry points to.
func (it *IndexIter) RowID() RowID { return it.row }

// Include is the image of the included columns.
func (it *IndexIter) Include() []byte { return it.include }

// Err is what ended the walk, nil at its regular end.
func (it *IndexIter) Err() error { return readError(it.err) }

// Close gives the iterator back and returns what Err does. It may be called again.
func (it *IndexIter) Close() error {
	err := it.Err()
	if it.it != nil {
		if cerr := it.sn.putIter(it.it); err == nil {
			err = cerr
		}
		it.it = nil
	}
	return err
}
