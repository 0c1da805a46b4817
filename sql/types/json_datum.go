package types

import (
	"kimberlite/sql/pgerr"
)

// jsonClass is how a type's values appear in JSON.
type jsonClass uint8

const (
	jsonClassText jsonClass = iota // the text form in quotes
	jsonClassBool
	jsonClassNumber
	jsonClassDate
	jsonClassTimestamp
	jsonClassTimestamptz
	jsonClassJSON
	jsonClassJSONB
	jsonClassArray
	jsonClassRecord
)

func jsonClassOf(ctx *Ctx, t T) jsonClass {
	switch t.OID {
	case OIDBool:
		return jsonClassBool
	case OIDInt2, OIDInt4, OIDInt8, OIDFloat4, OIDFloat8, OIDNumeric:
		return jsonClassNumber
	case OIDDate:
		return jsonClassDate
	case OIDTimestamp:
		return jsonClassTimestamp
	case OIDTimestamptz:
		return jsonClassTimestamptz
	case OIDJson:
		return jsonClassJSON
	case OIDJsonb:
		return jsonClassJSONB
	case OIDRecord, OIDRecordArray:
		if t.OID == OIDRecord {
			return jsonClassRecord
		}
		return jsonClassArray
	case OIDAnyarray:
		return jsonClassArray
	}
	if ty := Lookup(ctx, t.OID); ty != nil {
		if ty.IsArray() {
			return jsonClassArray
		}
		if ty.Kind == KindComposite {
			return jsonClassRecord
		}
	}
	return jsonClassText
}

// AppendJSON appends a value as to_json prints it.
func AppendJSON(dst []byte, ctx *Ctx, t T, d Datum) []byte {
	return appendJSON(dst, orDefault(ctx), t, d, "")
}

// AppendJSONPretty appends an array or record with line feeds between its members (array_to_json and row_to_json with pretty).
func AppendJSONPretty(dst []byte, ctx *Ctx, t T, d Datum) []byte {
	return appendJSON(dst, orDefault(ctx), t, d, "\n ")
}

// appendJSON puts sep after the commas of the outermost level.
func appendJSON(dst []byte, ctx *Ctx, t T, d Datum, sep string) []byte {
	if d.Null {
		return append(dst, "null"...)
	}
	t = baseType(ctx, t)
	switch jsonClassOf(ctx, t) {
	case jsonClassBool:
		if d.I != 0 {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	case jsonClassNumber:
		n := len(dst)
		dst = AppendText(dst, ctx, t, d)
		if text := dst[n:]; !isJSONNumber(string(text)) {
			return AppendJSONString(dst[:n], string(text))
		}
		return dst
	case jsonClassDate:
		return append(AppendJSONDate(append(dst, '"'), d.I), '"')
	case jsonClassTimestamp:
		return append(AppendJSONTimestamp(append(dst, '"'), d.I), '"')
	case jsonClassTimestamptz:
		return append(AppendJSONTimestamptz(append(dst, '"'), ctx, d.I), '"')
	case jsonClassJSON:
		return append(dst, d.S...)
	case jsonClassJSONB:
		return Jsonb(d.S).AppendText(dst)
	case jsonClassArray:
		a := ParseArray(d.S)
		if a.Len() == 0 {
			return append(dst, "[]"...)
		}
		at := 0
		return appendJSONDim(dst, ctx, &a, 0, &at, sep)
	case jsonClassRecord:
		r := ParseRecord(d.S)
		names := r.FieldNames(ctx)
		dst = append(dst, '{')
		for i := range r.Len() {
			if i > 0 {
				dst = append(append(dst, ','), sep...)
			}
			dst = append(AppendJSONString(dst, names[i]), ':')
			dst = appendJSON(dst, ctx, Of(r.FieldType(i)), r.Field(i), "")
		}
		return append(dst, '}')
	}
	return AppendJSONString(dst, Text(ctx, t, d))
}

func appendJSONDim(dst []byte, ctx *Ctx, a *Array, dim int, at *int, sep string) []byte {
	dst = append(dst, '[')
	for i := range a.Dims()[dim].Len {
		if i > 0 {
			dst = append(append(dst, ','), sep...)
		}
		if dim+1 < len(a.Dims()) {
			dst = appendJSONDim(dst, ctx, a, dim+1, at, "")
		} else {
			dst = appendJSON(dst, ctx, Of(a.Type), a.Elem(*at), "")
			*at++
		}
	}
	return append(dst, ']')
}

// isJSONNumber reports whether the text of a number is one in JSON, too: NaN and the infinities are not.
func isJSONNumber(s string) bool {
	l := newJSONLexer(s, false)
	return l.next() == nil && l.tok == jsonNumber && l.start == 0 && l.end == len(s)
}

// ToJsonb returns a value as to_jsonb does.
func ToJsonb(ctx *Ctx, t T, d Datum) (Jsonb, error) {
	var b JsonbBuilder
	if err := b.Datum(ctx, t, d); err != nil {
		return "", err
	}
	return b.Finish(), nil
}

// Datum adds a value of an SQL type, NULL as null.
func (b *JsonbBuilder) Datum(ctx *Ctx, t T, d Datum) error {
	if d.Null {
		b.Null()
		return nil
	}
	ctx = orDefault(ctx)
	t = baseType(ctx, t)
	switch jsonClassOf(ctx, t) {
	case jsonClassBool:
		b.Bool(d.I != 0)
	case jsonClassNumber:
		return b.number(ctx, t, d)
	case jsonClassDate:
		b.String(string(AppendJSONDate(nil, d.I)))
	case jsonClassTimestamp:
		b.String(string(AppendJSONTimestamp(nil, d.I)))
	case jsonClassTimestamptz:
		b.String(string(AppendJSONTimestamptz(nil, ctx, d.I)))
	case jsonClassJSON:
		j, err := ParseJsonb(d.S)
		if err != nil {
			return err
		}
		b.Value(j)
	case jsonClassJSONB:
		b.Value(Jsonb(d.S))
	case jsonClassArray:
		a := ParseArray(d.S)
		if a.Len() == 0 {
			b.Value(JsonbEmptyArray)
			return nil
		}
		at := 0
		return b.arrayDim(ctx, &a, 0, &at)
	case jsonClassRecord:
		r := ParseRecord(d.S)
		names := r.FieldNames(ctx)
		b.BeginObject()
		for i := range r.Len() {
			b.Key(names[i])
			if err := b.Datum(ctx, Of(r.FieldType(i)), r.Field(i)); err != nil {
				return err
			}
		}
		return b.EndObject()
	default:
		b.String(Text(ctx, t, d))
	}
	return nil
}

func (b *JsonbBuilder) number(ctx *Ctx, t T, d Datum) error {
	switch t.OID {
	case OIDInt2, OIDInt4, OIDInt8:
		b.Int(d.I)
		return nil
	case OIDNumeric:
		if !NumericIsNaN(d.S) && !NumericIsInf(d.S) {
			b.Numeric(d.S)
			return nil
		}
	}
	text := Text(ctx, t, d)
	if !isJSONNumber(text) {
		b.String(text)
		return nil
	}
	n, err := ParseNumeric(text)
	b.Numeric(n)
	return err
}

func (b *JsonbBuilder) arrayDim(ctx *Ctx, a *Array, dim int, at *int) error {
	b.BeginArray()
	for range a.Dims()[dim].Len {
		if dim+1 < len(a.Dims()) {
			if err := b.arrayDim(ctx, a, dim+1, at); err != nil {
				return err
			}
			continue
		}
		if err := b.Datum(ctx, Of(a.Type), a.Elem(*at)); err != nil {
			return err
		}
		*at++
	}
	return b.EndArray()
}

// JSONKeyText returns a value as the key of an object, as json_build_object takes them: a text without quotes. It must be scalar (22023).
func JSONKeyText(ctx *Ctx, t T, d Datum) (string, error) {
	ctx = orDefault(ctx)
	t = baseType(ctx, t)
	switch jsonClassOf(ctx, t) {
	case jsonClassArray, jsonClassRecord, jsonClassJSON, jsonClassJSONB:
		return "", pgerr.New(pgerr.InvalidParameterValue, "key value must be scalar, not array, composite, or json")
	case jsonClassBool:
		if d.I != 0 {
			return "true", nil
		}
		return "false", nil
	case jsonClassDate:
		return string(AppendJSONDate(nil, d.I)), nil
	case jsonClassTimestamp:
		return string(AppendJSONTimestamp(nil, d.I)), nil
	case jsonClassTimestamptz:
		return string(AppendJSONTimestamptz(nil, ctx, d.I)), nil
	}
	return Text(ctx, t, d), nil
}

// JSONIsContainer reports whether values of the type become JSON arrays or objects, which json_agg puts on lines of their own.
func JSONIsContainer(ctx *Ctx, t T) bool {
	ctx = orDefault(ctx)
	c := jsonClassOf(ctx, baseType(ctx, t))
	return c == jsonClassArray || c == jsonClassRecord
}
