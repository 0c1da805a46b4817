package exec

// quickSort is the quicksort of Bentley and McIlroy ("Engineering a Sort Function", 1993) with the parameters that PostgreSQL uses and its look for input that is
// sorted already. It is not stable, but what it does with equal items depends on nothing but their order in the input.
type quickSort struct {
	items []sortItem
	cmp   func(a, b sortItem) int
}

func (q *quickSort) compare(i, j int) int { return q.cmp(q.items[i], q.items[j]) }
func (q *quickSort) swap(i, j int)        { q.items[i], q.items[j] = q.items[j], q.items[i] }

// median returns which of three items is in the middle.
func (q *quickSort) median(a, b, c int) int {
	if q.compare(a, b) < 0 {
		switch {
		case q.compare(b, c) < 0:
			return b
		case q.compare(a, c) < 0:
			return c
		}
		return a
	}
	switch {
	case q.compare(b, c) > 0:
		return b
	case q.compare(a, c) < 0:
		return a
	}
	return c
}

const (
	insertionMax = 7  // fewer items are sorted by insertion
	ninetherMin  = 40 // more items take the median of three medians as the pivot
)

// sort sorts n items from position lo.
func (q *quickSort) sort(lo, n int) {
	for {
		if q.sorted(lo, n) {
			return
		}
		if n < insertionMax {
			q.insertion(lo, n)
			return
		}
		q.swap(lo, q.pivot(lo, n))
		left, right := q.partition(lo, n)
		// The smaller part first, by recursion; the other one by going on here.
		if left <= right {
			if left > 1 {
				q.sort(lo, left)
			}
			if right <= 1 {
				return
			}
			lo, n = lo+n-right, right
		} else {
			if right > 1 {
				q.sort(lo+n-right, right)
			}
			if left <= 1 {
				return
			}
			n = left
		}
	}
}

func (q *quickSort) sorted(lo, n int) bool {
	for i := lo + 1; i < lo+n; i++ {
		if q.compare(i-1, i) > 0 {
			return false
		}
	}
	return true
}

func (q *quickSort) insertion(lo, n int) {
	for i := lo + 1; i < lo+n; i++ {
		for j := i; j > lo && q.compare(j-1, j) > 0; j-- {
			q.swap(j, j-1)
		}
	}
}

func (q *quickSort) pivot(lo, n int) int {
	mid := lo + n/2
	if n == insertionMax {
		return mid
	}
	first, last := lo, lo+n-1
	if n > ninetherMin {
		d := n / 8
		first = q.median(first, first+d, first+2*d)
		mid = q.median(mid-d, mid, mid+d)
		last = q.median(last-2*d, last-d, last)
	}
	return q.median(first, mid, last)
}

// partition splits the items by the pivot, which is the first: those that equal it are gathered at both ends, then brought to the middle. It returns how many are smaller and
// how many are larger.
func (q *quickSort) partition(lo, n int) (left, right int) {
	end := lo + n
	a, b := lo+1, lo+1
	c, d := end-1, end-1
	for {
		for b <= c {
			r := q.compare(b, lo)
			if r > 0 {
				break
			}
			if r == 0 {
				q.swap(a, b)
				a++
			}
			b++
		}
		for b <= c {
			r := q.compare(c, lo)
			if r < 0 {
				break
			}
			if r == 0 {
				q.swap(c, d)
				d--
			}
			c--
		}
		if b > c {
			break
		}
		q.swap(b, c)
		b++
		c--
	}
	q.swapRange(lo, b-min(a-lo, b-a), min(a-lo, b-a))
	k := min(d-c, end-d-1)
	q.swapRange(b, end-k, k)
	return b - a, d - c
}

func (q *quickSort) swapRange(i, j, n int) {
	for ; n > 0; n-- {
		q.swap(i, j)
		i++
		j++
	}
}
