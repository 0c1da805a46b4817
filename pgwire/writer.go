package pgwire

import (
	"strconv"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// conn is the Writer that it gives to its session.
var _ Writer = (*conn)(nil)

func (c *conn) RowDescription(cols []Column, formats []int16) error {
	if len(cols) > columnsMax {
		return pgerr.Newf(pgerr.TooManyColumns, "target lists can have at most %d entries", columnsMax)
	}
	c.out.rowDescription(cols, formats)
	return c.out.room()
}

func (c *conn) StartRows(tctx *types.Ctx, cols []Column, formats []int16) {
	c.shape.set(tctx, cols, formats)
}

func (c *conn) Row(row []types.Datum) error { return c.out.row(&c.shape, row) }

func (c *conn) Batch(b *types.Batch) error { return c.out.batch(&c.shape, b) }

func (c *conn) CommandComplete(tag string) {
	buf, at := c.out.start('C')
	buf.text(tag)
	buf.end(at)
}

func (c *conn) CommandCompleteRows(prefix string, n int64) {
	buf, at := c.out.start('C')
	buf.b = append(append(buf.b, prefix...), ' ')
	buf.b = append(strconv.AppendInt(buf.b, n, 10), 0)
	buf.end(at)
}

func (c *conn) EmptyQuery()      { c.out.empty('I') }
func (c *conn) PortalSuspended() { c.out.empty('s') }

// Notice sends at once: a notice is for a human who waits.
func (c *conn) Notice(n *pgerr.Error) {
	c.out.report('N', n)
	_ = c.out.flush() // the error stays in c.out and shows at the next write
}

func (c *conn) ParameterStatus(name, value string) {
	buf, at := c.out.start('S')
	buf.text(name)
	buf.text(value)
	buf.end(at)
}

func (c *conn) Notification(pid int32, channel, payload string) {
	buf, at := c.out.start('A')
	buf.int32(pid)
	buf.text(channel)
	buf.text(payload)
	buf.end(at)
}

func (c *conn) Flush() error { return c.out.flush() }
