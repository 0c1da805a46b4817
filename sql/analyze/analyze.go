package analyze

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/catalog"
	"kimberlite/sql/parser"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// Env is what analysis depends on beyond the statement. It is not changed; IO.Types need not be set.
type Env struct {
	Catalog catalog.Reader
	// SearchPath lists the schemas in the order they are searched, the implicit ones (temporary schema, pg_catalog) included.
	SearchPath []types.OID
	TempSchema types.OID // 0 for none
	IO         *types.Ctx
	User       types.OID
	// ParamVariable says that parameters without a given type (0) get theirs from their use, and that there may be more than were given: the Parse
	// message and PREPARE. Otherwise $n beyond the given ones is an error.
	ParamVariable bool
	// Notice receives warnings (a precision reduced); nil drops them.
	Notice func(*pgerr.Error)
	// Cursor returns the statement of an open cursor. Analysis accepts any name in WHERE CURRENT OF, as PostgreSQL does: the cursor is looked for when the
	// statement runs.
	Cursor func(name string) (*parser.Stmt, bool)
}

// Analyze turns a SELECT, INSERT, UPDATE, DELETE, MERGE or VALUES statement into a query tree, views expanded. It returns the types of
// its parameters with those inferred filled in. A statement of another kind gives a Query with Cmd CmdUtility and nothing else: the session runs those.
//
// Errors are PostgreSQL's, positions byte offsets in the query string that stmt was parsed from.
func Analyze(env *Env, stmt *parser.Stmt, paramTypes []types.OID) (q *tree.Query, params []types.OID, err error) {
	return analyzeStmt(env, stmt, paramTypes)
}

// AnalyzeNode is Analyze for a statement inside another: of EXPLAIN, DECLARE CURSOR, CREATE TABLE AS, CREATE VIEW, COPY, PREPARE.
func AnalyzeNode(env *Env, node *pg.Node, asOf map[int32]*parser.AsOf, paramTypes []types.OID) (q *tree.Query, params []types.OID, err error) {
	return analyzeStmt(env, &parser.Stmt{Raw: node, AsOf: asOf}, paramTypes)
}

func analyzeStmt(env *Env, stmt *parser.Stmt, paramTypes []types.OID) (q *tree.Query, params []types.OID, err error) {
	defer catch(&err)
	a := newAnalyzer(env, stmt.AsOf)
	a.stmt = stmt
	a.params = newParams(paramTypes, env.ParamVariable)
	q = a.topLevel(stmt.Raw)
	a.params.check(q)
	q = a.rewrite(q)
	return q, a.params.types, nil
}

// AnalyzeView analyzes the query of CREATE VIEW as it is stored: nothing is expanded.
func AnalyzeView(env *Env, node *pg.Node, asOf map[int32]*parser.AsOf) (q *tree.Query, err error) {
	defer catch(&err)
	a := newAnalyzer(env, asOf)
	a.params = newParams(nil, false)
	q = a.topLevel(node)
	return q, nil
}

// AnalyzePrepared analyzes a prepared statement as AnalyzeView does, with values in the place of its parameters.
func AnalyzePrepared(env *Env, stmt *parser.Stmt, paramTypes []types.OID, values []types.Datum) (q *tree.Query, err error) {
	defer catch(&err)
	a := newAnalyzer(env, stmt.AsOf)
	a.stmt = stmt
	a.params = newParams(paramTypes, false)
	q = a.topLevel(stmt.Raw)
	return tree.MutateQueryDeep(q, 0, func(e tree.Expr, _ int) (tree.Expr, bool) {
		p, ok := e.(*tree.Param)
		if !ok || p.Kind != tree.ParamExtern {
			return nil, false
		}
		return &tree.Const{T: p.T, Coll: p.Coll, Value: values[p.ID-1], Loc: p.Loc}, true
	}), nil
}

// Rewrite expands the views in a stored query (of a view, or of a prepared statement whose catalog has changed).
func Rewrite(env *Env, q *tree.Query) (out *tree.Query, err error) {
	defer catch(&err)
	a := newAnalyzer(env, nil)
	a.params = newParams(nil, false)
	return a.rewrite(q), nil
}

// analyzer is the state of one analysis.
type analyzer struct {
	env    *Env
	cat    catalog.Reader
	io     *types.Ctx
	asOf   map[int32]*parser.AsOf
	stmt   *parser.Stmt // nil for expressions outside statements
	params *params
	fn     *functionParams // when the body of a function is analyzed
	depth  int             // recursion of expressions and queries
}

func newAnalyzer(env *Env, asOf map[int32]*parser.AsOf) *analyzer {
	io := env.IO
	if io == nil {
		io = types.DefaultCtx
	}
	if io.Types == nil {
		c := *io
		c.Types = env.Catalog
		io = &c
	}
	return &analyzer{env: env, cat: env.Catalog, io: io, asOf: asOf}
}

// bail carries an error up to the entry point. It never leaves the package.
type bail struct{ err error }

// catch turns a bail into the entry point's error. Other panics are bugs and go on.
func catch(err *error) {
	switch p := recover().(type) {
	case nil:
	case bail:
		*err = p.err
	default:
		panic(p)
	}
}

// fail abandons the analysis with an error.
func fail(err error) { panic(bail{err}) }

// failf abandons the analysis with an error at a location.
func failf(loc int32, code, format string, args ...any) {
	fail(pgerr.Newf(code, format, args...).At(int(loc)))
}

// unsupported refuses a feature.
func unsupported(loc int32, what, hint string) { fail(pgerr.Unsupported(what, hint).At(int(loc))) }

// failAt passes an error on, with a location if it has none.
func failAt(err error, loc int32) { fail(pgerr.From(clone(err)).At(int(loc))) }

// clone copies an error value, since some are shared.
func clone(err error) error {
	c := *pgerr.From(err)
	return &c
}

func (a *analyzer) notice(e *pgerr.Error) {
	if a.env.Notice != nil {
		a.env.Notice(e)
	}
}

// enter guards recursion; the caller defers leave.
func (a *analyzer) enter() {
	a.depth++
	if a.depth > maxDepth {
		fail(pgerr.New(pgerr.StatementTooComplex, "stack depth limit exceeded").
			WithHint("Write the statement with fewer nested expressions or queries."))
	}
}

func (a *analyzer) leave() { a.depth-- }

// state is the analysis of one query level (PostgreSQL's ParseState).
type state struct {
	*analyzer
	parent    *state
	rtable    []*tree.RTE
	namespace []*nsItem
	ctes      []*cte
	futureCTE []*pg.CommonTableExpr
	parentCTE *cte
	// The target of a data-modifying statement.
	target       *catalog.Relation
	targetNS     *nsItem
	isInsert     bool
	winDefs      []*windowDef
	kind         exprKind
	nextResNo    int
	multi        []*multiAssign
	currentMulti *multiAssign
	locking      []*pg.LockingClause
	locked       bool // FOR UPDATE of an outer level applies
	// resolveUnknowns says that unknown literals of the select list become text.
	resolveUnknowns bool
	lateral         bool // LATERAL references are allowed now
	hasAggs         bool
	hasWindow       bool
	hasSRF          bool
	hasSubLinks     bool
	hasModifying    bool
	lastSRF         tree.Expr
	procCall        *pg.FuncCall // the call of CALL
	// column, when set, is asked first for a name without qualification (VALUE of a domain's check).
	column func(name string, loc int32) tree.Expr
}

func (a *analyzer) newState(parent *state) *state {
	return &state{analyzer: a, parent: parent, nextResNo: 1, resolveUnknowns: true}
}

// child returns the state of a subquery.
func (s *state) child() *state { return s.analyzer.newState(s) }

// topLevel analyzes a statement.
func (a *analyzer) topLevel(node *pg.Node) *tree.Query {
	s := a.newState(nil)
	q := s.statement(node)
	q.CanSetTag = true
	return q
}

// statement analyzes a statement at the level of s (PostgreSQL's transformStmt).
func (s *state) statement(node *pg.Node) *tree.Query {
	s.enter()
	defer s.leave()
	var q *tree.Query
	switch n := node.GetNode().(type) {
	case *pg.Node_SelectStmt:
		q = s.selectStmt(n.SelectStmt)
	case *pg.Node_InsertStmt:
		q = s.insertStmt(n.InsertStmt)
	case *pg.Node_UpdateStmt:
		q = s.updateStmt(n.UpdateStmt)
	case *pg.Node_DeleteStmt:
		q = s.deleteStmt(n.DeleteStmt)
	case *pg.Node_MergeStmt:
		q = s.mergeStmt(n.MergeStmt)
	default:
		q = &tree.Query{Cmd: tree.CmdUtility}
	}
	return q
}

// selectStmt analyzes any form of SELECT.
func (s *state) selectStmt(n *pg.SelectStmt) *tree.Query {
	switch {
	case n.Op > pg.SetOperation_SETOP_NONE:
		return s.setOperationStmt(n)
	case len(n.ValuesLists) > 0:
		return s.valuesStmt(n)
	}
	return s.plainSelect(n)
}

// finish moves the state's findings into the query.
func (s *state) finish(q *tree.Query) {
	q.RTable = s.rtable
	q.HasSubLinks = s.hasSubLinks
	q.HasWindow = s.hasWindow
	q.HasTargetSRF = s.hasSRF
	q.HasAggs = s.hasAggs
	for _, m := range s.multi {
		q.MultiAssign = append(q.MultiAssign, m.link)
	}
}
