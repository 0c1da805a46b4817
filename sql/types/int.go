package types

import (
	"encoding/binary"
	"strconv"

	"kimberlite/sql/pgerr"
)

func init() {
	register(intOps("smallint", 16), OIDInt2)
	register(intOps("integer", 32), OIDInt4)
	register(intOps("bigint", 64), OIDInt8)
}

// intOps are the operations of a signed integer type of the width in bits.
func intOps(name string, bits uint) ops {
	return ops{
		in: func(_ *Ctx, _ T, s string) (Datum, error) {
			n, err := parseInt(s, name, bits)
			return Datum{I: n}, err
		},
		out:  func(_ *Ctx, _ T, d Datum, dst []byte) []byte { return strconv.AppendInt(dst, d.I, 10) },
		recv: func(_ *Ctx, _ T, b []byte) (Datum, error) { return recvSigned(b, int(bits/8)) },
		send: func(_ *Ctx, _ T, d Datum, dst []byte) []byte { return appendBE(dst, uint64(d.I), int(bits/8)) },
	}
}

// ParseInt2 parses the text form of a smallint.
func ParseInt2(s string) (int16, error) { n, err := parseInt(s, "smallint", 16); return int16(n), err }

// ParseInt4 parses the text form of an integer.
func ParseInt4(s string) (int32, error) { n, err := parseInt(s, "integer", 32); return int32(n), err }

// ParseInt8 parses the text form of a bigint.
func ParseInt8(s string) (int64, error) { return parseInt(s, "bigint", 64) }

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// parseInt reads blanks, a sign, decimal digits, blanks. Anything else is 22P02, too many digits 22003.
func parseInt(s, name string, bits uint) (int64, error) {
	i := 0
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	neg := false
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		neg = s[i] == '-'
		i++
	}
	start := i
	var n uint64
	overflow := false
	for i < len(s) && s[i]-'0' <= 9 {
		if n > (1<<63)/10 {
			overflow = true
		}
		n = n*10 + uint64(s[i]-'0')
		i++
	}
	digits := i > start
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	// PostgreSQL reports overflow as soon as it sees it, before it looks at what follows the digits.
	limit := uint64(1)<<(bits-1) - 1
	if neg {
		limit++
	}
	if digits && (overflow || n > limit) {
		return 0, pgerr.New(pgerr.NumericValueOutOfRange, `value "`+s+`" is out of range for type `+name)
	}
	if !digits || i < len(s) {
		return 0, invalidSyntax(name, s)
	}
	if neg {
		return -int64(n), nil
	}
	return int64(n), nil
}

// invalidSyntax is PostgreSQL's error for text that a type does not understand.
func invalidSyntax(name, s string) error {
	return pgerr.New(pgerr.InvalidTextRepresentation, "invalid input syntax for type "+name+`: "`+s+`"`)
}

// outOfRange is PostgreSQL's error for a number beyond a type.
func outOfRange(name string) error {
	return pgerr.New(pgerr.NumericValueOutOfRange, name+" out of range")
}

var (
	errInsufficientData = pgerr.New(pgerr.ProtocolViolation, "insufficient data left in message")
	errNoData           = pgerr.New(pgerr.ProtocolViolation, "no data left in message")
	errExtraData        = pgerr.New(pgerr.InvalidBinaryRepresentation, "incorrect binary data format")
)

// recvSigned reads exactly n bytes (1, 2, 4, 8) as a signed big-endian number.
func recvSigned(b []byte, n int) (Datum, error) {
	if err := exactly(b, n); err != nil {
		return Datum{}, err
	}
	switch n {
	case 2:
		return Datum{I: int64(int16(binary.BigEndian.Uint16(b)))}, nil
	case 4:
		return Datum{I: int64(int32(binary.BigEndian.Uint32(b)))}, nil
	}
	return Datum{I: int64(binary.BigEndian.Uint64(b))}, nil
}

// recvUnsigned reads exactly four bytes as an unsigned big-endian number.
func recvUnsigned(b []byte) (Datum, error) {
	if err := exactly(b, 4); err != nil {
		return Datum{}, err
	}
	return Datum{I: int64(binary.BigEndian.Uint32(b))}, nil
}

// exactly refuses a message that is not n bytes long, with PostgreSQL's errors for too few and too many.
func exactly(b []byte, n int) error {
	if len(b) < n {
		if n == 1 {
			return errNoData
		}
		return errInsufficientData
	}
	if len(b) > n {
		return errExtraData
	}
	return nil
}

// appendBE appends the low n bytes of x, big-endian.
func appendBE(dst []byte, x uint64, n int) []byte {
	switch n {
	case 2:
		return binary.BigEndian.AppendUint16(dst, uint16(x))
	case 4:
		return binary.BigEndian.AppendUint32(dst, uint32(x))
	}
	return binary.BigEndian.AppendUint64(dst, x)
}
