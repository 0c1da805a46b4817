package functions

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// TestStringsReference calls the string functions as PostgreSQL 15 was called for testdata/strings.jsonl; a line is
// [OID, signature, arguments, "=result" or "NULL" or "SQLSTATE: message DETAIL: ... HINT: ..."].
func TestStringsReference(t *testing.T) {
	f, err := os.Open("testdata/strings.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var oid types.OID
		var sig, want string
		var args []*string
		if err := json.Unmarshal(lines.Bytes(), &[]any{&oid, &sig, &args, &want}); err != nil {
			t.Fatal(err)
		}
		if got := callReference(oid, args); got != want {
			t.Errorf("%s\n\tgot  %q\n\twant %q", lines.Text(), got, want)
		}
	}
}

// callReference calls a function with arguments in text form and prints the result as the test data has it.
func callReference(oid types.OID, args []*string) string {
	p := catalog.BuiltinProc(oid)
	if p == nil {
		return "no such function"
	}
	c := &Call{Func: oid, Name: p.Name, Env: &Env{IO: types.DefaultCtx}, Ret: types.Of(p.Ret)}
	var vals []types.Datum
	for i, a := range args {
		typ := p.Args[min(i, len(p.Args)-1)]
		if types.Builtin(typ).Kind == types.KindPseudo {
			typ = types.OIDText
		}
		if typ == types.OIDBit {
			typ = types.OIDVarbit
		}
		c.Args = append(c.Args, types.Of(typ))
		if a == nil {
			vals = append(vals, types.NullDatum)
			continue
		}
		v, err := types.In(nil, types.Of(typ), *a)
		if err != nil {
			return errorText(err)
		}
		vals = append(vals, v)
	}
	if p.RetSet {
		return callSet(c, vals)
	}
	impl, ok := LookupScalar(oid)
	if !ok {
		return "not implemented"
	}
	v, err := impl.Row(c, vals)
	switch {
	case err != nil:
		return errorText(err)
	case v.Null:
		return "NULL"
	case c.Ret.OID == types.OIDBool:
		return "=" + map[bool]string{true: "true", false: "false"}[v.IsTrue()]
	}
	return "=" + types.Text(nil, c.Ret, v)
}

// callSet gives the rows of a set-returning function as PostgreSQL's array_agg of them.
func callSet(c *Call, vals []types.Datum) string {
	fn, ok := LookupSet(c.Func)
	if !ok {
		return "not implemented"
	}
	rows, err := fn(c, []types.T{c.Ret}, vals)
	if err != nil {
		return errorText(err)
	}
	var out []string
	for {
		b := &types.Batch{Cols: []*types.Vec{types.NewVec(c.Ret, types.ClassOf(nil, c.Ret.OID))}}
		if err := rows.Next(b); err != nil {
			return errorText(err)
		}
		if b.N == 0 {
			break
		}
		for i := range b.N {
			v := b.Cols[0].Datum(i)
			if c.Ret.OID == types.OIDText {
				text := types.Text(nil, types.Of(types.OIDTextArray), types.Str(types.MakeArray(nil, types.OIDText, v)))
				out = append(out, strings.TrimSuffix(strings.TrimPrefix(text, "{"), "}"))
			} else {
				out = append(out, types.Text(nil, c.Ret, v))
			}
		}
	}
	if out == nil {
		return "NULL"
	}
	return "={" + strings.Join(out, ",") + "}"
}

func errorText(err error) string {
	e := pgerr.From(err)
	s := e.Code + ": " + e.Message
	if e.Detail != "" {
		s += " DETAIL: " + e.Detail
	}
	if e.Hint != "" {
		s += " HINT: " + e.Hint
	}
	return s
}
