package analyze

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// opName is a possibly qualified operator name.
type opName struct {
	schema, name string
	full         string // as written, for messages
}

func (a *analyzer) opNameOf(names []*pg.Node) opName {
	if len(names) == 1 {
		n := str(names[0])
		return opName{name: n, full: n}
	}
	schema, name := a.splitName(names)
	return opName{schema: schema, name: name, full: nameListToString(names)}
}

func plainOp(name string) opName { return opName{name: name, full: name} }

// operCandidates lists the visible operators of a name and kind, those hidden by an earlier schema of the search path left out.
func (a *analyzer) operCandidates(n opName, kind byte) []*catalog.Operator {
	all := a.cat.Operators(n.name)
	ns := types.OID(0)
	if n.schema != "" {
		if ns = a.schemaOID(n.schema, true, -1); ns == 0 {
			return nil
		}
	}
	out := make([]*catalog.Operator, 0, len(all))
	for _, op := range all {
		if op.Kind == kind && (ns == 0 && (op.Namespace == pgCatalog || a.inSearchPath(op.Namespace) >= 0) || ns == op.Namespace) {
			out = append(out, op)
		}
	}
	return out
}

// exactOper finds the operator with exactly these argument types.
func exactOper(ops []*catalog.Operator, left, right types.OID) *catalog.Operator {
	for _, op := range ops {
		if op.Left == left && op.Right == right {
			return op
		}
	}
	return nil
}

// oper resolves a binary operator (PostgreSQL's oper); nil when missing and noError.
func (a *analyzer) oper(n opName, left, right types.OID, noError bool, loc int32) *catalog.Operator {
	if n.schema != "" && !noError {
		a.schemaOID(n.schema, false, loc)
	}
	ops := a.operCandidates(n, 'b')
	l, r, wasUnknown := left, right, false
	if l == types.OIDUnknown && r != 0 {
		l, wasUnknown = r, true
	} else if r == types.OIDUnknown && l != 0 {
		r, wasUnknown = l, true
	}
	if op := exactOper(ops, l, r); op != nil {
		return op
	}
	if wasUnknown {
		if base := a.baseType(l); base != l {
			if op := exactOper(ops, base, base); op != nil {
				return op
			}
		}
	}
	if left == 0 {
		left = right
	} else if right == 0 {
		right = left
	}
	op, ambiguous := a.selectOper(ops, []types.OID{left, right})
	if op == nil && !noError {
		a.operError(n, 'b', left, right, ambiguous, loc)
	}
	return op
}

// leftOper resolves a prefix operator.
func (a *analyzer) leftOper(n opName, arg types.OID, noError bool, loc int32) *catalog.Operator {
	if n.schema != "" && !noError {
		a.schemaOID(n.schema, false, loc)
	}
	ops := a.operCandidates(n, 'l')
	if op := exactOper(ops, 0, arg); op != nil {
		return op
	}
	op, ambiguous := a.selectOper(ops, []types.OID{arg})
	if op == nil && !noError {
		a.operError(n, 'l', 0, arg, ambiguous, loc)
	}
	return op
}

// selectOper picks the best candidate that the arguments can be coerced to.
func (a *analyzer) selectOper(ops []*catalog.Operator, args []types.OID) (best *catalog.Operator, ambiguous bool) {
	var cands []*candidate
	for _, op := range ops {
		c := &candidate{op: op}
		if op.Kind == 'b' {
			c.args = []types.OID{op.Left, op.Right}
		} else {
			c.args = []types.OID{op.Right}
		}
		if a.canCoerce(args, c.args, implicit) {
			cands = append(cands, c)
		}
	}
	switch len(cands) {
	case 0:
		return nil, false
	case 1:
		return cands[0].op, false
	}
	if c := a.selectCandidate(args, cands); c != nil {
		return c.op, false
	}
	return nil, true
}

func (a *analyzer) operError(n opName, kind byte, left, right types.OID, ambiguous bool, loc int32) {
	sig := n.full + " " + a.typeName(right)
	if kind == 'b' {
		sig = a.typeName(left) + " " + sig
	}
	if ambiguous {
		fail(pgerr.Newf(pgerr.AmbiguousFunction, "operator is not unique: %s", sig).
			WithHint("Could not choose a best candidate operator. You might need to add explicit type casts.").At(int(loc)))
	}
	err := pgerr.Newf(pgerr.UndefinedFunction, "operator does not exist: %s", sig)
	if kind == 'b' {
		err.WithHint("No operator matches the given name and argument types. You might need to add explicit type casts.")
	} else {
		err.WithHint("No operator matches the given name and argument type. You might need to add an explicit type cast.")
	}
	fail(err.At(int(loc)))
}

// compatibleOper resolves a binary operator and accepts it only when the inputs need no conversion (compatible_oper).
func (a *analyzer) compatibleOper(n opName, left, right types.OID, loc int32) *catalog.Operator {
	op := a.oper(n, left, right, false, loc)
	if a.isBinaryCoercible(left, op.Left) && a.isBinaryCoercible(right, op.Right) {
		return op
	}
	failf(loc, pgerr.UndefinedFunction, "operator requires run-time type coercion: %s %s %s", a.typeName(left), n.full, a.typeName(right))
	return nil
}

// makeOp builds the expression for an operator over one or two arguments; left is nil for a prefix operator (make_op).
func (s *state) makeOp(n opName, left, right tree.Expr, lastSRF tree.Expr, loc int32) tree.Expr {
	var op *catalog.Operator
	var actual, declared []types.OID
	var args []tree.Expr
	if right == nil {
		failf(loc, pgerr.SyntaxError, "postfix operators are not supported")
	}
	rt := right.Type().OID
	if left == nil {
		op = s.leftOper(n, rt, false, loc)
		args, actual, declared = []tree.Expr{right}, []types.OID{rt}, []types.OID{op.Right}
	} else {
		lt := left.Type().OID
		op = s.oper(n, lt, rt, false, loc)
		args, actual, declared = []tree.Expr{left, right}, []types.OID{lt, rt}, []types.OID{op.Left, op.Right}
	}
	if op.Func == 0 {
		failf(loc, pgerr.UndefinedFunction, "operator is only a shell: %s", n.full)
	}
	ret := s.resolveGenerics(actual, declared, op.Result)
	s.coerceArgs(args, actual, declared)
	out := &tree.OpExpr{Op: op.OID, Func: op.Func, T: types.Of(ret), Args: args, Loc: loc}
	if p := s.cat.Proc(op.Func); p != nil && p.RetSet {
		out.RetSet = true
		s.checkSRF(lastSRF, loc)
		s.lastSRF = out
	}
	return out
}

// makeScalarArrayOp builds a op ANY (array) or a op ALL (array) (make_scalar_array_op).
func (s *state) makeScalarArrayOp(n opName, useOr bool, left, right tree.Expr, loc int32) tree.Expr {
	lt, at := left.Type().OID, right.Type().OID
	rt := types.OID(types.OIDUnknown)
	if at != types.OIDUnknown {
		if rt = s.baseElemType(at); rt == 0 {
			failf(loc, pgerr.WrongObjectType, "op ANY/ALL (array) requires array on right side")
		}
	}
	op := s.oper(n, lt, rt, false, loc)
	if op.Func == 0 {
		failf(loc, pgerr.UndefinedFunction, "operator is only a shell: %s", n.full)
	}
	actual, declared := []types.OID{lt, rt}, []types.OID{op.Left, op.Right}
	if ret := s.resolveGenerics(actual, declared, op.Result); ret != types.OIDBool {
		failf(loc, pgerr.WrongObjectType, "op ANY/ALL (array) requires operator to yield boolean")
	}
	if p := s.cat.Proc(op.Func); p != nil && p.RetSet {
		failf(loc, pgerr.WrongObjectType, "op ANY/ALL (array) requires operator not to return a set")
	}
	array := declared[1]
	if !types.IsPolymorphic(array) {
		if array = s.arrayType(declared[1]); array == 0 {
			failf(loc, pgerr.UndefinedObject, "could not find array type for data type %s", s.typeName(declared[1]))
		}
	}
	actual[1], declared[1] = at, array
	args := []tree.Expr{left, right}
	s.coerceArgs(args, actual, declared)
	return &tree.ScalarArrayOpExpr{Op: op.OID, Func: op.Func, UseOr: useOr, Args: args, Loc: loc}
}

// sortGroupOps finds the <, = and > operators of a type (get_sort_group_operators). Those needed but missing are errors.
func (a *analyzer) sortGroupOps(oid types.OID, needLT, needEQ, needGT bool) (lt, eq, gt types.OID, hashable bool) {
	ops := a.typeOps(oid)
	if needLT && ops.Lt == 0 || needGT && ops.Gt == 0 {
		fail(pgerr.Newf(pgerr.UndefinedFunction, "could not identify an ordering operator for type %s", a.typeName(oid)).
			WithHint("Use an explicit ordering operator or modify the query."))
	}
	if needEQ && ops.Eq == 0 {
		fail(pgerr.Newf(pgerr.UndefinedFunction, "could not identify an equality operator for type %s", a.typeName(oid)))
	}
	return ops.Lt, ops.Eq, ops.Gt, ops.Hash != 0
}
