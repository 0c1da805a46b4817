package session

import (
	"strconv"
	"strings"

	"kimberlite/sql/analyze"
	"kimberlite/sql/catalog"
	"kimberlite/sql/parser"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// regNames resolves names for the reg* types under the session's search path (8.19).
type regNames struct{ s *Session }

// RegIn implements types.RegResolver.
func (n regNames) RegIn(typ types.OID, text string) (types.OID, error) {
	s := n.s
	r := s.reader()
	switch typ {
	case types.OIDRegtype:
		t, err := parser.ParseTypeName(text)
		if err != nil {
			return 0, err
		}
		got, err := analyze.ResolveTypeName(s.analyzeEnv(), t)
		return got.OID, err
	case types.OIDRegnamespace, types.OIDRegrole:
		names, err := splitDotted(text)
		if err != nil {
			return 0, err
		}
		if len(names) != 1 {
			return 0, pgerr.New(pgerr.InvalidName, "invalid name syntax")
		}
		if typ == types.OIDRegrole {
			if role := r.RoleByName(names[0]); role != nil {
				return role.OID, nil
			}
			return 0, pgerr.Newf(pgerr.UndefinedObject, "role %q does not exist", names[0])
		}
		if sc := r.SchemaByName(names[0]); sc != nil {
			return sc.OID, nil
		}
		return 0, pgerr.Newf(pgerr.InvalidSchemaName, "schema %q does not exist", names[0])
	}
	body, argText, hasArgs := strings.Cut(text, "(")
	names, err := splitDotted(body)
	if err != nil {
		return 0, err
	}
	path := s.searchPath(r)
	name := names[len(names)-1]
	if len(names) > 2 {
		if names[0] != s.dbName {
			return 0, pgerr.Newf(pgerr.FeatureNotSupported, "cross-database references are not implemented: \"%s\"", strings.Join(names, "."))
		}
		names = names[1:]
	}
	if len(names) == 2 {
		sc := r.SchemaByName(names[0])
		if names[0] == "pg_temp" && s.temp != 0 {
			sc = r.Schema(s.temp)
		}
		if sc == nil {
			return 0, pgerr.Newf(pgerr.InvalidSchemaName, "schema %q does not exist", names[0])
		}
		path = []types.OID{sc.OID}
	}
	switch typ {
	case types.OIDRegclass:
		for _, ns := range path {
			if rel := r.RelationByName(ns, name); rel != nil {
				return rel.OID, nil
			}
		}
		return 0, pgerr.Newf(pgerr.UndefinedTable, "relation %q does not exist", strings.Join(names, "."))
	case types.OIDRegcollation:
		for _, ns := range path {
			if c := r.CollationByName(ns, name); c != nil {
				return c.OID, nil
			}
		}
		return 0, pgerr.Newf(pgerr.UndefinedObject, "collation %q for encoding \"UTF8\" does not exist", name)
	case types.OIDRegproc, types.OIDRegprocedure:
		return n.proc(typ, text, name, argText, hasArgs)
	case types.OIDRegoper, types.OIDRegoperator:
		return n.operator(typ, text, name, argText)
	}
	return 0, pgerr.Unsupported("input of this reg* type by name", "Use the OID.")
}

func (n regNames) proc(typ types.OID, text, name, argText string, hasArgs bool) (types.OID, error) {
	procs := n.s.reader().Procs(name)
	if typ == types.OIDRegproc {
		switch len(procs) {
		case 1:
			return procs[0].OID, nil
		case 0:
			return 0, pgerr.Newf(pgerr.UndefinedFunction, "function %q does not exist", text)
		}
		return 0, pgerr.Newf(pgerr.AmbiguousFunction, "more than one function named %q", name)
	}
	if !hasArgs {
		return 0, pgerr.New(pgerr.InvalidTextRepresentation, "expected a left parenthesis")
	}
	args, err := n.argTypes(argText)
	if err != nil {
		return 0, err
	}
	for _, p := range procs {
		if sameTypes(p.Args, args) {
			return p.OID, nil
		}
	}
	return 0, pgerr.Newf(pgerr.UndefinedFunction, "function %q does not exist", text)
}

func (n regNames) operator(typ types.OID, text, name, argText string) (types.OID, error) {
	ops := n.s.reader().Operators(strings.TrimSpace(name))
	if typ == types.OIDRegoper {
		switch len(ops) {
		case 1:
			return ops[0].OID, nil
		case 0:
			return 0, pgerr.Newf(pgerr.UndefinedFunction, "operator does not exist: %s", text)
		}
		return 0, pgerr.Newf(pgerr.AmbiguousFunction, "more than one operator named %s", text)
	}
	args, err := n.argTypes(argText)
	if err != nil {
		return 0, err
	}
	for _, o := range ops {
		if len(args) == 2 && o.Left == args[0] && o.Right == args[1] {
			return o.OID, nil
		}
	}
	return 0, pgerr.Newf(pgerr.UndefinedFunction, "operator does not exist: %s", text)
}

func (n regNames) argTypes(text string) ([]types.OID, error) {
	text = strings.TrimSuffix(strings.TrimSpace(text), ")")
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var out []types.OID
	for _, part := range strings.Split(text, ",") {
		part = strings.TrimSpace(part)
		if strings.EqualFold(part, "none") {
			out = append(out, 0)
			continue
		}
		oid, err := n.RegIn(types.OIDRegtype, part)
		if err != nil {
			return nil, err
		}
		out = append(out, oid)
	}
	return out, nil
}

func sameTypes(a, b []types.OID) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// splitDotted splits a possibly qualified name, folding unquoted parts.
func splitDotted(text string) ([]string, error) {
	var out []string
	s := strings.TrimSpace(text)
	for {
		var word string
		if strings.HasPrefix(s, `"`) {
			i := 1
			for i < len(s) {
				if s[i] == '"' {
					if i+1 < len(s) && s[i+1] == '"' {
						i++
					} else {
						break
					}
				}
				i++
			}
			if i >= len(s) {
				return nil, pgerr.New(pgerr.InvalidName, "invalid name syntax")
			}
			word, s = strings.ReplaceAll(s[1:i], `""`, `"`), s[i+1:]
		} else {
			i := strings.IndexByte(s, '.')
			if i < 0 || isOperatorText(s) {
				i = len(s)
			}
			word, s = strings.ToLower(strings.TrimSpace(s[:i])), s[i:]
		}
		if word == "" {
			return nil, pgerr.New(pgerr.InvalidName, "invalid name syntax")
		}
		out = append(out, word)
		s = strings.TrimSpace(s)
		if s == "" {
			return out, nil
		}
		if s[0] != '.' {
			return nil, pgerr.New(pgerr.InvalidName, "invalid name syntax")
		}
		s = strings.TrimSpace(s[1:])
	}
}

func isOperatorText(s string) bool {
	return s != "" && strings.IndexByte("+-*/<>=~!@#%^&|`?", s[0]) >= 0
}

// RegOut implements types.RegResolver.
func (n regNames) RegOut(typ types.OID, oid types.OID) string {
	s := n.s
	r := s.reader()
	b := catalog.BoundOf(r)
	number := strconv.FormatUint(uint64(oid), 10)
	switch typ {
	case types.OIDRegclass:
		if r.Relation(oid) == nil || b == nil {
			return number
		}
		return b.WithPath(s.searchPath(r)).RelationName(oid)
	case types.OIDRegtype:
		if r.TypeByOID(oid) == nil {
			return number
		}
		return types.FormatTypeName(s.drv.io, oid)
	case types.OIDRegnamespace:
		if sc := r.Schema(oid); sc != nil {
			return catalog.QuoteIdent(sc.Name)
		}
	case types.OIDRegrole:
		if role := r.Role(oid); role != nil {
			return catalog.QuoteIdent(role.Name)
		}
	case types.OIDRegproc:
		if p := r.Proc(oid); p != nil {
			if len(r.Procs(p.Name)) > 1 {
				return "pg_catalog." + catalog.QuoteIdent(p.Name)
			}
			return catalog.QuoteIdent(p.Name)
		}
	case types.OIDRegprocedure:
		if p := r.Proc(oid); p != nil {
			names := make([]string, len(p.Args))
			for i, a := range p.Args {
				names[i] = types.FormatTypeName(s.drv.io, a)
			}
			return catalog.QuoteIdent(p.Name) + "(" + strings.Join(names, ",") + ")"
		}
	case types.OIDRegoper:
		if o := r.Operator(oid); o != nil {
			return o.Name
		}
	case types.OIDRegoperator:
		if o := r.Operator(oid); o != nil {
			left := "NONE"
			if o.Left != 0 {
				left = types.FormatTypeName(s.drv.io, o.Left)
			}
			return o.Name + "(" + left + "," + types.FormatTypeName(s.drv.io, o.Right) + ")"
		}
	case types.OIDRegcollation:
		if c := r.Collation(oid); c != nil {
			return catalog.QuoteIdent(c.Name)
		}
	}
	return number
}
