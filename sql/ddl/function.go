package ddl

import (
	"slices"
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/analyze"
	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// createFunction is CREATE FUNCTION and CREATE PROCEDURE.
func (r *runner) createFunction(n *pg.CreateFunctionStmt) {
	schema, name := r.creationName(n.Funcname)
	d := &functionDef{r: r, n: n, f: &catalog.Function{Header: catalog.Header{Database: r.Database, Name: name, Owner: r.User}}}
	p := &d.f.Proc
	p.Name, p.Namespace, p.Owner, p.Kind = name, schema, r.User, 'f'
	if n.IsProcedure {
		p.Kind = 'p'
	}
	d.attributes(n.Options)
	d.language()
	d.parameters()
	d.returns()
	d.body()
	d.costs()
	old := d.replaced()
	d.dependencies()
	if old != nil {
		d.f.OID, d.f.Owner, d.f.ACL, p.Owner = old.OID, old.Owner, old.ACL, old.Owner
	} else {
		d.f.OID = r.oid()
		r.defaultGrants(&d.f.Header, schema, 'f')
	}
	p.OID = d.f.OID
	r.Overlay.Put(d.f)
	d.validate()
}

// functionDef is a function in the making.
type functionDef struct {
	r    *runner
	n    *pg.CreateFunctionStmt
	f    *catalog.Function
	opts functionOptions
	ret  types.OID // that the OUT parameters ask for, 0 for none
	deps []catalog.Dependency
}

// functionOptions are the options of CREATE and ALTER FUNCTION, by name.
type functionOptions map[string]*pg.DefElem

// functionOptionNames lists the options that are understood; those with true may be given to a procedure too.
var functionOptionNames = map[string]bool{
	"as": true, "language": true, "security": true, "set": true, "transform": true, "window": false, "volatility": false, "strict": false, "leakproof": false,
	"cost": false, "rows": false, "support": false, "parallel": false,
}

func (r *runner) functionOptions(list []*pg.Node, procedure bool) functionOptions {
	out := functionOptions{}
	for _, o := range list {
		e := o.GetDefElem()
		forProcedure, known := functionOptionNames[e.Defname]
		switch {
		case !known:
			fail(pgerr.Internal("option \"%s\" not recognized", e.Defname))
		case procedure && !forProcedure:
			failAt(e.Location, pgerr.InvalidFunctionDefinition, "invalid attribute in procedure definition")
		case out[e.Defname] != nil && e.Defname != "set":
			failAt(e.Location, pgerr.SyntaxError, "conflicting or redundant options")
		}
		out[e.Defname] = e
	}
	return out
}

// attributes reads all options but the body.
func (d *functionDef) attributes(list []*pg.Node) {
	d.opts = d.r.functionOptions(list, d.n.IsProcedure)
	p := &d.f.Proc
	p.Volatile, p.Parallel = 'v', 'u'
	d.r.applyFunctionOptions(p, d.opts)
	switch {
	case d.opts["window"] != nil && defBool(d.opts["window"]):
		unsupported("CREATE FUNCTION ... WINDOW", "Use the built-in window functions.")
	case d.opts["transform"] != nil:
		unsupported("CREATE FUNCTION ... TRANSFORM", "Leave the clause out.")
	}
}

// applyFunctionOptions sets the attributes that CREATE and ALTER share; costs apart.
func (r *runner) applyFunctionOptions(p *catalog.Proc, o functionOptions) {
	if e := o["volatility"]; e != nil {
		p.Volatile = nodeText(e.Arg)[0]
	}
	if e := o["strict"]; e != nil {
		p.Strict = defBool(e)
	}
	if e := o["security"]; e != nil {
		p.SecDef = defBool(e)
	}
	if e := o["leakproof"]; e != nil {
		if p.LeakProof = defBool(e); p.LeakProof && !r.isSuper() {
			failf(pgerr.InsufficientPrivilege, "only superuser can define a leakproof function")
		}
	}
	if e := o["parallel"]; e != nil {
		i := slices.Index([]string{"safe", "unsafe", "restricted"}, nodeText(e.Arg))
		if i < 0 {
			failf(pgerr.SyntaxError, "parameter \"parallel\" must be SAFE, RESTRICTED, or UNSAFE")
		}
		p.Parallel = "sur"[i]
	}
	if o["set"] != nil {
		unsupported("a SET clause of a function", "Qualify the names in its body instead.")
	}
	if o["support"] != nil {
		unsupported("a SUPPORT clause of a function", "Leave it out.")
	}
}

func (d *functionDef) language() {
	lang := "sql"
	if e := d.opts["language"]; e != nil {
		lang = nodeText(e.Arg)
	} else if d.n.SqlBody == nil {
		failf(pgerr.InvalidFunctionDefinition, "no language specified")
	}
	switch lang {
	case "sql":
		d.f.Proc.Lang = catalog.LangSQL
	case "internal":
		d.f.Proc.Lang = catalog.LangInternal
		if !d.r.isSuper() {
			failf(pgerr.InsufficientPrivilege, "permission denied for language %s", lang)
		}
	case "plpgsql", "c":
		unsupported("LANGUAGE "+lang, "Write the function in LANGUAGE sql, or keep the logic in the application.")
	default:
		failf(pgerr.UndefinedObject, "language \"%s\" does not exist", lang)
	}
}

// parameters reads the parameter list (interpret_function_parameter_list).
func (d *functionDef) parameters() {
	r, p := d.r, &d.f.Proc
	outs, named, special := 0, false, false
	variadic := false
	for _, x := range d.n.Parameters {
		a := x.GetFunctionParameter()
		mode := paramMode(a.Mode)
		t := r.typeOf(a.ArgType)
		isInput := mode == 'i' || mode == 'b' || mode == 'v'
		if a.ArgType.Setof {
			if d.n.IsProcedure {
				failf(pgerr.InvalidFunctionDefinition, "procedures cannot accept set arguments")
			}
			failf(pgerr.InvalidFunctionDefinition, "functions cannot accept set arguments")
		}
		if isInput {
			if variadic {
				failf(pgerr.InvalidFunctionDefinition, "VARIADIC parameter must be the last input parameter")
			}
			p.Args = append(p.Args, t.OID)
		}
		switch mode {
		case 'o', 'b', 't':
			outs++
			if outs == 1 {
				d.ret = t.OID
			} else {
				d.ret = types.OIDRecord
			}
		case 'v':
			variadic = true
			p.Variadic = r.variadicElement(t.OID)
		}
		special = special || mode != 'i'
		p.AllArgs, p.ArgModes = append(p.AllArgs, t.OID), append(p.ArgModes, mode)
		d.paramName(a.Name, mode)
		named = named || a.Name != ""
		d.paramDefault(a, t, isInput)
	}
	if d.n.IsProcedure && outs > 0 {
		unsupported("an OUT parameter of a procedure", "Use a function that returns a row.")
	}
	if !special {
		p.AllArgs, p.ArgModes = nil, nil
	}
	if !named {
		p.ArgNames = nil
	}
}

func paramMode(m pg.FunctionParameterMode) byte {
	switch m {
	case pg.FunctionParameterMode_FUNC_PARAM_OUT:
		return 'o'
	case pg.FunctionParameterMode_FUNC_PARAM_INOUT:
		return 'b'
	case pg.FunctionParameterMode_FUNC_PARAM_VARIADIC:
		return 'v'
	case pg.FunctionParameterMode_FUNC_PARAM_TABLE:
		return 't'
	}
	return 'i'
}

// variadicElement is the type of the arguments that a VARIADIC parameter takes.
func (r *runner) variadicElement(t types.OID) types.OID {
	switch t {
	case types.OIDAnyarray:
		return types.OIDAnyelement
	case types.OIDAnycompatiblearray:
		return types.OIDAnycompatible
	case types.OIDAny:
		return types.OIDAny
	}
	ty := types.Lookup(r.typeCtx(), t)
	if ty == nil || !ty.IsArray() {
		failf(pgerr.InvalidFunctionDefinition, "VARIADIC parameter must be an array")
	}
	return ty.Elem
}

func (d *functionDef) paramName(name string, mode byte) {
	p := &d.f.Proc
	if name != "" {
		for i, other := range p.ArgNames {
			m := p.ArgModes[i]
			onlyIn, onlyOut := func(m byte) bool { return m == 'i' || m == 'v' }, func(m byte) bool { return m == 'o' || m == 't' }
			// An input and an output parameter may share a name, except in RETURNS TABLE.
			if other != name || mode != 't' && m != 't' && (onlyIn(mode) && onlyOut(m) || onlyOut(mode) && onlyIn(m)) {
				continue
			}
			failf(pgerr.InvalidFunctionDefinition, "parameter name \"%s\" used more than once", name)
		}
	}
	p.ArgNames = append(p.ArgNames, name)
}

func (d *functionDef) paramDefault(a *pg.FunctionParameter, t types.T, isInput bool) {
	r, p := d.r, &d.f.Proc
	switch {
	case a.Defexpr == nil:
		if isInput && p.NDefaults > 0 {
			failf(pgerr.InvalidFunctionDefinition, "input parameters after one with a default value must also have defaults")
		}
		return
	case !isInput:
		failf(pgerr.InvalidFunctionDefinition, "only input parameters can have default values")
	}
	e := r.analyzeExpr(a.Defexpr, analyze.ExprFunctionDefault, analyze.ExprScope{Target: t, Column: a.Name})
	if tree.Any(e, func(x tree.Expr) bool { _, ok := x.(*tree.Var); return ok }) {
		failf(pgerr.InvalidColumnReference, "cannot use table references in parameter default value")
	}
	p.NDefaults++
	p.DefaultExprs = append(p.DefaultExprs, tree.Encode(e))
	d.deps = append(d.deps, r.exprDeps(e, 0, catalog.DepNormal)...)
}

// returns decides on the type of the result.
func (d *functionDef) returns() {
	r, p := d.r, &d.f.Proc
	switch t := d.n.ReturnType; {
	case d.n.IsProcedure:
		p.Ret = types.OIDVoid
		if d.ret != 0 {
			p.Ret = d.ret
		}
	case t != nil:
		p.Ret, p.RetSet = r.typeOfUnplaced(t).OID, t.Setof
		if d.ret != 0 && p.Ret != d.ret {
			failf(pgerr.InvalidFunctionDefinition, "function result type must be %s because of OUT parameters", types.FormatTypeName(r.typeCtx(), d.ret))
		}
	case d.ret != 0:
		p.Ret = d.ret
	default:
		failf(pgerr.InvalidFunctionDefinition, "function result type must be specified")
	}
	r.checkPolymorphic(p)
}

// body reads AS, or a body in standard SQL form.
func (d *functionDef) body() {
	p, as := &d.f.Proc, d.opts["as"]
	switch {
	case d.n.SqlBody != nil && as != nil:
		failf(pgerr.InvalidFunctionDefinition, "duplicate function body specified")
	case d.n.SqlBody != nil:
		if p.Lang != catalog.LangSQL {
			failf(pgerr.InvalidFunctionDefinition, "inline SQL function body only valid for language SQL")
		}
		d.sqlBody()
	case as == nil:
		failf(pgerr.InvalidFunctionDefinition, "no function body specified")
	default:
		items := as.Arg.GetList().GetItems()
		if len(items) > 1 {
			failf(pgerr.InvalidFunctionDefinition, "only one AS item needed for language \"%s\"", catalog.LanguageName(p.Lang))
		}
		p.Src = str(items[0])
		if p.Lang == catalog.LangInternal && p.Src == "" {
			p.Src = p.Name
		}
	}
}

// sqlBody analyzes BEGIN ATOMIC ... END or RETURN.
func (d *functionDef) sqlBody() {
	r, p := d.r, &d.f.Proc
	for _, t := range p.Args {
		if types.IsPolymorphic(t) {
			failf(pgerr.InvalidFunctionDefinition, "SQL function with unquoted function body cannot have polymorphic arguments")
		}
	}
	stmts := []*pg.Node{d.n.SqlBody}
	if l := d.n.SqlBody.GetList(); l != nil {
		stmts = nil
		for _, x := range l.Items {
			if in := x.GetList(); in != nil {
				stmts = append(stmts, in.Items...)
			} else {
				stmts = append(stmts, x)
			}
		}
	} else {
		p.BodyReturn = d.n.SqlBody.GetReturnStmt() != nil
	}
	queries, err := analyze.AnalyzeFunctionBody(r.env(), p, r.AsOf, stmts)
	must(err)
	p.Queries = [][]byte{}
	for _, q := range queries {
		p.Queries = append(p.Queries, tree.EncodeQuery(q))
		r.addQueryDeps(&d.deps, q)
	}
}

// costs reads COST and ROWS.
func (d *functionDef) costs() {
	p := &d.f.Proc
	p.Cost = 100
	if p.Lang == catalog.LangInternal {
		p.Cost = 1
	}
	if p.RetSet {
		p.Rows = 1000
	}
	setCosts(p, d.opts)
}

func setCosts(p *catalog.Proc, o functionOptions) {
	if e := o["cost"]; e != nil {
		if p.Cost = defFloat(e); p.Cost <= 0 {
			failf(pgerr.InvalidParameterValue, "COST must be positive")
		}
	}
	if e := o["rows"]; e != nil {
		p.Rows = defFloat(e)
		if p.Rows <= 0 {
			failf(pgerr.InvalidParameterValue, "ROWS must be positive")
		}
		if !p.RetSet {
			failf(pgerr.InvalidParameterValue, "ROWS is not applicable when function does not return a set")
		}
	}
}

func defFloat(d *pg.DefElem) float32 {
	v, err := strconv.ParseFloat(nodeText(d.Arg), 32)
	if err != nil {
		failf(pgerr.SyntaxError, "%s requires a numeric value", d.Defname)
	}
	return float32(v)
}

// replaced finds the function that OR REPLACE replaces, and checks that callers will not notice (ProcedureCreate).
func (d *functionDef) replaced() *catalog.Function {
	r, p := d.r, &d.f.Proc
	var old *catalog.Function
	for _, q := range r.Overlay.Procs(p.Name) {
		if q.Namespace == p.Namespace && slices.Equal(q.Args, p.Args) {
			old = r.Overlay.Function(q.OID)
		}
	}
	if old == nil {
		return nil
	}
	q := &old.Proc
	if !d.n.Replace {
		failf(pgerr.DuplicateFunction, "function \"%s\" already exists with same argument types", p.Name)
	}
	if !r.owns(old.Owner) {
		failf(pgerr.InsufficientPrivilege, "must be owner of %s %s", procWord(q), q.Name)
	}
	if q.Kind != p.Kind {
		e := pgerr.New(pgerr.WrongObjectType, "cannot change routine kind")
		fail(e.WithDetail("\"%s\" is a %s.", q.Name, procWord(q)))
	}
	drop := "DROP " + strings.ToUpper(procWord(p)) + " " + r.signature(q)
	differs := func(format string, args ...any) {
		fail(pgerr.Newf(pgerr.InvalidFunctionDefinition, format, args...).WithHint("Use %s first.", drop))
	}
	switch {
	case q.Ret != p.Ret || q.RetSet != p.RetSet:
		if p.Kind == 'p' {
			differs("cannot change whether a procedure has output parameters")
		}
		differs("cannot change return type of existing function")
	case p.Ret == types.OIDRecord && !sameOutputs(q, p):
		fail(pgerr.New(pgerr.InvalidFunctionDefinition, "cannot change return type of existing function").
			WithDetail("Row type defined by OUT parameters is different.").WithHint("Use %s first.", drop))
	}
	for i, name := range inputNames(q) {
		if now := inputNames(p); name != "" && (i >= len(now) || now[i] != name) {
			differs("cannot change name of input parameter \"%s\"", name)
		}
	}
	if p.NDefaults < q.NDefaults {
		differs("cannot remove parameter defaults from existing function")
	}
	return old
}

func inputNames(p *catalog.Proc) (out []string) {
	for i, n := range p.ArgNames {
		if p.ArgModes == nil || strings.IndexByte("ibv", p.ArgModes[i]) >= 0 {
			out = append(out, n)
		}
	}
	return out
}

// sameOutputs compares the rows that the OUT parameters of two functions make.
func sameOutputs(a, b *catalog.Proc) bool {
	outs := func(p *catalog.Proc) (out []string) {
		for i, m := range p.ArgModes {
			if m == 'o' || m == 'b' || m == 't' {
				name := ""
				if p.ArgNames != nil {
					name = p.ArgNames[i]
				}
				out = append(out, itoa(int(p.AllArgs[i]))+" "+name)
			}
		}
		return out
	}
	return slices.Equal(outs(a), outs(b))
}

func (d *functionDef) dependencies() { d.f.DependsOn = d.deps }

// validate checks the body, as PostgreSQL's language validators do.
func (d *functionDef) validate() {
	r, p := d.r, &d.f.Proc
	if p.Lang == catalog.LangInternal {
		if !r.knownInternal(p.Src) {
			failf(pgerr.UndefinedFunction, "there is no built-in function named \"%s\"", p.Src)
		}
		return
	}
	poly := false
	ty := types.Lookup(r.typeCtx(), p.Ret)
	if ty != nil && ty.Kind == types.KindPseudo && p.Ret != types.OIDRecord && p.Ret != types.OIDVoid && !types.IsPolymorphic(p.Ret) {
		failf(pgerr.InvalidFunctionDefinition, "SQL functions cannot return type %s", types.FormatTypeName(r.typeCtx(), p.Ret))
	}
	for _, a := range p.Args {
		if types.IsPolymorphic(a) {
			poly = true
		} else if t := types.Lookup(r.typeCtx(), a); t != nil && t.Kind == types.KindPseudo {
			failf(pgerr.InvalidFunctionDefinition, "SQL functions cannot have arguments of type %s", types.FormatTypeName(r.typeCtx(), a))
		}
	}
	if !r.CheckBodies || poly {
		return
	}
	_, err := analyze.AnalyzeFunction(r.env(), analyze.FunctionCall{Proc: p, Args: p.Args, Ret: p.Ret})
	if err != nil {
		fail(d.bodyError(pgerr.From(err)))
	}
}

// bodyError moves an error's position from the body into the statement, where the body stands in it as it is.
func (d *functionDef) bodyError(err *pgerr.Error) error {
	e := *err
	e.Where = "SQL function \"" + d.f.Name + "\""
	if e.Position == 0 || d.f.Proc.Queries != nil {
		return &e
	}
	src := d.f.Proc.Src
	if i := strings.Index(d.r.Text, src); i >= 0 {
		e.Position += i
		e.Where = ""
	} else {
		e.InternalPosition, e.InternalQuery, e.Position = e.Position, src, 0
	}
	return &e
}
