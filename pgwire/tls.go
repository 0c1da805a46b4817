package pgwire

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"

	"kimberlite/sql/pgerr"
)

// alpnProtocol is the protocol's name in TLS's application layer negotiation.
const alpnProtocol = "postgresql"

// tlsHandshakeByte is the first byte of a TLS connection; no packet of ours starts with it, since it would have to be longer than the limit.
const tlsHandshakeByte = 0x16

// TLSFiles names the PEM files of the server's identity.
type TLSFiles struct {
	Cert string // the server's certificate, followed by the intermediate ones
	Key  string
	CA   string // certificates that clients' certificates are verified against; "" asks clients for none
}

// LoadTLS reads the files into a configuration for Server.SetTLS.
func LoadTLS(files TLSFiles) (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		return nil, fmt.Errorf("could not load server certificate file %q with key file %q: %w", files.Cert, files.Key, err)
	}
	if cert.Leaf == nil {
		if cert.Leaf, err = x509.ParseCertificate(cert.Certificate[0]); err != nil {
			return nil, fmt.Errorf("could not parse server certificate file %q: %w", files.Cert, err)
		}
	}
	cfg := &tls.Config{
		Certificates: []tls.Certificate{cert},
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{alpnProtocol},
	}
	if files.CA != "" {
		pem, err := os.ReadFile(files.CA)
		if err != nil {
			return nil, fmt.Errorf("could not load root certificate file %q: %w", files.CA, err)
		}
		cfg.ClientCAs = x509.NewCertPool()
		if !cfg.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("could not load root certificate file %q: no certificate in it", files.CA)
		}
		cfg.ClientAuth = tls.VerifyClientCertIfGiven
	}
	return cfg, nil
}

// directTLS starts TLS when the client begins with a handshake instead of a packet.
func (c *conn) directTLS() error {
	if err := c.in.fill(1); err != nil {
		return err
	}
	if c.in.buf[c.in.r] != tlsHandshakeByte {
		return nil
	}
	cfg := c.srv.tls.Load()
	if cfg == nil {
		return errBye
	}
	if err := c.startTLS(cfg); err != nil {
		return err
	}
	if c.info.TLS.NegotiatedProtocol != alpnProtocol {
		return fatal(pgerr.New(pgerr.ProtocolViolation, "received direct SSL connection request without ALPN protocol negotiation extension"))
	}
	return nil
}

// answerTLS answers an SSLRequest.
func (c *conn) answerTLS() error {
	cfg := c.srv.tls.Load()
	_, local := c.raw.(*net.UnixConn)
	if cfg == nil || local || c.info.TLS != nil {
		_, err := c.net.Write([]byte{'N'})
		return err
	}
	if _, err := c.net.Write([]byte{'S'}); err != nil {
		return err
	}
	if err := c.noBytesBehind("SSL request"); err != nil {
		return err
	}
	return c.startTLS(cfg)
}

// startTLS shakes hands and puts the encrypted connection in place of the socket.
func (c *conn) startTLS(cfg *tls.Config) error {
	ahead := append([]byte(nil), c.in.take(c.in.buffered())...)
	t := tls.Server(&replayConn{Conn: c.raw, ahead: ahead}, cfg)
	if err := t.Handshake(); err != nil {
		return err
	}
	state := t.ConnectionState()
	c.info.TLS = &state
	c.net = t
	c.in.src = t
	c.out.dst = t
	return nil
}

// replayConn gives bytes that were read ahead before it goes on reading.
type replayConn struct {
	net.Conn
	ahead []byte
}

func (r *replayConn) Read(p []byte) (int, error) {
	if len(r.ahead) > 0 {
		n := copy(p, r.ahead)
		if r.ahead = r.ahead[n:]; len(r.ahead) == 0 {
			r.ahead = nil
		}
		return n, nil
	}
	return r.Conn.Read(p)
}
