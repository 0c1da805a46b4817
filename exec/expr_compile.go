package exec

import (
	"kimberlite/sql/catalog"
	"kimberlite/sql/functions"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// compiler turns expressions into kernels for one instance.
type compiler struct {
	st  *state
	cat catalog.Reader
	io  *types.Ctx
	// bind resolves the columns of the input.
	bind func(v *tree.Var) (expr, error)
	// test and domain are what CaseTestExpr and CoerceToDomainValue stand for in the expression at hand.
	test, domain *holder
	// defs is the column definition list of the function call in FROM at hand, not of calls in its arguments.
	defs []types.Field
	// grouping resolves GROUPING() in the target list of an aggregation.
	grouping func(g *tree.GroupingFunc) (expr, error)
}

// props says what the value of an expression depends on.
type props uint8

const (
	usesInput    props = 1 << iota // columns or placeholders
	usesVolatile                   // volatile functions
	usesExec                       // ParamExec slots
)

// binding returns a compiler for expressions over another input.
func (c *compiler) binding(bind func(v *tree.Var) (expr, error)) *compiler {
	d := *c
	d.bind, d.test, d.domain = bind, nil, nil
	return &d
}

// columns binds Vars of the given number to the columns of the input batch, in order.
func columnsOf(varno int) func(v *tree.Var) (expr, error) {
	return func(v *tree.Var) (expr, error) {
		if v.VarNo != varno || v.AttNo < 1 {
			return nil, pgerr.Internal("column %d of input %d is not available here", v.AttNo, v.VarNo)
		}
		return &varExpr{col: v.AttNo - 1}, nil
	}
}

func noColumns(v *tree.Var) (expr, error) {
	return nil, pgerr.Internal("column %d of input %d where there is no input", v.AttNo, v.VarNo)
}

func (c *compiler) class(t types.T) types.Class { return types.ClassOf(c.io, t.OID) }

func (c *compiler) scratch(t types.T) scratch { return newScratch(t, c.class(t)) }

func (c *compiler) boolScratch() scratch { return newScratch(types.Of(types.OIDBool), types.Fixed) }

func (c *compiler) constVec(t types.T) constVec {
	return constVec{v: types.Vec{T: t, Class: c.class(t)}}
}

func (c *compiler) rowwise(t types.T) rowwise { return rowwise{out: c.scratch(t)} }

// compile compiles an expression.
func (c *compiler) compile(e tree.Expr) (expr, error) {
	x, _, err := c.expr(e)
	return x, err
}

// quals compiles implicitly ANDed conditions; nil when there are none.
func (c *compiler) quals(list []tree.Expr) (expr, error) {
	switch len(list) {
	case 0:
		return nil, nil
	case 1:
		return c.compile(list[0])
	}
	args, _, err := c.list(list)
	if err != nil {
		return nil, err
	}
	return &andExpr{args: args, out: c.boolScratch()}, nil
}

func (c *compiler) list(es []tree.Expr) ([]expr, props, error) {
	out := make([]expr, len(es))
	var all props
	for i, e := range es {
		x, p, err := c.expr(e)
		if err != nil {
			return nil, 0, err
		}
		out[i] = x
		all |= p
	}
	return out, all, nil
}

// once wraps an expression that has the same value for all rows of an execution.
func (c *compiler) once(x expr, p props, t types.T) (expr, props, error) {
	if p&(usesInput|usesVolatile) != 0 {
		return x, p, nil
	}
	switch x.(type) {
	case *constExpr, *paramExpr, *execParamExpr, *onceExpr:
		return x, p, nil
	}
	return &onceExpr{st: c.st, arg: x, exec: p&usesExec != 0, cv: c.constVec(t)}, p, nil
}

// expr compiles an expression and says what it depends on.
func (c *compiler) expr(e tree.Expr) (expr, props, error) {
	switch e := e.(type) {
	case *tree.Const:
		return &constExpr{val: e.Value, cv: c.constVec(e.T)}, 0, nil
	case *tree.Var:
		x, err := c.bind(e)
		return x, usesInput, err
	case *tree.Param:
		if e.Kind == tree.ParamExtern {
			return &paramExpr{st: c.st, id: e.ID, cv: c.constVec(e.T)}, 0, nil
		}
		return &execParamExpr{st: c.st, slot: e.ID, cv: c.constVec(e.T)}, usesExec, nil
	case *tree.FuncExpr:
		if e.RetSet {
			return nil, 0, pgerr.New(pgerr.FeatureNotSupported, "set-valued function called in context that cannot accept a set")
		}
		return c.call(callSite{fn: e.Func, t: e.T, coll: e.InputColl, variadic: e.Variadic, args: e.Args})
	case *tree.OpExpr:
		return c.call(callSite{fn: e.Func, t: e.T, coll: e.InputColl, args: e.Args})
	case *tree.DistinctExpr:
		a, b, eq, p, err := c.equality(e.Func, e.InputColl, e.Args)
		if err != nil {
			return nil, 0, err
		}
		return c.once(&distinctExpr{rowwise: c.rowwise(e.Type()), a: a, b: b, eq: eq}, p, e.Type())
	case *tree.NullIfExpr:
		a, b, eq, p, err := c.equality(e.Func, e.InputColl, e.Args)
		if err != nil {
			return nil, 0, err
		}
		return c.once(&nullIf{rowwise: c.rowwise(e.T), a: a, b: b, eq: eq}, p, e.T)
	case *tree.ScalarArrayOpExpr:
		return c.scalarArrayOp(e)
	case *tree.BoolExpr:
		args, p, err := c.list(e.Args)
		if err != nil {
			return nil, 0, err
		}
		switch e.Op {
		case tree.And:
			return c.once(&andExpr{args: args, out: c.boolScratch()}, p, e.Type())
		case tree.Or:
			return c.once(&orExpr{args: args, out: c.boolScratch()}, p, e.Type())
		}
		return c.once(&notExpr{arg: args[0], out: c.boolScratch()}, p, e.Type())
	case *tree.SubPlan:
		return c.subPlan(e)
	case *tree.FieldSelect:
		x, p, err := c.expr(e.Arg)
		if err != nil {
			return nil, 0, err
		}
		return c.once(&mapExpr{arg: x, f: fieldOf(e.Field), out: c.scratch(e.T)}, p, e.T)
	case *tree.FieldStore:
		return c.fieldStore(e)
	case *tree.RelabelType:
		return c.relabel(e)
	case *tree.CollateExpr:
		return c.expr(e.Arg)
	case *tree.CoerceViaIO:
		x, p, err := c.expr(e.Arg)
		if err != nil {
			return nil, 0, err
		}
		from := types.BaseType(c.io, e.Arg.Type())
		to := types.BaseType(c.io, e.T)
		return c.once(&viaIO{
			rowwise: c.rowwise(e.T), arg: x, from: from, to: types.T{OID: to.OID, Mod: -1}, io: c.io, textIn: isText(from.OID) && from.OID != types.OIDBpchar,
			toText: to.OID == types.OIDText || to.OID == types.OIDVarchar,
		}, p, e.T)
	case *tree.ArrayCoerceExpr:
		return c.arrayCoerce(e)
	case *tree.ConvertRowtypeExpr:
		return c.convertRow(e)
	case *tree.CaseExpr:
		return c.caseExpr(e)
	case *tree.CaseTestExpr:
		if c.test == nil {
			return nil, 0, pgerr.Internal("value under test outside CASE")
		}
		return &holderExpr{h: c.test, cv: c.constVec(e.T)}, usesInput, nil
	case *tree.ArrayExpr:
		args, p, err := c.list(e.Elems)
		if err != nil {
			return nil, 0, err
		}
		f := makeArray(c.io, e.Elem)
		if e.Multi {
			f = makeMultiArray(c.io, e.Elem)
		}
		return c.once(&listExpr{rowwise: c.rowwise(e.T), args: args, argv: make([]types.Datum, len(args)), f: f}, p, e.T)
	case *tree.RowExpr:
		return c.rowExpr(e)
	case *tree.RowCompareExpr:
		return c.rowCompare(e)
	case *tree.CoalesceExpr:
		args, p, err := c.list(e.Args)
		if err != nil {
			return nil, 0, err
		}
		return c.once(&coalesce{args: args, out: c.scratch(e.T)}, p, e.T)
	case *tree.MinMaxExpr:
		args, p, err := c.list(e.Args)
		if err != nil {
			return nil, 0, err
		}
		return c.once(&minMax{rowwise: c.rowwise(e.T), args: args, least: e.Least, cmp: types.Comparator(c.io, e.T.OID)}, p, e.T)
	case *tree.SQLValueFunction:
		f, err := c.sqlValue(e)
		if err != nil {
			return nil, 0, err
		}
		return c.once(&sqlValue{rowwise: c.rowwise(e.T), f: f}, 0, e.T)
	case *tree.NullTest:
		x, p, err := c.expr(e.Arg)
		if err != nil {
			return nil, 0, err
		}
		if e.RowFormat {
			return c.once(&mapAll{rowwise: c.rowwise(e.Type()), arg: x, f: rowIsNull(e.IsNotNull)}, p, e.Type())
		}
		return c.once(&nullTest{arg: x, isNull: !e.IsNotNull, out: c.boolScratch()}, p, e.Type())
	case *tree.BooleanTest:
		x, p, err := c.expr(e.Arg)
		if err != nil {
			return nil, 0, err
		}
		t := &boolTest{arg: x, out: c.boolScratch()}
		switch e.Kind {
		case tree.IsTrue:
			t.onTrue = 1
		case tree.IsNotTrue:
			t.onNull, t.onFalse = 1, 1
		case tree.IsFalse:
			t.onFalse = 1
		case tree.IsNotFalse:
			t.onNull, t.onTrue = 1, 1
		case tree.IsUnknown:
			t.onNull = 1
		case tree.IsNotUnknown:
			t.onTrue, t.onFalse = 1, 1
		}
		return c.once(t, p, e.Type())
	case *tree.CoerceToDomain:
		return c.coerceToDomain(e)
	case *tree.CoerceToDomainValue:
		if c.domain == nil {
			return nil, 0, pgerr.Internal("VALUE outside a domain constraint")
		}
		return &holderExpr{h: c.domain, cv: c.constVec(e.T)}, usesInput, nil
	case *tree.NextValueExpr:
		return &nextValue{rowwise: c.rowwise(e.T), st: c.st, seq: e.Seq}, usesVolatile, nil
	case *tree.SubscriptingRef:
		return c.subscript(e)
	case *tree.GroupingFunc:
		if c.grouping == nil {
			return nil, 0, pgerr.Internal("GROUPING outside an aggregation")
		}
		x, err := c.grouping(e)
		return x, usesInput, err
	case *tree.GroupingSetVar:
		return c.expr(e.Arg)
	case *tree.NamedArgExpr:
		return c.expr(e.Arg)
	case *tree.CurrentOfExpr:
		return nil, 0, pgerr.Unsupported("WHERE CURRENT OF in this place", "Use the row's key.")
	}
	return nil, 0, pgerr.Internal("expression %T cannot be executed", e)
}

// callSite is a call as FuncExpr, OpExpr and the others write it.
type callSite struct {
	fn       types.OID
	t        types.T
	coll     types.OID
	variadic bool
	args     []tree.Expr
}

// call compiles a function call: to a kernel of our own where there is one, else to the implementation in package functions.
func (c *compiler) call(s callSite) (expr, props, error) {
	proc := c.proc(s.fn)
	defs := c.defs
	c.defs = nil
	args, p, err := c.list(s.args)
	if err != nil {
		return nil, 0, err
	}
	if proc != nil {
		if proc.Volatile == 'v' {
			p |= usesVolatile
		}
		if x := c.kernel(kernelName(proc), s, args); x != nil {
			return c.once(x, p, s.t)
		}
	}
	x, err := c.function(s, proc, args)
	if err != nil {
		return nil, 0, err
	}
	x.call.Columns = defs
	return c.once(x, p, s.t)
}

// function compiles a call of an implementation in package functions.
func (c *compiler) function(s callSite, proc *catalog.Proc, args []expr) (*funcExpr, error) {
	impl, ok := functions.LookupScalar(s.fn)
	if !ok {
		impl, ok = c.userFunction(proc)
	}
	if !ok {
		return nil, c.unsupported(s, proc)
	}
	f := &funcExpr{
		impl: impl, args: args, out: c.scratch(s.t), vecs: make([]*types.Vec, len(args)), argv: make([]types.Datum, len(args)),
		call: &functions.Call{
			Func: s.fn, Ret: s.t, Collation: s.coll, Variadic: s.variadic, Env: &c.st.env,
			Args: make([]types.T, len(args)), ConstArgs: make([]*types.Datum, len(args)),
		},
	}
	if proc != nil {
		f.call.Name, f.strict = proc.Name, proc.Strict
	}
	for i, a := range s.args {
		f.call.Args[i] = a.Type()
		if k, ok := args[i].(*constExpr); ok {
			f.call.ConstArgs[i] = &k.val
		}
	}
	return f, nil
}

// kernelName is the name under which our own kernels know a function; a source text in another language is none.
func kernelName(p *catalog.Proc) string {
	if p.Lang != catalog.LangInternal {
		return ""
	}
	return p.Src
}

// proc finds a function's catalog row; the built-in ones are found without a catalog.
func (c *compiler) proc(fn types.OID) *catalog.Proc {
	if p := catalog.BuiltinProc(fn); p != nil {
		return p
	}
	if c.cat != nil {
		return c.cat.Proc(fn)
	}
	return nil
}

// unsupported refuses a function that is only known by name.
func (c *compiler) unsupported(s callSite, proc *catalog.Proc) error {
	if proc == nil {
		return pgerr.Newf(pgerr.UndefinedFunction, "cache lookup failed for function %d", s.fn)
	}
	name := proc.Name + "("
	for i, t := range proc.Args {
		if i > 0 {
			name += ", "
		}
		name += types.FormatTypeName(c.io, t)
	}
	return functions.Unsupported(name + ")")
}

// fn2 compiles a function of two arguments for use on datums.
func (c *compiler) fn2(fn types.OID, coll types.OID, a, b types.T, ret types.T) (func(x, y types.Datum) (types.Datum, error), error) {
	x, y := &holder{}, &holder{}
	s := callSite{fn: fn, t: ret, coll: coll, args: []tree.Expr{&tree.CaseTestExpr{T: a}, &tree.CaseTestExpr{T: b}}}
	args := []expr{&holderExpr{h: x}, &holderExpr{h: y}}
	proc := c.proc(fn)
	var call expr
	if proc != nil {
		call = c.kernel(kernelName(proc), s, args)
	}
	if call == nil {
		f, err := c.function(s, proc, args)
		if err != nil {
			return nil, err
		}
		call = f
	}
	env := &rowEnv{}
	return func(p, q types.Datum) (types.Datum, error) {
		x.d, y.d = p, q
		return call.row(env)
	}, nil
}

// equality compiles the arguments of IS DISTINCT FROM and NULLIF and the = function between them.
func (c *compiler) equality(fn, coll types.OID, in []tree.Expr) (a, b expr, eq func(x, y types.Datum) (bool, error), p props, err error) {
	args, p, err := c.list(in)
	if err != nil {
		return nil, nil, nil, 0, err
	}
	f, err := c.fn2(fn, coll, in[0].Type(), in[1].Type(), types.Of(types.OIDBool))
	if err != nil {
		return nil, nil, nil, 0, err
	}
	return args[0], args[1], func(x, y types.Datum) (bool, error) {
		d, err := f(x, y)
		return d.IsTrue(), err
	}, p, nil
}

func (c *compiler) scalarArrayOp(e *tree.ScalarArrayOpExpr) (expr, props, error) {
	args, p, err := c.list(e.Args)
	if err != nil {
		return nil, 0, err
	}
	proc := c.proc(e.Func)
	strict, src := true, ""
	if proc != nil {
		strict, src = proc.Strict, proc.Src
		if proc.Volatile == 'v' {
			p |= usesVolatile
		}
	}
	if k, ok := comparisons[src]; ok && (k.op == cmpEq && e.UseOr || k.op == cmpNe && !e.UseOr) && k.kind != cmpCustom {
		if arr, ok := args[1].(scalarExpr); ok {
			typ := e.Args[0].Type().OID
			s := &inSet{arg: args[0], arr: arr, not: !e.UseOr, raw: true, float: k.kind == cmpFloat, pad: k.kind == cmpPadded, out: c.boolScratch()}
			if k.kind == cmpNumeric {
				s.raw, s.hash, s.cmp = false, types.Hasher(c.io, typ), types.Comparator(c.io, typ)
			}
			return c.once(s, p, e.Type())
		}
	}
	at := e.Args[1].Type()
	elem := types.Of(types.ElemOf(c.io, at.OID))
	op, err := c.fn2(e.Func, e.InputColl, e.Args[0].Type(), elem, types.Of(types.OIDBool))
	if err != nil {
		return nil, 0, err
	}
	return c.once(&arrayOp{rowwise: c.rowwise(e.Type()), arg: args[0], arr: args[1], useOr: e.UseOr, strict: strict, op: op}, p, e.Type())
}

func (c *compiler) relabel(e *tree.RelabelType) (expr, props, error) {
	x, p, err := c.expr(e.Arg)
	if err != nil {
		return nil, 0, err
	}
	from, to := types.BaseType(c.io, e.Arg.Type()).OID, types.BaseType(c.io, e.T).OID
	if from == to {
		return x, p, nil
	}
	if fe, te := types.ElemOf(c.io, from), types.ElemOf(c.io, to); fe != 0 && te != 0 && fe != te {
		io := c.io
		return c.once(&mapExpr{arg: x, out: c.scratch(e.T), f: func(d types.Datum) (types.Datum, error) {
			return types.Datum{S: types.RetypeArray(io, d.S, te)}, nil
		}}, p, e.T)
	}
	var f func(int64) (int64, error)
	switch {
	case from == types.OIDInt4 && c.class(e.T) == types.Fixed && to != types.OIDInt8: // to an oid-like type: unsigned
		f = func(v int64) (int64, error) { return int64(uint32(v)), nil }
	case to == types.OIDInt4 && c.class(e.Arg.Type()) == types.Fixed:
		f = func(v int64) (int64, error) { return int64(int32(v)), nil }
	default:
		return x, p, nil
	}
	return c.once(&intConvert{arg: x, f: f, out: c.scratch(e.T)}, p, e.T)
}

func (c *compiler) arrayCoerce(e *tree.ArrayCoerceExpr) (expr, props, error) {
	x, p, err := c.expr(e.Arg)
	if err != nil {
		return nil, 0, err
	}
	h := &holder{}
	inner := *c
	inner.test = h
	el, ep, err := inner.expr(e.Elem)
	if err != nil {
		return nil, 0, err
	}
	p |= ep & (usesVolatile | usesExec)
	return c.once(&arrayCoerce{rowwise: c.rowwise(e.T), arg: x, elem: el, h: h, io: c.io, to: types.ElemOf(c.io, e.T.OID)}, p, e.T)
}

// fieldTypes returns the composite type's OID for the packed form and the types of its fields.
func (c *compiler) fieldTypes(t types.T) (types.OID, []types.Field, error) {
	base := types.BaseType(c.io, t).OID
	ty := types.Lookup(c.io, base)
	if ty == nil {
		return 0, nil, pgerr.Newf(pgerr.UndefinedObject, "cache lookup failed for type %d", base)
	}
	return base, ty.Fields, nil
}

func (c *compiler) convertRow(e *tree.ConvertRowtypeExpr) (expr, props, error) {
	x, p, err := c.expr(e.Arg)
	if err != nil {
		return nil, 0, err
	}
	_, from, err := c.fieldTypes(e.Arg.Type())
	if err != nil {
		return nil, 0, err
	}
	typ, to, err := c.fieldTypes(e.T)
	if err != nil {
		return nil, 0, err
	}
	src, oids := make([]int, len(to)), make([]types.OID, len(to))
	for i, f := range to {
		src[i], oids[i] = -1, f.T.OID
		for j, g := range from {
			if g.Name == f.Name {
				src[i] = j
			}
		}
	}
	io, vals := c.io, make([]types.Datum, len(to))
	return c.once(&mapExpr{arg: x, out: c.scratch(e.T), f: func(d types.Datum) (types.Datum, error) {
		r := types.ParseRecord(d.S)
		for i, j := range src {
			vals[i] = types.NullDatum
			if j >= 0 && j < r.Len() {
				vals[i] = r.Field(j)
			}
		}
		return types.Datum{S: types.MakeRecord(io, typ, oids, nil, vals)}, nil
	}}, p, e.T)
}

func (c *compiler) caseExpr(e *tree.CaseExpr) (expr, props, error) {
	out := &caseExpr{out: c.scratch(e.T)}
	in := c
	var p props
	if e.Arg != nil {
		x, ap, err := c.expr(e.Arg)
		if err != nil {
			return nil, 0, err
		}
		inner := *c
		out.arg, out.test = x, &holder{}
		inner.test = out.test
		in = &inner
		p |= ap
	}
	for _, w := range e.Whens {
		cond, cp, err := in.expr(w.Cond)
		if err != nil {
			return nil, 0, err
		}
		res, rp, err := c.expr(w.Result)
		if err != nil {
			return nil, 0, err
		}
		if e.Arg != nil && p&usesInput == 0 && !c.inPlaceholder() {
			cp &^= usesInput // the placeholder stands for something without columns
			if tree.Any(w.Cond, func(x tree.Expr) bool { _, ok := x.(*tree.Var); return ok }) {
				cp |= usesInput
			}
		}
		p |= cp | rp
		out.whens = append(out.whens, caseArm{cond: cond, result: res})
	}
	var err error
	var ep props
	if e.Else == nil {
		out.els = &constExpr{val: types.NullDatum, cv: c.constVec(e.T)}
	} else if out.els, ep, err = c.expr(e.Else); err != nil {
		return nil, 0, err
	}
	return c.once(out, p|ep, e.T)
}

// inPlaceholder reports whether the expression at hand may contain placeholders of a construct around it.
func (c *compiler) inPlaceholder() bool { return c.test != nil || c.domain != nil }

func (c *compiler) rowExpr(e *tree.RowExpr) (expr, props, error) {
	args, p, err := c.list(e.Args)
	if err != nil {
		return nil, 0, err
	}
	oids := make([]types.OID, len(e.Args))
	for i, a := range e.Args {
		oids[i] = a.Type().OID
	}
	typ := types.BaseType(c.io, e.T).OID
	names := e.Names
	if typ != types.OIDRecord {
		names = nil
		if _, fields, err := c.fieldTypes(e.T); err == nil && len(fields) == len(oids) {
			for i := range fields {
				oids[i] = fields[i].T.OID
			}
		}
	}
	if len(names) != len(args) {
		names = nil
	}
	io := c.io
	return c.once(&listExpr{rowwise: c.rowwise(e.T), args: args, argv: make([]types.Datum, len(args)), f: func(vals []types.Datum) (types.Datum, error) {
		return types.Datum{S: types.MakeRecord(io, typ, oids, names, vals)}, nil
	}}, p, e.T)
}

func (c *compiler) rowCompare(e *tree.RowCompareExpr) (expr, props, error) {
	l, lp, err := c.list(e.Left)
	if err != nil {
		return nil, 0, err
	}
	r, rp, err := c.list(e.Right)
	if err != nil {
		return nil, 0, err
	}
	out := &rowCompare{rowwise: c.rowwise(e.Type()), left: l, right: r}
	switch e.Kind {
	case tree.RowCompareLT:
		out.op = cmpLt
	case tree.RowCompareLE:
		out.op = cmpLe
	case tree.RowCompareEQ:
		out.op = cmpEq
	case tree.RowCompareGE:
		out.op = cmpGe
	case tree.RowCompareGT:
		out.op = cmpGt
	case tree.RowCompareNE:
		out.op = cmpNe
	}
	for i := range e.Left {
		out.cmp = append(out.cmp, c.threeWay(e.Left[i].Type(), e.Right[i].Type()))
	}
	return c.once(out, lp|rp, e.Type())
}

// threeWay compares values of two types of one operator family: integers of different widths, floats, or of the same type.
func (c *compiler) threeWay(a, b types.T) func(x, y types.Datum) (int, error) {
	cmp := types.Comparator(c.io, a.OID)
	if types.BaseType(c.io, a).OID == types.OIDRecord || types.BaseType(c.io, b).OID == types.OIDRecord {
		io := c.io
		return func(x, y types.Datum) (int, error) {
			if err := types.RecordsComparable(io, x.S, y.S, true); err != nil {
				return 0, err
			}
			return cmp(x, y), nil
		}
	}
	return func(x, y types.Datum) (int, error) { return cmp(x, y), nil }
}

func (c *compiler) fieldStore(e *tree.FieldStore) (expr, props, error) {
	x, p, err := c.expr(e.Arg)
	if err != nil {
		return nil, 0, err
	}
	typ, fields, err := c.fieldTypes(e.T)
	if err != nil {
		return nil, 0, err
	}
	old := &holder{}
	inner := *c
	inner.test = old
	vals, vp, err := inner.list(e.Values)
	if err != nil {
		return nil, 0, err
	}
	oids := make([]types.OID, len(fields))
	for i := range fields {
		oids[i] = fields[i].T.OID
	}
	return &fieldStore{rowwise: c.rowwise(e.T), io: c.io, typ: typ, fields: oids, arg: x, set: e.Fields, values: vals, old: old}, p | vp | usesInput, nil
}

func (c *compiler) subscript(e *tree.SubscriptingRef) (expr, props, error) {
	container := types.BaseType(c.io, types.Of(e.Container)).OID
	if container == types.OIDJsonb {
		return c.jsonSubscript(e)
	}
	x, p, err := c.expr(e.Arg)
	if err != nil {
		return nil, 0, err
	}
	out := &subscript{rowwise: c.rowwise(e.T), io: c.io, elem: e.Elem, fixed: types.FixedArrayOf(container), arr: x, slice: e.Lower != nil}
	optional := func(es []tree.Expr) ([]expr, error) {
		xs := make([]expr, len(es))
		for i, s := range es {
			if s == nil {
				continue
			}
			y, sp, err := c.expr(s)
			if err != nil {
				return nil, err
			}
			xs[i] = y
			p |= sp
		}
		return xs, nil
	}
	if out.upper, err = optional(e.Upper); err != nil {
		return nil, 0, err
	}
	if out.slice {
		if out.lower, err = optional(e.Lower); err != nil {
			return nil, 0, err
		}
	}
	if e.Assign != nil {
		out.assigning = &holder{}
		inner := *c
		inner.test = out.assigning
		if out.assign, _, err = inner.expr(e.Assign); err != nil {
			return nil, 0, err
		}
		return out, p | usesInput, nil
	}
	return c.once(out, p, e.T)
}

// coerceToDomain compiles the check of a value against all constraints of a domain, those of the domains below it first.
func (c *compiler) coerceToDomain(e *tree.CoerceToDomain) (expr, props, error) {
	x, p, err := c.expr(e.Arg)
	if err != nil {
		return nil, 0, err
	}
	checks, h, err := c.domainChecks(e.T.OID)
	if err != nil {
		return nil, 0, err
	}
	if len(checks) == 0 {
		return x, p, nil
	}
	return c.once(&domainCheck{rowwise: c.rowwise(e.T), arg: x, h: h, checks: checks}, p, e.T)
}

// domainChecks compiles the constraints of a domain type.
func (c *compiler) domainChecks(oid types.OID) ([]namedCheck, *holder, error) {
	h := &holder{}
	inner := c.binding(noColumns)
	inner.domain = h
	name := types.FormatTypeName(c.io, oid)
	schema, typname := "", ""
	if ty := types.Lookup(c.io, oid); ty != nil {
		typname = ty.Name
		if s := c.cat.Schema(ty.Namespace); s != nil {
			schema = s.Name
		}
	}
	var out []namedCheck
	notNull := false
	for {
		ty := types.Lookup(c.io, oid)
		if ty == nil || ty.Kind != types.KindDomain {
			break
		}
		notNull = notNull || ty.NotNull
		var level []namedCheck
		if d := c.cat.TypeDesc(oid); d != nil {
			for i := range d.Constraints {
				k := &d.Constraints[i]
				if k.Type != 'c' {
					continue
				}
				cond, err := c.stored(k.Expr)
				if err != nil {
					return nil, nil, err
				}
				x, err := inner.compile(cond)
				if err != nil {
					return nil, nil, err
				}
				level = append(level, namedCheck{name: k.Name, cond: x, domain: name, schema: schema, typname: typname})
			}
		}
		sortChecks(level)
		out = append(level, out...)
		oid = ty.Base
	}
	if notNull {
		out = append([]namedCheck{{notNull: true, domain: name, schema: schema, typname: typname}}, out...)
	}
	return out, h, nil
}

func sortChecks(list []namedCheck) {
	for i := 1; i < len(list); i++ {
		for j := i; j > 0 && list[j].name < list[j-1].name; j-- {
			list[j], list[j-1] = list[j-1], list[j]
		}
	}
}
