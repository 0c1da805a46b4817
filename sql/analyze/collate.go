package analyze

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// defaultCollation is the OID of the collation "default".
const defaultCollation types.OID = 100

// strength says how a collation was arrived at, ascending (CollateStrength).
type strength uint8

const (
	collNone strength = iota
	collImplicit
	collConflict
	collExplicit
)

// collContext collects the collation of an expression from its parts (assign_collations_context).
type collContext struct {
	coll, coll2 types.OID // coll2 is the other one in a conflict
	strength    strength
	loc, loc2   int32
}

// assignCollation fills in the collations of an expression and all below it, in place (assign_expr_collations).
func (s *state) assignCollation(e tree.Expr) {
	if e != nil {
		var c collContext
		s.collate(e, &c)
	}
}

// assignQuery fills in the collations of a query's own expressions (assign_query_collations). The range table is done when it is built.
func (s *state) assignQuery(q *tree.Query) {
	for i := range q.Target {
		if q.Target[i].SortRef != 0 {
			var c collContext
			s.collateTarget(&q.Target[i], &c)
		}
	}
	tree.QueryExprs(q, tree.SkipRTable, func(e tree.Expr) { s.assignCollation(e) })
}

// collateTarget is collate for a target entry: one that is sorted or grouped by must know its collation.
func (s *state) collateTarget(te *tree.TargetEntry, out *collContext) {
	var c collContext
	s.collate(te.Expr, &c)
	if c.strength == collConflict && te.SortRef != 0 {
		s.failConflict(&c)
	}
	s.merge(out, c.coll, c.strength, c.loc, c.coll2, c.loc2)
}

func (s *state) failConflict(c *collContext) {
	fail(pgerr.Newf(pgerr.CollationMismatch, "collation mismatch between implicit collations \"%s\" and \"%s\"", s.collationName(c.coll), s.collationName(c.coll2)).
		WithHint("You can choose the collation by applying the COLLATE clause to one or both expressions.").At(int(c.loc2)))
}

// commonCollation resolves the collation of values that will be compared with each other (select_common_collation); 0 for a conflict when noneOK.
func (s *state) commonCollation(list []tree.Expr, noneOK bool) types.OID {
	var c collContext
	for _, e := range list {
		s.collate(e, &c)
	}
	if c.strength == collConflict {
		if noneOK {
			return 0
		}
		s.failConflict(&c)
	}
	return c.coll
}

// collate fills in e and merges what it found into the surroundings (assign_collations_walker).
func (s *state) collate(e tree.Expr, out *collContext) {
	if e == nil {
		return
	}
	var in collContext
	var coll types.OID
	var st strength
	loc := int32(-1)
	switch x := e.(type) {
	case *tree.CollateExpr:
		s.collate(x.Arg, &in)
		s.merge(out, x.Coll, collExplicit, x.Loc, 0, -1)
		return
	case *tree.FieldSelect:
		s.collate(x.Arg, &in)
		if x.Coll != 0 {
			st = collImplicit
		}
		s.merge(out, x.Coll, st, exprLoc(x), 0, -1)
		return
	case *tree.RowExpr:
		for _, a := range x.Args {
			s.assignCollation(a)
		}
		return
	case *tree.RowCompareExpr:
		for i := range x.Left {
			x.InputColls[i] = s.commonCollation([]tree.Expr{x.Left[i], x.Right[i]}, true)
		}
		return
	case *tree.CoerceToDomain:
		s.collate(x.Arg, &in)
		coll = s.typeCollation(x.T.OID)
		if coll != 0 {
			st, loc = collImplicit, exprLoc(x)
			if in.strength == collExplicit { // an explicit COLLATE shines through
				coll, st, loc = in.coll, in.strength, in.loc
			}
		}
		x.Coll = coll
		s.merge(out, coll, st, loc, 0, -1)
		return
	case *tree.Var, *tree.Const, *tree.Param, *tree.CoerceToDomainValue, *tree.CaseTestExpr, *tree.SetToDefault, *tree.CurrentOfExpr, *tree.MultiExprParam,
		*tree.SQLValueFunction, *tree.NextValueExpr:
		if coll = e.Collation(); coll != 0 {
			st = collImplicit
		}
		s.merge(out, coll, st, exprLoc(e), 0, -1)
		return
	case *tree.SubLink:
		s.collate(x.Test, &in)
		if _, ts, colls := targetColumns(x.Query.Target); len(ts) > 0 && x.Kind != tree.ExistsSubLink {
			if colls[0] != 0 {
				s.merge(&in, colls[0], collImplicit, x.Loc, 0, -1)
			}
		}
	case *tree.Aggref:
		s.collateAggregate(x, &in)
	case *tree.WindowFunc:
		for _, a := range x.Args {
			s.collate(a, &in)
		}
		s.assignCollation(x.Filter)
	case *tree.CaseExpr:
		for _, w := range x.Whens {
			s.assignCollation(w.Cond)
			s.collate(w.Result, &in)
		}
		s.collate(x.Else, &in)
	case *tree.SubscriptingRef:
		for _, i := range x.Upper {
			s.assignCollation(i)
		}
		for _, i := range x.Lower {
			s.assignCollation(i)
		}
		s.collate(x.Arg, &in)
		s.collate(x.Assign, &in)
	case *tree.ArrayCoerceExpr:
		s.collate(x.Arg, &in)
		var elem collContext
		s.collate(x.Elem, &elem)
	default:
		tree.Children(e, func(c tree.Expr) { s.collate(c, &in) })
	}
	if tc := s.typeCollation(e.Type().OID); tc != 0 {
		if in.strength > collNone {
			coll, st, loc = in.coll, in.strength, in.loc
		} else {
			coll, st, loc = tc, collImplicit, exprLoc(e)
		}
	}
	result, input := coll, in.coll
	if st == collConflict {
		result = 0
	}
	if in.strength == collConflict {
		input = 0
	}
	setCollation(e, result, input)
	s.merge(out, coll, st, loc, in.coll2, in.loc2)
}

// collateAggregate handles an aggregate's arguments: those of a plain one decide together, direct and ordering arguments each on their own.
func (s *state) collateAggregate(x *tree.Aggref, in *collContext) {
	switch x.Kind {
	case 'n':
		for i := range x.Args {
			if x.Args[i].Junk {
				var c collContext
				s.collateTarget(&x.Args[i], &c)
			} else {
				s.collateTarget(&x.Args[i], in)
			}
		}
	default:
		// One aggregated argument shares its collation with the aggregate; several, or those of a hypothetical set, stand for themselves.
		hypothetical := 0
		if x.Kind == 'h' {
			hypothetical = len(x.Args)
		}
		merge := len(x.Args) == 1
		for i := range x.Direct {
			if i < len(x.Direct)-hypothetical {
				s.collate(x.Direct[i], in)
			}
		}
		for i := range x.Args {
			switch {
			case x.Kind == 'h':
				d := x.Direct[len(x.Direct)-hypothetical+i]
				coll := s.commonCollation([]tree.Expr{d, x.Args[i].Expr}, true)
				// The ordering column sorts by the common collation.
				if coll != 0 && coll != x.Args[i].Expr.Collation() {
					t := x.Args[i].Expr.Type()
					x.Args[i].Expr = &tree.RelabelType{Arg: x.Args[i].Expr, T: t, Coll: coll, Form: tree.CoerceImplicitCast, Loc: -1}
				}
			case merge:
				s.collateTarget(&x.Args[i], in)
			default:
				var c collContext
				s.collateTarget(&x.Args[i], &c)
			}
		}
	}
	s.assignCollation(x.Filter)
}

// merge adds a part's collation to that of the whole (merge_collation_state).
func (s *state) merge(c *collContext, coll types.OID, st strength, loc int32, coll2 types.OID, loc2 int32) {
	if st > c.strength {
		c.coll, c.strength, c.loc = coll, st, loc
		if st == collConflict {
			c.coll2, c.loc2 = coll2, loc2
		}
		return
	}
	if st < c.strength || coll == c.coll {
		return
	}
	switch st {
	case collImplicit:
		// A collation other than the default one beats it.
		if c.coll == defaultCollation {
			c.coll, c.loc = coll, loc
		} else if coll != defaultCollation {
			c.strength, c.coll2, c.loc2 = collConflict, coll, loc
		}
	case collExplicit:
		failf(loc, pgerr.CollationMismatch, "collation mismatch between explicit collations \"%s\" and \"%s\"", s.collationName(c.coll), s.collationName(coll))
	}
}

// setCollation stores the collation of a node's result and the one that its function uses.
func setCollation(e tree.Expr, coll, input types.OID) {
	switch x := e.(type) {
	case *tree.FuncExpr:
		x.Coll, x.InputColl = coll, input
	case *tree.OpExpr:
		x.Coll, x.InputColl = coll, input
	case *tree.DistinctExpr:
		x.Coll, x.InputColl = coll, input
	case *tree.NullIfExpr:
		x.Coll, x.InputColl = coll, input
	case *tree.ScalarArrayOpExpr:
		x.InputColl = input
	case *tree.Aggref:
		x.Coll, x.InputColl = coll, input
	case *tree.WindowFunc:
		x.Coll, x.InputColl = coll, input
	case *tree.SubLink:
		x.Coll = coll
	case *tree.RelabelType:
		x.Coll = coll
	case *tree.CoerceViaIO:
		x.Coll = coll
	case *tree.ArrayCoerceExpr:
		x.Coll = coll
	case *tree.CaseExpr:
		x.Coll = coll
	case *tree.ArrayExpr:
		x.Coll = coll
	case *tree.CoalesceExpr:
		x.Coll = coll
	case *tree.MinMaxExpr:
		x.Coll = coll
	case *tree.SubscriptingRef:
		x.Coll = coll
	}
}

func (a *analyzer) collationName(oid types.OID) string {
	if c := a.cat.Collation(oid); c != nil {
		return c.Name
	}
	return itoa(int(oid))
}

// collationOf finds a collation by name.
func (a *analyzer) collationOf(names []*pg.Node, loc int32) types.OID {
	schema, name := a.splitName(names)
	if schema != "" {
		if ns := a.schemaOID(schema, false, loc); ns != 0 {
			if c := a.cat.CollationByName(ns, name); c != nil {
				return c.OID
			}
		}
	} else {
		for _, ns := range a.env.SearchPath {
			if c := a.cat.CollationByName(ns, name); c != nil {
				return c.OID
			}
		}
	}
	failf(loc, pgerr.UndefinedObject, "collation \"%s\" for encoding \"%s\" does not exist", nameListToString(names), "UTF8")
	return 0
}
