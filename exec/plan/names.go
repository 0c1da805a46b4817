package plan

import "kimberlite/sql/types"

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
