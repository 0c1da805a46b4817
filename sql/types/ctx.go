package types

import "time"

// Ctx is what text input and output depend on beyond the type: the session's settings and its catalog.
// A nil *Ctx stands for DefaultCtx. It must not be changed while in use.
type Ctx struct {
	DateStyle        DateStyle     // output format of dates and timestamps, and the order of ambiguous input
	DateOrder        DateOrder     //
	IntervalStyle    IntervalStyle //
	TimeZone         *time.Location
	TimeZoneName     string // as SHOW TimeZone prints it
	ExtraFloatDigits int    // > 0 prints the shortest text that reads back equal
	ByteaEscape      bool   // bytea_output = escape
	Now              int64  // transaction start, microseconds since 2000-01-01 UTC; 'now', 'today' and CURRENT_* use it
	Types            Resolver
	// Reg resolves names for the reg* types (regclass, regtype, ...); nil refuses anything but numbers and '-'.
	Reg RegResolver
	// CheckDomain tests a value, NULL included, that was read against the constraints of its domain; nil leaves that to the caller.
	CheckDomain func(domain OID, d Datum) error
}

// DateStyle is the output half of the DateStyle setting.
type DateStyle uint8

// The output styles, PostgreSQL 20.11.2.
const (
	DateStyleISO DateStyle = iota
	DateStylePostgres
	DateStyleSQL
	DateStyleGerman
)

// DateOrder is the input half of the DateStyle setting.
type DateOrder uint8

// The field orders, PostgreSQL 20.11.2.
const (
	DateOrderMDY DateOrder = iota
	DateOrderDMY
	DateOrderYMD
)

// IntervalStyle is the IntervalStyle setting.
type IntervalStyle uint8

// The interval styles, PostgreSQL 8.5.5.
const (
	IntervalPostgres IntervalStyle = iota
	IntervalPostgresVerbose
	IntervalSQLStandard
	IntervalISO8601
)

// RegResolver turns names into OIDs and back for the reg* types.
type RegResolver interface {
	// RegIn looks the text form of a value of the reg* type up (typ is regclass, regtype, regproc, ...); the error is PostgreSQL's.
	RegIn(typ OID, text string) (OID, error)
	// RegOut prints a value of the reg* type; a dangling OID prints as its number.
	RegOut(typ OID, oid OID) string
}
