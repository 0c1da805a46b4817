package types

import (
	"encoding/binary"
	"strings"

	"kimberlite/sql/pgerr"
)

var (
	rangeOps      = new(ops) // filled in by init: their functions lead back here
	multirangeOps = new(ops)
)

func init() {
	*rangeOps = ops{
		in: rangeIn, out: rangeOut, recv: rangeRecv, send: rangeSend,
		cmp: compareRanges, hash: hashRange, key: rangeKey, lossy: true,
	}
	*multirangeOps = ops{
		in: multirangeIn, out: multirangeOut, recv: multirangeRecv, send: multirangeSend,
		cmp: compareMultiranges, hash: hashMultirange, key: multirangeKey, lossy: true,
	}
	r, m := *rangeOps, *multirangeOps
	r.in, r.recv, m.in, m.recv = nil, nil, nil, nil
	register(r, OIDAnyrange, OIDAnycompatiblerange)
	register(m, OIDAnymultirange, OIDAnycompatiblemultirange)
}

// rangeReader takes the text form of a range apart.
type rangeReader struct {
	text string
	at   int
}

func (r *rangeReader) malformed(detail string) error {
	return pgerr.New(pgerr.InvalidTextRepresentation, `malformed range literal: "`+r.text+`"`).WithDetail("%s", detail)
}

func (r *rangeReader) peek() byte {
	if r.at < len(r.text) {
		return r.text[r.at]
	}
	return 0
}

func (r *rangeReader) skipBlanks() {
	for isSpace(r.peek()) {
		r.at++
	}
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

func rangeIn(ctx *Ctx, t T, s string) (Datum, error) {
	subtype, err := rangeSubtype(ctx, t.OID)
	if err != nil {
		return Datum{}, err
	}
	r := rangeReader{text: s}
	r.skipBlanks()
	if hasPrefixFold(s[r.at:], "empty") {
		r.at += len("empty")
		r.skipBlanks()
		if r.at < len(s) {
			return Datum{}, r.malformed(`Junk after "empty" key word.`)
		}
		packed, err := EmptyRange(ctx, t.OID)
		return Datum{S: packed}, err
	}
	var lower, upper RangeBound
	switch r.peek() {
	case '[':
		lower.Inclusive = true
	case '(':
	default:
		return Datum{}, r.malformed("Missing left parenthesis or bracket.")
	}
	r.at++
	lowerText, lowerInf, err := r.bound()
	if err != nil {
		return Datum{}, err
	}
	if r.peek() != ',' {
		return Datum{}, r.malformed("Missing comma after lower bound.")
	}
	r.at++
	upperText, upperInf, err := r.bound()
	if err != nil {
		return Datum{}, err
	}
	switch r.peek() {
	case ']':
		upper.Inclusive = true
	case ')':
	default:
		return Datum{}, r.malformed("Too many commas.")
	}
	r.at++
	r.skipBlanks()
	if r.at < len(s) {
		return Datum{}, r.malformed("Junk after right parenthesis or bracket.")
	}
	lower.Inf, upper.Inf = lowerInf, upperInf
	if !lowerInf {
		if lower.Value, err = In(ctx, Of(subtype), lowerText); err != nil {
			return Datum{}, err
		}
	}
	if !upperInf {
		if upper.Value, err = In(ctx, Of(subtype), upperText); err != nil {
			return Datum{}, err
		}
	}
	packed, err := MakeRange(ctx, t.OID, lower, upper)
	return Datum{S: packed}, err
}

// bound reads up to the comma, bracket or parenthesis; nothing at all is no bound.
func (r *rangeReader) bound() (text string, inf bool, err error) {
	if c := r.peek(); c == ',' || c == ')' || c == ']' {
		return "", true, nil
	}
	var b strings.Builder
	quoted := false
	for {
		if r.at >= len(r.text) {
			return "", false, r.malformed("Unexpected end of input.")
		}
		c := r.text[r.at]
		if !quoted && (c == ',' || c == ')' || c == ']') {
			return b.String(), false, nil
		}
		r.at++
		switch {
		case c == '\\':
			if r.at >= len(r.text) {
				return "", false, r.malformed("Unexpected end of input.")
			}
			b.WriteByte(r.text[r.at])
			r.at++
		case c == '"' && quoted && r.peek() == '"':
			b.WriteByte('"')
			r.at++
		case c == '"':
			quoted = !quoted
		default:
			b.WriteByte(c)
		}
	}
}

func rangeOut(ctx *Ctx, _ T, d Datum, dst []byte) []byte {
	r := ParseRange(d.S)
	if r.Empty {
		return append(dst, "empty"...)
	}
	out := TextOut(ctx, Of(r.Subtype))
	bound := func(b *RangeBound) {
		if !b.Inf {
			start := len(dst)
			dst = quoteBound(out(dst, b.Value), start)
		}
	}
	if r.Lower.Inclusive {
		dst = append(dst, '[')
	} else {
		dst = append(dst, '(')
	}
	bound(&r.Lower)
	dst = append(dst, ',')
	bound(&r.Upper)
	if r.Upper.Inclusive {
		return append(dst, ']')
	}
	return append(dst, ')')
}

// quoteBound puts quotes around the bound dst[start:] if range_out would; quotes and backslashes in it are doubled.
func quoteBound(dst []byte, start int) []byte {
	need := len(dst) == start
	extra := 2
	for _, c := range dst[start:] {
		switch {
		case c == '"' || c == '\\':
			need = true
			extra++
		case c == '(' || c == ')' || c == '[' || c == ']' || c == ',' || isSpace(c):
			need = true
		}
	}
	if !need {
		return dst
	}
	return quoteInPlace(dst, start, extra, '"', '\\')
}

func rangeSend(ctx *Ctx, _ T, d Datum, dst []byte) []byte {
	r := ParseRange(d.S)
	if r.Empty {
		return append(dst, rangeEmpty)
	}
	dst = append(dst, d.S[0])
	out, err := BinaryOut(ctx, Of(r.Subtype))
	for _, b := range []*RangeBound{&r.Lower, &r.Upper} {
		if !b.Inf && err == nil {
			dst = appendSized(dst, out, b.Value)
		}
	}
	return dst
}

func rangeRecv(ctx *Ctx, t T, b []byte) (Datum, error) {
	subtype, err := rangeSubtype(ctx, t.OID)
	if err != nil {
		return Datum{}, err
	}
	if len(b) == 0 {
		return Datum{}, errNoData
	}
	flags := b[0] & rangeFlags
	r := binReader{b: b[1:]}
	bound := func(inf, inc byte) (rb RangeBound, err error) {
		rb.Inclusive = flags&inc != 0
		if rb.Inf = flags&(inf|rangeEmpty) != 0; rb.Inf {
			return rb, nil
		}
		p := r.take(int(r.i32()))
		if r.err != nil {
			return rb, r.err
		}
		rb.Value, err = Recv(ctx, Of(subtype), p)
		return rb, err
	}
	lower, err := bound(rangeLowerInf, rangeLowerInc)
	if err != nil {
		return Datum{}, err
	}
	upper, err := bound(rangeUpperInf, rangeUpperInc)
	if err != nil {
		return Datum{}, err
	}
	if len(r.b) > 0 {
		return Datum{}, errExtraData
	}
	var packed string
	if flags&rangeEmpty != 0 {
		packed, err = EmptyRange(ctx, t.OID)
	} else {
		packed, err = MakeRange(ctx, t.OID, lower, upper)
	}
	return Datum{S: packed}, err
}

// multirangeIn reads {range,range,...}.
func multirangeIn(ctx *Ctx, t T, s string) (Datum, error) {
	malformed := func(detail string) error {
		return pgerr.New(pgerr.InvalidTextRepresentation, `malformed multirange literal: "`+s+`"`).WithDetail("%s", detail)
	}
	ty := Lookup(ctx, t.OID)
	if ty == nil || ty.Range == nil {
		return Datum{}, unknownType(t.OID)
	}
	in, err := TextIn(ctx, Of(ty.Range.Multirange))
	if err != nil {
		return Datum{}, err
	}
	r := rangeReader{text: s}
	r.skipBlanks()
	if r.peek() != '{' {
		return Datum{}, malformed("Missing left brace.")
	}
	r.at++
	var ranges []string
	for n := 0; ; n++ {
		r.skipBlanks()
		if r.at >= len(s) {
			return Datum{}, malformed("Unexpected end of input.")
		}
		switch c := s[r.at]; {
		case c == '}' && n == 0:
		case c == '[' || c == '(':
			end := endOfRange(s, r.at)
			if end < 0 {
				return Datum{}, malformed("Unexpected end of input.")
			}
			d, err := in(s[r.at:end])
			if err != nil {
				return Datum{}, err
			}
			ranges = append(ranges, d.S)
			r.at = end
		case hasPrefixFold(s[r.at:], "empty"):
			r.at += len("empty")
		default:
			return Datum{}, malformed("Expected range start.")
		}
		r.skipBlanks()
		if r.at >= len(s) {
			return Datum{}, malformed("Unexpected end of input.")
		}
		c := s[r.at]
		r.at++
		if c == '}' {
			break
		}
		if c != ',' {
			return Datum{}, malformed("Expected comma or end of multirange.")
		}
	}
	r.skipBlanks()
	if r.at < len(s) {
		return Datum{}, malformed("Junk after closing right brace.")
	}
	packed, err := MakeMultirange(ctx, t.OID, ranges)
	return Datum{S: packed}, err
}

// endOfRange returns where the range that starts at s[at] ends, -1 if it doesn't.
func endOfRange(s string, at int) int {
	quoted := false
	for i := at + 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case c == '"' && quoted && i+1 < len(s) && s[i+1] == '"':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ')' || c == ']'):
			return i + 1
		}
	}
	return -1
}

func multirangeOut(ctx *Ctx, t T, d Datum, dst []byte) []byte {
	dst = append(dst, '{')
	for i, r := range ParseMultirange(d.S) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = rangeOut(ctx, t, Datum{S: r}, dst)
	}
	return append(dst, '}')
}

func multirangeSend(ctx *Ctx, t T, d Datum, dst []byte) []byte {
	ranges := ParseMultirange(d.S)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(ranges)))
	send := func(dst []byte, r Datum) []byte { return rangeSend(ctx, t, r, dst) }
	for _, r := range ranges {
		dst = appendSized(dst, send, Datum{S: r})
	}
	return dst
}

func multirangeRecv(ctx *Ctx, t T, b []byte) (Datum, error) {
	ty := Lookup(ctx, t.OID)
	if ty == nil || ty.Range == nil {
		return Datum{}, unknownType(t.OID)
	}
	r := binReader{b: b}
	n := r.u32()
	var ranges []string
	for range n {
		p := r.take(int(r.i32()))
		if r.err != nil {
			return Datum{}, r.err
		}
		d, err := rangeRecv(ctx, Of(ty.Range.Multirange), p)
		if err != nil {
			return Datum{}, err
		}
		ranges = append(ranges, d.S)
	}
	if r.err != nil {
		return Datum{}, r.err
	}
	if len(r.b) > 0 {
		return Datum{}, errExtraData
	}
	packed, err := MakeMultirange(ctx, t.OID, ranges)
	return Datum{S: packed}, err
}
