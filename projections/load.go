package projections

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"

	"kimberlite/log"
	"kimberlite/sql/pgerr"
)

// load writes all rows of a transaction with chunks into files, if step is that of the chunks and there are only inserts; otherwise it returns nil. The files
// are ingested with the batch that ends the event, so that a crash leaves all or nothing of it.
//
// Index entries that did not come in order go into batches of their own at once. After a crash they may be there without their rows, until the event is
// applied again; nobody reads them before.
func (p *Projector) load(t *Transaction, pos log.Position, step uint32) (l *loader, err error) {
	if step != 1 || !onlyInserts(t.Rows) {
		return nil, nil
	}
	if err := p.flushBuilt(); err != nil {
		return nil, err
	}
	if l, err = newLoader(p.s); err != nil {
		return nil, err
	}
	digests := map[StorageID]*tableDigest{}
	ok, err := p.loadAll(l, t, digests, pos)
	if err == nil {
		err = p.flushBuilt()
	}
	if !ok || err != nil {
		l.abandon()
		return nil, err
	}
	for id, d := range digests {
		p.rowOps += int(d.rows - p.digestOf(id).rows)
		*p.digestOf(id) = *d
		p.dirty[id] = struct{}{}
	}
	p.publishTops()
	return l, nil
}

// loadAll gives all rows to a loader and counts them into copies of the digests. ok is false when one is no insert.
func (p *Projector) loadAll(l *loader, t *Transaction, digests map[StorageID]*tableDigest, pos log.Position) (ok bool, err error) {
	for n := uint32(0); n <= t.Chunks; n++ {
		tables := t.Rows
		if n < t.Chunks {
			c, err := p.loadChunk(t, n)
			if err != nil {
				return false, err
			}
			if !onlyInserts(c.Rows) {
				return false, nil
			}
			tables = c.Rows
		}
		for i := range tables {
			id := tables[i].Storage
			if digests[id] == nil {
				d := *p.digestOf(id)
				digests[id] = &d
			}
			if err := p.loadRows(l, id, digests[id], tables[i].Ops, pos); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// loadRows applies inserts of one table.
func (p *Projector) loadRows(l *loader, id StorageID, digest *tableDigest, ops []RowOp, pos log.Position) error {
	t, err := p.table(id)
	if err != nil {
		return err
	}
	for i := range ops {
		op := &ops[i]
		b := appendRowKey(p.sets[:0], id, op.Row)
		b = append(binary.BigEndian.AppendUint64(b, uint64(pos)), op.Image...)
		p.sets = b
		h, scratch := hashEntry(p.scratch, b[:rowKeyLen], b[rowKeyLen:])
		p.scratch = scratch
		digest.add(&h)
		digest.rows++
		digest.last = max(digest.last, op.Row)
		if err := p.loadKey(l, b[:rowKeyLen], b[rowKeyLen:]); err != nil {
			return err
		}
		if t.index == nil {
			continue
		}
		if p.datums[1], err = t.index.Row(p.datums[1], op.Image); err != nil {
			return err
		}
		for _, code := range t.index.Codes {
			if err := p.loadEntry(l, code, op.Row); err != nil {
				return err
			}
		}
	}
	return nil
}

// loadEntry puts the index entry of the row in p.datums[1].
func (p *Projector) loadEntry(l *loader, code *IndexCode, row RowID) (err error) {
	e := &p.entry[1]
	if p.keys[1], err = code.Entry(p.keys[1][:0], p.datums[1], e); err != nil || e.Skip {
		return err
	}
	b := code.storedKey(p.sets[:0], e, row)
	n := len(b)
	b = code.storedValue(b, e, row)
	p.sets = b
	if code.Def.Unique {
		p.s.hot.gone(b[:n])
		p.raiseTop(code.Def.Storage, b[:n])
	}
	return p.loadKey(l, b[:n], b[n:])
}

// loadKey gives a key to the loader, or where that refuses to a batch.
func (p *Projector) loadKey(l *loader, key, value []byte) error {
	taken, err := l.add(key, value)
	if taken || err != nil {
		return err
	}
	if err := p.batch.Set(key, value, nil); err != nil || p.batch.Len() < batchBytesMax {
		return err
	}
	return p.flushBuilt()
}

// loader takes keys that come in ascending order within their storage (rows of a bulk load, entries of an index over a serial column) and writes them
// into table files, which the store takes over as they are: no memtable, no flush, no compaction. A key that is not the next one is refused; it
// goes the ordinary way.
type loader struct {
	s     *Store
	runs  map[loadPrefix]*loadRun
	last  *loadRun
	files []string
}

type loadPrefix [storagePrefix]byte

// loadRun is one storage's file in the making.
type loadRun struct {
	prefix loadPrefix
	w      *sstable.Writer
	key    []byte // the last one
	bytes  int
}

// loadDir is the folder, inside the store's, for files that are not ingested yet.
const loadDir = "load"

func (s *Store) loadDir() string { return s.opts.FS.PathJoin(s.opts.Dir, loadDir) }

func newLoader(s *Store) (*loader, error) {
	if err := s.opts.FS.MkdirAll(s.loadDir(), 0o700); err != nil {
		return nil, err
	}
	return &loader{s: s, runs: map[loadPrefix]*loadRun{}}, nil
}

// add takes a key, or refuses it because it is not the greatest of its storage so far.
func (l *loader) add(key, value []byte) (taken bool, err error) {
	r := l.last
	if r == nil || !bytes.Equal(r.prefix[:], key[:storagePrefix]) {
		p := loadPrefix(key)
		if r = l.runs[p]; r == nil {
			r = &loadRun{prefix: p}
			l.runs[p] = r
		}
		l.last = r
	}
	if len(r.key) > 0 && bytes.Compare(key, r.key) <= 0 {
		return false, nil
	}
	if r.w == nil {
		if err := l.create(r); err != nil {
			return false, err
		}
	}
	r.key = append(r.key[:0], key...)
	if err := r.w.Set(key, value); err != nil {
		return false, err
	}
	if r.bytes += len(key) + len(value); r.bytes >= loadFileBytes {
		err = l.finish(r)
	}
	return true, err
}

func (l *loader) create(r *loadRun) error {
	fs := l.s.opts.FS
	path := fs.PathJoin(l.s.loadDir(), fmt.Sprintf("%06d.sst", len(l.files)))
	f, err := fs.Create(path, "kimberlite-load")
	if err != nil {
		return err
	}
	l.files = append(l.files, path)
	o := l.s.pebble.MakeWriterOptions(len(l.s.pebble.Levels)-1, l.s.db.TableFormat())
	if r.prefix[0] == spaceRow {
		o.FilterPolicy = pebble.NoFilterPolicy // rows are found by ids that there are
	}
	r.w = sstable.NewWriter(objstorageprovider.NewFileWritable(f), o)
	r.bytes = 0
	return nil
}

func (l *loader) finish(r *loadRun) error {
	err := r.w.Close()
	r.w = nil
	return err
}

// ingest hands all files to the store, with the contents of a batch, in one step. What is in the memtables becomes durable before.
func (l *loader) ingest(batch *pebble.Batch) error {
	for _, r := range l.runs {
		if r.w != nil {
			if err := l.finish(r); err != nil {
				return err
			}
		}
	}
	if batch != nil {
		if err := l.addBatch(batch); err != nil {
			return err
		}
	}
	if len(l.files) == 0 {
		return nil
	}
	if err := l.s.db.Flush(); err != nil {
		return err
	}
	if err := l.s.db.Ingest(context.Background(), l.files); err != nil {
		return err
	}
	l.files = nil
	return nil
}

// addBatch writes a batch into files, one for each space, because no two files may overlap. It holds none of the keys given to add.
func (l *loader) addBatch(batch *pebble.Batch) error {
	type op struct {
		kind       pebble.InternalKeyKind
		key, value []byte
	}
	var ops []op
	for r := batch.Reader(); ; {
		kind, key, value, ok, err := r.Next()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		ops = append(ops, op{kind, key, value})
	}
	slices.SortStableFunc(ops, func(a, b op) int { return bytes.Compare(a.key, b.key) })
	var r loadRun
	for i, o := range ops {
		if i+1 < len(ops) && bytes.Equal(o.key, ops[i+1].key) {
			continue // the later one counts
		}
		if r.w != nil && r.prefix[0] != o.key[0] {
			if err := l.finish(&r); err != nil {
				return err
			}
		}
		if r.w == nil {
			r.prefix[0] = o.key[0]
			if err := l.create(&r); err != nil {
				return err
			}
		}
		var err error
		switch o.kind {
		case pebble.InternalKeyKindSet:
			err = r.w.Set(o.key, o.value)
		case pebble.InternalKeyKindDelete:
			err = r.w.Delete(o.key)
		case pebble.InternalKeyKindRangeDelete:
			err = r.w.DeleteRange(o.key, o.value)
		default:
			err = pgerr.Internal("a batch with an entry of kind %v", o.kind)
		}
		if err != nil {
			return err
		}
	}
	if r.w != nil {
		return l.finish(&r)
	}
	return nil
}

// abandon removes what was not ingested. It may be called at any time, and on nil.
func (l *loader) abandon() {
	if l == nil {
		return
	}
	for _, r := range l.runs {
		if r.w != nil {
			_ = l.finish(r) // it is thrown away
		}
	}
	for _, f := range l.files {
		_ = l.s.opts.FS.Remove(f) // the next start tries again
	}
	l.files, l.runs, l.last = nil, nil, nil
}
