package types

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/jackc/pgx/v5"
)

// TestForms holds text forms, type modifiers and numeric functions against answers that PostgreSQL gave (see referenceDSN):
//
//	in       the first line names a type, each further one is a quoted text that the type's input reads; the answer is its output
//	typmod   each line is a type with a modifier; the answer is its typmod and format_type
//	format   each line is an OID and a typmod; the answers are format_type with that typmod and with none
//	numeric  each line is a function of formFuncs and its arguments
//
// The types te, td and tr are an enum, a domain and a row type; see formTypes.
func TestForms(t *testing.T) {
	var conn *pgx.Conn
	if *referenceDSN != "" {
		var err error
		if conn, err = pgx.Connect(context.Background(), *referenceDSN); err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.Background())
		if _, err := conn.Exec(context.Background(), `set search_path = pg_temp, pg_catalog;
			create type pg_temp.te as enum ('a', 'b'); create domain pg_temp.td as int4; create type pg_temp.tr as (i int4, t text)`); err != nil {
			t.Fatal(err)
		}
	}
	ctx := *DefaultCtx
	ctx.Types = formTypes
	datadriven.Walk(t, "testdata/forms", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			lines := strings.Split(d.Input, "\n")
			var out []string
			switch d.Cmd {
			case "in":
				typ := formType(t, &ctx, lines[0])
				for _, line := range lines[1:] {
					text, err := strconv.Unquote(line)
					if err != nil {
						d.Fatalf(t, "%s: %v", line, err)
					}
					if conn != nil {
						out = append(out, formInPostgres(t, conn, lines[0], text))
					} else if v, err := In(&ctx, typ, text); err != nil {
						out = append(out, refError(err))
					} else {
						out = append(out, strconv.Quote(Text(&ctx, typ, v)))
					}
				}
			case "typmod":
				for _, line := range lines {
					out = append(out, formTypmod(t, conn, line))
				}
			case "format":
				for _, line := range lines {
					out = append(out, formFormat(t, conn, line))
				}
			case "numeric":
				for _, line := range lines {
					out = append(out, formNumeric(t, conn, strings.Fields(line)))
				}
			default:
				d.Fatalf(t, "unknown command %s", d.Cmd)
			}
			for i, line := range out {
				if len(line) > 300 { // what a numeric of thousands of digits is known by
					out[i] = fmt.Sprintf("%s ... %s (%d bytes, %016x)", line[:40], line[len(line)-40:], len(line), hashBytes(Datum{S: line}))
				}
			}
			return strings.Join(out, "\n") + "\n"
		})
	})
}

type mapResolver map[OID]*Type

func (m mapResolver) TypeByOID(oid OID) *Type { return m[oid] }
func (m mapResolver) TypeName(oid OID) string { return m[oid].Name }

// The OIDs of the tests' own types.
const (
	formEnum OID = 20000 + 2*iota
	formDomain
	formRow
)

var formTypes = func() mapResolver {
	m := mapResolver{}
	add := func(t Type) {
		t.Len, t.Delim, t.Array = -1, ',', t.OID+1
		m[t.OID] = &t
		m[t.OID+1] = &Type{OID: t.OID + 1, Name: "_" + t.Name, Kind: KindBase, Category: 'A', Len: -1, Elem: t.OID, Storage: 'x', Delim: ','}
	}
	add(Type{OID: formEnum, Name: "te", Kind: KindEnum, Labels: []EnumLabel{{1, "a", 1 << 32}, {2, "b", 2 << 32}}})
	add(Type{OID: formDomain, Name: "td", Kind: KindDomain, Base: OIDInt4, BaseMod: -1})
	add(Type{OID: formRow, Name: "tr", Kind: KindComposite, Fields: []Field{{"i", Of(OIDInt4)}, {"t", Of(OIDText)}}})
	return m
}()

// formType reads a type's name: pg_type's, with a modifier, with [].
func formType(t *testing.T, ctx *Ctx, s string) T {
	name, array := strings.CutSuffix(s, "[]")
	var args []string
	if base, mod, ok := strings.Cut(name, "("); ok {
		name, args = base, strings.Split(strings.TrimSuffix(mod, ")"), ",")
	}
	typ := T{Mod: -1}
	switch name {
	case "te":
		typ.OID = formEnum
	case "td":
		typ.OID = formDomain
	case "tr":
		typ.OID = formRow
	default:
		ty := BuiltinByName(strings.Trim(name, `"`))
		if ty == nil {
			t.Fatalf("unknown type %s", s)
		}
		typ.OID = ty.OID
	}
	if args != nil {
		mod, _, err := TypmodIn(ctx, typ.OID, args)
		if err != nil {
			t.Fatal(err)
		}
		typ.Mod = mod
	}
	if array {
		typ.OID = ArrayOf(ctx, typ.OID)
	}
	return typ
}

// formInPostgres gives a text to the input function as COPY does, which is the shortest way to one with a typmod.
func formInPostgres(t *testing.T, conn *pgx.Conn, typ, text string) string {
	bg := context.Background()
	if _, err := conn.Exec(bg, "drop table if exists pg_temp.forms; create table pg_temp.forms (x "+typ+")"); err != nil {
		t.Fatal(err)
	}
	escaped := strings.NewReplacer("\\", "\\\\", "\n", "\\n", "\t", "\\t", "\r", "\\r").Replace(text)
	if _, err := conn.PgConn().CopyFrom(bg, strings.NewReader(escaped+"\n"), "copy pg_temp.forms from stdin"); err != nil {
		s, _, _ := strings.Cut(refError(err), " CONTEXT: ")
		return s
	}
	r := conn.PgConn().ExecParams(bg, "select x from pg_temp.forms", nil, nil, nil, []int16{0}).Read()
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	return strconv.Quote(string(r.Rows[0][0]))
}

func formTypmod(t *testing.T, conn *pgx.Conn, line string) string {
	name, mods, _ := strings.Cut(line, "(")
	args := strings.Split(strings.TrimSuffix(mods, ")"), ",")
	if conn == nil {
		oid := BuiltinByName(name).OID
		if oid == OIDInterval { // the grammar puts the mask of fields first
			args = append([]string{strconv.Itoa(intervalFullRange)}, args...)
		}
		mod, warning, err := TypmodIn(nil, oid, args)
		if err != nil {
			return refError(err)
		}
		s := fmt.Sprintf("%d %s", mod, FormatType(nil, oid, mod))
		if warning != nil {
			s += " WARNING " + warning.Code + ": " + warning.Message
		}
		return s
	}
	bg := context.Background()
	if _, err := conn.Exec(bg, "drop table if exists pg_temp.forms; create table pg_temp.forms (x "+name+"("+mods+")"); err != nil {
		return refError(err)
	}
	var s string
	if err := conn.QueryRow(bg, `select atttypmod || ' ' || format_type(atttypid, atttypmod) from pg_attribute
		where attrelid = 'pg_temp.forms'::regclass and attname = 'x'`).Scan(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

func formFormat(t *testing.T, conn *pgx.Conn, line string) string {
	var oid OID
	var mod int32
	if _, err := fmt.Sscan(line, &oid, &mod); err != nil {
		t.Fatal(err)
	}
	a, b := FormatType(nil, oid, mod), FormatTypeName(nil, oid)
	if conn != nil {
		if err := conn.QueryRow(context.Background(), "select format_type($1, $2), format_type($1, null)", uint32(oid), mod).Scan(&a, &b); err != nil {
			t.Fatal(err)
		}
	}
	return a + " | " + b
}

// formFuncs are the numeric functions under test and their SQL; integer results are numerics here.
var formFuncs = map[string]struct {
	sql string
	f   func(a []string) (string, error)
}{
	"+":     {"$1 + $2", func(a []string) (string, error) { return NumericAdd(a[0], a[1]) }},
	"-":     {"$1 - $2", func(a []string) (string, error) { return NumericSub(a[0], a[1]) }},
	"*":     {"$1 * $2", func(a []string) (string, error) { return NumericMul(a[0], a[1]) }},
	"/":     {"$1 / $2", func(a []string) (string, error) { return NumericDiv(a[0], a[1]) }},
	"%":     {"$1 % $2", func(a []string) (string, error) { return NumericRem(a[0], a[1]) }},
	"div":   {"div($1, $2)", func(a []string) (string, error) { return NumericDivTrunc(a[0], a[1]) }},
	"power": {"power($1, $2)", func(a []string) (string, error) { return NumericPower(a[0], a[1]) }},
	"log":   {"log($1, $2)", func(a []string) (string, error) { return NumericLog(a[0], a[1]) }},
	"log10": {"log(10, $1)", func(a []string) (string, error) { return NumericLog10(a[0]) }},
	"ln":    {"ln($1)", func(a []string) (string, error) { return NumericLn(a[0]) }},
	"exp":   {"exp($1)", func(a []string) (string, error) { return NumericExp(a[0]) }},
	"sqrt":  {"sqrt($1)", func(a []string) (string, error) { return NumericSqrt(a[0]) }},
	"gcd":   {"gcd($1, $2)", func(a []string) (string, error) { return NumericGcd(a[0], a[1]) }},
	"lcm":   {"lcm($1, $2)", func(a []string) (string, error) { return NumericLcm(a[0], a[1]) }},
	"ceil":  {"ceil($1)", func(a []string) (string, error) { return NumericCeil(a[0]) }},
	"floor": {"floor($1)", func(a []string) (string, error) { return NumericFloor(a[0]) }},
	"trim":  {"trim_scale($1)", func(a []string) (string, error) { return NumericTrimScale(a[0]), nil }},
	"round": {"round($1, ($2)::int4)", withInt(NumericRound)},
	"trunc": {"trunc($1, ($2)::int4)", withInt(NumericTrunc)},
	"int8":  {"($1)::int8::numeric", func(a []string) (string, error) { n, err := NumericToInt8(a[0]); return NumericFromInt64(n), err }},
	"int4": {"($1)::int4::numeric", func(a []string) (string, error) {
		n, err := NumericToInt4(a[0])
		return NumericFromInt64(int64(n)), err
	}},
	"int2": {"($1)::int2::numeric", func(a []string) (string, error) {
		n, err := NumericToInt2(a[0])
		return NumericFromInt64(int64(n)), err
	}},
	"float8": {"($1)::float8::numeric", func(a []string) (string, error) { f, err := NumericToFloat64(a[0]); return NumericFromFloat64(f), err }},
	"float4": {"($1)::float4::numeric", func(a []string) (string, error) { f, err := NumericToFloat32(a[0]); return NumericFromFloat32(f), err }},
	"bucket": {"width_bucket($1, $2, $3, 5)::numeric", func(a []string) (string, error) {
		n, err := NumericWidthBucket(a[0], a[1], a[2], 5)
		return NumericFromInt64(int64(n)), err
	}},
	"compare": {"case when $1 < $2 then -1 when $1 > $2 then 1 else 0 end", func(a []string) (string, error) { return MakeNumeric(int64(NumericCompare(a[0], a[1])), 0), nil }},
	"sum":     {"(select sum(x) from unnest(array[$*]) x)", func(a []string) (string, error) { s := sumOf(a); return s.Sum() }},
	"avg":     {"(select avg(x) from unnest(array[$*]) x)", func(a []string) (string, error) { s := sumOf(a); return s.Avg() }},
	"stddev":  {"(select stddev_samp(x) from unnest(array[$*]) x)", func(a []string) (string, error) { return varianceOf(a, true, true) }},
	"var_pop": {"(select var_pop(x) from unnest(array[$*]) x)", func(a []string) (string, error) { return varianceOf(a, false, false) }},
	"fact": {"factorial(($1)::int8)", func(a []string) (string, error) {
		n, err := NumericToInt8(a[0])
		if err != nil {
			return "", err
		}
		return NumericFactorial(n)
	}},
}

func withInt(f func(string, int) (string, error)) func(a []string) (string, error) {
	return func(a []string) (string, error) {
		n, err := NumericToInt4(a[1])
		if err != nil {
			return "", err
		}
		return f(a[0], int(n))
	}
}

func sumOf(a []string) (s NumericSum) {
	for _, v := range a {
		s.Add(v)
	}
	return s
}

func varianceOf(a []string, sample, stddev bool) (string, error) {
	var sum, squares NumericSum
	for _, v := range a {
		sum.Add(v)
		sq, err := NumericMul(v, v)
		if err != nil {
			return "", err
		}
		squares.Add(sq)
	}
	s, err := sum.Sum()
	if err != nil {
		return "", err
	}
	q, err := squares.Sum()
	if err != nil {
		return "", err
	}
	r, _, err := NumericVariance(int64(len(a)), s, q, sample, stddev)
	return r, err
}

func formNumeric(t *testing.T, conn *pgx.Conn, words []string) string {
	f, ok := formFuncs[words[0]]
	if !ok {
		t.Fatalf("unknown function %s", words[0])
	}
	if conn != nil {
		sql := f.sql
		var all []string
		for i, w := range words[1:] {
			lit := "'" + w + "'::numeric"
			all = append(all, lit)
			sql = strings.ReplaceAll(sql, "$"+strconv.Itoa(i+1), lit)
		}
		sql = strings.ReplaceAll(sql, "$*", strings.Join(all, ", "))
		var s string
		if err := conn.QueryRow(context.Background(), "select ("+sql+")::text").Scan(&s); err != nil {
			return refError(err)
		}
		return s
	}
	var args []string
	for _, w := range words[1:] {
		v, err := ParseNumeric(w)
		if err != nil {
			t.Fatal(err)
		}
		args = append(args, v)
	}
	r, err := f.f(args)
	if err != nil {
		return refError(err)
	}
	return NumericString(r)
}
