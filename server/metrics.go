package server

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics are what Prometheus scrapes. Lower layers count with plain atomics and know nothing of it: collect reads them at scrape time. Only what
// has to be timed as it happens is a Prometheus object.
type metrics struct {
	registry *prometheus.Registry
	n        *Node

	query            prometheus.Histogram
	commit           prometheus.Observer // of kmb_write_duration_seconds
	sync             prometheus.Observer
	apply            prometheus.Observer
	checksumFailures atomic.Uint64
}

// durations covers ten microseconds to ten seconds; a point read takes the first buckets, a stuck disk the last ones.
var durations = []float64{.00001, .000025, .00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

func newMetrics(n *Node) *metrics {
	m := &metrics{n: n, registry: prometheus.NewRegistry()}
	m.query = prometheus.NewHistogram(prometheus.HistogramOpts{Name: "kmb_query_duration_seconds", Help: "Duration of statements.", Buckets: durations})
	writes := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "kmb_write_duration_seconds",
		Help: "Duration of the phases of a write: commit (from proposal to visible, what a client waits for), sync (one fdatasync for a group), apply (a batch of events to the projections).", Buckets: durations}, []string{"phase"})
	m.commit, m.sync, m.apply = writes.WithLabelValues("commit"), writes.WithLabelValues("sync"), writes.WithLabelValues("apply")
	m.registry.MustRegister(m.query, writes, nodeCollector{n}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// statementDone records a statement's duration.
func (m *metrics) statementDone(micros int64) { m.query.Observe(float64(micros) / 1e6) }

// nodeCollector reads the layers' own counters.
type nodeCollector struct{ n *Node }

// desc makes a metric's description; the names are those of the monitoring guide (docs/metrics.md).
func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("kmb_"+name, help, labels, nil)
}

var (
	descInfo          = desc("build_info", "Always 1; the labels tell the release.", "version", "revision", "cluster", "node")
	descUptime        = desc("uptime_seconds", "Time since the node was started.")
	descReady         = desc("ready", "1 while the node accepts SQL clients.")
	descLogEntries    = desc("log_entries", "Events in the log.")
	descLogBytes      = desc("log_bytes", "Bytes of records appended since the start.")
	descLogSize       = desc("log_size_bytes", "Size of the log's segments on disk.")
	descLogSegments   = desc("log_segments", "Segment files.")
	descLogAppended   = desc("log_appended_total", "Events appended since the start.")
	descLogSyncs      = desc("log_syncs_total", "fdatasyncs of the log since the start.")
	descLogSyncTime   = desc("log_sync_seconds_total", "Time spent in them.")
	descLogSlow       = desc("log_slow_syncs_total", "Syncs that took longer than storage.slow_sync.")
	descLogDurable    = desc("log_durable_position", "Everything up to this position survives a power cut.")
	descChecksum      = desc("checksum_failures_total", "Damaged records met since the start.")
	descCommits       = desc("consensus_commits", "Commit position.")
	descView          = desc("consensus_view", "The consensus epoch.")
	descLeader        = desc("consensus_leader", "Node id of the leader, 0 when there is none.")
	descIsLeader      = desc("consensus_is_leader", "1 on the leader.")
	descViewChanges   = desc("consensus_view_changes", "View changes seen since the start.")
	descMembers       = desc("consensus_members", "Members of the cluster.")
	descProposals     = desc("consensus_proposals_total", "Events proposed on this node since the start.")
	descGroups        = desc("consensus_groups_total", "Groups of events made durable together since the start.")
	descDiskFull      = desc("disk_full", "1 while writes are refused because the disk is full, or nearly (storage.min_free_space).")
	descDiskFree      = desc("disk_free_bytes", "Space left on the data directory's file system.")
	descApplied       = desc("projection_applied_position", "Position up to which the projection shows the log.", "projection")
	descDurable       = desc("projection_durable_position", "Position up to which the projection survives a crash by itself.", "projection")
	descLag           = desc("projection_lag", "Committed events that the projection does not show yet.", "projection")
	descProjRows      = desc("projection_rows", "Rows in the projection.", "projection")
	descProjBytes     = desc("projection_bytes", "Size on disk.", "projection")
	descEventsApplied = desc("projection_events_applied_total", "Events applied since the start.")
	descRowOps        = desc("projection_row_operations_total", "Row operations applied since the start.")
	descCache         = desc("projection_cache_bytes", "Block cache in use.")
	descCacheHits     = desc("projection_cache_hits_total", "Blocks found in the cache.")
	descCacheMisses   = desc("projection_cache_misses_total", "Blocks read from disk.")
	descRequests      = desc("requests_total", "Requests of SQL clients.", "protocol")
	descInFlight      = desc("requests_in_flight", "Requests being worked on.")
	descErrors        = desc("errors_total", "Errors sent to SQL clients that did not end their session.")
	descConnections   = desc("connections", "Open connections of SQL clients.")
	descAccepted      = desc("connections_total", "Connections accepted since the start.")
	descRejected      = desc("connections_rejected_total", "Connections turned away: too many, starting up, shutting down.")
	descAuth          = desc("authentication_failures_total", "Failed log-ins.")
	descProtocol      = desc("protocol_errors_total", "Connections ended because of malformed messages.")
	descCancels       = desc("cancel_requests_total", "Cancel requests received.")
	descPanics        = desc("session_panics_total", "Sessions ended by a bug of the server; please report each.")
)

// Describe implements prometheus.Collector; an unchecked collector describes nothing, since some metrics exist only once the node is open.
func (nodeCollector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c nodeCollector) Collect(ch chan<- prometheus.Metric) {
	n := c.n
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	count := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	gauge(descInfo, 1, Version, revision(), n.cfg.ClusterName, itoa(n.cfg.NodeID))
	gauge(descUptime, time.Since(n.started).Seconds())
	gauge(descReady, truth(n.ready.Load()))
	count(descChecksum, n.metrics.checksumFailures.Load())

	p := n.wire.Metrics()
	count(descRequests, p.SimpleQueries.Load(), "simple")
	count(descRequests, p.Executes.Load(), "extended")
	gauge(descInFlight, float64(n.wire.Running()))
	count(descErrors, p.Errors.Load())
	gauge(descConnections, float64(p.Connections.Load()))
	count(descAccepted, p.Accepted.Load())
	count(descRejected, p.Rejected.Load())
	count(descAuth, p.AuthFailures.Load())
	count(descProtocol, p.ProtocolErrors.Load())
	count(descCancels, p.CancelRequests.Load())
	count(descPanics, p.Panics.Load())

	l := n.log.Stats()
	gauge(descLogEntries, float64(l.Entries))
	count(descLogBytes, l.AppendedByte)
	gauge(descLogSize, float64(l.SizeBytes))
	gauge(descLogSegments, float64(l.Segments))
	count(descLogAppended, l.Appended)
	count(descLogSyncs, l.Syncs)
	ch <- prometheus.MustNewConstMetric(descLogSyncTime, prometheus.CounterValue, float64(l.SyncNanos)/1e9)
	count(descLogSlow, l.SlowSyncs)
	gauge(descLogDurable, float64(l.Durable))

	commit := l.Durable
	if n.ready.Load() {
		st := n.group.Status()
		commit = st.Commit
		gauge(descCommits, float64(st.Commit))
		gauge(descView, float64(st.View))
		gauge(descLeader, float64(uint32(st.Leader)))
		gauge(descIsLeader, truth(st.IsLeader()))
		count(descViewChanges, st.ViewChanges)
		gauge(descMembers, float64(len(st.Members)))
		count(descProposals, st.Proposals)
		count(descGroups, st.Groups)
		gauge(descDiskFull, truth(st.DiskFull != nil || n.disk.low.Load()))
		gauge(descDiskFree, float64(n.disk.free.Load()))
		events, rowOps := n.projector.Counts()
		count(descEventsApplied, events)
		count(descRowOps, rowOps)
	}
	if list, err := n.store.Status(); err == nil {
		for _, s := range list {
			gauge(descApplied, float64(s.Applied), s.Name)
			gauge(descDurable, float64(s.Durable), s.Name)
			gauge(descLag, float64(max(commit, s.Applied)-s.Applied), s.Name)
			gauge(descProjBytes, float64(s.Bytes), s.Name)
			if s.Entries >= 0 {
				gauge(descProjRows, float64(s.Entries), s.Name)
			}
		}
	}
	pm := n.store.PebbleMetrics()
	gauge(descCache, float64(pm.BlockCache.Size))
	hits, misses := cacheTraffic(pm)
	count(descCacheHits, uint64(hits))
	count(descCacheMisses, uint64(misses))
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
