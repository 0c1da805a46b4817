package pgwire

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"net"
	"net/netip"
	"os/user"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgproto3/v2"
	"github.com/xdg-go/scram"
	"go.uber.org/zap"

	"kimberlite/sql/pgerr"
)

const (
	mechanismSCRAM     = "SCRAM-SHA-256"
	mechanismSCRAMPlus = "SCRAM-SHA-256-PLUS"
)

// authenticate finds out by the HBA table how the client has to prove who it is, lets it, and says AuthenticationOk.
func (c *conn) authenticate(engine Engine) (RoleInfo, error) {
	ctx, cancel := context.WithTimeout(context.Background(), c.srv.authTimeout())
	defer cancel()
	addr := remoteIP(c.remoteAddr())
	rule := c.srv.hba.Load().match(&hbaClient{
		user: c.info.User, database: c.info.Database, replication: c.info.Replication, addr: addr, tls: c.info.TLS != nil,
		memberOf: func(role, group string) bool { return engine.MemberOf(ctx, role, group) },
	})
	if rule == nil {
		return RoleInfo{}, c.denied("no pg_hba.conf entry for")
	}
	c.info.AuthMethod = rule.method
	if rule.method == "reject" {
		return RoleInfo{}, c.denied("pg_hba.conf rejects connection for")
	}
	if err := c.checkCertificate(rule); err != nil {
		return RoleInfo{}, err
	}
	role, err := engine.Role(ctx, c.info.User)
	if err != nil {
		return RoleInfo{}, fatal(pgerr.From(err))
	}
	if err := c.prove(rule.method, role); err != nil {
		return RoleInfo{}, err
	}
	c.info.Remote = c.remoteAddr()
	return role, c.sendAuthOK()
}

// sendAuthOK says AuthenticationOk. It is not flushed: the session's greeting follows at once.
func (c *conn) sendAuthOK() error {
	buf, at := c.out.start('R')
	buf.int32(pgproto3.AuthTypeOk)
	buf.end(at)
	return nil
}

// prove runs a rule's method.
func (c *conn) prove(method string, role RoleInfo) error {
	usable := role.Password != "" && (role.ValidUntil.IsZero() || time.Now().Before(role.ValidUntil))
	var ok bool
	var err error
	switch {
	case method == "trust" || method == "cert":
		return nil
	case method == "peer":
		return c.peer()
	case method == "password":
		ok, err = c.cleartext(role.Password)
	case method == "md5" && strings.HasPrefix(role.Password, "md5"):
		ok, err = c.md5(role.Password)
	default: // md5 with a SCRAM verifier is SCRAM, as in PostgreSQL
		ok, err = c.scram(role.Password)
	}
	if err != nil {
		return err
	}
	if !ok || !usable {
		return c.wrongPassword()
	}
	return nil
}

func (c *conn) wrongPassword() error {
	c.srv.metrics.AuthFailures.Add(1)
	c.srv.log.Warn("password authentication failed", zap.String("user", c.info.User), zap.Stringer("remote", c.remoteAddr()))
	return fatal(pgerr.Newf(pgerr.InvalidPassword, "password authentication failed for user \"%s\"", c.info.User))
}

// denied is the error for a client whom the table does not let in.
func (c *conn) denied(start string) error {
	c.srv.metrics.AuthFailures.Add(1)
	host, encryption := "[local]", "no encryption"
	if addr := remoteIP(c.remoteAddr()); addr.IsValid() {
		host = addr.String()
	}
	if c.info.TLS != nil {
		encryption = "SSL encryption"
	}
	if c.info.Replication == "true" {
		return fatal(pgerr.Newf(pgerr.InvalidAuthorizationSpecification, "%s replication connection from host \"%s\", user \"%s\", %s",
			strings.Replace(start, "connection for", "", 1), host, c.info.User, encryption))
	}
	return fatal(pgerr.Newf(pgerr.InvalidAuthorizationSpecification, "%s host \"%s\", user \"%s\", database \"%s\", %s",
		start, host, c.info.User, c.info.Database, encryption))
}

// checkCertificate enforces clientcert and the cert method.
func (c *conn) checkCertificate(rule *hbaRule) error {
	want := rule.options["clientcert"]
	if rule.method == "cert" {
		want = "verify-full"
	}
	if want == "" {
		return nil
	}
	if c.info.TLS == nil || len(c.info.TLS.PeerCertificates) == 0 {
		c.srv.metrics.AuthFailures.Add(1)
		return fatal(pgerr.New(pgerr.InvalidAuthorizationSpecification, "connection requires a valid client certificate"))
	}
	if want == "verify-full" && c.info.TLS.PeerCertificates[0].Subject.CommonName != c.info.User {
		c.srv.metrics.AuthFailures.Add(1)
		return fatal(pgerr.Newf(pgerr.InvalidAuthorizationSpecification, "certificate authentication failed for user \"%s\"", c.info.User))
	}
	return nil
}

// peer compares the operating system's name of the client's user.
func (c *conn) peer() error {
	uid, err := peerUID(c.raw)
	if err == nil {
		var u *user.User
		if u, err = user.LookupId(strconv.Itoa(uid)); err == nil && u.Username == c.info.User {
			return nil
		}
	}
	c.srv.metrics.AuthFailures.Add(1)
	return fatal(pgerr.Wrap(err, pgerr.InvalidAuthorizationSpecification, "Peer authentication failed for user \"%s\"", c.info.User))
}

// cleartext asks for the password itself.
func (c *conn) cleartext(stored string) (bool, error) {
	if err := c.sendAuth(&pgproto3.AuthenticationCleartextPassword{}); err != nil {
		return false, err
	}
	password, err := c.receivePassword()
	return err == nil && checkPassword(stored, c.info.User, password), err
}

// md5 asks for a salted hash of the hash that is stored.
func (c *conn) md5(stored string) (bool, error) {
	var salt [4]byte
	_, _ = rand.Read(salt[:]) // never fails
	if err := c.sendAuth(&pgproto3.AuthenticationMD5Password{Salt: salt}); err != nil {
		return false, err
	}
	got, err := c.receivePassword()
	want := "md5" + md5Hex(strings.TrimPrefix(stored, "md5"), string(salt[:]))
	return err == nil && hmac.Equal([]byte(got), []byte(want)), err
}

func (c *conn) receivePassword() (string, error) {
	body, err := c.receiveAuth()
	if err != nil {
		return "", err
	}
	var m pgproto3.PasswordMessage
	if len(body) == 0 || body[len(body)-1] != 0 || m.Decode(body) != nil {
		return "", fatal(pgerr.New(pgerr.ProtocolViolation, "invalid password packet size"))
	}
	if m.Password == "" {
		return "", fatal(pgerr.New(pgerr.InvalidPassword, "empty password returned by client"))
	}
	return m.Password, nil
}

// scram runs SCRAM-SHA-256, with channel binding over TLS if the client wants it. A role that has no verifier goes through the
// same steps and fails at their end.
func (c *conn) scram(stored string) (bool, error) {
	creds, err := parseVerifier(stored)
	real := err == nil
	if !real {
		creds = mockCredentials(c.srv.secret, c.info.User)
	}
	server, err := scram.SHA256.NewServer(func(string) (scram.StoredCredentials, error) { return creds, nil })
	if err != nil {
		return false, fatal(pgerr.From(err))
	}
	binding, bound := c.channelBinding()
	mechanisms := []string{mechanismSCRAM}
	if bound {
		mechanisms = []string{mechanismSCRAMPlus, mechanismSCRAM}
	}
	if err := c.sendAuth(&pgproto3.AuthenticationSASL{AuthMechanisms: mechanisms}); err != nil {
		return false, err
	}
	mechanism, first, err := c.saslInitial()
	if err != nil {
		return false, err
	}
	var conv *scram.ServerConversation
	switch {
	case mechanism == mechanismSCRAMPlus && bound:
		conv = server.NewConversationWithChannelBindingRequired(binding)
	case mechanism == mechanismSCRAM && bound:
		conv = server.NewConversationWithChannelBinding(binding)
	case mechanism == mechanismSCRAM:
		conv = server.NewConversation()
	default:
		return false, fatal(pgerr.New(pgerr.ProtocolViolation, "client selected an invalid SASL authentication mechanism"))
	}
	answer, err := conv.Step(first)
	if err != nil {
		return false, malformedSCRAM(err)
	}
	if err := c.sendAuth(&pgproto3.AuthenticationSASLContinue{Data: []byte(answer)}); err != nil {
		return false, err
	}
	final, err := c.receiveAuth()
	if err != nil {
		return false, err
	}
	if answer, err = conv.Step(string(final)); err != nil {
		if answer == "" {
			return false, malformedSCRAM(err)
		}
		return false, nil // a wrong proof
	}
	if !conv.Valid() || !real {
		return false, nil
	}
	buf, at := c.out.start('R')
	buf.int32(pgproto3.AuthTypeSASLFinal)
	buf.b = append(buf.b, answer...)
	buf.end(at)
	return true, nil
}

func malformedSCRAM(err error) error {
	return fatal(pgerr.New(pgerr.ProtocolViolation, "malformed SCRAM message")).WithDetail("%s", err.Error())
}

// saslInitial reads the SASLInitialResponse.
func (c *conn) saslInitial() (mechanism, response string, err error) {
	body, err := c.receiveAuth()
	if err != nil {
		return "", "", err
	}
	m := cursor{b: body}
	mechanism = string(m.text())
	n := m.int32()
	if m.err == nil && n == -1 {
		return "", "", fatal(pgerr.New(pgerr.ProtocolViolation, "malformed SCRAM message")).WithDetail("The message is empty.")
	}
	response = string(m.bytes(int(n)))
	if e := m.end(); e != nil {
		return "", "", fatal(e)
	}
	return mechanism, response, nil
}

// channelBinding returns the data that ties SCRAM to this TLS connection: the hash of our certificate.
func (c *conn) channelBinding() (scram.ChannelBinding, bool) {
	cfg := c.srv.tls.Load()
	if c.info.TLS == nil || c.relayed || cfg == nil || len(cfg.Certificates) == 0 || cfg.Certificates[0].Leaf == nil {
		return scram.ChannelBinding{}, false
	}
	// The library looks at the peer's certificate, as a client has to; for the server the certificate is its own.
	state := *c.info.TLS
	state.PeerCertificates = append(state.PeerCertificates[:0:0], cfg.Certificates[0].Leaf)
	b, err := scram.NewTLSServerEndpointBinding((*tls.ConnectionState)(&state))
	return b, err == nil
}

// remoteIP returns the client's address, invalid for a Unix socket.
func remoteIP(a net.Addr) netip.Addr {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort().Addr().Unmap().WithZone("")
	}
	if a == nil || a.Network() == "unix" {
		return netip.Addr{}
	}
	if ap, err := netip.ParseAddrPort(a.String()); err == nil {
		return ap.Addr().Unmap()
	}
	return netip.Addr{}
}

// keyEqual compares cancel keys in constant time.
func keyEqual(a, b uint32) bool {
	return hmac.Equal(binary.BigEndian.AppendUint32(nil, a), binary.BigEndian.AppendUint32(nil, b))
}
