package session

import (
	"context"
	"time"

	"kimberlite/exec"
	"kimberlite/pgwire"
	"kimberlite/sql/parser"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// preparedStatement is a named (or the unnamed) statement of the extended protocol or of PREPARE.
type preparedStatement struct {
	name    string
	st      *statement // nil: an empty query
	c       *compiled
	at      int64
	fromSQL bool
	calls   int64
}

// Parse implements pgwire.Session.
func (s *Session) Parse(ctx context.Context, name, sql string, paramOIDs []types.OID) error {
	s.begin(ctx, nil)
	s.setState("active", sql)
	return s.pipeline(sql, s.parse(name, sql, paramOIDs))
}

func (s *Session) parse(name, sql string, paramOIDs []types.OID) error {
	if name != "" {
		if _, dup := s.prepared[name]; dup {
			return pgerr.Newf(pgerr.DuplicatePreparedStatement, "prepared statement %q already exists", name)
		}
		if len(s.prepared) >= preparedMax {
			return pgerr.New(pgerr.ProgramLimitExceeded, "too many prepared statements").WithHint("Close statements that are no longer needed (DEALLOCATE).")
		}
	}
	given := append([]types.OID(nil), paramOIDs...)
	key := planKey{db: s.db, role: s.role, text: sql, types: "x" + paramTypesKey(given), path: s.set.often().searchPath, input: s.derive().input}
	s.refresh()
	if st := s.e.plans.get(key); st != nil && s.current(st) && (s.tx == nil || !s.tx.failed) {
		s.prepared[name] = &preparedStatement{name: name, st: st, at: s.stmtAt}
		return nil
	}
	stmts, err := parser.Parse(sql)
	if err != nil {
		return err
	}
	switch len(stmts) {
	case 0:
		s.prepared[name] = &preparedStatement{name: name, at: s.stmtAt}
		return nil
	case 1:
	default:
		return pgerr.New(pgerr.SyntaxError, "cannot insert multiple commands into a prepared statement")
	}
	if err := s.allowed(stmts[0].Raw); err != nil {
		return err
	}
	st, err := s.analyze(sql, &stmts[0], given, true)
	if err != nil {
		return err
	}
	if st.cacheable && !st.utility {
		s.e.plans.put(key, st)
	}
	s.prepared[name] = &preparedStatement{name: name, st: st, at: s.stmtAt}
	return nil
}

// pipeline settles a call of the extended protocol: after an error the implicit transaction is rolled back by Sync.
func (s *Session) pipeline(sql string, err error) error {
	if err == nil {
		return nil
	}
	s.failed = true
	return s.failed_(sql, err)
}

func (s *Session) statementNamed(name string) (*preparedStatement, error) {
	p := s.prepared[name]
	if p == nil {
		if name == "" {
			return nil, pgerr.New(pgerr.InvalidSqlStatementName, "unnamed prepared statement does not exist")
		}
		return nil, pgerr.Newf(pgerr.InvalidSqlStatementName, "prepared statement %q does not exist", name)
	}
	return p, nil
}

// Bind implements pgwire.Session.
func (s *Session) Bind(ctx context.Context, name, stmt string, paramFormats []int16, params [][]byte, resultFormats []int16) error {
	s.begin(ctx, nil)
	text := ""
	p, err := s.statementNamed(stmt)
	if err == nil {
		if p.st != nil {
			text = p.st.text
		}
		err = s.bind(name, p, paramFormats, params, resultFormats)
	}
	return s.pipeline(text, err)
}

func (s *Session) bind(name string, ps *preparedStatement, paramFormats []int16, params [][]byte, resultFormats []int16) error {
	if name != "" {
		if _, dup := s.portals[name]; dup {
			return pgerr.Newf(pgerr.DuplicateCursor, "cursor %q already exists", name)
		}
		if len(s.portals) >= portalsMax {
			return pgerr.New(pgerr.ProgramLimitExceeded, "too many open portals").WithHint("Close portals that are no longer needed.")
		}
	} else if old := s.portals[""]; old != nil {
		s.closePortal(old)
	}
	po := &portal{name: name, ps: ps, formats: append([]int16(nil), resultFormats...)}
	if ps.st == nil {
		s.portals[name] = po
		return nil
	}
	if s.tx != nil && s.tx.failed && !endsBlock(ps.st.stmt.Raw) {
		return errAborted
	}
	if len(params) != len(ps.st.params) {
		return pgerr.Newf(pgerr.ProtocolViolation, "bind message supplies %d parameters, but prepared statement %q requires %d", len(params), ps.name, len(ps.st.params))
	}
	s.derive()
	if len(params) > 0 {
		po.params = make([]types.Datum, len(params))
	}
	for i, raw := range params {
		d, err := s.paramValue(ps.st.params[i], raw, pgwire.FormatOf(paramFormats, i))
		if err != nil {
			return withParam(err, i)
		}
		po.params[i] = d
	}
	if len(resultFormats) > 1 && len(resultFormats) != len(ps.st.cols) {
		return pgerr.Newf(pgerr.ProtocolViolation, "bind message has %d result formats but query has %d columns", len(resultFormats), len(ps.st.cols))
	}
	s.portals[name] = po
	return nil
}

func (s *Session) paramValue(t types.OID, raw []byte, format int16) (types.Datum, error) {
	if raw == nil {
		return types.NullDatum, types.CheckNull(s.drv.io, types.Of(t))
	}
	switch format {
	case pgwire.FormatText:
		return types.In(s.drv.io, types.Of(t), string(raw))
	case pgwire.FormatBinary:
		return types.Recv(s.drv.io, types.Of(t), raw)
	}
	return types.Datum{}, pgerr.Newf(pgerr.InvalidParameterValue, "unsupported format code: %d", format)
}

// withParam adds which parameter a value's error is about.
func withParam(err error, i int) error {
	e := pgerr.From(err)
	if e.Where != "" {
		return e
	}
	c := *e
	c.Where = "unnamed portal parameter $" + itoa(i+1)
	return &c
}

// DescribeStatement implements pgwire.Session.
func (s *Session) DescribeStatement(ctx context.Context, name string) ([]types.OID, []pgwire.Column, error) {
	s.begin(ctx, nil)
	p, err := s.statementNamed(name)
	if err != nil {
		return nil, nil, s.pipeline("", err)
	}
	if p.st == nil {
		return nil, nil, nil
	}
	if s.tx != nil && s.tx.failed && p.st.rows {
		return nil, nil, s.pipeline("", errAborted)
	}
	if !p.st.rows {
		return p.st.params, nil, nil
	}
	return p.st.params, p.st.cols, nil
}

// DescribePortal implements pgwire.Session.
func (s *Session) DescribePortal(ctx context.Context, name string) ([]pgwire.Column, []int16, error) {
	s.begin(ctx, nil)
	p := s.portals[name]
	if p == nil {
		return nil, nil, s.pipeline("", errNoPortal(name))
	}
	if p.cursor != "" {
		return p.cols, p.formats, nil
	}
	if p.ps.st == nil || !p.ps.st.rows {
		return nil, nil, nil
	}
	return p.ps.st.cols, p.formats, nil
}

func errNoPortal(name string) error {
	return pgerr.Newf(pgerr.InvalidCursorName, "portal %q does not exist", name)
}

// Execute implements pgwire.Session.
func (s *Session) Execute(ctx context.Context, name string, maxRows int, w pgwire.Writer) error {
	s.begin(ctx, w)
	p := s.portals[name]
	if p == nil {
		return s.pipeline("", errNoPortal(name))
	}
	if p.ps == nil || p.ps.st == nil {
		w.EmptyQuery()
		return nil
	}
	s.setState("active", p.ps.st.text)
	err := s.executePortal(p, maxRows)
	if err != nil {
		s.closePortal(p)
		return s.pipeline(p.ps.st.text, err)
	}
	s.logSlow(p.ps.st.text)
	return nil
}

func (s *Session) executePortal(p *portal, maxRows int) error {
	t := s.startTimer()
	defer t.stop()
	st := p.ps.st
	if st.utility {
		if p.done {
			return pgerr.Newf(pgerr.ObjectNotInPrerequisiteState, "portal %q cannot be run", p.name)
		}
		if err := s.allowed(st.stmt.Raw); err != nil {
			return err
		}
		p.done = true
		return s.runUtility(st.text, st.stmt, p.params, false)
	}
	if s.tx != nil && s.tx.failed {
		return errAborted
	}
	s.ensure()
	if !s.tx.block {
		s.tx.implicit = true
	}
	if p.rows == nil && !p.done {
		if err := s.openPortal(p); err != nil {
			return err
		}
	}
	return s.fetchPortal(p, maxRows)
}

// openPortal starts the portal's plan, with the statement's compiled form when no other portal uses it.
func (s *Session) openPortal(p *portal) error {
	s.refresh()
	ps := p.ps
	if !s.current(ps.st) {
		next, err := s.replan(ps.st)
		if err != nil {
			return err
		}
		ps.st, ps.c = next, nil
	}
	c := ps.c
	if c == nil || c.inUse {
		c = &compiled{st: ps.st}
		if ps.c == nil {
			ps.c = c
		}
	}
	rows, err := s.open(c, p.params)
	if err != nil {
		c.inUse = false
		return err
	}
	ps.st = c.st
	p.rows, p.c, p.created, p.depth = rows, c, s.tx, len(s.tx.saves)
	return nil
}

// fetchPortal writes up to max rows (0: all) of an open portal.
func (s *Session) fetchPortal(p *portal, max int) error {
	st := p.ps.st
	if st.rows {
		s.w.StartRows(s.drv.io, st.cols, p.formats)
	}
	started := time.Now()
	n := int64(0)
	for !p.done {
		b := p.pending
		p.pending = nil
		if b == nil {
			var err error
			if b, err = p.rows.Next(); err != nil {
				return err
			}
			if b == nil {
				p.done = true
				break
			}
			b = visible(b, len(st.cols))
		}
		if max > 0 && n+int64(b.Rows()) > int64(max) {
			head, rest := splitBatch(b, int(int64(max)-n))
			p.pending = rest
			b = head
		}
		if st.rows && b.Rows() > 0 {
			if err := s.w.Batch(b); err != nil {
				return err
			}
		}
		n += int64(b.Rows())
		if max > 0 && n >= int64(max) {
			p.count += n
			p.took += time.Since(started)
			s.w.PortalSuspended()
			return nil
		}
	}
	p.count += n
	p.took += time.Since(started)
	return s.completePortal(p, n)
}

func (s *Session) completePortal(p *portal, n int64) error {
	st := p.ps.st
	if p.rows != nil {
		affected := p.rows.Affected()
		if err := p.rows.Close(); err != nil {
			return err
		}
		p.rows = nil
		p.c.inUse = false
		if err := s.afterStatement(); err != nil {
			return err
		}
		if st.prefix != "SELECT" {
			n, p.count = affected, affected
		}
		s.count(st, p.took, p.count)
	}
	s.w.CommandCompleteRows(st.prefix, n)
	return nil
}

// splitBatch divides a batch after n selected rows.
func splitBatch(b *types.Batch, n int) (head, rest *types.Batch) {
	sel := b.Sel
	if sel == nil {
		sel = make([]int32, b.N)
		for i := range sel {
			sel[i] = int32(i)
		}
	}
	h, r := *b, *b
	h.Sel, r.Sel = sel[:n:n], sel[n:]
	return &h, &r
}

// CloseStatement implements pgwire.Session.
func (s *Session) CloseStatement(_ context.Context, name string) error {
	delete(s.prepared, name)
	return nil
}

// ClosePortal implements pgwire.Session.
func (s *Session) ClosePortal(_ context.Context, name string) error {
	if p := s.portals[name]; p != nil {
		s.closePortal(p)
	}
	return nil
}

// Fail implements pgwire.Session.
func (s *Session) Fail(*pgerr.Error) {
	s.failed = true
	s.fail()
}

// Sync implements pgwire.Session.
func (s *Session) Sync(ctx context.Context) error {
	s.ctx = ctx
	failed := s.failed
	s.failed = false
	if p := s.portals[""]; p != nil && (s.tx == nil || !s.tx.block) {
		s.closePortal(p)
	}
	if s.tx == nil || s.tx.block {
		return nil
	}
	s.tx.implicit = false
	if failed {
		s.rollback()
		return nil
	}
	if err := s.commit(); err != nil {
		return s.failed_("", err)
	}
	return nil
}

// portal is a running statement: of the extended protocol, or a cursor (cursor.go).
type portal struct {
	name    string
	ps      *preparedStatement
	params  []types.Datum
	formats []int16
	rows    *exec.Rows
	c       *compiled
	pending *types.Batch // rest of a batch at a suspension
	done    bool
	count   int64
	took    time.Duration
	created *transaction
	depth   int // savepoints open when it was made

	// Cursors.
	cursor   string // its name, "" for protocol portals
	cols     []pgwire.Column
	st       *statement
	text     string
	scroll   bool
	noScroll bool
	hold     bool
	held     bool // survived its transaction
	failed   bool // an error stopped it: it cannot go on
	binary   bool
	at       int64
	store    *cursorStore
}

func (s *Session) closePortal(p *portal) {
	if p.rows != nil {
		p.rows.Close()
		p.rows = nil
		if p.count > 0 && p.ps != nil { // the client had enough of it
			s.count(p.ps.st, p.took, p.count)
		}
	}
	if p.c != nil {
		p.c.inUse = false
	}
	if p.store != nil {
		p.store.close()
	}
	if s.portals[p.name] == p {
		delete(s.portals, p.name)
	}
}

func (s *Session) closePortals(which func(*portal) bool) {
	for _, p := range s.portals {
		if which(p) {
			s.closePortal(p)
		}
	}
}
