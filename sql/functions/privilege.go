package functions

import (
	"strings"

	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// The has_*_privilege functions (9.26.2) and what psql and drivers ask about partitions and publications, which there are none of.

// privilegeKinds are the objects that have privileges, by the functions' names.
var privilegeKinds = []struct {
	name  string
	class types.OID
	reg   types.OID // reg* type that resolves a name, 0: by catalog look-up
}{
	{"table", 1259, types.OIDRegclass}, {"sequence", 1259, types.OIDRegclass}, {"any_column", 1259, types.OIDRegclass},
	{"schema", 2615, 0}, {"database", 1262, 0}, {"function", 1255, types.OIDRegprocedure}, {"type", 1247, types.OIDRegtype},
	{"language", 2612, 0}, {"tablespace", 1213, 0},
}

func init() {
	for _, k := range privilegeKinds {
		k := k
		object := func(c *Call, d types.Datum, byName bool) (types.OID, error) {
			if !byName {
				return types.OID(d.I), nil
			}
			if k.name == "schema" { // a name as it is, not an identifier
				if n := c.Env.Catalog.SchemaByName(d.S); n != nil {
					return n.OID, nil
				}
				return 0, pgerr.Newf(pgerr.InvalidSchemaName, "schema \"%s\" does not exist", d.S)
			}
			if k.reg != 0 {
				v, err := types.In(c.Env.IO, types.Of(k.reg), d.S)
				return types.OID(v.I), err
			}
			if k.name == "database" {
				if db := c.Env.Catalog.DatabaseByName(d.S); db != nil {
					return db.OID, nil
				}
				return 0, pgerr.Newf(pgerr.InvalidCatalogName, "database %q does not exist", d.S)
			}
			return 0, nil
		}
		check := func(role func(s Session, c *Call, a []types.Datum) (types.OID, error), at int, byName bool) func(Session, *Call, []types.Datum) (types.Datum, error) {
			return func(s Session, c *Call, a []types.Datum) (types.Datum, error) {
				who, err := role(s, c, a)
				if err != nil {
					return types.Datum{}, err
				}
				obj, err := object(c, a[at], byName)
				if err != nil {
					return types.Datum{}, err
				}
				if k.class == 1259 && c.Env.Catalog.Relation(obj) == nil || k.class == 2615 && c.Env.Catalog.Schema(obj) == nil {
					return types.NullDatum, nil
				}
				if k.name == "any_column" {
					return anyColumnPrivilege(s, c, who, obj, a[at+1].S)
				}
				return anyPrivilege(s, who, k.class, obj, 0, a[at+1].S)
			}
		}
		me := func(s Session, _ *Call, _ []types.Datum) (types.OID, error) { return s.CurrentUser(), nil }
		base := "has_" + k.name + "_privilege"
		sessionScalar(base+"_name", check(me, 0, true))
		sessionScalar(base+"_id", check(me, 0, false))
		sessionScalar(base+"_name_name", check(roleByName, 1, true))
		sessionScalar(base+"_name_id", check(roleByName, 1, false))
		sessionScalar(base+"_id_name", check(roleByOID, 1, true))
		sessionScalar(base+"_id_id", check(roleByOID, 1, false))
	}
	registerColumnPrivileges()
	registerHasRole()
	none := func(*Call, []types.T, []types.Datum) (RowSource, error) { return noRows(), nil }
	for _, src := range []string{"pg_partition_ancestors", "pg_get_publication_tables", "pg_get_replication_slots", "pg_show_replication_origin_status", "pg_prepared_xact"} {
		set(src, none)
	}
	set("pg_partition_tree", none)
	scalar("pg_relation_is_publishable", func(_ *Call, _ []types.Datum) (types.Datum, error) { return types.Bool(false), nil })
	scalar("text_regclass", func(c *Call, a []types.Datum) (types.Datum, error) {
		return types.In(c.Env.IO, types.Of(types.OIDRegclass), a[0].S)
	})
}

func roleByName(_ Session, c *Call, a []types.Datum) (types.OID, error) {
	if a[0].S == "public" {
		return 0, nil
	}
	if r := c.Env.Catalog.RoleByName(a[0].S); r != nil {
		return r.OID, nil
	}
	return 0, pgerr.Newf(pgerr.UndefinedObject, "role %q does not exist", a[0].S)
}

func roleByOID(_ Session, _ *Call, a []types.Datum) (types.OID, error) { return types.OID(a[0].I), nil }

// anyPrivilege: a list of privileges asks whether any one is held.
func anyPrivilege(s Session, role, class, object types.OID, column int, list string) (types.Datum, error) {
	for _, word := range strings.Split(list, ",") {
		word = strings.TrimSpace(word)
		name, option := strings.CutSuffix(strings.ToUpper(word), " WITH GRANT OPTION")
		bit := privilegeBit(name)
		if bit == 0 {
			return types.Datum{}, pgerr.Newf(pgerr.InvalidParameterValue, "unrecognized privilege type: \"%s\"", word)
		}
		ok, err := s.HasPrivilege(role, class, object, column, bit, option)
		if err != nil {
			return types.Datum{}, err
		}
		if ok {
			return types.Bool(true), nil
		}
	}
	return types.Bool(false), nil
}

// anyColumnPrivilege asks for a privilege on the table or any column of it.
func anyColumnPrivilege(s Session, c *Call, role, table types.OID, list string) (types.Datum, error) {
	for att := range c.Env.Catalog.Relation(table).Columns {
		d, err := anyPrivilege(s, role, 1259, table, att+1, list)
		if err != nil || d.IsTrue() {
			return d, err
		}
	}
	return anyPrivilege(s, role, 1259, table, 0, list)
}

// registerColumnPrivileges: has_column_privilege, whose role (or none), table and column are given by name or number.
func registerColumnPrivileges() {
	type role struct {
		src  string
		find func(Session, *Call, []types.Datum) (types.OID, error)
		args int
	}
	me := func(s Session, _ *Call, _ []types.Datum) (types.OID, error) { return s.CurrentUser(), nil }
	for _, r := range []role{{"", me, 0}, {"_name", roleByName, 1}, {"_id", roleByOID, 1}} {
		for _, table := range []string{"_name", "_id"} {
			for _, column := range []string{"_name", "_attnum"} {
				sessionScalar("has_column_privilege"+r.src+table+column, func(s Session, c *Call, a []types.Datum) (types.Datum, error) {
					who, err := r.find(s, c, a)
					if err != nil {
						return types.Datum{}, err
					}
					a = a[r.args:]
					oid := a[0]
					if table == "_name" {
						if oid, err = types.In(c.Env.IO, types.Of(types.OIDRegclass), a[0].S); err != nil {
							return types.Datum{}, err
						}
					}
					att, err := columnNumber(c, types.OID(oid.I), a[1], column == "_name")
					if err != nil || att == 0 {
						return types.NullDatum, err
					}
					return anyPrivilege(s, who, 1259, types.OID(oid.I), att, a[2].S)
				})
			}
		}
	}
}

// columnNumber finds a column that is there, 0 for none: a table or a number that isn't there is not an error, a name is.
func columnNumber(c *Call, table types.OID, column types.Datum, byName bool) (int, error) {
	rel := c.Env.Catalog.Relation(table)
	if rel == nil {
		return 0, nil
	}
	for i := range rel.Columns {
		if col := &rel.Columns[i]; !col.Dropped && (byName && col.Name == column.S || !byName && int64(i+1) == column.I) {
			return i + 1, nil
		}
	}
	if byName {
		return 0, pgerr.Newf(pgerr.UndefinedColumn, "column \"%s\" of relation \"%s\" does not exist", column.S, rel.Name)
	}
	return 0, nil
}

// registerHasRole: pg_has_role in its six forms.
func registerHasRole() {
	member := func(c *Call, who, role types.OID) (types.Datum, error) {
		if w := c.Env.Catalog.Role(who); w != nil && w.Super {
			return types.Bool(true), nil
		}
		for _, m := range catalog.MemberOf(c.Env.Catalog, who, false) {
			if m == role {
				return types.Bool(true), nil
			}
		}
		return types.Bool(who == role), nil
	}
	byName := func(c *Call, d types.Datum) (types.OID, error) { return roleByName(nil, c, []types.Datum{d}) }
	byOID := func(_ *Call, d types.Datum) (types.OID, error) { return types.OID(d.I), nil }
	type look = func(*Call, types.Datum) (types.OID, error)
	for src, f := range map[string][2]look{"name_name": {byName, byName}, "name_id": {byName, byOID}, "id_name": {byOID, byName}, "id_id": {byOID, byOID}} {
		f := f
		sessionScalar("pg_has_role_"+src, func(_ Session, c *Call, a []types.Datum) (types.Datum, error) {
			who, err := f[0](c, a[0])
			if err != nil {
				return types.Datum{}, err
			}
			role, err := f[1](c, a[1])
			if err != nil {
				return types.Datum{}, err
			}
			return member(c, who, role)
		})
	}
	for src, f := range map[string]look{"name": byName, "id": byOID} {
		f := f
		sessionScalar("pg_has_role_"+src, func(s Session, c *Call, a []types.Datum) (types.Datum, error) {
			role, err := f(c, a[0])
			if err != nil {
				return types.Datum{}, err
			}
			return member(c, s.CurrentUser(), role)
		})
	}
}
