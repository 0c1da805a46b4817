// Command gen writes the built-in rows of the system catalogs from a running PostgreSQL 15:
//
//	go run ./sql/catalog/gen -dsn postgres://postgres@localhost/template1 -dir sql/catalog/data
//
// It leaves one file a catalog in COPY's text format, columns in the catalog's own order but for these differences: names of
// functions are OIDs, expression trees are SQL text, and what is the same in every row is left out (see the queries).
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"go/format"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// whole lists the catalogs that are written column by column as they are, with a condition and an order.
var whole = []struct{ name, where, order string }{
	{"pg_proc", "oid < 16384", "oid"},
	{"pg_operator", "oid < 16384", "oid"},
	{"pg_cast", "oid < 16384", "oid"},
	{"pg_aggregate", "aggfnoid::oid < 16384", "aggfnoid::oid"},
	{"pg_am", "oid < 16384", "oid"},
	{"pg_amop", "oid < 16384", "oid"},
	{"pg_amproc", "oid < 16384", "oid"},
	{"pg_opclass", "oid < 16384", "oid"},
	{"pg_opfamily", "oid < 16384", "oid"},
	// Linguistic collations are not ours to promise: only the bytewise ones are kept.
	{"pg_collation", "oid < 16384 and (collname = 'default' or collcollate in ('C', 'POSIX', 'C.utf8'))", "oid"},
	{"pg_language", "oid < 16384", "oid"},
	{"pg_conversion", "oid < 16384", "oid"},
	{"pg_ts_config", "oid < 16384", "oid"},
	{"pg_ts_config_map", "mapcfg < 16384", "mapcfg, maptokentype, mapseqno"},
	{"pg_ts_dict", "oid < 16384", "oid"},
	{"pg_ts_parser", "oid < 16384", "oid"},
	{"pg_ts_template", "oid < 16384", "oid"},
	{"pg_range", "rngtypid < 16384", "rngtypid"},
	{"pg_extension", "oid < 16384", "oid"},
	{"pg_init_privs", "objoid < 16384", "classoid, objoid, objsubid"},
	{"pg_index", "indexrelid < 16384", "indrelid, indexrelid"},
	{"pg_constraint", "oid < 16384", "oid"},
	{"pg_depend", "objid < 16384 and refobjid < 16384", "classid, objid, objsubid, refclassid, refobjid, refobjsubid"},
	{"information_schema.sql_features", "true", "feature_id, sub_feature_id"},
	{"information_schema.sql_implementation_info", "true", "implementation_info_id"},
	{"information_schema.sql_parts", "true", "feature_id"},
	{"information_schema.sql_sizing", "true", "sizing_id"},
}

// queries are the files that need a query of their own.
var queries = []struct{ file, sql string }{
	{"pg_description", `select objoid, classoid, objsubid, description from pg_description where objoid < 16384
		and not (classoid = 'pg_collation'::regclass and objoid in (select oid from pg_collation where collprovider = 'i'))
		order by classoid, objoid, objsubid`},
	{"pg_class", `select oid, relname, relnamespace, reltype, relam, relfilenode, reltablespace, relpages, reltuples, reltoastrelid, relhasindex, relisshared,
		relkind, relnatts, relchecks, relhasrules, relreplident, relfrozenxid, relminmxid, relacl, reloptions
		from pg_class where oid < 16384 order by oid`},
	{"pg_attribute", `select attrelid, attname, atttypid, attstattarget, attlen, attnum, attndims, atttypmod, attbyval, attalign, attstorage, attnotnull, attcollation, attacl
		from pg_attribute where attrelid < 16384 and attnum > 0 order by attrelid, attnum`},
	{"pg_rewrite", `select oid, rulename, ev_class, ev_type, ev_enabled, is_instead from pg_rewrite where oid < 16384 order by oid`},
	// The text of the system views, for pg_get_viewdef.
	{"viewdefs", `select oid, pg_get_viewdef(oid) from pg_class where relkind = 'v' and oid < 16384 order by oid`},
	{"pg_settings", `select name, unit, category, short_desc, extra_desc, context, vartype, min_val, max_val, enumvals, boot_val
		from pg_settings order by name collate "C"`},
	{"pg_timezone_abbrevs", `select abbrev, utc_offset, is_dst from pg_timezone_abbrevs order by abbrev collate "C"`},
	// The keywords of pg_get_keywords.
	{"keywords", `select word, catcode, barelabel from pg_get_keywords() order by word collate "C"`},
}

func main() {
	dsn := flag.String("dsn", "", "connection string of a PostgreSQL 15 server")
	dir := flag.String("dir", ".", "where to write")
	flag.Parse()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, *dsn)
	check(err)
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "set search_path = pg_catalog")
	check(err)

	for _, w := range whole {
		sql := fmt.Sprintf("select %s from %s where %s order by %s", columns(ctx, conn, w.name), w.name, w.where, w.order)
		dump(ctx, conn, *dir, strings.TrimPrefix(w.name, "information_schema."), sql)
	}
	for _, q := range queries {
		dump(ctx, conn, *dir, q.file, q.sql)
	}
	check(os.WriteFile(filepath.Join(*dir, "..", "data_files.go"), embeds(), 0o644))
}

// embeds is the Go file with a variable for each data file: as strings they are never copied to the heap.
func embeds() []byte {
	var names []string
	for _, w := range whole {
		names = append(names, strings.TrimPrefix(w.name, "information_schema."))
	}
	for _, q := range queries {
		names = append(names, q.file)
	}
	slices.Sort(names)
	var b bytes.Buffer
	b.WriteString("// Code generated by sql/catalog/gen; DO NOT EDIT.\n\npackage catalog\n\nimport _ \"embed\"\n\nvar (\n")
	for _, n := range names {
		fmt.Fprintf(&b, "\t//go:embed data/%s.tsv\n\ttsv_%s string\n", n, n)
	}
	b.WriteString(")\n\nvar dataFiles = map[string]*string{\n")
	for _, n := range names {
		fmt.Fprintf(&b, "\t%q: &tsv_%s,\n", n, n)
	}
	b.WriteString("}\n")
	src, err := format.Source(b.Bytes())
	check(err)
	return src
}

// columns is the select list for all columns of a catalog.
func columns(ctx context.Context, conn *pgx.Conn, relation string) string {
	rows, err := conn.Query(ctx, `select attname::text, atttypid::regtype::text from pg_attribute
		where attrelid = $1::regclass and attnum > 0 order by attnum`, relation)
	check(err)
	var list []string
	for rows.Next() {
		var name, typ string
		check(rows.Scan(&name, &typ))
		switch {
		case name == "prosqlbody":
			name = "pg_get_function_sqlbody(oid)"
		case name == "proargdefaults":
			name = "pg_get_expr(proargdefaults, 0)"
		case typ == "pg_node_tree":
			name = "null"
		case typ == "regproc":
			name += "::oid"
		}
		list = append(list, name)
	}
	check(rows.Err())
	return strings.Join(list, ", ")
}

func dump(ctx context.Context, conn *pgx.Conn, dir, file, sql string) {
	var b bytes.Buffer
	_, err := conn.PgConn().CopyTo(ctx, &b, "copy ("+sql+") to stdout")
	check(err)
	check(os.WriteFile(filepath.Join(dir, file+".tsv"), b.Bytes(), 0o644))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
