package compat

import (
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

var psqlPrompt = regexp.MustCompile(`^postgres=\*?# `)

// TestReadmeSession types what the README shows at psql's prompt, and compares what comes back.
func TestReadmeSession(t *testing.T) {
	page, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, session, found := strings.Cut(string(page), "$ psql -h 127.0.0.1 -U postgres\n")
	session, _, ends := strings.Cut(session, "```")
	if !found || !ends {
		t.Fatal("the README has no session")
	}
	var typed, want strings.Builder
	for line := range strings.Lines(session) {
		if prompt := psqlPrompt.FindString(line); prompt != "" {
			typed.WriteString(strings.TrimPrefix(line, prompt))
		} else {
			want.WriteString(line)
		}
	}
	host, port, err := net.SplitHostPort(newServer(t).addr)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("psql", "-X", "-h", host, "-p", port, "-U", "postgres")
	cmd.Env = append(os.Environ(), "PGOPTIONS=", "PAGER=")
	cmd.Stdin = strings.NewReader(typed.String())
	got, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, got)
	}
	if string(got) != want.String() {
		t.Errorf("psql says:\n%s\nthe README says:\n%s", got, want.String())
	}
}
