package session

import (
	"sort"
	"strings"

	"kimberlite/exec"
	"kimberlite/sql/catalog"
	"kimberlite/sql/deparse"
	"kimberlite/sql/functions"
	"kimberlite/sql/types"
)

// statSource gives the virtual tables the engine's and the session's figures; the server adds the rest by embedding.
type statSource struct {
	catalog.StatSource
	s *Session
}

// Sessions implements catalog.StatSource.
func (x statSource) Sessions() []catalog.SessionStat {
	waiting := map[int32]string{}
	for _, l := range x.s.e.opts.Manager.Locks() {
		if !l.Granted {
			waiting[l.PID] = l.Type
		}
	}
	var out []catalog.SessionStat
	for _, o := range x.s.e.all() {
		o.act.mu.Lock()
		st := catalog.SessionStat{Database: o.db, PID: o.info.PID, User: o.login, BackendStart: types.FromTime(o.info.Start), XactStart: o.act.txStart,
			QueryStart: o.act.queryStart, StateChange: o.act.stateChange, State: o.act.state, Query: o.act.query, BackendType: o.kind, ClientPort: -1}
		o.act.mu.Unlock()
		st.Application = o.backend.Info.App
		if host, port, ok := o.remoteHost(); ok {
			st.ClientAddr, st.ClientPort = host, int32(port)
		}
		if lock, waits := waiting[o.info.PID]; waits {
			st.WaitEventType, st.WaitEvent = "Lock", lock
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
	st := x.s.e.stats
	d := st.db(db)
	out := catalog.DatabaseStat{Backends: d.backends.Load(), Commits: d.commits.Load(), Rollbacks: d.rollbacks.Load(), Sessions: d.sessions.Load(),
		Deadlocks: d.deadlocks.Load(), TempFiles: d.tempFiles.Load(), TempBytes: d.tempBytes.Load(), ActiveTime: float64(d.active.Load()) / 1000}
	lived := d.connected.Load()
	now := nowMicros()
	for _, o := range x.s.e.all() {
		if o.db == db {
			lived += now - types.FromTime(o.info.Start)
		}
	}
	out.SessionTime = float64(lived) / 1000
	r := x.s.e.opts.Catalog().Bind(db)
	st.mu.RLock()
	defer st.mu.RUnlock()
	out.StatsReset = st.since
	for oid, t := range st.rels {
		rel := r.Relation(oid)
		if rel == nil || rel.Database != db {
			continue
		}
		out.Returned += t.Read.Load()
		out.Fetched += t.Fetched.Load()
		out.Inserted += t.Inserted.Load()
		out.Updated += t.Updated.Load()
		out.Deleted += t.Deleted.Load()
	}
	return out
}

// TableStat implements catalog.StatSource.
func (x statSource) TableStat(rel types.OID) catalog.TableStat {
	var out catalog.TableStat
	st := x.s.e.stats
	if t := st.known(rel); t != nil {
		out = catalog.TableStat{SeqScan: t.Scans.Load(), SeqRead: t.Read.Load(), IdxFetch: t.Fetched.Load(), Inserted: t.Inserted.Load(), Updated: t.Updated.Load(),
			Deleted: t.Deleted.Load(), ModSinceAnalyze: t.stale(), InsSinceVacuum: t.Inserted.Load(), LastAnalyze: t.lastAnalyze.Load(),
			LastAutoanalyze: t.lastAutoanalyze.Load(), Analyzes: t.analyzes.Load(), Autoanalyzes: t.autoanalyzes.Load()}
	}
	r := x.s.reader().Relation(rel)
	if r == nil {
		return out
	}
	for _, ix := range r.Indexes {
		if t := st.known(ix); t != nil {
			out.IdxScan += t.Scans.Load()
			out.IdxFetch += t.Fetched.Load()
		}
	}
	if r.Storage != 0 && (r.RelKind == 'r' || r.RelKind == 'm') {
		out.Live = x.s.e.opts.Store.RowCount(r.Storage)
	}
	return out
}

// IndexStat implements catalog.StatSource.
func (x statSource) IndexStat(index types.OID) catalog.IndexStat {
	if t := x.s.e.stats.known(index); t != nil {
		return catalog.IndexStat{Scans: t.Scans.Load(), Read: t.Read.Load(), Fetched: t.Fetched.Load()}
	}
	return catalog.IndexStat{}
}

// Statements implements catalog.StatSource.
func (x statSource) Statements() []catalog.StatementStat { return x.s.e.stats.statements.list() }

// StatementsInfo implements catalog.StatSource.
func (x statSource) StatementsInfo() (dealloc, reset int64) { return x.s.e.stats.statements.info() }

// Progress implements catalog.StatSource.
func (x statSource) Progress(command string) []catalog.ProgressStat {
	var out []catalog.ProgressStat
	for _, o := range x.s.e.all() {
		o.act.mu.Lock()
		if p := o.act.progress; p != nil && strings.HasPrefix(p.Command, command) {
			out = append(out, *p)
		}
		o.act.mu.Unlock()
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
