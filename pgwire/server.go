package pgwire

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"kimberlite/sql/pgerr"
)

// Options configure a Server.
type Options struct {
	Log *zap.Logger // nil logs nothing
	HBA *HBA        // nil is DefaultHBA
	TLS *tls.Config // nil refuses encryption
	// MaxConnections bounds the clients served at once, the last ReservedConnections of them for superusers.
	MaxConnections      int
	ReservedConnections int
	AuthTimeout         time.Duration // 0 is authTimeoutDefault
	FirstPID            int32         // where process ids start; 0 is 1000
	RestInterval        time.Duration // how often quiet sessions are looked for (Rester); 0 is restInterval
	Router              Router        // nil serves all clients here
	RelayToken          string        // what a member shows that relays clients to this node; "" takes none
}

// Metrics are counters of a server's whole life; read them at any time.
type Metrics struct {
	Connections    atomic.Int64 // open now, unauthenticated ones included
	Accepted       atomic.Uint64
	Rejected       atomic.Uint64 // too many connections, starting up, shutting down
	AuthFailures   atomic.Uint64
	ProtocolErrors atomic.Uint64
	CancelRequests atomic.Uint64
	SimpleQueries  atomic.Uint64
	Executes       atomic.Uint64
	Errors         atomic.Uint64 // ErrorResponses that did not end the connection
	Panics         atomic.Uint64
	BytesIn        atomic.Uint64 // of ended connections
	BytesOut       atomic.Uint64
}

// Server serves the protocol on any number of listeners. Until SetEngine clients are told that it starts up (57P03).
type Server struct {
	opts    Options
	log     *zap.Logger
	metrics Metrics
	secret  []byte // for mockCredentials
	hba     atomic.Pointer[HBA]
	tls     atomic.Pointer[tls.Config]
	engine  atomic.Pointer[Engine]
	closing atomic.Bool
	tick    atomic.Int64 // advanced by sweep
	quit    chan struct{}
	once    sync.Once
	slots   atomic.Int64 // clients past their startup message
	wg      sync.WaitGroup

	mu        sync.Mutex
	byPID     map[int32]*conn    // open sessions
	all       map[*conn]struct{} // every socket
	listeners map[net.Listener]struct{}
	lastPID   int32
}

// NewServer makes a server; Serve gives it work, Shutdown releases it.
func NewServer(opts Options) *Server {
	s := &Server{
		opts: opts, log: opts.Log, secret: make([]byte, 32), quit: make(chan struct{}),
		byPID: map[int32]*conn{}, all: map[*conn]struct{}{}, listeners: map[net.Listener]struct{}{}, lastPID: opts.FirstPID,
	}
	if s.log == nil {
		s.log = zap.NewNop()
	}
	if s.opts.MaxConnections <= 0 {
		s.opts.MaxConnections = 100
	}
	if s.opts.RestInterval <= 0 {
		s.opts.RestInterval = restInterval
	}
	if s.lastPID <= 0 {
		s.lastPID = 1000
	}
	_, _ = rand.Read(s.secret) // never fails
	hba := opts.HBA
	if hba == nil {
		var err error
		if hba, err = ParseHBA("default", DefaultHBA); err != nil {
			panic(err) // a constant of ours
		}
	}
	s.hba.Store(hba)
	s.tls.Store(opts.TLS)
	go s.sweep()
	return s
}

// SetEngine opens the server for sessions.
func (s *Server) SetEngine(e Engine) { s.engine.Store(&e) }

// SetHBA replaces the authentication table for connections to come.
func (s *Server) SetHBA(h *HBA) { s.hba.Store(h) }

// HBA returns the authentication table in force.
func (s *Server) HBA() *HBA { return s.hba.Load() }

// SetTLS replaces the TLS identity for connections to come; nil refuses encryption.
func (s *Server) SetTLS(cfg *tls.Config) { s.tls.Store(cfg) }

// Metrics returns the server's counters.
func (s *Server) Metrics() *Metrics { return &s.metrics }

// Serve accepts connections until the listener is closed or Shutdown is called; it returns nil then.
func (s *Server) Serve(ln net.Listener) error {
	s.mu.Lock()
	s.listeners[ln] = struct{}{}
	s.mu.Unlock()
	pause := time.Duration(0)
	for {
		nc, err := ln.Accept()
		if err != nil {
			if s.closing.Load() || errors.Is(err, net.ErrClosed) {
				return nil
			}
			pause = min(max(2*pause, time.Millisecond), acceptRetryMax)
			s.log.Error("could not accept a connection", zap.Error(err), zap.Duration("retry_after", pause))
			time.Sleep(pause)
			continue
		}
		pause = 0
		s.ServeConn(nc)
	}
}

// ServeConn serves one connection on a goroutine of its own.
func (s *Server) ServeConn(nc net.Conn) {
	s.metrics.Accepted.Add(1)
	c := &conn{srv: s, raw: nc, net: nc}
	s.mu.Lock()
	unwanted := s.closing.Load() || len(s.all) >= preAuthFactor*s.opts.MaxConnections+16
	if !unwanted {
		s.all[c] = struct{}{}
		s.wg.Add(1)
	}
	s.mu.Unlock()
	if unwanted {
		s.metrics.Rejected.Add(1)
		_ = nc.Close()
		return
	}
	s.metrics.Connections.Add(1)
	go c.serve()
}

// takeSlot counts a client that has said what it wants.
func (s *Server) takeSlot(c *conn) error {
	if s.closing.Load() || s.currentEngine() == nil {
		return s.unavailable()
	}
	c.counted = true
	if s.slots.Add(1) > int64(s.opts.MaxConnections) {
		s.metrics.Rejected.Add(1)
		return fatal(pgerr.New(pgerr.TooManyConnections, "sorry, too many clients already"))
	}
	return nil
}

// unavailable is what a client is told that comes too early or too late.
func (s *Server) unavailable() error {
	s.metrics.Rejected.Add(1)
	if s.closing.Load() {
		return fatal(pgerr.New(pgerr.CannotConnectNow, "the database system is shutting down"))
	}
	return fatal(pgerr.New(pgerr.CannotConnectNow, "the database system is starting up"))
}

func (s *Server) authTimeout() time.Duration {
	if s.opts.AuthTimeout > 0 {
		return s.opts.AuthTimeout
	}
	return authTimeoutDefault
}

func (s *Server) currentEngine() Engine {
	if e := s.engine.Load(); e != nil {
		return *e
	}
	return nil
}

// pidMax is the largest process id; the numbers look like an operating system's, since some tools expect few digits.
const pidMax = 1 << 22

// register gives a session its process id and cancel key.
func (s *Server) register(c *conn) {
	c.key = randomKey()
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if s.lastPID++; s.lastPID > pidMax {
			s.lastPID = 1000
		}
		if _, taken := s.byPID[s.lastPID]; !taken {
			break
		}
	}
	c.info.PID = s.lastPID
	s.byPID[c.info.PID] = c
}

// forget drops an ended connection.
func (s *Server) forget(c *conn) {
	s.mu.Lock()
	if s.byPID[c.info.PID] == c {
		delete(s.byPID, c.info.PID)
	}
	_, known := s.all[c]
	delete(s.all, c)
	s.mu.Unlock()
	if !known {
		return
	}
	s.metrics.Connections.Add(-1)
	if c.counted {
		s.slots.Add(-1)
	}
	s.wg.Done()
}

func (s *Server) byID(pid int32) *conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byPID[pid]
}

// cancelByKey serves a CancelRequest; it tells whether the key is one of ours.
func (s *Server) cancelByKey(pid int32, key uint32) bool {
	c := s.byID(pid)
	if c == nil || !keyEqual(c.key, key) {
		return false
	}
	c.Cancel()
	return true
}

// Backend returns the handle of an open session, nil if there is none: pg_cancel_backend and pg_terminate_backend.
func (s *Server) Backend(pid int32) Backend {
	if c := s.byID(pid); c != nil {
		return c
	}
	return nil
}

// Sessions returns the number of open sessions.
func (s *Server) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.byPID)
}

// Running returns the number of sessions that work on a request right now.
func (s *Server) Running() int {
	n := 0
	s.each(func(c *conn) {
		if c.running.Load() {
			n++
		}
	})
	return n
}

// Shutdown is PostgreSQL's fast shutdown: listeners are closed, running statements cancelled, sessions ended with 57P01. It returns when
// all are gone, or closes their sockets when ctx is done first.
func (s *Server) Shutdown(ctx context.Context) error {
	s.closing.Store(true)
	s.once.Do(func() { close(s.quit) })
	s.mu.Lock()
	for ln := range s.listeners {
		_ = ln.Close()
	}
	s.mu.Unlock()
	s.each(func(c *conn) { c.terminate(ErrShutdown) })
	gone := make(chan struct{})
	go func() { s.wg.Wait(); close(gone) }()
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		s.each(func(c *conn) { _ = c.raw.Close() })
		return context.Cause(ctx)
	}
}

func (s *Server) each(f func(*conn)) {
	s.mu.Lock()
	list := make([]*conn, 0, len(s.all))
	for c := range s.all {
		list = append(list, c)
	}
	s.mu.Unlock()
	for _, c := range list {
		f(c)
	}
}
