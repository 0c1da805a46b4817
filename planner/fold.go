package planner

import (
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// fold evaluates constant subexpressions and simplifies boolean ones. What would raise an error is left for run time.
func (r *root) fold(e tree.Expr) tree.Expr {
	if e == nil {
		return nil
	}
	return mutatePost(e, r.foldOne)
}

// foldOne simplifies a node whose arguments are folded already.
func (r *root) foldOne(e tree.Expr) tree.Expr {
	switch e := e.(type) {
	case *tree.BoolExpr:
		return foldBool(e)
	case *tree.FuncExpr:
		if x := r.inlineCall(e); x != nil {
			return x
		}
		if e.RetSet || r.volatility(e.Func) != 'i' {
			return e
		}
		return r.foldCall(e, e.Func, e.Args)
	case *tree.OpExpr:
		if e.RetSet || r.volatility(e.Func) != 'i' {
			return e
		}
		return r.foldCall(e, e.Func, e.Args)
	case *tree.RelabelType:
		if c, ok := e.Arg.(*tree.Const); ok {
			return &tree.Const{T: e.T, Coll: e.Coll, Value: c.Value, Loc: c.Loc}
		}
		if inner, ok := e.Arg.(*tree.RelabelType); ok {
			c := *e
			c.Arg = inner.Arg
			return &c
		}
	case *tree.ArrayExpr:
		if allConst(e.Elems) {
			return r.foldEval(e)
		}
	case *tree.CaseExpr:
		return r.foldCase(e)
	case *tree.CoalesceExpr:
		return foldCoalesce(e)
	case *tree.NullTest:
		if c, ok := e.Arg.(*tree.Const); ok && !e.RowFormat {
			return boolConst(c.Value.Null != e.IsNotNull)
		}
	case *tree.BooleanTest:
		if _, ok := e.Arg.(*tree.Const); ok {
			return r.foldEval(e)
		}
	case *tree.ScalarArrayOpExpr:
		if allConst(e.Args) && r.volatility(e.Func) == 'i' {
			return r.foldEval(e)
		}
	case *tree.MinMaxExpr:
		if allConst(e.Args) {
			return r.foldEval(e)
		}
	case *tree.CoerceViaIO:
		if c, ok := e.Arg.(*tree.Const); ok && immutableIO(c.T.OID) && immutableIO(e.T.OID) {
			return r.foldEval(e)
		}
	case *tree.ArrayCoerceExpr:
		if c, ok := e.Arg.(*tree.Const); ok && c.Value.Null {
			return &tree.Const{T: e.T, Coll: e.Coll, Value: types.NullDatum, Loc: -1}
		}
	}
	return e
}

// immutableIO lists types whose text forms do not depend on settings.
func immutableIO(t types.OID) bool {
	switch t {
	case types.OIDBool, types.OIDInt2, types.OIDInt4, types.OIDInt8, types.OIDText, types.OIDVarchar, types.OIDBpchar, types.OIDNumeric, types.OIDName, types.OIDUuid, types.OIDOid:
		return true
	}
	return false
}

func (r *root) foldCall(e tree.Expr, fn types.OID, args []tree.Expr) tree.Expr {
	anyNull, all := false, true
	for _, a := range args {
		c, ok := a.(*tree.Const)
		if !ok {
			all = false
			continue
		}
		anyNull = anyNull || c.Value.Null
	}
	if anyNull {
		if p := r.g.env.Catalog.Proc(fn); p != nil && p.Strict {
			return &tree.Const{T: e.Type(), Coll: e.Collation(), Value: types.NullDatum, Loc: -1}
		}
	}
	if !all {
		return e
	}
	return r.foldEval(e)
}

func (r *root) foldEval(e tree.Expr) tree.Expr {
	if r.g.env.Fold == nil {
		return e
	}
	v, err := r.g.env.Fold(e)
	if err != nil {
		return e
	}
	return &tree.Const{T: e.Type(), Coll: e.Collation(), Value: v, Loc: -1}
}

func allConst(args []tree.Expr) bool {
	for _, a := range args {
		if _, ok := a.(*tree.Const); !ok {
			return false
		}
	}
	return true
}

func boolConst(b bool) tree.Expr {
	return &tree.Const{T: types.Of(types.OIDBool), Value: types.Bool(b), Loc: -1}
}

func foldBool(e *tree.BoolExpr) tree.Expr {
	if e.Op == tree.Not {
		switch a := e.Args[0].(type) {
		case *tree.Const:
			if a.Value.Null {
				return a
			}
			return boolConst(a.Value.I == 0)
		case *tree.BoolExpr:
			if a.Op == tree.Not {
				return a.Args[0]
			}
		}
		return e
	}
	var args []tree.Expr
	sawNull := false
	for _, a := range e.Args {
		if b, ok := a.(*tree.BoolExpr); ok && b.Op == e.Op {
			args = append(args, b.Args...)
			continue
		}
		c, ok := a.(*tree.Const)
		if !ok {
			args = append(args, a)
			continue
		}
		switch {
		case c.Value.Null:
			sawNull = true
		case (c.Value.I != 0) == (e.Op == tree.Or): // TRUE in OR, FALSE in AND decide
			return boolConst(e.Op == tree.Or)
		}
	}
	if sawNull {
		null := &tree.Const{T: types.Of(types.OIDBool), Value: types.NullDatum, Loc: -1}
		if len(args) == 0 {
			return null
		}
		args = append(args, null)
	}
	switch len(args) {
	case 0:
		return boolConst(e.Op == tree.And)
	case 1:
		return args[0]
	}
	c := *e
	c.Args = args
	return &c
}

func (r *root) foldCase(e *tree.CaseExpr) tree.Expr {
	if e.Arg != nil {
		return e
	}
	var whens []tree.CaseWhen
	for _, w := range e.Whens {
		c, ok := w.Cond.(*tree.Const)
		if !ok {
			whens = append(whens, w)
			continue
		}
		if !c.Value.IsTrue() {
			continue
		}
		if len(whens) == 0 {
			return w.Result
		}
		n := *e
		n.Whens, n.Else = whens, w.Result
		return &n
	}
	if len(whens) == 0 {
		return e.Else
	}
	n := *e
	n.Whens = whens
	return &n
}

func foldCoalesce(e *tree.CoalesceExpr) tree.Expr {
	var args []tree.Expr
	for _, a := range e.Args {
		if c, ok := a.(*tree.Const); ok {
			if c.Value.Null {
				continue
			}
			if len(args) == 0 {
				return c
			}
			args = append(args, a)
			break
		}
		args = append(args, a)
	}
	if len(args) == 0 {
		return &tree.Const{T: e.T, Coll: e.Coll, Value: types.NullDatum, Loc: -1}
	}
	if len(args) == 1 {
		return args[0]
	}
	c := *e
	c.Args = args
	return &c
}

// canonicalizeQual flattens ANDs and pulls conditions common to all arms of an OR out of it: (a AND b) OR (a AND c) is a AND (b OR c).
func canonicalizeQual(e tree.Expr) tree.Expr {
	if e == nil {
		return nil
	}
	var out []tree.Expr
	for _, c := range andList(e) {
		out = append(out, andList(pullCommon(c))...)
	}
	return makeAnd(out)
}

func pullCommon(e tree.Expr) tree.Expr {
	or, ok := e.(*tree.BoolExpr)
	if !ok || or.Op != tree.Or {
		return e
	}
	arms := make([][]tree.Expr, len(or.Args))
	for i, a := range or.Args {
		arms[i] = andList(canonicalizeQual(a))
	}
	var common []tree.Expr
	for _, c := range arms[0] {
		everywhere := true
		for _, arm := range arms[1:] {
			if indexOf(arm, c) < 0 {
				everywhere = false
				break
			}
		}
		if everywhere {
			common = append(common, c)
		}
	}
	if len(common) == 0 {
		return e
	}
	var rest []tree.Expr
	for _, arm := range arms {
		var keep []tree.Expr
		for _, c := range arm {
			if indexOf(common, c) < 0 {
				keep = append(keep, c)
			}
		}
		if len(keep) == 0 { // this arm is implied by the common part, so the OR adds nothing
			return makeAnd(common)
		}
		rest = append(rest, makeAnd(keep))
	}
	return makeAnd(append(common, &tree.BoolExpr{Op: tree.Or, Args: rest, Loc: -1}))
}

func indexOf(list []tree.Expr, e tree.Expr) int {
	for i, x := range list {
		if tree.Equal(x, e) {
			return i
		}
	}
	return -1
}
