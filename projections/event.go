package projections

import (
	"kimberlite/log"
	"kimberlite/sql/types"
)

// Transaction is what a committed transaction did: the payload of log.KindTransaction, and of KindCatalog and KindStatistics, which are
// the same without row operations. The order of application is: Chunks, Drops of storages, Tables (definitions; new indexes are
// built from the rows there are), Rows, Catalog, Sequences, Notifications.
type Transaction struct {
	XID uint64 // 0: not a client's transaction
	// View is the consensus epoch in which the locks behind this event were held. An event that ends up in the log in another view is
	// void: every node skips it. 0: no such condition.
	View       uint64
	CommitTime int64 // microseconds since 2000-01-01 UTC, never before that of an earlier event of the same leader
	Database   types.OID
	Role       types.OID
	App        string // application_name
	// Chunks is how many KindChunk events of this XID came before; their row operations precede Rows.
	Chunks  uint32
	Drops   []StorageID // of tables and of indexes
	Tables  []TableOp
	Rows    []TableRows
	Catalog []CatalogOp
	// Sequences are new states, also of those that were created.
	Sequences     []SequenceState
	SequenceDrops []types.OID
	Notifications []Notification
}

// TableOp puts or (Def nil) deletes a table's storage definition.
type TableOp struct {
	Table types.OID
	Def   *TableDef
}

// CatalogOp puts or (Deleted) deletes a descriptor. The projections do not look into Data.
type CatalogOp struct {
	Kind    byte
	OID     types.OID
	Deleted bool
	Data    []byte
}

// SequenceState is where a sequence stands. Called is PostgreSQL's is_called: Last was handed out already.
type SequenceState struct {
	Sequence types.OID
	Last     int64
	Called   bool
}

// Notification is one NOTIFY.
type Notification struct {
	Channel, Payload string
	PID              int32
}

// TableRows are row operations on one table, ascending by row id, at most one a row.
type TableRows struct {
	Storage StorageID
	Ops     []RowOp
}

// RowOp is what became of one row. Image is the new row image (see rowcodec.go), nil for a delete.
type RowOp struct {
	Op    RowOpKind
	Row   RowID
	Image []byte
}

// RowOpKind is insert, update or delete.
type RowOpKind uint8

// The kinds of row operation. Frozen.
const (
	OpInsert RowOpKind = 1
	OpUpdate RowOpKind = 2
	OpDelete RowOpKind = 3
)

// String prints insert, update or delete.
func (k RowOpKind) String() string {
	switch k {
	case OpInsert:
		return "insert"
	case OpUpdate:
		return "update"
	case OpDelete:
		return "delete"
	}
	return "unknown"
}

// Chunk is a part of a large transaction: the payload of log.KindChunk. It does nothing until the KindTransaction with its XID.
type Chunk struct {
	XID    uint64
	View   uint64 // as in Transaction
	Number uint32 // from 0
	Rows   []TableRows
}

// Abandon is the payload of log.KindAbandon: chunks that will never be committed.
type Abandon struct{ XIDs []uint64 }

// Checkpoint is the payload of log.KindCheckpoint: what the leader's state was after the event at Position.
type Checkpoint struct {
	Position log.Position
	Hash     log.Hash // chain hash at Position
	Digest   Digest   // state digest at Position
}
