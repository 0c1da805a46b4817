package session

import (
	"kimberlite/exec"
	"kimberlite/sql/analyze"
	"kimberlite/sql/parser"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// prepare is PREPARE name (types) AS statement.
func (u *utility) prepare(n *pg.PrepareStmt) (string, error) {
	s := u.s
	if _, dup := s.prepared[n.Name]; dup {
		return "", pgerr.Newf(pgerr.DuplicatePreparedStatement, "prepared statement %q already exists", n.Name)
	}
	if len(s.prepared) >= preparedMax {
		return "", pgerr.New(pgerr.ProgramLimitExceeded, "too many prepared statements")
	}
	env := s.analyzeEnv()
	given := make([]types.OID, len(n.Argtypes))
	for i, t := range n.Argtypes {
		typ, err := analyze.ResolveTypeName(env, t.GetTypeName())
		if err != nil {
			return "", err
		}
		given[i] = typ.OID
	}
	if isUtility(n.Query) {
		return "", pgerr.New(pgerr.InvalidPreparedStatementDefinition, "utility statements cannot be prepared")
	}
	inner := &parser.Stmt{Raw: n.Query, Location: u.stmt.Location, Length: u.stmt.Length, Text: u.stmt.Text, AsOf: u.stmt.AsOf}
	st, err := s.analyze(u.sql, inner, given, true)
	if err != nil {
		return "", err
	}
	s.prepared[n.Name] = &preparedStatement{name: n.Name, st: st, at: s.stmtAt, fromSQL: true}
	return "PREPARE", nil
}

// execute is EXECUTE name (values).
func (u *utility) execute(n *pg.ExecuteStmt) error {
	s := u.s
	ps, err := s.statementNamed(n.Name)
	if err != nil {
		return err
	}
	if ps.st == nil || ps.st.utility {
		return pgerr.Newf(pgerr.InvalidSqlStatementName, "prepared statement %q is not a query", n.Name)
	}
	params, err := u.executeParams(ps, n)
	if err != nil {
		return err
	}
	s.refresh()
	if !s.current(ps.st) {
		next, err := s.replan(ps.st)
		if err != nil {
			return err
		}
		ps.st, ps.c = next, nil
	}
	c := ps.c
	if c == nil || c.inUse {
		c = &compiled{st: ps.st}
		ps.c = c
	}
	ps.calls++
	return s.execute(c, params, nil, u.simple)
}

// preparedQuery is what CREATE TABLE AS EXECUTE makes a table of.
func (u *utility) preparedQuery(n *pg.ExecuteStmt) (*tree.Query, error) {
	ps, err := u.s.statementNamed(n.Name)
	if err != nil {
		return nil, err
	}
	if ps.st == nil || ps.st.utility || ps.st.stmt.Raw.GetSelectStmt() == nil {
		return nil, pgerr.New(pgerr.WrongObjectType, "prepared statement is not a SELECT")
	}
	params, err := u.executeParams(ps, n)
	if err != nil {
		return nil, err
	}
	return analyze.AnalyzePrepared(u.s.analyzeEnv(), ps.st.stmt, ps.st.params, params)
}

func (u *utility) executeParams(ps *preparedStatement, n *pg.ExecuteStmt) ([]types.Datum, error) {
	s := u.s
	if len(n.Params) != len(ps.st.params) {
		return nil, pgerr.Newf(pgerr.SyntaxError, "wrong number of parameters for prepared statement %q", n.Name).
			WithDetail("Expected %d parameters but got %d.", len(ps.st.params), len(n.Params))
	}
	env := s.analyzeEnv()
	out := make([]types.Datum, len(n.Params))
	for i, p := range n.Params {
		e, err := analyze.AnalyzeExecuteParam(env, p, ps.st.params[i], i+1)
		if err != nil {
			return nil, err
		}
		if out[i], err = exec.EvalConst(&s.env, e); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (u *utility) deallocate(n *pg.DeallocateStmt) (string, error) {
	s := u.s
	if n.Name == "" {
		for name := range s.prepared {
			if name != "" {
				delete(s.prepared, name)
			}
		}
		return "DEALLOCATE ALL", nil
	}
	if _, err := s.statementNamed(n.Name); err != nil {
		return "", err
	}
	delete(s.prepared, n.Name)
	return "DEALLOCATE", nil
}
