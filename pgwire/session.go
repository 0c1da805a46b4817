package pgwire

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// This file is the contract between the protocol (this package) and SQL (sql/session implements Engine and Session).
// pgwire knows messages, not SQL: it never looks into a statement. SQL knows no messages: it writes through a Writer.
//
// Order of calls, per connection, all on one goroutine unless said otherwise:
//
//	Engine.Role, Engine.MemberOf   0..n times, while authenticating
//	Engine.NewSession              once, after authentication succeeded
//	Session.Drain                  once: writes every reportable parameter (the 13 ParameterStatus of PostgreSQL 15) and login warnings
//	then cycles:
//	  SimpleQuery                                    -> (ErrorResponse if it failed) -> Drain -> ReadyForQuery(TxStatus)
//	  Parse|Bind|Describe*|Execute|Close* ... Sync   -> (ErrorResponse if Sync failed) -> Drain -> ReadyForQuery(TxStatus)
//	  Idle, then a wait for the client; Drain again if Backend.Wake was called in the meantime
//	Session.Close                  once, whatever happened, also after a panic in one of the above
//
// After a method of the extended protocol returned an error, pgwire sends it and skips the client's messages up to Sync; the
// session sees no call but Sync (or Close) in between. A method that returns an error has already put the session's
// transaction into the state that follows from it. When pgwire finds an error by itself (a malformed Bind, bytes that are not UTF-8) it
// calls Fail, so that a transaction block fails as it does in PostgreSQL.
//
// An error of severity FATAL (or PANIC) returned by any method is sent and ends the connection.
//
// Contexts: the ctx of a call is cancelled by a CancelRequest, by Backend.Cancel and Backend.Terminate, by shutdown and when the
// connection is known to be lost; context.Cause tells which (ErrCancelRequest, ErrTerminated, ErrShutdown, ErrConnectionLost).
// Cause(ctx) turns it into PostgreSQL's error. The same ctx may be given to many calls; it is done only while a
// call is running, so a session must not keep it after the call returned. Timeouts of statements are the session's own business.

// Engine makes sessions. Its methods may be called from any goroutine.
type Engine interface {
	// Role returns what authentication needs to know about a role. A role that does not exist is RoleInfo{}, not an error.
	Role(ctx context.Context, name string) (RoleInfo, error)
	// MemberOf reports whether role is a direct or indirect member of group (also when they are the same); superusers are
	// not members of everything here, as in pg_hba.conf.
	MemberOf(ctx context.Context, role, group string) bool
	// NewSession opens a session for an authenticated client. Its errors are sent as FATAL: role does not exist or may not log
	// in (28000), database does not exist (3D000), no CONNECT privilege (42501), too many connections for the role or
	// database (53300), unknown or wrong startup parameters (42704, 22023).
	NewSession(ctx context.Context, info StartupInfo) (Session, error)
}

// RoleInfo is what authentication needs to know about a role.
type RoleInfo struct {
	Exists    bool
	Superuser bool
	// Password is rolpassword: a SCRAM-SHA-256 verifier, an md5 hash, or "" for none.
	Password string
	// ValidUntil is rolvaliduntil; the zero time is no limit.
	ValidUntil time.Time
}

// Param is a run-time parameter's name and value.
type Param struct{ Name, Value string }

// StartupInfo tells a new session about its client.
type StartupInfo struct {
	User     string
	Database string // the user's name when the client gave none
	// Params are the settings that the client asked for, in the order in which PostgreSQL applies them: those inside
	// "options" (-c name=value, --name=value) first, then the startup message's own (application_name, ...). Later ones win.
	Params []Param
	// Replication is the startup parameter of that name: "" for a normal session.
	Replication string
	PID         int32 // as pg_backend_pid() and BackendKeyData tell it
	Remote      net.Addr
	TLS         *tls.ConnectionState // nil without TLS
	AuthMethod  string               // as in the HBA table: trust, scram-sha-256, ...
	Start       time.Time
	Backend     Backend
}

// Backend is a session's handle on its own connection. Its methods may be called from any goroutine, never block, and do
// nothing once the connection is gone.
type Backend interface {
	// Cancel cancels the running call, if any, as a CancelRequest does: pg_cancel_backend.
	Cancel()
	// Terminate ends the connection with 57P01 "terminating connection due to administrator command": pg_terminate_backend.
	Terminate()
	// TerminateWith is Terminate with an error of the caller's (idle limits, a dropped database, a node that lost its leader).
	TerminateWith(err *pgerr.Error)
	// Wake makes the connection call Session.Drain soon, if it waits for its client; a busy one drains by itself.
	Wake()
}

// Session is one client's SQL session.
type Session interface {
	// SimpleQuery runs all statements of sql and writes their results: for each statement RowDescription and rows if it returns
	// any, CommandComplete or EmptyQuery. It stops at the first error.
	SimpleQuery(ctx context.Context, sql string, w Writer) error

	// Parse makes the prepared statement name ("" is the unnamed one, which is replaced silently); 42P05 when the name exists.
	// paramOIDs may be shorter than the number of parameters; 0 asks for inference.
	Parse(ctx context.Context, name, sql string, paramOIDs []types.OID) error
	// Bind makes a portal. params hold the raw values, nil for NULL; formats follow the protocol's rule (see FormatOf). All slices
	// and the bytes in them belong to pgwire and are overwritten after the call.
	Bind(ctx context.Context, portal, stmt string, paramFormats []int16, params [][]byte, resultFormats []int16) error
	// DescribeStatement returns the types of the parameters and the columns of the result, nil when it returns no rows.
	DescribeStatement(ctx context.Context, name string) (params []types.OID, cols []Column, err error)
	// DescribePortal returns the columns, nil when it returns no rows, and the result formats that Bind asked for.
	DescribePortal(ctx context.Context, name string) (cols []Column, formats []int16, err error)
	// Execute runs a portal, or goes on with it. It writes StartRows and rows (no RowDescription), then CommandComplete, EmptyQuery,
	// or PortalSuspended when maxRows (0: no limit) were written and there may be more.
	Execute(ctx context.Context, portal string, maxRows int, w Writer) error
	// CloseStatement and ClosePortal; a name that does not exist is no error.
	CloseStatement(ctx context.Context, name string) error
	ClosePortal(ctx context.Context, name string) error
	// Fail says that pgwire refused a message with an error: an open transaction block is failed by it.
	Fail(err *pgerr.Error)
	// Sync ends an implicit transaction block: commits it, or rolls it back after an error.
	Sync(ctx context.Context) error

	// TxStatus is the status for ReadyForQuery: 'I' idle, 'T' in a transaction block, 'E' in a failed one.
	TxStatus() byte
	// Drain writes what is pending and belongs between statements: changed parameters (ParameterStatus) and, outside of a
	// transaction block, notifications. It must be quick when there is nothing.
	Drain(w Writer)
	// Idle is asked before each wait for the client: how long may it take (0: for ever), and what ends the connection
	// afterwards (57P05 idle_session_timeout, 25P03 idle_in_transaction_session_timeout).
	Idle() (time.Duration, *pgerr.Error)
	// Close rolls back and releases everything. It is called exactly once.
	Close()
}

// Rester is a Session that can give memory back. Rest is called on the connection's goroutine when its client has been quiet for some
// seconds: buffers, compiled plans and caches that can be made again should go, since most of thousands of connections do nothing at any moment.
type Rester interface{ Rest() }

// Column describes a result column, as RowDescription carries it. A column of a domain type is described by the domain's base
// type and modifier, as PostgreSQL does.
type Column struct {
	Name     string
	TableOID types.OID // 0 when it is no simple column reference
	AttNum   int16
	T        types.T
	Len      int16 // pg_type.typlen
}

// The formats of values on the wire.
const (
	FormatText   int16 = 0
	FormatBinary int16 = 1
)

// FormatOf returns the format of value i by the protocol's rule: no formats mean text, one is for all, else one each.
func FormatOf(formats []int16, i int) int16 {
	switch {
	case len(formats) == 0:
		return FormatText
	case len(formats) == 1:
		return formats[0]
	case i < len(formats):
		return formats[i]
	}
	return FormatText
}

// Writer takes a call's results and puts them on the wire. It belongs to the connection's goroutine; it is valid for the duration of
// the call that received it. Methods that return an error do so when the client is gone or a value has no such output (42883 for binary);
// the session stops then and returns the error. The others cannot fail: trouble shows at the next one that can.
type Writer interface {
	// RowDescription announces rows; the simple protocol only.
	RowDescription(cols []Column, formats []int16) error
	// StartRows says how the rows that follow are to be printed: tctx carries the session's settings (DateStyle, ...), it must not
	// change while rows are written.
	StartRows(tctx *types.Ctx, cols []Column, formats []int16)
	// Row and Batch write rows of the started shape. Neither keeps its argument.
	Row(row []types.Datum) error
	Batch(b *types.Batch) error

	// CommandComplete ends a statement, e.g. "CREATE TABLE".
	CommandComplete(tag string)
	// CommandCompleteRows ends it with a count and without an allocation: ("SELECT", 3), ("INSERT 0", 1).
	CommandCompleteRows(prefix string, n int64)
	// EmptyQuery ends a statement that was nothing but spaces and comments.
	EmptyQuery()
	// PortalSuspended ends an Execute that reached its row limit.
	PortalSuspended()

	// Notice sends a notice or warning (a severity below ERROR) at once; client_min_messages is the session's business.
	Notice(n *pgerr.Error)
	// ParameterStatus reports a parameter; from Drain only.
	ParameterStatus(name, value string)
	// Notification reports a NOTIFY; from Drain only.
	Notification(pid int32, channel, payload string)

	// CopyIn asks the client for data: columns is their number, binary the format of all.
	CopyIn(columns int, binary bool) (CopyReader, error)
	// CopyOut announces data; CopyData sends one message (a row, as PostgreSQL does it) and keeps nothing of row; CopyDone ends it. CommandComplete
	// follows as usual.
	CopyOut(columns int, binary bool) error
	CopyData(row []byte) error
	CopyDone()

	// Flush sends what is buffered. Rarely needed: pgwire flushes at Sync, at Flush and when the buffer is big.
	Flush() error
}

// CopyReader gives the data of COPY FROM STDIN.
type CopyReader interface {
	// Next returns the payload of the next CopyData, valid until the following call; message bounds mean nothing. io.EOF is
	// CopyDone. A CopyFail is an error 57014 "COPY from stdin failed: ...". A session may stop before EOF by returning an error;
	// if it returns nil without having seen EOF, pgwire reads the rest and drops it.
	Next() ([]byte, error)
}

// The causes for which the context of a call is cancelled.
var (
	ErrCancelRequest  = errors.New("cancel request")
	ErrTerminated     = errors.New("terminated by administrator command")
	ErrShutdown       = errors.New("server shuts down")
	ErrConnectionLost = errors.New("connection lost")
)

// Cause returns PostgreSQL's error for a done context: 57014 "canceling statement due to user request", 57P01, 08006; an *pgerr.Error
// given as a cause (statement_timeout and the like) as it is; nil while ctx is not done.
func Cause(ctx context.Context) *pgerr.Error {
	cause := context.Cause(ctx)
	if cause == nil {
		return nil
	}
	var pe *pgerr.Error
	switch {
	case errors.As(cause, &pe):
		return pe
	case errors.Is(cause, ErrTerminated), errors.Is(cause, ErrShutdown):
		return fatal(pgerr.New(pgerr.AdminShutdown, "terminating connection due to administrator command"))
	case errors.Is(cause, ErrConnectionLost):
		return fatal(pgerr.New(pgerr.ConnectionFailure, "connection to client lost"))
	case errors.Is(cause, context.DeadlineExceeded):
		return pgerr.New(pgerr.QueryCanceled, "canceling statement due to statement timeout")
	}
	return pgerr.New(pgerr.QueryCanceled, "canceling statement due to user request")
}

// fatal returns e with the severity FATAL.
func fatal(e *pgerr.Error) *pgerr.Error {
	c := *e
	c.Severity = pgerr.SeverityFatal
	return &c
}
