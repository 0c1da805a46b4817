package session

import (
	"context"
	"math/rand/v2"

	"kimberlite/sql/catalog"
	"kimberlite/sql/functions"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
	"kimberlite/txn"
)

// This file implements functions.Session: what SQL functions may ask of the session.

// Context implements functions.Session.
func (s *Session) Context() context.Context { return s.ctx }

// PID implements functions.Session.
func (s *Session) PID() int32 { return s.info.PID }

// DatabaseOID implements functions.Session.
func (s *Session) DatabaseOID() types.OID { return s.db }

// DatabaseName implements functions.Session.
func (s *Session) DatabaseName() string {
	if d := s.reader().Database(s.db); d != nil {
		return d.Name
	}
	return s.dbName
}

// CurrentUser implements functions.Session.
func (s *Session) CurrentUser() types.OID { return s.role }

// SessionUser implements functions.Session.
func (s *Session) SessionUser() types.OID { return s.session }

// ClientAddr implements functions.Session.
func (s *Session) ClientAddr() (string, int, bool) { return s.remoteHost() }

// ServerAddr implements functions.Session.
func (s *Session) ServerAddr() (string, int, bool) {
	_, _, ok := s.remoteHost()
	return s.e.opts.ListenHost, s.e.opts.ListenPort, ok && s.e.opts.ListenHost != ""
}

// StartTime implements functions.Session.
func (s *Session) StartTime() int64 { return types.FromTime(s.info.Start) }

// ServerStartTime implements functions.Session.
func (s *Session) ServerStartTime() int64 { return s.e.started }

// ConfLoadTime implements functions.Session.
func (s *Session) ConfLoadTime() int64 { return s.e.loaded.Load() }

// TxTime implements functions.Session.
func (s *Session) TxTime() int64 {
	if s.tx != nil {
		return s.tx.start
	}
	return s.stmtAt
}

// StatementTime implements functions.Session.
func (s *Session) StatementTime() int64 { return s.stmtAt }

// SearchPath implements functions.Session.
func (s *Session) SearchPath(implicit bool) []types.OID {
	r := s.reader()
	full := s.searchPath(r)
	if implicit {
		return full
	}
	names, _ := splitIdentifiers(s.set.str("search_path"))
	named := map[types.OID]bool{}
	for _, n := range names {
		if n == "$user" {
			if role := r.Role(s.role); role != nil {
				n = role.Name
			}
		}
		if sc := r.SchemaByName(n); sc != nil {
			named[sc.OID] = true
		}
		if n == "pg_temp" && s.temp != 0 {
			named[s.temp] = true
		}
	}
	var out []types.OID
	for _, oid := range full {
		if named[oid] {
			out = append(out, oid)
		}
	}
	return out
}

// TempSchema implements functions.Session.
func (s *Session) TempSchema() types.OID { return s.temp }

// Setting implements functions.Session.
func (s *Session) Setting(name string) (string, bool, error) {
	if findGUC(name) == nil {
		v, ok := s.set.get(name)
		return v, ok, nil
	}
	return s.showSetting(name), true, nil
}

// SetSetting implements functions.Session.
func (s *Session) SetSetting(name, value string, local bool) (string, error) {
	if err := s.assign(name, value, local); err != nil {
		return "", err
	}
	return s.showSetting(name), nil
}

// sequence finds a sequence's definition and checks the privilege.
func (s *Session) sequence(oid types.OID, privs uint32) (*catalog.Relation, *txn.SequenceDef, error) {
	r := s.reader()
	rel := r.Relation(oid)
	if rel == nil || rel.RelKind != 'S' {
		if rel != nil {
			return nil, nil, pgerr.Newf(pgerr.WrongObjectType, "%q is not a sequence", rel.Name)
		}
		return nil, nil, pgerr.Newf(pgerr.UndefinedTable, "relation with OID %d does not exist", oid)
	}
	if !s.super && !catalog.HasPrivs(r, s.role, rel.Owner, catalog.ACLOf(rel.ACL, 's', rel.Owner), privs, false, true) {
		return nil, nil, pgerr.Newf(pgerr.InsufficientPrivilege, "permission denied for sequence %s", rel.Name)
	}
	q := rel.Sequence
	return rel, &txn.SequenceDef{OID: oid, Name: rel.Name, Start: q.Start, Increment: q.Increment, Min: q.Min, Max: q.Max, Cycle: q.Cycle}, nil
}

func (s *Session) seqState(oid types.OID) *sessionSequence {
	if s.seqs == nil {
		s.seqs = map[types.OID]*sessionSequence{}
	}
	st := s.seqs[oid]
	if st == nil {
		st = &sessionSequence{}
		s.seqs[oid] = st
	}
	return st
}

// NextVal implements functions.Session.
func (s *Session) NextVal(oid types.OID) (int64, error) {
	rel, def, err := s.sequence(oid, catalog.PrivUsage|catalog.PrivUpdate)
	if err != nil {
		return 0, err
	}
	if s.tx != nil && s.tx.tx.Options().ReadOnly && rel.Persistence != 't' {
		return 0, pgerr.New(pgerr.ReadOnlySqlTransaction, "cannot execute nextval() in a read-only transaction")
	}
	st := s.seqState(oid)
	if st.left == 0 {
		n := max(rel.Sequence.Cache, sequenceCache)
		first, count, err := s.tx.tx.Nextval(s.ctx, def, n)
		if err != nil {
			return 0, err
		}
		st.next, st.left, st.inc = first, count, def.Increment
	}
	st.last, st.called = st.next, true
	st.left--
	st.next += st.inc
	s.lastSeq = oid
	return st.last, nil
}

// CurrVal implements functions.Session.
func (s *Session) CurrVal(oid types.OID) (int64, error) {
	rel, _, err := s.sequence(oid, catalog.PrivSelect|catalog.PrivUsage)
	if err != nil {
		return 0, err
	}
	st := s.seqs[oid]
	if st == nil || !st.called {
		return 0, pgerr.Newf(pgerr.ObjectNotInPrerequisiteState, "currval of sequence %q is not yet defined in this session", rel.Name)
	}
	return st.last, nil
}

// LastVal implements functions.Session.
func (s *Session) LastVal() (int64, error) {
	st := s.seqs[s.lastSeq]
	if s.lastSeq == 0 || st == nil || s.reader().Relation(s.lastSeq) == nil {
		return 0, pgerr.New(pgerr.ObjectNotInPrerequisiteState, "lastval is not yet defined in this session")
	}
	_, _, err := s.sequence(s.lastSeq, catalog.PrivSelect|catalog.PrivUsage)
	return st.last, err
}

// SetVal implements functions.Session.
func (s *Session) SetVal(oid types.OID, value int64, called bool) error {
	rel, def, err := s.sequence(oid, catalog.PrivUpdate)
	if err != nil {
		return err
	}
	if s.tx.tx.Options().ReadOnly && rel.Persistence != 't' {
		return pgerr.New(pgerr.ReadOnlySqlTransaction, "cannot execute setval() in a read-only transaction")
	}
	if err := s.tx.tx.Setval(s.ctx, def, value, called); err != nil {
		return err
	}
	st := s.seqState(oid)
	st.left = 0
	if called {
		st.last, st.called = value, true
	}
	return nil
}

// SequenceState implements functions.Session.
func (s *Session) SequenceState(oid types.OID) (int64, bool, error) {
	_, def, err := s.sequence(oid, catalog.PrivSelect|catalog.PrivUsage)
	if err != nil {
		return 0, false, err
	}
	if s.tx != nil {
		return s.tx.tx.SequenceState(def)
	}
	return s.e.opts.Manager.SequenceState(def)
}

// CurrentXID implements functions.Session.
func (s *Session) CurrentXID(assign bool) (uint64, bool) {
	if s.tx == nil {
		return 0, false
	}
	x, err := s.tx.tx.XID(s.ctx, assign)
	return x, err == nil && x != 0
}

// SnapshotPosition implements functions.Session.
func (s *Session) SnapshotPosition() uint64 { return uint64(s.e.opts.Store.Applied()) }

// XactStatus implements functions.Session.
func (s *Session) XactStatus(xid uint64) (string, error) {
	st, err := s.e.opts.Manager.XactStatus(xid)
	return string(st), err
}

// InRecovery implements functions.Session.
func (s *Session) InRecovery() bool { return s.e.opts.Leading != nil && !s.e.opts.Leading() }

// AdvisoryLock implements functions.Session.
func (s *Session) AdvisoryLock(k1, k2 int64, class int, shared, xact, try bool) (bool, error) {
	wait := txn.WaitBlock
	if try {
		wait = txn.WaitSkip
	}
	key := txn.AdvisoryKey{Database: s.db, Class: uint8(class), K1: k1, K2: k2}
	var ok bool
	var err error
	if xact {
		ok, err = s.tx.tx.AdvisoryLock(s.ctx, key, shared, wait)
	} else {
		ok, err = s.backend.AdvisoryLock(s.ctx, key, shared, wait)
	}
	return ok, err
}

// AdvisoryUnlock implements functions.Session.
func (s *Session) AdvisoryUnlock(k1, k2 int64, class int, shared bool) (bool, error) {
	if s.backend.AdvisoryUnlock(txn.AdvisoryKey{Database: s.db, Class: uint8(class), K1: k1, K2: k2}, shared) {
		return true, nil
	}
	mode := "ExclusiveLock"
	if shared {
		mode = "ShareLock"
	}
	s.notice(pgerr.Warn(pgerr.Warning, "you don't own a lock of type %s", mode))
	return false, nil
}

// AdvisoryUnlockAll implements functions.Session.
func (s *Session) AdvisoryUnlockAll() { s.backend.AdvisoryUnlockAll() }

// Notify implements functions.Session.
func (s *Session) Notify(channel, payload string) error {
	if channel == "" {
		return pgerr.New(pgerr.InvalidParameterValue, "channel name cannot be empty")
	}
	if len(channel) > 63 {
		return pgerr.New(pgerr.InvalidParameterValue, "channel name too long")
	}
	if len(payload) >= 8000 {
		return pgerr.New(pgerr.InvalidParameterValue, "payload string too long")
	}
	s.tx.tx.Notify(channel, payload)
	return nil
}

// ListeningChannels implements functions.Session.
func (s *Session) ListeningChannels() []string {
	s.e.mu.Lock()
	defer s.e.mu.Unlock()
	out := make([]string, 0, len(s.listening))
	for ch := range s.listening {
		out = append(out, ch)
	}
	return out
}

// listenLater and unlistenLater take effect at commit ("" is UNLISTEN *).
func (s *Session) listenLater(channel string) {
	s.tx.onCommit = append(s.tx.onCommit, func() { s.e.listen(s, channel) })
}

func (s *Session) unlistenLater(channel string) {
	s.tx.onCommit = append(s.tx.onCommit, func() {
		if channel != "" {
			s.e.unlisten(s, channel)
			return
		}
		for _, ch := range s.ListeningChannels() {
			s.e.unlisten(s, ch)
		}
	})
}

// SignalBackend implements functions.Session.
func (s *Session) SignalBackend(pid int32, signal string) (bool, error) {
	other := s.e.session(pid)
	if other == nil {
		s.notice(pgerr.Warn(pgerr.Warning, "PID %d is not a PostgreSQL server process", pid))
		return false, nil
	}
	if !s.super && !s.memberOf(s.role, other.login) {
		what := "query"
		if signal == "terminate" {
			what = "process"
		}
		return false, pgerr.Newf(pgerr.InsufficientPrivilege, "must be a member of the role whose %s is being %s or member of pg_signal_backend", what, map[string]string{"cancel": "canceled", "terminate": "terminated"}[signal])
	}
	if other.info.Backend == nil {
		return false, nil
	}
	if signal == "cancel" {
		other.info.Backend.Cancel()
	} else {
		other.info.Backend.Terminate()
	}
	return true, nil
}

// memberOf reports whether a role has the privileges of another (superusers have all).
func (s *Session) memberOf(role, of types.OID) bool {
	if role == of || s.isSuper(role) {
		return true
	}
	return containsOID(catalog.MemberOf(s.reader(), role, true), of)
}

// ReloadConfig implements functions.Session.
func (s *Session) ReloadConfig() (bool, error) {
	if s.e.opts.Reload == nil {
		return false, nil
	}
	if err := s.e.opts.Reload(); err != nil {
		return false, err
	}
	s.e.loaded.Store(nowMicros())
	return true, nil
}

// Notice implements functions.Session.
func (s *Session) Notice(e *pgerr.Error) { s.notice(e) }

// SetSeed implements functions.Session.
func (s *Session) SetSeed(seed float64) {
	s.rng = rand.New(rand.NewPCG(uint64(int64(seed*float64(1<<52))), 0x9e3779b97f4a7c15))
}

// Random implements functions.Session.
func (s *Session) Random() float64 {
	if s.rng == nil {
		return rand.Float64()
	}
	return s.rng.Float64()
}

// RelationSize implements functions.Session.
func (s *Session) RelationSize(oid types.OID) (int64, error) {
	rel := s.reader().Relation(oid)
	if rel == nil || rel.Storage == 0 {
		return 0, nil
	}
	if rel.RelKind == 'i' {
		return s.e.opts.Store.IndexBytes(rel.Storage)
	}
	return s.e.opts.Store.RowBytes(rel.Storage)
}

// DatabaseSize implements functions.Session.
func (s *Session) DatabaseSize(db types.OID) (int64, error) {
	var total int64
	for _, def := range s.e.opts.Store.TableDefs() {
		if def.Database != db {
			continue
		}
		n, err := s.e.opts.Store.RowBytes(def.Storage)
		if err != nil {
			return 0, err
		}
		total += n
		for i := range def.Indexes {
			n, err := s.e.opts.Store.IndexBytes(def.Indexes[i].Storage)
			if err != nil {
				return 0, err
			}
			total += n
		}
	}
	return total, nil
}

// HasPrivilege implements functions.Session.
func (s *Session) HasPrivilege(role, class, object types.OID, column int, privs uint32, option bool) (bool, error) {
	r := s.reader()
	if s.isSuper(role) {
		return true, nil
	}
	switch class {
	case 1259:
		rel := r.Relation(object)
		if rel == nil {
			return false, nil
		}
		kind := byte('r')
		if rel.RelKind == 'S' {
			kind = 's'
		}
		if catalog.HasPrivs(r, role, rel.Owner, catalog.ACLOf(rel.ACL, kind, rel.Owner), privs, option, true) {
			return true, nil
		}
		if column > 0 && column <= len(rel.Columns) {
			return catalog.HasPrivs(r, role, rel.Owner, rel.Columns[column-1].ACL, privs, option, true), nil
		}
		return rel.OID < catalog.FirstNormalOID && privs == catalog.PrivSelect, nil
	case 2615:
		if sc := r.Schema(object); sc != nil {
			return catalog.HasPrivs(r, role, sc.Owner, catalog.ACLOf(sc.ACL, 'n', sc.Owner), privs, option, true), nil
		}
	case 1262:
		if d := r.Database(object); d != nil {
			return catalog.HasPrivs(r, role, d.Owner, catalog.ACLOf(d.ACL, 'd', d.Owner), privs, option, true), nil
		}
	case 1255, 1247, 2612:
		return !option, nil // EXECUTE and USAGE are PUBLIC's by default
	}
	return false, nil
}

// ResetStatistics implements functions.Session.
func (s *Session) ResetStatistics(kind string, role, object types.OID, query int64) error {
	name := map[string]string{"statements": "pg_stat_statements_reset", "database": "pg_stat_reset", "relation": "pg_stat_reset_single_table_counters"}[kind]
	if !s.super {
		return pgerr.Newf(pgerr.InsufficientPrivilege, "permission denied for function %s", name)
	}
	switch kind {
	case "statements":
		s.e.stats.statements.reset(role, object, query)
	case "relation":
		s.e.stats.resetRelation(object)
	default:
		r := s.reader()
		s.e.stats.resetDatabase(s.db, func(oid types.OID) bool {
			rel := r.Relation(oid)
			return rel != nil && rel.Database == s.db
		})
	}
	return nil
}

// SystemRows implements functions.Session.
func (s *Session) SystemRows(name string, args []types.Datum) (functions.RowSource, error) {
	if s.e.opts.System == nil {
		return nil, functions.Unsupported(name)
	}
	return s.e.opts.System(name, args)
}

// CatalogRows implements functions.Session.
func (s *Session) CatalogRows(rel types.OID, atts []int) (functions.RowSource, error) {
	return catalog.OpenVirtual(s.virtualEnv(), rel, atts, nil), nil
}

// BlockingPIDs implements functions.Session.
func (s *Session) BlockingPIDs(pid int32) []int32 { return s.e.opts.Manager.BlockingPIDs(pid) }

var _ functions.Session = (*Session)(nil)
