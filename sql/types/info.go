package types

// Kind is pg_type.typtype.
type Kind byte

// The kinds of type, pg_type.typtype.
const (
	KindBase       Kind = 'b'
	KindComposite  Kind = 'c'
	KindDomain     Kind = 'd'
	KindEnum       Kind = 'e'
	KindMultirange Kind = 'm'
	KindPseudo     Kind = 'p'
	KindRange      Kind = 'r'
)

// Type describes a type: a row of pg_type plus what its values need. Immutable.
type Type struct {
	OID       OID
	Name      string
	Namespace OID
	Owner     OID
	Len       int16 // typlen: bytes, -1 varlena, -2 cstring
	ByVal     bool
	Kind      Kind
	Category  byte // typcategory
	Preferred bool
	Defined   bool
	Delim     byte
	Relid     OID // pg_class row of a composite type
	Elem      OID // element type of an array (typelem), also of point, name, ... as in PostgreSQL
	Array     OID // the array type over this one
	Align     byte
	Storage   byte
	NotNull   bool // a NOT NULL domain
	Base      OID  // base type of a domain
	BaseMod   int32
	NDims     int32
	Collation OID
	// Input, Output, Receive, Send, ModIn, ModOut, Analyze and Subscript are the OIDs of the pg_proc rows.
	Input, Output, Receive, Send, ModIn, ModOut, Analyze, Subscript OID
	Class                                                           Class
	Labels                                                          []EnumLabel // of an enum, ordered by Key
	Fields                                                          []Field     // of a composite type, without dropped attributes
	Default                                                         string      // typdefault of a domain
	Range                                                           *RangeInfo  // of a range or multirange
}

// EnumLabel is one value of an enum. Key is what Datum.I holds: unique in the type, ordered as the labels are, and never changed
// once given, so that ALTER TYPE ... ADD VALUE BEFORE needs no rewrite. Keys are spaced 1<<32 apart at CREATE TYPE.
type EnumLabel struct {
	OID   OID
	Label string
	Key   int64
}

// Field is an attribute of a composite type.
type Field struct {
	Name string
	T    T
}

// RangeInfo describes a range type: a row of pg_range. In the Type of a multirange only Multirange is set, and names its range type.
type RangeInfo struct {
	Subtype         OID
	Multirange      OID
	MultirangeName  string // of a user's range type
	MultirangeArray OID    // of a user's range type: the array type over the multirange
	OpClass         OID
	Canonical       OID
	Diff            OID // subtype_diff function
	Collation       OID
}

// Resolver finds types by OID, built-in ones and those of the user's catalog. It returns nil for an unknown OID.
type Resolver interface {
	TypeByOID(OID) *Type
	// TypeName returns the name as format_type prints it under the session's search path, without a modifier.
	TypeName(OID) string
}
