package pgwire

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// cursor takes a message's body apart. The first thing that does not fit sets err; what follows returns zeros.
type cursor struct {
	b   []byte
	err *pgerr.Error
}

func (c *cursor) fail(message string) {
	if c.err == nil {
		c.err = pgerr.New(pgerr.ProtocolViolation, message)
	}
	c.b = nil
}

func (c *cursor) byte() byte {
	if len(c.b) < 1 {
		c.fail("no data left in message")
		return 0
	}
	x := c.b[0]
	c.b = c.b[1:]
	return x
}

func (c *cursor) int16() int16 {
	if len(c.b) < 2 {
		c.fail("insufficient data left in message")
		return 0
	}
	x := int16(binary.BigEndian.Uint16(c.b))
	c.b = c.b[2:]
	return x
}

func (c *cursor) int32() int32 {
	if len(c.b) < 4 {
		c.fail("insufficient data left in message")
		return 0
	}
	x := int32(binary.BigEndian.Uint32(c.b))
	c.b = c.b[4:]
	return x
}

// bytes takes n bytes, which alias the message.
func (c *cursor) bytes(n int) []byte {
	if n < 0 || len(c.b) < n {
		c.fail("insufficient data left in message")
		return nil
	}
	x := c.b[:n:n]
	c.b = c.b[n:]
	return x
}

// text takes a zero-terminated string, which aliases the message.
func (c *cursor) text() []byte {
	i := bytes.IndexByte(c.b, 0)
	if i < 0 {
		c.fail("invalid string in message")
		return nil
	}
	x := c.b[:i]
	c.b = c.b[i+1:]
	if !utf8.Valid(x) {
		if c.err == nil {
			c.err = invalidUTF8(x)
		}
		c.b = nil
		return nil
	}
	return x
}

// end checks that nothing is left.
func (c *cursor) end() *pgerr.Error {
	if c.err == nil && len(c.b) > 0 {
		c.fail("invalid message format")
	}
	return c.err
}

// invalidUTF8 is PostgreSQL's error for the first byte sequence of b that is not UTF-8.
func invalidUTF8(b []byte) *pgerr.Error {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n <= 1 {
			break
		}
		b = b[n:]
	}
	// As many bytes as the first one announces are shown.
	n := 1
	if len(b) > 0 {
		switch {
		case b[0] >= 0xf0 && b[0] < 0xf8:
			n = 4
		case b[0] >= 0xe0:
			n = 3
		case b[0] >= 0xc0:
			n = 2
		}
		if b[0] >= 0xf8 {
			n = 1
		}
	}
	const hex = "0123456789abcdef"
	var text []byte
	for i := 0; i < n && i < len(b); i++ {
		if i > 0 {
			text = append(text, ' ')
		}
		text = append(text, '0', 'x', hex[b[i]>>4], hex[b[i]&15])
	}
	return pgerr.Newf(pgerr.CharacterNotInRepertoire, "invalid byte sequence for encoding \"UTF8\": %s", text)
}

// bindMessage is a decoded Bind. Its slices are reused from message to message; bytes alias the input.
type bindMessage struct {
	portal, stmt  []byte
	paramFormats  []int16
	params        [][]byte
	resultFormats []int16
}

func (m *bindMessage) decode(body []byte) *pgerr.Error {
	c := cursor{b: body}
	m.portal = c.text()
	m.stmt = c.text()
	m.paramFormats = c.formats(m.paramFormats[:0])
	n := int(uint16(c.int16()))
	if len(m.paramFormats) > 1 && len(m.paramFormats) != n && c.err == nil {
		return pgerr.Newf(pgerr.ProtocolViolation, "bind message has %d parameter formats but %d parameters", len(m.paramFormats), n)
	}
	m.params = m.params[:0]
	for i := 0; i < n && c.err == nil; i++ {
		if size := c.int32(); size == -1 {
			m.params = append(m.params, nil)
		} else if p := c.bytes(int(size)); p != nil {
			m.params = append(m.params, p)
		}
	}
	m.resultFormats = c.formats(m.resultFormats[:0])
	return c.end()
}

// formats takes a counted list of format codes.
func (c *cursor) formats(to []int16) []int16 {
	n := int(uint16(c.int16()))
	if n*2 > len(c.b) {
		c.fail("insufficient data left in message")
		return to
	}
	for range n {
		f := c.int16()
		if f != FormatText && f != FormatBinary && c.err == nil {
			c.err = pgerr.Newf(pgerr.InvalidParameterValue, "unsupported format code: %d", f)
		}
		to = append(to, f)
	}
	return to
}

// release drops what a big Bind made the slices grow to.
func (m *bindMessage) release() {
	if cap(m.params) > 64 {
		*m = bindMessage{}
		return
	}
	clear(m.params[:cap(m.params)])
	m.portal, m.stmt = nil, nil
}

// oids takes Parse's counted list of parameter types.
func (c *cursor) oids() []types.OID {
	n := int(uint16(c.int16()))
	if n*4 > len(c.b) {
		c.fail("insufficient data left in message")
		return nil
	}
	if n == 0 {
		return nil
	}
	list := make([]types.OID, n)
	for i := range list {
		list[i] = types.OID(uint32(c.int32()))
	}
	return list
}
