package types

// The polymorphic pseudo-types come in two families (38.2.5): within a call, those of the simple one stand for exactly one element type, those of the
// other for types that have a common one.

// IsAnyelementFamily tells whether t is anyelement, anyarray, anynonarray, anyenum, anyrange or anymultirange.
func IsAnyelementFamily(t OID) bool {
	switch t {
	case OIDAnyelement, OIDAnyarray, OIDAnynonarray, OIDAnyenum, OIDAnyrange, OIDAnymultirange:
		return true
	}
	return false
}

// IsAnycompatibleFamily tells whether t is anycompatible, anycompatiblearray and so on.
func IsAnycompatibleFamily(t OID) bool {
	switch t {
	case OIDAnycompatible, OIDAnycompatiblearray, OIDAnycompatiblenonarray, OIDAnycompatiblerange, OIDAnycompatiblemultirange:
		return true
	}
	return false
}

// IsPolymorphic tells whether t belongs to either family.
func IsPolymorphic(t OID) bool { return IsAnyelementFamily(t) || IsAnycompatibleFamily(t) }
