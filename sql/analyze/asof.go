package analyze

import (
	"kimberlite/sql/catalog"
	"kimberlite/sql/parser"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// asOfClause analyzes AS OF TIMESTAMP or POSITION of a table. On a view it goes to the tables of its query when the view is expanded.
func (s *state) asOfClause(r *tree.RTE, as *parser.AsOf, rel *catalog.Relation) {
	switch rel.RelKind {
	case 'r', 'p', 'v':
	default:
		fail(pgerr.Newf(pgerr.WrongObjectType, "AS OF cannot be applied to \"%s\"", rel.Name).WithDetail("%s", relkindDetail(rel.RelKind)).At(int(as.Loc)))
	}
	if rel.OID < catalog.FirstNormalOID || rel.Persistence == 't' {
		fail(pgerr.Newf(pgerr.FeatureNotSupported, "AS OF cannot be applied to \"%s\"", rel.Name).
			WithDetail("There is no history of temporary tables and system relations.").At(int(as.Loc)))
	}
	name, t := "AS OF TIMESTAMP", types.OID(types.OIDTimestamptz)
	if as.Position {
		name, t = "AS OF POSITION", types.OIDInt8
	}
	e := s.coerceToSpecific(s.expr(as.Expr, kindLimit), types.Of(t), name)
	s.assignCollation(e)
	tree.WalkDeep(e, func(x tree.Expr, _ int) bool {
		switch x := x.(type) {
		case *tree.Var:
			failf(x.Loc, pgerr.InvalidColumnReference, "argument of %s must not contain variables", name)
		case *tree.SubLink:
			failf(x.Loc, pgerr.FeatureNotSupported, "argument of %s must not contain subqueries", name)
		}
		return true
	})
	r.AsOf = e
}
