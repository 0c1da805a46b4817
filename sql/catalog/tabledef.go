package catalog

import (
	"kimberlite/projections"
	"kimberlite/sql/types"
)

// TableDef implements Reader. It is nil for what has no rows in the store: views, indexes, sequences, virtual tables.
func (v *Bound) TableDef(table types.OID) *projections.TableDef {
	r := v.Relation(table)
	if r == nil || r.Storage == 0 || r.OID < FirstNormalOID {
		return nil
	}
	if r.RelKind != 'r' && r.RelKind != 'm' {
		return nil
	}
	key := derivedKey{r, 0}
	if def, ok := v.snap.derived.Load(key); ok {
		return def.(*projections.TableDef)
	}
	def := v.makeTableDef(r)
	v.snap.derived.Store(key, def)
	return def
}

func (v *Bound) makeTableDef(r *Relation) *projections.TableDef {
	ctx := &types.Ctx{Types: v}
	def := &projections.TableDef{
		Table: r.OID, Database: r.Database, Storage: r.Storage,
		Columns:  make([]projections.ColumnDef, len(r.Columns)),
		Unlogged: r.Persistence == 'u', Temp: r.Persistence == 't',
	}
	for i := range r.Columns {
		c := &r.Columns[i]
		col := &def.Columns[i]
		*col = projections.ColumnDef{Type: types.StandIn(ctx, c.T.OID), Class: types.ClassOf(ctx, c.T.OID), Dropped: c.Dropped, Missing: types.NullDatum}
		if c.Missing != nil {
			col.Missing = *c.Missing
		}
	}
	for _, oid := range r.Indexes {
		ix := v.Relation(oid)
		if ix == nil || ix.Index == nil {
			continue
		}
		def.Indexes = append(def.Indexes, indexDef(ctx, ix))
	}
	return def
}

func indexDef(ctx *types.Ctx, r *Relation) projections.IndexDef {
	x := r.Index
	def := projections.IndexDef{
		Index: r.OID, Storage: r.Storage, Unique: x.Unique, NullsNotDistinct: x.NullsNotDistinct, Deferrable: x.Unique && !x.Immediate,
		Include: x.Include, Predicate: x.Predicate,
	}
	for i := range x.Keys {
		k := &x.Keys[i]
		def.Parts = append(def.Parts, projections.IndexPart{
			Att: k.Att, Expr: k.Expr, Key: types.StandIn(ctx, k.T.OID), Desc: k.Desc, NullsFirst: k.NullsFirst,
		})
	}
	return def
}

// makeImpliedType builds a type that exists through another descriptor (C6).
func makeImpliedType(p partItem) *types.Type {
	switch d := p.owner.(type) {
	case *Relation:
		if p.what == partRowArray {
			return arrayType(p.oid, d.Name, d.Schema, d.Owner, d.RowType, 'd', 0)
		}
		if p.what == partRowType {
			return rowType(d)
		}
	case *TypeDesc:
		t := &d.Type
		switch p.what {
		case partArray:
			return arrayType(p.oid, d.Name, t.Namespace, t.Owner, d.OID, t.Align, t.Collation)
		case partMultirange:
			return &types.Type{OID: p.oid, Name: t.Range.MultirangeName, Namespace: t.Namespace, Owner: t.Owner, Len: -1,
				Kind: types.KindMultirange, Category: 'R', Defined: true, Delim: ',', Array: t.Range.MultirangeArray, Align: t.Align, Storage: 'x', BaseMod: -1,
				Input: 4231, Output: 4232, Receive: 4233, Send: 4234, Class: types.Bytes, Range: &types.RangeInfo{Multirange: d.OID}}
		case partMultirangeArray:
			return arrayType(p.oid, t.Range.MultirangeName, t.Namespace, t.Owner, t.Range.Multirange, t.Align, 0)
		}
	}
	return nil
}

// rowType is the composite type of a relation's rows. The function OIDs are those of record_in and its kin.
func rowType(r *Relation) *types.Type {
	t := &types.Type{OID: r.RowType, Name: r.Name, Namespace: r.Schema, Owner: r.Owner, Len: -1, Kind: types.KindComposite, Category: 'C',
		Defined: true, Delim: ',', Relid: r.OID, Array: r.RowArray, Align: 'd', Storage: 'x', BaseMod: -1,
		Input: 2290, Output: 2291, Receive: 2402, Send: 2403, Class: types.Bytes}
	for i := range r.Columns {
		if c := &r.Columns[i]; !c.Dropped {
			t.Fields = append(t.Fields, types.Field{Name: c.Name, T: c.T})
		}
	}
	return t
}

// arrayType is the array type over a type. The function OIDs are those of array_in and its kin.
func arrayType(oid types.OID, elemName string, schema, owner, elem types.OID, align byte, coll types.OID) *types.Type {
	if align != 'd' {
		align = 'i'
	}
	return &types.Type{OID: oid, Name: arrayTypeName(elemName), Namespace: schema, Owner: owner, Len: -1, Kind: types.KindBase, Category: 'A',
		Defined: true, Delim: ',', Elem: elem, Align: align, Storage: 'x', BaseMod: -1, Collation: coll,
		Input: 750, Output: 751, Receive: 2400, Send: 2401, Analyze: 3816, Subscript: 6179, Class: types.Bytes}
}
