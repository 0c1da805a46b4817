package pgwire

import (
	"context"
	"crypto/hmac"
	"crypto/tls"
	"encoding/binary"
	"io"
	"maps"
	"net"
	"net/netip"
	"slices"
	"time"

	"go.uber.org/zap"

	"kimberlite/sql/pgerr"
)

// A node that does not lead hands its clients on to the leader: it ends their TLS, and tells the leader in a relay packet, which goes before the
// client's own startup message, who the client is. From then on it copies bytes, so that authentication, COPY and everything else is between the
// client and the leader. Cancel keys are the leader's; requests with a key that is not ours are handed on, too.
//
// A relay packet is framed as a startup packet: codeRelay, then token, network ("tcp" or "unix"), the client's address and "tls" or "", each ended
// by a zero byte. The leader believes it because of the token, which it gives to members only.

const codeRelay = 1234<<16 | 5690

// RelayTarget is the node that a client is handed on to.
type RelayTarget struct {
	Address string // of its SQL listener
	Token   string // its Options.RelayToken
}

// Router decides where new clients are served: here (nil), or elsewhere. An error is told to the client.
type Router func(ctx context.Context, info *StartupInfo) (*RelayTarget, error)

// route hands the client on if it is to be served elsewhere; done tells that it was.
func (c *conn) route(packet []byte) (done bool, err error) {
	router := c.srv.opts.Router
	if router == nil {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.srv.authTimeout())
	defer cancel()
	target, err := router(ctx, &c.info)
	switch {
	case err != nil:
		return false, fatal(pgerr.From(err))
	case target == nil:
		return false, nil
	case c.relayed:
		return false, fatal(pgerr.New(pgerr.CannotConnectNow, "the leader of the cluster is changing"))
	}
	return true, c.relay(target, packet)
}

// relay copies bytes between the client and the target until one of them ends.
func (c *conn) relay(target *RelayTarget, packet []byte) error {
	up, err := net.DialTimeout("tcp", target.Address, relayDialTimeout)
	if err == nil {
		defer up.Close()
		_, err = up.Write(c.relayPreamble(target.Token, packet))
	}
	if err != nil {
		c.srv.log.Warn("could not relay a client to the leader", zap.String("leader", target.Address), zap.Error(err))
		return fatal(pgerr.Newf(pgerr.CannotConnectNow, "the leader at %s cannot be reached", target.Address))
	}
	c.in.close()
	c.out.release()
	c.opened.Store(true)
	_ = c.raw.SetDeadline(time.Time{})
	c.waiting.Store(true) // so that terminate interrupts the copying
	if e := c.ending.Load(); e != nil {
		return c.endingError(*e)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(up, c.net)
		_ = up.(*net.TCPConn).CloseWrite()
		if c.ending.Load() != nil {
			_ = up.Close()
		}
	}()
	_, _ = io.Copy(c.net, up)
	_ = c.raw.SetReadDeadline(time.Unix(1, 0)) // ends the other direction
	<-done
	if e := c.ending.Load(); e != nil {
		return c.endingError(*e)
	}
	return errBye
}

// relayPreamble is the relay packet, the client's startup message and what the client sent behind it.
func (c *conn) relayPreamble(token string, packet []byte) []byte {
	b := binary.BigEndian.AppendUint32(make([]byte, 4, 256+len(packet)), codeRelay)
	remote, network, encrypted := c.remoteAddr(), "tcp", ""
	if !remoteIP(remote).IsValid() {
		network = "unix"
	}
	if c.info.TLS != nil {
		encrypted = "tls"
	}
	for _, s := range []string{token, network, remote.String(), encrypted} {
		b = append(append(b, s...), 0)
	}
	binary.BigEndian.PutUint32(b, uint32(len(b)))
	b = binary.BigEndian.AppendUint32(b, uint32(4+len(packet)))
	b = append(b, packet...)
	return append(b, c.in.take(c.in.buffered())...)
}

// relayPacket takes over who the client of a relaying node is.
func (c *conn) relayPacket(packet []byte) error {
	m := cursor{b: packet[4:]}
	token, network, remote, encrypted := string(m.text()), string(m.text()), string(m.text()), string(m.text())
	want := c.srv.opts.RelayToken
	if m.end() != nil || c.relayed || c.info.TLS != nil || want == "" || !hmac.Equal([]byte(token), []byte(want)) {
		c.srv.metrics.ProtocolErrors.Add(1)
		c.srv.log.Warn("refused a relayed client: the other side is no member of this cluster", zap.Stringer("remote", c.raw.RemoteAddr()))
		return errBye
	}
	c.relayed = true
	c.remote = &net.UnixAddr{Name: remote, Net: "unix"}
	if network == "tcp" {
		ap, err := netip.ParseAddrPort(remote)
		if err != nil {
			return errBye
		}
		c.remote = net.TCPAddrFromAddrPort(ap)
	}
	if encrypted != "" {
		c.info.TLS = &tls.ConnectionState{}
	}
	return nil
}

// remoteAddr is the client's address, also behind a relaying node.
func (c *conn) remoteAddr() net.Addr {
	if c.remote != nil {
		return c.remote
	}
	return c.raw.RemoteAddr()
}

// relayCancel hands a CancelRequest on whose key is not ours.
func (c *conn) relayCancel(packet []byte) {
	router := c.srv.opts.Router
	if router == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), relayDialTimeout)
	defer cancel()
	target, err := router(ctx, &StartupInfo{})
	if err != nil || target == nil {
		return
	}
	up, err := net.DialTimeout("tcp", target.Address, relayDialTimeout)
	if err != nil {
		return
	}
	defer up.Close()
	_ = up.SetDeadline(time.Now().Add(relayDialTimeout))
	if _, err := up.Write(append(binary.BigEndian.AppendUint32(nil, uint32(4+len(packet))), packet...)); err == nil {
		_, _ = io.Copy(io.Discard, up) // its end says that the request was served
	}
}

// Terminate ends all sessions with an error, as a node does that leads no more.
func (s *Server) Terminate(err *pgerr.Error) {
	s.mu.Lock()
	list := slices.Collect(maps.Values(s.byPID))
	s.mu.Unlock()
	for _, c := range list {
		c.TerminateWith(err)
	}
}
