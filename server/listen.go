package server

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"kimberlite/pgwire"
	"kimberlite/server/config"
)

// listeners are the sockets of a node. They are opened right after the data directory's lock was taken and before anything that takes long.
type listeners struct {
	sql  net.Listener
	unix []net.Listener
	http net.Listener // nil when turned off
}

func (n *Node) listen() error {
	var err error
	if n.lis.sql, err = net.Listen("tcp", n.cfg.BindAddress); err != nil {
		return refuseListen("SQL clients", "--bind-address", n.cfg.BindAddress, err)
	}
	sql := n.Addr()
	n.cluster.sql.Store(&sql)
	if n.cfg.MetricsAddress != "" {
		if n.lis.http, err = net.Listen("tcp", n.cfg.MetricsAddress); err != nil {
			return refuseListen("status and metrics", "--metrics-address", n.cfg.MetricsAddress, err)
		}
	}
	_, port, _ := net.SplitHostPort(n.lis.sql.Addr().String())
	for _, dir := range n.cfg.UnixSocketDirs {
		ln, err := listenUnix(filepath.Join(dir, ".s.PGSQL."+port))
		if err != nil {
			return refuseListen("SQL clients", "--server-unix-socket-directories", dir, err)
		}
		n.lis.unix = append(n.lis.unix, ln)
	}
	return nil
}

// listenUnix takes the place of a socket file that nobody listens on any more, as a killed server leaves it.
func listenUnix(path string) (net.Listener, error) {
	ln, err := net.Listen("unix", path)
	if err == nil || !errors.Is(err, syscall.EADDRINUSE) {
		return ln, err
	}
	if nc, dialErr := net.DialTimeout("unix", path, time.Second); dialErr == nil {
		_ = nc.Close()
		return nil, err
	}
	if err := os.Remove(path); err != nil {
		return nil, err
	}
	return net.Listen("unix", path)
}

func (l *listeners) close() {
	for _, ln := range append([]net.Listener{l.sql, l.http}, l.unix...) {
		if ln != nil {
			_ = ln.Close()
		}
	}
}

// Addr returns the address that SQL clients connect to.
func (n *Node) Addr() string { return n.lis.sql.Addr().String() }

// HTTPAddr returns the address of status and metrics, "" when they are turned off.
func (n *Node) HTTPAddr() string {
	if n.lis.http == nil {
		return ""
	}
	return n.lis.http.Addr().String()
}

// port is the port of an address.
func port(address string) int {
	_, p, _ := net.SplitHostPort(address)
	n, _ := strconv.Atoi(p)
	return n
}

// loadSecurity reads the HBA table and the TLS files of a configuration.
func loadSecurity(c *config.Config) (hba *pgwire.HBA, tls *tlsConfig, err error) {
	file, text := "the built-in table", pgwire.DefaultHBA
	if c.HBAFile != "" {
		b, err := os.ReadFile(c.HBAFile)
		if err != nil {
			return nil, nil, fmt.Errorf("could not read security.hba_file: %w", err)
		}
		file, text = c.HBAFile, string(b)
	}
	if hba, err = pgwire.ParseHBA(file, text); err != nil {
		return nil, nil, err
	}
	if c.TLSCertFile == "" {
		return hba, nil, nil
	}
	tls, err = pgwire.LoadTLS(pgwire.TLSFiles{Cert: c.TLSCertFile, Key: c.TLSKeyFile, CA: c.TLSCAFile})
	return hba, tls, err
}
