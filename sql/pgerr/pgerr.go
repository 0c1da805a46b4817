package pgerr

import (
	"errors"
	"fmt"
)

// Severity is the S field of an error or notice as PostgreSQL prints it.
type Severity string

// The severities of PostgreSQL, "Message Severity Levels" (20.8).
const (
	SeverityError   Severity = "ERROR"
	SeverityFatal   Severity = "FATAL"
	SeverityPanic   Severity = "PANIC"
	SeverityWarning Severity = "WARNING"
	SeverityNotice  Severity = "NOTICE"
	SeverityInfo    Severity = "INFO"
	SeverityLog     Severity = "LOG"
	SeverityDebug   Severity = "DEBUG"
)

// Error is an error or notice with the fields of PostgreSQL's ErrorResponse
// ("Error and Notice Message Fields", 55.8). The zero value of a field is not sent.
type Error struct {
	Severity Severity // empty means SeverityError
	Code     string   // SQLSTATE, five characters
	Message  string
	Detail   string
	Hint     string
	// Position is the 1-based character (not byte) offset in the query text; 0 is unknown.
	Position         int
	InternalPosition int
	InternalQuery    string
	Where            string
	Schema           string
	Table            string
	Column           string
	DataType         string
	Constraint       string
	// Routine is sent as the R field; clients test it for a few errors (RevalidateCachedQuery).
	Routine string
	// cause is what went wrong underneath; it is logged, never sent.
	cause error
}

// New returns an error with the given SQLSTATE and message.
func New(code, message string) *Error { return &Error{Code: code, Message: message} }

// Newf is New with formatting.
func Newf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Wrap makes an error with a cause that is logged and reachable by errors.Is, but not sent to the client.
func Wrap(cause error, code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), cause: cause}
}

// Unsupported is the answer for everything that Kimberlite does not do (yet): 0A000 with a hint.
func Unsupported(what, hint string) *Error {
	return &Error{Code: FeatureNotSupported, Message: what + " is not supported", Hint: hint}
}

// Internal is a bug of ours: XX000.
func Internal(format string, args ...any) *Error {
	return &Error{Code: InternalError, Message: fmt.Sprintf(format, args...)}
}

// Notice returns a NOTICE with the SQLSTATE 00000.
func Notice(format string, args ...any) *Error {
	return &Error{Severity: SeverityNotice, Code: SuccessfulCompletion, Message: fmt.Sprintf(format, args...)}
}

// Warn returns a WARNING with the given SQLSTATE.
func Warn(code, format string, args ...any) *Error {
	return &Error{Severity: SeverityWarning, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Error implements error as psql prints it: severity and message.
func (e *Error) Error() string {
	sev := e.Severity
	if sev == "" {
		sev = SeverityError
	}
	return string(sev) + ": " + e.Message + " (SQLSTATE " + e.Code + ")"
}

// Unwrap returns the cause, if any.
func (e *Error) Unwrap() error { return e.cause }

// WithDetail sets the DETAIL field and returns e.
func (e *Error) WithDetail(format string, args ...any) *Error {
	e.Detail = sprintf(format, args)
	return e
}

// WithHint sets the HINT field and returns e.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = sprintf(format, args)
	return e
}

// At sets the cursor position from a byte offset in the query as the grammar reports it (-1: unknown).
// The session turns the byte offset into characters before it sends the error.
func (e *Error) At(byteOffset int) *Error {
	if byteOffset >= 0 && e.Position == 0 {
		e.Position = byteOffset + 1
	}
	return e
}

// WithTable sets the schema and table fields and returns e.
func (e *Error) WithTable(schema, table string) *Error {
	e.Schema, e.Table = schema, table
	return e
}

// WithColumn sets the column field and returns e.
func (e *Error) WithColumn(column string) *Error { e.Column = column; return e }

// WithConstraint sets the constraint field and returns e.
func (e *Error) WithConstraint(name string) *Error { e.Constraint = name; return e }

// WithDataType sets the data type field and returns e.
func (e *Error) WithDataType(schema, name string) *Error {
	e.Schema, e.DataType = schema, name
	return e
}

// From returns err as an *Error: err itself if it is one, XX000 around it if not, nil for nil.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: InternalError, Message: err.Error(), cause: err}
}

// Code returns the SQLSTATE of err, "XX000" when it is no *Error and "" when it is nil.
func Code(err error) string {
	if err == nil {
		return ""
	}
	return From(err).Code
}

// Is reports whether err carries the given SQLSTATE.
func Is(err error, code string) bool { return err != nil && Code(err) == code }

func sprintf(format string, args []any) string {
	if len(args) == 0 {
		return format
	}
	return fmt.Sprintf(format, args...)
}
