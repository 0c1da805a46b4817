package session

import (
	"io"
	"os"
	"slices"
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
				if !n.IsFrom {
					return nil, pgerr.Newf(pgerr.FeatureNotSupported, "cannot use \"%s\" with HEADER in COPY TO", constString(d.Arg))
				}
				o.header, o.match = true, true
			} else if o.header, err = boolOpt(d); err != nil {
				err = pgerr.New(pgerr.SyntaxError, "header requires a Boolean value or \"match\"")
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

// checkForced makes sure that the columns of FORCE_NOT_NULL and FORCE_NULL are copied.
func (o *copyOptions) checkForced(rel *catalog.Relation, atts []int) error {
	check := func(option string, forced map[string]bool) error {
		for name := range forced {
			at := slices.IndexFunc(rel.Columns, func(c catalog.Column) bool { return c.Name == name && !c.Dropped })
			if at < 0 {
				return pgerr.Newf(pgerr.UndefinedColumn, "column %q of relation %q does not exist", name, rel.Name)
			}
			if !slices.Contains(atts, at+1) {
				return pgerr.Newf(pgerr.InvalidColumnReference, "%s column %q not referenced by COPY", option, name)
			}
		}
		return nil
	}
	if err := check("FORCE_NOT_NULL", o.forceNotNull); err != nil {
		return err
	}
	return check("FORCE_NULL", o.forceNull)
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
	if err := o.checkForced(rel, atts); err != nil {
		return "", err
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
		return "", err
	}
	s.e.usage(rel.OID).Inserted.Add(rows)
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
	read int64 // bytes
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

// kind is the type that pg_stat_progress_copy shows.
func (c *copySource) kind() string {
	if c.f != nil {
		return "FILE"
	}
	return "PIPE"
}

// more appends further data to buf; io.EOF at the end.
func (c *copySource) more() error {
	if c.eof {
		return io.EOF
	}
	if c.f != nil {
		n, err := c.f.Read(c.temp)
		c.buf = append(c.buf, c.temp[:n]...)
		c.read += int64(n)
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
	c.read += int64(len(b))
	return nil
}

// copyInput parses COPY data into batches of typed columns.
type copyInput struct {
	rows  int64 // handed to bulk
	s     *Session
	o     *copyOptions
	rel   *catalog.Relation
	atts  []int
	bulk  *exec.BulkInsert
	src   *copySource
	batch *types.Batch
	in    []func(string) (types.Datum, error)
	keep  []bool // the values of the column are strings that may be parts of the text
	arena types.Arena
	field []byte
	lines []copyLine // of the batch
	// searched is up to where the buffer is known to have no line's end behind the present line.
	searched int

	// Where an error happened: the line, its text, and the column with its value.
	line  int64
	whole []byte
	col   string
	value string
}

// copyLine is a line of the batch at hand, in copySource.buf.
type copyLine struct {
	number     int64
	start, end int
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
		c.keep = append(c.keep, types.ClassOf(io, t.OID) == types.Bytes)
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
	case len(c.whole) > 0:
		d.Where += ": \"" + clipValue(string(c.whole)) + "\""
	}
	return &d
}

func clipValue(s string) string {
	if len(s) > 100 {
		return s[:100] + "..."
	}
	return s
}

// flush inserts the batch.
func (c *copyInput) flush() error {
	if c.batch.N == 0 {
		return nil
	}
	err := c.bulk.Add(c.batch)
	if err != nil {
		c.blame(c.bulk.Row(), err)
	}
	c.rows += int64(c.batch.N)
	c.s.progress(&catalog.ProgressStat{Relation: c.rel.OID, Command: "COPY FROM", Type: c.src.kind(), Done: c.src.read, TuplesDone: c.rows})
	c.batch.Reset()
	c.lines = c.lines[:0]
	return err
}

// blame makes a row of the batch the one that an error is about. PostgreSQL has forgotten the line's text when it comes to the indexes.
func (c *copyInput) blame(row int, err error) {
	l := copyLine{number: c.line - int64(c.batch.N-1-row)}
	if row < len(c.lines) {
		l = c.lines[row]
	}
	c.line, c.col, c.value, c.whole = l.number, "", "", nil
	if pgerr.From(err).Code != pgerr.UniqueViolation {
		c.whole = c.src.buf[l.start:l.end]
	}
}
