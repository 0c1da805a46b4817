package ddl

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/pgwire"
	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// roleOptions are the options of CREATE and ALTER ROLE, applied to a role.
func (r *runner) roleOptions(d *catalog.Role, options []*pg.Node) {
	seen := map[string]bool{}
	for _, o := range options {
		e := o.GetDefElem()
		if seen[e.Defname] {
			failAt(e.Location, pgerr.SyntaxError, "conflicting or redundant options")
		}
		seen[e.Defname] = true
		on := e.Arg != nil && (e.Arg.GetBoolean().GetBoolval() || e.Arg.GetInteger().GetIval() != 0)
		switch e.Defname {
		case "superuser":
			d.Super = on
		case "inherit":
			d.Inherit = on
		case "createrole":
			d.CreateRole = on
		case "createdb":
			d.CreateDB = on
		case "canlogin":
			d.Login = on
		case "isreplication":
			d.Replication = on
		case "bypassrls":
			d.BypassRLS = on
		case "connectionlimit":
			n := e.Arg.GetInteger().GetIval()
			if n < -1 {
				failf(pgerr.InvalidParameterValue, "invalid connection limit: %d", n)
			}
			d.ConnLimit = n
		case "password":
			d.Password = r.password(e.Arg)
		case "validUntil":
			v, err := types.In(r.typeCtx(), types.Of(types.OIDTimestamptz), nodeText(e.Arg))
			must(err)
			d.ValidUntil = &v.I
		}
	}
}

// password turns a password into what is stored: a SCRAM verifier; one that is a verifier already is kept.
func (r *runner) password(n *pg.Node) string {
	if n == nil {
		return ""
	}
	s := nodeText(n)
	if s == "" {
		r.notice("empty string is not a valid password, clearing password")
		return ""
	}
	if pgwire.IsPasswordVerifier(s) {
		return s
	}
	v, err := pgwire.SCRAMVerifier(s)
	must(err)
	return v
}

// mayManageRoles checks CREATEROLE, and SUPERUSER where the role or the options have to do with it.
func (r *runner) mayManageRoles(d *catalog.Role, options []*pg.Node, what string) {
	if r.isSuper() {
		return
	}
	for _, o := range options {
		switch e := o.GetDefElem(); e.Defname {
		case "superuser":
			failf(pgerr.InsufficientPrivilege, "must be superuser to %s superusers", what)
		case "isreplication":
			failf(pgerr.InsufficientPrivilege, "must be superuser to %s replication users", what)
		case "bypassrls":
			failf(pgerr.InsufficientPrivilege, "must be superuser to %s bypassrls attribute", map[string]string{"create": "change", "alter": "change"}[what])
		}
	}
	if d != nil && d.Super {
		failf(pgerr.InsufficientPrivilege, "must be superuser to alter superuser roles or change superuser attribute")
	}
	if me := r.Overlay.Role(r.User); me == nil || !me.CreateRole {
		if what == "create" {
			failf(pgerr.InsufficientPrivilege, "permission denied to create role")
		}
		failf(pgerr.InsufficientPrivilege, "permission denied")
	}
}

// createRole is CREATE ROLE, USER and GROUP.
func (r *runner) createRole(n *pg.CreateRoleStmt) {
	r.mayManageRoles(nil, n.Options, "create")
	if strings.HasPrefix(n.Role, "pg_") {
		fail(pgerr.Newf(pgerr.ReservedName, "role name \"%s\" is reserved", n.Role).WithDetail("Role names starting with \"pg_\" are reserved."))
	}
	if r.Overlay.RoleByName(n.Role) != nil {
		failf(pgerr.DuplicateObject, "role \"%s\" already exists", n.Role)
	}
	d := &catalog.Role{Header: catalog.Header{OID: r.oid(), Name: n.Role}, Inherit: true, ConnLimit: -1, Login: n.StmtType == pg.RoleStmtType_ROLESTMT_USER}
	r.roleOptions(d, n.Options)
	r.Overlay.Put(d)
	for _, o := range n.Options {
		e := o.GetDefElem()
		for _, x := range e.Arg.GetList().GetItems() {
			other := r.roleSpec(x.GetRoleSpec())
			switch e.Defname {
			case "addroleto":
				r.addMember(other, r.Overlay.Role(d.OID), false)
			case "rolemembers":
				r.addMember(d, other, false)
			case "adminmembers":
				r.addMember(d, other, true)
			}
		}
	}
}

func (r *runner) editRole(oid types.OID, f func(d *catalog.Role)) {
	c := *r.Overlay.Role(oid)
	c.MemberOf = slices.Clone(c.MemberOf)
	f(&c)
	r.Overlay.Put(&c)
}

// alterRole is ALTER ROLE with options, and ALTER GROUP ADD/DROP USER.
func (r *runner) alterRole(n *pg.AlterRoleStmt) {
	d := r.roleSpec(n.Role)
	onlyPassword := len(n.Options) == 1 && n.Options[0].GetDefElem().GetDefname() == "password"
	if !(onlyPassword && d.OID == r.User) {
		r.mayManageRoles(d, n.Options, "alter")
	}
	if strings.HasPrefix(d.Name, "pg_") && d.OID < catalog.FirstNormalOID {
		fail(pgerr.Newf(pgerr.ReservedName, "role name \"%s\" is reserved", d.Name).WithDetail("Cannot alter reserved roles."))
	}
	r.editRole(d.OID, func(c *catalog.Role) { r.roleOptions(c, n.Options) })
	for _, o := range n.Options {
		e := o.GetDefElem()
		if e.Defname != "rolemembers" {
			continue
		}
		for _, x := range e.Arg.GetList().GetItems() {
			member := r.roleSpec(x.GetRoleSpec())
			if n.Action > 0 {
				r.addMember(d, member, false)
			} else {
				r.dropMember(d, member, false)
			}
		}
	}
}

// dropRole is DROP ROLE.
func (r *runner) dropRole(n *pg.DropRoleStmt) {
	if me := r.Overlay.Role(r.User); !r.isSuper() && (me == nil || !me.CreateRole) {
		failf(pgerr.InsufficientPrivilege, "permission denied to drop role")
	}
	for _, x := range n.Roles {
		s := x.GetRoleSpec()
		if s.Roletype != pg.RoleSpecType_ROLESPEC_CSTRING {
			failf(pgerr.InvalidParameterValue, "cannot use special role specifier in DROP ROLE")
		}
		d := r.Overlay.RoleByName(s.Rolename)
		if d == nil {
			if !n.MissingOk {
				failf(pgerr.UndefinedObject, "role \"%s\" does not exist", s.Rolename)
			}
			r.notice("role \"%s\" does not exist, skipping", s.Rolename)
			continue
		}
		switch {
		case d.OID == r.User:
			failf(pgerr.ObjectInUse, "current user cannot be dropped")
		case d.Super && !r.isSuper():
			failf(pgerr.InsufficientPrivilege, "must be superuser to drop superusers")
		case d.OID < catalog.FirstNormalOID:
			failf(pgerr.DependentObjectsStillExist, "cannot drop role %s because it is required by the database system", d.Name)
		}
		if deps := r.roleDependents(d.OID); len(deps) > 0 {
			fail(pgerr.Newf(pgerr.DependentObjectsStillExist, "role \"%s\" cannot be dropped because some objects depend on it", d.Name).
				WithDetail("%s", strings.Join(deps, "\n")))
		}
		for _, other := range r.Overlay.Roles() {
			if slices.ContainsFunc(other.MemberOf, func(m catalog.Membership) bool { return m.Role == d.OID }) {
				r.editRole(other.OID, func(c *catalog.Role) {
					c.MemberOf = slices.DeleteFunc(c.MemberOf, func(m catalog.Membership) bool { return m.Role == d.OID })
				})
			}
		}
		for _, st := range r.Overlay.Settings() {
			if st.Role == d.OID {
				r.Overlay.Delete(st)
			}
		}
		r.removeComments(address{catalog.ClassRole, d.OID, 0})
		r.Overlay.Delete(d)
	}
}

// roleDependents describes what a role owns or is granted: databases, and the objects of this database; how many there are in others.
func (r *runner) roleDependents(role types.OID) []string {
	var out []string
	granted := func(acl []catalog.ACLItem) bool {
		return slices.ContainsFunc(acl, func(a catalog.ACLItem) bool { return a.Grantee == role || a.Grantor == role })
	}
	look := func(h *catalog.Header, what string) {
		switch {
		case h.Owner == role:
			out = append(out, "owner of "+what)
		case granted(h.ACL):
			out = append(out, "privileges for "+what)
		}
	}
	for _, d := range r.Overlay.Databases() {
		look(&d.Header, r.describe(address{catalog.ClassDatabase, d.OID, 0}))
	}
	elsewhere := map[types.OID]int{}
	for _, op := range r.Overlay.Snapshot().Ops() {
		h := op.Desc.Head()
		if h.Database == 0 || h.Owner != role && !granted(h.ACL) {
			continue
		}
		if h.Database != r.Database {
			elsewhere[h.Database]++
			continue
		}
		switch d := op.Desc.(type) {
		case *catalog.Relation:
			if d.RelKind != 'i' {
				look(h, r.describe(address{catalog.ClassRelation, d.OID, 0}))
			}
		case *catalog.Schema:
			look(h, r.describe(address{catalog.ClassSchema, d.OID, 0}))
		case *catalog.Function:
			look(h, r.describe(address{catalog.ClassProc, d.OID, 0}))
		case *catalog.TypeDesc:
			look(h, r.describe(address{catalog.ClassType, d.OID, 0}))
		}
	}
	for _, d := range r.Overlay.Databases() {
		switch n := elsewhere[d.OID]; {
		case n == 1:
			out = append(out, "1 object in database "+quote(d.Name))
		case n > 1:
			out = append(out, itoa(n)+" objects in database "+quote(d.Name))
		}
	}
	return out
}

func (r *runner) renameRole(old, name string) {
	d := r.needRole(old)
	r.mayManageRoles(d, nil, "alter")
	switch {
	case d.OID == r.User:
		failf(pgerr.FeatureNotSupported, "session user cannot be renamed")
	case strings.HasPrefix(name, "pg_"):
		fail(pgerr.Newf(pgerr.ReservedName, "role name \"%s\" is reserved", name).WithDetail("Role names starting with \"pg_\" are reserved."))
	case r.Overlay.RoleByName(name) != nil:
		failf(pgerr.DuplicateObject, "role \"%s\" already exists", name)
	}
	r.editRole(d.OID, func(c *catalog.Role) {
		c.Name = name
		if strings.HasPrefix(c.Password, "md5") { // salted with the name
			c.Password = ""
			r.notice("MD5 password cleared because of role rename")
		}
	})
}

// reassignOwned is REASSIGN OWNED.
func (r *runner) reassignOwned(n *pg.ReassignOwnedStmt) {
	to := r.roleSpec(n.Newrole)
	r.newOwner(to)
	for _, x := range n.Roles {
		from := r.roleSpec(x.GetRoleSpec())
		if !r.isMember(from.OID) {
			failf(pgerr.InsufficientPrivilege, "permission denied to reassign objects")
		}
		for _, rel := range r.Overlay.Relations(0) {
			if rel.Owner == from.OID {
				r.change(rel.OID, func(x *catalog.Relation) { x.Owner, x.ACL = to.OID, moveACL(x.ACL, from.OID, to.OID) })
			}
		}
		for _, t := range r.Overlay.Types() {
			if t.Owner == from.OID {
				c := *t
				c.Owner, c.Type.Owner, c.ACL = to.OID, to.OID, moveACL(t.ACL, from.OID, to.OID)
				r.Overlay.Put(&c)
			}
		}
		for _, f := range r.Overlay.Functions() {
			if f.Owner == from.OID {
				r.giveFunction(f, to.OID)
			}
		}
		for _, s := range r.Overlay.Schemas() {
			if s.Owner == from.OID && s.Database != 0 {
				c := *s
				c.Owner, c.ACL = to.OID, moveACL(s.ACL, from.OID, to.OID)
				r.Overlay.Put(&c)
			}
		}
		for _, d := range r.Overlay.Databases() {
			if d.Owner == from.OID {
				c := *d
				c.Owner, c.ACL = to.OID, moveACL(d.ACL, from.OID, to.OID)
				r.Overlay.Put(&c)
			}
		}
	}
}

// dropOwned is DROP OWNED: what the roles own goes, and their privileges.
func (r *runner) dropOwned(n *pg.DropOwnedStmt) {
	var asked []address
	for _, x := range n.Roles {
		role := r.roleSpec(x.GetRoleSpec())
		if !r.isMember(role.OID) {
			failf(pgerr.InsufficientPrivilege, "permission denied to drop objects")
		}
		for _, rel := range r.Overlay.Relations(0) {
			switch {
			case rel.Owner == role.OID && rel.RelKind == 'c':
				asked = append(asked, address{catalog.ClassType, rel.RowType, 0})
			case rel.Owner == role.OID && rel.RelKind != 'i' && (rel.Sequence == nil || rel.Sequence.OwnedBy == 0):
				asked = append(asked, address{catalog.ClassRelation, rel.OID, 0})
			case rel.Owner != role.OID:
				r.forgetGrants(rel, role.OID)
			}
		}
		for _, t := range r.Overlay.Types() {
			if t.Owner == role.OID {
				asked = append(asked, address{catalog.ClassType, t.OID, 0})
			}
		}
		for _, f := range r.Overlay.Functions() {
			switch {
			case f.Owner == role.OID:
				asked = append(asked, address{catalog.ClassProc, f.OID, 0})
			case f.ACL != nil:
				r.editFunction(f, func(f *catalog.Function) { f.ACL = withoutRole(f.ACL, role.OID) })
			}
		}
		for _, s := range r.Overlay.Schemas() {
			switch {
			case s.Database == 0:
			case s.Owner == role.OID:
				asked = append(asked, address{catalog.ClassSchema, s.OID, 0})
			case s.ACL != nil:
				c := *s
				c.ACL = withoutRole(s.ACL, role.OID)
				r.Overlay.Put(&c)
			}
		}
		for _, d := range r.Overlay.DefaultACLs() {
			if d.Role == role.OID {
				r.Overlay.Delete(d)
			}
		}
		if d := r.Overlay.Database(r.Database); d != nil && d.ACL != nil {
			c := *d
			c.ACL = withoutRole(d.ACL, role.OID)
			r.Overlay.Put(&c)
		}
	}
	if len(asked) > 0 {
		r.removeObjects(asked, n.Behavior == pg.DropBehavior_DROP_CASCADE, false)
	}
}

func (r *runner) forgetGrants(rel *catalog.Relation, role types.OID) {
	has := slices.ContainsFunc(rel.ACL, func(a catalog.ACLItem) bool { return a.Grantee == role })
	for i := range rel.Columns {
		has = has || slices.ContainsFunc(rel.Columns[i].ACL, func(a catalog.ACLItem) bool { return a.Grantee == role })
	}
	if !has {
		return
	}
	r.change(rel.OID, func(x *catalog.Relation) {
		if x.ACL != nil {
			x.ACL = withoutRole(x.ACL, role)
		}
		for i := range x.Columns {
			if c := &x.Columns[i]; c.ACL != nil {
				c.ACL = withoutRole(c.ACL, role)
			}
		}
	})
}

func withoutRole(acl []catalog.ACLItem, role types.OID) []catalog.ACLItem {
	return slices.DeleteFunc(append([]catalog.ACLItem{}, acl...), func(a catalog.ACLItem) bool { return a.Grantee == role })
}
