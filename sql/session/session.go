package session

import (
	"context"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"kimberlite/exec"
	"kimberlite/pgwire"
	"kimberlite/projections"
	"kimberlite/sql/catalog"
	"kimberlite/sql/functions"
	"kimberlite/sql/parser"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
	"kimberlite/txn"
)

// Session is one client's session: it implements pgwire.Session.
type Session struct {
	leadView uint64 // the view in which this node led when the session began; see Options.ConfirmRead
	e        *Engine
	info     pgwire.StartupInfo
	db       types.OID
	dbName   string
	login    types.OID // the role that authenticated
	session  types.OID // SET SESSION AUTHORIZATION
	role     types.OID // SET ROLE: the current user
	super    bool      // of the current user
	backend  *txn.Backend
	set      *settings
	drv      derived
	domains  domainChecks
	env      functions.Env
	arena    types.Arena
	norm     parser.Normalizer

	view   *catalog.Bound // the catalog between transactions, under the search path
	viewOf viewKey

	tx       *transaction
	failed   bool // an implicit block of the extended protocol failed; Sync rolls back
	prepared map[string]*preparedStatement
	portals  map[string]*portal
	cached   *sessionPlans
	// functions are compiled functions in LANGUAGE sql by functionKey, callDepth counts the calls under way.
	functions map[string]*sqlFunction
	callDepth int

	ctx    context.Context // of the running call
	w      pgwire.Writer   // of the running call
	stmtAt int64           // statement start
	rng    *rand.Rand

	seqs    map[types.OID]*sessionSequence
	lastSeq types.OID
	temp    types.OID // temporary schema, 0: none

	listening map[string]struct{}
	noteMu    sync.Mutex
	notes     []projections.Notification
	dropped   bool
	reportedV map[string]string // ParameterStatus values the client knows
	repEpoch  uint64

	act  activity
	kind string // backend_type of pg_stat_activity
	// uncounted: what runs is no use of tables in the sense of the statistics (ANALYZE reads them).
	uncounted bool
}

// sessionSequence is what currval and a sequence's cache remember.
type sessionSequence struct {
	last   int64
	called bool
	next   int64 // cached values not handed out yet
	left   int64
	inc    int64
}

// activity is what other sessions see of this one (pg_stat_activity).
type activity struct {
	mu          sync.Mutex
	state       string
	query       string
	queryStart  int64
	stateChange int64
	txStart     int64
	progress    *catalog.ProgressStat
}

func newSession(e *Engine, info pgwire.StartupInfo, role *catalog.Role, db *catalog.Database) (*Session, error) {
	s := &Session{e: e, info: info, db: db.OID, dbName: db.Name, login: role.OID, session: role.OID, role: role.OID, super: role.Super,
		set: newSettings(e.defaults), prepared: map[string]*preparedStatement{}, portals: map[string]*portal{}, listening: map[string]struct{}{},
		ctx: context.Background(), kind: "client backend"}
	if e.opts.View != nil {
		s.leadView = e.opts.View()
	}
	s.set.applyRoleSettings(e.opts.Catalog().Bind(db.OID).Settings(), db.OID, role.OID)
	s.set.reset["session_authorization"] = role.Name
	s.set.reset["is_superuser"] = onOff(role.Super)
	for _, p := range info.Params {
		if err := s.startupParam(p); err != nil {
			return nil, err
		}
	}
	s.backend = e.opts.Manager.NewBackend(txn.BackendInfo{PID: info.PID, Database: db.OID, Role: role.OID, App: s.set.str("application_name")})
	s.act.state = "idle"
	s.act.stateChange = nowMicros()
	s.env = functions.Env{Session: s, Arena: &s.arena}
	return s, nil
}

// startupParam applies a setting of the startup message: it becomes what RESET goes back to.
func (s *Session) startupParam(p pgwire.Param) error {
	g := findGUC(p.Name)
	if g == nil {
		if !dotted(p.Name) {
			return pgerr.Newf(pgerr.UndefinedObject, "unrecognized configuration parameter %q", p.Name)
		}
		s.set.reset[lower(p.Name)] = p.Value
		return nil
	}
	if g.Context == "internal" || g.Context == "postmaster" || g.Context == "sighup" {
		return pgerr.Newf(pgerr.CantChangeRuntimeParam, "parameter %q cannot be changed", g.Name)
	}
	v, err := g.canonical(p.Value)
	if err != nil {
		return err
	}
	s.set.reset[lower(p.Name)] = v
	s.set.epoch++
	return nil
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

func nowMicros() int64 { return types.FromTime(time.Now()) }

// begin prepares a call: its context, its writer and the statement's time.
func (s *Session) begin(ctx context.Context, w pgwire.Writer) {
	s.ctx, s.w = ctx, w
	s.stmtAt = nowMicros()
	s.uncounted = false
}

// io returns the text I/O context of the session's settings, made again when they changed.
func (s *Session) io() *types.Ctx {
	s.derive()
	return s.drv.io
}

// derive brings the values computed from settings up to date.
func (s *Session) derive() *derived {
	d := &s.drv
	if d.valid && d.epoch == s.set.epoch {
		return d
	}
	d.io = s.set.deriveIO(d.io, s.reader(), regNames{s})
	d.io.CheckDomain = s.checkDomain
	d.input = inputSettings{d.io.DateStyle, d.io.DateOrder, d.io.IntervalStyle, d.io.TimeZoneName}
	d.planner = s.set.derivePlanner()
	d.workMem = int64(s.set.number("work_mem")) * 1024
	d.path, _ = splitIdentifiers(s.set.str("search_path"))
	d.track = s.set.str("pg_stat_statements.track") != "none"
	d.trackUtility = d.track && s.set.boolean("pg_stat_statements.track_utility")
	d.epoch, d.valid = s.set.epoch, true
	s.env.IO = d.io
	return d
}

// reader is the catalog in force: the transaction's overlay, or the newest snapshot under the session's search path.
func (s *Session) reader() catalog.Reader {
	if s.tx != nil && s.tx.overlay != nil {
		return s.tx.overlay
	}
	return s.currentView()
}

// viewKey is all that a session's view of the catalog depends on.
type viewKey struct {
	snap       *catalog.Snapshot
	settings   uint64
	role, temp types.OID
}

func (s *Session) currentView() *catalog.Bound {
	snap := s.e.opts.Catalog()
	key := viewKey{snap, s.set.epoch, s.role, s.temp}
	if s.view == nil || s.viewOf != key {
		v := snap.Bind(s.db)
		s.view, s.viewOf = v.WithPath(s.searchPath(v)), key
	}
	return s.view
}

// searchPath resolves the search_path setting: temporary schema first, then pg_catalog unless it is named.
func (s *Session) searchPath(r catalog.Reader) []types.OID {
	names, _ := splitIdentifiers(s.set.str("search_path"))
	var path []types.OID
	sawCatalog, sawTemp := false, false
	for _, n := range names {
		var oid types.OID
		switch n {
		case "$user":
			if role := r.Role(s.role); role != nil {
				if sc := r.SchemaByName(role.Name); sc != nil {
					oid = sc.OID
				}
			}
		case "pg_temp":
			oid, sawTemp = s.temp, true
		default:
			if sc := r.SchemaByName(n); sc != nil {
				oid = sc.OID
			}
		}
		if oid == 0 || containsOID(path, oid) {
			continue
		}
		sawCatalog = sawCatalog || oid == catalog.PgCatalogOID
		path = append(path, oid)
	}
	if !sawCatalog {
		path = append([]types.OID{catalog.PgCatalogOID}, path...)
	}
	if s.temp != 0 && !sawTemp {
		path = append([]types.OID{s.temp}, path...)
	}
	return path
}

func containsOID(list []types.OID, oid types.OID) bool {
	for _, o := range list {
		if o == oid {
			return true
		}
	}
	return false
}

// refresh makes catalog, settings and environment current before a statement.
func (s *Session) refresh() {
	if s.tx != nil && s.tx.overlay != nil {
		s.tx.overlay.Rebase(s.e.opts.Catalog())
		s.tx.overlay.SetPath(s.searchPath(s.tx.overlay))
	}
	d := s.derive()
	r := s.reader()
	d.io.Types = r
	s.env.Catalog = r
	if s.tx != nil {
		d.io.Now = s.tx.start
	}
}

// Close implements pgwire.Session.
func (s *Session) Close() {
	s.ctx, s.w = context.Background(), nil
	s.closePortals(func(*portal) bool { return true })
	if s.tx != nil {
		s.rollback()
	}
	s.dropTemp()
	s.backend.AdvisoryUnlockAll()
	s.backend.Close()
	s.e.forget(s)
	s.e.stats.disconnected(s.db, nowMicros()-types.FromTime(s.info.Start))
}

// TxStatus implements pgwire.Session.
func (s *Session) TxStatus() byte {
	switch {
	case s.tx == nil || !s.tx.block:
		return 'I'
	case s.tx.failed:
		return 'E'
	}
	return 'T'
}

// Idle implements pgwire.Session.
func (s *Session) Idle() (time.Duration, *pgerr.Error) {
	state := "idle"
	if s.tx != nil && s.tx.block {
		state = "idle in transaction"
		if s.tx.failed {
			state = "idle in transaction (aborted)"
		}
	}
	s.setState(state, "")
	if s.tx != nil && s.tx.block {
		return s.set.often().idleInTxTimeout, errIdleInTx
	}
	return s.set.often().idleTimeout, errIdle
}

// The errors of a client that was idle for too long. They are asked for at every wait.
var (
	errIdleInTx = fatal(pgerr.New(pgerr.IdleInTransactionSessionTimeout, "terminating connection due to idle-in-transaction timeout"))
	errIdle     = fatal(pgerr.New(pgerr.IdleSessionTimeout, "terminating connection due to idle-session timeout"))
)

func fatal(e *pgerr.Error) *pgerr.Error {
	e.Severity = pgerr.SeverityFatal
	return e
}

// setState tells what the session is doing; an empty query keeps the last one.
func (s *Session) setState(state, query string) {
	now := nowMicros()
	s.act.mu.Lock()
	s.act.state, s.act.stateChange = state, now
	if query != "" {
		s.act.query, s.act.queryStart = clip(query), now
	}
	if state != "active" {
		s.act.progress = nil
	}
	switch s.act.txStart = 0; {
	case s.tx != nil:
		s.act.txStart = s.tx.start
	case state == "active":
		s.act.txStart = s.stmtAt // of the transaction that the statement is about to start
	}
	s.act.mu.Unlock()
}

// Drain implements pgwire.Session.
func (s *Session) Drain(w pgwire.Writer) {
	if s.reportedV == nil || s.repEpoch != s.set.epoch {
		first := s.reportedV == nil
		if first {
			s.reportedV = make(map[string]string, len(reported))
		}
		for _, name := range reported {
			v := s.showSetting(name)
			if old, ok := s.reportedV[name]; !ok || old != v {
				w.ParameterStatus(name, v)
				s.reportedV[name] = v
			}
		}
		s.repEpoch = s.set.epoch
	}
	if s.tx != nil && s.tx.block {
		return
	}
	s.noteMu.Lock()
	notes, dropped := s.notes, s.dropped
	s.notes, s.dropped = nil, false
	s.noteMu.Unlock()
	for _, n := range notes {
		w.Notification(n.PID, n.Channel, n.Payload)
	}
	if dropped {
		w.Notice(pgerr.Warn(pgerr.ProgramLimitExceeded, "notifications were dropped: the client did not read them fast enough"))
	}
}

// deliver queues a notification; any goroutine.
func (s *Session) deliver(n projections.Notification) {
	s.noteMu.Lock()
	if len(s.notes) >= notesMax {
		s.dropped = true
	} else {
		s.notes = append(s.notes, n)
	}
	s.noteMu.Unlock()
	if s.info.Backend != nil {
		s.info.Backend.Wake()
	}
}

// notice sends a notice if client_min_messages lets it through.
func (s *Session) notice(e *pgerr.Error) {
	if s.w == nil || severityRank(string(e.Severity)) < severityRank(s.set.str("client_min_messages")) {
		return
	}
	s.w.Notice(e)
}

func severityRank(sev string) int {
	switch lower(sev) {
	case "debug5", "debug4", "debug3", "debug2", "debug1", "debug":
		return 1
	case "log":
		return 2
	case "notice":
		return 3
	case "warning":
		return 4
	case "error":
		return 6
	case "info":
		return 7 // always sent
	}
	return 3
}

// execContext is what an execution gets from the session.
func (s *Session) execContext() *exec.Context {
	d := s.derive()
	s.env.IO, s.env.Catalog = d.io, s.reader()
	c := &exec.Context{Ctx: s.ctx, Env: &s.env, Txn: s.tx.tx, Catalog: s.env.Catalog, Virtual: s, WorkMem: d.workMem,
		HashMemMultiplier: s.set.often().hashMemMultiplier, TempDir: s.e.opts.TempDir, Deferred: s.tx.deferred, Notice: s.notice,
		Functions: s, Cursor: s.cursorRow, Usage: s.e.usage, Spilled: s.spilled}
	if s.uncounted {
		c.Usage = nil
	}
	c.TempFileLimit = max(0, s.set.often().tempFileLimit)
	return c
}

// remoteHost is the client's address.
func (s *Session) remoteHost() (string, int, bool) {
	if a, ok := s.info.Remote.(*net.TCPAddr); ok {
		return a.IP.String(), a.Port, true
	}
	return "", -1, false
}
