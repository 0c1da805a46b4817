package compat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// member is a kimberlite-server process that is one of several. Its log is a file, which is read while the process runs.
type member struct {
	*server
	flags   []string
	logFile string
}

// newMember makes a server with flags. It is not started.
func newMember(t *testing.T, flags ...string) *member {
	t.Helper()
	dir := t.TempDir()
	m := &member{server: &server{t: t, dir: filepath.Join(dir, "data"), addr: freePort(t), http: freePort(t)}, flags: flags, logFile: filepath.Join(dir, "log")}
	t.Cleanup(func() {
		m.kill()
		if t.Failed() {
			t.Logf("%s:\n%s", strings.Join(flags, " "), m.logged())
		}
	})
	return m
}

// newMembers makes n servers that know each other's addresses.
func newMembers(t *testing.T, n int) []*member {
	t.Helper()
	var addresses []string
	for range n {
		addresses = append(addresses, freePort(t))
	}
	var list []*member
	for i := range n {
		peers := slices.Delete(slices.Clone(addresses), i, i+1)
		list = append(list, newMember(t, "--node-id", fmt.Sprint(i+1), "--cluster-address", addresses[i], "--cluster-peers", strings.Join(peers, ",")))
	}
	return list
}

// launch starts the process and does not wait for it.
func (m *member) launch() {
	m.t.Helper()
	f, err := os.OpenFile(m.logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		m.t.Fatal(err)
	}
	defer f.Close()
	m.cmd = exec.Command(built(m.t, "kimberlite-server"), append([]string{"--data-dir", m.dir, "--bind-address", m.addr, "--metrics-address", m.http}, m.flags...)...)
	m.cmd.Stdout, m.cmd.Stderr = f, f
	if err := m.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
}

// stop ends the process as an operator does.
func (m *member) stop() {
	m.t.Helper()
	_ = m.cmd.Process.Signal(syscall.SIGTERM)
	if err := m.cmd.Wait(); err != nil {
		m.t.Errorf("stopping: %v", err)
	}
	m.cmd = nil
}

func (m *member) logged() string {
	b, _ := os.ReadFile(m.logFile)
	return string(b)
}

// status reads /status; ok is false when the node does not answer.
func (s *member) status() (st struct {
	State    string `json:"state"`
	IsLeader bool   `json:"is_leader"`
	Leader   int    `json:"leader"`
	Size     int    `json:"cluster_size"`
	Applied  uint64 `json:"applied_position"`
	Members  []struct {
		Role string `json:"role"`
	} `json:"members"`
}, ok bool) {
	client := http.Client{Timeout: time.Second}
	r, err := client.Get("http://" + s.http + "/status")
	if err != nil {
		return st, false
	}
	defer r.Body.Close()
	return st, json.NewDecoder(r.Body).Decode(&st) == nil
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !f(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never: ", what)
		}
	}
}

// leader waits for a cluster of n voters with a leader, and returns it.
func leader(t *testing.T, members []*member, voters int) (lead *member) {
	t.Helper()
	eventually(t, fmt.Sprint("a leader of ", voters, " voters"), func() bool {
		for _, s := range members {
			st, ok := s.status()
			if !ok || !st.IsLeader || st.State != "normal" {
				continue
			}
			n := 0
			for _, m := range st.Members {
				if m.Role == "leader" || m.Role == "follower" {
					n++
				}
			}
			if n == voters {
				lead = s
				return true
			}
		}
		return false
	})
	return lead
}

// TestCluster forms a cluster of three, writes through every node, kills the leader three times under load, and finds every acknowledged write on all.
func TestCluster(t *testing.T) {
	members := newMembers(t, 3)
	for _, s := range members {
		s.flags = append(s.flags, "--consensus-checkpoint-interval", "500ms")
		s.launch()
	}
	leader(t, members, 3)
	ctx := context.Background()
	c := members[1].connect("postgres")
	mustExec(t, c, "create table ledger (writer int, n int, primary key (writer, n))")
	c.Close(ctx)

	stop := make(chan struct{})
	var wg sync.WaitGroup
	acked := make([]map[int]bool, 6)
	for w := range acked {
		acked[w] = map[int]bool{}
		wg.Go(func() {
			var c *pgx.Conn
			for n := 0; ; n++ {
				select {
				case <-stop:
					if c != nil {
						c.Close(ctx)
					}
					return
				default:
				}
				if c == nil {
					var err error
					if c, err = pgx.Connect(ctx, members[(w+n)%3].url("postgres")); err != nil {
						c = nil
						time.Sleep(20 * time.Millisecond)
						continue
					}
				}
				call, cancel := context.WithTimeout(ctx, 10*time.Second)
				_, err := c.Exec(call, "insert into ledger values ($1, $2)", w, n)
				cancel()
				if err == nil {
					acked[w][n] = true
				} else {
					c.Close(ctx)
					c = nil
				}
			}
		})
	}
	for range 3 {
		time.Sleep(time.Second)
		lead := leader(t, members, 3)
		lead.kill()
		var others []*member
		for _, s := range members {
			if s != lead {
				others = append(others, s)
			}
		}
		leader(t, others, 3)
		time.Sleep(500 * time.Millisecond)
		lead.launch()
	}
	leader(t, members, 3)
	for _, s := range members {
		eventually(t, "the node is back", func() bool { st, ok := s.status(); return ok && st.State == "normal" })
	}
	close(stop)
	wg.Wait()

	total := 0
	for w := range acked {
		total += len(acked[w])
	}
	if total < 100 {
		t.Fatalf("only %d writes were acknowledged", total)
	}
	for i, s := range members {
		c := s.connect("postgres")
		have := map[[2]int]bool{}
		rows, err := c.Query(ctx, "select writer, n from ledger")
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var k [2]int
			if err := rows.Scan(&k[0], &k[1]); err != nil {
				t.Fatal(err)
			}
			have[k] = true
		}
		for w := range acked {
			for n := range acked[w] {
				if !have[[2]int{w, n}] {
					t.Errorf("node %d: the acknowledged write %d of writer %d is lost", i+1, n, w)
				}
			}
		}
		c.Close(ctx)
	}
	// The states themselves are the same: all nodes compare theirs with a checkpoint that the leader logs, at a position behind the last write.
	lead := leader(t, members, 3)
	st, _ := lead.status()
	mustExec(t, lead.connect("postgres"), "insert into ledger values (-1, 0)") // so that there is something behind st.Applied
	for i, s := range members {
		eventually(t, fmt.Sprint("node ", i+1, " has compared its state"), func() bool { return s.checkpoint() >= st.Applied })
		if strings.Contains(s.logged(), "the state differs") {
			t.Errorf("node %d: its state differs from the leader's", i+1)
		}
	}
	for _, s := range members {
		s.stop()
	}
	for i, s := range members {
		if out, err := exec.Command(built(t, "kimberlite-admin"), "verify", "--data-dir", s.dir).CombinedOutput(); err != nil {
			t.Errorf("verifying node %d: %v\n%s", i+1, err, out)
		}
	}
}

// checkpoint returns the position of the last checkpoint that agreed with the node's state.
func (m *member) checkpoint() (position uint64) {
	for _, line := range strings.Split(m.logged(), "\n") {
		var entry struct {
			Msg      string `json:"msg"`
			Position uint64 `json:"position"`
		}
		if json.Unmarshal([]byte(line), &entry) == nil && strings.HasPrefix(entry.Msg, "checkpoint: the state agrees") {
			position = entry.Position
		}
	}
	return position
}

// Without a majority writes are refused within a bound, in words that an operator can search for.
func TestNoLeader(t *testing.T) {
	members := newMembers(t, 3)
	for _, s := range members {
		s.launch()
	}
	lead := leader(t, members, 3)
	open := lead.connect("postgres")
	mustExec(t, open, "create table t (a int)")
	for _, s := range members {
		if s != lead {
			s.kill()
		}
	}
	start := time.Now()
	call, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if _, err := open.Exec(call, "insert into t values (1)"); err == nil {
		t.Error("a write without a majority was acknowledged")
	}
	var err error
	eventually(t, "the leader notices", func() bool { st, ok := lead.status(); return ok && !st.IsLeader })
	_, err = pgx.Connect(call, lead.url("postgres"))
	var pe *pgconn.PgError
	if !errors.As(err, &pe) || pe.Code != "57P03" || pe.Message != "No leader elected" {
		t.Errorf("connecting without a leader: %v", err)
	}
	if took := time.Since(start); took > 25*time.Second {
		t.Errorf("it took %v to be refused", took)
	}
}

// A node of another cluster, or with the number of a member, is refused by name on both sides.
func TestRejectedNodes(t *testing.T) {
	address := freePort(t)
	lead := newMember(t, "--node-id", "1", "--cluster-address", address, "--cluster-name", "production")
	lead.launch()
	leader(t, []*member{lead}, 1)
	for _, k := range []struct{ flag, value, want string }{
		{"--cluster-name", "staging", `Rejected by leader: cluster name \"staging\" does not match \"production\"`},
		{"--node-id", "1", "Rejected by leader: node id 1 is in use by the node at " + address},
	} {
		id := "2"
		if k.flag == "--node-id" {
			id = k.value
		}
		s := newMember(t, "--cluster-address", freePort(t), "--cluster-peers", address, "--cluster-name", "production", "--node-id", id)
		if k.flag != "--node-id" {
			s.flags = append(s.flags, k.flag, k.value)
		}
		s.launch()
		eventually(t, k.want, func() bool { return strings.Contains(s.logged(), k.want) })
		s.kill()
		if _, err := os.Stat(filepath.Join(s.dir, "meta", "identity")); err == nil {
			t.Error("the refused node has an identity")
		}
		_, reason, _ := strings.Cut(k.want, ": ")
		eventually(t, "the leader's log says so", func() bool { return strings.Contains(lead.logged(), reason) })
	}
}
