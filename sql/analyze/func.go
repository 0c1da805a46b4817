package analyze

import (
	"slices"
	"strings"
	"sync"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/catalog"
	"kimberlite/sql/parser"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// funcClass says what a function call turned out to be (FuncDetailCode).
type funcClass uint8

const (
	funcNotFound funcClass = iota
	funcMultiple
	funcNormal
	funcProcedure
	funcAggregate
	funcWindow
	funcCoercion
)

// funcDetail is the outcome of resolving a call.
type funcDetail struct {
	class    funcClass
	cand     *candidate
	proc     *catalog.Proc
	ret      types.OID
	declared []types.OID
}

// resolveFunc finds the function that a call means (func_get_detail).
func (s *state) resolveFunc(schema, name string, args []tree.Expr, argNames []string, actual []types.OID, expandVariadic, expandDefaults bool) funcDetail {
	nargs := len(actual)
	cands := s.funcCandidates(schema, name, nargs, argNames, expandVariadic, expandDefaults)
	var best *candidate
	for _, c := range cands {
		if nargs == 0 || slices.Equal(c.args[:nargs], actual) {
			best = c
			break
		}
	}
	if best == nil {
		if nargs == 1 && args != nil && len(argNames) == 0 {
			if target := s.funcNameAsType(schema, name); target != 0 && s.isCoercionCall(target, actual[0]) {
				return funcDetail{class: funcCoercion, ret: target, declared: []types.OID{target}}
			}
		}
		match := s.matchCandidates(actual, cands)
		switch len(match) {
		case 0:
			return funcDetail{class: funcNotFound}
		case 1:
			best = match[0]
		default:
			if best = s.selectCandidate(actual, match); best == nil {
				return funcDetail{class: funcMultiple}
			}
		}
	}
	if best.ambiguous {
		return funcDetail{class: funcMultiple}
	}
	d := funcDetail{cand: best, proc: best.proc, ret: best.proc.Ret, declared: slices.Clone(best.args)}
	switch best.proc.Kind {
	case 'a':
		d.class = funcAggregate
	case 'w':
		d.class = funcWindow
	case 'p':
		d.class = funcProcedure
	default:
		d.class = funcNormal
	}
	return d
}

// funcNameAsType is the type that a function's name means, 0 for none or a row type.
func (s *state) funcNameAsType(schema, name string) types.OID {
	t := s.findType(schema, name)
	if t != nil && schema == "" && t.Namespace == s.env.TempSchema && t.Namespace != 0 {
		return 0 // as with functions, the temporary schema is not searched
	}
	if t == nil || !t.Defined || t.Kind == types.KindComposite {
		return 0
	}
	return t.OID
}

// isCoercionCall reports whether type(x) is a cast rather than a function call: only when the cast calls no function.
func (s *state) isCoercionCall(target, source types.OID) bool {
	if source == types.OIDUnknown {
		return true
	}
	switch p, _ := s.coercionPath(target, source, explicit); p {
	case pathRelabel:
		return true
	case pathViaIO:
		return !(s.isRowType(source) && s.category(target) == 'S')
	}
	return false
}

// sigString prints a call's name and argument types for messages.
func (s *state) sigString(name string, argNames []string, actual []types.OID) string {
	var b strings.Builder
	b.WriteString(name)
	b.WriteByte('(')
	positional := len(actual) - len(argNames)
	for i, t := range actual {
		if i > 0 {
			b.WriteString(", ")
		}
		if i >= positional {
			b.WriteString(argNames[i-positional] + " => ")
		}
		b.WriteString(s.typeName(t))
	}
	b.WriteByte(')')
	return b.String()
}

// funcCall analyzes f(...) (transformFuncCall).
func (s *state) funcCall(n *pg.FuncCall) tree.Expr {
	last := s.lastSRF
	args := make([]tree.Expr, 0, len(n.Args))
	for _, a := range n.Args {
		args = append(args, s.recurse(a))
	}
	if n.AggWithinGroup {
		for _, o := range n.AggOrder {
			args = append(args, s.expr(o.GetSortBy().GetNode(), kindOrderBy))
		}
	}
	return s.funcOrColumn(n.Funcname, args, last, n, n.Location)
}

// funcOrColumn resolves a call f(args), or with n == nil the field selection args[0].f (ParseFuncOrColumn). A field that doesn't exist gives nil.
func (s *state) funcOrColumn(names []*pg.Node, args []tree.Expr, last tree.Expr, n *pg.FuncCall, loc int32) tree.Expr {
	isColumn := n == nil
	if n == nil {
		n = &pg.FuncCall{}
	}
	if len(args) > maxFuncArgs {
		failf(loc, pgerr.TooManyArguments, "cannot pass more than %d arguments to a function", maxFuncArgs)
	}
	var filter tree.Expr
	if n.AggFilter != nil {
		filter = s.where(n.AggFilter, kindFilter, "FILTER")
	}
	actual := make([]types.OID, len(args))
	var argNames []string
	for i, a := range args {
		actual[i] = a.Type().OID
		if na, ok := a.(*tree.NamedArgExpr); ok {
			if slices.Contains(argNames, na.Name) {
				failf(na.Loc, pgerr.SyntaxError, "argument name \"%s\" used more than once", na.Name)
			}
			argNames = append(argNames, na.Name)
		} else if len(argNames) > 0 {
			failf(exprLoc(a), pgerr.SyntaxError, "positional argument cannot follow named argument")
		}
	}
	var first tree.Expr
	if len(args) > 0 {
		first = args[0]
	}
	mayProject := len(args) == 1 && len(names) == 1 && n.AggOrder == nil && filter == nil && !n.AggStar && !n.AggDistinct && n.Over == nil &&
		!n.FuncVariadic && argNames == nil && s.isRowType(actual[0])
	if isColumn && mayProject {
		if e := s.projection(first, str(names[0]), loc); e != nil {
			return e
		}
	}
	schema, name := s.splitName(names)
	if schema != "" {
		s.schemaOID(schema, false, loc)
	}
	full := nameListToString(names)
	d := s.resolveFunc(schema, name, args, argNames, actual, !n.FuncVariadic, true)
	c := &call{s: s, n: n, name: full, args: args, argNames: argNames, actual: actual, filter: filter, loc: loc, funcDetail: d}
	switch d.class {
	case funcNotFound:
		if isColumn {
			return nil
		}
		if mayProject {
			if e := s.projection(first, str(names[0]), loc); e != nil {
				return e
			}
		}
		err := pgerr.Newf(pgerr.UndefinedFunction, "function %s does not exist", s.sigString(full, argNames, actual)).At(int(loc))
		if n == s.procCall {
			err.Message = "procedure" + strings.TrimPrefix(err.Message, "function")
			err.WithHint("No procedure matches the given name and argument types. You might need to add explicit type casts.")
		} else if len(n.AggOrder) > 1 && !n.AggWithinGroup {
			err.WithHint("No aggregate function matches the given name and argument types. Perhaps you misplaced ORDER BY; ORDER BY must appear after all regular arguments of the aggregate.")
		} else {
			err.WithHint("No function matches the given name and argument types. You might need to add explicit type casts.")
		}
		fail(err)
	case funcMultiple:
		if isColumn {
			return nil
		}
		if n == s.procCall {
			fail(pgerr.Newf(pgerr.AmbiguousFunction, "procedure %s is not unique", s.sigString(full, argNames, actual)).
				WithHint("Could not choose a best candidate procedure. You might need to add explicit type casts.").At(int(loc)))
		}
		fail(pgerr.Newf(pgerr.AmbiguousFunction, "function %s is not unique", s.sigString(full, argNames, actual)).
			WithHint("Could not choose a best candidate function. You might need to add explicit type casts.").At(int(loc)))
	}
	c.checkUse()
	if d.class == funcCoercion {
		return s.coerce(first, actual[0], types.Of(d.ret), explicit, tree.CoerceExplicitCall, loc)
	}
	c.addDefaults()
	ret := s.resolveGenerics(c.actual, c.declared, d.ret)
	s.coerceArgs(c.args, c.actual, c.declared)
	c.gatherVariadic()
	if d.proc.RetSet {
		s.checkSRF(last, loc)
	}
	var out tree.Expr
	switch {
	case d.class == funcNormal || d.class == funcProcedure:
		form := tree.CoerceExplicitCall
		if n.Funcformat == pg.CoercionForm_COERCE_SQL_SYNTAX {
			form = tree.CoerceSQLSyntax
		}
		out = &tree.FuncExpr{Func: d.proc.OID, T: types.Of(ret), RetSet: d.proc.RetSet, Variadic: c.variadic, Form: form, Args: c.args, Loc: loc}
	case d.class == funcAggregate && n.Over == nil:
		out = c.aggregate(ret)
	default:
		out = c.window(ret, last)
	}
	if d.proc.RetSet {
		s.lastSRF = out
	}
	return out
}

// call is a function call under way.
type call struct {
	s *state
	n *pg.FuncCall
	funcDetail
	name     string
	args     []tree.Expr
	argNames []string
	actual   []types.OID
	filter   tree.Expr
	variadic bool
	aggKind  byte
	direct   int // direct arguments of an ordered-set aggregate
	loc      int32
}

// checkUse checks the call's decorations (DISTINCT, FILTER, OVER ...) against what was found.
func (c *call) checkUse() {
	n := c.n
	bad := func(format string, args ...any) { failf(c.loc, pgerr.WrongObjectType, format, args...) }
	switch c.class {
	case funcNormal, funcProcedure, funcCoercion:
		if c.class != funcProcedure && n == c.s.procCall {
			fail(pgerr.Newf(pgerr.WrongObjectType, "%s is not a procedure", c.s.sigString(c.name, c.argNames, c.actual)).
				WithHint("To call a function, use SELECT.").At(int(c.loc)))
		}
		if c.class == funcProcedure && n != c.s.procCall {
			fail(pgerr.Newf(pgerr.WrongObjectType, "%s is a procedure", c.s.sigString(c.name, c.argNames, c.actual)).
				WithHint("To call a procedure, use CALL.").At(int(c.loc)))
		}
		switch {
		case n.AggStar:
			bad("%s(*) specified, but %s is not an aggregate function", c.name, c.name)
		case n.AggDistinct:
			bad("DISTINCT specified, but %s is not an aggregate function", c.name)
		case n.AggWithinGroup:
			bad("WITHIN GROUP specified, but %s is not an aggregate function", c.name)
		case n.AggOrder != nil:
			bad("ORDER BY specified, but %s is not an aggregate function", c.name)
		case c.filter != nil:
			bad("FILTER specified, but %s is not an aggregate function", c.name)
		case n.Over != nil:
			bad("OVER specified, but %s is not a window function nor an aggregate function", c.name)
		}
	case funcAggregate:
		c.checkAggregate()
	case funcWindow:
		if n.Over == nil {
			bad("window function %s requires an OVER clause", c.name)
		}
		if n.AggWithinGroup {
			bad("window function %s cannot have WITHIN GROUP", c.name)
		}
	}
}

// checkAggregate checks WITHIN GROUP against the aggregate's kind and counts direct arguments.
func (c *call) checkAggregate() {
	agg := c.s.cat.Aggregate(c.proc.OID)
	if agg == nil {
		fail(pgerr.Internal("cache lookup failed for aggregate %d", c.proc.OID))
	}
	c.aggKind = agg.Kind
	if agg.Kind == 'n' {
		if c.n.AggWithinGroup {
			failf(c.loc, pgerr.WrongObjectType, "%s is not an ordered-set aggregate, so it cannot have WITHIN GROUP", c.name)
		}
		return
	}
	if !c.n.AggWithinGroup {
		failf(c.loc, pgerr.WrongObjectType, "WITHIN GROUP is required for ordered-set aggregate %s", c.name)
	}
	if c.n.Over != nil {
		failf(c.loc, pgerr.FeatureNotSupported, "OVER is not supported for ordered-set aggregate %s", c.name)
	}
	aggregated := len(c.n.AggOrder)
	c.direct = len(c.actual) - aggregated
	missing := func(hint string, args ...any) {
		fail(pgerr.Newf(pgerr.UndefinedFunction, "function %s does not exist", c.s.sigString(c.name, c.argNames, c.actual)).
			WithHint(hint, args...).At(int(c.loc)))
	}
	wrongCount := func(n int) {
		if n == 1 {
			missing("There is an ordered-set aggregate %s, but it requires %d direct argument, not %d.", c.name, n, c.direct)
		}
		missing("There is an ordered-set aggregate %s, but it requires %d direct arguments, not %d.", c.name, n, c.direct)
	}
	if c.proc.Variadic == 0 {
		if c.direct != agg.NumDirect {
			wrongCount(agg.NumDirect)
		}
	} else {
		np := len(c.actual)
		if c.cand.nVar > 1 {
			np -= c.cand.nVar - 1
		}
		switch {
		case agg.NumDirect < np:
			if c.direct != agg.NumDirect {
				wrongCount(agg.NumDirect)
			}
		case agg.Kind == 'h':
			if c.cand.nVar != 2*aggregated {
				missing("To use the hypothetical-set aggregate %s, the number of hypothetical direct arguments (here %d) must match the number of ordering columns (here %d).",
					c.name, c.cand.nVar-aggregated, aggregated)
			}
		case c.cand.nVar <= aggregated:
			missing("There is an ordered-set aggregate %s, but it requires at least %d direct arguments.", c.name, agg.NumDirect)
		}
	}
	if agg.Kind == 'h' {
		c.unifyHypothetical(aggregated)
	}
}

// unifyHypothetical gives each hypothetical argument and its ordering column a common type (unify_hypothetical_args).
func (c *call) unifyHypothetical(aggregated int) {
	s := c.s
	direct := len(c.args) - aggregated
	hypothetical := direct - aggregated
	if hypothetical < 0 {
		fail(pgerr.Internal("incorrect number of arguments to hypothetical-set aggregate"))
	}
	for i := hypothetical; i < direct; i++ {
		j := direct + i - hypothetical
		if c.declared[i] != c.declared[j] {
			fail(pgerr.Internal("hypothetical-set aggregate has inconsistent declared argument types"))
		}
		if c.declared[i] != types.OIDAny {
			continue
		}
		pair := []tree.Expr{c.args[j], c.args[i]} // the aggregated one decides between equals
		common, _ := s.commonType(pair, "WITHIN GROUP")
		mod := commonMod(pair, common)
		for _, k := range []int{i, j} {
			e := s.coerceToCommon(c.args[k], common, "WITHIN GROUP")
			e = s.coerceTypmod(e, types.T{OID: common, Mod: mod}, implicit, tree.CoerceImplicitCast, exprLoc(c.args[k]), false)
			c.args[k] = e
			c.actual[k] = common
		}
	}
}

// addDefaults puts named arguments into their places and appends the defaults of those that were left out.
func (c *call) addDefaults() {
	if c.cand.argNums == nil && c.cand.nDefault == 0 {
		return
	}
	np := len(c.proc.Args)
	if c.cand.argNums != nil {
		args := make([]tree.Expr, np)
		actual := make([]types.OID, np)
		for i, a := range c.args {
			if na, ok := a.(*tree.NamedArgExpr); ok {
				a = na.Arg
			}
			args[c.cand.argNums[i]], actual[c.cand.argNums[i]] = a, c.actual[i]
		}
		c.args, c.actual, c.declared = args, actual, slices.Clone(c.proc.Args)
	} else {
		for len(c.args) < np {
			c.args, c.actual = append(c.args, nil), append(c.actual, 0)
		}
	}
	defaults := c.s.procDefaults(c.proc)
	for i := range c.args {
		if c.args[i] == nil {
			k := i - (np - len(defaults))
			if k < 0 {
				fail(pgerr.Internal("not enough default arguments of function %s", c.proc.Name))
			}
			c.args[i] = tree.CopyExpr(defaults[k])
			c.actual[i] = c.args[i].Type().OID
		}
	}
}

// procDefaultCache keeps the analyzed default arguments of built-in functions, which never change.
var procDefaultCache sync.Map // types.OID -> []tree.Expr

// procDefaults returns the expressions of a function's last parameters' defaults.
func (s *state) procDefaults(p *catalog.Proc) []tree.Expr {
	builtin := p.OID < catalog.FirstNormalOID
	if builtin {
		if v, ok := procDefaultCache.Load(p.OID); ok {
			return v.([]tree.Expr)
		}
	}
	if p.DefaultExprs != nil {
		return storedDefaults(p)
	}
	nodes, err := parser.ParseExprList(p.Defaults)
	if err != nil || len(nodes) != p.NDefaults {
		fail(pgerr.Internal("malformed default arguments of function %s", p.Name))
	}
	out := make([]tree.Expr, len(nodes))
	sub := s.analyzer.newState(nil)
	for i, n := range nodes {
		t := p.Args[len(p.Args)-len(nodes)+i]
		e := sub.expr(n, kindFunctionDefault)
		x := sub.coerceToTarget(e, e.Type().OID, types.Of(t), assignment, tree.CoerceImplicitCast, -1)
		if x == nil {
			fail(pgerr.Internal("default argument of function %s has the wrong type", p.Name))
		}
		sub.assignCollation(x)
		out[i] = x
	}
	if builtin {
		procDefaultCache.Store(p.OID, out)
	}
	return out
}

// storedDefaults are the defaults of a user's function.
func storedDefaults(p *catalog.Proc) []tree.Expr {
	out := make([]tree.Expr, len(p.DefaultExprs))
	for i, b := range p.DefaultExprs {
		e, err := tree.Decode(b)
		if err != nil {
			fail(err)
		}
		out[i] = e
	}
	return out
}

// gatherVariadic makes an array of the arguments that a VARIADIC parameter takes.
func (c *call) gatherVariadic() {
	s := c.s
	c.variadic = c.n.FuncVariadic && c.proc.Variadic != 0
	if k := c.cand.nVar; k > 0 && c.proc.Variadic != types.OIDAny {
		first := len(c.args) - k
		elems := slices.Clone(c.args[first:])
		elem := elems[0].Type().OID
		array := s.arrayType(elem)
		if array == 0 {
			failf(exprLoc(elems[0]), pgerr.UndefinedObject, "could not find array type for data type %s", s.typeName(elem))
		}
		c.args = append(slices.Clone(c.args[:first]),
			&tree.ArrayExpr{T: types.Of(array), Elem: elem, Elems: elems, Loc: exprLoc(elems[0])})
		c.variadic = true
	}
	if c.variadic && c.proc.Variadic == types.OIDAny && len(c.args) > 0 {
		if s.baseElemType(c.actual[len(c.args)-1]) == 0 {
			failf(exprLoc(c.args[len(c.args)-1]), pgerr.DatatypeMismatch, "VARIADIC argument must be an array")
		}
	}
}

// coerceArgs converts arguments to the declared types, in place (make_fn_arguments).
func (s *state) coerceArgs(args []tree.Expr, actual, declared []types.OID) {
	for i, a := range args {
		if actual[i] == declared[i] {
			continue
		}
		if na, ok := a.(*tree.NamedArgExpr); ok {
			na.Arg = s.coerce(na.Arg, actual[i], types.Of(declared[i]), implicit, tree.CoerceImplicitCast, -1)
			continue
		}
		args[i] = s.coerce(a, actual[i], types.Of(declared[i]), implicit, tree.CoerceImplicitCast, -1)
	}
}

// projection selects a field of a composite value by name, nil when there is no such field (ParseComplexProjection).
func (s *state) projection(arg tree.Expr, name string, loc int32) tree.Expr {
	if v, ok := arg.(*tree.Var); ok && v.AttNo == 0 {
		// A whole-row reference: resolve it to the column itself.
		ns := s.nsItemOf(v.VarNo, v.LevelsUp)
		if ns != nil {
			return s.scanNSItem(ns, v.LevelsUp, name, loc, false)
		}
	}
	if v, ok := arg.(*tree.Var); ok && v.T.OID == types.OIDRecord {
		fields := s.recordVarFields(v, 0)
		for i, f := range fields {
			if f.Name == name && !f.Dropped {
				return &tree.FieldSelect{Arg: arg, Field: i + 1, T: f.T, Coll: f.Coll}
			}
		}
		return nil
	}
	fields := s.rowFields(arg.Type().OID)
	if fields == nil && arg.Type().OID == types.OIDRecord {
		fields = s.recordFields(arg)
	}
	for i, f := range fields {
		if f.Name == name && !f.Dropped {
			return &tree.FieldSelect{Arg: arg, Field: i + 1, T: f.T, Coll: f.Coll}
		}
	}
	return nil
}

// recordFields finds out the columns of a record-valued expression, nil when they are not known (get_expr_result_tupdesc).
func (s *state) recordFields(e tree.Expr) []rowField {
	switch e := e.(type) {
	case *tree.FuncExpr:
		return s.funcResultFields(e)
	case *tree.RowExpr:
		if fields := s.rowFields(e.T.OID); fields != nil {
			return fields
		}
		out := make([]rowField, len(e.Args))
		for i, a := range e.Args {
			out[i] = rowField{T: a.Type(), Coll: a.Collation()}
			if i < len(e.Names) {
				out[i].Name = e.Names[i]
			}
		}
		return out
	case *tree.Var:
		if e.T.OID == types.OIDRecord {
			return s.recordVarFields(e, 0)
		}
	}
	return s.rowFields(e.Type().OID)
}

// funcResultFields are the columns that a function returning rows declares, nil for none (get_func_result_type).
func (s *state) funcResultFields(f *tree.FuncExpr) []rowField {
	return s.resultFields(s.cat.Proc(f.Func), f)
}

func (s *state) resultFields(p *catalog.Proc, f *tree.FuncExpr) []rowField {
	if fields := s.rowFields(f.T.OID); fields != nil {
		return fields
	}
	if f.T.OID != types.OIDRecord || p == nil || p.AllArgs == nil {
		return nil
	}
	var declared []types.OID // input parameters, then resolved with the actual arguments for polymorphic OUT parameters
	declared = append(declared, p.Args...)
	actual := make([]types.OID, len(p.Args))
	for i := range actual {
		if i < len(f.Args) {
			actual[i] = f.Args[i].Type().OID
		}
	}
	var out []rowField
	for i, m := range p.ArgModes {
		if m != 'o' && m != 'b' && m != 't' {
			continue
		}
		t := p.AllArgs[i]
		if types.IsPolymorphic(t) {
			t = s.resolveGenerics(actual, slices.Clone(declared), t)
		}
		name := ""
		if i < len(p.ArgNames) {
			name = p.ArgNames[i]
		}
		if name == "" {
			name = "column" + itoa(len(out)+1)
		}
		out = append(out, rowField{Name: name, T: types.Of(t), Coll: s.typeCollation(t)})
	}
	return out
}
