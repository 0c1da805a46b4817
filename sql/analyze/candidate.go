package analyze

import (
	"slices"

	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// candidate is a function or operator that a call may mean (FuncCandidateList).
type candidate struct {
	op   *catalog.Operator
	proc *catalog.Proc
	// args are the parameter types in the order of the call's arguments, a variadic one repeated and defaults included.
	args      []types.OID
	argNums   []int // with named arguments: the parameter's number of each position
	pathPos   int
	nVar      int // number of arguments taken by the variadic parameter
	nDefault  int
	ambiguous bool
}

// selectCandidate picks the best of several candidates that all accept the arguments by implicit coercion (func_select_candidate), nil
// when no one is best.
func (a *analyzer) selectCandidate(inputs []types.OID, cands []*candidate) *candidate {
	nargs := len(inputs)
	if nargs > maxFuncArgs {
		fail(pgerr.Newf(pgerr.TooManyArguments, "cannot pass more than %d arguments to a function", maxFuncArgs))
	}
	base := make([]types.OID, nargs)
	unknowns := 0
	for i, t := range inputs {
		if t != types.OIDUnknown {
			base[i] = a.baseType(t)
		} else {
			base[i] = t
			unknowns++
		}
	}
	// Keep those with the most exact matches.
	cands = keepBest(cands, func(c *candidate) int {
		n := 0
		for i, b := range base {
			if b != types.OIDUnknown && c.args[i] == b {
				n++
			}
		}
		return n
	})
	if len(cands) == 1 {
		return cands[0]
	}
	// Keep those with the most exact matches and preferred types of the inputs' categories.
	category := make([]byte, nargs)
	for i, b := range base {
		category[i] = a.category(b)
	}
	cands = keepBest(cands, func(c *candidate) int {
		n := 0
		for i, b := range base {
			if b != types.OIDUnknown && (c.args[i] == b || a.isPreferred(category[i], c.args[i])) {
				n++
			}
		}
		return n
	})
	if len(cands) == 1 {
		return cands[0]
	}
	if unknowns == 0 {
		return nil
	}
	if c := a.byUnknowns(base, &cands); c != nil {
		return c
	}
	// If the known inputs are all of one type, assume that the unknown ones are too.
	if unknowns < nargs {
		known := types.OID(types.OIDUnknown)
		for _, b := range base {
			if b == types.OIDUnknown {
				continue
			}
			if known == types.OIDUnknown {
				known = b
			} else if known != b {
				known = types.OIDUnknown
				break
			}
		}
		if known != types.OIDUnknown {
			same := slices.Repeat([]types.OID{known}, nargs)
			var found *candidate
			for _, c := range cands {
				if a.canCoerce(same, c.args[:nargs], implicit) {
					if found != nil {
						return nil
					}
					found = c
				}
			}
			return found
		}
	}
	return nil
}

// byUnknowns decides by the type categories that the candidates have in the positions of unknown literals: string wins, else all must agree.
func (a *analyzer) byUnknowns(base []types.OID, cands *[]*candidate) *candidate {
	slot := make([]byte, len(base))
	slotPreferred := make([]bool, len(base))
	for i, b := range base {
		if b != types.OIDUnknown {
			continue
		}
		conflict := false
		for _, c := range *cands {
			t := a.typ(c.args[i])
			switch {
			case slot[i] == 0:
				slot[i], slotPreferred[i] = t.Category, t.Preferred
			case slot[i] == t.Category:
				slotPreferred[i] = slotPreferred[i] || t.Preferred
			case t.Category == 'S':
				slot[i], slotPreferred[i] = 'S', t.Preferred
			default:
				conflict = true
			}
		}
		if conflict && slot[i] != 'S' {
			return nil
		}
	}
	var kept []*candidate
	for _, c := range *cands {
		keep := true
		for i, b := range base {
			if b != types.OIDUnknown {
				continue
			}
			t := a.typ(c.args[i])
			if t.Category != slot[i] || slotPreferred[i] && !t.Preferred {
				keep = false
				break
			}
		}
		if keep {
			kept = append(kept, c)
		}
	}
	if len(kept) > 0 {
		*cands = kept
	}
	if len(kept) == 1 {
		return kept[0]
	}
	return nil
}

// keepBest returns the candidates with the highest score.
func keepBest(cands []*candidate, score func(*candidate) int) []*candidate {
	best := -1
	var out []*candidate
	for _, c := range cands {
		n := score(c)
		if n > best {
			best, out = n, out[:0:0]
		}
		if n == best {
			out = append(out, c)
		}
	}
	return out
}

// funcCandidates lists the visible functions that a call could mean by name, number and names of arguments (FuncnameGetCandidates).
func (a *analyzer) funcCandidates(schema, name string, nargs int, argNames []string, expandVariadic, expandDefaults bool) []*candidate {
	ns := types.OID(0)
	if schema != "" {
		if ns = a.schemaOID(schema, true, -1); ns == 0 {
			return nil
		}
	}
	var out []*candidate
	special := false
	for _, p := range a.cat.Procs(name) {
		c := &candidate{proc: p}
		if ns != 0 {
			if p.Namespace != ns {
				continue
			}
		} else if c.pathPos = a.inSearchPath(p.Namespace); c.pathPos < 0 {
			if p.Namespace != pgCatalog {
				continue
			}
			c.pathPos = len(a.env.SearchPath)
		} else if p.Namespace == a.env.TempSchema {
			continue // functions in the temporary schema are not found without their schema
		}
		if !a.matchCandidate(c, nargs, argNames, expandVariadic, expandDefaults) {
			continue
		}
		if c.nVar > 0 || c.nDefault > 0 || p.Variadic != 0 && expandVariadic {
			special = true
		}
		if (special || ns == 0) && len(out) > 0 {
			if out = dedupe(out, c); out == nil {
				return nil
			}
			continue
		}
		out = append(out, c)
	}
	return out
}

// matchCandidate fills in how a function would take the call's arguments.
func (a *analyzer) matchCandidate(c *candidate, nargs int, argNames []string, expandVariadic, expandDefaults bool) bool {
	p := c.proc
	np := len(p.Args)
	variadic, defaults := false, false
	if len(argNames) > 0 {
		if p.Variadic != 0 && expandVariadic {
			return false
		}
		if !matchNamedCall(c, nargs, argNames) {
			return false
		}
		defaults = np > nargs
	} else {
		variadic = np <= nargs && expandVariadic && p.Variadic != 0
		if np > nargs && expandDefaults {
			if nargs+p.NDefaults < np {
				return false
			}
			defaults = true
		}
		if np != nargs && !variadic && !defaults {
			return false
		}
	}
	c.args = make([]types.OID, max(np, nargs))
	if c.argNums != nil {
		for i, n := range c.argNums {
			c.args[i] = p.Args[n]
		}
	} else {
		copy(c.args, p.Args)
	}
	if variadic {
		c.nVar = len(c.args) - np + 1
		for i := np - 1; i < len(c.args); i++ {
			c.args[i] = p.Variadic
		}
	}
	if defaults {
		c.nDefault = np - nargs
	}
	return true
}

// matchNamedCall assigns named arguments to parameters (MatchNamedCall).
func matchNamedCall(c *candidate, nargs int, argNames []string) bool {
	p := c.proc
	np := len(p.Args)
	if nargs > np || nargs+p.NDefaults < np || len(p.ArgNames) == 0 {
		return false
	}
	given := make([]bool, np)
	nums := make([]int, 0, np)
	positional := nargs - len(argNames)
	for i := 0; i < positional; i++ {
		nums = append(nums, i)
		given[i] = true
	}
	for _, name := range argNames {
		pp, found := 0, false
		for i, n := range p.ArgNames {
			if p.ArgModes != nil {
				if m := p.ArgModes[i]; m != 'i' && m != 'b' && m != 'v' {
					continue
				}
			}
			if n != "" && n == name {
				if pp >= np || given[pp] {
					return false
				}
				given[pp], found = true, true
				nums = append(nums, pp)
			}
			if found {
				break
			}
			pp++
		}
		if !found {
			return false
		}
	}
	// The rest must have defaults.
	for i := positional; i < np; i++ {
		if !given[i] {
			if i < np-p.NDefaults {
				return false
			}
			nums = append(nums, i)
		}
	}
	c.argNums = nums
	return true
}

// dedupe adds a candidate unless one with the same parameter types takes precedence; between equals the call is ambiguous.
func dedupe(list []*candidate, c *candidate) []*candidate {
	n := len(c.args) - c.nDefault
	for i, old := range list {
		if len(old.args)-old.nDefault != n || !slices.Equal(old.args[:n], c.args[:n]) {
			continue
		}
		pref := 0
		switch {
		case c.pathPos != old.pathPos:
			pref = c.pathPos - old.pathPos
		case c.nVar > 0 && old.nVar == 0:
			pref = 1
		case c.nVar == 0 && old.nVar > 0:
			pref = -1
		}
		switch {
		case pref < 0:
			list[i] = c
		case pref == 0:
			old.ambiguous = true
		}
		return list
	}
	return append(list, c)
}

// matchCandidates keeps the candidates that the arguments can be coerced to implicitly (func_match_argtypes).
func (a *analyzer) matchCandidates(inputs []types.OID, cands []*candidate) []*candidate {
	var out []*candidate
	for _, c := range cands {
		if a.canCoerce(inputs, c.args[:len(inputs)], implicit) {
			out = append(out, c)
		}
	}
	return out
}
