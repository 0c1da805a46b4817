package types

import (
	"encoding/binary"
	"strconv"
	"strings"

	"kimberlite/sql/pgerr"
)

// arrayIn reads {a,"b c",NULL,{...}} with the bounds before it or not ([2:3]={...}).
func arrayIn(ctx *Ctx, t T, s string) (Datum, error) {
	ty := Lookup(ctx, t.OID)
	if ty == nil {
		return Datum{}, unknownType(t.OID)
	}
	elem := T{ty.Elem, t.Mod}
	delim := byte(',')
	if e := Lookup(ctx, ty.Elem); e != nil && e.Delim != 0 {
		delim = e.Delim
	}
	r := arrayReader{text: s, delim: delim}
	given, err := r.bounds()
	if err != nil {
		return Datum{}, err
	}
	in, err := TextIn(ctx, elem)
	if err != nil {
		return Datum{}, err
	}
	b := NewArrayBuilder(ctx, ty.Elem)
	dims, err := r.contents(func(text string, null bool) error {
		if null {
			b.Append(NullDatum)
			return CheckNull(ctx, elem)
		}
		d, err := in(text)
		b.Append(d)
		return err
	})
	if err != nil {
		return Datum{}, err
	}
	if given != nil {
		if len(dims) != len(given) {
			return Datum{}, r.malformed("Specified array dimensions do not match array contents.")
		}
		for i := range dims {
			if dims[i].Len != given[i].Len {
				return Datum{}, r.malformed("Specified array dimensions do not match array contents.")
			}
		}
		dims = given
	}
	packed, err := b.FinishDims(dims)
	return Datum{S: packed}, err
}

// arrayReader takes the text form of an array apart. Its states follow what array_in accepts: see contents.
type arrayReader struct {
	text  string
	at    int
	delim byte
}

func (r *arrayReader) malformed(detail string) error {
	return pgerr.New(pgerr.InvalidTextRepresentation, `malformed array literal: "`+r.text+`"`).WithDetail("%s", detail)
}

func (r *arrayReader) unexpected(c byte) error {
	return r.malformed(`Unexpected "` + string(rune(c)) + `" character.`)
}

func (r *arrayReader) peek() byte {
	if r.at < len(r.text) {
		return r.text[r.at]
	}
	return 0
}

func (r *arrayReader) skipBlanks() {
	for r.at < len(r.text) && isSpace(r.text[r.at]) {
		r.at++
	}
}

// bounds reads [lower:upper]...= and stops at the opening brace.
func (r *arrayReader) bounds() ([]ArrayDim, error) {
	var dims []ArrayDim
	for {
		r.skipBlanks()
		if r.peek() != '[' {
			break
		}
		r.at++
		if len(dims) >= arrayDimsMax {
			return nil, tooManyDims(len(dims) + 1)
		}
		first, ok, err := r.bound()
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, r.malformed(`"[" must introduce explicitly-specified array dimensions.`)
		}
		lower, upper := 1, first
		if r.peek() == ':' {
			r.at++
			if upper, ok, err = r.bound(); err != nil {
				return nil, err
			}
			if !ok {
				return nil, r.malformed("Missing array dimension value.")
			}
			lower = first
		}
		if r.peek() != ']' {
			return nil, r.malformed(`Missing "]" after array dimensions.`)
		}
		r.at++
		if upper < lower {
			return nil, pgerr.New(pgerr.ArraySubscriptError, "upper bound cannot be less than lower bound")
		}
		dims = append(dims, ArrayDim{upper - lower + 1, lower})
		if err := CheckArrayDims(dims); err != nil {
			return nil, err
		}
	}
	if dims == nil {
		if r.peek() != '{' {
			return nil, r.malformed(`Array value must start with "{" or dimension information.`)
		}
		return nil, nil
	}
	if r.peek() != '=' {
		return nil, r.malformed(`Missing "=" after array dimensions.`)
	}
	r.at++
	r.skipBlanks()
	if r.peek() != '{' {
		return nil, r.malformed(`Array contents must start with "{".`)
	}
	return dims, nil
}

// bound reads one number of the bounds; ok is false when there is none.
func (r *arrayReader) bound() (n int, ok bool, err error) {
	start := r.at
	for c := r.peek(); c-'0' <= 9 || c == '-' || c == '+'; c = r.peek() {
		r.at++
	}
	if r.at == start {
		return 0, false, nil
	}
	v, convErr := strconv.ParseInt(r.text[start:r.at], 10, 32)
	if convErr != nil && v == 0 { // "--1" and the like, which C's atoi reads as 0
		return 0, true, nil
	}
	return int(v), true, nil
}

// What the reader has just seen.
type arrayState uint8

const (
	arrayStart arrayState = iota
	arrayLevelOpened
	arrayElem       // inside an unquoted element
	arrayQuoted     // inside quotes
	arrayQuotedDone // after the closing quote
	arrayElemDelim
	arrayLevelClosed
	arrayLevelDelim
)

// contents reads from the opening brace to the end, gives each element to emit, and returns the dimensions.
func (r *arrayReader) contents(emit func(text string, null bool) error) ([]ArrayDim, error) {
	var (
		state   = arrayStart
		depth   = 0
		ndim    = 0
		counts  [arrayDimsMax]int // elements or sub-arrays of the level being read
		lengths [arrayDimsMax]int // of a finished level; 0: none yet
		elem    = elemText{}
		any     = false
	)
	finish := func() error {
		if state != arrayElem && state != arrayQuotedDone {
			return nil
		}
		any = true
		counts[depth-1]++
		return emit(elem.take(state == arrayQuotedDone))
	}
	for {
		if r.at >= len(r.text) {
			return nil, r.malformed("Unexpected end of input.")
		}
		c := r.text[r.at]
		r.at++
		switch {
		case c == '\\':
			switch state {
			case arrayLevelOpened, arrayElem, arrayElemDelim:
				if state != arrayElem {
					elem.start()
				}
				state = arrayElem
			case arrayQuoted:
			default:
				return nil, r.unexpected('\\')
			}
			if r.at >= len(r.text) {
				return nil, r.malformed("Unexpected end of input.")
			}
			elem.escaped(r.text[r.at])
			r.at++
		case state == arrayQuoted && c != '"':
			elem.add(c)
		case c == '"':
			switch state {
			case arrayLevelOpened, arrayElemDelim:
				elem.start()
				state = arrayQuoted
			case arrayQuoted:
				state = arrayQuotedDone
			default:
				return nil, r.malformed("Unexpected array element.")
			}
		case c == '{':
			if state != arrayStart && state != arrayLevelOpened && state != arrayLevelDelim {
				return nil, r.unexpected('{')
			}
			if depth >= arrayDimsMax {
				return nil, tooManyDims(depth + 1)
			}
			counts[depth] = 0
			depth++
			ndim = max(ndim, depth)
			state = arrayLevelOpened
		case c == '}':
			switch {
			case state == arrayElem, state == arrayQuotedDone, state == arrayLevelClosed, state == arrayLevelOpened && depth == 1:
			default:
				return nil, r.unexpected('}')
			}
			if err := finish(); err != nil {
				return nil, err
			}
			depth--
			if lengths[depth] != 0 && lengths[depth] != counts[depth] {
				return nil, r.malformed("Multidimensional arrays must have sub-arrays with matching dimensions.")
			}
			lengths[depth] = counts[depth]
			state = arrayLevelClosed
			if depth == 0 {
				r.skipBlanks()
				if r.at < len(r.text) {
					return nil, r.malformed("Junk after closing right brace.")
				}
				if !any {
					return nil, nil
				}
				dims := make([]ArrayDim, ndim)
				for i := range dims {
					dims[i] = ArrayDim{lengths[i], 1}
				}
				return dims, nil
			}
			counts[depth-1]++
		case c == r.delim:
			switch state {
			case arrayElem, arrayQuotedDone:
				if err := finish(); err != nil {
					return nil, err
				}
				state = arrayElemDelim
			case arrayLevelClosed:
				state = arrayLevelDelim
			default:
				return nil, r.unexpected(r.delim)
			}
		case isSpace(c):
			if state == arrayElem {
				elem.blank(c)
			}
		default:
			switch state {
			case arrayLevelOpened, arrayElemDelim:
				elem.start()
				state = arrayElem
			case arrayElem:
			default:
				return nil, r.malformed("Unexpected array element.")
			}
			elem.add(c)
		}
	}
}

// elemText gathers the text of one element.
type elemText struct {
	buf       []byte
	keep      int // how much of buf cannot be trimmed: up to the last character that is no plain blank
	hasEscape bool
}

func (e *elemText) start()         { e.buf, e.keep, e.hasEscape = e.buf[:0], 0, false }
func (e *elemText) add(c byte)     { e.buf = append(e.buf, c); e.keep = len(e.buf) }
func (e *elemText) blank(c byte)   { e.buf = append(e.buf, c) }
func (e *elemText) escaped(c byte) { e.add(c); e.hasEscape = true }

// take returns the element and whether it is the word NULL.
func (e *elemText) take(quoted bool) (string, bool) {
	if quoted {
		return string(e.buf), false
	}
	s := string(e.buf[:e.keep])
	return s, !e.hasEscape && strings.EqualFold(s, "null")
}

func arrayOut(ctx *Ctx, _ T, d Datum, dst []byte) []byte {
	a := ParseArray(d.S)
	if a.n == 0 {
		return append(dst, '{', '}')
	}
	delim := byte(',')
	if e := Lookup(ctx, a.Type); e != nil && e.Delim != 0 {
		delim = e.Delim
	}
	dims := a.Dims()
	for _, dim := range dims {
		if dim.Lower != 1 {
			for _, dim := range dims {
				dst = strconv.AppendInt(append(dst, '['), int64(dim.Lower), 10)
				dst = strconv.AppendInt(append(dst, ':'), int64(dim.Lower+dim.Len-1), 10)
				dst = append(dst, ']')
			}
			dst = append(dst, '=')
			break
		}
	}
	out := TextOut(ctx, Of(a.Type))
	i := 0
	var level func(depth int)
	level = func(depth int) {
		dst = append(dst, '{')
		for j := range dims[depth].Len {
			if j > 0 {
				dst = append(dst, delim)
			}
			if depth < len(dims)-1 {
				level(depth + 1)
				continue
			}
			if a.IsNull(i) {
				dst = append(dst, "NULL"...)
			} else {
				start := len(dst)
				dst = out(dst, a.Elem(i))
				dst = quoteElem(dst, start, delim)
			}
			i++
		}
		dst = append(dst, '}')
	}
	level(0)
	return dst
}

// quoteElem puts quotes around the element dst[start:] if array_out would.
func quoteElem(dst []byte, start int, delim byte) []byte {
	e := dst[start:]
	need := len(e) == 0 || len(e) == 4 && strings.EqualFold(string(e), "null")
	extra := 2
	for _, c := range e {
		switch {
		case c == '"' || c == '\\':
			need = true
			extra++
		case c == '{' || c == '}' || c == delim || isSpace(c):
			need = true
		}
	}
	if !need {
		return dst
	}
	return quoteInPlace(dst, start, extra, '\\', '\\')
}

// quoteInPlace surrounds dst[start:] with double quotes and puts a character before each quote and backslash in it; extra is how
// many bytes that adds.
func quoteInPlace(dst []byte, start, extra int, beforeQuote, beforeBackslash byte) []byte {
	end := len(dst)
	for range extra {
		dst = append(dst, 0)
	}
	w := len(dst) - 1
	dst[w] = '"'
	for r := end - 1; r >= start; r-- {
		w--
		c := dst[r]
		dst[w] = c
		if c == '"' {
			w--
			dst[w] = beforeQuote
		} else if c == '\\' {
			w--
			dst[w] = beforeBackslash
		}
	}
	dst[start] = '"'
	return dst
}

func arraySend(ctx *Ctx, _ T, d Datum, dst []byte) []byte {
	a := ParseArray(d.S)
	flag := uint32(0)
	if a.HasNulls() {
		flag = 1
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(a.ndim))
	dst = binary.BigEndian.AppendUint32(dst, flag)
	dst = binary.BigEndian.AppendUint32(dst, uint32(a.Type))
	for _, dim := range a.Dims() {
		dst = binary.BigEndian.AppendUint32(dst, uint32(dim.Len))
		dst = binary.BigEndian.AppendUint32(dst, uint32(dim.Lower))
	}
	out, err := BinaryOut(ctx, Of(a.Type))
	for i := range a.n {
		if a.IsNull(i) || err != nil {
			dst = binary.BigEndian.AppendUint32(dst, 1<<32-1)
			continue
		}
		dst = appendSized(dst, out, a.Elem(i))
	}
	return dst
}

// appendSized appends a value's binary form after its length.
func appendSized(dst []byte, out func([]byte, Datum) []byte, d Datum) []byte {
	n := len(dst)
	dst = out(append(dst, 0, 0, 0, 0), d)
	binary.BigEndian.PutUint32(dst[n:], uint32(len(dst)-n-4))
	return dst
}

// binReader reads a message's fields; after the first error all further ones read as zero.
type binReader struct {
	b   []byte
	err error
}

func (r *binReader) take(n int) []byte {
	if r.err != nil || n < 0 || n > len(r.b) {
		if r.err == nil {
			r.err = errInsufficientData
		}
		return make([]byte, max(min(n, 8), 0))
	}
	p := r.b[:n]
	r.b = r.b[n:]
	return p
}

func (r *binReader) i32() int32  { return int32(binary.BigEndian.Uint32(r.take(4))) }
func (r *binReader) u32() uint32 { return binary.BigEndian.Uint32(r.take(4)) }

func arrayRecv(ctx *Ctx, t T, b []byte) (Datum, error) {
	ty := Lookup(ctx, t.OID)
	if ty == nil {
		return Datum{}, unknownType(t.OID)
	}
	return recvArray(ctx, T{ty.Elem, t.Mod}, b)
}

func recvArray(ctx *Ctx, elem T, b []byte) (Datum, error) {
	r := binReader{b: b}
	ndim, flags, have := int(r.i32()), r.i32(), OID(r.u32())
	switch {
	case r.err != nil:
		return Datum{}, r.err
	case ndim < 0:
		return Datum{}, pgerr.Newf(pgerr.InvalidBinaryRepresentation, "invalid number of dimensions: %d", ndim)
	case ndim > arrayDimsMax:
		return Datum{}, tooManyDims(ndim)
	case flags != 0 && flags != 1:
		return Datum{}, pgerr.New(pgerr.InvalidBinaryRepresentation, "invalid array flags")
	case have != elem.OID:
		return Datum{}, pgerr.Newf(pgerr.DatatypeMismatch, "binary data has array element type %d (%s) instead of expected %d (%s)",
			have, FormatTypeName(ctx, have), elem.OID, FormatTypeName(ctx, elem.OID))
	}
	dims := make([]ArrayDim, ndim)
	n := 0
	for i := range dims {
		dims[i] = ArrayDim{int(r.i32()), int(r.i32())}
		if dims[i].Len < 0 {
			return Datum{}, pgerr.Newf(pgerr.ProgramLimitExceeded, "array size exceeds the maximum allowed (%d)", arrayItemsMax)
		}
	}
	if r.err != nil {
		return Datum{}, r.err
	}
	if err := CheckArrayDims(dims); err != nil {
		return Datum{}, err
	}
	if ndim > 0 {
		n = 1
		for _, d := range dims {
			n *= d.Len
		}
	}
	in, err := BinaryIn(ctx, elem)
	if err != nil {
		return Datum{}, err
	}
	bld := NewArrayBuilder(ctx, elem.OID)
	for i := range n {
		size := int(r.i32())
		if r.err != nil {
			return Datum{}, r.err
		}
		if size == -1 {
			bld.Append(NullDatum)
			if err := CheckNull(ctx, elem); err != nil {
				return Datum{}, err
			}
			continue
		}
		if size < -1 || size > len(r.b) {
			return Datum{}, errInsufficientData
		}
		d, err := in(r.take(size))
		if err == errExtraData {
			err = pgerr.Newf(pgerr.InvalidBinaryRepresentation, "improper binary format in array element %d", i+1)
		}
		if err != nil {
			return Datum{}, err
		}
		bld.Append(d)
	}
	if len(r.b) > 0 {
		return Datum{}, errExtraData
	}
	if n == 0 {
		dims = nil
	}
	packed, err := bld.FinishDims(dims)
	return Datum{S: packed}, err
}

// vectorElem is the element type of int2vector and oidvector.
func vectorElem(t T) OID {
	if t.OID == OIDInt2vector {
		return OIDInt2
	}
	return OIDOid
}

// vectorIn reads numbers with blanks between.
func vectorIn(ctx *Ctx, t T, s string) (Datum, error) {
	elem := vectorElem(t)
	var values []int64
	for _, f := range strings.Fields(s) {
		d, err := In(ctx, Of(elem), f)
		if err != nil {
			return Datum{}, err
		}
		values = append(values, d.I)
	}
	return Datum{S: MakeVector(elem, values...)}, nil
}

func vectorOut(_ *Ctx, _ T, d Datum, dst []byte) []byte {
	a := ParseArray(d.S)
	for i := range a.n {
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = strconv.AppendInt(dst, a.Elem(i).I, 10)
	}
	return dst
}

func vectorRecv(ctx *Ctx, t T, b []byte) (Datum, error) {
	d, err := recvArray(ctx, Of(vectorElem(t)), b)
	if err != nil {
		return d, err
	}
	a := ParseArray(d.S)
	if a.HasNulls() || a.ndim > 1 || a.ndim == 1 && a.dims[0].Lower != 0 {
		return Datum{}, pgerr.Newf(pgerr.InvalidBinaryRepresentation, "invalid %s data", Builtin(t.OID).Name)
	}
	if a.ndim == 0 {
		return Datum{S: MakeVector(vectorElem(t))}, nil
	}
	return d, nil
}
