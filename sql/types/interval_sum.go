package types

// MakeIntervalSum restores a sum from its parts.
func MakeIntervalSum(sum Interval, count int64) IntervalSum {
	return IntervalSum{sum: sum, count: count}
}

// Merge adds another sum.
func (s *IntervalSum) Merge(o *IntervalSum) error {
	if o.count == 0 {
		return nil
	}
	sum, err := s.sum.Add(o.sum)
	if err != nil {
		return err
	}
	s.sum, s.count = sum, s.count+o.count
	return nil
}
