package exec

import (
	"kimberlite/sql/catalog"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// BulkInsert adds batches of rows to a table under all its constraints: COPY FROM. Columns that are not given get their defaults. Close it.
type BulkInsert struct {
	in    *instance
	w     *writer
	atts  []int // attribute number of each column of the batches
	where *Expr
	fill  []int // attributes that get their default
	defs  []expr
	row   []types.Datum
	at    int // the row of the batch at hand
	rows  int64
	env   rowEnv
}

// NewBulkInsert prepares for batches with the columns atts of rel. where, if not nil, keeps the rows for which it is true: COPY ... WHERE, over Vars of the table.
func NewBulkInsert(ctx *Context, rel *catalog.Relation, atts []int, where tree.Expr) (*BulkInsert, error) {
	cat := ctx.Catalog
	in, err := bareInstance(ctx, cat)
	if err != nil {
		return nil, err
	}
	b := &BulkInsert{in: in, atts: atts}
	if err := b.prepare(ctx, rel, where); err != nil {
		in.end()
		return nil, err
	}
	return b, nil
}

func (b *BulkInsert) prepare(ctx *Context, rel *catalog.Relation, where tree.Expr) error {
	st := b.in.st
	var err error
	if b.w, err = st.builder.writer(rel.OID); err != nil {
		return err
	}
	given := map[int]bool{}
	for _, a := range b.atts {
		given[a] = true
	}
	for i := range rel.Columns {
		if col := &rel.Columns[i]; !col.Dropped && !given[i+1] && col.Generated == 0 {
			b.fill = append(b.fill, i+1)
		}
	}
	if b.defs, err = st.builder.defaults(b.w.rel, b.fill); err != nil {
		return err
	}
	if where != nil {
		if b.where, err = CompileExpr(where, ctx.Catalog); err != nil {
			return err
		}
		b.where.Begin(ctx, nil)
	}
	b.row = make([]types.Datum, len(rel.Columns))
	st.view()
	return nil
}

// Add inserts the selected rows of a batch, in order.
func (b *BulkInsert) Add(batch *types.Batch) error {
	st := b.in.st
	if err := st.interrupted(); err != nil {
		return err
	}
	for _, r := range selection(batch) {
		b.at = int(r)
		if err := b.add(batch, int(r)); err != nil {
			return err
		}
	}
	return nil
}

func (b *BulkInsert) add(batch *types.Batch, r int) error {
	row := b.row
	for i := range row {
		row[i] = types.NullDatum
	}
	for i, a := range b.atts {
		row[a-1] = batch.Cols[i].Datum(r)
	}
	b.env = rowEnv{}
	for i, a := range b.fill {
		d, err := b.defs[i].row(&b.env)
		if err != nil {
			return err
		}
		row[a-1] = d
	}
	if err := b.w.generate(row); err != nil {
		return err
	}
	if b.where != nil {
		d, err := b.where.Next(row)
		if err != nil {
			return err
		}
		if !d.IsTrue() {
			return nil
		}
	}
	if err := b.w.check(row); err != nil {
		return err
	}
	if _, err := b.w.insert(row); err != nil {
		return err
	}
	b.rows++
	return nil
}

// Row is the number in its batch of the row that Add failed at.
func (b *BulkInsert) Row() int { return b.at }

// Rows returns how many rows have been inserted so far.
func (b *BulkInsert) Rows() int64 { return b.rows }

// Finish makes the checks due at the end of a statement and returns the number of rows inserted.
func (b *BulkInsert) Finish() (int64, error) { return b.rows, b.in.st.endStatement() }

// Close gives everything back. It may be called more than once.
func (b *BulkInsert) Close() {
	if b.in != nil {
		b.in.end()
		b.in = nil
	}
}
