package pgwire

import (
	"errors"
	"io"

	"kimberlite/sql/pgerr"
)

// copyReader is the connection while a COPY FROM STDIN runs.
type copyReader struct{ c *conn }

// copyResponse writes a CopyInResponse ('G') or CopyOutResponse ('H').
func (c *conn) copyResponse(typ byte, columns int, binary bool) {
	var format int16
	if binary {
		format = 1
	}
	buf, at := c.out.start(typ)
	buf.b = append(buf.b, byte(format))
	buf.int16(int16(columns))
	for range columns {
		buf.int16(format)
	}
	buf.end(at)
}

func (c *conn) CopyIn(columns int, binary bool) (CopyReader, error) {
	c.copyResponse('G', columns, binary)
	c.copying = true
	return copyReader{c}, c.out.flush()
}

func (c *conn) CopyOut(columns int, binary bool) error {
	c.copyResponse('H', columns, binary)
	return c.out.room()
}

func (c *conn) CopyData(row []byte) error {
	buf, at := c.out.start('d')
	buf.b = append(buf.b, row...)
	buf.end(at)
	return c.out.room()
}

func (c *conn) CopyDone() { c.out.empty('c') }

// Next implements CopyReader.
func (r copyReader) Next() ([]byte, error) {
	c := r.c
	for c.copying {
		typ, body, err := c.receive()
		if err != nil {
			c.copying = false
			return nil, c.copyLost(err)
		}
		switch typ {
		case 'd':
			return body, nil
		case 'c':
			c.copying = false
		case 'f':
			c.copying = false
			why := cursor{b: body}
			text := string(why.text())
			if err := why.end(); err != nil {
				return nil, err
			}
			return nil, pgerr.Newf(pgerr.QueryCanceled, "COPY from stdin failed: %s", text)
		case 'H', 'S':
			// Clients may send Flush and Sync here by reflex; they mean nothing until the data has ended.
		default:
			c.copying = false
			c.lost = true
			return nil, pgerr.Newf(pgerr.ProtocolViolation, "unexpected message type 0x%02X during COPY from stdin", typ)
		}
	}
	return nil, io.EOF
}

// copyLost turns an error of receive into what the session should see.
func (c *conn) copyLost(err error) error {
	var pe *pgerr.Error
	if errors.As(err, &pe) {
		return pe
	}
	return fatal(pgerr.Wrap(err, pgerr.ConnectionFailure, "unexpected EOF on client connection with an open transaction"))
}

// copyRest drops what a session did not read of a COPY that it ended successfully.
func (c *conn) copyRest() error {
	for c.copying {
		if _, err := (copyReader{c}).Next(); err != nil && err != io.EOF {
			return err
		}
	}
	return nil
}
