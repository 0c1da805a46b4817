package types

import (
	"cmp"
	"encoding/binary"
	"math"
	"math/bits"

	"kimberlite/sql/pgerr"
)

func init() {
	register(ops{in: intervalIn,
		out:  func(ctx *Ctx, _ T, d Datum, dst []byte) []byte { return AppendInterval(dst, ctx, UnpackInterval(d.S)) },
		recv: intervalRecv, send: func(_ *Ctx, _ T, d Datum, dst []byte) []byte { return append(dst, d.S...) },
		cmp:  func(a, b Datum) int { return CompareInterval(UnpackInterval(a.S), UnpackInterval(b.S)) },
		hash: intervalHash, key: intervalKey, lossy: true, mod: intervalModify}, OIDInterval)
}

// Interval is a span of time in three parts that don't mix: a month has no fixed number of days, nor a day of hours.
type Interval struct {
	Micros int64
	Days   int32
	Months int32
}

// Pack returns the packed form: microseconds, days and months, big-endian, which is the binary form too.
func (iv Interval) Pack() string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], uint64(iv.Micros))
	binary.BigEndian.PutUint32(b[8:], uint32(iv.Days))
	binary.BigEndian.PutUint32(b[12:], uint32(iv.Months))
	return string(b[:])
}

// UnpackInterval reads the packed form.
func UnpackInterval(s string) Interval {
	if len(s) != 16 {
		return Interval{}
	}
	return Interval{Micros: int64(be64(s)), Days: int32(be32(s[8:])), Months: int32(be32(s[12:]))}
}

// span returns the interval as microseconds in 128 bits, a month taken as 30 days and a day as 24 hours: what intervals are compared by.
func (iv Interval) span() (hi int64, lo uint64) {
	days := int64(iv.Months)*30 + int64(iv.Days)
	neg := days < 0
	if neg {
		days = -days
	}
	uhi, ulo := bits.Mul64(uint64(days), uint64(usecPerDay))
	if neg {
		var borrow uint64
		ulo, borrow = bits.Sub64(0, ulo, 0)
		uhi, _ = bits.Sub64(0, uhi, borrow)
	}
	var carry uint64
	ulo, carry = bits.Add64(ulo, uint64(iv.Micros), 0)
	uhi, _ = bits.Add64(uhi, uint64(iv.Micros>>63), carry)
	return int64(uhi), ulo
}

// CompareInterval is the btree order of intervals.
func CompareInterval(a, b Interval) int {
	ahi, alo := a.span()
	bhi, blo := b.span()
	if c := cmp.Compare(ahi, bhi); c != 0 {
		return c
	}
	return cmp.Compare(alo, blo)
}

// Sign is negative, zero or positive as the interval compares with the empty one.
func (iv Interval) Sign() int { return CompareInterval(iv, Interval{}) }

func intervalHash(d Datum) uint64 {
	_, lo := UnpackInterval(d.S).span()
	return hashUint64(lo)
}

func intervalKey(dst []byte, d Datum) []byte {
	hi, lo := UnpackInterval(d.S).span()
	dst = binary.BigEndian.AppendUint64(dst, uint64(hi)^(1<<63))
	return binary.BigEndian.AppendUint64(dst, lo)
}

func intervalRecv(_ *Ctx, t T, b []byte) (Datum, error) {
	if err := exactly(b, 16); err != nil {
		return Datum{}, err
	}
	return intervalModify(Str(string(b)), t.Mod, false)
}

func intervalModify(d Datum, mod int32, _ bool) (Datum, error) {
	if mod < 0 {
		return d, nil
	}
	iv := UnpackInterval(d.S)
	switch uint32(mod) >> 16 & 0x7fff {
	case intervalYear:
		iv = Interval{Months: iv.Months / 12 * 12}
	case intervalMonth, intervalYear | intervalMonth:
		iv = Interval{Months: iv.Months}
	case intervalDay:
		iv.Micros = 0
	case intervalHour, intervalDay | intervalHour:
		iv.Micros -= iv.Micros % usecPerHour
	case intervalMinute, intervalHour | intervalMinute, intervalDay | intervalHour | intervalMinute:
		iv.Micros -= iv.Micros % usecPerMin
	}
	if prec := mod & 0xffff; prec != intervalFullPrec {
		iv.Micros = roundMicros(iv.Micros, prec)
	}
	return Str(iv.Pack()), nil
}

func addInt64(a, b int64) (int64, bool) {
	c := a + b
	return c, (a < 0) != (b < 0) || (c < 0) == (a < 0)
}

func addInt32(a, b int32) (int32, bool) {
	c := int64(a) + int64(b)
	return int32(c), c == int64(int32(c))
}

func mulInt64(a, b int64) (int64, bool) {
	if a == 0 || b == 0 {
		return 0, true
	}
	c := a * b
	return c, c/b == a && !(a == -1 && b == math.MinInt64) && !(b == -1 && a == math.MinInt64)
}

// Neg returns -iv; 22008 when a part has no negative.
func (iv Interval) Neg() (Interval, error) {
	if iv.Micros == math.MinInt64 || iv.Days == math.MinInt32 || iv.Months == math.MinInt32 {
		return Interval{}, errIntervalRange()
	}
	return Interval{-iv.Micros, -iv.Days, -iv.Months}, nil
}

// Add returns iv + b.
func (iv Interval) Add(b Interval) (r Interval, err error) {
	var ok1, ok2, ok3 bool
	r.Micros, ok1 = addInt64(iv.Micros, b.Micros)
	r.Days, ok2 = addInt32(iv.Days, b.Days)
	r.Months, ok3 = addInt32(iv.Months, b.Months)
	if !ok1 || !ok2 || !ok3 {
		return Interval{}, errIntervalRange()
	}
	return r, nil
}

// Sub returns iv - b.
func (iv Interval) Sub(b Interval) (r Interval, err error) {
	months, days := int64(iv.Months)-int64(b.Months), int64(iv.Days)-int64(b.Days)
	r = Interval{iv.Micros - b.Micros, int32(days), int32(months)}
	overflow := (iv.Micros < 0) != (b.Micros < 0) && (r.Micros < 0) != (iv.Micros < 0)
	if overflow || months != int64(r.Months) || days != int64(r.Days) {
		return Interval{}, errIntervalRange()
	}
	return r, nil
}

// roundToMicro rounds a number of days (or the like) to six decimals, which hides most of binary floating point's noise.
func roundToMicro(f float64) float64 { return math.RoundToEven(f*1e6) / 1e6 }

// Mul returns iv * factor; what is left of months goes into days (30 to a month), what is left of days into time.
func (iv Interval) Mul(factor float64) (r Interval, err error) {
	return iv.scale(func(v float64) float64 { return v * factor })
}

// Div returns iv / factor; 22012 for zero.
func (iv Interval) Div(factor float64) (r Interval, err error) {
	if factor == 0 {
		return r, pgerr.New(pgerr.DivisionByZero, "division by zero")
	}
	return iv.scale(func(v float64) float64 { return v / factor })
}

func (iv Interval) scale(f func(float64) float64) (r Interval, err error) {
	m := f(float64(iv.Months))
	d := f(float64(iv.Days))
	if math.IsNaN(m) || m > math.MaxInt32 || m < math.MinInt32 || math.IsNaN(d) || d > math.MaxInt32 || d < math.MinInt32 {
		return r, errIntervalRange()
	}
	r.Months, r.Days = int32(m), int32(d)
	monthRest := roundToMicro((m - float64(r.Months)) * 30)
	secs := roundToMicro((d - float64(r.Days) + monthRest - math.Trunc(monthRest)) * 86400)
	if math.Abs(secs) >= 86400 {
		whole := int32(secs / 86400)
		r.Days += whole
		secs -= float64(whole) * 86400
	}
	days, ok := addInt32(r.Days, int32(monthRest))
	if !ok {
		return Interval{}, errIntervalRange()
	}
	r.Days = days
	micros := math.RoundToEven(f(float64(iv.Micros)) + secs*1e6)
	if math.IsNaN(micros) || micros >= math.MaxInt64 || micros < math.MinInt64 {
		return Interval{}, errIntervalRange()
	}
	r.Micros = int64(micros)
	return r, nil
}

// JustifyHours turns every 24 hours into a day.
func (iv Interval) JustifyHours() (Interval, error) {
	whole := iv.Micros / usecPerDay
	iv.Micros -= whole * usecPerDay
	days, ok := addInt32(iv.Days, int32(whole))
	if !ok {
		return Interval{}, errIntervalRange()
	}
	iv.Days = days
	if iv.Days > 0 && iv.Micros < 0 {
		iv.Micros += usecPerDay
		iv.Days--
	} else if iv.Days < 0 && iv.Micros > 0 {
		iv.Micros -= usecPerDay
		iv.Days++
	}
	return iv, nil
}

// JustifyDays turns every 30 days into a month.
func (iv Interval) JustifyDays() (Interval, error) {
	whole := iv.Days / 30
	iv.Days -= whole * 30
	months, ok := addInt32(iv.Months, whole)
	if !ok {
		return Interval{}, errIntervalRange()
	}
	iv.Months = months
	if iv.Months > 0 && iv.Days < 0 {
		iv.Days += 30
		iv.Months--
	} else if iv.Months < 0 && iv.Days > 0 {
		iv.Days -= 30
		iv.Months++
	}
	return iv, nil
}

// JustifyInterval does both and makes all parts have one sign.
func (iv Interval) JustifyInterval() (Interval, error) {
	if iv.Days > 0 && iv.Micros > 0 || iv.Days < 0 && iv.Micros < 0 {
		// Days first, so that the sum below stays small.
		whole := iv.Days / 30
		iv.Days -= whole * 30
		months, ok := addInt32(iv.Months, whole)
		if !ok {
			return Interval{}, errIntervalRange()
		}
		iv.Months = months
	}
	whole := iv.Micros / usecPerDay
	iv.Micros -= whole * usecPerDay
	days, ok := addInt32(iv.Days, int32(whole))
	if !ok {
		return Interval{}, errIntervalRange()
	}
	iv.Days = days
	m := iv.Days / 30
	iv.Days -= m * 30
	months, ok := addInt32(iv.Months, m)
	if !ok {
		return Interval{}, errIntervalRange()
	}
	iv.Months = months
	if iv.Months > 0 && (iv.Days < 0 || iv.Days == 0 && iv.Micros < 0) {
		iv.Days += 30
		iv.Months--
	} else if iv.Months < 0 && (iv.Days > 0 || iv.Days == 0 && iv.Micros > 0) {
		iv.Days -= 30
		iv.Months++
	}
	if iv.Days > 0 && iv.Micros < 0 {
		iv.Micros += usecPerDay
		iv.Days--
	} else if iv.Days < 0 && iv.Micros > 0 {
		iv.Micros -= usecPerDay
		iv.Days++
	}
	return iv, nil
}

// IntervalToTime returns the time of day in the interval: what is left of its microseconds over whole days.
func IntervalToTime(iv Interval) int64 {
	m := iv.Micros % usecPerDay
	if m < 0 {
		m += usecPerDay
	}
	return m
}

// IntervalSum adds intervals up for sum() and avg().
type IntervalSum struct {
	sum   Interval
	count int64
}

// Add counts one interval in; 22008 when the sum does not fit.
func (s *IntervalSum) Add(iv Interval) (err error) {
	s.sum, err = s.sum.Add(iv)
	s.count++
	return err
}

// Remove takes out an interval that Add counted in, for moving window frames.
func (s *IntervalSum) Remove(iv Interval) (err error) {
	s.sum, err = s.sum.Sub(iv)
	s.count--
	return err
}

// Count returns how many intervals are in.
func (s *IntervalSum) Count() int64 { return s.count }

// Sum returns the sum; ok is false (NULL) without any interval.
func (s *IntervalSum) Sum() (iv Interval, ok bool) { return s.sum, s.count > 0 }

// Avg returns the average; ok is false (NULL) without any interval.
func (s *IntervalSum) Avg() (iv Interval, ok bool, err error) {
	if s.count == 0 {
		return Interval{}, false, nil
	}
	iv, err = s.sum.Div(float64(s.count))
	return iv, true, err
}
