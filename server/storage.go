package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"go.uber.org/zap"

	"kimberlite/log"
	"kimberlite/projections"
	"kimberlite/server/config"
	"kimberlite/server/logging"
	"kimberlite/sql/types"
)

// Folders of the data directory besides those of the log (log/, meta/, LOCK).
const (
	projectionsDir = "projections"
	tempDir        = "tmp"
)

// ProjectionsDir returns where the row store of a data directory is.
func ProjectionsDir(dataDir string) string { return filepath.Join(dataDir, projectionsDir) }

// logOptions translates the configuration for the log.
func (n *Node) logOptions() log.Options {
	c, lg := n.cfg, n.loggers.For("log")
	o := log.Options{
		Identity:      n.wantedIdentity(),
		SegmentBytes:  c.SegmentSize,
		AsyncInterval: c.AsyncInterval,
		CacheBytes:    c.LogCache,
		SlowSync:      c.SlowSync,
		KeepRaw:       rawSegments,
	}
	if c.Sync == "async" {
		o.Sync = log.SyncAsync
	}
	if c.Compression == "none" {
		o.Compression = log.CompressNone
	}
	o.Hooks = log.Hooks{
		Synced:   func(took time.Duration, _ int, _ int64) { n.metrics.sync.Observe(took.Seconds()) },
		SlowSync: n.slowSync,
		TailCut: func(t log.TailCut) {
			lg.Warn("cut a torn tail; nothing of it was ever acknowledged", zap.String("segment", t.Segment), zap.Int64("offset", t.Offset), zap.Int64("bytes", t.Bytes),
				zap.Uint64("next_position", uint64(t.Next)), zap.String("case", t.Case), zap.String("reason", t.Reason))
		},
		ChecksumFailure: func(e *log.CorruptionError) {
			n.metrics.checksumFailures.Add(1)
			lg.Error("damage in the log", zap.String("segment", e.Segment), zap.Int64("offset", e.Offset), zap.Uint64("position", uint64(e.Position)), zap.String("reason", e.Reason))
		},
		SegmentSealed: func(s log.SegmentInfo) {
			lg.Debug("segment sealed", zap.String("segment", s.Name), zap.Uint64("last_position", uint64(s.Last)))
		},
		SegmentCompressed: func(s log.SegmentInfo) {
			lg.Debug("segment compressed", zap.String("segment", s.Name), zap.Int64("bytes", s.Bytes), zap.Int64("raw_bytes", s.RawBytes))
		},
		SegmentDropped: func(s log.SegmentInfo) {
			lg.Info("segment dropped by retention", zap.String("segment", s.Name), zap.Uint64("last_position", uint64(s.Last)))
		},
		Failed: func(err error) { lg.Error("the log has stopped", zap.Error(err)) },
		Background: func(task string, err error) {
			lg.Warn("background work on the log failed and is tried again", zap.String("task", task), zap.Error(err))
		},
	}
	return o
}

// slowSync logs slow syncs, a slow disk's thousands as one line every now and then.
func (n *Node) slowSync(took time.Duration, events int, bytes int64) {
	n.slowMu.Lock()
	defer n.slowMu.Unlock()
	n.slowSyncs++
	if time.Since(n.slowLogged) < slowSyncLogInterval {
		return
	}
	n.loggers.For("log").Warn("slow sync of the log", zap.Float64("duration_ms", milliseconds(took)), zap.Int("events", events), zap.Int64("bytes", bytes),
		zap.Int("slow_syncs_since_last_line", n.slowSyncs))
	n.slowSyncs, n.slowLogged = 0, time.Now()
}

// StoreOptions translates the configuration for the row store.
func StoreOptions(c *config.Config, pebble logging.Pebble) projections.Options {
	return projections.Options{Dir: ProjectionsDir(c.DataDir), CacheBytes: cacheBytes(c), MemTableBytes: uint64(c.MemTableSize), Logger: pebble}
}

// openStorage opens log and projections, and makes sure that they belong together.
func (n *Node) openStorage() error {
	if err := n.roomToStart(); err != nil {
		return err
	}
	l, err := log.Open(n.parts.disk, n.cfg.DataDir, n.logOptions())
	if err != nil {
		return err
	}
	n.log = l
	last, _ := l.Last()
	id := l.Identity()
	n.cluster.identity.Store(&id)
	n.lg.Info("log opened", zap.Uint64("first_position", uint64(l.First())), zap.Uint64("last_position", uint64(last)), zap.String("cluster_id", id.ClusterIDString()),
		zap.String("cluster_name", id.ClusterName), zap.Uint32("node_id", id.NodeID))
	if err := n.cleanTemp(); err != nil {
		return err
	}
	return n.openStore(false)
}

// openStore opens the row store. One that another release wrote, or that does not belong to this log, is made anew, since the log is the truth.
func (n *Node) openStore(again bool) error {
	opts := StoreOptions(n.cfg, logging.Pebble{Log: n.loggers.For("projections.pebble"), Fatal: n.storeDied})
	opts.FS, opts.Evaluator, opts.Events = n.parts.disk, n.evaluator, n.log
	opts.BackgroundError = func(err error) {
		n.loggers.For("projections").Error("background work of the row store failed and is tried again", zap.Error(err))
	}
	opts.Corruption = n.storeDamaged
	s, err := projections.Open(opts)
	if errors.Is(err, projections.ErrFormat) && !again {
		n.lg.Warn("the projections have another format; making them anew from the log", zap.Error(err))
		return n.anew()
	}
	if err != nil {
		return err
	}
	n.store = s
	why, err := n.disagreement()
	if err != nil {
		return err
	}
	if why == "" {
		return nil
	}
	if n.log.First() > 1 || again { // the log alone cannot give the state any more
		return fmt.Errorf("%w: %s", projections.ErrDiverged, why)
	}
	n.lg.Warn("the projections do not belong to this log; making them anew", zap.String("reason", why))
	if err := s.Close(); err != nil {
		return err
	}
	n.store = nil
	return n.anew()
}

// storeDamaged counts and tells of damage in the row store's files. Whoever was reading gets an error, never a wrong row.
func (n *Node) storeDamaged(file string, err error) {
	n.metrics.checksumFailures.Add(1)
	n.loggers.For("projections").Error("damage in the projections; stop the server and make them anew with kimberlite-admin rebuild", zap.String("file", file), zap.Error(err))
}

// storeDied ends the process when the row store says that going on would damage it. The log has everything; the next start goes on from there.
func (n *Node) storeDied(text string) {
	err := errors.New(text)
	if strings.Contains(text, syscall.ENOSPC.Error()) {
		err = fmt.Errorf("%w: %s", syscall.ENOSPC, text)
	}
	complain(refuseData(n.cfg.DataDir, err))
	os.Exit(exitFailed)
}

// anew throws the row store away; consensus replays the log into the new one.
func (n *Node) anew() error {
	if n.log.First() > 1 {
		return fmt.Errorf("%w: the log begins at position %d, so they cannot be made from it", projections.ErrDiverged, n.log.First())
	}
	if err := projections.Remove(n.parts.disk, ProjectionsDir(n.cfg.DataDir)); err != nil {
		return err
	}
	return n.openStore(true)
}

// disagreement says why the row store cannot be that of this log, "" when it can.
func (n *Node) disagreement() (string, error) {
	applied, hash := n.store.AppliedHash()
	last, _ := n.log.Last()
	switch {
	case applied == 0 || applied < n.log.First():
		return "", nil // consensus says what is missing, if anything
	case applied > last:
		return fmt.Sprintf("they have applied position %d, but the log ends at %d", applied, last), nil
	}
	want, err := n.log.HashAt(applied)
	if err != nil {
		return "", err
	}
	if want != hash {
		return fmt.Sprintf("they have applied another event at position %d (chain hash %s, the log has %s)", applied, hash.Short(), want.Short()), nil
	}
	return "", nil
}

// cleanTemp makes the folder for temporary files, empty.
func (n *Node) cleanTemp() error {
	n.temp = filepath.Join(n.cfg.DataDir, tempDir)
	if n.cfg.TempDir != "" {
		n.temp = filepath.Join(n.cfg.TempDir, "kimberlite-tmp") // a folder of our own: the other one may hold somebody else's files
	}
	if err := os.RemoveAll(n.temp); err != nil {
		return err
	}
	return os.MkdirAll(n.temp, 0o700)
}

// projectorOptions connects the projector with what follows it.
func (n *Node) projectorOptions() projections.ProjectorOptions {
	lg := n.loggers.For("projections")
	return projections.ProjectorOptions{
		NoHistory:      !n.cfg.History,
		CatalogChanged: n.catalog.Changed,
		Notified: func(p log.Position, db types.OID, notes []projections.Notification) {
			if f := n.notified.Load(); f != nil {
				(*f)(p, db, notes)
			}
		},
		CheckpointMatched: func(p log.Position, d projections.Digest) {
			lg.Info("checkpoint: the state agrees with the leader's", zap.Uint64("position", uint64(p)), zap.String("digest", d.String()))
		},
		Diverged: func(p log.Position, want, have projections.Digest) {
			lg.Error("the state differs from the leader's: this node stops before it serves a wrong row", zap.Uint64("position", uint64(p)),
				zap.String("want", want.String()), zap.String("have", have.String()))
		},
	}
}

// applier is the projector with a stopwatch.
type applier struct {
	*projections.Projector
	n *Node
}

// Apply implements consensus.Applier.
func (a applier) Apply(events []log.Event) error {
	start := time.Now()
	err := a.Projector.Apply(events)
	a.n.metrics.apply.Observe(time.Since(start).Seconds())
	return err
}

// proposer is the group with a stopwatch and an eye on the disk (disk.go).
type proposer struct{ n *Node }

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
