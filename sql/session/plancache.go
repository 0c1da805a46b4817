package session

import (
	"container/list"
	"sync"
	"sync/atomic"

	"kimberlite/exec"
	"kimberlite/exec/plan"
	"kimberlite/pgwire"
	"kimberlite/sql/parser"
	"kimberlite/sql/types"
)

// statement is a statement that has been analyzed, ready to run many times: what a prepared statement, a portal and the plan cache hold.
type statement struct {
	text    string // the query string that locations refer to
	stmt    *parser.Stmt
	params  []types.OID
	cols    []pgwire.Column
	utility bool
	plan    *plan.Plan
	// prefix of the command tag with the row count behind it: "SELECT", "INSERT 0", ...
	prefix  string
	rows    bool // returns rows
	version uint64
	path    string // search path it was planned under
	epoch   plannerEpoch
	// cacheable: the catalog had no uncommitted changes when it was planned.
	cacheable bool
	calls     atomic.Pointer[statementStats] // of pg_stat_statements, once it ran
}

// plannerEpoch identifies the settings that a plan depends on.
type plannerEpoch struct {
	settings any
	role     types.OID
	input    inputSettings
}

// inputSettings are the settings that literals are read under: date '01/02/03' is a constant of the plan.
type inputSettings struct {
	style    types.DateStyle
	order    types.DateOrder
	interval types.IntervalStyle
	zone     string
}

// planKey finds a plan: the text without its literals, the types of the literals and parameters, and where names are looked up.
type planKey struct {
	db    types.OID
	role  types.OID
	text  string
	types string
	path  string
	input inputSettings
}

// planCache is a least-recently-used cache of plans that all sessions share.
type planCache struct {
	mu    sync.Mutex
	max   int
	order *list.List
	byKey map[planKey]*list.Element
}

type cachedPlan struct {
	key planKey
	st  *statement
}

func newPlanCache(max int) *planCache {
	return &planCache{max: max, order: list.New(), byKey: map[planKey]*list.Element{}}
}

func (c *planCache) get(k planKey) *statement {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byKey[k]
	if !ok {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(*cachedPlan).st
}

func (c *planCache) put(k planKey, st *statement) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.byKey[k]; ok {
		e.Value.(*cachedPlan).st = st
		c.order.MoveToFront(e)
		return
	}
	c.byKey[k] = c.order.PushFront(&cachedPlan{k, st})
	for c.order.Len() > c.max {
		last := c.order.Back()
		delete(c.byKey, last.Value.(*cachedPlan).key)
		c.order.Remove(last)
	}
}

// sessionPlans are the session's own front of the shared cache: found without a lock, with the compiled form.
type sessionPlans struct {
	byText map[string]*compiled
}

// compiled is a statement with its executable form, which one session uses at a time.
type compiled struct {
	st    *statement
	exec  *exec.Prepared
	types string
	inUse bool
}

func (p *sessionPlans) get(text []byte) *compiled {
	if p == nil {
		return nil
	}
	return p.byText[string(text)]
}

func (s *Session) remember(text string, c *compiled) {
	if s.cached == nil {
		s.cached = &sessionPlans{byText: map[string]*compiled{}}
	}
	if len(s.cached.byText) >= sessionPlansMax {
		for k := range s.cached.byText { // any one: the shared cache keeps the plan itself
			delete(s.cached.byText, k)
			break
		}
	}
	s.cached.byText[text] = c
}

// literalTypes spells the kinds of literals, as part of a key.
func literalTypes(lits []parser.Literal) string {
	if len(lits) == 0 {
		return ""
	}
	b := make([]byte, len(lits))
	for i, l := range lits {
		b[i] = byte('0' + l.Kind)
	}
	return string(b)
}

func paramTypesKey(oids []types.OID) string {
	b := make([]byte, 0, len(oids)*4)
	for _, o := range oids {
		b = append(b, byte(o), byte(o>>8), byte(o>>16), byte(o>>24))
	}
	return string(b)
}
