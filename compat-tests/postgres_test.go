package compat

import (
	"context"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// postgresBin holds PostgreSQL 15's programs as Debian installs them (see .ci/setup).
const postgresBin = "/usr/lib/postgresql/15/bin"

// postgresProgram finds a program of PostgreSQL 15, in the PATH where it isn't at Debian's place.
func postgresProgram(t *testing.T, name string) string {
	t.Helper()
	if path := filepath.Join(postgresBin, name); fileExists(path) {
		return path
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%v: make setup installs it", err)
	}
	return path
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// newPostgres starts a PostgreSQL server of the test's own, to compare with, and returns its address.
func newPostgres(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "kimberlite-postgres")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	as := otherUser(t, dir)
	data := filepath.Join(dir, "data")
	init := exec.Command(postgresProgram(t, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "--locale=C", "-E", "UTF8", "-N")
	init.SysProcAttr, init.Dir = as, dir
	if out, err := init.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	addr := freePort(t)
	port := addr[strings.LastIndexByte(addr, ':')+1:]
	cmd := exec.Command(postgresProgram(t, "postgres"), "-D", data, "-p", port, "-k", dir, "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=20")
	cmd.SysProcAttr, cmd.Dir = as, dir
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if c, err := pgx.Connect(context.Background(), "postgres://postgres@"+addr+"/postgres"); err == nil {
			c.Close(context.Background())
			return addr
		}
	}
	t.Fatal("the PostgreSQL server does not answer")
	return ""
}

// otherUser lets a process run as a user of few rights and gives it the directory: PostgreSQL refuses to run as root.
func otherUser(t *testing.T, dir string) *syscall.SysProcAttr {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

// program runs a program of PostgreSQL against a server, as the superuser, and returns what it prints.
func program(t *testing.T, addr, name string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	host, port, _ := strings.Cut(addr, ":")
	cmd := exec.Command(postgresProgram(t, name), append([]string{"-h", host, "-p", port, "-U", "postgres"}, args...)...)
	cmd.Env = append(os.Environ(), "PGOPTIONS=", "PSQLRC=/dev/null", "PGCLIENTENCODING=UTF8")
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// mustRun is program, for one that must succeed without a word on stderr.
func mustRun(t *testing.T, addr, name string, args ...string) string {
	t.Helper()
	out, errs, err := program(t, addr, name, args...)
	if err != nil || errs != "" {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, errs)
	}
	return out
}

// firstDifference is a short account of where two texts part, "" for equal ones.
func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		var a, b string
		if i < len(w) {
			a = w[i]
		}
		if i < len(g) {
			b = g[i]
		}
		if a != b || i >= len(w) || i >= len(g) {
			return "line " + strconv.Itoa(i+1) + ":\nPostgreSQL: " + a + "\n      here: " + b
		}
	}
	return ""
}
