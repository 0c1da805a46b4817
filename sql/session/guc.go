package session

import (
	"strings"

	"kimberlite/pgwire"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// runSet runs SET, SET LOCAL, RESET and SET TRANSACTION.
func (s *Session) runSet(n *pg.VariableSetStmt) (string, error) {
	switch n.Kind {
	case pg.VariableSetKind_VAR_SET_VALUE:
		value, err := s.setValue(n.Name, n.Args)
		if err != nil {
			return "", err
		}
		if n.IsLocal && !s.tx.block {
			s.notice(pgerr.Warn(pgerr.NoActiveSqlTransaction, "SET LOCAL can only be used in transaction blocks"))
		}
		return "SET", s.assign(n.Name, value, n.IsLocal)
	case pg.VariableSetKind_VAR_SET_DEFAULT, pg.VariableSetKind_VAR_RESET:
		tag := "SET"
		if n.Kind == pg.VariableSetKind_VAR_RESET {
			tag = "RESET"
		}
		return tag, s.resetOne(n.Name)
	case pg.VariableSetKind_VAR_RESET_ALL:
		s.resetAll()
		return "RESET", nil
	case pg.VariableSetKind_VAR_SET_MULTI:
		return "SET", s.setMulti(n)
	case pg.VariableSetKind_VAR_SET_CURRENT:
		return "SET", nil
	}
	return "", pgerr.Unsupported("this form of SET", "Use SET name = value.")
}

// setValue turns the arguments of SET into one text, as flatten_set_variable_args does.
func (s *Session) setValue(name string, args []*pg.Node) (string, error) {
	g := findGUC(name)
	list := g != nil && g.list
	if len(args) > 1 && !list {
		return "", pgerr.Newf(pgerr.InvalidParameterValue, "SET %s takes only one argument", name)
	}
	var parts []string
	for _, a := range args {
		if tc := a.GetTypeCast(); tc != nil { // SET TIME ZONE INTERVAL '...'
			text := constString(tc.Arg)
			iv, err := types.ParseInterval(s.io(), text)
			if err != nil {
				return "", err
			}
			_, zone := types.FixedZone(int(iv.Micros / 1e6))
			return zone, nil
		}
		v := constString(a)
		if list && a.GetAConst().GetSval() != nil && needsQuotes(v) {
			v = `"` + strings.ReplaceAll(v, `"`, `""`) + `"`
		}
		parts = append(parts, v)
	}
	return strings.Join(parts, ", "), nil
}

func needsQuotes(v string) bool {
	if v == "" {
		return true
	}
	for i := 0; i < len(v); i++ {
		c := v[i]
		if !(c >= 'a' && c <= 'z' || c == '_' || i > 0 && (c >= '0' && c <= '9' || c == '$')) {
			return true
		}
	}
	return false
}

func (s *Session) setMulti(n *pg.VariableSetStmt) error {
	modes, err := s.parseModes(n.Args)
	if err != nil {
		return err
	}
	switch n.Name {
	case "TRANSACTION":
		if !s.tx.block {
			s.notice(pgerr.Warn(pgerr.NoActiveSqlTransaction, "SET TRANSACTION can only be used in transaction blocks"))
			return nil
		}
		return s.setTransaction(modes)
	case "SESSION CHARACTERISTICS":
		if modes.isolation != "" {
			if err := s.assign("default_transaction_isolation", modes.isolation, false); err != nil {
				return err
			}
		}
		if modes.readOnly != nil {
			if err := s.assign("default_transaction_read_only", onOff(*modes.readOnly), false); err != nil {
				return err
			}
		}
		return nil
	case "TRANSACTION SNAPSHOT":
		return pgerr.Unsupported("SET TRANSACTION SNAPSHOT", "Snapshots can't be shared between sessions; run pg_dump without --jobs.")
	}
	return pgerr.Unsupported("SET "+n.Name, "")
}

// assign checks and stores a setting's value.
func (s *Session) assign(name, value string, local bool) error {
	g := findGUC(name)
	if g == nil {
		if !dotted(name) {
			return pgerr.Newf(pgerr.UndefinedObject, "unrecognized configuration parameter %q", name)
		}
		if len(s.set.values) > customSettingsMax {
			return pgerr.New(pgerr.ProgramLimitExceeded, "too many custom settings")
		}
		s.set.set(name, value, local, s.tx != nil)
		return nil
	}
	switch g.Context {
	case "internal":
		return pgerr.Newf(pgerr.CantChangeRuntimeParam, "parameter %q cannot be changed", g.Name)
	case "postmaster":
		return pgerr.Newf(pgerr.CantChangeRuntimeParam, "parameter %q cannot be changed without restarting the server", g.Name)
	case "sighup":
		return pgerr.Newf(pgerr.CantChangeRuntimeParam, "parameter %q cannot be changed now", g.Name)
	case "backend", "superuser-backend":
		return pgerr.Newf(pgerr.CantChangeRuntimeParam, "parameter %q cannot be set after connection start", g.Name)
	case "superuser":
		if !s.super {
			return pgerr.Newf(pgerr.InsufficientPrivilege, "permission denied to set parameter %q", g.Name)
		}
	}
	switch g.Name {
	case "role":
		return s.setRole(value, local)
	case "session_authorization":
		return s.setAuthorization(value, local)
	case "transaction_isolation":
		return s.setTransaction(txModes{isolation: value})
	case "transaction_read_only":
		b, ok := parseBool(value)
		if !ok {
			return pgerr.Newf(pgerr.InvalidParameterValue, "parameter %q requires a Boolean value", g.Name)
		}
		return s.setTransaction(txModes{readOnly: &b})
	}
	v, err := g.canonical(value)
	if err != nil {
		return err
	}
	if g.Name == "seed" {
		f, err := types.ParseFloat8(v)
		if err != nil {
			return err
		}
		s.SetSeed(f)
	}
	s.set.set(g.Name, v, local, s.tx != nil)
	return nil
}

func (s *Session) setRole(value string, local bool) error {
	role := s.session
	if !strings.EqualFold(value, "none") {
		r := s.reader().RoleByName(value)
		if r == nil {
			return pgerr.Newf(pgerr.InvalidParameterValue, "role %q does not exist", value)
		}
		if !s.memberOf(s.session, r.OID) {
			return pgerr.Newf(pgerr.InsufficientPrivilege, "permission denied to set role %q", value)
		}
		role = r.OID
	}
	s.set.set("role", value, local, s.tx != nil)
	s.become(role)
	return nil
}

func (s *Session) setAuthorization(value string, local bool) error {
	r := s.reader().RoleByName(value)
	if r == nil {
		return pgerr.Newf(pgerr.InvalidParameterValue, "role %q does not exist", value)
	}
	if r.OID != s.login && !s.isSuper(s.login) {
		return pgerr.Newf(pgerr.InsufficientPrivilege, "permission denied to set session authorization")
	}
	s.set.set("session_authorization", value, local, s.tx != nil)
	s.session = r.OID
	s.become(r.OID)
	return nil
}

// become makes a role the current user.
func (s *Session) become(role types.OID) {
	s.role = role
	s.super = s.isSuper(role)
	s.set.values["is_superuser"] = onOff(s.super)
	s.set.epoch++
}

func (s *Session) resetAuthorization() {
	s.set.unset("session_authorization", s.tx != nil)
	s.set.unset("role", s.tx != nil)
	s.session = s.login
	s.become(s.login)
}

func (s *Session) resetOne(name string) error {
	switch lower(name) {
	case "role":
		s.set.unset("role", s.tx != nil)
		s.become(s.session)
		return nil
	case "session_authorization":
		s.resetAuthorization()
		return nil
	case "transaction_isolation":
		return s.setTransaction(txModes{isolation: s.set.str("default_transaction_isolation")})
	case "transaction_read_only":
		b := s.set.boolean("default_transaction_read_only")
		return s.setTransaction(txModes{readOnly: &b})
	}
	if g := findGUC(name); g == nil && !dotted(name) {
		return pgerr.Newf(pgerr.UndefinedObject, "unrecognized configuration parameter %q", name)
	}
	s.set.unset(name, s.tx != nil)
	return nil
}

// resetAll is RESET ALL: everything but the roles and the transaction's characteristics.
func (s *Session) resetAll() {
	for name := range s.set.values {
		switch name {
		case "role", "session_authorization", "is_superuser":
			continue
		}
		s.set.unset(name, s.tx != nil)
	}
}

// showSetting is a setting as SHOW prints it.
func (s *Session) showSetting(name string) string {
	g := findGUC(name)
	if g == nil {
		v, _ := s.set.get(name)
		return v
	}
	switch g.Name {
	case "transaction_isolation":
		if s.tx != nil {
			return s.tx.tx.Options().Isolation.String()
		}
		return s.set.str("default_transaction_isolation")
	case "transaction_read_only":
		if s.tx != nil {
			return onOff(s.tx.tx.Options().ReadOnly)
		}
		return s.set.str("default_transaction_read_only")
	case "max_connections":
		return itoa(s.e.opts.MaxConnections)
	case "in_hot_standby":
		return onOff(s.InRecovery())
	case "seed":
		return "unavailable"
	}
	return g.show(s.set.str(g.Name))
}

func textColumn(name string) pgwire.Column {
	return pgwire.Column{Name: name, T: types.Of(types.OIDText), Len: -1}
}

// show is SHOW name and SHOW ALL.
func (u *utility) show(name string) error {
	s := u.s
	if strings.EqualFold(name, "all") {
		var rows [][]types.Datum
		for _, g := range sortedGUCs() {
			if g.Category == "Developer Options" && g.Name != "zero_damaged_pages" {
				continue
			}
			rows = append(rows, []types.Datum{types.Str(g.Name), types.Str(s.showSetting(g.Name)), types.Str(g.ShortDesc)})
		}
		return u.rows("SHOW", rows, textColumn("name"), textColumn("setting"), textColumn("description"))
	}
	display := name
	if g := findGUC(name); g != nil {
		display = g.Name
	} else if _, ok := s.set.get(name); !ok {
		return pgerr.Newf(pgerr.UndefinedObject, "unrecognized configuration parameter %q", name)
	}
	return u.rows("SHOW", [][]types.Datum{{types.Str(s.showSetting(name))}}, textColumn(display))
}

// rows writes the rows of a utility statement and its tag.
func (u *utility) rows(tag string, rows [][]types.Datum, cols ...pgwire.Column) error {
	w := u.s.w
	if u.simple {
		if err := w.RowDescription(cols, nil); err != nil {
			return err
		}
	}
	w.StartRows(u.s.io(), cols, nil)
	for _, r := range rows {
		if err := w.Row(r); err != nil {
			return err
		}
	}
	w.CommandComplete(tag)
	return nil
}
