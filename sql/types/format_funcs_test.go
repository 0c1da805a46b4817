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
	} {
		refRegister(sig, f)
	}
}
