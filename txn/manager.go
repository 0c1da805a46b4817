package txn

import (
	"context"
	"sync"
	"time"

	"kimberlite/log"
	"kimberlite/projections"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// Manager runs the transactions of one node.
type Manager struct {
	opts  Options
	store *projections.Store

	rowLocks   rowTable
	keyLocks   keyTable
	heavyLocks heavyTable
	// waitMu serialises everything that has to do with waiting: queues, grants after a release, the search for deadlocks. Whoever finds
	// a lock free never takes it.
	waitMu sync.Mutex

	mu       sync.Mutex
	backends map[int32]*Backend
	lastTime int64 // latest commit time given

	xids counter
	oids counter

	background sync.WaitGroup // events proposed without anybody waiting for them

	rowIDs sync.Map // StorageID -> *atomic.Int64
	seqs   sync.Map // types.OID -> *sequence
}

// NewManager returns a manager. Call Start once the node leads.
func NewManager(opts Options) (*Manager, error) {
	if opts.Store == nil || opts.Proposer == nil {
		return nil, pgerr.Internal("a transaction manager needs a store and a proposer")
	}
	if opts.Clock == nil {
		opts.Clock = wallClock
	}
	if opts.DeadlockTimeout == 0 {
		opts.DeadlockTimeout = deadlockTimeoutDefault
	}
	if opts.ChunkBytes == 0 {
		opts.ChunkBytes = chunkBytesDefault
	}
	if opts.SpillBytes == 0 {
		opts.SpillBytes = spillBytesDefault
	}
	if opts.WriteSetBytes == 0 {
		opts.WriteSetBytes = writeSetBytesDefault
	}
	m := &Manager{opts: opts, store: opts.Store, backends: map[int32]*Backend{}}
	m.rowLocks.init()
	m.heavyLocks.init()
	m.xids = counter{m: m, oid: sequenceOfXIDs, ahead: xidsAhead, first: firstXID}
	m.oids = counter{m: m, oid: sequenceOfOIDs, ahead: oidsAhead, first: firstOID}
	return m, nil
}

// epoch2000 is 2000-01-01 UTC in microseconds since 1970.
const epoch2000 = 946684800_000_000

func wallClock() int64 { return time.Now().UnixMicro() - epoch2000 }

// Start reserves transaction ids and OIDs and abandons large transactions that a crash cut off. The node must lead. It is called again
// whenever the node has become the leader again: what others did meanwhile is taken up.
func (m *Manager) Start(ctx context.Context) error {
	m.rowIDs.Clear()
	m.seqs.Clear()
	m.mu.Lock()
	m.lastTime = max(m.lastTime, m.store.LastCommitTime())
	m.mu.Unlock()
	if err := m.xids.start(ctx, m.store.MaxXID()); err != nil {
		return err
	}
	if err := m.oids.start(ctx, 0); err != nil {
		return err
	}
	xids, err := m.store.PendingChunks()
	if err != nil || len(xids) == 0 {
		return err
	}
	_, err = m.opts.Proposer.Propose(ctx, log.KindAbandon, projections.EncodeAbandon(nil, &projections.Abandon{XIDs: xids}))
	return err
}

// Close gives unused parts of logged ranges back. All transactions must have ended.
func (m *Manager) Close(ctx context.Context) error {
	m.background.Wait()
	var states []projections.SequenceState
	for _, c := range []*counter{&m.xids, &m.oids} {
		if st, ok := c.giveBack(); ok {
			states = append(states, st)
		}
	}
	m.seqs.Range(func(_, v any) bool {
		if st, ok := v.(*sequence).giveBack(); ok {
			states = append(states, st)
		}
		return true
	})
	if len(states) == 0 {
		return nil
	}
	_, err := m.opts.Proposer.Propose(ctx, log.KindSequence, projections.EncodeSequences(nil, states))
	return err
}

// Store returns the store that the manager was made with.
func (m *Manager) Store() *projections.Store { return m.store }

// NewOID returns an OID (and StorageID) that was never used before.
func (m *Manager) NewOID(ctx context.Context) (types.OID, error) {
	n, err := m.oids.next(ctx)
	return types.OID(n), err
}

// commitTime returns a time for the next event that is not before that of an earlier one.
func (m *Manager) commitTime() int64 {
	now := m.opts.Clock()
	m.mu.Lock()
	m.lastTime = max(m.lastTime, now)
	now = m.lastTime
	m.mu.Unlock()
	return now
}

func (m *Manager) view() uint64 {
	if m.opts.View == nil {
		return 0
	}
	return m.opts.View()
}

// XactStatus tells what became of a transaction. An id that was never given is the error 22023.
func (m *Manager) XactStatus(xid uint64) (XactStatus, error) {
	if xid < firstXID {
		return "", nil // PostgreSQL's special ids have no status here
	}
	if !m.xids.given(int64(xid)) {
		return "", pgerr.Newf(pgerr.InvalidParameterValue, "transaction ID %d is in the future", xid)
	}
	m.mu.Lock()
	for _, b := range m.backends {
		if t := b.txn.Load(); t != nil && t.xid.Load() == xid {
			m.mu.Unlock()
			return XactInProgress, nil
		}
	}
	m.mu.Unlock()
	_, _, ok, err := m.store.Committed(xid)
	if err != nil {
		return "", err
	}
	if ok {
		return XactCommitted, nil
	}
	return XactAborted, nil
}

// NextXID is the next transaction id to be given, for pg_snapshot and the like.
func (m *Manager) NextXID() uint64 { return uint64(m.xids.peek()) }

// Transactions lists the transactions in progress.
func (m *Manager) Transactions() []TxnInfo {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []TxnInfo
	for _, b := range m.backends {
		t := b.txn.Load()
		if t == nil {
			continue
		}
		list = append(list, TxnInfo{PID: b.pid, XID: t.xid.Load(), Start: t.start, Snapshot: log.Position(t.snapshotAt.Load()),
			Isolation: t.opts.Isolation, ReadOnly: t.opts.ReadOnly, Rows: int(t.rowsWritten.Load()), Bytes: t.bytesWritten.Load()})
	}
	return list
}
