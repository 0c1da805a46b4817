package session

import (
	"bufio"
	"encoding/binary"
	"os"
	"path/filepath"

	"kimberlite/exec/plan"
	"kimberlite/sql/catalog"
	"kimberlite/sql/parser"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// copyUse is what COPY needs to be allowed on a table.
func copyUse(rel *catalog.Relation, atts []int, from bool) *plan.RelUse {
	use := &plan.RelUse{OID: rel.OID, SelCols: map[int]bool{}, ModCols: map[int]bool{}}
	cols := use.SelCols
	use.Perms = catalog.PrivSelect
	if from {
		cols, use.Perms = use.ModCols, catalog.PrivInsert
	}
	for _, a := range atts {
		cols[a] = true
	}
	return use
}

// copyTo is COPY table TO and COPY (query) TO.
func (u *utility) copyTo(n *pg.CopyStmt, o *copyOptions) (string, error) {
	s := u.s
	query := n.Query
	if n.Relation != nil {
		rel, atts, err := u.copyTarget(n)
		if err != nil {
			return "", err
		}
		switch rel.RelKind {
		case 'v':
			return "", pgerr.Newf(pgerr.WrongObjectType, "cannot copy from view %q", rel.Name).WithHint("Try the COPY (SELECT ...) TO variant.")
		case 'S':
			return "", pgerr.Newf(pgerr.WrongObjectType, "cannot copy from sequence %q", rel.Name)
		case 'i', 'c':
			return "", pgerr.Newf(pgerr.WrongObjectType, "cannot copy from non-table relation %q", rel.Name)
		}
		query, err = s.copySelect(rel, atts)
		if err != nil {
			return "", err
		}
	} else if isUtility(query) {
		return "", pgerr.New(pgerr.FeatureNotSupported, "COPY query must be SELECT, INSERT, UPDATE, DELETE or MERGE")
	}
	inner := &parser.Stmt{Raw: query, Text: u.stmt.Text, AsOf: u.stmt.AsOf}
	st, err := s.analyze(u.sql, inner, nil, false)
	if err != nil {
		return "", err
	}
	if !st.rows {
		return "", pgerr.New(pgerr.FeatureNotSupported, "COPY query must have a RETURNING clause")
	}
	rows, err := s.open(&compiled{st: st}, nil)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	out, err := u.copySink(n, o, len(st.cols))
	if err != nil {
		return "", err
	}
	w := &copyOutput{o: o, st: st, io: s.drv.io, sink: out}
	if err := w.prepare(); err != nil {
		return "", err
	}
	count, err := w.run(rows.Next)
	if err != nil {
		out.abort()
		return "", err
	}
	if err := out.done(); err != nil {
		return "", err
	}
	return "COPY " + itoa(int(count)), nil
}

// copySelect is the query behind COPY table TO: SELECT of the columns.
func (s *Session) copySelect(rel *catalog.Relation, atts []int) (*pg.Node, error) {
	schema := "pg_temp"
	if sc := s.reader().Schema(rel.Schema); sc != nil && rel.Schema != s.temp {
		schema = sc.Name
	}
	sql := "SELECT "
	for i, a := range atts {
		if i > 0 {
			sql += ", "
		}
		sql += catalog.QuoteIdent(rel.Columns[a-1].Name)
	}
	sql += " FROM ONLY " + catalog.QuoteIdent(schema) + "." + catalog.QuoteIdent(rel.Name)
	stmts, err := parser.Parse(sql)
	if err != nil {
		return nil, err
	}
	return stmts[0].Raw, nil
}

// copySink takes COPY's output: the client or a file.
type copySink struct {
	row   func([]byte) error
	done  func() error
	abort func()
}

func (u *utility) copySink(n *pg.CopyStmt, o *copyOptions, cols int) (*copySink, error) {
	w := u.s.w
	if n.Filename == "" {
		if err := w.CopyOut(cols, o.format == "binary"); err != nil {
			return nil, err
		}
		return &copySink{row: w.CopyData, done: func() error { w.CopyDone(); return nil }, abort: func() {}}, nil
	}
	if !filepath.IsAbs(n.Filename) {
		return nil, pgerr.New(pgerr.InvalidName, "relative path not allowed for COPY to file")
	}
	f, err := os.Create(n.Filename)
	if err != nil {
		return nil, pgerr.Newf(pgerr.IoError, "could not open file %q for writing: %s", n.Filename, osReason(err)).
			WithHint("COPY TO instructs the PostgreSQL server process to write a file. You may want a client-side facility such as psql's \\copy.")
	}
	b := bufio.NewWriterSize(f, 256<<10)
	return &copySink{
		row: func(p []byte) error { _, err := b.Write(p); return err },
		done: func() error {
			if err := b.Flush(); err != nil {
				f.Close()
				return err
			}
			return f.Close()
		},
		abort: func() { f.Close() },
	}, nil
}

// copyOutput formats rows.
type copyOutput struct {
	o    *copyOptions
	st   *statement
	io   *types.Ctx
	sink *copySink
	text []func(dst []byte, d types.Datum) []byte
	bin  []func(dst []byte, d types.Datum) []byte
	buf  []byte
	tmp  []byte
}

func (w *copyOutput) prepare() error {
	for _, c := range w.st.cols {
		if w.o.format == "binary" {
			f, err := types.BinaryOut(w.io, c.T)
			if err != nil {
				return err
			}
			w.bin = append(w.bin, f)
			continue
		}
		w.text = append(w.text, types.TextOut(w.io, c.T))
	}
	if w.o.format == "binary" {
		head := append(append([]byte(nil), copySignature...), 0, 0, 0, 0, 0, 0, 0, 0)
		return w.sink.row(head)
	}
	if w.o.header {
		w.buf = w.buf[:0]
		for i, c := range w.st.cols {
			if i > 0 {
				w.buf = append(w.buf, w.o.delimiter)
			}
			if w.o.format == "csv" {
				w.buf = w.appendCSV(w.buf, []byte(c.Name), false)
			} else {
				w.buf = w.appendText(w.buf, []byte(c.Name))
			}
		}
		w.buf = append(w.buf, '\n')
		return w.sink.row(w.buf)
	}
	return nil
}

func (w *copyOutput) run(next func() (*types.Batch, error)) (int64, error) {
	var n int64
	for {
		b, err := next()
		if err != nil {
			return n, err
		}
		if b == nil {
			break
		}
		for i := 0; i < b.Rows(); i++ {
			w.format(b, b.Row(i))
			if err := w.sink.row(w.buf); err != nil {
				return n, err
			}
			n++
		}
	}
	if w.o.format == "binary" {
		return n, w.sink.row([]byte{0xff, 0xff})
	}
	return n, nil
}

func (w *copyOutput) format(b *types.Batch, r int) {
	buf := w.buf[:0]
	if w.bin != nil {
		buf = binary.BigEndian.AppendUint16(buf, uint16(len(w.bin)))
		for k, f := range w.bin {
			d := b.Cols[k].Datum(r)
			if d.Null {
				buf = append(buf, 0xff, 0xff, 0xff, 0xff)
				continue
			}
			at := len(buf)
			buf = append(buf, 0, 0, 0, 0)
			buf = f(buf, d)
			binary.BigEndian.PutUint32(buf[at:], uint32(len(buf)-at-4))
		}
		w.buf = buf
		return
	}
	for k, f := range w.text {
		if k > 0 {
			buf = append(buf, w.o.delimiter)
		}
		d := b.Cols[k].Datum(r)
		if d.Null {
			buf = append(buf, w.o.null...)
			continue
		}
		w.tmp = f(w.tmp[:0], d)
		if w.o.format == "csv" {
			buf = w.appendCSV(buf, w.tmp, w.o.forceAll || w.o.forceQuote[w.st.cols[k].Name])
		} else {
			buf = w.appendText(buf, w.tmp)
		}
	}
	w.buf = append(buf, '\n')
}

// appendText escapes a value for the text format.
func (w *copyOutput) appendText(dst, v []byte) []byte {
	start := 0
	for i, c := range v {
		var e byte
		switch c {
		case '\b':
			e = 'b'
		case '\f':
			e = 'f'
		case '\n':
			e = 'n'
		case '\r':
			e = 'r'
		case '\t':
			e = 't'
		case '\v':
			e = 'v'
		case '\\':
			e = '\\'
		default:
			if c != w.o.delimiter {
				continue
			}
			e = c
		}
		if c == '\t' && w.o.delimiter != '\t' {
			e = 't'
		}
		dst = append(dst, v[start:i]...)
		dst = append(dst, '\\', e)
		start = i + 1
	}
	return append(dst, v[start:]...)
}

// appendCSV quotes a value where CSV needs it.
func (w *copyOutput) appendCSV(dst, v []byte, force bool) []byte {
	quote := force || string(v) == w.o.null || len(w.st.cols) == 1 && string(v) == `\.`
	for _, c := range v {
		if c == w.o.delimiter || c == w.o.quote || c == '\n' || c == '\r' {
			quote = true
			break
		}
	}
	if !quote {
		return append(dst, v...)
	}
	dst = append(dst, w.o.quote)
	for _, c := range v {
		if c == w.o.quote || c == w.o.escape {
			dst = append(dst, w.o.escape)
		}
		dst = append(dst, c)
	}
	return append(dst, w.o.quote)
}
