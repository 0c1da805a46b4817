package exec

import (
	"sync"

	"kimberlite/exec/plan"
	"kimberlite/projections"
	"kimberlite/sql/catalog"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// fastPlan is the short path of a plan that reads at most one row by a unique key: no operators, no batches in between, no iterators.
type fastPlan struct {
	p    *Prepared
	node *plan.IndexScan
	mu   sync.Mutex
	free []*fastRun
}

// compileFast returns the short path of a plan, nil when it has none.
func compileFast(p *plan.Plan, cat catalog.Reader) (*fastPlan, error) {
	n, ok := p.Root.(*plan.IndexScan)
	if !ok || !n.Unique || p.Cmd != tree.CmdSelect || len(p.SubPlans) > 0 || p.Params > 0 || n.AsOf != nil {
		return nil, nil
	}
	f := &fastPlan{p: &Prepared{plan: p, cat: cat}, node: n}
	run, err := f.build()
	if err != nil || run == nil {
		return nil, err
	}
	f.free = append(f.free, run)
	return f, nil
}

// fastRun is one instance of a short path.
type fastRun struct {
	f        *fastPlan
	in       *instance
	rel      *relation
	ix       int
	def      *projections.IndexDef
	keys     []expr
	keyOps   []types.KeyOps
	dec      *projections.RowDecoder
	atts     []int
	row      []types.Datum
	cond     expr
	proj     []expr
	out      types.Batch
	buf      []byte
	env      rowEnv
	done     bool
	affected int64
	used     scanned
}

func (f *fastPlan) build() (*fastRun, error) {
	n := f.node
	st := newState(f.p.plan, f.p.cat)
	in := &instance{st: st}
	b := newBuilder(st, f.p.cat, in)
	rel, err := b.relation(n.Rel)
	if err != nil {
		return nil, err
	}
	r := &fastRun{f: f, in: in, rel: rel, ix: rel.def.IndexByOID(n.Index)}
	if r.ix < 0 {
		return nil, nil
	}
	r.def = &rel.def.Indexes[r.ix]
	if !r.def.Unique || r.def.Deferrable || len(n.Conds) != len(r.def.Parts) {
		return nil, nil
	}
	kc := b.c.binding(noColumns)
	for i, cond := range n.Conds {
		if cond.Op != plan.OpEq || cond.Key != i {
			return nil, nil
		}
		x, err := kc.compile(cond.Value)
		if err != nil {
			return nil, err
		}
		r.keys = append(r.keys, x)
		r.keyOps = append(r.keyOps, types.KeyOpsFor(r.def.Parts[i].Key))
	}
	set := &columnSet{rel: rel.desc}
	c := b.c.binding(nil)
	c.bind = set.bind(c)
	if r.cond, err = c.quals(n.Quals); err != nil {
		return nil, err
	}
	for i := range n.Target {
		x, err := c.compile(n.Target[i].Expr)
		if err != nil {
			return nil, err
		}
		r.proj = append(r.proj, x)
		t := n.Target[i].Expr.Type()
		r.out.Cols = append(r.out.Cols, &types.Vec{T: t, Class: types.ClassOf(b.c.io, t.OID), Fix: nil})
	}
	for _, a := range set.atts {
		if a < 0 && a != tree.CtidAtt && a != tree.TableOidAtt {
			return nil, nil
		}
	}
	r.atts = append([]int{}, set.atts...) // not nil: that would be all columns
	r.dec = projections.NewRowDecoder(rel.def, append([]int{}, r.atts...))
	r.row = make([]types.Datum, len(set.atts))
	for _, v := range r.out.Cols {
		if v.Class == types.Fixed {
			v.Fix = make([]int64, 1)
		} else {
			v.Str = make([]string, 1)
		}
	}
	return r, nil
}

// run starts an execution; nil says to go the long way.
func (f *fastPlan) run(ctx *Context, params []types.Datum) (*fastRun, error) {
	f.mu.Lock()
	var r *fastRun
	if n := len(f.free); n > 0 {
		r = f.free[n-1]
		f.free = f.free[:n-1]
	}
	f.mu.Unlock()
	if r == nil {
		var err error
		if r, err = f.build(); err != nil {
			return nil, err
		}
	}
	r.in.begin(ctx, params)
	r.done, r.affected = false, 0
	return r, nil
}

func (r *fastRun) next() (*types.Batch, error) {
	if r.done {
		return nil, nil
	}
	r.done = true
	st := r.in.st
	if err := st.interrupted(); err != nil {
		return nil, err
	}
	r.env = rowEnv{}
	key := r.buf[:0]
	for i, k := range r.keys {
		d, err := k.row(&r.env)
		if err != nil || d.Null {
			return nil, err
		}
		key = r.keyOps[i].Append(key, d, r.def.Parts[i].Desc, r.def.Parts[i].NullsFirst)
	}
	r.buf = key
	v := st.view()
	r.used.scans++
	id, found, err := v.LookupUnique(r.rel.def, r.ix, key)
	if err != nil || !found {
		return nil, err
	}
	if found, err = v.Get(r.rel.def, r.dec, id, r.row); err != nil || !found {
		return nil, err
	}
	r.used.read++
	r.used.fetched++
	for i, a := range r.atts {
		switch a {
		case tree.CtidAtt:
			r.row[i] = CtidOf(id)
		case tree.TableOidAtt:
			r.row[i] = types.Int(int64(r.rel.oid))
		}
	}
	r.env.row = r.row
	if r.cond != nil {
		d, err := r.cond.row(&r.env)
		if err != nil || !d.IsTrue() {
			return nil, err
		}
	}
	for i, x := range r.proj {
		d, err := x.row(&r.env)
		if err != nil {
			return nil, err
		}
		c := r.out.Cols[i]
		c.Nulls = nil
		if d.Null {
			c.Nulls = nullRow
		} else if c.Class == types.Fixed {
			c.Fix[0] = d.I
		} else {
			c.Str[0] = d.S
		}
	}
	r.out.N, r.out.Sel = 1, nil
	r.affected = 1
	return &r.out, nil
}

// nullRow is the null bitmap of a batch whose one row is NULL. Nobody writes to it.
var nullRow = types.Bitmap{1}

func (r *fastRun) close() {
	r.used.report(r.in.st, r.def.Index)
	r.in.end()
	r.f.mu.Lock()
	if len(r.f.free) < instancesKept {
		r.f.free = append(r.f.free, r)
	}
	r.f.mu.Unlock()
}
