package analyze

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/catalog"
	"kimberlite/sql/parser"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// FunctionCall is a use of a function in LANGUAGE sql: the types of its parameters and result, polymorphic ones resolved.
type FunctionCall struct {
	Proc *catalog.Proc
	Args []types.OID
	Ret  types.OID
	// Cols are the columns of the rows wanted, for a result of type record that only its use declares; nil when the function knows.
	Cols []types.T
}

// FunctionBody is the analyzed body of a function.
type FunctionBody struct {
	Stmts []FunctionStmt
	// Cols are the columns that the last statement gives; none for a function returning void.
	Cols []types.T
	// Row says that they are the fields of the function's result, which is a row, and not the result itself.
	Row bool
}

// FunctionStmt is one statement of a body: a query, views expanded, or a utility statement.
type FunctionStmt struct {
	Query   *tree.Query
	Utility *parser.Stmt
}

// AnalyzeFunction analyzes a function's body for a use of it, and converts the last statement's result to the function's (PostgreSQL's
// check_sql_fn_retval). Errors have positions in the function's source.
func AnalyzeFunction(env *Env, call FunctionCall) (body *FunctionBody, err error) {
	defer catch(&err)
	a := newAnalyzer(env, nil)
	a.fn = newFunctionParams(call.Proc, call.Args)
	body = &FunctionBody{}
	for _, b := range call.Proc.Queries {
		q, err := tree.DecodeQuery(b)
		if err != nil {
			return nil, err
		}
		body.Stmts = append(body.Stmts, FunctionStmt{Query: q})
	}
	if call.Proc.Queries == nil {
		body.Stmts = a.functionText(call)
	}
	a.params = newParams(call.Args, false)
	a.functionResult(call, body)
	for i := range body.Stmts {
		if q := body.Stmts[i].Query; q != nil {
			body.Stmts[i].Query = a.rewrite(q)
		}
	}
	return body, nil
}

// functionText analyzes a body that was written as a string.
func (a *analyzer) functionText(call FunctionCall) []FunctionStmt {
	stmts, err := parser.Parse(call.Proc.Src)
	if err != nil {
		fail(err)
	}
	out := make([]FunctionStmt, len(stmts))
	for i := range stmts {
		a.asOf, a.stmt = stmts[i].AsOf, &stmts[i]
		a.params = newParams(call.Args, false)
		if q := a.topLevel(stmts[i].Raw); q.Cmd != tree.CmdUtility {
			out[i].Query = q
		} else {
			out[i].Utility = &stmts[i]
		}
	}
	return out
}

// AnalyzeFunctionBody analyzes a body in standard SQL form (BEGIN ATOMIC ... END, RETURN ...), as it is stored: views unexpanded.
func AnalyzeFunctionBody(env *Env, p *catalog.Proc, asOf map[int32]*parser.AsOf, stmts []*pg.Node) (out []*tree.Query, err error) {
	defer catch(&err)
	a := newAnalyzer(env, asOf)
	a.fn = newFunctionParams(p, p.Args)
	for _, n := range stmts {
		a.params = newParams(p.Args, false)
		if r := n.GetReturnStmt(); r != nil {
			n = &pg.Node{Node: &pg.Node_SelectStmt{SelectStmt: &pg.SelectStmt{
				TargetList: []*pg.Node{{Node: &pg.Node_ResTarget{ResTarget: &pg.ResTarget{Val: r.Returnval, Location: -1}}}},
			}}}
		}
		q := a.topLevel(n)
		if q.Cmd == tree.CmdUtility {
			unsupported(-1, "a utility statement in an unquoted SQL function body", "Write the body as a string.")
		}
		if q.Cmd != tree.CmdSelect {
			unsupported(-1, "a statement that changes data in an unquoted SQL function body", "Write the body as a string.")
		}
		out = append(out, q)
	}
	return out, nil
}

// functionParams are the parameters of the function whose body is analyzed, by name.
type functionParams struct {
	name  string
	names []string
}

func newFunctionParams(p *catalog.Proc, args []types.OID) *functionParams {
	f := &functionParams{name: p.Name}
	for i, n := range p.ArgNames {
		if p.ArgModes == nil || p.ArgModes[i] == 'i' || p.ArgModes[i] == 'b' || p.ArgModes[i] == 'v' {
			f.names = append(f.names, n)
		}
	}
	if len(f.names) > len(args) {
		f.names = f.names[:len(args)]
	}
	return f
}

// param is the reference to a parameter by name, nil when there is none.
func (f *functionParams) param(s *state, name string, loc int32) tree.Expr {
	for i, n := range f.names {
		if n == name && n != "" {
			return s.params.ref(s, i+1, loc)
		}
	}
	return nil
}

// functionParam resolves a name that is no column to a parameter of the function (sql_fn_post_column_ref): param, function.param, and their fields.
func (s *state) functionParam(fields []*pg.Node, loc int32) tree.Expr {
	f := s.fn
	if f == nil {
		return nil
	}
	n := len(fields)
	if fields[n-1].GetAStar() != nil {
		n--
	}
	if n == 0 || n > 3 {
		return nil
	}
	var p tree.Expr
	rest := fields[1:n]
	switch first := str(fields[0]); {
	case n == 3:
		if first != f.name {
			return nil
		}
		p, rest = f.param(s, str(fields[1]), loc), rest[1:]
	case n == 2 && first == f.name:
		if p = f.param(s, str(fields[1]), loc); p != nil {
			rest = nil
			break
		}
		p = f.param(s, first, loc)
	default:
		p = f.param(s, first, loc)
	}
	if p == nil || len(rest) == 0 {
		return p
	}
	return s.funcOrColumn(rest, []tree.Expr{p}, s.lastSRF, nil, loc)
}

// functionResult makes the last statement return what the function does.
func (a *analyzer) functionResult(call FunctionCall, body *FunctionBody) {
	if call.Ret == types.OIDVoid || call.Proc.Kind == 'p' && call.Ret != types.OIDRecord {
		return
	}
	c := &resultCheck{s: a.newState(nil), ret: call.Ret}
	var list *[]tree.TargetEntry
	if n := len(body.Stmts); n > 0 {
		c.q = body.Stmts[n-1].Query
	}
	switch {
	case c.q == nil:
	case c.q.Cmd == tree.CmdSelect:
		list = &c.q.Target
	case len(c.q.Returning) > 0:
		list = &c.q.Returning
	}
	if list == nil {
		c.mismatch("Function's final statement must be SELECT or INSERT/UPDATE/DELETE RETURNING.")
	}
	c.list = *list
	for _, te := range c.list {
		if !te.Junk {
			c.n++
		}
	}
	switch ty := a.typ(call.Ret); {
	case ty.Kind == types.KindComposite || call.Ret == types.OIDRecord || ty.Kind == types.KindDomain && a.typ(a.baseType(call.Ret)).Kind == types.KindComposite:
		body.Row = c.row(call)
	case ty.Kind == types.KindPseudo:
		failf(-1, pgerr.InvalidFunctionDefinition, "return type %s is not supported for SQL functions", a.typeName(call.Ret))
	default:
		if c.n != 1 {
			c.mismatch("Final statement must return exactly one column.")
		}
		if !c.convert(0, types.Of(call.Ret)) {
			c.mismatch("Actual return type is %s.", c.typeAt(0))
		}
	}
	body.Stmts[len(body.Stmts)-1].Query = c.finish()
	body.Cols = c.cols
}

// resultCheck converts the result of a function's last statement.
type resultCheck struct {
	s    *state
	ret  types.OID
	q    *tree.Query
	list []tree.TargetEntry // its result columns
	n    int                // those that are no junk
	cols []types.T
	// casts are conversions that cannot be made inside the query: they wrap it.
	casts map[int]types.T
}

func (c *resultCheck) mismatch(detail string, args ...any) {
	fail(pgerr.Newf(pgerr.InvalidFunctionDefinition, "return type mismatch in function declared to return %s", c.s.typeName(c.ret)).WithDetail(detail, args...))
}

// at is the index of result column i.
func (c *resultCheck) at(i int) int {
	for k := range c.list {
		if c.list[k].Junk {
			continue
		}
		if i == 0 {
			return k
		}
		i--
	}
	return -1
}

func (c *resultCheck) typeAt(i int) string { return c.s.typeName(c.list[c.at(i)].Expr.Type().OID) }

// convert makes result column i be of a type (coerce_fn_result_column).
func (c *resultCheck) convert(i int, t types.T) bool {
	te := &c.list[c.at(i)]
	in := te.Expr.Type()
	switch {
	case in.OID == t.OID && (t.Mod == -1 || in.Mod == t.Mod):
	case te.SortRef == 0 && c.q.SetOp == nil:
		e := c.s.coerceToTarget(te.Expr, in.OID, t, assignment, tree.CoerceImplicitCast, -1)
		if e == nil {
			return false
		}
		c.s.assignCollation(e)
		te.Expr = e
	default:
		if c.s.coerceToTarget(&tree.Var{VarNo: 1, AttNo: i + 1, T: in, Coll: te.Expr.Collation()}, in.OID, t, assignment, tree.CoerceImplicitCast, -1) == nil {
			return false
		}
		if c.casts == nil {
			c.casts = map[int]types.T{}
		}
		c.casts[i] = t
	}
	c.cols = append(c.cols, t)
	return true
}

// row converts the result of a function that returns a row. It reports whether the columns are the row's fields.
func (c *resultCheck) row(call FunctionCall) bool {
	if c.n == 1 && c.convert(0, types.Of(c.ret)) {
		return false
	}
	want := c.fields(call)
	if want == nil {
		for i := range c.n {
			c.cols = append(c.cols, c.list[c.at(i)].Expr.Type())
		}
		return true
	}
	for i := range c.n {
		if i >= len(want) {
			c.mismatch("Final statement returns too many columns.")
		}
		if !c.convert(i, want[i]) {
			c.mismatch("Final statement returns %s instead of %s at column %d.", c.typeAt(i), c.s.typeName(want[i].OID), i+1)
		}
	}
	if c.n < len(want) {
		c.mismatch("Final statement returns too few columns.")
	}
	return true
}

// fields are the types of the fields of the function's result, nil when anything goes.
func (c *resultCheck) fields(call FunctionCall) []types.T {
	if call.Cols != nil {
		return call.Cols
	}
	args := make([]tree.Expr, len(call.Args))
	for i, t := range call.Args {
		args[i] = &tree.Param{Kind: tree.ParamExtern, ID: i + 1, T: types.Of(t)}
	}
	var out []types.T
	for _, f := range c.s.resultFields(call.Proc, &tree.FuncExpr{Func: call.Proc.OID, T: types.Of(call.Ret), Args: args}) {
		if !f.Dropped {
			out = append(out, f.T)
		}
	}
	return out
}

// finish returns the query, wrapped where conversions need it.
func (c *resultCheck) finish() *tree.Query {
	if c.casts == nil {
		return c.q
	}
	s := c.s
	rte := &tree.RTE{Kind: tree.RTESubquery, Subquery: c.q, Eref: tree.Alias{Name: "*SELECT*"}, InFrom: true}
	out := &tree.Query{Cmd: tree.CmdSelect, CanSetTag: true, RTable: []*tree.RTE{rte}, From: &tree.FromExpr{List: []tree.JoinNode{&tree.RangeRef{Index: 1}}}}
	for i := range c.n {
		te := c.list[c.at(i)]
		t := te.Expr.Type()
		rte.Eref.Cols = append(rte.Eref.Cols, te.Name)
		rte.ColTypes, rte.ColColls = append(rte.ColTypes, t), append(rte.ColColls, te.Expr.Collation())
		var e tree.Expr = &tree.Var{VarNo: 1, AttNo: i + 1, T: t, Coll: te.Expr.Collation(), Loc: -1}
		if want, ok := c.casts[i]; ok {
			e = s.coerceToTarget(e, t.OID, want, assignment, tree.CoerceImplicitCast, -1)
			s.assignCollation(e)
		}
		out.Target = append(out.Target, tree.TargetEntry{Expr: e, ResNo: i + 1, Name: te.Name})
	}
	return out
}
