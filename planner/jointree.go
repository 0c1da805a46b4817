package planner

import (
	"math/bits"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// relids is a set of base relations, by bit number.
type relids uint64

func bit(i int) relids               { return 1 << uint(i) }
func (s relids) has(t relids) bool   { return s&t == t }
func (s relids) meets(t relids) bool { return s&t != 0 }
func (s relids) count() int          { return bits.OnesCount64(uint64(s)) }
func (s relids) first() int          { return bits.TrailingZeros64(uint64(s)) }

// rel is a base or join relation being planned.
type rel struct {
	ids    relids
	rti    int // base relations
	rte    *tree.RTE
	rows   float64
	width  int
	tuples float64 // rows of the table before restrictions
	pages  float64
	quals  []*clause // restrictions of a base relation
	paths  []*path
	// lateral lists the relations that must come from an outer side (LATERAL).
	lateral relids
	// pseudo-constant conditions are checked once.
	indexes []*indexInfo
	virtual bool
	unique  [][]int     // sets of attribute numbers that are unique (not considering NULLs)
	empty   bool        // a constant FALSE condition
	child   *root       // of a subquery
	pushed  []tree.Expr // conditions that the subquery applies itself
}

// clause is a condition with what it takes to evaluate it.
type clause struct {
	expr tree.Expr
	// rels are the relations mentioned; required must be joined before it can be evaluated (outer joins may add to it).
	rels, required relids
	// outer is the outer (or semi, anti) join whose ON condition it is; nil for filters and inner joins.
	outer *outerJoin
	// For left = right (or another binary operator) with disjoint sides.
	op                  *tree.OpExpr
	left, right         tree.Expr
	leftRels, rightRels relids
	canHash, canMerge   bool
	pseudo              bool // no Vars: evaluated once
	sel                 float64
	selSet              bool
	ec                  *equivalence
}

// outerJoin is a join whose order is constrained: LEFT, FULL, SEMI, ANTI.
type outerJoin struct {
	kind              tree.JoinType
	synLeft, synRight relids // all that is written on its sides
	minLeft, minRight relids // what must be joined first at least
	clauses           []*clause
	strict            bool // the condition rejects all-NULL rows of minLeft
	// delayUpper: a filter between this join and the outer joins above looks at its nullable side, so that it can't change places with them.
	delayUpper bool
}

// buildJoinTree numbers the base relations and distributes the conditions.
func (r *root) buildJoinTree() error {
	r.bit = map[int]int{}
	r.needed = map[varKey]relids{}
	r.above = map[varKey]bool{}
	var failed error
	var number func(n tree.JoinNode)
	number = func(n tree.JoinNode) {
		switch n := n.(type) {
		case *tree.RangeRef:
			if len(r.base) == maxRels {
				failed = pgerr.Newf(pgerr.ProgramLimitExceeded, "a query can join at most %d tables", maxRels)
				return
			}
			r.bit[n.Index] = len(r.base)
			r.base = append(r.base, &rel{ids: bit(len(r.base)), rti: n.Index, rte: r.q.RTable[n.Index-1]})
		case *tree.JoinExpr:
			number(n.Left)
			number(n.Right)
		case *tree.FromExpr:
			for _, c := range n.List {
				number(c)
			}
		}
	}
	number(r.q.From)
	if failed != nil {
		return failed
	}
	if err := r.findLateral(); err != nil {
		return err
	}
	d := distributor{r: r}
	d.node(r.q.From, nil)
	for _, p := range d.pending {
		d.distribute(p)
	}
	r.finishEquivalences()
	r.extractOrClauses()
	return nil
}

// findLateral plans subqueries that refer to siblings, and notes which relations each base relation depends on.
func (r *root) findLateral() error {
	for _, b := range r.base {
		switch b.rte.Kind {
		case tree.RTESubquery:
			if err := r.planSubqueryRel(b); err != nil {
				return err
			}
		case tree.RTEFunction:
			for _, f := range b.rte.Funcs {
				b.lateral |= r.relsIn(f.Expr)
			}
		case tree.RTEValues:
			for _, row := range b.rte.Values {
				for _, e := range row {
					b.lateral |= r.relsIn(e)
				}
			}
		}
		b.lateral &^= b.ids
	}
	return nil
}

// relsIn is the set of base relations that e mentions (through subplans' arguments too).
func (r *root) relsIn(e tree.Expr) relids {
	var s relids
	for _, v := range varsOf(e) {
		if b, ok := r.bit[v.VarNo]; ok {
			s |= bit(b)
		}
	}
	return s
}

// distributor walks the join tree and attaches each condition where it can be evaluated.
type distributor struct {
	r       *root
	pending []pendingClause
}

type pendingClause struct {
	expr  tree.Expr
	below []*outerJoin // outer joins below the place where it was written
	scope relids       // relations in scope where it was written
	outer *outerJoin
	// allowEC: not inside the nullable side of an outer join.
	allowEC bool
}

// node returns the relations and the outer joins below n. nullable is the innermost outer join whose nullable side n is in.
func (d *distributor) node(n tree.JoinNode, nullable *outerJoin) (relids, []*outerJoin) {
	switch n := n.(type) {
	case *tree.RangeRef:
		return bit(d.r.bit[n.Index]), nil
	case *tree.FromExpr:
		var ids relids
		var below []*outerJoin
		for _, c := range n.List {
			i, b := d.node(c, nullable)
			ids |= i
			below = append(below, b...)
		}
		d.conditions(n.Quals, below, ids, nil, nullable)
		return ids, below
	case *tree.JoinExpr:
		return d.join(n, nullable)
	}
	return 0, nil
}

func (d *distributor) join(n *tree.JoinExpr, nullable *outerJoin) (relids, []*outerJoin) {
	if n.Kind == tree.JoinInner {
		l, bl := d.node(n.Left, nullable)
		rr, br := d.node(n.Right, nullable)
		below := append(append([]*outerJoin(nil), bl...), br...)
		d.conditions(n.Quals, below, l|rr, nil, nullable)
		return l | rr, below
	}
	oj := &outerJoin{kind: n.Kind}
	leftNull, rightNull := nullable, oj
	if n.Kind == tree.JoinFull {
		leftNull = oj
	}
	if n.Kind == tree.JoinSemi {
		rightNull = nullable
	}
	l, bl := d.node(n.Left, leftNull)
	rr, br := d.node(n.Right, rightNull)
	oj.synLeft, oj.synRight = l, rr
	below := append(append([]*outerJoin(nil), bl...), br...)
	d.setMinimum(oj, n.Quals, below, d.innerJoined(n.Right))
	d.r.joins = append(d.r.joins, oj)
	d.conditions(n.Quals, below, l|rr, oj, nullable)
	return l | rr, append(below, oj)
}

// relsOf returns all base relations of a join tree.
func (d *distributor) relsOf(n tree.JoinNode) (ids relids) {
	switch n := n.(type) {
	case *tree.RangeRef:
		return bit(d.r.bit[n.Index])
	case *tree.JoinExpr:
		return d.relsOf(n.Left) | d.relsOf(n.Right)
	case *tree.FromExpr:
		for _, c := range n.List {
			ids |= d.relsOf(c)
		}
	}
	return ids
}

// innerJoined returns the relations that take part in inner joins within n. Under the nullable side of an outer join they can't leave it.
func (d *distributor) innerJoined(n tree.JoinNode) (ids relids) {
	switch n := n.(type) {
	case *tree.JoinExpr:
		if n.Kind == tree.JoinInner {
			return d.relsOf(n)
		}
		return d.innerJoined(n.Left) | d.innerJoined(n.Right)
	case *tree.FromExpr:
		if len(n.List) > 1 {
			return d.relsOf(n)
		}
		for _, c := range n.List {
			ids |= d.innerJoined(c)
		}
	}
	return ids
}

// setMinimum computes the relations that must be present on each side before the outer join may be done: those its condition mentions, those of inner joins on its right, and
// more where reordering with a lower outer join would change the result (make_outerjoininfo in PostgreSQL).
func (d *distributor) setMinimum(oj *outerJoin, quals tree.Expr, below []*outerJoin, inner relids) {
	r := d.r
	mentioned := relids(0)
	for _, c := range andList(quals) {
		mentioned |= r.relsIn(c)
	}
	if oj.kind == tree.JoinFull {
		oj.minLeft, oj.minRight = oj.synLeft, oj.synRight
		return
	}
	strict := relids(0)
	for rti := range r.nonNullable(quals) {
		if b, ok := r.bit[rti]; ok {
			strict |= bit(b)
		}
	}
	oj.strict = strict.meets(oj.synLeft)
	left := mentioned & oj.synLeft
	right := (mentioned | inner) & oj.synRight
	if oj.kind == tree.JoinSemi || oj.kind == tree.JoinAnti {
		right = oj.synRight
	}
	fixed := oj.kind == tree.JoinSemi || oj.kind == tree.JoinAnti
	for _, b := range below {
		all := b.synLeft | b.synRight
		if b.kind == tree.JoinFull {
			if oj.synLeft.meets(all) && (left.meets(all) || mentioned.meets(all)) {
				left |= all
			}
			if oj.synRight.meets(all) {
				right |= all
			}
			continue
		}
		// A lower outer join on our left: we may slip below it unless our condition looks at its nullable side without rejecting NULLs there.
		if oj.synLeft.meets(b.synRight) && mentioned.meets(b.synRight) && (fixed || !strict.meets(b.minRight)) {
			left |= all
		}
		// One on our right: the two may change places only if we look at its left side alone, and its condition rejects NULLs there.
		if oj.synRight.meets(b.synRight) {
			if mentioned.meets(b.synRight) || !mentioned.meets(b.minLeft) || fixed || b.kind != tree.JoinLeft || !b.strict || b.delayUpper {
				right |= all
			}
		}
	}
	if left == 0 {
		left = oj.synLeft
	}
	if right == 0 {
		right = oj.synRight
	}
	oj.minLeft, oj.minRight = left, right
}

func (d *distributor) conditions(quals tree.Expr, below []*outerJoin, scope relids, oj *outerJoin, nullable *outerJoin) {
	for _, c := range andList(quals) {
		for _, b := range below {
			if oj == nil && (d.r.relsIn(c).meets(b.synRight) || b.kind == tree.JoinFull && d.r.relsIn(c).meets(b.synLeft)) {
				b.delayUpper = true
			}
		}
		d.pending = append(d.pending, pendingClause{expr: c, below: below, scope: scope, outer: oj, allowEC: oj == nil && nullable == nil})
	}
}

// distribute attaches one condition.
func (d *distributor) distribute(p pendingClause) {
	r := d.r
	c := &clause{expr: p.expr, rels: r.relsIn(p.expr)}
	c.required = c.rels
	if c.rels == 0 && !r.containsVolatile(p.expr) {
		c.pseudo = true
	}
	delayed := false // an outer join must be done before it
	if p.outer == nil {
		if c.rels&^p.scope != 0 { // it came out of a LATERAL subquery: outer joins beside its place count as well
			p.below = nil
			for _, b := range r.joins {
				if !(b.synLeft | b.synRight).has(p.scope) {
					p.below = append(p.below, b)
				}
			}
		}
		// A filter that looks at the nullable side of a lower outer join must wait for that join.
		for changed := true; changed; {
			changed = false
			for _, b := range p.below {
				nullableSide := b.minRight
				if b.kind == tree.JoinFull {
					nullableSide |= b.minLeft
				}
				if b.kind == tree.JoinSemi || b.kind == tree.JoinAnti && !c.required.meets(b.synRight) {
					continue
				}
				full := b.minLeft | b.minRight
				delayed = delayed || c.required.meets(nullableSide)
				if c.required.meets(nullableSide) && !c.required.has(full) {
					c.required |= full
					changed = true
				}
			}
		}
		if c.rels == 0 {
			c.required = p.scope
		}
	} else {
		d.outerCondition(c, p)
	}
	r.analyzeClause(c)
	r.attach(c, p.allowEC && !delayed && c.required == c.rels)
}

// outerCondition: the ON condition of an outer join filters the nullable side early when it mentions only that; otherwise it belongs to the join.
func (d *distributor) outerCondition(c *clause, p pendingClause) {
	oj := p.outer
	onlyRight := c.rels != 0 && oj.synRight.has(c.rels)
	if onlyRight && oj.kind != tree.JoinFull {
		for _, b := range p.below {
			if c.required.meets(b.minRight) && b.kind == tree.JoinLeft || b.kind == tree.JoinFull && c.required.meets(b.minLeft|b.minRight) {
				c.required |= b.minLeft | b.minRight
			}
		}
		return
	}
	if oj.kind == tree.JoinSemi && oj.synLeft.has(c.rels) && c.rels != 0 && !d.mentionsNullable(c, p.below) {
		return // a semi join keeps just the left rows that satisfy it: filter them early
	}
	c.outer = oj
	c.required = c.rels | oj.minLeft | oj.minRight
	c.pseudo = false
	oj.clauses = append(oj.clauses, c)
}

func (d *distributor) mentionsNullable(c *clause, below []*outerJoin) bool {
	for _, b := range below {
		if b.kind == tree.JoinLeft && c.rels.meets(b.minRight) || b.kind == tree.JoinFull && c.rels.meets(b.minLeft|b.minRight) {
			return true
		}
	}
	return false
}

// analyzeClause finds out whether a clause is a binary operator with its sides on different relations.
func (r *root) analyzeClause(c *clause) {
	op, ok := c.expr.(*tree.OpExpr)
	if !ok || len(op.Args) != 2 {
		return
	}
	c.op, c.left, c.right = op, op.Args[0], op.Args[1]
	c.leftRels, c.rightRels = r.relsIn(c.left), r.relsIn(c.right)
	if c.leftRels == 0 || c.rightRels == 0 || c.leftRels.meets(c.rightRels) || r.containsVolatile(op) {
		return
	}
	o := r.g.env.Catalog.Operator(op.Op)
	if o == nil {
		return
	}
	c.canHash = o.CanHash && r.hashableType(c.left.Type().OID) && r.hashableType(c.right.Type().OID)
	c.canMerge = o.CanMerge
}

func (r *root) hashableType(t types.OID) bool {
	ops := r.g.env.Catalog.TypeOps(r.baseType(t))
	return ops.Hash != 0 || ops.Eq != 0
}

func (r *root) baseType(t types.OID) types.OID {
	for i := 0; i < 32; i++ {
		info := r.g.env.Catalog.TypeByOID(t)
		if info == nil || info.Kind != types.KindDomain {
			return t
		}
		t = info.Base
	}
	return t
}

// attach gives a clause to its equivalence class, its base relation or the list of join clauses.
func (r *root) attach(c *clause, mayBeEC bool) {
	if mayBeEC && r.addEquality(c) {
		return
	}
	if c.outer != nil {
		return // kept in its outer join
	}
	if c.required.count() <= 1 {
		target := c.required
		if target == 0 && len(r.base) > 0 {
			target = r.base[0].ids
		}
		if target != 0 {
			b := r.base[target.first()]
			b.quals = append(b.quals, c)
			return
		}
	}
	r.joinClauses = append(r.joinClauses, c)
}
