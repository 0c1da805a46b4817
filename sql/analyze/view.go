package analyze

import (
	"slices"
	"strings"

	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// viewQuery decodes the query of a view. The result is a copy of its own.
func (a *analyzer) viewQuery(rel *catalog.Relation) *tree.Query {
	if rel.View == nil {
		fail(pgerr.Internal("view \"%s\" has no query", rel.Name))
	}
	q, err := tree.DecodeQuery(rel.View.Query)
	if err != nil {
		fail(pgerr.Wrap(err, pgerr.DataCorrupted, "the query of view \"%s\" is unreadable", rel.Name))
	}
	return q
}

// viewOption reports whether a boolean option of a view is on.
func viewOption(rel *catalog.Relation, name string) bool {
	for _, o := range rel.Options {
		if k, v, _ := strings.Cut(o, "="); k == name {
			switch strings.ToLower(v) {
			case "", "true", "on", "1", "yes":
				return true
			}
		}
	}
	return false
}

// expandViews replaces the views in a query and all that is nested in it by their queries (fireRIRrules), in place. stack lists the views
// being expanded.
func (a *analyzer) expandViews(q *tree.Query, stack []types.OID) {
	a.enter()
	defer a.leave()
	for _, c := range q.CTEs {
		if c.Search != nil || c.Cycle != nil {
			a.rewriteSearchCycle(c)
		}
	}
	used := usedEntries(q)
	for i, r := range q.RTable {
		switch {
		case r.Kind == tree.RTESubquery && r.Subquery != nil:
			a.expandViews(r.Subquery, stack)
		case r.Kind == tree.RTERelation && used[i+1]:
			rel := a.cat.Relation(r.RelID)
			if rel == nil {
				continue
			}
			if rel.RelKind == 'm' && rel.View != nil && !rel.View.Populated && i+1 != q.ResultRel {
				fail(pgerr.Newf(pgerr.ObjectNotInPrerequisiteState, "materialized view \"%s\" has not been populated", rel.Name).
					WithHint("Use the REFRESH MATERIALIZED VIEW command."))
			}
			if rel.RelKind == 'v' && rel.View != nil && i+1 != q.ResultRel { // the system's views are computed, not expanded
				a.expandView(q, i+1, rel, stack)
			}
		}
	}
	for _, c := range q.CTEs {
		if c.Query != nil {
			a.expandViews(c.Query, stack)
		}
	}
	links := func(e tree.Expr) {
		tree.Walk(e, func(x tree.Expr) bool {
			if sub, ok := x.(*tree.SubLink); ok && sub.Query != nil {
				a.expandViews(sub.Query, stack)
			}
			return true
		})
	}
	if q.HasSubLinks {
		tree.QueryExprs(q, tree.SkipJoinAliases, links)
	}
}

// usedEntries are the range table numbers in the join tree; EXCLUDED and the views left behind by throughView are not.
func usedEntries(q *tree.Query) map[int]bool {
	used := map[int]bool{}
	if q.From != nil {
		tree.RangeRefs(q.From, func(i int) { used[i] = true })
	}
	return used
}

// expandView turns a reference to a view into a subquery (ApplyRetrieveRule).
func (a *analyzer) expandView(q *tree.Query, index int, rel *catalog.Relation, stack []types.OID) {
	if slices.Contains(stack, rel.OID) || len(stack) > maxViewDepth {
		fail(pgerr.Newf(pgerr.InvalidObjectDefinition, "infinite recursion detected in rules for relation \"%s\"", rel.Name))
	}
	r := q.RTable[index-1]
	sub := a.viewQuery(rel)
	if !viewOption(rel, "security_invoker") { // whose tables are always read with the current user's rights
		setCheckAs(sub, rel.Owner)
	}
	if r.AsOf != nil {
		pushAsOf(sub, r.AsOf)
	}
	a.expandViews(sub, append(slices.Clip(stack), rel.OID))
	for _, m := range q.RowMarks {
		if m.RTIndex == index {
			lockView(sub, m)
		}
	}
	c := *r
	c.Kind, c.Subquery, c.IsView, c.IsBarrier, c.AsOf = tree.RTESubquery, sub, true, viewOption(rel, "security_barrier"), nil
	*r = c
}

// setCheckAs makes the tables of a view be read with its owner's rights (setRuleCheckAsUser).
func setCheckAs(q *tree.Query, role types.OID) {
	for _, r := range q.RTable {
		if r.Kind == tree.RTERelation {
			r.CheckAs = role
		}
	}
	tree.Subqueries(q, func(sub *tree.Query) { setCheckAs(sub, role) })
	if q.HasSubLinks {
		tree.QueryExprs(q, tree.SkipJoinAliases, func(e tree.Expr) {
			tree.Walk(e, func(x tree.Expr) bool {
				if sub, ok := x.(*tree.SubLink); ok && sub.Query != nil {
					setCheckAs(sub.Query, role)
				}
				return true
			})
		})
	}
}

// pushAsOf reads a view's tables as of a point in time.
func pushAsOf(q *tree.Query, e tree.Expr) {
	for _, r := range q.RTable {
		if r.Kind == tree.RTERelation && r.AsOf == nil && r.RelID >= catalog.FirstNormalOID {
			r.AsOf = e
		}
	}
	tree.Subqueries(q, func(sub *tree.Query) { pushAsOf(sub, e) })
	if q.HasSubLinks {
		tree.QueryExprs(q, tree.SkipJoinAliases, func(x tree.Expr) {
			tree.Walk(x, func(x tree.Expr) bool {
				if sub, ok := x.(*tree.SubLink); ok && sub.Query != nil {
					pushAsOf(sub.Query, e)
				}
				return true
			})
		})
	}
}

// lockView applies FOR UPDATE on a view to its tables (markQueryForLocking).
func lockView(q *tree.Query, m *tree.RowMark) {
	for index := range usedEntries(q) {
		r := q.RTable[index-1]
		switch r.Kind {
		case tree.RTERelation:
			r.ReqPerms |= aclUpdate
			r.LockMode = max(r.LockMode, lockRowShare)
		case tree.RTESubquery:
			if r.IsView {
				r.ReqPerms |= aclUpdate
			}
			lockView(r.Subquery, m)
		default:
			continue
		}
		addRowMark(q, tree.RowMark{RTIndex: index, Strength: m.Strength, Wait: m.Wait, PushedDown: true})
	}
	slices.SortFunc(q.RowMarks, func(a, b *tree.RowMark) int { return a.RTIndex - b.RTIndex })
}

// viewUpdate carries the check option of the views passed so far.
type viewUpdate struct{ cascaded bool }

// updatableDetail says why a view cannot be modified through, "" if it can (view_query_is_auto_updatable).
func (s *state) updatableDetail(q *tree.Query, checkCols bool) string {
	const tail = " are not automatically updatable."
	switch {
	case len(q.Distinct) > 0:
		return "Views containing DISTINCT" + tail
	case len(q.GroupBy) > 0 || len(q.GroupingSets) > 0:
		return "Views containing GROUP BY" + tail
	case q.Having != nil:
		return "Views containing HAVING" + tail
	case q.SetOp != nil:
		return "Views containing UNION, INTERSECT, or EXCEPT" + tail
	case len(q.CTEs) > 0:
		return "Views containing WITH" + tail
	case q.LimitOffset != nil || q.LimitCount != nil:
		return "Views containing LIMIT or OFFSET" + tail
	case q.HasAggs:
		return "Views that return aggregate functions" + tail
	case q.HasWindow:
		return "Views that return window functions" + tail
	case q.HasTargetSRF:
		return "Views that return set-returning functions" + tail
	}
	base := viewBase(q)
	if base == 0 {
		return "Views that do not select from a single table or view" + tail
	}
	if checkCols {
		for i := range q.Target {
			if columnDetail(&q.Target[i], base) == "" {
				return ""
			}
		}
		return "Views that have no updatable columns" + tail
	}
	return ""
}

// viewBase is the range table number of the single table that a view selects from, 0 when it is not that simple.
func viewBase(q *tree.Query) int {
	if q.From == nil || len(q.From.List) != 1 {
		return 0
	}
	ref, ok := q.From.List[0].(*tree.RangeRef)
	if !ok {
		return 0
	}
	r := q.RTable[ref.Index-1]
	if r.Kind != tree.RTERelation || r.AsOf != nil {
		return 0
	}
	switch r.RelKind {
	case 'r', 'v', 'p':
		return ref.Index
	}
	return 0
}

// columnDetail says why a view's column cannot be assigned to, "" if it can (view_col_is_auto_updatable).
func columnDetail(te *tree.TargetEntry, base int) string {
	if te.Junk {
		return "Junk view columns are not updatable."
	}
	v, ok := te.Expr.(*tree.Var)
	switch {
	case !ok || v.VarNo != base || v.LevelsUp != 0:
		return "View columns that are not columns of their base relation are not updatable."
	case v.AttNo < 0:
		return "View columns that refer to system columns are not updatable."
	case v.AttNo == 0:
		return "View columns that return whole-row references are not updatable."
	}
	return ""
}

// UpdatableView says why a view is not automatically updatable, "" if it is. columns is true when it is about INSERT and UPDATE, which need an updatable
// column. CREATE VIEW ... WITH CHECK OPTION and information_schema ask.
func UpdatableView(env *Env, q *tree.Query, columns bool) string {
	return newAnalyzer(env, nil).newState(nil).updatableDetail(q, columns)
}

// throughView leads a modification of a view to the table or view below it (rewriteTargetView).
func (s *state) throughView(q *tree.Query, view *catalog.Relation, prev *viewUpdate) *viewUpdate {
	if q.Cmd == tree.CmdMerge {
		fail(pgerr.Newf(pgerr.FeatureNotSupported, "cannot execute MERGE on relation \"%s\"", view.Name).WithDetail("%s", relkindDetail('v')))
	}
	vq := s.viewQuery(view)
	if detail := s.updatableDetail(vq, q.Cmd != tree.CmdDelete); detail != "" {
		fail(notUpdatable(q.Cmd, view.Name, detail))
	}
	base := viewBase(vq)
	s.checkViewColumns(q, view, vq, base)
	vr := q.RTable[q.ResultRel-1]
	baseRTE := vq.RTable[base-1]
	baseRel := s.cat.Relation(baseRTE.RelID)
	if baseRel == nil {
		fail(pgerr.Internal("relation %d of view \"%s\" is missing", baseRTE.RelID, view.Name))
	}

	// The new target: the view's table, used with the rights of the view's owner.
	n := *baseRTE
	n.CheckAs = view.Owner
	if viewOption(view, "security_invoker") {
		n.CheckAs = 0
	}
	n.ReqPerms = vr.ReqPerms
	n.LockMode = lockRowExclusive
	n.InFrom = false
	n.SelCols = baseColumns(vr.SelCols, vq.Target, base)
	n.ModCols = baseColumns(vr.ModCols, vq.Target, base)
	for c := range baseRTE.SelCols { // what the view's WHERE reads
		if n.SelCols == nil {
			n.SelCols = map[int]bool{}
		}
		n.SelCols[c] = true
	}
	if len(n.SelCols) > 0 {
		n.ReqPerms |= aclSelect
	}
	if vq.HasSubLinks {
		q.HasSubLinks = true
		setCheckAs(vq, n.CheckAs)
	}
	q.RTable = append(slices.Clone(q.RTable), &n)
	newIndex, oldIndex := len(q.RTable), q.ResultRel

	vtarget := make([]tree.TargetEntry, len(vq.Target))
	for i := range vq.Target {
		vtarget[i] = vq.Target[i]
		vtarget[i].Expr = renumber(vtarget[i].Expr, base, newIndex)
	}
	var qual tree.Expr
	if vq.From.Quals != nil {
		qual = renumber(vq.From.Quals, base, newIndex)
	}

	assign := func(list []tree.TargetEntry) []tree.TargetEntry {
		out := slices.Clone(list)
		for i := range out {
			if !out[i].Junk {
				v := targetByResNo(vtarget, out[i].ResNo).Expr.(*tree.Var)
				out[i].ResNo, out[i].Name = v.AttNo, baseRel.Columns[v.AttNo-1].Name
			}
		}
		return out
	}
	if q.Cmd == tree.CmdInsert || q.Cmd == tree.CmdUpdate {
		q.Target = assign(q.Target)
	}
	if oc := q.OnConflict; oc != nil {
		c := *oc
		if c.Update {
			c.Set = assign(c.Set)
			old := c.ExclRel
			c.ExclTarget = nil
			ns := &state{analyzer: s.analyzer, rtable: q.RTable}
			ns.addExcluded(&c, baseRel)
			q.RTable = ns.rtable
			excl := make([]tree.TargetEntry, len(vq.Target))
			for i := range vq.Target {
				excl[i] = vq.Target[i]
				excl[i].Expr = renumber(excl[i].Expr, base, c.ExclRel)
			}
			fix := func(e tree.Expr) tree.Expr { return s.replaceVars(e, old, view, excl) }
			for i := range c.Set {
				c.Set[i].Expr = fix(c.Set[i].Expr)
			}
			c.Where = fix(c.Where)
		}
		q.OnConflict = &c
	}

	// References to the view become what its columns are.
	s.rtable = q.RTable
	replaceInQuery(q, func(e tree.Expr) tree.Expr { return s.replaceVars(e, oldIndex, view, vtarget) })
	q.ResultRel = newIndex
	replaceRef(q.From, oldIndex, newIndex)
	for _, m := range q.RowMarks {
		if m.RTIndex == oldIndex {
			m.RTIndex = newIndex
		}
	}
	if q.Cmd != tree.CmdInsert && qual != nil {
		q.From.Quals = andQual(q.From.Quals, tree.CopyExpr(qual))
	}
	next := &viewUpdate{}
	if prev != nil {
		*next = *prev
	}
	if q.Cmd != tree.CmdDelete {
		has := view.View.CheckOption != 0 || next.cascaded
		cascaded := view.View.CheckOption == 'c' || next.cascaded
		next.cascaded = cascaded
		if has && (cascaded || qual != nil) {
			wc := tree.WithCheck{RelName: view.Name}
			if qual != nil {
				wc.Qual = tree.CopyExpr(qual)
				q.WithChecks = append([]tree.WithCheck{wc}, q.WithChecks...)
			}
		}
	}
	return next
}

// andQual adds a condition.
func andQual(a, b tree.Expr) tree.Expr {
	if a == nil {
		return b
	}
	if x, ok := a.(*tree.BoolExpr); ok && x.Op == tree.And {
		return &tree.BoolExpr{Op: tree.And, Args: append(slices.Clone(x.Args), b), Loc: -1}
	}
	return &tree.BoolExpr{Op: tree.And, Args: []tree.Expr{a, b}, Loc: -1}
}

// notUpdatable is the error for a view that cannot be modified through.
func notUpdatable(cmd tree.CmdType, name, detail string) *pgerr.Error {
	verb, doing, event := "insert into", "inserting into", "INSERT"
	switch cmd {
	case tree.CmdUpdate:
		verb, doing, event = "update", "updating", "UPDATE"
	case tree.CmdDelete:
		verb, doing, event = "delete from", "deleting from", "DELETE"
	}
	return pgerr.Newf(pgerr.ObjectNotInPrerequisiteState, "cannot %s view \"%s\"", verb, name).WithDetail("%s", detail).
		WithHint("To enable %s the view, provide an INSTEAD OF %s trigger or an unconditional ON %s DO INSTEAD rule.", doing, event, event)
}

// checkViewColumns refuses assignments to view columns that are no columns of the table below.
func (s *state) checkViewColumns(q *tree.Query, view *catalog.Relation, vq *tree.Query, base int) {
	if q.Cmd == tree.CmdDelete {
		return
	}
	modified := map[int]bool{}
	for att := range q.RTable[q.ResultRel-1].ModCols {
		modified[att] = true
	}
	for i := range q.Target {
		if !q.Target[i].Junk {
			modified[q.Target[i].ResNo] = true
		}
	}
	format := "cannot update column \"%s\" of view \"%s\""
	if q.Cmd == tree.CmdInsert {
		format = "cannot insert into column \"%s\" of view \"%s\""
	}
	for i := range vq.Target {
		te := &vq.Target[i]
		if te.Junk || !modified[te.ResNo] {
			continue
		}
		if detail := columnDetail(te, base); detail != "" {
			fail(pgerr.Newf(pgerr.FeatureNotSupported, format, te.Name, view.Name).WithDetail("%s", detail))
		}
	}
}

// baseColumns maps a set of a view's columns to those of its table (adjust_view_column_set).
func baseColumns(cols map[int]bool, target []tree.TargetEntry, base int) map[int]bool {
	if len(cols) == 0 {
		return nil
	}
	out := map[int]bool{}
	for i := range target {
		te := &target[i]
		if te.Junk || !cols[te.ResNo] && !cols[0] {
			continue
		}
		tree.Walk(te.Expr, func(e tree.Expr) bool {
			if v, ok := e.(*tree.Var); ok && v.VarNo == base && v.LevelsUp == 0 {
				out[v.AttNo] = true
			}
			return true
		})
	}
	return out
}

// replaceVars replaces references to a view's columns by expressions (ReplaceVarsFromTargetList).
func (s *state) replaceVars(e tree.Expr, varno int, view *catalog.Relation, target []tree.TargetEntry) tree.Expr {
	if e == nil {
		return nil
	}
	return tree.MutateDeep(e, 0, func(x tree.Expr, depth int) (tree.Expr, bool) {
		switch v := x.(type) {
		case *tree.CurrentOfExpr:
			if depth == 0 && v.VarNo == varno {
				fail(pgerr.New(pgerr.FeatureNotSupported, "WHERE CURRENT OF on a view is not implemented"))
			}
		case *tree.Var:
			if v.LevelsUp != depth || v.VarNo != varno {
				return nil, false
			}
			if v.AttNo == 0 {
				row := &tree.RowExpr{T: v.T, Form: tree.CoerceImplicitCast, Loc: v.Loc}
				for i := range view.Columns {
					row.Names = append(row.Names, view.Columns[i].Name)
					row.Args = append(row.Args, raise(targetByResNo(target, i+1).Expr, depth))
				}
				return row, true
			}
			te := targetByResNo(target, v.AttNo)
			if te == nil {
				fail(pgerr.Internal("could not find replacement targetlist entry for attno %d", v.AttNo))
			}
			return raise(te.Expr, depth), true
		}
		return nil, false
	})
}

// raise copies an expression for use some levels further in.
func raise(e tree.Expr, depth int) tree.Expr {
	if depth > 0 {
		return tree.IncrementLevels(e, depth, 0)
	}
	return tree.CopyExpr(e)
}

// replaceInQuery rewrites the expressions of q itself and, through f's own recursion, of its subqueries, in place.
func replaceInQuery(q *tree.Query, f func(tree.Expr) tree.Expr) {
	deep := func(sub *tree.Query) *tree.Query {
		// f starts at its argument's level; a subquery is reached through an expression that holds it.
		link := f(&tree.SubLink{Kind: tree.ExistsSubLink, Query: sub, T: types.Of(types.OIDBool)}).(*tree.SubLink)
		return link.Query
	}
	*q = *tree.MapQuery(q, f, deep)
}

// replaceRef changes a table in a join tree, in place.
func replaceRef(n tree.JoinNode, from, to int) {
	switch n := n.(type) {
	case *tree.RangeRef:
		if n.Index == from {
			n.Index = to
		}
	case *tree.JoinExpr:
		replaceRef(n.Left, from, to)
		replaceRef(n.Right, from, to)
	case *tree.FromExpr:
		for _, c := range n.List {
			replaceRef(c, from, to)
		}
	}
}
