package ddl

import (
	"context"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/analyze"
	"kimberlite/sql/catalog"
	"kimberlite/sql/parser"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
	"kimberlite/txn"
)

// Env is what a definition statement works on: a transaction, its overlay of the catalog, and what the session lends.
type Env struct {
	Ctx context.Context
	// Analyze resolves names and expressions; its Catalog is Overlay.
	Analyze *analyze.Env
	// Overlay is changed by the statement; the session logs its operations at commit.
	Overlay *catalog.Overlay
	Txn     *txn.Txn
	// NewOID hands out OIDs and StorageIDs.
	NewOID func() (types.OID, error)
	User   types.OID
	Super  bool
	// DatabaseOID of the session.
	Database types.OID
	// TempSchema returns the session's temporary schema, making it when there is none yet.
	TempSchema func() (types.OID, error)
	Notice     func(*pgerr.Error)
	// Text is the whole query string that the statement's locations refer to.
	Text string
	// Run plans and runs an analyzed query in this transaction and calls row for each of its rows (nil drops them): CHECK validation, rewrites, CREATE
	// TABLE AS. It returns the number of rows. Changes made to Overlay before are visible to it.
	Run func(q *tree.Query, row func([]types.Datum) error) (int64, error)
	// Prepared returns the query of a prepared statement with its parameters' values in it, views unexpanded: CREATE TABLE AS EXECUTE.
	Prepared func(n *pg.ExecuteStmt) (*tree.Query, error)
	// RunSQL parses, analyzes and runs a statement of our own making with parameters ($1 ...), for checks that are easily said in SQL.
	RunSQL func(sql string, params []types.Datum, paramTypes []types.OID, row func([]types.Datum) error) (int64, error)
	// CheckBodies is check_function_bodies.
	CheckBodies bool
	// Deparse prints a stored expression for error texts.
	Deparse func(expr tree.Expr, rel types.OID) string
	// AsOf holds the statement's AS OF clauses by the location of their tables.
	AsOf map[int32]*parser.AsOf
	// DatabaseInUse counts the other sessions in a database.
	DatabaseInUse func(db types.OID) int
	// EvictDatabase ends the other sessions in a database: DROP DATABASE WITH (FORCE).
	EvictDatabase func(db types.OID) error
	// Analyzing is told how ANALYZE gets on with a table: the rows read so far, and done when it has its statistics. It may be nil.
	Analyzing func(table types.OID, rows int64, done bool)
	// SetOnCommit registers a temporary table's ON COMMIT action for this transaction: 'd' delete rows, 'D' drop.
	SetOnCommit func(table types.OID, action byte)
}
