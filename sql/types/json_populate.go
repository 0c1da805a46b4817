package types

import (
	"strconv"
	"strings"

	"kimberlite/sql/pgerr"
)

// JSONValue is a json or jsonb value on its way to an SQL type. The zero value is a key that is not there.
type JSONValue struct {
	present bool
	binary  bool
	b       Jsonb
	m       JSONMember
}

// JSONValueOf returns a json value's member, JSONRoot's result above all.
func JSONValueOf(m JSONMember) JSONValue { return JSONValue{present: true, m: m} }

// JSONValueOfJsonb returns a jsonb value.
func JSONValueOfJsonb(j Jsonb) JSONValue { return JSONValue{present: true, binary: true, b: j} }

// Kind returns what the value is; a missing one is null.
func (v JSONValue) Kind() JSONKind {
	switch {
	case !v.present:
		return JSONNull
	case v.binary:
		return v.b.Kind()
	}
	return v.m.Kind
}

// field finds a key of an object.
func (v JSONValue) field(key string) (JSONValue, error) {
	if v.binary {
		j, ok := v.b.Field(key)
		return JSONValue{present: ok, binary: true, b: j}, nil
	}
	m, ok, err := JSONGetField(v.m.Text, key)
	return JSONValue{present: ok, m: m}, err
}

// elements returns the elements of an array.
func (v JSONValue) elements() (out []JSONValue, err error) {
	if v.binary {
		for i := range v.b.Len() {
			out = append(out, JSONValueOfJsonb(v.b.Elem(i)))
		}
		return out, nil
	}
	err = JSONEach(v.m.Text, func(_ int, m JSONMember) bool {
		out = append(out, JSONValueOf(m))
		return true
	})
	return out, err
}

// input returns the text that the type's input function gets.
func (v JSONValue) input(t OID) string {
	isString := v.Kind() == JSONString
	quoted := t == OIDJson || t == OIDJsonb
	switch {
	case v.binary && isString && !quoted:
		return v.b.Str()
	case v.binary:
		return v.b.String()
	case isString && !quoted:
		return v.m.value
	}
	return v.m.Text
}

// JSONPopulator turns JSON into SQL values as json_populate_record and json_to_record do.
type JSONPopulator struct {
	Ctx *Ctx
	// CheckDomain, if set, is asked about every value of a domain type, NULLs included.
	CheckDomain func(domain OID, d Datum) error
}

// Datum converts a value to the type; key names the field in hints. old is the value that a composite type's missing keys keep, NULL
// for none.
func (p *JSONPopulator) Datum(t T, key string, v JSONValue, old Datum) (Datum, error) {
	ctx := orDefault(p.Ctx)
	ty := Lookup(ctx, t.OID)
	if ty == nil {
		return NullDatum, unknownType(t.OID)
	}
	if ty.Kind == KindDomain {
		d, err := p.Datum(T{ty.Base, ty.BaseMod}, key, v, old)
		if err == nil && p.CheckDomain != nil {
			err = p.CheckDomain(t.OID, d)
		}
		return d, err
	}
	if v.Kind() == JSONNull {
		// Fields of type json and jsonb, too, take null for SQL's NULL.
		return NullDatum, nil
	}
	if v.Kind() != JSONString {
		switch {
		case ty.IsArray():
			return p.array(ty, t, key, v)
		case ty.Kind == KindComposite:
			return p.Record(t.OID, ty.Fields, v, old)
		}
	}
	if v.binary && t.OID == OIDJsonb {
		return Str(string(v.b)), nil
	}
	return In(ctx, t, v.input(t.OID))
}

// Record converts an object to a record of the type (OIDRecord for an anonymous one) with these fields. old is a record whose values
// the missing keys keep, NULL for none. Anything but an object is 22023.
func (p *JSONPopulator) Record(typ OID, fields []Field, v JSONValue, old Datum) (Datum, error) {
	switch v.Kind() {
	case JSONObject:
	case JSONArray:
		return NullDatum, pgerr.New(pgerr.InvalidParameterValue, "cannot call populate_composite on an array")
	default:
		return NullDatum, pgerr.New(pgerr.InvalidParameterValue, "cannot call populate_composite on a scalar")
	}
	var before Record
	if !old.Null {
		before = ParseRecord(old.S)
	}
	oids := make([]OID, len(fields))
	names := make([]string, len(fields))
	values := make([]Datum, len(fields))
	for i, f := range fields {
		oids[i], names[i] = f.T.OID, f.Name
		was := NullDatum
		if !old.Null && i < before.Len() {
			was = before.Field(i)
		}
		fv, err := v.field(f.Name)
		if err != nil {
			return NullDatum, err
		}
		if !old.Null && !fv.present {
			values[i] = was
			continue
		}
		if values[i], err = p.Datum(f.T, f.Name, fv, was); err != nil {
			return NullDatum, err
		}
	}
	return Str(MakeRecord(p.Ctx, typ, oids, names, values)), nil
}

// jsonArrayReader flattens nested JSON arrays into an SQL array.
type jsonArrayReader struct {
	p     *JSONPopulator
	elem  T
	key   string
	b     *ArrayBuilder
	ndims int   // 0 while unknown: the first element that is no array decides
	sizes []int // of each dimension, -1 while unknown
	at    []int // the position in each open dimension, for hints
}

func (p *JSONPopulator) array(ty *Type, t T, key string, v JSONValue) (Datum, error) {
	r := jsonArrayReader{p: p, elem: T{ty.Elem, t.Mod}, key: key, b: NewArrayBuilder(orDefault(p.Ctx), ty.Elem)}
	if err := r.dim(v, 1); err != nil {
		return NullDatum, err
	}
	if r.b.Len() == 0 {
		return Str(r.b.Finish()), nil
	}
	dims := make([]ArrayDim, r.ndims)
	for i := range dims {
		dims[i] = ArrayDim{r.sizes[i], 1}
	}
	s, err := r.b.FinishDims(dims)
	return Str(s), err
}

// dim reads one array of dimension ndim, from 1.
func (r *jsonArrayReader) dim(v JSONValue, ndim int) error {
	if v.Kind() != JSONArray {
		return r.expected(ndim - 1)
	}
	elems, err := v.elements()
	if err != nil {
		return err
	}
	for len(r.sizes) < ndim {
		r.sizes = append(r.sizes, -1)
	}
	r.at = append(r.at, 0)
	if r.ndims == 0 && (len(elems) == 0 || elems[0].Kind() != JSONArray) {
		r.ndims = ndim
	}
	for i, e := range elems {
		r.at[ndim-1] = i
		if r.ndims == 0 && e.Kind() != JSONArray {
			r.ndims = ndim
		}
		if r.ndims > 0 && ndim >= r.ndims {
			d, err := r.p.Datum(r.elem, "", e, NullDatum)
			if err != nil {
				return err
			}
			r.b.Append(d)
			continue
		}
		if err := r.dim(e, ndim+1); err != nil {
			return err
		}
	}
	r.at = r.at[:ndim-1]
	if r.sizes[ndim-1] < 0 {
		r.sizes[ndim-1] = len(elems)
	} else if r.sizes[ndim-1] != len(elems) {
		return pgerr.New(pgerr.InvalidTextRepresentation, "malformed JSON array").
			WithDetail("Multidimensional arrays must have sub-arrays with matching dimensions.")
	}
	return nil
}

// expected is the error of something that is no array on a level where arrays must be.
func (r *jsonArrayReader) expected(level int) error {
	err := pgerr.New(pgerr.InvalidTextRepresentation, "expected JSON array")
	if level <= 0 {
		if r.key != "" {
			err.WithHint("See the value of key \"%s\".", r.key)
		}
		return err
	}
	var at strings.Builder
	for _, i := range r.at[:level] {
		at.WriteString("[" + strconv.Itoa(i) + "]")
	}
	if r.key != "" {
		return err.WithHint("See the array element %s of key \"%s\".", at.String(), r.key)
	}
	return err.WithHint("See the array element %s.", at.String())
}
