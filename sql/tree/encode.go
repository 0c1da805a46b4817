package tree

import (
	"encoding/binary"
	"math"
	"reflect"
	"slices"

	"kimberlite/sql/pgerr"
)

// The stored form of a tree:
//
//	version (1 byte) | value
//
//	bool, ints      zigzag varint
//	float           8 bytes, little endian
//	string, []byte  length, bytes
//	slice           length + 1 (0: nil), elements
//	map             length, then keys and values ascending by key
//	pointer, interface   node tag (0: nil), then the struct
//	struct          n, presence bitmap of n bits (field number of fieldNames), then the fields present
//
// A field that holds its zero value is absent, so trees are small and a new field can be added at the end of a list without
// a new version: old trees read it as zero. Locations are not stored and read as -1. The same tree always gives the same bytes.
const encodeVersion = 1

// Encode returns the stored form of an expression. It never fails: every node can be stored.
func Encode(e Expr) []byte {
	b := encoder{buf: []byte{encodeVersion}}
	b.value(reflect.ValueOf(&e).Elem())
	return b.buf
}

// Decode reads what Encode wrote. Malformed bytes, and those of a newer release with fields unknown here, give XX001.
func Decode(b []byte) (Expr, error) {
	var e Expr
	if err := decode(b, reflect.ValueOf(&e).Elem()); err != nil {
		return nil, err
	}
	return e, nil
}

// EncodeQuery returns the stored form of a query.
func EncodeQuery(q *Query) []byte {
	b := encoder{buf: []byte{encodeVersion}}
	b.value(reflect.ValueOf(&q).Elem())
	return b.buf
}

// DecodeQuery reads what EncodeQuery wrote; errors as of Decode.
func DecodeQuery(b []byte) (*Query, error) {
	var q *Query
	if err := decode(b, reflect.ValueOf(&q).Elem()); err != nil {
		return nil, err
	}
	return q, nil
}

// nodeInfo is what the codec knows of a struct type: the struct field index by wire field number.
type nodeInfo struct {
	typ    reflect.Type
	tag    uint64
	fields []int
	loc    int // index of the location field, -1
}

var (
	infoByType = map[reflect.Type]*nodeInfo{}
	infoByTag  []*nodeInfo
)

func init() {
	infoByTag = make([]*nodeInfo, len(nodeTypes)+1)
	for i, n := range nodeTypes {
		info := &nodeInfo{typ: n.typ, tag: uint64(i + 1), loc: -1}
		for _, name := range n.fields {
			f, ok := n.typ.FieldByName(name)
			if !ok {
				panic("tree: " + n.typ.Name() + " has no field " + name)
			}
			info.fields = append(info.fields, f.Index[0])
		}
		for i := range n.typ.NumField() {
			if isLocation(n.typ.Field(i)) {
				info.loc = i
			}
		}
		infoByType[n.typ] = info
		infoByTag[i+1] = info
	}
}

type encoder struct{ buf []byte }

func (b *encoder) uint(n uint64) { b.buf = binary.AppendUvarint(b.buf, n) }

func (b *encoder) value(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		n := byte(0)
		if v.Bool() {
			n = 1
		}
		b.buf = append(b.buf, n)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		b.buf = binary.AppendVarint(b.buf, v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		b.uint(v.Uint())
	case reflect.Float32, reflect.Float64:
		b.buf = binary.LittleEndian.AppendUint64(b.buf, math.Float64bits(v.Float()))
	case reflect.String:
		b.uint(uint64(v.Len()))
		b.buf = append(b.buf, v.String()...)
	case reflect.Slice:
		if v.IsNil() {
			b.uint(0)
			return
		}
		b.uint(uint64(v.Len()) + 1)
		for i := range v.Len() {
			b.value(v.Index(i))
		}
	case reflect.Map:
		b.mapping(v)
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() {
			b.uint(0)
			return
		}
		if v.Kind() == reflect.Interface {
			v = v.Elem()
		}
		info := infoByType[v.Type().Elem()]
		b.uint(info.tag)
		b.fields(v.Elem(), info)
	case reflect.Struct:
		b.fields(v, infoByType[v.Type()])
	}
}

func (b *encoder) mapping(v reflect.Value) {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(x, y reflect.Value) int { return int(x.Int() - y.Int()) })
	b.uint(uint64(len(keys)))
	for _, k := range keys {
		b.value(k)
		b.value(v.MapIndex(k))
	}
}

func (b *encoder) fields(v reflect.Value, info *nodeInfo) {
	n := 0
	for i, f := range info.fields {
		if !v.Field(f).IsZero() {
			n = i + 1
		}
	}
	b.uint(uint64(n))
	at := len(b.buf)
	b.buf = append(b.buf, make([]byte, (n+7)/8)...)
	for i, f := range info.fields[:n] {
		if x := v.Field(f); !x.IsZero() {
			b.buf[at+i/8] |= 1 << (i % 8)
			b.value(x)
		}
	}
}

// depthMax bounds the nesting of a decoded tree, so that malformed bytes cannot exhaust the stack; the grammar's own limit is lower.
const depthMax = 20000

type decoder struct {
	buf   []byte
	depth int
	bad   bool
}

func decode(b []byte, into reflect.Value) error {
	if len(b) == 0 || b[0] != encodeVersion {
		return errStored
	}
	d := decoder{buf: b[1:]}
	d.value(into)
	if d.bad || len(d.buf) != 0 {
		return errStored
	}
	return nil
}

var errStored = pgerr.New(pgerr.DataCorrupted, "malformed stored expression")

func (d *decoder) uint() uint64 {
	n, k := binary.Uvarint(d.buf)
	if k <= 0 {
		d.fail()
		return 0
	}
	d.buf = d.buf[k:]
	return n
}

func (d *decoder) fail() { d.bad, d.buf = true, nil }

// length reads a count of things that take at least a byte each.
func (d *decoder) length() int {
	n := d.uint()
	if n > uint64(len(d.buf)) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *decoder) value(v reflect.Value) {
	if d.bad {
		return
	}
	if d.depth++; d.depth > depthMax {
		d.fail()
		return
	}
	defer func() { d.depth-- }()
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(d.uint() != 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, k := binary.Varint(d.buf)
		if k <= 0 || v.OverflowInt(n) {
			d.fail()
			return
		}
		d.buf = d.buf[k:]
		v.SetInt(n)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n := d.uint()
		if v.OverflowUint(n) {
			d.fail()
			return
		}
		v.SetUint(n)
	case reflect.Float32, reflect.Float64:
		if len(d.buf) < 8 {
			d.fail()
			return
		}
		v.SetFloat(math.Float64frombits(binary.LittleEndian.Uint64(d.buf)))
		d.buf = d.buf[8:]
	case reflect.String:
		n := d.length()
		if !d.bad {
			v.SetString(string(d.buf[:n]))
			d.buf = d.buf[n:]
		}
	case reflect.Slice:
		n := int(min(d.uint(), math.MaxInt32)) - 1
		if n < 0 {
			return
		}
		if n > len(d.buf) { // each element takes a byte or more
			d.fail()
			return
		}
		s := reflect.MakeSlice(v.Type(), 0, min(n, 64))
		for range n {
			if d.bad {
				return
			}
			e := reflect.New(v.Type().Elem()).Elem()
			d.value(e)
			s = reflect.Append(s, e)
		}
		v.Set(s)
	case reflect.Map:
		d.mapping(v)
	case reflect.Interface, reflect.Pointer:
		d.node(v)
	case reflect.Struct:
		d.fields(v, infoByType[v.Type()])
	}
}

func (d *decoder) mapping(v reflect.Value) {
	n := d.length()
	m := reflect.MakeMap(v.Type())
	for range n {
		if d.bad {
			return
		}
		k, e := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		d.value(k)
		d.value(e)
		m.SetMapIndex(k, e)
	}
	v.Set(m)
}

func (d *decoder) node(v reflect.Value) {
	tag := d.uint()
	if tag == 0 || d.bad {
		return
	}
	if tag >= uint64(len(infoByTag)) {
		d.fail()
		return
	}
	info := infoByTag[tag]
	p := reflect.New(info.typ)
	if !p.Type().AssignableTo(v.Type()) {
		d.fail()
		return
	}
	d.fields(p.Elem(), info)
	v.Set(p)
}

func (d *decoder) fields(v reflect.Value, info *nodeInfo) {
	if info.loc >= 0 {
		v.Field(info.loc).SetInt(-1)
	}
	n := int(min(d.uint(), math.MaxInt32))
	size := (n + 7) / 8
	if n > len(info.fields) || size > len(d.buf) {
		d.fail()
		return
	}
	present := d.buf[:size]
	d.buf = d.buf[size:]
	for i := range n {
		if present[i/8]&(1<<(i%8)) != 0 {
			d.value(v.Field(info.fields[i]))
		}
	}
}
