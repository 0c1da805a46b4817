package exec

import (
	"context"
	"sync"

	"kimberlite/exec/plan"
	"kimberlite/sql/catalog"
	"kimberlite/sql/functions"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
	"kimberlite/txn"
)

// state is the run-time state of one instance of a plan: parameters, subplans, shared memory. Expressions and operators of the instance point to it.
type state struct {
	ctx  *Context
	plan *plan.Plan
	cat  catalog.Reader
	// env and io are the instance's copies of the session's, so that what was compiled can keep pointing to them.
	env functions.Env
	io  types.Ctx
	// gen counts executions, version the changes of ParamExec slots.
	gen, version uint64
	params       []types.Datum
	more         []types.Datum // see RunRows
	perRow       int
	exec         []execSlot
	subs         []*subplan
	works        map[int]*workTable
	arena        types.Arena
	temp         tempFiles
	instrument   bool
	stats        []NodeStats
	ownView      *txn.View  // the command that this execution began
	checks       checkQueue // what is due at the end of the statement
	domains      map[types.OID]*domainCheck
	builder      *builder
}

// execSlot is a ParamExec slot. With init set, reading it runs that subplan first unless its values are there.
type execSlot struct {
	val  types.Datum
	ver  uint64
	init *subplan
}

// nextRow puts the next row of values into the parameters; false when there is none.
func (st *state) nextRow() bool {
	if len(st.more) == 0 {
		return false
	}
	copy(st.params, st.more[:st.perRow])
	st.more = st.more[st.perRow:]
	st.gen = executions.Add(1) // what was computed once from the parameters must be computed again
	return true
}

// setParam assigns a slot.
func (st *state) setParam(slot int, d types.Datum) {
	st.version++
	st.exec[slot].val, st.exec[slot].ver = d, st.version
}

// execParam reads a slot, running the initplan that fills it when that is due.
func (st *state) execParam(slot int) (types.Datum, error) {
	s := &st.exec[slot]
	if s.init != nil {
		if err := s.init.ensure(); err != nil {
			return types.Datum{}, err
		}
	}
	return s.val, nil
}

// newest is the latest change of any of the slots.
func (st *state) newest(slots []int) uint64 {
	v := uint64(0)
	for _, s := range slots {
		v = max(v, st.exec[s].ver)
	}
	return v
}

// checkDomain tests a value against a domain's constraints, for functions that make values of types unknown to the plan.
func (st *state) checkDomain(domain types.OID, d types.Datum) error {
	k := st.domains[domain]
	if k == nil {
		c := &compiler{st: st, cat: st.cat, io: &st.io, bind: noColumns}
		checks, h, err := c.domainChecks(domain)
		if err != nil {
			return err
		}
		if st.domains == nil {
			st.domains = map[types.OID]*domainCheck{}
		}
		k = &domainCheck{h: h, checks: checks}
		st.domains[domain] = k
	}
	return k.check(d, &rowEnv{})
}

// interrupted returns the error to stop with when the statement was cancelled.
func (st *state) interrupted() error {
	if st.ctx.Ctx != nil && st.ctx.Ctx.Err() != nil {
		return cancelError(st.ctx.Ctx)
	}
	return nil
}

func cancelError(ctx context.Context) error {
	if cause := context.Cause(ctx); cause != nil {
		if e := pgerr.From(cause); e.Code != pgerr.InternalError {
			return e
		}
	}
	return pgerr.New(pgerr.QueryCanceled, "canceling statement due to user request")
}

// subplan is a subquery of the plan: of an expression, an initplan, or a CTE.
type subplan struct {
	st   *state
	desc *plan.SubPlan
	op   operator
	cols []types.T
	deps []int // slots that the subplan reads and does not set itself

	// An initplan's values are good for executions gen and as long as its dependencies are at ver.
	gen, ver uint64
	running  bool

	cte *cteStore
}

// ensure runs an initplan unless its values are there.
func (s *subplan) ensure() error {
	if s.gen == s.st.gen && s.ver == s.st.newest(s.deps) || s.running {
		return nil
	}
	s.running = true
	defer func() { s.running = false }()
	ver := s.st.newest(s.deps)
	if err := s.runInit(); err != nil {
		return err
	}
	s.gen, s.ver = s.st.gen, ver
	return nil
}

func (s *subplan) runInit() error {
	switch s.desc.Kind {
	case tree.ExistsSubLink:
		found, err := s.exists()
		if err != nil {
			return err
		}
		s.assign([]types.Datum{types.Bool(found)})
	case tree.ArraySubLink:
		d, err := s.array()
		if err != nil {
			return err
		}
		s.assign([]types.Datum{d})
	default:
		row, err := s.single()
		if err != nil {
			return err
		}
		s.assign(row)
	}
	return nil
}

func (s *subplan) assign(row []types.Datum) {
	for i, slot := range s.desc.OutParams {
		d := types.NullDatum
		if row != nil {
			d = row[i]
		}
		s.st.setParam(slot, d)
	}
}

// single returns the one row that a scalar subquery yields, nil for none.
func (s *subplan) single() ([]types.Datum, error) {
	if err := s.op.open(); err != nil {
		return nil, err
	}
	defer s.op.close()
	var row []types.Datum
	for {
		b, err := s.op.next()
		if err != nil || b == nil {
			return row, err
		}
		n := b.Rows()
		if n == 0 {
			continue
		}
		if n > 1 || row != nil {
			return nil, pgerr.New(pgerr.CardinalityViolation, "more than one row returned by a subquery used as an expression")
		}
		row = make([]types.Datum, len(b.Cols))
		for i, c := range b.Cols {
			row[i] = c.Datum(b.Row(0))
		}
	}
}

func (s *subplan) exists() (bool, error) {
	if err := s.op.open(); err != nil {
		return false, err
	}
	defer s.op.close()
	for {
		b, err := s.op.next()
		if err != nil || b == nil {
			return false, err
		}
		if b.Rows() > 0 {
			return true, nil
		}
	}
}

// array gathers the first column.
func (s *subplan) array() (types.Datum, error) {
	if err := s.op.open(); err != nil {
		return types.Datum{}, err
	}
	defer s.op.close()
	t := s.cols[0]
	elem := t.OID
	nested := types.ElemOf(&s.st.io, t.OID) != 0 && types.ArrayOf(&s.st.io, t.OID) == 0
	var vals []types.Datum
	for {
		b, err := s.op.next()
		if err != nil {
			return types.Datum{}, err
		}
		if b == nil {
			break
		}
		for _, i := range selection(b) {
			vals = append(vals, b.Cols[0].Datum(int(i)))
		}
	}
	if !nested {
		return makeArray(&s.st.io, elem)(vals)
	}
	for _, v := range vals {
		if v.Null {
			return v, pgerr.New(pgerr.NullValueNotAllowed, "cannot accumulate null arrays")
		}
	}
	return makeMultiArray(&s.st.io, types.ElemOf(&s.st.io, t.OID))(vals)
}

// instancePool keeps instances of a plan that are not running.
type instancePool struct {
	mu   sync.Mutex
	free []*instance
}

func (p *instancePool) get() *instance {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		in := p.free[n-1]
		p.free = p.free[:n-1]
		return in
	}
	return nil
}

func (p *instancePool) put(in *instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) < instancesKept {
		p.free = append(p.free, in)
	}
}
