package planner

import (
	"math"

	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// qualCost is the cost of evaluating conditions once at start-up and for each row.
func (r *root) qualCost(quals []tree.Expr) (startup, perRow float64) {
	for _, q := range quals {
		s, p := r.exprCost(q)
		startup += s
		perRow += p
	}
	return
}

// exprCost charges each operator and function its procost, and each subplan its execution.
func (r *root) exprCost(e tree.Expr) (startup, perRow float64) {
	if e == nil {
		return
	}
	s := r.settings()
	tree.Walk(e, func(x tree.Expr) bool {
		switch x := x.(type) {
		case *tree.FuncExpr:
			perRow += r.procCost(x.Func)
		case *tree.OpExpr:
			perRow += r.procCost(x.Func)
		case *tree.DistinctExpr:
			perRow += r.procCost(x.Func)
		case *tree.NullIfExpr:
			perRow += r.procCost(x.Func)
		case *tree.ScalarArrayOpExpr:
			n := 10.0
			if c, ok := x.Args[1].(*tree.Const); ok && !c.Value.Null {
				n = arrayLen(c)
			}
			perRow += r.procCost(x.Func) * n * 0.5
		case *tree.CoerceViaIO:
			perRow += 2 * s.CPUOperatorCost
		case *tree.ArrayCoerceExpr:
			perRow += 10 * s.CPUOperatorCost
		case *tree.RowCompareExpr:
			perRow += s.CPUOperatorCost * float64(len(x.Ops))
		case *tree.SubPlan:
			sub := r.g.subplans[x.Plan].Root.Common()
			switch {
			case x.UseHash:
				startup += sub.TotalCost + s.CPUOperatorCost*sub.Rows
				perRow += s.CPUOperatorCost
			case x.Kind == tree.ExistsSubLink:
				perRow += sub.StartupCost + (sub.TotalCost-sub.StartupCost)/math.Max(1, sub.Rows)
			case x.Kind == tree.AnySubLink || x.Kind == tree.AllSubLink:
				perRow += sub.StartupCost + 0.5*(sub.TotalCost-sub.StartupCost)
			default:
				perRow += sub.TotalCost
			}
		}
		return true
	})
	return
}

func (r *root) procCost(fn types.OID) float64 {
	cost := 1.0
	if p := r.g.env.Catalog.Proc(fn); p != nil {
		cost = float64(p.Cost)
	}
	return cost * r.settings().CPUOperatorCost
}

// pagesFetched is how many different pages n random tuples touch (Mackert and Lohman), given the cache.
func (r *root) pagesFetched(tuples, pages float64) float64 {
	t := math.Max(1, pages)
	cache := math.Max(1, r.settings().EffectiveCacheSize)
	if t <= cache {
		f := 2 * t * tuples / (2*t + tuples)
		return math.Min(t, math.Ceil(f))
	}
	limit := 2 * t * cache / (2*t - cache)
	if tuples <= limit {
		return math.Ceil(2 * t * tuples / (2*t + tuples))
	}
	return math.Ceil(cache + (tuples-limit)*(t-cache)/t)
}

// pageSize is PostgreSQL's: costs are in pages of this size.
const pageSize = 8192

// tupleBytes is the memory that a row of the width takes, with PostgreSQL's header and alignment.
func tupleBytes(width int) float64 { return float64((width+7)&^7 + 24) }

// sortCost is the cost of sorting rows of the width; limit > 0 keeps only so many.
func (r *root) sortCost(input, rows float64, width int, limit float64) (startup, total float64) {
	s := r.settings()
	rows = math.Max(2, rows)
	cmp := 2 * s.CPUOperatorCost
	bytes := rows * tupleBytes(width)
	kept := rows
	if limit > 0 && limit < rows {
		kept = limit
	}
	keptBytes := kept * tupleBytes(width)
	if keptBytes <= s.WorkMem && (kept < rows/2 || bytes > s.WorkMem) {
		startup = input + cmp*rows*math.Log2(2*kept)
	} else {
		startup = input + cmp*rows*math.Log2(rows)
	}
	if keptBytes > s.WorkMem {
		pages := math.Ceil(bytes / pageSize)
		runs := math.Max(1, bytes/s.WorkMem)
		merges := math.Max(1, math.Ceil(math.Log(runs)/math.Log(6)))
		startup += 2 * pages * merges * (s.SeqPageCost*0.75 + s.RandomPageCost*0.25)
	}
	if !s.Sort {
		startup += disableCost
	}
	return startup, startup + s.CPUOperatorCost*rows
}

// typeWidth is the average width of a type's values when nothing else is known (get_typavgwidth).
func (r *root) typeWidth(t types.T) int {
	info := r.g.env.Catalog.TypeByOID(t.OID)
	if info == nil {
		return 32
	}
	if info.Len > 0 {
		return int(info.Len)
	}
	if t.Mod > 4 && (t.OID == types.OIDVarchar || t.OID == types.OIDBpchar) {
		n := int(t.Mod) - 4
		if t.OID == types.OIDBpchar || n <= 32 {
			return n
		}
		if n < 1000 {
			return 32 + (n-32)/2
		}
		return 32 + (1000-32)/2
	}
	return 32
}

func (r *root) targetWidth(exprs []tree.Expr) int {
	w := 0
	for _, e := range exprs {
		w += r.exprWidth(e)
	}
	return w
}

func (r *root) exprWidth(e tree.Expr) int {
	if info := r.g.env.Catalog.TypeByOID(e.Type().OID); info != nil && info.Len > 0 {
		return int(info.Len)
	}
	if v, ok := e.(*tree.Var); ok && v.LevelsUp == 0 && v.AttNo > 0 && v.VarNo > 0 && v.VarNo <= len(r.q.RTable) {
		if st := r.columnStats(v); st != nil && st.Width > 0 {
			return int(math.Ceil(st.Width))
		}
	}
	return r.typeWidth(e.Type())
}
