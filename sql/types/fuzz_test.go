package types

import (
	"errors"
	"testing"

	"kimberlite/sql/pgerr"
)

// fuzzIn checks that text is refused with an SQLSTATE of class 22, 54 or 0A, or makes a value whose text reads back as the same value.
func fuzzIn(f *testing.F, oid OID, seeds ...string) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 1000 || CheckUTF8(s) != nil { // the protocol lets no such text through; long numbers are slow, not interesting
			return
		}
		d, err := In(formCtx, Of(oid), s)
		if err != nil {
			fuzzError(t, err)
			return
		}
		text := Text(formCtx, Of(oid), d)
		back, err := In(formCtx, Of(oid), text)
		if err != nil || back != d {
			t.Fatalf("%q prints as %q, which reads as %v, %v", s, text, back, err)
		}
		fuzzValue(t, oid, d)
	})
}

func fuzzError(t *testing.T, err error) {
	t.Helper()
	var e *pgerr.Error
	if !errors.As(err, &e) || len(e.Code) != 5 || e.Code == pgerr.InternalError {
		t.Fatalf("error without a proper SQLSTATE: %v", err)
	}
}

// fuzzValue runs what else can be done with a value.
func fuzzValue(t *testing.T, oid OID, d Datum) {
	t.Helper()
	if !Equal(formCtx, oid, d, d) {
		t.Fatalf("%v is not equal to itself", d)
	}
	Hash(formCtx, oid, d)
	key := AppendKey(nil, StandIn(formCtx, oid), d, false, false)
	if ops := KeyOpsFor(StandIn(formCtx, oid)); ops.unkey != nil {
		back, rest, err := ops.Decode(key, false)
		if err != nil || len(rest) != 0 || !Equal(formCtx, oid, d, back) {
			t.Fatalf("key %x of %v reads as %v, %x, %v", key, d, back, rest, err)
		}
	}
	b, err := AppendBinary(nil, formCtx, Of(oid), d)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := Recv(formCtx, Of(oid), b); err != nil || back != d {
		t.Fatalf("binary form %x of %v reads as %v, %v", b, d, back, err)
	}
}

func FuzzNumericIn(f *testing.F) {
	fuzzIn(f, OIDNumeric, "1", "-1.50", "1e5", "1.5e-20", "NaN", "-inf", " 12 ", "123456789012345678901234567890.5", ".", "1e999999")
}

func FuzzFloatIn(f *testing.F) {
	fuzzIn(f, OIDFloat8, "1", "1e23", "0x1p3", "nan", "-Infinity", "1e400", ".5", "1_0")
}

func FuzzIntArrayIn(f *testing.F) {
	fuzzIn(f, OIDInt4Array, "{1,2}", "{{1,NULL},{3,4}}", "[2:3]={1,2}", "{}", "{\"1\"}", "{{1},{2,3}}", "[1:1][-1:-1]={{5}}")
}

func FuzzTextArrayIn(f *testing.F) {
	fuzzIn(f, OIDTextArray, `{a,"b c",NULL,"NULL",""}`, `{"a\"b\\",\n}`, `{{a},{b}}`, `{ a , b }`)
}

func FuzzRecordIn(f *testing.F) {
	fuzzIn(f, formRow, `(1,abc)`, `(,)`, `( 1,"a ""b\\")`, `(1,`, `(1,a)x`)
}

func FuzzRangeIn(f *testing.F) {
	fuzzIn(f, OIDNumrange, "[1,2.5)", "empty", "(,)", `["1",NaN]`, "[2,1]")
}

func FuzzMultirangeIn(f *testing.F) {
	fuzzIn(f, OIDInt4multirange, "{[1,2),[5,9]}", "{}", "{empty,(,3)}", "{[1,2")
}

func FuzzPathIn(f *testing.F) {
	fuzzIn(f, OIDPath, "[(1,2),(3,4)]", "((1,2))", "1,2,3,4", "(1,2,3,4)", "((nan,inf)", "(,)")
}

func FuzzCircleIn(f *testing.F) {
	fuzzIn(f, OIDCircle, "<(1,2),3>", "((1,2),3)", "1,2,3", "<(1,2),-3>")
}

// FuzzRecv feeds bytes to the receive functions of all types that have one.
func FuzzRecv(f *testing.F) {
	oids := []OID{OIDBool, OIDInt4, OIDFloat8, OIDNumeric, OIDText, OIDBpchar, OIDUuid, OIDVarbit, OIDInt4Array, OIDTextArray, OIDNumericArray,
		OIDInt2vector, OIDOidvector, OIDNumrange, OIDInt4range, OIDInt4multirange, OIDTid, OIDBox, OIDPath, OIDPolygon, OIDCircle, OIDLine, formRow, formRow + 1, formEnum, formEnum + 1}
	for i, oid := range oids {
		for _, text := range []string{"1", "{1,2}", "(1,a)", "a", "[1,2)", "{[1,2)}", "101", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "(1,2)", "1 2"} {
			if d, err := In(formCtx, Of(oid), text); err == nil {
				if b, err := AppendBinary(nil, formCtx, Of(oid), d); err == nil {
					f.Add(uint8(i), b)
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		oid := oids[int(which)%len(oids)]
		d, err := Recv(formCtx, Of(oid), b)
		if err != nil {
			fuzzError(t, err)
			return
		}
		AppendText(nil, formCtx, Of(oid), d)
		fuzzValue(t, oid, d)
	})
}

// FuzzDecodeKey feeds bytes to the key decoders.
func FuzzDecodeKey(f *testing.F) {
	oids := []OID{OIDInt4, OIDXid8, OIDFloat8, OIDText, OIDNumeric, OIDVarbit}
	for i, oid := range oids {
		if d, err := In(nil, Of(oid), "1"); err == nil {
			f.Add(uint8(i), AppendKey(nil, oid, d, false, false), false)
			f.Add(uint8(i), AppendKey(nil, oid, d, true, true), true)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, b []byte, desc bool) {
		oid := oids[int(which)%len(oids)]
		if d, _, err := DecodeKey(b, oid, desc); err != nil {
			fuzzError(t, err)
		} else if !d.Null {
			AppendText(nil, nil, Of(oid), d)
		}
	})
}
