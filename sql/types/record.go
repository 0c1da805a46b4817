package types

import (
	"cmp"
	"encoding/binary"
	"strings"
	"unsafe"

	"kimberlite/sql/pgerr"
)

// The packed form of a record (a row value), which describes itself:
//
//	[1: flags, recordNames] [4: OID of the composite type, OIDRecord for an anonymous one] [2: number of fields]
//	for each field [4: type OID] [4: OID of its stand-in, see StandIn] [4: end of its value in the data; the high bit is set for NULL]
//	with recordNames: for each field [1: length] [name]
//	the data: [8] for a Fixed value, the packed form of a Bytes value
//
// Numbers are little-endian. Names are kept for anonymous records only, and only where a query gave them (row_to_json shows them).
const (
	recordNames      = 1
	recordHeaderSize = 7
	recordFieldSize  = 12
	recordNullBit    = 1 << 31
)

// Record gives access to a packed record.
type Record struct {
	Type   OID
	n      int
	fields string
	names  string // "" when the record has none
	data   string
}

// ParseRecord opens the packed form. It is cheap and keeps s.
func ParseRecord(s string) (r Record) {
	if len(s) < recordHeaderSize {
		return r
	}
	r.Type = OID(le32(s[1:]))
	r.n = int(s[5]) | int(s[6])<<8
	r.fields = s[recordHeaderSize:][:r.n*recordFieldSize]
	rest := s[recordHeaderSize+len(r.fields):]
	if s[0]&recordNames != 0 {
		size := 0
		for range r.n {
			size += 1 + int(rest[size])
		}
		r.names, rest = rest[:size], rest[size:]
	}
	r.data = rest
	return r
}

// Len returns the number of fields.
func (r *Record) Len() int { return r.n }

// FieldType returns the type OID of field i.
func (r *Record) FieldType(i int) OID { return OID(le32(r.fields[i*recordFieldSize:])) }

func (r *Record) standIn(i int) OID { return OID(le32(r.fields[i*recordFieldSize+4:])) }

// IsNull reports whether field i is NULL.
func (r *Record) IsNull(i int) bool { return le32(r.fields[i*recordFieldSize+8:])&recordNullBit != 0 }

// Field returns the value of field i.
func (r *Record) Field(i int) Datum {
	end := le32(r.fields[i*recordFieldSize+8:])
	if end&recordNullBit != 0 {
		return NullDatum
	}
	start := uint32(0)
	if i > 0 {
		start = le32(r.fields[i*recordFieldSize-4:]) &^ recordNullBit
	}
	v := r.data[start:end]
	if isFixed(r.standIn(i)) {
		return Datum{I: int64(le64(v))}
	}
	return Datum{S: v}
}

// Names returns the field names of an anonymous record that has some, else nil.
func (r *Record) Names() []string {
	if r.names == "" {
		return nil
	}
	out := make([]string, r.n)
	rest := r.names
	for i := range out {
		n := int(rest[0])
		out[i], rest = rest[1:1+n], rest[1+n:]
	}
	return out
}

// FieldNames returns the names of the fields: those of the composite type, those the record carries, or f1, f2, ...
func (r *Record) FieldNames(ctx *Ctx) []string {
	if names := r.Names(); names != nil {
		return names
	}
	out := make([]string, r.n)
	var fields []Field
	if r.Type != OIDRecord {
		if ty := Lookup(orDefault(ctx), r.Type); ty != nil {
			fields = ty.Fields
		}
	}
	for i := range out {
		if i < len(fields) {
			out[i] = fields[i].Name
		} else {
			out[i] = "f" + string(AppendText(nil, nil, Of(OIDInt4), Int(int64(i+1))))
		}
	}
	return out
}

// MakeRecord packs a record of the composite type (OIDRecord: anonymous) from its fields' types and values; names may be nil.
func MakeRecord(ctx *Ctx, typ OID, fields []OID, names []string, values []Datum) string {
	ctx = orDefault(ctx)
	size := recordHeaderSize + len(fields)*recordFieldSize
	for i := range names {
		size += 1 + len(names[i])
	}
	for i := range values {
		size += 8 + len(values[i].S)
	}
	buf := make([]byte, 0, size)
	flags := byte(0)
	if names != nil && typ == OIDRecord && len(fields) > 0 {
		flags = recordNames
	}
	buf = append(buf, flags)
	buf = binary.LittleEndian.AppendUint32(buf, uint32(typ))
	buf = binary.LittleEndian.AppendUint16(buf, uint16(len(fields)))
	end := uint32(0)
	for i, f := range fields {
		standIn := StandIn(ctx, f)
		v := &values[i]
		mark := uint32(recordNullBit)
		if !v.Null {
			mark = 0
			if isFixed(standIn) {
				end += 8
			} else {
				end += uint32(len(v.S))
			}
		}
		buf = binary.LittleEndian.AppendUint32(buf, uint32(f))
		buf = binary.LittleEndian.AppendUint32(buf, uint32(standIn))
		buf = binary.LittleEndian.AppendUint32(buf, end|mark)
	}
	if flags&recordNames != 0 {
		for _, n := range names {
			n = TruncateName(n)
			buf = append(append(buf, byte(len(n))), n...)
		}
	}
	for i := range fields {
		switch v := &values[i]; {
		case v.Null:
		case isFixed(OID(binary.LittleEndian.Uint32(buf[recordHeaderSize+i*recordFieldSize+4:]))):
			buf = binary.LittleEndian.AppendUint64(buf, uint64(v.I))
		default:
			buf = append(buf, v.S...)
		}
	}
	return unsafe.String(&buf[0], len(buf))
}

// RetypeRecord returns the record as one of another type with the same fields (an anonymous row assigned to a composite column).
func RetypeRecord(ctx *Ctx, s string, typ OID) string {
	r := ParseRecord(s)
	if r.Type == typ && r.names == "" {
		return s
	}
	fields, values := make([]OID, r.n), make([]Datum, r.n)
	for i := range fields {
		fields[i], values[i] = r.FieldType(i), r.Field(i)
	}
	var names []string
	if typ == OIDRecord {
		names = r.FieldNames(ctx)
	}
	return MakeRecord(ctx, typ, fields, names, values)
}

var recordOps = new(ops) // filled in by init: its functions lead back here

func init() {
	*recordOps = ops{
		in: recordIn, out: recordOut, recv: recordRecv, send: recordSend,
		cmp: compareRecords, hash: hashRecord, key: recordKey, lossy: true,
	}
	r := *recordOps
	r.in = func(*Ctx, T, string) (Datum, error) { return Datum{}, errAnonymousRecord }
	r.recv = func(*Ctx, T, []byte) (Datum, error) { return Datum{}, errAnonymousRecord }
	register(r, OIDRecord)
}

var errAnonymousRecord = pgerr.New(pgerr.FeatureNotSupported, "input of anonymous composite types is not implemented")

// RecordsComparable checks what PostgreSQL's record comparison does before each pair of fields: 42804 when the rows differ in a
// field's type or in their number. Compare itself goes on as far as it can.
func RecordsComparable(ctx *Ctx, a, b string, equality bool) error {
	x, y := ParseRecord(a), ParseRecord(b)
	for i := range min(x.n, y.n) {
		if err := sameFieldType(ctx, &x, &y, i); err != nil {
			return err
		}
		if err := Comparable(ctx, x.FieldType(i), equality); err != nil {
			return err
		}
	}
	return sameFieldCount(&x, &y)
}

func sameFieldType(ctx *Ctx, x, y *Record, i int) error {
	if s, t := x.FieldType(i), y.FieldType(i); s != t {
		return pgerr.Newf(pgerr.DatatypeMismatch, "cannot compare dissimilar column types %s and %s at record column %d",
			FormatTypeName(ctx, s), FormatTypeName(ctx, t), i+1)
	}
	return nil
}

func sameFieldCount(x, y *Record) error {
	if x.n != y.n {
		return pgerr.New(pgerr.DatatypeMismatch, "cannot compare record types with different numbers of columns")
	}
	return nil
}

// CompareRecordImages orders records by the bytes of their fields: *< and its kin.
func CompareRecordImages(ctx *Ctx, a, b string) (int, error) {
	x, y := ParseRecord(a), ParseRecord(b)
	for i := range min(x.n, y.n) {
		if err := sameFieldType(ctx, &x, &y, i); err != nil {
			return 0, err
		}
		p, q := x.Field(i), y.Field(i)
		switch {
		case p.Null && q.Null:
			continue
		case p.Null:
			return 1, nil
		case q.Null:
			return -1, nil
		}
		if c := cmp.Or(cmp.Compare(uint64(p.I), uint64(q.I)), strings.Compare(p.S, q.S)); c != 0 {
			return c, nil
		}
	}
	return 0, sameFieldCount(&x, &y)
}

// Types without an order; those of the second kind have equality.
var (
	withoutComparison = map[OID]bool{
		OIDJson: true, OIDXml: true, OIDPoint: true, OIDLseg: true, OIDPath: true, OIDBox: true, OIDPolygon: true, OIDLine: true, OIDCircle: true,
		OIDJsonpath: true,
	}
	withEqualityOnly = map[OID]bool{OIDXid: true, OIDCid: true, OIDAclitem: true}
)

// Comparable says, by PostgreSQL's error, whether values of a type that are parts of others can be compared.
func Comparable(ctx *Ctx, oid OID, equality bool) error {
	base := BaseType(ctx, Of(oid)).OID
	switch {
	case !withoutComparison[base] && !(withEqualityOnly[base] && !equality):
		return nil
	case equality:
		return pgerr.Newf(pgerr.UndefinedFunction, "could not identify an equality operator for type %s", FormatTypeName(ctx, oid))
	}
	return pgerr.Newf(pgerr.UndefinedFunction, "could not identify a comparison function for type %s", FormatTypeName(ctx, oid))
}

// compareRecords orders by the fields from the left, NULL above all.
func compareRecords(a, b Datum) int {
	x, y := ParseRecord(a.S), ParseRecord(b.S)
	for i := range min(x.n, y.n) {
		if c := compareElem(Comparator(nil, x.standIn(i)), x.Field(i), y.Field(i)); c != 0 {
			return c
		}
	}
	return x.n - y.n
}

func hashRecord(d Datum) uint64 {
	r := ParseRecord(d.S)
	h := uint64(0)
	for i := range r.n {
		if f := r.Field(i); f.Null {
			h = CombineHash(h, NullHash)
		} else {
			h = CombineHash(h, Hash(nil, r.standIn(i), f))
		}
	}
	return h
}

// recordKey writes the fields as key columns, NULLs last, and an end mark.
func recordKey(dst []byte, d Datum) []byte {
	r := ParseRecord(d.S)
	for i := range r.n {
		dst = KeyOpsFor(r.standIn(i)).Append(dst, r.Field(i), false, false)
	}
	return append(dst, keyNullFirst)
}

func recordOut(ctx *Ctx, _ T, d Datum, dst []byte) []byte {
	r := ParseRecord(d.S)
	dst = append(dst, '(')
	for i := range r.n {
		if i > 0 {
			dst = append(dst, ',')
		}
		if f := r.Field(i); !f.Null {
			start := len(dst)
			dst = AppendText(dst, ctx, Of(r.FieldType(i)), f)
			dst = quoteField(dst, start)
		}
	}
	return append(dst, ')')
}

// quoteField puts quotes around the field dst[start:] if record_out would; quotes and backslashes in it are doubled.
func quoteField(dst []byte, start int) []byte {
	need := len(dst) == start
	extra := 2
	for _, c := range dst[start:] {
		switch {
		case c == '"' || c == '\\':
			need = true
			extra++
		case c == '(' || c == ')' || c == ',' || isSpace(c):
			need = true
		}
	}
	if !need {
		return dst
	}
	return quoteInPlace(dst, start, extra, '"', '\\')
}

func recordIn(ctx *Ctx, t T, s string) (Datum, error) {
	ty := Lookup(ctx, t.OID)
	if ty == nil {
		return Datum{}, unknownType(t.OID)
	}
	oids := make([]OID, len(ty.Fields))
	values := make([]Datum, len(ty.Fields))
	r := recordReader{text: s}
	if err := r.open(); err != nil {
		return Datum{}, err
	}
	for i, f := range ty.Fields {
		text, null, err := r.field(i > 0)
		if err != nil {
			return Datum{}, err
		}
		oids[i] = f.T.OID
		if null {
			values[i] = NullDatum
			if err := CheckNull(ctx, f.T); err != nil {
				return Datum{}, err
			}
			continue
		}
		if values[i], err = In(ctx, f.T, text); err != nil {
			return Datum{}, err
		}
	}
	if err := r.close(); err != nil {
		return Datum{}, err
	}
	return Datum{S: MakeRecord(ctx, t.OID, oids, nil, values)}, nil
}

// recordReader takes the text form of a record apart.
type recordReader struct {
	text string
	at   int
}

func (r *recordReader) malformed(detail string) error {
	return pgerr.New(pgerr.InvalidTextRepresentation, `malformed record literal: "`+r.text+`"`).WithDetail("%s", detail)
}

func (r *recordReader) peek() byte {
	if r.at < len(r.text) {
		return r.text[r.at]
	}
	return 0
}

func (r *recordReader) open() error {
	for isSpace(r.peek()) {
		r.at++
	}
	if r.peek() != '(' {
		return r.malformed("Missing left parenthesis.")
	}
	r.at++
	return nil
}

func (r *recordReader) field(needComma bool) (text string, null bool, err error) {
	if needComma {
		if r.peek() != ',' {
			return "", false, r.malformed("Too few columns.")
		}
		r.at++
	}
	if c := r.peek(); c == ',' || c == ')' {
		return "", true, nil
	}
	var b strings.Builder
	quoted := false
	for {
		if r.at >= len(r.text) {
			return "", false, r.malformed("Unexpected end of input.")
		}
		c := r.text[r.at]
		if !quoted && (c == ',' || c == ')') {
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

func (r *recordReader) close() error {
	if r.peek() != ')' {
		return r.malformed("Too many columns.")
	}
	r.at++
	for isSpace(r.peek()) {
		r.at++
	}
	if r.at < len(r.text) {
		return r.malformed("Junk after right parenthesis.")
	}
	return nil
}

func recordSend(ctx *Ctx, _ T, d Datum, dst []byte) []byte {
	r := ParseRecord(d.S)
	dst = binary.BigEndian.AppendUint32(dst, uint32(r.n))
	for i := range r.n {
		dst = binary.BigEndian.AppendUint32(dst, uint32(r.FieldType(i)))
		out, err := BinaryOut(ctx, Of(r.FieldType(i)))
		if r.IsNull(i) || err != nil {
			dst = binary.BigEndian.AppendUint32(dst, 1<<32-1)
			continue
		}
		dst = appendSized(dst, out, r.Field(i))
	}
	return dst
}

func recordRecv(ctx *Ctx, t T, b []byte) (Datum, error) {
	ty := Lookup(ctx, t.OID)
	if ty == nil {
		return Datum{}, unknownType(t.OID)
	}
	r := binReader{b: b}
	n := int(r.i32())
	if r.err != nil {
		return Datum{}, r.err
	}
	if n != len(ty.Fields) {
		return Datum{}, pgerr.Newf(pgerr.DatatypeMismatch, "wrong number of columns: %d, expected %d", n, len(ty.Fields))
	}
	oids := make([]OID, n)
	values := make([]Datum, n)
	for i, f := range ty.Fields {
		have := OID(r.u32())
		size := int(r.i32())
		switch {
		case r.err != nil:
			return Datum{}, r.err
		case have != f.T.OID:
			return Datum{}, pgerr.Newf(pgerr.DatatypeMismatch, "binary data has type %d (%s) instead of expected %d (%s) in record column %d",
				have, FormatTypeName(ctx, have), f.T.OID, FormatTypeName(ctx, f.T.OID), i+1)
		case size < -1 || size > len(r.b):
			return Datum{}, errInsufficientData
		}
		oids[i] = f.T.OID
		if size == -1 {
			values[i] = NullDatum
			if err := CheckNull(ctx, f.T); err != nil {
				return Datum{}, err
			}
			continue
		}
		d, err := Recv(ctx, f.T, r.take(size))
		if err == errExtraData {
			err = pgerr.Newf(pgerr.InvalidBinaryRepresentation, "improper binary format in record column %d", i+1)
		}
		if err != nil {
			return Datum{}, err
		}
		values[i] = d
	}
	if len(r.b) > 0 {
		return Datum{}, errExtraData
	}
	return Datum{S: MakeRecord(ctx, t.OID, oids, nil, values)}, nil
}
