package functions

import (
	"encoding/binary"
	"math"

	"kimberlite/sql/types"
)

// Sums, averages and statistics over numbers.

// numState accumulates numerics exactly: count, sum and, for variances, the sum of squares.
type numState struct {
	n       int64
	sum, sq types.NumericSum
}

func init() {
	for _, t := range []string{"int8", "numeric"} {
		aggregate("sum/"+t, numericAgg(t, false, func(s *numState) (types.Datum, error) {
			if s.n == 0 {
				return types.NullDatum, nil
			}
			v, err := s.sum.Sum()
			return types.Str(v), err
		}))
	}
	for _, t := range []string{"int2", "int4", "int8", "numeric"} {
		aggregate("avg/"+t, numericAgg(t, false, func(s *numState) (types.Datum, error) {
			if s.n == 0 {
				return types.NullDatum, nil
			}
			v, err := s.sum.Avg()
			return types.Str(v), err
		}))
		for name, v := range varianceNames {
			v := v
			aggregate(name+"/"+t, numericAgg(t, true, func(s *numState) (types.Datum, error) { return s.variance(v.sample, v.root) }))
		}
	}
	for _, t := range []string{"float4", "float8"} {
		single := t == "float4"
		aggregate("sum/"+t, floatAgg(func(s *floatState) (types.Datum, error) {
			if s.n == 0 {
				return types.NullDatum, nil
			}
			if single {
				return types.Float(float64(float32(s.plain))), nil
			}
			return types.Float(s.plain), nil
		}, single))
		aggregate("avg/"+t, floatAgg(func(s *floatState) (types.Datum, error) {
			if s.n == 0 {
				return types.NullDatum, nil
			}
			return types.Float(s.sx / s.n), nil
		}, false))
		for name, v := range varianceNames {
			v := v
			aggregate(name+"/"+t, floatAgg(func(s *floatState) (types.Datum, error) { return s.variance(v.sample, v.root), nil }, false))
		}
	}
	aggregate("sum/interval", intervalAgg(false))
	aggregate("avg/interval", intervalAgg(true))
	registerRegression()
}

// varianceNames: whether the statistic is of a sample and whether it is the root.
var varianceNames = map[string]struct{ sample, root bool }{
	"variance": {true, false}, "var_samp": {true, false}, "var_pop": {false, false},
	"stddev": {true, true}, "stddev_samp": {true, true}, "stddev_pop": {false, true},
}

func (s *numState) variance(sample, root bool) (types.Datum, error) {
	sum, err := s.sum.Sum()
	if err != nil {
		return types.Datum{}, err
	}
	sq, err := s.sq.Sum()
	if err != nil {
		return types.Datum{}, err
	}
	v, ok, err := types.NumericVariance(s.n, sum, sq, sample, root)
	if err != nil || !ok {
		return types.NullDatum, err
	}
	return types.Str(v), nil
}

// numericAgg makes an aggregate over int2..int8 or numeric arguments with a fast path for what fits machine words.
func numericAgg(argType string, squares bool, final func(s *numState) (types.Datum, error)) Aggregate {
	isInt := argType != "numeric"
	return func(c *Call) (Aggregator, error) {
		a := &numAgg{states: states[numState]{size: 160, final: final}, isInt: isInt, squares: squares}
		a.step = a.one
		a.undo = func(s *numState, args []types.Datum) error {
			v := args[0].S
			if isInt {
				v = types.NumericFromInt64(args[0].I)
			}
			s.n--
			s.sum.Remove(v)
			if squares {
				sq, err := types.NumericMul(v, v)
				if err != nil {
					return err
				}
				s.sq.Remove(sq)
			}
			return nil
		}
		a.save = func(dst []byte, s *numState) []byte {
			dst = binary.AppendVarint(dst, s.n)
			sum, _ := s.sum.Sum()
			dst = appendDatum(dst, types.Str(sum), types.Bytes)
			sq, _ := s.sq.Sum()
			return appendDatum(dst, types.Str(sq), types.Bytes)
		}
		a.load = func(s *numState, src []byte) error {
			n, k := binary.Varint(src)
			if k <= 0 {
				return errState
			}
			sum, rest, err := readDatum(src[k:], types.Bytes)
			if err != nil {
				return err
			}
			sq, _, err := readDatum(rest, types.Bytes)
			if err != nil {
				return err
			}
			*s = numState{n: n}
			if n > 0 {
				s.sum.Add(sum.S)
				if squares {
					s.sq.Add(sq.S)
				}
			}
			return nil
		}
		a.merge = func(s, o *numState) error {
			s.n += o.n
			s.sum.Merge(&o.sum)
			s.sq.Merge(&o.sq)
			return nil
		}
		return a, nil
	}
}

type numAgg struct {
	states[numState]
	isInt, squares bool
}

// Add is the hot path of sum and avg: no datum is built for a value.
func (a *numAgg) Add(groups []int32, sel []int32, args []*types.Vec) error {
	if a.squares {
		return a.states.Add(groups, sel, args)
	}
	v := args[0]
	for i, g := range groups {
		r := i
		if sel != nil {
			r = int(sel[i])
		}
		if v.Nulls != nil && v.Nulls.Get(r) {
			continue
		}
		s := &a.groups[g]
		s.n++
		if a.isInt {
			s.sum.AddInt64(v.Fix[r])
		} else if coef, scale, ok := types.UnpackSmallNumeric(v.Str[r]); ok {
			s.sum.AddSmall(coef, scale)
		} else {
			s.sum.Add(v.Str[r])
		}
	}
	return nil
}

func (a *numAgg) one(s *numState, args []types.Datum) error {
	v := args[0].S
	if a.isInt {
		v = types.NumericFromInt64(args[0].I)
	}
	s.n++
	s.sum.Add(v)
	if a.squares {
		sq, err := types.NumericMul(v, v)
		if err != nil {
			return err
		}
		s.sq.Add(sq)
	}
	return nil
}

// Remove implements Removable.
func (a *numAgg) Remove(group int, args []types.Datum) error {
	if args[0].Null {
		return nil
	}
	return a.undo(&a.groups[group], args)
}

// floatState is the Youngs-Cramer accumulation: count, sum and sum of squared differences; plain is the simple sum for sum().
type floatState struct{ n, sx, sxx, plain float64 }

func (s *floatState) add(x float64) error {
	n, sx := s.n+1, s.sx+x
	sxx := s.sxx
	if s.n > 0 {
		tmp := x*n - sx
		sxx += tmp * tmp / (n * s.n)
		if isInf(sx) || isInf(sxx) {
			if !isInf(s.sx) && !isInf(x) {
				return errFloatOverflow
			}
			sxx = math.NaN()
		}
	} else if math.IsNaN(x) || isInf(x) {
		sxx = math.NaN()
	}
	s.n, s.sx, s.sxx = n, sx, sxx
	return nil
}

func (s *floatState) variance(sample, root bool) types.Datum {
	d := s.n
	if sample {
		d--
	}
	if d <= 0 || s.n == 0 {
		return types.NullDatum
	}
	v := s.sxx / d
	if root {
		v = math.Sqrt(v)
	}
	return types.Float(v)
}

func floatAgg(final func(s *floatState) (types.Datum, error), single bool) Aggregate {
	return func(c *Call) (Aggregator, error) {
		sumOnly := c.Name == "sum"
		return wrap(&states[floatState]{
			size:  32,
			final: final,
			step: func(s *floatState, a []types.Datum) error {
				x := a[0].Float()
				if sumOnly {
					sum := s.plain + x
					if single {
						sum = float64(float32(sum))
					}
					if isInf(sum) && !isInf(x) && !isInf(s.plain) {
						return errFloatOverflow
					}
					s.n++
					s.plain = sum
					return nil
				}
				return s.add(x)
			},
			save: func(dst []byte, s *floatState) []byte { return appendFloats(dst, s.n, s.sx, s.sxx, s.plain) },
			load: func(s *floatState, src []byte) error {
				return readFloats(src, &s.n, &s.sx, &s.sxx, &s.plain)
			},
			merge: func(s, o *floatState) error {
				s.plain += o.plain
				if o.n == 0 {
					return nil
				}
				if s.n == 0 {
					*s = *o
					return nil
				}
				n := s.n + o.n
				tmp := s.sx/s.n - o.sx/o.n
				s.sxx += o.sxx + s.n*o.n*tmp*tmp/n
				s.n, s.sx = n, s.sx+o.sx
				return nil
			},
		}), nil
	}
}

func appendFloats(dst []byte, vals ...float64) []byte {
	for _, v := range vals {
		dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(v))
	}
	return dst
}

func readFloats(src []byte, vals ...*float64) error {
	if len(src) < 8*len(vals) {
		return errState
	}
	for i, v := range vals {
		*v = math.Float64frombits(binary.LittleEndian.Uint64(src[8*i:]))
	}
	return nil
}

func intervalAgg(avg bool) Aggregate {
	return func(c *Call) (Aggregator, error) {
		type st struct{ s types.IntervalSum }
		return wrap(&states[st]{
			size: 32,
			step: func(s *st, a []types.Datum) error { return s.s.Add(types.UnpackInterval(a[0].S)) },
			undo: func(s *st, a []types.Datum) error { return s.s.Remove(types.UnpackInterval(a[0].S)) },
			final: func(s *st) (types.Datum, error) {
				if !avg {
					iv, ok := s.s.Sum()
					return types.Datum{S: iv.Pack(), Null: !ok}, nil
				}
				iv, ok, err := s.s.Avg()
				if err != nil || !ok {
					return types.NullDatum, err
				}
				return types.Str(iv.Pack()), nil
			},
			save: func(dst []byte, s *st) []byte {
				iv, _ := s.s.Sum()
				return appendDatum(binary.AppendVarint(dst, s.s.Count()), types.Str(iv.Pack()), types.Bytes)
			},
			load: func(s *st, src []byte) error {
				n, k := binary.Varint(src)
				if k <= 0 {
					return errState
				}
				d, _, err := readDatum(src[k:], types.Bytes)
				if err != nil {
					return err
				}
				s.s = types.MakeIntervalSum(types.UnpackInterval(d.S), n)
				return nil
			},
			merge: func(s, o *st) error { return s.s.Merge(&o.s) },
		}), nil
	}
}

// regression holds the sums of two-variable statistics: f(Y, X).
type regression struct{ n, sx, sxx, sy, syy, sxy float64 }

func (s *regression) add(y, x float64) {
	n, sx, sy := s.n+1, s.sx+x, s.sy+y
	if s.n > 0 {
		dx, dy := x*n-sx, y*n-sy
		scale := 1 / (n * s.n)
		s.sxx += dx * dx * scale
		s.syy += dy * dy * scale
		s.sxy += dx * dy * scale
		if isInf(x) || isInf(sx) {
			s.sxx, s.sxy = math.NaN(), math.NaN()
		}
		if isInf(y) || isInf(sy) {
			s.syy, s.sxy = math.NaN(), math.NaN()
		}
	} else {
		if math.IsNaN(x) || isInf(x) {
			s.sxx, s.sxy = math.NaN(), math.NaN()
		}
		if math.IsNaN(y) || isInf(y) {
			s.syy, s.sxy = math.NaN(), math.NaN()
		}
	}
	s.n, s.sx, s.sy = n, sx, sy
}

func registerRegression() {
	type final = func(s *regression) types.Datum
	orNull := func(ok bool, v float64) types.Datum {
		if !ok {
			return types.NullDatum
		}
		return types.Float(v)
	}
	for name, f := range map[string]final{
		"regr_count": func(s *regression) types.Datum { return types.Int(int64(s.n)) },
		"regr_sxx":   func(s *regression) types.Datum { return orNull(s.n >= 1, s.sxx) },
		"regr_syy":   func(s *regression) types.Datum { return orNull(s.n >= 1, s.syy) },
		"regr_sxy":   func(s *regression) types.Datum { return orNull(s.n >= 1, s.sxy) },
		"regr_avgx":  func(s *regression) types.Datum { return orNull(s.n >= 1, s.sx/s.n) },
		"regr_avgy":  func(s *regression) types.Datum { return orNull(s.n >= 1, s.sy/s.n) },
		"covar_pop":  func(s *regression) types.Datum { return orNull(s.n >= 1, s.sxy/s.n) },
		"covar_samp": func(s *regression) types.Datum { return orNull(s.n >= 2, s.sxy/(s.n-1)) },
		"corr": func(s *regression) types.Datum {
			return orNull(s.n >= 1 && s.sxx != 0 && s.syy != 0, s.sxy/math.Sqrt(s.sxx*s.syy))
		},
		"regr_slope":     func(s *regression) types.Datum { return orNull(s.n >= 1 && s.sxx != 0, s.sxy/s.sxx) },
		"regr_intercept": func(s *regression) types.Datum { return orNull(s.n >= 1 && s.sxx != 0, (s.sy-s.sx*s.sxy/s.sxx)/s.n) },
		"regr_r2": func(s *regression) types.Datum {
			if s.n >= 1 && s.sxx != 0 && s.syy == 0 {
				return types.Float(1)
			}
			return orNull(s.n >= 1 && s.sxx != 0, s.sxy*s.sxy/(s.sxx*s.syy))
		},
	} {
		f := f
		aggregate(name, func(*Call) (Aggregator, error) {
			return wrap(&states[regression]{
				size:  48,
				step:  func(s *regression, a []types.Datum) error { s.add(a[0].Float(), a[1].Float()); return nil },
				final: func(s *regression) (types.Datum, error) { return f(s), nil },
				save: func(dst []byte, s *regression) []byte {
					return appendFloats(dst, s.n, s.sx, s.sxx, s.sy, s.syy, s.sxy)
				},
				load: func(s *regression, src []byte) error {
					return readFloats(src, &s.n, &s.sx, &s.sxx, &s.sy, &s.syy, &s.sxy)
				},
				merge: func(s, o *regression) error {
					if o.n == 0 {
						return nil
					}
					if s.n == 0 {
						*s = *o
						return nil
					}
					n := s.n + o.n
					dx, dy := s.sx/s.n-o.sx/o.n, s.sy/s.n-o.sy/o.n
					s.sxx += o.sxx + s.n*o.n*dx*dx/n
					s.syy += o.syy + s.n*o.n*dy*dy/n
					s.sxy += o.sxy + s.n*o.n*dx*dy/n
					s.n, s.sx, s.sy = n, s.sx+o.sx, s.sy+o.sy
					return nil
				},
			}), nil
		})
	}
}
