package projections

import (
	"sync/atomic"
	"unsafe"

	"kimberlite/sql/types"
)

// tableCode is what a definition compiles to: its layout, decoders and index programs. It is made on first use and kept in the definition;
// because definitions are plain data that people may copy and change, it remembers which slices it was made from.
type tableCode struct {
	cols   *ColumnDef
	nCols  int
	layout *rowLayout
	all    *RowDecoder
	enc    *RowEncoder

	ixs   *IndexDef
	nIxs  int
	index *IndexSet // nil until an evaluator was at hand
}

func (def *TableDef) compiled() *tableCode {
	c := (*tableCode)(atomic.LoadPointer(&def.code))
	if c != nil && c.nCols == len(def.Columns) && c.cols == unsafe.SliceData(def.Columns) && c.nIxs == len(def.Indexes) && c.ixs == unsafe.SliceData(def.Indexes) {
		return c
	}
	c = &tableCode{cols: unsafe.SliceData(def.Columns), nCols: len(def.Columns), layout: newRowLayout(def.Columns),
		ixs: unsafe.SliceData(def.Indexes), nIxs: len(def.Indexes)}
	c.all = &RowDecoder{layout: c.layout, n: len(def.Columns)}
	for i := range def.Columns {
		c.all.add(def, i+1, i)
	}
	c.enc = &RowEncoder{layout: c.layout, cols: def.Columns}
	atomic.StorePointer(&def.code, unsafe.Pointer(c))
	return c
}

func (def *TableDef) layout() *rowLayout {
	if c := (*tableCode)(atomic.LoadPointer(&def.code)); c != nil && c.nCols == len(def.Columns) && c.cols == unsafe.SliceData(def.Columns) {
		return c.layout
	}
	return newRowLayout(def.Columns)
}

func (def *TableDef) allColumns() *RowDecoder { return def.compiled().all }

// Encoder returns the table's row encoder, compiled once.
func (def *TableDef) Encoder() *RowEncoder { return def.compiled().enc }

// Decoder returns the decoder of all columns, compiled once.
func (def *TableDef) Decoder() *RowDecoder { return def.compiled().all }

// IndexSet returns the programs that compute the entries of all indexes, compiled once with the evaluator (which every caller in a
// process has the same of). ev may be nil when no index has expressions or a predicate.
func (def *TableDef) IndexSet(ev Evaluator) (*IndexSet, error) {
	c := def.compiled()
	if c.index != nil {
		return c.index, nil
	}
	set, err := newIndexSet(def, ev)
	if err != nil {
		return nil, err
	}
	next := *c
	next.index = set
	atomic.StorePointer(&def.code, unsafe.Pointer(&next))
	return set, nil
}

// IndexSet computes the index entries of a table's rows. Safe for concurrent use; scratch space is the caller's.
type IndexSet struct {
	Codes []*IndexCode
	dec   *RowDecoder // reads what the indexes need into a whole row
	width int
}

func newIndexSet(def *TableDef, ev Evaluator) (*IndexSet, error) {
	set := &IndexSet{width: len(def.Columns)}
	needed := make([]bool, len(def.Columns)+1)
	for i := range def.Indexes {
		code, err := NewIndexCode(def, i, ev)
		if err != nil {
			return nil, err
		}
		set.Codes = append(set.Codes, code)
		for _, att := range code.needs {
			needed[att] = true
		}
	}
	var atts []int
	for att := 1; att < len(needed); att++ {
		if needed[att] {
			atts = append(atts, att)
		}
	}
	set.dec = newSparseDecoder(def, atts)
	return set, nil
}

// Row decodes the columns that the indexes need from an immutable image into scratch, which it returns grown to the table's width.
func (s *IndexSet) Row(scratch []types.Datum, image []byte) ([]types.Datum, error) {
	if cap(scratch) < s.width {
		scratch = make([]types.Datum, s.width)
	}
	scratch = scratch[:s.width]
	return scratch, s.dec.SharedDatums(scratch, image)
}
