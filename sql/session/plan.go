package session

import (
	"kimberlite/exec"
	"kimberlite/exec/plan"
	"kimberlite/pgwire"
	"kimberlite/planner"
	"kimberlite/sql/analyze"
	"kimberlite/sql/catalog"
	"kimberlite/sql/parser"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
	"kimberlite/txn"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// analyzeEnv is what name resolution needs of the session.
func (s *Session) analyzeEnv() *analyze.Env {
	s.refresh()
	r := s.reader()
	return &analyze.Env{Catalog: r, SearchPath: s.searchPath(r), TempSchema: s.temp, IO: s.drv.io, User: s.role, Notice: s.notice, Cursor: s.cursorExists}
}

// plannerEnv is what planning needs.
func (s *Session) plannerEnv() *planner.Env {
	d := s.derive()
	return &planner.Env{Catalog: s.reader(), Settings: d.planner, Fold: s.foldConst, TableSize: s.tableSize, IsVirtual: s.isVirtual, SQLFunction: s.functionQuery}
}

func (s *Session) foldConst(e tree.Expr) (types.Datum, error) {
	return exec.EvalConst(&s.env, e)
}

// tableSize is the committed number of rows of a table and an estimate of its bytes.
func (s *Session) tableSize(rel types.OID) (rows, bytes float64) {
	def := s.reader().TableDef(rel)
	if def == nil {
		return -1, 0
	}
	if def.Temp {
		return float64(s.backend.TempRows(def.Storage)), 0
	}
	return float64(s.e.opts.Store.RowCount(def.Storage)), 0
}

// isVirtual: the relations that this server is born with and the rows of sequences are computed, not stored.
func (s *Session) isVirtual(oid types.OID) bool {
	if oid < catalog.FirstNormalOID {
		return true
	}
	rel := s.reader().Relation(oid)
	return rel != nil && rel.RelKind == 'S'
}

// isUtility reports whether a statement is not planned.
func isUtility(n *pg.Node) bool {
	switch n.Node.(type) {
	case *pg.Node_SelectStmt, *pg.Node_InsertStmt, *pg.Node_UpdateStmt, *pg.Node_DeleteStmt, *pg.Node_MergeStmt:
		return false
	}
	return true
}

// analyze makes a statement of a parsed one. paramTypes are given types (0: to be inferred); variable allows more parameters than given.
func (s *Session) analyze(sql string, stmt *parser.Stmt, paramTypes []types.OID, variable bool) (*statement, error) {
	st := &statement{text: sql, stmt: stmt, params: paramTypes, utility: isUtility(stmt.Raw)}
	if st.utility {
		return st, s.describeUtility(st, paramTypes, variable)
	}
	env := s.analyzeEnv()
	env.ParamVariable = variable
	q, params, err := analyze.Analyze(env, stmt, paramTypes)
	if err != nil {
		return nil, err
	}
	st.params = params
	return st, s.planQuery(st, q)
}

// planQuery plans an analyzed query into st.
func (s *Session) planQuery(st *statement, q *tree.Query) error {
	p, err := planner.Plan(s.plannerEnv(), q)
	if err != nil {
		return err
	}
	st.plan = p
	st.rows = p.Columns != nil || q.Cmd == tree.CmdSelect
	st.prefix = tagPrefix(q.Cmd)
	st.cols = s.wireColumns(p.Columns)
	r := s.reader()
	st.version = r.Version()
	st.cacheable = s.tx == nil || s.tx.overlay == nil || !s.tx.overlay.Changed()
	st.path = s.set.str("search_path")
	st.epoch = plannerEpoch{settings: s.drv.planner, role: s.role, input: s.drv.input}
	return nil
}

func tagPrefix(cmd tree.CmdType) string {
	switch cmd {
	case tree.CmdInsert:
		return "INSERT 0"
	case tree.CmdUpdate:
		return "UPDATE"
	case tree.CmdDelete:
		return "DELETE"
	case tree.CmdMerge:
		return "MERGE"
	}
	return "SELECT"
}

// wireColumns describes result columns to the client: domains as their base types.
func (s *Session) wireColumns(cols []plan.Column) []pgwire.Column {
	out := make([]pgwire.Column, len(cols))
	for i, c := range cols {
		t := types.BaseType(s.drv.io, c.T)
		w := pgwire.Column{Name: c.Name, TableOID: c.OrigTbl, AttNum: int16(c.OrigCol), T: t, Len: -1}
		if info := types.Lookup(s.drv.io, t.OID); info != nil {
			w.Len = info.Len
		}
		out[i] = w
	}
	return out
}

// current reports whether a plan is still good: same catalog, search path, settings and role.
func (s *Session) current(st *statement) bool {
	if st.utility {
		return true
	}
	d := s.derive()
	return st.version == s.reader().Version() && st.path == s.set.often().searchPath && st.epoch.role == s.role && st.epoch.settings == any(d.planner) &&
		st.epoch.input == d.input
}

// replan analyzes and plans a statement again after the catalog or the settings changed. A result of another shape is refused, as the client
// may have been told the old one.
func (s *Session) replan(st *statement) (*statement, error) {
	next, err := s.analyze(st.text, st.stmt, st.params, false)
	if err != nil {
		return nil, err
	}
	if !sameColumns(st.cols, next.cols) {
		e := pgerr.New(pgerr.FeatureNotSupported, "cached plan must not change result type")
		e.Routine = "RevalidateCachedQuery"
		return nil, e
	}
	return next, nil
}

func sameColumns(a, b []pgwire.Column) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].T != b[i].T || a[i].Name != b[i].Name {
			return false
		}
	}
	return true
}

// lockRelations takes the table locks that a plan needs and checks privileges. Waiting may let others change the catalog: the caller checks the plan again.
func (s *Session) lockRelations(p *plan.Plan) error {
	for i := range p.Relations {
		u := &p.Relations[i]
		if err := s.checkPerms(u); err != nil {
			return err
		}
		if u.OID < catalog.FirstNormalOID {
			continue
		}
		mode := u.LockMode
		if mode == 0 {
			mode = int(txn.AccessShare)
		}
		if _, err := s.tx.tx.Lock(s.ctx, s.db, u.OID, txn.TableLockMode(mode), txn.WaitBlock); err != nil {
			return s.lockError(err)
		}
	}
	return nil
}

// lockError turns the cancellation of a wait into the session's error.
func (s *Session) lockError(err error) error {
	if s.ctx.Err() != nil {
		if c := pgwire.Cause(s.ctx); c != nil {
			return c
		}
	}
	return err
}

// checkPerms checks the current user's privileges on a relation of a plan.
func (s *Session) checkPerms(u *plan.RelUse) error {
	role := s.role
	if u.CheckAs != 0 {
		role = u.CheckAs
	} else if s.super {
		return nil
	}
	if u.Perms == 0 || s.isSuper(role) {
		return nil
	}
	return catalog.CheckRelation(s.reader(), role, u.OID, u.Perms, u.SelCols, u.ModCols)
}
