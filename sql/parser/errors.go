package parser

import (
	"strings"

	pgparser "github.com/pganalyze/pg_query_go/v5/parser"

	"kimberlite/sql/pgerr"
)

// grammarNote is what pg_query leaves out of an error: SQLSTATE, HINT.
type grammarNote struct {
	message string // prefix
	code    string
	hint    string
}

// grammarNotes lists the grammar's and the scanner's errors that are no plain 42601 without a hint.
var grammarNotes = []grammarNote{
	{"LIMIT #,# syntax is not supported", pgerr.SyntaxError, "Use separate LIMIT and OFFSET clauses."},
	{"VALUES in FROM must have an alias", pgerr.SyntaxError, "For example, FROM (VALUES ...) [AS] foo."},
	{"subquery in FROM must have an alias", pgerr.SyntaxError, "For example, FROM (SELECT ...) [AS] foo."},
	{"unsafe use of \\' in a string literal", pgerr.NonstandardUseOfEscapeCharacter,
		"Use '' to write quotes in strings. \\' is insecure in client-only encodings."},
	{"missing argument", pgerr.SyntaxError, "Use NONE to denote the missing argument of a unary operator."},
	{"frame start", pgerr.WindowingError, ""},
	{"frame end", pgerr.WindowingError, ""},
	{"frame starting", pgerr.WindowingError, ""},
	{"precision for type float", pgerr.InvalidParameterValue, ""},
	{"UNENCRYPTED PASSWORD is no longer supported", pgerr.FeatureNotSupported,
		"Remove UNENCRYPTED to store the password in encrypted form instead."},
	{"MATCH PARTIAL not yet implemented", pgerr.FeatureNotSupported, ""},
	{"CREATE ASSERTION is not yet implemented", pgerr.FeatureNotSupported, ""},
	{"DROP ASSERTION is not yet implemented", pgerr.FeatureNotSupported, ""},
	{"UNIQUE predicate is not yet implemented", pgerr.FeatureNotSupported, ""},
	{"current database cannot be changed", pgerr.FeatureNotSupported, ""},
	{"CREATE SCHEMA IF NOT EXISTS cannot include schema elements", pgerr.FeatureNotSupported, ""},
	{"aggregates cannot have output arguments", pgerr.FeatureNotSupported, ""},
	{"SET LOCAL is not supported", pgerr.FeatureNotSupported, ""},
}

// grammarError gives an error of the grammar its code, hint and position back.
func grammarError(text string, e *pgparser.Error) *pgerr.Error {
	out := pgerr.New(pgerr.SyntaxError, e.Message)
	switch {
	case strings.HasPrefix(e.Message, "invalid Unicode escape"):
		if strings.HasPrefix(e.Message, "invalid Unicode escape value") {
			break
		}
		if e.Funcname == "str_udeescape" {
			out.Hint = "Unicode escapes must be \\XXXX or \\+XXXXXX."
		} else {
			out.Code, out.Hint = pgerr.InvalidEscapeSequence, "Unicode escapes must be \\uXXXX or \\UXXXXXXXX."
		}
	case strings.HasSuffix(e.Message, "cannot be marked DEFERRABLE"),
		strings.HasSuffix(e.Message, "cannot be marked NOT VALID"),
		strings.HasSuffix(e.Message, "cannot be marked NO INHERIT"):
		out.Code = pgerr.FeatureNotSupported
	default:
		for _, n := range grammarNotes {
			if strings.HasPrefix(e.Message, n.message) {
				out.Code, out.Hint = n.code, n.hint
				break
			}
		}
	}
	if e.Cursorpos > 0 {
		out.At(byteOffset(text, e.Cursorpos))
	}
	return out
}
