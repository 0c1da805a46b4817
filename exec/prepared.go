package exec

import (
	"sync/atomic"

	"kimberlite/exec/plan"
	"kimberlite/sql/catalog"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// Prepared is a plan made ready to run. It may be shared: each execution takes an instance of its own, and instances are kept for the
// next execution.
type Prepared struct {
	plan *plan.Plan
	cat  catalog.Reader
	pool instancePool
	fast *fastPlan // the short path, nil when the plan has none
}

// Compile makes a plan ready. It fails with what cannot be executed: functions known only by name, for example (0A000).
func Compile(p *plan.Plan, cat catalog.Reader) (*Prepared, error) {
	out := &Prepared{plan: p, cat: cat}
	var err error
	if out.fast, err = compileFast(p, cat); err != nil {
		return nil, err
	}
	if out.fast == nil {
		in, err := out.instance(false)
		if err != nil {
			return nil, err
		}
		out.pool.put(in)
	}
	return out, nil
}

// Plan returns the plan.
func (p *Prepared) Plan() *plan.Plan { return p.plan }

// instance is one runnable copy of a plan: operators, compiled expressions and their state. Not for concurrent use.
type instance struct {
	st      *state
	root    operator
	resets  []resetter
	cols    []types.T
	writers map[types.OID]*writer
	fks     map[types.OID]*foreignKey
}

// resetter is implemented by operators that keep something across close, for a rescan; reset gives it up at the end of an execution.
type resetter interface{ reset() }

var executions atomic.Uint64

// instance builds operators and expressions.
func (p *Prepared) instance(instrument bool) (*instance, error) {
	st := newState(p.plan, p.cat)
	st.instrument = instrument
	if instrument {
		st.stats = make([]NodeStats, p.plan.Nodes)
	}
	in := &instance{st: st}
	b := newBuilder(st, p.cat, in)
	if err := b.subplans(); err != nil {
		return nil, err
	}
	var err error
	if in.root, err = b.build(p.plan.Root); err != nil {
		return nil, err
	}
	for _, c := range p.plan.Columns {
		in.cols = append(in.cols, c.T)
	}
	return in, nil
}

// newState returns the state of a new instance. Functions may look at its environment when they are compiled already.
func newState(p *plan.Plan, cat catalog.Reader) *state {
	st := &state{plan: p, cat: cat}
	st.io = *types.DefaultCtx
	st.io.Types = cat
	st.env.IO, st.env.Arena, st.env.Catalog = &st.io, &st.arena, cat
	st.temp.st = st
	return st
}

func newBuilder(st *state, cat catalog.Reader, in *instance) *builder {
	b := &builder{st: st, in: in, c: &compiler{st: st, cat: cat, io: &st.io, bind: noColumns}}
	if st.builder == nil {
		st.builder = b
	}
	return b
}

// subplans builds the operators of all subplans. Their descriptions must exist before any expression that refers to one is compiled.
func (b *builder) subplans() error {
	p := b.st.plan
	b.st.exec = make([]execSlot, p.Params+unions(p))
	b.st.subs = make([]*subplan, len(p.SubPlans))
	for i := range p.SubPlans {
		d := &p.SubPlans[i]
		s := &subplan{st: b.st, desc: d, cols: typesOf(d.Root)}
		b.st.subs[i] = s
		if d.CTE {
			s.cte = &cteStore{st: b.st, cols: s.cols}
		}
		if d.Init {
			for _, slot := range d.OutParams {
				b.st.exec[slot].init = s
			}
		}
	}
	for i := range p.SubPlans {
		b.st.subs[i].deps = b.dependencies(p.SubPlans[i].Root)
	}
	for i := range p.SubPlans {
		s := b.st.subs[i]
		op, err := b.build(p.SubPlans[i].Root)
		if err != nil {
			return err
		}
		s.op = op
		if s.cte != nil {
			s.cte.op = op
			b.in.resets = append(b.in.resets, s.cte)
		}
		if s.desc.Init {
			switch s.desc.Kind {
			case tree.ExistsSubLink:
				setBound(op, 1)
			}
		}
	}
	return nil
}

func (s *cteStore) reset() { s.stop() }

// begin readies the instance for an execution.
func (in *instance) begin(ctx *Context, params []types.Datum) {
	st := in.st
	st.ctx = ctx
	st.gen = executions.Add(1)
	st.version++
	st.params = params
	if ctx.Env != nil {
		st.env = *ctx.Env
		if ctx.Env.IO != nil {
			types_ := st.io.Types
			st.io = *ctx.Env.IO
			if st.io.Types == nil {
				st.io.Types = types_
			}
		}
	}
	st.env.IO = &st.io
	st.env.Arena = &st.arena
	st.env.CheckDomain = st.checkDomain
	if st.env.Catalog == nil {
		st.env.Catalog = st.cat
	}
	if st.instrument {
		clear(st.stats)
	}
	st.temp.bytes, st.temp.Total, st.temp.Files = 0, 0, 0
}

// end gives up what the execution holds.
func (in *instance) end() {
	if in.root != nil {
		in.root.close()
	}
	for _, s := range in.st.subs {
		s.op.close()
	}
	for _, r := range in.resets {
		r.reset()
	}
	st := in.st
	if st.temp.Files > 0 && st.ctx != nil && st.ctx.Spilled != nil {
		st.ctx.Spilled(int64(st.temp.Files), st.temp.Total)
	}
	st.checks = checkQueue{}
	for _, w := range in.writers {
		w.inserted, w.updated, w.deleted = 0, 0, 0
	}
	if st.ownView != nil {
		st.ownView.Release()
		st.ownView = nil
	}
	st.ctx, st.params, st.more = nil, nil, nil
	st.env.Session = nil
}

// Rows is an execution in progress. Close it.
type Rows struct {
	p        *Prepared
	in       *instance
	fast     *fastRun
	ctx      *Context
	affected int64
	ended    bool
	closed   bool
	err      error
	stats    []NodeStats
}

// Run starts an execution. params are the values of $1, $2, ...; the slice must stay unchanged until Close.
func (p *Prepared) Run(ctx *Context, params []types.Datum) (*Rows, error) {
	return p.RunRows(ctx, params, nil, 0)
}

// RunRows is Run for one statement with several rows of values, for a plan that TakesRows: more holds the values of the first parameters, perRow at a time, for the
// rows after the first. Parameters behind perRow are the same for all rows. params changes meanwhile.
func (p *Prepared) RunRows(ctx *Context, params []types.Datum, more []types.Datum, perRow int) (*Rows, error) {
	r := &Rows{p: p, ctx: ctx}
	if p.fast != nil && !ctx.Instrument {
		run, err := p.fast.run(ctx, params)
		if err != nil {
			return nil, err
		}
		if run != nil {
			r.fast = run
			return r, nil
		}
	}
	var in *instance
	if !ctx.Instrument {
		in = p.pool.get()
	}
	if in == nil {
		var err error
		if in, err = p.instance(ctx.Instrument); err != nil {
			return nil, err
		}
	}
	in.begin(ctx, params)
	in.st.more, in.st.perRow = more, perRow
	r.in = in
	if err := r.open(); err != nil {
		r.fail(err)
		_ = r.Close()
		return nil, err
	}
	return r, nil
}

func (r *Rows) open() error {
	if err := r.in.st.interrupted(); err != nil {
		return err
	}
	if r.in.st.plan.Cmd != tree.CmdSelect || len(r.in.st.plan.ModifyingCTEs) > 0 {
		r.in.st.view() // the command begins now, whether it reads or not
	}
	return r.in.root.open()
}

// Next returns the next batch of result rows, nil at the end. The batch is valid until the next call. At the end the statement is completed: data-modifying
// WITH queries are run to their ends and the constraint checks that are due at the end of a statement are made, so that Next must be called until it returns nil.
func (r *Rows) Next() (*types.Batch, error) {
	if r.err != nil || r.ended {
		return nil, r.err
	}
	if r.fast != nil {
		b, err := r.fast.next()
		if err == nil && b != nil {
			return b, nil
		}
		r.ended = true
		r.affected = r.fast.affected
		r.fail(err)
		return nil, err
	}
	for {
		b, err := r.in.root.next()
		if err != nil {
			r.fail(err)
			return nil, err
		}
		if b == nil {
			break
		}
		if b.Rows() > 0 {
			if r.in.st.plan.Cmd == tree.CmdSelect {
				r.affected += int64(b.Rows())
			}
			return b, nil
		}
	}
	r.ended = true
	if err := r.complete(); err != nil {
		r.fail(err)
		return nil, err
	}
	return nil, nil
}

// complete does what is due at the end of a statement.
func (r *Rows) complete() error {
	st := r.in.st
	for _, i := range st.plan.ModifyingCTEs {
		s := st.subs[i]
		if s.cte == nil {
			continue
		}
		if err := s.cte.start(s.deps); err != nil {
			return err
		}
		for {
			more, err := s.cte.pull()
			if err != nil {
				return err
			}
			if !more {
				break
			}
		}
	}
	if m, ok := bare(r.in.root).(interface{ rowsAffected() int64 }); ok {
		r.affected = m.rowsAffected()
	}
	return st.endStatement()
}

func (r *Rows) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// Affected is the count of the command tag: rows returned by SELECT, changed by the others.
func (r *Rows) Affected() int64 { return r.affected }

// Stats returns the counters by node ID of an instrumented execution, nil for any other. Call it after the last Next, before or after Close.
func (r *Rows) Stats() []NodeStats {
	if r.in != nil && r.in.st.instrument {
		return r.in.st.stats
	}
	return r.stats
}

// Close ends the execution. It may be called more than once. Closing before the end leaves out what is due there (see Next).
func (r *Rows) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	if r.fast != nil {
		r.fast.close()
		return nil
	}
	if r.in.st.instrument {
		r.stats = r.in.st.stats
	}
	r.in.end()
	// After an error the operators may be in any state; they are built anew.
	if r.err == nil && !r.in.st.instrument {
		r.p.pool.put(r.in)
	}
	r.in = nil
	return nil
}

// TakesRows reports whether a plan is an INSERT of one row that is computed from parameters alone, so that RunRows can repeat it.
func TakesRows(p *plan.Plan) bool {
	n, ok := p.Root.(*plan.ModifyTable)
	if !ok || n.Cmd != tree.CmdInsert || len(p.SubPlans) > 0 || p.Params > 0 {
		return false
	}
	r, ok := n.Outer.(*plan.Result)
	return ok && r.Outer == nil && r.OneTime == nil && r.Quals == nil
}

// Columns describes the result.
func (p *Prepared) Columns() []plan.Column { return p.plan.Columns }
