package config

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

var rewrite = flag.Bool("rewrite-docs", false, "write docs/configuration.md anew")

// load runs Load with a file's text, an environment and flags.
func load(t *testing.T, file string, env []string, args ...string) (*Config, error) {
	t.Helper()
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	BindFlags(fs)
	if file != "" {
		name := filepath.Join(t.TempDir(), "k.toml")
		if err := os.WriteFile(name, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config", name)
	}
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	return Load(fs, env, nil)
}

func TestOriginsInOrder(t *testing.T) {
	file := "[server]\nnode_id = 7\nbind_address = \"1.2.3.4:5\"\n[limits]\nwork_mem = \"8MB\"\n"
	c, err := load(t, file, []string{"KIMBERLITE_BIND_ADDRESS=0.0.0.0:6", "KIMBERLITE_LIMITS_MAX_CONNECTIONS=50"}, "--limits-max-connections", "60", "--projections-history=false")
	if err != nil {
		t.Fatal(err)
	}
	if c.NodeID != 7 || c.BindAddress != "0.0.0.0:6" || c.WorkMem != 8<<20 || c.MaxConnections != 60 || c.History || c.DataDir != "./kimberlite-data" {
		t.Errorf("%+v", c)
	}
	for name, want := range map[string]string{
		"server.node_id": "k.toml:2", "server.bind_address": "environment KIMBERLITE_BIND_ADDRESS", "limits.max_connections": "flag --limits-max-connections",
		"server.data_dir": "default",
	} {
		if got := c.Origin(name); !strings.HasSuffix(got, want) {
			t.Errorf("origin of %s is %q, want %q", name, got, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		file string
		env  string
		args []string
		want string
	}{
		{file: "[server]\nnode_id = 1\nbind_adress = \"x\"\n", want: "k.toml:3: unknown setting server.bind_adress; did you mean server.bind_address?"},
		{file: "[sever]\n", want: "k.toml:1: unknown section [sever]; did you mean server?"},
		{file: "node_id = 3\n", want: "k.toml:1: unknown setting node_id; did you mean server.node_id?"},
		{file: "[server]\nnode_id = 0\n", want: "k.toml:2: server.node_id: 0 is outside the valid range (1 .. 2147483647)"},
		{file: "[server]\nnode_id = \"one\"\n", want: `k.toml:2: server.node_id: "one" is no whole number`},
		{file: "[storage]\n\n# x\nsync = \"never\"\n", want: `k.toml:4: storage.sync: "never" is not one of fsync, async`},
		{file: "[storage]\nsegment_size = \"1 parsec\"\n", want: `k.toml:2: storage.segment_size: "1 parsec" is no size such as 512KiB, 64MiB or 4GiB`},
		{file: "[storage]\nsync = [\"fsync\"]\n", want: "k.toml:2: storage.sync: a list is not expected here"},
		{file: "[storage\n", want: "k.toml:1: "},
		{file: "[storage]\nsync = 1979-05-27\n", want: "k.toml:2: storage.sync: a localdate is not expected here"},
		{file: "[[server]]\n", want: "k.toml:1: [[server]]: there are no arrays of tables here"},
		{env: "KIMBERLITE_BIND_ADDRESS=localhost", want: `environment KIMBERLITE_BIND_ADDRESS: server.bind_address: "localhost" is no address of the form host:port`},
		{env: "KIMBERLITE_LOG=loud", want: `environment KIMBERLITE_LOG: telemetry.log: "loud" is no log level; use debug, info, warn, error or off`},
		{args: []string{"--metrics-address", "h:99999"}, want: `flag --metrics-address: server.metrics_address: "h:99999": the port must be a number from 0 to 65535`},
		{args: []string{"--data-dir", ""}, want: "flag --data-dir: server.data_dir: must not be empty"},
		{args: []string{"--config", "/nowhere/x.toml"}, want: "flag --config: cannot read the configuration file: open /nowhere/x.toml: no such file or directory"},
		{args: []string{"--security-tls-key-file", "x"}, want: "configuration: security.tls_cert_file and security.tls_key_file belong together: set both or none"},
		{args: []string{"--cluster-peers", "a:1,b"}, want: `flag --cluster-peers: consensus.cluster_peers: "b" is no address of the form host:port`},
	} {
		var env []string
		if c.env != "" {
			env = append(env, c.env)
		}
		_, err := load(t, c.file, env, c.args...)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q %q %q:\n got %v\nwant %s", c.file, c.env, c.args, err, c.want)
		}
	}
}

// TestShowReadsBack pins CF4, with values that are not the defaults.
func TestShowReadsBack(t *testing.T) {
	c, err := load(t, `[server]
data_dir = 'C:\data "x"'
metrics_address = ""
unix_socket_directories = ["/run/a", "/run/b"]
[server.parameters]
work_mem = "1MB"
jit = false
[storage]
async_interval = "30s"
retention_age = "30d"
[limits]
lock_timeout = "1m30s"
[telemetry]
slow_statements = "-1"
log = "warn,sql=debug"
`, nil)
	if err != nil {
		t.Fatal(err)
	}
	var first, second bytes.Buffer
	c.Show(&first)
	again, err := load(t, first.String(), nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, first.String())
	}
	again.origins = c.origins
	again.Show(&second)
	if first.String() != second.String() {
		t.Errorf("%s\nread back:\n%s", first.String(), second.String())
	}
	if c.RetentionAge.Hours() != 720 || c.SlowStatements >= 0 || len(c.UnixSocketDirs) != 2 || c.SessionParameters[1] != "jit=false" {
		t.Errorf("%+v", c)
	}
}

func TestStrangeVariablesAreWarnedOf(t *testing.T) {
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	BindFlags(fs)
	var warned []string
	c, err := Load(fs, []string{"KIMBERLITE_PORT=tcp://10.0.0.1:5432", "RUST_LOG=kimberlite=debug", "PATH=x"}, func(n string) { warned = append(warned, n) })
	if err != nil || len(warned) != 1 || warned[0] != "KIMBERLITE_PORT" {
		t.Error(err, warned)
	}
	if c.Log != "kimberlite=debug" {
		t.Error(c.Log)
	}
	if c, err = Load(fs, []string{"RUST_LOG=hyper[x]=whatever"}, nil); err != nil || c.Log != "info" {
		t.Error(err, c.Log)
	}
}

// TestEverySettingIsReachable pins CF1 and that names are unique.
func TestEverySettingIsReachable(t *testing.T) {
	seen := map[string]string{}
	for _, s := range settingsOf(&Config{}) {
		for _, n := range []string{s.name, "--" + s.flag, s.env} {
			if other := seen[n]; other != "" {
				t.Errorf("%s belongs to %s and %s", n, other, s.name)
			}
			seen[n] = s.name
		}
		if s.doc == "" || !knownTable(s.section()) {
			t.Errorf("%s has no description or no section", s.name)
		}
	}
	for _, flag := range []string{"data-dir", "bind-address", "cluster-address", "metrics-address", "node-id", "cluster-name", "cluster-peers"} {
		if seen["--"+flag] == "" {
			t.Errorf("--%s is missing", flag)
		}
	}
}

// TestDocumentation compares docs/configuration.md with the settings; -rewrite-docs writes it.
func TestDocumentation(t *testing.T) {
	const name = "../../docs/configuration.md"
	want := documentation()
	if *rewrite {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != want {
		t.Error("docs/configuration.md is out of date; run: go test ./server/config -rewrite-docs")
	}
}

func documentation() string {
	var b strings.Builder
	b.WriteString(`# Configuration

Kimberlite runs without any configuration. What can be set comes, in rising order of precedence, from built-in defaults, a TOML file
(` + "`--config FILE` or `KIMBERLITE_CONFIG`" + `), environment variables and flags. An unknown key or a bad value stops the start with the line, variable or flag
that is wrong. ` + "`kimberlite-server --show-config`" + ` prints what is in force, and where each value comes from, as a TOML file.

Durations are written like ` + "`250ms`, `30s`, `12h`, `7d`" + `; sizes like ` + "`512KiB`, `64MiB`, `4GiB`" + ` (kB, MB and GB mean the same, as in PostgreSQL). Lists are TOML arrays in the
file, and separated by commas in variables and flags. Settings marked * take a new value on SIGHUP (` + "`kill -HUP`, `SELECT pg_reload_conf()`" + `); the others need a restart.

`)
	settings := settingsOf(&Config{})
	for _, sec := range sections {
		fmt.Fprintf(&b, "## [%s]\n\n%s\n\n| key | default | flag, variable | meaning |\n|---|---|---|---|\n", sec.name, sec.doc)
		for _, s := range settings {
			if s.section() != sec.name {
				continue
			}
			star := ""
			if s.reload {
				star = " *"
			}
			def := "`" + s.def + "`"
			if s.def == "" {
				def = "none"
			}
			fmt.Fprintf(&b, "| `%s`%s | %s | `--%s`<br>`%s` | %s |\n", s.key(), star, def, s.flag, s.env, strings.ReplaceAll(s.doc, "|", "\\|"))
		}
		b.WriteByte('\n')
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func FuzzFile(f *testing.F) {
	f.Add("[server]\nnode_id = 3\nparameters = {a = 1, b = \"x\"}\n")
	f.Add("a.b.c = [1, [2]]\n'x'.\"y\" = 1e400\n")
	f.Fuzz(func(t *testing.T, file string) {
		c, err := load(t, file, nil)
		if err == nil {
			c.Show(&bytes.Buffer{})
		}
	})
}
