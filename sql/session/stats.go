package session

import (
	"hash/fnv"
	"math"
	"sort"
	"sync"
	"sync/atomic"

	"kimberlite/exec"
	"kimberlite/sql/catalog"
	"kimberlite/sql/deparse"
	"kimberlite/sql/functions"
	"kimberlite/sql/types"
)

// Stats counts what the pg_stat_* views and the metrics show.
type Stats struct {
	Queries, Errors atomic.Int64
	// Observe is called with each statement's duration in microseconds; set before the first session.
	Observe func(micros int64)
	since   int64

	mu    sync.Mutex
	dbs   map[types.OID]*dbStats
	rels  map[types.OID]*catalog.TableStat
	stmts map[stmtKey]*statementStats
}

type dbStats struct {
	commits, rollbacks, sessions atomic.Int64
	backends                     atomic.Int32
}

type stmtKey struct {
	db, role types.OID
	text     string
}

// statementStats is a row of pg_stat_statements.
type statementStats struct {
	mu                    sync.Mutex
	text                  string
	calls, rows           int64
	total, min, max, mean float64
	m2                    float64
}

func newStats() *Stats {
	return &Stats{since: nowMicros(), dbs: map[types.OID]*dbStats{}, rels: map[types.OID]*catalog.TableStat{}, stmts: map[stmtKey]*statementStats{}}
}

func (st *Stats) db(oid types.OID) *dbStats {
	st.mu.Lock()
	defer st.mu.Unlock()
	d := st.dbs[oid]
	if d == nil {
		d = &dbStats{}
		st.dbs[oid] = d
	}
	return d
}

func (st *Stats) connected(db types.OID) {
	d := st.db(db)
	d.backends.Add(1)
	d.sessions.Add(1)
}
func (st *Stats) disconnected(db types.OID) { st.db(db).backends.Add(-1) }
func (st *Stats) committed(db types.OID)    { st.db(db).commits.Add(1) }
func (st *Stats) rolledBack(db types.OID)   { st.db(db).rollbacks.Add(1) }

func (st *Stats) queryTime(micros int64) {
	st.Queries.Add(1)
	if st.Observe != nil {
		st.Observe(micros)
	}
}

func (st *Stats) modified(rel types.OID, ins, upd, del int64) {
	if rel < catalog.FirstNormalOID {
		return
	}
	st.mu.Lock()
	t := st.rels[rel]
	if t == nil {
		t = &catalog.TableStat{}
		st.rels[rel] = t
	}
	t.Inserted += ins
	t.Updated += upd
	t.Deleted += del
	t.ModSinceAnalyze += ins + upd + del
	st.mu.Unlock()
}

// statement finds the counters of a statement's text; nil when there are too many.
func (st *Stats) statement(db, role types.OID, text string) *statementStats {
	st.mu.Lock()
	defer st.mu.Unlock()
	k := stmtKey{db, role, text}
	s := st.stmts[k]
	if s == nil {
		if len(st.stmts) >= statementsTracked {
			return nil
		}
		s = &statementStats{text: text}
		st.stmts[k] = s
	}
	return s
}

func (s *statementStats) record(micros, rows int64) {
	if s == nil {
		return
	}
	ms := float64(micros) / 1000
	s.mu.Lock()
	s.calls++
	s.rows += rows
	s.total += ms
	if s.calls == 1 || ms < s.min {
		s.min = ms
	}
	s.max = math.Max(s.max, ms)
	d := ms - s.mean
	s.mean += d / float64(s.calls)
	s.m2 += d * (ms - s.mean)
	s.mu.Unlock()
}

// statSource gives the virtual tables the engine's and the session's figures; the server adds the rest by embedding.
type statSource struct {
	catalog.StatSource
	s *Session
}

// Sessions implements catalog.StatSource.
func (x statSource) Sessions() []catalog.SessionStat {
	var out []catalog.SessionStat
	for _, o := range x.s.e.all() {
		o.act.mu.Lock()
		st := catalog.SessionStat{Database: o.db, PID: o.info.PID, User: o.login, BackendStart: types.FromTime(o.info.Start), XactStart: o.act.txStart,
			QueryStart: o.act.queryStart, StateChange: o.act.stateChange, State: o.act.state, Query: o.act.query, BackendType: "client backend", ClientPort: -1}
		o.act.mu.Unlock()
		st.Application = o.backend.Info.App
		if host, port, ok := o.remoteHost(); ok {
			st.ClientAddr, st.ClientPort = host, int32(port)
		}
		if since, waiting := x.s.e.opts.Manager.Waiting(o.info.PID); waiting && since > 0 {
			st.WaitEventType, st.WaitEvent = "Lock", "transactionid"
		} else if st.State != "active" {
			st.WaitEventType, st.WaitEvent = "Client", "ClientRead"
		}
		out = append(out, st)
	}
	for _, t := range x.s.e.opts.Manager.Transactions() {
		for i := range out {
			if out[i].PID == t.PID {
				out[i].XID, out[i].Xmin = t.XID, uint64(t.Snapshot)
			}
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].PID < out[j].PID })
	return out
}

// Locks implements catalog.StatSource.
func (x statSource) Locks() []catalog.LockStat {
	var out []catalog.LockStat
	for _, l := range x.s.e.opts.Manager.Locks() {
		st := catalog.LockStat{Type: l.Type, Database: l.Database, HasDatabase: l.Database != 0, Relation: l.Relation, Page: -1, Tuple: -1, XID: l.XID, PID: l.PID,
			Mode: l.Mode, Granted: l.Granted, WaitStart: l.Since, VirtualTransaction: itoa(int(l.PID)) + "/1"}
		switch l.Type {
		case "tuple":
			st.Page, st.Tuple = int64(l.Row)>>16, int64(l.Row)&0xffff
		case "virtualxid":
			st.VirtualXID = st.VirtualTransaction
		case "advisory":
			st.HasObject = true
			st.ClassID, st.ObjID, st.ObjSubID = types.OID(uint64(l.Advisory.K1)>>32), types.OID(uint32(l.Advisory.K1)), 1
			if l.Advisory.Class == 1 {
				st.ClassID, st.ObjID, st.ObjSubID = types.OID(uint32(l.Advisory.K1)), types.OID(uint32(l.Advisory.K2)), 2
			}
		}
		out = append(out, st)
	}
	return out
}

// DatabaseStat implements catalog.StatSource.
func (x statSource) DatabaseStat(db types.OID) catalog.DatabaseStat {
	d := x.s.e.stats.db(db)
	out := catalog.DatabaseStat{Backends: d.backends.Load(), Commits: d.commits.Load(), Rollbacks: d.rollbacks.Load(), Sessions: d.sessions.Load(), StatsReset: x.s.e.stats.since}
	x.s.e.stats.mu.Lock()
	for oid, t := range x.s.e.stats.rels {
		if rel := x.s.reader().Relation(oid); rel != nil && rel.Database == db {
			out.Inserted += t.Inserted
			out.Updated += t.Updated
			out.Deleted += t.Deleted
		}
	}
	x.s.e.stats.mu.Unlock()
	return out
}

// TableStat implements catalog.StatSource.
func (x statSource) TableStat(rel types.OID) catalog.TableStat {
	var out catalog.TableStat
	x.s.e.stats.mu.Lock()
	if t := x.s.e.stats.rels[rel]; t != nil {
		out = *t
	}
	x.s.e.stats.mu.Unlock()
	if r := x.s.reader().Relation(rel); r != nil && r.Storage != 0 && r.RelKind == 'r' {
		out.Live = x.s.e.opts.Store.RowCount(r.Storage)
	}
	return out
}

// Statements implements catalog.StatSource.
func (x statSource) Statements() []catalog.StatementStat {
	st := x.s.e.stats
	st.mu.Lock()
	defer st.mu.Unlock()
	var out []catalog.StatementStat
	for k, s := range st.stmts {
		s.mu.Lock()
		h := fnv.New64a()
		h.Write([]byte(k.text))
		stddev := 0.0
		if s.calls > 0 {
			stddev = math.Sqrt(s.m2 / float64(s.calls))
		}
		out = append(out, catalog.StatementStat{User: k.role, Database: k.db, TopLevel: true, QueryID: int64(h.Sum64()), Query: k.text, Calls: s.calls, Rows: s.rows,
			TotalExec: s.total, MinExec: s.min, MaxExec: s.max, MeanExec: s.mean, StddevExec: stddev})
		s.mu.Unlock()
	}
	return out
}

// SettingValues implements catalog.StatSource.
func (x statSource) SettingValues() []catalog.SettingValue {
	var out []catalog.SettingValue
	for _, g := range sortedGUCs() {
		v := catalog.SettingValue{Name: g.Name, Value: x.s.set.str(g.Name), Source: "default"}
		switch g.Name {
		case "transaction_isolation", "transaction_read_only", "max_connections", "in_hot_standby":
			v.Value = x.s.showSetting(g.Name)
		}
		l := lower(g.Name)
		v.Reset = g.Boot
		if b, ok := x.s.set.base.values[l]; ok {
			v.Source, v.Reset = "configuration file", b
		}
		if r, ok := x.s.set.reset[l]; ok {
			v.Source, v.Reset = "client", r
		}
		if _, ok := x.s.set.values[l]; ok {
			v.Source = "session"
		}
		out = append(out, v)
	}
	return out
}

// PreparedStatements implements catalog.StatSource.
func (x statSource) PreparedStatements() []catalog.PreparedStatementStat {
	var out []catalog.PreparedStatementStat
	for name, p := range x.s.prepared {
		if name == "" || p.st == nil {
			continue
		}
		out = append(out, catalog.PreparedStatementStat{Name: name, Statement: p.st.text, Time: p.at, Params: p.st.params, FromSQL: p.fromSQL, Generic: p.calls})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// Cursors implements catalog.StatSource.
func (x statSource) Cursors() []catalog.CursorStat {
	var out []catalog.CursorStat
	for _, p := range x.s.portals {
		if p.cursor == "" {
			continue
		}
		out = append(out, catalog.CursorStat{Name: p.cursor, Statement: p.text, Hold: p.hold, Binary: p.binary, Scrollable: !p.noScroll, Time: p.at})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// SequenceState implements catalog.StatSource.
func (x statSource) SequenceState(seq types.OID) (last int64, called, ok bool) {
	v, c, err := x.s.SequenceState(seq)
	return v, c, err == nil
}

// virtualEnv is what virtual tables are computed from.
func (s *Session) virtualEnv() *catalog.Env {
	var base catalog.StatSource = catalog.NoStats{}
	if s.e.opts.Stats != nil {
		base = s.e.opts.Stats
	}
	return &catalog.Env{Reader: s.reader(), IO: s.drv.io, User: s.role, Deparse: deparse.Deparser{}, Stats: statSource{base, s}}
}

// Open implements exec.VirtualTables.
func (s *Session) Open(_ *functions.Env, rel types.OID, atts []int, eq []exec.VirtualCond) (functions.RowSource, error) {
	cons := make([]catalog.ColumnEq, len(eq))
	for i, c := range eq {
		cons[i] = catalog.ColumnEq{Col: c.Att, Values: c.Values}
	}
	return catalog.OpenVirtual(s.virtualEnv(), rel, atts, cons), nil
}
