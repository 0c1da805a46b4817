package projections

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"kimberlite/log"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// ErrFormat: the store was written by a release with other key or value formats. It must be rebuilt from the log (Remove, then replay).
var ErrFormat = errors.New("the projections were written in another format")

// ErrDamaged: the store's files are not what was written. It must be rebuilt from the log.
var ErrDamaged = errors.New("the projections are damaged")

// Options tune a Store. FS and Dir are needed.
type Options struct {
	FS  vfs.FS // default the operating system's
	Dir string

	CacheBytes    int64  // block cache; default 256 MiB, filled lazily
	MemTableBytes uint64 // default 64 MiB; starts small and grows to it
	HotBytes      int64  // cache of single rows and index entries; default 64 MiB, filled as they are used; negative: none
	ReadOnly      bool   // for verify

	// Events is the log, where the chunks of large transactions are read. Needed for those only.
	Events EventSource

	// Evaluator computes index expressions; nil is fine as long as no index has any.
	Evaluator Evaluator

	// BackgroundError is told of errors of flushes and compactions, which Pebble retries. May be nil.
	BackgroundError func(error)
	// Corruption is told of damage in the store's files, wherever it was met; whoever was reading gets an error XX001. May be nil.
	Corruption func(file string, err error)
	// Flushed is told after each flush. May be nil.
	Flushed func()
	// Logger gets Pebble's own messages; nil drops them.
	Logger pebble.Logger
}

// Store is the Pebble store behind all projections of a node. Its state is always that after some position of the log; only the
// Projector writes to it. Everything may be called from anywhere.
type Store struct {
	opts   Options
	pebble *pebble.Options
	db     *pebble.DB

	// applied is the position of the state that a new snapshot would show. While committing is set, a batch is under way and a snapshot
	// has to look into itself for its position.
	applied    atomic.Uint64
	committing atomic.Bool
	// frozen is set while one event is applied in several batches: everybody reads cur then.
	frozen atomic.Bool

	hot  hotCache
	tops keyTops

	snapMu sync.Mutex
	cur    *Snapshot // shared by all who ask between two batches; holds one reference to itself

	retired int // calls of retire; by the projector only, as pin
	pin     *pebble.Snapshot

	mu       sync.RWMutex // guards the maps; the definitions in them are immutable
	byTable  map[types.OID]*TableDef
	byStore  map[StorageID]*TableDef
	digests  map[StorageID]*tableDigest // written by the projector only
	meta     appliedRecord              // of the last batch
	history  log.Position               // time travel reaches back to this position
	rejected map[log.Position]struct{}
}

// appliedRecord is the value of metaApplied: position(8) chain hash(32) highest xid(8) last commit time(8) last time mark(8) step(4).
type appliedRecord struct {
	position log.Position
	hash     log.Hash
	maxXID   uint64
	lastTime int64
	lastMark int64
	// step is how much of the event after position is in the store already, when it takes several batches. See chunks.go.
	step uint32
}

const appliedRecordLen = 8 + log.HashSize + 8 + 8 + 8 + 4

func (a *appliedRecord) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(a.position))
	b = append(b, a.hash[:]...)
	b = binary.BigEndian.AppendUint64(b, a.maxXID)
	b = binary.BigEndian.AppendUint64(b, uint64(a.lastTime))
	b = binary.BigEndian.AppendUint64(b, uint64(a.lastMark))
	return binary.BigEndian.AppendUint32(b, a.step)
}

func (a *appliedRecord) decode(b []byte) error {
	if len(b) != appliedRecordLen {
		return pgerr.New(pgerr.DataCorrupted, "malformed record of the applied position")
	}
	a.position = log.Position(binary.BigEndian.Uint64(b))
	copy(a.hash[:], b[8:])
	b = b[8+log.HashSize:]
	a.maxXID = binary.BigEndian.Uint64(b)
	a.lastTime = int64(binary.BigEndian.Uint64(b[8:]))
	a.lastMark = int64(binary.BigEndian.Uint64(b[16:]))
	a.step = binary.BigEndian.Uint32(b[24:])
	return nil
}

// Open opens or makes the store. ErrFormat means that it must be rebuilt.
func Open(opts Options) (*Store, error) {
	if opts.FS == nil {
		opts.FS = vfs.Default
	}
	s := &Store{opts: opts, byTable: map[types.OID]*TableDef{}, byStore: map[StorageID]*TableDef{},
		digests: map[StorageID]*tableDigest{}, rejected: map[log.Position]struct{}{}}
	s.pebble = s.pebbleOptions()
	db, err := pebble.Open(opts.Dir, s.pebble)
	if pebble.IsCorruptionError(err) || errors.Is(err, fs.ErrNotExist) { // what one file names another has to be there
		return nil, damaged(err)
	}
	if err != nil {
		return nil, fmt.Errorf("opening the projections in %s: %w", opts.Dir, err)
	}
	s.db = db
	if !opts.ReadOnly {
		if err := opts.FS.RemoveAll(s.loadDir()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, errors.Join(err, db.Close())
		}
	}
	switch {
	case opts.HotBytes == 0:
		s.hot.init(hotBytesDefault)
	case opts.HotBytes > 0:
		s.hot.init(opts.HotBytes)
	}
	if err := s.load(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

func (s *Store) pebbleOptions() *pebble.Options {
	o := &pebble.Options{
		FS:                          orderedFS{s.opts.FS},
		CacheSize:                   s.opts.CacheBytes,
		MemTableSize:                s.opts.MemTableBytes,
		MemTableStopWritesThreshold: 4,
		DisableWAL:                  true, // the event log is the WAL
		FormatMajorVersion:          pebble.FormatNewest,
		L0CompactionThreshold:       4,
		L0CompactionFileThreshold:   500,
		L0StopWritesThreshold:       1000,
		LBaseMaxBytes:               64 << 20,
		MaxOpenFiles:                4096,
		ReadOnly:                    s.opts.ReadOnly,
		Logger:                      s.opts.Logger,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 2 },
	}
	if o.CacheSize == 0 {
		o.CacheSize = cacheBytesDefault
	}
	if o.MemTableSize == 0 {
		o.MemTableSize = memTableBytesDefault
	}
	if o.Logger == nil {
		o.Logger = silent{}
	}
	for i := range o.Levels {
		l := &o.Levels[i]
		l.BlockSize = 16 << 10
		l.IndexBlockSize = 64 << 10
		// Filters on the last level too: an INSERT's unique check looks for a key that is nowhere.
		l.FilterPolicy = bloom.FilterPolicy(10)
		l.FilterType = pebble.TableFilter
	}
	// No file holds keys of two spaces: otherwise the few keys that every event writes (positions, digests) make files that span everything, and
	// compactions of those rewrite all rows in between.
	o.Experimental.SpanPolicyFunc = func(start []byte) (pebble.SpanPolicy, []byte, error) {
		return pebble.SpanPolicy{}, []byte{start[0] + 1}, nil
	}
	o.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionFastest })
	o.EventListener = &pebble.EventListener{
		BackgroundError: func(err error) {
			if s.opts.BackgroundError != nil {
				s.opts.BackgroundError(err)
			}
		},
		// Without this Pebble ends the process.
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			if s.opts.Corruption != nil {
				s.opts.Corruption(info.Path, info.Details)
			}
		},
		FlushEnd: func(pebble.FlushInfo) {
			if s.opts.Flushed != nil {
				s.opts.Flushed()
			}
		},
	}
	return o
}

// silent is a logger for those who did not ask for one.
type silent struct{}

func (silent) Infof(string, ...any)  {}
func (silent) Errorf(string, ...any) {}

// Fatalf must not return: Pebble calls it when going on would damage data.
func (silent) Fatalf(format string, args ...any) { panic(fmt.Sprintf("pebble: "+format, args...)) }

// load reads what the store keeps in memory.
func (s *Store) load() error {
	format, err := s.value(metaFormat)
	if err != nil {
		return err
	}
	if format == nil {
		if s.opts.ReadOnly {
			return nil
		}
		if err := s.db.Set(metaFormat, binary.BigEndian.AppendUint32(nil, formatVersion), pebble.NoSync); err != nil {
			return err
		}
	} else if len(format) != 4 || binary.BigEndian.Uint32(format) != formatVersion {
		return ErrFormat
	}
	if b, err := s.value(metaApplied); err != nil {
		return err
	} else if b != nil {
		if err := s.meta.decode(b); err != nil {
			return err
		}
		s.applied.Store(uint64(s.meta.position))
		s.hot.writing.Store(uint64(s.meta.position))
	}
	if b, err := s.value(metaHistory); err != nil {
		return err
	} else if len(b) == 8 {
		s.history = log.Position(binary.BigEndian.Uint64(b))
	}
	if err := s.each(spaceTable, func(_, v []byte) error {
		def, err := DecodeTableDef(append([]byte(nil), v...))
		if err != nil {
			return err
		}
		s.byTable[def.Table], s.byStore[def.Storage] = def, def
		return nil
	}); err != nil {
		return err
	}
	return s.each(spaceDigest, func(k, v []byte) error {
		d := new(tableDigest)
		s.digests[StorageID(binary.BigEndian.Uint32(k[1:]))] = d
		return d.decode(v)
	})
}

// value returns a copy of a key's value in the newest state, nil when there is none.
func (s *Store) value(key []byte) ([]byte, error) {
	v, closer, err := s.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, readError(err)
	}
	v = append(make([]byte, 0, len(v)), v...)
	return v, closer.Close()
}

// each visits a keyspace of the newest state in order.
func (s *Store) each(space byte, visit func(key, value []byte) error) error {
	return eachOf(s.db, []byte{space}, []byte{space + 1}, visit)
}

func eachOf(r pebble.Reader, lower, upper []byte, visit func(key, value []byte) error) (err error) {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return readError(err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok; ok = it.Next() {
		v, err := it.ValueAndErr()
		if err != nil {
			return readError(err)
		}
		if err := visit(it.Key(), v); err != nil {
			return err
		}
	}
	return readError(it.Error())
}

// readError marks what Pebble says about damaged files as data corruption, so that no client takes it for a mistake of its own.
func readError(err error) error {
	if err == nil {
		return nil
	}
	if pebble.IsCorruptionError(err) {
		return damaged(err)
	}
	return pgerr.Wrap(err, pgerr.IoError, "reading the projections: %v", err)
}

// damaged words what Pebble says about a file whose checksums or contents are wrong.
func damaged(err error) error {
	text, _, _ := strings.Cut(err.Error(), "\n")
	return pgerr.Wrap(fmt.Errorf("%w: %w", ErrDamaged, err), pgerr.DataCorrupted, "the projections are damaged: %s", text).WithHint(damagedHint)
}

// damagedHint: the log is the truth, so that nothing is lost with the projections.
const damagedHint = "Stop the server and make them anew from the log with kimberlite-admin rebuild."

// Close flushes what is in memory, so that the next start replays nothing, and closes the store. All snapshots must be released.
func (s *Store) Close() error {
	s.retire()
	s.movePin(false)
	var err error
	if !s.opts.ReadOnly {
		err = s.db.Flush()
	}
	return errors.Join(err, s.db.Close())
}

// Flush makes the state of now durable and returns when it is.
func (s *Store) Flush() error { return s.db.Flush() }

// Applied is the position of the newest state that can be read.
func (s *Store) Applied() log.Position { return log.Position(s.applied.Load()) }

// AppliedHash returns Applied with the chain hash at it, to be compared with the log's at start.
func (s *Store) AppliedHash() (log.Position, log.Hash) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.meta.position, s.meta.hash
}

// Durable is the position up to which the state survives a power cut; the log must keep what comes after it.
func (s *Store) Durable() (log.Position, error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: metaApplied, UpperBound: prefixEnd(metaApplied), OnlyReadGuaranteedDurable: true})
	if err != nil {
		return 0, readError(err)
	}
	defer func() { _ = it.Close() }() // its error is that of the reads below
	if !it.First() {
		return 0, readError(it.Error())
	}
	var a appliedRecord
	if err := a.decode(it.Value()); err != nil {
		return 0, err
	}
	return a.position, nil
}

// MaxXID is the highest transaction id of any committed transaction.
func (s *Store) MaxXID() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.meta.maxXID
}

// LastCommitTime is the latest commit time of any transaction, in microseconds since 2000.
func (s *Store) LastCommitTime() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.meta.lastTime
}

// TableDef returns the definition of a table in the newest state, or nil.
func (s *Store) TableDef(table types.OID) *TableDef {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byTable[table]
}

// TableDefs lists all definitions in the newest state.
func (s *Store) TableDefs() []*TableDef {
	s.mu.RLock()
	defer s.mu.RUnlock()
	defs := make([]*TableDef, 0, len(s.byTable))
	for _, d := range s.byTable {
		defs = append(defs, d)
	}
	return defs
}

// Evaluator returns the evaluator the store was opened with.
func (s *Store) Evaluator() Evaluator { return s.opts.Evaluator }

// LastRowID is the highest row id ever used in a storage.
func (s *Store) LastRowID(id StorageID) RowID {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if d := s.digests[id]; d != nil {
		return d.last
	}
	return 0
}

// RowCount is the exact number of rows of a storage in the newest state.
func (s *Store) RowCount(id StorageID) int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if d := s.digests[id]; d != nil {
		return d.rows
	}
	return 0
}

// Digest is the digest of the newest state and the position it stands for.
func (s *Store) Digest() (log.Position, Digest) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.meta.position, stateDigest(s.digests)
}

// TableDigest is the digest of one table's rows in the newest state, with their number.
func (s *Store) TableDigest(id StorageID) (digest Digest, rows int64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	d := s.digests[id]
	if d == nil {
		return Digest{}, 0
	}
	for i, w := range d.sum {
		binary.LittleEndian.PutUint64(digest[8*i:], w)
	}
	return digest, d.rows
}

// Rejected reports whether the event at the position was void: it was proposed in another view than the one it got into the log in. It is
// asked by the proposer right after its event was applied; old positions are forgotten.
func (s *Store) Rejected(p log.Position) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, ok := s.rejected[p]
	return ok
}

// RowBytes estimates the bytes that a table's rows take on disk; what is not flushed yet is not counted.
func (s *Store) RowBytes(id StorageID) (int64, error) { return s.spaceBytes(spaceRow, id) }

// IndexBytes estimates the bytes that an index takes on disk.
func (s *Store) IndexBytes(id StorageID) (int64, error) { return s.spaceBytes(spaceIndex, id) }

func (s *Store) spaceBytes(space byte, id StorageID) (int64, error) {
	lower := appendStorage(nil, space, id)
	n, err := s.db.EstimateDiskUsage(lower, prefixEnd(lower))
	return int64(n), readError(err)
}

// Sequence returns the state of a sequence as it was logged: ahead of what was handed out.
func (s *Store) Sequence(oid types.OID) (st SequenceState, ok bool, err error) {
	b, err := s.value(appendOIDKey(nil, spaceSequence, oid))
	if err != nil || b == nil {
		return SequenceState{Sequence: oid}, false, err
	}
	st, err = decodeSequence(oid, b)
	return st, err == nil, err
}

func decodeSequence(oid types.OID, b []byte) (SequenceState, error) {
	if len(b) != 9 {
		return SequenceState{}, pgerr.New(pgerr.DataCorrupted, "malformed record of a sequence")
	}
	return SequenceState{Sequence: oid, Last: int64(binary.BigEndian.Uint64(b)), Called: b[8] != 0}, nil
}

// Committed tells whether the transaction with the id is committed, and if so at which position and commit time.
func (s *Store) Committed(xid uint64) (p log.Position, commitTime int64, ok bool, err error) {
	b, err := s.value(appendNumberKey(nil, spaceXact, xid))
	if err != nil || b == nil {
		return 0, 0, false, err
	}
	if len(b) != 16 {
		return 0, 0, false, pgerr.New(pgerr.DataCorrupted, "malformed record of a transaction")
	}
	return log.Position(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:])), true, nil
}

// PendingChunks lists the transactions that have chunks in the store: in progress, or never to be committed if their leader is gone.
func (s *Store) PendingChunks() (xids []uint64, err error) {
	err = s.each(spaceChunk, func(k, _ []byte) error {
		xid := binary.BigEndian.Uint64(k[1:])
		if n := len(xids); n == 0 || xids[n-1] != xid {
			xids = append(xids, xid)
		}
		return nil
	})
	return xids, err
}

// Needed is the position behind which the log must be kept for this store: what is not durable here yet, and chunks of transactions in progress.
func (s *Store) Needed() (log.Position, error) {
	p, err := s.Durable()
	if err != nil {
		return 0, err
	}
	return p, s.each(spaceChunk, func(_, v []byte) error {
		if len(v) == 8 {
			p = min(p, log.Position(binary.BigEndian.Uint64(v))-1)
		}
		return nil
	})
}

// LoadChunk reads chunk n of a transaction that is not committed yet: what its leader spilled.
func (s *Store) LoadChunk(xid uint64, n uint32) (*Chunk, error) { return loadChunk(s, xid, n) }

// PebbleMetrics gives access to the storage engine's own figures.
func (s *Store) PebbleMetrics() *pebble.Metrics { return s.db.Metrics() }

// point reads a single key of the newest complete state. It is meant for callers who hold a lock, so that the key cannot change under them.
// The result never changes and may be kept.
func (s *Store) point(key []byte) (value []byte, found bool, err error) {
	if s.frozen.Load() {
		sn := s.Snapshot()
		defer sn.Release()
		return sn.point(key)
	}
	at := s.applied.Load()
	if value, ok := s.hot.get(key, log.Position(at)); ok {
		return value, true, nil
	}
	quiet := s.hot.writing.Load() == at
	v, closer, err := s.db.Get(key)
	if err != nil {
		return notFound(err)
	}
	value = append(make([]byte, 0, len(v)), v...)
	if quiet && s.hot.writing.Load() == at { // what was read is the state at that position
		s.hot.put(key, value, log.Position(at))
	}
	return value, true, closer.Close()
}

// point reads a single key of the snapshot's state. The result never changes and may be kept.
func (sn *Snapshot) point(key []byte) (value []byte, found bool, err error) {
	hot := &sn.store.hot
	if value, ok := hot.get(key, sn.position); ok {
		return value, true, nil
	}
	v, closer, err := sn.snap.Get(key)
	if err != nil {
		return notFound(err)
	}
	value = append(make([]byte, 0, len(v)), v...)
	hot.put(key, value, sn.position)
	return value, true, closer.Close()
}

func notFound(err error) ([]byte, bool, error) {
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, nil
	}
	return nil, false, readError(err)
}
