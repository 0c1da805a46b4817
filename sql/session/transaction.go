package session

import (
	"strings"

	"kimberlite/exec"
	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
	"kimberlite/txn"
)

// transaction is a transaction in progress, in a block or implicit.
type transaction struct {
	tx       *txn.Txn
	start    int64
	block    bool // between BEGIN and COMMIT
	implicit bool // a multi-statement simple query or a pipeline: becomes a block at BEGIN
	failed   bool
	overlay  *catalog.Overlay // made at the first definition statement
	saves    []savepoint
	deferred *exec.DeferredChecks
	onCommit []func()    // after a successful commit
	dropTmp  []types.OID // temporary tables created ON COMMIT DROP
	roleMark roleState
}

type roleState struct{ session, role types.OID }

type savepoint struct {
	name     string
	mark     txn.Savepoint
	catalog  catalog.Mark
	hadDDL   bool
	settings int
	deferred exec.DeferredMark
	role     roleState
	readOnly bool // the mode outside, which comes back when the savepoint ends
}

var errAborted = pgerr.New(pgerr.InFailedSqlTransaction, "current transaction is aborted, commands ignored until end of transaction block")

// ensure makes sure that there is a transaction.
func (s *Session) ensure() {
	if s.tx == nil {
		s.start(txn.TxnOptions{Isolation: s.isolation(s.set.often().isolation), ReadOnly: s.set.often().readOnly})
	}
}

func (s *Session) isolation(name string) txn.Isolation {
	if name == "repeatable read" || name == "serializable" {
		return txn.RepeatableRead
	}
	return txn.ReadCommitted
}

func (s *Session) start(opts txn.TxnOptions) {
	often := s.set.often()
	s.backend.Info.Role, s.backend.Info.App = s.role, often.applicationName
	s.backend.LockTimeout, s.backend.DeadlockTimeout = often.lockTimeout, often.deadlockTimeout
	s.tx = &transaction{tx: s.backend.Begin(opts), start: s.stmtAt, deferred: exec.NewDeferredChecks(), roleMark: roleState{s.session, s.role}}
}

// overlay returns the transaction's catalog overlay, making it at first use.
func (s *Session) overlay() *catalog.Overlay {
	if s.tx.overlay == nil {
		s.tx.overlay = catalog.NewOverlay(s.currentView())
		s.refresh()
	}
	return s.tx.overlay
}

// commit ends the transaction. What the session keeps of it (settings, temporary tables, cursors WITH HOLD) is settled here.
func (s *Session) commit() error {
	t := s.tx
	if t.failed {
		s.rollback()
		return nil
	}
	if err := s.beforeCommit(); err != nil {
		s.rollback()
		return err
	}
	if t.overlay != nil && t.overlay.Changed() {
		t.tx.PutCatalog(catalog.LogOps(t.overlay.Ops())...)
	}
	if _, err := t.tx.Commit(s.ctx); err != nil {
		s.rollback()
		return err
	}
	s.tx = nil
	s.set.commit()
	s.drv.valid = s.drv.valid && s.drv.epoch == s.set.epoch
	for _, f := range t.onCommit {
		f()
	}
	s.e.stats.committed(s.db)
	return nil
}

// beforeCommit runs what may still fail: deferred constraints, holdable cursors, temporary tables' ON COMMIT.
func (s *Session) beforeCommit() error {
	t := s.tx
	s.refresh()
	if t.deferred.Pending() || t.tx.DeferredUnique() {
		if err := t.deferred.RunAll(s.execContext()); err != nil {
			return err
		}
	}
	if err := s.holdCursors(); err != nil {
		return err
	}
	s.closePortals(func(p *portal) bool { return !p.held })
	return s.settleTemp()
}

// rollback gives the transaction up.
func (s *Session) rollback() {
	t := s.tx
	s.closePortals(func(p *portal) bool { return !p.held || p.created == t })
	t.tx.Rollback()
	s.tx = nil
	s.set.rollback(0)
	s.restoreRole(t.roleMark)
	s.e.stats.rolledBack(s.db)
}

func (s *Session) restoreRole(r roleState) {
	if s.session == r.session && s.role == r.role {
		return
	}
	s.session, s.role = r.session, r.role
	s.super = s.isSuper(r.role)
	s.set.epoch++
}

func (s *Session) isSuper(role types.OID) bool {
	r := s.currentView().Role(role)
	return r != nil && r.Super
}

// fail marks the transaction after an error: a block waits for ROLLBACK, an implicit transaction ends.
func (s *Session) fail() {
	if s.tx == nil {
		return
	}
	if s.tx.block {
		s.tx.failed = true
		s.closePortals(func(p *portal) bool { return !p.held && p.cursor == "" })
		return
	}
	s.rollback()
}

// finish commits an implicit transaction after a statement; blocks and pipelines go on.
func (s *Session) finish() error {
	if s.tx == nil || s.tx.block || s.tx.implicit {
		return nil
	}
	return s.commit()
}

// beginBlock is BEGIN and START TRANSACTION.
func (s *Session) beginBlock(opts txModes) error {
	if s.tx != nil && s.tx.block {
		s.notice(pgerr.Warn(pgerr.ActiveSqlTransaction, "there is already a transaction in progress"))
		return s.setTransaction(opts)
	}
	s.ensure()
	s.tx.block = true
	return s.setTransaction(opts)
}

// txModes are the modes of BEGIN and SET TRANSACTION.
type txModes struct {
	isolation  string
	readOnly   *bool
	deferrable *bool
}

func (s *Session) setTransaction(m txModes) error {
	opts := s.tx.tx.Options()
	if m.isolation != "" {
		if err := checkIsolation(m.isolation); err != nil {
			return err
		}
		want := s.isolation(strings.ToLower(m.isolation))
		if want != opts.Isolation && s.tx.tx.HasSnapshot() {
			return pgerr.New(pgerr.ActiveSqlTransaction, "SET TRANSACTION ISOLATION LEVEL must be called before any query")
		}
		opts.Isolation = want
	}
	if m.readOnly != nil {
		if !*m.readOnly && opts.ReadOnly && len(s.tx.saves) > 0 {
			return pgerr.New(pgerr.ActiveSqlTransaction, "cannot set transaction read-write mode inside a read-only transaction")
		}
		if !*m.readOnly && opts.ReadOnly && s.tx.tx.HasSnapshot() {
			return pgerr.New(pgerr.ActiveSqlTransaction, "transaction read-write mode must be set before any query")
		}
		opts.ReadOnly = *m.readOnly
	}
	s.tx.tx.SetIsolation(opts.Isolation, opts.ReadOnly)
	return nil
}

// commitBlock is COMMIT; it returns the tag, ROLLBACK after a failure.
func (s *Session) commitBlock(chain bool) (string, error) {
	if s.tx == nil || !s.tx.block {
		if chain {
			return "", pgerr.New(pgerr.NoActiveSqlTransaction, "COMMIT AND CHAIN can only be used in transaction blocks")
		}
		s.notice(pgerr.Warn(pgerr.NoActiveSqlTransaction, "there is no transaction in progress"))
		if s.tx != nil && s.tx.implicit {
			return "COMMIT", s.commit()
		}
		return "COMMIT", nil
	}
	opts := s.tx.tx.Options()
	tag := "COMMIT"
	if s.tx.failed {
		tag = "ROLLBACK"
		s.rollback()
	} else if err := s.commit(); err != nil {
		return "", err
	}
	if chain {
		s.start(opts)
		s.tx.block = true
	}
	return tag, nil
}

// rollbackBlock is ROLLBACK.
func (s *Session) rollbackBlock(chain bool) error {
	if s.tx == nil || !s.tx.block {
		if chain {
			return pgerr.New(pgerr.NoActiveSqlTransaction, "ROLLBACK AND CHAIN can only be used in transaction blocks")
		}
		s.notice(pgerr.Warn(pgerr.NoActiveSqlTransaction, "there is no transaction in progress"))
		if s.tx != nil && s.tx.implicit {
			s.rollback()
		}
		return nil
	}
	opts := s.tx.tx.Options()
	s.rollback()
	if chain {
		s.start(opts)
		s.tx.block = true
	}
	return nil
}

func (s *Session) defineSavepoint(name string) error {
	if s.tx == nil || !s.tx.block {
		return pgerr.New(pgerr.NoActiveSqlTransaction, "SAVEPOINT can only be used in transaction blocks")
	}
	sp := savepoint{name: name, mark: s.tx.tx.Savepoint(), settings: s.set.mark(), deferred: s.tx.deferred.Mark(), role: roleState{s.session, s.role},
		readOnly: s.tx.tx.Options().ReadOnly}
	if s.tx.overlay != nil {
		sp.catalog, sp.hadDDL = s.tx.overlay.Mark(), true
	}
	s.tx.saves = append(s.tx.saves, sp)
	return nil
}

func (s *Session) findSavepoint(name, command string) (int, error) {
	if s.tx == nil || !s.tx.block {
		return 0, pgerr.Newf(pgerr.NoActiveSqlTransaction, "%s can only be used in transaction blocks", command)
	}
	for i := len(s.tx.saves) - 1; i >= 0; i-- {
		if s.tx.saves[i].name == name {
			return i, nil
		}
	}
	return 0, pgerr.Newf(pgerr.InvalidSavepointSpecification, "savepoint %q does not exist", name)
}

func (s *Session) releaseSavepoint(name string) error {
	i, err := s.findSavepoint(name, "RELEASE SAVEPOINT")
	if err != nil {
		return err
	}
	s.tx.tx.Release(s.tx.saves[i].mark)
	s.tx.tx.SetIsolation(s.tx.tx.Options().Isolation, s.tx.saves[i].readOnly)
	s.tx.saves = s.tx.saves[:i]
	return nil
}

func (s *Session) rollbackTo(name string) error {
	i, err := s.findSavepoint(name, "ROLLBACK TO SAVEPOINT")
	if err != nil {
		return err
	}
	sp := s.tx.saves[i]
	s.closePortals(func(p *portal) bool { return !p.held && p.depth > i })
	s.tx.tx.RollbackTo(sp.mark)
	if s.tx.overlay != nil {
		if sp.hadDDL {
			s.tx.overlay.RollbackTo(sp.catalog)
		} else {
			s.tx.overlay = nil
		}
	}
	s.tx.deferred.RollbackTo(sp.deferred)
	s.set.rollback(sp.settings)
	s.restoreRole(sp.role)
	s.tx.tx.SetIsolation(s.tx.tx.Options().Isolation, sp.readOnly)
	s.tx.saves = s.tx.saves[:i+1]
	s.tx.failed = false
	return nil
}

// requireBlock is the error of commands that only make sense in a block.
func (s *Session) requireBlock(command string) error {
	if s.tx == nil || !s.tx.block {
		return pgerr.Newf(pgerr.NoActiveSqlTransaction, "%s can only be used in transaction blocks", command)
	}
	return nil
}

// preventBlock is the error of commands that can't run in one.
func (s *Session) preventBlock(command string) error {
	if s.tx != nil && (s.tx.block || s.tx.implicit) {
		return pgerr.Newf(pgerr.ActiveSqlTransaction, "%s cannot run inside a transaction block", command)
	}
	if s.callDepth > 0 {
		return pgerr.Newf(pgerr.ActiveSqlTransaction, "%s cannot be executed from a function", command)
	}
	return nil
}
