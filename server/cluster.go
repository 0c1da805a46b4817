package server

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"kimberlite/consensus"
	"kimberlite/consensus/transport"
	"kimberlite/log"
	"kimberlite/pgwire"
	"kimberlite/sql/pgerr"
)

// cluster is what a node has to do with other nodes: how it finds them, who leads, and where clients go.
type cluster struct {
	transport *transport.Transport // nil on a single node whose port for members was taken
	lis       net.Listener
	identity  atomic.Pointer[log.Identity] // nil until the log is open
	joined    *log.Identity                // the cluster that took this node in just now
	founder   bool                         // all peers were empty, and this node is the one to begin

	sql atomic.Pointer[string] // the address of the SQL listener, once it is open

	leader  atomic.Uint64 // raft id, 0 when there is none
	view    atomic.Uint64
	changed chan struct{} // view or leader are others
}

// openTransport listens for members and answers them.
func (n *Node) openTransport() error {
	n.cluster.changed = make(chan struct{}, 1)
	ln, err := net.Listen("tcp", n.cfg.ClusterAddress)
	if err != nil {
		if len(n.cfg.ClusterPeers) > 0 {
			return refuseListen("members of the cluster", "--cluster-address", n.cfg.ClusterAddress, err)
		}
		n.lg.Warn("no other node can join this one: it could not listen for members", zap.String("address", n.cfg.ClusterAddress), zap.Error(err))
		return nil
	}
	n.cluster.lis = ln
	n.cluster.transport = transport.New(transport.Options{
		Self: n.hello, Leading: func() bool { return n.leadView.Load() != 0 }, Join: n.takeIn, Log: n.loggers.For("transport"),
	})
	go func() { // until the transport is closed, which is after all duties
		if err := n.cluster.transport.Serve(ln); err != nil && !n.stopping.Load() {
			n.lg.Error("the listener for members has stopped", zap.Error(err))
		}
	}()
	return nil
}

// hello is what this node says about itself.
func (n *Node) hello() transport.Hello {
	h := transport.Hello{Release: Version, ClusterName: n.cfg.ClusterName, NodeID: uint32(n.cfg.NodeID), RaftID: n.cfg.NodeID, Address: n.clusterAddr(), SQLAddress: n.sqlAddr()}
	if id := n.cluster.identity.Load(); id != nil {
		h.ClusterID, h.Incarnation, h.RaftID = id.ClusterIDString(), id.Incarnation, id.RaftID()
	}
	return h
}

// clusterAddr is where others reach this node.
func (n *Node) clusterAddr() string {
	if n.cluster.lis == nil {
		return n.cfg.ClusterAddress
	}
	host, _, _ := net.SplitHostPort(n.cfg.ClusterAddress)
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		if name, err := os.Hostname(); err == nil {
			host = name
		}
	}
	return net.JoinHostPort(host, strconv.Itoa(n.cluster.lis.Addr().(*net.TCPAddr).Port))
}

// sqlAddr is where others reach this node's SQL listener: on the host of clusterAddr when it listens on all interfaces.
func (n *Node) sqlAddr() string {
	address := n.cfg.BindAddress
	if a := n.cluster.sql.Load(); a != nil {
		address = *a
	}
	host, port, _ := net.SplitHostPort(address)
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host, _, _ = net.SplitHostPort(n.clusterAddr())
	}
	return net.JoinHostPort(host, port)
}

// findCluster decides what becomes of an empty data directory: a node without peers founds a cluster; one with peers asks them to be taken in. When
// all peers are empty, too, the one with the smallest node id founds the cluster and the others join it.
func (n *Node) findCluster() error {
	peers := n.otherPeers()
	if len(peers) == 0 {
		return nil
	}
	n.lg.Info("looking for the cluster", zap.Strings("peers", peers))
	told := ""
	for !n.stopping.Load() {
		founder, err := n.askPeers(peers)
		if founder || n.cluster.joined != nil {
			n.cluster.founder = founder
			return nil
		}
		if err != nil && err.Error() != told {
			told = err.Error()
			n.lg.Warn("not in a cluster yet; trying on", zap.String("error", told))
		}
		select {
		case <-n.quit:
		case <-time.After(findInterval):
		}
	}
	return errors.New("stopped while looking for the cluster")
}

func (n *Node) otherPeers() []string {
	var list []string
	for _, p := range n.cfg.ClusterPeers {
		if p != n.cfg.ClusterAddress && p != n.clusterAddr() {
			list = append(list, p)
		}
	}
	return list
}

// askPeers makes one round. The error is what keeps this node out.
func (n *Node) askPeers(peers []string) (founder bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	founder = true
	for _, peer := range peers {
		h, askErr := n.cluster.transport.Ask(ctx, peer)
		switch {
		case askErr != nil:
			founder, err = false, askErr
		case h.ClusterID != "":
			if h, askErr = n.cluster.transport.Join(ctx, peer); askErr == nil {
				return false, n.adopt(&h)
			}
			founder, err = false, askErr
		case h.NodeID < uint32(n.cfg.NodeID):
			founder = false
		}
	}
	return founder, err
}

// adopt takes over the identity of the cluster that took this node in.
func (n *Node) adopt(h *transport.Hello) error {
	id := &log.Identity{ClusterName: h.ClusterName, NodeID: uint32(n.cfg.NodeID), Incarnation: h.Incarnation}
	raw, err := hex.DecodeString(strings.ReplaceAll(h.ClusterID, "-", ""))
	if err != nil || len(raw) != len(id.ClusterID) {
		return fmt.Errorf("the leader at %s has the cluster id %q", h.Address, h.ClusterID)
	}
	copy(id.ClusterID[:], raw)
	n.cluster.joined = id
	n.lg.Info("taken in by the cluster", zap.String("leader", h.Address), zap.String("cluster_id", h.ClusterID))
	return nil
}

// takeIn makes a node a learner of the group. It is transport.Options.Join.
func (n *Node) takeIn(ctx context.Context, h transport.Hello) (leader string, err error) {
	if !n.ready.Load() {
		return "", errors.New("the cluster is starting up")
	}
	st := n.group.Status()
	for i := range st.Members {
		m := &st.Members[i]
		if !st.IsLeader() && m.RaftID == st.Leader {
			leader = m.Address
		}
		// A learner that never received anything was taken in before and did not live to see it.
		if m.NodeID == h.NodeID && (m.Voter || m.RaftID != h.RaftID || m.Match > 0) {
			return "", fmt.Errorf("node id %d is in use by the member at %s", h.NodeID, m.Address)
		}
	}
	if !st.IsLeader() {
		if leader == "" {
			return "", errors.New("no leader elected")
		}
		return leader, nil
	}
	if _, err := n.group.AddLearner(ctx, h.RaftID, h.Address); err != nil {
		return "", err
	}
	n.lg.Info("took a node in as a learner", zap.Uint32("node_id", h.NodeID), zap.String("address", h.Address))
	return "", nil
}

// wantedIdentity is what the log has to belong to, or will.
func (n *Node) wantedIdentity() log.Identity {
	if n.cluster.joined != nil {
		return *n.cluster.joined
	}
	return log.Identity{ClusterName: n.cfg.ClusterName, NodeID: uint32(n.cfg.NodeID)}
}

// founds tells whether an empty log is the beginning of a cluster.
func (n *Node) founds() bool {
	return n.cluster.joined == nil && len(n.otherPeers()) == 0 || n.cluster.founder
}

// sender is the transport as consensus wants it.
func (n *Node) sender() consensus.Transport {
	if n.cluster.transport == nil {
		return nil
	}
	return n.cluster.transport
}

func (n *Node) addressesChanged(addresses map[uint64]string) {
	if n.cluster.transport != nil {
		n.cluster.transport.SetAddresses(addresses)
	}
}

// fit tells whether the state can be served: a node on its own leads, and one of several has a catalog that is as new as its log was at the start.
// It does not wait for a leader: clients are told that there is none.
func (n *Node) fit() bool {
	if st := n.group.Status(); len(st.Members) == 1 && st.Members[0].Self && st.Members[0].Voter {
		select {
		case <-n.group.Ready():
			return true
		default:
			return false
		}
	}
	return n.group.Replayed() && n.catalog.Current().DatabaseByName("template1") != nil
}

// viewChanged is consensus.Config.ViewChanged.
func (n *Node) viewChanged(view, leader uint64) {
	n.cluster.view.Store(view)
	n.cluster.leader.Store(leader)
	if leader != n.cluster.identity.Load().RaftID() {
		n.leadView.Store(0)
	}
	select {
	case n.cluster.changed <- struct{}{}:
	default:
	}
}

// followLeadership gets this node ready when it begins to lead, and ends its sessions when it does not lead any more.
func (n *Node) followLeadership() {
	self := n.cluster.identity.Load().RaftID()
	led := n.leadView.Load() != 0
	var again <-chan time.Time // set after a failure
	for {
		select {
		case <-n.quit:
			return
		case <-n.cluster.changed:
		case <-again:
		}
		again = nil
		view, leader := n.cluster.view.Load(), n.cluster.leader.Load()
		if n.leadView.Load() == 0 && led {
			led = false
			n.lg.Warn("this node does not lead any more", zap.Uint64("view", view))
			n.wire.Terminate(pgerr.New(pgerr.AdminShutdown, "terminating connection because this node is not the leader any more").
				WithHint("Connect again: any node hands you on to the leader."))
		}
		if leader == self && !led {
			if err := n.takeOver(view); err != nil {
				n.lg.Warn("could not take over the leadership; trying on while it lasts", zap.Uint64("view", view), zap.Error(err))
				again = time.After(findInterval)
				continue
			}
			led = true
			n.lg.Info("this node leads", zap.Uint64("view", view))
		}
	}
}

// takeOver prepares for leading in a view: everything of earlier views is applied, and numbers are reserved anew.
func (n *Node) takeOver(view uint64) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	p, err := n.group.ReadIndex(ctx)
	if err != nil {
		return err
	}
	if err := n.waitApplied(ctx, p); err != nil {
		return err
	}
	if err := n.firstCatalog(ctx); err != nil {
		return err
	}
	if err := n.manager.Start(ctx); err != nil {
		return err
	}
	n.leadView.Store(view)
	if n.cluster.view.Load() != view || !n.group.IsLeader() { // viewChanged may have come in between
		n.leadView.Store(0)
		return consensus.ErrNotLeader
	}
	return nil
}

// waitApplied waits until a position is applied here.
func (n *Node) waitApplied(ctx context.Context, p log.Position) error {
	for n.group.Applied() < p {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-n.group.Done():
			return consensus.ErrStopped
		case <-time.After(time.Millisecond):
		}
	}
	return nil
}

// route is pgwire's Router: the leader serves its clients, other nodes hand theirs on.
func (n *Node) route(ctx context.Context, _ *pgwire.StartupInfo) (*pgwire.RelayTarget, error) {
	deadline := time.Now().Add(n.electionTime())
	for {
		if n.leadView.Load() != 0 {
			return nil, nil
		}
		if n.cluster.transport != nil {
			leader, ok := n.cluster.transport.Peer(n.cluster.leader.Load())
			if ok && leader.Connected && leader.Hello.Token != "" {
				return &pgwire.RelayTarget{Address: leader.Hello.SQLAddress, Token: leader.Hello.Token}, nil
			}
		}
		if time.Now().After(deadline) {
			return nil, pgerr.New(pgerr.CannotConnectNow, "No leader elected").WithHint("Look at /status of each node: without a majority of the members there is no leader.")
		}
		select {
		case <-ctx.Done():
			return nil, pgerr.New(pgerr.CannotConnectNow, "No leader elected")
		case <-n.quit:
			return nil, pgerr.New(pgerr.CannotConnectNow, "the database system is shutting down")
		case <-time.After(routeInterval):
		}
	}
}

// electionTime is how long an election takes at most, if it can succeed at all.
func (n *Node) electionTime() time.Duration {
	return 3 * time.Duration(n.cfg.ElectionTicks) * n.cfg.TickInterval
}

// promoteLearners makes voters of the learners that have caught up.
func (n *Node) promoteLearners() {
	if n.leadView.Load() == 0 {
		return
	}
	st := n.group.Status()
	for i := range st.Members {
		m := &st.Members[i]
		if m.Voter || !m.Active || m.Match == 0 || m.Match+promoteLag < st.Commit {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
		_, err := n.group.Promote(ctx, m.RaftID)
		cancel()
		if err != nil {
			n.lg.Warn("a learner was not promoted; trying on", zap.Uint32("node_id", m.NodeID), zap.Error(err))
			return
		}
		n.lg.Info("a learner has caught up and votes now", zap.Uint32("node_id", m.NodeID), zap.String("address", m.Address))
	}
}

// handOver gives the leadership to another voter before this node stops, so that clients need not wait for an election.
func (n *Node) handOver() {
	if n.group == nil || !n.group.IsLeader() {
		return
	}
	st := n.group.Status()
	var to *consensus.Member
	for i := range st.Members {
		if m := &st.Members[i]; m.Voter && !m.Self && m.Active && (to == nil || m.Match > to.Match) {
			to = m
		}
	}
	if to == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), handOverTimeout)
	defer cancel()
	if err := n.group.TransferLeadership(ctx, to.RaftID); err != nil {
		n.lg.Warn("the leadership was not handed over; the others elect a leader", zap.Uint32("to", to.NodeID), zap.Error(err))
	}
}

// confirmRead is session.Options.ConfirmRead.
func (n *Node) confirmRead(ctx context.Context, view uint64) error {
	if n.leadView.Load() == view {
		err := n.group.ConfirmRead(ctx, n.group.Applied())
		if err == nil && n.leadView.Load() == view {
			return nil
		}
		if ctx.Err() != nil {
			return pgwire.Cause(ctx)
		}
	}
	return pgerr.New(pgerr.SerializationFailure, "could not read: this node is not the leader any more").WithHint("The transaction might succeed if retried.")
}
