package ddl

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// aclOr returns the grants in force on an object.
func aclOr(acl []catalog.ACLItem, objType byte, owner types.OID) []catalog.ACLItem {
	if acl != nil {
		return acl
	}
	return catalog.DefaultACLFor(objType, owner)
}

// owns reports whether the user has the rights of an owner.
func (r *runner) owns(owner types.OID) bool {
	return r.isSuper() || slices.Contains(catalog.MemberOf(r.Overlay, r.User, true), owner)
}

func (r *runner) isSuper() bool {
	if r.Super {
		return true
	}
	d := r.Overlay.Role(r.User)
	return d != nil && d.Super
}

// isMember reports whether the user may act as a role (SET ROLE).
func (r *runner) isMember(role types.OID) bool {
	return r.isSuper() || slices.Contains(catalog.MemberOf(r.Overlay, r.User, false), role)
}

// mustOwn fails unless the user owns the relation. System relations are nobody's.
func (r *runner) mustOwn(rel *catalog.Relation) {
	if rel.OID < catalog.FirstNormalOID {
		fail(pgerr.Newf(pgerr.InsufficientPrivilege, "permission denied: \"%s\" is a system catalog", rel.Name))
	}
	if !r.owns(rel.Owner) {
		failf(pgerr.InsufficientPrivilege, "must be owner of %s %s", kindWord(rel.RelKind), rel.Name)
	}
}

func (r *runner) mustOwnSchema(s *catalog.Schema) {
	if !r.owns(s.Owner) {
		failf(pgerr.InsufficientPrivilege, "must be owner of schema %s", s.Name)
	}
}

func (r *runner) mustOwnType(t *types.Type) {
	if t.OID < catalog.FirstNormalOID || !r.owns(t.Owner) {
		failf(pgerr.InsufficientPrivilege, "must be owner of type %s", types.FormatTypeName(r.typeCtx(), t.OID))
	}
}

func (r *runner) needDatabasePriv(priv uint32, err func(db string) error) {
	db := r.Overlay.Database(r.Database)
	if db == nil || catalog.HasPrivs(r.Overlay, r.User, db.Owner, aclOr(db.ACL, 'd', db.Owner), priv, false, false) {
		return
	}
	fail(err(db.Name))
}

// kindWord is what messages call a relation of the kind.
func kindWord(k byte) string {
	switch k {
	case 'i':
		return "index"
	case 'S':
		return "sequence"
	case 'v':
		return "view"
	case 'm':
		return "materialized view"
	case 'c':
		return "type"
	}
	return "table"
}

// roleSpec finds the role that a RoleSpec names; PUBLIC is refused.
func (r *runner) roleSpec(s *pg.RoleSpec) *catalog.Role {
	switch s.Roletype {
	case pg.RoleSpecType_ROLESPEC_CURRENT_ROLE, pg.RoleSpecType_ROLESPEC_CURRENT_USER, pg.RoleSpecType_ROLESPEC_SESSION_USER:
		if d := r.Overlay.Role(r.User); d != nil {
			return d
		}
		failf(pgerr.UndefinedObject, "role with OID %d does not exist", r.User)
	case pg.RoleSpecType_ROLESPEC_PUBLIC:
		failf(pgerr.UndefinedObject, "role \"public\" does not exist")
	}
	return r.needRole(s.Rolename)
}

func (r *runner) needRole(name string) *catalog.Role {
	d := r.Overlay.RoleByName(name)
	if d == nil {
		failf(pgerr.UndefinedObject, "role \"%s\" does not exist", name)
	}
	return d
}

// newOwner checks that the user may give objects to a role.
func (r *runner) newOwner(role *catalog.Role) {
	if !r.isMember(role.OID) {
		failf(pgerr.InsufficientPrivilege, "must be member of role \"%s\"", role.Name)
	}
}
