package pgwire

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// HBA is a host-based authentication table in the syntax of PostgreSQL's pg_hba.conf: the first rule that matches a
// connection's kind, database, user and address decides how it authenticates. Immutable.
type HBA struct{ rules []hbaRule }

// DefaultHBA is the table in force when none is given: no password from this machine, SCRAM from elsewhere.
const DefaultHBA = `local all all                trust
host  all all 127.0.0.1/32   trust
host  all all ::1/128        trust
host  all all all            scram-sha-256
`

// hbaRule is one line of the table.
type hbaRule struct {
	line      int
	text      string
	kind      string // local, host, hostssl, hostnossl, hostgssenc, hostnogssenc
	databases []string
	users     []string
	address   hbaAddress
	method    string
	options   map[string]string
}

// hbaAddress says which clients a rule is for. Rules of kind local have none.
type hbaAddress struct {
	keyword string // all, samehost, samenet, or "" for prefix
	prefix  netip.Prefix
}

// hbaMethods are the methods that exist; the reason says why one is refused, "" that it works.
var hbaMethods = map[string]string{
	"trust": "", "reject": "", "scram-sha-256": "", "md5": "", "password": "", "cert": "", "peer": "",
	"gss": "GSSAPI is not supported", "sspi": "SSPI is not supported", "ident": "the ident protocol is not supported; use scram-sha-256",
	"pam": "PAM is not supported", "ldap": "LDAP is not supported", "radius": "RADIUS is not supported", "bsd": "BSD authentication is not supported",
}

// HBAError says what is wrong with a table, and on which line.
type HBAError struct {
	File string
	Line int
	Text string
}

// Error implements error.
func (e *HBAError) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Text) }

// ParseHBA reads a table; file is its name, for errors (*HBAError).
func ParseHBA(file, text string) (*HBA, error) {
	h := &HBA{}
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		line, first := strings.TrimSuffix(lines[i], "\r"), i+1
		for strings.HasSuffix(line, "\\") && i+1 < len(lines) {
			i++
			line = strings.TrimSuffix(line, "\\") + strings.TrimSuffix(lines[i], "\r")
		}
		fields, err := hbaFields(line)
		if err == nil && len(fields) > 0 {
			var r *hbaRule
			if r, err = parseHBARule(fields); err == nil {
				r.line, r.text = first, strings.Join(strings.Fields(line), " ")
				h.rules = append(h.rules, *r)
			}
		}
		if err != nil {
			return nil, &HBAError{file, first, err.Error()}
		}
	}
	if len(h.rules) == 0 {
		return nil, &HBAError{file, max(len(lines), 1), "no rules: nobody could connect"}
	}
	return h, nil
}

// hbaToken is a field's element; a quoted one has no special meaning.
type hbaToken struct {
	text   string
	quoted bool
}

// hbaFields splits a line into fields of comma-separated tokens.
func hbaFields(line string) ([][]hbaToken, error) {
	var fields [][]hbaToken
	i := 0
	for {
		for i < len(line) && (line[i] == ' ' || line[i] == '\t') {
			i++
		}
		if i >= len(line) || line[i] == '#' {
			return fields, nil
		}
		var field []hbaToken
		for {
			var tok hbaToken
			var b []byte
			for i < len(line) && !strings.ContainsRune(" \t,#", rune(line[i])) {
				if line[i] != '"' {
					b = append(b, line[i])
					i++
					continue
				}
				tok.quoted = true
				end := strings.IndexByte(line[i+1:], '"')
				if end < 0 {
					return nil, fmt.Errorf("unterminated quoted string")
				}
				b = append(b, line[i+1:i+1+end]...)
				i += end + 2
			}
			tok.text = string(b)
			field = append(field, tok)
			if i >= len(line) || line[i] != ',' {
				break
			}
			for i++; i < len(line) && (line[i] == ' ' || line[i] == '\t'); i++ {
			}
		}
		fields = append(fields, field)
	}
}

func parseHBARule(fields [][]hbaToken) (*hbaRule, error) {
	r := &hbaRule{kind: fields[0][0].text, options: map[string]string{}}
	switch r.kind {
	case "local", "host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc":
	default:
		return nil, fmt.Errorf("invalid connection type \"%s\"", r.kind)
	}
	fields = fields[1:]
	var err error
	if r.databases, err = hbaNames(&fields, "end-of-line before database specification"); err != nil {
		return nil, err
	}
	if r.users, err = hbaNames(&fields, "end-of-line before role specification"); err != nil {
		return nil, err
	}
	if r.kind != "local" {
		if err := r.parseAddress(&fields); err != nil {
			return nil, err
		}
	}
	if len(fields) == 0 {
		return nil, fmt.Errorf("end-of-line before authentication method")
	}
	r.method = fields[0][0].text
	reason, known := hbaMethods[r.method]
	switch {
	case !known:
		return nil, fmt.Errorf("invalid authentication method \"%s\"", r.method)
	case reason != "":
		return nil, fmt.Errorf("authentication method \"%s\": %s", r.method, reason)
	case r.method == "peer" && r.kind != "local":
		return nil, fmt.Errorf("peer authentication is only supported on local sockets")
	case r.method == "cert" && r.kind != "hostssl":
		return nil, fmt.Errorf("cert authentication is only supported on hostssl connections")
	}
	return r, r.parseOptions(fields[1:])
}

func hbaNames(fields *[][]hbaToken, missing string) ([]string, error) {
	if len(*fields) == 0 {
		return nil, fmt.Errorf("%s", missing)
	}
	var names []string
	for _, t := range (*fields)[0] {
		name := t.text
		switch {
		case t.quoted:
			name = "\"" + name // marks a name that is no keyword, see plainName
		case strings.HasPrefix(name, "@"):
			return nil, fmt.Errorf("including the file \"%s\" is not supported; list the names here", name[1:])
		case strings.HasPrefix(name, "/"):
			return nil, fmt.Errorf("regular expressions (\"%s\") belong to PostgreSQL 16", name)
		}
		names = append(names, name)
	}
	*fields = (*fields)[1:]
	return names, nil
}

// plainName undoes the mark of hbaNames.
func plainName(s string) (name string, quoted bool) {
	if strings.HasPrefix(s, "\"") {
		return s[1:], true
	}
	return s, false
}

func (r *hbaRule) parseAddress(fields *[][]hbaToken) error {
	if len(*fields) == 0 {
		return fmt.Errorf("end-of-line before IP address specification")
	}
	text := (*fields)[0][0].text
	*fields = (*fields)[1:]
	switch text {
	case "all", "samehost", "samenet":
		r.address.keyword = text
		return nil
	}
	if p, err := netip.ParsePrefix(text); err == nil {
		r.address.prefix = p.Masked()
		return nil
	}
	ip, err := netip.ParseAddr(text)
	if err != nil {
		if strings.Contains(text, "/") {
			return fmt.Errorf("invalid CIDR mask in address \"%s\"", text)
		}
		return fmt.Errorf("host name \"%s\" is not supported; give an address such as 10.0.0.0/8", text)
	}
	if len(*fields) == 0 {
		return fmt.Errorf("end-of-line before netmask specification")
	}
	mask, err := netip.ParseAddr((*fields)[0][0].text)
	*fields = (*fields)[1:]
	if err != nil || mask.Is4() != ip.Is4() {
		return fmt.Errorf("invalid IP mask for address \"%s\"", text)
	}
	ones, _ := net.IPMask(mask.AsSlice()).Size()
	if p, err := ip.Prefix(ones); err == nil && (ones > 0 || mask.IsUnspecified()) {
		r.address.prefix = p
		return nil
	}
	return fmt.Errorf("invalid IP mask \"%s\"", mask)
}

func (r *hbaRule) parseOptions(fields [][]hbaToken) error {
	for _, f := range fields {
		name, value, ok := strings.Cut(f[0].text, "=")
		if !ok {
			return fmt.Errorf("authentication option not in name=value format: %s", f[0].text)
		}
		switch {
		case name == "clientcert" && r.kind == "hostssl" && (value == "verify-ca" || value == "verify-full"):
		case name == "clientcert" && r.kind != "hostssl":
			return fmt.Errorf("clientcert can only be configured for \"hostssl\" rows")
		case name == "clientcert":
			return fmt.Errorf("invalid value for clientcert: \"%s\"", value)
		default:
			return fmt.Errorf("authentication option \"%s\" is not supported", name)
		}
		r.options[name] = value
	}
	return nil
}

// hbaClient is what a rule is matched with.
type hbaClient struct {
	user, database, replication string
	addr                        netip.Addr // invalid for a Unix socket
	tls                         bool
	memberOf                    func(role, group string) bool
}

// match returns the first rule for the client, nil if there is none.
func (h *HBA) match(cl *hbaClient) *hbaRule {
	for i := range h.rules {
		r := &h.rules[i]
		if r.matchKind(cl) && r.matchAddress(cl.addr) && r.matchDatabase(cl) && r.matchUser(cl) {
			return r
		}
	}
	return nil
}

func (r *hbaRule) matchKind(cl *hbaClient) bool {
	local := !cl.addr.IsValid()
	switch r.kind {
	case "local":
		return local
	case "hostssl":
		return !local && cl.tls
	case "hostnossl":
		return !local && !cl.tls
	case "hostgssenc":
		return false // there is no such encryption here
	}
	return !local
}

func (r *hbaRule) matchAddress(addr netip.Addr) bool {
	if r.kind == "local" || r.address.keyword == "all" {
		return true
	}
	if r.address.keyword == "" {
		return r.address.prefix.Contains(addr)
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	return slices.ContainsFunc(own, func(a net.Addr) bool {
		p, err := netip.ParsePrefix(a.String())
		if err != nil {
			return false
		}
		if r.address.keyword == "samehost" {
			return p.Addr().Unmap() == addr
		}
		return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()).Contains(addr)
	})
}

func (r *hbaRule) matchDatabase(cl *hbaClient) bool {
	for _, d := range r.databases {
		name, quoted := plainName(d)
		if cl.replication == "true" { // a physical one has no database
			if !quoted && name == "replication" {
				return true
			}
			continue
		}
		switch {
		case quoted:
		case name == "all":
			return true
		case name == "sameuser":
			if cl.user == cl.database {
				return true
			}
			continue
		case name == "samerole", name == "samegroup":
			if cl.memberOf(cl.user, cl.database) {
				return true
			}
			continue
		case name == "replication":
			continue
		}
		if name == cl.database {
			return true
		}
	}
	return false
}

func (r *hbaRule) matchUser(cl *hbaClient) bool {
	for _, u := range r.users {
		name, quoted := plainName(u)
		switch {
		case !quoted && name == "all":
			return true
		case !quoted && strings.HasPrefix(name, "+"):
			if cl.memberOf(cl.user, name[1:]) {
				return true
			}
		case name == cl.user:
			return true
		}
	}
	return false
}

// HBARule is a row of the view pg_hba_file_rules.
type HBARule struct {
	Line      int
	Type      string
	Databases []string
	Users     []string
	Address   string // without the mask, or a keyword
	Netmask   string // "" for a keyword
	Method    string
	Options   []string
}

// Rules returns the table's rules in order.
func (h *HBA) Rules() []HBARule {
	list := make([]HBARule, 0, len(h.rules))
	names := func(marked []string) []string {
		plain := make([]string, len(marked))
		for i, s := range marked {
			plain[i], _ = plainName(s)
		}
		return plain
	}
	for i := range h.rules {
		r := &h.rules[i]
		out := HBARule{Line: r.line, Type: r.kind, Databases: names(r.databases), Users: names(r.users), Method: r.method}
		if r.kind != "local" {
			if out.Address = r.address.keyword; out.Address == "" {
				p := r.address.prefix
				out.Address = p.Addr().String()
				mask, _ := netip.AddrFromSlice(net.CIDRMask(p.Bits(), p.Addr().BitLen()))
				out.Netmask = mask.String()
			}
		}
		for k, v := range r.options {
			out.Options = append(out.Options, k+"="+v)
		}
		list = append(list, out)
	}
	return list
}
