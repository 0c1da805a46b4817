package types

import (
	"cmp"
	"strings"

	"kimberlite/sql/pgerr"
)

// typeName is what .type() says.
func (it jpItem) typeName() string {
	switch it.t {
	case OIDDate:
		return nameDate
	case OIDTime:
		return nameTime
	case OIDTimetz:
		return nameTimeTZ
	case OIDTimestamp:
		return nameTimestamp
	case OIDTimestamptz:
		return nameTimestamptz
	}
	return it.j.Kind().String()
}

// text appends a date or time as JSON shows it; a timestamptz keeps the offset that it came with.
func (it jpItem) text(dst []byte) []byte {
	switch it.t {
	case OIDDate:
		return AppendJSONDate(dst, it.d.I)
	case OIDTime:
		return AppendTime(dst, it.d.I)
	case OIDTimetz:
		t := UnpackTimeTZ(it.d.S)
		return appendXSDOffset(appendClock(dst, t.Micros), -int(t.West))
	case OIDTimestamp:
		return AppendJSONTimestamp(dst, it.d.I)
	}
	east := int(int32(be32(it.d.S)))
	c := civilOf(it.d.I + int64(east)*usecPerSec)
	c.east, c.hasZone = east, true
	return appendXSD(dst, &c)
}

// datetime is .datetime() and .datetime(template).
func (ex *jpExec) datetime(n *jpNode, it jpItem, found *[]jpItem) jpResult {
	if it.kind() != JSONString {
		return ex.fail(pgerr.InvalidArgumentForSqlJsonDatetimeFunction, "jsonpath item method .datetime() can only be applied to a string")
	}
	var v jpItem
	var err error
	if n.left != nil {
		v, err = parseByTemplate(ex.ctx, it.j.Str(), n.left.str)
		if err != nil {
			return ex.failWith(err)
		}
	} else {
		var ok bool
		if v, ok = parseISO(ex.ctx, it.j.Str()); !ok {
			if ex.throw && ex.err == nil {
				ex.err = pgerr.Newf(pgerr.InvalidArgumentForSqlJsonDatetimeFunction, "datetime format is not recognized: \"%s\"", it.j.Str()).
					WithHint("Use a datetime template argument to specify the input data format.")
			}
			return jpError
		}
	}
	if idle(n, found) {
		return jpFound
	}
	return ex.next(n, v, found)
}

// offsetString packs an offset, which a timestamptz item carries beside its instant.
func offsetString(east int) string {
	e := uint32(int32(east))
	return string([]byte{byte(e >> 24), byte(e >> 16), byte(e >> 8), byte(e)})
}

// isoTemplates are the forms that .datetime() without a template reads.
var isoTemplates = func() []string {
	zones := []string{"TZH:TZM", "TZH", ""}
	var times []string
	for _, zone := range zones {
		times = append(times, "HH24:MI:SS.US"+zone, "HH24:MI:SS"+zone)
	}
	out := append([]string{"yyyy-mm-dd"}, times...)
	for _, between := range []string{" ", "\"T\""} {
		for _, t := range times {
			out = append(out, "yyyy-mm-dd"+between+t)
		}
	}
	return out
}()

func parseISO(ctx *Ctx, s string) (jpItem, bool) {
	for _, template := range isoTemplates {
		if it, err := parseByTemplate(ctx, s, template); err == nil {
			return it, true
		}
	}
	return jpItem{}, false
}

// parseByTemplate reads a text by a template; what the template has decides the type.
func parseByTemplate(ctx *Ctx, text, template string) (jpItem, error) {
	format := ParseDateFormat(template)
	if err := format.checkStandard(); err != nil {
		return jpItem{}, err
	}
	hasDate, hasTime, hasZone := false, false, false
	for _, n := range format.nodes {
		if n.kind != fmtAction {
			continue
		}
		switch n.field {
		case fieldTZH, fieldTZM:
			hasZone = true
		case fieldAMDots, fieldAM, fieldFF1, fieldFF2, fieldFF3, fieldFF4, fieldFF5, fieldFF6, fieldHH24, fieldHH12, fieldMI, fieldMS, fieldSSSS,
			fieldSS, fieldUS:
			hasTime = true
		case fieldFX:
		default:
			hasDate = true
		}
	}
	c, in, err := (&fmtReader{text: text, nodes: format.nodes, std: true, fx: true}).parse()
	if err != nil {
		return jpItem{}, err
	}
	if hasZone && hasTime && in.tzSign == 0 {
		return jpItem{}, pgerr.Newf(pgerr.InvalidDatetimeFormat, "missing time zone in input string for type timestamptz")
	}
	bad := pgerr.New(pgerr.DatetimeFieldOverflow, "timestamp out of range")
	switch {
	case hasDate && hasTime && hasZone:
		ts, ok := c.timestampTZ()
		if !ok {
			return jpItem{}, bad
		}
		return jpItem{t: OIDTimestamptz, d: Datum{I: ts, S: offsetString(c.east)}}, nil
	case hasDate && hasTime:
		ts, ok := c.timestamp()
		if !ok {
			return jpItem{}, bad
		}
		return jpItem{t: OIDTimestamp, d: Int(ts)}, nil
	case hasDate && hasZone:
		return jpItem{}, pgerr.New(pgerr.InvalidDatetimeFormat, "datetime format is zoned but not timed")
	case hasDate:
		return jpItem{t: OIDDate, d: Int(civilToDays(c.year, c.mon, c.day))}, nil
	case hasTime && hasZone:
		return jpItem{t: OIDTimetz, d: Str(TimeTZ{c.timeMicros(), int32(-c.east)}.Pack())}, nil
	case hasTime:
		return jpItem{t: OIDTime, d: Int(c.timeMicros())}, nil
	}
	return jpItem{}, pgerr.New(pgerr.InvalidDatetimeFormat, "datetime format is not dated and not timed")
}

// compareTimes orders two dates or times; ok is false for a date and a time. Where a zone is missing on one side the session's is
// taken, if that is allowed.
func (ex *jpExec) compareTimes(a, b jpItem) (c int, ok bool) {
	isTime := func(t OID) bool { return t == OIDTime || t == OIDTimetz }
	if isTime(a.t) != isTime(b.t) {
		return 0, false
	}
	zoned := func(t OID) bool { return t == OIDTimetz || t == OIDTimestamptz }
	if zoned(a.t) != zoned(b.t) && !ex.useTZ {
		from, to := a, b
		if zoned(a.t) {
			from, to = b, a
		}
		ex.throw = true
		if ex.err == nil {
			short := strings.NewReplacer("timestamp with time zone", "timestamptz", "timestamp without time zone", "timestamp",
				"time with time zone", "timetz", "time without time zone", "time")
			ex.err = pgerr.Newf(pgerr.FeatureNotSupported, "cannot convert value from %s to %s without time zone usage",
				short.Replace(from.typeName()), short.Replace(to.typeName())).WithHint("Use *_tz() function for time zone support.")
		}
		return 0, false
	}
	if isTime(a.t) {
		if a.t == OIDTime && b.t == OIDTime {
			return cmp.Compare(a.d.I, b.d.I), true
		}
		zone := func(it jpItem) TimeTZ {
			if it.t == OIDTime {
				return TimeToTimeTZ(ex.ctx, it.d.I)
			}
			return UnpackTimeTZ(it.d.S)
		}
		return CompareTimeTZ(zone(a), zone(b)), true
	}
	switch {
	case a.t == b.t:
		return cmp.Compare(a.d.I, b.d.I), true
	case a.t == OIDDate && b.t == OIDTimestamp:
		return CompareDateTimestamp(a.d.I, b.d.I), true
	case a.t == OIDDate:
		return CompareDateTimestamptz(ex.ctx, a.d.I, b.d.I), true
	case a.t == OIDTimestamp && b.t == OIDTimestamptz:
		return CompareTimestampTimestamptz(ex.ctx, a.d.I, b.d.I), true
	}
	c, ok = ex.compareTimes(b, a)
	return -c, ok
}
