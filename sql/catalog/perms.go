package catalog

import (
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// ACLOf is the effective access list of an object: its own, or the default of its kind.
func ACLOf(acl []ACLItem, objType byte, owner types.OID) []ACLItem { return aclOf(acl, objType, owner) }

// relationType is the kind of object in an access list.
func relationType(r *Relation) byte {
	if r.RelKind == 'S' {
		return 's'
	}
	return 'r'
}

// relationWord is how error texts call a relation.
func relationWord(r *Relation) string {
	switch r.RelKind {
	case 'v':
		return "view"
	case 'm':
		return "materialized view"
	case 'S':
		return "sequence"
	case 'i':
		return "index"
	}
	return "table"
}

// CheckRelation checks a role's privileges on a relation as a query uses it: on the whole relation, or else on each column that is read or written.
// The error is PostgreSQL's 42501.
func CheckRelation(r Reader, role types.OID, rel types.OID, privs uint32, read, written map[int]bool) error {
	d := r.Relation(rel)
	if d == nil || d.Owner == role || rel < FirstNormalOID && privs == PrivSelect {
		return nil
	}
	acl := aclOf(d.ACL, relationType(d), d.Owner)
	for bit := uint32(1); bit <= privs; bit <<= 1 {
		if privs&bit == 0 || HasPrivs(r, role, d.Owner, acl, bit, false, true) {
			continue
		}
		cols := written
		if bit == PrivSelect {
			cols = read
		}
		if bit&(PrivSelect|PrivInsert|PrivUpdate) == 0 || !columnsAllowed(r, role, d, bit, cols) {
			return pgerr.Newf(pgerr.InsufficientPrivilege, "permission denied for %s %s", relationWord(d), d.Name)
		}
	}
	return nil
}

func columnsAllowed(r Reader, role types.OID, d *Relation, bit uint32, cols map[int]bool) bool {
	n := 0
	for att, used := range cols {
		if !used {
			continue
		}
		if att < 1 || att > len(d.Columns) || !HasPrivs(r, role, d.Owner, d.Columns[att-1].ACL, bit, false, true) {
			return false
		}
		n++
	}
	if n > 0 {
		return true
	}
	for i := range d.Columns { // no column named (count(*)): any one will do
		if !d.Columns[i].Dropped && HasPrivs(r, role, d.Owner, d.Columns[i].ACL, bit, false, true) {
			return true
		}
	}
	return false
}
