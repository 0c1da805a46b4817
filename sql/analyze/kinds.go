package analyze

import (
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
)

// exprKind says which part of a statement an expression belongs to (ParseExprKind): aggregates, window functions, set-returning functions and
// subqueries are allowed by it.
type exprKind uint8

const (
	kindNone exprKind = iota
	kindOther
	kindJoinOn
	kindJoinUsing
	kindFromSubselect
	kindFromFunction
	kindWhere
	kindHaving
	kindFilter
	kindWindowPartition
	kindWindowOrder
	kindWindowRange
	kindWindowRows
	kindWindowGroups
	kindSelectTarget
	kindInsertTarget
	kindUpdateSource
	kindUpdateTarget
	kindMergeWhen
	kindGroupBy
	kindOrderBy
	kindDistinctOn
	kindLimit
	kindOffset
	kindReturning
	kindValues
	kindValuesSingle
	kindCheck
	kindDomainCheck
	kindDefault
	kindFunctionDefault
	kindIndexExpr
	kindIndexPredicate
	kindTransform
	kindExecute
	kindPartitionBound
	kindPartitionExpr
	kindCall
	kindCopyWhere
	kindGenerated
	kindCycleMark
)

// kindInfo describes a kind for messages: name is SQL's name of the clause, plural and one how PostgreSQL speaks of expressions there; plural is
// empty when it names the clause instead.
type kindInfo struct{ name, plural, one string }

var kindInfos = [...]kindInfo{
	kindNone: {"invalid expression kind", "", ""}, kindOther: {"OTHER", "", ""},
	kindJoinOn: {"JOIN/ON", "JOIN conditions", ""}, kindJoinUsing: {"JOIN/USING", "JOIN conditions", ""},
	kindFromSubselect: {"sub-SELECT in FROM", "", ""}, kindFromFunction: {"function in FROM", "functions in FROM", ""},
	kindWhere: {"WHERE", "", ""}, kindHaving: {"HAVING", "", ""}, kindFilter: {"FILTER", "", ""},
	kindWindowPartition: {"window PARTITION BY", "", ""}, kindWindowOrder: {"window ORDER BY", "", ""},
	kindWindowRange: {"window RANGE", "window RANGE", ""}, kindWindowRows: {"window ROWS", "window ROWS", ""},
	kindWindowGroups: {"window GROUPS", "window GROUPS", ""},
	kindSelectTarget: {"SELECT", "", ""}, kindInsertTarget: {"INSERT", "", ""}, kindUpdateSource: {"UPDATE", "", ""}, kindUpdateTarget: {"UPDATE", "", ""},
	kindMergeWhen: {"MERGE WHEN", "MERGE WHEN conditions", ""},
	kindGroupBy:   {"GROUP BY", "", ""}, kindOrderBy: {"ORDER BY", "", ""}, kindDistinctOn: {"DISTINCT ON", "", ""}, kindLimit: {"LIMIT", "", ""}, kindOffset: {"OFFSET", "", ""},
	kindReturning: {"RETURNING", "", ""}, kindValues: {"VALUES", "", ""}, kindValuesSingle: {"VALUES", "", ""},
	kindCheck: {"CHECK", "check constraints", "check constraint"}, kindDomainCheck: {"CHECK", "check constraints", "check constraint"},
	kindDefault: {"DEFAULT", "DEFAULT expressions", "DEFAULT expression"}, kindFunctionDefault: {"DEFAULT", "DEFAULT expressions", "DEFAULT expression"},
	kindIndexExpr: {"index expression", "index expressions", "index expression"}, kindIndexPredicate: {"index predicate", "index predicates", "index predicate"},
	kindTransform: {"USING", "transform expressions", "transform expression"}, kindExecute: {"EXECUTE", "EXECUTE parameters", "EXECUTE parameter"},
	kindPartitionBound: {"partition bound", "partition bound", "partition bound"},
	kindPartitionExpr:  {"PARTITION BY", "partition key expressions", "partition key expression"},
	kindCall:           {"CALL", "CALL arguments", "CALL argument"}, kindCopyWhere: {"WHERE", "COPY FROM WHERE conditions", "COPY FROM WHERE condition"},
	kindGenerated: {"GENERATED AS", "column generation expressions", "column generation expression"}, kindCycleMark: {"CYCLE", "", ""},
}

// place is the kind as "not allowed in ..." names it.
func (k exprKind) place() string {
	if p := kindInfos[k].plural; p != "" {
		return p
	}
	return kindInfos[k].name
}

// checkSRF fails where a set-returning function is not allowed (check_srf_call_placement). last is the set-returning call seen before the arguments of this one.
func (s *state) checkSRF(last tree.Expr, loc int32) {
	switch s.kind {
	case kindOther, kindNone:
	case kindFromFunction:
		// Allowed at the top level only: a call whose arguments hold another one, or one inside another expression, is nested.
		if s.lastSRF != last {
			fail(pgerr.New(pgerr.FeatureNotSupported, "set-returning functions must appear at top level of FROM").At(int(exprLoc(s.lastSRF))))
		}
	case kindWindowPartition, kindWindowOrder, kindSelectTarget, kindInsertTarget, kindGroupBy, kindOrderBy, kindDistinctOn, kindValuesSingle:
		s.hasSRF = true
	case kindWindowRange, kindWindowRows, kindWindowGroups:
		failf(loc, pgerr.FeatureNotSupported, "set-returning functions are not allowed in window definitions")
	default:
		failf(loc, pgerr.FeatureNotSupported, "set-returning functions are not allowed in %s", s.kind.place())
	}
}

// checkAggPlace fails where an aggregate or GROUPING is not allowed.
func (s *state) checkAggPlace(what string, loc int32) {
	switch s.kind {
	case kindNone, kindOther, kindHaving, kindWindowPartition, kindWindowOrder, kindSelectTarget, kindOrderBy, kindDistinctOn:
		return
	case kindFromSubselect:
		failf(loc, pgerr.GroupingError, "%s are not allowed in FROM clause of their own query level", what)
	}
	failf(loc, pgerr.GroupingError, "%s are not allowed in %s", what, s.kind.place())
}

// checkWindowPlace fails where a window function is not allowed.
func (s *state) checkWindowPlace(loc int32) {
	switch s.kind {
	case kindNone, kindOther, kindSelectTarget, kindOrderBy, kindDistinctOn:
		return
	case kindWindowPartition, kindWindowOrder, kindWindowRange, kindWindowRows, kindWindowGroups:
		failf(loc, pgerr.WindowingError, "window functions are not allowed in window definitions")
	}
	failf(loc, pgerr.WindowingError, "window functions are not allowed in %s", s.kind.place())
}

// checkSubLinkPlace fails where a subquery is not allowed.
func (s *state) checkSubLinkPlace(loc int32) {
	if one := kindInfos[s.kind].one; one != "" {
		failf(loc, pgerr.FeatureNotSupported, "cannot use subquery in %s", one)
	}
}
