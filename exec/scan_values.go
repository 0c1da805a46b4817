package exec

import (
	"kimberlite/exec/plan"
	"kimberlite/sql/catalog"
	"kimberlite/sql/functions"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// valuesSource yields the rows of VALUES lists.
type valuesSource struct {
	st   *state
	rows [][]expr
	at   int
	out  *batchBuilder
	row  []types.Datum
	max  int64
}

func (b *builder) valuesScan(n *plan.ValuesScan) (operator, error) {
	src := &valuesSource{st: b.st, max: -1}
	c := b.c.binding(noColumns)
	var cols []types.T
	for i, row := range n.Rows_ {
		xs, _, err := c.list(row)
		if err != nil {
			return nil, err
		}
		src.rows = append(src.rows, xs)
		for k, e := range row {
			t := e.Type()
			if i == 0 {
				cols = append(cols, t)
			} else if k < len(cols) && cols[k].Mod != t.Mod {
				cols[k].Mod = -1
			}
		}
	}
	src.out, src.row = newBatchBuilder(cols, b.c.io), make([]types.Datum, len(cols))
	return b.scan(src, b.rowScan(n, cols), n, len(cols))
}

func (s *valuesSource) setBound(n int64) { s.max = n }
func (s *valuesSource) open() error      { s.at = 0; return nil }
func (s *valuesSource) close()           {}

func (s *valuesSource) next() (*types.Batch, error) {
	end := len(s.rows)
	if s.max >= 0 {
		end = int(min(int64(end), s.max))
	}
	n := min(types.BatchRows, end-s.at)
	if n <= 0 {
		return nil, nil
	}
	s.out.begin(n)
	env := &rowEnv{}
	for range n {
		for k, x := range s.rows[s.at] {
			d, err := x.row(env)
			if err != nil {
				return nil, err
			}
			s.row[k] = d
		}
		s.out.add(s.row)
		s.at++
	}
	return s.out.done(), nil
}

// srf is one set-returning function at work: rows of its columns, or a scalar function that yields one row.
type srf struct {
	st     *state
	fn     functions.SetReturning
	call   *functions.Call
	cols   []types.T // what the function yields
	strict bool
	args   []expr
	argv   []types.Datum
	scalar expr // instead of fn
	expand bool // a scalar that is composite is spread over its columns
	// dropped says which columns of the row type are dropped (in FROM, see droppedColumns); cols leaves them out.
	dropped []bool

	src  functions.RowSource
	buf  *types.Batch
	at   int
	live bool
	pack *packedRows // the rows become records
}

// srf compiles a function in FROM or in a select list. cols are the columns wanted; defs is the column definition list of a call in FROM.
func (c *compiler) srf(e tree.Expr, cols []types.T, defs []types.Field) (*srf, error) {
	out := &srf{st: c.st, cols: cols}
	f, ok := e.(*tree.FuncExpr)
	var args []tree.Expr
	var fn, coll types.OID
	variadic, set := false, false
	if ok {
		args, fn, coll, variadic, set = f.Args, f.Func, f.InputColl, f.Variadic, f.RetSet
	} else if o, isOp := e.(*tree.OpExpr); isOp && o.RetSet {
		args, fn, coll, set = o.Args, o.Func, o.InputColl, true
	}
	impl, known := functions.LookupSet(fn)
	row, user := false, false // row: one row, whose columns only this use declares
	if !known && (set || ok && f.T.OID == types.OIDRecord) {
		impl, known = c.userSet(c.proc(fn), !set)
		row, user = known && !set, known
	}
	if !set && !row && !(ok && known && len(cols) != 1) {
		inner := *c
		inner.defs = defs
		x, err := inner.compile(e)
		if err != nil {
			return nil, err
		}
		out.scalar = x
		out.expand = types.BaseType(c.io, e.Type()).OID == types.OIDRecord || len(cols) != 1
		if ty := types.Lookup(c.io, types.BaseType(c.io, e.Type()).OID); ty != nil && ty.Kind == types.KindComposite {
			out.expand = len(cols) != 1 || cols[0].OID != e.Type().OID
		}
		if out.expand && len(cols) == 1 && cols[0].OID == types.OIDRecord {
			out.expand = false
		}
	} else {
		proc := c.proc(fn)
		if !known {
			return nil, c.unsupported(callSite{fn: fn}, proc)
		}
		xs, _, err := c.list(args)
		if err != nil {
			return nil, err
		}
		out.fn, out.args, out.argv = impl, xs, make([]types.Datum, len(xs))
		out.call = &functions.Call{
			Func: fn, Ret: e.Type(), Collation: coll, Variadic: variadic, Env: &c.st.env, Columns: defs,
			Args: make([]types.T, len(xs)), ConstArgs: make([]*types.Datum, len(xs)),
		}
		if proc != nil {
			out.call.Name, out.strict = proc.Name, proc.Strict && !row
			if fields := outFields(c.io, proc, args); !user && len(fields) > 1 && len(cols) == 1 && cols[0].OID == types.OIDRecord {
				out.pack = newPackedRows(c.io, fields)
				out.cols = out.pack.types()
			}
		}
		for i, a := range args {
			out.call.Args[i] = a.Type()
			if k, ok := xs[i].(*constExpr); ok {
				out.call.ConstArgs[i] = &k.val
			}
		}
	}
	out.buf = &types.Batch{Cols: make([]*types.Vec, len(cols))}
	for i, t := range cols {
		out.buf.Cols[i] = types.NewVec(t, c.class(t))
	}
	return out, nil
}

// start evaluates the arguments for a row and begins to produce.
func (s *srf) start(r *rowEnv) error {
	s.stop()
	s.at = 0
	s.buf.Reset()
	s.live = true
	if s.scalar != nil {
		d, err := s.scalar.row(r)
		if err != nil {
			return err
		}
		if !s.expand {
			s.buf.Cols[0].Append(d)
		} else {
			var rec types.Record
			if !d.Null {
				rec = types.ParseRecord(d.S)
			}
			for i, c := range s.buf.Cols {
				if i < rec.Len() {
					c.Append(rec.Field(i))
				} else {
					c.Append(types.NullDatum)
				}
			}
		}
		s.buf.N = 1
		return nil
	}
	for i, a := range s.args {
		d, err := a.row(r)
		if err != nil {
			return err
		}
		if d.Null && s.strict {
			s.live = false
			return nil
		}
		s.argv[i] = d
	}
	src, err := s.fn(s.call, s.cols, s.argv)
	if err != nil {
		return err
	}
	s.src = src
	if s.pack != nil {
		s.src = s.pack.over(src)
	}
	return nil
}

// packedRows is the rows of a function with several columns as records: such a function in a select list.
type packedRows struct {
	io    *types.Ctx
	oids  []types.OID
	names []string
	in    *types.Batch
	src   functions.RowSource
	row   []types.Datum
}

func newPackedRows(io *types.Ctx, fields []types.Field) *packedRows {
	p := &packedRows{io: io, in: &types.Batch{}, row: make([]types.Datum, len(fields))}
	for _, f := range fields {
		p.oids, p.names = append(p.oids, f.T.OID), append(p.names, f.Name)
		p.in.Cols = append(p.in.Cols, types.NewVec(f.T, types.ClassOf(io, f.T.OID)))
	}
	return p
}

func (p *packedRows) types() []types.T {
	out := make([]types.T, len(p.in.Cols))
	for i, v := range p.in.Cols {
		out[i] = v.T
	}
	return out
}

func (p *packedRows) over(src functions.RowSource) functions.RowSource { p.src = src; return p }

func (p *packedRows) Next(b *types.Batch) error {
	p.in.Reset()
	if err := p.src.Next(p.in); err != nil {
		return err
	}
	for i := range p.in.N {
		for k, v := range p.in.Cols {
			p.row[k] = v.Datum(i)
		}
		b.Cols[0].Append(types.Datum{S: types.MakeRecord(p.io, types.OIDRecord, p.oids, p.names, p.row)})
	}
	b.N = p.in.N
	return nil
}

func (p *packedRows) Close() { p.src.Close() }

// fill makes sure that row s.at of s.buf exists; false at the end.
func (s *srf) fill() (bool, error) {
	for s.live && s.at >= s.buf.N {
		if s.src == nil {
			s.live = false
			return false, nil
		}
		s.buf.Reset()
		s.at = 0
		if err := s.src.Next(s.buf); err != nil {
			return false, err
		}
		if s.buf.Sel != nil {
			return false, pgerr.Internal("a set-returning function yielded a selection")
		}
		if s.buf.N == 0 {
			s.live = false
		}
	}
	return s.live, nil
}

func (s *srf) stop() {
	if s.src != nil {
		s.src.Close()
		s.src = nil
	}
	s.live = false
}

// copyRow copies the next row, NULLs when there is none, and returns its number of columns.
func (s *srf) copyRow(dst []types.Datum, ok bool) int {
	k := 0
	put := func(c *types.Vec) {
		dst[k] = types.NullDatum
		if ok && c != nil {
			dst[k] = c.Datum(s.at)
		}
		k++
	}
	live := s.buf.Cols
	for _, gone := range s.dropped {
		if gone {
			put(nil)
			continue
		}
		put(live[0])
		live = live[1:]
	}
	if s.dropped == nil {
		for _, c := range live {
			put(c)
		}
	}
	if ok {
		s.at++
	}
	return k
}

// functionSource runs the functions of ROWS FROM in lockstep.
type functionSource struct {
	st    *state
	funcs []*srf
	gaps  bool // some function's row type has dropped columns, which are NULL
	ord   bool
	pos   int64
	out   *batchBuilder
	row   []types.Datum
	max   int64
}

func (b *builder) functionScan(n *plan.FunctionScan) (operator, error) {
	src := &functionSource{st: b.st, ord: n.Ordinality, max: -1}
	c := b.c.binding(noColumns)
	var all []types.T
	for i := range n.Funcs {
		cols, err := c.functionColumns(&n.Funcs[i])
		if err != nil {
			return nil, err
		}
		f, err := c.srf(n.Funcs[i].Expr, cols, columnDefinitions(&n.Funcs[i]))
		if err != nil {
			return nil, err
		}
		src.funcs = append(src.funcs, f)
		if f.dropped = c.droppedColumns(&n.Funcs[i]); f.dropped == nil {
			all = append(all, cols...)
			continue
		}
		src.gaps = true
		for _, gone := range f.dropped {
			t := types.Of(types.OIDInt4)
			if !gone {
				t, cols = cols[0], cols[1:]
			}
			all = append(all, t)
		}
	}
	if n.Ordinality {
		all = append(all, types.Of(types.OIDInt8))
	}
	src.out, src.row = newBatchBuilder(all, c.io), make([]types.Datum, len(all))
	return b.scan(src, b.rowScan(n, all), n, len(all))
}

// functionColumns returns the types of the columns that a function in FROM yields.
func (c *compiler) functionColumns(f *tree.RangeFunc) ([]types.T, error) {
	if len(f.ColTypes) > 0 {
		return f.ColTypes, nil
	}
	t := f.Expr.Type()
	if base := types.BaseType(c.io, t); f.NCols != 1 || isComposite(c.io, base.OID) {
		if ty := types.Lookup(c.io, base.OID); ty != nil && ty.Kind == types.KindComposite {
			var out []types.T
			for _, fd := range ty.Fields {
				out = append(out, fd.T)
			}
			return out, nil
		}
		if fe, ok := f.Expr.(*tree.FuncExpr); ok {
			if p := c.proc(fe.Func); p != nil {
				var out []types.T
				for _, f := range outFields(c.io, p, fe.Args) {
					out = append(out, f.T)
				}
				if len(out) > 0 {
					return out, nil
				}
			}
		}
	}
	return []types.T{t}, nil
}

// columnDefinitions returns the column definition list of a function in FROM, nil if it has none.
func columnDefinitions(f *tree.RangeFunc) []types.Field {
	var out []types.Field
	for i, name := range f.ColNames {
		out = append(out, types.Field{Name: name, T: f.ColTypes[i]})
	}
	return out
}

// outFields returns the columns of a function's result that its OUT parameters name.
func outFields(io *types.Ctx, p *catalog.Proc, args []tree.Expr) []types.Field {
	var out []types.Field
	for i, m := range p.ArgModes {
		if m == 'o' || m == 'b' || m == 't' {
			f := types.Field{T: outType(io, p, p.AllArgs[i], args)}
			if i < len(p.ArgNames) {
				f.Name = p.ArgNames[i]
			}
			out = append(out, f)
		}
	}
	return out
}

// outType is the type of an OUT parameter: what the arguments make of anyelement and anyarray.
func outType(io *types.Ctx, p *catalog.Proc, t types.OID, args []tree.Expr) types.T {
	for i, declared := range p.Args {
		if i >= len(args) || t != types.OIDAnyelement && t != types.OIDAnyarray {
			break
		}
		switch actual := args[i].Type(); {
		case declared == t:
			return actual
		case declared == types.OIDAnyarray:
			return types.Of(types.ElemOf(io, actual.OID))
		}
	}
	return types.Of(t)
}

// droppedColumns says which columns of a function's row type are dropped, by attribute number, as far as the type had columns when the use of the function was
// analyzed; nil when none is and none was added since.
func (c *compiler) droppedColumns(f *tree.RangeFunc) []bool {
	ty := types.Lookup(c.io, types.BaseType(c.io, f.Expr.Type()).OID)
	if len(f.ColTypes) > 0 || ty == nil || ty.Kind != types.KindComposite || c.cat == nil {
		return nil
	}
	rel := c.cat.Relation(ty.Relid)
	if rel == nil || len(rel.Columns) == len(ty.Fields) && len(ty.Fields) <= f.NCols {
		return nil
	}
	out := make([]bool, min(len(rel.Columns), f.NCols))
	for i := range out {
		out[i] = rel.Columns[i].Dropped
	}
	return out
}

func isComposite(io *types.Ctx, oid types.OID) bool {
	ty := types.Lookup(io, oid)
	return ty != nil && ty.Kind == types.KindComposite
}

func (s *functionSource) setBound(n int64) { s.max = n }

func (s *functionSource) open() error {
	s.pos = 0
	for _, f := range s.funcs {
		if err := f.start(&rowEnv{}); err != nil {
			return err
		}
	}
	return nil
}

func (s *functionSource) close() {
	for _, f := range s.funcs {
		f.stop()
	}
}

func (s *functionSource) next() (*types.Batch, error) {
	if len(s.funcs) == 1 && !s.ord && !s.gaps {
		f := s.funcs[0]
		if !f.live {
			return nil, nil
		}
		if f.src == nil { // a scalar: its one row is in the buffer
			f.live = false
			f.buf.Sel = nil
			return f.buf, nil
		}
		f.buf.Reset()
		if err := f.src.Next(f.buf); err != nil {
			return nil, err
		}
		if f.buf.N == 0 {
			f.live = false
			return nil, nil
		}
		return f.buf, nil
	}
	want := types.BatchRows
	s.out.begin(want)
	for s.out.b.N < want {
		any := false
		k := 0
		for _, f := range s.funcs {
			ok, err := f.fill()
			if err != nil {
				return nil, err
			}
			any = any || ok
			k += f.copyRow(s.row[k:], ok)
		}
		if !any {
			break
		}
		s.pos++
		if s.ord {
			s.row[k] = types.Datum{I: s.pos}
		}
		s.out.add(s.row)
	}
	b := s.out.done()
	if b.N == 0 {
		return nil, nil
	}
	return b, nil
}

// projectSetOp expands set-returning functions: for each input row, as many output rows as the longest of them yields, the others padded with NULL. Its
// output is some columns of the input, then a column for each function.
type projectSetOp struct {
	st    *state
	outer operator // nil: one row
	keep  []int    // columns of the input that are handed on
	srfs  []*srf
	in    *types.Batch
	at    int
	busy  bool
	done  bool
	env   rowEnv
	row   []types.Datum
	out   *batchBuilder
	want  int64
	left  int64
}

// projectSet splits a target list at its set-returning functions, as PostgreSQL does: functions without such a function in their arguments are expanded first, then
// those that take their results, and so on; the rest of the target list is computed over all that.
func (b *builder) projectSet(n *plan.ProjectSet) (operator, error) {
	var op operator
	var err error
	if n.Outer != nil {
		if op, err = b.build(n.Outer); err != nil {
			return nil, err
		}
	}
	var cols []types.T
	if n.Outer != nil {
		cols = typesOf(n.Outer)
	}
	target := append([]tree.TargetEntry(nil), n.Target...)
	first := true
	for {
		var calls []tree.Expr
		used := map[int]bool{}
		for i := range target {
			innermostSets(target[i].Expr, &calls)
			tree.Walk(target[i].Expr, func(x tree.Expr) bool {
				if v, ok := x.(*tree.Var); ok && v.VarNo == plan.OuterVar && v.AttNo > 0 {
					used[v.AttNo] = true
				}
				return true
			})
		}
		if len(calls) == 0 && !first {
			break
		}
		first = false
		o := &projectSetOp{st: b.st, outer: op, want: -1}
		c := b.c.binding(columnsOf(plan.OuterVar))
		place := map[int]int{}
		var outCols []types.T
		for i := range cols {
			if used[i+1] {
				o.keep = append(o.keep, i)
				outCols = append(outCols, cols[i])
				place[i+1] = len(outCols)
			}
		}
		at := len(outCols)
		for _, e := range calls {
			f, err := c.srf(e, []types.T{e.Type()}, nil)
			if err != nil {
				return nil, err
			}
			o.srfs = append(o.srfs, f)
			outCols = append(outCols, e.Type())
		}
		for i := range target {
			target[i].Expr = tree.Mutate(target[i].Expr, func(x tree.Expr) (tree.Expr, bool) {
				for k, e := range calls {
					if x == e {
						return &tree.Var{VarNo: plan.OuterVar, AttNo: at + k + 1, T: e.Type(), Coll: e.Collation(), Loc: -1}, true
					}
				}
				if v, ok := x.(*tree.Var); ok && v.VarNo == plan.OuterVar && v.AttNo > 0 {
					moved := *v
					moved.AttNo = place[v.AttNo]
					return &moved, true
				}
				return nil, false
			})
		}
		o.row = make([]types.Datum, len(outCols))
		o.out = newBatchBuilder(outCols, b.c.io)
		op, cols = o, outCols
	}
	over := *n
	over.Target, over.Quals = target, nil
	return b.scan(&boundedSource{op}, b.c.binding(columnsOf(plan.OuterVar)), &over, len(cols))
}

// innermostSets collects the set-returning calls of an expression that have none in their arguments.
func innermostSets(e tree.Expr, out *[]tree.Expr) bool {
	found := false
	tree.Children(e, func(x tree.Expr) { found = innermostSets(x, out) || found })
	if !returnsSet(e) {
		return found
	}
	if !found {
		*out = append(*out, e)
	}
	return true
}

func returnsSet(e tree.Expr) bool {
	switch e := e.(type) {
	case *tree.FuncExpr:
		return e.RetSet
	case *tree.OpExpr:
		return e.RetSet
	}
	return false
}

func (o *projectSetOp) setBound(n int64) { o.want = n }

func (o *projectSetOp) open() error {
	o.in, o.at, o.busy, o.done = nil, 0, false, false
	o.left = o.want
	if o.outer != nil {
		return o.outer.open()
	}
	return nil
}

func (o *projectSetOp) close() {
	for _, s := range o.srfs {
		s.stop()
	}
	if o.outer != nil {
		o.outer.close()
	}
}

// advance moves to the next input row and starts the functions on it.
func (o *projectSetOp) advance() (bool, error) {
	if o.done {
		return false, nil
	}
	if o.outer == nil {
		o.done = true
		o.env = rowEnv{}
	} else {
		for o.in == nil || o.at >= o.in.Rows() {
			b, err := o.outer.next()
			if err != nil {
				return false, err
			}
			if b == nil {
				o.done = true
				return false, nil
			}
			o.in, o.at = b, 0
		}
		o.env = rowEnv{b: o.in, pos: o.in.Row(o.at)}
		o.at++
	}
	for i, c := range o.keep {
		o.row[i] = o.in.Cols[c].Datum(o.env.pos)
	}
	for _, s := range o.srfs {
		if err := s.start(&o.env); err != nil {
			return false, err
		}
	}
	return true, nil
}

func (o *projectSetOp) next() (*types.Batch, error) {
	if err := o.st.interrupted(); err != nil {
		return nil, err
	}
	want := types.BatchRows
	if o.want >= 0 {
		want = int(min(int64(want), o.left))
	}
	o.out.begin(max(want, 0))
	for o.out.b.N < want {
		if !o.busy {
			ok, err := o.advance()
			if err != nil {
				return nil, err
			}
			if !ok {
				break
			}
			o.busy = true
		}
		any := false
		for i, s := range o.srfs {
			i += len(o.keep)
			ok, err := s.fill()
			if err != nil {
				return nil, err
			}
			o.row[i] = types.NullDatum
			if ok {
				any = true
				o.row[i] = s.buf.Cols[0].Datum(s.at)
				s.at++
			}
		}
		if !any {
			o.busy = false
			continue
		}
		o.out.add(o.row)
	}
	b := o.out.done()
	o.left -= int64(b.N)
	if b.N == 0 {
		return nil, nil
	}
	return b, nil
}
