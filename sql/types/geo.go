package types

import (
	"encoding/binary"
	"math"
	"strings"
	"unsafe"

	"kimberlite/sql/pgerr"
)

// The packed forms of the geometric types are runs of float8, 8 bytes each, little-endian: point x y; lseg two points; box the upper right
// and the lower left point; line A B C; circle the centre and the radius; polygon its points; path a byte (1: closed) before its points.

func init() {
	register(ops{in: pointIn, out: pointOut, recv: floatsRecv(2), send: floatsSend}, OIDPoint)
	register(ops{in: lsegIn, out: lsegOut, recv: floatsRecv(4), send: floatsSend}, OIDLseg)
	register(ops{in: boxIn, out: boxOut, recv: boxRecv, send: floatsSend}, OIDBox)
	register(ops{in: lineIn, out: lineOut, recv: lineRecv, send: floatsSend}, OIDLine)
	register(ops{in: circleIn, out: circleOut, recv: circleRecv, send: floatsSend}, OIDCircle)
	register(ops{in: polygonIn, out: polygonOut, recv: polygonRecv, send: polygonSend}, OIDPolygon)
	register(ops{in: pathIn, out: pathOut, recv: pathRecv, send: pathSend}, OIDPath)
}

// PackFloats returns the packed form of a run of floats.
func PackFloats(fs ...float64) string {
	if len(fs) == 0 {
		return ""
	}
	buf := make([]byte, 0, 8*len(fs))
	for _, f := range fs {
		buf = binary.LittleEndian.AppendUint64(buf, math.Float64bits(f))
	}
	return unsafe.String(&buf[0], len(buf))
}

// UnpackFloats returns the floats of a packed geometric value (of a path: without its first byte, see UnpackPath).
func UnpackFloats(s string) []float64 {
	fs := make([]float64, len(s)/8)
	for i := range fs {
		fs[i] = math.Float64frombits(le64(s[8*i:]))
	}
	return fs
}

// PackPath returns the packed path through the points x1 y1 x2 y2 ...
func PackPath(closed bool, points ...float64) string {
	if closed {
		return "\x01" + PackFloats(points...)
	}
	return "\x00" + PackFloats(points...)
}

// UnpackPath is the inverse of PackPath.
func UnpackPath(s string) (closed bool, points []float64) {
	if s == "" {
		return false, nil
	}
	return s[0] != 0, UnpackFloats(s[1:])
}

// MakeBox packs the box with two opposite corners.
func MakeBox(x1, y1, x2, y2 float64) string {
	if x1 < x2 {
		x1, x2 = x2, x1
	}
	if y1 < y2 {
		y1, y2 = y2, y1
	}
	return PackFloats(x1, y1, x2, y2)
}

// geoReader reads the text form of a geometric type; after the first error nothing moves.
type geoReader struct {
	text string
	at   int
	name string
	err  error
}

func (r *geoReader) fail() {
	if r.err == nil {
		r.err = invalidSyntax(r.name, r.text)
	}
}

func (r *geoReader) peek() byte {
	if r.at < len(r.text) {
		return r.text[r.at]
	}
	return 0
}

func (r *geoReader) skipBlanks() {
	for isSpace(r.peek()) {
		r.at++
	}
}

// accept moves over c if it is next.
func (r *geoReader) accept(c byte) bool {
	if r.peek() != c {
		return false
	}
	r.at++
	return true
}

// end fails unless everything was read.
func (r *geoReader) end() {
	if r.at < len(r.text) {
		r.fail()
	}
}

// float reads a number and the blanks around it.
func (r *geoReader) float() float64 {
	if r.err != nil {
		return 0
	}
	r.skipBlanks()
	rest := r.text[r.at:]
	num, _ := scanFloat(rest)
	if num == "" { // NaN and the infinities are letters
		n := 0
		for n < len(rest) && (rest[n]|0x20-'a' < 26 || n == 0 && (rest[n] == '-' || rest[n] == '+')) {
			n++
		}
		num = rest[:n]
	}
	f, err := ParseFloat8(num)
	if err != nil {
		if pgerr.Is(err, pgerr.InvalidTextRepresentation) {
			r.fail()
		} else {
			r.err = err
		}
		return 0
	}
	r.at += len(num)
	r.skipBlanks()
	return f
}

// pair reads x,y with parentheses around it or not.
func (r *geoReader) pair() (x, y float64) {
	r.skipBlanks()
	paren := r.accept('(')
	x = r.float()
	if !r.accept(',') {
		r.fail()
	}
	y = r.float()
	if paren {
		if !r.accept(')') {
			r.fail()
		}
		r.skipBlanks()
	}
	return x, y
}

// points reads n points in brackets (an open path), parentheses or nothing.
func (r *geoReader) points(n int, mayOpen bool) (fs []float64, open bool) {
	depth := 0
	r.skipBlanks()
	if open = r.peek() == '['; open {
		if !mayOpen {
			r.fail()
		}
		depth++
		r.at++
	} else if r.peek() == '(' {
		next := r.at + 1
		for next < len(r.text) && isSpace(r.text[next]) {
			next++
		}
		if next < len(r.text) && r.text[next] == '(' || strings.LastIndexByte(r.text, '(') == r.at {
			depth++
			r.at = next
		}
	}
	for i := 0; i < n && r.err == nil; i++ {
		x, y := r.pair()
		fs = append(fs, x, y)
		r.accept(',')
	}
	for ; depth > 0 && r.err == nil; depth-- {
		if !r.accept(')') && !(open && depth == 1 && r.accept(']')) {
			r.fail()
		}
		r.skipBlanks()
	}
	return fs, open
}

// pointCount is how many points a text with its commas can have, 0 if it has an even number of them.
func pointCount(s string) int {
	n := strings.Count(s, ",")
	if n%2 == 0 {
		return 0
	}
	return (n + 1) / 2
}

func pointIn(_ *Ctx, _ T, s string) (Datum, error) {
	r := geoReader{text: s, name: "point"}
	x, y := r.pair()
	r.end()
	return Datum{S: PackFloats(x, y)}, r.err
}

func lsegIn(_ *Ctx, _ T, s string) (Datum, error) {
	r := geoReader{text: s, name: "lseg"}
	fs, _ := r.points(2, true)
	r.end()
	return Datum{S: PackFloats(fs...)}, r.err
}

func boxIn(_ *Ctx, _ T, s string) (Datum, error) {
	r := geoReader{text: s, name: "box"}
	fs, _ := r.points(2, false)
	r.end()
	if r.err != nil {
		return Datum{}, r.err
	}
	return Datum{S: MakeBox(fs[0], fs[1], fs[2], fs[3])}, nil
}

func polygonIn(_ *Ctx, _ T, s string) (Datum, error) {
	r := geoReader{text: s, name: "polygon"}
	n := pointCount(s)
	if n == 0 {
		r.fail()
	}
	fs, _ := r.points(n, false)
	r.end()
	return Datum{S: PackFloats(fs...)}, r.err
}

func pathIn(_ *Ctx, _ T, s string) (Datum, error) {
	r := geoReader{text: s, name: "path"}
	n := pointCount(s)
	if n == 0 {
		r.fail()
	}
	r.skipBlanks()
	single := r.peek() == '(' && strings.LastIndexByte(s, '(') == r.at // (x,y,x,y): the parenthesis is not a point's
	if single {
		r.at++
	}
	fs, open := r.points(n, true)
	if single {
		if !r.accept(')') {
			r.fail()
		}
		r.skipBlanks()
	}
	r.end()
	return Datum{S: PackPath(!open, fs...)}, r.err
}

func circleIn(_ *Ctx, _ T, s string) (Datum, error) {
	r := geoReader{text: s, name: "circle"}
	depth := 0
	r.skipBlanks()
	if r.accept('<') {
		depth++
	} else if r.peek() == '(' {
		next := r.at + 1
		for next < len(s) && isSpace(s[next]) {
			next++
		}
		if next < len(s) && s[next] == '(' {
			depth++
			r.at = next
		}
	}
	x, y := r.pair()
	r.accept(',')
	radius := r.float()
	if radius < 0 {
		r.fail()
	}
	for ; depth > 0 && r.err == nil; depth-- {
		if !r.accept(')') && !r.accept('>') {
			r.fail()
		}
		r.skipBlanks()
	}
	r.end()
	return Datum{S: PackFloats(x, y, radius)}, r.err
}

// geoEpsilon is PostgreSQL's tolerance when it compares coordinates.
const geoEpsilon = 1e-6

func geoEqual(a, b float64) bool { return a == b || math.Abs(a-b) <= geoEpsilon }

// lineIn reads {A,B,C}, or two points.
func lineIn(_ *Ctx, _ T, s string) (Datum, error) {
	r := geoReader{text: s, name: "line"}
	r.skipBlanks()
	if r.accept('{') {
		a := r.float()
		if !r.accept(',') {
			r.fail()
		}
		b := r.float()
		if !r.accept(',') {
			r.fail()
		}
		c := r.float()
		if !r.accept('}') {
			r.fail()
		}
		r.skipBlanks()
		r.end()
		if r.err == nil && geoEqual(a, 0) && geoEqual(b, 0) {
			return Datum{}, pgerr.New(pgerr.InvalidTextRepresentation, "invalid line specification: A and B cannot both be zero")
		}
		return Datum{S: PackFloats(a, b, c)}, r.err
	}
	fs, _ := r.points(2, true)
	r.end()
	if r.err != nil {
		return Datum{}, r.err
	}
	if geoEqual(fs[0], fs[2]) && geoEqual(fs[1], fs[3]) {
		return Datum{}, pgerr.New(pgerr.InvalidTextRepresentation, "invalid line specification: must be two distinct points")
	}
	return Datum{S: MakeLine(fs[0], fs[1], fs[2], fs[3])}, nil
}

// MakeLine packs the line through two distinct points.
func MakeLine(x1, y1, x2, y2 float64) string {
	switch {
	case geoEqual(x1, x2):
		return PackFloats(-1, 0, x1)
	case geoEqual(y1, y2):
		return PackFloats(0, -1, y1)
	}
	m := (y1 - y2) / (x1 - x2)
	c := y1 - m*x1
	if c == 0 {
		c = 0 // not -0
	}
	return PackFloats(m, -1, c)
}

func appendPair(dst []byte, ctx *Ctx, x, y float64) []byte {
	dst = AppendFloat8(append(dst, '('), x, ctx.ExtraFloatDigits)
	dst = AppendFloat8(append(dst, ','), y, ctx.ExtraFloatDigits)
	return append(dst, ')')
}

func appendPairs(dst []byte, ctx *Ctx, fs []float64) []byte {
	for i := 0; i+1 < len(fs); i += 2 {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendPair(dst, ctx, fs[i], fs[i+1])
	}
	return dst
}

func pointOut(ctx *Ctx, _ T, d Datum, dst []byte) []byte {
	return appendPairs(dst, ctx, UnpackFloats(d.S))
}

func boxOut(ctx *Ctx, _ T, d Datum, dst []byte) []byte {
	return appendPairs(dst, ctx, UnpackFloats(d.S))
}

func lsegOut(ctx *Ctx, _ T, d Datum, dst []byte) []byte {
	return append(appendPairs(append(dst, '['), ctx, UnpackFloats(d.S)), ']')
}

func polygonOut(ctx *Ctx, _ T, d Datum, dst []byte) []byte {
	return append(appendPairs(append(dst, '('), ctx, UnpackFloats(d.S)), ')')
}

func pathOut(ctx *Ctx, _ T, d Datum, dst []byte) []byte {
	closed, fs := UnpackPath(d.S)
	if closed {
		return append(appendPairs(append(dst, '('), ctx, fs), ')')
	}
	return append(appendPairs(append(dst, '['), ctx, fs), ']')
}

func lineOut(ctx *Ctx, _ T, d Datum, dst []byte) []byte {
	for i, f := range UnpackFloats(d.S) {
		dst = AppendFloat8(append(dst, "{,,"[i]), f, ctx.ExtraFloatDigits)
	}
	return append(dst, '}')
}

func circleOut(ctx *Ctx, _ T, d Datum, dst []byte) []byte {
	fs := UnpackFloats(d.S)
	if len(fs) != 3 {
		return dst
	}
	dst = appendPair(append(dst, '<'), ctx, fs[0], fs[1])
	dst = AppendFloat8(append(dst, ','), fs[2], ctx.ExtraFloatDigits)
	return append(dst, '>')
}

func appendFloatsBE(dst []byte, s string) []byte {
	for ; len(s) >= 8; s = s[8:] {
		dst = binary.BigEndian.AppendUint64(dst, le64(s))
	}
	return dst
}

func floatsSend(_ *Ctx, _ T, d Datum, dst []byte) []byte { return appendFloatsBE(dst, d.S) }

func polygonSend(_ *Ctx, _ T, d Datum, dst []byte) []byte {
	return appendFloatsBE(binary.BigEndian.AppendUint32(dst, uint32(len(d.S)/16)), d.S)
}

func pathSend(_ *Ctx, _ T, d Datum, dst []byte) []byte {
	if d.S == "" {
		return dst
	}
	dst = binary.BigEndian.AppendUint32(append(dst, d.S[0]), uint32(len(d.S)/16))
	return appendFloatsBE(dst, d.S[1:])
}

// recvFloats reads exactly n floats.
func recvFloats(b []byte, n int) ([]float64, error) {
	if len(b) < 8*n {
		return nil, errInsufficientData
	}
	if len(b) > 8*n {
		return nil, errExtraData
	}
	fs := make([]float64, n)
	for i := range fs {
		fs[i] = math.Float64frombits(binary.BigEndian.Uint64(b[8*i:]))
	}
	return fs, nil
}

func floatsRecv(n int) func(*Ctx, T, []byte) (Datum, error) {
	return func(_ *Ctx, _ T, b []byte) (Datum, error) {
		fs, err := recvFloats(b, n)
		return Datum{S: PackFloats(fs...)}, err
	}
}

func boxRecv(_ *Ctx, _ T, b []byte) (Datum, error) {
	fs, err := recvFloats(b, 4)
	if err != nil {
		return Datum{}, err
	}
	return Datum{S: MakeBox(fs[0], fs[1], fs[2], fs[3])}, nil
}

func lineRecv(_ *Ctx, _ T, b []byte) (Datum, error) {
	fs, err := recvFloats(b, 3)
	if err == nil && geoEqual(fs[0], 0) && geoEqual(fs[1], 0) {
		err = pgerr.New(pgerr.InvalidBinaryRepresentation, "invalid line specification: A and B cannot both be zero")
	}
	return Datum{S: PackFloats(fs...)}, err
}

func circleRecv(_ *Ctx, _ T, b []byte) (Datum, error) {
	fs, err := recvFloats(b, 3)
	if err == nil && fs[2] < 0 {
		err = pgerr.New(pgerr.InvalidBinaryRepresentation, `invalid radius in external "circle" value`)
	}
	return Datum{S: PackFloats(fs...)}, err
}

// recvPoints reads a number of points and the points.
func recvPoints(b []byte, name string) ([]float64, error) {
	if len(b) < 4 {
		return nil, errInsufficientData
	}
	n := int32(binary.BigEndian.Uint32(b))
	if n <= 0 || n >= math.MaxInt32/16 {
		return nil, pgerr.Newf(pgerr.InvalidBinaryRepresentation, `invalid number of points in external "%s" value`, name)
	}
	return recvFloats(b[4:], 2*int(n))
}

func polygonRecv(_ *Ctx, _ T, b []byte) (Datum, error) {
	fs, err := recvPoints(b, "polygon")
	return Datum{S: PackFloats(fs...)}, err
}

func pathRecv(_ *Ctx, _ T, b []byte) (Datum, error) {
	if len(b) == 0 {
		return Datum{}, errNoData
	}
	fs, err := recvPoints(b[1:], "path")
	return Datum{S: PackPath(b[0] != 0, fs...)}, err
}
