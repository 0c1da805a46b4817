package tree

// MapChildren returns e with each direct child replaced by f's result. e itself is returned when nothing changed, else a copy; e
// is never changed. Like Children it does not enter a SubLink's query.
func MapChildren(e Expr, f func(Expr) Expr) Expr {
	m := mapper{f: f}
	switch e := e.(type) {
	case *FuncExpr:
		if args := m.list(e.Args); m.changed {
			c := *e
			c.Args = args
			return &c
		}
	case *OpExpr:
		if args := m.list(e.Args); m.changed {
			c := *e
			c.Args = args
			return &c
		}
	case *DistinctExpr:
		if args := m.list(e.Args); m.changed {
			c := *e
			c.Args = args
			return &c
		}
	case *NullIfExpr:
		if args := m.list(e.Args); m.changed {
			c := *e
			c.Args = args
			return &c
		}
	case *ScalarArrayOpExpr:
		if args := m.list(e.Args); m.changed {
			c := *e
			c.Args = args
			return &c
		}
	case *BoolExpr:
		if args := m.list(e.Args); m.changed {
			c := *e
			c.Args = args
			return &c
		}
	case *SubLink:
		if test := m.one(e.Test); m.changed {
			c := *e
			c.Test = test
			return &c
		}
	case *SubPlan:
		if test, args := m.one(e.Test), m.list(e.Args); m.changed {
			c := *e
			c.Test, c.Args = test, args
			return &c
		}
	case *FieldSelect:
		if arg := m.one(e.Arg); m.changed {
			c := *e
			c.Arg = arg
			return &c
		}
	case *FieldStore:
		if arg, values := m.one(e.Arg), m.list(e.Values); m.changed {
			c := *e
			c.Arg, c.Values = arg, values
			return &c
		}
	case *RelabelType:
		if arg := m.one(e.Arg); m.changed {
			c := *e
			c.Arg = arg
			return &c
		}
	case *CoerceViaIO:
		if arg := m.one(e.Arg); m.changed {
			c := *e
			c.Arg = arg
			return &c
		}
	case *ArrayCoerceExpr:
		if arg, elem := m.one(e.Arg), m.one(e.Elem); m.changed {
			c := *e
			c.Arg, c.Elem = arg, elem
			return &c
		}
	case *ConvertRowtypeExpr:
		if arg := m.one(e.Arg); m.changed {
			c := *e
			c.Arg = arg
			return &c
		}
	case *CollateExpr:
		if arg := m.one(e.Arg); m.changed {
			c := *e
			c.Arg = arg
			return &c
		}
	case *CaseExpr:
		arg, whens, els := m.one(e.Arg), make([]CaseWhen, len(e.Whens)), Expr(nil)
		for i, w := range e.Whens {
			whens[i] = CaseWhen{m.one(w.Cond), m.one(w.Result)}
		}
		if els = m.one(e.Else); m.changed {
			c := *e
			c.Arg, c.Whens, c.Else = arg, whens, els
			return &c
		}
	case *ArrayExpr:
		if elems := m.list(e.Elems); m.changed {
			c := *e
			c.Elems = elems
			return &c
		}
	case *RowExpr:
		if args := m.list(e.Args); m.changed {
			c := *e
			c.Args = args
			return &c
		}
	case *RowCompareExpr:
		if left, right := m.list(e.Left), m.list(e.Right); m.changed {
			c := *e
			c.Left, c.Right = left, right
			return &c
		}
	case *CoalesceExpr:
		if args := m.list(e.Args); m.changed {
			c := *e
			c.Args = args
			return &c
		}
	case *MinMaxExpr:
		if args := m.list(e.Args); m.changed {
			c := *e
			c.Args = args
			return &c
		}
	case *NullTest:
		if arg := m.one(e.Arg); m.changed {
			c := *e
			c.Arg = arg
			return &c
		}
	case *BooleanTest:
		if arg := m.one(e.Arg); m.changed {
			c := *e
			c.Arg = arg
			return &c
		}
	case *CoerceToDomain:
		if arg := m.one(e.Arg); m.changed {
			c := *e
			c.Arg = arg
			return &c
		}
	case *SubscriptingRef:
		arg, upper, lower, assign := m.one(e.Arg), m.list(e.Upper), m.list(e.Lower), m.one(e.Assign)
		if m.changed {
			c := *e
			c.Arg, c.Upper, c.Lower, c.Assign = arg, upper, lower, assign
			return &c
		}
	case *Aggref:
		direct, args, filter := m.list(e.Direct), m.targets(e.Args), m.one(e.Filter)
		if m.changed {
			c := *e
			c.Direct, c.Args, c.Filter = direct, args, filter
			return &c
		}
	case *GroupingFunc:
		if args := m.list(e.Args); m.changed {
			c := *e
			c.Args = args
			return &c
		}
	case *WindowFunc:
		if args, filter := m.list(e.Args), m.one(e.Filter); m.changed {
			c := *e
			c.Args, c.Filter = args, filter
			return &c
		}
	case *NamedArgExpr:
		if arg := m.one(e.Arg); m.changed {
			c := *e
			c.Arg = arg
			return &c
		}
	case *GroupingSetVar:
		if arg := m.one(e.Arg); m.changed {
			c := *e
			c.Arg = arg
			return &c
		}
	}
	return e
}

// mapper applies f and notes whether any result differs.
type mapper struct {
	f       func(Expr) Expr
	changed bool
}

func (m *mapper) one(x Expr) Expr {
	if x == nil {
		return nil
	}
	y := m.f(x)
	if y != x {
		m.changed = true
	}
	return y
}

// list copies the slice only when an element changed.
func (m *mapper) list(xs []Expr) []Expr {
	var out []Expr
	for i, x := range xs {
		y := m.one(x)
		if y != x && out == nil {
			out = append(make([]Expr, 0, len(xs)), xs...)
		}
		if out != nil {
			out[i] = y
		}
	}
	if out == nil {
		return xs
	}
	return out
}

func (m *mapper) targets(ts []TargetEntry) []TargetEntry {
	var out []TargetEntry
	for i := range ts {
		y := m.one(ts[i].Expr)
		if y != ts[i].Expr && out == nil {
			out = append(make([]TargetEntry, 0, len(ts)), ts...)
		}
		if out != nil {
			out[i].Expr = y
		}
	}
	if out == nil {
		return ts
	}
	return out
}

// Mutate rewrites e top down: where f returns (x, true), x takes the place of the node and is not looked into; where it returns
// false the node's children are rewritten. What doesn't change is shared with e. Subqueries are not entered.
func Mutate(e Expr, f func(Expr) (Expr, bool)) Expr {
	if e == nil {
		return nil
	}
	if x, done := f(e); done {
		return x
	}
	return MapChildren(e, func(c Expr) Expr { return Mutate(c, f) })
}

// MutateDeep is Mutate that enters the queries of SubLinks and all that is nested in them; depth as in WalkDeep, starting from the given one.
func MutateDeep(e Expr, depth int, f func(e Expr, depth int) (Expr, bool)) Expr {
	if e == nil {
		return nil
	}
	if x, done := f(e, depth); done {
		return x
	}
	out := MapChildren(e, func(c Expr) Expr { return MutateDeep(c, depth, f) })
	if s, ok := out.(*SubLink); ok && s.Query != nil {
		if q := MutateQueryDeep(s.Query, depth+1, f); q != s.Query {
			c := *s
			c.Query = q
			return &c
		}
	}
	return out
}

// MutateQuery returns a copy of q in which each topmost expression (see QueryExprs) is rewritten by Mutate, or q itself when nothing
// changed. Nested queries are shared.
func MutateQuery(q *Query, f func(Expr) (Expr, bool)) *Query {
	return MapQuery(q, func(e Expr) Expr { return Mutate(e, f) }, nil)
}

// MutateQueryDeep rewrites all expressions of q and of the queries nested in it. q's own have the given depth. q itself is returned when nothing changed.
func MutateQueryDeep(q *Query, depth int, f func(e Expr, depth int) (Expr, bool)) *Query {
	return MapQuery(q,
		func(e Expr) Expr { return MutateDeep(e, depth, f) },
		func(sub *Query) *Query { return MutateQueryDeep(sub, depth+1, f) })
}

// MapQuery returns q with each topmost expression replaced by f's result and each directly nested query (see Subqueries) by sub's; sub may be nil.
// q itself is returned when nothing changed; q is never changed.
func MapQuery(q *Query, f func(Expr) Expr, sub func(*Query) *Query) *Query {
	m := queryMapper{mapper{f: f}, sub}
	c := *q
	c.Target = m.targets(q.Target)
	if q.From != nil {
		c.From = m.join(q.From).(*FromExpr)
	}
	if q.OnConflict != nil {
		c.OnConflict = m.onConflict(q.OnConflict)
	}
	c.Returning = m.targets(q.Returning)
	c.Having = m.one(q.Having)
	c.Windows = m.windows(q.Windows)
	c.LimitOffset = m.one(q.LimitOffset)
	c.LimitCount = m.one(q.LimitCount)
	c.MergeActions = m.mergeActions(q.MergeActions)
	c.WithChecks = m.withChecks(q.WithChecks)
	c.MultiAssign = m.multiAssign(q.MultiAssign)
	c.CTEs = m.ctes(q.CTEs)
	c.RTable = m.rtable(q.RTable)
	if !m.changed {
		return q
	}
	return &c
}

type queryMapper struct {
	mapper
	sub func(*Query) *Query
}

func (m *queryMapper) query(q *Query) *Query {
	if q == nil || m.sub == nil {
		return q
	}
	out := m.sub(q)
	if out != q {
		m.changed = true
	}
	return out
}

// part runs f and reports whether it changed anything, without losing earlier changes.
func (m *queryMapper) part(f func()) bool {
	before := m.changed
	m.changed = false
	f()
	part := m.changed
	m.changed = part || before
	return part
}

func (m *queryMapper) join(n JoinNode) JoinNode {
	switch n := n.(type) {
	case *JoinExpr:
		c := *n
		if m.part(func() { c.Left, c.Right, c.Quals = m.join(n.Left), m.join(n.Right), m.one(n.Quals) }) {
			return &c
		}
	case *FromExpr:
		c := FromExpr{List: make([]JoinNode, len(n.List))}
		if m.part(func() {
			for i, x := range n.List {
				c.List[i] = m.join(x)
			}
			c.Quals = m.one(n.Quals)
		}) {
			return &c
		}
	}
	return n
}

func (m *queryMapper) onConflict(o *OnConflict) *OnConflict {
	c := *o
	if m.part(func() {
		c.Arbiters, c.ArbWhere, c.Set = m.list(o.Arbiters), m.one(o.ArbWhere), m.targets(o.Set)
		c.Where, c.ExclTarget = m.one(o.Where), m.targets(o.ExclTarget)
	}) {
		return &c
	}
	return o
}

func (m *queryMapper) windows(ws []*WindowClause) []*WindowClause {
	return mapSlice(m, ws, func(w *WindowClause) *WindowClause {
		c := *w
		c.StartOffset, c.EndOffset = m.one(w.StartOffset), m.one(w.EndOffset)
		return &c
	})
}

func (m *queryMapper) mergeActions(as []*MergeAction) []*MergeAction {
	return mapSlice(m, as, func(a *MergeAction) *MergeAction {
		c := *a
		c.Qual, c.Target = m.one(a.Qual), m.targets(a.Target)
		return &c
	})
}

func (m *queryMapper) withChecks(ws []WithCheck) []WithCheck {
	out := append([]WithCheck(nil), ws...)
	if m.part(func() {
		for i := range out {
			out[i].Qual = m.one(out[i].Qual)
		}
	}) {
		return out
	}
	return ws
}

func (m *queryMapper) multiAssign(ls []*SubLink) []*SubLink {
	return mapSlice(m, ls, func(l *SubLink) *SubLink {
		if s, ok := m.one(l).(*SubLink); ok {
			return s
		}
		return l
	})
}

func (m *queryMapper) ctes(cs []*CTE) []*CTE {
	return mapSlice(m, cs, func(e *CTE) *CTE {
		c := *e
		c.Query = m.query(e.Query)
		if e.Cycle != nil {
			y := *e.Cycle
			y.MarkValue, y.MarkDefault = m.one(y.MarkValue), m.one(y.MarkDefault)
			c.Cycle = &y
		}
		return &c
	})
}

func (m *queryMapper) rtable(rs []*RTE) []*RTE {
	return mapSlice(m, rs, func(r *RTE) *RTE {
		c := *r
		c.AsOf = m.one(r.AsOf)
		c.Subquery = m.query(r.Subquery)
		c.JoinAlias = m.list(r.JoinAlias)
		if r.Funcs != nil {
			c.Funcs = append([]RangeFunc(nil), r.Funcs...)
			for i := range c.Funcs {
				c.Funcs[i].Expr = m.one(c.Funcs[i].Expr)
			}
		}
		if r.Values != nil {
			c.Values = make([][]Expr, len(r.Values))
			for i, row := range r.Values {
				c.Values[i] = m.list(row)
			}
		}
		return &c
	})
}

// mapSlice applies f, which always copies, to each element and keeps the copy only of those that changed.
func mapSlice[T comparable](m *queryMapper, in []T, f func(T) T) []T {
	var out []T
	for i, x := range in {
		var y T
		if !m.part(func() { y = f(x) }) {
			continue
		}
		if out == nil {
			out = append(make([]T, 0, len(in)), in...)
		}
		out[i] = y
	}
	if out == nil {
		return in
	}
	return out
}

// IncrementLevels returns e with LevelsUp of each Var, Aggref, GroupingFunc and CTE reference that reaches level minLevel or beyond raised by delta: what an
// expression needs when it moves delta query levels down (PostgreSQL's IncrementVarSublevelsUp).
func IncrementLevels(e Expr, delta, minLevel int) Expr {
	return incLevels(e, delta, minLevel)
}

// IncrementQueryLevels is IncrementLevels for a query; q's own references count from minLevel 1 when the query itself moves.
func IncrementQueryLevels(q *Query, delta, minLevel int) *Query {
	return incQueryLevels(q, delta, minLevel)
}

func incLevels(e Expr, delta, minLevel int) Expr {
	if e == nil || delta == 0 {
		return e
	}
	var out Expr
	switch x := e.(type) {
	case *Var:
		if x.LevelsUp < minLevel {
			return e
		}
		c := *x
		c.LevelsUp += delta
		return &c
	case *Aggref:
		c := *(MapChildren(e, func(a Expr) Expr { return incLevels(a, delta, minLevel) }).(*Aggref))
		if c.LevelsUp >= minLevel {
			c.LevelsUp += delta
		}
		return &c
	case *GroupingFunc:
		c := *(MapChildren(e, func(a Expr) Expr { return incLevels(a, delta, minLevel) }).(*GroupingFunc))
		if c.LevelsUp >= minLevel {
			c.LevelsUp += delta
		}
		return &c
	}
	out = MapChildren(e, func(a Expr) Expr { return incLevels(a, delta, minLevel) })
	if s, ok := out.(*SubLink); ok && s.Query != nil {
		if q := incQueryLevels(s.Query, delta, minLevel+1); q != s.Query {
			c := *s
			c.Query = q
			return &c
		}
	}
	return out
}

func incQueryLevels(q *Query, delta, minLevel int) *Query {
	out := MapQuery(q,
		func(e Expr) Expr { return incLevels(e, delta, minLevel) },
		func(sub *Query) *Query { return incQueryLevels(sub, delta, minLevel+1) })
	for i, r := range out.RTable {
		if r.Kind != RTECTE || r.CTELevels < minLevel {
			continue
		}
		if out == q {
			c := *q
			out = &c
		}
		if len(out.RTable) == len(q.RTable) && &out.RTable[0] == &q.RTable[0] {
			out.RTable = append([]*RTE(nil), q.RTable...)
		}
		c := *r
		c.CTELevels += delta
		out.RTable[i] = &c
	}
	return out
}
