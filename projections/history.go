package projections

import (
	"encoding/binary"
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"kimberlite/log"
	"kimberlite/sql/pgerr"
)

// RowVersion is one version of a row: the state from the event at From until the one at To, which superseded it (0: it is current).
type RowVersion struct {
	From, To log.Position
	Image    []byte
}

// HistoryFrom is the oldest position that time travel can reach.
func (s *Store) HistoryFrom() log.Position {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.history
}

// CheckAsOf returns an error (72000) that says how far one can go when the position is outside of what time travel reaches.
func (sn *Snapshot) CheckAsOf(p log.Position) error {
	if oldest := sn.store.HistoryFrom(); p < oldest {
		e := pgerr.Newf(pgerr.SnapshotTooOld, "position %d is older than the history that is kept", p)
		e.Hint = "The oldest position that can be read is " + oldest.String() + "."
		return e
	}
	if p > sn.position {
		return pgerr.Newf(pgerr.InvalidParameterValue, "position %d is in the future: the newest is %d", p, sn.position)
	}
	return nil
}

// ImageAsOf appends the image that a row had after the event at position p.
func (sn *Snapshot) ImageAsOf(id StorageID, row RowID, p log.Position, buf []byte) (from log.Position, image []byte, found bool, err error) {
	it := sn.RowsAsOf(id, row, row+1, p)
	defer func() { err = errors.Join(err, it.Close()) }()
	if it.Next() {
		return it.Position(), append(buf, it.Image()...), true, nil
	}
	return 0, buf, false, it.Err()
}

// RowHistory lists all versions of a row that are kept, oldest first.
func (sn *Snapshot) RowHistory(id StorageID, row RowID) (versions []RowVersion, err error) {
	lower := appendHistoryKey(nil, id, row, 0)
	err = eachOf(sn.snap, lower, appendHistoryKey(nil, id, row+1, 0), func(k, v []byte) error {
		from, image, err := splitValue(v)
		if err == nil {
			versions = append(versions, RowVersion{From: from, To: endedOfKey(k), Image: append([]byte(nil), image...)})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	from, image, found, err := sn.Image(id, row, nil)
	if found {
		versions = append(versions, RowVersion{From: from, Image: image})
	}
	return versions, err
}

// AsOfIter walks the rows of a table as they were after one position, by row id: current rows and history merged.
type AsOfIter struct {
	at       log.Position
	id       StorageID
	to       RowID
	cur      *RowIter
	hist     *pebble.Iterator
	curOK    bool
	histOK   bool
	started  bool
	row      RowID
	position log.Position
	image    []byte
	err      error
	sn       *Snapshot
	key      []byte
	from     RowID
}

// RowsAsOf returns an iterator over the rows from <= row id < to as they were after the event at position p. Check p with CheckAsOf.
func (sn *Snapshot) RowsAsOf(id StorageID, from, to RowID, p log.Position) *AsOfIter {
	it := &AsOfIter{at: p, id: id, from: from, to: to, sn: sn, cur: sn.Rows(id, from, to)}
	it.hist, it.err = sn.iter(appendHistoryKey(nil, id, from, 0), appendHistoryKey(nil, id, to, 0))
	return it
}

// Next moves to the next row, at first to the first one.
func (it *AsOfIter) Next() bool {
	if it.err != nil {
		return false
	}
	if !it.started {
		it.started = true
		it.curOK, it.histOK = it.cur.First(), it.hist.First()
	} else {
		it.leave()
	}
	for it.curOK || it.histOK {
		switch {
		case !it.histOK, it.curOK && it.cur.ID() <= rowOfKey(it.hist.Key()):
			it.row = it.cur.ID()
		default:
			it.row = rowOfKey(it.hist.Key())
		}
		if it.version() {
			return true
		}
		if it.err != nil {
			return false
		}
		it.leave()
	}
	if err := it.hist.Error(); err != nil {
		it.err = readError(err)
	}
	return false
}

// version finds the version of it.row that was there at the position.
func (it *AsOfIter) version() bool {
	if it.curOK && it.cur.ID() == it.row && it.cur.Position() <= it.at {
		it.position, it.image = it.cur.Position(), it.cur.Image()
		return true
	}
	if !it.histOK || rowOfKey(it.hist.Key()) != it.row {
		return false
	}
	it.key = appendHistoryKey(it.key[:0], it.id, it.row, it.at+1)
	if it.histOK = it.hist.SeekGE(it.key); !it.histOK || rowOfKey(it.hist.Key()) != it.row {
		return false
	}
	v, err := it.hist.ValueAndErr()
	if err == nil {
		it.position, it.image, err = splitValue(v)
	}
	if err != nil {
		it.err = readError(err)
		return false
	}
	return it.position <= it.at
}

// leave moves both iterators behind it.row.
func (it *AsOfIter) leave() {
	if it.curOK && it.cur.ID() <= it.row {
		it.curOK = it.cur.Next()
	}
	if it.histOK && rowOfKey(it.hist.Key()) <= it.row {
		it.key = appendHistoryKey(it.key[:0], it.id, it.row+1, 0)
		it.histOK = it.hist.SeekGE(it.key)
	}
}

// ID is the row's id.
func (it *AsOfIter) ID() RowID { return it.row }

// Position is the position that wrote this version.
func (it *AsOfIter) Position() log.Position { return it.position }

// Image is the row image, valid until the next move.
func (it *AsOfIter) Image() []byte { return it.image }

// Err is what ended the walk, nil at its regular end.
func (it *AsOfIter) Err() error {
	if it.err != nil {
		return it.err
	}
	return it.cur.Err()
}

// Close gives the iterators back.
func (it *AsOfIter) Close() error {
	err := it.Err()
	if cerr := it.cur.Close(); err == nil {
		err = cerr
	}
	if it.hist != nil {
		if cerr := it.sn.putIter(it.hist); err == nil {
			err = cerr
		}
		it.hist = nil
	}
	return err
}

// PositionAt returns a position whose state is no newer than the time (microseconds since 2000): that of the newest mark at or before it, 0
// when the time is before all marks. The exact position is found by scanning the log from there on.
func (sn *Snapshot) PositionAt(commitTime int64) (p log.Position, err error) {
	lower := []byte{spaceTime}
	upper := appendNumberKey(nil, spaceTime, uint64(commitTime)^(1<<63))
	it, err := sn.iter(lower, append(upper, 0))
	if err != nil {
		return 0, err
	}
	if it.Last() {
		if v, verr := it.ValueAndErr(); verr == nil && len(v) == 8 {
			p = log.Position(binary.BigEndian.Uint64(v))
		}
	}
	return p, sn.putIter(it)
}

// Prune removes row versions that ended, and storages that were dropped, at or before the horizon; time travel then reaches back to the
// horizon. It may run beside the projector, and stops early when stop is closed.
func (s *Store) Prune(horizon log.Position, stop <-chan struct{}) (removed int64, err error) {
	s.mu.Lock()
	if horizon <= s.history {
		s.mu.Unlock()
		return 0, nil
	}
	s.history = horizon
	s.mu.Unlock()
	if err := s.db.Set(metaHistory, binary.BigEndian.AppendUint64(nil, uint64(horizon)), pebble.NoSync); err != nil {
		return 0, err
	}
	b := s.db.NewBatch()
	flush := func() error {
		err := b.Commit(pebble.NoSync)
		if cerr := b.Close(); err == nil {
			err = cerr
		}
		b = s.db.NewBatch()
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	errStop := errors.New("stopped")
	err = s.each(spaceDropped, func(k, _ []byte) error {
		if log.Position(binary.BigEndian.Uint64(k[1:])) > horizon {
			return nil
		}
		id := StorageID(binary.BigEndian.Uint32(k[9:]))
		for _, space := range []byte{spaceRow, spaceHistory} {
			lower := appendStorage(nil, space, id)
			if err := b.DeleteRange(lower, prefixEnd(lower), nil); err != nil {
				return err
			}
		}
		return b.Delete(k, nil)
	})
	if err != nil {
		return 0, err
	}
	if err := flush(); err != nil {
		return 0, err
	}
	err = s.each(spaceHistory, func(k, _ []byte) error {
		if endedOfKey(k) > horizon {
			return nil
		}
		removed++
		if err := b.Delete(k, nil); err != nil {
			return err
		}
		if b.Count() < pruneBatch {
			return nil
		}
		select {
		case <-stop:
			return errStop
		default:
			return flush()
		}
	})
	if errors.Is(err, errStop) {
		err = nil
	}
	if err != nil {
		return removed, err
	}
	return removed, flush()
}
