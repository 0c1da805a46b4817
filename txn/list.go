package txn

import "sort"

// list is a sorted list of items, kept in chunks: a B-tree of two levels. Appending at the end, which bulk loads do, fills chunks completely;
// inserting elsewhere shifts at most one chunk. less must be a strict order and items equal under it are never added twice.
type list[T any] struct {
	chunks [][]T
	n      int
	// changes counts additions and removals, so that a cursor knows when its place may have moved.
	changes uint64
}

// seek returns the place of the first item for which before(item) is false.
func (l *list[T]) seek(before func(*T) bool) (c, i int) {
	if len(l.chunks) == 1 { // most write sets
		ch := l.chunks[0]
		return 0, sort.Search(len(ch), func(i int) bool { return !before(&ch[i]) })
	}
	c = sort.Search(len(l.chunks), func(c int) bool {
		ch := l.chunks[c]
		return !before(&ch[len(ch)-1])
	})
	if c == len(l.chunks) {
		return c, 0
	}
	ch := l.chunks[c]
	return c, sort.Search(len(ch), func(i int) bool { return !before(&ch[i]) })
}

// at returns the item of a place, nil behind the last one.
func (l *list[T]) at(c, i int) *T {
	if c < 0 || c >= len(l.chunks) || i < 0 || i >= len(l.chunks[c]) {
		return nil
	}
	return &l.chunks[c][i]
}

// last returns the last item.
func (l *list[T]) last() *T {
	if l.n == 0 {
		return nil
	}
	ch := l.chunks[len(l.chunks)-1]
	return &ch[len(ch)-1]
}

// push adds an item behind all others.
func (l *list[T]) push(item T) {
	l.changes++
	l.n++
	k := len(l.chunks) - 1
	if k < 0 || len(l.chunks[k]) >= listChunk {
		var ch []T
		if k >= 0 {
			ch = make([]T, 0, listChunk)
		}
		l.chunks = append(l.chunks, append(ch, item))
		return
	}
	l.chunks[k] = append(l.chunks[k], item)
}

// insert adds an item at the place that seek gave for it.
func (l *list[T]) insert(c, i int, item T) {
	if c == len(l.chunks) {
		l.push(item)
		return
	}
	l.changes++
	l.n++
	ch := append(l.chunks[c], item)
	copy(ch[i+1:], ch[i:])
	ch[i] = item
	l.chunks[c] = ch
	if len(ch) <= listChunk {
		return
	}
	half := len(ch) / 2
	right := append(make([]T, 0, listChunk), ch[half:]...)
	clear(ch[half:])
	l.chunks[c] = ch[:half]
	l.chunks = append(l.chunks, nil)
	copy(l.chunks[c+2:], l.chunks[c+1:])
	l.chunks[c+1] = right
}

// remove takes the item at a place out.
func (l *list[T]) remove(c, i int) {
	l.changes++
	l.n--
	ch := l.chunks[c]
	copy(ch[i:], ch[i+1:])
	clear(ch[len(ch)-1:])
	ch = ch[:len(ch)-1]
	l.chunks[c] = ch
	if len(ch) == 0 {
		l.chunks = append(l.chunks[:c], l.chunks[c+1:]...)
	}
}

// next and prev return the neighbouring place.
func (l *list[T]) next(c, i int) (int, int) {
	if c < len(l.chunks) && i+1 < len(l.chunks[c]) {
		return c, i + 1
	}
	return c + 1, 0
}

func (l *list[T]) prev(c, i int) (int, int) {
	if i > 0 {
		return c, i - 1
	}
	if c == 0 {
		return -1, 0
	}
	return c - 1, len(l.chunks[c-1]) - 1
}
