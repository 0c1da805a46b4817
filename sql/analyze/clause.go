package analyze

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// sortClause analyzes ORDER BY; expressions that are not in the target list are added to it as junk. Under SQL99 rules names are columns only
// (transformSortClause).
func (s *state) sortClause(list []*pg.Node, target *[]tree.TargetEntry, kind exprKind, sql99 bool) []tree.SortClause {
	var out []tree.SortClause
	for _, n := range list {
		by := n.GetSortBy()
		i := s.findTarget(by.Node, target, kind, sql99)
		out = s.addToSort(target, i, out, by)
	}
	return out
}

// findTarget finds or adds the target entry that an ORDER BY, GROUP BY or DISTINCT ON item means; it returns its index (findTargetlistEntrySQL92 and SQL99).
func (s *state) findTarget(n *pg.Node, target *[]tree.TargetEntry, kind exprKind, sql99 bool) int {
	if !sql99 {
		if i := s.findTargetSQL92(n, *target, kind); i >= 0 {
			return i
		}
	}
	e := s.expr(n, kind)
	for i := range *target {
		if tree.Equal(e, stripImplicit((*target)[i].Expr)) {
			return i
		}
	}
	*target = append(*target, tree.TargetEntry{Expr: e, ResNo: s.nextResNo, Junk: true})
	s.nextResNo++
	return len(*target) - 1
}

// findTargetSQL92 understands output column names and numbers; -1 when the item is neither.
func (s *state) findTargetSQL92(n *pg.Node, target []tree.TargetEntry, kind exprKind) int {
	if c := n.GetColumnRef(); c != nil && len(c.Fields) == 1 && c.Fields[0].GetString_() != nil {
		name := str(c.Fields[0])
		if kind == kindGroupBy && s.columnVar(name, true, c.Location) != nil {
			// In GROUP BY, a column of a table comes before an output column.
			return -1
		}
		found := -1
		for i := range target {
			if target[i].Junk || target[i].Name != name {
				continue
			}
			if found >= 0 {
				if !tree.Equal(target[found].Expr, target[i].Expr) {
					failf(c.Location, pgerr.AmbiguousColumn, "%s \"%s\" is ambiguous", kindInfos[kind].name, name)
				}
			} else {
				found = i
			}
		}
		if found >= 0 {
			s.checkTargetSQL92(&target[found], kind)
		}
		return found
	}
	if c := n.GetAConst(); c != nil {
		if c.GetIval() == nil || c.Isnull {
			failf(c.Location, pgerr.SyntaxError, "non-integer constant in %s", kindInfos[kind].name)
		}
		want, pos := int(c.GetIval().Ival), 0
		for i := range target {
			if target[i].Junk {
				continue
			}
			if pos++; pos == want {
				s.checkTargetSQL92(&target[i], kind)
				return i
			}
		}
		failf(c.Location, pgerr.InvalidColumnReference, "%s position %d is not in select list", kindInfos[kind].name, want)
	}
	return -1
}

// checkTargetSQL92 refuses aggregates and window functions that GROUP BY reaches through a name or number.
func (s *state) checkTargetSQL92(te *tree.TargetEntry, kind exprKind) {
	if kind != kindGroupBy {
		return
	}
	if s.hasAggs {
		tree.WalkDeep(te.Expr, func(e tree.Expr, depth int) bool {
			if a, ok := e.(*tree.Aggref); ok && a.LevelsUp == depth {
				failf(a.Loc, pgerr.GroupingError, "aggregate functions are not allowed in GROUP BY")
			}
			return true
		})
	}
	if s.hasWindow {
		if w := findWindowFunc(te.Expr); w != nil {
			failf(exprLoc(w), pgerr.WindowingError, "window functions are not allowed in GROUP BY")
		}
	}
}

// stripImplicit removes implicit coercions from the top of an expression (strip_implicit_coercions).
func stripImplicit(e tree.Expr) tree.Expr {
	for {
		switch x := e.(type) {
		case *tree.FuncExpr:
			if x.Form != tree.CoerceImplicitCast || len(x.Args) == 0 {
				return e
			}
			e = x.Args[0]
		case *tree.RelabelType:
			if x.Form != tree.CoerceImplicitCast {
				return e
			}
			e = x.Arg
		case *tree.CoerceViaIO:
			if x.Form != tree.CoerceImplicitCast {
				return e
			}
			e = x.Arg
		case *tree.ArrayCoerceExpr:
			if x.Form != tree.CoerceImplicitCast {
				return e
			}
			e = x.Arg
		case *tree.ConvertRowtypeExpr:
			if x.Form != tree.CoerceImplicitCast {
				return e
			}
			e = x.Arg
		case *tree.CoerceToDomain:
			if x.Form != tree.CoerceImplicitCast {
				return e
			}
			e = x.Arg
		default:
			return e
		}
	}
}

// assignSortRef gives a target entry a sort-group reference.
func assignSortRef(target []tree.TargetEntry, i int) int {
	if target[i].SortRef == 0 {
		high := 0
		for j := range target {
			high = max(high, target[j].SortRef)
		}
		target[i].SortRef = high + 1
	}
	return target[i].SortRef
}

// textTarget makes an unknown literal in a target entry text and returns the entry's type.
func (s *state) textTarget(te *tree.TargetEntry) types.OID {
	t := te.Expr.Type().OID
	if t == types.OIDUnknown {
		te.Expr = s.coerce(te.Expr, t, types.Of(types.OIDText), implicit, tree.CoerceImplicitCast, -1)
		t = types.OIDText
	}
	return t
}

// opsAt is sortGroupOps with a location for its errors.
func (s *state) opsAt(t types.OID, lt, eq, gt bool, loc int32) (ltOp, eqOp, gtOp types.OID, hashable bool) {
	defer func() {
		if p := recover(); p != nil {
			if b, ok := p.(bail); ok {
				b.err = pgerr.From(b.err).At(int(loc))
				panic(b)
			}
			panic(p)
		}
	}()
	return s.sortGroupOps(t, lt, eq, gt)
}

// addToSort adds target entry i to a sort list with the direction of an ORDER BY item (addTargetToSortList).
func (s *state) addToSort(target *[]tree.TargetEntry, i int, list []tree.SortClause, by *pg.SortBy) []tree.SortClause {
	te := &(*target)[i]
	t := s.textTarget(te)
	loc := by.Location
	if loc < 0 {
		loc = location(by.Node)
	}
	var c tree.SortClause
	switch by.SortbyDir {
	case pg.SortByDir_SORTBY_DESC:
		_, c.EqOp, c.SortOp, c.Hashable = s.opsAt(t, false, true, true, loc)
		c.Desc = true
	case pg.SortByDir_SORTBY_USING:
		s.usingOp(&c, by, t)
	default:
		c.SortOp, c.EqOp, _, c.Hashable = s.opsAt(t, true, true, false, loc)
	}
	if s.inSortList(te, c.SortOp, list) {
		return list
	}
	c.SortRef = assignSortRef(*target, i)
	switch by.SortbyNulls {
	case pg.SortByNulls_SORTBY_NULLS_FIRST:
		c.NullsFirst = true
	case pg.SortByNulls_SORTBY_NULLS_LAST:
	default:
		c.NullsFirst = c.Desc
	}
	return append(list, c)
}

// usingOp resolves ORDER BY ... USING operator.
func (s *state) usingOp(c *tree.SortClause, by *pg.SortBy, t types.OID) {
	n := s.opNameOf(by.UseOp)
	op := s.compatibleOper(n, t, t, by.Location)
	ops := s.typeOps(op.Left)
	switch op.OID {
	case ops.Lt:
	case ops.Gt:
		c.Desc = true
	default:
		fail(pgerr.Newf(pgerr.WrongObjectType, "operator %s is not a valid ordering operator", n.full).
			WithHint("Ordering operators must be \"<\" or \">\" members of btree operator families.").At(int(by.Location)))
	}
	c.SortOp, c.EqOp, c.Hashable = op.OID, ops.Eq, ops.Hash != 0
}

// inSortList reports whether the entry is sorted by already; op 0 takes any operator (targetIsInSortList).
func (s *state) inSortList(te *tree.TargetEntry, op types.OID, list []tree.SortClause) bool {
	if te.SortRef == 0 {
		return false
	}
	for _, c := range list {
		if c.SortRef != te.SortRef {
			continue
		}
		if op == 0 || op == c.SortOp {
			return true
		}
		if o := s.cat.Operator(c.SortOp); o != nil && o.Commutator == op {
			return true
		}
	}
	return false
}

// addToGroup adds target entry i to a grouping list (addTargetToGroupList).
func (s *state) addToGroup(target *[]tree.TargetEntry, i int, list []tree.SortClause, loc int32) []tree.SortClause {
	te := &(*target)[i]
	t := s.textTarget(te)
	if s.inSortList(te, 0, list) {
		return list
	}
	var c tree.SortClause
	c.SortOp, c.EqOp, _, c.Hashable = s.opsAt(t, false, true, false, loc)
	c.SortRef = assignSortRef(*target, i)
	return append(list, c)
}

// distinctClause analyzes DISTINCT: all visible target entries, in the order of ORDER BY first (transformDistinctClause).
func (s *state) distinctClause(target *[]tree.TargetEntry, sort []tree.SortClause, isAgg bool) []tree.SortClause {
	var out []tree.SortClause
	for _, c := range sort {
		te := targetBySortRef(*target, c.SortRef)
		if te.Junk {
			if isAgg {
				failf(exprLoc(te.Expr), pgerr.InvalidColumnReference, "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list")
			}
			failf(exprLoc(te.Expr), pgerr.InvalidColumnReference, "for SELECT DISTINCT, ORDER BY expressions must appear in select list")
		}
		out = append(out, c)
	}
	for i := range *target {
		if !(*target)[i].Junk {
			out = s.addToGroup(target, i, out, exprLoc((*target)[i].Expr))
		}
	}
	if len(out) == 0 {
		if isAgg {
			fail(pgerr.New(pgerr.SyntaxError, "an aggregate with DISTINCT must have at least one argument"))
		}
		fail(pgerr.New(pgerr.SyntaxError, "SELECT DISTINCT must have at least one column"))
	}
	return out
}

// distinctOn analyzes DISTINCT ON (transformDistinctOnClause).
func (s *state) distinctOn(list []*pg.Node, target *[]tree.TargetEntry, sort []tree.SortClause) []tree.SortClause {
	var refs []int
	index := map[int]int{}
	locs := map[int]int32{}
	for _, n := range list {
		i := s.findTarget(n, target, kindDistinctOn, false)
		ref := assignSortRef(*target, i)
		refs = append(refs, ref)
		index[ref], locs[ref] = i, location(n)
	}
	mismatch := func(loc int32) {
		failf(loc, pgerr.InvalidColumnReference, "SELECT DISTINCT ON expressions must match initial ORDER BY expressions")
	}
	var out []tree.SortClause
	skipped := false
	for _, c := range sort {
		if slices.Contains(refs, c.SortRef) {
			if skipped {
				mismatch(locs[c.SortRef])
			}
			out = append(out, c)
		} else {
			skipped = true
		}
	}
	for _, ref := range refs {
		te := &(*target)[index[ref]]
		if s.inSortList(te, 0, out) {
			continue
		}
		if skipped {
			mismatch(locs[ref])
		}
		out = s.addToGroup(target, index[ref], out, locs[ref])
	}
	return out
}

// limitClause analyzes LIMIT or OFFSET (transformLimitClause).
func (s *state) limitClause(n *pg.Node, kind exprKind, construct string, withTies bool) tree.Expr {
	if n == nil {
		return nil
	}
	e := s.coerceToSpecific(s.expr(n, kind), types.Of(types.OIDInt8), construct)
	s.checkVarFree(e, construct)
	if withTies && kind == kindLimit {
		if c := n.GetAConst(); c != nil && c.Isnull {
			fail(pgerr.New(pgerr.InvalidRowCountInLimitClause, "row count cannot be null in FETCH FIRST ... WITH TIES clause"))
		}
	}
	return e
}

// checkVarFree fails when the expression refers to columns of this query (checkExprIsVarFree).
func (s *state) checkVarFree(e tree.Expr, construct string) {
	tree.WalkDeep(e, func(x tree.Expr, depth int) bool {
		if v, ok := x.(*tree.Var); ok && v.LevelsUp == depth {
			failf(v.Loc, pgerr.InvalidColumnReference, "argument of %s must not contain variables", construct)
		}
		return true
	})
}
