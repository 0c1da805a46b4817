package functions

import (
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// Changing json and jsonb values: ||, -, #-, jsonb_set, jsonb_insert and the like (9.16).

func init() {
	jsonb1("jsonb_strip_nulls", types.Jsonb.StripNulls)
	text1("jsonb_pretty", func(s string) string { return string(types.Jsonb(s).AppendPretty(nil)) })
	scalar("json_strip_nulls", func(_ *Call, a []types.Datum) (types.Datum, error) {
		s, err := types.JSONStripNulls(a[0].S)
		return types.Str(s), err
	})
	scalar("jsonb_concat", func(_ *Call, a []types.Datum) (types.Datum, error) {
		return jsonbOf(types.Jsonb(a[0].S).Concat(types.Jsonb(a[1].S)))
	})
	scalar("jsonb_delete", func(_ *Call, a []types.Datum) (types.Datum, error) {
		return jsonbOf(types.Jsonb(a[0].S).DeleteKeys(a[1].S))
	})
	scalar("jsonb_delete_array", func(_ *Call, a []types.Datum) (types.Datum, error) {
		if err := checkPathDims(a[1]); err != nil {
			return types.Datum{}, err
		}
		return jsonbOf(types.Jsonb(a[0].S).DeleteKeys(textElements(a[1])...))
	})
	scalar("jsonb_delete_idx", func(_ *Call, a []types.Datum) (types.Datum, error) {
		return jsonbOf(types.Jsonb(a[0].S).DeleteIndex(int(a[1].I)))
	})
	scalar("jsonb_delete_path", jsonbDeletePath)
	scalar("jsonb_set", jsonbSet)
	scalar("jsonb_set_lax", jsonbSetLax)
	scalar("jsonb_insert", func(_ *Call, a []types.Datum) (types.Datum, error) {
		path, err := pathSteps(a[1])
		if err != nil {
			return types.Datum{}, err
		}
		return jsonbOf(types.Jsonb(a[0].S).Insert(path, types.Jsonb(a[2].S), a[3].IsTrue()))
	})
}

func checkPathDims(d types.Datum) error {
	arr := types.ParseArray(d.S)
	if len(arr.Dims()) > 1 {
		return errWrongSubscripts
	}
	return nil
}

// pathSteps is the path of an edit, in which a NULL is an error only once it is reached.
func pathSteps(d types.Datum) ([]types.PathStep, error) {
	if err := checkPathDims(d); err != nil {
		return nil, err
	}
	arr := types.ParseArray(d.S)
	path := make([]types.PathStep, arr.Len())
	for i := range path {
		path[i] = types.PathStep{Text: arr.Elem(i).S, Null: arr.IsNull(i)}
	}
	return path, nil
}

func jsonbDeletePath(_ *Call, a []types.Datum) (types.Datum, error) {
	path, err := pathSteps(a[1])
	if err != nil {
		return types.Datum{}, err
	}
	return jsonbOf(types.Jsonb(a[0].S).DeletePath(path))
}

func jsonbSet(_ *Call, a []types.Datum) (types.Datum, error) {
	path, err := pathSteps(a[1])
	if err != nil {
		return types.Datum{}, err
	}
	return jsonbOf(types.Jsonb(a[0].S).Set(path, types.Jsonb(a[2].S), a[3].IsTrue()))
}

// jsonbSetLax is jsonb_set with a say in what a new value of NULL means.
func jsonbSetLax(c *Call, a []types.Datum) (types.Datum, error) {
	if a[0].Null || a[1].Null || a[3].Null {
		return types.NullDatum, nil
	}
	if !a[4].Null && !a[2].Null {
		return jsonbSet(c, a)
	}
	switch a[4].S {
	case "raise_exception":
		return types.Datum{}, pgerr.New(pgerr.NullValueNotAllowed, "JSON value must not be null").
			WithDetail(`Exception was raised because null_value_treatment is "raise_exception".`).
			WithHint("To avoid, either change the null_value_treatment argument or ensure that an SQL NULL is not passed.")
	case "use_json_null":
		return jsonbSet(c, []types.Datum{a[0], a[1], types.Str(string(types.JsonbNull)), a[3]})
	case "delete_key":
		return jsonbDeletePath(c, a)
	case "return_target":
		return a[0], nil
	}
	return types.Datum{}, pgerr.New(pgerr.InvalidParameterValue,
		`null_value_treatment must be "delete_key", "return_target", "use_json_null", or "raise_exception"`)
}
