package planner

import "kimberlite/sql/tree"

// pullUpSublinks turns IN and EXISTS conditions at the top of WHERE and inner ON clauses into semi and anti joins.
func (r *root) pullUpSublinks() {
	var visit func(n tree.JoinNode) tree.JoinNode
	visit = func(n tree.JoinNode) tree.JoinNode {
		switch n := n.(type) {
		case *tree.FromExpr:
			for i, c := range n.List {
				n.List[i] = visit(c)
			}
			if n.Quals == nil || len(n.List) == 0 {
				return n
			}
			if quals, node := r.pullUpQuals(n.Quals, n); node != tree.JoinNode(n) {
				n.Quals = quals
				inner := node.(*tree.JoinExpr)
				return &tree.FromExpr{List: []tree.JoinNode{inner}}
			}
		case *tree.JoinExpr:
			n.Left, n.Right = visit(n.Left), visit(n.Right)
			if n.Kind == tree.JoinInner && n.Quals != nil {
				quals, node := r.pullUpQuals(n.Quals, n)
				n.Quals = quals
				return node
			}
		}
		return n
	}
	top := visit(r.q.From)
	if f, ok := top.(*tree.FromExpr); ok {
		r.q.From = f
	} else {
		r.q.From = &tree.FromExpr{List: []tree.JoinNode{top}}
	}
}

// pullUpQuals extracts convertible sublinks of a condition; node comes back wrapped in the joins made of them, the rest of the condition stays with the original node.
func (r *root) pullUpQuals(quals tree.Expr, node tree.JoinNode) (tree.Expr, tree.JoinNode) {
	var keep []tree.Expr
	for _, c := range andList(quals) {
		join := r.sublinkToJoin(c)
		if join == nil {
			keep = append(keep, c)
			continue
		}
		join.Left = node
		node = join
	}
	return makeAnd(keep), node
}

// sublinkToJoin converts one condition, or returns nil. The join's Left is left for the caller.
func (r *root) sublinkToJoin(c tree.Expr) *tree.JoinExpr {
	if link, ok := c.(*tree.SubLink); ok {
		switch link.Kind {
		case tree.AnySubLink:
			return r.anyToJoin(link)
		case tree.ExistsSubLink:
			return r.existsToJoin(link, tree.JoinSemi)
		}
	}
	if not, ok := c.(*tree.BoolExpr); ok && not.Op == tree.Not {
		if link, ok := not.Args[0].(*tree.SubLink); ok && link.Kind == tree.ExistsSubLink {
			return r.existsToJoin(link, tree.JoinAnti)
		}
	}
	return nil
}

// anyToJoin: x IN (SELECT ...) whose subquery refers to nothing outside becomes a semi join with it.
func (r *root) anyToJoin(link *tree.SubLink) *tree.JoinExpr {
	if queryRefersAbove(link.Query) || len(varsOf(link.Test)) == 0 || r.containsVolatile(link.Test) || containsSubPlan(link.Test) ||
		len(link.Query.CTEs) > 0 && link.Query.HasModifyingCTE {
		return nil
	}
	rti := r.addSubqueryRTE(link.Query, "ANY_subquery")
	quals := mutate(link.Test, func(x tree.Expr) tree.Expr {
		if p, ok := x.(*tree.Param); ok && p.Kind == tree.ParamExec {
			return &tree.Var{VarNo: rti, AttNo: p.ID + 1, T: p.T, Coll: p.Coll, Loc: -1}
		}
		return nil
	})
	return &tree.JoinExpr{Kind: tree.JoinSemi, Right: &tree.RangeRef{Index: rti}, Quals: quals}
}

// existsToJoin: [NOT] EXISTS (SELECT ... FROM list WHERE condition) whose only outside references are in the condition becomes a semi (anti) join with the list.
func (r *root) existsToJoin(link *tree.SubLink, kind tree.JoinType) *tree.JoinExpr {
	q := simplifyExists(link.Query)
	if q.Cmd != tree.CmdSelect || q.SetOp != nil || q.HasAggs || len(q.GroupBy) > 0 || len(q.GroupingSets) > 0 || q.Having != nil || q.HasWindow ||
		q.HasTargetSRF || q.LimitCount != nil || q.LimitOffset != nil || len(q.RowMarks) > 0 || len(q.CTEs) > 0 || q.From == nil || len(q.From.List) == 0 {
		return nil
	}
	where := q.From.Quals
	if where == nil || !refersTo(where, 1) || r.containsVolatile(where) {
		return nil
	}
	rest := copyLevel(q)
	rest.From.Quals = nil
	if queryRefersAbove(rest) {
		return nil
	}
	// Conditions on the subquery alone may stay below; all of them become the join condition and are pushed down from there.
	offset := len(r.q.RTable)
	moved := r.adoptRTable(rest)
	cond := adoptExpr(where, offset)
	var right tree.JoinNode = moved
	if len(moved.List) == 1 && moved.Quals == nil {
		right = moved.List[0]
	}
	return &tree.JoinExpr{Kind: kind, Right: right, Quals: cond}
}

// adoptRTable appends the range table of a subquery to this level's and returns its join tree renumbered and one level up.
func (r *root) adoptRTable(q *tree.Query) *tree.FromExpr {
	offset := len(r.q.RTable)
	for _, rte := range q.RTable {
		r.q.RTable = append(r.q.RTable, adoptRTE(rte, offset))
	}
	return adoptJoinNode(q.From, offset).(*tree.FromExpr)
}

func adoptJoinNode(n tree.JoinNode, offset int) tree.JoinNode {
	switch n := n.(type) {
	case *tree.RangeRef:
		return &tree.RangeRef{Index: n.Index + offset}
	case *tree.JoinExpr:
		c := *n
		c.Left, c.Right = adoptJoinNode(n.Left, offset), adoptJoinNode(n.Right, offset)
		c.Quals = adoptExpr(n.Quals, offset)
		if c.Index > 0 {
			c.Index += offset
		}
		return &c
	case *tree.FromExpr:
		c := &tree.FromExpr{Quals: adoptExpr(n.Quals, offset)}
		for _, x := range n.List {
			c.List = append(c.List, adoptJoinNode(x, offset))
		}
		return c
	}
	return n
}

func (r *root) addSubqueryRTE(q *tree.Query, alias string) int {
	rte := &tree.RTE{Kind: tree.RTESubquery, Subquery: q, Eref: tree.Alias{Name: alias}, InFrom: true}
	for _, te := range q.Target {
		if te.Junk {
			continue
		}
		rte.Eref.Cols = append(rte.Eref.Cols, te.Name)
		rte.ColTypes = append(rte.ColTypes, te.Expr.Type())
		rte.ColColls = append(rte.ColColls, te.Expr.Collation())
	}
	r.q.RTable = append(r.q.RTable, rte)
	return len(r.q.RTable)
}

// pullUpSubqueries merges simple subqueries in FROM into this level, so that their relations join freely with the others.
func (r *root) pullUpSubqueries() {
	r.q.From = r.pullUpNode(r.q.From, pullUpPlace{}).(*tree.FromExpr)
	// References are replaced when the join tree is complete, conditions in it included. A subquery may refer to those before it (LATERAL).
	for i := len(r.pulledUp) - 1; i >= 0; i-- {
		r.substitute(r.pulledUp[i].rti, r.pulledUp[i].exprs)
	}
	r.pulledUp = nil
}

// pulledUp is a subquery that was merged: its columns are to be replaced by expressions.
type pulledUp struct {
	rti   int
	exprs []tree.Expr
}

// pullUpPlace says where in the join tree a subquery stands: in the nullable side of an outer join, and what the innermost outer join around it joins.
type pullUpPlace struct {
	nullable bool
	outer    map[int]bool
}

func (r *root) pullUpNode(n tree.JoinNode, at pullUpPlace) tree.JoinNode {
	switch n := n.(type) {
	case *tree.FromExpr:
		var list []tree.JoinNode
		for _, c := range n.List {
			c = r.pullUpNode(c, at)
			if empty, ok := emptyFrom(c); ok {
				n.Quals = makeAnd(append(andList(n.Quals), andList(empty.Quals)...))
				continue
			}
			list = append(list, c)
		}
		n.List = list
	case *tree.JoinExpr:
		left, right := at, at
		left.nullable = at.nullable || n.Kind == tree.JoinRight || n.Kind == tree.JoinFull
		right.nullable = at.nullable || n.Kind == tree.JoinLeft || n.Kind == tree.JoinFull
		if n.Kind != tree.JoinInner {
			left.outer = relsOf(n)
			right.outer = left.outer
		}
		n.Left = r.pullUpNode(n.Left, left)
		n.Right = r.pullUpNode(n.Right, right)
		l, leftEmpty := emptyFrom(n.Left)
		rt, rightEmpty := emptyFrom(n.Right)
		if leftEmpty || rightEmpty { // an inner join: nothing is pulled out of others this way
			f := &tree.FromExpr{Quals: n.Quals}
			if leftEmpty {
				f.Quals = makeAnd(append(andList(f.Quals), andList(l.Quals)...))
			} else {
				f.List = append(f.List, n.Left)
			}
			if rightEmpty {
				f.Quals = makeAnd(append(andList(f.Quals), andList(rt.Quals)...))
			} else {
				f.List = append(f.List, n.Right)
			}
			return f
		}
	case *tree.RangeRef:
		if r.q.RTable[n.Index-1].Kind == tree.RTEValues {
			return r.pullUpValues(n, at)
		}
		return r.pullUpRef(n, at)
	}
	return n
}

// emptyFrom: what is left of a subquery without FROM is its WHERE.
func emptyFrom(n tree.JoinNode) (*tree.FromExpr, bool) {
	f, ok := n.(*tree.FromExpr)
	return f, ok && len(f.List) == 0
}

// pullUpValues replaces a VALUES list of one row by its expressions.
func (r *root) pullUpValues(ref *tree.RangeRef, at pullUpPlace) tree.JoinNode {
	rte := r.q.RTable[ref.Index-1]
	if len(rte.Values) != 1 || at.outer != nil || len(r.q.GroupingSets) > 0 || r.wholeRowUsed(rte) {
		return ref
	}
	for _, e := range rte.Values[0] {
		if r.containsVolatile(e) || hasSubLink(e) || containsSRF(e) {
			return ref
		}
	}
	r.pulledUp = append(r.pulledUp, pulledUp{ref.Index, rte.Values[0]})
	return &tree.FromExpr{}
}

func (r *root) pullUpRef(ref *tree.RangeRef, at pullUpPlace) tree.JoinNode {
	rte := r.q.RTable[ref.Index-1]
	if rte.Kind != tree.RTESubquery || !r.isSimple(rte, at) {
		return ref
	}
	// The subquery's own WITH-free level is prepared first, so that what comes up is in its final shape.
	sub := &root{g: r.g, parent: r, q: copyLevel(rte.Subquery), ctes: map[string]*ctePlan{}, subroots: map[int]*root{}, workTables: r.workTables}
	if len(sub.q.From.List) > 0 && sub.q.HasSubLinks {
		sub.pullUpSublinks()
	}
	sub.pullUpSubqueries()
	if !r.isSimpleQuery(sub.q) || rte.Lateral && outerJoinRefersTo(sub.q.From, 1, false) || len(sub.q.From.List) == 0 && at.outer != nil {
		rte.Subquery = sub.q
		return ref
	}
	for i := range sub.q.Target {
		sub.q.Target[i].Expr = sub.flattenJoinVars(sub.q.Target[i].Expr)
	}
	if (at.nullable || len(r.q.GroupingSets) > 0) && !allVars(sub.q.Target) { // other expressions would not become NULL where the column does
		rte.Subquery = sub.q
		return ref
	}
	offset := len(r.q.RTable)
	node := r.adoptRTable(sub.q)
	exprs := make([]tree.Expr, 0, len(sub.q.Target))
	for _, te := range sub.q.Target {
		if !te.Junk {
			exprs = append(exprs, adoptExpr(te.Expr, offset))
		}
	}
	r.q.HasSubLinks = r.q.HasSubLinks || sub.q.HasSubLinks
	for _, m := range r.q.RowMarks { // FOR UPDATE of the outer level reaches the tables inside
		if m.RTIndex == ref.Index {
			for i := range sub.q.RTable {
				if sub.q.RTable[i].Kind == tree.RTERelation {
					r.q.RowMarks = append(r.q.RowMarks, &tree.RowMark{RTIndex: offset + i + 1, Strength: m.Strength, Wait: m.Wait, PushedDown: true})
				}
			}
			break
		}
	}
	r.pulledUp = append(r.pulledUp, pulledUp{ref.Index, exprs})
	if node.Quals == nil && len(node.List) == 1 {
		return node.List[0]
	}
	return node
}

// isSimple decides whether a subquery may be merged at all.
func (r *root) isSimple(rte *tree.RTE, at pullUpPlace) bool {
	q := rte.Subquery
	if rte.IsBarrier || !r.isSimpleQuery(q) {
		return false
	}
	if rte.Lateral && (at.nullable && queryRefersAbove(q) || at.outer != nil && refersOutside(q, at.outer)) {
		return false
	}
	if len(r.q.RTable)+len(q.RTable) > 60 || countRels(r.q)+countRels(q) > collapseLimit {
		return false
	}
	if r.wholeRowUsed(rte) {
		return false
	}
	return true
}

// refersOutside reports whether a LATERAL subquery looks at relations besides the given ones of its level. Inside an outer join its conditions and columns would then
// need more than the join has on its sides.
func refersOutside(q *tree.Query, rels map[int]bool) bool {
	found := false
	tree.WalkQueryDeep(q, func(x tree.Expr, depth int) bool {
		if v, ok := x.(*tree.Var); ok && v.LevelsUp == depth+1 && !rels[v.VarNo] {
			found = true
		}
		return !found
	})
	return found
}

// outerJoinRefersTo reports whether a condition of an outer join, or one below it, looks at the level above. Such a condition can't be moved up:
// the join would have to wait for a relation that isn't on either of its sides.
func outerJoinRefersTo(n tree.JoinNode, level int, within bool) bool {
	switch n := n.(type) {
	case *tree.FromExpr:
		for _, c := range n.List {
			if outerJoinRefersTo(c, level, within) {
				return true
			}
		}
		return within && n.Quals != nil && refersTo(n.Quals, level)
	case *tree.JoinExpr:
		within = within || n.Kind != tree.JoinInner
		return within && n.Quals != nil && refersTo(n.Quals, level) || outerJoinRefersTo(n.Left, level, within) || outerJoinRefersTo(n.Right, level, within)
	}
	return false
}

func countRels(q *tree.Query) int {
	n := 0
	for _, rte := range q.RTable {
		if rte.Kind != tree.RTEJoin {
			n++
		}
	}
	return n
}

// wholeRowUsed: a subquery referred to as a whole row stays a subquery.
func (r *root) wholeRowUsed(rte *tree.RTE) bool {
	index := 0
	for i, x := range r.q.RTable {
		if x == rte {
			index = i + 1
		}
	}
	found := false
	tree.WalkQueryDeep(r.q, func(e tree.Expr, depth int) bool {
		if v, ok := e.(*tree.Var); ok && v.VarNo == index && v.LevelsUp == depth && v.AttNo == 0 {
			found = true
		}
		return !found
	})
	return found
}

func (r *root) isSimpleQuery(q *tree.Query) bool {
	if q.Cmd != tree.CmdSelect || q.SetOp != nil || q.HasAggs || q.HasWindow || q.HasTargetSRF || len(q.GroupBy) > 0 || len(q.GroupingSets) > 0 ||
		q.Having != nil || len(q.Sort) > 0 || len(q.Distinct) > 0 || q.LimitCount != nil || q.LimitOffset != nil || len(q.RowMarks) > 0 || len(q.CTEs) > 0 {
		return false
	}
	if q.From == nil {
		return false
	}
	for _, te := range q.Target {
		if r.containsVolatile(te.Expr) || hasSubLink(te.Expr) {
			return false
		}
	}
	return true
}

func hasSubLink(e tree.Expr) bool {
	return some(e, func(x tree.Expr) bool { _, ok := x.(*tree.SubLink); return ok })
}

func allVars(target []tree.TargetEntry) bool {
	for _, te := range target {
		v, ok := te.Expr.(*tree.Var)
		if !ok || v.LevelsUp != 0 {
			return false
		}
	}
	return true
}

// substitute replaces references to the columns of range table entry rti by expressions of this level, everywhere in the query.
func (r *root) substitute(rti int, exprs []tree.Expr) {
	r.q = mutateQueryLevels(r.q, func(e tree.Expr, depth int) tree.Expr {
		v, ok := e.(*tree.Var)
		if !ok {
			return nil
		}
		if v.LevelsUp != depth || v.VarNo != rti || v.AttNo < 1 || v.AttNo > len(exprs) {
			return v
		}
		return shiftLevels(exprs[v.AttNo-1], depth)
	})
}

// reduceOuterJoins weakens outer joins whose null-extended rows a strict condition above throws away anyway, and turns LEFT joins that keep only
// unmatched rows into anti joins.
func (r *root) reduceOuterJoins() {
	var visit func(n tree.JoinNode, strict map[int]bool)
	visit = func(n tree.JoinNode, strict map[int]bool) {
		switch n := n.(type) {
		case *tree.FromExpr:
			inner := unionSets(strict, r.nonNullable(n.Quals))
			for _, c := range n.List {
				visit(c, inner)
			}
		case *tree.JoinExpr:
			left, right := relsOf(n.Left), relsOf(n.Right)
			switch n.Kind {
			case tree.JoinFull:
				l, rr := intersects(left, strict), intersects(right, strict)
				switch {
				case l && rr:
					n.Kind = tree.JoinInner
				case l:
					n.Kind = tree.JoinLeft
				case rr:
					n.Kind = tree.JoinRight
				}
			case tree.JoinLeft:
				if intersects(right, strict) {
					n.Kind = tree.JoinInner
				}
			case tree.JoinRight:
				if intersects(left, strict) {
					n.Kind = tree.JoinInner
				}
			}
			if n.Kind == tree.JoinRight {
				n.Kind = tree.JoinLeft
				n.Left, n.Right = n.Right, n.Left
			}
			own := r.nonNullable(n.Quals)
			switch n.Kind {
			case tree.JoinInner, tree.JoinSemi:
				both := unionSets(strict, own)
				visit(n.Left, both)
				visit(n.Right, both)
			case tree.JoinLeft, tree.JoinAnti:
				visit(n.Left, strict)
				visit(n.Right, own)
			case tree.JoinFull:
				visit(n.Left, nil)
				visit(n.Right, nil)
			}
		}
	}
	visit(r.q.From, nil)
}

// nonNullable lists the range table entries of which an all-NULL row can't satisfy the condition.
func (r *root) nonNullable(quals tree.Expr) map[int]bool {
	out := map[int]bool{}
	for _, c := range andList(quals) {
		for rti := range r.strictRels(c, true) {
			out[rti] = true
		}
	}
	return out
}

// strictRels lists the entries whose columns make e NULL (or, at the top of a condition, not true) when they are all NULL.
func (r *root) strictRels(e tree.Expr, top bool) map[int]bool {
	out := map[int]bool{}
	add := func(m map[int]bool) {
		for k := range m {
			out[k] = true
		}
	}
	switch e := e.(type) {
	case *tree.Var:
		if e.LevelsUp == 0 && e.AttNo != 0 {
			out[e.VarNo] = true
		}
	case *tree.OpExpr:
		if p := r.g.env.Catalog.Proc(e.Func); p != nil && p.Strict && !e.RetSet {
			for _, a := range e.Args {
				add(r.strictRels(a, false))
			}
		}
	case *tree.FuncExpr:
		if p := r.g.env.Catalog.Proc(e.Func); p != nil && p.Strict && !e.RetSet {
			for _, a := range e.Args {
				add(r.strictRels(a, false))
			}
		}
	case *tree.ScalarArrayOpExpr:
		if p := r.g.env.Catalog.Proc(e.Func); p != nil && p.Strict && e.UseOr {
			add(r.strictRels(e.Args[0], false))
		}
	case *tree.RelabelType:
		add(r.strictRels(e.Arg, top))
	case *tree.CoerceViaIO:
		add(r.strictRels(e.Arg, false))
	case *tree.NullTest:
		if top && e.IsNotNull && !e.RowFormat {
			add(r.strictRels(e.Arg, false))
		}
	case *tree.BooleanTest:
		if top && (e.Kind == tree.IsTrue || e.Kind == tree.IsFalse || e.Kind == tree.IsNotUnknown) {
			add(r.strictRels(e.Arg, false))
		}
	case *tree.BoolExpr:
		switch {
		case e.Op == tree.Not:
			add(r.strictRels(e.Args[0], false))
		case e.Op == tree.And && top:
			for _, a := range e.Args {
				add(r.strictRels(a, true))
			}
		default: // OR, or AND below the top: all arms must be
			for i, a := range e.Args {
				m := r.strictRels(a, top)
				if i == 0 {
					add(m)
					continue
				}
				for k := range out {
					if !m[k] {
						delete(out, k)
					}
				}
			}
		}
	}
	return out
}

func relsOf(n tree.JoinNode) map[int]bool {
	out := map[int]bool{}
	var visit func(n tree.JoinNode)
	visit = func(n tree.JoinNode) {
		switch n := n.(type) {
		case *tree.RangeRef:
			out[n.Index] = true
		case *tree.JoinExpr:
			visit(n.Left)
			visit(n.Right)
		case *tree.FromExpr:
			for _, c := range n.List {
				visit(c)
			}
		}
	}
	visit(n)
	return out
}

func unionSets(a, b map[int]bool) map[int]bool {
	out := make(map[int]bool, len(a)+len(b))
	for k := range a {
		out[k] = true
	}
	for k := range b {
		out[k] = true
	}
	return out
}

func intersects(a, b map[int]bool) bool {
	for k := range a {
		if b[k] {
			return true
		}
	}
	return false
}
