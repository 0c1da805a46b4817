package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/raft/v3/raftpb"
)

func TestRefusals(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	self := Hello{Protocol: 2, Release: "0.2.0", ClusterName: "production", ClusterID: "aa", NodeID: 1, Address: "node1:7001"}
	for _, k := range []struct {
		change func(h *Hello)
		want   string
	}{
		{func(*Hello) {}, ""},
		{func(h *Hello) { h.ClusterID = "" }, ""},
		{func(h *Hello) { h.Protocol = 3 }, ""},
		{func(h *Hello) { h.Protocol, h.Release = 4, "0.4.0" }, "release 0.4.0 (protocol 4) is too far away from release 0.2.0 (protocol 2)"},
		{func(h *Hello) { h.ClusterName = "staging" }, `cluster name "staging" does not match "production"`},
		{func(h *Hello) { h.NodeID = 1 }, "node id 1 is in use by the node at node1:7001"},
		{func(h *Hello) { h.ClusterID = "bb" }, "cluster id bb does not match aa: another cluster of the same name"},
		{func(h *Hello) { h.Incarnation = 1 }, "incarnation 1 does not match 0: the cluster was forced to go on without this node"},
		{func(h *Hello) { h.Clock -= 400_000 }, ""},
		{func(h *Hello) { h.Clock -= 1_200_000 }, "clock off by 1.2s, more than 500ms"},
		{func(h *Hello) { h.Clock += 501_000 }, "clock off by 501ms, more than 500ms"},
	} {
		h := Hello{Protocol: 2, Release: "0.2.0", ClusterName: "production", ClusterID: "aa", NodeID: 2, Address: "node2:7001", Clock: now.UnixMicro()}
		k.change(&h)
		if got := self.refuse(&h, now); got != k.want {
			t.Errorf("%+v: %q, want %q", h, got, k.want)
		}
	}
}

// inbox is a Receiver that keeps what it gets.
type inbox struct {
	mu   sync.Mutex
	got  []*raftpb.Message
	lost int
}

func (b *inbox) Step(m *raftpb.Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.got = append(b.got, m)
	return nil
}

func (b *inbox) Unreachable(uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lost++
}

func (b *inbox) terms() (list []uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.got {
		list = append(list, m.GetTerm())
	}
	return list
}

type node struct {
	*Transport
	inbox inbox
	hello Hello
	ln    net.Listener
}

func newNode(t *testing.T, id uint32, change func(*Options, *Hello)) *node {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &node{ln: ln, hello: Hello{Release: "test", ClusterName: "c", ClusterID: "aa", NodeID: id, RaftID: uint64(id), Address: ln.Addr().String(), SQLAddress: fmt.Sprint("sql", id)}}
	o := Options{Self: func() Hello { return n.hello }}
	if change != nil {
		change(&o, &n.hello)
	}
	n.Transport = New(o)
	n.Attach(&n.inbox)
	go n.Serve(ln)
	t.Cleanup(n.Close)
	return n
}

func message(from, to, term uint64) *raftpb.Message {
	return &raftpb.Message{Type: raftpb.MsgHeartbeat.Enum(), From: &from, To: &to, Term: &term}
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !f(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never: ", what)
		}
	}
}

func TestMessagesArriveInOrder(t *testing.T) {
	a, b := newNode(t, 1, nil), newNode(t, 2, nil)
	a.SetAddresses(map[uint64]string{1: a.hello.Address, 2: b.hello.Address})
	eventually(t, "a link", func() bool { p, _ := a.Peer(2); return p.Connected })
	for term := uint64(1); term <= 100; term++ {
		a.Send([]*raftpb.Message{message(1, 2, term)})
	}
	eventually(t, "all messages", func() bool { return len(b.inbox.terms()) == 100 })
	for i, term := range b.inbox.terms() {
		if term != uint64(i+1) {
			t.Fatalf("message %d has term %d", i, term)
		}
	}
	if p, _ := a.Peer(2); p.Hello.Token != b.Token() || p.Hello.SQLAddress != "sql2" {
		t.Errorf("a knows of b: %+v", p)
	}
	// b answers without having been told where a is.
	b.Send([]*raftpb.Message{message(2, 1, 7)})
	eventually(t, "an answer", func() bool { b.Send([]*raftpb.Message{message(2, 1, 7)}); return len(a.inbox.terms()) > 0 })
}

// A message in somebody else's name ends the link: it is not handed on.
func TestForgedSender(t *testing.T) {
	a, b := newNode(t, 1, nil), newNode(t, 2, nil)
	a.SetAddresses(map[uint64]string{2: b.hello.Address})
	eventually(t, "a link", func() bool { p, _ := a.Peer(2); return p.Connected })
	a.Send([]*raftpb.Message{message(3, 2, 1)})
	eventually(t, "a broken link", func() bool { return a.inboxLost() > 0 })
	if len(b.inbox.terms()) > 0 {
		t.Error("the message was handed on")
	}
}

func (n *node) inboxLost() int {
	n.inbox.mu.Lock()
	defer n.inbox.mu.Unlock()
	return n.inbox.lost
}

func TestRefusedPeer(t *testing.T) {
	leader := newNode(t, 1, func(o *Options, _ *Hello) { o.Leading = func() bool { return true } })
	stranger := newNode(t, 2, func(_ *Options, h *Hello) { h.ClusterName = "staging" })
	stranger.SetAddresses(map[uint64]string{1: leader.hello.Address})
	want := `Rejected by leader: cluster name "staging" does not match "c"`
	eventually(t, want, func() bool { p, _ := stranger.Peer(1); return p.Refused == want })
	_, err := stranger.Ask(context.Background(), leader.hello.Address)
	var r *Refusal
	if !errors.As(err, &r) || err.Error() != want {
		t.Errorf("asking: %v", err)
	}
	if p, _ := stranger.Peer(1); p.Hello.Token != "" {
		t.Error("a refused node learned the token")
	}
	stranger.Send([]*raftpb.Message{message(2, 1, 1)})
	time.Sleep(50 * time.Millisecond)
	if len(leader.inbox.terms()) > 0 {
		t.Error("a refused node's message was taken")
	}
}

func TestJoinGoesToTheLeader(t *testing.T) {
	var asked []string
	leader := newNode(t, 1, func(o *Options, _ *Hello) {
		o.Join = func(_ context.Context, h Hello) (string, error) {
			asked = append(asked, fmt.Sprint("leader:", h.NodeID))
			if h.NodeID == 4 {
				return "", errors.New("node id 4 is in use by the member at elsewhere")
			}
			return "", nil
		}
	})
	follower := newNode(t, 2, func(o *Options, _ *Hello) {
		o.Join = func(context.Context, Hello) (string, error) {
			asked = append(asked, "follower")
			return leader.hello.Address, nil
		}
	})
	fresh := newNode(t, 3, func(_ *Options, h *Hello) { h.ClusterID = "" })
	h, err := fresh.Join(context.Background(), follower.hello.Address)
	if err != nil || h.NodeID != 1 || strings.Join(asked, " ") != "follower leader:3" {
		t.Errorf("%+v, %v, asked %v", h, err, asked)
	}
	taken := newNode(t, 4, func(_ *Options, h *Hello) { h.ClusterID = "" })
	if _, err := taken.Join(context.Background(), leader.hello.Address); err == nil || !strings.Contains(err.Error(), "node id 4 is in use") {
		t.Errorf("joining with an id in use: %v", err)
	}
	if _, err := fresh.Join(context.Background(), taken.hello.Address); err == nil {
		t.Error("a node without a cluster took another one in")
	}
}

// Send never blocks, and a peer that comes back is found.
func TestPeerAway(t *testing.T) {
	a, b := newNode(t, 1, nil), newNode(t, 2, nil)
	address := b.hello.Address
	b.Close()
	a.SetAddresses(map[uint64]string{2: address})
	for term := uint64(1); term <= 3*queueMessages; term++ {
		a.Send([]*raftpb.Message{message(1, 2, term)})
	}
	eventually(t, "word of the loss", func() bool { return a.inboxLost() > 0 })
	ln, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	again := &node{hello: b.hello}
	again.Transport = New(Options{Self: func() Hello { return again.hello }})
	again.Attach(&again.inbox)
	go again.Serve(ln)
	defer again.Close()
	eventually(t, "a message after the return", func() bool {
		a.Send([]*raftpb.Message{message(1, 2, 99)})
		terms := again.inbox.terms()
		return len(terms) > 0 && terms[len(terms)-1] == 99
	})
	a.SetAddresses(map[uint64]string{})
	if peers := a.Peers(); len(peers) != 0 {
		t.Errorf("a removed member is still there: %+v", peers)
	}
}

// A group that goes on while its transport is closed finds nobody there, and nothing breaks.
func TestClosedTransport(t *testing.T) {
	a, b := newNode(t, 1, nil), newNode(t, 2, nil)
	a.Close()
	a.SetAddresses(map[uint64]string{1: a.hello.Address, 2: b.hello.Address})
	a.Send([]*raftpb.Message{message(1, 2, 1)})
	if peers := a.Peers(); len(peers) != 0 {
		t.Errorf("a closed transport has made peers: %+v", peers)
	}
}
