package exec

import (
	"slices"

	"kimberlite/sql/catalog"
	"kimberlite/sql/functions"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
	"kimberlite/txn"
)

// FunctionRunner runs functions that are defined in SQL. The session does, since their bodies have to be analyzed and planned. view gives what the calling
// statement sees, which is what a function that is not volatile reads.
type FunctionRunner interface {
	// CallSQL returns the value of a function.
	CallSQL(c *functions.Call, args []types.Datum, view func() *txn.View) (types.Datum, error)
	// CallSQLSet starts a function that returns a set, as rows of cols.
	CallSQLSet(c *functions.Call, cols []types.T, args []types.Datum, view func() *txn.View) (functions.RowSource, error)
}

// userFunction finds the implementation of a user's function.
func (c *compiler) userFunction(p *catalog.Proc) (functions.Impl, bool) {
	switch {
	case p == nil || p.OID < catalog.FirstNormalOID:
		return functions.Impl{}, false
	case p.Lang == catalog.LangInternal:
		return functions.LookupInternal(p.Src)
	}
	st := c.st
	return functions.Impl{Row: func(call *functions.Call, args []types.Datum) (types.Datum, error) {
		run, err := st.functionRunner()
		if err != nil {
			return types.Datum{}, err
		}
		return run.CallSQL(call, args, st.view)
	}}, p.Lang == catalog.LangSQL
}

// userSet is userFunction for a function that returns rows: a set, or just one.
func (c *compiler) userSet(p *catalog.Proc, one bool) (functions.SetReturning, bool) {
	if p == nil || p.OID < catalog.FirstNormalOID || p.Lang != catalog.LangSQL {
		return nil, false
	}
	st := c.st
	return func(call *functions.Call, cols []types.T, args []types.Datum) (functions.RowSource, error) {
		if one && p.Strict && slices.ContainsFunc(args, func(d types.Datum) bool { return d.Null }) {
			return &firstRow{}, nil
		}
		run, err := st.functionRunner()
		if err != nil {
			return nil, err
		}
		src, err := run.CallSQLSet(call, cols, args, st.view)
		if one && err == nil {
			src = &firstRow{src: src}
		}
		return src, err
	}, true
}

// firstRow is the first row of a source, NULLs when it has none.
type firstRow struct {
	src  functions.RowSource
	done bool
}

// Next implements functions.RowSource.
func (f *firstRow) Next(b *types.Batch) error {
	if f.done {
		return nil
	}
	f.done = true
	if f.src != nil {
		if err := f.src.Next(b); err != nil {
			return err
		}
	}
	for _, c := range b.Cols {
		if b.N == 0 {
			c.Append(types.NullDatum)
		} else {
			c.Resize(1)
		}
	}
	b.N = 1
	return nil
}

// Close implements functions.RowSource.
func (f *firstRow) Close() {
	if f.src != nil {
		f.src.Close()
	}
}

func (st *state) functionRunner() (FunctionRunner, error) {
	if st.ctx == nil || st.ctx.Functions == nil || st.ctx.Txn == nil {
		return nil, pgerr.Unsupported("a function in SQL in this place", "Use a built-in function.")
	}
	return st.ctx.Functions, nil
}
