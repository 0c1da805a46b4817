package types

import (
	_ "embed"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// firstUserOID is the first OID that is not PostgreSQL's own (FirstNormalObjectId).
const firstUserOID OID = 16384

// pgCatalog is the OID of the schema pg_catalog.
const pgCatalog OID = 11

// builtinTSV has a line for each built-in type, written by gen; its columns are those of gen's query.
//
//go:embed builtin.tsv
var builtinTSV string

type builtinTable struct {
	list   []*Type // by OID
	byOID  map[OID]*Type
	byName map[string]*Type // of pg_catalog
}

var builtins = sync.OnceValue(parseBuiltins)

// Builtin returns the built-in type with the OID (row types of the system catalogs and information_schema's domains included), or nil.
func Builtin(oid OID) *Type {
	if oid >= firstUserOID {
		return nil
	}
	return builtins().byOID[oid]
}

// BuiltinByName returns the type of schema pg_catalog with the name as in pg_type ("int4", "_text"), or nil.
func BuiltinByName(name string) *Type { return builtins().byName[name] }

// Builtins returns all built-in types by ascending OID. The caller must not change the slice.
func Builtins() []*Type { return builtins().list }

func parseBuiltins() *builtinTable {
	n := strings.Count(builtinTSV, "\n")
	t := &builtinTable{make([]*Type, 0, n), make(map[OID]*Type, n), make(map[string]*Type, n)}
	rows := make([]Type, n)
	rest := builtinTSV
	for i := range rows {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		ty := &rows[i]
		parseBuiltin(ty, line)
		t.list = append(t.list, ty)
		t.byOID[ty.OID] = ty
		if ty.Namespace == pgCatalog {
			t.byName[ty.Name] = ty
		}
	}
	return t
}

// parseBuiltin reads one line. The file is ours, so a malformed number cannot be; it would read as 0 and fail the tests.
func parseBuiltin(ty *Type, line string) {
	str := func() (s string) {
		s, line, _ = strings.Cut(line, "\t")
		return s
	}
	oid := func() OID {
		n, _ := strconv.ParseUint(str(), 10, 32)
		return OID(n)
	}
	num := func() int32 {
		n, _ := strconv.ParseInt(str(), 10, 32)
		return int32(n)
	}
	char := func() byte { return str()[0] }
	flag := func() bool { return str() == "t" }

	ty.OID, ty.Name, ty.Namespace, ty.Owner, ty.Len, ty.ByVal = oid(), str(), oid(), oid(), int16(num()), flag()
	ty.Kind, ty.Category, ty.Preferred, ty.Defined = Kind(char()), char(), flag(), flag()
	ty.Delim, ty.Relid, ty.Elem, ty.Array, ty.Align, ty.Storage = char(), oid(), oid(), oid(), char(), char()
	ty.NotNull, ty.Base, ty.BaseMod, ty.NDims, ty.Collation = flag(), oid(), num(), num(), oid()
	ty.Input, ty.Output, ty.Receive, ty.Send = oid(), oid(), oid(), oid()
	ty.ModIn, ty.ModOut, ty.Analyze, ty.Subscript = oid(), oid(), oid(), oid()
	r := RangeInfo{Subtype: oid(), Multirange: oid(), Canonical: oid(), Collation: oid()}
	ty.Default = str()
	if fields := str(); fields != "" {
		ty.Fields = parseFields(fields)
	}
	if r.Multirange != 0 { // for a multirange this column names its range type
		ty.Range = &r
	}
	ty.Class = Bytes
	if isFixed(ty.OID) || ty.Kind == KindDomain && isFixed(ty.Base) {
		ty.Class = Fixed
	}
}

// parseFields reads name:type:mod,...
func parseFields(s string) []Field {
	parts := strings.Split(s, ",")
	fields := make([]Field, len(parts))
	for i, p := range parts {
		name, rest, _ := strings.Cut(p, ":")
		typ, mod, _ := strings.Cut(rest, ":")
		o, _ := strconv.ParseUint(typ, 10, 32)
		m, _ := strconv.ParseInt(mod, 10, 32)
		fields[i] = Field{name, T{OID(o), int32(m)}}
	}
	return slices.Clip(fields)
}

// isFixed says which built-in types' values live in Datum.I; see Fixed.
func isFixed(oid OID) bool {
	switch oid {
	case OIDBool, OIDChar, OIDInt2, OIDInt4, OIDInt8, OIDFloat4, OIDFloat8, OIDMoney, OIDOid, OIDXid, OIDCid, OIDXid8, OIDPgLsn,
		OIDDate, OIDTime, OIDTimestamp, OIDTimestamptz,
		OIDRegproc, OIDRegprocedure, OIDRegoper, OIDRegoperator, OIDRegclass, OIDRegtype, OIDRegconfig, OIDRegdictionary,
		OIDRegnamespace, OIDRegrole, OIDRegcollation:
		return true
	}
	return false
}
