package projections

import (
	"encoding/binary"

	"kimberlite/sql/types"
)

// A table definition. Frozen, version 1:
//
//	1 table database storage unlogged:1
//	n (type class:1 dropped:1 missing)*                            columns
//	n (index storage flags:1 n part* n include* has:1 predicate?)* indexes; flags: 1 unique, 2 NULLs not distinct, 4 deferrable
//	part     att key flags:1 has:1 expr?                           flags: 1 descending, 2 NULLs first
//	missing  0 NULL | 1 zigzag | 2 bytes
const defVersion = 1

func appendTableDef(b []byte, d *TableDef) []byte {
	b = append(b, defVersion)
	b = binary.AppendUvarint(b, uint64(d.Table))
	b = binary.AppendUvarint(b, uint64(d.Database))
	b = binary.AppendUvarint(b, uint64(d.Storage))
	b = appendBool(b, d.Unlogged)
	b = binary.AppendUvarint(b, uint64(len(d.Columns)))
	for i := range d.Columns {
		c := &d.Columns[i]
		b = binary.AppendUvarint(b, uint64(c.Type))
		b = append(b, byte(c.Class))
		b = appendBool(b, c.Dropped)
		switch {
		case c.Missing.Null:
			b = append(b, 0)
		case c.Class == types.Fixed:
			b = binary.AppendVarint(append(b, 1), c.Missing.I)
		default:
			b = appendString(append(b, 2), c.Missing.S)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(d.Indexes)))
	for i := range d.Indexes {
		x := &d.Indexes[i]
		b = binary.AppendUvarint(b, uint64(x.Index))
		b = binary.AppendUvarint(b, uint64(x.Storage))
		b = append(b, flag(x.Unique, 1)|flag(x.NullsNotDistinct, 2)|flag(x.Deferrable, 4))
		b = binary.AppendUvarint(b, uint64(len(x.Parts)))
		for k := range x.Parts {
			p := &x.Parts[k]
			b = binary.AppendUvarint(b, uint64(p.Att))
			b = binary.AppendUvarint(b, uint64(p.Key))
			b = append(b, flag(p.Desc, 1)|flag(p.NullsFirst, 2))
			b = appendOptional(b, p.Expr)
		}
		b = binary.AppendUvarint(b, uint64(len(x.Include)))
		for _, att := range x.Include {
			b = binary.AppendUvarint(b, uint64(att))
		}
		b = appendOptional(b, x.Predicate)
	}
	return b
}

func flag(v bool, bit byte) byte {
	if v {
		return bit
	}
	return 0
}

func appendOptional(b, data []byte) []byte {
	if data == nil {
		return append(b, 0)
	}
	return appendBytes(append(b, 1), data)
}

// DecodeTableDef reads what EncodeTableDef wrote.
func DecodeTableDef(b []byte) (*TableDef, error) {
	r := eventReader{b: b}
	d := r.tableDef()
	return d, r.end()
}

// EncodeTableDef appends the definition to dst.
func EncodeTableDef(dst []byte, d *TableDef) []byte { return appendTableDef(dst, d) }

func (r *eventReader) tableDef() *TableDef {
	if r.byte() != defVersion {
		r.fail()
	}
	d := &TableDef{Table: r.oid(), Database: r.oid(), Storage: StorageID(r.oid()), Unlogged: r.bool()}
	n := r.count(4)
	if n > columnsMax {
		r.fail()
		n = 0
	}
	for ; n > 0; n-- {
		c := ColumnDef{Type: r.oid(), Class: types.Class(r.byte()), Dropped: r.bool()}
		switch r.byte() {
		case 0:
			c.Missing = types.NullDatum
		case 1:
			c.Missing = types.Datum{I: r.int()}
			if c.Class != types.Fixed {
				r.fail()
			}
		case 2:
			c.Missing = types.Datum{S: string(r.bytes())}
			if c.Class != types.Bytes {
				r.fail()
			}
		default:
			r.fail()
		}
		d.Columns = append(d.Columns, c)
	}
	for n := r.count(6); n > 0; n-- {
		d.Indexes = append(d.Indexes, r.indexDef(len(d.Columns)))
	}
	return d
}

func (r *eventReader) indexDef(columns int) IndexDef {
	x := IndexDef{Index: r.oid(), Storage: StorageID(r.oid())}
	flags := r.byte()
	if flags > 7 {
		r.fail()
	}
	x.Unique, x.NullsNotDistinct, x.Deferrable = flags&1 != 0, flags&2 != 0, flags&4 != 0
	for n := r.count(4); n > 0; n-- {
		p := IndexPart{Att: int(r.max(uint64(columns))), Key: r.oid()}
		flags := r.byte()
		if flags > 3 {
			r.fail()
		}
		p.Desc, p.NullsFirst = flags&1 != 0, flags&2 != 0
		p.Expr = r.optional()
		x.Parts = append(x.Parts, p)
	}
	for n := r.count(1); n > 0; n-- {
		att := int(r.max(uint64(columns)))
		if att == 0 {
			r.fail()
		}
		x.Include = append(x.Include, att)
	}
	x.Predicate = r.optional()
	return x
}

func (r *eventReader) optional() []byte {
	if !r.bool() {
		return nil
	}
	return append([]byte{}, r.bytes()...)
}
