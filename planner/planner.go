package planner

import (
	"kimberlite/exec/plan"
	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// Env is what planning depends on besides the query.
type Env struct {
	Catalog  catalog.Reader
	Settings Settings
	// Fold evaluates an expression without Vars and Params; an error leaves the expression as it is, so that it is raised at run time.
	Fold func(e tree.Expr) (types.Datum, error)
	// TableSize gives the live number of rows and the size in bytes of a table; nil when unknown.
	TableSize func(rel types.OID) (rows, bytes float64)
	// IsVirtual reports whether a relation's rows are computed (pg_catalog and its kin); nil for none.
	IsVirtual func(rel types.OID) bool
	// SQLFunction gives the analyzed query of a function in LANGUAGE sql whose body is a single one and may stand in the place of a call with these types of
	// arguments, result and, for a result that only its use declares, columns; nil for other functions. The query is the caller's own.
	SQLFunction func(p *catalog.Proc, args []types.OID, ret types.OID, cols []types.T) *tree.Query
}

// global is shared by all levels of one statement.
type global struct {
	env      *Env
	subplans []plan.SubPlan
	params   int
	nodes    int
	unions   int
	depth    int
	rels     []plan.RelUse
	modCTEs  []int
	// levels counts query levels, rangeTable the entries of their range tables.
	levels, rangeTable int
	// inlining are the functions whose bodies are being put in the place of their calls, inlinedSets counts those in FROM.
	inlining    []types.OID
	inlinedSets int
}

func (g *global) newParam() int { g.params++; return g.params - 1 }

// root is a query level being planned.
type root struct {
	g      *global
	parent *root
	number int
	q      *tree.Query
	// outer lists the values this level (or one below it) takes from its parent.
	outer []outerRef
	// deep says that this level or one below refers to some level above, the parent or further out.
	deep bool

	ctes  map[string]*ctePlan
	base  []*rel       // base relations, by bit number
	bit   map[int]int  // range table index -> bit number
	joins []*outerJoin // outer, semi and anti joins
	ecs   []*equivalence
	// clauses that join relations and are in no equivalence class.
	joinClauses []*clause
	needed      map[varKey]relids // where each column is needed; bit 63+ is "above the joins" (neededAbove)
	above       map[varKey]bool
	// lateral subqueries already planned, by range table index.
	subroots map[int]*root
	memo     map[relids]*rel
	// fraction of the rows that will be fetched: 0 means all, (0,1) a fraction, >= 1 a number.
	tupleFraction float64
	// recursion: the WorkTable of the recursive CTE being planned at this level.
	workTables map[string]*workTable
	initPlans  []int
	pulledUp   []pulledUp
	neededVars []*tree.Var
	// wantedOrders are the orders that the level could use: ORDER BY, GROUP BY, DISTINCT, windows.
	wantedOrders [][]pathKey
	// topKeys is the order that the plan built so far delivers.
	topKeys []pathKey
	planned plan.Node
	// postponed is the final target list when part of it is computed after ORDER BY.
	postponed []tree.TargetEntry
	// refused is why no join order can exist.
	refused error
}

// Plan plans a query. Errors: 0A000 for what is not supported, 54001 and 54011 for limits.
func Plan(env *Env, q *tree.Query) (*plan.Plan, error) {
	g := &global{env: env}
	node, r, err := g.planQuery(nil, q, 0, nil)
	if err != nil {
		return nil, err
	}
	p := &plan.Plan{Root: node, Cmd: q.Cmd, SubPlans: g.subplans, Params: g.params, Relations: g.rels, ModifyingCTEs: g.modCTEs}
	p.TotalCost, p.RangeTable = node.Common().TotalCost, g.rangeTable
	p.HasReturning = len(q.Returning) > 0
	p.Columns = resultColumns(q)
	p.ReadOnly = q.Cmd == tree.CmdSelect && len(g.modCTEs) == 0 && len(q.RowMarks) == 0
	_ = r
	if err := fixPlan(g, p); err != nil {
		return nil, err
	}
	return p, nil
}

// resultColumns describes what the client gets.
func resultColumns(q *tree.Query) []plan.Column {
	target := q.Target
	if q.Cmd != tree.CmdSelect {
		target = q.Returning
	}
	cols := make([]plan.Column, 0, len(target))
	for _, te := range target {
		if te.Junk {
			continue
		}
		cols = append(cols, plan.Column{Name: te.Name, T: te.Expr.Type(), OrigTbl: te.OrigTbl, OrigCol: te.OrigCol})
	}
	if len(cols) == 0 && q.Cmd != tree.CmdSelect {
		return nil
	}
	return cols
}

// planQuery plans one level below parent (nil for the top).
func (g *global) planQuery(parent *root, q *tree.Query, fraction float64, work map[string]*workTable) (plan.Node, *root, error) {
	g.depth++
	defer func() { g.depth-- }()
	if g.depth > maxDepth {
		return nil, nil, pgerr.New(pgerr.StatementTooComplex, "stack depth limit exceeded").WithHint("Simplify the query: it nests more than %d subqueries.", maxDepth)
	}
	g.levels++
	r := &root{g: g, parent: parent, number: g.levels, q: copyLevel(q), ctes: map[string]*ctePlan{}, subroots: map[int]*root{},
		tupleFraction: fraction, workTables: work}
	if parent == nil {
		g.noteRelations(q)
	}
	if err := r.prepare(); err != nil {
		return nil, nil, err
	}
	node, err := r.planLevel()
	if err != nil {
		return nil, nil, err
	}
	c := node.Common()
	c.InitPlans = append(c.InitPlans, r.initPlans...)
	g.rangeTable += rangeTableSize(r.q)
	return node, r, nil
}

// rangeTableSize counts entries as PostgreSQL does, where VALUES in FROM is a subquery around the entry of the lists.
func rangeTableSize(q *tree.Query) int {
	n := len(q.RTable)
	for _, rte := range q.RTable {
		if rte.Kind == tree.RTEValues && rte.InFrom {
			n++
		}
	}
	return n
}

// noteRelations records the relations of a query and of all that is nested in it, for locks and permission checks: views and the tables below them too, which
// may be merged into the query or dropped from it later.
func (g *global) noteRelations(q *tree.Query) {
	for _, rte := range q.RTable {
		if rte.RelID == 0 || (rte.Kind != tree.RTERelation && !rte.IsView) {
			continue
		}
		g.rels = append(g.rels, plan.RelUse{OID: rte.RelID, LockMode: rte.LockMode, Perms: rte.ReqPerms, CheckAs: rte.CheckAs, SelCols: rte.SelCols, ModCols: rte.ModCols})
	}
	tree.Subqueries(q, g.noteRelations)
	tree.QueryExprs(q, tree.SkipJoinAliases, func(e tree.Expr) {
		tree.Walk(e, func(x tree.Expr) bool {
			if link, ok := x.(*tree.SubLink); ok && link.Query != nil {
				g.noteRelations(link.Query)
			}
			return true
		})
	})
}

// planLevel plans the prepared query of this level.
func (r *root) planLevel() (plan.Node, error) {
	if r.q.SetOp != nil {
		node, err := r.planSetOps()
		if err != nil {
			return nil, err
		}
		return r.planModify(node)
	}
	node, err := r.planSelect()
	if err != nil {
		return nil, err
	}
	return r.planModify(node)
}

// copyLevel makes a copy of q whose lists may be changed (not its expressions, which are replaced, never changed).
func copyLevel(q *tree.Query) *tree.Query {
	c := *q
	c.RTable = make([]*tree.RTE, len(q.RTable))
	for i, rte := range q.RTable {
		e := *rte
		c.RTable[i] = &e
	}
	c.Target = append([]tree.TargetEntry(nil), q.Target...)
	c.Returning = append([]tree.TargetEntry(nil), q.Returning...)
	if q.From != nil {
		c.From = copyFrom(q.From)
	} else {
		c.From = &tree.FromExpr{}
	}
	return &c
}

func copyFrom(f *tree.FromExpr) *tree.FromExpr {
	c := &tree.FromExpr{Quals: f.Quals, List: make([]tree.JoinNode, len(f.List))}
	for i, n := range f.List {
		c.List[i] = copyJoinNode(n)
	}
	return c
}

func copyJoinNode(n tree.JoinNode) tree.JoinNode {
	switch n := n.(type) {
	case *tree.FromExpr:
		return copyFrom(n)
	case *tree.JoinExpr:
		c := *n
		c.Left, c.Right = copyJoinNode(n.Left), copyJoinNode(n.Right)
		return &c
	case *tree.RangeRef:
		c := *n
		return &c
	}
	return n
}
