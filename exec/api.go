package exec

import (
	"kimberlite/exec/plan"
	"kimberlite/sql/catalog"
	"kimberlite/sql/functions"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// emptyPlan is the plan of an instance that only serves expressions and writers.
var emptyPlan = &plan.Plan{Root: &plan.Result{}, Cmd: tree.CmdSelect, Nodes: 1}

// Expr is an expression compiled for use outside a plan: defaults, EXECUTE's parameters, CHECK of existing rows, ALTER TABLE ... USING. Its Vars (any VarNo) refer
// to the row by attribute number. Not for concurrent use.
type Expr struct {
	in  *instance
	x   expr
	env rowEnv
}

// CompileExpr compiles an expression without subqueries.
func CompileExpr(e tree.Expr, cat catalog.Reader) (*Expr, error) {
	st := newState(emptyPlan, cat)
	in := &instance{st: st}
	b := newBuilder(st, cat, in)
	c := b.c.binding(nil)
	c.bind = func(v *tree.Var) (expr, error) {
		if v.AttNo < 1 {
			return nil, pgerr.Unsupported("a system column in this place", "")
		}
		return &varExpr{col: v.AttNo - 1}, nil
	}
	x, err := c.compile(e)
	if err != nil {
		return nil, err
	}
	return &Expr{in: in, x: x}, nil
}

// EvalConst computes an expression without columns and parameters: constant folding, EXECUTE's parameters.
func EvalConst(env *functions.Env, e tree.Expr) (types.Datum, error) {
	if k, ok := e.(*tree.Const); ok {
		return k.Value, nil
	}
	x, err := CompileExpr(e, env.Catalog)
	if err != nil {
		return types.Datum{}, err
	}
	return x.Eval(&Context{Env: env}, nil, nil)
}

// Eval computes the expression for a row (datums by attribute number - 1; nil when it has no columns). Of ctx only Ctx and Env are needed.
// params are the values of $1, $2, ... .
func (e *Expr) Eval(ctx *Context, row []types.Datum, params []types.Datum) (types.Datum, error) {
	e.Begin(ctx, params)
	return e.Next(row)
}

// Begin starts a series of Next calls under one context.
func (e *Expr) Begin(ctx *Context, params []types.Datum) { e.in.begin(ctx, params) }

// Next computes the expression for a row, after Begin.
func (e *Expr) Next(row []types.Datum) (types.Datum, error) {
	if row == nil {
		row = noRow
	}
	e.env = rowEnv{row: row}
	return e.x.row(&e.env)
}

var noRow = []types.Datum{}

// DomainCheck returns a function that tests a value against the constraints of a domain (for input of domain values outside expressions).
func DomainCheck(domain types.OID, cat catalog.Reader) (func(ctx *Context, d types.Datum) error, error) {
	t := types.Of(domain)
	e, err := CompileExpr(&tree.CoerceToDomain{Arg: &tree.Var{VarNo: 1, AttNo: 1, T: t}, T: t}, cat)
	if err != nil {
		return nil, err
	}
	return func(ctx *Context, d types.Datum) error {
		_, err := e.Eval(ctx, []types.Datum{d}, nil)
		return err
	}, nil
}
