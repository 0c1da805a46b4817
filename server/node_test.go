package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/spf13/pflag"

	"kimberlite/log"
	"kimberlite/pgwire"
	"kimberlite/projections"
	"kimberlite/server/config"
	"kimberlite/server/logging"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// quietEngine lets everybody's session fail: enough to see what the node itself does.
type quietEngine struct{}

func (quietEngine) Role(context.Context, string) (pgwire.RoleInfo, error) {
	return pgwire.RoleInfo{Exists: true}, nil
}
func (quietEngine) MemberOf(context.Context, string, string) bool { return false }
func (quietEngine) NewSession(context.Context, pgwire.StartupInfo) (pgwire.Session, error) {
	return nil, pgerr.New(pgerr.InvalidCatalogName, "database \"x\" does not exist")
}
func (quietEngine) Autoanalyze(context.Context)                                  {}
func (quietEngine) Notified(log.Position, types.OID, []projections.Notification) {}

// testConfig is a configuration with free ports and a directory of its own.
func testConfig(t *testing.T, dir string, args ...string) *config.Config {
	t.Helper()
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	config.BindFlags(fs)
	args = append([]string{"--data-dir", dir, "--bind-address", "127.0.0.1:0", "--metrics-address", "127.0.0.1:0"}, args...)
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(fs, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func testLoggers(t *testing.T) *logging.Loggers {
	t.Helper()
	g, err := logging.New(io.Discard, "json", "debug")
	if err != nil {
		t.Fatal(err)
	}
	return g
}

var quiet = parts{vfs.Default, func(*Node) (engine, error) { return quietEngine{}, nil }}

func startNode(t *testing.T, cfg *config.Config) *Node {
	t.Helper()
	n, err := start(cfg, testLoggers(t), nil, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Stop)
	return n
}

func get(t *testing.T, n *Node, path string) (int, string) {
	t.Helper()
	resp, err := http.Get("http://" + n.HTTPAddr() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestNodeFoundsStopsAndComesBack(t *testing.T) {
	dir := t.TempDir()
	n := startNode(t, testConfig(t, dir, "--server-superuser", "boss"))
	if n.catalog.Current().RoleByName("boss") == nil || n.catalog.Current().RoleByName("postgres") != nil {
		t.Error("the superuser does not have the name that was asked for")
	}
	_, digest := n.store.Digest()
	n.Stop()
	n = startNode(t, testConfig(t, dir))
	if _, again := n.store.Digest(); again != digest && n.store.Applied() == 0 {
		t.Error("the state is not what it was")
	}
	if n.catalog.Current().RoleByName("boss") == nil {
		t.Error("the catalog was not loaded")
	}
	for _, row := range n.verify(context.Background()) {
		if !row[3].IsTrue() {
			t.Error(row[0].S, row[4].S)
		}
	}
}

func TestHTTP(t *testing.T) {
	n := startNode(t, testConfig(t, t.TempDir()))
	code, body := get(t, n, "/status")
	var s Status
	if err := json.Unmarshal([]byte(body), &s); err != nil || code != 200 {
		t.Fatal(code, err, body)
	}
	if s.State != "normal" || s.Leader != 1 || !s.IsLeader || s.ClusterName != "kimberlite" || s.ClusterSize != 1 || s.AppliedPosition == 0 || s.AppliedPosition != s.CommitPosition {
		t.Errorf("%+v", s)
	}
	for _, path := range []string{"/health/live", "/health/ready", "/debug/pprof/", "/"} {
		if code, body := get(t, n, path); code != 200 {
			t.Error(path, code, body)
		}
	}
	_, body = get(t, n, "/metrics")
	for _, want := range []string{"kmb_log_entries ", "kmb_log_bytes ", "kmb_log_size_bytes ", "kmb_consensus_commits ", "kmb_consensus_view ", "kmb_consensus_leader 1", "kmb_consensus_view_changes ",
		`kmb_projection_applied_position{projection="current"}`, `kmb_projection_lag{projection="current"} 0`, "kmb_query_duration_seconds_count ", `kmb_write_duration_seconds_count{phase="commit"}`,
		`kmb_write_duration_seconds_count{phase="sync"}`, `kmb_write_duration_seconds_count{phase="apply"}`, `kmb_requests_total{protocol="simple"}`, "kmb_requests_in_flight 0", "kmb_checksum_failures_total 0"} {
		if !strings.Contains(body, "\n"+want) {
			t.Errorf("no metric %s", want)
		}
	}
	n.stopping.Store(true)
	n.ready.Store(false)
	if code, _ := get(t, n, "/health/ready"); code != http.StatusServiceUnavailable {
		t.Error("a node that stops says that it is ready")
	}
	if _, body := get(t, n, "/metrics"); !strings.Contains(body, "kmb_ready 0") {
		t.Error("metrics fail while a node stops")
	}
}

func TestProfilingAndHTTPCanBeTurnedOff(t *testing.T) {
	n := startNode(t, testConfig(t, t.TempDir(), "--telemetry-profiling=false"))
	if code, _ := get(t, n, "/debug/pprof/"); code != http.StatusNotFound {
		t.Error(code)
	}
	n = startNode(t, testConfig(t, t.TempDir(), "--metrics-address", "off"))
	if n.HTTPAddr() != "" {
		t.Error(n.HTTPAddr())
	}
}

// TestRefusals walks what may stand in the way of a start: each is named, with a hint.
func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	n := startNode(t, testConfig(t, dir))
	refused := func(want, hint string, cfg *config.Config) {
		t.Helper()
		other, err := start(cfg, testLoggers(t), nil, quiet)
		if err == nil {
			other.Stop()
			t.Errorf("started, although %s", want)
			return
		}
		var r *Refusal
		if !errors.As(err, &r) || !strings.Contains(r.Text, want) || !strings.Contains(r.Hint, hint) {
			t.Errorf("got %v (hint %q), want %s (%s)", err, r.Hint, want, hint)
		}
	}
	refused("the port is in use", "--bind-address", testConfig(t, t.TempDir(), "--bind-address", n.Addr()))
	refused("the port is in use", "--metrics-address", testConfig(t, t.TempDir(), "--metrics-address", n.HTTPAddr()))
	refused("could not listen", "", testConfig(t, t.TempDir(), "--bind-address", "192.0.2.1:0"))
	n.Stop()
	refused(`its cluster name is "kimberlite", but "staging" is configured`, "--cluster-name", testConfig(t, dir, "--cluster-name", "staging"))
	refused(`its node id is "1", but "2" is configured`, "--node-id", testConfig(t, dir, "--node-id", "2"))
	refused("hba:1: invalid connection type", "", testConfig(t, t.TempDir(), "--security-hba-file", write(t, "hba", "hosts all all all trust\n")))
	refused("could not load server certificate", "", testConfig(t, t.TempDir(), "--security-tls-cert-file", "nowhere", "--security-tls-key-file", "nowhere"))
	refused("not a directory", "file", testConfig(t, filepath.Join(write(t, "file", ""), "data")))
	// The refusals left the directory as it was.
	startNode(t, testConfig(t, dir))
}

func TestRefusalsOfTheDisk(t *testing.T) {
	for _, c := range []struct {
		err        error
		want, hint string
	}{
		{fmt.Errorf("%w: d", log.ErrLocked), "is in use by another kimberlite-server", "Stop the other server"},
		{fmt.Errorf("x: %w", &os.PathError{Op: "mkdir", Path: "d", Err: syscall.EROFS}), "read-only file system", "Remount"},
		{&os.PathError{Op: "write", Path: "d", Err: syscall.ENOSPC}, "no space left", "Free some space"},
		{fmt.Errorf("y: %w", log.ErrDiskFull), "no space left", "Free some space"},
		{&os.PathError{Op: "open", Path: "d", Err: syscall.EACCES}, "permission denied", "owned by the user"},
		{fmt.Errorf("%w: version 9", log.ErrNewerFormat), "newer release", "later one"},
		{&log.CorruptionError{Segment: "s", Offset: 7, Position: 3, Reason: "bad", Remedy: "Help."}, "segment s, offset 7, position 3", ""},
		{fmt.Errorf("%w: z", projections.ErrDiverged), "the projections in", "rebuild"},
	} {
		var r *Refusal
		if err := refuseData("d", c.err); !errors.As(err, &r) || !strings.Contains(r.Text, c.want) || !strings.Contains(r.Hint, c.hint) {
			t.Errorf("%v: got %q, %q", c.err, r.Text, r.Hint)
		}
	}
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestForeignProjectionsAreMadeAnew: a store that is not this log's is thrown away, since the log is the truth.
func TestForeignProjectionsAreMadeAnew(t *testing.T) {
	mine, other := t.TempDir(), t.TempDir()
	n := startNode(t, testConfig(t, mine, "--server-superuser", "mine"))
	n.Stop()
	startNode(t, testConfig(t, other, "--server-superuser", "other")).Stop()
	if err := os.RemoveAll(ProjectionsDir(mine)); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(ProjectionsDir(other), ProjectionsDir(mine)); err != nil {
		t.Fatal(err)
	}
	n = startNode(t, testConfig(t, mine))
	if n.catalog.Current().RoleByName("mine") == nil || n.catalog.Current().RoleByName("other") != nil {
		t.Error("the node serves another log's state")
	}
	n.Stop()
	// The same without any projections.
	if err := projections.Remove(vfs.Default, ProjectionsDir(mine)); err != nil {
		t.Fatal(err)
	}
	n = startNode(t, testConfig(t, mine))
	if n.catalog.Current().RoleByName("mine") == nil {
		t.Error("nothing was replayed")
	}
}

func TestReload(t *testing.T) {
	file := write(t, "hba", "host all all all reject\n")
	cfg := testConfig(t, t.TempDir(), "--security-hba-file", file)
	next := *cfg
	n, err := start(cfg, testLoggers(t), func() (*config.Config, error) { return &next, nil }, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Stop)
	code := func() string {
		_, err := pgconn.Connect(context.Background(), "postgres://x@"+n.Addr()+"/x?sslmode=disable")
		var pe *pgconn.PgError
		errors.As(err, &pe)
		return pe.Code
	}
	if c := code(); c != pgerr.InvalidAuthorizationSpecification {
		t.Error(c)
	}
	if err := os.WriteFile(file, []byte("host all all all trust\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := n.Reload(); err != nil {
		t.Fatal(err)
	}
	if c := code(); c != pgerr.InvalidCatalogName {
		t.Error(c)
	}
	if err := os.WriteFile(file, []byte("nonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := n.Reload(); err == nil || code() != pgerr.InvalidCatalogName {
		t.Error("a broken table replaced a good one")
	}
	next.NodeID = 7
	if names := config.NeedRestart(cfg, &next); len(names) != 1 || names[0] != "server.node_id" {
		t.Error(names)
	}
}

func TestSignals(t *testing.T) {
	signals, status := make(chan os.Signal), make(chan int, 1)
	run := func(load func() (*config.Config, error), p parts) {
		cfg, loggers := testConfig(t, t.TempDir()), testLoggers(t)
		go func() { status <- runWith(cfg, loggers, load, signals, p) }()
	}
	end := func(want int) {
		t.Helper()
		signals <- syscall.SIGTERM
		select {
		case s := <-status:
			if s != want {
				t.Errorf("exit status %d, want %d", s, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("SIGTERM did not end the server")
		}
	}
	// A server that runs: one that reloads its configuration does.
	reloaded := make(chan struct{}, 100)
	run(func() (*config.Config, error) { reloaded <- struct{}{}; return nil, errors.New("not now") }, quiet)
	for running := false; !running; {
		signals <- syscall.SIGHUP
		select {
		case <-reloaded:
			running = true
		case <-time.After(10 * time.Millisecond):
		}
	}
	end(exitStopped)
	// A server that starts: the process ends without waiting for the rest of the start. Here it has to be waited for.
	starting, goOn := make(chan *Node), make(chan struct{})
	run(nil, parts{vfs.Default, func(n *Node) (engine, error) {
		starting <- n
		<-goOn
		return nil, errors.New("too late")
	}})
	n := <-starting
	end(exitFailed)
	close(goOn)
	n.Stop()
}

func TestUnixSocketTakesTheDeadOnesPlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), ".s.PGSQL.1")
	first, err := listenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := listenUnix(path); !errors.Is(err, syscall.EADDRINUSE) {
		t.Error("took a living server's socket:", err)
	}
	first.(*net.UnixListener).SetUnlinkOnClose(false)
	_ = first.Close()
	second, err := listenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	_ = second.Close()
}

func TestGCPercent(t *testing.T) {
	for live, want := range map[uint64]int{0: 1000, 1 << 20: 1000, 16 << 20: 400, 64 << 20: 100, 8 << 30: 100} {
		if got := gcPercent(live); got != want {
			t.Errorf("gcPercent(%d) = %d, want %d", live, got, want)
		}
	}
	if liveHeap() == 1<<62 {
		t.Error("the runtime does not tell its live heap")
	}
	if machineMemory() <= 0 {
		t.Error("the machine's memory is not known")
	}
}

// TestMetricsPage compares docs/metrics.md with what the server serves, both ways.
func TestMetricsPage(t *testing.T) {
	page, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	n := startNode(t, testConfig(t, t.TempDir()))
	_, body := get(t, n, "/metrics")
	served := map[string]bool{}
	for _, line := range strings.Split(body, "\n") {
		if name, ok := strings.CutPrefix(line, "# TYPE kmb_"); ok {
			name, _, _ = strings.Cut(name, " ")
			served[name] = true
			if !strings.Contains(string(page), "`kmb_"+name+"`") {
				t.Errorf("docs/metrics.md lacks kmb_%s", name)
			}
		}
	}
	for _, line := range strings.Split(string(page), "\n") {
		if name, ok := strings.CutPrefix(line, "| `kmb_"); ok {
			if name, _, _ = strings.Cut(name, "`"); !served[name] {
				t.Errorf("docs/metrics.md tells of kmb_%s, which is not served", name)
			}
		}
	}
}
