package tree

import (
	"bytes"
	"math/rand"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"kimberlite/sql/types"
)

// The node types that may fill each interface of the tree.
func implementers(iface reflect.Type) (out []reflect.Type) {
	for _, n := range nodeTypes {
		if p := reflect.PointerTo(n.typ); p.Implements(iface) {
			out = append(out, p)
		}
	}
	return out
}

// randomValue fills v with anything that the codec must carry.
func randomValue(r *rand.Rand, v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(r.Intn(2) == 0)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(int64(r.Intn(200) - 100))
	case reflect.Uint8, reflect.Uint32:
		v.SetUint(uint64(r.Intn(200)))
	case reflect.String:
		v.SetString([]string{"", "a", "naïve \x00 text"}[r.Intn(3)])
	case reflect.Slice:
		if depth > 0 && r.Intn(3) > 0 {
			n := r.Intn(3)
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for i := range n {
				randomValue(r, v.Index(i), depth-1)
			}
		}
	case reflect.Map:
		if r.Intn(2) == 0 {
			v.Set(reflect.ValueOf(map[int]bool{r.Intn(9): true, -r.Intn(9): true}))
		}
	case reflect.Pointer:
		if depth > 0 && r.Intn(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			randomValue(r, v.Elem(), depth-1)
		}
	case reflect.Interface:
		if depth > 0 {
			kinds := implementers(v.Type())
			p := reflect.New(kinds[r.Intn(len(kinds))].Elem())
			randomValue(r, p.Elem(), depth-1)
			v.Set(p)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if isLocation(v.Type().Field(i)) {
				v.Field(i).SetInt(-1)
				continue
			}
			randomValue(r, v.Field(i), depth)
		}
	}
}

func randomQuery(r *rand.Rand) *Query {
	q := &Query{}
	randomValue(r, reflect.ValueOf(q).Elem(), 5)
	return q
}

func TestEncodeKnowsEveryField(t *testing.T) {
	for _, n := range nodeTypes {
		listed := map[string]bool{"Loc": true}
		for _, f := range n.fields {
			listed[f] = true
		}
		for i := range n.typ.NumField() {
			if f := n.typ.Field(i); !listed[f.Name] {
				t.Errorf("%s.%s is not stored: append it to nodeTypes", n.typ.Name(), f.Name)
			}
		}
	}
	var seen func(reflect.Type)
	done := map[reflect.Type]bool{}
	seen = func(ty reflect.Type) {
		switch ty.Kind() {
		case reflect.Pointer, reflect.Slice:
			seen(ty.Elem())
		case reflect.Struct:
			if done[ty] {
				return
			}
			done[ty] = true
			if infoByType[ty] == nil {
				t.Errorf("%s has no tag: append it to nodeTypes", ty)
			}
			for i := range ty.NumField() {
				seen(ty.Field(i).Type)
			}
		}
	}
	for _, n := range nodeTypes {
		seen(n.typ)
	}
}

func TestEncodeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := randomQuery(rand.New(rand.NewSource(rapid.Int64().Draw(t, "seed"))))
		b := EncodeQuery(q)
		if !bytes.Equal(b, EncodeQuery(q)) {
			t.Fatal("the same tree gave different bytes")
		}
		got, err := DecodeQuery(b)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(q, got) {
			t.Fatalf("round trip:\n%#v\n%#v", q, got)
		}
		if !EqualQueries(q, got) {
			t.Fatal("EqualQueries says no")
		}
		if c := CopyQuery(q); !reflect.DeepEqual(c, q) {
			t.Fatal("copy differs")
		}
	})
}

func TestDecodeRefusesDamage(t *testing.T) {
	q := randomQuery(rand.New(rand.NewSource(7)))
	b := EncodeQuery(q)
	for i := range b {
		if _, err := DecodeQuery(b[:i]); err == nil {
			t.Fatalf("a tree cut at byte %d of %d was accepted", i, len(b))
		}
	}
	if _, err := DecodeQuery(append(b, 0)); err == nil {
		t.Fatal("trailing bytes were accepted")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(EncodeQuery(randomQuery(rand.New(rand.NewSource(1)))))
	f.Fuzz(func(t *testing.T, b []byte) {
		if q, err := DecodeQuery(b); err == nil && q != nil {
			if _, err := DecodeQuery(EncodeQuery(q)); err != nil {
				t.Fatal(err)
			}
		}
		_, _ = Decode(b)
	})
}

// countExprs finds by reflection what the traversals must reach: every expression that hangs directly on v.
func countExprs(v reflect.Value, visit func(reflect.Value)) {
	switch v.Kind() {
	case reflect.Interface:
		if v.Type() == exprType {
			visit(v)
		} else if !v.IsNil() {
			countExprs(v.Elem(), visit)
		}
	case reflect.Pointer:
		if !v.IsNil() && v.Type() != reflect.TypeFor[*Query]() && v.Type() != reflect.TypeFor[*SubLink]() {
			countExprs(v.Elem(), visit)
		}
	case reflect.Slice:
		for i := range v.Len() {
			countExprs(v.Index(i), visit)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			countExprs(v.Field(i), visit)
		}
	}
}

// sentinels puts a distinct Const in every expression field reachable in v (one element in each slice, one of each pointer).
func sentinels(v reflect.Value, depth int, n *int64) {
	switch v.Kind() {
	case reflect.Interface:
		if v.Type() == exprType {
			*n++
			v.Set(reflect.ValueOf(&Const{Value: types.Int(*n)}))
		} else if depth > 0 {
			p := reflect.New(implementers(v.Type())[1].Elem()) // a JoinExpr, for join nodes
			sentinels(p.Elem(), depth-1, n)
			if p.Type().AssignableTo(v.Type()) {
				v.Set(p)
			}
		}
	case reflect.Pointer:
		if depth > 0 && v.Type() != reflect.TypeFor[*Query]() && v.Type() != reflect.TypeFor[*SubLink]() {
			v.Set(reflect.New(v.Type().Elem()))
			sentinels(v.Elem(), depth-1, n)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Interface || v.Type().Elem().Kind() == reflect.Struct || v.Type().Elem().Kind() == reflect.Slice || v.Type().Elem().Kind() == reflect.Pointer {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			sentinels(v.Index(0), depth, n)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			sentinels(v.Field(i), depth, n)
		}
	}
}

// Every expression field of every node is seen by Children and replaced by MapChildren.
func TestTraversalsReachEveryField(t *testing.T) {
	for _, n := range nodeTypes {
		p := reflect.New(n.typ)
		e, ok := p.Interface().(Expr)
		if !ok {
			continue
		}
		var want int64
		sentinels(p.Elem(), 1, &want)
		seen := map[int64]bool{}
		Children(e, func(c Expr) { seen[c.(*Const).Value.I] = true })
		if int64(len(seen)) != want {
			t.Errorf("Children of %s sees %d of %d expressions", n.typ.Name(), len(seen), want)
		}
		m := MapChildren(e, func(c Expr) Expr { return &Const{Value: types.Int(c.(*Const).Value.I + 1000)} })
		replaced := 0
		countExprs(reflect.ValueOf(m).Elem(), func(v reflect.Value) {
			if v.Interface().(*Const).Value.I > 1000 {
				replaced++
			}
		})
		if int64(replaced) != want {
			t.Errorf("MapChildren of %s replaces %d of %d expressions", n.typ.Name(), replaced, want)
		}
		if want > 0 && MapChildren(e, func(c Expr) Expr { return c }) != e {
			t.Errorf("MapChildren of %s copies when nothing changes", n.typ.Name())
		}
	}
}

func TestQueryTraversalsReachEveryField(t *testing.T) {
	q := &Query{}
	var want int64
	sentinels(reflect.ValueOf(q).Elem(), 4, &want)
	q.MultiAssign, q.SetOp = nil, nil
	seen := map[int64]bool{}
	QueryExprs(q, 0, func(c Expr) { seen[c.(*Const).Value.I] = true })
	countExprs(reflect.ValueOf(q).Elem(), func(v reflect.Value) {
		if c := v.Interface().(*Const); !seen[c.Value.I] {
			t.Errorf("expression %d is not visited", c.Value.I)
		}
	})
	m := MutateQuery(q, func(e Expr) (Expr, bool) {
		return &Const{Value: types.Int(e.(*Const).Value.I + 1000)}, true
	})
	countExprs(reflect.ValueOf(m).Elem(), func(v reflect.Value) {
		if c := v.Interface().(*Const); c.Value.I < 1000 {
			t.Errorf("expression %d is not replaced", c.Value.I)
		}
	})
	if MutateQuery(q, func(e Expr) (Expr, bool) { return e, true }) != q {
		t.Error("MutateQuery copies when nothing changes")
	}
}

func TestIncrementLevels(t *testing.T) {
	v := func(up int) *Var { return &Var{VarNo: 1, AttNo: 1, LevelsUp: up} }
	inner := &Query{From: &FromExpr{}, Target: []TargetEntry{{Expr: v(0)}, {Expr: v(1)}, {Expr: v(2)}},
		RTable: []*RTE{{Kind: RTECTE, CTELevels: 1}, {Kind: RTECTE, CTELevels: 2}}}
	e := IncrementLevels(&SubLink{Query: inner}, 3, 1).(*SubLink)
	var got []int
	for _, te := range e.Query.Target {
		got = append(got, te.Expr.(*Var).LevelsUp)
	}
	for _, r := range e.Query.RTable {
		got = append(got, r.CTELevels)
	}
	// Level 1 from the sublink is the expression's own query, which moves with it; level 2 is outside.
	if want := []int{0, 1, 5, 1, 5}; !reflect.DeepEqual(got, want) {
		t.Errorf("levels %v, want %v", got, want)
	}
	if inner.Target[2].Expr.(*Var).LevelsUp != 2 || inner.RTable[1].CTELevels != 2 {
		t.Error("the original changed")
	}
}

func BenchmarkDecodeDefault(b *testing.B) {
	e := &FuncExpr{Func: 1574, T: types.Of(20), Args: []Expr{&Const{T: types.Of(2205), Value: types.Int(16390)}}}
	buf := Encode(e)
	b.ReportAllocs()
	for range b.N {
		if _, err := Decode(buf); err != nil {
			b.Fatal(err)
		}
	}
}
