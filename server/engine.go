package server

import (
	"context"
	"net"
	"strconv"
	"strings"
	"time"

	"kimberlite/log"
	"kimberlite/pgwire"
	"kimberlite/projections"
	"kimberlite/server/config"
	"kimberlite/sql/session"
	"kimberlite/sql/types"
)

// engine is what the node needs of the SQL side; *session.Engine is one.
type engine interface {
	pgwire.Engine
	Notified(p log.Position, database types.OID, notes []projections.Notification)
	// Autoanalyze gathers statistics in the background until the context ends.
	Autoanalyze(ctx context.Context)
}

func newEngine(n *Node) (engine, error) {
	host, _, _ := net.SplitHostPort(n.Addr())
	e, err := session.New(session.Options{
		Manager: n.manager, Store: n.store, Catalog: n.catalog.Current, Logger: n.loggers.For("sql"),
		Settings: sessionDefaults(n.cfg, n.Addr()), TempDir: n.temp, System: n.systemRows, Leading: func() bool { return n.leadView.Load() != 0 }, View: n.leadView.Load, ConfirmRead: n.confirmRead, Reload: n.Reload,
		MaxConnections: int(n.cfg.MaxConnections), ListenHost: host, ListenPort: port(n.Addr()), Stats: nodeStats{n: n},
	})
	if err != nil {
		return nil, err
	}
	e.Stats().Observe = n.metrics.statementDone
	return e, nil
}

// sessionDefaults are the server's values of PostgreSQL's settings, which sessions start with. server.parameters wins over what follows from other
// settings of ours.
func sessionDefaults(c *config.Config, address string) map[string]string {
	host, _, _ := net.SplitHostPort(address)
	ms := func(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
	m := map[string]string{
		"work_mem":                            strconv.FormatInt(c.WorkMem>>10, 10),
		"statement_timeout":                   ms(c.StatementTimeout),
		"lock_timeout":                        ms(c.LockTimeout),
		"idle_session_timeout":                ms(c.IdleTimeout),
		"idle_in_transaction_session_timeout": ms(c.IdleInTxTimeout),
		"log_min_duration_statement":          ms(c.SlowStatements),
		"listen_addresses":                    host,
		"port":                                strconv.Itoa(port(address)),
		"data_directory":                      c.DataDir,
		"config_file":                         c.File,
		"hba_file":                            c.HBAFile,
		"superuser_reserved_connections":      strconv.FormatUint(c.ReservedConnections, 10),
		"max_connections":                     strconv.FormatUint(c.MaxConnections, 10),
		"unix_socket_directories":             strings.Join(c.UnixSocketDirs, ","),
		"cluster_name":                        c.ClusterName,
		"ssl":                                 onOff(c.TLSCertFile != ""),
		"ssl_cert_file":                       c.TLSCertFile,
		"ssl_key_file":                        c.TLSKeyFile,
		"ssl_ca_file":                         c.TLSCAFile,
		"authentication_timeout":              strconv.FormatInt(int64(c.AuthTimeout.Seconds()), 10),
		"fsync":                               "on",
		"synchronous_commit":                  onOff(c.Sync == "fsync"),
	}
	for _, p := range c.SessionParameters {
		if name, value, ok := strings.Cut(p, "="); ok {
			m[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
	}
	return m
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}
