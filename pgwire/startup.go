package pgwire

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgproto3/v2"

	"kimberlite/sql/pgerr"
)

// The codes that a first packet may carry instead of a version.
const (
	codeCancel = 1234<<16 | 5678
	codeTLS    = 1234<<16 | 5679
	codeGSS    = 1234<<16 | 5680

	versionMajor = 3
	version30    = versionMajor << 16
)

// open brings a connection from its first byte to its first ReadyForQuery.
func (c *conn) open() error {
	_ = c.raw.SetDeadline(time.Now().Add(c.srv.authTimeout()))
	packet, err := c.firstPacket()
	if err != nil {
		return silence(err)
	}
	options, err := c.startupMessage(packet)
	if err != nil {
		return err
	}
	if err := c.srv.takeSlot(c); err != nil {
		return err
	}
	if done, err := c.route(packet); done || err != nil {
		return err
	}
	role, err := c.admit()
	if err != nil {
		return err
	}
	if err := c.reserve(role); err != nil {
		return err
	}
	if c.info.Params, err = startupParams(options, c.info.Params); err != nil {
		return err
	}
	c.opened.Store(true)
	_ = c.raw.SetDeadline(time.Time{})
	if e := c.ending.Load(); e != nil { // its write deadline was lifted just now
		return c.endingError(*e)
	}
	return c.openSession()
}

// silence keeps quiet towards a client that left, or was too slow, before it said who it is: port scans and health checks.
func silence(err error) error {
	var pe *pgerr.Error
	if errors.As(err, &pe) || err == errBye {
		return err
	}
	return errBye
}

// openSession makes the session and greets the client.
func (c *conn) openSession() error {
	c.srv.register(c)
	engine := c.srv.currentEngine()
	if engine == nil {
		return c.srv.unavailable()
	}
	c.info.Start = time.Now()
	c.info.Backend = c
	sess, err := engine.NewSession(c.begin(), c.info)
	c.running.Store(false)
	if err != nil {
		return fatal(pgerr.From(err))
	}
	c.sess = sess
	c.sess.Drain(c)
	buf, at := c.out.start('K')
	buf.int32(c.info.PID)
	buf.int32(int32(c.key))
	buf.end(at)
	c.info = StartupInfo{PID: c.info.PID, User: c.info.User, Database: c.info.Database} // the rest is the session's now
	return c.sendReady()
}

// firstPacket reads packets until the startup message has come, setting up TLS and cancelling others on the way.
func (c *conn) firstPacket() ([]byte, error) {
	var askedTLS, askedGSS bool
	if err := c.directTLS(); err != nil {
		return nil, err
	}
	for {
		packet, err := c.startupPacket()
		if err != nil {
			return nil, err
		}
		switch code := binary.BigEndian.Uint32(packet); {
		case code == codeCancel:
			return nil, c.cancelOther(packet)
		case code == codeRelay:
			if err := c.relayPacket(packet); err != nil {
				return nil, err
			}
			askedTLS, askedGSS = true, true
		case code == codeTLS && !askedTLS:
			askedTLS = true
			if err := c.answerTLS(); err != nil {
				return nil, err
			}
		case code == codeGSS && !askedGSS:
			askedGSS = true
			if err := c.noBytesBehind("GSSAPI encryption request"); err != nil {
				return nil, err
			}
			if _, err := c.net.Write([]byte{'N'}); err != nil {
				return nil, err
			}
		case code>>16 == versionMajor:
			return append([]byte(nil), packet...), nil
		default:
			return nil, c.unsupportedVersion(code)
		}
	}
}

// startupPacket reads one packet without a type byte.
func (c *conn) startupPacket() ([]byte, error) {
	if err := c.in.fill(4); err != nil {
		return nil, err
	}
	size := int(int32(binary.BigEndian.Uint32(c.in.take(4)))) - 4
	if size < 4 || size > startupBytesMax {
		c.srv.metrics.ProtocolErrors.Add(1)
		return nil, errBye // most likely no PostgreSQL client at all; PostgreSQL closes without a word, too
	}
	if err := c.in.fill(size); err != nil {
		return nil, err
	}
	return c.in.take(size), nil
}

// unsupportedVersion refuses protocol 2 in the form that its clients understand, others normally.
func (c *conn) unsupportedVersion(code uint32) error {
	e := pgerr.Newf(pgerr.FeatureNotSupported, "unsupported frontend protocol %d.%d: server supports 3.0 to 3.0", code>>16, code&0xffff)
	if code>>16 < versionMajor {
		_, _ = c.net.Write([]byte("EFATAL:  " + e.Message + "\n\x00"))
		return errBye
	}
	return fatal(e)
}

// noBytesBehind refuses bytes sent in the clear behind a request for encryption: they might be an attacker's.
func (c *conn) noBytesBehind(request string) error {
	if c.in.buffered() == 0 {
		return nil
	}
	return fatal(pgerr.Newf(pgerr.ProtocolViolation, "received unencrypted data after %s", request)).
		WithDetail("This could be either a client-software bug or evidence of an attempted man-in-the-middle attack.")
}

// cancelOther serves a CancelRequest. It has no answer, right or wrong.
func (c *conn) cancelOther(packet []byte) error {
	c.srv.metrics.CancelRequests.Add(1)
	if len(packet) == 12 {
		if !c.srv.cancelByKey(int32(binary.BigEndian.Uint32(packet[4:])), binary.BigEndian.Uint32(packet[8:])) && !c.relayed {
			c.relayCancel(packet)
		}
	}
	return errBye
}

// startupMessage takes the StartupMessage apart and fills c.info. It returns the value of "options".
func (c *conn) startupMessage(packet []byte) (options string, err error) {
	body := packet[4:]
	var unknown []string
	seen := false
	for len(body) > 0 && body[0] != 0 {
		m := cursor{b: body}
		name, value := string(m.text()), string(m.text())
		if m.err != nil {
			break // the terminator is not where it should be
		}
		body = m.b
		switch {
		case name == "user":
			c.info.User, seen = truncateName(value), value != ""
		case name == "database":
			c.info.Database = truncateName(value)
		case name == "options":
			options = value
		case name == "replication":
			if c.info.Replication, err = replicationMode(value); err != nil {
				return "", err
			}
		case strings.HasPrefix(name, "_pq_."):
			unknown = append(unknown, name)
		default:
			c.info.Params = append(c.info.Params, Param{name, value})
		}
	}
	if len(body) != 1 {
		return "", fatal(pgerr.New(pgerr.ProtocolViolation, "invalid startup packet layout: expected terminator as last byte"))
	}
	if minor := binary.BigEndian.Uint32(packet) & 0xffff; minor > 0 || len(unknown) > 0 {
		c.negotiate(unknown)
	}
	if !seen {
		return "", fatal(pgerr.New(pgerr.InvalidAuthorizationSpecification, "no PostgreSQL user name specified in startup packet"))
	}
	if c.info.Database == "" {
		c.info.Database = c.info.User
	}
	return options, nil
}

// negotiate tells a client of a newer protocol what we speak: 3.0, and none of its options.
func (c *conn) negotiate(unknown []string) {
	buf, at := c.out.start('v')
	buf.int32(version30)
	buf.int32(int32(len(unknown)))
	for _, name := range unknown {
		buf.text(name)
	}
	buf.end(at)
}

func replicationMode(value string) (string, error) {
	switch strings.ToLower(value) {
	case "database":
		return "database", nil
	case "true", "on", "yes", "1", "t", "y":
		return "true", nil
	case "false", "off", "no", "0", "f", "n":
		return "", nil
	}
	return "", fatal(pgerr.Newf(pgerr.InvalidParameterValue, "invalid value for parameter \"replication\": \"%s\"", value)).
		WithHint("Valid values are: \"false\", 0, \"true\", 1, \"database\".")
}

// truncateName cuts a name as PostgreSQL cuts identifiers, at a character's bound.
func truncateName(s string) string {
	if len(s) <= nameBytesMax {
		return s
	}
	n := nameBytesMax
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}

// startupParams returns the settings of "options" followed by the message's own.
func startupParams(options string, own []Param) ([]Param, error) {
	words := splitOptions(options)
	if len(words) == 0 {
		return own, nil
	}
	var list []Param
	for i := 0; i < len(words); i++ {
		word := words[i]
		var setting, given string
		switch {
		case strings.HasPrefix(word, "-c"):
			setting = word[2:]
			if setting == "" && i+1 < len(words) {
				i++
				setting = words[i]
			}
			given = "-c " + setting
		case strings.HasPrefix(word, "--") && len(word) > 2:
			setting, given = word[2:], word
		default:
			return nil, fatal(pgerr.Newf(pgerr.SyntaxError, "invalid command-line argument for server process: %s", strings.TrimSpace(word))).
				WithHint("Try \"postgres --help\" for more information.")
		}
		name, value, ok := strings.Cut(setting, "=")
		if !ok {
			return nil, fatal(pgerr.Newf(pgerr.SyntaxError, "%s requires a value", given))
		}
		list = append(list, Param{strings.ReplaceAll(name, "-", "_"), value})
	}
	return append(list, own...), nil
}

// splitOptions splits at white space; a backslash makes the next character literal.
func splitOptions(s string) []string {
	var words []string
	var word []byte
	open := false
	for i := 0; i < len(s); i++ {
		switch ch := s[i]; {
		case ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r' || ch == '\v' || ch == '\f':
			if open {
				words, word, open = append(words, string(word)), word[:0], false
			}
		case ch == '\\' && i+1 < len(s):
			i++
			word, open = append(word, s[i]), true
		case ch != '\\':
			word, open = append(word, ch), true
		}
	}
	if open {
		words = append(words, string(word))
	}
	return words
}

// admit authenticates a client that is served here.
func (c *conn) admit() (RoleInfo, error) {
	engine := c.srv.currentEngine()
	if engine == nil || c.srv.closing.Load() {
		return RoleInfo{}, c.srv.unavailable()
	}
	return c.authenticate(engine)
}

// reserve keeps the last slots for superusers.
func (c *conn) reserve(role RoleInfo) error {
	free := int64(c.srv.opts.MaxConnections) - c.srv.slots.Load()
	if free < int64(c.srv.opts.ReservedConnections) && !role.Superuser {
		c.srv.metrics.Rejected.Add(1)
		return fatal(pgerr.New(pgerr.TooManyConnections, "remaining connection slots are reserved for non-replication superuser connections"))
	}
	return nil
}

// sendAuth sends an authentication request.
func (c *conn) sendAuth(m pgproto3.BackendMessage) error {
	buf := c.out.grab()
	b, err := m.Encode(buf.b)
	if err != nil {
		return err
	}
	buf.b = b
	return c.out.flush()
}

// receiveAuth reads a client's password or SASL message.
func (c *conn) receiveAuth() ([]byte, error) {
	if err := c.in.fill(5); err != nil {
		return nil, c.authLost(err)
	}
	typ, size := c.in.header()
	if typ != 'p' {
		return nil, fatal(pgerr.Newf(pgerr.ProtocolViolation, "expected password response, got message type %d", typ))
	}
	if size < 0 || size > authBytesMax {
		return nil, fatal(pgerr.New(pgerr.ProtocolViolation, "invalid password packet size"))
	}
	if err := c.in.fill(5 + size); err != nil {
		return nil, c.authLost(err)
	}
	c.in.take(5)
	return c.in.take(size), nil
}

// authLost is for a client that left in the middle: psql does so to ask for the password, so it is no failure.
func (c *conn) authLost(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
		return errBye
	}
	return silence(err)
}

func randomKey() uint32 {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails; the process would have ended
	return binary.BigEndian.Uint32(b[:])
}
