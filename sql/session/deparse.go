package session

import (
	"strconv"
	"strings"

	"kimberlite/sql/catalog"
	"kimberlite/sql/deparse"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// deparser prints definitions for the virtual tables.
type deparser = deparse.Printer

// deparseExpr prints a stored expression for an error text.
func (s *Session) deparseExpr(e tree.Expr, rel types.OID) string {
	return deparse.Expr(s.bound(), e, rel, false)
}

func (s *Session) bound() *catalog.Bound {
	r := s.reader()
	return catalog.BoundOf(r).WithPath(s.searchPath(r))
}

// Deparse implements functions.Session: the pg_get_* and *_is_visible functions.
func (s *Session) Deparse(kind string, oid types.OID, sub int, text string, pretty bool) (string, bool, error) {
	b := s.bound()
	if what, ok := strings.CutPrefix(kind, "visible:"); ok {
		return s.visible(b, what, oid)
	}
	switch kind {
	case "serial_sequence":
		table, column, _ := strings.Cut(text, "\x00")
		return s.serialSequence(b, table, column)
	case "expr":
		return deparse.StoredExpr(b, text, oid, pretty)
	case "describe":
		class, _ := strconv.Atoi(text)
		return deparse.Describe(b, types.OID(class), oid, sub)
	}
	return deparse.Definition(b, kind, oid, sub, pretty)
}

func (s *Session) visible(b *catalog.Bound, what string, oid types.OID) (string, bool, error) {
	yes := func(v bool) (string, bool, error) {
		if v {
			return "t", true, nil
		}
		return "f", true, nil
	}
	switch what {
	case "table":
		if b.Relation(oid) == nil {
			return "", false, nil
		}
		return yes(b.RelationVisible(oid))
	case "type":
		if b.TypeByOID(oid) == nil {
			return "", false, nil
		}
		return yes(b.TypeVisible(oid))
	case "function":
		if b.Proc(oid) == nil {
			return "", false, nil
		}
		return yes(b.FunctionVisible(oid))
	case "operator":
		if b.Operator(oid) == nil {
			return "", false, nil
		}
		return yes(b.OperatorVisible(oid))
	case "collation":
		return yes(b.CollationVisible(oid))
	}
	return yes(oid < catalog.FirstNormalOID)
}

// serialSequence is pg_get_serial_sequence: the sequence owned by a column.
func (s *Session) serialSequence(b *catalog.Bound, table, column string) (string, bool, error) {
	oid, err := (regNames{s}).RegIn(types.OIDRegclass, table)
	if err != nil {
		return "", false, err
	}
	rel := b.Relation(oid)
	att := 0
	for i, c := range rel.Columns {
		if c.Name == column && !c.Dropped {
			att = i + 1
		}
	}
	if att == 0 {
		return "", false, pgerr.Newf(pgerr.UndefinedColumn, "column %q of relation %q does not exist", column, rel.Name)
	}
	for _, d := range b.Dependents(1259, oid, att) {
		q := b.Relation(d.OID)
		if d.Class == 1259 && q != nil && q.RelKind == 'S' && (d.Type == 'a' || d.Type == 'i') {
			schema := ""
			if sc := b.Schema(q.Schema); sc != nil {
				schema = catalog.QuoteIdent(sc.Name) + "."
			}
			return schema + catalog.QuoteIdent(q.Name), true, nil
		}
	}
	return "", false, nil
}
