package transport

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"go.etcd.io/raft/v3/raftpb"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
)

// peer is another node and the link to it. Its goroutine is run.
type peer struct {
	t         *Transport
	id        uint64
	queue     chan *raftpb.Message
	addr      atomic.Pointer[string]
	moved     chan struct{} // the address has changed
	quit      context.Context
	stop      context.CancelFunc
	connected atomic.Bool
	heard     atomic.Pointer[heard]
	refused   atomic.Pointer[string]
	told      string // the last trouble that was logged
}

// heard is a hello and how far its clock was off.
type heard struct {
	hello  Hello
	offset time.Duration
}

func newPeer(t *Transport, id uint64) *peer {
	p := &peer{t: t, id: id, queue: make(chan *raftpb.Message, queueMessages), moved: make(chan struct{}, 1)}
	p.quit, p.stop = context.WithCancel(t.ctx)
	return p
}

func (p *peer) address() string {
	if a := p.addr.Load(); a != nil {
		return *a
	}
	return ""
}

func (p *peer) setAddress(address string) {
	if address == "" || address == p.address() {
		return
	}
	p.addr.Store(&address)
	select {
	case p.moved <- struct{}{}:
	default:
	}
}

func (p *peer) state() Peer {
	s := Peer{RaftID: p.id, Address: p.address(), Connected: p.connected.Load()}
	if h := p.heard.Load(); h != nil {
		s.Hello, s.ClockOffset = h.hello, h.offset
	}
	if r := p.refused.Load(); r != nil {
		s.Refused = *r
	}
	return s
}

// put queues a message, or drops it (T2).
func (p *peer) put(m *raftpb.Message) {
	select {
	case p.queue <- m:
	default:
	}
}

// run keeps a link to the peer.
func (p *peer) run() {
	pause := retryMin
	for p.quit.Err() == nil {
		if p.address() == "" {
			select {
			case <-p.quit.Done():
			case <-p.moved:
			}
			continue
		}
		select {
		case <-p.moved: // the address is read now
		default:
		}
		start := time.Now()
		err := p.link(p.address())
		if p.connected.Swap(false) || time.Since(start) > retryMax {
			pause = retryMin
		}
		p.trouble(err)
		p.drain()
		if g := p.t.group.Load(); g != nil {
			(*g).Unreachable(p.id)
		}
		select {
		case <-p.quit.Done():
		case <-p.moved:
			pause = retryMin
		case <-time.After(pause):
			pause = min(2*pause, retryMax)
		}
	}
}

// trouble notes why there is no link, and logs it once.
func (p *peer) trouble(err error) {
	if err == nil || p.quit.Err() != nil {
		return
	}
	var r *Refusal
	if errors.As(err, &r) {
		text := r.Error()
		p.refused.Store(&text)
	}
	if text := err.Error(); text != p.told {
		p.told = text
		p.t.log.Warn("no link to a member", zap.Uint64("raft_id", p.id), zap.String("address", p.address()), zap.String("error", text))
	}
}

// drain drops what is queued: raft sends again what still matters.
func (p *peer) drain() {
	for {
		select {
		case <-p.queue:
		default:
			return
		}
	}
}

// link connects, says hello and sends messages until something breaks.
func (p *peer) link(address string) error {
	conn, err := p.t.dial(p.quit, address)
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithCancel(p.quit)
	defer cancel()
	stream, err := conn.NewStream(ctx, &serviceDesc.Streams[0], methodRaft)
	if err != nil {
		return err
	}
	hello := p.t.hello()
	if err := stream.SendMsg(&hello); err != nil {
		return err
	}
	var a answer
	if err := stream.RecvMsg(&a); err != nil {
		return err
	}
	if err := p.t.check(&a); err != nil {
		return err
	}
	if a.Hello.RaftID != p.id {
		return fmt.Errorf("the node at %s is member %d, not %d", address, a.Hello.RaftID, p.id)
	}
	p.noteHello(&a.Hello)
	broken := make(chan error, 1)
	go func() { // the other side says nothing more; this returns when the link breaks
		var none answer
		broken <- stream.RecvMsg(&none)
	}()
	return p.pump(stream, broken)
}

// noteHello remembers an accepted hello.
func (p *peer) noteHello(h *Hello) {
	p.heard.Store(&heard{*h, time.UnixMicro(h.Clock).Sub(p.t.opts.Now())})
	p.refused.Store(nil)
	if !p.connected.Swap(true) && p.told != "" {
		p.t.log.Info("linked to a member again", zap.Uint64("raft_id", p.id), zap.String("address", p.address()))
	}
	p.told = ""
}

// pump writes queued messages to the stream.
func (p *peer) pump(stream grpc.ClientStream, broken <-chan error) error {
	for {
		select {
		case <-p.quit.Done():
			return nil
		case <-p.moved:
			return nil
		case err := <-broken:
			return err
		case m := <-p.queue:
			if err := stream.SendMsg(m); err != nil {
				return <-broken // says more than SendMsg's EOF
			}
		}
	}
}

// dial makes a connection and waits until it stands, so that a hello's clock is not old when it arrives.
func (t *Transport) dial(ctx context.Context, address string) (*grpc.ClientConn, error) {
	conn, err := grpc.NewClient("passthrough:///"+address, t.dialOptions()...)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn.Connect()
	for s := conn.GetState(); s != connectivity.Ready; s = conn.GetState() {
		if s == connectivity.TransientFailure || s == connectivity.Shutdown || !conn.WaitForStateChange(ctx, s) {
			_ = conn.Close()
			return nil, fmt.Errorf("could not connect to %s", address)
		}
	}
	return conn, nil
}

// check looks at what a peer answered: its refusal, or ours.
func (t *Transport) check(a *answer) error {
	if err := a.err(); err != nil {
		return err
	}
	self := t.hello()
	if reason := self.refuse(&a.Hello, t.opts.Now()); reason != "" {
		return &Refusal{By: "this node", Reason: reason}
	}
	return nil
}
