package pgwire

import (
	"math"
	"time"

	"kimberlite/sql/pgerr"
)

// This file is what other goroutines may do to a connection. The protocol with the connection's goroutine: whoever wants something sets a
// flag first (ending, wake, or the cancelled context) and then interrupts the read if the connection waits in one; the connection
// announces its wait first and then looks at the flags. Both orders are sequentially consistent, so no wish is lost. A late interrupt
// makes some later read time out for no reason; need() goes on then.

var _ Backend = (*conn)(nil)

// Cancel implements Backend.
func (c *conn) Cancel() { c.cancelWith(ErrCancelRequest) }

// Terminate implements Backend.
func (c *conn) Terminate() { c.terminate(ErrTerminated) }

// TerminateWith implements Backend.
func (c *conn) TerminateWith(err *pgerr.Error) { c.terminate(fatal(err)) }

// Wake implements Backend.
func (c *conn) Wake() {
	c.wake.Store(true)
	if c.waiting.Load() {
		c.interrupt()
	}
}

func (c *conn) cancelWith(cause error) {
	if !c.running.Load() {
		return // nothing to cancel: ignored, as PostgreSQL does when idle
	}
	c.mu.Lock()
	cancel := c.cancel
	c.mu.Unlock()
	cancel(cause)
	if c.waiting.Load() { // it waits for COPY data
		c.interrupt()
	}
}

func (c *conn) terminate(cause error) {
	if !c.ending.CompareAndSwap(nil, &cause) {
		return
	}
	// A client that does not read must not keep us in a write for ever.
	_ = c.raw.SetWriteDeadline(time.Now().Add(goodbyeTimeout))
	c.cancelWith(cause)
	if c.waiting.Load() || !c.opened.Load() {
		c.interrupt()
	}
}

// interrupt makes a blocked read return with a timeout.
func (c *conn) interrupt() {
	_ = c.raw.SetReadDeadline(time.Unix(1, 0))
}

// restedTick marks a connection whose session has rested since its last ReadyForQuery.
const restedTick = math.MaxInt64

// sweep lets the sessions of quiet clients rest, until the server shuts down. It costs the busy ones one atomic store a cycle.
func (s *Server) sweep() {
	ticker := time.NewTicker(s.opts.RestInterval)
	defer ticker.Stop()
	for !s.closing.Load() {
		select {
		case <-s.quit:
			return
		case <-ticker.C:
		}
		now := s.tick.Add(1)
		s.mu.Lock()
		for _, c := range s.byPID {
			if c.waiting.Load() && c.opened.Load() && c.tick.Load() < now-1 {
				c.tired.Store(true)
				c.interrupt()
			}
		}
		s.mu.Unlock()
	}
}
