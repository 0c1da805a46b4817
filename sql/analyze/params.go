package analyze

import (
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// params are the statement's parameters: their types as given or, in a variable list, as found out so far (0: not referred to yet,
// unknown: referred to).
type params struct {
	types    []types.OID
	variable bool
	refs     []*tree.Param
}

func newParams(given []types.OID, variable bool) *params {
	return &params{types: append([]types.OID(nil), given...), variable: variable}
}

// ref makes the node for $n.
func (p *params) ref(s *state, n int, loc int32) tree.Expr {
	if n <= 0 || n > 65535 || !p.variable && (n > len(p.types) || p.types[n-1] == 0) {
		failf(loc, pgerr.UndefinedParameter, "there is no parameter $%d", n)
	}
	for len(p.types) < n {
		p.types = append(p.types, 0)
	}
	if p.types[n-1] == 0 {
		p.types[n-1] = types.OIDUnknown
	}
	t := p.types[n-1]
	node := &tree.Param{Kind: tree.ParamExtern, ID: n, T: types.Of(t), Coll: s.typeCollation(t), Loc: loc}
	p.refs = append(p.refs, node)
	return node
}

// coerce gives a parameter of unknown type the type that its use asks for. It returns nil when that is not the case.
func (p *params) coerce(s *state, node *tree.Param, target types.T, loc int32) tree.Expr {
	if !p.variable || node.T.OID != types.OIDUnknown {
		return nil
	}
	switch t := &p.types[node.ID-1]; *t {
	case types.OIDUnknown:
		*t = target.OID
	case target.OID:
	default:
		fail(pgerr.Newf(pgerr.AmbiguousParameter, "inconsistent types deduced for parameter $%d", node.ID).
			WithDetail("%s versus %s", s.typeName(*t), s.typeName(target.OID)).At(int(node.Loc)))
	}
	node.T = types.Of(target.OID)
	node.Coll = s.typeCollation(target.OID)
	node.Loc = leftmost(node.Loc, loc)
	return node
}

// check makes sure that all references agree with the types found, and that there are no unknown ones left.
func (p *params) check(q *tree.Query) {
	if !p.variable {
		return
	}
	for _, r := range p.refs {
		if r.T.OID != p.types[r.ID-1] {
			p.checkQuery(q)
			break
		}
	}
	for i, t := range p.types {
		if t == 0 || t == types.OIDUnknown {
			fail(pgerr.Newf(pgerr.IndeterminateDatatype, "could not determine data type of parameter $%d", i+1))
		}
	}
}

// checkQuery looks for a disagreeing reference that is still part of the query.
func (p *params) checkQuery(q *tree.Query) {
	tree.WalkQueryDeep(q, func(e tree.Expr, _ int) bool {
		if r, ok := e.(*tree.Param); ok && r.Kind == tree.ParamExtern && r.T.OID != p.types[r.ID-1] {
			failf(r.Loc, pgerr.AmbiguousParameter, "could not determine data type of parameter $%d", r.ID)
		}
		return true
	})
}
