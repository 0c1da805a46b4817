package functions

import (
	"encoding/binary"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// json_agg, json_object_agg and their jsonb kin. Their states are the text of the members so far: json's as it is printed, jsonb's as packed values,
// from which the result is put together at the end.

func init() {
	aggregate("json_agg", jsonAgg)
	aggregate("json_object_agg", jsonObjectAgg)
	aggregate("jsonb_agg", jsonbAgg)
	aggregate("jsonb_object_agg", jsonbObjectAgg)
}

// jsonMembers is the state: n members, encoded one after the other in buf.
type jsonMembers struct {
	n   int64
	buf []byte
}

// jsonStates makes an aggregator of a step that appends one member, and of a final function that is not called for no members.
func jsonStates(step func(m *jsonMembers, a []types.Datum) error, sep string, final func(m *jsonMembers) (types.Datum, error)) Aggregator {
	a := &states[jsonMembers]{nulls: true, size: 40}
	a.step = func(m *jsonMembers, args []types.Datum) error {
		before := cap(m.buf)
		if m.n > 0 {
			m.buf = append(m.buf, sep...)
		}
		m.n++
		err := step(m, args)
		a.heap += int64(cap(m.buf) - before)
		return err
	}
	a.final = func(m *jsonMembers) (types.Datum, error) {
		if m.n == 0 {
			return types.NullDatum, nil
		}
		return final(m)
	}
	a.save = func(dst []byte, m *jsonMembers) []byte { return append(binary.AppendVarint(dst, m.n), m.buf...) }
	a.load = func(m *jsonMembers, src []byte) error {
		n, k := binary.Varint(src)
		if k <= 0 {
			return errState
		}
		m.n, m.buf = n, append([]byte(nil), src[k:]...)
		return nil
	}
	a.merge = func(m, o *jsonMembers) error {
		if m.n > 0 && o.n > 0 {
			m.buf = append(m.buf, sep...)
		}
		m.n, m.buf = m.n+o.n, append(m.buf, o.buf...)
		return nil
	}
	return wrap(a)
}

// jsonAgg puts composite values and arrays on lines of their own, as PostgreSQL does.
func jsonAgg(c *Call) (Aggregator, error) {
	t := c.Args[0]
	wide := types.JSONIsContainer(c.Env.IO, t)
	return jsonStates(func(m *jsonMembers, a []types.Datum) error {
		if wide && m.n > 1 && !a[0].Null {
			m.buf = append(m.buf, "\n "...)
		}
		m.buf = types.AppendJSON(m.buf, c.Env.IO, t, a[0])
		return nil
	}, ", ", func(m *jsonMembers) (types.Datum, error) { return types.Str("[" + string(m.buf) + "]"), nil }), nil
}

var errNullFieldName = pgerr.New(pgerr.InvalidParameterValue, "field name must not be null")

// fieldName is the text of an aggregated object's key, the first argument.
func fieldName(c *Call, key types.Datum) (string, error) {
	if key.Null {
		return "", errNullFieldName
	}
	return types.JSONKeyText(c.Env.IO, c.Args[0], key)
}

func jsonObjectAgg(c *Call) (Aggregator, error) {
	return jsonStates(func(m *jsonMembers, a []types.Datum) error {
		key, err := fieldName(c, a[0])
		if err != nil {
			return err
		}
		m.buf = append(types.AppendJSONString(m.buf, key), " : "...)
		m.buf = types.AppendJSON(m.buf, c.Env.IO, c.Args[1], a[1])
		return nil
	}, ", ", func(m *jsonMembers) (types.Datum, error) { return types.Str("{ " + string(m.buf) + " }"), nil }), nil
}

func appendBytes(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func readBytes(src []byte) (string, []byte, error) {
	n, k := binary.Uvarint(src)
	if k <= 0 || uint64(len(src)-k) < n {
		return "", nil, errState
	}
	return string(src[k : k+int(n)]), src[k+int(n):], nil
}

func jsonbAgg(c *Call) (Aggregator, error) {
	return jsonStates(func(m *jsonMembers, a []types.Datum) error {
		j, err := types.ToJsonb(c.Env.IO, c.Args[0], a[0])
		m.buf = appendBytes(m.buf, string(j))
		return err
	}, "", func(m *jsonMembers) (types.Datum, error) {
		var b types.JsonbBuilder
		b.BeginArray()
		for src := m.buf; len(src) > 0; {
			v, rest, err := readBytes(src)
			if err != nil {
				return types.Datum{}, err
			}
			b.Value(types.Jsonb(v))
			src = rest
		}
		if err := b.EndArray(); err != nil {
			return types.Datum{}, err
		}
		return jsonbOf(b.Finish(), nil)
	}), nil
}

func jsonbObjectAgg(c *Call) (Aggregator, error) {
	return jsonStates(func(m *jsonMembers, a []types.Datum) error {
		key, err := fieldName(c, a[0])
		if err != nil {
			return err
		}
		j, err := types.ToJsonb(c.Env.IO, c.Args[1], a[1])
		m.buf = appendBytes(appendBytes(m.buf, key), string(j))
		return err
	}, "", func(m *jsonMembers) (types.Datum, error) {
		var b types.JsonbBuilder
		b.BeginObject()
		for src := m.buf; len(src) > 0; {
			key, rest, err := readBytes(src)
			if err != nil {
				return types.Datum{}, err
			}
			v, rest, err := readBytes(rest)
			if err != nil {
				return types.Datum{}, err
			}
			b.Key(key)
			b.Value(types.Jsonb(v))
			src = rest
		}
		if err := b.EndObject(); err != nil {
			return types.Datum{}, err
		}
		return jsonbOf(b.Finish(), nil)
	}), nil
}
