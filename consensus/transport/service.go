package transport

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"

	"go.etcd.io/raft/v3/raftpb"
	"go.uber.org/zap"
	"google.golang.org/grpc"
)

const (
	serviceName = "kimberlite.Cluster"
	methodRaft  = "/" + serviceName + "/Raft"
	methodHello = "/" + serviceName + "/Hello"
	methodJoin  = "/" + serviceName + "/Join"
)

// service is what a Transport serves; gRPC wants an interface.
type service interface {
	serveHello(ctx context.Context, h *Hello) (*answer, error)
	serveJoin(ctx context.Context, h *Hello) (*answer, error)
	serveRaft(stream grpc.ServerStream) error
}

var serviceDesc = grpc.ServiceDesc{
	ServiceName: serviceName,
	HandlerType: (*service)(nil),
	Methods: []grpc.MethodDesc{
		unary("Hello", service.serveHello),
		unary("Join", service.serveJoin),
	},
	Streams: []grpc.StreamDesc{{
		StreamName: "Raft", ClientStreams: true, ServerStreams: true,
		Handler: func(srv any, stream grpc.ServerStream) error { return srv.(service).serveRaft(stream) },
	}},
}

func unary(name string, f func(service, context.Context, *Hello) (*answer, error)) grpc.MethodDesc {
	return grpc.MethodDesc{MethodName: name, Handler: func(srv any, ctx context.Context, dec func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		var h Hello
		if err := dec(&h); err != nil {
			return nil, err
		}
		return f(srv.(service), ctx, &h)
	}}
}

// judge accepts a hello or refuses it; both sides learn the same words.
func (t *Transport) judge(h *Hello) *answer {
	self := t.hello()
	a := &answer{Hello: self}
	if reason := self.refuse(h, t.opts.Now()); reason != "" {
		t.reject(a, h, reason)
	}
	return a
}

func (t *Transport) reject(a *answer, h *Hello, reason string) {
	a.Refused, a.By = reason, fmt.Sprintf("member %d", t.opts.Self().NodeID)
	if t.opts.Leading() {
		a.By = "leader"
	}
	t.log.Warn("rejected a node", zap.Uint32("node_id", h.NodeID), zap.String("address", h.Address), zap.String("reason", reason))
}

func (t *Transport) serveHello(_ context.Context, h *Hello) (*answer, error) { return t.judge(h), nil }

func (t *Transport) serveJoin(ctx context.Context, h *Hello) (*answer, error) {
	a := t.judge(h)
	switch {
	case a.Refused != "":
	case !a.Hello.founded() || t.opts.Join == nil:
		t.reject(a, h, "this node belongs to no cluster yet")
	default:
		leader, err := t.opts.Join(ctx, *h)
		if err != nil {
			t.reject(a, h, err.Error())
		}
		a.Leader = leader
	}
	return a, nil
}

// serveRaft receives the messages of one peer.
func (t *Transport) serveRaft(stream grpc.ServerStream) error {
	var h Hello
	if err := stream.RecvMsg(&h); err != nil {
		return err
	}
	a := t.judge(&h)
	if a.Refused == "" && h.ClusterID != a.Hello.ClusterID {
		t.reject(a, &h, "it is no member of this cluster")
	}
	if a.Refused != "" {
		return stream.SendMsg(a)
	}
	a.Hello.Token = t.token
	if err := stream.SendMsg(a); err != nil {
		return err
	}
	t.learn(&h)
	for {
		m := &raftpb.Message{}
		if err := stream.RecvMsg(m); err != nil {
			return err
		}
		if m.GetFrom() != h.RaftID {
			return fmt.Errorf("member %d sent a message of member %d", h.RaftID, m.GetFrom())
		}
		if g := t.group.Load(); g != nil {
			if err := (*g).Step(m); err != nil {
				t.log.Debug("a message was not taken", zap.Uint64("from", m.GetFrom()), zap.Error(err))
			}
		}
	}
}

// Ask says hello to the node at an address and returns its hello.
func (t *Transport) Ask(ctx context.Context, address string) (Hello, error) {
	a, err := t.call(ctx, address, methodHello)
	if err != nil {
		return Hello{}, err
	}
	return a.Hello, t.check(a)
}

// Join asks the node at an address, and then the leader that it names, to make this node a member. It returns the hello of the node that did.
func (t *Transport) Join(ctx context.Context, address string) (Hello, error) {
	for hops := 0; ; hops++ {
		a, err := t.call(ctx, address, methodJoin)
		if err != nil {
			return Hello{}, err
		}
		if err := t.check(a); err != nil {
			return a.Hello, err
		}
		if a.Leader == "" || a.Leader == address {
			return a.Hello, nil
		}
		if hops == 2 {
			return a.Hello, fmt.Errorf("the leader of the cluster is changing")
		}
		address = a.Leader
	}
}

func (t *Transport) call(ctx context.Context, address, method string) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	conn, err := t.dial(ctx, address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	hello, a := t.hello(), &answer{}
	if err := conn.Invoke(ctx, method, &hello, a); err != nil {
		return nil, err
	}
	return a, nil
}

func newToken() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
