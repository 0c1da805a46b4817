package session

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"strings"

	"kimberlite/exec"
	"kimberlite/pgwire"
	"kimberlite/sql/analyze"
	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// copyOptions are the options of COPY.
type copyOptions struct {
	format       string // text, csv, binary
	delimiter    byte
	null         string
	header       bool
	match        bool // HEADER MATCH
	quote        byte
	escape       byte
	forceQuote   map[string]bool
	forceAll     bool
	forceNotNull map[string]bool
	forceNull    map[string]bool
	freeze       bool
}

func (u *utility) copyOptions(n *pg.CopyStmt) (*copyOptions, error) {
	o := &copyOptions{format: "text"}
	var delim, null, quote, escape *string
	str := func(d *pg.DefElem) *string { v := constString(d.Arg); return &v }
	boolOpt := func(d *pg.DefElem) (bool, error) {
		if d.Arg == nil {
			return true, nil
		}
		b, ok := parseBool(constString(d.Arg))
		if !ok {
			return false, pgerr.Newf(pgerr.SyntaxError, "%s requires a Boolean value", d.Defname)
		}
		return b, nil
	}
	names := func(d *pg.DefElem) map[string]bool {
		m := map[string]bool{}
		for _, x := range d.Arg.GetList().GetItems() {
			m[x.GetString_().GetSval()] = true
		}
		return m
	}
	seen := map[string]bool{}
	for _, node := range n.Options {
		d := node.GetDefElem()
		if seen[d.Defname] {
			return nil, pgerr.New(pgerr.SyntaxError, "conflicting or redundant options").At(int(d.Location))
		}
		seen[d.Defname] = true
		var err error
		switch d.Defname {
		case "format":
			o.format = constString(d.Arg)
			if o.format != "text" && o.format != "csv" && o.format != "binary" {
				return nil, pgerr.Newf(pgerr.InvalidParameterValue, "COPY format %q not recognized", o.format).At(int(d.Location))
			}
		case "delimiter":
			delim = str(d)
		case "null":
			null = str(d)
		case "header":
			if strings.EqualFold(constString(d.Arg), "match") {
				o.header, o.match = true, true
			} else {
				o.header, err = boolOpt(d)
			}
		case "quote":
			quote = str(d)
		case "escape":
			escape = str(d)
		case "force_quote":
			if d.Arg.GetAStar() != nil {
				o.forceAll = true
			} else {
				o.forceQuote = names(d)
			}
		case "force_not_null":
			o.forceNotNull = names(d)
		case "force_null":
			o.forceNull = names(d)
		case "freeze":
			o.freeze, err = boolOpt(d)
		case "encoding":
			if v := strings.ToUpper(strings.ReplaceAll(constString(d.Arg), "-", "")); v != "UTF8" && v != "UNICODE" && v != "SQL_ASCII" {
				return nil, pgerr.Newf(pgerr.FeatureNotSupported, "COPY encoding %q is not supported", constString(d.Arg)).WithHint("Convert the data to UTF8.")
			}
		default:
			return nil, pgerr.Newf(pgerr.SyntaxError, "option %q not recognized", d.Defname).At(int(d.Location))
		}
		if err != nil {
			return nil, err
		}
	}
	return o, o.finish(delim, null, quote, escape)
}

// finish fills in the defaults and checks the combination, as ProcessCopyOptions does.
func (o *copyOptions) finish(delim, null, quote, escape *string) error {
	csv := o.format == "csv"
	if o.format == "binary" {
		if delim != nil {
			return pgerr.New(pgerr.SyntaxError, "cannot specify DELIMITER in BINARY mode")
		}
		if null != nil {
			return pgerr.New(pgerr.SyntaxError, "cannot specify NULL in BINARY mode")
		}
		if o.header {
			return pgerr.New(pgerr.FeatureNotSupported, "cannot specify HEADER in BINARY mode")
		}
	}
	o.delimiter, o.null, o.quote = '\t', `\N`, '"'
	if csv {
		o.delimiter, o.null = ',', ""
	}
	if delim != nil {
		if len(*delim) != 1 {
			return pgerr.New(pgerr.FeatureNotSupported, "COPY delimiter must be a single one-byte character")
		}
		o.delimiter = (*delim)[0]
	}
	if o.delimiter == '\n' || o.delimiter == '\r' {
		return pgerr.New(pgerr.InvalidParameterValue, "COPY delimiter cannot be newline or carriage return")
	}
	if null != nil {
		o.null = *null
	}
	if strings.ContainsAny(o.null, "\r\n") {
		return pgerr.New(pgerr.InvalidParameterValue, "COPY null representation cannot use newline or carriage return")
	}
	if !csv && strings.IndexByte(`\.abcdefghijklmnopqrstuvwxyz0123456789`, o.delimiter) >= 0 {
		return pgerr.Newf(pgerr.InvalidParameterValue, "COPY delimiter cannot be \"%c\"", o.delimiter)
	}
	if !csv && (quote != nil) {
		return pgerr.New(pgerr.FeatureNotSupported, "COPY quote available only in CSV mode")
	}
	if !csv && escape != nil {
		return pgerr.New(pgerr.FeatureNotSupported, "COPY escape available only in CSV mode")
	}
	if quote != nil {
		if len(*quote) != 1 {
			return pgerr.New(pgerr.FeatureNotSupported, "COPY quote must be a single one-byte character")
		}
		o.quote = (*quote)[0]
	}
	o.escape = o.quote
	if escape != nil {
		if len(*escape) != 1 {
			return pgerr.New(pgerr.FeatureNotSupported, "COPY escape must be a single one-byte character")
		}
		o.escape = (*escape)[0]
	}
	if csv && o.delimiter == o.quote {
		return pgerr.New(pgerr.InvalidParameterValue, "COPY delimiter and quote must be different")
	}
	return nil
}

// copy is COPY in both directions.
func (u *utility) copy(n *pg.CopyStmt) (string, error) {
	o, err := u.copyOptions(n)
	if err != nil {
		return "", err
	}
	if n.IsProgram {
		return "", pgerr.Unsupported("COPY PROGRAM", "Pipe the data through the client: psql's \\copy ... from program.")
	}
	if n.Filename != "" && !u.s.super {
		return "", pgerr.New(pgerr.InsufficientPrivilege, "must be superuser or have privileges of the pg_read_server_files role to COPY from a file").
			WithHint("Anyone can COPY to stdout or from stdin. psql's \\copy command also works for anyone.")
	}
	if n.IsFrom {
		return u.copyFrom(n, o)
	}
	return u.copyTo(n, o)
}

// copyTarget resolves the table and its columns.
func (u *utility) copyTarget(n *pg.CopyStmt) (*catalog.Relation, []int, error) {
	env := u.s.analyzeEnv()
	rel, err := analyze.ResolveRelation(env, n.Relation)
	if err != nil {
		return nil, nil, err
	}
	var atts []int
	if len(n.Attlist) == 0 {
		for i, c := range rel.Columns {
			if !c.Dropped && c.Generated == 0 {
				atts = append(atts, i+1)
			}
		}
		return rel, atts, nil
	}
	seen := map[int]bool{}
	for _, a := range n.Attlist {
		name := a.GetString_().GetSval()
		att := 0
		for i, c := range rel.Columns {
			if c.Name == name && !c.Dropped {
				att = i + 1
			}
		}
		if att == 0 {
			return nil, nil, pgerr.Newf(pgerr.UndefinedColumn, "column %q of relation %q does not exist", name, rel.Name)
		}
		if rel.Columns[att-1].Generated != 0 {
			return nil, nil, pgerr.Newf(pgerr.InvalidColumnReference, "column %q is a generated column", name).WithDetail("Generated columns cannot be used in COPY.")
		}
		if seen[att] {
			return nil, nil, pgerr.Newf(pgerr.DuplicateColumn, "column %q specified more than once", name)
		}
		seen[att] = true
		atts = append(atts, att)
	}
	return rel, atts, nil
}

func (u *utility) copyFrom(n *pg.CopyStmt, o *copyOptions) (string, error) {
	s := u.s
	rel, atts, err := u.copyTarget(n)
	if err != nil {
		return "", err
	}
	switch rel.RelKind {
	case 'r', 'p':
	case 'v':
		return "", pgerr.Newf(pgerr.WrongObjectType, "cannot copy to view %q", rel.Name).WithHint("To enable copying to a view, provide an INSTEAD OF INSERT trigger.")
	case 'S':
		return "", pgerr.Newf(pgerr.WrongObjectType, "cannot copy to sequence %q", rel.Name)
	default:
		return "", pgerr.Newf(pgerr.WrongObjectType, "cannot copy to non-table relation %q", rel.Name)
	}
	if rel.OID < catalog.FirstNormalOID {
		return "", pgerr.Newf(pgerr.InsufficientPrivilege, "permission denied: %q is a system catalog", rel.Name)
	}
	if s.tx.tx.Options().ReadOnly && rel.Persistence != 't' {
		return "", pgerr.New(pgerr.ReadOnlySqlTransaction, "cannot execute COPY FROM in a read-only transaction")
	}
	use := copyUse(rel, atts, true)
	if err := s.checkPerms(use); err != nil {
		return "", err
	}
	if _, err := s.tx.tx.Lock(s.ctx, s.db, rel.OID, 3, 0); err != nil {
		return "", s.lockError(err)
	}
	s.refresh()
	var where tree.Expr
	if n.WhereClause != nil {
		if where, err = analyze.AnalyzeCopyWhere(s.analyzeEnv(), rel, n.WhereClause); err != nil {
			return "", err
		}
	}
	bulk, err := exec.NewBulkInsert(s.execContext(), rel, atts, where)
	if err != nil {
		return "", err
	}
	defer bulk.Close()
	src, err := u.copySource(n, o, len(atts))
	if err != nil {
		return "", err
	}
	defer src.close()
	in := &copyInput{s: s, o: o, rel: rel, atts: atts, bulk: bulk, src: src}
	if err := in.prepare(); err != nil {
		return "", err
	}
	if o.format == "binary" {
		err = in.binary()
	} else {
		err = in.text()
	}
	if err != nil {
		return "", in.context(err)
	}
	rows, err := bulk.Finish()
	if err != nil {
		return "", in.context(err)
	}
	s.e.stats.modified(rel.OID, rows, 0, 0)
	if err := s.afterStatement(); err != nil {
		return "", err
	}
	return "COPY " + itoa(int(rows)), nil
}

// copySource is where the data comes from.
type copySource struct {
	r    pgwire.CopyReader
	f    *os.File
	buf  []byte
	eof  bool
	temp []byte
}

func (u *utility) copySource(n *pg.CopyStmt, o *copyOptions, cols int) (*copySource, error) {
	if n.Filename != "" {
		f, err := os.Open(n.Filename)
		if err != nil {
			return nil, pgerr.Newf(pgerr.UndefinedFile, "could not open file %q for reading: %s", n.Filename, osReason(err)).
				WithHint("COPY FROM instructs the PostgreSQL server process to read a file. You may want a client-side facility such as psql's \\copy.")
		}
		return &copySource{f: f, temp: make([]byte, 64<<10)}, nil
	}
	r, err := u.s.w.CopyIn(cols, o.format == "binary")
	if err != nil {
		return nil, err
	}
	return &copySource{r: r}, nil
}

func osReason(err error) string {
	s := err.Error()
	if i := strings.LastIndex(s, ": "); i >= 0 {
		s = s[i+2:]
	}
	if s != "" {
		s = strings.ToUpper(s[:1]) + s[1:]
	}
	return s
}

func (c *copySource) close() {
	if c.f != nil {
		c.f.Close()
	}
}

// more appends further data to buf; io.EOF at the end.
func (c *copySource) more() error {
	if c.eof {
		return io.EOF
	}
	if c.f != nil {
		n, err := c.f.Read(c.temp)
		c.buf = append(c.buf, c.temp[:n]...)
		if err == io.EOF {
			c.eof = true
			if n > 0 {
				return nil
			}
		}
		return err
	}
	b, err := c.r.Next()
	if err == io.EOF {
		c.eof = true
	}
	if err != nil {
		return err
	}
	c.buf = append(c.buf, b...)
	return nil
}

// copyInput parses COPY data into batches of typed columns.
type copyInput struct {
	s     *Session
	o     *copyOptions
	rel   *catalog.Relation
	atts  []int
	bulk  *exec.BulkInsert
	src   *copySource
	batch *types.Batch
	in    []func(string) (types.Datum, error)
	line  int64
	col   string
	value string
	whole string
	arena types.Arena
	field []byte
}

func (c *copyInput) prepare() error {
	io := c.s.io()
	c.batch = &types.Batch{}
	for _, att := range c.atts {
		t := c.rel.Columns[att-1].T
		c.batch.Cols = append(c.batch.Cols, types.NewVec(t, types.ClassOf(io, t.OID)))
		if c.o.format == "binary" {
			continue
		}
		f, err := types.TextIn(io, t)
		if err != nil {
			return err
		}
		c.in = append(c.in, f)
	}
	return nil
}

// context adds where in the data an error happened.
func (c *copyInput) context(err error) error {
	e := pgerr.From(err)
	if e.Where != "" || c.line == 0 {
		return e
	}
	d := *e
	d.Where = "COPY " + c.rel.Name + ", line " + itoa(int(c.line))
	switch {
	case c.col != "" && c.value != "":
		d.Where += ", column " + c.col + ": \"" + clipValue(c.value) + "\""
	case c.col != "":
		d.Where += ", column " + c.col + ": null input"
	case c.whole != "":
		d.Where += ": \"" + clipValue(c.whole) + "\""
	}
	return &d
}

func clipValue(s string) string {
	if len(s) > 100 {
		return s[:100] + "..."
	}
	return s
}

func (c *copyInput) flush() error {
	if c.batch.N == 0 {
		return nil
	}
	err := c.bulk.Add(c.batch)
	c.batch.Reset()
	return err
}

// text reads text and CSV data line by line.
func (c *copyInput) text() error {
	first := true
	pos := 0
	for {
		end, next, ok := c.findLine(c.src.buf[pos:])
		if !ok {
			c.src.buf = append(c.src.buf[:0], c.src.buf[pos:]...)
			pos = 0
			if len(c.src.buf) > copyLineMax {
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
			if len(c.src.buf) == 0 {
				break
			}
			end, next = len(c.src.buf), len(c.src.buf)
		}
		line := c.src.buf[pos : pos+end]
		pos += next
		if n := len(line); n > 0 && line[n-1] == '\r' {
			line = line[:n-1]
		}
		c.line++
		if first && c.o.header {
			first = false
			if err := c.checkHeader(line); err != nil {
				return err
			}
			continue
		}
		first = false
		if len(line) == 2 && line[0] == '\\' && line[1] == '.' {
			break
		}
		c.whole = string(line[:min(len(line), 200)])
		if err := c.addLine(line); err != nil {
			return err
		}
		if c.batch.N >= copyBatchRows {
			if err := c.flush(); err != nil {
				return err
			}
		}
	}
	return c.flush()
}

// findLine finds the end of the next line; in CSV a line break inside quotes doesn't count.
func (c *copyInput) findLine(b []byte) (end, next int, ok bool) {
	if c.o.format != "csv" {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			return 0, 0, false
		}
		return i, i + 1, true
	}
	quoted := false
	for i := 0; i < len(b); i++ {
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
		n = strings.Trim(n, string(c.o.quote))
		if want := c.rel.Columns[c.atts[i]-1].Name; n != want {
			return pgerr.Newf(pgerr.BadCopyFileFormat, "column name mismatch in header line field %d: got %q, expected %q", i+1, n, want)
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
	i, pos, last := 0, 0, false
	for !last {
		var text []byte
		var null bool
		var err error
		if c.o.format == "csv" {
			text, null, pos, last, err = c.csvField(line, pos, i)
		} else {
			text, null, pos, last, err = c.textField(line, pos)
		}
		if err != nil {
			return err
		}
		if i >= len(c.atts) {
			c.col = ""
			return pgerr.New(pgerr.BadCopyFileFormat, "extra data after last expected column")
		}
		c.col, c.value = c.rel.Columns[c.atts[i]-1].Name, ""
		if null {
			c.batch.Cols[i].SetNull(row)
		} else {
			s := c.arena.Copy(text)
			c.value = s
			d, err := c.in[i](s)
			if err != nil {
				return err
			}
			c.batch.Cols[i].Set(row, d)
		}
		i++
	}
	if i < len(c.atts) {
		c.col = ""
		return pgerr.Newf(pgerr.BadCopyFileFormat, "missing data for column %q", c.rel.Columns[c.atts[i]-1].Name)
	}
	c.col, c.value = "", ""
	c.batch.N++
	return nil
}

// textField reads a field of the text format, undoing backslash escapes.
func (c *copyInput) textField(line []byte, pos int) (text []byte, null bool, next int, last bool, err error) {
	start := pos
	escaped := false
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
