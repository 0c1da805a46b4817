package analyze

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// lateralSRFHint is the way out where set-returning calls are not allowed.
const lateralSRFHint = "You might be able to move the set-returning function into a LATERAL FROM item."

// aggregate builds an Aggref (the second half of ParseFuncOrColumn, and transformAggregateCall).
func (c *call) aggregate(ret types.OID) tree.Expr {
	s, n := c.s, c.n
	if len(c.args) == 0 && !n.AggStar && !n.AggWithinGroup {
		failf(c.loc, pgerr.WrongObjectType, "%s(*) must be used to call a parameterless aggregate function", c.name)
	}
	if c.proc.RetSet {
		failf(c.loc, pgerr.InvalidFunctionDefinition, "aggregates cannot return sets")
	}
	if len(c.argNames) > 0 {
		failf(c.loc, pgerr.FeatureNotSupported, "aggregates cannot use named arguments")
	}
	agg := &tree.Aggref{Func: c.proc.OID, T: types.Of(ret), Filter: c.filter, Star: n.AggStar, Variadic: c.variadic, Kind: c.aggKind, Loc: c.loc}
	for _, a := range c.args {
		agg.ArgTypes = append(agg.ArgTypes, a.Type().OID)
	}
	save := s.nextResNo
	s.nextResNo = 1
	if c.aggKind != 'n' {
		c.orderedSet(agg)
	} else {
		for _, a := range c.args {
			agg.Args = append(agg.Args, tree.TargetEntry{Expr: a, ResNo: s.nextResNo})
			s.nextResNo++
		}
		if n.AggOrder != nil {
			agg.Order = s.sortClause(n.AggOrder, &agg.Args, kindOrderBy, true)
		}
		if n.AggDistinct {
			agg.Distinct = s.distinctClause(&agg.Args, agg.Order, true)
			for _, d := range agg.Distinct {
				if d.SortOp == 0 {
					e := targetBySortRef(agg.Args, d.SortRef).Expr
					fail(pgerr.Newf(pgerr.UndefinedFunction, "could not identify an ordering operator for type %s", s.typeName(e.Type().OID)).
						WithDetail("Aggregates with DISTINCT must be able to sort their inputs.").At(int(exprLoc(e))))
				}
			}
		}
	}
	s.nextResNo = save
	s.placeAggregate(agg)
	return agg
}

// orderedSet splits the arguments of an ordered-set aggregate into direct and aggregated ones.
func (c *call) orderedSet(agg *tree.Aggref) {
	direct := len(c.args) - len(c.n.AggOrder)
	agg.Direct = slices.Clone(c.args[:direct])
	for i, a := range c.args[direct:] {
		agg.Args = append(agg.Args, tree.TargetEntry{Expr: a, ResNo: i + 1})
		c.s.nextResNo++
	}
	for i, o := range c.n.AggOrder {
		agg.Order = c.s.addToSort(&agg.Args, i, agg.Order, o.GetSortBy())
	}
}

// placeAggregate finds the query level that the aggregate belongs to and checks that it may stand there (check_agglevels_and_constraints).
func (s *state) placeAggregate(agg *tree.Aggref) {
	lv := newAggLevels(s)
	for i := range agg.Args {
		lv.walk(agg.Args[i].Expr, 0)
	}
	lv.walk(agg.Filter, 0)
	level := lv.level()
	lv.check(level, agg.Loc)
	if len(agg.Direct) > 0 {
		d := newAggLevels(s)
		for _, e := range agg.Direct {
			d.walk(e, 0)
		}
		if d.minVar >= 0 && d.minVar < level {
			failf(exprLoc(d.varLoc), pgerr.GroupingError, "outer-level aggregate cannot contain a lower-level variable in its direct arguments")
		}
		if d.minAgg >= 0 && d.minAgg <= level {
			failf(exprLoc(d.aggLoc), pgerr.GroupingError, "aggregate function calls cannot be nested")
		}
	}
	agg.LevelsUp = level
	outer := s.up(level)
	outer.hasAggs = true
	outer.checkAggPlace("aggregate functions", agg.Loc)
}

// up returns the state some levels out.
func (s *state) up(levels int) *state {
	for ; levels > 0; levels-- {
		s = s.parent
	}
	return s
}

// aggLevels finds the innermost query levels of the variables and aggregates in an aggregate's arguments.
type aggLevels struct {
	s              *state
	minVar, minAgg int
	varLoc, aggLoc tree.Expr
	minCTE         int
	cte            string
}

func newAggLevels(s *state) *aggLevels {
	return &aggLevels{s: s, minVar: -1, minAgg: -1, minCTE: -1}
}

// check fails for what an aggregate of the level must not contain.
func (l *aggLevels) check(level int, loc int32) {
	if l.minAgg == level && l.aggLoc != nil {
		failf(exprLoc(l.aggLoc), pgerr.GroupingError, "aggregate function calls cannot be nested")
	}
	if l.minCTE >= 0 && l.minCTE < level {
		fail(pgerr.New(pgerr.FeatureNotSupported, "outer-level aggregate cannot use a nested CTE").
			WithDetail("CTE \"%s\" is below the aggregate's semantic level.", l.cte).At(int(loc)))
	}
}

// level is the level of an aggregate with these arguments: that of the innermost variable or aggregate, its own query for none.
func (l *aggLevels) level() int {
	switch {
	case l.minVar < 0:
		return max(l.minAgg, 0)
	case l.minAgg < 0:
		return l.minVar
	}
	return min(l.minVar, l.minAgg)
}

func (l *aggLevels) walk(e tree.Expr, depth int) {
	if e == nil {
		return
	}
	switch x := e.(type) {
	case *tree.Var:
		if up := x.LevelsUp - depth; up >= 0 && (l.minVar < 0 || up < l.minVar) {
			l.minVar, l.varLoc = up, x
		}
		return
	case *tree.Aggref:
		l.sawAgg(x, x.LevelsUp-depth)
	case *tree.GroupingFunc:
		l.sawAgg(x, x.LevelsUp-depth)
	case *tree.FuncExpr:
		if x.RetSet && depth == 0 {
			fail(pgerr.New(pgerr.FeatureNotSupported, "aggregate function calls cannot contain set-returning function calls").
				WithHint(lateralSRFHint).At(int(exprLoc(x))))
		}
	case *tree.OpExpr:
		if x.RetSet && depth == 0 {
			fail(pgerr.New(pgerr.FeatureNotSupported, "aggregate function calls cannot contain set-returning function calls").
				WithHint(lateralSRFHint).At(int(exprLoc(x))))
		}
	case *tree.WindowFunc:
		if depth == 0 {
			failf(exprLoc(x), pgerr.GroupingError, "aggregate function calls cannot contain window function calls")
		}
	}
	tree.Children(e, func(c tree.Expr) { l.walk(c, depth) })
	if sub, ok := e.(*tree.SubLink); ok {
		l.walkQuery(sub.Query, depth+1)
	}
}

func (l *aggLevels) sawAgg(e tree.Expr, up int) {
	if up >= 0 && (l.minAgg < 0 || up < l.minAgg) {
		l.minAgg, l.aggLoc = up, e
	}
}

func (l *aggLevels) walkQuery(q *tree.Query, depth int) {
	if q == nil {
		return
	}
	for _, r := range q.RTable {
		if r.Kind == tree.RTECTE {
			if up := r.CTELevels - depth; up >= 0 && (l.minCTE < 0 || up < l.minCTE) {
				l.minCTE, l.cte = up, r.Eref.Name
			}
		}
	}
	tree.QueryExprs(q, 0, func(e tree.Expr) { l.walk(e, depth) })
	tree.Subqueries(q, func(sub *tree.Query) { l.walkQuery(sub, depth+1) })
}

// groupingFunc analyzes GROUPING(...) (transformGroupingFunc).
func (s *state) groupingFunc(n *pg.GroupingFunc) tree.Expr {
	if len(n.Args) > 31 {
		failf(n.Location, pgerr.TooManyArguments, "GROUPING must have fewer than 32 arguments")
	}
	g := &tree.GroupingFunc{Loc: n.Location}
	for _, a := range n.Args {
		g.Args = append(g.Args, s.recurse(a))
	}
	lv := newAggLevels(s)
	for _, a := range g.Args {
		lv.walk(a, 0)
	}
	level := lv.level()
	lv.check(level, n.Location)
	g.LevelsUp = level
	outer := s.up(level)
	outer.hasAggs = true
	outer.checkAggPlace("grouping operations", n.Location)
	return g
}

// window builds a WindowFunc (ParseFuncOrColumn, transformWindowFuncCall).
func (c *call) window(ret types.OID, last tree.Expr) tree.Expr {
	s, n := c.s, c.n
	w := &tree.WindowFunc{Func: c.proc.OID, T: types.Of(ret), Args: c.args, Filter: c.filter, Star: n.AggStar, Agg: c.class == funcAggregate, Loc: c.loc}
	if n.AggDistinct {
		failf(c.loc, pgerr.FeatureNotSupported, "DISTINCT is not implemented for window functions")
	}
	if w.Agg && len(c.args) == 0 && !n.AggStar {
		failf(c.loc, pgerr.WrongObjectType, "%s(*) must be used to call a parameterless aggregate function", c.name)
	}
	if n.AggOrder != nil {
		failf(c.loc, pgerr.FeatureNotSupported, "aggregate ORDER BY is not implemented for window functions")
	}
	if !w.Agg && c.filter != nil {
		failf(c.loc, pgerr.FeatureNotSupported, "FILTER is not implemented for non-aggregate window functions")
	}
	if s.lastSRF != last {
		fail(pgerr.New(pgerr.FeatureNotSupported, "window function calls cannot contain set-returning function calls").
			WithHint(lateralSRFHint).At(int(exprLoc(s.lastSRF))))
	}
	if c.proc.RetSet {
		failf(c.loc, pgerr.InvalidFunctionDefinition, "window functions cannot return sets")
	}
	if s.hasWindow {
		for _, a := range c.args {
			if inner := findWindowFunc(a); inner != nil {
				failf(exprLoc(inner), pgerr.WindowingError, "window function calls cannot be nested")
			}
		}
	}
	s.checkWindowPlace(c.loc)
	s.attachWindow(w, n.Over)
	s.hasWindow = true
	return w
}

// findWindowFunc returns a window function call in the expression, nil if there is none.
func findWindowFunc(e tree.Expr) tree.Expr {
	var found tree.Expr
	tree.Walk(e, func(x tree.Expr) bool {
		if w, ok := x.(*tree.WindowFunc); ok && found == nil {
			found = w
		}
		return found == nil
	})
	return found
}

// checkAggregates makes sure that a query with aggregates or grouping uses only grouped columns elsewhere (parseCheckAggregates).
func (s *state) checkAggregates(q *tree.Query) {
	var common []int // sort references that are in all grouping sets
	switch {
	case len(q.GroupingSets) > 0:
		sets := ExpandGroupingSets(q.GroupingSets, q.GroupDistinct, maxGroupingSets)
		if sets == nil {
			fail(pgerr.Newf(pgerr.StatementTooComplex, "too many grouping sets present (maximum %d)", maxGroupingSets).At(int(q.GroupingSets[0].Loc)))
		}
		common = slices.Clone(sets[0])
		for _, set := range sets[1:] {
			common = slices.DeleteFunc(common, func(r int) bool { return !slices.Contains(set, r) })
		}
		if len(sets) == 1 && len(q.GroupBy) > 0 {
			q.GroupingSets = nil
		}
	default:
		for _, g := range q.GroupBy {
			common = append(common, g.SortRef)
		}
	}
	c := &groupChecker{s: s, q: q}
	for _, r := range s.rtable {
		c.hasJoin = c.hasJoin || r.Kind == tree.RTEJoin
		c.hasSelfRef = c.hasSelfRef || r.Kind == tree.RTECTE && r.SelfRef
	}
	for _, g := range q.GroupBy {
		te := targetBySortRef(q.Target, g.SortRef)
		e := c.flatten(te.Expr)
		c.exprs = append(c.exprs, e)
		c.refs = append(c.refs, g.SortRef)
		if v, ok := e.(*tree.Var); !ok {
			c.nonVar = true
		} else if slices.Contains(common, g.SortRef) {
			c.commonVars = append(c.commonVars, v)
		}
	}
	for i := range q.Target {
		c.grouping(q.Target[i].Expr)
		c.check(c.flatten(q.Target[i].Expr), 0)
	}
	if q.Having != nil {
		c.grouping(q.Having)
		c.check(c.flatten(q.Having), 0)
	}
	if s.hasAggs && c.hasSelfRef {
		loc := int32(-1)
		find := func(e tree.Expr) {
			tree.WalkDeep(e, func(x tree.Expr, depth int) bool {
				if a, ok := x.(*tree.Aggref); ok && a.LevelsUp == depth && loc < 0 {
					loc = a.Loc
				}
				return true
			})
		}
		for i := range q.Target {
			find(q.Target[i].Expr)
		}
		find(q.Having)
		failf(loc, pgerr.InvalidRecursion, "aggregate functions are not allowed in a recursive query's recursive term")
	}
}

// groupChecker checks expressions above a grouping.
type groupChecker struct {
	s                   *state
	q                   *tree.Query
	exprs               []tree.Expr // the grouping expressions, join aliases resolved
	refs                []int
	commonVars          []*tree.Var
	nonVar              bool
	hasJoin, hasSelfRef bool
	dependent           map[int]bool // range table entries grouped by their primary key
	inDirect            bool
}

// flatten resolves references to join columns.
func (c *groupChecker) flatten(e tree.Expr) tree.Expr {
	if !c.hasJoin {
		return e
	}
	return flattenJoinVars(c.s.rtable, e)
}

// flattenJoinVars replaces references to the columns of joins by what they stand for (flatten_join_alias_vars).
func flattenJoinVars(rtable []*tree.RTE, e tree.Expr) tree.Expr {
	return tree.MutateDeep(e, 0, func(x tree.Expr, depth int) (tree.Expr, bool) {
		v, ok := x.(*tree.Var)
		if !ok || v.LevelsUp != depth || v.VarNo < 1 || v.VarNo > len(rtable) {
			return nil, false
		}
		r := rtable[v.VarNo-1]
		if r.Kind != tree.RTEJoin || v.AttNo < 1 || v.AttNo > len(r.JoinAlias) || r.JoinAlias[v.AttNo-1] == nil {
			return nil, false
		}
		out := r.JoinAlias[v.AttNo-1]
		if depth > 0 {
			out = tree.IncrementLevels(out, depth, 0)
		}
		out = flattenJoinVars(rtable, out)
		if w, ok := out.(*tree.Var); ok && v.Loc >= 0 {
			c := *w
			c.Loc = v.Loc
			out = &c
		}
		return out, true
	})
}

// grouping fills in the references of GROUPING calls (finalize_grouping_exprs).
func (c *groupChecker) grouping(e tree.Expr) {
	tree.WalkDeep(e, func(e tree.Expr, depth int) bool {
		switch x := e.(type) {
		case *tree.Aggref:
			if x.LevelsUp > depth {
				return false
			}
		case *tree.GroupingFunc:
			if x.LevelsUp != depth {
				return x.LevelsUp < depth
			}
			x.Refs = nil
			for _, arg := range x.Args {
				ref := c.groupRef(arg, depth)
				if ref == 0 {
					failf(exprLoc(arg), pgerr.GroupingError, "arguments to GROUPING must be grouping expressions of the associated query level")
				}
				x.Refs = append(x.Refs, ref)
			}
			return false
		}
		return true
	})
}

// groupRef is the sort reference of the grouping expression equal to e, which is depth levels down; 0 for none.
func (c *groupChecker) groupRef(e tree.Expr, depth int) int {
	if depth > 0 {
		e = tree.IncrementLevels(e, -depth, depth)
	}
	e = c.flatten(e)
	for i, g := range c.exprs {
		if tree.Equal(e, g) {
			return c.refs[i]
		}
	}
	return 0
}

// check fails at the first column that is neither grouped nor inside an aggregate (check_ungrouped_columns).
func (c *groupChecker) check(e tree.Expr, depth int) {
	if e == nil {
		return
	}
	switch x := e.(type) {
	case *tree.Const, *tree.Param:
		return
	case *tree.Aggref:
		if x.LevelsUp == depth {
			// Only the direct arguments are computed after grouping.
			c.inDirect = true
			for _, d := range x.Direct {
				c.check(d, depth)
			}
			c.inDirect = false
			return
		}
		if x.LevelsUp > depth {
			return
		}
	case *tree.GroupingFunc:
		if x.LevelsUp >= depth {
			return
		}
	}
	if c.nonVar && depth == 0 {
		for _, g := range c.exprs {
			if tree.Equal(e, g) {
				return
			}
		}
	}
	if v, ok := e.(*tree.Var); ok {
		c.checkVar(v, depth)
		return
	}
	tree.Children(e, func(x tree.Expr) { c.check(x, depth) })
	if sub, ok := e.(*tree.SubLink); ok && sub.Query != nil {
		c.checkQuery(sub.Query, depth+1)
	}
}

func (c *groupChecker) checkQuery(q *tree.Query, depth int) {
	tree.QueryExprs(q, tree.SkipJoinAliases, func(e tree.Expr) { c.check(e, depth) })
	tree.Subqueries(q, func(sub *tree.Query) { c.checkQuery(sub, depth+1) })
}

func (c *groupChecker) checkVar(v *tree.Var, depth int) {
	if v.LevelsUp != depth {
		return
	}
	if depth > 0 || !c.nonVar {
		for _, g := range c.exprs {
			if gv, ok := g.(*tree.Var); ok && gv.VarNo == v.VarNo && gv.AttNo == v.AttNo && gv.LevelsUp == 0 {
				return
			}
		}
	}
	if c.dependsOnKey(v.VarNo) {
		return
	}
	r := c.s.rtable[v.VarNo-1]
	col := c.s.columnName(r, v.AttNo)
	if depth > 0 {
		failf(v.Loc, pgerr.GroupingError, "subquery uses ungrouped column \"%s.%s\" from outer query", r.Eref.Name, col)
	}
	err := pgerr.Newf(pgerr.GroupingError, "column \"%s.%s\" must appear in the GROUP BY clause or be used in an aggregate function", r.Eref.Name, col).At(int(v.Loc))
	if c.inDirect {
		err.WithDetail("Direct arguments of an ordered-set aggregate must use only grouped columns.")
	}
	fail(err)
}

// dependsOnKey reports whether the table's primary key is grouped, so that all its columns are determined (check_functional_grouping).
func (c *groupChecker) dependsOnKey(varno int) bool {
	if known, ok := c.dependent[varno]; ok {
		return known
	}
	if c.dependent == nil {
		c.dependent = map[int]bool{}
	}
	ok := c.keyGrouped(varno)
	c.dependent[varno] = ok
	return ok
}

func (c *groupChecker) keyGrouped(varno int) bool {
	r := c.s.rtable[varno-1]
	if r.Kind != tree.RTERelation {
		return false
	}
	rel := c.s.cat.Relation(r.RelID)
	if rel == nil {
		return false
	}
	for _, con := range rel.Constraints {
		if con.Type != 'p' || con.Deferrable {
			continue
		}
		for _, att := range con.Cols {
			if !slices.ContainsFunc(c.commonVars, func(v *tree.Var) bool { return v.VarNo == varno && v.LevelsUp == 0 && v.AttNo == att }) {
				return false
			}
		}
		if len(con.Cols) > 0 && !slices.Contains(c.q.ConstraintDeps, con.OID) {
			c.q.ConstraintDeps = append(c.q.ConstraintDeps, con.OID)
		}
		return len(con.Cols) > 0
	}
	return false
}

// ExpandGroupingSets lists the sets of sort-group references that a GROUP BY with grouping sets stands for, shortest first; nil when there are more
// than limit (expand_grouping_sets).
func ExpandGroupingSets(sets []*tree.GroupingSet, distinct bool, limit int) [][]int {
	result := [][]int{{}}
	for _, g := range sets {
		var next [][]int
		for _, have := range result {
			for _, add := range g.Lists(limit) {
				set := slices.Clone(have)
				for _, r := range add {
					if !slices.Contains(set, r) {
						set = append(set, r)
					}
				}
				next = append(next, set)
			}
			if len(next) > limit {
				return nil
			}
		}
		result = next
	}
	for i := range result {
		slices.Sort(result[i])
	}
	slices.SortStableFunc(result, func(a, b []int) int { return len(a) - len(b) })
	if distinct {
		var unique [][]int
		for _, set := range result {
			if !slices.ContainsFunc(unique, func(u []int) bool { return slices.Equal(u, set) }) {
				unique = append(unique, set)
			}
		}
		result = unique
	}
	return result
}
