package session

import (
	"context"
	"errors"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"

	"kimberlite/exec"
	"kimberlite/pgwire"
	"kimberlite/sql/catalog"
	"kimberlite/sql/parser"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// SimpleQuery implements pgwire.Session.
func (s *Session) SimpleQuery(ctx context.Context, sql string, w pgwire.Writer) error {
	s.begin(ctx, w)
	s.setState("active", sql)
	if done, err := s.fastQuery(sql); done {
		return s.settle(sql, err)
	}
	stmts, err := parser.Parse(sql)
	if err != nil {
		if s.tx != nil && s.tx.block && s.tx.failed {
			return s.settle(sql, err)
		}
		return s.settle(sql, err)
	}
	if len(stmts) == 0 {
		w.EmptyQuery()
		return nil
	}
	return s.settle(sql, s.runStatements(sql, stmts))
}

// runStatements runs the statements of a simple query: more than one share an implicit transaction.
func (s *Session) runStatements(sql string, stmts []parser.Stmt) error {
	for i := range stmts {
		if err := s.allowed(stmts[i].Raw); err != nil {
			return err
		}
		if len(stmts) > 1 && (s.tx == nil || !s.tx.block) && !isTransactionStmt(stmts[i].Raw) {
			s.ensure()
			s.tx.implicit = true
		}
		if err := s.runOne(sql, &stmts[i]); err != nil {
			return err
		}
	}
	if s.tx != nil && !s.tx.block {
		s.tx.implicit = false
		return s.commit()
	}
	return nil
}

// runOne runs one statement of a simple query that wasn't in the plan cache.
func (s *Session) runOne(sql string, stmt *parser.Stmt) error {
	timer := s.startTimer()
	defer timer.stop()
	if isUtility(stmt.Raw) {
		return s.runUtility(sql, stmt, nil, true)
	}
	s.ensure()
	st, err := s.analyze(sql, stmt, nil, false)
	if err != nil {
		return err
	}
	c := &compiled{st: st}
	if err := s.execute(c, nil, nil, true); err != nil {
		return err
	}
	return s.finish()
}

// fastQuery runs a statement whose text without literals has been seen before. done is false when it has to take the long way.
func (s *Session) fastQuery(sql string) (done bool, err error) {
	if s.tx != nil && (s.tx.failed || s.tx.implicit) {
		return false, nil
	}
	norm, ok := s.norm.Normalize(sql)
	if !ok {
		return false, nil
	}
	text, lits := norm.Text, norm.Params
	c := s.cached.get(text)
	if c == nil || c.inUse || c.types != literalTypes(lits) {
		c, err = s.lookupShared(string(text), lits)
		if err != nil || c == nil {
			return false, nil // the long way gives the error with the text's own positions
		}
	}
	timer := s.startTimer()
	defer timer.stop()
	s.ensure()
	s.refresh()
	if !s.current(c.st) {
		delete(s.cached.byText, string(text))
		if c, err = s.lookupShared(string(text), lits); err != nil || c == nil {
			if s.tx != nil && !s.tx.block {
				s.rollback()
			}
			return false, nil
		}
	}
	params, more, err := s.literalParams(c.st, &norm)
	if err != nil || len(more) > 0 && !exec.TakesRows(c.st.plan) {
		if s.tx != nil && !s.tx.block {
			s.rollback()
		}
		return false, nil
	}
	if err := s.executeRows(c, params, more, norm.PerRow); err != nil {
		return true, err
	}
	return true, s.finish()
}

// lookupShared finds or makes the plan of a normalised text.
func (s *Session) lookupShared(text string, lits []parser.Literal) (*compiled, error) {
	key := planKey{db: s.db, role: s.role, text: text, types: literalTypes(lits), path: s.set.often().searchPath, input: s.derive().input}
	st := s.e.plans.get(key)
	if st == nil || !s.current(st) {
		stmts, err := parser.Parse(text)
		if err != nil || len(stmts) != 1 || isUtility(stmts[0].Raw) {
			return nil, err
		}
		given := make([]types.OID, len(lits))
		for i, l := range lits {
			switch l.Kind {
			case parser.LiteralInt4:
				given[i] = types.OIDInt4
			case parser.LiteralInt8:
				given[i] = types.OIDInt8
			case parser.LiteralNumeric:
				given[i] = types.OIDNumeric
			}
		}
		st, err = s.analyze(text, &stmts[0], given, true)
		if err != nil {
			return nil, err
		}
		if st.cacheable {
			s.e.plans.put(key, st)
		}
	}
	c := &compiled{st: st, types: key.types}
	s.remember(text, c)
	return c, nil
}

// literalParams converts a statement's literals to its parameters: those of the first row, and of further ones.
func (s *Session) literalParams(st *statement, norm *parser.Normalized) (params, more []types.Datum, err error) {
	if len(norm.Params) == 0 {
		return nil, nil, nil
	}
	if len(st.params) < len(norm.Params) {
		return nil, nil, pgerr.Internal("a literal has no parameter")
	}
	params = make([]types.Datum, len(norm.Params))
	for i := range params {
		if params[i], err = s.literal(st.params[i], &norm.Params[i]); err != nil {
			return nil, nil, err
		}
	}
	if len(norm.More) > 0 {
		more = make([]types.Datum, len(norm.More))
	}
	for col := 0; col < norm.PerRow; col++ {
		in, err := types.TextIn(s.drv.io, types.Of(st.params[col]))
		if err != nil {
			return nil, nil, err
		}
		for i := col; i < len(more); i += norm.PerRow {
			switch l := &norm.More[i]; {
			case l.Null:
				more[i], err = types.NullDatum, types.CheckNull(s.drv.io, types.Of(st.params[col]))
			default:
				more[i], err = in(l.Text)
			}
			if err != nil {
				return nil, nil, err
			}
		}
	}
	return params, more, nil
}

// literal converts one literal.
func (s *Session) literal(t types.OID, l *parser.Literal) (types.Datum, error) {
	if l.Null {
		return types.NullDatum, types.CheckNull(s.drv.io, types.Of(t))
	}
	return types.In(s.drv.io, types.Of(t), l.Text)
}

// settle turns the end of a call into the session's state: after an error the transaction fails; statistics and the log are fed.
func (s *Session) settle(sql string, err error) error {
	if err == nil {
		s.logSlow(sql)
		return nil
	}
	return s.failed_(sql, err)
}

// failed_ marks the transaction and completes the error.
func (s *Session) failed_(sql string, err error) error {
	if s.ctx != nil && s.ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, s.ctx.Err()) || errors.Is(err, context.DeadlineExceeded)) {
		if c := pgwire.Cause(s.ctx); c != nil {
			err = c
		}
	}
	e := pgerr.From(err)
	if e.Position > 0 && sql != "" {
		c := *e
		c.Position = charPosition(sql, e.Position)
		e = &c
	}
	if e.Code == pgerr.InternalError {
		s.e.opts.Logger.Error("internal error", zap.Int32("pid", s.info.PID), zap.String("query", clip(sql)), zap.Error(err), zap.NamedError("cause", e.Unwrap()))
	}
	if e.Code == pgerr.DeadlockDetected {
		s.e.stats.db(s.db).deadlocks.Add(1)
	}
	s.fail()
	return e
}

// charPosition turns a 1-based byte position into characters.
func charPosition(sql string, pos int) int {
	if pos-1 > len(sql) {
		pos = len(sql) + 1
	}
	return utf8.RuneCountInString(sql[:pos-1]) + 1
}

func clip(sql string) string { return clipTo(sql, queryTextMax) }

// clipTo cuts a text to at most so many bytes, between characters.
func clipTo(text string, max int) string {
	if len(text) <= max {
		return text
	}
	for max > 0 && !utf8.RuneStart(text[max]) {
		max--
	}
	return text[:max]
}

// logSlow writes statements slower than log_min_duration_statement.
func (s *Session) logSlow(sql string) {
	ms := s.set.often().logMinDuration
	took := nowMicros() - s.stmtAt
	s.e.stats.queryTime(s.db, took)
	if ms < 0 || float64(took)/1000 < ms {
		return
	}
	s.e.opts.Logger.Info("slow statement", zap.Float64("query_duration_ms", float64(took)/1000), zap.String("query", clip(sql)), zap.Int32("pid", s.info.PID),
		zap.String("database", s.dbName))
}

// timer cancels the running statement after statement_timeout.
type timer struct {
	t      *time.Timer
	cancel context.CancelCauseFunc
	s      *Session
	prev   context.Context
}

func (s *Session) startTimer() timer {
	d := s.set.often().statementTimeout
	if d <= 0 {
		return timer{}
	}
	ctx, cancel := context.WithCancelCause(s.ctx)
	t := timer{cancel: cancel, s: s, prev: s.ctx}
	t.t = time.AfterFunc(d, func() { cancel(pgerr.New(pgerr.QueryCanceled, "canceling statement due to statement timeout")) })
	s.ctx = ctx
	return t
}

func (t timer) stop() {
	if t.t == nil {
		return
	}
	t.t.Stop()
	t.s.ctx = timedOut{t.prev, t.s.ctx}
	t.cancel(nil)
}

// timedOut is the outer context that still remembers why the inner one ended, for the error's text.
type timedOut struct {
	context.Context
	inner context.Context
}

func (c timedOut) Err() error {
	if err := c.Context.Err(); err != nil {
		return err
	}
	if e, ok := context.Cause(c.inner).(*pgerr.Error); ok && e != nil {
		return e
	}
	return nil
}

// execute runs a planned statement and writes its results and its tag.
func (s *Session) execute(c *compiled, params []types.Datum, formats []int16, describe bool) error {
	started := time.Now()
	rows, err := s.open(c, params)
	if err != nil {
		return err
	}
	return s.finishRows(c, rows, started, formats, describe)
}

// executeRows is execute for a statement with several rows of parameters.
func (s *Session) executeRows(c *compiled, params, more []types.Datum, perRow int) error {
	started := time.Now()
	if err := s.prepareOpen(c); err != nil {
		return err
	}
	if len(more) > 0 && !exec.TakesRows(c.st.plan) {
		return pgerr.Internal("the plan of an INSERT changed its kind while its table was waited for")
	}
	rows, err := c.exec.RunRows(s.execContext(), params, more, perRow)
	if err != nil {
		return err
	}
	return s.finishRows(c, rows, started, nil, true)
}

// finishRows writes the results and the tag of a statement that has been opened.
func (s *Session) finishRows(c *compiled, rows *exec.Rows, started time.Time, formats []int16, describe bool) error {
	n, err := s.writeRows(c.st, rows, formats, describe)
	if cerr := rows.Close(); err == nil {
		err = cerr
	}
	c.inUse = false
	if err != nil {
		return err
	}
	if err := s.afterStatement(); err != nil {
		return err
	}
	if !c.st.rows || c.st.prefix != "SELECT" {
		n = rows.Affected()
	}
	s.count(c.st, time.Since(started), n)
	s.w.CommandCompleteRows(c.st.prefix, n)
	return nil
}

// open starts a planned statement.
func (s *Session) open(c *compiled, params []types.Datum) (*exec.Rows, error) {
	if err := s.prepareOpen(c); err != nil {
		return nil, err
	}
	return c.exec.Run(s.execContext(), params)
}

// prepareOpen locks what the statement touches and compiles it.
func (s *Session) prepareOpen(c *compiled) error {
	if err := s.writable(c.st); err != nil {
		return err
	}
	if err := s.lockRelations(c.st.plan); err != nil {
		return err
	}
	s.refresh()
	if c.st.version != s.reader().Version() {
		next, err := s.replan(c.st)
		if err != nil {
			return err
		}
		c.st, c.exec = next, nil
	}
	if c.exec == nil {
		p, err := exec.Compile(c.st.plan, s.reader())
		if err != nil {
			return err
		}
		c.exec = p
	}
	c.inUse = true
	return nil
}

// writable refuses changes in a read-only transaction and on a node that doesn't lead.
func (s *Session) writable(st *statement) error {
	if st.plan.ReadOnly {
		return nil
	}
	if s.tx.tx.Options().ReadOnly && s.changesPermanent(st) {
		return pgerr.Newf(pgerr.ReadOnlySqlTransaction, "cannot execute %s in a read-only transaction", commandName(st))
	}
	if s.e.opts.Leading != nil && !s.e.opts.Leading() {
		return pgerr.New(pgerr.ReadOnlySqlTransaction, "No leader elected").WithHint("This node does not accept writes now; see /status.")
	}
	return nil
}

// changesPermanent reports whether a statement changes or locks rows of tables that are not temporary.
func (s *Session) changesPermanent(st *statement) bool {
	for i := range st.plan.Relations {
		u := &st.plan.Relations[i]
		if u.Perms&^catalog.PrivSelect == 0 {
			continue
		}
		if rel := s.reader().Relation(u.OID); rel == nil || rel.Persistence != 't' {
			return true
		}
	}
	return false
}

func modifies(st *statement) bool { return st.prefix != "SELECT" || len(st.plan.ModifyingCTEs) > 0 }

func commandName(st *statement) string {
	switch st.prefix {
	case "INSERT 0":
		return "INSERT"
	case "SELECT":
		return "SELECT FOR UPDATE"
	}
	return st.prefix
}

// writeRows sends all rows.
func (s *Session) writeRows(st *statement, rows *exec.Rows, formats []int16, describe bool) (int64, error) {
	var n int64
	if st.rows {
		if describe {
			if err := s.w.RowDescription(st.cols, formats); err != nil {
				return 0, err
			}
		}
		s.w.StartRows(s.drv.io, st.cols, formats)
	}
	for {
		b, err := rows.Next()
		if err != nil {
			return n, err
		}
		if b == nil {
			return n, nil
		}
		if st.rows {
			if err := s.w.Batch(visible(b, len(st.cols))); err != nil {
				return n, err
			}
		}
		n += int64(b.Rows())
	}
}

// visible cuts junk columns, which come last, off a batch.
func visible(b *types.Batch, n int) *types.Batch {
	if len(b.Cols) <= n {
		return b
	}
	c := *b
	c.Cols = b.Cols[:n]
	return &c
}

// afterStatement runs the checks that wait for the end of a statement: those of constraints, and whether this node led while rows were read.
func (s *Session) afterStatement() error {
	if s.tx.deferred.Pending() {
		if err := s.tx.deferred.RunImmediate(s.execContext()); err != nil {
			return err
		}
	}
	if s.e.opts.ConfirmRead != nil {
		return s.e.opts.ConfirmRead(s.ctx, s.leadView)
	}
	return nil
}
