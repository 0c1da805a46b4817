package catalog

import "kimberlite/sql/types"

// StatSource gives virtual tables what is not in the catalog: sessions, locks, counters, settings in force, the state of the cluster. Session and server implement
// it; NoStats, embedded, lets them do so piece by piece. All times are microseconds since 2000-01-01 UTC, 0 for unknown or never (shown as NULL).
type StatSource interface {
	Sessions() []SessionStat
	Locks() []LockStat
	DatabaseStat(db types.OID) DatabaseStat
	TableStat(rel types.OID) TableStat
	IndexStat(rel types.OID) IndexStat
	Statements() []StatementStat
	// StatementsInfo tells how often statements had to make room for others, and when the table was reset.
	StatementsInfo() (dealloc, reset int64)
	// SettingValues returns the values in force by name for settings of SettingDefs and others (custom ones, Kimberlite's).
	SettingValues() []SettingValue
	PreparedStatements() []PreparedStatementStat
	Cursors() []CursorStat
	Replication() []ReplicationStat
	// WalReceiver is nil on the leader.
	WalReceiver() *WalReceiverStat
	Wal() WalStat
	BgWriter() BgWriterStat
	// SequenceState is the last value of a sequence and whether it was handed out.
	SequenceState(seq types.OID) (last int64, called, ok bool)
	// Progress lists running commands of a kind: "ANALYZE", "CREATE INDEX", "COPY".
	Progress(command string) []ProgressStat
	HBARules() []HBARule
	Projections() []ProjectionStat
	LogSegments() []LogSegmentStat
	Members() []MemberStat
}

// SessionStat is a row of pg_stat_activity. Texts that are empty show as NULL where PostgreSQL allows it.
type SessionStat struct {
	Database      types.OID
	PID           int32
	User          types.OID
	Application   string
	ClientAddr    string // empty for a Unix socket or a background task
	ClientHost    string
	ClientPort    int32 // -1 for a Unix socket
	BackendStart  int64
	XactStart     int64
	QueryStart    int64
	StateChange   int64
	WaitEventType string
	WaitEvent     string
	State         string
	XID           uint64
	Xmin          uint64
	QueryID       int64
	Query         string
	BackendType   string // "client backend", ...
	TLS           bool
	TLSVersion    string
	TLSCipher     string
	TLSBits       int32
}

// LockStat is a row of pg_locks. Type is the locktype: relation, tuple, transactionid, virtualxid, advisory, object. Fields that do not apply are -1 or empty.
type LockStat struct {
	Type               string
	Database           types.OID
	HasDatabase        bool
	Relation           types.OID // 0: none
	Page, Tuple        int64     // -1: none
	VirtualXID         string
	XID                uint64 // 0: none
	ClassID, ObjID     types.OID
	ObjSubID           int32
	HasObject          bool // ClassID, ObjID and ObjSubID apply
	VirtualTransaction string
	PID                int32
	Mode               string // AccessShareLock, ...
	Granted            bool
	WaitStart          int64
}

// DatabaseStat are the counters of a database (0: of shared objects).
type DatabaseStat struct {
	Backends                                       int32
	Commits, Rollbacks, BlocksRead, BlocksHit      int64
	Returned, Fetched, Inserted, Updated, Deleted  int64
	TempFiles, TempBytes, Deadlocks                int64
	ChecksumFailures                               int64
	SessionTime, ActiveTime, IdleInTransactionTime float64 // milliseconds
	Sessions, SessionsAbandoned, Fatal, Killed     int64
	StatsReset                                     int64
}

// TableStat are the counters of a table.
type TableStat struct {
	SeqScan, SeqRead, IdxScan, IdxFetch                      int64
	Inserted, Updated, Deleted, HotUpdated                   int64
	Live, Dead, ModSinceAnalyze, InsSinceVacuum              int64
	LastVacuum, LastAutovacuum, LastAnalyze, LastAutoanalyze int64
	Vacuums, Autovacuums, Analyzes, Autoanalyzes             int64
	HeapRead, HeapHit, IdxRead, IdxHit                       int64 // blocks
}

// IndexStat are the counters of an index.
type IndexStat struct{ Scans, Read, Fetched, BlocksRead, BlocksHit int64 }

// StatementStat is a row of pg_stat_statements. Times are milliseconds.
type StatementStat struct {
	User, Database                                      types.OID
	TopLevel                                            bool
	QueryID                                             int64
	Query                                               string
	Plans                                               int64
	TotalPlan, MinPlan, MaxPlan, MeanPlan, StddevPlan   float64
	Calls                                               int64
	TotalExec, MinExec, MaxExec, MeanExec, StddevExec   float64
	Rows                                                int64
	SharedHit, SharedRead, SharedDirtied, SharedWritten int64
	TempRead, TempWritten                               int64
	WalRecords, WalBytes                                int64
}

// SettingValue is a setting in force.
type SettingValue struct {
	Name           string
	Value          string
	Source         string // default, configuration file, command line, environment variable, database, user, client, session, override
	Reset          string
	SourceFile     string
	SourceLine     int32
	PendingRestart bool
	Def            *SettingDef // for a setting that is not in SettingDefs
}

// PreparedStatementStat is a row of pg_prepared_statements.
type PreparedStatementStat struct {
	Name, Statement string
	Time            int64
	Params          []types.OID
	FromSQL         bool
	Generic, Custom int64
}

// CursorStat is a row of pg_cursors.
type CursorStat struct {
	Name, Statement          string
	Hold, Binary, Scrollable bool
	Time                     int64
}

// ReplicationStat is a row of pg_stat_replication: another member of the group, or a logical receiver. Lags are microseconds, negative for unknown.
type ReplicationStat struct {
	PID                           int32
	User                          types.OID
	Application, ClientAddr       string
	ClientPort                    int32
	BackendStart                  int64
	State                         string
	Sent, Write, Flush, Replay    uint64
	WriteLag, FlushLag, ReplayLag int64
	SyncPriority                  int32
	SyncState                     string
	ReplyTime                     int64
}

// WalReceiverStat is the row of pg_stat_wal_receiver on a follower.
type WalReceiverStat struct {
	PID                            int32
	Status                         string
	ReceiveStart, Written, Flushed uint64
	Timeline                       int32
	LastSend, LastReceipt          int64
	LatestEnd                      uint64
	LatestEndTime                  int64
	SenderHost                     string
	SenderPort                     int32
}

// WalStat is the row of pg_stat_wal: the event log's counters. Times are milliseconds.
type WalStat struct {
	Records, Bytes, Writes, Syncs int64
	WriteTime, SyncTime           float64
	StatsReset                    int64
}

// BgWriterStat is the row of pg_stat_bgwriter: flushes of the projections' store. Times are milliseconds.
type BgWriterStat struct {
	Timed, Requested, Buffers int64
	WriteTime, SyncTime       float64
	StatsReset                int64
}

// ProgressStat is a running command.
type ProgressStat struct {
	PID                 int32
	Database            types.OID
	Relation, Index     types.OID
	Command, Type       string
	Phase               string
	Done, Total         int64 // rows (COPY: bytes)
	TuplesDone, Skipped int64
}

// HBARule is a row of pg_hba_file_rules.
type HBARule struct {
	Line             int32
	Type             string
	Databases, Users []string
	Address, Netmask string
	Method           string
	Options          []string
}

// ProjectionStat is a row of kimberlite.projections.
type ProjectionStat struct {
	Name             string
	State            string // running, rebuilding, failed
	Applied, Durable int64  // positions
	LagEntries       int64
	LagSeconds       float64
	Rows, Bytes      int64
	Digest           string
	Error            string
}

// LogSegmentStat is a row of kimberlite.log_segments.
type LogSegmentStat struct {
	Segment     string
	First, Last int64 // positions
	Records     int64
	Bytes       int64
	Sealed      bool
	Compressed  bool
	ChainHash   string // after the last record
	Created     int64
}

// MemberStat is a row of kimberlite.cluster_members.
type MemberStat struct {
	NodeID           int64
	Name, Address    string
	Role             string // leader, follower, learner, candidate
	State            string // normal, recovering, view-change
	View             int64
	Commit, Applied  int64
	Self             bool
	ClockOffsetMicro int64
	LastContact      int64
}

// NoStats is a StatSource that knows nothing.
type NoStats struct{}

var _ StatSource = NoStats{}

// Sessions implements StatSource.
func (NoStats) Sessions() []SessionStat { return nil }

// Locks implements StatSource.
func (NoStats) Locks() []LockStat { return nil }

// DatabaseStat implements StatSource.
func (NoStats) DatabaseStat(types.OID) DatabaseStat { return DatabaseStat{} }

// TableStat implements StatSource.
func (NoStats) TableStat(types.OID) TableStat { return TableStat{} }

// IndexStat implements StatSource.
func (NoStats) IndexStat(types.OID) IndexStat { return IndexStat{} }

// Statements implements StatSource.
func (NoStats) Statements() []StatementStat { return nil }

// StatementsInfo implements StatSource.
func (NoStats) StatementsInfo() (dealloc, reset int64) { return 0, 0 }

// SettingValues implements StatSource.
func (NoStats) SettingValues() []SettingValue { return nil }

// PreparedStatements implements StatSource.
func (NoStats) PreparedStatements() []PreparedStatementStat { return nil }

// Cursors implements StatSource.
func (NoStats) Cursors() []CursorStat { return nil }

// Replication implements StatSource.
func (NoStats) Replication() []ReplicationStat { return nil }

// WalReceiver implements StatSource.
func (NoStats) WalReceiver() *WalReceiverStat { return nil }

// Wal implements StatSource.
func (NoStats) Wal() WalStat { return WalStat{} }

// BgWriter implements StatSource.
func (NoStats) BgWriter() BgWriterStat { return BgWriterStat{} }

// SequenceState implements StatSource.
func (NoStats) SequenceState(types.OID) (int64, bool, bool) { return 0, false, false }

// Progress implements StatSource.
func (NoStats) Progress(string) []ProgressStat { return nil }

// HBARules implements StatSource.
func (NoStats) HBARules() []HBARule { return nil }

// Projections implements StatSource.
func (NoStats) Projections() []ProjectionStat { return nil }

// LogSegments implements StatSource.
func (NoStats) LogSegments() []LogSegmentStat { return nil }

// Members implements StatSource.
func (NoStats) Members() []MemberStat { return nil }
