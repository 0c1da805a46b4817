package compat

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// richDatabase makes the database of testdata/rich.sql, with its roles, on a server.
func richDatabase(t *testing.T, addr string) {
	t.Helper()
	mustRun(t, addr, "psql", "-qX", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-f", "testdata/rich_roles.sql")
	mustRun(t, addr, "psql", "-qX", "-d", "postgres", "-c", "CREATE DATABASE rich")
	mustRun(t, addr, "psql", "-qX", "-v", "ON_ERROR_STOP=1", "-d", "rich", "-f", "testdata/rich.sql")
}

// What two equal dumps may differ in: the key that psql is restricted by, the server's name, and a password's salt.
var dumpNoise = regexp.MustCompile(`(?m)^(\\(un)?restrict .*|-- Dumped from .*)$|PASSWORD 'SCRAM[^']*'`)

// dump is what a dumping program prints, with its warnings.
func dump(t *testing.T, addr, name string, args ...string) string {
	t.Helper()
	out, errs, err := program(t, addr, name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, errs)
	}
	return dumpNoise.ReplaceAllString(out+errs, "")
}

// TestDump has psql describe equal databases of Kimberlite and of PostgreSQL, and dumps equal databases of Kimberlite and of PostgreSQL: all ways to dump give equal texts, and what one server dumps the other one restores.
func TestDump(t *testing.T) {
	ours, theirs := newServer(t).addr, newPostgres(t)
	richDatabase(t, ours)
	richDatabase(t, theirs)
	for _, options := range []string{
		"", "--inserts", "--column-inserts --on-conflict-do-nothing", "--rows-per-insert=3", "--schema-only", "--data-only --disable-triggers", "-n rich", "-N rich", "-t rich.v_misc",
		"-t rich.parent -t rich.child", "-T rich.scalars", "--create --clean --if-exists", "--no-owner --no-privileges", "--section=pre-data", "--section=post-data",
		"--no-comments", "--use-set-session-authorization",
	} {
		args := append(strings.Fields(options), "-d", "rich")
		if diff := firstDifference(dump(t, theirs, "pg_dump", args...), dump(t, ours, "pg_dump", args...)); diff != "" {
			t.Errorf("pg_dump %s: %s", options, diff)
		}
	}
	if diff := firstDifference(dump(t, theirs, "pg_dumpall", "--globals-only"), dump(t, ours, "pg_dumpall", "--globals-only")); diff != "" {
		t.Errorf("pg_dumpall: %s", diff)
	}
	t.Run("psql", func(t *testing.T) { comparePsql(t, ours, theirs) })
	t.Run("restore", func(t *testing.T) { restoreBothWays(t, ours, theirs) })
}

// restoreBothWays restores each server's dumps into the other, and PostgreSQL's into itself for comparison.
func restoreBothWays(t *testing.T, ours, theirs string) {
	dir := t.TempDir()
	file := func(addr, format string) string {
		name := filepath.Join(dir, strings.NewReplacer(":", "_").Replace(addr)+format)
		mustRun(t, addr, "pg_dump", "-F", format, "-f", name, "-d", "rich")
		return name
	}
	restore := func(addr, db, from string, options ...string) string {
		mustRun(t, addr, "psql", "-qX", "-d", "postgres", "-c", "CREATE DATABASE "+db)
		if strings.HasSuffix(from, "p") {
			mustRun(t, addr, "psql", "-qX", "-v", "ON_ERROR_STOP=1", "-d", db, "-o", os.DevNull, "-f", from)
		} else {
			mustRun(t, addr, "pg_restore", append(options, "-d", db, from)...)
		}
		return dump(t, addr, "pg_dump", "-d", db)
	}
	want := restore(theirs, "from_itself", file(theirs, "p"))
	for _, c := range []struct{ from, to, db, format, options string }{
		{theirs, ours, "from_plain", "p", ""},
		{theirs, ours, "from_custom", "c", ""},
		{theirs, ours, "from_one_transaction", "c", "--single-transaction"},
		{theirs, ours, "from_directory", "d", ""},
		{theirs, ours, "from_tar", "t", ""},
		{ours, theirs, "from_plain", "p", ""},
		{ours, theirs, "from_custom", "c", ""},
	} {
		got := restore(c.to, c.db, file(c.from, c.format), strings.Fields(c.options)...)
		if diff := firstDifference(want, got); diff != "" {
			t.Errorf("restored %s: %s", c.db, diff)
		}
		os.RemoveAll(filepath.Join(dir, strings.NewReplacer(":", "_").Replace(c.from)+c.format))
	}
}
