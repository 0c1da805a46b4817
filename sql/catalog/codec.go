package catalog

import (
	"encoding/json"
	"math"
	"slices"

	"kimberlite/projections"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// descVersion is the format of descriptors written by this release. Fields may be added (old descriptors read them as zero) without a new one;
// a new one means that old releases must not read what is written.
const descVersion = 1

// Descriptor is any of *Database, *Schema, *Relation, *TypeDesc, *Function, *Role, *Comment, *Setting, *Statistics, *Tablespace, *Extension, *DefaultACL.
type Descriptor interface {
	Head() *Header
	Kind() Kind
}

// Head gives access to the common part.
func (h *Header) Head() *Header { return h }

// Kind implements Descriptor.
func (*Database) Kind() Kind { return KindDatabase }

// Kind implements Descriptor.
func (*Schema) Kind() Kind { return KindSchema }

// Kind implements Descriptor.
func (*Relation) Kind() Kind { return KindRelation }

// Kind implements Descriptor.
func (*TypeDesc) Kind() Kind { return KindType }

// Kind implements Descriptor.
func (*Function) Kind() Kind { return KindFunction }

// Kind implements Descriptor.
func (*Role) Kind() Kind { return KindRole }

// Kind implements Descriptor.
func (*Comment) Kind() Kind { return KindComment }

// Kind implements Descriptor.
func (*Setting) Kind() Kind { return KindSetting }

// Kind implements Descriptor.
func (*Statistics) Kind() Kind { return KindStatistics }

// Kind implements Descriptor.
func (*Tablespace) Kind() Kind { return KindTablespace }

// Kind implements Descriptor.
func (*Extension) Kind() Kind { return KindExtension }

// Kind implements Descriptor.
func (*DefaultACL) Kind() Kind { return KindDefaultACL }

// newDescriptor returns an empty descriptor of the kind, nil for a kind that this release does not know.
func newDescriptor(k Kind) Descriptor {
	switch k {
	case KindDatabase:
		return &Database{}
	case KindSchema:
		return &Schema{}
	case KindRelation:
		return &Relation{}
	case KindType:
		return &TypeDesc{}
	case KindFunction:
		return &Function{}
	case KindRole:
		return &Role{}
	case KindComment:
		return &Comment{}
	case KindSetting:
		return &Setting{}
	case KindStatistics:
		return &Statistics{}
	case KindTablespace:
		return &Tablespace{}
	case KindExtension:
		return &Extension{}
	case KindDefaultACL:
		return &DefaultACL{}
	}
	return nil
}

// Encode returns the stored form of a descriptor: JSON, so that an operator can read a log with any tool. Byte fields are base64.
func Encode(d Descriptor) []byte {
	if s, ok := d.(*Statistics); ok {
		d = finiteStatistics(s)
	}
	b, err := json.Marshal(d)
	if err != nil { // nothing else in a descriptor can fail to marshal
		panic("catalog: " + err.Error())
	}
	return b
}

// finiteStatistics returns s without NaN and infinities, which JSON cannot carry.
func finiteStatistics(s *Statistics) *Statistics {
	c := *s
	c.Rows, c.Pages = finite(s.Rows), finite(s.Pages)
	c.Columns = slices.Clone(s.Columns)
	for i := range c.Columns {
		x := &c.Columns[i]
		x.NullFrac, x.Width, x.Distinct, x.Correlation = finite(x.NullFrac), finite(x.Width), finite(x.Distinct), finite(x.Correlation)
		x.MCF = slices.Clone(x.MCF)
		for j := range x.MCF {
			x.MCF[j] = finite(x.MCF[j])
		}
	}
	return &c
}

func finite(f float64) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return f
}

// Decode reads what Encode wrote.
func Decode(k Kind, b []byte) (Descriptor, error) {
	d := newDescriptor(k)
	if d == nil {
		return nil, pgerr.Newf(pgerr.DataCorrupted, "unknown kind %d of catalog descriptor", k)
	}
	if err := json.Unmarshal(b, d); err != nil {
		return nil, pgerr.Newf(pgerr.DataCorrupted, "malformed catalog descriptor: %v", err)
	}
	if v := d.Head().Version; v > descVersion {
		return nil, pgerr.Newf(pgerr.FeatureNotSupported, "catalog descriptor %d has format %d, this release knows formats up to %d", d.Head().OID, v, descVersion)
	}
	return d, nil
}

// Op is a change of the catalog: the descriptor is put in the place of the one with its kind and OID, or deleted.
type Op struct {
	Kind Kind
	OID  types.OID
	Desc Descriptor // nil: delete
}

// Put returns the operation that stores d. The caller must not change d any more.
func Put(d Descriptor) Op {
	d.Head().Version = descVersion
	return Op{d.Kind(), d.Head().OID, d}
}

// Delete returns the operation that removes d.
func Delete(d Descriptor) Op { return Op{d.Kind(), d.Head().OID, nil} }

// Log returns the form of the operation that goes into a Transaction event.
func (o Op) Log() projections.CatalogOp {
	out := projections.CatalogOp{Kind: byte(o.Kind), OID: o.OID, Deleted: o.Desc == nil}
	if o.Desc != nil {
		out.Data = Encode(o.Desc)
	}
	return out
}

// FromLog reads the operation back.
func FromLog(o projections.CatalogOp) (Op, error) {
	op := Op{Kind: Kind(o.Kind), OID: o.OID}
	if o.Deleted {
		return op, nil
	}
	d, err := Decode(op.Kind, o.Data)
	if err != nil {
		return op, err
	}
	op.Desc = d
	return op, nil
}

// LogOps is Log for a list.
func LogOps(ops []Op) []projections.CatalogOp {
	out := make([]projections.CatalogOp, len(ops))
	for i, o := range ops {
		out[i] = o.Log()
	}
	return out
}

// OIDAllocator hands out OIDs for new objects; the leader implements it. They ascend and are never given twice, not even after a rollback.
type OIDAllocator interface {
	NewOID() types.OID
}
