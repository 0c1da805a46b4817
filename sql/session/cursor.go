package session

import (
	"slices"

	"kimberlite/exec"
	"kimberlite/exec/plan"
	"kimberlite/pgwire"
	"kimberlite/sql/analyze"
	"kimberlite/sql/catalog"
	"kimberlite/sql/parser"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// Options of DECLARE, PostgreSQL's CURSOR_OPT_*.
const (
	cursorBinary   = 0x0001
	cursorScroll   = 0x0002
	cursorNoScroll = 0x0004
	cursorHold     = 0x0020
)

// declare is DECLARE name CURSOR FOR query.
func (u *utility) declare(n *pg.DeclareCursorStmt) (string, error) {
	s := u.s
	hold := n.Options&cursorHold != 0
	if !hold && !s.tx.block && !s.tx.implicit {
		return "", pgerr.New(pgerr.NoActiveSqlTransaction, "DECLARE CURSOR can only be used in transaction blocks")
	}
	if old := s.portals[n.Portalname]; old != nil {
		if n.Portalname != "" {
			return "", pgerr.Newf(pgerr.DuplicateCursor, "cursor %q already exists", n.Portalname)
		}
		s.closePortal(old)
	}
	if len(s.portals) >= portalsMax {
		return "", pgerr.New(pgerr.ProgramLimitExceeded, "too many open cursors").WithHint("Close cursors that are no longer needed.")
	}
	if n.Options&cursorScroll != 0 && n.Options&cursorNoScroll != 0 {
		return "", pgerr.New(pgerr.InvalidCursorDefinition, "cannot specify both SCROLL and NO SCROLL")
	}
	inner := &parser.Stmt{Raw: n.Query, Location: u.stmt.Location, Length: u.stmt.Length, Text: u.stmt.Text, AsOf: u.stmt.AsOf}
	if isUtility(n.Query) {
		return "", pgerr.New(pgerr.InvalidCursorDefinition, "DECLARE CURSOR must not contain a utility statement")
	}
	st, err := s.analyzeCursor(u.sql, inner)
	if err != nil {
		return "", err
	}
	if len(st.plan.ModifyingCTEs) > 0 {
		return "", pgerr.New(pgerr.FeatureNotSupported, "DECLARE CURSOR must not contain data-modifying statements in WITH")
	}
	p := &portal{name: n.Portalname, cursor: n.Portalname, st: st, cols: st.cols, text: u.sql, at: s.stmtAt, hold: hold,
		scroll: n.Options&cursorScroll != 0, noScroll: n.Options&cursorNoScroll != 0, binary: n.Options&cursorBinary != 0, created: s.tx, depth: len(s.tx.saves)}
	if !p.scroll && !p.noScroll {
		p.scroll = st.plan.ReadsBackward()
		p.noScroll = !p.scroll
	}
	if p.binary {
		p.formats = []int16{pgwire.FormatBinary}
	}
	p.c = &compiled{st: st}
	rows, err := s.open(p.c, nil)
	if err != nil {
		return "", err
	}
	p.rows = rows
	p.store = newCursorStore(s, rows, st)
	s.portals[n.Portalname] = p
	return "DECLARE CURSOR", nil
}

// analyzeCursor analyzes and plans a cursor's query. One over a single table yields the row ids too, for WHERE CURRENT OF.
func (s *Session) analyzeCursor(sql string, stmt *parser.Stmt) (*statement, error) {
	q, params, err := analyze.Analyze(s.analyzeEnv(), stmt, nil)
	if err != nil {
		return nil, err
	}
	if table := scannedTable(q); table != 0 {
		q.Target = append(slices.Clip(q.Target), tree.TargetEntry{
			Expr: &tree.Var{VarNo: table, AttNo: rowIDAttr, T: types.Of(types.OIDTid), Loc: -1}, ResNo: len(q.Target) + 1, Name: plan.RowIDName, Junk: true,
		})
	}
	st := &statement{text: sql, stmt: stmt, params: params}
	return st, s.planQuery(st, q)
}

// rowIDAttr is ctid's attribute number.
const rowIDAttr = -1

// scannedTable is the range table index of the only table of a query whose rows are rows of it, 0 when it is not that simple.
func scannedTable(q *tree.Query) int {
	if q.Cmd != tree.CmdSelect || q.SetOp != nil || q.HasAggs || q.HasWindow || q.HasTargetSRF || len(q.GroupBy) > 0 || len(q.GroupingSets) > 0 || q.Having != nil ||
		len(q.Distinct) > 0 || len(q.RowMarks) > 0 || q.From == nil || len(q.From.List) != 1 {
		return 0
	}
	ref, ok := q.From.List[0].(*tree.RangeRef)
	if !ok {
		return 0
	}
	if rte := q.RTable[ref.Index-1]; rte.Kind != tree.RTERelation || rte.RelKind != 'r' || rte.RelID < catalog.FirstNormalOID || rte.AsOf != nil {
		return 0
	}
	return ref.Index
}

// cursorStore keeps the rows that a cursor has read, so that it can move backwards and outlive its transaction. Rows are read on demand.
type cursorStore struct {
	src  *exec.Rows
	kept *exec.Kept
	row  []types.Datum // the row at hand
	done bool
	pos  int // 0: before the first row; n: on row n; len+1: after the last
}

func newCursorStore(s *Session, src *exec.Rows, st *statement) *cursorStore {
	target := st.plan.Root.Common().Target
	cols := make([]types.T, len(target))
	for i := range target {
		cols[i] = target[i].Expr.Type()
	}
	return &cursorStore{src: src, kept: exec.NewKept(s.execContext(), s.reader(), cols), row: make([]types.Datum, len(cols))}
}

// fill reads until there are n rows or no more.
func (c *cursorStore) fill(n int) error {
	for !c.done && c.kept.Len() < n {
		b, err := c.src.Next()
		if err != nil {
			return err
		}
		if b == nil {
			c.done = true
			return nil
		}
		if err := c.kept.Append(b); err != nil {
			return err
		}
	}
	return nil
}

// all reads everything: the cursor outlives its transaction.
func (c *cursorStore) all() error {
	const everything = int(^uint(0) >> 1)
	if err := c.fill(everything); err != nil {
		return err
	}
	if c.src != nil {
		err := c.src.Close()
		c.src = nil
		return err
	}
	return nil
}

func (c *cursorStore) close() { c.kept.Close() }

// onRow reports whether the cursor is on a row.
func (c *cursorStore) onRow() bool { return c.pos >= 1 && c.pos <= c.kept.Len() }

// current is the row that the cursor is on, until the next call.
func (c *cursorStore) current() ([]types.Datum, error) { return c.row, c.kept.Row(c.pos-1, c.row) }

// move goes n rows forward (negative: backward) and calls f for each row passed; n of fetchAll goes to the end.
func (c *cursorStore) move(n int, f func([]types.Datum) error) (count int64, err error) {
	step := 1
	if n < 0 {
		step, n = -1, -n
	}
	for ; n > 0; n-- {
		next := c.pos + step
		if next < 1 {
			c.pos = 0
			break
		}
		if err := c.fill(next); err != nil {
			return count, err
		}
		if next > c.kept.Len() {
			c.pos = c.kept.Len() + 1
			break
		}
		c.pos = next
		count++
		if f == nil {
			continue
		}
		row, err := c.current()
		if err == nil {
			err = f(row)
		}
		if err != nil {
			return count, err
		}
	}
	return count, nil
}

// seek goes to an absolute row; a negative number counts from the end.
func (c *cursorStore) seek(n int) (found bool, err error) {
	if n < 0 {
		if err := c.fill(int(^uint(0) >> 1)); err != nil {
			return false, err
		}
		n = c.kept.Len() + 1 + n
		if n < 0 {
			n = 0
		}
	} else if err := c.fill(n); err != nil {
		return false, err
	}
	if n > c.kept.Len() {
		c.pos = c.kept.Len() + 1
		return false, nil
	}
	c.pos = n
	return n > 0, nil
}

const fetchAll = int(^uint(0)>>1) - 1

// fetch is FETCH and MOVE.
func (u *utility) fetch(n *pg.FetchStmt) (string, error) {
	s := u.s
	p := s.portals[n.Portalname]
	if p == nil || p.cursor == "" && p.store == nil {
		return "", pgerr.Newf(pgerr.InvalidCursorName, "cursor %q does not exist", n.Portalname)
	}
	if p.failed {
		return "", pgerr.Newf(pgerr.ObjectNotInPrerequisiteState, "portal %q cannot be run", n.Portalname)
	}
	c := p.store
	s.derive()
	var emit func([]types.Datum) error
	if !n.Ismove {
		if u.simple {
			if err := s.w.RowDescription(p.cols, p.formats); err != nil {
				return "", err
			}
		}
		s.w.StartRows(s.drv.io, p.cols, p.formats)
		emit = func(row []types.Datum) error { return s.w.Row(row[:len(p.cols)]) }
	}
	count, err := s.fetchRows(p, c, n, emit)
	if err != nil {
		p.failed = true
		return "", err
	}
	tag := "FETCH"
	if n.Ismove {
		tag = "MOVE"
	}
	s.w.CommandCompleteRows(tag, count)
	return "", nil
}

func (s *Session) fetchRows(p *portal, c *cursorStore, n *pg.FetchStmt, emit func([]types.Datum) error) (int64, error) {
	howMany := n.HowMany
	if howMany == 1<<63-1 || howMany > int64(fetchAll) {
		howMany = int64(fetchAll)
	}
	backward := func() error {
		if p.noScroll {
			return pgerr.New(pgerr.ObjectNotInPrerequisiteState, "cursor can only scan forward").WithHint("Declare it with SCROLL option to enable backward scan.")
		}
		return nil
	}
	again := func() error { // the current row once more takes a step back
		if !c.onRow() {
			return nil
		}
		return backward()
	}
	one := func(found bool) (int64, error) {
		if !found {
			return 0, nil
		}
		if emit == nil {
			return 1, nil
		}
		row, err := c.current()
		if err != nil {
			return 0, err
		}
		return 1, emit(row)
	}
	switch n.Direction {
	case pg.FetchDirection_FETCH_FORWARD, pg.FetchDirection_FETCH_BACKWARD:
		step := int(howMany)
		if n.Direction == pg.FetchDirection_FETCH_BACKWARD {
			step = -step
		}
		if step == 0 {
			if err := again(); err != nil {
				return 0, err
			}
			return one(c.onRow())
		}
		if step < 0 {
			if err := backward(); err != nil {
				return 0, err
			}
		}
		return c.move(step, emit)
	case pg.FetchDirection_FETCH_ABSOLUTE:
		if int(howMany) <= c.pos && c.pos > 0 {
			if err := backward(); err != nil {
				return 0, err
			}
		}
		found, err := c.seek(int(howMany))
		if err != nil {
			return 0, err
		}
		return one(found)
	}
	if howMany < 0 { // RELATIVE
		if err := backward(); err != nil {
			return 0, err
		}
	}
	if howMany == 0 {
		if err := again(); err != nil {
			return 0, err
		}
		return one(c.onRow())
	}
	target := c.pos + int(howMany)
	if target < 0 {
		target = 0
	}
	found, err := c.seek(target)
	if err != nil {
		return 0, err
	}
	return one(found)
}

func (u *utility) closeCursor(n *pg.ClosePortalStmt) (string, error) {
	s := u.s
	if n.Portalname == "" {
		s.closePortals(func(p *portal) bool { return p.cursor != "" })
		return "CLOSE CURSOR ALL", nil
	}
	p := s.portals[n.Portalname]
	if p == nil {
		return "", pgerr.Newf(pgerr.InvalidCursorName, "cursor %q does not exist", n.Portalname)
	}
	s.closePortal(p)
	return "CLOSE CURSOR", nil
}

// holdCursors materialises cursors WITH HOLD before their transaction commits.
func (s *Session) holdCursors() error {
	for _, p := range s.portals {
		if !p.hold || p.held {
			continue
		}
		if err := p.store.all(); err != nil {
			return err
		}
		p.held, p.rows, p.created = true, nil, nil
	}
	return nil
}

// cursorExists tells the analyzer about WHERE CURRENT OF.
func (s *Session) cursorExists(name string) (*parser.Stmt, bool) {
	p := s.portals[name]
	if p == nil || p.st == nil {
		return nil, false
	}
	return p.st.stmt, true
}

// cursorRow finds the row that a cursor is on, for WHERE CURRENT OF.
func (s *Session) cursorRow(name string, rel types.OID) (int64, error) {
	p := s.portals[name]
	if p == nil || p.store == nil {
		return 0, pgerr.Newf(pgerr.InvalidCursorName, "cursor %q does not exist", name)
	}
	if p.held || p.failed {
		return 0, pgerr.Newf(pgerr.InvalidCursorState, "cursor %q is held from a previous transaction", name)
	}
	c := p.store
	if !c.onRow() {
		return 0, pgerr.Newf(pgerr.InvalidCursorState, "cursor %q is not positioned on a row", name)
	}
	col := p.st.plan.RowIDColumn(rel)
	if col == 0 {
		return 0, pgerr.Newf(pgerr.InvalidCursorState, "cursor %q is not a simply updatable scan of table %q", name, s.relName(rel))
	}
	row, err := c.current()
	if err != nil {
		return 0, err
	}
	return int64(exec.RowIDOf(row[col-1].S)), nil
}

func (s *Session) relName(rel types.OID) string {
	if r := s.reader().Relation(rel); r != nil {
		return r.Name
	}
	return itoa(int(rel))
}
