package functions

import (
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// The general-purpose window functions (9.22).

func init() {
	windows["window_row_number"] = func(_ *Call, _ Partition, pos int) (types.Datum, error) { return types.Int(int64(pos) + 1), nil }
	windows["window_rank"] = func(_ *Call, w Partition, pos int) (types.Datum, error) {
		return types.Int(int64(w.PeerStart(pos)) + 1), nil
	}
	windows["window_dense_rank"] = func(_ *Call, w Partition, pos int) (types.Datum, error) {
		return types.Int(int64(w.PeerGroup(pos)) + 1), nil
	}
	windows["window_percent_rank"] = func(_ *Call, w Partition, pos int) (types.Datum, error) {
		if w.Len() <= 1 {
			return types.Float(0), nil
		}
		return types.Float(float64(w.PeerStart(pos)) / float64(w.Len()-1)), nil
	}
	windows["window_cume_dist"] = func(_ *Call, w Partition, pos int) (types.Datum, error) {
		return types.Float(float64(w.PeerEnd(pos)) / float64(w.Len())), nil
	}
	windows["window_ntile"] = ntile
	for name, sign := range map[string]int{"window_lag": -1, "window_lead": 1} {
		sign := sign
		windows[name] = func(_ *Call, w Partition, pos int) (types.Datum, error) { return at(w, pos+sign, types.NullDatum) }
		windows[name+"_with_offset"] = func(_ *Call, w Partition, pos int) (types.Datum, error) {
			off, err := w.Arg(1, pos)
			if err != nil || off.Null {
				return types.NullDatum, err
			}
			return at(w, pos+sign*int(off.I), types.NullDatum)
		}
		windows[name+"_with_offset_and_default"] = func(_ *Call, w Partition, pos int) (types.Datum, error) {
			off, err := w.Arg(1, pos)
			if err != nil || off.Null {
				return types.NullDatum, err
			}
			def, err := w.Arg(2, pos)
			if err != nil {
				return types.Datum{}, err
			}
			return at(w, pos+sign*int(off.I), def)
		}
	}
	windows["window_first_value"] = func(_ *Call, w Partition, pos int) (types.Datum, error) { return nthOfFrame(w, pos, 1, false) }
	windows["window_last_value"] = func(_ *Call, w Partition, pos int) (types.Datum, error) { return nthOfFrame(w, pos, 1, true) }
	windows["window_nth_value"] = func(_ *Call, w Partition, pos int) (types.Datum, error) {
		n, err := w.Arg(1, pos)
		if err != nil || n.Null {
			return types.NullDatum, err
		}
		if n.I <= 0 {
			return types.Datum{}, pgerr.New(pgerr.InvalidArgumentForNthValueFunction, "argument of nth_value must be greater than zero")
		}
		return nthOfFrame(w, pos, int(n.I), false)
	}
}

// at is the first argument at a row of the partition, def outside of it.
func at(w Partition, i int, def types.Datum) (types.Datum, error) {
	if i < 0 || i >= w.Len() {
		return def, nil
	}
	return w.Arg(0, i)
}

func ntile(_ *Call, w Partition, pos int) (types.Datum, error) {
	d, err := w.Arg(0, 0)
	if err != nil || d.Null {
		return types.NullDatum, err
	}
	if d.I <= 0 {
		return types.Datum{}, pgerr.New(pgerr.InvalidArgumentForNtileFunction, "argument of ntile must be greater than zero")
	}
	n, buckets := int64(w.Len()), d.I
	size, bigger := n/buckets, n%buckets // the first buckets hold one row more
	p := int64(pos)
	if edge := bigger * (size + 1); p >= edge {
		return types.Int(bigger + (p-edge)/max(1, size) + 1), nil
	}
	return types.Int(p/(size+1) + 1), nil
}

// nthOfFrame is the n-th row of the frame from its start or its end, skipping excluded rows.
func nthOfFrame(w Partition, pos, n int, fromEnd bool) (types.Datum, error) {
	start, err := w.FrameStart(pos)
	if err != nil {
		return types.Datum{}, err
	}
	end, err := w.FrameEnd(pos)
	if err != nil {
		return types.Datum{}, err
	}
	if fromEnd {
		for i := end - 1; i >= start; i-- {
			if !w.Excluded(pos, i) {
				return w.Arg(0, i)
			}
		}
		return types.NullDatum, nil
	}
	for i := start; i < end; i++ {
		if w.Excluded(pos, i) {
			continue
		}
		if n--; n == 0 {
			return w.Arg(0, i)
		}
	}
	return types.NullDatum, nil
}
