package deparse

import (
	"strconv"
	"strings"

	"kimberlite/sql/catalog"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// subquery prints a query nested in what is being printed. names, when not nil, are the output columns' names in force (of a view); always says that every column
// gets its name, not only where the name isn't the default.
func (p *Printer) subquery(q *tree.Query, names []string, always bool) {
	p.query(q, names, always, p.prefix || len(p.spaces) > 0 || len(q.RTable) != 1)
}

// Query prints a whole statement.
func (p *Printer) Query(q *tree.Query) { p.query(q, nil, true, len(q.RTable) != 1) }

func (p *Printer) query(q *tree.Query, names []string, always, prefix bool, reserved ...string) {
	savedPrefix, savedLevel := p.prefix, p.level
	savedWindows, savedList, savedGroup := p.windows, p.windowList, p.inGroupBy
	p.prefix, p.inGroupBy = prefix, false
	p.push(q, reserved...)
	if q.Cmd == tree.CmdSelect {
		p.selectQuery(q, names, always)
	} else {
		p.Write("???")
	}
	p.pop()
	p.prefix, p.level = savedPrefix, savedLevel
	p.windows, p.windowList, p.inGroupBy = savedWindows, savedList, savedGroup
}

func (p *Printer) clause(s string, plus int) { p.keyword(s, -indentStd, indentStd, plus) }

func (p *Printer) selectQuery(q *tree.Query, names []string, always bool) {
	p.with(q)
	p.windows, p.windowList = q.Windows, q.Target
	colNumbers := false
	if q.SetOp != nil {
		p.setOp(q.SetOp, q, names, always)
		colNumbers = true
	} else {
		p.basicSelect(q, names, always)
	}
	if len(q.Sort) > 0 {
		p.clause(" ORDER BY ", 1)
		p.orderBy(q.Sort, q.Target, colNumbers)
	}
	if q.LimitOffset != nil {
		p.clause(" OFFSET ", 0)
		p.expr(q.LimitOffset, false)
	}
	if q.LimitCount != nil {
		c, isConst := q.LimitCount.(*tree.Const)
		switch {
		case q.WithTies:
			p.clause(" FETCH FIRST ", 0)
			p.writeByte('(')
			p.expr(q.LimitCount, false)
			p.Write(") ROWS WITH TIES")
		case isConst && c.Value.Null:
			p.clause(" LIMIT ", 0)
			p.Write("ALL")
		default:
			p.clause(" LIMIT ", 0)
			p.expr(q.LimitCount, false)
		}
	}
	for _, m := range q.RowMarks {
		if m.PushedDown {
			continue
		}
		switch m.Strength {
		case tree.LockForKeyShare:
			p.clause(" FOR KEY SHARE", 0)
		case tree.LockForShare:
			p.clause(" FOR SHARE", 0)
		case tree.LockForNoKeyUpdate:
			p.clause(" FOR NO KEY UPDATE", 0)
		case tree.LockForUpdate:
			p.clause(" FOR UPDATE", 0)
		}
		p.Write(" OF ")
		p.Ident(p.spaces[0].names[m.RTIndex-1])
		switch m.Wait {
		case tree.LockWaitError:
			p.Write(" NOWAIT")
		case tree.LockWaitSkip:
			p.Write(" SKIP LOCKED")
		}
	}
}

func (p *Printer) with(q *tree.Query) {
	if len(q.CTEs) == 0 {
		return
	}
	if p.indent() {
		p.level += indentStd
		p.writeByte(' ')
	}
	sep := "WITH "
	if q.HasRecursive {
		sep = "WITH RECURSIVE "
	}
	newLine := func() {
		if p.indent() {
			p.keyword("", 0, 0, 0)
		}
	}
	for _, c := range q.CTEs {
		p.Write(sep)
		sep = ", "
		p.Ident(c.Name)
		if len(c.AliasCols) > 0 {
			p.writeByte('(')
			p.idents(c.AliasCols)
			p.writeByte(')')
		}
		p.Write(" AS ")
		switch c.Materialized {
		case 'm':
			p.Write("MATERIALIZED ")
		case 'n':
			p.Write("NOT MATERIALIZED ")
		}
		p.writeByte('(')
		newLine()
		p.subquery(c.Query, nil, true)
		newLine()
		p.writeByte(')')
		p.searchAndCycle(c)
	}
	if p.indent() {
		p.level -= indentStd
		p.keyword("", 0, 0, 0)
	} else {
		p.writeByte(' ')
	}
}

func (p *Printer) idents(list []string) {
	for i, s := range list {
		if i > 0 {
			p.Write(", ")
		}
		p.Ident(s)
	}
}

func (p *Printer) searchAndCycle(c *tree.CTE) {
	if s := c.Search; s != nil {
		if s.Breadth {
			p.Write(" SEARCH BREADTH FIRST BY ")
		} else {
			p.Write(" SEARCH DEPTH FIRST BY ")
		}
		p.idents(s.Cols)
		p.Write(" SET ")
		p.Ident(s.SeqCol)
	}
	if y := c.Cycle; y != nil {
		p.Write(" CYCLE ")
		p.idents(y.Cols)
		p.Write(" SET ")
		p.Ident(y.MarkCol)
		if !isBool(y.MarkValue, true) || !isBool(y.MarkDefault, false) {
			p.Write(" TO ")
			p.expr(y.MarkValue, false)
			p.Write(" DEFAULT ")
			p.expr(y.MarkDefault, false)
		}
		p.Write(" USING ")
		p.Ident(y.PathCol)
	}
}

func isBool(e tree.Expr, v bool) bool {
	c, ok := e.(*tree.Const)
	return ok && c.T.OID == types.OIDBool && !c.Value.Null && c.Value.IsTrue() == v
}

func (p *Printer) basicSelect(q *tree.Query, names []string, always bool) {
	if p.indent() {
		p.level += indentStd
		p.writeByte(' ')
	}
	if r := simpleValues(q, names); r != nil {
		p.values(r.Values)
		return
	}
	p.Write("SELECT")
	if len(q.Distinct) > 0 {
		if q.HasDistinctOn {
			p.Write(" DISTINCT ON (")
			p.sortGroups(q.Distinct, q.Target)
			p.writeByte(')')
		} else {
			p.Write(" DISTINCT")
		}
	}
	p.targets(q.Target, names, always)
	p.from(q)
	if q.From != nil && q.From.Quals != nil {
		p.clause(" WHERE ", 1)
		p.expr(q.From.Quals, false)
	}
	if len(q.GroupBy) > 0 || len(q.GroupingSets) > 0 {
		p.clause(" GROUP BY ", 1)
		if q.GroupDistinct {
			p.Write("DISTINCT ")
		}
		p.inGroupBy = true
		if len(q.GroupingSets) == 0 {
			p.sortGroups(q.GroupBy, q.Target)
		} else {
			for i, g := range q.GroupingSets {
				if i > 0 {
					p.Write(", ")
				}
				p.groupingSet(g, q.Target, true)
			}
		}
		p.inGroupBy = false
	}
	if q.Having != nil {
		p.clause(" HAVING ", 0)
		p.expr(q.Having, false)
	}
	first := true
	for _, w := range q.Windows {
		if w.Name == "" {
			continue
		}
		if first {
			p.clause(" WINDOW ", 1)
		} else {
			p.Write(", ")
		}
		first = false
		p.Ident(w.Name)
		p.Write(" AS ")
		p.windowSpec(w, q.Target)
	}
}

// simpleValues returns the VALUES entry of a query that is nothing but SELECT * FROM (VALUES ...), nil for others.
func simpleValues(q *tree.Query, names []string) *tree.RTE {
	if q.From == nil || len(q.From.List) != 1 || q.From.Quals != nil || len(q.RTable) != 1 || q.RTable[0].Kind != tree.RTEValues {
		return nil
	}
	r := q.RTable[0]
	if len(q.Target) != len(r.Eref.Cols) || r.Alias != nil && len(r.Alias.Cols) > 0 {
		return nil
	}
	for i := range q.Target {
		name := q.Target[i].Name
		if i < len(names) {
			name = names[i]
		}
		v, isVar := q.Target[i].Expr.(*tree.Var)
		if q.Target[i].Junk || name != r.Eref.Cols[i] || !isVar || v.AttNo != i+1 {
			return nil
		}
	}
	if len(q.GroupBy)+len(q.GroupingSets)+len(q.Distinct) > 0 || q.Having != nil {
		return nil
	}
	return r
}

func (p *Printer) values(rows [][]tree.Expr) {
	p.Write("VALUES ")
	for i, row := range rows {
		if i > 0 {
			p.Write(", ")
		}
		p.writeByte('(')
		for j, e := range row {
			if j > 0 {
				p.writeByte(',')
			}
			p.topLevel(e, false)
		}
		p.writeByte(')')
	}
}

// targets prints a select list. A field goes on a new line when it would pass the wrap column, or when the last one took several lines.
func (p *Printer) targets(ts []tree.TargetEntry, names []string, always bool) {
	sep := " "
	n := 0
	lastMultiline := false
	for i := range ts {
		t := &ts[i]
		if t.Junk {
			continue
		}
		p.Write(sep)
		sep = ", "
		n++
		text := p.capture(func() { p.target(t, n, names, always) })
		if p.indent() && p.Wrap >= 0 {
			if strings.HasPrefix(text, "\n") {
				p.trimSpaces()
				lastMultiline = strings.Contains(text[1:], "\n")
			} else {
				if n > 1 && (p.lineLength()+len(text) > p.Wrap || lastMultiline) {
					p.clause("", indentVar)
				}
				lastMultiline = strings.Contains(text, "\n")
			}
		}
		p.Write(text)
	}
}

func (p *Printer) target(t *tree.TargetEntry, n int, names []string, always bool) {
	att, known := "", false
	if v, ok := t.Expr.(*tree.Var); ok {
		att = p.variable(v, 0, true)
		known = att != ""
	} else {
		p.expr(t.Expr, true)
		if !always {
			att, known = "?column?", true
		}
	}
	name := t.Name
	if n <= len(names) {
		name = names[n-1]
	}
	if name != "" && (!known || att != name) {
		p.Write(" AS ")
		p.Ident(name)
	}
}

// from prints the FROM clause; entries that the user did not write (the target of a rule) are left out.
func (p *Printer) from(q *tree.Query) {
	if q.From == nil {
		return
	}
	first := true
	for _, item := range q.From.List {
		if r, ok := item.(*tree.RangeRef); ok && hidden(q, r.Index) {
			continue
		}
		if first {
			p.clause(" FROM ", 2)
			first = false
			p.fromItem(item, q)
			continue
		}
		p.Write(", ")
		text := p.capture(func() { p.fromItem(item, q) })
		if p.indent() && p.Wrap >= 0 {
			if strings.HasPrefix(text, "\n") {
				p.trimSpaces()
			} else if p.lineLength()+len(text) > p.Wrap {
				p.clause("", indentVar)
			}
		}
		p.Write(text)
	}
}

func hidden(q *tree.Query, index int) bool {
	r := q.RTable[index-1]
	return r.Kind == tree.RTEResult
}

func (p *Printer) fromItem(item tree.JoinNode, q *tree.Query) {
	switch item := item.(type) {
	case *tree.RangeRef:
		p.rangeRef(item.Index, q)
	case *tree.JoinExpr:
		p.join(item, q)
	case *tree.FromExpr:
		for i, x := range item.List {
			if i > 0 {
				p.Write(", ")
			}
			p.fromItem(x, q)
		}
	}
}

func (p *Printer) rangeRef(index int, q *tree.Query) {
	r, ns := q.RTable[index-1], p.spaces[0]
	name := ns.names[index-1]
	if r.Lateral {
		p.Write("LATERAL ")
	}
	printAlias := r.Alias != nil || ns.alias[index-1]
	var defs *tree.RangeFunc // a function whose column definition list is printed after the alias
	switch {
	case r.Kind == tree.RTERelation || r.IsView:
		if !r.Inh && !r.IsView && hasChildren(r) {
			p.Write("ONLY ")
		}
		p.Write(p.relationName(r.RelID))
		if rel := p.Catalog.Relation(r.RelID); rel != nil && rel.Name != name {
			printAlias = true
		}
	case r.Kind == tree.RTESubquery:
		p.writeByte('(')
		p.subquery(r.Subquery, nil, true)
		p.writeByte(')')
	case r.Kind == tree.RTEFunction:
		defs = p.functions(r)
		printAlias = true
	case r.Kind == tree.RTEValues:
		p.writeByte('(')
		p.values(r.Values)
		p.writeByte(')')
		printAlias = true
	case r.Kind == tree.RTECTE:
		p.Ident(r.CTEName)
		printAlias = printAlias || name != r.CTEName
	default:
		p.Write("???")
	}
	if printAlias {
		p.writeByte(' ')
		p.Ident(name)
	}
	switch {
	case defs != nil:
		p.columnDefs(defs, ns.cols[index-1])
	case ns.alias[index-1]:
		p.columnAliases(ns.cols[index-1])
	}
}

// hasChildren says whether ONLY means anything: it does for plain and partitioned tables.
func hasChildren(r *tree.RTE) bool { return r.RelKind == 'r' || r.RelKind == 'p' || r.RelKind == 'f' }

func (p *Printer) columnAliases(cols []string) {
	first := true
	for _, c := range cols {
		if c == "" {
			continue
		}
		if first {
			p.writeByte('(')
		} else {
			p.Write(", ")
		}
		first = false
		p.Ident(c)
	}
	if !first {
		p.writeByte(')')
	}
}

// columnDefs prints a column definition list; names, when given, replace those of the definition.
func (p *Printer) columnDefs(f *tree.RangeFunc, names []string) {
	p.writeByte('(')
	for i, name := range f.ColNames {
		if i > 0 {
			p.Write(", ")
		}
		if i < len(names) {
			name = names[i]
		}
		p.Ident(name)
		p.writeByte(' ')
		p.Write(p.typeName(f.ColTypes[i]))
		if i < len(f.ColColls) && f.ColColls[i] != 0 {
			if t := types.Lookup(p.IO, f.ColTypes[i].OID); t != nil && t.Collation != f.ColColls[i] {
				p.Write(" COLLATE " + p.collationName(f.ColColls[i]))
			}
		}
	}
	p.writeByte(')')
}

const unnestArray = 2331 // unnest(anyarray)

// functions prints the functions of a FROM item and returns the one whose column definition list belongs after the alias.
func (p *Printer) functions(r *tree.RTE) *tree.RangeFunc {
	var defs *tree.RangeFunc
	f := &r.Funcs[0]
	switch {
	case len(r.Funcs) == 1 && (f.ColNames == nil || !r.Ordinality):
		p.funcCall(f.Expr)
		if f.ColNames != nil {
			defs = f
		}
	case allUnnest(r.Funcs):
		p.Write("UNNEST(")
		for i := range r.Funcs {
			if i > 0 {
				p.Write(", ")
			}
			p.list(r.Funcs[i].Expr.(*tree.FuncExpr).Args, true)
		}
		p.writeByte(')')
	default:
		p.Write("ROWS FROM(")
		for i := range r.Funcs {
			if i > 0 {
				p.Write(", ")
			}
			p.funcCall(r.Funcs[i].Expr)
			if r.Funcs[i].ColNames != nil {
				p.Write(" AS ")
				p.columnDefs(&r.Funcs[i], nil)
			}
		}
		p.writeByte(')')
	}
	if r.Ordinality {
		p.Write(" WITH ORDINALITY")
	}
	return defs
}

func allUnnest(fs []tree.RangeFunc) bool {
	for i := range fs {
		f, ok := fs[i].Expr.(*tree.FuncExpr)
		if !ok || f.Func != unnestArray || fs[i].ColNames != nil {
			return false
		}
	}
	return true
}

// funcCall prints something that must read as a function call; anything else is wrapped in a cast.
func (p *Printer) funcCall(e tree.Expr) {
	if looksLikeFunction(e) {
		p.expr(e, true)
		return
	}
	p.Write("CAST(")
	p.expr(e, false) // no implicit coercion at the top, the cast says it
	p.Write(" AS " + p.typeName(e.Type()) + ")")
}

// looksLikeFunction reports whether an expression is printed in the form of a call, so that it needs no parentheses in an index definition.
func looksLikeFunction(e tree.Expr) bool {
	switch e := e.(type) {
	case *tree.FuncExpr:
		return e.Form == tree.CoerceExplicitCall || e.Form == tree.CoerceSQLSyntax
	case *tree.CoalesceExpr, *tree.MinMaxExpr, *tree.NullIfExpr, *tree.SQLValueFunction:
		return true
	}
	return false
}

func (p *Printer) join(j *tree.JoinExpr, q *tree.Query) {
	parenRight := false
	if p.pretty() {
		switch r := j.Right.(type) {
		case *tree.RangeRef:
		case *tree.JoinExpr:
			parenRight = r.Alias == nil
		default:
			parenRight = true
		}
	}
	outer := !p.pretty() || j.Alias != nil
	if ns := p.spaces[0]; j.Alias != nil { // within its own parentheses the join hides nothing
		saved := ns.hidden
		ns.hidden = map[int]int{}
		ns.hide(j.Left, 0)
		ns.hide(j.Right, 0)
		defer func() { ns.hidden = saved }()
	}
	if outer {
		p.writeByte('(')
	}
	p.fromItem(j.Left, q)
	word := ""
	switch j.Kind {
	case tree.JoinInner:
		word = " JOIN "
		if j.Quals == nil && len(j.Using) == 0 {
			word = " CROSS JOIN "
		}
	case tree.JoinLeft:
		word = " LEFT JOIN "
	case tree.JoinFull:
		word = " FULL JOIN "
	case tree.JoinRight:
		word = " RIGHT JOIN "
	}
	p.clause(word, indentJoin)
	if parenRight {
		p.writeByte('(')
	}
	p.fromItem(j.Right, q)
	if parenRight {
		p.writeByte(')')
	}
	switch {
	case len(j.Using) > 0:
		p.Write(" USING (")
		p.idents(j.Using)
		p.writeByte(')')
		if j.Index > 0 && q.RTable[j.Index-1].UsingAlias != "" {
			p.Write(" AS ")
			p.Ident(q.RTable[j.Index-1].UsingAlias)
		}
	case j.Quals != nil:
		p.Write(" ON ")
		p.open()
		p.expr(j.Quals, false)
		p.close()
	case j.Kind != tree.JoinInner:
		p.Write(" ON TRUE")
	}
	if outer {
		p.writeByte(')')
	}
	if j.Alias != nil && j.Index > 0 {
		p.writeByte(' ')
		p.Ident(p.spaces[0].names[j.Index-1])
		if p.spaces[0].alias[j.Index-1] {
			p.columnAliases(p.spaces[0].cols[j.Index-1])
		}
	}
}

func (p *Printer) setOp(n tree.SetOpNode, q *tree.Query, names []string, always bool) {
	switch n := n.(type) {
	case *tree.RangeRef:
		sub := q.RTable[n.Index-1].Subquery
		paren := len(sub.CTEs) > 0 || len(sub.Sort) > 0 || len(sub.RowMarks) > 0 || sub.LimitOffset != nil || sub.LimitCount != nil
		if paren {
			p.writeByte('(')
		}
		p.subquery(sub, names, always)
		if paren {
			p.writeByte(')')
		}
	case *tree.SetOperation:
		left, nested := n.Left.(*tree.SetOperation)
		paren := nested && (left.Kind != n.Kind || left.All != n.All)
		step := 0
		if paren {
			p.writeByte('(')
			step = indentStd
			p.keyword("", step, 0, 0)
		}
		p.setOp(n.Left, q, names, always)
		switch {
		case paren:
			p.keyword(") ", -step, 0, 0)
		case p.indent():
			p.keyword("", -step, 0, 0)
		default:
			p.writeByte(' ')
		}
		p.Write([]string{"UNION ", "INTERSECT ", "EXCEPT "}[n.Kind])
		if n.All {
			p.Write("ALL ")
		}
		_, paren = n.Right.(*tree.SetOperation)
		step = 0
		if paren {
			p.writeByte('(')
			step = indentStd
		}
		p.keyword("", step, 0, 0)
		p.setOp(n.Right, q, names, false)
		if p.indent() {
			p.level -= step
		}
		if paren {
			p.keyword(")", 0, 0, 0)
		}
	}
}

// sortGroup prints the expression behind a sort-group reference and returns it.
func (p *Printer) sortGroup(ref int, ts []tree.TargetEntry, number bool) tree.Expr {
	var t *tree.TargetEntry
	for i := range ts {
		if ts[i].SortRef == ref {
			t = &ts[i]
		}
	}
	if t == nil {
		return nil
	}
	switch e := t.Expr.(type) {
	case *tree.Const:
		if number {
			p.Write(strconv.Itoa(t.ResNo))
		} else {
			p.constant(e, 1) // a bare number would be a column number
		}
	case *tree.Var:
		if number {
			p.Write(strconv.Itoa(t.ResNo))
		} else {
			p.expr(e, true)
		}
	default:
		if number {
			p.Write(strconv.Itoa(t.ResNo))
			break
		}
		need := p.pretty()
		switch e.(type) {
		case *tree.FuncExpr, *tree.Aggref, *tree.WindowFunc: // these could be taken for cube() and rollup()
			need = true
		}
		if need {
			p.writeByte('(')
		}
		p.expr(e, true)
		if need {
			p.writeByte(')')
		}
	}
	return t.Expr
}

func (p *Printer) sortGroups(list []tree.SortClause, ts []tree.TargetEntry) {
	for i := range list {
		if i > 0 {
			p.Write(", ")
		}
		p.sortGroup(list[i].SortRef, ts, false)
	}
}

func (p *Printer) orderBy(list []tree.SortClause, ts []tree.TargetEntry, numbers bool) {
	for i := range list {
		if i > 0 {
			p.Write(", ")
		}
		s := &list[i]
		e := p.sortGroup(s.SortRef, ts, numbers)
		if e == nil {
			continue
		}
		ops := p.Catalog.TypeOps(e.Type().OID)
		switch s.SortOp {
		case ops.Lt:
			if s.NullsFirst {
				p.Write(" NULLS FIRST")
			}
		case ops.Gt:
			p.Write(" DESC")
			if !s.NullsFirst {
				p.Write(" NULLS LAST")
			}
		default:
			p.Write(" USING " + p.operatorName(s.SortOp))
			if s.NullsFirst {
				p.Write(" NULLS FIRST")
			} else {
				p.Write(" NULLS LAST")
			}
		}
	}
}

func (p *Printer) groupingSet(g *tree.GroupingSet, ts []tree.TargetEntry, omitParens bool) {
	switch g.Kind {
	case tree.GroupingSetEmpty:
		p.Write("()")
		return
	case tree.GroupingSetSimple:
		paren := !omitParens || len(g.Refs) != 1
		if paren {
			p.writeByte('(')
		}
		for i, ref := range g.Refs {
			if i > 0 {
				p.Write(", ")
			}
			p.sortGroup(ref, ts, false)
		}
		if paren {
			p.writeByte(')')
		}
		return
	case tree.GroupingSetRollup:
		p.Write("ROLLUP(")
	case tree.GroupingSetCube:
		p.Write("CUBE(")
	case tree.GroupingSetSets:
		p.Write("GROUPING SETS (")
		omitParens = false
	}
	for i, s := range g.Sets {
		if i > 0 {
			p.Write(", ")
		}
		p.groupingSet(s, ts, omitParens)
	}
	p.writeByte(')')
}

func (p *Printer) windowSpec(w *tree.WindowClause, ts []tree.TargetEntry) {
	p.writeByte('(')
	space := false
	gap := func() {
		if space {
			p.writeByte(' ')
		}
		space = true
	}
	if w.RefName != "" {
		p.Ident(w.RefName)
		space = true
	}
	if len(w.Partition) > 0 && w.RefName == "" {
		gap()
		p.Write("PARTITION BY ")
		p.sortGroups(w.Partition, ts)
	}
	if len(w.Order) > 0 && !w.CopiedOrder {
		gap()
		p.Write("ORDER BY ")
		p.orderBy(w.Order, ts, false)
	}
	if w.Frame&tree.FrameNonDefault != 0 {
		gap()
		p.frame(w)
	}
	p.writeByte(')')
}

func (p *Printer) frame(w *tree.WindowClause) {
	f := w.Frame
	has := func(b tree.FrameOption) bool { return f&b != 0 }
	switch {
	case has(tree.FrameRange):
		p.Write("RANGE ")
	case has(tree.FrameRows):
		p.Write("ROWS ")
	case has(tree.FrameGroups):
		p.Write("GROUPS ")
	}
	offset := func(e tree.Expr, preceding bool) {
		p.expr(e, false)
		if preceding {
			p.Write(" PRECEDING ")
		} else {
			p.Write(" FOLLOWING ")
		}
	}
	if has(tree.FrameBetween) {
		p.Write("BETWEEN ")
	}
	switch {
	case has(tree.FrameStartUnboundedPreceding):
		p.Write("UNBOUNDED PRECEDING ")
	case has(tree.FrameStartCurrentRow):
		p.Write("CURRENT ROW ")
	case has(tree.FrameStartOffsetPreceding), has(tree.FrameStartOffsetFollowing):
		offset(w.StartOffset, has(tree.FrameStartOffsetPreceding))
	}
	if has(tree.FrameBetween) {
		p.Write("AND ")
		switch {
		case has(tree.FrameEndUnboundedFollowing):
			p.Write("UNBOUNDED FOLLOWING ")
		case has(tree.FrameEndCurrentRow):
			p.Write("CURRENT ROW ")
		case has(tree.FrameEndOffsetPreceding), has(tree.FrameEndOffsetFollowing):
			offset(w.EndOffset, has(tree.FrameEndOffsetPreceding))
		}
	}
	switch {
	case has(tree.FrameExcludeCurrentRow):
		p.Write("EXCLUDE CURRENT ROW ")
	case has(tree.FrameExcludeGroup):
		p.Write("EXCLUDE GROUP ")
	case has(tree.FrameExcludeTies):
		p.Write("EXCLUDE TIES ")
	}
	p.trimSpaces()
}

// ViewDef prints the query of a view or materialized view with a semicolon, as pg_get_viewdef; ok is false when there is no such view.
func ViewDef(b *catalog.Bound, oid types.OID, flags Flags, wrap int) (text string, ok bool) {
	r := b.Relation(oid)
	if r == nil {
		return "", false
	}
	if oid < catalog.FirstNormalOID {
		text = catalog.BuiltinViewText(oid)
		return text, text != ""
	}
	if r.View == nil {
		return "", false
	}
	q, err := tree.DecodeQuery(r.View.Query)
	if err != nil || q == nil {
		return "", false
	}
	p := New(b, flags)
	p.Wrap = wrap
	p.query(q, columnNames(r), true, true, "old", "new") // in PostgreSQL a view's range table begins with old and new
	p.writeByte(';')
	return p.String(), true
}

func columnNames(r *catalog.Relation) []string {
	names := make([]string, 0, len(r.Columns))
	for i := range r.Columns {
		names = append(names, r.Columns[i].Name)
	}
	return names
}
