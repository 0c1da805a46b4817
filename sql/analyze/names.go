package analyze

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

const pgCatalog types.OID = 11

// str returns the text of a String node.
func str(n *pg.Node) string { return n.GetString_().GetSval() }

// strs returns the texts of String nodes.
func strs(list []*pg.Node) []string {
	out := make([]string, len(list))
	for i, n := range list {
		out[i] = str(n)
	}
	return out
}

// nameListToString joins a qualified name with dots, unquoted, as PostgreSQL's messages do.
func nameListToString(names []*pg.Node) string {
	parts := make([]string, len(names))
	for i, n := range names {
		if n.GetAStar() != nil {
			parts[i] = "*"
		} else {
			parts[i] = str(n)
		}
	}
	return strings.Join(parts, ".")
}

// splitName takes a qualified name apart: schema is "" when none was given. A database's name in front must be that of this database.
func (a *analyzer) splitName(names []*pg.Node) (schema, name string) {
	switch len(names) {
	case 1:
		return "", str(names[0])
	case 2:
		return str(names[0]), str(names[1])
	case 3:
		if !a.isThisDatabase(str(names[0])) {
			fail(pgerr.Newf(pgerr.FeatureNotSupported, "cross-database references are not implemented: %s", nameListToString(names)))
		}
		return str(names[1]), str(names[2])
	}
	fail(pgerr.Newf(pgerr.SyntaxError, "improper qualified name (too many dotted names): %s", nameListToString(names)))
	return "", ""
}

func (a *analyzer) isThisDatabase(name string) bool {
	db := a.cat.Database(a.cat.DatabaseOID())
	return db != nil && db.Name == name
}

// schemaOID finds a schema by name; "pg_temp" is the session's temporary schema.
func (a *analyzer) schemaOID(name string, missingOK bool, loc int32) types.OID {
	if name == "pg_temp" && a.env.TempSchema != 0 {
		return a.env.TempSchema
	}
	if s := a.cat.SchemaByName(name); s != nil {
		return s.OID
	}
	if !missingOK {
		failf(loc, pgerr.InvalidSchemaName, "schema \"%s\" does not exist", name)
	}
	return 0
}

// findRelation finds a relation by name, nil if there is none.
func (a *analyzer) findRelation(schema, name string) *catalog.Relation {
	if schema != "" {
		ns := a.schemaOID(schema, true, -1)
		if ns == 0 {
			return nil
		}
		return a.cat.RelationByName(ns, name)
	}
	for _, ns := range a.env.SearchPath {
		if r := a.cat.RelationByName(ns, name); r != nil {
			return r
		}
	}
	return nil
}

// rangeVarRelation finds the relation of a RangeVar, or fails as PostgreSQL's parserOpenTable does.
func (a *analyzer) rangeVarRelation(rv *pg.RangeVar, s *state) *catalog.Relation {
	if rv.Catalogname != "" && !a.isThisDatabase(rv.Catalogname) {
		failf(rv.Location, pgerr.FeatureNotSupported, "cross-database references are not implemented: \"%s.%s.%s\"",
			rv.Catalogname, rv.Schemaname, rv.Relname)
	}
	r := a.findRelation(rv.Schemaname, rv.Relname)
	if r != nil {
		return r
	}
	if rv.Schemaname != "" {
		failf(rv.Location, pgerr.UndefinedTable, "relation \"%s.%s\" does not exist", rv.Schemaname, rv.Relname)
	}
	err := pgerr.Newf(pgerr.UndefinedTable, "relation \"%s\" does not exist", rv.Relname).At(int(rv.Location))
	if s != nil && s.isFutureCTE(rv.Relname) {
		err.WithDetail("There is a WITH item named \"%s\", but it cannot be referenced from this part of the query.", rv.Relname).
			WithHint("Use WITH RECURSIVE, or re-order the WITH items to remove forward references.")
	}
	fail(err)
	return nil
}

// inSearchPath returns the position of a schema in the search path, -1 when it is not in it.
func (a *analyzer) inSearchPath(ns types.OID) int {
	for i, p := range a.env.SearchPath {
		if p == ns {
			return i
		}
	}
	return -1
}

// location returns where a node begins, -1 when unknown (PostgreSQL's exprLocation of parse nodes).
func location(n *pg.Node) int32 {
	if n == nil {
		return -1
	}
	switch x := n.Node.(type) {
	case *pg.Node_RangeVar:
		return x.RangeVar.Location
	case *pg.Node_ColumnRef:
		return x.ColumnRef.Location
	case *pg.Node_ParamRef:
		return x.ParamRef.Location
	case *pg.Node_AConst:
		return x.AConst.Location
	case *pg.Node_AExpr:
		return leftmost(x.AExpr.Location, location(x.AExpr.Lexpr))
	case *pg.Node_BoolExpr:
		loc := x.BoolExpr.Location
		if len(x.BoolExpr.Args) > 0 {
			loc = leftmost(loc, location(x.BoolExpr.Args[0]))
		}
		return loc
	case *pg.Node_FuncCall:
		loc := x.FuncCall.Location
		if len(x.FuncCall.Args) > 0 {
			loc = leftmost(loc, location(x.FuncCall.Args[0]))
		}
		return loc
	case *pg.Node_AArrayExpr:
		return x.AArrayExpr.Location
	case *pg.Node_AIndirection:
		return location(x.AIndirection.Arg)
	case *pg.Node_TypeCast:
		loc := x.TypeCast.Location
		if x.TypeCast.TypeName != nil {
			loc = leftmost(loc, x.TypeCast.TypeName.Location)
		}
		return leftmost(loc, location(x.TypeCast.Arg))
	case *pg.Node_CollateClause:
		return leftmost(location(x.CollateClause.Arg), x.CollateClause.Location)
	case *pg.Node_SortBy:
		return location(x.SortBy.Node)
	case *pg.Node_SubLink:
		return leftmost(location(x.SubLink.Testexpr), x.SubLink.Location)
	case *pg.Node_CaseExpr:
		return x.CaseExpr.Location
	case *pg.Node_CaseWhen:
		return x.CaseWhen.Location
	case *pg.Node_RowExpr:
		return x.RowExpr.Location
	case *pg.Node_CoalesceExpr:
		return x.CoalesceExpr.Location
	case *pg.Node_MinMaxExpr:
		return x.MinMaxExpr.Location
	case *pg.Node_SqlvalueFunction:
		return x.SqlvalueFunction.Location
	case *pg.Node_NullTest:
		return leftmost(x.NullTest.Location, location(x.NullTest.Arg))
	case *pg.Node_BooleanTest:
		return leftmost(x.BooleanTest.Location, location(x.BooleanTest.Arg))
	case *pg.Node_GroupingFunc:
		return x.GroupingFunc.Location
	case *pg.Node_GroupingSet:
		return x.GroupingSet.Location
	case *pg.Node_NamedArgExpr:
		return leftmost(x.NamedArgExpr.Location, location(x.NamedArgExpr.Arg))
	case *pg.Node_SetToDefault:
		return x.SetToDefault.Location
	case *pg.Node_ResTarget:
		return x.ResTarget.Location
	case *pg.Node_TypeName:
		return x.TypeName.Location
	case *pg.Node_XmlExpr:
		return x.XmlExpr.Location
	case *pg.Node_XmlSerialize:
		return x.XmlSerialize.Location
	case *pg.Node_WindowDef:
		return x.WindowDef.Location
	case *pg.Node_List:
		for _, e := range x.List.Items {
			if l := location(e); l >= 0 {
				return l
			}
		}
	}
	return -1
}

func leftmost(a, b int32) int32 {
	switch {
	case a < 0:
		return b
	case b < 0:
		return a
	}
	return min(a, b)
}
