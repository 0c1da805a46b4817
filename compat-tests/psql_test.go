package compat

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// psqlCommands are what psql's backslash commands describe alike on both servers. Those that print sizes, other databases, extensions or settings are left out.
var psqlCommands = strings.Fields(strings.ReplaceAll(strings.TrimSpace(`
\d
\d+
\dt
\dt rich.*
\d rich.*
\d+ rich.*
\d+ "Odd Schema".*
\di rich.*
\dv rich.*
\dv+ rich.*
\dm rich.*
\ds rich.*
\dE
\dn+ rich
\du+
\dT
\dT+ rich.*
\dT+ pg_catalog.*
\dp rich.*
\dp pg_catalog.pg_authid
\ddp
\dD+ rich.*
\do+ pg_catalog.*
\dC+
\da pg_catalog.*
\df+ pg_catalog.a*
\dc
\dcS+
\dO
\dF
\dFd+
\dFp
\dFt+
\db
\des+
\det+
\deu+
\dew+
\drds
\dx+ plpgsql
\dy+
\dL+
\dLS+
\dA+
\dAc+
\dAo+
\dAp+
\dP
\dPti
\dX+
\dRp+
\dRs+
\dl+
\dd rich.*
\ddS
\sf pg_catalog.array_position(anyarray,anyelement)
\sf information_schema._pg_expandarray
\sv rich.v_misc
\sv+ rich.v_union
\d pg_class
\d+ pg_class
\d pg_tables
\d information_schema.tables
\d pg_catalog.pg_stat_activity
\diS pg_catalog.*
\encoding
\d nosuch
\dt nosuch
\sf nosuch
\sv nosuch
`), " ", "\x00"))

// comparePsql runs the commands on both servers, in one psql each.
func comparePsql(t *testing.T, ours, theirs string) {
	const mark = "=== "
	var script strings.Builder
	for i, c := range psqlCommands {
		psqlCommands[i] = strings.ReplaceAll(c, "\x00", " ")
		script.WriteString("\\qecho '" + mark + "'\n" + psqlCommands[i] + "\n")
	}
	file := filepath.Join(t.TempDir(), "commands")
	if err := os.WriteFile(file, []byte(script.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	answers := func(addr string) []string {
		out, errs, _ := program(t, addr, "psql", "-X", "-d", "rich", "-f", file)
		return append(strings.Split(out, mark+"\n")[1:], errs)
	}
	want, got := answers(theirs), answers(ours)
	for i, c := range psqlCommands {
		switch {
		case len(got) != len(want):
			t.Fatalf("psql ended: %s", got[len(got)-1])
		case want[i] != got[i]:
			t.Errorf("%s: %s", c, firstDifference(want[i], got[i]))
		}
	}
	if diff := firstDifference(want[len(want)-1], got[len(got)-1]); diff != "" {
		t.Errorf("errors: %s", diff)
	}
}
