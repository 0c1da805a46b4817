package types

import (
	"kimberlite/sql/pgerr"
)

// opsForUserType returns the operations of a type that registered none of its own: what its kind says.
func opsForUserType(ctx *Ctx, oid OID) (*ops, error) {
	ty := Lookup(ctx, oid)
	if ty == nil {
		return nil, unknownType(oid)
	}
	switch ty.Kind {
	case KindEnum:
		return enumOps, nil
	case KindDomain:
		return opsFor(ctx, ty.Base)
	case KindComposite:
		return recordOps, nil
	case KindRange:
		return rangeOps, nil
	case KindMultirange:
		return multirangeOps, nil
	}
	if ty.IsArray() {
		return arrayOps, nil
	}
	return noOps, nil
}

// noOps serves the types we refuse: no input; what there is prints as its bytes.
var noOps = &ops{}

var enumOps = &ops{
	in:   enumIn,
	out:  enumOut,
	recv: func(ctx *Ctx, t T, b []byte) (Datum, error) { return enumIn(ctx, t, string(b)) },
	send: func(ctx *Ctx, t T, d Datum, dst []byte) []byte { return enumOut(ctx, t, d, dst) },
}

func enumIn(ctx *Ctx, t T, s string) (Datum, error) {
	ty := Lookup(ctx, t.OID)
	if ty == nil {
		return Datum{}, unknownType(t.OID)
	}
	for i := range ty.Labels {
		if ty.Labels[i].Label == s {
			return Datum{I: ty.Labels[i].Key}, nil
		}
	}
	return Datum{}, pgerr.Newf(pgerr.InvalidTextRepresentation, "invalid input value for enum %s: \"%s\"", FormatTypeName(ctx, t.OID), s)
}

func enumOut(ctx *Ctx, t T, d Datum, dst []byte) []byte {
	if ty := Lookup(ctx, t.OID); ty != nil {
		if l := ty.LabelByKey(d.I); l != nil {
			return append(dst, l.Label...)
		}
	}
	return append(dst, "???"...)
}

// LabelByKey returns the label of an enum with the key, nil if there is none. Labels are ordered by key.
func (t *Type) LabelByKey(key int64) *EnumLabel {
	lo, hi := 0, len(t.Labels)
	for lo < hi {
		mid := (lo + hi) / 2
		if t.Labels[mid].Key < key {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(t.Labels) && t.Labels[lo].Key == key {
		return &t.Labels[lo]
	}
	return nil
}
