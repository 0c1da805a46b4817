package planner

import (
	"math/bits"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
)

// searchJoins finds the cheapest ways to join all base relations: dynamic programming over connected subsets up to exhaustiveRels, greedily beyond.
func (r *root) searchJoins() (*rel, error) {
	r.memo = map[relids]*rel{}
	for _, b := range r.base {
		r.memo[b.ids] = b
	}
	n := len(r.base)
	if n == 1 {
		return r.base[0], nil
	}
	var top *rel
	if n <= exhaustiveRels {
		top = r.exhaustive(n)
	}
	if top == nil {
		top = r.greedy()
	}
	if r.refused != nil {
		return nil, r.refused
	}
	if top == nil {
		return nil, pgerr.Internal("no join order satisfies the query's outer joins")
	}
	return top, nil
}

// exhaustive builds join relations by size, each from all pairs of smaller ones, in PostgreSQL's order (join_search_one_level). Relations without a joining
// condition are combined only when nothing else is possible.
func (r *root) exhaustive(n int) *rel {
	full := relids(1)<<uint(n) - 1
	levels := make([][]relids, n+1)
	for _, b := range r.base {
		levels[1] = append(levels[1], b.ids)
	}
	for size := 2; size <= n; size++ {
		level := &joinLevel{r: r, seen: map[relids]bool{}}
		for i, a := range levels[size-1] {
			singles := levels[1]
			if size == 2 && r.hasPartners(a, full) {
				singles = singles[i+1:] // the pairs with earlier ones have been tried
			}
			level.withSingles(a, singles, full)
		}
		for k := 2; k <= size-k; k++ {
			for i, a := range levels[k] {
				others := levels[size-k]
				if k == size-k {
					others = others[i+1:]
				}
				for _, b := range others {
					if !a.meets(b) && r.connected(a, b) {
						level.join(a, b)
					}
				}
			}
		}
		if len(level.made) == 0 { // no conditions at all: combine whatever there is
			for _, a := range levels[size-1] {
				for _, b := range levels[1] {
					if !a.meets(b) {
						level.join(a, b)
					}
				}
			}
		}
		levels[size] = level.made
	}
	if top := r.memo[full]; top != nil && len(top.paths) > 0 {
		return top
	}
	return nil
}

// joinLevel collects the join relations of one size.
type joinLevel struct {
	r    *root
	made []relids
	seen map[relids]bool
}

func (l *joinLevel) join(a, b relids) {
	if l.r.join(a, b) != nil && !l.seen[a|b] {
		l.seen[a|b] = true
		l.made = append(l.made, a|b)
	}
}

// withSingles joins a set to base relations: those that a condition links with it, or all when none links it with anything.
func (l *joinLevel) withSingles(a relids, singles []relids, full relids) {
	linked := l.r.hasPartners(a, full)
	for _, b := range singles {
		if !a.meets(b) && (!linked || l.r.connected(a, b)) {
			l.join(a, b)
		}
	}
}

// hasPartners reports whether any condition links the set with a relation outside it.
func (r *root) hasPartners(set, full relids) bool {
	rest := full &^ set
	for rest != 0 {
		b := relids(1) << uint(bits.TrailingZeros64(uint64(rest)))
		rest &^= b
		if r.connected(set, b) {
			return true
		}
	}
	return false
}

// connected reports whether a condition, an outer join or a lateral reference links two sets.
func (r *root) connected(a, b relids) bool {
	for _, ec := range r.ecs {
		if ec.konst != nil {
			continue
		}
		var ina, inb bool
		for _, m := range ec.members {
			ina = ina || m.rels != 0 && a.has(m.rels)
			inb = inb || m.rels != 0 && b.has(m.rels)
		}
		if ina && inb {
			return true
		}
	}
	for _, c := range r.joinClauses {
		if c.rels.meets(a) && c.rels.meets(b) {
			return true
		}
	}
	for _, oj := range r.joins {
		if a.has(oj.minLeft) && b.has(oj.minRight) || b.has(oj.minLeft) && a.has(oj.minRight) {
			return true
		}
		if a.meets(oj.minLeft|oj.minRight) && b.meets(oj.minLeft|oj.minRight) && (oj.minLeft | oj.minRight).has(a|b) {
			return true // parts of one side: may be needed to complete it
		}
	}
	for _, x := range r.base {
		if x.lateral != 0 && (a.has(x.ids) && x.lateral.meets(b) || b.has(x.ids) && x.lateral.meets(a)) {
			return true
		}
	}
	return false
}

// greedy joins, again and again, the pair with the fewest result rows.
func (r *root) greedy() *rel {
	parts := append([]*rel(nil), r.base...)
	for len(parts) > 1 {
		bi, bj := -1, -1
		var best *rel
		for pass := 0; pass < 2 && best == nil; pass++ {
			for i := range parts {
				for j := 0; j < i; j++ {
					if pass == 0 && !r.connected(parts[i].ids, parts[j].ids) {
						continue
					}
					x := r.join(parts[i].ids, parts[j].ids)
					if x == nil || len(x.paths) == 0 {
						continue
					}
					if best == nil || x.rows < best.rows || x.rows == best.rows && cheapest(x, ^relids(0)).total < cheapest(best, ^relids(0)).total {
						best, bi, bj = x, i, j
					}
				}
			}
		}
		if best == nil {
			return nil
		}
		parts[bj] = best
		parts = append(parts[:bi], parts[bi+1:]...)
	}
	if cheapest(parts[0], 0) == nil {
		return nil
	}
	return parts[0]
}

// join makes (or extends) the join relation of two sets, if the outer joins allow it.
func (r *root) join(a, b relids) *rel {
	kind, oj, reversed, ok := r.legal(a, b)
	if !ok {
		return nil
	}
	if reversed {
		a, b = b, a
	}
	left, right := r.memo[a], r.memo[b]
	if left == nil || right == nil {
		return nil
	}
	ids := a | b
	rl := r.memo[ids]
	fresh := rl == nil
	clauses := r.joinConditions(a, b, oj)
	if fresh {
		rl = &rel{ids: ids}
		rl.width = r.targetWidth(r.relTargetExprs(ids))
		for _, x := range r.base {
			if ids.has(x.ids) {
				rl.lateral |= x.lateral
			}
		}
		rl.lateral &^= ids
		rl.rows = r.joinRows(left, right, kind, clauses)
	}
	j := &joinSpec{kind: kind, oj: oj, rel: rl, clauses: clauses}
	r.joinPaths(j, left, right)
	if kind == tree.JoinInner || kind == tree.JoinFull {
		r.joinPaths(j, right, left)
	}
	if kind == tree.JoinSemi {
		r.semiAsInner(j, left, right)
	}
	if kind == tree.JoinLeft || kind == tree.JoinAnti {
		r.rightJoinPaths(j, left, right)
	}
	if len(rl.paths) == 0 {
		if kind == tree.JoinFull { // its sides are fixed: no other pair could do better
			r.refused = errUnsupportedFullJoin()
		}
		return nil
	}
	if fresh {
		r.memo[ids] = rl
	}
	return rl
}

func errUnsupportedFullJoin() error {
	return pgerr.New(pgerr.FeatureNotSupported, "FULL JOIN is only supported with merge-joinable or hash-joinable join conditions")
}

// legal decides whether two sets may be joined now and as what kind; reversed says that b is the left side.
func (r *root) legal(a, b relids) (kind tree.JoinType, oj *outerJoin, reversed, ok bool) {
	kind = tree.JoinInner
	ids := a | b
	mustBeLeft := false
	for _, s := range r.joins {
		need := s.minLeft | s.minRight
		if s.kind == tree.JoinFull { // nothing may join its sides before they join each other
			all := s.synLeft | s.synRight
			switch {
			case !ids.meets(all) || a.has(all) || b.has(all) || s.synLeft.has(ids) || s.synRight.has(ids):
				continue
			case oj != nil || !(a == s.synLeft && b == s.synRight) && !(b == s.synLeft && a == s.synRight):
				return 0, nil, false, false
			}
			oj, reversed = s, b == s.synLeft
			continue
		}
		if !ids.meets(s.minRight) { // nothing of its inner side is here
			continue
		}
		if a.has(need) || b.has(need) { // done already
			continue
		}
		if s.minRight.has(ids) { // still inside its inner side
			continue
		}
		switch {
		case a.has(s.minLeft) && b.has(s.minRight):
			if oj != nil {
				return 0, nil, false, false
			}
			oj, reversed = s, false
		case b.has(s.minLeft) && a.has(s.minRight):
			if oj != nil {
				return 0, nil, false, false
			}
			oj, reversed = s, true
		case a.meets(s.minRight) && b.meets(s.minRight):
			// Both inputs have parts of its inner side and more: another outer join was found to change places with it.
		case s.kind != tree.JoinLeft || ids.meets(s.minLeft):
			return 0, nil, false, false
		default:
			mustBeLeft = true // only an outer join can be moved into its inner side
		}
	}
	if mustBeLeft && (oj == nil || oj.kind != tree.JoinLeft || !oj.strict) {
		return 0, nil, false, false
	}
	if oj != nil {
		kind = oj.kind
		inner := b
		if reversed {
			inner = a
		}
		if kind == tree.JoinSemi || kind == tree.JoinAnti {
			if !oj.synRight.has(inner) {
				return 0, nil, false, false
			}
		}
		if kind == tree.JoinLeft && !r.onlyOuterJoined(inner&^oj.synRight, inner) {
			return 0, nil, false, false
		}
	}
	return kind, oj, reversed, true
}

// onlyOuterJoined reports whether the relations extra came into a set by LEFT joins that may be done before the one whose inner side the set is to be.
func (r *root) onlyOuterJoined(extra, set relids) bool {
	for _, s := range r.joins {
		if s.kind == tree.JoinLeft && s.strict && set.has(s.minLeft|s.minRight) {
			extra &^= s.synRight
		}
	}
	return extra == 0
}

// joinConditions lists the conditions to apply when joining a and b.
func (r *root) joinConditions(a, b relids, oj *outerJoin) []*clause {
	ids := a | b
	var out []*clause
	if oj != nil && oj.kind != tree.JoinInner {
		out = append(out, oj.clauses...)
	}
	out = append(out, r.ecJoinClauses(a, b)...)
	for _, c := range r.joinClauses {
		if ids.has(c.required) && !a.has(c.required) && !b.has(c.required) {
			out = append(out, c)
		}
	}
	return out
}
