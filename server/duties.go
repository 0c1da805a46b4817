package server

import (
	"context"
	"time"

	"go.uber.org/zap"

	"kimberlite/log"
	"kimberlite/projections"
)

// startDuties starts the background work of a node that serves.
func (n *Node) startDuties() {
	n.duties.Go(n.watchGroup)
	n.duties.Go(n.followLeadership)
	n.duties.Go(n.tendMemory)
	n.every(promoteInterval, n.promoteLearners)
	n.duties.Go(n.gatherStatistics)
	n.every(diskInterval, n.watchDisk)
	n.every(n.cfg.RetentionCheck, n.enforceRetention)
	if n.cfg.CheckpointInterval > 0 {
		last := log.Position(0)
		n.every(n.cfg.CheckpointInterval, func() { last = n.checkpoint(last) })
	}
	if n.cfg.HistoryRetention > 0 {
		n.every(pruneInterval, n.pruneHistory)
	}
}

// every calls f until the node stops.
func (n *Node) every(interval time.Duration, f func()) {
	n.duties.Go(func() {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			select {
			case <-n.quit:
				return
			case <-ticker.C:
				f()
			}
		}
	})
}

// watchGroup ends the node when consensus has failed: a state that cannot follow the log must not be served.
func (n *Node) watchGroup() {
	select {
	case <-n.quit:
	case <-n.group.Done():
		if err := n.group.Status().Failed; err != nil {
			n.fail(err)
		}
	}
}

// gatherStatistics lets the SQL engine look after the statistics of tables until the node stops.
func (n *Node) gatherStatistics() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { <-n.quit; cancel() }()
	n.engine.Autoanalyze(ctx)
}

// enforceRetention drops segments that the policy allows and the projections do not need.
func (n *Node) enforceRetention() {
	r := log.Retention{MaxBytes: n.cfg.RetentionSize, MaxAge: n.cfg.RetentionAge}
	if r == (log.Retention{}) {
		return
	}
	needed, err := n.store.Needed()
	if err == nil {
		err = n.log.EnforceRetention(r, needed)
	}
	if err != nil {
		n.lg.Warn("retention failed and is tried again", zap.Error(err))
	}
}

// checkpoint lets all replicas compare their state, if anything happened since the last one. It returns the position that it leaves behind.
func (n *Node) checkpoint(last log.Position) log.Position {
	if n.leadView.Load() == 0 || n.disk.low.Load() || n.store.Applied() <= last {
		return last
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	p, err := projections.ProposeCheckpoint(n.store, func(kind log.Kind, payload []byte) (log.Position, error) { return n.group.Propose(ctx, kind, payload) })
	if err != nil {
		n.lg.Warn("no checkpoint was logged", zap.Error(err))
		return last
	}
	n.lg.Debug("checkpoint logged", zap.Uint64("position", uint64(p)))
	return n.store.Applied()
}

// pruneHistory removes row versions that time travel need not reach.
func (n *Node) pruneHistory() {
	applied := n.store.Applied()
	if uint64(applied) <= n.cfg.HistoryRetention {
		return
	}
	removed, err := n.store.Prune(applied-log.Position(n.cfg.HistoryRetention), n.quit)
	if err != nil {
		n.lg.Warn("pruning history failed and is tried again", zap.Error(err))
	} else if removed > 0 {
		n.lg.Debug("history pruned", zap.Int64("versions", removed))
	}
}
