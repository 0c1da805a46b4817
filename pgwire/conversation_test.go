package pgwire

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/jackc/pgproto3/v2"
)

// TestConversations plays the stories in testdata. Commands:
//
//	start [minor] [name=value..]  a new connection with these startup parameters; prints the server's greeting
//	raw                           a new connection whose first bytes are the input (hex, "quoted text", or int32:n / int16:n)
//	send                          one message a line; prints every answer until the server has nothing more to say
//
// Lines of send: Query sql | Parse name sql [oids] | Bind portal stmt [param] [binary] | DescribeS name | DescribeP name | Execute portal n |
// CloseS name | CloseP name | Sync | Flush | CopyData text | CopyDone | CopyFail text | Terminate | Raw type bytes.
func TestConversations(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		if !strings.HasSuffix(path, ".txt") {
			return
		}
		s, _ := newFake(t, Options{MaxConnections: 50, FirstPID: 41})
		var client *talker
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "start":
				client = newTalker(t, s)
				params := map[string]string{"user": "alice", "database": "db"}
				version := uint32(version30)
				for _, a := range d.CmdArgs {
					if a.Key == "minor" {
						version++
						continue
					}
					params[a.Key] = strings.Join(a.Vals, ",")
				}
				b, _ := (&pgproto3.StartupMessage{ProtocolVersion: version, Parameters: params}).Encode(nil)
				return client.exchange(b)
			case "raw":
				client = newTalker(t, s)
				return client.exchange(rawBytes(t, strings.Fields(d.Input)))
			case "send":
				var b []byte
				for _, line := range strings.Split(d.Input, "\n") {
					b = append(b, frontendMessage(t, line)...)
				}
				return client.exchange(b)
			}
			t.Fatalf("unknown command %s", d.Cmd)
			return ""
		})
	})
}

// talker is a client that prints whatever the server says.
type talker struct {
	t    *testing.T
	nc   net.Conn
	got  chan byte
	rest []byte
}

func newTalker(t *testing.T, s *Server) *talker {
	a, b := net.Pipe()
	s.ServeConn(b)
	k := &talker{t: t, nc: a, got: make(chan byte, 1<<20)}
	t.Cleanup(func() { _ = a.Close() })
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := a.Read(buf)
			for _, x := range buf[:n] {
				k.got <- x
			}
			if err != nil {
				close(k.got)
				return
			}
		}
	}()
	return k
}

// exchange sends bytes and prints all answers until the server is quiet.
func (k *talker) exchange(b []byte) string {
	go func() { _, _ = k.nc.Write(b) }()
	closed := false
	for quiet := false; !quiet && !closed; {
		select {
		case x, ok := <-k.got:
			if !ok {
				closed = true
				break
			}
			k.rest = append(k.rest, x)
		case <-time.After(60 * time.Millisecond):
			quiet = true
		}
	}
	out := k.print()
	if closed {
		out += "(closed)\n"
	}
	return out
}

func (k *talker) print() string {
	var sb strings.Builder
	for len(k.rest) >= 5 && (k.rest[0] != 'N' || k.rest[1] == 0) {
		n := int(binary.BigEndian.Uint32(k.rest[1:])) + 1
		if n < 5 || len(k.rest) < n {
			break
		}
		sb.WriteString(backendMessage(k.rest[0], k.rest[5:n]))
		sb.WriteByte('\n')
		k.rest = k.rest[n:]
	}
	if len(k.rest) > 0 {
		fmt.Fprintf(&sb, "bytes %q\n", k.rest)
		k.rest = nil
	}
	return sb.String()
}

func backendMessage(typ byte, body []byte) string {
	text := func(b []byte) string { return strings.TrimSuffix(string(b), "\x00") }
	switch typ {
	case 'R':
		return fmt.Sprintf("Authentication %d %q", binary.BigEndian.Uint32(body), body[4:])
	case 'S':
		return "ParameterStatus " + strings.Join(strings.Split(text(body), "\x00"), "=")
	case 'K':
		return fmt.Sprintf("BackendKeyData pid and key, %d bytes", len(body))
	case 'Z':
		return "ReadyForQuery " + string(body)
	case 'C':
		return "CommandComplete " + text(body)
	case 'E', 'N':
		name := map[byte]string{'E': "ErrorResponse", 'N': "NoticeResponse"}[typ]
		for _, f := range strings.Split(strings.TrimRight(string(body), "\x00"), "\x00") {
			if f[0] != 'V' {
				name += " " + f[:1] + "=" + f[1:]
			}
		}
		return name
	case '1', '2', '3', 'n', 's', 'I', 'c':
		return map[byte]string{'1': "ParseComplete", '2': "BindComplete", '3': "CloseComplete", 'n': "NoData", 's': "PortalSuspended", 'I': "EmptyQueryResponse", 'c': "CopyDone"}[typ]
	case 'T':
		var m pgproto3.RowDescription
		if err := m.Decode(body); err != nil {
			return err.Error()
		}
		out := "RowDescription"
		for _, f := range m.Fields {
			out += fmt.Sprintf(" %s(table %d att %d type %d len %d mod %d format %d)", f.Name, f.TableOID, f.TableAttributeNumber, f.DataTypeOID, f.DataTypeSize, f.TypeModifier, f.Format)
		}
		return out
	case 'D':
		var m pgproto3.DataRow
		if err := m.Decode(body); err != nil {
			return err.Error()
		}
		out := "DataRow"
		for _, v := range m.Values {
			if v == nil {
				out += " NULL"
			} else {
				out += " " + strings.Trim(strconv.Quote(string(v)), "\"")
			}
		}
		return out
	case 'd':
		return fmt.Sprintf("CopyData %q", body)
	case 't':
		return fmt.Sprintf("ParameterDescription %x", body)
	case 'v':
		return fmt.Sprintf("NegotiateProtocolVersion %q", body)
	}
	return fmt.Sprintf("%c %q", typ, body)
}

func frontendMessage(t *testing.T, line string) []byte {
	word, rest, _ := strings.Cut(line, " ")
	args := strings.Fields(rest)
	name := func(i int) string {
		if i >= len(args) || args[i] == "-" {
			return ""
		}
		return args[i]
	}
	encode := func(m pgproto3.FrontendMessage) []byte {
		b, err := m.Encode(nil)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	switch word {
	case "Query":
		return encode(&pgproto3.Query{String: rest})
	case "Parse":
		return encode(&pgproto3.Parse{Name: name(0), Query: strings.Join(args[1:], " ")})
	case "Bind":
		m := &pgproto3.Bind{DestinationPortal: name(0), PreparedStatement: name(1)}
		for _, a := range args[2:] {
			if a == "binary" {
				m.ResultFormatCodes = []int16{1}
			} else {
				m.Parameters = append(m.Parameters, []byte(a))
			}
		}
		return encode(m)
	case "DescribeS", "DescribeP":
		return encode(&pgproto3.Describe{ObjectType: word[8], Name: name(0)})
	case "CloseS", "CloseP":
		return encode(&pgproto3.Close{ObjectType: word[5], Name: name(0)})
	case "Execute":
		n, _ := strconv.Atoi(name(1))
		return encode(&pgproto3.Execute{Portal: name(0), MaxRows: uint32(n)})
	case "Sync":
		return encode(&pgproto3.Sync{})
	case "Flush":
		return encode(&pgproto3.Flush{})
	case "CopyData":
		return encode(&pgproto3.CopyData{Data: []byte(rest)})
	case "CopyDone":
		return encode(&pgproto3.CopyDone{})
	case "CopyFail":
		return encode(&pgproto3.CopyFail{Message: rest})
	case "Terminate":
		return encode(&pgproto3.Terminate{})
	case "Raw":
		body := rawBytes(t, args[1:])
		return append(binary.BigEndian.AppendUint32([]byte(args[0]), uint32(len(body)+4)), body...)
	case "Bytes":
		return rawBytes(t, args)
	}
	t.Fatalf("unknown message %q", line)
	return nil
}

// rawBytes puts bytes together: hex digits, text:abc, z (a zero byte), int32:n, int16:n.
func rawBytes(t *testing.T, words []string) []byte {
	var b []byte
	for _, w := range words {
		kind, value, tagged := strings.Cut(w, ":")
		n, _ := strconv.Atoi(value)
		switch {
		case tagged && kind == "text":
			b = append(b, value...)
		case tagged && kind == "int32":
			b = binary.BigEndian.AppendUint32(b, uint32(n))
		case tagged && kind == "int16":
			b = binary.BigEndian.AppendUint16(b, uint16(n))
		case w == "z":
			b = append(b, 0)
		default:
			x, err := hex.DecodeString(w)
			if err != nil {
				t.Fatalf("%q: %v", w, err)
			}
			b = append(b, x...)
		}
	}
	return b
}
