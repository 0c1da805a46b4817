package session

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"kimberlite/exec"
	"kimberlite/log"
	"kimberlite/pgwire"
	"kimberlite/projections"
	"kimberlite/sql/catalog"
	"kimberlite/sql/functions"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
	"kimberlite/txn"
)

// Options assemble an Engine.
type Options struct {
	Manager *txn.Manager
	Store   *projections.Store
	// Catalog gives the current snapshot; it follows the log.
	Catalog func() *catalog.Snapshot
	Logger  *zap.Logger
	// Settings are server-wide values of settings (from the configuration file), by name.
	Settings map[string]string
	TempDir  string
	// System yields rows for system views that live in other packages (log segments, cluster members, verify); nil for none.
	System func(name string, args []types.Datum) (functions.RowSource, error)
	// Leading reports whether this node accepts writes.
	Leading func() bool
	// View returns the view that this node leads in, 0 when it does not lead. Nil, as a node on its own, is no view at all.
	View func() uint64
	// ConfirmRead returns an error unless this node has led in the view without a break until now: what a session read is only then sure to be new.
	ConfirmRead func(ctx context.Context, view uint64) error
	// Reload rereads the configuration (pg_reload_conf); nil refuses.
	Reload         func() error
	MaxConnections int
	// ListenHost and ListenPort are where clients connect, for inet_server_addr.
	ListenHost string
	ListenPort int
	// Stats has what the server knows for the statistics views; nil for nothing.
	Stats catalog.StatSource
}

// Engine makes sessions and holds what they share: it implements pgwire.Engine.
type Engine struct {
	opts     Options
	started  int64
	loaded   atomic.Int64
	defaults *defaults
	plans    *planCache
	stats    *Stats
	usage    func(types.OID) *exec.Usage // of stats

	mu       sync.Mutex
	sessions map[int32]*Session
	channels map[channelKey]map[*Session]struct{}
	temps    map[int32]types.OID // pid -> temporary schema
}

type channelKey struct {
	db   types.OID
	name string
}

// New returns an engine. The manager must have been started.
func New(opts Options) (*Engine, error) {
	if opts.Logger == nil {
		opts.Logger = zap.NewNop()
	}
	if opts.MaxConnections == 0 {
		opts.MaxConnections = maxConnectionsDefault
	}
	e := &Engine{opts: opts, started: types.FromTime(time.Now()), sessions: map[int32]*Session{}, channels: map[channelKey]map[*Session]struct{}{}, temps: map[int32]types.OID{}}
	d, err := newDefaults(opts.Settings)
	if err != nil {
		return nil, err
	}
	e.defaults = d
	e.loaded.Store(e.started)
	e.plans = newPlanCache(sharedPlansMax)
	max, _ := strconv.Atoi(newSettings(d).str("pg_stat_statements.max"))
	e.stats = newStats(max)
	e.usage = e.stats.usage
	return e, nil
}

// Stats gives the engine's counters, for metrics and the pg_stat_* views.
func (e *Engine) Stats() *Stats { return e.stats }

// Role implements pgwire.Engine.
func (e *Engine) Role(_ context.Context, name string) (pgwire.RoleInfo, error) {
	r := e.opts.Catalog().RoleByName(name)
	if r == nil {
		return pgwire.RoleInfo{}, nil
	}
	info := pgwire.RoleInfo{Exists: true, Superuser: r.Super, Password: r.Password}
	if r.ValidUntil != nil {
		info.ValidUntil = types.ToTime(*r.ValidUntil)
	}
	return info, nil
}

// MemberOf implements pgwire.Engine.
func (e *Engine) MemberOf(_ context.Context, role, group string) bool {
	if role == group {
		return true
	}
	snap := e.opts.Catalog()
	r, g := snap.RoleByName(role), snap.RoleByName(group)
	if r == nil || g == nil {
		return false
	}
	for _, oid := range catalog.MemberOf(snap.Bind(0), r.OID, false) {
		if oid == g.OID {
			return true
		}
	}
	return false
}

// NewSession implements pgwire.Engine.
func (e *Engine) NewSession(_ context.Context, info pgwire.StartupInfo) (pgwire.Session, error) {
	snap := e.opts.Catalog()
	role := snap.RoleByName(info.User)
	if role == nil {
		return nil, pgerr.Newf(pgerr.InvalidAuthorizationSpecification, "role %q does not exist", info.User)
	}
	if !role.Login {
		return nil, pgerr.Newf(pgerr.InvalidAuthorizationSpecification, "role %q is not permitted to log in", info.User)
	}
	db := snap.DatabaseByName(info.Database)
	if db == nil {
		return nil, pgerr.Newf(pgerr.InvalidCatalogName, "database %q does not exist", info.Database)
	}
	if !db.AllowConn {
		return nil, pgerr.Newf(pgerr.ObjectNotInPrerequisiteState, "database %q is not currently accepting connections", info.Database)
	}
	if err := e.checkLimits(role, db); err != nil {
		return nil, err
	}
	s, err := newSession(e, info, role, db)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	e.sessions[info.PID] = s
	e.mu.Unlock()
	e.stats.connected(db.OID)
	return s, nil
}

// checkLimits applies the connection limits of the role and the database, and the CONNECT privilege.
func (e *Engine) checkLimits(role *catalog.Role, db *catalog.Database) error {
	if !role.Super && !catalog.HasPrivs(e.opts.Catalog().Bind(db.OID), role.OID, db.Owner, catalog.ACLOf(db.ACL, 'd', db.Owner), catalog.PrivConnect, false, true) {
		return pgerr.Newf(pgerr.InsufficientPrivilege, "permission denied for database %q", db.Name).WithDetail("User does not have CONNECT privilege.")
	}
	if role.Super {
		return nil
	}
	var ofRole, ofDB int32
	e.mu.Lock()
	for _, s := range e.sessions {
		if s.login == role.OID {
			ofRole++
		}
		if s.db == db.OID {
			ofDB++
		}
	}
	e.mu.Unlock()
	if role.ConnLimit >= 0 && ofRole >= role.ConnLimit {
		return pgerr.Newf(pgerr.TooManyConnections, "too many connections for role %q", role.Name)
	}
	if db.ConnLimit >= 0 && ofDB >= db.ConnLimit {
		return pgerr.Newf(pgerr.TooManyConnections, "too many connections for database %q", db.Name)
	}
	return nil
}

// forget removes a closed session.
func (e *Engine) forget(s *Session) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.sessions, s.info.PID)
	for key := range s.listening {
		e.unlistenLocked(s, key)
	}
}

// session finds a session by its pid.
func (e *Engine) session(pid int32) *Session {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.sessions[pid]
}

// all lists the sessions.
func (e *Engine) all() []*Session {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := make([]*Session, 0, len(e.sessions))
	for _, s := range e.sessions {
		out = append(out, s)
	}
	return out
}

// DatabaseInUse counts the sessions in a database, other than the given one: DROP DATABASE.
func (e *Engine) databaseInUse(db types.OID, but *Session) int {
	n := 0
	for _, s := range e.all() {
		if s.db == db && s != but {
			n++
		}
	}
	return n
}

// evictDatabase ends the other sessions in a database.
func (s *Session) evictDatabase(db types.OID) error {
	for _, other := range s.e.all() {
		if other.db != db || other == s {
			continue
		}
		if _, err := s.SignalBackend(other.info.PID, "terminate"); err != nil {
			return err
		}
	}
	return nil
}

// Notified delivers a committed transaction's notifications to the sessions that listen. It is called in commit order and must not block.
func (e *Engine) Notified(_ log.Position, db types.OID, notes []projections.Notification) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, n := range notes {
		for s := range e.channels[channelKey{db, n.Channel}] {
			s.deliver(n)
		}
	}
}

func (e *Engine) listen(s *Session, name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	key := channelKey{s.db, name}
	m := e.channels[key]
	if m == nil {
		m = map[*Session]struct{}{}
		e.channels[key] = m
	}
	m[s] = struct{}{}
	s.listening[name] = struct{}{}
}

func (e *Engine) unlisten(s *Session, name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.unlistenLocked(s, name)
}

func (e *Engine) unlistenLocked(s *Session, name string) {
	key := channelKey{s.db, name}
	delete(e.channels[key], s)
	if len(e.channels[key]) == 0 {
		delete(e.channels, key)
	}
	delete(s.listening, name)
}
