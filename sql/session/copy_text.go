package session

import (
	"bytes"
	"io"
	"strings"
	"unsafe"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// text reads text and CSV data line by line. The lines of a batch stay in the buffer until it is inserted, for the contexts of errors.
func (c *copyInput) text() error {
	first := true
	pos := 0
	for {
		end, next, ok := c.findLine(c.src.buf, pos)
		if !ok {
			if pos > copyBufferBytes {
				if err := c.flush(); err != nil {
					return err
				}
				c.src.buf = append(c.src.buf[:0], c.src.buf[pos:]...)
				c.searched -= pos
				pos = 0
			}
			if len(c.src.buf)-pos > copyLineMax {
				return pgerr.New(pgerr.ProgramLimitExceeded, "COPY line is too long")
			}
			err := c.src.more()
			if err == nil {
				if err := c.s.ctx.Err(); err != nil {
					return err
				}
				continue
			}
			if err != io.EOF {
				return err
			}
			if len(c.src.buf) == pos {
				break
			}
			end, next = len(c.src.buf), len(c.src.buf)
		}
		l := copyLine{c.line + 1, pos, end}
		pos, c.searched = next, next
		line := c.src.buf[l.start:l.end]
		if n := len(line); n > 0 && line[n-1] == '\r' {
			l.end--
			line = line[:n-1]
		}
		c.line++
		if first && c.o.header {
			first = false
			c.whole = line
			if err := c.checkHeader(line); err != nil {
				return err
			}
			continue
		}
		first = false
		if len(line) == 2 && line[0] == '\\' && line[1] == '.' {
			break
		}
		c.whole = line
		if err := c.addLine(line); err != nil {
			return err
		}
		c.lines = append(c.lines, l)
		if c.batch.N >= copyBatchRows {
			if err := c.flush(); err != nil {
				return err
			}
		}
	}
	return c.flush()
}

// findLine finds the end of the line at pos; in CSV a line break inside quotes doesn't count.
func (c *copyInput) findLine(b []byte, pos int) (end, next int, ok bool) {
	if c.o.format != "csv" {
		from := max(pos, c.searched)
		i := bytes.IndexByte(b[from:], '\n')
		if i < 0 {
			c.searched = len(b)
			return 0, 0, false
		}
		return from + i, from + i + 1, true
	}
	if i := bytes.IndexByte(b[pos:], '\n'); i >= 0 && bytes.IndexByte(b[pos:pos+i], c.o.quote) < 0 {
		return pos + i, pos + i + 1, true
	}
	quoted := false
	for i := pos; i < len(b); i++ {
		switch {
		case b[i] == c.o.escape && c.o.escape != c.o.quote && quoted:
			i++
		case b[i] == c.o.quote:
			quoted = !quoted
		case b[i] == '\n' && !quoted:
			return i, i + 1, true
		}
	}
	return 0, 0, false
}

func (c *copyInput) checkHeader(line []byte) error {
	if !c.o.match {
		return nil
	}
	names := strings.Split(string(line), string(c.o.delimiter))
	if len(names) != len(c.atts) {
		return pgerr.Newf(pgerr.BadCopyFileFormat, "wrong number of fields in header line: got %d, expected %d", len(names), len(c.atts))
	}
	for i, n := range names {
		want := c.rel.Columns[c.atts[i]-1].Name
		if n == c.o.null {
			return pgerr.Newf(pgerr.BadCopyFileFormat, "column name mismatch in header line field %d: got null value (\"%s\"), expected \"%s\"", i+1, n, want)
		}
		if n = strings.Trim(n, string(c.o.quote)); n != want {
			return pgerr.Newf(pgerr.BadCopyFileFormat, "column name mismatch in header line field %d: got \"%s\", expected \"%s\"", i+1, n, want)
		}
	}
	return nil
}

// addLine splits a line into fields and appends the row.
func (c *copyInput) addLine(line []byte) error {
	row := c.batch.N
	for _, v := range c.batch.Cols {
		v.Resize(row + 1)
	}
	if len(c.atts) == 0 {
		c.batch.N++
		return nil
	}
	special := byte('\\')
	if c.o.format == "csv" {
		special = c.o.quote
	}
	plain := len(c.o.forceNotNull) == 0 && bytes.IndexByte(line, special) < 0
	i, pos, last := 0, 0, false
	for !last {
		var text []byte
		var null bool
		var err error
		switch {
		case plain:
			text = line[pos:]
			if n := bytes.IndexByte(text, c.o.delimiter); n >= 0 {
				text, pos = text[:n], pos+n+1
			} else {
				last = true
			}
			null = string(text) == c.o.null
		case c.o.format == "csv":
			text, null, pos, last, err = c.csvField(line, pos, i)
		default:
			text, null, pos, last, err = c.textField(line, pos)
		}
		if err != nil {
			return err
		}
		if i >= len(c.atts) {
			return pgerr.New(pgerr.BadCopyFileFormat, "extra data after last expected column")
		}
		if err := c.setField(i, row, text, null); err != nil {
			return err
		}
		i++
	}
	if i < len(c.atts) {
		return pgerr.Newf(pgerr.BadCopyFileFormat, "missing data for column %q", c.rel.Columns[c.atts[i]-1].Name)
	}
	c.batch.N++
	return nil
}

// setField converts a field of a row of the batch.
func (c *copyInput) setField(i, row int, text []byte, null bool) error {
	if null {
		v := c.batch.Cols[i]
		v.SetNull(row)
		if err := types.CheckNull(c.s.drv.io, v.T); err != nil {
			c.col = c.rel.Columns[c.atts[i]-1].Name
			return err
		}
		return nil
	}
	s := unsafe.String(unsafe.SliceData(text), len(text)) // good for the call
	if c.keep[i] {
		s = c.arena.Copy(text)
	}
	d, err := c.in[i](s)
	if err != nil {
		c.col, c.value = c.rel.Columns[c.atts[i]-1].Name, string(text)
		return err
	}
	c.batch.Cols[i].Set(row, d)
	return nil
}

// textField reads a field of the text format, undoing backslash escapes.
func (c *copyInput) textField(line []byte, pos int) (text []byte, null bool, next int, last bool, err error) {
	start := pos
	escaped := false
	if n := bytes.IndexByte(line[pos:], c.o.delimiter); n >= 0 && bytes.IndexByte(line[pos:pos+n], '\\') < 0 {
		raw := line[pos : pos+n]
		return raw, string(raw) == c.o.null, pos + n + 1, false, nil
	}
	for pos < len(line) && line[pos] != c.o.delimiter {
		if line[pos] == '\\' {
			escaped = true
			pos++
		}
		pos++
	}
	if pos > len(line) {
		pos = len(line)
	}
	raw := line[start:pos]
	last = pos >= len(line)
	next = pos + 1
	if string(raw) == c.o.null {
		return nil, true, next, last, nil
	}
	if !escaped {
		return raw, false, next, last, nil
	}
	out := c.field[:0]
	for i := 0; i < len(raw); i++ {
		b := raw[i]
		if b != '\\' || i+1 >= len(raw) {
			out = append(out, b)
			continue
		}
		i++
		switch e := raw[i]; {
		case e == 'b':
			out = append(out, '\b')
		case e == 'f':
			out = append(out, '\f')
		case e == 'n':
			out = append(out, '\n')
		case e == 'r':
			out = append(out, '\r')
		case e == 't':
			out = append(out, '\t')
		case e == 'v':
			out = append(out, '\v')
		case e >= '0' && e <= '7':
			v := int(e - '0')
			for k := 0; k < 2 && i+1 < len(raw) && raw[i+1] >= '0' && raw[i+1] <= '7'; k++ {
				i++
				v = v<<3 | int(raw[i]-'0')
			}
			out = append(out, byte(v))
		case e == 'x' && i+1 < len(raw) && hexDigit(raw[i+1]) >= 0:
			v := 0
			for k := 0; k < 2 && i+1 < len(raw) && hexDigit(raw[i+1]) >= 0; k++ {
				i++
				v = v<<4 | hexDigit(raw[i])
			}
			out = append(out, byte(v))
		default:
			out = append(out, e)
		}
	}
	c.field = out
	return out, false, next, last, nil
}

func hexDigit(b byte) int {
	switch {
	case b >= '0' && b <= '9':
		return int(b - '0')
	case b >= 'a' && b <= 'f':
		return int(b-'a') + 10
	case b >= 'A' && b <= 'F':
		return int(b-'A') + 10
	}
	return -1
}

// csvField reads a CSV field.
func (c *copyInput) csvField(line []byte, pos, col int) (text []byte, null bool, next int, last bool, err error) {
	out := c.field[:0]
	start := pos
	quoted, sawQuote := false, false
	for pos < len(line) {
		b := line[pos]
		if !quoted {
			if b == c.o.delimiter {
				break
			}
			if b == c.o.quote {
				quoted, sawQuote = true, true
				pos++
				continue
			}
			out = append(out, b)
			pos++
			continue
		}
		if b == c.o.escape && pos+1 < len(line) && (line[pos+1] == c.o.quote || line[pos+1] == c.o.escape) {
			out = append(out, line[pos+1])
			pos += 2
			continue
		}
		if b == c.o.quote {
			quoted = false
			pos++
			continue
		}
		out = append(out, b)
		pos++
	}
	if quoted {
		return nil, false, 0, true, pgerr.New(pgerr.BadCopyFileFormat, "unterminated CSV quoted field")
	}
	c.field = out
	last = pos >= len(line)
	next = pos + 1
	name := ""
	if col < len(c.atts) {
		name = c.rel.Columns[c.atts[col]-1].Name
	}
	isNull := string(line[start:pos]) == c.o.null && !sawQuote
	if isNull && c.o.forceNotNull[name] {
		isNull = false
	}
	if sawQuote && string(out) == c.o.null && c.o.forceNull[name] {
		isNull = true
	}
	return out, isNull, next, last, nil
}
