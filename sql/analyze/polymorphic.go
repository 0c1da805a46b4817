package analyze

import (
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// genericsConsistent reports whether argument types fit polymorphic parameter types (check_generic_type_consistency).
func (a *analyzer) genericsConsistent(actual, declared []types.OID) bool {
	var elem, array, rng, multi types.OID
	var compRange, compMulti, compRangeElem types.OID
	haveNonArray, haveEnum, haveCompNonArray, haveCompRange, haveCompMulti := false, false, false, false, false
	var comps []types.OID
	for i, decl := range declared {
		act := actual[i]
		switch decl {
		case types.OIDAnyelement, types.OIDAnynonarray, types.OIDAnyenum:
			if decl == types.OIDAnynonarray {
				haveNonArray = true
			} else if decl == types.OIDAnyenum {
				haveEnum = true
			}
			if act == types.OIDUnknown {
				continue
			}
			if elem != 0 && act != elem {
				return false
			}
			elem = act
		case types.OIDAnyarray:
			if act == types.OIDUnknown {
				continue
			}
			act = a.baseType(act)
			if array != 0 && act != array {
				return false
			}
			array = act
		case types.OIDAnyrange:
			if act == types.OIDUnknown {
				continue
			}
			act = a.baseType(act)
			if rng != 0 && act != rng {
				return false
			}
			rng = act
		case types.OIDAnymultirange:
			if act == types.OIDUnknown {
				continue
			}
			act = a.baseType(act)
			if multi != 0 && act != multi {
				return false
			}
			multi = act
		case types.OIDAnycompatible, types.OIDAnycompatiblenonarray:
			if decl == types.OIDAnycompatiblenonarray {
				haveCompNonArray = true
			}
			if act == types.OIDUnknown {
				continue
			}
			comps = append(comps, act)
		case types.OIDAnycompatiblearray:
			if act == types.OIDUnknown {
				continue
			}
			e := a.elemType(a.baseType(act))
			if e == 0 {
				return false
			}
			comps = append(comps, e)
		case types.OIDAnycompatiblerange:
			haveCompRange = true
			if act == types.OIDUnknown {
				continue
			}
			act = a.baseType(act)
			if compRange != 0 {
				if act != compRange {
					return false
				}
				continue
			}
			compRange = act
			if compRangeElem = a.rangeSubtype(act); compRangeElem == 0 {
				return false
			}
			comps = append(comps, compRangeElem)
		case types.OIDAnycompatiblemultirange:
			haveCompMulti = true
			if act == types.OIDUnknown {
				continue
			}
			act = a.baseType(act)
			if compMulti != 0 {
				if act != compMulti {
					return false
				}
				continue
			}
			compMulti = act
			r := a.multirangeRange(act)
			if r == 0 {
				return false
			}
			comps = append(comps, a.rangeSubtype(r))
		}
	}
	if array != 0 {
		if array != types.OIDAnyarray { // which it is only for columns of pg_statistic: nothing to compare with
			e := a.elemType(array)
			if e == 0 {
				return false
			}
			if elem == 0 {
				elem = e
			} else if e != elem {
				return false
			}
		}
	}
	if multi != 0 {
		r := a.multirangeRange(multi)
		if r == 0 {
			return false
		}
		if rng == 0 {
			rng = r
		} else if r != rng {
			return false
		}
	}
	if rng != 0 {
		e := a.rangeSubtype(rng)
		if e == 0 {
			return false
		}
		if elem == 0 {
			elem = e
		} else if e != elem {
			return false
		}
	}
	if haveNonArray && elem != 0 && a.baseElemType(elem) != 0 {
		return false
	}
	if haveEnum && elem != 0 && !a.isEnum(elem) {
		return false
	}
	if len(comps) > 0 {
		common := a.commonTypeFromOIDs(comps, true)
		if common == 0 {
			return false
		}
		for _, c := range comps {
			if !a.canCoerce1(c, common, implicit) {
				return false
			}
		}
		if haveCompNonArray && a.baseElemType(common) != 0 {
			return false
		}
		if compMulti != 0 && compRange != 0 && a.multirangeRange(compMulti) != compRange {
			return false
		}
		if haveCompRange || haveCompMulti {
			if compRange == 0 && compMulti != 0 {
				compRange = a.multirangeRange(compMulti)
			}
			if compRange != 0 && a.rangeSubtype(compRange) != common {
				return false
			}
		}
	}
	return true
}

// resolveGenerics replaces polymorphic parameter types by what the arguments make of them, in place, and returns the function's result type likewise
// (enforce_generic_type_consistency). allowPoly is for polymorphic actual types, which don't occur in queries.
func (a *analyzer) resolveGenerics(actual, declared []types.OID, ret types.OID) types.OID {
	family1, family2 := false, false
	for _, d := range declared {
		family1 = family1 || types.IsAnyelementFamily(d)
		family2 = family2 || types.IsAnycompatibleFamily(d)
	}
	if !family1 && !family2 {
		return ret
	}
	family1, family2 = family1 || types.IsAnyelementFamily(ret), family2 || types.IsAnycompatibleFamily(ret)
	var elem, array, rng, multi types.OID
	haveNonArray := ret == types.OIDAnynonarray
	haveEnum := ret == types.OIDAnyenum
	haveMulti := ret == types.OIDAnymultirange
	haveCompNonArray := ret == types.OIDAnycompatiblenonarray
	haveCompArray := ret == types.OIDAnycompatiblearray
	haveCompRange := ret == types.OIDAnycompatiblerange
	haveCompMulti := ret == types.OIDAnycompatiblemultirange
	havePolyUnknown, havePoly := false, false
	var comps []types.OID
	var compRange, compMulti types.OID
	mismatch := func(code, msg, detail string, args ...any) {
		fail(pgerr.New(code, msg).WithDetail(detail, args...))
	}
	for i, decl := range declared {
		act := actual[i]
		unknown := act == types.OIDUnknown
		switch decl {
		case types.OIDAnyelement, types.OIDAnynonarray, types.OIDAnyenum:
			havePoly = true
			haveNonArray = haveNonArray || decl == types.OIDAnynonarray
			haveEnum = haveEnum || decl == types.OIDAnyenum
			if unknown {
				havePolyUnknown = true
				continue
			}
			if elem != 0 && act != elem {
				mismatch(pgerr.DatatypeMismatch, "arguments declared \"anyelement\" are not all alike", "%s versus %s", a.typeName(elem), a.typeName(act))
			}
			elem = act
		case types.OIDAnyarray:
			havePoly = true
			if unknown {
				havePolyUnknown = true
				continue
			}
			act = a.baseType(act)
			if array != 0 && act != array {
				mismatch(pgerr.DatatypeMismatch, "arguments declared \"anyarray\" are not all alike", "%s versus %s", a.typeName(array), a.typeName(act))
			}
			array = act
		case types.OIDAnyrange:
			havePoly = true
			if unknown {
				havePolyUnknown = true
				continue
			}
			act = a.baseType(act)
			if rng != 0 && act != rng {
				mismatch(pgerr.DatatypeMismatch, "arguments declared \"anyrange\" are not all alike", "%s versus %s", a.typeName(rng), a.typeName(act))
			}
			rng = act
		case types.OIDAnymultirange:
			havePoly, haveMulti = true, true
			if unknown {
				havePolyUnknown = true
				continue
			}
			act = a.baseType(act)
			if multi != 0 && act != multi {
				mismatch(pgerr.DatatypeMismatch, "arguments declared \"anymultirange\" are not all alike", "%s versus %s", a.typeName(multi), a.typeName(act))
			}
			multi = act
		case types.OIDAnycompatible, types.OIDAnycompatiblenonarray:
			haveCompNonArray = haveCompNonArray || decl == types.OIDAnycompatiblenonarray
			if !unknown {
				comps = append(comps, act)
			}
		case types.OIDAnycompatiblearray:
			haveCompArray = true
			if unknown {
				continue
			}
			e := a.elemType(a.baseType(act))
			if e == 0 {
				fail(pgerr.Newf(pgerr.DatatypeMismatch, "argument declared %s is not an array but type %s", "anycompatiblearray", a.typeName(a.baseType(act))))
			}
			comps = append(comps, e)
		case types.OIDAnycompatiblerange:
			haveCompRange = true
			if unknown {
				continue
			}
			act = a.baseType(act)
			if compRange != 0 {
				if act != compRange {
					mismatch(pgerr.DatatypeMismatch, "arguments declared \"anycompatiblerange\" are not all alike", "%s versus %s", a.typeName(compRange), a.typeName(act))
				}
				continue
			}
			compRange = act
			e := a.rangeSubtype(act)
			if e == 0 {
				fail(pgerr.Newf(pgerr.DatatypeMismatch, "argument declared %s is not a range type but type %s", "anycompatiblerange", a.typeName(act)))
			}
			comps = append(comps, e)
		case types.OIDAnycompatiblemultirange:
			haveCompMulti = true
			if unknown {
				continue
			}
			act = a.baseType(act)
			if compMulti != 0 {
				if act != compMulti {
					mismatch(pgerr.DatatypeMismatch, "arguments declared \"anycompatiblemultirange\" are not all alike", "%s versus %s", a.typeName(compMulti), a.typeName(act))
				}
				continue
			}
			compMulti = act
			r := a.multirangeRange(act)
			if r == 0 {
				fail(pgerr.Newf(pgerr.DatatypeMismatch, "argument declared %s is not a multirange type but type %s", "anycompatiblemultirange", a.typeName(act)))
			}
			comps = append(comps, a.rangeSubtype(r))
		}
	}
	if family1 {
		if array != 0 {
			var e types.OID
			if array == types.OIDAnyarray {
				// The actual type is anyarray only for columns of system catalogs; nothing can be deduced.
				if ret != types.OIDAnyarray && types.IsAnyelementFamily(ret) {
					fail(pgerr.New(pgerr.DatatypeMismatch, "cannot determine element type of \"anyarray\" argument"))
				}
				e = types.OIDAnyelement
			} else if e = a.elemType(array); e == 0 {
				fail(pgerr.Newf(pgerr.DatatypeMismatch, "argument declared %s is not an array but type %s", "anyarray", a.typeName(array)))
			}
			if elem == 0 {
				elem = e
			} else if e != elem {
				mismatch(pgerr.DatatypeMismatch, "argument declared anyarray is not consistent with argument declared anyelement", "%s versus %s",
					a.typeName(array), a.typeName(elem))
			}
		}
		if multi != 0 {
			r := a.multirangeRange(multi)
			if r == 0 {
				fail(pgerr.Newf(pgerr.DatatypeMismatch, "argument declared %s is not a multirange type but type %s", "anymultirange", a.typeName(multi)))
			}
			if rng == 0 {
				rng = r
			} else if r != rng {
				mismatch(pgerr.DatatypeMismatch, "argument declared anymultirange is not consistent with argument declared anyrange", "%s versus %s",
					a.typeName(multi), a.typeName(rng))
			}
		} else if haveMulti && rng != 0 {
			if multi = a.rangeMultirange(rng); multi == 0 {
				fail(pgerr.Newf(pgerr.UndefinedObject, "could not find multirange type for data type %s", a.typeName(rng)))
			}
		}
		if rng != 0 {
			e := a.rangeSubtype(rng)
			if e == 0 {
				fail(pgerr.Newf(pgerr.DatatypeMismatch, "argument declared %s is not a range type but type %s", "anyrange", a.typeName(rng)))
			}
			if elem == 0 {
				elem = e
			} else if e != elem {
				mismatch(pgerr.DatatypeMismatch, "argument declared anyrange is not consistent with argument declared anyelement", "%s versus %s",
					a.typeName(rng), a.typeName(elem))
			}
		}
		if elem == 0 {
			if havePolyUnknown || !havePoly {
				fail(pgerr.Newf(pgerr.DatatypeMismatch, "could not determine polymorphic type because input has type %s", "unknown"))
			}
		}
		if haveNonArray && elem != types.OIDAnyelement && a.baseElemType(elem) != 0 {
			fail(pgerr.Newf(pgerr.DatatypeMismatch, "type matched to anynonarray is an array type: %s", a.typeName(elem)))
		}
		if haveEnum && elem != types.OIDAnyelement && !a.isEnum(elem) {
			fail(pgerr.Newf(pgerr.DatatypeMismatch, "type matched to anyenum is not an enum type: %s", a.typeName(elem)))
		}
	}
	var comp, compArray types.OID
	if family2 {
		if len(comps) > 0 {
			comp = a.commonTypeFromOIDs(comps, false)
			for _, c := range comps {
				if !a.canCoerce1(c, comp, implicit) {
					fail(pgerr.Newf(pgerr.DatatypeMismatch, "argument types %s and %s cannot be matched", a.typeName(comp), a.typeName(c)))
				}
			}
			if haveCompArray {
				if compArray = a.arrayType(comp); compArray == 0 {
					fail(pgerr.Newf(pgerr.UndefinedObject, "could not find array type for data type %s", a.typeName(comp)))
				}
			}
			if compMulti != 0 {
				r := a.multirangeRange(compMulti)
				if compRange == 0 {
					compRange = r
				} else if r != compRange {
					mismatch(pgerr.DatatypeMismatch, "argument declared anycompatiblemultirange is not consistent with argument declared anycompatiblerange",
						"%s versus %s", a.typeName(compMulti), a.typeName(compRange))
				}
			}
			if compRange != 0 && a.rangeSubtype(compRange) != comp {
				fail(pgerr.Newf(pgerr.DatatypeMismatch, "anycompatiblerange type %s does not match anycompatible type %s", a.typeName(compRange), a.typeName(comp)))
			}
			if haveCompRange && compRange == 0 {
				fail(pgerr.Newf(pgerr.DatatypeMismatch, "could not determine polymorphic type %s because input has type %s", "anycompatiblerange", "unknown"))
			}
			if haveCompMulti && compMulti == 0 {
				if compRange == 0 {
					fail(pgerr.Newf(pgerr.DatatypeMismatch, "could not determine polymorphic type %s because input has type %s", "anycompatiblemultirange", "unknown"))
				}
				compMulti = a.rangeMultirange(compRange)
			}
			if haveCompNonArray && a.baseElemType(comp) != 0 {
				fail(pgerr.Newf(pgerr.DatatypeMismatch, "type matched to anycompatiblenonarray is an array type: %s", a.typeName(comp)))
			}
		} else {
			// All inputs are unknown literals: they are text.
			if haveCompRange {
				fail(pgerr.Newf(pgerr.DatatypeMismatch, "could not determine polymorphic type %s because input has type %s", "anycompatiblerange", "unknown"))
			}
			if haveCompMulti {
				fail(pgerr.Newf(pgerr.DatatypeMismatch, "could not determine polymorphic type %s because input has type %s", "anycompatiblemultirange", "unknown"))
			}
			comp, compArray = types.OIDText, types.OIDTextArray
		}
	}
	arrayFor := func() types.OID {
		if array == 0 {
			if array = a.arrayType(elem); array == 0 {
				fail(pgerr.Newf(pgerr.UndefinedObject, "could not find array type for data type %s", a.typeName(elem)))
			}
		}
		return array
	}
	concrete := func(poly types.OID) types.OID {
		switch poly {
		case types.OIDAnyelement, types.OIDAnynonarray, types.OIDAnyenum:
			return elem
		case types.OIDAnyarray:
			return arrayFor()
		case types.OIDAnyrange:
			if rng == 0 {
				fail(pgerr.Newf(pgerr.DatatypeMismatch, "could not determine polymorphic type %s because input has type %s", "anyrange", "unknown"))
			}
			return rng
		case types.OIDAnymultirange:
			if multi == 0 {
				fail(pgerr.Newf(pgerr.DatatypeMismatch, "could not determine polymorphic type %s because input has type %s", "anymultirange", "unknown"))
			}
			return multi
		case types.OIDAnycompatible, types.OIDAnycompatiblenonarray:
			return comp
		case types.OIDAnycompatiblearray:
			return compArray
		case types.OIDAnycompatiblerange:
			return compRange
		case types.OIDAnycompatiblemultirange:
			return compMulti
		}
		return poly
	}
	for i, decl := range declared {
		switch {
		case !types.IsPolymorphic(decl):
		case types.IsAnyelementFamily(decl) && actual[i] != types.OIDUnknown:
			// The argument has the type already. (A domain over an array counts as the array.)
			if decl == types.OIDAnyarray || decl == types.OIDAnyrange || decl == types.OIDAnymultirange {
				declared[i] = a.baseType(actual[i])
			} else {
				declared[i] = actual[i]
			}
		default:
			declared[i] = concrete(decl)
		}
	}
	return concrete(ret)
}
