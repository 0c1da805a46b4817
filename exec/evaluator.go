package exec

import (
	"sync"

	"kimberlite/projections"
	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// Evaluator computes index expressions and predicates of partial indexes for the projections. Such expressions are immutable functions of the row, so they need
// no session; user types in them are found through Types.
type Evaluator struct {
	// Types returns the catalog in force for the types that expressions name; nil knows built-in types only.
	Types func() types.Resolver
}

var _ projections.Evaluator = (*Evaluator)(nil)

// Compile implements projections.Evaluator.
func (e *Evaluator) Compile(table *projections.TableDef, encoded []byte) (func(row []types.Datum) (types.Datum, error), error) {
	x, err := tree.Decode(encoded)
	if err != nil {
		return nil, err
	}
	first, err := e.compile(x)
	if err != nil {
		return nil, err
	}
	pool := sync.Pool{New: func() any {
		c, err := e.compile(x)
		if err != nil {
			return err
		}
		return c
	}}
	pool.Put(first)
	return func(row []types.Datum) (types.Datum, error) {
		got := pool.Get()
		c, ok := got.(*Expr)
		if !ok {
			err, _ := got.(error)
			return types.Datum{}, err
		}
		d, err := c.Next(row)
		pool.Put(c)
		return d, err
	}, nil
}

func (e *Evaluator) compile(x tree.Expr) (*Expr, error) {
	var res types.Resolver
	if e.Types != nil {
		res = e.Types()
	}
	cat, _ := res.(catalog.Reader)
	st := newState(emptyPlan, cat)
	st.ctx = &Context{}
	st.io.Types = res
	c := &compiler{st: st, cat: cat, io: &st.io}
	st.gen = executions.Add(1)
	c.bind = func(v *tree.Var) (expr, error) {
		if v.AttNo < 1 {
			return nil, pgerr.Internal("system column in an index expression")
		}
		return &varExpr{col: v.AttNo - 1}, nil
	}
	k, err := c.compile(x)
	if err != nil {
		return nil, err
	}
	return &Expr{in: &instance{st: st}, x: k}, nil
}
