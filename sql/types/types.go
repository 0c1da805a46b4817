package types

// OID is PostgreSQL's object identifier. Built-in objects have PostgreSQL's own numbers (below 16384).
type OID uint32

// T is the type of an expression or column: a type OID and its modifier.
// Mod is PostgreSQL's atttypmod: -1 for none, n+4 for varchar(n) and char(n), ((p<<16)|s)+4 for numeric(p,s),
// p for time and timestamp, n for bit, range<<16|p for interval.
type T struct {
	OID OID
	Mod int32
}

// Of returns the type with no modifier.
func Of(oid OID) T { return T{OID: oid, Mod: -1} }

// Class says which half of a Datum or Vec holds a type's values.
type Class uint8

const (
	// Fixed values live in Datum.I and Vec.Fix: booleans (0, 1), integers, oid and the reg* types (the OID), float4/8
	// (math.Float64bits of the value; float4 holds its float32 value widened), date (days since 2000-01-01), time, timestamp
	// and timestamptz (microseconds since 2000-01-01 UTC; MinInt64 and MaxInt64 are -infinity and infinity; date uses
	// MinInt32 and MaxInt32), money (cents), "char" (the byte, 0..255), xid, cid, xid8, pg_lsn (the bits of the uint64) and enums
	// (the label's sort key, see EnumLabel.Key).
	Fixed Class = iota
	// Bytes values live in Datum.S and Vec.Str, in the type's packed form (packed.go): the characters of text, varchar, bpchar
	// (blank-padded), name, unknown, cstring, json; the bytes of bytea; the packed form of numeric, interval, timetz, uuid, jsonb, arrays,
	// records, bit, varbit, inet, cidr, macaddr, macaddr8, tid, int2vector, oidvector and the rest.
	Bytes
)

// Datum is one value. A NULL has Null set and the rest zero. Which of I and S counts follows from the type's Class;
// a Datum doesn't know its type. The packed form in S is immutable and may be shared.
type Datum struct {
	I    int64
	S    string
	Null bool
}

// NullDatum is SQL's NULL.
var NullDatum = Datum{Null: true}

// Int returns a Fixed datum.
func Int(i int64) Datum { return Datum{I: i} }

// Bool returns a boolean datum.
func Bool(b bool) Datum {
	if b {
		return Datum{I: 1}
	}
	return Datum{}
}

// Str returns a Bytes datum.
func Str(s string) Datum { return Datum{S: s} }

// IsTrue reports whether a boolean datum is true (not false, not NULL).
func (d Datum) IsTrue() bool { return !d.Null && d.I != 0 }
