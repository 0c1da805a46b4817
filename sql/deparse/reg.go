package deparse

import (
	"strconv"

	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// regs prints constants of the reg* types: the names of what they refer to, under the catalog's search path.
type regs struct{ b *catalog.Bound }

// RegIn implements types.RegResolver; printing needs no input.
func (r regs) RegIn(typ types.OID, text string) (types.OID, error) {
	return 0, pgerr.Internal("input of a %s while printing", types.FormatTypeName(nil, typ))
}

// RegOut implements types.RegResolver.
func (r regs) RegOut(typ, oid types.OID) string {
	b := r.b
	switch typ {
	case types.OIDRegclass:
		return b.RelationName(oid)
	case types.OIDRegtype:
		if b.TypeByOID(oid) != nil {
			return types.FormatTypeName(&types.Ctx{Types: b}, oid)
		}
	case types.OIDRegnamespace:
		if s := b.Schema(oid); s != nil {
			return catalog.QuoteIdent(s.Name)
		}
	case types.OIDRegrole:
		if role := b.Role(oid); role != nil {
			return catalog.QuoteIdent(role.Name)
		}
	case types.OIDRegproc:
		if f := b.Proc(oid); f != nil {
			if len(b.Procs(f.Name)) == 1 && b.FunctionVisible(oid) {
				return catalog.QuoteIdent(f.Name)
			}
			if s := b.Schema(f.Namespace); s != nil {
				return catalog.QuoteIdent(s.Name) + "." + catalog.QuoteIdent(f.Name)
			}
		}
	case types.OIDRegprocedure:
		if f := b.Proc(oid); f != nil {
			return Signature(b, f)
		}
	case types.OIDRegoper:
		if o := b.Operator(oid); o != nil {
			if len(b.Operators(o.Name)) == 1 {
				return o.Name
			}
			return "pg_catalog." + o.Name
		}
	case types.OIDRegoperator:
		if o := b.Operator(oid); o != nil {
			return operatorText(b, o)
		}
	case types.OIDRegcollation:
		if b.Collation(oid) != nil {
			return New(b, 0).collationName(oid)
		}
	case types.OIDRegconfig, types.OIDRegdictionary:
		if name := catalog.TextSearchName(typ, oid); name != "" {
			return catalog.QuoteIdent(name)
		}
	}
	return strconv.FormatUint(uint64(oid), 10)
}
