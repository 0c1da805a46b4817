package plan

import "kimberlite/sql/types"

// RowIDName is the name of the junk column by which a cursor's query asks for the row ids of its table.
const RowIDName = "ctid"

// RowIDColumn is the column of the plan's output that carries the ctid of a relation: one locked by FOR UPDATE, or the only one, if the plan just scans it. 0 when
// there is none.
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
	if scannedRel(p.Root) != rel {
		return 0
	}
	for i, t := range p.Root.Common().Target {
		if t.Junk && t.Name == RowIDName {
			return i + 1
		}
	}
	return 0
}

// scannedRel is the table that a plan scans and does nothing else with, 0 for other plans.
func scannedRel(n Node) types.OID {
	switch n := n.(type) {
	case *Limit:
		return scannedRel(n.Outer)
	case *Result:
		if n.Outer != nil {
			return scannedRel(n.Outer)
		}
	case *SeqScan:
		return n.Rel
	case *IndexScan:
		return n.Rel
	case *BitmapHeapScan:
		return n.Rel
	case *TidScan:
		return n.Rel
	}
	return 0
}

// ReadsBackward reports whether PostgreSQL could run the plan backwards: what a cursor without SCROLL and NO SCROLL may then do.
func (p *Plan) ReadsBackward() bool { return readsBackward(p.Root) }

func readsBackward(n Node) bool {
	switch n := n.(type) {
	case *SeqScan, *IndexScan, *TidScan, *FunctionScan, *ValuesScan, *CTEScan, *VirtualScan, *Material, *Sort:
		return true
	case *SubqueryScan:
		return n.Outer != nil && readsBackward(n.Outer)
	case *Limit:
		return readsBackward(n.Outer)
	case *Result:
		return n.Outer != nil && readsBackward(n.Outer)
	}
	return false
}
