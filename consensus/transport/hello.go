package transport

import (
	"fmt"
	"time"
)

// Hello is what a node says about itself.
type Hello struct {
	Protocol    int    `json:"protocol"`
	Release     string `json:"release"`
	ClusterName string `json:"cluster_name"`
	ClusterID   string `json:"cluster_id"` // "" while the node belongs to no cluster
	Incarnation uint64 `json:"incarnation"`
	NodeID      uint32 `json:"node_id"`
	RaftID      uint64 `json:"raft_id"`
	Address     string `json:"address"`     // where it listens for members
	SQLAddress  string `json:"sql_address"` // where it listens for clients
	Clock       int64  `json:"clock"`       // microseconds since 1970
	Token       string `json:"token,omitempty"`
}

// founded tells whether the node belongs to a cluster.
func (h *Hello) founded() bool { return h.ClusterID != "" }

// refuse says why a peer's hello cannot be accepted, "" when it can.
func (h *Hello) refuse(peer *Hello, now time.Time) string {
	switch {
	case peer.Protocol-h.Protocol > 1 || h.Protocol-peer.Protocol > 1:
		return fmt.Sprintf("release %s (protocol %d) is too far away from release %s (protocol %d)", peer.Release, peer.Protocol, h.Release, h.Protocol)
	case peer.ClusterName != h.ClusterName:
		return fmt.Sprintf("cluster name %q does not match %q", peer.ClusterName, h.ClusterName)
	case peer.NodeID == h.NodeID:
		return fmt.Sprintf("node id %d is in use by the node at %s", peer.NodeID, h.Address)
	case peer.founded() && h.founded() && peer.ClusterID != h.ClusterID:
		return fmt.Sprintf("cluster id %s does not match %s: another cluster of the same name", peer.ClusterID, h.ClusterID)
	case peer.founded() && h.founded() && peer.Incarnation != h.Incarnation:
		return fmt.Sprintf("incarnation %d does not match %d: the cluster was forced to go on without this node", peer.Incarnation, h.Incarnation)
	}
	if off := now.Sub(time.UnixMicro(peer.Clock)); off > ClockOffsetMax || off < -ClockOffsetMax {
		return fmt.Sprintf("clock off by %v, more than %v", off.Abs().Round(time.Millisecond), ClockOffsetMax)
	}
	return ""
}

// Refusal is the error of a peer that does not accept us, or that we do not accept.
type Refusal struct {
	By     string // "leader", "member 3"
	Reason string
}

// Error is what operators look for in the logs.
func (r *Refusal) Error() string { return "Rejected by " + r.By + ": " + r.Reason }

// answer is what a node says to a hello.
type answer struct {
	Hello   Hello  `json:"hello"`
	Refused string `json:"refused,omitempty"`
	By      string `json:"by,omitempty"`
	// Leader is where the question should go instead, when only the leader can answer it.
	Leader string `json:"leader,omitempty"`
}

func (a *answer) err() error {
	if a.Refused == "" {
		return nil
	}
	return &Refusal{By: a.By, Reason: a.Refused}
}
