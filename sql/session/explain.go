package session

import (
	"strings"
	"time"

	"kimberlite/exec"
	"kimberlite/planner"
	"kimberlite/sql/parser"
	"kimberlite/sql/pgerr"
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
	s := u.s
	o, err := explainOptions(n)
	if err != nil {
		return err
	}
	inner := &parser.Stmt{Raw: n.Query, Text: u.stmt.Text, AsOf: u.stmt.AsOf, Location: u.stmt.Location, Length: u.stmt.Length}
	started := time.Now()
	var st *statement
	var params []types.Datum
	switch q := n.Query.Node.(type) {
	case *pg.Node_ExecuteStmt:
		ps, err := s.statementNamed(q.ExecuteStmt.Name)
		if err != nil {
			return err
		}
		if params, err = u.executeParams(ps, q.ExecuteStmt); err != nil {
			return err
		}
		st = ps.st
	case *pg.Node_DeclareCursorStmt:
		inner.Raw = q.DeclareCursorStmt.Query
	case *pg.Node_CreateTableAsStmt:
		inner.Raw = q.CreateTableAsStmt.Query
	}
	if st == nil {
		if isUtility(inner.Raw) && inner.Raw.GetSelectStmt() == nil {
			return u.explainLines(o, []string{"Utility statements have no plan structure"})
		}
		if st, err = s.analyze(u.sql, inner, u.paramTypes(), false); err != nil {
			return err
		}
		params = u.params
	}
	in := planner.ExplainInput{Plan: st.plan, Catalog: s.reader(), IO: s.io(), Deparse: s.bound(), Planning: time.Since(started), Position: s.SnapshotPosition()}
	if o.Analyze {
		if err := s.explainRun(st, params, &in); err != nil {
			return err
		}
	}
	return u.explainLines(o, planner.Explain(in, o))
}

func (u *utility) paramTypes() []types.OID { return nil }

// explainRun executes the plan and collects its counters.
func (s *Session) explainRun(st *statement, params []types.Datum, in *planner.ExplainInput) error {
	if err := s.writable(st); err != nil {
		return err
	}
	if err := s.lockRelations(st.plan); err != nil {
		return err
	}
	s.refresh()
	c, err := exec.Compile(st.plan, s.reader())
	if err != nil {
		return err
	}
	ctx := s.execContext()
	ctx.Instrument = true
	started := time.Now()
	rows, err := c.Run(ctx, params)
	if err != nil {
		return err
	}
	for {
		b, err := rows.Next()
		if err != nil {
			rows.Close()
			return err
		}
		if b == nil {
			break
		}
	}
	in.Stats = rows.Stats()
	if err := rows.Close(); err != nil {
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
