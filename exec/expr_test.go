package exec

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kimberlite/exec/plan"
	"kimberlite/sql/catalog"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// The columns of the random batches.
var testCols = []types.T{
	types.Of(types.OIDInt4), types.Of(types.OIDInt4), types.Of(types.OIDInt8), types.Of(types.OIDText), types.Of(types.OIDText),
	types.Of(types.OIDFloat8), types.Of(types.OIDNumeric), types.Of(types.OIDBool), types.Of(types.OIDDate),
}

func colsOfType(t types.OID) (out []int) {
	for i, c := range testCols {
		if c.OID == t {
			out = append(out, i)
		}
	}
	return out
}

// randomDatum draws values with many repetitions and the corners of their type.
func randomDatum(t *rapid.T, typ types.OID) types.Datum {
	if rapid.IntRange(0, 5).Draw(t, "null") == 0 {
		return types.NullDatum
	}
	switch typ {
	case types.OIDInt4:
		return types.Int(rapid.SampledFrom([]int64{0, 1, 2, 3, -1, -7, math.MaxInt32, math.MinInt32}).Draw(t, "int4"))
	case types.OIDInt8:
		return types.Int(rapid.SampledFrom([]int64{0, 1, 2, -5, 1 << 40, math.MaxInt64, math.MinInt64}).Draw(t, "int8"))
	case types.OIDText:
		return types.Str(rapid.SampledFrom([]string{"", "a", "b", "ab", "abc", "a%b", "zz"}).Draw(t, "text"))
	case types.OIDFloat8:
		return types.Float(rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1.5, -2, 1e308, 1e-308, math.Inf(1), math.Inf(-1), math.NaN()}).Draw(t, "float"))
	case types.OIDNumeric:
		s := rapid.SampledFrom([]string{"0", "0.00", "1", "1.0", "-2.50", "123456789012345678901234567890.5", "NaN", "Infinity", "9223372036854775807"}).Draw(t, "numeric")
		n, err := types.ParseNumeric(s)
		if err != nil {
			t.Fatal(err)
		}
		return types.Str(n)
	case types.OIDBool:
		return types.Bool(rapid.Bool().Draw(t, "bool"))
	}
	return types.Int(rapid.SampledFrom([]int64{0, 1, 7000, -5}).Draw(t, "date"))
}

// findOperator finds a built-in operator.
func findOperator(t testing.TB, name string, l, r types.OID) *catalog.Operator {
	for _, o := range catalog.BuiltinOperators(name) {
		if o.Left == l && o.Right == r {
			return o
		}
	}
	t.Fatalf("no operator %s(%d, %d)", name, l, r)
	return nil
}

type exprGen struct {
	t  *rapid.T
	tb testing.TB
}

func (g exprGen) pick(n int, what string) int { return rapid.IntRange(0, n-1).Draw(g.t, what) }

func (g exprGen) op(name string, l, r tree.Expr) tree.Expr {
	o := findOperator(g.tb, name, l.Type().OID, r.Type().OID)
	return &tree.OpExpr{Op: o.OID, Func: o.Func, T: types.Of(o.Result), Args: []tree.Expr{l, r}}
}

// leaf is a column or a constant.
func (g exprGen) leaf(typ types.OID) tree.Expr {
	if cols := colsOfType(typ); len(cols) > 0 && g.pick(3, "leaf") > 0 {
		c := cols[g.pick(len(cols), "col")]
		return &tree.Var{VarNo: -1, AttNo: c + 1, T: testCols[c]}
	}
	return &tree.Const{T: types.Of(typ), Value: randomDatum(g.t, typ)}
}

// expr makes a random expression of the type.
func (g exprGen) expr(typ types.OID, depth int) tree.Expr {
	if depth == 0 || g.pick(4, "stop") == 0 {
		return g.leaf(typ)
	}
	sub := func(t types.OID) tree.Expr { return g.expr(t, depth-1) }
	switch g.pick(8, "common") {
	case 0:
		e := &tree.CaseExpr{T: types.Of(typ), Else: sub(typ)}
		for range 1 + g.pick(2, "whens") {
			e.Whens = append(e.Whens, tree.CaseWhen{Cond: sub(types.OIDBool), Result: sub(typ)})
		}
		return e
	case 1:
		return &tree.CoalesceExpr{T: types.Of(typ), Args: []tree.Expr{sub(typ), sub(typ), sub(typ)}}
	}
	switch typ {
	case types.OIDBool:
		return g.boolean(sub)
	case types.OIDInt4, types.OIDInt8:
		name := []string{"+", "-", "*", "/", "%"}[g.pick(5, "arith")]
		return g.op(name, sub(typ), sub(typ))
	case types.OIDFloat8, types.OIDNumeric:
		name := []string{"+", "-", "*", "/"}[g.pick(4, "arith")]
		return g.op(name, sub(typ), sub(typ))
	}
	return g.leaf(typ)
}

func (g exprGen) boolean(sub func(types.OID) tree.Expr) tree.Expr {
	switch g.pick(7, "bool") {
	case 0:
		return &tree.BoolExpr{Op: tree.And, Args: []tree.Expr{sub(types.OIDBool), sub(types.OIDBool), sub(types.OIDBool)}}
	case 1:
		return &tree.BoolExpr{Op: tree.Or, Args: []tree.Expr{sub(types.OIDBool), sub(types.OIDBool), sub(types.OIDBool)}}
	case 2:
		return &tree.BoolExpr{Op: tree.Not, Args: []tree.Expr{sub(types.OIDBool)}}
	case 3:
		return &tree.NullTest{Arg: sub(testCols[g.pick(len(testCols), "of")].OID), IsNotNull: g.pick(2, "not") == 0}
	case 4:
		return &tree.BooleanTest{Arg: sub(types.OIDBool), Kind: tree.BooleanTestKind(g.pick(6, "test"))}
	case 5:
		typ := []types.OID{types.OIDInt4, types.OIDText, types.OIDNumeric, types.OIDFloat8}[g.pick(4, "in")]
		var vals []types.Datum
		for range g.pick(9, "elements") {
			vals = append(vals, randomDatum(g.t, typ))
		}
		name, or := "=", true
		if g.pick(2, "notin") == 0 {
			name, or = "<>", false
		}
		o := findOperator(g.tb, name, typ, typ)
		arr := &tree.Const{T: types.Of(types.ArrayOf(nil, typ)), Value: types.Str(types.MakeArray(nil, typ, vals...))}
		return &tree.ScalarArrayOpExpr{Op: o.OID, Func: o.Func, UseOr: or, Args: []tree.Expr{sub(typ), arr}}
	}
	typ := testCols[g.pick(len(testCols), "cmp")].OID
	name := []string{"=", "<>", "<", "<=", ">", ">="}[g.pick(6, "op")]
	return g.op(name, sub(typ), sub(typ))
}

// TestKernelsAgree: for random expressions the batch form and the row form give the same values and errors, and filters pick what is true.
func TestKernelsAgree(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		g := exprGen{rt, t}
		typ := []types.OID{types.OIDBool, types.OIDBool, types.OIDInt4, types.OIDInt8, types.OIDFloat8, types.OIDNumeric}[g.pick(6, "type")]
		e := g.expr(typ, 3)
		st := newState(emptyPlan, nil)
		st.ctx, st.gen = &Context{}, executions.Add(1)
		c := newBuilder(st, nil, &instance{st: st}).c.binding(columnsOf(-1))
		x, err := c.compile(e)
		if err != nil {
			rt.Fatal(err)
		}
		n := rapid.IntRange(1, 40).Draw(rt, "rows")
		b := &types.Batch{N: n}
		for _, ct := range testCols {
			v := types.NewVec(ct, types.ClassOf(nil, ct.OID))
			for range n {
				v.Append(randomDatum(rt, ct.OID))
			}
			b.Cols = append(b.Cols, v)
		}
		var sel []int32
		for i := range n {
			if rapid.IntRange(0, 3).Draw(rt, "sel") > 0 {
				sel = append(sel, int32(i))
			}
		}
		if len(sel) == 0 {
			return // operators do not ask
		}
		want := map[int32]types.Datum{}
		failed := ""
		for _, i := range sel {
			d, err := x.row(&rowEnv{b: b, pos: int(i)})
			if err != nil {
				failed = err.Error()
				break
			}
			want[i] = d
		}
		v, err := x.vec(b, sel)
		switch {
		case err != nil && failed == "":
			rt.Fatalf("the batch failed: %v", err)
		case err == nil && failed != "":
			rt.Fatalf("a row failed, the batch did not: %s", failed)
		case err != nil:
			return
		}
		for _, i := range sel {
			if got := v.Datum(int(i)); got != want[i] {
				rt.Fatalf("row %d: batch %v, row %v", i, got, want[i])
			}
		}
		if typ == types.OIDBool && len(sel) > 0 {
			var buf []int32
			hit, err := filterRows(x, b, sel, &buf)
			if err != nil {
				rt.Fatal(err)
			}
			var exp []int32
			for _, i := range sel {
				if want[i].IsTrue() {
					exp = append(exp, i)
				}
			}
			if !slices.Equal(hit, exp) && len(hit)+len(exp) > 0 {
				rt.Fatal(fmt.Sprint("filter ", hit, ", want ", exp))
			}
		}
	})
}

// TestLikePatterns compares the matcher for simple patterns with a plain reading of the rules.
func TestLikePatterns(t *testing.T) {
	var slow func(s, p string) bool
	slow = func(s, p string) bool {
		switch {
		case p == "":
			return s == ""
		case p[0] == '%':
			return slow(s, p[1:]) || s != "" && slow(s[1:], p)
		case p[0] == '\\' && len(p) > 1:
			return s != "" && s[0] == p[1] && slow(s[1:], p[2:])
		}
		return s != "" && s[0] == p[0] && slow(s[1:], p[1:])
	}
	rapid.Check(t, func(rt *rapid.T) {
		p := rapid.StringOfN(rapid.SampledFrom([]rune("ab%%\\")), 0, 8, -1).Draw(rt, "pattern")
		s := rapid.StringOfN(rapid.SampledFrom([]rune("ab%\\")), 0, 8, -1).Draw(rt, "string")
		k, ok := parseLike(p)
		if !ok {
			return
		}
		if k.match(s) != slow(s, p) {
			rt.Fatalf("%q LIKE %q", s, p)
		}
	})
}

// TestLikeParameter gives one compiled LIKE a pattern after the other: what it keeps of one must not serve the next.
func TestLikeParameter(t *testing.T) {
	st := newState(&plan.Plan{}, nil)
	c := newBuilder(st, nil, &instance{st: st}).c.binding(nil)
	c.bind = func(*tree.Var) (expr, error) { return &varExpr{col: 0}, nil }
	text := types.Of(types.OIDText)
	x, _, err := c.call(callSite{fn: 850, t: types.Of(types.OIDBool), args: []tree.Expr{
		&tree.Var{T: text}, &tree.Param{Kind: tree.ParamExtern, ID: 1, T: text},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := x.(*likeExpr); !ok {
		t.Fatalf("textlike became a %T", x)
	}
	for _, k := range []struct {
		pattern types.Datum
		want    string
	}{
		{types.Str("a%"), "abc aXc"}, {types.Str("a_c"), "abc aXc"}, {types.Str("%c"), "abc aXc c"}, {types.NullDatum, ""}, {types.Str("abc"), "abc"},
	} {
		st.params = []types.Datum{k.pattern}
		v := types.NewVec(text, types.Bytes)
		v.Resize(3)
		copy(v.Str, []string{"abc", "aXc", "c"})
		b := &types.Batch{N: 3, Cols: []*types.Vec{v}}
		var buf []int32
		sel, err := filterRows(x, b, identity[:3], &buf)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, i := range sel {
			got = append(got, v.Str[i])
		}
		if strings.Join(got, " ") != k.want {
			t.Errorf("LIKE %v: %q, want %q", k.pattern, got, k.want)
		}
		for i := range 3 {
			d, err := x.row(&rowEnv{b: b, pos: i})
			if err != nil || d.IsTrue() != slices.Contains(got, v.Str[i]) {
				t.Errorf("row %q LIKE %v: %v, %v", v.Str[i], k.pattern, d, err)
			}
		}
	}
}
