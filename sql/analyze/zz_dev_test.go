package analyze_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/analyze"
	"kimberlite/sql/catalog"
	"kimberlite/sql/parser"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

func loadCatalog(t *testing.T, conn *pgx.Conn) *analyze.Env {
	ctx := context.Background()
	o := catalog.NewOverlay(catalog.NewSnapshot().Apply(catalog.Bootstrap()).Bind(catalog.PostgresOID))
	q := func(sql string, f func(v []any)) {
		rows, err := conn.Query(ctx, sql, pgx.QueryExecModeSimpleProtocol)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			v, err := rows.Values()
			if err != nil {
				t.Fatal(err)
			}
			f(v)
		}
		if rows.Err() != nil {
			t.Fatal(rows.Err(), sql)
		}
	}
	i := func(v any) int64 {
		switch x := v.(type) {
		case int64:
			return x
		case int32:
			return int64(x)
		case int16:
			return int64(x)
		case uint32:
			return int64(x)
		}
		return 0
	}
	b1 := func(v any) byte {
		switch x := v.(type) {
		case string:
			if x != "" {
				return x[0]
			}
		case rune:
			return byte(x)
		case int8:
			return byte(x)
		}
		return 0
	}
	q("select oid::int8, nspname::text from pg_namespace where oid>=16384", func(v []any) {
		o.Put(&catalog.Schema{Header: catalog.Header{OID: types.OID(i(v[0])), Database: catalog.PostgresOID, Name: v[1].(string)}})
	})
	q(`select t.oid::int8, typname::text, typnamespace::int8, typtype::text, typcategory::text, typarray::int8, typbasetype::int8, typtypmod::int4, typcollation::int8, typrelid::int8, typelem::int8, coalesce(array_to_string(array(select enumlabel from pg_enum e where enumtypid=t.oid order by enumsortorder),chr(1)),''), rngsubtype::int8, rngmultitypid::int8
	  from pg_type t left join pg_range on rngtypid=t.oid where t.oid>=16384 and typtype in ('e','d','r','m') order by t.oid`, func(v []any) {
		h := catalog.Header{OID: types.OID(i(v[0])), Database: catalog.PostgresOID, Name: v[1].(string)}
		ty := types.Type{OID: h.OID, Name: h.Name, Namespace: types.OID(i(v[2])), Kind: types.Kind(b1(v[3])), Category: b1(v[4]), Array: types.OID(i(v[5])), Defined: true, Len: -1, BaseMod: -1, Collation: types.OID(i(v[8])), Class: types.Bytes}
		switch ty.Kind {
		case types.KindEnum:
			ty.Class = types.Fixed
			for k, l := range strings.Split(v[11].(string), "\x01") {
				ty.Labels = append(ty.Labels, types.EnumLabel{Label: l, Key: int64(k+1) << 32})
			}
		case types.KindDomain:
			ty.Base, ty.BaseMod = types.OID(i(v[6])), int32(i(v[7]))
		case types.KindRange:
			ty.Range = &types.RangeInfo{Subtype: types.OID(i(v[12])), Multirange: types.OID(i(v[13]))}
		case types.KindMultirange:
			return
		}
		o.Put(&catalog.TypeDesc{Header: h, Type: ty})
	})
	rels := map[types.OID]*catalog.Relation{}
	q(`select c.oid::int8, relname::text, relnamespace::int8, relkind::text, reltype::int8, coalesce((select typarray from pg_type where oid=reltype),0)::int8 from pg_class c where c.oid>=16384 and relkind in ('r','v','m','p','S','c','f') and relnamespace<>99`, func(v []any) {
		k := b1(v[3])
		if k == 'f' || k == 'p' {
			k = 'r'
		}
		r := &catalog.Relation{Header: catalog.Header{OID: types.OID(i(v[0])), Database: catalog.PostgresOID, Name: v[1].(string)}, Schema: types.OID(i(v[2])), RelKind: k, Persistence: 'p', RowType: types.OID(i(v[4])), RowArray: types.OID(i(v[5]))}
		rels[r.OID] = r
	})
	q(`select attrelid::int8, attname::text, atttypid::int8, atttypmod::int4, attcollation::int8, attisdropped, attidentity::text, attgenerated::text, atthasdef from pg_attribute where attrelid>=16384 and attnum>0 order by attrelid, attnum`, func(v []any) {
		if r := rels[types.OID(i(v[0]))]; r != nil {
			r.Columns = append(r.Columns, catalog.Column{Name: v[1].(string), T: types.T{OID: types.OID(i(v[2])), Mod: int32(i(v[3]))}, Collation: types.OID(i(v[4])), Dropped: v[5].(bool), Identity: b1(v[6]), Generated: b1(v[7])})
		}
	})
	q(`select oid::int8, conrelid::int8, conname::text, contype::text, array_to_string(conkey,','), condeferrable, conindid::int8 from pg_constraint where conrelid>=16384 and contype in ('p','u')`, func(v []any) {
		if r := rels[types.OID(i(v[1]))]; r != nil {
			c := catalog.Constraint{OID: types.OID(i(v[0])), Name: v[2].(string), Type: b1(v[3]), Deferrable: v[5].(bool), Index: types.OID(i(v[6]))}
			for _, k := range strings.Split(v[4].(string), ",") {
				var n int
				fmt.Sscan(k, &n)
				c.Cols = append(c.Cols, n)
			}
			r.Constraints = append(r.Constraints, c)
		}
	})
	q(`select i.indexrelid::int8, i.indrelid::int8, c.relname::text, array_to_string(indkey::int2[],','), indisunique, indimmediate from pg_index i join pg_class c on c.oid=indexrelid where indrelid>=16384 and indpred is null and indexprs is null and indisunique`, func(v []any) {
		r := rels[types.OID(i(v[1]))]
		if r == nil {
			return
		}
		ix := &catalog.Relation{Header: catalog.Header{OID: types.OID(i(v[0])), Database: catalog.PostgresOID, Name: v[2].(string)}, Schema: r.Schema, RelKind: 'i', Index: &catalog.Index{Table: r.OID, Unique: true, Valid: true, Immediate: v[5].(bool)}}
		for _, c := range r.Constraints {
			if c.Index == ix.OID {
				ix.Index.Constraint = c.OID
			}
		}
		for _, k := range strings.Split(v[3].(string), ",") {
			var n int
			fmt.Sscan(k, &n)
			if n > 0 && n <= len(r.Columns) {
				ix.Index.Keys = append(ix.Index.Keys, catalog.IndexKey{Att: n, T: r.Columns[n-1].T})
			}
		}
		r.Indexes = append(r.Indexes, ix.OID)
		o.Put(ix)
	})
	q(`select inhrelid::int8, inhparent::int8 from pg_inherits`, func(v []any) {
		if r := rels[types.OID(i(v[0]))]; r != nil {
			r.Parents = append(r.Parents, types.OID(i(v[1])))
		}
	})
	for _, r := range rels {
		o.Put(r)
	}
	var path []types.OID
	q(`select n.oid::int8 from unnest(current_schemas(true)) with ordinality as s(n,o) join pg_namespace n on n.nspname=s.n order by o`, func(v []any) { path = append(path, types.OID(i(v[0]))) })
	o.SetPath(path)
	env := &analyze.Env{Catalog: o, SearchPath: path, ParamVariable: true, IO: &types.Ctx{TimeZone: time.UTC, Types: o, Reg: liveRegs{conn}, ExtraFloatDigits: 1}}
	q(`select oid::int8, pg_get_viewdef(oid), coalesce(array_to_string(reloptions,','),'') from pg_class where relkind='v' and oid>=16384 order by oid`, func(v []any) {
		r := *rels[types.OID(i(v[0]))]
		stmts, err := parser.Parse(v[1].(string))
		if err != nil {
			fmt.Println("VIEW", r.Name, err, v[1])
			return
		}
		vq, err := analyze.AnalyzeView(env, stmts[0].Raw, nil)
		if err != nil {
			if !strings.Contains(err.Error(), "function") {
				fmt.Println("VIEW", r.Name, err, v[1])
			}
			return
		}
		r.View = &catalog.View{Query: tree.EncodeQuery(vq)}
		opts := v[2].(string)
		if strings.Contains(opts, "check_option=local") {
			r.View.CheckOption = 'l'
		} else if strings.Contains(opts, "check_option=cascaded") {
			r.View.CheckOption = 'c'
		}
		o.Put(&r)
	})
	q(`select coalesce((select oid from pg_namespace where nspname='pg_temp_'||0),0)::int8, pg_my_temp_schema()::int8`, func(v []any) { env.TempSchema = types.OID(i(v[1])) })
	return env
}

type liveRegs struct{ conn *pgx.Conn }

func (r liveRegs) RegIn(typ types.OID, text string) (types.OID, error) { return 1, nil }
func (r liveRegs) RegOut(_, oid types.OID) string                     { return fmt.Sprint(oid) }

func TestDevRegress(t *testing.T) {
	dir := os.Getenv("REGRESS")
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, "host=127.0.0.1 port=55432 user=postgres dbname=analyze_reg")
	if err != nil {
		t.Fatal(err)
	}
	exec := func(sql string) error {
		c, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		_, err := conn.PgConn().Exec(c, sql).ReadAll()
		return err
	}
	exec("SET client_min_messages = error; SET statement_timeout='5s'; set timezone='UTC'")
	format := map[string]string{}
	ftype := func(oid uint32, mod int32) string {
		k := fmt.Sprint(oid, ",", mod)
		if s, ok := format[k]; ok {
			return s
		}
		var s string
		conn.QueryRow(ctx, "SELECT format_type($1, $2)", oid, mod).Scan(&s)
		format[k] = s
		return s
	}
	total, bad, userfn := 0, 0, 0
	for _, f := range strings.Fields(os.Getenv("FILES")) {
		exec("ROLLBACK")
		text, err := os.ReadFile(filepath.Join(dir, f+".sql"))
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		copying := false
		for _, l := range strings.Split(string(text), "\n") {
			if copying {
				copying = l != `\.`
				continue
			}
			low := strings.ToLower(l)
			if strings.HasPrefix(low, "copy ") && strings.Contains(low, "stdin") {
				copying = true
				continue
			}
			if strings.HasPrefix(l, `\`) {
				continue
			}
			if k := strings.Index(l, ` \`); k >= 0 && !strings.Contains(l, "'") {
				l = l[:k] + ";"
			}
			lines = append(lines, l)
		}
		stmts, err := pg.SplitWithScanner(strings.Join(lines, "\n"), true)
		if err != nil {
			t.Log(f, err)
			continue
		}
		env := loadCatalog(t, conn)
		dirty := false
		for _, sql := range stmts {
			if conn.PgConn().TxStatus() == 'E' {
				exec("ROLLBACK")
				dirty = true
			}
			low := strings.ToLower(strings.TrimLeft(stripComments(sql), " \n\t("))
			word := low
			if k := strings.IndexAny(low, " \n\t(;"); k >= 0 {
				word = low[:k]
			}
			switch word {
			case "select", "insert", "update", "delete", "with", "values", "table", "merge":
			default:
				if strings.HasPrefix(low, "create database") || strings.HasPrefix(low, "vacuum") || strings.HasPrefix(low, "copy") {
					continue
				}
				exec(sql)
				dirty = true
				if strings.Contains(low, "drop") || strings.Contains(low, "type") {
					clear(format)
				}
				continue
			}
			if strings.Contains(low, " into ") && word == "select" && !strings.Contains(low, "insert into") {
				exec(sql)
				dirty = true
				continue
			}
			d, err := conn.PgConn().Prepare(ctx, "", sql, nil)
			var e *pgconn.PgError
			var want string
			if errors.As(err, &e) {
				want = printError(e.Code, e.Message, e.Detail, e.Hint, int(e.Position))
			} else if err != nil {
				t.Log("CONN", f, sql, err)
				conn, _ = pgx.Connect(ctx, "host=127.0.0.1 port=55432 user=postgres dbname=analyze_reg")
				continue
			}
			if conn.PgConn().TxStatus() == 'E' {
				exec("ROLLBACK")
				dirty = true
			}
			if want == "" {
				var b strings.Builder
				for i, p := range d.ParamOIDs {
					fmt.Fprintf(&b, "$%d %s\n", i+1, ftype(p, -1))
				}
				for _, f := range d.Fields {
					fmt.Fprintf(&b, "%s: %s\n", f.Name, ftype(f.DataTypeOID, f.TypeModifier))
				}
				if want = b.String(); want == "" {
					want = "ok\n"
				}
			}
			if conn.PgConn().TxStatus() == 'E' {
				exec("ROLLBACK")
			}
			if dirty {
				env = loadCatalog(t, conn)
				dirty = false
			}
			total++
			got := func() (s string) {
				defer func() {
					if p := recover(); p != nil {
						s = fmt.Sprint("PANIC ", p)
					}
				}()
				return describeOurs(env, sql)
			}()
			if got != want {
				if strings.Contains(got, "function") && strings.Contains(got, "does not exist") && !strings.Contains(want, "function") {
					userfn++
					continue
				}
				if strings.Contains(want, "datestyle") || strings.Contains(got, "datestyle") {
					continue
				}
				bad++
				if len(sql) > 600 {
					sql = sql[:600] + "..."
				}
				fmt.Printf("=== %s\n%s\n--- want\n%s--- got\n%s", f, sql, want, got)
			}
		}
	}
	fmt.Printf("%d of %d differ, %d user functions\n", bad, total, userfn)
}

func stripComments(s string) string {
	for {
		s = strings.TrimLeft(s, " \n\t(")
		if strings.HasPrefix(s, "--") {
			k := strings.IndexByte(s, '\n')
			if k < 0 {
				return ""
			}
			s = s[k+1:]
			continue
		}
		if strings.HasPrefix(s, "/*") {
			k := strings.Index(s, "*/")
			if k < 0 {
				return ""
			}
			s = s[k+2:]
			continue
		}
		return s
	}
}
