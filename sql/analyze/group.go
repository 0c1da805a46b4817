package analyze

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
)

// grouper analyzes GROUP BY and PARTITION BY (transformGroupClause).
type grouper struct {
	s      *state
	target *[]tree.TargetEntry
	sort   []tree.SortClause
	kind   exprKind
	sql99  bool
	flat   []tree.SortClause // all grouping columns
}

// groupItem is a flattened element of GROUP BY: an expression, a list of them, or a grouping set.
type groupItem struct {
	expr *pg.Node
	list []*pg.Node // (a, b) inside a grouping set
	set  *groupSetNode
}

type groupSetNode struct {
	kind    pg.GroupingSetKind
	content []groupItem
	loc     int32
}

// groupClause analyzes GROUP BY into the grouping columns and the grouping sets, if any.
func (s *state) groupClause(list []*pg.Node, target *[]tree.TargetEntry, sort []tree.SortClause, kind exprKind, sql99 bool) ([]tree.SortClause, []*tree.GroupingSet) {
	g := &grouper{s: s, target: target, sort: sort, kind: kind, sql99: sql99}
	hasSets := false
	var items []groupItem
	for _, n := range list {
		items = append(items, flattenGroup(n, true, &hasSets)...)
	}
	if len(items) == 0 && hasSets {
		loc := int32(-1)
		if len(list) > 0 {
			loc = location(list[0])
		}
		items = []groupItem{{set: &groupSetNode{kind: pg.GroupingSetKind_GROUPING_SET_EMPTY, loc: loc}}}
	}
	var sets []*tree.GroupingSet
	var seen []int
	for _, it := range items {
		if it.set != nil {
			sets = append(sets, g.set(it.set, true))
			continue
		}
		ref := g.expr(it.expr, seen, true)
		if ref > 0 {
			seen = append(seen, ref)
			if hasSets {
				sets = append(sets, &tree.GroupingSet{Kind: tree.GroupingSetSimple, Refs: []int{ref}, Loc: location(it.expr)})
			}
		}
	}
	return g.flat, sets
}

// flattenGroup takes rows and directly nested GROUPING SETS apart (flatten_grouping_sets).
func flattenGroup(n *pg.Node, top bool, hasSets *bool) []groupItem {
	if row := n.GetRowExpr(); row != nil && row.RowFormat == pg.CoercionForm_COERCE_IMPLICIT_CAST {
		nodes := rowItems(row, nil)
		if !top { // inside a set, the row is one element
			return []groupItem{{list: nodes}}
		}
		out := make([]groupItem, len(nodes))
		for i, x := range nodes {
			out[i].expr = x
		}
		return out
	}
	gs := n.GetGroupingSet()
	if gs == nil {
		return []groupItem{{expr: n}}
	}
	if hasSets != nil {
		*hasSets = true
	}
	if top && gs.Kind == pg.GroupingSetKind_GROUPING_SET_EMPTY {
		return nil
	}
	var content []groupItem
	for _, c := range gs.Content {
		content = append(content, flattenGroup(c, false, nil)...)
	}
	if top || gs.Kind != pg.GroupingSetKind_GROUPING_SET_SETS {
		return []groupItem{{set: &groupSetNode{kind: gs.Kind, content: content, loc: gs.Location}}}
	}
	return content
}

// rowItems lists the members of a parenthesized list, nested ones included.
func rowItems(row *pg.RowExpr, out []*pg.Node) []*pg.Node {
	for _, a := range row.Args {
		if r := a.GetRowExpr(); r != nil && r.RowFormat == pg.CoercionForm_COERCE_IMPLICIT_CAST {
			out = rowItems(r, out)
		} else {
			out = append(out, a)
		}
	}
	return out
}

// set analyzes a grouping set (transformGroupingSet).
func (g *grouper) set(n *groupSetNode, top bool) *tree.GroupingSet {
	out := &tree.GroupingSet{Loc: n.loc}
	switch n.kind {
	case pg.GroupingSetKind_GROUPING_SET_EMPTY:
		out.Kind = tree.GroupingSetEmpty
		return out
	case pg.GroupingSetKind_GROUPING_SET_ROLLUP:
		out.Kind = tree.GroupingSetRollup
	case pg.GroupingSetKind_GROUPING_SET_CUBE:
		out.Kind = tree.GroupingSetCube
		if len(n.content) > 12 {
			failf(n.loc, pgerr.TooManyColumns, "CUBE is limited to 12 elements")
		}
	default:
		out.Kind = tree.GroupingSetSets
	}
	for _, it := range n.content {
		switch {
		case it.set != nil:
			out.Sets = append(out.Sets, g.set(it.set, false))
		case it.list != nil:
			var seen []int
			simple := &tree.GroupingSet{Kind: tree.GroupingSetSimple, Loc: location(it.list[0])}
			for _, e := range it.list {
				if ref := g.expr(e, seen, false); ref > 0 {
					seen = append(seen, ref)
				}
			}
			simple.Refs = seen
			out.Sets = append(out.Sets, simple)
		default:
			ref := g.expr(it.expr, nil, false)
			out.Sets = append(out.Sets, &tree.GroupingSet{Kind: tree.GroupingSetSimple, Refs: []int{ref}, Loc: location(it.expr)})
		}
	}
	return out
}

// expr analyzes one grouping expression and returns its reference, 0 when it repeats one in seen (transformGroupClauseExpr).
func (g *grouper) expr(n *pg.Node, seen []int, top bool) int {
	s := g.s
	i := s.findTarget(n, g.target, g.kind, g.sql99)
	te := &(*g.target)[i]
	found := false
	if te.SortRef > 0 {
		// Duplicates in one list are dropped; those between lists share the grouping column.
		if slices.Contains(seen, te.SortRef) {
			return 0
		}
		found = s.inSortList(te, 0, g.flat)
		if !found {
			// Take over what ORDER BY says about the column, so that one sort can serve both.
			for _, c := range g.sort {
				if c.SortRef == te.SortRef {
					if !top { // a NULL in place of an ungrouped column must not be sorted on an assumption
						c.NullsFirst = false
					}
					g.flat = append(g.flat, c)
					found = true
					break
				}
			}
		}
	}
	if !found {
		g.flat = s.addToGroup(g.target, i, g.flat, location(n))
	}
	return (*g.target)[i].SortRef
}
