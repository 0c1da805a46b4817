package tree

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	"kimberlite/sql/types"
)

// FormatQuery prints a query tree over several lines, for tests and debugging. It is not SQL: names of functions and operators are OIDs unless
// name knows better, columns are v<table>.<column>.
func FormatQuery(q *Query, name func(kind byte, oid types.OID) string) string {
	p := &printer{name: name}
	p.query(q)
	return p.b.String()
}

// String prints an expression on one line, as FormatQuery does.
func String(e Expr) string { return FormatExpr(e, nil) }

// FormatExpr is String with names: kind is 'f' for a function, 'o' for an operator, 't' for a type, 'r' for a relation, 'c' for a collation; an empty name prints the OID.
func FormatExpr(e Expr, name func(kind byte, oid types.OID) string) string {
	p := &printer{name: name}
	p.expr(e)
	return p.b.String()
}

type printer struct {
	b      strings.Builder
	indent int
	name   func(kind byte, oid types.OID) string
}

func (p *printer) f(format string, args ...any) { fmt.Fprintf(&p.b, format, args...) }

// line starts a new line.
func (p *printer) line(format string, args ...any) {
	p.b.WriteString(strings.Repeat("  ", p.indent))
	p.f(format, args...)
}

func (p *printer) nameOf(kind byte, oid types.OID) string {
	if p.name != nil {
		if n := p.name(kind, oid); n != "" {
			return n
		}
	}
	return strconv.Itoa(int(oid))
}

func (p *printer) typ(t types.T) {
	p.b.WriteString(p.nameOf('t', t.OID))
	if t.Mod >= 0 {
		p.f("(%d)", t.Mod)
	}
}

// coll prints a collation that is not the default one.
func (p *printer) coll(oid types.OID) {
	if oid != 0 && oid != 100 {
		p.f(" coll=%s", p.nameOf('c', oid))
	}
}

var cmdNames = map[CmdType]string{CmdSelect: "SELECT", CmdUpdate: "UPDATE", CmdInsert: "INSERT", CmdDelete: "DELETE", CmdMerge: "MERGE", CmdUtility: "UTILITY"}

func (p *printer) query(q *Query) {
	p.line("%s", cmdNames[q.Cmd])
	if q.ResultRel != 0 {
		p.f(" result=%d", q.ResultRel)
	}
	for _, f := range []struct {
		on   bool
		name string
	}{{q.HasAggs, "aggs"}, {q.HasWindow, "window"}, {q.HasTargetSRF, "srf"}, {q.HasSubLinks, "sublinks"}, {q.HasRecursive, "recursive"},
		{q.HasModifyingCTE, "modifying"}, {q.HasDistinctOn, "distinct-on"}, {q.GroupDistinct, "group-distinct"}, {q.WithTies, "with-ties"}, {q.MergeUseOuter, "outer"}} {
		if f.on {
			p.f(" %s", f.name)
		}
	}
	if q.Override != 0 {
		p.f(" override=%c", q.Override)
	}
	p.f("\n")
	p.indent++
	for _, c := range q.CTEs {
		p.cte(c)
	}
	for i, r := range q.RTable {
		p.rte(i+1, r)
	}
	p.targets("target", q.Target)
	if q.From != nil && (len(q.From.List) > 0 || q.From.Quals != nil) {
		p.line("from ")
		p.join(q.From)
		p.f("\n")
	}
	p.sorts("group", q.GroupBy)
	for _, g := range q.GroupingSets {
		p.line("set %s\n", groupingSetString(g))
	}
	p.exprLine("having", q.Having)
	for _, w := range q.Windows {
		p.window(w)
	}
	p.sorts("distinct", q.Distinct)
	p.sorts("sort", q.Sort)
	p.exprLine("offset", q.LimitOffset)
	p.exprLine("limit", q.LimitCount)
	if q.SetOp != nil {
		p.line("setop ")
		p.setOp(q.SetOp)
		p.f("\n")
	}
	for _, m := range q.RowMarks {
		p.line("rowmark %d strength=%d wait=%d pushed=%v\n", m.RTIndex, m.Strength, m.Wait, m.PushedDown)
	}
	if c := q.OnConflict; c != nil {
		p.onConflict(c)
	}
	for _, a := range q.MergeActions {
		p.line("when matched=%v %s override=%d\n", a.Matched, cmdNames[a.Cmd], a.Override)
		p.indent++
		p.exprLine("qual", a.Qual)
		p.targets("target", a.Target)
		p.indent--
	}
	for i := range q.WithChecks {
		p.exprLine("check "+q.WithChecks[i].RelName, q.WithChecks[i].Qual)
	}
	for i, m := range q.MultiAssign {
		p.line("multi %d\n", i+1)
		p.indent++
		p.query(m.Query)
		p.indent--
	}
	p.targets("returning", q.Returning)
	p.indent--
}

func (p *printer) cte(c *CTE) {
	p.line("with %s refs=%d", c.Name, c.RefCount)
	if c.Recursive {
		p.f(" recursive")
	}
	if c.Materialized != 0 {
		p.f(" materialized=%c", c.Materialized)
	}
	p.f(" (%s)\n", strings.Join(c.ColNames, ", "))
	p.indent++
	if c.Query != nil {
		p.query(c.Query)
	}
	p.indent--
}

func (p *printer) rte(n int, r *RTE) {
	p.line("%d: ", n)
	switch r.Kind {
	case RTERelation:
		p.f("relation %s kind=%c lock=%d", p.nameOf('r', r.RelID), r.RelKind, r.LockMode)
	case RTESubquery:
		p.f("subquery")
		if r.IsView {
			p.f(" view %s", p.nameOf('r', r.RelID))
		}
	case RTEJoin:
		p.f("join %d merged=%d", r.JoinType, r.JoinMerged)
	case RTEFunction:
		p.f("function")
	case RTETableFunc:
		p.f("tablefunc")
	case RTEValues:
		p.f("values")
	case RTECTE:
		p.f("cte %s levels=%d self=%v", r.CTEName, r.CTELevels, r.SelfRef)
	case RTEResult:
		p.f("result")
	}
	p.f(" %s(%s)", r.Eref.Name, strings.Join(r.Eref.Cols, ", "))
	if r.Lateral {
		p.f(" lateral")
	}
	if r.ReqPerms != 0 {
		p.f(" perms=%x read=%s write=%s", r.ReqPerms, setString(r.SelCols), setString(r.ModCols))
	}
	if r.CheckAs != 0 {
		p.f(" as=%d", r.CheckAs)
	}
	if r.AsOf != nil {
		p.f(" asof ")
		p.expr(r.AsOf)
	}
	for _, f := range r.Funcs {
		p.f(" ")
		p.expr(f.Expr)
	}
	if r.Ordinality {
		p.f(" ordinality")
	}
	if len(r.JoinAlias) > 0 {
		p.f(" = ")
		p.list(r.JoinAlias)
	}
	p.f("\n")
	p.indent++
	for _, row := range r.Values {
		p.line("")
		p.list(row)
		p.f("\n")
	}
	if r.Subquery != nil {
		p.query(r.Subquery)
	}
	p.indent--
}

func setString(s map[int]bool) string {
	var l []int
	for k := range s {
		l = append(l, k)
	}
	sort.Ints(l)
	return strings.ReplaceAll(fmt.Sprint(l), " ", ",")
}

func (p *printer) targets(what string, list []TargetEntry) {
	for i := range list {
		te := &list[i]
		p.line("%s %d", what, te.ResNo)
		if te.Name != "" {
			p.f(" %s", te.Name)
		}
		if te.Junk {
			p.f(" junk")
		}
		if te.SortRef != 0 {
			p.f(" ref=%d", te.SortRef)
		}
		if te.OrigTbl != 0 {
			p.f(" orig=%s.%d", p.nameOf('r', te.OrigTbl), te.OrigCol)
		}
		p.f(": ")
		p.expr(te.Expr)
		p.f("\n")
	}
}

func (p *printer) exprLine(what string, e Expr) {
	if e != nil {
		p.line("%s ", what)
		p.expr(e)
		p.f("\n")
	}
}

func (p *printer) sorts(what string, list []SortClause) {
	if len(list) > 0 {
		p.line("%s", what)
		p.sortList(list)
		p.f("\n")
	}
}

func (p *printer) sortList(list []SortClause) {
	for _, c := range list {
		p.f(" %d", c.SortRef)
		if c.Desc {
			p.f(" desc")
		}
		if c.NullsFirst != c.Desc {
			p.f(" nulls-first=%v", c.NullsFirst)
		}
	}
}

func (p *printer) window(w *WindowClause) {
	p.line("window %d %s%s partition", w.Ref, w.Name, w.RefName)
	p.sortList(w.Partition)
	p.f(" order")
	p.sortList(w.Order)
	p.f(" frame=%x", uint32(w.Frame))
	if w.StartOffset != nil {
		p.f(" start ")
		p.expr(w.StartOffset)
	}
	if w.EndOffset != nil {
		p.f(" end ")
		p.expr(w.EndOffset)
	}
	if w.StartInRange != 0 || w.EndInRange != 0 {
		p.f(" inrange=%d,%d asc=%v", w.StartInRange, w.EndInRange, w.InRangeAsc)
	}
	p.f("\n")
}

func groupingSetString(g *GroupingSet) string {
	names := map[GroupingSetKind]string{GroupingSetEmpty: "()", GroupingSetSimple: "", GroupingSetRollup: "rollup", GroupingSetCube: "cube", GroupingSetSets: "sets"}
	s := names[g.Kind]
	if g.Kind == GroupingSetSimple {
		return fmt.Sprint(g.Refs)
	}
	for _, x := range g.Sets {
		s += " " + groupingSetString(x)
	}
	return s
}

func (p *printer) join(n JoinNode) {
	switch n := n.(type) {
	case *RangeRef:
		p.f("%d", n.Index)
	case *JoinExpr:
		p.f("(%d: ", n.Index)
		p.join(n.Left)
		p.f(" %s ", [...]string{"join", "left", "full", "right", "semi", "anti", "rightsemi"}[n.Kind])
		p.join(n.Right)
		if n.Quals != nil {
			p.f(" on ")
			p.expr(n.Quals)
		}
		p.f(")")
	case *FromExpr:
		for i, c := range n.List {
			if i > 0 {
				p.f(", ")
			}
			p.join(c)
		}
		if n.Quals != nil {
			p.f(" where ")
			p.expr(n.Quals)
		}
	}
}

func (p *printer) setOp(n SetOpNode) {
	switch n := n.(type) {
	case *RangeRef:
		p.f("%d", n.Index)
	case *SetOperation:
		p.f("(")
		p.setOp(n.Left)
		p.f(" %s", [...]string{"union", "intersect", "except"}[n.Kind])
		if n.All {
			p.f(" all")
		}
		p.f(" ")
		p.setOp(n.Right)
		p.f(":")
		for _, t := range n.ColTypes {
			p.f(" ")
			p.typ(t)
		}
		p.f(")")
	}
}

func (p *printer) onConflict(c *OnConflict) {
	p.line("conflict update=%v", c.Update)
	if len(c.Arbiters) > 0 {
		p.f(" on ")
		p.list(c.Arbiters)
	}
	if c.Constraint != 0 {
		p.f(" constraint")
	}
	p.f(" indexes=%d", len(c.Indexes))
	if c.ExclRel != 0 {
		p.f(" excluded=%d", c.ExclRel)
	}
	p.f("\n")
	p.indent++
	p.exprLine("arbiter where", c.ArbWhere)
	p.targets("set", c.Set)
	p.exprLine("where", c.Where)
	p.indent--
}

func (p *printer) list(es []Expr) {
	p.f("(")
	for i, e := range es {
		if i > 0 {
			p.f(", ")
		}
		p.expr(e)
	}
	p.f(")")
}

// form marks how a coercion was written.
func (p *printer) form(c CoercionForm) {
	switch c {
	case CoerceImplicitCast:
		p.f("~")
	case CoerceExplicitCast:
		p.f("::")
	}
}

func (p *printer) expr(e Expr) {
	switch e := e.(type) {
	case nil:
		p.f("-")
	case *Const:
		p.constant(e)
	case *Var:
		p.f("v")
		if e.LevelsUp > 0 {
			p.f("%d^", e.LevelsUp)
		}
		p.f("%d.%d", e.VarNo, e.AttNo)
	case *Param:
		if e.Kind == ParamExtern {
			p.f("$%d:", e.ID)
		} else {
			p.f("#%d:", e.ID)
		}
		p.typ(e.T)
	case *FuncExpr:
		p.form(e.Form)
		p.b.WriteString(p.nameOf('f', e.Func))
		if e.Variadic {
			p.f("*")
		}
		p.list(e.Args)
		p.f(":")
		p.typ(e.T)
	case *OpExpr:
		p.op("", e)
	case *DistinctExpr:
		p.op("distinct ", (*OpExpr)(e))
	case *NullIfExpr:
		p.op("nullif ", (*OpExpr)(e))
	case *ScalarArrayOpExpr:
		p.f("(")
		p.expr(e.Args[0])
		p.f(" %s ", p.nameOf('o', e.Op))
		if e.UseOr {
			p.f("any ")
		} else {
			p.f("all ")
		}
		p.expr(e.Args[1])
		p.f(")")
	case *BoolExpr:
		p.f("%s", [...]string{"and", "or", "not"}[e.Op])
		p.list(e.Args)
	case *SubLink:
		p.f("%s", [...]string{"exists", "all", "any", "rowcompare", "scalar", "multi", "array"}[e.Kind])
		p.f("{")
		if e.Test != nil {
			p.expr(e.Test)
		}
		p.f("\n")
		p.indent += 2
		if e.Query != nil {
			p.query(e.Query)
		}
		p.indent -= 2
		p.line("  }")
	case *MultiExprParam:
		p.f("multi%d.%d:", e.ID, e.Col)
		p.typ(e.T)
	case *RowCompareExpr:
		p.f("row%s", [...]string{"", "<", "<=", "=", ">=", ">", "<>"}[e.Kind])
		p.list(e.Left)
		p.list(e.Right)
	default:
		p.otherExpr(e)
	}
}

func (p *printer) op(prefix string, e *OpExpr) {
	p.f("(%s", prefix)
	if len(e.Args) == 1 {
		p.f("%s ", p.nameOf('o', e.Op))
		p.expr(e.Args[0])
	} else {
		for i, a := range e.Args {
			if i > 0 {
				p.f(" %s ", p.nameOf('o', e.Op))
			}
			p.expr(a)
		}
	}
	p.f(")")
	p.coll(e.InputColl)
}

func (p *printer) constant(e *Const) {
	switch {
	case e.Value.Null:
		p.f("null")
	case types.ClassOf(nil, e.T.OID) == types.Fixed:
		p.f("%s", types.Text(nil, e.T, e.Value))
	default:
		p.f("%q", types.Text(nil, e.T, e.Value))
	}
	p.f(":")
	p.typ(e.T)
}

// otherExpr prints the rarer kinds.
func (p *printer) otherExpr(e Expr) {
	switch e := e.(type) {
	case *RelabelType:
		p.form(e.Form)
		p.f("relabel(")
		p.expr(e.Arg)
		p.f("):")
		p.typ(e.T)
	case *CoerceViaIO:
		p.form(e.Form)
		p.f("io(")
		p.expr(e.Arg)
		p.f("):")
		p.typ(e.T)
	case *ArrayCoerceExpr:
		p.form(e.Form)
		p.f("arraycoerce(")
		p.expr(e.Arg)
		p.f(", ")
		p.expr(e.Elem)
		p.f("):")
		p.typ(e.T)
	case *ConvertRowtypeExpr:
		p.f("convertrow(")
		p.expr(e.Arg)
		p.f("):")
		p.typ(e.T)
	case *CollateExpr:
		p.expr(e.Arg)
		p.f(" collate %s", p.nameOf('c', e.Coll))
	case *CaseExpr:
		p.f("case(")
		p.expr(e.Arg)
		for _, w := range e.Whens {
			p.f(", ")
			p.expr(w.Cond)
			p.f(" -> ")
			p.expr(w.Result)
		}
		p.f(", else ")
		p.expr(e.Else)
		p.f(")")
	case *CaseTestExpr:
		p.f("test:")
		p.typ(e.T)
	case *ArrayExpr:
		p.f("array")
		p.list(e.Elems)
		p.f(":")
		p.typ(e.T)
	case *RowExpr:
		p.f("row")
		p.list(e.Args)
		p.f(":")
		p.typ(e.T)
	case *FieldSelect:
		p.expr(e.Arg)
		p.f(".%d", e.Field)
	case *FieldStore:
		p.f("store(")
		p.expr(e.Arg)
		for i, v := range e.Values {
			p.f(", %d = ", e.Fields[i])
			p.expr(v)
		}
		p.f(")")
	case *CoalesceExpr:
		p.f("coalesce")
		p.list(e.Args)
	case *MinMaxExpr:
		p.f("%s", map[bool]string{true: "least", false: "greatest"}[e.Least])
		p.list(e.Args)
	case *SQLValueFunction:
		p.f("sqlvalue%d:", e.Kind)
		p.typ(e.T)
	case *NullTest:
		p.f("isnull not=%v row=%v(", e.IsNotNull, e.RowFormat)
		p.expr(e.Arg)
		p.f(")")
	case *BooleanTest:
		p.f("booltest%d(", e.Kind)
		p.expr(e.Arg)
		p.f(")")
	case *CoerceToDomain:
		p.form(e.Form)
		p.f("domain(")
		p.expr(e.Arg)
		p.f("):")
		p.typ(e.T)
	case *CoerceToDomainValue:
		p.f("value:")
		p.typ(e.T)
	case *SetToDefault:
		p.f("default")
	case *CurrentOfExpr:
		p.f("current of %s", e.Cursor)
	case *NextValueExpr:
		p.f("nextval(%s)", p.nameOf('r', e.Seq))
	case *SubscriptingRef:
		p.subscript(e)
	case *Aggref:
		p.aggref(e)
	case *GroupingFunc:
		p.f("grouping%v", e.Refs)
		p.list(e.Args)
	case *WindowFunc:
		p.b.WriteString(p.nameOf('f', e.Func))
		p.list(e.Args)
		p.f(" over %d", e.Ref)
		if e.Filter != nil {
			p.f(" filter ")
			p.expr(e.Filter)
		}
	case *NamedArgExpr:
		p.f("%s => ", e.Name)
		p.expr(e.Arg)
	case *GroupingSetVar:
		p.f("gset%d(", e.Ref)
		p.expr(e.Arg)
		p.f(")")
	case *SubPlan:
		p.f("subplan%d(", e.Plan)
		p.expr(e.Test)
		p.f(")")
		p.list(e.Args)
	default:
		p.f("?%T", e)
	}
}

func (p *printer) subscript(e *SubscriptingRef) {
	p.expr(e.Arg)
	for i := range e.Upper {
		p.f("[")
		if e.Lower != nil {
			p.expr(e.Lower[i])
			p.f(":")
		}
		p.expr(e.Upper[i])
		p.f("]")
	}
	if e.Assign != nil {
		p.f(" := ")
		p.expr(e.Assign)
	}
}

func (p *printer) aggref(e *Aggref) {
	p.f("agg ")
	if e.LevelsUp > 0 {
		p.f("%d^", e.LevelsUp)
	}
	p.b.WriteString(p.nameOf('f', e.Func))
	p.f("(")
	if e.Star {
		p.f("*")
	}
	for i, a := range e.Direct {
		if i > 0 {
			p.f(", ")
		}
		p.expr(a)
	}
	if len(e.Direct) > 0 {
		p.f(" within ")
	}
	for i := range e.Args {
		if i > 0 {
			p.f(", ")
		}
		if e.Args[i].Junk {
			p.f("junk ")
		}
		p.expr(e.Args[i].Expr)
	}
	if len(e.Order) > 0 {
		p.f(" order")
		p.sortList(e.Order)
	}
	if len(e.Distinct) > 0 {
		p.f(" distinct")
		p.sortList(e.Distinct)
	}
	p.f(")")
	if e.Filter != nil {
		p.f(" filter ")
		p.expr(e.Filter)
	}
}
