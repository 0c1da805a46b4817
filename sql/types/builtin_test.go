package types

import (
	"strings"
	"testing"

	"kimberlite/sql/pgerr"
)

func TestBuiltins(t *testing.T) {
	if n := len(Builtins()); n != 611 {
		t.Errorf("%d built-in types, PostgreSQL 15 has 611", n)
	}
	for i, ty := range Builtins() {
		if i > 0 && ty.OID <= Builtins()[i-1].OID {
			t.Fatalf("types %d and %d are out of order", Builtins()[i-1].OID, ty.OID)
		}
		if ty.Name == "" || ty.Delim == 0 || ty.Kind == KindBase && (ty.Input == 0 || ty.Output == 0) {
			t.Errorf("type %d is incomplete: %+v", ty.OID, ty)
		}
		if ty.Array != 0 && Builtin(ty.Array).Elem != ty.OID {
			t.Errorf("%s's array type %d is not over it", ty.Name, ty.Array)
		}
		if ty.Kind == KindComposite && len(ty.Fields) == 0 {
			t.Errorf("row type %s has no fields", ty.Name)
		}
		if ty.ByVal != (ty.Class == Fixed) && ty.Kind == KindBase { // what PostgreSQL passes by value fits our int64
			t.Errorf("%s: by value %v, class %d", ty.Name, ty.ByVal, ty.Class)
		}
	}
	if BuiltinByName("int4") != Builtin(OIDInt4) || Builtin(OIDInt4).Array != OIDInt4Array || Builtin(99999) != nil {
		t.Error("look-ups by name and OID disagree")
	}
	if r := Builtin(OIDInt4range).Range; r == nil || r.Subtype != OIDInt4 || r.Multirange != OIDInt4multirange {
		t.Errorf("int4range: %+v", r)
	}
	if f := Builtin(83).Fields; len(f) < 30 || f[1].Name != "relname" || f[1].T.OID != OIDName { // pg_class
		t.Errorf("pg_class: %+v", f)
	}
}

// Every built-in base type can be written; those that cannot be read say so with 0A000.
func TestEveryTypeHasOperationsOrRefuses(t *testing.T) {
	for _, ty := range Builtins() {
		if ty.Kind != KindBase || ty.IsArray() {
			continue
		}
		AppendText(nil, nil, Of(ty.OID), Datum{S: " "})
		if _, err := TextIn(nil, Of(ty.OID)); err != nil && !strings.Contains(err.Error(), "0A000") {
			t.Errorf("%s: %v", ty.Name, err)
		}
	}
}

func TestStandIn(t *testing.T) {
	for in, want := range map[OID]OID{
		OIDInt4: OIDInt4, OIDInt4Array: OIDAnyarray, formEnum: OIDInt8, formEnum + 1: OIDAnyarray, formDomain: OIDInt4,
		formRow: OIDRecord, OIDInt4range: OIDAnyrange, OIDInt4multirange: OIDAnymultirange, OIDInt2vector: OIDInt2vector,
		OIDRecordArray: OIDAnyarray, 13221: OIDInt4, 99999: 99999,
	} {
		if got := StandIn(formCtx, in); got != want {
			t.Errorf("StandIn(%d) = %d, want %d", in, got, want)
		}
	}
}

func TestSubscripts(t *testing.T) {
	d, err := In(nil, Of(OIDInt4Array), "[0:1][2:3]={{1,2},{3,NULL}}")
	if err != nil {
		t.Fatal(err)
	}
	a := ParseArray(d.S)
	for _, c := range []struct {
		subs []int
		want string
	}{{[]int{0, 2}, "1"}, {[]int{1, 2}, "3"}, {[]int{1, 3}, "null"}, {[]int{2, 2}, ""}, {[]int{0, 1}, ""}, {[]int{0}, ""}} {
		got := ""
		if i := a.Index(c.subs); i >= 0 {
			if e := a.Elem(i); e.Null {
				got = "null"
			} else {
				got = Text(nil, Of(OIDInt4), e)
			}
		}
		if got != c.want {
			t.Errorf("%v: %q, want %q", c.subs, got, c.want)
		}
	}
}

func TestRecordNames(t *testing.T) {
	r := ParseRecord(MakeRecord(nil, OIDRecord, []OID{OIDInt4, OIDText}, []string{"a", "ü"}, []Datum{Int(1), Str("x")}))
	if got := strings.Join(r.FieldNames(nil), ","); got != "a,ü" || r.Field(1).S != "x" {
		t.Errorf("names %s, fields %v %v", got, r.Field(0), r.Field(1))
	}
	row := ParseRecord(RetypeRecord(formCtx, MakeRecord(nil, OIDRecord, []OID{OIDInt4, OIDText}, []string{"a", "b"}, []Datum{Int(1), NullDatum}), formRow))
	if got := strings.Join(row.FieldNames(formCtx), ","); got != "i,t" || row.Type != formRow || !row.IsNull(1) || row.Names() != nil {
		t.Errorf("after RetypeRecord: %s %+v", got, row)
	}
	anon := ParseRecord(MakeRecord(nil, OIDRecord, []OID{OIDInt4}, nil, []Datum{Int(1)}))
	if got := strings.Join(anon.FieldNames(nil), ","); got != "f1" {
		t.Errorf("names %s", got)
	}
}

// A length coercion that the user wrote cuts; an assignment refuses.
func TestApplyMod(t *testing.T) {
	for _, c := range []struct {
		t        T
		in, want string
		implicit string
	}{
		{T{OIDVarchar, 4 + 2}, "abc", "ab", "22001"},
		{T{OIDVarchar, 4 + 2}, "a  ", "a ", "a "},
		{T{OIDBpchar, 4 + 3}, "a", "a  ", "a  "},
		{T{OIDBpchar, 4 + 1}, "üx", "ü", "22001"},
		{T{OIDBit, 2}, "101", "10", "22026"},
		{T{OIDBit, 4}, "101", "1010", "22026"},
		{T{OIDVarbit, 2}, "101", "10", "22001"},
		{T{OIDNumeric, MakeNumericMod(3, 1)}, "1.25", "1.3", "1.3"},
		{T{OIDNumeric, MakeNumericMod(3, 1)}, "100", "22003", "22003"},
		{T{OIDVarcharArray, 4 + 1}, "{ab,NULL}", "{a,NULL}", "22001"},
		{T{OIDInt4, -1}, "5", "5", "5"},
	} {
		d, err := In(nil, Of(c.t.OID), c.in)
		if err != nil {
			t.Fatal(err)
		}
		for _, explicit := range []bool{true, false} {
			want := c.want
			if !explicit {
				want = c.implicit
			}
			r, err := ApplyMod(nil, c.t, d, explicit)
			got := pgerr.Code(err)
			if err == nil {
				got = Text(nil, Of(c.t.OID), r)
			}
			if got != want {
				t.Errorf("%s::%s explicit=%v: %q, want %q", c.in, FormatType(nil, c.t.OID, c.t.Mod), explicit, got, want)
			}
		}
	}
}
