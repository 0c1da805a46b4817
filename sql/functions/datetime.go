package functions

import (
	"kimberlite/sql/types"
)

// Date and time functions and operators (9.9): thin bindings of the arithmetic in package types.

func dt(src string, fn func(io *types.Ctx, a []types.Datum) (types.Datum, error)) {
	scalar(src, func(c *Call, a []types.Datum) (types.Datum, error) { return fn(c.Env.IO, a) })
}

func intOf(v int64, err error) (types.Datum, error) { return types.Int(v), err }

func ivOf(iv types.Interval, err error) (types.Datum, error) { return types.Str(iv.Pack()), err }

func iv(d types.Datum) types.Interval { return types.UnpackInterval(d.S) }

// maybe turns an ok flag into NULL.
func maybe(v int64, ok bool) (types.Datum, error) { return types.Datum{I: v, Null: !ok}, nil }

func init() {
	registerDateCasts()
	registerDateArith()
	registerDateParts()
	registerDateMake()
	registerZones()
	registerToChar()
	registerTimeFrames()
}

func registerDateCasts() {
	dt("date_timestamp", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) { return intOf(types.DateToTimestamp(a[0].I)) })
	dt("date_timestamptz", func(io *types.Ctx, a []types.Datum) (types.Datum, error) {
		return intOf(types.DateToTimestamptz(io, a[0].I))
	})
	dt("timestamp_date", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return types.Int(types.TimestampToDate(a[0].I)), nil
	})
	dt("timestamptz_date", func(io *types.Ctx, a []types.Datum) (types.Datum, error) {
		return types.Int(types.TimestamptzToDate(io, a[0].I)), nil
	})
	dt("timestamp_timestamptz", func(io *types.Ctx, a []types.Datum) (types.Datum, error) {
		return intOf(types.TimestampToTimestamptz(io, a[0].I))
	})
	dt("timestamptz_timestamp", func(io *types.Ctx, a []types.Datum) (types.Datum, error) {
		return intOf(types.TimestamptzToTimestamp(io, a[0].I))
	})
	dt("timestamp_time", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) { return maybe(types.TimestampToTime(a[0].I)) })
	dt("timestamptz_time", func(io *types.Ctx, a []types.Datum) (types.Datum, error) {
		return maybe(types.TimestamptzToTime(io, a[0].I))
	})
	dt("timestamptz_timetz", func(io *types.Ctx, a []types.Datum) (types.Datum, error) {
		t, ok := types.TimestamptzToTimeTZ(io, a[0].I)
		return types.Datum{S: t.Pack(), Null: !ok}, nil
	})
	dt("time_timetz", func(io *types.Ctx, a []types.Datum) (types.Datum, error) {
		return types.Str(types.TimeToTimeTZ(io, a[0].I).Pack()), nil
	})
	dt("timetz_time", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return types.Int(types.UnpackTimeTZ(a[0].S).Micros), nil
	})
	dt("time_interval", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return ivOf(types.Interval{Micros: a[0].I}, nil)
	})
	dt("interval_time", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return types.Int(types.IntervalToTime(iv(a[0]))), nil
	})
	for src, t := range map[string]types.OID{"timestamp_scale": types.OIDTimestamp, "timestamptz_scale": types.OIDTimestamptz, "time_scale": types.OIDTime,
		"timetz_scale": types.OIDTimetz, "interval_scale": types.OIDInterval} {
		t := t
		dt(src, func(io *types.Ctx, a []types.Datum) (types.Datum, error) {
			return types.ApplyMod(io, types.T{OID: t, Mod: int32(a[1].I)}, a[0], true)
		})
	}
}

func registerDateArith() {
	dt("date_pli", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return intOf(types.DatePlusDays(a[0].I, a[1].I))
	})
	dt("date_mii", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return intOf(types.DatePlusDays(a[0].I, -a[1].I))
	})
	dt("date_mi", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) { return intOf(types.DateDiff(a[0].I, a[1].I)) })
	dt("date_pl_interval", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return intOf(types.DatePlusInterval(a[0].I, iv(a[1])))
	})
	dt("date_mi_interval", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return intOf(types.DateMinusInterval(a[0].I, iv(a[1])))
	})
	dt("datetime_timestamp", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return intOf(types.DatePlusTime(a[0].I, a[1].I))
	})
	dt("datetimetz_timestamptz", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return intOf(types.DatePlusTimeTZ(a[0].I, types.UnpackTimeTZ(a[1].S)))
	})
	dt("timestamp_mi", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return ivOf(types.TimestampDiff(a[0].I, a[1].I))
	})
	dt("timestamp_pl_interval", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return intOf(types.TimestampPlusInterval(a[0].I, iv(a[1])))
	})
	dt("timestamp_mi_interval", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return intOf(types.TimestampMinusInterval(a[0].I, iv(a[1])))
	})
	dt("timestamptz_pl_interval", func(io *types.Ctx, a []types.Datum) (types.Datum, error) {
		return intOf(types.TimestamptzPlusInterval(io, a[0].I, iv(a[1])))
	})
	dt("timestamptz_mi_interval", func(io *types.Ctx, a []types.Datum) (types.Datum, error) {
		return intOf(types.TimestamptzMinusInterval(io, a[0].I, iv(a[1])))
	})
	dt("time_pl_interval", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return types.Int(types.TimePlusInterval(a[0].I, iv(a[1]))), nil
	})
	dt("time_mi_interval", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return types.Int(types.TimeMinusInterval(a[0].I, iv(a[1]))), nil
	})
	dt("time_mi_time", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return ivOf(types.TimeDiff(a[0].I, a[1].I), nil)
	})
	dt("timetz_pl_interval", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return types.Str(types.UnpackTimeTZ(a[0].S).PlusInterval(iv(a[1])).Pack()), nil
	})
	dt("timetz_mi_interval", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return types.Str(types.UnpackTimeTZ(a[0].S).MinusInterval(iv(a[1])).Pack()), nil
	})
	dt("interval_pl", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) { return ivOf(iv(a[0]).Add(iv(a[1]))) })
	dt("interval_mi", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) { return ivOf(iv(a[0]).Sub(iv(a[1]))) })
	dt("interval_um", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) { return ivOf(iv(a[0]).Neg()) })
	dt("interval_mul", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) { return ivOf(iv(a[0]).Mul(a[1].Float())) })
	dt("mul_d_interval", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) { return ivOf(iv(a[1]).Mul(a[0].Float())) })
	dt("interval_div", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		if a[1].Float() == 0 {
			return types.Datum{}, errDivisionByZero
		}
		return ivOf(iv(a[0]).Div(a[1].Float()))
	})
	dt("interval_justify_hours", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) { return ivOf(iv(a[0]).JustifyHours()) })
	dt("interval_justify_days", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) { return ivOf(iv(a[0]).JustifyDays()) })
	dt("interval_justify_interval", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) { return ivOf(iv(a[0]).JustifyInterval()) })
	dt("timestamp_age", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return ivOf(types.TimestampAge(a[0].I, a[1].I))
	})
	dt("timestamptz_age", func(io *types.Ctx, a []types.Datum) (types.Datum, error) {
		return ivOf(types.TimestamptzAge(io, a[0].I, a[1].I))
	})
	scalarOID(1386, func(c *Call, a []types.Datum) (types.Datum, error) { // age(timestamptz): from midnight today
		day := types.TimestamptzToDate(c.Env.IO, c.Env.IO.Now)
		today, err := types.DateToTimestamptz(c.Env.IO, day)
		if err != nil {
			return types.Datum{}, err
		}
		return ivOf(types.TimestamptzAge(c.Env.IO, today, a[0].I))
	})
	scalarOID(2059, func(c *Call, a []types.Datum) (types.Datum, error) { // age(timestamp)
		return ivOf(types.TimestampAge(types.TodayTimestamp(c.Env.IO), a[0].I))
	})
	finite := func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return types.Bool(types.TimestampIsFinite(a[0].I)), nil
	}
	dt("timestamp_finite", finite)
	dt("date_finite", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return types.Bool(types.DateIsFinite(a[0].I)), nil
	})
	dt("interval_finite", func(_ *types.Ctx, _ []types.Datum) (types.Datum, error) { return types.Bool(true), nil })
	dt("timestamp_bin", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return intOf(types.DateBin(iv(a[0]), a[1].I, a[2].I))
	})
	dt("timestamptz_bin", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return intOf(types.DateBin(iv(a[0]), a[1].I, a[2].I))
	})
	for src, t := range map[string]types.OID{"overlaps_timestamp": types.OIDTimestamp, "overlaps_time": types.OIDTime, "overlaps_timetz": types.OIDTimetz} {
		t := t
		dt(src, func(io *types.Ctx, a []types.Datum) (types.Datum, error) {
			return types.Overlaps(types.Comparator(io, t), a[0], a[1], a[2], a[3]), nil
		})
	}
}

// part registers date_part (float8) and extract (numeric) over one way to take a field.
func part(suffix string, f func(io *types.Ctx, unit string, d types.Datum) (types.Part, error)) {
	dt(suffix+"_part", func(io *types.Ctx, a []types.Datum) (types.Datum, error) {
		p, err := f(io, a[0].S, a[1])
		if err != nil {
			return types.Datum{}, err
		}
		return p.Float(), nil
	})
	dt("extract_"+suffix, func(io *types.Ctx, a []types.Datum) (types.Datum, error) {
		p, err := f(io, a[0].S, a[1])
		if err != nil {
			return types.Datum{}, err
		}
		return p.Numeric(), nil
	})
}

func registerDateParts() {
	part("timestamp", func(_ *types.Ctx, u string, d types.Datum) (types.Part, error) { return types.TimestampPart(u, d.I) })
	part("timestamptz", func(io *types.Ctx, u string, d types.Datum) (types.Part, error) {
		return types.TimestamptzPart(io, u, d.I)
	})
	part("date", func(_ *types.Ctx, u string, d types.Datum) (types.Part, error) { return types.DatePart(u, d.I) })
	part("time", func(_ *types.Ctx, u string, d types.Datum) (types.Part, error) { return types.TimePart(u, d.I) })
	part("timetz", func(_ *types.Ctx, u string, d types.Datum) (types.Part, error) {
		return types.UnpackTimeTZ(d.S).Part(u)
	})
	part("interval", func(_ *types.Ctx, u string, d types.Datum) (types.Part, error) { return iv(d).Part(u) })
	scalarOID(1384, func(c *Call, a []types.Datum) (types.Datum, error) { // date_part(text, date), defined in SQL over timestamp
		ts, err := types.DateToTimestamp(a[1].I)
		if err != nil {
			return types.Datum{}, err
		}
		p, err := types.TimestampPart(a[0].S, ts)
		if err != nil {
			return types.Datum{}, err
		}
		return p.Float(), nil
	})
	dt("timestamp_trunc", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return intOf(types.TimestampTrunc(a[0].S, a[1].I))
	})
	dt("timestamptz_trunc", func(io *types.Ctx, a []types.Datum) (types.Datum, error) {
		return intOf(types.TimestamptzTrunc(io, a[0].S, a[1].I))
	})
	dt("timestamptz_trunc_zone", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return intOf(types.TimestamptzTruncZone(a[0].S, a[1].I, a[2].S))
	})
	dt("interval_trunc", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) { return ivOf(iv(a[1]).Trunc(a[0].S)) })
}

func registerDateMake() {
	dt("make_date", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return intOf(types.MakeDate(int(a[0].I), int(a[1].I), int(a[2].I)))
	})
	dt("make_time", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return intOf(types.MakeTime(int(a[0].I), int(a[1].I), a[2].Float()))
	})
	dt("make_timestamp", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return intOf(types.MakeTimestamp(int(a[0].I), int(a[1].I), int(a[2].I), int(a[3].I), int(a[4].I), a[5].Float()))
	})
	dt("make_timestamptz", func(io *types.Ctx, a []types.Datum) (types.Datum, error) {
		return intOf(types.MakeTimestamptz(io, int(a[0].I), int(a[1].I), int(a[2].I), int(a[3].I), int(a[4].I), a[5].Float()))
	})
	dt("make_timestamptz_at_timezone", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return intOf(types.MakeTimestamptzZone(int(a[0].I), int(a[1].I), int(a[2].I), int(a[3].I), int(a[4].I), a[5].Float(), a[6].S))
	})
	dt("make_interval", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return ivOf(types.MakeInterval(int32(a[0].I), int32(a[1].I), int32(a[2].I), int32(a[3].I), int32(a[4].I), int32(a[5].I), a[6].Float()))
	})
	dt("float8_timestamptz", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return intOf(types.TimestamptzFromUnix(a[0].Float()))
	})
}

func registerZones() {
	dt("timestamp_zone", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return intOf(types.TimestampAtZone(a[0].S, a[1].I))
	})
	dt("timestamptz_zone", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return intOf(types.TimestamptzAtZone(a[0].S, a[1].I))
	})
	dt("timestamp_izone", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return intOf(types.TimestampAtOffset(iv(a[0]), a[1].I))
	})
	dt("timestamptz_izone", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return intOf(types.TimestamptzAtOffset(iv(a[0]), a[1].I))
	})
	dt("timetz_zone", func(io *types.Ctx, a []types.Datum) (types.Datum, error) {
		t, err := types.UnpackTimeTZ(a[1].S).AtZone(io, a[0].S)
		return types.Str(t.Pack()), err
	})
	dt("timetz_izone", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		t, err := types.UnpackTimeTZ(a[1].S).AtOffset(iv(a[0]))
		return types.Str(t.Pack()), err
	})
}

func registerToChar() {
	text := func(s string, ok bool, err error) (types.Datum, error) {
		return types.Datum{S: s, Null: !ok && err == nil}, err
	}
	dt("timestamp_to_char", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return text(types.FormatTimestamp(a[0].I, a[1].S))
	})
	dt("timestamptz_to_char", func(io *types.Ctx, a []types.Datum) (types.Datum, error) {
		return text(types.FormatTimestamptz(io, a[0].I, a[1].S))
	})
	dt("interval_to_char", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return text(types.FormatInterval(iv(a[0]), a[1].S))
	})
	dt("numeric_to_char", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return textOf(types.FormatNumeric(a[0].S, a[1].S))
	})
	dt("int4_to_char", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return textOf(types.FormatInt(a[0].I, 32, a[1].S))
	})
	dt("int8_to_char", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return textOf(types.FormatInt(a[0].I, 64, a[1].S))
	})
	dt("float4_to_char", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return textOf(types.FormatFloat(a[0].Float(), 32, a[1].S))
	})
	dt("float8_to_char", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return textOf(types.FormatFloat(a[0].Float(), 64, a[1].S))
	})
	dt("numeric_to_number", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return text(types.ParseNumber(a[0].S, a[1].S))
	})
	dt("to_timestamp", func(io *types.Ctx, a []types.Datum) (types.Datum, error) {
		return intOf(types.ParseTimestamptz(io, a[0].S, a[1].S))
	})
	dt("to_date", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		return intOf(types.ParseDate(a[0].S, a[1].S))
	})
}

// registerTimeFrames: in_range for window frames over times with interval offsets.
func registerTimeFrames() {
	frame := func(src string, add func(io *types.Ctx, base int64, step types.Interval) (int64, error)) {
		dt(src, func(io *types.Ctx, a []types.Datum) (types.Datum, error) {
			step := iv(a[2])
			if step.Sign() < 0 {
				return types.Datum{}, errFrameOffset()
			}
			if a[3].IsTrue() {
				var err error
				if step, err = step.Neg(); err != nil {
					return types.Datum{}, err
				}
			}
			bound, err := add(io, a[1].I, step)
			if err != nil {
				return types.Datum{}, err
			}
			if a[4].IsTrue() {
				return types.Bool(a[0].I <= bound), nil
			}
			return types.Bool(a[0].I >= bound), nil
		})
	}
	frame("in_range_timestamp_interval", func(_ *types.Ctx, b int64, s types.Interval) (int64, error) { return types.TimestampPlusInterval(b, s) })
	frame("in_range_timestamptz_interval", func(io *types.Ctx, b int64, s types.Interval) (int64, error) {
		return types.TimestamptzPlusInterval(io, b, s)
	})
	dt("in_range_date_interval", func(_ *types.Ctx, a []types.Datum) (types.Datum, error) {
		step := iv(a[2])
		if step.Sign() < 0 {
			return types.Datum{}, errFrameOffset()
		}
		f := types.DatePlusInterval
		if a[3].IsTrue() {
			f = types.DateMinusInterval
		}
		bound, err := f(a[1].I, step)
		if err != nil {
			return types.Datum{}, err
		}
		val, err := types.DateToTimestamp(a[0].I)
		if err != nil {
			return types.Datum{}, err
		}
		return types.Bool(a[4].IsTrue() && val <= bound || !a[4].IsTrue() && val >= bound), nil
	})
}
