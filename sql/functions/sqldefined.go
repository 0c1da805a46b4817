package functions

import "kimberlite/sql/types"

// Functions that PostgreSQL defines in SQL by other functions are made of those here. Their arguments are $1 ... $n.

// builtin calls the implementation with an internal name.
func builtin(c *Call, src string, a ...types.Datum) (types.Datum, error) {
	return scalars[src].Row(c, a)
}

func init() {
	for oid, src := range map[types.OID]string{ // $2 operator $1
		1296: "datetime_timestamp", 1298: "datetimetz_timestamptz", 1426: "on_ppath", 1848: "time_pl_interval", 2546: "date_pl_interval",
		2547: "timetz_pl_interval", 2548: "timestamp_pl_interval", 2549: "timestamptz_pl_interval", 2550: "date_pli", 2631: "inetpl",
	} {
		scalarOID(oid, func(c *Call, a []types.Datum) (types.Datum, error) { return builtin(c, src, a[1], a[0]) })
	}
	scalarOID(1544, func(c *Call, a []types.Datum) (types.Datum, error) {
		return builtin(c, "circle_poly", types.Int(12), a[0])
	})
	scalarOID(1176, func(c *Call, a []types.Datum) (types.Datum, error) { // timestamptz(date, time)
		ts, err := builtin(c, "datetime_timestamp", a...)
		if err != nil {
			return ts, err
		}
		return builtin(c, "timestamp_timestamptz", ts)
	})
	registerOverlaps("overlaps_timestamp", "timestamptz_pl_interval", 1306, 1305, 1307)
	registerOverlaps("overlaps_timestamp", "timestamp_pl_interval", 2043, 2042, 2044)
	registerOverlaps("overlaps_time", "time_pl_interval", 1310, 1309, 1311)
}

// registerOverlaps registers the forms of OVERLAPS whose second, or both, or first period is given by its length.
func registerOverlaps(overlaps, plus string, second, both, first types.OID) {
	for oid, lengths := range map[types.OID][2]bool{second: {false, true}, both: {true, true}, first: {true, false}} {
		scalarOID(oid, func(c *Call, a []types.Datum) (types.Datum, error) {
			ends := [4]types.Datum(a)
			for i, length := range lengths {
				begin, end := a[2*i], a[2*i+1]
				if !length {
					continue
				}
				ends[2*i+1] = types.NullDatum
				if !begin.Null && !end.Null {
					var err error
					if ends[2*i+1], err = builtin(c, plus, begin, end); err != nil {
						return types.Datum{}, err
					}
				}
			}
			return builtin(c, overlaps, ends[:]...)
		})
	}
}
