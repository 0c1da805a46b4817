package functions

import (
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// Looking into json and jsonb values: the operators ->, ->>, #>, #>>, @>, ? and their functions (9.16).

// jsonb1 registers a function of one jsonb value that gives one.
func jsonb1(src string, fn func(j types.Jsonb) (types.Jsonb, error)) {
	scalar(src, func(_ *Call, a []types.Datum) (types.Datum, error) { return jsonbOf(fn(types.Jsonb(a[0].S))) })
}

func jsonbOf(j types.Jsonb, err error) (types.Datum, error) { return types.Str(string(j)), err }

// jsonbIfFound gives NULL for what was not found.
func jsonbIfFound(j types.Jsonb, ok bool) (types.Datum, error) {
	if !ok {
		return types.NullDatum, nil
	}
	return types.Str(string(j)), nil
}

// jsonbTextIfFound gives NULL for null and what was not found.
func jsonbTextIfFound(j types.Jsonb, ok bool) (types.Datum, error) {
	if !ok {
		return types.NullDatum, nil
	}
	return textIfFound(j.Text())
}

func textIfFound(s string, ok bool) (types.Datum, error) { return types.Datum{S: s, Null: !ok}, nil }

// jsonIfFound and jsonTextIfFound are the same for members of a json text.
func jsonIfFound(m types.JSONMember, ok bool, err error) (types.Datum, error) {
	if !ok || err != nil {
		return types.NullDatum, err
	}
	return types.Str(m.Text), nil
}

func jsonTextIfFound(m types.JSONMember, ok bool, err error) (types.Datum, error) {
	if !ok || err != nil {
		return types.NullDatum, err
	}
	return textIfFound(m.Value())
}

func init() {
	registerJSONMembers()
	registerJSONPaths()
	registerJSONTests()
	registerJSONCasts()
}

func registerJSONMembers() {
	scalar("json_object_field", func(_ *Call, a []types.Datum) (types.Datum, error) {
		return jsonIfFound(types.JSONGetField(a[0].S, a[1].S))
	})
	scalar("json_object_field_text", func(_ *Call, a []types.Datum) (types.Datum, error) {
		return jsonTextIfFound(types.JSONGetField(a[0].S, a[1].S))
	})
	scalar("json_array_element", func(_ *Call, a []types.Datum) (types.Datum, error) {
		return jsonIfFound(types.JSONGetElement(a[0].S, int(a[1].I)))
	})
	scalar("json_array_element_text", func(_ *Call, a []types.Datum) (types.Datum, error) {
		return jsonTextIfFound(types.JSONGetElement(a[0].S, int(a[1].I)))
	})
	scalar("jsonb_object_field", func(_ *Call, a []types.Datum) (types.Datum, error) {
		return jsonbIfFound(types.Jsonb(a[0].S).Field(a[1].S))
	})
	scalar("jsonb_object_field_text", func(_ *Call, a []types.Datum) (types.Datum, error) {
		return jsonbTextIfFound(types.Jsonb(a[0].S).Field(a[1].S))
	})
	scalar("jsonb_array_element", func(_ *Call, a []types.Datum) (types.Datum, error) {
		return jsonbIfFound(jsonbElement(a))
	})
	scalar("jsonb_array_element_text", func(_ *Call, a []types.Datum) (types.Datum, error) {
		return jsonbTextIfFound(jsonbElement(a))
	})
	scalar("json_array_length", func(_ *Call, a []types.Datum) (types.Datum, error) {
		n, err := types.JSONArrayLength(a[0].S)
		return types.Int(int64(n)), err
	})
	scalar("jsonb_array_length", func(_ *Call, a []types.Datum) (types.Datum, error) {
		j := types.Jsonb(a[0].S)
		switch {
		case j.IsArray():
			return types.Int(int64(j.Len())), nil
		case j.IsObject():
			return types.Datum{}, pgerr.New(pgerr.InvalidParameterValue, "cannot get array length of a non-array")
		}
		return types.Datum{}, pgerr.New(pgerr.InvalidParameterValue, "cannot get array length of a scalar")
	})
	scalar("json_typeof", func(_ *Call, a []types.Datum) (types.Datum, error) {
		return types.Str(types.JSONTypeof(a[0].S).String()), nil
	})
	scalar("jsonb_typeof", func(_ *Call, a []types.Datum) (types.Datum, error) {
		return types.Str(types.Jsonb(a[0].S).Kind().String()), nil
	})
}

func jsonbElement(a []types.Datum) (types.Jsonb, bool) { return types.Jsonb(a[0].S).Index(int(a[1].I)) }

// jsonPath is a text[] that leads into a value. The path of a call site's constant is kept.
type jsonPath struct {
	steps []string
	nulls bool
}

func (c *Call) jsonPath(arg int, d types.Datum) jsonPath {
	if p, ok := c.Memo.(*jsonPath); ok {
		return *p
	}
	p := parseJSONPath(d)
	if arg < len(c.ConstArgs) && c.ConstArgs[arg] != nil {
		c.Memo = &p
	}
	return p
}

func parseJSONPath(d types.Datum) jsonPath {
	arr := types.ParseArray(d.S)
	p := jsonPath{steps: make([]string, arr.Len()), nulls: arr.HasNulls()}
	for i := range p.steps {
		p.steps[i] = arr.Elem(i).S
	}
	return p
}

func registerJSONPaths() {
	json := func(found func(m types.JSONMember, ok bool, err error) (types.Datum, error)) Scalar {
		return func(c *Call, a []types.Datum) (types.Datum, error) {
			p := c.jsonPath(1, a[1])
			if p.nulls {
				return types.NullDatum, nil
			}
			return found(types.JSONGetPath(a[0].S, p.steps))
		}
	}
	jsonb := func(found func(j types.Jsonb, ok bool) (types.Datum, error)) Scalar {
		return func(c *Call, a []types.Datum) (types.Datum, error) {
			p := c.jsonPath(1, a[1])
			if p.nulls {
				return types.NullDatum, nil
			}
			return found(types.Jsonb(a[0].S).Path(p.steps))
		}
	}
	scalar("json_extract_path", json(jsonIfFound))
	scalar("json_extract_path_text", json(jsonTextIfFound))
	scalar("jsonb_extract_path", jsonb(jsonbIfFound))
	scalar("jsonb_extract_path_text", jsonb(jsonbTextIfFound))
}

func registerJSONTests() {
	test := func(src string, f func(j types.Jsonb, arg types.Datum) bool) {
		scalar(src, func(_ *Call, a []types.Datum) (types.Datum, error) {
			return types.Bool(f(types.Jsonb(a[0].S), a[1])), nil
		})
	}
	test("jsonb_contains", func(j types.Jsonb, d types.Datum) bool { return j.Contains(types.Jsonb(d.S)) })
	test("jsonb_contained", func(j types.Jsonb, d types.Datum) bool { return types.Jsonb(d.S).Contains(j) })
	test("jsonb_exists", func(j types.Jsonb, d types.Datum) bool { return j.Exists(d.S) })
	test("jsonb_exists_any", func(j types.Jsonb, d types.Datum) bool { return j.ExistsAny(textElements(d)) })
	test("jsonb_exists_all", func(j types.Jsonb, d types.Datum) bool { return j.ExistsAll(textElements(d)) })
}

// textElements is the elements of a text[] that are not NULL.
func textElements(d types.Datum) []string {
	arr := types.ParseArray(d.S)
	out := make([]string, 0, arr.Len())
	for i := range arr.Len() {
		if !arr.IsNull(i) {
			out = append(out, arr.Elem(i).S)
		}
	}
	return out
}

// registerJSONCasts registers the casts from jsonb to booleans and numbers, which go by numeric.
func registerJSONCasts() {
	scalar("jsonb_bool", func(_ *Call, a []types.Datum) (types.Datum, error) {
		v, err := types.Jsonb(a[0].S).ToBool()
		return types.Bool(v), err
	})
	scalar("jsonb_numeric", func(_ *Call, a []types.Datum) (types.Datum, error) {
		s, err := types.Jsonb(a[0].S).ToNumeric("numeric")
		return types.Str(s), err
	})
	for _, cast := range []struct{ src, name, via string }{
		{"jsonb_int2", "smallint", "numeric_int2"}, {"jsonb_int4", "integer", "numeric_int4"}, {"jsonb_int8", "bigint", "numeric_int8"},
		{"jsonb_float4", "real", "numeric_float4"}, {"jsonb_float8", "double precision", "numeric_float8"},
	} {
		scalar(cast.src, func(c *Call, a []types.Datum) (types.Datum, error) {
			s, err := types.Jsonb(a[0].S).ToNumeric(cast.name)
			if err != nil {
				return types.Datum{}, err
			}
			return scalars[cast.via].Row(c, []types.Datum{types.Str(s)})
		})
	}
}
