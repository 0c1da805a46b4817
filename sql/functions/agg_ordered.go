package functions

import (
	"math"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// Ordered-set and hypothetical-set aggregates (9.21): they see their group's rows sorted.

func init() {
	orderedSets["mode"] = mode
	orderedSets["percentile_disc"] = percentile(discrete)
	orderedSets["percentile_cont"] = percentile(continuous)
	orderedSets["rank"] = hypothetical(func(less, equal, n, groups int) types.Datum { return types.Int(int64(less) + 1) })
	orderedSets["dense_rank"] = hypothetical(func(less, equal, n, groups int) types.Datum { return types.Int(int64(groups) + 1) })
	orderedSets["percent_rank"] = hypothetical(func(less, equal, n, groups int) types.Datum {
		if n == 0 {
			return types.Float(0)
		}
		return types.Float(float64(less) / float64(n))
	})
	orderedSets["cume_dist"] = hypothetical(func(less, equal, n, groups int) types.Datum {
		return types.Float(float64(less+equal+1) / float64(n+1))
	})
}

// notNull narrows the rows to those whose value is not NULL: NULLs sort to one end.
func notNull(rows SortedRows) (from, to int) {
	from, to = 0, rows.Len()
	for from < to && rows.Row(from)[0].Null {
		from++
	}
	for to > from && rows.Row(to - 1)[0].Null {
		to--
	}
	return
}

func mode(c *Call, _ []types.Datum, rows SortedRows) (types.Datum, error) {
	from, to := notNull(rows)
	best, bestN := types.NullDatum, 0
	for i := from; i < to; {
		j := i + 1
		for j < to && rows.Compare(rows.Row(i), j) == 0 {
			j++
		}
		if j-i > bestN {
			best, bestN = rows.Row(i)[0], j-i
		}
		i = j
	}
	return best, nil
}

type pick func(c *Call, p float64, rows SortedRows, from, n int) (types.Datum, error)

func discrete(_ *Call, p float64, rows SortedRows, from, n int) (types.Datum, error) {
	i := int(math.Ceil(p*float64(n))) - 1
	return rows.Row(from + max(0, i))[0], nil
}

func continuous(c *Call, p float64, rows SortedRows, from, n int) (types.Datum, error) {
	x := p * float64(n-1)
	lo, hi := int(math.Floor(x)), int(math.Ceil(x))
	a := rows.Row(from + lo)[0]
	if lo == hi {
		return a, nil
	}
	b := rows.Row(from + hi)[0]
	frac := x - float64(lo)
	if c.Args[len(c.Args)-1].OID == types.OIDInterval {
		ia, ib := types.UnpackInterval(a.S), types.UnpackInterval(b.S)
		diff, err := ib.Sub(ia)
		if err != nil {
			return types.Datum{}, err
		}
		part, err := diff.Mul(frac)
		if err != nil {
			return types.Datum{}, err
		}
		sum, err := ia.Add(part)
		return types.Str(sum.Pack()), err
	}
	fa, fb := a.Float(), b.Float()
	return types.Float(fa + frac*(fb-fa)), nil
}

// percentile handles a single fraction and an array of them.
func percentile(f pick) OrderedSet {
	return func(c *Call, direct []types.Datum, rows SortedRows) (types.Datum, error) {
		from, to := notNull(rows)
		n := to - from
		if direct[0].Null {
			return types.NullDatum, nil
		}
		one := func(d types.Datum) (types.Datum, error) {
			if d.Null {
				return types.NullDatum, nil
			}
			p := d.Float()
			if p < 0 || p > 1 || math.IsNaN(p) {
				return types.Datum{}, pgerr.Newf(pgerr.NumericValueOutOfRange, "percentile value %s is not between 0 and 1", types.AppendFloat8(nil, p, 1))
			}
			if n == 0 {
				return types.NullDatum, nil
			}
			return f(c, p, rows, from, n)
		}
		if c.Args[0].OID != types.OIDFloat8Array {
			return one(direct[0])
		}
		if n == 0 {
			return types.NullDatum, nil
		}
		arr := types.ParseArray(direct[0].S)
		b := types.NewArrayBuilder(c.Env.IO, types.ElemOf(c.Env.IO, c.Ret.OID))
		for i := 0; i < arr.Len(); i++ {
			v, err := one(arr.Elem(i))
			if err != nil {
				return types.Datum{}, err
			}
			b.Append(v)
		}
		s, err := b.FinishDims(arr.Dims())
		return types.Str(s), err
	}
}

// hypothetical ranks the row made of the direct arguments among the group's rows.
func hypothetical(f func(less, equal, n, groups int) types.Datum) OrderedSet {
	return func(c *Call, direct []types.Datum, rows SortedRows) (types.Datum, error) {
		n := rows.Len()
		less, equal, groups := 0, 0, 0
		for i := 0; i < n; i++ {
			switch cmp := rows.Compare(direct, i); {
			case cmp > 0:
				if less == 0 || rows.Compare(rows.Row(i-1), i) != 0 {
					groups++
				}
				less++
			case cmp == 0:
				equal++
			}
		}
		return f(less, equal, n, groups), nil
	}
}
