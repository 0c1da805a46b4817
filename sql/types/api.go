package types

import (
	"time"

	"kimberlite/sql/pgerr"
)

// DefaultCtx is what a nil *Ctx stands for: PostgreSQL's defaults, UTC, built-in types only.
var DefaultCtx = &Ctx{
	DateStyle: DateStyleISO, DateOrder: DateOrderMDY, IntervalStyle: IntervalPostgres,
	TimeZone: time.UTC, TimeZoneName: "UTC", ExtraFloatDigits: 1,
}

func orDefault(ctx *Ctx) *Ctx {
	if ctx == nil {
		return DefaultCtx
	}
	return ctx
}

// Lookup returns the type with the OID, built in or the user's, or nil.
func Lookup(ctx *Ctx, oid OID) *Type {
	if t := Builtin(oid); t != nil {
		return t
	}
	if ctx != nil && ctx.Types != nil {
		return ctx.Types.TypeByOID(oid)
	}
	return nil
}

// baseType looks through domains: it returns the type whose input and output functions serve t, with the modifier in force.
func baseType(ctx *Ctx, t T) T {
	if opsOf[t.OID] != nil {
		return t
	}
	for {
		ty := Lookup(ctx, t.OID)
		if ty == nil || ty.Kind != KindDomain {
			return t
		}
		t = T{ty.Base, ty.BaseMod}
	}
}

// BaseType looks through domains: the type that a domain (of domains) is over, with the domain's modifier. Other types return as they are.
func BaseType(ctx *Ctx, t T) T { return baseType(orDefault(ctx), t) }

// In parses the text form of a value of type t and applies t.Mod as PostgreSQL's input functions do. The constraints of domains are checked if
// the context can, and the caller's to check otherwise.
func In(ctx *Ctx, t T, s string) (Datum, error) {
	f, err := TextIn(ctx, t)
	if err != nil {
		return Datum{}, err
	}
	return f(s)
}

// TextIn returns the input function of t with everything looked up, for use on many values.
func TextIn(ctx *Ctx, t T) (func(s string) (Datum, error), error) {
	ctx = orDefault(ctx)
	given := t.OID
	t = baseType(ctx, t)
	o, err := opsFor(ctx, t.OID)
	if err != nil {
		return nil, err
	}
	if o.in == nil {
		return nil, noInput(ctx, t.OID)
	}
	in := o.in
	if given != t.OID && ctx.CheckDomain != nil {
		return func(s string) (Datum, error) { return inDomain(ctx, given)(in(ctx, t, s)) }, nil
	}
	return func(s string) (Datum, error) { return in(ctx, t, s) }, nil
}

// inDomain passes on what an input function made of a domain's base type, if it satisfies the domain.
func inDomain(ctx *Ctx, domain OID) func(d Datum, err error) (Datum, error) {
	return func(d Datum, err error) (Datum, error) {
		if err == nil {
			err = ctx.CheckDomain(domain, d)
		}
		return d, err
	}
}

// CheckNull tests whether a value of type t, which is read from somewhere, may be NULL: a domain may forbid it.
func CheckNull(ctx *Ctx, t T) error {
	ctx = orDefault(ctx)
	if ctx.CheckDomain == nil || baseType(ctx, t).OID == t.OID {
		return nil
	}
	return ctx.CheckDomain(t.OID, NullDatum)
}

// AppendText appends the text form of d, which is not NULL, to dst.
func AppendText(dst []byte, ctx *Ctx, t T, d Datum) []byte {
	ctx = orDefault(ctx)
	o := opsOf[t.OID]
	if o == nil {
		t = baseType(ctx, t)
		var err error
		if o, err = opsFor(ctx, t.OID); err != nil {
			return append(dst, d.S...)
		}
	}
	if o.out == nil {
		return append(dst, d.S...)
	}
	return o.out(ctx, t, d, dst)
}

// TextOut returns the output function of t with everything looked up, for use on many values; values are not NULL.
func TextOut(ctx *Ctx, t T) func(dst []byte, d Datum) []byte {
	ctx = orDefault(ctx)
	t = baseType(ctx, t)
	o, err := opsFor(ctx, t.OID)
	if err != nil || o.out == nil {
		return func(dst []byte, d Datum) []byte { return append(dst, d.S...) }
	}
	out := o.out
	return func(dst []byte, d Datum) []byte { return out(ctx, t, d, dst) }
}

// Text returns the text form of d, which is not NULL.
func Text(ctx *Ctx, t T, d Datum) string {
	var buf [64]byte
	return string(AppendText(buf[:0], ctx, t, d))
}

// Recv decodes the binary form of a value of type t (PostgreSQL's receive function). b is copied where needed.
func Recv(ctx *Ctx, t T, b []byte) (Datum, error) {
	f, err := BinaryIn(ctx, t)
	if err != nil {
		return Datum{}, err
	}
	return f(b)
}

// BinaryIn returns the receive function of t with everything looked up.
func BinaryIn(ctx *Ctx, t T) (func(b []byte) (Datum, error), error) {
	ctx = orDefault(ctx)
	given := t.OID
	t = baseType(ctx, t)
	o, err := opsFor(ctx, t.OID)
	if err != nil {
		return nil, err
	}
	if o.recv == nil {
		return nil, pgerr.Newf(pgerr.UndefinedFunction, "no binary input function available for type %s", FormatTypeName(ctx, t.OID))
	}
	recv := o.recv
	if given != t.OID && ctx.CheckDomain != nil {
		return func(b []byte) (Datum, error) { return inDomain(ctx, given)(recv(ctx, t, b)) }, nil
	}
	return func(b []byte) (Datum, error) { return recv(ctx, t, b) }, nil
}

// AppendBinary appends the binary form of d, which is not NULL, to dst (PostgreSQL's send function).
func AppendBinary(dst []byte, ctx *Ctx, t T, d Datum) ([]byte, error) {
	f, err := BinaryOut(ctx, t)
	if err != nil {
		return dst, err
	}
	return f(dst, d), nil
}

// BinaryOut returns the send function of t with everything looked up.
func BinaryOut(ctx *Ctx, t T) (func(dst []byte, d Datum) []byte, error) {
	ctx = orDefault(ctx)
	t = baseType(ctx, t)
	o, err := opsFor(ctx, t.OID)
	if err != nil {
		return nil, err
	}
	if o.send == nil {
		return nil, pgerr.Newf(pgerr.UndefinedFunction, "no binary output function available for type %s", FormatTypeName(ctx, t.OID))
	}
	send := o.send
	return func(dst []byte, d Datum) []byte { return send(ctx, t, d, dst) }, nil
}

// Compare orders two values of the type, neither NULL, as the type's default btree operator class does: negative, zero, positive.
func Compare(ctx *Ctx, oid OID, a, b Datum) int { return Comparator(ctx, oid)(a, b) }

// CompareNulls is Compare with NULLs: equal to each other, above every value (nullsFirst: below).
func CompareNulls(ctx *Ctx, oid OID, a, b Datum, nullsFirst bool) int {
	switch {
	case !a.Null && !b.Null:
		return Compare(ctx, oid, a, b)
	case a.Null && b.Null:
		return 0
	case a.Null == nullsFirst:
		return -1
	}
	return 1
}

// Equal reports whether two values, neither NULL, are equal in the sense of the type's = operator.
func Equal(ctx *Ctx, oid OID, a, b Datum) bool { return Compare(ctx, oid, a, b) == 0 }

// Comparator returns the comparison of a type's values (neither NULL) with everything looked up. An unknown type compares by bytes.
func Comparator(ctx *Ctx, oid OID) func(a, b Datum) int {
	ctx = orDefault(ctx)
	oid = StandIn(ctx, oid)
	if o := opsOf[oid]; o != nil && o.cmp != nil {
		return o.cmp
	}
	if ClassOf(ctx, oid) == Fixed {
		return compareFixed
	}
	return compareBytes
}

// Hash returns a hash of a value that is not NULL. Equal values have equal hashes, on every machine and in every release;
// integers of all widths that are equal hash equal, and so do float4 and float8, and text, varchar and name.
func Hash(ctx *Ctx, oid OID, d Datum) uint64 { return Hasher(ctx, oid)(d) }

// Hasher returns the hash function of a type's values (not NULL) with everything looked up.
func Hasher(ctx *Ctx, oid OID) func(Datum) uint64 {
	ctx = orDefault(ctx)
	oid = StandIn(ctx, oid)
	if o := opsOf[oid]; o != nil && o.hash != nil {
		return o.hash
	}
	if ClassOf(ctx, oid) == Fixed {
		return hashFixed
	}
	return hashBytes
}

// ApplyMod applies t.Mod to a value of the type t.OID that is not NULL, as PostgreSQL's length coercion casts do. explicit says that the cast was
// written by the user (varchar(n) then truncates silently). A negative modifier and a type without modifiers return d.
func ApplyMod(ctx *Ctx, t T, d Datum, explicit bool) (Datum, error) {
	if t.Mod < 0 || d.Null {
		return d, nil
	}
	o := opsOf[t.OID]
	if o == nil {
		var err error
		if o, err = opsFor(orDefault(ctx), t.OID); err != nil {
			return d, err
		}
		if o == arrayOps {
			return applyArrayMod(orDefault(ctx), t, d, explicit)
		}
	}
	if o.mod == nil {
		return d, nil
	}
	return o.mod(d, t.Mod, explicit)
}

// ClassOf says which half of a Datum holds the values of the type.
func ClassOf(ctx *Ctx, oid OID) Class {
	if isFixed(oid) {
		return Fixed
	}
	if oid < firstUserOID && opsOf[oid] != nil {
		return Bytes
	}
	ty := Lookup(ctx, oid)
	if ty == nil {
		return Bytes
	}
	if ty.Kind == KindDomain {
		return ClassOf(ctx, ty.Base)
	}
	if ty.Kind == KindEnum {
		return Fixed
	}
	return Bytes
}

// StandIn maps a type to the built-in type that compares, hashes and encodes keys for it without a catalog: the base type of a domain,
// int8 for an enum (its values are sort keys), anyarray, record, anyrange and anymultirange for the others. Built-in types stand for
// themselves. Packages below the catalog (projections, txn) are given stand-ins.
func StandIn(ctx *Ctx, oid OID) OID {
	if opsOf[oid] != nil {
		return oid
	}
	for {
		ty := Lookup(ctx, oid)
		if ty == nil {
			return oid
		}
		switch ty.Kind {
		case KindDomain:
			oid = ty.Base
			continue
		case KindEnum:
			return OIDInt8
		case KindComposite:
			return OIDRecord
		case KindRange:
			return OIDAnyrange
		case KindMultirange:
			return OIDAnymultirange
		}
		if ty.IsArray() {
			return OIDAnyarray
		}
		return oid
	}
}

// arraySubscripting is array_subscript_handler, which PostgreSQL knows true array types by.
const arraySubscripting OID = 6179

// IsArray reports whether the type is an array type proper (not int2vector, point and the like, which have elements too).
func (t *Type) IsArray() bool {
	return t.Elem != 0 && t.Len == -1 && t.Storage != 'p' && (t.Category == 'A' || t.Subscript == arraySubscripting)
}

// ElemOf returns the element type of an array type (int2vector and oidvector included), 0 for any other type. Domains are looked through.
func ElemOf(ctx *Ctx, oid OID) OID {
	ty := Lookup(orDefault(ctx), BaseType(ctx, Of(oid)).OID)
	if ty == nil || ty.Category != 'A' && !ty.IsArray() {
		return 0
	}
	return ty.Elem
}

// ArrayOf returns the array type over a type, 0 if there is none.
func ArrayOf(ctx *Ctx, oid OID) OID {
	ty := Lookup(orDefault(ctx), oid)
	if ty == nil {
		return 0
	}
	return ty.Array
}

// noInput is the answer to input for a type that has none: PostgreSQL's own for pseudo-types, 0A000 for what we lack.
func noInput(ctx *Ctx, oid OID) error {
	if ty := Lookup(ctx, oid); ty != nil && ty.Kind == KindPseudo {
		return pgerr.Newf(pgerr.FeatureNotSupported, "cannot accept a value of type %s", ty.Name)
	}
	return pgerr.Unsupported("type "+FormatTypeName(ctx, oid), "Store the value as text or jsonb.")
}
