package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/pprof"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"kimberlite/consensus"
)

// httpServer serves what an operator's tools look at. Nothing here changes anything.
func (n *Node) httpServer() *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", n.serveStatus)
	mux.HandleFunc("GET /health/live", n.serveLive)
	mux.HandleFunc("GET /health/ready", n.serveReady)
	mux.Handle("GET /metrics", promhttp.HandlerFor(n.metrics.registry, promhttp.HandlerOpts{}))
	if n.cfg.Profiling {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "Kimberlite "+Version+"\n\n/status\n/metrics\n/health/live\n/health/ready\n/debug/pprof/\n")
	})
	return &http.Server{Handler: mux, ReadHeaderTimeout: httpHeaderTimeout, IdleTimeout: httpIdleTimeout}
}

// Status is the answer of /status.
type Status struct {
	Version         string         `json:"version"`
	ClusterName     string         `json:"cluster_name"`
	ClusterID       string         `json:"cluster_id"`
	ClusterSize     int            `json:"cluster_size"`
	NodeID          uint32         `json:"node_id"`
	State           string         `json:"state"` // starting, normal, recovering, view-change, stopped, stopping
	View            uint64         `json:"view"`
	Leader          uint32         `json:"leader"` // node id, 0 when there is none
	IsLeader        bool           `json:"is_leader"`
	CommitPosition  uint64         `json:"commit_position"`
	AppliedPosition uint64         `json:"applied_position"`
	DurablePosition uint64         `json:"durable_position"`
	ReplayTo        uint64         `json:"replay_to,omitempty"` // while starting: where replaying ends
	Members         []StatusMember `json:"members"`
	Connections     int64          `json:"connections"`
	StartedAt       time.Time      `json:"started_at"`
	UptimeSeconds   float64        `json:"uptime_seconds"`
	Error           string         `json:"error,omitempty"`
}

// StatusMember is a member in /status.
type StatusMember struct {
	NodeID        uint32 `json:"node_id"`
	Address       string `json:"address"`
	Role          string `json:"role"` // leader, follower, learner
	Self          bool   `json:"self"`
	Active        bool   `json:"active"`
	MatchPosition uint64 `json:"match_position,omitempty"` // on the leader
	ClockOffsetUS int64  `json:"clock_offset_us"`
}

// Status tells how the node is.
func (n *Node) Status() Status {
	id := n.log.Identity()
	s := Status{
		Version: Version, ClusterName: id.ClusterName, ClusterID: id.ClusterIDString(), ClusterSize: 1, NodeID: id.NodeID, State: "starting",
		AppliedPosition: uint64(n.store.Applied()), DurablePosition: uint64(n.log.Durable()), ReplayTo: n.replayTo.Load(), Members: []StatusMember{},
		Connections: n.wire.Metrics().Connections.Load(), StartedAt: n.started.UTC(), UptimeSeconds: time.Since(n.started).Seconds(),
	}
	if n.ready.Load() {
		n.statusOfGroup(&s)
	} else if n.stopping.Load() {
		s.State = "stopping"
	}
	return s
}

func (n *Node) statusOfGroup(s *Status) {
	g := n.group.Status()
	s.State, s.View, s.Leader, s.IsLeader = g.State.String(), g.View, uint32(g.Leader), g.IsLeader()
	s.CommitPosition, s.ClusterSize = uint64(g.Commit), len(g.Members)
	for i := range g.Members {
		m := &g.Members[i]
		s.Members = append(s.Members, StatusMember{NodeID: m.NodeID, Address: m.Address, Role: memberRole(&g, m), Self: m.Self, Active: m.Active, MatchPosition: uint64(m.Match)})
	}
	if err := firstError(g.Failed, g.DiskFull, n.diskLow()); err != nil {
		s.Error = err.Error()
	}
}

func memberRole(g *consensus.Status, m *consensus.Member) string {
	switch {
	case m.RaftID == g.Leader:
		return "leader"
	case !m.Voter:
		return "learner"
	}
	return "follower"
}

func (n *Node) serveStatus(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(n.Status()) // a client that left
}

// serveLive says whether the process should be left alone: 200, unless it has failed and is about to end.
func (n *Node) serveLive(w http.ResponseWriter, _ *http.Request) {
	if n.group != nil && n.ready.Load() {
		if err := n.group.Status().Failed; err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
	}
	fmt.Fprintln(w, "live")
}

// serveReady says whether clients should be sent here.
func (n *Node) serveReady(w http.ResponseWriter, _ *http.Request) {
	switch s := n.Status(); {
	case s.State != consensus.StateNormal.String():
		http.Error(w, s.State, http.StatusServiceUnavailable)
	case s.Error != "":
		http.Error(w, s.Error, http.StatusServiceUnavailable)
	default:
		fmt.Fprintln(w, "ready")
	}
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func itoa(n uint64) string { return strconv.FormatUint(n, 10) }
