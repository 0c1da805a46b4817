package config

import (
	"time"
)

// Config is everything that an operator can set. Each field has one entry in settings (settings.go), which gives it a TOML key, a flag, an
// environment variable, a default and a description.
type Config struct {
	// [server]
	DataDir           string
	BindAddress       string
	MetricsAddress    string
	NodeID            uint64
	UnixSocketDirs    []string
	Superuser         string
	TempDir           string
	ShutdownTimeout   time.Duration
	MemoryLimit       int64
	SessionParameters []string // name=value

	// [storage]
	Sync           string
	AsyncInterval  time.Duration
	SlowSync       time.Duration
	SegmentSize    int64
	Compression    string
	LogCache       int64
	MinFreeSpace   int64
	RetentionSize  int64
	RetentionAge   time.Duration
	RetentionCheck time.Duration

	// [consensus]
	ClusterName        string
	ClusterAddress     string
	ClusterPeers       []string
	TickInterval       time.Duration
	ElectionTicks      uint64
	CheckpointInterval time.Duration

	// [projections]
	CacheSize        int64
	MemTableSize     int64
	History          bool
	HistoryRetention uint64

	// [security]
	HBAFile     string
	TLSCertFile string
	TLSKeyFile  string
	TLSCAFile   string
	AuthTimeout time.Duration

	// [limits]
	MaxConnections      uint64
	ReservedConnections uint64
	WorkMem             int64
	StatementTimeout    time.Duration
	LockTimeout         time.Duration
	IdleTimeout         time.Duration
	IdleInTxTimeout     time.Duration
	TransactionSize     int64

	// [telemetry]
	Log            string
	LogFormat      string
	SlowStatements time.Duration
	Profiling      bool

	// File is the configuration file that was read, "" for none. origins tells for each setting where its value comes from.
	File    string
	origins map[string]string
}

// Origin tells where a setting's value comes from: "default", "flag --x", "environment X", or "file:line".
func (c *Config) Origin(name string) string {
	if o := c.origins[name]; o != "" {
		return o
	}
	return "default"
}

// NeedRestart names the settings that differ and are not taken over by a reload.
func NeedRestart(running, next *Config) []string {
	var names []string
	have, want := settingsOf(running), settingsOf(next)
	for i, s := range have {
		if !s.reload && s.value.get() != want[i].value.get() {
			names = append(names, s.name)
		}
	}
	return names
}
