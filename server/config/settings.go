package config

import (
	"fmt"
	"strings"
	"time"
)

// setting is one thing that can be configured.
type setting struct {
	name     string // section.key, as in the TOML file
	flag     string // without dashes
	env      string
	def      string
	doc      string // one or two sentences for docs/configuration.md and --help
	reload   bool   // SIGHUP takes a new value over
	value    value
	isPublic bool // a short flag of its own
}

// section and key of the name.
func (s *setting) section() string { section, _, _ := strings.Cut(s.name, "."); return section }
func (s *setting) key() string     { _, key, _ := strings.Cut(s.name, "."); return key }

// sections in the order in which they are shown.
var sections = []struct{ name, doc string }{
	{"server", "The process: where it keeps its data and where it listens."},
	{"storage", "The event log on disk."},
	{"consensus", "The group of members that replicate the log."},
	{"projections", "The tables, indexes and history derived from the log."},
	{"security", "Who may connect, and how."},
	{"limits", "Bounds on connections, memory and time."},
	{"telemetry", "Logs, metrics and profiles."},
}

// settingsOf returns all settings, bound to the fields of c.
func settingsOf(c *Config) []*setting {
	list := []*setting{
		short("server.data_dir", text(&c.DataDir).required(), "./kimberlite-data", "Directory for the log, the projections and the node's identity; made when missing. One server at a time uses it."),
		short("server.bind_address", address(&c.BindAddress), "127.0.0.1:5432", "Address for SQL clients. `0.0.0.0:5432` listens on all interfaces; give the HBA table a thought then."),
		short("server.metrics_address", optionalAddress(&c.MetricsAddress), "127.0.0.1:9090", "Address for /status, /metrics, /health and /debug/pprof; empty turns them off. There is no password on it."),
		short("server.node_id", number(&c.NodeID, 1, 1<<31-1), "1", "This node's number in the cluster; must not change once the data directory exists."),
		long("server.unix_socket_directories", textList(&c.UnixSocketDirs), "", "Directories in which to make a Unix socket `.s.PGSQL.<port>`, as PostgreSQL does; none by default."),
		long("server.superuser", text(&c.Superuser).required(), "postgres", "Name of the superuser role that a new cluster starts with. It matters only when the data directory is new."),
		long("server.temp_dir", text(&c.TempDir), "", "Directory for what sorts and joins spill; default `tmp` in the data directory. It is emptied at start."),
		long("server.shutdown_timeout", duration(&c.ShutdownTimeout, 0, 24*time.Hour), "30s", "How long a shutdown waits for sessions to end before it closes their sockets."),
		long("server.memory_limit", size(&c.MemoryLimit, 0, 1<<50), "0", "Soft limit of the Go heap (GOMEMLIMIT); 0 takes six tenths of what the machine or container has. The block cache comes on top of it."),
		long("server.parameters", textList(&c.SessionParameters), "", "Defaults of PostgreSQL settings for all sessions, as `name=value`, like lines of postgresql.conf. In the file it may also be a table `[server.parameters]`."),

		long("storage.sync", enum(&c.Sync, "fsync", "async"), "fsync", "When COMMIT returns: after an fdatasync shared by all waiting commits (`fsync`), or after the write, with a sync every async_interval (`async`: a power cut may lose what the last interval acknowledged)."),
		long("storage.async_interval", duration(&c.AsyncInterval, time.Millisecond, time.Minute), "100ms", "How often `sync = \"async\"` syncs."),
		long("storage.slow_sync", duration(&c.SlowSync, 0, time.Hour), "10ms", "A sync that takes longer is logged and counted."),
		long("storage.segment_size", size(&c.SegmentSize, 64<<10, 4<<30), "64MiB", "Size of a log segment file."),
		long("storage.compression", enum(&c.Compression, "zstd", "none"), "zstd", "What becomes of full segments."),
		long("storage.log_cache", size(&c.LogCache, 0, 1<<40), "8MiB", "The newest events kept in memory for projections and followers."),
		long("storage.min_free_space", size(&c.MinFreeSpace, 0, 1<<45), "256MiB", "Writes are refused (53100) while less is free on the data directory's file system, so that the row store can always finish what it holds; at most a twentieth of the file system counts."),
		long("storage.retention_size", size(&c.RetentionSize, 0, 1<<60), "0", "Drop whole segments behind the projections' durable position when the log is bigger; 0 keeps everything."),
		long("storage.retention_age", duration(&c.RetentionAge, 0, 1<<62), "0s", "Drop whole segments behind the projections' durable position when they are older; 0 keeps everything."),
		long("storage.retention_check", duration(&c.RetentionCheck, time.Second, 24*time.Hour), "1m", "How often retention is looked at."),

		short("consensus.cluster_name", text(&c.ClusterName).required(), "kimberlite", "Name of the cluster. A data directory of another cluster is refused."),
		short("consensus.cluster_address", address(&c.ClusterAddress), "127.0.0.1:7001", "Address for the other members. Whoever reaches it can join the cluster and read everything: keep it inside a trusted network."),
		short("consensus.cluster_peers", addressList(&c.ClusterPeers), "", "Addresses of other members. A node with an empty data directory joins the cluster that it finds there; when all are empty, the one with the smallest node id founds it."),
		long("consensus.tick_interval", duration(&c.TickInterval, 10*time.Millisecond, 10*time.Second), "100ms", "Length of raft's tick, which is also the heartbeat."),
		long("consensus.election_ticks", number(&c.ElectionTicks, 3, 1000), "10", "Ticks without a heartbeat after which a member stands for election."),
		long("consensus.checkpoint_interval", duration(&c.CheckpointInterval, 0, 24*time.Hour), "10m", "How often the leader logs a checkpoint (position, chain hash, state digest) that replicas compare themselves with, if anything was committed; 0 never."),

		long("projections.cache_size", size(&c.CacheSize, 0, 1<<45), "0", "Block cache of the row store; 0 takes a quarter of what the machine or container has. It fills as blocks are read."),
		long("projections.memtable_size", size(&c.MemTableSize, 1<<20, 4<<30), "64MiB", "Memory table of the row store: larger means fewer flushes and a longer replay after a crash."),
		long("projections.history", boolean(&c.History), "true", "Keep superseded row versions for time travel."),
		long("projections.history_retention", number(&c.HistoryRetention, 0, 1<<62), "0", "How many positions back time travel reaches; 0 keeps all history."),

		reloaded("security.hba_file", text(&c.HBAFile), "", "Table of who may connect from where and how, in pg_hba.conf's syntax. Default: trust from this machine, scram-sha-256 from elsewhere."),
		reloaded("security.tls_cert_file", text(&c.TLSCertFile), "", "PEM file of the server's certificate with its chain; with tls_key_file it turns TLS on."),
		reloaded("security.tls_key_file", text(&c.TLSKeyFile), "", "PEM file of the certificate's private key."),
		reloaded("security.tls_ca_file", text(&c.TLSCAFile), "", "PEM file of the authorities that clients' certificates are verified against."),
		long("security.authentication_timeout", duration(&c.AuthTimeout, time.Second, 10*time.Minute), "1m", "How long a client may take to authenticate."),

		long("limits.max_connections", number(&c.MaxConnections, 1, 262143), "10000", "Clients served at once."),
		long("limits.superuser_reserved_connections", number(&c.ReservedConnections, 0, 262143), "3", "How many of them are kept for superusers."),
		long("limits.work_mem", size(&c.WorkMem, 64<<10, 1<<41), "16MiB", "Memory of a sort or hash table before it spills; the default of the session setting of that name."),
		long("limits.statement_timeout", duration(&c.StatementTimeout, 0, 24*24*time.Hour), "0s", "Default of the session setting of that name; 0 is no limit."),
		long("limits.lock_timeout", duration(&c.LockTimeout, 0, 24*24*time.Hour), "0s", "Default of the session setting of that name; 0 is no limit."),
		long("limits.idle_session_timeout", duration(&c.IdleTimeout, 0, 24*24*time.Hour), "0s", "Default of the session setting of that name; 0 is no limit."),
		long("limits.idle_in_transaction_session_timeout", duration(&c.IdleInTxTimeout, 0, 24*24*time.Hour), "0s", "Default of the session setting of that name; 0 is no limit."),
		long("limits.transaction_size", size(&c.TransactionSize, 1<<20, 1<<45), "4GiB", "Memory that the changes of one transaction may take."),

		reloaded("telemetry.log", logLevels(&c.Log), "info", "Log levels: a default and exceptions by component, such as `info,consensus=debug`. RUST_LOG (`kimberlite=debug`) is understood as well."),
		long("telemetry.log_format", enum(&c.LogFormat, "json", "console"), "json", "Form of the log on standard error."),
		long("telemetry.slow_statements", duration(&c.SlowStatements, -1, 24*24*time.Hour), "-1ms", "Statements that take longer are logged with query_duration_ms; the default of log_min_duration_statement. -1ms turns it off, 0 logs all."),
		long("telemetry.profiling", boolean(&c.Profiling), "true", "Serve /debug/pprof."),
	}
	for _, s := range list {
		if s.name == "telemetry.log" {
			s.env = "KIMBERLITE_LOG"
		}
	}
	return list
}

// short is a setting with a short flag: --data-dir, KIMBERLITE_DATA_DIR.
func short(name string, v value, def, doc string) *setting {
	_, key, _ := strings.Cut(name, ".")
	return &setting{name: name, flag: strings.ReplaceAll(key, "_", "-"), env: envPrefix + strings.ToUpper(key), def: def, doc: doc, value: v, isPublic: true}
}

// long is a setting whose flag and variable carry the section: --limits-max-connections, KIMBERLITE_LIMITS_MAX_CONNECTIONS.
func long(name string, v value, def, doc string) *setting {
	flat := strings.NewReplacer(".", "_").Replace(name)
	return &setting{name: name, flag: strings.ReplaceAll(flat, "_", "-"), env: envPrefix + strings.ToUpper(flat), def: def, doc: doc, value: v}
}

func reloaded(name string, v value, def, doc string) *setting {
	s := long(name, v, def, doc)
	s.reload = true
	return s
}

const envPrefix = "KIMBERLITE_"

// check looks at settings that depend on one another.
func (c *Config) check() error {
	switch {
	case (c.TLSCertFile == "") != (c.TLSKeyFile == ""):
		return fmt.Errorf("security.tls_cert_file and security.tls_key_file belong together: set both or none")
	case c.TLSCAFile != "" && c.TLSCertFile == "":
		return fmt.Errorf("security.tls_ca_file (%s) needs security.tls_cert_file", c.Origin("security.tls_ca_file"))
	case c.ReservedConnections >= c.MaxConnections:
		return fmt.Errorf("limits.superuser_reserved_connections (%d) must be less than limits.max_connections (%d)", c.ReservedConnections, c.MaxConnections)
	}
	return nil
}
