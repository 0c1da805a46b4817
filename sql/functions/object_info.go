package functions

import (
	"slices"
	"strings"

	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// What clients ask about objects of the catalog besides their definitions (9.26.3).

func init() {
	scalar("oidvectortypes", func(c *Call, a []types.Datum) (types.Datum, error) {
		list := types.ParseArray(a[0].S)
		names := make([]string, list.Len())
		for i := range names {
			names[i] = types.FormatTypeName(c.Env.IO, types.OID(list.Elem(i).I))
		}
		return types.Str(strings.Join(names, ", ")), nil
	})
	scalar("pg_collation_for", collationFor)
	scalar("pg_column_is_updatable", func(c *Call, a []types.Datum) (types.Datum, error) {
		b := catalog.BoundOf(c.Env.Catalog)
		return types.Bool(b != nil && a[1].I > 0 && catalog.ColumnUpdatable(b, types.OID(a[0].I), int(a[1].I))), nil
	})
	scalar("pg_relation_is_updatable", func(c *Call, a []types.Datum) (types.Datum, error) {
		b := catalog.BoundOf(c.Env.Catalog)
		if b == nil {
			return types.Int(0), nil
		}
		return types.Int(int64(catalog.UpdatableBits(b, types.OID(a[0].I)))), nil
	})
	oneRow("pg_sequence_parameters", sequenceParameters)
	set("pg_get_keywords", func(*Call, []types.T, []types.Datum) (RowSource, error) { return Rows(keywordRows()), nil })
	scalar("pg_partition_root", func(*Call, []types.Datum) (types.Datum, error) { return types.NullDatum, nil })
	scalar("pg_trigger_depth", func(*Call, []types.Datum) (types.Datum, error) { return types.Int(0), nil })
	scalar("pg_jit_available", func(*Call, []types.Datum) (types.Datum, error) { return types.Bool(false), nil })
	scalar("pg_notification_queue_usage", func(*Call, []types.Datum) (types.Datum, error) { return types.Float(0), nil })
	scalar("pg_current_logfile", func(*Call, []types.Datum) (types.Datum, error) { return types.NullDatum, nil })
	scalar("pg_get_replica_identity_index", func(c *Call, a []types.Datum) (types.Datum, error) {
		rel := c.Env.Catalog.Relation(types.OID(a[0].I))
		if rel == nil {
			return types.NullDatum, nil
		}
		for _, oid := range rel.Indexes {
			x := c.Env.Catalog.Relation(oid)
			if x != nil && x.Index != nil && (x.Index.ReplIdent || x.Index.Primary && rel.ReplIdent == 'd') {
				return types.Int(int64(oid)), nil
			}
		}
		return types.NullDatum, nil
	})
	sessionScalar("pg_blocking_pids", func(s Session, c *Call, a []types.Datum) (types.Datum, error) {
		var list []types.Datum
		for _, pid := range s.BlockingPIDs(int32(a[0].I)) {
			list = append(list, types.Int(int64(pid)))
		}
		return types.Str(types.MakeArray(c.Env.IO, types.OIDInt4, list...)), nil
	})
	scalar("pg_indexam_has_property", func(_ *Call, a []types.Datum) (types.Datum, error) {
		v, ok := accessMethodProperties[strings.ToLower(a[1].S)]
		if !ok || a[0].I != int64(catalog.BtreeAM) && a[0].I != int64(catalog.HashAM) {
			return types.NullDatum, nil
		}
		return types.Bool(v && (a[0].I == int64(catalog.BtreeAM) || strings.EqualFold(a[1].S, "can_exclude"))), nil
	})
	scalar("pg_index_has_property", func(c *Call, a []types.Datum) (types.Datum, error) {
		rel := c.Env.Catalog.Relation(types.OID(a[0].I))
		v, ok := indexProperties[strings.ToLower(a[1].S)]
		if rel == nil || rel.Index == nil || !ok {
			return types.NullDatum, nil
		}
		return types.Bool(v == "" || rel.Index.Method == v), nil
	})
	scalar("pg_index_column_has_property", indexColumnProperty)
}

// collationFor is the collation of an expression, quoted; NULL for one of a type that has none.
func collationFor(c *Call, _ []types.Datum) (types.Datum, error) {
	t := c.Args[0].OID
	info := types.Lookup(c.Env.IO, types.BaseType(c.Env.IO, c.Args[0]).OID)
	if t == types.OIDUnknown {
		return types.NullDatum, nil
	}
	if info == nil || info.Collation == 0 {
		return types.Datum{}, pgerr.Newf(pgerr.DatatypeMismatch, "collations are not supported by type %s", types.FormatTypeName(c.Env.IO, t))
	}
	coll := c.Env.Catalog.Collation(c.Collation)
	if coll == nil {
		return types.NullDatum, nil
	}
	return types.Str(`"` + strings.ReplaceAll(coll.Name, `"`, `""`) + `"`), nil
}

// sequenceParameters are start, minimum, maximum, increment, cycle, cache size and type of a sequence.
func sequenceParameters(c *Call, a []types.Datum) ([]types.Datum, error) {
	rel := c.Env.Catalog.Relation(types.OID(a[0].I))
	if rel == nil || rel.Sequence == nil {
		return nil, pgerr.Newf(pgerr.UndefinedTable, "relation with OID %d does not exist", uint32(a[0].I))
	}
	q := rel.Sequence
	return []types.Datum{types.Int(q.Start), types.Int(q.Min), types.Int(q.Max), types.Int(q.Increment), types.Bool(q.Cycle), types.Int(q.Cache), types.Int(int64(q.T))}, nil
}

// keywordRows are the keywords of SQL: word, category, may it be a label without AS, and both in words.
func keywordRows() [][]types.Datum {
	words := map[byte]string{'U': "unreserved", 'C': "unreserved (cannot be function or type name)", 'T': "reserved (can be function or type name)", 'R': "reserved"}
	var rows [][]types.Datum
	for _, k := range catalog.Keywords() {
		label := "requires AS"
		if k.BareLabel {
			label = "can be bare label"
		}
		rows = append(rows, []types.Datum{types.Str(k.Word), types.Int(int64(k.Category)), types.Bool(k.BareLabel), types.Str(words[k.Category]), types.Str(label)})
	}
	return rows
}

// accessMethodProperties are those of btree; hash has can_exclude alone.
var accessMethodProperties = map[string]bool{
	"can_order": true, "can_unique": true, "can_multi_col": true, "can_exclude": true, "can_include": true,
}

// indexProperties are the properties of indexes by the access method that has them, "" for both.
var indexProperties = map[string]string{"clusterable": "btree", "index_scan": "", "bitmap_scan": "", "backward_scan": ""}

// indexColumnProperty is pg_index_column_has_property for btree and hash indexes.
func indexColumnProperty(c *Call, a []types.Datum) (types.Datum, error) {
	rel := c.Env.Catalog.Relation(types.OID(a[0].I))
	if rel == nil || rel.Index == nil || a[1].I < 1 || int(a[1].I) > len(rel.Index.Keys)+len(rel.Index.Include) {
		return types.NullDatum, nil
	}
	ordered, included := rel.Index.Method == "btree", int(a[1].I) > len(rel.Index.Keys)
	prop := strings.ToLower(a[2].S)
	if included {
		switch {
		case prop == "returnable":
			return types.Bool(true), nil
		case prop == "distance_orderable":
			return types.Bool(false), nil
		case slices.Contains([]string{"asc", "desc", "nulls_first", "nulls_last", "orderable", "search_array", "search_nulls"}, prop):
			return types.NullDatum, nil
		}
		return types.NullDatum, nil
	}
	k := rel.Index.Keys[a[1].I-1]
	switch prop {
	case "asc":
		return types.Bool(ordered && !k.Desc), nil
	case "desc":
		return types.Bool(ordered && k.Desc), nil
	case "nulls_first":
		return types.Bool(ordered && k.NullsFirst), nil
	case "nulls_last":
		return types.Bool(ordered && !k.NullsFirst), nil
	case "orderable", "returnable", "search_array", "search_nulls":
		return types.Bool(ordered), nil
	case "distance_orderable":
		return types.Bool(false), nil
	}
	return types.NullDatum, nil
}
