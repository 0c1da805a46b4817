package exec

import "kimberlite/sql/types"

// boundedHeap keeps the first limit rows of a sort in a heap with the last of them on top: what LIMIT asks for. Like the quicksort, it does with equal
// rows just what PostgreSQL does.
type boundedHeap struct {
	s     *sorter
	items []sortItem
}

// boundedMax: larger limits are served by sorting and cutting now and then, which treats memory in larger steps.
const boundedMax = 2000

// compare orders two rows backwards, so that the heap's top is the last row.
func (h *boundedHeap) compare(a, b int32) int {
	return -compareRows(h.s.rows, h.s.keys, int(a), int(b))
}

func (h *boundedHeap) insert(row int32) {
	h.items = append(h.items, sortItem{row: row})
	j := len(h.items) - 1
	for j > 0 {
		i := (j - 1) >> 1
		if h.compare(row, h.items[i].row) >= 0 {
			break
		}
		h.items[j] = h.items[i]
		j = i
	}
	h.items[j].row = row
}

// replace puts a row in the place of the top.
func (h *boundedHeap) replace(row int32) {
	i, n := 0, len(h.items)
	for {
		j := 2*i + 1
		if j >= n {
			break
		}
		if j+1 < n && h.compare(h.items[j].row, h.items[j+1].row) > 0 {
			j++
		}
		if h.compare(row, h.items[j].row) <= 0 {
			break
		}
		h.items[i] = h.items[j]
		i = j
	}
	h.items[i].row = row
}

// offer adds a row of the store unless it comes after all that are kept.
func (h *boundedHeap) offer(row int32) {
	if int64(len(h.items)) < h.s.limit {
		h.insert(row)
		return
	}
	if h.compare(row, h.items[0].row) > 0 {
		h.replace(row)
	}
}

// drain returns the rows in order.
func (h *boundedHeap) drain() []sortItem {
	out := make([]sortItem, len(h.items))
	for n := len(h.items); n > 0; n-- {
		out[n-1] = h.items[0]
		last := h.items[n-1].row
		h.items = h.items[:n-1]
		if n > 1 {
			h.replace(last)
		}
	}
	return out
}

// addBounded takes rows for a small limit: gathered at first, kept in a heap when there are more than twice as many.
func (s *sorter) addBounded(b *types.Batch, sel []int32) {
	for len(sel) > 0 {
		if s.heap == nil {
			n := min(int64(len(sel)), 2*s.limit+1-int64(s.rows.n))
			s.rows.appendSel(b, sel[:n])
			sel = sel[n:]
			if int64(s.rows.n) > 2*s.limit {
				s.heap = &boundedHeap{s: s}
				for i := range s.rows.n {
					s.heap.offer(int32(i))
				}
				s.cutoff = int(s.heap.items[0].row)
			}
			continue
		}
		s.cutoff = int(s.heap.items[0].row)
		sel = s.promising(b, sel)
		from := s.rows.n
		s.rows.appendSel(b, sel)
		for i := from; i < s.rows.n; i++ {
			s.heap.offer(int32(i))
		}
		sel = nil
		if s.rows.n > 4*types.BatchRows+8*int(s.limit) {
			s.compact()
		}
	}
}

// compact drops the rows that the heap has thrown out.
func (s *sorter) compact() {
	sel := make([]int32, len(s.heap.items))
	for i := range s.heap.items {
		sel[i] = s.heap.items[i].row
		s.heap.items[i].row = int32(i)
	}
	kept := newRowStore(s.cols, &s.st.io)
	for i := range kept.cols {
		c := &s.rows.cols[i]
		v := types.Vec{Class: c.class, Fix: c.fix, Str: c.str, Nulls: c.nulls}
		kept.bytes += kept.cols[i].appendVec(&v, sel)
	}
	kept.n = len(sel)
	s.rows = kept
	s.cutoff = 0
}
