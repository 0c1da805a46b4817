package pgwire

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"kimberlite/sql/pgerr"
)

// conn is one client's connection. All fields but those marked shared belong to its goroutine.
type conn struct {
	srv  *Server
	raw  net.Conn // the socket; deadlines are set here
	net  net.Conn // raw, or the TLS connection on it
	in   input
	out  output
	sess Session
	info StartupInfo
	key  uint32

	shape   shape
	bind    bindMessage
	names   names
	ready   bool // the last message sent was ReadyForQuery, nothing came since
	skip    bool // an error in the extended protocol: drop messages up to Sync
	copying bool // COPY data may still come
	lost    bool // the protocol's thread is lost; end after the error was sent

	counted bool     // holds one of the server's connection slots
	relayed bool     // the socket is a relaying node's
	remote  net.Addr // the client's address, if relayed

	mu      sync.Mutex // shared: guards ctx and cancel
	ctx     context.Context
	cancel  context.CancelCauseFunc
	running atomic.Bool           // shared: a session's method runs
	waiting atomic.Bool           // shared: blocked in a read, or about to be
	wake    atomic.Bool           // shared: Session.Drain is wanted
	ending  atomic.Pointer[error] // shared: why the connection has to end
	opened  atomic.Bool           // shared: the startup is over
	tired   atomic.Bool           // shared: Rester.Rest is wanted
	tick    atomic.Int64          // shared: the server's tick at the last ReadyForQuery, restedTick once the session has rested
}

// errBye ends a connection about which nothing more is to be said: Terminate, CancelRequest, a probe.
var errBye = errors.New("connection ended")

// serve runs a connection from its first byte to its last.
func (c *conn) serve() {
	c.in.init(c.raw)
	c.out.dst = c.raw
	err := c.guard(c.open)
	if err == nil {
		err = c.guard(c.run)
	}
	c.finish(err)
}

// guard calls f and turns a panic into the FATAL error that ends this session (W8).
func (c *conn) guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.srv.metrics.Panics.Add(1)
			c.srv.log.Error("session panicked", zap.Any("panic", p), zap.ByteString("stack", debug.Stack()), zap.Int32("pid", c.info.PID),
				zap.String("user", c.info.User), zap.String("database", c.info.Database))
			err = fatal(pgerr.Internal("internal error in session")).WithHint("The server's log has the details; please report them.")
		}
	}()
	return f()
}

// finish says goodbye and releases everything.
func (c *conn) finish(err error) {
	c.running.Store(false)
	var pe *pgerr.Error
	if errors.As(err, &pe) && c.out.err == nil {
		_ = c.raw.SetWriteDeadline(time.Now().Add(goodbyeTimeout))
		c.out.report('E', pe)
		_ = c.out.flush()
	}
	c.logEnd(err)
	if c.sess != nil {
		_ = c.guard(func() error { c.sess.Close(); return nil })
	}
	c.srv.forget(c)
	_ = c.net.Close()
	if c.net != c.raw {
		_ = c.raw.Close()
	}
	c.in.close()
	c.out.release()
	c.srv.metrics.BytesIn.Add(c.in.bytes)
	c.srv.metrics.BytesOut.Add(c.out.bytes)
	if c.cancel != nil {
		c.cancel(ErrConnectionLost)
	}
}

// logEnd logs why a connection ended, loudly only when an operator can do something about it.
func (c *conn) logEnd(err error) {
	fields := []zap.Field{zap.Int32("pid", c.info.PID), zap.Stringer("remote", c.remoteAddr()), zap.String("user", c.info.User), zap.String("database", c.info.Database)}
	var pe *pgerr.Error
	switch {
	case err == errBye || errors.Is(err, io.EOF) && c.ready:
		c.srv.log.Debug("connection closed", fields...)
	case errors.As(err, &pe):
		fields = append(fields, zap.String("sqlstate", pe.Code), zap.String("error", pe.Message), zap.NamedError("cause", errors.Unwrap(pe)))
		if pe.Code == pgerr.ProtocolViolation {
			c.srv.metrics.ProtocolErrors.Add(1)
		}
		c.srv.log.Info("connection ended by an error", fields...)
	default:
		c.srv.log.Debug("connection lost", append(fields, zap.Error(err))...)
	}
}

// run is the main loop, from the first ReadyForQuery on.
func (c *conn) run() error {
	for {
		typ, body, err := c.receive()
		if err != nil {
			return err
		}
		c.ready = false
		if c.skip && typ != 'S' && typ != 'X' {
			continue
		}
		if err := c.dispatch(typ, body); err != nil {
			return err
		}
	}
}

// dispatch handles one message. The error it returns ends the connection.
func (c *conn) dispatch(typ byte, body []byte) error {
	switch typ {
	case 'Q':
		return c.query(body)
	case 'P':
		return c.parse(body)
	case 'B':
		return c.bindPortal(body)
	case 'D':
		return c.describe(body)
	case 'E':
		return c.execute(body)
	case 'C':
		return c.closeObject(body)
	case 'H':
		if e := (&cursor{b: body}).end(); e != nil {
			return c.refuse(e)
		}
		return c.out.flush()
	case 'S':
		return c.sync(body)
	case 'F':
		return c.functionCall()
	case 'X':
		return errBye
	case 'd', 'c', 'f':
		return nil // left over from a COPY that failed before the client knew
	}
	return fatal(pgerr.Newf(pgerr.ProtocolViolation, "invalid frontend message type %d", typ))
}

// query is the simple protocol.
func (c *conn) query(body []byte) error {
	c.srv.metrics.SimpleQueries.Add(1)
	m := cursor{b: body}
	text := m.text()
	if e := m.end(); e != nil {
		c.sess.Fail(e)
		return c.answerSimple(e)
	}
	err := c.sess.SimpleQuery(c.begin(), string(text), c)
	return c.answerSimple(c.finishCopy(err))
}

// functionCall refuses the fast-path interface.
func (c *conn) functionCall() error {
	e := pgerr.Unsupported("the function call protocol", "Call the function in a SELECT.")
	c.sess.Fail(e)
	return c.answerSimple(e)
}

// answerSimple ends a cycle of the simple protocol.
func (c *conn) answerSimple(err error) error {
	if err != nil {
		if err := c.fail(err); err != nil {
			return err
		}
	}
	return c.sendReady()
}

// finishCopy ends a call that may have started a COPY FROM STDIN: data that the session did not want is dropped.
func (c *conn) finishCopy(err error) error {
	if c.copying {
		if err == nil {
			err = c.copyRest()
		}
		c.copying = false
	}
	c.running.Store(false)
	return err
}

// begin marks the session as running and returns the context for its call.
func (c *conn) begin() context.Context {
	if c.ctx == nil || c.ctx.Err() != nil {
		ctx, cancel := context.WithCancelCause(context.Background())
		c.mu.Lock()
		c.ctx, c.cancel = ctx, cancel
		c.mu.Unlock()
	}
	c.running.Store(true)
	if e := c.ending.Load(); e != nil {
		c.cancel(*e)
	}
	return c.ctx
}

// fail sends a session's error. It returns an error when that one ends the connection.
func (c *conn) fail(err error) error {
	if c.out.err != nil {
		return c.out.err
	}
	pe := pgerr.From(err)
	if pe.Code == pgerr.InternalError {
		c.srv.log.Error("internal error", zap.Int32("pid", c.info.PID), zap.String("error", pe.Message), zap.NamedError("cause", errors.Unwrap(pe)))
	}
	if pe.Severity == pgerr.SeverityFatal || pe.Severity == pgerr.SeverityPanic {
		return pe
	}
	c.srv.metrics.Errors.Add(1)
	c.out.report('E', pe)
	if c.lost {
		return fatal(pgerr.New(pgerr.ProtocolViolation, "terminating connection because protocol synchronization was lost"))
	}
	return c.out.room()
}

// sendReady ends a cycle.
func (c *conn) sendReady() error {
	if c.out.err != nil {
		return c.out.err
	}
	c.wake.Store(false)
	c.sess.Drain(c)
	c.out.readyForQuery(c.sess.TxStatus())
	c.ready = true
	c.tick.Store(c.srv.tick.Load())
	return c.out.flush()
}

// receive returns the next message. The body is valid until the next call.
func (c *conn) receive() (typ byte, body []byte, err error) {
	if err := c.need(5); err != nil {
		return 0, nil, err
	}
	typ, size := c.in.header()
	limit := bodyMax(typ)
	if limit < 0 {
		return 0, nil, fatal(pgerr.Newf(pgerr.ProtocolViolation, "invalid frontend message type %d", typ))
	}
	if size < 0 || size > limit {
		return 0, nil, fatal(pgerr.New(pgerr.ProtocolViolation, "invalid message length"))
	}
	if c.in.buffered() < 5+size {
		if err := c.need(5 + size); err != nil {
			return 0, nil, err
		}
	}
	c.in.take(5)
	return typ, c.in.take(size), nil
}

// need waits until n bytes are buffered. Meanwhile it serves the wishes of others (backend.go) and the session's idle limits.
func (c *conn) need(n int) error {
	var idle idleLimit
	for c.in.buffered() < n {
		if c.in.buffered() == 0 {
			c.rest(&idle)
		}
		c.waiting.Store(true)
		err := c.flagged()
		if err == nil {
			err = c.in.fill(n)
		}
		c.waiting.Store(false)
		if err == nil {
			return nil
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			if errors.Is(err, io.EOF) && c.in.buffered() > 0 {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		if idle.err != nil && !time.Now().Before(idle.at) {
			return fatal(idle.err)
		}
		_ = c.raw.SetReadDeadline(time.Time{}) // somebody's interrupt, or an idle limit that no longer holds
	}
	return nil
}

// idleLimit is when a wait has to end, and with what error.
type idleLimit struct {
	at  time.Time
	err *pgerr.Error
}

// rest prepares for a wait with nothing buffered: memory goes back to the pools (W6), and the session's idle limit is set.
func (c *conn) rest(idle *idleLimit) {
	c.in.release()
	c.out.release()
	c.shape.release()
	c.bind.release()
	if !c.ready {
		return
	}
	if idle.err == nil {
		limit, err := c.sess.Idle()
		if limit <= 0 || err == nil {
			return
		}
		*idle = idleLimit{time.Now().Add(limit), err}
	}
	_ = c.raw.SetReadDeadline(idle.at)
}

// flagged looks at what others want; the connection is announced as waiting.
func (c *conn) flagged() error {
	if e := c.ending.Load(); e != nil {
		return c.endingError(*e)
	}
	if c.running.Load() {
		if c.ctx.Err() != nil { // COPY data was waited for
			return Cause(c.ctx)
		}
		return nil
	}
	if c.ready && c.tired.Swap(false) {
		c.tick.Store(restedTick)
		if r, ok := c.sess.(Rester); ok {
			r.Rest()
		}
		c.names = names{}
		c.shape, c.bind = shape{}, bindMessage{}
	}
	if c.ready && c.wake.Swap(false) {
		c.sess.Drain(c)
		return c.out.flush()
	}
	return nil
}

func (c *conn) endingError(cause error) error {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	return fatal(Cause(ctx))
}

// names keeps the names of statements and portals as strings, so that Bind and Execute need no allocation.
type names struct {
	last string
	all  map[string]string
}

// namesMax bounds what the cache holds; a client with more names allocates a string per message.
const namesMax = 256

func (n *names) intern(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if n.last == string(b) {
		return n.last
	}
	if s, ok := n.all[string(b)]; ok {
		n.last = s
		return s
	}
	s := string(b)
	if n.all == nil {
		n.all = make(map[string]string)
	}
	if len(n.all) < namesMax {
		n.all[s] = s
	}
	n.last = s
	return s
}
