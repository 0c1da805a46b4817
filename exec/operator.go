package exec

import (
	"time"

	"kimberlite/exec/plan"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// operator runs a plan node. open starts it, or starts it again from the beginning with the parameters now in force; next returns the next batch
// or nil at the end (and goes on returning nil); close frees what it holds and may be called more than once, also before open.
type operator interface {
	open() error
	next() (*types.Batch, error)
	close()
}

// bounded is implemented by operators that profit from knowing that only the first n rows will be asked for.
// It is called after open of the parent and before their own open; n < 0 means no bound.
type bounded interface{ setBound(n int64) }

// setBound tells op that at most n rows will be asked for.
func setBound(op operator, n int64) {
	if b, ok := op.(bounded); ok {
		b.setBound(n)
	}
}

// NodeStats are what EXPLAIN ANALYZE prints of a node.
type NodeStats struct {
	Loops                     int64
	Rows                      int64
	Startup, Total            time.Duration
	RemovedByFilter           int64
	RemovedByJoin             int64
	RemovedByRecheck          int64
	SortMethod                string // "quicksort", "top-N heapsort", "external merge"
	SpaceKB                   int64  // memory or disk of the sort or hash
	SpaceDisk                 bool
	Buckets, Batches          int64
	OrigBuckets               int64
	CacheHits, CacheMisses    int64
	CacheEvictions            int64
	CacheOverflows            int64
	HeapFetches               int64
	Inserted, Conflicting     int64
	Updated, Deleted, Skipped int64
	TempRead, TempWritten     int64
}

// builder makes operators for the nodes of a plan.
type builder struct {
	st *state
	c  *compiler
	in *instance
	// pins replace the scans of relations by single rows: see recheck.go.
	pins map[int]*pin
}

// typesOf returns the types of a node's output columns (N1).
func typesOf(n plan.Node) []types.T {
	switch n := n.(type) {
	case *plan.ModifyTable:
		return targetTypes(n.Returning)
	}
	return targetTypes(n.Common().Target)
}

func targetTypes(target []tree.TargetEntry) []types.T {
	out := make([]types.T, len(target))
	for i := range target {
		out[i] = target[i].Expr.Type()
	}
	return out
}

// build makes the operator of a node, with instrumentation when that is asked for.
func (b *builder) build(n plan.Node) (operator, error) {
	op, err := b.node(n)
	if err != nil {
		return nil, err
	}
	if r, ok := op.(resetter); ok {
		b.in.resets = append(b.in.resets, r)
	} else if s, ok := op.(*scanOp); ok {
		if r, ok := s.src.(resetter); ok {
			b.in.resets = append(b.in.resets, r)
		}
	}
	if b.st.instrument {
		return &instrumented{op: op, st: b.st, id: n.Common().ID}, nil
	}
	return op, nil
}

func (b *builder) node(n plan.Node) (operator, error) {
	switch n := n.(type) {
	case *plan.Result:
		return b.result(n)
	case *plan.ProjectSet:
		return b.projectSet(n)
	case *plan.SeqScan:
		return b.seqScan(n)
	case *plan.IndexScan:
		return b.indexScan(n)
	case *plan.BitmapHeapScan:
		return b.bitmapScan(n)
	case *plan.TidScan:
		return b.tidScan(n)
	case *plan.VirtualScan:
		return b.virtualScan(n)
	case *plan.SubqueryScan:
		return b.subqueryScan(n)
	case *plan.FunctionScan:
		return b.functionScan(n)
	case *plan.ValuesScan:
		return b.valuesScan(n)
	case *plan.CTEScan:
		return b.cteScan(n)
	case *plan.WorkTableScan:
		return b.workTableScan(n)
	case *plan.RecursiveUnion:
		return b.recursiveUnion(n)
	case *plan.NestLoop:
		return b.nestLoop(n)
	case *plan.HashJoin:
		return b.hashJoin(n)
	case *plan.MergeJoin:
		return b.mergeJoin(n)
	case *plan.Hash:
		return b.build(n.Outer)
	case *plan.Sort:
		return b.sort(n)
	case *plan.Material:
		return b.material(n)
	case *plan.Memoize:
		return b.memoize(n)
	case *plan.Agg:
		return b.agg(n)
	case *plan.Group:
		return b.group(n)
	case *plan.Unique:
		return b.unique(n)
	case *plan.WindowAgg:
		return b.windowAgg(n)
	case *plan.SetOp:
		return b.setOp(n)
	case *plan.Append:
		return b.append(n)
	case *plan.MergeAppend:
		return b.mergeAppend(n)
	case *plan.Limit:
		return b.limit(n)
	case *plan.LockRows:
		return b.lockRows(n)
	case *plan.ModifyTable:
		return b.modifyTable(n)
	}
	return nil, pgerr.Internal("plan node %T cannot be executed", n)
}

// instrumented counts what EXPLAIN ANALYZE shows.
type instrumented struct {
	op    operator
	st    *state
	id    int
	start time.Duration // of this loop, until the first row
	first bool
}

func (o *instrumented) setBound(n int64) { setBound(o.op, n) }

func (o *instrumented) open() error {
	s := &o.st.stats[o.id]
	s.Loops++
	o.first = true
	began := time.Now()
	err := o.op.open()
	d := time.Since(began)
	s.Total += d
	o.start = d
	return err
}

func (o *instrumented) next() (*types.Batch, error) {
	s := &o.st.stats[o.id]
	began := time.Now()
	b, err := o.op.next()
	d := time.Since(began)
	s.Total += d
	if o.first {
		o.start += d
		if b == nil || b.Rows() > 0 {
			s.Startup += o.start
			o.first = false
		}
	}
	if b != nil {
		s.Rows += int64(b.Rows())
	}
	return b, err
}

func (o *instrumented) close() { o.op.close() }

// bare returns the operator under its instrumentation.
func bare(op operator) operator {
	if i, ok := op.(*instrumented); ok {
		return i.op
	}
	return op
}

// statsOf returns where a node counts, nil when nobody asks.
func (b *builder) statsOf(n plan.Node) *NodeStats {
	if !b.st.instrument {
		return nil
	}
	return &b.st.stats[n.Common().ID]
}

// filter drops the rows of a batch that do not satisfy the quals. It sets Sel and may return a batch without rows.
type filter struct {
	cond  expr
	buf   []int32
	stats *NodeStats
}

func (b *builder) filter(c *compiler, quals []tree.Expr, n plan.Node) (filter, error) {
	cond, err := c.quals(quals)
	return filter{cond: cond, stats: b.statsOf(n)}, err
}

// apply restricts in.Sel.
func (f *filter) apply(in *types.Batch) error {
	if f.cond == nil {
		return nil
	}
	before := selection(in)
	sel, err := filterRows(f.cond, in, before, &f.buf)
	if err != nil {
		return err
	}
	if f.stats != nil {
		f.stats.RemovedByFilter += int64(len(before) - len(sel))
	}
	if len(sel) == in.N {
		in.Sel = nil
	} else {
		in.Sel = sel
	}
	return nil
}
