package planner

import "testing"

// A look-up by unique key is kept whatever a scan of the table seems to cost: the estimate does not know of the versions that the scan steps over.
func TestPointLookupBeatsCheaperScan(t *testing.T) {
	r := &root{}
	b := &rel{}
	scan := &path{rel: b, rows: 1, total: 1.1}
	point := &path{rel: b, rows: 1, startup: 0.1, total: 8.2, unique: true, point: true}
	inner := &path{rel: b, rows: 1, startup: 0.1, total: 0.4, unique: true, outer: 2}
	for _, order := range [][]*path{{scan, point, inner}, {inner, point, scan}} {
		b.paths = nil
		for _, p := range order {
			r.addPath(b, p)
		}
		if got := cheapest(b, 0); got != point {
			t.Errorf("chose %+v", got)
		}
		if got := cheapest(b, 2); got != inner {
			t.Errorf("with a value from outside: chose %+v", got)
		}
	}
}
