package catalog

import (
	"kimberlite/projections"
	"kimberlite/sql/types"
)

// Reader is a consistent view of one database's catalog (and the shared objects): a *Snapshot bound to a database, or a
// transaction's overlay with its own DDL on top. Look-ups return nil when there is no such object. What they return is immutable.
type Reader interface {
	types.Resolver
	// Version changes whenever anything visible through the reader does; plans are cached under it.
	Version() uint64
	DatabaseOID() types.OID

	Database(oid types.OID) *Database
	DatabaseByName(name string) *Database
	Databases() []*Database
	Schema(oid types.OID) *Schema
	SchemaByName(name string) *Schema
	Schemas() []*Schema
	// Relation finds user relations and the built-in virtual ones (pg_catalog, information_schema, kimberlite), whose descriptors are made from the generated data.
	Relation(oid types.OID) *Relation
	RelationByName(schema types.OID, name string) *Relation
	// Relations lists the user's relations of a schema (0: of all schemas).
	Relations(schema types.OID) []*Relation
	TypeByName(schema types.OID, name string) *types.Type
	TypeDesc(oid types.OID) *TypeDesc // user types only
	Types() []*TypeDesc
	Role(oid types.OID) *Role
	RoleByName(name string) *Role
	Roles() []*Role
	Comment(class, object types.OID, sub int) string
	Comments() []*Comment
	Settings() []*Setting
	Stats(table types.OID) *Statistics
	// TableDef is the storage definition of a table as of this reader.
	TableDef(table types.OID) *projections.TableDef
	// Dependents lists objects that depend on the object (for DROP ... RESTRICT and CASCADE), direct ones only.
	Dependents(class, object types.OID, sub int) []Dependent

	// Built-in functions, operators, casts and the rest: rows of the generated tables.
	Procs(name string) []*Proc
	Proc(oid types.OID) *Proc
	Operators(name string) []*Operator
	Operator(oid types.OID) *Operator
	Cast(source, target types.OID) *Cast
	Aggregate(fn types.OID) *Aggregate
	// DefaultOpClass is the btree operator class family of a type: its =, <, > operators and comparison function.
	TypeOps(typ types.OID) TypeOps
	CollationByName(schema types.OID, name string) *Collation
	Collation(oid types.OID) *Collation
	OpClassByName(method, name string, typ types.OID) types.OID
}

// Dependent is an object that needs another one.
type Dependent struct {
	Class, OID types.OID
	Sub        int
	Type       byte // pg_depend.deptype
}

// Proc is a row of pg_proc.
type Proc struct {
	OID        types.OID
	Name       string
	Namespace  types.OID
	Owner      types.OID
	Lang       types.OID
	Cost, Rows float32
	Variadic   types.OID
	Kind       byte // 'f' function, 'p' procedure, 'a' aggregate, 'w' window
	Strict     bool
	RetSet     bool
	Volatile   byte // 'i', 's', 'v'
	Parallel   byte
	NDefaults  int
	Ret        types.OID
	Args       []types.OID // input arguments
	AllArgs    []types.OID // with OUT arguments; nil when all are IN
	ArgModes   []byte
	ArgNames   []string
	Src        string
	Defaults   string // proargdefaults as text of SQL expressions, comma separated
	Support    types.OID
	SecDef     bool
	LeakProof  bool
	Bin        string
	Body       string // prosqlbody as SQL text
	Config     []string
	ACL        string // aclitem[] as text, empty: the default
	// A user's function has its defaults as encoded expressions instead of Defaults, its body in standard SQL form as encoded queries instead of Body,
	// and its grants in its descriptor.
	DefaultExprs [][]byte `json:",omitempty"`
	Queries      [][]byte `json:",omitempty"`
	BodyReturn   bool     `json:",omitempty"` // the body is RETURN expression
}

// Operator is a row of pg_operator.
type Operator struct {
	OID                 types.OID
	Name                string
	Namespace           types.OID
	Kind                byte // 'b', 'l'
	CanMerge, CanHash   bool
	Left, Right, Result types.OID
	Commutator, Negator types.OID
	Func                types.OID
	Rest, Join          string // estimators' names
}

// Cast is a row of pg_cast.
type Cast struct {
	OID            types.OID
	Source, Target types.OID
	Func           types.OID
	Context        byte // 'e', 'a', 'i'
	Method         byte // 'f', 'i', 'b'
}

// Aggregate is a row of pg_aggregate.
type Aggregate struct {
	Func       types.OID
	Kind       byte // 'n', 'o', 'h'
	NumDirect  int
	SortOp     types.OID
	TransType  types.OID
	InitVal    string
	HasInitVal bool
	// TransFunc, FinalFunc and CombineFunc are pg_proc OIDs, 0 for none; FinalExtra: the final function gets dummy arguments too.
	TransFunc, FinalFunc, CombineFunc types.OID
	FinalExtra                        bool
}

// TypeOps are a type's default btree and hash operators; 0 where there is none.
type TypeOps struct{ Eq, Lt, Gt, Cmp, Hash, BtreeFamily, HashFamily types.OID }

// Collation is a row of pg_collation.
type Collation struct {
	OID            types.OID
	Name           string
	Namespace      types.OID
	Provider       byte
	Collate, CType string
	Deterministic  bool
	Encoding       int32
}
