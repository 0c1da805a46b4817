package functions

import (
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// Set-returning functions over numbers, times and arrays.

// generator is a RowSource of one column that computes its values.
type generator struct {
	next func() (types.Datum, bool, error)
	done bool
}

func (g *generator) Next(b *types.Batch) error {
	for !g.done && b.N < types.BatchRows {
		d, ok, err := g.next()
		if err != nil {
			return err
		}
		if !ok {
			g.done = true
			break
		}
		b.Cols[0].Append(d)
		b.N++
	}
	return nil
}

func (g *generator) Close() {}

// Generate makes a RowSource of one column from a function that yields its values.
func Generate(next func() (types.Datum, bool, error)) RowSource { return &generator{next: next} }

// Values makes a RowSource of one column from its values.
func Values(vals []types.Datum) RowSource {
	i := 0
	return Generate(func() (types.Datum, bool, error) {
		if i >= len(vals) {
			return types.Datum{}, false, nil
		}
		i++
		return vals[i-1], true, nil
	})
}

// rowList is a RowSource over rows that are all there.
type rowList struct {
	rows [][]types.Datum
	pos  int
}

// Rows makes a RowSource of rows.
func Rows(rows [][]types.Datum) RowSource { return &rowList{rows: rows} }

func (l *rowList) Next(b *types.Batch) error {
	for ; l.pos < len(l.rows) && b.N < types.BatchRows; l.pos++ {
		for i, c := range b.Cols {
			if i < len(l.rows[l.pos]) {
				c.Append(l.rows[l.pos][i])
			} else {
				c.Append(types.NullDatum)
			}
		}
		b.N++
	}
	return nil
}

func (l *rowList) Close() {}

// noRows is the empty set, what a strict set-returning function gives for a NULL argument.
func noRows() RowSource { return &rowList{} }

func anyNull(args []types.Datum) bool {
	for _, a := range args {
		if a.Null {
			return true
		}
	}
	return false
}

var errZeroStep = pgerr.New(pgerr.InvalidParameterValue, "step size cannot equal zero")

func init() {
	for _, size := range []int{4, 8} {
		set("generate_series_"+intName(size), intSeries)
		set("generate_series_step_"+intName(size), intSeries)
	}
	set("generate_series_numeric", numericSeries)
	set("generate_series_step_numeric", numericSeries)
	set("generate_series_timestamp", timeSeries(func(_ *Call, t int64, iv types.Interval) (int64, error) { return types.TimestampPlusInterval(t, iv) }))
	set("generate_series_timestamptz", timeSeries(func(c *Call, t int64, iv types.Interval) (int64, error) {
		return types.TimestamptzPlusInterval(c.Env.IO, t, iv)
	}))
	set("generate_subscripts", subscripts)
	set("generate_subscripts_nodir", subscripts)
	set("array_unnest", unnest)
	setOID(13208, expandArray) // information_schema._pg_expandarray, defined in SQL
}

// intSeriesSource fills whole batches.
type intSeriesSource struct {
	at, stop, step int64
	done           bool
}

func (s *intSeriesSource) Next(b *types.Batch) error {
	v := b.Cols[0]
	for !s.done && b.N < types.BatchRows {
		if s.step > 0 && s.at > s.stop || s.step < 0 && s.at < s.stop {
			s.done = true
			break
		}
		n := b.N
		v.Resize(n + 1)
		v.Fix[n] = s.at
		b.N++
		next, ok := addInt64(s.at, s.step)
		if !ok {
			s.done = true
		}
		s.at = next
	}
	return nil
}

func (s *intSeriesSource) Close() {}

func intSeries(_ *Call, _ []types.T, a []types.Datum) (RowSource, error) {
	if anyNull(a) {
		return noRows(), nil
	}
	s := &intSeriesSource{at: a[0].I, stop: a[1].I, step: 1}
	if len(a) > 2 {
		s.step = a[2].I
	}
	if s.step == 0 {
		return nil, errZeroStep
	}
	return s, nil
}

func numericSeries(_ *Call, _ []types.T, a []types.Datum) (RowSource, error) {
	if anyNull(a) {
		return noRows(), nil
	}
	step := types.NumericFromInt64(1)
	if len(a) > 2 {
		step = a[2].S
	}
	for i, what := range []struct{ v, name string }{{a[0].S, "start"}, {a[1].S, "stop"}, {step, "step"}} {
		name := what.name + " value"
		if i == 2 {
			name = "step size"
		}
		if types.NumericIsNaN(what.v) {
			return nil, pgerr.Newf(pgerr.InvalidParameterValue, "%s cannot be NaN", name)
		}
		if types.NumericIsInf(what.v) {
			return nil, pgerr.Newf(pgerr.InvalidParameterValue, "%s cannot be infinity", name)
		}
	}
	sign := types.NumericSign(step)
	if sign == 0 {
		return nil, errZeroStep
	}
	cur := a[0].S
	return Generate(func() (types.Datum, bool, error) {
		if c := types.NumericCompare(cur, a[1].S); c*sign > 0 {
			return types.Datum{}, false, nil
		}
		out := cur
		next, err := types.NumericAdd(cur, step)
		cur = next
		return types.Str(out), err == nil, err
	}), nil
}

func timeSeries(add func(c *Call, t int64, iv types.Interval) (int64, error)) SetReturning {
	return func(c *Call, _ []types.T, a []types.Datum) (RowSource, error) {
		if anyNull(a) {
			return noRows(), nil
		}
		step := types.UnpackInterval(a[2].S)
		sign := step.Sign()
		if sign == 0 {
			return nil, errZeroStep
		}
		cur := a[0].I
		return Generate(func() (types.Datum, bool, error) {
			if sign > 0 && cur > a[1].I || sign < 0 && cur < a[1].I {
				return types.Datum{}, false, nil
			}
			out := cur
			next, err := add(c, cur, step)
			cur = next
			return types.Int(out), err == nil, err
		}), nil
	}
}

// subscripts yields the subscripts of one dimension, backwards on request.
func subscripts(_ *Call, _ []types.T, a []types.Datum) (RowSource, error) {
	if anyNull(a) {
		return noRows(), nil
	}
	arr := types.ParseArray(a[0].S)
	dims := arr.Dims()
	d := int(a[1].I)
	if d < 1 || d > len(dims) {
		return noRows(), nil
	}
	lo, hi := int64(dims[d-1].Lower), int64(dims[d-1].Lower+dims[d-1].Len-1)
	if len(a) > 2 && a[2].IsTrue() {
		return &intSeriesSource{at: hi, stop: lo, step: -1}, nil
	}
	return &intSeriesSource{at: lo, stop: hi, step: 1}, nil
}

// unnest yields an array's elements; an array of composites becomes their columns.
func unnest(c *Call, cols []types.T, a []types.Datum) (RowSource, error) {
	if a[0].Null {
		return noRows(), nil
	}
	arr := types.ParseArray(a[0].S)
	i := 0
	if len(cols) > 1 || len(cols) == 1 && isComposite(c, types.ElemOf(c.Env.IO, c.Args[0].OID)) && !isComposite(c, cols[0].OID) {
		rows := make([][]types.Datum, arr.Len())
		for k := range rows {
			rows[k] = recordFields(arr.Elem(k), len(cols))
		}
		return Rows(rows), nil
	}
	return Generate(func() (types.Datum, bool, error) {
		if i >= arr.Len() {
			return types.Datum{}, false, nil
		}
		i++
		return arr.Elem(i - 1), true, nil
	}), nil
}

func isComposite(c *Call, t types.OID) bool {
	info := types.Lookup(c.Env.IO, t)
	return info != nil && (info.Kind == types.KindComposite || t == types.OIDRecord)
}

// recordFields spreads a composite value over n columns.
func recordFields(d types.Datum, n int) []types.Datum {
	out := make([]types.Datum, n)
	for i := range out {
		out[i] = types.NullDatum
	}
	if d.Null {
		return out
	}
	r := types.ParseRecord(d.S)
	for i := 0; i < r.Len() && i < n; i++ {
		out[i] = r.Field(i)
	}
	return out
}

// expandArray is information_schema._pg_expandarray: each element x with its position n from 1.
func expandArray(_ *Call, _ []types.T, a []types.Datum) (RowSource, error) {
	if a[0].Null {
		return noRows(), nil
	}
	arr := types.ParseArray(a[0].S)
	rows := make([][]types.Datum, arr.Len())
	for i := range rows {
		rows[i] = []types.Datum{arr.Elem(i), types.Int(int64(i) + 1)}
	}
	return Rows(rows), nil
}
