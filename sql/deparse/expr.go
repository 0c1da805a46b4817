package deparse

import (
	"strconv"
	"strings"

	"kimberlite/sql/catalog"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// Expr prints an expression. showImplicit shows implicit coercions at the top.
func (p *Printer) Expr(e tree.Expr, showImplicit bool) { p.expr(e, showImplicit) }

func (p *Printer) expr(e tree.Expr, showImplicit bool) {
	switch e := e.(type) {
	case nil:
	case *tree.Var:
		p.variable(e, 0, false)
	case *tree.Const:
		p.constant(e, 0)
	case *tree.Param:
		p.param(e)
	case *tree.Aggref:
		p.aggref(e)
	case *tree.GroupingFunc:
		p.Write("GROUPING(")
		p.list(e.Args, true)
		p.writeByte(')')
	case *tree.WindowFunc:
		p.windowFunc(e)
	case *tree.SubscriptingRef:
		p.subscripting(e)
	case *tree.FuncExpr:
		p.funcExpr(e, showImplicit)
	case *tree.NamedArgExpr:
		p.Ident(e.Name)
		p.Write(" => ")
		p.expr(e.Arg, showImplicit)
	case *tree.OpExpr:
		p.opExpr(e)
	case *tree.DistinctExpr:
		p.open()
		p.paren(e.Args[0], true, e)
		p.Write(" IS DISTINCT FROM ")
		p.paren(e.Args[1], true, e)
		p.close()
	case *tree.NullIfExpr:
		p.Write("NULLIF(")
		p.list(e.Args, true)
		p.writeByte(')')
	case *tree.ScalarArrayOpExpr:
		p.scalarArrayOp(e)
	case *tree.BoolExpr:
		p.boolExpr(e)
	case *tree.SubLink:
		p.subLink(e)
	case *tree.SubPlan:
		if p.SubPlan == nil || !p.SubPlan(p, e) {
			p.Write("(SubPlan " + strconv.Itoa(e.Plan+1) + ")")
		}
	case *tree.MultiExprParam:
		p.Write("$" + strconv.Itoa(e.ID))
	case *tree.FieldSelect:
		p.fieldSelect(e)
	case *tree.FieldStore:
		p.Write("ROW(")
		p.list(e.Values, showImplicit)
		p.writeByte(')')
	case *tree.RelabelType:
		p.coercion(e, e.Arg, e.T, e.Form, showImplicit)
	case *tree.CoerceViaIO:
		p.coercion(e, e.Arg, types.Of(e.T.OID), e.Form, showImplicit)
	case *tree.ArrayCoerceExpr:
		p.coercion(e, e.Arg, e.T, e.Form, showImplicit)
	case *tree.ConvertRowtypeExpr:
		p.coercion(e, e.Arg, types.Of(e.T.OID), e.Form, showImplicit)
	case *tree.CoerceToDomain:
		if e.Form == tree.CoerceImplicitCast && !showImplicit {
			p.expr(e.Arg, false)
			return
		}
		p.cast(e.Arg, e.T, e)
	case *tree.CollateExpr:
		p.open()
		p.paren(e.Arg, showImplicit, e)
		p.Write(" COLLATE " + p.collationName(e.Coll))
		p.close()
	case *tree.CaseExpr:
		p.caseExpr(e)
	case *tree.CaseTestExpr:
		p.Write("CASE_TEST_EXPR")
	case *tree.ArrayExpr:
		p.Write("ARRAY[")
		p.list(e.Elems, true)
		p.writeByte(']')
		if len(e.Elems) == 0 { // an empty one says its type
			p.Write("::" + p.typeName(types.Of(e.T.OID)))
		}
	case *tree.RowExpr:
		p.Write("ROW(")
		p.topLevelList(e.Args, true)
		p.writeByte(')')
		if e.Form == tree.CoerceExplicitCast {
			p.Write("::" + p.typeName(types.Of(e.T.OID)))
		}
	case *tree.RowCompareExpr:
		p.Write("(ROW(")
		p.topLevelList(e.Left, true)
		p.Write(") " + p.operatorName(e.Ops[0]) + " ROW(")
		p.topLevelList(e.Right, true)
		p.Write("))")
	case *tree.CoalesceExpr:
		p.Write("COALESCE(")
		p.list(e.Args, true)
		p.writeByte(')')
	case *tree.MinMaxExpr:
		if e.Least {
			p.Write("LEAST(")
		} else {
			p.Write("GREATEST(")
		}
		p.list(e.Args, true)
		p.writeByte(')')
	case *tree.SQLValueFunction:
		p.sqlValue(e)
	case *tree.NullTest:
		p.nullTest(e)
	case *tree.BooleanTest:
		p.open()
		p.paren(e.Arg, false, e)
		p.Write([]string{" IS TRUE", " IS NOT TRUE", " IS FALSE", " IS NOT FALSE", " IS UNKNOWN", " IS NOT UNKNOWN"}[e.Kind])
		p.close()
	case *tree.CoerceToDomainValue:
		p.Write("VALUE")
	case *tree.SetToDefault:
		p.Write("DEFAULT")
	case *tree.CurrentOfExpr:
		p.Write("CURRENT OF ")
		p.Ident(e.Cursor)
	case *tree.NextValueExpr:
		p.Write("nextval(")
		p.literal(p.Catalog.RelationName(e.Seq))
		p.writeByte(')')
	case *tree.GroupingSetVar:
		p.expr(e.Arg, showImplicit)
	default:
		p.Write("???")
	}
}

// open and close put the parentheses that plain style has around every operator.
func (p *Printer) open() {
	if !p.pretty() {
		p.writeByte('(')
	}
}

func (p *Printer) close() {
	if !p.pretty() {
		p.writeByte(')')
	}
}

// paren prints an operand: in pretty style with parentheses where it needs them under the parent.
func (p *Printer) paren(e tree.Expr, showImplicit bool, parent tree.Expr) {
	need := p.pretty() && !p.simple(e, parent)
	if need {
		p.writeByte('(')
	}
	p.expr(e, showImplicit)
	if need {
		p.writeByte(')')
	}
}

func (p *Printer) list(xs []tree.Expr, showImplicit bool) {
	for i, x := range xs {
		if i > 0 {
			p.Write(", ")
		}
		p.expr(x, showImplicit)
	}
}

// topLevelList prints expressions among which a whole-row Var must not expand: it is printed with a cast.
func (p *Printer) topLevelList(xs []tree.Expr, showImplicit bool) {
	for i, x := range xs {
		if i > 0 {
			p.Write(", ")
		}
		p.topLevel(x, showImplicit)
	}
}

func (p *Printer) topLevel(e tree.Expr, showImplicit bool) {
	if v, ok := e.(*tree.Var); ok {
		p.variable(v, 0, true)
		return
	}
	p.expr(e, showImplicit)
}

// simple reports whether an operand needs no parentheses under the parent in pretty style.
func (p *Printer) simple(e, parent tree.Expr) bool {
	switch e := e.(type) {
	case *tree.Var, *tree.Const, *tree.Param, *tree.CoerceToDomainValue, *tree.SetToDefault, *tree.CurrentOfExpr, *tree.MultiExprParam:
		return true
	case *tree.SubscriptingRef, *tree.ArrayExpr, *tree.RowExpr, *tree.CoalesceExpr, *tree.MinMaxExpr, *tree.SQLValueFunction, *tree.NextValueExpr,
		*tree.NullIfExpr, *tree.Aggref, *tree.GroupingFunc, *tree.WindowFunc, *tree.FuncExpr, *tree.CaseExpr:
		return true
	case *tree.FieldSelect:
		_, nested := parent.(*tree.FieldSelect)
		return !nested
	case *tree.CoerceToDomain:
		return p.simple(e.Arg, e)
	case *tree.RelabelType:
		return p.simple(e.Arg, e)
	case *tree.CoerceViaIO:
		return p.simple(e.Arg, e)
	case *tree.ArrayCoerceExpr:
		return p.simple(e.Arg, e)
	case *tree.ConvertRowtypeExpr:
		return p.simple(e.Arg, e)
	case *tree.OpExpr:
		if up, ok := parent.(*tree.OpExpr); ok {
			return p.simpleOperator(e, up)
		}
		return bracketed(parent, true)
	case *tree.SubLink, *tree.NullTest, *tree.BooleanTest, *tree.DistinctExpr:
		return bracketed(parent, true)
	case *tree.BoolExpr:
		if up, ok := parent.(*tree.BoolExpr); ok {
			if e.Op == tree.Or {
				return up.Op == tree.Or
			}
			return up.Op != tree.Not
		}
		return bracketed(parent, false)
	}
	return false
}

// bracketed reports whether the parent separates its operands by parentheses or commas of its own.
func bracketed(parent tree.Expr, underBool bool) bool {
	switch up := parent.(type) {
	case *tree.FuncExpr:
		return up.Form == tree.CoerceExplicitCall
	case *tree.BoolExpr:
		return underBool
	case *tree.SubscriptingRef, *tree.ArrayExpr, *tree.RowExpr, *tree.CoalesceExpr, *tree.MinMaxExpr, *tree.NullIfExpr, *tree.Aggref, *tree.GroupingFunc,
		*tree.WindowFunc, *tree.CaseExpr:
		return true
	}
	return false
}

// simpleOperator compares the precedence of + - and * / %; no other operators are known.
func (p *Printer) simpleOperator(e, parent *tree.OpExpr) bool {
	priority := func(o *tree.OpExpr) int {
		if len(o.Args) != 2 {
			return 0
		}
		switch p.operatorName(o.Op) {
		case "+", "-":
			return 1
		case "*", "/", "%":
			return 2
		}
		return 0
	}
	own, up := priority(e), priority(parent)
	switch {
	case own == 0 || up == 0:
		return false
	case own != up:
		return own > up
	}
	return parent.Args[0] == tree.Expr(e) // (a - b) - c, not a - (b - c)
}

func (p *Printer) opExpr(e *tree.OpExpr) {
	p.open()
	if len(e.Args) == 2 {
		p.paren(e.Args[0], true, e)
		p.Write(" " + p.operatorName(e.Op) + " ")
		p.paren(e.Args[1], true, e)
	} else {
		p.Write(p.operatorName(e.Op) + " ")
		p.paren(e.Args[0], true, e)
	}
	p.close()
}

func (p *Printer) scalarArrayOp(e *tree.ScalarArrayOpExpr) {
	p.open()
	p.paren(e.Args[0], true, e)
	p.Write(" " + p.operatorName(e.Op))
	if e.UseOr {
		p.Write(" ANY (")
	} else {
		p.Write(" ALL (")
	}
	p.paren(e.Args[1], true, e)
	// A bare sub-SELECT would read as the other kind of ANY.
	if s, ok := e.Args[1].(*tree.SubLink); ok && s.Kind == tree.ExprSubLink {
		p.Write("::" + p.typeName(s.T))
	}
	p.writeByte(')')
	p.close()
}

func (p *Printer) boolExpr(e *tree.BoolExpr) {
	p.open()
	switch e.Op {
	case tree.Not:
		p.Write("NOT ")
		p.paren(e.Args[0], false, e)
	default:
		sep := " AND "
		if e.Op == tree.Or {
			sep = " OR "
		}
		for i, a := range e.Args {
			if i > 0 {
				p.Write(sep)
			}
			p.paren(a, false, e)
		}
	}
	p.close()
}

// coercion prints a coercion node: nothing of it when it is implicit and not to be shown.
func (p *Printer) coercion(node, arg tree.Expr, t types.T, form tree.CoercionForm, showImplicit bool) {
	if form == tree.CoerceImplicitCast && !showImplicit {
		p.paren(arg, false, node)
		return
	}
	p.cast(arg, t, node)
}

// cast prints arg::type.
func (p *Printer) cast(arg tree.Expr, t types.T, parent tree.Expr) {
	if c, ok := arg.(*tree.Const); ok && c.T.OID == t.OID && c.T.Mod == -1 {
		p.constant(c, -1) // its own label would say the same
	} else {
		p.open()
		p.paren(arg, false, parent)
		p.close()
	}
	p.Write("::" + p.typeName(t))
}

// lengthCoercion returns the modifier that a length-coercion function applies, -1 for other functions.
func lengthCoercion(e *tree.FuncExpr) int32 {
	if n := len(e.Args); n == 2 || n == 3 {
		if c, ok := e.Args[1].(*tree.Const); ok && c.T.OID == types.OIDInt4 && !c.Value.Null {
			return int32(c.Value.I)
		}
	}
	return -1
}

func (p *Printer) funcExpr(e *tree.FuncExpr, showImplicit bool) {
	switch e.Form {
	case tree.CoerceImplicitCast:
		if !showImplicit {
			p.paren(e.Args[0], false, e)
			return
		}
		fallthrough
	case tree.CoerceExplicitCast:
		p.cast(e.Args[0], types.T{OID: e.T.OID, Mod: lengthCoercion(e)}, e)
		return
	case tree.CoerceSQLSyntax:
		if p.sqlSyntax(e) {
			return
		}
	}
	p.Write(p.functionName(e.Func))
	p.writeByte('(')
	for i, a := range e.Args {
		if i > 0 {
			p.Write(", ")
		}
		if e.Variadic && i == len(e.Args)-1 {
			p.Write("VARIADIC ")
		}
		p.expr(a, true)
	}
	p.writeByte(')')
}

func (p *Printer) aggref(e *tree.Aggref) {
	p.Write(p.functionName(e.Func))
	p.writeByte('(')
	if len(e.Distinct) > 0 {
		p.Write("DISTINCT ")
	}
	if e.Kind == 'o' || e.Kind == 'h' {
		p.list(e.Direct, true)
		p.Write(") WITHIN GROUP (ORDER BY ")
		p.orderBy(e.Order, e.Args, false)
	} else {
		if e.Star {
			p.writeByte('*')
		}
		n, live := 0, 0
		for i := range e.Args {
			if !e.Args[i].Junk {
				live++
			}
		}
		for i := range e.Args {
			if e.Args[i].Junk {
				continue
			}
			if n++; n > 1 {
				p.Write(", ")
			}
			if e.Variadic && n == live {
				p.Write("VARIADIC ")
			}
			p.expr(e.Args[i].Expr, true)
		}
		if len(e.Order) > 0 {
			p.Write(" ORDER BY ")
			p.orderBy(e.Order, e.Args, false)
		}
	}
	if e.Filter != nil {
		p.Write(") FILTER (WHERE ")
		p.expr(e.Filter, false)
	}
	p.writeByte(')')
}

func (p *Printer) windowFunc(e *tree.WindowFunc) {
	p.Write(p.functionName(e.Func))
	p.writeByte('(')
	if e.Star {
		p.writeByte('*')
	} else {
		p.list(e.Args, true)
	}
	if e.Filter != nil {
		p.Write(") FILTER (WHERE ")
		p.expr(e.Filter, false)
	}
	p.Write(") OVER ")
	for _, w := range p.windows {
		if w.Ref == e.Ref {
			if w.Name != "" {
				p.Ident(w.Name)
			} else {
				p.windowSpec(w, p.windowList)
			}
			return
		}
	}
	p.Write("(?)") // in EXPLAIN the window is elsewhere in the plan
}

func (p *Printer) subscripting(e *tree.SubscriptingRef) {
	need := true
	switch e.Arg.(type) {
	case *tree.Var, *tree.FieldSelect:
		need = false
	}
	if need {
		p.writeByte('(')
	}
	p.expr(e.Arg, false)
	if need {
		p.writeByte(')')
	}
	for i, u := range e.Upper {
		p.writeByte('[')
		if e.Lower != nil {
			p.expr(e.Lower[i], false)
			p.writeByte(':')
		}
		p.expr(u, false)
		p.writeByte(']')
	}
	if e.Assign != nil {
		p.Write(" := ")
		p.expr(e.Assign, showAssigned)
	}
}

const showAssigned = true

func (p *Printer) fieldSelect(e *tree.FieldSelect) {
	need := true
	switch e.Arg.(type) {
	case *tree.SubscriptingRef, *tree.FieldSelect:
		need = false
	}
	if need {
		p.writeByte('(')
	}
	p.expr(e.Arg, true)
	if need {
		p.writeByte(')')
	}
	p.writeByte('.')
	p.Ident(p.fieldName(e.Arg, e.Field))
}

// fieldName names field n (from 1) of a composite value; of an anonymous record, from where it comes.
func (p *Printer) fieldName(arg tree.Expr, n int) string {
	if t := types.Lookup(p.IO, types.BaseType(p.IO, arg.Type()).OID); t != nil && t.Relid != 0 {
		if r := p.Catalog.Relation(t.Relid); r != nil && n >= 1 && n <= len(r.Columns) {
			return r.Columns[n-1].Name
		}
	}
	switch a := arg.(type) {
	case *tree.RowExpr:
		if n >= 1 && n <= len(a.Names) {
			return a.Names[n-1]
		}
	case *tree.Var:
		if ns := p.space(a.LevelsUp); ns != nil && a.VarNo >= 1 && a.VarNo <= len(ns.query.RTable) {
			rte := ns.query.RTable[a.VarNo-1]
			if a.AttNo == 0 && n >= 1 && n <= len(rte.Eref.Cols) {
				return rte.Eref.Cols[n-1]
			}
			if rte.Subquery != nil && a.AttNo > 0 && a.AttNo <= len(rte.Subquery.Target) {
				return p.fieldName(rte.Subquery.Target[a.AttNo-1].Expr, n)
			}
		}
	case *tree.FuncExpr:
		if f := p.Catalog.Proc(a.Func); f != nil {
			out := 0
			for i, m := range f.ArgModes {
				if m == 'o' || m == 'b' || m == 't' {
					if out++; out == n && i < len(f.ArgNames) && f.ArgNames[i] != "" {
						return f.ArgNames[i]
					}
				}
			}
		}
	}
	return "f" + strconv.Itoa(n)
}

func (p *Printer) caseExpr(e *tree.CaseExpr) {
	space := func() {
		if !p.indent() {
			p.writeByte(' ')
		}
	}
	p.keyword("CASE", 0, indentVar, 0)
	if e.Arg != nil {
		p.writeByte(' ')
		p.expr(e.Arg, true)
	}
	for _, w := range e.Whens {
		cond := w.Cond
		if e.Arg != nil { // "CaseTestExpr = x" is written x
			if o, ok := cond.(*tree.OpExpr); ok && len(o.Args) == 2 {
				if _, ok := stripImplicit(o.Args[0]).(*tree.CaseTestExpr); ok {
					cond = o.Args[1]
				}
			}
		}
		space()
		p.keyword("WHEN ", 0, 0, 0)
		p.expr(cond, false)
		p.Write(" THEN ")
		p.expr(w.Result, true)
	}
	space()
	p.keyword("ELSE ", 0, 0, 0)
	p.expr(e.Else, true)
	space()
	p.keyword("END", -indentVar, 0, 0)
}

// stripImplicit removes implicit coercions from the top.
func stripImplicit(e tree.Expr) tree.Expr {
	for {
		var arg tree.Expr
		var form tree.CoercionForm
		switch x := e.(type) {
		case *tree.FuncExpr:
			if len(x.Args) > 0 {
				arg = x.Args[0]
			}
			form = x.Form
		case *tree.RelabelType:
			arg, form = x.Arg, x.Form
		case *tree.CoerceViaIO:
			arg, form = x.Arg, x.Form
		case *tree.ArrayCoerceExpr:
			arg, form = x.Arg, x.Form
		case *tree.ConvertRowtypeExpr:
			arg, form = x.Arg, x.Form
		case *tree.CoerceToDomain:
			arg, form = x.Arg, x.Form
		}
		if arg == nil || form != tree.CoerceImplicitCast {
			return e
		}
		e = arg
	}
}

func (p *Printer) nullTest(e *tree.NullTest) {
	p.open()
	p.paren(e.Arg, true, e)
	row := false
	if t := types.Lookup(p.IO, types.BaseType(p.IO, e.Arg.Type()).OID); t != nil {
		row = t.Kind == types.KindComposite || t.OID == types.OIDRecord
	}
	switch {
	case e.RowFormat || !row:
		if e.IsNotNull {
			p.Write(" IS NOT NULL")
		} else {
			p.Write(" IS NULL")
		}
	case e.IsNotNull:
		p.Write(" IS DISTINCT FROM NULL")
	default:
		p.Write(" IS NOT DISTINCT FROM NULL")
	}
	p.close()
}

func (p *Printer) sqlValue(e *tree.SQLValueFunction) {
	p.Write([]string{"CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP", "CURRENT_ROLE", "CURRENT_USER", "USER", "SESSION_USER",
		"CURRENT_CATALOG", "CURRENT_SCHEMA"}[e.Kind])
	switch e.Kind {
	case tree.CurrentTime, tree.CurrentTimestamp, tree.LocalTime, tree.LocalTimestamp:
		if e.T.Mod >= 0 {
			p.Write("(" + strconv.Itoa(int(e.T.Mod)) + ")")
		}
	}
}

func (p *Printer) param(e *tree.Param) {
	if p.Param != nil && p.Param(p, e) {
		return
	}
	p.Write("$" + strconv.Itoa(e.ID))
}

// constant prints a literal. label: -1 never shows the type, 0 where it would be read as another one, 1 always.
func (p *Printer) constant(c *tree.Const, label int) {
	if c.Value.Null {
		p.Write("NULL")
		if label >= 0 {
			p.Write("::" + p.typeName(c.T))
			p.constCollation(c)
		}
		return
	}
	text := types.Text(p.IO, types.T{OID: c.T.OID, Mod: -1}, c.Value)
	need := true
	switch c.T.OID {
	case types.OIDInt4:
		if need = strings.HasPrefix(text, "-"); need {
			p.literal(text)
		} else {
			p.Write(text)
		}
	case types.OIDNumeric:
		if text[0] >= '0' && text[0] <= '9' && strings.ContainsAny(text, "eE.") {
			p.Write(text)
			need = c.T.Mod >= 0
		} else {
			p.literal(text)
		}
	case types.OIDBool:
		if c.Value.I != 0 {
			p.Write("true")
		} else {
			p.Write("false")
		}
		need = false
	case types.OIDUnknown:
		p.literal(text)
		need = false
	default:
		p.literal(text)
	}
	if label < 0 {
		return
	}
	if need || label > 0 {
		p.Write("::" + p.typeName(c.T))
	}
	p.constCollation(c)
}

func (p *Printer) constCollation(c *tree.Const) {
	if c.Coll == 0 {
		return
	}
	if t := types.Lookup(p.IO, c.T.OID); t != nil && t.Collation == c.Coll {
		return
	}
	p.Write(" COLLATE " + p.collationName(c.Coll))
}

func (p *Printer) subLink(e *tree.SubLink) {
	if e.Kind == tree.ArraySubLink {
		p.Write("ARRAY(")
	} else {
		p.writeByte('(')
	}
	op := ""
	switch t := e.Test.(type) {
	case *tree.OpExpr:
		p.expr(t.Args[0], true)
		op = p.operatorName(t.Op)
	case *tree.BoolExpr:
		p.writeByte('(')
		for i, a := range t.Args {
			if i > 0 {
				p.Write(", ")
			}
			if o, ok := a.(*tree.OpExpr); ok {
				p.expr(o.Args[0], true)
				if op == "" {
					op = p.operatorName(o.Op)
				}
			}
		}
		p.writeByte(')')
	case *tree.RowCompareExpr:
		p.writeByte('(')
		p.list(t.Left, true)
		op = p.operatorName(t.Ops[0])
		p.writeByte(')')
	}
	need := true
	switch e.Kind {
	case tree.ExistsSubLink:
		p.Write("EXISTS ")
	case tree.AnySubLink:
		if op == "=" {
			p.Write(" IN ")
		} else {
			p.Write(" " + op + " ANY ")
		}
	case tree.AllSubLink:
		p.Write(" " + op + " ALL ")
	case tree.RowCompareSubLink:
		p.Write(" " + op + " ")
	default:
		need = false
	}
	if need {
		p.writeByte('(')
	}
	p.subquery(e.Query, nil, false)
	if need {
		p.writeByte(')')
	}
	p.writeByte(')')
}

// Expression prints a single expression over the columns of a relation (nil: none), as deparse_expression does.
func Expression(b *catalog.Bound, e tree.Expr, rel *catalog.Relation, flags Flags) string {
	p := New(b, flags)
	if rel != nil {
		p.pushRelation(rel)
	}
	p.expr(e, false)
	return p.String()
}
