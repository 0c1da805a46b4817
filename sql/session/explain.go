package session

import (
	"strings"
	"time"

	"kimberlite/exec/plan"
	"kimberlite/planner"
	"kimberlite/sql/parser"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// explainOptions reads the options of EXPLAIN.
func explainOptions(n *pg.ExplainStmt) (planner.ExplainOptions, error) {
	o := planner.ExplainOptions{Costs: true, Format: "text"}
	timing, timingSet, summarySet := true, false, false
	for _, node := range n.Options {
		d := node.GetDefElem()
		on := true
		if d.Arg != nil && d.Defname != "format" {
			b, ok := parseBool(constString(d.Arg))
			if !ok {
				return o, pgerr.Newf(pgerr.SyntaxError, "%s requires a Boolean value", d.Defname)
			}
			on = b
		}
		switch d.Defname {
		case "analyze":
			o.Analyze = on
		case "verbose":
			o.Verbose = on
		case "costs":
			o.Costs = on
		case "buffers":
			o.Buffers = on
		case "wal":
			o.Wal = on
		case "settings":
			o.Settings = on
		case "timing":
			timing, timingSet = on, true
		case "summary":
			o.Summary, summarySet = on, true
		case "format":
			o.Format = strings.ToLower(constString(d.Arg))
			switch o.Format {
			case "text", "json", "yaml", "xml":
			default:
				return o, pgerr.Newf(pgerr.InvalidParameterValue, "unrecognized value for EXPLAIN option %q: %q", d.Defname, constString(d.Arg)).At(int(d.Location))
			}
		default:
			return o, pgerr.Newf(pgerr.SyntaxError, "unrecognized EXPLAIN option %q", d.Defname).At(int(d.Location))
		}
	}
	if timingSet && timing && !o.Analyze {
		return o, pgerr.New(pgerr.InvalidParameterValue, "EXPLAIN option TIMING requires ANALYZE")
	}
	if o.Wal && !o.Analyze {
		return o, pgerr.New(pgerr.InvalidParameterValue, "EXPLAIN option WAL requires ANALYZE")
	}
	o.Timing = timing && o.Analyze
	if !summarySet {
		o.Summary = o.Analyze
	}
	return o, nil
}

// explain is EXPLAIN.
func (u *utility) explain(n *pg.ExplainStmt) error {
	o, err := explainOptions(n)
	if err != nil {
		return err
	}
	started := time.Now()
	query := n.Query
	switch q := query.Node.(type) {
	case *pg.Node_DeclareCursorStmt:
		query = q.DeclareCursorStmt.Query
	case *pg.Node_CreateTableAsStmt:
		if o.Analyze {
			return u.explainCreateAs(query, o)
		}
		query = q.CreateTableAsStmt.Query
	}
	st, params, err := u.explained(query)
	if err != nil {
		return err
	}
	if st.utility {
		return u.explainLines(o, []string{"Utility statements have no plan structure"})
	}
	in := u.explainInput(st.plan, started)
	if o.Analyze {
		if err := u.s.explainRun(st, params, &in); err != nil {
			return err
		}
	}
	return u.explainLines(o, planner.Explain(in, o))
}

func (u *utility) explainInput(p *plan.Plan, started time.Time) planner.ExplainInput {
	s := u.s
	return planner.ExplainInput{Plan: p, Catalog: s.reader(), IO: s.io(), Deparse: s.bound(), Planning: time.Since(started), Position: s.SnapshotPosition()}
}

// explained finds the statement that EXPLAIN is about, with the values of its parameters.
func (u *utility) explained(query *pg.Node) (*statement, []types.Datum, error) {
	s := u.s
	if x := query.GetExecuteStmt(); x != nil {
		ps, err := s.statementNamed(x.Name)
		if err != nil {
			return nil, nil, err
		}
		if !s.current(ps.st) {
			next, err := s.replan(ps.st)
			if err != nil {
				return nil, nil, err
			}
			ps.st, ps.c = next, nil
		}
		params, err := u.executeParams(ps, x)
		return ps.st, params, err
	}
	inner := &parser.Stmt{Raw: query, Text: u.stmt.Text, AsOf: u.stmt.AsOf, Location: u.stmt.Location, Length: u.stmt.Length}
	st, err := s.analyze(u.sql, inner, nil, false)
	return st, u.params, err
}

// explainCreateAs is EXPLAIN ANALYZE of CREATE TABLE AS and CREATE MATERIALIZED VIEW: the relation is made, and the query that fills it is watched.
func (u *utility) explainCreateAs(stmt *pg.Node, o planner.ExplainOptions) error {
	s := u.s
	var in planner.ExplainInput
	env := u.ddlEnv(s.overlay())
	env.Run = func(q *tree.Query, row func([]types.Datum) error) (int64, error) {
		started := time.Now()
		p, err := s.planDefined(q)
		if err != nil {
			return 0, err
		}
		in = u.explainInput(p, started)
		started = time.Now()
		ctx := s.execContext()
		ctx.Instrument = true
		n, err := s.runPlan(p, ctx, nil, row, &in.Stats)
		in.Execution = time.Since(started)
		return n, err
	}
	if _, err := u.defineIn(env, stmt); err != nil {
		return err
	}
	if in.Plan == nil { // IF NOT EXISTS, or WITH NO DATA
		return u.explainLines(o, nil)
	}
	return u.explainLines(o, planner.Explain(in, o))
}

// explainRun executes the plan and collects its counters.
func (s *Session) explainRun(st *statement, params []types.Datum, in *planner.ExplainInput) error {
	if err := s.writable(st); err != nil {
		return err
	}
	if err := s.lockRelations(st.plan); err != nil {
		return err
	}
	s.refresh()
	ctx := s.execContext()
	ctx.Instrument = true
	started := time.Now()
	if _, err := s.runPlan(st.plan, ctx, params, nil, &in.Stats); err != nil {
		return err
	}
	in.Execution = time.Since(started)
	return s.afterStatement()
}

func (u *utility) explainLines(o planner.ExplainOptions, lines []string) error {
	col := textColumn("QUERY PLAN")
	if o.Format == "json" {
		col.T = types.Of(types.OIDJson)
	}
	if o.Format == "xml" {
		col.T = types.Of(types.OIDXml)
	}
	if o.Format != "text" {
		lines = []string{strings.Join(lines, "\n")}
	}
	rows := make([][]types.Datum, len(lines))
	for i, l := range lines {
		rows[i] = []types.Datum{types.Str(l)}
	}
	return u.rows("EXPLAIN", rows, col)
}
