package server

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/spf13/pflag"

	"kimberlite/server/config"
)

// childEnv makes the test binary a server: its value is the command line.
const childEnv = "KIMBERLITE_TEST_CHILD"

func TestMain(m *testing.M) {
	if args := os.Getenv(childEnv); args != "" {
		_ = os.Unsetenv(childEnv)
		fs := pflag.NewFlagSet("child", pflag.ExitOnError)
		config.BindFlags(fs)
		_ = fs.Parse(strings.Split(args, "\n"))
		os.Exit(Main(fs, false))
	}
	os.Exit(m.Run())
}

// child is a server in a process of its own.
type child struct {
	cmd  *exec.Cmd
	addr string
	out  *strings.Builder
}

func startChild(t *testing.T, dir string) *child {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	_ = ln.Close()
	c := &child{addr: addr, cmd: exec.Command(os.Args[0]), out: &strings.Builder{}}
	c.cmd.Env = append(os.Environ(), childEnv+"="+strings.Join([]string{"--data-dir", dir, "--bind-address", addr, "--metrics-address", "off"}, "\n"))
	c.cmd.Stderr = c.out
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.cmd.Process.Kill(); _ = c.cmd.Wait() })
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		conn, err := c.dial()
		if err == nil {
			_ = conn.Close(context.Background())
			return c
		}
		if time.Now().After(end) {
			t.Fatalf("the server did not start: %v\n%s", err, c.out)
		}
	}
}

func (c *child) dial() (*pgconn.PgConn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return pgconn.Connect(ctx, "postgres://postgres@"+c.addr+"/postgres?sslmode=disable")
}

// query returns a query's rows, columns separated by bars.
func (c *child) query(t *testing.T, sql string) []string {
	t.Helper()
	conn, err := c.dial()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	results, err := conn.Exec(context.Background(), sql).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	var rows []string
	for _, r := range results {
		for _, row := range r.Rows {
			var cols []string
			for _, v := range row {
				cols = append(cols, string(v))
			}
			rows = append(rows, strings.Join(cols, "|"))
		}
	}
	return rows
}

// TestKill9LosesNothingAcknowledged kills a server in the middle of concurrent transfers, again and again. After each restart every acknowledged
// transfer must be there, none may be there by half, and log and projections must verify.
func TestKill9LosesNothingAcknowledged(t *testing.T) {
	const rounds, writers = 4, 4
	dir := t.TempDir()
	c := startChild(t, dir)
	c.query(t, "CREATE TABLE transfer (id bigint PRIMARY KEY, amount int NOT NULL); CREATE TABLE total (writer int PRIMARY KEY, balance bigint NOT NULL)")
	for w := range writers {
		c.query(t, fmt.Sprintf("INSERT INTO total VALUES (%d, 0)", w))
	}
	var next atomic.Int64
	acknowledged := map[int64]bool{}
	var mu sync.Mutex
	for round := range rounds {
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				conn, err := c.dial()
				if err != nil {
					return
				}
				defer conn.Close(context.Background())
				for {
					id := next.Add(1)
					sql := fmt.Sprintf("BEGIN; INSERT INTO transfer VALUES (%d, 7); UPDATE total SET balance = balance + 7 WHERE writer = %d; COMMIT", id, w)
					if _, err := conn.Exec(context.Background(), sql).ReadAll(); err != nil {
						return // killed
					}
					mu.Lock()
					acknowledged[id] = true
					mu.Unlock()
				}
			})
		}
		time.Sleep(time.Duration(150+100*round) * time.Millisecond)
		_ = c.cmd.Process.Kill()
		wg.Wait()
		_ = c.cmd.Wait()
		c = startChild(t, dir)
		there := map[int64]bool{}
		for _, row := range c.query(t, "SELECT id FROM transfer") {
			id, _ := strconv.ParseInt(row, 10, 64)
			there[id] = true
		}
		for id := range acknowledged {
			if !there[id] {
				t.Fatalf("round %d: the acknowledged transfer %d is gone", round, id)
			}
		}
		if got := c.query(t, "SELECT (SELECT sum(amount) FROM transfer) = (SELECT sum(balance) FROM total)"); len(got) != 1 || got[0] != "t" {
			t.Fatalf("round %d: the sums differ: %v", round, c.query(t, "SELECT sum(amount) FROM transfer UNION ALL SELECT sum(balance) FROM total"))
		}
		for _, row := range c.query(t, "SELECT ok, subject, detail FROM kimberlite.verify()") {
			if !strings.HasPrefix(row, "t|") {
				t.Fatal(row)
			}
		}
	}
	if len(acknowledged) < rounds*writers {
		t.Errorf("only %d transfers were acknowledged: the test tests nothing", len(acknowledged))
	}
	t.Logf("%d transfers acknowledged in %d lives", len(acknowledged), rounds)
}

// TestFastShutdown: SIGTERM ends sessions with 57P01, rolls back what is open and exits with status 0.
func TestFastShutdown(t *testing.T) {
	dir := t.TempDir()
	c := startChild(t, dir)
	c.query(t, "CREATE TABLE t (a int)")
	conn, err := c.dial()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(context.Background(), "BEGIN; INSERT INTO t VALUES (1)").ReadAll(); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := conn.WaitForNotification(context.Background()); err == nil || !strings.Contains(err.Error(), "57P01") {
		t.Errorf("the session ended with %v", err)
	}
	if err := c.cmd.Wait(); err != nil {
		t.Errorf("exit: %v\n%s", err, c.out)
	}
	if !strings.Contains(c.out.String(), `"msg":"shut down"`) {
		t.Errorf("no farewell in the log:\n%s", c.out)
	}
	c = startChild(t, dir)
	if rows := c.query(t, "SELECT count(*) FROM t"); rows[0] != "0" {
		t.Error(rows)
	}
}
