package types

// RangeSet is what a range or a multirange holds: ranges in order that neither overlap nor touch, none of them empty. It has the operations
// that both have, so that a range and a multirange meet as equals.
type RangeSet struct {
	Ranges  []Range
	compare func(a, b Datum) int
}

// OpenRange opens a range as a set of at most one.
func OpenRange(packed string) RangeSet {
	r := ParseRange(packed)
	s := RangeSet{compare: Comparator(nil, r.StandIn)}
	if !r.Empty {
		s.Ranges = []Range{r}
	}
	return s
}

// OpenMultirange opens a multirange.
func OpenMultirange(packed string) (s RangeSet) {
	parts := ParseMultirange(packed)
	s.Ranges = make([]Range, len(parts))
	for i, p := range parts {
		s.Ranges[i] = ParseRange(p)
	}
	if len(packed) >= multirangeSize {
		s.compare = Comparator(nil, OID(le32(packed[4:])))
	}
	return s
}

// Empty says whether nothing is in the set.
func (s RangeSet) Empty() bool { return len(s.Ranges) == 0 }

// Lower and Upper are the ends of a set that isn't empty.
func (s RangeSet) Lower() *RangeBound { return &s.Ranges[0].Lower }

func (s RangeSet) Upper() *RangeBound { return &s.Ranges[len(s.Ranges)-1].Upper }

// neither says whether one of the sets is empty, so that they have no place before or beside each other.
func neither(s, o RangeSet) bool { return s.Empty() || o.Empty() }

// Before is <<: all of s lies below all of o.
func (s RangeSet) Before(o RangeSet) bool {
	return !neither(s, o) && gapBetween(s.compare, s.Upper(), o.Lower()) <= 0
}

// OverLeft is &<: s does not reach above o.
func (s RangeSet) OverLeft(o RangeSet) bool {
	return !neither(s, o) && compareUpper(s.compare, s.Upper(), o.Upper()) <= 0
}

// OverRight is &>: s does not reach below o.
func (s RangeSet) OverRight(o RangeSet) bool {
	return !neither(s, o) && compareLower(s.compare, s.Lower(), o.Lower()) >= 0
}

// Adjacent is -|-: one ends where the other begins.
func (s RangeSet) Adjacent(o RangeSet) bool {
	return !neither(s, o) && (gapBetween(s.compare, s.Upper(), o.Lower()) == 0 || gapBetween(s.compare, o.Upper(), s.Lower()) == 0)
}

// Overlaps is &&.
func (s RangeSet) Overlaps(o RangeSet) bool {
	for i, k := 0, 0; i < len(s.Ranges) && k < len(o.Ranges); {
		switch a, b := &s.Ranges[i], &o.Ranges[k]; {
		case gapBetween(s.compare, &a.Upper, &b.Lower) <= 0:
			i++
		case gapBetween(s.compare, &b.Upper, &a.Lower) <= 0:
			k++
		default:
			return true
		}
	}
	return false
}

// Contains is @>: all of o is in s.
func (s RangeSet) Contains(o RangeSet) bool {
	i := 0
	for k := range o.Ranges {
		b := &o.Ranges[k]
		for i < len(s.Ranges) && compareUpper(s.compare, &s.Ranges[i].Upper, &b.Upper) < 0 {
			i++
		}
		if i == len(s.Ranges) || compareLower(s.compare, &s.Ranges[i].Lower, &b.Lower) > 0 {
			return false
		}
	}
	return true
}

// ContainsValue is @> for one value.
func (s RangeSet) ContainsValue(d Datum) bool {
	return !s.Empty() && s.Contains(RangeSet{Ranges: []Range{{Lower: RangeBound{Value: d, Inclusive: true}, Upper: RangeBound{Value: d, Inclusive: true}}}})
}

// Hull is the smallest range that holds both sets.
func (s RangeSet) Hull(o RangeSet) RangeSet {
	switch {
	case s.Empty() && o.Empty():
		return s
	case s.Empty():
		s = o
	case o.Empty():
		o = s
	}
	r := s.Ranges[0]
	r.Upper = *s.Upper()
	if compareLower(s.compare, o.Lower(), &r.Lower) < 0 {
		r.Lower = *o.Lower()
	}
	if compareUpper(s.compare, o.Upper(), &r.Upper) > 0 {
		r.Upper = *o.Upper()
	}
	return RangeSet{[]Range{r}, s.compare}
}

// Intersect is *.
func (s RangeSet) Intersect(o RangeSet) RangeSet {
	out := RangeSet{compare: s.compare}
	for i, k := 0, 0; i < len(s.Ranges) && k < len(o.Ranges); {
		a, b := &s.Ranges[i], &o.Ranges[k]
		both := *a
		if compareLower(s.compare, &b.Lower, &both.Lower) > 0 {
			both.Lower = b.Lower
		}
		aEndsFirst := compareUpper(s.compare, &a.Upper, &b.Upper) <= 0
		if !aEndsFirst {
			both.Upper = b.Upper
		}
		if gapBetween(s.compare, &both.Upper, &both.Lower) > 0 {
			out.Ranges = append(out.Ranges, both)
		}
		if aEndsFirst {
			i++
		} else {
			k++
		}
	}
	return out
}

// Minus is -: what is in s and not in o.
func (s RangeSet) Minus(o RangeSet) RangeSet {
	out := RangeSet{compare: s.compare}
	k := 0
	for _, rest := range s.Ranges {
		for k < len(o.Ranges) && gapBetween(s.compare, &o.Ranges[k].Upper, &rest.Lower) <= 0 {
			k++
		}
		left := true
		for j := k; left && j < len(o.Ranges) && gapBetween(s.compare, &rest.Upper, &o.Ranges[j].Lower) > 0; j++ {
			b := &o.Ranges[j]
			if compareLower(s.compare, &rest.Lower, &b.Lower) < 0 {
				part := rest
				part.Upper = b.Lower.otherSide()
				out.Ranges = append(out.Ranges, part)
			}
			left = compareUpper(s.compare, &rest.Upper, &b.Upper) > 0
			rest.Lower = b.Upper.otherSide()
		}
		if left {
			out.Ranges = append(out.Ranges, rest)
		}
	}
	return out
}

// otherSide is the bound at which what is on the other side of b ends.
func (b RangeBound) otherSide() RangeBound {
	b.Inclusive = !b.Inclusive
	return b
}

// Contiguous says whether the set can be written as one range.
func (s RangeSet) Contiguous() bool { return len(s.Ranges) <= 1 }

// Pack gives the packed ranges of the set.
func (s RangeSet) Pack() []string {
	out := make([]string, len(s.Ranges))
	for i := range s.Ranges {
		out[i] = s.Ranges[i].Pack()
	}
	return out
}
