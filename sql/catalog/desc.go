package catalog

import (
	"kimberlite/projections"
	"kimberlite/sql/types"
)

// FirstNormalOID is where user objects' OIDs begin, as in PostgreSQL.
const FirstNormalOID types.OID = 16384

// Kind is the kind of a descriptor: the key under which the projections keep it.
type Kind byte

// The kinds of descriptor.
const (
	KindDatabase Kind = iota + 1
	KindSchema
	KindRelation
	KindType
	KindRole
	KindComment
	KindCast
	KindFunction
	KindSetting    // ALTER DATABASE/ROLE ... SET
	KindStatistics // pg_statistic of one table
	KindTablespace
	KindExtension
	KindDefaultACL
)

// Header is common to all descriptors.
type Header struct {
	OID      types.OID
	Database types.OID `json:",omitempty"` // 0 for shared objects
	Name     string
	Owner    types.OID `json:",omitempty"`
	ACL      []ACLItem // nil: the default; empty: nobody may do anything
	Version  int       // of the descriptor's format
}

// ACLItem is one grant.
type ACLItem struct {
	Grantee types.OID // 0 is PUBLIC
	Grantor types.OID
	Privs   uint32 // tree.RTE.ReqPerms bits
	Options uint32
	Columns string `json:",omitempty"` // column name for a column privilege
}

// Database is a row of pg_database.
type Database struct {
	Header
	Encoding   int32
	Collate    string
	CType      string
	IsTemplate bool
	AllowConn  bool
	ConnLimit  int32
}

// Schema is a row of pg_namespace.
type Schema struct{ Header }

// Relation is a row of pg_class with all that hangs on it. RelKind: 'r' table, 'i' index, 'v' view, 'm' materialized view, 'S' sequence, 'c' composite type, 'p' partitioned table.
type Relation struct {
	Header
	Schema      types.OID
	RelKind     byte
	Persistence byte      // 'p' permanent, 'u' unlogged, 't' temporary
	RowType     types.OID // the composite type of its rows, 0 for indexes and sequences
	RowArray    types.OID // the array type over RowType (C6)
	Columns     []Column  // by attribute number - 1, dropped ones included
	Storage     projections.StorageID
	Constraints []Constraint
	Indexes     []types.OID // of a table
	Options     []string    `json:",omitempty"`
	ReplIdent   byte        `json:",omitempty"`
	OnCommit    byte        `json:",omitempty"` // temporary tables: 0 preserve, 'd' delete rows, 'D' drop
	Index       *Index      `json:",omitempty"`
	View        *View       `json:",omitempty"`
	Sequence    *Sequence   `json:",omitempty"`
	Parents     []types.OID `json:",omitempty"` // inheritance
	Partition   *Partition  `json:",omitempty"`
	Tablespace  types.OID   `json:",omitempty"`
	// DependsOn lists what this object needs, with the dependency kind of pg_depend.
	DependsOn []Dependency `json:",omitempty"`
}

// Column is a row of pg_attribute.
type Column struct {
	Name      string
	T         types.T
	Collation types.OID
	NotNull   bool
	Dropped   bool  `json:",omitempty"`
	NDims     int32 `json:",omitempty"`
	// Default is the expression of DEFAULT or GENERATED ALWAYS AS, encoded with tree.Encode; nil for none. DefaultOID is its pg_attrdef OID.
	Default     []byte       `json:",omitempty"`
	DefaultOID  types.OID    `json:",omitempty"`
	DefaultDeps []Dependency `json:",omitempty"`
	Generated   byte         `json:",omitempty"` // 's' stored
	Identity    byte         `json:",omitempty"` // 'a' always, 'd' by default
	IdentitySeq types.OID    `json:",omitempty"`
	Missing     *types.Datum `json:",omitempty"` // value in rows older than the column; nil: NULL
	Storage     byte         `json:",omitempty"`
	Compression byte         `json:",omitempty"`
	StatTarget  int32        `json:",omitempty"`
	InhCount    int32        `json:",omitempty"`
	Inherited   bool         `json:",omitempty"` // not local
	Options     []string     `json:",omitempty"`
	ACL         []ACLItem    `json:",omitempty"`
}

// Constraint is a row of pg_constraint. Type: 'c' check, 'f' foreign key, 'p' primary key, 'u' unique, 'x' exclusion.
type Constraint struct {
	OID                types.OID
	Name               string
	Type               byte
	Cols               []int       // attribute numbers
	Deferrable         bool        `json:",omitempty"`
	Deferred           bool        `json:",omitempty"`
	NotValid           bool        `json:",omitempty"`
	NoInherit          bool        `json:",omitempty"`
	InhCount           int32       `json:",omitempty"`
	Inherited          bool        `json:",omitempty"`
	Expr               []byte      `json:",omitempty"` // CHECK: tree.Encode over Vars of varno 1
	Index              types.OID   `json:",omitempty"` // supporting index; for a foreign key, the referenced unique index
	RefRel             types.OID   `json:",omitempty"`
	RefCols            []int       `json:",omitempty"`
	OnUpdate, OnDelete byte        `json:",omitempty"` // 'a' no action, 'r' restrict, 'c' cascade, 'n' set null, 'd' set default
	DeleteSetCols      []int       `json:",omitempty"`
	Match              byte        `json:",omitempty"` // 's' simple, 'f' full
	EqOps              []types.OID `json:",omitempty"` // PK = FK operators
	// Deps lists what the expression of a CHECK needs beyond its relation or domain.
	Deps []Dependency `json:",omitempty"`
}

// Index is the index part of a relation with RelKind 'i': a row of pg_index.
type Index struct {
	Table                                                              types.OID
	Method                                                             string // btree, hash (kept as an ordered index and shown as written)
	Unique, Primary, Immediate, NullsNotDistinct, Clustered, ReplIdent bool
	Valid                                                              bool
	Keys                                                               []IndexKey // key columns
	Include                                                            []int
	Predicate                                                          []byte    `json:",omitempty"`
	Constraint                                                         types.OID `json:",omitempty"` // the constraint that owns it
}

// IndexKey is one key column of an index.
type IndexKey struct {
	Att        int    // 0 for an expression
	Expr       []byte `json:",omitempty"`
	T          types.T
	OpClass    types.OID
	Collation  types.OID
	Desc       bool
	NullsFirst bool
}

// View is the query of a view or materialized view.
type View struct {
	Query       []byte // tree.EncodeQuery
	CheckOption byte   `json:",omitempty"` // 'l' local, 'c' cascaded
	Populated   bool
	RuleOID     types.OID
}

// Sequence is a row of pg_sequence; the counter itself lives in the projections.
type Sequence struct {
	T                types.OID
	Start, Increment int64
	Min, Max, Cache  int64
	Cycle            bool
	OwnedBy          types.OID // table
	OwnedCol         int
	Identity         bool // internal dependency (identity column) rather than OWNED BY
}

// Partition describes a partitioned table or a partition.
type Partition struct {
	Strategy  byte       `json:",omitempty"` // 'r', 'l', 'h' of a partitioned table
	Keys      []IndexKey `json:",omitempty"`
	Bound     []byte     `json:",omitempty"` // of a partition
	BoundText string     `json:",omitempty"`
	Default   bool       `json:",omitempty"`
}

// Dependency is what an object needs to exist. Class is the catalog's OID (1259 pg_class, 1247 pg_type, ...), Sub an attribute number or 0, Type pg_depend.deptype.
type Dependency struct {
	Class, OID types.OID
	Sub        int
	Type       byte
}

// TypeDesc is a user's type: enum, domain or range. Its array type (Type.Array) exists without a descriptor of its own, and so do the row types of
// relations, composite types included (C6). Type.OID, Name, Namespace and Owner repeat the header.
type TypeDesc struct {
	Header
	Type        types.Type
	Constraints []Constraint `json:",omitempty"` // of a domain
	DefaultExpr []byte       `json:",omitempty"`
	DependsOn   []Dependency `json:",omitempty"`
}

// Function is a user's function or procedure. The OID, Name, Namespace and Owner of Proc repeat the header.
type Function struct {
	Header
	Proc      Proc
	DependsOn []Dependency `json:",omitempty"`
}

// Role is a row of pg_authid.
type Role struct {
	Header
	Super, Inherit, CreateRole, CreateDB, Login, Replication, BypassRLS bool
	ConnLimit                                                           int32
	Password                                                            string       // a SCRAM verifier, empty for none
	ValidUntil                                                          *int64       `json:",omitempty"` // microseconds since 2000-01-01
	MemberOf                                                            []Membership `json:",omitempty"`
}

// Membership is a row of pg_auth_members.
type Membership struct {
	Role, Grantor types.OID
	Admin         bool
}

// Comment is a row of pg_description or pg_shdescription; its OID is allocated as any other.
type Comment struct {
	Header
	Class, Object types.OID
	Sub           int
	Text          string
}

// Setting is a row of pg_db_role_setting.
type Setting struct {
	Header
	Role   types.OID // 0 all
	Values []string  // name=value
}

// Statistics are what ANALYZE found out about a table.
type Statistics struct {
	Header
	Table   types.OID
	Rows    float64
	Pages   float64
	Columns []ColumnStats
}

// ColumnStats is a row of pg_statistic for a column (or an index expression).
type ColumnStats struct {
	Att         int
	NullFrac    float64
	Width       float64
	Distinct    float64       // as stadistinct: negative is a fraction of the rows
	MCV         []types.Datum `json:",omitempty"`
	MCF         []float64     `json:",omitempty"`
	Histogram   []types.Datum `json:",omitempty"`
	Correlation float64
}

// Tablespace is a row of pg_tablespace: a name that clients may use, storage is one.
type Tablespace struct {
	Header
	Location string   `json:",omitempty"`
	Options  []string `json:",omitempty"`
}

// Extension is a row of pg_extension.
type Extension struct {
	Header
	Schema      types.OID
	Release     string // extversion
	Relocatable bool
}

// DefaultACL is a row of pg_default_acl; Header.ACL holds the grants.
type DefaultACL struct {
	Header
	Role, Schema types.OID
	ObjectType   byte // 'r', 'S', 'f', 'T', 'n'
}
