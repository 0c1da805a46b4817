package session

import (
	"hash/fnv"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/catalog"
	"kimberlite/sql/parser"
	"kimberlite/sql/types"
)

// statementTable is what pg_stat_statements shows: statements by database, role and shape (the tree without its constants).
type statementTable struct {
	max int

	mu      sync.Mutex
	byKey   map[statementKey]*statementStats
	dealloc int64 // how often the least executed ones had to go
	since   int64
}

type statementKey struct {
	db, role types.OID
	id       int64
}

// statementStats counts the executions of one statement. Plans point at it; it may be gone from the table meanwhile, then the next execution looks for another.
type statementStats struct {
	key  statementKey
	text string
	gone atomic.Bool

	mu                    sync.Mutex
	calls, rows           int64
	total, min, max, mean float64 // milliseconds
	m2                    float64 // sum of squared differences from the mean (Welford)
	usage                 float64 // decides who goes when the table is full
}

func newStatementTable(max int) *statementTable {
	return &statementTable{max: max, byKey: map[statementKey]*statementStats{}, since: nowMicros()}
}

// shape gives a statement's text without its constants and the number that stands for it. Utility statements keep their texts, as in PostgreSQL 15.
func shape(text string, utility bool) (string, int64) {
	if !utility {
		if plain, err := pg.Normalize(text); err == nil {
			if id, err := pg.FingerprintToUInt64(text); err == nil {
				return clipTo(plain, statementTextMax), int64(id)
			}
		}
	}
	h := fnv.New64a()
	h.Write([]byte(text))
	return clipTo(text, statementTextMax), int64(h.Sum64())
}

// find returns the counters of a statement, making them if need be.
func (t *statementTable) find(db, role types.OID, text string, utility bool) *statementStats {
	plain, id := shape(text, utility)
	return t.enter(&statementStats{key: statementKey{db, role, id}, text: plain})
}

// enter returns the counters in the table under the key, or puts these in.
func (t *statementTable) enter(s *statementStats) *statementStats {
	t.mu.Lock()
	defer t.mu.Unlock()
	if old := t.byKey[s.key]; old != nil {
		return old
	}
	if len(t.byKey) >= t.max {
		t.evict()
	}
	t.byKey[s.key] = s
	return s
}

// evict drops a twentieth of the statements, those with the least use; that of all others ages. Caller holds mu.
func (t *statementTable) evict() {
	all := make([]*statementStats, 0, len(t.byKey))
	for _, s := range t.byKey {
		all = append(all, s)
		s.mu.Lock()
	}
	slices.SortFunc(all, func(a, b *statementStats) int {
		switch {
		case a.usage < b.usage:
			return -1
		case a.usage > b.usage:
			return 1
		}
		return 0
	})
	for i, s := range all {
		if i <= len(all)/20 {
			t.drop(s)
		} else {
			s.usage *= usageDecay
		}
		s.mu.Unlock()
	}
	t.dealloc++
}

func (t *statementTable) drop(s *statementStats) {
	s.gone.Store(true)
	delete(t.byKey, s.key)
}

// reset forgets the statements of a role, a database and a number; 0 stands for all.
func (t *statementTable) reset(role, db types.OID, id int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for k, s := range t.byKey {
		if (role == 0 || role == k.role) && (db == 0 || db == k.db) && (id == 0 || id == k.id) {
			t.drop(s)
		}
	}
	if role == 0 && db == 0 && id == 0 {
		t.dealloc, t.since = 0, nowMicros()
	}
}

// ran counts an execution and returns the counters that it went to.
func (t *statementTable) ran(s *statementStats, took time.Duration, rows int64) *statementStats {
	if s.gone.Load() {
		s = t.enter(&statementStats{key: s.key, text: s.text})
	}
	ms := float64(took) / float64(time.Millisecond)
	s.mu.Lock()
	s.calls++
	s.rows += rows
	s.total += ms
	if s.calls == 1 || ms < s.min {
		s.min = ms
	}
	s.max = max(s.max, ms)
	d := ms - s.mean
	s.mean += d / float64(s.calls)
	s.m2 += d * (ms - s.mean)
	s.usage++
	s.mu.Unlock()
	return s
}

// list is the table as rows of pg_stat_statements.
func (t *statementTable) list() []catalog.StatementStat {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]catalog.StatementStat, 0, len(t.byKey))
	for k, s := range t.byKey {
		s.mu.Lock()
		if s.calls > 0 {
			out = append(out, catalog.StatementStat{User: k.role, Database: k.db, TopLevel: true, QueryID: k.id, Query: s.text, Calls: s.calls, Rows: s.rows,
				TotalExec: s.total, MinExec: s.min, MaxExec: s.max, MeanExec: s.mean, StddevExec: math.Sqrt(s.m2 / float64(s.calls))})
		}
		s.mu.Unlock()
	}
	return out
}

func (t *statementTable) info() (dealloc, since int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.dealloc, t.since
}

// count records an execution of a planned statement.
func (s *Session) count(st *statement, took time.Duration, rows int64) {
	if !s.derive().track {
		return
	}
	t := s.e.stats.statements
	calls := st.calls.Load()
	if calls == nil {
		calls = t.find(s.db, s.role, st.stmt.Text, false)
	}
	if now := t.ran(calls, took, rows); now != st.calls.Load() {
		st.calls.Store(now)
	}
}

// countUtility records a utility statement, except those that only prepare or run others. tag is its command tag, "" when it has none with a count.
func (s *Session) countUtility(stmt *parser.Stmt, started time.Time, tag string) {
	if !s.derive().trackUtility {
		return
	}
	switch stmt.Raw.Node.(type) {
	case *pg.Node_PrepareStmt, *pg.Node_ExecuteStmt, *pg.Node_DeallocateStmt:
		return
	}
	t := s.e.stats.statements
	t.ran(t.find(s.db, s.role, stmt.Text, true), time.Since(started), rowsOfTag(tag))
}

// rowsOfTag is the count in the tags of the utility statements that handle rows.
func rowsOfTag(tag string) int64 {
	word, count, _ := strings.Cut(tag, " ")
	switch word {
	case "COPY", "FETCH", "SELECT":
		n, _ := strconv.ParseInt(count, 10, 64)
		return n
	}
	return 0
}
