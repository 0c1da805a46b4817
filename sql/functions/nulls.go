package functions

import "kimberlite/sql/types"

// num_nulls and num_nonnulls count among their arguments, or in the array after VARIADIC.
func init() {
	count := func(null bool) Scalar {
		return func(c *Call, a []types.Datum) (types.Datum, error) {
			vals, _, ok := c.anyArgs(a)
			if !ok {
				return types.NullDatum, nil
			}
			n := int64(0)
			for _, v := range vals {
				if v.Null == null {
					n++
				}
			}
			return types.Int(n), nil
		}
	}
	scalar("pg_num_nulls", count(true))
	scalar("pg_num_nonnulls", count(false))
}
