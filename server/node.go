package server

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/zap"

	"kimberlite/consensus"
	"kimberlite/log"
	"kimberlite/pgwire"
	"kimberlite/projections"
	"kimberlite/server/config"
	"kimberlite/server/logging"
	"kimberlite/sql/types"
	"kimberlite/txn"
)

type tlsConfig = tls.Config

// parts are what tests of the node put something else in the place of: a simpler SQL engine, a disk that loses power.
type parts struct {
	disk   vfs.FS
	engine func(*Node) (engine, error)
}

var realParts = parts{vfs.Default, newEngine}

// Node is a running server.
type Node struct {
	cfg     *config.Config
	loggers *logging.Loggers
	lg      *zap.Logger
	metrics *metrics
	started time.Time
	temp    string
	// reload reads the configuration anew; nil when there is no way.
	reload func() (*config.Config, error)
	parts  parts

	lis       listeners
	log       *log.Log
	store     *projections.Store
	evaluator projections.Evaluator
	projector *projections.Projector
	group     *consensus.Group
	manager   *txn.Manager
	engine    engine
	wire      *pgwire.Server
	http      *http.Server

	cluster  cluster
	catalog  *CatalogFollower
	notified atomic.Pointer[func(log.Position, types.OID, []projections.Notification)]
	leadView atomic.Uint64 // the view in which this node leads, 0 when it does not
	replayTo atomic.Uint64 // where replaying ends, while the node starts
	disk     diskWatch
	ready    atomic.Bool
	stopping atomic.Bool

	slowMu     sync.Mutex // guards the two below
	slowSyncs  int        // since slowLogged
	slowLogged time.Time

	failOnce sync.Once
	failed   chan error // receives the first error that ends the node
	quit     chan struct{}
	duties   sync.WaitGroup
	stopOnce sync.Once
}

// Start opens a node from the bottom up and returns when it serves. reload may be nil. Errors are *Refusal where there is something to be said.
func Start(cfg *config.Config, loggers *logging.Loggers, reload func() (*config.Config, error)) (*Node, error) {
	return start(cfg, loggers, reload, realParts)
}

func start(cfg *config.Config, loggers *logging.Loggers, reload func() (*config.Config, error), p parts) (*Node, error) {
	n := &Node{cfg: cfg, loggers: loggers, lg: loggers.For("server"), started: time.Now(), reload: reload, parts: p,
		failed: make(chan error, 1), quit: make(chan struct{})}
	n.catalog = NewCatalogFollower()
	n.catalog.failed = n.fail
	n.metrics = newMetrics(n)
	n.limitMemory()
	if err := n.open(); err != nil {
		n.Stop()
		return nil, err
	}
	return n, nil
}

func (n *Node) open() error {
	hba, tlsCfg, err := loadSecurity(n.cfg)
	if err != nil {
		return &Refusal{Text: err.Error(), Cause: err}
	}
	if err := n.openTransport(); err != nil {
		return err
	}
	token := ""
	if n.cluster.transport != nil {
		token = n.cluster.transport.Token()
	}
	n.wire = pgwire.NewServer(pgwire.Options{
		Router: n.route, RelayToken: token,
		Log: n.loggers.For("pgwire"), HBA: hba, TLS: tlsCfg, MaxConnections: int(n.cfg.MaxConnections), ReservedConnections: int(n.cfg.ReservedConnections),
		AuthTimeout: n.cfg.AuthTimeout,
	})
	n.evaluator = NewEvaluator(n.catalog)
	if !log.Exists(n.parts.disk, n.cfg.DataDir) {
		if err := n.findCluster(); err != nil {
			return err
		}
	}
	if err := n.openStorage(); err != nil {
		return refuseData(n.cfg.DataDir, err)
	}
	if err := n.listen(); err != nil {
		return err
	}
	n.serve()
	if err := n.openConsensus(); err != nil {
		return refuseData(n.cfg.DataDir, err)
	}
	if err := n.openSQL(); err != nil {
		return err
	}
	n.watchDisk()
	n.ready.Store(true)
	n.startDuties()
	n.lg.Info("ready to accept connections", zap.String("address", n.Addr()), zap.String("http_address", n.HTTPAddr()), zap.String("version", Version),
		zap.Float64("startup_ms", milliseconds(time.Since(n.started))))
	notifySystemd("READY=1")
	return nil
}

// serve answers clients and scrapers; until openSQL clients are told that the server starts up.
func (n *Node) serve() {
	for _, ln := range append(n.lis.unix, n.lis.sql) {
		n.duties.Go(func() {
			if err := n.wire.Serve(ln); err != nil {
				n.fail(err)
			}
		})
	}
	if n.lis.http != nil {
		n.http = n.httpServer()
		n.duties.Go(func() {
			if err := n.http.Serve(n.lis.http); err != nil && !errors.Is(err, http.ErrServerClosed) {
				n.lg.Error("the HTTP listener has stopped", zap.Error(err))
			}
		})
	}
}

// openConsensus starts the group and waits until the log was replayed.
func (n *Node) openConsensus() error {
	if err := n.catalog.Load(n.store); err != nil {
		return err
	}
	n.projector = projections.NewProjector(n.store, n.projectorOptions())
	last, _ := n.log.Last()
	n.replayTo.Store(uint64(last))
	if last == 0 && n.cluster.joined == nil && !n.founds() { // it was stopped between finding the cluster and its first event
		if err := n.findCluster(); err != nil {
			return err
		}
	}
	var err error
	n.group, err = consensus.Start(consensus.Config{
		Log: n.log, Applier: applier{n.projector, n}, TickInterval: n.cfg.TickInterval, ElectionTicks: int(n.cfg.ElectionTicks),
		Bootstrap: n.founds(), Address: n.clusterAddr(), Logf: logging.Raft(n.loggers.For("consensus")), ViewChanged: n.viewChanged,
		Transport: n.sender(), AddressesChanged: n.addressesChanged,
	})
	if err != nil {
		return err
	}
	if n.cluster.transport != nil {
		n.cluster.transport.Attach(n.group)
	}
	return n.waitReady(last)
}

// waitReady waits until the state is fit for serving, telling how a long replay goes.
func (n *Node) waitReady(last log.Position) error {
	progress, poll := time.NewTicker(progressInterval), time.NewTicker(pollInterval)
	defer progress.Stop()
	defer poll.Stop()
	start := time.Now()
	for !n.fit() {
		select {
		case <-n.group.Ready(): // of a single node this says all; others have to look again
			if !n.fit() {
				<-poll.C
			}
		case <-poll.C:
		case <-n.group.Done():
			return n.group.Status().Failed
		case err := <-n.failed:
			n.fail(err)
			return err
		case <-progress.C:
			n.lg.Info("replaying the log", zap.Uint64("applied_position", uint64(n.store.Applied())), zap.Uint64("last_position", uint64(last)))
		}
	}
	if took := time.Since(start); took > progressInterval {
		n.lg.Info("replay finished", zap.Uint64("applied_position", uint64(n.store.Applied())), zap.Float64("duration_ms", milliseconds(took)))
	}
	n.replayTo.Store(0)
	return nil
}

// openSQL starts transactions and the SQL engine, and opens the door.
func (n *Node) openSQL() error {
	var err error
	n.manager, err = txn.NewManager(txn.Options{Store: n.store, Proposer: proposer{n}, View: n.leadView.Load, WriteSetBytes: n.cfg.TransactionSize})
	if err != nil {
		return err
	}
	if n.group.IsLeader() {
		// One of several may lose the leadership at any moment; followLeadership sees to that.
		if err := n.takeOver(n.cluster.view.Load()); err != nil && !errors.Is(err, consensus.ErrNotLeader) {
			return refuseData(n.cfg.DataDir, err)
		}
	}
	if n.engine, err = n.parts.engine(n); err != nil {
		return &Refusal{Text: err.Error(), Cause: err}
	}
	f := n.engine.Notified
	n.notified.Store(&f)
	n.wire.SetEngine(n.engine)
	return nil
}

// fail ends the node because of an error that it cannot live with.
func (n *Node) fail(err error) {
	if err == nil || n.stopping.Load() {
		return
	}
	n.failOnce.Do(func() { n.lg.Error("the node has to stop", zap.Error(err)) })
	select {
	case n.failed <- err:
	default:
	}
}

// Failed receives the error that ends the node; the caller then stops it.
func (n *Node) Failed() <-chan error { return n.failed }

// Stop is PostgreSQL's fast shutdown: sessions are ended with 57P01, then everything is closed from the top down. It may be called on a half-open node.
func (n *Node) Stop() {
	n.stopOnce.Do(n.stop)
}

func (n *Node) stop() {
	start := time.Now()
	n.stopping.Store(true)
	n.ready.Store(false)
	notifySystemd("STOPPING=1")
	if n.wire != nil {
		ctx, cancel := context.WithTimeout(context.Background(), max(n.cfg.ShutdownTimeout, time.Millisecond))
		if err := n.wire.Shutdown(ctx); err != nil {
			n.lg.Warn("some sessions did not end in time; their sockets were closed", zap.Error(err))
		}
		cancel()
	}
	close(n.quit)
	if n.http != nil {
		_ = n.http.Close()
	}
	n.lis.close()
	n.duties.Wait()
	if n.manager != nil && n.group != nil && n.leadView.Load() != 0 {
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		if err := n.manager.Close(ctx); err != nil {
			n.lg.Warn("unused ranges of sequences were not given back", zap.Error(err))
		}
		cancel()
	}
	n.handOver()
	if n.cluster.transport != nil {
		n.cluster.transport.Close()
	}
	if n.group != nil {
		n.group.Stop()
	}
	n.closeStorage()
	if n.log != nil {
		n.lg.Info("shut down", zap.Float64("duration_ms", milliseconds(time.Since(start))))
	}
}

func (n *Node) closeStorage() {
	if n.store != nil {
		if err := errors.Join(n.store.Flush(), n.store.Close()); err != nil {
			n.lg.Error("closing the projections; the next start replays what is missing", zap.Error(err))
		}
	}
	if n.log != nil {
		if err := n.log.Close(); err != nil {
			n.lg.Error("closing the log", zap.Error(err))
		}
	}
	if n.temp != "" {
		_ = os.RemoveAll(n.temp) // the next start would do it
	}
}

// Reload takes over the settings that can change while the node runs. With an error nothing was changed.
func (n *Node) Reload() error {
	if n.reload == nil {
		return errors.New("this server has no configuration to reload")
	}
	cfg, err := n.reload()
	if err != nil {
		return err
	}
	hba, tlsCfg, err := loadSecurity(cfg)
	if err != nil {
		return err
	}
	if err := n.loggers.SetLevels(cfg.Log); err != nil {
		return err
	}
	n.wire.SetHBA(hba)
	n.wire.SetTLS(tlsCfg)
	for _, name := range config.NeedRestart(n.cfg, cfg) {
		n.lg.Warn("this setting takes its new value at the next start only", zap.String("setting", name))
	}
	n.lg.Info("configuration reloaded")
	return nil
}
