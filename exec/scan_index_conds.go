package exec

import (
	"bytes"
	"slices"

	"kimberlite/exec/plan"
	"kimberlite/projections"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// indexConds are the conditions of an index scan, compiled: equalities on the leading key columns, then a range on the next.
type indexConds struct {
	st  *state
	def *projections.IndexDef
	eq  []indexEq
	lo  *indexBound
	hi  *indexBound
	// prefix is a text prefix; notNull leaves NULLs of the range column out.
	prefix  expr
	notNull bool
	point   bool // only equalities, none with NULL
}

type indexEq struct {
	op    plan.IndexOp
	value expr      // nil for IS NULL
	from  types.OID // the value's type where the key column has another, with FloorTime between them
}

// indexBound is one end of the range of the column behind the equalities.
type indexBound struct {
	value     expr
	inclusive bool
	from      types.OID // as in indexEq
}

func (b *builder) indexConds(rel *relation, ix int, conds []plan.IndexCond) (*indexConds, error) {
	k := &indexConds{st: b.st, def: &rel.def.Indexes[ix]}
	c := b.c.binding(noColumns)
	k.point = true
	for _, cond := range conds {
		var x expr
		if cond.Value != nil {
			var err error
			if x, err = c.compile(cond.Value); err != nil {
				return nil, err
			}
		}
		switch cond.Op {
		case plan.OpEq, plan.OpAny, plan.OpIsNull:
			if cond.Key != len(k.eq) || k.lo != nil || k.hi != nil || k.prefix != nil {
				return nil, pgerr.Internal("index conditions out of order")
			}
			if cond.Op == plan.OpIsNull {
				k.point = false
			}
			k.eq = append(k.eq, indexEq{cond.Op, x, k.foreignType(cond)})
			continue
		}
		if cond.Key != len(k.eq) {
			return nil, pgerr.Internal("index conditions out of order")
		}
		k.point = false
		switch cond.Op {
		case plan.OpLt:
			k.hi = &indexBound{x, false, k.foreignType(cond)}
		case plan.OpLe:
			k.hi = &indexBound{x, true, k.foreignType(cond)}
		case plan.OpGt:
			k.lo = &indexBound{x, false, k.foreignType(cond)}
		case plan.OpGe:
			k.lo = &indexBound{x, true, k.foreignType(cond)}
		case plan.OpPrefix:
			k.prefix = x
		case plan.OpIsNotNull:
			k.notNull = true
		}
	}
	return k, nil
}

// foreignType is the type of the condition's value where it is not the column's own but can be brought to it.
func (k *indexConds) foreignType(cond plan.IndexCond) types.OID {
	if cond.Value == nil {
		return 0
	}
	if t := types.StandIn(&k.st.io, cond.Value.Type().OID); types.CanFloorTime(k.def.Parts[cond.Key].Key, t) {
		return t
	}
	return 0
}

// floor expresses a value of type from in key column i, as nearly from below as the column's type can.
func (k *indexConds) floor(i int, from types.OID, d *types.Datum) (exact bool) {
	if from == 0 || d.Null {
		return true
	}
	d.I, exact = types.FloorTime(&k.st.io, k.def.Parts[i].Key, from, d.I)
	return exact
}

// bound evaluates one end of the range; nil without one.
func (k *indexConds) bound(b *indexBound, upper bool, env *rowEnv) (*projections.Bound, error) {
	if b == nil {
		return nil, nil
	}
	d, err := b.value.row(env)
	if err != nil {
		return nil, err
	}
	exact := k.floor(len(k.eq), b.from, &d)
	return &projections.Bound{Value: d, Inclusive: b.inclusive && exact || upper && !exact}, nil
}

// spans appends the key ranges to scan, ascending and disjoint.
func (k *indexConds) spans(out []projections.KeySpan) ([]projections.KeySpan, error) {
	env := &rowEnv{}
	lists := make([][]types.Datum, len(k.eq))
	for i, q := range k.eq {
		switch q.op {
		case plan.OpIsNull:
			lists[i] = []types.Datum{types.NullDatum}
		case plan.OpEq:
			d, err := q.value.row(env)
			if err != nil {
				return nil, err
			}
			if d.Null {
				return out, nil
			}
			if !k.floor(i, q.from, &d) {
				return out, nil // no value of the column's type equals it
			}
			lists[i] = []types.Datum{d}
		default:
			d, err := q.value.row(env)
			if err != nil {
				return nil, err
			}
			if d.Null {
				return out, nil
			}
			a := types.ParseArray(d.S)
			for j := range a.Len() {
				if !a.IsNull(j) {
					lists[i] = append(lists[i], a.Elem(j))
				}
			}
			if len(lists[i]) == 0 {
				return out, nil
			}
			cmp := types.Comparator(&k.st.io, k.def.Parts[i].Key)
			slices.SortFunc(lists[i], cmp)
			lists[i] = slices.CompactFunc(lists[i], func(a, b types.Datum) bool { return cmp(a, b) == 0 })
			if k.def.Parts[i].Desc {
				slices.Reverse(lists[i])
			}
		}
	}
	lo, err := k.bound(k.lo, false, env)
	if err != nil {
		return nil, err
	}
	hi, err := k.bound(k.hi, true, env)
	if err != nil {
		return nil, err
	}
	if k.prefix != nil {
		d, err := k.prefix.row(env)
		if err != nil || d.Null {
			return out, err
		}
		lo = &projections.Bound{Value: d, Inclusive: true}
		if end, ok := prefixEnd(d.S); ok {
			hi = &projections.Bound{Value: types.Datum{S: end}}
		}
	}
	eq := make([]types.Datum, len(k.eq))
	var product func(i int)
	product = func(i int) {
		if i == len(k.eq) {
			if lo == nil && hi == nil && k.notNull {
				if s, ok := k.valuesSpan(eq); ok {
					out = append(out, s)
				}
			} else if s, ok := k.def.Span(eq, lo, hi); ok {
				out = append(out, s)
			}
			return
		}
		for _, d := range lists[i] {
			eq[i] = d
			product(i + 1)
		}
	}
	product(0)
	return out, nil
}

// valuesSpan is the span of keys whose column after eq is not NULL: values lie behind the marker 1, the NULLs' markers are 0 and 2.
func (k *indexConds) valuesSpan(eq []types.Datum) (projections.KeySpan, bool) {
	s, ok := k.def.Span(eq, nil, nil)
	if !ok {
		return s, false
	}
	return projections.KeySpan{Start: append(bytes.Clone(s.Start), 1), End: append(bytes.Clone(s.Start), 2)}, true
}

// prefixEnd returns the smallest string above all strings with the prefix.
func prefixEnd(p string) (string, bool) {
	b := []byte(p)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] < 0xff {
			b[i]++
			return string(b[:i+1]), true
		}
	}
	return "", false
}
