package session

import (
	"strings"
	"time"

	"kimberlite/exec"
	"kimberlite/exec/plan"
	"kimberlite/planner"
	"kimberlite/sql/analyze"
	"kimberlite/sql/catalog"
	"kimberlite/sql/ddl"
	"kimberlite/sql/parser"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
	"kimberlite/txn"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// runUtility runs a statement that is not planned. simple says that rows are announced (simple protocol).
func (s *Session) runUtility(sql string, stmt *parser.Stmt, params []types.Datum, simple bool) error {
	started := time.Now()
	if n, ok := stmt.Raw.Node.(*pg.Node_TransactionStmt); ok {
		if err := s.runTransaction(n.TransactionStmt); err != nil {
			return err
		}
		s.countUtility(stmt, started, "")
		return nil
	}
	s.ensure()
	if !simple && !s.tx.block {
		s.tx.implicit = true
	}
	u := &utility{s: s, sql: sql, stmt: stmt, params: params, simple: simple}
	tag, err := u.run()
	if err != nil {
		return err
	}
	if s.tx != nil {
		if err := s.afterStatement(); err != nil {
			return err
		}
	}
	if tag != "" {
		// The tag is sent after an implicit transaction has committed: an error then is the statement's.
		if err := s.finish(); err != nil {
			return err
		}
		s.countUtility(stmt, started, tag)
		s.w.CommandComplete(tag)
		return nil
	}
	if err := s.finish(); err != nil {
		return err
	}
	s.countUtility(stmt, started, "")
	return nil
}

// utility is one utility statement at work. run returns its tag, "" when it has written that itself.
type utility struct {
	s      *Session
	sql    string
	stmt   *parser.Stmt
	params []types.Datum
	simple bool
	in     *analyze.FunctionCall // the function whose body the statement is in
}

func (u *utility) run() (string, error) {
	s := u.s
	switch n := u.stmt.Raw.Node.(type) {
	case *pg.Node_VariableSetStmt:
		return s.runSet(n.VariableSetStmt)
	case *pg.Node_VariableShowStmt:
		return "", u.show(n.VariableShowStmt.Name)
	case *pg.Node_DiscardStmt:
		return u.discard(n.DiscardStmt)
	case *pg.Node_PrepareStmt:
		return u.prepare(n.PrepareStmt)
	case *pg.Node_ExecuteStmt:
		return "", u.execute(n.ExecuteStmt)
	case *pg.Node_DeallocateStmt:
		return u.deallocate(n.DeallocateStmt)
	case *pg.Node_DeclareCursorStmt:
		return u.declare(n.DeclareCursorStmt)
	case *pg.Node_FetchStmt:
		return u.fetch(n.FetchStmt)
	case *pg.Node_ClosePortalStmt:
		return u.closeCursor(n.ClosePortalStmt)
	case *pg.Node_CopyStmt:
		return u.copy(n.CopyStmt)
	case *pg.Node_ExplainStmt:
		return "", u.explain(n.ExplainStmt)
	case *pg.Node_ListenStmt:
		s.listenLater(n.ListenStmt.Conditionname)
		return "LISTEN", nil
	case *pg.Node_UnlistenStmt:
		s.unlistenLater(n.UnlistenStmt.Conditionname)
		return "UNLISTEN", nil
	case *pg.Node_NotifyStmt:
		return "NOTIFY", s.Notify(n.NotifyStmt.Conditionname, n.NotifyStmt.Payload)
	case *pg.Node_LockStmt:
		return "LOCK TABLE", u.lock(n.LockStmt)
	case *pg.Node_CheckPointStmt:
		return "CHECKPOINT", s.e.opts.Store.Flush()
	case *pg.Node_ConstraintsSetStmt:
		return "SET CONSTRAINTS", u.setConstraints(n.ConstraintsSetStmt)
	case *pg.Node_LoadStmt:
		return "", pgerr.Unsupported("LOAD", "Kimberlite loads no libraries.")
	case *pg.Node_DoStmt:
		return "", pgerr.Unsupported("DO", "Procedural languages are not available; run the statements from the client.")
	case *pg.Node_CallStmt:
		return "CALL", u.call(n.CallStmt.Funccall)
	}
	return u.define()
}

// define hands a definition statement to package ddl.
func (u *utility) define() (string, error) {
	s := u.s
	if what := ddl.NeedsNoBlock(u.stmt.Raw); what != "" {
		if err := s.preventBlock(what); err != nil {
			return "", err
		}
	}
	return u.defineIn(u.ddlEnv(s.overlay()), u.stmt.Raw)
}

func (u *utility) defineIn(env *ddl.Env, stmt *pg.Node) (string, error) {
	s := u.s
	if s.e.opts.Leading != nil && !s.e.opts.Leading() {
		return "", pgerr.New(pgerr.ReadOnlySqlTransaction, "No leader elected").WithHint("This node does not accept writes now; see /status.")
	}
	if s.tx.tx.Options().ReadOnly {
		return "", pgerr.Newf(pgerr.ReadOnlySqlTransaction, "cannot execute %s in a read-only transaction", ddl.CommandName(stmt))
	}
	s.refresh()
	tag, handled, err := ddl.Run(env, stmt)
	if err != nil {
		return "", err
	}
	if !handled {
		return "", pgerr.Unsupported("this statement", "See the documentation for the statements that Kimberlite supports.")
	}
	s.set.epoch++ // names may resolve otherwise now
	return tag, nil
}

func (u *utility) ddlEnv(ov *catalog.Overlay) *ddl.Env {
	s := u.s
	env := s.analyzeEnv()
	env.Catalog = ov
	return &ddl.Env{
		Ctx: s.ctx, Analyze: env, Overlay: ov, Txn: s.tx.tx, User: s.role, Super: s.super, Database: s.db, TempSchema: s.tempSchema,
		Notice: s.notice, Text: u.sql, AsOf: u.stmt.AsOf,
		NewOID:        func() (types.OID, error) { return s.e.opts.Manager.NewOID(s.ctx) },
		Run:           s.runQuery,
		Prepared:      u.preparedQuery,
		RunSQL:        s.runSQL,
		Deparse:       s.deparseExpr,
		CheckBodies:   s.set.str("check_function_bodies") == "on",
		DatabaseInUse: func(db types.OID) int { return s.e.databaseInUse(db, s) },
		EvictDatabase: s.evictDatabase,
		Analyzing:     s.analyzing,
		SetOnCommit:   s.setOnCommit,
	}
}

// planDefined plans a query of a definition statement and takes its locks.
func (s *Session) planDefined(q *tree.Query) (*plan.Plan, error) {
	s.refresh()
	p, err := planner.Plan(s.plannerEnv(), q)
	if err != nil {
		return nil, err
	}
	if err := s.lockRelations(p); err != nil {
		return nil, err
	}
	s.refresh()
	return p, nil
}

// runQuery plans and runs an analyzed query in the current transaction: what definition statements need.
func (s *Session) runQuery(q *tree.Query, row func([]types.Datum) error) (int64, error) {
	p, err := s.planDefined(q)
	if err != nil {
		return 0, err
	}
	return s.runPlan(p, s.execContext(), nil, row, nil)
}

// runPlan runs a plan and calls row for each of its rows; stats, when given, gets the counters that ctx asks for.
func (s *Session) runPlan(p *plan.Plan, ctx *exec.Context, params []types.Datum, row func([]types.Datum) error, stats *[]exec.NodeStats) (int64, error) {
	c, err := exec.Compile(p, s.reader())
	if err != nil {
		return 0, err
	}
	rows, err := c.Run(ctx, params)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	n, err := eachRow(rows, len(p.Columns), row)
	if err != nil {
		return n, err
	}
	if stats != nil {
		*stats = rows.Stats()
	}
	if err := rows.Close(); err != nil {
		return n, err
	}
	if p.Cmd != tree.CmdSelect {
		n = rows.Affected()
	}
	return n, nil
}

// eachRow calls row, unless it is nil, for each row of a result, and counts them.
func eachRow(rows *exec.Rows, cols int, row func([]types.Datum) error) (n int64, err error) {
	buf := make([]types.Datum, cols)
	for {
		b, err := rows.Next()
		if err != nil || b == nil {
			return n, err
		}
		for i := 0; i < b.Rows(); i++ {
			n++
			if row == nil {
				continue
			}
			for k := range buf {
				buf[k] = b.Cols[k].Datum(b.Row(i))
			}
			if err := row(buf); err != nil {
				return n, err
			}
		}
	}
}

// runSQL runs a statement of our own making.
func (s *Session) runSQL(sql string, params []types.Datum, paramTypes []types.OID, row func([]types.Datum) error) (int64, error) {
	stmts, err := parser.Parse(sql)
	if err != nil {
		return 0, err
	}
	q, _, err := analyze.Analyze(s.analyzeEnv(), &stmts[0], paramTypes)
	if err != nil {
		return 0, err
	}
	p, err := planner.Plan(s.plannerEnv(), q)
	if err != nil {
		return 0, err
	}
	return s.runPlan(p, s.execContext(), params, row, nil)
}

// runTransaction runs BEGIN, COMMIT and the rest of their family.
func (s *Session) runTransaction(n *pg.TransactionStmt) error {
	tag, err := s.transactionStmt(n)
	if err != nil {
		return err
	}
	s.w.CommandComplete(tag)
	return nil
}

func (s *Session) transactionStmt(n *pg.TransactionStmt) (string, error) {
	switch n.Kind {
	case pg.TransactionStmtKind_TRANS_STMT_BEGIN, pg.TransactionStmtKind_TRANS_STMT_START:
		modes, err := s.parseModes(n.Options)
		if err != nil {
			return "", err
		}
		tag := "BEGIN"
		if n.Kind == pg.TransactionStmtKind_TRANS_STMT_START {
			tag = "START TRANSACTION"
		}
		return tag, s.beginBlock(modes)
	case pg.TransactionStmtKind_TRANS_STMT_COMMIT:
		return s.commitBlock(n.Chain)
	case pg.TransactionStmtKind_TRANS_STMT_ROLLBACK:
		return "ROLLBACK", s.rollbackBlock(n.Chain)
	case pg.TransactionStmtKind_TRANS_STMT_SAVEPOINT:
		return "SAVEPOINT", s.defineSavepoint(n.SavepointName)
	case pg.TransactionStmtKind_TRANS_STMT_RELEASE:
		return "RELEASE", s.releaseSavepoint(n.SavepointName)
	case pg.TransactionStmtKind_TRANS_STMT_ROLLBACK_TO:
		return "ROLLBACK", s.rollbackTo(n.SavepointName)
	}
	return "", pgerr.Unsupported("two-phase commit", "Use a single transaction; prepared transactions are not available.")
}

// parseModes reads the modes of BEGIN and SET TRANSACTION.
func (s *Session) parseModes(options []*pg.Node) (txModes, error) {
	var m txModes
	for _, o := range options {
		d := o.GetDefElem()
		if d == nil {
			continue
		}
		switch d.Defname {
		case "transaction_isolation":
			m.isolation = constString(d.Arg)
		case "transaction_read_only":
			b := constInt(d.Arg) != 0
			m.readOnly = &b
		case "transaction_deferrable":
			b := constInt(d.Arg) != 0
			m.deferrable = &b
		}
	}
	return m, nil
}

func constString(n *pg.Node) string {
	if n == nil {
		return ""
	}
	if c := n.GetAConst(); c != nil {
		switch v := c.Val.(type) {
		case *pg.A_Const_Sval:
			return v.Sval.Sval
		case *pg.A_Const_Ival:
			return itoa(int(v.Ival.Ival))
		case *pg.A_Const_Fval:
			return v.Fval.Fval
		case *pg.A_Const_Boolval:
			return onOff(v.Boolval.Boolval)
		}
	}
	if v := n.GetString_(); v != nil {
		return v.Sval
	}
	if t := n.GetTypeName(); t != nil && len(t.Names) > 0 {
		return t.Names[len(t.Names)-1].GetString_().GetSval()
	}
	if v := n.GetInteger(); v != nil {
		return itoa(int(v.Ival))
	}
	if v := n.GetFloat(); v != nil {
		return v.Fval
	}
	if v := n.GetBoolean(); v != nil {
		return onOff(v.Boolval)
	}
	return ""
}

func constInt(n *pg.Node) int64 {
	if c := n.GetAConst(); c != nil {
		if i := c.GetIval(); i != nil {
			return int64(i.Ival)
		}
		if b := c.GetBoolval(); b != nil && b.Boolval {
			return 1
		}
	}
	if i := n.GetInteger(); i != nil {
		return int64(i.Ival)
	}
	if b := n.GetBoolean(); b != nil && b.Boolval {
		return 1
	}
	return 0
}

// lock is LOCK TABLE.
func (u *utility) lock(n *pg.LockStmt) error {
	s := u.s
	if err := s.requireBlock("LOCK TABLE"); err != nil {
		return err
	}
	env := s.analyzeEnv()
	for _, r := range n.Relations {
		rel, err := analyze.ResolveRelation(env, r.GetRangeVar())
		if err != nil {
			return err
		}
		if rel.RelKind != 'r' && rel.RelKind != 'v' && rel.RelKind != 'p' {
			return pgerr.Newf(pgerr.WrongObjectType, "cannot lock relation %q", rel.Name)
		}
		wait := txn.WaitBlock
		if n.Nowait {
			wait = txn.WaitError
		}
		if _, err := s.tx.tx.Lock(s.ctx, s.db, rel.OID, txn.TableLockMode(n.Mode), wait); err != nil {
			if pgerr.Is(err, pgerr.LockNotAvailable) {
				return pgerr.Newf(pgerr.LockNotAvailable, "could not obtain lock on relation %q", rel.Name)
			}
			return s.lockError(err)
		}
	}
	return nil
}

// setConstraints is SET CONSTRAINTS { ALL | names } { DEFERRED | IMMEDIATE }.
func (u *utility) setConstraints(n *pg.ConstraintsSetStmt) error {
	s := u.s
	if err := s.requireBlock("SET CONSTRAINTS"); err != nil {
		s.notice(pgerr.Warn(pgerr.NoActiveSqlTransaction, "SET CONSTRAINTS can only be used in transaction blocks"))
		return nil
	}
	var oids []types.OID
	for _, r := range n.Constraints {
		rv := r.GetRangeVar()
		found, err := s.findConstraints(rv.Schemaname, rv.Relname)
		if err != nil {
			return err
		}
		oids = append(oids, found...)
	}
	if !n.Deferred {
		return s.tx.deferred.SetImmediate(s.execContext(), oids)
	}
	s.tx.deferred.SetDeferred(oids)
	return nil
}

func (s *Session) findConstraints(schema, name string) ([]types.OID, error) {
	r := s.reader()
	path := s.searchPath(r)
	if schema != "" {
		sc := r.SchemaByName(schema)
		if sc == nil {
			return nil, pgerr.Newf(pgerr.InvalidSchemaName, "schema %q does not exist", schema)
		}
		path = []types.OID{sc.OID}
	}
	var out []types.OID
	for _, ns := range path {
		for _, rel := range r.Relations(ns) {
			for i := range rel.Constraints {
				c := &rel.Constraints[i]
				if c.Name != name {
					continue
				}
				if !c.Deferrable {
					return nil, pgerr.Newf(pgerr.WrongObjectType, "constraint %q is not deferrable", name)
				}
				out = append(out, c.OID)
			}
		}
		if len(out) > 0 {
			return out, nil
		}
	}
	return nil, pgerr.Newf(pgerr.UndefinedObject, "constraint %q does not exist", name)
}

// discard is DISCARD { ALL | PLANS | SEQUENCES | TEMP }.
func (u *utility) discard(n *pg.DiscardStmt) (string, error) {
	s := u.s
	switch n.Target {
	case pg.DiscardMode_DISCARD_PLANS:
		s.cached = nil
		return "DISCARD PLANS", nil
	case pg.DiscardMode_DISCARD_SEQUENCES:
		s.seqs, s.lastSeq = nil, 0
		return "DISCARD SEQUENCES", nil
	case pg.DiscardMode_DISCARD_TEMP:
		return "DISCARD TEMP", s.discardTemp()
	}
	if err := s.preventBlock("DISCARD ALL"); err != nil {
		return "", err
	}
	s.closePortals(func(*portal) bool { return true })
	s.resetAuthorization()
	s.resetAll()
	clear(s.prepared)
	s.cached = nil
	s.unlistenLater("")
	s.backend.AdvisoryUnlockAll()
	s.seqs, s.lastSeq = nil, 0
	return "DISCARD ALL", s.discardTemp()
}

// describeUtility finds the parameters and the columns of a utility statement that returns rows, for Describe.
func (s *Session) describeUtility(st *statement, paramTypes []types.OID, variable bool) error {
	text := func(names ...string) {
		for _, n := range names {
			st.cols = append(st.cols, textColumn(n))
		}
		st.rows = true
	}
	switch n := st.stmt.Raw.Node.(type) {
	case *pg.Node_VariableShowStmt:
		s.derive()
		if strings.EqualFold(n.VariableShowStmt.Name, "all") {
			text("name", "setting", "description")
			return nil
		}
		name := n.VariableShowStmt.Name
		if g := findGUC(name); g != nil {
			name = g.Name
		}
		text(name)
	case *pg.Node_ExplainStmt:
		text("QUERY PLAN")
		q, params, err := analyze.AnalyzeNode(s.analyzeEnv(), n.ExplainStmt.Query, st.stmt.AsOf, paramTypes)
		_ = q
		if err == nil {
			st.params = params
		}
	case *pg.Node_ExecuteStmt:
		if p := s.prepared[n.ExecuteStmt.Name]; p != nil && p.st != nil {
			st.cols, st.rows = p.st.cols, p.st.rows
		}
	case *pg.Node_FetchStmt:
		if p := s.portals[n.FetchStmt.Portalname]; p != nil && !n.FetchStmt.Ismove {
			st.cols, st.rows = p.cols, true
		}
	}
	return nil
}
