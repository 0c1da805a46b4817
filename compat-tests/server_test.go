package compat

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// buildPrograms builds both programs once and returns their directory.
var buildPrograms = sync.OnceValues(func() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "kimberlite-compat"); err != nil {
		return "", err
	}
	if out, err := exec.Command("go", "build", "-o", dir, "kimberlite/cmd/kimberlite-server", "kimberlite/cmd/kimberlite-admin").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return dir, nil
})

// built returns the path of a program that was built for the tests.
func built(t *testing.T, name string) string {
	t.Helper()
	dir, err := buildPrograms()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

// server is a kimberlite-server process.
type server struct {
	t    *testing.T
	dir  string
	addr string
	http string
	cmd  *exec.Cmd
	log  bytes.Buffer
}

func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{t: t, dir: filepath.Join(t.TempDir(), "data"), addr: freePort(t), http: freePort(t)}
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			t.Log(s.log.String())
		}
	})
	s.start()
	return s
}

func (s *server) start() {
	s.t.Helper()
	s.cmd = exec.Command(built(s.t, "kimberlite-server"), "--data-dir", s.dir, "--bind-address", s.addr, "--metrics-address", s.http)
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		if c, err := pgx.Connect(context.Background(), s.url("postgres")); err == nil {
			c.Close(context.Background())
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.t.Fatal("the server does not answer")
}

// kill ends the server as kill -9 does.
func (s *server) kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

func (s *server) url(db string) string { return "postgres://postgres@" + s.addr + "/" + db }

func (s *server) connect(db string) *pgx.Conn {
	s.t.Helper()
	c, err := pgx.Connect(context.Background(), s.url(db))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

func mustExec(t *testing.T, c *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := c.Exec(context.Background(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func wantCode(t *testing.T, c *pgx.Conn, code, sql string, args ...any) {
	t.Helper()
	_, err := c.Exec(context.Background(), sql, args...)
	pe, ok := err.(*pgconn.PgError)
	if !ok || pe.Code != code {
		t.Errorf("%s: got %v, want SQLSTATE %s", sql, err, code)
	}
}

func wantText(t *testing.T, c *pgx.Conn, want, sql string, args ...any) {
	t.Helper()
	var got string
	if err := c.QueryRow(context.Background(), sql, args...).Scan(&got); err != nil {
		t.Errorf("%s: %v", sql, err)
	} else if got != want {
		t.Errorf("%s: got %q, want %q", sql, got, want)
	}
}
