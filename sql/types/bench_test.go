package types

import (
	"strings"
	"testing"
)

// What COPY and SELECT pay for a value: text in, text out, key, comparison.

var benchValues = []struct {
	name string
	oid  OID
	text string
}{
	{"int4", OIDInt4, "123456"}, {"float8", OIDFloat8, "1234.5678"}, {"numeric", OIDNumeric, "12345.67"}, {"text", OIDText, "some text of a row"},
	{"bool", OIDBool, "t"}, {"uuid", OIDUuid, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}, {"int4[]", OIDInt4Array, "{1,22,333}"}, {"bigNumeric", OIDNumeric, "123456789012345678901234567890.12"},
}

func BenchmarkIn(b *testing.B) {
	for _, v := range benchValues {
		b.Run(v.name, func(b *testing.B) {
			in, err := TextIn(nil, Of(v.oid))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := in(v.text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOut(b *testing.B) {
	for _, v := range benchValues {
		b.Run(v.name, func(b *testing.B) {
			d, err := In(nil, Of(v.oid), v.text)
			if err != nil {
				b.Fatal(err)
			}
			out := TextOut(nil, Of(v.oid))
			var buf []byte
			b.ReportAllocs()
			for b.Loop() {
				buf = out(buf[:0], d)
			}
		})
	}
}

func BenchmarkKey(b *testing.B) {
	for _, v := range benchValues {
		b.Run(v.name, func(b *testing.B) {
			d, err := In(nil, Of(v.oid), v.text)
			if err != nil {
				b.Fatal(err)
			}
			ops := KeyOpsFor(v.oid)
			var buf []byte
			b.ReportAllocs()
			for b.Loop() {
				buf = ops.Append(buf[:0], d, false, false)
			}
		})
	}
}

func BenchmarkNumeric(b *testing.B) {
	x, y := MakeNumeric(1234567, 2), MakeNumeric(7, 2)
	for _, op := range []struct {
		name string
		f    func(a, b string) (string, error)
	}{{"add", NumericAdd}, {"mul", NumericMul}, {"div", NumericDiv}, {"power", NumericPower}} {
		b.Run(op.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := op.f(x, y); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("compare", func(b *testing.B) {
		for b.Loop() {
			NumericCompare(x, y)
		}
	})
	b.Run("sum", func(b *testing.B) {
		var s NumericSum
		for b.Loop() {
			s.Add(x)
		}
	})
	b.Run("ln", func(b *testing.B) {
		for b.Loop() {
			if _, err := NumericLn(x); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkParseBuiltins(b *testing.B) {
	for b.Loop() {
		parseBuiltins()
	}
}

func BenchmarkTextArrayOut(b *testing.B) {
	d, err := In(nil, Of(OIDTextArray), "{"+strings.Repeat(`plain,"with blank",NULL,`, 10)+"x}")
	if err != nil {
		b.Fatal(err)
	}
	out := TextOut(nil, Of(OIDTextArray))
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = out(buf[:0], d)
	}
}
