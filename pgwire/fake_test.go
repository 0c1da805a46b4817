package pgwire

import (
	"context"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// fakeEngine is a SQL layer that understands a handful of words, so that the protocol can be tested without one.
type fakeEngine struct {
	roles    map[string]RoleInfo
	members  map[string]string // role -> group
	open     atomic.Int64
	mu       sync.Mutex
	last     *fakeSession
	lastInfo StartupInfo
}

func (e *fakeEngine) Role(_ context.Context, name string) (RoleInfo, error) {
	return e.roles[name], nil
}

func (e *fakeEngine) MemberOf(_ context.Context, role, group string) bool {
	return role == group || e.members[role] == group
}

func (e *fakeEngine) NewSession(_ context.Context, info StartupInfo) (Session, error) {
	if r, ok := e.roles[info.User]; !ok || !r.Exists {
		return nil, pgerr.Newf(pgerr.InvalidAuthorizationSpecification, "role \"%s\" does not exist", info.User)
	}
	s := &fakeSession{engine: e, info: info, status: 'I', stmts: map[string]string{}, portals: map[string]*fakePortal{}}
	e.open.Add(1)
	e.mu.Lock()
	e.last, e.lastInfo = s, info
	e.mu.Unlock()
	return s, nil
}

func (e *fakeEngine) session() *fakeSession {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.last
}

type fakePortal struct {
	stmt    string
	formats []int16
	at      int // rows already given
}

// fakeSession understands: "rows N" (N rows of int8 and text), "begin", "commit", "error", "fatal", "panic", "empty", "notice",
// "wait" (until cancelled), "copyin", "copyin bad" (fails at the first data), "copyin lazy" (reads nothing), "copyout N", "set". Several statements are
// separated by semicolons.
type fakeSession struct {
	engine  *fakeEngine
	info    StartupInfo
	status  byte
	stmts   map[string]string
	portals map[string]*fakePortal
	greeted bool
	idle    time.Duration
	closed  bool
	rested  atomic.Int64

	mu      sync.Mutex
	pending []string // notifications
}

var fakeCols = []Column{
	{Name: "n", TableOID: 16384, AttNum: 1, T: types.Of(types.OIDInt8), Len: 8},
	{Name: "word", T: types.Of(types.OIDText), Len: -1},
}

func fakeRow(i int, row []types.Datum) {
	row[0] = types.Int(int64(i))
	row[1] = types.Str("w" + strconv.Itoa(i))
	if i%3 == 0 {
		row[1] = types.NullDatum
	}
}

func (s *fakeSession) abort(err error) error {
	if err != nil && s.status == 'T' {
		s.status = 'E'
	}
	return err
}

func (s *fakeSession) SimpleQuery(ctx context.Context, sql string, w Writer) error {
	if strings.TrimSpace(sql) == "" {
		w.EmptyQuery()
		return nil
	}
	for _, stmt := range strings.Split(sql, ";") {
		stmt = strings.TrimSpace(stmt)
		if strings.HasPrefix(stmt, "rows") {
			if err := w.RowDescription(fakeCols, nil); err != nil {
				return s.abort(err)
			}
		}
		if err := s.run(ctx, stmt, &fakePortal{}, 0, w); err != nil {
			return s.abort(err)
		}
	}
	return nil
}

func (s *fakeSession) run(ctx context.Context, stmt string, p *fakePortal, limit int, w Writer) error {
	word, arg, _ := strings.Cut(stmt, " ")
	n, _ := strconv.Atoi(arg)
	switch word {
	case "rows":
		w.StartRows(nil, fakeCols, p.formats)
		row := make([]types.Datum, 2)
		for given := 0; p.at < n; given++ {
			if limit > 0 && given == limit {
				w.PortalSuspended()
				return nil
			}
			p.at++
			fakeRow(p.at, row)
			if err := w.Row(row); err != nil {
				return err
			}
		}
		w.CommandCompleteRows("SELECT", int64(n))
	case "begin":
		s.status = 'T'
		w.CommandComplete("BEGIN")
	case "commit":
		tag := "COMMIT"
		if s.status == 'E' {
			tag = "ROLLBACK"
		}
		s.status = 'I'
		w.CommandComplete(tag)
	case "error":
		return pgerr.New(pgerr.DivisionByZero, "division by zero").WithDetail("detail").WithHint("hint").At(3).WithTable("s", "t").WithColumn("c").WithConstraint("k")
	case "fatal":
		return fatal(pgerr.New(pgerr.AdminShutdown, "that was it"))
	case "panic":
		panic("the session is wrong")
	case "notice":
		w.Notice(pgerr.Notice("look"))
		w.CommandComplete("NOTICE")
	case "wait":
		<-ctx.Done()
		return Cause(ctx)
	case "set":
		w.CommandComplete("SET")
		s.note("S" + arg)
	case "idle":
		s.idle = time.Duration(n) * time.Millisecond
		w.CommandComplete("SET")
	case "copyin":
		return s.copyIn(arg, w)
	case "copyout":
		if err := w.CopyOut(2, false); err != nil {
			return err
		}
		for i := range n {
			if err := w.CopyData([]byte(strconv.Itoa(i) + "\tx\n")); err != nil {
				return err
			}
		}
		w.CopyDone()
		w.CommandCompleteRows("COPY", int64(n))
	case "empty":
		w.EmptyQuery()
	default:
		return pgerr.Newf(pgerr.SyntaxError, "syntax error at or near \"%s\"", word)
	}
	return nil
}

func (s *fakeSession) copyIn(how string, w Writer) error {
	r, err := w.CopyIn(2, false)
	if err != nil {
		return err
	}
	bytes := 0
	for how != "lazy" {
		data, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if how == "bad" {
			return pgerr.New(pgerr.BadCopyFileFormat, "missing data for column \"b\"")
		}
		bytes += len(data)
	}
	w.CommandCompleteRows("COPY", int64(bytes))
	return nil
}

func (s *fakeSession) note(text string) {
	s.mu.Lock()
	s.pending = append(s.pending, text)
	s.mu.Unlock()
}

func (s *fakeSession) notify(text string) {
	s.note("A" + text)
	s.info.Backend.Wake()
}

func (s *fakeSession) Parse(_ context.Context, name, sql string, _ []types.OID) error {
	if _, taken := s.stmts[name]; taken && name != "" {
		return s.abort(pgerr.Newf(pgerr.DuplicatePreparedStatement, "prepared statement \"%s\" already exists", name))
	}
	if sql == "bad" {
		return s.abort(pgerr.New(pgerr.SyntaxError, "syntax error at or near \"bad\""))
	}
	s.stmts[name] = sql
	return nil
}

func (s *fakeSession) Bind(_ context.Context, portal, stmt string, _ []int16, params [][]byte, resultFormats []int16) error {
	sql, ok := s.stmts[stmt]
	if !ok {
		return s.abort(pgerr.Newf(pgerr.InvalidSqlStatementName, "prepared statement \"%s\" does not exist", stmt))
	}
	if len(params) > 0 && params[0] != nil {
		sql = strings.ReplaceAll(sql, "$1", string(params[0]))
	}
	s.portals[portal] = &fakePortal{stmt: sql, formats: append([]int16(nil), resultFormats...)}
	return nil
}

func (s *fakeSession) DescribeStatement(_ context.Context, name string) ([]types.OID, []Column, error) {
	sql, ok := s.stmts[name]
	if !ok {
		return nil, nil, s.abort(pgerr.Newf(pgerr.InvalidSqlStatementName, "prepared statement \"%s\" does not exist", name))
	}
	var params []types.OID
	if strings.Contains(sql, "$1") {
		params = []types.OID{types.OIDInt4}
	}
	if !strings.HasPrefix(sql, "rows") {
		return params, nil, nil
	}
	return params, fakeCols, nil
}

func (s *fakeSession) DescribePortal(_ context.Context, name string) ([]Column, []int16, error) {
	p, ok := s.portals[name]
	if !ok {
		return nil, nil, s.abort(pgerr.Newf(pgerr.InvalidCursorName, "portal \"%s\" does not exist", name))
	}
	if !strings.HasPrefix(p.stmt, "rows") {
		return nil, nil, nil
	}
	return fakeCols, p.formats, nil
}

func (s *fakeSession) Execute(ctx context.Context, portal string, maxRows int, w Writer) error {
	p, ok := s.portals[portal]
	if !ok {
		return s.abort(pgerr.Newf(pgerr.InvalidCursorName, "portal \"%s\" does not exist", portal))
	}
	return s.abort(s.run(ctx, p.stmt, p, maxRows, w))
}

func (s *fakeSession) CloseStatement(_ context.Context, name string) error {
	delete(s.stmts, name)
	return nil
}

func (s *fakeSession) ClosePortal(_ context.Context, name string) error {
	delete(s.portals, name)
	return nil
}

func (s *fakeSession) Fail(*pgerr.Error) {
	if s.status == 'T' {
		s.status = 'E'
	}
}

func (s *fakeSession) Sync(context.Context) error { return nil }
func (s *fakeSession) TxStatus() byte             { return s.status }

func (s *fakeSession) Drain(w Writer) {
	if !s.greeted {
		s.greeted = true
		w.ParameterStatus("server_version", "15.18")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.pending {
		if p[0] == 'S' {
			name, value, _ := strings.Cut(p[1:], "=")
			w.ParameterStatus(name, value)
		} else {
			w.Notification(7, "channel", p[1:])
		}
	}
	s.pending = nil
}

func (s *fakeSession) Idle() (time.Duration, *pgerr.Error) {
	if s.idle == 0 {
		return 0, nil
	}
	return s.idle, pgerr.New(pgerr.IdleSessionTimeout, "terminating connection due to idle-session timeout")
}

func (s *fakeSession) Rest() { s.rested.Add(1) }

func (s *fakeSession) Close() {
	if s.closed {
		panic("closed twice")
	}
	s.closed = true
	s.engine.open.Add(-1)
}

// newFake returns a server over a fake engine with the roles alice (trust) and bob.
func newFake(t testing.TB, opts Options) (*Server, *fakeEngine) {
	t.Helper()
	e := &fakeEngine{roles: map[string]RoleInfo{"alice": {Exists: true}, "root": {Exists: true, Superuser: true}}, members: map[string]string{"alice": "staff"}}
	if opts.HBA == nil {
		h, err := ParseHBA("test", "local all all trust\nhost all all all trust\n")
		if err != nil {
			t.Fatal(err)
		}
		opts.HBA = h
	}
	s := NewServer(opts)
	s.SetEngine(e)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if n := e.open.Load(); n != 0 {
			t.Errorf("%d sessions were not closed", n)
		}
	})
	return s, e
}

// listen serves on a free TCP port and returns its address.
func listen(t testing.TB, s *Server) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.Serve(ln) }()
	return ln.Addr().String()
}
