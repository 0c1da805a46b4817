package exec

import (
	"sort"

	"kimberlite/sql/catalog"
	"kimberlite/sql/types"
)

// Kept keeps the rows of a result in their order for as long as its owner wants: for cursors, which move backwards and may outlive their transaction. Rows
// beyond work_mem are in a file. Not for concurrent use.
type Kept struct {
	st     *state
	cols   []types.T
	mem    *rowStore
	file   *spillFile
	blocks []keptBlock // of the file
	n      int
	// The block that was read last.
	at    int
	batch *types.Batch
	rd    *spillReader
	end   int64 // of what rd sees of the file
}

// keptBlock is where rows from number first on are in the file.
type keptBlock struct {
	first int
	off   int64
}

// NewKept returns an empty store for rows of the columns. Of ctx only settings are used.
func NewKept(ctx *Context, cat catalog.Reader, cols []types.T) *Kept {
	st := newState(emptyPlan, cat)
	st.ctx = &Context{WorkMem: ctx.WorkMem, TempDir: ctx.TempDir, TempFileLimit: ctx.TempFileLimit}
	return &Kept{st: st, cols: cols, mem: newRowStore(cols, &st.io), at: -1}
}

// Len is the number of rows.
func (k *Kept) Len() int { return k.n }

// Append adds the rows of a batch.
func (k *Kept) Append(b *types.Batch) error {
	sel := selection(b)
	if len(sel) == 0 {
		return nil
	}
	if k.file == nil && k.mem.bytes <= k.st.ctx.workMem() {
		k.mem.appendSel(b, sel)
		k.n += len(sel)
		return nil
	}
	if k.file == nil {
		f, err := k.st.temp.create(k.cols)
		if err != nil {
			return err
		}
		k.file = f
	}
	for len(sel) > 0 {
		part := sel[:min(len(sel), types.BatchRows)]
		k.blocks = append(k.blocks, keptBlock{k.n, k.file.bytes})
		if err := k.file.write(b.Cols[:len(k.cols)], part); err != nil {
			return err
		}
		k.n += len(part)
		sel = sel[len(part):]
	}
	return nil
}

// Row copies row i (from 0) to dst, which has the length of the columns.
func (k *Kept) Row(i int, dst []types.Datum) error {
	if i < k.mem.n {
		for c := range k.mem.cols {
			dst[c] = k.mem.cols[c].datum(i)
		}
		return nil
	}
	at := sort.Search(len(k.blocks), func(b int) bool { return k.blocks[b].first > i }) - 1
	if err := k.read(at); err != nil {
		return err
	}
	for c, v := range k.batch.Cols {
		dst[c] = v.Datum(i - k.blocks[at].first)
	}
	return nil
}

// read makes a block the one at hand; the next one follows without a seek.
func (k *Kept) read(at int) (err error) {
	if k.batch != nil && at == k.at {
		return nil
	}
	if k.batch == nil || at != k.at+1 || k.blocks[at].off >= k.end {
		if k.rd, err = k.file.readerAt(k.blocks[at].off); err != nil {
			return err
		}
		k.end = k.file.bytes
	}
	k.at = at
	k.batch, err = k.rd.next()
	return err
}

// Close gives the rows up.
func (k *Kept) Close() {
	k.mem.free()
	k.file.close()
	k.file, k.blocks, k.batch, k.n = nil, nil, nil, 0
}
