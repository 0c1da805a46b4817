package planner

import (
	"math"

	"kimberlite/exec/plan"
	"kimberlite/sql/catalog"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// indexInfo is an index of a base relation, ready for matching.
type indexInfo struct {
	rel    *catalog.Relation
	index  *catalog.Index
	keys   []tree.Expr // key columns as expressions over the relation
	pages  float64
	tuples float64
	height float64
	// pred is the predicate of a partial index as a list of conditions.
	pred []tree.Expr
}

// loadIndexes reads the relation's valid indexes and notes which columns are unique.
func (r *root) loadIndexes(b *rel, relation *catalog.Relation) {
	cat := r.g.env.Catalog
	for _, oid := range relation.Indexes {
		ir := cat.Relation(oid)
		if ir == nil || ir.Index == nil || !ir.Index.Valid {
			continue
		}
		info := &indexInfo{rel: ir, index: ir.Index, tuples: b.tuples}
		width, plain := 0, true
		var cols []int
		for _, k := range ir.Index.Keys {
			var e tree.Expr
			if k.Att != 0 {
				col := relation.Columns[k.Att-1]
				e = &tree.Var{VarNo: b.rti, AttNo: k.Att, T: col.T, Coll: col.Collation, Loc: -1}
				cols = append(cols, k.Att)
			} else {
				dec, err := tree.Decode(k.Expr)
				if err != nil {
					continue
				}
				e, plain = renumber(dec, b.rti), false
			}
			info.keys = append(info.keys, e)
			width += r.exprWidth(e)
		}
		if len(info.keys) != len(ir.Index.Keys) {
			continue
		}
		if ir.Index.Predicate != nil {
			dec, err := tree.Decode(ir.Index.Predicate)
			if err != nil {
				continue
			}
			info.pred = andList(canonicalizeQual(renumber(dec, b.rti)))
			s := 1.0
			for _, p := range info.pred {
				s *= r.exprSel(p)
			}
			info.tuples = clampRows(b.tuples * s)
			if !r.implied(b, info.pred) {
				continue
			}
		}
		info.pages = math.Max(1, math.Ceil(info.tuples*float64(width+16)/(8192*0.9)))
		info.height = math.Floor(math.Log(math.Max(1, info.pages)) / math.Log(256))
		b.indexes = append(b.indexes, info)
		if ir.Index.Unique && ir.Index.Immediate && plain && info.pred == nil {
			b.unique = append(b.unique, cols)
		}
	}
}

// renumber turns a stored expression (Vars of entry 1) into one over entry rti.
func renumber(e tree.Expr, rti int) tree.Expr {
	return mutate(e, func(x tree.Expr) tree.Expr {
		if v, ok := x.(*tree.Var); ok && v.LevelsUp == 0 {
			c := *v
			c.VarNo = rti
			return &c
		}
		return nil
	})
}

// implied reports whether the relation's restrictions guarantee the predicate: each of its conditions is among them, or follows from a tighter range or a
// strict condition on the column.
func (r *root) implied(b *rel, pred []tree.Expr) bool {
	for _, p := range pred {
		found := false
		for _, c := range b.quals {
			if tree.Equal(c.expr, p) || r.implies(c.expr, p) {
				found = true
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}

// implies handles "x IS NOT NULL" after a strict condition on x, and comparisons of one column with constants.
func (r *root) implies(have, want tree.Expr) bool {
	if nt, ok := want.(*tree.NullTest); ok && nt.IsNotNull {
		op, ok := have.(*tree.OpExpr)
		if !ok {
			return false
		}
		p := r.g.env.Catalog.Proc(op.Func)
		if p == nil || !p.Strict {
			return false
		}
		for _, a := range op.Args {
			if tree.Equal(stripRelabel(a), stripRelabel(nt.Arg)) {
				return true
			}
		}
		return false
	}
	a, aok := r.colConst(have)
	b, bok := r.colConst(want)
	if !aok || !bok || !tree.Equal(a.col, b.col) || a.c.Value.Null || b.c.Value.Null || stripMismatch(a.c.T.OID, b.c.T.OID) {
		return false
	}
	cmp := types.Compare(nil, b.c.T.OID, a.c.Value, b.c.Value)
	switch b.op {
	case "<":
		return a.op == "<" && cmp <= 0 || (a.op == "<=" || a.op == "=") && cmp < 0
	case "<=":
		return (a.op == "<" || a.op == "<=" || a.op == "=") && cmp <= 0
	case ">":
		return a.op == ">" && cmp >= 0 || (a.op == ">=" || a.op == "=") && cmp > 0
	case ">=":
		return (a.op == ">" || a.op == ">=" || a.op == "=") && cmp >= 0
	case "=":
		return a.op == "=" && cmp == 0
	case "<>":
		return a.op == "=" && cmp != 0 || a.op == "<" && cmp <= 0 || a.op == ">" && cmp >= 0
	}
	return false
}

type columnConst struct {
	col tree.Expr
	op  string
	c   *tree.Const
}

func (r *root) colConst(e tree.Expr) (columnConst, bool) {
	op, ok := e.(*tree.OpExpr)
	if !ok || len(op.Args) != 2 {
		return columnConst{}, false
	}
	o := r.g.env.Catalog.Operator(op.Op)
	if o == nil {
		return columnConst{}, false
	}
	if c, ok := op.Args[1].(*tree.Const); ok {
		return columnConst{stripRelabel(op.Args[0]), o.Name, c}, true
	}
	if c, ok := op.Args[0].(*tree.Const); ok {
		return columnConst{stripRelabel(op.Args[1]), commuteName(o.Name), c}, true
	}
	return columnConst{}, false
}

func commuteName(op string) string {
	switch op {
	case "<":
		return ">"
	case "<=":
		return ">="
	case ">":
		return "<"
	case ">=":
		return "<="
	}
	return op
}

// indexMatch is a clause usable with a key column of an index.
type indexMatch struct {
	key   int
	cond  plan.IndexCond
	c     *clause
	lossy bool // the clause must be checked again
	outer relids
}

// matchIndex finds the conditions among clauses that bound column key of the index.
func (r *root) matchIndex(b *rel, ix *indexInfo, key int, clauses []*clause) []indexMatch {
	var out []indexMatch
	for _, c := range clauses {
		if m, ok := r.matchClause(b, ix, key, c.expr); ok {
			m.c, m.key, m.cond.Key = c, key, key
			out = append(out, m)
		}
	}
	return out
}

var indexOps = map[string]plan.IndexOp{"=": plan.OpEq, "<": plan.OpLt, "<=": plan.OpLe, ">": plan.OpGt, ">=": plan.OpGe}

func (r *root) matchClause(b *rel, ix *indexInfo, key int, e tree.Expr) (indexMatch, bool) {
	col := ix.keys[key]
	none := indexMatch{}
	switch e := e.(type) {
	case *tree.OpExpr:
		if len(e.Args) != 2 {
			return none, false
		}
		o := r.g.env.Catalog.Operator(e.Op)
		if o == nil {
			return none, false
		}
		for side := 0; side < 2; side++ {
			if !sameColumn(e.Args[side], col) {
				continue
			}
			other := e.Args[1-side]
			if r.relsIn(other).meets(b.ids) || r.containsVolatile(other) {
				continue
			}
			name := o.Name
			if side == 1 {
				name = commuteName(name)
			}
			if op, ok := indexOps[name]; ok && r.btreeOp(o) && (r.comparable(e.Args[side], other) || r.floorable(e.Args[side], other)) {
				return indexMatch{cond: plan.IndexCond{Op: op, Value: other}, outer: r.relsIn(other)}, true
			}
			if side == 0 && (o.Name == "~~" || o.Name == "~") && isTextType(r.baseType(e.Args[0].Type().OID)) {
				if c, ok := other.(*tree.Const); ok && !c.Value.Null {
					if prefix, exact := patternPrefix(o.Name, c.Value.S); prefix != "" {
						v := &tree.Const{T: types.Of(types.OIDText), Coll: c.Coll, Value: types.Str(prefix), Loc: -1}
						op := plan.OpPrefix
						if exact {
							op = plan.OpEq
						}
						return indexMatch{cond: plan.IndexCond{Op: op, Value: v}, lossy: true}, true
					}
				}
			}
		}
	case *tree.ScalarArrayOpExpr:
		o := r.g.env.Catalog.Operator(e.Op)
		if o != nil && o.Name == "=" && e.UseOr && sameColumn(e.Args[0], col) && !r.relsIn(e.Args[1]).meets(b.ids) && r.btreeOp(o) &&
			r.comparableTypes(e.Args[0].Type().OID, r.elemType(e.Args[1].Type().OID)) && !r.containsVolatile(e.Args[1]) {
			return indexMatch{cond: plan.IndexCond{Op: plan.OpAny, Value: e.Args[1]}, outer: r.relsIn(e.Args[1])}, true
		}
	case *tree.NullTest:
		if sameColumn(e.Arg, col) && !e.RowFormat {
			op := plan.OpIsNull
			if e.IsNotNull {
				op = plan.OpIsNotNull
			}
			return indexMatch{cond: plan.IndexCond{Op: op}}, true
		}
	case *tree.RowCompareExpr:
		if sameColumn(e.Left[0], col) && !r.relsIn(e.Right[0]).meets(b.ids) && r.comparable(e.Left[0], e.Right[0]) {
			op := plan.OpLe
			if e.Kind == tree.RowCompareGT || e.Kind == tree.RowCompareGE {
				op = plan.OpGe
			} else if e.Kind != tree.RowCompareLT && e.Kind != tree.RowCompareLE {
				return none, false
			}
			return indexMatch{cond: plan.IndexCond{Op: op, Value: e.Right[0]}, outer: r.relsIn(e.Right[0]), lossy: true}, true
		}
	case *tree.Var:
		if sameColumn(e, col) && e.T.OID == types.OIDBool {
			return indexMatch{cond: plan.IndexCond{Op: plan.OpEq, Value: boolConst(true)}}, true
		}
	case *tree.BoolExpr:
		if e.Op == tree.Not && sameColumn(e.Args[0], col) {
			return indexMatch{cond: plan.IndexCond{Op: plan.OpEq, Value: boolConst(false)}}, true
		}
	}
	return none, false
}

func sameColumn(e, col tree.Expr) bool {
	return tree.Equal(e, col) || tree.Equal(stripRelabel(e), col)
}

// btreeOp reports whether the operator belongs to a btree ordering: the comparison operators that have the type's usual estimators.
func (r *root) btreeOp(o *catalog.Operator) bool {
	switch o.Rest {
	case "eqsel", "scalarltsel", "scalarlesel", "scalargtsel", "scalargesel":
	default:
		return false
	}
	ops := r.g.env.Catalog.TypeOps(r.baseType(o.Left))
	return ops.Cmp != 0 || ops.Lt != 0
}

func (r *root) comparable(col, value tree.Expr) bool {
	return r.comparableTypes(col.Type().OID, value.Type().OID)
}

// floorable: the executor can bring the value to the column's date/time type.
func (r *root) floorable(col, value tree.Expr) bool {
	return types.CanFloorTime(r.baseType(col.Type().OID), r.baseType(value.Type().OID))
}

// comparableTypes: the key encodings of the two types are the same.
func (r *root) comparableTypes(a, b types.OID) bool {
	a, b = r.baseType(a), r.baseType(b)
	if a == b || isIntType(a) && isIntType(b) || isTextType(a) && isTextType(b) {
		return true
	}
	fa, fb := a == types.OIDFloat4 || a == types.OIDFloat8, b == types.OIDFloat4 || b == types.OIDFloat8
	if fa && fb {
		return true
	}
	ta, tb := r.g.env.Catalog.TypeByOID(a), r.g.env.Catalog.TypeByOID(b)
	return ta != nil && tb != nil && tb.Kind == types.KindPseudo && ta.Kind == types.KindEnum
}

func (r *root) elemType(array types.OID) types.OID {
	if t := r.g.env.Catalog.TypeByOID(r.baseType(array)); t != nil {
		return t.Elem
	}
	return 0
}

// indexPaths adds index and bitmap scans, plain and parameterized by join conditions.
func (r *root) indexPaths(b *rel) {
	toward := r.clausesToward(b)
	for _, ix := range b.indexes {
		base := r.collectMatches(b, ix, b.quals)
		if len(base) > 0 || r.usefulOrder(b, ix) || r.indexOnly(b, ix) {
			r.addIndexPath(b, ix, base, 0)
		}
		// Parameterized: by each single outer relation set, and by all together.
		sets := map[relids]bool{}
		var all relids
		for k := range ix.keys {
			for _, m := range r.matchIndex(b, ix, k, toward) {
				if m.outer != 0 {
					sets[m.outer] = true
					all |= m.outer
				}
			}
		}
		if len(sets) > 1 && len(sets) <= 4 {
			sets[all] = true
		}
		for _, set := range sortedSets(sets) {
			usable := append([]*clause(nil), b.quals...)
			for _, c := range toward {
				if set.has(c.rels &^ b.ids) {
					usable = append(usable, c)
				}
			}
			ms := r.collectMatches(b, ix, usable)
			var need relids
			for _, m := range ms {
				need |= m.outer
			}
			if need != 0 {
				r.addIndexPath(b, ix, ms, need)
			}
		}
	}
	r.bitmapOrPaths(b)
}

func sortedSets(sets map[relids]bool) []relids {
	out := make([]relids, 0, len(sets))
	for s := range sets {
		out = append(out, s)
	}
	for i := 1; i < len(out); i++ {
		for j := i; j > 0 && out[j] < out[j-1]; j-- {
			out[j], out[j-1] = out[j-1], out[j]
		}
	}
	return out
}

// collectMatches picks, column by column, equalities and at last one column's ranges. Later columns' conditions can't bound the scan and stay filters.
func (r *root) collectMatches(b *rel, ix *indexInfo, clauses []*clause) []indexMatch {
	var out []indexMatch
	for k := range ix.keys {
		ms := r.matchIndex(b, ix, k, clauses)
		if len(ms) == 0 {
			break
		}
		if best := firstEquality(ms); best >= 0 {
			out = append(out, ms[best])
			continue
		}
		var lower, upper bool
		for _, m := range ms {
			switch m.cond.Op {
			case plan.OpGt, plan.OpGe:
				if lower {
					continue
				}
				lower = true
			case plan.OpLt, plan.OpLe:
				if upper {
					continue
				}
				upper = true
			case plan.OpPrefix:
				if lower || upper {
					continue
				}
				lower, upper = true, true
			case plan.OpIsNotNull:
				if lower || upper {
					continue
				}
			}
			out = append(out, m)
		}
		break
	}
	return out
}

func firstEquality(ms []indexMatch) int {
	anyOf := -1
	for i, m := range ms {
		switch m.cond.Op {
		case plan.OpEq, plan.OpIsNull:
			return i
		case plan.OpAny:
			if anyOf < 0 {
				anyOf = i
			}
		}
	}
	return anyOf
}

// clausesToward lists the join conditions that could restrict b once other relations are known: from equivalence classes and the rest. Conditions of outer joins
// count when b is on the nullable side.
func (r *root) clausesToward(b *rel) []*clause {
	var out []*clause
	for _, ec := range r.ecs {
		if ec.konst != nil {
			continue
		}
		for _, m := range ec.members {
			if m.rels != b.ids {
				continue
			}
			for _, n := range ec.members {
				if n.rels != 0 && !n.rels.meets(b.ids) {
					out = append(out, r.deriveClause(ec, n, m))
				}
			}
		}
	}
	for _, c := range r.joinClauses {
		if c.rels.has(b.ids) && c.rels != b.ids && !c.pseudo && c.required == c.rels {
			out = append(out, c)
		}
	}
	for _, oj := range r.joins {
		if !oj.synRight.has(b.ids) || oj.kind == tree.JoinFull {
			continue
		}
		for _, c := range oj.clauses {
			if c.rels.has(b.ids) && c.rels != b.ids && !c.rels.meets(oj.synRight&^b.ids) {
				out = append(out, c)
			}
		}
	}
	return out
}

// usefulOrder: the index delivers an order that the query asks for.
func (r *root) usefulOrder(b *rel, ix *indexInfo) bool {
	if ix.index.Method == "hash" {
		return false
	}
	for _, want := range r.wantedOrders {
		if len(want) > 0 {
			if r.sameValue(ix.keys[0], want[0].expr) {
				return true
			}
			if k := r.skipConstants(b, ix); k > 0 && k < len(ix.keys) && r.sameValue(ix.keys[k], want[0].expr) {
				return true
			}
		}
	}
	// An order for merge joins.
	for _, ec := range r.ecs {
		if ec.konst == nil && len(ec.members) > 1 {
			for _, m := range ec.members {
				if tree.Equal(m.expr, ix.keys[0]) {
					return true
				}
			}
		}
	}
	return false
}

// skipConstants counts the leading key columns that are fixed by an equality.
func (r *root) skipConstants(b *rel, ix *indexInfo) int {
	n := 0
	for k := range ix.keys {
		fixed := false
		for _, m := range r.matchIndex(b, ix, k, b.quals) {
			fixed = fixed || m.cond.Op == plan.OpEq
		}
		if !fixed {
			break
		}
		n++
	}
	return n
}

// indexOnly reports whether all needed columns are in the index entries.
func (r *root) indexOnly(b *rel, ix *indexInfo) bool {
	if !r.settings().IndexOnlyScan {
		return false
	}
	have := map[int]bool{}
	for i, k := range ix.index.Keys {
		if k.Att != 0 && !types.KeyIsLossy(r.keyType(ix.keys[i])) {
			have[k.Att] = true
		}
	}
	for _, a := range ix.index.Include {
		have[a] = true
	}
	vars := varsOf(append(r.relTargetExprs(b.ids), clauseExprs(b.quals)...)...)
	for _, v := range vars {
		if v.VarNo == b.rti && !have[v.AttNo] {
			return false
		}
	}
	return true
}

// keyType is the built-in type whose key encoding a column uses.
func (r *root) keyType(e tree.Expr) types.OID {
	t := r.baseType(e.Type().OID)
	if info := r.g.env.Catalog.TypeByOID(t); info != nil && info.Kind == types.KindEnum {
		return types.OIDInt8
	}
	return t
}

func (r *root) addIndexPath(b *rel, ix *indexInfo, ms []indexMatch, outer relids) {
	s := r.settings()
	var used, enforced []*clause
	for _, m := range ms {
		used = append(used, m.c)
		if m.outer != 0 {
			enforced = append(enforced, m.c)
		}
	}
	var rest []*clause
	for _, c := range b.quals {
		lossy := false
		exact := false
		for _, m := range ms {
			if m.c == c {
				exact, lossy = true, m.lossy
			}
		}
		if !exact || lossy {
			rest = append(rest, c)
		}
	}
	if ix.pred != nil {
		rest = r.dropImplied(rest, ix)
	}
	indexSel := r.selectivity(used)
	rows := b.rows
	if outer != 0 {
		rows = clampRows(b.tuples * r.selectivity(append(append([]*clause(nil), b.quals...), enforced...)))
	}
	fetched := clampRows(ix.tuples * indexSel)
	unique := ix.index.Unique && r.allEqual(ix, ms)
	if unique {
		fetched, rows = 1, 1
	}
	only := r.indexOnly(b, ix)
	anys := 1.0
	for _, m := range ms {
		if m.cond.Op == plan.OpAny {
			n := 10.0
			if c, ok := m.cond.Value.(*tree.Const); ok && !c.Value.Null {
				n = arrayLen(c)
			}
			anys *= n
		}
	}
	loops := r.loopCount(outer)
	cost := r.btreeCost(ix, indexSel, float64(len(ms)), anys, loops)
	heap := 0.0
	if !only {
		heap = r.heapCost(b, ix, fetched, indexSel, loops)
	}
	_, perRow := r.qualCost(clauseExprs(rest))
	startup := cost.startup
	total := cost.total + heap + fetched*(s.CPUTupleCost+perRow)
	if !s.IndexScan && !only || only && !s.IndexOnlyScan {
		total += disableCost
		startup += disableCost
	}
	for _, backward := range []bool{false, true} {
		keys := r.indexKeys(ix, ms, backward)
		if backward && (len(keys) == 0 || !r.orderWanted(keys)) {
			continue
		}
		backward := backward
		p := &path{rel: b, rows: rows, startup: startup, total: total, rescan: total, rescanStartup: startup, keys: keys, outer: outer, enforced: enforced, unique: unique,
			point: unique && outer == 0 && s.IndexScan}
		p.build = func() (plan.Node, []plan.NestParam, error) {
			slots := &outerSlots{r: r, own: b.ids}
			n := &plan.IndexScan{Index: ix.rel.OID, IndexName: ix.rel.Name, Backward: backward, IndexOnly: only, Unique: unique}
			for _, m := range ms {
				c := m.cond
				c.Value = slots.fix(c.Value)
				n.Conds = append(n.Conds, c)
				n.IndexQuals = append(n.IndexQuals, slots.fix(r.indexQual(b, m)))
			}
			quals := clauseExprs(rest)
			for _, m := range ms {
				if m.lossy && m.outer != 0 {
					quals = append(quals, slots.fix(m.c.expr))
				}
			}
			r.fillScan(b, &n.Scan, p, quals)
			return n, slots.params, nil
		}
		r.addPath(b, p)
	}
	if len(ms) > 0 && !unique && anys == 1 {
		r.addBitmapPath(b, ix, ms, rest, rows, fetched, cost.total, outer, enforced)
	}
}

// indexQual is a condition that an index serves, with the indexed side on the left.
func (r *root) indexQual(b *rel, m indexMatch) tree.Expr {
	if m.c.op == nil || m.c.leftRels.meets(b.ids) || !m.c.rightRels.meets(b.ids) {
		return m.c.expr
	}
	return r.orient(m.c, b.ids)
}

// dropImplied leaves out restrictions that a partial index's predicate states already.
func (r *root) dropImplied(rest []*clause, ix *indexInfo) []*clause {
	var out []*clause
	for _, c := range rest {
		if indexOf(ix.pred, c.expr) < 0 {
			out = append(out, c)
		}
	}
	return out
}

func (r *root) allEqual(ix *indexInfo, ms []indexMatch) bool {
	if len(ms) < len(ix.keys) {
		return false
	}
	for _, m := range ms {
		if m.cond.Op != plan.OpEq {
			return false
		}
	}
	return true
}

func (r *root) correlation(ix *indexInfo) float64 {
	if v, ok := ix.keys[0].(*tree.Var); ok {
		if st := r.columnStats(v); st != nil {
			c := st.Correlation
			if len(ix.keys) > 1 {
				c *= 0.75
			}
			return c
		}
	}
	return 0
}

// indexKeys is the order that a scan of the index delivers, without the columns fixed by equalities.
func (r *root) indexKeys(ix *indexInfo, ms []indexMatch, backward bool) []pathKey {
	if ix.index.Method == "hash" {
		return nil
	}
	fixed := map[int]bool{}
	for _, m := range ms {
		switch m.cond.Op {
		case plan.OpEq, plan.OpIsNull:
			fixed[m.key] = true
		case plan.OpAny:
			return nil
		}
	}
	var keys []pathKey
	for i, k := range ix.index.Keys {
		if fixed[i] {
			continue
		}
		pk := pathKey{expr: ix.keys[i], desc: k.Desc, nullsFirst: k.NullsFirst, coll: k.Collation}
		if backward {
			pk.desc, pk.nullsFirst = !pk.desc, !pk.nullsFirst
		}
		keys = append(keys, pk)
	}
	return keys
}

// orderWanted: some order that the query asks for starts with the first of keys.
func (r *root) orderWanted(keys []pathKey) bool {
	for _, w := range r.wantedOrders {
		if len(w) > 0 && r.sameKey(keys[0], w[0]) {
			return true
		}
	}
	return false
}
