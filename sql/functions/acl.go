package functions

import (
	"slices"
	"strings"

	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

func init() {
	// acldefault(type, owner): the privileges an object has when none were granted (9.26.2).
	scalar("acldefault_sql", func(c *Call, a []types.Datum) (types.Datum, error) {
		kind := byte(a[0].I)
		if _, _, ok := catalog.DefaultPrivs(kind); !ok {
			return types.Datum{}, pgerr.Newf(pgerr.InternalError, "unrecognized object type abbreviation: %c", kind)
		}
		var items []types.Datum
		for _, item := range catalog.DefaultACLFor(kind, types.OID(a[1].I)) {
			items = append(items, types.Str(catalog.ACLText(c.Env.Catalog, item)))
		}
		return types.Str(types.MakeArray(c.Env.IO, types.OIDAclitem, items...)), nil
	})
	set("aclexplode", aclExplode)
	scalar("aclcontains", aclContains)
	scalar("makeaclitem", makeACLItem)
}

// aclExplode gives a row to each privilege of each grant: grantor, grantee, privilege_type, is_grantable.
func aclExplode(c *Call, _ []types.T, a []types.Datum) (RowSource, error) {
	if a[0].Null {
		return noRows(), nil
	}
	var rows [][]types.Datum
	list := types.ParseArray(a[0].S)
	for i := range list.Len() {
		item, ok := catalog.ParseACL(c.Env.Catalog, list.Elem(i).S)
		if !ok {
			continue // of a role that is gone
		}
		for bit, name := range catalog.PrivNames {
			if item.Privs&(1<<bit) != 0 {
				rows = append(rows, []types.Datum{types.Int(int64(item.Grantor)), types.Int(int64(item.Grantee)), types.Str(name), types.Bool(item.Options&(1<<bit) != 0)})
			}
		}
	}
	return Rows(rows), nil
}

// aclContains tells whether a list has all the privileges of an item, by the same grantor to the same grantee.
func aclContains(c *Call, a []types.Datum) (types.Datum, error) {
	want, ok := catalog.ParseACL(c.Env.Catalog, a[1].S)
	if !ok {
		return types.Bool(false), nil
	}
	list := types.ParseArray(a[0].S)
	for i := range list.Len() {
		has, ok := catalog.ParseACL(c.Env.Catalog, list.Elem(i).S)
		if ok && has.Grantee == want.Grantee && has.Grantor == want.Grantor && want.Privs&^has.Privs == 0 && want.Options&^has.Options == 0 {
			return types.Bool(true), nil
		}
	}
	return types.Bool(false), nil
}

// makeACLItem is makeaclitem(grantee, grantor, privilege, grantable).
func makeACLItem(c *Call, a []types.Datum) (types.Datum, error) {
	item := catalog.ACLItem{Grantee: types.OID(a[0].I), Grantor: types.OID(a[1].I)}
	if item.Privs = privilegeBit(a[2].S); item.Privs == 0 {
		return types.Datum{}, pgerr.Newf(pgerr.InvalidParameterValue, "unrecognized privilege type: \"%s\"", a[2].S)
	}
	if a[3].IsTrue() {
		item.Options = item.Privs
	}
	return types.Str(catalog.ACLText(c.Env.Catalog, item)), nil
}

// privilegeBit reads a privilege's name in any case, 0 for none.
func privilegeBit(name string) uint32 {
	name = strings.ToUpper(name)
	if name == "TEMP" {
		name = "TEMPORARY"
	}
	return 1 << (slices.Index(catalog.PrivNames, name) + 1) >> 1
}
