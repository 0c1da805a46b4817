package types

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"kimberlite/sql/pgerr"
)

// With -reference and -rewrite the expectations under testdata/pg are PostgreSQL's own answers:
//
//	go test ./sql/types -run TestReference -rewrite -reference postgres://postgres@127.0.0.1:5432/postgres
//
// A command is a block; each line of it is a case, its arguments separated by " | ". Arguments of commands:
//
//	in type=T          text in, text out
//	func name=F types=(T1,T2)   F($1::T1, $2::T2) by its output function
//	op name=O types=(L,R)       $1::L O $2::R (a unary one has one type)
//
// and the settings tz, datestyle and intervalstyle. In an argument \N is NULL, \e the empty text and \s a blank.
var referenceDSN = flag.String("reference", "", "DSN of a PostgreSQL 15 server whose answers are the expectations")

func TestReference(t *testing.T) {
	var conn *pgx.Conn
	if *referenceDSN != "" {
		config, err := pgx.ParseConfig(*referenceDSN)
		if err != nil {
			t.Fatal(err)
		}
		config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
		if conn, err = pgx.ConnectConfig(context.Background(), config); err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.Background())
	}
	datadriven.Walk(t, "testdata/pg", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			c := newRefCommand(t, d)
			var out strings.Builder
			for _, line := range strings.Split(d.Input, "\n") {
				var res string
				if conn != nil {
					res = c.askPostgres(t, conn, line)
				} else {
					res = c.eval(t, line)
				}
				out.WriteString(res + "\n")
			}
			return out.String()
		})
	})
}

type refCommand struct {
	cmd, name string
	types     []string
	ctx       *Ctx
	settings  []string
}

func newRefCommand(t *testing.T, d *datadriven.TestData) *refCommand {
	c := &refCommand{cmd: d.Cmd}
	ctx := *DefaultCtx
	c.ctx = &ctx
	tz, datestyle, intervalstyle := "UTC", "ISO, MDY", "postgres"
	for _, a := range d.CmdArgs {
		switch a.Key {
		case "type":
			c.types = a.Vals
		case "types":
			c.types = a.Vals
		case "name":
			c.name = a.Vals[0]
		case "tz":
			tz = a.Vals[0]
		case "datestyle":
			datestyle = strings.Join(a.Vals, ", ")
		case "intervalstyle":
			intervalstyle = a.Vals[0]
		default:
			d.Fatalf(t, "unknown argument %s", a.Key)
		}
	}
	loc, name, err := LoadZone(tz)
	if err != nil {
		d.Fatalf(t, "%v", err)
	}
	ctx.TimeZone, ctx.TimeZoneName = loc, name
	style := strings.Split(datestyle, ", ")
	ctx.DateStyle = map[string]DateStyle{"ISO": DateStyleISO, "Postgres": DateStylePostgres, "SQL": DateStyleSQL, "German": DateStyleGerman}[style[0]]
	ctx.DateOrder = map[string]DateOrder{"MDY": DateOrderMDY, "DMY": DateOrderDMY, "YMD": DateOrderYMD}[style[1]]
	ctx.IntervalStyle = map[string]IntervalStyle{"postgres": IntervalPostgres, "postgres_verbose": IntervalPostgresVerbose,
		"sql_standard": IntervalSQLStandard, "iso_8601": IntervalISO8601}[intervalstyle]
	c.settings = []string{"SET TimeZone = '" + tz + "'", "SET DateStyle = '" + datestyle + "'", "SET IntervalStyle = '" + intervalstyle + "'"}
	return c
}

func refArgs(line string) []string {
	args := strings.Split(line, " | ")
	for i, a := range args {
		args[i] = strings.NewReplacer(`\e`, "", `\s`, " ", `\n`, "\n").Replace(a)
	}
	return args
}

func (c *refCommand) askPostgres(t *testing.T, conn *pgx.Conn, line string) string {
	ctx := context.Background()
	for _, s := range c.settings {
		if _, err := conn.Exec(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	args := refArgs(line)
	quoted := make([]string, len(args))
	for i, a := range args {
		quoted[i] = "'" + strings.ReplaceAll(a, "'", "''") + "'"
		if a == `\N` {
			quoted[i] = "NULL"
		}
		if i < len(c.types) {
			quoted[i] = "(" + quoted[i] + ")::" + c.types[i]
		}
	}
	var expr string
	switch c.cmd {
	case "in":
		expr = quoted[0]
	case "func":
		if c.name == "jsonb_cmp" {
			// The sign only.
			c.name = "sign"
			quoted = []string{"jsonb_cmp(" + strings.Join(quoted, ", ") + ")"}
			defer func() { c.name = "jsonb_cmp" }()
		}
		expr = "(pg_catalog.\"" + c.name + "\"(" + strings.Join(quoted, ", ") + "))"
	case "op":
		if len(quoted) == 1 {
			expr = c.name + quoted[0]
		} else {
			expr = "(" + quoted[0] + " " + c.name + " " + quoted[1] + ")"
		}
	case "rows":
		expr = c.name + "(" + strings.Join(quoted, ", ") + ")"
		rows, err := conn.Query(ctx, "SELECT x::text FROM "+expr+" x")
		if err != nil {
			return refError(err)
		}
		var out []string
		for rows.Next() {
			var s *string
			if err := rows.Scan(&s); err != nil {
				t.Fatal(err)
			}
			if s == nil {
				out = append(out, `\N`)
			} else {
				out = append(out, *s)
			}
		}
		if rows.Err() != nil {
			return refError(rows.Err())
		}
		return strings.Join(out, " ; ")
	default:
		t.Fatalf("unknown command %s", c.cmd)
	}
	var res *string
	if err := conn.QueryRow(ctx, "SELECT CASE WHEN x IS NOT NULL THEN format('%s', x) END FROM (SELECT "+expr+" AS x) q").Scan(&res); err != nil {
		return refError(err)
	}
	if res == nil {
		return `\N`
	}
	return refText(*res)
}

func refText(s string) string { return strings.ReplaceAll(s, "\n", `\n`) }

func refError(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return refErrorText(pg.Code, pg.Message, pg.Detail, pg.Hint, pg.Where)
	}
	e := pgerr.From(err)
	return refErrorText(e.Code, e.Message, e.Detail, e.Hint, e.Where)
}

func refErrorText(code, message, detail, hint, where string) string {
	s := "ERROR " + code + ": " + message
	for _, part := range [][2]string{{"DETAIL", detail}, {"HINT", hint}, {"CONTEXT", where}} {
		if part[1] != "" {
			s += " " + part[0] + ": " + part[1]
		}
	}
	return refText(s)
}

// refTypes are the types that cases name, in SQL's words.
var refTypes = map[string]OID{"date": OIDDate, "time": OIDTime, "timetz": OIDTimetz, "timestamp": OIDTimestamp, "timestamptz": OIDTimestamptz,
	"interval": OIDInterval, "text": OIDText, "int": OIDInt4, "bigint": OIDInt8, "float8": OIDFloat8, "numeric": OIDNumeric,
	"json": OIDJson, "jsonb": OIDJsonb, "inet": OIDInet, "cidr": OIDCidr, "macaddr": OIDMacaddr, "macaddr8": OIDMacaddr8, "bool": OIDBool,
	"jsonpath": OIDJsonpath, "float4": OIDFloat4}

// refType reads a type with its modifier: interval(2), timestamp(0), interval hour to second.
func refType(t *testing.T, s string) T {
	if oid, ok := refTypes[s]; ok {
		return Of(oid)
	}
	if name, mod, ok := strings.Cut(s, "("); ok {
		prec, err := strconv.Atoi(strings.TrimSuffix(mod, ")"))
		if oid, known := refTypes[name]; known && err == nil {
			if oid == OIDInterval {
				return T{oid, intervalFullRange<<16 | int32(prec)}
			}
			return T{oid, int32(prec)}
		}
	}
	if fields, ok := strings.CutPrefix(s, "interval"); ok {
		for mask := int32(1); mask < 1<<13; mask++ {
			if intervalFields(mask) == fields {
				return T{OIDInterval, mask<<16 | intervalFullPrec}
			}
		}
	}
	t.Fatalf("unknown type %q", s)
	return T{}
}

func (c *refCommand) eval(t *testing.T, line string) string {
	args := refArgs(line)
	var vals []Datum
	for i, a := range args {
		if a == `\N` {
			vals = append(vals, NullDatum)
			continue
		}
		typ := Of(OIDText)
		if i < len(c.types) {
			typ = refType(t, c.types[i])
		}
		d, err := In(c.ctx, typ, a)
		if err != nil {
			return refError(err)
		}
		vals = append(vals, d)
	}
	if c.cmd == "in" {
		return refText(Text(c.ctx, refType(t, c.types[0]), vals[0]))
	}
	key := c.name + "(" + strings.Join(c.types, ",") + ")"
	f := refFuncs[key]
	if f == nil {
		t.Fatalf("the test knows no %s", key)
	}
	res, err := f(c.ctx, vals)
	if err != nil {
		return refError(err)
	}
	return refText(res)
}

// refFuncs computes a function or operator on values and gives the result's text.
var refFuncs = map[string]func(ctx *Ctx, v []Datum) (string, error){}

func refRegister(signature string, f func(ctx *Ctx, v []Datum) (string, error)) {
	if refFuncs[signature] != nil {
		panic(fmt.Sprintf("two functions %s", signature))
	}
	refFuncs[signature] = f
}

// refResult prints a result of a type.
func refResult(ctx *Ctx, oid OID, d Datum, err error) (string, error) {
	if err != nil {
		return "", err
	}
	if d.Null {
		return `\N`, nil
	}
	return Text(ctx, Of(oid), d), nil
}

// refBool is the output function of boolean.
func refBool(b bool) string {
	if b {
		return "t"
	}
	return "f"
}
