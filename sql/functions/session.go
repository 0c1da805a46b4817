package functions

import (
	"context"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// Session is what functions may ask of the session: package session implements it. Errors are PostgreSQL's.
type Session interface {
	Context() context.Context // cancelled by a cancel request or a timeout
	// Identity.
	PID() int32
	DatabaseOID() types.OID
	DatabaseName() string
	CurrentUser() types.OID
	SessionUser() types.OID
	ClientAddr() (addr string, port int, ok bool)
	ServerAddr() (addr string, port int, ok bool)
	StartTime() int64 // microseconds since 2000-01-01 UTC, as all times here
	ServerStartTime() int64
	ConfLoadTime() int64
	// Times: transaction start, statement start and the clock.
	TxTime() int64
	StatementTime() int64
	// SearchPath lists the schemas in force (with pg_catalog and, if it exists, the temporary schema when implicit is true).
	SearchPath(implicit bool) []types.OID
	TempSchema() types.OID
	// Settings.
	Setting(name string) (value string, ok bool, err error)
	SetSetting(name, value string, local bool) (string, error)
	// Sequences, by pg_class OID.
	NextVal(seq types.OID) (int64, error)
	CurrVal(seq types.OID) (int64, error)
	LastVal() (int64, error)
	SetVal(seq types.OID, value int64, called bool) error
	// SequenceState is last_value and is_called, for pg_sequence_last_value.
	SequenceState(seq types.OID) (last int64, called bool, err error)
	// Transactions.
	CurrentXID(assign bool) (xid uint64, ok bool)
	SnapshotPosition() uint64
	XactStatus(xid uint64) (string, error)
	InRecovery() bool
	// Advisory locks: class is 0 for the bigint form (key in k1), 1 for the (int, int) form.
	AdvisoryLock(k1, k2 int64, class int, shared, xact, try bool) (bool, error)
	AdvisoryUnlock(k1, k2 int64, class int, shared bool) (bool, error)
	AdvisoryUnlockAll()
	Notify(channel, payload string) error
	ListeningChannels() []string
	// Backends: signal is "cancel" or "terminate".
	SignalBackend(pid int32, signal string) (bool, error)
	ReloadConfig() (bool, error)
	Notice(e *pgerr.Error)
	SetSeed(seed float64)
	Random() float64
	// RelationSize in bytes: fork "" all of the table without indexes; index=true sizes its indexes.
	RelationSize(rel types.OID) (int64, error)
	DatabaseSize(db types.OID) (int64, error)
	// HasPrivilege checks a privilege of a role (ACL bits as in tree.RTE.ReqPerms; grant option by option) on an object of the catalog class.
	HasPrivilege(role, class, object types.OID, column int, privs uint32, option bool) (bool, error)
	// ResetStatistics forgets counters: "statements" those of a role, a database and a query (0: all), "database" all of this database's, "relation" one's.
	ResetStatistics(kind string, role, object types.OID, query int64) error
	// Deparsing (pg_get_expr and its kin): kind names the function, pretty as given.
	Deparse(kind string, oid types.OID, sub int, text string, pretty bool) (string, bool, error)
	// Cursor and statement lists, statistics counters and the schema kimberlite: rows by view or function name.
	SystemRows(name string, args []types.Datum) (RowSource, error)
	// CatalogRows reads columns, by attribute number, of a relation of the catalog.
	CatalogRows(rel types.OID, atts []int) (RowSource, error)
	// BlockingPIDs lists the backends that keep a backend waiting for a lock.
	BlockingPIDs(pid int32) []int32
}
