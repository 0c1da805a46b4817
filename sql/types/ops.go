package types

import "kimberlite/sql/pgerr"

// ops is what the package knows to do with values of a type. Each topic's file registers its types in an init function.
// Nil members fall back as said beside them. No function keeps or changes its arguments' bytes.
type ops struct {
	// in parses the text form; errors are PostgreSQL's (22P02 "invalid input syntax for type ...", 22003, 22007, 22008 ...).
	// It applies t.Mod as PostgreSQL's input function with a typmod does (implicit-cast rules: varchar(n) too long is 22001).
	in func(ctx *Ctx, t T, s string) (Datum, error)
	// out appends the text form to dst.
	out func(ctx *Ctx, t T, d Datum, dst []byte) []byte
	// recv decodes the binary form (malformed: 22P03 or 08P01 as PostgreSQL); send appends it. nil: 42883 no binary function.
	recv func(ctx *Ctx, t T, b []byte) (Datum, error)
	send func(ctx *Ctx, t T, d Datum, dst []byte) []byte
	// cmp is the btree order of two values that are not NULL. nil: compare I for Fixed, bytes of S for Bytes.
	cmp func(a, b Datum) int
	// hash agrees with cmp: equal values have equal hashes. nil: a hash of the packed value.
	hash func(d Datum) uint64
	// key appends a self-delimiting encoding whose bytes order as cmp does; unkey reads it back, returning the rest.
	// nil: flipped-sign big-endian of I, or escaped bytes of S. lossy says that unkey cannot give back the same value (only an equal one).
	key   func(dst []byte, d Datum) []byte
	unkey func(src []byte) (Datum, []byte, error)
	lossy bool
	// mod applies a typmod to a value of the type as an explicit or implicit length cast does. nil: no typmods.
	mod func(d Datum, mod int32, explicit bool) (Datum, error)
}

var opsOf = map[OID]*ops{}

// register makes the types' operations known; called from init functions only.
func register(o ops, oids ...OID) {
	for _, oid := range oids {
		c := o
		opsOf[oid] = &c
	}
}

// opsFor returns the operations of a built-in type, or of what a user's type is made of: the base type of a domain, the generic
// operations of enums, arrays and composites.
func opsFor(ctx *Ctx, oid OID) (*ops, error) {
	if o := opsOf[oid]; o != nil {
		return o, nil
	}
	return opsForUserType(ctx, oid)
}

// unknownType is the error for an OID that no catalog knows.
func unknownType(oid OID) error {
	return pgerr.Newf(pgerr.UndefinedObject, "cache lookup failed for type %d", oid)
}
