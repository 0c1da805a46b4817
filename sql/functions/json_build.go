package functions

import (
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// Making json and jsonb values of SQL values (9.16, creation functions).

func init() {
	registerToJSON()
	registerJSONBuild()
	registerJSONObject()
}

func registerToJSON() {
	plain := func(c *Call, a []types.Datum) (types.Datum, error) {
		return types.Str(string(types.AppendJSON(nil, c.Env.IO, c.Args[0], a[0]))), nil
	}
	pretty := func(c *Call, a []types.Datum) (types.Datum, error) {
		if !a[1].IsTrue() {
			return plain(c, a)
		}
		return types.Str(string(types.AppendJSONPretty(nil, c.Env.IO, c.Args[0], a[0]))), nil
	}
	scalar("to_json", plain)
	scalar("array_to_json", plain)
	scalar("array_to_json_pretty", pretty)
	scalar("row_to_json", plain)
	scalar("row_to_json_pretty", pretty)
	scalar("to_jsonb", func(c *Call, a []types.Datum) (types.Datum, error) {
		return jsonbOf(types.ToJsonb(c.Env.IO, c.Args[0], a[0]))
	})
}

// anyArgs gives the arguments of a VARIADIC "any" parameter and their types, those of the array after VARIADIC if one was
// written; ok is false when that array is NULL.
func (c *Call) anyArgs(a []types.Datum) (vals []types.Datum, typ func(i int) types.T, ok bool) {
	if !c.Variadic || len(a) != 1 {
		return a, func(i int) types.T { return c.Args[i] }, true
	}
	if a[0].Null {
		return nil, nil, false
	}
	arr := types.ParseArray(a[0].S)
	elem := types.Of(elemType(c, 0))
	return arr.Elems(), func(int) types.T { return elem }, true
}

func errOddArguments(function string) error {
	return pgerr.New(pgerr.InvalidParameterValue, "argument list must have even number of elements").
		WithHint("The arguments of %s must consist of alternating keys and values.", function)
}

func registerJSONBuild() {
	constant := func(src string, d types.Datum) {
		scalar(src, func(*Call, []types.Datum) (types.Datum, error) { return d, nil })
	}
	constant("json_build_array_noargs", types.Str("[]"))
	constant("json_build_object_noargs", types.Str("{}"))
	constant("jsonb_build_array_noargs", types.Str(string(types.JsonbEmptyArray)))
	constant("jsonb_build_object_noargs", types.Str(string(types.JsonbEmptyObject)))
	scalar("json_build_array", jsonBuildArray)
	scalar("json_build_object", jsonBuildObject)
	scalar("jsonb_build_array", jsonbBuildArray)
	scalar("jsonb_build_object", jsonbBuildObject)
}

func jsonBuildArray(c *Call, a []types.Datum) (types.Datum, error) {
	vals, typ, ok := c.anyArgs(a)
	if !ok {
		return types.NullDatum, nil
	}
	b := []byte{'['}
	for i, v := range vals {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = types.AppendJSON(b, c.Env.IO, typ(i), v)
	}
	return types.Str(string(append(b, ']'))), nil
}

func jsonBuildObject(c *Call, a []types.Datum) (types.Datum, error) {
	vals, typ, ok := c.anyArgs(a)
	if !ok {
		return types.NullDatum, nil
	}
	if len(vals)%2 != 0 {
		return types.Datum{}, errOddArguments("json_build_object()")
	}
	b := []byte{'{'}
	for i := 0; i < len(vals); i += 2 {
		if i > 0 {
			b = append(b, ", "...)
		}
		if vals[i].Null {
			return types.Datum{}, pgerr.Newf(pgerr.InvalidParameterValue, "argument %d cannot be null", i+1).WithHint("Object keys should be text.")
		}
		key, err := types.JSONKeyText(c.Env.IO, typ(i), vals[i])
		if err != nil {
			return types.Datum{}, err
		}
		b = append(types.AppendJSONString(b, key), " : "...)
		b = types.AppendJSON(b, c.Env.IO, typ(i+1), vals[i+1])
	}
	return types.Str(string(append(b, '}'))), nil
}

func jsonbBuildArray(c *Call, a []types.Datum) (types.Datum, error) {
	vals, typ, ok := c.anyArgs(a)
	if !ok {
		return types.NullDatum, nil
	}
	var b types.JsonbBuilder
	b.BeginArray()
	for i, v := range vals {
		if err := b.Datum(c.Env.IO, typ(i), v); err != nil {
			return types.Datum{}, err
		}
	}
	if err := b.EndArray(); err != nil {
		return types.Datum{}, err
	}
	return jsonbOf(b.Finish(), nil)
}

func jsonbBuildObject(c *Call, a []types.Datum) (types.Datum, error) {
	vals, typ, ok := c.anyArgs(a)
	if !ok {
		return types.NullDatum, nil
	}
	if len(vals)%2 != 0 {
		return types.Datum{}, errOddArguments("jsonb_build_object()")
	}
	var b types.JsonbBuilder
	b.BeginObject()
	for i := 0; i < len(vals); i += 2 {
		if vals[i].Null {
			return types.Datum{}, pgerr.Newf(pgerr.InvalidParameterValue, "argument %d: key must not be null", i+1)
		}
		key, err := types.JSONKeyText(c.Env.IO, typ(i), vals[i])
		if err != nil {
			return types.Datum{}, err
		}
		b.Key(key)
		if err := b.Datum(c.Env.IO, typ(i+1), vals[i+1]); err != nil {
			return types.Datum{}, err
		}
	}
	if err := b.EndObject(); err != nil {
		return types.Datum{}, err
	}
	return jsonbOf(b.Finish(), nil)
}

// jsonPairs is the keys and values of json_object and jsonb_object.
type jsonPairs struct{ keys, values []types.Datum }

var (
	errWrongSubscripts = pgerr.New(pgerr.ArraySubscriptError, "wrong number of array subscripts")
	errNullKey         = pgerr.New(pgerr.NullValueNotAllowed, "null value not allowed for object key")
)

// pairsOfArray reads an array of alternating keys and values, or of pairs.
func pairsOfArray(d types.Datum) (p jsonPairs, err error) {
	arr := types.ParseArray(d.S)
	switch dims := arr.Dims(); len(dims) {
	case 0:
	case 1:
		if dims[0].Len%2 != 0 {
			return p, pgerr.New(pgerr.ArraySubscriptError, "array must have even number of elements")
		}
	case 2:
		if dims[1].Len != 2 {
			return p, pgerr.New(pgerr.ArraySubscriptError, "array must have two columns")
		}
	default:
		return p, errWrongSubscripts
	}
	for i := 0; i < arr.Len(); i += 2 {
		p.keys, p.values = append(p.keys, arr.Elem(i)), append(p.values, arr.Elem(i+1))
	}
	return p, nil
}

// pairsOfArrays takes keys from one array and values from another.
func pairsOfArrays(keys, values types.Datum) (p jsonPairs, err error) {
	k, v := types.ParseArray(keys.S), types.ParseArray(values.S)
	if len(k.Dims()) > 1 || len(k.Dims()) != len(v.Dims()) {
		return p, errWrongSubscripts
	}
	if k.Len() != v.Len() {
		return p, pgerr.New(pgerr.ArraySubscriptError, "mismatched array dimensions")
	}
	return jsonPairs{k.Elems(), v.Elems()}, nil
}

func (p jsonPairs) json() (types.Datum, error) {
	b := []byte{'{'}
	for i, k := range p.keys {
		if k.Null {
			return types.Datum{}, errNullKey
		}
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(types.AppendJSONString(b, k.S), " : "...)
		if p.values[i].Null {
			b = append(b, "null"...)
		} else {
			b = types.AppendJSONString(b, p.values[i].S)
		}
	}
	return types.Str(string(append(b, '}'))), nil
}

func (p jsonPairs) jsonb() (types.Datum, error) {
	var b types.JsonbBuilder
	b.BeginObject()
	for i, k := range p.keys {
		if k.Null {
			return types.Datum{}, errNullKey
		}
		b.Key(k.S)
		if p.values[i].Null {
			b.Null()
		} else {
			b.String(p.values[i].S)
		}
	}
	if err := b.EndObject(); err != nil {
		return types.Datum{}, err
	}
	return jsonbOf(b.Finish(), nil)
}

func registerJSONObject() {
	object := func(src string, build func(jsonPairs) (types.Datum, error)) {
		scalar(src, func(_ *Call, a []types.Datum) (types.Datum, error) {
			p, err := pairsOfArray(a[0])
			if err != nil {
				return types.Datum{}, err
			}
			return build(p)
		})
		scalar(src+"_two_arg", func(_ *Call, a []types.Datum) (types.Datum, error) {
			p, err := pairsOfArrays(a[0], a[1])
			if err != nil {
				return types.Datum{}, err
			}
			return build(p)
		})
	}
	object("json_object", jsonPairs.json)
	object("jsonb_object", jsonPairs.jsonb)
}
