package functions

import (
	"kimberlite/sql/catalog"
	"kimberlite/sql/types"
)

// The input, output and send functions of all types (int4in, float8send and so on), which SQL may call like any other.

func init() {
	seen := map[types.OID]bool{0: true}
	for _, t := range types.Builtins() {
		for _, f := range []struct {
			oid types.OID
			fn  Scalar
		}{{t.Input, input(t.OID)}, {t.Output, output}, {t.Send, send}} {
			if p := catalog.BuiltinProc(f.oid); seen[f.oid] || p == nil || scalars[p.Src].Row != nil {
				continue
			}
			seen[f.oid] = true
			scalarOID(f.oid, f.fn)
		}
	}
}

// input is a function of a text, of the type's OID where a function serves many types (array_in), and of a type modifier.
func input(own types.OID) Scalar {
	return func(c *Call, a []types.Datum) (types.Datum, error) {
		t := types.Of(own)
		if len(a) > 2 {
			t.Mod = int32(a[2].I)
		}
		if len(a) > 1 {
			oid := types.OID(a[1].I)
			switch info := types.Builtin(own); {
			case info.Category == 'A': // array_in gets the type of the elements
				if elem := types.Lookup(c.Env.IO, oid); elem != nil && elem.Array != 0 {
					t.OID = elem.Array
				}
			case info.Kind != types.KindBase: // record_in, enum_in, range_in, domain_in
				t.OID = oid
			}
		}
		return types.In(c.Env.IO, t, a[0].S)
	}
}

func output(c *Call, a []types.Datum) (types.Datum, error) {
	return types.Str(types.Text(c.Env.IO, c.Args[0], a[0])), nil
}

func send(c *Call, a []types.Datum) (types.Datum, error) {
	b, err := types.AppendBinary(nil, c.Env.IO, c.Args[0], a[0])
	return types.Str(string(b)), err
}
