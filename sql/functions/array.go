package functions

import (
	"strings"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// Array functions and operators (9.19).

func init() {
	scalar("array_ndims", func(_ *Call, a []types.Datum) (types.Datum, error) {
		arr := types.ParseArray(a[0].S)
		if n := len(arr.Dims()); n > 0 {
			return types.Int(int64(n)), nil
		}
		return types.NullDatum, nil
	})
	scalar("array_dims", func(_ *Call, a []types.Datum) (types.Datum, error) {
		arr := types.ParseArray(a[0].S)
		if len(arr.Dims()) == 0 {
			return types.NullDatum, nil
		}
		var b []byte
		for _, d := range arr.Dims() {
			b = append(b, '[')
			b = appendInt(b, int64(d.Lower))
			b = append(b, ':')
			b = appendInt(b, int64(d.Lower+d.Len-1))
			b = append(b, ']')
		}
		return types.Str(string(b)), nil
	})
	dim := func(f func(d types.ArrayDim) int) Scalar {
		return func(_ *Call, a []types.Datum) (types.Datum, error) {
			arr := types.ParseArray(a[0].S)
			n := int(a[1].I)
			if n < 1 || n > len(arr.Dims()) {
				return types.NullDatum, nil
			}
			return types.Int(int64(f(arr.Dims()[n-1]))), nil
		}
	}
	scalar("array_lower", dim(func(d types.ArrayDim) int { return d.Lower }))
	scalar("array_upper", dim(func(d types.ArrayDim) int { return d.Lower + d.Len - 1 }))
	scalar("array_length", dim(func(d types.ArrayDim) int { return d.Len }))
	scalar("array_cardinality", func(_ *Call, a []types.Datum) (types.Datum, error) {
		arr := types.ParseArray(a[0].S)
		return types.Int(int64(arr.Len())), nil
	})
	scalar("array_append", arrayAppend)
	scalar("array_prepend", arrayPrepend)
	scalar("array_cat", arrayCat)
	scalar("array_position", arrayPosition)
	scalar("array_position_start", arrayPosition)
	scalar("array_positions", arrayPositions)
	scalar("array_remove", arrayRemove)
	scalar("array_replace", arrayReplace)
	scalar("array_to_text", arrayToText)
	scalar("array_to_text_null", arrayToText)
	scalar("text_to_array", textToArray)
	scalar("text_to_array_null", textToArray)
	scalar("arrayoverlap", setOpOf(func(c *Call, a, b *types.Array) bool {
		return someElement(c, a, func(x types.Datum) bool { return contains(c, b, x) })
	}))
	scalar("arraycontains", setOpOf(func(c *Call, a, b *types.Array) bool { return containsAll(c, a, b) }))
	scalar("arraycontained", setOpOf(func(c *Call, a, b *types.Array) bool { return containsAll(c, b, a) }))
	scalar("array_fill", arrayFill)
	scalar("array_fill_with_lower_bounds", arrayFill)
	scalar("trim_array", trimArray)
	scalar("width_bucket_array", widthBucketArray)
	set("text_to_table", textToTable)
	set("text_to_table_null", textToTable)
}

func appendInt(b []byte, v int64) []byte {
	return types.AppendText(b, nil, types.Of(types.OIDInt8), types.Int(v))
}

// elemType is the element type of the array among the call's arguments.
func elemType(c *Call, arg int) types.OID { return types.ElemOf(c.Env.IO, c.Args[arg].OID) }

func elemEqual(c *Call, elem types.OID) func(a, b types.Datum) bool {
	cmp, ok := c.Memo.(func(a, b types.Datum) int)
	if !ok {
		cmp = types.Comparator(c.Env.IO, elem)
		c.Memo = cmp
	}
	return func(a, b types.Datum) bool {
		if a.Null || b.Null {
			return a.Null && b.Null
		}
		return cmp(a, b) == 0
	}
}

// linear is an array's elements with its first lower bound; more than one dimension is refused with msg.
func linear(d types.Datum, msg string) (elems []types.Datum, lower int, err error) {
	if d.Null {
		return nil, 1, nil
	}
	arr := types.ParseArray(d.S)
	switch len(arr.Dims()) {
	case 0:
		return nil, 1, nil
	case 1:
		return arr.Elems(), arr.Dims()[0].Lower, nil
	}
	return nil, 1, pgerr.New(pgerr.DataException, msg)
}

func build(c *Call, elem types.OID, vals []types.Datum, lower int) (types.Datum, error) {
	b := types.NewArrayBuilder(c.Env.IO, elem)
	for _, v := range vals {
		b.Append(v)
	}
	if len(vals) == 0 || lower == 1 {
		return types.Str(b.Finish()), nil
	}
	s, err := b.FinishDims([]types.ArrayDim{{Len: len(vals), Lower: lower}})
	return types.Str(s), err
}

func arrayAppend(c *Call, a []types.Datum) (types.Datum, error) {
	elems, lower, err := linear(a[0], "argument must be empty or one-dimensional array")
	if err != nil {
		return types.Datum{}, err
	}
	return build(c, elemType(c, 0), append(append([]types.Datum(nil), elems...), a[1]), lower)
}

func arrayPrepend(c *Call, a []types.Datum) (types.Datum, error) {
	elems, lower, err := linear(a[1], "argument must be empty or one-dimensional array")
	if err != nil {
		return types.Datum{}, err
	}
	if len(elems) == 0 {
		lower = 1
	}
	return build(c, elemType(c, 1), append([]types.Datum{a[0]}, elems...), lower)
}

// arrayCat joins arrays of equal dimensionality, or one with another of one dimension less.
func arrayCat(c *Call, a []types.Datum) (types.Datum, error) {
	if a[0].Null {
		return a[1], nil
	}
	if a[1].Null {
		return a[0], nil
	}
	x, y := types.ParseArray(a[0].S), types.ParseArray(a[1].S)
	dx, dy := x.Dims(), y.Dims()
	if len(dx) == 0 {
		return a[1], nil
	}
	if len(dy) == 0 {
		return a[0], nil
	}
	bad := pgerr.New(pgerr.ArraySubscriptError, "cannot concatenate incompatible arrays")
	var dims []types.ArrayDim
	switch {
	case len(dx) == len(dy):
		if !sameDims(dx[1:], dy[1:]) {
			return types.Datum{}, bad.WithDetail("Arrays with differing element dimensions are not compatible for concatenation.")
		}
		dims = append(dims, dx...)
		dims[0].Len += dy[0].Len
	case len(dx) == len(dy)-1:
		if !sameDims(dx, dy[1:]) {
			return types.Datum{}, bad.WithDetail("Arrays with differing dimensions are not compatible for concatenation.")
		}
		dims = append(dims, dy...)
		dims[0].Len++
	case len(dx)-1 == len(dy):
		if !sameDims(dx[1:], dy) {
			return types.Datum{}, bad.WithDetail("Arrays with differing dimensions are not compatible for concatenation.")
		}
		dims = append(dims, dx...)
		dims[0].Len++
	default:
		return types.Datum{}, bad.WithDetail("Arrays of %d and %d dimensions are not compatible for concatenation.", len(dx), len(dy))
	}
	b := types.NewArrayBuilder(c.Env.IO, elemType(c, 0))
	for _, arr := range []*types.Array{&x, &y} {
		for i := 0; i < arr.Len(); i++ {
			b.Append(arr.Elem(i))
		}
	}
	s, err := b.FinishDims(dims)
	return types.Str(s), err
}

func arrayPosition(c *Call, a []types.Datum) (types.Datum, error) {
	if a[0].Null {
		return types.NullDatum, nil
	}
	elems, lower, err := linear(a[0], "")
	if err != nil {
		return types.Datum{}, pgerr.New(pgerr.FeatureNotSupported, "searching for elements in multidimensional arrays is not supported")
	}
	from := lower
	if len(a) > 2 {
		if a[2].Null {
			return types.Datum{}, pgerr.New(pgerr.NullValueNotAllowed, "initial position must not be null")
		}
		from = int(a[2].I)
	}
	eq := elemEqual(c, elemType(c, 0))
	for i, e := range elems {
		if lower+i >= from && eq(e, a[1]) {
			return types.Int(int64(lower + i)), nil
		}
	}
	return types.NullDatum, nil
}

func arrayPositions(c *Call, a []types.Datum) (types.Datum, error) {
	if a[0].Null {
		return types.NullDatum, nil
	}
	elems, lower, err := linear(a[0], "")
	if err != nil {
		return types.Datum{}, pgerr.New(pgerr.FeatureNotSupported, "searching for elements in multidimensional arrays is not supported")
	}
	eq := elemEqual(c, elemType(c, 0))
	var out []types.Datum
	for i, e := range elems {
		if eq(e, a[1]) {
			out = append(out, types.Int(int64(lower+i)))
		}
	}
	return types.Str(types.MakeArray(c.Env.IO, types.OIDInt4, out...)), nil
}

func arrayRemove(c *Call, a []types.Datum) (types.Datum, error) {
	if a[0].Null {
		return types.NullDatum, nil
	}
	elems, lower, err := linear(a[0], "")
	if err != nil {
		return types.Datum{}, pgerr.New(pgerr.FeatureNotSupported, "removing elements from multidimensional arrays is not supported")
	}
	eq := elemEqual(c, elemType(c, 0))
	var out []types.Datum
	for _, e := range elems {
		if !eq(e, a[1]) {
			out = append(out, e)
		}
	}
	if len(out) == len(elems) {
		return a[0], nil
	}
	return build(c, elemType(c, 0), out, lower)
}

func arrayReplace(c *Call, a []types.Datum) (types.Datum, error) {
	if a[0].Null {
		return types.NullDatum, nil
	}
	arr := types.ParseArray(a[0].S)
	if arr.Len() == 0 {
		return a[0], nil
	}
	eq := elemEqual(c, elemType(c, 0))
	b := types.NewArrayBuilder(c.Env.IO, elemType(c, 0))
	for i := 0; i < arr.Len(); i++ {
		e := arr.Elem(i)
		if eq(e, a[1]) {
			e = a[2]
		}
		b.Append(e)
	}
	s, err := b.FinishDims(arr.Dims())
	return types.Str(s), err
}

func arrayToText(c *Call, a []types.Datum) (types.Datum, error) {
	if a[0].Null || a[1].Null {
		return types.NullDatum, nil
	}
	arr := types.ParseArray(a[0].S)
	out := types.TextOut(c.Env.IO, types.Of(elemType(c, 0)))
	var b []byte
	first := true
	for i := 0; i < arr.Len(); i++ {
		e := arr.Elem(i)
		if e.Null && (len(a) < 3 || a[2].Null) {
			continue
		}
		if !first {
			b = append(b, a[1].S...)
		}
		first = false
		if e.Null {
			b = append(b, a[2].S...)
		} else {
			b = out(b, e)
		}
	}
	return types.Str(string(b)), nil
}

// splitText is string_to_array: a NULL delimiter splits into characters, an empty one not at all.
func splitText(a []types.Datum) ([]types.Datum, bool) {
	if a[0].Null {
		return nil, false
	}
	var parts []string
	switch {
	case a[0].S == "":
	case a[1].Null:
		parts = strings.Split(a[0].S, "")
	case a[1].S == "":
		parts = []string{a[0].S}
	default:
		parts = strings.Split(a[0].S, a[1].S)
	}
	out := make([]types.Datum, len(parts))
	for i, p := range parts {
		out[i] = types.Str(p)
		if len(a) > 2 && !a[2].Null && p == a[2].S {
			out[i] = types.NullDatum
		}
	}
	return out, true
}

func textToArray(c *Call, a []types.Datum) (types.Datum, error) {
	parts, ok := splitText(a)
	if !ok {
		return types.NullDatum, nil
	}
	return types.Str(types.MakeArray(c.Env.IO, types.OIDText, parts...)), nil
}

func textToTable(_ *Call, _ []types.T, a []types.Datum) (RowSource, error) {
	parts, _ := splitText(a)
	rows := make([][]types.Datum, len(parts))
	for i := range parts {
		rows[i] = parts[i : i+1]
	}
	return Rows(rows), nil
}

func setOpOf(f func(c *Call, a, b *types.Array) bool) Scalar {
	return func(c *Call, args []types.Datum) (types.Datum, error) {
		a, b := types.ParseArray(args[0].S), types.ParseArray(args[1].S)
		return types.Bool(f(c, &a, &b)), nil
	}
}

func someElement(c *Call, a *types.Array, f func(types.Datum) bool) bool {
	for i := 0; i < a.Len(); i++ {
		if !a.IsNull(i) && f(a.Elem(i)) {
			return true
		}
	}
	return false
}

func contains(c *Call, a *types.Array, x types.Datum) bool {
	eq := elemEqual(c, elemType(c, 0))
	for i := 0; i < a.Len(); i++ {
		if !a.IsNull(i) && eq(a.Elem(i), x) {
			return true
		}
	}
	return false
}

func containsAll(c *Call, a, b *types.Array) bool {
	for i := 0; i < b.Len(); i++ {
		if b.IsNull(i) || !contains(c, a, b.Elem(i)) {
			return false
		}
	}
	return true
}

// maxArrayElems is PostgreSQL's MaxArraySize for 8-byte elements, so that array_fill can't ask for all memory.
const maxArrayElems = 134217727

func arrayFill(c *Call, a []types.Datum) (types.Datum, error) {
	if a[1].Null || len(a) > 2 && a[2].Null {
		return types.Datum{}, pgerr.New(pgerr.NullValueNotAllowed, "dimension array or low bound array cannot be null")
	}
	lens := types.ParseArray(a[1].S)
	if len(lens.Dims()) > 1 {
		return types.Datum{}, pgerr.New(pgerr.ArraySubscriptError, "wrong number of array subscripts").WithDetail("Dimension array must be one dimensional.")
	}
	if lens.Len() > 6 {
		return types.Datum{}, pgerr.Newf(pgerr.ProgramLimitExceeded, "number of array dimensions (%d) exceeds the maximum allowed (%d)", lens.Len(), 6)
	}
	dims := make([]types.ArrayDim, lens.Len())
	n := 1
	for i := range dims {
		l := lens.Elem(i)
		if l.Null {
			return types.Datum{}, pgerr.New(pgerr.NullValueNotAllowed, "dimension values cannot be null")
		}
		dims[i] = types.ArrayDim{Len: int(l.I), Lower: 1}
		if l.I < 0 || l.I > maxArrayElems || n*int(max(l.I, 1)) > maxArrayElems {
			return types.Datum{}, pgerr.Newf(pgerr.ProgramLimitExceeded, "array size exceeds the maximum allowed (%d)", maxArrayElems)
		}
		n *= int(l.I)
	}
	if len(a) > 2 {
		lows := types.ParseArray(a[2].S)
		if lows.Len() != len(dims) {
			return types.Datum{}, pgerr.New(pgerr.ArraySubscriptError, "wrong number of array subscripts").WithDetail("Low bound array has different size than dimensions array.")
		}
		for i := range dims {
			dims[i].Lower = int(lows.Elem(i).I)
		}
	}
	b := types.NewArrayBuilder(c.Env.IO, c.Args[0].OID)
	if len(dims) == 0 || n == 0 {
		return types.Str(b.Finish()), nil
	}
	for i := 0; i < n; i++ {
		b.Append(a[0])
	}
	s, err := b.FinishDims(dims)
	return types.Str(s), err
}

func trimArray(c *Call, a []types.Datum) (types.Datum, error) {
	arr := types.ParseArray(a[0].S)
	n := 0
	if len(arr.Dims()) > 0 {
		n = arr.Dims()[0].Len
	}
	if a[1].I < 0 || int(a[1].I) > n {
		return types.Datum{}, pgerr.Newf(pgerr.ArraySubscriptError, "number of elements to trim must be between 0 and %d", n)
	}
	keep := n - int(a[1].I)
	b := types.NewArrayBuilder(c.Env.IO, elemType(c, 0))
	if keep == 0 {
		return types.Str(b.Finish()), nil
	}
	dims := append([]types.ArrayDim(nil), arr.Dims()...)
	for i := 0; i < arr.Len()/n*keep; i++ {
		b.Append(arr.Elem(i))
	}
	dims[0].Len = keep
	for i := range dims {
		dims[i].Lower = 1
	}
	s, err := b.FinishDims(dims)
	return types.Str(s), err
}

func widthBucketArray(c *Call, a []types.Datum) (types.Datum, error) {
	arr := types.ParseArray(a[1].S)
	if len(arr.Dims()) > 1 {
		return types.Datum{}, pgerr.New(pgerr.ArraySubscriptError, "thresholds must be one-dimensional array")
	}
	if arr.HasNulls() {
		return types.Datum{}, pgerr.New(pgerr.NullValueNotAllowed, "thresholds array must not contain NULLs")
	}
	cmp := types.Comparator(c.Env.IO, elemType(c, 1))
	lo, hi := 0, arr.Len()
	for lo < hi {
		mid := (lo + hi) / 2
		if cmp(a[0], arr.Elem(mid)) < 0 {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return types.Int(int64(lo)), nil
}
