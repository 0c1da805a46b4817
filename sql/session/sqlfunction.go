package session

import (
	"fmt"
	"strings"

	"kimberlite/exec"
	"kimberlite/sql/analyze"
	"kimberlite/sql/catalog"
	"kimberlite/sql/ddl"
	"kimberlite/sql/functions"
	"kimberlite/sql/parser"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
	"kimberlite/txn"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// sqlFunction is the compiled body of a function in LANGUAGE sql for one way of calling it. It is good as long as the catalog, the search path and the
// current user stay.
type sqlFunction struct {
	proc    *catalog.Proc
	call    analyze.FunctionCall
	body    *analyze.FunctionBody
	stmts   []sqlStatement
	version uint64
	path    string
	role    types.OID
}

// sqlStatement is a statement of a body; of exec and utility one is set.
type sqlStatement struct {
	st      *statement
	exec    *exec.Prepared
	utility *parser.Stmt
}

// CallSQL implements exec.FunctionRunner: the value is the first row that the last statement gives, NULL when there is none.
func (s *Session) CallSQL(c *functions.Call, args []types.Datum, view func() *txn.View) (types.Datum, error) {
	run, err := s.startFunction(c, nil, args, view)
	if err != nil {
		return types.NullDatum, err
	}
	defer run.Close()
	out := types.NullDatum
	return out, run.guard(run.f.proc, func() error {
		row, err := run.nextRow()
		switch {
		case err != nil || row == nil:
			return err
		case run.f.body.Row:
			out = run.record(c.Ret, row)
		default:
			out = row[0]
		}
		return run.finish()
	})
}

// call is CALL of a procedure.
func (u *utility) call(n *pg.FuncCall) error {
	s := u.s
	e, err := analyze.AnalyzeCall(s.analyzeEnv(), n, u.in)
	if err != nil {
		return err
	}
	ctx := s.execContext()
	c := &functions.Call{Func: e.Func, Ret: e.T, Args: make([]types.T, len(e.Args))}
	args := make([]types.Datum, len(e.Args))
	for i, a := range e.Args {
		x, err := exec.CompileExpr(a, s.reader())
		if err != nil {
			return err
		}
		if args[i], err = x.Eval(ctx, nil, u.params); err != nil {
			return err
		}
		c.Args[i] = a.Type()
	}
	_, err = s.CallSQL(c, args, nil)
	return err
}

// CallSQLSet implements exec.FunctionRunner: the rows are those of the last statement.
func (s *Session) CallSQLSet(c *functions.Call, cols []types.T, args []types.Datum, view func() *txn.View) (functions.RowSource, error) {
	run, err := s.startFunction(c, cols, args, view)
	if err != nil {
		return nil, err
	}
	body := run.f.body
	single := len(cols) == 1 && (cols[0].OID == c.Ret.OID || cols[0].OID == types.OIDRecord)
	switch {
	case body.Row && single:
		run.shape = func(row []types.Datum) ([]types.Datum, error) { return []types.Datum{run.record(c.Ret, row)}, nil }
	case !body.Row && !single:
		run.shape = func(row []types.Datum) ([]types.Datum, error) { return spread(s.drv.io, row[0], cols) }
	}
	if run.rows != nil && modifies(run.last().st) { // runs to its end, however few of its rows are wanted
		err = run.guard(run.f.proc, run.readAll)
	}
	return run, err
}

// spread is the fields of a row value, which must be of the types of cols; NULLs for a NULL.
func spread(io *types.Ctx, d types.Datum, cols []types.T) ([]types.Datum, error) {
	out := make([]types.Datum, len(cols))
	if d.Null {
		for i := range out {
			out[i] = types.NullDatum
		}
		return out, nil
	}
	rec := types.ParseRecord(d.S)
	mismatch := pgerr.New(pgerr.DatatypeMismatch, "function return row and query-specified return row do not match")
	if n := rec.Len(); n != len(cols) {
		word := "attributes"
		if n == 1 {
			word = "attribute"
		}
		return nil, mismatch.WithDetail("Returned row contains %d %s, but query expects %d.", n, word, len(cols))
	}
	for i := range out {
		if rec.FieldType(i) != cols[i].OID {
			return nil, mismatch.WithDetail("Returned type %s at ordinal position %d, but query expects %s.", types.FormatTypeName(io, rec.FieldType(i)), i+1,
				types.FormatTypeName(io, cols[i].OID))
		}
		out[i] = rec.Field(i)
	}
	return out, nil
}

// functionRun is a call of a function under way: all statements but the last have run. It implements functions.RowSource.
type functionRun struct {
	s     *Session
	f     *sqlFunction
	rows  *exec.Rows
	batch *types.Batch
	at    int
	read  [][]types.Datum // rows read ahead
	shape func([]types.Datum) ([]types.Datum, error)
}

// startFunction runs all statements of a function but the last, and starts that.
func (s *Session) startFunction(c *functions.Call, cols []types.T, args []types.Datum, view func() *txn.View) (*functionRun, error) {
	p := s.reader().Proc(c.Func)
	if p == nil {
		return nil, pgerr.Newf(pgerr.UndefinedFunction, "function with OID %d does not exist", c.Func)
	}
	if err := s.mayExecute(p); err != nil {
		return nil, err
	}
	if s.callDepth >= callDepthMax {
		return nil, pgerr.New(pgerr.StatementTooComplex, "stack depth limit exceeded").WithHint("Write the function without recursion that deep.")
	}
	run := &functionRun{s: s}
	err := run.guard(p, func() (err error) {
		if run.f, err = s.sqlFunction(p, c, cols); err != nil {
			return functionError(err, p, "during startup")
		}
		for i := range run.f.stmts {
			if err := run.statement(i, args, view); err != nil {
				run.Close()
				return functionError(err, p, fmt.Sprintf("statement %d", i+1))
			}
		}
		return nil
	})
	return run, err
}

// guard counts the depth of calls, and takes the rights of the owner of a SECURITY DEFINER function while f runs.
func (r *functionRun) guard(p *catalog.Proc, f func() error) error {
	s := r.s
	s.callDepth++
	defer func() { s.callDepth-- }()
	if p.SecDef {
		role, super := s.role, s.super
		s.role, s.super = p.Owner, s.isSuper(p.Owner)
		defer func() { s.role, s.super = role, super }()
	}
	return f()
}

// mayExecute checks the right to call a user's function.
func (s *Session) mayExecute(p *catalog.Proc) error {
	if s.super || p.Owner == s.role || catalog.HasPrivs(s.reader(), s.role, p.Owner, catalog.ProcACL(s.reader(), p), catalog.PrivExecute, false, true) {
		return nil
	}
	return pgerr.Newf(pgerr.InsufficientPrivilege, "permission denied for %s %s", procWord(p), p.Name)
}

func procWord(p *catalog.Proc) string {
	if p.Kind == 'p' {
		return "procedure"
	}
	return "function"
}

// functionError says in which function an error happened; a position in its source is no position in the client's query.
func functionError(err error, p *catalog.Proc, where string) error {
	e := *pgerr.From(err)
	if e.Position > 0 {
		if p.Queries == nil {
			e.InternalPosition, e.InternalQuery = charPosition(p.Src, e.Position), p.Src
		}
		e.Position = 0
	}
	if e.Where != "" {
		if e.Code == pgerr.StatementTooComplex {
			return &e // each level of the recursion would say so
		}
		e.Where += "\n"
	}
	e.Where += fmt.Sprintf("SQL function %q %s", p.Name, where)
	return &e
}

// statement runs statement i; of the last one that gives the result, only the start.
func (r *functionRun) statement(i int, args []types.Datum, view func() *txn.View) error {
	s, st := r.s, &r.f.stmts[i]
	if st.utility != nil {
		u := &utility{s: s, sql: r.f.proc.Src, stmt: st.utility, params: args, in: &r.f.call}
		_, err := u.run()
		return err
	}
	if err := s.lockRelations(st.st.plan); err != nil {
		return err
	}
	s.refresh()
	if err := s.writable(st.st); err != nil {
		return err
	}
	ctx := s.execContext()
	if r.f.proc.Volatile != 'v' {
		ctx.View = view()
	}
	rows, err := st.exec.Run(ctx, args)
	if err != nil {
		return err
	}
	if i == len(r.f.stmts)-1 && r.f.body.Cols != nil {
		r.rows = rows
		return nil
	}
	if err := drain(rows); err != nil {
		return err
	}
	return s.afterStatement()
}

// drain runs an execution to its end.
func drain(rows *exec.Rows) error {
	_, err := eachRow(rows, 0, nil)
	if cerr := rows.Close(); err == nil {
		err = cerr
	}
	return err
}

// allowedIn refuses statements that a function may not have: those that control transactions or talk to the client, and changes in one that is not volatile.
func (st *sqlStatement) allowedIn(p *catalog.Proc) error {
	name := ""
	if st.utility != nil {
		name = ddl.CommandName(st.utility.Raw)
		switch st.utility.Raw.Node.(type) {
		case *pg.Node_TransactionStmt:
			return pgerr.Newf(pgerr.FeatureNotSupported, "%s is not allowed in an SQL function", strings.ToUpper(strings.Fields(st.utility.Text)[0]))
		case *pg.Node_CopyStmt, *pg.Node_VariableShowStmt, *pg.Node_ExplainStmt, *pg.Node_ExecuteStmt, *pg.Node_FetchStmt, *pg.Node_PrepareStmt, *pg.Node_DeclareCursorStmt:
			return pgerr.Unsupported(name+" in an SQL function", "Run it outside the function.")
		}
	} else if modifies(st.st) {
		name = commandName(st.st)
	}
	if name != "" && p.Volatile != 'v' {
		return pgerr.Newf(pgerr.FeatureNotSupported, "%s is not allowed in a non-volatile function", name)
	}
	return nil
}

func (r *functionRun) last() *sqlStatement { return &r.f.stmts[len(r.f.stmts)-1] }

// readAll reads all rows of the last statement.
func (r *functionRun) readAll() error {
	var all [][]types.Datum
	for {
		row, err := r.nextRow()
		if err != nil {
			return err
		}
		if row == nil {
			r.read = all
			return nil
		}
		all = append(all, row)
	}
}

// nextRow returns the next row of the last statement, nil at the end.
func (r *functionRun) nextRow() ([]types.Datum, error) {
	if len(r.read) > 0 {
		row := r.read[0]
		r.read = r.read[1:]
		return row, nil
	}
	if r.rows == nil {
		return nil, nil
	}
	for r.batch == nil || r.at >= r.batch.Rows() {
		b, err := r.rows.Next()
		if err != nil {
			return nil, functionError(err, r.f.proc, fmt.Sprintf("statement %d", len(r.f.stmts)))
		}
		if b == nil {
			return nil, r.finish()
		}
		r.batch, r.at = b, 0
	}
	row := make([]types.Datum, len(r.f.body.Cols))
	for k := range row {
		row[k] = r.batch.Cols[k].Datum(r.batch.Row(r.at))
	}
	r.at++
	return row, nil
}

// finish ends the last statement. One that changes rows runs to its end, however few of its rows are wanted.
func (r *functionRun) finish() error {
	if r.rows == nil {
		return nil
	}
	rows := r.rows
	r.rows = nil
	if modifies(r.last().st) {
		if err := drain(rows); err != nil {
			return functionError(err, r.f.proc, fmt.Sprintf("statement %d", len(r.f.stmts)))
		}
		return r.s.afterStatement()
	}
	return rows.Close()
}

// record packs a row as a value of the function's type.
func (r *functionRun) record(t types.T, row []types.Datum) types.Datum {
	fields := make([]types.OID, len(row))
	for i, c := range r.f.body.Cols {
		fields[i] = c.OID
	}
	io := r.s.drv.io
	return types.Str(types.MakeRecord(io, types.BaseType(io, t).OID, fields, nil, row))
}

// Next implements functions.RowSource.
func (r *functionRun) Next(b *types.Batch) error {
	return r.guard(r.f.proc, func() error {
		for b.N < types.BatchRows {
			row, err := r.nextRow()
			if err != nil || row == nil {
				return err
			}
			if r.shape != nil {
				if row, err = r.shape(row); err != nil {
					return err
				}
			}
			for k, c := range b.Cols {
				c.Append(row[k])
			}
			b.N++
		}
		return nil
	})
}

// Close implements functions.RowSource.
func (r *functionRun) Close() {
	if r.rows != nil {
		r.rows.Close()
		r.rows = nil
	}
}

// functionKey names a function and a way of calling it.
func functionKey(c *functions.Call, cols []types.T) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %d", c.Func, c.Ret.OID)
	for _, a := range c.Args {
		fmt.Fprintf(&b, ",%d", a.OID)
	}
	if c.Ret.OID == types.OIDRecord {
		for _, t := range cols {
			fmt.Fprintf(&b, ";%d", t.OID)
		}
	}
	return b.String()
}

// sqlFunction returns the compiled body of a function for a call.
func (s *Session) sqlFunction(p *catalog.Proc, c *functions.Call, cols []types.T) (*sqlFunction, error) {
	key := functionKey(c, cols)
	f := s.functions[key]
	if f != nil && f.version == s.reader().Version() && f.path == s.set.str("search_path") && f.role == s.role {
		return f, nil
	}
	call := analyze.FunctionCall{Proc: p, Ret: c.Ret.OID, Args: make([]types.OID, len(c.Args))}
	for i, a := range c.Args {
		call.Args[i] = a.OID
	}
	if c.Ret.OID == types.OIDRecord && (len(cols) != 1 || cols[0].OID != types.OIDRecord) {
		call.Cols = cols
	}
	f, err := s.compileFunction(call)
	if err != nil {
		return nil, err
	}
	if s.functions == nil {
		s.functions = map[string]*sqlFunction{}
	}
	if len(s.functions) >= functionsMax {
		clear(s.functions)
	}
	s.functions[key] = f
	return f, nil
}

func (s *Session) compileFunction(call analyze.FunctionCall) (*sqlFunction, error) {
	s.refresh()
	body, err := analyze.AnalyzeFunction(s.analyzeEnv(), call)
	if err != nil {
		return nil, err
	}
	f := &sqlFunction{proc: call.Proc, call: call, body: body, version: s.reader().Version(), path: s.set.str("search_path"), role: s.role}
	for _, b := range body.Stmts {
		st := sqlStatement{utility: b.Utility}
		if b.Query != nil {
			st.st = &statement{}
			if err := s.planQuery(st.st, b.Query); err != nil {
				return nil, err
			}
			if st.exec, err = exec.Compile(st.st.plan, s.reader()); err != nil {
				return nil, err
			}
		}
		if err := st.allowedIn(call.Proc); err != nil {
			return nil, err
		}
		f.stmts = append(f.stmts, st)
	}
	return f, nil
}

// functionQuery is the body of a function that the planner may put in the place of its call; nil when it may not.
func (s *Session) functionQuery(p *catalog.Proc, args []types.OID, ret types.OID, cols []types.T) *tree.Query {
	if p.SecDef || p.Kind != 'f' || !publicMayExecute(s.reader(), p) {
		return nil
	}
	body, err := analyze.AnalyzeFunction(s.analyzeEnv(), analyze.FunctionCall{Proc: p, Args: args, Ret: ret, Cols: cols})
	if err != nil || len(body.Stmts) != 1 || body.Stmts[0].Query == nil || body.Cols == nil {
		return nil // the call fails, with a better message
	}
	return body.Stmts[0].Query
}

// publicMayExecute: plans are shared by roles, so only what everybody may call is put into them.
func publicMayExecute(r catalog.Reader, p *catalog.Proc) bool {
	for _, a := range catalog.ProcACL(r, p) {
		if a.Grantee == 0 && a.Privs&catalog.PrivExecute != 0 {
			return true
		}
	}
	return false
}
