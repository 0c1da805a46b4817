package exec_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/exec"
	"kimberlite/log"
	"kimberlite/planner"
	"kimberlite/projections"
	"kimberlite/sql/analyze"
	"kimberlite/sql/catalog"
	"kimberlite/sql/functions"
	"kimberlite/sql/parser"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
	"kimberlite/txn"
)

// db is a database in memory: a store, a transaction manager whose events are applied at once, a catalog with just enough DDL, and sessions that run SQL through
// parser, analyzer, planner and executor.
type db struct {
	t        testing.TB
	store    *projections.Store
	proj     *projections.Projector
	mgr      *txn.Manager
	cat      *catalog.Overlay
	next     types.OID
	mu       sync.Mutex
	position log.Position
	hash     log.Hash
	seqs     map[types.OID]int64
	settings planner.Settings
	workMem  int64
	pid      int32
}

func newDB(t testing.TB) *db {
	d := &db{t: t, next: catalog.FirstNormalOID, seqs: map[types.OID]int64{}, settings: planner.DefaultSettings()}
	d.cat = catalog.NewOverlay(catalog.NewSnapshot().Apply(catalog.Bootstrap()).Bind(catalog.PostgresOID))
	var err error
	d.store, err = projections.Open(projections.Options{FS: vfs.NewMem(), Dir: "db", Evaluator: &exec.Evaluator{Types: func() types.Resolver { return d.cat }}})
	if err != nil {
		t.Fatal(err)
	}
	d.proj = projections.NewProjector(d.store, projections.ProjectorOptions{})
	if d.mgr, err = txn.NewManager(txn.Options{Store: d.store, Proposer: d}); err != nil {
		t.Fatal(err)
	}
	if err := d.mgr.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.store.Close() })
	return d
}

// Propose applies an event at once.
func (d *db) Propose(_ context.Context, kind log.Kind, payload []byte) (log.Position, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.position++
	ev := log.Event{Position: d.position, View: 1, Kind: kind, Payload: payload}
	ev.Hash = sha256.Sum256(append(binary.BigEndian.AppendUint64(d.hash[:], uint64(ev.Position)), payload...))
	d.hash = ev.Hash
	return ev.Position, d.proj.Apply([]log.Event{ev})
}

// session is one connection. Statements run in transactions of their own unless begin was called.
type session struct {
	d        *db
	back     *txn.Backend
	tx       *txn.Txn
	deferred *exec.DeferredChecks
	explicit bool
	env      functions.Env
	ctx      context.Context
	saves    map[string]savepoint
	inst     bool
	stats    []exec.NodeStats
}

type savepoint struct {
	mark txn.Savepoint
	def  exec.DeferredMark
}

func (d *db) session() *session {
	d.pid++
	s := &session{d: d, ctx: context.Background(), back: d.mgr.NewBackend(txn.BackendInfo{PID: d.pid, Database: catalog.PostgresOID}), saves: map[string]savepoint{}}
	s.env = functions.Env{IO: d.io(), Catalog: d.cat, Session: &fakeSession{s: s}, Arena: &types.Arena{}}
	return s
}

func (d *db) io() *types.Ctx {
	io := *types.DefaultCtx
	io.Types = d.cat
	io.Reg = regs{d.cat}
	io.TimeZone, io.TimeZoneName = time.UTC, "UTC"
	return &io
}

// fakeSession answers what functions ask of a session here.
type fakeSession struct {
	functions.Session
	s *session
}

func (f *fakeSession) Context() context.Context { return f.s.ctx }
func (f *fakeSession) CurrentUser() types.OID   { return catalog.SuperuserOID }
func (f *fakeSession) SessionUser() types.OID   { return catalog.SuperuserOID }
func (f *fakeSession) DatabaseName() string     { return "exec_ref" }
func (f *fakeSession) DatabaseOID() types.OID   { return catalog.PostgresOID }
func (f *fakeSession) TxTime() int64            { return 700_000_000_000_000 }
func (f *fakeSession) StatementTime() int64     { return 700_000_000_000_000 }
func (f *fakeSession) Random() float64          { return 0.5 }
func (f *fakeSession) SearchPath(bool) []types.OID {
	return []types.OID{catalog.PgCatalogOID, catalog.PublicSchemaOID}
}
func (f *fakeSession) TempSchema() types.OID { return 0 }
func (f *fakeSession) Notice(*pgerr.Error)   {}
func (f *fakeSession) NextVal(seq types.OID) (int64, error) {
	f.s.d.seqs[seq]++
	return f.s.d.seqs[seq], nil
}
func (f *fakeSession) Deparse(string, types.OID, int, string, bool) (string, bool, error) {
	return "lower(v)", true, nil
}

// begin starts a transaction block.
func (s *session) begin(iso txn.Isolation) {
	s.tx = s.back.Begin(txn.TxnOptions{Isolation: iso})
	s.deferred = exec.NewDeferredChecks()
	s.explicit = true
}

func (s *session) execContext() *exec.Context {
	return &exec.Context{Ctx: s.ctx, Env: &s.env, Txn: s.tx, Catalog: s.d.cat, WorkMem: s.d.workMem, Deferred: s.deferred, Instrument: s.inst}
}

func (s *session) commit() error {
	tx := s.tx
	err := s.deferred.RunAll(s.execContext())
	s.tx, s.explicit = nil, false
	if err != nil {
		tx.Rollback()
		return err
	}
	_, err = tx.Commit(s.ctx)
	return err
}

func (s *session) rollback() {
	s.tx.Rollback()
	s.tx, s.explicit = nil, false
}

// exec runs the statements of a script and returns the rows of the last one as text, and its count.
func (s *session) exec(sql string) (rows [][]string, affected int64, err error) {
	stmts, err := parser.Parse(sql)
	if err != nil {
		return nil, 0, err
	}
	for i := range stmts {
		if rows, affected, err = s.statement(&stmts[i]); err != nil {
			return nil, 0, err
		}
	}
	return rows, affected, nil
}

func (s *session) statement(st *parser.Stmt) (rows [][]string, affected int64, err error) {
	switch n := st.Raw.Node.(type) {
	case *pg.Node_TransactionStmt:
		return nil, 0, s.transaction(n.TransactionStmt)
	case *pg.Node_ConstraintsSetStmt:
		if n.ConstraintsSetStmt.Deferred {
			s.deferred.SetDeferred(nil)
			return nil, 0, nil
		}
		return nil, 0, s.deferred.SetImmediate(s.execContext(), nil)
	case *pg.Node_SelectStmt, *pg.Node_InsertStmt, *pg.Node_UpdateStmt, *pg.Node_DeleteStmt, *pg.Node_MergeStmt:
	default:
		return nil, 0, s.d.ddl(s, st)
	}
	if !s.explicit {
		s.begin(txn.ReadCommitted)
		s.explicit = false
		defer func() {
			if err != nil {
				s.rollback()
			} else {
				err = s.commit()
			}
		}()
	}
	p, err := s.prepare(st)
	if err != nil {
		return nil, 0, err
	}
	return s.run(p, nil)
}

func (s *session) transaction(n *pg.TransactionStmt) error {
	switch n.Kind {
	case pg.TransactionStmtKind_TRANS_STMT_BEGIN:
		iso := txn.ReadCommitted
		if len(n.Options) > 0 {
			iso = txn.RepeatableRead
		}
		s.begin(iso)
	case pg.TransactionStmtKind_TRANS_STMT_COMMIT:
		if s.tx == nil { // it failed before
			return nil
		}
		return s.commit()
	case pg.TransactionStmtKind_TRANS_STMT_ROLLBACK:
		s.rollback()
	case pg.TransactionStmtKind_TRANS_STMT_SAVEPOINT:
		s.saves[n.SavepointName] = savepoint{s.tx.Savepoint(), s.deferred.Mark()}
	case pg.TransactionStmtKind_TRANS_STMT_ROLLBACK_TO:
		sp := s.saves[n.SavepointName]
		s.tx.RollbackTo(sp.mark)
		s.deferred.RollbackTo(sp.def)
	}
	return nil
}

func (s *session) prepare(st *parser.Stmt) (*exec.Prepared, error) {
	q, _, err := analyze.Analyze(s.d.analyzeEnv(), st, nil)
	if err != nil {
		return nil, err
	}
	env := &planner.Env{
		Catalog: s.d.cat, Settings: s.d.settings, IsVirtual: func(types.OID) bool { return false },
		Fold:      func(e tree.Expr) (types.Datum, error) { return exec.EvalConst(&s.env, e) },
		TableSize: func(rel types.OID) (float64, float64) { return float64(s.d.rows(rel)), 0 },
	}
	p, err := planner.Plan(env, q)
	if err != nil {
		return nil, err
	}
	return exec.Compile(p, s.d.cat)
}

func (d *db) rows(rel types.OID) int64 {
	def := d.cat.TableDef(rel)
	if def == nil {
		return -1
	}
	return d.store.RowCount(def.Storage)
}

func (s *session) run(p *exec.Prepared, params []types.Datum) (rows [][]string, affected int64, err error) {
	r, err := p.Run(s.execContext(), params)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = r.Close() }()
	cols := p.Columns()
	for {
		b, err := r.Next()
		if err != nil {
			return nil, 0, err
		}
		if b == nil {
			s.stats = r.Stats()
			return rows, r.Affected(), nil
		}
		for i := range b.Rows() {
			var row []string
			for k, c := range cols {
				v := b.Cols[k].Datum(b.Row(i))
				if v.Null {
					row = append(row, "∅")
				} else {
					row = append(row, types.Text(s.env.IO, c.T, v))
				}
			}
			rows = append(rows, row)
		}
	}
}

func (d *db) analyzeEnv() *analyze.Env {
	return &analyze.Env{Catalog: d.cat, IO: d.io(), SearchPath: []types.OID{catalog.PgCatalogOID, catalog.PublicSchemaOID}, ParamVariable: true, User: catalog.SuperuserOID}
}

// regs resolves the names of relations and types.
type regs struct{ cat catalog.Reader }

func (r regs) RegIn(typ types.OID, text string) (types.OID, error) {
	switch typ {
	case types.OIDRegclass:
		if rel := r.cat.RelationByName(catalog.PublicSchemaOID, text); rel != nil {
			return rel.OID, nil
		}
	case types.OIDRegtype:
		if t := types.BuiltinByName(text); t != nil {
			return t.OID, nil
		}
	}
	return 0, pgerr.Newf(pgerr.UndefinedTable, "relation \"%s\" does not exist", text)
}

func (r regs) RegOut(_, oid types.OID) string {
	if rel := r.cat.Relation(oid); rel != nil {
		return rel.Name
	}
	return fmt.Sprint(oid)
}

// must runs a script that has to succeed.
func (s *session) must(sql string) [][]string {
	s.d.t.Helper()
	rows, _, err := s.exec(sql)
	if err != nil {
		s.d.t.Fatalf("%s: %s", sql, describe(err))
	}
	return rows
}

// describe prints an error with its fields.
func describe(err error) string {
	e := pgerr.From(err)
	out := "ERROR " + e.Code + ": " + e.Message
	if e.Detail != "" {
		out += "\nDETAIL: " + e.Detail
	}
	if e.Hint != "" {
		out += "\nHINT: " + e.Hint
	}
	for _, f := range [][2]string{{"schema", e.Schema}, {"table", e.Table}, {"column", e.Column}, {"datatype", e.DataType}, {"constraint", e.Constraint}} {
		if f[1] != "" {
			out += "\n" + f[0] + "=" + f[1]
		}
	}
	return out
}

func table(rows [][]string) string {
	var b strings.Builder
	for _, r := range rows {
		b.WriteString(strings.Join(r, "|") + "\n")
	}
	return b.String()
}
