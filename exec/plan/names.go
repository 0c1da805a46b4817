package plan

import "kimberlite/sql/types"

// ColName is the name of output column n (from 1), for EXPLAIN.
func (f *FunctionScan) ColName(n int) string { return colName(f.Cols, n) }

// ColName is the name of column n (from 1), for EXPLAIN.
func (w *WorkTableScan) ColName(n int) string { return colName(w.Cols, n) }

func colName(cols []string, n int) string {
	if n >= 1 && n <= len(cols) {
		return cols[n-1]
	}
	return ""
}

// RowIDColumn is the column of the plan's output that carries the ctid of a relation locked by FOR UPDATE, 0 when there is none.
func (p *Plan) RowIDColumn(rel types.OID) int {
	for n := p.Root; n != nil; n = n.Common().Outer {
		l, ok := n.(*LockRows)
		if !ok {
			continue
		}
		for _, m := range l.Marks {
			if m.Rel == rel {
				return m.RowIDCol
			}
		}
	}
	return 0
}
