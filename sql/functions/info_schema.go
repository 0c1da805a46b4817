package functions

import (
	"kimberlite/sql/catalog"
	"kimberlite/sql/types"
)

// The functions that the views of information_schema are made of. Clients call them with rows of pg_attribute and pg_type.

const (
	pgAttributeOID types.OID = 1249
	pgTypeOID      types.OID = 1247
)

func init() {
	for oid, f := range catalog.InfoTypeFuncs {
		scalarOID(oid, func(_ *Call, a []types.Datum) (types.Datum, error) {
			if anyNull(a) {
				return types.NullDatum, nil
			}
			n, ok := f(types.OID(a[0].I), int32(a[1].I))
			return types.Datum{I: n, Null: !ok}, nil
		})
	}
	scalarOID(13219, func(_ *Call, a []types.Datum) (types.Datum, error) { // _pg_interval_type
		if anyNull(a) {
			return types.NullDatum, nil
		}
		s := catalog.IntervalType(types.T{OID: types.OID(a[0].I), Mod: int32(a[1].I)})
		return types.Datum{S: s, Null: s == ""}, nil
	})
	scalarOID(13210, trueTypeField("atttypid", "typbasetype"))             // _pg_truetypid
	scalarOID(13211, trueTypeField("atttypmod", "typtypmod"))              // _pg_truetypmod
	scalarOID(13209, func(c *Call, a []types.Datum) (types.Datum, error) { // _pg_index_position
		rel := c.Env.Catalog.Relation(types.OID(a[0].I))
		if rel == nil || rel.Index == nil {
			return types.NullDatum, nil
		}
		for i, k := range rel.Index.Keys {
			if int64(k.Att) == a[1].I {
				return types.Int(int64(i + 1)), nil
			}
		}
		for i, att := range rel.Index.Include {
			if int64(att) == a[1].I {
				return types.Int(int64(len(rel.Index.Keys) + i + 1)), nil
			}
		}
		return types.NullDatum, nil
	})
}

// trueTypeField takes a column of the row of pg_type that a domain has, of the row of pg_attribute otherwise.
func trueTypeField(attribute, domain string) Scalar {
	return func(c *Call, a []types.Datum) (types.Datum, error) {
		if kind := catalogField(c, pgTypeOID, a[1], "typtype"); !kind.Null && kind.I == 'd' {
			return catalogField(c, pgTypeOID, a[1], domain), nil
		}
		return catalogField(c, pgAttributeOID, a[0], attribute), nil
	}
}

// catalogField takes a column of a row of the catalog by name.
func catalogField(c *Call, rel types.OID, row types.Datum, column string) types.Datum {
	r := c.Env.Catalog.Relation(rel)
	if r == nil || row.Null {
		return types.NullDatum
	}
	rec := types.ParseRecord(row.S)
	for i := range r.Columns {
		if r.Columns[i].Name == column && i < rec.Len() {
			return rec.Field(i)
		}
	}
	return types.NullDatum
}
