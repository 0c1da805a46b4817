package planner

import (
	"math"

	"kimberlite/sql/catalog"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// Defaults of PostgreSQL (selfuncs.h) where statistics say nothing.
const (
	defaultEq      = 0.005
	defaultRange   = 1.0 / 3.0
	defaultBounded = 0.005
	defaultMatch   = 0.005
	defaultUnknown = 0.5
	defaultNull    = 0.005
	defaultNDist   = 200
)

// selectivity is the fraction of rows that satisfy all clauses; pairs of range conditions on one column are combined.
func (r *root) selectivity(clauses []*clause) float64 {
	s := 1.0
	type bounds struct {
		lo, hi float64
	}
	ranges := map[varKey]*bounds{}
	for _, c := range clauses {
		if v, lower, ok := r.rangeOn(c.expr); ok {
			k := varKey{v.VarNo, v.AttNo}
			b := ranges[k]
			if b == nil {
				b = &bounds{lo: 1, hi: 1}
				ranges[k] = b
			}
			sel := r.clauseSel(c)
			if lower {
				b.lo = math.Min(b.lo, sel)
			} else {
				b.hi = math.Min(b.hi, sel)
			}
			continue
		}
		s *= r.clauseSel(c)
	}
	for _, b := range ranges {
		if b.lo < 1 && b.hi < 1 {
			both := b.lo + b.hi - 1
			if b.lo == defaultRange && b.hi == defaultRange {
				both = defaultBounded
			} else if both <= 0 {
				both = math.Min(1e-4, b.lo*b.hi)
			}
			s *= both
		} else {
			s *= b.lo * b.hi
		}
	}
	return clampSel(s)
}

func clampSel(s float64) float64 {
	if s < 0 || math.IsNaN(s) {
		return 0
	}
	return math.Min(1, s)
}

// rangeOn recognises column </<=/>/>= value.
func (r *root) rangeOn(e tree.Expr) (v *tree.Var, lower, ok bool) {
	op, isOp := e.(*tree.OpExpr)
	if !isOp || len(op.Args) != 2 {
		return
	}
	o := r.g.env.Catalog.Operator(op.Op)
	if o == nil {
		return
	}
	lv, lok := stripRelabel(op.Args[0]).(*tree.Var)
	rv, rok := stripRelabel(op.Args[1]).(*tree.Var)
	if lok == rok {
		return
	}
	switch o.Name {
	case ">", ">=":
		lower = lok
	case "<", "<=":
		lower = rok
	default:
		return
	}
	v = lv
	if rok {
		v = rv
	}
	return v, lower, v.LevelsUp == 0
}

func (r *root) clauseSel(c *clause) float64 {
	if !c.selSet {
		c.sel, c.selSet = clampSel(r.exprSel(c.expr)), true
	}
	return c.sel
}

// exprSel estimates the fraction of rows for which a condition is true.
func (r *root) exprSel(e tree.Expr) float64 {
	switch e := e.(type) {
	case *tree.Const:
		if e.Value.IsTrue() {
			return 1
		}
		return 0
	case *tree.BoolExpr:
		return r.boolSel(e)
	case *tree.OpExpr:
		return r.opSel(e)
	case *tree.DistinctExpr:
		return 1 - r.opSel((*tree.OpExpr)(e))
	case *tree.ScalarArrayOpExpr:
		return r.arraySel(e)
	case *tree.NullTest:
		frac := defaultNull
		if v, ok := stripRelabel(e.Arg).(*tree.Var); ok {
			if st := r.columnStats(v); st != nil {
				frac = st.NullFrac
			}
		}
		if e.IsNotNull {
			return 1 - frac
		}
		return frac
	case *tree.BooleanTest:
		switch e.Kind {
		case tree.IsTrue, tree.IsNotFalse:
			return r.exprSel(e.Arg)
		case tree.IsFalse, tree.IsNotTrue:
			return 1 - r.exprSel(e.Arg)
		case tree.IsUnknown:
			return defaultNull
		}
		return 1 - defaultNull
	case *tree.Var:
		if st := r.columnStats(e); st != nil {
			for i, m := range st.MCV {
				if m.I != 0 {
					return st.MCF[i]
				}
			}
		}
		return defaultUnknown
	case *tree.RowCompareExpr:
		return defaultRange
	case *tree.FuncExpr:
		return 0.3333333
	}
	return defaultUnknown
}

func (r *root) boolSel(e *tree.BoolExpr) float64 {
	switch e.Op {
	case tree.Not:
		return 1 - r.exprSel(e.Args[0])
	case tree.And:
		s := 1.0
		var cs []*clause
		for _, a := range e.Args {
			cs = append(cs, &clause{expr: a})
		}
		s = r.selectivity(cs)
		return s
	}
	s := 0.0
	for _, a := range e.Args {
		x := r.exprSel(a)
		s = s + x - s*x
	}
	return s
}

// opSel estimates a binary operator: the estimator's name in pg_operator says what kind it is.
func (r *root) opSel(e *tree.OpExpr) float64 {
	o := r.g.env.Catalog.Operator(e.Op)
	if o == nil || len(e.Args) != 2 {
		return defaultUnknown
	}
	left, right := stripRelabel(e.Args[0]), stripRelabel(e.Args[1])
	lr, rr := r.relsIn(left), r.relsIn(right)
	if lr != 0 && rr != 0 && !lr.meets(rr) {
		return r.joinOpSel(o, left, right)
	}
	col, other, commuted := left, right, false
	if lr == 0 {
		col, other, commuted = right, left, true
	}
	switch o.Rest {
	case "eqsel":
		return r.eqSel(col, other)
	case "neqsel":
		return clampSel(1 - r.eqSel(col, other) - r.nullFrac(col))
	case "scalarltsel", "scalarlesel":
		return r.rangeSel(col, other, !commuted)
	case "scalargtsel", "scalargesel":
		return r.rangeSel(col, other, commuted)
	case "likesel", "iclikesel", "regexeqsel", "icregexeqsel", "prefixsel":
		return r.matchSel(o, col, other)
	case "nlikesel", "icnlikesel", "regexnesel", "icregexnesel":
		return 1 - r.matchSel(o, col, other)
	case "contsel", "matchingsel", "arraycontsel", "networksel", "tsmatchsel":
		return 0.01
	case "areasel":
		return 0.005
	case "rangesel", "multirangesel":
		return 0.01
	}
	return defaultUnknown
}

func (r *root) nullFrac(e tree.Expr) float64 {
	if v, ok := e.(*tree.Var); ok {
		if st := r.columnStats(v); st != nil {
			return st.NullFrac
		}
	}
	return 0
}

// eqSel: value among the most common ones, or an even share of the rest.
func (r *root) eqSel(col, other tree.Expr) float64 {
	v, ok := col.(*tree.Var)
	if !ok {
		return 1 / math.Max(1, r.distinct(col))
	}
	if r.isUniqueVar(v) {
		return 1 / math.Max(1, r.tuplesOf(v))
	}
	st := r.columnStats(v)
	c, isConst := other.(*tree.Const)
	if isConst && c.Value.Null {
		return 0
	}
	nd := r.distinct(col)
	if st == nil {
		return clampSel(1 / math.Max(1, nd))
	}
	if !isConst {
		s := (1 - st.NullFrac) / math.Max(1, nd)
		if len(st.MCF) > 0 && s > st.MCF[0] {
			s = st.MCF[0]
		}
		return s
	}
	sum := 0.0
	for i, m := range st.MCV {
		if sameDatum(v.T.OID, m, c.Value) {
			return st.MCF[i]
		}
		sum += st.MCF[i]
	}
	rest := math.Max(0, 1-sum-st.NullFrac)
	s := rest / math.Max(1, nd-float64(len(st.MCV)))
	if n := len(st.MCF); n > 0 && s > st.MCF[n-1] {
		s = st.MCF[n-1]
	}
	return s
}

func sameDatum(t types.OID, a, b types.Datum) bool {
	return a.Null == b.Null && !a.Null && types.Compare(nil, t, a, b) == 0
}

// rangeSel: the part of the histogram (and of the common values) on the wanted side.
func (r *root) rangeSel(col, other tree.Expr, less bool) float64 {
	v, ok := col.(*tree.Var)
	c, isConst := other.(*tree.Const)
	if !ok || !isConst {
		return defaultRange
	}
	if c.Value.Null {
		return 0
	}
	st := r.columnStats(v)
	if types.CanFloorTime(v.T.OID, c.T.OID) {
		floor, _ := types.FloorTime(nil, v.T.OID, c.T.OID, c.Value.I)
		c = &tree.Const{T: v.T, Value: types.Int(floor)}
	}
	if st == nil || stripMismatch(v.T.OID, c.T.OID) {
		return defaultRange
	}
	mcv, sum := 0.0, 0.0
	for i, m := range st.MCV {
		cmp := types.Compare(nil, v.T.OID, m, c.Value)
		if cmp < 0 && less || cmp > 0 && !less {
			mcv += st.MCF[i]
		}
		sum += st.MCF[i]
	}
	hist := r.histFraction(v.T.OID, st.Histogram, c.Value)
	if hist < 0 {
		if len(st.MCV) > 0 && sum > 0.5 {
			return clampSel(mcv + (1-sum-st.NullFrac)*0.5)
		}
		return defaultRange
	}
	if !less {
		hist = 1 - hist
	}
	return clampSel(mcv + hist*math.Max(0, 1-sum-st.NullFrac))
}

// stripMismatch: types whose datums can't be compared directly.
func stripMismatch(a, b types.OID) bool {
	return a != b && !(isIntType(a) && isIntType(b)) && !(isTextType(a) && isTextType(b))
}

func isIntType(t types.OID) bool {
	return t == types.OIDInt2 || t == types.OIDInt4 || t == types.OIDInt8
}

func isTextType(t types.OID) bool {
	return t == types.OIDText || t == types.OIDVarchar || t == types.OIDName
}

// histFraction is the fraction of the histogram's population below v, -1 without a histogram.
func (r *root) histFraction(t types.OID, hist []types.Datum, v types.Datum) float64 {
	n := len(hist)
	if n < 2 {
		return -1
	}
	lo, hi := 0, n
	for lo < hi {
		mid := (lo + hi) / 2
		if types.Compare(nil, t, hist[mid], v) < 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == 0 {
		return 0.0001
	}
	if lo == n {
		return 0.9999
	}
	frac := 0.5
	a, aok := scalar(t, hist[lo-1])
	b, bok := scalar(t, hist[lo])
	x, xok := scalar(t, v)
	if aok && bok && xok && b > a {
		frac = math.Max(0, math.Min(1, (x-a)/(b-a)))
	}
	return (float64(lo-1) + frac) / float64(n-1)
}

// scalar maps a value onto a line, for interpolation within a histogram bin.
func scalar(t types.OID, d types.Datum) (float64, bool) {
	switch t {
	case types.OIDFloat4, types.OIDFloat8:
		return math.Float64frombits(uint64(d.I)), true
	case types.OIDNumeric:
		coef, scale, ok := types.UnpackSmallNumeric(d.S)
		if !ok {
			return 0, false
		}
		return float64(coef) / math.Pow10(scale), true
	}
	if types.ClassOf(nil, t) == types.Fixed {
		return float64(d.I), true
	}
	if isTextType(t) || t == types.OIDBpchar {
		x, scale := 0.0, 1.0
		for i := 0; i < len(d.S) && i < 8; i++ {
			scale /= 256
			x += float64(d.S[i]) * scale
		}
		return x, true
	}
	return 0, false
}

func (r *root) matchSel(o *catalog.Operator, col, pattern tree.Expr) float64 {
	c, ok := pattern.(*tree.Const)
	if !ok || c.Value.Null {
		return defaultMatch
	}
	prefix, exact := patternPrefix(o.Name, c.Value.S)
	if exact {
		return r.eqSel(col, pattern)
	}
	s := 1.0
	if v, ok := col.(*tree.Var); ok && prefix != "" {
		if st := r.columnStats(v); st != nil && len(st.Histogram) >= 2 {
			lo := r.histFraction(v.T.OID, st.Histogram, types.Str(prefix))
			hi := r.histFraction(v.T.OID, st.Histogram, types.Str(prefix+"\xff"))
			s = math.Max(1e-4, hi-lo)
		} else {
			s = math.Pow(0.2, math.Min(5, float64(len(prefix))))
		}
	}
	rest := 0
	for i := len(prefix); i < len(c.Value.S); i++ {
		if ch := c.Value.S[i]; ch != '%' && ch != '_' {
			rest++
		}
	}
	s *= math.Pow(0.2, math.Min(4, float64(rest)/2))
	return math.Max(1e-4, s)
}

// patternPrefix is the literal start of a LIKE or anchored regular expression; exact means that there is nothing else in it.
func patternPrefix(op, pattern string) (prefix string, exact bool) {
	switch op {
	case "~~":
		var b []byte
		for i := 0; i < len(pattern); i++ {
			switch pattern[i] {
			case '%', '_':
				return string(b), false
			case '\\':
				i++
				if i < len(pattern) {
					b = append(b, pattern[i])
				}
			default:
				b = append(b, pattern[i])
			}
		}
		return string(b), true
	case "~":
		if len(pattern) == 0 || pattern[0] != '^' {
			return "", false
		}
		i := 1
		for i < len(pattern) && isLiteralByte(pattern[i]) {
			i++
		}
		if i == len(pattern)-1 && pattern[i] == '$' {
			return pattern[1:i], true
		}
		if i < len(pattern) && (pattern[i] == '*' || pattern[i] == '?' || pattern[i] == '{') && i > 1 {
			i--
		}
		for j := i; j < len(pattern); j++ {
			if pattern[j] == '|' { // an alternative need not start with the prefix
				return "", false
			}
		}
		return pattern[1:i], false
	}
	return "", false
}

func isLiteralByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == ' ' || c == '-' || c >= 0x80
}

func (r *root) arraySel(e *tree.ScalarArrayOpExpr) float64 {
	n := 10.0
	if c, ok := e.Args[1].(*tree.Const); ok && !c.Value.Null {
		if s, ok := r.constArraySel(e, c); ok {
			return s
		}
		n = arrayLen(c)
	} else if a, ok := e.Args[1].(*tree.ArrayExpr); ok {
		n = float64(len(a.Elems))
	}
	o := r.g.env.Catalog.Operator(e.Op)
	one := defaultUnknown
	if o != nil {
		one = r.opSel(&tree.OpExpr{Op: e.Op, Func: e.Func, Args: []tree.Expr{e.Args[0], &tree.CaseTestExpr{T: e.Args[0].Type()}}})
	}
	if e.UseOr {
		if o != nil && o.Rest == "eqsel" {
			return clampSel(one * n)
		}
		return 1 - math.Pow(1-one, n)
	}
	if o != nil && o.Rest == "neqsel" {
		return clampSel(1 - (1-one)*n)
	}
	return math.Pow(one, n)
}

// constArraySel estimates column = ANY (constant array) and column <> ALL (constant array) value by value.
func (r *root) constArraySel(e *tree.ScalarArrayOpExpr, c *tree.Const) (float64, bool) {
	o := r.g.env.Catalog.Operator(e.Op)
	a := types.ParseArray(c.Value.S)
	if o == nil || a.Len() > maxEstimatedElements || e.UseOr != (o.Rest == "eqsel") || !e.UseOr && o.Rest != "neqsel" {
		return 0, false
	}
	elem, col := types.Of(a.Type), stripRelabel(e.Args[0])
	sum := 0.0
	for i := 0; i < a.Len(); i++ {
		sum += r.eqSel(col, &tree.Const{T: elem, Value: a.Elem(i), Loc: -1})
	}
	if e.UseOr {
		return clampSel(sum), true
	}
	return clampSel(1 - sum - r.nullFrac(col)), true
}

func arrayLen(c *tree.Const) float64 {
	a := types.ParseArray(c.Value.S)
	return float64(a.Len())
}

// joinOpSel estimates a join condition.
func (r *root) joinOpSel(o *catalog.Operator, left, right tree.Expr) float64 {
	switch o.Join {
	case "eqjoinsel":
		nd := math.Max(r.distinct(left), r.distinct(right))
		return (1 - r.nullFrac(left)) * (1 - r.nullFrac(right)) / math.Max(1, nd)
	case "neqjoinsel":
		return 1 - 1/math.Max(1, math.Max(r.distinct(left), r.distinct(right)))
	case "scalarltjoinsel", "scalarlejoinsel", "scalargtjoinsel", "scalargejoinsel":
		return defaultRange
	case "likejoinsel", "iclikejoinsel", "regexeqjoinsel", "icregexeqjoinsel":
		return defaultMatch
	}
	return defaultUnknown
}

// distinct estimates the number of different values of e among its relation's rows.
func (r *root) distinct(e tree.Expr) float64 {
	e = stripRelabel(e)
	v, ok := e.(*tree.Var)
	if !ok {
		vs := varsOf(e)
		if len(vs) == 0 {
			return 1
		}
		n := 1.0
		for _, v := range vs {
			n *= r.distinct(v)
		}
		return n
	}
	tuples := r.tuplesOf(v)
	if v.AttNo == tree.CtidAtt || r.isUniqueVar(v) {
		return tuples
	}
	if st := r.columnStats(v); st != nil && st.Distinct != 0 {
		if st.Distinct > 0 {
			return math.Min(st.Distinct, math.Max(1, tuples))
		}
		return math.Max(1, -st.Distinct*tuples)
	}
	if v.T.OID == types.OIDBool {
		return 2
	}
	if b, ok := r.baseOf(v); ok && b.child != nil {
		return math.Max(1, tuples)
	}
	if tuples < defaultNDist {
		return math.Max(1, tuples)
	}
	return defaultNDist
}

func (r *root) baseOf(v *tree.Var) (*rel, bool) {
	b, ok := r.bit[v.VarNo]
	if !ok || v.LevelsUp != 0 {
		return nil, false
	}
	return r.base[b], true
}

func (r *root) tuplesOf(v *tree.Var) float64 {
	if b, ok := r.baseOf(v); ok {
		return math.Max(1, b.tuples)
	}
	return 1000
}

// isUniqueVar reports whether the column alone is unique in its relation.
func (r *root) isUniqueVar(v *tree.Var) bool {
	b, ok := r.baseOf(v)
	if !ok {
		return false
	}
	for _, u := range b.unique {
		if len(u) == 1 && u[0] == v.AttNo {
			return true
		}
	}
	return false
}

// columnStats finds ANALYZE's figures for a column of a table, looking through subqueries that just pass it on.
func (r *root) columnStats(v *tree.Var) *catalog.ColumnStats {
	if v.LevelsUp != 0 || v.VarNo < 1 || v.VarNo > len(r.q.RTable) {
		return nil
	}
	rte := r.q.RTable[v.VarNo-1]
	switch rte.Kind {
	case tree.RTERelation:
		st := r.g.env.Catalog.Stats(rte.RelID)
		if st == nil {
			return nil
		}
		for i := range st.Columns {
			if st.Columns[i].Att == v.AttNo {
				return &st.Columns[i]
			}
		}
	case tree.RTESubquery:
		child := r.subroots[v.VarNo]
		if child == nil || v.AttNo < 1 || child.q.SetOp != nil || len(child.q.GroupBy) > 0 {
			return nil
		}
		n := 0
		for _, te := range child.q.Target {
			if te.Junk {
				continue
			}
			n++
			if n == v.AttNo {
				if inner, ok := stripRelabel(te.Expr).(*tree.Var); ok {
					return child.columnStats(inner)
				}
				return nil
			}
		}
	}
	return nil
}
