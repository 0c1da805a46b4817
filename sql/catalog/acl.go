package catalog

import (
	"slices"
	"strings"

	"kimberlite/sql/types"
)

// The privilege bits of ACLItem and of tree.RTE.ReqPerms, PostgreSQL's ACL_*.
const (
	PrivInsert uint32 = 1 << iota
	PrivSelect
	PrivUpdate
	PrivDelete
	PrivTruncate
	PrivReferences
	PrivTrigger
	PrivExecute
	PrivUsage
	PrivCreate
	PrivCreateTemp
	PrivConnect
	PrivSet
	PrivAlterSystem
)

// aclLetters are the letters of the bits, in order.
const aclLetters = "arwdDxtXUCTcsA"

// PrivNames are SQL's names of the bits, in order.
var PrivNames = []string{"INSERT", "SELECT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "EXECUTE", "USAGE", "CREATE", "TEMPORARY", "CONNECT", "SET", "ALTER SYSTEM"}

// All privileges by kind of object, as GRANT ALL gives them.
const (
	AllTable      = PrivInsert | PrivSelect | PrivUpdate | PrivDelete | PrivTruncate | PrivReferences | PrivTrigger
	AllColumn     = PrivInsert | PrivSelect | PrivUpdate | PrivReferences
	AllSequence   = PrivUsage | PrivSelect | PrivUpdate
	AllDatabase   = PrivCreate | PrivCreateTemp | PrivConnect
	AllFunction   = PrivExecute
	AllLanguage   = PrivUsage
	AllSchema     = PrivUsage | PrivCreate
	AllTablespace = PrivCreate
	AllType       = PrivUsage
)

// DefaultPrivs returns what acldefault gives for an object type ('c' column, 'r' relation, 's' sequence, 'd' database, 'f' function, 'l' language,
// 'n' schema, 't' tablespace, 'T' type): what PUBLIC and the owner may do. ok is false for a type that is not known.
func DefaultPrivs(objType byte) (public, owner uint32, ok bool) {
	switch objType {
	case 'c':
		return 0, 0, true
	case 'r':
		return 0, AllTable, true
	case 's':
		return 0, AllSequence, true
	case 'd':
		return PrivCreateTemp | PrivConnect, AllDatabase, true
	case 'f':
		return PrivExecute, AllFunction, true
	case 'l':
		return PrivUsage, AllLanguage, true
	case 'L':
		return 0, PrivSelect | PrivUpdate, true
	case 'n':
		return 0, AllSchema, true
	case 't':
		return 0, AllTablespace, true
	case 'F', 'S':
		return 0, PrivUsage, true
	case 'T':
		return PrivUsage, AllType, true
	case 'p':
		return 0, PrivSet | PrivAlterSystem, true
	}
	return 0, 0, false
}

// DefaultACLFor returns the grants in force on an object with a nil ACL.
func DefaultACLFor(objType byte, owner types.OID) []ACLItem {
	public, all, _ := DefaultPrivs(objType)
	var out []ACLItem
	if public != 0 {
		out = append(out, ACLItem{Grantor: owner, Privs: public})
	}
	if all != 0 {
		out = append(out, ACLItem{Grantee: owner, Grantor: owner, Privs: all})
	}
	return out
}

// RoleName gives a role's name, or its number when it is gone.
func RoleName(r Reader, oid types.OID) string {
	if role := r.Role(oid); role != nil {
		return role.Name
	}
	return utoa(oid)
}

// ACLText prints a grant as aclitem does: grantee=privileges/grantor, * behind a privilege with grant option.
func ACLText(r Reader, a ACLItem) string {
	var b strings.Builder
	if a.Grantee != 0 {
		b.WriteString(quoteACLName(RoleName(r, a.Grantee)))
	}
	b.WriteByte('=')
	for i := range len(aclLetters) {
		if a.Privs&(1<<i) != 0 {
			b.WriteByte(aclLetters[i])
			if a.Options&(1<<i) != 0 {
				b.WriteByte('*')
			}
		}
	}
	b.WriteByte('/')
	b.WriteString(quoteACLName(RoleName(r, a.Grantor)))
	return b.String()
}

// quoteACLName quotes a role name unless it is all letters, digits and underscores.
func quoteACLName(s string) string {
	for i := range len(s) {
		c := s[i]
		if c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
		}
	}
	return s
}

// ParseACL reads an aclitem as ACLText prints it; ok is false when it is malformed or names an unknown role.
func ParseACL(r Reader, s string) (a ACLItem, ok bool) {
	grantee, rest, ok := aclName(s)
	if !ok || !strings.HasPrefix(rest, "=") {
		return a, false
	}
	privs, grantor, ok := strings.Cut(rest[1:], "/")
	if !ok {
		return a, false
	}
	if grantee != "" {
		role := r.RoleByName(grantee)
		if role == nil {
			return a, false
		}
		a.Grantee = role.OID
	}
	name, rest, ok := aclName(grantor)
	role := r.RoleByName(name)
	if !ok || rest != "" || role == nil {
		return a, false
	}
	a.Grantor = role.OID
	last := uint32(0)
	for i := range len(privs) {
		if privs[i] == '*' {
			a.Options |= last
			continue
		}
		n := strings.IndexByte(aclLetters, privs[i])
		if n < 0 {
			return a, false
		}
		last = 1 << n
		a.Privs |= last
	}
	return a, true
}

// aclName reads a role name, quoted or not, and returns what follows.
func aclName(s string) (name, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		i := strings.IndexAny(s, "=/")
		if i < 0 {
			return s, "", true
		}
		return s[:i], s[i:], true
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != '"' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '"' {
			b.WriteByte('"')
			i++
			continue
		}
		return b.String(), s[i+1:], true
	}
	return "", "", false
}

// aclOf returns the grants in force: the object's own, or the default ones.
func aclOf(acl []ACLItem, objType byte, owner types.OID) []ACLItem {
	if acl != nil {
		return acl
	}
	return DefaultACLFor(objType, owner)
}

// MemberOf lists the roles whose privileges a role has: itself and, through inheriting memberships, others. With inherit false the
// membership alone counts (SET ROLE).
func MemberOf(r Reader, role types.OID, inherit bool) []types.OID {
	seen := []types.OID{role}
	for i := 0; i < len(seen); i++ {
		d := r.Role(seen[i])
		if d == nil || inherit && !d.Inherit {
			continue
		}
		for _, m := range d.MemberOf {
			if !slices.Contains(seen, m.Role) {
				seen = append(seen, m.Role)
			}
		}
		// The owner of a database is a member of pg_database_owner in it.
		if db := r.Database(r.DatabaseOID()); db != nil && db.Owner == seen[i] && !slices.Contains(seen, RoleDatabaseOwner) {
			seen = append(seen, RoleDatabaseOwner)
		}
	}
	return seen
}

// HasPrivs reports whether a role holds all (or with any set, one) of the privileges through the grants; option asks for the grant option. The owner holds
// every grant option. Superusers hold everything.
func HasPrivs(r Reader, role types.OID, owner types.OID, acl []ACLItem, privs uint32, option, any bool) bool {
	d := r.Role(role)
	if d == nil {
		return false
	}
	if d.Super {
		return true
	}
	roles := MemberOf(r, role, true)
	if option && slices.Contains(roles, owner) {
		return true
	}
	var have uint32
	for _, a := range acl {
		if a.Columns != "" || a.Grantee != 0 && !slices.Contains(roles, a.Grantee) {
			continue
		}
		if option {
			if a.Grantee != 0 {
				have |= a.Options
			}
		} else {
			have |= a.Privs
		}
	}
	if any {
		return have&privs != 0
	}
	return have&privs == privs
}
