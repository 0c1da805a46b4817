package pgwire

import (
	"net/netip"
	"strings"
	"testing"
)

func TestHBAMatch(t *testing.T) {
	h, err := ParseHBA("pg_hba.conf", `# a comment
local   all             all                                     trust
host    "all"           alice           10.0.0.0/8              md5     # quoted: a database named all
host    sameuser        all             192.168.1.0 255.255.255.0  password
hostssl db1, db2        +staff          0.0.0.0/0               scram-sha-256 clientcert=verify-ca
host    replication     rep             all                     trust
host    samerole        all             ::1/128                 reject
host    all \
        "+staff"        all                                     trust
`)
	if err != nil {
		t.Fatal(err)
	}
	member := func(role, group string) bool { return role == group || role == "sam" && group == "staff" }
	for _, c := range []struct {
		user, db, addr, repl string
		tls                  bool
		line                 int // 0: no rule
	}{
		{"x", "y", "", "", false, 2},
		{"alice", "all", "10.1.2.3", "", false, 3},
		{"alice", "other", "10.1.2.3", "", false, 0},
		{"bob", "bob", "192.168.1.77", "", false, 4},
		{"bob", "bob", "192.168.2.77", "", false, 0},
		{"sam", "db2", "1.2.3.4", "", true, 5},
		{"sam", "db2", "1.2.3.4", "", false, 0},
		{"joe", "db2", "1.2.3.4", "", true, 0},
		{"rep", "rep", "1.2.3.4", "true", false, 6},
		{"rep", "db", "1.2.3.4", "database", false, 0},
		{"sam", "staff", "::1", "", false, 7},
		{"+staff", "db", "9.9.9.9", "", false, 8},
	} {
		cl := &hbaClient{user: c.user, database: c.db, replication: c.repl, tls: c.tls, memberOf: member}
		if c.addr != "" {
			cl.addr = netip.MustParseAddr(c.addr)
		}
		line := 0
		if r := h.match(cl); r != nil {
			line = r.line
		}
		if line != c.line {
			t.Errorf("%+v: rule of line %d", c, line)
		}
	}
	if r := h.Rules(); len(r) != 7 || r[2].Address != "192.168.1.0" || r[2].Netmask != "255.255.255.0" || r[3].Options[0] != "clientcert=verify-ca" {
		t.Errorf("%+v", r)
	}
}

func TestHBAErrors(t *testing.T) {
	for text, want := range map[string]string{
		"hosts all all all trust":                     `f:1: invalid connection type "hosts"`,
		"host all all 10.0.0.0/40 trust":              `f:1: invalid CIDR mask in address "10.0.0.0/40"`,
		"\nhost all all":                              `f:2: end-of-line before IP address specification`,
		"host all all all":                            `f:1: end-of-line before authentication method`,
		"host all all all ldap":                       `f:1: authentication method "ldap": LDAP is not supported`,
		"host all all all magic":                      `f:1: invalid authentication method "magic"`,
		"host all all example.com trust":              `f:1: host name "example.com" is not supported; give an address such as 10.0.0.0/8`,
		"host all all all peer":                       `f:1: peer authentication is only supported on local sockets`,
		"host all all 10.0.0.0 255.0.255.0 md5":       `f:1: invalid IP mask "255.0.255.0"`,
		"host all \"all all trust":                    `f:1: unterminated quoted string`,
		"host all all all trust clientcert=verify-ca": `f:1: clientcert can only be configured for "hostssl" rows`,
		"local all @file trust":                       `f:1: including the file "file" is not supported; list the names here`,
		"# nothing":                                   `f:1: no rules: nobody could connect`,
		"host all":                                    `f:1: end-of-line before role specification`,
		"hostssl all all all trust clientcert=sure":   `f:1: invalid value for clientcert: "sure"`,
		"local all all trust map=x":                   `f:1: authentication option "map" is not supported`,
	} {
		_, err := ParseHBA("f", text)
		if err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

// FuzzHBA: any text is a table or an error with a line, never a panic.
func FuzzHBA(f *testing.F) {
	f.Add(DefaultHBA)
	f.Add("host all,\"x y\" +g 1.2.3.4 255.255.0.0 md5 a=b # c")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := ParseHBA("f", text)
		if err == nil {
			h.match(&hbaClient{user: "u", database: "d", memberOf: func(string, string) bool { return false }})
			return
		}
		if !strings.HasPrefix(err.Error(), "f:") {
			t.Fatal(err)
		}
	})
}

func TestVerifiers(t *testing.T) {
	// As PostgreSQL 15 stored it for the password "pencil".
	const stored = "SCRAM-SHA-256$4096:Rt/guJULJhjKmc3OsUltvQ==$smZO2jtluRuZDbne7yo0J+EcyYF6IGCNwXFTYz8RTR8=:z+n+DhRFR55IT7nezb667zn8eLGYfbqkLHSh4QZKQ60="
	if !checkPassword(stored, "x", "pencil") || checkPassword(stored, "x", "pencils") {
		t.Error("PostgreSQL's verifier is not understood")
	}
	v, err := SCRAMVerifier("pässword")
	if err != nil || !checkPassword(v, "x", "pässword") || !IsPasswordVerifier(v) {
		t.Error(v, err)
	}
	for s, want := range map[string]bool{
		"": false, "secret": false, "md5": false, MD5Password("a", "b"): true, "SCRAM-SHA-256$": false, "SCRAM-SHA-256$0:AA==$AA==:AA==": false,
		strings.Replace(v, "4096", "99999999999", 1): false,
	} {
		if IsPasswordVerifier(s) != want {
			t.Errorf("IsPasswordVerifier(%q) = %v", s, !want)
		}
	}
}
