package exec

import (
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// comparison says how a comparison function of PostgreSQL (by pg_proc.prosrc) is computed here.
type comparison struct {
	op   cmpOp
	kind cmpKind
	typ  types.OID // whose comparator serves row-wise and cmpCustom
}

var comparisons = func() map[string]comparison {
	m := map[string]comparison{}
	all := func(kind cmpKind, typ types.OID, eq, ne, lt, le, gt, ge string) {
		for i, name := range []string{eq, ne, lt, le, gt, ge} {
			if name != "" {
				m[name] = comparison{cmpOp(i), kind, typ}
			}
		}
	}
	plain := func(kind cmpKind, typ types.OID, prefixes ...string) {
		for _, p := range prefixes {
			all(kind, typ, p+"eq", p+"ne", p+"lt", p+"le", p+"gt", p+"ge")
		}
	}
	under := func(kind cmpKind, typ types.OID, prefixes ...string) {
		for _, p := range prefixes {
			all(kind, typ, p+"_eq", p+"_ne", p+"_lt", p+"_le", p+"_gt", p+"_ge")
		}
	}
	plain(cmpInt, types.OIDInt8, "int2", "int4", "int8", "int24", "int42", "int28", "int82", "int48", "int84", "bool", "char", "oid")
	under(cmpInt, types.OIDInt8, "date", "time", "timestamp", "cash", "enum")
	all(cmpInt, types.OIDInt8, "xideq", "xidneq", "", "", "", "")
	plain(cmpFloat, types.OIDFloat8, "float4", "float8", "float48", "float84")
	all(cmpString, types.OIDText, "texteq", "textne", "text_lt", "text_le", "text_gt", "text_ge")
	plain(cmpString, types.OIDText, "name", "bytea")
	for _, p := range []string{"nameXtext", "textXname"} {
		a, b := p[:4], p[5:]
		all(cmpString, types.OIDText, a+"eq"+b, a+"ne"+b, a+"lt"+b, a+"le"+b, a+"gt"+b, a+"ge"+b)
	}
	under(cmpString, types.OIDText, "uuid")
	plain(cmpPadded, types.OIDBpchar, "bpchar")
	under(cmpNumeric, types.OIDNumeric, "numeric")
	under(cmpCustom, types.OIDInterval, "interval")
	under(cmpCustom, types.OIDTimetz, "timetz")
	under(cmpCustom, types.OIDInet, "network")
	under(cmpCustom, types.OIDMacaddr, "macaddr")
	under(cmpCustom, types.OIDPgLsn, "pg_lsn")
	plain(cmpCustom, types.OIDTid, "tid")
	plain(cmpCustom, types.OIDBit, "bit")
	return m
}()

// arithmetic says how an arithmetic function (by prosrc) is computed here; width 0 is float8, 1 float4, 3 numeric, else an integer's bytes.
type arithmetic struct {
	op    arithOp
	width uint8
}

var arithmetics = func() map[string]arithmetic {
	m := map[string]arithmetic{}
	for prefix, width := range map[string]uint8{
		"int2": 2, "int4": 4, "int8": 8, "int24": 4, "int42": 4, "int28": 8, "int82": 8, "int48": 8, "int84": 8,
		"float8": 0, "float4": 1, "float48": 0, "float84": 0,
	} {
		for i, op := range []string{"pl", "mi", "mul", "div"} {
			m[prefix+op] = arithmetic{arithOp(i), width}
		}
	}
	for _, p := range []string{"int2", "int4", "int8"} {
		m[p+"mod"] = arithmetic{opMod, m[p+"pl"].width}
	}
	for i, op := range []string{"add", "sub", "mul", "div", "mod"} {
		m["numeric_"+op] = arithmetic{arithOp(i), 3}
	}
	return m
}()

// identities are functions whose result has the packed form of their argument.
var identities = map[string]bool{
	"i2toi4": true, "int28": true, "int48": true, "ftod": true, "bool_int4": true, "oidtoi8": true, "int2up": true, "int4up": true, "int8up": true,
	"float4up": true, "float8up": true, "numeric_uplus": true,
}

// kernel returns the kernel for a function of PostgreSQL, nil where there is none and package functions is called.
func (c *compiler) kernel(src string, s callSite, args []expr) expr {
	if k, ok := comparisons[src]; ok && len(args) == 2 {
		return &cmpExpr{op: k.op, kind: k.kind, cmp: types.Comparator(nil, k.typ), a: args[0], b: args[1], out: c.boolScratch()}
	}
	if k, ok := arithmetics[src]; ok && len(args) == 2 {
		switch k.width {
		case 0, 1:
			return &floatArith{op: k.op, single: k.width == 1, a: args[0], b: args[1], out: c.scratch(s.t)}
		case 3:
			return &numericArith{op: k.op, a: args[0], b: args[1], arena: &c.st.arena, out: c.scratch(s.t)}
		}
		return &intArith{op: k.op, width: k.width, a: args[0], b: args[1], out: c.scratch(s.t)}
	}
	if len(args) == 1 {
		if identities[src] {
			return args[0]
		}
		switch src {
		case "int84":
			return &intConvert{arg: args[0], f: narrow(4), out: c.scratch(s.t)}
		case "int82", "i4toi2":
			return &intConvert{arg: args[0], f: narrow(2), out: c.scratch(s.t)}
		case "int2um":
			return &intConvert{arg: args[0], f: negate(2), out: c.scratch(s.t)}
		case "int4um":
			return &intConvert{arg: args[0], f: negate(4), out: c.scratch(s.t)}
		case "int8um":
			return &intConvert{arg: args[0], f: negate(8), out: c.scratch(s.t)}
		case "int2_numeric", "int4_numeric", "int8_numeric":
			return &intToNumeric{arg: args[0], arena: &c.st.arena, out: c.scratch(s.t)}
		}
	}
	switch src {
	case "textlike", "textnlike", "namelike", "namenlike":
		if k, ok := args[1].(scalarExpr); ok {
			if general, err := c.function(s, c.proc(s.fn), args); err == nil {
				return &likeExpr{arg: args[0], pattern: k, general: general, not: src[4] == 'n', out: c.boolScratch()}
			}
		}
	}
	return nil
}

// sqlValue returns what CURRENT_DATE and its kin compute.
func (c *compiler) sqlValue(e *tree.SQLValueFunction) (func() (types.Datum, error), error) {
	st := c.st
	need := func(f func() (types.Datum, error)) func() (types.Datum, error) {
		return func() (types.Datum, error) {
			if st.env.Session == nil {
				return types.Datum{}, noSession("this function")
			}
			return f()
		}
	}
	timestamp := func(ts int64, t types.OID) (types.Datum, error) {
		return types.ApplyMod(c.io, types.T{OID: t, Mod: e.T.Mod}, types.Datum{I: ts}, false)
	}
	roleName := func(oid types.OID) (types.Datum, error) {
		if r := c.cat.Role(oid); r != nil {
			return types.Datum{S: r.Name}, nil
		}
		return types.Datum{}, pgerr.Newf(pgerr.UndefinedObject, "invalid role OID: %d", oid)
	}
	switch e.Kind {
	case tree.CurrentDate:
		return need(func() (types.Datum, error) {
			return types.Datum{I: types.TimestamptzToDate(c.io, st.env.Session.TxTime())}, nil
		}), nil
	case tree.CurrentTime:
		return need(func() (types.Datum, error) {
			t, _ := types.TimestamptzToTimeTZ(c.io, st.env.Session.TxTime())
			return types.ApplyMod(c.io, types.T{OID: types.OIDTimetz, Mod: e.T.Mod}, types.Datum{S: t.Pack()}, false)
		}), nil
	case tree.CurrentTimestamp:
		return need(func() (types.Datum, error) { return timestamp(st.env.Session.TxTime(), types.OIDTimestamptz) }), nil
	case tree.LocalTime:
		return need(func() (types.Datum, error) {
			t, _ := types.TimestamptzToTime(c.io, st.env.Session.TxTime())
			return timestamp(t, types.OIDTime)
		}), nil
	case tree.LocalTimestamp:
		return need(func() (types.Datum, error) {
			t, err := types.TimestamptzToTimestamp(c.io, st.env.Session.TxTime())
			if err != nil {
				return types.Datum{}, err
			}
			return timestamp(t, types.OIDTimestamp)
		}), nil
	case tree.CurrentRole, tree.CurrentUser, tree.User:
		return need(func() (types.Datum, error) { return roleName(st.env.Session.CurrentUser()) }), nil
	case tree.SessionUser:
		return need(func() (types.Datum, error) { return roleName(st.env.Session.SessionUser()) }), nil
	case tree.CurrentCatalog:
		return need(func() (types.Datum, error) { return types.Datum{S: st.env.Session.DatabaseName()}, nil }), nil
	case tree.CurrentSchema:
		return need(func() (types.Datum, error) {
			for _, oid := range st.env.Session.SearchPath(false) {
				if s := c.cat.Schema(oid); s != nil {
					return types.Datum{S: s.Name}, nil
				}
			}
			return types.NullDatum, nil
		}), nil
	}
	return nil, pgerr.Internal("SQL value function %d", e.Kind)
}

// noSession refuses what needs a session where there is none.
func noSession(what string) error {
	return pgerr.Newf(pgerr.FeatureNotSupported, "%s is not supported here", what)
}

func noParam(id int) error {
	return pgerr.Newf(pgerr.UndefinedParameter, "no value found for parameter %d", id)
}
