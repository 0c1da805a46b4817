package session

import (
	"bytes"
	"encoding/binary"
	"io"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

var copySignature = []byte("PGCOPY\n\xff\r\n\x00")

// need makes n bytes available from pos.
func (c *copyInput) need(pos, n int) error {
	for len(c.src.buf)-pos < n {
		if err := c.src.more(); err != nil {
			if err == io.EOF {
				return pgerr.New(pgerr.BadCopyFileFormat, "unexpected EOF in COPY data")
			}
			return err
		}
	}
	return nil
}

// binary reads the binary format.
func (c *copyInput) binary() error {
	if err := c.need(0, 19); err != nil {
		return err
	}
	if !bytes.Equal(c.src.buf[:11], copySignature) {
		return pgerr.New(pgerr.BadCopyFileFormat, "COPY file signature not recognized")
	}
	ext := int(binary.BigEndian.Uint32(c.src.buf[15:]))
	if ext < 0 || ext > 1<<20 {
		return pgerr.New(pgerr.BadCopyFileFormat, "invalid COPY file header (wrong length)")
	}
	if err := c.need(0, 19+ext); err != nil {
		return err
	}
	pos := 19 + ext
	io := c.s.io()
	for {
		if pos > 256<<10 {
			c.src.buf = append(c.src.buf[:0], c.src.buf[pos:]...)
			pos = 0
		}
		if err := c.need(pos, 2); err != nil {
			return err
		}
		n := int16(binary.BigEndian.Uint16(c.src.buf[pos:]))
		pos += 2
		if n == -1 {
			break
		}
		c.line++
		if int(n) != len(c.atts) {
			return pgerr.Newf(pgerr.BadCopyFileFormat, "row field count is %d, expected %d", n, len(c.atts))
		}
		row := c.batch.N
		for i, v := range c.batch.Cols {
			v.Resize(row + 1)
			if err := c.need(pos, 4); err != nil {
				return err
			}
			size := int32(binary.BigEndian.Uint32(c.src.buf[pos:]))
			pos += 4
			c.col = c.rel.Columns[c.atts[i]-1].Name
			if size == -1 {
				if err := types.CheckNull(io, v.T); err != nil {
					return err
				}
				v.SetNull(row)
				continue
			}
			if size < 0 || size > copyLineMax {
				return pgerr.New(pgerr.BadCopyFileFormat, "invalid field size")
			}
			if err := c.need(pos, int(size)); err != nil {
				return err
			}
			t := c.rel.Columns[c.atts[i]-1].T
			d, err := types.Recv(io, t, c.src.buf[pos:pos+int(size)])
			if err != nil {
				return err
			}
			if t.Mod >= 0 {
				if d, err = types.ApplyMod(io, t, d, false); err != nil {
					return err
				}
			}
			pos += int(size)
			v.Set(row, d)
		}
		c.col = ""
		c.batch.N++
		if c.batch.N >= copyBatchRows {
			if err := c.flush(); err != nil {
				return err
			}
		}
	}
	return c.flush()
}
