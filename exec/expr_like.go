package exec

import (
	"strings"

	"kimberlite/sql/types"
)

// likeExpr is LIKE with one pattern for all rows. Patterns made of literal pieces between % signs are matched here, others by the function.
type likeExpr struct {
	arg     expr
	pattern scalarExpr
	general *funcExpr
	not     bool
	out     scratch
	buf     []int32

	last   string // the pattern that p was made of
	parsed bool
	simple bool
	p      likePattern
}

// ready takes the pattern at hand apart, once for each; false leaves the match to the function.
func (e *likeExpr) ready() (bool, error) {
	d, err := e.pattern.scalar()
	if err != nil || d.Null {
		return false, err
	}
	if !e.parsed || d.S != e.last {
		e.last, e.parsed = strings.Clone(d.S), true
		e.p, e.simple = parseLike(e.last)
	}
	return e.simple, nil
}

// likePattern is prefix%piece%...%suffix; exact when there is no %.
type likePattern struct {
	exact          bool
	prefix, suffix string
	pieces         []string
	length         int // of all pieces together
}

// parseLike takes a pattern apart; ok is false for patterns with _ or a broken escape, which go to the general matcher.
func parseLike(pattern string) (p likePattern, ok bool) {
	var parts []string
	var cur strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; c {
		case '_':
			return p, false
		case '%':
			parts = append(parts, cur.String())
			cur.Reset()
		case '\\':
			i++
			if i == len(pattern) {
				return p, false
			}
			cur.WriteByte(pattern[i])
		default:
			cur.WriteByte(c)
		}
	}
	parts = append(parts, cur.String())
	if len(parts) == 1 {
		return likePattern{exact: true, prefix: parts[0]}, true
	}
	p.prefix, p.suffix = parts[0], parts[len(parts)-1]
	p.length = len(p.prefix) + len(p.suffix)
	for _, s := range parts[1 : len(parts)-1] {
		if s != "" {
			p.pieces = append(p.pieces, s)
			p.length += len(s)
		}
	}
	return p, true
}

func (p *likePattern) match(s string) bool {
	if p.exact {
		return s == p.prefix
	}
	if len(s) < p.length || !strings.HasPrefix(s, p.prefix) || !strings.HasSuffix(s, p.suffix) {
		return false
	}
	s = s[len(p.prefix) : len(s)-len(p.suffix)]
	for _, piece := range p.pieces {
		at := strings.Index(s, piece)
		if at < 0 {
			return false
		}
		s = s[at+len(piece):]
	}
	return true
}

func (e *likeExpr) row(r *rowEnv) (types.Datum, error) {
	simple, err := e.ready()
	if err != nil {
		return types.Datum{}, err
	}
	if !simple {
		return e.general.row(r)
	}
	d, err := e.arg.row(r)
	if err != nil || d.Null {
		return d, err
	}
	return types.Bool(e.p.match(d.S) != e.not), nil
}

func (e *likeExpr) vec(b *types.Batch, sel []int32) (*types.Vec, error) {
	if len(sel) == 0 { // the pattern is not asked for either
		return e.out.begin(b.N), nil
	}
	simple, err := e.ready()
	if err != nil {
		return nil, err
	}
	if !simple {
		return e.general.vec(b, sel)
	}
	x, err := e.arg.vec(b, sel)
	if err != nil {
		return nil, err
	}
	out := e.out.begin(b.N)
	e.out.unionNulls(x.Nulls, nil)
	for _, i := range sel {
		out.Fix[i] = b2i(e.p.match(x.Str[i]) != e.not)
	}
	return out, nil
}

func (e *likeExpr) filter(b *types.Batch, sel []int32) ([]int32, error) {
	if len(sel) == 0 {
		return sel, nil
	}
	simple, err := e.ready()
	if err != nil {
		return nil, err
	}
	if !simple {
		return filterRows(e.general, b, sel, &e.buf)
	}
	x, err := e.arg.vec(b, sel)
	if err != nil {
		return nil, err
	}
	out := selBuf(&e.buf)[:0]
	for _, i := range sel {
		if e.p.match(x.Str[i]) != e.not {
			out = append(out, i)
		}
	}
	if x.Nulls != nil {
		out = dropNulls(x.Nulls, out)
	}
	return out, nil
}
