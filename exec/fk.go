package exec

import (
	"context"
	"slices"
	"strings"

	"kimberlite/projections"
	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
	"kimberlite/txn"
)

// foreignKey is a FOREIGN KEY constraint ready to be checked and acted on. What PostgreSQL's RI triggers do at the end of a statement is done
// here for all rows of the statement together (checks.go).
type foreignKey struct {
	con         *catalog.Constraint
	child       *relation
	parent      *relation
	childSchema string
	childCols   []int // attribute numbers, pairwise with parentCols
	parentCols  []int
	parentIx    int
	keyOps      []types.KeyOps                           // of the parts of the parent's index
	keyOrder    []int                                    // part i of the parent's index is column keyOrder[i] of the pair lists
	toParent    []func(types.Datum) (types.Datum, error) // nil: the value as it is
	toChild     []func(types.Datum) (types.Datum, error)
	childIx     int // an index of the child that starts with its columns, -1
	childOrder  []int
	parentEq    []func(a, b types.Datum) int
	childEq     []func(a, b types.Datum) int
}

func (b *builder) foreignKey(rel *catalog.Relation, k *catalog.Constraint) (*foreignKey, error) {
	if fk := b.in.fks[k.OID]; fk != nil {
		return fk, nil
	}
	fk := &foreignKey{con: k, childCols: k.Cols, parentCols: k.RefCols, childIx: -1}
	var err error
	if fk.child, err = b.relation(rel.OID); err != nil {
		return nil, err
	}
	if fk.parent, err = b.relation(k.RefRel); err != nil {
		return nil, err
	}
	if s := b.c.cat.Schema(rel.Schema); s != nil {
		fk.childSchema = s.Name
	}
	fk.parentIx = fk.parent.def.IndexByOID(k.Index)
	if fk.parentIx < 0 || len(fk.parent.def.Indexes[fk.parentIx].Parts) != len(fk.parentCols) {
		return nil, pgerr.Internal("foreign key \"%s\" has no index to look into", k.Name)
	}
	for _, p := range fk.parent.def.Indexes[fk.parentIx].Parts {
		at := slices.Index(fk.parentCols, p.Att)
		if at < 0 {
			return nil, pgerr.Internal("index of foreign key \"%s\" has other columns", k.Name)
		}
		fk.keyOrder = append(fk.keyOrder, at)
		fk.keyOps = append(fk.keyOps, types.KeyOpsFor(p.Key))
	}
	for i := range fk.childCols {
		ct, pt := rel.Columns[fk.childCols[i]-1].T, fk.parent.desc.Columns[fk.parentCols[i]-1].T
		fk.toParent = append(fk.toParent, b.c.keyCast(ct, pt))
		fk.toChild = append(fk.toChild, b.c.keyCast(pt, ct))
		fk.parentEq = append(fk.parentEq, types.Comparator(b.c.io, pt.OID))
		fk.childEq = append(fk.childEq, types.Comparator(b.c.io, ct.OID))
	}
	for i := range fk.child.def.Indexes {
		ix := &fk.child.def.Indexes[i]
		if ix.Predicate != nil || len(ix.Parts) < len(fk.childCols) {
			continue
		}
		var order []int
		for _, p := range ix.Parts[:len(fk.childCols)] {
			if at := slices.Index(fk.childCols, p.Att); p.Att > 0 && at >= 0 && !slices.Contains(order, at) {
				order = append(order, at)
			}
		}
		if len(order) == len(fk.childCols) {
			fk.childIx, fk.childOrder = i, order
			break
		}
	}
	if b.in.fks == nil {
		b.in.fks = map[types.OID]*foreignKey{}
	}
	b.in.fks[k.OID] = fk
	return fk, nil
}

// keyCast converts values between the types of the two sides of a foreign key; nil when their packed forms mean the same.
func (c *compiler) keyCast(from, to types.T) func(types.Datum) (types.Datum, error) {
	a, b := types.StandIn(c.io, from.OID), types.StandIn(c.io, to.OID)
	if a == b || sameFamily(a, b) {
		return nil
	}
	io := c.io
	to.Mod = -1
	return func(d types.Datum) (types.Datum, error) {
		if d.Null {
			return d, nil
		}
		return types.In(io, to, types.Text(io, from, d))
	}
}

// sameFamily: values of the two types have the same packed form when they are equal.
func sameFamily(a, b types.OID) bool {
	family := func(t types.OID) int {
		switch t {
		case types.OIDInt2, types.OIDInt4, types.OIDInt8:
			return 1
		case types.OIDText, types.OIDVarchar, types.OIDName:
			return 2
		case types.OIDFloat4, types.OIDFloat8:
			return 3
		}
		return 0
	}
	f := family(a)
	return f != 0 && f == family(b)
}

// key picks columns of a row.
func pick(row []types.Datum, atts []int) []types.Datum {
	out := make([]types.Datum, len(atts))
	for i, a := range atts {
		out[i] = row[a-1]
	}
	return out
}

func (fk *foreignKey) deferred(st *state) bool {
	return fk.con.Deferrable && st.ctx.Deferred != nil && st.ctx.Deferred.isDeferred(fk.con.OID, fk.con.Deferred)
}

// queueChild notes that a row of the child table must be checked. old is nil for a new row.
func (fk *foreignKey) queueChild(st *state, id projections.RowID, old, row []types.Datum) error {
	nulls := 0
	for _, a := range fk.childCols {
		if row[a-1].Null {
			nulls++
		}
	}
	if nulls == len(fk.childCols) || nulls > 0 && fk.con.Match != 'f' {
		return nil
	}
	if old != nil {
		same := true
		for i, a := range fk.childCols {
			x, y := old[a-1], row[a-1]
			same = same && !x.Null && !y.Null && fk.childEq[i](x, y) == 0
		}
		if same {
			return nil // was checked when it came; if that was in this transaction, the check is still queued or has passed
		}
	}
	if nulls > 0 {
		return pgerr.Newf(pgerr.ForeignKeyViolation, "insert or update on table \"%s\" violates foreign key constraint \"%s\"", fk.child.desc.Name, fk.con.Name).
			WithDetail("MATCH FULL does not allow mixing of null and nonnull key values.").
			WithTable(fk.childSchema, fk.child.desc.Name).WithConstraint(fk.con.Name)
	}
	return st.checks.addChild(st, fk, id, row)
}

// queueParent notes that a row of the parent table was deleted (row nil) or updated.
func (fk *foreignKey) queueParent(st *state, old, row []types.Datum) error {
	changed := row == nil
	for _, a := range fk.parentCols {
		if old[a-1].Null {
			return nil // nothing can refer to it
		}
		// A value that is merely equal (-0 for 0) is a change that CASCADE hands on.
		changed = changed || row != nil && row[a-1] != old[a-1]
	}
	if !changed {
		return nil
	}
	ev := parentEvent{fk: fk, old: pick(old, fk.parentCols)}
	if row != nil {
		ev.next = pick(row, fk.parentCols)
	}
	st.checks.parents = append(st.checks.parents, ev)
	return nil
}

// notPresent is the error of a child without a parent; key is in the child's types.
func (fk *foreignKey) notPresent(io *types.Ctx, key []types.Datum) error {
	return pgerr.Newf(pgerr.ForeignKeyViolation, "insert or update on table \"%s\" violates foreign key constraint \"%s\"", fk.child.desc.Name, fk.con.Name).
		WithDetail("Key %s is not present in table \"%s\".", keyText(io, fk.child.desc, fk.childCols, key), fk.parent.desc.Name).
		WithTable(fk.childSchema, fk.child.desc.Name).WithConstraint(fk.con.Name)
}

// stillReferenced is the error of a parent that has children; key is in the parent's types.
func (fk *foreignKey) stillReferenced(io *types.Ctx, key []types.Datum) error {
	return pgerr.Newf(pgerr.ForeignKeyViolation, "update or delete on table \"%s\" violates foreign key constraint \"%s\" on table \"%s\"",
		fk.parent.desc.Name, fk.con.Name, fk.child.desc.Name).
		WithDetail("Key %s is still referenced from table \"%s\".", keyText(io, fk.parent.desc, fk.parentCols, key), fk.child.desc.Name).
		WithTable(fk.childSchema, fk.child.desc.Name).WithConstraint(fk.con.Name)
}

// keyText prints (a, b)=(1, 2).
func keyText(io *types.Ctx, rel *catalog.Relation, atts []int, key []types.Datum) string {
	var cols, vals strings.Builder
	for i, a := range atts {
		if i > 0 {
			cols.WriteString(", ")
			vals.WriteString(", ")
		}
		cols.WriteString(rel.Columns[a-1].Name)
		if key[i].Null {
			vals.WriteString("null")
		} else {
			vals.WriteString(types.Text(io, rel.Columns[a-1].T, key[i]))
		}
	}
	return "(" + cols.String() + ")=(" + vals.String() + ")"
}

// parentKey converts a key of the child to the parent's types.
func convertKey(key []types.Datum, casts []func(types.Datum) (types.Datum, error)) ([]types.Datum, error) {
	out := key
	for i, f := range casts {
		if f == nil {
			continue
		}
		if &out[0] == &key[0] {
			out = slices.Clone(key)
		}
		d, err := f(key[i])
		if err != nil {
			return nil, err
		}
		out[i] = d
	}
	return out, nil
}

// parentIndexKey is the logical key of the parent's index; key is in the parent's types.
func (fk *foreignKey) parentIndexKey(dst []byte, key []types.Datum) []byte {
	ix := &fk.parent.def.Indexes[fk.parentIx]
	for part, at := range fk.keyOrder {
		dst = fk.keyOps[part].Append(dst, key[at], ix.Parts[part].Desc, ix.Parts[part].NullsFirst)
	}
	return dst
}

// findParent looks for the parent row of a key and locks it against being deleted. v shows the transaction's own writes.
func (fk *foreignKey) findParent(ctx context.Context, t *txn.Txn, key []types.Datum) (bool, error) {
	k := fk.parentIndexKey(nil, key)
	for {
		v := t.Command()
		id, found, err := v.LookupUnique(fk.parent.def, fk.parentIx, k)
		if err != nil || !found {
			v.Release()
			return false, err
		}
		outcome, err := t.LockRow(ctx, v, fk.parent.def, id, txn.ForKeyShare, txn.WaitBlock, fk.parent.desc.Name)
		v.Release()
		if err != nil {
			return false, err
		}
		switch outcome {
		case txn.Unchanged, txn.SelfModified:
			return true, nil
		case txn.Updated:
			row := make([]types.Datum, len(fk.parent.def.Columns))
			if found, err = t.Latest(fk.parent.def, fk.parent.def.Decoder(), id, row); err != nil {
				return false, err
			}
			same := found
			for i, a := range fk.parentCols {
				same = same && !row[a-1].Null && fk.parentEq[i](row[a-1], key[i]) == 0
			}
			if same {
				return true, nil
			}
		}
		if t.Options().Isolation == txn.RepeatableRead {
			return false, nil
		}
		// The row is gone or has another key now: look again, as of now.
	}
}

// childRow is a row of the child table that refers to a key of the parent.
type childRow struct {
	id  projections.RowID
	row []types.Datum
	key int // which of the keys looked for
}

// findChildren returns the rows that refer to one of the keys (in the parent's types), as the transaction sees them now.
func (fk *foreignKey) findChildren(st *state, keys [][]types.Datum) ([]childRow, error) {
	t := st.ctx.Txn
	v := t.Command()
	defer v.Release()
	dec := fk.child.def.Decoder()
	width := len(fk.child.def.Columns)
	batch := &types.Batch{Cols: make([]*types.Vec, width)}
	for i, c := range fk.child.def.Columns {
		batch.Cols[i] = types.NewVec(types.Of(c.Type), c.Class)
	}
	var out []childRow
	take := func(ids []projections.RowID, n, key int) {
		for r := range n {
			row := make([]types.Datum, width)
			for i, c := range batch.Cols {
				row[i] = c.Datum(r)
			}
			out = append(out, childRow{ids[r], row, key})
		}
	}
	converted := make([][]types.Datum, len(keys))
	for i, k := range keys {
		var err error
		if converted[i], err = convertKey(k, fk.toChild); err != nil {
			converted[i] = nil // not a value of the child's type: nothing refers to it
		}
	}
	if fk.childIx >= 0 {
		var scan *txn.IndexScan
		defer func() {
			if scan != nil {
				scan.Close()
			}
		}()
		ix := &fk.child.def.Indexes[fk.childIx]
		eq := make([]types.Datum, len(fk.childOrder))
		for k, key := range converted {
			if key == nil {
				continue
			}
			if err := st.interrupted(); err != nil {
				return nil, err
			}
			for part, at := range fk.childOrder {
				eq[part] = key[at]
			}
			span, ok := ix.Span(eq, nil, nil)
			if !ok {
				continue
			}
			if scan == nil {
				scan = v.Index(fk.child.def, fk.childIx, span, txn.IndexScanOptions{Rows: dec})
			} else {
				scan.Reset(span)
			}
			for {
				n, err := scan.Next(batch, types.BatchRows)
				if err != nil {
					return nil, err
				}
				if n == 0 {
					break
				}
				take(scan.IDs(), n, k)
			}
		}
		return out, nil
	}
	// Without an index one scan serves all keys.
	byKey := map[string]int{}
	var buf []byte
	encode := func(dst []byte, get func(i int) types.Datum) ([]byte, bool) {
		for i, a := range fk.childCols {
			d := get(i)
			if d.Null {
				return dst, false
			}
			dst = types.AppendKey(dst, fk.child.def.Columns[a-1].Type, d, false, false)
		}
		return dst, true
	}
	for k, key := range converted {
		if key == nil {
			continue
		}
		buf, _ = encode(buf[:0], func(i int) types.Datum { return key[i] })
		byKey[string(buf)] = k
	}
	scan := v.Rows(fk.child.def, dec, 0, projections.RowMax, false)
	defer scan.Close()
	for {
		if err := st.interrupted(); err != nil {
			return nil, err
		}
		n, err := scan.Next(batch, types.BatchRows)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return out, nil
		}
		ids := scan.IDs()
		for r := range n {
			var ok bool
			if buf, ok = encode(buf[:0], func(i int) types.Datum { return batch.Cols[fk.childCols[i]-1].Datum(r) }); !ok {
				continue
			}
			if k, hit := byKey[string(buf)]; hit {
				row := make([]types.Datum, width)
				for i, c := range batch.Cols {
					row[i] = c.Datum(r)
				}
				out = append(out, childRow{ids[r], row, k})
			}
		}
	}
}
