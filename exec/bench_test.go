package exec_test

import (
	"fmt"
	"testing"

	"kimberlite/exec"
	"kimberlite/sql/parser"
	"kimberlite/sql/types"
	"kimberlite/txn"
)

// benchQuery runs a query over and over; each benchmark answers what one million rows cost in that operator.
func benchQuery(b *testing.B, setup, sql string) {
	d := newDB(b)
	d.workMem = 256 << 20
	d.settings.MergeJoin = false // measured by itself
	s := d.session()
	if setup != "" {
		s.must(setup)
	}
	p := s.plan(sql)
	b.ResetTimer()
	for range b.N {
		s.begin(txn.ReadCommitted)
		r, err := p.Run(s.execContext(), nil)
		if err != nil {
			b.Fatal(err)
		}
		for {
			batch, err := r.Next()
			if err != nil {
				b.Fatal(err)
			}
			if batch == nil {
				break
			}
		}
		_ = r.Close()
		s.rollback()
	}
}

func (s *session) plan(sql string) *exec.Prepared {
	s.d.t.Helper()
	stmts, err := parser.Parse(sql)
	if err != nil {
		s.d.t.Fatal(err)
	}
	p, err := s.prepare(&stmts[0])
	if err != nil {
		s.d.t.Fatal(describe(err))
	}
	return p
}

const million = "generate_series(1, 1000000) g(x)"

func BenchmarkFilterSum(b *testing.B) {
	benchQuery(b, "", "SELECT sum(x * 2) FROM "+million+" WHERE x > 1000 AND x % 7 <> 3")
}

func BenchmarkHashAgg(b *testing.B) {
	benchQuery(b, "", "SELECT x % 1000, count(*), sum(x) FROM "+million+" GROUP BY 1")
}

func BenchmarkHashAggManyGroups(b *testing.B) {
	benchQuery(b, "", "SELECT count(*) FROM (SELECT x / 3, count(*) FROM "+million+" GROUP BY 1) s")
}

func BenchmarkSortInt(b *testing.B) {
	benchQuery(b, "", "SELECT max(y) FROM (SELECT (x::bigint * 7919) % 1000003 AS y FROM "+million+" ORDER BY 1 OFFSET 0) s")
}

func BenchmarkTopN(b *testing.B) {
	benchQuery(b, "", "SELECT (x::bigint * 7919) % 1000003 FROM "+million+" ORDER BY 1 LIMIT 10")
}

func BenchmarkHashJoin(b *testing.B) {
	benchQuery(b, "", "SELECT count(*) FROM generate_series(1, 1000000) a(x) JOIN generate_series(1, 100000) b(y) ON a.x % 100000 = b.y")
}

func BenchmarkWindow(b *testing.B) {
	benchQuery(b, "", "SELECT max(s) FROM (SELECT sum(x) OVER (ORDER BY x) AS s FROM "+million+") q")
}

func BenchmarkScanTable(b *testing.B) {
	benchQuery(b, "CREATE TABLE t (id int PRIMARY KEY, a int, b bigint, c text); INSERT INTO t SELECT x, x % 100, x, 'abc' FROM generate_series(1, 200000) g(x)",
		"SELECT sum(b) FROM t WHERE a < 50")
}

func BenchmarkPointRead(b *testing.B) {
	s := pointTable(b)
	p := s.plan("SELECT id, a, c FROM t WHERE id = $1")
	params := make([]types.Datum, 1)
	s.begin(txn.ReadCommitted)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		params[0] = types.Int(int64(i%20000 + 1))
		r, err := p.Run(s.execContext(), params)
		if err != nil {
			b.Fatal(err)
		}
		batch, err := r.Next()
		if err != nil || batch == nil {
			b.Fatal(err)
		}
		if batch, err = r.Next(); batch != nil || err != nil {
			b.Fatal(err)
		}
		_ = r.Close()
	}
}

func pointTable(b *testing.B) *session {
	s := newDB(b).session()
	s.must("CREATE TABLE t (id int PRIMARY KEY, a int, b bigint, c text); INSERT INTO t SELECT x, x % 100, x, 'abc' FROM generate_series(1, 20000) g(x)")
	return s
}

// BenchmarkUpdateByKey is an UPDATE by key with everything but the commit.
func BenchmarkUpdateByKey(b *testing.B) {
	s := pointTable(b)
	p := s.plan("UPDATE t SET a = a + 1 WHERE id = $1")
	params := make([]types.Datum, 1)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		s.begin(txn.ReadCommitted)
		params[0] = types.Int(int64(i%20000 + 1))
		if _, n, err := s.run(p, params); err != nil || n != 1 {
			b.Fatal(err, n)
		}
		s.rollback()
	}
}

func BenchmarkInsertRow(b *testing.B) {
	s := pointTable(b)
	p := s.plan("INSERT INTO t VALUES ($1, 1, 2, 'abc')")
	params := make([]types.Datum, 1)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		s.begin(txn.ReadCommitted)
		params[0] = types.Int(int64(i + 100000))
		if _, n, err := s.run(p, params); err != nil || n != 1 {
			b.Fatal(err, n)
		}
		s.rollback()
	}
}

func BenchmarkBulkInsert(b *testing.B) {
	for _, fk := range []bool{false, true} {
		b.Run(fmt.Sprintf("fk=%v", fk), func(b *testing.B) {
			d := newDB(b)
			s := d.session()
			s.must("CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p SELECT * FROM generate_series(0, 99)")
			ref := ""
			if fk {
				ref = " REFERENCES p"
			}
			s.must("CREATE TABLE t (id int, a int" + ref + ", b bigint, c text)")
			p := s.plan("INSERT INTO t SELECT x, x % 100, x, 'abc' FROM generate_series(1, 100000) g(x)")
			b.ResetTimer()
			for range b.N {
				s.begin(txn.ReadCommitted)
				if _, n, err := s.run(p, nil); err != nil || n != 100000 {
					b.Fatal(err, n)
				}
				s.rollback()
			}
		})
	}
}

// BenchmarkCompile is what making a plan ready costs: a point read, and a join with grouping.
func BenchmarkCompile(b *testing.B) {
	for name, sql := range map[string]string{
		"point": "SELECT id, a, c FROM t WHERE id = 5",
		"join":  "SELECT t.a, count(*), sum(u.b) FROM t JOIN t u ON t.id = u.id WHERE t.a > 5 GROUP BY t.a ORDER BY 2 DESC",
	} {
		b.Run(name, func(b *testing.B) {
			s := pointTable(b)
			p := s.plan(sql).Plan()
			b.ReportAllocs()
			for range b.N {
				if _, err := exec.Compile(p, s.d.cat); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
