package ddl

import (
	"cmp"
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// grantee is who gets or loses privileges: a role or PUBLIC (0).
func (r *runner) grantees(list []*pg.Node) []types.OID {
	var out []types.OID
	for _, n := range list {
		s := n.GetRoleSpec()
		if s.Roletype == pg.RoleSpecType_ROLESPEC_PUBLIC {
			out = append(out, 0)
			continue
		}
		out = append(out, r.roleSpec(s).OID)
	}
	return out
}

// grantKind says how privileges work for a kind of object.
type grantKind struct {
	letter byte // as in acldefault
	all    uint32
	word   string
}

func grantKindOf(t pg.ObjectType) (grantKind, bool) {
	switch t {
	case pg.ObjectType_OBJECT_TABLE:
		return grantKind{'r', catalog.AllTable, "relation"}, true
	case pg.ObjectType_OBJECT_SEQUENCE:
		return grantKind{'s', catalog.AllSequence, "sequence"}, true
	case pg.ObjectType_OBJECT_DATABASE:
		return grantKind{'d', catalog.AllDatabase, "database"}, true
	case pg.ObjectType_OBJECT_SCHEMA:
		return grantKind{'n', catalog.AllSchema, "schema"}, true
	case pg.ObjectType_OBJECT_TYPE, pg.ObjectType_OBJECT_DOMAIN:
		return grantKind{'T', catalog.AllType, "type"}, true
	case pg.ObjectType_OBJECT_FUNCTION, pg.ObjectType_OBJECT_PROCEDURE, pg.ObjectType_OBJECT_ROUTINE:
		return grantKind{'f', catalog.AllFunction, "function"}, true
	case pg.ObjectType_OBJECT_LANGUAGE:
		return grantKind{'l', catalog.AllLanguage, "language"}, true
	case pg.ObjectType_OBJECT_TABLESPACE:
		return grantKind{'t', catalog.AllTablespace, "tablespace"}, true
	}
	return grantKind{}, false
}

// privBit reads a privilege's name.
func privBit(name string) uint32 {
	name = strings.ToUpper(name)
	if name == "TEMP" {
		name = "TEMPORARY"
	}
	for i, p := range catalog.PrivNames {
		if p == name {
			return 1 << i
		}
	}
	failf(pgerr.SyntaxError, "unrecognized privilege type \"%s\"", strings.ToLower(name))
	return 0
}

// columnGrant is a privilege on columns.
type columnGrant struct {
	privs uint32
	cols  []string
}

// privileges reads the list of privileges; none means all.
func privileges(list []*pg.Node, k grantKind, columns bool) (privs uint32, cols []columnGrant) {
	if len(list) == 0 {
		return k.all, nil
	}
	for _, n := range list {
		p := n.GetAccessPriv()
		bits := uint32(0)
		if p.PrivName == "" {
			bits = catalog.AllColumn
		} else {
			bits = privBit(p.PrivName)
		}
		if len(p.Cols) > 0 {
			if !columns {
				failf(pgerr.InvalidGrantOperation, "column privileges are only valid for relations")
			}
			if bits&^catalog.AllColumn != 0 {
				failf(pgerr.InvalidGrantOperation, "invalid privilege type %s for column", strings.ToUpper(p.PrivName))
			}
			cols = append(cols, columnGrant{bits, strs(p.Cols)})
			continue
		}
		if bits&^(k.all|sequenceBits(k)) != 0 {
			failf(pgerr.InvalidGrantOperation, "invalid privilege type %s for %s", strings.ToUpper(p.PrivName), k.word)
		}
		privs |= bits
	}
	return privs, cols
}

// sequenceBits lets GRANT ... ON TABLE name a sequence's privileges, as PostgreSQL does for sequences named so.
func sequenceBits(k grantKind) uint32 {
	if k.letter == 'r' {
		return catalog.PrivUsage
	}
	return 0
}

// grantOp is one GRANT or REVOKE at work.
type grantOp struct {
	grant, option bool // option: WITH GRANT OPTION, or GRANT OPTION FOR
	cascade       bool
	grantees      []types.OID
}

// apply changes grants. grantor is who grants.
func (g *grantOp) apply(acl []catalog.ACLItem, grantor types.OID, privs uint32) []catalog.ACLItem {
	out := slices.Clone(acl)
	if out == nil {
		out = []catalog.ACLItem{}
	}
	for _, who := range g.grantees {
		if g.grant {
			a := catalog.ACLItem{Grantee: who, Grantor: grantor, Privs: privs}
			if g.option {
				a.Options = privs
			}
			out = mergeACL(out, a)
			continue
		}
		for i := range out {
			if a := &out[i]; a.Grantee == who && a.Grantor == grantor {
				a.Options &^= privs
				if !g.option {
					a.Privs &^= privs
				}
			}
		}
		out = g.revokeDependent(out, who, privs)
	}
	return slices.DeleteFunc(out, func(a catalog.ACLItem) bool { return a.Privs == 0 })
}

// revokeDependent takes away what a role has granted on with a grant option that it has lost.
func (g *grantOp) revokeDependent(acl []catalog.ACLItem, who types.OID, privs uint32) []catalog.ACLItem {
	if who == 0 {
		return acl
	}
	var still uint32
	for _, a := range acl {
		if a.Grantee == who {
			still |= a.Options
		}
	}
	lost := privs &^ still
	for i := range acl {
		a := &acl[i]
		if a.Grantor != who || a.Privs&lost == 0 || a.Grantee == who {
			continue
		}
		if !g.cascade {
			fail(pgerr.New(pgerr.DependentObjectsStillExist, "dependent privileges exist").WithHint("Use CASCADE to revoke them too."))
		}
		a.Options &^= lost
		a.Privs &^= lost
	}
	return acl
}

// grantor decides in whose name the user grants privileges on an object, and which of them are the user's to give: a warning tells of the rest.
func (r *runner) grantor(g *grantOp, owner types.OID, acl []catalog.ACLItem, privs uint32, all bool, kind, name string) (types.OID, uint32) {
	if r.owns(owner) {
		return owner, privs
	}
	var have uint32
	var anyPriv bool
	roles := catalog.MemberOf(r.Overlay, r.User, true)
	by := r.User
	for _, a := range acl {
		if a.Grantee == 0 || slices.Contains(roles, a.Grantee) {
			anyPriv = true
		}
		if a.Grantee != 0 && slices.Contains(roles, a.Grantee) && a.Options&privs != 0 {
			have |= a.Options
			by = a.Grantee
		}
	}
	if !anyPriv {
		failf(pgerr.InsufficientPrivilege, "permission denied for %s %s", kind, name)
	}
	can := privs & have
	verb, code := "granted", pgerr.PrivilegeNotGranted
	if !g.grant {
		verb, code = "revoked", pgerr.PrivilegeNotRevoked
	}
	switch {
	case can == 0:
		r.note(pgerr.Warn(code, "no privileges were %s for \"%s\"", verb, name))
	case can != privs && !all:
		r.note(pgerr.Warn(code, "not all privileges were %s for \"%s\"", verb, name))
	}
	return by, can
}

// grant is GRANT and REVOKE on objects.
func (r *runner) grant(n *pg.GrantStmt) {
	k, ok := grantKindOf(n.Objtype)
	if !ok {
		unsupported("GRANT ON "+objectWord(n.Objtype), "There are no such objects.")
	}
	g := &grantOp{grant: n.IsGrant, option: n.GrantOption, cascade: n.Behavior == pg.DropBehavior_DROP_CASCADE, grantees: r.grantees(n.Grantees)}
	if g.grant && g.option && slices.Contains(g.grantees, 0) {
		failf(pgerr.InvalidGrantOperation, "grant options can only be granted to roles")
	}
	if n.Grantor != nil {
		if by := r.roleSpec(n.Grantor); by.OID != r.User {
			failf(pgerr.FeatureNotSupported, "grantor must be current user")
		}
	}
	all := len(n.Privileges) == 0
	var rels []*catalog.Relation
	if k.letter == 'r' || k.letter == 's' {
		rels = r.grantRelations(n)
	}
	privs, cols := privileges(n.Privileges, k, k.letter == 'r')
	switch k.letter {
	case 'r', 's':
		for _, rel := range rels {
			r.grantRelation(g, rel, k, privs, cols, all)
		}
	case 'd':
		for _, o := range n.Objects {
			d := *r.needDatabase(str(o))
			r.grantOn(g, &d.Header, 'd', privs, all, "database")
			r.Overlay.Put(&d)
		}
	case 'n':
		for _, o := range n.Objects {
			s := *r.needSchema(str(o))
			if s.Database == 0 {
				failf(pgerr.InsufficientPrivilege, "permission denied for schema %s", s.Name)
			}
			r.grantOn(g, &s.Header, 'n', privs, all, "schema")
			r.Overlay.Put(&s)
		}
	case 'T':
		for _, o := range n.Objects {
			t := r.needType(o.GetList().GetItems())
			if t.IsArray() {
				fail(pgerr.New(pgerr.InvalidGrantOperation, "cannot set privileges of array types").WithHint("Set the privileges of the element type instead."))
			}
			if t.OID < catalog.FirstNormalOID || t.Relid != 0 && r.rel(t.Relid).RelKind != 'c' {
				unsupported("GRANT ON TYPE "+t.Name, "Everybody may use it.")
			}
			r.changeType(t, func(rel *catalog.Relation) { r.grantOn(g, &rel.Header, 'T', privs, all, "type") },
				func(d *catalog.TypeDesc) { r.grantOn(g, &d.Header, 'T', privs, all, "type") })
		}
	case 'f':
		r.grantFunctions(g, n, privs, all)
	case 'l', 't':
		unsupported("GRANT ON "+objectWord(n.Objtype), "The built-in ones are open to everybody.")
	}
}

// grantRelations lists the relations that GRANT names.
func (r *runner) grantRelations(n *pg.GrantStmt) []*catalog.Relation {
	var out []*catalog.Relation
	for _, o := range n.Objects {
		if n.Targtype != pg.GrantTargetType_ACL_TARGET_ALL_IN_SCHEMA {
			out = append(out, r.need(o.GetRangeVar()))
			continue
		}
		for _, rel := range r.Overlay.Relations(r.needSchema(str(o)).OID) {
			isSeq := rel.RelKind == 'S'
			if n.Objtype == pg.ObjectType_OBJECT_SEQUENCE && isSeq || n.Objtype == pg.ObjectType_OBJECT_TABLE && strings.IndexByte("rvmp", rel.RelKind) >= 0 {
				out = append(out, rel)
			}
		}
	}
	return out
}

func (r *runner) grantRelation(g *grantOp, rel *catalog.Relation, k grantKind, privs uint32, cols []columnGrant, all bool) {
	switch {
	case rel.OID < catalog.FirstNormalOID:
		failf(pgerr.InsufficientPrivilege, "permission denied: \"%s\" is a system catalog", rel.Name)
	case rel.RelKind == 'i':
		failf(pgerr.WrongObjectType, "\"%s\" is an index", rel.Name)
	case rel.RelKind == 'c':
		failf(pgerr.WrongObjectType, "\"%s\" is a composite type", rel.Name)
	case k.letter == 's' && rel.RelKind != 'S':
		failf(pgerr.WrongObjectType, "\"%s\" is not a sequence", rel.Name)
	}
	letter := byte('r')
	if rel.RelKind == 'S' {
		letter = 's'
		if all {
			privs = catalog.AllSequence
		} else if privs&^catalog.AllSequence != 0 {
			r.note(pgerr.Warn(pgerr.InvalidGrantOperation, "sequence \"%s\" only supports USAGE, SELECT, and UPDATE privileges", rel.Name))
			privs &= catalog.AllSequence
		}
	} else if privs&catalog.PrivUsage != 0 {
		failf(pgerr.InvalidGrantOperation, "invalid privilege type USAGE for table")
	}
	r.change(rel.OID, func(rel *catalog.Relation) {
		if privs != 0 {
			r.grantOn(g, &rel.Header, letter, privs, all, kindWord(rel.RelKind))
		}
		for _, c := range cols {
			for _, name := range c.cols {
				att := findColumn(rel, name)
				if att == 0 {
					failf(pgerr.UndefinedColumn, "column \"%s\" of relation \"%s\" does not exist", name, rel.Name)
				}
				col := &rel.Columns[att-1]
				by, can := r.grantor(g, rel.Owner, append(aclOr(rel.ACL, 'r', rel.Owner), col.ACL...), c.privs, all, kindWord(rel.RelKind), rel.Name)
				col.ACL = g.apply(col.ACL, by, can)
			}
		}
		if !g.grant && privs != 0 { // REVOKE of a table takes the columns along
			for i := range rel.Columns {
				if c := &rel.Columns[i]; c.ACL != nil {
					c.ACL = g.apply(c.ACL, rel.Owner, privs&catalog.AllColumn)
				}
			}
		}
	})
}

// grantOn changes the grants of an object's header.
func (r *runner) grantOn(g *grantOp, h *catalog.Header, letter byte, privs uint32, all bool, kind string) {
	acl := aclOr(h.ACL, letter, h.Owner)
	by, can := r.grantor(g, h.Owner, acl, privs, all, kind, h.Name)
	if can != 0 {
		h.ACL = g.apply(acl, by, can)
	}
}

// grantRole is GRANT role TO role and REVOKE.
func (r *runner) grantRole(n *pg.GrantRoleStmt) {
	admin := false
	for _, o := range n.Opt {
		d := o.GetDefElem()
		admin = d.Defname == "admin" && defBool(d)
	}
	for _, x := range n.GrantedRoles {
		name := x.GetAccessPriv().PrivName
		role := r.needRole(name)
		if !r.isSuper() && !r.hasAdmin(role.OID) {
			if d := r.Overlay.Role(r.User); d == nil || !d.CreateRole || role.Super {
				failf(pgerr.InsufficientPrivilege, "must have admin option on role \"%s\"", name)
			}
		}
		if role.Super && !r.isSuper() {
			failf(pgerr.InsufficientPrivilege, "must be superuser to alter superusers")
		}
		for _, y := range n.GranteeRoles {
			member := r.roleSpec(y.GetRoleSpec())
			if n.IsGrant {
				r.addMember(role, member, admin)
			} else {
				r.dropMember(role, member, admin)
			}
		}
	}
}

func (r *runner) hasAdmin(role types.OID) bool {
	for _, m := range catalog.MemberOf(r.Overlay, r.User, true) {
		if d := r.Overlay.Role(m); d != nil {
			for _, x := range d.MemberOf {
				if x.Role == role && x.Admin {
					return true
				}
			}
		}
	}
	return false
}

func (r *runner) addMember(role, member *catalog.Role, admin bool) {
	if slices.Contains(catalog.MemberOf(r.Overlay, role.OID, false), member.OID) {
		failf(pgerr.InvalidGrantOperation, "role \"%s\" is a member of role \"%s\"", role.Name, member.Name)
	}
	r.editRole(member.OID, func(d *catalog.Role) {
		for i := range d.MemberOf {
			m := &d.MemberOf[i]
			if m.Role != role.OID {
				continue
			}
			if m.Admin || !admin {
				r.notice("role \"%s\" is already a member of role \"%s\"", member.Name, role.Name)
				return
			}
			m.Admin = true
			return
		}
		d.MemberOf = append(d.MemberOf, catalog.Membership{Role: role.OID, Grantor: r.User, Admin: admin})
	})
}

func (r *runner) dropMember(role, member *catalog.Role, adminOnly bool) {
	found := false
	r.editRole(member.OID, func(d *catalog.Role) {
		for i := range d.MemberOf {
			if d.MemberOf[i].Role != role.OID {
				continue
			}
			found = true
			if adminOnly {
				d.MemberOf[i].Admin = false
			} else {
				d.MemberOf = slices.Delete(d.MemberOf, i, i+1)
			}
			return
		}
	})
	if !found {
		r.note(pgerr.Warn(pgerr.Warning, "role \"%s\" is not a member of role \"%s\"", member.Name, role.Name))
	}
}

// defaultGrants gives a new object the grants of ALTER DEFAULT PRIVILEGES. kind is 'r', 'S', 'f', 'T' or 'n'.
func (r *runner) defaultGrants(h *catalog.Header, schema types.OID, kind byte) {
	var acl []catalog.ACLItem
	letter := kind
	if kind == 'S' {
		letter = 's'
	}
	for _, d := range r.Overlay.DefaultACLs() {
		if d.Role != h.Owner || d.ObjectType != kind {
			continue
		}
		switch d.Schema {
		case 0:
			if acl == nil {
				acl = []catalog.ACLItem{}
			}
			for _, a := range d.ACL {
				acl = mergeACL(acl, a)
			}
		case schema:
			if acl == nil {
				acl = slices.Clone(catalog.DefaultACLFor(letter, h.Owner))
			}
			for _, a := range d.ACL {
				acl = mergeACL(acl, a)
			}
		}
	}
	sortACL(acl)
	h.ACL = acl
}

// sortACL orders grants as PostgreSQL's aclitemsort.
func sortACL(acl []catalog.ACLItem) {
	slices.SortStableFunc(acl, func(a, b catalog.ACLItem) int {
		return cmp.Or(cmp.Compare(a.Grantee, b.Grantee), cmp.Compare(a.Grantor, b.Grantor), cmp.Compare(a.Privs, b.Privs))
	})
}

// alterDefaultPrivileges is ALTER DEFAULT PRIVILEGES.
func (r *runner) alterDefaultPrivileges(n *pg.AlterDefaultPrivilegesStmt) {
	roles := []types.OID{r.User}
	schemas := []types.OID{0}
	for _, o := range n.Options {
		d := o.GetDefElem()
		switch d.Defname {
		case "roles":
			roles = nil
			for _, x := range d.Arg.GetList().GetItems() {
				role := r.roleSpec(x.GetRoleSpec())
				if !r.isMember(role.OID) {
					failf(pgerr.InsufficientPrivilege, "must be member of role \"%s\"", role.Name)
				}
				roles = append(roles, role.OID)
			}
		case "schemas":
			schemas = nil
			for _, x := range d.Arg.GetList().GetItems() {
				schemas = append(schemas, r.needSchema(str(x)).OID)
			}
		}
	}
	k, ok := grantKindOf(n.Action.Objtype)
	if !ok {
		unsupported("ALTER DEFAULT PRIVILEGES ON "+objectWord(n.Action.Objtype), "There are no such objects.")
	}
	kind := k.letter
	if kind == 's' {
		kind = 'S'
	}
	privs, _ := privileges(n.Action.Privileges, k, false)
	g := &grantOp{grant: n.Action.IsGrant, option: n.Action.GrantOption, cascade: n.Action.Behavior == pg.DropBehavior_DROP_CASCADE, grantees: r.grantees(n.Action.Grantees)}
	for _, role := range roles {
		for _, schema := range schemas {
			if kind == 'n' && schema != 0 {
				failf(pgerr.InvalidGrantOperation, "cannot use IN SCHEMA clause when using GRANT/REVOKE ON SCHEMAS")
			}
			r.changeDefaultACL(g, role, schema, kind, k.letter, privs)
		}
	}
}

func (r *runner) changeDefaultACL(g *grantOp, role, schema types.OID, kind, letter byte, privs uint32) {
	var d *catalog.DefaultACL
	for _, x := range r.Overlay.DefaultACLs() {
		if x.Role == role && x.Schema == schema && x.ObjectType == kind {
			c := *x
			d = &c
		}
	}
	isNew := d == nil
	if isNew {
		d = &catalog.DefaultACL{Header: catalog.Header{OID: r.oid(), Database: r.Database}, Role: role, Schema: schema, ObjectType: kind}
		if schema == 0 {
			d.ACL = catalog.DefaultACLFor(letter, role)
		}
	}
	d.ACL = g.apply(d.ACL, role, privs)
	sortACL(d.ACL)
	plain := schema == 0 && slices.Equal(d.ACL, catalog.DefaultACLFor(letter, role)) || schema != 0 && len(d.ACL) == 0
	switch {
	case !plain:
		r.Overlay.Put(d)
	case !isNew:
		r.Overlay.Delete(d)
	}
}
