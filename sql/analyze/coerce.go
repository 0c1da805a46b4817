package analyze

import (
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// context says which casts may be used, ascending (PostgreSQL's CoercionContext).
type context uint8

const (
	implicit context = iota
	assignment
	explicit
)

// path is how a value of one type becomes one of another (CoercionPathType).
type path uint8

const (
	pathNone path = iota
	pathFunc
	pathRelabel
	pathArray
	pathViaIO
)

// coercionPath finds the way from a source type to a target type, pathNone if there is none in the context (find_coercion_pathway).
func (a *analyzer) coercionPath(target, source types.OID, ctx context) (path, types.OID) {
	if source != 0 {
		source = a.baseType(source)
	}
	if target != 0 {
		target = a.baseType(target)
	}
	if source == target {
		return pathRelabel, 0
	}
	if c := a.cat.Cast(source, target); c != nil {
		need := explicit
		switch c.Context {
		case 'i':
			need = implicit
		case 'a':
			need = assignment
		}
		if ctx < need {
			return pathNone, 0
		}
		switch c.Method {
		case 'f':
			return pathFunc, c.Func
		case 'i':
			return pathViaIO, 0
		}
		return pathRelabel, 0
	}
	if target != types.OIDOidvector && target != types.OIDInt2vector {
		if te, se := a.elemType(target), a.elemType(source); te != 0 && se != 0 {
			if p, fn := a.coercionPath(te, se, ctx); p != pathNone {
				return pathArray, fn
			}
		}
	}
	if ctx >= assignment && a.category(target) == 'S' || ctx >= explicit && a.category(source) == 'S' {
		return pathViaIO, 0
	}
	return pathNone, 0
}

// canCoerce reports whether all inputs can be coerced to the targets (can_coerce_type).
func (a *analyzer) canCoerce(inputs, targets []types.OID, ctx context) bool {
	generics := false
	for i, in := range inputs {
		t := targets[i]
		switch {
		case in == t, t == types.OIDAny:
			continue
		case types.IsPolymorphic(t):
			generics = true
			continue
		case in == types.OIDUnknown:
			continue
		}
		if p, _ := a.coercionPath(t, in, ctx); p != pathNone {
			continue
		}
		switch {
		case in == types.OIDRecord && a.isComplex(t):
			continue
		case t == types.OIDRecord && a.isComplex(in):
			continue
		case t == types.OIDRecordArray && a.isComplexArray(in):
			continue
		case a.inheritsFrom(in, t):
			continue
		}
		return false
	}
	return !generics || a.genericsConsistent(inputs, targets)
}

func (a *analyzer) canCoerce1(input, target types.OID, ctx context) bool {
	return a.canCoerce([]types.OID{input}, []types.OID{target}, ctx)
}

// inheritsFrom reports whether one composite type's table inherits from the other's.
func (a *analyzer) inheritsFrom(sub, super types.OID) bool {
	subRel, superRel := a.typeRelID(sub), a.typeRelID(super)
	if subRel == 0 || superRel == 0 {
		return false
	}
	todo := []types.OID{subRel}
	for n := 0; len(todo) > 0 && n < 1000; n++ {
		r := a.cat.Relation(todo[0])
		todo = todo[1:]
		if r == nil {
			continue
		}
		for _, p := range r.Parents {
			if p == superRel {
				return true
			}
			todo = append(todo, p)
		}
	}
	return false
}

// coerceToTarget converts an expression to a type with a modifier, nil if there is no way (coerce_to_target_type).
func (s *state) coerceToTarget(e tree.Expr, exprType types.OID, target types.T, ctx context, form tree.CoercionForm, loc int32) tree.Expr {
	if !s.canCoerce1(exprType, target.OID, ctx) {
		return nil
	}
	collate, _ := e.(*tree.CollateExpr)
	arg := e
	for {
		c, ok := arg.(*tree.CollateExpr)
		if !ok {
			break
		}
		arg = c.Arg
	}
	out := s.coerce(arg, exprType, target, ctx, form, loc)
	_, isConst := out.(*tree.Const)
	out = s.coerceTypmod(out, target, ctx, form, loc, out != arg && !isConst)
	if collate != nil && s.typeCollation(target.OID) != 0 {
		out = &tree.CollateExpr{Arg: out, Coll: collate.Coll, Loc: collate.Loc}
	}
	return out
}

// coerce converts an expression to a type without applying the modifier; the caller has checked that it can be done (coerce_type). target.Mod only
// helps literals of type interval and domains.
func (s *state) coerce(e tree.Expr, input types.OID, target types.T, ctx context, form tree.CoercionForm, loc int32) tree.Expr {
	if input == target.OID {
		return e
	}
	switch target.OID {
	case types.OIDAny, types.OIDAnyelement, types.OIDAnynonarray, types.OIDAnycompatible, types.OIDAnycompatiblenonarray:
		return e
	case types.OIDAnyarray, types.OIDAnyenum, types.OIDAnyrange, types.OIDAnymultirange, types.OIDAnycompatiblearray, types.OIDAnycompatiblerange,
		types.OIDAnycompatiblemultirange:
		if input != types.OIDUnknown {
			if base := s.baseType(input); base != input {
				return &tree.RelabelType{Arg: e, T: types.Of(base), Form: form, Loc: loc}
			}
			return e
		}
	}
	if c, ok := e.(*tree.Const); ok && input == types.OIDUnknown {
		return s.coerceLiteral(c, target, ctx, form, loc)
	}
	if p, ok := e.(*tree.Param); ok && p.Kind == tree.ParamExtern {
		if out := s.params.coerce(s, p, target, loc); out != nil {
			return out
		}
	}
	if c, ok := e.(*tree.CollateExpr); ok {
		out := s.coerce(c.Arg, input, target, ctx, form, loc)
		if s.typeCollation(target.OID) != 0 {
			return &tree.CollateExpr{Arg: out, Coll: c.Coll, Loc: c.Loc}
		}
		return out
	}
	if p, fn := s.coercionPath(target.OID, input, ctx); p != pathNone {
		if p != pathRelabel {
			base := s.baseTypeMod(target)
			out := s.buildCoercion(e, p, fn, base, ctx, form, loc)
			if base.OID != target.OID {
				out = s.coerceToDomain(out, base, target.OID, ctx, form, loc, true)
			}
			return out
		}
		out := s.coerceToDomain(e, types.T{Mod: -1}, target.OID, ctx, form, loc, false)
		if out == e {
			out = &tree.RelabelType{Arg: e, T: types.Of(target.OID), Form: form, Loc: loc}
		}
		return out
	}
	switch {
	case input == types.OIDRecord && s.isComplex(target.OID):
		return s.coerceRecord(e, target.OID, ctx, form, loc)
	case target.OID == types.OIDRecord && s.isComplex(input), target.OID == types.OIDRecordArray && s.isComplexArray(input):
		return e
	case s.inheritsFrom(input, target.OID):
		if base := s.baseType(input); base != input {
			e = &tree.RelabelType{Arg: e, T: types.Of(base), Form: tree.CoerceImplicitCast, Loc: loc}
		}
		return &tree.ConvertRowtypeExpr{Arg: e, T: types.Of(target.OID), Form: form, Loc: loc}
	}
	fail(pgerr.Internal("failed to find conversion function from %s to %s", s.typeName(input), s.typeName(target.OID)))
	return nil
}

// coerceLiteral turns a literal of unknown type into a constant of the target type by its input function.
func (s *state) coerceLiteral(c *tree.Const, target types.T, ctx context, form tree.CoercionForm, loc int32) tree.Expr {
	base := s.baseTypeMod(target)
	// The literal's text is read without the modifier, which a cast applies afterwards; interval is the exception, for its fields give the text its meaning.
	in := types.Of(base.OID)
	if base.OID == types.OIDInterval {
		in.Mod = base.Mod
	}
	out := &tree.Const{T: in, Coll: s.typeCollation(base.OID), Loc: c.Loc}
	if c.Value.Null {
		out.Value = types.NullDatum
	} else {
		v, err := types.In(s.io, in, c.Value.S)
		if err != nil {
			failAt(err, c.Loc)
		}
		out.Value = v
	}
	if base.OID != target.OID {
		return s.coerceToDomain(out, base, target.OID, ctx, form, loc, false)
	}
	return out
}

// coerceTypmod applies a modifier to an expression of the target type (coerce_type_typmod).
func (s *state) coerceTypmod(e tree.Expr, target types.T, ctx context, form tree.CoercionForm, loc int32, hide bool) tree.Expr {
	if typmod(e) == target.Mod {
		return e
	}
	if hide {
		hideCoercion(e)
	}
	p, fn := pathNone, types.OID(0)
	if target.Mod >= 0 {
		p, fn = s.typmodPath(target.OID)
	}
	if p != pathNone {
		return s.buildCoercion(e, p, fn, target, ctx, form, loc)
	}
	return relabel(e, target, form, loc)
}

// relabel gives an expression another modifier (applyRelabelType).
func relabel(e tree.Expr, t types.T, form tree.CoercionForm, loc int32) tree.Expr {
	coll := e.Collation()
	for {
		r, ok := e.(*tree.RelabelType)
		if !ok {
			break
		}
		e = r.Arg
	}
	if c, ok := e.(*tree.Const); ok {
		n := *c
		n.T, n.Coll = t, coll
		return &n
	}
	if e.Type() == t && e.Collation() == coll {
		return e
	}
	return &tree.RelabelType{Arg: e, T: t, Coll: coll, Form: form, Loc: loc}
}

// typmod is the modifier of an expression's type.
func typmod(e tree.Expr) int32 { return e.Type().Mod }

// typmodPath finds the length coercion of a type (find_typmod_coercion_function).
func (a *analyzer) typmodPath(oid types.OID) (path, types.OID) {
	p := pathFunc
	if t := a.typ(oid); t.IsArray() {
		p, oid = pathArray, t.Elem
	}
	c := a.cat.Cast(oid, oid)
	if c == nil || c.Func == 0 {
		return pathNone, 0
	}
	return p, c.Func
}

// buildCoercion makes the node of a coercion (build_coercion_expression).
func (s *state) buildCoercion(e tree.Expr, p path, fn types.OID, target types.T, ctx context, form tree.CoercionForm, loc int32) tree.Expr {
	switch p {
	case pathFunc:
		proc := s.cat.Proc(fn)
		if proc == nil {
			fail(pgerr.Internal("cache lookup failed for function %d", fn))
		}
		args := []tree.Expr{e}
		result := types.Of(target.OID)
		if len(proc.Args) >= 2 {
			args = append(args, &tree.Const{T: types.Of(types.OIDInt4), Value: types.Int(int64(target.Mod)), Loc: -1})
			result.Mod = target.Mod
		}
		if len(proc.Args) == 3 {
			args = append(args, &tree.Const{T: types.Of(types.OIDBool), Value: types.Bool(ctx == explicit), Loc: -1})
		}
		return &tree.FuncExpr{Func: fn, T: result, Form: form, Args: args, Loc: loc}
	case pathArray:
		src := s.baseTypeMod(e.Type())
		test := &tree.CaseTestExpr{T: types.T{OID: s.elemType(src.OID), Mod: src.Mod}}
		elem := s.coerceToTarget(test, test.T.OID, types.T{OID: s.elemType(target.OID), Mod: target.Mod}, ctx, form, loc)
		if elem == nil {
			fail(pgerr.Internal("failed to coerce array element type as expected"))
		}
		return &tree.ArrayCoerceExpr{Arg: e, Elem: elem, T: types.T{OID: target.OID, Mod: typmod(elem)}, Form: form, Loc: loc}
	case pathViaIO:
		return &tree.CoerceViaIO{Arg: e, T: types.Of(target.OID), Form: form, Loc: loc}
	}
	fail(pgerr.Internal("unsupported coercion path %d", p))
	return nil
}

// coerceToDomain wraps an expression of a domain's base type; for a type that is no domain it returns e itself (coerce_to_domain).
func (s *state) coerceToDomain(e tree.Expr, base types.T, domain types.OID, ctx context, form tree.CoercionForm, loc int32, hide bool) tree.Expr {
	if base.OID == 0 {
		base = s.baseTypeMod(types.Of(domain))
	}
	if base.OID == domain {
		return e
	}
	if hide {
		hideCoercion(e)
	}
	e = s.coerceTypmod(e, base, ctx, tree.CoerceImplicitCast, loc, false)
	return &tree.CoerceToDomain{Arg: e, T: types.Of(domain), Form: form, Loc: loc}
}

// hideCoercion marks the topmost coercion as implicit, so that it is not printed.
func hideCoercion(e tree.Expr) {
	switch e := e.(type) {
	case *tree.FuncExpr:
		e.Form = tree.CoerceImplicitCast
	case *tree.RelabelType:
		e.Form = tree.CoerceImplicitCast
	case *tree.CoerceViaIO:
		e.Form = tree.CoerceImplicitCast
	case *tree.ArrayCoerceExpr:
		e.Form = tree.CoerceImplicitCast
	case *tree.ConvertRowtypeExpr:
		e.Form = tree.CoerceImplicitCast
	case *tree.RowExpr:
		e.Form = tree.CoerceImplicitCast
	case *tree.CoerceToDomain:
		e.Form = tree.CoerceImplicitCast
	}
}

// coerceRecord converts a row constructor (or a whole row of a subquery) to a named composite type (coerce_record_to_complex).
func (s *state) coerceRecord(e tree.Expr, target types.OID, ctx context, form tree.CoercionForm, loc int32) tree.Expr {
	var args []tree.Expr
	switch x := e.(type) {
	case *tree.RowExpr:
		args = x.Args
	case *tree.Var:
		if x.AttNo == 0 {
			args = append(args, s.expandWholeRow(x)...)
		}
	}
	cannot := func(detail string, l int32, args ...any) {
		err := pgerr.Newf(pgerr.CannotCoerce, "cannot cast type %s to %s", s.typeName(types.OIDRecord), s.typeName(target))
		if detail != "" {
			err.WithDetail(detail, args...)
		}
		if loc >= 0 {
			l = loc
		}
		fail(err.At(int(l)))
	}
	if args == nil {
		if _, ok := e.(*tree.RowExpr); !ok {
			cannot("", exprLoc(e))
		}
	}
	base := s.baseType(target)
	fields := s.rowFields(base)
	var out []tree.Expr
	next, colno := 0, 1
	for _, f := range fields {
		if f.Dropped {
			out = append(out, &tree.Const{T: types.Of(types.OIDInt4), Value: types.NullDatum, Loc: -1})
			continue
		}
		if next >= len(args) {
			cannot("Input has too few columns.", loc)
		}
		arg := args[next]
		next++
		from := arg.Type().OID
		x := s.coerceToTarget(arg, from, f.T, ctx, tree.CoerceImplicitCast, -1)
		if x == nil {
			cannot("Cannot cast type %s to %s in column %d.", exprLoc(arg), s.typeName(from), s.typeName(f.T.OID), colno)
		}
		out = append(out, x)
		colno++
	}
	if next < len(args) {
		cannot("Input has too many columns.", loc)
	}
	row := &tree.RowExpr{Args: out, T: types.Of(base), Form: form, Loc: loc}
	if base != target {
		row.Form = tree.CoerceImplicitCast
		return s.coerceToDomain(row, types.Of(base), target, ctx, form, loc, false)
	}
	return row
}

// coerceToBoolean makes e a boolean or fails (coerce_to_boolean).
func (s *state) coerceToBoolean(e tree.Expr, construct string) tree.Expr {
	in := e.Type().OID
	if in != types.OIDBool {
		out := s.coerceToTarget(e, in, types.Of(types.OIDBool), assignment, tree.CoerceImplicitCast, -1)
		if out == nil {
			failf(exprLoc(e), pgerr.DatatypeMismatch, "argument of %s must be type %s, not type %s", construct, "boolean", s.typeName(in))
		}
		e = out
	}
	if returnsSet(e) {
		failf(exprLoc(e), pgerr.DatatypeMismatch, "argument of %s must not return a set", construct)
	}
	return e
}

// coerceToSpecific makes e a value of the type by an assignment cast or fails (coerce_to_specific_type).
func (s *state) coerceToSpecific(e tree.Expr, target types.T, construct string) tree.Expr {
	in := e.Type().OID
	if in != target.OID {
		out := s.coerceToTarget(e, in, target, assignment, tree.CoerceImplicitCast, -1)
		if out == nil {
			failf(exprLoc(e), pgerr.DatatypeMismatch, "argument of %s must be type %s, not type %s", construct, s.typeName(target.OID), s.typeName(in))
		}
		e = out
	}
	if returnsSet(e) {
		failf(exprLoc(e), pgerr.DatatypeMismatch, "argument of %s must not return a set", construct)
	}
	return e
}

// returnsSet reports whether the expression contains a set-returning call (expression_returns_set).
func returnsSet(e tree.Expr) bool {
	if e == nil {
		return false
	}
	return tree.Any(e, func(x tree.Expr) bool {
		switch x := x.(type) {
		case *tree.FuncExpr:
			return x.RetSet
		case *tree.OpExpr:
			return x.RetSet
		}
		return false
	})
}

// commonType resolves the type of UNION, CASE and the like (select_common_type). Without a construct it returns 0 instead of failing. which is the
// expression that decided.
func (s *state) commonType(exprs []tree.Expr, construct string) (oid types.OID, which tree.Expr) {
	first := exprs[0]
	ptype := first.Type().OID
	which = first
	if ptype != types.OIDUnknown {
		same := true
		for _, e := range exprs[1:] {
			if e.Type().OID != ptype {
				same = false
				break
			}
		}
		if same {
			return ptype, which
		}
	}
	ptype = s.baseType(ptype)
	pt := s.typ(ptype)
	for _, e := range exprs[1:] {
		n := s.baseType(e.Type().OID)
		if n == types.OIDUnknown || n == ptype {
			continue
		}
		nt := s.typ(n)
		switch {
		case ptype == types.OIDUnknown:
			which, ptype, pt = e, n, nt
		case nt.Category != pt.Category:
			if construct == "" {
				return 0, nil
			}
			// translator: the construct is CASE, COALESCE, UNION and so on
			failf(exprLoc(e), pgerr.DatatypeMismatch, "%s types %s and %s cannot be matched", construct, s.typeName(ptype), s.typeName(n))
		case !pt.Preferred && s.canCoerce1(ptype, n, implicit) && !s.canCoerce1(n, ptype, implicit):
			which, ptype, pt = e, n, nt
		}
	}
	if ptype == types.OIDUnknown {
		ptype = types.OIDText
	}
	return ptype, which
}

// commonMod is the modifier that all expressions of the common type share, else -1.
func commonMod(exprs []tree.Expr, oid types.OID) int32 {
	mod := int32(-1)
	for i, e := range exprs {
		t := e.Type()
		if t.OID != oid {
			return -1
		}
		if i == 0 {
			mod = t.Mod
		} else if t.Mod != mod {
			return -1
		}
	}
	return mod
}

// commonTypeFromOIDs is commonType over type OIDs, for anycompatible (select_common_type_from_oids); 0 if none when noError.
func (a *analyzer) commonTypeFromOIDs(oids []types.OID, noError bool) types.OID {
	ptype := oids[0]
	i := 1
	if ptype != types.OIDUnknown {
		for ; i < len(oids) && oids[i] == ptype; i++ {
		}
		if i == len(oids) {
			return ptype
		}
	}
	ptype = a.baseType(ptype)
	pt := a.typ(ptype)
	for ; i < len(oids); i++ {
		n := a.baseType(oids[i])
		if n == types.OIDUnknown || n == ptype {
			continue
		}
		nt := a.typ(n)
		switch {
		case ptype == types.OIDUnknown:
			ptype, pt = n, nt
		case nt.Category != pt.Category:
			if noError {
				return 0
			}
			fail(pgerr.Newf(pgerr.DatatypeMismatch, "argument types %s and %s cannot be matched", a.typeName(ptype), a.typeName(n)))
		case !pt.Preferred && a.canCoerce1(ptype, n, implicit) && !a.canCoerce1(n, ptype, implicit):
			ptype, pt = n, nt
		}
	}
	if ptype == types.OIDUnknown {
		ptype = types.OIDText
	}
	return ptype
}

// coerceToCommon converts to the type that commonType found (coerce_to_common_type).
func (s *state) coerceToCommon(e tree.Expr, target types.OID, construct string) tree.Expr {
	in := e.Type().OID
	if in == target {
		return e
	}
	if !s.canCoerce1(in, target, implicit) {
		failf(exprLoc(e), pgerr.CannotCoerce, "%s could not convert type %s to %s", construct, s.typeName(in), s.typeName(target))
	}
	return s.coerce(e, in, types.Of(target), implicit, tree.CoerceImplicitCast, -1)
}
