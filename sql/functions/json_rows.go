package functions

import (
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// The set-returning functions that take json and jsonb values apart: their members, elements and keys.

func init() {
	set("jsonb_each", jsonbEach("jsonb_each", false))
	set("jsonb_each_text", jsonbEach("jsonb_each_text", true))
	set("jsonb_array_elements", jsonbElements(false))
	set("jsonb_array_elements_text", jsonbElements(true))
	set("jsonb_object_keys", jsonbObjectKeys)
	set("json_each", jsonEach(false))
	set("json_each_text", jsonEach(true))
	set("json_array_elements", jsonElements("json_array_elements", false))
	set("json_array_elements_text", jsonElements("json_array_elements_text", true))
	set("json_object_keys", jsonObjectKeys)
}

// jsonbMembers yields the pairs of an object or the elements of an array.
type jsonbMembers struct {
	j    types.Jsonb
	n    int
	at   int
	text bool // as ->> gives them
}

func (m *jsonbMembers) Next(b *types.Batch) error {
	for ; m.at < m.n && b.N < types.BatchRows; m.at++ {
		value := types.Str(string(m.j.Elem(m.at)))
		if m.text {
			value, _ = jsonbTextIfFound(m.j.Elem(m.at), true)
		}
		col := 0
		if m.j.IsObject() {
			b.Cols[0].Append(types.Str(m.j.Key(m.at)))
			col = 1
		}
		b.Cols[col].Append(value)
		b.N++
	}
	return nil
}

func (m *jsonbMembers) Close() {}

func jsonbEach(name string, text bool) SetReturning {
	return func(_ *Call, _ []types.T, a []types.Datum) (RowSource, error) {
		j := types.Jsonb(a[0].S)
		if !j.IsObject() {
			return nil, pgerr.Newf(pgerr.InvalidParameterValue, "cannot call %s on a non-object", name)
		}
		return &jsonbMembers{j: j, n: j.Len(), text: text}, nil
	}
}

func jsonbElements(text bool) SetReturning {
	return func(_ *Call, _ []types.T, a []types.Datum) (RowSource, error) {
		j := types.Jsonb(a[0].S)
		switch {
		case j.IsScalar():
			return nil, pgerr.New(pgerr.InvalidParameterValue, "cannot extract elements from a scalar")
		case j.IsObject():
			return nil, pgerr.New(pgerr.InvalidParameterValue, "cannot extract elements from an object")
		}
		return &jsonbMembers{j: j, n: j.Len(), text: text}, nil
	}
}

func jsonbObjectKeys(_ *Call, _ []types.T, a []types.Datum) (RowSource, error) {
	j := types.Jsonb(a[0].S)
	if err := wantObject("jsonb_object_keys", j.Kind()); err != nil {
		return nil, err
	}
	i := -1
	return Generate(func() (types.Datum, bool, error) {
		if i++; i >= j.Len() {
			return types.Datum{}, false, nil
		}
		return types.Str(j.Key(i)), true, nil
	}), nil
}

func wantObject(function string, kind types.JSONKind) error {
	switch kind {
	case types.JSONObject:
		return nil
	case types.JSONArray:
		return pgerr.Newf(pgerr.InvalidParameterValue, "cannot call %s on an array", function)
	}
	return pgerr.Newf(pgerr.InvalidParameterValue, "cannot call %s on a scalar", function)
}

func jsonEach(text bool) SetReturning {
	return func(_ *Call, _ []types.T, a []types.Datum) (RowSource, error) {
		switch types.JSONTypeof(a[0].S) {
		case types.JSONObject:
		case types.JSONArray:
			return nil, pgerr.New(pgerr.InvalidParameterValue, "cannot deconstruct an array as an object")
		default:
			return nil, pgerr.New(pgerr.InvalidParameterValue, "cannot deconstruct a scalar")
		}
		var rows [][]types.Datum
		err := types.JSONEach(a[0].S, func(_ int, m types.JSONMember) bool {
			rows = append(rows, []types.Datum{types.Str(m.Key), jsonMember(m, text)})
			return true
		})
		return Rows(rows), err
	}
}

// jsonMember is a member as -> or ->> gives it.
func jsonMember(m types.JSONMember, text bool) types.Datum {
	if !text {
		return types.Str(m.Text)
	}
	s, ok := m.Value()
	return types.Datum{S: s, Null: !ok}
}

func jsonElements(name string, text bool) SetReturning {
	return func(_ *Call, _ []types.T, a []types.Datum) (RowSource, error) {
		switch types.JSONTypeof(a[0].S) {
		case types.JSONArray:
		case types.JSONObject:
			return nil, pgerr.Newf(pgerr.InvalidParameterValue, "cannot call %s on a non-array", name)
		default:
			return nil, pgerr.Newf(pgerr.InvalidParameterValue, "cannot call %s on a scalar", name)
		}
		var vals []types.Datum
		err := types.JSONEach(a[0].S, func(_ int, m types.JSONMember) bool {
			vals = append(vals, jsonMember(m, text))
			return true
		})
		return Values(vals), err
	}
}

func jsonObjectKeys(_ *Call, _ []types.T, a []types.Datum) (RowSource, error) {
	if err := wantObject("json_object_keys", types.JSONTypeof(a[0].S)); err != nil {
		return nil, err
	}
	var keys []types.Datum
	err := types.JSONEach(a[0].S, func(_ int, m types.JSONMember) bool {
		keys = append(keys, types.Str(m.Key))
		return true
	})
	return Values(keys), err
}
