package functions

import (
	"strings"

	"kimberlite/sql/types"
)

// The comparison functions: every type's =, <>, <, <=, >, >= and its btree support function, all through the type's one order.

// comparison names the internal functions of a type: prefix, suffix style and the type whose order counts.
type comparison struct {
	names [6]string // eq ne lt le gt ge
	cmp   string    // btree support function, "" for none
	order types.OID // 0: the type of the first argument
}

func plainNames(prefix string) [6]string {
	return [6]string{prefix + "eq", prefix + "ne", prefix + "lt", prefix + "le", prefix + "gt", prefix + "ge"}
}

var comparisons = []comparison{
	{plainNames("int2"), "btint2cmp", types.OIDInt8}, {plainNames("int4"), "btint4cmp", types.OIDInt8}, {plainNames("int8"), "btint8cmp", types.OIDInt8},
	{plainNames("int24"), "btint24cmp", types.OIDInt8}, {plainNames("int28"), "btint28cmp", types.OIDInt8},
	{plainNames("int42"), "btint42cmp", types.OIDInt8}, {plainNames("int48"), "btint48cmp", types.OIDInt8},
	{plainNames("int82"), "btint82cmp", types.OIDInt8}, {plainNames("int84"), "btint84cmp", types.OIDInt8},
	{plainNames("float4"), "btfloat4cmp", types.OIDFloat8}, {plainNames("float8"), "btfloat8cmp", types.OIDFloat8},
	{plainNames("float48"), "btfloat48cmp", types.OIDFloat8}, {plainNames("float84"), "btfloat84cmp", types.OIDFloat8},
	{plainNames("bool"), "btboolcmp", types.OIDBool}, {plainNames("char"), "btcharcmp", types.OIDChar},
	{plainNames("bpchar"), "bpcharcmp", types.OIDBpchar}, {plainNames("bytea"), "byteacmp", types.OIDBytea},
	{plainNames("cash_"), "cash_cmp", types.OIDInt8}, {plainNames("date_"), "date_cmp", types.OIDDate}, {plainNames("time_"), "time_cmp", types.OIDTime},
	{plainNames("timetz_"), "timetz_cmp", types.OIDTimetz}, {plainNames("timestamp_"), "timestamp_cmp", types.OIDTimestamp},
	{plainNames("interval_"), "interval_cmp", types.OIDInterval}, {plainNames("numeric_"), "numeric_cmp", types.OIDNumeric},
	{plainNames("oid"), "btoidcmp", types.OIDOid}, {plainNames("oidvector"), "btoidvectorcmp", 0}, {plainNames("uuid_"), "uuid_cmp", types.OIDUuid},
	{plainNames("macaddr_"), "macaddr_cmp", 0}, {plainNames("macaddr8_"), "macaddr8_cmp", 0}, {plainNames("network_"), "network_cmp", 0},
	{plainNames("bit"), "bitcmp", 0}, {plainNames("enum_"), "enum_cmp", types.OIDInt8},
	{plainNames("jsonb_"), "jsonb_cmp", types.OIDJsonb}, {plainNames("pg_lsn_"), "pg_lsn_cmp", types.OIDPgLsn}, {plainNames("tid"), "bttidcmp", types.OIDTid},
	{plainNames("xid8"), "xid8cmp", types.OIDXid8}, {plainNames("range_"), "range_cmp", 0}, {plainNames("multirange_"), "multirange_cmp", 0},
	{[6]string{"texteq", "textne", "text_lt", "text_le", "text_gt", "text_ge"}, "bttextcmp", types.OIDText},
	{[6]string{"nameeq", "namene", "namelt", "namele", "namegt", "namege"}, "btnamecmp", types.OIDText},
	{[6]string{"nameeqtext", "namenetext", "namelttext", "nameletext", "namegttext", "namegetext"}, "btnametextcmp", types.OIDText},
	{[6]string{"texteqname", "textnename", "textltname", "textlename", "textgtname", "textgename"}, "bttextnamecmp", types.OIDText},
	{[6]string{"", "", "text_pattern_lt", "text_pattern_le", "text_pattern_gt", "text_pattern_ge"}, "bttext_pattern_cmp", types.OIDText},
	{[6]string{"", "", "bpchar_pattern_lt", "bpchar_pattern_le", "bpchar_pattern_gt", "bpchar_pattern_ge"}, "btbpchar_pattern_cmp", types.OIDBpchar},
	{[6]string{"xideq", "xidneq"}, "", types.OIDInt8}, {[6]string{"cideq"}, "", types.OIDInt8}, {[6]string{"aclitem_eq"}, "", types.OIDText},
}

// verdicts turn a three-way comparison into each operator's answer, in the order of comparison.names.
var verdicts = [6]func(int) bool{
	func(c int) bool { return c == 0 }, func(c int) bool { return c != 0 }, func(c int) bool { return c < 0 },
	func(c int) bool { return c <= 0 }, func(c int) bool { return c > 0 }, func(c int) bool { return c >= 0 },
}

func init() {
	for _, c := range comparisons {
		registerComparison(c, sameOrder(c.order))
	}
	registerContainerComparisons()
	cross := func(a, b string, cmp func(c *Call, a, b types.Datum) int) {
		names := [6]string{}
		back := [6]string{}
		for i, op := range []string{"eq", "ne", "lt", "le", "gt", "ge"} {
			names[i] = a + "_" + op + "_" + b
			back[i] = b + "_" + op + "_" + a
		}
		registerComparison(comparison{names: names, cmp: a + "_cmp_" + b}, func(c *Call, x, y types.Datum) (int, error) { return cmp(c, x, y), nil })
		registerComparison(comparison{names: back, cmp: b + "_cmp_" + a}, func(c *Call, x, y types.Datum) (int, error) { return -cmp(c, y, x), nil })
	}
	cross("date", "timestamp", func(_ *Call, a, b types.Datum) int { return types.CompareDateTimestamp(a.I, b.I) })
	cross("date", "timestamptz", func(c *Call, a, b types.Datum) int { return types.CompareDateTimestamptz(c.Env.IO, a.I, b.I) })
	cross("timestamp", "timestamptz", func(c *Call, a, b types.Datum) int { return types.CompareTimestampTimestamptz(c.Env.IO, a.I, b.I) })
	registerMinMax()
}

// sameOrder compares by one type's order; order 0 takes the type of the call's first argument.
func sameOrder(order types.OID) func(c *Call, a, b types.Datum) (int, error) {
	if order != 0 {
		return func(c *Call, a, b types.Datum) (int, error) { return types.Compare(c.Env.IO, order, a, b), nil }
	}
	return func(c *Call, a, b types.Datum) (int, error) {
		cmp, ok := c.Memo.(func(a, b types.Datum) int)
		if !ok {
			cmp = types.Comparator(c.Env.IO, c.Args[0].OID)
			c.Memo = cmp
		}
		return cmp(a, b), nil
	}
}

func registerComparison(c comparison, cmp func(c *Call, a, b types.Datum) (int, error)) {
	for i, name := range c.names {
		if name == "" {
			continue
		}
		verdict := verdicts[i]
		scalar(name, func(call *Call, args []types.Datum) (types.Datum, error) {
			n, err := cmp(call, args[0], args[1])
			return types.Bool(verdict(n)), err
		})
	}
	if c.cmp != "" {
		scalar(c.cmp, func(call *Call, args []types.Datum) (types.Datum, error) {
			n, err := cmp(call, args[0], args[1])
			return types.Int(int64(n)), err
		})
	}
}

// registerContainerComparisons: arrays and records are compared if what they hold is, which is known only when they come.
func registerContainerComparisons() {
	array := sameOrder(0)
	arrays := func(equality bool) func(c *Call, a, b types.Datum) (int, error) {
		return func(c *Call, a, b types.Datum) (int, error) {
			if c.Memo == nil {
				if err := types.Comparable(c.Env.IO, types.ParseArray(a.S).Type, equality); err != nil {
					return 0, err
				}
			}
			return array(c, a, b)
		}
	}
	records := func(equality bool) func(c *Call, a, b types.Datum) (int, error) {
		return func(c *Call, a, b types.Datum) (int, error) {
			if err := types.RecordsComparable(c.Env.IO, a.S, b.S, equality); err != nil {
				return 0, err
			}
			return types.Compare(c.Env.IO, types.OIDRecord, a, b), nil
		}
	}
	images := func(c *Call, a, b types.Datum) (int, error) { return types.CompareRecordImages(c.Env.IO, a.S, b.S) }
	for prefix, by := range map[string]func(bool) func(c *Call, a, b types.Datum) (int, error){"array_": arrays, "record_": records} {
		eq, order := plainNames(prefix), plainNames(prefix)
		clear(eq[2:])
		clear(order[:2])
		registerComparison(comparison{names: eq}, by(true))
		registerComparison(comparison{names: order, cmp: "bt" + strings.TrimSuffix(prefix, "_") + "cmp"}, by(false))
	}
	registerComparison(comparison{names: plainNames("record_image_"), cmp: "btrecordimagecmp"}, images)
}

// registerMinMax: the larger and smaller functions behind min and max.
func registerMinMax() {
	for prefix, order := range map[string]types.OID{
		"int2": types.OIDInt8, "int4": types.OIDInt8, "int8": types.OIDInt8, "float4": types.OIDFloat8, "float8": types.OIDFloat8, "oid": types.OIDOid,
		"text_": types.OIDText, "bpchar_": types.OIDBpchar, "numeric_": types.OIDNumeric, "date_": types.OIDDate, "time_": types.OIDTime,
		"timetz_": types.OIDTimetz, "timestamp_": types.OIDTimestamp, "interval_": types.OIDInterval, "cash": types.OIDInt8, "pg_lsn_": types.OIDPgLsn,
		"enum_": types.OIDInt8, "tid": types.OIDTid, "xid8_": types.OIDXid8, "network_": 0, "array_": 0,
	} {
		cmp := sameOrder(order)
		scalar(prefix+"larger", func(c *Call, args []types.Datum) (types.Datum, error) {
			if n, err := cmp(c, args[0], args[1]); n < 0 || err != nil {
				return args[1], err
			}
			return args[0], nil
		})
		scalar(prefix+"smaller", func(c *Call, args []types.Datum) (types.Datum, error) {
			if n, err := cmp(c, args[0], args[1]); n > 0 || err != nil {
				return args[1], err
			}
			return args[0], nil
		})
	}
}
