package exec

import (
	"slices"

	"kimberlite/projections"
	"kimberlite/sql/catalog"
	"kimberlite/sql/types"
	"kimberlite/txn"
)

// checkQueue holds what a statement must still do about foreign keys when its own work is done.
type checkQueue struct {
	children []*childChecks
	parents  []parentEvent
	buf      []byte
}

// childChecks are keys of one foreign key whose parents must exist; equal keys are looked for once.
type childChecks struct {
	fk   *foreignKey
	seen map[string]struct{}
	keys [][]types.Datum // in the parent's types
	rows []projections.RowID
	orig [][]types.Datum // in the child's types
}

// parentEvent is a row of a referenced table that was deleted (next nil) or got another key. The keys are in the parent's types.
type parentEvent struct {
	fk        *foreignKey
	old, next []types.Datum
}

// checkNow is how many distinct keys of a foreign key are gathered before the ones that have a parent already are looked up and forgotten.
const checkNow = 20_000

func (q *checkQueue) addChild(st *state, fk *foreignKey, id projections.RowID, row []types.Datum) error {
	if fk.deferred(st) {
		st.ctx.Deferred.addChild(fk, id, pick(row, fk.childCols))
		return nil
	}
	var c *childChecks
	for _, x := range q.children {
		if x.fk == fk {
			c = x
		}
	}
	if c == nil {
		c = &childChecks{fk: fk, seen: map[string]struct{}{}}
		q.children = append(q.children, c)
	}
	// Many rows with few parents are the usual case: a key seen before must cost no memory.
	ix := &fk.parent.def.Indexes[fk.parentIx]
	enc := q.buf[:0]
	for part, at := range fk.keyOrder {
		d := row[fk.childCols[at]-1]
		if f := fk.toParent[at]; f != nil {
			var err error
			if d, err = f(d); err != nil {
				return err
			}
		}
		enc = fk.keyOps[part].Append(enc, d, ix.Parts[part].Desc, ix.Parts[part].NullsFirst)
	}
	q.buf = enc
	if _, dup := c.seen[string(enc)]; dup {
		return nil
	}
	c.seen[string(enc)] = struct{}{}
	key := pick(row, fk.childCols)
	pk, err := convertKey(key, fk.toParent)
	if err != nil {
		return err
	}
	c.keys, c.orig, c.rows = append(c.keys, pk), append(c.orig, key), append(c.rows, id)
	if len(c.keys) >= checkNow && fk.child.oid != fk.parent.oid {
		return c.settle(st, false)
	}
	return nil
}

// settle looks for the parents. Before the statement has ended a missing one may still come (strict false): it stays queued.
func (c *childChecks) settle(st *state, strict bool) error {
	n := 0
	for i, key := range c.keys {
		if err := st.interrupted(); err != nil {
			return err
		}
		found, err := c.fk.findParent(st.ctx.Ctx, st.ctx.Txn, key)
		if err != nil {
			return err
		}
		if found {
			continue
		}
		if strict {
			return c.fk.notPresent(&st.io, c.orig[i])
		}
		c.keys[n], c.orig[n], c.rows[n] = key, c.orig[i], c.rows[i]
		n++
	}
	c.keys, c.orig, c.rows = c.keys[:n], c.orig[:n], c.rows[:n]
	return nil
}

// endStatement makes the checks and takes the actions that are due when a statement has done its own work: what actions change may ask for more.
func (st *state) endStatement() error {
	q := &st.checks
	for len(q.parents) > 0 || len(q.children) > 0 {
		if len(q.parents) > 0 {
			events := q.parents
			q.parents = nil
			if err := st.parentEvents(events); err != nil {
				return err
			}
			continue
		}
		children := q.children
		q.children = nil
		for _, c := range children {
			if err := c.settle(st, true); err != nil {
				return err
			}
		}
	}
	var err error
	if st.builder != nil && st.builder.in != nil {
		check := false
		for _, w := range st.builder.in.writers {
			check = check || w.deferrable && w.inserted+w.updated > 0
			w.note()
		}
		if check {
			err = st.checkUnique(func(index types.OID) bool { return !st.uniqueDeferred(index) })
		}
	}
	return err
}

// uniqueDeferred reports whether the constraint over an index is deferred now.
func (st *state) uniqueDeferred(index types.OID) bool {
	con := constraintOfIndex(st.cat, index)
	return con != nil && con.Deferrable && st.ctx.Deferred != nil && st.ctx.Deferred.isDeferred(con.OID, con.Deferred)
}

func constraintOfIndex(cat catalog.Reader, index types.OID) *catalog.Constraint {
	ix := cat.Relation(index)
	if ix == nil || ix.Index == nil {
		return nil
	}
	rel := cat.Relation(ix.Index.Table)
	if rel == nil {
		return nil
	}
	for i := range rel.Constraints {
		if k := &rel.Constraints[i]; (k.Type == 'p' || k.Type == 'u') && (k.Index == index || k.OID == ix.Index.Constraint) {
			return k
		}
	}
	return nil
}

func (st *state) checkUnique(which func(types.OID) bool) error {
	err := st.ctx.Txn.CheckDeferredUnique(st.ctx.Ctx, which)
	u, ok := err.(*txn.UniqueViolation)
	if !ok {
		return err
	}
	w, werr := st.builder.writer(u.Table.Table)
	if werr != nil {
		return werr
	}
	row := make([]types.Datum, len(u.Table.Columns))
	for i, p := range u.Table.Indexes[u.Index].Parts {
		if p.Att > 0 && i < len(u.Key) {
			row[p.Att-1] = u.Key[i]
		}
	}
	return w.unique(err, row)
}

// parentEvents handles deleted and changed parent keys: actions first, so that rows which an action removes do not stand in the way of NO ACTION.
func (st *state) parentEvents(events []parentEvent) error {
	var groups [][]parentEvent
	for _, ev := range events {
		at := slices.IndexFunc(groups, func(g []parentEvent) bool { return g[0].fk == ev.fk && (g[0].next == nil) == (ev.next == nil) })
		if at < 0 {
			groups = append(groups, nil)
			at = len(groups) - 1
		}
		groups[at] = append(groups[at], ev)
	}
	var later [][]parentEvent
	for _, g := range groups {
		action := g[0].fk.con.OnUpdate
		if g[0].next == nil {
			action = g[0].fk.con.OnDelete
		}
		switch action {
		case 'c', 'n', 'd':
			if err := st.referentialAction(g, action); err != nil {
				return err
			}
			if action == 'd' { // rows whose default is the very key that is gone still refer to it
				later = append(later, g)
			}
		default:
			later = append(later, g)
		}
	}
	for _, g := range later {
		restrict := g[0].fk.con.OnUpdate == 'r'
		if g[0].next == nil {
			restrict = g[0].fk.con.OnDelete == 'r'
		}
		if !restrict && g[0].fk.deferred(st) {
			st.ctx.Deferred.addParents(g)
			continue
		}
		if err := st.noAction(g, restrict); err != nil {
			return err
		}
	}
	return nil
}

// noAction fails when rows still refer to a key that is gone. Unless RESTRICT says so, a key that another row has taken over is not gone.
func (st *state) noAction(g []parentEvent, restrict bool) error {
	fk := g[0].fk
	var keys [][]types.Datum
	for _, ev := range g {
		if !restrict {
			v := st.ctx.Txn.Command()
			_, found, err := v.LookupUnique(fk.parent.def, fk.parentIx, fk.parentIndexKey(nil, ev.old))
			v.Release()
			if err != nil {
				return err
			}
			if found {
				continue
			}
		}
		keys = append(keys, ev.old)
	}
	if len(keys) == 0 {
		return nil
	}
	rows, err := fk.findChildren(st, keys)
	if err != nil || len(rows) == 0 {
		return err
	}
	first := rows[0].key
	for _, r := range rows {
		first = min(first, r.key)
	}
	return fk.stillReferenced(&st.io, keys[first])
}

// referentialAction is CASCADE, SET NULL and SET DEFAULT.
func (st *state) referentialAction(g []parentEvent, action byte) error {
	fk := g[0].fk
	keys := make([][]types.Datum, len(g))
	for i, ev := range g {
		keys[i] = ev.old
	}
	rows, err := fk.findChildren(st, keys)
	if err != nil || len(rows) == 0 {
		return err
	}
	w, err := st.builder.writer(fk.child.oid)
	if err != nil {
		return err
	}
	v := st.ctx.Txn.Command()
	defer v.Release()
	set := fk.childCols
	if g[0].next == nil && len(fk.con.DeleteSetCols) > 0 {
		set = fk.con.DeleteSetCols
	}
	var defaults []expr
	if action == 'd' {
		if defaults, err = st.builder.defaults(fk.child, set); err != nil {
			return err
		}
	}
	next := make([]types.Datum, len(fk.child.def.Columns))
	for _, c := range rows {
		if err := st.interrupted(); err != nil {
			return err
		}
		ev := g[c.key]
		remove := action == 'c' && ev.next == nil
		mode := txn.ForUpdate
		if !remove {
			copy(next, c.row)
			if err := fk.assign(next, ev, action, set, defaults); err != nil {
				return err
			}
			mode = w.lockMode(c.row, next, set)
		}
		outcome, err := st.ctx.Txn.LockRow(st.ctx.Ctx, v, fk.child.def, c.id, mode, txn.WaitBlock, fk.child.desc.Name)
		if err != nil {
			return err
		}
		old := c.row
		switch outcome {
		case txn.Deleted, txn.SelfModified:
			continue
		case txn.Updated:
			found, err := st.ctx.Txn.Latest(fk.child.def, w.all, c.id, old)
			if err != nil {
				return err
			}
			if !found || !fk.refersTo(old, ev.old) {
				continue
			}
			copy(next, old)
			if !remove {
				if err := fk.assign(next, ev, action, set, defaults); err != nil {
					return err
				}
			}
		}
		if remove {
			if err := w.delete(c.id, old); err != nil {
				return err
			}
			continue
		}
		if err := w.generate(next); err != nil {
			return err
		}
		if err := w.check(next); err != nil {
			return err
		}
		if err := w.update(c.id, old, slices.Clone(next)); err != nil {
			return err
		}
	}
	return nil
}

// assign puts the action's values into the referring columns.
func (fk *foreignKey) assign(row []types.Datum, ev parentEvent, action byte, set []int, defaults []expr) error {
	switch action {
	case 'c':
		key, err := convertKey(ev.next, fk.toChild)
		if err != nil {
			return err
		}
		for i, a := range fk.childCols {
			row[a-1] = key[i]
		}
	case 'n':
		for _, a := range set {
			row[a-1] = types.NullDatum
		}
	case 'd':
		for i, a := range set {
			d, err := defaults[i].row(&rowEnv{})
			if err != nil {
				return err
			}
			row[a-1] = d
		}
	}
	return nil
}

// refersTo reports whether a child row refers to the key (in the parent's types).
func (fk *foreignKey) refersTo(row, key []types.Datum) bool {
	ck, err := convertKey(key, fk.toChild)
	if err != nil {
		return false
	}
	for i, a := range fk.childCols {
		if row[a-1].Null || fk.childEq[i](row[a-1], ck[i]) != 0 {
			return false
		}
	}
	return true
}

// defaults compiles the default values of columns, NULL where there is none.
func (b *builder) defaults(rel *relation, atts []int) ([]expr, error) {
	c := b.c.binding(noColumns)
	out := make([]expr, len(atts))
	for i, a := range atts {
		col := &rel.desc.Columns[a-1]
		switch {
		case col.Identity != 0 && col.IdentitySeq != 0:
			out[i] = &nextValue{rowwise: c.rowwise(col.T), st: b.st, seq: col.IdentitySeq}
		case col.Default != nil && col.Generated == 0:
			x, err := c.compileStored(col.Default)
			if err != nil {
				return nil, err
			}
			out[i] = x
		default:
			x := expr(&constExpr{val: types.NullDatum, cv: c.constVec(col.T)})
			if d := domainDefault(c.cat, col.T.OID); d != nil {
				var err error
				if x, err = c.compileStored(d); err != nil {
					return nil, err
				}
			}
			if checks, h, err := c.domainChecks(col.T.OID); err != nil {
				return nil, err
			} else if len(checks) > 0 {
				x = &domainCheck{rowwise: c.rowwise(col.T), arg: x, h: h, checks: checks}
			}
			out[i] = x
		}
	}
	return out, nil
}

// domainDefault is the stored default of a domain, or of the domain it is over; nil for none.
func domainDefault(cat catalog.Reader, oid types.OID) []byte {
	for cat != nil {
		d := cat.TypeDesc(oid)
		if d == nil || d.Type.Kind != types.KindDomain {
			return nil
		}
		if d.DefaultExpr != nil {
			return d.DefaultExpr
		}
		oid = d.Type.Base
	}
	return nil
}

// DeferredChecks are the constraint checks of a transaction that wait for its end, and which constraints SET CONSTRAINTS has made wait. The session keeps
// one for each transaction and passes it in Context.
type DeferredChecks struct {
	all    *bool // SET CONSTRAINTS ALL
	modes  map[types.OID]bool
	events []deferredEvent
}

type deferredEvent struct {
	con     types.OID
	child   types.OID         // table of the foreign key
	row     projections.RowID // 0 for a parent's event
	key     []types.Datum
	parent  bool
	deleted bool
	initial bool // the constraint is INITIALLY DEFERRED
}

// NewDeferredChecks returns an empty collection for a new transaction.
func NewDeferredChecks() *DeferredChecks { return &DeferredChecks{} }

// DeferredMark is a state of the collection; see Mark.
type DeferredMark struct {
	events int
	all    *bool
	modes  map[types.OID]bool
}

// Mark notes the present state, for RollbackTo when a savepoint is rolled back to.
func (d *DeferredChecks) Mark() DeferredMark {
	m := DeferredMark{events: len(d.events), all: d.all, modes: make(map[types.OID]bool, len(d.modes))}
	for k, v := range d.modes {
		m.modes[k] = v
	}
	return m
}

// RollbackTo goes back to a mark.
func (d *DeferredChecks) RollbackTo(m DeferredMark) {
	if m.events < len(d.events) {
		d.events = d.events[:m.events]
	}
	d.all, d.modes = m.all, m.modes
}

// Reset forgets everything: the transaction has ended.
func (d *DeferredChecks) Reset() { *d = DeferredChecks{} }

// Pending reports whether any check waits.
func (d *DeferredChecks) Pending() bool { return len(d.events) > 0 }

// SetDeferred is SET CONSTRAINTS ... DEFERRED for the constraints (nil: ALL).
func (d *DeferredChecks) SetDeferred(constraints []types.OID) { d.set(constraints, true) }

// SetImmediate is SET CONSTRAINTS ... IMMEDIATE for the constraints (nil: ALL): their waiting checks are made now.
func (d *DeferredChecks) SetImmediate(ctx *Context, constraints []types.OID) error {
	// As in PostgreSQL the mode changes only if the checks pass.
	err := d.run(ctx, func(con types.OID, _ bool) bool { return constraints == nil || slices.Contains(constraints, con) })
	if err == nil {
		d.set(constraints, false)
	}
	return err
}

func (d *DeferredChecks) set(constraints []types.OID, deferred bool) {
	if constraints == nil {
		d.all, d.modes = &deferred, nil
		return
	}
	modes := make(map[types.OID]bool, len(d.modes)+len(constraints))
	for k, v := range d.modes {
		modes[k] = v
	}
	for _, c := range constraints {
		modes[c] = deferred
	}
	d.modes = modes
}

func (d *DeferredChecks) isDeferred(con types.OID, initially bool) bool {
	if m, ok := d.modes[con]; ok {
		return m
	}
	if d.all != nil {
		return *d.all
	}
	return initially
}

func (d *DeferredChecks) addChild(fk *foreignKey, id projections.RowID, key []types.Datum) {
	d.events = append(d.events, deferredEvent{con: fk.con.OID, child: fk.child.oid, row: id, key: key, initial: fk.con.Deferred})
}

func (d *DeferredChecks) addParents(g []parentEvent) {
	for _, ev := range g {
		d.events = append(d.events, deferredEvent{con: ev.fk.con.OID, child: ev.fk.child.oid, key: ev.old, parent: true, deleted: ev.next == nil, initial: ev.fk.con.Deferred})
	}
}

// PendingFor reports whether a check waits that involves rows of the table: DDL on it is refused then (55006, "because it has pending trigger events").
func (d *DeferredChecks) PendingFor(table types.OID, cat catalog.Reader) bool {
	for _, ev := range d.events {
		if ev.child == table {
			return true
		}
		if !ev.parent {
			continue
		}
		if rel := cat.Relation(ev.child); rel != nil {
			for i := range rel.Constraints {
				if k := &rel.Constraints[i]; k.OID == ev.con && k.RefRel == table {
					return true
				}
			}
		}
	}
	return false
}

// RunAll makes all waiting checks: at COMMIT.
func (d *DeferredChecks) RunAll(ctx *Context) error {
	return d.run(ctx, func(types.OID, bool) bool { return true })
}

// RunImmediate makes the waiting checks of constraints that are not deferred any more.
func (d *DeferredChecks) RunImmediate(ctx *Context) error {
	return d.run(ctx, func(con types.OID, initially bool) bool { return !d.isDeferred(con, initially) })
}

// run makes the checks of the wanted constraints, as of ctx.Catalog.
func (d *DeferredChecks) run(ctx *Context, wanted func(con types.OID, initially bool) bool) error {
	uniquePending := ctx.Txn.DeferredUnique()
	if len(d.events) == 0 && !uniquePending {
		return nil
	}
	in, err := bareInstance(ctx, ctx.Catalog)
	if err != nil {
		return err
	}
	defer in.end()
	st := in.st
	pending := d.events
	d.events = nil
	var keep []deferredEvent
	for i, ev := range pending {
		if !wanted(ev.con, ev.initial) {
			keep = append(keep, ev)
			continue
		}
		if err := d.one(st, ev); err != nil {
			d.events = append(keep, pending[i:]...)
			return err
		}
	}
	d.events = append(keep, d.events...)
	if uniquePending {
		return st.checkUnique(func(index types.OID) bool {
			con := constraintOfIndex(ctx.Catalog, index)
			return con == nil || wanted(con.OID, con.Deferred)
		})
	}
	return nil
}

// one makes a waiting check against the present state of the row.
func (d *DeferredChecks) one(st *state, ev deferredEvent) error {
	rel := st.cat.Relation(ev.child)
	if rel == nil {
		return nil // the table was dropped
	}
	var con *catalog.Constraint
	for i := range rel.Constraints {
		if rel.Constraints[i].OID == ev.con {
			con = &rel.Constraints[i]
		}
	}
	if con == nil {
		return nil
	}
	fk, err := st.builder.foreignKey(rel, con)
	if err != nil {
		return err
	}
	if ev.parent {
		g := []parentEvent{{fk: fk, old: ev.key}}
		return st.noAction(g, false)
	}
	row := make([]types.Datum, len(fk.child.def.Columns))
	found, err := st.ctx.Txn.Latest(fk.child.def, fk.child.def.Decoder(), ev.row, row)
	if err != nil || !found {
		return err
	}
	key := pick(row, fk.childCols)
	for i := range key {
		if key[i].Null || fk.childEq[i](key[i], ev.key[i]) != 0 {
			return nil // changed again: that change has a check of its own
		}
	}
	pk, err := convertKey(key, fk.toParent)
	if err != nil {
		return err
	}
	if found, err = fk.findParent(st.ctx.Ctx, st.ctx.Txn, pk); err != nil || found {
		return err
	}
	return fk.notPresent(&st.io, key)
}

// bareInstance is an instance without a plan, for checks and bulk loads.
func bareInstance(ctx *Context, cat catalog.Reader) (*instance, error) {
	p := &Prepared{plan: emptyPlan, cat: cat}
	in, err := p.instance(false)
	if err != nil {
		return nil, err
	}
	in.begin(ctx, nil)
	return in, nil
}
