package pgwire

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kimberlite/sql/pgerr"
)

// pair is a leader and a node that hands its clients on to it.
func pair(t *testing.T, hba string) (leader, other *Server, engine *fakeEngine, address string) {
	h, err := ParseHBA("test", hba)
	if err != nil {
		t.Fatal(err)
	}
	leader, engine = newFake(t, Options{RelayToken: "secret", HBA: h})
	target := &RelayTarget{Address: listen(t, leader), Token: "secret"}
	other, _ = newFake(t, Options{FirstPID: 5000, Router: func(context.Context, *StartupInfo) (*RelayTarget, error) { return target, nil }})
	return leader, other, engine, listen(t, other)
}

func TestRelayedClient(t *testing.T) {
	leader, other, engine, address := pair(t, "host all all 127.0.0.1/32 trust\n")
	c := mustDial(t, address, "alice")
	if got := engine.lastInfo.Remote.String(); got != c.Conn().LocalAddr().String() {
		t.Errorf("the leader takes the client for %s, it is %s", got, c.Conn().LocalAddr())
	}
	if res := c.Exec(context.Background(), "rows 2000"); res != nil {
		list, err := res.ReadAll()
		if err != nil || len(list[0].Rows) != 2000 {
			t.Fatal(len(list), err)
		}
	}
	// Cancelling goes to the leader as well: the key is its own.
	done := make(chan error, 1)
	go func() {
		_, err := c.Exec(context.Background(), "wait").ReadAll()
		done <- err
	}()
	eventually(t, "the statement runs", func() bool { b := leader.byID(int32(c.PID())); return b != nil && b.running.Load() })
	if err := c.CancelRequest(context.Background()); err != nil {
		t.Fatal(err)
	}
	wantCode(t, <-done, pgerr.QueryCanceled)
	// The end of the client is the end of the session.
	_ = c.Close(context.Background())
	eventually(t, "both sides let go", func() bool { return leader.Sessions() == 0 && other.Metrics().Connections.Load() == 0 })
}

func TestRelayEndsWithTheServer(t *testing.T) {
	leader, other, _, address := pair(t, "host all all 127.0.0.1/32 trust\n")
	c := mustDial(t, address, "alice")
	go leader.Terminate(pgerr.New(pgerr.AdminShutdown, "terminating connection because this node is not the leader any more"))
	_, err := c.ReceiveMessage(context.Background())
	if pe := wantCode(t, err, pgerr.AdminShutdown); !strings.Contains(pe.Message, "not the leader") {
		t.Error(pe.Message)
	}
	c = mustDial(t, address, "alice")
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := other.Shutdown(ctx); err != nil {
		t.Errorf("shutdown with a relayed client: %v", err)
	}
	if _, err := c.Exec(context.Background(), "rows 1").ReadAll(); err == nil {
		t.Error("the relayed client outlived its node")
	}
}

// Who cannot show the token is not believed, and not answered.
func TestRelayToken(t *testing.T) {
	leader, engine := newFake(t, Options{RelayToken: "secret"})
	address := listen(t, leader)
	for _, token := range []string{"wrong", "", "secret2"} {
		nc, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		body := binary.BigEndian.AppendUint32(nil, codeRelay)
		body = append(body, token+"\x00tcp\x0010.1.2.3:5\x00\x00"...)
		_, _ = nc.Write(append(binary.BigEndian.AppendUint32(nil, uint32(4+len(body))), body...))
		startup := append(binary.BigEndian.AppendUint32(nil, version30), "user\x00alice\x00\x00"...)
		_, _ = nc.Write(append(binary.BigEndian.AppendUint32(nil, uint32(4+len(startup))), startup...))
		_ = nc.SetReadDeadline(time.Now().Add(5 * time.Second))
		if b, _ := io.ReadAll(nc); len(bytes.TrimSpace(b)) != 0 {
			t.Errorf("token %q was answered: %q", token, b)
		}
		nc.Close()
	}
	if engine.session() != nil {
		t.Error("a session was made")
	}
}

func TestRouterErrors(t *testing.T) {
	var calls atomic.Int64
	s, _ := newFake(t, Options{Router: func(context.Context, *StartupInfo) (*RelayTarget, error) {
		if calls.Add(1) == 1 {
			return nil, pgerr.New(pgerr.CannotConnectNow, "No leader elected")
		}
		return &RelayTarget{Address: "127.0.0.1:1", Token: "x"}, nil
	}})
	address := listen(t, s)
	_, err := dial(t, "postgres://alice@"+address+"/x?sslmode=disable")
	if pe := wantCode(t, err, pgerr.CannotConnectNow); pe.Message != "No leader elected" {
		t.Error(pe.Message)
	}
	_, err = dial(t, "postgres://alice@"+address+"/x?sslmode=disable")
	if pe := wantCode(t, err, pgerr.CannotConnectNow); pe.Message != "the leader at 127.0.0.1:1 cannot be reached" {
		t.Error(pe.Message)
	}
}
