package pgwire

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"github.com/jackc/pgproto3/v2"
)

// FuzzConnection drives a whole connection with arbitrary bytes, before (first 0) or after a good startup: the server must
// neither panic nor hang, must frame all its answers, and must close the session when the client goes.
func FuzzConnection(f *testing.F) {
	hello, _ := (&pgproto3.StartupMessage{ProtocolVersion: version30, Parameters: map[string]string{"user": "alice", "database": "db"}}).Encode(nil)
	add := func(opened bool, messages ...pgproto3.FrontendMessage) {
		var b []byte
		for _, m := range messages {
			x, _ := m.Encode(nil)
			b = append(b, x...)
		}
		f.Add(opened, b)
	}
	f.Add(false, hello)
	f.Add(false, []byte{0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f})
	f.Add(false, []byte{0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5})
	add(true, &pgproto3.Query{String: "begin; rows 2; error"}, &pgproto3.Terminate{})
	add(true, &pgproto3.Parse{Name: "s", Query: "rows 3"}, &pgproto3.Bind{PreparedStatement: "s", ResultFormatCodes: []int16{1}}, &pgproto3.Describe{ObjectType: 'P'},
		&pgproto3.Execute{MaxRows: 1}, &pgproto3.Close{ObjectType: 'S', Name: "s"}, &pgproto3.Flush{}, &pgproto3.Sync{})
	add(true, &pgproto3.Query{String: "copyin"}, &pgproto3.CopyData{Data: []byte("a\tb\n")}, &pgproto3.CopyDone{}, &pgproto3.Query{String: "copyin bad"}, &pgproto3.CopyFail{Message: "x"})
	f.Fuzz(func(t *testing.T, opened bool, data []byte) {
		s, e := newFake(t, Options{})
		client, server := net.Pipe()
		s.ServeConn(server)
		done := make(chan error, 1)
		go func() { done <- readFrames(client, opened) }()
		_ = client.SetWriteDeadline(time.Now().Add(5 * time.Second))
		if opened {
			_, _ = client.Write(hello)
		}
		_, _ = client.Write(data)
		time.AfterFunc(time.Millisecond, func() { _ = client.Close() })
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Fatalf("the connection hangs: %v", err)
		}
		if s.metrics.Panics.Load() > 0 && !panicsOnPurpose(data) {
			t.Fatal("panicked")
		}
		if e.open.Load() != 0 {
			t.Fatal("the session was not closed")
		}
	})
}

func panicsOnPurpose(data []byte) bool {
	for i := 0; i+5 <= len(data); i++ {
		if string(data[i:i+5]) == "panic" {
			return true
		}
	}
	return false
}

// readFrames checks that what the server says are whole messages, up to where the client closes.
func readFrames(r io.Reader, framed bool) error {
	if !framed { // answers to requests for encryption are single bytes
		_, _ = io.Copy(io.Discard, r)
		return nil
	}
	var head [5]byte
	for {
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return nil //nolint:nilerr // the end
		}
		n := int(int32(binary.BigEndian.Uint32(head[1:]))) - 4
		if n < 0 || n > 1<<24 {
			return io.ErrUnexpectedEOF
		}
		if _, err := io.CopyN(io.Discard, r, int64(n)); err != nil {
			return nil //nolint:nilerr // closed in the middle of a write
		}
	}
}

// FuzzBind: any body decodes or is an error; what decodes stays inside the body.
func FuzzBind(f *testing.F) {
	b, _ := (&pgproto3.Bind{DestinationPortal: "p", PreparedStatement: "s", ParameterFormatCodes: []int16{0, 1}, Parameters: [][]byte{nil, {1, 2}}, ResultFormatCodes: []int16{1}}).Encode(nil)
	f.Add(b[5:])
	f.Add([]byte{0, 0, 255, 255, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, body []byte) {
		var m bindMessage
		if e := m.decode(body); e != nil {
			return
		}
		total := 0
		for _, p := range m.params {
			total += len(p)
		}
		if total > len(body) || len(m.resultFormats)*2 > len(body) {
			t.Fatal("more came out than went in")
		}
	})
}
