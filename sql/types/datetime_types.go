package types

import (
	"cmp"
	"encoding/binary"

	"kimberlite/sql/pgerr"
)

func init() {
	register(ops{in: dateIn, out: func(ctx *Ctx, _ T, d Datum, dst []byte) []byte { return AppendDate(dst, ctx, d.I) },
		recv: dateRecv, send: func(_ *Ctx, _ T, d Datum, dst []byte) []byte {
			return binary.BigEndian.AppendUint32(dst, uint32(int32(d.I)))
		}}, OIDDate)
	register(ops{in: timeIn, out: func(_ *Ctx, _ T, d Datum, dst []byte) []byte { return appendClock(dst, d.I) },
		recv: timeRecv, send: sendMicros, mod: timeModify}, OIDTime)
	register(ops{in: timestampIn, out: func(ctx *Ctx, _ T, d Datum, dst []byte) []byte { return AppendTimestamp(dst, ctx, d.I) },
		recv: timestampRecv, send: sendMicros, mod: timestampModify}, OIDTimestamp)
	register(ops{in: timestamptzIn, out: func(ctx *Ctx, _ T, d Datum, dst []byte) []byte { return AppendTimestamptz(dst, ctx, d.I) },
		recv: timestampRecv, send: sendMicros, mod: timestampModify}, OIDTimestamptz)
	register(ops{in: timetzIn, out: func(_ *Ctx, _ T, d Datum, dst []byte) []byte { return AppendTimeTZ(dst, UnpackTimeTZ(d.S)) },
		recv: timetzRecv, send: func(_ *Ctx, _ T, d Datum, dst []byte) []byte { return append(dst, d.S...) },
		cmp: timetzCompare, hash: timetzHash, key: timetzKey, unkey: timetzUnkey, mod: timetzModify}, OIDTimetz)
}

// TimeTZ is a time of day with an offset. West is seconds west of UTC, PostgreSQL's sign.
type TimeTZ struct {
	Micros int64
	West   int32
}

// Pack returns the packed form: microseconds and seconds west, big-endian, which is the binary form too.
func (t TimeTZ) Pack() string {
	var b [12]byte
	binary.BigEndian.PutUint64(b[:], uint64(t.Micros))
	binary.BigEndian.PutUint32(b[8:], uint32(t.West))
	return string(b[:])
}

// UnpackTimeTZ reads the packed form.
func UnpackTimeTZ(s string) TimeTZ {
	if len(s) != 12 {
		return TimeTZ{}
	}
	return TimeTZ{Micros: int64(be64(s)), West: int32(be32(s[8:]))}
}

// Instant returns the moment in microseconds after midnight UTC, by which timetz values order (then by zone).
func (t TimeTZ) Instant() int64 { return t.Micros + int64(t.West)*usecPerSec }

// CompareTimeTZ is the btree order of timetz.
func CompareTimeTZ(a, b TimeTZ) int {
	if c := cmp.Compare(a.Instant(), b.Instant()); c != 0 {
		return c
	}
	return cmp.Compare(a.West, b.West)
}

func be32(s string) uint32 {
	return uint32(s[0])<<24 | uint32(s[1])<<16 | uint32(s[2])<<8 | uint32(s[3])
}

func be64(s string) uint64 { return uint64(be32(s))<<32 | uint64(be32(s[4:])) }

func timetzCompare(a, b Datum) int { return CompareTimeTZ(UnpackTimeTZ(a.S), UnpackTimeTZ(b.S)) }

func timetzHash(d Datum) uint64 {
	t := UnpackTimeTZ(d.S)
	return hashUint64(uint64(t.Instant())*31 + uint64(t.West))
}

func timetzKey(dst []byte, d Datum) []byte {
	t := UnpackTimeTZ(d.S)
	dst = binary.BigEndian.AppendUint64(dst, uint64(t.Instant())^(1<<63))
	return binary.BigEndian.AppendUint32(dst, uint32(t.West)^(1<<31))
}

func timetzUnkey(src []byte) (Datum, []byte, error) {
	if len(src) < 12 {
		return Datum{}, nil, errKey
	}
	west := int32(binary.BigEndian.Uint32(src[8:]) ^ (1 << 31))
	t := TimeTZ{Micros: int64(binary.BigEndian.Uint64(src)^(1<<63)) - int64(west)*usecPerSec, West: west}
	return Str(t.Pack()), src[12:], nil
}

func sendMicros(_ *Ctx, _ T, d Datum, dst []byte) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(d.I))
}

func dateIn(ctx *Ctx, _ T, s string) (Datum, error) {
	if days, ok := parseISODate(s); ok {
		return Int(days), nil
	}
	p := dateTimeParser{ctx: orDefault(ctx)}
	c, special, err := p.dateTime(s)
	if err != nil {
		return Datum{}, dateTimeError(err, s, "date")
	}
	switch special {
	case tokenEarly:
		return Int(DateNoBegin), nil
	case tokenLate:
		return Int(DateNoEnd), nil
	case tokenEpoch:
		return Int(unixEpochDays), nil
	}
	if validCivilDate(c.year, c.mon) {
		if days := civilToDays(c.year, c.mon, c.day); validDate(days) {
			return Int(days), nil
		}
	}
	return Datum{}, pgerr.Newf(pgerr.DatetimeFieldOverflow, "date out of range: \"%s\"", s)
}

func dateRecv(_ *Ctx, _ T, b []byte) (Datum, error) {
	if err := exactly(b, 4); err != nil {
		return Datum{}, err
	}
	d := int64(int32(binary.BigEndian.Uint32(b)))
	if DateIsFinite(d) && !validDate(d) {
		return Datum{}, errDateRange()
	}
	return Int(d), nil
}

func timeIn(ctx *Ctx, t T, s string) (Datum, error) {
	if micros, n, ok := parseISOClock(s); ok && n == len(s) && micros <= usecPerDay {
		return Int(roundMicros(micros, t.Mod)), nil
	}
	p := dateTimeParser{ctx: orDefault(ctx)}
	c, err := p.timeOnly(s)
	if err != nil {
		return Datum{}, dateTimeError(err, s, "time")
	}
	return Int(roundMicros(c.timeMicros(), t.Mod)), nil
}

func timeModify(d Datum, mod int32, _ bool) (Datum, error) { return Int(roundMicros(d.I, mod)), nil }

func timeRecv(_ *Ctx, t T, b []byte) (Datum, error) {
	if err := exactly(b, 8); err != nil {
		return Datum{}, err
	}
	v := int64(binary.BigEndian.Uint64(b))
	if v < 0 || v > usecPerDay {
		return Datum{}, errTimeRange()
	}
	return Int(roundMicros(v, t.Mod)), nil
}

func timetzIn(ctx *Ctx, t T, s string) (Datum, error) {
	p := dateTimeParser{ctx: orDefault(ctx)}
	c, err := p.timeOnly(s)
	if err != nil {
		return Datum{}, dateTimeError(err, s, "time with time zone")
	}
	return Str(TimeTZ{roundMicros(c.timeMicros(), t.Mod), int32(-c.east)}.Pack()), nil
}

func timetzModify(d Datum, mod int32, _ bool) (Datum, error) {
	t := UnpackTimeTZ(d.S)
	t.Micros = roundMicros(t.Micros, mod)
	return Str(t.Pack()), nil
}

func timetzRecv(_ *Ctx, t T, b []byte) (Datum, error) {
	if err := exactly(b, 12); err != nil {
		return Datum{}, err
	}
	v := TimeTZ{int64(binary.BigEndian.Uint64(b)), int32(binary.BigEndian.Uint32(b[8:]))}
	if v.Micros < 0 || v.Micros > usecPerDay {
		return Datum{}, errTimeRange()
	}
	if v.West <= -16*3600 || v.West >= 16*3600 {
		return Datum{}, pgerr.New(pgerr.InvalidTimeZoneDisplacementValue, "time zone displacement out of range")
	}
	v.Micros = roundMicros(v.Micros, t.Mod)
	return Str(v.Pack()), nil
}

func timestampIn(ctx *Ctx, t T, s string) (Datum, error) {
	if ts, east, n, ok := parseISOTimestamp(s); ok && n == len(s) {
		_ = east // a zone is read and ignored, as PostgreSQL does
		return Int(roundMicros(ts, t.Mod)), nil
	}
	return slowTimestampIn(ctx, t, s, "timestamp", false)
}

func timestamptzIn(ctx *Ctx, t T, s string) (Datum, error) {
	if ts, east, n, ok := parseISOTimestamp(s); ok && n == len(s) {
		if east == noOffset {
			east = zoneOffsetLocal(orDefault(ctx).TimeZone, floorDiv(ts, usecPerSec)+epochUnixSecs)
		}
		return Int(roundMicros(ts-int64(east)*usecPerSec, t.Mod)), nil
	}
	return slowTimestampIn(ctx, t, s, "timestamp with time zone", true)
}

func slowTimestampIn(ctx *Ctx, t T, s, name string, zoned bool) (Datum, error) {
	p := dateTimeParser{ctx: orDefault(ctx)}
	c, special, err := p.dateTime(s)
	if err != nil {
		return Datum{}, dateTimeError(err, s, name)
	}
	switch special {
	case tokenEarly:
		return Int(TimestampNoBegin), nil
	case tokenLate:
		return Int(TimestampNoEnd), nil
	case tokenEpoch:
		return Int(unixEpochDays * usecPerDay), nil
	}
	var ts int64
	var ok bool
	if zoned {
		ts, ok = c.timestampTZ()
	} else {
		ts, ok = c.timestamp()
	}
	if !ok {
		return Datum{}, pgerr.Newf(pgerr.DatetimeFieldOverflow, "timestamp out of range: \"%s\"", s)
	}
	return Int(roundMicros(ts, t.Mod)), nil
}

func timestampModify(d Datum, mod int32, _ bool) (Datum, error) {
	if !TimestampIsFinite(d.I) {
		return d, nil
	}
	return Int(roundMicros(d.I, mod)), nil
}

func timestampRecv(_ *Ctx, t T, b []byte) (Datum, error) {
	if err := exactly(b, 8); err != nil {
		return Datum{}, err
	}
	v := int64(binary.BigEndian.Uint64(b))
	if !TimestampIsFinite(v) {
		return Int(v), nil
	}
	if !validTimestamp(v) {
		return Datum{}, errTimestampRange()
	}
	return Int(roundMicros(v, t.Mod)), nil
}
