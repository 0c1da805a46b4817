package transport

import (
	"context"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/raft/v3/raftpb"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

// Receiver is the consensus group that messages are for.
type Receiver interface {
	// Step takes a message from another member.
	Step(m *raftpb.Message) error
	// Unreachable says that messages to a member are being lost.
	Unreachable(raftID uint64)
}

// Options configure a Transport.
type Options struct {
	// Self says what this node is; Clock and Token are filled in.
	Self func() Hello
	// Leading tells whether this node leads.
	Leading func() bool
	// Join makes an accepted node a member. When this node does not lead, it returns the leader's address instead. An error is a refusal.
	Join func(ctx context.Context, h Hello) (leader string, err error)
	Log  *zap.Logger
	// Now is the wall clock; nil is time.Now.
	Now func() time.Time
}

// Transport connects this node with its peers. It implements consensus.Transport.
type Transport struct {
	opts   Options
	log    *zap.Logger
	token  string
	server *grpc.Server

	group atomic.Pointer[Receiver]

	mu     sync.Mutex
	peers  map[uint64]*peer
	closed bool
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// New returns a transport. Serve answers peers; Attach gives it the group.
func New(opts Options) *Transport {
	if opts.Log == nil {
		opts.Log = zap.NewNop()
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Leading == nil {
		opts.Leading = func() bool { return false }
	}
	t := &Transport{opts: opts, log: opts.Log, token: newToken(), peers: map[uint64]*peer{}}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.server = grpc.NewServer(
		grpc.ForceServerCodec(codec{}), grpc.MaxRecvMsgSize(messageBytesMax), grpc.MaxSendMsgSize(messageBytesMax),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: keepaliveTime, Timeout: keepaliveTimeout}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: keepaliveTime / 2, PermitWithoutStream: true}),
	)
	t.server.RegisterService(&serviceDesc, t)
	return t
}

// Serve answers peers until the transport is closed.
func (t *Transport) Serve(ln net.Listener) error { return t.server.Serve(ln) }

// Attach says which group messages belong to. Before it they are lost.
func (t *Transport) Attach(g Receiver) { t.group.Store(&g) }

// Token is what accepted peers show to relay clients to this node.
func (t *Transport) Token() string { return t.token }

// hello is this node's hello of this moment.
func (t *Transport) hello() Hello {
	h := t.opts.Self()
	h.Protocol, h.Clock, h.Token = Protocol, t.opts.Now().UnixMicro(), ""
	return h
}

// SetAddresses says where members are. Members that it does not name any more are forgotten.
func (t *Transport) SetAddresses(addresses map[uint64]string) {
	self := t.opts.Self().RaftID
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, address := range addresses {
		if id == self {
			continue
		}
		if p := t.peer(id); p != nil {
			p.setAddress(address)
		}
	}
	for id, p := range t.peers {
		if _, ok := addresses[id]; !ok {
			p.stop()
			delete(t.peers, id)
		}
	}
}

// learn takes over the address by which a peer introduced itself, if nothing better is known.
func (t *Transport) learn(h *Hello) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p := t.peer(h.RaftID); p != nil && p.address() == "" {
		p.setAddress(h.Address)
	}
}

// peer returns the peer of an id, made when it is new; nil once closed. Caller holds mu.
func (t *Transport) peer(id uint64) *peer {
	p := t.peers[id]
	if p == nil && !t.closed {
		p = newPeer(t, id)
		t.peers[id] = p
		t.wg.Go(p.run)
	}
	return p
}

// Send implements consensus.Transport.
func (t *Transport) Send(messages []*raftpb.Message) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, m := range messages {
		if p := t.peer(m.GetTo()); p != nil {
			p.put(m)
		}
	}
}

// Peer is a peer's state.
type Peer struct {
	RaftID    uint64
	Address   string
	Connected bool
	// Hello is what it said last; the zero value when it has not been reached yet.
	Hello Hello
	// ClockOffset is how far its clock was ahead of ours then.
	ClockOffset time.Duration
	// Refused is why it refuses us, or we it; "" otherwise.
	Refused string
}

// Peers lists the peers by id.
func (t *Transport) Peers() []Peer {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]Peer, 0, len(t.peers))
	for _, id := range slices.Sorted(maps.Keys(t.peers)) {
		list = append(list, t.peers[id].state())
	}
	return list
}

// Peer returns the state of one peer.
func (t *Transport) Peer(raftID uint64) (Peer, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.peers[raftID]
	if p == nil {
		return Peer{}, false
	}
	return p.state(), true
}

// Close ends all links and waits for them.
func (t *Transport) Close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.cancel()
	t.server.Stop()
	t.wg.Wait()
}

// dialOptions are those of every connection that we make.
func (t *Transport) dialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(codec{}), grpc.MaxCallRecvMsgSize(messageBytesMax), grpc.MaxCallSendMsgSize(messageBytesMax)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: keepaliveTime, Timeout: keepaliveTimeout, PermitWithoutStream: true}),
		grpc.WithNoProxy(),
	}
}
