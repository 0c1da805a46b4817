package types

import (
	"encoding/binary"
	"slices"
	"strings"

	"kimberlite/sql/pgerr"
)

// The packed form of jsonb. A value inside another has the same form as one alone, so that taking a member out copies nothing, and a
// member of an object is found by binary search.
//
//	null     [00]
//	string   [01] [bytes]
//	number   [02] [packed numeric]
//	false    [03]
//	true     [04]
//	array    [05] [n: u16] [end of each value: u16 ...] [values]
//	object   [06] [n: u16] [end of each key: u16 ...] [end of each value: u16 ...] [keys] [values]
//
// Numbers are little-endian; an end counts from the start of the keys or values. Arrays and objects that are too big for 16 bits have
// kinds 0D and 0E and 32-bit numbers. An object's keys are unique and ordered by length, then bytes. Frozen.
const (
	jbNull   = 0
	jbString = 1
	jbNumber = 2
	jbFalse  = 3
	jbTrue   = 4
	jbArray  = 5
	jbObject = 6
	jbWide   = 8 // added to jbArray or jbObject
)

func init() {
	register(ops{in: jsonbIn, out: func(_ *Ctx, _ T, d Datum, dst []byte) []byte { return Jsonb(d.S).AppendText(dst) },
		recv: jsonbRecv, send: func(_ *Ctx, _ T, d Datum, dst []byte) []byte { return Jsonb(d.S).AppendText(append(dst, 1)) },
		cmp:  func(a, b Datum) int { return CompareJsonb(Jsonb(a.S), Jsonb(b.S)) },
		hash: func(d Datum) uint64 { return Jsonb(d.S).hash() }, key: jsonbKey, lossy: true}, OIDJsonb)
}

// Jsonb is a jsonb value in its packed form: a jsonb Datum's S, or a member inside one.
type Jsonb string

// The values that need no building.
const (
	JsonbNull        = Jsonb("\x00")
	JsonbFalse       = Jsonb("\x03")
	JsonbTrue        = Jsonb("\x04")
	JsonbEmptyArray  = Jsonb("\x05\x00\x00")
	JsonbEmptyObject = Jsonb("\x06\x00\x00")
)

// JsonbOfBool returns true or false.
func JsonbOfBool(b bool) Jsonb {
	if b {
		return JsonbTrue
	}
	return JsonbFalse
}

// JsonbOfString returns a JSON string.
func JsonbOfString(s string) Jsonb { return Jsonb("\x01" + s) }

// JsonbOfNumeric returns a JSON number of a packed numeric, which must be finite.
func JsonbOfNumeric(packed string) Jsonb { return Jsonb("\x02" + packed) }

// JsonbOfInt returns a JSON number.
func JsonbOfInt(v int64) Jsonb { return JsonbOfNumeric(MakeNumeric(v, 0)) }

// Kind returns what the value is.
func (j Jsonb) Kind() JSONKind {
	if j == "" {
		return JSONNull
	}
	switch j[0] &^ jbWide {
	case jbString:
		return JSONString
	case jbNumber:
		return JSONNumber
	case jbFalse, jbTrue:
		return JSONBoolean
	case jbArray:
		return JSONArray
	case jbObject:
		return JSONObject
	}
	return JSONNull
}

// IsScalar reports whether the value is neither an array nor an object.
func (j Jsonb) IsScalar() bool { return j == "" || j[0]&^jbWide < jbArray }

// IsArray reports whether the value is an array.
func (j Jsonb) IsArray() bool { return j != "" && j[0]&^jbWide == jbArray }

// IsObject reports whether the value is an object.
func (j Jsonb) IsObject() bool { return j != "" && j[0]&^jbWide == jbObject }

// Str returns the value of a JSON string.
func (j Jsonb) Str() string { return string(j[1:]) }

// Numeric returns the packed numeric of a JSON number.
func (j Jsonb) Numeric() string { return string(j[1:]) }

// Bool returns the value of a JSON boolean.
func (j Jsonb) Bool() bool { return j != "" && j[0] == jbTrue }

// width returns the size of the numbers in an array's or object's header.
func (j Jsonb) width() int {
	if j[0]&jbWide != 0 {
		return 4
	}
	return 2
}

// num reads number i of the header: 0 is n, the ends follow.
func (j Jsonb) num(i int) int {
	if j[0]&jbWide == 0 {
		p := 1 + 2*i
		return int(j[p]) | int(j[p+1])<<8
	}
	p := 1 + 4*i
	return int(j[p]) | int(j[p+1])<<8 | int(j[p+2])<<16 | int(j[p+3])<<24
}

// Len returns the number of members of an array or object, 0 for a scalar.
func (j Jsonb) Len() int {
	if j.IsScalar() {
		return 0
	}
	return j.num(0)
}

// Elem returns element i of an array, or the value of pair i of an object.
func (j Jsonb) Elem(i int) Jsonb {
	n, w := j.num(0), j.width()
	first, data := 1, 1+w*(1+n)
	if j[0]&^jbWide == jbObject {
		first, data = 1+n, 1+w*(1+2*n)
		if n > 0 {
			data += j.num(n)
		}
	}
	from := 0
	if i > 0 {
		from = j.num(first + i - 1)
	}
	return j[data+from : data+j.num(first+i)]
}

// Key returns key i of an object.
func (j Jsonb) Key(i int) string {
	data := 1 + j.width()*(1+2*j.num(0))
	from := 0
	if i > 0 {
		from = j.num(i)
	}
	return string(j[data+from : data+j.num(1+i)])
}

// compareKeys is the order of an object's keys.
func compareKeys(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// find returns the position of a key in an object, or where it would be.
func (j Jsonb) find(key string) (int, bool) {
	lo, hi := 0, j.num(0)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if compareKeys(j.Key(mid), key) < 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, lo < j.num(0) && j.Key(lo) == key
}

// Field is jsonb -> text: ok is false if there is no such key or the value is no object.
func (j Jsonb) Field(key string) (v Jsonb, ok bool) {
	if !j.IsObject() {
		return "", false
	}
	i, ok := j.find(key)
	if !ok {
		return "", false
	}
	return j.Elem(i), true
}

// Index is jsonb -> int: negative positions count from the end; ok is false beyond the ends or if the value is an object. A
// scalar counts as an array of one, as in PostgreSQL.
func (j Jsonb) Index(i int) (v Jsonb, ok bool) {
	if j.IsScalar() {
		return j, i == 0 || i == -1
	}
	if j.IsObject() {
		return "", false
	}
	n := j.num(0)
	if i < 0 {
		i += n
	}
	if i < 0 || i >= n {
		return "", false
	}
	return j.Elem(i), true
}

// Path is jsonb #> text[].
func (j Jsonb) Path(path []string) (v Jsonb, ok bool) {
	for _, step := range path {
		switch {
		case j.IsObject():
			j, ok = j.Field(step)
		case j.IsArray():
			i, isInt := pathIndex(step)
			if !isInt {
				return "", false
			}
			j, ok = j.Index(i)
		default:
			ok = false
		}
		if !ok {
			return "", false
		}
	}
	return j, true
}

// Text returns the value as ->> does: a string without quotes, anything else as JSON text; ok is false (NULL) for null.
func (j Jsonb) Text() (s string, ok bool) {
	switch j.Kind() {
	case JSONNull:
		return "", false
	case JSONString:
		return j.Str(), true
	}
	var buf [64]byte
	return string(j.AppendText(buf[:0])), true
}

// Keys returns the keys of an object in order.
func (j Jsonb) Keys() []string {
	if !j.IsObject() {
		return nil
	}
	keys := make([]string, j.Len())
	for i := range keys {
		keys[i] = j.Key(i)
	}
	return keys
}

// JsonbBuilder puts a jsonb value together, member by member. The zero value is ready; after Finish it is empty again.
type JsonbBuilder struct {
	buf     []byte     // the finished members, of all open containers
	open    []jbFrame  // the open containers, outermost first
	members []jbMember // the finished members of the open containers
	key     string     // of the object's next member
	scratch []byte
}

type jbFrame struct {
	object        bool
	start, member int // where its data and members start
	key           string
}

type jbMember struct {
	key        string
	start, end int
}

// BeginObject starts an object; members follow with Key before each.
func (b *JsonbBuilder) BeginObject() { b.begin(true) }

// BeginArray starts an array.
func (b *JsonbBuilder) BeginArray() { b.begin(false) }

func (b *JsonbBuilder) begin(object bool) {
	b.open = append(b.open, jbFrame{object, len(b.buf), len(b.members), b.key})
	b.key = ""
}

// Key gives the key of the next value. A key that comes twice keeps its last value.
func (b *JsonbBuilder) Key(s string) { b.key = s }

func (b *JsonbBuilder) add(start int) {
	b.members = append(b.members, jbMember{b.key, start, len(b.buf)})
}

// Value adds a value in packed form.
func (b *JsonbBuilder) Value(j Jsonb) {
	start := len(b.buf)
	b.buf = append(b.buf, j...)
	b.add(start)
}

// Null adds a null.
func (b *JsonbBuilder) Null() { b.byte(jbNull) }

// Bool adds true or false.
func (b *JsonbBuilder) Bool(v bool) {
	if v {
		b.byte(jbTrue)
	} else {
		b.byte(jbFalse)
	}
}

func (b *JsonbBuilder) byte(c byte) {
	b.buf = append(b.buf, c)
	b.add(len(b.buf) - 1)
}

// String adds a string.
func (b *JsonbBuilder) String(s string) {
	start := len(b.buf)
	b.buf = append(append(b.buf, jbString), s...)
	b.add(start)
}

// Numeric adds a number from a packed numeric, which must be finite.
func (b *JsonbBuilder) Numeric(packed string) {
	start := len(b.buf)
	b.buf = append(append(b.buf, jbNumber), packed...)
	b.add(start)
}

// Int adds a number.
func (b *JsonbBuilder) Int(v int64) {
	start := len(b.buf)
	b.buf = AppendSmallNumeric(append(b.buf, jbNumber), v, 0)
	b.add(start)
}

// EndObject ends the innermost container, an object; 54000 when it is too big.
func (b *JsonbBuilder) EndObject() error { return b.end() }

// EndArray ends the innermost container, an array; 54000 when it is too big.
func (b *JsonbBuilder) EndArray() error { return b.end() }

// Depth returns the number of open containers.
func (b *JsonbBuilder) Depth() int { return len(b.open) }

func (b *JsonbBuilder) end() error {
	f := b.open[len(b.open)-1]
	b.open = b.open[:len(b.open)-1]
	members := b.members[f.member:]
	if f.object {
		members = uniqueMembers(members)
	}
	keyBytes, valueBytes := 0, 0
	for _, m := range members {
		keyBytes += len(m.key)
		valueBytes += m.end - m.start
	}
	if err := checkJsonbSize(f.object, len(members), keyBytes+valueBytes); err != nil {
		return err
	}
	out := appendContainerHeader(b.scratch[:0], f.object, members, keyBytes, valueBytes)
	for _, m := range members {
		out = append(out, b.buf[m.start:m.end]...)
	}
	b.scratch = out
	b.buf = append(b.buf[:f.start], out...)
	b.members = b.members[:f.member]
	b.key = f.key
	b.add(f.start)
	return nil
}

func checkJsonbSize(object bool, n, size int) error {
	switch {
	case object && n > jsonbCountMax:
		return pgerr.Newf(pgerr.ProgramLimitExceeded, "number of jsonb object pairs exceeds the maximum allowed (%d)", jsonbCountMax)
	case n > jsonbCountMax:
		return pgerr.Newf(pgerr.ProgramLimitExceeded, "number of jsonb array elements exceeds the maximum allowed (%d)", jsonbCountMax)
	case object && size > jsonbSizeMax:
		return pgerr.Newf(pgerr.ProgramLimitExceeded, "total size of jsonb object elements exceeds the maximum of %d bytes", jsonbSizeMax)
	case size > jsonbSizeMax:
		return pgerr.Newf(pgerr.ProgramLimitExceeded, "total size of jsonb array elements exceeds the maximum of %d bytes", jsonbSizeMax)
	}
	return nil
}

// uniqueMembers orders an object's members by key and keeps the last of each.
func uniqueMembers(m []jbMember) []jbMember {
	sorted := true
	for i := 1; i < len(m); i++ {
		if compareKeys(m[i-1].key, m[i].key) >= 0 {
			sorted = false
			break
		}
	}
	if sorted {
		return m
	}
	slices.SortStableFunc(m, func(a, b jbMember) int { return compareKeys(a.key, b.key) })
	n := 0
	for i := range m {
		if i+1 < len(m) && m[i].key == m[i+1].key {
			continue
		}
		m[n] = m[i]
		n++
	}
	return m[:n]
}

// appendContainerHeader appends everything of an array or object but the values.
func appendContainerHeader(out []byte, object bool, members []jbMember, keyBytes, valueBytes int) []byte {
	kind := byte(jbArray)
	if object {
		kind = jbObject
	}
	wide := max(len(members), keyBytes, valueBytes) > 0xffff
	num := func(n int) {
		if wide {
			out = binary.LittleEndian.AppendUint32(out, uint32(n))
		} else {
			out = binary.LittleEndian.AppendUint16(out, uint16(n))
		}
	}
	if wide {
		kind |= jbWide
	}
	out = append(out, kind)
	num(len(members))
	end := 0
	if object {
		for _, m := range members {
			end += len(m.key)
			num(end)
		}
		end = 0
	}
	for _, m := range members {
		end += m.end - m.start
		num(end)
	}
	if object {
		for _, m := range members {
			out = append(out, m.key...)
		}
	}
	return out
}

// Finish returns the one value that was added, and empties the builder.
func (b *JsonbBuilder) Finish() Jsonb {
	j := Jsonb(b.buf)
	b.Reset()
	return j
}

// Reset empties the builder and keeps its memory.
func (b *JsonbBuilder) Reset() {
	b.buf, b.open, b.members, b.key = b.buf[:0], b.open[:0], b.members[:0], ""
}

// JsonbArray returns an array of values.
func JsonbArray(values ...Jsonb) (Jsonb, error) {
	var b JsonbBuilder
	b.BeginArray()
	for _, v := range values {
		b.Value(v)
	}
	err := b.EndArray()
	return b.Finish(), err
}

// JsonbObject returns an object of pairs; a key that comes twice keeps its last value.
func JsonbObject(keys []string, values []Jsonb) (Jsonb, error) {
	var b JsonbBuilder
	b.BeginObject()
	for i, k := range keys {
		b.Key(k)
		b.Value(values[i])
	}
	err := b.EndObject()
	return b.Finish(), err
}
