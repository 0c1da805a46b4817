package functions

import (
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// JSON to rows: json_populate_record(set) and json_to_record(set) with their jsonb kin (9.16).

func init() {
	for _, kind := range []string{"json", "jsonb"} {
		binary := kind == "jsonb"
		scalar(kind+"_populate_record", func(c *Call, a []types.Datum) (types.Datum, error) {
			return populateRecord(c, kind+"_populate_record", &a[0], a[1], binary)
		})
		scalar(kind+"_to_record", func(c *Call, a []types.Datum) (types.Datum, error) {
			return populateRecord(c, kind+"_to_record", nil, a[0], binary)
		})
		set(kind+"_populate_recordset", func(c *Call, cols []types.T, a []types.Datum) (RowSource, error) {
			return populateRecordset(c, cols, kind+"_populate_recordset", &a[0], a[1], binary)
		})
		set(kind+"_to_recordset", func(c *Call, cols []types.T, a []types.Datum) (RowSource, error) {
			return populateRecordset(c, cols, kind+"_to_recordset", nil, a[0], binary)
		})
	}
}

// rowShape is the type of the rows that JSON becomes.
type rowShape struct {
	typ    types.OID // the composite type, OIDRecord for an anonymous one
	domain types.OID // the domain over typ that was asked for, if any
	fields []types.Field
	old    types.Datum // the record whose values missing keys keep, NULL for none
}

// rowShapeOf finds the row type: that of the record argument if there is one (rec), else that of the column definition list.
func rowShapeOf(c *Call, name string, rec *types.Datum) (s rowShape, err error) {
	s.typ, s.old = types.OIDRecord, types.NullDatum
	if rec != nil {
		arg := types.BaseType(c.Env.IO, c.Args[0])
		if arg.OID != c.Args[0].OID {
			s.domain = c.Args[0].OID
		}
		if arg.OID != types.OIDRecord {
			ty := types.Lookup(c.Env.IO, arg.OID)
			if ty == nil || ty.Kind != types.KindComposite {
				return s, pgerr.Newf(pgerr.DatatypeMismatch, "first argument of %s must be a row type", name)
			}
			s.typ, s.fields, s.old = arg.OID, ty.Fields, *rec
			return s, nil
		}
		if !rec.Null {
			s.old = *rec
			s.fields = fieldsOfRecord(c, rec.S)
			return s, matchColumns(c, s.fields)
		}
	}
	if s.fields = c.Columns; s.fields == nil {
		return s, pgerr.Newf(pgerr.FeatureNotSupported, "could not determine row type for result of %s", name).
			WithHint("Provide a non-null record argument, or call the function in the FROM clause using a column definition list.")
	}
	return s, nil
}

// matchColumns compares a record's fields with the column definition list.
func matchColumns(c *Call, fields []types.Field) error {
	if c.Columns == nil {
		return nil
	}
	mismatch := pgerr.New(pgerr.DatatypeMismatch, "function return row and query-specified return row do not match")
	if n := len(fields); n != len(c.Columns) {
		plural := "s"
		if n == 1 {
			plural = ""
		}
		return mismatch.WithDetail("Returned row contains %d attribute%s, but query expects %d.", n, plural, len(c.Columns))
	}
	for i, f := range fields {
		if want := c.Columns[i].T.OID; f.T.OID != want {
			return mismatch.WithDetail("Returned type %s at ordinal position %d, but query expects %s.",
				types.FormatTypeName(c.Env.IO, f.T.OID), i+1, types.FormatTypeName(c.Env.IO, want))
		}
	}
	return nil
}

func fieldsOfRecord(c *Call, s string) []types.Field {
	r := types.ParseRecord(s)
	names := r.FieldNames(c.Env.IO)
	out := make([]types.Field, r.Len())
	for i := range out {
		out[i] = types.Field{Name: names[i], T: types.Of(r.FieldType(i))}
	}
	return out
}

func populator(c *Call) *types.JSONPopulator {
	return &types.JSONPopulator{Ctx: c.Env.IO, CheckDomain: c.Env.CheckDomain}
}

// row converts one object.
func (s *rowShape) row(c *Call, p *types.JSONPopulator, v types.JSONValue) (types.Datum, error) {
	d, err := p.Record(s.typ, s.fields, v, s.old)
	if err == nil && s.domain != 0 && c.Env.CheckDomain != nil {
		err = c.Env.CheckDomain(s.domain, d)
	}
	return d, err
}

func populateRecord(c *Call, name string, rec *types.Datum, in types.Datum, binary bool) (types.Datum, error) {
	shape, err := rowShapeOf(c, name, rec)
	if err != nil {
		return types.Datum{}, err
	}
	if in.Null {
		return shape.old, nil
	}
	v := types.JSONValueOfJsonb(types.Jsonb(in.S))
	if !binary {
		root, err := types.JSONRoot(in.S)
		if err != nil {
			return types.Datum{}, err
		}
		v = types.JSONValueOf(root)
	}
	return shape.row(c, populator(c), v)
}

// populateRecordset yields the records themselves where one column of their type is wanted (in a select list), else their fields.
func populateRecordset(c *Call, cols []types.T, name string, rec *types.Datum, in types.Datum, binary bool) (RowSource, error) {
	shape, err := rowShapeOf(c, name, rec)
	if err != nil {
		return nil, err
	}
	if in.Null {
		return noRows(), nil
	}
	objects, err := arrayOfObjects(name, in.S, binary)
	if err != nil {
		return nil, err
	}
	whole := len(cols) == 1 && cols[0].OID == c.Ret.OID && isComposite(c, types.BaseType(c.Env.IO, cols[0]).OID)
	p := populator(c)
	rows := make([][]types.Datum, 0, len(objects))
	for _, v := range objects {
		if v.Kind() != types.JSONObject {
			return nil, pgerr.Newf(pgerr.InvalidParameterValue, "argument of %s must be an array of objects", name)
		}
		d, err := shape.row(c, p, v)
		if err != nil {
			return nil, err
		}
		if whole {
			rows = append(rows, []types.Datum{d})
		} else {
			rows = append(rows, recordFields(d, len(cols)))
		}
	}
	return Rows(rows), nil
}

// arrayOfObjects gives the elements of an array; the words of the errors are different for json and jsonb.
func arrayOfObjects(name, s string, binary bool) (out []types.JSONValue, err error) {
	cannot := func(what string) error {
		return pgerr.Newf(pgerr.InvalidParameterValue, "cannot call %s on %s", name, what)
	}
	if binary {
		j := types.Jsonb(s)
		if !j.IsArray() {
			return nil, cannot("a non-array")
		}
		for i := range j.Len() {
			out = append(out, types.JSONValueOfJsonb(j.Elem(i)))
		}
		return out, nil
	}
	switch types.JSONTypeof(s) {
	case types.JSONArray:
	case types.JSONObject:
		return nil, cannot("an object")
	default:
		return nil, cannot("a scalar")
	}
	err = types.JSONEach(s, func(_ int, m types.JSONMember) bool {
		out = append(out, types.JSONValueOf(m))
		return true
	})
	return out, err
}
