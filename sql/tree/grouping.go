package tree

// Lists returns the sets of sort-group references that one element of GROUP BY stands for, in the order in which PostgreSQL computes them; a reference may
// stand in a set twice. A cube of more sets than limit is not spelled out: limit+1 empty sets say so.
func (g *GroupingSet) Lists(limit int) [][]int {
	switch g.Kind {
	case GroupingSetEmpty:
		return [][]int{{}}
	case GroupingSetSimple:
		return [][]int{g.Refs}
	case GroupingSetRollup:
		var out [][]int
		for n := len(g.Sets); n >= 0; n-- {
			out = append(out, refsOf(g.Sets, func(i int) bool { return i < n }))
		}
		return out
	case GroupingSetCube:
		n := uint(len(g.Sets))
		if n >= 63 || 1<<n > limit {
			return make([][]int, limit+1)
		}
		var out [][]int
		for mask := 1<<n - 1; mask >= 0; mask-- {
			out = append(out, refsOf(g.Sets, func(i int) bool { return mask&(1<<(n-1-uint(i))) != 0 }))
		}
		return out
	}
	var out [][]int
	for _, s := range g.Sets {
		out = append(out, s.Lists(limit)...)
	}
	return out
}

// refsOf joins the references of the elements that are in.
func refsOf(sets []*GroupingSet, in func(i int) bool) []int {
	var refs []int
	for i, s := range sets {
		if in(i) {
			refs = append(refs, s.Refs...)
		}
	}
	return refs
}
