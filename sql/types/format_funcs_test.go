package types

func init() {
	type fn = func(ctx *Ctx, v []Datum) (string, error)
	text := func(s string, ok bool, err error) (string, error) {
		if err == nil && !ok {
			return `\N`, nil
		}
		return s, err
	}
	for sig, f := range map[string]fn{
		"to_char(timestamp,text)": func(_ *Ctx, v []Datum) (string, error) { return text(FormatTimestamp(v[0].I, v[1].S)) },
		"to_char(timestamptz,text)": func(ctx *Ctx, v []Datum) (string, error) {
			return text(FormatTimestamptz(ctx, v[0].I, v[1].S))
		},
		"to_char(interval,text)": func(_ *Ctx, v []Datum) (string, error) { return text(FormatInterval(UnpackInterval(v[0].S), v[1].S)) },
		"to_timestamp(text,text)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := ParseTimestamptz(ctx, v[0].S, v[1].S)
			return refInt(ctx, OIDTimestamptz, r, err)
		},
		"to_date(text,text)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := ParseDate(v[0].S, v[1].S)
			return refInt(ctx, OIDDate, r, err)
		},
		"to_char(numeric,text)": func(_ *Ctx, v []Datum) (string, error) { return FormatNumeric(v[0].S, v[1].S) },
		"to_char(int,text)":     func(_ *Ctx, v []Datum) (string, error) { return FormatInt(v[0].I, 32, v[1].S) },
		"to_char(bigint,text)":  func(_ *Ctx, v []Datum) (string, error) { return FormatInt(v[0].I, 64, v[1].S) },
		"to_char(float8,text)":  func(_ *Ctx, v []Datum) (string, error) { return FormatFloat(v[0].Float(), 64, v[1].S) },
		"to_char(float4,text)":  func(_ *Ctx, v []Datum) (string, error) { return FormatFloat(v[0].Float(), 32, v[1].S) },
		"to_number(text,text)": func(_ *Ctx, v []Datum) (string, error) {
			s, ok, err := ParseNumber(v[0].S, v[1].S)
			if err != nil || !ok {
				return text("", ok, err)
			}
			return NumericString(s), nil
		},
	} {
		refRegister(sig, f)
	}
}
