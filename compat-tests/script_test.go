package compat

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/jackc/pgx/v5/pgconn"
)

// reference, together with -rewrite, takes the expectations of testdata/scripts from a PostgreSQL 15 server: a URL of a superuser's connection. Each script
// gets a database of its own, and drops the roles that it makes.
var reference = flag.String("reference", "", "URL of a PostgreSQL 15 server to take expectations from")

// TestScripts runs testdata/scripts over the simple protocol. The expectations are PostgreSQL's. Statements end with a semicolon at the end of a line;
// "sql session=name" talks over a connection of its own.
func TestScripts(t *testing.T) {
	base := *reference
	if base == "" {
		base = newServer(t).url("postgres")
	}
	datadriven.Walk(t, "testdata/scripts", func(t *testing.T, path string) {
		s := &script{t: t, sessions: map[string]*scriptSession{}}
		s.database(base, "compat_"+strings.ReplaceAll(filepath.Base(path), ".", "_"))
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			name := "main"
			d.MaybeScanArgs(t, "session", &name)
			var out strings.Builder
			for _, sql := range splitStatements(d.Input) {
				s.session(name).run(&out, sql)
			}
			return out.String()
		})
	})
}

// script is a script at work: its database and connections.
type script struct {
	t        *testing.T
	url      string
	sessions map[string]*scriptSession
}

type scriptSession struct {
	conn    *pgconn.PgConn
	notices []string
}

// database makes the script's database, and drops it in the end.
func (s *script) database(base, name string) {
	u, err := url.Parse(base)
	if err != nil {
		s.t.Fatal(err)
	}
	admin, err := pgconn.Connect(context.Background(), base)
	if err != nil {
		s.t.Fatal(err)
	}
	exec := func(sql string) {
		if err := admin.Exec(context.Background(), sql).Close(); err != nil {
			s.t.Fatalf("%s: %v", sql, err)
		}
	}
	exec("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)")
	exec("CREATE DATABASE " + name + " TEMPLATE template0")
	s.t.Cleanup(func() {
		for _, c := range s.sessions {
			c.conn.Close(context.Background())
		}
		exec("DROP DATABASE " + name + " WITH (FORCE)")
		admin.Close(context.Background())
	})
	u.Path = "/" + name
	s.url = u.String()
}

// session returns the connection with a name, made when it is first used.
func (s *script) session(name string) *scriptSession {
	if c := s.sessions[name]; c != nil {
		return c
	}
	conf, err := pgconn.ParseConfig(s.url)
	if err != nil {
		s.t.Fatal(err)
	}
	c := &scriptSession{}
	conf.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		c.notices = append(c.notices, report(n.Severity, "", (*pgconn.PgError)(n)))
	}
	if c.conn, err = pgconn.ConnectConfig(context.Background(), conf); err != nil {
		s.t.Fatal(err)
	}
	s.sessions[name] = c
	return c
}

// run sends one query string and prints its notices, rows, command tags and error.
func (c *scriptSession) run(out *strings.Builder, sql string) {
	c.notices = nil
	res := c.conn.Exec(context.Background(), sql)
	var body strings.Builder
	for res.NextResult() {
		r := res.ResultReader()
		var names []string
		for _, f := range r.FieldDescriptions() {
			names = append(names, f.Name)
		}
		// Whether an error comes before or after the names of the columns is of no interest.
		header := func() {
			if len(names) > 0 {
				body.WriteString(strings.Join(names, "|") + "\n")
				names = nil
			}
		}
		for r.NextRow() {
			header()
			for i, v := range r.Values() {
				if i > 0 {
					body.WriteByte('|')
				}
				if v == nil {
					body.WriteString("NULL")
				} else {
					body.Write(v)
				}
			}
			body.WriteByte('\n')
		}
		if tag, err := r.Close(); err == nil {
			header()
			fmt.Fprintf(&body, "-- %s\n", tag)
		}
	}
	err := res.Close()
	for _, n := range c.notices {
		out.WriteString(n)
	}
	// A blank line would end the expectation.
	out.WriteString(strings.ReplaceAll(body.String(), "\n\n", "\n.\n"))
	var pe *pgconn.PgError
	switch {
	case errors.As(err, &pe):
		out.WriteString(report(pe.Severity, " "+pe.Code, pe))
	case err != nil:
		fmt.Fprintf(out, "lost: %v\n", err)
	}
}

// report prints an error or a notice.
func report(severity, code string, e *pgconn.PgError) string {
	s := severity + code + ": " + e.Message
	if e.Position > 0 {
		s += fmt.Sprintf(" @%d", e.Position)
	}
	s += "\n"
	if e.Detail != "" {
		s += "DETAIL: " + e.Detail + "\n"
	}
	if e.Hint != "" {
		s += "HINT: " + e.Hint + "\n"
	}
	if e.Where != "" {
		s += "CONTEXT: " + e.Where + "\n"
	}
	return s
}

// splitStatements cuts a script where a line ends with a semicolon, outside dollar quotes.
func splitStatements(in string) (out []string) {
	var cur []string
	for _, line := range strings.Split(in, "\n") {
		cur = append(cur, line)
		all := strings.Join(cur, "\n")
		if strings.HasSuffix(line, ";") && strings.Count(all, "$$")%2 == 0 {
			out, cur = append(out, all), nil
		}
	}
	if rest := strings.TrimSpace(strings.Join(cur, "\n")); rest != "" {
		out = append(out, rest)
	}
	return out
}
