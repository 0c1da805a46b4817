package types

import (
	"encoding/binary"
	"math"
	"slices"
	"unsafe"

	"kimberlite/sql/pgerr"
)

// The packed form of a range, which describes itself as arrays do:
//
//	[1: flags] [4: OID of the subtype] [4: OID of its stand-in] [4: length of the lower bound] [lower bound] [upper bound]
//
// A Fixed bound has 8 bytes, little-endian; a missing one none. The flags are those of PostgreSQL's binary form. A multirange is
// [4: subtype] [4: stand-in] [4: number of ranges], and for each [4: length] [range], in order, without gaps that touch.
const (
	rangeEmpty      = 0x01
	rangeLowerInc   = 0x02
	rangeUpperInc   = 0x04
	rangeLowerInf   = 0x08
	rangeUpperInf   = 0x10
	rangeFlags      = 0x1f
	rangeHeaderSize = 13
	multirangeSize  = 12
)

// RangeBound is one end of a range. A bound that is Inf has no value and is never inclusive.
type RangeBound struct {
	Value     Datum
	Inf       bool
	Inclusive bool
}

// Range is an opened range. The bounds of an empty one mean nothing.
type Range struct {
	Subtype OID
	StandIn OID
	Empty   bool
	Lower   RangeBound
	Upper   RangeBound
}

// ParseRange opens the packed form.
func ParseRange(s string) (r Range) {
	if len(s) < rangeHeaderSize {
		r.Empty = true
		return r
	}
	flags := s[0]
	r.Subtype, r.StandIn = OID(le32(s[1:])), OID(le32(s[5:]))
	r.Empty = flags&rangeEmpty != 0
	n := le32(s[9:])
	lower, upper := s[rangeHeaderSize:rangeHeaderSize+n], s[rangeHeaderSize+n:]
	r.Lower = RangeBound{unpackBound(r.StandIn, lower, flags&rangeLowerInf != 0), flags&rangeLowerInf != 0, flags&rangeLowerInc != 0}
	r.Upper = RangeBound{unpackBound(r.StandIn, upper, flags&rangeUpperInf != 0), flags&rangeUpperInf != 0, flags&rangeUpperInc != 0}
	return r
}

func unpackBound(standIn OID, s string, inf bool) Datum {
	switch {
	case inf:
		return Datum{}
	case !isFixed(standIn):
		return Datum{S: s}
	case len(s) == 8:
		return Datum{I: int64(le64(s))}
	}
	return Datum{}
}

// Pack returns the packed form.
func (r *Range) Pack() string {
	flags := byte(0)
	set := func(bit byte, on bool) {
		if on {
			flags |= bit
		}
	}
	if r.Empty {
		flags = rangeEmpty
	} else {
		set(rangeLowerInf, r.Lower.Inf)
		set(rangeUpperInf, r.Upper.Inf)
		set(rangeLowerInc, r.Lower.Inclusive && !r.Lower.Inf)
		set(rangeUpperInc, r.Upper.Inclusive && !r.Upper.Inf)
	}
	buf := make([]byte, 0, rangeHeaderSize+16+len(r.Lower.Value.S)+len(r.Upper.Value.S))
	buf = append(buf, flags)
	buf = binary.LittleEndian.AppendUint32(buf, uint32(r.Subtype))
	buf = binary.LittleEndian.AppendUint32(buf, uint32(r.StandIn))
	buf = append(buf, 0, 0, 0, 0)
	bound := func(b *RangeBound) {
		switch {
		case r.Empty || b.Inf:
		case isFixed(r.StandIn):
			buf = binary.LittleEndian.AppendUint64(buf, uint64(b.Value.I))
		default:
			buf = append(buf, b.Value.S...)
		}
	}
	bound(&r.Lower)
	binary.LittleEndian.PutUint32(buf[9:], uint32(len(buf)-rangeHeaderSize))
	bound(&r.Upper)
	return unsafe.String(&buf[0], len(buf))
}

// rangeSubtype returns the subtype of a range or multirange type.
func rangeSubtype(ctx *Ctx, oid OID) (OID, error) {
	ty := Lookup(ctx, BaseType(ctx, Of(oid)).OID)
	if ty == nil || ty.Range == nil {
		return 0, unknownType(oid)
	}
	if ty.Kind == KindMultirange {
		return rangeSubtype(ctx, ty.Range.Multirange)
	}
	return ty.Range.Subtype, nil
}

// MakeRange makes a value of the range type: 22000 when the bounds are the wrong way round. Ranges of integers and dates take
// their canonical form, lower bound included and upper bound not.
func MakeRange(ctx *Ctx, rangeType OID, lower, upper RangeBound) (string, error) {
	ctx = orDefault(ctx)
	subtype, err := rangeSubtype(ctx, rangeType)
	if err != nil {
		return "", err
	}
	r := Range{Subtype: subtype, StandIn: StandIn(ctx, subtype), Lower: lower, Upper: upper}
	if err := r.settle(); err != nil {
		return "", err
	}
	if !r.Empty {
		if err := r.canonicalize(); err != nil {
			return "", err
		}
	}
	return r.Pack(), nil
}

// EmptyRange returns the empty value of the range type.
func EmptyRange(ctx *Ctx, rangeType OID) (string, error) {
	subtype, err := rangeSubtype(orDefault(ctx), rangeType)
	r := Range{Subtype: subtype, StandIn: StandIn(orDefault(ctx), subtype), Empty: true}
	return r.Pack(), err
}

// settle checks the order of the bounds and finds out whether nothing lies between them.
func (r *Range) settle() error {
	if r.Lower.Inf {
		r.Lower.Inclusive = false
	}
	if r.Upper.Inf {
		r.Upper.Inclusive = false
	}
	if r.Lower.Inf || r.Upper.Inf {
		return nil
	}
	c := Comparator(nil, r.StandIn)(r.Lower.Value, r.Upper.Value)
	if c > 0 {
		return pgerr.New(pgerr.DataException, "range lower bound must be less than or equal to range upper bound")
	}
	r.Empty = c == 0 && !(r.Lower.Inclusive && r.Upper.Inclusive)
	return nil
}

// canonicalize makes the bounds of a range of discrete values [).
func (r *Range) canonicalize() error {
	step := func(b *RangeBound, want bool) error {
		if b.Inf || b.Inclusive == want {
			return nil
		}
		switch r.StandIn {
		case OIDInt4:
			if b.Value.I == math.MaxInt32 {
				return outOfRange("integer")
			}
		case OIDInt8:
			if b.Value.I == math.MaxInt64 {
				return outOfRange("bigint")
			}
		case OIDDate:
			if b.Value.I == math.MaxInt32 || b.Value.I == math.MinInt32 { // infinity has no next day
				return nil
			}
			if b.Value.I+1 > dateMaxDay {
				return pgerr.New(pgerr.DatetimeFieldOverflow, "date out of range")
			}
		default:
			return nil
		}
		b.Value.I++
		b.Inclusive = want
		return nil
	}
	if err := step(&r.Lower, true); err != nil {
		return err
	}
	if err := step(&r.Upper, false); err != nil {
		return err
	}
	return r.settle()
}

// compareLower orders two lower bounds: none is the least, an inclusive one comes before an exclusive one of the same value.
func compareLower(compare func(a, b Datum) int, a, b *RangeBound) int {
	switch {
	case a.Inf && b.Inf:
		return 0
	case a.Inf:
		return -1
	case b.Inf:
		return 1
	}
	if c := compare(a.Value, b.Value); c != 0 || a.Inclusive == b.Inclusive {
		return c
	}
	if a.Inclusive {
		return -1
	}
	return 1
}

// compareUpper orders two upper bounds: none is the greatest, an exclusive one comes before an inclusive one of the same value.
func compareUpper(compare func(a, b Datum) int, a, b *RangeBound) int {
	switch {
	case a.Inf && b.Inf:
		return 0
	case a.Inf:
		return 1
	case b.Inf:
		return -1
	}
	if c := compare(a.Value, b.Value); c != 0 || a.Inclusive == b.Inclusive {
		return c
	}
	if a.Inclusive {
		return 1
	}
	return -1
}

// gapBetween says how an upper bound lies before a lower one: negative when values fit between them, 0 when they touch without
// sharing a value, positive when they overlap.
func gapBetween(compare func(a, b Datum) int, upper, lower *RangeBound) int {
	if upper.Inf || lower.Inf {
		return 1
	}
	c := compare(upper.Value, lower.Value)
	switch {
	case c != 0:
		return c
	case upper.Inclusive && lower.Inclusive:
		return 1
	case upper.Inclusive != lower.Inclusive:
		return 0
	}
	return -1
}

// compareRanges orders the empty range first, then by lower and by upper bound.
func compareRanges(a, b Datum) int {
	x, y := ParseRange(a.S), ParseRange(b.S)
	switch {
	case x.Empty && y.Empty:
		return 0
	case x.Empty:
		return -1
	case y.Empty:
		return 1
	}
	compare := Comparator(nil, x.StandIn)
	if c := compareLower(compare, &x.Lower, &y.Lower); c != 0 {
		return c
	}
	return compareUpper(compare, &x.Upper, &y.Upper)
}

func hashRange(d Datum) uint64 {
	r := ParseRange(d.S)
	if r.Empty {
		return hashUint64(rangeEmpty)
	}
	hash := Hasher(nil, r.StandIn)
	h := uint64(d.S[0])
	for _, b := range []*RangeBound{&r.Lower, &r.Upper} {
		if b.Inf {
			h = CombineHash(h, NullHash)
		} else {
			h = CombineHash(h, hash(b.Value))
		}
	}
	return h
}

// rangeKey writes 0 for the empty range, else 1 and the bounds: a lower bound is 0 when there is none, else 1, the value, and 0 or 1 for
// inclusive or not; an upper bound is 2 when there is none, else 1, the value, and 1 or 0.
func rangeKey(dst []byte, d Datum) []byte {
	r := ParseRange(d.S)
	if r.Empty {
		return append(dst, 0)
	}
	k := KeyOpsFor(r.StandIn)
	bit := map[bool]byte{true: 1}
	dst = append(dst, 1)
	if r.Lower.Inf {
		dst = append(dst, 0)
	} else {
		dst = append(k.key(append(dst, 1), r.Lower.Value), bit[!r.Lower.Inclusive])
	}
	if r.Upper.Inf {
		return append(dst, 2)
	}
	return append(k.key(append(dst, 1), r.Upper.Value), bit[r.Upper.Inclusive])
}

// ParseMultirange returns the ranges of a multirange in order.
func ParseMultirange(s string) []string {
	if len(s) < multirangeSize {
		return nil
	}
	out := make([]string, le32(s[8:]))
	rest := s[multirangeSize:]
	for i := range out {
		n := le32(rest)
		out[i], rest = rest[4:4+n], rest[4+n:]
	}
	return out
}

// MakeMultirange makes a value of the multirange type from ranges in any order: empty ones go, those that overlap or touch are merged.
func MakeMultirange(ctx *Ctx, multirangeType OID, ranges []string) (string, error) {
	ctx = orDefault(ctx)
	subtype, err := rangeSubtype(ctx, multirangeType)
	if err != nil {
		return "", err
	}
	standIn := StandIn(ctx, subtype)
	compare := Comparator(nil, standIn)
	sorted := slices.Clone(ranges)
	slices.SortStableFunc(sorted, func(a, b string) int { return compareRanges(Datum{S: a}, Datum{S: b}) })
	var merged []Range
	for _, s := range sorted {
		r := ParseRange(s)
		if r.Empty {
			continue
		}
		if n := len(merged); n > 0 && gapBetween(compare, &merged[n-1].Upper, &r.Lower) >= 0 {
			if compareUpper(compare, &merged[n-1].Upper, &r.Upper) < 0 {
				merged[n-1].Upper = r.Upper
			}
			continue
		}
		merged = append(merged, r)
	}
	buf := binary.LittleEndian.AppendUint32(nil, uint32(subtype))
	buf = binary.LittleEndian.AppendUint32(buf, uint32(standIn))
	buf = binary.LittleEndian.AppendUint32(buf, uint32(len(merged)))
	for i := range merged {
		p := merged[i].Pack()
		buf = append(binary.LittleEndian.AppendUint32(buf, uint32(len(p))), p...)
	}
	return unsafe.String(&buf[0], len(buf)), nil
}

func compareMultiranges(a, b Datum) int {
	x, y := ParseMultirange(a.S), ParseMultirange(b.S)
	for i := range min(len(x), len(y)) {
		if c := compareRanges(Datum{S: x[i]}, Datum{S: y[i]}); c != 0 {
			return c
		}
	}
	return len(x) - len(y)
}

func hashMultirange(d Datum) uint64 {
	h := uint64(1)
	for _, r := range ParseMultirange(d.S) {
		h = CombineHash(h, hashRange(Datum{S: r}))
	}
	return h
}

func multirangeKey(dst []byte, d Datum) []byte {
	for _, r := range ParseMultirange(d.S) {
		dst = rangeKey(append(dst, 1), Datum{S: r})
	}
	return append(dst, 0)
}
