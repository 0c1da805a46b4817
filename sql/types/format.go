package types

import (
	"strconv"
	"strings"
)

// FormatType returns the type's name as PostgreSQL's format_type(oid, mod) prints it: SQL's spelling for the standard types, the
// modifier in parentheses, a schema where the search path does not show the type.
func FormatType(ctx *Ctx, oid OID, mod int32) string {
	return formatType(orDefault(ctx), oid, mod, true)
}

// FormatTypeName returns the type's name without a modifier (format_type_be): what error messages print.
func FormatTypeName(ctx *Ctx, oid OID) string { return formatType(orDefault(ctx), oid, -1, false) }

// sqlNames are the types that format_type prints with SQL's name instead of pg_type's.
var sqlNames = map[OID]string{
	OIDBool: "boolean", OIDFloat4: "real", OIDFloat8: "double precision", OIDInt2: "smallint", OIDInt4: "integer", OIDInt8: "bigint",
	OIDVarbit: "bit varying", OIDVarchar: "character varying", OIDBpchar: "character", OIDBit: "bit", OIDNumeric: "numeric",
	OIDInterval: "interval", OIDTime: "time without time zone", OIDTimetz: "time with time zone",
	OIDTimestamp: "timestamp without time zone", OIDTimestamptz: "timestamp with time zone",
}

func formatType(ctx *Ctx, oid OID, mod int32, modGiven bool) string {
	if oid == 0 {
		return "-"
	}
	ty := Lookup(ctx, oid)
	if ty == nil {
		return "???"
	}
	if ty.IsArray() {
		return formatType(ctx, ty.Elem, mod, modGiven) + "[]"
	}
	// bit and character without a length would read as bit(1) and character(1): their pg_type names are printed then.
	if modGiven && mod < 0 {
		switch oid {
		case OIDBpchar:
			return "bpchar"
		case OIDBit:
			return `"bit"`
		}
	}
	name, standard := sqlNames[oid]
	if !standard {
		name = typeName(ctx, ty)
	}
	if mod < 0 {
		return name
	}
	switch oid {
	case OIDTime, OIDTimetz, OIDTimestamp, OIDTimestamptz: // timestamp(3) without time zone
		first, rest, _ := strings.Cut(name, " ")
		return first + "(" + strconv.Itoa(int(mod)) + ") " + rest
	}
	if ty.ModOut == 0 {
		if standard { // boolean and the like ignore it
			return name
		}
		return name + "(" + strconv.Itoa(int(mod)) + ")"
	}
	return name + TypmodOut(oid, mod)
}

// typeName is the name of a type that SQL has no spelling for.
func typeName(ctx *Ctx, ty *Type) string {
	if ty.OID < firstUserOID && ty.Namespace == pgCatalog {
		if ty.OID == OIDChar || ty.OID == OIDAny { // keywords
			return `"` + ty.Name + `"`
		}
		return ty.Name
	}
	if ctx.Types != nil {
		return ctx.Types.TypeName(ty.OID)
	}
	if ty.OID < firstUserOID {
		return "information_schema." + ty.Name
	}
	return ty.Name
}
