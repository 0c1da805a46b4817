package functions

import (
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
}
