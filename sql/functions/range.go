package functions

import (
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// Range and multirange functions and operators (9.20). Both are opened as sets of ranges, so that one implementation serves
// range-range, range-multirange and multirange-multirange.

func init() {
	registerRangeConstructors()
	registerRangeBounds()
	registerRangePredicates()
	registerRangeSetOperators()
	set("multirange_unnest", func(_ *Call, _ []types.T, a []types.Datum) (RowSource, error) {
		parts := types.ParseMultirange(a[0].S)
		vals := make([]types.Datum, len(parts))
		for i, p := range parts {
			vals[i] = types.Str(p)
		}
		return Values(vals), nil
	})
	aggregate("range_agg/anyrange", rangeAgg(types.OpenRange))
	aggregate("range_agg/anymultirange", rangeAgg(types.OpenMultirange))
	aggregate("range_intersect_agg/anyrange", rangeIntersectAgg(types.OpenRange, rangeOf))
	aggregate("range_intersect_agg/anymultirange", rangeIntersectAgg(types.OpenMultirange, multirangeOf))
}

// rangeOf makes a value of a range type from a set of at most one range.
func rangeOf(c *Call, s types.RangeSet) (types.Datum, error) {
	if s.Empty() {
		return strOf(types.EmptyRange(c.Env.IO, c.Ret.OID))
	}
	return types.Str(s.Ranges[0].Pack()), nil
}

func multirangeOf(c *Call, s types.RangeSet) (types.Datum, error) {
	return strOf(types.MakeMultirange(c.Env.IO, c.Ret.OID, s.Pack()))
}

func strOf(s string, err error) (types.Datum, error) { return types.Str(s), err }

func registerRangeConstructors() {
	scalar("range_constructor2", func(c *Call, a []types.Datum) (types.Datum, error) { return makeRange(c, a, true, false) })
	scalar("range_constructor3", func(c *Call, a []types.Datum) (types.Datum, error) {
		if a[2].Null {
			return types.Datum{}, pgerr.New(pgerr.DataException, "range constructor flags argument must not be null")
		}
		switch f := a[2].S; f {
		case "[)", "[]", "(]", "()":
			return makeRange(c, a, f[0] == '[', f[1] == ']')
		}
		return types.Datum{}, pgerr.New(pgerr.SyntaxError, "invalid range bound flags").WithHint(`Valid values are "[]", "[)", "(]", and "()".`)
	})
	scalar("multirange_constructor0", func(c *Call, _ []types.Datum) (types.Datum, error) { return multirangeOf(c, types.RangeSet{}) })
	scalar("multirange_constructor1", func(c *Call, a []types.Datum) (types.Datum, error) {
		return strOf(types.MakeMultirange(c.Env.IO, c.Ret.OID, []string{a[0].S}))
	})
	scalar("multirange_constructor2", func(c *Call, a []types.Datum) (types.Datum, error) {
		arr := types.ParseArray(a[0].S)
		if len(arr.Dims()) > 1 {
			return types.Datum{}, pgerr.New(pgerr.CardinalityViolation, "multiranges cannot be constructed from multidimensional arrays")
		}
		ranges := make([]string, arr.Len())
		for i := range ranges {
			if arr.IsNull(i) {
				return types.Datum{}, pgerr.New(pgerr.NullValueNotAllowed, "multirange values cannot contain null members")
			}
			ranges[i] = arr.Elem(i).S
		}
		return strOf(types.MakeMultirange(c.Env.IO, c.Ret.OID, ranges))
	})
	for _, src := range []string{"int4range_canonical", "int8range_canonical", "daterange_canonical"} {
		scalar(src, func(_ *Call, a []types.Datum) (types.Datum, error) { return a[0], nil }) // values always are canonical
	}
}

func makeRange(c *Call, a []types.Datum, lowerInc, upperInc bool) (types.Datum, error) {
	lower := types.RangeBound{Value: a[0], Inf: a[0].Null, Inclusive: lowerInc}
	upper := types.RangeBound{Value: a[1], Inf: a[1].Null, Inclusive: upperInc}
	return strOf(types.MakeRange(c.Env.IO, c.Ret.OID, lower, upper))
}

// rangeKinds are the two kinds by the words that internal names use.
var rangeKinds = map[string]func(string) types.RangeSet{"range": types.OpenRange, "multirange": types.OpenMultirange}

func registerRangeBounds() {
	for kind, open := range rangeKinds {
		value := func(bound func(types.RangeSet) *types.RangeBound) Scalar {
			return func(_ *Call, a []types.Datum) (types.Datum, error) {
				s := open(a[0].S)
				if s.Empty() || bound(s).Inf {
					return types.NullDatum, nil
				}
				return bound(s).Value, nil
			}
		}
		test := func(src string, f func(s types.RangeSet) bool) {
			scalar(kind+src, func(_ *Call, a []types.Datum) (types.Datum, error) { return types.Bool(f(open(a[0].S))), nil })
		}
		scalar(kind+"_lower", value(types.RangeSet.Lower))
		scalar(kind+"_upper", value(types.RangeSet.Upper))
		test("_empty", types.RangeSet.Empty)
		test("_lower_inc", func(s types.RangeSet) bool { return !s.Empty() && s.Lower().Inclusive })
		test("_upper_inc", func(s types.RangeSet) bool { return !s.Empty() && s.Upper().Inclusive })
		test("_lower_inf", func(s types.RangeSet) bool { return !s.Empty() && s.Lower().Inf })
		test("_upper_inf", func(s types.RangeSet) bool { return !s.Empty() && s.Upper().Inf })
	}
}

func registerRangePredicates() {
	after := func(s, o types.RangeSet) bool { return o.Before(s) }
	within := func(s, o types.RangeSet) bool { return o.Contains(s) }
	for name, f := range map[string]func(s, o types.RangeSet) bool{
		"before": types.RangeSet.Before, "after": after, "overleft": types.RangeSet.OverLeft, "overright": types.RangeSet.OverRight,
		"adjacent": types.RangeSet.Adjacent, "overlaps": types.RangeSet.Overlaps, "contains": types.RangeSet.Contains, "contained_by": within,
	} {
		test := func(src, left, right string) {
			openLeft, openRight := rangeKinds[left], rangeKinds[right]
			scalar(src, func(_ *Call, a []types.Datum) (types.Datum, error) {
				return types.Bool(f(openLeft(a[0].S), openRight(a[1].S))), nil
			})
		}
		test("range_"+name, "range", "range")
		test("range_"+name+"_multirange", "range", "multirange")
		test("multirange_"+name+"_range", "multirange", "range")
		test("multirange_"+name+"_multirange", "multirange", "multirange")
	}
	for kind, open := range rangeKinds {
		scalar(kind+"_contains_elem", func(_ *Call, a []types.Datum) (types.Datum, error) {
			return types.Bool(open(a[0].S).ContainsValue(a[1])), nil
		})
		scalar("elem_contained_by_"+kind, func(_ *Call, a []types.Datum) (types.Datum, error) {
			return types.Bool(open(a[1].S).ContainsValue(a[0])), nil
		})
	}
}

func registerRangeSetOperators() {
	ranges := func(src string, f func(c *Call, s, o types.RangeSet) (types.Datum, error)) {
		scalar(src, func(c *Call, a []types.Datum) (types.Datum, error) {
			return f(c, types.OpenRange(a[0].S), types.OpenRange(a[1].S))
		})
	}
	multiranges := func(src string, f func(s, o types.RangeSet) types.RangeSet) {
		scalar(src, func(c *Call, a []types.Datum) (types.Datum, error) {
			return multirangeOf(c, f(types.OpenMultirange(a[0].S), types.OpenMultirange(a[1].S)))
		})
	}
	merge := func(c *Call, s, o types.RangeSet) (types.Datum, error) { return rangeOf(c, s.Hull(o)) }
	intersect := func(c *Call, s, o types.RangeSet) (types.Datum, error) { return rangeOf(c, s.Intersect(o)) }
	ranges("range_merge", merge)
	ranges("range_union", func(c *Call, s, o types.RangeSet) (types.Datum, error) {
		if !s.Empty() && !o.Empty() && !s.Overlaps(o) && !s.Adjacent(o) {
			return types.Datum{}, pgerr.New(pgerr.DataException, "result of range union would not be contiguous")
		}
		return merge(c, s, o)
	})
	ranges("range_minus", func(c *Call, s, o types.RangeSet) (types.Datum, error) {
		d := s.Minus(o)
		if !d.Contiguous() {
			return types.Datum{}, pgerr.New(pgerr.DataException, "result of range difference would not be contiguous")
		}
		return rangeOf(c, d)
	})
	ranges("range_intersect", intersect)
	ranges("range_intersect_agg_transfn", intersect)
	multiranges("multirange_intersect", types.RangeSet.Intersect)
	multiranges("multirange_intersect_agg_transfn", types.RangeSet.Intersect)
	multiranges("multirange_minus", types.RangeSet.Minus)
	multiranges("multirange_union", func(s, o types.RangeSet) types.RangeSet {
		s.Ranges = append(s.Ranges, o.Ranges...) // made a proper set by MakeMultirange
		return s
	})
	scalar("range_merge_from_multirange", func(c *Call, a []types.Datum) (types.Datum, error) {
		s := types.OpenMultirange(a[0].S)
		return rangeOf(c, s.Hull(s))
	})
}

// rangeAggState is the packed ranges seen so far, one after the other.
type rangeAggState struct {
	seen bool
	buf  []byte
}

func rangeAgg(open func(string) types.RangeSet) Aggregate {
	return func(c *Call) (Aggregator, error) {
		a := &states[rangeAggState]{size: 32}
		add := func(s *rangeAggState, ranges []string) {
			before := cap(s.buf)
			s.seen = true
			for _, r := range ranges {
				s.buf = appendBytes(s.buf, r)
			}
			a.heap += int64(cap(s.buf) - before)
		}
		a.step = func(s *rangeAggState, args []types.Datum) error {
			add(s, open(args[0].S).Pack())
			return nil
		}
		a.final = func(s *rangeAggState) (types.Datum, error) {
			if !s.seen {
				return types.NullDatum, nil
			}
			var ranges []string
			for src := s.buf; len(src) > 0; {
				r, rest, err := readBytes(src)
				if err != nil {
					return types.Datum{}, err
				}
				ranges, src = append(ranges, r), rest
			}
			return strOf(types.MakeMultirange(c.Env.IO, c.Ret.OID, ranges))
		}
		a.save = func(dst []byte, s *rangeAggState) []byte {
			if !s.seen {
				return dst
			}
			return append(append(dst, 1), s.buf...)
		}
		a.load = func(s *rangeAggState, src []byte) error {
			if s.seen = len(src) > 0; s.seen {
				s.buf = append([]byte(nil), src[1:]...)
			}
			return nil
		}
		a.merge = func(s, o *rangeAggState) error {
			s.seen, s.buf = s.seen || o.seen, append(s.buf, o.buf...)
			return nil
		}
		return wrap(a), nil
	}
}

func rangeIntersectAgg(open func(string) types.RangeSet, pack func(*Call, types.RangeSet) (types.Datum, error)) Aggregate {
	return func(c *Call) (Aggregator, error) {
		a := &states[types.Datum]{size: 32} // the intersection so far; its S is empty before the first row
		a.step = func(s *types.Datum, args []types.Datum) (err error) {
			if s.S == "" {
				*s = types.Datum{S: string(append([]byte(nil), args[0].S...))}
				return nil
			}
			*s, err = pack(c, open(s.S).Intersect(open(args[0].S)))
			return err
		}
		a.final = func(s *types.Datum) (types.Datum, error) {
			if s.S == "" {
				return types.NullDatum, nil
			}
			return *s, nil
		}
		a.save = func(dst []byte, s *types.Datum) []byte { return append(dst, s.S...) }
		a.load = func(s *types.Datum, src []byte) error {
			*s = types.Datum{S: string(src)}
			return nil
		}
		a.merge = func(s, o *types.Datum) error {
			if o.S == "" {
				return nil
			}
			return a.step(s, []types.Datum{*o})
		}
		return wrap(a), nil
	}
}
