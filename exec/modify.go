package exec

import (
	"slices"

	"kimberlite/exec/plan"
	"kimberlite/projections"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
	"kimberlite/txn"
)

// modifyOp is a ModifyTable node. Rows are changed one by one in the order of the input; with RETURNING the changed rows come out in batches.
//
// Expressions see one flat row: the new row, the old row, the columns of the input, then system columns of the new row.
type modifyOp struct {
	st        *state
	in        operator
	source    []expr // instead of in: the one row of a Result without input
	n         *plan.ModifyTable
	w         *writer
	width     int // columns of the table
	inWidth   int
	rowIDCol  int
	setCols   []int
	setExprs  []expr
	recheck   expr
	checks    []withCheck
	returning []expr
	retTypes  []types.T
	out       *batchBuilder
	conflict  *conflictClause
	merge     []mergeAction
	system    []int // attribute numbers of system columns that RETURNING names

	env      []types.Datum
	fresh    []types.Datum // env[:width]
	old      []types.Datum
	inRow    []types.Datum
	renv     rowEnv
	count    int64
	replaced bool // the row at hand is updated by ON CONFLICT
	done     bool
	opened   bool
	pending  *types.Batch
	pendSel  []int32
	stats    *NodeStats
	retRow   []types.Datum
}

type withCheck struct {
	rel  string
	cond expr
}

type conflictClause struct {
	update  bool
	indexes []int // nil: any
	setCols []int
	set     []expr
	where   expr
}

type mergeAction struct {
	matched bool
	cmd     tree.CmdType
	qual    expr
	setCols []int
	set     []expr
}

func (b *builder) modifyTable(n *plan.ModifyTable) (operator, error) {
	var in operator
	source, err := b.singleRow(n)
	if source == nil && err == nil {
		in, err = b.build(n.Outer)
	}
	if err != nil {
		return nil, err
	}
	w, err := b.writer(n.Rel)
	if err != nil {
		return nil, err
	}
	o := &modifyOp{
		st: b.st, in: in, source: source, n: n, w: w, width: len(w.rel.desc.Columns), inWidth: len(typesOf(n.Outer)), rowIDCol: n.RowIDCol - 1,
		setCols: n.SetCols, stats: b.statsOf(n),
	}
	c := b.c.binding(nil)
	c.bind = o.bind(c)
	if o.setExprs, _, err = c.list(n.SetExprs); err != nil {
		return nil, err
	}
	if o.recheck, err = c.quals(n.RecheckQuals); err != nil {
		return nil, err
	}
	for _, wc := range n.WithChecks {
		x, err := c.compile(wc.Qual)
		if err != nil {
			return nil, err
		}
		o.checks = append(o.checks, withCheck{wc.RelName, x})
	}
	for i := range n.Returning {
		x, err := c.compile(n.Returning[i].Expr)
		if err != nil {
			return nil, err
		}
		o.returning = append(o.returning, x)
	}
	if len(n.Returning) > 0 {
		o.retTypes = targetTypes(n.Returning)
		o.out = newBatchBuilder(o.retTypes, b.c.io)
		o.retRow = make([]types.Datum, len(n.Returning))
	}
	if oc := n.OnConflict; oc != nil {
		if o.conflict, err = o.compileConflict(c, oc); err != nil {
			return nil, err
		}
	}
	for i := range n.Merge {
		m := &n.Merge[i]
		a := mergeAction{matched: m.Matched, cmd: m.Cmd, setCols: m.SetCols}
		if m.Qual != nil {
			if a.qual, err = c.compile(m.Qual); err != nil {
				return nil, err
			}
		}
		if a.set, _, err = c.list(m.Set); err != nil {
			return nil, err
		}
		o.merge = append(o.merge, a)
	}
	o.env = make([]types.Datum, 2*o.width+o.inWidth+len(o.system))
	o.fresh, o.old, o.inRow = o.env[:o.width], o.env[o.width:2*o.width], o.env[2*o.width:2*o.width+o.inWidth]
	return o, nil
}

// singleRow compiles the input of INSERT ... VALUES with one row, nil when the input is anything else.
func (b *builder) singleRow(n *plan.ModifyTable) ([]expr, error) {
	r, ok := n.Outer.(*plan.Result)
	if !ok || n.Cmd != tree.CmdInsert || r.Outer != nil || r.OneTime != nil || r.Quals != nil || b.st.instrument {
		return nil, nil
	}
	source := make([]expr, len(r.Target))
	c := b.c.binding(noColumns)
	for i := range r.Target {
		var err error
		if source[i], _, err = c.expr(r.Target[i].Expr); err != nil {
			return nil, err
		}
	}
	return source, nil
}

// bind resolves columns over the flat row.
func (o *modifyOp) bind(c *compiler) func(v *tree.Var) (expr, error) {
	return func(v *tree.Var) (expr, error) {
		base := 0
		switch v.VarNo {
		case plan.OuterVar:
			if v.AttNo < 1 || v.AttNo > o.inWidth {
				return nil, pgerr.Internal("column %d of the input of ModifyTable", v.AttNo)
			}
			return &varExpr{col: 2*o.width + v.AttNo - 1}, nil
		case plan.OldVar:
			base = o.width
		case plan.NewVar:
		default:
			return nil, pgerr.Internal("column %d of input %d in ModifyTable", v.AttNo, v.VarNo)
		}
		switch {
		case v.AttNo > 0 && v.AttNo <= o.width:
			return &varExpr{col: base + v.AttNo - 1}, nil
		case v.AttNo == 0:
			return c.rowOf(o.w.rel.desc, v.T, base)
		case v.AttNo == tree.TableOidAtt:
			return &constExpr{val: types.Int(int64(o.w.rel.oid)), cv: c.constVec(v.T)}, nil
		}
		for i, a := range o.system {
			if a == v.AttNo {
				return &varExpr{col: 2*o.width + o.inWidth + i}, nil
			}
		}
		o.system = append(o.system, v.AttNo)
		return &varExpr{col: 2*o.width + o.inWidth + len(o.system) - 1}, nil
	}
}

func (o *modifyOp) compileConflict(c *compiler, oc *plan.OnConflict) (*conflictClause, error) {
	k := &conflictClause{update: oc.Update, setCols: oc.SetCols}
	for _, oid := range oc.Indexes {
		ix := o.w.rel.def.IndexByOID(oid)
		if ix < 0 {
			return nil, pgerr.Newf(pgerr.UndefinedObject, "could not open relation with OID %d", oid)
		}
		if o.w.rel.def.Indexes[ix].Deferrable {
			return nil, pgerr.New(pgerr.ObjectNotInPrerequisiteState, "ON CONFLICT does not support deferrable unique constraints/exclusion constraints as arbiters")
		}
		k.indexes = append(k.indexes, ix)
	}
	var err error
	if k.set, _, err = c.list(oc.Set); err != nil {
		return nil, err
	}
	if oc.Where != nil {
		k.where, err = c.compile(oc.Where)
	}
	return k, err
}

func (o *modifyOp) rowsAffected() int64 { return o.count }

func (o *modifyOp) open() error {
	if o.st.ctx.Txn == nil {
		return pgerr.Internal("ModifyTable outside a transaction")
	}
	o.count, o.done, o.pending, o.opened = 0, false, nil, true
	o.st.view()
	if o.source != nil {
		return nil
	}
	return o.in.open()
}

func (o *modifyOp) close() {
	if o.opened {
		o.opened = false
		if o.source == nil {
			o.in.close()
		}
	}
}

func (o *modifyOp) next() (*types.Batch, error) {
	if o.done {
		return nil, nil
	}
	if o.out != nil {
		o.out.begin(types.BatchRows)
	}
	for {
		if err := o.st.interrupted(); err != nil {
			return nil, err
		}
		if o.source != nil {
			if err := o.computedRow(); err != nil {
				return nil, err
			}
			if o.done = !o.st.nextRow(); o.out != nil && o.out.b.N > 0 && (o.done || o.out.b.N == types.BatchRows) {
				return o.out.done(), nil
			}
			if o.done {
				return nil, nil
			}
			continue
		}
		if o.pending == nil {
			b, err := o.in.next()
			if err != nil {
				return nil, err
			}
			if b == nil {
				o.done = true
				if o.out != nil && o.out.b.N > 0 {
					return o.out.done(), nil
				}
				return nil, nil
			}
			o.pending, o.pendSel = b, selection(b)
		}
		for len(o.pendSel) > 0 {
			r := int(o.pendSel[0])
			o.pendSel = o.pendSel[1:]
			for i := range o.inRow {
				o.inRow[i] = o.pending.Cols[i].Datum(r)
			}
			if err := o.row(); err != nil {
				return nil, err
			}
			if o.out != nil && o.out.b.N == types.BatchRows {
				return o.out.done(), nil
			}
		}
		o.pending = nil
	}
}

// computedRow computes and handles the row of source.
func (o *modifyOp) computedRow() error {
	o.renv = rowEnv{}
	for i, x := range o.source {
		d, err := x.row(&o.renv)
		if err != nil {
			return err
		}
		o.inRow[i] = d
	}
	return o.row()
}

// row handles one row of the input, which is in o.inRow.
func (o *modifyOp) row() error {
	switch o.n.Cmd {
	case tree.CmdInsert:
		o.fromInput()
		return o.insert()
	case tree.CmdUpdate:
		id := RowIDOf(o.inRow[o.rowIDCol].S)
		if o.inRow[o.rowIDCol].Null {
			return nil
		}
		return o.update(id)
	case tree.CmdDelete:
		if o.inRow[o.rowIDCol].Null {
			return nil
		}
		return o.delete(RowIDOf(o.inRow[o.rowIDCol].S))
	case tree.CmdMerge:
		return o.mergeRow()
	}
	return pgerr.Internal("command %d in ModifyTable", o.n.Cmd)
}

// fromInput spreads the input's columns over the new row.
func (o *modifyOp) fromInput() {
	if len(o.setCols) == 0 && o.inWidth >= o.width {
		copy(o.fresh, o.inRow[:o.width])
		return
	}
	for i := range o.fresh {
		o.fresh[i] = types.NullDatum
	}
	for i, att := range o.setCols {
		o.fresh[att-1] = o.inRow[i]
	}
}

// insert adds o.fresh.
func (o *modifyOp) insert() error {
	row := o.fresh
	if err := o.w.generate(row); err != nil {
		return err
	}
	if err := o.w.check(row); err != nil {
		return err
	}
	if o.conflict != nil {
		handled, err := o.onConflict()
		if err != nil || handled {
			return err
		}
	}
	id, err := o.w.insert(row)
	if err != nil {
		return err
	}
	if o.stats != nil {
		o.stats.Inserted++
	}
	return o.changed(id)
}

// changed ends the handling of a row that was inserted or updated (o.fresh) or deleted (o.fresh is then the old row).
func (o *modifyOp) changed(id projections.RowID) error {
	o.count++
	for i := range o.checks {
		o.renv = rowEnv{row: o.env}
		d, err := o.checks[i].cond.row(&o.renv)
		if err != nil {
			return err
		}
		if !d.IsTrue() {
			return pgerr.Newf(pgerr.WithCheckOptionViolation, "new row violates check option for view \"%s\"", o.checks[i].rel).
				WithDetail("%s", o.w.failingRow(o.fresh))
		}
	}
	return o.returned(id)
}

// returned computes RETURNING.
func (o *modifyOp) returned(id projections.RowID) error {
	if o.out == nil {
		return nil
	}
	for i, a := range o.system {
		d := types.Datum{}
		if a == tree.CtidAtt {
			d = CtidOf(id)
		} else if a == tree.XminAtt || a == tree.XmaxAtt {
			xid, _ := o.st.ctx.Txn.XID(o.st.ctx.Ctx, false)
			if a == tree.XminAtt || o.replaced { // the locked version's xmax carries over to what replaces it in ON CONFLICT
				d.I = int64(uint32(xid))
			}
		}
		o.env[2*o.width+o.inWidth+i] = d
	}
	o.renv = rowEnv{row: o.env}
	for i, x := range o.returning {
		d, err := x.row(&o.renv)
		if err != nil {
			return err
		}
		o.retRow[i] = d
	}
	o.out.add(o.retRow)
	return nil
}

// onConflict looks for a row with the same key as o.fresh; it reports whether that settled the matter.
func (o *modifyOp) onConflict() (bool, error) {
	k, ctx := o.conflict, o.st.ctx
	for {
		u, found, err := ctx.Txn.FindConflict(ctx.Ctx, o.w.rel.def, o.fresh, k.indexes)
		if err != nil || !found {
			return false, err
		}
		if o.stats != nil {
			o.stats.Conflicting++
		}
		if ctx.Txn.Options().Isolation == txn.RepeatableRead {
			visible, err := o.st.view().Get(o.w.rel.def, nil, u.Row, nil)
			if err != nil {
				return false, err
			}
			if !visible && !o.ownRow(u.Row) {
				return false, pgerr.New(pgerr.SerializationFailure, "could not serialize access due to concurrent update")
			}
		}
		if !k.update {
			return true, nil
		}
		again, err := o.conflictUpdate(u.Row)
		if err != nil || !again {
			return true, err
		}
	}
}

// ownRow reports whether the transaction itself wrote the row.
func (o *modifyOp) ownRow(id projections.RowID) bool {
	v := o.st.ctx.Txn.Command()
	defer v.Release()
	found, err := v.Get(o.w.rel.def, nil, id, nil)
	return err == nil && found
}

// conflictUpdate is DO UPDATE of an existing row; again says that the row has vanished.
func (o *modifyOp) conflictUpdate(id projections.RowID) (again bool, err error) {
	ctx, def, k := o.st.ctx, o.w.rel.def, o.conflict
	mode := txn.ForNoKeyUpdate
	for _, att := range k.setCols {
		if o.w.keyAtts[att] {
			mode = txn.ForUpdate
		}
	}
	outcome, err := ctx.Txn.LockRow(ctx.Ctx, o.st.view(), def, id, mode, txn.WaitBlock, o.w.rel.desc.Name)
	if err != nil {
		return false, err
	}
	switch outcome {
	case txn.Deleted:
		return true, nil
	case txn.SelfModified:
		return false, pgerr.New(pgerr.CardinalityViolation, "ON CONFLICT DO UPDATE command cannot affect row a second time").
			WithHint("Ensure that no rows proposed for insertion within the same command have duplicate constrained values.")
	}
	found, err := ctx.Txn.Latest(def, o.w.all, id, o.old)
	if err != nil {
		return false, err
	}
	if !found {
		return true, nil
	}
	o.renv = rowEnv{row: o.env}
	if k.where != nil {
		d, err := k.where.row(&o.renv)
		if err != nil {
			return false, err
		}
		if !d.IsTrue() {
			return false, nil
		}
	}
	vals := make([]types.Datum, len(k.set))
	for i, x := range k.set {
		if vals[i], err = x.row(&o.renv); err != nil {
			return false, err
		}
	}
	copy(o.fresh, o.old)
	for i, att := range k.setCols {
		o.fresh[att-1] = vals[i]
	}
	o.replaced = true
	err = o.applyUpdate(id)
	o.replaced = false
	return false, err
}

// applyUpdate writes o.fresh over the locked row o.old.
func (o *modifyOp) applyUpdate(id projections.RowID) error {
	if err := o.w.generate(o.fresh); err != nil {
		return err
	}
	if err := o.w.check(o.fresh); err != nil {
		return err
	}
	if err := o.w.update(id, o.old, o.fresh); err != nil {
		return err
	}
	if o.stats != nil {
		o.stats.Updated++
	}
	return o.changed(id)
}

// update changes the row of the input: the new values come first in o.inRow.
func (o *modifyOp) update(id projections.RowID) error {
	def := o.w.rel.def
	found, err := o.st.view().Get(def, o.w.all, id, o.old)
	if err != nil || !found {
		return err
	}
	copy(o.fresh, o.old)
	for i, att := range o.setCols {
		o.fresh[att-1] = o.inRow[i]
	}
	ok, err := o.lockForUpdate(id, func() error {
		for i, x := range o.setExprs {
			d, err := x.row(&o.renv)
			if err != nil {
				return err
			}
			o.inRow[i] = d
		}
		copy(o.fresh, o.old)
		for i, att := range o.setCols {
			o.fresh[att-1] = o.inRow[i]
		}
		return nil
	})
	if err != nil || !ok {
		return err
	}
	return o.applyUpdate(id)
}

// lockForUpdate locks the row with the strength that the change from o.old to o.fresh needs. When it turns out to have changed meanwhile, the newest version is put in
// o.old, the conditions are checked again and redo computes o.fresh anew. ok is false when the row is to be left alone.
func (o *modifyOp) lockForUpdate(id projections.RowID, redo func() error) (ok bool, err error) {
	ctx, def := o.st.ctx, o.w.rel.def
	mode := o.w.lockMode(o.old, o.fresh, o.setCols)
	outcome, err := ctx.Txn.LockRow(ctx.Ctx, o.st.view(), def, id, mode, txn.WaitBlock, o.w.rel.desc.Name)
	if err != nil {
		return false, err
	}
	switch outcome {
	case txn.Unchanged:
		return true, nil
	case txn.Updated:
	default:
		return false, nil
	}
	found, err := ctx.Txn.Latest(def, o.w.all, id, o.old)
	if err != nil || !found {
		return false, err
	}
	if ok, err := o.stillWanted(); err != nil || !ok {
		return false, err
	}
	o.renv = rowEnv{row: o.env}
	if err := redo(); err != nil {
		return false, err
	}
	if need := o.w.lockMode(o.old, o.fresh, o.setCols); need > mode {
		if outcome, err = ctx.Txn.LockRow(ctx.Ctx, o.st.view(), def, id, need, txn.WaitBlock, o.w.rel.desc.Name); err != nil {
			return false, err
		}
		return outcome == txn.Updated || outcome == txn.Unchanged, nil
	}
	return true, nil
}

// stillWanted evaluates the statement's conditions for the newest version of the row.
func (o *modifyOp) stillWanted() (bool, error) {
	if o.recheck == nil {
		return true, nil
	}
	o.renv = rowEnv{row: o.env}
	d, err := o.recheck.row(&o.renv)
	return d.IsTrue(), err
}

func (o *modifyOp) delete(id projections.RowID) error {
	ctx, def := o.st.ctx, o.w.rel.def
	needOld := len(o.returning) > 0 || o.recheck != nil
	if err := o.w.references(); err != nil {
		return err
	}
	needOld = needOld || len(o.w.refs) > 0
	if needOld {
		found, err := o.st.view().Get(def, o.w.all, id, o.old)
		if err != nil || !found {
			return err
		}
	}
	outcome, err := ctx.Txn.LockRow(ctx.Ctx, o.st.view(), def, id, txn.ForUpdate, txn.WaitBlock, o.w.rel.desc.Name)
	if err != nil {
		return err
	}
	switch outcome {
	case txn.Unchanged:
	case txn.Updated:
		found, err := ctx.Txn.Latest(def, o.w.all, id, o.old)
		if err != nil || !found {
			return err
		}
		if ok, err := o.stillWanted(); err != nil || !ok {
			return err
		}
	default:
		return nil
	}
	if err := o.w.delete(id, o.old); err != nil {
		return err
	}
	if o.stats != nil {
		o.stats.Deleted++
	}
	o.count++
	if o.out != nil {
		copy(o.fresh, o.old) // RETURNING shows the row as it was
	}
	return o.returned(id)
}

// mergeRow takes the first action of MERGE that applies to the row of the input.
func (o *modifyOp) mergeRow() error {
	if o.inRow[o.rowIDCol].Null {
		return o.mergeNotMatched()
	}
	id := RowIDOf(o.inRow[o.rowIDCol].S)
	found, err := o.st.view().Get(o.w.rel.def, o.w.all, id, o.old)
	if err != nil {
		return err
	}
	if !found {
		return o.mergeNotMatched()
	}
	for {
		a, err := o.mergeChoose(true)
		if err != nil || a == nil || a.cmd == tree.CmdUtility {
			return err
		}
		again, err := o.mergeMatched(a, id)
		if err != nil || !again {
			return err
		}
	}
}

// mergeChoose returns the first action whose condition holds.
func (o *modifyOp) mergeChoose(matched bool) (*mergeAction, error) {
	o.renv = rowEnv{row: o.env}
	for i := range o.merge {
		a := &o.merge[i]
		if a.matched != matched {
			continue
		}
		if a.qual != nil {
			d, err := a.qual.row(&o.renv)
			if err != nil {
				return nil, err
			}
			if !d.IsTrue() {
				continue
			}
		}
		return a, nil
	}
	return nil, nil
}

// mergeMatched updates or deletes the matched row; again says that it changed meanwhile, so that the actions must be looked at anew.
func (o *modifyOp) mergeMatched(a *mergeAction, id projections.RowID) (again bool, err error) {
	ctx, def := o.st.ctx, o.w.rel.def
	mode := txn.ForUpdate
	if a.cmd == tree.CmdUpdate {
		vals := make([]types.Datum, len(a.set))
		o.renv = rowEnv{row: o.env}
		for i, x := range a.set {
			if vals[i], err = x.row(&o.renv); err != nil {
				return false, err
			}
		}
		copy(o.fresh, o.old)
		for i, att := range a.setCols {
			o.fresh[att-1] = vals[i]
		}
		mode = o.w.lockMode(o.old, o.fresh, a.setCols)
	}
	seen := slices.Clone(o.old)
	outcome, err := ctx.Txn.LockRow(ctx.Ctx, o.st.view(), def, id, mode, txn.WaitBlock, o.w.rel.desc.Name)
	if err != nil {
		return false, err
	}
	switch outcome {
	case txn.SelfModified:
		return false, pgerr.New(pgerr.CardinalityViolation, "MERGE command cannot affect row a second time").
			WithHint("Ensure that not more than one source row matches any one target row.")
	case txn.Deleted:
		return false, o.mergeNotMatched()
	case txn.Updated:
		found, err := ctx.Txn.Latest(def, o.w.all, id, o.old)
		if err != nil {
			return false, err
		}
		if !found {
			return false, o.mergeNotMatched()
		}
		if !slices.Equal(seen, o.old) {
			return true, nil
		}
	}
	if a.cmd == tree.CmdDelete {
		if err := o.w.delete(id, o.old); err != nil {
			return false, err
		}
		o.count++
		if o.stats != nil {
			o.stats.Deleted++
		}
		copy(o.fresh, o.old)
		return false, o.returned(id)
	}
	return false, o.applyUpdate(id)
}

func (o *modifyOp) mergeNotMatched() error {
	for i := range o.old {
		o.old[i] = types.NullDatum
	}
	a, err := o.mergeChoose(false)
	if err != nil || a == nil || a.cmd != tree.CmdInsert {
		return err
	}
	o.renv = rowEnv{row: o.env}
	vals := make([]types.Datum, len(a.set))
	for i, x := range a.set {
		if vals[i], err = x.row(&o.renv); err != nil {
			return err
		}
	}
	for i := range o.fresh {
		o.fresh[i] = types.NullDatum
	}
	for i, att := range a.setCols {
		o.fresh[att-1] = vals[i]
	}
	if len(a.setCols) == 0 {
		copy(o.fresh, vals)
	}
	return o.insert()
}
