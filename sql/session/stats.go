package session

import (
	"sync"
	"sync/atomic"

	"kimberlite/exec"
	"kimberlite/sql/catalog"
	"kimberlite/sql/types"
)

// Stats counts what the pg_stat_* views and the metrics show, since the server started.
type Stats struct {
	Queries, Errors atomic.Int64
	// Observe is called with each statement's duration in microseconds; set before the first session.
	Observe func(micros int64)

	statements *statementTable

	mu    sync.RWMutex
	since int64 // of pg_stat_reset
	dbs   map[types.OID]*dbStats
	rels  map[types.OID]*relStats
}

type dbStats struct {
	commits, rollbacks, sessions atomic.Int64
	backends                     atomic.Int32
	deadlocks                    atomic.Int64
	tempFiles, tempBytes         atomic.Int64
	active                       atomic.Int64 // microseconds
	connected                    atomic.Int64 // microseconds, of sessions that ended
}

// relStats are the counters of a table or an index.
type relStats struct {
	exec.Usage
	analyzed                     atomic.Int64 // changes() at the last ANALYZE
	lastAnalyze, lastAutoanalyze atomic.Int64
	analyzes, autoanalyzes       atomic.Int64
}

// changes is how many rows were ever changed.
func (r *relStats) changes() int64 { return r.Inserted.Load() + r.Updated.Load() + r.Deleted.Load() }

// stale is how many rows were changed since the last ANALYZE.
func (r *relStats) stale() int64 { return max(r.changes()-r.analyzed.Load(), 0) }

func newStats(statementsMax int) *Stats {
	return &Stats{since: nowMicros(), dbs: map[types.OID]*dbStats{}, rels: map[types.OID]*relStats{}, statements: newStatementTable(statementsMax)}
}

func (st *Stats) db(oid types.OID) *dbStats { return counters(st, st.dbs, oid) }

func (st *Stats) rel(oid types.OID) *relStats { return counters(st, st.rels, oid) }

// usage is exec.Context.Usage.
func (st *Stats) usage(oid types.OID) *exec.Usage { return &st.rel(oid).Usage }

// counters finds an object's counters, making them if need be.
func counters[C any](st *Stats, m map[types.OID]*C, oid types.OID) *C {
	st.mu.RLock()
	c := m[oid]
	st.mu.RUnlock()
	if c != nil {
		return c
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if c = m[oid]; c == nil {
		c = new(C)
		m[oid] = c
	}
	return c
}

// known is a relation's counters if there are any.
func (st *Stats) known(oid types.OID) *relStats {
	st.mu.RLock()
	defer st.mu.RUnlock()
	return st.rels[oid]
}

// forget drops the counters of relations and databases that are gone.
func (st *Stats) forget(exists func(rel types.OID) bool, database func(db types.OID) bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for oid := range st.rels {
		if !exists(oid) {
			delete(st.rels, oid)
		}
	}
	for oid, d := range st.dbs {
		if d.backends.Load() == 0 && !database(oid) {
			delete(st.dbs, oid)
		}
	}
}

func (st *Stats) connected(db types.OID) {
	d := st.db(db)
	d.backends.Add(1)
	d.sessions.Add(1)
}

// disconnected counts a session that lived for some microseconds.
func (st *Stats) disconnected(db types.OID, lived int64) {
	d := st.db(db)
	d.backends.Add(-1)
	d.connected.Add(lived)
}

func (st *Stats) committed(db types.OID)  { st.db(db).commits.Add(1) }
func (st *Stats) rolledBack(db types.OID) { st.db(db).rollbacks.Add(1) }

func (st *Stats) queryTime(db types.OID, micros int64) {
	st.Queries.Add(1)
	st.db(db).active.Add(micros)
	if st.Observe != nil {
		st.Observe(micros)
	}
}

// analyzed notes that ANALYZE has read a table.
func (st *Stats) analyzed(rel types.OID, automatic bool) {
	r := st.rel(rel)
	r.analyzed.Store(r.changes())
	if automatic {
		r.lastAutoanalyze.Store(nowMicros())
		r.autoanalyzes.Add(1)
		return
	}
	r.lastAnalyze.Store(nowMicros())
	r.analyzes.Add(1)
}

// resetRelation and resetDatabase are pg_stat_reset_single_table_counters and pg_stat_reset.
func (st *Stats) resetRelation(oid types.OID) {
	st.mu.Lock()
	defer st.mu.Unlock()
	delete(st.rels, oid)
}

func (st *Stats) resetDatabase(db types.OID, contains func(rel types.OID) bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for oid := range st.rels {
		if contains(oid) {
			delete(st.rels, oid)
		}
	}
	if d := st.dbs[db]; d != nil {
		for _, c := range []*atomic.Int64{&d.commits, &d.rollbacks, &d.sessions, &d.deadlocks, &d.tempFiles, &d.tempBytes, &d.active, &d.connected} {
			c.Store(0)
		}
	}
	st.since = nowMicros()
}

// spilled is exec.Context.Spilled.
func (s *Session) spilled(files, bytes int64) {
	d := s.e.stats.db(s.db)
	d.tempFiles.Add(files)
	d.tempBytes.Add(bytes)
}

// progress tells pg_stat_progress_* how far the running command is; pid and database are the session's.
func (s *Session) progress(p *catalog.ProgressStat) {
	if p != nil {
		p.PID, p.Database = s.info.PID, s.db
	}
	s.act.mu.Lock()
	s.act.progress = p
	s.act.mu.Unlock()
}
