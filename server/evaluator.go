package server

import (
	"context"
	"sync"

	"kimberlite/exec"
	"kimberlite/projections"
	"kimberlite/sql/functions"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// evaluator computes the expressions and predicates of indexes when events are applied. They depend on nothing but the row: no session,
// the same settings on every node.
type evaluator struct{ catalog *CatalogFollower }

// NewEvaluator returns an evaluator that finds types and functions in the follower's catalog.
func NewEvaluator(f *CatalogFollower) projections.Evaluator { return evaluator{f} }

// compiledExpr is an expression with what it needs to run; it serves one goroutine at a time.
type compiledExpr struct {
	expr *exec.Expr
	ctx  *exec.Context
	err  error
}

// Compile implements projections.Evaluator. The expression itself is compiled when the first row comes: the event that made the index may be the one that
// makes the types it uses, and is not in the catalog yet.
func (e evaluator) Compile(table *projections.TableDef, encoded []byte) (func(row []types.Datum) (types.Datum, error), error) {
	x, err := tree.Decode(encoded)
	if err != nil {
		return nil, err
	}
	pool := sync.Pool{New: func() any { return e.prepare(table.Database, x) }}
	return func(row []types.Datum) (types.Datum, error) {
		c := pool.Get().(*compiledExpr)
		if c.err != nil {
			return types.Datum{}, c.err // not kept: the catalog may know more next time
		}
		defer pool.Put(c)
		return c.expr.Eval(c.ctx, row, nil)
	}, nil
}

func (e evaluator) prepare(database types.OID, x tree.Expr) *compiledExpr {
	cat := e.catalog.Current().Bind(database)
	expr, err := exec.CompileExpr(x, cat)
	if err != nil {
		return &compiledExpr{err: err}
	}
	io := *types.DefaultCtx
	io.Types = cat
	return &compiledExpr{expr: expr, ctx: &exec.Context{Ctx: context.Background(), Env: &functions.Env{IO: &io, Catalog: cat, Arena: new(types.Arena)}}}
}
