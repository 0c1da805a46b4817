package catalog

import (
	"kimberlite/sql/types"
)

var roleTables = map[string]func() vtable{
	"pg_authid": pgAuthid, "pg_roles": pgRoles, "pg_auth_members": pgAuthMembers, "pg_shadow": pgShadow, "pg_user": pgUser, "pg_group": pgGroup,
}

func eachRole(oidCol, nameCol string, keep func(*Role) bool) func(s *scan, emit func(*Role)) {
	return func(s *scan, emit func(*Role)) {
		give := func(r *Role) {
			if r != nil && (keep == nil || keep(r)) {
				emit(r)
			}
		}
		if list, ok := s.oids(oidCol); ok {
			for _, oid := range list {
				give(s.b().Role(oid))
			}
			return
		}
		if list, ok := s.names(nameCol); ok {
			for _, name := range list {
				give(s.b().RoleByName(name))
			}
			return
		}
		for _, r := range s.b().Roles() {
			give(r)
		}
	}
}

func roleFlag(f func(r *Role) bool) func(*Env, *Role) types.Datum {
	return func(e *Env, r *Role) types.Datum { return types.Bool(f(r)) }
}

// roleConfig is what ALTER ROLE ... SET says for all databases.
func roleConfig(e *Env, r *Role) types.Datum {
	for _, s := range e.b().Settings() {
		if s.Role == r.OID && s.Database == 0 {
			return textArrayOrNull(s.Values)
		}
	}
	return types.NullDatum
}

func roleValidUntil(e *Env, r *Role) types.Datum {
	if r.ValidUntil == nil {
		return types.NullDatum
	}
	return types.Int(*r.ValidUntil)
}

func pgAuthid() vtable {
	cols := roleColumns()
	cols["rolpassword"] = func(e *Env, r *Role) types.Datum { return textOrNull(r.Password) }
	return table[*Role]{rows: eachRole("oid", "rolname", nil), cols: cols}
}

func roleColumns() map[string]func(*Env, *Role) types.Datum {
	return map[string]func(*Env, *Role) types.Datum{
		"oid":            func(e *Env, r *Role) types.Datum { return oidDatum(r.OID) },
		"rolname":        func(e *Env, r *Role) types.Datum { return types.Str(r.Name) },
		"rolsuper":       roleFlag(func(r *Role) bool { return r.Super }),
		"rolinherit":     roleFlag(func(r *Role) bool { return r.Inherit }),
		"rolcreaterole":  roleFlag(func(r *Role) bool { return r.CreateRole }),
		"rolcreatedb":    roleFlag(func(r *Role) bool { return r.CreateDB }),
		"rolcanlogin":    roleFlag(func(r *Role) bool { return r.Login }),
		"rolreplication": roleFlag(func(r *Role) bool { return r.Replication }),
		"rolbypassrls":   roleFlag(func(r *Role) bool { return r.BypassRLS }),
		"rolconnlimit":   func(e *Env, r *Role) types.Datum { return types.Int(int64(r.ConnLimit)) },
		"rolvaliduntil":  roleValidUntil,
		"rolconfig":      roleConfig,
	}
}

func pgRoles() vtable {
	cols := roleColumns()
	cols["rolpassword"] = constCol[*Role](types.Str("********"))
	return table[*Role]{rows: eachRole("oid", "rolname", nil), cols: cols}
}

func userColumns() map[string]func(*Env, *Role) types.Datum {
	return map[string]func(*Env, *Role) types.Datum{
		"usename":      func(e *Env, r *Role) types.Datum { return types.Str(r.Name) },
		"usesysid":     func(e *Env, r *Role) types.Datum { return oidDatum(r.OID) },
		"usecreatedb":  roleFlag(func(r *Role) bool { return r.CreateDB }),
		"usesuper":     roleFlag(func(r *Role) bool { return r.Super }),
		"userepl":      roleFlag(func(r *Role) bool { return r.Replication }),
		"usebypassrls": roleFlag(func(r *Role) bool { return r.BypassRLS }),
		"valuntil":     roleValidUntil,
		"useconfig":    roleConfig,
	}
}

func canLogin(r *Role) bool { return r.Login }

func pgShadow() vtable {
	cols := userColumns()
	cols["passwd"] = func(e *Env, r *Role) types.Datum { return textOrNull(r.Password) }
	return table[*Role]{rows: eachRole("usesysid", "usename", canLogin), cols: cols}
}

func pgUser() vtable {
	cols := userColumns()
	cols["passwd"] = constCol[*Role](types.Str("********"))
	return table[*Role]{rows: eachRole("usesysid", "usename", canLogin), cols: cols}
}

func pgGroup() vtable {
	return table[*Role]{rows: eachRole("grosysid", "groname", func(r *Role) bool { return !r.Login }), cols: map[string]func(*Env, *Role) types.Datum{
		"groname":  func(e *Env, r *Role) types.Datum { return types.Str(r.Name) },
		"grosysid": func(e *Env, r *Role) types.Datum { return oidDatum(r.OID) },
		"grolist": func(e *Env, r *Role) types.Datum {
			var list []types.OID
			for _, m := range e.b().Roles() {
				for _, g := range m.MemberOf {
					if g.Role == r.OID {
						list = append(list, m.OID)
					}
				}
			}
			return oidArray(list)
		},
	}}
}

type memberRow struct {
	member types.OID
	m      Membership
}

func pgAuthMembers() vtable {
	type fn = func(*Env, memberRow) types.Datum
	return table[memberRow]{
		rows: func(s *scan, emit func(memberRow)) {
			for _, r := range s.b().Roles() {
				for _, m := range r.MemberOf {
					emit(memberRow{r.OID, m})
				}
			}
		},
		cols: map[string]fn{
			"roleid":       func(e *Env, r memberRow) types.Datum { return oidDatum(r.m.Role) },
			"member":       func(e *Env, r memberRow) types.Datum { return oidDatum(r.member) },
			"grantor":      func(e *Env, r memberRow) types.Datum { return oidDatum(r.m.Grantor) },
			"admin_option": func(e *Env, r memberRow) types.Datum { return types.Bool(r.m.Admin) },
		},
	}
}
