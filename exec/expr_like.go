package exec

import (
	"strings"

	"kimberlite/sql/types"
)

// likeExpr is LIKE with a constant pattern made of literal pieces between % signs.
type likeExpr struct {
	arg expr
	p   likePattern
	not bool
	out scratch
	buf []int32
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
	d, err := e.arg.row(r)
	if err != nil || d.Null {
		return d, err
	}
	return types.Bool(e.p.match(d.S) != e.not), nil
}

func (e *likeExpr) vec(b *types.Batch, sel []int32) (*types.Vec, error) {
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
