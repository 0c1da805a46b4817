package ddl

import (
	"slices"

	"kimberlite/projections"
	"kimberlite/sql/catalog"
	"kimberlite/sql/types"
)

// sync tells the transaction what the statement means for the store (D3): it compares the storage definitions before the statement with
// those after it, for the relations that its operations name.
func (r *runner) sync(mark catalog.Mark) {
	if r.Txn == nil {
		return
	}
	var seen []types.OID
	for _, op := range r.Overlay.Ops()[mark:] {
		if op.Kind != catalog.KindRelation || slices.Contains(seen, op.OID) {
			continue
		}
		seen = append(seen, op.OID)
		old, now := r.before.Relation(op.OID), r.Overlay.Relation(op.OID)
		r.syncTable(old, now)
		if old != nil && old.Sequence != nil && now == nil {
			r.Txn.DropSequence(op.OID)
		}
		if old != nil && old.Storage != 0 && old.Sequence == nil && (now == nil || now.Storage != old.Storage) {
			r.Txn.DropStorage(old.Storage)
		}
	}
}

func (r *runner) syncTable(old, now *catalog.Relation) {
	var a, b *projections.TableDef
	if old != nil {
		a = r.before.TableDef(old.OID)
	}
	if now != nil {
		b = r.Overlay.TableDef(now.OID)
	}
	switch {
	case b != nil && (a == nil || !sameDef(a, b)):
		r.Txn.PutTable(b.Table, b)
	case b == nil && a != nil && !a.Temp:
		r.Txn.PutTable(a.Table, nil)
	}
}

// sameDef reports whether two definitions say the same to the store.
func sameDef(a, b *projections.TableDef) bool {
	if a.Table != b.Table || a.Storage != b.Storage || a.Unlogged != b.Unlogged || a.Temp != b.Temp {
		return false
	}
	return slices.Equal(a.Columns, b.Columns) && slices.EqualFunc(a.Indexes, b.Indexes, func(x, y projections.IndexDef) bool {
		return x.Index == y.Index && x.Storage == y.Storage && x.Unique == y.Unique && x.NullsNotDistinct == y.NullsNotDistinct &&
			x.Deferrable == y.Deferrable && slices.Equal(x.Include, y.Include) && string(x.Predicate) == string(y.Predicate) &&
			slices.EqualFunc(x.Parts, y.Parts, func(p, q projections.IndexPart) bool {
				return p.Att == q.Att && p.Key == q.Key && p.Desc == q.Desc && p.NullsFirst == q.NullsFirst && string(p.Expr) == string(q.Expr)
			})
	})
}
