package types

import (
	"encoding/binary"
	"strconv"
	"strings"

	"kimberlite/sql/pgerr"
)

func init() {
	register(ops{in: boolIn, out: boolOut, recv: boolRecv, send: byteSend}, OIDBool)
	register(ops{in: charIn, out: charOut, recv: charRecv, send: byteSend}, OIDChar)
	register(ops{in: oidIn, out: unsignedOut, recv: unsignedRecv, send: send4}, OIDOid)
	register(ops{in: xidIn, out: unsignedOut, recv: unsignedRecv, send: send4}, OIDXid, OIDCid)
	register(ops{in: xid8In, out: uint64Out, recv: recv8, send: send8, cmp: compareUnsigned, key: keyUnsigned, unkey: unkeyUnsigned}, OIDXid8)
	register(ops{in: lsnIn, out: lsnOut, recv: recv8, send: send8, cmp: compareUnsigned, key: keyUnsigned, unkey: unkeyUnsigned}, OIDPgLsn)
	register(ops{in: tidIn, out: tidOut, recv: tidRecv, send: textOut}, OIDTid)
	register(ops{in: regIn, out: regOut, recv: unsignedRecv, send: send4},
		OIDRegproc, OIDRegprocedure, OIDRegoper, OIDRegoperator, OIDRegclass, OIDRegtype, OIDRegconfig, OIDRegdictionary,
		OIDRegnamespace, OIDRegrole, OIDRegcollation)
	register(ops{
		in:   func(*Ctx, T, string) (Datum, error) { return Datum{}, nil },
		out:  func(_ *Ctx, _ T, _ Datum, dst []byte) []byte { return dst },
		recv: func(*Ctx, T, []byte) (Datum, error) { return Datum{}, nil },
		send: func(_ *Ctx, _ T, _ Datum, dst []byte) []byte { return dst },
	}, OIDVoid)
	register(ops{in: xmlIn, out: textOut, send: textOut}, OIDXml)
	register(ops{in: snapshotIn, out: textOut}, OIDPgSnapshot, OIDTxidSnapshot)
}

func boolIn(_ *Ctx, _ T, s string) (Datum, error) {
	b, ok := ParseBool(s)
	if !ok {
		return Datum{}, invalidSyntax("boolean", s)
	}
	return Bool(b), nil
}

// ParseBool reads what boolean's input accepts: true, yes, on, 1 and false, no, off, 0, in any case, cut short where it stays
// unambiguous, with blanks around.
func ParseBool(s string) (value, ok bool) {
	s = trimSpace(s)
	is := func(word string, least int) bool {
		return len(s) >= least && len(s) <= len(word) && strings.EqualFold(s, word[:len(s)])
	}
	switch {
	case s == "":
		return false, false
	case is("true", 1), is("yes", 1), is("on", 2), s == "1":
		return true, true
	case is("false", 1), is("no", 1), is("off", 2), s == "0":
		return false, true
	}
	return false, false
}

// trimSpace removes the ASCII blanks that C's isspace knows.
func trimSpace(s string) string {
	for len(s) > 0 && isSpace(s[0]) {
		s = s[1:]
	}
	for len(s) > 0 && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

func boolOut(_ *Ctx, _ T, d Datum, dst []byte) []byte {
	if d.I != 0 {
		return append(dst, 't')
	}
	return append(dst, 'f')
}

func boolRecv(_ *Ctx, _ T, b []byte) (Datum, error) {
	if err := exactly(b, 1); err != nil {
		return Datum{}, err
	}
	return Bool(b[0] != 0), nil
}

func byteSend(_ *Ctx, _ T, d Datum, dst []byte) []byte { return append(dst, byte(d.I)) }

// charIn takes the first byte; a backslash and three octal digits stand for any byte, as charOut writes those beyond ASCII.
func charIn(_ *Ctx, _ T, s string) (Datum, error) {
	if len(s) == 0 {
		return Datum{}, nil
	}
	if len(s) == 4 && s[0] == '\\' && s[1]-'0' < 8 && s[2]-'0' < 8 && s[3]-'0' < 8 {
		return Datum{I: int64(byte(s[1]-'0')<<6 | (s[2]-'0')<<3 | (s[3] - '0'))}, nil
	}
	return Datum{I: int64(s[0])}, nil
}

func charOut(_ *Ctx, _ T, d Datum, dst []byte) []byte {
	switch c := byte(d.I); {
	case c == 0:
		return dst
	case c >= 0x80:
		return append(dst, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
	default:
		return append(dst, c)
	}
}

func charRecv(_ *Ctx, _ T, b []byte) (Datum, error) {
	if err := exactly(b, 1); err != nil {
		return Datum{}, err
	}
	return Datum{I: int64(b[0])}, nil
}

// ParseOID reads an unsigned 32-bit number; a negative one that fits 32 bits wraps around, as in PostgreSQL.
func ParseOID(s string) (OID, error) {
	t := trimSpace(s)
	neg := strings.HasPrefix(t, "-")
	body := t
	if neg || strings.HasPrefix(t, "+") {
		body = t[1:]
	}
	if body == "" {
		return 0, invalidSyntax("oid", s)
	}
	for i := 0; i < len(body); i++ {
		if body[i]-'0' > 9 {
			return 0, invalidSyntax("oid", s)
		}
	}
	n, err := strconv.ParseUint(body, 10, 64)
	if err != nil || !neg && n > 1<<32-1 || neg && n > 1<<31 {
		return 0, pgerr.New(pgerr.NumericValueOutOfRange, `value "`+s+`" is out of range for type oid`)
	}
	if neg {
		n = -n
	}
	return OID(n), nil
}

func oidIn(_ *Ctx, _ T, s string) (Datum, error) {
	o, err := ParseOID(s)
	return Datum{I: int64(o)}, err
}

func unsignedOut(_ *Ctx, _ T, d Datum, dst []byte) []byte {
	return strconv.AppendUint(dst, uint64(uint32(d.I)), 10)
}
func uint64Out(_ *Ctx, _ T, d Datum, dst []byte) []byte {
	return strconv.AppendUint(dst, uint64(d.I), 10)
}
func unsignedRecv(_ *Ctx, _ T, b []byte) (Datum, error) { return recvUnsigned(b) }
func recv8(_ *Ctx, _ T, b []byte) (Datum, error)        { return recvSigned(b, 8) }
func send4(_ *Ctx, _ T, d Datum, dst []byte) []byte     { return appendBE(dst, uint64(d.I), 4) }
func send8(_ *Ctx, _ T, d Datum, dst []byte) []byte     { return appendBE(dst, uint64(d.I), 8) }

// cUnsigned reads a number as C's strtoul does with base 0: blanks, a sign, 0x or 0 for hexadecimal and octal; it stops where
// the number does and calls nothing an error.
func cUnsigned(s string) uint64 {
	for len(s) > 0 && isSpace(s[0]) {
		s = s[1:]
	}
	neg := strings.HasPrefix(s, "-")
	if neg || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	base := uint64(10)
	if len(s) > 2 && s[0] == '0' && s[1]|0x20 == 'x' {
		base, s = 16, s[2:]
	} else if strings.HasPrefix(s, "0") {
		base = 8
	}
	var n uint64
	for i := 0; i < len(s); i++ {
		d, ok := hexValue(s[i])
		if !ok || uint64(d) >= base {
			break
		}
		if n > (1<<64-1-uint64(d))/base {
			return 1<<64 - 1
		}
		n = n*base + uint64(d)
	}
	if neg {
		return -n
	}
	return n
}

func xidIn(_ *Ctx, _ T, s string) (Datum, error)  { return Datum{I: int64(uint32(cUnsigned(s)))}, nil }
func xid8In(_ *Ctx, _ T, s string) (Datum, error) { return Datum{I: int64(cUnsigned(s))}, nil }

// hexValue is the value of a hexadecimal digit.
func hexValue(c byte) (byte, bool) {
	v := hexValues[c]
	return v, v < 16
}

var hexValues = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for i, c := range []byte(hexDigits) {
		t[c] = byte(i)
		if c >= 'a' {
			t[c-'a'+'A'] = byte(i)
		}
	}
	return t
}()

func lsnIn(_ *Ctx, _ T, s string) (Datum, error) {
	hi, lo, ok := strings.Cut(s, "/")
	h, err1 := strconv.ParseUint(hi, 16, 32)
	l, err2 := strconv.ParseUint(lo, 16, 32)
	if !ok || err1 != nil || err2 != nil || len(hi) > 8 || len(lo) > 8 {
		return Datum{}, invalidSyntax("pg_lsn", s)
	}
	return Datum{I: int64(h<<32 | l)}, nil
}

func lsnOut(_ *Ctx, _ T, d Datum, dst []byte) []byte {
	n := len(dst)
	dst = strconv.AppendUint(dst, uint64(d.I)>>32, 16)
	dst = append(dst, '/')
	dst = strconv.AppendUint(dst, uint64(d.I)&0xffffffff, 16)
	for i := n; i < len(dst); i++ {
		if dst[i] >= 'a' {
			dst[i] -= 'a' - 'A'
		}
	}
	return dst
}

// MakeTid packs a tid: block, then offset, big-endian, so that bytes order as tids do.
func MakeTid(block uint32, offset uint16) string {
	var b [6]byte
	binary.BigEndian.PutUint32(b[:], block)
	binary.BigEndian.PutUint16(b[4:], offset)
	return string(b[:])
}

// UnpackTid is the inverse of MakeTid.
func UnpackTid(s string) (block uint32, offset uint16) {
	var b [6]byte
	copy(b[:], s)
	return binary.BigEndian.Uint32(b[:]), binary.BigEndian.Uint16(b[4:])
}

// tidIn takes what is between the first parenthesis, comma and closing parenthesis, and looks at nothing else, as PostgreSQL does.
func tidIn(_ *Ctx, _ T, s string) (Datum, error) {
	open := strings.IndexByte(s, '(')
	end := strings.IndexByte(s, ')')
	if open < 0 || end < open {
		return Datum{}, invalidSyntax("tid", s)
	}
	block, offset, ok := strings.Cut(s[open+1:end], ",")
	b, err1 := strconv.ParseInt(strings.TrimLeft(block, " \t\n\v\f\r"), 10, 64)
	o, err2 := strconv.ParseUint(strings.TrimLeft(offset, " \t\n\v\f\r"), 10, 16)
	if !ok || err1 != nil || err2 != nil || b > 1<<32-1 || b < -1<<31 {
		return Datum{}, invalidSyntax("tid", s)
	}
	return Datum{S: MakeTid(uint32(b), uint16(o))}, nil
}

func tidOut(_ *Ctx, _ T, d Datum, dst []byte) []byte {
	b, o := UnpackTid(d.S)
	dst = strconv.AppendUint(append(dst, '('), uint64(b), 10)
	dst = strconv.AppendUint(append(dst, ','), uint64(o), 10)
	return append(dst, ')')
}

func tidRecv(_ *Ctx, _ T, b []byte) (Datum, error) {
	if err := exactly(b, 6); err != nil {
		return Datum{}, err
	}
	return Datum{S: string(b)}, nil
}

// regIn reads a name through ctx.Reg; numbers and - (0; an operator's name in the regoper types) need no catalog.
func regIn(ctx *Ctx, t T, s string) (Datum, error) {
	oper := t.OID == OIDRegoper || t.OID == OIDRegoperator
	if s == "-" && !oper || s == "0" {
		return Datum{}, nil
	}
	if s != "" && strings.Trim(s, "0123456789") == "" {
		return oidIn(ctx, t, s)
	}
	if ctx.Reg == nil {
		return Datum{}, invalidSyntax("oid", s)
	}
	o, err := ctx.Reg.RegIn(t.OID, s)
	return Datum{I: int64(o)}, err
}

func regOut(ctx *Ctx, t T, d Datum, dst []byte) []byte {
	switch {
	case d.I == 0 && (t.OID == OIDRegoper || t.OID == OIDRegoperator):
		return append(dst, '0')
	case d.I == 0:
		return append(dst, '-')
	case ctx.Reg == nil && t.OID == OIDRegtype && Lookup(ctx, OID(d.I)) != nil:
		return append(dst, FormatTypeName(ctx, OID(d.I))...)
	case ctx.Reg == nil:
		return unsignedOut(ctx, t, d, dst)
	}
	return append(dst, ctx.Reg.RegOut(t.OID, OID(d.I))...)
}

// xmlIn answers as a PostgreSQL built without libxml does.
func xmlIn(*Ctx, T, string) (Datum, error) {
	return Datum{}, pgerr.New(pgerr.FeatureNotSupported, "unsupported XML feature").
		WithDetail("This functionality requires the server to be built with libxml support.")
}

// snapshotIn checks xmin:xmax:xip,xip...
func snapshotIn(_ *Ctx, t T, s string) (Datum, error) {
	bad := func() (Datum, error) {
		return Datum{}, invalidSyntax("pg_snapshot", s)
	}
	parts := strings.Split(s, ":")
	if len(parts) != 3 {
		return bad()
	}
	xmin, err1 := strconv.ParseUint(parts[0], 10, 63)
	xmax, err2 := strconv.ParseUint(parts[1], 10, 63)
	if err1 != nil || err2 != nil || xmin == 0 || xmax == 0 || xmin > xmax {
		return bad()
	}
	kept := make([]string, 0, 8)
	last := uint64(0)
	if parts[2] != "" {
		for _, p := range strings.Split(parts[2], ",") {
			x, err := strconv.ParseUint(p, 10, 63)
			if err != nil || x < xmin || x >= xmax || x < last {
				return bad()
			}
			if x != last {
				kept = append(kept, p)
			}
			last = x
		}
	}
	return Datum{S: parts[0] + ":" + parts[1] + ":" + strings.Join(kept, ",")}, nil
}
