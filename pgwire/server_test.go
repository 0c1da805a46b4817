package pgwire

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"kimberlite/sql/pgerr"
)

func dial(t testing.TB, dsn string) (*pgconn.PgConn, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := pgconn.Connect(ctx, dsn)
	if err == nil {
		t.Cleanup(func() { _ = c.Close(context.Background()) })
	}
	return c, err
}

func mustDial(t testing.TB, addr, user string) *pgconn.PgConn {
	t.Helper()
	c, err := dial(t, fmt.Sprintf("postgres://%s@%s/db?sslmode=disable", user, addr))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// wantCode fails unless err carries the SQLSTATE.
func wantCode(t *testing.T, err error, code string) *pgconn.PgError {
	t.Helper()
	var pe *pgconn.PgError
	if !errors.As(err, &pe) || pe.Code != code {
		t.Fatalf("got %v, want SQLSTATE %s", err, code)
	}
	return pe
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if f() {
			return
		}
	}
	t.Fatalf("never happened: %s", what)
}

func TestCancelRequestStopsTheRunningStatementOnly(t *testing.T) {
	s, _ := newFake(t, Options{})
	c := mustDial(t, listen(t, s), "alice")
	for range 3 {
		done := make(chan error, 1)
		go func() {
			_, err := c.Exec(context.Background(), "wait").ReadAll()
			done <- err
		}()
		eventually(t, "the statement runs", func() bool { return s.byID(int32(c.PID())).running.Load() })
		if err := c.CancelRequest(context.Background()); err != nil {
			t.Fatal(err)
		}
		pe := wantCode(t, <-done, pgerr.QueryCanceled)
		if pe.Message != "canceling statement due to user request" {
			t.Fatal(pe.Message)
		}
		// An idle connection ignores the request, and the next statement is not hurt by it.
		if err := c.CancelRequest(context.Background()); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Exec(context.Background(), "rows 1").ReadAll(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCancelInterruptsAWaitForCopyData(t *testing.T) {
	s, _ := newFake(t, Options{})
	c := mustDial(t, listen(t, s), "alice")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	done := make(chan error, 1)
	go func() {
		_, err := c.CopyFrom(context.Background(), r, "copyin")
		done <- err
	}()
	eventually(t, "COPY waits", func() bool { b := s.byID(int32(c.PID())); return b.running.Load() && b.waiting.Load() })
	b := s.byID(int32(c.PID()))
	b.Cancel()
	eventually(t, "the wait is over before any data came", func() bool { return !b.running.Load() })
	_ = w.Close() // the client library looks at the answer only between reads of its source
	wantCode(t, <-done, pgerr.QueryCanceled)
	if _, err := c.Exec(context.Background(), "rows 1").ReadAll(); err != nil {
		t.Fatal(err)
	}
}

func TestTerminateReachesIdleAndBusyConnections(t *testing.T) {
	s, _ := newFake(t, Options{})
	addr := listen(t, s)
	for _, busy := range []bool{false, true} {
		c := mustDial(t, addr, "alice")
		done := make(chan error, 1)
		go func() {
			if busy {
				_, err := c.Exec(context.Background(), "wait").ReadAll()
				done <- err
				return
			}
			done <- c.WaitForNotification(context.Background())
		}()
		b := s.byID(int32(c.PID()))
		eventually(t, "the connection is where it should be", func() bool { return b.running.Load() == busy && (busy || b.waiting.Load()) })
		b.Terminate()
		pe := wantCode(t, <-done, pgerr.AdminShutdown)
		if pe.Severity != "FATAL" {
			t.Fatal(pe.Severity)
		}
	}
}

func TestWakeDeliversNotificationsToAnIdleClient(t *testing.T) {
	s, e := newFake(t, Options{})
	addr := listen(t, s)
	cfg, err := pgconn.ParseConfig(fmt.Sprintf("postgres://alice@%s/db?sslmode=disable", addr))
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 100)
	cfg.OnNotification = func(_ *pgconn.PgConn, n *pgconn.Notification) { got <- n.Payload }
	c, err := pgconn.ConnectConfig(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	for i := range 50 {
		e.session().notify(fmt.Sprint(i))
		if err := c.WaitForNotification(context.Background()); err != nil {
			t.Fatal(err)
		}
		if p := <-got; p != fmt.Sprint(i) {
			t.Fatalf("got %q, want %d", p, i)
		}
		if i%10 == 0 { // the interrupted read must not have eaten anything
			if _, err := c.Exec(context.Background(), "rows 3").ReadAll(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestIdleLimitEndsTheConnection(t *testing.T) {
	s, _ := newFake(t, Options{})
	c := mustDial(t, listen(t, s), "alice")
	if _, err := c.Exec(context.Background(), "idle 30").ReadAll(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(10 * time.Millisecond)
	if _, err := c.Exec(context.Background(), "rows 1").ReadAll(); err != nil {
		t.Fatal(err) // the limit starts anew with each wait
	}
	wantCode(t, c.WaitForNotification(context.Background()), pgerr.IdleSessionTimeout)
}

func TestConnectionLimits(t *testing.T) {
	s, _ := newFake(t, Options{MaxConnections: 3, ReservedConnections: 1})
	addr := listen(t, s)
	mustDial(t, addr, "alice")
	mustDial(t, addr, "alice")
	dsn := "postgres://%s@" + addr + "/db?sslmode=disable"
	_, err := dial(t, fmt.Sprintf(dsn, "alice"))
	if pe := wantCode(t, err, pgerr.TooManyConnections); !strings.HasPrefix(pe.Message, "remaining connection slots are reserved") {
		t.Fatal(pe.Message)
	}
	eventually(t, "the refused one is gone", func() bool { return s.slots.Load() == 2 })
	root := mustDial(t, addr, "root")
	_, err = dial(t, fmt.Sprintf(dsn, "root"))
	if pe := wantCode(t, err, pgerr.TooManyConnections); pe.Message != "sorry, too many clients already" {
		t.Fatal(pe.Message)
	}
	_ = root.Close(context.Background())
	eventually(t, "a slot is free again", func() bool { return s.slots.Load() == 2 })
	mustDial(t, addr, "root")
}

func TestStartingUpAndShuttingDown(t *testing.T) {
	s, e := newFake(t, Options{})
	s.engine.Store(nil)
	addr := listen(t, s)
	dsn := "postgres://alice@" + addr + "/db?sslmode=disable"
	_, err := dial(t, dsn)
	if pe := wantCode(t, err, pgerr.CannotConnectNow); pe.Message != "the database system is starting up" {
		t.Fatal(pe.Message)
	}
	s.SetEngine(e)
	c := mustDial(t, addr, "alice")
	idle := make(chan error, 1)
	go func() { idle <- c.WaitForNotification(context.Background()) }()
	silent, err := net.Dial("tcp", addr) // has not even said hello
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	eventually(t, "three sockets are open", func() bool { return s.metrics.Connections.Load() == 2 })
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	if pe := wantCode(t, <-idle, pgerr.AdminShutdown); pe.Message != "terminating connection due to administrator command" {
		t.Fatal(pe.Message)
	}
}

func TestPasswords(t *testing.T) {
	verifier, err := SCRAMVerifier("secret")
	if err != nil {
		t.Fatal(err)
	}
	hba, err := ParseHBA("hba", `host all,"all" sam,md,nopw,late,nobody all scram-sha-256
host all plain all password
host all md2 127.0.0.1 255.255.255.255 md5
host all old all md5
host all rej all reject
hostssl all tls all trust`)
	if err != nil {
		t.Fatal(err)
	}
	s, e := newFake(t, Options{HBA: hba})
	e.roles = map[string]RoleInfo{
		"sam": {Exists: true, Password: verifier}, "plain": {Exists: true, Password: verifier}, "nopw": {Exists: true},
		"md": {Exists: true, Password: MD5Password("secret", "md")}, "md2": {Exists: true, Password: verifier},
		"old": {Exists: true, Password: MD5Password("secret", "old")}, "late": {Exists: true, Password: verifier, ValidUntil: time.Now().Add(-time.Hour)},
		"rej": {Exists: true}, "tls": {Exists: true},
	}
	addr := listen(t, s)
	for _, c := range []struct{ user, password, code string }{
		{"sam", "secret", ""}, {"sam", "wrong", pgerr.InvalidPassword}, {"plain", "secret", ""}, {"plain", "wrong", pgerr.InvalidPassword},
		{"nopw", "secret", pgerr.InvalidPassword}, {"nobody", "secret", pgerr.InvalidPassword}, {"late", "secret", pgerr.InvalidPassword},
		{"md", "secret", pgerr.InvalidPassword}, // SCRAM is demanded, an md5 hash cannot serve it
		{"md2", "secret", ""}, {"md2", "wrong", pgerr.InvalidPassword}, {"old", "secret", ""}, {"old", "wrong", pgerr.InvalidPassword},
		{"rej", "", pgerr.InvalidAuthorizationSpecification}, {"tls", "", pgerr.InvalidAuthorizationSpecification}, {"stranger", "", pgerr.InvalidAuthorizationSpecification},
	} {
		_, err := dial(t, fmt.Sprintf("postgres://%s:%s@%s/db?sslmode=disable", c.user, c.password, addr))
		if c.code == "" {
			if err != nil {
				t.Errorf("%s: %v", c.user, err)
			}
			continue
		}
		var pe *pgconn.PgError
		if !errors.As(err, &pe) || pe.Code != c.code {
			t.Errorf("%s/%s: got %v, want %s", c.user, c.password, err, c.code)
		}
	}
}

// certificate writes a self-signed certificate for 127.0.0.1 and a client's, and returns the files' names.
func certificate(t *testing.T, dir, name string) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
	for file, b := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "EC PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := certificate(t, dir, "server")
	clientCert, clientKey := certificate(t, dir, "alice")
	cfg, err := LoadTLS(TLSFiles{Cert: cert, Key: key, CA: clientCert})
	if err != nil {
		t.Fatal(err)
	}
	verifier, _ := SCRAMVerifier("secret")
	hba, err := ParseHBA("hba", "hostssl all alice all cert\nhostssl all all all scram-sha-256\nhostnossl all all all reject")
	if err != nil {
		t.Fatal(err)
	}
	s, e := newFake(t, Options{HBA: hba, TLS: cfg})
	e.roles["sam"] = RoleInfo{Exists: true, Password: verifier}
	addr := listen(t, s)
	base := "@" + addr + "/db?sslrootcert=" + cert
	for _, mode := range []string{"require", "verify-full&sslnegotiation=direct", "verify-full"} {
		c, err := dial(t, "postgres://sam:secret"+base+"&sslmode="+mode)
		if err != nil {
			t.Fatalf("%s: %v", mode, err)
		}
		if _, err := c.Exec(context.Background(), "rows 10").ReadAll(); err != nil {
			t.Fatal(err)
		}
		e.mu.Lock()
		state := e.lastInfo.TLS
		e.mu.Unlock()
		if state == nil {
			t.Fatal("the session was not told of TLS")
		}
		// A notification to an idle TLS client: the interrupted read must leave the TLS stream usable.
		e.session().notify("x")
		if err := c.WaitForNotification(context.Background()); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Exec(context.Background(), "rows 10").ReadAll(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := dial(t, "postgres://sam:wrong"+base+"&sslmode=require"); err == nil {
		t.Fatal("a wrong password was accepted over TLS")
	}
	if _, err := dial(t, "postgres://alice"+base+"&sslmode=require&sslcert="+clientCert+"&sslkey="+clientKey); err != nil {
		t.Fatal(err)
	}
	_, err = dial(t, "postgres://alice"+base+"&sslmode=require")
	wantCode(t, err, pgerr.InvalidAuthorizationSpecification)
	_, err = dial(t, "postgres://sam:secret@"+addr+"/db?sslmode=disable")
	if pe := wantCode(t, err, pgerr.InvalidAuthorizationSpecification); !strings.HasSuffix(pe.Message, "no encryption") {
		t.Fatal(pe.Message)
	}
	// A new identity holds for new connections.
	cert2, key2 := certificate(t, dir, "second")
	if cfg, err = LoadTLS(TLSFiles{Cert: cert2, Key: key2}); err != nil {
		t.Fatal(err)
	}
	s.SetTLS(cfg)
	nc, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{alpnProtocol}}) //nolint:gosec // the test looks at the certificate itself
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if name := nc.ConnectionState().PeerCertificates[0].Subject.CommonName; name != "second" {
		t.Fatalf("served the certificate of %q", name)
	}
	if _, err := LoadTLS(TLSFiles{Cert: cert, Key: key2}); err == nil {
		t.Fatal("a key of another certificate was accepted")
	}
}

func TestUnixSocketAndPeer(t *testing.T) {
	hba, err := ParseHBA("hba", "local all root peer\nlocal all alice trust")
	if err != nil {
		t.Fatal(err)
	}
	s, _ := newFake(t, Options{HBA: hba})
	dir := t.TempDir()
	ln, err := net.Listen("unix", filepath.Join(dir, ".s.PGSQL.5432"))
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.Serve(ln) }()
	if _, err := dial(t, "host="+dir+" port=5432 user=alice dbname=db"); err != nil {
		t.Fatal(err)
	}
	_, err = dial(t, "host="+dir+" port=5432 user=root dbname=db")
	if os.Getuid() == 0 && err != nil {
		t.Fatal(err)
	}
	if os.Getuid() != 0 {
		wantCode(t, err, pgerr.InvalidAuthorizationSpecification)
	}
	_, err = dial(t, "host="+dir+" port=5432 user=bob dbname=db")
	if pe := wantCode(t, err, pgerr.InvalidAuthorizationSpecification); !strings.Contains(pe.Message, "host \"[local]\"") {
		t.Fatal(pe.Message)
	}
}

func TestQuietSessionsRestOnce(t *testing.T) {
	s, e := newFake(t, Options{RestInterval: 5 * time.Millisecond})
	c := mustDial(t, listen(t, s), "alice")
	sess := e.session()
	for round := int64(1); round <= 3; round++ {
		eventually(t, "the session rests", func() bool { return sess.rested.Load() == round })
		time.Sleep(30 * time.Millisecond)
		if n := sess.rested.Load(); n != round {
			t.Fatalf("rested %d times in %d quiet periods", n, round)
		}
		if _, err := c.Exec(context.Background(), "rows 5").ReadAll(); err != nil {
			t.Fatal(err)
		}
	}
	// A statement that takes long is no rest.
	done := make(chan error, 1)
	go func() {
		_, err := c.Exec(context.Background(), "wait").ReadAll()
		done <- err
	}()
	b := s.byID(int32(c.PID()))
	eventually(t, "the statement runs", func() bool { return b.running.Load() })
	before := sess.rested.Load()
	time.Sleep(40 * time.Millisecond)
	if sess.rested.Load() != before {
		t.Error("a busy session was made to rest")
	}
	b.Cancel()
	<-done
}
