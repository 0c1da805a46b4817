package session

import (
	"kimberlite/sql/catalog"
	"kimberlite/sql/deparse"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// deparseExpr prints an expression for an error text.
func (s *Session) deparseExpr(e tree.Expr, rel types.OID) string {
	return deparse.Expression(s.bound(), e, s.reader().Relation(rel), deparse.Plain)
}

// bound is the catalog in force with the session's search path.
func (s *Session) bound() *catalog.Bound {
	r := s.reader()
	if v, ok := r.(*catalog.Bound); ok {
		return v
	}
	return catalog.BoundOf(r).WithPath(s.searchPath(r))
}

// Deparse implements functions.Session: the pg_get_* and *_is_visible functions.
func (s *Session) Deparse(kind string, oid types.OID, sub int, text string, pretty bool) (string, bool, error) {
	return deparse.Call(s.bound(), kind, oid, sub, text, pretty)
}
