package pgwire

import (
	"encoding/binary"
	"strconv"
	"sync"

	"kimberlite/sql/pgerr"
)

// outBuf is a connection's output buffer while it has something to say.
type outBuf struct{ b []byte }

var outPool = sync.Pool{New: func() any { return &outBuf{b: make([]byte, 0, outStart)} }}

// output collects messages and sends them.
type output struct {
	dst   interface{ Write([]byte) (int, error) }
	buf   *outBuf // nil while there is nothing to send
	err   error   // the first failed write; nothing is written after it
	bytes uint64
}

// grab returns the buffer, fetching one if need be.
func (o *output) grab() *outBuf {
	if o.buf == nil {
		o.buf = outPool.Get().(*outBuf)
	}
	return o.buf
}

// start begins a message and returns the buffer and the place of its length.
func (o *output) start(typ byte) (*outBuf, int) {
	buf := o.grab()
	at := len(buf.b)
	buf.b = append(buf.b, typ, 0, 0, 0, 0)
	return buf, at + 1
}

// end fills the length in.
func (buf *outBuf) end(at int) {
	binary.BigEndian.PutUint32(buf.b[at:], uint32(len(buf.b)-at))
}

// empty sends a message without a body.
func (o *output) empty(typ byte) {
	buf := o.grab()
	buf.b = append(buf.b, typ, 0, 0, 0, 4)
}

func (o *output) flush() error {
	if o.err != nil || o.buf == nil {
		return o.err
	}
	if len(o.buf.b) > 0 {
		n, err := o.dst.Write(o.buf.b)
		o.bytes += uint64(n)
		o.err = err
		o.buf.b = o.buf.b[:0]
	}
	return o.err
}

// room flushes when the buffer has become big.
func (o *output) room() error {
	if o.buf != nil && len(o.buf.b) >= outFlush {
		return o.flush()
	}
	return o.err
}

// release gives the buffer back when it is empty.
func (o *output) release() {
	if o.buf == nil || len(o.buf.b) > 0 && o.err == nil {
		return
	}
	if cap(o.buf.b) <= outKeep {
		o.buf.b = o.buf.b[:0]
		outPool.Put(o.buf)
	}
	o.buf = nil
}

func (buf *outBuf) int16(x int16) { buf.b = binary.BigEndian.AppendUint16(buf.b, uint16(x)) }
func (buf *outBuf) int32(x int32) { buf.b = binary.BigEndian.AppendUint32(buf.b, uint32(x)) }
func (buf *outBuf) text(s string) { buf.b = append(append(buf.b, s...), 0) }

// report writes an ErrorResponse or a NoticeResponse.
func (o *output) report(typ byte, e *pgerr.Error) {
	buf, at := o.start(typ)
	severity := e.Severity
	if severity == "" {
		severity = pgerr.SeverityError
		if typ == 'N' {
			severity = pgerr.SeverityNotice
		}
	}
	field := func(name byte, value string) {
		if value != "" {
			buf.b = append(buf.b, name)
			for i := 0; i < len(value); i++ { // a zero byte would end the field early
				if value[i] != 0 {
					buf.b = append(buf.b, value[i])
				}
			}
			buf.b = append(buf.b, 0)
		}
	}
	number := func(name byte, n int) {
		if n > 0 {
			field(name, strconv.Itoa(n))
		}
	}
	message := e.Message
	if message == "" {
		message = "missing error text"
	}
	field('S', string(severity))
	field('V', string(severity))
	field('C', e.Code)
	field('M', message)
	field('D', e.Detail)
	field('H', e.Hint)
	number('P', e.Position)
	number('p', e.InternalPosition)
	field('q', e.InternalQuery)
	field('W', e.Where)
	field('s', e.Schema)
	field('t', e.Table)
	field('c', e.Column)
	field('d', e.DataType)
	field('n', e.Constraint)
	field('R', e.Routine)
	buf.b = append(buf.b, 0)
	buf.end(at)
}

// rowDescription writes a RowDescription.
func (o *output) rowDescription(cols []Column, formats []int16) {
	buf, at := o.start('T')
	buf.int16(int16(len(cols)))
	for i := range cols {
		c := &cols[i]
		buf.text(c.Name)
		buf.int32(int32(c.TableOID))
		buf.int16(c.AttNum)
		buf.int32(int32(c.T.OID))
		buf.int16(c.Len)
		buf.int32(c.T.Mod)
		buf.int16(FormatOf(formats, i))
	}
	buf.end(at)
}

// readyForQuery writes a ReadyForQuery.
func (o *output) readyForQuery(status byte) {
	buf := o.grab()
	buf.b = append(buf.b, 'Z', 0, 0, 0, 5, status)
}
