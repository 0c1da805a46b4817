package catalog

import (
	"sync/atomic"

	"kimberlite/sql/types"
)

// Overlay is a view with a transaction's own operations on top (C3). It belongs to one session; what it hands out is immutable as ever.
type Overlay struct {
	*Bound
	base   *Snapshot
	ops    []Op
	before []*Snapshot // before[i] is the state under ops[i]
}

var _ Reader = (*Overlay)(nil)

// Mark is a place in an overlay's history, for savepoints.
type Mark int

// overlayVersions gives changed overlays versions that no snapshot has.
var overlayVersions atomic.Uint64

const overlayVersionBit = 1 << 63

// NewOverlay returns an overlay without changes over a view.
func NewOverlay(v *Bound) *Overlay {
	return &Overlay{Bound: v, base: v.snap}
}

// Put adds or replaces a descriptor. It must not be changed afterwards.
func (o *Overlay) Put(d Descriptor) { o.Apply(Put(d)) }

// Delete removes a descriptor.
func (o *Overlay) Delete(d Descriptor) { o.Apply(Delete(d)) }

// Apply adds operations to the transaction's own.
func (o *Overlay) Apply(ops ...Op) {
	for _, op := range ops {
		o.before = append(o.before, o.snap)
		o.ops = append(o.ops, op)
		o.move(o.snap.Apply([]Op{op}))
	}
}

// move makes s the current state under a version of its own.
func (o *Overlay) move(s *Snapshot) {
	v := *o.Bound
	v.snap, v.version = s, s.version
	if len(o.ops) > 0 {
		v.version = overlayVersionBit | overlayVersions.Add(1)
	}
	o.Bound = &v
}

// SetPath changes the search path.
func (o *Overlay) SetPath(path []types.OID) { o.Bound = o.Bound.WithPath(path) }

// Ops returns the transaction's own operations in order. The caller must not change the slice.
func (o *Overlay) Ops() []Op { return o.ops }

// Changed reports whether there are any.
func (o *Overlay) Changed() bool { return len(o.ops) > 0 }

// Mark returns the present place, for RollbackTo.
func (o *Overlay) Mark() Mark { return Mark(len(o.ops)) }

// RollbackTo forgets the operations since the mark.
func (o *Overlay) RollbackTo(m Mark) {
	if int(m) >= len(o.ops) {
		return
	}
	s := o.before[m]
	o.ops, o.before = o.ops[:m:m], o.before[:m:m]
	o.move(s)
}

// Rebase puts the transaction's operations on top of a newer snapshot: what other transactions committed becomes visible beneath.
func (o *Overlay) Rebase(s *Snapshot) {
	if s == o.base {
		return
	}
	o.base = s
	ops := o.ops
	o.before = o.before[:0]
	for _, op := range ops {
		o.before = append(o.before, s)
		s = s.Apply([]Op{op})
	}
	o.move(s)
}
