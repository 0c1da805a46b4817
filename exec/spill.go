package exec

import (
	"bufio"
	"encoding/binary"
	"io"
	"os"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// tempFiles accounts for the spill files of one execution.
type tempFiles struct {
	st    *state
	bytes int64 // on disk now
	Total int64 // ever written
	Files int
}

// spillFile is a temporary file of batches: written once, then read once or more. Its name is removed at once, so that nothing is left
// behind whatever happens to the process.
type spillFile struct {
	t     *tempFiles
	f     *os.File
	w     *bufio.Writer
	cols  []types.T
	cls   []types.Class
	buf   []byte
	rows  int64
	bytes int64
}

const spillBuffer = 32 << 10

func (t *tempFiles) create(cols []types.T) (*spillFile, error) {
	dir := t.st.ctx.TempDir
	f, err := os.CreateTemp(dir, "kimberlite_tmp_*")
	if err != nil {
		return nil, pgerr.Wrap(err, pgerr.IoError, "could not create temporary file: %v", err)
	}
	os.Remove(f.Name())
	t.Files++
	s := &spillFile{t: t, f: f, w: bufio.NewWriterSize(f, spillBuffer), cols: cols}
	for _, c := range cols {
		s.cls = append(s.cls, types.ClassOf(&t.st.io, c.OID))
	}
	return s, nil
}

// write appends the rows sel of the columns.
func (s *spillFile) write(cols []*types.Vec, sel []int32) error {
	for len(sel) > types.BatchRows {
		if err := s.write(cols, sel[:types.BatchRows]); err != nil {
			return err
		}
		sel = sel[types.BatchRows:]
	}
	if len(sel) == 0 {
		return nil
	}
	b := binary.LittleEndian.AppendUint32(s.buf[:0], 0)
	b = binary.AppendUvarint(b, uint64(len(sel)))
	for k, v := range cols {
		if v.Nulls == nil {
			b = append(b, 0)
		} else {
			b = append(b, 1)
			at := len(b)
			for range (len(sel) + 7) / 8 {
				b = append(b, 0)
			}
			for j, i := range sel {
				if v.Nulls.Get(int(i)) {
					b[at+j>>3] |= 1 << (j & 7)
				}
			}
		}
		if s.cls[k] == types.Fixed {
			for _, i := range sel {
				b = binary.LittleEndian.AppendUint64(b, uint64(v.Fix[i]))
			}
		} else {
			for _, i := range sel {
				str := v.Str[i]
				if v.Nulls != nil && v.Nulls.Get(int(i)) {
					str = ""
				}
				b = binary.AppendUvarint(b, uint64(len(str)))
				b = append(b, str...)
			}
		}
	}
	binary.LittleEndian.PutUint32(b, uint32(len(b)-4))
	s.buf = b
	s.rows += int64(len(sel))
	s.bytes += int64(len(b))
	s.t.bytes += int64(len(b))
	s.t.Total += int64(len(b))
	if lim := s.t.st.ctx.TempFileLimit; lim > 0 && s.t.bytes > lim {
		return pgerr.Newf(pgerr.ConfigurationLimitExceeded, "temporary file size exceeds temp_file_limit (%dkB)", lim>>10)
	}
	if _, err := s.w.Write(b); err != nil {
		return writeError(err)
	}
	return nil
}

func writeError(err error) error {
	return pgerr.Wrap(err, pgerr.IoError, "could not write to temporary file: %v", err)
}

// reader flushes what was written and starts to read from the beginning.
func (s *spillFile) reader() (*spillReader, error) {
	if err := s.w.Flush(); err != nil {
		return nil, writeError(err)
	}
	if _, err := s.f.Seek(0, io.SeekStart); err != nil {
		return nil, readError(err)
	}
	r := &spillReader{s: s, r: bufio.NewReaderSize(s.f, spillBuffer), out: newBatchBuilder(s.cols, &s.t.st.io)}
	return r, nil
}

func readError(err error) error {
	return pgerr.Wrap(err, pgerr.IoError, "could not read from temporary file: %v", err)
}

// readerAt reads through a handle of its own from an offset of a block, so that several readers share the file.
func (s *spillFile) readerAt(off int64) (*spillReader, error) {
	if err := s.w.Flush(); err != nil {
		return nil, writeError(err)
	}
	sec := io.NewSectionReader(s.f, off, s.bytes-off)
	return &spillReader{s: s, r: bufio.NewReaderSize(sec, spillBuffer), out: newBatchBuilder(s.cols, &s.t.st.io)}, nil
}

func (s *spillFile) close() {
	if s == nil || s.f == nil {
		return
	}
	s.f.Close()
	s.f = nil
	s.t.bytes -= s.bytes
}

// spillReader reads the batches of a file back.
type spillReader struct {
	s     *spillFile
	r     *bufio.Reader
	out   *batchBuilder
	buf   []byte
	arena types.Arena
}

// next returns the next batch, nil at the end.
func (r *spillReader) next() (*types.Batch, error) {
	var head [4]byte
	if _, err := io.ReadFull(r.r, head[:]); err != nil {
		if err == io.EOF {
			return nil, nil
		}
		return nil, readError(err)
	}
	n := int(binary.LittleEndian.Uint32(head[:]))
	if cap(r.buf) < n {
		r.buf = make([]byte, n)
	}
	b := r.buf[:n]
	if _, err := io.ReadFull(r.r, b); err != nil {
		return nil, readError(err)
	}
	rows, k := binary.Uvarint(b)
	b = b[k:]
	r.out.begin(int(rows))
	for c := range r.out.buf {
		out := &r.out.buf[c]
		nulls := b[0] == 1
		b = b[1:]
		if nulls {
			m := b[:(rows+7)/8]
			b = b[len(m):]
			for i := range int(rows) {
				if m[i>>3]>>(i&7)&1 != 0 {
					out.null(int32(i))
				}
			}
		}
		if r.s.cls[c] == types.Fixed {
			for i := range int(rows) {
				out.v.Fix[i] = int64(binary.LittleEndian.Uint64(b[8*i:]))
			}
			b = b[8*rows:]
		} else {
			for i := range int(rows) {
				l, k := binary.Uvarint(b)
				out.v.Str[i] = r.arena.Copy(b[k : k+int(l)])
				b = b[k+int(l):]
			}
		}
	}
	r.out.b.N = int(rows)
	return &r.out.b, nil
}

// spillWriter gathers rows for a file until they make a block.
type spillWriter struct {
	file *spillFile
	rows *rowStore
	vecs []*types.Vec
	bufs []scratch
}

func (t *tempFiles) newWriter(cols []types.T) (*spillWriter, error) {
	f, err := t.create(cols)
	if err != nil {
		return nil, err
	}
	w := &spillWriter{file: f, rows: newRowStore(cols, &t.st.io), vecs: make([]*types.Vec, len(cols)), bufs: make([]scratch, len(cols))}
	for i, c := range cols {
		w.bufs[i] = newScratch(c, w.rows.cols[i].class)
	}
	return w, nil
}

// add appends the rows sel of b (whose columns begin with those of the file).
func (w *spillWriter) add(cols []*types.Vec, sel []int32) error {
	if len(sel) >= types.BatchRows/4 && w.rows.n == 0 {
		return w.file.write(cols, sel)
	}
	for i := range w.rows.cols {
		w.rows.bytes += w.rows.cols[i].appendVec(cols[i], sel)
	}
	w.rows.n += len(sel)
	if w.rows.n >= types.BatchRows/2 {
		return w.flush()
	}
	return nil
}

func (w *spillWriter) flush() error {
	for from := 0; from < w.rows.n; from += types.BatchRows {
		n := min(types.BatchRows, w.rows.n-from)
		for i := range w.bufs {
			w.vecs[i] = w.rows.cols[i].slice(&w.bufs[i], from, n)
		}
		if err := w.file.write(w.vecs, identity[:n]); err != nil {
			return err
		}
	}
	w.rows.reset()
	return nil
}

func (w *spillWriter) close() {
	if w != nil {
		w.file.close()
	}
}
