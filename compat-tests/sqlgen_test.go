package compat

import (
	"fmt"
	"math/rand"
	"strings"
)

// choices is where a random query comes from: a list of small numbers, each the answer to one question ("which of n?"). The first alternative of every
// question is the simplest one, so that a failing query gets smaller by making numbers zero and by leaving numbers out.
type choices struct {
	list []int
	pos  int
	rnd  *rand.Rand // supplies further numbers; nil: they are all zero
}

func (c *choices) pick(n int) int {
	if c.pos == len(c.list) {
		v := 0
		if c.rnd != nil {
			v = c.rnd.Intn(n)
		}
		c.list = append(c.list, v)
	}
	v := c.list[c.pos] % n
	c.pos++
	return v
}

// chance is true in one of n cases, and never by the simplest choice.
func (c *choices) chance(n int) bool { return c.pick(n) == n-1 && n > 1 }

// kind is the type of a generated expression.
type kind int

const (
	kInt kind = iota
	kText
	kBool
)

type column struct {
	name string
	k    kind
}

// source is an entry of a FROM clause that expressions can refer to.
type source struct {
	alias string
	cols  []column
}

// generator writes one query. Everything in it has one answer only: ORDER BY covers all columns under LIMIT, aggregates don't depend on the order of
// their input, and no expression can fail for some rows only.
type generator struct {
	*choices
	aliases int
	depth   int
	ctes    []source
	maxDeep int
}

// genTables are the tables that queries read; the script fills them with few different values and NULLs.
var genTables = []source{
	{"r1", []column{{"a", kInt}, {"b", kInt}, {"c", kText}}},
	{"r2", []column{{"a", kInt}, {"b", kInt}, {"d", kInt}}},
	{"r3", []column{{"id", kInt}, {"b", kInt}, {"c", kText}, {"f", kBool}}},
	{"r4", []column{{"id", kInt}, {"r3_id", kInt}, {"d", kInt}}},
	{"r0", []column{{"a", kInt}, {"c", kText}}},
}

const genSchema = `
DROP TABLE IF EXISTS r1, r2, r3, r4, r0;
CREATE TABLE r1 (a int, b int, c text);
CREATE TABLE r2 (a int, b int, d int NOT NULL);
CREATE TABLE r3 (id int PRIMARY KEY, b int, c text, f bool);
CREATE TABLE r4 (id int PRIMARY KEY, r3_id int, d int);
CREATE TABLE r0 (a int, c text);
INSERT INTO r0 VALUES (1, 'a'), (2, NULL), (NULL, 'c'), (2, 'a');
INSERT INTO r1 SELECT nullif(i % 5, 0), nullif(i * 7 % 4, 1), nullif(chr(97 + i % 3), 'b') FROM generate_series(1, 9) i;
INSERT INTO r2 SELECT nullif(i % 4, 3), nullif(i * 5 % 7, 0), i % 3 FROM generate_series(1, 8) i;
INSERT INTO r3 SELECT i, nullif(i % 5, 2), nullif(chr(97 + i % 4), 'd'), CASE i % 3 WHEN 0 THEN true WHEN 1 THEN false END FROM generate_series(1, 12) i;
INSERT INTO r4 SELECT i, nullif(i % 6, 0), i % 4 FROM generate_series(1, 14) i;
CREATE INDEX ON r2 (a, b);
CREATE INDEX ON r4 (r3_id);
CREATE INDEX ON r3 (c);
ANALYZE;`

// generate writes the query that the choices stand for.
func generate(c *choices, maxDeep int) string {
	g := &generator{choices: c, maxDeep: maxDeep}
	return g.statement()
}

func (g *generator) statement() string {
	with := ""
	if g.chance(4) {
		with = g.with()
	}
	q, _ := g.query(nil, g.targetKinds(), true)
	return with + q
}

func (g *generator) targetKinds() []kind {
	ks := make([]kind, 1+g.pick(3))
	for i := range ks {
		ks[i] = kind(g.pick(3))
	}
	return ks
}

func (g *generator) alias(prefix string) string {
	g.aliases++
	return fmt.Sprintf("%s%d", prefix, g.aliases)
}

// with writes WITH queries, which the rest of the statement may read.
func (g *generator) with() string {
	var parts []string
	recursive := false
	for i := 0; i <= g.pick(2); i++ {
		name := g.alias("w")
		kinds := g.targetKinds()
		hint := []string{"", " MATERIALIZED", " NOT MATERIALIZED"}[g.pick(3)]
		var body string
		src := source{alias: name}
		if g.chance(4) {
			recursive = true
			kinds = []kind{kInt, kInt}
			src.cols = []column{{"x1", kInt}, {"x2", kInt}}
			start, _ := g.query(nil, kinds, false)
			union := []string{"UNION", "UNION ALL"}[g.pick(2)]
			body = fmt.Sprintf("SELECT * FROM (%s) s0(x1, x2) %s SELECT %s.x1 + 1, %s FROM %s WHERE %s.x1 < %d", start, union, name, name+".x2", name, name, 3+g.pick(3))
		} else {
			body, _ = g.query(nil, kinds, false)
			for i, k := range kinds {
				src.cols = append(src.cols, column{fmt.Sprintf("x%d", i+1), k})
			}
		}
		var cols []string
		for _, c := range src.cols {
			cols = append(cols, c.name)
		}
		parts = append(parts, fmt.Sprintf("%s(%s) AS%s (%s)", name, strings.Join(cols, ", "), hint, body))
		g.ctes = append(g.ctes, src)
	}
	if recursive {
		return "WITH RECURSIVE " + strings.Join(parts, ", ") + " "
	}
	return "WITH " + strings.Join(parts, ", ") + " "
}

// query writes a SELECT of the kinds; outer are the entries of the levels above.
func (g *generator) query(outer []source, kinds []kind, top bool) (string, []source) {
	g.depth++
	defer func() { g.depth-- }()
	if g.depth < g.maxDeep && g.chance(7) {
		return g.setOp(outer, kinds), nil
	}
	from, scope := g.from(outer)
	where := ""
	if g.pick(3) > 0 {
		where = " WHERE " + g.pred(append(scope, outer...), 2)
	}
	var q string
	switch g.pick(6) {
	case 4:
		q = g.grouped(scope, outer, kinds, from, where)
	case 5:
		q = g.windowed(scope, outer, kinds, from, where)
	default:
		distinct := ""
		if g.chance(5) {
			distinct = "DISTINCT "
		}
		q = "SELECT " + distinct + strings.Join(g.exprs(append(scope, outer...), kinds, 2), ", ") + " FROM " + from + where
	}
	return q + g.orderLimit(len(kinds), top), scope
}

// orderLimit sorts by all columns and takes some rows.
func (g *generator) orderLimit(n int, top bool) string {
	if !g.chance(6) {
		return ""
	}
	var by []string
	for i := 1; i <= n; i++ {
		by = append(by, fmt.Sprint(i)+[]string{"", " DESC", " NULLS FIRST", " DESC NULLS LAST"}[g.pick(4)])
	}
	s := " ORDER BY " + strings.Join(by, ", ")
	if !top || g.chance(2) {
		s += fmt.Sprintf(" LIMIT %d", 1+g.pick(8))
		if g.chance(3) {
			s += fmt.Sprintf(" OFFSET %d", g.pick(4))
		}
	}
	return s
}

func (g *generator) setOp(outer []source, kinds []kind) string {
	l, _ := g.query(outer, kinds, false)
	r, _ := g.query(outer, kinds, false)
	op := []string{"UNION ALL", "UNION", "INTERSECT", "EXCEPT", "INTERSECT ALL", "EXCEPT ALL"}[g.pick(6)]
	return fmt.Sprintf("(%s) %s (%s)", l, op, r)
}

// grouped writes a query with GROUP BY: its target list is made of grouping columns and aggregates.
func (g *generator) grouped(scope, outer []source, kinds []kind, from, where string) string {
	var keys []string
	var keyKinds []kind
	for i := g.pick(3); i > 0; i-- {
		k := kind(g.pick(3))
		if e := g.column(scope, k); e != "" {
			keys, keyKinds = append(keys, e), append(keyKinds, k)
		}
	}
	target := make([]string, len(kinds))
	for i, k := range kinds {
		target[i] = g.aggregate(scope, k)
		if g.chance(2) {
			for j, kk := range keyKinds {
				if kk == k {
					target[i] = keys[j]
				}
			}
		}
	}
	s := "SELECT " + strings.Join(target, ", ") + " FROM " + from + where
	if len(keys) > 0 {
		s += " GROUP BY " + g.grouping(keys)
	}
	if g.chance(3) {
		s += fmt.Sprintf(" HAVING %s %s %d", g.aggregate(scope, kInt), g.compareOp(), g.pick(5))
	}
	return s
}

func (g *generator) grouping(keys []string) string {
	list := strings.Join(keys, ", ")
	switch g.pick(6) {
	case 3:
		return "ROLLUP (" + list + ")"
	case 4:
		return "CUBE (" + list + ")"
	case 5:
		return "GROUPING SETS ((" + list + "), (" + keys[0] + "), ())"
	}
	return list
}

// aggregate writes an aggregate call of the kind. It is NULL or a value whatever the rows are.
func (g *generator) aggregate(scope []source, k kind) string {
	filter := ""
	if g.chance(5) {
		filter = " FILTER (WHERE " + g.simplePred(scope) + ")"
	}
	arg := g.simple(scope, k)
	switch k {
	case kInt:
		switch g.pick(7) {
		case 0:
			return "count(*)" + filter
		case 1:
			return "max(" + arg + ")" + filter
		case 2:
			return "min(" + arg + ")" + filter
		case 3:
			return "count(" + arg + ")" + filter
		case 4:
			return "count(DISTINCT " + arg + ")" + filter
		case 5:
			return "sum(" + arg + ")" + filter
		}
		return "sum(DISTINCT " + arg + ")" + filter
	case kText:
		if g.chance(3) {
			return "string_agg(" + arg + ", ',' ORDER BY " + arg + ")" + filter
		}
		return []string{"max(", "min("}[g.pick(2)] + arg + ")" + filter
	}
	return []string{"bool_or(", "bool_and(", "every("}[g.pick(3)] + arg + ")" + filter
}

// windowed writes a query with window functions that treat peers alike.
func (g *generator) windowed(scope, outer []source, kinds []kind, from, where string) string {
	all := append(scope[:len(scope):len(scope)], outer...)
	target := make([]string, len(kinds))
	for i, k := range kinds {
		if k == kBool || g.pick(2) == 0 {
			target[i] = g.expr(all, k, 1)
			continue
		}
		part, order := "", ""
		if g.pick(2) == 1 {
			part = "PARTITION BY " + g.simple(scope, kind(g.pick(3)))
		}
		if g.pick(2) == 1 {
			order = " ORDER BY " + g.simple(scope, kInt) + []string{"", " DESC", " NULLS FIRST"}[g.pick(3)] + g.frame()
		}
		fn := "max(" + g.simple(scope, k) + ")"
		if k == kInt {
			switch g.pick(5) {
			case 1:
				fn = "sum(" + g.simple(scope, k) + ")"
			case 2:
				fn = "count(*)"
			case 3:
				fn, order = "rank()", strings.TrimSuffix(order, g.lastFrame(order))
			case 4:
				fn, order = "dense_rank()", strings.TrimSuffix(order, g.lastFrame(order))
			}
		}
		target[i] = fn + " OVER (" + part + order + ")"
	}
	return "SELECT " + strings.Join(target, ", ") + " FROM " + from + where
}

// frame writes a frame whose bounds don't divide peers.
func (g *generator) frame() string {
	bounds := []string{"UNBOUNDED PRECEDING", "1 PRECEDING", "CURRENT ROW", "1 FOLLOWING", "UNBOUNDED FOLLOWING"}
	mode := []string{"", " RANGE", " GROUPS"}[g.pick(3)]
	if mode == "" {
		return ""
	}
	from := g.pick(4)
	to := from + g.pick(5-from)
	if to == 0 {
		to = 2
	}
	return mode + " BETWEEN " + bounds[from] + " AND " + bounds[to] + []string{"", " EXCLUDE GROUP", " EXCLUDE NO OTHERS"}[g.pick(3)]
}

func (g *generator) lastFrame(order string) string {
	for _, mode := range []string{" RANGE", " GROUPS"} {
		if i := strings.Index(order, mode); i >= 0 {
			return order[i:]
		}
	}
	return ""
}

// from writes a FROM clause; outer is what LATERAL items may refer to besides those before them.
func (g *generator) from(outer []source) (string, []source) {
	n := 1 + g.pick(3)/2
	var items []string
	var scope []source
	for i := 0; i < n; i++ {
		item, s := g.fromItem(scope, outer, 2)
		items = append(items, item)
		scope = append(scope, s...)
	}
	return strings.Join(items, ", "), scope
}

func (g *generator) fromItem(before, outer []source, joins int) (string, []source) {
	if joins > 0 && g.pick(2) == 1 {
		return g.join(before, outer, joins-1)
	}
	alias := g.alias("t")
	if g.depth < g.maxDeep {
		switch g.pick(12) {
		case 6, 7:
			kinds := g.targetKinds()
			q, _ := g.query(outer, kinds, false)
			return g.derived("", q, alias, kinds)
		case 8:
			kinds := g.targetKinds()
			q, _ := g.query(append(before[:len(before):len(before)], outer...), kinds, false)
			return g.derived("LATERAL ", q, alias, kinds)
		case 9:
			return fmt.Sprintf("(VALUES (1, 'a'), (2, NULL), (NULL, 'c')) %s(v1, v2)", alias), []source{{alias, []column{{"v1", kInt}, {"v2", kText}}}}
		case 10:
			hi := "4"
			if c := g.column(before, kInt); c != "" && g.chance(2) {
				hi = c
			}
			return fmt.Sprintf("generate_series(1, %s) %s(n)", hi, alias), []source{{alias, []column{{"n", kInt}}}}
		case 11:
			if len(g.ctes) > 0 {
				w := g.ctes[g.pick(len(g.ctes))]
				return w.alias + " " + alias, []source{{alias, w.cols}}
			}
		}
	}
	t := genTables[g.pick(len(genTables))]
	return t.alias + " " + alias, []source{{alias, t.cols}}
}

func (g *generator) derived(prefix, q, alias string, kinds []kind) (string, []source) {
	s := source{alias: alias}
	var names []string
	for i, k := range kinds {
		s.cols = append(s.cols, column{fmt.Sprintf("x%d", i+1), k})
		names = append(names, s.cols[i].name)
	}
	return fmt.Sprintf("%s(%s) %s(%s)", prefix, q, alias, strings.Join(names, ", ")), []source{s}
}

// join writes a join of two items. LATERAL references can't cross to the side that is null-extended first, so only inner and left joins have them.
func (g *generator) join(before, outer []source, joins int) (string, []source) {
	word := []string{"JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN"}[g.pick(5)]
	l, ls := g.fromItem(before, outer, joins)
	seen := append(before[:len(before):len(before)], ls...)
	if word == "RIGHT JOIN" || word == "FULL JOIN" {
		seen = before
	}
	r, rs := g.fromItem(seen, outer, joins)
	both := append(ls[:len(ls):len(ls)], rs...)
	if word == "CROSS JOIN" {
		return fmt.Sprintf("(%s CROSS JOIN %s)", l, r), both
	}
	var on string
	switch {
	case word == "FULL JOIN":
		on = g.equality(ls, rs)
	case g.chance(4):
		on = g.pred(both, 2)
	case g.chance(6):
		on = g.pred(append(both, outer...), 1)
	default:
		on = g.equality(ls, rs)
		if g.chance(4) {
			on += " AND " + g.pred(both, 1)
		}
	}
	return fmt.Sprintf("(%s %s %s ON %s)", l, word, r, on), both
}

// equality joins two sides by a column each, or says true when they have none of one kind.
func (g *generator) equality(l, r []source) string {
	for try := 0; try < 3; try++ {
		k := kind(g.pick(3))
		a, b := g.column(l, k), g.column(r, k)
		if a != "" && b != "" {
			return a + " = " + b
		}
	}
	return "true"
}

// column names a column of the kind, or "" without one.
func (g *generator) column(scope []source, k kind) string {
	var all []string
	for _, s := range scope {
		for _, c := range s.cols {
			if c.k == k {
				all = append(all, s.alias+"."+c.name)
			}
		}
	}
	if len(all) == 0 {
		return ""
	}
	return all[g.pick(len(all))]
}

func (g *generator) constant(k kind) string {
	switch k {
	case kInt:
		return []string{"1", "2", "0", "3", "NULL::int", "7"}[g.pick(6)]
	case kText:
		return []string{"'a'", "'c'", "'zz'", "NULL::text"}[g.pick(4)]
	}
	return []string{"true", "false", "NULL::bool"}[g.pick(3)]
}

// simple is a column, or a constant when there is none.
func (g *generator) simple(scope []source, k kind) string {
	if c := g.column(scope, k); c != "" && !g.chance(5) {
		return c
	}
	return g.constant(k)
}

func (g *generator) exprs(scope []source, kinds []kind, deep int) []string {
	out := make([]string, len(kinds))
	for i, k := range kinds {
		out[i] = g.expr(scope, k, deep)
	}
	return out
}

func (g *generator) expr(scope []source, k kind, deep int) string {
	if deep == 0 || g.pick(3) < 2 {
		return g.simple(scope, k)
	}
	e := func() string { return g.expr(scope, k, deep-1) }
	switch g.pick(7) {
	case 1:
		return "coalesce(" + e() + ", " + e() + ")"
	case 2:
		return "CASE WHEN " + g.pred(scope, deep-1) + " THEN " + e() + " ELSE " + e() + " END"
	case 3:
		return "nullif(" + e() + ", " + e() + ")"
	case 4:
		if g.depth < g.maxDeep {
			return g.scalarSubquery(scope, k)
		}
	case 5:
		if k != kBool {
			return []string{"greatest(", "least("}[g.pick(2)] + e() + ", " + e() + ")"
		}
	}
	switch k {
	case kInt:
		return "(" + e() + []string{" + ", " - ", " * "}[g.pick(3)] + e() + ")"
	case kText:
		return "(" + e() + " || " + e() + ")"
	}
	return "(" + g.pred(scope, deep-1) + ")"
}

// scalarSubquery yields one row at most: by an aggregate, or the first of all rows in order.
func (g *generator) scalarSubquery(scope []source, k kind) string {
	g.depth++
	defer func() { g.depth-- }()
	from, inner := g.from(scope)
	where := " WHERE " + g.pred(append(inner[:len(inner):len(inner)], scope...), 1)
	if g.chance(3) {
		return "(SELECT " + g.simple(inner, k) + " FROM " + from + where + " ORDER BY 1 LIMIT 1)"
	}
	return "(SELECT " + g.aggregate(inner, k) + " FROM " + from + where + ")"
}

func (g *generator) compareOp() string {
	return []string{"=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM"}[g.pick(7)]
}

func (g *generator) simplePred(scope []source) string {
	k := kind(g.pick(2))
	return g.simple(scope, k) + " " + g.compareOp() + " " + g.simple(scope, k)
}

// pred writes a condition.
func (g *generator) pred(scope []source, deep int) string {
	k := kind(g.pick(2))
	e := func() string { return g.expr(scope, k, max(0, deep-1)) }
	if deep > 0 {
		p := func() string { return g.pred(scope, deep-1) }
		switch g.pick(14) {
		case 4:
			return "(" + p() + " AND " + p() + ")"
		case 5:
			return "(" + p() + " OR " + p() + ")"
		case 6:
			return "NOT (" + p() + ")"
		case 7:
			if g.depth < g.maxDeep {
				return g.subqueryPred(scope, k)
			}
		case 8:
			return e() + " IN (" + e() + ", " + g.constant(k) + ")"
		case 9:
			return "(" + g.simple(scope, kInt) + ", " + g.simple(scope, kText) + ") " + []string{"=", "<>", "<", "<=", ">", ">="}[g.pick(6)] +
				" (" + g.simple(scope, kInt) + ", " + g.simple(scope, kText) + ")"
		case 10:
			return g.simple(scope, kBool) + []string{"", " IS TRUE", " IS NOT TRUE", " IS UNKNOWN", " IS NOT FALSE"}[g.pick(5)]
		case 11:
			if len(scope) > 0 {
				return scope[g.pick(len(scope))].alias + []string{" IS NULL", " IS NOT NULL", ".* IS DISTINCT FROM NULL"}[g.pick(3)]
			}
		case 12:
			return g.simple(scope, kInt) + " BETWEEN " + g.simple(scope, kInt) + " AND " + g.simple(scope, kInt)
		case 13:
			if g.depth < g.maxDeep {
				return g.subqueryPred(scope, k)
			}
		}
	}
	if g.chance(5) {
		return e() + []string{" IS NULL", " IS NOT NULL"}[g.pick(2)]
	}
	return e() + " " + g.compareOp() + " " + e()
}

func (g *generator) subqueryPred(scope []source, k kind) string {
	switch g.pick(6) {
	case 0:
		q, _ := g.query(scope, []kind{k}, false)
		return g.expr(scope, k, 1) + " IN (" + q + ")"
	case 1:
		q, _ := g.query(scope, []kind{k}, false)
		return "EXISTS (" + q + ")"
	case 2:
		q, _ := g.query(scope, []kind{k}, false)
		return "NOT EXISTS (" + q + ")"
	case 3:
		q, _ := g.query(scope, []kind{k}, false)
		return g.expr(scope, k, 1) + " NOT IN (" + q + ")"
	case 4:
		q, _ := g.query(scope, []kind{k}, false)
		op := []string{"=", "<>", "<", ">="}[g.pick(4)]
		return g.expr(scope, k, 1) + " " + op + []string{" ANY (", " ALL ("}[g.pick(2)] + q + ")"
	}
	q, _ := g.query(scope, []kind{kInt, kText}, false)
	return "(" + g.simple(scope, kInt) + ", " + g.simple(scope, kText) + ")" + []string{" IN (", " NOT IN ("}[g.pick(2)] + q + ")"
}
