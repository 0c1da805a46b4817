package types

import "testing"

// The expectations are PostgreSQL's for jsonb_populate_record and json_populate_record over a type (a int, b text[], c jsonb, d tr, e int[]) with tr (i int, t text).
func TestJSONPopulate(t *testing.T) {
	fields := []Field{{"a", Of(OIDInt4)}, {"b", Of(OIDTextArray)}, {"c", Of(OIDJsonb)}, {"d", Of(formRow)}, {"e", Of(OIDInt4Array)}}
	for _, c := range []struct{ in, want string }{
		{`{}`, `(,,,,)`},
		{`{"a": 5, "zz": 1}`, `(5,,,,)`},
		{`{"a": "5"}`, `(5,,,,)`},
		{`{"a": 5.5}`, `ERROR 22P02: invalid input syntax for type integer: "5.5"`},
		{`{"a": null, "b": ["x", null, "y"]}`, `(,"{x,NULL,y}",,,)`},
		{`{"b": "{p,q}"}`, `(,"{p,q}",,,)`},
		{`{"b": [["x","y"],["z",1]]}`, `(,"{{x,y},{z,1}}",,,)`},
		{`{"b": [["x"],["z",1]]}`, `ERROR 22P02: malformed JSON array DETAIL: Multidimensional arrays must have sub-arrays with matching dimensions.`},
		{`{"b": [["x"], 1]}`, `ERROR 22P02: expected JSON array HINT: See the array element [1] of key "b".`},
		{`{"b": 1}`, `ERROR 22P02: expected JSON array HINT: See the value of key "b".`},
		{`{"b": []}`, `(,{},,,)`},
		{`{"b": [{"k": 1}, [1, 2]]}`, `(,"{""{\\""k\\"": 1}"",""[1, 2]""}",,,)`},
		{`{"c": "s"}`, `(,,"""s""",,)`},
		{`{"c": {"k": [1]}}`, `(,,"{""k"": [1]}",,)`},
		{`{"d": {"i": 7}}`, `(,,,"(7,)",)`},
		{`{"d": "(8,z)"}`, `(,,,"(8,z)",)`},
		{`{"d": [1]}`, `ERROR 22023: cannot call populate_composite on an array`},
		{`{"e": [1, "2", null]}`, `(,,,,"{1,2,NULL}")`},
		{`[1]`, `ERROR 22023: cannot call populate_composite on an array`},
		{`5`, `ERROR 22023: cannot call populate_composite on a scalar`},
	} {
		j, err := ParseJsonb(c.in)
		if err != nil {
			t.Fatal(err)
		}
		root, err := JSONRoot(c.in)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range []JSONValue{JSONValueOfJsonb(j), JSONValueOf(root)} {
			p := JSONPopulator{Ctx: formCtx}
			d, err := p.Record(OIDRecord, fields, v, NullDatum)
			got := ""
			if err != nil {
				got = refError(err)
			} else {
				got = Text(formCtx, Of(OIDRecord), d)
			}
			if got != c.want {
				t.Errorf("%s: %s, want %s", c.in, got, c.want)
			}
		}
	}
	// Missing keys keep the old record's values.
	old := MakeRecord(formCtx, OIDRecord, []OID{OIDInt4, OIDTextArray, OIDJsonb, formRow, OIDInt4Array}, nil,
		[]Datum{Int(1), NullDatum, NullDatum, NullDatum, NullDatum})
	p := JSONPopulator{Ctx: formCtx}
	if d, err := p.Record(OIDRecord, fields, JSONValueOfJsonb(JsonbEmptyObject), Str(old)); err != nil || Text(formCtx, Of(OIDRecord), d) != "(1,,,,)" {
		t.Errorf("old values: %v, %v", d, err)
	}
}
