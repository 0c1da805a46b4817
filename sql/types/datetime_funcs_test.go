package types

func refInterval(ctx *Ctx, iv Interval, err error) (string, error) {
	return refResult(ctx, OIDInterval, Str(iv.Pack()), err)
}

func refInt(ctx *Ctx, oid OID, v int64, err error) (string, error) {
	return refResult(ctx, oid, Int(v), err)
}

func refPart(ctx *Ctx, numeric bool, p Part, err error) (string, error) {
	if err != nil {
		return "", err
	}
	if numeric {
		return refResult(ctx, OIDNumeric, p.Numeric(), nil)
	}
	return refResult(ctx, OIDFloat8, p.Float(), nil)
}

func init() {
	iv := func(d Datum) Interval { return UnpackInterval(d.S) }
	tz := func(d Datum) TimeTZ { return UnpackTimeTZ(d.S) }
	type fn = func(ctx *Ctx, v []Datum) (string, error)
	for sig, f := range map[string]fn{
		"+(timestamp,interval)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := TimestampPlusInterval(v[0].I, iv(v[1]))
			return refInt(ctx, OIDTimestamp, r, err)
		},
		"-(timestamp,interval)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := TimestampMinusInterval(v[0].I, iv(v[1]))
			return refInt(ctx, OIDTimestamp, r, err)
		},
		"+(timestamptz,interval)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := TimestamptzPlusInterval(ctx, v[0].I, iv(v[1]))
			return refInt(ctx, OIDTimestamptz, r, err)
		},
		"-(timestamptz,interval)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := TimestamptzMinusInterval(ctx, v[0].I, iv(v[1]))
			return refInt(ctx, OIDTimestamptz, r, err)
		},
		"-(timestamp,timestamp)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := TimestampDiff(v[0].I, v[1].I)
			return refInterval(ctx, r, err)
		},
		"age(timestamp,timestamp)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := TimestampAge(v[0].I, v[1].I)
			return refInterval(ctx, r, err)
		},
		"age(timestamptz,timestamptz)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := TimestamptzAge(ctx, v[0].I, v[1].I)
			return refInterval(ctx, r, err)
		},
		"+(date,int)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := DatePlusDays(v[0].I, v[1].I)
			return refInt(ctx, OIDDate, r, err)
		},
		"-(date,date)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := DateDiff(v[0].I, v[1].I)
			return refInt(ctx, OIDInt4, r, err)
		},
		"+(date,time)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := DatePlusTime(v[0].I, v[1].I)
			return refInt(ctx, OIDTimestamp, r, err)
		},
		"+(date,timetz)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := DatePlusTimeTZ(v[0].I, tz(v[1]))
			return refInt(ctx, OIDTimestamptz, r, err)
		},
		"+(date,interval)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := DatePlusInterval(v[0].I, iv(v[1]))
			return refInt(ctx, OIDTimestamp, r, err)
		},
		"+(time,interval)": func(ctx *Ctx, v []Datum) (string, error) {
			return refInt(ctx, OIDTime, TimePlusInterval(v[0].I, iv(v[1])), nil)
		},
		"-(time,interval)": func(ctx *Ctx, v []Datum) (string, error) {
			return refInt(ctx, OIDTime, TimeMinusInterval(v[0].I, iv(v[1])), nil)
		},
		"-(time,time)": func(ctx *Ctx, v []Datum) (string, error) {
			return refInterval(ctx, TimeDiff(v[0].I, v[1].I), nil)
		},
		"+(timetz,interval)": func(ctx *Ctx, v []Datum) (string, error) {
			return refResult(ctx, OIDTimetz, Str(tz(v[0]).PlusInterval(iv(v[1])).Pack()), nil)
		},
		"*(interval,float8)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := iv(v[0]).Mul(v[1].Float())
			return refInterval(ctx, r, err)
		},
		"/(interval,float8)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := iv(v[0]).Div(v[1].Float())
			return refInterval(ctx, r, err)
		},
		"+(interval,interval)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := iv(v[0]).Add(iv(v[1]))
			return refInterval(ctx, r, err)
		},
		"-(interval,interval)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := iv(v[0]).Sub(iv(v[1]))
			return refInterval(ctx, r, err)
		},
		"-(interval)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := iv(v[0]).Neg()
			return refInterval(ctx, r, err)
		},
		"justify_hours(interval)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := iv(v[0]).JustifyHours()
			return refInterval(ctx, r, err)
		},
		"justify_days(interval)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := iv(v[0]).JustifyDays()
			return refInterval(ctx, r, err)
		},
		"justify_interval(interval)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := iv(v[0]).JustifyInterval()
			return refInterval(ctx, r, err)
		},
		"date_trunc(text,timestamp)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := TimestampTrunc(v[0].S, v[1].I)
			return refInt(ctx, OIDTimestamp, r, err)
		},
		"date_trunc(text,timestamptz)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := TimestamptzTrunc(ctx, v[0].S, v[1].I)
			return refInt(ctx, OIDTimestamptz, r, err)
		},
		"date_trunc(text,timestamptz,text)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := TimestamptzTruncZone(v[0].S, v[1].I, v[2].S)
			return refInt(ctx, OIDTimestamptz, r, err)
		},
		"date_trunc(text,interval)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := iv(v[1]).Trunc(v[0].S)
			return refInterval(ctx, r, err)
		},
		"date_bin(interval,timestamp,timestamp)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := DateBin(iv(v[0]), v[1].I, v[2].I)
			return refInt(ctx, OIDTimestamp, r, err)
		},
		"timezone(text,timestamp)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := TimestampAtZone(v[0].S, v[1].I)
			return refInt(ctx, OIDTimestamptz, r, err)
		},
		"timezone(text,timestamptz)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := TimestamptzAtZone(v[0].S, v[1].I)
			return refInt(ctx, OIDTimestamp, r, err)
		},
		"timezone(interval,timestamptz)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := TimestamptzAtOffset(iv(v[0]), v[1].I)
			return refInt(ctx, OIDTimestamp, r, err)
		},
		"timezone(interval,timetz)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := tz(v[1]).AtOffset(iv(v[0]))
			return refResult(ctx, OIDTimetz, Str(r.Pack()), err)
		},
		"timezone(text,timetz)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := tz(v[1]).AtZone(ctx, v[0].S)
			return refResult(ctx, OIDTimetz, Str(r.Pack()), err)
		},
		"make_date(int,int,int)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := MakeDate(int(v[0].I), int(v[1].I), int(v[2].I))
			return refInt(ctx, OIDDate, r, err)
		},
		"make_time(int,int,float8)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := MakeTime(int(v[0].I), int(v[1].I), v[2].Float())
			return refInt(ctx, OIDTime, r, err)
		},
		"make_timestamp(int,int,int,int,int,float8)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := MakeTimestamp(int(v[0].I), int(v[1].I), int(v[2].I), int(v[3].I), int(v[4].I), v[5].Float())
			return refInt(ctx, OIDTimestamp, r, err)
		},
		"make_timestamptz(int,int,int,int,int,float8)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := MakeTimestamptz(ctx, int(v[0].I), int(v[1].I), int(v[2].I), int(v[3].I), int(v[4].I), v[5].Float())
			return refInt(ctx, OIDTimestamptz, r, err)
		},
		"make_timestamptz(int,int,int,int,int,float8,text)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := MakeTimestamptzZone(int(v[0].I), int(v[1].I), int(v[2].I), int(v[3].I), int(v[4].I), v[5].Float(), v[6].S)
			return refInt(ctx, OIDTimestamptz, r, err)
		},
		"make_interval(int,int,int,int,int,int,float8)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := MakeInterval(int32(v[0].I), int32(v[1].I), int32(v[2].I), int32(v[3].I), int32(v[4].I), int32(v[5].I), v[6].Float())
			return refInterval(ctx, r, err)
		},
		"to_timestamp(float8)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := TimestamptzFromUnix(v[0].Float())
			return refInt(ctx, OIDTimestamptz, r, err)
		},
		"overlaps(date,date,date,date)": func(ctx *Ctx, v []Datum) (string, error) {
			r := Overlaps(compareFixed, v[0], v[1], v[2], v[3])
			return refResult(ctx, OIDBool, r, nil)
		},
		"<(date,timestamp)": func(ctx *Ctx, v []Datum) (string, error) {
			return refBool(CompareDateTimestamp(v[0].I, v[1].I) < 0), nil
		},
		"<(date,timestamptz)": func(ctx *Ctx, v []Datum) (string, error) {
			return refBool(CompareDateTimestamptz(ctx, v[0].I, v[1].I) < 0), nil
		},
		"=(timestamp,timestamptz)": func(ctx *Ctx, v []Datum) (string, error) {
			return refBool(CompareTimestampTimestamptz(ctx, v[0].I, v[1].I) == 0), nil
		},
		"timestamptz(timestamp)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := TimestampToTimestamptz(ctx, v[0].I)
			return refInt(ctx, OIDTimestamptz, r, err)
		},
		"timestamp(timestamptz)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := TimestamptzToTimestamp(ctx, v[0].I)
			return refInt(ctx, OIDTimestamp, r, err)
		},
		"timestamptz(date)": func(ctx *Ctx, v []Datum) (string, error) {
			r, err := DateToTimestamptz(ctx, v[0].I)
			return refInt(ctx, OIDTimestamptz, r, err)
		},
		"date(timestamptz)": func(ctx *Ctx, v []Datum) (string, error) {
			return refInt(ctx, OIDDate, TimestamptzToDate(ctx, v[0].I), nil)
		},
		"date(timestamp)": func(ctx *Ctx, v []Datum) (string, error) {
			return refInt(ctx, OIDDate, TimestampToDate(v[0].I), nil)
		},
		"timetz(timestamptz)": func(ctx *Ctx, v []Datum) (string, error) {
			r, ok := TimestamptzToTimeTZ(ctx, v[0].I)
			return refResult(ctx, OIDTimetz, Datum{S: r.Pack(), Null: !ok}, nil)
		},
		"time(interval)": func(ctx *Ctx, v []Datum) (string, error) {
			return refInt(ctx, OIDTime, IntervalToTime(iv(v[0])), nil)
		},
	} {
		refRegister(sig, f)
	}
	for _, numeric := range []bool{true, false} {
		name := map[bool]string{true: "extract", false: "date_part"}[numeric]
		refRegister(name+"(text,timestamp)", func(ctx *Ctx, v []Datum) (string, error) {
			p, err := TimestampPart(v[0].S, v[1].I)
			return refPart(ctx, numeric, p, err)
		})
		refRegister(name+"(text,timestamptz)", func(ctx *Ctx, v []Datum) (string, error) {
			p, err := TimestamptzPart(ctx, v[0].S, v[1].I)
			return refPart(ctx, numeric, p, err)
		})
		refRegister(name+"(text,date)", func(ctx *Ctx, v []Datum) (string, error) {
			p, err := DatePart(v[0].S, v[1].I)
			return refPart(ctx, numeric, p, err)
		})
		refRegister(name+"(text,time)", func(ctx *Ctx, v []Datum) (string, error) {
			p, err := TimePart(v[0].S, v[1].I)
			return refPart(ctx, numeric, p, err)
		})
		refRegister(name+"(text,timetz)", func(ctx *Ctx, v []Datum) (string, error) {
			p, err := tz(v[1]).Part(v[0].S)
			return refPart(ctx, numeric, p, err)
		})
		refRegister(name+"(text,interval)", func(ctx *Ctx, v []Datum) (string, error) {
			p, err := iv(v[1]).Part(v[0].S)
			return refPart(ctx, numeric, p, err)
		})
	}
}
