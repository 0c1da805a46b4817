package analyze

import (
	"slices"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// rewriteSearchCycle turns SEARCH and CYCLE of a recursive WITH query into columns that its terms compute (rewriteSearchAndCycle): each
// term becomes a subquery of a new one that adds the sequence column, the cycle mark and the path.
func (a *analyzer) rewriteSearchCycle(c *tree.CTE) {
	so, ok := c.Query.SetOp.(*tree.SetOperation)
	if !ok {
		fail(pgerr.Internal("recursive query is no UNION"))
	}
	left, right := so.Left.(*tree.RangeRef), so.Right.(*tree.RangeRef)
	b := &searchCycle{a: a, c: c, cols: len(c.ColNames)}
	b.nonRecursive(c.Query.RTable[left.Index-1])
	b.recursive(c.Query.RTable[right.Index-1])
	for _, col := range b.extra {
		c.ColNames, c.ColTypes, c.ColColls = append(c.ColNames, col.name), append(c.ColTypes, col.t), append(c.ColColls, col.coll)
		so.ColTypes, so.ColColls = append(so.ColTypes, col.t), append(so.ColColls, col.coll)
		if !so.All {
			ops := a.typeOps(col.t.OID)
			so.Group = append(so.Group, tree.SortClause{EqOp: ops.Eq, SortOp: ops.Lt, Hashable: ops.Hash != 0})
		}
		n := len(c.Query.Target) + 1
		c.Query.Target = append(c.Query.Target, tree.TargetEntry{ResNo: n, Name: col.name,
			Expr: &tree.Var{VarNo: left.Index, AttNo: len(so.ColTypes), T: col.t, Coll: col.coll, Loc: -1}})
	}
	c.Search, c.Cycle = nil, nil
}

// searchCycle is the rewriting of one WITH query.
type searchCycle struct {
	a     *analyzer
	c     *tree.CTE
	cols  int
	extra []extraColumn
}

// extraColumn is an added column with its value in both terms.
type extraColumn struct {
	name string
	t    types.T
	coll types.OID
}

const (
	arrayCatFunc types.OID = 383  // array_cat
	int8incFunc  types.OID = 1219 // int8inc
	recordEqOp   types.OID = 2988 // record = record
	recordEqFunc types.OID = 2981 // record_eq
)

// wrap makes the query SELECT cols FROM (sub), to which the added columns are appended.
func (b *searchCycle) wrap(r *tree.RTE, alias string, hidden []extraColumn) *tree.Query {
	sub := &tree.RTE{Kind: tree.RTESubquery, Subquery: tree.IncrementQueryLevels(r.Subquery, 1, 1), InFrom: true, Alias: &tree.Alias{Name: alias, Cols: slices.Clone(b.c.ColNames)}}
	sub.Eref = *sub.Alias
	sub.ColTypes, sub.ColColls = slices.Clone(r.ColTypes), slices.Clone(r.ColColls)
	for _, h := range hidden {
		sub.Eref.Cols = append(sub.Eref.Cols, h.name)
		sub.ColTypes, sub.ColColls = append(sub.ColTypes, h.t), append(sub.ColColls, h.coll)
	}
	q := &tree.Query{Cmd: tree.CmdSelect, RTable: []*tree.RTE{sub}, From: &tree.FromExpr{List: []tree.JoinNode{&tree.RangeRef{Index: 1}}}}
	for i := range b.cols {
		q.Target = append(q.Target, tree.TargetEntry{Expr: b.colVar(sub, i+1), ResNo: i + 1, Name: b.c.ColNames[i]})
	}
	return q
}

func (b *searchCycle) colVar(sub *tree.RTE, att int) *tree.Var {
	return &tree.Var{VarNo: 1, AttNo: att, T: sub.ColTypes[att-1], Coll: sub.ColColls[att-1], Loc: -1}
}

// row makes ROW(columns) of a term.
func (b *searchCycle) row(q *tree.Query, cols []string) *tree.RowExpr {
	out := &tree.RowExpr{T: types.Of(types.OIDRecord), Form: tree.CoerceImplicitCast, Loc: -1}
	for _, name := range cols {
		i := slices.Index(b.c.ColNames, name)
		out.Args = append(out.Args, b.colVar(q.RTable[0], i+1))
		out.Names = append(out.Names, name)
	}
	return out
}

func recordArray(row tree.Expr) *tree.ArrayExpr {
	return &tree.ArrayExpr{T: types.Of(types.OIDRecordArray), Elem: types.OIDRecord, Elems: []tree.Expr{row}, Loc: -1}
}

// breadthRow puts the depth in front of the columns.
func breadthRow(depth tree.Expr, row *tree.RowExpr) *tree.RowExpr {
	row.Args = append([]tree.Expr{depth}, row.Args...)
	row.Names = append([]string{"*DEPTH*"}, row.Names...)
	return row
}

func (b *searchCycle) add(q *tree.Query, name string, e tree.Expr) {
	q.Target = append(q.Target, tree.TargetEntry{Expr: e, ResNo: len(q.Target) + 1, Name: name})
}

// nonRecursive rewrites the first term: where paths start.
func (b *searchCycle) nonRecursive(r *tree.RTE) {
	q := b.wrap(r, "*TLOCRN*", nil)
	if s := b.c.Search; s != nil {
		var e tree.Expr = recordArray(b.row(q, s.Cols))
		if s.Breadth {
			e = breadthRow(&tree.Const{T: types.Of(types.OIDInt8), Value: types.Int(0), Loc: -1}, b.row(q, s.Cols))
		}
		b.add(q, s.SeqCol, e)
		b.extra = append(b.extra, extraColumn{s.SeqCol, e.Type(), 0})
	}
	if cy := b.c.Cycle; cy != nil {
		b.add(q, cy.MarkCol, tree.CopyExpr(cy.MarkDefault))
		b.add(q, cy.PathCol, recordArray(b.row(q, cy.Cols)))
		b.extra = append(b.extra, extraColumn{cy.MarkCol, cy.MarkT, cy.MarkColl}, extraColumn{cy.PathCol, types.Of(types.OIDRecordArray), 0})
	}
	b.replace(r, q)
}

// recursive rewrites the second term: it takes the added columns from the working table, stops at marked rows, and goes on.
func (b *searchCycle) recursive(r *tree.RTE) {
	self := 0
	for i, e := range r.Subquery.RTable {
		if e.Kind == tree.RTECTE && e.CTEName == b.c.Name && e.SelfRef {
			self = i + 1
		}
	}
	if self == 0 {
		fail(pgerr.New(pgerr.FeatureNotSupported, "with a SEARCH or CYCLE clause, the recursive reference to WITH query \""+b.c.Name+
			"\" must be at the top level of its right-hand SELECT"))
	}
	fromSelf := func(i int) *tree.Var {
		return &tree.Var{VarNo: self, AttNo: b.cols + 1 + i, T: b.extra[i].t, Coll: b.extra[i].coll, Loc: -1}
	}
	for i, col := range b.extra {
		r.Subquery.Target = append(r.Subquery.Target, tree.TargetEntry{Expr: fromSelf(i), ResNo: len(r.Subquery.Target) + 1, Name: col.name})
	}
	cy := b.c.Cycle
	markAt := len(b.extra) - 2
	if cy != nil {
		fn := types.OID(0)
		if op := b.a.cat.Operator(cy.MarkNEqOp); op != nil {
			fn = op.Func
		}
		goOn := &tree.OpExpr{Op: cy.MarkNEqOp, Func: fn, T: types.Of(types.OIDBool), InputColl: cy.MarkColl,
			Args: []tree.Expr{fromSelf(markAt), tree.CopyExpr(cy.MarkValue)}, Loc: -1}
		r.Subquery.From.Quals = andQual(r.Subquery.From.Quals, goOn)
	}
	q := b.wrap(r, "*TROCRN*", b.extra)
	sub := q.RTable[0]
	old := func(i int) *tree.Var { return b.colVar(sub, b.cols+1+i) }
	appendTo := func(path tree.Expr, row tree.Expr) tree.Expr {
		return &tree.FuncExpr{Func: arrayCatFunc, T: types.Of(types.OIDRecordArray), Args: []tree.Expr{path, recordArray(row)}, Loc: -1}
	}
	if s := b.c.Search; s != nil {
		row := b.row(q, s.Cols)
		if s.Breadth {
			depth := &tree.FuncExpr{Func: int8incFunc, T: types.Of(types.OIDInt8), Loc: -1,
				Args: []tree.Expr{&tree.FieldSelect{Arg: old(0), Field: 1, T: types.Of(types.OIDInt8)}}}
			b.add(q, s.SeqCol, breadthRow(depth, row))
		} else {
			b.add(q, s.SeqCol, appendTo(old(0), row))
		}
	}
	if cy != nil {
		seen := &tree.ScalarArrayOpExpr{Op: recordEqOp, Func: recordEqFunc, UseOr: true, Args: []tree.Expr{b.row(q, cy.Cols), old(markAt + 1)}, Loc: -1}
		b.add(q, cy.MarkCol, &tree.CaseExpr{Whens: []tree.CaseWhen{{Cond: seen, Result: tree.CopyExpr(cy.MarkValue)}}, Else: tree.CopyExpr(cy.MarkDefault),
			T: cy.MarkT, Coll: cy.MarkColl, Loc: -1})
		b.add(q, cy.PathCol, appendTo(old(markAt+1), b.row(q, cy.Cols)))
	}
	b.replace(r, q)
}

// replace puts the new query in the place of a term.
func (b *searchCycle) replace(r *tree.RTE, q *tree.Query) {
	r.Subquery = q
	cols := slices.Clone(r.Eref.Cols)
	for _, col := range b.extra {
		cols = append(cols, col.name)
		r.ColTypes, r.ColColls = append(r.ColTypes, col.t), append(r.ColColls, col.coll)
	}
	r.Eref.Cols = cols
}
