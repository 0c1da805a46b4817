package types

import "strconv"

func refJsonb(_ *Ctx, j Jsonb, ok bool, err error) (string, error) {
	if err != nil {
		return "", err
	}
	if !ok {
		return `\N`, nil
	}
	return j.String(), nil
}

func refTexts(d Datum) (out []string) {
	a := ParseArray(d.S)
	for _, e := range a.Elems() {
		out = append(out, e.S)
	}
	return out
}

func refPath(d Datum) (out []PathStep) {
	a := ParseArray(d.S)
	for _, e := range a.Elems() {
		out = append(out, PathStep{e.S, e.Null})
	}
	return out
}

func init() {
	refTypes["text[]"] = OIDTextArray
	jb := func(d Datum) Jsonb { return Jsonb(d.S) }
	boolean := func(b bool) (string, error) { return refBool(b), nil }
	type fn = func(ctx *Ctx, v []Datum) (string, error)
	text := func(s string, ok bool, err error) (string, error) {
		if err == nil && !ok {
			return `\N`, nil
		}
		return s, err
	}
	for sig, f := range map[string]fn{
		"->(jsonb,text)": func(ctx *Ctx, v []Datum) (string, error) {
			r, ok := jb(v[0]).Field(v[1].S)
			return refJsonb(ctx, r, ok, nil)
		},
		"->(jsonb,int)": func(ctx *Ctx, v []Datum) (string, error) {
			r, ok := jb(v[0]).Index(int(v[1].I))
			return refJsonb(ctx, r, ok, nil)
		},
		"->>(jsonb,text)": func(ctx *Ctx, v []Datum) (string, error) {
			r, ok := jb(v[0]).Field(v[1].S)
			if !ok {
				return `\N`, nil
			}
			s, ok := r.Text()
			return text(s, ok, nil)
		},
		"#>(jsonb,text[])": func(ctx *Ctx, v []Datum) (string, error) {
			r, ok := jb(v[0]).Path(refTexts(v[1]))
			return refJsonb(ctx, r, ok, nil)
		},
		"->(json,text)": func(ctx *Ctx, v []Datum) (string, error) {
			m, ok, err := JSONGetField(v[0].S, v[1].S)
			return text(m.Text, ok, err)
		},
		"->>(json,text)": func(ctx *Ctx, v []Datum) (string, error) {
			m, ok, err := JSONGetField(v[0].S, v[1].S)
			if ok {
				var s string
				s, ok = m.Value()
				return text(s, ok, err)
			}
			return text("", ok, err)
		},
		"->(json,int)": func(ctx *Ctx, v []Datum) (string, error) {
			m, ok, err := JSONGetElement(v[0].S, int(v[1].I))
			return text(m.Text, ok, err)
		},
		"#>(json,text[])": func(ctx *Ctx, v []Datum) (string, error) {
			m, ok, err := JSONGetPath(v[0].S, refTexts(v[1]))
			return text(m.Text, ok, err)
		},
		"json_typeof(json)": func(ctx *Ctx, v []Datum) (string, error) { return JSONTypeof(v[0].S).String(), nil },
		"json_array_length(json)": func(ctx *Ctx, v []Datum) (string, error) {
			n, err := JSONArrayLength(v[0].S)
			return strconv.Itoa(n), err
		},
		"json_strip_nulls(json)": func(ctx *Ctx, v []Datum) (string, error) { return JSONStripNulls(v[0].S) },
		"jsonb_typeof(jsonb)":    func(ctx *Ctx, v []Datum) (string, error) { return jb(v[0]).Kind().String(), nil },
		"jsonb_pretty(jsonb)":    func(ctx *Ctx, v []Datum) (string, error) { return string(jb(v[0]).AppendPretty(nil)), nil },
		"jsonb_strip_nulls(jsonb)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := jb(v[0]).StripNulls()
			return refJsonb(ctx, r, true, err)
		},
		"@>(jsonb,jsonb)":  func(ctx *Ctx, v []Datum) (string, error) { return boolean(jb(v[0]).Contains(jb(v[1]))) },
		"?(jsonb,text)":    func(ctx *Ctx, v []Datum) (string, error) { return boolean(jb(v[0]).Exists(v[1].S)) },
		"?|(jsonb,text[])": func(ctx *Ctx, v []Datum) (string, error) { return boolean(jb(v[0]).ExistsAny(refTexts(v[1]))) },
		"?&(jsonb,text[])": func(ctx *Ctx, v []Datum) (string, error) { return boolean(jb(v[0]).ExistsAll(refTexts(v[1]))) },
		"jsonb_cmp(jsonb,jsonb)": func(ctx *Ctx, v []Datum) (string, error) {
			return strconv.Itoa(CompareJsonb(jb(v[0]), jb(v[1]))), nil
		},
		"||(jsonb,jsonb)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := jb(v[0]).Concat(jb(v[1]))
			return refJsonb(ctx, r, true, err)
		},
		"-(jsonb,text)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := jb(v[0]).DeleteKeys(v[1].S)
			return refJsonb(ctx, r, true, err)
		},
		"-(jsonb,text[])": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := jb(v[0]).DeleteKeys(refTexts(v[1])...)
			return refJsonb(ctx, r, true, err)
		},
		"-(jsonb,int)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := jb(v[0]).DeleteIndex(int(v[1].I))
			return refJsonb(ctx, r, true, err)
		},
		"#-(jsonb,text[])": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := jb(v[0]).DeletePath(refPath(v[1]))
			return refJsonb(ctx, r, true, err)
		},
		"jsonb_set(jsonb,text[],jsonb,bool)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := jb(v[0]).Set(refPath(v[1]), jb(v[2]), v[3].IsTrue())
			return refJsonb(ctx, r, true, err)
		},
		"jsonb_insert(jsonb,text[],jsonb,bool)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := jb(v[0]).Insert(refPath(v[1]), jb(v[2]), v[3].IsTrue())
			return refJsonb(ctx, r, true, err)
		},
	} {
		refRegister(sig, f)
	}
	for name, oid := range map[string]OID{"date": OIDDate, "timestamp": OIDTimestamp, "timestamptz": OIDTimestamptz, "float8": OIDFloat8,
		"numeric": OIDNumeric, "text": OIDText, "text[]": OIDTextArray, "bool": OIDBool, "interval": OIDInterval, "jsonb": OIDJsonb, "json": OIDJson,
		"time": OIDTime} {
		refRegister("to_json("+name+")", func(ctx *Ctx, v []Datum) (string, error) {
			return string(AppendJSON(nil, ctx, Of(oid), v[0])), nil
		})
		refRegister("to_jsonb("+name+")", func(ctx *Ctx, v []Datum) (string, error) {
			r, err := ToJsonb(ctx, Of(oid), v[0])
			return refJsonb(ctx, r, true, err)
		})
	}
}
