package types

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// gens draws values of each type under test: any value that the type can hold, with the odd ones often.
var gens = map[OID]*rapid.Generator[Datum]{
	OIDBool:   fixedGen(0, 1),
	OIDChar:   fixedGen(0, 255),
	OIDInt2:   fixedGen(math.MinInt16, math.MaxInt16),
	OIDInt4:   fixedGen(math.MinInt32, math.MaxInt32),
	OIDInt8:   fixedGen(math.MinInt64, math.MaxInt64),
	OIDOid:    fixedGen(0, math.MaxUint32),
	OIDMoney:  fixedGen(math.MinInt64, math.MaxInt64),
	OIDXid8:   fixedGen(math.MinInt64, math.MaxInt64),
	OIDPgLsn:  fixedGen(math.MinInt64, math.MaxInt64),
	OIDFloat8: rapid.Custom(func(t *rapid.T) Datum { return Float(drawFloat(t)) }),
	OIDFloat4: rapid.Custom(func(t *rapid.T) Datum { return Float(float64(float32(drawFloat(t)))) }),
	OIDText:   textGen, OIDVarchar: textGen, OIDBpchar: textGen,
	OIDBytea: rapid.Custom(func(t *rapid.T) Datum { return Str(string(rapid.SliceOfN(rapid.Byte(), 0, 12).Draw(t, "bytes"))) }),
	OIDUuid:  rapid.Custom(func(t *rapid.T) Datum { return Str(string(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "uuid"))) }),
	OIDVarbit: rapid.Custom(func(t *rapid.T) Datum {
		b := rapid.SliceOfN(rapid.Byte(), 3, 3).Draw(t, "bits")
		return Str(MakeBits(b, rapid.IntRange(0, 24).Draw(t, "n")))
	}),
	OIDNumeric: numericGen,
	OIDTid: rapid.Custom(func(t *rapid.T) Datum {
		return Str(MakeTid(rapid.Uint32().Draw(t, "block"), rapid.Uint16().Draw(t, "offset")))
	}),
}

func init() {
	gens[OIDPoint], gens[OIDLseg] = floatsGen(2), floatsGen(4)
	gens[OIDBox] = rapid.Custom(func(t *rapid.T) Datum {
		return Str(MakeBox(drawFloat(t), drawFloat(t), drawFloat(t), drawFloat(t)))
	})
	gens[OIDPolygon] = floatsGen(6)
	gens[OIDPath] = rapid.Custom(func(t *rapid.T) Datum {
		return Str(PackPath(rapid.Bool().Draw(t, "closed"), UnpackFloats(floatsGen(4).Draw(t, "points").S)...))
	})
	gens[OIDInt4Array] = arrayGen(OIDInt4)
	gens[OIDTextArray] = arrayGen(OIDText)
	gens[OIDNumericArray] = arrayGen(OIDNumeric)
	gens[formEnum] = rapid.Custom(func(t *rapid.T) Datum { return Int(rapid.SampledFrom([]int64{1 << 32, 2 << 32}).Draw(t, "label")) })
	gens[formEnum+1] = arrayGen(formEnum)
	gens[formDomain] = gens[OIDInt4]
	gens[formDomain+1] = arrayGen(formDomain)
	gens[formRow] = rapid.Custom(func(t *rapid.T) Datum {
		values := []Datum{orNull(OIDInt4).Draw(t, "i"), orNull(OIDText).Draw(t, "t")}
		return Str(MakeRecord(formCtx, formRow, []OID{OIDInt4, OIDText}, nil, values))
	})
	gens[formRow+1] = arrayGen(formRow)
	gens[OIDInt4range] = rangeGen(OIDInt4range)
	gens[OIDNumrange] = rangeGen(OIDNumrange)
	gens[OIDInt4multirange] = rapid.Custom(func(t *rapid.T) Datum {
		var rs []string
		for _, d := range rapid.SliceOfN(gens[OIDInt4range], 0, 4).Draw(t, "ranges") {
			rs = append(rs, d.S)
		}
		m, err := MakeMultirange(nil, OIDInt4multirange, rs)
		if err != nil {
			t.Fatal(err)
		}
		return Str(m)
	})
}

var formCtx = func() *Ctx {
	c := *DefaultCtx
	c.Types = formTypes
	return &c
}()

func fixedGen(low, high int64) *rapid.Generator[Datum] {
	return rapid.Custom(func(t *rapid.T) Datum { return Int(rapid.Int64Range(low, high).Draw(t, "i")) })
}

func floatsGen(n int) *rapid.Generator[Datum] {
	return rapid.Custom(func(t *rapid.T) Datum {
		fs := make([]float64, n)
		for i := range fs {
			fs[i] = drawFloat(t)
		}
		return Str(PackFloats(fs...))
	})
}

func drawFloat(t *rapid.T) float64 {
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 0:
		return rapid.SampledFrom([]float64{0, math.Copysign(0, -1), floatNaN, math.Inf(1), math.Inf(-1), 1e15, 1e23, 5e-324, math.MaxFloat64}).Draw(t, "odd")
	case 1:
		return float64(rapid.Int64().Draw(t, "int"))
	}
	f := math.Float64frombits(rapid.Uint64().Draw(t, "bits"))
	if f != f {
		return floatNaN // whose other bit patterns have no text form
	}
	return f
}

var textGen = rapid.Custom(func(t *rapid.T) Datum {
	s := rapid.StringOfN(rapid.SampledFrom([]rune("ab{}(),\"\\' \t\nNULü€𝄞\x01")), 0, 8, -1).Draw(t, "text")
	return Str(s)
})

var numericGen = rapid.Custom(func(t *rapid.T) Datum {
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 0:
		return Str(rapid.SampledFrom([]string{NumericNaN, NumericPosInf, NumericNegInf, NumericZero, MakeNumeric(0, 3), MakeNumeric(100, 2), MakeNumeric(1, 0)}).Draw(t, "odd"))
	case 1, 2:
		return Str(MakeNumeric(rapid.Int64().Draw(t, "coef"), rapid.IntRange(0, 20).Draw(t, "scale")))
	case 3:
		return Str(MakeNumeric(int64(rapid.IntRange(-200, 200).Draw(t, "coef")), rapid.IntRange(0, 3).Draw(t, "scale")))
	}
	b := new(big.Int).SetBytes(rapid.SliceOfN(rapid.Byte(), 0, 30).Draw(t, "coef"))
	if rapid.Bool().Draw(t, "neg") {
		b.Neg(b)
	}
	s, err := MakeNumericBig(b, rapid.IntRange(0, 300).Draw(t, "scale"))
	if err != nil {
		t.Fatal(err)
	}
	return Str(s)
})

func orNull(oid OID) *rapid.Generator[Datum] {
	return rapid.Custom(func(t *rapid.T) Datum {
		if rapid.IntRange(0, 4).Draw(t, "null") == 0 {
			return NullDatum
		}
		return gens[oid].Draw(t, "value")
	})
}

func arrayGen(elem OID) *rapid.Generator[Datum] {
	return rapid.Custom(func(t *rapid.T) Datum {
		b := NewArrayBuilder(formCtx, elem)
		rows, cols := rapid.IntRange(0, 2).Draw(t, "rows"), rapid.IntRange(1, 3).Draw(t, "cols")
		for range rows * cols {
			b.Append(orNull(elem).Draw(t, "elem"))
		}
		dims := []ArrayDim{{rows * cols, rapid.IntRange(-1, 2).Draw(t, "lower")}}
		if rapid.Bool().Draw(t, "two") && rows > 0 {
			dims = []ArrayDim{{rows, 1}, {cols, rapid.IntRange(0, 1).Draw(t, "lower2")}}
		}
		if rows == 0 {
			dims = nil
		}
		s, err := b.FinishDims(dims)
		if err != nil {
			t.Fatal(err)
		}
		return Str(s)
	})
}

func rangeGen(typ OID) *rapid.Generator[Datum] {
	sub := Builtin(typ).Range.Subtype
	return rapid.Custom(func(t *rapid.T) Datum {
		bound := func(name string) RangeBound {
			b := RangeBound{Inf: rapid.IntRange(0, 4).Draw(t, name+" inf") == 0, Inclusive: rapid.Bool().Draw(t, name+" inc")}
			if sub == OIDInt4 {
				b.Value = Int(int64(rapid.IntRange(-10, 10).Draw(t, name)))
			} else {
				b.Value = gens[sub].Draw(t, name)
			}
			return b
		}
		lower, upper := bound("lower"), bound("upper")
		s, err := MakeRange(nil, typ, lower, upper)
		if err != nil {
			s, err = MakeRange(nil, typ, upper, lower)
		}
		if err != nil {
			t.Fatal(err)
		}
		return Str(s)
	})
}

// eachType runs a property for every type with a generator, in a fixed order.
func eachType(t *testing.T, f func(t *rapid.T, oid OID)) {
	oids := make([]OID, 0, len(gens))
	for oid := range gens {
		oids = append(oids, oid)
	}
	slices.Sort(oids)
	for _, oid := range oids {
		t.Run(FormatTypeName(formCtx, oid), rapid.MakeCheck(func(t *rapid.T) { f(t, oid) }))
	}
}

// T5: text and binary forms read back as the same value.
func TestFormsReadBack(t *testing.T) {
	eachType(t, func(t *rapid.T, oid OID) {
		d := gens[oid].Draw(t, "v")
		typ := Of(oid)
		text := Text(formCtx, typ, d)
		if back, err := In(formCtx, typ, text); err != nil || back != d {
			t.Fatalf("%q reads back as %v, %v; was %v", text, back, err, d)
		}
		bin, err := AppendBinary([]byte("x"), formCtx, typ, d)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := Recv(formCtx, typ, bin[1:]); err != nil || back != d {
			t.Fatalf("%x reads back as %v, %v; was %v", bin[1:], back, err, d)
		}
	})
}

// T3 and T4: keys and hashes agree with the comparison, in both directions and with NULLs on both sides; keys read back as equal values.
func TestKeysOrderAsValues(t *testing.T) {
	sign := func(i int) int { return min(max(i, -1), 1) }
	eachType(t, func(t *rapid.T, oid OID) {
		a, b := orNull(oid).Draw(t, "a"), orNull(oid).Draw(t, "b")
		desc, nullsFirst := rapid.Bool().Draw(t, "desc"), rapid.Bool().Draw(t, "nulls first")
		standIn := StandIn(formCtx, oid)
		ka := append(AppendKey(nil, standIn, a, desc, nullsFirst), 7) // what follows must not matter
		kb := append(AppendKey(nil, standIn, b, desc, nullsFirst), 3)
		c := CompareNulls(formCtx, oid, a, b, nullsFirst)
		if sign(c) != -sign(CompareNulls(formCtx, oid, b, a, nullsFirst)) {
			t.Fatalf("comparison is not antisymmetric: %v %v", a, b)
		}
		if desc && !a.Null && !b.Null {
			c = -c
		}
		if c == 0 {
			if !bytes.Equal(ka[:len(ka)-1], kb[:len(kb)-1]) {
				t.Fatalf("equal values, different keys: %x %x", ka, kb)
			}
			if !a.Null && Hash(formCtx, oid, a) != Hash(formCtx, oid, b) {
				t.Fatalf("equal values, different hashes: %v %v", a, b)
			}
		} else if sign(bytes.Compare(ka, kb)) != sign(c) {
			t.Fatalf("values order %d, keys %x %x", c, ka, kb)
		}
		ops := KeyOpsFor(standIn)
		if ops.unkey == nil {
			return
		}
		back, rest, err := ops.Decode(ka, desc)
		if err != nil || len(rest) != 1 || rest[0] != 7 {
			t.Fatalf("decoding %x leaves %x: %v", ka, rest, err)
		}
		if back.Null != a.Null || !a.Null && Compare(formCtx, oid, a, back) != 0 {
			t.Fatalf("key of %v reads back as %v", a, back)
		}
		if !ops.Lossy() && back != a {
			t.Fatalf("key of %v reads back as %v though it is not lossy", a, back)
		}
	})
}

// Comparison is transitive, which sorting relies on.
func TestCompareIsTransitive(t *testing.T) {
	eachType(t, func(t *rapid.T, oid OID) {
		v := []Datum{gens[oid].Draw(t, "a"), gens[oid].Draw(t, "b"), gens[oid].Draw(t, "c")}
		compare := Comparator(formCtx, oid)
		slices.SortFunc(v, compare)
		if compare(v[0], v[1]) > 0 || compare(v[1], v[2]) > 0 || compare(v[0], v[2]) > 0 {
			t.Fatalf("no order: %v", v)
		}
	})
}

// The fast paths of numeric agree with big integers.
func TestNumericSmallAgreesWithBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := numericGen.Draw(t, "a").S, numericGen.Draw(t, "b").S
		x, xs, ok1 := NumericBig(a)
		y, ys, ok2 := NumericBig(b)
		if !ok1 || !ok2 {
			return
		}
		p, q, scale := align(a, b)
		check := func(what, got string, err error, coef *big.Int, scale int) {
			want, wantErr := MakeNumericBig(coef, scale)
			if got != want || (err != nil) != (wantErr != nil) {
				t.Fatalf("%s %s %s = %s, %v; want %s", NumericString(a), what, NumericString(b), NumericString(got), err, NumericString(want))
			}
		}
		sum, err := NumericAdd(a, b)
		check("+", sum, err, new(big.Int).Add(p, q), scale)
		diff, err := NumericSub(a, b)
		check("-", diff, err, new(big.Int).Sub(p, q), scale)
		prod, err := NumericMul(a, b)
		check("*", prod, err, new(big.Int).Mul(x, y), xs+ys)
		if c := NumericCompare(a, b); c != p.Cmp(q) {
			t.Fatalf("compare %s %s = %d", NumericString(a), NumericString(b), c)
		}
		if y.Sign() != 0 {
			rem, err := NumericRem(a, b)
			check("%", rem, err, new(big.Int).Rem(p, q), scale)
			quo, err := NumericDiv(a, b)
			if err != nil {
				t.Fatal(err)
			}
			slow, err := divBig(a, b, NumericScale(quo))
			if err != nil || slow != quo {
				t.Fatalf("%s / %s = %s, by big integers %s", NumericString(a), NumericString(b), NumericString(quo), NumericString(slow))
			}
		}
		n := rapid.IntRange(-25, 25).Draw(t, "round to")
		for how := roundHalf; how <= roundFloor; how++ {
			r, err := roundTo(a, n, how)
			var want *big.Int
			if n >= xs {
				want = new(big.Int).Mul(x, bigPow10(n-xs))
			} else {
				want = roundBig(new(big.Int).Set(x), bigPow10(xs-n), how)
			}
			check(fmt.Sprint("round ", how), r, err, want, n)
		}
	})
}

// A sum of many is the sum one by one, whatever the scales and the order of the partial sums.
func TestNumericSum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(numericGen, 0, 12).Draw(t, "values")
		cut := rapid.IntRange(0, len(values)).Draw(t, "cut")
		want := NumericZero
		var left, right NumericSum
		for i, v := range values {
			var err error
			if want, err = NumericAdd(want, v.S); err != nil {
				t.Fatal(err)
			}
			if i < cut {
				left.Add(v.S)
			} else {
				right.Add(v.S)
			}
		}
		left.Merge(&right)
		if got, err := left.Sum(); err != nil || got != want || left.N != int64(len(values)) {
			t.Fatalf("sum %s of %d, want %s of %d (%v)", NumericString(got), left.N, NumericString(want), len(values), err)
		}
		for _, v := range values {
			left.Remove(v.S)
		}
		if got, _ := left.Sum(); NumericCompare(got, NumericZero) != 0 || left.N != 0 {
			t.Fatalf("all removed leaves %s of %d", NumericString(got), left.N)
		}
	})
}

// ln and exp undo each other to the digits they show.
func TestNumericExpLn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := MakeNumeric(rapid.Int64Range(1, 1e12).Draw(t, "coef"), rapid.IntRange(0, 12).Draw(t, "scale"))
		l, err := lnTo(x, 60)
		if err != nil {
			t.Fatal(err)
		}
		e, err := expTo(l, 30)
		if err != nil {
			t.Fatal(err)
		}
		diff, err := NumericSub(e, x)
		if err != nil || NumericCompare(NumericAbs(diff), MakeNumeric(1, 30)) > 0 {
			t.Fatalf("exp(ln(%s)) = %s", NumericString(x), NumericString(e))
		}
	})
}

func TestCheckUTF8(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.SampledFrom([]byte{'a', 0, 0x80, 0xc3, 0xbc, 0xe2, 0x82, 0xac, 0xff}), 0, 6).Draw(t, "b")
		err := CheckUTF8(string(b))
		if valid := utf8.Valid(b) && bytes.IndexByte(b, 0) < 0; valid != (err == nil) {
			t.Fatalf("%x: %v", b, err)
		}
	})
	for in, want := range map[string]string{"a\xc3(": "0xc3 0x28", "\xff": "0xff", "x\x00y": "0x00", "\xe2\x82": "0xe2 0x82"} {
		if err := CheckUTF8(in); err == nil || !strings.Contains(err.Error(), `"UTF8": `+want) {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
	}
}
