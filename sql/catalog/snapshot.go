package catalog

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/google/btree"

	"kimberlite/projections"
	"kimberlite/sql/types"
)

// Snapshot is the set of all descriptors at one position of the log. Immutable and safe for concurrent use (C1). Its trees share nodes with the
// snapshots before and after it: a change of one object costs some microseconds, however many objects there are.
type Snapshot struct {
	version uint64
	mu      sync.Mutex // held to clone the trees
	descs   *btree.BTreeG[descItem]
	names   *btree.BTreeG[nameItem]
	parts   *btree.BTreeG[partItem]
	deps    *btree.BTreeG[depItem] // by referenced object
	derived *sync.Map              // derivedKey -> *projections.TableDef or *types.Type, shared by neighbouring snapshots
}

// derivedKey names something computed from a descriptor: its storage definition (partKind 0) or a type that it implies.
type derivedKey struct {
	owner Descriptor
	what  partKind
}

// descItem orders descriptors by kind and OID.
type descItem struct {
	kind Kind
	oid  types.OID
	desc Descriptor
}

// nameItem finds a descriptor by name. Relations and types are unique in a schema; databases, roles and tablespaces everywhere; schemas and extensions
// in a database, which then is the container. Functions, which may share a name, are listed by database.
type nameItem struct {
	kind      Kind
	container types.OID
	name      string
	part      bool // a type that another descriptor implies (C6); an explicit type of the same name comes first
	oid       types.OID
	desc      Descriptor // nil for implied types
}

// partItem finds the owner of what has an OID but no descriptor: constraints, column defaults, rules, row and array types; the comment of an object
// (class, oid, sub); the statistics of a table.
type partItem struct {
	class types.OID
	oid   types.OID
	sub   int
	what  partKind
	owner Descriptor
}

type partKind uint8

const (
	partConstraint partKind = iota + 1
	partDefault             // sub is the column number in the value, not in the key
	partRule
	partRowType
	partRowArray
	partArray
	partMultirange
	partMultirangeArray
	partComment
	partStats
	partKinds
)

type depItem struct {
	e     Edge
	owner Descriptor
}

const treeDegree = 32

// NewSnapshot returns a snapshot without any descriptor.
func NewSnapshot() *Snapshot {
	return &Snapshot{
		version: 1,
		descs: btree.NewG(treeDegree, func(a, b descItem) bool {
			if a.kind != b.kind {
				return a.kind < b.kind
			}
			return a.oid < b.oid
		}),
		names: btree.NewG(treeDegree, lessName),
		parts: btree.NewG(treeDegree, func(a, b partItem) bool {
			switch {
			case a.class != b.class:
				return a.class < b.class
			case a.oid != b.oid:
				return a.oid < b.oid
			case a.what != b.what:
				return a.what < b.what
			}
			return a.sub < b.sub
		}),
		deps:    btree.NewG(treeDegree, lessDep),
		derived: &sync.Map{},
	}
}

func lessName(a, b nameItem) bool {
	switch {
	case a.kind != b.kind:
		return a.kind < b.kind
	case a.container != b.container:
		return a.container < b.container
	case a.name != b.name:
		return a.name < b.name
	case a.part != b.part:
		return b.part
	}
	return a.oid < b.oid
}

func lessDep(a, b depItem) bool {
	x, y := &a.e, &b.e
	switch {
	case x.RefClass != y.RefClass:
		return x.RefClass < y.RefClass
	case x.RefOID != y.RefOID:
		return x.RefOID < y.RefOID
	case x.RefSub != y.RefSub:
		return x.RefSub < y.RefSub
	case x.Class != y.Class:
		return x.Class < y.Class
	case x.OID != y.OID:
		return x.OID < y.OID
	case x.Sub != y.Sub:
		return x.Sub < y.Sub
	}
	return x.Type < y.Type
}

var snapshotVersions atomic.Uint64

// Version differs between any two snapshots of this process.
func (s *Snapshot) Version() uint64 { return s.version }

// Apply returns the snapshot with the operations applied in order. Deleting what is not there does nothing.
func (s *Snapshot) Apply(ops []Op) *Snapshot {
	if len(ops) == 0 {
		return s
	}
	s.mu.Lock() // Clone touches the tree it clones
	n := &Snapshot{version: snapshotVersions.Add(1) + 1, descs: s.descs.Clone(), names: s.names.Clone(), parts: s.parts.Clone(), deps: s.deps.Clone(), derived: s.derived}
	s.mu.Unlock()
	for _, op := range ops {
		old, had := n.descs.Get(descItem{kind: op.Kind, oid: op.OID})
		if had {
			n.unindex(old.desc)
			if op.Desc == nil {
				n.descs.Delete(old)
			}
		}
		if op.Desc != nil {
			n.descs.ReplaceOrInsert(descItem{op.Kind, op.OID, op.Desc})
			n.index(op.Desc)
		}
		n.forgetDef(op, old.desc)
	}
	return n
}

// ApplyLog is Apply for operations as the log has them.
func (s *Snapshot) ApplyLog(ops []projections.CatalogOp) (*Snapshot, error) {
	out := make([]Op, len(ops))
	for i, o := range ops {
		op, err := FromLog(o)
		if err != nil {
			return nil, err
		}
		out[i] = op
	}
	return s.Apply(out), nil
}

// forgetDef drops what was derived from the old descriptor, and all of it when an index or a type changes under tables whose descriptors stay.
func (s *Snapshot) forgetDef(op Op, old Descriptor) {
	if old != nil {
		for k := range partKind(partKinds) {
			s.derived.Delete(derivedKey{old, k})
		}
	}
	for _, d := range []Descriptor{op.Desc, old} {
		switch d := d.(type) {
		case *TypeDesc:
			s.derived = &sync.Map{}
		case *Relation:
			if d.Index != nil {
				s.derived = &sync.Map{}
			}
		}
	}
}

func (s *Snapshot) index(d Descriptor) {
	eachName(d, func(n nameItem) { s.names.ReplaceOrInsert(n) })
	eachPart(d, func(p partItem) { s.parts.ReplaceOrInsert(p) })
	for _, e := range Edges(d) {
		s.deps.ReplaceOrInsert(depItem{e, d})
	}
}

func (s *Snapshot) unindex(d Descriptor) {
	eachName(d, func(n nameItem) { s.names.Delete(n) })
	eachPart(d, func(p partItem) { s.parts.Delete(p) })
	for _, e := range Edges(d) {
		s.deps.Delete(depItem{e: e})
	}
}

// eachName lists the names under which a descriptor, and the types it implies, are found.
func eachName(d Descriptor, f func(nameItem)) {
	h := d.Head()
	switch d := d.(type) {
	case *Database, *Role, *Tablespace:
		f(nameItem{kind: d.Kind(), name: h.Name, oid: h.OID, desc: d})
	case *Schema, *Extension, *Function:
		f(nameItem{kind: d.Kind(), container: h.Database, name: h.Name, oid: h.OID, desc: d})
	case *Relation:
		f(nameItem{kind: KindRelation, container: d.Schema, name: h.Name, oid: h.OID, desc: d})
		if d.RowType != 0 {
			f(nameItem{kind: KindType, container: d.Schema, name: h.Name, part: true, oid: d.RowType})
		}
		if d.RowArray != 0 {
			f(nameItem{kind: KindType, container: d.Schema, name: arrayTypeName(h.Name), part: true, oid: d.RowArray})
		}
	case *TypeDesc:
		t := &d.Type
		f(nameItem{kind: KindType, container: t.Namespace, name: h.Name, oid: h.OID, desc: d})
		if t.Array != 0 {
			f(nameItem{kind: KindType, container: t.Namespace, name: arrayTypeName(h.Name), part: true, oid: t.Array})
		}
		if rg := t.Range; rg != nil {
			f(nameItem{kind: KindType, container: t.Namespace, name: rg.MultirangeName, part: true, oid: rg.Multirange})
			f(nameItem{kind: KindType, container: t.Namespace, name: arrayTypeName(rg.MultirangeName), part: true, oid: rg.MultirangeArray})
		}
	}
}

// eachPart lists what is found through a descriptor by an OID that is not its own.
func eachPart(d Descriptor, f func(partItem)) {
	constraints := func(cs []Constraint) {
		for i := range cs {
			f(partItem{ClassConstraint, cs[i].OID, 0, partConstraint, d})
		}
	}
	typ := func(oid types.OID, what partKind) {
		if oid != 0 {
			f(partItem{ClassType, oid, 0, what, d})
		}
	}
	switch d := d.(type) {
	case *Relation:
		constraints(d.Constraints)
		typ(d.RowType, partRowType)
		typ(d.RowArray, partRowArray)
		for i := range d.Columns {
			if d.Columns[i].Default != nil {
				f(partItem{ClassAttrDef, d.Columns[i].DefaultOID, 0, partDefault, d})
			}
		}
		if d.View != nil {
			f(partItem{ClassRewrite, d.View.RuleOID, 0, partRule, d})
		}
	case *TypeDesc:
		constraints(d.Constraints)
		typ(d.Type.Array, partArray)
		if d.Type.Range != nil {
			typ(d.Type.Range.Multirange, partMultirange)
			typ(d.Type.Range.MultirangeArray, partMultirangeArray)
		}
	case *Comment:
		f(partItem{d.Class, d.Object, d.Sub, partComment, d})
	case *Statistics:
		f(partItem{ClassRelation, d.Table, 0, partStats, d})
	}
}

// get returns the descriptor with the kind and OID.
func (s *Snapshot) get(k Kind, oid types.OID) Descriptor {
	item, ok := s.descs.Get(descItem{kind: k, oid: oid})
	if !ok {
		return nil
	}
	return item.desc
}

// byName returns the first item with the name.
func (s *Snapshot) byName(k Kind, container types.OID, name string) (found nameItem, ok bool) {
	s.names.AscendGreaterOrEqual(nameItem{kind: k, container: container, name: name}, func(n nameItem) bool {
		if n.kind == k && n.container == container && n.name == name {
			found, ok = n, true
		}
		return false
	})
	return found, ok
}

// part returns the descriptor through which the object with the OID exists.
func (s *Snapshot) part(class, oid types.OID, what partKind) Descriptor {
	p, ok := s.parts.Get(partItem{class: class, oid: oid, what: what})
	if !ok {
		return nil
	}
	return p.owner
}

// ofKind calls f for the descriptors of a kind by ascending OID.
func ofKind[D Descriptor](s *Snapshot, f func(D)) {
	var zero D
	k := zero.Kind()
	s.descs.AscendGreaterOrEqual(descItem{kind: k}, func(i descItem) bool {
		if i.kind != k {
			return false
		}
		f(i.desc.(D))
		return true
	})
}

// Len is the number of descriptors.
func (s *Snapshot) Len() int { return s.descs.Len() }

// Ops returns the operations that make this snapshot from an empty one, in the order of kinds and OIDs.
func (s *Snapshot) Ops() []Op {
	out := make([]Op, 0, s.descs.Len())
	s.descs.Ascend(func(i descItem) bool {
		out = append(out, Op{i.kind, i.oid, i.desc})
		return true
	})
	return out
}

// Dump prints all descriptors and indexes, for tests and for debugging.
func (s *Snapshot) Dump() string {
	var b strings.Builder
	s.descs.Ascend(func(i descItem) bool {
		fmt.Fprintf(&b, "%d/%d %s\n", i.kind, i.oid, Encode(i.desc))
		return true
	})
	s.names.Ascend(func(n nameItem) bool {
		fmt.Fprintf(&b, "name %d %d %s -> %d\n", n.kind, n.container, n.name, n.oid)
		return true
	})
	s.parts.Ascend(func(p partItem) bool {
		fmt.Fprintf(&b, "part %d/%d.%d %d of %d\n", p.class, p.oid, p.sub, p.what, p.owner.Head().OID)
		return true
	})
	s.deps.Ascend(func(d depItem) bool {
		fmt.Fprintf(&b, "dep %+v\n", d.e)
		return true
	})
	return b.String()
}

// arrayTypeName is the name of the array type over a type.
func arrayTypeName(name string) string { return truncateName("_" + name) }

// MultirangeTypeName is the name of the multirange type over a range type that was given none: it replaces "range" in the name of a range type by "multirange", or appends it.
func MultirangeTypeName(name string) string {
	if i := strings.Index(name, "range"); i >= 0 {
		return truncateName(name[:i] + "multi" + name[i:])
	}
	return truncateName(name + "_multirange")
}

// nameMax is NAMEDATALEN - 1, the longest identifier in bytes.
const nameMax = 63

// truncateName cuts an identifier to its limit at a character boundary.
func truncateName(s string) string {
	if len(s) <= nameMax {
		return s
	}
	n := nameMax
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}
