package tree

import "reflect"

// Equal reports whether two expressions mean the same: all fields equal but locations, and nil slices equal to empty ones.
func Equal(a, b Expr) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	if a == b {
		return true
	}
	switch x := a.(type) { // the common kinds without reflection
	case *Var:
		y, ok := b.(*Var)
		return ok && x.VarNo == y.VarNo && x.AttNo == y.AttNo && x.LevelsUp == y.LevelsUp && x.T == y.T && x.Coll == y.Coll
	case *Const:
		y, ok := b.(*Const)
		return ok && x.T == y.T && x.Coll == y.Coll && x.Value == y.Value
	case *Param:
		y, ok := b.(*Param)
		return ok && x.Kind == y.Kind && x.ID == y.ID && x.T == y.T && x.Coll == y.Coll
	case *OpExpr:
		y, ok := b.(*OpExpr)
		return ok && x.Op == y.Op && x.T == y.T && x.Coll == y.Coll && x.InputColl == y.InputColl && x.RetSet == y.RetSet && EqualLists(x.Args, y.Args)
	case *FuncExpr:
		y, ok := b.(*FuncExpr)
		return ok && x.Func == y.Func && x.T == y.T && x.Variadic == y.Variadic && x.RetSet == y.RetSet && x.Coll == y.Coll &&
			x.InputColl == y.InputColl && EqualLists(x.Args, y.Args) // how a call was written does not matter
	case *RelabelType:
		y, ok := b.(*RelabelType)
		return ok && x.T == y.T && x.Coll == y.Coll && Equal(x.Arg, y.Arg)
	case *CoerceViaIO:
		y, ok := b.(*CoerceViaIO)
		return ok && x.T == y.T && x.Coll == y.Coll && Equal(x.Arg, y.Arg)
	case *BoolExpr:
		y, ok := b.(*BoolExpr)
		return ok && x.Op == y.Op && EqualLists(x.Args, y.Args)
	case *NullTest:
		y, ok := b.(*NullTest)
		return ok && x.IsNotNull == y.IsNotNull && x.RowFormat == y.RowFormat && Equal(x.Arg, y.Arg)
	}
	return equalValues(reflect.ValueOf(a), reflect.ValueOf(b))
}

// EqualLists reports whether two lists of expressions are Equal one by one.
func EqualLists(a, b []Expr) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// EqualQueries reports whether two queries are the same but for locations.
func EqualQueries(a, b *Query) bool {
	return a == b || a != nil && b != nil && equalValues(reflect.ValueOf(a), reflect.ValueOf(b))
}

var (
	exprType     = reflect.TypeFor[Expr]()
	coercionType = reflect.TypeFor[CoercionForm]()
)

func equalValues(a, b reflect.Value) bool {
	switch a.Kind() {
	case reflect.Interface:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() && b.IsNil()
		}
		if a.Type() == exprType {
			return Equal(a.Interface().(Expr), b.Interface().(Expr))
		}
		return a.Elem().Type() == b.Elem().Type() && equalValues(a.Elem(), b.Elem())
	case reflect.Pointer:
		if a.Type() != b.Type() {
			return false
		}
		if a.IsNil() || b.IsNil() {
			return a.IsNil() && b.IsNil()
		}
		return a.Pointer() == b.Pointer() || equalValues(a.Elem(), b.Elem())
	case reflect.Slice:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !equalValues(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Map: // sets of column numbers
		if a.Len() != b.Len() {
			return false
		}
		for it := a.MapRange(); it.Next(); {
			v := b.MapIndex(it.Key())
			if !v.IsValid() || !equalValues(it.Value(), v) {
				return false
			}
		}
		return true
	case reflect.Struct:
		t := a.Type()
		for i := range t.NumField() {
			if f := t.Field(i); isLocation(f) || f.Type == coercionType {
				continue
			}
			if !equalValues(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	default:
		return a.Equal(b)
	}
}

// isLocation says which fields are positions in the query text: they don't take part in comparisons and are not stored.
func isLocation(f reflect.StructField) bool { return f.Name == "Loc" && f.Type.Kind() == reflect.Int32 }

// CopyQuery returns a deep copy of q's structure (range table, join tree, lists, nested FROM and WITH queries), for callers that
// change a query in place. Expressions are shared, being immutable (T3).
func CopyQuery(q *Query) *Query {
	if q == nil {
		return nil
	}
	return copyValue(reflect.ValueOf(q), false).Interface().(*Query)
}

// CopyExpr returns a deep copy of e, queries of SubLinks included.
func CopyExpr(e Expr) Expr {
	if e == nil {
		return nil
	}
	return copyValue(reflect.ValueOf(e), true).Interface().(Expr)
}

func copyValue(v reflect.Value, exprs bool) reflect.Value {
	switch v.Kind() {
	case reflect.Interface:
		if v.IsNil() || !exprs && v.Type() == exprType {
			return v
		}
		out := reflect.New(v.Type()).Elem()
		out.Set(copyValue(v.Elem(), exprs))
		return out
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		out := reflect.New(v.Type().Elem())
		out.Elem().Set(copyValue(v.Elem(), exprs))
		return out
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			out.Index(i).Set(copyValue(v.Index(i), exprs))
		}
		return out
	case reflect.Map:
		if v.IsNil() {
			return v
		}
		out := reflect.MakeMapWithSize(v.Type(), v.Len())
		for it := v.MapRange(); it.Next(); {
			out.SetMapIndex(it.Key(), it.Value())
		}
		return out
	case reflect.Struct:
		out := reflect.New(v.Type()).Elem()
		for i := range v.NumField() {
			out.Field(i).Set(copyValue(v.Field(i), exprs))
		}
		return out
	}
	return v
}
