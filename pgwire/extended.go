package pgwire

import (
	"kimberlite/sql/pgerr"
)

// This file is the extended protocol. Each handler calls the session and answers; refuse and skipAfter carry W3.

// refuse answers a message that this package finds wrong by itself.
func (c *conn) refuse(e *pgerr.Error) error {
	c.sess.Fail(e)
	return c.skipAfter(e)
}

// skipAfter sends an error and drops messages until Sync.
func (c *conn) skipAfter(err error) error {
	c.skip = true
	return c.fail(err)
}

func (c *conn) parse(body []byte) error {
	m := cursor{b: body}
	name := m.text()
	text := m.text()
	oids := m.oids()
	if e := m.end(); e != nil {
		return c.refuse(e)
	}
	ctx := c.begin()
	err := c.sess.Parse(ctx, c.names.intern(name), string(text), oids)
	c.running.Store(false)
	if err != nil {
		return c.skipAfter(err)
	}
	c.out.empty('1')
	return nil
}

func (c *conn) bindPortal(body []byte) error {
	m := &c.bind
	if e := m.decode(body); e != nil {
		return c.refuse(e)
	}
	ctx := c.begin()
	err := c.sess.Bind(ctx, c.names.intern(m.portal), c.names.intern(m.stmt), m.paramFormats, m.params, m.resultFormats)
	c.running.Store(false)
	if err != nil {
		return c.skipAfter(err)
	}
	c.out.empty('2')
	return nil
}

func (c *conn) describe(body []byte) error {
	m := cursor{b: body}
	kind := m.byte()
	name := m.text()
	if e := m.end(); e != nil {
		return c.refuse(e)
	}
	var cols []Column
	var formats []int16
	var err error
	switch kind {
	case 'S':
		err = c.describeStatement(c.names.intern(name), &cols)
	case 'P':
		ctx := c.begin()
		cols, formats, err = c.sess.DescribePortal(ctx, c.names.intern(name))
		c.running.Store(false)
	default:
		return c.refuse(pgerr.Newf(pgerr.ProtocolViolation, "invalid DESCRIBE message subtype %d", kind))
	}
	if err != nil {
		return c.skipAfter(err)
	}
	if cols == nil {
		c.out.empty('n')
		return nil
	}
	return c.RowDescription(cols, formats)
}

func (c *conn) describeStatement(name string, cols *[]Column) error {
	ctx := c.begin()
	params, list, err := c.sess.DescribeStatement(ctx, name)
	c.running.Store(false)
	if err != nil {
		return err
	}
	buf, at := c.out.start('t')
	buf.int16(int16(len(params)))
	for _, oid := range params {
		buf.int32(int32(oid))
	}
	buf.end(at)
	*cols = list
	return nil
}

func (c *conn) execute(body []byte) error {
	c.srv.metrics.Executes.Add(1)
	m := cursor{b: body}
	name := m.text()
	limit := m.int32()
	if e := m.end(); e != nil {
		return c.refuse(e)
	}
	ctx := c.begin()
	err := c.sess.Execute(ctx, c.names.intern(name), max(int(limit), 0), c)
	if err = c.finishCopy(err); err != nil {
		return c.skipAfter(err)
	}
	return c.out.room()
}

func (c *conn) closeObject(body []byte) error {
	m := cursor{b: body}
	kind := m.byte()
	name := m.text()
	if e := m.end(); e != nil {
		return c.refuse(e)
	}
	ctx := c.begin()
	var err error
	switch kind {
	case 'S':
		err = c.sess.CloseStatement(ctx, c.names.intern(name))
	case 'P':
		err = c.sess.ClosePortal(ctx, c.names.intern(name))
	default:
		c.running.Store(false)
		return c.refuse(pgerr.Newf(pgerr.ProtocolViolation, "invalid CLOSE message subtype %d", kind))
	}
	c.running.Store(false)
	if err != nil {
		return c.skipAfter(err)
	}
	c.out.empty('3')
	return nil
}

func (c *conn) sync(body []byte) error {
	c.skip = false
	var err error
	if e := (&cursor{b: body}).end(); e != nil {
		c.sess.Fail(e)
		err = e
	}
	ctx := c.begin()
	if e := c.sess.Sync(ctx); e != nil && err == nil {
		err = e
	}
	c.running.Store(false)
	if err != nil {
		if err := c.fail(err); err != nil {
			return err
		}
	}
	return c.sendReady()
}
