package planner

import (
	"math"

	"kimberlite/exec/plan"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// planBaseRels sizes each base relation and makes its access paths.
func (r *root) planBaseRels() error {
	for _, b := range r.base {
		r.checkPseudo(b)
		if err := r.sizeBase(b); err != nil {
			return err
		}
	}
	for _, b := range r.base {
		if err := r.basePaths(b); err != nil {
			return err
		}
		if cheapest(b, ^relids(0)) == nil {
			return pgerr.Internal("no access path for %q", b.rte.Eref.Name)
		}
	}
	return nil
}

// checkPseudo marks a relation empty when a constant condition on it is false.
func (r *root) checkPseudo(b *rel) {
	for _, c := range b.quals {
		if k, ok := c.expr.(*tree.Const); ok && !k.Value.IsTrue() {
			b.empty = true
		}
	}
}

func (r *root) sizeBase(b *rel) error {
	rte := b.rte
	switch rte.Kind {
	case tree.RTERelation:
		r.sizeTable(b)
	case tree.RTESubquery:
		c := b.child.planned.Common()
		b.tuples = c.Rows
		dropPushed(b)
		r.subqueryUnique(b)
	case tree.RTEFunction:
		b.tuples = r.functionRows(rte)
	case tree.RTEValues:
		b.tuples = float64(len(rte.Values))
	case tree.RTECTE:
		b.tuples = 1000
		if wt := r.workTables[rte.CTEName]; rte.SelfRef && wt != nil {
			b.tuples = wt.rows
		} else if cp := r.findCTE(rte); cp != nil {
			b.tuples = cp.rows
		}
	case tree.RTEResult:
		b.tuples = 1
	default:
		return errUnsupported("this kind of table expression", "Rewrite the query without it.")
	}
	b.rows = clampRows(b.tuples * r.selectivity(b.quals))
	if b.empty {
		b.rows = 1
	}
	b.width = r.targetWidth(r.relTargetExprs(b.ids))
	return nil
}

// sizeTable takes the live row count and the width that the columns have.
func (r *root) sizeTable(b *rel) {
	cat := r.g.env.Catalog
	relation := cat.Relation(b.rte.RelID)
	width := 0
	if relation != nil {
		for i, col := range relation.Columns {
			if !col.Dropped {
				width += r.exprWidth(&tree.Var{VarNo: b.rti, AttNo: i + 1, T: col.T})
			}
		}
	}
	b.virtual = r.g.env.IsVirtual != nil && r.g.env.IsVirtual(b.rte.RelID)
	b.tuples = 1000
	if st := cat.Stats(b.rte.RelID); st != nil {
		b.tuples = st.Rows
	}
	if r.g.env.TableSize != nil && !b.virtual {
		if rows, _ := r.g.env.TableSize(b.rte.RelID); rows >= 0 {
			b.tuples = rows
		}
	}
	const pageHeader, linePointer = 24, 4
	perPage := math.Max(1, math.Floor((pageSize-pageHeader)/(tupleBytes(width)+linePointer)))
	b.pages = math.Ceil(b.tuples / perPage)
	if cat.Stats(b.rte.RelID) == nil && !b.virtual && b.pages < unknownTablePages {
		// A table that was never analyzed is probably new, and will grow: no plan that is good for a few rows only.
		perPage = math.Floor((pageSize - pageHeader) / float64(width+24+linePointer))
		b.pages, b.tuples = unknownTablePages, unknownTablePages*math.Max(1, perPage)
	}
	if relation != nil && !b.virtual {
		r.loadIndexes(b, relation)
	}
}

func (r *root) functionRows(rte *tree.RTE) float64 {
	rows := 0.0
	for _, f := range rte.Funcs {
		n := 1.0
		if fe, ok := f.Expr.(*tree.FuncExpr); ok && fe.RetSet {
			n = 1000
			if p := r.g.env.Catalog.Proc(fe.Func); p != nil {
				if p.Rows > 0 {
					n = float64(p.Rows)
				}
				n = seriesRows(p.Name, fe.Args, n)
			}
		}
		rows = math.Max(rows, n)
	}
	return rows
}

// seriesRows refines what is known of generate_series over constants and unnest of a constant array.
func seriesRows(name string, args []tree.Expr, n float64) float64 {
	switch name {
	case "generate_series":
		var v [3]float64
		v[2] = 1
		for i, a := range args {
			c, ok := a.(*tree.Const)
			if !ok || i > 2 || c.Value.Null || !isIntType(c.T.OID) {
				return n
			}
			v[i] = float64(c.Value.I)
		}
		if len(args) >= 2 && v[2] != 0 {
			return clampRows(math.Floor((v[1]-v[0]+v[2])/v[2]) + 0)
		}
	case "unnest":
		if len(args) == 1 {
			if c, ok := args[0].(*tree.Const); ok && !c.Value.Null {
				return clampRows(arrayLen(c))
			}
			if a, ok := args[0].(*tree.ArrayExpr); ok {
				return clampRows(float64(len(a.Elems)))
			}
			return 10
		}
	}
	return n
}

func (r *root) findCTE(rte *tree.RTE) *ctePlan {
	up := r
	for i := 0; i < rte.CTELevels && up != nil; i++ {
		up = up.parent
	}
	if up == nil {
		return nil
	}
	return up.ctes[rte.CTEName]
}

// planSubqueryRel plans a subquery in FROM. What it takes from siblings (LATERAL) or from above is known afterwards.
func (r *root) planSubqueryRel(b *rel) error {
	q := b.rte.Subquery
	q = r.pushDownQuals(b, q)
	node, child, err := r.g.planQuery(r, q, 0, r.workTables)
	if err != nil {
		return err
	}
	child.planned = node
	b.child = child
	r.subroots[b.rti] = child
	for _, o := range child.outer {
		expr, err := r.prepareOuterArg(o.expr)
		if err != nil {
			return err
		}
		b.lateral |= r.relsIn(expr)
	}
	return nil
}

func (r *root) prepareOuterArg(e tree.Expr) (tree.Expr, error) {
	e = r.flattenJoinVars(e)
	e, err := r.planSublinks(e)
	if err != nil {
		return nil, err
	}
	return r.replaceOuter(e), nil
}

// subqueryUnique notes which output columns of a subquery are unique: those of DISTINCT and GROUP BY.
func (r *root) subqueryUnique(b *rel) {
	q := b.child.q
	clauses := q.Distinct
	if len(clauses) == 0 && len(q.GroupingSets) == 0 {
		clauses = q.GroupBy
	}
	if q.HasDistinctOn || len(clauses) == 0 {
		return
	}
	var cols []int
	for _, c := range clauses {
		n, found := 0, 0
		for _, te := range q.Target {
			if te.Junk {
				continue
			}
			n++
			if te.SortRef == c.SortRef {
				found = n
			}
		}
		if found == 0 {
			return
		}
		cols = append(cols, found)
	}
	b.unique = append(b.unique, cols)
}

// basePaths adds the access paths of a base relation.
func (r *root) basePaths(b *rel) error {
	if b.empty {
		r.addPath(b, r.emptyPath(b))
		return nil
	}
	switch b.rte.Kind {
	case tree.RTERelation:
		if b.virtual {
			r.addPath(b, r.virtualPath(b))
			return nil
		}
		r.addPath(b, r.seqPath(b))
		r.tidPaths(b)
		r.indexPaths(b)
		return nil
	case tree.RTESubquery:
		r.addPath(b, r.subqueryPath(b))
	case tree.RTEFunction:
		r.addPath(b, r.functionPath(b))
	case tree.RTEValues:
		r.addPath(b, r.valuesPath(b))
	case tree.RTECTE:
		r.addPath(b, r.ctePath(b))
	case tree.RTEResult:
		r.addPath(b, r.resultPath(b))
	}
	return nil
}

// relTarget is what a relation hands up: the columns needed above it.
func (r *root) relTarget(ids relids) []tree.TargetEntry {
	exprs := r.relTargetExprs(ids)
	out := make([]tree.TargetEntry, len(exprs))
	for i, e := range exprs {
		out[i] = tree.TargetEntry{Expr: e, ResNo: i + 1}
	}
	return out
}

func (r *root) relTargetExprs(ids relids) []tree.Expr {
	var out []tree.Expr
	for _, v := range r.neededVars {
		k := varKey{v.VarNo, v.AttNo}
		b, ok := r.bit[v.VarNo]
		if !ok || !ids.has(bit(b)) {
			continue
		}
		if r.above[k] || r.needed[k]&^ids != 0 {
			out = append(out, v)
		}
	}
	return out
}

// noteNeeded records where columns are used: above the joins, or in conditions that need other relations.
func (r *root) noteNeeded(exprs []tree.Expr, at relids, above bool) {
	for _, v := range varsOf(exprs...) {
		k := varKey{v.VarNo, v.AttNo}
		if _, seen := r.needed[k]; !seen {
			r.needed[k] = 0
			r.neededVars = append(r.neededVars, v)
		}
		if above {
			r.above[k] = true
		}
		r.needed[k] |= at
	}
}

func clauseExprs(cs []*clause) []tree.Expr {
	out := make([]tree.Expr, len(cs))
	for i, c := range cs {
		out[i] = c.expr
	}
	return out
}

// baseNode fills in what all scans share.
func (r *root) baseNode(b *rel, base *plan.Base, p *path, quals []tree.Expr) {
	base.Target = r.relTarget(b.ids)
	base.Quals = quals
	base.Scanned, base.ColNames = plan.ScanID{Level: r.number, RTIndex: b.rti}, b.rte.Eref.Cols
	base.StartupCost, base.TotalCost, base.Rows, base.Width = p.startup, p.total, p.rows, b.width
	if _, whole := r.needed[varKey{b.rti, 0}]; whole && b.rte.Kind != tree.RTERelation {
		base.RowNames = b.rte.Eref.Cols
	}
}

func (r *root) fillScan(b *rel, s *plan.Scan, p *path, quals []tree.Expr) {
	r.baseNode(b, &s.Base, p, quals)
	s.Rel, s.RTIndex, s.Alias = b.rte.RelID, b.rti, b.rte.Eref.Name
	if relation := r.g.env.Catalog.Relation(b.rte.RelID); relation != nil {
		s.RelName = relation.Name
		if sc := r.g.env.Catalog.Schema(relation.Schema); sc != nil {
			s.Schema = sc.Name
		}
	}
	s.AsOf = b.rte.AsOf
}

// outerSlots replaces columns of relations outside `own` in expressions by parameter slots.
type outerSlots struct {
	r      *root
	own    relids
	params []plan.NestParam
}

func (o *outerSlots) fix(e tree.Expr) tree.Expr {
	if e == nil {
		return nil
	}
	return mutate(e, func(x tree.Expr) tree.Expr {
		v, ok := x.(*tree.Var)
		if !ok {
			return nil
		}
		b, known := o.r.bit[v.VarNo]
		if v.LevelsUp != 0 || !known || o.own.has(bit(b)) {
			return v
		}
		return paramFor(o.slot(v), v)
	})
}

func (o *outerSlots) slot(v tree.Expr) int {
	for _, p := range o.params {
		if tree.Equal(p.Value, v) {
			return p.Slot
		}
	}
	s := o.r.g.newParam()
	o.params = append(o.params, plan.NestParam{Slot: s, Value: v})
	return s
}

func (o *outerSlots) fixAll(list []tree.Expr) []tree.Expr {
	if len(list) == 0 {
		return nil
	}
	out := make([]tree.Expr, len(list))
	for i, e := range list {
		out[i] = o.fix(e)
	}
	return out
}

func (r *root) seqPath(b *rel) *path {
	s := r.settings()
	startup, perRow := r.qualCost(clauseExprs(b.quals))
	p := &path{rel: b, rows: b.rows, startup: startup}
	p.total = startup + b.pages*s.SeqPageCost + b.tuples*(s.CPUTupleCost+perRow)
	if !s.SeqScan {
		p.startup += disableCost
		p.total += disableCost
	}
	p.rescan = p.total
	p.build = func() (plan.Node, []plan.NestParam, error) {
		n := &plan.SeqScan{}
		r.fillScan(b, &n.Scan, p, clauseExprs(b.quals))
		return n, nil, nil
	}
	return p
}

func (r *root) virtualPath(b *rel) *path {
	_, perRow := r.qualCost(clauseExprs(b.quals))
	p := &path{rel: b, rows: b.rows, total: b.tuples * (r.settings().CPUTupleCost + perRow)}
	var eq []plan.VirtualEq
	for _, c := range b.quals {
		if col, value, anyOf, ok := r.virtualEq(b, c.expr); ok {
			eq = append(eq, plan.VirtualEq{Col: col, Value: value, Any: anyOf})
		}
	}
	if len(eq) > 0 {
		p.total = 1 + b.rows*r.settings().CPUTupleCost
	}
	p.rescan = p.total
	p.build = func() (plan.Node, []plan.NestParam, error) {
		n := &plan.VirtualScan{Eq: eq}
		r.fillScan(b, &n.Scan, p, clauseExprs(b.quals))
		return n, nil, nil
	}
	r.virtualLookups(b)
	return p
}

// virtualLookups adds parameterized scans of a catalog relation for join conditions on its key columns.
func (r *root) virtualLookups(b *rel) {
	seen := map[varKey]bool{}
	for _, c := range r.clausesToward(b) {
		col, value, anyOf, ok := r.virtualEq(b, c.expr)
		if !ok || seen[varKey{col, int(r.relsIn(value))}] {
			continue
		}
		seen[varKey{col, int(r.relsIn(value))}] = true
		outer := r.relsIn(value)
		p := &path{rel: b, outer: outer, enforced: []*clause{c}}
		p.rows = clampRows(math.Min(b.rows*r.clauseSel(c), math.Max(1, b.rows/10)))
		p.total = 1 + p.rows*r.settings().CPUTupleCost*2
		p.rescan = p.total
		c := c
		p.build = func() (plan.Node, []plan.NestParam, error) {
			slots := &outerSlots{r: r, own: b.ids}
			n := &plan.VirtualScan{Eq: []plan.VirtualEq{{Col: col, Value: slots.fix(value), Any: anyOf}}}
			for _, bc := range b.quals {
				if k, v, a, ok := r.virtualEq(b, bc.expr); ok {
					n.Eq = append(n.Eq, plan.VirtualEq{Col: k, Value: v, Any: a})
				}
			}
			quals := append(clauseExprs(b.quals), slots.fix(c.expr))
			r.fillScan(b, &n.Scan, p, quals)
			return n, slots.params, nil
		}
		r.addPath(b, p)
	}
}

// virtualEq recognises column = value with a value from elsewhere.
func (r *root) virtualEq(b *rel, e tree.Expr) (col int, value tree.Expr, anyOf, ok bool) {
	match := func(x tree.Expr) (int, bool) {
		v, isVar := stripRelabel(x).(*tree.Var)
		if !isVar || v.LevelsUp != 0 || v.VarNo != b.rti || v.AttNo < 1 {
			return 0, false
		}
		return v.AttNo, true
	}
	switch e := e.(type) {
	case *tree.OpExpr:
		o := r.g.env.Catalog.Operator(e.Op)
		if o == nil || o.Name != "=" || len(e.Args) != 2 || r.containsVolatile(e) {
			return
		}
		for i := 0; i < 2; i++ {
			c, isCol := match(e.Args[i])
			other := e.Args[1-i]
			if isCol && !r.relsIn(other).meets(b.ids) && r.sameKeyClass(e.Args[i].Type().OID, other.Type().OID) {
				return c, other, false, true
			}
		}
	case *tree.ScalarArrayOpExpr:
		o := r.g.env.Catalog.Operator(e.Op)
		c, isCol := match(e.Args[0])
		if o != nil && o.Name == "=" && e.UseOr && isCol && !r.relsIn(e.Args[1]).meets(b.ids) {
			return c, e.Args[1], true, true
		}
	}
	return
}

func (r *root) sameKeyClass(a, b types.OID) bool {
	a, b = r.baseType(a), r.baseType(b)
	return types.ClassOf(nil, a) == types.ClassOf(nil, b)
}

func (r *root) emptyPath(b *rel) *path {
	p := &path{rel: b, rows: 1}
	p.build = func() (plan.Node, []plan.NestParam, error) {
		n := &plan.Result{OneTime: []tree.Expr{boolConst(false)}}
		n.Target = nullTarget(r.relTarget(b.ids))
		n.Rows, n.Width = 0, b.width
		n.ScanOf = r.relTarget(b.ids)
		return n, nil, nil
	}
	return p
}

// nullTarget has a NULL for each entry: an empty relation needs no input.
func nullTarget(t []tree.TargetEntry) []tree.TargetEntry {
	return t
}

func (r *root) resultPath(b *rel) *path {
	p := &path{rel: b, rows: 1, total: r.settings().CPUTupleCost}
	p.build = func() (plan.Node, []plan.NestParam, error) {
		n := &plan.Result{OneTime: clauseExprs(b.quals)}
		r.baseNode(b, &n.Base, p, nil)
		return n, nil, nil
	}
	return p
}

func (r *root) subqueryPath(b *rel) *path {
	sub := b.child.planned
	c := sub.Common()
	_, perRow := r.qualCost(clauseExprs(b.quals))
	p := &path{rel: b, rows: b.rows, startup: c.StartupCost, outer: b.lateral}
	p.total = c.TotalCost
	if len(b.quals) > 0 || len(r.relTargetExprs(b.ids)) != len(b.rte.Eref.Cols) { // else the scan will be stripped
		p.total += c.Rows * (r.settings().CPUTupleCost + perRow)
	}
	p.rescan, p.rescanStartup = p.total, p.startup
	p.keys = r.subqueryKeys(b)
	p.build = func() (plan.Node, []plan.NestParam, error) {
		slots := &outerSlots{r: r, own: b.ids}
		var params []plan.NestParam
		for _, o := range b.child.outer {
			e, err := r.prepareOuterArg(o.expr)
			if err != nil {
				return nil, nil, err
			}
			params = append(params, plan.NestParam{Slot: o.slot, Value: e})
		}
		n := &plan.SubqueryScan{Alias: b.rte.Eref.Name}
		n.Outer = sub
		n.RTIndex = b.rti
		r.baseNode(b, &n.Base, p, slots.fixAll(clauseExprs(b.quals)))
		return n, append(params, slots.params...), nil
	}
	return p
}

// subqueryKeys: the order of a subquery's result, when it has an ORDER BY over its output columns.
func (r *root) subqueryKeys(b *rel) []pathKey {
	var keys []pathKey
	for _, sc := range b.child.q.Sort {
		n := 0
		var te *tree.TargetEntry
		for i := range b.child.q.Target {
			t := &b.child.q.Target[i]
			if !t.Junk {
				n++
			}
			if t.SortRef == sc.SortRef && !t.Junk {
				te = t
				break
			}
		}
		if te == nil {
			break
		}
		keys = append(keys, pathKey{expr: &tree.Var{VarNo: b.rti, AttNo: n, T: te.Expr.Type(), Coll: te.Expr.Collation(), Loc: -1}, desc: sc.Desc, nullsFirst: sc.NullsFirst})
	}
	return keys
}

func (r *root) functionPath(b *rel) *path {
	s := r.settings()
	_, perRow := r.qualCost(clauseExprs(b.quals))
	p := &path{rel: b, rows: b.rows, outer: b.lateral}
	for _, f := range b.rte.Funcs {
		_, c := r.exprCost(f.Expr)
		p.startup += c
	}
	p.total = p.startup + b.tuples*(s.CPUTupleCost+perRow)
	p.rescan, p.kept = p.total-p.startup, true
	p.build = func() (plan.Node, []plan.NestParam, error) {
		slots := &outerSlots{r: r, own: b.ids}
		n := &plan.FunctionScan{Alias: b.rte.Eref.Name, Ordinality: b.rte.Ordinality, RTIndex: b.rti}
		for _, f := range b.rte.Funcs {
			f.Expr = slots.fix(f.Expr)
			n.Funcs = append(n.Funcs, f)
		}
		r.baseNode(b, &n.Base, p, slots.fixAll(clauseExprs(b.quals)))
		return n, slots.params, nil
	}
	return p
}

func (r *root) valuesPath(b *rel) *path {
	s := r.settings()
	_, perRow := r.qualCost(clauseExprs(b.quals))
	p := &path{rel: b, rows: b.rows, outer: b.lateral}
	p.total = b.tuples * (s.CPUTupleCost + s.CPUOperatorCost + perRow)
	p.rescan = p.total
	p.build = func() (plan.Node, []plan.NestParam, error) {
		slots := &outerSlots{r: r, own: b.ids}
		n := &plan.ValuesScan{Alias: "*VALUES*", RTIndex: b.rti}
		for _, row := range b.rte.Values {
			n.Rows_ = append(n.Rows_, slots.fixAll(row))
		}
		r.baseNode(b, &n.Base, p, slots.fixAll(clauseExprs(b.quals)))
		n.ColNames = nil // column1 and so on
		return n, slots.params, nil
	}
	return p
}

func (r *root) ctePath(b *rel) *path {
	s := r.settings()
	_, perRow := r.qualCost(clauseExprs(b.quals))
	p := &path{rel: b, rows: b.rows}
	p.total = b.tuples * (2*s.CPUTupleCost + perRow)
	p.rescan, p.kept = s.CPUTupleCost*b.rows, true
	rte := b.rte
	wt := r.workTables[rte.CTEName]
	p.build = func() (plan.Node, []plan.NestParam, error) {
		if rte.SelfRef && wt != nil {
			n := &plan.WorkTableScan{Alias: rte.Eref.Name, Union: wt.number, RTIndex: b.rti}
			r.baseNode(b, &n.Base, p, clauseExprs(b.quals))
			return n, nil, nil
		}
		cp := r.findCTE(rte)
		if cp == nil || !cp.done {
			return nil, nil, pgerr.Internal("WITH query %q is not planned", rte.CTEName)
		}
		n := &plan.CTEScan{Name: rte.CTEName, Alias: rte.Eref.Name, SubPlan: cp.subplan, RTIndex: b.rti}
		r.baseNode(b, &n.Base, p, clauseExprs(b.quals))
		return n, nil, nil
	}
	return p
}

// tidPaths: ctid = value.
func (r *root) tidPaths(b *rel) {
	for _, c := range b.quals {
		if cur, ok := c.expr.(*tree.CurrentOfExpr); ok {
			p := &path{rel: b, rows: 1, total: 1}
			rest := without(b.quals, c)
			b.paths = nil
			p.build = func() (plan.Node, []plan.NestParam, error) {
				n := &plan.TidScan{CurrentOf: cur.Cursor}
				r.fillScan(b, &n.Scan, p, clauseExprs(rest))
				return n, nil, nil
			}
			r.addPath(b, p)
			return
		}
		var tids []tree.Expr
		anyOf := false
		switch e := c.expr.(type) {
		case *tree.OpExpr:
			if o := r.g.env.Catalog.Operator(e.Op); o != nil && o.Name == "=" && len(e.Args) == 2 {
				for i := 0; i < 2; i++ {
					if v, ok := e.Args[i].(*tree.Var); ok && v.VarNo == b.rti && v.LevelsUp == 0 && v.AttNo == tree.CtidAtt && r.relsIn(e.Args[1-i]) == 0 {
						tids = []tree.Expr{e.Args[1-i]}
					}
				}
			}
		case *tree.ScalarArrayOpExpr:
			if v, ok := e.Args[0].(*tree.Var); ok && e.UseOr && v.VarNo == b.rti && v.AttNo == tree.CtidAtt && r.relsIn(e.Args[1]) == 0 {
				tids, anyOf = []tree.Expr{e.Args[1]}, true
			}
		}
		if tids == nil || !r.settings().TidScan {
			continue
		}
		rest := without(b.quals, c)
		p := &path{rel: b, rows: 1, total: r.settings().RandomPageCost + r.settings().CPUTupleCost}
		p.build = func() (plan.Node, []plan.NestParam, error) {
			n := &plan.TidScan{Tids: tids, Any: anyOf}
			r.fillScan(b, &n.Scan, p, clauseExprs(rest))
			return n, nil, nil
		}
		r.addPath(b, p)
	}
}

func without(list []*clause, drop ...*clause) []*clause {
	var out []*clause
next:
	for _, c := range list {
		for _, d := range drop {
			if c == d {
				continue next
			}
		}
		out = append(out, c)
	}
	return out
}
