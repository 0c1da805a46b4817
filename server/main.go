package server

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/pflag"
	"go.uber.org/zap"

	"kimberlite/server/config"
	"kimberlite/server/logging"
)

// Exit statuses of kimberlite-server.
const (
	exitFailed  = 1 // it could not start, or could not go on
	exitUsage   = 2 // flags or configuration are wrong
	exitStopped = 0
)

// Main runs a server until a signal or a failure ends it, and returns the exit status. fs has the flags of config.BindFlags, parsed.
func Main(fs *pflag.FlagSet, show bool) int {
	var strange []string
	load := func() (*config.Config, error) {
		strange = strange[:0]
		return config.Load(fs, os.Environ(), func(name string) { strange = append(strange, name) })
	}
	cfg, err := load()
	if err != nil {
		complain(err)
		return exitUsage
	}
	if show {
		cfg.Show(os.Stdout)
		return exitStopped
	}
	loggers, err := logging.New(os.Stderr, cfg.LogFormat, cfg.Log)
	if err != nil {
		complain(err)
		return exitUsage
	}
	lg := loggers.For("server")
	for _, name := range strange {
		lg.Warn("this environment variable looks like a setting and is none", zap.String("name", name))
	}
	// From here on signals are ours, also while a long replay runs: the default action would be a crash.
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	return run(cfg, loggers, load, signals)
}

// run starts a node and waits for its end.
func run(cfg *config.Config, loggers *logging.Loggers, load func() (*config.Config, error), signals <-chan os.Signal) int {
	return runWith(cfg, loggers, load, signals, realParts)
}

func runWith(cfg *config.Config, loggers *logging.Loggers, load func() (*config.Config, error), signals <-chan os.Signal, p parts) int {
	lg := loggers.For("server")
	started := make(chan struct{})
	var n *Node
	var err error
	go func() {
		n, err = start(cfg, loggers, load, p)
		close(started)
	}()
	for starting := true; starting; {
		select {
		case <-started:
			starting = false
		case s := <-signals:
			if s != syscall.SIGHUP {
				lg.Info("stopped while starting; nothing is lost", zap.Stringer("signal", s))
				return exitFailed // the log is consistent at any moment
			}
		}
	}
	if err != nil {
		complain(err)
		return exitFailed
	}
	for {
		select {
		case err := <-n.Failed():
			n.Stop()
			complain(err)
			return exitFailed
		case s := <-signals:
			if s == syscall.SIGHUP {
				if err := n.Reload(); err != nil {
					lg.Error("the configuration was not reloaded; the old one stays in force", zap.Error(err))
				}
				continue
			}
			lg.Info("received fast shutdown request", zap.Stringer("signal", s))
			n.Stop()
			return exitStopped
		}
	}
}

// complain tells a human on standard error why there is no server, as PostgreSQL words it.
func complain(err error) {
	var r *Refusal
	fmt.Fprintf(os.Stderr, "kimberlite-server: FATAL:  %v\n", err)
	if errors.As(err, &r) && r.Hint != "" {
		fmt.Fprintf(os.Stderr, "kimberlite-server: HINT:  %s\n", r.Hint)
	}
}
