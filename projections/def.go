package projections

import (
	"unsafe"

	"kimberlite/sql/types"
)

// StorageID names a keyspace of rows or of index entries; a TRUNCATE or rewrite gives a table a new one. It is the
// relfilenode that clients see.
type StorageID uint32

// RowID names a row of a table for its whole life: UPDATE keeps it. Assigned by the leader, ascending per StorageID, from 1.
type RowID int64

// TableDef is what the projector knows about a table: how to read its row images and which indexes to keep.
// It is part of the catalog events, stored with the projections, and immutable. A changed table is a new TableDef.
//
// Within one Storage columns are only ever added at the end or dropped; a change of a column's width on disk (see SameLayout)
// needs a new Storage.
type TableDef struct {
	Table    types.OID // pg_class OID
	Database types.OID
	Storage  StorageID
	Columns  []ColumnDef // by attribute number - 1, dropped ones included
	Indexes  []IndexDef
	Unlogged bool
	// Temp: the table's rows live in the session (txn.TempSpace) and never reach the log. Such a definition is never stored.
	Temp bool

	// code is what compileTable made of this definition; see tableCode.
	code unsafe.Pointer
}

// ColumnDef is the storage side of a column. Key is the built-in type whose key encoding and comparison the column uses:
// its own type, the base type of a domain, int8 for an enum, record for a composite, the array type itself for arrays.
type ColumnDef struct {
	Type    types.OID
	Class   types.Class
	Dropped bool
	// Missing is the value of rows written before the column existed (attmissingval). The zero Datum of a column that was there
	// from the start is never looked at; a column added without a default must say NullDatum.
	Missing types.Datum
}

// IndexDef is the storage side of an index.
type IndexDef struct {
	Index   types.OID // pg_class OID
	Storage StorageID
	Unique  bool
	// NullsNotDistinct: NULLs count as equal in a unique index.
	NullsNotDistinct bool
	// Deferrable: uniqueness is checked when the transaction asks for it (Txn.CheckDeferredUnique), not when a row is written.
	Deferrable bool
	Parts      []IndexPart
	Include    []int // attribute numbers stored beside the key
	// Predicate of a partial index: encoded expression over the row, nil for none.
	Predicate []byte
}

// IndexPart is one key column of an index.
type IndexPart struct {
	Att        int       // attribute number, 0 for an expression
	Expr       []byte    // encoded expression over the row (tree.Encode), when Att is 0
	Key        types.OID // built-in type of the key encoding
	Desc       bool
	NullsFirst bool
}

// Evaluator computes index expressions and partial predicates at apply time; the executor implements it. The expressions are
// immutable functions of the row, so that each replica computes the same entries. The returned function may be called from
// several goroutines at once.
type Evaluator interface {
	// Compile returns a function from a row (datums by attribute number - 1) to the value of the encoded expression.
	Compile(table *TableDef, expr []byte) (func(row []types.Datum) (types.Datum, error), error)
}

// IndexByOID returns the number of the index in Indexes, or -1.
func (def *TableDef) IndexByOID(oid types.OID) int {
	for i := range def.Indexes {
		if def.Indexes[i].Index == oid {
			return i
		}
	}
	return -1
}

// SameLayout reports whether rows written with column a can be read as column b, so that ALTER COLUMN TYPE need not rewrite the table.
// Whether the values mean the same is the caller's question.
func SameLayout(a, b ColumnDef) bool {
	return a.Class == b.Class && (a.Class == types.Bytes || fixedWidth(a.Type) == fixedWidth(b.Type))
}
